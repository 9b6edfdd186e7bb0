/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c: the arithmetic and the rules of subnets. Touches no rows; subnets.c does. What lists may hold is lists.c's. */
#include "network/rows/subnets/plan.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/schema.h"

#define RANGE_SIZE (2 * KN_IP_SIZE)

static const char *const MODES[] = {
    [KN_MODE_NONE] = "",
    [KN_MODE_SLAAC] = "slaac",
    [KN_MODE_STATELESS] = "dhcpv6-stateless",
    [KN_MODE_STATEFUL] = "dhcpv6-stateful",
};
_Static_assert(KN_COUNT(MODES) == KN_MODE_STATEFUL + 1, "a word for each mode");

enum kn_network_mode kn_network_mode_of(const char *text)
{
    enum kn_network_mode mode = KN_MODE_STATEFUL;

    while (mode != KN_MODE_NONE && (text == NULL || strcmp(text, MODES[mode]) != 0)) {
        mode--;
    }
    return mode;
}

void kn_network_subnet_plan_release(struct kn_network_subnet_plan *plan)
{
    free(plan->pools);
    *plan = (struct kn_network_subnet_plan){ .pools = NULL };
}

static bool makes_own(enum kn_network_mode mode)
{
    return mode == KN_MODE_SLAAC || mode == KN_MODE_STATELESS;
}

bool kn_network_subnet_plan_is_auto(const struct kn_network_subnet_plan *plan)
{
    return makes_own(plan->ra_mode) || makes_own(plan->address_mode);
}

static int fail_input(struct kn_error *err, const char *words)
{
    kn_fail(err, KN_BAD_REQUEST, "Invalid input for operation: %s.", words);
    return kn_fail_name(err, "InvalidInput");
}

/* What no guest can use, whoever serves it. */
static bool is_useless(const struct kn_ip *ip)
{
    static const char *const RANGES[] = { "0.0.0.0/8", "127.0.0.0/8",   "224.0.0.0/3", "169.254.0.0/16",
                                          "::/96",     "::ffff:0:0/96", "fe80::/10",   "ff00::/8" };

    for (size_t i = 0; i < KN_COUNT(RANGES); i++) {
        struct kn_ip_prefix range;

        if (kn_ip_prefix_parse(RANGES[i], &range) && kn_ip_prefix_holds(&range, ip)) {
            return true;
        }
    }
    return false;
}

int kn_network_subnet_plan_cidr(const char *text, struct kn_ip_prefix *ret_cidr, struct kn_error *err)
{
    struct kn_ip_prefix cidr;
    char better[KN_IP_PREFIX_SIZE];

    if (!kn_ip_prefix_parse(text, &cidr)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for cidr. Reason: '%.64s' is not a valid IP subnet.", text);
    }
    if (strchr(text, '/') == NULL) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input for cidr. Reason: '%s' isn't a recognized IP subnet cidr, '%s' is recommended.",
                       text, kn_ip_prefix_text(&cidr, better));
    }
    if (cidr.length == 0) {
        return fail_input(err, "0 is not allowed as CIDR prefix length");
    }
    cidr.ip = kn_ip_prefix_first(&cidr);
    if (is_useless(&cidr.ip)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for cidr. Reason: '%s' is not a range that servers can use.",
                       text);
    }
    *ret_cidr = cidr;
    return 0;
}

/* --- hosts' addresses ----------------------------------------------------------------------------------------------------- */

/* The last one that the family has before it. */
static struct kn_ip ip_before(const struct kn_ip *ip)
{
    struct kn_ip before = *ip;
    int i = kn_ip_bits(ip) / 8 - 1;

    while (i > 0 && before.bytes[i] == 0) {
        before.bytes[i--] = 0xff;
    }
    before.bytes[i]--;
    return before;
}

static struct kn_ip ip_behind(const struct kn_ip *ip)
{
    struct kn_ip behind = *ip;

    kn_ip_add(ip, 1, &behind);
    return behind;
}

/* Of IPv4 a range of two has two hosts, and of IPv6 the first address is the routers' (RFC 4291, 2.6.1). */
static bool has_edges(const struct kn_ip_prefix *cidr)
{
    return cidr->length < (cidr->ip.family == 4 ? 31 : 128);
}

static struct kn_ip first_host(const struct kn_network_subnet_plan *plan)
{
    const struct kn_ip first = kn_ip_prefix_first(&plan->cidr);

    return has_edges(&plan->cidr) ? ip_behind(&first) : first;
}

