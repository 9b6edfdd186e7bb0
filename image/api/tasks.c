/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Glance's tasks: to look at. A task is made by POST …/import alone; the older way of making them here is refused, as is deleting
 * them: they go by themselves.
 */
#include <string.h>

#include "image/api/private.h"
#include "image/rows/image_task.h"
#include "image/rows/noun.h"
#include "lib/base/cleanup.h"
#include "lib/rest/write.h"

static bool tasks_is_one_of(const char *word, const char *const *words)
{
    while (*words != NULL && strcmp(*words, word) != 0) {
        words++;
    }
    return *words != NULL;
}

int kn_image_api_task_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const char *const TYPES[] = { "import", KN_IMAGE_TASK_TYPE, "location_import", NULL };
    const json_t *type = json_object_get(req->body, "type");

    (void)res;
    if (!json_is_object(req->body)) {
        return kn_fail(err, KN_BAD_REQUEST, "Body expected in request.");
    }
    if (type == NULL || json_object_get(req->body, "input") == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Task '%s' is required", type == NULL ? "type" : "input");
    }
    if (!json_is_string(type) || !tasks_is_one_of(json_string_value(type), TYPES) ||
        !json_is_object(json_object_get(req->body, "input"))) {
        return kn_fail(err, KN_BAD_REQUEST, "Provided object does not match schema 'task'");
    }
    kn_fail(err, KN_FORBIDDEN, "Tasks are not created by themselves at this site.");
    return kn_fail_hint(err, "create an image and import its data: POST /v2/images/{id}/import");
}

int kn_image_api_task_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&kn_image_task_noun, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_image_api_task_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    kn_response_header(res, "Allow", "GET");
    return kn_fail(
        err, KN_METHOD_NOT_ALLOWED,
        "This operation is currently not permitted on Glance Tasks. They are auto deleted after reaching the time "
        "based on their expires_at property.");
}

/* All of an image's, whole. */
int kn_image_api_image_tasks(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound bounds[] = { { "image_id = ?", req->params[0] }, { NULL, NULL } };
    struct kn_rest_noun noun = kn_image_task_noun;
    bool is_owned = false;

    noun.is_unpaged = true;
    noun.limit_default = KN_MAX_PAGE;
    return kn_rest_see(&kn_image_noun, req, req->params[0], &is_owned, err) < 0
               ? -1
               : kn_rest_list_within(&noun, req, KN_REST_SHOW, NULL, bounds, res, err);
}

int kn_image_api_tasks(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_image_task_noun, req, KN_REST_LIST, NULL, res, err);
}
