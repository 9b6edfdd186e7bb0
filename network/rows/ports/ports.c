/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports.c: ports as a table, and their rules, for people; allocate.c makes those of servers. A port that lives on a host is a server's: what
 * its guest could not follow is refused here.
 */
#include <string.h>

#include "lib/base/convoy.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/address/mac.h"
#include "network/rows/change.h"
#include "network/rows/networks.h"
#include "network/rows/ports/nic.h"
#include "network/rows/ports/plan.h"
#include "network/rows/ports/addresses.h"
#include "network/rows/ports/extras.h"
#include "network/rows/groups/port_guard.h"
#include "network/rows/groups/shown.h"
#include "network/rows/ports/insert.h"
#include "network/rows/qos.h"
#include "network/rows/l3/routers.h"
#include "network/rows/ports/server_nics.h"
#include "network/rows/shared.h"
#include "network/rows/standard.h"
#include "network/rows/ports/topology.h"

#define OWN_PORTS "network:dhcp" /* the device_owner of the ports that this cloud makes for itself */
#define HELD "(b.host IS NOT NULL OR p.nic IS NOT NULL OR p.device_owner = '" OWN_PORTS "')"
#define FIND (KN_REST_SHOWN | KN_REST_FIND)

/* What it is called in DNS, and by which names its addresses are found there. */
#define NAMED(what) \
    "(SELECT " what \
    " FROM network n LEFT JOIN server s ON s.id = CASE WHEN p.nic IS NOT NULL AND length(p.device_id) = 36 THEN p.device_id::uuid END" \
    " WHERE n.id = p.network_id)"
#define PORT_NAME KN_PORT_NAME("p", "s")
#define NAME_OF_ADDRESS "coalesce(nullif(" PORT_NAME ", ''), 'host-' || translate(host(a.ip), '.:', '--'))"
#define ASSIGNMENT \
    "(SELECT coalesce(json_agg(json_build_object('ip_address', host(a.ip), 'hostname', " NAME_OF_ADDRESS \
    ", 'fqdn', CASE WHEN " PORT_NAME " LIKE '%.' THEN " PORT_NAME " ELSE " NAME_OF_ADDRESS \
    " || '.' || coalesce(nullif(n.dns_domain, ''), '" KN_NETWORK_DOMAIN \
    "') END) ORDER BY a.ip), '[]') FROM address a WHERE a.port_id = p.id)"

static bool ports_is_ip(const char *text)
{
    struct kn_ip ip;

    return kn_ip_parse(text, &ip);
}

static bool ports_is_mac(const char *text)
{
    uint8_t mac[6];

    return kn_network_mac_read(text, mac) && memcmp(mac, KN_DOOR_MAC, sizeof(mac)) != 0;
}

static const struct kn_text_rule IP = { ports_is_ip, "is not a valid IP address", false };
static const struct kn_text_rule MAC = { ports_is_mac, "is not a valid MAC address", false };
static const char *const VNIC_TYPES[] = { "normal", NULL };
static const struct kn_schema FIXED_IP[] = {
    KN_SCHEMA("subnet_id", KN_IS_STRING, .rule = &KN_NEUTRON_UUID),
    KN_SCHEMA("ip_address", KN_IS_STRING, .rule = &IP),
    KN_SCHEMA_END,
};
static const struct kn_schema GROUP[] = { KN_SCHEMA("security_groups", KN_IS_STRING, .rule = &KN_NEUTRON_UUID),
                                          KN_SCHEMA_END };
static const struct kn_schema FIXED_IPS[] = { KN_SCHEMA("fixed_ips", KN_IS_OBJECT, .inner = FIXED_IP), KN_SCHEMA_END };

