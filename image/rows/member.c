/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of image_member. Who may touch which is image/api/members.c's. */
#include "image/rows/member.h"

#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"

#define TIME(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
#define COLUMNS "member, image_id, status, " TIME("created_at") ", " TIME("updated_at")

int kn_member_list(struct kn_db *db, const char *image_id, const char *project, struct kn_rows **ret_rows,
                   struct kn_error *err)
{
    static const struct kn_stmt LIST = {
        "member_list",
        "SELECT " COLUMNS " FROM image_member WHERE image_id = $1 AND $2 IN ('', member) ORDER BY created_at, member", 2
    };

    return kn_db_run(db, &LIST, KN_ARGS(image_id, project), ret_rows, err);
}

int kn_member_add(struct kn_db *db, const char *image_id, const char *project, struct kn_rows **ret_rows,
                  struct kn_error *err)
{
    static const struct kn_stmt COUNT = { "member_count", "SELECT count(*) FROM image_member WHERE image_id = $1", 1 };
    static const struct kn_stmt ADD = {
        "member_add",
        "INSERT INTO image_member (image_id, member) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING " COLUMNS, 2
    };
    AUTO(kn_rows) struct kn_rows *count = NULL;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &COUNT, KN_ARGS(image_id), &count, err) < 0) {
        return -1;
    }
    if (kn_rows_int(count, 0, 0) >= KN_MAX_IMAGE_MEMBERS) {
        return kn_fail(err, KN_TOO_LARGE, "Image member limit exceeded for image %s: at most %d", image_id,
                       KN_MAX_IMAGE_MEMBERS);
    }
    if (kn_db_run(db, &ADD, KN_ARGS(image_id, project), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_CONFLICT, "Member %.64s is duplicated for image %s", project, image_id);
    }
    *ret_rows = kn_steal(&rows);
    return 0;
}

static int fail_not_member(const char *image_id, const char *project, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "%.64s not found in the member list of the image %s.", project, image_id);
}

int kn_member_answer(struct kn_db *db, const char *image_id, const char *project, const char *status,
                     struct kn_rows **ret_rows, struct kn_error *err)
{
    static const struct kn_stmt ANSWER = {
        "member_answer",
        "UPDATE image_member SET status = $3, updated_at = now() WHERE image_id = $1 AND member = $2 RETURNING " COLUMNS,
        3
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (strcmp(status, "pending") != 0 && strcmp(status, "accepted") != 0 && strcmp(status, "rejected") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Incorrect request: Status must be \"pending\", \"accepted\" or \"rejected\".");
    }
    if (kn_db_run(db, &ANSWER, KN_ARGS(image_id, project, status), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return fail_not_member(image_id, project, err);
    }
    *ret_rows = kn_steal(&rows);
    return 0;
}

int kn_member_delete(struct kn_db *db, const char *image_id, const char *project, struct kn_error *err)
{
    static const struct kn_stmt DELETE = {
        "member_delete", "DELETE FROM image_member WHERE image_id = $1 AND member = $2", 2
    };
    int64_t deleted = 0;

    if (kn_db_change(db, &DELETE, KN_ARGS(image_id, project), &deleted, err) < 0) {
        return -1;
    }
    return deleted == 1 ? 0 : fail_not_member(image_id, project, err);
}

void kn_member_print(const struct kn_rows *rows, int row, struct kn_strbuf *out)
{
    static const char *const KEYS[] = { "member_id", "image_id", "status", "created_at", "updated_at" };

    kn_jsonw_object(out, NULL);
    for (int i = 0; i < (int)(sizeof(KEYS) / sizeof(KEYS[0])); i++) {
        kn_jsonw_str(out, KEYS[i], kn_rows_text(rows, row, i));
    }
    kn_jsonw_str(out, "schema", "/v2/schemas/member");
    kn_jsonw_end_object(out);
}
