/* SPDX-License-Identifier: Apache-2.0 */
/* view: what Keystone's handlers share beside the tables of the nouns (identity/rows/nouns.h). */
#ifndef KN_IDENTITY_API_VIEW_H
#define KN_IDENTITY_API_VIEW_H

#include "lib/base/jsonw.h"
#include "lib/rest/write.h"

/* "links":{"self":"<base>/v3/<collection>/<id>"} */
void kn_identity_view_self(struct kn_strbuf *sb, const struct kn_request *req, const char *collection, const char *id);
/* "links":{"self"}: where the request was. */
void kn_identity_view_here(struct kn_strbuf *sb, const struct kn_request *req);
/* The links of a whole list, before the object ends. */
void kn_identity_view_list_links(struct kn_strbuf *sb, struct kn_request *req);
/* Keystone's flags in a query are true when they are there, unless they say 0 or false. */
bool kn_identity_view_flag(const struct kn_request *req, const char *key);
/* nouns.c: DELETE of what the path's last parameter names, within bounds (NULL = none); its tokens end with it. */
int kn_identity_nouns_forget(const struct kn_rest_noun *noun, struct kn_request *req,
                             const struct kn_rest_bound *bounds, struct kn_error *err);

#endif
