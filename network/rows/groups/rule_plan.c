/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_plan.c: the checks of a rule in the order that Neutron has them (neutron/db/securitygroups_db.py), so that of two mistakes the same one is told.
 * It sees one rule; what there is beside it, and who may say it, is rules.c's.
 */
#include "network/rows/groups/rule_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/cleanup.h"
#include "lib/base/ip.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "lib/domain/schema.h"

#define PORT_LAST 65535
#define ICMP 1
#define ICMP6 58

/* Neutron's names, in its order, which clients are told. "ip" is whatever there is, "hopopt" the number 0 itself. */
static const struct {
    const char *name;
    int number;
    bool has_ports; /* and a range of them means something */
    bool is_v6;     /* only IPv6 has it */
} PROTOCOLS[] = {
    { "ah", 51, false, false },          { "dccp", 33, true, false },       { "egp", 8, false, false },
    { "esp", 50, false, false },         { "gre", 47, false, false },       { "hopopt", 0, false, false },
    { "icmp", ICMP, false, false },      { "igmp", 2, false, false },       { "ip", 0, false, false },
    { "ipip", 4, false, false },         { "ipv6-encap", 41, false, true }, { "ipv6-frag", 44, false, true },
    { "ipv6-icmp", ICMP6, false, true }, { "icmpv6", ICMP6, false, true },  { "ipv6-nonxt", 59, false, true },
    { "ipv6-opts", 60, false, true },    { "ipv6-route", 43, false, true }, { "ospf", 89, false, false },
    { "pgm", 113, false, false },        { "rsvp", 46, false, false },      { "sctp", 132, true, false },
    { "tcp", 6, true, false },           { "udp", 17, true, false },        { "udplite", 136, true, false },
    { "vrrp", 112, false, false },
};

static int rule_fail(struct kn_error *err, const char *type)
{
    return kn_fail_name(err, type);
}

/* --- protocols ---------------------------------------------------------------------------------------------------- */

/* 0 to 255, in digits alone; -1: none of them. */
static int rule_digits(const char *text)
{
    const size_t len = strlen(text);
    const long number = len > 0 && len <= 3 && strspn(text, "0123456789") == len ? strtol(text, NULL, 10) : -1;

    return number <= 255 ? (int)number : -1;
}

static size_t rule_find(const char *name)
{
    size_t i = 0;

    while (i < KN_COUNT(PROTOCOLS) && strcasecmp(PROTOCOLS[i].name, name) != 0) {
        i++;
    }
    return i;
}

int kn_network_rule_number(const char *protocol)
{
    const size_t at = protocol != NULL ? rule_find(protocol) : KN_COUNT(PROTOCOLS);

    if (protocol == NULL || strcmp(protocol, "ip") == 0) {
        return -1;
    }
    return at < KN_COUNT(PROTOCOLS) ? PROTOCOLS[at].number : rule_digits(protocol);
}

static int fail_protocol(const char *said, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf known = KN_STRBUF_INIT;

    for (size_t i = 0; i < KN_COUNT(PROTOCOLS); i++) {
        kn_strbuf_addf(&known, ", '%s'", PROTOCOLS[i].name);
    }
    kn_fail(err, KN_BAD_REQUEST,
            "Security group rule protocol %.64s not supported. Only protocol values [None%s] and integer "
            "representations [0 to 255] are supported.",
            said, known.buf);
    return rule_fail(err, "SecurityGroupRuleInvalidProtocol");
}

/* As text, whatever it was said as: "tcp", "6", 6. */
static int plan_protocol(json_t *object, struct kn_error *err)
{
    const json_t *said = json_object_get(object, "protocol");
    char text[24];

    if (said == NULL || json_is_null(said)) {
        json_object_set_new(object, "protocol", json_null());
        return 0;
    }
    if (json_is_integer(said)) {
        snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(said));
    } else if (json_is_string(said)) {
        kn_copy(text, sizeof(text), json_string_value(said));
    } else {
        return fail_protocol("of this type is", err);
    }
    const size_t at = rule_find(text);

    if (at == KN_COUNT(PROTOCOLS) && rule_digits(text) < 0) {
        return fail_protocol(json_is_string(said) ? json_string_value(said) : text, err);
    }
    json_object_set_new(object, "protocol", json_string(at < KN_COUNT(PROTOCOLS) ? PROTOCOLS[at].name : text));
    return 0;
}

