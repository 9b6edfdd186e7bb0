/* SPDX-License-Identifier: Apache-2.0 */
/* state_world.c: one line, one object. Aborts the test on a line that it does not understand. */
#include "tests/support/state_world.h"

#include "tests/support/test.h"

#include <stdio.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "network/address/mac.h"

static const char *const KINDS[KN_NETWORK_KINDS] = { "network", "port",      "peer",   "group",
                                                     "member",  "addresses", "policy", "router" };

static void world_network_free(void *object)
{
    struct kn_network_state_network *network = object;

    free(network->subnets);
    free(network->dhcp_ips.items);
    free(network);
}

static void world_port_free(void *object)
{
    struct kn_network_state_port *port = object;

    free(port->ips.items);
    free(port->pairs);
    free(port->announced);
    free(port->groups);
    free(port);
}

static void world_group_free(void *object)
{
    struct kn_network_state_group *group = object;

    free(group->rules);
    free(group);
}

static void world_peer_free(void *object)
{
    struct kn_network_state_peer *peer = object;

    free(peer->ips.items);
    free(peer->pairs);
    free(peer->announced);
    free(peer);
}

static void world_member_free(void *object)
{
    struct kn_network_state_member *member = object;

    free(member->ips.items);
    free(member->prefixes.items);
    free(member->groups);
    free(member);
}

static void world_addresses_free(void *object)
{
    struct kn_network_state_addresses *addresses = object;

    free(addresses->prefixes.items);
    free(addresses);
}

struct kn_network_state *kn_world_new(void)
{
    static void (*const FREE[KN_NETWORK_KINDS])(void *) = {
        [KN_NETWORK_IS_NETWORK] = world_network_free,
        [KN_NETWORK_IS_PORT] = world_port_free,
        [KN_NETWORK_IS_PEER] = world_peer_free,
        [KN_NETWORK_IS_GROUP] = world_group_free,
        [KN_NETWORK_IS_MEMBER] = world_member_free,
        [KN_NETWORK_IS_ADDRESSES] = world_addresses_free,
        [KN_NETWORK_IS_POLICY] = free,
        [KN_NETWORK_IS_ROUTER] = free,
    };
    struct kn_network_state *state = KN_NEW(struct kn_network_state);

    for (int i = 0; i < KN_NETWORK_KINDS; i++) {
        state->objects[i] = kn_hmap_new(FREE[i]);
    }
    return state;
}

void kn_world_free(struct kn_network_state *state)
{
    for (int i = 0; i < KN_NETWORK_KINDS; i++) {
        kn_hmap_free(state->objects[i]);
    }
    free(state);
}

const char *kn_world_id(const char *word)
{
    static char ids[4][KN_UUID_SIZE];
    static unsigned next;
    char *id = ids[next++ % 4], padded[9] = "00000000";
    size_t length = strlen(word);

    assert_true(length <= 8);
    memcpy(padded + 8 - length, word, length);
    snprintf(id, KN_UUID_SIZE, "%s-1111-4111-8111-111111111111", padded);
    return id;
}

/* --- the words of a line ---------------------------------------------------------------------------------------------- */

/* The value of " name=value", or "" for none; static, one at a time. */
static const char *value_of(const char *line, const char *name)
{
    static char value[8192];
    AUTO_FREE char *start = kn_asprintf(" %s=", name);
    const char *at = strstr(line, start);

    value[0] = '\0';
    if (at != NULL) {
        at += strlen(start);
        kn_copy(value, sizeof(value) < strcspn(at, " ") + 1 ? sizeof(value) : strcspn(at, " ") + 1, at);
    }
    return value;
}

static bool flagged(const char *line, const char *word)
{
    AUTO_FREE char *start = kn_asprintf(" %s", word);
    const char *at = strstr(line, start);

    return at != NULL && (at[strlen(start)] == ' ' || at[strlen(start)] == '\0');
}

static size_t words_in(const char *list)
{
    size_t count = *list == '\0' ? 0 : 1;

    for (; *list != '\0'; list++) {
        count += *list == ',';
    }
    return count;
}

static void read_ips(const char *list, struct kn_network_ips *ips)
{
    AUTO_FREE char *copy = kn_strdup(list);
    char *rest = copy;

    ips->items = kn_alloc((words_in(list) + 1) * sizeof(struct kn_ip));
    for (char *word; (word = strsep(&rest, ",")) != NULL && *word != '\0';) {
        assert_true(kn_ip_parse(word, &ips->items[ips->count++]));
    }
}

