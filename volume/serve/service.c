/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kilonova-volume on the bus: makes and removes disks and says how a host reaches them, by the driver's functions. What becomes
 * of the volume's row is the conductor's; here it is written only what it was promised, so that no more is than there is (promise.h). Each volume has a lane: a disk that
 * takes its time keeps nobody else's waiting.
 */
#include "volume/serve/service.h"

#include <limits.h>
#include <string.h>
#include <time.h>

#include "image/host.h"
#include "lib/adapter/crypto.h"
#include "lib/adapter/task.h"
#include "lib/adapter/work.h"
#include "lib/base/backoff.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "lib/domain/volume_qos.h"
#include "volume/serve/backup.h"
#include "volume/serve/commands.h"
#include "volume/serve/driver.h"
#include "volume/serve/formats.h"
#include "volume/serve/guard.h"
#include "volume/serve/keys.h"
#include "volume/serve/pool.h"
#include "volume/serve/promise.h"
#include "volume/serve/settings.h"
#include "volume/serve/upload.h"

#define JOBS_MAX 16384
#define JOBS_OF_ONE 4096
#define TRIES 120 /* two minutes of a database that is away */

/* The daemon's. */
struct volume_service {
    const struct kn_conf *conf;
    struct kn_works *works;
    struct kn_volume_guard *guard;
    struct kn_volume_keys *keys;
};

/* A command under way. */
struct volume_call {
    const struct kn_conf *conf;
    struct kn_volume_guard *guard;
    const struct kn_volume_keys *keys;
    const struct kn_volume_driver *driver; /* of its volume, as the row has it; one that has none yet: of new volumes */
    struct kn_work *work;
    const struct kn_message *m;
    json_t *result; /* NULL = {} */
};

static int service_promise(const struct volume_call *c, const char *id, struct kn_error *err)
{
    return kn_volume_promise(kn_work_db(c->work), id, c->driver->capacity_gib(c->conf), err);
}

/* --- what the driver asks meanwhile ------------------------------------------------------------------------------------------------ */

static int service_look(void *ctx, int64_t done, int64_t size, struct kn_error *err)
{
    const struct volume_call *c = ctx;

    return kn_work_progress(c->work, c->m->type->name, done, size, err);
}

static int service_fetch_look(void *ctx, int64_t done, int64_t size, struct kn_error *err)
{
    const struct volume_call *c = ctx;

    return kn_work_progress(c->work, "fetching the image", done, size, err);
}

/*
 * The loop has looked before the command came into its lane, which may be a while ago, and this process may not be the active one any more. The volume is
 * locked now: what was decided since, by whomever, has its turn after this, or has made it stale.
 */
static int wanted(void *ctx, struct kn_error *err)
{
    const struct volume_call *c = ctx;
    struct kn_message *const one[] = { (struct kn_message[]){ { .task = c->m->task, .attempt = c->m->attempt } } };
    bool current = false;

    if (kn_task_sift(kn_work_db(c->work), one, 1, &current, err) < 0) {
        return -1;
    }
    return current ? 0
                   : kn_fail(err, KN_STALE, "task %lld is not at attempt %d any more", (long long)c->m->task,
                             c->m->attempt);
}

/* --- the commands ------------------------------------------------------------------------------------------------------------------ */

typedef int command(struct volume_call *c, struct kn_error *err);

static const char *service_text(const struct volume_call *c, const char *key)
{
    const char *text = kn_json_str(c->m->body, key);

    return *text != '\0' ? text : NULL;
}

/* The image's bytes, verified, beside the disks: so that disks can share blocks with them. */
static int service_fetch(struct volume_call *c, char *ret_path, size_t size, struct kn_error *err)
{
    AUTO_FREE char *dir = kn_asprintf("%s/.images", c->conf->volume_file_dir);
    struct kn_conf cache = *c->conf;

    cache.agent_cache_dir = dir;
    cache.agent_cache_mib = c->conf->volume_cache_mib;
    return kn_image_host_ensure(&cache, json_object_get(c->m->body, "base"), service_fetch_look, c, ret_path, size,
                                err);
}

