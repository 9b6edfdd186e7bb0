/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object.c: the objects of a host's state as tables: a field's name, what it must be, and where it goes (read.c). lib/domain/state_forms.c
 * says the same to people and senders.
 */
#include "network/host/state/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/domain/limits.h"
#include "network/address/mac.h"
#include "network/host/state/read.h"

/* In front of each object; the struct of its kind follows. */
struct object_head {
    uint64_t digest;
    uint64_t kind; /* as wide as an alignment */
};

#define AT(type, member) .at = offsetof(struct kn_network_state_##type, member)
#define COUNTED(type, member, count) AT(type, member), .count_at = offsetof(struct kn_network_state_##type, count)
#define INTO(type, member) AT(type, member), .most = sizeof(((struct kn_network_state_##type *)NULL)->member)
#define OF(table, type) .inner = table, .inner_size = sizeof(struct kn_network_state_##type)
#define MUST(n, t, ...) \
    { \
        .name = n, .type = t, .required = true, __VA_ARGS__ \
    }
#define MAY(n, t, ...) \
    { \
        .name = n, .type = t, __VA_ARGS__ \
    }
#define END \
    { \
        .name = NULL \
    }

const char *const kn_network_kind_names[] = {
    [KN_NETWORK_IS_NETWORK] = "network", [KN_NETWORK_IS_PORT] = "port",     [KN_NETWORK_IS_PEER] = "peer",
    [KN_NETWORK_IS_GROUP] = "group",     [KN_NETWORK_IS_MEMBER] = "member", [KN_NETWORK_IS_ADDRESSES] = "addresses",
    [KN_NETWORK_IS_POLICY] = "policy",   [KN_NETWORK_IS_ROUTER] = "router",
};
_Static_assert(KN_COUNT(kn_network_kind_names) == KN_NETWORK_KINDS, "one name a kind");

/* --- things inside ------------------------------------------------------------------------------------------------ */

static const char *const RA_WORDS[] = { "none", "slaac", "dhcpv6-stateless", "dhcpv6-stateful", NULL };
static const char *const TYPE_WORDS[] = { "vxlan", "flat", "local", NULL };

static const struct kn_network_field ROUTE[] = { MUST("destination", READ_PREFIX, AT(route, destination)),
                                                 MUST("nexthop", READ_IP, AT(route, nexthop)), END };

static const struct kn_network_field SUBNET[] = {
    MUST("id", READ_UUID, AT(subnet, id)),
    MUST("cidr", READ_PREFIX, AT(subnet, cidr)),
    MAY("gateway", READ_IP, AT(subnet, gateway)),
    MUST("dhcp", READ_BOOL, AT(subnet, dhcp)),
    MAY("ra_mode", READ_WORD, AT(subnet, ra_mode), .words = RA_WORDS),
    MAY("address_mode", READ_WORD, AT(subnet, address_mode), .words = RA_WORDS),
    MUST("dns", READ_IPS, AT(subnet, dns), .most = KN_MAX_STATE_LIST),
    MUST("routes", READ_LIST, COUNTED(subnet, routes, route_count), .most = KN_MAX_STATE_LIST, OF(ROUTE, route)),
    END,
};

static const struct kn_network_field NETWORK[] = {
    MUST("id", READ_UUID, AT(network, id)),
    MUST("type", READ_WORD, AT(network, type), .words = TYPE_WORDS),
    MAY("physical", READ_LABEL, INTO(network, physical)),
    MAY("vni", READ_INT, AT(network, vni), .most = KN_MAX_VNI),
    MUST("mtu", READ_INT, AT(network, mtu), .least = KN_MIN_WIRE_MTU, .most = KN_MAX_WIRE_MTU),
    MAY("domain", READ_DOMAIN, INTO(network, domain)),
    MAY("dhcp_mac", READ_MAC, AT(network, dhcp_mac)),
    MAY("dhcp_ips", READ_IPS, AT(network, dhcp_ips), .most = KN_MAX_STATE_LIST),
    MAY("zone", READ_SHORT, AT(network, zone), .most = UINT16_MAX), /* of the host's own file */
    MUST("subnets", READ_LIST, COUNTED(network, subnets, subnet_count), .most = KN_MAX_STATE_ITEMS, OF(SUBNET, subnet)),
    END,
};

