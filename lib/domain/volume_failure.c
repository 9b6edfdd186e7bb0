/* SPDX-License-Identifier: Apache-2.0 */
/* The table of failures. What stands first counts: of a kind its special codes go before the rest, and no two that say different things have the same numbers. */
#include "lib/domain/volume_failure.h"

#include <string.h>

#include "lib/base/mem.h"

#define NO_ROOM \
    "003", "Could not find any available weighted backend.", \
        "There is no room for it now, or nothing that does what its type asks: ask for a smaller one or another type, " \
        "delete what is not needed, or try again later."
#define IMAGE_TOO_LARGE "007", "Image used for creating volume exceeds available space.", "Ask for a larger volume."
#define NOT_WRITTEN \
    "012", "Driver failed to create the volume.", \
        "Delete it and try again; if that fails as well, an administrator can find the reason by the request's id."
#define BY_REQUEST "Try again; if that fails as well, an administrator can find the reason by the request's id."
#define VOLUME(kind, code, action, words, ...) \
    { \
        kind, code, "VOLUME", action, words, __VA_ARGS__ \
    }
#define SNAPSHOT(kind, code, action, words, ...) \
    { \
        kind, code, "VOLUME_SNAPSHOT", action, words, __VA_ARGS__ \
    }

/* Cinder has no word for it, and says nothing. */
#define GROUP_SNAPSHOT(kind, code, action, words, ...) \
    { \
        kind, code, "VOLUME_GROUP_SNAPSHOT", action, words, __VA_ARGS__ \
    }

#define BACKUP(kind, code, action, words, ...) \
    { \
        kind, code, "VOLUME_BACKUP", action, words, __VA_ARGS__ \
    }

