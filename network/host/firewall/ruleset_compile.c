/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset_compile.c: what each kind of object is in the tables. Looks at that object alone: what objects share (a chain of a set of groups, a remote
 * group's set) each of them wants, and it is counted. Prints numbers, addresses and ids that were parsed, and names that are made of them; never a
 * text that somebody chose.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "network/address/mac.h"
#include "network/host/firewall/ruleset_private.h"

#define ICMP 1
#define ICMPV6 58

/* --- words ---------------------------------------------------------------------------------------------------------- */

static const char *family_number(uint8_t family)
{
    return family == 4 ? "2" : "10";
}

static void put_target_hex(const struct kn_ip *ip, struct kn_strbuf *out)
{
    bool is_leading = true;

    kn_strbuf_addstr(out, "0x");
    for (int i = 0; i < 32; i++) {
        int digit = i % 2 == 0 ? ip->bytes[i / 2] >> 4 : ip->bytes[i / 2] & 15;

        is_leading = is_leading && digit == 0 && i < 31;
        if (!is_leading) {
            kn_strbuf_addf(out, "%x", (unsigned)digit);
        }
    }
}

/* --- where things go ------------------------------------------------------------------------------------------------ */

struct compilation {
    struct kn_network_ruleset *ruleset;
    struct kn_network_ruleset_wants *wants;
};

static void want_element(const struct compilation *to, enum kn_network_ruleset_family family, const char *set,
                         const char *key, const char *value)
{
    kn_network_ruleset_want(to->ruleset, to->wants, family, KN_RULESET_ELEMENT, set, key, value);
}

static void want_chain(const struct compilation *to, enum kn_network_ruleset_family family, const char *name)
{
    kn_network_ruleset_want(to->ruleset, to->wants, family, KN_RULESET_CHAIN, name, "", "");
}

/* The chain's rules; the chain itself, too. */
static void want_body(const struct compilation *to, enum kn_network_ruleset_family family, const char *name,
                      const char *rules)
{
    want_chain(to, family, name);
    kn_network_ruleset_want(to->ruleset, to->wants, family, KN_RULESET_BODY, name, "", rules);
}

/* --- a port: what its tap may send ------------------------------------------------------------------------------------ */

struct speaker {
    const struct compilation *to;
    char tap[20]; /* in quotes */
    char mac[KN_MAC_TEXT];
};

static void want_address(const struct speaker *speaker, const struct kn_ip *ip)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf key = KN_STRBUF_INIT, target = KN_STRBUF_INIT;
    char text[KN_IP_SIZE];

    kn_strbuf_addf(&key, "%s . %s . %s", speaker->tap, speaker->mac, kn_ip_text(ip, text));
    want_element(speaker->to, KN_RULESET_BRIDGE, ip->family == 4 ? "set ips4" : "set ips6", key.buf, "");
    if (ip->family == 6) {
        kn_strbuf_addf(&target, "%s . ", speaker->tap);
        put_target_hex(ip, &target);
        want_element(speaker->to, KN_RULESET_BRIDGE, "set targets", target.buf, "");
    }
}

static void want_prefix(const struct speaker *speaker, const struct kn_ip_prefix *prefix)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf key = KN_STRBUF_INIT;

    kn_strbuf_addf(&key, "%s . %s . ", speaker->tap, speaker->mac);
    kn_network_ruleset_put_prefix(prefix, &key);
    want_element(speaker->to, KN_RULESET_BRIDGE, prefix->ip.family == 4 ? "set nets4" : "set nets6", key.buf, "");
}

/* The MAC, and the link-local address that belongs to it. */
static void want_mac(struct speaker *speaker, const uint8_t mac[6])
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf key = KN_STRBUF_INIT;
    struct kn_ip_prefix link = { .length = 64 };
    struct kn_ip local;

    kn_ip_parse("fe80::", &link.ip);
    local = kn_ip_eui64(&link, mac);
    kn_network_mac_text(mac, speaker->mac);
    kn_strbuf_addf(&key, "%s . %s", speaker->tap, speaker->mac);
    want_element(speaker->to, KN_RULESET_BRIDGE, "set macs", key.buf, "");
    want_address(speaker, &local);
}

/* The pairs of the MAC of pair `at`. */
static void want_pairs_of(struct speaker *speaker, const struct kn_network_state_port *port, size_t at,
                          struct kn_ip_prefix *room)
{
    size_t count = 0;

