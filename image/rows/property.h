/* SPDX-License-Identifier: Apache-2.0 */
/*
 * property: what an image's attributes may be called and hold in a POST or a PATCH, and the JSON schema that clients read. Pure. Whatever
 * noun.c's table does not name is a property of the user's own: a string.
 */
#ifndef KN_IMAGE_ROWS_PROPERTY_H
#define KN_IMAGE_ROWS_PROPERTY_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/strbuf.h"
#include "lib/rest/noun.h"

/* NULL: a property of the user's own. */
const struct kn_rest_attr *kn_image_property(const char *name);
/*
 * Whether a user may give `name` this value, in a POST (creating) or a PATCH. KN_FORBIDDEN: not his to set;
 * KN_BAD_REQUEST: not such a value.
 */
int kn_image_property_check(const char *name, const json_t *value, bool creating, struct kn_error *err);
/* Whether a PATCH may touch `name` at all: KN_FORBIDDEN if not. */
int kn_image_property_mutable(const char *name, struct kn_error *err);
/* The JSON schemas "image" and "images". */
void kn_image_schema_print(struct kn_strbuf *out);
void kn_image_images_schema_print(struct kn_strbuf *out);
/* The schemas of members: "member" and "members". */
void kn_image_member_schema_print(struct kn_strbuf *out);
void kn_image_members_schema_print(struct kn_strbuf *out);
/* "task", and "tasks" of those without input, result and message. */
void kn_image_task_schema_print(struct kn_strbuf *out);
void kn_image_tasks_schema_print(struct kn_strbuf *out);

#endif
