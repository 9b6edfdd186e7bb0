/* SPDX-License-Identifier: Apache-2.0 */
/* member: the projects that a shared image is offered to, and what they answered. */
#ifndef KN_IMAGE_ROWS_MEMBER_H
#define KN_IMAGE_ROWS_MEMBER_H

#include "lib/adapter/db.h"
#include "lib/base/error.h"
#include "lib/base/strbuf.h"
#include "lib/domain/limits.h"

/* Rows of (member, image, status, created, updated), for kn_member_print(). project "" = all of the image's. */
int kn_member_list(struct kn_db *db, const char *image_id, const char *project, struct kn_rows **ret_rows,
                   struct kn_error *err);
/* KN_CONFLICT: is one already; KN_TOO_LARGE: there are KN_MAX_IMAGE_MEMBERS. */
int kn_member_add(struct kn_db *db, const char *image_id, const char *project, struct kn_rows **ret_rows,
                  struct kn_error *err);
/* KN_NOT_FOUND: is none; KN_BAD_REQUEST: not a status. */
int kn_member_answer(struct kn_db *db, const char *image_id, const char *project, const char *status,
                     struct kn_rows **ret_rows, struct kn_error *err);
int kn_member_delete(struct kn_db *db, const char *image_id, const char *project, struct kn_error *err);
void kn_member_print(const struct kn_rows *rows, int row, struct kn_strbuf *out);

#endif
