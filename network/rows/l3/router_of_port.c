/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router_of_port.c: what a port may not do because of a router: be one of its legs by somebody's word, end while it is one, lose an address that a
 * floating one stands for. What may be is told to the routers that it concerns.
 */
#include <string.h>

#include "network/rows/change.h"
#include "network/rows/l3/routers.h"

static const struct kn_stmt SERVICE = {
    "port_service",
    "SELECT p.device_owner, p.device_id, CASE WHEN p.device_owner IN ('" KN_ROUTER_LEG "', '" KN_ROUTER_GATEWAY "')"
    "  THEN EXISTS (SELECT 1 FROM router r WHERE r.id::text = p.device_id)"
    " WHEN p.device_owner = '" KN_FLOATING_PORT
    "' THEN EXISTS (SELECT 1 FROM floating_ip f WHERE f.own_port_id = p.id) ELSE false END"
    " FROM port p WHERE p.id = $1::uuid",
    1
};
enum { S_OWNER, S_DEVICE, S_SERVES };

static const struct kn_stmt LENDERS = {
    "port_lenders",
    "SELECT router_id FROM floating_ip WHERE port_id = $1::uuid AND router_id IS NOT NULL"
    " UNION SELECT f.router_id FROM port_forwarding w JOIN floating_ip f ON f.id = w.floating_ip_id WHERE w.port_id = $1::uuid AND f.router_id IS NOT NULL",
    1
};

static bool of_port_is_own(const char *owner)
{
    return strcmp(owner, KN_ROUTER_LEG) == 0 || strcmp(owner, KN_ROUTER_GATEWAY) == 0 ||
           strcmp(owner, KN_FLOATING_PORT) == 0;
}

static const struct kn_stmt OTHERS_LENT = {
    "port_others_lent", "SELECT FROM floating_ip WHERE port_id = $1::uuid AND project_id <> $2 LIMIT 1", 2
};

/* Whoever may not take back the floating address that somebody gave it may not do so by ending the port either. */
static int of_port_check_lent(struct kn_request *req, const char *id, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_rest_reaches_all(req)) {
        return 0;
    }
    if (kn_db_run(req->db, &OTHERS_LENT, KN_ARGS(id, req->caller.project_id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return 0;
    }
    kn_fail(err, KN_CONFLICT,
            "Unable to complete the operation on port %s because the port still has an associated floating IP.", id);
    return kn_fail_name(err, "FipAssociated");
}

static int of_port_end(struct kn_request *req, const char *id, const struct kn_rows *port, struct kn_error *err)
{
    enum { ROUTER };
    AUTO(kn_rows) struct kn_rows *routers = NULL;

    if (kn_rows_bool(port, 0, S_SERVES)) {
        kn_fail(err, KN_CONFLICT, "Port %s cannot be deleted directly via the port API: has device owner %s.", id,
                kn_rows_text(port, 0, S_OWNER));
        return kn_fail_name(err, "ServicePortInUse");
    }
    if (kn_db_run(req->db, &LENDERS, KN_ARGS(id), &routers, err) < 0) {
        return -1;
    }
    if (of_port_check_lent(req, id, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(routers); row++) {
        if (kn_network_router_changed(req->db, kn_rows_text(routers, row, ROUTER), err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* A word that nobody says but the cloud: whoever could, would be a leg of somebody's router. */
static int of_port_check_owner(const json_t *object, const char *now, struct kn_error *err)
{
    const char *owner = kn_schema_text(object, "device_owner", "");

    if (!of_port_is_own(owner) || strcmp(owner, now) == 0) {
        return 0;
    }
    kn_fail(err, KN_BAD_REQUEST, "Invalid input for operation: this cloud makes the ports of %s itself.", owner);
    return kn_fail_name(err, "InvalidInput");
}

int kn_network_router_of_port(struct kn_request *req, const char *id, bool is_there, const json_t *object,
                              struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *port = NULL;

    if (!is_there) {
        return of_port_check_owner(object, "", err);
    }
    if (kn_db_run(req->db, &SERVICE, KN_ARGS(id), &port, err) < 0) {
        return -1;
    }
    if (object == NULL) {
        return of_port_end(req, id, port, err);
    }
    if (of_port_check_owner(object, kn_rows_text(port, 0, S_OWNER), err) < 0) {
        return -1;
    }
    return kn_rows_bool(port, 0, S_SERVES) && strcmp(kn_rows_text(port, 0, S_OWNER), KN_FLOATING_PORT) != 0
               ? kn_network_router_changed(req->db, kn_rows_text(port, 0, S_DEVICE), err)
               : 0;
}

static const struct kn_stmt LOST = {
    "port_lost",
    "SELECT 1 FROM (SELECT fixed_ip FROM floating_ip WHERE port_id = $1::uuid UNION SELECT fixed_ip FROM port_forwarding WHERE port_id = $1::uuid) f"
    " WHERE NOT EXISTS (SELECT 1 FROM address a WHERE a.port_id = $1::uuid AND a.ip = f.fixed_ip)",
    1
};

int kn_network_router_check_kept(struct kn_request *req, const char *id, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &LOST, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) == 0
               ? 0
               : kn_network_bad(err, "port",
                                "Cannot update the fixed_ips of the port %s, because its original fixed_ip has been "
                                "associated to a floating ip",
                                id);
}
