/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of projects over HTTP. A domain's are read as those of the project that it can be read as. */
#include "identity/api/handlers.h"
#include "identity/api/view.h"
#include "identity/rows/nouns.h"
#include "identity/rows/realm.h"
#include "lib/rest/labels.h"

static const struct kn_schema BODY[] = {
    KN_SCHEMA("tags", KN_IS_LIST, .flags = KN_REQUIRED | KN_UNIQUE, .inner = kn_identity_tag_body,
              .limit = KN_LIMIT_PROJECT_TAGS),
    KN_SCHEMA_END,
};

static int tags_enter(struct kn_request *req, struct kn_error *err)
{
    return kn_identity_realm_check(req, KN_REALM_PROJECT, req->params[0], err);
}

static int tags_fit(struct kn_request *req, const struct kn_rows *now, const json_t *whole, struct kn_error *err)
{
    (void)req;
    (void)now;
    return json_array_size(whole) <= KN_MAX_PROJECT_TAGS
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Invalid input for field 'tags': a project has at most %d",
                         KN_MAX_PROJECT_TAGS);
}

static const struct kn_rest_labels TAGS = {
    .noun = &kn_identity_tagged_project_noun,
    .attr = "tags",
    .key = "tags",
    .is_set = true,
    .says_where = true,
    .body = BODY,
    .words = &KN_SCHEMA_KEYSTONE,
    .absent = "Could not find project tag: %2.",
    .taken = "Invalid input for field 'tags': the project has the tag %2 already",
    .enter = tags_enter,
    .fits = tags_fit,
    .print = kn_identity_view_here,
};

int kn_identity_tags_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_list(&TAGS, req, res, err);
}

int kn_identity_tags_replace(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_replace(&TAGS, req, res, err);
}

int kn_identity_tags_clear(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_labels_clear(&TAGS, req, err);
}

int kn_identity_tags_check(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_show(&TAGS, req, res, err);
}

int kn_identity_tags_add(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_put(&TAGS, req, res, err);
}

int kn_identity_tags_remove(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_labels_drop(&TAGS, req, err);
}
