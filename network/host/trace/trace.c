/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.c: what stops a packet on this host, said so that somebody who is woken by it understands: each hop is one check, passed, stopped, or not judged. Holds
 * the kernel's tables against the state at each: a host whose kernel lets through what it should not says so, too.
 */
#include "network/host/trace/trace_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/domain/form.h"

enum { TRACE_ICMP = 1, TRACE_ICMPV6 = 58, TRACE_ECHO = 8, TRACE_ECHO6 = 128, TRACE_REPLY = 0, TRACE_REPLY6 = 129 };

void kn_network_trace_say(const struct kn_network_trace *trace, const char *check, const char *verdict,
                          const char *rule, const char *line, const char *format, ...)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf says = KN_STRBUF_INIT;
    va_list args;

    va_start(args, format);
    kn_strbuf_vaddf(&says, format, args);
    va_end(args);
    json_t *hop = json_pack("{s:i, s:s, s:s, s:s}", "piece", trace->index, "check", check, "verdict", verdict, "says",
                            says.buf);

    if (kn_uuid_valid(rule)) {
        json_object_set_new(hop, "rule", json_string(rule));
    }
    if (line[0] != '\0') {
        json_object_set_new(hop, "line", json_string(line));
    }
    json_array_append_new(trace->hops, hop);
}

/* The answer to a packet. */
static struct kn_network_packet trace_reply(const struct kn_network_packet *packet)
{
    struct kn_network_packet answer = { .source = packet->destination,
                                        .destination = packet->source,
                                        .protocol = packet->protocol,
                                        .source_port = packet->destination_port,
                                        .destination_port = packet->source_port };

    if (packet->protocol == TRACE_ICMP || packet->protocol == TRACE_ICMPV6) {
        answer.source_port = packet->source_port == TRACE_ECHO    ? TRACE_REPLY
                             : packet->source_port == TRACE_ECHO6 ? TRACE_REPLY6
                                                                  : packet->source_port;
        answer.destination_port = 0;
    }
    return answer;
}

/* --- devices ---------------------------------------------------------------------------------------------------------- */

/* The router whose leg the port is; NULL: this host was told of none. */
static const struct kn_network_state_router *trace_router_of(const struct kn_network_trace *trace, const char *port)
{
    const char *id;
    void *value;

    for (size_t at = 0; kn_hmap_next(trace->state->objects[KN_NETWORK_IS_ROUTER], &at, &id, &value);) {
        const struct kn_network_state_router *router = value;

        for (size_t i = 0; i < router->interface_count; i++) {
            if (strcmp(router->interfaces[i].port, port) == 0) {
                return router;
            }
        }
    }
    return NULL;
}

/* A device that is not there, and why. */
static void trace_no_device(const struct kn_network_trace *trace, const struct kn_network_trace_end *end,
                            const char *port, bool is_router)
{
    const struct kn_network_state_router *router = is_router ? trace_router_of(trace, port) : NULL;

    if (!is_router) {
        kn_network_trace_say(trace, "device", STOP, "", "",
                             "%s is not there: no server of this host was plugged into the port", end->name);
    } else if (router == NULL) {
        kn_network_trace_say(trace, "told", STOP, "", "",
                             "this host was not told of the router of port %s; it knows version %lld", port,
                             (long long)trace->state->version);
    } else if (!router->up) {
        kn_network_trace_say(trace, "up", STOP, "", "", "router %s is down (admin_state_up is false)", router->id);
    } else {
        kn_network_trace_say(
            trace, "device", STOP, "", "",
            "%s, a leg of router %s, is not there: this host does not hold its lease, or could not build it", end->name,
            router->id);
    }
}

/* Nothing is wrong with that end, as far as its device goes. */
static bool trace_end_stands(const struct kn_network_trace *trace, const struct kn_network_trace_end *end,
                             const char *port)
{
    const struct kn_network_state_port *told = kn_network_state_get(trace->state, KN_NETWORK_IS_PORT, port);

    return (told == NULL ? port[0] == '\0' : told->up) && end->device.is_there &&
           strcmp(end->device.bridge, trace->facts->bridge) == 0;
}

