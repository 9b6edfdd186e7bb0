/* SPDX-License-Identifier: Apache-2.0 */
/* pools.c: subnet pools as a table, and their rules, in Neutron's words. What is left of a pool is pool_take.c's. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/address/prefixes.h"
#include "network/rows/change.h"
#include "network/rows/networks.h"
#include "network/rows/shared.h"
#include "network/rows/standard.h"
#include "network/rows/subnets/pools.h"

#define FIND (KN_REST_SHOWN | KN_REST_FIND)
#define LENGTH(name) \
    KN_REST_ATTR(name, "sp." name, KN_REST_INT, FIND | KN_REST_WRITE, .column = name, .limit = KN_LIMIT_PREFIX, \
                 .print = print_length)

/* Neutron says these numbers as texts. */
static void print_length(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out)
{
    (void)req;
    kn_jsonw_str(out, name, value);
}

static const struct kn_schema PREFIX_ITEM[] = {
    KN_SCHEMA("prefixes", KN_IS_STRING, .limit = KN_LIMIT_CIDR),
    KN_SCHEMA_END,
};

/* clang-format off */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "sp.id", KN_REST_UUID, FIND),
    KN_REST_ATTR("name", "sp.name", KN_REST_TEXT, FIND | KN_REST_WRITE | KN_REST_REQUIRED, .column = "name", .limit = KN_LIMIT_NETWORK_NAME, .rule = &KN_NEUTRON_FULL_NAME),
    KN_REST_ATTR("tenant_id", "sp.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("project_id", "sp.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("prefixes", "sp.prefixes", KN_REST_TAGS, KN_REST_SHOWN | KN_REST_WRITE | KN_REST_REQUIRED, .column = "prefixes",
                 .inner = PREFIX_ITEM),
    KN_REST_ATTR("default_quota", "sp.default_quota", KN_REST_INT, FIND | KN_REST_WRITE | KN_REST_NULL, .column = "default_quota",
                 .limit = KN_LIMIT_POOL_QUOTA),
    KN_REST_ATTR("ip_version", "sp.ip_version", KN_REST_INT, FIND, .column = "ip_version"),
    LENGTH("default_prefixlen"),
    LENGTH("min_prefixlen"),
    LENGTH("max_prefixlen"),
    KN_NETWORK_SHARED_ATTR("sp", KN_REST_POST, .post = KN_NEUTRON_CREATE_SUBNETPOOL_SHARED),
    KN_REST_ATTR("is_default", "sp.is_default", KN_REST_BOOL, FIND | KN_REST_WRITE, .column = "is_default",
                 .post = KN_NEUTRON_CREATE_SUBNETPOOL_DEFAULT, .put = KN_NEUTRON_UPDATE_SUBNETPOOL_DEFAULT),
    KN_REST_ATTR("address_scope_id", "sp.address_scope_id", KN_REST_UUID, FIND | KN_REST_WRITE | KN_REST_NULL, .column = "address_scope_id",
                 .rule = &KN_NEUTRON_UUID),
    KN_REST_ATTR("description", "sp.description", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "description",
                 .limit = KN_LIMIT_NETWORK_DESCRIPTION),
    KN_NETWORK_STANDARD("sp"),
    KN_REST_ATTRS_END,
};
/* clang-format on */

static const struct kn_rest_param PARAMS[] = { KN_NETWORK_STANDARD_PARAMS("sp"), KN_REST_PARAMS_END };

/* --- what a body means --------------------------------------------------------------------------------------------------- */

static int pool_fail(struct kn_error *err, const char *name, const char *words)
{
    kn_fail(err, KN_BAD_REQUEST, "%s", words);
    return kn_fail_name(err, name);
}

static int pool_fail_bounds(struct kn_error *err, const char *a, int64_t x, const char *b, int64_t y)
{
    kn_fail(err, KN_BAD_REQUEST, "Illegal prefix bounds: %s=%lld, %s=%lld.", a, (long long)x, b, (long long)y);
    return kn_fail_name(err, "IllegalSubnetPoolPrefixBounds");
}