static size_t read_ids(const char *list, char (**ids)[KN_UUID_SIZE])
{
    AUTO_FREE char *copy = kn_strdup(list);
    char *rest = copy;
    size_t count = 0;

    *ids = kn_alloc((words_in(list) + 1) * KN_UUID_SIZE);
    for (char *word; (word = strsep(&rest, ",")) != NULL && *word != '\0';) {
        kn_copy((*ids)[count++], KN_UUID_SIZE, kn_world_id(word));
    }
    return count;
}

static void id_into(char out[KN_UUID_SIZE], const char *word)
{
    if (word[0] != '\0') {
        kn_copy(out, KN_UUID_SIZE, kn_world_id(word));
    }
}

/* --- objects ---------------------------------------------------------------------------------------------------------- */

static void *read_network(const char *line)
{
    struct kn_network_state_network *network = KN_NEW(struct kn_network_state_network);

    network->zone = (uint16_t)atoi(value_of(line, "zone"));
    network->mtu = 1450;
    if (value_of(line, "door")[0] != '\0') { /* DHCP's MAC, of a subnet that is served */
        assert_true(kn_network_mac_parse(value_of(line, "door"), network->dhcp_mac));
        read_ips("10.0.0.2", &network->dhcp_ips);
        network->subnets = KN_NEW(struct kn_network_state_subnet);
        network->subnet_count = 1;
        network->subnets->dhcp = true;
        kn_ip_prefix_parse("10.0.0.0/24", &network->subnets->cidr);
    }
    return network;
}

static void read_pair(const char *text, struct kn_network_state_pair *pair)
{
    AUTO_FREE char *copy = kn_strdup(text);
    char *slash = strrchr(copy, '/');

    *slash = '\0';
    assert_true(kn_network_mac_parse(slash + 1, pair->mac));
    assert_true(kn_ip_prefix_parse(copy, &pair->ip));
}

static void read_pairs(const char *list, struct kn_network_state_pair **pairs, size_t *count)
{
    AUTO_FREE char *copy = kn_strdup(list);
    char *rest = copy;

    *pairs = kn_alloc((words_in(list) + 1) * sizeof(**pairs));
    for (char *word; (word = strsep(&rest, ",")) != NULL && *word != '\0';) {
        read_pair(word, &(*pairs)[(*count)++]);
    }
}

/* address/MAC/number */
static void read_announced(const char *list, struct kn_network_state_announced **announced, size_t *count)
{
    AUTO_FREE char *copy = kn_strdup(list);
    char *rest = copy;

    *announced = kn_alloc((words_in(list) + 1) * sizeof(**announced));
    for (char *word; (word = strsep(&rest, ",")) != NULL && *word != '\0'; (*count)++) {
        assert_true(kn_ip_parse(strsep(&word, "/"), &(*announced)[*count].ip));
        assert_true(kn_network_mac_parse(strsep(&word, "/"), (*announced)[*count].mac));
        (*announced)[*count].number = atoi(word);
    }
}

static void read_prefixes(const char *list, struct kn_network_prefixes *prefixes)
{
    AUTO_FREE char *copy = kn_strdup(list);
    char *rest = copy;

    prefixes->items = kn_alloc((words_in(list) + 1) * sizeof(struct kn_ip_prefix));
    for (char *word; (word = strsep(&rest, ",")) != NULL && *word != '\0';) {
        assert_true(kn_ip_prefix_parse(word, &prefixes->items[prefixes->count++]));
    }
}

/* With an underlay address that nobody looks at. */
static void *read_peer(const char *line)
{
    struct kn_network_state_peer *peer = KN_NEW(struct kn_network_state_peer);

    id_into(peer->network, value_of(line, "net"));
    assert_true(kn_network_mac_parse(value_of(line, "mac"), peer->mac));
    read_ips(value_of(line, "ip"), &peer->ips);
    read_pairs(value_of(line, "pair"), &peer->pairs, &peer->pair_count);
    read_announced(value_of(line, "announced"), &peer->announced, &peer->announced_count);
    kn_ip_parse("192.0.2.9", &peer->underlay);
    return peer;
}

static void *read_port(const char *line)
{
    struct kn_network_state_port *port = KN_NEW(struct kn_network_state_port);

    id_into(port->network, value_of(line, "net"));
    assert_true(kn_network_mac_parse(value_of(line, "mac"), port->mac));
    read_ips(value_of(line, "ip"), &port->ips);
    port->up = !flagged(line, "down");
    port->filtered = !flagged(line, "open");
    port->is_router = flagged(line, "router");
    port->has_groups = strstr(line, " groups=") != NULL;
    port->group_count = read_ids(value_of(line, "groups"), &port->groups);
    id_into(port->policy, value_of(line, "policy"));
    read_pairs(value_of(line, "pair"), &port->pairs, &port->pair_count);
    read_announced(value_of(line, "announced"), &port->announced, &port->announced_count);
    return port;
}

