/* SPDX-License-Identifier: Apache-2.0 */
/* subnets.c: subnets as a table, and their rules. What a body means is plan.c's; the DHCP port is plan.c's. */
#include <string.h>

#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/address/mac.h"
#include "network/rows/change.h"
#include "network/rows/networks.h"
#include "network/rows/ports/plan.h"
#include "network/rows/subnets/plan.h"
#include "network/rows/subnets/pools.h"
#include "network/rows/shared.h"
#include "network/rows/standard.h"
#include "network/rows/ports/topology.h"

#define FIND (KN_REST_SHOWN | KN_REST_FIND)
#define NONE (KN_REST_POST | KN_REST_UNBUILT | KN_REST_NULL)
#define POOLS_SAID "_pools" /* what _decide notes for _after: the body named other pools */
#define LIST (KN_REST_SHOWN | KN_REST_WRITE | KN_REST_NULL)

static const char *const MODES[] = { "slaac", "dhcpv6-stateful", "dhcpv6-stateless", NULL };

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "s.id", KN_REST_UUID, FIND),
    KN_REST_ATTR("name", "s.name", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "name", .limit = KN_LIMIT_NETWORK_NAME,
                 .rule = &KN_NEUTRON_NAME),
    KN_REST_ATTR("tenant_id", "s.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("project_id", "s.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("network_id", "s.network_id", KN_REST_UUID, FIND | KN_REST_POST | KN_REST_REQUIRED,
                 .column = "network_id", .rule = &KN_NEUTRON_UUID),
    KN_REST_ATTR("ip_version", "s.ip_version", KN_REST_INT, FIND | KN_REST_POST | KN_REST_REQUIRED,
                 .column = "ip_version", .limit = KN_LIMIT_IP_VERSION),
    KN_REST_ATTR("subnetpool_id", "s.subnetpool_id", KN_REST_UUID, FIND | KN_REST_POST | KN_REST_NULL,
                 .column = "subnetpool_id", .rule = &KN_NEUTRON_UUID),
    KN_REST_ATTR("enable_dhcp", "s.enable_dhcp", KN_REST_BOOL, FIND | KN_REST_WRITE, .column = "enable_dhcp"),
    KN_REST_ATTR("ipv6_ra_mode", "s.ra_mode", KN_REST_TEXT, FIND | KN_REST_POST | KN_REST_NULL, .column = "ra_mode",
                 .words = MODES),
    KN_REST_ATTR("ipv6_address_mode", "s.address_mode", KN_REST_TEXT, FIND | KN_REST_POST | KN_REST_NULL,
                 .column = "address_mode", .words = MODES),
    KN_REST_ATTR("gateway_ip", "s.gateway_ip", KN_REST_INET, LIST | KN_REST_FIND, .column = "gateway_ip"),
    KN_REST_ATTR("cidr", "s.cidr", KN_REST_CIDR, FIND | KN_REST_POST | KN_REST_NULL, .column = "cidr",
                 .limit = KN_LIMIT_CIDR),
    KN_REST_ATTR("allocation_pools", "s.pools", KN_REST_JSON, LIST, .column = "pools", .inner_shape = KN_IS_LIST),
    KN_REST_ATTR("host_routes", "s.host_routes", KN_REST_JSON, LIST, .column = "host_routes",
                 .inner_shape = KN_IS_LIST),
    KN_REST_ATTR("dns_nameservers", "s.dns_nameservers", KN_REST_TAGS, LIST, .column = "dns_nameservers"),
    KN_REST_ATTR("description", "s.description", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "description",
                 .limit = KN_LIMIT_NETWORK_DESCRIPTION),
    KN_NETWORK_STANDARD("s"),
    KN_REST_ATTR("prefixlen", NULL, KN_REST_INT, KN_REST_POST | KN_REST_NULL_IS_NOTHING, .limit = KN_LIMIT_PREFIX),
    KN_REST_ATTR("use_default_subnetpool", NULL, KN_REST_BOOL, KN_REST_POST | KN_REST_NULL_IS_NOTHING),
    KN_REST_ATTR("segment_id", "NULL::text", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER | NONE),
    KN_REST_ATTR("service_types", "s.service_types", KN_REST_TAGS,
                 KN_REST_SHOWN | KN_REST_WRITE | KN_REST_UNIQUE | KN_REST_NULL_IS_NOTHING, .column = "service_types",
                 .inner_shape = KN_IS_ANY),
    KN_REST_ATTRS_END,
};

