/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wished of volumes that are there, never its outcome. Statuses move along the table EVENTS; zero rows changed means that
 * somebody was faster, and is told like a status that does not allow the wish.
 */
#include <string.h>

#include "lib/base/cleanup.h"
#include "volume/rows/volume.h"

int kn_volume_set_bootable(struct kn_db *db, const char *id, bool bootable, struct kn_error *err)
{
    static const struct kn_stmt SET = { "volume_set_bootable",
                                        "UPDATE volume SET bootable = $2, updated_at = now() WHERE id = $1", 2 };

    return kn_db_run(db, &SET, KN_ARGS(id, bootable ? "t" : "f"), NULL, err);
}

int kn_volume_know_image(struct kn_db *db, const char *id, const char *image, struct kn_error *err)
{
    static const struct kn_stmt KNOW = { "volume_know_image",
                                         "UPDATE volume SET image = $2::jsonb, bootable = true WHERE id = $1", 2 };

    return kn_db_run(db, &KNOW, KN_ARGS(id, image), NULL, err);
}

int kn_volume_set_status(struct kn_db *db, const char *id, const char *status, struct kn_error *err)
{
    static const struct kn_stmt SET = { "volume_set_status",
                                        "UPDATE volume SET status = $2, updated_at = now() WHERE id = $1", 2 };

    return kn_db_run(db, &SET, KN_ARGS(id, status), NULL, err);
}

const char *const kn_volume_statuses[] = { "creating",
                                           "available",
                                           "deleting",
                                           "error",
                                           "error_deleting",
                                           "error_managing",
                                           "managing",
                                           "attaching",
                                           "in-use",
                                           "detaching",
                                           "maintenance",
                                           "restoring-backup",
                                           "error_restoring",
                                           "reserved",
                                           "awaiting-transfer",
                                           "backing-up",
                                           "error_backing-up",
                                           "error_extending",
                                           "downloading",
                                           "uploading",
                                           "retyping",
                                           "extending",
                                           NULL };

static const struct {
    const char *from[7]; /* ended by NULL; none: whatever it is */
    const char *to; /* NULL: it stays what it is */
    const char *words;
    bool unattached; /* refused while a row of `attachment` holds the volume, whatever its status was reset to */
    bool uncopied; /* refused while something is made of what it holds */
    bool ungrouped; /* refused while it is a member of a group */
    bool unread; /* refused while it is backed up, which no other copy minds */
} EVENTS[] = {
    [KN_VOLUME_ATTACH] = { { "available" }, "attaching", "available to attach", true, true, false, false },
    [KN_VOLUME_RESERVE] = { { "available" },
                            "reserved",
                            "available or downloading to reserve",
                            true,
                            true,
                            false,
                            false },
    [KN_VOLUME_SHARE] = { { "available", "attaching", "in-use", "detaching", "reserved" },
                          "attaching",
                          "available or in-use to attach",
                          false,
                          true,
                          false,
                          false },
    [KN_VOLUME_DETACH] = { { "in-use" }, "detaching", "in-use to detach", false, false, false, false },
    [KN_VOLUME_DELETE] = { { "available", "error", "error_deleting", "error_extending", "error_restoring",
                             "error_managing" },
                           "deleting",
                           "available or error or error_restoring or error_extending or error_managing and must not be "
                           "migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be "
                           "disassociated from snapshots after volume transfer",
                           true,
                           true,
                           true,
                           false },
    [KN_VOLUME_FORCE_DELETE] = { { NULL },
                                 "deleting",
                                 "anything but attached to be deleted by force",
                                 true,
                                 false,
                                 true,
                                 false },
    [KN_VOLUME_UNMANAGE] = { { "available", "error", "error_deleting", "error_extending", "error_restoring",
                               "error_managing" },
                             "unmanaging",
                             "available or error or error_restoring or error_extending or error_managing and must not be "
                             "migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be "
                             "disassociated from snapshots after volume transfer",
                             true,
                             true,
                             true,
                             false },
    [KN_VOLUME_DELETE_GROUPED] = { { "available", "error", "error_deleting", "error_extending", "error_restoring",
                                     "error_managing" },
                                   "deleting",
                                   "available or error to be deleted with its group",
                                   true,
                                   true,
                                   false,
                                   false },
    [KN_VOLUME_EXTEND] = { { "available" }, "extending", "available to extend", true, true, false, false },
    [KN_VOLUME_EXTEND_HELD] = { { "in-use" }, "extending", "in-use to extend", false, true, false, false },
    [KN_VOLUME_UPLOAD] = { { "available" }, "uploading", "available", true, false, false, true },
    [KN_VOLUME_REVERT] = { { "available" }, "reverting", "available to revert", true, true, false, false },
    [KN_VOLUME_REIMAGE] = { { "available", "error" }, "downloading", "available or error", true, true, false, false },
    [KN_VOLUME_REBUILD] = { { "in-use" },
                            "downloading",
                            "in-use to be reimaged with its server",
                            false,
                            true,
                            false,
                            false },
    [KN_VOLUME_COPY_HELD] = { { "in-use" }, NULL, "in-use to be copied", false, true, false, false },
    [KN_VOLUME_RESTORE] = { { "available" },
                            "restoring-backup",
                            "available to be restored to",
                            true,
                            true,
                            false,
                            false },
    [KN_VOLUME_COPY] = { { "available" }, NULL, "available to be copied", true, false, false, true },
    [KN_VOLUME_TRANSFER] = { { "available" },
                             "awaiting-transfer",
                             "available to be transferred",
                             true,
                             true,
                             true,
                             false },
    [KN_VOLUME_RETYPE] = { { "available", "in-use" }, NULL, "available or in-use", false, false, true, true },
};
_Static_assert(sizeof(EVENTS) / sizeof(EVENTS[0]) == KN_VOLUME_EVENT_COUNT, "a row for every event");

