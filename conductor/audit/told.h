/* SPDX-License-Identifier: Apache-2.0 */
/* told: what hosts know of networks against the rows. */
#ifndef KN_CONDUCTOR_AUDIT_TOLD_H
#define KN_CONDUCTOR_AUDIT_TOLD_H

#include <jansson.h>

#include "lib/adapter/db.h"

/* answers: host -> its answer to host.observe. A new JSON array of findings; NULL and err without the database. */
json_t *kn_conductor_audit_told(struct kn_db *db, const json_t *answers, struct kn_error *err);

#endif