static const struct kn_network_field PAIR[] = { MUST("ip", READ_PREFIX, AT(pair, ip)),
                                                MUST("mac", READ_MAC, AT(pair, mac)), END };

static const struct kn_network_field ANNOUNCED[] = {
    MUST("ip", READ_IP, AT(announced, ip)), MUST("mac", READ_MAC, AT(announced, mac)),
    MUST("number", READ_WIDE, AT(announced, number), .most = INT64_MAX), END
};

static const struct kn_network_field OPTION[] = { MUST("name", READ_TEXT, INTO(option, name)),
                                                  MUST("value", READ_TEXT, INTO(option, value)),
                                                  MUST("version", READ_INT, AT(option, version), .least = 4, .most = 6),
                                                  END };

static const struct kn_network_field FLOATING[] = { MUST("id", READ_UUID, AT(floating, id)),
                                                    MUST("outside", READ_IP, AT(floating, outside)),
                                                    MUST("inside", READ_IP, AT(floating, inside)), END };

/* [{"subnet", "ip"}]: two lists side by side, because most readers want the addresses alone. */
static int read_port_ips(const json_t *json, void *object, struct kn_error *err)
{
    struct kn_network_state_port *port = object;
    const json_t *list = json_object_get(json, "ips"), *item;
    size_t i;

    if (!json_is_array(list) || json_array_size(list) > KN_MAX_STATE_ITEMS) {
        return kn_fail(err, KN_BAD_REQUEST, "\"ips\" of a port is no list");
    }
    port->ips.items = kn_alloc((json_array_size(list) + 1) * sizeof(*port->ips.items));
    port->subnets = kn_alloc((json_array_size(list) + 1) * sizeof(*port->subnets));
    json_array_foreach (list, i, item) {
        const char *subnet = json_string_value(json_object_get(item, "subnet"));

        if (!kn_uuid_valid(subnet) ||
            !kn_ip_parse(json_string_value(json_object_get(item, "ip")), &port->ips.items[i])) {
            return kn_fail(err, KN_BAD_REQUEST, "\"ips\" of a port holds what is no address on a subnet");
        }
        kn_copy(port->subnets[i], KN_UUID_SIZE, subnet);
        port->ips.count = i + 1;
    }
    return 0;
}

static void free_port_ips(void *object)
{
    struct kn_network_state_port *port = object;

    free(port->ips.items);
    free(port->subnets);
}

static const struct kn_network_field PORT[] = {
    MUST("id", READ_UUID, AT(port, id), .also = read_port_ips, .also_free = free_port_ips),
    MUST("network", READ_UUID, AT(port, network)),
    MAY("server", READ_UUID, AT(port, server)),
    MAY("hostname", READ_HOST, INTO(port, hostname)),
    MUST("mac", READ_MAC, AT(port, mac)),
    MUST("up", READ_BOOL, AT(port, up)),
    MUST("filtered", READ_BOOL, AT(port, filtered)),
    MAY("is_router", READ_BOOL, AT(port, is_router)),
    MAY("pairs", READ_LIST, COUNTED(port, pairs, pair_count), .most = KN_MAX_STATE_ITEMS, OF(PAIR, pair)),
    MAY("announced", READ_LIST, COUNTED(port, announced, announced_count), .most = KN_MAX_STATE_ITEMS,
        OF(ANNOUNCED, announced)),
    MAY("groups", READ_UUIDS, COUNTED(port, groups, group_count),
        .said_at = offsetof(struct kn_network_state_port, has_groups), .most = KN_MAX_STATE_ITEMS),
    MAY("options", READ_LIST, COUNTED(port, options, option_count), .most = KN_MAX_STATE_ITEMS, OF(OPTION, option)),
    MAY("floating", READ_LIST, COUNTED(port, floating, floating_count), .most = KN_MAX_STATE_ITEMS,
        OF(FLOATING, floating)),
    MAY("policy", READ_UUID, AT(port, policy)),
    END,
};

