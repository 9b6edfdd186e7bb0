/* SPDX-License-Identifier: Apache-2.0 */
/* netlab.c: namespaces and processes for the tests of network/host.h. */
#include "tests/support/netlab.h"

#include "tests/support/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/support/process.h"

#define LINE 32768
#define AWAIT_MS 60000

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "netlab: %s: %s\n", what, strerror(errno));
        abort();
    }
}

static void say(int fd, const char *text)
{
    must(send(fd, text, strlen(text) + 1, MSG_NOSIGNAL) > 0, "telling");
}

static void join_machine(const struct kn_machine *machine)
{
    static const struct {
        const char *name;
        int type;
    } SPACES[] = { { "mnt", CLONE_NEWNS }, { "net", CLONE_NEWNET } };
    int fds[2];

    for (int i = 0; i < 2; i++) {
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)machine->holder, SPACES[i].name);
        fds[i] = open(path, O_RDONLY | O_CLOEXEC);
        must(fds[i] >= 0, path);
    }
    for (int i = 0; i < 2; i++) {
        must(setns(fds[i], SPACES[i].type) == 0, "joining a machine");
        close(fds[i]);
    }
}

/* --- machines ----------------------------------------------------------------------------------------------------- */

static _Noreturn void hold(int ready)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    must(unshare(CLONE_NEWNET | CLONE_NEWNS) == 0, "unshare");
    must(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private mounts");
    mkdir("/run/netns", 0755);
    must(mount("netns", "/run/netns", "tmpfs", 0, NULL) == 0, "private /run/netns");
    must(system("ip link set lo up") == 0, "lo");
    say(ready, "ready");
    for (;;) {
        pause();
    }
}

void kn_machine_start(struct kn_machine *machine)
{
    int fds[2];
    char word[16];

    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0, "socketpair");
    machine->holder = fork();
    if (machine->holder == 0) {
        hold(fds[1]);
    }
    close(fds[1]);
    must(recv(fds[0], word, sizeof(word), 0) > 0, "starting a machine");
    close(fds[0]);
}

/* Whoever lives in the mounts of this machine: what an agent left behind has no parent that would take it along. */
static void end_all_of(const struct kn_machine *machine)
{
    DIR *all = opendir("/proc");
    struct stat its, one;
    char path[300];

    must(all != NULL, "/proc");
    snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)machine->holder);
    must(stat(path, &its) == 0, path);
    for (struct dirent *entry = readdir(all); entry != NULL; entry = readdir(all)) {
        const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        snprintf(path, sizeof(path), "/proc/%s/ns/mnt", entry->d_name);
        if (pid > 0 && pid != machine->holder && stat(path, &one) == 0 && one.st_dev == its.st_dev &&
            one.st_ino == its.st_ino) {
            kill(pid, SIGKILL);
        }
    }
    closedir(all);
}

void kn_machine_stop(struct kn_machine *machine)
{
    end_all_of(machine);
    kill(machine->holder, SIGKILL);
    waitpid(machine->holder, NULL, 0);
}

void kn_machine_cable(const struct kn_machine *a, const char *ip_a, const struct kn_machine *b, const char *ip_b)
{
    struct kn_actor left, right;

    kn_actor_start(&left, a, kn_shell);
    kn_actor_start(&right, b, kn_shell);
    assert_string_equal(kn_actor_ask(&left, "ip link add ul0 type veth peer name ul0 netns %d", (int)b->holder), "0 ");
    assert_string_equal(kn_actor_ask(&left, "ip addr add %s dev ul0 && ip link set ul0 mtu 9000 up", ip_a), "0 ");
    assert_string_equal(kn_actor_ask(&right, "ip addr add %s dev ul0 && ip link set ul0 mtu 9000 up", ip_b), "0 ");
    kn_actor_kill(&left);
    kn_actor_kill(&right);
}

void kn_machine_plug(const struct kn_machine *machine, const char *device, const char *ip, const struct kn_machine *hub,
                     const char *bridge)
{
    static int cables;
    struct kn_actor end, middle;

    kn_actor_start(&end, machine, kn_shell);
    kn_actor_start(&middle, hub, kn_shell);
    kn_actor_ask(&middle, "ip link add %s type bridge mcast_snooping 0; ip link set %s mtu 9000 up", bridge, bridge);
    assert_string_equal(kn_actor_ask(&end, "ip link add %s type veth peer name c%d netns %d", device, ++cables,
                                     (int)hub->holder),
                        "0 ");
    assert_string_equal(kn_actor_ask(&middle, "ip link set c%d mtu 9000 master %s up", cables, bridge), "0 ");
    assert_string_equal(kn_actor_ask(&end, "ip link set %s mtu 9000 up", device), "0 ");
    if (ip != NULL) {
        assert_string_equal(kn_actor_ask(&end, "ip addr add %s dev %s", ip, device), "0 ");
    }
    kn_actor_kill(&end);
    kn_actor_kill(&middle);
}

