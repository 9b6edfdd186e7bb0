/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.c: the walk. A packet is at a port of a network; it goes to whoever has the next hop's address there; a router sends it on into the next network,
 * translated; and so on until somebody keeps it, it leaves the cloud, or nothing leads further. Says at each stage what rows have to say of it, and goes on where
 * it can: who asks wants to hear of everything that is in the way.
 */
#include "network/rows/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "network/rows/l3/routers.h"
#include "network/rows/networks.h"
#include "network/rows/trace_find.h"

#define MOST_STAGES 12
#define DOOR_PORT "network:dhcp"

struct trace_walk {
    struct kn_db *db;
    json_t *hops, *hosts; /* of the answer */
    int stage, asked;     /* pieces so far */
    bool is_over;
    struct kn_ip source, destination;
    int protocol, first, second;
};

static void walk_say(struct trace_walk *walk, const char *check, const char *verdict, const char *rule,
                     const char *format, ...) __attribute__((format(printf, 5, 6)));
static void walk_say(struct trace_walk *walk, const char *check, const char *verdict, const char *rule,
                     const char *format, ...)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf says = KN_STRBUF_INIT;
    va_list args;

    va_start(args, format);
    kn_strbuf_vaddf(&says, format, args);
    va_end(args);
    json_t *hop = json_pack("{s:i, s:s, s:s, s:s, s:s}", "stage", walk->stage, "place", "rows", "check", check,
                            "verdict", verdict, "says", says.buf);

    if (rule[0] != '\0') {
        json_object_set_new(hop, "rule", json_string(rule));
    }
    json_array_append_new(walk->hops, hop);
}

static void walk_end(struct trace_walk *walk)
{
    walk->is_over = true;
}

/* --- pieces ----------------------------------------------------------------------------------------------------------- */

static json_t *walk_packet(const struct trace_walk *walk)
{
    char source[KN_IP_SIZE], destination[KN_IP_SIZE];

    return json_pack("{s:s, s:s, s:i, s:i, s:i}", "source", kn_ip_text(&walk->source, source), "destination",
                     kn_ip_text(&walk->destination, destination), "protocol", walk->protocol, "source_port",
                     walk->first, "destination_port", walk->second);
}

/* Steals the piece. What lies on a host that nobody carries is asked of nobody. */
static void walk_ask(struct trace_walk *walk, const char *host, const char *agent, json_t *piece)
{
    json_t *entry = NULL, *item;
    size_t i;

    json_array_foreach (walk->hosts, i, item) {
        if (strcmp(json_string_value(json_object_get(item, "host")), host) == 0) {
            entry = item;
        }
    }
    if (agent[0] == '\0') {
        json_decref(piece);
        return;
    }
    if (entry == NULL) {
        entry = json_pack("{s:s, s:s, s:[], s:[], s:[]}", "host", host, "agent", agent, "stages", "orders", "pieces");
        json_array_append_new(walk->hosts, entry);
    }
    json_array_append_new(json_object_get(entry, "stages"), json_integer(walk->stage));
    json_array_append_new(json_object_get(entry, "orders"), json_integer(++walk->asked));
    json_array_append_new(json_object_get(entry, "pieces"), piece);
}

static json_t *walk_piece(const struct trace_walk *walk, const struct kn_network_found_port *from,
                          const struct kn_network_found_port *to, const struct kn_ip *next)
{
    char text[KN_IP_SIZE];
    json_t *piece = json_pack("{s:s, s:s, s:s, s:s, s:o}", "network", from->network, "from", from->id, "from_mac",
                              from->mac, "next", kn_ip_text(next, text), "packet", walk_packet(walk));

    if (to->id[0] != '\0') {
        json_object_set_new(piece, "to", json_string(to->id));
        json_object_set_new(piece, "to_mac", json_string(to->mac));
    }
    return piece;
}