/* clang-format off */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "p.id", KN_REST_UUID, FIND),
    KN_REST_ATTR("name", "p.name", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "name", .limit = KN_LIMIT_NETWORK_NAME, .rule = &KN_NEUTRON_NAME),
    KN_REST_ATTR("network_id", "p.network_id", KN_REST_UUID, FIND | KN_REST_POST | KN_REST_REQUIRED, .rule = &KN_NEUTRON_UUID),
    KN_REST_ATTR("tenant_id", "p.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("project_id", "p.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("mac_address", "p.mac", KN_REST_MAC, FIND | KN_REST_WRITE, .column = "mac", .rule = &MAC),
    KN_REST_ATTR("admin_state_up", "p.admin_state_up", KN_REST_BOOL, FIND | KN_REST_WRITE, .column = "admin_state_up"),
    KN_REST_ATTR("status", "(CASE WHEN p.device_owner = '" KN_FLOATING_PORT "' THEN 'N/A' WHEN " KN_PORT_IS_UP("p") " AND (b.host IS NOT NULL OR p.device_owner = 'network:dhcp') THEN 'ACTIVE' ELSE 'DOWN' END)",
                 KN_REST_TEXT, FIND),
    KN_REST_ATTR("device_id", "p.device_id", KN_REST_TEXT, FIND | KN_REST_WRITE | KN_REST_NULL_IS_NOTHING, .column = "device_id",
                 .limit = KN_LIMIT_DEVICE_ID),
    KN_REST_ATTR("device_owner", "p.device_owner", KN_REST_TEXT, FIND | KN_REST_WRITE | KN_REST_NULL_IS_NOTHING, .column = "device_owner",
                 .limit = KN_LIMIT_DEVICE_OWNER),
    KN_REST_ATTR("fixed_ips", "(SELECT coalesce(json_agg(json_build_object('subnet_id', a.subnet_id, 'ip_address', host(a.ip)) ORDER BY a.ip), '[]')"
      " FROM address a WHERE a.port_id = p.id)", KN_REST_JSON, KN_REST_SHOWN | KN_REST_WRITE | KN_REST_NULL_IS_NOTHING,
                 .inner_shape = KN_IS_LIST, .inner = FIXED_IPS),
    KN_REST_ATTR("description", "p.description", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "description", .limit = KN_LIMIT_NETWORK_DESCRIPTION),
    KN_NETWORK_TIMES("p"),
    KN_NETWORK_TAGS("p", | KN_REST_POST | KN_REST_ELSEWHERE),
    KN_REST_ATTR("binding:vnic_type", "'normal'::text", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER | KN_REST_WRITE | KN_REST_NULL_IS_NOTHING,
                 .words = VNIC_TYPES),
    KN_REST_ATTR("binding:host_id", "coalesce(b.host, p.host_asked)", KN_REST_TEXT, FIND | KN_REST_WRITE | KN_REST_CLEAR, .column = "host_asked",
                 .limit = KN_LIMIT_PORT_HOST, .read = KN_NEUTRON_GET_PORT_HOST, .post = KN_NEUTRON_CREATE_PORT_HOST,
                 .put = KN_NEUTRON_UPDATE_PORT_HOST),
    KN_REST_ATTR("binding:vif_type", "(CASE WHEN b.host IS NULL THEN 'unbound' ELSE 'tap' END)", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER,
                 .read = KN_NEUTRON_GET_PORT_VIF_TYPE),
    KN_REST_ATTR("binding:vif_details", "'{}'::text", KN_REST_JSON, KN_REST_SHOWN, .read = KN_NEUTRON_GET_PORT_VIF_DETAILS),
    KN_REST_ATTR("binding:profile", "p.profile", KN_REST_JSON, KN_REST_SHOWN | KN_REST_WRITE | KN_REST_NULL, .column = "profile",
                 .inner_shape = KN_IS_OBJECT, .read = KN_NEUTRON_GET_PORT_PROFILE, .post = KN_NEUTRON_CREATE_PORT_PROFILE,
                 .put = KN_NEUTRON_UPDATE_PORT_PROFILE),
    KN_REST_ATTR("extra_dhcp_opts", "p.dhcp_options", KN_REST_JSON, KN_REST_SHOWN | KN_REST_WRITE | KN_REST_NULL_IS_NOTHING, .column = "dhcp_options",
                 .inner_shape = KN_IS_LIST, .inner = kn_network_dhcp_opts),
    KN_REST_ATTR("dns_name", NAMED(PORT_NAME), KN_REST_TEXT, KN_REST_SHOWN | KN_REST_WRITE | KN_REST_NULL_IS_NOTHING, .column = "dns_name",
                 .limit = KN_LIMIT_DNS_NAME, .rule = &kn_network_dns_name),
    KN_REST_ATTR("dns_assignment", NAMED(ASSIGNMENT), KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("held", HELD, KN_REST_BOOL, 0), /* for us alone, as what no view shows */
    KN_REST_ATTR("nic", "p.nic IS NOT NULL", KN_REST_BOOL, 0),
    KN_REST_ATTR("security_groups", "(SELECT coalesce(array_agg(g.group_id ORDER BY g.group_id), '{}') FROM port_security_group g WHERE g.port_id = p.id)",
                 KN_REST_TAGS, KN_REST_SHOWN | KN_REST_WRITE | KN_REST_NULL, .inner = GROUP),
    KN_REST_ATTR("port_security_enabled", "p.port_security", KN_REST_BOOL, FIND | KN_REST_WRITE, .column = "port_security"),
    KN_REST_ATTR("qos_policy_id", "p.qos_policy_id", KN_REST_UUID, KN_REST_SHOWN | KN_REST_FILTER | KN_REST_WRITE | KN_REST_NULL, .column = "qos_policy_id",
                 .rule = &KN_NEUTRON_UUID),
    KN_REST_ATTR("qos_network_policy_id", "(SELECT n.qos_policy_id FROM network n WHERE n.id = p.network_id)", KN_REST_UUID,
                 KN_REST_SHOWN | KN_REST_FILTER | KN_REST_NULL),
    KN_REST_ATTR("allowed_address_pairs", "p.allowed_pairs", KN_REST_JSON, KN_REST_SHOWN | KN_REST_WRITE | KN_REST_NULL, .column = "allowed_pairs"),
    KN_REST_ATTRS_END,
};
/* clang-format on */

/* fixed_ips=ip_address=10.0.0.5 and fixed_ips=subnet_id=…: any of the addresses, on any of the subnets. */
struct fixed_ips_asked {
    struct kn_array ips, subnets, parts;
    bool by_ip, by_subnet, by_part;
};

static int split_fixed_ip(const char *text, struct fixed_ips_asked *asked, struct kn_error *err)
{
    struct kn_ip ip;

    if (strncmp(text, "ip_address=", 11) == 0) {
        asked->by_ip = true;
        if (kn_ip_parse(text + 11, &ip)) {
            kn_array_add(&asked->ips, text + 11);
        }
        return 0;
    }
    if (strncmp(text, "subnet_id=", 10) == 0) {
        asked->by_subnet = true;
        if (kn_uuid_valid(text + 10)) {
            kn_array_add(&asked->subnets, text + 10);
        }
        return 0;
    }
    if (strncmp(text, "ip_address_substr=", 18) == 0) {
        asked->by_part = true;
        kn_array_add(&asked->parts, text + 18);
        return 0;
    }
    return kn_fail(err, KN_BAD_REQUEST, "['fixed_ips=%.64s'] is invalid attribute for filtering", text);
}

static int add_fixed_ips(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                         struct kn_error *err)
{
    struct fixed_ips_asked asked = { KN_ARRAY_INIT, KN_ARRAY_INIT, KN_ARRAY_INIT, false, false, false };
    const char *text;
    int rc = 0;

    (void)a;
    (void)value;
    for (int i = 0; rc == 0 && (text = kn_request_query_at(l->req, key, i)) != NULL; i++) {
        rc = split_fixed_ip(text, &asked, err);
    }
    kn_rest_text(&l->query, " AND EXISTS (SELECT 1 FROM address a WHERE a.port_id = p.id");
    if (asked.by_ip) {
        kn_rest_add(&l->query, " AND a.ip = ANY(?::inet[])", kn_array_value(&asked.ips));
    }
    if (asked.by_subnet) {
        kn_rest_add(&l->query, " AND a.subnet_id = ANY(?::uuid[])", kn_array_value(&asked.subnets));
    }
    if (asked.by_part) {
        kn_rest_add(&l->query,
                    " AND EXISTS (SELECT 1 FROM unnest(?::text[]) part WHERE position(part IN host(a.ip)) > 0)",
                    kn_array_value(&asked.parts));
    }
    kn_rest_text(&l->query, ")");
    kn_array_release(&asked.ips);
    kn_array_release(&asked.subnets);
    kn_array_release(&asked.parts);
    return rc;
}

/* security_groups=…: any of them. */
static int ports_add_groups(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                            struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array groups = KN_ARRAY_INIT;
    const char *text;

    (void)a;
    (void)value;
    (void)err;
    for (int i = 0; (text = kn_request_query_at(l->req, key, i)) != NULL; i++) {
        if (kn_uuid_valid(text)) {
            kn_array_add(&groups, text);
        }
    }
    kn_rest_add(
        &l->query,
        " AND EXISTS (SELECT 1 FROM port_security_group g WHERE g.port_id = p.id AND g.group_id = ANY(?::uuid[]))",
        kn_array_value(&groups));
    return 0;
}

static const struct kn_rest_param PARAMS[] = {
    KN_NETWORK_STANDARD_PARAMS("p"),
    KN_REST_PARAM("fixed_ips", add_fixed_ips),
    KN_REST_PARAM("security_groups", ports_add_groups),
    KN_REST_PARAMS_END,
};

/* --- who may say what --------------------------------------------------------------------------------------------- */

/* As this house writes them. */
static void settle_mac(json_t *object)
{
    uint8_t mac[6];
    char text[KN_MAC_TEXT];

    if (kn_network_mac_read(kn_schema_text(object, "mac_address", NULL), mac)) {
        kn_network_mac_text(mac, text);
        json_object_set_new(object, "mac_address", json_string(text));
    }
}

static int ports_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    json_t *pair;
    size_t i;

    (void)req;
    if (strcmp(kn_schema_text(object, "device_owner", ""), OWN_PORTS) == 0) {
        kn_fail(err, KN_BAD_REQUEST,
                "Invalid input for operation: this cloud makes the ports of " OWN_PORTS " itself.");
        return kn_fail_name(err, "InvalidInput");
    }
    if (kn_network_extras_check(object, err) < 0 || kn_network_guard_check(object, err) < 0) {
        return -1;
    }
    settle_mac(object);
    json_array_foreach (json_object_get(object, "allowed_address_pairs"), i, pair) {
        settle_mac(pair);
    }
    return 0;
}

