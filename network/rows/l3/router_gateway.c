/* SPDX-License-Identifier: Apache-2.0 */
/* router_gateway.c: how a router leads outside: its port in an external network, whether it translates, and the routes that people give it. */
#include <string.h>

#include "lib/base/ip.h"
#include "lib/base/mem.h"
#include "lib/rest/write.h"
#include "network/rows/change.h"
#include "network/rows/networks.h"
#include "network/rows/l3/routers.h"
#include "network/rows/shared.h"

static const struct kn_stmt GATEWAY = {
    "gateway_of",
    "SELECT p.id, p.network_id, EXISTS (SELECT 1 FROM floating_ip f WHERE f.router_id = r.id AND (f.port_id IS NOT NULL OR EXISTS"
    "  (SELECT 1 FROM port_forwarding w WHERE w.floating_ip_id = f.id))) FROM router r"
    " JOIN port p ON p.device_id = r.id::text AND p.device_owner = '" KN_ROUTER_GATEWAY "' WHERE r.id = $1::uuid",
    1
};
enum { G_PORT, G_NETWORK, G_LENDS };

static const struct kn_stmt SNAT = { "gateway_snat", "UPDATE router SET snat = $2::boolean WHERE id = $1::uuid", 2 };
static const struct kn_stmt FORGET = {
    "gateway_forget",
    "UPDATE floating_ip f SET router_id = NULL WHERE router_id = $1::uuid AND port_id IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM port_forwarding w WHERE w.floating_ip_id = f.id)",
    1
};

/* --- the network -------------------------------------------------------------------------------------------------- */

static const struct kn_stmt EXTERNAL = {
    "gateway_network",
    "SELECT " KN_NETWORK_IS_EXTERNAL(
        "n.id") ", (SELECT string_agg(s.id::text, ',' ORDER BY s.created_at, s.id) FROM subnet s WHERE s.network_id = n.id),"
                " (SELECT string_agg(host(s.gateway_ip), ',') FROM subnet s WHERE s.network_id = n.id AND s.gateway_ip IS NOT NULL)"
                " FROM network n WHERE n.id = $1::uuid FOR SHARE OF n",
    1
};

/* Is the word one of those between commas? */
static bool gateway_among(const char *list, const char *word)
{
    const size_t len = strlen(word);

    for (const char *at = list; len > 0 && (at = strstr(at, word)) != NULL; at++) {
        if ((at == list || at[-1] == ',') && (at[len] == ',' || at[len] == '\0')) {
            return true;
        }
    }
    return false;
}

static int gateway_check_ips(const json_t *ips, const char *gateways, struct kn_error *err)
{
    const json_t *item;
    size_t i;

    json_array_foreach (ips, i, item) {
        const char *ip = kn_schema_text(item, "ip_address", "");

        if (gateway_among(gateways, ip)) {
            return kn_network_bad(err, "router", "External IP %s is the same as the gateway IP", ip);
        }
    }
    return 0;
}

static int gateway_check_network(struct kn_request *req, const char *id, const json_t *info, bool is_other,
                                 struct kn_error *err)
{
    enum { IS_EXTERNAL, SUBNETS, GATEWAYS };
    const char *network = kn_schema_text(info, "network_id", "");
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    bool owned;
    char *rest = NULL;

