/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_nics.c: the row's side of a NIC that a server gets after it was made (network/api.h): a port is made, or one that is there is given, in the transaction of
 * the wish, so that none is without a task that makes it a device and takes it back if that fails. Whoever loses one again is kilonova-network (network/serve/bind.c).
 */
#include <string.h>

#include "lib/adapter/task.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/server_state.h"
#include "lib/rest/write.h"
#include "network/api.h"
#include "network/rows/change.h"
#include "network/rows/networks.h"
#include "network/rows/ports/plan.h"
#include "network/rows/ports/insert.h"
#include "network/rows/ports/server_nics.h"
#include "network/rows/ports/topology.h"
#include "network/rows/usable.h"

static const struct kn_stmt NUMBER = {
    "server_nics_number",
    "WITH own AS (SELECT id, (row_number() OVER (PARTITION BY device_id ORDER BY nic, id) - 1)::smallint AS place FROM port"
    "  WHERE device_id = ANY($1::text[]) AND device_id <> '' AND nic IS NOT NULL),"
    " moved AS (UPDATE port p SET nic = own.place FROM own WHERE p.id = own.id AND p.nic <> own.place)"
    " SELECT count(*) FROM own",
    1
};
static const struct kn_stmt GIVE = {
    "server_nics_give",
    "UPDATE port SET device_id = $2, device_owner = 'compute:', nic = $3::smallint, tag = $4, made_for_server = $5::boolean, updated_at = now()"
    " WHERE id = $1::uuid",
    5
};

int kn_network_nics_number(struct kn_db *db, struct kn_array *servers, int64_t *ret_count, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &NUMBER, KN_ARGS(kn_array_value(servers)), &rows, err) < 0) {
        return -1;
    }
    *ret_count = kn_rows_int(rows, 0, KN_ONLY);
    return 0;
}

/* The new one is the last. */
static int nic_place(struct kn_db *db, const char *server, int64_t *ret_place, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array servers = KN_ARRAY_INIT;

    kn_array_add(&servers, server);
    if (kn_network_nics_number(db, &servers, ret_place, err) < 0) {
        return -1;
    }
    return *ret_place < KN_MAX_NICS
               ? 0
               : kn_fail(
                     err, KN_FORBIDDEN,
                     "The maximum allowed number of network interfaces (%d) to attach to a single instance has been "
                     "exceeded.",
                     KN_MAX_NICS);
}

/* A network with servers has an address for its DHCP on each subnet that has DHCP (network/rows/ports/plan.h). */
static int nic_serve(struct kn_db *db, const char *network_id, struct kn_error *err)
{
    AUTO_RELEASE(kn_network_topology) struct kn_network_topology topology = { NULL, NULL };
    AUTO_RELEASE(kn_network_plan) struct kn_network_plan plan;
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    struct kn_network_view *network;

    kn_network_plan_init(&plan);
    kn_array_add(&ids, network_id);
    if (kn_network_topology_load(db, &ids, true, &topology, err) < 0) {
        return -1;
    }
    network = kn_network_topology_network(&topology, network_id);
    return network == NULL || kn_network_plan_dhcp(db, &plan, network, err) < 0 ? -1
                                                                                : kn_network_plan_write(db, &plan, err);
}

/* --- a port that is there ----------------------------------------------------------------------------------------- */

static const struct kn_stmt PORT = {
    "server_nics_port",
    "SELECT p.project_id, p.device_id, p.network_id, EXISTS (SELECT 1 FROM address a WHERE a.port_id = p.id), " KN_NETWORK_PORT_OUTSIDE(
        "$2") " FROM port p WHERE p.id = $1::uuid FOR UPDATE OF p",
    2
};
enum { P_PROJECT, P_DEVICE, P_NETWORK, P_HAS_ADDRESS, P_OUTSIDE };

static int nic_no_port(const char *id, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Port id %.80s could not be found.", id);
}