/* What the disk is made from, as the command says. */
struct service_source {
    struct kn_volume_origin origin;
    struct kn_volume_backup_source backup; /* if it is one */
    char path[PATH_MAX]; /* of the image, if it is one */
    char format[KN_VOLUME_FORMAT_SIZE];
};

static void service_source_release(struct service_source *source)
{
    kn_volume_backup_source_release(&source->backup);
}

static int service_origin(struct volume_call *c, struct service_source *ret, struct kn_error *err)
{
    const json_t *base = json_object_get(c->m->body, "base");
    const char *volume = service_text(c, "from_volume"), *snapshot = service_text(c, "from_snapshot");

    ret->origin = (struct kn_volume_origin){ .volume = volume, .snapshot = snapshot, .format = ret->format };
    if (service_text(c, "from_backup") != NULL) {
        ret->origin.filling = &ret->backup.filling;
        return kn_volume_backup_source_open(c->conf, kn_work_db(c->work), service_text(c, "from_backup"), &ret->backup,
                                            err);
    }
    if (base == NULL) {
        return volume == NULL && snapshot == NULL
                   ? 0
                   : kn_volume_format_of(kn_work_db(c->work), snapshot != NULL, snapshot != NULL ? snapshot : volume,
                                         ret->format, err);
    }
    if (service_fetch(c, ret->path, sizeof(ret->path), err) < 0) {
        return -1;
    }
    ret->origin.image = ret->path;
    ret->origin.format = kn_disk_image_format(kn_json_str(base, "disk_format"));
    return 0;
}

static int service_format(struct volume_call *c, char ret[KN_VOLUME_FORMAT_SIZE], struct kn_error *err)
{
    return kn_volume_format_of(kn_work_db(c->work), false, kn_json_str(c->m->body, "volume"), ret, err);
}

/* What a new disk is encrypted with, if it is. A copy of an encrypted one is its ciphertext, and has its key; nothing else is made of one, nor one of anything else. */
static int service_encrypt(struct volume_call *c, const char *format, struct kn_volume_origin *origin,
                           char key[KN_VOLUME_KEY_SIZE], struct kn_error *err)
{
    const bool is_luks = strcmp(format, KN_VOLUME_LUKS) == 0,
               is_copy = origin->volume != NULL || origin->snapshot != NULL,
               is_made = is_copy || origin->image != NULL || origin->filling != NULL,
               was_luks = is_copy && strcmp(origin->format, KN_VOLUME_LUKS) == 0;

    if (is_made && is_luks != was_luks) {
        return kn_fail(err, KN_CONFLICT, "encrypted disks are made empty or of encrypted ones, and no others of them");
    }
    if (!is_luks) {
        return 0;
    }
    origin->key = key;
    return kn_volume_key_settle(c->keys, kn_work_db(c->work), kn_json_str(c->m->body, "volume"), origin, key,
                                &origin->bits, err);
}

static int service_create(struct volume_call *c, struct kn_error *err)
{
    const struct kn_volume_watch watch = { service_look, wanted, c };
    const char *volume = kn_json_str(c->m->body, "volume");
    const struct kn_volume_driver *chosen = NULL;
    char format[KN_VOLUME_FORMAT_SIZE], key[KN_VOLUME_KEY_SIZE];
    AUTO_RELEASE(service_source) struct service_source source = { .origin = { .format = NULL } };

    if (kn_volume_pool_choose(kn_work_db(c->work), c->conf, volume, &chosen, err) < 0 ||
        service_promise(c, volume, err) < 0 || service_origin(c, &source, err) < 0 ||
        kn_volume_format_settle(kn_work_db(c->work), volume, chosen, c->conf, format, err) < 0 ||
        kn_volume_driver_of(kn_work_db(c->work), c->conf, volume, &c->driver, err) < 0 ||
        service_encrypt(c, format, &source.origin, key, err) < 0) {
        return -1;
    }
    const int rc = c->driver->create(c->conf, volume, format, kn_json_int(c->m->body, "size_gib"), &source.origin,
                                     &watch, err);
    kn_wipe(key, sizeof(key));
    return rc;
}

