/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tables_walk.c: one packet through the chains of a hook. A rule is read word by word from its left: a match that fails ends it, a statement does, a verdict
 * decides. What packets of this kind have no field for (a port of ICMP, a neighbour's target) matches nothing, as in the kernel.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "network/host/trace/tables_private.h"

#define DEEPEST 16
#define MOST_STEPS 100000

enum { PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, PROTOCOL_ICMPV6 = 58 };

/* What became of a rule: it goes on, it does not hold, its chain is over, or a verdict. Of a chain: it came to its end (WALK_ON), or a verdict. */
enum walk_result { WALK_ON, WALK_SKIP, WALK_RETURN, WALK_ACCEPT, WALK_DROP, WALK_UNKNOWN };

struct tables_walk {
    const struct kn_network_tables *tables;
    const char *family, *table; /* of the chain that it is in */
    struct kn_network_tables_packet *packet;
    struct kn_network_tables_ruling *ruling;
    unsigned depth, steps;
};

static enum walk_result walk_chain(struct tables_walk *walk, const char *name);

static struct kn_network_tables_value value_text(const char *text)
{
    return (struct kn_network_tables_value){ .kind = KN_VALUE_TEXT, .text = text };
}

static struct kn_network_tables_value value_number(unsigned long number)
{
    return (struct kn_network_tables_value){ .kind = KN_VALUE_NUMBER, .number = number };
}

/* --- words ---------------------------------------------------------------------------------------------------------- */

/* The next word, without moving; its length. */
static size_t walk_peek(const char **at)
{
    *at += strspn(*at, " ");
    return strcspn(*at, " ");
}

/* Moves behind these words if they stand here. */
static bool walk_take(const char **at, const char *words)
{
    const char *p = *at + strspn(*at, " ");
    const size_t length = strlen(words);

    if (strncmp(p, words, length) != 0 || (p[length] != ' ' && p[length] != '\0')) {
        return false;
    }
    *at = p + length;
    return true;
}

static char *walk_word(const char **at)
{
    const size_t length = walk_peek(at);
    char *word = kn_strndup(*at, length);

    *at += length;
    return word;
}

static bool has_ports(int protocol)
{
    return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == 33 || protocol == 132 || protocol == 136;
}

static struct kn_network_tables_value walk_port(const struct tables_walk *walk, int protocol, bool is_source)
{
    const struct kn_network_packet *ip = &walk->packet->ip;

    if (!has_ports(ip->protocol) || (protocol >= 0 && protocol != ip->protocol)) {
        return (struct kn_network_tables_value){ .kind = KN_VALUE_NONE };
    }
    return value_number((unsigned long)(is_source ? ip->source_port : ip->destination_port));
}

static struct kn_network_tables_value walk_address(const struct tables_walk *walk, uint8_t family, bool is_source)
{
    const struct kn_ip *ip = is_source ? &walk->packet->ip.source : &walk->packet->ip.destination;

    return ip->family == family ? (struct kn_network_tables_value){ .kind = KN_VALUE_IP, .ip = *ip }
                                : (struct kn_network_tables_value){ .kind = KN_VALUE_NONE };
}

static struct kn_network_tables_value walk_icmp(const struct tables_walk *walk, int protocol, bool is_type)
{
    const struct kn_network_packet *ip = &walk->packet->ip;

    return ip->protocol != protocol ? (struct kn_network_tables_value){ .kind = KN_VALUE_NONE }
                                    : value_number((unsigned long)(is_type ? ip->source_port : ip->destination_port));
}

/* "tcp dport" and its like. */
static bool walk_take_port(const struct tables_walk *walk, const char **at, struct kn_network_tables_value *ret)
{
    static const struct {
        const char *words[2];
        int protocol;
    } PORTS[] = { { { "tcp sport", "tcp dport" }, PROTOCOL_TCP }, { { "udp sport", "udp dport" }, PROTOCOL_UDP },
                  { { "dccp sport", "dccp dport" }, 33 },         { { "sctp sport", "sctp dport" }, 132 },
                  { { "udplite sport", "udplite dport" }, 136 },  { { "th sport", "th dport" }, -1 } };

    for (size_t i = 0; i < KN_COUNT(PORTS); i++) {
        for (size_t j = 0; j < KN_COUNT(PORTS[i].words); j++) {
            if (walk_take(at, PORTS[i].words[j])) {
                *ret = walk_port(walk, PORTS[i].protocol, j == 0);
                return true;
            }
        }
    }
    return false;
}

/* What this packet has of the field that stands here. False: no field that is known. */
static bool walk_take_field(const struct tables_walk *walk, const char **at, struct kn_network_tables_value *ret)
{
    const struct kn_network_tables_packet *packet = walk->packet;
    const bool is_v4 = packet->ip.source.family == 4;
    const struct {
        const char *words;
        struct kn_network_tables_value value;
    } FIELDS[] = {
        { "iifname", value_text(packet->in) },
        { "oifname", value_text(packet->out) },
        { "ether saddr", value_text(packet->source_mac) },
        { "ether type", value_number(is_v4 ? 0x0800 : 0x86dd) },
        { "meta nfproto", value_number(is_v4 ? 2 : 10) },
        { "meta l4proto", value_number((unsigned long)packet->ip.protocol) },
        { "meta mark", value_number(packet->mark) },
        { "meta iiftype", value_number(1) }, /* Ethernet */
        { "meta pkttype", value_number(0) }, /* to one station */
        { "ct state", value_number(packet->state) },
        { "ip saddr", walk_address(walk, 4, true) },
        { "ip daddr", walk_address(walk, 4, false) },
        { "ip6 saddr", walk_address(walk, 6, true) },
        { "ip6 daddr", walk_address(walk, 6, false) },
        { "icmp type", walk_icmp(walk, PROTOCOL_ICMP, true) },
        { "icmp code", walk_icmp(walk, PROTOCOL_ICMP, false) },
        { "icmpv6 type", walk_icmp(walk, PROTOCOL_ICMPV6, true) },
        { "icmpv6 code", walk_icmp(walk, PROTOCOL_ICMPV6, false) },
        /* of ARP and of neighbours' messages, which no traced packet is */
        { "arp saddr ether", { .kind = KN_VALUE_NONE } },
        { "arp saddr ip", { .kind = KN_VALUE_NONE } },
        { "@th,64,128", { .kind = KN_VALUE_NONE } },
    };

    for (size_t i = 0; i < KN_COUNT(FIELDS); i++) {
        if (walk_take(at, FIELDS[i].words)) {
            *ret = FIELDS[i].value;
            return true;
        }
    }
    return walk_take_port(walk, at, ret);
}

/* "iifname . ether saddr": one or several. */
static bool walk_take_fields(const struct tables_walk *walk, const char **at, struct kn_network_tables_values *ret)
{
    ret->count = 0;
    do {
        if (ret->count == KN_TABLES_FIELDS || !walk_take_field(walk, at, &ret->items[ret->count])) {
            return false;
        }
        ret->count++;
    } while (walk_take(at, "."));
    return true;
}

/* "@name" or "{ a, b }" or a value by itself: the data of what the values are in; NULL: they are in nothing of it. False: not understood. */
static bool walk_take_lookup(const struct tables_walk *walk, const char **at,
                             const struct kn_network_tables_values *values, const char **ret_found, char **ret_owned)
{
    if (walk_take(at, "{")) {
        struct kn_network_tables_lines list = { NULL, 0, 0 };

        *at = kn_network_tables_elements(*at, &list);
        const char *found = kn_network_tables_find(&list, values);

        *ret_owned = kn_strdup(found);
        *ret_found = *ret_owned;
        kn_network_tables_lines_release(&list);
        return true;
    }
    AUTO_FREE char *word = walk_word(at);

    if (word[0] == '@') {
        AUTO_FREE char *key = kn_asprintf("%s %s %s", walk->family, walk->table, word + 1);
        const struct kn_network_tables_lines *set = kn_hmap_get(walk->tables->sets, key);

        *ret_found = set == NULL ? NULL : kn_network_tables_find(set, values);
        return set != NULL;
    }
    *ret_found = kn_network_tables_match(values, word, strlen(word)) ? "" : NULL;
    return word[0] != '\0';
}

/* --- verdicts and statements ------------------------------------------------------------------------------------------ */

static void walk_decided(struct tables_walk *walk, const struct kn_network_tables_chain *chain, const char *rule)
{
    walk->ruling->chain = chain->name;
    walk->ruling->line = rule;
}

/* "accept", "goto x": WALK_ON: it is none of them. *ret_is: it is one. */
static enum walk_result walk_verdict(struct tables_walk *walk, const struct kn_network_tables_chain *chain,
                                     const char *rule, const char *text, bool *ret_is)
{
    enum walk_result result;

    *ret_is = true;
    if (walk_take(&text, "accept")) {
        walk_decided(walk, chain, rule);
        return WALK_ACCEPT;
    }
    if (walk_take(&text, "drop")) {
        walk_decided(walk, chain, rule);
        return WALK_DROP;
    }
    if (walk_take(&text, "return")) {
        return WALK_RETURN;
    }
    if (walk_take(&text, "jump")) {
        AUTO_FREE char *name = walk_word(&text);

        return walk_chain(walk, name);
    }
    if (walk_take(&text, "goto")) {
        AUTO_FREE char *name = walk_word(&text);

        result = walk_chain(walk, name);
        return result == WALK_ON ? WALK_RETURN : result;
    }
    *ret_is = false;
    return WALK_ON;
}

/* "tcp flags != 0x2 / 0x2,0x10": a traced packet of TCP begins a connection, or answers the one that does. */
static bool walk_flags(const struct tables_walk *walk, const char **at)
{
    const bool is_not = walk_take(at, "!=");
    AUTO_FREE char *value = walk_word(at);
    unsigned long wanted = strtoul(value, NULL, 0), mask = 0,
                  flags = (walk->packet->state & KN_CT_NEW) != 0 ? 0x02 : 0x12;

    if (walk_take(at, "/")) {
        AUTO_FREE char *list = walk_word(at);

        for (char *p = list; *p != '\0'; p += *p == ',') {
            char *end;

            mask |= strtoul(p, &end, 0);
            if (end == p) {
                break;
            }
            p = end;
        }
    } else {
        mask = wanted;
    }
    return walk->packet->ip.protocol == PROTOCOL_TCP && ((flags & mask) == wanted) != is_not;
}

/* "10.0.0.5" or "10.0.0.5 . 22" or "10.0.0.5:22" */
static bool walk_translate(struct tables_walk *walk, const char *to, bool is_source)
{
    struct kn_network_packet *packet = &walk->packet->ip;
    const size_t length = strcspn(to, " :");
    AUTO_FREE char *address = kn_strndup(to, length);
    const char *port = to + length + strspn(to + length, " .:");
    char *end = NULL;
    const unsigned long number = strtoul(port, &end, 10);
    struct kn_ip ip;

    if (!kn_ip_parse(address, &ip) || (to[length] != '\0' && (end == port || *end != '\0' || number > UINT16_MAX))) {
        return false;
    }
    *(is_source ? &packet->source : &packet->destination) = ip;
    if (to[length] != '\0') {
        *(is_source ? &packet->source_port : &packet->destination_port) = (int)number;
    }
    walk->packet->status |= is_source ? 0 : KN_CT_STATUS_DNAT;
    return true;
}

/* Behind "dnat" or "snat": "to 10.0.0.1", "to ip daddr map @inside", "ip to a . b map @forwards". */
static enum walk_result walk_nat(struct tables_walk *walk, const struct kn_network_tables_chain *chain,
                                 const char *rule, const char *at, bool is_source)
{
    AUTO_FREE char *owned = NULL;
    struct kn_network_tables_values values;
    const char *found = NULL;

    if (!walk_take(&at, "to") && !(walk_take(&at, "ip") && walk_take(&at, "to"))) {
        return WALK_UNKNOWN;
    }
    const char *literal = at + strspn(at, " ");

    if (walk_take_fields(walk, &at, &values)) {
        if (!walk_take(&at, "map") || !walk_take_lookup(walk, &at, &values, &found, &owned)) {
            return WALK_UNKNOWN;
        }
        if (found == NULL) {
            return WALK_ON;
        }
    } else {
        found = literal;
    }
    if (!walk_translate(walk, found, is_source)) {
        return WALK_UNKNOWN;
    }
    walk_decided(walk, chain, rule);
    return WALK_ACCEPT;
}

/* "meta mark set …" was taken. */
static enum walk_result walk_set_mark(struct tables_walk *walk, const char **at)
{
    AUTO_FREE char *owned = NULL;
    struct kn_network_tables_values values;
    const char *found = NULL;

    if (walk_take_fields(walk, at, &values)) {
        if (!walk_take(at, "map") || !walk_take_lookup(walk, at, &values, &found, &owned)) {
            return WALK_UNKNOWN;
        }
        if (found == NULL) {
            return WALK_SKIP;
        }
        walk->packet->mark = (uint32_t)strtoul(found, NULL, 0);
        return WALK_ON;
    }
    AUTO_FREE char *word = walk_word(at);
    char *end;

    walk->packet->mark = (uint32_t)strtoul(word, &end, 0);
    return end != word && *end == '\0' ? WALK_ON : WALK_UNKNOWN;
}

/* Statements that change nothing that a trace asks about. */
static bool walk_take_idle(const char **at)
{
    if (walk_take(at, "notrack") || walk_take(at, "counter")) {
        return true;
    }
    if (walk_take(at, "ct zone set") || walk_take(at, "ip dscp set") || walk_take(at, "ip6 dscp set") ||
        walk_take(at, "ether daddr set")) {
        *at += strlen(*at);
        return true;
    }
    return false;
}

/* The status of a connection is a set of bits. */
static bool walk_take_status(const struct tables_walk *walk, const char **at, bool *ret_matches)
{
    if (!walk_take(at, "ct status")) {
        return false;
    }
    AUTO_FREE char *word = walk_word(at);
    const unsigned long bits = strcmp(word, "dnat") == 0   ? KN_CT_STATUS_DNAT
                               : strcmp(word, "snat") == 0 ? KN_CT_STATUS_SNAT
                                                           : strtoul(word, NULL, 0);

    *ret_matches = (walk->packet->status & bits) != 0;
    return true;
}

/* A match: fields and what they shall be in; of a map of verdicts, the verdict. */
static enum walk_result walk_match(struct tables_walk *walk, const struct kn_network_tables_chain *chain,
                                   const char *rule, const char **at)
{
    AUTO_FREE char *owned = NULL;
    struct kn_network_tables_values values;
    const char *found = NULL;
    bool is_field = false, is_verdict = false;

    if (walk_take_status(walk, at, &is_field)) {
        return is_field ? WALK_ON : WALK_SKIP;
    }
    if (walk_take(at, "tcp flags")) {
        return walk_flags(walk, at) ? WALK_ON : WALK_SKIP;
    }
    if (!walk_take_fields(walk, at, &values)) {
        return WALK_UNKNOWN;
    }
    const bool is_map = walk_take(at, "vmap"), is_not = !is_map && walk_take(at, "!=");

    if (!walk_take_lookup(walk, at, &values, &found, &owned)) {
        return WALK_UNKNOWN;
    }
    for (size_t i = 0; i < values.count; i++) {
        if (values.items[i].kind == KN_VALUE_NONE) {
            return WALK_SKIP;
        }
    }
    if (!is_map) {
        return (found != NULL) != is_not ? WALK_ON : WALK_SKIP;
    }
    if (found == NULL) {
        return WALK_SKIP;
    }
    const enum walk_result result = walk_verdict(walk, chain, rule, found, &is_verdict);

    return !is_verdict ? WALK_UNKNOWN : result == WALK_ON ? WALK_SKIP : result;
}

static enum walk_result walk_rule(struct tables_walk *walk, const struct kn_network_tables_chain *chain,
                                  const char *rule)
{
    const char *at = rule;
    enum walk_result result;
    bool is_verdict = false;

    if (strstr(rule, " add @") !=
        NULL) { /* counts connections: there is room for this one, as far as anybody can say */
        return WALK_ON;
    }
    while (walk_peek(&at) > 0) {
        result = walk_verdict(walk, chain, rule, at, &is_verdict);
        if (is_verdict) {
            return result;
        }
        const bool is_source = walk_take(&at, "snat");

        if (is_source || walk_take(&at, "dnat")) {
            return walk_nat(walk, chain, rule, at, is_source);
        }
        if (walk_take_idle(&at)) {
            continue;
        }
        result = walk_take(&at, "meta mark set") ? walk_set_mark(walk, &at) : walk_match(walk, chain, rule, &at);
        if (result != WALK_ON) {
            return result == WALK_SKIP ? WALK_ON : result;
        }
    }
    return WALK_ON;
}

/* Of chains in circles, which the kernel refuses, and of a text without end, nothing is known. */
static enum walk_result walk_rules(struct tables_walk *walk, const struct kn_network_tables_chain *chain)
{
    for (size_t i = 0; i < chain->rules.count; i++) {
        const enum walk_result result = ++walk->steps > MOST_STEPS ? WALK_UNKNOWN
                                                                   : walk_rule(walk, chain, chain->rules.items[i]);

        if (result == WALK_UNKNOWN && walk->ruling->verdict != KN_TABLES_UNKNOWN) {
            walk->ruling->verdict = KN_TABLES_UNKNOWN;
            walk_decided(walk, chain, chain->rules.items[i]);
        }
        if (result != WALK_ON) {
            return result == WALK_RETURN ? WALK_ON : result;
        }
    }
    return WALK_ON;
}

static enum walk_result walk_chain(struct tables_walk *walk, const char *name)
{
    AUTO_FREE char *key = kn_asprintf("%s %s %s", walk->family, walk->table, name);
    const struct kn_network_tables_chain *chain = kn_hmap_get(walk->tables->chains, key);

    if (chain == NULL || walk->depth == DEEPEST) {
        return WALK_UNKNOWN;
    }
    if (strncmp(chain->name, "in_", 3) == 0 || strncmp(chain->name, "out_", 4) == 0) {
        walk->ruling->group = chain->name;
    }
    walk->depth++;
    const enum walk_result result = walk_rules(walk, chain);

    walk->depth--;
    return result;
}

/* --- hooks ---------------------------------------------------------------------------------------------------------- */

/* The chain of that hook which comes after `after` (NULL: the first): by priority, and by name where it is the same. */
static const struct kn_network_tables_chain *walk_next(const struct tables_walk *walk, const char *hook,
                                                       const struct kn_network_tables_chain *after)
{
    const struct kn_network_tables_chain *best = NULL;
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(walk->tables->chains, &at, &key, &value);) {
        const struct kn_network_tables_chain *chain = value;
        const bool is_later = after == NULL || chain->priority > after->priority ||
                              (chain->priority == after->priority && strcmp(chain->name, after->name) > 0);

        if (is_later && strcmp(chain->family, walk->family) == 0 && strcmp(chain->hook, hook) == 0 &&
            (best == NULL || chain->priority < best->priority ||
             (chain->priority == best->priority && strcmp(chain->name, best->name) < 0))) {
            best = chain;
        }
    }
    return best;
}

void kn_network_tables_walk(const struct kn_network_tables *tables, const char *family, const char *hook,
                            struct kn_network_tables_packet *packet, struct kn_network_tables_ruling *ret)
{
    struct tables_walk walk = { .tables = tables, .family = family, .packet = packet, .ruling = ret };

    *ret = (struct kn_network_tables_ruling){ .verdict = KN_TABLES_PASS, .chain = "", .line = "", .group = "" };
    for (const struct kn_network_tables_chain *chain = walk_next(&walk, hook, NULL); chain != NULL;
         chain = walk_next(&walk, hook, chain)) {
        walk.table = chain->table;
        const enum walk_result result = walk_chain(&walk, chain->name);

        if (result == WALK_UNKNOWN) {
            ret->verdict = KN_TABLES_UNKNOWN;
            return;
        }
        if (result == WALK_DROP || (result == WALK_ON && chain->drops)) {
            ret->verdict = KN_TABLES_DROP;
            return;
        }
    }
}
