/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the JSON of what is no noun. */
#include "identity/api/view.h"

#include <string.h>
#include <strings.h>

#include "identity/rows/nouns.h"
#include "lib/base/mem.h"

static void write_self(struct kn_strbuf *sb, const char *self)
{
    kn_jsonw_object(sb, "links");
    kn_jsonw_str(sb, "self", self);
    kn_jsonw_end_object(sb);
}

void kn_identity_view_self(struct kn_strbuf *sb, const struct kn_request *req, const char *collection, const char *id)
{
    AUTO_FREE char *self = kn_asprintf("%s/v3/%s/%s", req->base_url, collection, id);

    write_self(sb, self);
}

void kn_identity_view_here(struct kn_strbuf *sb, const struct kn_request *req)
{
    AUTO_FREE char *self = kn_asprintf("%s%s", req->base_url, req->path);

    write_self(sb, self);
}

void kn_identity_view_list_links(struct kn_strbuf *sb, struct kn_request *req)
{
    const struct kn_rest_list l = { .req = req, .noun = &kn_identity_role_noun };

    kn_rest_page_links(&l, NULL, NULL, sb);
}

bool kn_identity_view_flag(const struct kn_request *req, const char *key)
{
    const char *value = kn_request_query(req, key);
    return value != NULL && strcmp(value, "0") != 0 && strcasecmp(value, "false") != 0;
}
