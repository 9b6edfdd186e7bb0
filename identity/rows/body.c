/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the few things that the bodies and queries of all nouns share. */
#include "identity/rows/body.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define EXTRA_MAX 16384 /* bytes of JSON */
#define LAST_US INT64_C(253402300799000000) /* the year 9999 */

const struct kn_schema kn_body_nothing[] = { KN_SCHEMA_END };
const struct kn_schema kn_body_immutable[] = { KN_SCHEMA("immutable", KN_IS_BOOLEAN, .flags = KN_NULLABLE), KN_SCHEMA_END };
const struct kn_schema kn_body_tag[] = {
    KN_SCHEMA("tags", KN_IS_STRING, .limit = KN_LIMIT_PROJECT_TAG, .rule = &KN_TEXT_TAG), KN_SCHEMA_END,
};

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

static bool is_field(const struct kn_schema *fields, const char *name)
{
    for (; fields->name != NULL; fields++) {
        if (strcmp(fields->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static int take_extra(const json_t *object, const struct kn_schema *fields, json_t *named, json_t *extra, struct kn_error *err)
{
    static const char *const OURS[] = { "id", "links", "federated", "password_expires_at", "domain_id", "parent_id", "is_domain", "options", NULL };
    const char *name = NULL;
    json_t *value = NULL;

    json_object_foreach((json_t *)(uintptr_t)object, name, value) {
        if (is_field(fields, name)) {
            json_object_set(named, name, value);
            continue;
        }
        for (int i = 0; OURS[i] != NULL; i++) {
            if (strcmp(OURS[i], name) == 0) {
                return kn_fail(err, KN_BAD_REQUEST, "\"%s\" cannot be set here", name);
            }
        }
        json_object_set(extra, name, value);
    }
    return 0;
}

int kn_body_open_object(struct kn_request *req, const char *key, const struct kn_schema *fields, const json_t **ret, const char **ret_extra,
                        struct kn_error *err)
{
    json_auto_t *named = json_object(), *extra = json_object(), *outer = json_object();
    const struct kn_schema any[] = { KN_SCHEMA(key, KN_IS_OBJECT, .flags = KN_REQUIRED), KN_SCHEMA_END };
    const struct kn_schema one[] = { KN_SCHEMA(key, KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = fields), KN_SCHEMA_END };
    const json_t *object = json_object_get(req->body, key);

    if (kn_schema_check(any, req->body, 0, err) < 0) {
        return -1;
    }
    if (json_object_size(object) == 0 && strcmp(req->method, "PATCH") == 0) { /* minProperties of Keystone's schemas of updates */
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for field '%s': {} does not have enough properties", key);
    }
    if (take_extra(object, fields, named, extra, err) < 0) {
        return -1;
    }
    json_object_set(outer, key, named);
    if (kn_schema_check(one, outer, 0, err) < 0) {
        return -1;
    }
    AUTO_FREE char *text = json_dumps(extra, JSON_COMPACT);
    if (strlen(text) > EXTRA_MAX) {
        return kn_fail(err, KN_BAD_REQUEST, "the attributes of your own take more than %d bytes", EXTRA_MAX);
    }
    *ret = object;
    *ret_extra = kn_request_strdup(req, text);
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
    const json_t *options = json_object_get(object, "options");
    if (json_object_get(options, "immutable") != NULL) {
        ret->immutable = kn_schema_bool(options, "immutable", false) ? "true" : "false";
    }
}

int kn_body_tags(const json_t *object, struct kn_array *array, const char **ret, struct kn_error *err)
{
    const json_t *tags = json_object_get(object, "tags");

    for (size_t i = 0; i < json_array_size(tags); i++) {
        const char *tag = json_string_value(json_array_get(tags, i));
        for (size_t k = 0; k < i; k++) {
            if (strcmp(tag, json_string_value(json_array_get(tags, k))) == 0) {
                return kn_fail(err, KN_BAD_REQUEST, "Invalid input for field 'tags': '%.80s' is there twice", tag);
            }
        }
        kn_array_add(array, tag);
    }
    *ret = tags != NULL ? kn_array_value(array) : NULL;
    return 0;
}

int kn_body_expiry(const json_t *object, char out[KN_TIME_SIZE], const char **ret, struct kn_error *err)
{
    const char *text = json_string_value(json_object_get(object, "expires_at"));
    int64_t us = 0;

    if (text == NULL) {
        *ret = NULL;
        return 0;
    }
    if (kn_time_parse(text, &us) < 0 || us > LAST_US) {
        return kn_fail(err, KN_BAD_REQUEST, "expires_at is \"%.64s\", which is no time like 2026-11-21T10:00:00", text);
    }
    if (us <= kn_now_us()) {
        return kn_fail(err, KN_BAD_REQUEST, "expires_at is in the past");
    }
    kn_time_iso_us(us, out);
    *ret = out;
    return 0;
}

bool kn_body_flag(const struct kn_request *req, const char *key)
{
    const char *value = kn_request_query(req, key);
    return value != NULL && strcmp(value, "0") != 0 && strcasecmp(value, "false") != 0;
}
