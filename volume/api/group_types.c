/* SPDX-License-Identifier: Apache-2.0 */
/* Types of groups over HTTP: what lib/rest does for them, group specs one by one among it. */
#include <string.h>

#include "lib/rest/labels.h"
#include "lib/rest/list.h"
#include "lib/rest/write.h"
#include "volume/api/private.h"
#include "volume/rows/group_type.h"

int kn_volume_api_group_types(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_volume_group_type_noun, req, KN_REST_LIST, NULL, res, err);
}

/* "default" names the one that a setting would name: there is none. */
int kn_volume_api_group_type(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return strcmp(req->params[0], "default") == 0
               ? kn_fail(err, KN_NOT_FOUND, "Default group type can not be found.")
               : kn_rest_show(&kn_volume_group_type_noun, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_volume_api_group_type_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_create(&kn_volume_group_type_noun, req, res, err);
}

int kn_volume_api_group_type_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_update(&kn_volume_group_type_noun, req, req->params[0], res, err);
}

int kn_volume_api_group_type_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_delete(&kn_volume_group_type_noun, req, req->params[0], err);
}

/* --- group specs ------------------------------------------------------------------------------------------------------------ */

static const struct kn_schema SPEC[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_EXTRA_SPEC_VALUE),
                                         KN_SCHEMA_END };
static const struct kn_schema SPECS_BODY[] = {
    KN_SCHEMA("group_specs", KN_IS_MAP, .flags = KN_REQUIRED, .limit = KN_LIMIT_VOLUME_SPECS, .rule = &KN_TEXT_META_KEY,
              .inner = SPEC),
    KN_SCHEMA_END,
};
static const struct kn_rest_labels SPECS = {
    .noun = &kn_volume_group_type_noun,
    .attr = "specs",
    .key = "group_specs",
    .body = SPECS_BODY,
    .one = SPECS_BODY,
    .echoes = true,
    .absent = "Group Type %1 has no extra spec with key %2.",
    .mismatch = "Request body and URI mismatch",
};

int kn_volume_api_group_specs(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_list(&SPECS, req, res, err);
}

int kn_volume_api_group_spec(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_show(&SPECS, req, res, err);
}

int kn_volume_api_group_specs_add(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_merge(&SPECS, req, res, err);
}

int kn_volume_api_group_spec_set(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_put(&SPECS, req, res, err);
}

int kn_volume_api_group_spec_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_labels_drop(&SPECS, req, err);
}