/* in:4:6:22:22:any */
static void read_rule(char *text, struct kn_network_state_rule *rule)
{
    char *rest = text;

    rule->is_ingress = strcmp(strsep(&rest, ":"), "in") == 0;
    rule->family = (uint8_t)atoi(strsep(&rest, ":"));
    rule->protocol = atoi(strsep(&rest, ":"));
    rule->first = atoi(strsep(&rest, ":"));
    rule->last = atoi(strsep(&rest, ":"));
    const char *remote = strsep(&rest, ":");

    if (strcmp(remote, "prefix") == 0) {
        rule->remote = KN_REMOTE_PREFIX;
        assert_true(kn_ip_prefix_parse(rest, &rule->prefix));
    } else if (strcmp(remote, "any") != 0) {
        rule->remote = strcmp(remote, "group") == 0 ? KN_REMOTE_GROUP : KN_REMOTE_ADDRESSES;
        id_into(rule->remote_id, rest);
    }
}

static void *read_group(const char *line)
{
    struct kn_network_state_group *group = KN_NEW(struct kn_network_state_group);
    AUTO_FREE char *rules = kn_strdup(value_of(line, "rules"));
    char *rest = rules;

    group->stateful = !flagged(line, "stateless");
    group->rules = kn_alloc((words_in(rules) + 1) * sizeof(*group->rules));
    for (char *word; (word = strsep(&rest, ",")) != NULL && *word != '\0';) {
        read_rule(word, &group->rules[group->rule_count++]);
    }
    return group;
}

static void *read_member(const char *line)
{
    struct kn_network_state_member *member = KN_NEW(struct kn_network_state_member);

    read_ips(value_of(line, "ip"), &member->ips);
    read_prefixes(value_of(line, "prefixes"), &member->prefixes);
    member->group_count = read_ids(value_of(line, "groups"), &member->groups);
    return member;
}

static void *read_addresses(const char *line)
{
    struct kn_network_state_addresses *addresses = KN_NEW(struct kn_network_state_addresses);

    read_prefixes(value_of(line, "prefixes"), &addresses->prefixes);
    return addresses;
}

static int64_t number_of(const char *line, const char *name)
{
    return strtoll(value_of(line, name), NULL, 10);
}

static void *read_policy(const char *line)
{
    struct kn_network_state_policy *policy = KN_NEW(struct kn_network_state_policy);

    policy->dscp = value_of(line, "dscp")[0] == '\0' ? -1 : (int)number_of(line, "dscp");
    policy->to_guest.max_kbps = number_of(line, "in");
    policy->from_guest.max_kbps = number_of(line, "out");
    return policy;
}

enum kn_network_kind kn_world_put(struct kn_network_state *state, const char *line, const char **ret_id,
                                  const void **ret_object)
{
    static void *(*const READ[KN_NETWORK_KINDS])(const char *) = {
        [KN_NETWORK_IS_NETWORK] = read_network, [KN_NETWORK_IS_PORT] = read_port,
        [KN_NETWORK_IS_PEER] = read_peer,       [KN_NETWORK_IS_GROUP] = read_group,
        [KN_NETWORK_IS_MEMBER] = read_member,   [KN_NETWORK_IS_ADDRESSES] = read_addresses,
        [KN_NETWORK_IS_POLICY] = read_policy,
    };
    bool is_drop = strncmp(line, "drop ", 5) == 0;
    char word[16] = "", id[16] = "";

    assert_int_equal(sscanf(line + (is_drop ? 5 : 0), "%15s %15s", word, id), 2);
    for (enum kn_network_kind kind = 0; kind < KN_NETWORK_KINDS; kind++) {
        if (strcmp(word, KINDS[kind]) != 0) {
            continue;
        }
        static char whole[KN_UUID_SIZE]; /* kn_world_id's own goes while the words are read */

        kn_copy(whole, sizeof(whole), kn_world_id(id));
        *ret_id = whole;
        *ret_object = NULL;
        if (is_drop) {
            kn_hmap_del(state->objects[kind], *ret_id);
        } else {
            char *object = READ[kind](line);

            memcpy(object, *ret_id, KN_UUID_SIZE); /* every object begins with its id */
            kn_hmap_put(state->objects[kind], *ret_id, object);
            *ret_object = object;
        }
        return kind;
    }
    fail_msg("no such object: %s", line);
    return KN_NETWORK_KINDS;
}
