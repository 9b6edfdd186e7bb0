/* SPDX-License-Identifier: Apache-2.0 */
/*
 * together: GETs of one that come while another of their kind is being read are read together, by one statement, and answered by the thread that ran
 * it; theirs are free for other requests meanwhile. A lone one is read at once, as ever. Whoever joins does so before the statement begins, so each is
 * answered with what was committed when it came, or later.
 */
#ifndef KN_REST_TOGETHER_H
#define KN_REST_TOGETHER_H

#include "lib/rest/list.h"

#define KN_REST_TOGETHER 32 /* ids of a statement */

/*
 * What kn_rest_find() and kn_rest_write_one() do, as a handler's last act: the answer may come later (kn_request_defer). Not inside a transaction. bounds, if any,
 * live as long as the program; the noun's rows are vetted by nobody, and what prints them asks no database.
 */
int kn_rest_show_together(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, unsigned view,
                          const struct kn_rest_bound *bounds, struct kn_response *res, struct kn_error *err);
/* A route's `join` beside that: before the handler, and instead of it where others of its kind are being read already. */
bool kn_rest_join_together(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, unsigned view,
                           const struct kn_rest_bound *bounds);

/* Which attributes the caller is shown, a character each: of those to whom it is the same, kn_rest_columns() is. */
void kn_rest_shown_key(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned view,
                       struct kn_strbuf *out);

#endif
