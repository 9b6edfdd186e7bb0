/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the first rows of the room. It must never change the password of a user that exists unless it was told the new one. */
#include "identity/rows/bootstrap.h"

#include "identity/rows/revoke.h"
#include "lib/adapter/crypto.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

static const struct kn_stmt ROLE = {
    "bootstrap_role",
    "INSERT INTO role (id, name, description, immutable) VALUES ($1, $2, $3, true) ON CONFLICT DO NOTHING", 3
};
/* Each of the names implies the next one. */
static const struct kn_stmt IMPLY = {
    "bootstrap_imply",
    "INSERT INTO role_implication (prior_id, implied_id) SELECT p.id, i.id FROM role p, role i WHERE p.name = $1 AND i.name = $2 "
    "AND p.domain_id IS NULL AND i.domain_id IS NULL ON CONFLICT DO NOTHING",
    2
};
static const struct kn_stmt PROJECT = {
    "bootstrap_project",
    "INSERT INTO project (id, domain_id, name, description) VALUES ($1, 'default', $2, $3) ON CONFLICT DO NOTHING", 3
};
static const struct kn_stmt USER = {
    "bootstrap_user",
    "INSERT INTO identity_user (id, domain_id, name, default_project_id, password_hash, password_at) "
    "SELECT $1, 'default', $2, p.id, $3, now() FROM project p WHERE p.domain_id = 'default' AND p.name = $2 "
    "ON CONFLICT DO NOTHING",
    3
};
static const struct kn_stmt PASSWORD = {
    "bootstrap_password",
    "UPDATE identity_user SET password_hash = $2, password_at = now(), password_expires_at = NULL, failures = 0, enabled = true "
    "WHERE domain_id = 'default' AND name = $1 RETURNING id",
    2
};
static const struct kn_stmt GRANT = {
    "bootstrap_grant",
    "INSERT INTO assignment (user_id, project_id, role_id) SELECT u.id, CASE WHEN $3::boolean THEN NULL ELSE p.id END, r.id "
    "FROM identity_user u, project p, role r WHERE u.domain_id = 'default' AND u.name = $1 AND p.domain_id = 'default' "
    "AND p.name = $1 AND r.name = $2 AND r.domain_id IS NULL ON CONFLICT DO NOTHING",
    3
};
/* The names that lib/domain/policy.c gives a meaning, the mightiest first; each but the last implies the one behind it, as Keystone makes them. */
static const struct {
    const char *name, *description;
    bool implies_next;
} ROLES[] = {
    { "admin", "everything", true },
    { "manager", "members of a project and what they own", true },
    { "member", "the resources of a project", true },
    { "reader", "sees, changes nothing", false },
    { "service", "what services ask of each other; no rank: it implies nothing, and nothing implies it", false },
};

int kn_identity_bootstrap_roles(struct kn_db *db, struct kn_error *err)
{
    for (size_t i = 0; i < KN_COUNT(ROLES); i++) {
        char id[KN_HEX_SIZE];
        kn_uuid_make_hex(id);
        if (kn_db_run(db, &ROLE, KN_ARGS(id, ROLES[i].name, ROLES[i].description), NULL, err) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < KN_COUNT(ROLES); i++) {
        if (ROLES[i].implies_next && kn_db_run(db, &IMPLY, KN_ARGS(ROLES[i].name, ROLES[i + 1].name), NULL, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static void random_password(char out[KN_PASSWORD_TEXT])
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    uint8_t bytes[24]; /* 32 characters, no padding */

    kn_random(bytes, sizeof(bytes));
    kn_base64url_add(&text, bytes, sizeof(bytes));
    kn_copy(out, KN_PASSWORD_TEXT, text.buf);
}

enum password_column { PASSWORD_USER_ID };

static int set_password(struct kn_db *db, const char *user, const char *hash, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &PASSWORD, KN_ARGS(user, hash), &rows, err) < 0) {
        return -1;
    }
    return kn_identity_revoke(db, KN_REVOKE_USER, kn_rows_text(rows, 0, PASSWORD_USER_ID), err);
}

static int bootstrap_make_user(struct kn_db *db, const struct kn_identity_bootstrap *who, char made[KN_PASSWORD_TEXT],
                               struct kn_error *err)
{
    char id[KN_HEX_SIZE], password[KN_PASSWORD_TEXT], hash[128];
    int64_t inserted = 0;

    kn_uuid_make_hex(id);
    random_password(password);
    if (kn_password_hash(who->password != NULL ? who->password : password, hash, err) < 0 ||
        kn_db_change(db, &USER, KN_ARGS(id, who->user, hash), &inserted, err) < 0) {
        return -1;
    }
    kn_copy(made, KN_PASSWORD_TEXT, inserted > 0 && who->password == NULL ? password : "");
    return inserted == 0 && who->password != NULL ? set_password(db, who->user, hash, err) : 0;
}

int kn_identity_bootstrap_user(struct kn_db *db, const struct kn_identity_bootstrap *who, char made[KN_PASSWORD_TEXT],
                               struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    char id[KN_HEX_SIZE];

    kn_uuid_make_hex(id);
    if (kn_tx_begin(&tx, db, err) < 0 || kn_db_run(db, &PROJECT, KN_ARGS(id, who->user, ""), NULL, err) < 0 ||
        bootstrap_make_user(db, who, made, err) < 0 ||
        kn_db_run(db, &GRANT, KN_ARGS(who->user, who->role, "false"), NULL, err) < 0) {
        return -1;
    }
    if (who->system && kn_db_run(db, &GRANT, KN_ARGS(who->user, who->role, "true"), NULL, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}
