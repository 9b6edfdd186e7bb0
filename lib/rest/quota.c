/* SPDX-License-Identifier: Apache-2.0 */
/* Quota sets as JSON, out and in. Who asks for whose is the services' to decide. */
#include "lib/rest/quota.h"

#include <string.h>

#include "lib/base/jsonw.h"
#include "lib/base/mem.h"

static bool quota_shown(const struct kn_request *req, int until)
{
    return until == 0 || req->microversion <= until;
}

static void quota_detail(const struct kn_rest_quota_manners *manners, const struct kn_quota_line *line,
                         struct kn_strbuf *out)
{
    kn_jsonw_object(out, line->name);
    kn_jsonw_int(out, "limit", line->limit);
    kn_jsonw_int(out, manners->used, line->used);
    kn_jsonw_int(out, "reserved", 0);
    if (manners->has_allocated) {
        kn_jsonw_int(out, "allocated", 0);
    }
    kn_jsonw_end_object(out);
}

void kn_rest_quota_members(const struct kn_rest_quota_manners *manners, const struct kn_request *req,
                           const struct kn_quota_set *set, bool detail, struct kn_strbuf *out)
{
    for (int i = 0; i < set->count; i++) {
        if (!quota_shown(req, set->lines[i].until)) {
            continue;
        }
        if (detail) {
            quota_detail(manners, &set->lines[i], out);
        } else {
            kn_jsonw_int(out, set->lines[i].name, set->lines[i].limit);
        }
    }
}

/* {"<one>": {"id": …, …}}; key NULL: the manners' own; id NULL: none. */
static void quota_answer(const struct kn_rest_quota_manners *manners, const struct kn_request *req, const char *key,
                         const char *id, const struct kn_quota_set *set, bool detail, struct kn_response *res)
{
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, key != NULL ? key : manners->one);
    if (id != NULL) {
        kn_jsonw_str(&res->body, "id", id);
    }
    kn_rest_quota_members(manners, req, set, detail, &res->body);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
}

static const struct kn_schema NOTHING_MORE[] = { KN_SCHEMA_END };

/* Checks {"<key>": {…}}: limits of the set's lines, and what `more` allows beside them. *ret: the inner object, borrowed. */
static int quota_body(const struct kn_request *req, const char *key, const struct kn_quota_set *set,
                      const struct kn_schema *more, const json_t **ret, struct kn_error *err)
{
    int count = 0;

    while (more[count].name != NULL) {
        count++;
    }
    AUTO_FREE struct kn_schema *inner = kn_alloc(sizeof(*inner) * (size_t)(set->count + count + 1));
    const struct kn_schema body[] = { KN_SCHEMA(key, KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = inner),
                                      KN_SCHEMA_END };

    for (int i = 0; i < set->count; i++) {
        inner[i] = (struct kn_schema)KN_SCHEMA(set->lines[i].name, KN_IS_INTEGER, .limit = KN_LIMIT_QUOTA,
                                               .until = set->lines[i].until);
    }
    for (int i = 0; i < count; i++) {
        inner[set->count + i] = more[i];
    }
    if (kn_schema_check(body, req->body, req->microversion, err) < 0) {
        return -1;
    }
    *ret = json_object_get(req->body, key);
    return 0;
}

const struct kn_quota_line *kn_rest_quota_below(const struct kn_quota_set *set, const json_t *object, int64_t *ret)
{
    for (int i = 0; i < set->count; i++) {
        const int64_t limit = kn_schema_int(object, set->lines[i].name, -1);

        if (limit >= 0 && limit < set->lines[i].used) {
            *ret = limit;
            return &set->lines[i];
        }
    }
    return NULL;
}

/* project: the path's, or "": the defaults. */
static int quota_show_of(const struct kn_rest_quota_manners *manners, struct kn_request *req, const char *project,
                         bool detail, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_set) struct kn_quota_set set = KN_QUOTA_SET_INIT;

    if (manners->enter(req, err) < 0 || kn_quota_read(req->db, manners->service, project, &set, err) < 0) {
        return -1;
    }
    quota_answer(manners, req, NULL, manners->shows_id ? req->params[0] : NULL, &set, detail, res);
    return 0;
}

int kn_rest_quota_show(const struct kn_rest_quota_manners *manners, struct kn_request *req, bool detail,
                       struct kn_response *res, struct kn_error *err)
{
    return quota_show_of(manners, req, req->params[0], detail, res, err);
}