static const struct kn_volume_failure FAILURES[] = {
    VOLUME("volume.create", KN_NO_VALID_HOST, "001", "schedule allocate volume", NO_ROOM),
    VOLUME("volume.create", KN_TOO_LARGE, "005", "copy image to volume", IMAGE_TOO_LARGE),
    VOLUME("volume.create", KN_OK, "008", "create volume from backend storage", NOT_WRITTEN),
    VOLUME(
        "volume.unmanage", KN_OK, "006", "unmanage volume", "001", "An unknown error occurred.",
        "It is still here, or its disk was let go already: unmanage it again once an administrator has made it available, "
        "or delete it."),
    VOLUME("volume.extend", KN_NO_VALID_HOST, "007", "extend volume", NO_ROOM),
    VOLUME("volume.extend", KN_OK, "007", "extend volume", "010", "Volume Driver failed to extend volume.",
           "It has its old size. An administrator can make it available again."),
    VOLUME("server.extend_volume", KN_NO_VALID_HOST, "007", "extend volume", NO_ROOM),
    VOLUME("server.extend_volume", KN_OK, "007", "extend volume", "010", "Volume Driver failed to extend volume.",
           "It has its old size, or its server sees the new one after its next start. " BY_REQUEST),
    VOLUME("volume.upload", KN_OK, "003", "copy volume to image", "004", "Failed to upload volume to image at backend.",
           "The volume is as it was. " BY_REQUEST),
    VOLUME("volume.reimage", KN_TOO_LARGE, "016", "reimage volume", IMAGE_TOO_LARGE),
    VOLUME("volume.reimage", KN_OK, "016", "reimage volume", "028", "Compute service failed to reimage volume.",
           "Reimage it again, or restore it from a snapshot."),
    VOLUME("volume.revert", KN_OK, "008", "create volume from backend storage", "027", "Volume status is invalid.",
           "It could not be reverted to its snapshot, which is still there: a new volume can be made of it."),
    SNAPSHOT("snapshot.create", KN_NO_VALID_HOST, "009", "create snapshot", NO_ROOM),
    SNAPSHOT("snapshot.create", KN_OK, "009", "create snapshot", "013", "Snapshot failed to create.",
             "Delete it. " BY_REQUEST),
    SNAPSHOT("server.snapshot_volume", KN_NO_VALID_HOST, "009", "create snapshot", NO_ROOM),
    SNAPSHOT("server.snapshot_volume", KN_OK, "009", "create snapshot", "013", "Snapshot failed to create.",
             "Delete it. " BY_REQUEST),
    GROUP_SNAPSHOT("group_snapshot.create", KN_NO_VALID_HOST, "009", "create snapshot", NO_ROOM),
    GROUP_SNAPSHOT("group_snapshot.create", KN_OK, "009", "create snapshot", "013", "Snapshot failed to create.",
                   "Delete it. " BY_REQUEST),
    GROUP_SNAPSHOT("group_snapshot.delete", KN_OK, "010", "delete snapshot", "016", "Snapshot failed to delete.",
                   "Delete it again. " BY_REQUEST),
    SNAPSHOT("snapshot.delete", KN_OK, "010", "delete snapshot", "016", "Snapshot failed to delete.",
             "Delete it again. " BY_REQUEST),
    VOLUME(
        "volume.restore", KN_OK, "015", "restore backup", "026", "Backup driver failed to restore backup.",
        "The volume holds what it held before; an administrator can make it available again. If trying again fails as well, what the backup holds may be damaged: restore "
        "another one. An administrator can find the reason by the request's id."),
    BACKUP("backup.create", KN_TOO_LARGE, "013", "create backup", "020", "Backup driver failed to create backup.",
           "The store of backups is full: delete backups that are not needed, or try again later."),
    BACKUP(
        "backup.create", KN_GONE, "013", "create backup", "017", "Backup status is invalid.",
        "What the backup that it builds on holds in its store is damaged or gone: make a full backup, which needs no other."),
    BACKUP("backup.create", KN_OK, "013", "create backup", "001", "An unknown error occurred.",
           "Delete it. " BY_REQUEST),
    BACKUP("server.backup_volume", KN_NO_VALID_HOST, "013", "create backup", "003",
           "Could not find any available weighted backend.",
           "There is no room for a copy of what its server has: delete what is not needed, or detach the volume and "
           "back it up again."),
    BACKUP("server.backup_volume", KN_OK, "013", "create backup", "001", "An unknown error occurred.",
           "Delete it. " BY_REQUEST),
    BACKUP("backup.import", KN_GONE, "013", "create backup", "020", "Backup driver failed to create backup.",
           "The store does not hold what its record says. Delete it: nothing is removed from the store."),
    BACKUP("backup.import", KN_NOT_IMPLEMENTED, "013", "create backup", "002", "Driver is not initialized at present.",
           "This cloud has no store of backups of the kind that the record names. Delete it, or have an administrator "
           "set the store up and import the record again: nothing is removed from a store."),
    BACKUP("backup.import", KN_OK, "013", "create backup", "001", "An unknown error occurred.",
           "The store of backups could not be read. Delete it and import the record again: nothing is removed from the "
           "store. If that fails as well, an administrator can find the reason by the request's id."),
    BACKUP("backup.delete", KN_OK, "014", "delete backup", "025", "Backup driver failed to delete backup.",
           "Delete it again. " BY_REQUEST),
};

const struct kn_volume_failure *kn_volume_failure_of(const char *kind, enum kn_code code)
{
    for (size_t i = 0; i < KN_COUNT(FAILURES); i++) {
        if (strcmp(FAILURES[i].kind, kind) == 0 && (FAILURES[i].code == code || FAILURES[i].code == KN_OK)) {
            return &FAILURES[i];
        }
    }
    return NULL;
}

const struct kn_volume_failure *kn_volume_failure_find(const char *kind, const char *action, const char *detail)
{
    for (size_t i = 0; i < KN_COUNT(FAILURES); i++) {
        if ((*kind == '\0' || strcmp(FAILURES[i].kind, kind) == 0) && strcmp(FAILURES[i].action, action) == 0 &&
            strcmp(FAILURES[i].detail, detail) == 0) {
            return &FAILURES[i];
        }
    }
    return NULL;
}
