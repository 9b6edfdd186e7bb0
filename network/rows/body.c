/* SPDX-License-Identifier: Apache-2.0 */
/* body.c: checks what clients send, attribute by attribute. Knows kinds, not nouns; the tables stand next to their handlers. */
#include "network/rows/body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "network/address/ipam.h"
#include "network/address/mac.h"

static const struct kn_attr *attr_of(const struct kn_attr *attrs, const char *name)
{
    while (attrs->name != NULL && strcmp(attrs->name, name) != 0) {
        attrs++;
    }
    return attrs->name != NULL ? attrs : NULL;
}

static int fail_value(const struct kn_attr *attr, const json_t *value, const char *reason, struct kn_error *err)
{
    AUTO_FREE char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

    return kn_fail(err, KN_BAD_REQUEST, "Invalid input for %s. Reason: '%.100s' %s.", attr->name, text, reason);
}

/* -1: not a boolean. */
static int bool_of(const json_t *value)
{
    static const struct {
        const char *word;
        int value;
    } WORDS[] = { { "true", 1 }, { "1", 1 }, { "yes", 1 }, { "on", 1 }, { "t", 1 }, { "false", 0 }, { "0", 0 }, { "no", 0 },
                  { "off", 0 }, { "f", 0 } };

    if (json_is_boolean(value)) {
        return json_is_true(value);
    }
    if (json_is_integer(value) && (json_integer_value(value) == 0 || json_integer_value(value) == 1)) {
        return (int)json_integer_value(value);
    }
    for (size_t i = 0; json_is_string(value) && i < KN_COUNT(WORDS); i++) {
        if (strcasecmp(json_string_value(value), WORDS[i].word) == 0) {
            return WORDS[i].value;
        }
    }
    return -1;
}

static bool int_of(const json_t *value, int64_t *ret)
{
    const char *text = json_string_value(value);
    char *end = NULL;

    if (json_is_integer(value)) {
        *ret = json_integer_value(value);
        return true;
    }
    if (text == NULL || text[0] == '\0') {
        return false;
    }
    errno = 0;
    *ret = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0';
}

/* What is compared as text further on is written in one way: a checked body holds lower-case ids. */
static int check_uuid(const struct kn_attr *attr, const json_t *value, struct kn_error *err)
{
    AUTO_FREE char *text = kn_strdup(json_string_value(value));

    if (!kn_uuid_valid(text)) {
        return fail_value(attr, value, "is not a valid UUID", err);
    }
    kn_uuid_lower(text);
    json_string_set((json_t *)(uintptr_t)value, text);
    return 0;
}

static int check_text(const struct kn_attr *attr, const json_t *value, struct kn_error *err)
{
    if (!json_is_string(value)) {
        return fail_value(attr, value, "is not a valid string", err);
    }
    return !kn_limit_fits(attr->limit, json_string_value(value)) ? fail_value(attr, value, "exceeds its maximum length", err) : 0;
}

static int check_int(const struct kn_attr *attr, const json_t *value, struct kn_error *err)
{
    int64_t number;

    if (!int_of(value, &number)) {
        return fail_value(attr, value, "is not an integer", err);
    }
    return kn_limit_short(attr->limit, number) || kn_limit_long(attr->limit, number) ? fail_value(attr, value, "is out of range", err) : 0;
}

static int check_kind(const struct kn_attr *attr, const json_t *value, struct kn_error *err);

