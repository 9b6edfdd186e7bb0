/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security groups as Nova shows them: those of a server, those that a server gets and loses, and the old proxies (until 2.35), which know rules of ingress
 * alone. Groups are network/'s (network/api.h); what it answers in Neutron's words gets Nova's codes here.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "compute/api.h"
#include "compute/rows/server.h"
#include "lib/base/ip.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "network/api.h"

/* Without ports Nova says what they could be: all of TCP's and UDP's, -1 of others. */
#define BOUND(column, all) \
    "CASE WHEN r.range_min IS NULL AND r.range_max IS NULL AND r.protocol IS NOT NULL THEN" \
    " CASE WHEN r.protocol IN ('tcp', 'udp') THEN " all " ELSE -1 END ELSE r." column " END"
#define GROUP_OF_RULE \
    "CASE WHEN r.remote_group_id IS NULL THEN '{}'::json ELSE json_build_object('name', o.name, 'tenant_id', o.project_id) END"
#define RANGE_OF_RULE \
    "CASE WHEN r.remote_group_id IS NULL THEN json_build_object('cidr', coalesce(text(r.remote_prefix), '0.0.0.0/0')) ELSE '{}'::json END"
#define RULES \
    "(SELECT coalesce(json_agg(json_build_object('id', r.id, 'parent_group_id', r.group_id, 'ip_protocol', r.protocol, 'from_port', " BOUND( \
        "range_min", \
        "1") ", 'to_port', " BOUND("range_max", \
                                   "65535") ", 'group', " GROUP_OF_RULE ", 'ip_range', " RANGE_OF_RULE \
                                            ") ORDER BY r.created_at, r.id), '[]') FROM security_group_rule r LEFT JOIN security_group o ON o.id = r.remote_group_id" \
                                            " WHERE r.group_id = g.id AND r.direction = 'ingress')"