/* False: nothing more can be said of this end. */
static bool trace_device(const struct kn_network_trace *trace, const struct kn_network_trace_end *end, const char *port)
{
    const struct kn_network_state_port *told = port[0] == '\0'
                                                   ? NULL
                                                   : kn_network_state_get(trace->state, KN_NETWORK_IS_PORT, port);
    const struct kn_network_look_device *device = &end->device;

    if (port[0] != '\0' && told == NULL) {
        kn_network_trace_say(trace, "told", STOP, "", "",
                             "this host was not told of port %s; it knows version %lld of its networks", port,
                             (long long)trace->state->version);
        return false;
    }
    if (told != NULL && !told->up) {
        kn_network_trace_say(trace, "up", STOP, "", "",
                             "port %s is down (admin_state_up is false), as this host was told", port);
    } else if (!device->is_there) {
        trace_no_device(trace, end, port, told != NULL && told->is_router);
        return false;
    } else if (strcmp(device->bridge, trace->facts->bridge) != 0) {
        kn_network_trace_say(trace, "device", STOP, "", "", "%s is in %s%s, not in %s", end->name,
                             device->bridge[0] == '\0' ? "no bridge" : "", device->bridge, trace->facts->bridge);
    } else if (!device->is_up || !device->has_carrier) {
        kn_network_trace_say(trace, "device", STOP, "", "", "%s has no link: %s", end->name,
                             !device->is_up                    ? "it is down"
                             : told == NULL || told->is_router ? "its other end is down"
                                                               : "no guest holds its other end");
    } else if (!trace->facts->is_bridge_up) {
        kn_network_trace_say(trace, "device", STOP, "", "", "%s, the bridge that %s is in, is down",
                             trace->facts->bridge, end->name);
    } else {
        kn_network_trace_say(trace, "device", PASS, "", "", "%s is in %s, with a link", end->name, device->bridge);
    }
    return true;
}

/* --- the firewall ----------------------------------------------------------------------------------------------------- */

/* Both families at one hook, as a bridge of ours asks them. */
static void trace_hook(const struct kn_network_trace *trace, const char *hook, struct kn_network_tables_packet *packet,
                       struct kn_network_tables_ruling *ret)
{
    const char *in = packet->in, *out = packet->out;

    kn_network_tables_walk(trace->facts->tables, "bridge", hook, packet, ret);
    if (ret->verdict == KN_TABLES_PASS) {
        packet->in = trace->facts->bridge;
        packet->out = out[0] == '\0' ? out : trace->facts->bridge;
        kn_network_tables_walk(trace->facts->tables, "inet", hook, packet, ret);
        packet->in = in;
        packet->out = out;
    }
}

/* Of which kind a drop is, by its chain. */
static const char *trace_kind(const struct kn_network_tables_ruling *ruling, bool is_ingress)
{
    static const struct {
        const char *start, *kind;
    } KINDS[] = { { "prerouting", "up" }, { "guest", "spoofing" }, { "open", "spoofing" }, { "midstream", "cut" } };

    for (size_t i = 0; i < KN_COUNT(KINDS); i++) {
        if (strncmp(ruling->chain, KINDS[i].start, strlen(KINDS[i].start)) == 0) {
            return KINDS[i].kind;
        }
    }
    if (strcmp(ruling->chain, "forward") == 0) {
        return strstr(ruling->line, "@down") != NULL ? "up" : "doors";
    }
    return is_ingress ? "ingress" : "egress";
}

