/* SPDX-License-Identifier: Apache-2.0 */
/* Labels over HTTP: what is done with the whole and with one, for maps and sets. Statements are write.c's and list.c's. */
#include "lib/rest/labels.h"

#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/rest/manners.h"

/* A change on its way through the transaction. */
struct labels_change {
    const struct kn_rest_labels *labels;
    /* Makes of the whole what the client wants; said: what he sent, NULL where the path says it. */
    int (*apply)(struct labels_change *c, struct kn_request *req, json_t *whole, struct kn_error *err);
    const json_t *said;
    bool is_new; /* a word that was not there before */
    bool shrinks; /* nothing is there that was not: no limit can refuse it */
    json_t *whole; /* what is there afterwards */
};

static int labels_absent(const struct kn_rest_labels *l, const struct kn_request *req, struct kn_error *err)
{
    kn_rest_fail(err, KN_NOT_FOUND, l->absent, req->params[0], req->params[1]);
    return l->absent_name != NULL ? kn_fail_name(err, l->absent_name) : -1;
}

static int labels_enter(const struct kn_rest_labels *l, struct kn_request *req, struct kn_error *err)
{
    return l->enter != NULL ? l->enter(req, err) : 0;
}

/* Where a word stands in the set; the set's size: nowhere. */
static size_t labels_place(const json_t *set, const char *word)
{
    size_t i = 0;

    while (i < json_array_size(set) && strcmp(json_string_value(json_array_get(set, i)), word) != 0) {
        i++;
    }
    return i;
}

static void labels_answer(const struct kn_rest_labels *l, const struct kn_request *req, const char *text,
                          struct kn_response *res)
{
    kn_jsonw_object(&res->body, NULL);
    if (l->print != NULL) {
        l->print(&res->body, req);
    }
    kn_jsonw_raw(&res->body, l->key, text);
    kn_jsonw_end_object(&res->body);
}

/* --- reading ------------------------------------------------------------------------------------------------------------ */

/* The row; *ret_text is its column, and lives as long. */
static int labels_read(const struct kn_rest_labels *l, struct kn_request *req, struct kn_rows **ret_rows,
                       const char **ret_text, struct kn_error *err)
{
    if (labels_enter(l, req, err) < 0 ||
        kn_rest_find(l->noun, req, req->params[0], KN_REST_NOW, NULL, ret_rows, err) < 0) {
        return -1;
    }
    *ret_text = kn_rest_was(l->noun, *ret_rows, l->attr);
    return 0;
}

int kn_rest_labels_list(const struct kn_rest_labels *l, struct kn_request *req, struct kn_response *res,
                        struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *text = NULL;

    if (labels_read(l, req, &rows, &text, err) < 0) {
        return -1;
    }
    labels_answer(l, req, text, res);
    return 0;
}

int kn_rest_labels_show(const struct kn_rest_labels *l, struct kn_request *req, struct kn_response *res,
                        struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *text = NULL;

    if (labels_read(l, req, &rows, &text, err) < 0) {
        return -1;
    }
    json_auto_t *whole = json_loads(text, 0, NULL);
    if (l->is_set) {
        return labels_place(whole, req->params[1]) < json_array_size(whole) ? 0 : labels_absent(l, req, err);
    }
    json_t *value = json_object_get(whole, req->params[1]);
    if (value == NULL) {
        return labels_absent(l, req, err);
    }
    json_t *one = json_pack("{s:O}", req->params[1], value);
    kn_response_json(res, l->item != NULL ? json_pack("{s:o}", l->item, one) : one);
    return 0;
}

/* --- what a change makes of the whole ----------------------------------------------------------------------------------- */

static int labels_add_all(struct labels_change *c, struct kn_request *req, json_t *whole, struct kn_error *err)
{
    const char *key = NULL;
    json_t *value = NULL;
    size_t i = 0;

    (void)req;
    (void)err;
    json_array_foreach (c->said, i, value) {
        if (labels_place(whole, json_string_value(value)) == json_array_size(whole)) {
            json_array_append(whole, value);
        }
    }
    json_object_foreach ((json_t *)(uintptr_t)c->said, key, value) { /* jansson walks over non-const objects only */
        AUTO_FREE char *number = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);

        json_object_set_new(whole, key, number != NULL ? json_string(number) : json_incref(value));
    }
    return 0;
}

static int labels_set_all(struct labels_change *c, struct kn_request *req, json_t *whole, struct kn_error *err)
{
    json_array_clear(whole);
    json_object_clear(whole);
    c->shrinks = c->said == NULL;
    return labels_add_all(c, req, whole, err);
}

static int labels_set_one(struct labels_change *c, struct kn_request *req, json_t *whole, struct kn_error *err)
{
    if (!c->labels->is_set) {
        return labels_add_all(c, req, whole, err);
    }
    c->is_new = labels_place(whole, req->params[1]) == json_array_size(whole);
    c->shrinks = !c->is_new;
    if (c->is_new) {
        return json_array_append_new(whole, json_string(req->params[1]));
    }
    return c->labels->taken == NULL ? 0 : kn_rest_fail(err, KN_BAD_REQUEST, c->labels->taken, "", req->params[1]);
}

static int labels_drop_one(struct labels_change *c, struct kn_request *req, json_t *whole, struct kn_error *err)
{
    const int rc = c->labels->is_set ? json_array_remove(whole, labels_place(whole, req->params[1]))
                                     : json_object_del(whole, req->params[1]);

    c->shrinks = true;
    return rc == 0 ? 0 : labels_absent(c->labels, req, err);
}

/* --- changing ----------------------------------------------------------------------------------------------------------- */