/* The two halves of a segment that lies between hosts, or the whole of one that does not. */
static void walk_segment(struct trace_walk *walk, const struct kn_network_found_port *from,
                         const struct kn_network_found_port *to, const struct kn_ip *next)
{
    const bool is_door = strcmp(to->owner, DOOR_PORT) == 0, is_near = strcmp(from->host, to->host) == 0;
    json_t *piece = walk_piece(walk, from, to, next);

    json_object_set_new(piece, "leaves", json_true());
    if (is_door) {
        json_object_set_new(piece, "door", json_true());
    } else if (is_near && to->host[0] != '\0') {
        json_object_set_new(piece, "arrives", json_true());
    } else if (!from->is_flat && to->underlay[0] != '\0') {
        json_object_set_new(piece, "far", json_string(to->underlay));
    }
    if (from->host[0] == '\0') {
        json_decref(piece);
    } else {
        walk_ask(walk, from->host, from->agent, piece);
    }
    if (!is_door && !is_near && to->host[0] != '\0') {
        piece = walk_piece(walk, from, to, next);
        json_object_set_new(piece, "arrives", json_true());
        if (!from->is_flat && from->underlay[0] != '\0') {
            json_object_set_new(piece, "far", json_string(from->underlay));
        }
        walk_ask(walk, to->host, to->agent, piece);
    }
}

/* --- ports ------------------------------------------------------------------------------------------------------------ */

static void walk_state(struct trace_walk *walk, const struct kn_network_found_port *port, const char *what)
{
    if (!port->is_up) {
        walk_say(walk, "up", "stop", "", "%s %s is down (admin_state_up is false)", what, port->id);
    } else if (!port->is_network_up) {
        walk_say(walk, "up", "stop", "", "%s %s is down with its network %s (admin_state_up is false)", what, port->id,
                 port->network);
    }
    if (port->host[0] == '\0') {
        walk_say(walk, "bound", "stop", "", "%s %s is unbound: no host has it", what, port->id);
    } else if (port->agent[0] == '\0') {
        walk_say(walk, "bound", "stop", "", "%s %s is bound to %s, a host that nobody carries", what, port->id,
                 port->host);
    } else {
        walk_say(walk, "bound", "pass", "", "%s %s (%s) is on %s", what, port->id, port->mac, port->host);
    }
}

static int walk_groups(struct trace_walk *walk, const struct kn_network_found_port *port, bool is_ingress,
                       struct kn_error *err)
{
    const char *check = is_ingress ? "ingress" : "egress", *way = is_ingress ? "in" : "out";
    struct kn_network_found_rule rule;

    if (!port->is_secure) {
        walk_say(walk, check, "pass", "", "port security is off: no group is asked");
        return 0;
    }
    if (kn_network_find_rule(walk->db, port->id, is_ingress, is_ingress ? &walk->source : &walk->destination,
                             walk->protocol, walk->first, walk->second, &rule, err) < 0) {
        return -1;
    }
    if (rule.id[0] != '\0') {
        walk_say(walk, check, "pass", rule.id, "security group rule %s lets it %s", rule.id, way);
    } else {
        walk_say(walk, check, "stop", "", "no security group rule lets it %s port %s: %s %s",
                 is_ingress ? "into" : "out of", port->id, rule.has_groups ? "it has" : "it has no group", rule.groups);
    }
    return 0;
}

static int walk_leave(struct trace_walk *walk, const struct kn_network_found_port *from, bool is_own_door,
                      struct kn_error *err)
{
    char text[KN_IP_SIZE];
    bool may = true;

    walk_state(walk, from, "port");
    if (from->is_secure && kn_network_find_may(walk->db, from->id, &walk->source, &may, err) < 0) {
        return -1;
    }
    walk_say(walk, "spoofing", may ? "pass" : "stop", "", "it %s from %s%s", may ? "sends" : "may not send",
             kn_ip_text(&walk->source, text), may ? "" : ": neither its own nor of an allowed address pair");
    if (is_own_door) {
        walk_say(walk, "egress", "pass", "", "every port may: DHCP, names and metadata are the network's own");
        return 0;
    }
    return walk_groups(walk, from, false, err);
}

/* --- routers ---------------------------------------------------------------------------------------------------------- */