static const struct kn_network_field PEER[] = {
    MUST("id", READ_UUID, AT(peer, id)),
    MUST("network", READ_UUID, AT(peer, network)),
    MAY("hostname", READ_HOST, INTO(peer, hostname)),
    MUST("mac", READ_MAC, AT(peer, mac)),
    MUST("ips", READ_IPS, AT(peer, ips), .most = KN_MAX_STATE_ITEMS),
    MAY("pairs", READ_LIST, COUNTED(peer, pairs, pair_count), .most = KN_MAX_STATE_ITEMS, OF(PAIR, pair)),
    MAY("announced", READ_LIST, COUNTED(peer, announced, announced_count), .most = KN_MAX_STATE_ITEMS,
        OF(ANNOUNCED, announced)),
    MUST("underlay", READ_IP, AT(peer, underlay)),
    END,
};

/* --- groups ------------------------------------------------------------------------------------------------------- */

/* At most one of "prefix", "group" and "addresses". */
static int read_remote(const json_t *json, void *object, struct kn_error *err)
{
    struct kn_network_state_rule *rule = object;
    const char *prefix = json_string_value(json_object_get(json, "prefix"));
    const char *group = json_string_value(json_object_get(json, "group"));
    const char *addresses = json_string_value(json_object_get(json, "addresses"));
    const char *id = group != NULL ? group : addresses;

    if ((prefix != NULL) + (group != NULL) + (addresses != NULL) > 1 || (id != NULL && !kn_uuid_valid(id)) ||
        (prefix != NULL && !kn_ip_prefix_parse(prefix, &rule->prefix)) || rule->family == 5) {
        return kn_fail(err, KN_BAD_REQUEST, "a rule has no valid remote or family");
    }
    rule->remote = prefix != NULL      ? KN_REMOTE_PREFIX
                   : group != NULL     ? KN_REMOTE_GROUP
                   : addresses != NULL ? KN_REMOTE_ADDRESSES
                                       : KN_REMOTE_ANY;
    kn_copy(rule->remote_id, sizeof(rule->remote_id), id != NULL ? id : "");
    return prefix == NULL || rule->prefix.ip.family == rule->family
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "a rule's prefix is of another family than the rule");
}

static const struct kn_network_field RULE[] = {
    MUST("id", READ_UUID, AT(rule, id), .also = read_remote),
    MUST("ingress", READ_BOOL, AT(rule, is_ingress)),
    MUST("family", READ_BYTE, AT(rule, family), .least = 4, .most = 6),
    MAY("protocol", READ_INT, AT(rule, protocol), .least = -1, .most = 255, .otherwise = -1),
    MAY("first", READ_INT, AT(rule, first), .least = -1, .most = 65535, .otherwise = -1),
    MAY("last", READ_INT, AT(rule, last), .least = -1, .most = 65535, .otherwise = -1),
    END,
};

static const struct kn_network_field GROUP[] = {
    MUST("id", READ_UUID, AT(group, id)),
    MUST("stateful", READ_BOOL, AT(group, stateful)),
    MUST("rules", READ_LIST, COUNTED(group, rules, rule_count), .most = KN_MAX_STATE_ITEMS, OF(RULE, rule)),
    END,
};

static const struct kn_network_field MEMBER[] = {
    MUST("id", READ_UUID, AT(member, id)),
    MUST("ips", READ_IPS, AT(member, ips), .most = KN_MAX_STATE_ITEMS),
    MAY("prefixes", READ_PREFIXES, AT(member, prefixes), .most = KN_MAX_STATE_ITEMS),
    MUST("groups", READ_UUIDS, COUNTED(member, groups, group_count), .most = KN_MAX_STATE_ITEMS),
    END,
};

static const struct kn_network_field ADDRESSES[] = {
    MUST("id", READ_UUID, AT(addresses, id)),
    MUST("prefixes", READ_PREFIXES, AT(addresses, prefixes), .most = KN_MAX_STATE_ITEMS),
    END,
};

static const struct kn_network_field LIMITS[] = {
    MAY("max_kbps", READ_WIDE, .at = offsetof(struct kn_network_state_limit, max_kbps), .most = INT32_MAX),
    MAY("burst_kbit", READ_WIDE, .at = offsetof(struct kn_network_state_limit, burst_kbit), .most = INT32_MAX),
    END,
};

