/* SPDX-License-Identifier: Apache-2.0 */
/* pool_take.c: a range for a new subnet out of a pool. Holds the pool's row, so that two subnets never get the same; writes nothing. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/rest/write.h"
#include "network/address/prefixes.h"
#include "network/rows/shared.h"
#include "network/rows/subnets/pools.h"

static const struct kn_stmt POOL = {
    "pool_hold",
    "SELECT id, ip_version, to_json(prefixes), default_prefixlen, min_prefixlen, max_prefixlen, default_quota FROM subnet_pool p"
    " WHERE (id = $1::uuid OR $1 IS NULL AND is_default AND ip_version = $2::int) AND (project_id = $3 OR $4::boolean OR " KN_NETWORK_LET(
        "p.id", KN_NETWORK_SHARED, "$3") ") FOR NO KEY UPDATE",
    4
};
enum { P_ID, P_VERSION, P_PREFIXES, P_DEFAULT, P_MIN, P_MAX, P_QUOTA };
/* What is taken, and what of it is this project's: in addresses of IPv4, in /64s of IPv6. */
static const struct kn_stmt TAKEN = {
    "pool_ranges",
    "SELECT cidr, CASE WHEN project_id = $2 THEN power(2::numeric, (CASE family(cidr) WHEN 4 THEN 32 ELSE 64 END) - masklen(cidr)) ELSE 0 END"
    " FROM subnet WHERE subnetpool_id = $1::uuid",
    2
};
enum { T_CIDR, T_UNITS };
/* Of one network and family: all of one pool, or of pools of one scope. */
static const struct kn_stmt AFFINITY = {
    "pool_affinity",
    "SELECT bool_or(s.subnetpool_id IS DISTINCT FROM $3::uuid AND (o.address_scope_id IS NULL OR o.address_scope_id IS DISTINCT FROM"
    "  (SELECT address_scope_id FROM subnet_pool WHERE id = $3::uuid))) FROM subnet s LEFT JOIN subnet_pool o ON o.id = s.subnetpool_id"
    " WHERE s.network_id = $1::uuid AND s.ip_version = $2::int",
    3
};

static int take_fail_request(struct kn_error *err, const char *words)
{
    kn_fail(err, KN_BAD_REQUEST, "Bad subnets request: %s.", words);
    return kn_fail_name(err, "BadRequest");
}

static int take_fail_space(struct kn_error *err, const char *words)
{
    kn_fail(err, KN_CONFLICT, "Failed to allocate subnet: %s.", words);
    return kn_fail_name(err, "SubnetAllocationError");
}

static int pool_check_said(const json_t *object, bool wants_default, struct kn_error *err)
{
    const bool cidr = kn_schema_text(object, "cidr", NULL) != NULL;
    const bool pool = kn_schema_text(object, "subnetpool_id", NULL) != NULL;

    if (cidr && json_is_integer(json_object_get(object, "prefixlen"))) {
        return take_fail_request(err, "cidr and prefixlen must not be supplied together");
    }
    if (pool && wants_default) {
        return take_fail_request(err, "subnetpool_id and use_default_subnetpool cannot both be specified");
    }
    if ((pool || wants_default) && !cidr && json_is_array(json_object_get(object, "allocation_pools"))) {
        return take_fail_request(err, "allocation_pools allowed only for specific subnet requests.");
    }
    return 0;
}

static int pool_check_bounds(const struct kn_rows *pool, int64_t length, struct kn_error *err)
{
    if (length > kn_rows_int(pool, 0, P_MAX)) {
        kn_fail(err, KN_BAD_REQUEST,
                "Unable to allocate subnet with prefix length %lld, maximum allowed prefix is %lld.", (long long)length,
                (long long)kn_rows_int(pool, 0, P_MAX));
        return kn_fail_name(err, "MaxPrefixSubnetAllocationError");
    }
    if (length < kn_rows_int(pool, 0, P_MIN)) {
        kn_fail(err, KN_BAD_REQUEST,
                "Unable to allocate subnet with prefix length %lld, minimum allowed prefix is %lld.", (long long)length,
                (long long)kn_rows_int(pool, 0, P_MIN));
        return kn_fail_name(err, "MinPrefixSubnetAllocationError");
    }
    return 0;
}

static double units_of(int family, int64_t length)
{
    double units = 1;

    for (int64_t i = length; i < (family == 4 ? 32 : 64); i++) {
        units *= 2;
    }
    return units;
}

