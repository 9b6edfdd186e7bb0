/* SPDX-License-Identifier: Apache-2.0 */
/* insert: ports that people make become rows, many in a dozen statements. */
#ifndef KN_NETWORK_ROWS_PORTS_INSERT_H
#define KN_NETWORK_ROWS_PORTS_INSERT_H

#include "lib/rest/noun.h"

/* noun.h: insert_many. */
int kn_network_ports_insert(const struct kn_rest_new *news, int count, struct kn_error *err);
/* One, in the caller's transaction. */
int kn_network_port_insert(struct kn_request *req, const char *id, json_t *object, struct kn_error *err);
/* KN_CONFLICT in Neutron's words. Returns -1. */
int kn_network_port_fail_mac(const char *network_id, const char *mac, struct kn_error *err);

#endif
