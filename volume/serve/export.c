/* SPDX-License-Identifier: Apache-2.0 */
/* export: see the header. Whatever is decided is on the disk before it is done. */
#include "volume/serve/export.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define EXPORTS ".nbd"
#define STATE "state"
#define NAME_PREFIX "volume-"

static char *export_dir(const struct kn_conf *conf, const char *volume)
{
    return volume == NULL ? kn_asprintf("%s/" EXPORTS, conf->volume_file_dir)
                          : kn_asprintf("%s/" EXPORTS "/%s", conf->volume_file_dir, volume);
}

static int export_fail(struct kn_error *err, const char *what, const char *path)
{
    return kn_fail(err, KN_INTERNAL, "cannot %s \"%s\": %s", what, path, strerror(errno));
}

/* --- one hand at an export ---------------------------------------------------------------------------------------------------------- */

/* A volume's directory, locked. */
struct export_hold {
    const struct kn_conf *conf;
    const char *volume;
    char *dir;
    int fd; /* -1: there is none */
    struct kn_volume_export_state *state;
};

static void export_hold_release(struct export_hold *h)
{
    if (h->fd >= 0) {
        close(h->fd);
    }
    if (h->state != NULL) {
        kn_wipe(h->state, sizeof(*h->state));
    }
    free(h->state);
    free(h->dir);
}
#define AUTO_HOLD __attribute__((cleanup(export_hold_release)))

static bool export_is_named(int fd, const char *path)
{
    struct stat mine, there;

    return fstat(fd, &mine) == 0 && stat(path, &there) == 0 && mine.st_ino == there.st_ino &&
           mine.st_dev == there.st_dev;
}

/* -1 without errno's ENOENT: it cannot be locked. Whoever had it may have taken it away: then the one of its name is another. */
static int export_lock(const char *path, bool makes, int *ret_fd)
{
    for (;;) {
        if (makes && mkdir(path, 0700) < 0 && errno != EEXIST) {
            return -1;
        }
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

        if (fd < 0 && errno == ENOENT && makes) {
            continue;
        }
        if (fd < 0) {
            return -1;
        }
        while (flock(fd, LOCK_EX) < 0) {
            if (errno != EINTR) {
                return -1;
            }
        }
        if (export_is_named(fd, path)) {
            *ret_fd = fd;
            fd = -1;
            return 0;
        }
    }
}

static int export_read_state(const char *dir, struct kn_volume_export_state *ret, struct kn_error *err)
{
    AUTO_FREE char *path = kn_asprintf("%s/" STATE, dir);
    AUTO_FREE char *text = NULL;
    size_t len = 0;

    if (kn_file_read(path, KN_VOLUME_EXPORT_STATE_MAX, &text, &len, err) < 0) {
        return -1;
    }
    const int rc = kn_volume_export_state_parse(text, len, ret, err);
    kn_wipe(text, len);
    return rc;
}

/* What is not there, or was cut off before anything was decided, is an export of nobody. Where it is not made, fd -1 says that there is none. */
static int export_take(const struct kn_conf *conf, const char *volume, bool makes, struct export_hold *h,
                       struct kn_error *err)
{
    *h = (struct export_hold){
        .conf = conf, .volume = volume, .fd = -1, .state = KN_NEW(struct kn_volume_export_state)
    };
    if (!kn_uuid_valid(volume)) {
        return kn_fail(err, KN_BAD_REQUEST, "\"%.64s\" is no id of a volume", volume);
    }
    h->dir = export_dir(conf, volume);
    if (makes) {
        AUTO_FREE char *all = export_dir(conf, NULL);

        if (mkdir(all, 0700) < 0 && errno != EEXIST) {
            return export_fail(err, "make the directory", all);
        }
    }
    if (export_lock(h->dir, makes, &h->fd) < 0) {
        return errno == ENOENT && !makes ? 0 : export_fail(err, "lock the directory", h->dir);
    }
    if (export_read_state(h->dir, h->state, err) < 0) {
        if (err->code != KN_NOT_FOUND) {
            return -1;
        }
        kn_error_clear(err);
    }
    return 0;
}

/* The decision first, then what follows from it. */
static int export_keep(const struct export_hold *h, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf keys = KN_STRBUF_INIT;

    kn_volume_export_state_print(h->state, &text);
    kn_volume_export_state_keys(h->state, &keys);
    const int rc = kn_file_replace(h->dir, STATE, text.buf, text.len, err) < 0 ||
                           kn_file_replace(h->dir, KN_STORAGE_KEYS, keys.buf, keys.len, err) < 0
                       ? -1
                       : 0;
    kn_wipe(text.buf, text.len);
    kn_wipe(keys.buf, keys.len);
    return rc;
}

