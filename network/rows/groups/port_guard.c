/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port_guard.c: which security groups a port has, whether anything keeps it at all, and the addresses beyond its own that it may use. Groups are held while
 * they are given, so that none goes meanwhile. It writes bindings of ports that are there; those of new ones are plan.c's.
 */
#include "network/rows/groups/port_guard.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/ip.h"
#include "lib/base/mem.h"
#include "lib/rest/list.h"
#include "network/address/mac.h"
#include "network/rows/change.h"
#include "network/rows/groups/groups.h"
#include "network/rows/networks.h"
#include "network/rows/shared.h"

#define GROUPS "security_groups"
#define SECURE "port_security_enabled"
#define PAIRS "allowed_address_pairs"

/* --- pairs -------------------------------------------------------------------------------------------------------- */

static int fail_pair(struct kn_error *err, const char *words, const char *value)
{
    return kn_rest_fail(err, KN_BAD_REQUEST, words, "", value);
}

static bool is_multicast(const struct kn_ip_prefix *prefix)
{
    const struct kn_ip first = kn_ip_prefix_first(prefix), last = kn_ip_prefix_last(prefix);

    if (prefix->length == 0) {
        return prefix->ip.family == 6;
    }
    return prefix->ip.family == 4 ? last.bytes[0] >= 224 && first.bytes[0] < 240 : last.bytes[0] == 0xff;
}

static int check_pair_address(const char *text, struct kn_error *err)
{
    const bool is_subnet = strchr(text, '/') != NULL;
    struct kn_ip_prefix prefix;
    char written[KN_IP_PREFIX_SIZE];

    if (!kn_ip_prefix_parse(text, &prefix)) {
        return fail_pair(err, is_subnet ? "'%2' is not a valid IP subnet" : "'%2' is not a valid IP address", text);
    }
    if (is_subnet && prefix.ip.family == 4 && strcmp(kn_ip_prefix_text(&prefix, written), text) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "'%.64s' isn't a recognized IP subnet cidr, '%s' is recommended", text,
                       written);
    }
    if (is_multicast(&prefix)) {
        return is_subnet ? kn_fail(err, KN_BAD_REQUEST,
                                   "Subnet %.64s overlaps with multicast range %s, which is not supported.", text,
                                   prefix.ip.family == 4 ? "224.0.0.0/4" : "ff00::/8")
                         : fail_pair(err, "IP %2 is a multicast address, which is not supported.", text);
    }
    return 0;
}

static int check_pair_mac(const char *text, struct kn_error *err)
{
    uint8_t mac[6];

    if (kn_network_mac_read(text, mac)) {
        return 0;
    }
    return fail_pair(err, "'%2' is not a valid MAC address", text);
}

static int check_pair_names(json_t *pair, struct kn_error *err)
{
    const char *name = NULL;
    json_t *value = NULL;

    json_object_foreach (pair, name, value) {
        if (strcmp(name, "mac_address") != 0 && strcmp(name, "ip_address") != 0) {
            return fail_pair(err, "Unrecognized attribute(s) '%2'", name);
        }
        if (!json_is_string(value)) {
            return fail_pair(err, name[0] == 'm' ? "'%2' is not a valid MAC address" : "'%2' is not a valid IP address",
                             json_is_null(value) ? "None" : name);
        }
    }
    return 0;
}

static int check_pair(json_t *pair, struct kn_error *err)
{
    const char *mac = kn_schema_text(pair, "mac_address", NULL), *ip = kn_schema_text(pair, "ip_address", NULL);

    if (!json_is_object(pair)) {
        AUTO_FREE char *text = json_dumps(pair, JSON_ENCODE_ANY);

        return fail_pair(err, "Invalid input for " PAIRS ". Reason: '%2' is not a dictionary.",
                         text != NULL ? text : "");
    }
    if (check_pair_names(pair, err) < 0 || (mac != NULL && check_pair_mac(mac, err) < 0)) {
        return -1;
    }
    if (ip == NULL) {
        kn_fail(err, KN_BAD_REQUEST, "AllowedAddressPair must contain ip_address");
        return kn_fail_name(err, "AllowedAddressPairsMissingIP");
    }
    return check_pair_address(ip, err);
}

static bool same_pair(const json_t *a, const json_t *b)
{
    struct kn_ip_prefix first, second;

    return strcasecmp(kn_schema_text(a, "mac_address", ""), kn_schema_text(b, "mac_address", "")) == 0 &&
           kn_ip_prefix_parse(kn_schema_text(a, "ip_address", ""), &first) &&
           kn_ip_prefix_parse(kn_schema_text(b, "ip_address", ""), &second) && first.length == second.length &&
           kn_ip_equal(&first.ip, &second.ip);
}

