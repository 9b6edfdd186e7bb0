/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shared.c: what can be shared, who was let at it, and who needs that. Its users hold the object, then the policies, in this order as everybody; the API's
 * RBAC policies themselves are rbac.c's.
 */
#include "network/rows/shared.h"

#include <string.h>

#include "lib/adapter/quota.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/rows/groups/groups.h"
#include "network/rows/network_kind.h"
#include "network/rows/networks.h"
#include "network/rows/qos.h"
#include "network/rows/l3/routers.h"
#include "network/rows/subnets/pools.h"

/*
 * $1 the object, $2 the target that loses it, $3 the action, $4 the policy, $5 a project that needs none. Whoever another policy lets at it needs not this one.
 */
#define NEEDY(users) \
    "SELECT FROM (" users ") u WHERE ($2 = '" KN_NETWORK_EVERYBODY \
    "' OR u.project_id = $2) AND u.project_id NOT IN ('', $5) AND NOT EXISTS" \
    " (SELECT FROM rbac_policy b WHERE b.object_id = $1::uuid AND b.action = $3 AND b.id <> $4::uuid AND b.target IN ('" KN_NETWORK_EVERYBODY \
    "', u.project_id)) LIMIT 1"
/* A network's revision grows with its policies. */
#define HOLD_NETWORK "UPDATE network SET updated_at = now() WHERE id = $1::uuid RETURNING project_id"
#define HOLD(table) "SELECT project_id FROM " table " WHERE id = $1::uuid FOR NO KEY UPDATE"
#define KEEP(table) "SELECT FROM " table " WHERE id = $1::uuid FOR KEY SHARE"

static const struct kn_network_shareable KINDS[] = {
    { "network",
      &kn_network_networks,
      "('" KN_NETWORK_AS_SHARED "', '" KN_NETWORK_AS_EXTERNAL "')",
      { "shared_keep_network", KEEP("network"), 1 },
      { "shared_hold_network", HOLD_NETWORK, 1 },
      { "shared_users_network",
        NEEDY("SELECT project_id FROM port WHERE network_id = $1::uuid UNION ALL SELECT project_id FROM subnet "
              "WHERE network_id = $1::uuid"),
        5 } },
    { "qos_policy",
      &kn_network_policies,
      "('" KN_NETWORK_AS_SHARED "',)",
      { "shared_keep_qos", KEEP("qos_policy"), 1 },
      { "shared_hold_qos", HOLD("qos_policy"), 1 },
      { "shared_users_qos",
        NEEDY("SELECT project_id FROM network WHERE qos_policy_id = $1::uuid UNION ALL SELECT project_id FROM port "
              "WHERE qos_policy_id = $1::uuid"),
        5 } },
    { "security_group",
      &kn_network_security_groups,
      "('" KN_NETWORK_AS_SHARED "',)",
      { "shared_keep_group", KEEP("security_group"), 1 },
      { "shared_hold_group", HOLD("security_group"), 1 },
      { "shared_users_group",
        NEEDY(
            "SELECT p.project_id FROM port_security_group g JOIN port p ON p.id = g.port_id WHERE g.group_id = $1::uuid"),
        5 } },
    { "address_group",
      &kn_network_address_groups,
      "('" KN_NETWORK_AS_SHARED "',)",
      { "shared_keep_addresses", KEEP("address_group"), 1 },
      { "shared_hold_addresses", HOLD("address_group"), 1 },
      { "shared_users_addresses",
        NEEDY("SELECT project_id FROM security_group_rule WHERE remote_address_group_id = $1::uuid"), 5 } },
    { "address_scope",
      &kn_network_address_scopes,
      "('" KN_NETWORK_AS_SHARED "',)",
      { "shared_keep_scope", KEEP("address_scope"), 1 },
      { "shared_hold_scope", HOLD("address_scope"), 1 },
      { "shared_users_scope", NEEDY("SELECT project_id FROM subnet_pool WHERE address_scope_id = $1::uuid"), 5 } },
    { "subnetpool",
      &kn_network_subnetpools,
      "('" KN_NETWORK_AS_SHARED "',)",
      { "shared_keep_pool", KEEP("subnet_pool"), 1 },
      { "shared_hold_pool", HOLD("subnet_pool"), 1 },
      { "shared_users_pool", NEEDY("SELECT project_id FROM subnet WHERE subnetpool_id = $1::uuid"), 5 } },
};
/* Who leads outside by a network. */
static const struct kn_stmt LED = {
    "shared_users_external",
    NEEDY("SELECT r.project_id FROM port p JOIN router r ON r.id::text = p.device_id WHERE p.network_id = $1::uuid"
          " AND p.device_owner = '" KN_ROUTER_GATEWAY "'"),
    5
};

