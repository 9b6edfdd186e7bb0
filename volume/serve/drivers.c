/* SPDX-License-Identifier: Apache-2.0 */
/* drivers: the back ends that there are. A volume's row says which one it has; volume.driver, which ones new volumes get. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "volume/serve/driver.h"

const struct kn_volume_driver *const kn_volume_drivers[] = { &kn_volume_driver_file, &kn_volume_driver_nbd, NULL };

const struct kn_volume_driver *kn_volume_driver_find(const char *name)
{
    for (const struct kn_volume_driver *const *driver = kn_volume_drivers; *driver != NULL; driver++) {
        if (strcmp((*driver)->name, name) == 0) {
            return *driver;
        }
    }
    return NULL;
}

bool kn_volume_drivers_known(const char *list)
{
    AUTO_FREE char *words = kn_strdup(list);
    char *at = NULL;
    int count = 0;

    for (char *word = strtok_r(words, ", ", &at); word != NULL; word = strtok_r(NULL, ", ", &at)) {
        if (kn_volume_driver_find(word) == NULL) {
            return false;
        }
        count++;
    }
    return count > 0;
}