static int check_twice(const json_t *pairs, struct kn_error *err)
{
    for (size_t i = 1; i < json_array_size(pairs); i++) {
        const json_t *pair = json_array_get(pairs, i);

        for (size_t j = 0; j < i; j++) {
            if (same_pair(pair, json_array_get(pairs, j))) {
                kn_fail(err, KN_BAD_REQUEST, "Request contains duplicate address pair: mac_address %s ip_address %s.",
                        kn_schema_text(pair, "mac_address", "None"), kn_schema_text(pair, "ip_address", ""));
                return kn_fail_name(err, "DuplicateAddressPairInRequest");
            }
        }
    }
    return 0;
}

int kn_network_guard_check(const json_t *object, struct kn_error *err)
{
    const json_t *pairs = json_object_get(object, PAIRS), *groups = json_object_get(object, GROUPS);
    json_t *pair;
    size_t i;

    for (i = 1; i < json_array_size(groups); i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(json_string_value(json_array_get(groups, i)), json_string_value(json_array_get(groups, j))) ==
                0) {
                return fail_pair(err, "Invalid input for " GROUPS ". Reason: Duplicate items in the list: '%2'.",
                                 json_string_value(json_array_get(groups, i)));
            }
        }
    }
    if (pairs == NULL || json_is_null(pairs)) {
        return 0;
    }
    if (!json_is_array(pairs)) {
        return kn_fail(err, KN_BAD_REQUEST, "Allowed address pairs must be a list.");
    }
    if (json_array_size(pairs) > KN_MAX_ADDRESS_PAIRS) {
        kn_fail(err, KN_BAD_REQUEST, "The number of allowed address pair exceeds the maximum %d.",
                KN_MAX_ADDRESS_PAIRS);
        return kn_fail_name(err, "AllowedAddressPairExhausted");
    }
    json_array_foreach (pairs, i, pair) {
        if (check_pair(pair, err) < 0) {
            return -1;
        }
    }
    return check_twice(pairs, err);
}

/* Each with a MAC, the port's where it names none. A new list. */
static int lay_out_pairs(const json_t *said, const char *mac, json_t **ret, struct kn_error *err)
{
    json_auto_t *list = json_array();
    const json_t *pair;
    size_t i;

    json_array_foreach (said, i, pair) {
        json_array_append_new(list, json_pack("{s:s, s:s}", "mac_address", kn_schema_text(pair, "mac_address", mac),
                                              "ip_address", kn_schema_text(pair, "ip_address", "")));
    }
    if (check_twice(list, err) < 0) {
        return -1;
    }
    *ret = json_incref(list);
    return 0;
}

/* --- groups ------------------------------------------------------------------------------------------------------- */

/* Held: none goes before the port has it. */
static const struct kn_stmt FIND = {
    "guard_groups",
    "SELECT g.id, g.stateful, n.port_security, g.project_id = $3 OR $4::boolean FROM security_group g LEFT JOIN network n ON n.id = $1::uuid"
    " WHERE (g.id = ANY($2::uuid[]) AND (g.project_id = $3 OR $4::boolean OR " KN_NETWORK_LET(
        "g.id", KN_NETWORK_SHARED, "$3") ")) OR ($5::boolean AND g.project_id = $3 AND g.is_default)"
                                         " ORDER BY g.id FOR KEY SHARE OF g",
    5
};
enum { G_ID, G_STATEFUL, G_NETWORK_SECURE, G_OWN };

