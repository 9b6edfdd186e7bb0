/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nova_groups.c: security groups as compute asks for them (network/api.h): those that a new server names, those that a running one gets and loses, and the
 * nouns for Nova's old proxies. Nova's words stand here, the rules of groups where they always do.
 */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/rest/write.h"
#include "network/api.h"
#include "network/rows/change.h"
#include "network/rows/groups/groups.h"
#include "network/rows/groups/shown.h"
#include "network/rows/shared.h"

/* A name goes before an id that looks the same. */
static const struct kn_stmt FIND = {
    "nova_group_find",
    "SELECT id, is_default AND project_id = $1, stateful, project_id <> $1 FROM security_group g WHERE (name = $2 OR id::text = $2)"
    " AND (project_id = $1 OR " KN_NETWORK_LET("g.id", KN_NETWORK_SHARED, "$1") ") ORDER BY name = $2 DESC LIMIT 2",
    2
};
enum { F_ID, F_DEFAULT, F_STATEFUL, F_OTHERS };

int kn_network_group_ensure(struct kn_db *db, const char *project_id, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array projects = KN_ARRAY_INIT;

    kn_array_add(&projects, project_id);
    return kn_network_default_groups(db, &projects, err);
}

/* No rows: there is none. */
static int nova_groups_find(struct kn_db *db, const struct kn_caller *caller, const char *name, struct kn_rows **ret,
                            struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if ((strcmp(name, "default") == 0 && kn_network_group_ensure(db, caller->project_id, err) < 0) ||
        kn_db_run(db, &FIND, KN_ARGS(caller->project_id, name), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 1) {
        return kn_fail(err, KN_CONFLICT,
                       "Multiple security_group matches found for name '%.255s', use an ID to be more specific.", name);
    }
    *ret = kn_steal(&rows);
    return 0;
}

/* --- a new server's ------------------------------------------------------------------------------------------------ */

static bool has(const json_t *ids, const char *id)
{
    const json_t *item;
    size_t i;

    json_array_foreach (ids, i, item) {
        if (strcmp(json_string_value(item), id) == 0) {
            return true;
        }
    }
    return false;
}

static int add_named(struct kn_db *db, const struct kn_caller *caller, const char *name, json_t *ids,
                     bool *only_default, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (nova_groups_find(db, caller, name, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Security group %.255s not found for project %s.", name,
                       caller->project_id);
    }
    *only_default &= kn_rows_bool(rows, 0, F_DEFAULT);
    if (!has(ids, kn_rows_text(rows, 0, F_ID))) {
        json_array_append_new(ids, json_string(kn_rows_text(rows, 0, F_ID)));
    }
    return 0;
}

int kn_network_groups_named(struct kn_db *db, const struct kn_caller *caller, const json_t *groups, json_t **ret_ids,
                            struct kn_error *err)
{
    json_auto_t *ids = json_array();
    bool only_default = true;
    const json_t *group;
    size_t i;

    json_array_foreach (groups, i, group) {
        const char *name = kn_json_str(group, "name");

        if (strcmp(name, "default") == 0 && json_array_size(groups) == 1) {
            return 0; /* as if nothing were said: no look is needed */
        }
        if (add_named(db, caller, name, ids, &only_default, err) < 0) {
            return -1;
        }
    }
    *ret_ids = only_default ? NULL : json_incref(ids);
    return 0;
}

static const struct kn_stmt INSECURE = { "nova_group_insecure",
                                         "SELECT FROM network WHERE id = $1::uuid AND NOT port_security", 1 };

static int fail_apply(struct kn_error *err)
{
    return kn_fail(err, KN_BAD_REQUEST,
                   "Network requires port_security_enabled and subnet associated in order to apply security groups.");
}

int kn_network_groups_apply(struct kn_db *db, const char *network_id, struct kn_error *err)
{
    int64_t insecure = 0;

    if (kn_db_change(db, &INSECURE, KN_ARGS(network_id), &insecure, err) < 0) {
        return -1;
    }
    return insecure > 0 ? fail_apply(err) : 0;
}

/* --- a running server's -------------------------------------------------------------------------------------------- */

/* Its NICs, in the order of their ids, as everybody who takes several: anybody may write its id into the device_id of a port of his. */
static const struct kn_stmt PORTS = {
    "nova_group_ports",
    "SELECT p.id, p.port_security AND EXISTS (SELECT FROM address a WHERE a.port_id = p.id),"
    " EXISTS (SELECT FROM port_security_group b WHERE b.port_id = p.id AND b.group_id = $2::uuid),"
    " EXISTS (SELECT FROM port_security_group b JOIN security_group g ON g.id = b.group_id WHERE b.port_id = p.id AND g.stateful <> $3::boolean)"
    " FROM port p WHERE p.device_id = $1 AND p.device_id <> '' AND p.nic IS NOT NULL ORDER BY p.id FOR UPDATE OF p",
    3
};
enum { P_ID, P_TAKES_GROUPS, P_HAS_IT, P_OTHERWISE };
static const struct kn_stmt PLUG = {
    "nova_group_plug",
    "WITH held AS (SELECT id FROM security_group WHERE id = $2::uuid FOR KEY SHARE), plugged AS (INSERT INTO port_security_group (port_id, group_id)"
    " SELECT p.id, g.id FROM unnest($1::uuid[]) AS p(id) CROSS JOIN held g ON CONFLICT DO NOTHING),"
    " revised AS (UPDATE port SET updated_at = now() WHERE id = ANY($1::uuid[])) SELECT FROM held",
    2
};
static const struct kn_stmt UNPLUG = {
    "nova_group_unplug",
    "WITH revised AS (UPDATE port SET updated_at = now() WHERE id = ANY($1::uuid[]))"
    " DELETE FROM port_security_group WHERE port_id = ANY($1::uuid[]) AND group_id = $2::uuid",
    2
};

/* Nova asks Neutron for each port in turn, which refuses the list that names the group twice. */
static int check_plug(const struct kn_rows *ports, int row, const char *group, struct kn_error *err)
{
    if (!kn_rows_bool(ports, row, P_TAKES_GROUPS)) {
        return fail_apply(err);
    }
    if (kn_rows_bool(ports, row, P_HAS_IT)) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input for security_groups. Reason: Duplicate items in the list: '%s'.", group);
    }
    return kn_rows_bool(ports, row, P_OTHERWISE)
               ? kn_fail(
                     err, KN_CONFLICT,
                     "Error Cannot apply both stateful and stateless security groups on the same port at the same time "
                     "while attempting the operation.")
               : 0;
}

