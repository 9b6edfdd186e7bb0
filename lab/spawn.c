/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn: the edge between the process table and the kernel: fork, namespaces, exec, and /proc. Decides nothing (life.c
 * does) and keeps nothing.
 */
#include "lab/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "lib/base/mem.h"

#define EXIT_PREPARE 126 /* what a shell says for "found, but cannot be run" */
#define EXIT_EXEC 127    /* and for "not found" */

/* In the child only: says why on its stderr, and ends. */
static _Noreturn void spawn_give_up(const struct kn_lab_proc *proc, int status, const char *what)
{
    dprintf(STDERR_FILENO, "%s: cannot %s: %s\n", proc->name, what, strerror(errno));
    _exit(status);
}

static void reset_signals(void)
{
    sigset_t none;

    for (int number = 1; number < NSIG; number++) {
        signal(number, SIG_DFL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void open_stdio(const struct kn_lab_proc *proc)
{
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int out = proc->log == NULL ? -1 : open(proc->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);

    if (in < 0 || dup2(in, STDIN_FILENO) < 0) {
        spawn_give_up(proc, EXIT_PREPARE, "open /dev/null");
    }
    if (proc->log != NULL && (out < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)) {
        spawn_give_up(proc, EXIT_PREPARE, "open its log");
    }
}

/* All files are opened first: after the mount namespace is entered, their paths may mean something else. */
static void enter_namespaces(const struct kn_lab_proc *proc)
{
    static const struct {
        const char *file;
        int type;
    } kinds[] = { { "net", CLONE_NEWNET }, { "uts", CLONE_NEWUTS }, { "mnt", CLONE_NEWNS } };
    int fds[KN_COUNT(kinds)];
    bool any = false;

    if (proc->ns == NULL) {
        return;
    }
    for (size_t i = 0; i < KN_COUNT(kinds); i++) {
        AUTO_FREE char *path = kn_asprintf("%s/%s", proc->ns, kinds[i].file);

        fds[i] = open(path, O_RDONLY | O_CLOEXEC);
        any |= fds[i] >= 0;
        if (fds[i] < 0 && errno != ENOENT) {
            spawn_give_up(proc, EXIT_PREPARE, "open its namespaces");
        }
    }
    if (!any) {
        spawn_give_up(proc, EXIT_PREPARE, "find its namespaces");
    }
    for (size_t i = 0; i < KN_COUNT(kinds); i++) {
        if (fds[i] >= 0 && setns(fds[i], kinds[i].type) < 0) {
            spawn_give_up(proc, EXIT_PREPARE, "enter its namespaces");
        }
    }
}

static _Noreturn void spawn_become(const struct kn_lab_proc *proc, const char *mark, pid_t parent)
{
    reset_signals();
    setsid();
    open_stdio(proc);
    enter_namespaces(proc);
    if (chdir(proc->cwd == NULL ? "/" : proc->cwd) < 0) {
        spawn_give_up(proc, EXIT_PREPARE, "enter its working directory");
    }
    if (prctl(PR_SET_PDEATHSIG, proc->stop_signal) < 0 || getppid() != parent) {
        spawn_give_up(proc, EXIT_PREPARE, "stay with its parent");
    }
    if (putenv(kn_strdup(mark)) != 0) {
        spawn_give_up(proc, EXIT_PREPARE, "set its environment");
    }
    execvp(proc->argv[0], proc->argv);
    spawn_give_up(proc, EXIT_EXEC, "run its program");
}

int kn_lab_spawn(const struct kn_lab_proc *proc, const char *mark, pid_t *ret_pid, struct kn_error *err)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid < 0) {
        return kn_fail(err, KN_UNAVAILABLE, "cannot fork for \"%s\": %s", proc->name, strerror(errno));
    }
    if (pid == 0) {
        spawn_become(proc, mark, parent);
    }
    *ret_pid = pid;
    return 0;
}

/* The parent of a process as /proc/PID/stat has it: after the last ')' comes " S PPID". 0 if it is gone. */
static pid_t parent_of(pid_t pid)
{
    char path[64];
    char text[512];
    AUTO_CLOSE int fd = -1;
    ssize_t n;
    const char *end;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n <= 0) {
        return 0;
    }
    text[n] = '\0';
    end = strrchr(text, ')');
    /* ") S 1234 …": a state of one letter, then the parent */
    return end != NULL && strlen(end) > 4 ? (pid_t)strtol(end + 4, NULL, 10) : 0;
}

/* Does pid descend from root? Bounded, because /proc changes while it is read. */
static bool descends(pid_t pid, pid_t root)
{
    for (int depth = 0; depth < 64 && pid > 1; depth++) {
        pid = parent_of(pid);
        if (pid == root) {
            return true;
        }
    }
    return false;
}

size_t kn_lab_descendants(pid_t root, pid_t *ret_pids, size_t max)
{
    DIR *proc = opendir("/proc");
    size_t n = 0;

    for (struct dirent *entry; proc != NULL && n < max && (entry = readdir(proc)) != NULL;) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (pid > 0 && descends(pid, root)) {
            ret_pids[n++] = pid;
        }
    }
    if (proc != NULL) {
        closedir(proc);
    }
    return n;
}
