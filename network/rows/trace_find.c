/* SPDX-License-Identifier: Apache-2.0 */
/* trace_find.c: the statements of a trace. Addresses go in and come out as text. */
#include "network/rows/trace_find.h"

#include <string.h>

#include "lib/base/mem.h"
#include "network/rows/l3/routers.h"
#include "network/rows/ports/extras.h"
#include "network/rows/shared.h"

/* clang-format off */
static const struct kn_stmt TRACE_PORT = { "trace_port",
    "SELECT p.id, p.network_id, p.mac, p.device_owner, p.device_id, b.host, h.agent_id, h.underlay, p.admin_state_up, n.admin_state_up, p.port_security, n.type = 'flat', " KN_NETWORK_IS_EXTERNAL("n.id")
    " FROM port p JOIN network n ON n.id = p.network_id LEFT JOIN port_binding b ON b.port_id = p.id AND b.state = 'active' LEFT JOIN host h ON h.name = b.host"
    " WHERE p.id = $1::uuid", 1 };
enum { P_ID, P_NETWORK, P_MAC, P_OWNER, P_DEVICE, P_HOST, P_AGENT, P_UNDERLAY, P_UP, P_NETWORK_UP, P_SECURE, P_FLAT, P_EXTERNAL };

static const struct kn_stmt TRACE_SOURCE = { "trace_source",
    "SELECT host(a.ip) FROM address a JOIN subnet s ON s.id = a.subnet_id WHERE a.port_id = $1::uuid AND family(a.ip) = family($2::inet)"
    " ORDER BY s.cidr >>= $2::inet DESC, a.ip LIMIT 1", 2 };

static const struct kn_stmt TRACE_MAY = { "trace_may",
    "SELECT 1 FROM address WHERE port_id = $1::uuid AND ip = $2::inet UNION ALL"
    " SELECT 1 FROM port p, jsonb_array_elements(p.allowed_pairs) e WHERE p.id = $1::uuid AND (e->>'ip_address')::inet >>= $2::inet LIMIT 1", 2 };

static const struct kn_stmt TRACE_NEXT = { "trace_next",
    "SELECT w.next FROM ("
    " SELECT host($3::inet) AS next, 129 AS length FROM address a JOIN subnet s ON s.id = a.subnet_id WHERE a.port_id = $1::uuid AND s.cidr >>= $3::inet"
    " UNION ALL SELECT r->>'nexthop', masklen((r->>'destination')::inet) FROM address a JOIN subnet s ON s.id = a.subnet_id, jsonb_array_elements(s.host_routes::jsonb) r"
    "  WHERE a.port_id = $1::uuid AND (r->>'destination')::inet >>= $3::inet"
    " UNION ALL SELECT host(s.gateway_ip), CASE WHEN s.cidr >>= $2::inet THEN -1 ELSE -2 END FROM address a JOIN subnet s ON s.id = a.subnet_id"
    "  WHERE a.port_id = $1::uuid AND family(s.gateway_ip) = family($3::inet)) w ORDER BY w.length DESC, w.next LIMIT 1", 3 };

