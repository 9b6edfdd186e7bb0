/* SPDX-License-Identifier: Apache-2.0 */
/*
 * formats: what disks are written in. Their rows say it, from before the first byte is there, whatever the settings say later; nobody looks at a disk to find it out, because a guest writes what stands
 * there. It is the one column that kilonova-volume writes.
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
/* Of a disk that is about to be made: as its row has it already, else this, which its row has from now on; raw where several guests write it at once, because they share nothing but its bytes. KN_NOT_FOUND likewise. */
int kn_volume_format_settle(struct kn_db *db, const char *volume, const char *format, char ret[KN_VOLUME_FORMAT_SIZE],
                            struct kn_error *err);
/* A snapshot is written as its volume is. */
int kn_volume_format_settle_snapshot(struct kn_db *db, const char *snapshot, struct kn_error *err);
/*
 * Disks from before rows had a format get the one of the settings, but for those that begin otherwise: these are named in the log, and are of no use to anybody until an operator
 * says what they are (docs/operations.md, Upgrades).
 */
int kn_volume_formats_adopt(struct kn_db *db, const struct kn_conf *conf, const struct kn_volume_driver *driver,
                            struct kn_error *err);

#endif
