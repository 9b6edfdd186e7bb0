/* SPDX-License-Identifier: Apache-2.0 */
/* host_trace.c: looks at what the kernel has of the pieces of a packet's way; what it means is trace.c's. Reads only. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "network/host/firewall/conntrack.h"
#include "network/host/host_private.h"
#include "network/host/link/behind.h"
#include "network/host/link/external.h"
#include "network/host/link/netns.h"
#include "network/host/firewall/nft.h"
#include "network/host/trace/trace.h"

/* --- connections ------------------------------------------------------------------------------------------------------ */

struct trace_count {
    const struct kn_network_packet *packet;
    uint16_t zone;
    unsigned found;
};

/* Ends none. */
static bool trace_count_one(void *ctx, const struct kn_network_connection *connection)
{
    struct trace_count *count = ctx;
    const struct kn_network_packet *a = count->packet, *b = &connection->original;
    const bool has_port = a->protocol == 6 || a->protocol == 17;

    count->found += connection->zone == count->zone && a->protocol == b->protocol &&
                    kn_ip_equal(&a->source, &b->source) && kn_ip_equal(&a->destination, &b->destination) &&
                    (!has_port || a->destination_port == b->destination_port);
    return false;
}

/* What cannot be counted is none: it is a note, no verdict. */
static unsigned trace_tracked(uint16_t zone, const struct kn_network_packet *packet)
{
    AUTO(kn_network_conntrack) struct kn_network_conntrack *conntrack = NULL;
    struct trace_count count = { packet, zone, 0 };
    struct kn_error ignored;

    return kn_network_conntrack_open(&conntrack, &ignored) < 0 ||
                   kn_network_conntrack_end(conntrack, &(struct kn_network_ender){ trace_count_one, NULL, &count },
                                            &ignored) < 0
               ? 0
               : count.found;
}

/* --- segments --------------------------------------------------------------------------------------------------------- */

static int trace_look_end(const struct kn_network_host *host, const char *port, bool is_door, const char *door,
                          struct kn_network_trace_end *end, struct kn_error *err)
{
    const struct kn_network_state_port *told = kn_network_state_get(&host->state, KN_NETWORK_IS_PORT, port);

    if (is_door) {
        kn_copy(end->name, sizeof(end->name), door);
    } else if (told != NULL && told->is_router) {
        kn_network_router_outer(port, end->name);
    } else {
        kn_network_tap_of(port, end->name);
    }
    return kn_network_look_device(end->name, &end->device, err);
}

static int trace_ends(const struct kn_network_host *host, const struct kn_network_trace_piece *piece,
                      const struct kn_network_host_network *network, struct kn_network_trace_facts *facts,
                      struct kn_error *err)
{
    return (piece->leaves && trace_look_end(host, piece->from, false, "", &facts->from, err) < 0) ||
                   ((piece->arrives || piece->is_door) &&
                    trace_look_end(host, piece->to, piece->is_door, network->veth, &facts->to, err) < 0)
               ? -1
               : 0;
}

static void trace_led(const struct kn_network_trace_piece *piece, const struct kn_network_host_network *network,
                      struct kn_network_trace_facts *facts)
{
    size_t count;
    AUTO_FREE struct kn_network_behind *list = kn_network_behind_of(network, &count);

    for (size_t i = 0; i < count; i++) {
        if (kn_ip_equal(&list[i].ip, &piece->next)) {
            kn_copy(facts->led, sizeof(facts->led), list[i].port);
            return;
        }
    }
}

static int trace_forwarding(const struct kn_network_host *host, const struct kn_network_trace_piece *piece,
                            const struct kn_network_host_network *network, struct kn_network_trace_facts *facts,
                            struct kn_error *err)
{
    if (network->wanted->type == KN_NETWORK_FLAT &&
        kn_network_physical_device(host->physical, network->wanted->physical, facts->physical) &&
        kn_network_look_device(facts->physical, &facts->physical_device, err) < 0) {
        return -1;
    }
    if (network->wanted->type == KN_NETWORK_VXLAN && piece->far.family != 0 &&
        (kn_network_look_tunnel(network->vxlan, piece->to_mac, &facts->tunnel, err) < 0 ||
         kn_network_look_tunnel(network->vxlan, piece->from_mac, &facts->back_tunnel, err) < 0 ||
         kn_network_look_neighbour(network->vxlan, &piece->next, facts->neighbour, err) < 0)) {
        return -1;
    }
    return kn_network_look_station(network->bridge, piece->to_mac, facts->station, err) < 0
               ? -1
               : kn_network_look_station(network->bridge, piece->from_mac, facts->back, err);
}

static int trace_is_up(const char *name, bool *ret_is_up, struct kn_error *err)
{
    struct kn_network_look_device device = { .is_there = false };

    if (name[0] != '\0' && kn_network_look_device(name, &device, err) < 0) {
        return -1;
    }
    *ret_is_up = device.is_up;
    return 0;
}

