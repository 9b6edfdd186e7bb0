/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rbac.c: RBAC policies as a table: what of a project's another one, or everybody, may see and use. Only who owns the object makes one, and none goes, or
 * becomes another's, while somebody needs it (shared.c knows who). Neutron calls the target target_tenant; target_project is taken, too.
 */
#include <ctype.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/rows/network_kind.h"
#include "network/rows/networks.h"
#include "network/rows/shared.h"
#include "network/rows/subnets/pools.h"

#define FIND (KN_REST_SHOWN | KN_REST_FIND)
#define TARGET "target_tenant"
#define TARGET_PROJECT "target_project"

/* clang-format off */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "b.id", KN_REST_UUID, FIND),
    KN_REST_ATTR("object_type", "b.object_type", KN_REST_TEXT, FIND | KN_REST_POST | KN_REST_REQUIRED, .column = "object_type"),
    KN_REST_ATTR("object_id", "b.object_id", KN_REST_UUID, FIND | KN_REST_POST | KN_REST_REQUIRED, .column = "object_id", .rule = &KN_NEUTRON_UUID),
    KN_REST_ATTR("action", "b.action", KN_REST_TEXT, FIND | KN_REST_POST | KN_REST_REQUIRED, .column = "action"),
    KN_REST_ATTR(TARGET, "b.target", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "target"),
    KN_REST_ATTR(TARGET_PROJECT, "b.target", KN_REST_TEXT, KN_REST_FIND | KN_REST_WRITE),
    KN_REST_ATTR("tenant_id", "b.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("project_id", "b.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTRS_END,
};
/* clang-format on */

/* --- what a body says ---------------------------------------------------------------------------------------------------- */

static int rbac_bad(struct kn_error *err, const char *name, const char *words)
{
    kn_fail(err, KN_BAD_REQUEST, "Invalid input for operation: %s.", words);
    return kn_fail_name(err, name);
}

/* Keystone's ids of projects are uuids, with dashes or without. */
static bool is_target(const char *text)
{
    size_t digits = 0;

    if (strcmp(text, KN_NETWORK_EVERYBODY) == 0 || kn_uuid_valid(text)) {
        return true;
    }
    while (isxdigit((unsigned char)text[digits])) {
        digits++;
    }
    return digits == 32 && text[digits] == '\0';
}

/* Both names of the target become the one that has a column. */
static int check_target(const struct kn_request *req, bool is_new, json_t *object, struct kn_error *err)
{
    const char *tenant = kn_schema_text(object, TARGET, NULL), *project = kn_schema_text(object, TARGET_PROJECT, NULL);
    const char *target = tenant != NULL ? tenant : project;

    if (tenant != NULL && project != NULL && strcmp(tenant, project) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "'" TARGET_PROJECT "' and '" TARGET "' do not match");
    }
    if (target == NULL) {
        return is_new ? kn_fail(err, KN_BAD_REQUEST,
                                "Failed to parse request. Required attribute '" TARGET "' not specified")
                      : 0;
    }
    if (!is_target(target)) {
        AUTO_FREE char *words = kn_asprintf("'%.128s' is not a valid target project ID; expected a UUID or '*'",
                                            target);

        return rbac_bad(err, "InvalidInput", words);
    }
    if (tenant == NULL) {
        json_object_set_new(object, TARGET, json_string(project));
    }
    return strcmp(target, KN_NETWORK_EVERYBODY) != 0
               ? 0
               : kn_policy_check(is_new ? KN_NEUTRON_CREATE_RBAC_EVERYBODY : KN_NEUTRON_UPDATE_RBAC_EVERYBODY,
                                 &req->caller, NULL, err);
}

/* As Neutron: in small letters, without blanks around it. Heap. */
static char *rbac_type(const char *said)
{
    const char *from = said + strspn(said, " \t\n");
    size_t len = strlen(from);

    while (len > 0 && strchr(" \t\n", from[len - 1]) != NULL) {
        len--;
    }
    char *type = kn_asprintf("%.*s", (int)len, from);

    for (char *at = type; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    return type;
}

static int check_kind(json_t *object, struct kn_error *err)
{
    const char *said = kn_schema_text(object, "object_type", ""), *action = kn_schema_text(object, "action", "");
    AUTO_FREE char *type = rbac_type(said);
    const struct kn_network_shareable *what = kn_network_shareable(type);

    if (what == NULL) {
        AUTO_FREE char *words = kn_asprintf("'%.128s' is not a valid RBAC object type", said);

        return rbac_bad(err, "InvalidInput", words);
    }
    if (strcmp(action, KN_NETWORK_AS_SHARED) != 0 &&
        (what->noun != &kn_network_networks || strcmp(action, KN_NETWORK_AS_EXTERNAL) != 0)) {
        kn_fail(err, KN_BAD_REQUEST, "Invalid action '%.128s' for object type '%s'. Valid actions: %s", action, type,
                what->actions);
        return kn_fail_name(err, "InvalidActionForType");
    }
    json_object_set_new(object, "object_type", json_string(type));
    return 0;
}

static int rbac_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    const bool is_new = strcmp(req->method, "POST") == 0;

    return (is_new && check_kind(object, err) < 0) || check_target(req, is_new, object, err) < 0 ? -1 : 0;
}

