/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write: POST, PUT and DELETE of a noun. The body is checked against the same table that the lists are made of, then the row is written in
 * one transaction with whatever the noun's own functions put beside it (quota, access). Nothing that no attribute names is taken.
 */
#ifndef KN_REST_WRITE_H
#define KN_REST_WRITE_H

#include "lib/rest/noun.h"

/* Checks {"<one>": {…}} for a method (KN_REST_POST or KN_REST_PUT) and gives the inner object, borrowed. KN_BAD_REQUEST, KN_FORBIDDEN. */
int kn_rest_body(const struct kn_rest_noun *noun, struct kn_request *req, unsigned method, const json_t **ret, struct kn_error *err);
/* Answers with the new object (view KN_REST_CHANGED). */
int kn_rest_create(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_response *res, struct kn_error *err);
/* KN_NOT_FOUND: absent, not visible, or another's. What the body does not name stays as it was. */
int kn_rest_update(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, struct kn_response *res,
                   struct kn_error *err);
int kn_rest_delete(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, struct kn_error *err);

#endif