const struct kn_network_shareable *kn_network_shareable(const char *type)
{
    for (size_t i = 0; i < KN_COUNT(KINDS); i++) {
        if (strcmp(KINDS[i].type, type) == 0) {
            return &KINDS[i];
        }
    }
    return NULL;
}

static const struct kn_network_shareable *shareable_of(const struct kn_rest_noun *noun)
{
    size_t i = 0;

    while (KINDS[i].noun != noun) {
        i++; /* only what is in the table is asked for */
    }
    return &KINDS[i];
}

/* --- what is shown ------------------------------------------------------------------------------------------------------- */

/* Is everybody, or this project, among those between commas? */
static bool shared_with(const char *targets, const char *project)
{
    while (targets[0] != '\0') {
        const size_t len = strcspn(targets, ",");

        if ((len == 1 && targets[0] == KN_NETWORK_EVERYBODY[0]) ||
            (len == strlen(project) && len > 0 && strncmp(targets, project, len) == 0)) {
            return true;
        }
        targets += len + (targets[len] == ',');
    }
    return false;
}

bool kn_network_is_shared(const struct kn_request *req, const char *targets)
{
    return shared_with(targets, req->caller.project_id);
}

void kn_network_shared_print(const struct kn_request *req, const char *name, const char *targets, struct kn_strbuf *out)
{
    kn_jsonw_bool(out, name, kn_network_is_shared(req, targets));
}

int kn_network_shared_filter(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                             struct kn_error *err)
{
    const char *object = a->type == KN_REST_UUID ? a->sql : l->noun->id;

    kn_rest_add(&l->query, "", l->req->caller.project_id); /* a value that the expression names */
    AUTO_FREE char *sql =
        kn_asprintf("EXISTS (SELECT FROM rbac_policy b WHERE b.object_id = %s AND b.action = '" KN_NETWORK_AS_SHARED
                    "' AND b.target IN ('" KN_NETWORK_EVERYBODY "', $%d))",
                    object, l->query.count);
    const struct kn_rest_attr is = { .name = key, .sql = sql, .type = KN_REST_BOOL };

    return kn_rest_boolean_word(l, &is, key, value, err);
}

/* --- who uses it --------------------------------------------------------------------------------------------------------- */

static const struct kn_stmt LETS = {
    "shared_lets",
    "SELECT object_id FROM rbac_policy WHERE object_id = ANY($1::uuid[]) AND target IN ('" KN_NETWORK_EVERYBODY
    "', $2) ORDER BY id FOR KEY SHARE",
    2
};

int kn_network_use_many(struct kn_db *db, struct kn_array *ids, const char *project, struct kn_rows **ret_rows,
                        struct kn_error *err)
{
    return kn_db_run(db, &LETS, KN_ARGS(kn_array_value(ids), project), ret_rows, err);
}

static const struct kn_stmt SHARES = {
    "shared_shares",
    "SELECT object_id, target FROM rbac_policy WHERE object_id = ANY($1::uuid[]) AND action = '" KN_NETWORK_AS_SHARED
    "' AND target = ANY('" KN_NETWORK_EVERYBODY "'::text || $2::text[]) ORDER BY id FOR KEY SHARE",
    2
};