static bool export_keys_are_so(const struct export_hold *h)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf keys = KN_STRBUF_INIT;
    AUTO_FREE char *path = kn_asprintf("%s/" KN_STORAGE_KEYS, h->dir);
    AUTO_FREE char *text = NULL;
    struct kn_error none = { 0 };
    size_t len = 0;

    kn_volume_export_state_keys(h->state, &keys);
    const bool are_so = kn_file_read(path, KN_VOLUME_EXPORT_STATE_MAX, &text, &len, &none) == 0 && len == keys.len &&
                        memcmp(text, keys.buf, len) == 0;
    kn_wipe(keys.buf, keys.len);
    if (text != NULL) {
        kn_wipe(text, len);
    }
    return are_so;
}

/* --- ports -------------------------------------------------------------------------------------------------------------------------- */

int kn_volume_export_list(const struct kn_conf *conf, kn_volume_export_id **ret, size_t *ret_count,
                          struct kn_error *err)
{
    AUTO_FREE char *all = export_dir(conf, NULL);
    AUTO_FREE kn_volume_export_id *ids = NULL;
    DIR *d = opendir(all);
    size_t count = 0;

    if (d == NULL && errno != ENOENT) {
        return export_fail(err, "read the directory", all);
    }
    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        if (kn_uuid_valid(e->d_name)) {
            ids = kn_realloc_array(ids, count + 1, sizeof(*ids));
            kn_copy(ids[count++], sizeof(*ids), e->d_name);
        }
    }
    if (d != NULL) {
        closedir(d);
    }
    *ret = kn_steal(&ids);
    *ret_count = count;
    return 0;
}