static int plan_ethertype(json_t *object, struct kn_error *err)
{
    static const char *const KNOWN[] = { "IPv4", "IPv6" };
    const json_t *said = json_object_get(object, "ethertype");
    const char *text = said == NULL ? KNOWN[0] : json_string_value(said);

    for (size_t i = 0; i < KN_COUNT(KNOWN); i++) {
        if (text != NULL && strcasecmp(text, KNOWN[i]) == 0) {
            json_object_set_new(object, "ethertype", json_string(KNOWN[i]));
            return 0;
        }
    }
    kn_fail(err, KN_BAD_REQUEST,
            "Security group rule for ethertype '%.64s' not supported. Allowed values are ['IPv4', 'IPv6'].",
            text != NULL ? text : "None");
    return rule_fail(err, "SecurityGroupRuleInvalidEtherType");
}

static bool is_v6(const json_t *object)
{
    return strcmp(kn_schema_text(object, "ethertype", ""), "IPv6") == 0;
}

/* IPv6's ICMP has had other names. */
static void settle_icmp6(json_t *object)
{
    const char *protocol = kn_schema_text(object, "protocol", "");

    if (!is_v6(object)) {
        return;
    }
    if (strcmp(protocol, "icmp") == 0 || strcmp(protocol, "icmpv6") == 0) {
        json_object_set_new(object, "protocol", json_string("ipv6-icmp"));
    } else if (strcmp(protocol, "1") == 0) {
        json_object_set_new(object, "protocol", json_string("58"));
    }
}

/* --- ranges ------------------------------------------------------------------------------------------------------- */

static int fail_port(const char *said, struct kn_error *err)
{
    kn_fail(err, KN_BAD_REQUEST, "Invalid value for port %.64s", said);
    return rule_fail(err, "SecurityGroupInvalidPortValue");
}

static int rule_plan_port(json_t *object, const char *name, struct kn_error *err)
{
    const json_t *said = json_object_get(object, name);
    AUTO_FREE char *text = json_is_string(said) ? kn_strdup(json_string_value(said))
                                                : json_dumps(said, JSON_ENCODE_ANY);
    long number;

    if (said == NULL || json_is_null(said)) {
        json_object_set_new(object, name, json_null());
        return 0;
    }
    if (text == NULL || (!json_is_string(said) && !json_is_integer(said)) || text[0] == '\0' || strlen(text) > 5 ||
        strspn(text, "0123456789") != strlen(text) || (number = strtol(text, NULL, 10)) > PORT_LAST) {
        return fail_port(text != NULL ? text : "", err);
    }
    json_object_set_new(object, name, json_integer(number));
    return 0;
}

/* -1: none */
static int port_of(const json_t *object, const char *name)
{
    return (int)kn_schema_int(object, name, -1);
}

static int check_ports(int first, int last, struct kn_error *err)
{
    if (first == 0 || last == 0) {
        return fail_port("0", err);
    }
    if (first < 0 || last < 0 || first > last) {
        kn_fail(err, KN_BAD_REQUEST, "For TCP/UDP protocols, port_range_min must be <= port_range_max");
        return rule_fail(err, "SecurityGroupInvalidPortRange");
    }
    return 0;
}

static int check_icmp(int type, int code, struct kn_error *err)
{
    if (type > 255 || code > 255) {
        kn_fail(err, KN_BAD_REQUEST, "Invalid value for ICMP %s (%s) %d. It must be 0 to 255.",
                type > 255 ? "type" : "code", type > 255 ? "port_range_min" : "port_range_max",
                type > 255 ? type : code);
        return rule_fail(err, "SecurityGroupInvalidIcmpValue");
    }
    if (type < 0) {
        kn_fail(err, KN_BAD_REQUEST,
                "ICMP code (port-range-max) %d is provided but ICMP type (port-range-min) is missing.", code);
        return rule_fail(err, "SecurityGroupMissingIcmpType");
    }
    return 0;
}

static bool protocol_has_ports(int number)
{
    for (size_t i = 0; i < KN_COUNT(PROTOCOLS); i++) {
        if (PROTOCOLS[i].number == number && PROTOCOLS[i].has_ports) {
            return true;
        }
    }
    return false;
}

