/* SPDX-License-Identifier: Apache-2.0 */
/* group_type: types of groups of volumes: which there are, who may use them, what they ask for (group specs). One that is not public is for administrators alone. */
#ifndef KN_VOLUME_ROWS_GROUP_TYPE_H
#define KN_VOLUME_ROWS_GROUP_TYPE_H

#include "lib/base/uuid.h"
#include "lib/rest/noun.h"

extern const struct kn_rest_noun kn_volume_group_type_noun;

/* The type of a new group of the caller's, by id or name. KN_NOT_FOUND: none that he may use; KN_BAD_REQUEST: it asks for what no back end has. */
int kn_volume_group_type_find(struct kn_request *req, const char *wanted, char ret_id[KN_UUID_SIZE],
                              struct kn_error *err);

#endif