/* Marks the ports that volumes have; nobody else gives any meanwhile. */
static int export_mark_ports(const struct kn_conf *conf, bool *taken, struct kn_error *err)
{
    AUTO_FREE struct kn_volume_export_state *state = KN_NEW(struct kn_volume_export_state);
    AUTO_FREE kn_volume_export_id *ids = NULL;
    size_t count = 0;

    if (kn_volume_export_list(conf, &ids, &count, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        AUTO_FREE char *dir = export_dir(conf, ids[i]);
        struct kn_error passed = { 0 };

        if (export_read_state(dir, state, &passed) == 0) {
            taken[state->port] = true;
        }
    }
    kn_wipe(state, sizeof(*state));
    return 0;
}

/* Whether nobody else on this machine listens there. */
static bool export_port_is_free(const char *address, int port)
{
    AUTO_FREE char *service = kn_asprintf("%d", port);
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                    .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    bool is_free = false;

    if (getaddrinfo(address, service, &hints, &found) == 0) {
        AUTO_CLOSE int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
        is_free = fd >= 0 && bind(fd, found->ai_addr, found->ai_addrlen) == 0;
        freeaddrinfo(found);
    }
    return is_free;
}

static int export_choose_port(struct export_hold *h, struct kn_error *err)
{
    const struct kn_conf *conf = h->conf;
    AUTO_FREE char *all = export_dir(conf, NULL);
    AUTO_FREE bool *taken = kn_alloc(UINT16_MAX + 1);
    AUTO_CLOSE int lock = -1;

    if (export_lock(all, false, &lock) < 0) {
        return export_fail(err, "lock the directory", all);
    }
    if (export_mark_ports(conf, taken, err) < 0) {
        return -1;
    }
    const int64_t end = conf->volume_nbd_port_first + conf->volume_nbd_ports;
    for (int64_t port = conf->volume_nbd_port_first; port < end && port <= UINT16_MAX; port++) {
        if (!taken[port] && export_port_is_free(conf->volume_nbd_address, (int)port)) {
            h->state->port = (int)port;
            return export_keep(h, err); /* before the lock goes: now it is taken */
        }
    }
    return kn_fail(err, KN_UNAVAILABLE, "none of the %lld ports from %lld on (volume.nbd_ports) is free",
                   (long long)conf->volume_nbd_ports, (long long)conf->volume_nbd_port_first);
}

/* --- what runs ---------------------------------------------------------------------------------------------------------------------- */

static int export_serve(const struct export_hold *h, struct kn_error *err)
{
    AUTO_FREE char *path = kn_asprintf("%s/" NAME_PREFIX "%s", h->conf->volume_file_dir, h->volume);
    AUTO_FREE char *name = kn_asprintf(NAME_PREFIX "%s", h->volume);

    return kn_storage_start(&(struct kn_storage_daemon){ .dir = h->dir,
                                                         .export = name,
                                                         .is_readonly = h->state->is_readonly,
                                                         .path = path,
                                                         .format = h->state->format,
                                                         .address = h->conf->volume_nbd_address,
                                                         .port = h->state->port },
                            err);
}

/* Nobody has it any more: neither daemon nor directory is left. */
static int export_drop(const struct export_hold *h, struct kn_error *err)
{
    static const char *const FILES[] = { KN_STORAGE_KEYS, KN_STORAGE_KEYS ".new", STATE ".new", STATE };

    if (kn_storage_end(h->dir, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < KN_COUNT(FILES); i++) {
        unlinkat(h->fd, FILES[i], 0);
    }
    return rmdir(h->dir) == 0 || errno == ENOENT ? 0 : export_fail(err, "remove", h->dir);
}

int kn_volume_export_connect(const struct kn_conf *conf, const struct kn_volume_export_wish *wish,
                             struct kn_volume_export_grant *ret_grant, int *ret_port, struct kn_error *err)
{
    AUTO_HOLD struct export_hold h;

    if (export_take(conf, wish->volume, true, &h, err) < 0) {
        return -1;
    }
    struct kn_volume_export_grant *grant = kn_volume_export_state_find(h.state, wish->server, wish->host);

    if (grant == NULL) {
        grant = kn_volume_export_state_add(h.state, wish->server, wish->host);
        if (grant == NULL) {
            return kn_fail(err, KN_CONFLICT, "volume \"%s\" has %d users, and may have no more", wish->volume,
                           KN_VOLUME_EXPORT_GRANTS);
        }
        if (h.state->count == 1) { /* the first one: it is as it is now, and so is its daemon */
            if (kn_storage_end(h.dir, err) < 0) {
                return -1;
            }
            kn_copy(h.state->format, sizeof(h.state->format), wish->format);
            h.state->is_readonly = wish->is_readonly;
        }
    }
    if ((h.state->port == 0 ? export_choose_port(&h, err) : export_keep(&h, err)) < 0 || export_serve(&h, err) < 0) {
        return -1;
    }
    *ret_grant = *grant;
    *ret_port = h.state->port;
    return 0;
}

int kn_volume_export_disconnect(const struct kn_conf *conf, const char *volume, const char *server, const char *host,
                                struct kn_error *err)
{
    AUTO_HOLD struct export_hold h;

    if (export_take(conf, volume, false, &h, err) < 0) {
        return -1;
    }
    if (h.fd < 0) {
        return 0;
    }
    if (kn_volume_export_state_drop(h.state, server, host) > 0 && export_keep(&h, err) < 0) {
        return -1;
    }
    return h.state->count > 0 ? 0 : export_drop(&h, err);
}

int kn_volume_export_end(const struct kn_conf *conf, const char *volume, struct kn_error *err)
{
    AUTO_HOLD struct export_hold h;

    return export_take(conf, volume, false, &h, err) < 0 ? -1 : h.fd < 0 ? 0 : export_drop(&h, err);
}

int kn_volume_export_again(const struct kn_conf *conf, const char *volume, struct kn_error *err)
{
    AUTO_HOLD struct export_hold h;

    if (export_take(conf, volume, false, &h, err) < 0) {
        return -1;
    }
    return h.fd < 0 ? 0 : kn_storage_end(h.dir, err) < 0 || export_serve(&h, err) < 0 ? -1 : 0;
}

bool kn_volume_export_is_there(const struct kn_conf *conf, const char *volume)
{
    AUTO_FREE char *dir = export_dir(conf, volume);

    return kn_uuid_valid(volume) && access(dir, F_OK) == 0;
}

/* Drops what nobody has. */
static int export_judge(struct export_hold *h, kn_volume_export_has *has, void *ctx, struct kn_error *err)
{
    size_t i = 0;
    bool is_had = true, changes = false;

    while (has != NULL && i < h->state->count) {
        AUTO_FREE char *server = kn_strdup(h->state->grants[i].server);

        if (has(ctx, h->volume, server, &is_had, err) < 0) {
            return -1;
        }
        if (is_had) {
            i++;
        } else {
            kn_volume_export_state_drop(h->state, server, "");
            changes = true;
        }
    }
    return changes ? export_keep(h, err) : 0;
}

int kn_volume_export_mend(const struct kn_conf *conf, const char *volume, kn_volume_export_has *has, void *ctx,
                          int *ret_process, struct kn_error *err)
{
    AUTO_HOLD struct export_hold h;

    *ret_process = -1;
    if (export_take(conf, volume, false, &h, err) < 0 || (h.fd >= 0 && export_judge(&h, has, ctx, err) < 0)) {
        return -1;
    }
    if (h.fd < 0) {
        return 0;
    }
    if (h.state->count == 0) {
        return export_drop(&h, err);
    }
    *ret_process = kn_storage_find(h.dir);
    if (*ret_process >= 0 && (has == NULL || export_keys_are_so(&h))) {
        return 0;
    }
    if (export_keep(&h, err) < 0 || export_serve(&h, err) < 0) { /* its keys may not have been written */
        kn_auto_close(ret_process);
        *ret_process = -1;
        return -1;
    }
    if (*ret_process < 0) {
        kn_log(KN_WARNING, "a volume's storage daemon was gone and is started again", "volume", volume, NULL);
        *ret_process = kn_storage_find(h.dir);
    }
    return 0;
}