/* As hosts decide (network/host/link/behind.h): what is a port's own, if it is anywhere; what was announced; a single address that pairs allow; then the rest, which nobody answers for. */
#define HOLDS_IT(p) "EXISTS (SELECT FROM port_binding b WHERE b.port_id = " p " AND b.state = 'active')"
static const struct kn_stmt TRACE_HOLDER = { "trace_holder",
    "SELECT w.port, w.how, w.mac, to_char(w.heard_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS UTC'), to_char(w.rests_until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS UTC') FROM ("
    " SELECT CASE WHEN p.device_owner = '" KN_FLOATING_PORT "' THEN (SELECT g.id FROM floating_ip f JOIN port g ON g.device_id = f.router_id::text"
    "   AND g.device_owner = '" KN_ROUTER_GATEWAY "' WHERE f.own_port_id = p.id) ELSE p.id END AS port,"
    "  CASE WHEN p.device_owner = '" KN_FLOATING_PORT "' THEN 2 ELSE 1 END AS how, NULL AS mac, NULL::timestamptz AS heard_at, NULL::timestamptz AS rests_until,"
    "  CASE WHEN p.device_owner LIKE 'network:%' OR " HOLDS_IT("p.id") " THEN 0 ELSE 3 END AS rank"
    "  FROM address a JOIN port p ON p.id = a.port_id WHERE p.network_id = $1::uuid AND a.ip = $2::inet"
    " UNION ALL SELECT c.port_id, 3, c.mac::text, c.heard_at, CASE WHEN c.rests_until > now() THEN c.rests_until END, CASE WHEN " HOLDS_IT("c.port_id") " THEN 1 ELSE 4 END FROM announced_address c"
    "  JOIN port p ON p.id = c.port_id WHERE c.network_id = $1::uuid AND c.ip = $2::inet AND EXISTS (SELECT FROM jsonb_array_elements(p.allowed_pairs) e"
    "   WHERE (e->>'ip_address')::inet >>= c.ip AND (e->>'mac_address')::macaddr = c.mac)"
    " UNION ALL SELECT p.id, CASE WHEN bool_or((e.pair->>'ip_address')::inet = $2::inet) THEN 4 ELSE 5 END,"
    "  (array_agg(e.pair->>'mac_address' ORDER BY (e.pair->>'ip_address')::inet = $2::inet DESC, (e.pair->>'mac_address')::macaddr = p.mac DESC))[1], NULL, NULL,"
    "  CASE WHEN bool_or((e.pair->>'ip_address')::inet = $2::inet) AND " HOLDS_IT("p.id") " THEN 2 WHEN " HOLDS_IT("p.id") " THEN 5 ELSE 6 END"
    "  FROM port p, jsonb_array_elements(p.allowed_pairs) AS e(pair) WHERE p.network_id = $1::uuid AND (e.pair->>'ip_address')::inet >>= $2::inet GROUP BY p.id) w"
    " WHERE w.port IS NOT NULL ORDER BY w.rank, w.port LIMIT 1", 2 };
enum { H_PORT, H_HOW, H_MAC, H_HEARD, H_RESTS };

static const struct kn_stmt TRACE_DOOR = { "trace_door",
    "SELECT id FROM port WHERE network_id = $1::uuid AND device_owner = 'network:dhcp' ORDER BY id LIMIT 1", 1 };

static const struct kn_stmt TRACE_ROUTER = { "trace_router",
    "SELECT r.id, r.admin_state_up, r.snat, r.host, h.agent_id FROM router r LEFT JOIN host h ON h.name = r.host WHERE r.id::text = $1", 1 };
enum { R_ID, R_UP, R_SNAT, R_HOST, R_AGENT };

#define TRACE_LEGS \
    "port p JOIN address a ON a.port_id = p.id JOIN subnet s ON s.id = a.subnet_id WHERE p.device_id = $1 AND p.device_owner IN ('" KN_ROUTER_LEG "', '" KN_ROUTER_GATEWAY "') AND " KN_PORT_IS_UP("p")
static const struct kn_stmt TRACE_ROUTE = { "trace_route",
    "SELECT w.leg, w.via, w.own, (SELECT q.device_owner = '" KN_ROUTER_GATEWAY "' FROM port q WHERE q.id = w.leg) FROM ("
    " SELECT p.id AS leg, NULL AS via, true AS own, 1000 AS length FROM " TRACE_LEGS " AND a.ip = $2::inet"
    " UNION ALL SELECT g.id, NULL, true, 999 FROM floating_ip f JOIN port g ON g.device_id = $1 AND g.device_owner = '" KN_ROUTER_GATEWAY "'"
    "  WHERE f.router_id::text = $1 AND f.ip = $2::inet"
    " UNION ALL SELECT p.id, NULL, false, 2 * masklen(s.cidr) + 1 FROM " TRACE_LEGS " AND s.cidr >>= $2::inet"
    " UNION ALL SELECT p.id, e->>'nexthop', false, 2 * masklen((e->>'destination')::inet) FROM router r, jsonb_array_elements(r.routes) e,"
    "  LATERAL (SELECT p.id FROM " TRACE_LEGS " AND s.cidr >>= (e->>'nexthop')::inet ORDER BY p.id LIMIT 1) p"
    "  WHERE r.id::text = $1 AND (e->>'destination')::inet >>= $2::inet"
    " UNION ALL SELECT p.id, host(s.gateway_ip), false, -1 FROM " TRACE_LEGS " AND p.device_owner = '" KN_ROUTER_GATEWAY "' AND family(s.gateway_ip) = family($2::inet)"
    ") w ORDER BY w.length DESC, w.leg LIMIT 1", 2 };
