/* SPDX-License-Identifier: Apache-2.0 */
/* subnets.c: the SQL of subnets. What a body means is subnet_plan.c's; the DHCP port is plan.c's. */
#include "network/rows/subnets.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "network/rows/body.h"
#include "network/rows/plan.h"
#include "network/rows/topology.h"

void kn_subnet_row_release(struct kn_subnet_row *row)
{
    kn_subnet_plan_release(&row->plan);
}

enum { G_NETWORK, G_MINE, G_CIDR, G_DHCP, G_GATEWAY, G_POOLS };

static const struct kn_stmt GET = {
    "subnet_get",
    "SELECT s.network_id, (s.project_id = $2 OR n.project_id = $2 OR $3::boolean), s.cidr, s.enable_dhcp,"
    " s.gateway_ip - '0.0.0.0'::inet, s.pools FROM subnet s JOIN network n ON n.id = s.network_id"
    " WHERE s.id = $1::uuid AND (s.project_id = $2 OR n.project_id = $2 OR n.shared OR $3::boolean)", 3
};

static int read_plan(const struct kn_rows *rows, struct kn_subnet_plan *plan, struct kn_error *err)
{
    json_t *pools = json_loads(kn_rows_text(rows, 0, G_POOLS), 0, NULL);
    bool good = kn_pools_parse(pools, &plan->pools, &plan->pool_count);

    json_decref(pools);
    plan->dhcp = kn_rows_bool(rows, 0, G_DHCP);
    plan->gateway = (uint32_t)kn_rows_int(rows, 0, G_GATEWAY);
    return good ? kn_subnet_plan_cidr(kn_rows_text(rows, 0, G_CIDR), &plan->base, &plan->prefix, err)
                : kn_fail(err, KN_INTERNAL, "a subnet's pools are broken");
}

int kn_subnet_get_mine(struct kn_request *req, const char *id, const char *rule, struct kn_subnet_row *ret,
                       struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_RELEASE(kn_subnet_row) struct kn_subnet_row row = { .is_mine = false };
    const char *project = req->caller.project_id;

    if (kn_uuid_valid(id) && kn_db_run(req->db, &GET, KN_ARGS(id, project, req->caller.is_admin ? "t" : "f"), &rows, err) < 0) {
        return -1;
    }
    if (rows == NULL || kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Subnet %.64s could not be found.", id);
    }
    if (!kn_rows_bool(rows, 0, G_MINE)) {
        return kn_fail(err, KN_FORBIDDEN, "rule:%s is disallowed by policy", rule);
    }
    kn_copy(row.id, sizeof(row.id), id);
    kn_copy(row.network_id, sizeof(row.network_id), kn_rows_text(rows, 0, G_NETWORK));
    row.is_mine = true;
    if (read_plan(rows, &row.plan, err) < 0) {
        return -1;
    }
    *ret = row;
    row.plan.pools = NULL;
    return 0;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static const struct kn_stmt OVERLAPS = {
    "subnet_overlaps", "SELECT 1 FROM subnet WHERE network_id = $1::uuid AND cidr && $2::cidr", 2
};
static const struct kn_stmt INSERT = {
    "subnet_insert",
    "INSERT INTO subnet (id, network_id, project_id, name, description, ip_version, cidr, gateway_ip, enable_dhcp,"
    " dns_nameservers, host_routes, pools) VALUES ($1::uuid, $2::uuid, $3, $4, $5, 4, $6::cidr, $7::inet, $8::boolean,"
    " $9::text[], $10::jsonb, $11::jsonb)", 11
};
static const struct kn_stmt UPDATE = {
    "subnet_update",
    "UPDATE subnet SET name = coalesce($2, name), description = coalesce($3, description), gateway_ip = $4::inet,"
    " enable_dhcp = $5::boolean, dns_nameservers = coalesce($6::text[], dns_nameservers),"
    " host_routes = coalesce($7::jsonb, host_routes), pools = $8::jsonb, updated_at = now() WHERE id = $1::uuid", 8
};

/* The columns that insert and update write alike; NULL where the body says nothing. */
struct values {
    char gateway[KN_IPV4_SIZE];
    const char *gateway_ip;
    struct kn_array dns_array;
    const char *dns;
    char *routes;
    char *pools;
};

static void values_init(struct values *v, const json_t *object, const struct kn_subnet_plan *plan)
{
    const json_t *dns = json_object_get(object, "dns_nameservers"), *routes = json_object_get(object, "host_routes"), *item;
    json_t *pools = kn_subnet_plan_pools_json(plan);
    size_t i;

    *v = (struct values){ .dns_array = KN_ARRAY_INIT };
    kn_ipv4_text(plan->gateway, v->gateway);
    v->gateway_ip = plan->gateway != 0 ? v->gateway : NULL;
    json_array_foreach (dns, i, item) {
        kn_array_add(&v->dns_array, json_string_value(item));
    }
    v->dns = dns != NULL ? kn_array_value(&v->dns_array) : NULL;
    v->routes = routes == NULL ? NULL : json_is_null(routes) ? kn_strdup("[]") : json_dumps(routes, JSON_COMPACT);
    v->pools = json_dumps(pools, JSON_COMPACT);
    json_decref(pools);
}

static void values_release(struct values *v)
{
    kn_array_release(&v->dns_array);
    free(v->routes);
    free(v->pools);
}

/* The DHCP port gets an address on each subnet that is served and has none. */
static int serve_dhcp(struct kn_db *db, const char *network_id, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_topology) struct kn_topology topology = { NULL, NULL };
    AUTO_RELEASE(kn_plan) struct kn_plan plan;

    kn_plan_init(&plan);
    kn_array_add(&ids, network_id);
    if (kn_topology_load(db, &ids, true, &topology, err) < 0 ||
        kn_plan_dhcp(db, &plan, kn_topology_network(&topology, network_id), err) < 0) {
        return -1;
    }
    return kn_plan_write(db, &plan, &topology, err);
}

