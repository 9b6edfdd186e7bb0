/* SPDX-License-Identifier: Apache-2.0 */
/* networks.c: Neutron's networks over HTTP: what a body may say, who may do it, in which transaction. Rows are networks.c's. */
#include "network/api/nouns.h"

#include "network/rows/body.h"
#include "network/rows/networks.h"
#include "network/rows/quotas.h"

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "n.id", KN_REST_UUID, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("name", "n.name", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("tenant_id", "n.project_id", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("project_id", "n.project_id", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("admin_state_up", "n.admin_state_up", KN_REST_BOOL, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("mtu", "n.mtu", KN_REST_INT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("status", "(CASE WHEN n.admin_state_up THEN 'ACTIVE' ELSE 'DOWN' END)", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("subnets", "(SELECT coalesce(json_agg(s.id ORDER BY s.created_at, s.id), '[]') FROM subnet s WHERE s.network_id = n.id)",
                 KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("shared", "n.shared", KN_REST_BOOL, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("router:external", "false", KN_REST_BOOL, KN_REST_SHOWN | KN_REST_FILTER), /* none is, before there are routers */
    KN_REST_ATTR("is_default", "false", KN_REST_BOOL, KN_REST_SHOWN | KN_REST_FILTER),
    KN_REST_ATTR("description", "n.description", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("created_at", "n.created_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("updated_at", "n.updated_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("provider:network_type", "'vxlan'::text", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER, .read = KN_NEUTRON_GET_NETWORK_TYPE),
    KN_REST_ATTR("provider:physical_network", "NULL::text", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER, .read = KN_NEUTRON_GET_NETWORK_PHYSICAL),
    KN_REST_ATTR("provider:segmentation_id", "n.vni", KN_REST_INT, KN_REST_SHOWN | KN_REST_FIND, .read = KN_NEUTRON_GET_NETWORK_SEGMENT),
    KN_REST_ATTRS_END,
};

const struct kn_rest_noun kn_networks = {
    .one = "network",
    .many = "networks",
    .path = "/networks",
    .label = "Network",
    .from = "network n",
    .id = "n.id",
    .id_type = KN_REST_UUID,
    .visible = "(n.project_id = ? OR n.shared)",
    .order = "id",
    .ascending = true,
    .ties = "id",
    .attrs = ATTRS,
    .manners = &KN_REST_NEUTRON,
};

static const struct kn_attr BODY[] = {
    { "name", KN_ATTR_TEXT, KN_ATTR_BOTH, KN_LIMIT_NETWORK_NAME, NULL },
    { "description", KN_ATTR_TEXT, KN_ATTR_BOTH, KN_LIMIT_NETWORK_DESCRIPTION, NULL },
    { "admin_state_up", KN_ATTR_BOOL, KN_ATTR_BOTH, KN_LIMIT_NONE, NULL },
    { "shared", KN_ATTR_BOOL, KN_ATTR_BOTH | KN_ATTR_ADMIN, KN_LIMIT_NONE, NULL },
    { "router:external", KN_ATTR_FALSE, KN_ATTR_BOTH, KN_LIMIT_NONE, NULL },
    { "is_default", KN_ATTR_FALSE, KN_ATTR_BOTH, KN_LIMIT_NONE, NULL },
    { "mtu", KN_ATTR_INT, KN_ATTR_BOTH, KN_LIMIT_MTU, NULL },
    { "tenant_id", KN_ATTR_TEXT, KN_ATTR_POST, KN_LIMIT_TENANT, NULL },
    { "project_id", KN_ATTR_TEXT, KN_ATTR_POST, KN_LIMIT_TENANT, NULL },
    { "provider:network_type", KN_ATTR_TEXT, KN_ATTR_POST | KN_ATTR_ADMIN | KN_ATTR_NULL, KN_LIMIT_NETWORK_WORD, NULL },
    { "provider:segmentation_id", KN_ATTR_INT, KN_ATTR_POST | KN_ATTR_ADMIN | KN_ATTR_NULL, KN_LIMIT_VNI, NULL },
    { "provider:physical_network", KN_ATTR_NONE, KN_ATTR_POST | KN_ATTR_ADMIN, KN_LIMIT_NONE, NULL },
    { "id", KN_ATTR_NONE, 0, KN_LIMIT_NONE, NULL },
    { "status", KN_ATTR_NONE, 0, KN_LIMIT_NONE, NULL },
    { "subnets", KN_ATTR_NONE, 0, KN_LIMIT_NONE, NULL },
    { "created_at", KN_ATTR_NONE, 0, KN_LIMIT_NONE, NULL },
    { "updated_at", KN_ATTR_NONE, 0, KN_LIMIT_NONE, NULL },
    { NULL, KN_ATTR_NONE, 0, KN_LIMIT_NONE, NULL },
};

int kn_networks_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_networks, req, KN_REST_LIST, NULL, res, err);
}

int kn_networks_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&kn_networks, req, req->params[0], KN_REST_SHOW, res, err);
}

static int check_create(const struct kn_request *req, const json_t *object, struct kn_error *err)
{
    const struct kn_attr_ask ask = { "network", BODY, KN_ATTR_POST, req->caller.is_admin };
    const char *type = kn_attr_text(object, "provider:network_type", NULL);

    if (kn_attrs_check(&ask, object, err) < 0) {
        return -1;
    }
    if (type != NULL && strcmp(type, "vxlan") != 0) {
        kn_fail(err, KN_BAD_REQUEST, "Invalid input for operation: network_type %s is not supported, this cloud has vxlan.", type);
        return kn_fail_name(err, "InvalidInput");
    }
    return 0;
}

static int create_one(struct kn_request *req, const json_t *object, struct kn_array *ids, struct kn_error *err)
{
    char id[KN_UUID_SIZE];
    const char *project;

    if (check_create(req, object, err) < 0 ||
        kn_attr_project(object, req->caller.project_id, req->caller.is_admin, &project, err) < 0 ||
        kn_net_quota_check(req->db, project, KN_RES_NETWORK, 1, err) < 0 ||
        kn_network_insert(req->db, req->conf->network_vni_first, project, object, id, err) < 0) {
        return -1;
    }
    kn_array_add(ids, id);
    return 0;
}

int kn_networks_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_noun_create(req, &kn_networks, create_one, res, err);
}

int kn_networks_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_attr_ask ask = { "network", BODY, KN_ATTR_PUT, req->caller.is_admin };
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_network_row network;
    const json_t *object;

    if (kn_network_get_mine(req, req->params[0], "update_network", &network, err) < 0 ||
        kn_body_item(req->body, "network", &object, err) < 0 || kn_attrs_check(&ask, object, err) < 0 ||
        kn_tx_begin(&tx, req->db, err) < 0 || kn_network_update(req->db, &network, object, err) < 0 ||
        kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    return kn_networks_show(req, res, err);
}

int kn_networks_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_network_row network;

    (void)res;
    if (kn_network_get_mine(req, req->params[0], "delete_network", &network, err) < 0 ||
        kn_tx_begin(&tx, req->db, err) < 0 || kn_network_delete(req->db, network.id, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}
