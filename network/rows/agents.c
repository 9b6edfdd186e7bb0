/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agents.c: the duties of hosts as Neutron's agents, and the zones that hosts make. Both are reports over rows of others; what operators say of a duty
 * is network_agent's, and of those that switch something off only a router's host can follow: it gets no routers, and loses those that it has.
 */
#include "network/rows/agents.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/rows/networks.h"
#include "network/rows/l3/routers.h"
#include "network/rows/standard.h"

#define FIND (KN_REST_SHOWN | KN_REST_FIND)
#define L3 "L3 agent"

/* An agent's id is its host's and its duty's; who looks for one asks for it the same way. */
#define ID_OF(host, duty) "md5(" host ".uuid::text || " duty ")::uuid"
#define SILENCE "extract(epoch FROM now() - g.last_seen)"

/* clang-format off */
#define BOUND "FROM port_binding b JOIN port p ON p.id = b.port_id WHERE b.host = h.name AND b.state = 'active'"
#define CARRIED "FROM host_network_object o WHERE o.host = h.name AND o.kind = 'network'"
#define LEASED "FROM router r WHERE r.host = h.name"
#define LEGS(owner) "(SELECT count(*) " BOUND " AND p.device_owner = '" owner "')"
#define CONFIGURATIONS \
    "CASE d.duty" \
    " WHEN 'l2' THEN json_build_object('tunnel_types', json_build_array('vxlan'), 'tunneling_ip', h.underlay, 'devices', (SELECT count(*) " BOUND ")," \
    "  'physical_networks', coalesce(to_json(nh.physical), '[]'))" \
    " WHEN 'dhcp' THEN json_build_object('dhcp_driver', 'dnsmasq', 'networks', (SELECT count(*) " CARRIED ")," \
    "  'subnets', (SELECT count(*) FROM subnet s WHERE s.enable_dhcp AND s.network_id IN (SELECT o.id " CARRIED ")))" \
    " WHEN 'l3' THEN json_build_object('agent_mode', 'legacy', 'routers', (SELECT count(*) " LEASED "), 'ex_gw_ports', " LEGS(KN_ROUTER_GATEWAY) "," \
    "  'interfaces', " LEGS(KN_ROUTER_LEG) ", 'floating_ips', (SELECT count(*) FROM floating_ip f WHERE f.port_id IS NOT NULL AND f.router_id IN (SELECT r.id " LEASED "))," \
    "  'physical_networks', to_json(nh.physical))" \
    " ELSE json_build_object('networks', (SELECT count(*) " CARRIED ")) END"

#define AGENTS \
    "host h JOIN agent g ON g.id = h.agent_id LEFT JOIN network_host nh ON nh.host = h.name" \
    " CROSS JOIN (VALUES ('l2', 'Linux bridge agent'), ('dhcp', 'DHCP agent'), ('l3', '" L3 "'), ('metadata', 'Metadata agent')) d(duty, agent_type)" \
    " LEFT JOIN network_agent s ON s.host = h.name AND s.duty = d.duty"
#define KEPT \
    "(lower(h.hypervisor_type) <> 'sim' AND (d.duty <> 'l3' OR nh.host IS NOT NULL) AND (s.gone_at IS NULL OR g.last_seen > s.gone_at))"
#define TEXT_OF(time) "to_char(" time " AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
/* clang-format on */

/* --- alive -------------------------------------------------------------------------------------------------------- */

static bool agents_is_alive(const struct kn_request *req, const char *silence)
{
    return silence[0] != '\0' && strtod(silence, NULL) < (double)req->conf->scheduler_agent_timeout_s;
}

static void agents_print_alive(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out)
{
    kn_jsonw_bool(out, name, agents_is_alive(req, value));
}

/* An expression that says whether one is silent for too long, as the words of a filter want it. */
static int agents_add_alive(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                            struct kn_error *err)
{
    AUTO_FREE char *sql = kn_asprintf("(%s < %d)", a->sql, (int)l->req->conf->scheduler_agent_timeout_s);
    const struct kn_rest_attr alive = { .name = a->name, .sql = sql, .type = KN_REST_BOOL };

    return kn_rest_boolean_word(l, &alive, key, value, err);
}