    for (size_t i = 0; i < port->pair_count; i++) {
        if (memcmp(port->pairs[i].mac, port->pairs[at].mac, 6) == 0) {
            if (i < at) {
                return; /* done with that one */
            }
            room[count++] = port->pairs[i].ip;
        }
    }
    want_mac(speaker, port->pairs[at].mac);
    count = kn_network_ruleset_disjoint(room, count);
    for (size_t i = 0; i < count; i++) {
        struct kn_ip ip = kn_ip_prefix_first(&room[i]);

        if (room[i].length == kn_ip_bits(&ip)) {
            want_address(speaker, &ip);
        } else {
            want_prefix(speaker, &room[i]);
        }
    }
}

/* Neighbours' answers are asked without the MAC. */
static void want_targets(const struct speaker *speaker, const struct kn_network_state_port *port,
                         struct kn_ip_prefix *room)
{
    size_t count = 0;

    for (size_t i = 0; i < port->pair_count; i++) {
        if (port->pairs[i].ip.ip.family == 6 && port->pairs[i].ip.length < 128) {
            room[count++] = port->pairs[i].ip;
        }
    }
    count = kn_network_ruleset_disjoint(room, count);
    for (size_t i = 0; i < count; i++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf target = KN_STRBUF_INIT;
        struct kn_ip first = kn_ip_prefix_first(&room[i]), last = kn_ip_prefix_last(&room[i]);

        kn_strbuf_addf(&target, "%s . ", speaker->tap);
        put_target_hex(&first, &target);
        kn_strbuf_addch(&target, '-');
        put_target_hex(&last, &target);
        want_element(speaker->to, KN_RULESET_BRIDGE, "set nettargets", target.buf, "");
    }
}

static void want_pairs(struct speaker *speaker, const struct kn_network_state_port *port)
{
    AUTO_FREE struct kn_ip_prefix *room = kn_alloc((port->pair_count + 1) * sizeof(*room));

    for (size_t i = 0; i < port->pair_count; i++) {
        want_pairs_of(speaker, port, i, room);
    }
    want_targets(speaker, port, room);
}

static void compile_speaker(const struct compilation *to, const char *tap, const struct kn_network_state_port *port)
{
    struct speaker speaker = { .to = to };

    kn_copy(speaker.tap, sizeof(speaker.tap), tap);
    want_pairs(&speaker, port);
    want_mac(&speaker, port->mac);
    for (size_t i = 0; i < port->ips.count; i++) {
        want_address(&speaker, &port->ips.items[i]);
    }
}

/* --- a port: its groups ----------------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* FNV-1a of the ids. Another set of groups of one host with the same mark is 1 in 4,000 million; none is 0. */
static uint32_t mark_of(const char (*ids)[KN_UUID_SIZE], size_t count)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < count; i++) {
        for (const char *c = ids[i]; *c != '\0'; c++) {
            hash = (hash ^ (uint8_t)*c) * 16777619U;
        }
    }
    return hash == 0 ? 1 : hash;
}

/* One direction of a set of groups: a chain that asks each group's, and what always passes. */
static void want_direction(const struct compilation *to, const char *tap, uint32_t mark,
                           const char (*ids)[KN_UUID_SIZE], size_t count, bool is_ingress)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf body = KN_STRBUF_INIT;
    const char *map = is_ingress ? "map entering" : "map leaving", *word = is_ingress ? "in" : "out";
    AUTO_FREE char *chain = kn_asprintf("%s_%08x", is_ingress ? "to" : "from", mark),
                   *number = kn_asprintf("0x%08x", mark), *verdict = kn_asprintf("goto %s", chain);

    for (size_t i = 0; i < count; i++) {
        AUTO_FREE char *group = kn_asprintf("%s_%s", word, ids[i]);

        want_chain(to, KN_RULESET_INET, group);
        kn_strbuf_addf(&body, "jump %s\n", group);
    }
    kn_strbuf_addf(&body, "goto always_%s\n", word);
    want_body(to, KN_RULESET_INET, chain, body.buf);
    want_element(to, KN_RULESET_INET, map, number, verdict);
    want_element(to, KN_RULESET_BRIDGE, map, tap, number);
}