struct walk_hop { /* one through a router */
    struct kn_network_found_router router;
    struct kn_network_found_port in, out;
    struct kn_network_found_route route;
    bool is_led;
    char from[KN_UUID_SIZE], to[KN_UUID_SIZE]; /* address scopes of its legs; "": none */
};

static int walk_led(struct trace_walk *walk, struct walk_hop *hop, struct kn_error *err)
{
    char id[KN_UUID_SIZE], before[KN_IP_SIZE], after[KN_IP_SIZE];
    struct kn_ip was = walk->destination;
    int port = walk->second;

    if (was.family != 4) {
        return 0;
    }
    if (kn_network_find_inside(walk->db, hop->router.id, walk->protocol, &walk->destination, &port, id, err) < 0) {
        return -1;
    }
    hop->is_led = id[0] != '\0';
    if (hop->is_led) {
        walk->second = port;
        walk_say(walk, "nat", "pass", "", "%s leads to %s (floating IP or port forwarding %s)",
                 kn_ip_text(&was, before), kn_ip_text(&walk->destination, after), id);
    }
    return 0;
}

/* What leaves by the gateway, or turns back in after it was led, speaks as its floating address or as the router. */
static int walk_lent(struct trace_walk *walk, const struct walk_hop *hop, struct kn_error *err)
{
    char id[KN_UUID_SIZE], before[KN_IP_SIZE], after[KN_IP_SIZE];
    const bool is_turned = hop->is_led && strcmp(hop->in.owner, KN_ROUTER_GATEWAY) != 0 && !hop->route.is_gateway;
    struct kn_ip was = walk->source, as;

    if (was.family != 4 || (!hop->route.is_gateway && !is_turned)) {
        return 0;
    }
    if (kn_network_find_outside(walk->db, hop->router.id, &was, &as, id, err) < 0) {
        return -1;
    }
    if (id[0] == '\0' && hop->route.is_gateway && hop->from[0] != '\0' && strcmp(hop->from, hop->to) == 0) {
        walk_say(walk, "scope", "note", "", "it goes outside as %s: nothing is translated within address scope %s",
                 kn_ip_text(&was, before), hop->from);
        return 0;
    }
    if (as.family == 0 || (id[0] == '\0' && !hop->router.snat && !is_turned)) {
        walk_say(walk, "nat", "note", "", "it goes outside as %s: the router translates nothing (snat is off)",
                 kn_ip_text(&was, before));
        return 0;
    }
    walk->source = as;
    walk_say(walk, "nat", "pass", "", "%s speaks as %s (%s)", kn_ip_text(&was, before), kn_ip_text(&as, after),
             id[0] != '\0' ? "its floating IP" : "the router's gateway");
    return 0;
}

static const char *walk_scope_text(const char *scope)
{
    return scope[0] != '\0' ? scope : "none";
}

/* Between two scopes passes what is translated at either end, and nothing else. source: before it was. */
static void walk_scope(struct trace_walk *walk, const struct walk_hop *hop, const struct kn_ip *source)
{
    if (strcmp(hop->from, hop->to) != 0 && !hop->is_led && kn_ip_equal(source, &walk->source)) {
        walk_say(
            walk, "scope", "stop", "",
            "address scope: port %s is of scope %s and port %s of scope %s, and router %s lets nothing pass between "
            "them that it does not translate",
            hop->in.id, walk_scope_text(hop->from), hop->out.id, walk_scope_text(hop->to), hop->router.id);
    }
}

