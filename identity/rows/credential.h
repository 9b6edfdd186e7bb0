/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credential: what users keep here for other services: a type and a text ("blob"), sealed in the database with the first key of
 * identity.credential_key_file. Nothing here looks into the text, but for an ec2 credential's access key, which names it.
 */
#ifndef KN_IDENTITY_ROWS_CREDENTIAL_H
#define KN_IDENTITY_ROWS_CREDENTIAL_H

#include "lib/adapter/db.h"

#define KN_CREDENTIAL_ID 65

struct kn_credential {
    const char *user_id;
    const char *project_id; /* NULL = none */
    const char *type;
    const char *blob;
};

/* Rows: id, user, project, type, sealed blob. NULL = any. */
int kn_credential_list(struct kn_db *db, const char *user_id, const char *type, const char *project_id, struct kn_rows **ret_rows,
                       struct kn_error *err);
int kn_credential_get(struct kn_db *db, const char *id, struct kn_rows **ret_rows, struct kn_error *err);
/* The text of a row; the caller frees it. */
int kn_credential_open(const struct kn_rows *rows, int row, char **ret_blob, struct kn_error *err);
/* KN_CONFLICT: there is one of this id. KN_BAD_REQUEST: no such user or project. */
int kn_credential_insert(struct kn_db *db, const char *id, const struct kn_credential *credential, struct kn_error *err);
/* All of it becomes so; the id stays, an ec2 credential's too. KN_BAD_REQUEST as above. */
int kn_credential_update(struct kn_db *db, const char *id, const struct kn_credential *credential, struct kn_error *err);
int kn_credential_delete(struct kn_db *db, const char *id, struct kn_error *err);

#endif
