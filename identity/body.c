/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the few things that the bodies and queries of all nouns share. */
#include "identity/body.h"

#include "lib/base/mem.h"

const struct kn_schema kn_body_nothing[] = { KN_SCHEMA_END };

int kn_body_object(const struct kn_request *req, const char *key, const struct kn_schema *fields, const json_t **ret,
                   struct kn_error *err)
{
    const struct kn_schema outer[] = {
        KN_SCHEMA(key, KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = fields),
        KN_SCHEMA_END,
    };
    if (kn_schema_check(outer, req->body, 0, err) < 0) {
        return -1;
    }
    *ret = json_object_get(req->body, key);
    return 0;
}

const char *kn_body_text(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? "" : json_string_value(value);
}

void kn_body_change(const json_t *object, struct kn_change *ret)
{
    ret->name = kn_body_text(object, "name");
    ret->description = kn_body_text(object, "description");
    if (json_object_get(object, "enabled") != NULL) {
        ret->enabled = kn_schema_bool(object, "enabled", true) ? "true" : "false";
    }
}

int kn_body_filter(const struct kn_request *req, struct kn_filter *ret, struct kn_error *err)
{
    bool enabled = true;

    if (kn_request_query_bool(req, "enabled", true, &enabled, err) < 0) {
        return -1;
    }
    *ret = (struct kn_filter){
        .name = kn_request_query(req, "name"),
        .domain_id = kn_request_query(req, "domain_id"),
        .parent_id = kn_request_query(req, "parent_id"),
        .enabled = kn_request_query(req, "enabled") == NULL ? NULL : enabled ? "true" : "false",
    };
    return 0;
}
