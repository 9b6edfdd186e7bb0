/* SPDX-License-Identifier: Apache-2.0 */
/* network_kind: what a network is made of (an overlay, or a physical network of the hosts), and whether routers lead out by it: rules of the networks' noun. */
#ifndef KN_NETWORK_ROWS_NETWORK_KIND_H
#define KN_NETWORK_ROWS_NETWORK_KIND_H

#include "lib/adapter/http.h"

/* Of a new one: provider:* make sense together. */
int kn_network_kind_new(struct kn_request *req, json_t *object, struct kn_error *err);
/*
 * Its packets fit the wires: KN_BAD_REQUEST in Neutron's words if `mtu` of the object does not; one that says 0, and a new one that says none, has the largest. now: NULL of a
 * new one; one that there is keeps what it has.
 */
int kn_network_kind_mtu(struct kn_request *req, const struct kn_rows *now, json_t *object, struct kn_error *err);
/* router:external is not taken away from routers that use it, nor from addresses that were lent: KN_CONFLICT. */
int kn_network_kind_inside(struct kn_request *req, const char *id, struct kn_error *err);
/* It goes: floating addresses that are lent to nobody go with it. */
int kn_network_kind_end(struct kn_request *req, const char *id, struct kn_error *err);
/* The physical network is another's. Returns -1. */
int kn_network_kind_taken(const json_t *object, struct kn_error *err);

#endif
