/* SPDX-License-Identifier: Apache-2.0 */
/*
 * formats: what disks are written in, and which back end has them. Their rows say it, from before the first byte is there, whatever the settings say later; nobody looks at a disk to find it out, because a
 * guest writes what stands there. `format` and `backend` are the columns that kilonova-volume writes.
 */
#ifndef KN_VOLUME_SERVE_FORMATS_H
#define KN_VOLUME_SERVE_FORMATS_H

#include <stdbool.h>

#include "lib/adapter/conf.h"
#include "lib/adapter/db.h"
#include "volume/serve/driver.h"

#define KN_VOLUME_FORMAT_SIZE 8

/* Of a volume's disk, or a snapshot's. KN_NOT_FOUND: there is no such row; KN_INTERNAL: nobody knows it (kn_volume_formats_adopt). */
int kn_volume_format_of(struct kn_db *db, bool is_snapshot, const char *id, char ret[KN_VOLUME_FORMAT_SIZE],
                        struct kn_error *err);
/* Of a disk that is about to be made: as its row has it already, else what that driver makes, which its row has from now on, as it has the driver; raw where several guests write it at once, because they share nothing but its bytes. KN_NOT_FOUND likewise. */
int kn_volume_format_settle(struct kn_db *db, const char *volume, const struct kn_volume_driver *driver,
                            const struct kn_conf *conf, char ret[KN_VOLUME_FORMAT_SIZE], struct kn_error *err);
/* Whose disk it is. Where there is no row any more: the first of volume.driver. KN_INTERNAL: the row names a back end that is not there. */
int kn_volume_driver_of(struct kn_db *db, const struct kn_conf *conf, const char *volume,
                        const struct kn_volume_driver **ret, struct kn_error *err);
/* A snapshot is written as its volume is. */
int kn_volume_format_settle_snapshot(struct kn_db *db, const char *snapshot, struct kn_error *err);
/*
 * Disks from before rows had a format get the one of the settings, but for those that begin otherwise: these are named in the log, and are of no use to anybody until an operator
 * says what they are (docs/operations.md, Upgrades).
 */
int kn_volume_formats_adopt(struct kn_db *db, const struct kn_conf *conf, const struct kn_volume_driver *driver,
                            struct kn_error *err);

#endif