static int walk_way(struct trace_walk *walk, struct walk_hop *hop, struct kn_error *err)
{
    const struct kn_ip source = walk->source;
    char to[KN_IP_SIZE], via[KN_IP_SIZE];

    if (kn_network_find_route(walk->db, hop->router.id, &walk->destination, &hop->route, err) < 0) {
        return -1;
    }
    kn_ip_text(&walk->destination, to);
    if (hop->route.leg[0] == '\0') {
        walk_say(walk, "route", "stop", "", "missing route: router %s has no leg, route or gateway that leads to %s",
                 hop->router.id, to);
        walk_end(walk);
        return 0;
    }
    if (hop->route.is_own) {
        walk_say(walk, "route", "pass", "", "%s is router %s itself", to, hop->router.id);
        walk_end(walk);
        return 0;
    }
    if (kn_network_find_port(walk->db, hop->route.leg, &hop->out, err) < 0 ||
        kn_network_find_scope(walk->db, hop->in.id, source.family, hop->from, err) < 0 ||
        kn_network_find_scope(walk->db, hop->out.id, source.family, hop->to, err) < 0) {
        return -1;
    }
    walk_say(walk, "route", "pass", "", "router %s sends it out by its port %s%s%s", hop->router.id, hop->out.id,
             hop->route.via.family == 0 ? "" : " via ", kn_ip_text(&hop->route.via, via));
    if (walk_lent(walk, hop, err) < 0) {
        return -1;
    }
    walk_scope(walk, hop, &source);
    return 0;
}

static void walk_router_state(struct trace_walk *walk, const struct kn_network_found_router *router)
{
    if (!router->is_up) {
        walk_say(walk, "up", "stop", "", "router %s is down (admin_state_up is false)", router->id);
    }
    if (router->host[0] == '\0') {
        walk_say(walk, "bound", "stop", "", "no host has router %s: nobody holds its lease", router->id);
    } else {
        walk_say(walk, "bound", "pass", "", "router %s is on %s", router->id, router->host);
    }
}

/* The piece of a router: what it gets, and what rows say that becomes of it. */
static void walk_router_piece(struct trace_walk *walk, const struct walk_hop *hop, json_t *packet)
{
    char via[KN_IP_SIZE];
    json_t *piece = json_pack("{s:s, s:s, s:o, s:o}", "router", hop->router.id, "from", hop->in.id, "packet", packet,
                              "after", walk_packet(walk));

    if (hop->out.id[0] != '\0') {
        json_object_set_new(piece, "to", json_string(hop->out.id));
        if (hop->route.via.family != 0) {
            json_object_set_new(piece, "next", json_string(kn_ip_text(&hop->route.via, via)));
        }
    }
    if (hop->router.host[0] == '\0' || (hop->out.id[0] == '\0' && !hop->route.is_own)) {
        json_decref(piece); /* of a way that rows do not know nothing can be asked */
    } else {
        walk_ask(walk, hop->router.host, hop->router.agent, piece);
    }
}

/* `in` is the leg that the packet came to; *ret_out the one that it leaves by, *ret_next who is asked for there. */
static int walk_router(struct trace_walk *walk, const struct kn_network_found_port *in,
                       struct kn_network_found_port *ret_out, struct kn_ip *ret_next, struct kn_error *err)
{
    struct walk_hop hop = { .in = *in };
    json_t *packet = walk_packet(walk);

    walk->stage++;
    if (kn_network_find_router(walk->db, in->device, &hop.router, err) < 0 || walk_led(walk, &hop, err) < 0) {
        json_decref(packet);
        return -1;
    }
    walk_router_state(walk, &hop.router);
    if (walk_way(walk, &hop, err) < 0) {
        json_decref(packet);
        return -1;
    }
    walk_router_piece(walk, &hop, packet);
    *ret_out = hop.out;
    *ret_next = hop.route.via.family != 0 ? hop.route.via : walk->destination;
    return 0;
}

/* --- the way ---------------------------------------------------------------------------------------------------------- */

static bool walk_is_metadata(const struct kn_ip *ip)
{
    struct kn_ip door, door6;

    return kn_ip_parse("169.254.169.254", &door) && kn_ip_parse("fe80::a9fe:a9fe", &door6) &&
           (kn_ip_equal(ip, &door) || kn_ip_equal(ip, &door6));
}