static int service_overwrite(struct volume_call *c, struct kn_error *err)
{
    const struct kn_volume_watch watch = { service_look, wanted, c };
    char format[KN_VOLUME_FORMAT_SIZE];
    AUTO_RELEASE(service_source) struct service_source source = { .origin = { .format = NULL } };

    return service_format(c, format, err) < 0 || service_origin(c, &source, err) < 0
               ? -1
               : c->driver->overwrite(c->conf, kn_json_str(c->m->body, "volume"), format,
                                      kn_json_int(c->m->body, "size_gib"), kn_json_bool(c->m->body, "held"),
                                      &source.origin, &watch, err);
}

static int service_extend(struct volume_call *c, struct kn_error *err)
{
    const struct kn_volume_watch watch = { service_look, wanted, c };
    const char *volume = kn_json_str(c->m->body, "volume");
    char format[KN_VOLUME_FORMAT_SIZE];

    return service_promise(c, volume, err) < 0 || service_format(c, format, err) < 0
               ? -1
               : c->driver->extend(c->conf, volume, format, kn_json_int(c->m->body, "size_gib"), &watch, err);
}

static int service_upload(struct volume_call *c, struct kn_error *err)
{
    const struct kn_volume_watch watch = { service_look, wanted, c };
    const char *volume = kn_json_str(c->m->body, "volume"), *as = kn_json_str(c->m->body, "disk_format");
    char format[KN_VOLUME_FORMAT_SIZE];
    AUTO_FREE char *path = NULL;

    if (service_format(c, format, err) < 0 ||
        c->driver->export(c->conf, false, volume, format, as, &watch, &path, err) < 0) {
        return -1;
    }
    const int rc = kn_volume_upload(path, kn_json_str(c->m->body, "url"), as, c->work, err);
    c->driver->end_export(c->conf, false, volume);
    return rc;
}

static int service_open_snapshot(struct volume_call *c, struct kn_error *err)
{
    const struct kn_volume_watch watch = { service_look, wanted, c };
    const char *snapshot = kn_json_str(c->m->body, "snapshot");
    char format[KN_VOLUME_FORMAT_SIZE];
    AUTO_FREE char *path = NULL;

    if (c->driver->open_snapshot == NULL) {
        return kn_fail(err, KN_CONFLICT, "volume \"%s\" is attached, and its back end takes no snapshot of one that is",
                       kn_json_str(c->m->body, "volume"));
    }
    if (service_promise(c, snapshot, err) < 0 ||
        kn_volume_format_settle_snapshot(kn_work_db(c->work), snapshot, err) < 0 ||
        kn_volume_format_of(kn_work_db(c->work), true, snapshot, format, err) < 0 ||
        c->driver->open_snapshot(c->conf, snapshot, &watch, &path, err) < 0) {
        return -1;
    }
    c->result = json_pack("{s:s, s:s}", "path", path, "format", format);
    return 0;
}

static int service_snapshot(struct volume_call *c, struct kn_error *err)
{
    const struct kn_volume_watch watch = { service_look, wanted, c };
    const char *snapshot = kn_json_str(c->m->body, "snapshot");

    if (kn_json_bool(c->m->body, "copied")) {
        return c->driver->adopt_snapshot(c->conf, snapshot, &watch, err);
    }
    return service_promise(c, snapshot, err) < 0 ||
                   kn_volume_format_settle_snapshot(kn_work_db(c->work), snapshot, err) < 0
               ? -1
               : c->driver->snapshot(c->conf, snapshot, kn_json_str(c->m->body, "volume"), &watch, err);
}

static int service_drop_snapshot(struct volume_call *c, struct kn_error *err)
{
    const struct kn_volume_watch watch = { service_look, wanted, c };

    return c->driver->remove_snapshot(c->conf, kn_json_str(c->m->body, "snapshot"), &watch, err);
}

