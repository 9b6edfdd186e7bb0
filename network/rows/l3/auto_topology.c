/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auto_topology.c: automatic topologies, made of the nouns that anybody could make one by one, in one transaction: whoever dies in between leaves nothing
 * behind. Askers for one project wait for each other by a lock of its name; rows of the topology are their owners', and when its network goes, so does it.
 */
#include "network/rows/l3/auto_topology.h"

#include <string.h>

#include "lib/adapter/quota.h"
#include "lib/base/mem.h"
#include "lib/rest/write.h"
#include "network/api.h"
#include "network/rows/change.h"
#include "network/rows/networks.h"
#include "network/rows/l3/routers.h"
#include "network/rows/shared.h"
#include "network/rows/subnets/pools.h"

#define AGAIN 4

static int topology_fail(const char *why, struct kn_error *err)
{
    kn_fail(err, KN_CONFLICT, "Deployment error: %s.", why);
    return kn_fail_name(err, "AutoAllocationFailure");
}

/* --- what it needs ------------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct kn_stmt OUTSIDE = { "topology_outside", "SELECT id FROM network WHERE is_default", 0 };
static const struct kn_stmt POOLS = {
    "topology_pools", "SELECT ip_version FROM subnet_pool p WHERE is_default AND (project_id = $1 OR " KN_NETWORK_LET("p.id", KN_NETWORK_SHARED, "$1") ") ORDER BY ip_version", 1
};
/* clang-format on */

static int topology_find_outside(struct kn_request *req, char ret[KN_UUID_SIZE], struct kn_error *err)
{
    enum { ID };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &OUTSIDE, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return topology_fail("No default router:external network", err);
    }
    kn_copy(ret, KN_UUID_SIZE, kn_rows_text(rows, 0, ID));
    return 0;
}

static int topology_find_pools(struct kn_request *req, const char *project, const char *why, struct kn_rows **ret,
                               struct kn_error *err)
{
    if (kn_db_run(req->db, &POOLS, KN_ARGS(project), ret, err) < 0) {
        return -1;
    }
    return kn_rows_count(*ret) > 0 ? 0 : topology_fail(why, err);
}

/* --- making --------------------------------------------------------------------------------------------------------- */

static const struct kn_stmt HOLD = { "topology_hold",
                                     "SELECT pg_advisory_xact_lock(hashtextextended('kilonova topology ' || $1, 0))",
                                     1 };
static const struct kn_stmt THERE = { "topology_there",
                                      "SELECT network_id, router_id FROM auto_topology WHERE project_id = $1", 1 };
enum { T_NETWORK, T_ROUTER };
static const struct kn_stmt NOTE = {
    "topology_note", "INSERT INTO auto_topology (project_id, network_id, router_id) VALUES ($1, $2::uuid, $3::uuid)", 3
};

struct topology {
    const char *project;
    const char *network, *router; /* the request's memory */
    const char *subnets[2];
    int count;
    struct kn_quota_claims *claims;
};

/* What the project's network lacks, said as the deployment's fault; a quota is the project's. */
static int topology_explain(int rc, const char *why, struct kn_error *err)
{
    return rc < 0 && (err->code == KN_BAD_REQUEST || err->code == KN_NOT_FOUND) ? topology_fail(why, err) : rc;
}

static int topology_make_inside(struct kn_request *req, struct topology *t, struct kn_error *err)
{
    enum { VERSION };
    json_auto_t *network = json_pack("{s:s, s:s, s:b}", "name", "auto_allocated_network", "project_id", t->project,
                                     "admin_state_up", true);
    AUTO(kn_rows) struct kn_rows *pools = NULL;
    int rc = topology_find_pools(req, t->project, "Unable to provide project private network", &pools, err) < 0
                 ? -1
                 : kn_rest_insert_in(&kn_network_networks, req, network, t->claims, &t->network, err);

    for (int row = 0; rc == 0 && row < kn_rows_count(pools) && row < (int)KN_COUNT(t->subnets); row++) {
        const int64_t version = kn_rows_int(pools, row, VERSION);
        AUTO_FREE char *name = kn_asprintf("auto_allocated_subnet_v%d", (int)version);
        json_auto_t *subnet = json_pack("{s:s, s:s, s:s, s:I, s:b}", "name", name, "project_id", t->project,
                                        "network_id", t->network, "ip_version", (json_int_t)version,
                                        "use_default_subnetpool", true);

        rc = kn_rest_insert_in(&kn_network_subnets, req, subnet, t->claims, &t->subnets[t->count], err);
        t->count += rc == 0;
    }
    return rc;
}

