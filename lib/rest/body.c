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

struct kn_schema kn_rest_field(const struct kn_rest_attr *a, unsigned method)
{
    return (struct kn_schema){
        .name = a->name,
        .shape = a->inner_shape != KN_IS_STRING ? a->inner_shape : kn_rest_shape(a->type),
        .flags = ((a->may & (method == KN_REST_POST ? KN_REST_REQUIRED : KN_REST_PUT_REQUIRED)) != 0 ? KN_REQUIRED
                                                                                                     : 0u) |
                 ((a->may & (KN_REST_NULL | KN_REST_CLEAR | KN_REST_NULL_IS_NOTHING)) != 0 ? KN_NULLABLE : 0u) |
                 ((a->may & KN_REST_EXACT) != 0 ? KN_EXACT : 0u) | ((a->may & KN_REST_UNIQUE) != 0 ? KN_UNIQUE : 0u),
        .limit = a->limit,
        .rule = a->rule,
        .words = a->words,
        .inner = a->inner,
        .since = a->since,
        .until = a->until,
    };
}

/* The attributes that this method takes, as the schema's rows. */
static void make_schema(const struct kn_rest_noun *noun, unsigned method, struct kn_schema fields[FIELDS_MAX + 1])
{
    size_t count = 0;

    for (const struct kn_rest_attr *a = noun->attrs; a->name != NULL && count < FIELDS_MAX; a++) {
        if ((a->may & method) != 0 && a->type != KN_REST_MEMBERS) {
            fields[count++] = kn_rest_field(a, method);
        }
    }
    fields[count] = (struct kn_schema)KN_SCHEMA_END;
}

static const struct kn_schema_words *words_of(const struct kn_rest_noun *noun)
{
    return noun->manners->words != NULL ? noun->manners->words : &KN_SCHEMA_NOVA;
}

/* What answers show and this method does not take, if the service has words for it. */
static int check_method(const struct kn_rest_noun *noun, unsigned method, const json_t *object, struct kn_error *err)
{
    const char *words = method == KN_REST_PUT ? noun->manners->not_in_put : noun->manners->not_in_post;

    for (const struct kn_rest_attr *a = noun->attrs; words != NULL && a->name != NULL; a++) {
        if ((a->may & method) == 0 && json_object_get(object, a->name) != NULL) {
            return kn_rest_fail(err, noun->manners->not_written_code, words, a->name, noun->one);
        }
    }
    return 0;
}

/* What a new object has anyway may be said by everybody: rules are for those who want something else. */
static bool is_default(unsigned method, const struct kn_rest_attr *a, const json_t *object)
{
    const json_t *value = json_object_get(object, a->name);

    return method == KN_REST_POST &&
           (json_is_null(value) || (a->type == KN_REST_BOOL && !kn_schema_bool(object, a->name, true)) ||
            (json_is_object(value) && json_object_size(value) == 0));
}

