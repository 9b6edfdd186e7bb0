/* SPDX-License-Identifier: Apache-2.0 */
/* type: volume types: which there are, who may use them. Whether a back end does what they ask for is seen when a volume is made (volume/serve/pool.h). */
#ifndef KN_VOLUME_ROWS_TYPE_H
#define KN_VOLUME_ROWS_TYPE_H

#include "lib/base/uuid.h"
#include "lib/rest/noun.h"

#define KN_VOLUME_TYPE_ID \
    "0c1b6a1e-4a56-4bd1-9d1c-6e3f6c1d2f10" /* of "file", which volumes have that name none; it is never deleted */

extern const struct kn_rest_noun kn_volume_type_noun;

/* Of the caller's project's new volumes that name none: its own default, else that of all. */
int kn_volume_type_default(struct kn_request *req, char ret_id[KN_UUID_SIZE], struct kn_error *err);
/*
 * The type that a new volume of the caller's gets: named by id or name; NULL = the default one, which the project may use whether it sees it or not. KN_NOT_FOUND: there is none that he sees.
 */
int kn_volume_type_find(struct kn_request *req, const char *wanted, char ret_id[KN_UUID_SIZE], struct kn_error *err);
/* Says that there is none of this name or id, as Cinder does. */
int kn_volume_type_missing(const char *wanted, enum kn_code code, struct kn_error *err);

#endif
