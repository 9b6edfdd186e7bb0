/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of attachments that clients make. Whoever writes one holds its volume's row, as everybody who changes attachments. */
#include "volume/rows/reservation.h"

#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/limits.h"
#include "volume/rows/volume.h"

static int reservation_insert(struct kn_db *db, const struct kn_volume *v, const struct kn_volume_reservation *wish,
                              const char *id, struct kn_error *err)
{
    static const struct kn_stmt INSERT = {
        "reservation_insert",
        "INSERT INTO attachment (id, volume_id, shared, status, instance_id, mode, host_name, created_at) "
        "SELECT $1, v.id, v.multiattach, $3, $4, coalesce($5, CASE WHEN v.readonly THEN 'ro' ELSE 'rw' END), $6, clock_timestamp() "
        "FROM volume v WHERE v.id = $2 AND NOT (coalesce(v.readonly, false) AND $5 IS NOT DISTINCT FROM 'rw')",
        6
    };
    int64_t made = 0;

    if (kn_db_change(db, &INSERT,
                     KN_ARGS(id, v->id, wish->is_connected || wish->is_anonymous ? "attaching" : "reserved",
                             wish->instance_id, wish->mode, wish->host),
                     &made, err) < 0) {
        return -1;
    }
    return made == 1 ? 0
                     : kn_fail(err, KN_BAD_REQUEST,
                               "Invalid volume: Volume %s is read-only: the mode rw is not allowed.", v->id);
}

