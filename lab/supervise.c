/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervise: kilonova-supervise, the parent of everything that runs in a lab.
 *
 * It starts the rows of a process table in order, starts again what dies, and is a child subreaper: every orphan below it
 * (QEMU, dnsmasq) becomes its child and is reaped at once, which libvirt's destroy depends on where pid 1 is lazy. On TERM, INT or
 * `down` it ends all rows, last started first, and then everything that still descends from it, so that nothing stays
 * behind. This file owns the loop; life.c decides, roster.c carries out, control.c listens.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lab/control.h"
#include "lab/roster.h"
#include "lab/spawn.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define ORPHANS_MAX 4096
#define ORPHAN_GRACE_MS 3000

static int watch_signals(struct kn_error *err)
{
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGHUP, SIG_IGN); /* outlives the terminal that started it */
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd >= 0 ? fd : kn_fail(err, KN_INTERNAL, "cannot watch signals: %s", strerror(errno));
}

/* True if one of them asked for the end. */
static bool drain_signals(int fd)
{
    struct signalfd_siginfo info;
    bool end = false;

    while (read(fd, &info, sizeof(info)) == sizeof(info)) {
        end |= info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT;
    }
    return end;
}

static void reap(struct kn_lab_roster *roster)
{
    int status = 0;

    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        kn_lab_roster_exited(roster, pid, status, kn_mono_ms());
    }
}

/* Waits for signals and clients until `until_ms`. True if a signal asked for the end. */
static bool wait_and_serve(struct kn_lab_control *control, struct kn_lab_roster *roster, int signal_fd,
                           int64_t until_ms)
{
    struct pollfd fds[KN_CONTROL_CLIENTS + 2] = { { .fd = signal_fd, .events = POLLIN } };
    size_t n = kn_lab_control_poll_fds(control, fds + 1);
    int64_t wait_ms = until_ms - kn_mono_ms();
    bool end = false;

    if (poll(fds, n + 1, wait_ms < 0 ? 0 : wait_ms > 60000 ? 60000 : (int)wait_ms) < 0) {
        return false;
    }
    if (fds[0].revents != 0) {
        end = drain_signals(signal_fd);
        reap(roster);
    }
    kn_lab_control_serve(control, fds + 1, n, roster, kn_mono_ms());
    return end;
}

static void supervise(struct kn_lab_control *control, struct kn_lab_roster *roster, int signal_fd)
{
    while (!control->down) {
        int64_t next_ms = kn_lab_roster_tick(roster, kn_mono_ms());

        if (wait_and_serve(control, roster, signal_fd, next_ms)) {
            control->down = true;
        }
    }
    kn_log(KN_INFO, "going down", NULL);
    while (!kn_lab_roster_wind_down(roster, kn_mono_ms())) {
        wait_and_serve(control, roster, signal_fd, kn_lab_roster_tick(roster, kn_mono_ms()));
    }
}

/* Sends a signal to everything below this process and reaps for up to wait_ms. True when nothing is left. */
static bool sweep(int signal_number, int64_t wait_ms)
{
    static pid_t pids[ORPHANS_MAX];
    int64_t end_ms = kn_mono_ms() + wait_ms;
    size_t n = kn_lab_descendants(getpid(), pids, ORPHANS_MAX);

    for (size_t i = 0; i < n; i++) {
        kill(pids[i], signal_number);
    }
    while (kn_mono_ms() < end_ms) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);

        if (pid < 0 && errno == ECHILD) {
            return true;
        }
        if (pid == 0) {
            poll(NULL, 0, 10);
        }
    }
    return false;
}

static void end_orphans(void)
{
    if (sweep(SIGTERM, ORPHAN_GRACE_MS)) {
        return;
    }
    for (int tries = 0; tries < 10 && !sweep(SIGKILL, 500); tries++) {
        kn_log(KN_WARNING, "descendants do not die", NULL);
    }
}

static int supervise_read_file(const char *path, struct kn_strbuf *out, struct kn_error *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    char bytes[4096];
    ssize_t n = -1;

    while (fd >= 0 && (n = read(fd, bytes, sizeof(bytes))) > 0) {
        kn_strbuf_add(out, bytes, (size_t)n);
    }
    return n == 0 ? 0 : kn_fail(err, KN_NOT_FOUND, "cannot read \"%s\": %s", path, strerror(errno));
}

