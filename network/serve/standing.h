/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standing: which routers really stand where their lease is, as hosts say it (net.routers). What a router's status is comes from here (network/rows/l3/routers.h), and
 * whether one that was taken from a host that lives may be given to the next.
 */
#ifndef KN_NETWORK_SERVE_STANDING_H
#define KN_NETWORK_SERVE_STANDING_H

#include "lib/adapter/db.h"
#include "lib/domain/message.h"

/* Any report; what is no net.routers is passed over, and what an agent says of another's host. */
int kn_network_standing_hear(struct kn_db *db, const struct kn_message *report, struct kn_error *err);

#endif