static const struct kn_rest_param PARAMS[] = {
    KN_NETWORK_STANDARD_PARAMS("s"),
    KN_REST_PARAM("shared", kn_network_shared_filter, .sql = "s.network_id", .type = KN_REST_UUID),
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

static const struct kn_stmt MTU = { "subnet_mtu", "SELECT mtu FROM network WHERE id = $1::uuid", 1 };

/* Each family wants packets of a certain size. */
static int check_mtu(struct kn_request *req, const char *network_id, int family, struct kn_error *err)
{
    enum { BYTES };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &MTU, KN_ARGS(network_id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) == 0 ? 0 : kn_network_check_mtu(network_id, family, kn_rows_int(rows, 0, BYTES), err);
}

/* Whoever owns the network makes its subnets. */
static int plan_new(struct kn_request *req, json_t *object, struct kn_network_subnet_plan *plan, struct kn_error *err)
{
    const char *network_id = kn_schema_text(object, "network_id", ""), *project;
    char cidr[KN_IP_PREFIX_SIZE];

    return kn_rest_own(&kn_network_networks, req, network_id, err) < 0 ||
                   kn_rest_owner(&kn_network_subnets, req, object, &project, err) < 0 ||
                   kn_network_lock(req, network_id, err) < 0 || kn_network_pool_take(req, project, object, err) < 0 ||
                   kn_network_subnet_plan_create(object, plan, err) < 0 ||
                   check_overlap(req, network_id, kn_ip_prefix_text(&plan->cidr, cidr), err) < 0 ||
                   check_mtu(req, network_id, plan->cidr.ip.family, err) < 0
               ? -1
               : 0;
}

/* On top of what there is, under its lock: nothing of what somebody else just changed gets lost. */
static int plan_change(const struct kn_rows *now, const json_t *object, struct kn_network_subnet_plan *plan,
                       struct kn_error *err)
{
    json_auto_t *pools = json_loads(kn_rest_was(&kn_network_subnets, now, "allocation_pools"), 0, NULL);

    plan->dhcp = strcmp(kn_rest_was(&kn_network_subnets, now, "enable_dhcp"), "t") == 0;
    plan->ra_mode = kn_network_mode_of(kn_rest_was(&kn_network_subnets, now, "ipv6_ra_mode"));
    plan->address_mode = kn_network_mode_of(kn_rest_was(&kn_network_subnets, now, "ipv6_address_mode"));
    kn_ip_parse(kn_rest_was(&kn_network_subnets, now, "gateway_ip"), &plan->gateway);
    if (!kn_network_pools_parse(pools, &plan->pools, &plan->pool_count)) {
        return kn_fail(err, KN_INTERNAL, "the pools of a subnet are broken");
    }
    return kn_network_subnet_plan_cidr(kn_rest_was(&kn_network_subnets, now, "cidr"), &plan->cidr, err) < 0
               ? -1
               : kn_network_subnet_plan_update(object, plan, err);
}

static const struct kn_stmt NO_DHCP = {
    "subnet_no_dhcp",
    "DELETE FROM address a USING port p WHERE a.subnet_id = $1::uuid AND p.id = a.port_id AND p.device_owner = 'network:dhcp'",
    1
};

/* Every port of the network but the routers' and the DHCP port, which has its own already. */
static const struct kn_stmt PORTS = {
    "subnet_ports",
    "SELECT p.id, p.mac, p.device_owner FROM port p WHERE p.network_id = $1::uuid AND p.device_owner NOT LIKE 'network:router\\_interface%'"
    " AND NOT EXISTS (SELECT FROM address a WHERE a.port_id = p.id AND a.subnet_id = $2::uuid) ORDER BY p.id FOR NO KEY UPDATE OF p",
    2
};

/* A subnet where guests make their addresses themselves: the ports that are there have made theirs. */
static int give_own(struct kn_db *db, struct kn_network_view *network, const char *subnet_id,
                    struct kn_network_plan *plan, struct kn_error *err)
{
    enum { ID, MAC, OWNER };
    struct kn_network_subnet_view *subnet = kn_network_view_subnet(network, subnet_id);
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (!subnet->is_auto) {
        return 0;
    }
    if (kn_db_run(db, &PORTS, KN_ARGS(network->id, subnet_id), &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        uint8_t mac[6];

        if (strcmp(kn_rows_text(rows, row, ID), network->dhcp_port) != 0 &&
            kn_network_subnet_view_serves(subnet, kn_rows_text(rows, row, OWNER)) &&
            kn_network_mac_parse(kn_rows_str(rows, row, MAC), mac)) {
            const struct kn_ip ip = kn_ip_eui64(&subnet->cidr, mac);

            kn_network_plan_address(plan, kn_rows_text(rows, row, ID), subnet->id, &ip);
            kn_array_add(&ids, kn_rows_text(rows, row, ID));
        }
    }
    return kn_network_change_many(db, KN_CHANGED_PORT, &ids, err);
}

/* The DHCP port gets an address on each subnet that is served and has none; other ports of a new subnet what they make themselves. */
static int subnets_serve(struct kn_db *db, const char *id, const char *network_id, bool is_new, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_network_topology) struct kn_network_topology topology = { NULL, NULL };
    AUTO_RELEASE(kn_network_plan) struct kn_network_plan plan;

    kn_network_plan_init(&plan);
    kn_array_add(&ids, network_id);
    if (kn_network_topology_load(db, &ids, true, &topology, err) < 0) {
        return -1;
    }
    struct kn_network_view *network = kn_network_topology_network(&topology, network_id);

    return kn_network_plan_dhcp(db, &plan, network, err) < 0 || (is_new && give_own(db, network, id, &plan, err) < 0)
               ? -1
               : kn_network_plan_write(db, &plan, err);
}

/* With other pools the addresses are gone through anew. */
static const struct kn_stmt NEW_POOLS = {
    "subnet_new_pools",
    "WITH forgotten AS (DELETE FROM address_ready WHERE subnet_id = $1::uuid) UPDATE subnet SET cursor_ip = NULL WHERE id = $1::uuid",
    1
};

/* A network's subnets are a part of it. */
static const struct kn_stmt REVISED = { "subnet_revised", "UPDATE network SET updated_at = now() WHERE id = $1::uuid",
                                        1 };

static int subnets_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                         struct kn_error *err)
{
    const char *network_id = now != NULL ? kn_rest_was(&kn_network_subnets, now, "network_id")
                                         : kn_schema_text(object, "network_id", "");

    if (kn_network_change(req->db, KN_CHANGED_NETWORK, network_id, err) < 0 ||
        kn_db_run(req->db, &REVISED, KN_ARGS(network_id), NULL, err) < 0) {
        return -1;
    }
    if (object == NULL) {
        return 0;
    }
    if (now != NULL && json_object_get(object, POOLS_SAID) != NULL &&
        kn_db_run(req->db, &NEW_POOLS, KN_ARGS(id), NULL, err) < 0) {
        return -1;
    }
    return kn_schema_bool(object, "enable_dhcp", true) ? subnets_serve(req->db, id, network_id, now == NULL, err)
                                                       : kn_db_run(req->db, &NO_DHCP, KN_ARGS(id), NULL, err);
}

