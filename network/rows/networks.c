/* SPDX-License-Identifier: Apache-2.0 */
/* networks.c: the SQL of networks; nobody else writes the table but peers.c, which counts its versions. */
#include "network/rows/networks.h"

#include <string.h>

#include "lib/base/mem.h"
#include "network/rows/body.h"

#define VNI_TRIES 10

static const struct kn_stmt GET = {
    "network_get",
    "SELECT id, project_id, shared FROM network WHERE id = $1::uuid AND (project_id = $2 OR shared OR $3::boolean)", 3
};

int kn_network_get(struct kn_request *req, const char *id, struct kn_network_row *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *project = req->caller.project_id;

    if (kn_uuid_valid(id) && kn_db_run(req->db, &GET, KN_ARGS(id, project, req->caller.is_admin ? "t" : "f"), &rows, err) < 0) {
        return -1;
    }
    if (rows == NULL || kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Network %.64s could not be found.", id);
    }
    kn_copy(ret->id, sizeof(ret->id), kn_rows_text(rows, 0, 0));
    kn_copy(ret->project_id, sizeof(ret->project_id), kn_rows_text(rows, 0, 1));
    ret->is_mine = req->caller.is_admin || strcmp(ret->project_id, project) == 0;
    return 0;
}

int kn_network_get_mine(struct kn_request *req, const char *id, const char *rule, struct kn_network_row *ret,
                        struct kn_error *err)
{
    if (kn_network_get(req, id, ret, err) < 0) {
        return -1;
    }
    return ret->is_mine ? 0 : kn_fail(err, KN_FORBIDDEN, "rule:%s is disallowed by policy", rule);
}

static const struct kn_stmt LOCK_SUBNETS = {
    "network_lock_subnets", "SELECT 1 FROM subnet WHERE network_id = $1::uuid ORDER BY id FOR UPDATE", 1
};
static const struct kn_stmt LOCK = { "network_lock", "SELECT 1 FROM network WHERE id = $1::uuid FOR NO KEY UPDATE", 1 };

int kn_network_lock(struct kn_db *db, const char *id, struct kn_error *err)
{
    if (kn_db_run(db, &LOCK_SUBNETS, KN_ARGS(id), NULL, err) < 0) {
        return -1;
    }
    return kn_db_run(db, &LOCK, KN_ARGS(id), NULL, err);
}

/* The sequence starts where the configuration says, however late that was set; a number that an admin chose is passed over. */
static const struct kn_stmt NEXT_VNI = {
    "network_vni",
    "SELECT CASE WHEN v < $1::bigint THEN setval('network_vni', $1::bigint) ELSE v END FROM (SELECT nextval('network_vni') AS v) n",
    1
};
static const struct kn_stmt VNI_IS_TAKEN = { "network_vni_taken", "SELECT 1 FROM network WHERE vni = $1::integer", 1 };

static int next_vni(struct kn_db *db, int64_t first, char ret[24], struct kn_error *err)
{
    struct kn_arg arg;

    for (int i = 0; i < VNI_TRIES; i++) {
        AUTO(kn_rows) struct kn_rows *rows = NULL, *taken = NULL;

        if (kn_db_run(db, &NEXT_VNI, KN_ARGS(kn_arg_int(&arg, first)), &rows, err) < 0 ||
            kn_db_run(db, &VNI_IS_TAKEN, KN_ARGS(kn_rows_text(rows, 0, 0)), &taken, err) < 0) {
            return -1;
        }
        if (kn_rows_count(taken) == 0) {
            kn_copy(ret, 24, kn_rows_text(rows, 0, 0));
            return 0;
        }
    }
    return kn_fail(err, KN_UNAVAILABLE, "Unable to create the network. No tenant network is available for allocation.");
}

static const struct kn_stmt INSERT = {
    "network_insert",
    "INSERT INTO network (id, project_id, name, description, admin_state_up, shared, mtu, vni)"
    " VALUES ($1::uuid, $2, $3, $4, $5::boolean, $6::boolean, $7::integer, $8::integer)", 8
};

int kn_network_insert(struct kn_db *db, int64_t vni_first, const char *project_id, const json_t *object,
                      char ret_id[KN_UUID_SIZE], struct kn_error *err)
{
    int64_t mtu = kn_attr_int(object, "mtu", 0), wanted = kn_attr_int(object, "provider:segmentation_id", 0);
    struct kn_arg mtu_arg, vni_arg;
    char vni[24];

    kn_copy(vni, sizeof(vni), kn_arg_int(&vni_arg, wanted));
    if (wanted == 0 && next_vni(db, vni_first, vni, err) < 0) {
        return -1;
    }
    kn_uuid_make(ret_id);
    int rc = kn_db_run(db, &INSERT,
                       KN_ARGS(ret_id, project_id, kn_attr_text(object, "name", ""), kn_attr_text(object, "description", ""),
                               kn_attr_bool(object, "admin_state_up", true) ? "t" : "f",
                               kn_attr_bool(object, "shared", false) ? "t" : "f",
                               kn_arg_int(&mtu_arg, mtu == 0 ? 1450 : mtu), vni),
                       NULL, err);

    if (rc < 0 && err->code == KN_CONFLICT) {
        kn_fail(err, KN_CONFLICT, "Unable to create the network. The tunnel ID %s is in use.", vni);
        return kn_fail_name(err, "TunnelIdInUse");
    }
    return rc;
}

