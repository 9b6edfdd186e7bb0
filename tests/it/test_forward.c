/* SPDX-License-Identifier: Apache-2.0 */
/* kilonova-forward: a port of this namespace answers on the loopback of another one. Needs root for the namespace. */
#include "tests/support/process.h"
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

#define PROGRAM "build/bin/kilonova-forward"
#define LIMIT_MS 60000
#define MEBIBYTES 8

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int listen_anywhere(uint16_t *ret_port)
{
    const uint16_t port = (uint16_t)kn_test_free_port();
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 8), 0);
    *ret_port = port;
    return fd;
}

static int raise_loopback(void)
{
    struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int rc = ioctl(fd, SIOCSIFFLAGS, &request);

    close(fd);
    return rc;
}

/* In the other namespace: connects until somebody answers, sends a stream, expects its sum back. 0 = all as it should be. */
static int visit(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int64_t end_ms = kn_mono_ms() + LIMIT_MS;
    char *bytes = kn_alloc(1 << 20);
    uint64_t sum = 0;
    int fd = -1;

    while (kn_mono_ms() < end_ms) {
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
            break;
        }
        close(fd);
        fd = -1;
        poll(NULL, 0, 10);
    }
    memset(bytes, 1, 1 << 20);
    for (int i = 0; i < MEBIBYTES; i++) {
        if (send(fd, bytes, 1 << 20, MSG_NOSIGNAL) != 1 << 20) {
            return 1;
        }
    }
    shutdown(fd, SHUT_WR);
    if (recv(fd, &sum, sizeof(sum), MSG_WAITALL) != (ssize_t)sizeof(sum)) {
        return 2;
    }
    free(bytes);
    return sum == (uint64_t)MEBIBYTES << 20 ? 0 : 3;
}

/* Starts a process in a namespace of its own, which waits for a byte on a pipe and then visits. */
static pid_t start_visitor(uint16_t port, int *ret_go)
{
    int ready[2];
    int go[2];
    char byte = 0;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(go), 0);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (unshare(CLONE_NEWNET) < 0 || raise_loopback() < 0 || write(ready[1], "r", 1) != 1 ||
            read(go[0], &byte, 1) != 1) {
            _exit(10);
        }
        _exit(visit(port));
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(go[0]);
    *ret_go = go[1];
    return pid;
}

static pid_t start_forwarder(pid_t visitor, uint16_t port)
{
    AUTO_FREE char *into = kn_asprintf("/proc/%d/ns/net", (int)visitor);
    AUTO_FREE char *number = kn_asprintf("%d", port);
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(PROGRAM, PROGRAM, "--into", into, "--port", number, (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* Counts what comes until the end of the stream, and says how much it was. */
static void serve_one(int listener)
{
    int fd = accept(listener, NULL, NULL);
    char bytes[65536];
    uint64_t sum = 0;

    for (ssize_t n; (n = recv(fd, bytes, sizeof(bytes), 0)) > 0;) {
        for (ssize_t i = 0; i < n; i++) {
            sum += (uint64_t)bytes[i];
        }
    }
    assert_int_equal(send(fd, &sum, sizeof(sum), MSG_NOSIGNAL), sizeof(sum));
    close(fd);
}

static void test_port_appears_elsewhere(void **state)
{
    uint16_t port = 0;
    int listener = listen_anywhere(&port);
    pid_t forwarder;
    pid_t visitor;
    int status = -1;
    int go = -1;

    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    visitor = start_visitor(port, &go);
    forwarder = start_forwarder(visitor, port);
    assert_int_equal(write(go, "g", 1), 1);
    serve_one(listener);
    waitpid(visitor, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(waitpid(forwarder, &status, WNOHANG), 0);
    kill(forwarder, SIGTERM);
    waitpid(forwarder, &status, 0);
    close(listener);
    close(go);
}

static void test_bad_arguments(void **state)
{
    static const char *const arguments[] = {
        "--port 0", "--port 65536", "--port x", "--port", "--into", "--from x", "--into /nonexistent --port 1"
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(arguments); i++) {
        AUTO_FREE char *command = kn_asprintf(PROGRAM " %s 2>/dev/null", arguments[i]);

        assert_int_equal(WEXITSTATUS(system(command)), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_port_appears_elsewhere),
        cmocka_unit_test(test_bad_arguments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
