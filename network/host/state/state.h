/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state: everything that a host must know of its networks, as kilonova-network says it: one object a thing, each with a kind and an id. It comes
 * whole at hello and as deltas after that (`net.state`, lib/domain/message_types.c; an object's form is lib/domain/forms.c's); what is here is parsed
 * and bounded, so that no text of anybody reaches a rule, a configuration file or a device's name unchecked.
 *
 * A delta puts objects whole and drops others by kind and id. It applies to the version it names and to no other; a gap is asked for again. Objects
 * name each other by id and may come in any order: whoever compiles them passes over what is not there yet.
 */
#ifndef KN_NETWORK_HOST_STATE_STATE_H
#define KN_NETWORK_HOST_STATE_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/hmap.h"
#include "lib/base/ip.h"
#include "lib/base/uuid.h"

#define KN_NETWORK_NAME_SIZE 64 /* one DNS label */

enum kn_network_kind {
    KN_NETWORK_IS_NETWORK,
    KN_NETWORK_IS_PORT,      /* bound here */
    KN_NETWORK_IS_PEER,      /* bound on another host, on a network that this one carries */
    KN_NETWORK_IS_GROUP,     /* a security group that a port here has */
    KN_NETWORK_IS_MEMBER,    /* a port, wherever it is, of a group that a rule here names as its remote */
    KN_NETWORK_IS_ADDRESSES, /* an address group that a rule here names */
    KN_NETWORK_IS_POLICY,    /* a QoS policy that a port here has */
    KN_NETWORK_IS_ROUTER,    /* whose lease this host holds */
    KN_NETWORK_KINDS
};

struct kn_network_ips {
    struct kn_ip *items;
    size_t count;
};

struct kn_network_prefixes {
    struct kn_ip_prefix *items;
    size_t count;
};

struct kn_network_state_route {
    struct kn_ip_prefix destination;
    struct kn_ip nexthop;
};

struct kn_network_state_subnet {
    char id[KN_UUID_SIZE];
    struct kn_ip_prefix cidr;
    struct kn_ip gateway;          /* none: no router */
    bool dhcp;
    enum { KN_RA_NONE, KN_RA_SLAAC, KN_RA_STATELESS, KN_RA_STATEFUL } ra_mode, address_mode; /* of IPv6 alone */
    struct kn_network_ips dns;
    struct kn_network_state_route *routes;
    size_t route_count;
};

struct kn_network_state_network {
    char id[KN_UUID_SIZE];
    enum {
        KN_NETWORK_VXLAN,
        KN_NETWORK_FLAT,
        KN_NETWORK_LOCAL
    } type; /* flat: bridged to the device that the host gives `physical`; local: never leaves the host */
    char physical[KN_NETWORK_NAME_SIZE];
    int vni;                       /* of a VXLAN */
    int mtu;
    uint16_t
        zone; /* of conntrack: another one for each network of a host, chosen by the host and kept while the network is here; 0: the host routes it */
    char domain[254]; /* of DNS; "" is the host's */
    uint8_t dhcp_mac[6]; /* of its DHCP port; the same on every host */
    struct kn_network_ips dhcp_ips;
    struct kn_network_state_subnet *subnets;
    size_t subnet_count;
};

struct kn_network_state_pair { /* allowed_address_pairs */
    struct kn_ip_prefix ip;
    uint8_t mac[6];
};

struct kn_network_state_announced { /* an address of pairs that a guest announced, last of all who may */
    struct kn_ip ip;
    uint8_t mac[6];
    int64_t number; /* grows with each that counted, over all addresses */
};

struct kn_network_state_option { /* extra_dhcp_opts */
    char name[65], value[256]; /* of the characters that Neutron's validator lets through, and never a line's end */
    int version; /* 4 or 6 */
};

struct kn_network_state_floating {
    char id[KN_UUID_SIZE];
    struct kn_ip outside, inside;
};

struct kn_network_state_port {
    char id[KN_UUID_SIZE];
    char network[KN_UUID_SIZE];
    char server[KN_UUID_SIZE]; /* "": a router's, or nobody's */
    char hostname[254]; /* labels with dots between them; a dot at the end: with its domain; "": none */
    uint8_t mac[6];
    bool up; /* admin_state_up: nothing passes a port that is down */
    bool filtered; /* port_security_enabled: neither spoofing rules nor groups hold if not */
    bool is_router;
    struct kn_network_ips ips;
    char (*subnets)[KN_UUID_SIZE]; /* ips.count of them, beside their address */
    struct kn_network_state_pair *pairs;
    size_t pair_count;
    struct kn_network_state_announced *announced;
    size_t announced_count;
    /* "groups" was said, be it empty: what no group allows is dropped. Not said: groups are not asked, as before there were any. */
    bool has_groups;
    char (*groups)[KN_UUID_SIZE];
    size_t group_count;
    struct kn_network_state_option *options;
    size_t option_count;
    struct kn_network_state_floating *floating; /* what stands for its addresses, wherever its router is */
    size_t floating_count;
    char policy[KN_UUID_SIZE]; /* QoS; "": none */
};

struct kn_network_state_peer {
    char id[KN_UUID_SIZE]; /* the port */
    char network[KN_UUID_SIZE];
    char hostname[254]; /* as a port's */
    uint8_t mac[6];
    struct kn_network_ips ips;
    struct kn_network_state_pair
        *pairs; /* allowed_address_pairs that others must find: what is behind the port beside itself */
    size_t pair_count;
    struct kn_network_state_announced *announced;
    size_t announced_count;
    struct kn_ip underlay; /* its host's; of either family */
};