enum { W_LEG, W_VIA, W_OWN, W_GATEWAY };

static const struct kn_stmt TRACE_SCOPE = { "trace_scope",
    "SELECT l.address_scope_id FROM address a JOIN subnet s ON s.id = a.subnet_id JOIN subnet_pool l ON l.id = s.subnetpool_id WHERE a.port_id = $1::uuid"
    " AND family(a.ip) = $2::int AND l.address_scope_id IS NOT NULL LIMIT 1", 2 };

static const struct kn_stmt TRACE_INSIDE = { "trace_inside",
    "SELECT f.id, host(f.fixed_ip), $4::int FROM floating_ip f WHERE f.router_id = $1::uuid AND f.ip = $2::inet AND f.port_id IS NOT NULL"
    " UNION ALL SELECT w.id, host(w.fixed_ip),"
    " least(w.internal_port + $4::int - w.external_port, w.internal_last) FROM floating_ip f JOIN port_forwarding w ON w.floating_ip_id = f.id"
    " WHERE f.router_id = $1::uuid AND f.ip = $2::inet AND w.protocol = $3 AND $4::int BETWEEN w.external_port AND w.external_last LIMIT 1", 4 };
static const struct kn_stmt TRACE_OUTSIDE = { "trace_outside",
    "SELECT w.id, w.ip FROM (SELECT f.id::text, host(f.ip) AS ip, 0 AS n FROM floating_ip f WHERE f.router_id::text = $1 AND f.fixed_ip = $2::inet AND f.port_id IS NOT NULL"
    " UNION ALL SELECT '', host(a.ip), 1 FROM port g JOIN address a ON a.port_id = g.id WHERE g.device_id = $1 AND g.device_owner = '" KN_ROUTER_GATEWAY "'"
    "  AND family(a.ip) = 4) w ORDER BY w.n, w.ip LIMIT 1", 2 };
enum { T_ID, T_IP, T_PORT };

static const struct kn_stmt TRACE_RULE = { "trace_rule",
    "SELECT string_agg(DISTINCT g.group_id::text, ', '), (SELECT r.id FROM port_security_group o JOIN security_group_rule r ON r.group_id = o.group_id"
    " WHERE o.port_id = $1::uuid AND r.direction = $2 AND r.ethertype = CASE family($3::inet) WHEN 4 THEN 'IPv4' ELSE 'IPv6' END"
    " AND (r.number IS NULL OR $4::int = CASE WHEN r.number = 1 AND r.ethertype = 'IPv6' THEN 58 ELSE r.number END)"
    " AND (r.range_min IS NULL OR (r.number IS NOT NULL AND CASE WHEN $4::int IN (1, 58) THEN r.range_min = $5::int AND coalesce(r.range_max, $6::int) = $6::int"
    "   ELSE $6::int BETWEEN r.range_min AND coalesce(r.range_max, r.range_min) END))"
    " AND (r.remote_prefix IS NULL OR network(r.remote_prefix) >>= $3::inet)"
    " AND (r.remote_address_group_id IS NULL OR EXISTS (SELECT FROM address_group_address x WHERE x.group_id = r.remote_address_group_id AND x.address >>= $3::inet))"
    " AND (r.remote_group_id IS NULL OR EXISTS (SELECT FROM port_security_group m JOIN address a ON a.port_id = m.port_id WHERE m.group_id = r.remote_group_id AND a.ip = $3::inet)"
    "  OR EXISTS (SELECT FROM port_security_group m JOIN port q ON q.id = m.port_id, jsonb_array_elements(q.allowed_pairs) e"
    "   WHERE m.group_id = r.remote_group_id AND (e->>'ip_address')::inet >>= $3::inet)) ORDER BY r.id LIMIT 1)"
    " FROM port_security_group g WHERE g.port_id = $1::uuid", 6 };
enum { G_GROUPS, G_RULE };
/* clang-format on */

static struct kn_ip find_ip(const struct kn_rows *rows, int column)
{
    struct kn_ip ip = KN_IP_NONE;

    if (kn_rows_count(rows) == 0 || !kn_ip_parse(kn_rows_text(rows, 0, column), &ip)) {
        return KN_IP_NONE;
    }
    return ip;
}

