/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.c: the kinds of things that hosts are told of, as SQL. A thing's object has the fields of its form (lib/domain/state_forms.c); what is NULL is left out.
 * Who is told and when is state.c's.
 */
#include "network/serve/source.h"

#include <stddef.h>

#include "network/rows/networks.h"
#include "network/rows/ports/extras.h"

#define OBJECT(members) "json_strip_nulls(json_build_object(" members "))"
#define LIST_OF(item, rest) "coalesce((SELECT json_agg(" item ") " rest "), '[]'::json)"

/* A server's ports are its NICs. */
#define SERVER_OF(p) "CASE WHEN " p ".nic IS NOT NULL THEN " p ".device_id END"
#define NAMED(p) " LEFT JOIN server s ON s.id = CASE WHEN " p ".nic IS NOT NULL THEN " p ".device_id::uuid END"

#define NAME_OF(p) "nullif(" KN_PORT_NAME(p, "s") ", '')"

/* Where a port lives, if other hosts can reach it there. */
#define LIVES(p) \
    " JOIN port_binding b ON b.port_id = " p \
    ".id AND b.state = 'active' JOIN host h ON h.name = b.host AND h.underlay <> ''"

/* clang-format off */
/* A floating address that somebody has. */
#define LENT "(f.port_id IS NOT NULL OR EXISTS (SELECT 1 FROM port_forwarding w WHERE w.floating_ip_id = f.id))"

#define NETWORK_OBJECTS \
    "SELECT n.id, " OBJECT("'id', n.id, 'type', n.type, 'physical', n.physical, 'vni', n.vni, 'mtu', " KN_NETWORK_WIRE_MTU("n") ", 'domain', nullif(rtrim(n.dns_domain, '.'), ''), 'dhcp_mac', d.mac, 'dhcp_ips', " \
        LIST_OF("host(a.ip) ORDER BY a.ip", "FROM address a WHERE a.port_id = d.id") ", 'subnets', " \
        LIST_OF("json_build_object('id', u.id, 'cidr', u.cidr, 'gateway', host(u.gateway_ip), 'dhcp', u.enable_dhcp, 'ra_mode', u.ra_mode, 'address_mode', u.address_mode," \
                " 'dns', array_to_json(u.dns_nameservers), 'routes', u.host_routes) ORDER BY u.id", "FROM subnet u WHERE u.network_id = n.id")) \
    " FROM network n LEFT JOIN LATERAL (SELECT p.id, p.mac FROM port p WHERE p.network_id = n.id AND p.device_owner = 'network:dhcp' AND " KN_PORT_IS_UP("p") " ORDER BY p.id LIMIT 1) d ON true" \
    " WHERE n.id = ANY($1::uuid[])"

/* Its own, or else its network's, which the network's own devices do not heed. */
#define POLICY_OF_PORT \
    "coalesce(p.qos_policy_id, (SELECT n.qos_policy_id FROM network n WHERE n.id = p.network_id AND p.device_owner NOT LIKE 'network:%'))"

#define PAIRS_OF(p) \
    LIST_OF("json_build_object('ip', e.pair->>'ip_address', 'mac', e.pair->>'mac_address') ORDER BY e.n", \
            "FROM jsonb_array_elements(" p ".allowed_pairs) WITH ORDINALITY AS e(pair, n)")

/* What its guest announced of them. */
#define ANNOUNCED_OF(p) \
    "CASE WHEN " p ".allowed_pairs <> '[]' THEN (SELECT json_agg(json_build_object('ip', host(c.ip), 'mac', c.mac, 'number', c.number) ORDER BY c.ip)" \
    " FROM announced_address c WHERE c.port_id = " p ".id) END"

#define PORT_OBJECTS \
    "SELECT p.id, " OBJECT("'id', p.id, 'network', p.network_id, 'server', " SERVER_OF("p") ", 'hostname', " NAME_OF("p") ", 'mac', p.mac," \
        " 'up', " KN_PORT_IS_UP("p") ", 'is_router', p.device_owner IN ('network:router_interface', 'network:router_gateway'), 'filtered', p.port_security, 'pairs', " \
        PAIRS_OF("p") ", 'announced', " ANNOUNCED_OF("p") \
        ", 'options', (SELECT json_agg(json_build_object('name', o.option->>'opt_name', 'value', o.option->>'opt_value', 'version', o.option->'ip_version') ORDER BY o.n)" \
        " FROM jsonb_array_elements(p.dhcp_options) WITH ORDINALITY AS o(option, n)), 'groups', CASE WHEN p.port_security THEN " \
        LIST_OF("g.group_id ORDER BY g.group_id", "FROM port_security_group g WHERE g.port_id = p.id") " END, 'policy', " POLICY_OF_PORT ", 'floating', (SELECT json_agg(json_build_object('id', f.id, 'outside', host(f.ip), 'inside', host(f.fixed_ip)) ORDER BY f.id)" \
        " FROM floating_ip f WHERE f.port_id = p.id), 'ips', " \
        LIST_OF("json_build_object('subnet', a.subnet_id, 'ip', host(a.ip)) ORDER BY a.ip", "FROM address a WHERE a.port_id = p.id")) \
    " FROM port p" NAMED("p") " WHERE p.id = ANY($1::uuid[])"