static void put_words(const struct kn_network_packet *packet, struct kn_strbuf *out)
{
    char source[KN_IP_SIZE], destination[KN_IP_SIZE];

    switch (packet->protocol) {
    case TRACE_ICMP:
    case TRACE_ICMPV6:
        kn_strbuf_addf(out, "ICMP type %d", packet->source_port);
        break;
    case 6:
    case 17:
        kn_strbuf_addf(out, "%s/%d", packet->protocol == 6 ? "tcp" : "udp", packet->destination_port);
        break;
    default:
        kn_strbuf_addf(out, "protocol %d", packet->protocol);
        break;
    }
    kn_strbuf_addf(out, " from %s to %s", kn_ip_text(&packet->source, source),
                   kn_ip_text(&packet->destination, destination));
}

static void put_groups(const struct kn_network_state_port *port, struct kn_strbuf *out)
{
    kn_strbuf_addstr(out, port->group_count == 0 ? "it has no group" : port->group_count == 1 ? "group " : "groups ");
    for (size_t i = 0; i < port->group_count; i++) {
        kn_strbuf_addf(out, "%s%s", i == 0 ? "" : ", ", port->groups[i]);
    }
}

static void trace_passed(const struct kn_network_trace *trace, const struct kn_network_state_port *port,
                         bool is_ingress, const char *rule, const struct kn_network_tables_ruling *ruling)
{
    const char *check = is_ingress ? "ingress" : "egress", *way = is_ingress ? "in" : "out";

    if (!port->filtered || !port->has_groups) {
        kn_network_trace_say(trace, check, PASS, "", "", "no group is asked: %s",
                             port->filtered ? "the port was told without any" : "port security is off");
    } else if (strcmp(rule, "always") == 0) {
        kn_network_trace_say(trace, check, PASS, "", ruling->line, "every port may: DHCP, neighbours, metadata");
    } else if (kn_uuid_valid(rule)) {
        kn_network_trace_say(trace, check, PASS, rule, ruling->line, "security group rule %s lets it %s", rule, way);
    } else {
        kn_network_trace_say(trace, check, PASS, "", ruling->line,
                             "this host's kernel lets it %s (chain %s), and no rule that it was told of does", way,
                             ruling->chain);
    }
}

static void trace_dropped(const struct kn_network_trace *trace, const struct kn_network_state_port *port,
                          bool is_ingress, const char *rule, const struct kn_network_tables_ruling *ruling,
                          const struct kn_network_packet *packet)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf words = KN_STRBUF_INIT, groups = KN_STRBUF_INIT;
    const char *kind = trace_kind(ruling, is_ingress);

    put_words(packet, &words);
    put_groups(port, &groups);
    if (strcmp(kind, "up") == 0) {
        kn_network_trace_say(trace, kind, STOP, "", ruling->line, "port %s is down (admin_state_up is false)",
                             port->id);
    } else if (strcmp(kind, "spoofing") == 0) {
        kn_network_trace_say(trace, kind, STOP, "", ruling->line,
                             "anti-spoofing (chain %s): port %s may not send %s: not from this MAC and address",
                             ruling->chain, port->id, words.buf);
    } else if (strcmp(kind, "cut") == 0 || strcmp(kind, "doors") == 0) {
        kn_network_trace_say(trace, kind, STOP, "", ruling->line, "chain %s drops it", ruling->chain);
    } else if (kn_uuid_valid(rule)) {
        kn_network_trace_say(
            trace, kind, STOP, rule, ruling->line,
            "this host's kernel drops it (chain %s) though rule %s, of which it was told, lets it through",
            ruling->chain, rule);
    } else {
        kn_network_trace_say(trace, kind, STOP, "", ruling->line, "no security group rule lets %s %s port %s: %s",
                             words.buf, is_ingress ? "into" : "out of", port->id, groups.buf);
    }
}

