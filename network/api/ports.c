/* SPDX-License-Identifier: Apache-2.0 */
/* ports.c: Neutron's ports over HTTP. Rows are ports.c's. */
#include "lib/base/uuid.h"
#include "network/address/ipam.h"
#include "network/api/nouns.h"
#include "network/rows/body.h"
#include "network/rows/networks.h"
#include "network/rows/ports.h"
#include "network/rows/quotas.h"

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "p.id", KN_REST_UUID, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("name", "p.name", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("network_id", "p.network_id", KN_REST_UUID, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("tenant_id", "p.project_id", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("project_id", "p.project_id", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("mac_address", "p.mac", KN_REST_MAC, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("admin_state_up", "p.admin_state_up", KN_REST_BOOL, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("status", "(CASE WHEN p.admin_state_up AND (p.host IS NOT NULL OR p.device_owner = 'network:dhcp') THEN 'ACTIVE' ELSE 'DOWN' END)",
                 KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("device_id", "p.device_id", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("device_owner", "p.device_owner", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("fixed_ips", "(SELECT coalesce(json_agg(json_build_object('subnet_id', a.subnet_id, 'ip_address', host(a.ip)) ORDER BY a.ip), '[]')"
      " FROM address a WHERE a.port_id = p.id)", KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("description", "p.description", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("created_at", "p.created_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("updated_at", "p.updated_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("binding:vnic_type", "'normal'::text", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER),
    KN_REST_ATTR("binding:host_id", "coalesce(p.host, '')", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND, .read = KN_NEUTRON_GET_PORT_HOST),
    KN_REST_ATTR("binding:vif_type", "(CASE WHEN p.host IS NULL THEN 'unbound' ELSE 'tap' END)",
                 KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER, .read = KN_NEUTRON_GET_PORT_VIF_TYPE),
    KN_REST_ATTR("binding:vif_details", "'{}'::text", KN_REST_JSON, KN_REST_SHOWN, .read = KN_NEUTRON_GET_PORT_VIF_DETAILS),
    KN_REST_ATTR("binding:profile", "'{}'::text", KN_REST_JSON, KN_REST_SHOWN, .read = KN_NEUTRON_GET_PORT_PROFILE),
    KN_REST_ATTRS_END,
};

/* fixed_ips=ip_address=10.0.0.5 and fixed_ips=subnet_id=…: any of the addresses, on any of the subnets. */
static int split_fixed_ip(const char *text, struct kn_array *ips, struct kn_array *subnets, struct kn_error *err)
{
    uint32_t ip;

    if (strncmp(text, "ip_address=", 11) == 0) {
        if (kn_ipv4_parse(text + 11, &ip)) {
            kn_array_add(ips, text + 11);
        }
        return 1;
    }
    if (strncmp(text, "subnet_id=", 10) == 0) {
        if (kn_uuid_valid(text + 10)) {
            kn_array_add(subnets, text + 10);
        }
        return 2;
    }
    return kn_fail(err, KN_BAD_REQUEST, "['fixed_ips=%.64s'] is invalid attribute for filtering", text);
}

static int add_fixed_ips(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ips = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array subnets = KN_ARRAY_INIT;
    int seen = 0, kind;
    const char *text;

    (void)a;
    (void)value;
    for (int i = 0; (text = kn_request_query_at(l->req, key, i)) != NULL; i++) {
        if ((kind = split_fixed_ip(text, &ips, &subnets, err)) < 0) {
            return -1;
        }
        seen |= kind;
    }
    kn_rest_text(&l->query, " AND EXISTS (SELECT 1 FROM address a WHERE a.port_id = p.id");
    if ((seen & 1) != 0) {
        kn_rest_add(&l->query, " AND a.ip = ANY(?::inet[])", kn_array_value(&ips));
    }
    if ((seen & 2) != 0) {
        kn_rest_add(&l->query, " AND a.subnet_id = ANY(?::uuid[])", kn_array_value(&subnets));
    }
    kn_rest_text(&l->query, ")");
    return 0;
}

static const struct kn_rest_param PARAMS[] = {
    KN_REST_PARAM("fixed_ips", add_fixed_ips),
    KN_REST_PARAMS_END,
};

const struct kn_rest_noun kn_ports = {
    .one = "port",
    .many = "ports",
    .path = "/ports",
    .label = "Port",
    .from = "port p",
    .id = "p.id",
    .id_type = KN_REST_UUID,
    .visible = "(p.project_id = ? OR EXISTS (SELECT 1 FROM network n WHERE n.id = p.network_id AND n.project_id = ?))",
    .order = "id",
    .ascending = true,
    .ties = "id",
    .attrs = ATTRS,
    .manners = &KN_REST_NEUTRON,
    .params = PARAMS,
};

static const struct kn_attr FIXED_IP[] = {
    { "subnet_id", KN_ATTR_UUID, KN_ATTR_BOTH, KN_LIMIT_NONE, NULL },
    { "ip_address", KN_ATTR_IPV4, KN_ATTR_BOTH, KN_LIMIT_NONE, NULL },
    { NULL, KN_ATTR_NONE, 0, KN_LIMIT_NONE, NULL },
};
static const struct kn_attr BODY[] = {
    { "network_id", KN_ATTR_UUID, KN_ATTR_POST | KN_ATTR_REQUIRED, KN_LIMIT_NONE, NULL },
    { "name", KN_ATTR_TEXT, KN_ATTR_BOTH, KN_LIMIT_NETWORK_NAME, NULL },
    { "description", KN_ATTR_TEXT, KN_ATTR_BOTH, KN_LIMIT_NETWORK_DESCRIPTION, NULL },
    { "admin_state_up", KN_ATTR_BOOL, KN_ATTR_BOTH, KN_LIMIT_NONE, NULL },
    { "mac_address", KN_ATTR_MAC, KN_ATTR_BOTH | KN_ATTR_NULL, KN_LIMIT_NONE, NULL },
    { "fixed_ips", KN_ATTR_LIST, KN_ATTR_BOTH | KN_ATTR_NULL, KN_LIMIT_NONE, FIXED_IP },
    { "device_id", KN_ATTR_TEXT, KN_ATTR_BOTH | KN_ATTR_NULL, KN_LIMIT_DEVICE_ID, NULL },
    { "device_owner", KN_ATTR_TEXT, KN_ATTR_BOTH | KN_ATTR_NULL, KN_LIMIT_DEVICE_OWNER, NULL },
    { "tenant_id", KN_ATTR_TEXT, KN_ATTR_POST, KN_LIMIT_TENANT, NULL },
    { "project_id", KN_ATTR_TEXT, KN_ATTR_POST, KN_LIMIT_TENANT, NULL },
    { "binding:vnic_type", KN_ATTR_TEXT, KN_ATTR_BOTH | KN_ATTR_NULL, KN_LIMIT_NETWORK_WORD, NULL },
    { "binding:profile", KN_ATTR_DICT, KN_ATTR_BOTH | KN_ATTR_NULL | KN_ATTR_ADMIN, KN_LIMIT_NONE, NULL },
    { "security_groups", KN_ATTR_EMPTY, KN_ATTR_BOTH, KN_LIMIT_NONE, NULL },
    { "id", KN_ATTR_NONE, 0, KN_LIMIT_NONE, NULL },
    { "status", KN_ATTR_NONE, 0, KN_LIMIT_NONE, NULL },
    { "created_at", KN_ATTR_NONE, 0, KN_LIMIT_NONE, NULL },
    { "updated_at", KN_ATTR_NONE, 0, KN_LIMIT_NONE, NULL },
    { "binding:host_id", KN_ATTR_NONE, 0, KN_LIMIT_NONE, NULL },
    { "binding:vif_type", KN_ATTR_NONE, 0, KN_LIMIT_NONE, NULL },
    { "binding:vif_details", KN_ATTR_NONE, 0, KN_LIMIT_NONE, NULL },
    { NULL, KN_ATTR_NONE, 0, KN_LIMIT_NONE, NULL },
};

int kn_ports_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_ports, req, KN_REST_LIST, NULL, res, err);
}

int kn_ports_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&kn_ports, req, req->params[0], KN_REST_SHOW, res, err);
}

/* On a network of somebody else nobody chooses MACs, addresses or the names of the network's own devices, nor changes what he was given. */
static int check_owner_only(const struct kn_request *req, const json_t *object, bool owns_network, unsigned method, struct kn_error *err)
{
    const char *verb = method == KN_ATTR_POST ? "create" : "update";
    const json_t *item;
    size_t i;

    /* Whoever owns the network names a MAC once; only administrators change one. */
    if (kn_attr_text(object, "mac_address", NULL) != NULL && !(method == KN_ATTR_POST ? owns_network : req->caller.is_admin)) {
        return kn_fail(err, KN_FORBIDDEN, "rule:%s_port:mac_address is disallowed by policy", verb);
    }
    if (owns_network) {
        return 0;
    }
    if (strncmp(kn_attr_text(object, "device_owner", ""), "network:", 8) == 0) {
        return kn_fail(err, KN_FORBIDDEN, "rule:%s_port:device_owner is disallowed by policy", verb);
    }
    if (method == KN_ATTR_PUT && kn_attr_has(object, "fixed_ips")) {
        return kn_fail(err, KN_FORBIDDEN, "rule:update_port:fixed_ips is disallowed by policy");
    }
    json_array_foreach (json_object_get(object, "fixed_ips"), i, item) {
        if (kn_attr_has(item, "ip_address")) {
            return kn_fail(err, KN_FORBIDDEN, "rule:%s_port:fixed_ips:ip_address is disallowed by policy", verb);
        }
    }
    return 0;
}

static int check(const struct kn_request *req, const json_t *object, unsigned method, struct kn_error *err)
{
    const struct kn_attr_ask ask = { "port", BODY, method, req->caller.is_admin };

    if (kn_attrs_check(&ask, object, err) < 0) {
        return -1;
    }
    if (strcmp(kn_attr_text(object, "binding:vnic_type", "normal"), "normal") != 0 ||
        json_object_size(json_object_get(object, "binding:profile")) > 0) {
        kn_fail(err, KN_BAD_REQUEST, "Invalid input for operation: ports here are of vnic_type normal and have no profile.");
        return kn_fail_name(err, "InvalidInput");
    }
    if (strcmp(kn_attr_text(object, "device_owner", ""), "network:dhcp") == 0) {
        kn_fail(err, KN_BAD_REQUEST, "Invalid input for operation: this cloud makes the ports of network:dhcp itself.");
        return kn_fail_name(err, "InvalidInput");
    }
    return 0;
}

static int create_one(struct kn_request *req, const json_t *object, struct kn_array *ids, struct kn_error *err)
{
    struct kn_network_row network;
    char id[KN_UUID_SIZE];
    const char *project;

    if (check(req, object, KN_ATTR_POST, err) < 0 ||
        kn_network_get(req, kn_attr_text(object, "network_id", ""), &network, err) < 0 ||
        check_owner_only(req, object, network.is_mine, KN_ATTR_POST, err) < 0 ||
        kn_attr_project(object, req->caller.project_id, req->caller.is_admin, &project, err) < 0 ||
        kn_net_quota_check(req->db, project, KN_RES_PORT, 1, err) < 0 ||
        kn_port_insert(req->db, &network, project, object, id, err) < 0) {
        return -1;
    }
    kn_array_add(ids, id);
    return 0;
}

int kn_ports_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_noun_create(req, &kn_ports, create_one, res, err);
}

/* Whoever owns the network sees the ports of others on it, and may delete them; they are not his to change. */
static int check_port_owner(const struct kn_port_row *port, struct kn_error *err)
{
    return port->is_mine ? 0 : kn_fail(err, KN_FORBIDDEN, "rule:update_port is disallowed by policy");
}

int kn_ports_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_port_row port;
    const json_t *object;

    if (kn_port_get(req, req->params[0], &port, err) < 0 || kn_body_item(req->body, "port", &object, err) < 0 ||
        check(req, object, KN_ATTR_PUT, err) < 0 || check_port_owner(&port, err) < 0 || check_owner_only(req, object, port.owns_network, KN_ATTR_PUT, err) < 0 ||
        kn_tx_begin(&tx, req->db, err) < 0 || kn_port_update(req->db, &port, object, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    return kn_ports_show(req, res, err);
}

int kn_ports_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_port_row port;

    (void)res;
    if (kn_port_get(req, req->params[0], &port, err) < 0 || kn_tx_begin(&tx, req->db, err) < 0 ||
        kn_port_delete(req->db, &port, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}
