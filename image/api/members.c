/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of shared images over HTTP. The owner offers and takes back, the member alone answers; a member sees himself in
 * the list and nobody else.
 */
#include <string.h>

#include "image/api/private.h"
#include "image/rows/member.h"
#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/domain/schema.h"

/* As the rule of the route says of whoever owns the image. */
static bool is_owner(const struct kn_request *req, const struct kn_image *image)
{
    return kn_policy_allows(req->route->rule, &req->caller, &(struct kn_target){ .project_id = image->owner });
}

/* The image, if it is one that has members at all. */
static int get_shared(struct kn_request *req, struct kn_rows **ret_rows, struct kn_image *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_image_get(req->db, &req->caller, req->params[0], false, &rows, ret, err) < 0) {
        return -1;
    }
    if (strcmp(ret->visibility, "shared") != 0) {
        return kn_fail(err, KN_FORBIDDEN, "Only shared images have members.");
    }
    *ret_rows = kn_steal(&rows);
    return 0;
}

/* The same, and his own. */
static int get_own(struct kn_request *req, struct kn_rows **ret_rows, struct kn_image *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (get_shared(req, &rows, ret, err) < 0) {
        return -1;
    }
    if (!is_owner(req, ret)) {
        return kn_fail(err, KN_FORBIDDEN, "Not allowed to change members of image %s.", ret->id);
    }
    *ret_rows = kn_steal(&rows);
    return 0;
}

int kn_image_api_members(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO(kn_rows) struct kn_rows *members = NULL;
    struct kn_image image;

    if (get_shared(req, &rows, &image, err) < 0 ||
        kn_member_list(req->db, image.id, is_owner(req, &image) ? "" : req->caller.project_id, &members, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "members");
    for (int i = 0; i < kn_rows_count(members); i++) {
        kn_member_print(members, i, &res->body);
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_str(&res->body, "schema", "/v2/schemas/members");
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_image_api_member(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO(kn_rows) struct kn_rows *members = NULL;
    struct kn_image image;

    if (get_shared(req, &rows, &image, err) < 0) {
        return err->code == KN_FORBIDDEN ? kn_fail(err, KN_NOT_FOUND, "Only shared images have members.") : -1;
    }
    const bool mine = is_owner(req, &image) || strcmp(req->params[1], req->caller.project_id) == 0;
    if (kn_member_list(req->db, image.id, req->params[1], &members, err) < 0) {
        return -1;
    }
    if (!mine || kn_rows_count(members) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "%.64s not found in the member list of the image %s.", req->params[1],
                       image.id);
    }
    kn_member_print(members, 0, &res->body);
    return 0;
}

#define TEXT(name, flag) KN_SCHEMA(name, KN_IS_STRING, .flags = flag, .limit = KN_LIMIT_IMAGE_MEMBER)
static const struct kn_schema ADD[] = { TEXT("member", KN_REQUIRED), KN_SCHEMA_END };
/* openstacksdk sends the member along. */
static const struct kn_schema ANSWER[] = { TEXT("status", KN_REQUIRED), TEXT("member", 0), KN_SCHEMA_END };

static const char *body_text(const struct kn_request *req, const struct kn_schema *fields, struct kn_error *err)
{
    return kn_schema_check(fields, req->body, 0, err) < 0 ? NULL : json_string_value(json_object_get(req->body, fields[0].name));
}

int kn_image_api_member_add(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO(kn_rows) struct kn_rows *added = NULL;
    struct kn_image image;
    const char *member = body_text(req, ADD, err);

    if (member == NULL || get_own(req, &rows, &image, err) < 0 ||
        kn_member_add(req->db, image.id, member, &added, err) < 0) {
        return -1;
    }
    kn_member_print(added, 0, &res->body);
    return 0;
}

int kn_image_api_member_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO(kn_rows) struct kn_rows *answered = NULL;
    struct kn_image image;
    const char *status = body_text(req, ANSWER, err);
    const char *named = json_string_value(json_object_get(req->body, "member"));

    if (status == NULL || get_shared(req, &rows, &image, err) < 0) {
        return -1;
    }
    if (named != NULL && strcmp(named, req->params[1]) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "the body is about member \"%.64s\", the path about another", named);
    }
    if (!kn_policy_allows(KN_GLANCE_MODIFY_MEMBER, &req->caller, &(struct kn_target){ .project_id = req->params[1] })) {
        return kn_fail(err, KN_FORBIDDEN, "Not allowed to update members for image %s.", image.id);
    }
    if (kn_member_answer(req->db, image.id, req->params[1], status, &answered, err) < 0) {
        return -1;
    }
    kn_member_print(answered, 0, &res->body);
    return 0;
}

int kn_image_api_member_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image image;

    (void)res;
    return get_own(req, &rows, &image, err) < 0 ? -1 : kn_member_delete(req->db, image.id, req->params[1], err);
}
