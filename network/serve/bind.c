/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind.c: port.bind and port.release of all of a server's ports, port.attach and port.detach of one: where they live, and their end. A port is active on one host; while its
 * server moves it is bound to a second one as well. All of them name in the outbox what hosts must hear of; hosts that hear nothing of networks (simulated ones) have no row there, so a network that
 * lives only on such costs nothing more.
 */
#include <string.h>

#include "lib/base/mem.h"
#include "network/rows/agents.h"
#include "network/rows/ports/server_nics.h"
#include "network/serve/batch.h"
#include "network/serve/nics.h"

#define HEARS(h, silent) "lower(" h ".hypervisor_type) <> " silent

/* clang-format off */
/*
 * What becomes active on a host is active nowhere else: in one statement, the old one's end first, because the database keeps to one active binding a
 * port. What is active stays so when it is bound inactive again. A server stands among $1 once (service.c).
 */
static const struct kn_stmt BIND = {
    "port_bind",
    "WITH bound AS (UPDATE port p SET device_owner = CASE w.state WHEN 'active' THEN 'compute:' || coalesce(" KN_NETWORK_ZONE_OF("h") ", '') ELSE p.device_owner END,"
    "  host_asked = CASE w.state WHEN 'active' THEN '' ELSE p.host_asked END, updated_at = now() FROM unnest($1::text[], $2::text[], $3::text[]) AS w(server, host, state) LEFT JOIN host h ON h.name = w.host"
    "  WHERE p.device_id = w.server AND p.device_id <> '' AND p.nic IS NOT NULL"
    "  RETURNING p.id, p.network_id, w.host, w.state, " HEARS(
        "h",
        "$4") " AS hears),"
              " left_behind AS (DELETE FROM port_binding b USING bound WHERE b.port_id = bound.id AND b.state = 'active' AND bound.state = 'active'"
              "  AND b.host <> bound.host RETURNING b.port_id, b.host),"
              " here AS (INSERT INTO port_binding (port_id, host, state) SELECT id, host, state FROM bound WHERE (SELECT count(*) FROM left_behind) >= 0"
              "  ON CONFLICT (port_id, host) DO UPDATE SET state = 'active' WHERE excluded.state = 'active' AND port_binding.state <> 'active'),"
              " told AS (SELECT id, network_id, host FROM bound WHERE hears"
              "  UNION ALL SELECT bound.id, bound.network_id, l.host FROM left_behind l JOIN bound ON bound.id = l.port_id JOIN host h ON h.name = l.host WHERE " HEARS(
                  "h",
                  "$4") "),"
                        " changed AS (INSERT INTO network_change (kind, id, network_id, hosts, placed) SELECT 'port', id, network_id, array_agg(host), true FROM told GROUP BY id, network_id"
                        "  RETURNING 1)"
                        " SELECT count(*) FROM changed",
    4
};

enum { B_CHANGES };

/* A port that the server was given is free again afterwards; the ones made for it are gone. */
#define END_OF(old) \
    "WITH old AS (" old " ORDER BY p.id FOR UPDATE OF p)," \
    " unbound AS (DELETE FROM port_binding b USING old WHERE b.port_id = old.id AND b.host = coalesce(old.only_host, b.host)" \
    "   RETURNING old.id, old.network_id, b.host)," \
    " lent AS (INSERT INTO network_change (kind, id) SELECT DISTINCT 'router', f.router_id FROM floating_ip f JOIN old ON old.made_for_server" \
    "   AND old.only_host IS NULL AND (f.port_id = old.id OR EXISTS (SELECT 1 FROM port_forwarding g WHERE g.floating_ip_id = f.id AND g.port_id = old.id))" \
    "   WHERE f.router_id IS NOT NULL RETURNING 1)," \
    " gone AS (DELETE FROM port p USING old WHERE p.id = old.id AND old.made_for_server AND old.only_host IS NULL RETURNING p.project_id)," \
    " freed AS (UPDATE port p SET device_id = '', device_owner = '', nic = NULL, tag = NULL, updated_at = now()" \
    "   FROM old WHERE p.id = old.id AND NOT old.made_for_server AND old.only_host IS NULL)," \
    " changed AS (INSERT INTO network_change (kind, id, network_id, hosts, placed) SELECT 'port', u.id, u.network_id, array_agg(u.host), true" \
    "   FROM unbound u JOIN host h ON h.name = u.host WHERE " HEARS("h", "$3") " GROUP BY u.id, u.network_id RETURNING 1)" \
    " SELECT NULL AS project_id, (SELECT count(*) FROM changed) + (SELECT count(*) FROM lent)" \
    " UNION ALL SELECT project_id, count(*) FROM gone GROUP BY project_id"