/* clang-format off */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", ID_OF("h", "d.duty"), KN_REST_UUID, FIND),
    KN_REST_ATTR("agent_type", "d.agent_type", KN_REST_TEXT, FIND),
    KN_REST_ATTR("binary", "'kilonova-agent'::text", KN_REST_TEXT, FIND),
    KN_REST_ATTR("topic", "'kn.agent.' || g.id", KN_REST_TEXT, FIND),
    KN_REST_ATTR("host", "h.name", KN_REST_TEXT, FIND),
    KN_REST_ATTR("admin_state_up", "coalesce(s.enabled, true)", KN_REST_BOOL, FIND | KN_REST_PUT),
    KN_REST_ATTR("created_at", TEXT_OF("h.created_at"), KN_REST_TEXT, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("started_at", TEXT_OF("g.hello_at"), KN_REST_TEXT, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("heartbeat_timestamp", TEXT_OF("g.last_seen"), KN_REST_TEXT, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("alive", SILENCE, KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER, .filter = agents_add_alive, .print = agents_print_alive),
    KN_REST_ATTR("configurations", CONFIGURATIONS, KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("description", "s.description", KN_REST_TEXT, FIND | KN_REST_PUT | KN_REST_NULL, .limit = KN_LIMIT_NETWORK_DESCRIPTION),
    KN_REST_ATTR("availability_zone", "(CASE WHEN d.duty IN ('dhcp', 'l3') THEN " KN_NETWORK_ZONE_OF("h") " END)", KN_REST_TEXT, FIND | KN_REST_NULL),
    KN_REST_ATTRS_END,
};
/* clang-format on */

const struct kn_rest_noun kn_network_agents = {
    .one = "agent",
    .many = "agents",
    .label = "Agent",
    .absent = "Agent %2 could not be found.",
    .absent_name = "AgentNotFound",
    .path = "/agents",
    .from = AGENTS,
    .kept = KEPT,
    .id = ID_OF("h", "d.duty"),
    .id_type = KN_REST_UUID,
    .visible = KN_NETWORK_NOBODYS,
    .order = "id",
    .ascending = true,
    .ties = "id",
    .attrs = ATTRS,
    .manners = &KN_REST_NEUTRON,
};

static const char *agents_cell(const struct kn_request *req, const char *name, const struct kn_rows *rows)
{
    const char *text = kn_rest_cell(&kn_network_agents, req, KN_REST_SHOW, name, rows, 0);

    return text != NULL ? text : "";
}

/* --- what is said of one ------------------------------------------------------------------------------------------ */

static const struct kn_stmt SAY = {
    "agent_say",
    "INSERT INTO network_agent (host, duty, description, enabled) SELECT h.name, d.duty, $3, coalesce($2::boolean, true) FROM host h"
    " CROSS JOIN (VALUES ('l2'), ('dhcp'), ('l3'), ('metadata')) d(duty) WHERE " ID_OF(
        "h",
        "d.duty") " = $1::uuid ON CONFLICT (host, duty) DO UPDATE SET enabled = coalesce($2::boolean, network_agent.enabled),"
                  " description = CASE WHEN $4::boolean THEN excluded.description ELSE network_agent.description END",
    4
};

/* Every host has the taps and the DHCP server of its guests: without them they would have no network at all. */
static int agents_check_up(const struct kn_request *req, const struct kn_rows *agent, const json_t *object,
                           struct kn_error *err)
{
    const char *type = agents_cell(req, "agent_type", agent);

    if (kn_schema_bool(object, "admin_state_up", true) || strcmp(type, L3) == 0) {
        return 0;
    }
    kn_fail(
        err, KN_BAD_REQUEST,
        "Invalid input for admin_state_up. Reason: a %s serves the servers of its host and cannot be switched off; an "
        "L3 agent can.",
        type);
    return kn_fail_name(err, "HTTPBadRequest");
}

int kn_network_agents_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const char *id = req->params[0];
    AUTO(kn_rows) struct kn_rows *agent = NULL;
    json_t *object = NULL;

    if (kn_rest_body(&kn_network_agents, req, KN_REST_PUT, &object, err) < 0 ||
        kn_rest_find(&kn_network_agents, req, id, KN_REST_SHOW, NULL, &agent, err) < 0 ||
        agents_check_up(req, agent, object, err) < 0) {
        return -1;
    }
    const char *up = json_object_get(object, "admin_state_up") == NULL ? NULL
                     : kn_schema_bool(object, "admin_state_up", true)  ? "t"
                                                                       : "f";

    return kn_db_run(req->db, &SAY,
                     KN_ARGS(id, up, kn_schema_text(object, "description", NULL),
                             json_object_get(object, "description") != NULL ? "t" : "f"),
                     NULL, err) < 0
               ? -1
               : kn_rest_show(&kn_network_agents, req, id, KN_REST_CHANGED, res, err);
}

static const struct kn_stmt GO = {
    "agent_go",
    "INSERT INTO network_agent (host, duty, gone_at) SELECT h.name, d.duty, g.last_seen FROM host h JOIN agent g ON g.id = h.agent_id"
    " CROSS JOIN (VALUES ('l2'), ('dhcp'), ('l3'), ('metadata')) d(duty) WHERE " ID_OF(
        "h",
        "d.duty") " = $1::uuid ON CONFLICT (host, duty) DO UPDATE SET gone_at = excluded.gone_at, enabled = true, description = NULL",
    1
};

int kn_network_agents_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const char *id = req->params[0];
    AUTO(kn_rows) struct kn_rows *agent = NULL;

    (void)res;
    if (kn_rest_find(&kn_network_agents, req, id, KN_REST_SHOW, NULL, &agent, err) < 0) {
        return -1;
    }
    if (agents_is_alive(req, agents_cell(req, "alive", agent))) {
        kn_fail(err, KN_CONFLICT, "Agent %s is alive on host %s: only one that is silent can be deleted.", id,
                agents_cell(req, "host", agent));
        return kn_fail_name(err, "AgentInUse");
    }
    return kn_db_run(req->db, &GO, KN_ARGS(id), NULL, err);
}

/* --- who serves what ---------------------------------------------------------------------------------------------- */

int kn_network_agents_of_network(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound bounds[] = {
        { "d.duty = 'dhcp'", NULL },
        { "EXISTS (SELECT FROM subnet u WHERE u.network_id = ?::uuid AND u.enable_dhcp)", req->params[0] },
        { "h.name IN (SELECT o.host FROM host_network_object o WHERE o.kind = 'network' AND o.id = ?::uuid)",
          req->params[0] },
        { NULL, NULL },
    };
    bool is_owned;

    return kn_rest_see(&kn_network_networks, req, req->params[0], &is_owned, err) < 0
               ? -1
               : kn_rest_list_within(&kn_network_agents, req, KN_REST_LIST, NULL, bounds, res, err);
}

int kn_network_agents_of_router(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound bounds[] = {
        { "d.duty = 'l3'", NULL },
        { "h.name = (SELECT r.host FROM router r WHERE r.id = ?::uuid)", req->params[0] },
        { NULL, NULL },
    };
    bool is_owned;

    return kn_rest_see(&kn_network_routers, req, req->params[0], &is_owned, err) < 0
               ? -1
               : kn_rest_list_within(&kn_network_agents, req, KN_REST_LIST, NULL, bounds, res, err);
}

static int agents_list_of(const struct kn_rest_noun *noun, const char *condition, struct kn_request *req,
                          struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound bounds[] = { { condition, req->params[0] }, { NULL, NULL } };
    bool is_owned;

    return kn_rest_see(&kn_network_agents, req, req->params[0], &is_owned, err) < 0
               ? -1
               : kn_rest_list_within(noun, req, KN_REST_LIST, NULL, bounds, res, err);
}

int kn_network_networks_of_agent(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return agents_list_of(
        &kn_network_networks,
        "n.id IN (SELECT o.id FROM host h JOIN host_network_object o ON o.host = h.name AND o.kind = 'network' WHERE " ID_OF(
            "h", "'dhcp'") " = ?::uuid)",
        req, res, err);
}

int kn_network_routers_of_agent(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return agents_list_of(&kn_network_routers,
                          "r.host IN (SELECT h.name FROM host h WHERE " ID_OF("h", "'l3'") " = ?::uuid)", req, res,
                          err);
}

int kn_network_agents_refuse(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const bool is_router = strstr(req->path, "l3-") != NULL;

    (void)res;
    return kn_fail(err, KN_NOT_IMPLEMENTED,
                   is_router
                       ? "Routers are not scheduled by hand in Kilonova: each is leased to a host of its "
                         "availability zones that lives; switch an L3 agent off to empty it."
                       : "Networks are not scheduled in Kilonova: each host serves those that its servers are in.");
}

/* --- zones -------------------------------------------------------------------------------------------------------- */

/* Of hosts that are switched on, the one heard last. */
#define ZONE_OF(resource, from, duty) \
    "SELECT " KN_NETWORK_ZONE_OF( \
        "h") " AS name, '" resource "' AS resource, min(" SILENCE \
             ") FILTER (WHERE coalesce(s.enabled, true)) AS silence FROM " from \
             " JOIN agent g ON g.id = h.agent_id LEFT JOIN network_agent s ON s.host = h.name AND s.duty = '" duty \
             "' GROUP BY 1"
#define ZONES \
    "(" ZONE_OF("network", "host h", \
                "dhcp") " UNION ALL " ZONE_OF("router", "network_host nh JOIN host h ON h.name = nh.host", "l3") ") z"

static void zones_print_state(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out)
{
    kn_jsonw_str(out, name, agents_is_alive(req, value) ? "available" : "unavailable");
}

static int zones_add_state(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                           struct kn_error *err)
{
    AUTO_FREE char *sql = kn_asprintf("(CASE WHEN %s < %d THEN 'available' ELSE 'unavailable' END)", a->sql,
                                      (int)l->req->conf->scheduler_agent_timeout_s);
    const struct kn_rest_attr state = { .name = a->name, .sql = sql, .type = KN_REST_TEXT };

    return kn_rest_any_of(l, &state, key, value, err);
}

static const struct kn_rest_attr ZONE_ATTRS[] = {
    KN_REST_ATTR("name", "z.name", KN_REST_TEXT, FIND),
    KN_REST_ATTR("resource", "z.resource", KN_REST_TEXT, FIND),
    KN_REST_ATTR("state", "z.silence", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER, .filter = zones_add_state,
                 .print = zones_print_state),
    KN_REST_ATTRS_END,
};

const struct kn_rest_noun kn_network_zones = {
    .one = "availability_zone",
    .many = "availability_zones",
    .label = "AvailabilityZone",
    .path = "/availability_zones",
    .from = ZONES,
    .id = "z.name",
    .id_type = KN_REST_TEXT,
    .order = "name",
    .ascending = true,
    .ties = "name,resource",
    .attrs = ZONE_ATTRS,
    .manners = &KN_REST_NEUTRON,
};

static const struct kn_stmt ZONE_MISSING = {
    "zone_missing",
    "SELECT w FROM jsonb_array_elements_text($1::jsonb) w WHERE NOT EXISTS (SELECT FROM host h WHERE " KN_NETWORK_ZONE_OF(
        "h") " = w"
             " AND ($2 = 'network' OR EXISTS (SELECT FROM network_host nh WHERE nh.host = h.name))) LIMIT 1",
    2
};

int kn_network_zones_check(struct kn_request *req, const json_t *object, const char *resource, struct kn_error *err)
{
    enum { ZONE_NAME };
    const json_t *hints = json_object_get(object, "availability_zone_hints");
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (json_array_size(hints) == 0) {
        return 0;
    }
    AUTO_FREE char *text = json_dumps(hints, JSON_COMPACT);

    if (kn_db_run(req->db, &ZONE_MISSING, KN_ARGS(text, resource), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0) {
        kn_fail(err, KN_NOT_FOUND, "AvailabilityZone %.64s could not be found.", kn_rows_text(rows, 0, ZONE_NAME));
        return kn_fail_name(err, "AvailabilityZoneNotFound");
    }
    return 0;
}
