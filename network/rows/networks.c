/* SPDX-License-Identifier: Apache-2.0 */
/* networks.c: networks as a table, and their rules. Nobody else writes the rows. */
#include "network/rows/networks.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/rows/agents.h"
#include "network/rows/change.h"
#include "network/rows/network_kind.h"
#include "network/rows/ports/extras.h"
#include "network/rows/qos.h"
#include "network/rows/segments.h"
#include "network/rows/shared.h"
#include "network/rows/standard.h"

#define VNI_TRIES 10
#define VNI "provider:segmentation_id"
#define FIND (KN_REST_SHOWN | KN_REST_FIND)
#define PROVIDER (KN_REST_SHOWN | KN_REST_FILTER | KN_REST_POST)
/* Where it is carried. */
#define ZONES \
    "(SELECT coalesce(json_agg(DISTINCT " KN_NETWORK_ZONE_OF( \
        "h") "), '[]') FROM host_network_object o JOIN host h ON h.name = o.host WHERE o.kind = 'network' AND o.id = n.id)"

/* Subnets of one network and family are all of one scope, or of none. */
#define SCOPE_OF(version) \
    "(SELECT sp.address_scope_id FROM subnet s JOIN subnet_pool sp ON sp.id = s.subnetpool_id WHERE s.network_id = n.id AND s.ip_version = " version \
    " LIMIT 1)"

const struct kn_text_rule KN_NEUTRON_UUID = { kn_uuid_valid, "is not a valid UUID", true };

static const struct kn_schema ZONE[] = {
    KN_SCHEMA("availability_zone_hints", KN_IS_STRING, .limit = KN_LIMIT_HOST_ZONE), KN_SCHEMA_END
};
static const struct kn_schema SEGMENT[] = {
    KN_SCHEMA("provider:network_type", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_NETWORK_WORD),
    KN_SCHEMA("provider:physical_network", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_NETWORK_PHYSICAL),
    KN_SCHEMA("provider:segmentation_id", KN_IS_INTEGER, .flags = KN_NULLABLE, .limit = KN_LIMIT_VNI),
    KN_SCHEMA_END,
};
static const struct kn_schema SEGMENTS[] = { KN_SCHEMA("segments", KN_IS_OBJECT, .inner = SEGMENT), KN_SCHEMA_END };

static bool is_network_name(const char *text)
{
    return KN_TEXT_NAME.holds(text);
}

static bool is_full_name(const char *text)
{
    return text[strspn(text, " ")] != '\0' && KN_TEXT_NAME.holds(text);
}

const struct kn_text_rule KN_NEUTRON_NAME = { is_network_name, "is not a valid string", false };
const struct kn_text_rule KN_NEUTRON_FULL_NAME = { is_full_name, "is blank or not a valid string", false };