int kn_rest_quota_defaults(const struct kn_rest_quota_manners *manners, struct kn_request *req, struct kn_response *res,
                           struct kn_error *err)
{
    return quota_show_of(manners, req, "", false, res, err);
}

static int quota_read_body(const struct kn_rest_quota_manners *manners, struct kn_request *req,
                           const struct kn_quota_set *set, const json_t **ret, struct kn_error *err)
{
    json_t *object = NULL;

    if (manners->noun == NULL) {
        return quota_body(req, manners->one, set, manners->more != NULL ? manners->more : NOTHING_MORE, ret, err);
    }
    if (kn_rest_body(manners->noun, req, KN_REST_PUT, &object, err) < 0) {
        return -1;
    }
    *ret = object;
    return 0;
}

int kn_rest_quota_update(const struct kn_rest_quota_manners *manners, struct kn_request *req, struct kn_response *res,
                         struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_set) struct kn_quota_set set = KN_QUOTA_SET_INIT;
    const char *project = req->params[0];
    const json_t *in = NULL;

    if (kn_quota_read(req->db, manners->service, project, &set, err) < 0 ||
        quota_read_body(manners, req, &set, &in, err) < 0 || manners->enter(req, err) < 0 ||
        (manners->judge != NULL && manners->judge(in, &set, err) < 0) ||
        kn_quota_put(req->db, manners->service, project, &set, in, err) < 0 ||
        kn_quota_read(req->db, manners->service, project, &set, err) < 0) {
        return -1;
    }
    quota_answer(manners, req, NULL, NULL, &set, false, res);
    return 0;
}

int kn_rest_quota_reset(const struct kn_rest_quota_manners *manners, struct kn_request *req, struct kn_error *err)
{
    return manners->enter(req, err) < 0 ? -1 : kn_quota_reset(req->db, manners->service, req->params[0], err);
}

/* A set's lines become a class's. to_show: what is only taken goes, too. */
static void as_class(const struct kn_rest_quota_manners *manners, const struct kn_request *req, bool to_show,
                     struct kn_quota_set *set)
{
    for (const struct kn_rest_quota_in_class *row = manners->in_class; row != NULL && row->name != NULL; row++) {
        for (int i = 0; i < set->count; i++) {
            if (strcmp(set->lines[i].name, row->name) == 0) {
                set->lines[i].until = to_show && req->microversion < row->since ? -1 : row->until;
            }
        }
    }
}

int kn_rest_quota_class_show(const struct kn_rest_quota_manners *manners, struct kn_request *req,
                             struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_set) struct kn_quota_set set = KN_QUOTA_SET_INIT;

    if (kn_quota_read(req->db, manners->service, "", &set, err) < 0) {
        return -1;
    }
    as_class(manners, req, true, &set);
    quota_answer(manners, req, "quota_class_set", req->params[0], &set, false, res);
    return 0;
}

int kn_rest_quota_class_update(const struct kn_rest_quota_manners *manners, struct kn_request *req,
                               struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_set) struct kn_quota_set set = KN_QUOTA_SET_INIT;
    const json_t *in = NULL;

    if (kn_quota_read(req->db, manners->service, "", &set, err) < 0) {
        return -1;
    }
    as_class(manners, req, false, &set);
    if (quota_body(req, "quota_class_set", &set, NOTHING_MORE, &in, err) < 0) {
        return -1;
    }
    if (strcmp(req->params[0], "default") != 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Quota classes other than \"default\" are not supported: no project would be of class %.80s",
                       req->params[0]);
    }
    if (kn_quota_put(req->db, manners->service, "", &set, in, err) < 0 ||
        kn_quota_read(req->db, manners->service, "", &set, err) < 0) {
        return -1;
    }
    as_class(manners, req, true, &set);
    quota_answer(manners, req, "quota_class_set", NULL, &set, false, res);
    return 0;
}

void kn_rest_quota_absolutes(const struct kn_rest_quota_absolute *names, const struct kn_request *req,
                             const struct kn_quota_set *set, struct kn_response *res)
{
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "limits");
    kn_jsonw_raw(&res->body, "rate", "[]");
    kn_jsonw_object(&res->body, "absolute");
    for (; names->name != NULL; names++) {
        const struct kn_quota_line *line = kn_quota_of(set, names->quota);

        if (quota_shown(req, names->until)) {
            kn_jsonw_int(&res->body, names->name, names->is_use ? line->used : line->limit);
        }
    }
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
}
