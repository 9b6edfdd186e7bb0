/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transfers as clients see and make them, and the two ways in which they end. Whoever begins or ends one holds the volume's row; what counts moves from one project's quota to the
 * other's in the transaction of the rows themselves.
 */
#include "volume/rows/transfer.h"

#include <string.h>

#include "lib/adapter/crypto.h"
#include "lib/adapter/quota.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "volume/rows/volume.h"

#define ENCRYPTED_SINCE 70

#define GETS (KN_REST_LIST | KN_REST_SHOW | KN_REST_CHANGED)

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "t.id", KN_REST_UUID, KN_REST_ALWAYS | KN_REST_FIND),
    KN_REST_ATTR("created_at", "t.created_at", KN_REST_TIME, GETS | KN_REST_SORT),
    KN_REST_ATTR("name", "t.name", KN_REST_TEXT,
                 KN_REST_ALWAYS | KN_REST_FIND | KN_REST_NULL | KN_REST_POST | KN_REST_CLEAR, .column = "name",
                 .limit = KN_LIMIT_VOLUME_NAME, .rule = &KN_TEXT_NAME),
    KN_REST_ATTR("volume_id", "t.volume_id", KN_REST_UUID, KN_REST_ALWAYS | KN_REST_FILTER),
    KN_REST_ATTR("links", NULL, KN_REST_LINKS, KN_REST_ALWAYS),
    KN_REST_ATTR("no_snapshots", "t.no_snapshots", KN_REST_BOOL, GETS | KN_REST_POST, .since = 55,
                 .column = "no_snapshots"),
    KN_REST_ATTR("destination_project_id", "NULL", KN_REST_TEXT, GETS, .since = 57),
    KN_REST_ATTR("source_project_id", "t.source_project_id", KN_REST_TEXT, GETS, .since = 57),
    KN_REST_ATTR("accepted", "false", KN_REST_BOOL, GETS, .since = 57),
    /* What a body says of the volume, and what no body says. */
    KN_REST_ATTR("volume_id", NULL, KN_REST_TEXT, KN_REST_POST | KN_REST_REQUIRED, .rule = &KN_TEXT_UUID),
    KN_REST_ATTR("of_volume", NULL, KN_REST_UUID, 0, .column = "volume_id"),
    KN_REST_ATTR("of_project", NULL, KN_REST_TEXT, 0, .column = "source_project_id"),
    KN_REST_ATTR("key_hash", NULL, KN_REST_TEXT, 0, .column = "key_hash"),
    KN_REST_ATTRS_END,
};

static const struct kn_rest_param PARAMS[] = { KN_REST_PARAM("all_tenants", NULL), KN_REST_PARAMS_END };

/* A transfer takes along what is whole, or nothing. */
static int transfer_refuse_unready(struct kn_db *db, const struct kn_volume *v, struct kn_error *err)
{
    static const struct kn_stmt UNREADY = {
        "volume_transfer_unready",
        "SELECT id FROM volume_snapshot WHERE volume_id = $1 AND status <> 'available' LIMIT 1", 1
    };
    enum { SNAPSHOT };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &UNREADY, KN_ARGS(v->id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) == 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Invalid snapshot: snapshot: %s status must be available",
                         kn_rows_text(rows, 0, SNAPSHOT));
}

/* Its key goes with it; Cinder gives none away before this version. */
static int transfer_refuse_encrypted(const struct kn_request *req, const struct kn_volume *v, struct kn_error *err)
{
    return v->key_id == NULL || req->microversion >= ENCRYPTED_SINCE
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Invalid volume: transferring encrypted volume is not supported");
}

static int transfer_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                           struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume v;

    (void)id;
    (void)now;
    if (kn_volume_get(req->db, &req->caller, kn_json_str(object, "volume_id"), true, &rows, &v, err) < 0 ||
        transfer_refuse_encrypted(req, &v, err) < 0 || kn_volume_move(req->db, &v, KN_VOLUME_TRANSFER, err) < 0 ||
        (!kn_schema_bool(object, "no_snapshots", false) && transfer_refuse_unready(req->db, &v, err) < 0)) {
        return -1;
    }
    json_object_set_new(object, "of_volume", json_string(v.id));
    return json_object_set_new(object, "of_project", json_string(v.project_id));
}

