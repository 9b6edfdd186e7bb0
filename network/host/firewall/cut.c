/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cut.c: from changed objects to suspects, from suspects to connections. A group, a remote group's member and an address group are noted by id, and
 * resolved to the ports of the state when it is asked, because there may be many changes before that.
 *
 * A TCP connection that is forgotten could come back in its middle by what the other side still sends (conntrack picks up what runs already, as it must
 * for a guest that has just moved here). So both its directions go into the sets cut4 and cut6, whose packets without a SYN are dropped for some hours.
 */
#include "network/host/firewall/cut.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "network/host/firewall/conntrack.h"

#define LOOK_SHORT_MS 50
#define REST_TIMES 9
#define REST_MOST_MS 1000
#define AGAIN_MS 1000 /* what the rules before the change let pass is tracked by then */
#define CUT_HOURS 3 /* longer than a peer sends again and than TCP's keepalive waits */

enum { PROTOCOL_TCP = 6 };

/* looked_ms: when its connections were looked at; 0: not since it changed. */
struct kn_network_cuts {
    struct kn_hmap *zones; /* network id -> "<zone>", owned; a port may go after its network: until the next look */
    struct kn_hmap *suspects; /* "<zone> <ip>" -> its looked_ms, owned */
    struct kn_network_state_pair_of_zone {
        uint16_t zone;
        struct kn_ip_prefix prefix;
        int64_t looked_ms;
    } *prefixes; /* suspects that are no single address: an allowed pair that went */
    size_t prefix_count;
    struct kn_hmap *groups; /* id -> itself: something of it went */
    struct kn_hmap *remotes; /* id of a remote group or address group -> itself */
};

static char MARK[] = "noted";

struct kn_network_cuts *kn_network_cuts_new(void)
{
    struct kn_network_cuts *cuts = KN_NEW(struct kn_network_cuts);

    cuts->zones = kn_hmap_new(free);
    cuts->suspects = kn_hmap_new(free);
    cuts->groups = kn_hmap_new(NULL);
    cuts->remotes = kn_hmap_new(NULL);
    return cuts;
}

void kn_network_cuts_free(struct kn_network_cuts *cuts)
{
    if (cuts != NULL) {
        kn_hmap_free(cuts->zones);
        kn_hmap_free(cuts->suspects);
        kn_hmap_free(cuts->groups);
        kn_hmap_free(cuts->remotes);
        free(cuts->prefixes);
        free(cuts);
    }
}

/* --- noting ----------------------------------------------------------------------------------------------------------- */

static uint16_t zone_of(const struct kn_network_cuts *cuts, const char *network)
{
    const char *zone = kn_hmap_get(cuts->zones, network);

    return zone == NULL ? 0 : (uint16_t)strtoul(zone, NULL, 10);
}

static char *zoned(uint16_t zone, const struct kn_ip *ip, char out[KN_IP_SIZE + 8])
{
    char text[KN_IP_SIZE];

    snprintf(out, KN_IP_SIZE + 8, "%u %s", (unsigned)zone, kn_ip_text(ip, text));
    return out;
}

static void suspect_prefix(struct kn_network_cuts *cuts, uint16_t zone, const struct kn_ip_prefix *prefix)
{
    size_t i = 0;

    while (i < cuts->prefix_count &&
           (cuts->prefixes[i].zone != zone || cuts->prefixes[i].prefix.length != prefix->length ||
            !kn_ip_equal(&cuts->prefixes[i].prefix.ip, &prefix->ip))) {
        i++;
    }
    if (i == cuts->prefix_count) {
        cuts->prefixes = kn_realloc_array(cuts->prefixes, ++cuts->prefix_count, sizeof(*cuts->prefixes));
    }
    cuts->prefixes[i].zone = zone;
    cuts->prefixes[i].prefix = *prefix;
    cuts->prefixes[i].looked_ms = 0;
}

static void suspect(struct kn_network_cuts *cuts, const struct kn_network_state_port *port)
{
    uint16_t zone = zone_of(cuts, port->network);
    char key[KN_IP_SIZE + 8];

    for (size_t i = 0; i < port->ips.count; i++) {
        kn_hmap_put(cuts->suspects, zoned(zone, &port->ips.items[i], key), KN_NEW(int64_t));
    }
    for (size_t i = 0; i < port->pair_count; i++) {
        suspect_prefix(cuts, zone, &port->pairs[i].ip);
    }
}