struct kn_network_state_rule {
    char id[KN_UUID_SIZE];
    bool is_ingress;
    uint8_t family; /* 4 or 6 */
    int protocol; /* IP's number; -1: any */
    int first, last; /* ports; of ICMP: type and code. -1: any */
    enum { KN_REMOTE_ANY, KN_REMOTE_PREFIX, KN_REMOTE_GROUP, KN_REMOTE_ADDRESSES } remote;
    struct kn_ip_prefix prefix; /* of KN_REMOTE_PREFIX */
    char remote_id[KN_UUID_SIZE]; /* of the two others */
};

struct kn_network_state_group {
    char id[KN_UUID_SIZE];
    bool stateful;
    struct kn_network_state_rule *rules;
    size_t rule_count;
};

struct kn_network_state_member {
    char id[KN_UUID_SIZE]; /* the port */
    struct kn_network_ips ips; /* the single addresses of its pairs, too */
    struct kn_network_prefixes prefixes; /* its pairs' that are more than one address */
    char (*groups)[KN_UUID_SIZE]; /* of those that are a remote here */
    size_t group_count;
};

struct kn_network_state_addresses {
    char id[KN_UUID_SIZE];
    struct kn_network_prefixes prefixes;
};

struct kn_network_state_policy {
    char id[KN_UUID_SIZE];
    struct kn_network_state_limit {
        int64_t max_kbps, burst_kbit; /* 0: none; burst 0: the host's choice */
    } to_guest, from_guest; /* Neutron's ingress and egress */
    int dscp; /* -1: none */
};

struct kn_network_state_router {
    char id[KN_UUID_SIZE];
    int64_t lease; /* grows with each host that gets it: an older one has nothing to say */
    bool up;
    struct kn_network_state_interface {
        char port[KN_UUID_SIZE];
        char network[KN_UUID_SIZE];
        uint8_t mac[6];
        struct kn_network_ips ips;
        uint8_t *lengths; /* ips.count prefix lengths */
        char scope4[KN_UUID_SIZE], scope6[KN_UUID_SIZE]; /* address scopes of its addresses; "": of none */
    } *interfaces;
    size_t interface_count;
    int gateway; /* which of the interfaces leads outside; -1: none */
    bool snat;
    struct kn_ip snat_ip;
    struct kn_network_state_route *routes; /* defaults among them */
    size_t route_count;
    struct kn_network_state_floating *floating;
    size_t floating_count;
    struct kn_network_state_forward {
        char id[KN_UUID_SIZE];
        struct kn_ip outside, inside;
        int protocol;
        int outside_first, outside_last, inside_first, inside_last;
    } *forwards;
    size_t forward_count;
};

struct kn_network_state {
    int64_t version; /* -1: nothing is known */
    const char *physical; /* the host's agent.physical_networks, borrowed; NULL: none */
    struct kn_hmap *objects[KN_NETWORK_KINDS]; /* id -> the struct of that kind */
};

/*
 * What a delta did, for whoever makes the kernel follow: an object each, as it was and as it is; NULL: it was not there, it is not any more. `before` lives as
 * long as the list, `after` as long as the state.
 */
struct kn_network_state_change {
    enum kn_network_kind kind;
    const void *before, *after;
};

struct kn_network_state_changes {
    struct kn_network_state_change *items;
    size_t count;
};

extern const char *const kn_network_kind_names[]; /* "network", … as messages say them; KN_NETWORK_KINDS of them */

void kn_network_state_init(struct kn_network_state *state);
void kn_network_state_release(struct kn_network_state *state);
void kn_network_state_changes_release(struct kn_network_state_changes *changes);

/*
 * The body of net.state, or all pieces of one in a list. Puts what it puts, drops what it drops, and then whatever nothing here refers to any more: groups that no
 * port has, members that are in no remote group, ports and peers without their network, … A port that is put is no peer any more, and the reverse.
 *
 * KN_BAD_REQUEST says what is wrong with it, KN_STALE that it begins at another version than the state's: it has to be asked for again. In both cases
 * nothing changed. One that leads to the version that the state has is nothing, too.
 */
int kn_network_state_take(struct kn_network_state *state, const json_t *body,
                          struct kn_network_state_changes *ret_changes, struct kn_error *err);

/* An object of the state; NULL if it is not there. */
const void *kn_network_state_get(const struct kn_network_state *state, enum kn_network_kind kind, const char *id);
/* The address that the network's namespace has on the subnet; false if it has none. */
bool kn_network_state_dhcp_ip(const struct kn_network_state_network *network,
                              const struct kn_network_state_subnet *subnet, struct kn_ip *ret);
/* Is there anything that DHCP, DNS or router advertisements are for? */
bool kn_network_state_is_served(const struct kn_network_state_network *network);
/* Does a host that carries it have a namespace for it, with its door to metadata? What is served has one, and overlays whose guests have their addresses from elsewhere. */
bool kn_network_state_has_door(const struct kn_network_state_network *network);
/* As which station: DHCP's MAC, else KN_DOOR_MAC. */
const uint8_t *kn_network_state_door_mac(const struct kn_network_state_network *network);
/* What it says, in eight bytes: equal objects of two hosts or two moments have equal ones. */
uint64_t kn_network_state_digest(const void *object);

#endif