const struct kn_rest_noun kn_volume_transfer_noun = {
    .one = "transfer",
    .many = "transfers",
    .label = "Transfer",
    .path = "/os-volume-transfer",
    .from = "volume_transfer t",
    .id = "t.id",
    .id_type = KN_REST_UUID,
    .visible = "t.source_project_id = ?",
    .order = "created_at",
    .ascending = true,
    .ties = "created_at,id",
    .attrs = ATTRS,
    .params = PARAMS,
    .narrow = kn_rest_all_tenants,
    .manners = &KN_REST_CINDER,
    .table = "volume_transfer",
    .is_timeless = true,
    .decide = transfer_decide,
};

void kn_volume_transfer_make_key(json_t *object, char ret_key[KN_VOLUME_TRANSFER_KEY])
{
    uint8_t bits[(KN_VOLUME_TRANSFER_KEY - 1) / 2];
    char hash[KN_SHA256_HEX];

    kn_random(bits, sizeof(bits));
    kn_hex(bits, sizeof(bits), ret_key);
    kn_sha256_hex(ret_key, strlen(ret_key), hash);
    json_object_set_new(object, "key_hash", json_string(hash));
}

/* --- its ends --------------------------------------------------------------------------------------------------------------- */

static int transfer_absent(const char *id, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Transfer %.64s could not be found.", id);
}

/* The volume's row first: so everybody locks them. */
static int transfer_hold(struct kn_db *db, const char *id, struct kn_error *err)
{
    static const struct kn_stmt HOLD = {
        "volume_transfer_hold",
        "SELECT 1 FROM volume WHERE id = (SELECT volume_id FROM volume_transfer WHERE id = $1) FOR UPDATE", 1
    };

    return kn_db_run(db, &HOLD, KN_ARGS(id), NULL, err);
}

int kn_volume_transfer_withdraw(struct kn_request *req, const char *id, struct kn_error *err)
{
    static const struct kn_stmt WITHDRAW = {
        "volume_transfer_withdraw",
        "UPDATE volume SET status = volume_status(id), updated_at = now() WHERE status = 'awaiting-transfer' "
        "AND id = (SELECT volume_id FROM volume_transfer WHERE id = $1)",
        1
    };
    AUTO_TX struct kn_tx tx = { NULL };
    int64_t count = 0;

    if (kn_rest_own(&kn_volume_transfer_noun, req, id, err) < 0 || kn_tx_begin(&tx, req->db, err) < 0 ||
        transfer_hold(req->db, id, err) < 0 || kn_db_change(req->db, &WITHDRAW, KN_ARGS(id), &count, err) < 0) {
        return -1;
    }
    return count == 1 ? kn_tx_commit(&tx, err) : transfer_absent(id, err);
}

enum { T_HASH, T_NAME, T_BARE, T_VOLUME, T_PROJECT, T_SIZE, T_TYPE, T_STATUS }; /* of READ */

static int transfer_judge(struct kn_request *req, const char *id, const struct kn_rows *rows, const char *key,
                          struct kn_error *err)
{
    char hash[KN_SHA256_HEX];
    int64_t most = 0;

    if (rows == NULL || kn_rows_count(rows) == 0) {
        return transfer_absent(id, err);
    }
    kn_sha256_hex(key, strlen(key), hash);
    if (strlen(kn_rows_text(rows, 0, T_HASH)) != strlen(hash) ||
        !kn_equal(kn_rows_text(rows, 0, T_HASH), hash, strlen(hash))) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid auth key: Attempt to transfer %s with invalid auth key.", id);
    }
    if (kn_quota_limit(req->db, KN_QUOTA_PER_VOLUME, req->caller.project_id, &most, err) < 0) {
        return -1;
    }
    return most < 0 || kn_rows_int(rows, 0, T_SIZE) <= most
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Requested volume size %lld is larger than maximum allowed limit %lld.",
                         (long long)kn_rows_int(rows, 0, T_SIZE), (long long)most);
}

