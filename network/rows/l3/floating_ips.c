/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floating_ips.c: addresses of an external network that a project holds and lends to its ports. The address itself is a port's (network:floatingip), so
 * that nobody else gets it. Whose it is is one row; the router that leads there is told (network/rows/change.h), and it cuts what went another way.
 */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/rows/change.h"
#include "network/rows/networks.h"
#include "network/rows/l3/routers.h"
#include "network/rows/shared.h"
#include "network/rows/ports/extras.h"
#include "network/rows/standard.h"

#define FIND (KN_REST_SHOWN | KN_REST_FIND)
#define ROUTER \
    "(CASE WHEN f.port_id IS NOT NULL OR EXISTS (SELECT 1 FROM port_forwarding w WHERE w.floating_ip_id = f.id) THEN f.router_id END)"
#define STATUS \
    "(CASE WHEN EXISTS (SELECT 1 FROM router r WHERE r.id = " ROUTER \
    " AND r.admin_state_up AND " KN_ROUTER_STANDS("r") ") THEN 'ACTIVE' ELSE 'DOWN' END)"
#define DETAILS \
    "coalesce((SELECT json_build_object('name', p.name, 'network_id', p.network_id, 'mac_address', p.mac, 'admin_state_up', p.admin_state_up," \
    " 'status', CASE WHEN " KN_PORT_IS_UP( \
        "p") " AND EXISTS (SELECT 1 FROM port_binding b WHERE b.port_id = p.id AND b.state = 'active') THEN 'ACTIVE' ELSE 'DOWN' END," \
             " 'device_id', p.device_id, 'device_owner', p.device_owner) FROM port p WHERE p.id = f.port_id)::text, 'null')"
#define FORWARDINGS \
    "(SELECT coalesce(json_agg(json_build_object('id', w.id, 'protocol', w.protocol, 'external_port', CASE WHEN w.external_last = w.external_port THEN w.external_port END," \
    " 'internal_port', CASE WHEN w.internal_last = w.internal_port THEN w.internal_port END, 'internal_ip_address', host(w.fixed_ip), 'internal_port_id', w.port_id)" \
    " ORDER BY w.created_at, w.id), '[]') FROM port_forwarding w WHERE w.floating_ip_id = f.id)"

static bool floating_is_ip(const char *text)
{
    struct kn_ip ip;

    return kn_ip_parse(text, &ip);
}

static const struct kn_text_rule ADDRESS = { floating_is_ip, "is not a valid IP address", false };

