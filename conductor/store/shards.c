/* SPDX-License-Identifier: Apache-2.0 */
/* The leases on shards: their SQL lives here and nowhere else. What a conductor does with a shard it got or lost is loop.c's business. */
#include "conductor/store/shards.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"

static const struct kn_stmt LIVE = {
    "shard_live",
    "SELECT count(*) FROM service WHERE binary_name = 'kilonova-conductor' AND last_seen > now() - $1::bigint * interval '1 ms'",
    1
};
static const struct kn_stmt RECLAIM = {
    "shard_reclaim",
    "UPDATE shard SET owner = $1, epoch = epoch + 1, lease_until = now() + $2::bigint * interval '1 ms' "
    "WHERE owner <> $1 AND left(owner, -37) = $3 RETURNING id, epoch",
    3
}; /* 37: a slash and a boot id */
static const struct kn_stmt RENEW = {
    "shard_renew",
    "UPDATE shard s SET lease_until = now() + $2::bigint * interval '1 ms' FROM unnest($3::smallint[], $4::bigint[]) AS m(id, epoch) "
    "WHERE s.id = m.id AND s.epoch = m.epoch AND s.owner = $1 RETURNING s.id, s.epoch",
    4
};
/* A row of this owner that it does not know to have is one whose change was written and whose answer was lost. */
static const struct kn_stmt TAKE = {
    "shard_take",
    "UPDATE shard SET owner = $1, epoch = epoch + 1, lease_until = now() + $2::bigint * interval '1 ms' WHERE id IN "
    "(SELECT id FROM shard WHERE id <> ALL($4::smallint[]) AND (owner IS NULL OR owner = $1 OR lease_until < now()) "
    " ORDER BY id LIMIT $3::int FOR UPDATE SKIP LOCKED) RETURNING id, epoch",
    4
};
static const struct kn_stmt GIVE_UP = {
    "shard_give_up",
    "UPDATE shard SET owner = NULL, epoch = epoch + 1, lease_until = '-infinity' WHERE owner = $1 AND id = ANY($2::smallint[])",
    2
};
static const struct kn_stmt LOCK = {
    "shard_lock", "SELECT id, epoch FROM shard WHERE owner = $1 AND id = ANY($2::smallint[]) FOR SHARE", 2
};

enum { SHARD_ID, SHARD_EPOCH }; /* of all that tell of shards */

bool kn_conductor_shards_lapsed(const struct kn_conductor_shards *shards, int64_t now_ms)
{
    return now_ms >= shards->lease_until_ms;
}

void kn_conductor_shards_init(struct kn_conductor_shards *shards, const char *host, const char *boot, int64_t lease_ms)
{
    *shards = (struct kn_conductor_shards){ .lease_ms = lease_ms };
    kn_copy(shards->host, sizeof(shards->host), host);
    snprintf(shards->owner, sizeof(shards->owner), "%s/%s", shards->host, boot);
}

int kn_conductor_shards_share(int live)
{
    return live <= 1 ? KN_SHARDS : (KN_SHARDS + live - 1) / live;
}

static int count_mine(const struct kn_conductor_shards *shards)
{
    int n = 0;

    for (int i = 0; i < KN_SHARDS; i++) {
        n += shards->mine[i] ? 1 : 0;
    }
    return n;
}

static void shards_add_rows(struct kn_conductor_shards *shards, const struct kn_rows *rows)
{
    for (int i = 0; i < kn_rows_count(rows); i++) {
        int64_t id = kn_rows_int(rows, i, SHARD_ID);

        if (id >= 0 && id < KN_SHARDS) {
            shards->mine[id] = true;
            shards->epoch[id] = kn_rows_int(rows, i, SHARD_EPOCH);
        }
    }
}

/* A row that answers with another epoch than the one in memory was lost and must be taken over again like any other. */
static void keep_renewed(struct kn_conductor_shards *shards, const struct kn_rows *rows)
{
    bool renewed[KN_SHARDS] = { false };

    for (int i = 0; i < kn_rows_count(rows); i++) {
        int64_t id = kn_rows_int(rows, i, SHARD_ID);

        if (id >= 0 && id < KN_SHARDS) {
            renewed[id] = shards->epoch[id] == kn_rows_int(rows, i, SHARD_EPOCH);
        }
    }
    for (int i = 0; i < KN_SHARDS; i++) {
        shards->mine[i] = shards->mine[i] && renewed[i];
    }
}

