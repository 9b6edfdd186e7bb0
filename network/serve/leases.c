/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leases.c: the rows of routers' places. Silence is a sign only after we have listened for as long as it has to last: a kilonova-network that begins, that
 * stood still, or that heard nobody at all (then it is the bus that is silent), gives everybody that time anew.
 *
 * A host that lives loses a router only because it cannot carry it any more. Then it is nobody's first, and somebody's when the old one says that it does not
 * stand there any more (network/serve/standing.h), or is not heard any more either.
 */
#include "network/serve/leases.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/hmap.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/lease.h"
#include "network/rows/agents.h"
#include "network/rows/change.h"
#include "network/rows/l3/routers.h"

#define AT_ONCE 50 /* routers in one transaction */
#define STOOD_STILL_MS 5000
#define DEAF_MS 6000 /* conductors say every 2 s that the bus carries */
#define WAIT_MS 60000 /* the scheduler has made a host's row by then, or never will */

/* --- who lives ------------------------------------------------------------------------------------------------------ */

/* What an agent says of a host. */
struct leases_said {
    char *agent, *host, *physical; /* the last: a JSON array */
    int64_t since_ms;
};

static void leases_said_free(void *p)
{
    struct leases_said *said = p;

    free(said->agent);
    free(said->host);
    free(said->physical);
    free(said);
}

void kn_network_leases_init(struct kn_network_leases *leases)
{
    *leases = (struct kn_network_leases){ .since_ms = kn_mono_ms(),
                                          .heard_ms = kn_mono_ms(),
                                          .heard = kn_hmap_new(NULL),
                                          .said = kn_hmap_new(leases_said_free) };
}

void kn_network_leases_release(struct kn_network_leases *leases)
{
    kn_hmap_free(leases->heard);
    kn_hmap_free(leases->said);
    leases->heard = leases->said = NULL;
}

/* A host that nobody simulates: what its agent, and no other, says that it has. The host's own row is the scheduler's, who may be later. */
static const struct kn_stmt SAID = {
    "leases_said",
    "INSERT INTO network_host (host, physical, until) SELECT h.name, ARRAY(SELECT jsonb_array_elements_text($2::jsonb)), now() + $3::bigint * interval '1 ms'"
    " FROM host h WHERE h.name = $1 AND h.agent_id = $4 ON CONFLICT (host) DO UPDATE SET physical = excluded.physical, until = excluded.until",
    4
};

/* Until the host's row is there it is tried again, for a while. */
static int leases_note_said(struct kn_network_leases *leases, struct kn_db *db, struct kn_error *err)
{
    const int64_t now_ms = kn_mono_ms();
    const char *key;
    struct kn_arg ms;
    void *value;

    for (size_t at = 0; kn_hmap_next(leases->said, &at, &key, &value);) {
        const struct leases_said *said = value;
        int64_t count = 0;

        if (kn_db_change(db, &SAID, KN_ARGS(said->host, said->physical, kn_arg_int(&ms, KN_LEASE_MS), said->agent),
                         &count, err) < 0) {
            return -1;
        }
        if (count > 0 || now_ms - said->since_ms > WAIT_MS) {
            kn_hmap_del(leases->said, key);
        }
    }
    return 0;
}

static void leases_hello(struct kn_network_leases *leases, const struct kn_message *hello)
{
    const json_t *hosts = json_object_get(hello->body, "hosts"), *host;
    size_t i;

    json_array_foreach (hosts, i, host) {
        const json_t *physical = json_object_get(host, "physical");

        if (strcasecmp(kn_json_str(host, "hypervisor_type"), "sim") != 0) {
            struct leases_said *said = KN_NEW(struct leases_said);

            said->agent = kn_strdup(kn_json_str(hello->body, "agent"));
            said->host = kn_strdup(kn_json_str(host, "host"));
            said->physical = json_is_array(physical) ? json_dumps(physical, JSON_COMPACT) : kn_strdup("[]");
            said->since_ms = kn_mono_ms();
            AUTO_FREE char *key = kn_asprintf("%s %s", said->agent, said->host);

            kn_hmap_put(leases->said, key, said);
        }
    }
}

