/* SPDX-License-Identifier: Apache-2.0 */
/* commands.c: what commands of volumes are to each other and to the lanes, before anything of them is done. */
#include "volume/serve/commands.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/domain/json_text.h"

/* What the removal of a volume, a snapshot or a backup makes needless: older commands about it that have not come to their end. */
static const struct {
    const char *removal, *command;
    const char *whose; /* what both must name */
} DOOMED[] = {
    { "volume.delete", "volume.create", "volume" },     { "volume.delete", "volume.overwrite", "volume" },
    { "volume.delete", "volume.extend", "volume" },     { "volume.delete", "volume.upload", "volume" },
    { "volume.delete", "backup.create", "volume" },     { "snapshot.delete", "snapshot.create", "snapshot" },
    { "snapshot.delete", "backup.create", "snapshot" }, { "backup.delete", "backup.create", "backup" },
    { "backup.delete", "backup.import", "backup" },     { "volume.unmanage", "volume.create", "volume" },
};

bool kn_volume_command_is_doomed(const struct kn_message *m, const void *what)
{
    const struct kn_message *removal = what;

    for (size_t i = 0; i < KN_COUNT(DOOMED) && m->task < removal->task; i++) {
        if (strcmp(removal->type->name, DOOMED[i].removal) == 0 && strcmp(m->type->name, DOOMED[i].command) == 0 &&
            strcmp(kn_json_str(m->body, DOOMED[i].whose), kn_json_str(removal->body, DOOMED[i].whose)) == 0) {
            return true;
        }
    }
    return false;
}

bool kn_volume_command_is_far(const struct kn_message *m)
{
    return strncmp(m->type->name, "backup.", strlen("backup.")) == 0 || json_object_get(m->body, "from_backup") != NULL;
}

bool kn_volume_command_removes(const struct kn_message *m)
{
    for (size_t i = 0; i < KN_COUNT(DOOMED); i++) {
        if (strcmp(m->type->name, DOOMED[i].removal) == 0) {
            return true;
        }
    }
    return false;
}