/* A router's interface holds the subnet, and so does anybody's address that guests do not make themselves. */
static const struct kn_stmt IN_USE = {
    "subnet_in_use",
    "SELECT FROM address a JOIN port p ON p.id = a.port_id JOIN subnet s ON s.id = a.subnet_id WHERE a.subnet_id = $1::uuid"
    " AND p.device_owner <> 'network:dhcp' AND (p.device_owner LIKE 'network:router\\_interface%'"
    " OR coalesce(s.address_mode, s.ra_mode, '') NOT IN ('slaac', 'dhcpv6-stateless')) LIMIT 1",
    1
};
/* What else has an address there: it made that itself, and loses it. */
static const struct kn_stmt OWN_ADDRESSES = { "subnet_own_addresses",
                                              "SELECT DISTINCT port_id FROM address WHERE subnet_id = $1::uuid", 1 };
static const struct kn_stmt FORGET = { "subnet_forget", "DELETE FROM address WHERE subnet_id = $1::uuid", 1 };

static int subnets_fail_in_use(const char *id, struct kn_error *err)
{
    kn_fail(err, KN_CONFLICT,
            "Unable to complete operation on subnet %s: One or more ports have an IP allocation from this subnet.", id);
    return kn_fail_name(err, "SubnetInUse");
}

