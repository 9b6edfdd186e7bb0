/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports.c: makes, changes and removes ports for people. A port that lives on a host is a server's: what the host would have to be
 * told is refused here.
 */
#include "network/rows/ports.h"

#include <string.h>

#include "lib/base/mem.h"
#include "network/address/mac.h"
#include "network/rows/body.h"
#include "network/rows/nic.h"
#include "network/rows/plan.h"
#include "network/rows/topology.h"

#define FIXED_IPS_MAX 5
#define OWN_PORTS "network:dhcp" /* the device_owner of the ports that this cloud makes for itself */

enum { G_NETWORK, G_DEVICE, G_OWNER, G_BOUND, G_OWNS, G_MINE };

static const struct kn_stmt GET = {
    "port_get",
    "SELECT p.network_id, p.device_id, p.device_owner, p.host IS NOT NULL, (n.project_id = $2 OR $3::boolean),"
    " (p.project_id = $2 OR $3::boolean)"
    " FROM port p JOIN network n ON n.id = p.network_id"
    " WHERE p.id = $1::uuid AND (p.project_id = $2 OR n.project_id = $2 OR $3::boolean)", 3
};

int kn_port_get(struct kn_request *req, const char *id, struct kn_port_row *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *admin = req->caller.is_admin ? "t" : "f";

    if (kn_uuid_valid(id) && kn_db_run(req->db, &GET, KN_ARGS(id, req->caller.project_id, admin), &rows, err) < 0) {
        return -1;
    }
    if (rows == NULL || kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Port %.64s could not be found.", id);
    }
    kn_copy(ret->id, sizeof(ret->id), id);
    kn_copy(ret->network_id, sizeof(ret->network_id), kn_rows_text(rows, 0, G_NETWORK));
    kn_copy(ret->device_id, sizeof(ret->device_id), kn_rows_text(rows, 0, G_DEVICE));
    kn_copy(ret->device_owner, sizeof(ret->device_owner), kn_rows_text(rows, 0, G_OWNER));
    ret->is_bound = kn_rows_bool(rows, 0, G_BOUND);
    ret->owns_network = kn_rows_bool(rows, 0, G_OWNS);
    ret->is_mine = kn_rows_bool(rows, 0, G_MINE);
    return 0;
}

static int fail_in_use(const struct kn_port_row *port, struct kn_error *err)
{
    kn_fail(err, KN_CONFLICT, "Unable to complete operation on port %s for network %s. Port already has an attached device %s.",
            port->id, port->network_id, port->device_id);
    return kn_fail_name(err, "PortInUse");
}

/* --- addresses ---------------------------------------------------------------------------------------------------- */

/* The port's own addresses, which a new list may keep. */
struct target {
    struct kn_db *db;
    struct kn_network_view *network;
    struct kn_plan *plan;
    const char *port_id;
    struct kn_rows *kept; /* subnet, ip of what it has now; NULL for a new port */
};

static bool is_kept(const struct target *target, const struct kn_subnet_view *subnet, const char *ip)
{
    for (int row = 0; target->kept != NULL && row < kn_rows_count(target->kept); row++) {
        if (strcmp(kn_rows_text(target->kept, row, 0), subnet->id) == 0 && strcmp(kn_rows_text(target->kept, row, 1), ip) == 0) {
            return true;
        }
    }
    return false;
}

static int take_named(const struct target *target, struct kn_subnet_view *subnet, const char *text, struct kn_error *err)
{
    uint32_t ip;

    if (!kn_ipv4_parse(text, &ip)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for fixed_ips. Reason: '%.64s' is not a valid IP address.", text);
    }
    if (subnet == NULL) {
        subnet = kn_network_view_subnet_of(target->network, ip);
    }
    if (subnet == NULL) {
        kn_fail(err, KN_BAD_REQUEST, "IP address %s is not a valid IP for any of the subnets on the specified network.", text);
        return kn_fail_name(err, "InvalidIpForNetwork");
    }
    if (is_kept(target, subnet, text)) {
        kn_plan_address(target->plan, target->port_id, subnet->id, text);
        return 0;
    }
    if (kn_subnet_view_take(target->db, subnet, ip, err) < 0) {
        return err->code == KN_CONFLICT ? kn_fail_name(err, "IpAddressAlreadyAllocated") : kn_fail_name(err, "InvalidIpForSubnet");
    }
    kn_plan_address(target->plan, target->port_id, subnet->id, text);
    return 0;
}

