/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of imports: begun, on their way, ended; and how they look to Glance's clients. Each change is one statement that names
 * the statuses it starts from. It must never touch an image that is not importing.
 */
#include "image/image_task.h"

#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"

#define LIFE "interval '48 hours'"

/* --- by the API ------------------------------------------------------------------------------------------------------- */

static int mark_image(struct kn_db *db, const struct kn_image_task_wish *wish, struct kn_error *err)
{
    static const struct kn_stmt MARK = {
        "image_task_mark",
        "UPDATE image SET import = jsonb_build_object('os_glance_import_task', $2::text, 'os_glance_importing_to_stores', "
        "'" KN_IMAGE_STORE "', 'os_glance_failed_import', '') WHERE id = $1", 2
    };

    return kn_db_run(db, &MARK, KN_ARGS(wish->image_id, wish->id), NULL, err);
}

int kn_image_task_insert(struct kn_db *db, const struct kn_image_task_wish *wish, struct kn_error *err)
{
    static const struct kn_stmt INSERT = {
        "image_task_insert",
        "INSERT INTO image_task (id, image_id, owner, user_id, request_id, input) VALUES ($1, $2, $3, $4, $5, $6) "
        "ON CONFLICT (image_id) WHERE status IN ('pending', 'processing') DO NOTHING", 6
    };
    AUTO_FREE char *input = json_dumps(wish->input, JSON_COMPACT);
    int64_t written = 0;

    if (kn_db_change(db, &INSERT, KN_ARGS(wish->id, wish->image_id, wish->owner, wish->user_id, wish->request_id, input),
                     &written, err) < 0) {
        return -1;
    }
    if (written == 0) {
        return kn_fail(err, KN_CONFLICT, "New operation on image '%s' is not permitted as prior operation is still in progress",
                       wish->image_id);
    }
    return mark_image(db, wish, err);
}

/* --- by kilonova-image ------------------------------------------------------------------------------------------------ */

static enum kn_image_task_state state_of(const char *status)
{
    return strcmp(status, "success") == 0   ? KN_IMAGE_TASK_SUCCEEDED
           : strcmp(status, "failure") == 0 ? KN_IMAGE_TASK_FAILED
                                            : KN_IMAGE_TASK_OPEN;
}

static int look(struct kn_db *db, const char *id, struct kn_image_task_start *ret, struct kn_error *err)
{
    static const struct kn_stmt LOOK = {
        "image_task_look",
        "SELECT t.status, t.image_id, coalesce(i.disk_format, ''), t.attempts, t.input->'import_req', t.message, i.id IS NOT NULL, t.request_id "
        "FROM image_task t LEFT JOIN image i ON i.id = t.image_id AND i.deleted_at IS NULL AND i.status = 'importing' "
        "WHERE t.id = $1", 1
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &LOOK, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "import \"%s\" is not known", id);
    }
    struct kn_image_task_start found = { .state = state_of(kn_rows_text(rows, 0, 0)), .attempts = kn_rows_int(rows, 0, 3) };
    if (found.state == KN_IMAGE_TASK_OPEN && !kn_rows_bool(rows, 0, 6)) {
        return kn_fail(err, KN_GONE, "the image was deleted");
    }
    kn_copy(found.image_id, sizeof(found.image_id), kn_rows_text(rows, 0, 1));
    kn_copy(found.disk_format, sizeof(found.disk_format), kn_rows_text(rows, 0, 2));
    kn_copy(found.message, sizeof(found.message), kn_rows_text(rows, 0, 5));
    kn_copy(found.request_id, sizeof(found.request_id), kn_rows_text(rows, 0, 7));
    found.import = json_loads(kn_rows_text(rows, 0, 4), 0, NULL);
    *ret = found;
    return 0;
}

int kn_image_task_begin(struct kn_db *db, const char *id, struct kn_image_task_start *ret, struct kn_error *err)
{
    static const struct kn_stmt BEGIN = {
        "image_task_begin",
        "UPDATE image_task SET status = 'processing', attempts = attempts + 1, progress = 0, updated_at = now() "
        "WHERE id = $1 AND status IN ('pending', 'processing')", 1
    };

    return kn_db_run(db, &BEGIN, KN_ARGS(id), NULL, err) < 0 ? -1 : look(db, id, ret, err);
}