/* What cannot be done with an encrypted volume, as words; of all else NULL. */
static const char *const ENCRYPTED[KN_VOLUME_EVENT_COUNT] = {
    [KN_VOLUME_EXTEND_HELD] = "extended while a server has it",
    [KN_VOLUME_UPLOAD] = "uploaded as an image",
    [KN_VOLUME_REIMAGE] = "reimaged",
    [KN_VOLUME_REBUILD] = "reimaged",
    [KN_VOLUME_COPY_HELD] = "copied while a server has it",
    [KN_VOLUME_RESTORE] = "restored to",
};

/* The caller holds the volume's row: whoever attaches writes his own row under the same lock. */
static int refuse_attached(struct kn_db *db, const struct kn_volume *v, enum kn_volume_event event,
                           struct kn_error *err)
{
    static const struct kn_stmt HOLDER = {
        "volume_holder", "SELECT coalesce(server_id, instance_id, id) FROM attachment WHERE volume_id = $1", 1
    };
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

static int refuse_copied(struct kn_db *db, const struct kn_volume *v, enum kn_volume_event event, struct kn_error *err)
{
    /* A copy of it that is backed up does not need it any more, but whoever deletes it would end the backup. */
    static const struct kn_stmt COPIED = {
        "volume_copied",
        "SELECT volume_is_copied($1::uuid) OR ($2::boolean AND EXISTS (SELECT FROM volume_backup b WHERE b.volume_id = $1 "
        "AND b.copy IS NOT NULL AND b.status = 'creating'))",
        2
    };
    enum { IS_COPIED };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &COPIED, KN_ARGS(v->id, event == KN_VOLUME_DELETE ? "t" : "f"), &rows, err) < 0) {
        return -1;
    }
    return !kn_rows_bool(rows, 0, IS_COPIED)
               ? 0
               : kn_fail(
                     err, KN_BAD_REQUEST,
                     "Invalid volume: Volume %s status must be %s, but a snapshot, a backup or a volume is just being "
                     "made of it.",
                     v->id, EVENTS[event].words);
}

int kn_volume_is_read(struct kn_db *db, const char *id, bool *ret_is_read, struct kn_error *err)
{
    static const struct kn_stmt READ = { "volume_read", "SELECT " KN_VOLUME_IS_BACKED_UP("$1::uuid"), 1 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &READ, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    *ret_is_read = kn_rows_bool(rows, 0, KN_ONLY);
    return 0;
}

static int refuse_read(struct kn_db *db, const struct kn_volume *v, enum kn_volume_event event, struct kn_error *err)
{
    bool is_read = false;

    if (kn_volume_is_read(db, v->id, &is_read, err) < 0) {
        return -1;
    }
    return !is_read ? 0
                    : kn_fail(err, KN_BAD_REQUEST,
                              "Invalid volume: Volume %s status must be %s, but current status is: backing-up.", v->id,
                              EVENTS[event].words);
}

static int refuse_grouped(const struct kn_volume *v, enum kn_volume_event event, struct kn_error *err)
{
    return v->group_id == NULL ? 0
                               : kn_fail(err, KN_BAD_REQUEST,
                                         "Invalid volume: Volume %s status must be %s, but it belongs to group %s.",
                                         v->id, EVENTS[event].words, v->group_id);
}

static int refuse_encrypted(const struct kn_volume *v, enum kn_volume_event event, struct kn_error *err)
{
    return v->key_id == NULL || ENCRYPTED[event] == NULL
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Invalid volume: Volume %s is encrypted, and cannot be %s here.", v->id,
                         ENCRYPTED[event]);
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

    if (refuse_encrypted(v, event, err) < 0 || (EVENTS[event].ungrouped && refuse_grouped(v, event, err) < 0) ||
        (EVENTS[event].unattached && refuse_attached(db, v, event, err) < 0) ||
        (EVENTS[event].uncopied && refuse_copied(db, v, event, err) < 0) ||
        (EVENTS[event].unread && refuse_read(db, v, event, err) < 0)) {
        return -1;
    }
    if (kn_volume_allows(v->status, event) && EVENTS[event].to == NULL) {
        return 0;
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