static int check_range(json_t *object, struct kn_error *err)
{
    const char *protocol = kn_schema_text(object, "protocol", NULL);
    const int number = kn_network_rule_number(protocol);
    int first = port_of(object, "port_range_min"), last = port_of(object, "port_range_max");

    if (first == 1 && last == PORT_LAST) { /* all of them: no range */
        json_object_set_new(object, "port_range_min", json_null());
        json_object_set_new(object, "port_range_max", json_null());
        first = last = -1;
    }
    if (first < 0 && last < 0) {
        return 0;
    }
    if (protocol == NULL) {
        kn_fail(err, KN_BAD_REQUEST, "Must also specify protocol if port range is given.");
        return rule_fail(err, "SecurityGroupProtocolRequiredWithPorts");
    }
    if (protocol_has_ports(number)) {
        return check_ports(first, last, err);
    }
    if (number == ICMP || number == ICMP6) {
        return check_icmp(first, last, err);
    }
    kn_fail(err, KN_BAD_REQUEST,
            "Ports cannot be specified for protocol %d. Ports are only supported for DCCP, SCTP, TCP, UDP, UDPLITE.",
            number < 0 ? 0 : number);
    return rule_fail(err, "SecurityGroupInvalidProtocolForPort");
}

/* --- remotes ------------------------------------------------------------------------------------------------------ */

bool kn_network_rule_prefix(const char *text, char out[KN_IP_PREFIX_SIZE])
{
    struct kn_ip_prefix prefix;

    if (text == NULL || !kn_ip_prefix_parse(text, &prefix)) {
        return false;
    }
    kn_ip_prefix_text(&prefix, out);
    return true;
}

static int plan_prefix(json_t *object, struct kn_error *err)
{
    const json_t *said = json_object_get(object, "remote_ip_prefix");
    char text[KN_IP_PREFIX_SIZE];

    if (said == NULL || json_is_null(said) || (json_is_string(said) && json_string_length(said) == 0)) {
        json_object_set_new(object, "remote_ip_prefix", json_null());
        return 0;
    }
    if (!kn_network_rule_prefix(json_string_value(said), text)) {
        AUTO_FREE char *shown = json_is_string(said) ? kn_strdup(json_string_value(said))
                                                     : json_dumps(said, JSON_ENCODE_ANY);

        kn_fail(err, KN_BAD_REQUEST, "Invalid CIDR %.64s given as IP prefix.", shown != NULL ? shown : "");
        return rule_fail(err, "InvalidCIDR");
    }
    json_object_set_new(object, "remote_ip_prefix", json_string(text));
    return 0;
}

static int check_prefix(const json_t *object, struct kn_error *err)
{
    const char *prefix = kn_schema_text(object, "remote_ip_prefix", NULL);

    if (prefix != NULL && (strchr(prefix, ':') != NULL) != is_v6(object)) {
        kn_fail(err, KN_BAD_REQUEST, "Conflicting value ethertype %s for CIDR %s", is_v6(object) ? "IPv6" : "IPv4",
                prefix);
        return rule_fail(err, "SecurityGroupRuleParameterConflict");
    }
    return 0;
}

static int check_ethertype(const json_t *object, struct kn_error *err)
{
    const char *protocol = kn_schema_text(object, "protocol", NULL);
    const int number = kn_network_rule_number(protocol);

    for (size_t i = 0; !is_v6(object) && i < KN_COUNT(PROTOCOLS); i++) {
        if (PROTOCOLS[i].number == number && PROTOCOLS[i].is_v6) {
            kn_fail(err, KN_BAD_REQUEST, "Invalid ethertype IPv4 for protocol %s.", protocol);
            return rule_fail(err, "SecurityGroupEthertypeConflictWithProtocol");
        }
    }
    return 0;
}

static int check_remotes(const json_t *object, struct kn_error *err)
{
    static const char *const REMOTES[] = { "remote_ip_prefix", "remote_group_id", "remote_address_group_id" };
    int said = 0;

    for (size_t i = 0; i < KN_COUNT(REMOTES); i++) {
        said += kn_schema_text(object, REMOTES[i], "")[0] != '\0';
    }
    if (said > 1) {
        kn_fail(err, KN_BAD_REQUEST,
                "Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.");
        return rule_fail(err, "SecurityGroupMultipleRemoteEntites");
    }
    return 0;
}

int kn_network_rule_plan(json_t *object, struct kn_error *err)
{
    if (plan_protocol(object, err) < 0 || rule_plan_port(object, "port_range_min", err) < 0 ||
        rule_plan_port(object, "port_range_max", err) < 0 || plan_ethertype(object, err) < 0 ||
        plan_prefix(object, err) < 0) {
        return -1;
    }
    settle_icmp6(object);
    if (check_range(object, err) < 0 || check_prefix(object, err) < 0 || check_ethertype(object, err) < 0 ||
        check_remotes(object, err) < 0) {
        return -1;
    }
    const int number = kn_network_rule_number(kn_schema_text(object, "protocol", NULL));

    json_object_set_new(object, "number", number < 0 ? json_null() : json_integer(number));
    return 0;
}
