/* SPDX-License-Identifier: Apache-2.0 */
/* floating_reach.c: which address of a port an address from outside can stand for, and by which router it would be reached. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/rest/write.h"
#include "network/rows/networks.h"
#include "network/rows/l3/routers.h"

/* The port's IPv4 addresses, each with the router that leads outside: the one that is its subnet's gateway before any other. */
static const struct kn_stmt REACH = {
    "floating_reach",
    "SELECT p.project_id, p.device_owner, host(a.ip), a.subnet_id,"
    " (SELECT q.device_id FROM address l JOIN port q ON q.id = l.port_id AND q.device_owner = '" KN_ROUTER_LEG "'"
    "  JOIN port g ON g.device_id = q.device_id AND g.device_owner = '" KN_ROUTER_GATEWAY
    "' AND g.network_id = $2::uuid"
    "  WHERE l.subnet_id = a.subnet_id ORDER BY l.ip = s.gateway_ip DESC, q.created_at, q.id LIMIT 1)"
    " FROM port p LEFT JOIN address a ON a.port_id = p.id AND family(a.ip) = 4 LEFT JOIN subnet s ON s.id = a.subnet_id WHERE p.id = $1::uuid"
    " ORDER BY a.ip FOR SHARE OF p",
    2
};
enum { R_PROJECT, R_OWNER, R_IP, R_SUBNET, R_ROUTER };

static bool reach_is_own(const char *owner)
{
    return strcmp(owner, KN_ROUTER_LEG) == 0 || strcmp(owner, KN_ROUTER_GATEWAY) == 0 ||
           strcmp(owner, KN_FLOATING_PORT) == 0 || strcmp(owner, "network:dhcp") == 0;
}

/* The row of the address that is meant; -1: refused. */
static int reach_choose(const struct kn_rows *rows, const char *port, const char *fixed_ip, struct kn_error *err)
{
    const int count = kn_rows_null(rows, 0, R_IP) ? 0 : kn_rows_count(rows);
    struct kn_ip ip;

    if (fixed_ip != NULL) {
        if (!kn_ip_parse(fixed_ip, &ip) || ip.family != 4) {
            return kn_network_bad(
                err, "floatingip",
                "Cannot process floating IP association with %.64s, since that is not an IPv4 address", fixed_ip);
        }
        for (int row = 0; row < count; row++) {
            if (strcmp(kn_rows_text(rows, row, R_IP), fixed_ip) == 0) {
                return row;
            }
        }
        return kn_network_bad(err, "floatingip", "Port %s does not have fixed ip %s", port, fixed_ip);
    }
    if (count == 0) {
        return kn_network_bad(err, "floatingip", "Cannot add floating IP to port %s that has no fixed IPv4 addresses",
                              port);
    }
    if (count > 1) {
        return kn_network_bad(err, "floatingip",
                              "Port %s has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when "
                              "assigning a floating IP",
                              port);
    }
    return 0;
}

int kn_network_reach(struct kn_request *req, const char *port, const char *fixed_ip, const char *project,
                     const char *network, struct kn_network_reach *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    bool owned;

    if (kn_rest_see(&kn_network_ports, req, port, &owned, err) < 0 ||
        kn_db_run(req->db, &REACH, KN_ARGS(port, network), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_rest_not_found(&kn_network_ports, port, err);
    }
    if (strcmp(kn_rows_text(rows, 0, R_PROJECT), project) != 0 && !kn_rest_reaches_all(req)) {
        return kn_network_bad(
            err, "floatingip",
            "Cannot process floating IP association with Port %s, since that port is owned by a different project",
            port);
    }
    if (reach_is_own(kn_rows_text(rows, 0, R_OWNER))) {
        return kn_network_bad(err, "floatingip", "Port %s is unable to be assigned a floating IP", port);
    }
    const int row = reach_choose(rows, port, fixed_ip, err);

    if (row < 0) {
        return -1;
    }
    if (kn_rows_null(rows, row, R_ROUTER)) {
        kn_fail(err, KN_NOT_FOUND,
                "External network %s is not reachable from subnet %s.  Therefore, cannot associate Port %s with a "
                "Floating IP.",
                network, kn_rows_text(rows, row, R_SUBNET), port);
        return kn_fail_name(err, "ExternalGatewayForFloatingIPNotFound");
    }
    kn_copy(ret->ip, sizeof(ret->ip), kn_rows_text(rows, row, R_IP));
    kn_copy(ret->subnet, sizeof(ret->subnet), kn_rows_text(rows, row, R_SUBNET));
    kn_copy(ret->router, sizeof(ret->router), kn_rows_text(rows, row, R_ROUTER));
    return 0;
}
