/* SPDX-License-Identifier: Apache-2.0 */
/* announced.c: one row an address. Only the newest announcement of it that hosts could know of is followed by another one, so nothing depends on clocks or on the bus' order. */
#include "network/serve/announced.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/ip.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/limits.h"
#include "network/address/mac.h"
#include "network/rows/change.h"

/* clang-format off */
/* Where the row of an address is of a port that hosts are not told of (its server went), nobody can know its number. */
#define TOLD_OF(port) \
    "EXISTS (SELECT FROM port_binding b JOIN host o ON o.name = b.host WHERE b.port_id = " port " AND b.state = 'active' AND (o.underlay <> '' OR o.name = $1))"
/* Each of the port's device, or of the network's own. */
#define IS_OWN \
    "EXISTS (SELECT FROM address a JOIN port q ON q.id = a.port_id WHERE q.network_id = held.network_id AND a.ip = said.ip" \
    " AND (q.device_owner LIKE 'network:%' OR EXISTS (SELECT FROM port_binding b WHERE b.port_id = q.id AND b.state = 'active')))"

/* The row that there was, w, beside what is said: nobody has it (any more), it stays with who has it, or it moves and the moves are counted from now on. */
#define IS_FRESH "NOT coalesce(w.told, false)"
#define IS_SAME "NOT w.is_move"
#define IS_LONG_AGO "(w.rests_until IS NOT NULL OR w.moves_from <= now() - $6::int * interval '1 s')"

static const struct kn_stmt TAKE = {
    "announced_take",
    "WITH said AS (SELECT * FROM jsonb_to_recordset($3::jsonb) AS w(port uuid, ip inet, mac macaddr, after bigint, age_ms bigint)),"
    " held AS (SELECT p.id, p.network_id, p.allowed_pairs FROM port p WHERE p.id IN (SELECT port FROM said) ORDER BY p.id FOR KEY SHARE),"
    " fine AS (SELECT DISTINCT ON (held.network_id, said.ip) held.network_id, said.ip, said.port, said.mac, said.after, now() - said.age_ms * interval '1 ms' AS heard_at"
    "  FROM said JOIN held ON held.id = said.port JOIN port_binding b ON b.port_id = held.id AND b.state = 'active' AND b.host = $1"
    "  JOIN host h ON h.name = b.host AND h.agent_id = $2"
    "  WHERE EXISTS (SELECT FROM jsonb_array_elements(held.allowed_pairs) e WHERE (e->>'ip_address')::inet >>= said.ip AND (e->>'mac_address')::macaddr = said.mac)"
    "  AND NOT " IS_OWN " ORDER BY held.network_id, said.ip, said.age_ms),"
    " was AS (SELECT c.*, " TOLD_OF("c.port_id") " AS told, (c.port_id, c.mac) <> (f.port, f.mac) AS is_move"
    "  FROM announced_address c JOIN fine f USING (network_id, ip)),"
    " next AS (SELECT f.network_id, f.ip, f.port, f.mac, f.heard_at,"
    "  CASE WHEN " IS_FRESH " THEN 0 WHEN " IS_SAME " THEN w.moves WHEN " IS_LONG_AGO " THEN 1 ELSE w.moves + 1 END AS moves,"
    "  CASE WHEN " IS_FRESH " THEN now() WHEN " IS_SAME " THEN w.moves_from WHEN " IS_LONG_AGO " THEN now() ELSE w.moves_from END AS moves_from,"
    "  CASE WHEN " IS_FRESH " THEN NULL WHEN " IS_SAME " THEN w.rests_until"
    "   WHEN NOT " IS_LONG_AGO " AND w.moves + 1 >= $5::int THEN now() + $6::int * interval '1 s' END AS rests_until"
    "  FROM fine f LEFT JOIN was w USING (network_id, ip)"
    "  WHERE (" IS_FRESH " OR (f.after = w.number AND (" IS_SAME " OR coalesce(w.rests_until <= now(), true))))"
    "  AND (w.heard_at IS NULL OR w.heard_at <= f.heard_at)"
    "  AND (w.port_id = f.port OR (SELECT count(*) FROM announced_address c WHERE c.port_id = f.port) < $4::bigint)),"
    " taken AS (INSERT INTO announced_address AS c (network_id, ip, port_id, mac, number, heard_at, moves, moves_from, rests_until)"
    "  SELECT network_id, ip, port, mac, nextval('announced_address_number'), heard_at, moves, moves_from, rests_until FROM next ORDER BY network_id, ip"
    "  ON CONFLICT (network_id, ip) DO UPDATE SET port_id = excluded.port_id, mac = excluded.mac, number = excluded.number, heard_at = excluded.heard_at,"
    "   moves = excluded.moves, moves_from = excluded.moves_from, rests_until = excluded.rests_until"
    "  RETURNING network_id, ip, port_id, rests_until)"
    " SELECT t.port_id, w.port_id, t.network_id, host(t.ip), t.rests_until > coalesce(w.rests_until, now()) FROM taken t LEFT JOIN was w USING (network_id, ip)", 6
};
enum { T_PORT, T_BEFORE, T_NETWORK, T_IP, T_RESTS };
/* clang-format on */