int kn_network_shares(struct kn_db *db, struct kn_array *ids, struct kn_array *projects, struct kn_rows **ret_rows,
                      struct kn_error *err)
{
    return kn_db_run(db, &SHARES, KN_ARGS(kn_array_value(ids), kn_array_value(projects)), ret_rows, err);
}

int kn_network_use(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, bool *ret_is_owned,
                   struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_rest_see(noun, req, id, ret_is_owned, err) < 0) {
        return -1;
    }
    if (*ret_is_owned) {
        return 0;
    }
    kn_array_add(&ids, id);
    if (kn_db_run(req->db, &shareable_of(noun)->keep, KN_ARGS(id), NULL, err) < 0 ||
        kn_network_use_many(req->db, &ids, req->caller.project_id, &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) > 0 ? 0 : kn_rest_not_found(noun, id, err); /* taken away since it was seen */
}

/* --- who needs it -------------------------------------------------------------------------------------------------------- */

static int shared_is_needed(struct kn_db *db, const struct kn_network_let *let, bool *ret, struct kn_error *err)
{
    const bool leads = strcmp(let->action, KN_NETWORK_AS_EXTERNAL) == 0;
    const bool is_network = let->what->noun == &kn_network_networks;
    const char *spared = leads                                                          ? let->next
                         : is_network || strcmp(let->target, KN_NETWORK_EVERYBODY) != 0 ? let->owner
                                                                                        : NULL;
    int64_t needy = 0;

    if (kn_db_change(db, leads ? &LED : &let->what->users,
                     KN_ARGS(let->object, let->target, let->action, let->policy, spared != NULL ? spared : ""), &needy,
                     err) < 0) {
        return -1;
    }
    *ret = needy > 0;
    return 0;
}

/* What stands behind "Details:". */
static char *let_details(const struct kn_network_let *let)
{
    return strcmp(let->action, KN_NETWORK_AS_EXTERNAL) == 0
               ? kn_strdup("There are routers attached to this network that depend on this policy for access.")
           : let->what->noun == &kn_network_networks
               ? kn_asprintf("Unable to reconfigure sharing settings for network %s. Multiple tenants are using it.",
                             let->object)
               : kn_asprintf("project_id=%s", let->target);
}

int kn_network_let_fail(const char *object, const char *details, struct kn_error *err)
{
    kn_fail(err, KN_CONFLICT,
            "RBAC policy on object %s cannot be removed because other objects depend on it. Details: %s", object,
            details);
    return kn_fail_name(err, "RbacPolicyInUse");
}

int kn_network_let_check(struct kn_db *db, const struct kn_network_let *let, struct kn_error *err)
{
    bool is_needed = false;

    if (shared_is_needed(db, let, &is_needed, err) < 0) {
        return -1;
    }
    AUTO_FREE char *details = let_details(let);

    return is_needed ? kn_network_let_fail(let->object, details, err) : 0;
}

/* --- for everybody, in a word of the object's ---------------------------------------------------------------------------- */

static const struct kn_stmt OPEN = {
    "shared_open",
    "INSERT INTO rbac_policy (id, project_id, object_type, object_id, action, target) VALUES (gen_random_uuid(), $1, $2, $3::uuid, $4, '" KN_NETWORK_EVERYBODY
    "') ON CONFLICT DO NOTHING",
    4
};
static const struct kn_stmt OPENED = {
    "shared_opened",
    "SELECT id FROM rbac_policy WHERE object_id = $1::uuid AND action = $2 AND target = '" KN_NETWORK_EVERYBODY
    "' FOR UPDATE",
    2
};
static const struct kn_stmt CLOSE = { "shared_close", "DELETE FROM rbac_policy WHERE id = $1::uuid", 1 };
static const struct kn_stmt CLOSE_ALL = {
    "shared_close_all",
    "WITH gone AS (DELETE FROM rbac_policy WHERE object_id = $1::uuid AND action = $2 RETURNING project_id, target)"
    " SELECT project_id, count(*) FROM gone WHERE target <> '" KN_NETWORK_EVERYBODY "' GROUP BY project_id",
    2
};