int kn_conductor_shards_reclaim(struct kn_conductor_shards *shards, struct kn_db *db, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const int64_t asked_ms = kn_boot_ms();
    struct kn_arg lease;

    if (kn_db_run(db, &RECLAIM, KN_ARGS(shards->owner, kn_arg_int(&lease, shards->lease_ms), shards->host), &rows,
                  err) < 0) {
        return -1;
    }
    shards_add_rows(shards, rows);
    shards->lease_until_ms = asked_ms + shards->lease_ms;
    return 0;
}

static int shards_take(struct kn_conductor_shards *shards, struct kn_db *db, int wanted, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array mine = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg lease, limit;

    if (kn_db_run(db, &TAKE,
                  KN_ARGS(shards->owner, kn_arg_int(&lease, shards->lease_ms), kn_arg_int(&limit, wanted),
                          kn_conductor_shards_array(shards, &mine)),
                  &rows, err) < 0) {
        return -1;
    }
    shards_add_rows(shards, rows);
    return 0;
}

static int shards_give_up(struct kn_conductor_shards *shards, struct kn_db *db, int surplus, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;

    for (int i = KN_SHARDS - 1; i >= 0 && surplus > 0; i--) {
        if (shards->mine[i]) {
            shards->mine[i] = false;
            kn_array_addint(&ids, i);
            surplus--;
        }
    }
    return kn_db_run(db, &GIVE_UP, KN_ARGS(shards->owner, kn_array_value(&ids)), NULL, err);
}

int kn_conductor_shards_renew(struct kn_conductor_shards *shards, struct kn_db *db, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array mine = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array epochs = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *live = NULL;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg lease;
    const int64_t asked_ms = kn_boot_ms();
    const char *lease_ms = kn_arg_int(&lease, shards->lease_ms);
    int share;

    for (int i = 0; i < KN_SHARDS; i++) {
        if (shards->mine[i]) {
            kn_array_addint(&epochs, shards->epoch[i]);
        }
    }
    if (kn_db_run(db, &RENEW,
                  KN_ARGS(shards->owner, lease_ms, kn_conductor_shards_array(shards, &mine), kn_array_value(&epochs)),
                  &rows, err) < 0 ||
        kn_db_run(db, &LIVE, KN_ARGS(lease_ms), &live, err) < 0) {
        return -1;
    }
    keep_renewed(shards, rows);
    shards->lease_until_ms = asked_ms + shards->lease_ms;
    share = kn_conductor_shards_share((int)kn_rows_int(live, 0, KN_ONLY));
    if (count_mine(shards) < share) {
        return shards_take(shards, db, share - count_mine(shards), err);
    }
    return count_mine(shards) > share ? shards_give_up(shards, db, count_mine(shards) - share, err) : 0;
}

int kn_conductor_shards_release(struct kn_conductor_shards *shards, struct kn_db *db, struct kn_error *err)
{
    return shards_give_up(shards, db, KN_SHARDS, err);
}

const char *kn_conductor_shards_array(const struct kn_conductor_shards *shards, struct kn_array *array)
{
    kn_array_clear(array);
    for (int i = 0; i < KN_SHARDS; i++) {
        if (shards->mine[i]) {
            kn_array_addint(array, i);
        }
    }
    return kn_array_value(array);
}

int kn_conductor_shards_lock(const struct kn_conductor_shards *shards, struct kn_db *db, bool ret_valid[KN_SHARDS],
                             struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &LOCK, KN_ARGS(shards->owner, kn_conductor_shards_array(shards, &ids)), &rows, err) < 0) {
        return -1;
    }
    memset(ret_valid, 0, KN_SHARDS * sizeof(*ret_valid));
    for (int i = 0; i < kn_rows_count(rows); i++) {
        int64_t id = kn_rows_int(rows, i, SHARD_ID);

        if (id >= 0 && id < KN_SHARDS) {
            ret_valid[id] = shards->mine[id] && shards->epoch[id] == kn_rows_int(rows, i, SHARD_EPOCH);
        }
    }
    return 0;
}