/* What is served there is the cloud's own, as is what guests made themselves; anybody else's address holds the subnet. */
static int subnets_check_unused(struct kn_request *req, const char *id, struct kn_error *err)
{
    enum { PORT };
    AUTO(kn_rows) struct kn_rows *rows = NULL, *ports = NULL;
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;

    if (kn_db_run(req->db, &IN_USE, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0) {
        return subnets_fail_in_use(id, err);
    }
    if (kn_db_run(req->db, &OWN_ADDRESSES, KN_ARGS(id), &ports, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(ports); row++) {
        kn_array_add(&ids, kn_rows_text(ports, row, PORT));
    }
    return kn_network_change_many(req->db, KN_CHANGED_PORT, &ids, err) < 0
               ? -1
               : kn_db_run(req->db, &FORGET, KN_ARGS(id), NULL, err);
}

/* The gateway that a router has there does not move under it. */
static const struct kn_stmt GATEWAY_PORT = {
    "subnet_gateway_port",
    "SELECT p.id FROM address a JOIN port p ON p.id = a.port_id WHERE a.subnet_id = $1::uuid AND a.ip = $2::inet"
    " AND p.device_owner LIKE 'network:router\\_interface%'",
    2
};

static int check_gateway_free(struct kn_request *req, const char *id, const struct kn_rows *now,
                              const struct kn_network_subnet_plan *plan, struct kn_error *err)
{
    enum { PORT };
    const char *was = kn_rest_was(&kn_network_subnets, now, "gateway_ip");
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char is[KN_IP_SIZE];

    if (was[0] == '\0' || strcmp(was, kn_ip_text(&plan->gateway, is)) == 0) {
        return 0;
    }
    if (kn_db_run(req->db, &GATEWAY_PORT, KN_ARGS(id, was), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return 0;
    }
    kn_fail(err, KN_CONFLICT, "Current gateway ip %s already in use by port %s. Unable to update.", was,
            kn_rows_text(rows, 0, PORT));
    return kn_fail_name(err, "GatewayIpInUse");
}

static int subnets_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                          struct kn_error *err)
{
    AUTO_RELEASE(kn_network_subnet_plan) struct kn_network_subnet_plan plan = { .pools = NULL };

    if (object == NULL) {
        return subnets_check_unused(req, id, err);
    }
    if ((now == NULL ? plan_new(req, object, &plan, err) : plan_change(now, object, &plan, err)) < 0 ||
        kn_network_subnet_plan_lists(object, plan.cidr.ip.family, err) < 0 ||
        (now != NULL && check_gateway_free(req, id, now, &plan, err) < 0)) {
        return -1;
    }
    if (json_is_array(json_object_get(object, "allocation_pools"))) {
        json_object_set_new(object, POOLS_SAID, json_true());
    }
    kn_network_subnet_plan_say(&plan, object);
    return 0;
}

static int subnets_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    (void)req;
    return kn_network_subnet_services(json_object_get(object, "service_types"), err);
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
    .absent_name = "SubnetNotFound",
    .path = "/subnets",
    .from = "subnet s",
    .id = "s.id",
    .id_type = KN_REST_UUID,
    .visible =
        "(s.project_id = ? OR s.network_id = ANY (ARRAY(SELECT n.id FROM network n WHERE n.project_id = ? UNION ALL " KN_NETWORK_LETS(
            KN_NETWORK_SHARED, "?") ")))",
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
    .check = subnets_check,
    .decide = subnets_decide,
    .after = subnets_after,
    .raced = kn_network_plan_raced,
    .clash = subnets_clash,
    .tell = kn_network_change_tell,
};