static int service_backup(struct volume_call *c, struct kn_error *err)
{
    const struct kn_volume_watch watch = { service_look, wanted, c };
    const char *snapshot = service_text(c, "snapshot"), *backup = kn_json_str(c->m->body, "backup"),
               *id = snapshot != NULL ? snapshot : kn_json_str(c->m->body, "volume");
    char format[KN_VOLUME_FORMAT_SIZE], manifest[KN_SHA256_HEX];
    AUTO_FREE char *path = NULL;
    int64_t objects = 0;

    if (kn_volume_format_of(kn_work_db(c->work), snapshot != NULL, id, format, err) < 0 ||
        c->driver->export(c->conf, snapshot != NULL, id, format, "raw", &watch, &path, err) < 0) {
        return -1;
    }
    const int rc = kn_volume_backup_create(c->conf, kn_work_db(c->work), backup, path, &watch, &objects, manifest, err);
    c->driver->end_export(c->conf, snapshot != NULL, id);
    c->result = rc == 0 ? json_pack("{s:I, s:s}", "objects", (json_int_t)objects, "manifest", manifest) : NULL;
    return rc;
}

static int service_import_backup(struct volume_call *c, struct kn_error *err)
{
    const struct kn_volume_watch watch = { service_look, wanted, c };
    const char *manifest = kn_json_str(c->m->body, "manifest");
    int64_t objects = 0;

    if (kn_volume_backup_import(c->conf, kn_work_db(c->work), kn_json_str(c->m->body, "backup"), manifest,
                                kn_json_int(c->m->body, "size_gib"), &watch, &objects, err) < 0) {
        return -1;
    }
    c->result = json_pack("{s:I, s:s}", "objects", (json_int_t)objects, "manifest", manifest);
    return 0;
}

static int service_drop_backup(struct volume_call *c, struct kn_error *err)
{
    const struct kn_volume_watch watch = { service_look, wanted, c };

    return kn_volume_backup_remove(c->conf, kn_work_db(c->work), kn_json_str(c->m->body, "backup"), &watch, err);
}

static int delete(struct volume_call *c, struct kn_error *err)
{
    const struct kn_volume_watch watch = { service_look, wanted, c };

    return c->driver->remove(c->conf, kn_json_str(c->m->body, "volume"), &watch, err);
}

/* Of some disks from before rows had a format nobody knows what they are written in. */
static int service_unmanage(struct volume_call *c, struct kn_error *err)
{
    static const struct kn_stmt FORMAT = { "volume_unmanage_format",
                                           "SELECT coalesce(format, 'unknown') FROM volume WHERE id = $1", 1 };
    const struct kn_volume_watch watch = { service_look, wanted, c };
    const char *volume = kn_json_str(c->m->body, "volume");
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(kn_work_db(c->work), &FORMAT, KN_ARGS(volume), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) == 0 ? 0
                                    : c->driver->release(c->conf, volume, kn_rows_text(rows, 0, KN_ONLY), &watch, err);
}

/* What a guest may do with a volume. */
struct volume_rights {
    bool is_readonly, is_shared;
};

static int service_rights(struct volume_call *c, struct volume_rights *ret, struct kn_error *err)
{
    static const struct kn_stmt RIGHTS = { "volume_rights",
                                           "SELECT coalesce(readonly, false), multiattach FROM volume WHERE id = $1",
                                           1 };
    enum { IS_READONLY, IS_SHARED };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(kn_work_db(c->work), &RIGHTS, KN_ARGS(kn_json_str(c->m->body, "volume")), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0) {
        ret->is_readonly = kn_rows_bool(rows, 0, IS_READONLY);
        ret->is_shared = kn_rows_bool(rows, 0, IS_SHARED);
    }
    return 0;
}

/* How fast the guest's disk may be, by the QoS of the volume's type; *ret stays NULL: as it can. */
static int service_limits(struct volume_call *c, json_t **ret, struct kn_error *err)
{
    static const struct kn_stmt QOS = {
        "volume_qos_of",
        "SELECT q.specs, v.size_gib FROM volume v JOIN volume_type t ON t.id = v.type_id JOIN volume_qos q ON q.id = t.qos_id "
        "WHERE v.id = $1 AND q.consumer IN ('front-end', 'both')",
        1
    };
    enum { SPECS, SIZE };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(kn_work_db(c->work), &QOS, KN_ARGS(kn_json_str(c->m->body, "volume")), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0) {
        json_auto_t *specs = json_loads(kn_rows_text(rows, 0, SPECS), 0, NULL);

        *ret = kn_volume_qos_limits(specs, kn_rows_int(rows, 0, SIZE));
    }
    return 0;
}

