/* SPDX-License-Identifier: Apache-2.0 */
/*
 * routers.c: routers as a table, and their rules. What leads outside is router_gateway.c's, legs inside are router_legs.c's. None is distributed or
 * doubled: one that loses its host gets another (network/serve/leases.c), and that is what is said of it.
 */
#include "network/rows/l3/routers.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/rows/agents.h"
#include "network/rows/change.h"
#include "network/rows/networks.h"
#include "network/rows/standard.h"
#include "network/rows/subnets/plan.h"

#define FIND (KN_REST_SHOWN | KN_REST_FIND)
#define NEVER (KN_REST_SHOWN | KN_REST_WRITE | KN_REST_UNBUILT | KN_REST_NULL)

static bool routers_is_prefix(const char *text)
{
    struct kn_ip_prefix prefix;

    return strchr(text, '/') != NULL && kn_ip_prefix_parse(text, &prefix) && kn_network_is_destination(&prefix);
}

static bool routers_is_ip(const char *text)
{
    struct kn_ip ip;

    return kn_ip_parse(text, &ip);
}

static const struct kn_text_rule PREFIX = { routers_is_prefix, "is not a valid CIDR", false };
static const struct kn_text_rule ADDRESS = { routers_is_ip, "is not a valid IP address", false };
static const struct kn_schema ROUTE[] = {
    KN_SCHEMA("destination", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &PREFIX),
    KN_SCHEMA("nexthop", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &ADDRESS),
    KN_SCHEMA_END,
};
static const struct kn_schema ROUTES[] = { KN_SCHEMA("routes", KN_IS_OBJECT, .inner = ROUTE), KN_SCHEMA_END };
static const struct kn_schema FIXED_IP[] = {
    KN_SCHEMA("subnet_id", KN_IS_STRING, .rule = &KN_NEUTRON_UUID),
    KN_SCHEMA("ip_address", KN_IS_STRING, .rule = &ADDRESS),
    KN_SCHEMA_END,
};
static const struct kn_schema FIXED_IPS[] = { KN_SCHEMA("external_fixed_ips", KN_IS_OBJECT, .inner = FIXED_IP),
                                              KN_SCHEMA_END };
static const struct kn_schema GATEWAY[] = {
    KN_SCHEMA("network_id", KN_IS_STRING, .rule = &KN_NEUTRON_UUID),
    KN_SCHEMA("enable_snat", KN_IS_BOOLEAN),
    KN_SCHEMA("external_fixed_ips", KN_IS_LIST, .limit = KN_LIMIT_ROUTER_ROUTES, .inner = FIXED_IPS),
    KN_SCHEMA_END,
};
static const struct kn_schema ZONE[] = {
    KN_SCHEMA("availability_zone_hints", KN_IS_STRING, .limit = KN_LIMIT_HOST_ZONE), KN_SCHEMA_END
};

#define GATEWAY_INFO \
    "coalesce((SELECT json_build_object('network_id', g.network_id, 'enable_snat', r.snat, 'external_fixed_ips'," \
    " (SELECT coalesce(json_agg(json_build_object('subnet_id', a.subnet_id, 'ip_address', host(a.ip)) ORDER BY a.ip), '[]') FROM address a" \
    " WHERE a.port_id = g.id)) FROM port g WHERE g.device_id = r.id::text AND g.device_owner = '" KN_ROUTER_GATEWAY \
    "')::text, 'null')"
#define ZONES "(SELECT coalesce(json_agg(" KN_NETWORK_ZONE_OF("h") "), '[]') FROM host h WHERE h.name = r.host)"

