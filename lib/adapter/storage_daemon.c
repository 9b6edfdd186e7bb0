/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storage_daemon: command line, start, finding and end. Everything that is told to QEMU is told as JSON: no path and no name can become an option. A disk that it writes is locked by
 * QEMU itself, so a second one on the same disk does not start.
 */
#include "lib/adapter/storage_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

#define PROGRAM "qemu-storage-daemon"
#define PID_FILE "pid"
#define NODE "disk" /* what is served, as the daemon calls it */
#define TLS "tls"
#define CLIENTS_MAX 64 /* who has no key holds a place as well until it is refused */
#define RECONNECT_S 600 /* what waits for a server that is gone waits so long, then it fails: the guest stops */
#define START_MS 20000
#define AGAIN_MS 100
#define ASKED_MS 5000
#define FORCED_MS 5000
#define COMPLAINT 400

bool kn_storage_identity_valid(const char *identity)
{
    const size_t len = strlen(identity);

    return len > 0 && len < 128 &&
           strspn(identity, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == len;
}

bool kn_storage_key_valid(const char *key)
{
    return strlen(key) == KN_STORAGE_KEY_SIZE - 1 && strspn(key, "0123456789abcdef") == KN_STORAGE_KEY_SIZE - 1;
}

/* --- its command line ------------------------------------------------------------------------------------------------------------- */

#define ARGV_MAX 20

struct storage_argv {
    char **words;
    size_t count;
};

static void storage_word(struct storage_argv *a, char *word)
{
    if (a->count + 1 < ARGV_MAX) {
        a->words[a->count++] = word;
    }
}

/* Steals the object. */
static void storage_option(struct storage_argv *a, const char *option, json_t *object)
{
    storage_word(a, kn_strdup(option));
    storage_word(a, json_dumps(object, JSON_COMPACT));
    json_decref(object);
}

static json_t *storage_inet(const char *host, int port)
{
    return json_pack("{s:s, s:s, s:o}", "type", "inet", "host", host, "port", json_sprintf("%d", port));
}

static void storage_credentials(const struct kn_storage_daemon *d, struct storage_argv *a)
{
    json_t *object = json_pack("{s:s, s:s, s:s, s:s}", "qom-type", "tls-creds-psk", "id", TLS, "endpoint",
                               d->path != NULL ? "server" : "client", "dir", d->dir);

    if (d->path == NULL) {
        json_object_set_new(object, "username", json_string(d->identity));
    }
    storage_option(a, "--object", object);
}

static void storage_local_disk(const struct kn_storage_daemon *d, struct storage_argv *a)
{
    json_t *readonly = json_boolean(d->is_readonly);

    storage_option(a, "--blockdev",
                   json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:b}, s:O}", "driver", "file", "node-name", "file",
                             "filename", d->path, "locking", "on", "discard", "unmap", "cache", "direct", 1,
                             "read-only", readonly));
    storage_option(a, "--blockdev",
                   json_pack("{s:s, s:s, s:s, s:s, s:O}", "driver", d->format, "node-name", NODE, "file", "file",
                             "discard", "unmap", "read-only", readonly));
}

static void storage_remote_disk(const struct kn_storage_daemon *d, struct storage_argv *a)
{
    storage_option(a, "--blockdev",
                   json_pack("{s:s, s:s, s:o, s:s, s:s, s:i, s:s, s:b}", "driver", "nbd", "node-name", NODE, "server",
                             storage_inet(d->server, d->server_port), "export", d->export, "tls-creds", TLS,
                             "reconnect-delay", RECONNECT_S, "discard", "unmap", "read-only", d->is_readonly ? 1 : 0));
}

static void storage_door(const struct kn_storage_daemon *d, struct storage_argv *a)
{
    json_t *door = json_pack("{s:i}", "max-connections", CLIENTS_MAX);

    if (d->socket != NULL) {
        json_object_set_new(door, "addr", json_pack("{s:s, s:s}", "type", "unix", "path", d->socket));
    } else {
        json_object_set_new(door, "addr", storage_inet(d->address, d->port));
        json_object_set_new(door, "tls-creds", json_string(TLS));
    }
    storage_option(a, "--nbd-server", door);
    storage_option(a, "--export",
                   json_pack("{s:s, s:s, s:s, s:s, s:b}", "type", "nbd", "id", NODE, "node-name", NODE, "name",
                             d->export, "writable", d->is_readonly ? 0 : 1));
}

char **kn_storage_argv(const struct kn_storage_daemon *daemon)
{
    struct storage_argv a = { .words = kn_alloc(ARGV_MAX * sizeof(char *)) };

    storage_word(&a, kn_strdup(PROGRAM));
    storage_credentials(daemon, &a);
    if (daemon->path != NULL) {
        storage_local_disk(daemon, &a);
    } else {
        storage_remote_disk(daemon, &a);
    }
    storage_door(daemon, &a);
    storage_word(&a, kn_strdup("--daemonize"));
    storage_word(&a, kn_strdup("--pidfile"));
    storage_word(&a, kn_asprintf("%s/" PID_FILE, daemon->dir));
    return a.words;
}

