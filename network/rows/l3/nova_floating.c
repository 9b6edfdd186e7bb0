/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nova_floating.c: floating and fixed addresses of servers as Nova's old actions and proxies ask for them (network/api.h): by the address, in Nova's words. The rules are
 * the nouns' (floating_ips.c, ports.c), as for whoever asks Neutron.
 */
#include <string.h>

#include "lib/base/ip.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/rest/write.h"
#include "network/api.h"
#include "network/rows/networks.h"
#include "network/rows/l3/routers.h"
#include "network/rows/shared.h"

/* --- the addresses themselves --- */

/* A name goes before an id that looks the same. */
static const struct kn_stmt POOLS = {
    "nova_float_pools",
    "SELECT id FROM network n WHERE " KN_NETWORK_IS_EXTERNAL("n.id") " AND (project_id = $2 OR " KN_NETWORK_LET(
        "n.id", KN_NETWORK_SHARED_OR_EXTERNAL,
        "$2") ") AND ($1::text IS NULL OR name = $1 OR id::text = $1) ORDER BY name = $1 DESC LIMIT 2",
    2
};
enum { POOL_ID };

int kn_network_float_make(struct kn_request *req, const char *pool, const char **ret_id, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *pools = NULL;
    json_auto_t *object = NULL;

    if (kn_db_run(req->db, &POOLS, KN_ARGS(pool, req->caller.project_id), &pools, err) < 0) {
        return -1;
    }
    if (kn_rows_count(pools) == 0 || (pool == NULL && kn_rows_count(pools) > 1)) {
        return kn_fail(err, KN_NOT_FOUND, "Floating IP pool not found.");
    }
    object = json_pack("{s:s}", "floating_network_id", kn_rows_text(pools, 0, POOL_ID));
    if (kn_rest_insert(&kn_network_floatingips, req, object, ret_id, err) == 0) {
        return 0;
    }
    if (strcmp(err->name, "IpAddressGenerationFailure") == 0) {
        return kn_fail(err, KN_NOT_FOUND, "No more floating IPs in pool %.80s.", pool != NULL ? pool : "");
    }
    return err->code == KN_QUOTA ? kn_fail(err, KN_FORBIDDEN, "IP allocation over quota.") : -1;
}

int kn_network_float_end(struct kn_request *req, const char *id, struct kn_error *err)
{
    if (kn_rest_delete(&kn_network_floatingips, req, id, err) == 0) {
        return 0;
    }
    return err->code == KN_NOT_FOUND ? kn_fail(err, KN_NOT_FOUND, "Floating IP not found for ID %.80s", id) : -1;
}

/* --- whose they are --- */

static const struct kn_stmt FLOATING = {
    "nova_float_find",
    "SELECT f.id, coalesce(p.device_id, '') FROM floating_ip f LEFT JOIN port p ON p.id = f.port_id AND p.nic IS NOT NULL"
    " WHERE f.ip = $2::inet AND (f.project_id = $1 OR $3::boolean)",
    3
};
enum { F_ID, F_SERVER };

static int nova_float_find(struct kn_request *req, const char *address, struct kn_rows **ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &FLOATING, KN_ARGS(req->caller.project_id, address, kn_rest_reaches_all(req) ? "t" : "f"),
                  &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "floating IP not found");
    }
    *ret = kn_steal(&rows);
    return 0;
}

static const struct kn_stmt FIXED = {
    "nova_float_fixed",
    "SELECT p.id, host(a.ip) FROM port p JOIN address a ON a.port_id = p.id AND family(a.ip) = 4"
    " WHERE p.device_id = $1 AND p.device_id <> '' AND p.nic IS NOT NULL AND ($2::inet IS NULL OR a.ip = $2::inet) ORDER BY p.nic, a.ip LIMIT 1",
    2
};
enum { X_PORT, X_IP };

