/* SPDX-License-Identifier: Apache-2.0 */
/* member: the projects that a shared image is offered to, and what they answered. */
#ifndef KN_IMAGE_ROWS_MEMBER_H
#define KN_IMAGE_ROWS_MEMBER_H

#include "lib/adapter/http.h"
#include "lib/rest/noun.h"

/* Of every image: lists and shows are bounded by "m.image_id = ?". */
extern const struct kn_rest_noun kn_image_members;

/* KN_CONFLICT: is one already; KN_TOO_LARGE: there are KN_MAX_IMAGE_MEMBERS. */
int kn_image_member_add(struct kn_db *db, const char *image_id, const char *project, struct kn_error *err);
/* status: one of the noun's words. KN_NOT_FOUND: is none. */
int kn_image_member_answer(struct kn_db *db, const char *image_id, const char *project, const char *status,
                           struct kn_error *err);
int kn_image_member_delete(struct kn_db *db, const char *image_id, const char *project, struct kn_error *err);

#endif