/* clang-format off */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "g.id", KN_REST_UUID, KN_REST_SHOWN),
    KN_REST_ATTR("name", "g.name", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("description", "g.description", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("tenant_id", "g.project_id", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("rules", RULES, KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_attr RULE_ATTRS[] = {
    KN_REST_ATTR("id", "r.id", KN_REST_UUID, KN_REST_SHOWN),
    KN_REST_ATTR("parent_group_id", "r.group_id", KN_REST_UUID, KN_REST_SHOWN),
    KN_REST_ATTR("ip_protocol", "r.protocol", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("from_port", BOUND("range_min", "1"), KN_REST_INT, KN_REST_SHOWN),
    KN_REST_ATTR("to_port", BOUND("range_max", "65535"), KN_REST_INT, KN_REST_SHOWN),
    KN_REST_ATTR("group", GROUP_OF_RULE, KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("ip_range", RANGE_OF_RULE, KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTRS_END,
};
/* clang-format on */
static const struct kn_rest_param PARAMS[] = { KN_REST_PARAM("all_tenants", NULL), KN_REST_PARAMS_END };

/* Whoever looks has a default group; an admin who says all_tenants sees everybody's. */
static int security_groups_narrow(struct kn_rest_list *l, struct kn_error *err)
{
    l->sees_all &= kn_rest_asked(l, "all_tenants", 0) != NULL;
    return kn_network_group_ensure(l->req->db, l->req->caller.project_id, err);
}

#define NOVA_GROUPS \
    .one = "security_group", .many = "security_groups", .label = "Security group", .path = "/os-security-groups", \
    .absent = "Security group %2 not found.", .from = "security_group g", .id = "g.id", .id_type = KN_REST_UUID, \
    .order = "tenant_id", .ascending = true, .ties = "name,id", .unsorted = true, .by_offset = true, .attrs = ATTRS, \
    .manners = &KN_REST_NOVA
static const struct kn_rest_noun GROUP = {
    NOVA_GROUPS,
    .visible = "g.project_id = ?",
    .params = PARAMS,
    .narrow = security_groups_narrow,
};
/* Of a server that the caller sees. */
static const struct kn_rest_noun GROUP_OF_SERVER = { NOVA_GROUPS, .visible = "g.project_id = ?", .strict_since = 102 };
static const struct kn_rest_noun RULE = {
    .one = "security_group_rule",
    .many = "security_group_rules",
    .label = "Security group rule",
    .absent = "Security group rule %2 not found.",
    .from =
        "security_group_rule r JOIN security_group g ON g.id = r.group_id LEFT JOIN security_group o ON o.id = r.remote_group_id",
    .id = "r.id",
    .id_type = KN_REST_UUID,
    .visible = "g.project_id = ?",
    .order = "id",
    .ties = "id",
    .attrs = RULE_ATTRS,
    .manners = &KN_REST_NOVA,
};

/* --- a server's ---------------------------------------------------------------------------------------------------- */

int kn_compute_server_security_groups_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *server = NULL;
    const struct kn_rest_bound of_server[] = {
        { "EXISTS (SELECT FROM port p JOIN port_security_group b ON b.port_id = p.id WHERE p.device_id = ? AND p.device_id <> '' AND p.nic IS NOT NULL AND b.group_id = g.id)",
          req->params[0] },
        { NULL, NULL },
    };

    return kn_compute_server_get(req, req->params[0], &server, err) < 0
               ? -1
               : kn_rest_list_within(&GROUP_OF_SERVER, req, KN_REST_LIST, NULL, of_server, res, err);
}

int kn_compute_server_security_group(struct kn_request *req, const json_t *args, bool adds, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *server = NULL;
    const char *name = json_string_value(json_object_get(args, "name"));

    if (name == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Security group not specified");
    }
    if (name[strspn(name, " \t\r\n")] == '\0') {
        return kn_fail(err, KN_BAD_REQUEST, "Security group name cannot be empty");
    }
    return kn_compute_server_get(req, req->params[0], &server, err) < 0
               ? -1
               : kn_network_groups_plug(req, req->params[0], name, adds, err);
}

/* --- groups --------------------------------------------------------------------------------------------------------- */

static const struct kn_schema BODY_FIELDS[] = {
    KN_SCHEMA("name", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_NETWORK_NAME),
    KN_SCHEMA("description", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_NETWORK_DESCRIPTION),
    KN_SCHEMA_END,
};
static const struct kn_schema BODY[] = {
    KN_SCHEMA("security_group", KN_IS_OBJECT, .flags = KN_REQUIRED | KN_OPEN, .inner = BODY_FIELDS),
    KN_SCHEMA_END,
};

static int security_groups_check_id(const struct kn_request *req, struct kn_error *err)
{
    return kn_uuid_valid(req->params[0]) ? 0 : kn_fail(err, KN_BAD_REQUEST, "Security group id should be uuid");
}

/* What Neutron calls a conflict or too many is another code here. Returns -1. */
static int nova_code(struct kn_error *err, enum kn_code conflict)
{
    if (err->code == KN_CONFLICT) {
        err->code = conflict;
    } else if (err->code == KN_QUOTA) {
        err->code = KN_FORBIDDEN;
    }
    return -1;
}

/* {name, description}: what else a client says is not read. */
static json_t *said_of(const struct kn_request *req)
{
    const json_t *in = json_object_get(req->body, "security_group");

    return json_pack("{s:O, s:O}", "name", json_object_get(in, "name"), "description",
                     json_object_get(in, "description"));
}

int kn_compute_security_groups_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&GROUP, req, KN_REST_LIST, NULL, res, err);
}

int kn_compute_security_groups_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return security_groups_check_id(req, err) < 0 ? -1
                                                  : kn_rest_show(&GROUP, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_compute_security_groups_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const char *id = NULL;

    if (kn_schema_check(BODY, req->body, req->microversion, err) < 0) {
        return -1;
    }
    json_auto_t *object = said_of(req);

    return kn_network_group_make(req, object, &id, err) < 0 ? nova_code(err, KN_FORBIDDEN)
                                                            : kn_rest_show(&GROUP, req, id, KN_REST_SHOW, res, err);
}

int kn_compute_security_groups_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    if (kn_schema_check(BODY, req->body, req->microversion, err) < 0 || security_groups_check_id(req, err) < 0) {
        return -1;
    }
    json_auto_t *object = said_of(req);

    return kn_network_group_change(req, req->params[0], object, err) < 0
               ? nova_code(err, KN_BAD_REQUEST)
               : kn_rest_show(&GROUP, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_compute_security_groups_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return security_groups_check_id(req, err) < 0               ? -1
           : kn_network_group_end(req, req->params[0], err) < 0 ? nova_code(err, KN_BAD_REQUEST)
                                                                : 0;
}

/* --- rules ---------------------------------------------------------------------------------------------------------- */

static const struct kn_schema RULE_FIELDS[] = {
    KN_SCHEMA("parent_group_id", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("group_id", KN_IS_STRING, .flags = KN_NULLABLE, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("from_port", KN_IS_ANY),
    KN_SCHEMA("to_port", KN_IS_ANY),
    KN_SCHEMA("ip_protocol", KN_IS_ANY),
    KN_SCHEMA("cidr", KN_IS_ANY),
    KN_SCHEMA_END,
};
static const struct kn_schema RULE_BODY[] = {
    KN_SCHEMA("security_group_rule", KN_IS_OBJECT, .flags = KN_REQUIRED | KN_OPEN, .inner = RULE_FIELDS),
    KN_SCHEMA_END,
};

/* What a client asks for, as Nova understands it. */
struct nova_rule {
    const char *group; /* NULL: a prefix */
    char cidr[KN_IP_PREFIX_SIZE];
    char protocol[16]; /* "": none */
    bool has_ports;
    int64_t from, to;
};

/* A number, or a text of digits. */
static bool port_number(const json_t *value, int64_t *ret)
{
    const char *text = json_string_value(value);
    char *end = NULL;

    if (json_is_integer(value)) {
        *ret = json_integer_value(value);
        return true;
    }
    if (text == NULL || (!isdigit((unsigned char)text[0]) && text[0] != '-')) {
        return false;
    }
    *ret = strtoll(text, &end, 10);
    return *end == '\0';
}

static int fail_range(const struct nova_rule *rule, const char *why, struct kn_error *err)
{
    return kn_fail(err, KN_BAD_REQUEST, "Invalid port range %lld:%lld. %s", (long long)rule->from, (long long)rule->to,
                   why);
}

static int check_nova_range(const struct nova_rule *rule, struct kn_error *err)
{
    const bool is_tcp = strcasecmp(rule->protocol, "tcp") == 0, is_udp = strcasecmp(rule->protocol, "udp") == 0;

    if (!is_tcp && !is_udp && strcasecmp(rule->protocol, "icmp") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid IP protocol %s.", rule->protocol);
    }
    if (!is_tcp && !is_udp) {
        return rule->from < -1 || rule->from > 255 || rule->to < -1 || rule->to > 255
                   ? fail_range(rule, "For ICMP, the type:code must be valid", err)
                   : 0;
    }
    if (rule->from > rule->to) {
        return fail_range(rule, "Former value cannot be greater than the later", err);
    }
    return rule->from >= 1 && rule->to <= 65535 ? 0
                                                : fail_range(rule,
                                                             is_tcp ? "Valid TCP ports should be between 1-65535"
                                                                    : "Valid UDP ports should be between 1-65535",
                                                             err);
}

static int read_ports(const json_t *in, struct nova_rule *rule, struct kn_error *err)
{
    const json_t *from = json_object_get(in, "from_port"), *to = json_object_get(in, "to_port");
    const bool is_none = (from == NULL || json_is_null(from)) && (to == NULL || json_is_null(to));

    if (rule->group != NULL && is_none && rule->protocol[0] != '\0') { /* everything of it */
        const bool is_icmp = strcasecmp(rule->protocol, "icmp") == 0;

        rule->from = is_icmp ? -1 : 1;
        rule->to = is_icmp ? -1 : 65535;
        rule->has_ports = is_icmp || strcasecmp(rule->protocol, "tcp") == 0 || strcasecmp(rule->protocol, "udp") == 0;
    } else if (rule->protocol[0] != '\0' && from != NULL && to != NULL && !json_is_null(from) && !json_is_null(to)) {
        if (!port_number(from, &rule->from) || !port_number(to, &rule->to)) {
            return kn_fail(err, KN_BAD_REQUEST,
                           strcasecmp(rule->protocol, "icmp") == 0
                               ? "Invalid input received: Type and Code must be integers for ICMP protocol type"
                               : "Invalid input received: To and From ports must be integers");
        }
        rule->has_ports = true;
    }
    if (rule->has_ports) {
        return check_nova_range(rule, err);
    }
    return rule->group != NULL ? 0 : kn_fail(err, KN_BAD_REQUEST, "Not enough parameters to build a valid rule.");
}

static int read_cidr(const json_t *in, struct nova_rule *rule, struct kn_error *err)
{
    const json_t *said = json_object_get(in, "cidr");
    const char *text = json_string_value(said);
    struct kn_ip_prefix prefix;

    if (said == NULL || json_is_null(said) || (text != NULL && text[0] == '\0')) {
        text = "0.0.0.0/0";
    }
    if (text == NULL || strchr(text, '/') == NULL || !kn_ip_prefix_parse(text, &prefix)) {
        return kn_fail(err, KN_BAD_REQUEST, "%.64s is not a valid IP network.", text != NULL ? text : "That");
    }
    const struct kn_ip first = kn_ip_prefix_first(&prefix);

    if (prefix.length == 0 && !kn_ip_equal(&first, &prefix.ip)) {
        return kn_fail(err, KN_BAD_REQUEST, "Bad prefix for network in cidr %.64s", text);
    }
    kn_ip_prefix_text(&prefix, rule->cidr);
    return 0;
}

static int read_rule(const json_t *in, struct nova_rule *rule, struct kn_error *err)
{
    const json_t *protocol = json_object_get(in, "ip_protocol");

    rule->group = json_string_value(json_object_get(in, "group_id"));
    if (json_is_integer(protocol)) {
        snprintf(rule->protocol, sizeof(rule->protocol), "%lld", (long long)json_integer_value(protocol));
    } else {
        kn_copy(rule->protocol, sizeof(rule->protocol), json_is_string(protocol) ? json_string_value(protocol) : "");
    }
    return (rule->group == NULL && read_cidr(in, rule, err) < 0) || read_ports(in, rule, err) < 0 ? -1 : 0;
}

/* As Neutron's body. */
static json_t *rule_object(const char *parent, const struct nova_rule *rule)
{
    json_t *object = json_pack("{s:s, s:s, s:s}", "security_group_id", parent, "direction", "ingress", "ethertype",
                               strchr(rule->cidr, ':') != NULL ? "IPv6" : "IPv4");

    if (rule->protocol[0] != '\0') {
        json_object_set_new(object, "protocol", json_string(rule->protocol));
    }
    if (rule->group != NULL) {
        json_object_set_new(object, "remote_group_id", json_string(rule->group));
    } else {
        json_object_set_new(object, "remote_ip_prefix", json_string(rule->cidr));
    }
    if (rule->has_ports && rule->from != -1) {
        json_object_set_new(object, "port_range_min", json_integer(rule->from));
    }
    if (rule->has_ports && rule->to != -1) {
        json_object_set_new(object, "port_range_max", json_integer(rule->to));
    }
    return object;
}

int kn_compute_security_group_rules_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct nova_rule rule = { .group = NULL };
    const char *id = NULL;

    if (kn_schema_check(RULE_BODY, req->body, req->microversion, err) < 0) {
        return -1;
    }
    const json_t *in = json_object_get(req->body, "security_group_rule");
    const char *parent = kn_json_str(in, "parent_group_id");

    if (read_rule(in, &rule, err) < 0) {
        return -1;
    }
    json_auto_t *object = rule_object(parent, &rule);

    if (kn_network_rule_make(req, object, &id, err) == 0) {
        return kn_rest_show(&RULE, req, id, KN_REST_SHOW, res, err);
    }
    return err->code == KN_CONFLICT ? kn_fail(err, KN_BAD_REQUEST, "This rule already exists in group %s", parent)
                                    : nova_code(err, KN_BAD_REQUEST);
}

int kn_compute_security_group_rules_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return security_groups_check_id(req, err) < 0 ? -1 : kn_network_rule_end(req, req->params[0], err);
}

/* Of nova-network, which is no more. */
int kn_compute_gone(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    (void)res;
    return kn_fail(err, KN_GONE, "This resource is no longer available. No forwarding address is given.");
}