static const struct kn_network_field POLICY[] = {
    MUST("id", READ_UUID, AT(policy, id)),
    MAY("to_guest", READ_STRUCT, AT(policy, to_guest), .inner = LIMITS),
    MAY("from_guest", READ_STRUCT, AT(policy, from_guest), .inner = LIMITS),
    MAY("dscp", READ_INT, AT(policy, dscp), .least = -1, .most = 63, .otherwise = -1),
    END,
};

/* --- routers ------------------------------------------------------------------------------------------------------ */

/* "10.0.0.1/24": addresses and lengths side by side. */
static int read_interface_ips(const json_t *json, void *object, struct kn_error *err)
{
    struct kn_network_state_interface *interface = object;
    const json_t *list = json_object_get(json, "ips"), *item;
    size_t i;

    if (!json_is_array(list) || json_array_size(list) > KN_MAX_STATE_ITEMS) {
        return kn_fail(err, KN_BAD_REQUEST, "\"ips\" of a router's interface is no list");
    }
    interface->ips.items = kn_alloc((json_array_size(list) + 1) * sizeof(*interface->ips.items));
    interface->lengths = kn_alloc(json_array_size(list) + 1);
    json_array_foreach (list, i, item) {
        struct kn_ip_prefix prefix;

        if (!kn_ip_prefix_parse(json_string_value(item), &prefix)) {
            return kn_fail(err, KN_BAD_REQUEST, "\"ips\" of a router's interface holds what is no address");
        }
        interface->ips.items[i] = prefix.ip;
        interface->lengths[i] = prefix.length;
        interface->ips.count = i + 1;
    }
    return 0;
}

static void free_interface_ips(void *object)
{
    struct kn_network_state_interface *interface = object;

    free(interface->ips.items);
    free(interface->lengths);
}

static const struct kn_network_field INTERFACE[] = {
    MUST("port", READ_UUID, AT(interface, port), .also = read_interface_ips, .also_free = free_interface_ips),
    MUST("network", READ_UUID, AT(interface, network)),
    MUST("mac", READ_MAC, AT(interface, mac)),
    MAY("scope4", READ_UUID, AT(interface, scope4)),
    MAY("scope6", READ_UUID, AT(interface, scope6)),
    END,
};

#define SOCKET_PORT .least = 1, .most = 65535
static const struct kn_network_field FORWARD[] = {
    MUST("id", READ_UUID, AT(forward, id)),
    MUST("outside", READ_IP, AT(forward, outside)),
    MUST("inside", READ_IP, AT(forward, inside)),
    MUST("protocol", READ_INT, AT(forward, protocol), .most = 255),
    MUST("outside_first", READ_INT, AT(forward, outside_first), SOCKET_PORT),
    MUST("outside_last", READ_INT, AT(forward, outside_last), SOCKET_PORT),
    MUST("inside_first", READ_INT, AT(forward, inside_first), SOCKET_PORT),
    MUST("inside_last", READ_INT, AT(forward, inside_last), SOCKET_PORT),
    END,
};

static int check_gateway(const json_t *json, void *object, struct kn_error *err)
{
    const int64_t gateway = json_integer_value(json_object_get(json, "gateway"));

    (void)object;
    return gateway < (int64_t)json_array_size(json_object_get(json, "interfaces")) || gateway <= 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "\"gateway\" of a router is none of its interfaces");
}

static const struct kn_network_field ROUTER[] = {
    MUST("id", READ_UUID, AT(router, id), .also = check_gateway),
    MUST("lease", READ_WIDE, AT(router, lease), .most = INT64_MAX),
    MUST("up", READ_BOOL, AT(router, up)),
    MUST("interfaces", READ_LIST, COUNTED(router, interfaces, interface_count), .most = KN_MAX_STATE_ITEMS,
         OF(INTERFACE, interface)),
    MAY("gateway", READ_INT, AT(router, gateway), .least = -1, .most = KN_MAX_STATE_ITEMS, .otherwise = -1),
    MAY("snat", READ_BOOL, AT(router, snat)),
    MAY("snat_ip", READ_IP, AT(router, snat_ip)),
    MAY("routes", READ_LIST, COUNTED(router, routes, route_count), .most = KN_MAX_STATE_ITEMS, OF(ROUTE, route)),
    MAY("floating", READ_LIST, COUNTED(router, floating, floating_count), .most = KN_MAX_STATE_ITEMS,
        OF(FLOATING, floating)),
    MAY("forwards", READ_LIST, COUNTED(router, forwards, forward_count), .most = KN_MAX_STATE_ITEMS,
        OF(FORWARD, forward)),
    END,
};

