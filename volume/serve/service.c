/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kilonova-volume on the bus: makes and removes disks and says how a host reaches them, by the driver's functions. What becomes
 * of the volume's row is the conductor's; here it is only read, to keep the promise that no more is sold than there is.
 */
#include "volume/serve/service.h"

#include <string.h>

#include "lib/base/mem.h"
#include "volume/serve/driver.h"

/* The driver of a volume; one so far. */
static const struct kn_volume_driver *const DRIVER = &kn_volume_driver_file;

/* Everything sold up to this volume, in the order of selling: whoever came first is served. */
static int check_capacity(struct kn_daemon *d, const char *volume, struct kn_error *err)
{
    static const struct kn_stmt SOLD = {
        "volume_sold",
        "SELECT coalesce(sum(o.size_gib), 0), count(*) FROM volume v JOIN volume o "
        "ON (o.created_at, o.id) <= (v.created_at, v.id) AND o.status <> 'error' WHERE v.id = $1", 1
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(d->db, &SOLD, KN_ARGS(volume), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_int(rows, 0, 1) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "volume \"%s\" does not exist", volume);
    }
    const int64_t capacity_gib = DRIVER->capacity_gib(&d->conf);
    if (kn_rows_int(rows, 0, 0) > capacity_gib) {
        return kn_fail(err, KN_NO_VALID_HOST, "no back end has room for volume \"%s\": %lld of %lld GiB would be promised",
                       volume, (long long)kn_rows_int(rows, 0, 0), (long long)capacity_gib);
    }
    return 0;
}

/* *ret_result: NULL = {}. */
typedef int command(struct kn_daemon *d, const json_t *body, json_t **ret_result, struct kn_error *err);

static int create(struct kn_daemon *d, const json_t *body, json_t **ret_result, struct kn_error *err)
{
    const char *volume = kn_json_str(body, "volume");

    (void)ret_result;
    return check_capacity(d, volume, err) < 0 ? -1
                                              : DRIVER->create(&d->conf, volume, kn_json_int(body, "size_gib"), err);
}

static int delete(struct kn_daemon *d, const json_t *body, json_t **ret_result, struct kn_error *err)
{
    (void)ret_result;
    return DRIVER->remove(&d->conf, kn_json_str(body, "volume"), err);
}

static int connect(struct kn_daemon *d, const json_t *body, json_t **ret_result, struct kn_error *err)
{
    json_t *connection = NULL;

    if (DRIVER->connect(&d->conf, kn_json_str(body, "volume"), kn_json_str(body, "host"), &connection, err) < 0) {
        return -1;
    }
    *ret_result = json_pack("{s:o}", "connection", connection);
    return 0;
}

static int disconnect(struct kn_daemon *d, const json_t *body, json_t **ret_result, struct kn_error *err)
{
    (void)ret_result;
    return DRIVER->disconnect(&d->conf, kn_json_str(body, "volume"), kn_json_str(body, "server"), err);
}

static const struct {
    const char *type;
    command *run;
} COMMANDS[] = {
    { "volume.create", create },
    { "volume.delete", delete },
    { "volume.connect", connect },
    { "volume.disconnect", disconnect },
};

/* -1 only when the database is away: then the whole batch comes again. */
static int handle_one(struct kn_daemon *d, const struct kn_message *m, struct kn_error *err)
{
    json_t *result = NULL;

    for (size_t i = 0; i < KN_COUNT(COMMANDS); i++) {
        if (strcmp(COMMANDS[i].type, m->type->name) != 0) {
            continue;
        }
        if (COMMANDS[i].run(d, m->body, &result, err) == 0) {
            kn_reply_done(d, m, result);
        } else if (err->code == KN_UNAVAILABLE) {
            return -1;
        } else {
            kn_reply_failed(d, m, err, false);
        }
    }
    json_decref(result);
    return 0;
}

static int volume_handle(struct kn_daemon *d, void *state, struct kn_message **messages, int count,
                         struct kn_error *err)
{
    (void)state;
    for (int i = 0; i < count; i++) {
        if (handle_one(d, messages[i], err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int volume_start(struct kn_daemon *d, void **ret_state, struct kn_error *err)
{
    (void)ret_state;
    return DRIVER->start(&d->conf, err);
}

const struct kn_service kn_volume_service = {
    .name = "volume",
    .topic = KN_TOPIC_VOLUME,
    .obeys_tasks = true,
    .start = volume_start,
    .handle = volume_handle,
};