/* --- whether it may be --------------------------------------------------------------------------------------------------- */

/* Of whose scope a pool is: whoever gets the pool must have been let at that. */
static const struct kn_stmt LACKS = {
    "rbac_lacks_scope",
    "SELECT FROM subnet_pool p WHERE id = $1::uuid AND address_scope_id IS NOT NULL AND NOT EXISTS (SELECT FROM rbac_policy b"
    " WHERE b.object_id = p.address_scope_id AND b.target IN ('" KN_NETWORK_EVERYBODY "', $2))",
    2
};

static int check_scope_of_pool(struct kn_request *req, const char *pool, const char *target, struct kn_error *err)
{
    int64_t lacks = 0;

    if (kn_db_change(req->db, &LACKS, KN_ARGS(pool, target), &lacks, err) < 0) {
        return -1;
    }
    if (lacks == 0) {
        return 0;
    }
    kn_fail(
        err, KN_BAD_REQUEST,
        "Failed to create RBAC policy on object %s because target project doesn't have access to associated address "
        "scope..",
        pool);
    return kn_fail_name(err, "RbacPolicyInitError");
}

static int decide_policy(struct kn_request *req, const json_t *object, struct kn_error *err)
{
    const struct kn_network_shareable *what = kn_network_shareable(kn_schema_text(object, "object_type", ""));
    const char *id = kn_schema_text(object, "object_id", "");
    bool is_owned = false;

    if (kn_rest_see(what->noun, req, id, &is_owned, err) < 0) {
        return -1;
    }
    if (!is_owned) {
        return rbac_bad(err, "InvalidInput",
                        what->noun == &kn_network_networks
                            ? "Only admins can manipulate policies on networks they do not own"
                            : "Only admins can manipulate policies on objects they do not own");
    }
    return kn_db_run(req->db, &what->hold, KN_ARGS(id), NULL, err) < 0 ? -1
           : what->noun == &kn_network_subnetpools
               ? check_scope_of_pool(req, id, kn_schema_text(object, TARGET, ""), err)
               : 0;
}

static const struct kn_stmt OF = { "rbac_of", "SELECT object_type, object_id FROM rbac_policy WHERE id = $1::uuid", 1 };

static int rbac_before_lock(struct kn_request *req, const char *id, struct kn_error *err)
{
    enum { TYPE, OBJECT };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &OF, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) == 0 ? 0
                                    : kn_db_run(req->db, &kn_network_shareable(kn_rows_text(rows, 0, TYPE))->hold,
                                                KN_ARGS(kn_rows_text(rows, 0, OBJECT)), NULL, err);
}

/* The network that automatic topologies lead to is everybody's. */
static const struct kn_stmt IS_DEFAULT = {
    "rbac_default",
    "SELECT FROM network WHERE id = $1::uuid AND is_default AND ($2 = '" KN_NETWORK_EVERYBODY "' OR NOT EXISTS"
    " (SELECT FROM rbac_policy b WHERE b.object_id = $1::uuid AND b.action = '" KN_NETWORK_AS_EXTERNAL
    "' AND b.id <> $3::uuid))",
    3
};

static int check_default(struct kn_request *req, const struct kn_network_let *let, struct kn_error *err)
{
    int64_t is_default = 0;

    if (strcmp(let->action, KN_NETWORK_AS_EXTERNAL) != 0) {
        return 0;
    }
    if (kn_db_change(req->db, &IS_DEFAULT, KN_ARGS(let->object, let->target, let->policy), &is_default, err) < 0) {
        return -1;
    }
    return is_default == 0
               ? 0
               : kn_network_let_fail(let->object, "Default external networks must be shared to everyone.", err);
}

