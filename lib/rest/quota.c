/* SPDX-License-Identifier: Apache-2.0 */
/* Quota sets as JSON, out and in. Decides nothing about who asks. */
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

void kn_rest_quota_answer(const struct kn_rest_quota_manners *manners, const struct kn_request *req, const char *key,
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

int kn_rest_quota_body(const struct kn_request *req, const char *key, const struct kn_quota_set *set,
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
        inner[i] = (struct kn_schema)KN_SCHEMA(set->lines[i].name, KN_IS_INTEGER, .flags = KN_NULLABLE,
                                               .limit = KN_LIMIT_QUOTA, .until = set->lines[i].until);
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

static const struct kn_schema NOTHING_MORE[] = { KN_SCHEMA_END };

int kn_rest_quota_class_show(const struct kn_rest_quota_manners *manners, struct kn_request *req,
                             struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_set) struct kn_quota_set set = KN_QUOTA_SET_INIT;

    if (kn_quota_read(req->db, manners->service, "", &set, err) < 0) {
        return -1;
    }
    kn_rest_quota_answer(manners, req, "quota_class_set", req->params[0], &set, false, res);
    return 0;
}

int kn_rest_quota_class_update(const struct kn_rest_quota_manners *manners, struct kn_request *req,
                               struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_set) struct kn_quota_set set = KN_QUOTA_SET_INIT;
    const json_t *in = NULL;

    if (kn_quota_read(req->db, manners->service, "", &set, err) < 0 ||
        kn_rest_quota_body(req, "quota_class_set", &set, NOTHING_MORE, &in, err) < 0) {
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
    kn_rest_quota_answer(manners, req, "quota_class_set", NULL, &set, false, res);
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
