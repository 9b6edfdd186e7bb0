/* SPDX-License-Identifier: Apache-2.0 */
/* shown.c: holds servers and writes which security groups their ports have. */
#include "network/rows/groups/shown.h"

static const struct kn_stmt HOLD = {
    "shown_hold", "SELECT FROM server WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL ORDER BY id FOR UPDATE", 1
};
static const struct kn_stmt SHOW = {
    "shown_show",
    "UPDATE server s SET group_ids = w.ids FROM (SELECT i.id, coalesce(array_agg(DISTINCT b.group_id) FILTER (WHERE b.group_id IS NOT NULL), '{}') AS ids,"
    "  count(p.id) > 0 AS is_plugged FROM unnest($1::uuid[]) i(id) LEFT JOIN port p ON p.device_id = i.id::text AND p.device_id <> '' AND p.nic IS NOT NULL"
    "  LEFT JOIN port_security_group b ON b.port_id = p.id GROUP BY i.id) w"
    " WHERE s.id = w.id AND s.deleted_at IS NULL AND s.group_ids IS DISTINCT FROM w.ids AND (w.is_plugged OR s.group_ids IS NOT NULL)",
    1
};

int kn_network_groups_hold(struct kn_db *db, struct kn_array *servers, struct kn_error *err)
{
    return kn_db_run(db, &HOLD, KN_ARGS(kn_array_value(servers)), NULL, err);
}

/* Held first, and looked at by the next statement: it sees what whoever had them before did to their ports. */
int kn_network_groups_show(struct kn_db *db, struct kn_array *servers, struct kn_error *err)
{
    return kn_network_groups_hold(db, servers, err) < 0
               ? -1
               : kn_db_run(db, &SHOW, KN_ARGS(kn_array_value(servers)), NULL, err);
}
