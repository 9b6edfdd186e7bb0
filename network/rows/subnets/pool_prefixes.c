/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool_prefixes.c: prefixes that a pool gets and loses one by one, in Neutron's words: what a PUT of all would say, worked out while the pool is held, so that of two who
 * add at once none is lost. What a subnet has of the pool stays in it; that is looked at under the lock that subnets take their ranges by (pool_take.c).
 */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/rest/write.h"
#include "network/address/prefixes.h"
#include "network/rows/subnets/pools.h"

static const struct kn_stmt TAKEN = { "pool_prefixes_taken", "SELECT cidr FROM subnet WHERE subnetpool_id = $1::uuid",
                                      1 };

static bool prefixes_read(const json_t *list, struct kn_network_prefix_set *set)
{
    const json_t *item;
    struct kn_ip_prefix prefix;
    size_t i;

    json_array_foreach (list, i, item) {
        if (!json_is_string(item) || !kn_ip_prefix_parse(json_string_value(item), &prefix)) {
            return false;
        }
        kn_network_prefix_set_add(set, &prefix);
    }
    return true;
}

static json_t *prefixes_of_pool(const struct kn_rows *now)
{
    return json_loads(kn_rest_was(&kn_network_subnetpools, now, "prefixes"), 0, NULL);
}

/* A kn_rest_edit, as the next. What is no prefix is refused as in a PUT. */
static int prefixes_added(struct kn_request *req, const struct kn_rows *now, void *ctx, json_t *object,
                          struct kn_error *err)
{
    json_t *all = prefixes_of_pool(now);

    (void)req;
    (void)err;
    json_array_extend(all, ctx);
    return json_object_set_new(object, "prefixes", all);
}

static int prefixes_removed(struct kn_request *req, const struct kn_rows *now, void *ctx, json_t *object,
                            struct kn_error *err)
{
    AUTO_RELEASE(kn_network_prefix_set) struct kn_network_prefix_set left = KN_NETWORK_PREFIX_SET_INIT;
    AUTO_RELEASE(kn_network_prefix_set) struct kn_network_prefix_set gone = KN_NETWORK_PREFIX_SET_INIT;
    AUTO(kn_rows) struct kn_rows *taken = NULL;
    json_auto_t *all = prefixes_of_pool(now);
    struct kn_ip_prefix used;

    if (!prefixes_read(ctx, &gone)) {
        kn_fail(err, KN_BAD_REQUEST, "Request body contains invalid data");
        return kn_fail_name(err, "HTTPBadRequest");
    }
    if (!prefixes_read(all, &left) || kn_db_run(req->db, &TAKEN, KN_ARGS(req->params[0]), &taken, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(taken); row++) {
        if (kn_ip_prefix_parse(kn_rows_text(taken, row, KN_ONLY), &used) &&
            kn_network_prefix_set_overlaps(&gone, &used)) {
            kn_fail(err, KN_BAD_REQUEST,
                    "Illegal update to prefixes: One or more the prefixes to be removed is in use by a subnet..");
            return kn_fail_name(err, "IllegalSubnetPoolPrefixUpdate");
        }
    }
    kn_network_prefix_set_subtract(&left, &gone);
    json_object_set_new(object, "prefixes", kn_network_pool_prefixes(&left));
    return 0;
}

static int prefixes_change(struct kn_request *req, kn_rest_edit *edit, struct kn_response *res, struct kn_error *err)
{
    json_t *said = json_object_get(req->body, "prefixes");
    json_auto_t *object = json_object();

    if (!json_is_array(said) || json_array_size(said) == 0) {
        kn_fail(err, KN_BAD_REQUEST, "Request body contains invalid data");
        return kn_fail_name(err, "HTTPBadRequest");
    }
    if (kn_rest_change_by(&kn_network_subnetpools, req, req->params[0], edit, said, object, err) < 0) {
        return -1;
    }
    kn_response_json(res, json_pack("{s:O}", "prefixes", json_object_get(object, "prefixes")));
    return 0;
}

int kn_network_pool_add_prefixes(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return prefixes_change(req, prefixes_added, res, err);
}

int kn_network_pool_remove_prefixes(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return prefixes_change(req, prefixes_removed, res, err);
}
