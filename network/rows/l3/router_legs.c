/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router_legs.c: what Neutron calls actions of a router: a leg in a subnet, by the subnet (its gateway's address) or by a port that is there; and routes
 * that are added and removed one by one. Each holds the router's row first, as everything that changes what it has.
 */
#include <string.h>

#include "lib/adapter/quota.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/rows/change.h"
#include "network/rows/networks.h"
#include "network/rows/l3/routers.h"
#include "network/rows/shared.h"

#define AGAIN 4

/* What answers say of a leg. */
struct leg {
    char port[KN_UUID_SIZE], network[KN_UUID_SIZE], subnet[KN_UUID_SIZE];
    char project[65];
    bool is_made; /* the port: it counts */
    struct kn_array subnets; /* of the port */
};

static void legs_answer(const char *router, const struct kn_rows *rows, struct kn_response *res);

/* --- bodies ------------------------------------------------------------------------------------------------------- */

static int legs_check_id(const json_t *body, const char *key, const char **ret, struct kn_error *err)
{
    const json_t *value = json_object_get(body, key);
    AUTO_FREE char *text = NULL;

    if (value == NULL) {
        *ret = NULL;
        return 0;
    }
    if (!json_is_string(value) || !kn_uuid_valid(json_string_value(value))) {
        text = json_dumps(value, JSON_ENCODE_ANY);
        return kn_network_bad(err, "router", "'%.64s' is not a valid UUID",
                              json_is_string(value) ? json_string_value(value) : text);
    }
    *ret = json_string_value(value);
    return 0;
}

static int legs_read_body(const struct kn_request *req, bool removes, const char **ret_port, const char **ret_subnet,
                          struct kn_error *err)
{
    if (json_object_get(req->body, "port_id") == NULL && json_object_get(req->body, "subnet_id") == NULL) {
        return kn_network_bad(err, "router", "Either subnet_id or port_id must be specified");
    }
    if (legs_check_id(req->body, "port_id", ret_port, err) < 0 ||
        legs_check_id(req->body, "subnet_id", ret_subnet, err) < 0) {
        return -1;
    }
    if (!removes && *ret_port != NULL && *ret_subnet != NULL) {
        return kn_network_bad(err, "router", "Cannot specify both subnet-id and port-id");
    }
    return 0;
}

/* --- a leg -------------------------------------------------------------------------------------------------------- */

/* Its legs are a part of it: with them it changes, too. */
static const struct kn_stmt ROUTER = { "legs_router",
                                       "UPDATE router SET updated_at = now() WHERE id = $1::uuid RETURNING project_id",
                                       1 };

/* Its project; held until the transaction ends. */
static int legs_hold(struct kn_request *req, const char *router, char ret_project[65], struct kn_error *err)
{
    enum { PROJECT };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_rest_own(&kn_network_routers, req, router, err) < 0 ||
        kn_db_run(req->db, &ROUTER, KN_ARGS(router), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_rest_not_found(&kn_network_routers, router, err);
    }
    kn_copy(ret_project, 65, kn_rows_text(rows, 0, PROJECT));
    return 0;
}

static const struct kn_stmt SUBNET = {
    "legs_subnet",
    "SELECT s.network_id, host(s.gateway_ip), s.project_id, n.project_id, s.ip_version,"
    " s.service_types = '{}' OR '" KN_ROUTER_LEG "' = ANY(s.service_types),"
    " (SELECT p.id FROM port p JOIN address a ON a.port_id = p.id JOIN subnet t ON t.id = a.subnet_id WHERE p.device_id = $2 AND p.network_id = s.network_id"
    "  AND p.device_owner = '" KN_ROUTER_LEG "' AND t.ip_version = 6 LIMIT 1)"
    " FROM subnet s JOIN network n ON n.id = s.network_id WHERE s.id = $1::uuid FOR KEY SHARE OF n FOR SHARE OF s",
    2
};
enum { S_NETWORK, S_GATEWAY, S_PROJECT, S_NETWORK_PROJECT, S_VERSION, S_SERVES, S_OTHER_LEG };

static const struct kn_stmt MORE = {
    "legs_more",
    "WITH held AS (SELECT id FROM port WHERE id = $3::uuid FOR KEY SHARE)"
    " INSERT INTO address (subnet_id, ip, port_id) SELECT $1::uuid, $2::inet, id FROM held",
    3
};

/* A network's IPv6 subnets share the router's one leg there. */
static int legs_widen(struct kn_request *req, const struct kn_rows *subnet, const char *subnet_id, struct leg *leg,
                      struct kn_error *err)
{
    int64_t made = 0;

    if (!kn_rows_bool(subnet, 0, S_SERVES)) {
        kn_fail(err, KN_BAD_REQUEST,
                "Invalid input for operation: Failed to create port on network %s, because fixed_ips included "
                "invalid subnet %s.",
                kn_rows_text(subnet, 0, S_NETWORK), subnet_id);
        return kn_fail_name(err, "InvalidInput");
    }
    kn_copy(leg->port, sizeof(leg->port), kn_rows_text(subnet, 0, S_OTHER_LEG));
    if (kn_network_change(req->db, KN_CHANGED_PORT, leg->port, err) < 0) {
        return -1;
    }
    if (kn_db_change(req->db, &MORE, KN_ARGS(subnet_id, kn_rows_text(subnet, 0, S_GATEWAY), leg->port), &made, err) <
        0) {
        if (err->code == KN_CONFLICT) {
            kn_fail(err, KN_CONFLICT, "IP address %s already allocated in subnet %s",
                    kn_rows_text(subnet, 0, S_GATEWAY), subnet_id);
            kn_fail_name(err, "IpAddressAlreadyAllocated");
        }
        return -1;
    }
    return made > 0 ? 0 : kn_rest_not_found(&kn_network_ports, leg->port, err);
}

/* In others' networks his project must have been named: what is for everybody is not enough. */
static const struct kn_stmt NAMED = {
    "legs_named",
    "SELECT FROM rbac_policy WHERE object_id = $1::uuid AND action = '" KN_NETWORK_AS_SHARED
    "' AND target = $2 FOR KEY SHARE",
    2
};

static int legs_check_named(struct kn_request *req, const char *network, const char *subnet, struct kn_error *err)
{
    int64_t named = 0;

    if (kn_db_change(req->db, &NAMED, KN_ARGS(network, req->caller.project_id), &named, err) < 0) {
        return -1;
    }
    return named > 0 ? 0
                     : kn_network_bad(err, "router",
                                      "Cannot add interface to router because subnet %s is not owned by project making "
                                      "the request",
                                      subnet);
}

static int legs_add_subnet(struct kn_request *req, const char *router, const char *subnet_id, struct leg *leg,
                           struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *subnet = NULL;
    bool owned;

    if (kn_rest_see(&kn_network_subnets, req, subnet_id, &owned, err) < 0 ||
        kn_db_run(req->db, &SUBNET, KN_ARGS(subnet_id, router), &subnet, err) < 0) {
        return -1;
    }
    if (kn_rows_count(subnet) == 0) {
        return kn_rest_not_found(&kn_network_subnets, subnet_id, err);
    }
    if (kn_rows_null(subnet, 0, S_GATEWAY)) {
        return kn_network_bad(err, "router", "Subnet for router interface must have a gateway IP");
    }
    if (!owned && legs_check_named(req, kn_rows_text(subnet, 0, S_NETWORK), subnet_id, err) < 0) {
        return -1;
    }
    if (kn_network_router_check_overlap(req, router, subnet_id, err) < 0) {
        return -1;
    }
    if (kn_rows_int(subnet, 0, S_VERSION) == 6 && !kn_rows_null(subnet, 0, S_OTHER_LEG)) {
        return legs_widen(req, subnet, subnet_id, leg, err);
    }
    json_auto_t *ips = json_pack("[{s:s, s:s}]", "subnet_id", subnet_id, "ip_address",
                                 kn_rows_text(subnet, 0, S_GATEWAY));

    leg->is_made = true;
    return kn_network_router_port_make(req,
                                       &(struct kn_network_router_port){ .network = kn_rows_text(subnet, 0, S_NETWORK),
                                                                         .project = leg->project,
                                                                         .device = router,
                                                                         .owner = KN_ROUTER_LEG,
                                                                         .fixed_ips = ips },
                                       leg->port, err);
}

int kn_network_router_add_subnet(struct kn_request *req, const char *router, const char *subnet,
                                 struct kn_quota_claims *claims, struct kn_error *err)
{
    struct leg leg = { .port = "" };

    if (legs_hold(req, router, leg.project, err) < 0 || kn_network_router_changed(req->db, router, err) < 0 ||
        legs_add_subnet(req, router, subnet, &leg, err) < 0) {
        return -1;
    }
    if (leg.is_made) {
        kn_quota_claim(claims, leg.project, KN_QUOTA_PORT, 1);
    }
    return 0;
}

static const struct kn_stmt PORT = {
    "legs_port",
    "SELECT p.network_id, p.device_id, (SELECT string_agg(a.subnet_id::text, ',') FROM address a WHERE a.port_id = p.id),"
    " (SELECT count(*) FROM address a WHERE a.port_id = p.id AND family(a.ip) = 4) FROM port p WHERE p.id = $1::uuid FOR UPDATE OF p",
    1
};
enum { P_NETWORK, P_DEVICE, P_SUBNETS, P_V4 };
static const struct kn_stmt TAKE = { "legs_take",
                                     "UPDATE port SET device_id = $2, device_owner = '" KN_ROUTER_LEG
                                     "', host_asked = '', updated_at = now() WHERE id = $1::uuid",
                                     2 };
static const struct kn_stmt BIND = {
    "legs_bind",
    "WITH held AS (SELECT id FROM port WHERE id = $1::uuid FOR KEY SHARE)"
    " INSERT INTO port_binding (port_id, host, state) SELECT p.id, r.host, 'active' FROM held p JOIN router r ON r.id = $2::uuid AND r.host IS NOT NULL"
    " ON CONFLICT DO NOTHING",
    2
};

static int legs_check_port(struct kn_request *req, const char *router, const char *port_id, const struct kn_rows *port,
                           struct kn_error *err)
{
    char *rest = NULL;

    if (kn_rows_text(port, 0, P_DEVICE)[0] != '\0') {
        kn_fail(err, KN_CONFLICT,
                "Unable to complete operation on port %s for network %s. Port already has an attached device %s.",
                port_id, kn_rows_text(port, 0, P_NETWORK), kn_rows_text(port, 0, P_DEVICE));
        return kn_fail_name(err, "PortInUse");
    }
    if (kn_rows_null(port, 0, P_SUBNETS)) {
        return kn_network_bad(err, "router", "Router port must have at least one fixed IP");
    }
    if (kn_rows_int(port, 0, P_V4) > 1) {
        return kn_network_bad(err, "router", "Cannot have multiple IPv4 subnets on router port");
    }
    AUTO_FREE char *subnets = kn_strdup(kn_rows_text(port, 0, P_SUBNETS));

    for (char *subnet = strtok_r(subnets, ",", &rest); subnet != NULL; subnet = strtok_r(NULL, ",", &rest)) {
        if (kn_network_router_check_overlap(req, router, subnet, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int legs_add_port(struct kn_request *req, const char *router, const char *port_id, struct leg *leg,
                         struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *port = NULL;
    bool owned;

    if (kn_rest_see(&kn_network_ports, req, port_id, &owned, err) < 0 ||
        kn_db_run(req->db, &PORT, KN_ARGS(port_id), &port, err) < 0) {
        return -1;
    }
    if (kn_rows_count(port) == 0 || !owned) {
        return kn_rest_not_found(&kn_network_ports, port_id, err);
    }
    kn_copy(leg->port, sizeof(leg->port), port_id);
    return legs_check_port(req, router, port_id, port, err) < 0 ||
                   kn_db_run(req->db, &TAKE, KN_ARGS(port_id, router), NULL, err) < 0 ||
                   kn_db_run(req->db, &BIND, KN_ARGS(port_id, router), NULL, err) < 0 ||
                   kn_network_change(req->db, KN_CHANGED_PORT, port_id, err) < 0
               ? -1
               : 0;
}

/* What the answer says: the port, its network and subnets. */
static const struct kn_stmt SHOWN = {
    "legs_shown",
    "SELECT p.id, p.network_id, p.project_id, (SELECT coalesce(json_agg(a.subnet_id), '[]') FROM address a WHERE a.port_id = p.id), $2::text FROM port p"
    " WHERE p.id = $1::uuid",
    2
};
enum { A_PORT, A_NETWORK, A_PROJECT, A_SUBNETS, A_SUBNET };

static void legs_answer(const char *router, const struct kn_rows *rows, struct kn_response *res)
{
    json_auto_t *subnets = json_loads(kn_rows_text(rows, 0, A_SUBNETS), 0, NULL);
    const char *first = kn_rows_null(rows, 0, A_SUBNET) ? json_string_value(json_array_get(subnets, 0))
                                                        : kn_rows_text(rows, 0, A_SUBNET);

    kn_response_json(res, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:O}", "id", router, "tenant_id",
                                    kn_rows_text(rows, 0, A_PROJECT), "project_id", kn_rows_text(rows, 0, A_PROJECT),
                                    "port_id", kn_rows_text(rows, 0, A_PORT), "network_id",
                                    kn_rows_text(rows, 0, A_NETWORK), "subnet_id", first, "subnet_ids", subnets));
}

static int legs_try_add(struct kn_request *req, const char *port, const char *subnet, struct kn_response *res,
                        struct kn_error *err)
{
    const char *router = req->params[0];
    struct leg leg = { .port = "" };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_TX struct kn_tx tx = { NULL };

    if (kn_tx_begin(&tx, req->db, err) < 0 || legs_hold(req, router, leg.project, err) < 0 ||
        kn_network_router_changed(req->db, router, err) < 0 ||
        (port != NULL ? legs_add_port(req, router, port, &leg, err) : legs_add_subnet(req, router, subnet, &leg, err)) <
            0 ||
        kn_db_run(req->db, &SHOWN, KN_ARGS(leg.port, subnet), &rows, err) < 0 ||
        (leg.is_made && kn_quota_take_one(req->db, leg.project, KN_QUOTA_PORT, 1, err) < 0) ||
        kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    legs_answer(router, rows, res);
    kn_network_change_tell(req, NULL);
    return 0;
}

int kn_network_routers_add_leg(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const char *port = NULL, *subnet = NULL;

    if (legs_read_body(req, false, &port, &subnet, err) < 0) {
        return -1;
    }
    int rc = legs_try_add(req, port, subnet, res, err);

    for (int i = 0; i < AGAIN && rc < 0 && err->code == KN_CONFLICT && kn_network_ports.raced(req->db); i++) {
        rc = legs_try_add(req, port, subnet, res, err);
    }
    return rc;
}

/* --- and away with it --------------------------------------------------------------------------------------------- */

static const struct kn_stmt FIND = {
    "legs_find",
    "SELECT p.id, (SELECT count(*) FROM address a WHERE a.port_id = p.id),"
    " EXISTS (SELECT 1 FROM address a WHERE a.port_id = p.id AND a.subnet_id = $3::uuid), p.project_id FROM port p WHERE p.device_id = $1 AND p.device_owner = '" KN_ROUTER_LEG
    "'"
    " AND CASE WHEN $2::uuid IS NOT NULL THEN p.id = $2::uuid ELSE EXISTS (SELECT 1 FROM address a WHERE a.port_id = p.id AND a.subnet_id = $3::uuid) END",
    3
};
enum { F_PORT, F_ADDRESSES, F_HAS, F_PROJECT };

/* The first subnet of those that go which something that the router has needs. */
static const struct kn_stmt NEEDED = {
    "legs_needed",
    "SELECT s.id, EXISTS (SELECT 1 FROM floating_ip f LEFT JOIN port_forwarding w ON w.floating_ip_id = f.id"
    "  JOIN address i ON i.port_id = coalesce(w.port_id, f.port_id) AND i.ip = coalesce(w.fixed_ip, f.fixed_ip) AND i.subnet_id = s.id"
    "  WHERE f.router_id = $1::uuid) AS lends,"
    " EXISTS (SELECT 1 FROM router r, jsonb_array_elements(r.routes) o WHERE r.id = $1::uuid AND (o->>'nexthop')::inet <<= s.cidr) AS routes"
    " FROM address a JOIN subnet s ON s.id = a.subnet_id WHERE a.port_id = $2::uuid AND s.id = coalesce($3::uuid, s.id)",
    3
};
enum { N_SUBNET, N_LENDS, N_ROUTES };

static int legs_check_needed(struct kn_request *req, const char *router, const char *port, const char *subnet,
                             struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &NEEDED, KN_ARGS(router, port, subnet), &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        const bool lends = kn_rows_bool(rows, row, N_LENDS);

        if (lends || kn_rows_bool(rows, row, N_ROUTES)) {
            kn_fail(
                err, KN_CONFLICT,
                "Router interface for subnet %s on router %s cannot be deleted, as it is required by one or more %s.",
                kn_rows_text(rows, row, N_SUBNET), router, lends ? "floating IPs" : "routes");
            return kn_fail_name(err, lends ? "RouterInterfaceInUseByFloatingIP" : "RouterInterfaceInUseByRoute");
        }
    }
    return 0;
}

static int legs_fail_absent(const char *router, const char *port, const char *subnet, struct kn_error *err)
{
    if (port != NULL) {
        kn_fail(err, KN_NOT_FOUND, "Router %s does not have an interface with id %s", router, port);
        return kn_fail_name(err, "RouterInterfaceNotFound");
    }
    kn_fail(err, KN_NOT_FOUND, "Router %s has no interface on subnet %s", router, subnet);
    return kn_fail_name(err, "RouterInterfaceNotFoundForSubnet");
}

static const struct kn_stmt LESS = { "legs_less",
                                     "DELETE FROM address WHERE port_id = $1::uuid AND subnet_id = $2::uuid", 2 };

/* By a subnet that is one of several, the port stays with the others. */
static int legs_end(struct kn_request *req, const struct kn_rows *leg, const char *subnet, struct kn_error *err)
{
    const char *port = kn_rows_text(leg, 0, F_PORT);

    if (subnet != NULL && kn_rows_int(leg, 0, F_ADDRESSES) > 1) {
        return kn_network_change(req->db, KN_CHANGED_PORT, port, err) < 0
                   ? -1
                   : kn_db_run(req->db, &LESS, KN_ARGS(port, subnet), NULL, err);
    }
    return kn_network_router_port_end(req, port, err) < 0
               ? -1
               : kn_quota_take_one(req->db, kn_rows_text(leg, 0, F_PROJECT), KN_QUOTA_PORT, -1, err);
}

int kn_network_routers_remove_leg(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const char *router = req->params[0], *port = NULL, *subnet = NULL;
    char project[65];
    AUTO(kn_rows) struct kn_rows *leg = NULL;
    AUTO(kn_rows) struct kn_rows *shown = NULL;
    AUTO_TX struct kn_tx tx = { NULL };
    bool owned;

    if (legs_read_body(req, true, &port, &subnet, err) < 0 || kn_tx_begin(&tx, req->db, err) < 0 ||
        legs_hold(req, router, project, err) < 0 ||
        (port == NULL && kn_rest_see(&kn_network_subnets, req, subnet, &owned, err) < 0) ||
        kn_db_run(req->db, &FIND, KN_ARGS(router, port, subnet), &leg, err) < 0) {
        return -1;
    }
    if (kn_rows_count(leg) == 0) {
        return legs_fail_absent(router, port, subnet, err);
    }
    if (port != NULL && subnet != NULL && !kn_rows_bool(leg, 0, F_HAS)) {
        kn_fail(err, KN_CONFLICT, "Subnet on port %s does not match the requested subnet %s.", port, subnet);
        return kn_fail_name(err, "SubnetMismatchForPort");
    }
    if (legs_check_needed(req, router, kn_rows_text(leg, 0, F_PORT), port != NULL ? NULL : subnet, err) < 0 ||
        kn_db_run(req->db, &SHOWN, KN_ARGS(kn_rows_text(leg, 0, F_PORT), subnet), &shown, err) < 0 ||
        kn_network_router_changed(req->db, router, err) < 0 ||
        legs_end(req, leg, port != NULL ? NULL : subnet, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    legs_answer(router, shown, res);
    kn_network_change_tell(req, NULL);
    return 0;
}

/* --- routes, one by one --------------------------------------------------------------------------------------------- */

static const struct kn_stmt ROUTES = { "legs_routes", "SELECT routes FROM router WHERE id = $1::uuid", 1 };

static size_t legs_index_of(const json_t *list, const json_t *item)
{
    size_t i = 0;

    while (i < json_array_size(list) && !json_equal(json_array_get(list, i), item)) {
        i++;
    }
    return i;
}

/* The routes that a PUT of all would say. */
static int legs_merge(struct kn_request *req, const char *router, json_t *object, bool adds, struct kn_error *err)
{
    enum { LIST };
    const json_t *said = json_object_get(object, "routes"), *item;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    size_t i;

    if (kn_db_run(req->db, &ROUTES, KN_ARGS(router), &rows, err) < 0) {
        return -1;
    }
    json_auto_t *list = kn_rows_count(rows) > 0 ? json_loads(kn_rows_text(rows, 0, LIST), 0, NULL) : json_array();

    json_array_foreach (said, i, item) {
        const size_t at = legs_index_of(list, item);

        if (adds && at == json_array_size(list)) {
            json_array_append(list, (json_t *)(uintptr_t)item);
        } else if (!adds) {
            json_array_remove(list, at);
        }
    }
    return json_object_set(object, "routes", list);
}

static int legs_change_routes(struct kn_request *req, bool adds, struct kn_response *res, struct kn_error *err)
{
    const char *router = req->params[0];
    json_t *object = NULL;
    char project[65];
    AUTO_TX struct kn_tx tx = { NULL };

    if (kn_rest_body(&kn_network_routers, req, KN_REST_PUT, &object, err) < 0) {
        return -1;
    }
    if (json_object_size(object) != 1 || !json_is_array(json_object_get(object, "routes"))) {
        return kn_fail(err, KN_BAD_REQUEST, "Failed to parse request. Required attribute 'routes' not specified");
    }
    if (kn_tx_begin(&tx, req->db, err) < 0 || legs_hold(req, router, project, err) < 0 ||
        legs_merge(req, router, object, adds, err) < 0) {
        return -1;
    }
    AUTO_FREE char *text = json_dumps(json_object_get(object, "routes"), JSON_COMPACT);
    static const struct kn_stmt SET = { "legs_set_routes",
                                        "UPDATE router SET routes = $2::jsonb, updated_at = now() WHERE id = $1::uuid",
                                        2 };

    if (kn_network_router_check_routes(req, router, json_object_get(object, "routes"), err) < 0 ||
        kn_network_change(req->db, KN_CHANGED_ROUTER, router, err) < 0 ||
        kn_db_run(req->db, &SET, KN_ARGS(router, text), NULL, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    kn_network_change_tell(req, NULL);
    return kn_rest_show(&kn_network_routers, req, router, KN_REST_CHANGED, res, err);
}

int kn_network_routers_add_routes(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return legs_change_routes(req, true, res, err);
}

int kn_network_routers_remove_routes(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return legs_change_routes(req, false, res, err);
}
