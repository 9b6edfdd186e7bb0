/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind.c: port.bind and port.release: where the ports of servers live, and their end. Both say which networks' forwarding tables
 * changed for hosts that have one; simulated hosts have none, so a network that lives only on such costs nothing more.
 */
#include <string.h>

#include "network/serve/batch.h"

#define CARRIES_TABLES "lower(h.hypervisor_type) <> 'sim'"

static const struct kn_stmt BIND = {
    "port_bind",
    "WITH bound AS (UPDATE port p SET host = w.host, device_owner = 'compute:' || coalesce(h.zone, ''), updated_at = now()"
    "  FROM unnest($1::text[], $2::text[]) AS w(server, host) LEFT JOIN host h ON h.name = w.host"
    "  WHERE p.device_id = w.server AND p.device_id <> '' AND p.nic IS NOT NULL"
    "  RETURNING p.network_id, " CARRIES_TABLES " AS carries)"
    " SELECT DISTINCT network_id FROM bound WHERE carries", 2
};

/* A port that the server was given is free again afterwards; the ones made for it are gone. */
static const struct kn_stmt RELEASE = {
    "port_release",
    "WITH old AS (SELECT id, network_id, host, made_for_server FROM port"
    "   WHERE device_id = ANY($1::text[]) AND device_id <> '' AND nic IS NOT NULL ORDER BY id FOR UPDATE),"
    " gone AS (DELETE FROM port p USING old WHERE p.id = old.id AND old.made_for_server),"
    " freed AS (UPDATE port p SET device_id = '', device_owner = '', host = NULL, nic = NULL, tag = NULL, updated_at = now()"
    "   FROM old WHERE p.id = old.id AND NOT old.made_for_server)"
    " SELECT DISTINCT network_id FROM old JOIN host h ON h.name = old.host WHERE " CARRIES_TABLES, 1
};

static void touch(struct kn_touched *touched, const struct kn_rows *rows)
{
    for (int row = 0; row < kn_rows_count(rows); row++) {
        kn_array_add(&touched->networks, kn_rows_str(rows, row, 0));
    }
}

int kn_ports_bind(struct kn_db *db, struct kn_outcome **outcomes, int count, struct kn_touched *touched,
                  struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array servers = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array hosts = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    for (int i = 0; i < count; i++) {
        kn_array_add(&servers, kn_json_str(outcomes[i]->command->body, "server"));
        kn_array_add(&hosts, kn_json_str(outcomes[i]->command->body, "host"));
    }
    if (kn_db_run(db, &BIND, KN_ARGS(kn_array_value(&servers), kn_array_value(&hosts)), &rows, err) < 0) {
        return -1;
    }
    touch(touched, rows);
    return 0;
}

int kn_ports_release(struct kn_db *db, struct kn_outcome **outcomes, int count, struct kn_touched *touched,
                     struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array servers = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    for (int i = 0; i < count; i++) {
        kn_array_add(&servers, kn_json_str(outcomes[i]->command->body, "server"));
    }
    if (kn_db_run(db, &RELEASE, KN_ARGS(kn_array_value(&servers)), &rows, err) < 0) {
        return -1;
    }
    touch(touched, rows);
    return 0;
}