#define PEER_OBJECTS \
    "SELECT p.id, " OBJECT("'id', p.id, 'network', p.network_id, 'hostname', " NAME_OF("p") ", 'mac', p.mac, 'ips', " \
        LIST_OF("host(a.ip) ORDER BY a.ip", "FROM (SELECT ip FROM address WHERE port_id = p.id UNION SELECT f.ip FROM floating_ip f WHERE p.device_owner = 'network:router_gateway'" \
                " AND f.router_id::text = p.device_id AND " LENT ") a") ", 'pairs', CASE WHEN p.allowed_pairs <> '[]' THEN " PAIRS_OF("p") " END, 'announced', " ANNOUNCED_OF("p") ", 'underlay', h.underlay") \
    " FROM port p" LIVES("p") NAMED("p") " WHERE p.id = ANY($1::uuid[])"

/* What ports on hosts $1 have, by way of their groups. */
#define GROUPS_THERE \
    " FROM port_binding b JOIN port_security_group g ON g.port_id = b.port_id WHERE b.host = ANY($1::text[])"
#define RULES_THERE(column) \
    "SELECT DISTINCT b.host, r." column " FROM port_binding b JOIN port_security_group g ON g.port_id = b.port_id" \
    " JOIN security_group_rule r ON r.group_id = g.group_id WHERE b.host = ANY($1::text[]) AND r." column " IS NOT NULL"

#define GROUP_OBJECTS \
    "SELECT g.id, " OBJECT("'id', g.id, 'stateful', g.stateful, 'rules', " \
        LIST_OF("json_build_object('id', r.id, 'ingress', r.direction = 'ingress', 'family', CASE r.ethertype WHEN 'IPv4' THEN 4 ELSE 6 END," \
                " 'protocol', r.number, 'first', r.range_min, 'last', r.range_max, 'prefix', text(network(r.remote_prefix))," \
                " 'group', r.remote_group_id, 'addresses', r.remote_address_group_id) ORDER BY r.id", \
                "FROM security_group_rule r WHERE r.group_id = g.id")) \
    " FROM security_group g WHERE g.id = ANY($1::uuid[])"

/* On a host whose changes are told: of a simulated one only if it hears of networks. */
#define LIVES_ANYWHERE(port) \
    "EXISTS (SELECT FROM port_binding b JOIN host h ON h.name = b.host WHERE b.port_id = " port " AND (lower(h.hypervisor_type) <> 'sim'" \
    " OR EXISTS (SELECT FROM host_network_state t WHERE t.host = h.name)))"

#define IS_ONE "masklen((e.pair->>'ip_address')::inet) = CASE family((e.pair->>'ip_address')::inet) WHEN 4 THEN 32 ELSE 128 END"

/* A port that lives anywhere; the single addresses that it may use beside its own are its own here. */
#define MEMBER_OBJECTS \
    "SELECT p.id, " OBJECT("'id', p.id, 'ips', " \
        LIST_OF("i.ip ORDER BY i.ip", "FROM (SELECT host(a.ip) AS ip FROM address a WHERE a.port_id = p.id UNION" \
                " SELECT host((e.pair->>'ip_address')::inet) FROM jsonb_array_elements(p.allowed_pairs) AS e(pair)" \
                " WHERE " IS_ONE ") i") \
        ", 'prefixes', (SELECT json_agg(i.prefix ORDER BY i.prefix) FROM (SELECT DISTINCT text(network((e.pair->>'ip_address')::inet)) AS prefix" \
        " FROM jsonb_array_elements(p.allowed_pairs) AS e(pair) WHERE NOT " IS_ONE ") i), 'groups', " LIST_OF("g.group_id ORDER BY g.group_id", "FROM port_security_group g WHERE g.port_id = p.id")) \
    " FROM port p WHERE p.id = ANY($1::uuid[])"

#define ADDRESSES_OBJECTS \
    "SELECT a.id, " OBJECT("'id', a.id, 'prefixes', " LIST_OF("text(m.address) ORDER BY m.address", "FROM address_group_address m WHERE m.group_id = a.id")) \
    " FROM address_group a WHERE a.id = ANY($1::uuid[])"

