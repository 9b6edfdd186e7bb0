/* SPDX-License-Identifier: Apache-2.0 */
/* subnets.c: Neutron's subnets over HTTP. Rows are subnets.c's, arithmetic is subnet_plan.c's. */
#include "network/api/nouns.h"
#include "network/rows/body.h"
#include "network/rows/networks.h"
#include "network/rows/quotas.h"
#include "network/rows/subnets.h"

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "s.id", KN_REST_UUID, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("name", "s.name", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("tenant_id", "s.project_id", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("project_id", "s.project_id", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("network_id", "s.network_id", KN_REST_UUID, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("ip_version", "s.ip_version", KN_REST_INT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("subnetpool_id", "NULL::text", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER),
    KN_REST_ATTR("enable_dhcp", "s.enable_dhcp", KN_REST_BOOL, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("ipv6_ra_mode", "NULL::text", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER),
    KN_REST_ATTR("ipv6_address_mode", "NULL::text", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER),
    KN_REST_ATTR("gateway_ip", "s.gateway_ip", KN_REST_INET, KN_REST_SHOWN | KN_REST_FILTER),
    KN_REST_ATTR("cidr", "s.cidr", KN_REST_CIDR, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("allocation_pools", "s.pools", KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("host_routes", "s.host_routes", KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("dns_nameservers", "s.dns_nameservers", KN_REST_TAGS, KN_REST_SHOWN),
    KN_REST_ATTR("description", "s.description", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("created_at", "s.created_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("updated_at", "s.updated_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTRS_END,
};

static const struct kn_rest_param PARAMS[] = {
    KN_REST_PARAM("shared", kn_rest_boolean_word, .sql = "(SELECT n.shared FROM network n WHERE n.id = s.network_id)", .type = KN_REST_BOOL),
    KN_REST_PARAMS_END,
};

const struct kn_rest_noun kn_subnets = {
    .one = "subnet",
    .many = "subnets",
    .path = "/subnets",
    .label = "Subnet",
    .from = "subnet s",
    .id = "s.id",
    .id_type = KN_REST_UUID,
    .visible = "(s.project_id = ? OR EXISTS (SELECT 1 FROM network n WHERE n.id = s.network_id AND (n.project_id = ? OR n.shared)))",
    .order = "id",
    .ascending = true,
    .ties = "id",
    .attrs = ATTRS,
    .manners = &KN_REST_NEUTRON,
    .params = PARAMS,
};

static const struct kn_attr BODY[] = {
    { "network_id", KN_ATTR_UUID, KN_ATTR_POST | KN_ATTR_REQUIRED, KN_LIMIT_NONE, NULL },
    { "cidr", KN_ATTR_TEXT, KN_ATTR_POST | KN_ATTR_NULL, KN_LIMIT_CIDR, NULL },
    { "ip_version", KN_ATTR_INT, KN_ATTR_POST | KN_ATTR_REQUIRED, KN_LIMIT_IP_VERSION, NULL },
    { "name", KN_ATTR_TEXT, KN_ATTR_BOTH, KN_LIMIT_NETWORK_NAME, NULL },
    { "description", KN_ATTR_TEXT, KN_ATTR_BOTH, KN_LIMIT_NETWORK_DESCRIPTION, NULL },
    { "enable_dhcp", KN_ATTR_BOOL, KN_ATTR_BOTH, KN_LIMIT_NONE, NULL },
    { "gateway_ip", KN_ATTR_IPV4, KN_ATTR_BOTH | KN_ATTR_NULL, KN_LIMIT_NONE, NULL },
    { "allocation_pools", KN_ATTR_LIST, KN_ATTR_BOTH | KN_ATTR_NULL, KN_LIMIT_NONE, NULL },
    { "dns_nameservers", KN_ATTR_LIST, KN_ATTR_BOTH | KN_ATTR_NULL, KN_LIMIT_NONE, NULL },
    { "host_routes", KN_ATTR_LIST, KN_ATTR_BOTH | KN_ATTR_NULL, KN_LIMIT_NONE, NULL },
    { "tenant_id", KN_ATTR_TEXT, KN_ATTR_POST, KN_LIMIT_TENANT, NULL },
    { "project_id", KN_ATTR_TEXT, KN_ATTR_POST, KN_LIMIT_TENANT, NULL },
    { "subnetpool_id", KN_ATTR_NONE, KN_ATTR_POST, KN_LIMIT_NONE, NULL },
    { "prefixlen", KN_ATTR_NONE, KN_ATTR_POST, KN_LIMIT_NONE, NULL },
    { "use_default_subnetpool", KN_ATTR_FALSE, KN_ATTR_POST, KN_LIMIT_NONE, NULL },
    { "ipv6_ra_mode", KN_ATTR_NONE, KN_ATTR_POST, KN_LIMIT_NONE, NULL },
    { "ipv6_address_mode", KN_ATTR_NONE, KN_ATTR_POST, KN_LIMIT_NONE, NULL },
    { "id", KN_ATTR_NONE, 0, KN_LIMIT_NONE, NULL },
    { "created_at", KN_ATTR_NONE, 0, KN_LIMIT_NONE, NULL },
    { "updated_at", KN_ATTR_NONE, 0, KN_LIMIT_NONE, NULL },
    { NULL, KN_ATTR_NONE, 0, KN_LIMIT_NONE, NULL },
};

int kn_subnets_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_subnets, req, KN_REST_LIST, NULL, res, err);
}

int kn_subnets_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&kn_subnets, req, req->params[0], KN_REST_SHOW, res, err);
}

/* IPv6 is refused for what it is, before its addresses are refused for not being IPv4's. */
static int check_version(const json_t *object, struct kn_error *err)
{
    if (kn_attr_int(object, "ip_version", 4) == 6) {
        kn_fail(err, KN_BAD_REQUEST, "Invalid input for operation: this cloud has no IPv6 subnets yet, ip_version must be 4.");
        return kn_fail_name(err, "InvalidInput");
    }
    return 0;
}

static int create_one(struct kn_request *req, const json_t *object, struct kn_array *ids, struct kn_error *err)
{
    const struct kn_attr_ask ask = { "subnet", BODY, KN_ATTR_POST, req->caller.is_admin };
    AUTO_RELEASE(kn_subnet_plan) struct kn_subnet_plan plan = { .pools = NULL };
    struct kn_network_row network;
    char id[KN_UUID_SIZE];
    const char *project;

    if (check_version(object, err) < 0 || kn_attrs_check(&ask, object, err) < 0 ||
        kn_network_get_mine(req, kn_attr_text(object, "network_id", ""), "create_subnet", &network, err) < 0 ||
        kn_attr_project(object, req->caller.project_id, req->caller.is_admin, &project, err) < 0 ||
        kn_subnet_plan_lists(object, err) < 0 || kn_subnet_plan_create(object, &plan, err) < 0 ||
        kn_net_quota_check(req->db, project, KN_RES_SUBNET, 1, err) < 0 || kn_network_lock(req->db, network.id, err) < 0 ||
        kn_subnet_insert(req->db, network.id, project, object, &plan, id, err) < 0) {
        return -1;
    }
    kn_array_add(ids, id);
    return 0;
}

int kn_subnets_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_noun_create(req, &kn_subnets, create_one, res, err);
}

/* The row is read again under the lock: a plan on top of what somebody else just changed would lose that change. */
static int update(struct kn_request *req, const char *network_id, const json_t *object, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO_RELEASE(kn_subnet_row) struct kn_subnet_row row = { .is_mine = false };

    if (kn_tx_begin(&tx, req->db, err) < 0 || kn_network_lock(req->db, network_id, err) < 0 ||
        kn_subnet_get_mine(req, req->params[0], "update_subnet", &row, err) < 0 ||
        kn_subnet_plan_update(object, &row.plan, err) < 0 ||
        kn_subnet_update(req->db, &row, object, &row.plan, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}

int kn_subnets_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_attr_ask ask = { "subnet", BODY, KN_ATTR_PUT, req->caller.is_admin };
    AUTO_RELEASE(kn_subnet_row) struct kn_subnet_row row = { .is_mine = false };
    const json_t *object;

    if (kn_subnet_get_mine(req, req->params[0], "update_subnet", &row, err) < 0 ||
        kn_body_item(req->body, "subnet", &object, err) < 0 || kn_attrs_check(&ask, object, err) < 0 ||
        kn_subnet_plan_lists(object, err) < 0 || update(req, row.network_id, object, err) < 0) {
        return -1;
    }
    return kn_subnets_show(req, res, err);
}

int kn_subnets_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO_RELEASE(kn_subnet_row) struct kn_subnet_row row = { .is_mine = false };

    (void)res;
    if (kn_subnet_get_mine(req, req->params[0], "delete_subnet", &row, err) < 0 || kn_tx_begin(&tx, req->db, err) < 0 ||
        kn_network_lock(req->db, row.network_id, err) < 0 || kn_subnet_delete(req->db, row.id, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}
