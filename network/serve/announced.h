/* SPDX-License-Identifier: Apache-2.0 */
/*
 * announced: which guest has an address that the pairs of several allow, by what hosts heard them announce (net.announced). The newest counts. A host says of each address
 * which announcement it knows of: what is said twice, late or by a host that does not know the newest yet is passed over (the last says it again when it does); so is what an
 * agent says of another's host, of a port that is not there, of an address that the port's pairs do not allow, and of one that is somebody's own.
 *
 * Guests that fight over an address would make it move at the pace of hosts and bus. As of EVPN's MAC addresses (RFC 7432, 15.1): what moved five times in three minutes
 * stays where it is for three minutes from then on, the log says so once, and so does a trace. An address whose guest went moves at once all the same.
 */
#ifndef KN_NETWORK_SERVE_ANNOUNCED_H
#define KN_NETWORK_SERVE_ANNOUNCED_H

#include "lib/adapter/db.h"
#include "lib/domain/message.h"

/* Any report; what is no net.announced is passed over. *ret_counts is set if hosts have to be told, and not touched else. */
int kn_network_announced_hear(struct kn_db *db, const struct kn_message *report, bool *ret_counts,
                              struct kn_error *err);

#endif
