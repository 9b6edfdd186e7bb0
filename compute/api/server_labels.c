/* SPDX-License-Identifier: Apache-2.0 */
/* What users pin on a server: metadata, which its host is told of, and tags, which it is not. A server must be in a state that takes them. */
#include <string.h>

#include "compute/api.h"
#include "compute/rows/server.h"
#include "lib/adapter/quota.h"
#include "lib/rest/labels.h"
#include "lib/rest/manners.h"

static const struct kn_schema VALUE[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_META_VALUE),
                                          KN_SCHEMA_END };
static const struct kn_schema METADATA_BODY[] = {
    KN_SCHEMA("metadata", KN_IS_MAP, .flags = KN_REQUIRED, .rule = &KN_TEXT_META_KEY, .inner = VALUE),
    KN_SCHEMA_END,
};
static const struct kn_schema META_BODY[] = {
    KN_SCHEMA("meta", KN_IS_MAP, .flags = KN_REQUIRED, .limit = KN_LIMIT_ONE_ITEM, .rule = &KN_TEXT_META_KEY,
              .inner = VALUE),
    KN_SCHEMA_END,
};
static const struct kn_schema TAG[] = {
    KN_SCHEMA("tag", KN_IS_STRING, .limit = KN_LIMIT_SERVER_TAG, .rule = &KN_TEXT_TAG),
    KN_SCHEMA_END,
};
static const struct kn_schema TAGS_BODY[] = {
    KN_SCHEMA("tags", KN_IS_LIST, .flags = KN_REQUIRED, .limit = KN_LIMIT_SERVER_TAGS, .inner = TAG),
    KN_SCHEMA_END,
};

/* No more than is needed: lists and views of servers are server_noun.c's. */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("metadata", "s.metadata", KN_REST_JSON, 0, .column = "metadata"),
    KN_REST_ATTR("tags", "s.tags", KN_REST_TAGS, 0, .column = "tags"),
    KN_REST_ATTR("project_id", "s.project_id", KN_REST_TEXT, 0),
    KN_REST_ATTR("vm_state", "s.vm_state", KN_REST_TEXT, 0),
    KN_REST_ATTR("task_state", "s.task_state", KN_REST_TEXT, 0),
    KN_REST_ATTR("locked", "s.locked", KN_REST_BOOL, 0),
    KN_REST_ATTR("host", "s.host", KN_REST_TEXT, 0),
    KN_REST_ATTRS_END,
};

#define LABELLED \
    .one = "server", .many = "servers", .label = "Instance", .absent = "Instance %2 could not be found.", \
    .from = "server s", .id = "s.id", .id_type = KN_REST_UUID, .visible = "s.project_id = ?", \
    .kept = "s.deleted_at IS NULL", .attrs = ATTRS, .manners = &KN_REST_NOVA, .table = "server", \
    .lock = " FOR NO KEY UPDATE"

static const struct kn_rest_noun TAGGED; /* ATTRS are the same for both nouns, so each reads rows of the other */

static const char *server_labels_was(const struct kn_rows *now, const char *name)
{
    const char *text = kn_rest_was(&TAGGED, now, name);

    return text[0] != '\0' ? text : NULL;
}

static int server_labels_may(const struct kn_request *req, const char *id, const struct kn_rows *now,
                             const char *action, struct kn_error *err)
{
    return kn_server_action_allowed(kn_server_action(action), id, server_labels_was(now, "vm_state"),
                                    server_labels_was(now, "task_state"),
                                    strcmp(kn_rest_was(&TAGGED, now, "locked"), "t") == 0,
                                    kn_policy_allows(KN_NOVA_SERVER_LOCKED, &req->caller, NULL), err);
}

/* --- metadata --- */

/* Tasks before the server, as everybody locks them. */
static int metadata_before_lock(struct kn_request *req, const char *id, struct kn_error *err)
{
    return kn_compute_server_describe_begin(req->db, id, err);
}

static int metadata_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                           struct kn_error *err)
{
    (void)object;
    return server_labels_may(req, id, now, "update metadata", err);
}

static int metadata_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                          struct kn_error *err)
{
    int64_t task = 0;

    if (kn_compute_server_describe(req, id, server_labels_was(now, "project_id"), server_labels_was(now, "host"), &task,
                                   err) < 0) {
        return -1;
    }
    return json_object_set_new(object, "task", json_integer(task));
}

static const struct kn_rest_noun DESCRIBED = {
    LABELLED,
    .before_lock = metadata_before_lock,
    .decide = metadata_decide,
    .after = metadata_after,
    .tell = kn_rest_tell_task,
};

static int server_labels_metadata_fits(struct kn_request *req, const struct kn_rows *now, const json_t *whole,
                                       struct kn_error *err)
{
    AUTO_FREE char *text = json_dumps(whole, 0);
    int64_t most = 0;

    if (kn_quota_limit(req->db, KN_QUOTA_METADATA, server_labels_was(now, "project_id"), &most, err) < 0) {
        return -1;
    }
    return most < 0 || (int64_t)json_object_size(whole) <= most
               ? kn_compute_server_metadata_check(text, err)
               : kn_fail(err, KN_QUOTA, "Maximum number of metadata items exceeds %lld", (long long)most);
}

static const struct kn_rest_labels METADATA = {
    .noun = &DESCRIBED,
    .attr = "metadata",
    .key = "metadata",
    .item = "meta",
    .body = METADATA_BODY,
    .one = META_BODY,
    .absent = "Metadata item was not found",
    .mismatch = "Request body and URI mismatch",
    .fits = server_labels_metadata_fits,
};

int kn_compute_server_metadata_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_list(&METADATA, req, res, err);
}

int kn_compute_server_metadata_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_merge(&METADATA, req, res, err);
}

int kn_compute_server_metadata_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_replace(&METADATA, req, res, err);
}

int kn_compute_server_meta_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_show(&METADATA, req, res, err);
}

int kn_compute_server_meta_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_put(&METADATA, req, res, err);
}

int kn_compute_server_meta_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_labels_drop(&METADATA, req, err);
}

/* --- tags --- */

static int tags_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                       struct kn_error *err)
{
    (void)object;
    return server_labels_may(req, id, now, "update tag", err);
}

static const struct kn_rest_noun TAGGED = { LABELLED, .decide = tags_decide };

static int server_labels_tags_fit(struct kn_request *req, const struct kn_rows *now, const json_t *whole,
                                  struct kn_error *err)
{
    (void)req;
    (void)now;
    return json_array_size(whole) <= KN_MAX_SERVER_TAGS
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "The number of tags exceeded the per-server limit %d",
                         KN_MAX_SERVER_TAGS);
}

static const struct kn_rest_labels TAGS = {
    .noun = &TAGGED,
    .attr = "tags",
    .key = "tags",
    .is_set = true,
    .says_where = true,
    .body = TAGS_BODY,
    .absent = "Server %1 has no tag '%2'",
    .bad_word =
        "Tag '%2' is invalid. It must be a non empty string without characters '/' and ','. Maximum length is 60",
    .fits = server_labels_tags_fit,
};

int kn_compute_server_tags_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_list(&TAGS, req, res, err);
}

int kn_compute_server_tags_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_replace(&TAGS, req, res, err);
}

int kn_compute_server_tags_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_labels_clear(&TAGS, req, err);
}

int kn_compute_server_tag_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_show(&TAGS, req, res, err);
}

int kn_compute_server_tag_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_put(&TAGS, req, res, err);
}

int kn_compute_server_tag_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_labels_drop(&TAGS, req, err);
}