/* clang-format off */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "n.id", KN_REST_UUID, FIND),
    KN_REST_ATTR("name", "n.name", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "name", .limit = KN_LIMIT_NETWORK_NAME, .rule = &KN_NEUTRON_NAME),
    KN_REST_ATTR("tenant_id", "n.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("project_id", "n.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("admin_state_up", "n.admin_state_up", KN_REST_BOOL, FIND | KN_REST_WRITE, .column = "admin_state_up"),
    KN_REST_ATTR("mtu", "n.mtu", KN_REST_INT, FIND | KN_REST_WRITE, .column = "mtu", .limit = KN_LIMIT_MTU),
    KN_REST_ATTR("status", "(CASE WHEN n.admin_state_up THEN 'ACTIVE' ELSE 'DOWN' END)", KN_REST_TEXT, FIND),
    KN_REST_ATTR("subnets", "(SELECT coalesce(json_agg(s.id ORDER BY s.created_at, s.id), '[]') FROM subnet s WHERE s.network_id = n.id)",
                 KN_REST_JSON, KN_REST_SHOWN),
    KN_NETWORK_SHARED_ATTR("n", KN_REST_WRITE, .post = KN_NEUTRON_CREATE_NETWORK_SHARED, .put = KN_NEUTRON_UPDATE_NETWORK_SHARED),
    KN_REST_ATTR("port_security_enabled", "n.port_security", KN_REST_BOOL, FIND | KN_REST_WRITE, .column = "port_security"),
    KN_REST_ATTR("qos_policy_id", "n.qos_policy_id", KN_REST_UUID, KN_REST_SHOWN | KN_REST_FILTER | KN_REST_WRITE | KN_REST_NULL, .column = "qos_policy_id",
                 .rule = &KN_NEUTRON_UUID),
    KN_REST_ATTR("router:external", KN_NETWORK_IS_EXTERNAL("n.id"), KN_REST_BOOL, FIND | KN_REST_WRITE, .post = KN_NEUTRON_CREATE_NETWORK_EXTERNAL,
                 .put = KN_NEUTRON_UPDATE_NETWORK_EXTERNAL),
    KN_REST_ATTR("is_default", "n.is_default", KN_REST_BOOL, FIND | KN_REST_WRITE, .column = "is_default", .post = KN_NEUTRON_CREATE_NETWORK_DEFAULT,
                 .put = KN_NEUTRON_UPDATE_NETWORK_DEFAULT),
    KN_REST_ATTR("availability_zone_hints", "n.zone_hints", KN_REST_JSON, KN_REST_SHOWN | KN_REST_POST | KN_REST_UNIQUE, .column = "zone_hints",
                 .inner_shape = KN_IS_LIST, .inner = ZONE, .limit = KN_LIMIT_ROUTER_ROUTES),
    KN_REST_ATTR("availability_zones", ZONES, KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("l2_adjacency", "true", KN_REST_BOOL, KN_REST_SHOWN),
    KN_REST_ATTR("vlan_transparent", NULL, KN_REST_BOOL, KN_REST_POST | KN_REST_UNBUILT | KN_REST_NULL),
    KN_REST_ATTR("segments", NULL, KN_REST_JSON, KN_REST_POST | KN_REST_NULL_IS_NOTHING, .inner_shape = KN_IS_LIST, .inner = SEGMENTS,
                 .post = KN_NEUTRON_CREATE_NETWORK_SEGMENTS),
    KN_REST_ATTR("ipv4_address_scope", SCOPE_OF("4"), KN_REST_UUID, KN_REST_SHOWN),
    KN_REST_ATTR("ipv6_address_scope", SCOPE_OF("6"), KN_REST_UUID, KN_REST_SHOWN),
    KN_REST_ATTR("description", "n.description", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "description", .limit = KN_LIMIT_NETWORK_DESCRIPTION),
    KN_NETWORK_STANDARD("n"),
    KN_REST_ATTR("dns_domain", "n.dns_domain", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_WRITE, .column = "dns_domain", .limit = KN_LIMIT_DNS_NAME,
                 .rule = &kn_network_dns_domain),
    KN_REST_ATTR("provider:network_type", "n.type", KN_REST_TEXT, PROVIDER | KN_REST_NULL_IS_NOTHING, .column = "type", .limit = KN_LIMIT_NETWORK_WORD,
                 .read = KN_NEUTRON_GET_NETWORK_TYPE, .post = KN_NEUTRON_CREATE_NETWORK_TYPE),
    KN_REST_ATTR("provider:physical_network", "n.physical", KN_REST_TEXT, PROVIDER | KN_REST_NULL_IS_NOTHING, .column = "physical", .limit = KN_LIMIT_NETWORK_PHYSICAL,
                 .read = KN_NEUTRON_GET_NETWORK_PHYSICAL, .post = KN_NEUTRON_CREATE_NETWORK_PHYSICAL),
    KN_REST_ATTR(VNI, "(CASE WHEN n.type = 'vxlan' THEN n.vni END)", KN_REST_INT, PROVIDER | KN_REST_SORT | KN_REST_NULL_IS_NOTHING, .column = "vni", .limit = KN_LIMIT_VNI,
                 .read = KN_NEUTRON_GET_NETWORK_SEGMENT, .post = KN_NEUTRON_CREATE_NETWORK_SEGMENT),
    KN_REST_ATTRS_END,
};
/* clang-format on */

static const struct kn_rest_param PARAMS[] = {
    KN_NETWORK_STANDARD_PARAMS("n"),
    KN_REST_PARAMS_END,
};

/* The sequence starts where the configuration says, however late that was set; a number that an admin chose is passed over. */
static const struct kn_stmt NEXT_VNI = {
    "network_vni",
    "SELECT v, EXISTS (SELECT FROM network WHERE vni = v) FROM (SELECT CASE WHEN n < $1::bigint THEN setval('network_vni', $1::bigint)"
    " ELSE n END AS v FROM (SELECT nextval('network_vni') AS n) next) chosen",
    1
};
enum { V_NUMBER, V_TAKEN };

static int next_vni(struct kn_request *req, json_t *object, struct kn_error *err)
{
    struct kn_arg arg;

    for (int i = 0; i < VNI_TRIES; i++) {
        AUTO(kn_rows) struct kn_rows *rows = NULL;

        if (kn_db_run(req->db, &NEXT_VNI, KN_ARGS(kn_arg_int(&arg, req->conf->network_vni_first)), &rows, err) < 0) {
            return -1;
        }
        if (!kn_rows_bool(rows, 0, V_TAKEN)) {
            json_object_set_new(object, VNI, json_integer(kn_rows_int(rows, 0, V_NUMBER)));
            return 0;
        }
    }
    return kn_fail(err, KN_UNAVAILABLE, "Unable to create the network. No tenant network is available for allocation.");
}

/* The family that wants most comes first. */
static const struct kn_stmt FAMILIES = {
    "network_families", "SELECT ip_version FROM subnet WHERE network_id = $1::uuid ORDER BY ip_version DESC LIMIT 1", 1
};

int kn_network_check_mtu(const char *network_id, int family, int64_t mtu, struct kn_error *err)
{
    const int least = family == 6 && mtu >= KN_NETWORK_V4_MTU ? KN_NETWORK_V6_MTU : KN_NETWORK_V4_MTU;

    if (mtu >= least) {
        return 0;
    }
    kn_fail(err, KN_CONFLICT, "MTU of %s is not valid, subnet requires a minimum of %d", network_id, least);
    return kn_fail_name(err, "NetworkMTUSubnetConflict");
}

static int networks_check_mtu(struct kn_request *req, const char *id, const json_t *object, struct kn_error *err)
{
    enum { FAMILY };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const int64_t mtu = kn_schema_int(object, "mtu", KN_NETWORK_V6_MTU);

    if (mtu >= KN_NETWORK_V6_MTU) {
        return 0;
    }
    if (kn_db_run(req->db, &FAMILIES, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) == 0 ? 0 : kn_network_check_mtu(id, (int)kn_rows_int(rows, 0, FAMILY), mtu, err);
}

/* clang-format off */
static const struct kn_stmt LOCK_SUBNETS = {
    "network_lock_subnets", "SELECT 1 FROM subnet WHERE network_id = $1::uuid ORDER BY id FOR UPDATE", 1
};
/* clang-format on */
static const struct kn_stmt LOCK = { "network_lock", "SELECT 1 FROM network WHERE id = $1::uuid FOR UPDATE", 1 };

int kn_network_lock(struct kn_request *req, const char *id, struct kn_error *err)
{
    return kn_db_run(req->db, &LOCK, KN_ARGS(id), NULL, err) < 0
               ? -1
               : kn_db_run(req->db, &LOCK_SUBNETS, KN_ARGS(id), NULL, err);
}

/* --- the default external one ------------------------------------------------------------------------------------- */

static const struct kn_stmt DEFAULT = { "network_default", "SELECT id FROM network WHERE is_default AND id <> $1::uuid",
                                        1 };

static int networks_fail_default(const char *id, struct kn_error *err)
{
    kn_fail(err, KN_CONFLICT, "A default external network already exists: %s.", id);
    return kn_fail_name(err, "DefaultExternalNetworkExists");
}

/* Only an external network is anybody's default; one that is no longer external is none any more. */
static int networks_check_default(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                                  struct kn_error *err)
{
    enum { ID };
    const bool was_external = now != NULL &&
                              strcmp(kn_rest_was(&kn_network_networks, now, "router:external"), "t") == 0;
    const bool is_external = kn_schema_bool(object, "router:external", was_external);
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (was_external && !is_external && json_object_get(object, "is_default") == NULL) {
        json_object_set_new(object, "is_default", json_false());
    }
    if (!kn_schema_bool(object, "is_default", false)) {
        return 0;
    }
    if (!is_external) {
        kn_fail(err, KN_BAD_REQUEST,
                "Invalid input for is_default. Reason: only an external network can be the default.");
        return kn_fail_name(err, "HTTPBadRequest");
    }
    return kn_db_run(req->db, &DEFAULT, KN_ARGS(id), &rows, err) < 0 ? -1
           : kn_rows_count(rows) > 0 ? networks_fail_default(kn_rows_text(rows, 0, ID), err)
                                     : 0;
}

/* --- deleting ----------------------------------------------------------------------------------------------------- */

static const struct kn_stmt USERS = {
    "network_users",
    "SELECT string_agg(id::text, ',') FROM (SELECT id FROM port WHERE network_id = $1::uuid AND device_owner <> 'network:dhcp'"
    " ORDER BY id LIMIT 3) p",
    1
};
static const struct kn_stmt DROP[] = {
    { "network_delete_ports", "DELETE FROM port WHERE network_id = $1::uuid AND device_owner = 'network:dhcp'", 1 },
    { "network_delete_subnets", "DELETE FROM subnet WHERE network_id = $1::uuid", 1 },
};

static int networks_fail_in_use(const char *id, const char *ports, struct kn_error *err)
{
    kn_fail(err, KN_CONFLICT,
            "Unable to complete operation on network %s. There are one or more ports still in use on the "
            "network%s%s.",
            id, ports[0] != '\0' ? ", id for these ports is: " : "", ports);
    return kn_fail_name(err, "NetworkInUse");
}

/* A network goes with its subnets and its DHCP port. */
static int drop_inside(struct kn_request *req, const char *id, struct kn_error *err)
{
    enum { PORTS };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    int rc = kn_network_kind_end(req, id, err) < 0 ? -1 : kn_db_run(req->db, &USERS, KN_ARGS(id), &rows, err);

    if (rc == 0 && !kn_rows_null(rows, 0, PORTS)) {
        return networks_fail_in_use(id, kn_rows_text(rows, 0, PORTS), err);
    }
    for (size_t i = 0; rc == 0 && i < KN_COUNT(DROP); i++) {
        rc = kn_db_run(req->db, &DROP[i], KN_ARGS(id), NULL, err);
    }
    return rc < 0 && err->code == KN_CONFLICT ? networks_fail_in_use(id, "", err) : rc;
}

/* A network that is down forwards nothing: its ports are down with it, and its routers have no legs there. */
static bool networks_turns(const struct kn_rows *now, const json_t *object)
{
    const bool was = strcmp(kn_rest_was(&kn_network_networks, now, "admin_state_up"), "t") == 0;

    return kn_schema_bool(object, "admin_state_up", was) != was;
}

static int networks_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                           struct kn_error *err)
{
    const char *project;

    if (object == NULL) {
        return drop_inside(req, id, err);
    }
    kn_network_dns_lower(object, "dns_domain");
    if (kn_network_qos_check(req, object, err) < 0 || networks_check_default(req, id, now, object, err) < 0) {
        return -1;
    }
    if (now != NULL) {
        return networks_check_mtu(req, id, object, err) < 0 || kn_network_kind_mtu(req, now, object, err) < 0 ||
                       kn_network_change(req->db, KN_CHANGED_NETWORK, id, err) < 0 ||
                       (json_object_get(object, "qos_policy_id") != NULL &&
                        kn_network_qos_of_network(req->db, id, err) < 0) ||
                       (networks_turns(now, object) && kn_network_change_on(req->db, id, err) < 0)
                   ? -1
                   : 0;
    }
    if (kn_rest_owner(&kn_network_networks, req, object, &project, err) < 0 ||
        kn_network_qos_default(req, project, object, err) < 0) {
        return -1;
    }
    return kn_network_zones_check(req, object, "network", err) < 0 || kn_network_segments_read(object, err) < 0 ||
                   kn_network_kind_new(req, object, err) < 0 || kn_network_kind_mtu(req, NULL, object, err) < 0
               ? -1
           : json_object_get(object, VNI) != NULL ? 0
                                                  : next_vni(req, object, err);
}

static int networks_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                          struct kn_error *err)
{
    return object == NULL ? 0
           : kn_network_shared_after(&kn_network_networks, req, id, now, object, err) < 0
               ? -1
               : kn_network_external_after(req, id, now, object, err);
}