/* kn_rest_edit: the row is held. */
static int labels_edit(struct kn_request *req, const struct kn_rows *now, void *ctx, json_t *object,
                       struct kn_error *err)
{
    struct labels_change *c = ctx;
    const struct kn_rest_labels *l = c->labels;

    c->whole = json_loads(kn_rest_was(l->noun, now, l->attr), 0, NULL);
    if (c->apply(c, req, c->whole, err) < 0 ||
        (!c->shrinks && l->fits != NULL && l->fits(req, now, c->whole, err) < 0)) {
        return -1;
    }
    return json_object_set(object, l->attr, c->whole);
}

static int labels_change(struct labels_change *c, struct kn_request *req, struct kn_error *err)
{
    json_auto_t *object = json_object();

    return kn_rest_change_by(c->labels->noun, req, req->params[0], labels_edit, c, object, err);
}

static int labels_check(const struct kn_rest_labels *l, const struct kn_schema *schema, const struct kn_request *req,
                        const json_t *body, struct kn_error *err)
{
    return schema == NULL ? 0
                          : kn_schema_check_in(l->words != NULL ? l->words : &KN_SCHEMA_NOVA, schema, body,
                                               req->microversion, err);
}

/* POST and PUT of the whole. */
static int labels_change_all(struct labels_change *c, struct kn_request *req, bool echoes, struct kn_response *res,
                             struct kn_error *err)
{
    const struct kn_rest_labels *l = c->labels;

    if (labels_enter(l, req, err) < 0 || labels_check(l, l->body, req, req->body, err) < 0) {
        return -1;
    }
    c->said = json_object_get(req->body, l->key);
    const int rc = labels_change(c, req, err);
    AUTO_FREE char *text = json_dumps(echoes ? c->said : c->whole, JSON_COMPACT);
    json_decref(c->whole);
    if (rc == 0) {
        labels_answer(l, req, text, res);
    }
    return rc;
}

int kn_rest_labels_merge(const struct kn_rest_labels *l, struct kn_request *req, struct kn_response *res,
                         struct kn_error *err)
{
    struct labels_change c = { .labels = l, .apply = labels_add_all };

    return labels_change_all(&c, req, l->echoes, res, err);
}

int kn_rest_labels_replace(const struct kn_rest_labels *l, struct kn_request *req, struct kn_response *res,
                           struct kn_error *err)
{
    struct labels_change c = { .labels = l, .apply = labels_set_all };

    return labels_change_all(&c, req, false, res, err);
}

static int labels_take_away(const struct kn_rest_labels *l, struct kn_request *req,
                            int (*apply)(struct labels_change *c, struct kn_request *req, json_t *whole,
                                         struct kn_error *err),
                            struct kn_error *err)
{
    struct labels_change c = { .labels = l, .apply = apply };
    const int rc = labels_enter(l, req, err) < 0 ? -1 : labels_change(&c, req, err);

    json_decref(c.whole);
    return rc;
}

int kn_rest_labels_clear(const struct kn_rest_labels *l, struct kn_request *req, struct kn_error *err)
{
    return labels_take_away(l, req, labels_set_all, err);
}

int kn_rest_labels_drop(const struct kn_rest_labels *l, struct kn_request *req, struct kn_error *err)
{
    return labels_take_away(l, req, labels_drop_one, err);
}

/* A word is judged as one of a whole set is. */
static int labels_check_word(const struct kn_rest_labels *l, const struct kn_request *req, struct kn_error *err)
{
    json_auto_t *body = json_pack("{s:[s]}", l->key, req->params[1]);
    struct kn_error why = { 0 };

    if (l->bad_word == NULL) {
        return labels_check(l, l->body, req, body, err);
    }
    return labels_check(l, l->body, req, body, &why) == 0
               ? 0
               : kn_rest_fail(err, KN_BAD_REQUEST, l->bad_word, "", req->params[1]);
}

/* *ret: {"<label>": "<text>"}, borrowed from the body. */
static int labels_check_item(const struct kn_rest_labels *l, const struct kn_request *req, const json_t **ret,
                             struct kn_error *err)
{
    json_auto_t *alone = json_pack("{s:O}", l->key, req->body != NULL ? req->body : json_null());
    const json_t *item = l->item != NULL ? json_object_get(req->body, l->item) : req->body;

    if (labels_check(l, l->one, req, l->item != NULL ? req->body : alone, err) < 0) {
        return -1;
    }
    if (json_object_size(item) != 1 || json_object_get(item, req->params[1]) == NULL) {
        return kn_rest_fail(err, KN_BAD_REQUEST, l->mismatch, req->params[0], req->params[1]);
    }
    *ret = item;
    return 0;
}

static void labels_say_where(const struct kn_request *req, struct kn_response *res)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf location = KN_STRBUF_INIT;
    const int len = (int)(strlen(req->path) - strlen(req->params[1])); /* which ends the path */

    kn_strbuf_addf(&location, "%s%.*s", req->base_url, len, req->path);
    kn_strbuf_addurl(&location, req->params[1]);
    kn_response_header(res, "Location", location.buf);
    res->status = 201;
}

int kn_rest_labels_put(const struct kn_rest_labels *l, struct kn_request *req, struct kn_response *res,
                       struct kn_error *err)
{
    struct labels_change c = { .labels = l, .apply = labels_set_one };

    if (labels_enter(l, req, err) < 0 ||
        (l->is_set ? labels_check_word(l, req, err) : labels_check_item(l, req, &c.said, err)) < 0) {
        return -1;
    }
    const int rc = labels_change(&c, req, err);
    json_decref(c.whole);
    if (rc == 0 && !l->is_set) {
        kn_response_json(res, json_incref(req->body));
    }
    if (rc == 0 && c.is_new && l->says_where) {
        labels_say_where(req, res);
    }
    return rc;
}
