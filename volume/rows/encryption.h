/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encryption: what types say of the encryption of their volumes, and which volumes have it. A volume is encrypted exactly if its type says so when its row is written: a trigger sees to it (migrations/0100), and what
 * a type says of encryption changes only while it has no volume.
 */
#ifndef KN_VOLUME_ROWS_ENCRYPTION_H
#define KN_VOLUME_ROWS_ENCRYPTION_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/adapter/conf.h"
#include "lib/adapter/db.h"
#include "lib/base/error.h"

/* What a type says, as Cinder shows it; *ret stays NULL: nothing. A new reference. */
int kn_volume_type_encryption(struct kn_db *db, const char *type, json_t **ret, struct kn_error *err);
/* said: as a client said it, checked. KN_BAD_REQUEST while the type has volumes, or has one (or none) already. *ret_id: of what was made. */
int kn_volume_type_encryption_create(struct kn_db *db, const char *type, const json_t *said, char ret_id[37],
                                     struct kn_error *err);
int kn_volume_type_encryption_update(struct kn_db *db, const char *type, const json_t *said, struct kn_error *err);
int kn_volume_type_encryption_delete(struct kn_db *db, const char *type, struct kn_error *err);

/*
 * May a volume of this type be made? object: what it is made of (volume/rows/source.h). KN_BAD_REQUEST if the type encrypts and that cannot be done. kilonova-volume asks again when
 * it makes the disk (volume/serve/keys.h).
 */
int kn_volume_encryption_admit(struct kn_db *db, const struct kn_conf *conf, const char *type, const json_t *object,
                               struct kn_error *err);
/* The same of a volume that is there and is to be of another type: neither may encrypt. */
int kn_volume_encryption_refuse_retype(struct kn_db *db, const char *from, const char *to, struct kn_error *err);

#endif
