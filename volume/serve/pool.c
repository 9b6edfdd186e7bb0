/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing among back ends. All share one room (volume.file_gib), which the service judges beside this. */
#include "volume/serve/pool.h"

#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "volume/rows/backend.h"

/* Adds why a back end does not do to the text; true: it does. */
static bool pool_does(const struct kn_rows *rows, int row, const struct kn_conf *conf, const json_t *specs,
                      struct kn_strbuf *why)
{
    const char *name = kn_rows_text(rows, row, KN_BACKEND_NAME), *key = NULL;

    if (kn_rows_bool(rows, row, KN_BACKEND_DISABLED)) {
        kn_strbuf_addf(why, "; %s is disabled", name);
        return false;
    }
    if (!kn_volume_backend_fits(conf, name, specs, &key)) {
        kn_strbuf_addf(why, "; %s does not meet \"%.64s\" of its type", name, key);
        return false;
    }
    return true;
}

int kn_volume_pool_choose(struct kn_db *db, const struct kn_conf *conf, const char *volume,
                          const struct kn_volume_driver **ret, struct kn_error *err)
{
    static const struct kn_stmt ASKED = {
        "volume_pool_asked",
        "SELECT t.extra_specs, CASE WHEN v.format IS NOT NULL THEN v.backend END FROM volume v JOIN volume_type t ON t.id = v.type_id WHERE v.id = $1",
        1
    };
    enum { SPECS, CHOSEN };
    AUTO(kn_rows) struct kn_rows *asked = NULL;
    AUTO(kn_rows) struct kn_rows *backends = NULL;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf why = KN_STRBUF_INIT;
    const struct kn_volume_driver *driver = NULL;

    if (kn_db_run(db, &ASKED, KN_ARGS(volume), &asked, err) < 0 || kn_volume_backends(db, conf, &backends, err) < 0) {
        return -1;
    }
    if (kn_rows_count(asked) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "volume \"%s\" does not exist", volume);
    }
    const char *chosen = kn_rows_str(asked, 0, CHOSEN);
    json_auto_t *specs = json_loads(kn_rows_text(asked, 0, SPECS), 0, NULL);

    for (int i = 0; chosen == NULL && i < kn_rows_count(backends); i++) {
        if (pool_does(backends, i, conf, specs, &why)) {
            chosen = kn_rows_text(backends, i, KN_BACKEND_NAME);
        }
    }
    if (chosen == NULL) {
        return kn_fail(err, KN_NO_VALID_HOST, "no back end may have volume \"%s\"%s", volume, why.buf);
    }
    driver = kn_volume_driver_find(chosen);
    if (driver == NULL) {
        return kn_fail(err, KN_INTERNAL, "volume \"%s\" is of the back end \"%s\", which is not there", volume, chosen);
    }
    *ret = driver;
    return 0;
}