static int start_table(struct kn_lab_roster *roster, const char *path, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_lab_proctable) struct kn_lab_proctable table = { .n = 0 };

    if (path == NULL) {
        return 0;
    }
    if (supervise_read_file(path, &text, err) < 0 || kn_lab_proctable_parse(text.buf, &table, err) < 0) {
        return kn_fail_context(err, "process table \"%s\"", path);
    }
    for (size_t i = 0; i < table.n; i++) {
        struct kn_lab_member *member = NULL;

        if (kn_lab_roster_add(roster, &table.rows[i], &member, err) < 0) {
            return -1;
        }
        kn_lab_roster_event(roster, member, KN_LIFE_START, kn_mono_ms());
    }
    return 0;
}

/* One supervisor a directory: the lock is held as long as this process lives. */
static int lock_dir(const char *dir, int *ret_fd, struct kn_error *err)
{
    AUTO_FREE char *path = kn_asprintf("%s/lock", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) {
        return kn_fail(err, KN_NOT_FOUND, "cannot open \"%s\": %s", path, strerror(errno));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        close(fd);
        return kn_fail(err, KN_CONFLICT, "a supervisor runs in \"%s\" already", dir);
    }
    *ret_fd = fd;
    return 0;
}

static int supervise_run(const char *dir, const char *table, struct kn_error *err)
{
    struct kn_lab_roster *roster = KN_NEW(struct kn_lab_roster);
    struct kn_lab_control control;
    AUTO_CLOSE int lock_fd = -1;
    AUTO_CLOSE int signal_fd = -1;
    int rc;

    kn_lab_roster_init(roster, dir);
    if (lock_dir(dir, &lock_fd, err) < 0 || (signal_fd = watch_signals(err)) < 0 ||
        kn_lab_control_open(&control, dir, err) < 0) {
        kn_lab_roster_release(roster);
        free(roster);
        return -1;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    rc = start_table(roster, table, err);
    control.down = rc < 0;
    supervise(&control, roster, signal_fd);
    end_orphans();
    kn_lab_control_close(&control, dir);
    kn_lab_roster_release(roster);
    free(roster);
    return rc;
}

/* Sends a request, prints what comes after the "ok". */
static int supervise_ask(const char *dir, char *const *words, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    AUTO_CLOSE int fd = -1;
    char bytes[4096];

    if (kn_lab_control_connect(dir, &fd, err) < 0) {
        return -1;
    }
    kn_lab_control_request(&text, words);
    if (write(fd, text.buf, text.len) != (ssize_t)text.len) {
        return kn_fail(err, KN_UNAVAILABLE, "the supervisor hung up");
    }
    kn_strbuf_clear(&text);
    for (ssize_t n; (n = read(fd, bytes, sizeof(bytes))) > 0;) {
        kn_strbuf_add(&text, bytes, (size_t)n);
    }
    if (strncmp(text.buf, "error: ", 7) == 0) {
        text.buf[strcspn(text.buf, "\n")] = '\0';
        return kn_fail(err, KN_BAD_REQUEST, "%s", text.buf + 7);
    }
    if (strncmp(text.buf, "ok\n", 3) != 0 && strcmp(words[0], "down") != 0) {
        return kn_fail(err, KN_UNAVAILABLE, "the supervisor hung up");
    }
    fputs(strncmp(text.buf, "ok\n", 3) == 0 ? text.buf + 3 : text.buf, stdout);
    return 0;
}

int main(int argc, char **argv)
{
    struct kn_error err = { .code = KN_OK };
    int rc;

    if ((argc == 3 || argc == 4) && strcmp(argv[1], "run") == 0) {
        kn_log_init("supervise", KN_INFO);
        rc = supervise_run(argv[2], argv[3], &err);
    } else if (argc >= 4 && strcmp(argv[1], "ask") == 0) {
        rc = supervise_ask(argv[2], argv + 3, &err);
    } else {
        fputs("usage: kilonova-supervise run DIR [TABLE]     keeps processes running; see lab/proctable.h\n"
              "       kilonova-supervise ask DIR COMMAND…    status, add ROW, start, stop, restart, kill9 NAME, down\n",
              stderr);
        return 2;
    }
    if (rc < 0) {
        fprintf(stderr, "kilonova-supervise: %s\n", err.message);
    }
    return rc < 0 ? 1 : 0;
}
