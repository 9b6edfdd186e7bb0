/* SPDX-License-Identifier: Apache-2.0 */
/* nics.c: asks allocate.c again what servers have, as a repeated port.allocate would, and writes that into their rows where it is something else. */
#include "network/serve/nics.h"

#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/domain/json_text.h"
#include "network/rows/networks.h"
#include "network/serve/batch.h"

/* clang-format off */
static const struct kn_stmt SERVERS = {
    "nics_servers",
    "SELECT s.id FROM port p JOIN server s ON s.id = p.device_id::uuid AND s.deleted_at IS NULL WHERE p.id = ANY($1::uuid[]) AND p.nic IS NOT NULL"
    " UNION SELECT s.id FROM network n JOIN port p ON p.network_id = n.id AND p.nic IS NOT NULL JOIN server s ON s.id = p.device_id::uuid AND s.deleted_at IS NULL"
    " WHERE n.id = ANY($2::uuid[]) AND s.nics::jsonb <> '[]' AND NOT s.nics::jsonb @> jsonb_build_array(jsonb_build_object('port', p.id, 'mtu', " KN_NETWORK_WIRE_MTU("n") ", 'network_name', n.name))", 2
};
static const struct kn_stmt HOLD = {
    "nics_hold", "SELECT s.id FROM server s WHERE s.id = ANY($1::uuid[]) AND s.deleted_at IS NULL ORDER BY s.id FOR UPDATE", 1
};
enum { S_SERVER }; /* of both */
/* $3: the servers are held: also of one that shows none, as one that is being made does, and what groups there are. */
static const struct kn_stmt SHOW = {
    "nics_show",
    "UPDATE server s SET nics = w.nics, updated_at = now(), group_ids = CASE WHEN $3::boolean THEN translate(w.groups, '[]\"', '{}')::uuid[] ELSE s.group_ids END"
    " FROM unnest($1::uuid[], $2::json[], $4::text[]) AS w(id, nics, groups)"
    " WHERE s.id = w.id AND s.deleted_at IS NULL AND (s.nics::jsonb <> '[]' OR $3::boolean) AND s.nics::jsonb <> w.nics::jsonb", 4
};
/* clang-format on */

static int nics_write(struct kn_db *db, struct kn_network_outcome *outcomes, int count, bool is_made,
                      struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT, nics = KN_ARRAY_INIT, groups = KN_ARRAY_INIT;

    for (int i = 0; i < count; i++) {
        AUTO_FREE char *text = kn_json_text(json_object_get(outcomes[i].result, "nics"));
        AUTO_FREE char *its_groups = kn_json_text(json_object_get(outcomes[i].result, "group_ids"));

        if (!outcomes[i].failed && text != NULL) {
            kn_array_add(&ids, kn_json_str(outcomes[i].command->body, "server"));
            kn_array_add(&nics, text);
            kn_array_add(&groups, its_groups);
        }
    }
    return ids.count == 0 ? 0
                          : kn_db_run(db, &SHOW,
                                      KN_ARGS(kn_array_value(&ids), kn_array_value(&nics), is_made ? "t" : "f",
                                              kn_array_value(&groups)),
                                      NULL, err);
}

/* A command that wants nothing: its answer is what there is. */
static int nics_ask(struct kn_db *db, struct kn_message *commands, int count, bool is_made, json_t *ret_shown,
                    struct kn_error *err)
{
    AUTO_FREE struct kn_network_outcome *outcomes = kn_alloc((size_t)(count + 1) * sizeof(*outcomes));
    AUTO_FREE struct kn_network_outcome **each = kn_alloc((size_t)(count + 1) * sizeof(*each));
    struct kn_network_touched touched = { .claims = KN_QUOTA_CLAIMS("network") };

    for (int i = 0; i < count; i++) {
        outcomes[i].command = &commands[i];
        each[i] = &outcomes[i];
    }
    int rc = kn_network_ports_allocate(db, each, count, &touched, err);

    if (rc == 0) {
        rc = nics_write(db, outcomes, count, is_made, err);
    }
    for (int i = 0; i < count; i++) {
        if (ret_shown != NULL && outcomes[i].result != NULL) {
            json_object_set(ret_shown, kn_json_str(commands[i].body, "server"),
                            json_object_get(outcomes[i].result, "nics"));
        }
        json_decref(outcomes[i].result);
    }
    kn_quota_claims_release(&touched.claims);
    return rc;
}

static int nics_of_rows(struct kn_db *db, const struct kn_rows *rows, bool is_made, json_t *ret_shown,
                        struct kn_error *err)
{
    const int count = kn_rows_count(rows);

    if (count == 0) {
        return 0;
    }
    AUTO_FREE struct kn_message *commands = kn_alloc((size_t)count * sizeof(*commands));

    for (int i = 0; i < count; i++) {
        kn_message_init(&commands[i], "port.allocate",
                        json_pack("{s:s, s:s, s:s, s:[]}", "server", kn_rows_text(rows, i, S_SERVER), "project", "",
                                  "hostname", "", "requests"));
    }
    int rc = nics_ask(db, commands, count, is_made, ret_shown, err);

    for (int i = 0; i < count; i++) {
        kn_message_release(&commands[i]);
    }
    return rc;
}

int kn_network_nics_refresh(struct kn_db *db, struct kn_array *ports, struct kn_array *networks, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    return kn_db_run(db, &SERVERS, KN_ARGS(kn_array_value(ports), kn_array_value(networks)), &rows, err) < 0
               ? -1
               : nics_of_rows(db, rows, false, NULL, err);
}

int kn_network_nics_hold(struct kn_db *db, struct kn_array *servers, struct kn_error *err)
{
    return kn_db_run(db, &HOLD, KN_ARGS(kn_array_value(servers)), NULL, err);
}

int kn_network_nics_show(struct kn_db *db, struct kn_array *servers, json_t *ret_shown, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    return kn_db_run(db, &HOLD, KN_ARGS(kn_array_value(servers)), &rows, err) < 0
               ? -1
               : nics_of_rows(db, rows, true, ret_shown, err);
}