/* clang-format off */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "f.id", KN_REST_UUID, FIND),
    KN_REST_ATTR("tenant_id", "f.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("project_id", "f.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("floating_ip_address", "f.ip", KN_REST_INET, FIND | KN_REST_POST | KN_REST_NULL_IS_NOTHING, .column = "ip",
                 .post = KN_NEUTRON_CREATE_FLOATINGIP_ADDRESS, .rule = &ADDRESS),
    KN_REST_ATTR("subnet_id", NULL, KN_REST_UUID, KN_REST_POST | KN_REST_NULL_IS_NOTHING, .rule = &KN_NEUTRON_UUID),
    KN_REST_ATTR("floating_network_id", "f.network_id", KN_REST_UUID, FIND | KN_REST_POST | KN_REST_REQUIRED, .column = "network_id", .rule = &KN_NEUTRON_UUID),
    KN_REST_ATTR("router_id", ROUTER, KN_REST_UUID, FIND | KN_REST_NULL, .column = "router_id"),
    KN_REST_ATTR("port_id", "f.port_id", KN_REST_UUID, KN_REST_SHOWN | KN_REST_FILTER | KN_REST_WRITE | KN_REST_NULL, .column = "port_id", .rule = &KN_NEUTRON_UUID),
    KN_REST_ATTR("fixed_ip_address", "(CASE WHEN f.port_id IS NOT NULL THEN f.fixed_ip END)", KN_REST_INET, FIND | KN_REST_WRITE | KN_REST_NULL,
                 .column = "fixed_ip", .rule = &ADDRESS),
    KN_REST_ATTR("status", STATUS, KN_REST_TEXT, FIND),
    KN_REST_ATTR("port_details", DETAILS, KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("port_forwardings", FORWARDINGS, KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("description", "f.description", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "description", .limit = KN_LIMIT_NETWORK_DESCRIPTION),
    KN_NETWORK_STANDARD("f"),
    KN_REST_ATTR("dns_name", "''::text", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_POST | KN_REST_UNBUILT), /* no name service outside is told */
    KN_REST_ATTR("dns_domain", "''::text", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_POST | KN_REST_UNBUILT),
    KN_REST_ATTR("own port", "f.own_port_id", KN_REST_UUID, 0, .column = "own_port_id"), /* for us alone, as what no view shows */
    KN_REST_ATTR("set router", "f.router_id", KN_REST_UUID, 0),
    KN_REST_ATTRS_END,
};
/* clang-format on */

static const struct kn_rest_param PARAMS[] = {
    KN_NETWORK_STANDARD_PARAMS("f"),
    KN_REST_PARAMS_END,
};

/* --- its own port ------------------------------------------------------------------------------------------------- */

static const struct kn_stmt NETWORK = {
    "floating_network",
    "SELECT " KN_NETWORK_IS_EXTERNAL(
        "n.id") ", s.id, s.service_types = '{}' OR '" KN_FLOATING_PORT "' = ANY(s.service_types) FROM network n"
                " LEFT JOIN subnet s ON s.network_id = n.id AND s.ip_version = 4 WHERE n.id = $1::uuid"
                " ORDER BY s.service_types = '{}', s.created_at, s.id",
    1
};
enum { N_EXTERNAL, N_SUBNET, N_SERVES };

static int floating_port(struct kn_request *req, const char *id, const char *network, json_t *fixed_ip,
                         char ret_port[KN_UUID_SIZE], struct kn_error *err)
{
    json_auto_t *ips = json_pack("[o]", fixed_ip);

    return kn_network_router_port_make(req,
                                       &(struct kn_network_router_port){ .network = network,
                                                                         .project = "",
                                                                         .device = id,
                                                                         .owner = KN_FLOATING_PORT,
                                                                         .fixed_ips = ips },
                                       ret_port, err);
}

/* Any address: of the first subnet that has one, those for floating addresses alone before others. */
static int floating_draw(struct kn_request *req, const char *id, const char *network, const struct kn_rows *subnets,
                         char ret_port[KN_UUID_SIZE], struct kn_error *err)
{
    bool serves = false;

    for (int row = 0; row < kn_rows_count(subnets); row++) {
        if (!kn_rows_bool(subnets, row, N_SERVES)) {
            continue;
        }
        serves = true;
        if (floating_port(req, id, network, json_pack("{s:s}", "subnet_id", kn_rows_text(subnets, row, N_SUBNET)),
                          ret_port, err) == 0) {
            return 0;
        }
        if (err->code != KN_CONFLICT || kn_db_constraint(req->db)[0] != '\0') {
            return -1; /* the transaction is gone, or something else is wrong */
        }
    }
    if (!serves) {
        kn_fail(err, KN_CONFLICT, "No valid service subnet for the given device owner, network %s, service type %s.",
                network, KN_FLOATING_PORT);
        return kn_fail_name(err, "IpAddressGenerationFailureNoMatchingSubnet");
    }
    kn_fail(err, KN_CONFLICT, "No more IP addresses available on network %s.", network);
    return kn_fail_name(err, "IpAddressGenerationFailure");
}

static const struct kn_stmt ADDRESS_OF = { "floating_address",
                                           "SELECT host(ip) FROM address WHERE port_id = $1::uuid AND family(ip) = 4",
                                           1 };

static int floating_note_address(struct kn_request *req, const char *port, json_t *object, struct kn_error *err)
{
    enum { IP };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &ADDRESS_OF, KN_ARGS(port), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        kn_fail(err, KN_BAD_REQUEST, "Unable to find any IP address on external network %s.",
                kn_schema_text(object, "floating_network_id", ""));
        return kn_fail_name(err, "ExternalIpAddressExhausted");
    }
    json_object_set_new(object, "floating_ip_address", json_string(kn_rows_text(rows, 0, IP)));
    json_object_set_new(object, "own port", json_string(port));
    return 0;
}

static int floating_make_port(struct kn_request *req, const char *id, json_t *object, struct kn_error *err)
{
    const char *network = kn_schema_text(object, "floating_network_id", "");
    const char *ip = kn_schema_text(object, "floating_ip_address", NULL),
               *subnet = kn_schema_text(object, "subnet_id", NULL);
    AUTO(kn_rows) struct kn_rows *subnets = NULL;
    char port[KN_UUID_SIZE];
    bool owned;

    if (kn_network_use(&kn_network_networks, req, network, &owned, err) < 0 ||
        kn_db_run(req->db, &NETWORK, KN_ARGS(network), &subnets, err) < 0) {
        return -1;
    }
    if (!kn_rows_bool(subnets, 0, N_EXTERNAL)) {
        return kn_network_bad(err, "floatingip", "Network %s is not a valid external network", network);
    }
    if (kn_rows_null(subnets, 0, N_SUBNET)) {
        return kn_network_bad(err, "floatingip", "Network %s does not contain any IPv4 subnet", network);
    }
    json_t *named = subnet != NULL || ip != NULL ? json_object() : NULL;

    if (subnet != NULL) {
        json_object_set_new(named, "subnet_id", json_string(subnet));
    }
    if (ip != NULL) {
        json_object_set_new(named, "ip_address", json_string(ip));
    }
    return (named != NULL ? floating_port(req, id, network, named, port, err)
                          : floating_draw(req, id, network, subnets, port, err)) < 0
               ? -1
               : floating_note_address(req, port, object, err);
}

/* --- whose it is -------------------------------------------------------------------------------------------------- */

static const struct kn_stmt OTHERS = {
    "floating_others",
    "SELECT (SELECT count(*) FROM floating_ip WHERE port_id = $1::uuid AND fixed_ip = $2::inet AND network_id = $3::uuid AND id <> $4::uuid),"
    " (SELECT count(*) FROM port_forwarding WHERE port_id = $1::uuid), (SELECT count(*) FROM port_forwarding WHERE floating_ip_id = $4::uuid)",
    4
};
enum { O_ADDRESSES, O_FORWARDED, O_FORWARDS };

static int floating_fail_forwards(const char *id, struct kn_error *err)
{
    kn_fail(err, KN_CONFLICT, "Floating IP %s in use by Port Forwarding resources.", id);
    return kn_fail_name(err, "FipInUseByPortForwarding");
}

static int floating_check_others(struct kn_request *req, const char *id, const char *port, const char *network,
                                 const char *own_ip, const struct kn_network_reach *reach, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &OTHERS, KN_ARGS(port, reach->ip, network, id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_int(rows, 0, O_FORWARDS) > 0) {
        return floating_fail_forwards(id, err);
    }
    if (kn_rows_int(rows, 0, O_FORWARDED) > 0) {
        kn_fail(err, KN_BAD_REQUEST,
                "Cannot associate floating IP to port %s because it already has a Port Forwarding binding.", port);
        return kn_fail_name(err, "PortHasPortForwarding");
    }
    if (kn_rows_int(rows, 0, O_ADDRESSES) > 0) {
        kn_fail(err, KN_CONFLICT,
                "Cannot associate floating IP %s (%s) with port %s using fixed IP %s, as that fixed IP already has a "
                "floating IP on external network %s.",
                own_ip, id, port, reach->ip, network);
        return kn_fail_name(err, "FloatingIPPortAlreadyAssociated");
    }
    return 0;
}

/* Held, the router cannot lose the leg any more by which the port is reached; so it is asked for again. */
static int floating_reach(struct kn_request *req, const char *port, const json_t *object, const char *project,
                          const char *network, struct kn_network_reach *ret, struct kn_error *err)
{
    const char *fixed_ip = kn_schema_text(object, "fixed_ip_address", NULL);

    return kn_network_reach(req, port, fixed_ip, project, network, ret, err) < 0 ||
                   kn_network_router_hold(req->db, ret->router, err) < 0 ||
                   kn_network_reach(req, port, fixed_ip, project, network, ret, err) < 0
               ? -1
               : 0;
}

static int floating_give(struct kn_request *req, const char *id, const char *port, const char *project,
                         const char *network, const char *own_ip, json_t *object, struct kn_error *err)
{
    struct kn_network_reach reach;

    if (floating_reach(req, port, object, project, network, &reach, err) < 0 ||
        floating_check_others(req, id, port, network, own_ip, &reach, err) < 0) {
        return -1;
    }
    json_object_set_new(object, "fixed_ip_address", json_string(reach.ip));
    json_object_set_new(object, "router_id", json_string(reach.router));
    return kn_network_change(req->db, KN_CHANGED_PORT, port, err) < 0
               ? -1
               : kn_network_router_changed(req->db, reach.router, err);
}

static void floating_take_back(json_t *object)
{
    json_object_set_new(object, "port_id", json_null());
    json_object_set_new(object, "fixed_ip_address", json_null());
    json_object_set_new(object, "router_id", json_null());
}

static int floating_fail_without_port(struct kn_error *err)
{
    return kn_network_bad(err, "floatingip", "fixed_ip_address cannot be specified without a port_id");
}

static int floating_decide_new(struct kn_request *req, const char *id, json_t *object, struct kn_error *err)
{
    const char *port = kn_schema_text(object, "port_id", NULL), *project;

    if (port == NULL && kn_schema_text(object, "fixed_ip_address", NULL) != NULL) {
        return floating_fail_without_port(err);
    }
    if (kn_rest_owner(&kn_network_floatingips, req, object, &project, err) < 0 ||
        floating_make_port(req, id, object, err) < 0) {
        return -1;
    }
    return port == NULL ? 0
                        : floating_give(req, id, port, project, kn_schema_text(object, "floating_network_id", ""),
                                        kn_schema_text(object, "floating_ip_address", ""), object, err);
}

/* Its router is told, and the server shows it no more that has its port. */
static int floating_leaves(struct kn_request *req, const struct kn_rows *now, struct kn_error *err)
{
    const char *port = kn_rest_was(&kn_network_floatingips, now, "port_id");

    return port[0] != '\0' && kn_network_change(req->db, KN_CHANGED_PORT, port, err) < 0
               ? -1
               : kn_network_router_changed(req->db, kn_rest_was(&kn_network_floatingips, now, "set router"), err);
}

static const struct kn_stmt FORWARDS = { "floating_forwards",
                                         "SELECT 1 FROM port_forwarding WHERE floating_ip_id = $1::uuid LIMIT 1", 1 };

static int floating_decide_change(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                                  struct kn_error *err)
{
    const struct kn_rest_noun *noun = &kn_network_floatingips;
    /* Once there was nothing else to say: who says nothing takes it back. */
    const bool says_port = json_object_get(object, "port_id") != NULL || json_object_size(object) == 0;
    const char *port = kn_schema_text(object, "port_id", NULL);
    AUTO(kn_rows) struct kn_rows *forwards = NULL;

    if (port == NULL && kn_schema_text(object, "fixed_ip_address", NULL) != NULL) {
        return floating_fail_without_port(err);
    }
    if (!says_port) {
        json_object_del(object, "fixed_ip_address");
        return 0;
    }
    if (floating_leaves(req, now, err) < 0) {
        return -1;
    }
    if (port != NULL) {
        return floating_give(req, id, port, kn_rest_was(noun, now, "project_id"),
                             kn_rest_was(noun, now, "floating_network_id"),
                             kn_rest_was(noun, now, "floating_ip_address"), object, err);
    }
    if (kn_db_run(req->db, &FORWARDS, KN_ARGS(id), &forwards, err) < 0) {
        return -1;
    }
    floating_take_back(object);
    if (kn_rows_count(forwards) > 0) {
        json_object_del(object, "router_id"); /* its forwardings stay where they are */
    }
    return 0;
}

static int floating_decide_end(struct kn_request *req, const char *id, const struct kn_rows *now, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *forwards = NULL;

    if (kn_db_run(req->db, &FORWARDS, KN_ARGS(id), &forwards, err) < 0) {
        return -1;
    }
    return kn_rows_count(forwards) > 0 ? floating_fail_forwards(id, err) : floating_leaves(req, now, err);
}

static int floating_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                           struct kn_error *err)
{
    return now == NULL      ? floating_decide_new(req, id, object, err)
           : object == NULL ? floating_decide_end(req, id, now, err)
                            : floating_decide_change(req, id, now, object, err);
}

