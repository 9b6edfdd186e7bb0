/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace: would this packet pass, on this host? kilonova-api works out from rows which way a packet goes (network/rows/trace.c) and asks each host on it about its
 * pieces: a segment (from one port of a network to another: the half of the sender's host, the half of the receiver's, or both) or a router. What the kernel has
 * is looked at by host_trace.c; what that means is said here, as a list of hops (kn_form_trace_hop, lib/domain/form.h). Pure.
 */
#ifndef KN_NETWORK_HOST_TRACE_TRACE_H
#define KN_NETWORK_HOST_TRACE_TRACE_H

#include <jansson.h>

#include "network/host/link/look.h"
#include "network/host/trace/tables.h"

struct kn_network_trace_piece {
    bool is_router;
    char router[KN_UUID_SIZE];   /* of a router */
    bool leaves, arrives;        /* of a segment: its sender is here, its receiver is */
    char network[KN_UUID_SIZE];
    char from[KN_UUID_SIZE];     /* port; of a router the leg that it comes in by */
    char to[KN_UUID_SIZE]; /* port; "": outside of the cloud; of a router the leg that it leaves by, "": itself */
    bool is_door; /* the receiver is what serves the network on each host: DHCP, names, metadata */
    uint8_t from_mac[6], to_mac[6];
    struct kn_ip
        next; /* who is asked for on the link: the receiver's address, or a router's; of a router: the next hop, none: on the link */
    struct kn_ip far; /* underlay of the other host; of no family: the same host, or a network without VXLAN */
    struct kn_network_packet packet, after; /* after: as the router should send it on */
};

/* KN_BAD_REQUEST unless it is a form of kn_form_trace_piece whose texts are what they should be. */
int kn_network_trace_piece_read(const json_t *json, struct kn_network_trace_piece *ret, struct kn_error *err);

/* One end of a segment. */
struct kn_network_trace_end {
    char name[KN_HOST_IFNAME];
    struct kn_network_look_device device;
};

/* What the kernel has of a segment; what is of another host's half is empty. */
struct kn_network_trace_facts {
    char bridge[KN_HOST_IFNAME], vxlan[KN_HOST_IFNAME];
    bool is_bridge_up, is_vxlan_up;
    char physical[KN_HOST_IFNAME]; /* of a flat network: its device, or "nat" */
    struct kn_network_look_device physical_device;
    struct kn_network_trace_end from, to;
    char station[KN_HOST_IFNAME]; /* behind which device of the bridge the receiver is */
    char back[KN_HOST_IFNAME]; /* and the sender */
    struct kn_ip tunnel, back_tunnel; /* where VXLAN sends frames for the receiver, for the sender */
    uint8_t neighbour[6]; /* whose MAC VXLAN answers for `next` */
    char led[KN_UUID_SIZE]; /* the port to whose guest this host leads `next` by its pairs; "": to none */
    const struct kn_network_tables *tables; /* of the kernel */
    unsigned connections; /* tracked already between the two */
};

/* And of a router. */
struct kn_network_trace_inside {
    bool exists, forwards;
    char in[KN_HOST_IFNAME], out[KN_HOST_IFNAME]; /* the legs that it should use */
    struct kn_network_look_device in_device, out_device;
    const struct kn_network_tables *tables; /* of its namespace */
    struct kn_network_packet
        translated; /* before it is routed, as its tables say; what is not translated is as it came */
    struct kn_network_tables_ruling before;
    struct kn_network_look_route route; /* of that */
    unsigned connections;
};

/* Before a router's namespace is asked for the way: what its tables make of the packet. */
void kn_network_trace_translate(const struct kn_network_trace_piece *piece, struct kn_network_trace_inside *inside);

/* Each adds hops of the piece of that index to the list. */
void kn_network_trace_segment(const struct kn_network_state *state, const struct kn_network_ruleset *ruleset,
                              const struct kn_network_trace_piece *piece, const struct kn_network_trace_facts *facts,
                              int index, json_t *hops);
void kn_network_trace_router(const struct kn_network_state *state, const struct kn_network_trace_piece *piece,
                             const struct kn_network_trace_inside *inside, int index, json_t *hops);

#endif
