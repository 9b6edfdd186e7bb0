/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the table `domain`. A domain that goes takes its projects, users, groups and roles along; it must have been disabled first. */
#include <string.h>

#include "identity/rows/held.h"
#include "identity/rows/immutable.h"
#include "identity/rows/nouns.h"
#include "identity/rows/revoke.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

static const struct kn_rest_attr ATTRS[] = {
    KN_ATTR_ID, KN_ATTR_NAME, KN_REST_ATTR("description", "description", KN_REST_TEXT, KN_REST_SHOWN), KN_ATTR_ENABLED, KN_ATTR_TAGS,
    KN_ATTR_OPTIONS, KN_ATTR_EXTRA, KN_ATTR_LINKS, KN_REST_ATTRS_END,
};
static const struct kn_rest_param PARAMS[] = { KN_PARAMS_TAGS, KN_REST_PARAMS_END };

const struct kn_rest_noun kn_domain_noun = {
    .one = "domain", .many = "domains", .label = "domain", .path = "/domains", .from = "domain", .id = "id", .id_type = KN_REST_TEXT,
    .order = "name", .ascending = true, .ties = "id", .attrs = ATTRS, .params = PARAMS, .manners = &KN_REST_KEYSTONE,
};

static const struct kn_stmt HELD = { "domain_held",
    "SELECT " KN_DOMAIN_COLUMNS " FROM domain WHERE enabled AND id IN " KN_HELD_DOMAINS("$1") " ORDER BY name, id", 1 };
static const struct kn_stmt LOCK = { "domain_lock", "SELECT enabled, immutable FROM domain WHERE id = $1 FOR UPDATE", 1 };
static const struct kn_stmt INSERT = { "domain_insert",
    "INSERT INTO domain (id, name, description, enabled, tags, immutable, extra) VALUES ($1, $2, coalesce($3, ''), "
    "coalesce($4::boolean, true), coalesce($5::text[], '{}'), coalesce($6::boolean, false), "
    "coalesce($7::jsonb, '{}'))", 7 };
static const struct kn_stmt UPDATE = { "domain_update",
    "UPDATE domain SET name = coalesce($2, name), description = coalesce($3, description), "
    "enabled = coalesce($4::boolean, enabled), tags = coalesce($5::text[], tags), "
    "immutable = coalesce($6::boolean, immutable), extra = extra || coalesce($7::jsonb, '{}') WHERE id = $1", 7 };
/* Its groups may have had members of other domains. */
static const struct kn_stmt REVOKE_GROUPS = { "domain_revoke_groups",
    KN_REVOKE_HELD "WHERE group_id IN (SELECT id FROM identity_group WHERE domain_id = $2)", 2 };
static const struct kn_stmt CONTENTS[] = {
    { "domain_delete_groups", "DELETE FROM identity_group WHERE domain_id = $1", 1 },
    { "domain_delete_users",
      "WITH departed AS (INSERT INTO departed_user (id) SELECT id FROM identity_user WHERE domain_id = $1 ON CONFLICT DO NOTHING) "
      "DELETE FROM identity_user WHERE domain_id = $1", 1 },
    { "domain_delete_projects", "DELETE FROM project WHERE domain_id = $1", 1 },
    { "domain_delete_roles", "DELETE FROM role WHERE domain_id = $1", 1 },
    { "domain_delete", "DELETE FROM domain WHERE id = $1", 1 },
};

int kn_domain_held(struct kn_db *db, const char *user_id, struct kn_rows **ret_rows, struct kn_error *err)
{
    return kn_db_run(db, &HELD, KN_ARGS(user_id), ret_rows, err);
}

static int named(const struct kn_change *c, struct kn_error *err)
{
    return err->code == KN_CONFLICT
               ? kn_fail(err, KN_CONFLICT, "Conflict occurred attempting to store domain - it is not permitted to have two "
                         "domains with the same name: %s.", c->name != NULL ? c->name : "")
               : -1;
}

int kn_domain_insert(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err)
{
    const char *const *args = KN_ARGS(id, c->name, c->description, c->enabled, c->tags, c->immutable, c->extra);
    return kn_db_run(db, &INSERT, args, NULL, err) < 0 ? named(c, err) : 0;
}

/* The row, held until the transaction's end. */
static int lock(struct kn_db *db, const char *id, bool *ret_enabled, bool *ret_immutable, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &LOCK, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find domain: %s.", id);
    }
    *ret_enabled = kn_rows_bool(rows, 0, 0);
    *ret_immutable = kn_rows_bool(rows, 0, 1);
    return 0;
}

int kn_domain_update(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    bool enabled = false, immutable = false;

    if (kn_tx_begin(&tx, db, err) < 0 || lock(db, id, &enabled, &immutable, err) < 0 ||
        kn_immutable_update(immutable, "domain", id, c, err) < 0) {
        return -1;
    }
    if (kn_db_run(db, &UPDATE, KN_ARGS(id, c->name, c->description, c->enabled, c->tags, c->immutable, c->extra), NULL, err) < 0) {
        return named(c, err);
    }
    bool disabled = c->enabled != NULL && strcmp(c->enabled, "false") == 0;
    if (disabled && kn_revoke(db, KN_REVOKE_DOMAIN, id, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}

int kn_domain_delete(struct kn_db *db, const char *id, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    bool enabled = false, immutable = false;
    struct kn_arg now;

    if (kn_tx_begin(&tx, db, err) < 0 || lock(db, id, &enabled, &immutable, err) < 0 ||
        kn_immutable_delete(immutable, "domain", id, err) < 0) {
        return -1;
    }
    if (enabled || strcmp(id, "default") == 0) {
        return kn_fail(err, KN_FORBIDDEN, "Cannot delete a domain that is enabled, please disable it first.");
    }
    if (kn_db_run(db, &REVOKE_GROUPS, KN_ARGS(kn_arg_int(&now, kn_now_us()), id), NULL, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < KN_COUNT(CONTENTS); i++) {
        if (kn_db_run(db, &CONTENTS[i], KN_ARGS(id), NULL, err) < 0) {
            return -1;
        }
    }
    return kn_revoke(db, KN_REVOKE_DOMAIN, id, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}