static void compile_groups(const struct compilation *to, const char *tap, const struct kn_network_state_port *port)
{
    AUTO_FREE char(*ids)[KN_UUID_SIZE] = kn_alloc((port->group_count + 1) * sizeof(*ids));
    size_t count = 0;

    memcpy(ids, port->groups == NULL ? ids : port->groups, port->group_count * sizeof(*ids));
    if (port->group_count > 0) {
        qsort(ids, port->group_count, sizeof(*ids), by_id);
    }
    for (size_t i = 0; i < port->group_count; i++) {
        if (count == 0 || strcmp(ids[count - 1], ids[i]) != 0) {
            memmove(ids[count++], ids[i], sizeof(*ids));
        }
    }
    uint32_t mark = mark_of((const char(*)[KN_UUID_SIZE])ids, count);

    want_direction(to, tap, mark, (const char(*)[KN_UUID_SIZE])ids, count, false);
    want_direction(to, tap, mark, (const char(*)[KN_UUID_SIZE])ids, count, true);
}

/* What its tap says to the metadata server goes to the network's own door, be it addressed to a router. */
static void compile_door(const struct compilation *to, const char *tap, const char *network)
{
    AUTO_FREE char *chain = kn_asprintf("door_%s", network), *verdict = kn_asprintf("jump %s", chain);

    want_chain(to, KN_RULESET_BRIDGE, chain);
    want_element(to, KN_RULESET_BRIDGE, "map doors", tap, verdict);
}

/* A router's port has no tap; its namespace is its own firewall. */
static void compile_port(const struct compilation *to, const struct kn_network_state_port *port)
{
    char tap[20];

    if (port->is_router) {
        return;
    }
    AUTO_FREE char *name = kn_asprintf("\"tap%.11s\"", port->id);

    kn_copy(tap, sizeof(tap), name);
    want_element(to, KN_RULESET_BRIDGE, "map ports", tap,
                 !port->up        ? "drop"
                 : port->filtered ? "goto guest"
                                  : "goto open");
    if (!port->up) {
        want_element(to, KN_RULESET_BRIDGE, "set down", tap, "");
    }
    if (!port->filtered) {
        want_element(to, KN_RULESET_BRIDGE, "set opened", tap, "");
    }
    compile_speaker(to, tap, port);
    compile_door(to, tap, port->network);
    if (port->filtered && port->has_groups) {
        compile_groups(to, tap, port);
    }
    if (port->policy[0] != '\0') {
        AUTO_FREE char *chain = kn_asprintf("dscp_%s", port->policy), *verdict = kn_asprintf("jump %s", chain);

        want_chain(to, KN_RULESET_BRIDGE, chain);
        want_element(to, KN_RULESET_BRIDGE, "map dscp", tap, verdict);
    }
}

/* --- groups ----------------------------------------------------------------------------------------------------------- */

/* Protocols with ports that nft can ask for by name; NULL: none. */
static const char *ported(int protocol)
{
    static const struct {
        int protocol;
        const char *name;
    } NAMES[] = { { 6, "tcp" }, { 17, "udp" }, { 33, "dccp" }, { 132, "sctp" }, { 136, "udplite" } };

    for (size_t i = 0; i < KN_COUNT(NAMES); i++) {
        if (NAMES[i].protocol == protocol) {
            return NAMES[i].name;
        }
    }
    return NULL;
}

static bool is_icmp(int protocol)
{
    return protocol == ICMP || protocol == ICMPV6;
}

/* Whose set of addresses: a group's members of that family. */
static char *members_name(const char *group, uint8_t family)
{
    return kn_asprintf("set m%d_%s", family, group);
}

static void put_family(const struct kn_network_state_rule *rule, struct kn_strbuf *out)
{
    if (!is_icmp(rule->protocol) || rule->first < 0) { /* a type of ICMP says the family by itself */
        kn_strbuf_addf(out, "meta nfproto %s ", family_number(rule->family));
    }
}

static void put_remote(const struct kn_network_state_rule *rule, struct kn_strbuf *out)
{
    const char *ip = rule->family == 4 ? "ip" : "ip6", *side = rule->is_ingress ? "saddr" : "daddr";

    if (rule->remote == KN_REMOTE_PREFIX && rule->prefix.length > 0) {
        kn_strbuf_addf(out, "%s %s ", ip, side);
        kn_network_ruleset_put_prefix(&rule->prefix, out);
        kn_strbuf_addch(out, ' ');
    } else if (rule->remote == KN_REMOTE_GROUP) {
        kn_strbuf_addf(out, "%s %s @m%d_%s ", ip, side, rule->family, rule->remote_id);
    } else {
        put_family(rule, out);
    }
}