int kn_network_leases_hear(struct kn_network_leases *leases, struct kn_daemon *d, const struct kn_message *report,
                           struct kn_error *err)
{
    const char *agent = kn_json_str(report->body, "agent");

    leases->heard_ms = kn_mono_ms();
    if (agent[0] != '\0' && strncmp(report->type->name, "agent.", 6) == 0) {
        kn_hmap_put(leases->heard, agent, leases);
    }
    if (strcmp(report->type->name, "agent.hello") == 0) {
        leases_hello(leases, report);
        return leases_note_said(leases, d->db, err);
    }
    return 0;
}

/* A host that has been there since before there were routers says so when it is heard. */
static const struct kn_stmt HEARD = {
    "leases_heard",
    "UPDATE network_host n SET until = now() + $2::bigint * interval '1 ms' FROM host h WHERE h.name = n.host AND h.agent_id = ANY($1::text[])",
    2
};

static int leases_note(struct kn_network_leases *leases, struct kn_db *db, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array agents = KN_ARRAY_INIT;
    const char *agent;
    struct kn_arg ms;
    void *value;

    for (size_t at = 0; kn_hmap_next(leases->heard, &at, &agent, &value);) {
        kn_array_add(&agents, agent);
    }
    if (agents.count == 0) {
        return 0;
    }
    if (kn_db_run(db, &HEARD, KN_ARGS(kn_array_value(&agents), kn_arg_int(&ms, KN_LEASE_MS)), NULL, err) < 0) {
        return -1;
    }
    kn_hmap_free(leases->heard);
    leases->heard = kn_hmap_new(NULL);
    return 0;
}

/* --- who holds what ------------------------------------------------------------------------------------------------- */

/* Does the host have all physical networks that the router is in, is it where people want it, and may it have any? */
#define FITS(nh) \
    "NOT EXISTS (SELECT 1 FROM port p JOIN network n ON n.id = p.network_id WHERE p.device_id = r.id::text AND p.device_owner IN ('" KN_ROUTER_LEG \
    "', '" KN_ROUTER_GATEWAY "') AND n.type = 'flat' AND NOT n.physical = ANY(" nh ".physical))" \
    " AND (r.zone_hints = '[]' OR r.zone_hints ? (SELECT " KN_NETWORK_ZONE_OF( \
        "z") " FROM host z WHERE z.name = " nh ".host))" \
             " AND NOT EXISTS (SELECT FROM network_agent na WHERE na.host = " nh \
             ".host AND na.duty = 'l3' AND NOT na.enabled)"

#define HAS_LEGS \
    "EXISTS (SELECT 1 FROM port p WHERE p.device_id = r.id::text AND p.device_owner IN ('" KN_ROUTER_LEG \
    "', '" KN_ROUTER_GATEWAY "'))"
#define LIVES(host) "EXISTS (SELECT 1 FROM network_host l WHERE l.host = " host " AND l.until > now())"

/* Those that nobody holds who may, each with the host that has the fewest, and whether one that lives says that it stands there. One that can be nowhere is passed over. */
static const struct kn_stmt HOMELESS = {
    "leases_homeless",
    "SELECT r.id, r.host, c.host, EXISTS (SELECT 1 FROM router_stand s WHERE s.router_id = r.id AND s.host = r.host AND " LIVES(
        "r.host") ") FROM router r CROSS JOIN LATERAL (SELECT nh.host FROM network_host nh JOIN host h ON h.name = nh.host"
                  "  WHERE nh.until > now() AND NOT h.forced_down AND " FITS(
                      "nh") "  ORDER BY (SELECT count(*) FROM router o WHERE o.host = nh.host), nh.host LIMIT 1) c"
                            " WHERE " HAS_LEGS
                            " AND NOT EXISTS (SELECT 1 FROM network_host nh WHERE nh.host = r.host AND nh.until > now() AND " FITS(
                                "nh") ")"
                                      " AND NOT EXISTS (SELECT 1 FROM router_stand s WHERE r.host IS NULL AND s.router_id = r.id AND " LIVES(
                                          "s.host") ")"
                                                    " AND (r.host IS NULL OR $2::boolean) ORDER BY r.id LIMIT $1::int FOR UPDATE OF r SKIP LOCKED",
    2
};
enum { R_ID, R_OLD, R_NEW, R_OLD_STANDS };