static int trace_segment(struct kn_network_host *host, const struct kn_network_trace_piece *piece,
                         const struct kn_network_tables *tables, int index, json_t *hops, struct kn_error *err)
{
    const struct kn_network_host_network *network = kn_hmap_get(host->networks, piece->network);
    struct kn_network_trace_facts facts = { .tables = tables };

    if (network != NULL && network->wanted != NULL) {
        kn_copy(facts.bridge, sizeof(facts.bridge), network->bridge);
        kn_copy(facts.vxlan, sizeof(facts.vxlan), network->wanted->type == KN_NETWORK_VXLAN ? network->vxlan : "");
        if (trace_is_up(facts.bridge, &facts.is_bridge_up, err) < 0 ||
            trace_is_up(facts.vxlan, &facts.is_vxlan_up, err) < 0 ||
            trace_ends(host, piece, network, &facts, err) < 0 ||
            trace_forwarding(host, piece, network, &facts, err) < 0) {
            return -1;
        }
        trace_led(piece, network, &facts);
        facts.connections = trace_tracked(network->wanted->zone, &piece->packet);
    }
    kn_network_trace_segment(&host->state, kn_network_firewall_ruleset(host->firewall), piece, &facts, index, hops);
    return 0;
}

/* --- routers ---------------------------------------------------------------------------------------------------------- */

struct trace_inside {
    const struct kn_network_trace_piece *piece;
    struct kn_network_trace_inside *inside;
    struct kn_network_tables *tables;
};

static bool trace_forwards(uint8_t family)
{
    AUTO_CLOSE int fd = open(family == 4 ? "/proc/sys/net/ipv4/ip_forward" : "/proc/sys/net/ipv6/conf/all/forwarding",
                             O_RDONLY | O_CLOEXEC);
    char digit = '0';

    return fd >= 0 && read(fd, &digit, 1) == 1 && digit != '0';
}

static void trace_router_tables(struct trace_inside *job)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_network_nft *nft = NULL;
    struct kn_error ignored; /* a router that translates nothing has none */

    if (kn_network_nft_new(&nft, &ignored) == 0) {
        kn_network_nft_list(nft, "ip", "kilonova", &text, &ignored);
        kn_network_nft_list(nft, "ip6", "kilonova", &text, &ignored);
        kn_network_nft_free(nft);
    }
    job->tables = kn_network_tables_read(text.buf);
    job->inside->tables = job->tables;
}

/* In the router's namespace. */
static int trace_look_inside(void *ctx, struct kn_error *err)
{
    struct trace_inside *job = ctx;
    struct kn_network_trace_inside *inside = job->inside;

    inside->forwards = trace_forwards(job->piece->packet.source.family);
    if (kn_network_look_device(inside->in, &inside->in_device, err) < 0 ||
        kn_network_look_device(inside->out, &inside->out_device, err) < 0) {
        return -1;
    }
    trace_router_tables(job);
    kn_network_trace_translate(job->piece, inside);
    inside->connections = trace_tracked(0, &job->piece->packet);
    return kn_network_look_route(&inside->translated.destination, &inside->route, err);
}

static int trace_router(struct kn_network_host *host, const struct kn_network_trace_piece *piece, int index,
                        json_t *hops, struct kn_error *err)
{
    struct kn_network_trace_inside inside = { .exists = false };
    struct trace_inside job = { piece, &inside, NULL };
    char name[KN_ROUTER_NAME_SIZE];
    int rc = 0;

    kn_network_router_netns(piece->router, name);
    kn_network_router_inner(piece->from, inside.in);
    if (piece->to[0] != '\0') {
        kn_network_router_inner(piece->to, inside.out);
    }
    inside.exists = kn_network_netns_exists(name);
    if (inside.exists) {
        rc = kn_network_netns_run(name, trace_look_inside, &job, err);
    }
    if (rc == 0) {
        kn_network_trace_router(&host->state, piece, &inside, index, hops);
    }
    kn_network_tables_free(job.tables);
    return rc;
}

/* --- all of it ---------------------------------------------------------------------------------------------------------- */

static int trace_pieces(struct kn_network_host *host, const json_t *pieces, json_t *hops, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    const json_t *item;
    size_t i;

    if (kn_network_firewall_listed(host->firewall, &text, err) < 0) {
        return -1;
    }
    AUTO(kn_network_tables) struct kn_network_tables *tables = kn_network_tables_read(text.buf);

    json_array_foreach (pieces, i, item) {
        struct kn_network_trace_piece piece;

        if (kn_network_trace_piece_read(item, &piece, err) < 0 ||
            (piece.is_router ? trace_router(host, &piece, (int)i, hops, err)
                             : trace_segment(host, &piece, tables, (int)i, hops, err)) < 0) {
            return -1;
        }
    }
    return 0;
}

int kn_network_host_trace(struct kn_network_host *host, const json_t *pieces, json_t **ret_found, struct kn_error *err)
{
    json_t *hops = json_array();

    pthread_mutex_lock(&host->lock);
    const int rc = trace_pieces(host, pieces, hops, err);
    json_t *found = json_pack("{s:o, s:I}", "hops", hops, "version", (json_int_t)host->state.version);

    pthread_mutex_unlock(&host->lock);
    if (rc < 0) {
        json_decref(found);
        return -1;
    }
    *ret_found = found;
    return 0;
}
