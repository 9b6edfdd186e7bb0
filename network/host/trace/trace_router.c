/* SPDX-License-Identifier: Apache-2.0 */
/* trace_router.c: a packet's way through a router: what its namespace has, against what rows say that it should have. */
#include <netinet/in.h>
#include <string.h>

#include "network/host/trace/trace_private.h"

void kn_network_trace_translate(const struct kn_network_trace_piece *piece, struct kn_network_trace_inside *inside)
{
    struct kn_network_tables_packet packet = { .in = inside->in, .out = "", .ip = piece->packet, .state = KN_CT_NEW };

    if (inside->tables != NULL) {
        kn_network_tables_walk(inside->tables, "ip", "prerouting", &packet, &inside->before);
    }
    inside->translated = packet.ip;
}

static void put_socket(const struct kn_ip *ip, int port, const struct kn_network_packet *packet, struct kn_strbuf *out)
{
    char text[KN_IP_SIZE];
    const bool has_port = packet->protocol != IPPROTO_ICMP && packet->protocol != IPPROTO_ICMPV6 && port > 0;

    kn_strbuf_addf(out, has_port ? "%s port %d" : "%s", kn_ip_text(ip, text), port);
}

/* Whether the kernel makes of an address what rows say that it should. */
static void trace_translated(const struct kn_network_trace *trace, bool is_source, const struct kn_network_packet *is,
                             const char *line)
{
    const struct kn_network_packet *was = &trace->piece->packet, *want = &trace->piece->after;
    const struct kn_ip *was_ip = is_source ? &was->source : &was->destination,
                       *is_ip = is_source ? &is->source : &is->destination,
                       *want_ip = is_source ? &want->source : &want->destination;
    const int was_port = is_source ? 0 : was->destination_port, is_port = is_source ? 0 : is->destination_port,
              want_port = is_source ? 0 : want->destination_port;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf before = KN_STRBUF_INIT, after = KN_STRBUF_INIT, wanted = KN_STRBUF_INIT;
    const char *what = is_source ? "source" : "destination";

    put_socket(was_ip, was_port, was, &before);
    put_socket(is_ip, is_port, was, &after);
    put_socket(want_ip, want_port, was, &wanted);
    if (!kn_ip_equal(is_ip, want_ip) || is_port != want_port) {
        kn_network_trace_say(trace, "nat", STOP, "", line, "the router makes its %s %s, and rows say %s", what,
                             after.buf, wanted.buf);
    } else if (!kn_ip_equal(is_ip, was_ip) || is_port != was_port) {
        kn_network_trace_say(trace, "nat", PASS, "", line, "its %s %s becomes %s", what, before.buf, after.buf);
    }
}

static void trace_route(const struct kn_network_trace *trace, const struct kn_network_trace_inside *inside)
{
    const struct kn_network_trace_piece *piece = trace->piece;
    const struct kn_network_look_route *route = &inside->route;
    char to[KN_IP_SIZE], via[KN_IP_SIZE];

    kn_ip_text(&inside->translated.destination, to);
    if (!route->is_there) {
        kn_network_trace_say(trace, "route", STOP, "", "", "missing route: the router's namespace leads nowhere to %s",
                             to);
    } else if (route->is_own || piece->to[0] == '\0') {
        kn_network_trace_say(trace, "route", route->is_own && piece->to[0] == '\0' ? PASS : STOP, "", "", "%s is %s",
                             to,
                             route->is_own ? "the router's own address: it answers itself"
                                           : "not the router's own address");
    } else if (strcmp(route->device, inside->out) != 0) {
        kn_network_trace_say(trace, "route", STOP, "", "", "the router sends it out by %s, not by %s", route->device,
                             inside->out);
    } else if (!kn_ip_equal(&route->via, &piece->next)) {
        kn_network_trace_say(trace, "route", STOP, "", "",
                             "the router sends it to %s%s on %s, which is not what rows say",
                             route->via.family == 0 ? "the link" : "", kn_ip_text(&route->via, via), route->device);
    } else {
        kn_network_trace_say(trace, "route", PASS, "", "", "%s by %s%s%s", to, route->device,
                             route->via.family == 0 ? "" : " via ", kn_ip_text(&route->via, via));
    }
}