/* --- actors ------------------------------------------------------------------------------------------------------- */

static _Noreturn void act(int fd, kn_actor_work *work)
{
    static char line[LINE], answer[LINE];

    while (recv(fd, line, sizeof(line), 0) > 0) {
        answer[0] = '\0';
        work(line, answer, sizeof(answer));
        say(fd, answer);
    }
    _exit(0);
}

void kn_actor_start(struct kn_actor *actor, const struct kn_machine *machine, kn_actor_work *work)
{
    int fds[2];

    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0, "socketpair");
    actor->pid = fork();
    if (actor->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        join_machine(machine);
        act(fds[1], work);
    }
    close(fds[1]);
    actor->fd = fds[0];
}

const char *kn_actor_ask(const struct kn_actor *actor, const char *format, ...)
{
    static char line[LINE], answer[LINE];
    struct pollfd ready = { .fd = actor->fd, .events = POLLIN };
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    say(actor->fd, line);
    if (poll(&ready, 1, 60000) != 1 || recv(actor->fd, answer, sizeof(answer), 0) <= 0) {
        fail_msg("no answer to: %s", line);
    }
    return answer;
}

void kn_actor_say(const struct kn_actor *actor, const char *line)
{
    say(actor->fd, line);
}

void kn_actor_kill(struct kn_actor *actor)
{
    kill(actor->pid, SIGKILL);
    waitpid(actor->pid, NULL, 0);
    close(actor->fd);
}

bool kn_actor_runs(const struct kn_actor *actor, const char *command)
{
    return kn_actor_ask(actor, "%s", command)[0] == '0';
}

void kn_actor_await(const struct kn_actor *actor, const char *command, bool works, void (*meanwhile)(void))
{
    for (const int64_t deadline = kn_mono_ms() + AWAIT_MS; kn_actor_runs(actor, command) != works;) {
        if (kn_mono_ms() > deadline) {
            fail_msg("%s: %s", works ? "does not work" : "works still", command);
        }
        if (meanwhile != NULL) {
            meanwhile();
        }
        kn_test_pause(10);
    }
}

void kn_shell(const char *line, char *answer, size_t size)
{
    char command[LINE + 16], output[LINE] = "";

    snprintf(command, sizeof(command), "{ %s ; } 2>&1", line);
    FILE *pipe = popen(command, "r");
    size_t len = pipe != NULL ? fread(output, 1, sizeof(output) - 1, pipe) : 0;

    while (len > 0 && pipe != NULL && !feof(pipe)) { /* drain what does not fit */
        char rest[256];

        if (fread(rest, 1, sizeof(rest), pipe) == 0) {
            break;
        }
    }
    int status = pipe != NULL ? pclose(pipe) : -1;

    for (size_t i = 0; i < len; i++) {
        output[i] = output[i] == '\n' ? ' ' : output[i];
    }
    output[len] = '\0';
    snprintf(answer, size, "%d %s", WIFEXITED(status) ? WEXITSTATUS(status) : -1, output);
}

/* --- guests ------------------------------------------------------------------------------------------------------- */

static int open_tap(const char *name)
{
    struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    must(fd >= 0 && ioctl(fd, TUNSETIFF, &request) == 0, name);
    return fd;
}

/* Carries frames both ways for as long as the guest lives. */
static void *pump(void *arg)
{
    const int *fds = arg;
    struct pollfd ready[2] = { { .fd = fds[0], .events = POLLIN }, { .fd = fds[1], .events = POLLIN } };
    static char frame[65536];

    for (;;) {
        poll(ready, 2, -1);
        for (int i = 0; i < 2; i++) {
            ssize_t len = (ready[i].revents & POLLIN) != 0 ? read(fds[i], frame, sizeof(frame)) : 0;

            if (len > 0 && write(fds[1 - i], frame, (size_t)len) < 0) {
                continue; /* the other end is down: the frame is lost, as on a wire */
            }
        }
    }
    return NULL;
}

static _Noreturn void be_guest(int fd, const char *tap, const char *mac)
{
    static int fds[2];
    pthread_t thread;
    char command[128];

    fds[0] = open_tap(tap);
    must(unshare(CLONE_NEWNET) == 0, "unshare");
    fds[1] = open_tap("eth0");
    snprintf(command, sizeof(command), "ip link set eth0 address %s up && ip link set lo up", mac);
    must(system(command) == 0, command);
    pthread_create(&thread, NULL, pump, fds);
    act(fd, kn_shell);
}

void kn_guest_start(struct kn_actor *guest, const struct kn_machine *machine, const char *tap, const char *mac)
{
    int fds[2];

    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0, "socketpair");
    guest->pid = fork();
    if (guest->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        join_machine(machine);
        be_guest(fds[1], tap, mac);
    }
    close(fds[1]);
    guest->fd = fds[0];
}