/* The groups of the list, or of no list the project's default one, which is made if there is none. */
static int find_groups(struct kn_request *req, const char *network, const char *project, const json_t *said,
                       struct kn_rows **ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array projects = KN_ARRAY_INIT;
    const char *all = kn_rest_reaches_all(req) ? "t" : "f";
    const json_t *item;
    size_t i;

    json_array_foreach (said, i, item) {
        kn_array_add(&ids, json_string_value(item));
    }
    for (int round = 0; round < 2; round++) {
        AUTO(kn_rows) struct kn_rows *rows = NULL;

        if (kn_db_run(req->db, &FIND, KN_ARGS(network, kn_array_value(&ids), project, all, said == NULL ? "t" : "f"),
                      &rows, err) < 0) {
            return -1;
        }
        if (said != NULL || kn_rows_count(rows) > 0 || round > 0) {
            *ret = kn_steal(&rows);
            return 0;
        }
        kn_array_add(&projects, project);
        if (kn_network_default_groups(req->db, &projects, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static bool is_found(const struct kn_rows *rows, const char *id)
{
    for (int row = 0; row < kn_rows_count(rows); row++) {
        if (strcmp(kn_rows_text(rows, row, G_ID), id) == 0) {
            return true;
        }
    }
    return false;
}

/* Those of others' that were shared with the project: nobody takes that away before they are given. */
static int guard_hold_shared(struct kn_request *req, const char *project, const struct kn_rows *rows,
                             struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *lets = NULL;

    for (int row = 0; row < kn_rows_count(rows); row++) {
        if (!kn_rows_bool(rows, row, G_OWN)) {
            kn_array_add(&ids, kn_rows_text(rows, row, G_ID));
        }
    }
    if (ids.count == 0) {
        return 0;
    }
    if (kn_network_use_many(req->db, &ids, project, &lets, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        if (!kn_rows_bool(rows, row, G_OWN) && !is_found(lets, kn_rows_text(rows, row, G_ID))) {
            kn_fail(err, KN_NOT_FOUND, "Security group %s does not exist", kn_rows_text(rows, row, G_ID));
            return kn_fail_name(err, "SecurityGroupNotFound");
        }
    }
    return 0;
}

static int check_found(const json_t *said, const struct kn_rows *rows, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf missing = KN_STRBUF_INIT;
    const json_t *item;
    size_t i;

    json_array_foreach (said, i, item) {
        if (!is_found(rows, json_string_value(item))) {
            kn_strbuf_addf(&missing, "%s%s", missing.len > 0 ? ", " : "", json_string_value(item));
        }
    }
    if (missing.len > 0) {
        kn_fail(err, KN_NOT_FOUND, "Security group %.400s does not exist", missing.buf);
        return kn_fail_name(err, "SecurityGroupNotFound");
    }
    for (int row = 1; row < kn_rows_count(rows); row++) {
        if (kn_rows_bool(rows, row, G_STATEFUL) != kn_rows_bool(rows, 0, G_STATEFUL)) {
            kn_fail(
                err, KN_CONFLICT,
                "Error Cannot apply both stateful and stateless security groups on the same port at the same time while "
                "attempting the operation.");
            return kn_fail_name(err, "SecurityGroupConflict");
        }
    }
    return 0;
}

/* --- what fits together ------------------------------------------------------------------------------------------- */

static int fail_pairs_need_security(struct kn_error *err)
{
    kn_fail(err, KN_CONFLICT, "Port Security must be enabled in order to have allowed address pairs on a port.");
    return kn_fail_name(err, "AddressPairAndPortSecurityRequired");
}

static int fail_groups_need_security(struct kn_error *err)
{
    kn_fail(err, KN_BAD_REQUEST,
            "Port security must be enabled and port must have an IP address in order to use security groups.");
    return kn_fail_name(err, "PortSecurityAndIPRequiredForSecurityGroups");
}

static int check_insecure(const json_t *object, struct kn_error *err)
{
    return json_array_size(json_object_get(object, PAIRS)) > 0    ? fail_pairs_need_security(err)
           : json_array_size(json_object_get(object, GROUPS)) > 0 ? fail_groups_need_security(err)
                                                                  : 0;
}

/* null says as much as an empty list. */
static const json_t *groups_said(const json_t *object, json_t *nothing)
{
    const json_t *said = json_object_get(object, GROUPS);

    return json_is_null(said) ? nothing : said;
}

void kn_network_guard_release(struct kn_network_guard *guard)
{
    free(guard->pairs);
}

void kn_network_guard_memo_release(struct kn_network_guard_memo *memo)
{
    free(memo->asked);
    kn_rows_free(memo->groups);
    *memo = (struct kn_network_guard_memo){ NULL, NULL };
}

/* As find_groups(), once for all that say the same. */
static int find_groups_again(struct kn_request *req, const struct kn_network_plan_port *port, const json_t *said,
                             struct kn_network_guard_memo *memo, struct kn_error *err)
{
    AUTO_FREE char *list = said == NULL ? NULL : json_dumps(said, JSON_COMPACT);
    AUTO_FREE char *asked = kn_asprintf("%s %s %d %s", port->network_id, port->project_id, kn_rest_reaches_all(req),
                                        list != NULL ? list : "");

    if (memo->asked != NULL && strcmp(memo->asked, asked) == 0) {
        return 0;
    }
    kn_network_guard_memo_release(memo);
    if (find_groups(req, port->network_id, port->project_id, said, &memo->groups, err) < 0) {
        return -1;
    }
    memo->asked = kn_steal(&asked);
    return 0;
}

int kn_network_guard_new(struct kn_request *req, const struct kn_network_plan_port *port, const json_t *object,
                         struct kn_network_plan *plan, struct kn_network_guard_memo *memo, struct kn_network_guard *ret,
                         struct kn_error *err)
{
    json_auto_t *nothing = json_array(), *pairs = NULL;
    const bool is_trusted = strncmp(kn_schema_text(object, "device_owner", ""), "network:", 8) == 0;
    const json_t *said = groups_said(object, nothing);
    bool is_secure = !is_trusted && kn_schema_bool(object, SECURE, true);

    if (is_secure && (find_groups_again(req, port, said, memo, err) < 0 || check_found(said, memo->groups, err) < 0 ||
                      guard_hold_shared(req, port->project_id, memo->groups, err) < 0)) {
        return -1;
    }
    const struct kn_rows *rows = is_secure ? memo->groups : NULL;

    if (said == NULL && json_object_get(object, SECURE) == NULL && is_secure && kn_rows_count(rows) > 0) {
        is_secure = kn_rows_bool(rows, 0, G_NETWORK_SECURE);
    }
    if ((!is_secure && check_insecure(object, err) < 0) ||
        lay_out_pairs(json_object_get(object, PAIRS), port->mac, &pairs, err) < 0) {
        return -1;
    }
    for (int row = 0; is_secure && row < kn_rows_count(rows); row++) {
        kn_network_plan_group(plan, port->id, kn_rows_text(rows, row, G_ID));
    }
    ret->is_secure = is_secure;
    ret->pairs = json_dumps(pairs, JSON_COMPACT);
    return 0;
}

/* --- changes ------------------------------------------------------------------------------------------------------ */

static const struct kn_stmt GIVE = {
    "guard_give",
    "WITH gone AS (DELETE FROM port_security_group WHERE port_id = $1::uuid AND group_id <> ALL($2::uuid[]))"
    " INSERT INTO port_security_group (port_id, group_id) SELECT $1::uuid, g.id FROM unnest($2::uuid[]) AS g(id) ON CONFLICT DO NOTHING",
    2
};

static const char *was(const struct kn_rows *now, const char *name)
{
    return kn_rest_was(&kn_network_ports, now, name);
}

/* What it keeps from before does not go together with no security either. */
static int check_keeps(const struct kn_rows *now, const json_t *object, struct kn_error *err)
{
    if (check_insecure(object, err) < 0) {
        return -1;
    }
    if (json_object_get(object, PAIRS) == NULL && strcmp(was(now, PAIRS), "[]") != 0) {
        return fail_pairs_need_security(err);
    }
    if (json_object_get(object, GROUPS) == NULL && strcmp(was(now, GROUPS), "[]") != 0) {
        kn_fail(
            err, KN_CONFLICT,
            "Port has security group associated. Cannot disable port security or IP address until security group is "
            "removed.");
        return kn_fail_name(err, "PortSecurityPortHasSecurityGroup");
    }
    return 0;
}

static int guard_give_groups(struct kn_request *req, const char *id, const struct kn_rows *now, const json_t *said,
                             struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (find_groups(req, was(now, "network_id"), was(now, "project_id"), said, &rows, err) < 0 ||
        check_found(said, rows, err) < 0 || guard_hold_shared(req, was(now, "project_id"), rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        kn_array_add(&ids, kn_rows_text(rows, row, G_ID));
    }
    return kn_db_run(req->db, &GIVE, KN_ARGS(id, kn_array_value(&ids)), NULL, err);
}

/* What a guest announced and its port's pairs do not allow any more is nobody's (network/serve/announced.c). */
static const struct kn_stmt FORGET = {
    "guard_forget",
    "DELETE FROM announced_address c WHERE c.port_id = $1::uuid AND NOT EXISTS (SELECT FROM jsonb_array_elements($2::jsonb) e"
    " WHERE (e->>'ip_address')::inet >>= c.ip AND (e->>'mac_address')::macaddr = c.mac)",
    2
};

static int settle_pairs(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                        struct kn_error *err)
{
    json_t *pairs = NULL;

    if (json_object_get(object, PAIRS) == NULL) {
        return 0;
    }
    if (lay_out_pairs(json_object_get(object, PAIRS), kn_schema_text(object, "mac_address", was(now, "mac_address")),
                      &pairs, err) < 0) {
        return -1;
    }
    AUTO_FREE char *text = json_dumps(pairs, JSON_COMPACT);

    json_object_set_new(object, PAIRS, pairs);
    return kn_db_run(req->db, &FORGET, KN_ARGS(id, text), NULL, err);
}

int kn_network_guard_change(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                            struct kn_error *err)
{
    json_auto_t *nothing = json_array();
    const json_t *said = groups_said(object, nothing);
    const bool is_secure = kn_schema_bool(object, SECURE, strcmp(was(now, SECURE), "t") == 0);

    if (said == NULL && json_object_get(object, PAIRS) == NULL && json_object_get(object, SECURE) == NULL) {
        return 0;
    }
    return (!is_secure && check_keeps(now, object, err) < 0) || settle_pairs(req, id, now, object, err) < 0 ||
                   kn_network_change(req->db, KN_CHANGED_PORT, id, err) < 0 ||
                   (said != NULL && guard_give_groups(req, id, now, said, err) < 0)
               ? -1
               : 0;
}