static int take_range(const struct kn_rows *pool, const struct kn_rows *taken, json_t *object, struct kn_error *err)
{
    AUTO_RELEASE(kn_network_prefix_set) struct kn_network_prefix_set set = KN_NETWORK_PREFIX_SET_INIT;
    AUTO_RELEASE(kn_network_prefix_set) struct kn_network_prefix_set used = KN_NETWORK_PREFIX_SET_INIT;
    json_auto_t *prefixes = json_loads(kn_rows_text(pool, 0, P_PREFIXES), 0, NULL);
    const char *said = kn_schema_text(object, "cidr", NULL);
    struct kn_ip_prefix cidr = { KN_IP_NONE, 0 }, one;
    char text[KN_IP_PREFIX_SIZE];
    const json_t *item;
    double mine = 0;
    size_t i;

    if (said != NULL && !kn_ip_prefix_parse(said, &cidr)) {
        return 0; /* whoever reads the range says what is wrong with it */
    }
    const int64_t length = said != NULL ? cidr.length
                                        : kn_schema_int(object, "prefixlen", kn_rows_int(pool, 0, P_DEFAULT));

    json_array_foreach (prefixes, i, item) {
        if (kn_ip_prefix_parse(json_string_value(item), &one)) {
            kn_network_prefix_set_add(&set, &one);
        }
    }
    for (int row = 0; row < kn_rows_count(taken); row++) {
        if (kn_ip_prefix_parse(kn_rows_str(taken, row, T_CIDR), &one)) {
            kn_network_prefix_set_add(&used, &one);
        }
        mine += strtod(kn_rows_text(taken, row, T_UNITS), NULL);
    }
    if (pool_check_bounds(pool, length, err) < 0) {
        return -1;
    }
    if (!kn_rows_null(pool, 0, P_QUOTA) && kn_rows_int(pool, 0, P_QUOTA) > 0 &&
        mine + units_of((int)kn_rows_int(pool, 0, P_VERSION), length) > (double)kn_rows_int(pool, 0, P_QUOTA)) {
        kn_fail(err, KN_CONFLICT, "Per-project subnet pool prefix quota exceeded.");
        return kn_fail_name(err, "SubnetPoolQuotaExceeded");
    }
    if (said != NULL) {
        return kn_network_prefix_set_holds(&set, &cidr) && !kn_network_prefix_set_overlaps(&used, &cidr)
                   ? 0
                   : take_fail_space(err, "Cannot allocate requested subnet from the available set of prefixes");
    }
    if (!kn_network_prefix_set_find(&set, &used, (int)length, &cidr)) {
        AUTO_FREE char *words = kn_asprintf("Insufficient prefix space to allocate subnet size /%lld",
                                            (long long)length);

        return take_fail_space(err, words);
    }
    json_object_set_new(object, "cidr", json_string(kn_ip_prefix_text(&cidr, text)));
    return 0;
}

static int check_affinity(struct kn_request *req, const json_t *object, int64_t version, const char *pool,
                          struct kn_error *err)
{
    enum { MIXES };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg family;

    if (kn_db_run(req->db, &AFFINITY,
                  KN_ARGS(kn_schema_text(object, "network_id", ""), kn_arg_int(&family, version), pool), &rows,
                  err) < 0) {
        return -1;
    }
    if (!kn_rows_bool(rows, 0, MIXES)) {
        return 0;
    }
    kn_fail(err, KN_BAD_REQUEST, "Subnets hosted on the same network must be allocated from the same subnet pool.");
    return kn_fail_name(err, "NetworkSubnetPoolAffinityError");
}

int kn_network_pool_take(struct kn_request *req, const char *project, json_t *object, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *pool = NULL, *taken = NULL;
    const bool wants_default = kn_schema_bool(object, "use_default_subnetpool", false);
    const char *id = kn_schema_text(object, "subnetpool_id", NULL);
    const int64_t version = kn_schema_int(object, "ip_version", 4);
    struct kn_arg family;
    bool owned = false;

    if (pool_check_said(object, wants_default, err) < 0) {
        return -1;
    }
    if (id == NULL && !wants_default) {
        return check_affinity(req, object, version, NULL, err);
    }
    if (kn_db_run(req->db, &POOL,
                  KN_ARGS(id, kn_arg_int(&family, version), req->caller.project_id,
                          kn_rest_reaches_all(req) ? "t" : "f"),
                  &pool, err) < 0) {
        return -1;
    }
    if (kn_rows_count(pool) == 0 && id == NULL) {
        return take_fail_request(err, version == 4 ? "No default subnetpool found for IPv4"
                                                   : "No default subnetpool found for IPv6");
    }
    if (kn_rows_count(pool) == 0) {
        return kn_rest_not_found(&kn_network_subnetpools, id, err);
    }
    if (kn_rows_int(pool, 0, P_VERSION) != version) {
        AUTO_FREE char *words = kn_asprintf("Cannot allocate IPv%lld subnet from IPv%s subnet pool", (long long)version,
                                            kn_rows_text(pool, 0, P_VERSION));

        return take_fail_request(err, words);
    }
    id = kn_rows_text(pool, 0, P_ID);
    if (kn_network_use(&kn_network_subnetpools, req, id, &owned, err) < 0 ||
        kn_db_run(req->db, &TAKEN, KN_ARGS(id, project), &taken, err) < 0 || take_range(pool, taken, object, err) < 0 ||
        check_affinity(req, object, version, id, err) < 0) {
        return -1;
    }
    json_object_set_new(object, "subnetpool_id", json_string(id));
    return 0;
}
