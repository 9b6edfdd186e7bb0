/* SPDX-License-Identifier: Apache-2.0 */
/* subnet_plan.c: the arithmetic and the rules of subnets. Touches no rows; subnets.c does. */
#include "network/rows/subnet_plan.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/schema.h"

#define DNS_MAX 5
#define ROUTES_MAX 20
#define CIDR_SIZE 20

void kn_network_subnet_plan_release(struct kn_network_subnet_plan *plan)
{
    free(plan->pools);
    *plan = (struct kn_network_subnet_plan){ .pools = NULL };
}

static uint32_t mask_of(int prefix)
{
    return prefix == 0 ? 0 : UINT32_MAX << (32 - prefix);
}

static bool split_cidr(const char *text, uint32_t *ret_ip, int *ret_prefix)
{
    const char *slash = text == NULL ? NULL : strchr(text, '/');
    char ip[KN_IPV4_SIZE];
    char *end;

    if (slash == NULL || (size_t)(slash - text) >= sizeof(ip) || !isdigit((unsigned char)slash[1])) {
        return false;
    }
    kn_copy(ip, (size_t)(slash - text) + 1, text);
    long prefix = strtol(slash + 1, &end, 10);

    if (*end != '\0' || prefix > 32 || !kn_network_ipv4_parse(ip, ret_ip)) {
        return false;
    }
    *ret_prefix = (int)prefix;
    return true;
}

static void cidr_text(uint32_t base, int prefix, char out[CIDR_SIZE])
{
    char ip[KN_IPV4_SIZE];

    kn_network_ipv4_text(base, ip);
    AUTO_FREE char *text = kn_asprintf("%s/%d", ip, prefix);

    kn_copy(out, CIDR_SIZE, text);
}

int kn_network_subnet_plan_cidr(const char *text, uint32_t *ret_base, int *ret_prefix, struct kn_error *err)
{
    char better[CIDR_SIZE];
    uint32_t ip;
    int prefix;

    if (!split_cidr(text, &ip, &prefix)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for cidr. Reason: '%.64s' is not a valid IP subnet.", text);
    }
    if ((ip & ~mask_of(prefix)) != 0) {
        cidr_text(ip & mask_of(prefix), prefix, better);
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input for cidr. Reason: '%s' is not a recognized IP subnet cidr, '%s' is recommended.",
                       text, better);
    }
    if (prefix == 0 || ip >> 24 == 0 || ip >> 24 == 127 || ip >> 28 >= 14 || ip >> 16 == 0xa9fe) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for cidr. Reason: '%s' is not a range that servers can use.",
                       text);
    }
    *ret_base = ip;
    *ret_prefix = prefix;
    return 0;
}

static int fail_input(struct kn_error *err, const char *reason, const char *value)
{
    kn_fail(err, KN_BAD_REQUEST, "Invalid input for operation: %s %s.", reason, value);
    return kn_fail_name(err, "InvalidInput");
}

static uint32_t first_host(const struct kn_network_subnet_plan *plan)
{
    return plan->prefix >= 31 ? plan->base : plan->base + 1;
}

static uint32_t last_host(const struct kn_network_subnet_plan *plan)
{
    uint32_t last = plan->base | ~mask_of(plan->prefix);

    return plan->prefix >= 31 ? last : last - 1;
}

static bool subnet_plan_holds(const struct kn_network_subnet_plan *plan, uint32_t ip)
{
    return ip >= first_host(plan) && ip <= last_host(plan);
}

static void add_pool(struct kn_network_subnet_plan *plan, uint32_t first, uint32_t last)
{
    if (first <= last) {
        plan->pools = kn_realloc_array(plan->pools, plan->pool_count + 1, sizeof(*plan->pools));
        plan->pools[plan->pool_count++] = (struct kn_network_ipam_range){ first, last };
    }
}

/* Everything but the gateway. */
static void default_pools(struct kn_network_subnet_plan *plan)
{
    uint32_t first = first_host(plan), last = last_host(plan);

    free(plan->pools);
    plan->pools = NULL;
    plan->pool_count = 0;
    if (plan->gateway == 0 || !subnet_plan_holds(plan, plan->gateway)) {
        add_pool(plan, first, last);
        return;
    }
    if (plan->gateway > first) {
        add_pool(plan, first, plan->gateway - 1);
    }
    if (plan->gateway < last) {
        add_pool(plan, plan->gateway + 1, last);
    }
}

