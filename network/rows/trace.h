/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace: which way a packet of a port would go, by rows alone: segments between ports of a network, routers between them, what they translate, and whether
 * security groups, states and bindings let it. Each stage of the way has hops (what was looked at) and pieces: what of it lies on a host, to ask that host about
 * (net.trace, network/host/trace/trace.h).
 */
#ifndef KN_NETWORK_ROWS_TRACE_H
#define KN_NETWORK_ROWS_TRACE_H

#include <jansson.h>

#include "lib/adapter/db.h"
#include "lib/base/ip.h"

struct kn_network_trace_ask {
    const char *port;
    struct kn_ip from; /* of no family: the port's own address that fits */
    struct kn_ip to;
    int protocol;
    int first, second; /* source and destination port; of ICMP: type and code */
};

/*
 * *ret: {"source": address, "hops": [{stage, place: "rows", check, verdict, says, rule?}], "hosts": [{host, agent, pieces: [kn_form_trace_piece], stages, orders}]}, each
 * piece's stage and its place among all pieces of the way beside it. KN_NOT_FOUND: there is no such port.
 */
int kn_network_trace_rows(struct kn_db *db, const struct kn_network_trace_ask *ask, json_t **ret, struct kn_error *err);

#endif
