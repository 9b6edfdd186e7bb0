/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Glance's tasks: to look at. A task is made by POST …/import alone; the older way of making them here is refused, as is deleting
 * them: they go by themselves.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/api_private.h"
#include "image/image_task.h"
#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/domain/limits.h"

static bool is_one_of(const char *word, const char *const *words)
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
    if (!json_is_string(type) || !is_one_of(json_string_value(type), TYPES) ||
        !json_is_object(json_object_get(req->body, "input"))) {
        return kn_fail(err, KN_BAD_REQUEST, "Provided object does not match schema 'task'");
    }
    kn_fail(err, KN_FORBIDDEN, "Tasks are not created by themselves at this site.");
    return kn_fail_hint(err, "create an image and import its data: POST /v2/images/{id}/import");
}

int kn_image_api_task_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_image_task_show(req->db, req->params[0], &res->body, err);
}

int kn_image_api_task_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    kn_response_header(res, "Allow", "GET");
    return kn_fail(err, KN_METHOD_NOT_ALLOWED,
                   "This operation is currently not permitted on Glance Tasks. They are auto deleted after reaching the time "
                   "based on their expires_at property.");
}

int kn_image_api_image_tasks(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image image;

    if (kn_image_get(req->db, &req->caller, req->params[0], false, &rows, &image, err) < 0) {
        return -1;
    }
    return kn_image_task_of_image(req->db, image.id, &res->body, err);
}

/* --- the list ---------------------------------------------------------------------------------------------------------- */

static int read_limit(const char *text, int *ret, struct kn_error *err)
{
    char *end = NULL;

    errno = 0;
    const long limit = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "limit param must be an integer");
    }
    if (limit < 0) {
        return kn_fail(err, KN_BAD_REQUEST, "limit param must be positive");
    }
    *ret = limit < KN_MAX_PAGE ? (int)limit : KN_MAX_PAGE;
    return 0;
}

static int read_query(const struct kn_request *req, struct kn_image_task_query *q, struct kn_error *err)
{
    static const char *const STATUSES[] = { "pending", "processing", "success", "failure", NULL };
    static const char *const TYPES[] = { "import", KN_IMAGE_TASK_TYPE, NULL };
    static const char *const DIRECTIONS[] = { "asc", "desc", NULL };
    const char *limit = kn_request_query(req, "limit");
    const char *direction = kn_request_query(req, "sort_dir");

    *q = (struct kn_image_task_query){ .status = kn_request_query(req, "status"), .type = kn_request_query(req, "type"),
                                       .marker = kn_request_query(req, "marker"), .sort_key = kn_request_query(req, "sort_key"),
                                       .limit = 25 };
    if (q->status != NULL && !is_one_of(q->status, STATUSES)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid status value: %.64s", q->status);
    }
    if (q->type != NULL && !is_one_of(q->type, TYPES)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid type value: %.64s", q->type);
    }
    if (q->marker != NULL && !kn_uuid_valid(q->marker)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid marker format");
    }
    if (direction != NULL && !is_one_of(direction, DIRECTIONS)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid sort direction: %.64s", direction);
    }
    q->ascending = direction != NULL && strcmp(direction, "asc") == 0;
    return limit != NULL ? read_limit(limit, &q->limit, err) : 0;
}

/* The query string without its marker. */
static void add_param(void *ctx, const char *key, const char *value)
{
    struct kn_strbuf *params = ctx;

    if (strcmp(key, "marker") != 0) {
        kn_strbuf_addch(params, params->len == 0 ? '?' : '&');
        kn_strbuf_addurl(params, key);
        kn_strbuf_addch(params, '=');
        kn_strbuf_addurl(params, value);
    }
}

int kn_image_api_tasks(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf params = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf link = KN_STRBUF_INIT;
    struct kn_image_task_query q;
    char last[KN_UUID_SIZE] = "";
    int count = 0;

    if (read_query(req, &q, err) < 0) {
        return -1;
    }
    kn_request_query_each(req, add_param, &params);
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "tasks");
    if (kn_image_task_list(req->db, &q, &res->body, &count, last, err) < 0) {
        return -1;
    }
    kn_jsonw_end_array(&res->body);
    kn_strbuf_addf(&link, "/v2/tasks%s", params.buf);
    kn_jsonw_str(&res->body, "first", link.buf);
    if (count > 0 && count == q.limit) {
        kn_strbuf_addf(&link, "%cmarker=%s", params.len == 0 ? '?' : '&', last);
        kn_jsonw_str(&res->body, "next", link.buf);
    }
    kn_jsonw_str(&res->body, "schema", "/v2/schemas/tasks");
    kn_jsonw_end_object(&res->body);
    return 0;
}
