/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of shared images over HTTP. The owner offers and takes back, the member alone answers; a member sees himself in
 * the list and nobody else.
 */
#include <string.h>

#include "image/api/private.h"
#include "image/rows/member.h"
#include "lib/base/cleanup.h"
#include "lib/rest/write.h"

/* May the caller do to the image's members what the route is for? */
static bool is_owner(const struct kn_request *req, const char *owner)
{
    return kn_policy_allows(req->route->rule, &req->caller, &(struct kn_target){ .project_id = owner });
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
static int members_check_own(struct kn_request *req, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image image;

    if (get_shared(req, &rows, &image, err) < 0) {
        return -1;
    }
    return is_owner(req, image.owner)
               ? 0
               : kn_fail(err, KN_FORBIDDEN, "Not allowed to change members of image %s.", image.id);
}

int kn_image_api_members(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image image;

    if (get_shared(req, &rows, &image, err) < 0) {
        return -1;
    }
    const struct kn_rest_bound bounds[] = {
        { "m.image_id = ?", image.id },
        { is_owner(req, image.owner) ? NULL : "m.member = ?", req->caller.project_id },
        { NULL, NULL },
    };

    return kn_rest_list_within(&kn_image_members, req, KN_REST_LIST, NULL, bounds, res, err);
}

static int members_answer(struct kn_request *req, const char *member, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound bounds[] = { { "m.image_id = ?", req->params[0] }, { NULL, NULL } };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_rest_find(&kn_image_members, req, member, KN_REST_SHOW, bounds, &rows, err) < 0) {
        return -1;
    }
    kn_rest_write_one(&kn_image_members, req, KN_REST_SHOW, rows, res);
    return 0;
}

int kn_image_api_member(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image image;

    if (get_shared(req, &rows, &image, err) < 0) {
        return err->code == KN_FORBIDDEN ? kn_fail(err, KN_NOT_FOUND, "Only shared images have members.") : -1;
    }
    return is_owner(req, image.owner) || strcmp(req->params[1], req->caller.project_id) == 0
               ? members_answer(req, req->params[1], res, err)
               : kn_rest_not_found(&kn_image_members, req->params[1], err);
}

int kn_image_api_member_add(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    json_t *object = NULL;
    const char *member = kn_rest_body(&kn_image_members, req, KN_REST_POST, &object, err) < 0
                             ? NULL
                             : kn_schema_text(object, "member", "");

    return member == NULL || members_check_own(req, err) < 0 ||
                   kn_image_member_add(req->db, req->params[0], member, err) < 0
               ? -1
               : members_answer(req, member, res, err);
}

int kn_image_api_member_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image image;
    json_t *object = NULL;

    if (kn_rest_body(&kn_image_members, req, KN_REST_PUT, &object, err) < 0 ||
        get_shared(req, &rows, &image, err) < 0) {
        return -1;
    }
    const char *member = req->params[1], *status = kn_schema_text(object, "status", "");

    if (strcmp(kn_schema_text(object, "member", member), member) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "the body is about another member than \"%.64s\", whom the path names",
                       member);
    }
    if (!is_owner(req, member)) { /* of the answer: the member itself */
        return kn_fail(err, KN_FORBIDDEN, "Not allowed to update members for image %s.", image.id);
    }
    return kn_image_member_answer(req->db, image.id, member, status, err) < 0 ? -1
                                                                              : members_answer(req, member, res, err);
}

int kn_image_api_member_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return members_check_own(req, err) < 0 ? -1 : kn_image_member_delete(req->db, req->params[0], req->params[1], err);
}