/* subnet NULL: whichever has room. */
static int take_any(const struct target *target, struct kn_subnet_view *subnet, struct kn_error *err)
{
    char text[KN_IPV4_SIZE];
    uint32_t ip = 0;
    bool found = true;

    if (subnet == NULL ? kn_network_view_draw(target->db, target->network, &subnet, &ip, err) < 0
                       : kn_subnet_view_draw(target->db, subnet, &found, &ip, err) < 0) {
        return err->code == KN_CONFLICT ? kn_fail_name(err, "IpAddressGenerationFailure") : -1;
    }
    if (!found) {
        kn_fail(err, KN_CONFLICT, "No more IP addresses available for subnet %s.", subnet->id);
        return kn_fail_name(err, "IpAddressGenerationFailureForSubnet");
    }
    kn_ipv4_text(ip, text);
    kn_plan_address(target->plan, target->port_id, subnet->id, text);
    return 0;
}

static int take_one(const struct target *target, const json_t *item, struct kn_error *err)
{
    const char *subnet_id = kn_attr_text(item, "subnet_id", NULL), *ip = kn_attr_text(item, "ip_address", NULL);
    struct kn_subnet_view *subnet = subnet_id != NULL ? kn_network_view_subnet(target->network, subnet_id) : NULL;
    size_t known = (kn_attr_has(item, "subnet_id") ? 1U : 0U) + (kn_attr_has(item, "ip_address") ? 1U : 0U);

    if ((subnet_id == NULL && ip == NULL) || json_object_size(item) != known) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for fixed_ips. Reason: an item needs a 'subnet_id', an 'ip_address' or both.");
    }
    if (subnet_id != NULL && subnet == NULL) {
        kn_fail(err, KN_BAD_REQUEST, "Invalid input for operation: Failed to create port on network %s, because fixed_ips included "
                                     "invalid subnet %.64s.", target->network->id, subnet_id);
        return kn_fail_name(err, "InvalidInput");
    }
    return ip != NULL ? take_named(target, subnet, ip, err) : take_any(target, subnet, err);
}

