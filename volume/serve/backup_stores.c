/* SPDX-License-Identifier: Apache-2.0 */
/* backup_stores: the kinds of stores that there are. A backup's row says which one it is in; volume.backup_driver, which one new ones get. */
#include <string.h>

#include "volume/serve/backup_store.h"

static const struct kn_volume_backup_store *const STORES[] = { &kn_volume_backup_store_directory,
                                                               &kn_volume_backup_store_s3, NULL };

const struct kn_volume_backup_store *kn_volume_backup_store_find(const char *name)
{
    for (const struct kn_volume_backup_store *const *store = STORES; *store != NULL; store++) {
        if (strcmp((*store)->name, name) == 0) {
            return *store;
        }
    }
    return NULL;
}
