/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transfer: volumes that their project offers to another one. Who knows the transfer's key takes the volume, with its snapshots unless it is offered without them. The row
 * is there exactly while the volume is awaiting-transfer: the database ends it with that status, whoever changes it.
 */
#ifndef KN_VOLUME_ROWS_TRANSFER_H
#define KN_VOLUME_ROWS_TRANSFER_H

#include "lib/base/error.h"
#include "lib/rest/noun.h"

#define KN_VOLUME_TRANSFER_KEY 33 /* 128 bits as hex digits, and a NUL */

extern const struct kn_rest_noun kn_volume_transfer_noun;

/* A new key: it goes to whoever offers the volume, the object (which becomes the row) knows its hash alone. */
void kn_volume_transfer_make_key(json_t *object, char ret_key[KN_VOLUME_TRANSFER_KEY]);
/* The volume is its project's again. KN_NOT_FOUND: there is no such transfer of the caller's. */
int kn_volume_transfer_withdraw(struct kn_request *req, const char *id, struct kn_error *err);
/*
 * The volume is the caller's project's from now on, and counts there. *ret: what the answer says of the transfer, which is gone; json_decref it.
 * KN_NOT_FOUND: no such transfer; KN_BAD_REQUEST: another key, or the volume does not wait any more; KN_TOO_LARGE: the quota.
 */
int kn_volume_transfer_accept(struct kn_request *req, const char *id, const char *key, json_t **ret,
                              struct kn_error *err);

#endif