/* Absent: one address, if the network has a subnet. */
static int choose_addresses(const struct target *target, const json_t *list, struct kn_error *err)
{
    const json_t *item;
    size_t i;

    if (!json_is_array(list)) {
        return target->network->subnet_count == 0 ? 0 : take_any(target, NULL, err);
    }
    if (json_array_size(list) > FIXED_IPS_MAX) {
        kn_fail(err, KN_BAD_REQUEST, "Invalid input for operation: Exceeded maximum amount of fixed ips per port.");
        return kn_fail_name(err, "InvalidInput");
    }
    json_array_foreach (list, i, item) {
        if (take_one(target, item, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- insert ------------------------------------------------------------------------------------------------------- */

static const struct kn_stmt MAC_IN_USE = {
    "port_mac_in_use", "SELECT 1 FROM port WHERE network_id = $1::uuid AND mac = $2::macaddr", 2
};

/* wanted NULL: any. */
static int choose_mac(struct kn_db *db, const struct kn_network_view *network, const char *wanted, char ret_mac[KN_MAC_SIZE],
                      struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (wanted == NULL) {
        return kn_network_view_mac(db, network, ret_mac, err);
    }
    if (kn_db_run(db, &MAC_IN_USE, KN_ARGS(network->id, wanted), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0) {
        kn_fail(err, KN_CONFLICT, "Unable to complete operation for network %s. The mac address %s is in use.", network->id, wanted);
        return kn_fail_name(err, "MacAddressInUse");
    }
    kn_copy(ret_mac, KN_MAC_SIZE, wanted);
    return 0;
}

static int load_network(struct kn_db *db, const char *id, struct kn_topology *topology, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;

    kn_array_add(&ids, id);
    if (kn_topology_load(db, &ids, true, topology, err) < 0) {
        return -1;
    }
    return kn_topology_network(topology, id) != NULL ? 0 : kn_fail(err, KN_NOT_FOUND, "Network %s could not be found.", id);
}

int kn_port_insert(struct kn_db *db, const struct kn_network_row *network, const char *project_id, const json_t *object,
                   char ret_id[KN_UUID_SIZE], struct kn_error *err)
{
    AUTO_RELEASE(kn_topology) struct kn_topology topology = { NULL, NULL };
    AUTO_RELEASE(kn_plan) struct kn_plan plan;
    char mac[KN_MAC_SIZE];

    kn_plan_init(&plan);
    kn_uuid_make(ret_id);
    if (load_network(db, network->id, &topology, err) < 0) {
        return -1;
    }
    const struct target target = { db, kn_topology_network(&topology, network->id), &plan, ret_id, NULL };

    if (choose_mac(db, target.network, kn_attr_text(object, "mac_address", NULL), mac, err) < 0) {
        return -1;
    }
    kn_plan_port(&plan, &(struct kn_plan_port){ .id = ret_id,
                                               .network_id = network->id,
                                               .project_id = project_id,
                                               .name = kn_attr_text(object, "name", ""),
                                               .description = kn_attr_text(object, "description", ""),
                                               .mac = mac,
                                               .device_id = kn_attr_text(object, "device_id", ""),
                                               .device_owner = kn_attr_text(object, "device_owner", ""),
                                               .nic = -1,
                                               .admin_state_up = kn_attr_bool(object, "admin_state_up", true) });
    if (choose_addresses(&target, json_object_get(object, "fixed_ips"), err) < 0) {
        return -1;
    }
    return kn_plan_write(db, &plan, &topology, err);
}

/* --- update and delete -------------------------------------------------------------------------------------------- */

static const struct kn_stmt UPDATE = {
    "port_update",
    "UPDATE port SET name = coalesce($2, name), description = coalesce($3, description),"
    " admin_state_up = coalesce($4::boolean, admin_state_up), device_id = coalesce($5, device_id),"
    " device_owner = coalesce($6, device_owner), mac = coalesce($7::macaddr, mac), updated_at = now() WHERE id = $1::uuid", 7
};
enum { L_HELD, L_MAC, L_UP, L_DEVICE, L_OWNER };

static const struct kn_stmt LOCK = {
    "port_lock",
    "SELECT host IS NOT NULL OR nic IS NOT NULL OR device_owner = '" OWN_PORTS "', mac, admin_state_up, device_id, device_owner"
    " FROM port WHERE id = $1::uuid FOR UPDATE", 1
};
static const struct kn_stmt ADDRESSES = { "port_addresses", "SELECT subnet_id, ip FROM address WHERE port_id = $1::uuid", 1 };
static const struct kn_stmt FORGET = { "port_forget", "DELETE FROM address WHERE port_id = $1::uuid", 1 };

/* Does the list say what the port has? An item without an address means any one on its subnet. */
static bool says_own_addresses(const json_t *list, const struct kn_rows *own)
{
    bool said[FIXED_IPS_MAX] = { false };
    int count = kn_rows_count(own);
    const json_t *item;
    size_t i;

    if (json_array_size(list) != (size_t)count || count > FIXED_IPS_MAX) {
        return false;
    }
    for (int pass = 0; pass < 2; pass++) { /* those that name an address choose first */
        json_array_foreach (list, i, item) {
            const char *subnet = kn_attr_text(item, "subnet_id", NULL), *ip = kn_attr_text(item, "ip_address", NULL);
            int row = (ip != NULL) == (pass == 0) ? 0 : count;

            for (; row < count; row++) {
                if (!said[row] && (subnet != NULL || ip != NULL) && (subnet == NULL || strcmp(subnet, kn_rows_text(own, row, 0)) == 0) &&
                    (ip == NULL || strcmp(ip, kn_rows_text(own, row, 1)) == 0)) {
                    said[row] = true;
                    break;
                }
            }
        }
    }
    for (int row = 0; row < count; row++) {
        if (!said[row]) {
            return false;
        }
    }
    return true;
}

static bool says_other_text(const json_t *object, const char *name, const char *now)
{
    return strcmp(kn_attr_text(object, name, now), now) != 0;
}

static bool says_other_mac(const json_t *object, const char *now)
{
    uint8_t said[6], has[6];

    return kn_mac_parse(kn_attr_text(object, "mac_address", now), said) && kn_mac_parse(now, has) && memcmp(said, has, sizeof(has)) != 0;
}

/* The host of the server that holds the port was told these. Saying again what is so is no change. */
static bool concerns_host(const json_t *object, const struct kn_rows *now, const struct kn_rows *addresses)
{
    const json_t *ips = json_object_get(object, "fixed_ips");
    bool up = kn_rows_bool(now, 0, L_UP);

    return says_other_text(object, "device_id", kn_rows_text(now, 0, L_DEVICE)) ||
           says_other_text(object, "device_owner", kn_rows_text(now, 0, L_OWNER)) ||
           says_other_mac(object, kn_rows_text(now, 0, L_MAC)) || kn_attr_bool(object, "admin_state_up", up) != up ||
           (json_is_array(ips) && !says_own_addresses(ips, addresses));
}

/* A new list of addresses; those that stay are not drawn again. */
static int replace_addresses(struct kn_db *db, const struct kn_port_row *port, const json_t *list, struct kn_error *err)
{
    AUTO_RELEASE(kn_topology) struct kn_topology topology = { NULL, NULL };
    AUTO_RELEASE(kn_plan) struct kn_plan plan;
    AUTO(kn_rows) struct kn_rows *kept = NULL;

    kn_plan_init(&plan);
    if (load_network(db, port->network_id, &topology, err) < 0 ||
        kn_db_run(db, &ADDRESSES, KN_ARGS(port->id), &kept, err) < 0) {
        return -1;
    }
    const struct target target = { db, kn_topology_network(&topology, port->network_id), &plan, port->id, kept };

    if (choose_addresses(&target, list, err) < 0 || kn_db_run(db, &FORGET, KN_ARGS(port->id), NULL, err) < 0) {
        return -1;
    }
    return kn_plan_write(db, &plan, &topology, err);
}

/* Takes the row's lock: nobody can take the port any more. */
static int lock(struct kn_db *db, const struct kn_port_row *port, struct kn_rows **ret_now, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &LOCK, KN_ARGS(port->id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Port %s could not be found.", port->id);
    }
    *ret_now = kn_steal(&rows);
    return 0;
}

int kn_port_update(struct kn_db *db, const struct kn_port_row *port, const json_t *object, struct kn_error *err)
{
    const char *mac = kn_attr_text(object, "mac_address", NULL);
    const json_t *ips = json_object_get(object, "fixed_ips");
    AUTO(kn_rows) struct kn_rows *now = NULL, *addresses = NULL;

    if (lock(db, port, &now, err) < 0 || kn_db_run(db, &ADDRESSES, KN_ARGS(port->id), &addresses, err) < 0) {
        return -1;
    }
    bool held = kn_rows_bool(now, 0, L_HELD);

    if (held && concerns_host(object, now, addresses)) {
        return fail_in_use(port, err);
    }
    if (!held && json_is_array(ips) && replace_addresses(db, port, ips, err) < 0) {
        return -1;
    }
    const char *up = !kn_attr_has(object, "admin_state_up") ? NULL : kn_attr_bool(object, "admin_state_up", true) ? "t" : "f";
    int rc = kn_db_run(db, &UPDATE,
                       KN_ARGS(port->id, kn_attr_text(object, "name", NULL), kn_attr_text(object, "description", NULL), up,
                               kn_attr_text(object, "device_id", NULL), kn_attr_text(object, "device_owner", NULL), mac),
                       NULL, err);

    if (rc < 0 && err->code == KN_CONFLICT && mac != NULL) {
        kn_fail(err, KN_CONFLICT, "Unable to complete operation for network %s. The mac address %s is in use.", port->network_id, mac);
        return kn_fail_name(err, "MacAddressInUse");
    }
    return rc;
}

static const struct kn_stmt DELETE = { "port_delete", "DELETE FROM port WHERE id = $1::uuid", 1 };

int kn_port_delete(struct kn_db *db, const struct kn_port_row *port, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *now = NULL;

    if (strcmp(port->device_owner, OWN_PORTS) == 0) { /* any other network:… is a word that somebody wrote, with no device behind it */
        kn_fail(err, KN_CONFLICT, "Port %s cannot be deleted directly via the port API: has device owner %s.", port->id,
                port->device_owner);
        return kn_fail_name(err, "ServicePortInUse");
    }
    if (lock(db, port, &now, err) < 0) {
        return -1;
    }
    return kn_rows_bool(now, 0, L_HELD) ? fail_in_use(port, err) : kn_db_run(db, &DELETE, KN_ARGS(port->id), NULL, err);
}