void kn_network_cuts_change(struct kn_network_cuts *cuts, enum kn_network_kind kind, const void *before,
                            const void *after)
{
    const struct kn_network_state_network *network = after;
    const struct kn_network_state_member *member = before;

    if (kind == KN_NETWORK_IS_NETWORK && network != NULL) {
        kn_hmap_put(cuts->zones, network->id, kn_asprintf("%u", (unsigned)network->zone));
    }
    if (before == NULL) {
        return; /* what is new takes nothing away */
    }
    if (kind == KN_NETWORK_IS_PORT) {
        suspect(cuts, before);
    } else if (kind == KN_NETWORK_IS_GROUP) {
        kn_hmap_put(cuts->groups, before, MARK); /* its id comes first */
    } else if (kind == KN_NETWORK_IS_ADDRESSES) {
        kn_hmap_put(cuts->remotes, before, MARK);
    } else if (kind == KN_NETWORK_IS_MEMBER) {
        for (size_t i = 0; i < member->group_count; i++) {
            kn_hmap_put(cuts->remotes, member->groups[i], MARK);
        }
    }
}

/* --- from ids to suspects --------------------------------------------------------------------------------------------- */

static bool names_remote(const struct kn_network_cuts *cuts, const struct kn_network_state_group *group)
{
    for (size_t i = 0; i < group->rule_count; i++) {
        if (group->rules[i].remote_id[0] != '\0' && kn_hmap_get(cuts->remotes, group->rules[i].remote_id) != NULL) {
            return true;
        }
    }
    return false;
}

static void resolve_remotes(struct kn_network_cuts *cuts, const struct kn_network_state *state)
{
    const char *id;
    void *value;

    for (size_t at = 0;
         kn_hmap_count(cuts->remotes) > 0 && kn_hmap_next(state->objects[KN_NETWORK_IS_GROUP], &at, &id, &value);) {
        if (names_remote(cuts, value)) {
            kn_hmap_put(cuts->groups, id, MARK);
        }
    }
}

static void resolve_groups(struct kn_network_cuts *cuts, const struct kn_network_state *state)
{
    const char *id;
    void *value;

    for (size_t at = 0;
         kn_hmap_count(cuts->groups) > 0 && kn_hmap_next(state->objects[KN_NETWORK_IS_PORT], &at, &id, &value);) {
        const struct kn_network_state_port *port = value;

        for (size_t i = 0; i < port->group_count; i++) {
            if (kn_hmap_get(cuts->groups, port->groups[i]) != NULL) {
                suspect(cuts, port);
                break;
            }
        }
    }
}

static void resolve(struct kn_network_cuts *cuts, const struct kn_network_state *state)
{
    resolve_remotes(cuts, state);
    resolve_groups(cuts, state);
    kn_hmap_free(cuts->groups);
    kn_hmap_free(cuts->remotes);
    cuts->groups = kn_hmap_new(NULL);
    cuts->remotes = kn_hmap_new(NULL);
}

/* --- when to look ------------------------------------------------------------------------------------------------------ */

static bool is_due(int64_t looked_ms, int64_t now_ms)
{
    return looked_ms == 0 || now_ms - looked_ms >= AGAIN_MS;
}

static bool any_is_due(const struct kn_network_cuts *cuts, int64_t now_ms)
{
    const char *key;
    void *looked_ms;

    for (size_t at = 0; kn_hmap_next(cuts->suspects, &at, &key, &looked_ms);) {
        if (is_due(*(const int64_t *)looked_ms, now_ms)) {
            return true;
        }
    }
    for (size_t i = 0; i < cuts->prefix_count; i++) {
        if (is_due(cuts->prefixes[i].looked_ms, now_ms)) {
            return true;
        }
    }
    return false;
}

static void forget_gone_zones(struct kn_network_cuts *cuts, const struct kn_network_state *state)
{
    const char *id;
    void *zone;

    for (size_t at = 0; kn_hmap_next(cuts->zones, &at, &id, &zone);) {
        if (kn_hmap_get(state->objects[KN_NETWORK_IS_NETWORK], id) == NULL) {
            kn_hmap_del(cuts->zones, id);
        }
    }
}

