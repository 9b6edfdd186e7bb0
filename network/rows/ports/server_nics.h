/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_nics: ports that are NICs of servers, as Neutron's port calls meet them: who deletes one pulls it out of the guest, as Neutron and Nova do together. What
 * compute asks of them stands in network/api.h.
 */
#ifndef KN_NETWORK_ROWS_PORTS_SERVER_NICS_H
#define KN_NETWORK_ROWS_PORTS_SERVER_NICS_H

#include "lib/adapter/http.h"

/*
 * The NICs of these servers have their places without gaps, in the order that they had; *ret_count: how many there are of all. The servers are held: by the wish that
 * gives one, or by who took one (network/serve/nics.h).
 */
int kn_network_nics_number(struct kn_db *db, struct kn_array *servers, int64_t *ret_count, struct kn_error *err);

/* Before the port is locked that shall go or have other groups: the server that has it (network/serve/nics.h, kn_network_nics_hold). */
int kn_network_nic_hold_server(struct kn_request *req, const char *port_id, struct kn_error *err);
/*
 * In the transaction that deletes the port: the task that pulls it out (server.drop_interface). *ret_drops false: no server has it, or the one that has it is in a state in
 * which its guest cannot lose it.
 */
int kn_network_nic_end(struct kn_request *req, const char *port_id, bool *ret_drops, struct kn_error *err);
/* Behind the commit: wakes whoever works on that task. */
void kn_network_nic_tell_end(struct kn_request *req, const char *port_id);

#endif