/* owns: the network, whose owner is meant where the rule grants something to one. */
static int check_said(const struct kn_request *req, enum kn_rule rule, bool is_said, bool owns, struct kn_error *err)
{
    const struct kn_target mine = { .project_id = req->caller.project_id };

    return is_said ? kn_policy_check(rule, &req->caller, owns ? &mine : NULL, err) : 0;
}

/* On a network of somebody else nobody chooses MACs, addresses or the names of the network's own devices, nor changes what he was given. */
static int check_owner_only(const struct kn_request *req, const json_t *object, bool owns, bool is_new,
                            struct kn_error *err)
{
    const json_t *ips = json_object_get(object, "fixed_ips"), *item;
    const bool names_mac = json_object_get(object, "mac_address") != NULL;
    const bool names_own_device = strncmp(kn_schema_text(object, "device_owner", ""), "network:", 8) == 0;
    bool names_address = false;
    size_t i;

    json_array_foreach (ips, i, item) {
        names_address |= json_object_get(item, "ip_address") != NULL;
    }
    return check_said(req, is_new ? KN_NEUTRON_CREATE_PORT_MAC : KN_NEUTRON_UPDATE_PORT_MAC, names_mac, owns, err) <
                       0 ||
                   check_said(req, is_new ? KN_NEUTRON_CREATE_PORT_DEVICE_OWNER : KN_NEUTRON_UPDATE_PORT_DEVICE_OWNER,
                              names_own_device, owns, err) < 0 ||
                   check_said(req, KN_NEUTRON_UPDATE_PORT_ADDRESSES, !is_new && ips != NULL, owns, err) < 0 ||
                   check_said(req, KN_NEUTRON_CREATE_PORT_ADDRESS, is_new && names_address, owns, err) < 0 ||
                   check_said(req, is_new ? KN_NEUTRON_CREATE_PORT_SECURITY : KN_NEUTRON_UPDATE_PORT_SECURITY,
                              json_object_get(object, "port_security_enabled") != NULL, owns, err) < 0 ||
                   check_said(req, is_new ? KN_NEUTRON_CREATE_PORT_PAIRS : KN_NEUTRON_UPDATE_PORT_PAIRS,
                              json_object_get(object, "allowed_address_pairs") != NULL, owns, err) < 0
               ? -1
               : 0;
}

