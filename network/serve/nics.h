/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nics: `server.nics`, what a server shows of its ports. It is written once when the server is made, out of port.allocate's answer, and after that only here: when a
 * port changed that the server has.
 */
#ifndef KN_NETWORK_SERVE_NICS_H
#define KN_NETWORK_SERVE_NICS_H

#include "lib/adapter/db.h"

/* Makes the servers that have one of these ports, or show another name or MTU of one of these networks, show what is so. Inside a transaction. */
int kn_network_nics_refresh(struct kn_db *db, struct kn_array *ports, struct kn_array *networks, struct kn_error *err);

#endif
