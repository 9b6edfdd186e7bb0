/* SPDX-License-Identifier: Apache-2.0 */
/* body: reading Keystone's request bodies after the schema accepted them. */
#ifndef KN_IDENTITY_BODY_H
#define KN_IDENTITY_BODY_H

#include "identity/nouns.h"
#include "lib/adapter/http.h"
#include "lib/domain/schema.h"

/* Rows for "options": there are none yet, so only {} is accepted, and for a name and a description. */
#define KN_BODY_OPTIONS KN_SCHEMA("options", KN_IS_OBJECT, .inner = kn_body_nothing)
#define KN_BODY_NAME(flag) KN_SCHEMA("name", KN_IS_STRING, .flags = flag, .min = 1, .max = 255)
#define KN_BODY_DESCRIPTION KN_SCHEMA("description", KN_IS_STRING, .flags = KN_NULLABLE, .max = 4096)
extern const struct kn_schema kn_body_nothing[];

/* Checks {"<key>": {…}} and gives the inner object. */
int kn_body_object(const struct kn_request *req, const char *key, const struct kn_schema *fields, const json_t **ret,
                   struct kn_error *err);
/*
 * The same for nouns that take attributes of the client's own: what no row names is no error but goes, as a JSON object's text, into
 * *ret_extra (memory of the request; "{}" if there is nothing). Refused are the words of our own answers.
 */
int kn_body_open_object(struct kn_request *req, const char *key, const struct kn_schema *fields, const json_t **ret, const char **ret_extra,
                        struct kn_error *err);
/* name, description, enabled of an object; null clears a text. */
void kn_body_change(const json_t *object, struct kn_change *ret);
/* A text of an object: NULL if absent, "" for null. */
const char *kn_body_text(const json_t *object, const char *key);
/* The query's filters; "enabled" in any boolean form. */
int kn_body_filter(const struct kn_request *req, struct kn_filter *ret, struct kn_error *err);

#endif
