/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies against the table of a noun. What a value means, and whether what it names exists, is the noun's own functions' business. */
#include <stdint.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/rest/manners.h"
#include "lib/rest/type.h"
#include "lib/rest/write.h"

#define FIELDS_MAX 64
#define OWN_MAX 16384 /* bytes of JSON that a client's own attributes of one object take */

/* The attributes that this method takes, as the schema's rows. */
static void make_schema(const struct kn_rest_noun *noun, unsigned method, struct kn_schema fields[FIELDS_MAX + 1])
{
    size_t count = 0;

    for (const struct kn_rest_attr *a = noun->attrs; a->name != NULL && count < FIELDS_MAX; a++) {
        if ((a->may & method) == 0 || a->type == KN_REST_MEMBERS) {
            continue;
        }
        fields[count++] = (struct kn_schema){
            .name = a->name, .shape = a->inner != NULL && a->type == KN_REST_JSON ? a->inner_shape : kn_rest_shape(a->type),
            .flags = (method == KN_REST_POST && (a->may & KN_REST_REQUIRED) != 0 ? KN_REQUIRED : 0u) |
                     ((a->may & KN_REST_NULL) != 0 ? KN_NULLABLE : 0u) | ((a->may & KN_REST_EXACT) != 0 ? KN_EXACT : 0u) |
                     ((a->may & KN_REST_UNIQUE) != 0 ? KN_UNIQUE : 0u),
            .limit = a->limit, .rule = a->rule, .words = a->words, .inner = a->inner,
            .since = a->since, .until = a->until,
        };
    }
    fields[count] = (struct kn_schema)KN_SCHEMA_END;
}

/* What not everybody may write, of what this body says. */
static int check_writer(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned method, const json_t *object,
                        struct kn_error *err)
{
    for (const struct kn_rest_attr *a = noun->attrs; a->name != NULL; a++) {
        if ((a->may & method) != 0 && json_object_get(object, a->name) != NULL &&
            kn_policy_check(method == KN_REST_POST ? a->post : a->put, &req->caller, NULL, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int check_one(const struct kn_rest_noun *noun, struct kn_request *req, unsigned method, json_t *object, struct kn_error *err)
{
    return check_writer(noun, req, method, object, err) < 0 ? -1 : noun->check != NULL ? noun->check(req, object, err) : 0;
}

/* --- attributes of the client's own --------------------------------------------------------------------------------------- */

static const struct kn_rest_attr *own_of(const struct kn_rest_noun *noun, unsigned method)
{
    const struct kn_rest_attr *a = noun->attrs;

    while (a->name != NULL && (a->type != KN_REST_MEMBERS || (a->may & method) == 0)) {
        a++;
    }
    return a->name != NULL ? a : NULL;
}

static bool is_named(const struct kn_schema *fields, const char *name)
{
    while (fields->name != NULL && strcmp(fields->name, name) != 0) {
        fields++;
    }
    return fields->name != NULL;
}

static bool is_reserved(const struct kn_rest_manners *m, const char *name)
{
    const char *const *word = m->reserved;

    while (word != NULL && *word != NULL && strcmp(*word, name) != 0) {
        word++;
    }
    return word != NULL && *word != NULL;
}

static int split(const struct kn_rest_noun *noun, const struct kn_schema *fields, const json_t *said, json_t *named, json_t *own,
                 struct kn_error *err)
{
    const char *name = NULL;
    json_t *value = NULL;

    json_object_foreach((json_t *)(uintptr_t)said, name, value) { /* jansson walks over non-const objects only */
        if (!is_named(fields, name) && is_reserved(noun->manners, name)) {
            return kn_fail(err, KN_BAD_REQUEST, "\"%s\" cannot be set here", name);
        }
        json_object_set(is_named(fields, name) ? named : own, name, value);
    }
    return 0;
}

static int check_own(const json_t *own, struct kn_error *err)
{
    AUTO_FREE char *text = json_dumps(own, JSON_COMPACT);

    return strlen(text) <= OWN_MAX ? 0
                                   : kn_fail(err, KN_BAD_REQUEST, "the attributes of your own take more than %d bytes", OWN_MAX);
}

/* {"<one>": {…}} with the client's own attributes put together under one name. */
static int read_open(const struct kn_rest_noun *noun, struct kn_request *req, unsigned method, const struct kn_schema *fields,
                     const char *own_name, struct kn_error *err)
{
    const struct kn_schema any[] = { KN_SCHEMA(noun->one, KN_IS_OBJECT, .flags = KN_REQUIRED), KN_SCHEMA_END };
    json_t *named = json_object(), *said = json_object_get(req->body, noun->one);
    json_auto_t *own = json_object(), *outer = json_object();

    json_object_set_new(outer, noun->one, named);
    if (kn_schema_check(any, req->body, req->microversion, err) < 0) {
        return -1;
    }
    if (method == KN_REST_PUT && json_object_size(said) == 0 && noun->manners->empty_change != NULL) {
        return kn_rest_fail(err, KN_BAD_REQUEST, noun->manners->empty_change, noun->one, "");
    }
    if (split(noun, fields, said, named, own, err) < 0) {
        return -1;
    }
    const struct kn_schema body[] = { KN_SCHEMA(noun->one, KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = fields), KN_SCHEMA_END };
    if (kn_schema_check(body, outer, req->microversion, err) < 0 || check_own(own, err) < 0) {
        return -1;
    }
    if (json_object_size(own) > 0) {
        json_object_set(named, own_name, own);
    }
    json_object_set(req->body, noun->one, named);
    return 0;
}

/* --- bodies --------------------------------------------------------------------------------------------------------------- */

int kn_rest_body(const struct kn_rest_noun *noun, struct kn_request *req, unsigned method, json_t **ret, struct kn_error *err)
{
    struct kn_schema fields[FIELDS_MAX + 1];
    const struct kn_schema body[] = { KN_SCHEMA(noun->one, KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = fields), KN_SCHEMA_END };

    const struct kn_rest_attr *own = own_of(noun, method);

    make_schema(noun, method, fields);
    if ((own != NULL ? read_open(noun, req, method, fields, own->name, err)
                     : kn_schema_check(body, req->body, req->microversion, err)) < 0) {
        return -1;
    }
    *ret = json_object_get(req->body, noun->one);
    return check_one(noun, req, method, *ret, err);
}

int kn_rest_body_many(const struct kn_rest_noun *noun, struct kn_request *req, json_t **ret, struct kn_error *err)
{
    struct kn_schema fields[FIELDS_MAX + 1];
    const struct kn_schema item[] = { KN_SCHEMA(noun->one, KN_IS_OBJECT, .inner = fields), KN_SCHEMA_END };
    const struct kn_schema body[] = {
        KN_SCHEMA(noun->many, KN_IS_LIST, .flags = KN_REQUIRED, .inner = item, .limit = noun->many_limit), KN_SCHEMA_END,
    };
    json_t *object = NULL;
    size_t i = 0;

    make_schema(noun, KN_REST_POST, fields);
    if (kn_schema_check(body, req->body, req->microversion, err) < 0) {
        return -1;
    }
    *ret = json_object_get(req->body, noun->many);
    json_array_foreach(*ret, i, object) {
        if (check_one(noun, req, KN_REST_POST, object, err) < 0) {
            return -1;
        }
    }
    return 0;
}