    if (kn_network_use(&kn_network_networks, req, network, &owned, err) < 0 ||
        kn_db_run(req->db, &EXTERNAL, KN_ARGS(network), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0 || !kn_rows_bool(rows, 0, IS_EXTERNAL)) {
        return kn_network_bad(err, "router", "Network %s is not an external network", network);
    }
    if (gateway_check_ips(json_object_get(info, "external_fixed_ips"), kn_rows_text(rows, 0, GATEWAYS), err) < 0) {
        return -1;
    }
    AUTO_FREE char *subnets = kn_strdup(kn_rows_text(rows, 0, SUBNETS));

    for (char *subnet = strtok_r(subnets, ",", &rest); is_other && subnet != NULL;
         subnet = strtok_r(NULL, ",", &rest)) {
        if (kn_network_router_check_overlap(req, id, subnet, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- subnets of one router ---------------------------------------------------------------------------------------- */

static const struct kn_stmt OVERLAP = {
    "router_overlap",
    "SELECT s.id, s.cidr, n.id, n.cidr FROM subnet n JOIN subnet s ON s.cidr && n.cidr WHERE n.id = $2::uuid AND s.id IN"
    " (SELECT a.subnet_id FROM port p JOIN address a ON a.port_id = p.id WHERE p.device_id = $1 AND p.device_owner = '" KN_ROUTER_LEG
    "'"
    "  UNION SELECT t.id FROM port p JOIN subnet t ON t.network_id = p.network_id WHERE p.device_id = $1 AND p.device_owner = '" KN_ROUTER_GATEWAY
    "') LIMIT 1",
    2
};

int kn_network_router_check_overlap(struct kn_request *req, const char *id, const char *subnet, struct kn_error *err)
{
    enum { OLD, OLD_CIDR, NEW, NEW_CIDR };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &OVERLAP, KN_ARGS(id, subnet), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return 0;
    }
    if (strcmp(kn_rows_text(rows, 0, OLD), kn_rows_text(rows, 0, NEW)) == 0) {
        return kn_network_bad(err, "router", "Router already has a port on subnet %s", subnet);
    }
    return kn_network_bad(err, "router", "Cidr %s of subnet %s overlaps with cidr %s of subnet %s",
                          kn_rows_text(rows, 0, NEW_CIDR), kn_rows_text(rows, 0, NEW), kn_rows_text(rows, 0, OLD_CIDR),
                          kn_rows_text(rows, 0, OLD));
}

/* --- routes ------------------------------------------------------------------------------------------------------- */

static const struct kn_stmt REACH = {
    "router_reach",
    "SELECT w.item->>'nexthop', bool_or(s.cidr >>= (w.item->>'nexthop')::inet), bool_or(a.ip = (w.item->>'nexthop')::inet)"
    " FROM jsonb_array_elements($2::jsonb) AS w(item) LEFT JOIN port p ON p.device_id = $1 AND p.device_owner IN ('" KN_ROUTER_LEG
    "', '" KN_ROUTER_GATEWAY "')"
    " LEFT JOIN address a ON a.port_id = p.id LEFT JOIN subnet s ON s.id = a.subnet_id GROUP BY 1",
    2
};

static int gateway_fail_routes(const char *routes, const char *why, struct kn_error *err)
{
    kn_fail(err, KN_BAD_REQUEST, "Invalid format for routes: %.300s, %s", routes, why);
    return kn_fail_name(err, "InvalidRoutes");
}

int kn_network_router_check_routes(struct kn_request *req, const char *id, const json_t *routes, struct kn_error *err)
{
    enum { NEXTHOP, IS_NEAR, IS_OWN };
    AUTO_FREE char *text = json_dumps(routes, JSON_COMPACT);
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    size_t i, j;
    const json_t *a, *b;

    if (json_array_size(routes) > KN_MAX_ROUTER_ROUTES) {
        kn_fail(err, KN_BAD_REQUEST,
                "Unable to complete operation for %s. The number of routes exceeds the maximum %d.", id,
                (int)KN_MAX_ROUTER_ROUTES);
        return kn_fail_name(err, "RoutesExhausted");
    }
    json_array_foreach (routes, i, a) {
        for (j = 0; j < i; j++) {
            b = json_array_get(routes, j);
            if (json_equal(a, b)) {
                return kn_fail(err, KN_BAD_REQUEST, "Invalid input for routes. Reason: Duplicate hostroute '%.100s'.",
                               kn_schema_text(a, "destination", ""));
            }
        }
    }
    if (kn_db_run(req->db, &REACH, KN_ARGS(id, text), &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        if (!kn_rows_bool(rows, row, IS_NEAR)) {
            return gateway_fail_routes(text, "the nexthop is not connected with router", err);
        }
        if (kn_rows_bool(rows, row, IS_OWN)) {
            return gateway_fail_routes(text, "the nexthop is used by router", err);
        }
    }
    return 0;
}

/* --- setting ------------------------------------------------------------------------------------------------------ */

static int gateway_make(struct kn_request *req, const char *id, const json_t *info, struct kn_error *err)
{
    char port[KN_UUID_SIZE];
    const json_t *ips = json_object_get(info, "external_fixed_ips");

    return kn_network_router_port_make(req,
                                       &(struct kn_network_router_port){
                                           .network = kn_schema_text(info, "network_id", ""),
                                           .project = "",
                                           .device = id,
                                           .owner = KN_ROUTER_GATEWAY,
                                           .fixed_ips = json_array_size(ips) > 0 ? ips : NULL },
                                       port, err);
}

static int gateway_end(struct kn_request *req, const char *id, const struct kn_rows *now, struct kn_error *err)
{
    if (kn_rows_bool(now, 0, G_LENDS)) {
        kn_fail(err, KN_CONFLICT,
                "Gateway cannot be updated for router %s, since a gateway to external network %s is required by one "
                "or more floating IPs.",
                id, kn_rows_text(now, 0, G_NETWORK));
        return kn_fail_name(err, "RouterExternalGatewayInUseByFloatingIp");
    }
    return kn_db_run(req->db, &FORGET, KN_ARGS(id), NULL, err) < 0
               ? -1
               : kn_network_router_port_end(req, kn_rows_text(now, 0, G_PORT), err);
}

/* Other addresses in the same network: the port is made again, with the address that floating ones do not depend on. */
static int gateway_move(struct kn_request *req, const char *id, const struct kn_rows *now, const json_t *info,
                        struct kn_error *err)
{
    return json_object_get(info, "external_fixed_ips") == NULL                      ? 0
           : kn_network_router_port_end(req, kn_rows_text(now, 0, G_PORT), err) < 0 ? -1
                                                                                    : gateway_make(req, id, info, err);
}

static int gateway_snat(struct kn_request *req, const char *id, const json_t *info, struct kn_error *err)
{
    return kn_db_run(req->db, &SNAT, KN_ARGS(id, kn_schema_bool(info, "enable_snat", true) ? "t" : "f"), NULL, err);
}

int kn_network_router_set_gateway(struct kn_request *req, const char *id, const json_t *info, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *now = NULL;

    if (kn_db_run(req->db, &GATEWAY, KN_ARGS(id), &now, err) < 0) {
        return -1;
    }
    const bool has_one = kn_rows_count(now) > 0, wants_one = json_object_size(info) > 0;
    const bool is_same = has_one && wants_one &&
                         strcmp(kn_rows_text(now, 0, G_NETWORK), kn_schema_text(info, "network_id", "")) == 0;

    if (wants_one && gateway_check_network(req, id, info, !is_same, err) < 0) {
        return -1;
    }
    if (is_same ? gateway_move(req, id, now, info, err) < 0 : has_one && gateway_end(req, id, now, err) < 0) {
        return -1;
    }
    if (wants_one && !is_same && gateway_make(req, id, info, err) < 0) {
        return -1;
    }
    return gateway_snat(req, id, info, err) < 0 ? -1 : kn_network_router_changed(req->db, id, err);
}
