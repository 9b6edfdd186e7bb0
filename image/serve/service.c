/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kilonova-image on the bus: tells where a host fetches an image's data, imports (import.h, on lanes), drops
 * data that no image refers to any more, and sweeps what dead writers left. Uploads and downloads by users pass through the API (image/api/upload.c), not through here.
 */
#include "image/serve/service.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "image/data/address.h"
#include "image/data/blob.h"
#include "image/data/url.h"
#include "image/rows/image.h"
#include "image/rows/image_task.h"
#include "image/serve/data_door.h"
#include "image/serve/import.h"
#include "image/serve/sweep.h"
#include "lib/base/clock.h"
#include "lib/base/hmap.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define TICK_MS 5000
#define STORE_EVERY_MS (10 * 60 * 1000) /* the whole directory; "saving" is looked at every tick */
#define URL_LIFE_S 3600
#define UPLOAD_LIFE_S (24 * 3600) /* a host may be away for a while; it is good for nothing once its task is over */
#define IMPORTS_MAX 16384
#define IMPORTS_OF_ONE 4096

struct image_service {
    struct kn_image_url_key key;
    struct kn_image_data_door *door;
    struct kn_works *imports;
    char *base_url;           /* what hosts put before /blob/… */
    int64_t store_swept_ms;   /* monotonic */
};

/* --- image.locate --------------------------------------------------------------------------------------------------- */

static bool is(const struct kn_message *m, const char *type)
{
    return strcmp(m->type->name, type) == 0;
}

/* The columns of LOCATE. */
enum { L_ID, L_STATUS, L_SHA512, L_SIZE, L_FORMAT, L_VIRTUAL_SIZE };

/* id -> the row's number + 1 */
static struct kn_hmap *index_rows(const struct kn_rows *rows)
{
    struct kn_hmap *index = kn_hmap_new(NULL);

    for (int i = 0; i < kn_rows_count(rows); i++) {
        kn_hmap_put(index, kn_rows_text(rows, i, L_ID), (void *)(uintptr_t)(i + 1));
    }
    return index;
}

static json_t *location(const struct image_service *s, const struct kn_message *m, const struct kn_rows *rows, int row)
{
    const int64_t now_s = kn_now_ms() / 1000;
    const int64_t deadline_s = m->deadline / 1000;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf url = KN_STRBUF_INIT;

    kn_image_url_sign(&s->key, s->base_url, kn_rows_text(rows, row, L_SHA512),
                      deadline_s > now_s + URL_LIFE_S ? deadline_s : now_s + URL_LIFE_S, &url);
    return json_pack("{s:s, s:s, s:I, s:s, s:I}", "url", url.buf, "sha512", kn_rows_text(rows, row, L_SHA512), "size",
                     (json_int_t)kn_rows_int(rows, row, L_SIZE), "disk_format", kn_rows_text(rows, row, L_FORMAT),
                     "virtual_size", (json_int_t)kn_rows_int(rows, row, L_VIRTUAL_SIZE));
}

static void answer_locate(struct kn_daemon *d, const struct image_service *s, const struct kn_message *m,
                          const struct kn_rows *rows, const struct kn_hmap *index)
{
    const char *id = kn_json_str(m->body, "image");
    const int row = (int)(uintptr_t)kn_hmap_get(index, id) - 1;
    struct kn_error err;

    if (row < 0) {
        kn_fail(&err, KN_NOT_FOUND, "image \"%s\" does not exist", id);
        kn_reply_failed(d, m, &err, false);
    } else if (strcmp(kn_rows_text(rows, row, L_STATUS), "active") != 0) {
        kn_fail(&err, KN_CONFLICT, "image \"%s\" is not active but %s", id, kn_rows_text(rows, row, L_STATUS));
        kn_reply_failed(d, m, &err, false);
    } else {
        json_t *result = location(s, m, rows, row);
        kn_reply_done(d, m, result);
        json_decref(result);
    }
}