/* Ascending, as few as possible. An empty list is none. */
static int read_prefixes(const json_t *list, struct kn_network_prefix_set *set, struct kn_error *err)
{
    const json_t *item;
    size_t i;

    if (json_array_size(list) > KN_MAX_POOL_PREFIXES) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input for prefixes. Reason: a subnet pool has at most %d prefixes.",
                       KN_MAX_POOL_PREFIXES);
    }
    json_array_foreach (list, i, item) {
        struct kn_ip_prefix prefix;

        if (!kn_ip_prefix_parse(json_string_value(item), &prefix) || strchr(json_string_value(item), '/') == NULL) {
            return kn_fail(err, KN_BAD_REQUEST, "Invalid input for prefixes. Reason: '%.64s' is not a valid IP subnet.",
                           json_string_value(item));
        }
        if (set->count > 0 && set->items[0].ip.family != prefix.ip.family) {
            return pool_fail(err, "PrefixVersionMismatch", "Cannot mix IPv4 and IPv6 prefixes in a subnet pool.");
        }
        kn_network_prefix_set_add(set, &prefix);
    }
    kn_network_prefix_set_compact(set);
    return 0;
}

/* What was said, what it is, or what it is where nothing is said. */
static int64_t length_of(const json_t *object, const struct kn_rows *now, const char *name, int64_t dflt)
{
    return json_object_get(object, name) != NULL ? kn_schema_int(object, name, dflt)
           : now != NULL                         ? strtoll(kn_rest_was(&kn_network_subnetpools, now, name), NULL, 10)
                                                 : dflt;
}

static int check_lengths(const struct kn_rows *now, json_t *object, int family, struct kn_error *err)
{
    const int64_t most = family == 4 ? 32 : 128, min = length_of(object, now, "min_prefixlen", family == 4 ? 8 : 64),
                  max = length_of(object, now, "max_prefixlen", most),
                  dflt = length_of(object, now, "default_prefixlen", min);

    if (min > max) {
        return pool_fail_bounds(err, "min_prefixlen", min, "max_prefixlen", max);
    }
    if (max > most) {
        return pool_fail_bounds(err, "max_prefixlen", max, "ip_version_max", most);
    }
    if (dflt < min) {
        return pool_fail_bounds(err, "default_prefixlen", dflt, "min_prefixlen", min);
    }
    if (dflt > max) {
        return pool_fail_bounds(err, "default_prefixlen", dflt, "max_prefixlen", max);
    }
    json_object_set_new(object, "min_prefixlen", json_integer(min));
    json_object_set_new(object, "max_prefixlen", json_integer(max));
    json_object_set_new(object, "default_prefixlen", json_integer(dflt));
    return 0;
}

/* --- scopes -------------------------------------------------------------------------------------------------------------- */

/* Held, so that two pools of one scope do not pass each other. */
static const struct kn_stmt SCOPE = { "pool_scope",
                                      "SELECT ip_version FROM address_scope WHERE id = $1::uuid FOR NO KEY UPDATE", 1 };
enum { C_VERSION };
static const struct kn_stmt OVERLAPS = {
    "pool_scope_overlaps",
    "SELECT FROM subnet_pool p, unnest(p.prefixes) AS a, unnest($3::text[]) AS b WHERE p.address_scope_id = $1::uuid AND p.id <> $2::uuid"
    " AND a::cidr && b::cidr LIMIT 1",
    3
};
/* A network whose other subnets are of another pool would lie in two scopes. */
static const struct kn_stmt STRADDLES = {
    "pool_scope_straddles",
    "SELECT FROM subnet s JOIN subnet o ON o.network_id = s.network_id AND o.ip_version = s.ip_version"
    " WHERE s.subnetpool_id = $1::uuid AND o.subnetpool_id IS DISTINCT FROM s.subnetpool_id LIMIT 1",
    1
};

static int check_scope_rows(struct kn_request *req, const char *id, const char *scope,
                            const struct kn_network_prefix_set *set, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *straddles = NULL, *overlaps = NULL;
    AUTO_RELEASE(kn_array) struct kn_array prefixes = KN_ARRAY_INIT;
    char text[KN_IP_PREFIX_SIZE];

    for (size_t i = 0; i < set->count; i++) {
        kn_array_add(&prefixes, kn_ip_prefix_text(&set->items[i], text));
    }
    if (kn_db_run(req->db, &STRADDLES, KN_ARGS(id), &straddles, err) < 0 ||
        kn_db_run(req->db, &OVERLAPS, KN_ARGS(scope, id, kn_array_value(&prefixes)), &overlaps, err) < 0) {
        return -1;
    }
    if (kn_rows_count(straddles) > 0) {
        return pool_fail(err, "NetworkAddressScopeAffinityError",
                         "Subnets of the same address family hosted on the same network must all participate in the "
                         "same address scope.");
    }
    if (kn_rows_count(overlaps) > 0) {
        kn_fail(err, KN_CONFLICT,
                "Failed to associate address scope: subnetpools within an address scope must have unique prefixes.");
        return kn_fail_name(err, "AddressScopePrefixConflict");
    }
    return 0;
}

