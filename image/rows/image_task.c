/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of imports: begun, on their way, ended; and how they look to Glance's clients. Each change is one statement that names
 * the statuses it starts from. It must never touch an image that is not importing.
 */
#include "image/rows/image_task.h"

#include <stdlib.h>
#include <string.h>

#include "image/rows/image.h"
#include "image/rows/quota.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"

#define LIFE "interval '48 hours'"

/* --- by the API ------------------------------------------------------------------------------------------------------- */

static int mark_image(struct kn_db *db, const struct kn_image_task_wish *wish, struct kn_error *err)
{
    static const struct kn_stmt MARK = {
        "image_task_mark",
        "UPDATE image SET import = jsonb_build_object('os_glance_import_task', $2::text, 'os_glance_importing_to_stores', "
        "'" KN_IMAGE_STORE "', 'os_glance_failed_import', '') WHERE id = $1",
        2
    };

    return kn_db_run(db, &MARK, KN_ARGS(wish->image_id, wish->id), NULL, err);
}

int kn_image_task_insert(struct kn_db *db, const struct kn_image_task_wish *wish, struct kn_error *err)
{
    static const struct kn_stmt INSERT = {
        "image_task_insert",
        "INSERT INTO image_task (id, image_id, owner, user_id, request_id, input) VALUES ($1, $2, $3, $4, $5, $6) "
        "ON CONFLICT (image_id) WHERE status IN ('pending', 'processing') DO NOTHING",
        6
    };
    AUTO_FREE char *input = json_dumps(wish->input, JSON_COMPACT);
    int64_t written = 0;

    if (kn_db_change(db, &INSERT,
                     KN_ARGS(wish->id, wish->image_id, wish->owner, wish->user_id, wish->request_id, input), &written,
                     err) < 0) {
        return -1;
    }
    if (written == 0) {
        return kn_fail(err, KN_CONFLICT,
                       "New operation on image '%s' is not permitted as prior operation is still in progress",
                       wish->image_id);
    }
    return mark_image(db, wish, err);
}

/* --- by kilonova-image ------------------------------------------------------------------------------------------------ */

static enum kn_image_task_state image_task_state_of(const char *status)
{
    return strcmp(status, "success") == 0   ? KN_IMAGE_TASK_SUCCEEDED
           : strcmp(status, "failure") == 0 ? KN_IMAGE_TASK_FAILED
                                            : KN_IMAGE_TASK_OPEN;
}

static int rows_image_task_look(struct kn_db *db, const char *id, struct kn_image_task_start *ret, struct kn_error *err)
{
    static const struct kn_stmt LOOK = {
        "image_task_look",
        "SELECT t.status, t.image_id, coalesce(i.disk_format, ''), t.attempts, t.input->'import_req', t.message, i.id IS NOT NULL, t.request_id "
        "FROM image_task t LEFT JOIN image i ON i.id = t.image_id AND i.deleted_at IS NULL AND i.status = 'importing' "
        "WHERE t.id = $1",
        1
    };
    enum { STATUS, IMAGE, FORMAT, ATTEMPTS, IMPORT, MESSAGE, IMPORTS, REQUEST };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &LOOK, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "import \"%s\" is not known", id);
    }
    struct kn_image_task_start found = { .state = image_task_state_of(kn_rows_text(rows, 0, STATUS)),
                                         .attempts = kn_rows_int(rows, 0, ATTEMPTS) };
    if (found.state == KN_IMAGE_TASK_OPEN && !kn_rows_bool(rows, 0, IMPORTS)) {
        return kn_fail(err, KN_GONE, "the image was deleted");
    }
    kn_copy(found.image_id, sizeof(found.image_id), kn_rows_text(rows, 0, IMAGE));
    kn_copy(found.disk_format, sizeof(found.disk_format), kn_rows_text(rows, 0, FORMAT));
    kn_copy(found.message, sizeof(found.message), kn_rows_text(rows, 0, MESSAGE));
    kn_copy(found.request_id, sizeof(found.request_id), kn_rows_text(rows, 0, REQUEST));
    found.import = json_loads(kn_rows_text(rows, 0, IMPORT), 0, NULL);
    *ret = found;
    return 0;
}

int kn_image_task_begin(struct kn_db *db, const char *id, struct kn_image_task_start *ret, struct kn_error *err)
{
    static const struct kn_stmt BEGIN = {
        "image_task_begin",
        "UPDATE image_task SET status = 'processing', attempts = attempts + 1, progress = 0, updated_at = now() "
        "WHERE id = $1 AND status IN ('pending', 'processing')",
        1
    };

    return kn_db_run(db, &BEGIN, KN_ARGS(id), NULL, err) < 0 ? -1 : rows_image_task_look(db, id, ret, err);
}