static int connect(struct volume_call *c, struct kn_error *err)
{
    const char *volume = kn_json_str(c->m->body, "volume");
    char format[KN_VOLUME_FORMAT_SIZE];
    json_auto_t *limits = NULL;
    json_t *connection = NULL;
    struct volume_rights rights = { 0 };

    if (service_rights(c, &rights, err) < 0 || service_limits(c, &limits, err) < 0 ||
        service_format(c, format, err) < 0) {
        return -1;
    }
    const struct kn_volume_user user = { .server = kn_json_str(c->m->body, "server"),
                                         .host = kn_json_str(c->m->body, "host"),
                                         .format = format,
                                         .is_readonly = rights.is_readonly };
    if (c->driver->connect(c->conf, volume, &user, &connection, err) < 0) {
        return -1;
    }
    kn_volume_guard_poke(c->guard);
    if (rights.is_readonly) {
        json_object_set_new(connection, "readonly", json_true());
    }
    if (rights.is_shared) {
        json_object_set_new(connection, "shared", json_true());
    }
    if (limits != NULL) {
        json_object_set(connection, "limits", limits);
    }
    c->result = json_pack("{s:o}", "connection", connection);
    return 0;
}

static int disconnect(struct volume_call *c, struct kn_error *err)
{
    const int rc = c->driver->disconnect(c->conf, kn_json_str(c->m->body, "volume"), kn_json_str(c->m->body, "server"),
                                         kn_json_str(c->m->body, "host"), err);

    kn_volume_guard_poke(c->guard);
    return rc;
}

static const struct {
    const char *type;
    command *run;
} COMMANDS[] = {
    { "volume.create", service_create },
    { "volume.overwrite", service_overwrite },
    { "volume.extend", service_extend },
    { "volume.upload", service_upload },
    { "volume.delete", delete },
    { "volume.unmanage", service_unmanage },
    { "snapshot.open", service_open_snapshot },
    { "snapshot.create", service_snapshot },
    { "snapshot.delete", service_drop_snapshot },
    { "backup.create", service_backup },
    { "backup.import", service_import_backup },
    { "backup.delete", service_drop_backup },
    { "volume.connect", connect },
    { "volume.disconnect", disconnect },
};

static command *command_of(const struct kn_message *m)
{
    for (size_t i = 0; i < KN_COUNT(COMMANDS); i++) {
        if (strcmp(COMMANDS[i].type, m->type->name) == 0) {
            return COMMANDS[i].run;
        }
    }
    return NULL;
}

/* Again while the database is away; it is asked for again should it stay so. */
static int service_obey(void *ctx, struct kn_work *work, struct kn_work_answer *ret)
{
    const struct volume_service *service = ctx;
    struct volume_call call = {
        .conf = service->conf, .guard = service->guard, .keys = service->keys, .work = work, .m = kn_work_command(work)
    };
    const char *volume = kn_json_str(call.m->body, "volume");
    struct kn_backoff backoff = { .min_ms = 10, .max_ms = 1000 };

    for (int tries = 1;; tries++) {
        struct kn_error told = { 0 };

        kn_error_clear(&ret->err);
        if (kn_volume_driver_of(kn_work_db(work), call.conf, volume, &call.driver, &ret->err) == 0 &&
            command_of(call.m)(&call, &ret->err) == 0) {
            ret->result = call.result;
            return KN_WORK_DONE;
        }
        if (kn_work_check(work, &told) < 0) {
            ret->err = told;
            return told.code == KN_CANCELLED ? KN_WORK_FAILED : KN_WORK_LATER;
        }
        if (ret->err.code != KN_UNAVAILABLE || tries == TRIES) {
            return ret->err.code != KN_UNAVAILABLE ? KN_WORK_FAILED : KN_WORK_LATER;
        }
        const int64_t pause_ms = kn_backoff_next(&backoff, (uint32_t)kn_mono_us());
        nanosleep(&(struct timespec){ pause_ms / 1000, pause_ms % 1000 * 1000000 }, NULL);
    }
}

