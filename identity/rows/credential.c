/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the table `credential`. A blob is sealed about its credential's id, so that no row's text opens in another row. */
#include "identity/rows/credential.h"

#include <string.h>

#include "identity/auth/identity.h"
#include "lib/base/mem.h"

#define COLUMNS "id, user_id, project_id, type, sealed"

static const struct kn_stmt LIST = { "credential_list",
    "SELECT " COLUMNS " FROM credential WHERE ($1::text IS NULL OR user_id = $1) AND ($2::text IS NULL OR type = $2) "
    "AND ($3::text IS NULL OR project_id = $3) ORDER BY id", 3 };
static const struct kn_stmt GET = { "credential_get", "SELECT " COLUMNS " FROM credential WHERE id = $1", 1 };
static const struct kn_stmt INSERT = { "credential_insert",
    "INSERT INTO credential (id, user_id, project_id, type, sealed) VALUES ($1, $2, $3, $4, $5)", 5 };
static const struct kn_stmt UPDATE = { "credential_update",
    "UPDATE credential SET user_id = $2, project_id = $3, type = $4, sealed = $5 WHERE id = $1", 5 };
static const struct kn_stmt DELETE = { "credential_delete", "DELETE FROM credential WHERE id = $1", 1 };

int kn_credential_list(struct kn_db *db, const char *user_id, const char *type, const char *project_id, struct kn_rows **ret_rows,
                       struct kn_error *err)
{
    return kn_db_run(db, &LIST, KN_ARGS(user_id, type, project_id), ret_rows, err);
}

int kn_credential_get(struct kn_db *db, const char *id, struct kn_rows **ret_rows, struct kn_error *err)
{
    return kn_db_run(db, &GET, KN_ARGS(id), ret_rows, err);
}

int kn_credential_open(const struct kn_rows *rows, int row, char **ret_blob, struct kn_error *err)
{
    return kn_identity_unseal(kn_rows_text(rows, row, 0), kn_rows_text(rows, row, 4), ret_blob, err);
}

static int refused(struct kn_db *db, struct kn_error *err)
{
    if (err->code != KN_CONFLICT) {
        return -1;
    }
    return strcmp(kn_db_constraint(db), "credential_pkey") == 0
               ? kn_fail(err, KN_CONFLICT, "Conflict occurred attempting to store credential - Duplicate entry.")
               : kn_fail(err, KN_BAD_REQUEST, "the credential's user or project does not exist");
}

int kn_credential_insert(struct kn_db *db, const char *id, const struct kn_credential *c, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sealed = KN_STRBUF_INIT;

    if (kn_identity_seal(id, c->blob, &sealed, err) < 0) {
        return -1;
    }
    return kn_db_run(db, &INSERT, KN_ARGS(id, c->user_id, c->project_id, c->type, sealed.buf), NULL, err) < 0 ? refused(db, err) : 0;
}

static int not_found(const char *id, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Could not find credential: %s.", id);
}

int kn_credential_update(struct kn_db *db, const char *id, const struct kn_credential *c, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sealed = KN_STRBUF_INIT;
    int64_t changed = 0;

    if (kn_identity_seal(id, c->blob, &sealed, err) < 0) {
        return -1;
    }
    if (kn_db_change(db, &UPDATE, KN_ARGS(id, c->user_id, c->project_id, c->type, sealed.buf), &changed, err) < 0) {
        return refused(db, err);
    }
    return changed > 0 ? 0 : not_found(id, err);
}

int kn_credential_delete(struct kn_db *db, const char *id, struct kn_error *err)
{
    int64_t gone = 0;

    if (kn_db_change(db, &DELETE, KN_ARGS(id), &gone, err) < 0) {
        return -1;
    }
    return gone > 0 ? 0 : not_found(id, err);
}
