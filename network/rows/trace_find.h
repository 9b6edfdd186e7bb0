/* SPDX-License-Identifier: Apache-2.0 */
/* trace_find: what rows say of one step of a packet's way (trace.c). All of it reads; what is not there is an empty answer. */
#ifndef KN_NETWORK_ROWS_TRACE_FIND_H
#define KN_NETWORK_ROWS_TRACE_FIND_H

#include <stdbool.h>

#include "lib/adapter/db.h"
#include "lib/base/ip.h"
#include "lib/base/uuid.h"
#include "network/address/mac.h"

struct kn_network_found_port {
    char id[KN_UUID_SIZE]; /* "": there is none */
    char network[KN_UUID_SIZE], mac[KN_MAC_TEXT];
    char owner[256], device[256];
    char host[256], agent[256], underlay[64]; /* host "": bound nowhere; agent "": nobody carries that host */
    bool is_up, is_network_up, is_secure, is_flat, is_external;
};
int kn_network_find_port(struct kn_db *db, const char *id, struct kn_network_found_port *ret, struct kn_error *err);
/* The port's own address to speak to `to` from; of no family: it has none of that family. */
int kn_network_find_source(struct kn_db *db, const char *port, const struct kn_ip *to, struct kn_ip *ret,
                           struct kn_error *err);
/* Whether the port may send from the address: its own, or of an allowed address pair. */
int kn_network_find_may(struct kn_db *db, const char *port, const struct kn_ip *ip, bool *ret_may,
                        struct kn_error *err);
/* Where a guest sends what is for `to`: `to` itself on its link, a host route's next hop, its gateway; of no family: nowhere. */
int kn_network_find_next(struct kn_db *db, const char *port, const struct kn_ip *source, const struct kn_ip *to,
                         struct kn_ip *ret, struct kn_error *err);
/* The port of the network that has an address. */
struct kn_network_found_holder {
    enum {
        KN_HELD_BY_NOBODY,
        KN_HELD_AS_OWN,
        KN_HELD_AS_LENT, /* a floating address: the port is the router's that lends it */
        KN_HELD_ANNOUNCED, /* its pairs allow it, and its guest announced it last */
        KN_HELD_BY_PAIR, /* its pairs allow that very address, nobody announced it: hosts lead it there */
        KN_HELD_BY_PREFIX, /* a pair of a whole prefix holds it, nobody announced it: hosts lead it nowhere */
    } how;
    char port[KN_UUID_SIZE]; /* "": nobody */
    char mac[KN_MAC_TEXT]; /* as which it is there; "": the port's own */
    char heard[64]; /* when it was announced, for people */
    char rests[64]; /* it moved too often: until when it stays there, for people; "": it does not */
};
int kn_network_find_holder(struct kn_db *db, const char *network, const struct kn_ip *ip,
                           struct kn_network_found_holder *ret, struct kn_error *err);
/* The port that serves the network on each host; "": none. */
int kn_network_find_door(struct kn_db *db, const char *network, char ret_port[KN_UUID_SIZE], struct kn_error *err);

struct kn_network_found_router {
    char id[KN_UUID_SIZE]; /* "": there is none */
    bool is_up, snat;
    char host[256], agent[256];
};
int kn_network_find_router(struct kn_db *db, const char *id, struct kn_network_found_router *ret, struct kn_error *err);
/* Which way a router sends: the leg, the next hop (of no family: on the link), whether it is for the router itself. leg "": no route. */
struct kn_network_found_route {
    char leg[KN_UUID_SIZE];
    struct kn_ip via;
    bool is_own, is_gateway;
};
int kn_network_find_route(struct kn_db *db, const char *router, const struct kn_ip *to,
                          struct kn_network_found_route *ret, struct kn_error *err);
/* The address scope of what a router's port has of a family; "": none. */
int kn_network_find_scope(struct kn_db *db, const char *port, uint8_t family, char ret_scope[KN_UUID_SIZE],
                          struct kn_error *err);
/* What the router makes of a packet for one of the addresses that it lends; *ret_id "": nothing. port: of the packet, and what becomes of it. */
int kn_network_find_inside(struct kn_db *db, const char *router, int protocol, struct kn_ip *ip, int *port,
                           char ret_id[KN_UUID_SIZE], struct kn_error *err);
/* As which address the router lets a source speak outside: its floating one (*ret_id), or the router's own; of no family: as it is. */
int kn_network_find_outside(struct kn_db *db, const char *router, const struct kn_ip *source, struct kn_ip *ret,
                            char ret_id[KN_UUID_SIZE], struct kn_error *err);

struct kn_network_found_rule {
    bool has_groups;
    char id[KN_UUID_SIZE]; /* "": no rule lets it */
    char groups[1024]; /* ids, for people */
};
/* The rule of the port's groups that lets a packet in or out; remote: its other end. */
int kn_network_find_rule(struct kn_db *db, const char *port, bool is_ingress, const struct kn_ip *remote, int protocol,
                         int first, int second, struct kn_network_found_rule *ret, struct kn_error *err);

#endif