static struct kn_ip last_host(const struct kn_network_subnet_plan *plan)
{
    const struct kn_ip last = kn_ip_prefix_last(&plan->cidr);

    return has_edges(&plan->cidr) && last.family == 4 ? ip_before(&last) : last;
}

static bool is_between(const struct kn_ip *ip, const struct kn_ip *first, const struct kn_ip *last)
{
    return ip->family == first->family && kn_ip_compare(ip, first) >= 0 && kn_ip_compare(ip, last) <= 0;
}

static bool subnet_plan_holds(const struct kn_network_subnet_plan *plan, const struct kn_ip *ip)
{
    const struct kn_ip first = first_host(plan), last = last_host(plan);

    return is_between(ip, &first, &last);
}

/* --- pools ---------------------------------------------------------------------------------------------------------------- */

static void add_pool(struct kn_network_subnet_plan *plan, const struct kn_ip *first, const struct kn_ip *last)
{
    if (kn_ip_compare(first, last) <= 0) {
        plan->pools = kn_realloc_array(plan->pools, plan->pool_count + 1, sizeof(*plan->pools));
        plan->pools[plan->pool_count++] = (struct kn_network_ipam_range){ *first, *last };
    }
}

static void no_pools(struct kn_network_subnet_plan *plan)
{
    free(plan->pools);
    plan->pools = NULL;
    plan->pool_count = 0;
}

/* Everything but the gateway. */
static void default_pools(struct kn_network_subnet_plan *plan)
{
    const struct kn_ip first = first_host(plan), last = last_host(plan);

    no_pools(plan);
    if (!subnet_plan_holds(plan, &plan->gateway)) {
        add_pool(plan, &first, &last);
        return;
    }
    if (kn_ip_compare(&plan->gateway, &first) > 0) {
        const struct kn_ip before = ip_before(&plan->gateway);

        add_pool(plan, &first, &before);
    }
    if (kn_ip_compare(&plan->gateway, &last) < 0) {
        const struct kn_ip behind = ip_behind(&plan->gateway);

        add_pool(plan, &behind, &last);
    }
}

static void pool_text(const struct kn_network_ipam_range *pool, char out[RANGE_SIZE])
{
    char first[KN_IP_SIZE], last[KN_IP_SIZE];
    AUTO_FREE char *text = kn_asprintf("%s-%s", kn_ip_text(&pool->first, first), kn_ip_text(&pool->last, last));

    kn_copy(out, RANGE_SIZE, text);
}

static int check_pool(const struct kn_network_subnet_plan *plan, size_t at, struct kn_error *err)
{
    const struct kn_network_ipam_range *pool = &plan->pools[at];
    char text[RANGE_SIZE], other[RANGE_SIZE], cidr[KN_IP_PREFIX_SIZE];

    pool_text(pool, text);
    kn_ip_prefix_text(&plan->cidr, cidr);
    if (pool->first.family != plan->cidr.ip.family) {
        kn_fail(err, KN_BAD_REQUEST, "The allocation pool %s is not valid.", text);
        return kn_fail_name(err, "InvalidAllocationPool");
    }
    if (!subnet_plan_holds(plan, &pool->first) || !subnet_plan_holds(plan, &pool->last)) {
        kn_fail(err, KN_BAD_REQUEST, "The allocation pool %s spans beyond the subnet cidr %s.", text, cidr);
        return kn_fail_name(err, "OutOfBoundsAllocationPool");
    }
    for (size_t i = 0; i < at; i++) {
        if (kn_ip_compare(&pool->first, &plan->pools[i].last) <= 0 &&
            kn_ip_compare(&plan->pools[i].first, &pool->last) <= 0) {
            pool_text(&plan->pools[i], other);
            kn_fail(err, KN_CONFLICT, "Found overlapping allocation pools: %s %s for subnet %s.", other, text, cidr);
            return kn_fail_name(err, "OverlappingAllocationPools");
        }
    }
    if (is_between(&plan->gateway, &pool->first, &pool->last)) {
        kn_fail(err, KN_CONFLICT, "Gateway ip %s conflicts with allocation pool %s.", kn_ip_text(&plan->gateway, other),
                text);
        return kn_fail_name(err, "GatewayConflictWithAllocationPools");
    }
    return 0;
}