/* What a router's leg sends is dropped where nothing that this host says reaches the control plane: somebody else may have the router (fence.h). */
static void trace_fence(const struct kn_network_trace *trace, const struct kn_network_trace_end *end,
                        const char *port_id)
{
    const struct kn_network_state_port *port = kn_network_state_get(trace->state, KN_NETWORK_IS_PORT, port_id);
    struct kn_network_tables_packet packet = {
        .in = end->name, .out = "", .ip = trace->piece->packet, .state = KN_CT_NEW
    };
    struct kn_network_tables_ruling ruling;

    if (port == NULL || !port->is_router || trace->facts->tables == NULL) {
        return;
    }
    kn_network_tables_walk(trace->facts->tables, "bridge", "prerouting", &packet, &ruling);
    if (ruling.verdict == KN_TABLES_DROP) {
        kn_network_trace_say(
            trace, "lease", STOP, "", ruling.line,
            "this host's routers are silent: it was not heard for too long, another one may have them");
    }
}

static bool trace_has_tables(const struct kn_network_trace *trace)
{
    return trace->facts->tables != NULL && kn_network_tables_have(trace->facts->tables, "bridge") &&
           kn_network_tables_have(trace->facts->tables, "inet");
}

/* What rules say is not what becomes of the packet until the agent has looked: nobody may call that a way that is open. */
static void trace_missing_tables(const struct kn_network_trace *trace)
{
    static const char *const FAMILIES[] = { "bridge", "inet" };

    for (size_t i = 0; i < KN_COUNT(FAMILIES); i++) {
        if (trace->facts->tables == NULL || !kn_network_tables_have(trace->facts->tables, FAMILIES[i])) {
            kn_network_trace_say(trace, "tables", UNKNOWN, "", "",
                                 "the kernel has no table %s kilonova: nothing is dropped there until this host makes "
                                 "it again, within seconds",
                                 FAMILIES[i]);
        }
    }
}

/* One direction of a guest's port: `packet` at the hook, judged by the kernel's tables and explained by what the host was told. */
static void trace_firewall(const struct kn_network_trace *trace, const char *port_id, bool is_ingress,
                           struct kn_network_tables_packet *packet)
{
    const struct kn_network_state_port *port = kn_network_state_get(trace->state, KN_NETWORK_IS_PORT, port_id);
    struct kn_network_tables_ruling ruling;
    const char *rule = "";

    if (port == NULL || port->is_router || !trace_has_tables(trace)) {
        return;
    }
    kn_network_allows(trace->state, trace->ruleset, port, is_ingress, &packet->ip, &rule);
    trace_hook(trace, is_ingress ? "forward" : "prerouting", packet, &ruling);
    switch (ruling.verdict) {
    case KN_TABLES_PASS:
        if (!is_ingress) {
            kn_network_trace_say(trace, "spoofing", PASS, "", "", "it may send from this MAC and address");
        }
        trace_passed(trace, port, is_ingress, rule, &ruling);
        break;
    case KN_TABLES_DROP:
        trace_dropped(trace, port, is_ingress, rule, &ruling, &packet->ip);
        break;
    case KN_TABLES_UNKNOWN:
        kn_network_trace_say(trace, is_ingress ? "ingress" : "egress", UNKNOWN, "", ruling.line,
                             "chain %s of this host's kernel has a line that is none of ours", ruling.chain);
        break;
    }
}

/* Of a connection that was let through, what comes back: a stateless group wants a rule for it. */
static void trace_firewall_back(const struct kn_network_trace *trace, const char *port_id, bool is_ingress,
                                struct kn_network_tables_packet *packet)
{
    const struct kn_network_state_port *port = kn_network_state_get(trace->state, KN_NETWORK_IS_PORT, port_id);
    struct kn_network_tables_ruling ruling;

    if (port == NULL || port->is_router || !trace_has_tables(trace)) {
        return;
    }
    packet->ip = trace_reply(&packet->ip);
    packet->state = KN_CT_ESTABLISHED;
    packet->mark = 0;
    trace_hook(trace, is_ingress ? "forward" : "prerouting", packet, &ruling);
    if (ruling.verdict == KN_TABLES_DROP) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf words = KN_STRBUF_INIT, groups = KN_STRBUF_INIT;

