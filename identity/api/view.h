/* SPDX-License-Identifier: Apache-2.0 */
/* view: what all of Keystone's answers share: self links and list envelopes. The nouns are tables (nouns.h). */
#ifndef KN_IDENTITY_API_VIEW_H
#define KN_IDENTITY_API_VIEW_H

#include "lib/adapter/http.h"
#include "lib/base/jsonw.h"

/* Writes one object's members from a row; the braces are the caller's. */
typedef void kn_view(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int row);

/* "password_expires_at", null for 0. */
void kn_view_password_expiry(struct kn_strbuf *sb, int64_t expires_us);
/* "links":{"self":"<base>/v3/<collection>/<id>"} */
void kn_view_self(struct kn_strbuf *sb, const struct kn_request *req, const char *collection, const char *id);
/* {"<key>":[…],"links":{next, self, previous}} of all rows. */
void kn_view_list(struct kn_response *res, struct kn_request *req, const char *key, const struct kn_rows *rows, kn_view *view);
/* The links of a whole list, before the object ends. */
void kn_view_list_links(struct kn_strbuf *sb, struct kn_request *req);
/* {"<key>":{…}} of the first row; KN_NOT_FOUND in Keystone's words ("Could not find user: …") if there is none. */
int kn_view_one(struct kn_response *res, const struct kn_request *req, const char *key, const char *id,
                const struct kn_rows *rows, kn_view *view, struct kn_error *err);

#endif
