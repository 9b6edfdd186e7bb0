/* SPDX-License-Identifier: Apache-2.0 */
/* What images count as. The view `quota_fact` says the same of all of them together; the audit holds one against the other. */
#include "image/rows/quota.h"

#include "lib/base/cleanup.h"

const struct kn_rest_counts kn_image_counts = {
    "image",
    { "image_counts",
      "SELECT i.owner, r.resource, r.n FROM image i CROSS JOIN LATERAL (VALUES ('image_count_total', 1::bigint), "
      "('image_size_total', CASE WHEN i.sha512 IS NOT NULL THEN coalesce(i.size, 0) ELSE 0 END), "
      "('image_stage_total', CASE WHEN i.status IN ('uploading', 'importing') THEN coalesce(i.size, 0) ELSE 0 END), "
      "('image_count_uploading', CASE WHEN i.status IN ('saving', 'uploading', 'importing') THEN 1 ELSE 0 END)) r(resource, n) "
      "WHERE i.id = ANY($1::uuid[]) AND i.deleted_at IS NULL FOR UPDATE OF i",
      1 },
    true
};

enum { C_OWNER, C_RESOURCE, C_AMOUNT }; /* of kn_image_counts */

static int tally_look(struct kn_db *db, const char *id, int sign, struct kn_quota_claims *claims, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    kn_array_add(&ids, id);
    if (kn_db_run(db, &kn_image_counts.stmt, KN_ARGS(kn_array_value(&ids)), &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        kn_quota_claim_named(claims, kn_rows_text(rows, row, C_OWNER), kn_rows_text(rows, row, C_RESOURCE),
                             sign * kn_rows_int(rows, row, C_AMOUNT));
    }
    return 0;
}

int kn_image_tally_begin(struct kn_image_tally *tally, struct kn_db *db, const char *id, struct kn_error *err)
{
    if (!kn_tx_is_open(db) && kn_tx_begin(&tally->tx, db, err) < 0) {
        return -1;
    }
    return tally_look(db, id, -1, &tally->claims, err);
}

int kn_image_tally_end(struct kn_image_tally *tally, struct kn_db *db, const char *id, struct kn_error *err)
{
    if (tally_look(db, id, 1, &tally->claims, err) < 0 || kn_quota_take(db, &tally->claims, err) < 0) {
        return -1;
    }
    return tally->tx.db != NULL ? kn_tx_commit(&tally->tx, err) : 0;
}

int kn_image_fits(struct kn_db *db, const char *owner, enum kn_quota quota, int64_t length, struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_set) struct kn_quota_set set = KN_QUOTA_SET_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const int64_t more = length > 0 ? length : 1, unit = kn_quota_rows[quota].unit;

    if (kn_quota_room_of_one(db, quota, owner, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_null(rows, 0, KN_ROOM_LEFT) || kn_rows_int(rows, 0, KN_ROOM_LEFT) >= more) {
        return 0;
    }
    if (kn_quota_read(db, "image", owner, &set, err) < 0) {
        return -1;
    }
    const struct kn_quota_line *line = kn_quota_of(&set, quota);
    const struct kn_quota_over over = { line->name, owner, (more + unit - 1) / unit, line->used, line->limit };

    return kn_quota_refuse(err, "image", &over, 1);
}

void kn_image_tally_release(struct kn_image_tally *tally)
{
    kn_quota_claims_release(&tally->claims);
    kn_tx_release(&tally->tx);
}