static int topology_make_outside(struct kn_request *req, struct topology *t, const char *outside, struct kn_error *err)
{
    json_auto_t *router = json_pack("{s:s, s:s, s:b, s:{s:s}}", "name", "auto_allocated_router", "project_id",
                                    t->project, "admin_state_up", true, "external_gateway_info", "network_id", outside);
    int rc = kn_rest_insert_in(&kn_network_routers, req, router, t->claims, &t->router, err);

    for (int i = 0; rc == 0 && i < t->count; i++) {
        rc = kn_network_router_add_subnet(req, t->router, t->subnets[i], t->claims, err);
    }
    return rc;
}

static int topology_make(struct kn_request *req, const char *project, char ret_network[KN_UUID_SIZE],
                         struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims claims = KN_QUOTA_CLAIMS("network");
    struct topology t = { .project = project, .claims = &claims };
    char outside[KN_UUID_SIZE];
    AUTO(kn_rows) struct kn_rows *there = NULL;
    AUTO_TX struct kn_tx tx = { NULL };

    if (kn_tx_begin(&tx, req->db, err) < 0 || kn_db_run(req->db, &HOLD, KN_ARGS(project), NULL, err) < 0 ||
        kn_db_run(req->db, &THERE, KN_ARGS(project), &there, err) < 0) {
        return -1;
    }
    if (kn_rows_count(there) > 0) {
        kn_copy(ret_network, KN_UUID_SIZE, kn_rows_text(there, 0, T_NETWORK));
        return 0;
    }
    if (topology_find_outside(req, outside, err) < 0 ||
        topology_explain(topology_make_inside(req, &t, err), "Unable to provide project private network", err) < 0 ||
        topology_explain(topology_make_outside(req, &t, outside, err), "Unable to provide external connectivity", err) <
            0 ||
        kn_db_run(req->db, &NOTE, KN_ARGS(project, t.network, t.router), NULL, err) < 0 ||
        kn_quota_take(req->db, &claims, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    kn_network_change_tell(req, NULL);
    kn_copy(ret_network, KN_UUID_SIZE, t.network);
    return 0;
}

int kn_network_topology_ensure(struct kn_request *req, const char *project, char ret_network[KN_UUID_SIZE],
                               struct kn_error *err)
{
    int rc = topology_make(req, project, ret_network, err);

    for (int i = 0; i < AGAIN && rc < 0 && err->code == KN_CONFLICT && kn_network_ports.raced(req->db); i++) {
        rc = topology_make(req, project, ret_network, err);
    }
    return rc;
}

int kn_network_auto_make(struct kn_request *req, char ret_id[KN_UUID_SIZE], struct kn_error *err)
{
    const char *project = req->caller.project_id;

    if (kn_network_topology_ensure(req, project, ret_id, err) == 0) {
        return 0;
    }
    return err->code != KN_CONFLICT
               ? -1
               : kn_fail(err, KN_BAD_REQUEST, "Unable to automatically allocate a network for project %s", project);
}

/* --- over HTTP ------------------------------------------------------------------------------------------------------ */

/* Whose it is: the caller's own where the path says "None", which is what clients send who know none. */
static int topology_enter(struct kn_request *req, const char **ret_project, struct kn_error *err)
{
    const char *project = strcmp(req->params[0], "None") == 0 ? req->caller.project_id : req->params[0];

    if (kn_policy_check(req->route->rule, &req->caller, &(struct kn_target){ .project_id = project }, err) < 0) {
        return -1;
    }
    if (project[0] == '\0' || !kn_limit_fits(KN_LIMIT_TENANT, project)) {
        kn_fail(err, KN_NOT_FOUND, "Project %.64s could not be found.", project);
        return kn_fail_name(err, "ProjectNotFound");
    }
    *ret_project = project;
    return 0;
}

static int topology_check(struct kn_request *req, const char *project, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *pools = NULL;
    char outside[KN_UUID_SIZE];

    return topology_find_outside(req, outside, err) < 0 ||
                   topology_find_pools(req, project, "No default subnetpools defined", &pools, err) < 0
               ? -1
               : 0;
}

int kn_network_topology_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const char *project, *field = kn_request_query_at(req, "fields", 0);
    char network[KN_UUID_SIZE] = "dry-run=pass";
    bool is_dry = false;

    for (int i = 0; !is_dry && (field = kn_request_query_at(req, "fields", i)) != NULL; i++) {
        is_dry = strcmp(field, "dry-run") == 0;
    }
    if (topology_enter(req, &project, err) < 0) {
        return -1;
    }
    if (!is_dry && kn_request_query_at(req, "fields", 0) != NULL) {
        return kn_network_bad(err, "auto_allocate", "Unrecognized field");
    }
    if ((is_dry ? topology_check(req, project, err) : kn_network_topology_ensure(req, project, network, err)) < 0) {
        return -1;
    }
    kn_response_json(res, json_pack("{s:{s:s, s:s, s:s}}", "auto_allocated_topology", "id", network, "project_id",
                                    project, "tenant_id", project));
    return 0;
}

/* --- and away with it ------------------------------------------------------------------------------------------------ */

static const struct kn_stmt LEGS = {
    "topology_legs",
    "SELECT id, project_id FROM port WHERE device_id = $1 AND device_owner = '" KN_ROUTER_LEG
    "' AND network_id = $2::uuid ORDER BY id",
    2
};

static int topology_end_router(struct kn_request *req, const char *router, const char *network,
                               struct kn_quota_claims *claims, struct kn_error *err)
{
    enum { LEG, PROJECT };
    AUTO(kn_rows) struct kn_rows *legs = NULL;

    if (kn_network_router_hold(req->db, router, err) < 0 || kn_network_router_changed(req->db, router, err) < 0 ||
        kn_db_run(req->db, &LEGS, KN_ARGS(router, network), &legs, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(legs); row++) {
        if (kn_network_router_port_end(req, kn_rows_text(legs, row, LEG), err) < 0) {
            return -1;
        }
        kn_quota_claim(claims, kn_rows_text(legs, row, PROJECT), KN_QUOTA_PORT, -1);
    }
    return kn_rest_delete_in(&kn_network_routers, req, router, claims, err);
}

int kn_network_topology_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims claims = KN_QUOTA_CLAIMS("network");
    AUTO(kn_rows) struct kn_rows *there = NULL;
    AUTO_TX struct kn_tx tx = { NULL };
    const char *project;

    (void)res;
    if (topology_enter(req, &project, err) < 0 || kn_tx_begin(&tx, req->db, err) < 0 ||
        kn_db_run(req->db, &HOLD, KN_ARGS(project), NULL, err) < 0 ||
        kn_db_run(req->db, &THERE, KN_ARGS(project), &there, err) < 0) {
        return -1;
    }
    if (kn_rows_count(there) == 0) {
        return 0;
    }
    const char *network = kn_rows_text(there, 0, T_NETWORK);

    if ((!kn_rows_null(there, 0, T_ROUTER) &&
         topology_end_router(req, kn_rows_text(there, 0, T_ROUTER), network, &claims, err) < 0) ||
        kn_rest_delete_in(&kn_network_networks, req, network, &claims, err) < 0 ||
        kn_quota_take(req->db, &claims, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    kn_network_change_tell(req, NULL);
    return 0;
}