/* One statement for the whole batch. */
static int locate(struct kn_daemon *d, const struct image_service *s, struct kn_message **messages, int count,
                  struct kn_error *err)
{
    static const struct kn_stmt LOCATE = { "image_locate",
                                           "SELECT id, status, sha512, size, disk_format, virtual_size FROM image "
                                           "WHERE id = ANY ($1::uuid[]) AND deleted_at IS NULL",
                                           1 };
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    for (int i = 0; i < count; i++) {
        if (is(messages[i], "image.locate")) {
            kn_array_add(&ids, kn_json_str(messages[i]->body, "image"));
        }
    }
    if (ids.count == 0) {
        return 0;
    }
    if (kn_db_run(d->db, &LOCATE, KN_ARGS(kn_array_value(&ids)), &rows, err) < 0) {
        return -1;
    }
    struct kn_hmap *index = index_rows(rows);
    for (int i = 0; i < count; i++) {
        if (is(messages[i], "image.locate")) {
            answer_locate(d, s, messages[i], rows, index);
        }
    }
    kn_hmap_free(index);
    return 0;
}

/* --- image.receive: no row is asked here, because the door asks them when the data comes ------------------------------------ */

static void service_receive(struct kn_daemon *d, const struct image_service *s, const struct kn_message *m)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf url = KN_STRBUF_INIT;

    kn_image_url_sign_upload(&s->key, s->base_url, kn_json_str(m->body, "image"), m->task,
                             kn_now_ms() / 1000 + UPLOAD_LIFE_S, &url);
    json_auto_t *result = json_pack("{s:s}", "url", url.buf);
    kn_reply_done(d, m, result);
}

/* --- image.rotate, image.discard --------------------------------------------------------------------------------------------------- */

/* Deleted by the rows, then their data; -1: the batch comes again. */
static int service_end_images(struct kn_daemon *d, const struct kn_message *m, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const bool rotates = is(m, "image.rotate");

    if ((rotates ? kn_image_rotate(d->db, m->body, &rows, err)
                 : kn_image_discard(d->db, kn_json_str(m->body, "image"), kn_json_str(m->body, "server"), &rows, err)) <
        0) {
        if (err->code == KN_UNAVAILABLE) {
            return -1;
        }
        kn_reply_failed(d, m, err, false);
        return 0;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        const char *sha512 = kn_rows_str(rows, i, KN_ROTATED_SHA512);

        if (sha512 != NULL && kn_image_drop(d->db, d->conf.image_store_dir, sha512, NULL, err) < 0) {
            kn_log_error("data of an image, later", err); /* the sweep finds it */
        }
    }
    kn_reply_done(d, m, NULL);
    return 0;
}

/* --- image.compose ------------------------------------------------------------------------------------------------------------------ */

static int service_compose(struct kn_daemon *d, const struct kn_message *m, struct kn_error *err)
{
    if (kn_image_compose(d->db, &d->conf, m->body, err) == 0) {
        kn_reply_done(d, m, NULL);
        return 0;
    }
    if (err->code == KN_UNAVAILABLE) {
        return -1;
    }
    kn_reply_failed(d, m, err, false);
    return 0;
}

/* --- image.delete --------------------------------------------------------------------------------------------------- */

static int service_drop(struct kn_daemon *d, const struct kn_message *m, struct kn_error *err)
{
    const char *sha512 = kn_json_str(m->body, "sha512");

    kn_image_blob_unstage(d->conf.image_store_dir, kn_json_str(m->body, "image"));
    if (*sha512 != '\0' && kn_image_drop(d->db, d->conf.image_store_dir, sha512, NULL, err) < 0) {
        if (err->code == KN_UNAVAILABLE) {
            return -1;
        }
        kn_reply_failed(d, m, err, false);
        return 0;
    }
    kn_reply_done(d, m, NULL);
    return 0;
}

/* One import, one lane. One that is not taken is not answered: the row waits, and it is asked for again. */
static void import(struct image_service *s, const struct kn_message *m)
{
    const char *id = kn_json_str(m->body, "import");
    struct kn_error err = { 0 };

    if (kn_works_take(s->imports, id, id, m, &err) < 0) {
        kn_log_error("import, later", &err);
    }
}

/* What is done with rows, where the message is read. -1: the batch comes again. */
static int service_change(struct kn_daemon *d, const struct kn_message *m, struct kn_error *err)
{
    if (is(m, "image.rotate") || is(m, "image.discard")) {
        return service_end_images(d, m, err);
    }
    if (is(m, "image.compose")) {
        return service_compose(d, m, err);
    }
    return is(m, "image.delete") ? service_drop(d, m, err) : 0;
}