static void transfer_count(struct kn_quota_claims *claims, const char *from, const char *to, enum kn_quota what,
                           const char *type, int64_t gib)
{
    kn_quota_claim_disks(claims, from, what, type, -1, -gib);
    kn_quota_claim_disks(claims, to, what, type, 1, gib);
}

static int transfer_take_snapshots(struct kn_request *req, const struct kn_rows *was, struct kn_quota_claims *claims,
                                   struct kn_error *err)
{
    static const struct kn_stmt TAKE = {
        "volume_transfer_snapshots",
        "WITH held AS (SELECT id FROM volume_snapshot WHERE volume_id = $1 AND project_id = $2 ORDER BY id FOR UPDATE) "
        "UPDATE volume_snapshot s SET project_id = $3, user_id = $4, updated_at = now() FROM held h WHERE s.id = h.id "
        "RETURNING s.type_id, s.size_gib",
        4
    };
    enum { TYPE, SIZE };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *from = kn_rows_text(was, 0, T_PROJECT), *to = req->caller.project_id;

    if (kn_db_run(req->db, &TAKE, KN_ARGS(kn_rows_text(was, 0, T_VOLUME), from, to, req->caller.user_id), &rows, err) <
        0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        transfer_count(claims, from, to, KN_QUOTA_SNAPSHOTS, kn_rows_text(rows, i, TYPE), kn_rows_int(rows, i, SIZE));
    }
    return 0;
}

static int transfer_take(struct kn_request *req, const struct kn_rows *was, struct kn_error *err)
{
    static const struct kn_stmt TAKE = {
        "volume_transfer_take",
        "UPDATE volume SET project_id = $2, user_id = $3, status = volume_status(id), updated_at = now() "
        "WHERE id = $1 AND status = 'awaiting-transfer'",
        3
    };
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims claims = KN_QUOTA_CLAIMS("volume");
    const char *volume = kn_rows_text(was, 0, T_VOLUME), *to = req->caller.project_id;
    int64_t count = 0;

    if (kn_db_change(req->db, &TAKE, KN_ARGS(volume, to, req->caller.user_id), &count, err) < 0) {
        return -1;
    }
    if (count == 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid volume: Volume %s status must be awaiting-transfer, but current status is: %s.", volume,
                       kn_rows_text(was, 0, T_STATUS));
    }
    transfer_count(&claims, kn_rows_text(was, 0, T_PROJECT), to, KN_QUOTA_VOLUMES, kn_rows_text(was, 0, T_TYPE),
                   kn_rows_int(was, 0, T_SIZE));
    if (!kn_rows_bool(was, 0, T_BARE) && transfer_take_snapshots(req, was, &claims, err) < 0) {
        return -1;
    }
    return kn_quota_take(req->db, &claims, err);
}

int kn_volume_transfer_accept(struct kn_request *req, const char *id, const char *key, json_t **ret,
                              struct kn_error *err)
{
    static const struct kn_stmt READ = {
        "volume_transfer_read",
        "SELECT t.key_hash, t.name, t.no_snapshots, v.id, v.project_id, v.size_gib, v.type_id, v.status "
        "FROM volume_transfer t JOIN volume v ON v.id = t.volume_id WHERE t.id = $1",
        1
    };
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (!kn_uuid_valid(id)) {
        return transfer_absent(id, err);
    }
    if (kn_tx_begin(&tx, req->db, err) < 0 || transfer_hold(req->db, id, err) < 0 ||
        kn_db_run(req->db, &READ, KN_ARGS(id), &rows, err) < 0 || transfer_judge(req, id, rows, key, err) < 0 ||
        transfer_take(req, rows, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    *ret = json_pack("{s:s, s:s?, s:s}", "id", id, "name", kn_rows_str(rows, 0, T_NAME), "volume_id",
                     kn_rows_text(rows, 0, T_VOLUME));
    return 0;
}
