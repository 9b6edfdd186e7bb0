/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the JSON of what is no noun of lib/rest yet. Columns come in the order that each SELECT names. */
#include "identity/api/view.h"

#include "identity/rows/nouns.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

void kn_view_self(struct kn_strbuf *sb, const struct kn_request *req, const char *collection, const char *id)
{
    AUTO_FREE char *self = kn_asprintf("%s/v3/%s/%s", req->base_url, collection, id);

    kn_jsonw_object(sb, "links");
    kn_jsonw_str(sb, "self", self);
    kn_jsonw_end_object(sb);
}

void kn_view_password_expiry(struct kn_strbuf *sb, int64_t expires_us)
{
    char time[KN_TIME_SIZE];

    kn_time_iso_us(expires_us, time);
    kn_jsonw_str(sb, "password_expires_at", expires_us > 0 ? time : NULL);
}

void kn_view_list_links(struct kn_strbuf *sb, struct kn_request *req)
{
    const struct kn_rest_list l = { .req = req, .noun = &kn_role_noun };

    kn_rest_page_links(&l, NULL, NULL, sb);
}

void kn_view_list(struct kn_response *res, struct kn_request *req, const char *key, const struct kn_rows *rows, kn_view *view)
{
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, key);
    for (int i = 0; i < kn_rows_count(rows); i++) {
        kn_jsonw_object(&res->body, NULL);
        view(&res->body, req, rows, i);
        kn_jsonw_end_object(&res->body);
    }
    kn_jsonw_end_array(&res->body);
    kn_view_list_links(&res->body, req);
    kn_jsonw_end_object(&res->body);
}

int kn_view_one(struct kn_response *res, const struct kn_request *req, const char *key, const char *id,
                const struct kn_rows *rows, kn_view *view, struct kn_error *err)
{
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find %s: %s.", key, id);
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, key);
    view(&res->body, req, rows, 0);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}