static int image_handle(struct kn_daemon *d, void *state, struct kn_message **messages, int count, struct kn_error *err)
{
    struct image_service *s = state;

    if (locate(d, state, messages, count, err) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        if (is(messages[i], "image.import")) {
            import(s, messages[i]);
        } else if (is(messages[i], "image.receive")) {
            service_receive(d, s, messages[i]);
        } else if (is(messages[i], "cancel")) {
            kn_works_cancel(s->imports, messages[i]);
        } else if (service_change(d, messages[i], err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- life ----------------------------------------------------------------------------------------------------------- */

static void log_swept(const char *what, int count)
{
    struct kn_arg number;

    if (count > 0) {
        kn_log(KN_INFO, what, "count", kn_arg_int(&number, count), NULL);
    }
}

static int sweep_store(struct kn_daemon *d, struct image_service *s, struct kn_error *err)
{
    int count = 0;

    if (kn_image_sweep_store(d->db, d->conf.image_store_dir, &count, err) < 0) {
        return -1;
    }
    s->store_swept_ms = kn_mono_ms();
    log_swept("image store swept of leftover files", count);
    return 0;
}

static int image_tick(struct kn_daemon *d, void *state, struct kn_error *err)
{
    struct image_service *s = state;
    int count = 0;

    if (kn_image_sweep_saving(d->db, d->conf.image_store_dir, &count, err) < 0) {
        return -1;
    }
    log_swept("images whose upload died are queued again", count);
    if (kn_image_drop_unbrought(d->db, &count, err) < 0) {
        return -1;
    }
    log_swept("images that nobody brings the data of any more are gone", count);
    if (kn_image_task_expire(d->db, NULL, err) < 0) {
        return -1;
    }
    return kn_mono_ms() - s->store_swept_ms >= STORE_EVERY_MS ? sweep_store(d, s, err) : 0;
}

static void image_stop(struct kn_daemon *d, void *state)
{
    struct image_service *s = state;

    (void)d;
    kn_works_free(s->imports);
    kn_image_data_door_free(s->door);
    free(s->base_url);
    free(s);
}

static int service_start(struct kn_daemon *d, struct image_service *s, struct kn_error *err)
{
    const char *dir = d->conf.image_store_dir;

    if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
        return kn_fail(err, KN_INTERNAL, "cannot make the image store \"%s\": %s", dir, strerror(errno));
    }
    if (kn_image_url_key_load(dir, &s->key, err) < 0 || sweep_store(d, s, err) < 0 || image_tick(d, s, err) < 0) {
        return -1;
    }
    s->base_url = d->conf.image_data_url[0] != '\0' ? kn_strdup(d->conf.image_data_url)
                                                    : kn_asprintf("http://%s", d->conf.image_data_listen);
    if (kn_image_address_networks_check(d->conf.image_download_networks, err) < 0) {
        return kn_fail_context(err, "image.download_networks");
    }
    if (kn_image_data_door_open(d->conf.image_data_listen, &d->conf, &s->key, true, &s->door, err) < 0) {
        return -1;
    }
    return kn_works_new(d,
                        &(struct kn_work_trade){ .run = kn_image_import_run,
                                                 .ctx = &d->conf,
                                                 .db = "image-import",
                                                 .threads = (int)d->conf.image_import_threads,
                                                 .jobs = IMPORTS_MAX,
                                                 .jobs_per_project = IMPORTS_OF_ONE },
                        &s->imports, err);
}

static int image_start(struct kn_daemon *d, void **ret_state, struct kn_error *err)
{
    struct image_service *s = KN_NEW(struct image_service);

    if (service_start(d, s, err) < 0) {
        image_stop(d, s);
        return -1;
    }
    *ret_state = s;
    return 0;
}

const struct kn_service kn_image_service = {
    .name = "image",
    .topic = KN_TOPIC_IMAGE,
    .obeys_tasks = true,
    .works_long = true,
    .tick_ms = TICK_MS,
    .start = image_start,
    .handle = image_handle,
    .tick = image_tick,
    .stop = image_stop,
};