/* A volume that several share has no other bound. */
static int reservation_fits(struct kn_db *db, const struct kn_volume *v, struct kn_error *err)
{
    static const struct kn_stmt COUNT = { "reservation_count",
                                          "SELECT count(*) FROM attachment WHERE volume_id = $1 AND server_id IS NULL",
                                          1 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &COUNT, KN_ARGS(v->id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_int(rows, 0, KN_ONLY) < KN_MAX_VOLUME_ATTACHMENTS
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Invalid volume: Volume %s has %d attachments, and may not have more.",
                         v->id, KN_MAX_VOLUME_ATTACHMENTS);
}

/* What a back end hands to this cloud's own hosts alone is no use to others, who would be told that they have it. */
static int reservation_reaches(struct kn_db *db, const char *volume, const struct kn_volume_reservation *wish,
                               struct kn_error *err)
{
    static const struct kn_stmt BACKEND = { "reservation_backend", "SELECT backend FROM volume WHERE id = $1", 1 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (!wish->is_connected) {
        return 0;
    }
    if (kn_db_run(db, &BACKEND, KN_ARGS(volume), &rows, err) < 0) {
        return -1;
    }
    const char *backend = kn_rows_count(rows) > 0 ? kn_rows_text(rows, 0, KN_ONLY) : "file";
    return strcmp(backend, "file") == 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Invalid volume: Volume %s is of the back end %s, which serves servers of this cloud alone.",
                         volume, backend);
}

int kn_volume_reserve(struct kn_db *db, const struct kn_caller *caller, const struct kn_volume_reservation *wish,
                      char ret_id[KN_UUID_SIZE], struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume v;
    char id[KN_UUID_SIZE];

    if (kn_volume_get(db, caller, wish->volume_id, true, &rows, &v, err) < 0 || reservation_fits(db, &v, err) < 0 ||
        reservation_reaches(db, v.id, wish, err) < 0 ||
        kn_volume_move(db, &v, v.is_shared ? KN_VOLUME_SHARE : KN_VOLUME_RESERVE, err) < 0) {
        return -1;
    }
    kn_uuid_make(id);
    if (reservation_insert(db, &v, wish, id, err) < 0 || kn_volume_follow(db, v.id, err) < 0) {
        return -1;
    }
    kn_copy(ret_id, KN_UUID_SIZE, id);
    return 0;
}

/* --- one that is there -------------------------------------------------------------------------------------------------------- */

/* The volume is held first; what was seen before that may be over. */
static int reservation_hold(struct kn_db *db, const struct kn_caller *caller, const char *id,
                            char ret_volume[KN_UUID_SIZE], char ret_status[16], struct kn_error *err)
{
    static const struct kn_stmt FIND = { "reservation_find",
                                         "SELECT volume_id, server_id, status FROM attachment WHERE id = $1", 1 };
    enum { VOLUME, SERVER, STATUS };
    AUTO(kn_rows) struct kn_rows *seen = NULL;
    AUTO(kn_rows) struct kn_rows *held = NULL;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume v;

    if (kn_uuid_valid(id) && kn_db_run(db, &FIND, KN_ARGS(id), &seen, err) < 0) {
        return -1;
    }
    if (seen != NULL && kn_rows_count(seen) > 0 &&
        kn_volume_get(db, caller, kn_rows_text(seen, 0, VOLUME), true, &rows, &v, err) < 0 &&
        err->code != KN_NOT_FOUND) {
        return -1;
    }
    if (rows != NULL && kn_db_run(db, &FIND, KN_ARGS(id), &held, err) < 0) {
        return -1;
    }
    if (held == NULL || kn_rows_count(held) == 0) {
        kn_error_clear(err);
        return kn_fail(err, KN_NOT_FOUND, "Volume attachment %.64s could not be found.", id);
    }
    if (!kn_rows_null(held, 0, SERVER)) {
        return kn_fail(err, KN_CONFLICT, "Detach volume from instance %s using the Compute API",
                       kn_rows_text(held, 0, SERVER));
    }
    kn_copy(ret_volume, KN_UUID_SIZE, v.id);
    kn_copy(ret_status, 16, kn_rows_text(held, 0, STATUS));
    return 0;
}

int kn_volume_reservation_connect(struct kn_db *db, const struct kn_caller *caller, const char *id,
                                  const struct kn_volume_reservation *wish, struct kn_error *err)
{
    static const struct kn_stmt CONNECT = {
        "reservation_connect",
        "UPDATE attachment a SET status = CASE a.status WHEN 'reserved' THEN 'attaching' ELSE a.status END, mode = coalesce($2, a.mode), "
        "host_name = $3 FROM volume v WHERE a.id = $1 AND v.id = a.volume_id AND NOT (coalesce(v.readonly, false) AND $2 IS NOT DISTINCT FROM 'rw')",
        3
    };
    char volume[KN_UUID_SIZE], status[16];
    int64_t changed = 0;

    if (reservation_hold(db, caller, id, volume, status, err) < 0 || reservation_reaches(db, volume, wish, err) < 0 ||
        kn_db_change(db, &CONNECT, KN_ARGS(id, wish->mode, wish->host), &changed, err) < 0) {
        return -1;
    }
    return changed == 1 ? kn_volume_follow(db, volume, err)
                        : kn_fail(err, KN_BAD_REQUEST,
                                  "Invalid volume: Volume %s is read-only: the mode rw is not allowed.", volume);
}

int kn_volume_reservation_complete(struct kn_db *db, const struct kn_caller *caller, const char *id,
                                   struct kn_error *err)
{
    static const struct kn_stmt COMPLETE = {
        "reservation_complete",
        "UPDATE attachment SET status = 'attached', attached_at = coalesce(attached_at, now()) WHERE id = $1", 1
    };
    char volume[KN_UUID_SIZE], status[16];

    if (reservation_hold(db, caller, id, volume, status, err) < 0) {
        return -1;
    }
    if (strcmp(status, "reserved") == 0) {
        return kn_fail(
            err, KN_BAD_REQUEST,
            "Invalid volume: attachment %s must be attaching to be completed, but it is %s: it has no connector.", id,
            status);
    }
    return kn_db_run(db, &COMPLETE, KN_ARGS(id), NULL, err) < 0 ? -1 : kn_volume_follow(db, volume, err);
}

int kn_volume_reservation_end(struct kn_db *db, const struct kn_caller *caller, const char *id,
                              char ret_volume[KN_UUID_SIZE], struct kn_error *err)
{
    static const struct kn_stmt END = { "reservation_end", "DELETE FROM attachment WHERE id = $1", 1 };
    char status[16];

    return reservation_hold(db, caller, id, ret_volume, status, err) < 0 ||
                   kn_db_run(db, &END, KN_ARGS(id), NULL, err) < 0
               ? -1
               : kn_volume_follow(db, ret_volume, err);
}

/* --- the old actions ------------------------------------------------------------------------------------------------------------ */

#define ANONYMOUS \
    "volume_id = $1 AND server_id IS NULL AND instance_id IS NULL AND host_name IS NULL AND status = 'attaching'"

/* *ret_id: the anonymous attachment of a volume, made if there is none. */
static int reservation_anonymous(struct kn_db *db, const struct kn_caller *caller, const char *volume,
                                 char ret_id[KN_UUID_SIZE], struct kn_error *err)
{
    static const struct kn_stmt FIND = { "reservation_anonymous",
                                         "SELECT id FROM attachment WHERE " ANONYMOUS " LIMIT 1", 1 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &FIND, KN_ARGS(volume), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0) {
        kn_copy(ret_id, KN_UUID_SIZE, kn_rows_text(rows, 0, KN_ONLY));
        return 0;
    }
    return kn_volume_reserve(db, caller, &(struct kn_volume_reservation){ .volume_id = volume, .is_anonymous = true },
                             ret_id, err);
}

int kn_volume_reservation_take(struct kn_db *db, const struct kn_caller *caller,
                               const struct kn_volume_reservation *wish, struct kn_error *err)
{
    static const struct kn_stmt TAKE = {
        "reservation_take",
        "UPDATE attachment a SET status = 'attached', attached_at = now(), instance_id = $2, host_name = $3, device = $4, mode = coalesce($5, a.mode) "
        "FROM volume v WHERE a.id = $1 AND v.id = a.volume_id AND NOT (coalesce(v.readonly, false) AND $5 IS NOT DISTINCT FROM 'rw')",
        5
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume v;
    char id[KN_UUID_SIZE];
    int64_t taken = 0;

    if (kn_volume_get(db, caller, wish->volume_id, true, &rows, &v, err) < 0 ||
        reservation_reaches(db, v.id, wish, err) < 0 || reservation_anonymous(db, caller, v.id, id, err) < 0 ||
        kn_db_change(db, &TAKE, KN_ARGS(id, wish->instance_id, wish->host, wish->device, wish->mode), &taken, err) <
            0) {
        return -1;
    }
    return taken == 1 ? kn_volume_follow(db, v.id, err)
                      : kn_fail(err, KN_BAD_REQUEST,
                                "Invalid volume: Volume %s is read-only: the mode rw is not allowed.", v.id);
}

int kn_volume_reservation_end_of(struct kn_db *db, const struct kn_caller *caller, const char *volume, const char *id,
                                 struct kn_error *err)
{
    static const struct kn_stmt FIND = {
        "reservation_of", "SELECT id FROM attachment WHERE volume_id = $1 AND ($2::uuid IS NULL OR id = $2) LIMIT 2", 2
    };
    AUTO(kn_rows) struct kn_rows *held = NULL;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume v;
    char of[KN_UUID_SIZE];

    if (kn_volume_get(db, caller, volume, true, &held, &v, err) < 0 ||
        kn_db_run(db, &FIND, KN_ARGS(v.id, id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return id == NULL ? 0 : kn_fail(err, KN_NOT_FOUND, "Volume attachment %.64s could not be found.", id);
    }
    return kn_rows_count(rows) == 1
               ? kn_volume_reservation_end(db, caller, kn_rows_text(rows, 0, KN_ONLY), of, err)
               : kn_fail(
                     err, KN_BAD_REQUEST,
                     "Invalid volume: Detach volume failed: More than one attachment, but no attachment_id provided.");
}

int kn_volume_reservation_turn(struct kn_db *db, const struct kn_caller *caller, const char *volume,
                               enum kn_volume_reservation_turn turn, struct kn_error *err)
{
    static const struct {
        struct kn_stmt stmt;
        const char *words; /* where nothing is turned; NULL: that is fine */
    } TURNS[] = {
        [KN_RESERVATION_UNRESERVE] = { { "reservation_unreserve", "DELETE FROM attachment WHERE " ANONYMOUS, 1 },
                                       NULL },
        [KN_RESERVATION_BEGIN_DETACHING] = { { "reservation_begin_detaching",
                                               "UPDATE attachment SET status = 'detaching' WHERE volume_id = $1 AND "
                                               "server_id IS NULL AND status = 'attached'",
                                               1 },
                                             "Unable to detach volume. Volume status must be 'in-use' and "
                                             "attach_status must be 'attached' to detach." },
        [KN_RESERVATION_ROLL_DETACHING] = { { "reservation_roll_detaching",
                                              "UPDATE attachment SET status = 'attached' WHERE volume_id = $1 AND "
                                              "server_id IS NULL AND status = 'detaching'",
                                              1 },
                                            NULL },
    };
    _Static_assert(KN_COUNT(TURNS) == KN_RESERVATION_TURNS, "a row for every turn");
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume v;
    int64_t turned = 0;

    if (kn_volume_get(db, caller, volume, true, &rows, &v, err) < 0 ||
        kn_db_change(db, &TURNS[turn].stmt, KN_ARGS(v.id), &turned, err) < 0) {
        return -1;
    }
    if (turned == 0) {
        return TURNS[turn].words == NULL ? 0 : kn_fail(err, KN_BAD_REQUEST, "Invalid volume: %s", TURNS[turn].words);
    }
    return kn_volume_follow(db, v.id, err);
}
