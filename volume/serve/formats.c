/* SPDX-License-Identifier: Apache-2.0 */
/* The columns `format` of volumes and snapshots and `backend` of volumes: read before every use of a disk, written before a disk is made. Never read from the disk. */
#include "volume/serve/formats.h"

#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

int kn_volume_format_of(struct kn_db *db, bool is_snapshot, const char *id, char ret[KN_VOLUME_FORMAT_SIZE],
                        struct kn_error *err)
{
    static const struct kn_stmt
        OF_VOLUME = { "volume_format_of", "SELECT format FROM volume WHERE id = $1", 1 },
        OF_SNAPSHOT = {
            "snapshot_format_of",
            "SELECT format FROM volume_snapshot WHERE id = $1 "
            "UNION ALL SELECT v.format FROM volume_backup b JOIN volume v ON v.id = b.volume_id WHERE b.id = $1",
            1
        };
    const char *noun = is_snapshot ? "snapshot" : "volume";
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, is_snapshot ? &OF_SNAPSHOT : &OF_VOLUME, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "%s \"%s\" does not exist", noun, id);
    }
    const char *format = kn_rows_str(rows, 0, KN_ONLY);
    if (format == NULL) {
        return kn_fail(err, KN_INTERNAL, "nobody knows what the disk of %s \"%s\" is written in", noun, id);
    }
    kn_copy(ret, KN_VOLUME_FORMAT_SIZE, format);
    return 0;
}

int kn_volume_format_settle(struct kn_db *db, const char *volume, const struct kn_volume_driver *driver,
                            const struct kn_conf *conf, char ret[KN_VOLUME_FORMAT_SIZE], struct kn_error *err)
{
    static const struct kn_stmt SETTLE = {
        "volume_format_settle",
        "UPDATE volume SET format = CASE WHEN key_id IS NOT NULL THEN '" KN_VOLUME_LUKS
        "' WHEN multiattach THEN 'raw' ELSE $2 END, "
        "backend = $3 WHERE id = $1 AND format IS NULL",
        3
    };

    return kn_db_run(db, &SETTLE, KN_ARGS(volume, driver->format(conf), driver->name), NULL, err) < 0
               ? -1
               : kn_volume_format_of(db, false, volume, ret, err);
}

int kn_volume_driver_of(struct kn_db *db, const struct kn_conf *conf, const char *volume,
                        const struct kn_volume_driver **ret, struct kn_error *err)
{
    static const struct kn_stmt BACKEND = { "volume_backend_of", "SELECT backend FROM volume WHERE id = $1", 1 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &BACKEND, KN_ARGS(volume), &rows, err) < 0) {
        return -1;
    }
    const size_t len = strcspn(conf->volume_driver, ", ");
    AUTO_FREE char *first = kn_asprintf("%.*s", (int)len, conf->volume_driver);
    const char *name = kn_rows_count(rows) > 0 ? kn_rows_text(rows, 0, KN_ONLY) : first;
    const struct kn_volume_driver *driver = kn_volume_driver_find(name);

    if (driver == NULL) {
        return kn_fail(err, KN_INTERNAL, "volume \"%s\" is of the back end \"%s\", which is not there", volume, name);
    }
    *ret = driver;
    return 0;
}

int kn_volume_format_settle_snapshot(struct kn_db *db, const char *snapshot, struct kn_error *err)
{
    static const struct kn_stmt SETTLE = {
        "snapshot_format_settle",
        "UPDATE volume_snapshot s SET format = v.format FROM volume v WHERE s.id = $1 AND v.id = s.volume_id AND s.format IS NULL",
        1
    };
    char settled[KN_VOLUME_FORMAT_SIZE];

    return kn_db_run(db, &SETTLE, KN_ARGS(snapshot), NULL, err) < 0
               ? -1
               : kn_volume_format_of(db, true, snapshot, settled, err);
}

/* --- from before ------------------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *noun;
    bool is_snapshot;
    struct kn_stmt unknown, adopt;
} KINDS[] = {
    { "volume",
      false,
      { "volumes_without_format",
        "SELECT id FROM volume WHERE format IS NULL AND key_id IS NULL AND backend IN ('file', 'nbd') ORDER BY id", 0 },
      { "volume_adopt_format", "UPDATE volume SET format = $2 WHERE id = $1 AND format IS NULL", 2 } },
    { "snapshot",
      true,
      { "snapshots_without_format", "SELECT id FROM volume_snapshot WHERE format IS NULL ORDER BY id", 0 },
      { "snapshot_adopt_format", "UPDATE volume_snapshot SET format = $2 WHERE id = $1 AND format IS NULL", 2 } },
};

static int adopt_one(struct kn_db *db, const struct kn_conf *conf, const struct kn_volume_driver *driver, size_t kind,
                     const char *id, struct kn_error *err)
{
    const char *format = driver->format(conf);
    struct kn_error doubt = { 0 };

    if (driver->may_be(conf, KINDS[kind].is_snapshot, id, format, &doubt) == 0) {
        return kn_db_run(db, &KINDS[kind].adopt, KN_ARGS(id, format), NULL, err);
    }
    if (doubt.code != KN_NOT_FOUND) { /* without a disk it is about to be made, or never was */
        kn_log(KN_WARNING, "nobody knows what a disk from before is written in; it is not used until its row says so",
               KINDS[kind].noun, id, "configured", format, "error", doubt.message, NULL);
    }
    return 0;
}

int kn_volume_formats_adopt(struct kn_db *db, const struct kn_conf *conf, const struct kn_volume_driver *driver,
                            struct kn_error *err)
{
    for (size_t kind = 0; kind < KN_COUNT(KINDS); kind++) {
        AUTO(kn_rows) struct kn_rows *rows = NULL;

        if (kn_db_run(db, &KINDS[kind].unknown, KN_NO_ARGS, &rows, err) < 0) {
            return -1;
        }
        for (int i = 0; i < kn_rows_count(rows); i++) {
            if (adopt_one(db, conf, driver, kind, kn_rows_text(rows, i, KN_ONLY), err) < 0) {
                return -1;
            }
        }
    }
    return 0;
}