static int decide_new(struct kn_request *req, const json_t *object, struct kn_error *err)
{
    const char *project;
    bool owns_network = false;

    return kn_network_use(&kn_network_networks, req, kn_schema_text(object, "network_id", ""), &owns_network, err) <
                       0 ||
                   check_owner_only(req, object, owns_network, true, err) < 0 ||
                   kn_network_qos_check(req, object, err) < 0 ||
                   kn_rest_owner(&kn_network_ports, req, object, &project, err) < 0
               ? -1
               : 0;
}

static int load_network(struct kn_db *db, const char *id, struct kn_network_topology *topology, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;

    kn_array_add(&ids, id);
    if (kn_network_topology_load(db, &ids, true, topology, err) < 0) {
        return -1;
    }
    return kn_network_topology_network(topology, id) != NULL ? 0 : kn_rest_not_found(&kn_network_networks, id, err);
}

/* --- changes and deletion ----------------------------------------------------------------------------------------- */

static bool is_set(const struct kn_rows *now, const char *name)
{
    return strcmp(kn_rest_was(&kn_network_ports, now, name), "t") == 0;
}

static int ports_fail_in_use(const char *id, const struct kn_rows *now, struct kn_error *err)
{
    kn_fail(err, KN_CONFLICT,
            "Unable to complete operation on port %s for network %s. Port already has an attached device %s.", id,
            kn_rest_was(&kn_network_ports, now, "network_id"), kn_rest_was(&kn_network_ports, now, "device_id"));
    return kn_fail_name(err, "PortInUse");
}

