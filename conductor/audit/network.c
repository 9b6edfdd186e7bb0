/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Promises about ports and addresses, and about what servers show of them: `server.nics` is derived from both, and guests are configured by it.
 */
#include "conductor/audit/audit.h"

/* clang-format off */
const struct kn_conductor_promise kn_conductor_promises_network[] = {
    { "4. every bound port belongs to a server or to the network itself",
      "SELECT format('port %s is bound to %s for %s \"%s\"', p.id, b.host, p.device_owner, p.device_id) FROM port p "
      "JOIN port_binding b ON b.port_id = p.id WHERE NOT p.made_for_server AND p.device_owner NOT LIKE 'network:%' AND NOT EXISTS "
      "(SELECT 1 FROM server s WHERE s.id::text = p.device_id AND s.deleted_at IS NULL)", NULL, NULL },
    { "4. no port outlives the server that it was made for",
      "SELECT format('port %s of server %s', p.id, p.device_id) FROM port p WHERE p.made_for_server AND NOT EXISTS "
      "(SELECT 1 FROM server s WHERE s.id::text = p.device_id AND (s.deleted_at IS NULL OR " KN_AUDIT_MOVING("s.id") "))", NULL, NULL },
    { "4. every port of a server is bound where the server is",
      "SELECT format('port %s is bound to %s, its server %s is on %s', p.id, coalesce(b.host, '-'), s.id, s.host) FROM port p "
      "JOIN server s ON s.id::text = p.device_id LEFT JOIN port_binding b ON b.port_id = p.id AND b.state = 'active' WHERE p.nic IS NOT NULL AND s.deleted_at IS NULL AND s.host IS NOT NULL AND s.vm_state <> 'error' "
      "AND NOT " KN_AUDIT_MOVING("s.id") " AND b.host IS DISTINCT FROM s.host", NULL, NULL },
    { "4. no port is bound to a second host unless its server moves",
      "SELECT format('port %s of %s is bound to %s, too', p.id, p.device_id, b.host) FROM port_binding b JOIN port p ON p.id = b.port_id "
      "WHERE b.state <> 'active' AND NOT EXISTS (SELECT 1 FROM server s WHERE s.id::text = p.device_id AND " KN_AUDIT_MOVING("s.id") ")", NULL, NULL },
    { "4. a server shows its ports and no other",
      "SELECT format('server %s shows port %s, which is not its own', s.id, n.nic->>'port') FROM server s "
      "CROSS JOIN LATERAL jsonb_array_elements(s.nics::jsonb) n(nic) LEFT JOIN port p ON p.id::text = n.nic->>'port' "
      "WHERE s.deleted_at IS NULL AND s.host IS NOT NULL AND s.vm_state <> 'error' AND NOT " KN_AUDIT_MOVING("s.id") " "
      "AND p.device_id IS DISTINCT FROM s.id::text AND NOT EXISTS (SELECT 1 FROM server o WHERE o.id::text = p.device_id AND o.deleted_at IS NULL) "
      "UNION ALL SELECT format('port %s is a NIC of server %s, which does not show it', p.id, s.id) FROM port p "
      "JOIN server s ON s.id::text = p.device_id WHERE p.nic IS NOT NULL AND s.deleted_at IS NULL AND s.host IS NOT NULL AND s.vm_state <> 'error' "
      "AND NOT " KN_AUDIT_MOVING("s.id") " AND NOT s.nics::jsonb @> jsonb_build_array(jsonb_build_object('port', p.id))", NULL, NULL },
    { "4. no two servers use one port",
      "SELECT format('port %s is shown by servers %s', n.nic->>'port', string_agg(s.id::text, ', ' ORDER BY s.id)) FROM server s "
      "CROSS JOIN LATERAL jsonb_array_elements(s.nics::jsonb) n(nic) WHERE s.deleted_at IS NULL AND NOT " KN_AUDIT_MOVING("s.id") " "
      "GROUP BY n.nic->>'port' HAVING count(*) > 1", NULL, NULL },
    { "4. a server shows its ports' addresses",
      "SELECT format('server %s shows port %s with %s %s', s.id, p.id, n.nic->>'mac', n.nic->'ips') FROM server s "
      "CROSS JOIN LATERAL jsonb_array_elements(s.nics::jsonb) n(nic) JOIN port p ON p.id::text = n.nic->>'port' AND p.device_id = s.id::text "
      "WHERE s.deleted_at IS NULL AND s.host IS NOT NULL AND s.vm_state <> 'error' AND NOT " KN_AUDIT_MOVING("s.id") " "
      "AND (lower(n.nic->>'mac') IS DISTINCT FROM p.mac::text "
      "OR (SELECT array_agg(i.ip->>'address' ORDER BY i.ip->>'address') FROM jsonb_array_elements(n.nic->'ips') i(ip)) IS DISTINCT FROM "
      "(SELECT array_agg(host(a.ip) ORDER BY host(a.ip)) FROM address a WHERE a.port_id = p.id))", NULL, NULL },
    { "4. a server's NICs are its ports in their order, in their networks",
      "SELECT format('server %s shows port %s as NIC %s of network %s, VNI %s, MTU %s', s.id, p.id, n.place - 1, n.nic->>'network', n.nic->>'vni', n.nic->>'mtu') "
      "FROM server s CROSS JOIN LATERAL jsonb_array_elements(s.nics::jsonb) WITH ORDINALITY n(nic, place) "
      "JOIN port p ON p.id::text = n.nic->>'port' AND p.device_id = s.id::text AND p.nic IS NOT NULL JOIN network w ON w.id = p.network_id "
      "WHERE s.deleted_at IS NULL AND s.host IS NOT NULL AND s.vm_state <> 'error' AND NOT " KN_AUDIT_MOVING("s.id") " "
      "AND (n.place - 1, n.nic->>'network', n.nic->>'vni', n.nic->>'mtu') IS DISTINCT FROM (p.nic::bigint, w.id::text, w.vni::text, greatest(w.mtu, 68)::text)", NULL, NULL },
    { "4. a server shows its ports' security groups",
      "SELECT format('server %s shows security groups %s, its ports have %s', s.id, s.group_ids, p.ids) FROM server s CROSS JOIN LATERAL "
      "(SELECT coalesce(array_agg(DISTINCT b.group_id), '{}') AS ids FROM port p JOIN port_security_group b ON b.port_id = p.id WHERE p.device_id = s.id::text AND p.device_id <> '' AND p.nic IS NOT NULL) p "
      "WHERE s.group_ids IS NOT NULL AND (s.deleted_at IS NOT NULL OR s.vm_state <> 'error') AND NOT " KN_AUDIT_MOVING("s.id") " "
      "AND (SELECT coalesce(array_agg(DISTINCT i), '{}') FROM unnest(s.group_ids) i) <> p.ids", NULL, NULL },
    { "4. a server shows what stands for its addresses outside",
      "SELECT format('server %s shows port %s with %s outside', s.id, p.id, n.nic->'ips') FROM server s "
      "CROSS JOIN LATERAL jsonb_array_elements(s.nics::jsonb) n(nic) JOIN port p ON p.id::text = n.nic->>'port' AND p.device_id = s.id::text "
      "WHERE s.deleted_at IS NULL AND s.host IS NOT NULL AND s.vm_state <> 'error' AND NOT " KN_AUDIT_MOVING("s.id") " "
      "AND NOT EXISTS (SELECT 1 FROM network_change c WHERE c.id = p.id) "
      "AND (SELECT array_agg(f.ip ORDER BY f.ip) FROM jsonb_array_elements(n.nic->'ips') i(ip), jsonb_array_elements_text(i.ip->'floating') f(ip)) IS DISTINCT FROM "
      "(SELECT array_agg(host(f.ip) ORDER BY host(f.ip)) FROM floating_ip f WHERE f.port_id = p.id)", NULL, NULL },
    { "4. nothing is of a port, a security group or a subnet that is gone",
      "SELECT format('address %s is of port %s', a.ip, a.port_id) FROM address a WHERE NOT EXISTS (SELECT 1 FROM port p WHERE p.id = a.port_id) "
      "UNION ALL SELECT format('a binding to %s is of port %s', b.host, b.port_id) FROM port_binding b WHERE NOT EXISTS (SELECT 1 FROM port p WHERE p.id = b.port_id) "
      "UNION ALL SELECT format('port %s has security group %s', b.port_id, b.group_id) FROM port_security_group b "
      "WHERE NOT EXISTS (SELECT 1 FROM port p WHERE p.id = b.port_id) OR NOT EXISTS (SELECT 1 FROM security_group g WHERE g.id = b.group_id) "
      "UNION ALL SELECT format('address %s waits for subnet %s', r.ip, r.subnet_id) FROM address_ready r WHERE NOT EXISTS (SELECT 1 FROM subnet s WHERE s.id = r.subnet_id)", NULL, NULL },
    { "4. every port is bound to a host that there is",
      "SELECT format('port %s is bound to %s, which is not there', b.port_id, b.host) FROM port_binding b "
      "WHERE NOT EXISTS (SELECT 1 FROM host h WHERE h.name = b.host)", NULL, NULL },
    { "4. every port of a server has an address if its network has subnets",
      "SELECT format('port %s of server %s has no address', p.id, p.device_id) FROM port p JOIN server s ON s.id::text = p.device_id "
      "WHERE p.nic IS NOT NULL AND s.deleted_at IS NULL AND NOT " KN_AUDIT_MOVING("s.id") " AND NOT EXISTS (SELECT 1 FROM address a WHERE a.port_id = p.id) "
      "AND EXISTS (SELECT 1 FROM subnet n WHERE n.network_id = p.network_id AND n.created_at < p.created_at)", NULL, NULL },
    { "4. every address lies in its subnet",
      "SELECT format('address %s of port %s is not in %s', a.ip, a.port_id, s.cidr) FROM address a JOIN subnet s ON s.id = a.subnet_id "
      "WHERE NOT a.ip <<= s.cidr", NULL, NULL },
    { "4. no port that the cloud made has the gateway's address",
      "SELECT format('port %s has %s, the gateway of subnet %s', p.id, a.ip, s.id) FROM address a JOIN subnet s ON s.id = a.subnet_id "
      "JOIN port p ON p.id = a.port_id WHERE host(a.ip) = host(s.gateway_ip) AND (p.made_for_server OR p.device_owner = 'network:dhcp')", NULL, NULL },
    { "4. every address is of a subnet of its port's network",
      "SELECT format('address %s of port %s is of another network', a.ip, p.id) FROM address a JOIN subnet s ON s.id = a.subnet_id "
      "JOIN port p ON p.id = a.port_id WHERE s.network_id <> p.network_id", NULL, NULL },
    { "4. every pool lies in its subnet",
      "SELECT format('subnet %s is %s, its pool %s to %s', s.id, s.cidr, a.pool->>'start', a.pool->>'end') FROM subnet s "
      "CROSS JOIN LATERAL jsonb_array_elements(s.pools) a(pool) WHERE NOT ((a.pool->>'start')::inet <<= s.cidr AND (a.pool->>'end')::inet <<= s.cidr)", NULL, NULL },
    { "4. no two subnets of a network overlap",
      "SELECT format('subnets %s (%s) and %s (%s) of network %s', a.id, a.cidr, b.id, b.cidr, a.network_id) FROM subnet a "
      "JOIN subnet b ON b.network_id = a.network_id AND b.id > a.id WHERE a.cidr && b.cidr", NULL, NULL },
    { "4. hosts hear of every change within a minute",
      "SELECT format('%s %s changed at %s%s', kind, id, made_at, coalesce(', and nobody can be told: ' || aside, '')) FROM network_change "
      "WHERE aside IS NOT NULL OR made_at < now() - interval '1 minute'", NULL, NULL },
    { "4. only ports with port security have security groups",
      "SELECT format('port %s has security group %s and no port security', p.id, b.group_id) FROM port_security_group b "
      "JOIN port p ON p.id = b.port_id WHERE NOT p.port_security", NULL, NULL },
    { "4. the security groups of a port are all stateful, or none is",
      "SELECT format('port %s has both stateful and stateless security groups', b.port_id) FROM port_security_group b "
      "JOIN security_group g ON g.id = b.group_id GROUP BY b.port_id HAVING bool_and(g.stateful) <> bool_or(g.stateful)", NULL, NULL },
    { "4. every RBAC policy lets somebody at something that there is",
      "SELECT format('RBAC policy %s of %s %s', b.id, b.object_type, b.object_id) FROM rbac_policy b WHERE NOT EXISTS (SELECT 1 FROM "
      "(SELECT 'network' AS type, id FROM network UNION ALL SELECT 'qos_policy', id FROM qos_policy UNION ALL SELECT 'security_group', id FROM security_group "
      "UNION ALL SELECT 'address_group', id FROM address_group UNION ALL SELECT 'address_scope', id FROM address_scope "
      "UNION ALL SELECT 'subnetpool', id FROM subnet_pool) o WHERE o.id = b.object_id AND o.type = b.object_type)", NULL, NULL },
    { "4. a router with legs is on a host that lives, if one can have it",
      "SELECT format('router %s is on %s since %s', r.id, coalesce(r.host, 'no host'), r.leased_at) FROM router r WHERE EXISTS "
      "(SELECT 1 FROM port p WHERE p.device_id = r.id::text AND p.device_owner IN ('network:router_interface', 'network:router_gateway') AND p.created_at < now() - interval '1 minute') "
      "AND NOT EXISTS (SELECT 1 FROM network_host n WHERE n.host = r.host AND n.until > now() - interval '1 minute') "
      "AND EXISTS (SELECT 1 FROM network_host n WHERE n.until > now() AND NOT EXISTS (SELECT 1 FROM port p JOIN network w ON w.id = p.network_id "
      "WHERE p.device_id = r.id::text AND p.device_owner LIKE 'network:router_%' AND w.type = 'flat' AND NOT w.physical = ANY(n.physical)))", NULL, NULL },
    { "4. a router stands on the host that has it, by its lease",
      "SELECT format('router %s on %s since %s: %s', r.id, r.host, r.leased_at, coalesce(nullif(s.why, ''), 'the host does not say that it has it')) FROM router r "
      "LEFT JOIN router_stand s ON s.router_id = r.id AND s.host = r.host AND s.lease = r.lease WHERE r.leased_at < now() - interval '1 minute' "
      "AND (s.why IS NULL OR (s.why <> '' AND s.since < now() - interval '1 minute')) AND EXISTS (SELECT 1 FROM network_host n WHERE n.host = r.host AND n.until > now()) "
      "AND EXISTS (SELECT 1 FROM port p WHERE p.device_id = r.id::text AND p.device_owner IN ('network:router_interface', 'network:router_gateway'))", NULL, NULL },
    { "4. a router's legs are bound where the router is",
      "SELECT format('port %s of router %s on %s is bound to %s', p.id, r.id, coalesce(r.host, 'no host'), coalesce(b.host, 'no host')) FROM router r "
      "JOIN port p ON p.device_id = r.id::text AND p.device_owner IN ('network:router_interface', 'network:router_gateway') "
      "LEFT JOIN port_binding b ON b.port_id = p.id WHERE b.host IS DISTINCT FROM r.host", NULL, NULL },
    { "4. a floating IP is its own port's address and stands for one that its port has",
      "SELECT format('floating IP %s (%s) of port %s, %s', f.id, f.ip, f.port_id, f.fixed_ip) FROM floating_ip f WHERE NOT EXISTS "
      "(SELECT 1 FROM address a WHERE a.port_id = f.own_port_id AND a.ip = f.ip) OR (f.port_id IS NOT NULL AND (f.router_id IS NULL OR NOT EXISTS "
      "(SELECT 1 FROM address a WHERE a.port_id = f.port_id AND a.ip = f.fixed_ip)))", NULL, NULL },
    { "4. a router that lends an address leads outside and to the port",
      "SELECT format('floating IP %s of router %s', f.id, f.router_id) FROM floating_ip f WHERE f.port_id IS NOT NULL AND NOT EXISTS "
      "(SELECT 1 FROM port g WHERE g.device_id = f.router_id::text AND g.device_owner = 'network:router_gateway' AND g.network_id = f.network_id)", NULL, NULL },
    { "4. no port is a router's or a floating IP's that is gone",
      "SELECT format('port %s is %s of %s', p.id, p.device_owner, p.device_id) FROM port p WHERE p.device_owner IN ('network:router_interface', "
      "'network:router_gateway', 'network:floatingip') AND p.project_id = '' AND NOT EXISTS (SELECT 1 FROM router r WHERE r.id::text = p.device_id) "
      "AND NOT EXISTS (SELECT 1 FROM floating_ip f WHERE f.own_port_id = p.id)", NULL, NULL },
    { NULL, NULL, NULL, NULL },
};
/* clang-format on */
