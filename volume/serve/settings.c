/* SPDX-License-Identifier: Apache-2.0 */
/* What can be judged without a database and without anybody else's answer. */
#include "volume/serve/settings.h"

#include "volume/serve/backup_store.h"
#include "volume/serve/driver.h"
#include "volume/serve/keys.h"

int kn_volume_settings_check(const struct kn_conf *conf, struct kn_error *err)
{
    if (!kn_volume_drivers_known(conf->volume_driver)) {
        return kn_fail(err, KN_BAD_REQUEST, "volume.driver is \"%s\", and not file, nbd or both with a comma between",
                       conf->volume_driver);
    }
    if (kn_volume_backup_store_find(conf->volume_backup_driver) == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "volume.backup_driver is \"%s\", which is none",
                       conf->volume_backup_driver);
    }
    return kn_volume_keys_check(conf, err);
}