static bool says_other_text(const json_t *object, const char *name, const char *now)
{
    return strcmp(kn_schema_text(object, name, now), now) != 0;
}

static bool says_other_mac(const json_t *object, const char *now)
{
    uint8_t said[6], has[6];

    return kn_network_mac_parse(kn_schema_text(object, "mac_address", now), said) && kn_network_mac_parse(now, has) &&
           memcmp(said, has, sizeof(has)) != 0;
}

/* What the guest of the server that holds the port has: its host could not follow. Saying again what is so is no change. */
static bool concerns_guest(const json_t *object, const struct kn_rows *now)
{
    return says_other_text(object, "device_id", kn_rest_was(&kn_network_ports, now, "device_id")) ||
           says_other_text(object, "device_owner", kn_rest_was(&kn_network_ports, now, "device_owner")) ||
           says_other_mac(object, kn_rest_was(&kn_network_ports, now, "mac_address"));
}

/* Where it is bound follows from what it is plugged into; saying that again is no change. Of a free port it is what he would like. */
static bool moves_held(json_t *object, const struct kn_rows *now)
{
    const json_t *host = json_object_get(object, "binding:host_id");
    const bool moves = host != NULL && strcmp(json_is_string(host) ? json_string_value(host) : "",
                                              kn_rest_was(&kn_network_ports, now, "binding:host_id")) != 0;

    json_object_del(object, "binding:host_id");
    return moves;
}

/* A new list of addresses, and what follows from a new MAC; those that stay are not drawn again. */
static int replace_addresses(struct kn_request *req, const char *id, const struct kn_rows *now, const json_t *object,
                             struct kn_error *err)
{
    AUTO_RELEASE(kn_network_topology) struct kn_network_topology topology = { NULL, NULL };
    AUTO_RELEASE(kn_network_draw) struct kn_network_draw draw = KN_NETWORK_DRAW_INIT;
    AUTO_RELEASE(kn_network_plan) struct kn_network_plan plan;
    AUTO(kn_rows) struct kn_rows *kept = NULL;
    const char *network_id = kn_rest_was(&kn_network_ports, now, "network_id");

    kn_network_plan_init(&plan);
    if (load_network(req->db, network_id, &topology, err) < 0 || kn_network_port_has(req->db, id, &kept, err) < 0) {
        return -1;
    }
    const struct kn_network_port_wish wish = {
        kn_network_topology_network(&topology, network_id),
        kn_schema_text(object, "device_owner", kn_rest_was(&kn_network_ports, now, "device_owner")),
        kn_schema_text(object, "mac_address", kn_rest_was(&kn_network_ports, now, "mac_address")),
        json_object_get(object, "fixed_ips"), kept
    };

