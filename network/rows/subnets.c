/* SPDX-License-Identifier: Apache-2.0 */
/* subnets.c: subnets as a table, and their rules. What a body means is subnet_plan.c's; the DHCP port is plan.c's. */
#include <string.h>

#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/rows/networks.h"
#include "network/rows/plan.h"
#include "network/rows/subnet_plan.h"
#include "network/rows/topology.h"

#define FIND (KN_REST_SHOWN | KN_REST_FIND)
#define NONE (KN_REST_POST | KN_REST_UNBUILT | KN_REST_NULL)
#define LIST (KN_REST_SHOWN | KN_REST_WRITE | KN_REST_NULL)

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "s.id", KN_REST_UUID, FIND),
    KN_REST_ATTR("name", "s.name", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "name",
                 .limit = KN_LIMIT_NETWORK_NAME),
    KN_REST_ATTR("tenant_id", "s.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("project_id", "s.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("network_id", "s.network_id", KN_REST_UUID, FIND | KN_REST_POST | KN_REST_REQUIRED,
                 .column = "network_id", .rule = &KN_NEUTRON_UUID),
    KN_REST_ATTR("ip_version", "s.ip_version", KN_REST_INT, FIND | KN_REST_POST | KN_REST_REQUIRED,
                 .column = "ip_version", .limit = KN_LIMIT_IP_VERSION),
    KN_REST_ATTR("subnetpool_id", "NULL::text", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER | NONE),
    KN_REST_ATTR("enable_dhcp", "s.enable_dhcp", KN_REST_BOOL, FIND | KN_REST_WRITE, .column = "enable_dhcp"),
    KN_REST_ATTR("ipv6_ra_mode", "NULL::text", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER | NONE),
    KN_REST_ATTR("ipv6_address_mode", "NULL::text", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER | NONE),
    KN_REST_ATTR("gateway_ip", "s.gateway_ip", KN_REST_INET, LIST | KN_REST_FILTER, .column = "gateway_ip"),
    KN_REST_ATTR("cidr", "s.cidr", KN_REST_CIDR, FIND | KN_REST_POST | KN_REST_NULL, .column = "cidr",
                 .limit = KN_LIMIT_CIDR),
    KN_REST_ATTR("allocation_pools", "s.pools", KN_REST_JSON, LIST, .column = "pools", .inner_shape = KN_IS_LIST),
    KN_REST_ATTR("host_routes", "s.host_routes", KN_REST_JSON, LIST, .column = "host_routes",
                 .inner_shape = KN_IS_LIST),
    KN_REST_ATTR("dns_nameservers", "s.dns_nameservers", KN_REST_TAGS, LIST, .column = "dns_nameservers"),
    KN_REST_ATTR("description", "s.description", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "description",
                 .limit = KN_LIMIT_NETWORK_DESCRIPTION),
    KN_REST_ATTR("created_at", "s.created_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("updated_at", "s.updated_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("prefixlen", NULL, KN_REST_INT, NONE),
    KN_REST_ATTR("use_default_subnetpool", NULL, KN_REST_BOOL, NONE),
    KN_REST_ATTRS_END,
};

static const struct kn_rest_param PARAMS[] = {
    KN_REST_PARAM("shared", kn_rest_boolean_word, .sql = "(SELECT n.shared FROM network n WHERE n.id = s.network_id)",
                  .type = KN_REST_BOOL),
    KN_REST_PARAMS_END,
};

static const struct kn_stmt NETWORK = { "subnet_network", "SELECT network_id FROM subnet WHERE id = $1::uuid", 1 };

static int subnets_before_lock(struct kn_request *req, const char *id, struct kn_error *err)
{
    enum { NETWORK_ID };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &NETWORK, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) == 0 ? kn_rest_not_found(&kn_network_subnets, id, err)
                                    : kn_network_lock(req, kn_rows_text(rows, 0, NETWORK_ID), err);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* clang-format off */
static const struct kn_stmt OVERLAPS = {
    "subnet_overlaps", "SELECT 1 FROM subnet WHERE network_id = $1::uuid AND cidr && $2::cidr", 2
};
/* clang-format on */

static int check_overlap(struct kn_request *req, const char *network_id, const char *cidr, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &OVERLAPS, KN_ARGS(network_id, cidr), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0) {
        kn_fail(err, KN_BAD_REQUEST,
                "Invalid input for operation: Requested subnet with cidr: %s for network: %s overlaps with "
                "another subnet.",
                cidr, network_id);
        return kn_fail_name(err, "InvalidInput");
    }
    return 0;
}

/* Whoever owns the network makes its subnets. */
static int plan_new(struct kn_request *req, const json_t *object, struct kn_network_subnet_plan *plan,
                    struct kn_error *err)
{
    const char *network_id = kn_schema_text(object, "network_id", ""), *project;

    return kn_rest_own(&kn_network_networks, req, network_id, err) < 0 ||
                   kn_rest_owner(&kn_network_subnets, req, object, &project, err) < 0 ||
                   kn_network_subnet_plan_create(object, plan, err) < 0 || kn_network_lock(req, network_id, err) < 0 ||
                   check_overlap(req, network_id, kn_schema_text(object, "cidr", ""), err) < 0
               ? -1
               : 0;
}