static int read_pools(const json_t *list, struct kn_network_subnet_plan *plan, struct kn_error *err)
{
    const json_t *item;
    size_t i;

    no_pools(plan);
    json_array_foreach (list, i, item) {
        struct kn_ip first, last;

        if (json_object_size(item) != 2 || !kn_ip_parse(json_string_value(json_object_get(item, "start")), &first) ||
            !kn_ip_parse(json_string_value(json_object_get(item, "end")), &last) || first.family != last.family ||
            kn_ip_compare(&first, &last) > 0) {
            AUTO_FREE char *text = json_dumps(item, JSON_ENCODE_ANY);

            kn_fail(err, KN_BAD_REQUEST, "The allocation pool %.100s is not valid.", text);
            return kn_fail_name(err, "InvalidAllocationPool");
        }
        add_pool(plan, &first, &last);
    }
    return 0;
}

/* --- the rest ------------------------------------------------------------------------------------------------------------- */

static int check_version(const struct kn_network_subnet_plan *plan, const char *name, const char *text, int family,
                         struct kn_error *err)
{
    if (family == plan->cidr.ip.family) {
        return 0;
    }
    AUTO_FREE char *words = kn_asprintf("%s '%s' does not match the ip_version '%d'", name, text,
                                        (int)plan->cidr.ip.family);

    return fail_input(err, words);
}

/* As in Neutron: one outside of the subnet is its owner's affair, one inside is a host's address; of IPv6 the routers' one, too. */
static bool may_be_gateway(const struct kn_network_subnet_plan *plan, const struct kn_ip *ip)
{
    return !kn_ip_prefix_holds(&plan->cidr, ip) || subnet_plan_holds(plan, ip) || ip->family == 6;
}

static int read_gateway(const json_t *object, struct kn_network_subnet_plan *plan, struct kn_error *err)
{
    const char *text = kn_schema_text(object, "gateway_ip", NULL);

    plan->gateway = KN_IP_NONE;
    if (text == NULL) {
        return 0;
    }
    if (!kn_ip_parse(text, &plan->gateway)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for gateway_ip. Reason: '%.64s' is not a valid IP address.",
                       text);
    }
    if (check_version(plan, "gateway_ip", text, plan->gateway.family, err) < 0) {
        return -1;
    }
    return may_be_gateway(plan, &plan->gateway) ? 0 : fail_input(err, "Gateway is not valid on subnet");
}

static int check_modes(const json_t *object, const struct kn_network_subnet_plan *plan, struct kn_error *err)
{
    const bool ra = plan->ra_mode != KN_MODE_NONE, address = plan->address_mode != KN_MODE_NONE;
    AUTO_FREE char *words = NULL;
    char cidr[KN_IP_PREFIX_SIZE];

    if (plan->cidr.ip.family == 4) {
        return ra        ? fail_input(err, "ipv6_ra_mode is not valid when ip_version is 4")
               : address ? fail_input(err, "ipv6_address_mode is not valid when ip_version is 4")
                         : 0;
    }
    if ((ra || address) && !plan->dhcp) {
        return fail_input(err, "ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False");
    }
    if (ra && address && plan->ra_mode != plan->address_mode) {
        words = kn_asprintf("ipv6_ra_mode set to '%s' with ipv6_address_mode set to '%s' is not valid. If both "
                            "attributes are set, they must be the same value",
                            kn_schema_text(object, "ipv6_ra_mode", ""),
                            kn_schema_text(object, "ipv6_address_mode", ""));
        return fail_input(err, words);
    }
    if (kn_network_subnet_plan_is_auto(plan) && plan->cidr.length != 64) {
        words = kn_asprintf("Invalid CIDR %s for IPv6 address mode. OpenStack uses the EUI-64 address format, which "
                            "requires the prefix to be /64",
                            kn_ip_prefix_text(&plan->cidr, cidr));
        return fail_input(err, words);
    }
    if ((ra || address) &&
        plan->cidr.length < 64) { /* Neutron takes it, and nobody gets an address: dnsmasq knows no such range */
        words = kn_asprintf("Invalid CIDR %s for IPv6 address mode. DHCPv6 serves prefixes of 64 bits and more here",
                            kn_ip_prefix_text(&plan->cidr, cidr));
        return fail_input(err, words);
    }
    return 0;
}