static int check_scope(struct kn_request *req, const char *id, const char *scope, int family,
                       const struct kn_network_prefix_set *set, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    bool owned = false;

    if (kn_db_run(req->db, &SCOPE, KN_ARGS(scope), &rows, err) < 0 ||
        kn_network_use(&kn_network_address_scopes, req, scope, &owned, err) < 0) {
        return -1;
    }
    if (kn_rows_int(rows, 0, C_VERSION) != family) {
        kn_fail(err, KN_BAD_REQUEST,
                "Illegal subnetpool association: subnetpool %s cannot associate with address scope %s because "
                "subnetpool ip_version is not %lld.",
                id, scope, (long long)kn_rows_int(rows, 0, C_VERSION));
        return kn_fail_name(err, "IllegalSubnetPoolIpVersionAssociationToAddressScope");
    }
    return check_scope_rows(req, id, scope, set, err);
}

/* A pool in another's scope stays as it is. */
static int check_own_scope(struct kn_request *req, const char *id, const char *scope, struct kn_error *err)
{
    bool owned = false;

    if (scope[0] == '\0') {
        return 0;
    }
    if (kn_rest_see(&kn_network_address_scopes, req, scope, &owned, err) < 0 && err->code != KN_NOT_FOUND) {
        return -1;
    }
    if (owned) {
        return 0;
    }
    kn_fail(err, KN_BAD_REQUEST,
            "Illegal subnetpool update : subnetpool %s cannot be updated when associated with shared address scope %s.",
            id, scope);
    return kn_fail_name(err, "IllegalSubnetPoolUpdate");
}

/* --- decisions ----------------------------------------------------------------------------------------------------------- */

static const struct kn_stmt TAKEN = { "pool_taken", "SELECT FROM subnet WHERE subnetpool_id = $1::uuid LIMIT 1", 1 };

static int pool_check_end(struct kn_request *req, const char *id, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &TAKEN, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) == 0 ? 0
                                    : pool_fail(err, "SubnetPoolDeleteError",
                                                "Unable to delete subnet pool: Subnet pool has existing allocations.");
}

/* Prefixes grow; none that subnets may be of goes. */
static int check_growth(const struct kn_network_prefix_set *was, const struct kn_network_prefix_set *is,
                        struct kn_error *err)
{
    for (size_t i = 0; i < was->count; i++) {
        if (!kn_network_prefix_set_holds(is, &was->items[i])) {
            return pool_fail(err, "IllegalSubnetPoolPrefixUpdate",
                             "Illegal update to prefixes: Existing prefixes must be a subset of the new prefixes.");
        }
    }
    return 0;
}

json_t *kn_network_pool_prefixes(const struct kn_network_prefix_set *set)
{
    json_t *list = json_array();
    char text[KN_IP_PREFIX_SIZE];

    for (size_t i = 0; i < set->count; i++) {
        json_array_append_new(list, json_string(kn_ip_prefix_text(&set->items[i], text)));
    }
    return list;
}

/* Of a change the pool's own, which it keeps also while it has no prefix (all were removed). */
static int pool_family(const struct kn_rows *now, const struct kn_network_prefix_set *set)
{
    return now != NULL ? (int)strtol(kn_rest_was(&kn_network_subnetpools, now, "ip_version"), NULL, 10)
                       : set->items[0].ip.family;
}

static int check_prefixes(const struct kn_rows *now, const json_t *said, const struct kn_network_prefix_set *was,
                          const struct kn_network_prefix_set *set, bool shrinks, struct kn_error *err)
{
    if (set->count == 0 && !shrinks && (now == NULL || said != NULL)) {
        return pool_fail(err, "EmptySubnetPoolPrefixList", "Empty subnet pool prefix list.");
    }
    if (set->count > 0 && set->items[0].ip.family != pool_family(now, set)) {
        return pool_fail(err, "PrefixVersionMismatch", "Cannot mix IPv4 and IPv6 prefixes in a subnet pool.");
    }
    return shrinks ? 0 : check_growth(was, set, err);
}