#define LIMIT_OF_POLICY(direction) \
    "(SELECT json_build_object('max_kbps', r.max_kbps, 'burst_kbit', r.max_burst_kbps) FROM qos_rule r WHERE r.policy_id = q.id" \
    " AND r.kind = 'bandwidth_limit' AND r.direction = '" direction "')"
#define POLICY_OBJECTS \
    "SELECT q.id, " OBJECT("'id', q.id, 'to_guest', " LIMIT_OF_POLICY("ingress") ", 'from_guest', " LIMIT_OF_POLICY("egress") \
        ", 'dscp', (SELECT r.dscp_mark FROM qos_rule r WHERE r.policy_id = q.id AND r.kind = 'dscp_marking')") \
    " FROM qos_policy q WHERE q.id = ANY($1::uuid[])"

/* A router's legs, less those that are switched off, in an order in which the one that leads outside is the last. */
#define LEGS_OF(r) "FROM port p WHERE p.device_id = " r ".id::text AND p.device_owner IN ('network:router_interface', 'network:router_gateway') AND " KN_PORT_IS_UP("p")
#define DEFAULT_ROUTES \
    "(SELECT coalesce(jsonb_agg(w.route), '[]') FROM (SELECT DISTINCT ON (family(s.gateway_ip)) jsonb_build_object('destination'," \
    " CASE family(s.gateway_ip) WHEN 4 THEN '0.0.0.0/0' ELSE '::/0' END, 'nexthop', host(s.gateway_ip)) AS route FROM port g JOIN address a ON a.port_id = g.id" \
    " JOIN subnet s ON s.id = a.subnet_id WHERE g.device_id = r.id::text AND g.device_owner = 'network:router_gateway' AND s.gateway_ip IS NOT NULL" \
    " ORDER BY family(s.gateway_ip), a.ip) w WHERE NOT r.routes @> jsonb_build_array(jsonb_build_object('destination', w.route->'destination')))"
/* The address scope of what a port has of a family. */
#define SCOPE_OF(p, family) \
    "(SELECT l.address_scope_id FROM address a JOIN subnet s ON s.id = a.subnet_id JOIN subnet_pool l ON l.id = s.subnetpool_id WHERE a.port_id = " p ".id" \
    " AND family(a.ip) = " family " LIMIT 1)"
#define ROUTER_OBJECTS \
    "SELECT r.id, " OBJECT("'id', r.id, 'lease', r.lease, 'up', r.admin_state_up, 'interfaces', " \
        LIST_OF("json_build_object('port', p.id, 'network', p.network_id, 'mac', p.mac, 'ips', (SELECT coalesce(json_agg(host(a.ip) || '/' || masklen(s.cidr) ORDER BY a.ip), '[]')" \
                " FROM address a JOIN subnet s ON s.id = a.subnet_id WHERE a.port_id = p.id), 'scope4', " SCOPE_OF("p", "4") ", 'scope6', " SCOPE_OF("p", "6") \
                ") ORDER BY p.device_owner = 'network:router_gateway', p.id", LEGS_OF("r")) \
        ", 'gateway', (SELECT count(*) - 1 " LEGS_OF("r") " HAVING bool_or(p.device_owner = 'network:router_gateway')), 'snat', r.snat," \
        " 'snat_ip', (SELECT host(a.ip) FROM port g JOIN address a ON a.port_id = g.id AND family(a.ip) = 4 WHERE g.device_id = r.id::text" \
        "  AND g.device_owner = 'network:router_gateway' ORDER BY a.ip LIMIT 1), 'routes', r.routes || " DEFAULT_ROUTES ", 'floating', " \
        LIST_OF("json_build_object('id', f.id, 'outside', host(f.ip), 'inside', host(f.fixed_ip)) ORDER BY f.id", \
                "FROM floating_ip f WHERE f.router_id = r.id AND f.port_id IS NOT NULL") ", 'forwards', " \
        LIST_OF("json_build_object('id', w.id, 'outside', host(f.ip), 'inside', host(w.fixed_ip), 'protocol', CASE w.protocol WHEN 'tcp' THEN 6 ELSE 17 END," \
                " 'outside_first', w.external_port, 'outside_last', w.external_last, 'inside_first', w.internal_port, 'inside_last', w.internal_last) ORDER BY w.id", \
                "FROM floating_ip f JOIN port_forwarding w ON w.floating_ip_id = f.id WHERE f.router_id = r.id")) \
    " FROM router r WHERE r.id = ANY($1::uuid[])"