/* clang-format off */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "r.id", KN_REST_UUID, FIND),
    KN_REST_ATTR("name", "r.name", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "name", .limit = KN_LIMIT_NETWORK_NAME, .rule = &KN_NEUTRON_NAME),
    KN_REST_ATTR("tenant_id", "r.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("project_id", "r.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("admin_state_up", "r.admin_state_up", KN_REST_BOOL, FIND | KN_REST_WRITE, .column = "admin_state_up"),
    KN_REST_ATTR("status", KN_ROUTER_SHOWN("r"), KN_REST_TEXT, FIND),
    KN_REST_ATTR("external_gateway_info", GATEWAY_INFO, KN_REST_JSON, KN_REST_SHOWN | KN_REST_WRITE | KN_REST_NULL, .inner_shape = KN_IS_OBJECT, .inner = GATEWAY),
    KN_REST_ATTR("routes", "r.routes", KN_REST_JSON, KN_REST_SHOWN | KN_REST_PUT | KN_REST_NULL, .column = "routes", .inner_shape = KN_IS_LIST,
                 .inner = ROUTES),
    KN_REST_ATTR("distributed", "false", KN_REST_BOOL, NEVER | KN_REST_FILTER, .read = KN_NEUTRON_GET_ROUTER_DISTRIBUTED,
                 .post = KN_NEUTRON_CREATE_ROUTER_DISTRIBUTED, .put = KN_NEUTRON_UPDATE_ROUTER_DISTRIBUTED),
    KN_REST_ATTR("ha", "false", KN_REST_BOOL, NEVER | KN_REST_FILTER, .read = KN_NEUTRON_GET_ROUTER_HA, .post = KN_NEUTRON_CREATE_ROUTER_HA,
                 .put = KN_NEUTRON_UPDATE_ROUTER_HA),
    KN_REST_ATTR("flavor_id", "NULL::text", KN_REST_TEXT, NEVER),
    KN_REST_ATTR("availability_zone_hints", "r.zone_hints", KN_REST_JSON, KN_REST_SHOWN | KN_REST_POST | KN_REST_UNIQUE, .column = "zone_hints", .inner_shape = KN_IS_LIST,
                 .inner = ZONE, .limit = KN_LIMIT_ROUTER_ROUTES),
    KN_REST_ATTR("availability_zones", ZONES, KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("description", "r.description", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "description", .limit = KN_LIMIT_NETWORK_DESCRIPTION),
    KN_NETWORK_STANDARD("r"),
    KN_REST_ATTRS_END,
};
/* clang-format on */

static const struct kn_rest_param PARAMS[] = {
    KN_NETWORK_STANDARD_PARAMS("r"),
    KN_REST_PARAMS_END,
};

/* --- who may say what --------------------------------------------------------------------------------------------- */

/* Networks are for everybody, how one is on them is for administrators. */
static int routers_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    const bool is_new = strcmp(req->method, "POST") == 0;
    const json_t *info = json_object_get(object, "external_gateway_info");
    const struct {
        const char *name;
        enum kn_rule rule;
    } RULED[] = {
        { "enable_snat", is_new ? KN_NEUTRON_CREATE_ROUTER_SNAT : KN_NEUTRON_UPDATE_ROUTER_SNAT },
        { "external_fixed_ips", is_new ? KN_NEUTRON_CREATE_ROUTER_FIXED_IPS : KN_NEUTRON_UPDATE_ROUTER_FIXED_IPS },
    };

    for (size_t i = 0; i < KN_COUNT(RULED); i++) {
        if (json_object_get(info, RULED[i].name) != NULL &&
            kn_policy_check(RULED[i].rule, &req->caller, NULL, err) < 0) {
            return -1;
        }
    }
    if (json_object_size(info) > 0 && json_object_get(info, "network_id") == NULL) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input for external_gateway_info. Reason: Expected keys not found: network_id.");
    }
    return 0;
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static const struct kn_stmt LEGS = {
    "router_legs",
    "SELECT string_agg(id::text, ', ' ORDER BY id) FROM port WHERE device_id = $1 AND device_owner = '" KN_ROUTER_LEG
    "'",
    1
};

static int routers_decide_end(struct kn_request *req, const char *id, struct kn_error *err)
{
    enum { PORTS };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &LEGS, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    if (!kn_rows_null(rows, 0, PORTS)) {
        kn_fail(err, KN_CONFLICT, "Router %s has ports still attached: %.400s", id, kn_rows_text(rows, 0, PORTS));
        return kn_fail_name(err, "RouterInUse");
    }
    return kn_network_change(req->db, KN_CHANGED_ROUTER, id, err) < 0
               ? -1
               : kn_network_router_set_gateway(req, id, json_null(), err);
}

static int routers_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                          struct kn_error *err)
{
    const json_t *routes = json_object_get(object, "routes");

    if (object == NULL) {
        return routers_decide_end(req, id, err);
    }
    if (now == NULL) {
        return kn_network_zones_check(req, object, "router", err);
    }
    return json_is_array(routes) && kn_network_router_check_routes(req, id, routes, err) < 0
               ? -1
               : kn_network_change(req->db, KN_CHANGED_ROUTER, id, err);
}

static int routers_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                         struct kn_error *err)
{
    const json_t *info = json_object_get(object, "external_gateway_info");

    (void)now;
    return info == NULL ? 0 : kn_network_router_set_gateway(req, id, info, err);
}

static bool routers_raced(const struct kn_db *db)
{
    return kn_network_ports.raced(db);
}

static const struct kn_rest_counts COUNTS = {
    "network",
    { "router_counts",
      "SELECT project_id, 'router', count(*) FROM router WHERE id = ANY($1::uuid[]) GROUP BY project_id", 1 },
    false
};

const struct kn_rest_noun kn_network_routers = {
    .one = "router",
    .many = "routers",
    .label = "Router",
    .absent_name = "RouterNotFound",
    .path = "/routers",
    .absent = "Router %2 could not be found",
    .from = "router r",
    .id = "r.id",
    .id_type = KN_REST_UUID,
    .visible = "(r.project_id = ?)",
    .owned = "(r.project_id = ?)",
    .order = "id",
    .ascending = true,
    .ties = "id",
    .attrs = ATTRS,
    .params = PARAMS,
    .manners = &KN_REST_NEUTRON,
    .table = "router",
    .lock = " FOR UPDATE OF r",
    .project_column = "project_id",
    .counts = &COUNTS,
    .check = routers_check,
    .decide = routers_decide,
    .after = routers_after,
    .raced = routers_raced,
    .tell = kn_network_change_tell,
};