int kn_network_find_port(struct kn_db *db, const char *id, struct kn_network_found_port *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    *ret = (struct kn_network_found_port){ .id = "" };
    if (kn_db_run(db, &TRACE_PORT, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return 0;
    }
    kn_copy(ret->id, sizeof(ret->id), kn_rows_text(rows, 0, P_ID));
    kn_copy(ret->network, sizeof(ret->network), kn_rows_text(rows, 0, P_NETWORK));
    kn_copy(ret->mac, sizeof(ret->mac), kn_rows_text(rows, 0, P_MAC));
    kn_copy(ret->owner, sizeof(ret->owner), kn_rows_text(rows, 0, P_OWNER));
    kn_copy(ret->device, sizeof(ret->device), kn_rows_text(rows, 0, P_DEVICE));
    kn_copy(ret->host, sizeof(ret->host), kn_rows_text(rows, 0, P_HOST));
    kn_copy(ret->agent, sizeof(ret->agent), kn_rows_text(rows, 0, P_AGENT));
    kn_copy(ret->underlay, sizeof(ret->underlay), kn_rows_text(rows, 0, P_UNDERLAY));
    ret->is_up = kn_rows_bool(rows, 0, P_UP);
    ret->is_network_up = kn_rows_bool(rows, 0, P_NETWORK_UP);
    ret->is_secure = kn_rows_bool(rows, 0, P_SECURE);
    ret->is_flat = kn_rows_bool(rows, 0, P_FLAT);
    ret->is_external = kn_rows_bool(rows, 0, P_EXTERNAL);
    return 0;
}

int kn_network_find_source(struct kn_db *db, const char *port, const struct kn_ip *to, struct kn_ip *ret,
                           struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char text[KN_IP_SIZE];

    if (kn_db_run(db, &TRACE_SOURCE, KN_ARGS(port, kn_ip_text(to, text)), &rows, err) < 0) {
        return -1;
    }
    *ret = find_ip(rows, KN_ONLY);
    return 0;
}

int kn_network_find_may(struct kn_db *db, const char *port, const struct kn_ip *ip, bool *ret_may, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char text[KN_IP_SIZE];

    if (kn_db_run(db, &TRACE_MAY, KN_ARGS(port, kn_ip_text(ip, text)), &rows, err) < 0) {
        return -1;
    }
    *ret_may = kn_rows_count(rows) > 0;
    return 0;
}

int kn_network_find_next(struct kn_db *db, const char *port, const struct kn_ip *source, const struct kn_ip *to,
                         struct kn_ip *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char from[KN_IP_SIZE], text[KN_IP_SIZE];

    if (kn_db_run(db, &TRACE_NEXT, KN_ARGS(port, kn_ip_text(source, from), kn_ip_text(to, text)), &rows, err) < 0) {
        return -1;
    }
    *ret = find_ip(rows, KN_ONLY);
    return 0;
}

int kn_network_find_holder(struct kn_db *db, const char *network, const struct kn_ip *ip,
                           struct kn_network_found_holder *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char text[KN_IP_SIZE];

    *ret = (struct kn_network_found_holder){ .how = KN_HELD_BY_NOBODY };
    if (kn_db_run(db, &TRACE_HOLDER, KN_ARGS(network, kn_ip_text(ip, text)), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0) {
        ret->how = (unsigned)kn_rows_int(rows, 0, H_HOW);
        kn_copy(ret->port, sizeof(ret->port), kn_rows_text(rows, 0, H_PORT));
        kn_copy(ret->mac, sizeof(ret->mac), kn_rows_text(rows, 0, H_MAC));
        kn_copy(ret->heard, sizeof(ret->heard), kn_rows_text(rows, 0, H_HEARD));
        kn_copy(ret->rests, sizeof(ret->rests), kn_rows_text(rows, 0, H_RESTS));
    }
    return 0;
}

int kn_network_find_door(struct kn_db *db, const char *network, char ret_port[KN_UUID_SIZE], struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &TRACE_DOOR, KN_ARGS(network), &rows, err) < 0) {
        return -1;
    }
    kn_copy(ret_port, KN_UUID_SIZE, kn_rows_count(rows) > 0 ? kn_rows_text(rows, 0, KN_ONLY) : "");
    return 0;
}

