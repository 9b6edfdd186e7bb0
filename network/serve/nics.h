/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nics: `server.nics`, what a server shows of its ports. It is written once when the server is made, out of port.allocate's answer, and after that only here: when a
 * port changed that the server has, and when it gets one or loses one.
 */
#ifndef KN_NETWORK_SERVE_NICS_H
#define KN_NETWORK_SERVE_NICS_H

#include <jansson.h>

#include "lib/adapter/db.h"

/* Makes the servers that have one of these ports, or show another name or MTU of one of these networks, show what is so. Inside a transaction. */
int kn_network_nics_refresh(struct kn_db *db, struct kn_array *ports, struct kn_array *networks, struct kn_error *err);

/* Before ports are locked that these servers get or lose: everybody who needs both takes the server first. */
int kn_network_nics_hold(struct kn_db *db, struct kn_array *servers, struct kn_error *err);
/* These servers show what they have, in the transaction that gave or took it. ret_shown gets server -> NICs; NULL: nobody asks. */
int kn_network_nics_show(struct kn_db *db, struct kn_array *servers, json_t *ret_shown, struct kn_error *err);

#endif
