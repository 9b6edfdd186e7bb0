/* SPDX-License-Identifier: Apache-2.0 */
/*
 * holder: what is done to a volume while a server has it is a task of that server: so it neither starts nor stops, nor loses the volume, in the middle. Two steps, in the transaction of the task,
 * because servers are locked before volumes.
 */
#ifndef KN_VOLUME_ROWS_HOLDER_H
#define KN_VOLUME_ROWS_HOLDER_H

#include "lib/adapter/db.h"
#include "lib/adapter/http.h"
#include "lib/base/uuid.h"
#include "volume/rows/volume.h"

/* Before the volume is held: the server that has it is. KN_BAD_REQUEST: none of this cloud's has it, or it is busy. */
int kn_volume_holder_hold(struct kn_db *db, const char *volume, char ret_server[KN_UUID_SIZE], struct kn_error *err);
/* The volume is held: that server has it, and nobody else. KN_BAD_REQUEST. */
int kn_volume_holder_check(struct kn_db *db, const struct kn_volume *v, const char *server, struct kn_error *err);
/* Whether its back end can copy what a guest that runs has in it. KN_BAD_REQUEST in words. */
int kn_volume_holder_can_copy(struct kn_db *db, const struct kn_volume *v, struct kn_error *err);
/* Whether its disk, as its back end has it, can change below a guest that runs. KN_BAD_REQUEST in words. */
int kn_volume_holder_can_grow(struct kn_db *db, const struct kn_volume *v, struct kn_error *err);

/* `tell` of a noun whose objects say in "held_by" which server's task theirs is ("": their own). */
void kn_volume_holder_tell(struct kn_request *req, const json_t *changed);

#endif
