/* SPDX-License-Identifier: Apache-2.0 */
/* What users write on a server: metadata and tags. Each change is one statement that also counts, so that two at once cannot pass a limit. */
#include "compute/rows/server.h"
#include "lib/domain/limits.h"

static const struct kn_stmt MERGE = {
    "server_metadata_merge",
    "UPDATE server SET metadata = metadata || $2::jsonb, updated_at = now() WHERE id = $1 AND deleted_at IS NULL AND "
    "($3::bigint < 0 OR (SELECT count(*) FROM jsonb_object_keys(metadata || $2::jsonb)) <= $3::bigint) RETURNING metadata",
    3
};
static const struct kn_stmt REPLACE = {
    "server_metadata_replace",
    "UPDATE server SET metadata = $2::jsonb, updated_at = now() WHERE id = $1 AND deleted_at IS NULL AND "
    "($3::bigint < 0 OR (SELECT count(*) FROM jsonb_object_keys($2::jsonb)) <= $3::bigint) RETURNING metadata",
    3
};
static const struct kn_stmt REMOVE = {
    "server_metadata_remove",
    "UPDATE server SET metadata = metadata - $2, updated_at = now() WHERE id = $1 AND deleted_at IS NULL AND metadata ? $2",
    2
};
static const struct kn_stmt TAGS = {
    "server_tags_replace",
    "UPDATE server SET tags = $2::text[], updated_at = now() WHERE id = $1 AND deleted_at IS NULL", 2
};
static const struct kn_stmt TAG_ADD = {
    "server_tag_add",
    "UPDATE server SET tags = CASE WHEN $2 = ANY(tags) THEN tags ELSE tags || $2::text END, updated_at = now() WHERE id = $1 "
    "AND deleted_at IS NULL AND ($2 = ANY(tags) OR cardinality(tags) < $3::integer) "
    "RETURNING cardinality(tags) > (SELECT cardinality(old.tags) FROM server old WHERE old.id = $1) AS is_new",
    3
};
static const struct kn_stmt TAG_REMOVE = {
    "server_tag_remove",
    "UPDATE server SET tags = array_remove(tags, $2), updated_at = now() WHERE id = $1 AND deleted_at IS NULL "
    "AND $2 = ANY(tags)",
    2
};

/* Tasks before the server, as everybody locks them. */
static const struct kn_stmt DESCRIBE_END = {
    "server_describe_end",
    "UPDATE task SET state = 'done', finished_at = now(), deadline = NULL WHERE object_id = $1 AND kind = 'server.describe' "
    "AND state IN ('run', 'undo')",
    1
};

int kn_compute_server_describe_begin(struct kn_db *db, const char *id, struct kn_error *err)
{
    return kn_db_run(db, &DESCRIBE_END, KN_ARGS(id), NULL, err);
}

int kn_compute_server_describe(const struct kn_request *req, const struct kn_rows *seen, int64_t *ret_task,
                               struct kn_error *err)
{
    const struct kn_task_wish wish = { "server.describe",
                                       kn_rows_text(seen, 0, KN_SERVER_ID),
                                       kn_rows_text(seen, 0, KN_SERVER_PROJECT),
                                       req->caller.user_id,
                                       req->request_id,
                                       NULL };

    *ret_task = 0;
    return kn_rows_null(seen, 0, KN_SERVER_HOST) ? 0 : kn_task_insert(req->db, &wish, ret_task, err);
}

int kn_compute_server_metadata_check(const char *text, struct kn_error *err)
{
    return kn_limit_fits(KN_LIMIT_SERVER_METADATA, text)
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Metadata is too large: a server's keys and values have at most %d bytes in all",
                         KN_MAX_SERVER_METADATA);
}

static int write_metadata(struct kn_db *db, const struct kn_stmt *stmt, const char *id, const char *json, int64_t limit,
                          struct kn_rows **ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg number;

    if (kn_db_run(db, stmt, KN_ARGS(id, json, kn_arg_int(&number, limit)), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_QUOTA, "Maximum number of metadata items exceeds %lld", (long long)limit);
    }
    if (kn_compute_server_metadata_check(kn_rows_text(rows, 0, kn_rows_col(rows, "metadata")), err) < 0) {
        return -1;
    }
    *ret = kn_steal(&rows);
    return 0;
}

int kn_compute_server_metadata_merge(struct kn_db *db, const char *id, const char *json, int64_t limit,
                                     struct kn_rows **ret, struct kn_error *err)
{
    return write_metadata(db, &MERGE, id, json, limit, ret, err);
}

int kn_compute_server_metadata_replace(struct kn_db *db, const char *id, const char *json, int64_t limit,
                                       struct kn_rows **ret, struct kn_error *err)
{
    return write_metadata(db, &REPLACE, id, json, limit, ret, err);
}

int kn_compute_server_metadata_remove(struct kn_db *db, const char *id, const char *key, struct kn_error *err)
{
    int64_t changed = 0;

    if (kn_db_change(db, &REMOVE, KN_ARGS(id, key), &changed, err) < 0) {
        return -1;
    }
    return changed == 0 ? kn_fail(err, KN_NOT_FOUND, "Metadata item was not found") : 0;
}

int kn_compute_server_tags_replace(struct kn_db *db, const char *id, const char *tags, struct kn_error *err)
{
    return kn_db_run(db, &TAGS, KN_ARGS(id, tags), NULL, err);
}

int kn_compute_server_tag_add(struct kn_db *db, const char *id, const char *tag, bool *ret_new, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg most;

    if (kn_db_run(db, &TAG_ADD, KN_ARGS(id, tag, kn_arg_int(&most, KN_MAX_SERVER_TAGS)), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_BAD_REQUEST, "The number of tags exceeded the per-server limit %d", KN_MAX_SERVER_TAGS);
    }
    *ret_new = kn_rows_bool(rows, 0, kn_rows_col(rows, "is_new"));
    return 0;
}

int kn_compute_server_tag_remove(struct kn_db *db, const char *id, const char *tag, bool *ret_removed,
                                 struct kn_error *err)
{
    int64_t changed = 0;

    if (kn_db_change(db, &TAG_REMOVE, KN_ARGS(id, tag), &changed, err) < 0) {
        return -1;
    }
    *ret_removed = changed > 0;
    return 0;
}
