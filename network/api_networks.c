/* SPDX-License-Identifier: Apache-2.0 */
/* api_networks.c: Neutron's networks over HTTP: what a body may say, who may do it, in which transaction. Rows are networks.c's. */
#include "network/api_nouns.h"

#include "network/api_body.h"
#include "network/networks.h"
#include "network/quotas.h"

static const struct kn_column COLUMNS[] = {
    { "id", "n.id", KN_COLUMN_TEXT, KN_COLUMN_BASIC, "uuid" },
    { "name", "n.name", KN_COLUMN_TEXT, KN_COLUMN_BASIC, "text" },
    { "tenant_id", "n.project_id", KN_COLUMN_TEXT, KN_COLUMN_BASIC, "text" },
    { "project_id", "n.project_id", KN_COLUMN_TEXT, KN_COLUMN_BASIC, "text" },
    { "admin_state_up", "n.admin_state_up", KN_COLUMN_BOOL, KN_COLUMN_BASIC, "boolean" },
    { "mtu", "n.mtu", KN_COLUMN_INT, KN_COLUMN_BASIC, "integer" },
    { "status", "(CASE WHEN n.admin_state_up THEN 'ACTIVE' ELSE 'DOWN' END)", KN_COLUMN_TEXT, KN_COLUMN_BASIC, "text" },
    { "subnets", "(SELECT coalesce(json_agg(s.id ORDER BY s.created_at, s.id), '[]') FROM subnet s WHERE s.network_id = n.id)",
      KN_COLUMN_JSON, 0, NULL },
    { "shared", "n.shared", KN_COLUMN_BOOL, KN_COLUMN_BASIC, "boolean" },
    { "router:external", "false", KN_COLUMN_BOOL, KN_COLUMN_FILTER, "boolean" }, /* none is, before there are routers */
    { "is_default", "false", KN_COLUMN_BOOL, KN_COLUMN_FILTER, "boolean" },
    { "description", "n.description", KN_COLUMN_TEXT, KN_COLUMN_BASIC, "text" },
    { "created_at", KN_ISO_TIME("n.created_at"), KN_COLUMN_TEXT, KN_COLUMN_SORT, NULL },
    { "updated_at", KN_ISO_TIME("n.updated_at"), KN_COLUMN_TEXT, KN_COLUMN_SORT, NULL },
    { "provider:network_type", "'vxlan'::text", KN_COLUMN_TEXT, KN_COLUMN_FILTER | KN_COLUMN_ADMIN, "text" },
    { "provider:physical_network", "NULL::text", KN_COLUMN_TEXT, KN_COLUMN_FILTER | KN_COLUMN_ADMIN, "text" },
    { "provider:segmentation_id", "n.vni", KN_COLUMN_INT, KN_COLUMN_BASIC | KN_COLUMN_ADMIN, "integer" },
    { NULL, NULL, KN_COLUMN_TEXT, 0, NULL },
};

const struct kn_collection kn_networks = {
    .noun = "network",
    .plural = "networks",
    .label = "Network",
    .from = "network n",
    .id = "n.id",
    .visible = "(n.project_id = $1 OR n.shared)",
    .columns = COLUMNS,
};

static const struct kn_attr ATTRS[] = {
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
    return kn_collection_list(&kn_networks, req, res, err);
}

int kn_networks_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_collection_show(&kn_networks, req, req->params[0], res, err);
}

static int check_create(const struct kn_request *req, const json_t *object, struct kn_error *err)
{
    const struct kn_attr_ask ask = { "network", ATTRS, KN_ATTR_POST, req->caller.is_admin };
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
    const struct kn_attr_ask ask = { "network", ATTRS, KN_ATTR_PUT, req->caller.is_admin };
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