static int decide_scope(struct kn_request *req, const char *id, const struct kn_rows *now, const json_t *object,
                        int family, const struct kn_network_prefix_set *set, struct kn_error *err)
{
    const char *was = now != NULL ? kn_rest_was(&kn_network_subnetpools, now, "address_scope_id") : "";
    const char *scope = json_object_get(object, "address_scope_id") != NULL
                            ? kn_schema_text(object, "address_scope_id", "")
                            : was;

    return check_own_scope(req, id, was, err) < 0 ||
                   (scope[0] != '\0' && check_scope(req, id, scope, family, set, err) < 0)
               ? -1
               : 0;
}

static int pool_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                       struct kn_error *err)
{
    AUTO_RELEASE(kn_network_prefix_set) struct kn_network_prefix_set was = KN_NETWORK_PREFIX_SET_INIT;
    AUTO_RELEASE(kn_network_prefix_set) struct kn_network_prefix_set set = KN_NETWORK_PREFIX_SET_INIT;
    const bool shrinks = req->route->rule == KN_NEUTRON_REMOVE_PREFIXES;

    if (object == NULL) {
        return pool_check_end(req, id, err);
    }
    json_auto_t *old = now != NULL ? json_loads(kn_rest_was(&kn_network_subnetpools, now, "prefixes"), 0, NULL) : NULL;
    const json_t *said = json_object_get(object, "prefixes");

    if (read_prefixes(old, &was, err) < 0 || read_prefixes(said != NULL ? said : old, &set, err) < 0 ||
        check_prefixes(now, said, &was, &set, shrinks, err) < 0) {
        return -1;
    }
    const int family = pool_family(now, &set);

    if (check_lengths(now, object, family, err) < 0 ||
        (!shrinks && decide_scope(req, id, now, object, family, &set, err) < 0)) {
        return -1;
    }
    json_object_set_new(object, "prefixes", kn_network_pool_prefixes(&set));
    json_object_set_new(object, "ip_version", json_integer(family));
    return 0;
}

static bool pool_moves(const struct kn_rows *now, const json_t *object)
{
    return json_object_get(object, "address_scope_id") != NULL &&
           strcmp(kn_schema_text(object, "address_scope_id", ""),
                  kn_rest_was(&kn_network_subnetpools, now, "address_scope_id")) != 0;
}

static int pool_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                      struct kn_error *err)
{
    if (kn_network_shared_after(&kn_network_subnetpools, req, id, now, object, err) < 0 ||
        kn_network_onboard_after(req, id, now, err) < 0) {
        return -1;
    }
    return now != NULL && pool_moves(now, object) ? kn_network_change_of_pool(req->db, id, err) : 0;
}

static int pool_clash(struct kn_request *req, const char *constraint, const json_t *object, struct kn_error *err)
{
    (void)req;
    if (object == NULL) {
        return pool_fail(err, "SubnetPoolDeleteError",
                         "Unable to delete subnet pool: Subnet pool has existing allocations.");
    }
    return strcmp(constraint, "subnet_pool_default") != 0
               ? -1
               : pool_fail(err, "InvalidInput",
                           "Invalid input for operation: A default subnetpool for this IP family has already been set. "
                           "Only one default may exist per IP family.");
}

static const struct kn_rest_counts COUNTS = {
    "network",
    { "pool_counts",
      "SELECT project_id, 'subnetpool', count(*) FROM subnet_pool WHERE id = ANY($1::uuid[])"
      " GROUP BY project_id" KN_NETWORK_COUNTS_POLICIES,
      1 },
    false
};

const struct kn_rest_noun kn_network_subnetpools = {
    .one = "subnetpool",
    .many = "subnetpools",
    .label = "Subnet pool",
    .absent_name = "SubnetPoolNotFound",
    .path = "/subnetpools",
    .from = "subnet_pool sp",
    .id = "sp.id",
    .id_type = KN_REST_UUID,
    .visible = KN_NETWORK_VISIBLE("sp", KN_NETWORK_SHARED),
    .owned = "(sp.project_id = ?)",
    .order = "id",
    .ascending = true,
    .ties = "id",
    .attrs = ATTRS,
    .params = PARAMS,
    .manners = &KN_REST_NEUTRON,
    .table = "subnet_pool",
    .project_column = "project_id",
    .counts = &COUNTS,
    .before_lock = kn_network_onboard_before_lock,
    .decide = pool_decide,
    .after = pool_after,
    .clash = pool_clash,
    .tell = kn_network_change_tell,
};
