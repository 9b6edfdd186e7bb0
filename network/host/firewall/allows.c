/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allows.c: the rules of groups, asked one after the other. Says what ruleset_static.c and ruleset_compile.c make the kernel do; tests/it/
 * test_network_firewall.c holds the one against the other.
 */
#include "network/host/firewall/allows.h"

#include <string.h>

#include "lib/base/mem.h"

enum { ICMP = 1, TCP = 6, UDP = 17, ICMPV6 = 58 };

static bool is_metadata(const struct kn_ip *ip)
{
    struct kn_ip door;

    kn_ip_parse(ip->family == 4 ? "169.254.169.254" : "fe80::a9fe:a9fe", &door);
    return kn_ip_equal(ip, &door);
}

/* The chains always_in and always_out. */
static bool always(bool is_ingress, const struct kn_network_packet *packet)
{
    static const struct {
        bool is_ingress;
        uint8_t family;
        int source, destination;
    } DHCP[] = { { false, 4, 68, 67 }, { false, 6, 546, 547 }, { true, 4, 67, 68 }, { true, 6, 547, 546 } };
    static const int NEIGHBOURS[2][6] = { { 130, 131, 132, 133, 135, 136 }, { 130, 134, 135, 136, -1, -1 } };

    for (size_t i = 0; packet->protocol == UDP && i < KN_COUNT(DHCP); i++) {
        if (DHCP[i].is_ingress == is_ingress && DHCP[i].family == packet->source.family &&
            DHCP[i].source == packet->source_port && DHCP[i].destination == packet->destination_port) {
            return true;
        }
    }
    for (size_t i = 0; packet->protocol == ICMPV6 && i < KN_COUNT(NEIGHBOURS[0]); i++) {
        if (packet->source_port == NEIGHBOURS[is_ingress][i] || (!is_ingress && packet->source_port == 143)) {
            return true;
        }
    }
    return packet->protocol == TCP && (is_ingress ? packet->source_port : packet->destination_port) == 80 &&
           is_metadata(is_ingress ? &packet->source : &packet->destination);
}

static bool holds_address(const struct kn_network_state *state, const char *id, const struct kn_ip *ip)
{
    const struct kn_network_state_addresses *addresses = kn_hmap_get(state->objects[KN_NETWORK_IS_ADDRESSES], id);

    for (size_t i = 0; addresses != NULL && i < addresses->prefixes.count; i++) {
        if (kn_ip_prefix_holds(&addresses->prefixes.items[i], ip)) {
            return true;
        }
    }
    return false;
}

static bool is_remote(const struct kn_network_state *state, const struct kn_network_ruleset *ruleset,
                      const struct kn_network_state_rule *rule, const struct kn_ip *ip)
{
    switch (rule->remote) {
    case KN_REMOTE_ANY:
        return true;
    case KN_REMOTE_PREFIX:
        return kn_ip_prefix_holds(&rule->prefix, ip);
    case KN_REMOTE_GROUP:
        return kn_network_ruleset_has_member(ruleset, rule->remote_id, ip);
    case KN_REMOTE_ADDRESSES:
        return holds_address(state, rule->remote_id, ip);
    }
    return false;
}

static bool rule_matches(const struct kn_network_state_rule *rule, const struct kn_network_packet *packet)
{
    bool is_icmp = packet->protocol == ICMP || packet->protocol == ICMPV6;
    int protocol = rule->protocol == ICMP && rule->family == 6 ? ICMPV6 : rule->protocol;

    if (rule->family != packet->source.family || (protocol >= 0 && protocol != packet->protocol)) {
        return false;
    }
    if (rule->first < 0) {
        return true;
    }
    if (protocol < 0) {
        return false;
    }
    if (is_icmp) {
        return rule->first == packet->source_port && (rule->last < 0 || rule->last == packet->destination_port);
    }
    return packet->destination_port >= rule->first &&
           packet->destination_port <= (rule->last < 0 ? rule->first : rule->last);
}

bool kn_network_allows(const struct kn_network_state *state, const struct kn_network_ruleset *ruleset,
                       const struct kn_network_state_port *port, bool is_ingress,
                       const struct kn_network_packet *packet, const char **ret_rule)
{
    const struct kn_ip *remote = is_ingress ? &packet->source : &packet->destination;
    const char *nobody = "", **rule_id = ret_rule == NULL ? &nobody : ret_rule;

    *rule_id = "";
    if (!port->up || !port->filtered || !port->has_groups) {
        return port->up;
    }
    for (size_t i = 0; i < port->group_count; i++) {
        const struct kn_network_state_group *group = kn_hmap_get(state->objects[KN_NETWORK_IS_GROUP], port->groups[i]);

        for (size_t j = 0; group != NULL && j < group->rule_count; j++) {
            const struct kn_network_state_rule *rule = &group->rules[j];

            if (rule->is_ingress == is_ingress && rule_matches(rule, packet) &&
                is_remote(state, ruleset, rule, remote)) {
                *rule_id = rule->id;
                return true;
            }
        }
    }
    *rule_id = always(is_ingress, packet) ? "always" : "";
    return **rule_id != '\0';
}