        put_words(&packet->ip, &words);
        put_groups(port, &groups);
        kn_network_trace_say(trace, "answer", STOP, "", ruling.line, "the answer (%s) is dropped by chain %s: %s",
                             words.buf, ruling.chain, groups.buf);
    }
}

static struct kn_network_tables_packet trace_at(const struct kn_network_trace *trace, const char *in, const char *out,
                                                const uint8_t mac[6])
{
    struct kn_network_tables_packet packet = { .in = in, .out = out, .ip = trace->piece->packet, .state = KN_CT_NEW };

    kn_network_mac_text(mac, packet.source_mac);
    return packet;
}

/* --- the sender's half -------------------------------------------------------------------------------------------------- */

/* By VXLAN to another host. */
static void trace_tunnel(const struct kn_network_trace *trace)
{
    const struct kn_network_trace_facts *facts = trace->facts;
    const struct kn_network_trace_piece *piece = trace->piece;
    char mac[KN_MAC_TEXT], far[KN_IP_SIZE], has[KN_IP_SIZE], next[KN_IP_SIZE], other[KN_MAC_TEXT];
    static const uint8_t NOBODY[6];

    kn_network_mac_text(piece->to_mac, mac);
    kn_ip_text(&piece->far, far);
    if (memcmp(facts->neighbour, piece->to_mac, 6) == 0) {
        kn_network_trace_say(trace, "neighbour", PASS, "", "", "who asks for %s hears %s",
                             kn_ip_text(&piece->next, next), mac);
    } else if (memcmp(facts->neighbour, NOBODY, 6) == 0) {
        kn_network_trace_say(trace, "neighbour", STOP, "", "", "missing peer: %s answers nobody who asks for %s",
                             facts->vxlan, kn_ip_text(&piece->next, next));
    } else {
        kn_network_mac_text(facts->neighbour, other);
        kn_network_trace_say(trace, "neighbour", STOP, "", "", "%s answers %s to who asks for %s, not %s", facts->vxlan,
                             other, kn_ip_text(&piece->next, next), mac);
    }
    if (strcmp(facts->station, facts->vxlan) != 0) {
        kn_network_trace_say(trace, "station", STOP, "", "", "missing peer: in %s, %s is behind %s%s, not behind %s",
                             facts->bridge, mac, facts->station[0] == '\0' ? "nothing" : "", facts->station,
                             facts->vxlan);
    } else if (!facts->is_vxlan_up) {
        kn_network_trace_say(trace, "tunnel", STOP, "", "", "%s is down", facts->vxlan);
    } else if (!kn_ip_equal(&facts->tunnel, &piece->far)) {
        kn_network_trace_say(trace, "tunnel", STOP, "", "", "missing peer: %s sends frames for %s %s%s, not to %s",
                             facts->vxlan, mac, facts->tunnel.family == 0 ? "nowhere" : "to ",
                             kn_ip_text(&facts->tunnel, has), far);
    } else {
        kn_network_trace_say(trace, "tunnel", PASS, "", "", "%s is behind %s, at %s", mac, facts->vxlan, far);
    }
}

/* Out of the cloud, or to a host that is reached by the wire of a flat network. */
static void trace_wire(const struct kn_network_trace *trace)
{
    const struct kn_network_trace_facts *facts = trace->facts;

    if (facts->physical[0] == '\0') {
        kn_network_trace_say(trace, "wire", STOP, "", "",
                             "this host has no device for the network (agent.physical_networks)");
    } else if (strcmp(facts->physical, "nat") == 0) {
        kn_network_trace_say(trace, "wire", PASS, "", "",
                             "this host itself is the network's gateway (nat), and leads out of the cloud");
    } else if (!facts->physical_device.is_there || strcmp(facts->physical_device.bridge, facts->bridge) != 0) {
        kn_network_trace_say(trace, "wire", STOP, "", "", "%s is %s", facts->physical,
                             facts->physical_device.is_there ? "not in the network's bridge" : "not there");
    } else if (!facts->physical_device.has_carrier) {
        kn_network_trace_say(trace, "wire", STOP, "", "", "%s has no link", facts->physical);
    } else {
        kn_network_trace_say(trace, "wire", PASS, "", "", "it leaves by %s", facts->physical);
    }
}