/* Of one host only ($2): the bindings there go, the ports stay. */
static const struct kn_stmt RELEASE = {
    "port_release",
    END_OF("SELECT p.id, p.network_id, p.made_for_server, nullif(w.host, '') AS only_host FROM unnest($1::text[], $2::text[]) AS w(server, host)"
           " JOIN port p ON p.device_id = w.server AND p.device_id <> '' AND p.nic IS NOT NULL"), 3
};
static const struct kn_stmt DETACH = {
    "port_detach",
    END_OF("SELECT p.id, p.network_id, p.made_for_server, NULL::text AS only_host FROM unnest($1::text[], $2::uuid[]) AS w(server, port)"
           " JOIN port p ON p.id = w.port AND p.device_id = w.server AND p.nic IS NOT NULL"), 3
};

/* A port that was free has no binding to leave behind. */
static const struct kn_stmt ATTACH = {
    "port_attach",
    "WITH bound AS (UPDATE port p SET device_owner = 'compute:' || coalesce(" KN_NETWORK_ZONE_OF("h") ", ''), host_asked = '', updated_at = now()"
    "  FROM unnest($1::text[], $2::text[], $3::uuid[]) AS w(server, host, port) LEFT JOIN host h ON h.name = w.host"
    "  WHERE p.id = w.port AND p.device_id = w.server AND p.nic IS NOT NULL RETURNING p.id, p.network_id, w.host, " HEARS("h", "$4") " AS hears),"
    " here AS (INSERT INTO port_binding (port_id, host, state) SELECT id, host, 'active' FROM bound"
    "  ON CONFLICT (port_id, host) DO UPDATE SET state = 'active' WHERE port_binding.state <> 'active'),"
    " changed AS (INSERT INTO network_change (kind, id, network_id, hosts, placed) SELECT 'port', id, network_id, ARRAY[host], true FROM bound WHERE hears RETURNING 1)"
    " SELECT count(*) FROM changed", 4
};
/* clang-format on */

enum { R_PROJECT, R_COUNT }; /* of RELEASE; without a project: what hosts must hear */

/* NULL: it is neither, and the command fails. */
static const char *bind_state_of(struct kn_network_outcome *outcome)
{
    const char *state = kn_json_str(outcome->command->body, "state");

    if (*state == '\0' || strcmp(state, "active") == 0) {
        return "active";
    }
    if (strcmp(state, "inactive") == 0) {
        return state;
    }
    outcome->failed = true;
    kn_fail(&outcome->error, KN_BAD_REQUEST, "state \"%s\" is neither active nor inactive", state);
    return NULL;
}

int kn_network_ports_bind(struct kn_db *db, struct kn_network_outcome **outcomes, int count,
                          struct kn_network_touched *touched, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array servers = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array hosts = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array states = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    for (int i = 0; i < count; i++) {
        const char *state = bind_state_of(outcomes[i]);

        if (state != NULL) {
            kn_array_add(&servers, kn_json_str(outcomes[i]->command->body, "server"));
            kn_array_add(&hosts, kn_json_str(outcomes[i]->command->body, "host"));
            kn_array_add(&states, state);
        }
    }
    if (kn_db_run(db, &BIND,
                  KN_ARGS(kn_array_value(&servers), kn_array_value(&hosts), kn_array_value(&states), touched->silent),
                  &rows, err) < 0) {
        return -1;
    }
    touched->changes = touched->changes || kn_rows_int(rows, 0, B_CHANGES) > 0;
    return 0;
}