const struct kn_network_source kn_network_sources[] = {
    { .kind = "network", .root = "network", .change = "network",
      .wanted = { "source_network_wanted",
          "SELECT DISTINCT b.host, p.network_id FROM port_binding b JOIN port p ON p.id = b.port_id WHERE b.host = ANY($1::text[])", 1 },
      .objects = { "source_network_objects", NETWORK_OBJECTS, 1 } },

    { .kind = "port", .change = "port", .on = "network",
      .seats = { "source_port_seats", "SELECT DISTINCT host FROM port_binding WHERE port_id = ANY($1::uuid[])", 1 },
      .hung = { "source_port_hung",
          "SELECT w.host, p.id FROM unnest($1::text[], $2::uuid[]) AS w(host, id) JOIN port_binding b ON b.host = w.host"
          " JOIN port p ON p.id = b.port_id AND p.network_id = w.id", 2 },
      .here = { "source_port_here", "SELECT host, port_id FROM port_binding WHERE port_id = ANY($1::uuid[])", 1 },
      .told = { "source_port_told", "SELECT h.name, c.id FROM network_change c CROSS JOIN unnest(c.hosts) AS h(name) WHERE c.seq = ANY($1::bigint[])", 1 },
      .objects = { "source_port_objects", PORT_OBJECTS, 1 } },

    { .kind = "peer", .change = "port", .on = "network",
      .hung = { "source_peer_hung",
          "SELECT w.host, p.id FROM unnest($1::text[], $2::uuid[]) AS w(host, id) JOIN port p ON p.network_id = w.id" LIVES("p") " AND b.host <> w.host", 2 },
      .here = { "source_peer_here",
          "SELECT o.host, p.id FROM port p" LIVES("p") " JOIN host_network_object o ON o.kind = 'network' AND o.id = p.network_id AND o.host <> b.host"
          " WHERE p.id = ANY($1::uuid[])", 1 },
      .told = { "source_peer_told",
          "SELECT o.host, c.id FROM network_change c JOIN host_network_object o ON o.kind = 'network' AND o.id = c.network_id WHERE c.seq = ANY($1::bigint[])", 1 },
      .objects = { "source_peer_objects", PEER_OBJECTS, 1 } },

    { .kind = "group", .root = "group", .change = "group",
      .wanted = { "source_group_wanted", "SELECT DISTINCT b.host, g.group_id" GROUPS_THERE, 1 },
      .seats = { "source_group_seats",
          "SELECT DISTINCT b.host FROM port_binding b JOIN port_security_group g ON g.port_id = b.port_id WHERE g.group_id = ANY($1::uuid[])", 1 },
      .objects = { "source_group_objects", GROUP_OBJECTS, 1 } },

    /* A group that a rule there names: not the group itself, its members. Whatever moves it is a change of the group that has the rule. */
    { .root = "remote", .change = "",
      .wanted = { "source_remote_wanted", RULES_THERE("remote_group_id"), 1 } },

    { .kind = "member", .change = "port", .on = "remote",
      .hung = { "source_member_hung",
          "SELECT w.host, g.port_id FROM unnest($1::text[], $2::uuid[]) AS w(host, id) JOIN port_security_group g ON g.group_id = w.id"
          " WHERE " LIVES_ANYWHERE("g.port_id"), 2 },
      .here = { "source_member_here",
          "SELECT DISTINCT o.host, g.port_id FROM port_security_group g JOIN host_network_object o ON o.kind = 'remote' AND o.id = g.group_id"
          " WHERE g.port_id = ANY($1::uuid[]) AND " LIVES_ANYWHERE("g.port_id"), 1 },
      .told = { "source_member_told",
          "SELECT DISTINCT o.host, c.id FROM network_change c CROSS JOIN unnest(c.groups) AS g(id)"
          " JOIN host_network_object o ON o.kind = 'remote' AND o.id = g.id WHERE c.seq = ANY($1::bigint[])", 1 },
      .objects = { "source_member_objects", MEMBER_OBJECTS, 1 } },

    { .kind = "addresses", .root = "addresses", .change = "addresses",
      .wanted = { "source_addresses_wanted", RULES_THERE("remote_address_group_id"), 1 },
      .objects = { "source_addresses_objects", ADDRESSES_OBJECTS, 1 } },

    { .kind = "policy", .root = "policy", .change = "policy",
      .wanted = { "source_policy_wanted",
          "SELECT DISTINCT x.host, x.policy FROM (SELECT b.host, " POLICY_OF_PORT " AS policy FROM port_binding b JOIN port p ON p.id = b.port_id"
          " WHERE b.host = ANY($1::text[])) x WHERE x.policy IS NOT NULL", 1 },
      .objects = { "source_policy_objects", POLICY_OBJECTS, 1 } },

    { .kind = "router", .root = "router", .change = "router",
      .wanted = { "source_router_wanted", "SELECT host, id FROM router WHERE host = ANY($1::text[])", 1 },
      .seats = { "source_router_seats", "SELECT DISTINCT host FROM router WHERE id = ANY($1::uuid[]) AND host IS NOT NULL", 1 },
      .objects = { "source_router_objects", ROUTER_OBJECTS, 1 } },

    { .change = NULL },
};
/* clang-format on */