/* False: these ports mean nothing to that protocol. */
static bool put_protocol(const struct kn_network_state_rule *rule, struct kn_strbuf *out)
{
    const char *icmp = rule->family == 4 ? "icmp" : "icmpv6", *name = ported(rule->protocol);

    if (rule->protocol < 0) {
        return rule->first < 0;
    }
    if (is_icmp(rule->protocol) && rule->first >= 0) {
        kn_strbuf_addf(out, "%s type %d ", icmp, rule->first);
        if (rule->last >= 0) {
            kn_strbuf_addf(out, "%s code %d ", icmp, rule->last);
        }
    } else if (is_icmp(rule->protocol)) {
        kn_strbuf_addf(out, "meta l4proto %d ", rule->family == 4 ? ICMP : ICMPV6);
    } else if (rule->first < 0 || (name != NULL && rule->first <= 1 && rule->last >= 65535)) {
        kn_strbuf_addf(out, "meta l4proto %d ", rule->protocol);
    } else if (name == NULL || (rule->last >= 0 && rule->last < rule->first)) {
        return false;
    } else if (rule->last < 0 || rule->last == rule->first) {
        kn_strbuf_addf(out, "%s dport %d ", name, rule->first);
    } else {
        kn_strbuf_addf(out, "%s dport %d-%d ", name, rule->first, rule->last);
    }
    return true;
}

/* What the rule matches, with a space behind it; false: nothing that can be said (ports of a protocol that has none). */
static bool put_match(const struct kn_network_state_rule *rule, struct kn_strbuf *out)
{
    put_remote(rule, out);
    return put_protocol(rule, out);
}

/* The chain of all addresses that stand for the remote: an address group's, or the prefixes of a group's members. */
static void compile_remote_chain(const struct compilation *to, const struct kn_network_state_rule *rule,
                                 struct kn_strbuf *body)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf match = KN_STRBUF_INIT;
    AUTO_FREE char *chain = kn_asprintf("%s_%s", rule->is_ingress ? "source" : "destination", rule->remote_id);

    put_family(rule, &match);
    put_protocol(rule, &match);
    want_chain(to, KN_RULESET_INET, chain);
    kn_strbuf_addf(body, "%sjump %s\n", match.buf, chain);
}

static void compile_rule(const struct compilation *to, const struct kn_network_state_rule *rule, struct kn_strbuf *body)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf match = KN_STRBUF_INIT;

    if (!put_match(rule, &match)) {
        return;
    }
    if (rule->remote == KN_REMOTE_GROUP) {
        AUTO_FREE char *name = members_name(rule->remote_id, rule->family);

        kn_network_ruleset_want(to->ruleset, to->wants, KN_RULESET_INET, KN_RULESET_SET, name, "",
                                rule->family == 4 ? "type ipv4_addr" : "type ipv6_addr");
    }
    if (rule->remote != KN_REMOTE_ADDRESSES) {
        kn_strbuf_addf(body, "%saccept\n", match.buf);
    }
    if (rule->remote == KN_REMOTE_ADDRESSES || rule->remote == KN_REMOTE_GROUP) {
        compile_remote_chain(to, rule, body);
    }
}

/*
 * A stateful group passes what belongs to a connection that was let through. A stateless one does not look: whatever passes stands in its rules. (What
 * it lets through is tracked all the same, because the other end, on this host, may be stateful.)
 */
static void compile_group(const struct compilation *to, const struct kn_network_state_group *group)
{
    for (int is_ingress = 0; is_ingress < 2; is_ingress++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf body = KN_STRBUF_INIT;
        const char *word = is_ingress ? "in" : "out";
        AUTO_FREE char *chain = kn_asprintf("%s_%s", word, group->id);

        if (group->stateful) {
            kn_strbuf_addf(&body, "ct state vmap { 0x1 : goto always_%s, 0x2 : accept, 0x4 : accept }\n", word);
        }
        for (size_t i = 0; i < group->rule_count; i++) {
            if (group->rules[i].is_ingress == (is_ingress != 0)) {
                compile_rule(to, &group->rules[i], &body);
            }
        }
        want_body(to, KN_RULESET_INET, chain, body.buf);
    }
}

bool kn_network_ruleset_has_member(const struct kn_network_ruleset *ruleset, const char *group, const struct kn_ip *ip)
{
    AUTO_FREE char *name = members_name(group, ip->family);
    char text[KN_IP_SIZE];

    return kn_network_ruleset_wants(ruleset, KN_RULESET_INET, KN_RULESET_ELEMENT, name, kn_ip_text(ip, text)) ||
           kn_network_ruleset_joint_holds(ruleset, group, ip);
}

