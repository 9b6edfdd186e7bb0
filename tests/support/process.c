/* SPDX-License-Identifier: Apache-2.0 */
/* Owns children of tests: how they start, where their chatter goes, and that none outlives its test. */
#include "tests/support/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

#define WAIT_MS 60000
#define PORT_FROM 10000
#define PORT_TO 32768

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "test: %s: %s\n", what, why);
    exit(1);
}

static void become(const char *name)
{
    const struct passwd *user = NULL;

    if (name == NULL || geteuid() != 0) {
        return;
    }
    user = getpwnam(name);
    if (user == NULL || setgroups(0, NULL) < 0 || setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0) {
        _exit(126);
    }
}

pid_t kn_test_spawn(const char *const *argv, const char *log, const char *user)
{
    const pid_t parent = getpid();
    const pid_t pid = fork();
    int fd = -1;

    if (pid != 0) {
        return pid;
    }
    become(user);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* after setuid, which clears it */
    if (getppid() != parent) {
        _exit(126);
    }
    fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execv(argv[0], (char *const *)(uintptr_t)argv); /* execv promises not to write there */
    _exit(127);
}

bool kn_test_end(pid_t pid, int signal)
{
    int status = 0;

    kill(pid, signal);
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* The first port that the kernel gives to whoever asks for none. */
static int first_ephemeral(void)
{
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
    int port = 0;

    if (file != NULL) {
        (void)!fscanf(file, "%d", &port);
        fclose(file);
    }
    return port >= 2 * PORT_FROM ? port : PORT_TO;
}

static bool is_free(int port)
{
    const struct sockaddr_in address = loopback(port);
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

int kn_test_free_port(void)
{
    static unsigned at; /* one after the other from a random one: never the same twice in a program */
    const int span = first_ephemeral() - PORT_FROM;

    if (at == 0 && getrandom(&at, sizeof(at), 0) != (ssize_t)sizeof(at)) {
        die("free port", strerror(errno));
    }
    for (int i = 0; i < span; i++) {
        const int port = PORT_FROM + (int)(++at % (unsigned)span);

        if (is_free(port)) {
            return port;
        }
    }
    die("free port", "there is none");
}

void kn_test_pause(int ms)
{
    nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

void kn_test_wait_port(int port)
{
    const struct sockaddr_in address = loopback(port);
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    while (kn_mono_ms() < deadline) {
        AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
            return;
        }
        kn_test_pause(10);
    }
    die("port", "nobody listens after a minute");
}

char *kn_test_binary(const char *name)
{
    char self[512] = "";
    char *build = NULL;

    if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 || (build = strstr(self, "/build/")) == NULL) {
        die("readlink", "the test is not in a build folder");
    }
    *build = '\0';
    return kn_asprintf("%s/build/plain/bin/%s", self, name);
}