/* --- the service: it gives the commands away, and never waits for a disk ------------------------------------------------------------- */

static void serve_service_take(struct kn_daemon *d, struct kn_works *works, const struct kn_message *m)
{
    struct kn_error err = { 0 };

    if (strcmp(m->type->name, "cancel") == 0) {
        kn_works_cancel(works, m);
        return;
    }
    if (command_of(m) == NULL) {
        return;
    }
    if (kn_volume_command_removes(m)) {
        kn_works_cancel_where(works, kn_volume_command_is_doomed, m);
    }
    if (kn_works_take(works, kn_json_str(m->body, "volume"), NULL, m, &err) < 0) {
        kn_log_error(m->type->name, &err);
        kn_reply_failed(d, m, &err, false);
    }
}

static int volume_handle(struct kn_daemon *d, void *state, struct kn_message **messages, int count,
                         struct kn_error *err)
{
    const struct volume_service *service = state;

    (void)err;
    for (int i = 0; i < count; i++) {
        if (strcmp(messages[i]->type->name, "volume.ask_key") == 0) {
            kn_volume_key_answer(service->keys, d, messages[i]);
        } else {
            serve_service_take(d, service->works, messages[i]);
        }
    }
    return 0;
}

static void volume_service_free(struct volume_service *s)
{
    if (s->works != NULL) {
        kn_works_free(s->works);
    }
    kn_volume_guard_free(s->guard);
    kn_volume_keys_free(s->keys);
    free(s);
}
KN_DEFINE_AUTO(volume_service);

static int volume_start(struct kn_daemon *d, void **ret_state, struct kn_error *err)
{
    AUTO(volume_service) struct volume_service *s = KN_NEW(struct volume_service);
    const struct kn_work_trade trade = { .run = service_obey,
                                         .ctx = s,
                                         .db = "volume-work",
                                         .threads = (int)d->conf.volume_threads,
                                         .jobs = JOBS_MAX,
                                         .jobs_per_project = JOBS_OF_ONE,
                                         .is_far = kn_volume_command_is_far };
    struct kn_error why = { 0 };

    s->conf = &d->conf;
    const struct kn_volume_backup_store *store = kn_volume_backup_store_find(s->conf->volume_backup_driver);

    if (store->start != NULL && store->start(s->conf, err) < 0) {
        return -1;
    }
    for (const struct kn_volume_driver *const *driver = kn_volume_drivers; *driver != NULL; driver++) {
        if ((*driver)->start(s->conf, err) < 0) {
            return -1;
        }
    }
    if (kn_volume_formats_adopt(d->db, s->conf, &kn_volume_driver_file, err) < 0 ||
        kn_volume_keys_new(s->conf, &s->keys, err) < 0 || kn_volume_keys_try(s->keys, d->db, &why, err) < 0 ||
        kn_volume_guard_new(s->conf, &s->guard, err) < 0 || kn_works_new(d, &trade, &s->works, err) < 0) {
        return -1;
    }
    if (why.code != KN_OK) {
        kn_log_error("encrypted volumes", &why);
        kn_daemon_stuck(d, KN_STUCK_SETTINGS, &why);
    }
    *ret_state = kn_steal(&s);
    return 0;
}

static void volume_stop(struct kn_daemon *d, void *state)
{
    (void)d;
    volume_service_free(state);
}

const struct kn_service kn_volume_service = {
    .name = "volume",
    .topic = KN_TOPIC_VOLUME,
    .reads_reports = true,
    .obeys_tasks = true,
    .works_long = true,
    .check = kn_volume_settings_check,
    .start = volume_start,
    .handle = volume_handle,
    .stop = volume_stop,
};