/* All were looked at: who was for the second time is no suspect any more. */
static void looked(struct kn_network_cuts *cuts, const struct kn_network_state *state, int64_t now_ms)
{
    const char *key;
    void *value;
    size_t kept = 0;

    for (size_t at = 0; kn_hmap_next(cuts->suspects, &at, &key, &value);) {
        int64_t *looked_ms = value;

        if (*looked_ms == 0) {
            *looked_ms = now_ms;
        } else if (is_due(*looked_ms, now_ms)) {
            kn_hmap_del(cuts->suspects, key);
        }
    }
    for (size_t i = 0; i < cuts->prefix_count; i++) {
        struct kn_network_state_pair_of_zone prefix = cuts->prefixes[i];

        if (prefix.looked_ms == 0 || !is_due(prefix.looked_ms, now_ms)) {
            prefix.looked_ms = prefix.looked_ms == 0 ? now_ms : prefix.looked_ms;
            cuts->prefixes[kept++] = prefix;
        }
    }
    cuts->prefix_count = kept;
    forget_gone_zones(cuts, state);
}

/* --- cutting ---------------------------------------------------------------------------------------------------------- */

struct cutting {
    const struct kn_network_cuts *cuts;
    const struct kn_network_ruleset *ruleset;
    const struct kn_network_state *state;
    struct kn_hmap *ports; /* "<zone> <ip>" -> struct kn_network_state_port, borrowed */
    struct kn_network_nft *nft;
    struct kn_strbuf barred[2]; /* elements for cut4 and cut6 */
    bool has_barred;
};

static struct kn_hmap *index_ports(const struct kn_network_cuts *cuts, const struct kn_network_state *state)
{
    struct kn_hmap *ports = kn_hmap_new(NULL);
    const char *id;
    void *value;

    for (size_t at = 0; kn_hmap_next(state->objects[KN_NETWORK_IS_PORT], &at, &id, &value);) {
        const struct kn_network_state_port *port = value;
        char key[KN_IP_SIZE + 8];

        for (size_t i = 0; i < port->ips.count; i++) {
            kn_hmap_put(ports, zoned(zone_of(cuts, port->network), &port->ips.items[i], key), value);
        }
    }
    return ports;
}

/* The port that may use the address by a pair; many may, one that allows is enough. */
static bool a_pair_allows(const struct cutting *cutting, uint16_t zone, bool is_ingress,
                          const struct kn_network_packet *packet)
{
    const struct kn_ip *ip = is_ingress ? &packet->destination : &packet->source;
    const char *id;
    void *value;

    for (size_t at = 0; kn_hmap_next(cutting->state->objects[KN_NETWORK_IS_PORT], &at, &id, &value);) {
        const struct kn_network_state_port *port = value;

        for (size_t i = 0; i < port->pair_count; i++) {
            if (kn_ip_prefix_holds(&port->pairs[i].ip, ip) && zone_of(cutting->cuts, port->network) == zone &&
                kn_network_allows(cutting->state, cutting->ruleset, port, is_ingress, packet, NULL)) {
                return true;
            }
        }
    }
    return false;
}

static bool is_suspect(const struct kn_network_cuts *cuts, uint16_t zone, const struct kn_ip *ip)
{
    char key[KN_IP_SIZE + 8];

    if (kn_hmap_get(cuts->suspects, zoned(zone, ip, key)) != NULL) {
        return true;
    }
    for (size_t i = 0; i < cuts->prefix_count; i++) {
        if (cuts->prefixes[i].zone == zone && kn_ip_prefix_holds(&cuts->prefixes[i].prefix, ip)) {
            return true;
        }
    }
    return false;
}

/* One end of a connection: a suspect that is nobody's any more, or whose port does not allow it. */
static bool is_refused(const struct cutting *cutting, uint16_t zone, bool is_ingress,
                       const struct kn_network_packet *packet)
{
    const struct kn_ip *ip = is_ingress ? &packet->destination : &packet->source;
    char key[KN_IP_SIZE + 8];
    const struct kn_network_state_port *port;

    if (!is_suspect(cutting->cuts, zone, ip)) {
        return false;
    }
    port = kn_hmap_get(cutting->ports, zoned(zone, ip, key));
    if (port == NULL) {
        return !a_pair_allows(cutting, zone, is_ingress, packet);
    }
    return !kn_network_allows(cutting->state, cutting->ruleset, port, is_ingress, packet, NULL);
}