static void trace_bridge(const struct kn_network_trace *trace)
{
    const struct kn_network_trace_facts *facts = trace->facts;
    const struct kn_network_trace_piece *piece = trace->piece;
    char mac[KN_MAC_TEXT];

    kn_network_mac_text(piece->to_mac, mac);
    if (piece->arrives || piece->is_door) {
        const bool is_right = strcmp(facts->station, facts->to.name) == 0;

        if (!is_right && !trace_end_stands(trace, &facts->to, piece->is_door ? "" : piece->to)) {
            return; /* no wonder: the receiver's half says why */
        }
        kn_network_trace_say(trace, "station", is_right ? PASS : STOP, "", "", "in %s, %s is behind %s%s%s%s",
                             facts->bridge, mac, facts->station[0] == '\0' ? "nothing" : "", facts->station,
                             is_right ? "" : ", not behind ", is_right ? "" : facts->to.name);
    } else if (piece->far.family != 0) {
        trace_tunnel(trace);
    } else {
        trace_wire(trace);
    }
}

void kn_network_trace_connections(const struct kn_network_trace *trace, unsigned count)
{
    if (count > 0) {
        kn_network_trace_say(trace, "conntrack", NOTE, "", "", "%u connection%s like it %s tracked here", count,
                             count == 1 ? "" : "s", count == 1 ? "is" : "are");
    }
}

/* An address of pairs leads to another port here than rows say: one of the two does not know the newest announcement yet. */
static bool trace_is_led_away(const struct kn_network_trace *trace)
{
    const char *led = trace->facts->led;
    char text[KN_IP_SIZE];

    if (led[0] == '\0' || strcmp(led, trace->piece->to) == 0) {
        return false;
    }
    kn_network_trace_say(trace, "address", UNKNOWN, "", "",
                         "this host leads %s to port %s, not to port %s: it knows another announcement than rows, and "
                         "version %lld of its networks",
                         kn_ip_text(&trace->piece->next, text), led, trace->piece->to,
                         (long long)trace->state->version);
    return true;
}

static void trace_leave(const struct kn_network_trace *trace)
{
    const struct kn_network_trace_piece *piece = trace->piece;
    const struct kn_network_trace_facts *facts = trace->facts;

    if (!trace_device(trace, &facts->from, piece->from)) {
        return;
    }
    trace_missing_tables(trace);
    struct kn_network_tables_packet packet = trace_at(trace, facts->from.name, "", piece->from_mac),
                                    back = trace_at(trace, facts->vxlan, facts->from.name, piece->to_mac);

    trace_firewall(trace, piece->from, false, &packet);
    trace_fence(trace, &facts->from, piece->from);
    if (!piece->arrives) {
        (void)trace_is_led_away(trace);
    }
    trace_bridge(trace);
    trace_firewall_back(trace, piece->from, true, &back);
    kn_network_trace_connections(trace, facts->connections);
}

/* --- the receiver's half ------------------------------------------------------------------------------------------------ */