/* On top of what there is, under its lock: nothing of what somebody else just changed gets lost. */
static int plan_change(const struct kn_rows *now, const json_t *object, struct kn_network_subnet_plan *plan,
                       struct kn_error *err)
{
    json_auto_t *pools = json_loads(kn_rest_was(&kn_network_subnets, now, "allocation_pools"), 0, NULL);

    plan->dhcp = strcmp(kn_rest_was(&kn_network_subnets, now, "enable_dhcp"), "t") == 0;
    if (!kn_network_ipv4_parse(kn_rest_was(&kn_network_subnets, now, "gateway_ip"), &plan->gateway)) {
        plan->gateway = 0;
    }
    if (!kn_network_pools_parse(pools, &plan->pools, &plan->pool_count)) {
        return kn_fail(err, KN_INTERNAL, "the pools of a subnet are broken");
    }
    return kn_network_subnet_plan_cidr(kn_rest_was(&kn_network_subnets, now, "cidr"), &plan->base, &plan->prefix, err) <
                   0
               ? -1
               : kn_network_subnet_plan_update(object, plan, err);
}

static const struct kn_stmt NO_DHCP = {
    "subnet_no_dhcp",
    "DELETE FROM address a USING port p WHERE a.subnet_id = $1::uuid AND p.id = a.port_id AND p.device_owner = 'network:dhcp'",
    1
};

/* The DHCP port gets an address on each subnet that is served and has none. */
static int subnets_serve(struct kn_db *db, const char *network_id, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_network_topology) struct kn_network_topology topology = { NULL, NULL };
    AUTO_RELEASE(kn_network_plan) struct kn_network_plan plan;

    kn_network_plan_init(&plan);
    kn_array_add(&ids, network_id);
    if (kn_network_topology_load(db, &ids, true, &topology, err) < 0 ||
        kn_network_plan_dhcp(db, &plan, kn_network_topology_network(&topology, network_id), err) < 0) {
        return -1;
    }
    return kn_network_plan_write(db, &plan, &topology, err);
}

static int subnets_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                         struct kn_error *err)
{
    if (object == NULL) {
        return 0;
    }
    return kn_schema_bool(object, "enable_dhcp", true)
               ? subnets_serve(req->db,
                               now != NULL ? kn_rest_was(&kn_network_subnets, now, "network_id")
                                           : kn_schema_text(object, "network_id", ""),
                               err)
               : kn_db_run(req->db, &NO_DHCP, KN_ARGS(id), NULL, err);
}

static const struct kn_stmt IN_USE = {
    "subnet_in_use",
    "SELECT 1 FROM address a JOIN port p ON p.id = a.port_id WHERE a.subnet_id = $1::uuid AND p.device_owner <> 'network:dhcp' LIMIT 1",
    1
};

static int subnets_fail_in_use(const char *id, struct kn_error *err)
{
    kn_fail(err, KN_CONFLICT,
            "Unable to complete operation on subnet %s: One or more ports have an IP allocation from this subnet.", id);
    return kn_fail_name(err, "SubnetInUse");
}

/* What is served there is the cloud's own; anybody else's address holds the subnet. */
static int subnets_check_unused(struct kn_request *req, const char *id, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &IN_USE, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) > 0 ? subnets_fail_in_use(id, err)
                                   : kn_db_run(req->db, &NO_DHCP, KN_ARGS(id), NULL, err);
}

static int subnets_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                          struct kn_error *err)
{
    AUTO_RELEASE(kn_network_subnet_plan) struct kn_network_subnet_plan plan = { .pools = NULL };

    if (object == NULL) {
        return subnets_check_unused(req, id, err);
    }
    if (kn_network_subnet_plan_lists(object, err) < 0 ||
        (now == NULL ? plan_new(req, object, &plan, err) : plan_change(now, object, &plan, err)) < 0) {
        return -1;
    }
    kn_network_subnet_plan_say(&plan, object);
    return 0;
}

static int subnets_clash(struct kn_request *req, const char *constraint, const json_t *object, struct kn_error *err)
{
    (void)constraint;
    return object == NULL ? subnets_fail_in_use(req->params[0], err) : -1;
}

static const struct kn_rest_counts COUNTS = {
    "network",
    { "subnet_counts",
      "SELECT project_id, 'subnet', count(*) FROM subnet WHERE id = ANY($1::uuid[]) GROUP BY project_id", 1 },
    false
};

const struct kn_rest_noun kn_network_subnets = {
    .one = "subnet",
    .many = "subnets",
    .label = "Subnet",
    .path = "/subnets",
    .from = "subnet s",
    .id = "s.id",
    .id_type = KN_REST_UUID,
    .visible =
        "(s.project_id = ? OR EXISTS (SELECT 1 FROM network n WHERE n.id = s.network_id AND (n.project_id = ? OR n.shared)))",
    .owned = "(s.project_id = ? OR EXISTS (SELECT 1 FROM network n WHERE n.id = s.network_id AND n.project_id = ?))",
    .order = "id",
    .ascending = true,
    .ties = "id",
    .attrs = ATTRS,
    .params = PARAMS,
    .manners = &KN_REST_NEUTRON,
    .table = "subnet",
    .project_column = "project_id",
    .counts = &COUNTS,
    .before_lock = subnets_before_lock,
    .decide = subnets_decide,
    .after = subnets_after,
    .raced = kn_network_plan_raced,
    .clash = subnets_clash,
};
