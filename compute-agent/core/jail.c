/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail: first a mount namespace of the host's, whose one mount is the root (so that the jail has no right to mount anything), then a user namespace, whose ids a helper
 * outside writes, then what is left of rights, and the filter of calls at last: it would forbid the rest.
 */
#include "compute-agent/core/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#if defined(__x86_64__)
#define JAIL_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define JAIL_ARCH AUDIT_ARCH_AARCH64
#else
#error "name the AUDIT_ARCH_… of this processor"
#endif

static int jail_fail(struct kn_error *err, const char *what)
{
    return kn_fail(err, KN_INTERNAL, "cannot %s: %s", what, strerror(errno));
}

/* --- the one mount --------------------------------------------------------------------------------------------------------- */

static int jail_move(const char *root, struct kn_error *err)
{
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount(root, root, NULL, MS_BIND, NULL) < 0 || chdir(root) < 0) {
        return jail_fail(err, "make mounts of its own");
    }
    /* Over itself: the old root lies on top then, and is taken away with all that is below. */
    return syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0
               ? jail_fail(err, "change its root directory")
               : 0;
}

/* --- users ----------------------------------------------------------------------------------------------------------------- */

/* In the helper: it is the host's root still, and sees its /proc. */
static bool jail_map(const char *file, pid_t of, const struct kn_agent_jail *jail)
{
    char path[64], text[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)of, file);
    const int len = snprintf(text, sizeof(text), "0 %" PRId64 " %" PRId64 "\n", jail->first_id, jail->ids);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

    return fd >= 0 && write(fd, text, (size_t)len) == len;
}

static _Noreturn void jail_help(int told, pid_t of, const struct kn_agent_jail *jail)
{
    char go;

    _exit(read(told, &go, 1) == 1 && jail_map("uid_map", of, jail) && jail_map("gid_map", of, jail) ? 0 : 1);
}

static int jail_await(pid_t helper)
{
    int status = 0;

    while (waitpid(helper, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    errno = EPERM;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* `tell` is what the helper waits at; it ends when that is closed. */
static int jail_leave_users(int tell, struct kn_error *err)
{
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0) {
        return jail_fail(err, "make users of its own");
    }
    return write(tell, "", 1) == 1 ? 0 : jail_fail(err, "tell the helper");
}

static int jail_become_root(struct kn_error *err)
{
    return setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0
               ? jail_fail(err, "become the container's root")
               : 0;
}

static int jail_move_and_leave(const struct kn_agent_jail *jail, int tell, pid_t helper, struct kn_error *err)
{
    const int left = jail_move(jail->root, err) < 0 ? -1 : jail_leave_users(tell, err);

    close(tell);
    if (jail_await(helper) < 0 && left == 0) {
        return jail_fail(err, "have the container's ids");
    }
    return left < 0 ? -1 : jail_become_root(err);
}

/* --- rights ---------------------------------------------------------------------------------------------------------------- */

/* Over files of its own users: to give them away, to set their modes then, and to write below directories that are theirs. */
static int jail_drop_rights(struct kn_error *err)
{
    static const unsigned KEPT = 1U << CAP_CHOWN | 1U << CAP_DAC_OVERRIDE | 1U << CAP_FOWNER | 1U << CAP_FSETID;
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { { .effective = KEPT, .permitted = KEPT } };

    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
        if (prctl(PR_CAPBSET_DROP, cap) < 0) {
            return jail_fail(err, "drop capabilities");
        }
    }
    return syscall(SYS_capset, &head, data) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
               ? jail_fail(err, "drop capabilities")
               : 0;
}

static int jail_limit(const struct kn_agent_jail *jail, struct kn_error *err)
{
    const struct rlimit none = { 0, 0 }, files = { (rlim_t)jail->files_most, (rlim_t)jail->files_most };

    return setrlimit(RLIMIT_NPROC, &none) < 0 || setrlimit(RLIMIT_CORE, &none) < 0 ||
                   setrlimit(RLIMIT_MEMLOCK, &none) < 0 || setrlimit(RLIMIT_NOFILE, &files) < 0
               ? jail_fail(err, "set its limits")
               : 0;
}

/* To change one's users ends what was asked for before (PR_SET_PDEATHSIG), and who died in between sends no signal. */
static int jail_die_with(pid_t parent, struct kn_error *err)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) {
        return jail_fail(err, "die with who started it");
    }
    return getppid() == parent ? 0 : kn_fail(err, KN_CANCELLED, "who started it is gone");
}

/* --- calls ----------------------------------------------------------------------------------------------------------------- */

static const int JAIL_CALLS[] = {
    SYS_read,      SYS_pread64,   SYS_write,          SYS_writev,       SYS_lseek,        SYS_openat,
    SYS_close,     SYS_fstat,     SYS_newfstatat,     SYS_mkdirat,      SYS_unlinkat,     SYS_symlinkat,
    SYS_linkat,    SYS_fchown,    SYS_fchownat,       SYS_fchmod,       SYS_utimensat,    SYS_ftruncate,
    SYS_fcntl,     SYS_mmap,      SYS_munmap,         SYS_mremap,       SYS_mprotect,     SYS_brk,
    SYS_madvise,   SYS_futex,     SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_rt_sigreturn, SYS_getrandom,
    SYS_gettid,    SYS_getpid,    SYS_tgkill,         SYS_exit,         SYS_exit_group,   SYS_clock_gettime,
    SYS_prlimit64, SYS_fadvise64, SYS_uname,          SYS_sigaltstack,  SYS_fstatfs,
};

#define JAIL_STEPS (KN_COUNT(JAIL_CALLS) + 6)

static int jail_filter(struct kn_error *err)
{
    const struct sock_filter refuse = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    struct sock_filter steps[JAIL_STEPS] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, JAIL_ARCH, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    };
    struct sock_filter *at = steps + 4;
    const struct sock_fprog program = { .len = JAIL_STEPS, .filter = steps };

    for (size_t i = 0; i < KN_COUNT(JAIL_CALLS); i++) {
        *at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)JAIL_CALLS[i],
                                             (unsigned char)(KN_COUNT(JAIL_CALLS) - i), 0);
    }
    *at++ = refuse;
    *at = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? jail_fail(err, "filter its calls") : 0;
}

int kn_agent_jail_enter(const struct kn_agent_jail *jail, struct kn_error *err)
{
    const pid_t parent = getppid(), self = getpid();
    int pipes[2];

    if (pipe2(pipes, O_CLOEXEC) < 0) {
        return jail_fail(err, "make a pipe");
    }
    const pid_t helper = fork();

    if (helper == 0) {
        close(pipes[1]);
        jail_help(pipes[0], self, jail);
    }
    close(pipes[0]);
    if (helper < 0) {
        close(pipes[1]);
        return jail_fail(err, "start a helper");
    }
    return jail_move_and_leave(jail, pipes[1], helper, err) < 0 || jail_drop_rights(err) < 0 ||
                   jail_limit(jail, err) < 0 || jail_die_with(parent, err) < 0 || jail_filter(err) < 0
               ? -1
               : 0;
}