static int floating_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                          struct kn_error *err)
{
    (void)id;
    return object != NULL ? 0
                          : kn_network_router_port_end(req, kn_rest_was(&kn_network_floatingips, now, "own port"), err);
}

static bool floating_raced(const struct kn_db *db)
{
    return kn_network_ports.raced(db);
}

/* Two give the same port at once. */
static int floating_clash(struct kn_request *req, const char *constraint, const json_t *object, struct kn_error *err)
{
    (void)req;
    if (object == NULL || strcmp(constraint, "floating_ip_once") != 0) {
        return -1;
    }
    kn_fail(
        err, KN_CONFLICT,
        "Cannot associate floating IP %s with port %s using fixed IP %s, as that fixed IP already has a floating IP "
        "on that external network.",
        kn_schema_text(object, "floating_ip_address", ""), kn_schema_text(object, "port_id", ""),
        kn_schema_text(object, "fixed_ip_address", ""));
    return kn_fail_name(err, "FloatingIPPortAlreadyAssociated");
}

static const struct kn_rest_counts COUNTS = {
    "network",
    { "floatingip_counts",
      "SELECT project_id, 'floatingip', count(*) FROM floating_ip WHERE id = ANY($1::uuid[]) GROUP BY project_id", 1 },
    false
};

const struct kn_rest_noun kn_network_floatingips = {
    .one = "floatingip",
    .many = "floatingips",
    .label = "Floating IP",
    .absent_name = "FloatingIPNotFound",
    .path = "/floatingips",
    .absent = "Floating IP %2 could not be found",
    .from = "floating_ip f",
    .id = "f.id",
    .id_type = KN_REST_UUID,
    .visible = "(f.project_id = ?)",
    .owned = "(f.project_id = ?)",
    .order = "id",
    .ascending = true,
    .ties = "id",
    .attrs = ATTRS,
    .params = PARAMS,
    .manners = &KN_REST_NEUTRON,
    .table = "floating_ip",
    .lock = " FOR UPDATE OF f",
    .project_column = "project_id",
    .counts = &COUNTS,
    .decide = floating_decide,
    .after = floating_after,
    .raced = floating_raced,
    .clash = floating_clash,
    .tell = kn_network_change_tell,
};