    if (kn_network_port_draw(req->db, &wish, &draw, err) < 0) {
        return -1;
    }
    if (!kn_network_port_differs(&wish, &draw)) {
        return 0;
    }
    if (strcmp(wish.device_owner, OWN_PORTS) == 0) { /* each host that carries the network answers there */
        return ports_fail_in_use(id, now, err);
    }
    kn_network_plan_addresses(&plan, id, &draw);
    return kn_network_change(req->db, KN_CHANGED_PORT, id, err) < 0 ||
                   kn_network_port_forget(req->db, id, &draw, err) < 0
               ? -1
               : kn_network_plan_write(req->db, &plan, err);
}

/* He may have been given a port on a network that he does not even see. */
static int ask_network(struct kn_request *req, const struct kn_rows *now, bool *ret_is_owned, struct kn_error *err)
{
    *ret_is_owned = false;
    return kn_rest_see(&kn_network_networks, req, kn_rest_was(&kn_network_ports, now, "network_id"), ret_is_owned,
                       err) == 0 ||
                   err->code == KN_NOT_FOUND
               ? 0
               : -1;
}

static int decide_change(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                         struct kn_error *err)
{
    const bool up = is_set(now, "admin_state_up");
    bool owns_network = false;

    if (ask_network(req, now, &owns_network, err) < 0 || check_owner_only(req, object, owns_network, false, err) < 0) {
        return -1;
    }
    if (kn_network_guard_change(req, id, now, object, err) < 0 ||
        kn_network_extras_change(req, id, now, object, err) < 0 || kn_network_qos_check(req, object, err) < 0 ||
        (json_object_get(object, "qos_policy_id") != NULL &&
         kn_network_change(req->db, KN_CHANGED_PORT, id, err) < 0)) {
        return -1;
    }
    json_object_set_new(object, "network_id",
                        json_string(kn_rest_was(&kn_network_ports, now, "network_id"))); /* for clash() */
    if (is_set(now, "held") && (concerns_guest(object, now) || moves_held(object, now))) {
        return ports_fail_in_use(id, now, err);
    }
    if (kn_schema_bool(object, "admin_state_up", up) != up &&
        kn_network_change(req->db, KN_CHANGED_PORT, id, err) < 0) {
        return -1;
    }
    return json_object_get(object, "fixed_ips") == NULL && json_object_get(object, "mac_address") == NULL
               ? 0
               : replace_addresses(req, id, now, object, err);
}

static int decide_end(struct kn_request *req, const char *id, const struct kn_rows *now, struct kn_error *err)
{
    bool drops = false;

    if (strcmp(kn_rest_was(&kn_network_ports, now, "device_owner"), OWN_PORTS) ==
        0) { /* any other network:… is a word that somebody wrote, with no device behind it */
        kn_fail(err, KN_CONFLICT,
                "Port %s cannot be deleted directly via the port API: has device owner " OWN_PORTS ".", id);
        return kn_fail_name(err, "ServicePortInUse");
    }
    if (!is_set(now, "held")) {
        return 0;
    }
    if (kn_network_nic_end(req, id, &drops, err) < 0) {
        return -1;
    }
    return drops ? 0 : ports_fail_in_use(id, now, err);
}

static int ports_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                        struct kn_error *err)
{
    if (now != NULL && object == NULL) {
        return kn_network_router_of_port(req, id, true, NULL, err) < 0 ? -1 : decide_end(req, id, now, err);
    }
    return (now == NULL ? decide_new(req, object, err) : decide_change(req, id, now, object, err)) < 0
               ? -1
               : kn_network_router_of_port(req, id, now != NULL, object, err);
}

static int ports_clash(struct kn_request *req, const char *constraint, const json_t *object, struct kn_error *err)
{
    (void)req;
    return object != NULL && strcmp(constraint, "port_mac") == 0
               ? kn_network_port_fail_mac(kn_schema_text(object, "network_id", ""),
                                          kn_schema_text(object, "mac_address", ""), err)
               : -1;
}

