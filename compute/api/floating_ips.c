/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nova's old proxies for floating addresses (os-floating-ips and their pools, until 2.35) and the actions that give and take addresses (until 2.43). The rows and
 * their rules are network/'s (network/api.h).
 */
#include "compute/api.h"
#include "compute/rows/server.h"
#include "lib/base/uuid.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "network/api.h"

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "f.id", KN_REST_UUID, KN_REST_SHOWN),
    KN_REST_ATTR("ip", "f.ip", KN_REST_INET, KN_REST_SHOWN),
    KN_REST_ATTR("fixed_ip", "CASE WHEN f.port_id IS NOT NULL THEN f.fixed_ip END", KN_REST_INET, KN_REST_SHOWN),
    KN_REST_ATTR("pool", "n.name", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("instance_id", "nullif(p.device_id, '')", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_noun FLOATING_IP = {
    .one = "floating_ip",
    .many = "floating_ips",
    .label = "Floating IP",
    .absent = "Floating IP not found for ID %2",
    .from =
        "floating_ip f JOIN network n ON n.id = f.network_id LEFT JOIN port p ON p.id = f.port_id AND p.nic IS NOT NULL",
    .id = "f.id",
    .id_type = KN_REST_UUID,
    .visible = "f.project_id = ?",
    .order = "id",
    .ties = "id",
    .unsorted = true,
    .pages_since = KN_REST_NEVER,
    .attrs = ATTRS,
    .manners = &KN_REST_NOVA,
};
static const struct kn_rest_attr POOL_ATTRS[] = {
    KN_REST_ATTR("name", "n.name", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("id", "n.id", KN_REST_UUID, 0),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_noun FLOATING_IP_POOL = {
    .one = "floating_ip_pool",
    .many = "floating_ip_pools",
    .label = "Floating IP pool",
    .from = "network n",
    .kept = KN_NETWORK_IS_EXTERNAL("n.id"),
    .visible = KN_NETWORK_VISIBLE("n", KN_NETWORK_SHARED_OR_EXTERNAL),
    .id = "n.id",
    .id_type = KN_REST_UUID,
    .order = "id",
    .ties = "id",
    .unsorted = true,
    .pages_since = KN_REST_NEVER,
    .attrs = POOL_ATTRS,
    .manners = &KN_REST_NOVA,
};

int kn_compute_floating_ip_pools_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&FLOATING_IP_POOL, req, KN_REST_LIST, NULL, res, err);
}

int kn_compute_floating_ips_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&FLOATING_IP, req, KN_REST_LIST, NULL, res, err);
}

int kn_compute_floating_ips_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_uuid_valid(req->params[0])
               ? kn_rest_show(&FLOATING_IP, req, req->params[0], KN_REST_SHOW, res, err)
               : kn_fail(err, KN_NOT_FOUND, "Floating IP not found for ID %.80s", req->params[0]);
}

/* Nothing but {"pool": …} is read, and that may be missing. */
int kn_compute_floating_ips_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const json_t *pool = json_object_get(req->body, "pool");
    const char *id = NULL;

    if (pool != NULL && !json_is_null(pool) && !json_is_string(pool)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for field/attribute pool.");
    }
    return kn_network_float_make(req, json_string_value(pool), &id, err) < 0
               ? -1
               : kn_rest_show(&FLOATING_IP, req, id, KN_REST_SHOW, res, err);
}

int kn_compute_floating_ips_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_uuid_valid(req->params[0])
               ? kn_network_float_end(req, req->params[0], err)
               : kn_fail(err, KN_NOT_FOUND, "Floating IP not found for ID %.80s", req->params[0]);
}

/* --- actions --- */

const struct kn_schema kn_compute_floating_body[] = {
    KN_SCHEMA("address", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &KN_TEXT_IP),
    KN_SCHEMA("fixed_address", KN_IS_STRING, .flags = KN_NULLABLE, .rule = &KN_TEXT_IP),
    KN_SCHEMA_END,
};
const struct kn_schema kn_compute_address_body[] = {
    KN_SCHEMA("address", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &KN_TEXT_IP),
    KN_SCHEMA_END,
};
const struct kn_schema kn_compute_fixed_body[] = {
    KN_SCHEMA("networkId", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &KN_TEXT_UUID),
    KN_SCHEMA_END,
};

int kn_compute_server_address(struct kn_request *req, enum kn_compute_address_action action, const json_t *args,
                              struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *server = NULL;
    const char *id = req->params[0], *address = kn_schema_text(args, "address", "");

    if (kn_compute_server_get(req, id, &server, err) < 0) {
        return -1;
    }
    switch (action) {
    case KN_FLOATING_GIVEN:
        return kn_network_float_give(req, id, address, kn_schema_text(args, "fixed_address", NULL), err);
    case KN_FLOATING_TAKEN:
        return kn_network_float_take(req, id, address, err);
    case KN_FIXED_ADDED:
        return kn_compute_server_may(req, server, kn_server_action("addFixedIp"), err) < 0
                   ? -1
                   : kn_network_nic_add_address(req, id, kn_schema_text(args, "networkId", ""), err);
    case KN_FIXED_DROPPED:
        return kn_compute_server_may(req, server, kn_server_action("removeFixedIp"), err) < 0
                   ? -1
                   : kn_network_nic_drop_address(req, id, address, err);
    }
    return 0;
}