int kn_image_task_progress(struct kn_db *db, const char *id, int percent, const char *message, struct kn_error *err)
{
    static const struct kn_stmt PROGRESS = {
        "image_task_progress",
        "UPDATE image_task t SET progress = $2::smallint, message = $3, updated_at = now() WHERE id = $1 AND status = 'processing' "
        "AND EXISTS (SELECT FROM image i WHERE i.id = t.image_id AND i.status = 'importing' AND i.deleted_at IS NULL)", 3
    };
    struct kn_arg number;
    int64_t wanted = 0;

    if (kn_db_change(db, &PROGRESS, KN_ARGS(id, kn_arg_int(&number, percent), message), &wanted, err) < 0) {
        return -1;
    }
    return wanted == 1 ? 0 : kn_fail(err, KN_GONE, "the image was deleted while it was imported");
}

#define ALL_WELL "'{\"os_glance_importing_to_stores\": \"\", \"os_glance_failed_import\": \"\"}'"

int kn_image_task_succeed(struct kn_db *db, const char *id, struct kn_error *err)
{
    static const struct kn_stmt SUCCEED = {
        "image_task_succeed",
        "WITH ended AS (UPDATE image_task SET status = 'success', progress = 100, message = '', "
        "result = jsonb_build_object('image_id', image_id), updated_at = now(), expires_at = now() + " LIFE " "
        "WHERE id = $1 AND status = 'processing' RETURNING image_id) "
        "UPDATE image SET import = " ALL_WELL " FROM ended WHERE image.id = ended.image_id", 1
    };
    int64_t changed = 0;

    if (kn_db_change(db, &SUCCEED, KN_ARGS(id), &changed, err) < 0) {
        return -1;
    }
    return changed == 1 ? 0 : kn_fail(err, KN_GONE, "the import was given up meanwhile");
}

int kn_image_task_needless(struct kn_db *db, const char *image_id, struct kn_error *err)
{
    static const struct kn_stmt NEEDLESS = { "image_task_needless", "UPDATE image SET import = " ALL_WELL " WHERE id = $1", 1 };

    return kn_db_run(db, &NEEDLESS, KN_ARGS(image_id), NULL, err);
}

int kn_image_task_fail(struct kn_db *db, const char *id, const char *message, struct kn_error *err)
{
    static const struct kn_stmt FAIL = {
        "image_task_fail",
        "WITH ended AS (UPDATE image_task SET status = 'failure', message = $2, updated_at = now(), "
        "expires_at = now() + " LIFE " WHERE id = $1 AND status IN ('pending', 'processing') RETURNING image_id) "
        "UPDATE image SET status = 'queued', size = NULL, updated_at = now(), import = "
        "'{\"os_glance_importing_to_stores\": \"\", \"os_glance_failed_import\": \"" KN_IMAGE_STORE "\"}' "
        "FROM ended WHERE image.id = ended.image_id AND image.status = 'importing' AND image.deleted_at IS NULL", 2
    };

    return kn_db_run(db, &FAIL, KN_ARGS(id, message), NULL, err);
}

int kn_image_task_expire(struct kn_db *db, int64_t *ret_count, struct kn_error *err)
{
    static const struct kn_stmt EXPIRE = { "image_task_expire", "DELETE FROM image_task WHERE expires_at < now()", 0 };

    return kn_db_change(db, &EXPIRE, KN_NO_ARGS, ret_count, err);
}

/* --- Glance's view ---------------------------------------------------------------------------------------------------- */

#define TIME(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
#define SELECT                                                                                                        \
    "SELECT id, image_id, owner, user_id, request_id, status, input, message, result, " TIME("created_at") ", "       \
    TIME("updated_at") ", " TIME("expires_at") " FROM image_task "

/* whole: with what only the task's own view shows. */
static void print(const struct kn_rows *rows, int row, bool whole, struct kn_strbuf *out)
{
    AUTO_FREE char *self = kn_asprintf("/v2/tasks/%s", kn_rows_text(rows, row, 0));

    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "id", kn_rows_text(rows, row, 0));
    kn_jsonw_str(out, "type", KN_IMAGE_TASK_TYPE);
    kn_jsonw_str(out, "status", kn_rows_text(rows, row, 5));
    kn_jsonw_str(out, "owner", kn_rows_text(rows, row, 2));
    if (whole) {
        kn_jsonw_str(out, "image_id", kn_rows_text(rows, row, 1));
        kn_jsonw_str(out, "user_id", kn_rows_text(rows, row, 3));
        kn_jsonw_str(out, "request_id", kn_rows_text(rows, row, 4));
        kn_jsonw_raw(out, "input", kn_rows_str(rows, row, 6));
        kn_jsonw_str(out, "message", kn_rows_text(rows, row, 7));
        kn_jsonw_raw(out, "result", kn_rows_str(rows, row, 8));
    }
    kn_jsonw_str(out, "created_at", kn_rows_text(rows, row, 9));
    kn_jsonw_str(out, "updated_at", kn_rows_text(rows, row, 10));
    if (!kn_rows_null(rows, row, 11)) {
        kn_jsonw_str(out, "expires_at", kn_rows_text(rows, row, 11));
    }
    kn_jsonw_str(out, "self", self);
    kn_jsonw_str(out, "schema", "/v2/schemas/task");
    kn_jsonw_end_object(out);
}

