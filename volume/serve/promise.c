/* SPDX-License-Identifier: Apache-2.0 */
/* What back ends promise: judged by one at a time, under a lock of the database that nobody else takes, and written with the judgement. */
#include "volume/serve/promise.h"

#include "lib/adapter/luks.h"
#include "lib/base/cleanup.h"

#define PROMISES(table, also) \
    "(UPDATE " table " t SET promised_gib = t.size_gib FROM sold WHERE t.id = $1 " also \
    "AND sold.gib + t.size_gib <= $2::bigint RETURNING t.id)"

/* Encrypted disks have a header each, which is not in their sizes; all together take this many GiB more. Those that nobody has judged take none, $1 but for. */
#define HEADER_OF(alias) "(" alias ".promised_gib > 0 AND " alias ".status <> 'error' OR " alias ".id = $1)"
#define HEADERS \
    "(SELECT (count(*) * 2 + 1023) / 1024 FROM (" \
    "SELECT FROM volume v WHERE v.key_id IS NOT NULL AND " HEADER_OF( \
        "v") " UNION ALL " \
             "SELECT FROM volume v JOIN volume_snapshot s ON s.volume_id = v.id WHERE v.key_id IS NOT NULL AND " HEADER_OF( \
                 "s") ") e)"
_Static_assert(KN_LUKS_HEADER_MAX == 2097152, "2 MiB each");

static const struct kn_stmt ALONE = { "volume_promise_alone",
                                      "SELECT pg_advisory_xact_lock(hashtextextended('kilonova volume promise', 0))",
                                      0 };
/* Before the lock that all wait for: whoever has the row for long makes nobody wait but who wants this one. */
static const struct kn_stmt HOLD = {
    "volume_promise_hold",
    "WITH v AS (SELECT FROM volume WHERE id = $1 FOR NO KEY UPDATE), s AS (SELECT FROM volume_snapshot WHERE id = $1 FOR NO KEY UPDATE), "
    "b AS (SELECT FROM volume_backup WHERE id = $1 FOR NO KEY UPDATE) SELECT FROM v UNION ALL SELECT FROM s UNION ALL SELECT FROM b",
    1
};
static const struct kn_stmt PROMISE = {
    "volume_promise",
    "WITH sold AS MATERIALIZED (SELECT coalesce(sum(gib), 0)::bigint + " HEADERS
    " AS gib FROM volume_promise WHERE id <> $1), "
    "wants AS (SELECT size_gib FROM volume WHERE id = $1 UNION ALL SELECT size_gib FROM volume_snapshot WHERE id = $1 "
    "UNION ALL SELECT size_gib FROM volume_backup WHERE id = $1 AND copy IS NOT NULL), "
    "v AS " PROMISES("volume", "") ", s AS " PROMISES("volume_snapshot", "") ", b AS " PROMISES(
        "volume_backup",
        "AND t.copy IS NOT NULL ") "SELECT sold.gib + wants.size_gib, EXISTS (SELECT FROM v UNION ALL SELECT FROM s UNION ALL SELECT FROM b) FROM sold, wants",
    2
};
enum { GIB, IS_PROMISED };

int kn_volume_promise(struct kn_db *db, const char *id, int64_t capacity_gib, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg capacity;

    if (kn_tx_begin(&tx, db, err) < 0 || kn_db_run(db, &HOLD, KN_ARGS(id), NULL, err) < 0 ||
        kn_db_run(db, &ALONE, KN_NO_ARGS, NULL, err) < 0 ||
        kn_db_run(db, &PROMISE, KN_ARGS(id, kn_arg_int(&capacity, capacity_gib)), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "volume or snapshot \"%s\" does not exist", id);
    }
    if (!kn_rows_bool(rows, 0, IS_PROMISED)) {
        return kn_fail(err, KN_NO_VALID_HOST, "no back end has room for \"%s\": %lld of %lld GiB would be promised", id,
                       (long long)kn_rows_int(rows, 0, GIB), (long long)capacity_gib);
    }
    return kn_tx_commit(&tx, err);
}