int kn_network_find_router(struct kn_db *db, const char *id, struct kn_network_found_router *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    *ret = (struct kn_network_found_router){ .id = "" };
    if (kn_db_run(db, &TRACE_ROUTER, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0) {
        kn_copy(ret->id, sizeof(ret->id), kn_rows_text(rows, 0, R_ID));
        kn_copy(ret->host, sizeof(ret->host), kn_rows_text(rows, 0, R_HOST));
        kn_copy(ret->agent, sizeof(ret->agent), kn_rows_text(rows, 0, R_AGENT));
        ret->is_up = kn_rows_bool(rows, 0, R_UP);
        ret->snat = kn_rows_bool(rows, 0, R_SNAT);
    }
    return 0;
}

int kn_network_find_route(struct kn_db *db, const char *router, const struct kn_ip *to,
                          struct kn_network_found_route *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char text[KN_IP_SIZE];

    *ret = (struct kn_network_found_route){ .leg = "" };
    if (kn_db_run(db, &TRACE_ROUTE, KN_ARGS(router, kn_ip_text(to, text)), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0) {
        kn_copy(ret->leg, sizeof(ret->leg), kn_rows_text(rows, 0, W_LEG));
        ret->via = find_ip(rows, W_VIA);
        ret->is_own = kn_rows_bool(rows, 0, W_OWN);
        ret->is_gateway = kn_rows_bool(rows, 0, W_GATEWAY);
    }
    return 0;
}

int kn_network_find_scope(struct kn_db *db, const char *port, uint8_t family, char ret_scope[KN_UUID_SIZE],
                          struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg number;

    if (kn_db_run(db, &TRACE_SCOPE, KN_ARGS(port, kn_arg_int(&number, family)), &rows, err) < 0) {
        return -1;
    }
    kn_copy(ret_scope, KN_UUID_SIZE, kn_rows_count(rows) > 0 ? kn_rows_text(rows, 0, KN_ONLY) : "");
    return 0;
}

int kn_network_find_inside(struct kn_db *db, const char *router, int protocol, struct kn_ip *ip, int *port,
                           char ret_id[KN_UUID_SIZE], struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg number;
    char text[KN_IP_SIZE];
    const char *word = protocol == 6 ? "tcp" : protocol == 17 ? "udp" : "";

    ret_id[0] = '\0';
    if (kn_db_run(db, &TRACE_INSIDE, KN_ARGS(router, kn_ip_text(ip, text), word, kn_arg_int(&number, *port)), &rows,
                  err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0) {
        kn_copy(ret_id, KN_UUID_SIZE, kn_rows_text(rows, 0, T_ID));
        *ip = find_ip(rows, T_IP);
        *port = (int)kn_rows_int(rows, 0, T_PORT);
    }
    return 0;
}

int kn_network_find_outside(struct kn_db *db, const char *router, const struct kn_ip *source, struct kn_ip *ret,
                            char ret_id[KN_UUID_SIZE], struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char text[KN_IP_SIZE];

    if (kn_db_run(db, &TRACE_OUTSIDE, KN_ARGS(router, kn_ip_text(source, text)), &rows, err) < 0) {
        return -1;
    }
    *ret = find_ip(rows, T_IP);
    kn_copy(ret_id, KN_UUID_SIZE, kn_rows_count(rows) > 0 ? kn_rows_text(rows, 0, T_ID) : "");
    return 0;
}

int kn_network_find_rule(struct kn_db *db, const char *port, bool is_ingress, const struct kn_ip *remote, int protocol,
                         int first, int second, struct kn_network_found_rule *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg number, one, two;
    char text[KN_IP_SIZE];

    *ret = (struct kn_network_found_rule){ .has_groups = false };
    if (kn_db_run(db, &TRACE_RULE,
                  KN_ARGS(port, is_ingress ? "ingress" : "egress", kn_ip_text(remote, text),
                          kn_arg_int(&number, protocol), kn_arg_int(&one, first), kn_arg_int(&two, second)),
                  &rows, err) < 0) {
        return -1;
    }
    ret->has_groups = !kn_rows_null(rows, 0, G_GROUPS);
    kn_copy(ret->groups, sizeof(ret->groups), kn_rows_text(rows, 0, G_GROUPS));
    kn_copy(ret->id, sizeof(ret->id), kn_rows_text(rows, 0, G_RULE));
    return 0;
}
