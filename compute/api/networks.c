/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nova's old proxies for networks, os-networks and os-tenant-networks, until 2.35: what a project may plug its servers into, by name. All else that nova-network said of a
 * network its subnets say now, so it is null, as Nova has it. The rows are network/'s.
 */
#include "compute/api.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "network/api.h"

#define NOTHING(name) KN_REST_ATTR(name, "NULL", KN_REST_TEXT, KN_REST_SHOWN)
#define ADMINS(name) KN_REST_ATTR(name, "NULL", KN_REST_TEXT, KN_REST_SHOWN, .read = KN_NOVA_NETWORKS_ALL)

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "n.id", KN_REST_UUID, KN_REST_SHOWN),
    KN_REST_ATTR("label", "n.name", KN_REST_TEXT, KN_REST_SHOWN),
    NOTHING("cidr"),
    NOTHING("netmask"),
    NOTHING("gateway"),
    NOTHING("broadcast"),
    NOTHING("dns1"),
    NOTHING("dns2"),
    NOTHING("cidr_v6"),
    NOTHING("gateway_v6"),
    NOTHING("netmask_v6"),
    KN_REST_ATTR("project_id", "n.project_id", KN_REST_TEXT, KN_REST_SHOWN, .read = KN_NOVA_NETWORKS_ALL),
    KN_REST_ATTR("mtu", "n.mtu", KN_REST_INT, KN_REST_SHOWN, .read = KN_NOVA_NETWORKS_ALL),
    ADMINS("created_at"),
    ADMINS("updated_at"),
    ADMINS("deleted_at"),
    ADMINS("deleted"),
    ADMINS("injected"),
    ADMINS("bridge"),
    ADMINS("vlan"),
    ADMINS("vpn_public_address"),
    ADMINS("vpn_public_port"),
    ADMINS("vpn_private_address"),
    ADMINS("dhcp_start"),
    ADMINS("host"),
    ADMINS("bridge_interface"),
    ADMINS("multi_host"),
    ADMINS("priority"),
    ADMINS("rxtx_base"),
    ADMINS("dhcp_server"),
    ADMINS("enable_dhcp"),
    ADMINS("share_address"),
    KN_REST_ATTRS_END,
};
/* Python's word for nothing, as text. */
static const struct kn_rest_attr TENANT_ATTRS[] = {
    KN_REST_ATTR("id", "n.id", KN_REST_UUID, KN_REST_SHOWN),
    KN_REST_ATTR("cidr", "'None'", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("label", "n.name", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTRS_END,
};
#define NETWORK(its_attrs, words) \
    { \
        .one = "network", .many = "networks", .label = "Network", .absent = words, .from = "network n", .id = "n.id", \
        .id_type = KN_REST_UUID, .visible = KN_NETWORK_VISIBLE("n", KN_NETWORK_SHARED_OR_EXTERNAL), .order = "id", \
        .ties = "id", .unsorted = true, .pages_since = KN_REST_NEVER, .attrs = its_attrs, .manners = &KN_REST_NOVA \
    }
static const struct kn_rest_noun NETWORKS = NETWORK(ATTRS, "Network not found.");
static const struct kn_rest_noun TENANT_NETWORKS = NETWORK(TENANT_ATTRS, "Network not found");

int kn_compute_networks_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&NETWORKS, req, KN_REST_LIST, NULL, res, err);
}

int kn_compute_networks_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&NETWORKS, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_compute_tenant_networks_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&TENANT_NETWORKS, req, KN_REST_LIST, NULL, res, err);
}

int kn_compute_tenant_networks_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&TENANT_NETWORKS, req, req->params[0], KN_REST_SHOW, res, err);
}
