/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nbd back end: the disks are the file driver's, in a directory that nobody but this machine sees; what is attached is served to its host by export.h. A disk that is served is written by
 * whoever has it, so nothing here changes one, but that whose server is off for it: it is refused until it is let go. A snapshot, a copy or an image of one is refused above, by its row.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "volume/serve/driver.h"
#include "volume/serve/export.h"

#define FILES (&kn_volume_driver_file)

static int nbd_start(const struct kn_conf *conf, struct kn_error *err)
{
    struct in6_addr address;
    const char *said = conf->volume_nbd_address;

    if (inet_pton(AF_INET, said, &address) != 1 && inet_pton(AF_INET6, said, &address) != 1) {
        return kn_fail(err, KN_BAD_REQUEST, "volume.nbd_address is \"%s\", which is no address", said);
    }
    return FILES->start(conf, err);
}

static const char *nbd_format(const struct kn_conf *conf)
{
    return FILES->format(conf);
}

static int nbd_may_be(const struct kn_conf *conf, bool is_snapshot, const char *id, const char *format,
                      struct kn_error *err)
{
    return FILES->may_be(conf, is_snapshot, id, format, err);
}

static int nbd_refuse_served(const struct kn_conf *conf, const char *volume, const char *what, struct kn_error *err)
{
    return !kn_volume_export_is_there(conf, volume)
               ? 0
               : kn_fail(err, KN_CONFLICT, "volume \"%s\" is attached, and no back end of NBD can %s a disk that is",
                         volume, what);
}

static int nbd_create(const struct kn_conf *conf, const char *volume, const char *format, int64_t size_gib,
                      const struct kn_volume_origin *origin, const struct kn_volume_watch *watch, struct kn_error *err)
{
    return FILES->create(conf, volume, format, size_gib, origin, watch, err);
}

static int nbd_overwrite(const struct kn_conf *conf, const char *volume, const char *format, int64_t size_gib,
                         bool is_held, const struct kn_volume_origin *origin, const struct kn_volume_watch *watch,
                         struct kn_error *err)
{
    if ((!is_held && nbd_refuse_served(conf, volume, "overwrite", err) < 0) ||
        FILES->overwrite(conf, volume, format, size_gib, is_held, origin, watch, err) < 0) {
        return -1;
    }
    return is_held ? kn_volume_export_again(conf, volume, err) : 0;
}

static int nbd_extend(const struct kn_conf *conf, const char *volume, const char *format, int64_t size_gib,
                      const struct kn_volume_watch *watch, struct kn_error *err)
{
    return nbd_refuse_served(conf, volume, "extend", err) < 0
               ? -1
               : FILES->extend(conf, volume, format, size_gib, watch, err);
}

static int nbd_remove(const struct kn_conf *conf, const char *volume, const struct kn_volume_watch *watch,
                      struct kn_error *err)
{
    return kn_volume_export_end(conf, volume, err) < 0 ? -1 : FILES->remove(conf, volume, watch, err);
}

static int nbd_release(const struct kn_conf *conf, const char *volume, const char *format,
                       const struct kn_volume_watch *watch, struct kn_error *err)
{
    return kn_volume_export_end(conf, volume, err) < 0 ? -1 : FILES->release(conf, volume, format, watch, err);
}

static int nbd_snapshot(const struct kn_conf *conf, const char *snapshot, const char *volume,
                        const struct kn_volume_watch *watch, struct kn_error *err)
{
    return FILES->snapshot(conf, snapshot, volume, watch, err);
}

static int nbd_remove_snapshot(const struct kn_conf *conf, const char *snapshot, const struct kn_volume_watch *watch,
                               struct kn_error *err)
{
    return FILES->remove_snapshot(conf, snapshot, watch, err);
}

static int nbd_export(const struct kn_conf *conf, bool is_snapshot, const char *id, const char *format, const char *as,
                      const struct kn_volume_watch *watch, char **ret_path, struct kn_error *err)
{
    return FILES->export(conf, is_snapshot, id, format, as, watch, ret_path, err);
}

static void nbd_end_export(const struct kn_conf *conf, bool is_snapshot, const char *id)
{
    FILES->end_export(conf, is_snapshot, id);
}

static int nbd_connect(const struct kn_conf *conf, const char *volume, const struct kn_volume_user *user,
                       json_t **ret_connection, struct kn_error *err)
{
    AUTO_FREE char *name = kn_asprintf("volume-%s", volume);
    AUTO_FREE char *path = kn_asprintf("%s/%s", conf->volume_file_dir, name);
    const bool is_luks = strcmp(user->format, KN_VOLUME_LUKS) == 0;
    const struct kn_volume_export_wish wish = { .volume = volume,
                                                .format = is_luks ? "raw" : user->format, /* it leaves as it lies */
                                                .is_readonly = user->is_readonly,
                                                .server = user->server,
                                                .host = user->host };
    struct kn_volume_export_grant grant;
    int port = 0;

    if (!kn_uuid_valid(volume)) {
        return kn_fail(err, KN_BAD_REQUEST, "\"%.64s\" is no id of a volume", volume);
    }
    if (access(path, F_OK) < 0) {
        return kn_fail(err, errno == ENOENT ? KN_NOT_FOUND : KN_INTERNAL, "the disk of volume \"%s\" is not there: %s",
                       volume, strerror(errno));
    }
    if (kn_volume_export_connect(conf, &wish, &grant, &port, err) < 0) {
        return -1;
    }
    *ret_connection = kn_form_write_nbd_connection(&(struct kn_nbd_said){ conf->volume_nbd_address, port, name,
                                                                          grant.identity, grant.key },
                                                   volume);
    kn_wipe(&grant, sizeof(grant));
    if (is_luks) {
        json_object_set_new(*ret_connection, "format", json_string(KN_VOLUME_LUKS));
    }
    return 0;
}

static int nbd_disconnect(const struct kn_conf *conf, const char *volume, const char *server, const char *host,
                          struct kn_error *err)
{
    return kn_volume_export_disconnect(conf, volume, server, host, err);
}

static int64_t nbd_capacity(const struct kn_conf *conf)
{
    return FILES->capacity_gib(conf);
}

const struct kn_volume_driver kn_volume_driver_nbd = {
    .name = "nbd",
    .start = nbd_start,
    .format = nbd_format,
    .may_be = nbd_may_be,
    .create = nbd_create,
    .overwrite = nbd_overwrite,
    .extend = nbd_extend,
    .remove = nbd_remove,
    .release = nbd_release,
    .snapshot = nbd_snapshot,
    .remove_snapshot = nbd_remove_snapshot,
    .export = nbd_export,
    .end_export = nbd_end_export,
    .connect = nbd_connect,
    .disconnect = nbd_disconnect,
    .capacity_gib = nbd_capacity,
};
