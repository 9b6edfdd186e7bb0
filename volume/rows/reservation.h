/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reservation: an attachment that a client makes, for something that is no server of this cloud's compute: reserved, attaching once it said where from (its connector), attached once it said that it
 * has it. It has no task and nobody plugs anything; the volume is its owner's until it ends it. All inside the caller's transaction. Those of servers are none: whoever would change
 * one here is told to ask compute (KN_CONFLICT, in Cinder's words).
 */
#ifndef KN_VOLUME_ROWS_RESERVATION_H
#define KN_VOLUME_ROWS_RESERVATION_H

#include "lib/adapter/db.h"
#include "lib/adapter/http.h"
#include "lib/base/uuid.h"

struct kn_volume_reservation {
    const char *volume_id;
    const char *instance_id; /* NULL: nobody said */
    const char *mode; /* rw or ro; NULL: as the volume is */
    bool is_connected; /* it said its connector */
    const char *host; /* of that; NULL: none */
    const char *device; /* of kn_volume_reservation_take(): what it says it is there */
    bool is_anonymous; /* os-reserve's: attaching at once, and nobody's yet */
};

/* KN_NOT_FOUND: no such volume for the caller; KN_BAD_REQUEST: somebody has it, or it cannot be written. */
int kn_volume_reserve(struct kn_db *db, const struct kn_caller *caller, const struct kn_volume_reservation *wish,
                      char ret_id[KN_UUID_SIZE], struct kn_error *err);
/* Attached at its word: the anonymous attachment of the volume if there is one, else a new one. */
int kn_volume_reservation_take(struct kn_db *db, const struct kn_caller *caller,
                               const struct kn_volume_reservation *wish, struct kn_error *err);
/* Ends the volume's only attachment, or the one that is named; a volume that has none is fine. KN_BAD_REQUEST: it has several; KN_NOT_FOUND: not this one. */
int kn_volume_reservation_end_of(struct kn_db *db, const struct kn_caller *caller, const char *volume, const char *id,
                                 struct kn_error *err);
enum kn_volume_reservation_turn {
    KN_RESERVATION_UNRESERVE, /* the anonymous one goes, if there is one */
    KN_RESERVATION_BEGIN_DETACHING,
    KN_RESERVATION_ROLL_DETACHING,
    KN_RESERVATION_TURNS
};
/* Of all attachments of the volume that are no server's. KN_BAD_REQUEST: there is none to turn so. */
int kn_volume_reservation_turn(struct kn_db *db, const struct kn_caller *caller, const char *volume,
                               enum kn_volume_reservation_turn turn, struct kn_error *err);
/* Of these KN_NOT_FOUND: no such attachment of the caller's volumes. wish: mode, is_connected and host. */
int kn_volume_reservation_connect(struct kn_db *db, const struct kn_caller *caller, const char *id,
                                  const struct kn_volume_reservation *wish, struct kn_error *err);
/* KN_BAD_REQUEST: it has not said its connector. */
int kn_volume_reservation_complete(struct kn_db *db, const struct kn_caller *caller, const char *id,
                                   struct kn_error *err);
/* ret_volume: whose it was. */
int kn_volume_reservation_end(struct kn_db *db, const struct kn_caller *caller, const char *id,
                              char ret_volume[KN_UUID_SIZE], struct kn_error *err);

#endif
