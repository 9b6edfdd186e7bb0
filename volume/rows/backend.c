/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of back ends: what was said of those that the settings name. */
#include "volume/rows/backend.h"

#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "volume/rows/capabilities.h"

int kn_volume_backends(struct kn_db *db, const struct kn_conf *conf, struct kn_rows **ret, struct kn_error *err)
{
    static const struct kn_stmt BACKENDS = {
        "volume_backends",
        "SELECT b.name, coalesce(s.up, false), to_char(s.seen AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), "
        "coalesce(w.disabled, false), w.disabled_reason, coalesce(w.frozen, false) "
        "FROM regexp_split_to_table(btrim($1), ' *, *') WITH ORDINALITY b(name, n) LEFT JOIN volume_backend w USING (name) "
        "CROSS JOIN (SELECT bool_or(stuck IS NULL AND last_seen > now() - interval '60 seconds') AS up, max(last_seen) AS seen "
        "FROM service WHERE binary_name = 'kilonova-volume') s ORDER BY b.n",
        1
    };

    return kn_db_run(db, &BACKENDS, KN_ARGS(conf->volume_driver), ret, err);
}

int kn_volume_backend_row(const struct kn_rows *rows, const char *host)
{
    for (int i = 0; i < kn_rows_count(rows); i++) {
        const char *name = kn_rows_text(rows, i, KN_BACKEND_NAME);
        AUTO_FREE char *known = kn_asprintf(KN_VOLUME_HOST "@%s", name);
        AUTO_FREE char *pool = kn_asprintf("%s#%s", known, name);

        if (strcmp(known, host) == 0 || strcmp(pool, host) == 0) {
            return i;
        }
    }
    return -1;
}

bool kn_volume_backend_fits(const struct kn_conf *conf, const char *name, const json_t *specs, const char **ret_key)
{
    json_auto_t *capabilities = kn_volume_capabilities(name, conf->volume_file_gib, 0);

    return kn_volume_capabilities_fit(capabilities, specs, ret_key);
}

int kn_volume_backend_refuse_frozen(struct kn_db *db, const struct kn_conf *conf, const char *volume,
                                    struct kn_error *err)
{
    static const struct kn_stmt FROZEN = {
        "volume_backend_frozen",
        "SELECT FROM volume v JOIN volume_backend w ON w.name = v.backend WHERE v.id = $1 AND v.format IS NOT NULL AND w.frozen "
        "AND w.name = ANY (regexp_split_to_array(btrim($2), ' *, *'))",
        2
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &FROZEN, KN_ARGS(volume, conf->volume_driver), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) == 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Invalid input received: Modification operations are not allowed on frozen storage backends.");
}

int kn_volume_backend_decide(struct kn_db *db, const char *name, const struct kn_volume_backend_word *word,
                             struct kn_error *err)
{
    static const struct kn_stmt DECIDE = {
        "volume_backend_decide",
        "INSERT INTO volume_backend (name, disabled, disabled_reason, frozen) VALUES ($1, $2::boolean, $3, coalesce($4::boolean, false)) "
        "ON CONFLICT (name) DO UPDATE SET disabled = excluded.disabled, disabled_reason = excluded.disabled_reason, "
        "frozen = coalesce($4::boolean, volume_backend.frozen), updated_at = now()",
        4
    };

    return kn_db_run(db, &DECIDE, KN_ARGS(name, word->disabled, word->reason, word->frozen), NULL, err);
}
