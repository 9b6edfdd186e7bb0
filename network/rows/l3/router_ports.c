/* SPDX-License-Identifier: Apache-2.0 */
/* router_ports.c: the ports that routers and floating addresses are made of, by the ports' own noun; whose they are and where they are bound is ours. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/adapter/quota.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "network/rows/change.h"
#include "network/rows/networks.h"
#include "network/rows/ports/insert.h"
#include "network/rows/l3/routers.h"

int kn_network_bad(struct kn_error *err, const char *what, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    kn_fail(err, KN_BAD_REQUEST, "Bad %s request: %s.", what, text);
    return kn_fail_name(err, "BadRequest");
}

static const struct kn_stmt OWN = { "router_port_own", "UPDATE port SET project_id = $2 WHERE id = $1::uuid", 2 };
static const struct kn_stmt BIND = {
    "router_port_bind",
    "WITH held AS (SELECT id FROM port WHERE id = $1::uuid FOR KEY SHARE)"
    " INSERT INTO port_binding (port_id, host, state) SELECT p.id, r.host, 'active' FROM held p JOIN router r ON r.id = $2::uuid AND r.host IS NOT NULL"
    " ON CONFLICT DO NOTHING",
    2
};

int kn_network_router_port_make(struct kn_request *req, const struct kn_network_router_port *port,
                                char ret_id[KN_UUID_SIZE], struct kn_error *err)
{
    json_auto_t *object = json_pack("{s:s, s:s, s:s, s:b}", "network_id", port->network, "device_id", port->device,
                                    "device_owner", port->owner, "admin_state_up", true);

    kn_uuid_make(ret_id);
    if (port->fixed_ips != NULL) {
        json_object_set_new(object, "fixed_ips", json_deep_copy(port->fixed_ips));
    }
    if (kn_network_port_insert(req, ret_id, object, err) < 0 ||
        kn_db_run(req->db, &OWN, KN_ARGS(ret_id, port->project), NULL, err) < 0 ||
        kn_db_run(req->db, &BIND, KN_ARGS(ret_id, port->device), NULL, err) < 0) {
        return -1;
    }
    return kn_network_change(req->db, KN_CHANGED_PORT, ret_id, err);
}

static const struct kn_stmt END = { "router_port_end", "DELETE FROM port WHERE id = $1::uuid", 1 };

int kn_network_router_port_end(struct kn_request *req, const char *id, struct kn_error *err)
{
    return kn_network_change(req->db, KN_CHANGED_PORT, id, err) < 0 ? -1
                                                                    : kn_db_run(req->db, &END, KN_ARGS(id), NULL, err);
}

static const struct kn_stmt GATEWAY = {
    "router_gateway_port", "SELECT id FROM port WHERE device_id = $1 AND device_owner = '" KN_ROUTER_GATEWAY "'", 1
};

int kn_network_router_changed(struct kn_db *db, const char *id, struct kn_error *err)
{
    enum { PORT };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (id == NULL || id[0] == '\0') {
        return 0;
    }
    if (kn_network_change(db, KN_CHANGED_ROUTER, id, err) < 0 || kn_db_run(db, &GATEWAY, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) == 0 ? 0 : kn_network_change(db, KN_CHANGED_PORT, kn_rows_text(rows, 0, PORT), err);
}

static const struct kn_stmt HOLD = { "router_hold", "SELECT 1 FROM router WHERE id = $1::uuid FOR UPDATE", 1 };

int kn_network_router_hold(struct kn_db *db, const char *id, struct kn_error *err)
{
    return id == NULL || id[0] == '\0' ? 0 : kn_db_run(db, &HOLD, KN_ARGS(id), NULL, err);
}
