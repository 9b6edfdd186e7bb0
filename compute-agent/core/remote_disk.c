/* SPDX-License-Identifier: Apache-2.0 */
/* remote_disk: see the header. The key is written before the daemon starts, and goes with the directory. */
#include "compute-agent/core/remote_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/adapter/storage_daemon.h"
#include "lib/base/cleanup.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define RUN_DIR "/run/libvirt"
#define PREFIX "kn-disk-"
#define SOCKET "socket"

bool kn_agent_remote_disk_is(const json_t *connection)
{
    return strcmp(kn_json_str(connection, "driver"), "nbd") == 0;
}

static char *remote_disk_dir(const char *server, const char *volume)
{
    return kn_asprintf(RUN_DIR "/" PREFIX "%s-%s", server, volume);
}

void kn_agent_remote_disk_socket(const char *server, const char *volume, char out[KN_REMOTE_SOCKET_SIZE])
{
    snprintf(out, KN_REMOTE_SOCKET_SIZE, RUN_DIR "/" PREFIX "%.36s-%.36s/" SOCKET, server, volume);
}

static int remote_disk_fail(struct kn_error *err, const char *what, const char *path)
{
    return kn_fail(err, KN_UNAVAILABLE, "cannot %s \"%s\": %s", what, path, strerror(errno));
}

/* -1 as *ret_fd: there is none. Whoever had the lock may have taken the directory away. */
static int remote_disk_lock(const char *dir, bool makes, int *ret_fd, struct kn_error *err)
{
    for (;;) {
        struct stat mine, there;

        if (makes && mkdir(dir, 0711) < 0 && errno != EEXIST) {
            return remote_disk_fail(err, "make the directory", dir);
        }
        AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

        if (fd < 0 && errno == ENOENT) {
            if (makes) {
                continue;
            }
            *ret_fd = -1;
            return 0;
        }
        if (fd < 0) {
            return remote_disk_fail(err, "open the directory", dir);
        }
        while (flock(fd, LOCK_EX) < 0) {
            if (errno != EINTR) {
                return remote_disk_fail(err, "lock the directory", dir);
            }
        }
        if (fstat(fd, &mine) == 0 && stat(dir, &there) == 0 && mine.st_ino == there.st_ino) {
            *ret_fd = fd;
            fd = -1;
            return 0;
        }
    }
}

static int remote_disk_start(const char *dir, const char *socket, const json_t *connection, uid_t user,
                             struct kn_error *err)
{
    const char *identity = kn_json_str(connection, "identity"), *key = kn_json_str(connection, "key");
    const struct kn_storage_daemon daemon = { .dir = dir,
                                              .export = kn_json_str(connection, "export"),
                                              .is_readonly = kn_json_bool(connection, "readonly"),
                                              .server = kn_json_str(connection, "address"),
                                              .server_port = (int)kn_json_int(connection, "port"),
                                              .identity = identity,
                                              .socket = socket };

    if (!kn_storage_identity_valid(identity) || !kn_storage_key_valid(key)) {
        return kn_fail(err, KN_BAD_REQUEST, "the connection of \"%.64s\" has no key", daemon.export);
    }
    AUTO_FREE char *line = kn_asprintf("%s:%s\n", identity, key);

    if (kn_file_replace(dir, KN_STORAGE_KEYS, line, strlen(line), err) < 0) {
        return -1;
    }
    if (kn_storage_start(&daemon, err) < 0) {
        err->code = KN_UNAVAILABLE; /* it may be there in a moment */
        return -1;
    }
    if (chmod(socket, 0600) < 0 || chown(socket, user, (gid_t)-1) < 0) {
        return remote_disk_fail(err, "give away", socket);
    }
    return 0;
}

int kn_agent_remote_disk_ensure(const char *server, const char *volume, const json_t *connection, uid_t user,
                                int *ret_process, bool *ret_started, struct kn_error *err)
{
    AUTO_FREE char *dir = remote_disk_dir(server, volume);
    char socket[KN_REMOTE_SOCKET_SIZE];
    AUTO_CLOSE int lock = -1;

    kn_agent_remote_disk_socket(server, volume, socket);
    if (!kn_uuid_valid(server) || !kn_uuid_valid(volume)) {
        return kn_fail(err, KN_BAD_REQUEST, "\"%.64s\" is no id of a volume", volume);
    }
    if (remote_disk_lock(dir, true, &lock, err) < 0) {
        return -1;
    }
    AUTO_CLOSE int process = kn_storage_find(dir);
    const bool starts = process < 0;

    if (starts && remote_disk_start(dir, socket, connection, user, err) < 0) {
        return -1;
    }
    if (ret_started != NULL) {
        *ret_started = starts;
    }
    if (ret_process != NULL) {
        *ret_process = starts ? kn_storage_find(dir) : process;
        process = starts ? process : -1;
    }
    return 0;
}

int kn_agent_remote_disk_end(const char *server, const char *volume, kn_agent_remote_disk_wanted *is_wanted, void *ctx,
                             struct kn_error *err)
{
    static const char *const FILES[] = { SOCKET, KN_STORAGE_KEYS, KN_STORAGE_KEYS ".new" };
    AUTO_FREE char *dir = remote_disk_dir(server, volume);
    AUTO_CLOSE int lock = -1;

    if (remote_disk_lock(dir, false, &lock, err) < 0) {
        return -1;
    }
    if (lock < 0 || (is_wanted != NULL && is_wanted(ctx, server, volume))) {
        return 0;
    }
    if (kn_storage_end(dir, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < KN_COUNT(FILES); i++) {
        unlinkat(lock, FILES[i], 0);
    }
    return rmdir(dir) == 0 || errno == ENOENT ? 0 : remote_disk_fail(err, "remove", dir);
}

/* kn-disk-<uuid>-<uuid> */
static bool remote_disk_of(const char *name, struct kn_agent_remote_disk *ret)
{
    const size_t prefix = strlen(PREFIX), uuid = KN_UUID_SIZE - 1;

    if (strncmp(name, PREFIX, prefix) != 0 || strlen(name) != prefix + 2 * uuid + 1 || name[prefix + uuid] != '-') {
        return false;
    }
    kn_copy(ret->server, sizeof(ret->server), name + prefix);
    kn_copy(ret->volume, sizeof(ret->volume), name + prefix + uuid + 1);
    return kn_uuid_valid(ret->server) && kn_uuid_valid(ret->volume);
}

int kn_agent_remote_disk_list(struct kn_agent_remote_disk **ret, size_t *ret_count, struct kn_error *err)
{
    AUTO_FREE struct kn_agent_remote_disk *disks = NULL;
    DIR *d = opendir(RUN_DIR);
    size_t count = 0;

    if (d == NULL && errno != ENOENT) {
        return remote_disk_fail(err, "read the directory", RUN_DIR);
    }
    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        struct kn_agent_remote_disk disk;

        if (remote_disk_of(e->d_name, &disk)) {
            disks = kn_realloc_array(disks, count + 1, sizeof(*disks));
            disks[count++] = disk;
        }
    }
    if (d != NULL) {
        closedir(d);
    }
    *ret = kn_steal(&disks);
    *ret_count = count;
    return 0;
}
