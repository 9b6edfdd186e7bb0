/* SPDX-License-Identifier: Apache-2.0 */
/*
 * onboard.c: the subnets that a network has become some of a pool (PUT …/onboard_network_subnets), in Neutron's words: their ranges join the pool's prefixes, so that a network's
 * subnets of one family stay of one pool. A change of the pool as any other: what holds of its prefixes and its scope is pools.c's.
 */
#include "lib/base/mem.h"
#include "lib/rest/write.h"
#include "network/address/prefixes.h"
#include "network/rows/change.h"
#include "network/rows/networks.h"
#include "network/rows/subnets/pools.h"

static const char *onboard_network(const struct kn_request *req)
{
    return kn_schema_text(req->body, "network_id", "");
}

static bool onboard_asked(const struct kn_request *req)
{
    return req->route->rule == KN_NEUTRON_ONBOARD_SUBNETS;
}

/* Whoever makes the network's subnets gives them a pool; the network is held before the pool, as by who takes a range (pool_take.c). */
int kn_network_onboard_before_lock(struct kn_request *req, const char *id, struct kn_error *err)
{
    (void)id;
    return onboard_asked(req) && (kn_rest_own(&kn_network_networks, req, onboard_network(req), err) < 0 ||
                                  kn_network_lock(req, onboard_network(req), err) < 0)
               ? -1
               : 0;
}

static const struct kn_stmt FOUND = {
    "onboard_found",
    "SELECT s.id, s.cidr, EXISTS (SELECT FROM subnet o WHERE o.subnetpool_id = $3::uuid AND o.cidr && s.cidr) FROM subnet s"
    " WHERE s.network_id = $1::uuid AND s.ip_version = $2::int ORDER BY s.id FOR NO KEY UPDATE OF s",
    3
};
enum { F_ID, F_CIDR, F_TAKEN };

static int onboard_fail_taken(const struct kn_rows *found, int row, const char *pool, struct kn_error *err)
{
    kn_fail(err, KN_BAD_REQUEST,
            "Illegal subnetpool update : Onboarding subnet %s: %s conflicts with allocated prefixes in subnet pool %s.",
            kn_rows_text(found, row, F_ID), kn_rows_text(found, row, F_CIDR), pool);
    return kn_fail_name(err, "IllegalSubnetPoolUpdate");
}

/* A kn_rest_edit. ctx: the answer, a list of what is taken in. */
static int onboard_edit(struct kn_request *req, const struct kn_rows *now, void *ctx, json_t *object,
                        struct kn_error *err)
{
    const char *pool = req->params[0], *version = kn_rest_was(&kn_network_subnetpools, now, "ip_version");
    AUTO(kn_rows) struct kn_rows *found = NULL;
    json_t *prefixes;

    if (kn_db_run(req->db, &FOUND, KN_ARGS(onboard_network(req), version, pool), &found, err) < 0) {
        return -1;
    }
    prefixes = json_loads(kn_rest_was(&kn_network_subnetpools, now, "prefixes"), 0, NULL);
    for (int row = 0; row < kn_rows_count(found); row++) {
        if (kn_rows_bool(found, row, F_TAKEN)) {
            json_decref(prefixes);
            return onboard_fail_taken(found, row, pool, err);
        }
        json_array_append_new(prefixes, json_string(kn_rows_text(found, row, F_CIDR)));
        json_array_append_new(ctx, json_pack("{s:s, s:s}", "id", kn_rows_text(found, row, F_ID), "cidr",
                                             kn_rows_text(found, row, F_CIDR)));
    }
    if (kn_rows_count(found) > 0) {
        json_object_set(object, "prefixes", prefixes);
    }
    json_decref(prefixes);
    return 0;
}

/* A network's subnets are a part of it. */
static const struct kn_stmt TAKE = {
    "onboard_take",
    "WITH taken AS (UPDATE subnet SET subnetpool_id = $2::uuid, updated_at = now() WHERE network_id = $1::uuid AND ip_version = $3::int RETURNING network_id)"
    " UPDATE network SET updated_at = now() WHERE id = ANY (SELECT network_id FROM taken)",
    3
};

int kn_network_onboard_after(struct kn_request *req, const char *id, const struct kn_rows *now, struct kn_error *err)
{
    if (!onboard_asked(req)) {
        return 0;
    }
    return kn_db_run(req->db, &TAKE,
                     KN_ARGS(onboard_network(req), id, kn_rest_was(&kn_network_subnetpools, now, "ip_version")), NULL,
                     err) < 0
               ? -1
               : kn_network_change_of_pool(req->db, id, err); /* they are of the pool's scope now */
}

int kn_network_pool_onboard(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    json_auto_t *object = json_object(), *taken = json_array();
    const json_t *network = json_object_get(req->body, "network_id");

    if (!json_is_string(network)) {
        kn_fail(err, KN_BAD_REQUEST, "Invalid input for operation: network_id must be specified.");
        return kn_fail_name(err, "InvalidInput");
    }
    if (kn_rest_change_by(&kn_network_subnetpools, req, req->params[0], onboard_edit, taken, object, err) < 0) {
        return -1;
    }
    kn_response_json(res, json_incref(taken));
    return 0;
}