static int subnet_plan_check(const struct kn_network_subnet_plan *plan, struct kn_error *err)
{
    if (plan->dhcp && plan->cidr.length > (plan->cidr.ip.family == 4 ? 30 : 126)) {
        return fail_input(err, "Subnet has a prefix length that is incompatible with DHCP service enabled");
    }
    for (size_t i = 0; i < plan->pool_count; i++) {
        if (check_pool(plan, i, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int read_range(const json_t *object, struct kn_network_subnet_plan *plan, struct kn_error *err)
{
    const char *text = kn_schema_text(object, "cidr", NULL);
    const int64_t version = kn_schema_int(object, "ip_version", 4);

    if (version != 4 && version != 6) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for ip_version. Reason: %lld is not in [4, 6].",
                       (long long)version);
    }
    if (text == NULL) {
        kn_fail(err, KN_BAD_REQUEST, "Bad subnets request: a subnetpool must be specified in the absence of a cidr.");
        return kn_fail_name(err, "BadRequest");
    }
    if (kn_network_subnet_plan_cidr(text, &plan->cidr, err) < 0) {
        return -1;
    }
    if (plan->cidr.ip.family != version) {
        AUTO_FREE char *words = kn_asprintf("cidr '%s' does not match the ip_version '%d'", text, (int)version);

        return fail_input(err, words);
    }
    return 0;
}

int kn_network_subnet_plan_create(const json_t *object, struct kn_network_subnet_plan *ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_network_subnet_plan)
    struct kn_network_subnet_plan plan = {
        .dhcp = kn_schema_bool(object, "enable_dhcp", true),
        .ra_mode = kn_network_mode_of(kn_schema_text(object, "ipv6_ra_mode", NULL)),
        .address_mode = kn_network_mode_of(kn_schema_text(object, "ipv6_address_mode", NULL)),
    };
    const json_t *pools = json_object_get(object, "allocation_pools");

    if (read_range(object, &plan, err) < 0) {
        return -1;
    }
    plan.gateway = first_host(&plan);
    if ((json_object_get(object, "gateway_ip") != NULL && read_gateway(object, &plan, err) < 0) ||
        check_modes(object, &plan, err) < 0) {
        return -1;
    }
    default_pools(&plan);
    if ((json_is_array(pools) && read_pools(pools, &plan, err) < 0) || subnet_plan_check(&plan, err) < 0) {
        return -1;
    }
    *ret = plan;
    plan.pools = NULL;
    return 0;
}

int kn_network_subnet_plan_update(const json_t *object, struct kn_network_subnet_plan *plan, struct kn_error *err)
{
    AUTO_RELEASE(kn_network_subnet_plan) struct kn_network_subnet_plan next = *plan;
    const json_t *pools = json_object_get(object, "allocation_pools");

    next.pools = NULL;
    next.pool_count = 0;
    for (size_t i = 0; i < plan->pool_count; i++) {
        add_pool(&next, &plan->pools[i].first, &plan->pools[i].last);
    }
    next.dhcp = kn_schema_bool(object, "enable_dhcp", plan->dhcp);
    if (!next.dhcp && (plan->ra_mode != KN_MODE_NONE || plan->address_mode != KN_MODE_NONE)) {
        return fail_input(err, "Cannot disable enable_dhcp with ipv6 attributes set");
    }
    if (json_object_get(object, "gateway_ip") != NULL && read_gateway(object, &next, err) < 0) {
        return -1;
    }
    if ((json_is_array(pools) && read_pools(pools, &next, err) < 0) || subnet_plan_check(&next, err) < 0) {
        return -1;
    }
    free(plan->pools);
    *plan = next;
    next.pools = NULL;
    return 0;
}

static void subnet_plan_say(json_t *object, const char *name, json_t *empty)
{
    if (json_is_null(json_object_get(object, name))) {
        json_object_set(object, name, empty);
    }
    json_decref(empty);
}

void kn_network_subnet_plan_say(const struct kn_network_subnet_plan *plan, json_t *object)
{
    json_t *pools = json_array();
    char first[KN_IP_SIZE], last[KN_IP_SIZE], cidr[KN_IP_PREFIX_SIZE];

    for (size_t i = 0; i < plan->pool_count; i++) {
        json_array_append_new(pools, json_pack("{s:s, s:s}", "start", kn_ip_text(&plan->pools[i].first, first), "end",
                                               kn_ip_text(&plan->pools[i].last, last)));
    }
    if (json_object_get(object, "cidr") != NULL) {
        json_object_set_new(object, "cidr", json_string(kn_ip_prefix_text(&plan->cidr, cidr)));
    }
    json_object_set_new(object, "allocation_pools", pools);
    json_object_set_new(object, "gateway_ip",
                        plan->gateway.family != 0 ? json_string(kn_ip_text(&plan->gateway, first)) : json_null());
    json_object_set_new(object, "enable_dhcp", json_boolean(plan->dhcp));
    subnet_plan_say(object, "host_routes", json_array());
    subnet_plan_say(object, "dns_nameservers", json_array());
}