int kn_image_task_show(struct kn_db *db, const char *id, struct kn_strbuf *out, struct kn_error *err)
{
    static const struct kn_stmt SHOW = { "image_task_show", SELECT "WHERE id = $1", 1 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_uuid_valid(id) && kn_db_run(db, &SHOW, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    if (rows == NULL || kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "No task found with ID %.64s", id);
    }
    print(rows, 0, true, out);
    return 0;
}

int kn_image_task_of_image(struct kn_db *db, const char *image_id, struct kn_strbuf *out, struct kn_error *err)
{
    static const struct kn_stmt OF_IMAGE = {
        "image_task_of_image", SELECT "WHERE image_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1000", 1
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &OF_IMAGE, KN_ARGS(image_id), &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(out, NULL);
    kn_jsonw_array(out, "tasks");
    for (int i = 0; i < kn_rows_count(rows); i++) {
        print(rows, i, true, out);
    }
    kn_jsonw_end_array(out);
    kn_jsonw_end_object(out);
    return 0;
}

/* The row after which the page begins must be there. */
static int check_marker(struct kn_db *db, const char *marker, struct kn_error *err)
{
    static const struct kn_stmt MARKER = { "image_task_marker", "SELECT FROM image_task WHERE id = $1", 1 };
    int64_t found = 0;

    if (marker != NULL && kn_db_change(db, &MARKER, KN_ARGS(marker), &found, err) < 0) {
        return -1;
    }
    return marker == NULL || found == 1 ? 0 : kn_fail(err, KN_BAD_REQUEST, "No task found with ID %.64s", marker);
}

#define PAGE(name, expression, than, order)                                                                              \
    { name, SELECT "WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR '" KN_IMAGE_TASK_TYPE "' = $2) AND "   \
      "($3::uuid IS NULL OR (" expression ", created_at, id) " than                                                        \
      " (SELECT " expression ", created_at, id FROM image_task WHERE id = $3::uuid)) "                                    \
      "ORDER BY " expression " " order ", created_at " order ", id " order " LIMIT $4::int", 4 }
#define ORDER(key, expression)                                                                                          \
    { key, PAGE("image_task_down_" key, expression, "<", "DESC"), PAGE("image_task_up_" key, expression, ">", "ASC") }

/* What Glance's own client sorts by (status, unless told otherwise), and the times. */
static const struct order {
    const char *key;
    struct kn_stmt down, up;
} ORDERS[] = {
    ORDER("created_at", "created_at"), ORDER("updated_at", "updated_at"), ORDER("status", "status"), ORDER("id", "id"),
    ORDER("type", "''::text"), /* there is one */
};

static int find_order(const char *key, const struct order **ret, struct kn_error *err)
{
    for (size_t i = 0; i < KN_COUNT(ORDERS); i++) {
        if (key == NULL || strcmp(ORDERS[i].key, key) == 0) {
            *ret = &ORDERS[i];
            return 0;
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "Invalid sort key: %.64s", key);
}

int kn_image_task_list(struct kn_db *db, const struct kn_image_task_query *q, struct kn_strbuf *out, int *ret_count,
                       char ret_last[KN_UUID_SIZE], struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const struct order *order = NULL;
    struct kn_arg limit;

    if (find_order(q->sort_key, &order, err) < 0 || check_marker(db, q->marker, err) < 0 ||
        kn_db_run(db, q->ascending ? &order->up : &order->down,
                  KN_ARGS(q->status, q->type, q->marker, kn_arg_int(&limit, q->limit)), &rows, err) < 0) {
        return -1;
    }
    *ret_count = kn_rows_count(rows);
    for (int i = 0; i < *ret_count; i++) {
        print(rows, i, false, out);
    }
    kn_copy(ret_last, KN_UUID_SIZE, *ret_count > 0 ? kn_rows_text(rows, *ret_count - 1, 0) : "");
    return 0;
}