static void pool_text(struct kn_network_ipam_range pool, char out[40])
{
    char first[KN_IPV4_SIZE], last[KN_IPV4_SIZE];

    kn_network_ipv4_text(pool.first, first);
    kn_network_ipv4_text(pool.last, last);
    AUTO_FREE char *text = kn_asprintf("%s-%s", first, last);

    kn_copy(out, 40, text);
}

static int check_pool(const struct kn_network_subnet_plan *plan, size_t at, struct kn_error *err)
{
    struct kn_network_ipam_range pool = plan->pools[at];
    char text[40], other[40], cidr[CIDR_SIZE];

    pool_text(pool, text);
    cidr_text(plan->base, plan->prefix, cidr);
    if (!subnet_plan_holds(plan, pool.first) || !subnet_plan_holds(plan, pool.last)) {
        kn_fail(err, KN_BAD_REQUEST, "The allocation pool %s spans beyond the subnet cidr %s.", text, cidr);
        return kn_fail_name(err, "OutOfBoundsAllocationPool");
    }
    for (size_t i = 0; i < at; i++) {
        if (pool.first <= plan->pools[i].last && plan->pools[i].first <= pool.last) {
            pool_text(plan->pools[i], other);
            kn_fail(err, KN_CONFLICT, "Found overlapping allocation pools: %s %s for subnet %s.", other, text, cidr);
            return kn_fail_name(err, "OverlappingAllocationPools");
        }
    }
    if (plan->gateway >= pool.first && plan->gateway <= pool.last) {
        kn_network_ipv4_text(plan->gateway, other);
        kn_fail(err, KN_CONFLICT, "Gateway ip %s conflicts with allocation pool %s.", other, text);
        return kn_fail_name(err, "GatewayConflictWithAllocationPools");
    }
    return 0;
}

static int read_pools(const json_t *list, struct kn_network_subnet_plan *plan, struct kn_error *err)
{
    const json_t *item;
    size_t i;

    free(plan->pools);
    plan->pools = NULL;
    plan->pool_count = 0;
    json_array_foreach (list, i, item) {
        uint32_t first, last;

        if (json_object_size(item) != 2 ||
            !kn_network_ipv4_parse(json_string_value(json_object_get(item, "start")), &first) ||
            !kn_network_ipv4_parse(json_string_value(json_object_get(item, "end")), &last) || first > last) {
            AUTO_FREE char *text = json_dumps(item, JSON_ENCODE_ANY);

            kn_fail(err, KN_BAD_REQUEST, "The allocation pool %.100s is not valid.", text);
            return kn_fail_name(err, "InvalidAllocationPool");
        }
        add_pool(plan, first, last);
    }
    return 0;
}

/* As in Neutron: one outside of the subnet is its owner's affair, one inside is a host's address. */
static bool may_be_gateway(const struct kn_network_subnet_plan *plan, uint32_t ip)
{
    const bool inside = (ip & mask_of(plan->prefix)) == plan->base;

    return ip != 0 && (!inside || subnet_plan_holds(plan, ip));
}

static int read_gateway(const json_t *object, struct kn_network_subnet_plan *plan, struct kn_error *err)
{
    const char *text = kn_schema_text(object, "gateway_ip", NULL);

    plan->gateway = 0;
    if (text == NULL) {
        return 0;
    }
    if (!kn_network_ipv4_parse(text, &plan->gateway) || !may_be_gateway(plan, plan->gateway)) {
        return fail_input(err, "Gateway is not valid on subnet:", text);
    }
    return 0;
}

static int subnet_plan_check(const struct kn_network_subnet_plan *plan, struct kn_error *err)
{
    char cidr[CIDR_SIZE];

    cidr_text(plan->base, plan->prefix, cidr);
    if (plan->dhcp && plan->prefix > 30) {
        return fail_input(err, "Subnet has a prefix length that is incompatible with DHCP service enabled:", cidr);
    }
    for (size_t i = 0; i < plan->pool_count; i++) {
        if (check_pool(plan, i, err) < 0) {
            return -1;
        }
    }
    return 0;
}

