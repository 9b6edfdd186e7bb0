/* SPDX-License-Identifier: Apache-2.0 */
/*
 * promise: no more is promised than there is room for (volume.file_gib), to whoever is judged first. A volume, snapshot or copy that waits for its judgement takes no room, nor does one that was
 * refused: so nobody's wishes, however many, cost another his (the view volume_promise, migrations/0096_volume_promise.sql).
 */
#ifndef KN_VOLUME_SERVE_PROMISE_H
#define KN_VOLUME_SERVE_PROMISE_H

#include <stdint.h>

#include "lib/adapter/db.h"
#include "lib/base/error.h"

/*
 * Promises the volume, the snapshot or the copy of the backup with this id as much as its row says that it wants, beside all that others were promised; asked again it is judged again.
 * KN_NO_VALID_HOST: there is no room, and what it had been promised before stays; KN_NOT_FOUND: there is none of that id. Not within a transaction.
 */
int kn_volume_promise(struct kn_db *db, const char *id, int64_t capacity_gib, struct kn_error *err);

#endif