/* Each item's members, blamed on the list that they are in. */
static int check_item(const struct kn_attr *list, const json_t *item, struct kn_error *err)
{
    const char *name;
    json_t *value;

    if (!json_is_object(item)) {
        return fail_value(list, item, "is not a dictionary", err);
    }
    json_object_foreach ((json_t *)(uintptr_t)item, name, value) {
        const struct kn_attr *inner = attr_of(list->inner, name);

        if (inner == NULL) {
            return fail_value(list, item, "has a key that is not known here", err);
        }
        const struct kn_attr blamed = { list->name, inner->kind, inner->flags, inner->limit, inner->inner };

        if (check_kind(&blamed, value, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int check_items(const struct kn_attr *list, const json_t *items, struct kn_error *err)
{
    const json_t *item;
    size_t i;

    if (list->inner == NULL) {
        return 0;
    }
    json_array_foreach (items, i, item) {
        if (check_item(list, item, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int check_kind(const struct kn_attr *attr, const json_t *value, struct kn_error *err)
{
    const char *text = json_string_value(value);
    uint8_t mac[6];
    uint32_t ip;

    switch (attr->kind) {
    case KN_ATTR_TEXT:
        return check_text(attr, value, err);
    case KN_ATTR_BOOL:
        return bool_of(value) >= 0 ? 0 : fail_value(attr, value, "cannot be converted to boolean", err);
    case KN_ATTR_INT:
        return check_int(attr, value, err);
    case KN_ATTR_UUID:
        return check_uuid(attr, value, err);
    case KN_ATTR_IPV4:
        return kn_ipv4_parse(text, &ip) ? 0 : fail_value(attr, value, "is not a valid IP address", err);
    case KN_ATTR_MAC:
        return kn_mac_parse(text, mac) ? 0 : fail_value(attr, value, "is not a valid MAC address", err);
    case KN_ATTR_LIST:
        return json_is_array(value) ? check_items(attr, value, err) : fail_value(attr, value, "is not a list", err);
    case KN_ATTR_DICT:
        return json_is_object(value) ? 0 : fail_value(attr, value, "is not a dictionary", err);
    case KN_ATTR_NONE:
        return fail_value(attr, value, "is not supported by this cloud", err);
    case KN_ATTR_FALSE:
        return bool_of(value) == 0 ? 0 : fail_value(attr, value, "is not supported by this cloud", err);
    case KN_ATTR_EMPTY:
        return json_is_array(value) && json_array_size(value) == 0 ? 0 : fail_value(attr, value, "is not supported by this cloud", err);
    }
    return 0;
}

/* What a new object has anyway may be said by everybody: rules are for those who want something else. */
static bool is_default(const struct kn_attr_ask *ask, const struct kn_attr *attr, const json_t *value)
{
    return ask->method == KN_ATTR_POST && (json_is_null(value) || (attr->kind == KN_ATTR_BOOL && bool_of(value) == 0) ||
                                           (attr->kind == KN_ATTR_DICT && json_is_object(value) && json_object_size(value) == 0));
}

static int check_attr(const struct kn_attr_ask *ask, const char *name, const json_t *value, struct kn_error *err)
{
    const struct kn_attr *attr = attr_of(ask->attrs, name);

    if (attr == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Unrecognized attribute(s) '%.64s'", name);
    }
    if ((attr->flags & ask->method) == 0) {
        return ask->method == KN_ATTR_PUT ? kn_fail(err, KN_BAD_REQUEST, "Cannot update read-only attribute %s", name)
                                          : kn_fail(err, KN_BAD_REQUEST, "Attribute '%s' not allowed in POST", name);
    }
    if ((attr->flags & KN_ATTR_ADMIN) != 0 && !ask->is_admin && !is_default(ask, attr, value)) {
        return kn_fail(err, KN_FORBIDDEN, "rule:%s_%s:%s is disallowed by policy",
                       ask->method == KN_ATTR_PUT ? "update" : "create", ask->noun, name);
    }
    if (json_is_null(value)) {
        bool is_fine = (attr->flags & KN_ATTR_NULL) != 0 || attr->kind == KN_ATTR_NONE || attr->kind == KN_ATTR_FALSE;

        return is_fine ? 0 : fail_value(attr, value, "is not a valid value", err);
    }
    return check_kind(attr, value, err);
}

int kn_attrs_check(const struct kn_attr_ask *ask, const json_t *object, struct kn_error *err)
{
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)object, name, value) {
        if (check_attr(ask, name, value, err) < 0) {
            return -1;
        }
    }
    for (const struct kn_attr *attr = ask->attrs; attr->name != NULL; attr++) {
        if (ask->method == KN_ATTR_POST && (attr->flags & KN_ATTR_REQUIRED) != 0 && !kn_attr_has(object, attr->name)) {
            return kn_fail(err, KN_BAD_REQUEST, "Failed to parse request. Required attribute '%s' not specified", attr->name);
        }
    }
    return 0;
}

static int fail_missing(const char *noun, struct kn_error *err)
{
    return kn_fail(err, KN_BAD_REQUEST, "Unable to find '%s' in request body", noun);
}

static int check_objects(const json_t *items, const char *plural, struct kn_error *err)
{
    const json_t *item;
    size_t i;

    if (json_array_size(items) == 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Resources required");
    }
    json_array_foreach (items, i, item) {
        if (!json_is_object(item)) {
            return kn_fail(err, KN_BAD_REQUEST, "Invalid input for %s. Reason: an item is not a dictionary.", plural);
        }
    }
    return 0;
}

int kn_body_items(const json_t *body, const char *noun, const char *plural, json_t **ret_items, bool *ret_bulk,
                  struct kn_error *err)
{
    json_t *one = json_object_get(body, noun), *many = json_object_get(body, plural);

    if (json_object_size(body) != 1 || (one == NULL && many == NULL)) {
        return fail_missing(noun, err);
    }
    json_t *items = many != NULL ? json_incref(many) : json_pack("[O]", one);

    if (!json_is_array(items) ? fail_missing(plural, err) < 0 : check_objects(items, plural, err) < 0) {
        json_decref(items);
        return -1;
    }
    *ret_items = items;
    *ret_bulk = many != NULL;
    return 0;
}

int kn_body_item(const json_t *body, const char *noun, const json_t **ret_item, struct kn_error *err)
{
    const json_t *item = json_object_get(body, noun);

    if (json_object_size(body) != 1 || !json_is_object(item)) {
        return fail_missing(noun, err);
    }
    *ret_item = item;
    return 0;
}

const char *kn_attr_text(const json_t *object, const char *name, const char *dflt)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : dflt;
}

bool kn_attr_bool(const json_t *object, const char *name, bool dflt)
{
    const json_t *value = json_object_get(object, name);

    return value == NULL || json_is_null(value) ? dflt : bool_of(value) == 1;
}

int64_t kn_attr_int(const json_t *object, const char *name, int64_t dflt)
{
    int64_t number;

    return int_of(json_object_get(object, name), &number) ? number : dflt;
}

bool kn_attr_has(const json_t *object, const char *name)
{
    return json_object_get(object, name) != NULL;
}

int kn_attr_project(const json_t *object, const char *caller_project, bool is_admin, const char **ret,
                    struct kn_error *err)
{
    const char *project = kn_attr_text(object, "project_id", NULL), *tenant = kn_attr_text(object, "tenant_id", NULL);
    const char *wanted = project != NULL ? project : tenant != NULL ? tenant : caller_project;

    if (project != NULL && tenant != NULL && strcmp(project, tenant) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "'project_id' and 'tenant_id' do not match");
    }
    if (!is_admin && strcmp(wanted, caller_project) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Specifying 'project_id' or 'tenant_id' other than the authenticated project in request "
                                            "requires admin privileges");
    }
    if (wanted[0] == '\0') {
        return kn_fail(err, KN_BAD_REQUEST, "project_id must be specified");
    }
    *ret = wanted;
    return 0;
}