int kn_network_subnet_plan_create(const json_t *object, struct kn_network_subnet_plan *ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_network_subnet_plan)
    struct kn_network_subnet_plan plan = { .dhcp = kn_schema_bool(object, "enable_dhcp", true) };
    const json_t *pools = json_object_get(object, "allocation_pools");

    if (kn_schema_int(object, "ip_version", 4) != 4) {
        return fail_input(err, "this cloud has no IPv6 subnets yet, ip_version must be 4, not", "6");
    }
    if (kn_schema_text(object, "cidr", NULL) == NULL) {
        kn_fail(err, KN_BAD_REQUEST, "Bad subnets request: a subnetpool must be specified in the absence of a cidr.");
        return kn_fail_name(err, "BadRequest");
    }
    if (kn_network_subnet_plan_cidr(kn_schema_text(object, "cidr", ""), &plan.base, &plan.prefix, err) < 0) {
        return -1;
    }
    plan.gateway = first_host(&plan);
    if (json_object_get(object, "gateway_ip") != NULL && read_gateway(object, &plan, err) < 0) {
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
        add_pool(&next, plan->pools[i].first, plan->pools[i].last);
    }
    next.dhcp = kn_schema_bool(object, "enable_dhcp", plan->dhcp);
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

static int check_dns(const json_t *list, struct kn_error *err)
{
    const json_t *item;
    size_t i;

    if (json_array_size(list) > DNS_MAX) {
        kn_fail(err, KN_BAD_REQUEST,
                "Unable to complete operation: the number of DNS nameservers exceeds the limit %d.", DNS_MAX);
        return kn_fail_name(err, "DNSNameServersExhausted");
    }
    json_array_foreach (list, i, item) {
        const char *text = json_string_value(item);
        uint32_t ip;

        if (!kn_network_ipv4_parse(text, &ip)) {
            return kn_fail(err, KN_BAD_REQUEST,
                           "Invalid input for dns_nameservers. Reason: '%.64s' is not a valid nameserver.",
                           text != NULL ? text : "null");
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(json_string_value(json_array_get(list, j)), text) == 0) {
                return kn_fail(err, KN_BAD_REQUEST,
                               "Invalid input for dns_nameservers. Reason: Duplicate nameserver '%s'.", text);
            }
        }
    }
    return 0;
}

static int check_routes(const json_t *list, struct kn_error *err)
{
    const json_t *item;
    size_t i;

    if (json_array_size(list) > ROUTES_MAX) {
        kn_fail(err, KN_BAD_REQUEST, "Unable to complete operation: the number of host routes exceeds the limit %d.",
                ROUTES_MAX);
        return kn_fail_name(err, "HostRoutesExhausted");
    }
    json_array_foreach (list, i, item) {
        uint32_t ip;
        int prefix;

        if (json_object_size(item) != 2 ||
            !split_cidr(json_string_value(json_object_get(item, "destination")), &ip, &prefix) ||
            (ip & ~mask_of(prefix)) != 0 ||
            !kn_network_ipv4_parse(json_string_value(json_object_get(item, "nexthop")), &ip)) {
            AUTO_FREE char *text = json_dumps(item, JSON_ENCODE_ANY);

            return kn_fail(err, KN_BAD_REQUEST, "Invalid input for host_routes. Reason: '%.100s' is not a valid route.",
                           text);
        }
        for (size_t j = 0; j < i; j++) {
            if (json_equal(json_array_get(list, j), item)) {
                AUTO_FREE char *text = json_dumps(item, JSON_ENCODE_ANY);

                return kn_fail(err, KN_BAD_REQUEST,
                               "Invalid input for host_routes. Reason: Duplicate hostroute '%.100s'.", text);
            }
        }
    }
    return 0;
}

int kn_network_subnet_plan_lists(const json_t *object, struct kn_error *err)
{
    if (check_dns(json_object_get(object, "dns_nameservers"), err) < 0) {
        return -1;
    }
    return check_routes(json_object_get(object, "host_routes"), err);
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
    char first[KN_IPV4_SIZE], last[KN_IPV4_SIZE];

    for (size_t i = 0; i < plan->pool_count; i++) {
        kn_network_ipv4_text(plan->pools[i].first, first);
        kn_network_ipv4_text(plan->pools[i].last, last);
        json_array_append_new(pools, json_pack("{s:s, s:s}", "start", first, "end", last));
    }
    kn_network_ipv4_text(plan->gateway, first);
    json_object_set_new(object, "allocation_pools", pools);
    json_object_set_new(object, "gateway_ip", plan->gateway != 0 ? json_string(first) : json_null());
    json_object_set_new(object, "enable_dhcp", json_boolean(plan->dhcp));
    subnet_plan_say(object, "host_routes", json_array());
    subnet_plan_say(object, "dns_nameservers", json_array());
}