/* What END_OF() answered. */
static void bind_note_end(const struct kn_rows *rows, struct kn_network_touched *touched)
{
    for (int row = 0; row < kn_rows_count(rows); row++) {
        if (kn_rows_null(rows, row, R_PROJECT)) {
            touched->changes = touched->changes || kn_rows_int(rows, row, R_COUNT) > 0;
        } else {
            kn_quota_claim(&touched->claims, kn_rows_text(rows, row, R_PROJECT), KN_QUOTA_PORT,
                           -kn_rows_int(rows, row, R_COUNT));
        }
    }
}

int kn_network_ports_release(struct kn_db *db, struct kn_network_outcome **outcomes, int count,
                             struct kn_network_touched *touched, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array servers = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array hosts = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    for (int i = 0; i < count; i++) {
        kn_array_add(&servers, kn_json_str(outcomes[i]->command->body, "server"));
        kn_array_add(&hosts, kn_json_str(outcomes[i]->command->body, "host"));
    }
    if (kn_db_run(db, &RELEASE, KN_ARGS(kn_array_value(&servers), kn_array_value(&hosts), touched->silent), &rows,
                  err) < 0) {
        return -1;
    }
    bind_note_end(rows, touched);
    return 0;
}

/* --- one port ----------------------------------------------------------------------------------------------------- */

static void bind_column(struct kn_network_outcome **outcomes, int count, const char *name, struct kn_array *ret)
{
    for (int i = 0; i < count; i++) {
        kn_array_add(ret, kn_json_str(outcomes[i]->command->body, name));
    }
}

/* The NIC of that port; NULL if the server has none. */
static json_t *bind_nic(const json_t *nics, const char *port)
{
    json_t *nic;
    size_t i;

    json_array_foreach (nics, i, nic) {
        if (strcmp(kn_json_str(nic, "port"), port) == 0) {
            return nic;
        }
    }
    return NULL;
}

static void bind_answer(struct kn_network_outcome *outcome, const json_t *shown)
{
    const char *port = kn_json_str(outcome->command->body, "port");
    json_t *nic = bind_nic(json_object_get(shown, kn_json_str(outcome->command->body, "server")), port);

    if (nic != NULL) {
        outcome->result = json_pack("{s:O}", "nic", nic);
    } else {
        outcome->failed = true;
        kn_fail(&outcome->error, KN_NOT_FOUND, "Port id %s could not be found.", port);
    }
}

int kn_network_ports_attach(struct kn_db *db, struct kn_network_outcome **outcomes, int count,
                            struct kn_network_touched *touched, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array servers = KN_ARRAY_INIT, hosts = KN_ARRAY_INIT, ports = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    json_auto_t *shown = json_object();

    bind_column(outcomes, count, "server", &servers);
    bind_column(outcomes, count, "host", &hosts);
    bind_column(outcomes, count, "port", &ports);
    if (kn_network_nics_hold(db, &servers, err) < 0 ||
        kn_db_run(db, &ATTACH,
                  KN_ARGS(kn_array_value(&servers), kn_array_value(&hosts), kn_array_value(&ports), touched->silent),
                  &rows, err) < 0 ||
        kn_network_nics_show(db, &servers, shown, err) < 0) {
        return -1;
    }
    touched->changes = touched->changes || kn_rows_int(rows, 0, B_CHANGES) > 0;
    for (int i = 0; i < count; i++) {
        bind_answer(outcomes[i], shown);
    }
    return 0;
}

int kn_network_ports_detach(struct kn_db *db, struct kn_network_outcome **outcomes, int count,
                            struct kn_network_touched *touched, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array servers = KN_ARRAY_INIT, ports = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    int64_t left = 0;

    bind_column(outcomes, count, "server", &servers);
    bind_column(outcomes, count, "port", &ports);
    if (kn_network_nics_hold(db, &servers, err) < 0 ||
        kn_db_run(db, &DETACH, KN_ARGS(kn_array_value(&servers), kn_array_value(&ports), touched->silent), &rows, err) <
            0) {
        return -1;
    }
    bind_note_end(rows, touched);
    return kn_network_nics_number(db, &servers, &left, err) < 0 ? -1 : kn_network_nics_show(db, &servers, NULL, err);
}
