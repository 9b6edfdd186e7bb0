/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsonw: JSON written straight into a string buffer: no tree, no state. A comma goes before a member unless the buffer's
 * last byte opens a container or ends a key, so calls read in the order of the text:
 *
 *   kn_jsonw_object(&sb, NULL);
 *   kn_jsonw_str(&sb, "id", id);
 *   kn_jsonw_array(&sb, "tags");  kn_jsonw_str(&sb, NULL, "a");  kn_jsonw_end_array(&sb);
 *   kn_jsonw_end_object(&sb);                       -> {"id":"…","tags":["a"]}
 *
 * key: NULL inside an array or at the top. Keys are written as they are: they are our own words.
 */
#ifndef KN_BASE_JSONW_H
#define KN_BASE_JSONW_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/jsonr.h"
#include "lib/base/strbuf.h"

void kn_jsonw_object(struct kn_strbuf *sb, const char *key);
void kn_jsonw_end_object(struct kn_strbuf *sb);
void kn_jsonw_array(struct kn_strbuf *sb, const char *key);
void kn_jsonw_end_array(struct kn_strbuf *sb);
void kn_jsonw_str(struct kn_strbuf *sb, const char *key, const char *value); /* NULL gives null */
void kn_jsonw_int(struct kn_strbuf *sb, const char *key, int64_t value);
void kn_jsonw_bool(struct kn_strbuf *sb, const char *key, bool value);
void kn_jsonw_null(struct kn_strbuf *sb, const char *key);
/* json: a finished JSON value, such as the text of a jsonb column; NULL gives null. */
void kn_jsonw_raw(struct kn_strbuf *sb, const char *key, const char *json);
void kn_jsonw_value(struct kn_strbuf *sb, const char *key, struct kn_jsonr value); /* none gives null */

#endif
