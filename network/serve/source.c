/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.c: the kinds of things that hosts are told of, as SQL. A thing's object has the fields of its form (lib/domain/state_forms.c); what is NULL is left out.
 * Who is told and when is state.c's.
 */
#include "network/serve/source.h"

#include <stddef.h>

#define OBJECT(members) "json_strip_nulls(json_build_object(" members "))"
#define LIST_OF(item, rest) "coalesce((SELECT json_agg(" item ") " rest "), '[]'::json)"

/* A server's ports are its NICs; the name is the server's. */
#define SERVER_OF(p) "CASE WHEN " p ".nic IS NOT NULL THEN " p ".device_id END"
#define NAMED(p) " LEFT JOIN server s ON s.id = CASE WHEN " p ".nic IS NOT NULL THEN " p ".device_id::uuid END"

/* Where a port lives, if other hosts can reach it there. */
#define LIVES(p) \
    " JOIN port_binding b ON b.port_id = " p \
    ".id AND b.state = 'active' JOIN host h ON h.name = b.host AND h.underlay <> ''"

/* clang-format off */
#define NETWORK_OBJECTS \
    "SELECT n.id, " OBJECT("'id', n.id, 'type', 'vxlan', 'vni', n.vni, 'mtu', n.mtu, 'dhcp_mac', d.mac, 'dhcp_ips', " \
        LIST_OF("host(a.ip) ORDER BY a.ip", "FROM address a WHERE a.port_id = d.id") ", 'subnets', " \
        LIST_OF("json_build_object('id', u.id, 'cidr', u.cidr, 'gateway', host(u.gateway_ip), 'dhcp', u.enable_dhcp," \
                " 'dns', array_to_json(u.dns_nameservers), 'routes', u.host_routes) ORDER BY u.id", "FROM subnet u WHERE u.network_id = n.id")) \
    " FROM network n LEFT JOIN LATERAL (SELECT p.id, p.mac FROM port p WHERE p.network_id = n.id AND p.device_owner = 'network:dhcp' ORDER BY p.id LIMIT 1) d ON true" \
    " WHERE n.id = ANY($1::uuid[])"

#define PORT_OBJECTS \
    "SELECT p.id, " OBJECT("'id', p.id, 'network', p.network_id, 'server', " SERVER_OF("p") ", 'hostname', s.hostname, 'mac', p.mac," \
        " 'up', p.admin_state_up, 'filtered', true, 'ips', " \
        LIST_OF("json_build_object('subnet', a.subnet_id, 'ip', host(a.ip)) ORDER BY a.ip", "FROM address a WHERE a.port_id = p.id")) \
    " FROM port p" NAMED("p") " WHERE p.id = ANY($1::uuid[])"

#define PEER_OBJECTS \
    "SELECT p.id, " OBJECT("'id', p.id, 'network', p.network_id, 'hostname', s.hostname, 'mac', p.mac, 'ips', " \
        LIST_OF("host(a.ip) ORDER BY a.ip", "FROM address a WHERE a.port_id = p.id") ", 'underlay', h.underlay") \
    " FROM port p" LIVES("p") NAMED("p") " WHERE p.id = ANY($1::uuid[])"

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

    { .change = NULL },
};
/* clang-format on */