/* Of the network that has the zone now; one that went may have had it before. */
static const char *bridge_of(const struct kn_network_state *state, uint16_t zone)
{
    const char *id;
    void *value;

    for (size_t at = 0; kn_hmap_next(state->objects[KN_NETWORK_IS_NETWORK], &at, &id, &value);) {
        if (((const struct kn_network_state_network *)value)->zone == zone) {
            return id;
        }
    }
    return NULL;
}

static void bar(struct cutting *cutting, uint16_t zone, const struct kn_network_packet *packet)
{
    struct kn_strbuf *out = &cutting->barred[packet->source.family == 6];
    const char *network = bridge_of(cutting->state, zone);
    char source[KN_IP_SIZE], destination[KN_IP_SIZE];

    if (network != NULL) {
        kn_strbuf_addf(out, "%s\"kb%.8s\" . %s . %d . %s . %d timeout %dh", out->len == 0 ? "" : ", ", network,
                       kn_ip_text(&packet->source, source), packet->source_port,
                       kn_ip_text(&packet->destination, destination), packet->destination_port, CUT_HOURS);
    }
}

static bool cutting_ends(void *ctx, const struct kn_network_connection *connection)
{
    struct cutting *cutting = ctx;

    if (connection->zone == 0 || (!is_refused(cutting, connection->zone, false, &connection->original) &&
                                  !is_refused(cutting, connection->zone, true, &connection->original))) {
        return false;
    }
    if (connection->original.protocol == PROTOCOL_TCP) {
        bar(cutting, connection->zone, &connection->original);
        bar(cutting, connection->zone, &connection->reply);
    }
    return true;
}

/* Before any is forgotten: it would be back with the next packet. */
static int send_bars(void *ctx, struct kn_error *err)
{
    struct cutting *cutting = ctx;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;

    for (int i = 0; i < 2; i++) {
        if (cutting->barred[i].len > 0) {
            kn_strbuf_addf(&text, "add element inet kilonova cut%d { %s }\n", i == 0 ? 4 : 6, cutting->barred[i].buf);
        }
    }
    if (text.len > 0 && kn_network_nft_apply(cutting->nft, text.buf, err) < 0) {
        return -1;
    }
    cutting->has_barred = text.len > 0;
    return 0;
}

int64_t kn_network_cuts_rest_ms(int64_t took_ms)
{
    return took_ms < LOOK_SHORT_MS ? 0 : took_ms > REST_MOST_MS / REST_TIMES ? REST_MOST_MS : took_ms * REST_TIMES;
}

int kn_network_cuts_make(struct kn_network_cuts *cuts, struct kn_network_nft *nft,
                         const struct kn_network_ruleset *ruleset, const struct kn_network_state *state,
                         bool *ret_barred, struct kn_error *err)
{
    AUTO(kn_network_conntrack) struct kn_network_conntrack *conntrack = NULL;
    const int64_t now_ms = kn_mono_ms();

    *ret_barred = false;
    resolve(cuts, state);
    if (!any_is_due(cuts, now_ms)) {
        return 0;
    }
    if (kn_network_conntrack_open(&conntrack, err) < 0) {
        return -1;
    }
    struct cutting cutting = { .cuts = cuts,
                               .ruleset = ruleset,
                               .state = state,
                               .nft = nft,
                               .ports = index_ports(cuts, state),
                               .barred = { KN_STRBUF_INIT, KN_STRBUF_INIT } };
    int rc = kn_network_conntrack_end(conntrack, &(struct kn_network_ender){ cutting_ends, send_bars, &cutting }, err);

    kn_hmap_free(cutting.ports);
    kn_strbuf_release(&cutting.barred[0]);
    kn_strbuf_release(&cutting.barred[1]);
    *ret_barred = cutting.has_barred;
    if (rc == 0) {
        looked(cuts, state, now_ms);
    }
    return rc;
}