/* network: of KN_UUID_SIZE. */
static int nic_take(struct kn_request *req, const struct kn_network_nic_wish *wish, char *ret_network,
                    struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    bool is_owned = false;

    if (kn_rest_see(&kn_network_ports, req, wish->port_id, &is_owned, err) < 0) {
        return err->code == KN_NOT_FOUND ? nic_no_port(wish->port_id, err) : -1;
    }
    if (kn_db_run(req->db, &PORT,
                  KN_ARGS(wish->port_id, kn_policy_allows(KN_NEUTRON_GET_NETWORK, &req->caller, NULL) ? "t" : "f"),
                  &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return nic_no_port(wish->port_id, err);
    }
    if (strcmp(kn_rows_text(rows, 0, P_PROJECT), wish->project_id) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Port %s not usable for instance %s.", wish->port_id, wish->server_id);
    }
    kn_copy(ret_network, KN_UUID_SIZE, kn_rows_text(rows, 0, P_NETWORK));
    return kn_network_port_judge(wish->port_id,
                                 &(struct kn_network_port_found){ .exists = true,
                                                                  .is_used = kn_rows_text(rows, 0, P_DEVICE)[0] != '\0',
                                                                  .has_address = kn_rows_bool(rows, 0, P_HAS_ADDRESS),
                                                                  .outside = kn_rows_text(rows, 0, P_OUTSIDE) },
                                 err);
}

/* --- a new port --------------------------------------------------------------------------------------------------- */

static int nic_only_network(struct kn_request *req, const char *project, char *ret_network, struct kn_error *err)
{
    if (kn_network_auto(req->db, project, ret_network, err) < 0) {
        return err->code == KN_CONFLICT ? kn_fail(err, KN_BAD_REQUEST,
                                                  "Multiple possible networks found, use a Network ID to be more "
                                                  "specific.")
                                        : -1;
    }
    return ret_network[0] != '\0' ? 0
                                  : kn_fail(err, KN_BAD_REQUEST,
                                            "No specific network was requested and none are available for project "
                                            "'%s'.",
                                            project);
}

static int nic_check_network(struct kn_request *req, const struct kn_network_nic_wish *wish, const char *network,
                             bool *ret_is_open, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_network_found found;

    if (kn_network_find_usable(req->db, &req->caller, network, wish->fixed_ip, &rows, &found, err) < 0) {
        return -1;
    }
    if (!found.exists) {
        return kn_fail(err, KN_NOT_FOUND, "Network %s could not be found.", network);
    }
    if (found.has_subnet && found.user != NULL) {
        return kn_fail(err, KN_CONFLICT, "Fixed IP address %s is already in use on instance %s.", wish->fixed_ip,
                       found.user);
    }
    *ret_is_open = found.is_open;
    return kn_network_judge(network, wish->fixed_ip, &found, err);
}

/* Another's network, which is held: it is still shared, and stays so until the port is there. */
static int nic_hold_share(struct kn_request *req, const char *network, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array projects = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    kn_array_add(&ids, network);
    kn_array_add(&projects, req->caller.project_id);
    if (kn_network_shares(req->db, &ids, &projects, &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) > 0 ? 0 : kn_fail(err, KN_NOT_FOUND, "Network %s could not be found.", network);
}

/* What Neutron would have said, as Nova says it. */
static int nic_refused(const struct kn_network_nic_wish *wish, const char *network, struct kn_error *err)
{
    if (strncmp(err->name, "IpAddressGenerationFailure", strlen("IpAddressGenerationFailure")) == 0) {
        return kn_fail(err, KN_BAD_REQUEST, "No fixed IP addresses available for network: %s", network);
    }
    if (strcmp(err->name, "IpAddressAlreadyAllocated") == 0) {
        return kn_fail(err, KN_CONFLICT, "Fixed IP address %s is already in use.", wish->fixed_ip);
    }
    return strncmp(err->name, "InvalidIp", strlen("InvalidIp")) == 0
               ? kn_fail(err, KN_BAD_REQUEST, "Fixed IP %s is not a valid ip address for network %s.", wish->fixed_ip,
                         network)
               : -1;
}

static int nic_make(struct kn_request *req, const struct kn_network_nic_wish *wish, const char *network,
                    struct kn_quota_claims *claims, char ret_port[KN_UUID_SIZE], struct kn_error *err)
{
    json_auto_t *object = json_pack("{s:s, s:s, s:s, s:s}", "network_id", network, "project_id", wish->project_id,
                                    "device_id", wish->server_id, "device_owner", "compute:");

    if (wish->fixed_ip != NULL) {
        json_object_set_new(object, "fixed_ips", json_pack("[{s:s}]", "ip_address", wish->fixed_ip));
    }
    kn_uuid_make(ret_port);
    if (kn_network_port_insert(req, ret_port, object, err) < 0) {
        return nic_refused(wish, network, err);
    }
    kn_quota_claim(claims, wish->project_id, KN_QUOTA_PORT, 1);
    return 0;
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

int kn_network_nic_give(struct kn_request *req, const struct kn_network_nic_wish *wish, struct kn_quota_claims *claims,
                        char ret_port[KN_UUID_SIZE], struct kn_error *err)
{
    const bool is_made = wish->port_id == NULL;
    bool is_open = false;
    char network[KN_UUID_SIZE] = "";
    int64_t place = 0;
    struct kn_arg nic;

    if (nic_place(req->db, wish->server_id, &place, err) < 0) {
        return -1;
    }
    if (!is_made) {
        kn_copy(ret_port, KN_UUID_SIZE, wish->port_id);
        if (nic_take(req, wish, network, err) < 0 || nic_serve(req->db, network, err) < 0) {
            return -1;
        }
    } else {
        if (wish->network_id != NULL) {
            kn_copy(network, sizeof(network), wish->network_id);
        } else if (nic_only_network(req, wish->project_id, network, err) < 0) {
            return -1;
        }
        if (nic_check_network(req, wish, network, &is_open, err) < 0 || nic_serve(req->db, network, err) < 0 ||
            (!is_open && nic_hold_share(req, network, err) < 0) ||
            nic_make(req, wish, network, claims, ret_port, err) < 0) {
            return -1;
        }
    }
    return kn_db_run(req->db, &GIVE,
                     KN_ARGS(ret_port, wish->server_id, kn_arg_int(&nic, place), wish->tag, is_made ? "t" : "f"), NULL,
                     err);
}

bool kn_network_nic_raced(const struct kn_db *db)
{
    return kn_network_plan_raced(db);
}

static const struct kn_stmt HAS = { "server_nics_has",
                                    "SELECT FROM port WHERE id = $2::uuid AND device_id = $1 AND nic IS NOT NULL", 2 };

int kn_network_nic_check(struct kn_db *db, const char *server_id, const char *port_id, struct kn_error *err)
{
    int64_t has = 0;

    if (kn_uuid_valid(port_id) && kn_db_change(db, &HAS, KN_ARGS(server_id, port_id), &has, err) < 0) {
        return -1;
    }
    return has > 0 ? 0 : nic_no_port(port_id, err);
}

/* --- a port that goes ----------------------------------------------------------------------------------------------- */

/* By the server's key, not by its text, which would read every server; a client may have written anything into device_id. */
#define SERVER_OF_PORT \
    "SELECT s.id, s.project_id, s.vm_state, s.task_state FROM port p JOIN server s ON s.deleted_at IS NULL" \
    " AND s.id = CASE WHEN p.device_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN p.device_id::uuid END" \
    " WHERE p.id = $1::uuid AND p.nic IS NOT NULL"
enum { S_ID, S_PROJECT, S_VM_STATE, S_TASK_STATE };
static const struct kn_stmt SERVER = { "server_nics_server", SERVER_OF_PORT, 1 };
static const struct kn_stmt HOLD_SERVER = { "server_nics_hold", SERVER_OF_PORT " FOR UPDATE OF s", 1 };

int kn_network_nic_hold_server(struct kn_request *req, const char *port_id, struct kn_error *err)
{
    return kn_db_run(req->db, &HOLD_SERVER, KN_ARGS(port_id), NULL, err);
}

/* Locks are Nova's: Neutron does not know them. */
static bool nic_may_go(const struct kn_rows *server)
{
    struct kn_error why;

    return kn_rows_count(server) > 0 &&
           kn_server_action_allowed(kn_server_action("detach_interface"), kn_rows_text(server, 0, S_ID),
                                    kn_rows_text(server, 0, S_VM_STATE), kn_rows_str(server, 0, S_TASK_STATE), false,
                                    true, &why) == 0;
}

int kn_network_nic_end(struct kn_request *req, const char *port_id, bool *ret_drops, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *server = NULL;
    json_auto_t *input = json_pack("{s:s}", "port", port_id);
    int64_t task = 0;

    if (kn_db_run(req->db, &SERVER, KN_ARGS(port_id), &server, err) < 0) {
        return -1;
    }
    *ret_drops = nic_may_go(server);
    if (!*ret_drops) {
        return 0;
    }
    const struct kn_task_wish wish = { "server.drop_interface",
                                       kn_rows_text(server, 0, S_ID),
                                       kn_rows_text(server, 0, S_PROJECT),
                                       req->caller.user_id,
                                       req->request_id,
                                       input };

    return kn_network_change(req->db, KN_CHANGED_PORT, port_id, err) < 0 ? -1
                                                                         : kn_task_insert(req->db, &wish, &task, err);
}

static const struct kn_stmt DROPS = {
    "server_nics_drops",
    "SELECT id, object_id FROM task WHERE state IN ('run', 'undo') AND kind = 'server.drop_interface' AND input->>'port' = $1",
    1
};
enum { D_TASK, D_SERVER };

void kn_network_nic_tell_end(struct kn_request *req, const char *port_id)
{
    AUTO(kn_rows) struct kn_rows *tasks = NULL;
    struct kn_error why;

    if (kn_db_run(req->db, &DROPS, KN_ARGS(port_id), &tasks, &why) < 0) {
        kn_log(KN_DEBUG, "a task was not announced; the conductor finds it", "why", why.message, NULL);
        return;
    }
    for (int row = 0; row < kn_rows_count(tasks); row++) {
        kn_task_wake(req->bus, kn_rows_text(tasks, row, D_SERVER), kn_rows_int(tasks, row, D_TASK));
    }
}
