/* SPDX-License-Identifier: Apache-2.0 */
/* lists.c: the name servers, the routes and the service types that a subnet's body says, in Neutron's words. Touches no rows. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "lib/domain/limits.h"
#include "network/rows/subnets/plan.h"

#define DNS_MAX 5
#define ROUTES_MAX 20

static int list_fail_version(const char *name, const char *text, int family, struct kn_error *err)
{
    kn_fail(err, KN_BAD_REQUEST, "Invalid input for operation: %s '%s' does not match the ip_version '%d'.", name, text,
            family);
    return kn_fail_name(err, "InvalidInput");
}

static int check_server(const json_t *list, size_t at, int family, struct kn_error *err)
{
    const char *text = json_string_value(json_array_get(list, at));
    struct kn_ip ip;

    if (!kn_ip_parse(text, &ip)) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input for dns_nameservers. Reason: '%.64s' is not a valid nameserver. '%.64s' is not a "
                       "valid IP address.",
                       text != NULL ? text : "null", text != NULL ? text : "null");
    }
    for (size_t i = 0; i < at; i++) {
        if (strcmp(json_string_value(json_array_get(list, i)), text) == 0) {
            return kn_fail(err, KN_BAD_REQUEST, "Invalid input for dns_nameservers. Reason: Duplicate nameserver '%s'.",
                           text);
        }
    }
    return ip.family == family ? 0 : list_fail_version("dns_nameserver", text, family, err);
}

static int check_dns(const json_t *list, int family, struct kn_error *err)
{
    const json_t *item;
    size_t i;

    if (json_array_size(list) > DNS_MAX) {
        kn_fail(err, KN_BAD_REQUEST,
                "Unable to complete operation: the number of DNS nameservers exceeds the limit %d.", DNS_MAX);
        return kn_fail_name(err, "DNSNameServersExhausted");
    }
    json_array_foreach (list, i, item) {
        if (check_server(list, i, family, err) < 0) {
            return -1;
        }
    }
    return 0;
}

bool kn_network_is_destination(const struct kn_ip_prefix *prefix)
{
    static const struct kn_ip_prefix OWN = { .ip = { .family = 4, .bytes = { 127 } }, .length = 8 };
    static const struct kn_ip OWN6 = { .family = 6, .bytes = { [15] = 1 } };
    const struct kn_ip first = kn_ip_prefix_first(prefix);

    return kn_ip_equal(&first, &prefix->ip) && !kn_ip_equal(&first, &OWN6) &&
           (prefix->length < OWN.length || !kn_ip_prefix_holds(&OWN, &first));
}

static int check_route(const json_t *list, size_t at, int family, struct kn_error *err)
{
    const json_t *item = json_array_get(list, at);
    const char *destination = json_string_value(json_object_get(item, "destination")),
               *nexthop = json_string_value(json_object_get(item, "nexthop"));
    AUTO_FREE char *text = json_dumps(item, JSON_ENCODE_ANY);
    struct kn_ip_prefix prefix;
    struct kn_ip ip;

    if (json_object_size(item) != 2 || !kn_ip_prefix_parse(destination, &prefix) || strchr(destination, '/') == NULL ||
        !kn_network_is_destination(&prefix) || !kn_ip_parse(nexthop, &ip)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for host_routes. Reason: '%.100s' is not a valid route.",
                       text);
    }
    for (size_t i = 0; i < at; i++) {
        if (json_equal(json_array_get(list, i), item)) {
            return kn_fail(err, KN_BAD_REQUEST, "Invalid input for host_routes. Reason: Duplicate hostroute '%.100s'.",
                           text);
        }
    }
    return ip.family != family          ? list_fail_version("nexthop", nexthop, family, err)
           : prefix.ip.family != family ? list_fail_version("destination", destination, family, err)
                                        : 0;
}

static int check_routes(const json_t *list, int family, struct kn_error *err)
{
    const json_t *item;
    size_t i;

    if (json_array_size(list) > ROUTES_MAX) {
        kn_fail(err, KN_BAD_REQUEST, "Unable to complete operation: the number of host routes exceeds the limit %d.",
                ROUTES_MAX);
        return kn_fail_name(err, "HostRoutesExhausted");
    }
    json_array_foreach (list, i, item) {
        if (check_route(list, i, family, err) < 0) {
            return -1;
        }
    }
    return 0;
}

int kn_network_subnet_plan_lists(const json_t *object, int family, struct kn_error *err)
{
    return check_dns(json_object_get(object, "dns_nameservers"), family, err) < 0
               ? -1
               : check_routes(json_object_get(object, "host_routes"), family, err);
}

static int service_fail(const json_t *type, const char *name, const char *words, struct kn_error *err)
{
    AUTO_FREE char *text = json_is_string(type) ? NULL : json_dumps(type, JSON_ENCODE_ANY);

    kn_fail(err, KN_BAD_REQUEST, "Subnet service type %.100s %s.", text != NULL ? text : json_string_value(type),
            words);
    return kn_fail_name(err, name);
}

/* Neutron has no bound for one, and of "compute:" any letter at its beginning is enough (neutron-lib adds a text to its list of prefixes). */
static int check_service(const json_t *type, struct kn_error *err)
{
    const char *text = json_string_value(type);

    if (text == NULL) {
        return service_fail(type, "InvalidInputSubnetServiceType", "is not a string", err);
    }
    if (strncmp(text, "network:", 8) != 0 && strncmp(text, "neutron:", 8) != 0 &&
        (text[0] == '\0' || strchr("compute:", text[0]) == NULL)) {
        return service_fail(type, "InvalidSubnetServiceType", "does not correspond to a valid device owner", err);
    }
    return kn_limit_long(KN_LIMIT_DEVICE_OWNER, (int64_t)kn_utf8_count(text))
               ? kn_fail(err, KN_BAD_REQUEST,
                         "Invalid input for service_types. Reason: '%.100s…' exceeds maximum length of %d.", text,
                         KN_MAX_DEVICE_OWNER)
               : 0;
}

int kn_network_subnet_services(const json_t *list, struct kn_error *err)
{
    const json_t *type;
    size_t i;

    if (list == NULL || json_is_null(list)) {
        return 0;
    }
    if (!json_is_array(list)) {
        return kn_fail(err, KN_BAD_REQUEST, "Subnet service types must be a list.");
    }
    if (kn_limit_long(KN_LIMIT_SERVICE_TYPES, (int64_t)json_array_size(list))) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for service_types. Reason: more than %d service types.",
                       KN_MAX_SERVICE_TYPES);
    }
    json_array_foreach (list, i, type) {
        if (check_service(type, err) < 0) {
            return -1;
        }
    }
    return 0;
}