/* Whether the port has the address, or may have it. */
static void trace_holds(const struct kn_network_trace *trace)
{
    const struct kn_network_state_port *port = kn_network_state_get(trace->state, KN_NETWORK_IS_PORT, trace->piece->to);
    const struct kn_ip *ip = &trace->piece->next;
    char text[KN_IP_SIZE];

    kn_ip_text(ip, text);
    if (port == NULL || port->is_router || trace_is_led_away(trace)) {
        return;
    }
    for (size_t i = 0; i < port->ips.count; i++) {
        if (kn_ip_equal(&port->ips.items[i], ip)) {
            kn_network_trace_say(trace, "address", PASS, "", "", "port %s has %s", port->id, text);
            return;
        }
    }
    for (size_t i = 0; i < port->pair_count; i++) {
        if (kn_ip_prefix_holds(&port->pairs[i].ip, ip)) {
            kn_network_trace_say(trace, "address", PASS, "", "", "port %s may have %s (allowed address pairs)%s",
                                 port->id, text, trace->facts->led[0] != '\0' ? "; this host leads it there" : "");
            return;
        }
    }
    kn_network_trace_say(trace, "address", STOP, "", "", "port %s has no %s, as this host was told", port->id, text);
}

/* What goes back to a sender on another host. */
static void trace_way_back(const struct kn_network_trace *trace)
{
    const struct kn_network_trace_facts *facts = trace->facts;
    const struct kn_network_trace_piece *piece = trace->piece;
    char mac[KN_MAC_TEXT], far[KN_IP_SIZE], has[KN_IP_SIZE];

    if (piece->far.family == 0 || piece->leaves) {
        return;
    }
    kn_network_mac_text(piece->from_mac, mac);
    if (strcmp(facts->back, facts->vxlan) != 0 || !kn_ip_equal(&facts->back_tunnel, &piece->far)) {
        kn_network_trace_say(trace, "answer", STOP, "", "", "missing peer: answers to %s go %s%s, not to %s", mac,
                             facts->back_tunnel.family == 0 ? "nowhere" : "to ", kn_ip_text(&facts->back_tunnel, has),
                             kn_ip_text(&piece->far, far));
    }
}

static void trace_arrive(const struct kn_network_trace *trace)
{
    const struct kn_network_trace_piece *piece = trace->piece;
    const struct kn_network_trace_facts *facts = trace->facts;
    const char *in = piece->leaves ? facts->from.name : facts->vxlan[0] != '\0' ? facts->vxlan : facts->physical;

    if (!trace_device(trace, &facts->to, piece->is_door ? "" : piece->to)) {
        return;
    }
    if (!piece->leaves && strcmp(facts->station, facts->to.name) != 0) {
        char mac[KN_MAC_TEXT];

        kn_network_mac_text(piece->to_mac, mac);
        kn_network_trace_say(trace, "station", STOP, "", "", "in %s, %s is behind %s%s, not behind %s", facts->bridge,
                             mac, facts->station[0] == '\0' ? "nothing" : "", facts->station, facts->to.name);
    }
    if (!piece->leaves) {
        trace_missing_tables(trace);
    }
    struct kn_network_tables_packet packet = trace_at(trace, in, facts->to.name, piece->from_mac),
                                    back = trace_at(trace, facts->to.name, "", piece->to_mac);

    trace_firewall(trace, piece->to, true, &packet);
    trace_fence(trace, &facts->to, piece->to);
    trace_holds(trace);
    trace_firewall_back(trace, piece->to, false, &back);
    trace_way_back(trace);
    if (!piece->leaves) {
        kn_network_trace_connections(trace, facts->connections);
    }
}

void kn_network_trace_segment(const struct kn_network_state *state, const struct kn_network_ruleset *ruleset,
                              const struct kn_network_trace_piece *piece, const struct kn_network_trace_facts *facts,
                              int index, json_t *hops)
{
    const struct kn_network_trace trace = { state, ruleset, piece, facts, index, hops };

    if (kn_network_state_get(state, KN_NETWORK_IS_NETWORK, piece->network) == NULL) {
        kn_network_trace_say(&trace, "told", STOP, "", "",
                             "this host was not told of network %s; it knows version %lld", piece->network,
                             (long long)state->version);
        return;
    }
    if (piece->leaves) {
        trace_leave(&trace);
    }
    if (piece->arrives || piece->is_door) {
        trace_arrive(&trace);
    }
}