int kn_image_task_progress(struct kn_db *db, const char *id, int percent, const char *message, struct kn_error *err)
{
    static const struct kn_stmt PROGRESS = {
        "image_task_progress",
        "UPDATE image_task t SET progress = $2::smallint, message = $3, updated_at = now() WHERE id = $1 AND status = 'processing' "
        "AND EXISTS (SELECT FROM image i WHERE i.id = t.image_id AND i.status = 'importing' AND i.deleted_at IS NULL)",
        3
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
        "UPDATE image SET import = " ALL_WELL " FROM ended WHERE image.id = ended.image_id",
        1
    };
    int64_t changed = 0;

    if (kn_db_change(db, &SUCCEED, KN_ARGS(id), &changed, err) < 0) {
        return -1;
    }
    return changed == 1 ? 0 : kn_fail(err, KN_GONE, "the import was given up meanwhile");
}

int kn_image_task_needless(struct kn_db *db, const char *image_id, struct kn_error *err)
{
    static const struct kn_stmt NEEDLESS = { "image_task_needless",
                                             "UPDATE image SET import = " ALL_WELL " WHERE id = $1", 1 };

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
        "FROM ended WHERE image.id = ended.image_id AND image.status = 'importing' AND image.deleted_at IS NULL",
        2
    };

    static const struct kn_stmt OF = { "image_task_of", "SELECT image_id FROM image_task WHERE id = $1", 1 };
    enum { IMAGE };
    AUTO_RELEASE(kn_image_tally) struct kn_image_tally tally = KN_IMAGE_TALLY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *image;

    if (kn_db_run(db, &OF, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    image = kn_rows_count(rows) > 0 ? kn_rows_str(rows, 0, IMAGE) : NULL;
    return kn_image_tally_begin(&tally, db, image, err) < 0 || kn_db_run(db, &FAIL, KN_ARGS(id, message), NULL, err) < 0
               ? -1
               : kn_image_tally_end(&tally, db, image, err);
}

int kn_image_task_expire(struct kn_db *db, int64_t *ret_count, struct kn_error *err)
{
    static const struct kn_stmt EXPIRE = { "image_task_expire", "DELETE FROM image_task WHERE expires_at < now()", 0 };

    return kn_db_change(db, &EXPIRE, KN_NO_ARGS, ret_count, err);
}

/* --- Glance's view ---------------------------------------------------------------------------------------------------- */

static int add_word(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                    struct kn_error *err)
{
    for (const char *const *word = a->words; *word != NULL; word++) {
        if (strcmp(*word, value) == 0) {
            return kn_rest_equal(l, a, key, value, err);
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "Invalid %s value: %.64s", key, value);
}

static const char *const STATUSES[] = { "pending", "processing", "success", "failure", NULL };
static const char *const TYPES[] = { "import", KN_IMAGE_TASK_TYPE, NULL };

/* Sorted by what Glance's own client sorts by (status, unless told otherwise), and the times. */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "id", KN_REST_UUID, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("type", "'" KN_IMAGE_TASK_TYPE "'::text", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND,
                 .filter = add_word, .words = TYPES),
    KN_REST_ATTR("status", "status", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND, .filter = add_word, .words = STATUSES),
    KN_REST_ATTR("owner", "owner", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("image_id", "image_id", KN_REST_UUID, KN_REST_SHOW),
    KN_REST_ATTR("user_id", "user_id", KN_REST_TEXT, KN_REST_SHOW),
    KN_REST_ATTR("request_id", "request_id", KN_REST_TEXT, KN_REST_SHOW),
    KN_REST_ATTR("input", "input", KN_REST_JSON, KN_REST_SHOW),
    KN_REST_ATTR("message", "message", KN_REST_TEXT, KN_REST_SHOW),
    KN_REST_ATTR("result", "result", KN_REST_JSON, KN_REST_SHOW),
    KN_REST_ATTR("created_at", "created_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("updated_at", "updated_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("expires_at", "expires_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_IF_SET),
    KN_REST_ATTR("self", "'/v2/tasks/' || id", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("schema", "'/v2/schemas/task'", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTRS_END,
};

const struct kn_rest_noun kn_image_task_noun = {
    .one = "task",
    .many = "tasks",
    .label = "task",
    .path = "/tasks",
    .from = "image_task",
    .id = "id",
    .id_type = KN_REST_UUID,
    .order = "created_at",
    .ties = "created_at,id",
    .attrs = ATTRS,
    .manners = &KN_REST_GLANCE,
};