/* Others' ports on it ($1), bound ports on it. */
static const struct kn_stmt USE = {
    "network_use",
    "SELECT coalesce(bool_or(p.project_id <> n.project_id AND p.device_owner <> 'network:dhcp'), false),"
    " coalesce(bool_or(p.host IS NOT NULL), false) FROM network n LEFT JOIN port p ON p.network_id = n.id WHERE n.id = $1::uuid",
    1
};
static const struct kn_stmt UPDATE = {
    "network_update",
    "UPDATE network SET name = coalesce($2, name), description = coalesce($3, description),"
    " admin_state_up = coalesce($4::boolean, admin_state_up), shared = coalesce($5::boolean, shared),"
    " mtu = coalesce($6::integer, mtu), updated_at = now() WHERE id = $1::uuid", 6
};

static int check_update(struct kn_db *db, const char *id, const json_t *object, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    bool unshares = kn_attr_has(object, "shared") && !kn_attr_bool(object, "shared", false);

    if (!unshares && !kn_attr_has(object, "mtu")) {
        return 0;
    }
    if (kn_db_run(db, &USE, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    if (unshares && kn_rows_bool(rows, 0, 0)) {
        kn_fail(err, KN_CONFLICT, "Unable to reconfigure sharing settings for network %s. Multiple tenants are using it.", id);
        return kn_fail_name(err, "InvalidSharedSetting");
    }
    if (kn_attr_has(object, "mtu") && kn_rows_bool(rows, 0, 1)) {
        kn_fail(err, KN_CONFLICT, "The mtu of network %s cannot change while servers are on it.", id);
        return kn_fail_name(err, "NetworkInUse");
    }
    return 0;
}

static const char *bool_arg(const json_t *object, const char *name)
{
    return !kn_attr_has(object, name) ? NULL : kn_attr_bool(object, name, false) ? "t" : "f";
}

int kn_network_update(struct kn_db *db, const struct kn_network_row *network, const json_t *object, struct kn_error *err)
{
    struct kn_arg mtu;

    if (check_update(db, network->id, object, err) < 0) {
        return -1;
    }
    return kn_db_run(db, &UPDATE,
                     KN_ARGS(network->id, kn_attr_text(object, "name", NULL), kn_attr_text(object, "description", NULL),
                             bool_arg(object, "admin_state_up"), bool_arg(object, "shared"),
                             kn_attr_has(object, "mtu") ? kn_arg_int(&mtu, kn_attr_int(object, "mtu", 0)) : NULL),
                     NULL, err);
}

static const struct kn_stmt USERS = {
    "network_users",
    "SELECT id FROM port WHERE network_id = $1::uuid AND device_owner <> 'network:dhcp' ORDER BY id LIMIT 3", 1
};
static const struct kn_stmt DELETE[] = {
    { "network_delete_ports", "DELETE FROM port WHERE network_id = $1::uuid AND device_owner = 'network:dhcp'", 1 },
    { "network_delete_subnets", "DELETE FROM subnet WHERE network_id = $1::uuid", 1 },
    { "network_delete", "DELETE FROM network WHERE id = $1::uuid", 1 },
};

static int fail_in_use(const char *id, const char *ports, struct kn_error *err)
{
    kn_fail(err, KN_CONFLICT, "Unable to complete operation on network %s. There are one or more ports still in use on the "
                              "network%s%s.", id, ports[0] != '\0' ? ", id for these ports is: " : "", ports);
    return kn_fail_name(err, "NetworkInUse");
}

int kn_network_delete(struct kn_db *db, const char *id, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf ports = KN_STRBUF_INIT;

    if (kn_network_lock(db, id, err) < 0 || kn_db_run(db, &USERS, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        kn_strbuf_addf(&ports, "%s%s", row > 0 ? "," : "", kn_rows_text(rows, row, 0));
    }
    if (ports.len > 0) {
        return fail_in_use(id, ports.buf, err);
    }
    for (size_t i = 0; i < KN_COUNT(DELETE); i++) {
        if (kn_db_run(db, &DELETE[i], KN_ARGS(id), NULL, err) < 0) { /* somebody plugged in meanwhile: a foreign key says no */
            return err->code == KN_CONFLICT ? fail_in_use(id, "", err) : -1;
        }
    }
    return 0;
}