/* Nobody of the cloud has the next hop's address. */
static void walk_outside(struct trace_walk *walk, const struct kn_network_found_port *from, const struct kn_ip *next)
{
    const struct kn_network_found_port nobody = { .id = "" };
    char text[KN_IP_SIZE];

    kn_ip_text(next, text);
    if (walk_is_metadata(next) && !from->is_flat) {
        struct kn_network_found_port door = { .owner = DOOR_PORT };

        kn_network_mac_text(KN_DOOR_MAC, door.mac);
        walk_say(walk, "door", "pass", "", "%s is on every host that has the network, though nothing else is served",
                 text);
        walk_segment(walk, from, &door, next);
    } else if (from->is_flat) {
        walk_say(walk, "outside", "pass", "", "no port of the cloud has %s: it leaves by the physical network", text);
        walk_segment(walk, from, &nobody, next);
    } else {
        walk_say(walk, "address", "stop", "", "no port of network %s has %s: nobody answers", from->network, text);
    }
    walk_end(walk);
}

/* Whose the address is that no port has of its own, and how that is known. */
static void walk_say_holder(struct trace_walk *walk, const struct kn_network_found_holder *holder,
                            const struct kn_network_found_port *to, const struct kn_ip *next)
{
    char text[KN_IP_SIZE];

    kn_ip_text(next, text);
    if (holder->how == KN_HELD_ANNOUNCED) {
        walk_say(
            walk, "address", "note", "",
            "no port has %s of its own; port %s announced it last, as %s, heard on %s at %s (allowed address pairs)",
            text, to->id, holder->mac, to->host[0] != '\0' ? to->host : "a host that it left since", holder->heard);
        if (holder->rests[0] != '\0') {
            walk_say(
                walk, "address", "note", "",
                "guests fight over %s: it moved %d times in a short time and stays there until %s, whoever announces it",
                text, KN_MAX_ANNOUNCED_MOVES, holder->rests);
        }
    } else if (holder->how == KN_HELD_BY_PAIR) {
        walk_say(
            walk, "address", "note", "",
            "no port has %s of its own, and no guest announced it; port %s may have it, as %s, and is the one that "
            "hosts lead it to (allowed address pairs)",
            text, to->id, holder->mac);
    } else if (holder->how == KN_HELD_BY_PREFIX) {
        walk_say(walk, "address", "unknown", "",
                 "no port has %s of its own, and no guest announced it; port %s may have it among others (an allowed "
                 "address pair of a whole prefix): hosts lead it nowhere, and whether a guest has it nobody knows",
                 text, to->id);
    }
}

static int walk_arrive(struct trace_walk *walk, const struct kn_network_found_port *to, const struct kn_ip *next,
                       const struct kn_network_found_holder *holder, struct kn_error *err)
{
    walk_end(walk);
    walk_say_holder(walk, holder, to, next);
    if (!kn_ip_equal(next, &walk->destination)) {
        walk_say(walk, "guest", "note", "", "port %s is the next hop: what its guest does with it is its own affair",
                 to->id);
    }
    return walk_groups(walk, to, true, err);
}

/* Whoever has `next` in the network of `from`; of a router *ret_out and *ret_next are how it goes on, and `from` is done with. */
static int walk_step(struct trace_walk *walk, const struct kn_network_found_port *from, bool is_first,
                     const struct kn_ip *next, struct kn_network_found_port *ret_out, struct kn_ip *ret_next,
                     struct kn_error *err)
{
    struct kn_network_found_holder holder = { .how = KN_HELD_AS_OWN };
    struct kn_network_found_port to;

    if ((walk_is_metadata(next) ? kn_network_find_door(walk->db, from->network, holder.port, err)
                                : kn_network_find_holder(walk->db, from->network, next, &holder, err)) < 0 ||
        (holder.port[0] != '\0' && kn_network_find_port(walk->db, holder.port, &to, err) < 0)) {
        return -1;
    }
    const bool is_door = holder.port[0] != '\0' && strcmp(to.owner, DOOR_PORT) == 0;