/* Whether the router's scopes let it through. */
static bool trace_scope(const struct kn_network_trace *trace, const struct kn_network_trace_inside *inside,
                        struct kn_network_tables_packet *packet)
{
    struct kn_network_tables_ruling ruling = { .line = "" };

    if (inside->tables == NULL) {
        return true;
    }
    kn_network_tables_walk(inside->tables, packet->ip.source.family == 4 ? "ip" : "ip6", "forward", packet, &ruling);
    if (ruling.verdict == KN_TABLES_DROP) {
        kn_network_trace_say(trace, "scope", STOP, "", ruling.line,
                             "address scope: %s and %s are of two scopes, and the router lets nothing pass between "
                             "them that it does not translate",
                             packet->in, packet->out);
    } else if (ruling.verdict == KN_TABLES_UNKNOWN) {
        kn_network_trace_say(trace, "scope", UNKNOWN, "", ruling.line,
                             "the router's table has a line that is none of ours");
    }
    return ruling.verdict == KN_TABLES_PASS;
}

static void trace_after(const struct kn_network_trace *trace, const struct kn_network_trace_inside *inside)
{
    struct kn_network_tables_packet packet = {
        .in = inside->in,
        .out = inside->route.device,
        .ip = inside->translated,
        .state = KN_CT_NEW,
        .status = kn_ip_equal(&inside->translated.destination, &trace->piece->packet.destination) ? 0
                                                                                                  : KN_CT_STATUS_DNAT
    };
    struct kn_network_tables_ruling ruling = { .line = "" };

    if (!trace_scope(trace, inside, &packet)) {
        return;
    }
    if (inside->tables != NULL) {
        kn_network_tables_walk(inside->tables, "ip", "postrouting", &packet, &ruling);
    }
    if (ruling.verdict == KN_TABLES_UNKNOWN) {
        kn_network_trace_say(trace, "nat", UNKNOWN, "", ruling.line,
                             "the router's table has a line that is none of ours");
        return;
    }
    trace_translated(trace, true, &packet.ip, ruling.line);
}

static bool trace_leg(const struct kn_network_trace *trace, const char *name,
                      const struct kn_network_look_device *device)
{
    if (name[0] != '\0' && (!device->is_there || !device->is_up || !device->has_carrier)) {
        kn_network_trace_say(trace, "leg", STOP, "", "", "the router's leg %s is %s", name,
                             device->is_there ? "without a link" : "not there");
        return false;
    }
    return true;
}

void kn_network_trace_router(const struct kn_network_state *state, const struct kn_network_trace_piece *piece,
                             const struct kn_network_trace_inside *inside, int index, json_t *hops)
{
    const struct kn_network_trace trace = { .state = state, .piece = piece, .index = index, .hops = hops };
    const struct kn_network_state_router *router = kn_network_state_get(state, KN_NETWORK_IS_ROUTER, piece->router);

    if (router == NULL) {
        kn_network_trace_say(&trace, "told", STOP, "", "", "this host was not told of router %s; it knows version %lld",
                             piece->router, (long long)state->version);
        return;
    }
    if (!router->up) {
        kn_network_trace_say(&trace, "up", STOP, "", "", "router %s is down (admin_state_up is false)", piece->router);
        return;
    }
    if (!inside->exists) {
        kn_network_trace_say(
            &trace, "namespace", STOP, "", "",
            "the router's namespace kr-%.8s is not there: this host does not hold its lease, or could not build it",
            piece->router);
        return;
    }
    if (!trace_leg(&trace, inside->in, &inside->in_device) || !trace_leg(&trace, inside->out, &inside->out_device)) {
        return;
    }
    kn_network_trace_say(&trace, "namespace", inside->forwards ? PASS : STOP, "", "", "kr-%.8s %s", piece->router,
                         inside->forwards ? "forwards packets" : "forwards no packets (ip_forward is 0)");
    if (inside->before.verdict == KN_TABLES_UNKNOWN) {
        kn_network_trace_say(&trace, "nat", UNKNOWN, "", inside->before.line,
                             "the router's table has a line that is none of ours");
    } else {
        trace_translated(&trace, false, &inside->translated, inside->before.line == NULL ? "" : inside->before.line);
    }
    trace_route(&trace, inside);
    if (inside->route.is_there && !inside->route.is_own) {
        trace_after(&trace, inside);
    }
    kn_network_trace_connections(&trace, inside->connections);
}