/* In words of ours, whatever the report is made of. Nothing was heard in times to come: else a word could stand above all that follow. */
static json_t *announced_read(const json_t *heard)
{
    json_t *list = json_array();
    const json_t *item;
    size_t i;

    json_array_foreach (heard, i, item) {
        char mac[KN_MAC_TEXT], text[KN_IP_SIZE];
        uint8_t bytes[6];
        struct kn_ip ip;

        if (!kn_ip_parse(kn_json_str(item, "ip"), &ip) || !kn_network_mac_parse(kn_json_str(item, "mac"), bytes)) {
            continue;
        }
        kn_network_mac_text(bytes, mac);
        const int64_t age_ms = kn_json_int(item, "age_ms");

        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I, s:I}", "port", kn_json_str(item, "port"), "ip",
                                              kn_ip_text(&ip, text), "mac", mac, "after",
                                              (json_int_t)kn_json_int(item, "after"), "age_ms",
                                              (json_int_t)(age_ms < 0 ? 0 : age_ms % ((int64_t)86400 * 1000))));
    }
    return list;
}

/* Of those that have something now, and those that had it until then. */
static int announced_tell(struct kn_db *db, const struct kn_rows *rows, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ports = KN_ARRAY_INIT;

    for (int row = 0; row < kn_rows_count(rows); row++) {
        kn_array_add(&ports, kn_rows_text(rows, row, T_PORT));
        if (!kn_rows_null(rows, row, T_BEFORE)) {
            kn_array_add(&ports, kn_rows_text(rows, row, T_BEFORE));
        }
    }
    return kn_network_change_many(db, KN_CHANGED_PORT, &ports, err);
}

/* Once for each time that it begins to rest. */
static void announced_log(const struct kn_rows *rows)
{
    for (int row = 0; row < kn_rows_count(rows); row++) {
        if (!kn_rows_null(rows, row, T_RESTS) && kn_rows_bool(rows, row, T_RESTS)) {
            kn_log(KN_WARNING,
                   "guests fight over an address of their allowed address pairs, it stays for a while where it is",
                   "network", kn_rows_text(rows, row, T_NETWORK), "address", kn_rows_text(rows, row, T_IP), "port",
                   kn_rows_text(rows, row, T_PORT), "before", kn_rows_text(rows, row, T_BEFORE), NULL);
        }
    }
}

int kn_network_announced_hear(struct kn_db *db, const struct kn_message *report, bool *ret_counts, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_arg most, moves, rest;

    if (strcmp(report->type->name, "net.announced") != 0) {
        return 0;
    }
    json_auto_t *heard = announced_read(json_object_get(report->body, "heard"));
    AUTO_FREE char *text = json_dumps(heard, JSON_COMPACT);

    if (kn_tx_begin(&tx, db, err) < 0 ||
        kn_db_run(db, &TAKE,
                  KN_ARGS(kn_json_str(report->body, "host"), kn_json_str(report->body, "agent"), text,
                          kn_arg_int(&most, KN_MAX_ANNOUNCED), kn_arg_int(&moves, KN_MAX_ANNOUNCED_MOVES),
                          kn_arg_int(&rest, KN_MAX_ANNOUNCED_REST)),
                  &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return 0;
    }
    if (announced_tell(db, rows, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    announced_log(rows);
    *ret_counts = true;
    return 0;
}
