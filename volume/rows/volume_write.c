/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing volumes: wishes and words, never their outcome. Statuses move along the table EVENTS; zero rows changed means that
 * somebody was faster, and is told like a status that does not allow the wish.
 */
#include <string.h>

#include "lib/adapter/quota.h"
#include "lib/base/cleanup.h"
#include "volume/rows/volume.h"

static int volume_write_check_size(struct kn_db *db, const char *project, int64_t size_gib, struct kn_error *err)
{
    int64_t most = 0;

    if (kn_quota_limit(db, KN_QUOTA_PER_VOLUME, project, &most, err) < 0) {
        return -1;
    }
    return most < 0 || size_gib <= most
               ? 0
               : kn_fail(err, KN_TOO_LARGE, "Requested volume size %lld is larger than maximum allowed limit %lld.",
                         (long long)size_gib, (long long)most);
}

static int volume_write_take_quota(struct kn_db *db, const char *project, const struct kn_volume_new *wish,
                                   struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims claims = KN_QUOTA_CLAIMS("volume");

    kn_quota_claim_volumes(&claims, project, wish->type_id, 1, wish->size_gib);
    return kn_quota_take(db, &claims, err);
}

int kn_volume_insert(struct kn_db *db, const struct kn_caller *caller, const struct kn_volume_new *wish,
                     struct kn_error *err)
{
    static const struct kn_stmt INSERT = {
        "volume_insert",
        "INSERT INTO volume (id, project_id, user_id, name, description, size_gib, status, zone, metadata, type_id) "
        "VALUES ($1, $2, $3, $4, $5, $6, 'creating', '" KN_VOLUME_ZONE "', $7, $8)",
        8
    };
    struct kn_arg size;

    if (volume_write_check_size(db, caller->project_id, wish->size_gib, err) < 0) {
        return -1;
    }
    if (kn_db_run(db, &INSERT,
                  KN_ARGS(wish->id, caller->project_id, caller->user_id, wish->name, wish->description,
                          kn_arg_int(&size, wish->size_gib), wish->metadata, wish->type_id),
                  NULL, err) < 0) {
        return strcmp(kn_db_constraint(db), "volume_type_in_use") == 0
                   ? kn_fail(err, KN_NOT_FOUND, "Volume type with name %s could not be found.", wish->type_id)
                   : -1;
    }
    return volume_write_take_quota(db, caller->project_id, wish, err);
}

int kn_volume_describe(struct kn_db *db, const char *id, const char *name, const char *description,
                       const char *metadata, struct kn_error *err)
{
    static const struct kn_stmt DESCRIBE = {
        "volume_describe",
        "UPDATE volume SET name = $2, description = $3, metadata = $4, updated_at = now() WHERE id = $1", 4
    };

    return kn_db_run(db, &DESCRIBE, KN_ARGS(id, name, description, metadata), NULL, err);
}

int kn_volume_set_metadata(struct kn_db *db, const char *id, const json_t *metadata, struct kn_error *err)
{
    static const struct kn_stmt SET = { "volume_set_metadata",
                                        "UPDATE volume SET metadata = $2, updated_at = now() WHERE id = $1", 2 };
    AUTO_FREE char *text = json_dumps(metadata, JSON_COMPACT);

    return kn_db_run(db, &SET, KN_ARGS(id, text), NULL, err);
}

int kn_volume_set_bootable(struct kn_db *db, const char *id, bool bootable, struct kn_error *err)
{
    static const struct kn_stmt SET = { "volume_set_bootable",
                                        "UPDATE volume SET bootable = $2, updated_at = now() WHERE id = $1", 2 };

    return kn_db_run(db, &SET, KN_ARGS(id, bootable ? "t" : "f"), NULL, err);
}

int kn_volume_set_status(struct kn_db *db, const char *id, const char *status, struct kn_error *err)
{
    static const struct kn_stmt SET = { "volume_set_status",
                                        "UPDATE volume SET status = $2, updated_at = now() WHERE id = $1", 2 };

    return kn_db_run(db, &SET, KN_ARGS(id, status), NULL, err);
}

static const struct {
    const char *from[5]; /* ended by NULL; none: whatever it is */
    const char *to;
    const char *words;
    bool unattached; /* refused while a row of `attachment` holds the volume, whatever its status was reset to */
} EVENTS[] = {
    [KN_VOLUME_ATTACH] = { { "available" }, "attaching", "available to attach", true },
    [KN_VOLUME_SHARE] = { { "available", "attaching", "in-use", "detaching" },
                          "attaching",
                          "available or in-use to attach",
                          false },
    [KN_VOLUME_DETACH] = { { "in-use" }, "detaching", "in-use to detach", false },
    [KN_VOLUME_DELETE] = { { "available", "error", "error_deleting" },
                           "deleting",
                           "available or error or error_restoring or error_extending or error_managing and must not be "
                           "migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be "
                           "disassociated from snapshots after volume transfer",
                           true },
    [KN_VOLUME_FORCE_DELETE] = { { NULL }, "deleting", "anything but attached to be deleted by force", true },
};
_Static_assert(sizeof(EVENTS) / sizeof(EVENTS[0]) == KN_VOLUME_EVENT_COUNT, "a row for every event");

/* The caller holds the volume's row: whoever attaches writes his own row under the same lock. */
static int refuse_attached(struct kn_db *db, const struct kn_volume *v, enum kn_volume_event event,
                           struct kn_error *err)
{
    static const struct kn_stmt HOLDER = { "volume_holder", "SELECT server_id FROM attachment WHERE volume_id = $1",
                                           1 };
    enum { SERVER };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &HOLDER, KN_ARGS(v->id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) == 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Invalid volume: Volume %s status must be %s, but it is still attached to server %s.", v->id,
                         EVENTS[event].words, kn_rows_text(rows, 0, SERVER));
}

int kn_volume_follow(struct kn_db *db, const char *id, struct kn_error *err)
{
    static const struct kn_stmt FOLLOW = {
        "volume_follow", "UPDATE volume SET status = volume_status(id) WHERE id = $1 AND status <> volume_status(id)", 1
    };

    return kn_db_run(db, &FOLLOW, KN_ARGS(id), NULL, err);
}

bool kn_volume_allows(const char *status, enum kn_volume_event event)
{
    const char *const *from = EVENTS[event].from;

    for (; *from != NULL; from++) {
        if (strcmp(*from, status) == 0) {
            return true;
        }
    }
    return EVENTS[event].from[0] == NULL;
}

int kn_volume_move(struct kn_db *db, const struct kn_volume *v, enum kn_volume_event event, struct kn_error *err)
{
    static const struct kn_stmt MOVE = {
        "volume_move", "UPDATE volume SET status = $2, updated_at = now() WHERE id = $1 AND status = $3", 3
    };
    int64_t moved = 0;

    if (EVENTS[event].unattached && refuse_attached(db, v, event, err) < 0) {
        return -1;
    }
    if (kn_volume_allows(v->status, event) &&
        kn_db_change(db, &MOVE, KN_ARGS(v->id, EVENTS[event].to, v->status), &moved, err) < 0) {
        return -1;
    }
    return moved == 1
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Invalid volume: Volume %s status must be %s, but current status is: %s.",
                         v->id, EVENTS[event].words, v->status);
}