/* The words that a network's own PUT has. */
static int shared_fail_network(const char *id, struct kn_error *err)
{
    kn_fail(err, KN_CONFLICT, "Unable to reconfigure sharing settings for network %s. Multiple tenants are using it.",
            id);
    return kn_fail_name(err, "InvalidSharedSetting");
}

static int shared_close(struct kn_request *req, const struct kn_network_shareable *what, const char *id,
                        const char *owner, struct kn_error *err)
{
    enum { POLICY };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    bool is_needed = false;

    if (kn_db_run(req->db, &OPENED, KN_ARGS(id, KN_NETWORK_AS_SHARED), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return 0;
    }
    const struct kn_network_let let = { .what = what,
                                        .object = id,
                                        .owner = owner,
                                        .policy = kn_rows_text(rows, 0, POLICY),
                                        .action = KN_NETWORK_AS_SHARED,
                                        .target = KN_NETWORK_EVERYBODY };

    if (what->noun != &kn_network_networks) {
        return kn_network_let_check(req->db, &let, err) < 0
                   ? -1
                   : kn_db_run(req->db, &CLOSE, KN_ARGS(let.policy), NULL, err);
    }
    if (shared_is_needed(req->db, &let, &is_needed, err) < 0) {
        return -1;
    }
    return is_needed ? shared_fail_network(id, err) : kn_db_run(req->db, &CLOSE, KN_ARGS(let.policy), NULL, err);
}

/* Whose the object is: of a new one what its body says. */
static int shared_owner(const struct kn_rest_noun *noun, const struct kn_request *req, const struct kn_rows *now,
                        const json_t *object, const char **ret, struct kn_error *err)
{
    if (now == NULL) {
        return kn_rest_owner(noun, req, object, ret, err);
    }
    *ret = kn_rest_was(noun, now, "project_id");
    return 0;
}

int kn_network_shared_after(const struct kn_rest_noun *noun, struct kn_request *req, const char *id,
                            const struct kn_rows *now, const json_t *object, struct kn_error *err)
{
    const struct kn_network_shareable *what = shareable_of(noun);
    const char *owner = NULL;

    if (json_object_get(object, "shared") == NULL) {
        return 0;
    }
    if (shared_owner(noun, req, now, object, &owner, err) < 0) {
        return -1;
    }
    if (kn_schema_bool(object, "shared", false)) {
        return kn_db_run(req->db, &OPEN, KN_ARGS(owner, what->type, id, KN_NETWORK_AS_SHARED), NULL, err);
    }
    return now == NULL ? 0 : shared_close(req, what, id, owner, err);
}

static int external_close(struct kn_request *req, const char *id, struct kn_error *err)
{
    enum { PROJECT, POLICIES };
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims back = KN_QUOTA_CLAIMS("network");
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_network_kind_inside(req, id, err) < 0 ||
        kn_db_run(req->db, &CLOSE_ALL, KN_ARGS(id, KN_NETWORK_AS_EXTERNAL), &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        kn_quota_claim(&back, kn_rows_text(rows, row, PROJECT), KN_QUOTA_RBAC_POLICY,
                       -kn_rows_int(rows, row, POLICIES));
    }
    return kn_quota_take(req->db, &back, err);
}

int kn_network_external_after(struct kn_request *req, const char *id, const struct kn_rows *now, const json_t *object,
                              struct kn_error *err)
{
    const bool was = now != NULL && strcmp(kn_rest_was(&kn_network_networks, now, "router:external"), "t") == 0;
    const bool is = kn_schema_bool(object, "router:external", was);
    const char *owner = NULL;

    if (is == was) {
        return 0;
    }
    if (!is) {
        return external_close(req, id, err);
    }
    return shared_owner(&kn_network_networks, req, now, object, &owner, err) < 0
               ? -1
               : kn_db_run(req->db, &OPEN, KN_ARGS(owner, "network", id, KN_NETWORK_AS_EXTERNAL), NULL, err);
}