int kn_subnet_insert(struct kn_db *db, const char *network_id, const char *project_id, const json_t *object,
                     const struct kn_subnet_plan *plan, char ret_id[KN_UUID_SIZE], struct kn_error *err)
{
    AUTO_RELEASE(values) struct values v;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *cidr = kn_attr_text(object, "cidr", "");

    values_init(&v, object, plan);
    if (kn_db_run(db, &OVERLAPS, KN_ARGS(network_id, cidr), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0) {
        kn_fail(err, KN_BAD_REQUEST, "Invalid input for operation: Requested subnet with cidr: %s for network: %s overlaps with "
                                     "another subnet.", cidr, network_id);
        return kn_fail_name(err, "InvalidInput");
    }
    kn_uuid_make(ret_id);
    if (kn_db_run(db, &INSERT,
                  KN_ARGS(ret_id, network_id, project_id, kn_attr_text(object, "name", ""), kn_attr_text(object, "description", ""),
                          cidr, v.gateway_ip, plan->dhcp ? "t" : "f", v.dns != NULL ? v.dns : "{}",
                          v.routes != NULL ? v.routes : "[]", v.pools),
                  NULL, err) < 0) {
        return -1;
    }
    return serve_dhcp(db, network_id, err);
}

static const struct kn_stmt NO_DHCP = {
    "subnet_no_dhcp",
    "DELETE FROM address a USING port p WHERE a.subnet_id = $1::uuid AND p.id = a.port_id AND p.device_owner = 'network:dhcp'",
    1
};

int kn_subnet_update(struct kn_db *db, const struct kn_subnet_row *row, const json_t *object,
                     const struct kn_subnet_plan *plan, struct kn_error *err)
{
    AUTO_RELEASE(values) struct values v;

    values_init(&v, object, plan);
    if (kn_db_run(db, &UPDATE,
                  KN_ARGS(row->id, kn_attr_text(object, "name", NULL), kn_attr_text(object, "description", NULL), v.gateway_ip,
                          plan->dhcp ? "t" : "f", v.dns, v.routes, v.pools),
                  NULL, err) < 0) {
        return -1;
    }
    return plan->dhcp ? serve_dhcp(db, row->network_id, err) : kn_db_run(db, &NO_DHCP, KN_ARGS(row->id), NULL, err);
}

static const struct kn_stmt IN_USE = {
    "subnet_in_use",
    "SELECT 1 FROM address a JOIN port p ON p.id = a.port_id WHERE a.subnet_id = $1::uuid AND p.device_owner <> 'network:dhcp' LIMIT 1",
    1
};
static const struct kn_stmt DELETE = { "subnet_delete", "DELETE FROM subnet WHERE id = $1::uuid", 1 };

static int fail_in_use(const char *id, struct kn_error *err)
{
    kn_fail(err, KN_CONFLICT, "Unable to complete operation on subnet %s: One or more ports have an IP allocation from this subnet.",
            id);
    return kn_fail_name(err, "SubnetInUse");
}

int kn_subnet_delete(struct kn_db *db, const char *id, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &IN_USE, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0) {
        return fail_in_use(id, err);
    }
    if (kn_db_run(db, &NO_DHCP, KN_ARGS(id), NULL, err) < 0) {
        return -1;
    }
    int rc = kn_db_run(db, &DELETE, KN_ARGS(id), NULL, err);

    return rc < 0 && err->code == KN_CONFLICT ? fail_in_use(id, err) : rc;
}