void kn_storage_argv_free(char **argv)
{
    for (char **word = argv; word != NULL && *word != NULL; word++) {
        free(*word);
    }
    free(argv);
}

/* --- its start -------------------------------------------------------------------------------------------------------------------- */

/* It inherits nothing but where it complains. */
static int storage_spawn(char *const argv[], int complaints, pid_t *ret_pid, struct kn_error *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&actions, 0, 1);
    posix_spawn_file_actions_adddup2(&actions, complaints, 2);
    const int cause = posix_spawnp(ret_pid, argv[0], &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return cause == 0 ? 0 : kn_fail(err, KN_INTERNAL, "cannot run \"" PROGRAM "\": %s", strerror(cause));
}

/* What it says until it is in the background; false when the time is over. */
static bool storage_listen(int fd, char said[COMPLAINT])
{
    const int64_t until = kn_mono_ms() + START_MS;
    size_t len = 0;
    ssize_t n = 1;

    while (n != 0) {
        char rest[COMPLAINT];
        const int64_t left = until - kn_mono_ms();

        if (left <= 0) {
            return false;
        }
        if (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, (int)left) <= 0) {
            continue;
        }
        n = len < COMPLAINT - 1 ? read(fd, said + len, COMPLAINT - 1 - len) : read(fd, rest, sizeof(rest));
        if (n < 0 && errno != EINTR) {
            break;
        }
        len += n > 0 && len < COMPLAINT - 1 ? (size_t)n : 0;
    }
    said[len] = '\0';
    said[strcspn(said, "\n")] = '\0';
    return true;
}

static int storage_run(char *const argv[], struct kn_error *err)
{
    char said[COMPLAINT] = "";
    int pipes[2], status = 0;
    pid_t pid = 0;

    if (pipe2(pipes, O_CLOEXEC) < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot make a pipe: %s", strerror(errno));
    }
    AUTO_CLOSE int heard = pipes[0];
    const int spawned = storage_spawn(argv, pipes[1], &pid, err);
    close(pipes[1]);
    if (spawned < 0) {
        return -1;
    }
    const bool in_time = storage_listen(heard, said);
    if (!in_time) {
        kill(pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!in_time) {
        return kn_fail(err, KN_TIMEOUT, "\"" PROGRAM "\" did not begin to serve in %d s", START_MS / 1000);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? 0
               : kn_fail(err, KN_INTERNAL, "\"" PROGRAM "\" does not serve: %s",
                         said[0] != '\0' ? said : "it did not say why");
}

/* One whose starter was killed may be on its way: it has the disk, and ours does not start, but it is as good. */
static bool storage_comes_up(const char *dir)
{
    for (int64_t waited = 0; waited < ASKED_MS / 2; waited += AGAIN_MS) {
        AUTO_CLOSE int alive = kn_storage_find(dir);

        if (alive >= 0) {
            return true;
        }
        nanosleep(&(struct timespec){ 0, AGAIN_MS * 1000000 }, NULL);
    }
    return false;
}

int kn_storage_start(const struct kn_storage_daemon *daemon, struct kn_error *err)
{
    AUTO_CLOSE int alive = kn_storage_find(daemon->dir);

    if (alive >= 0) {
        return 0;
    }
    if (daemon->socket != NULL) {
        unlink(daemon->socket); /* of one that was killed: nobody listens */
    }
    char **argv = kn_storage_argv(daemon);
    int rc = storage_run(argv, err);
    if (rc < 0 && storage_comes_up(daemon->dir)) {
        kn_error_clear(err);
        rc = 0;
    }
    kn_storage_argv_free(argv);
    return rc;
}

/* --- finding it ------------------------------------------------------------------------------------------------------------------- */

/* Who holds the lock of the pid file; 0: nobody. */
static pid_t storage_owner(int fd)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    return fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK && whole.l_pid > 0 ? whole.l_pid : 0;
}

int kn_storage_find(const char *dir)
{
    AUTO_FREE char *path = kn_asprintf("%s/" PID_FILE, dir);
    AUTO_CLOSE int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const pid_t owner = file >= 0 ? storage_owner(file) : 0;
    AUTO_CLOSE int process = owner > 0 ? pidfd_open(owner, 0) : -1;

    if (process < 0 || storage_owner(file) != owner) { /* it ended meanwhile, and the number may be another's */
        return -1;
    }
    const int found = process;
    process = -1;
    return found;
}

static bool storage_wait(int process, int64_t ms)
{
    return poll(&(struct pollfd){ .fd = process, .events = POLLIN }, 1, (int)ms) == 1;
}

int kn_storage_end(const char *dir, struct kn_error *err)
{
    AUTO_FREE char *path = kn_asprintf("%s/" PID_FILE, dir);
    AUTO_CLOSE int process = kn_storage_find(dir);

    if (process >= 0) {
        pidfd_send_signal(process, SIGTERM, NULL, 0);
        if (!storage_wait(process, ASKED_MS)) {
            pidfd_send_signal(process, SIGKILL, NULL, 0);
            if (!storage_wait(process, FORCED_MS)) {
                return kn_fail(err, KN_TIMEOUT, "the storage daemon of \"%s\" does not end", dir);
            }
        }
    }
    unlink(path);
    return 0;
}