static int fail_unknown_group(const char *name, const char *project, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Security group %.255s is not found for project %s", name, project);
}

/* Another's group is still shared, and stays so until the ports have it. */
static int hold_group(struct kn_request *req, const struct kn_rows *group, const char *name, struct kn_error *err)
{
    bool is_owned = false;

    if (!kn_rows_bool(group, 0, F_OTHERS) ||
        kn_network_use(&kn_network_security_groups, req, kn_rows_text(group, 0, F_ID), &is_owned, err) == 0) {
        return 0;
    }
    return err->code == KN_NOT_FOUND ? fail_unknown_group(name, req->caller.project_id, err) : -1;
}

static int change_ports(struct kn_request *req, const char *server, const char *name, const struct kn_rows *group,
                        bool adds, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *ports = NULL;
    const char *id = kn_rows_text(group, 0, F_ID);
    int64_t held = 0;

    if (kn_db_run(req->db, &PORTS, KN_ARGS(server, id, kn_rows_bool(group, 0, F_STATEFUL) ? "t" : "f"), &ports, err) <
        0) {
        return -1;
    }
    if (kn_rows_count(ports) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "instance_id %s could not be found as device id on any ports", server);
    }
    for (int row = 0; row < kn_rows_count(ports); row++) {
        if (adds && check_plug(ports, row, id, err) < 0) {
            return -1;
        }
        if (adds || kn_rows_bool(ports, row, P_HAS_IT)) {
            kn_array_add(&ids, kn_rows_text(ports, row, P_ID));
        }
    }
    if (ids.count == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Security group %.255s not associated with the instance %s", name, server);
    }
    if ((adds && hold_group(req, group, name, err) < 0) ||
        kn_network_change_many(req->db, KN_CHANGED_PORT, &ids, err) < 0 ||
        kn_db_change(req->db, adds ? &PLUG : &UNPLUG, KN_ARGS(kn_array_value(&ids), id), &held, err) < 0) {
        return -1;
    }
    return !adds || held > 0 ? 0 : fail_unknown_group(name, req->caller.project_id, err);
}

int kn_network_groups_plug(struct kn_request *req, const char *server_id, const char *name, bool adds,
                           struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array servers = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *group = NULL;
    AUTO_TX struct kn_tx tx = { NULL };

    kn_array_add(&servers, server_id);
    if (kn_tx_begin(&tx, req->db, err) < 0 || kn_network_groups_hold(req->db, &servers, err) < 0 ||
        nova_groups_find(req->db, &req->caller, name, &group, err) < 0) {
        return -1;
    }
    if (kn_rows_count(group) == 0) {
        return fail_unknown_group(name, req->caller.project_id, err);
    }
    if (change_ports(req, server_id, name, group, adds, err) < 0 ||
        kn_network_groups_show(req->db, &servers, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    kn_network_change_tell(req, NULL);
    return 0;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

int kn_network_server_renamed(struct kn_db *db, const char *server_id, struct kn_error *err)
{
    return kn_network_change_server(db, server_id, err);
}

void kn_network_server_told(struct kn_request *req)
{
    kn_network_change_tell(req, NULL);
}

/* --- the nouns ------------------------------------------------------------------------------------------------------ */

int kn_network_group_make(struct kn_request *req, json_t *object, const char **ret_id, struct kn_error *err)
{
    return kn_network_security_groups.check(req, object, err) < 0
               ? -1
               : kn_rest_insert(&kn_network_security_groups, req, object, ret_id, err);
}

int kn_network_group_change(struct kn_request *req, const char *id, json_t *object, struct kn_error *err)
{
    return kn_network_security_groups.check(req, object, err) < 0
               ? -1
               : kn_rest_change(&kn_network_security_groups, req, id, object, err);
}

int kn_network_group_end(struct kn_request *req, const char *id, struct kn_error *err)
{
    return kn_rest_delete(&kn_network_security_groups, req, id, err);
}

int kn_network_rule_make(struct kn_request *req, json_t *object, const char **ret_id, struct kn_error *err)
{
    return kn_network_security_group_rules.check(req, object, err) < 0
               ? -1
               : kn_rest_insert(&kn_network_security_group_rules, req, object, ret_id, err);
}

int kn_network_rule_end(struct kn_request *req, const char *id, struct kn_error *err)
{
    return kn_rest_delete(&kn_network_security_group_rules, req, id, err);
}
