/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nic.c: the host's own reading of a NIC (kn_form_nic, lib/domain/form.h). Trusts nobody: what is not a number, an address, a uuid or a label in the
 * expected place is refused here, so that the compilers behind (rules.c, dhcp.c) only ever print numbers.
 */
#include "network/host/nic.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "network/address/mac.h"

bool kn_network_is_label(const char *text)
{
    size_t len = text == NULL ? 0 : strlen(text);

    if (len == 0 || len >= KN_HOST_NAME_SIZE || text[0] == '-' || text[len - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '-') {
            return false;
        }
    }
    return true;
}

static const char *nic_text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int bad(struct kn_error *err, const char *what)
{
    return kn_fail(err, KN_BAD_REQUEST, "nic has no valid \"%s\"", what);
}

static int read_uuid(const json_t *json, const char *key, char out[KN_UUID_SIZE], struct kn_error *err)
{
    const char *text = nic_text_of(json, key);

    if (!kn_uuid_valid(text)) {
        return bad(err, key);
    }
    kn_copy(out, KN_UUID_SIZE, text);
    return 0;
}

static int read_int(const json_t *json, const char *key, int min, int max, int *ret, struct kn_error *err)
{
    const json_t *value = json_object_get(json, key);

    if (!json_is_integer(value) || json_integer_value(value) < min || json_integer_value(value) > max) {
        return bad(err, key);
    }
    *ret = (int)json_integer_value(value);
    return 0;
}

/* "10.0.0.0/8" */
static bool read_prefix(const char *text, uint32_t *ret_ip, int *ret_prefix)
{
    char ip[KN_IPV4_SIZE];
    const char *slash = text == NULL ? NULL : strchr(text, '/');
    char *end;

    if (slash == NULL || (size_t)(slash - text) >= sizeof(ip) || !isdigit((unsigned char)slash[1])) {
        return false;
    }
    kn_copy(ip, (size_t)(slash - text) + 1, text);
    long prefix = strtol(slash + 1, &end, 10);

    *ret_prefix = (int)prefix;
    return *end == '\0' && prefix >= 0 && prefix <= 32 && kn_network_ipv4_parse(ip, ret_ip);
}

static int read_dns(const json_t *json, struct kn_network_host_address *address, struct kn_error *err)
{
    const json_t *list = json_object_get(json, "dns"), *item;
    size_t i;

    json_array_foreach (list, i, item) {
        if (i == KN_HOST_LIST_MAX || !kn_network_ipv4_parse(json_string_value(item), &address->dns[i])) {
            return bad(err, "dns");
        }
    }
    address->dns_count = json_array_size(list);
    return 0;
}

static int read_routes(const json_t *json, struct kn_network_host_address *address, struct kn_error *err)
{
    const json_t *list = json_object_get(json, "routes"), *item;
    size_t i;

    json_array_foreach (list, i, item) {
        struct kn_network_host_route route;

        if (i == KN_HOST_LIST_MAX ||
            !read_prefix(nic_text_of(item, "destination"), &route.destination, &route.prefix) ||
            !kn_network_ipv4_parse(nic_text_of(item, "nexthop"), &route.nexthop)) {
            return bad(err, "routes");
        }
        address->routes[i] = route;
    }
    address->route_count = json_array_size(list);
    return 0;
}

static int read_address(const json_t *json, struct kn_network_host_address *address, struct kn_error *err)
{
    const char *gateway = nic_text_of(json, "gateway");

    if (!kn_network_ipv4_parse(nic_text_of(json, "address"), &address->ip) || address->ip == 0) {
        return bad(err, "address");
    }
    if (gateway != NULL && !kn_network_ipv4_parse(gateway, &address->gateway)) {
        return bad(err, "gateway");
    }
    address->dhcp = json_is_true(json_object_get(json, "dhcp"));
    if (read_int(json, "prefix", 0, 32, &address->prefix, err) < 0 ||
        read_uuid(json, "subnet", address->subnet, err) < 0 || read_dns(json, address, err) < 0) {
        return -1;
    }
    return read_routes(json, address, err);
}

static int read_addresses(const json_t *json, struct kn_network_host_nic *nic, struct kn_error *err)
{
    const json_t *list = json_object_get(json, "ips"), *item;
    size_t i;

    nic->addresses = kn_alloc((json_array_size(list) + 1) * sizeof(*nic->addresses));
    json_array_foreach (list, i, item) {
        if (read_address(item, &nic->addresses[i], err) < 0) {
            return -1;
        }
    }
    nic->address_count = json_array_size(list);
    return 0;
}

static int read_dhcp(const json_t *json, struct kn_network_host_nic *nic, struct kn_error *err)
{
    const char *ip = nic_text_of(json, "dhcp_ip");

    if (ip == NULL) {
        return 0;
    }
    if (!kn_network_ipv4_parse(ip, &nic->dhcp_ip)) {
        return bad(err, "dhcp_ip");
    }
    return kn_network_mac_parse(nic_text_of(json, "dhcp_mac"), nic->dhcp_mac) ? 0 : bad(err, "dhcp_mac");
}

static int read_nic(const json_t *json, struct kn_network_host_nic *nic, struct kn_error *err)
{
    const char *tap = nic_text_of(json, "tap");
    char expected[KN_HOST_IFNAME];

    if (read_uuid(json, "port", nic->port, err) < 0 || read_uuid(json, "network", nic->network, err) < 0) {
        return -1;
    }
    snprintf(expected, sizeof(expected), "tap%.11s", nic->port);
    if (tap == NULL || strcmp(tap, expected) != 0) {
        return bad(err, "tap");
    }
    kn_copy(nic->tap, sizeof(nic->tap), tap);
    if (!kn_network_mac_parse(nic_text_of(json, "mac"), nic->mac)) {
        return bad(err, "mac");
    }
    if (read_int(json, "vni", 1, 0xffffff, &nic->vni, err) < 0 ||
        read_int(json, "mtu", 68, 65535, &nic->mtu, err) < 0 || read_dhcp(json, nic, err) < 0) {
        return -1;
    }
    return read_addresses(json, nic, err);
}

int kn_network_host_nic_parse(const char *server, const char *hostname, const json_t *json,
                              struct kn_network_host_nic **ret, struct kn_error *err)
{
    struct kn_network_host_nic *nic = KN_NEW(struct kn_network_host_nic);

    if (!kn_uuid_valid(server) ? bad(err, "server") < 0 : read_nic(json, nic, err) < 0) {
        kn_network_host_nic_free(nic);
        return -1;
    }
    kn_copy(nic->server, sizeof(nic->server), server);
    if (kn_network_is_label(hostname)) {
        kn_copy(nic->hostname, sizeof(nic->hostname), hostname);
    }
    nic->json = json_deep_copy(json);
    *ret = nic;
    return 0;
}

void kn_network_host_nic_free(struct kn_network_host_nic *nic)
{
    if (nic == NULL) {
        return;
    }
    json_decref(nic->json);
    free(nic->addresses);
    free(nic);
}

const struct kn_network_host_address *kn_network_host_nic_served(const struct kn_network_host_nic *nic)
{
    for (size_t i = 0; i < nic->address_count; i++) {
        if (nic->addresses[i].dhcp && nic->dhcp_ip != 0) {
            return &nic->addresses[i];
        }
    }
    return NULL;
}

bool kn_network_host_nic_equal(const struct kn_network_host_nic *a, const struct kn_network_host_nic *b)
{
    return strcmp(a->server, b->server) == 0 && strcmp(a->hostname, b->hostname) == 0 && json_equal(a->json, b->json);
}