int kn_network_float_give(struct kn_request *req, const char *server_id, const char *address, const char *fixed,
                          struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *floating = NULL, *to = NULL;
    json_auto_t *object = NULL;

    if (nova_float_find(req, address, &floating, err) < 0 ||
        kn_db_run(req->db, &FIXED, KN_ARGS(server_id, fixed), &to, err) < 0) {
        return -1;
    }
    if (kn_rows_count(to) == 0) {
        return kn_fail(err, KN_BAD_REQUEST, "%s",
                       fixed != NULL ? "Specified fixed address not assigned to instance"
                                     : "No fixed IPs associated to instance");
    }
    object = json_pack("{s:s, s:s}", "port_id", kn_rows_text(to, 0, X_PORT), "fixed_ip_address",
                       kn_rows_text(to, 0, X_IP));
    if (kn_rest_change(&kn_network_floatingips, req, kn_rows_text(floating, 0, F_ID), object, err) == 0) {
        return 0;
    }
    if (kn_code_status(err->code) >= 500) {
        return -1;
    }
    AUTO_FREE char *why = kn_strdup(err->message);

    return kn_fail(err, KN_BAD_REQUEST,
                   "Unable to associate floating IP %s to fixed IP %s for instance %s. Error: %.400s", address,
                   kn_rows_text(to, 0, X_IP), server_id, why);
}

int kn_network_float_take(struct kn_request *req, const char *server_id, const char *address, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *floating = NULL;
    json_auto_t *object = json_pack("{s:n}", "port_id");

    if (nova_float_find(req, address, &floating, err) < 0) {
        return -1;
    }
    return strcmp(kn_rows_text(floating, 0, F_SERVER), server_id) == 0
               ? kn_rest_change(&kn_network_floatingips, req, kn_rows_text(floating, 0, F_ID), object, err)
               : kn_fail(err, KN_CONFLICT, "Floating IP %s is not associated with instance %s.", address, server_id);
}

/* --- fixed ones --- */

/* The port that has the address, or the first on the network; its addresses in order. */
static const struct kn_stmt PORT = {
    "nova_fixed_port",
    "SELECT a.port_id, a.subnet_id, host(a.ip) FROM address a WHERE a.port_id = (SELECT p.id FROM port p WHERE p.device_id = $1 AND p.device_id <> ''"
    " AND p.nic IS NOT NULL AND ($2::uuid IS NULL OR p.network_id = $2::uuid) AND EXISTS (SELECT 1 FROM address o WHERE o.port_id = p.id"
    " AND ($3::inet IS NULL OR o.ip = $3::inet)) ORDER BY p.nic LIMIT 1) ORDER BY a.ip",
    3
};
enum { A_PORT, A_SUBNET, A_IP };

/* without: leaves this one out; NULL: none. */
static json_t *nova_fixed_list(const struct kn_rows *rows, const char *without)
{
    json_t *list = json_array();

    for (int row = 0; row < kn_rows_count(rows); row++) {
        if (without == NULL || strcmp(kn_rows_text(rows, row, A_IP), without) != 0) {
            json_array_append_new(list, json_pack("{s:s, s:s}", "subnet_id", kn_rows_text(rows, row, A_SUBNET),
                                                  "ip_address", kn_rows_text(rows, row, A_IP)));
        }
    }
    return list;
}

int kn_network_nic_add_address(struct kn_request *req, const char *server_id, const char *network_id,
                               struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    json_auto_t *object = NULL;
    json_t *list;

    if (kn_db_run(req->db, &PORT, KN_ARGS(server_id, network_id, NULL), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Network not found for instance %s.", server_id);
    }
    list = nova_fixed_list(rows, NULL);
    json_array_append_new(list, json_pack("{s:s}", "subnet_id", kn_rows_text(rows, 0, A_SUBNET)));
    object = json_pack("{s:o}", "fixed_ips", list);
    if (kn_rest_change(&kn_network_ports, req, kn_rows_text(rows, 0, A_PORT), object, err) == 0) {
        return 0;
    }
    return strncmp(err->name, "IpAddressGenerationFailure", strlen("IpAddressGenerationFailure")) == 0
               ? kn_fail(err, KN_BAD_REQUEST, "No fixed IP addresses available for network: %s", network_id)
               : -1;
}

int kn_network_nic_drop_address(struct kn_request *req, const char *server_id, const char *address,
                                struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    json_auto_t *object = NULL;

    if (kn_db_run(req->db, &PORT, KN_ARGS(server_id, NULL, address), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Instance %s doesn't have fixed IP '%s'.", server_id, address);
    }
    object = json_pack("{s:o}", "fixed_ips", nova_fixed_list(rows, address));
    return kn_rest_change(&kn_network_ports, req, kn_rows_text(rows, 0, A_PORT), object, err);
}