static const struct {
    const struct kn_network_field *fields;
    size_t size;
} KIND[] = {
    [KN_NETWORK_IS_NETWORK] = { NETWORK, sizeof(struct kn_network_state_network) },
    [KN_NETWORK_IS_PORT] = { PORT, sizeof(struct kn_network_state_port) },
    [KN_NETWORK_IS_PEER] = { PEER, sizeof(struct kn_network_state_peer) },
    [KN_NETWORK_IS_GROUP] = { GROUP, sizeof(struct kn_network_state_group) },
    [KN_NETWORK_IS_MEMBER] = { MEMBER, sizeof(struct kn_network_state_member) },
    [KN_NETWORK_IS_ADDRESSES] = { ADDRESSES, sizeof(struct kn_network_state_addresses) },
    [KN_NETWORK_IS_POLICY] = { POLICY, sizeof(struct kn_network_state_policy) },
    [KN_NETWORK_IS_ROUTER] = { ROUTER, sizeof(struct kn_network_state_router) },
};
_Static_assert(KN_COUNT(KIND) == KN_NETWORK_KINDS, "one row a kind");

/* --- life --------------------------------------------------------------------------------------------------------- */

static struct object_head *head_of(const void *object)
{
    return (struct object_head *)(uintptr_t)object - 1;
}

void kn_network_object_free(void *object)
{
    if (object != NULL) {
        kn_network_fields_free(KIND[head_of(object)->kind].fields, object);
        free(head_of(object));
    }
}

const char *kn_network_object_id(const void *object)
{
    return object; /* every kind begins with it */
}
_Static_assert(offsetof(struct kn_network_state_network, id) + offsetof(struct kn_network_state_port, id) +
                       offsetof(struct kn_network_state_peer, id) + offsetof(struct kn_network_state_group, id) +
                       offsetof(struct kn_network_state_member, id) + offsetof(struct kn_network_state_addresses, id) +
                       offsetof(struct kn_network_state_policy, id) + offsetof(struct kn_network_state_router, id) ==
                   0,
               "the id stands first");

enum kn_network_kind kn_network_object_kind(const void *object)
{
    return (enum kn_network_kind)head_of(object)->kind;
}

uint64_t kn_network_state_digest(const void *object)
{
    return head_of(object)->digest;
}

enum kn_network_kind kn_network_kind_of(const char *name)
{
    enum kn_network_kind kind = KN_NETWORK_IS_NETWORK;

    while (kind < KN_NETWORK_KINDS && (name == NULL || strcmp(kn_network_kind_names[kind], name) != 0)) {
        kind++;
    }
    return kind;
}

/* FNV-1a of the text with its keys in order: the same thing said twice has the same one, however it was put together. */
static uint64_t digest_of(const json_t *said)
{
    json_auto_t *json = json_copy((json_t *)(uintptr_t)said);

    json_object_del(json, "zone"); /* the host's own */
    AUTO_FREE char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    uint64_t digest = UINT64_C(0xcbf29ce484222325);

    for (const char *at = text; at != NULL && *at != '\0'; at++) {
        digest = (digest ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
    }
    return digest;
}

int kn_network_object_read(const json_t *json, enum kn_network_kind *ret_kind, void **ret_object, struct kn_error *err)
{
    const char *name = json_string_value(json_object_get(json, "kind"));
    const enum kn_network_kind kind = kn_network_kind_of(name);
    struct object_head *head;

    if (kind == KN_NETWORK_KINDS) {
        return kn_fail(err, KN_BAD_REQUEST, "an object of no kind that there is");
    }
    head = kn_alloc(sizeof(*head) + KIND[kind].size);
    head->kind = kind;
    if (kn_network_fields_read(KIND[kind].fields, json, head + 1, err) < 0) {
        kn_fail_context(err, "%s %.40s", name, kn_network_object_id(head + 1));
        kn_network_object_free(head + 1);
        return -1;
    }
    head->digest = digest_of(json);
    *ret_kind = kind;
    *ret_object = head + 1;
    return 0;
}