static const struct kn_stmt LAST = {
    "rbac_last",
    "SELECT FROM rbac_policy WHERE object_id = $1::uuid AND action = '" KN_NETWORK_AS_EXTERNAL
    "' AND id <> $2::uuid LIMIT 1",
    2
};

/* With the last one the network leads nowhere any more. */
static int check_last(struct kn_request *req, const struct kn_network_let *let, struct kn_error *err)
{
    int64_t others = 0;

    if (let->next != NULL || strcmp(let->action, KN_NETWORK_AS_EXTERNAL) != 0) {
        return 0;
    }
    if (kn_db_change(req->db, &LAST, KN_ARGS(let->object, let->policy), &others, err) < 0) {
        return -1;
    }
    return others > 0 ? 0 : kn_network_kind_inside(req, let->object, err);
}

static const char *rbac_was(const struct kn_rows *now, const char *name)
{
    return kn_rest_was(&kn_network_rbac_policies, now, name);
}

/* It goes, or is another's. */
static int decide_loss(struct kn_request *req, const char *id, const struct kn_rows *now, const char *next,
                       struct kn_error *err)
{
    enum { OWNER };
    const struct kn_network_shareable *what = kn_network_shareable(rbac_was(now, "object_type"));
    const bool is_shared = strcmp(rbac_was(now, "action"), KN_NETWORK_AS_SHARED) == 0;
    AUTO(kn_rows) struct kn_rows *object = NULL;

    if (kn_db_run(req->db, &what->hold, KN_ARGS(rbac_was(now, "object_id")), &object, err) < 0) {
        return -1;
    }
    const struct kn_network_let let = { .what = what,
                                        .object = rbac_was(now, "object_id"),
                                        .owner = kn_rows_count(object) > 0 ? kn_rows_text(object, 0, OWNER) : "",
                                        .policy = id,
                                        .action = rbac_was(now, "action"),
                                        .target = rbac_was(now, TARGET),
                                        .next = next };

    if (is_shared && strcmp(let.owner, let.target) == 0) {
        return 0; /* nobody needs to be let at his own */
    }
    if (is_shared && what->noun != &kn_network_networks && next != NULL && strcmp(next, KN_NETWORK_EVERYBODY) == 0) {
        return 0;
    }
    return check_default(req, &let, err) < 0 || kn_network_let_check(req->db, &let, err) < 0
               ? -1
               : check_last(req, &let, err);
}

static int rbac_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                       struct kn_error *err)
{
    const char *next = kn_schema_text(object, TARGET, NULL);

    if (now == NULL) {
        return decide_policy(req, object, err);
    }
    return object != NULL && (next == NULL || strcmp(next, rbac_was(now, TARGET)) == 0)
               ? 0
               : decide_loss(req, id, now, next, err);
}

static int rbac_clash(struct kn_request *req, const char *constraint, const json_t *object, struct kn_error *err)
{
    (void)req;
    (void)object;
    if (strcmp(constraint, "rbac_policy_once") != 0) {
        return -1;
    }
    kn_fail(err, KN_CONFLICT, "An RBAC policy already exists with those values.");
    return kn_fail_name(err, "DuplicateRbacPolicy");
}

/* Everybody's count for nobody: with its target a policy may begin to count. */
static const struct kn_rest_counts COUNTS = {
    "network",
    { "rbac_counts",
      "SELECT project_id, 'rbac_policy', count(*) FROM rbac_policy WHERE id = ANY($1::uuid[]) AND target <> '" KN_NETWORK_EVERYBODY
      "' GROUP BY project_id",
      1 },
    true
};

const struct kn_rest_noun kn_network_rbac_policies = {
    .one = "rbac_policy",
    .many = "rbac_policies",
    .label = "RBAC policy",
    .absent = "RBAC policy of type unknown with ID %2 not found",
    .absent_name = "RbacPolicyNotFound",
    .path = "/rbac-policies",
    .from = "rbac_policy b",
    .id = "b.id",
    .id_type = KN_REST_UUID,
    .visible = "(b.project_id = ?)",
    .owned = "(b.project_id = ?)",
    .order = "id",
    .ascending = true,
    .ties = "id",
    .attrs = ATTRS,
    .manners = &KN_REST_NEUTRON,
    .table = "rbac_policy",
    .project_column = "project_id",
    .is_timeless = true,
    .counts = &COUNTS,
    .before_lock = rbac_before_lock,
    .check = rbac_check,
    .decide = rbac_decide,
    .clash = rbac_clash,
};
