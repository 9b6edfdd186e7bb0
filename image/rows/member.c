/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of image_member and what is shown of them. Who may touch which is image/api/members.c's. */
#include "image/rows/member.h"

#include "lib/base/cleanup.h"
#include "lib/rest/manners.h"

static const char *const STATUSES[] = { "pending", "accepted", "rejected", NULL };

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("member_id", "m.member", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("image_id", "m.image_id", KN_REST_UUID, KN_REST_SHOWN),
    KN_REST_ATTR("status", "m.status", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_PUT | KN_REST_PUT_REQUIRED,
                 .words = STATUSES),
    KN_REST_ATTR("created_at", "m.created_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("updated_at", "m.updated_at", KN_REST_TIME, KN_REST_SHOWN),
    KN_REST_ATTR("schema", "'/v2/schemas/member'", KN_REST_TEXT, KN_REST_SHOWN),
    /* openstacksdk says it in a PUT, too */
    KN_REST_ATTR("member", NULL, KN_REST_TEXT, KN_REST_WRITE | KN_REST_REQUIRED, .limit = KN_LIMIT_IMAGE_MEMBER),
    KN_REST_ATTRS_END,
};

const struct kn_rest_noun kn_image_members = {
    .one = "member",
    .many = "members",
    .label = "member",
    .path = "/members",
    .from = "image_member m",
    .id = "m.member",
    .id_type = KN_REST_TEXT,
    .order = "created_at",
    .ascending = true,
    .ties = "created_at,member_id",
    .is_unpaged = true,
    .limit_default = KN_MAX_PAGE,
    .attrs = ATTRS,
    .manners = &KN_REST_GLANCE,
    .absent = "%2 not found in the member list of the image.",
};

int kn_image_member_add(struct kn_db *db, const char *image_id, const char *project, struct kn_error *err)
{
    static const struct kn_stmt COUNT = { "member_count", "SELECT count(*) FROM image_member WHERE image_id = $1", 1 };
    enum { MEMBERS };
    static const struct kn_stmt ADD = {
        "member_add", "INSERT INTO image_member (image_id, member) VALUES ($1, $2) ON CONFLICT DO NOTHING", 2
    };
    AUTO(kn_rows) struct kn_rows *count = NULL;
    int64_t added = 0;

    if (kn_db_run(db, &COUNT, KN_ARGS(image_id), &count, err) < 0) {
        return -1;
    }
    if (kn_rows_int(count, 0, MEMBERS) >= KN_MAX_IMAGE_MEMBERS) {
        return kn_fail(err, KN_TOO_LARGE, "Image member limit exceeded for image %s: at most %d", image_id,
                       KN_MAX_IMAGE_MEMBERS);
    }
    if (kn_db_change(db, &ADD, KN_ARGS(image_id, project), &added, err) < 0) {
        return -1;
    }
    return added == 1 ? 0 : kn_fail(err, KN_CONFLICT, "Member %.64s is duplicated for image %s", project, image_id);
}

/* The one member, or that he is none. */
static int member_change(struct kn_db *db, const struct kn_stmt *stmt, const char *const *args, struct kn_error *err)
{
    int64_t changed = 0;

    if (kn_db_change(db, stmt, args, &changed, err) < 0) {
        return -1;
    }
    return changed == 1 ? 0 : kn_rest_not_found(&kn_image_members, args[1], err);
}

int kn_image_member_answer(struct kn_db *db, const char *image_id, const char *project, const char *status,
                           struct kn_error *err)
{
    static const struct kn_stmt ANSWER = {
        "member_answer", "UPDATE image_member SET status = $3, updated_at = now() WHERE image_id = $1 AND member = $2",
        3
    };

    return member_change(db, &ANSWER, KN_ARGS(image_id, project, status), err);
}

int kn_image_member_delete(struct kn_db *db, const char *image_id, const char *project, struct kn_error *err)
{
    static const struct kn_stmt DELETE = { "member_delete",
                                           "DELETE FROM image_member WHERE image_id = $1 AND member = $2", 2 };

    return member_change(db, &DELETE, KN_ARGS(image_id, project), err);
}