    if (is_first &&
        walk_leave(walk, from, (is_door || (holder.port[0] == '\0' && !from->is_flat)) && walk_is_metadata(next), err) <
            0) {
        return -1;
    }
    if (holder.port[0] == '\0') {
        walk_outside(walk, from, next);
        return 0;
    }
    if (is_door) {
        walk_say(walk, "door", "pass", "", "the network's own server (port %s) is on every host that has the network",
                 to.id);
        walk_end(walk);
    } else {
        walk_state(walk, &to, "receiving port");
    }
    const bool is_router = strcmp(to.owner, KN_ROUTER_LEG) == 0 || strcmp(to.owner, KN_ROUTER_GATEWAY) == 0;

    if (!is_door && !is_router && walk_arrive(walk, &to, next, &holder, err) < 0) {
        return -1;
    }
    if (holder.mac[0] != '\0') {
        kn_copy(to.mac, sizeof(to.mac), holder.mac);
    }
    if (holder.how != KN_HELD_BY_PREFIX) { /* no host is to be asked about a way that it does not have */
        walk_segment(walk, from, &to, next);
    }
    return is_router ? walk_router(walk, &to, ret_out, ret_next, err) : 0;
}

static int walk_first_next(struct trace_walk *walk, const struct kn_network_found_port *from, struct kn_ip *ret_next,
                           struct kn_error *err)
{
    char text[KN_IP_SIZE];

    if (walk_is_metadata(&walk->destination)) {
        *ret_next = walk->destination;
        return 0;
    }
    if (kn_network_find_next(walk->db, from->id, &walk->source, &walk->destination, ret_next, err) < 0) {
        return -1;
    }
    if (ret_next->family == 0) {
        walk_say(walk, "route", "stop", "", "missing route: the subnets of port %s have no gateway or host route to %s",
                 from->id, kn_ip_text(&walk->destination, text));
        walk_end(walk);
    } else if (!kn_ip_equal(ret_next, &walk->destination)) {
        walk_say(walk, "route", "pass", "", "the guest was told to send it to %s", kn_ip_text(ret_next, text));
    }
    return 0;
}

static int walk_all(struct trace_walk *walk, struct kn_network_found_port *from, struct kn_error *err)
{
    struct kn_network_found_port at = *from, out = { .id = "" };
    struct kn_ip next, then = KN_IP_NONE;

    if (walk_first_next(walk, from, &next, err) < 0) {
        return -1;
    }
    if (walk->is_over) {
        return walk_leave(walk, from, false, err);
    }
    for (bool is_first = true; !walk->is_over; is_first = false) {
        if (walk_step(walk, &at, is_first, &next, &out, &then, err) < 0) {
            return -1;
        }
        walk->stage++;
        if (!walk->is_over && walk->stage > MOST_STAGES) {
            walk_say(walk, "route", "stop", "", "the way goes on and on: routers send it in a circle");
            walk_end(walk);
        }
        at = out;
        next = then;
    }
    return 0;
}

int kn_network_trace_rows(struct kn_db *db, const struct kn_network_trace_ask *ask, json_t **ret, struct kn_error *err)
{
    struct trace_walk walk = { .db = db,
                               .source = ask->from,
                               .destination = ask->to,
                               .protocol = ask->protocol,
                               .first = ask->first,
                               .second = ask->second };
    struct kn_network_found_port from;
    char text[KN_IP_SIZE];

    if (kn_network_find_port(db, ask->port, &from, err) < 0) {
        return -1;
    }
    if (from.id[0] == '\0') {
        return kn_rest_not_found(&kn_network_ports, ask->port, err);
    }
    if (ask->from.family == 0 && kn_network_find_source(db, from.id, &ask->to, &walk.source, err) < 0) {
        return -1;
    }
    json_auto_t *found = json_pack("{s:s, s:[], s:[]}", "source", kn_ip_text(&walk.source, text), "hops", "hosts");

    walk.hops = json_object_get(found, "hops");
    walk.hosts = json_object_get(found, "hosts");
    if (walk.source.family == 0) {
        walk_say(&walk, "address", "stop", "", "port %s has no IPv%d address to speak from", from.id, ask->to.family);
    } else if (walk_all(&walk, &from, err) < 0) {
        return -1;
    }
    *ret = json_incref(found);
    return 0;
}
