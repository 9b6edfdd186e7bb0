/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write: POST, PUT and DELETE of a noun. The body is checked against the same table that the lists are made of, then the row is written in
 * one transaction with whatever the noun's own functions put beside it (quota, access). Nothing that no attribute names is taken, unless the
 * noun keeps attributes of the client's own (an attribute KN_REST_MEMBERS that may be written).
 */
#ifndef KN_REST_WRITE_H
#define KN_REST_WRITE_H

#include "lib/adapter/quota.h"
#include "lib/rest/list.h"

/*
 * body.c: checks {"<one>": {…}} for a method (KN_REST_POST or KN_REST_PUT) and gives the inner object, the request's; what its maker made up stands
 * in it under the name of the noun's KN_REST_MEMBERS. KN_BAD_REQUEST, KN_FORBIDDEN.
 */
int kn_rest_body(const struct kn_rest_noun *noun, struct kn_request *req, unsigned method, json_t **ret,
                 struct kn_error *err);
/* The same of {"<many>": [{…}]}, many_limit of them. */
int kn_rest_body_many(const struct kn_rest_noun *noun, struct kn_request *req, json_t **ret, struct kn_error *err);

/* An attribute as a row of a schema, for a method. */
struct kn_schema kn_rest_field(const struct kn_rest_attr *a, unsigned method);
/* The project that a new object belongs to. */
int kn_rest_owner(const struct kn_rest_noun *noun, const struct kn_request *req, const json_t *object, const char **ret,
                  struct kn_error *err);
/* KN_NOT_FOUND unless the caller sees it. *ret_is_owned: it is his to change. */
int kn_rest_see(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, bool *ret_is_owned,
                struct kn_error *err);
/* The same for what must be his; otherwise the route's rule refuses him. */
int kn_rest_own(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, struct kn_error *err);
/* Answers with the new object (view KN_REST_CHANGED), or with many where the body holds many and the service takes them so. */
int kn_rest_create(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_response *res,
                   struct kn_error *err);
/* All of {"<many>": [{…}]} or none. */
int kn_rest_create_many(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_response *res,
                        struct kn_error *err);
/* KN_NOT_FOUND: absent, not visible, or another's. What the body does not name stays as it was. */
int kn_rest_update(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, struct kn_response *res,
                   struct kn_error *err);
/* bounds: NULL = none. */
int kn_rest_delete_within(const struct kn_rest_noun *noun, struct kn_request *req, const char *id,
                          const struct kn_rest_bound *bounds, struct kn_error *err);
int kn_rest_delete(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, struct kn_error *err);

/* The parts of these: an object that was checked becomes a row (*ret_id: in the request's memory), or is laid over one. */
int kn_rest_insert(const struct kn_rest_noun *noun, struct kn_request *req, json_t *object, const char **ret_id,
                   struct kn_error *err);
/*
 * In the caller's transaction, of several nouns at once: what the row counts as is added to the claims, which are taken as the transaction's last act;
 * behind its commit the caller does what `tell` would do.
 */
int kn_rest_insert_in(const struct kn_rest_noun *noun, struct kn_request *req, json_t *object,
                      struct kn_quota_claims *claims, const char **ret_id, struct kn_error *err);
int kn_rest_delete_in(const struct kn_rest_noun *noun, struct kn_request *req, const char *id,
                      struct kn_quota_claims *claims, struct kn_error *err);
int kn_rest_change(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, json_t *object,
                   struct kn_error *err);
/* Says what a change is once the row is held: puts it into the object. now: kn_rest_was(). */
typedef int kn_rest_edit(struct kn_request *req, const struct kn_rows *now, void *ctx, json_t *object,
                         struct kn_error *err);
int kn_rest_change_by(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, kn_rest_edit *edit,
                      void *ctx, json_t *object, struct kn_error *err);

/* `tell` of nouns whose `after` puts the number of the task that it wished for into the object as "task": wakes the conductor. */
void kn_rest_tell_task(struct kn_request *req, const json_t *changed);

#endif