static const struct kn_stmt LEGS = { "leases_legs",
                                     "SELECT id FROM port WHERE device_id = $1 AND device_owner IN ('" KN_ROUTER_LEG
                                     "', '" KN_ROUTER_GATEWAY "') ORDER BY id",
                                     1 };
static const struct kn_stmt GIVE = {
    "leases_give", "UPDATE router SET host = $2, lease = lease + 1, leased_at = now() WHERE id = $1::uuid", 2
};
static const struct kn_stmt UNBIND = { "leases_unbind", "DELETE FROM port_binding WHERE port_id = ANY($1::uuid[])", 1 };
static const struct kn_stmt BIND = {
    "leases_bind",
    "WITH held AS (SELECT id FROM port WHERE id = ANY($1::uuid[]) ORDER BY id FOR KEY SHARE)"
    " INSERT INTO port_binding (port_id, host, state) SELECT id, $2, 'active' FROM held",
    2
};

/* host NULL: to nobody, for the moment. */
static int leases_give(struct kn_db *db, const char *router, const char *host, struct kn_error *err)
{
    enum { LEG };
    AUTO_RELEASE(kn_array) struct kn_array legs = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &LEGS, KN_ARGS(router), &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        kn_array_add(&legs, kn_rows_text(rows, row, LEG));
    }
    return kn_network_change(db, KN_CHANGED_ROUTER, router, err) < 0 ||
                   kn_network_change_many(db, KN_CHANGED_PORT, &legs, err) < 0 ||
                   kn_db_run(db, &GIVE, KN_ARGS(router, host), NULL, err) < 0 ||
                   kn_db_run(db, &UNBIND, KN_ARGS(kn_array_value(&legs)), NULL, err) < 0 ||
                   (host != NULL && kn_db_run(db, &BIND, KN_ARGS(kn_array_value(&legs), host), NULL, err) < 0) ||
                   kn_network_change_many(db, KN_CHANGED_PORT, &legs, err) < 0
               ? -1
               : 0;
}

static void leases_log(const char *router, const char *host, const char *before)
{
    if (host == NULL) {
        kn_log(KN_INFO, "a router leaves a host that cannot carry it any more", "router", router, "host", before, NULL);
    } else if (before == NULL) {
        kn_log(KN_INFO, "a router gets a host", "router", router, "host", host, NULL);
    } else {
        kn_log(KN_WARNING, "a router's host is silent, another has it; the connections that were tracked are lost",
               "router", router, "host", host, "before", before, NULL);
    }
}

/* moves: of hosts that are silent, too. Else only those that nobody has. */
static int leases_place(struct kn_db *db, bool moves, int *ret_count, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_arg limit;

    if (kn_tx_begin(&tx, db, err) < 0 ||
        kn_db_run(db, &HOMELESS, KN_ARGS(kn_arg_int(&limit, AT_ONCE), moves ? "t" : "f"), &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        const char *id = kn_rows_text(rows, row, R_ID), *host = kn_rows_text(rows, row, R_NEW);
        const char *before = kn_rows_null(rows, row, R_OLD) ? NULL : kn_rows_text(rows, row, R_OLD);
        const bool is_taken = kn_rows_bool(rows, row,
                                           R_OLD_STANDS); /* and given when it does not stand there any more */

        if (leases_give(db, id, is_taken ? NULL : host, err) < 0) {
            return -1;
        }
        leases_log(id, is_taken ? NULL : host, before);
    }
    *ret_count = kn_rows_count(rows);
    return kn_tx_commit(&tx, err);
}

int kn_network_leases_work(struct kn_network_leases *leases, struct kn_daemon *d, struct kn_error *err)
{
    int count = 0;

    const int64_t now = kn_mono_ms();

    if (now - leases->worked_ms > STOOD_STILL_MS || now - leases->heard_ms > DEAF_MS) {
        leases->since_ms = now;
    }
    leases->worked_ms = now;
    if (leases_note_said(leases, d->db, err) < 0 || leases_note(leases, d->db, err) < 0) {
        return -1;
    }
    do {
        if (leases_place(d->db, now - leases->since_ms >= KN_LEASE_MS, &count, err) < 0) {
            return -1;
        }
    } while (count == AT_ONCE);
    return 0;
}