/* What not everybody may write, of what this body says. */
static int check_writer(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned method,
                        const json_t *object, struct kn_error *err)
{
    for (const struct kn_rest_attr *a = noun->attrs; a->name != NULL; a++) {
        if ((a->may & method) != 0 && json_object_get(object, a->name) != NULL && !is_default(method, a, object) &&
            kn_policy_check(method == KN_REST_POST ? a->post : a->put, &req->caller, NULL, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static bool says_nothing(const struct kn_rest_attr *a, const json_t *object)
{
    const json_t *value = json_object_get(object, a->name);

    return value == NULL || json_is_null(value) ||
           (a->type == KN_REST_BOOL && !kn_schema_bool(object, a->name, true)) ||
           (json_is_string(value) && json_string_length(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

static int check_unbuilt(const struct kn_rest_noun *noun, const json_t *object, struct kn_error *err)
{
    for (const struct kn_rest_attr *a = noun->attrs; a->name != NULL; a++) {
        if ((a->may & KN_REST_UNBUILT) != 0 && !says_nothing(a, object)) {
            return kn_rest_fail(err, KN_BAD_REQUEST, noun->manners->unbuilt, a->name, noun->one);
        }
    }
    return 0;
}

static void drop_nothing(const struct kn_rest_noun *noun, json_t *object)
{
    for (const struct kn_rest_attr *a = noun->attrs; a->name != NULL; a++) {
        if ((a->may & KN_REST_NULL_IS_NOTHING) != 0 && json_is_null(json_object_get(object, a->name))) {
            json_object_del(object, a->name);
        }
    }
}

/* What a shape alone does not say of an object. */
static int check_one(const struct kn_rest_noun *noun, struct kn_request *req, unsigned method, json_t *object,
                     struct kn_error *err)
{
    if (check_writer(noun, req, method, object, err) < 0 || check_unbuilt(noun, object, err) < 0) {
        return -1;
    }
    drop_nothing(noun, object);
    return noun->check != NULL ? noun->check(req, object, err) : 0;
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

static bool body_is_named(const struct kn_schema *fields, const char *name)
{
    while (fields->name != NULL && strcmp(fields->name, name) != 0) {
        fields++;
    }
    return fields->name != NULL;
}

static bool body_is_reserved(const struct kn_rest_manners *m, const char *name)
{
    const char *const *word = m->reserved;

    while (word != NULL && *word != NULL && strcmp(*word, name) != 0) {
        word++;
    }
    return word != NULL && *word != NULL;
}

static int body_split(const struct kn_rest_noun *noun, const struct kn_schema *fields, const json_t *said,
                      json_t *named, json_t *own, struct kn_error *err)
{
    const char *name = NULL;
    json_t *value = NULL;

    json_object_foreach ((json_t *)(uintptr_t)said, name, value) { /* jansson walks over non-const objects only */
        if (!body_is_named(fields, name) && body_is_reserved(noun->manners, name)) {
            return kn_fail(err, KN_BAD_REQUEST, "\"%s\" cannot be set here", name);
        }
        json_object_set(body_is_named(fields, name) ? named : own, name, value);
    }
    return 0;
}

static int body_check_own(const json_t *own, struct kn_error *err)
{
    AUTO_FREE char *text = json_dumps(own, JSON_COMPACT);

    return strlen(text) <= OWN_MAX
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "the attributes of your own take more than %d bytes", OWN_MAX);
}

/* {"<one>": {…}} with the client's own attributes put together under one name. */
static int read_open(const struct kn_rest_noun *noun, struct kn_request *req, unsigned method,
                     const struct kn_schema *fields, const char *own_name, struct kn_error *err)
{
    const struct kn_schema any[] = { KN_SCHEMA(noun->one, KN_IS_OBJECT, .flags = KN_REQUIRED), KN_SCHEMA_END };
    json_t *named = json_object(), *said = json_object_get(req->body, noun->one);
    json_auto_t *own = json_object(), *outer = json_object();

    json_object_set_new(outer, noun->one, named);
    if (kn_schema_check_in(words_of(noun), any, req->body, req->microversion, err) < 0) {
        return -1;
    }
    if (method == KN_REST_PUT && json_object_size(said) == 0 && noun->manners->empty_change != NULL) {
        return kn_rest_fail(err, KN_BAD_REQUEST, noun->manners->empty_change, noun->one, "");
    }
    if (body_split(noun, fields, said, named, own, err) < 0) {
        return -1;
    }
    const struct kn_schema body[] = { KN_SCHEMA(noun->one, KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = fields),
                                      KN_SCHEMA_END };
    if (kn_schema_check_in(words_of(noun), body, outer, req->microversion, err) < 0 || body_check_own(own, err) < 0) {
        return -1;
    }
    if (json_object_size(own) > 0) {
        json_object_set(named, own_name, own);
    }
    json_object_set(req->body, noun->one, named);
    return 0;
}

/* --- bodies --------------------------------------------------------------------------------------------------------------- */

static int check_envelope(const struct kn_rest_noun *noun, struct kn_request *req, unsigned method,
                          struct kn_error *err)
{
    struct kn_schema fields[FIELDS_MAX + 1];
    const struct kn_schema body[] = { KN_SCHEMA(noun->one, KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = fields),
                                      KN_SCHEMA_END };
    const struct kn_rest_attr *own = own_of(noun, method);

    make_schema(noun, method, fields);
    return own != NULL ? read_open(noun, req, method, fields, own->name, err)
                       : kn_schema_check_in(words_of(noun), body, req->body, req->microversion, err);
}

/* An object whose envelope the service has words of its own for, or none. */
static int check_bare(const struct kn_rest_noun *noun, struct kn_request *req, unsigned method, const json_t *object,
                      struct kn_error *err)
{
    struct kn_schema fields[FIELDS_MAX + 1];

    make_schema(noun, method, fields);
    if (check_method(noun, method, object, err) < 0) {
        return -1;
    }
    if (kn_schema_check_in(words_of(noun), noun->body != NULL ? noun->body : fields, object, req->microversion, err) ==
        0) {
        return 0;
    }
    return noun->manners->is_bare ? kn_fail_context(err, "Provided object does not match schema '%s'", noun->one) : -1;
}

int kn_rest_body(const struct kn_rest_noun *noun, struct kn_request *req, unsigned method, json_t **ret,
                 struct kn_error *err)
{
    const struct kn_rest_manners *m = noun->manners;
    const bool is_bare = m->is_bare || m->no_object != NULL;
    json_t *object = m->is_bare ? req->body : json_object_get(req->body, noun->one);

    if (m->no_object != NULL && (!json_is_object(object) || json_object_size(req->body) != 1)) {
        return kn_rest_fail(err, KN_BAD_REQUEST, m->no_object, noun->one, "");
    }
    if (is_bare ? check_bare(noun, req, method, object, err) < 0 : check_envelope(noun, req, method, err) < 0) {
        return -1;
    }
    *ret = m->is_bare ? req->body : json_object_get(req->body, noun->one); /* which may have been put together anew */
    return check_one(noun, req, method, *ret, err);
}

static int body_check_list(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_error *err)
{
    struct kn_schema fields[FIELDS_MAX + 1];
    const struct kn_schema item[] = { KN_SCHEMA(noun->one, KN_IS_OBJECT, .inner = fields), KN_SCHEMA_END };
    const struct kn_schema body[] = {
        KN_SCHEMA(noun->many, KN_IS_LIST, .flags = KN_REQUIRED, .inner = item, .limit = noun->many_limit),
        KN_SCHEMA_END,
    };

    make_schema(noun, KN_REST_POST, fields);
    return kn_schema_check_in(words_of(noun), body, req->body, req->microversion, err);
}

/* Some clients send {"ports": [{"port": {…}}]}: what is in the box is meant. */
static void body_unbox(const struct kn_rest_noun *noun, json_t *list)
{
    json_t *object = NULL;
    size_t i = 0;

    json_array_foreach (list, i, object) {
        json_t *inner = json_object_size(object) == 1 ? json_object_get(object, noun->one) : NULL;

        if (json_is_object(inner)) {
            json_array_set(list, i, inner);
        }
    }
}

/* Item by item, so that each is refused as it would be alone. */
static int check_bulk(const struct kn_rest_noun *noun, struct kn_request *req, json_t *list, struct kn_error *err)
{
    const json_t *object;
    size_t i;

    body_unbox(noun, list);

    if (json_array_size(list) == 0) {
        return kn_rest_fail(err, KN_BAD_REQUEST,
                            json_is_array(list) ? noun->manners->no_objects : noun->manners->no_object, noun->many, "");
    }
    json_array_foreach (list, i, object) {
        if (!json_is_object(object)) {
            return kn_rest_fail(err, KN_BAD_REQUEST, noun->manners->no_object, noun->one, "");
        }
        if (check_bare(noun, req, KN_REST_POST, object, err) < 0) {
            return -1;
        }
    }
    return 0;
}

int kn_rest_body_many(const struct kn_rest_noun *noun, struct kn_request *req, json_t **ret, struct kn_error *err)
{
    json_t *objects = json_object_get(req->body, noun->many), *object = NULL;
    size_t i = 0;

    if ((noun->manners->no_objects != NULL ? check_bulk(noun, req, objects, err) : body_check_list(noun, req, err)) <
        0) {
        return -1;
    }
    json_array_foreach (objects, i, object) {
        if (check_one(noun, req, KN_REST_POST, object, err) < 0) {
            return -1;
        }
    }
    *ret = objects;
    return 0;
}