/* object NULL: somebody plugged in while it was deleted, and a foreign key says no. */
static int networks_clash(struct kn_request *req, const char *constraint, const json_t *object, struct kn_error *err)
{
    if (object == NULL) {
        return networks_fail_in_use(req->params[0], "", err);
    }
    if (strcmp(constraint, "network_default") == 0) {
        return networks_fail_default("another one was made at the same time", err);
    }
    if (strcmp(constraint, "network_flat") == 0) {
        return kn_network_kind_taken(object, err);
    }
    kn_fail(err, KN_CONFLICT, "Unable to create the network. The tunnel ID %lld is in use.",
            (long long)kn_schema_int(object, VNI, 0));
    return kn_fail_name(err, "TunnelIdInUse");
}

/* It goes with its subnets, whosever they are. */
static const struct kn_rest_counts COUNTS = {
    "network",
    { "network_counts",
      "SELECT project_id, 'network', count(*) FROM network WHERE id = ANY($1::uuid[]) GROUP BY project_id"
      " UNION ALL SELECT project_id, 'subnet', count(*) FROM subnet WHERE network_id = ANY($1::uuid[]) GROUP BY project_id"
      " UNION ALL SELECT f.project_id, 'floatingip', count(*) FROM floating_ip f WHERE f.network_id = ANY($1::uuid[]) GROUP BY f.project_id" KN_NETWORK_COUNTS_POLICIES,
      1 },
    false
};

const struct kn_rest_noun kn_network_networks = {
    .one = "network",
    .many = "networks",
    .label = "Network",
    .absent_name = "NetworkNotFound",
    .path = "/networks",
    .from = "network n",
    .id = "n.id",
    .id_type = KN_REST_UUID,
    .visible = KN_NETWORK_VISIBLE("n", KN_NETWORK_SHARED_OR_EXTERNAL),
    .owned = "(n.project_id = ?)",
    .order = "id",
    .ascending = true,
    .ties = "id",
    .attrs = ATTRS,
    .params = PARAMS,
    .manners = &KN_REST_NEUTRON,
    .table = "network",
    .lock = " FOR NO KEY UPDATE OF n",
    .project_column = "project_id",
    .counts = &COUNTS,
    .before_lock = kn_network_lock,
    .decide = networks_decide,
    .after = networks_after,
    .clash = networks_clash,
    .tell = kn_network_change_tell,
};