/* The prefixes are in chains of the group's, as an address group's are: several members may have them, and they may lie in each other. */
static void compile_member(const struct compilation *to, const struct kn_network_state_member *member)
{
    char text[KN_IP_SIZE];

    for (size_t i = 0; i < member->group_count; i++) {
        for (size_t j = 0; j < member->ips.count; j++) {
            const struct kn_ip *ip = &member->ips.items[j];
            AUTO_FREE char *name = members_name(member->groups[i], ip->family);

            kn_network_ruleset_want(to->ruleset, to->wants, KN_RULESET_INET, KN_RULESET_SET, name, "",
                                    ip->family == 4 ? "type ipv4_addr" : "type ipv6_addr");
            want_element(to, KN_RULESET_INET, name, kn_ip_text(ip, text), "");
        }
        for (size_t j = 0; j < member->prefixes.count; j++) {
            kn_network_ruleset_join(to->ruleset, to->wants, member->groups[i], &member->prefixes.items[j]);
        }
    }
}

static void compile_addresses(const struct compilation *to, const struct kn_network_state_addresses *addresses)
{
    const struct kn_network_prefixes *prefixes = &addresses->prefixes;

    for (int is_source = 0; is_source < 2; is_source++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf body = KN_STRBUF_INIT;
        AUTO_FREE char *chain = kn_asprintf("%s_%s", is_source ? "source" : "destination", addresses->id);

        kn_network_ruleset_put_addresses(prefixes->items, prefixes->count, is_source != 0, &body);
        want_body(to, KN_RULESET_INET, chain, body.buf);
    }
}

/* --- the rest --------------------------------------------------------------------------------------------------------- */

static void compile_network(const struct compilation *to, const struct kn_network_state_network *network)
{
    AUTO_FREE char *bridge = kn_asprintf("\"kb%.8s\"", network->id), *zone = kn_asprintf("%u", (unsigned)network->zone);

    want_element(to, KN_RULESET_INET, "map zones", bridge, zone);
    if (network->zone == 0) { /* the host routes it */
        want_element(to, KN_RULESET_INET, "set gateways", bridge, "");
    }
    if (kn_network_state_has_door(network)) {
        AUTO_FREE char *chain = kn_asprintf("door_%s", network->id);
        char mac[KN_MAC_TEXT];

        kn_network_mac_text(kn_network_state_door_mac(network), mac);
        AUTO_FREE char *rule = kn_asprintf("ether daddr set %s\n", mac);

        want_body(to, KN_RULESET_BRIDGE, chain, rule);
    }
}

static void compile_peer(const struct compilation *to, const struct kn_network_state_peer *peer)
{
    char text[KN_IP_SIZE];

    want_element(to, KN_RULESET_INET, peer->underlay.family == 4 ? "set hosts4" : "set hosts6",
                 kn_ip_text(&peer->underlay, text), "");
}

static void compile_policy(const struct compilation *to, const struct kn_network_state_policy *policy)
{
    AUTO_FREE char *chain = kn_asprintf("dscp_%s", policy->id),
                   *rules = policy->dscp < 0 ? kn_strdup("")
                                             : kn_asprintf("ip dscp set 0x%02x\nip6 dscp set 0x%02x\n",
                                                           (unsigned)policy->dscp, (unsigned)policy->dscp);

    want_body(to, KN_RULESET_BRIDGE, chain, rules);
}

void kn_network_ruleset_compile(struct kn_network_ruleset *ruleset, enum kn_network_kind kind, const void *object,
                                struct kn_network_ruleset_wants *wants)
{
    const struct compilation to = { ruleset, wants };

    switch (kind) {
    case KN_NETWORK_IS_NETWORK:
        compile_network(&to, object);
        break;
    case KN_NETWORK_IS_PORT:
        compile_port(&to, object);
        break;
    case KN_NETWORK_IS_GROUP:
        compile_group(&to, object);
        break;
    case KN_NETWORK_IS_MEMBER:
        compile_member(&to, object);
        break;
    case KN_NETWORK_IS_ADDRESSES:
        compile_addresses(&to, object);
        break;
    case KN_NETWORK_IS_POLICY:
        compile_policy(&to, object);
        break;
    case KN_NETWORK_IS_PEER:
        compile_peer(&to, object);
        break;
    case KN_NETWORK_IS_ROUTER: /* nothing of the host's own tables */
    case KN_NETWORK_KINDS:
        break;
    }
}