static const struct kn_stmt TAG = { "port_tag", "UPDATE port SET tags = $2::text[] WHERE id = $1::uuid", 2 };

static bool says_groups(const json_t *object)
{
    return json_object_get(object, "security_groups") != NULL ||
           json_object_get(object, "port_security_enabled") != NULL;
}

/* The server whose NIC it is shows the groups of its ports; ports_before_lock() has taken it. */
static int show_groups(struct kn_request *req, const struct kn_rows *now, const json_t *object, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array servers = KN_ARRAY_INIT;

    if (now == NULL || !is_set(now, "nic") || (object != NULL && !says_groups(object))) {
        return 0;
    }
    kn_array_add(&servers, kn_rest_was(&kn_network_ports, now, "device_id"));
    return kn_network_groups_show(req->db, &servers, err);
}

/* Tags that a POST names; those of a PUT are a column as others. */
static int ports_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                       struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array tags = KN_ARRAY_INIT;
    const json_t *list = json_object_get(object, "tags"), *tag;
    size_t i;

    if (show_groups(req, now, object, err) < 0) {
        return -1;
    }
    if (now != NULL && json_object_get(object, "fixed_ips") != NULL) {
        return kn_network_router_check_kept(req, id, err);
    }
    if (now != NULL || json_array_size(list) == 0) {
        return 0;
    }
    json_array_foreach (list, i, tag) {
        kn_array_add(&tags, json_string_value(tag));
    }
    return kn_db_run(req->db, &TAG, KN_ARGS(id, kn_array_value(&tags)), NULL, err);
}

static bool ports_deletes(const struct kn_request *req)
{
    return strcmp(req->method, "DELETE") == 0;
}

static int ports_before_lock(struct kn_request *req, const char *id, struct kn_error *err)
{
    return ports_deletes(req) || says_groups(json_object_get(req->body, "port"))
               ? kn_network_nic_hold_server(req, id, err)
               : 0;
}

static void ports_tell(struct kn_request *req, const json_t *changed)
{
    const char *id;
    json_t *object;

    kn_network_change_tell(req, changed);
    if (!ports_deletes(req)) {
        return;
    }
    json_object_foreach ((json_t *)(uintptr_t)changed, id, object) { /* jansson walks over non-const objects only */
        kn_network_nic_tell_end(req, id);
    }
}

static const struct kn_rest_counts COUNTS = {
    "network",
    { "port_counts", "SELECT project_id, 'port', count(*) FROM port WHERE id = ANY($1::uuid[]) GROUP BY project_id",
      1 },
    false
};

/* Single ones that leave it to the network what address they get: no two of these wait for each other's in a circle. */
static struct kn_convoy convoy = KN_CONVOY(.most = 64, .company_ms = 2);

static bool ports_share(const json_t *object)
{
    return json_object_get(object, "fixed_ips") == NULL && json_object_get(object, "mac_address") == NULL &&
           strncmp(kn_schema_text(object, "device_owner", ""), "network:", 8) != 0;
}

const struct kn_rest_noun kn_network_ports = {
    .one = "port",
    .many = "ports",
    .label = "Port",
    .absent_name = "PortNotFound",
    .path = "/ports",
    .from = "port p LEFT JOIN port_binding b ON b.port_id = p.id AND b.state = 'active'",
    .id = "p.id",
    .id_type = KN_REST_UUID,
    .lock = " FOR UPDATE OF p",
    .visible = "(p.project_id = ? OR EXISTS (SELECT 1 FROM network n WHERE n.id = p.network_id AND n.project_id = ?))",
    .owned = "(p.project_id = ?)",
    .seen_may_go = true, /* whoever owns the network may throw out the ports of others, not change them */
    .order = "id",
    .ascending = true,
    .ties = "id",
    .attrs = ATTRS,
    .params = PARAMS,
    .manners = &KN_REST_NEUTRON,
    .table = "port",
    .counts = &COUNTS,
    .check = ports_check,
    .before_lock = ports_before_lock,
    .decide = ports_decide,
    .insert_many = kn_network_ports_insert,
    .convoy = &convoy,
    .shares = ports_share,
    .after = ports_after,
    .raced = kn_network_plan_raced,
    .clash = ports_clash,
    .tell = ports_tell,
};
