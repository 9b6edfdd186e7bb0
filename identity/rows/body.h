/* SPDX-License-Identifier: Apache-2.0 */
/* body: reading Keystone's request bodies after the schema accepted them. */
#ifndef KN_IDENTITY_ROWS_BODY_H
#define KN_IDENTITY_ROWS_BODY_H

#include "identity/rows/nouns.h"
#include "lib/adapter/http.h"
#include "lib/base/clock.h"
#include "lib/domain/schema.h"

/*
 * Rows for "options" (none at all, or whether it is immutable), for a name and a description, and for tags. Nobody sees blanks
 * at the ends of a name, so none are taken: "x" and "x " would be two accounts.
 */
#define KN_BODY_OPTIONS KN_SCHEMA("options", KN_IS_OBJECT, .inner = kn_body_nothing)
#define KN_BODY_IMMUTABLE KN_SCHEMA("options", KN_IS_OBJECT, .inner = kn_body_immutable)
#define KN_BODY_TAGS KN_SCHEMA("tags", KN_IS_LIST, .inner = kn_body_tag, .limit = KN_LIMIT_PROJECT_TAGS)
#define KN_BODY_SHORT_NAME(flag) KN_SCHEMA("name", KN_IS_STRING, .flags = flag, .limit = KN_LIMIT_PROJECT_NAME, .rule = &KN_TEXT_NAME)
#define KN_BODY_NAME(flag) KN_SCHEMA("name", KN_IS_STRING, .flags = flag, .limit = KN_LIMIT_IDENTITY_NAME, .rule = &KN_TEXT_NAME)
#define KN_BODY_DESCRIPTION KN_SCHEMA("description", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_IDENTITY_DESCRIPTION)
extern const struct kn_schema kn_body_nothing[], kn_body_immutable[], kn_body_tag[];

/* Checks {"<key>": {…}} and gives the inner object. */
int kn_body_object(const struct kn_request *req, const char *key, const struct kn_schema *fields, const json_t **ret,
                   struct kn_error *err);
/*
 * The same for nouns that take attributes of the client's own: what no row names is no error but goes, as a JSON object's text, into
 * *ret_extra (memory of the request; "{}" if there is nothing). Refused are the words of our own answers.
 */
int kn_body_open_object(struct kn_request *req, const char *key, const struct kn_schema *fields, const json_t **ret, const char **ret_extra,
                        struct kn_error *err);
/* name, description, enabled, options.immutable of an object; null clears a text. */
void kn_body_change(const json_t *object, struct kn_change *ret);
/* A text of an object: NULL if absent, "" for null. */
const char *kn_body_text(const json_t *object, const char *key);
/* The tags of an object as an array literal, NULL if it names none. KN_BAD_REQUEST: one is there twice. */
int kn_body_tags(const json_t *object, struct kn_array *array, const char **ret, struct kn_error *err);
/*
 * "expires_at" of an object as "2026-11-21T10:00:00.000000", into out, where *ret then points; NULL if it says none. KN_BAD_REQUEST: no
 * time, or one that is over.
 */
int kn_body_expiry(const json_t *object, char out[KN_TIME_SIZE], const char **ret, struct kn_error *err);
/* Keystone's flags are true when they are there, unless they say 0 or false. */
bool kn_body_flag(const struct kn_request *req, const char *key);

#endif
