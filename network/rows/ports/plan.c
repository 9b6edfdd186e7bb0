/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c: writes ports with their addresses, many or one, in one statement. Its neighbours decide (allocate.c, ports.c); this
 * file never chooses anything but the DHCP port.
 */
#include "network/rows/ports/plan.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "network/address/mac.h"
#include "network/rows/ports/nic.h"

/* $1..$12 ports, $13..$15 addresses, which are not ready any more, $16..$17 ports again, $18..$19 their groups: one array a column. */
static const struct kn_stmt WRITE = {
    "plan_write",
    "WITH new_port AS (INSERT INTO port (id, network_id, project_id, name, description, mac, device_id, device_owner,"
    "  tag, nic, admin_state_up, made_for_server, port_security, allowed_pairs)"
    "  SELECT p.id, p.network, p.project, p.name, p.description, p.mac, p.device, p.owner, p.tag, p.nic, p.up, p.made,"
    "   coalesce(p.secure, p.owner NOT LIKE 'network:%' AND coalesce(n.port_security, true)), p.pairs"
    "  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::macaddr[], $7::text[],"
    "   $8::text[], $9::text[], $10::smallint[], $11::boolean[], $12::boolean[], $16::boolean[], $17::jsonb[])"
    "   AS p(id, network, project, name, description, mac, device, owner, tag, nic, up, made, secure, pairs)"
    "  LEFT JOIN network n ON n.id = p.network RETURNING id, port_security),"
    " new_address AS (INSERT INTO address (subnet_id, ip, port_id)"
    "  SELECT * FROM unnest($13::uuid[], $14::inet[], $15::uuid[])),"
    " new_group AS (INSERT INTO port_security_group (port_id, group_id) SELECT g.port, g.id"
    "  FROM unnest($18::uuid[], $19::uuid[]) AS g(port, id) JOIN new_port p ON p.id = g.port WHERE p.port_security RETURNING port_id, group_id),"
    " drawn AS (DELETE FROM address_ready r USING unnest($13::uuid[], $14::inet[]) AS a(subnet_id, ip) WHERE r.subnet_id = a.subnet_id AND r.ip = a.ip)"
    " SELECT port_id, group_id FROM new_group",
    19
};

void kn_network_plan_init(struct kn_network_plan *plan)
{
    for (int i = 0; i < KN_PLAN_COLUMNS; i++) {
        plan->columns[i] = (struct kn_array)KN_ARRAY_INIT;
    }
}

void kn_network_plan_release(struct kn_network_plan *plan)
{
    for (int i = 0; i < KN_PLAN_COLUMNS; i++) {
        kn_array_release(&plan->columns[i]);
    }
}

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

void kn_network_plan_port(struct kn_network_plan *plan, const struct kn_network_plan_port *port)
{
    struct kn_arg nic;
    const char *const values[] = {
        [KN_PLAN_ID] = port->id,
        [KN_PLAN_NETWORK] = port->network_id,
        [KN_PLAN_PROJECT] = port->project_id,
        [KN_PLAN_NAME] = or_empty(port->name),
        [KN_PLAN_DESCRIPTION] = or_empty(port->description),
        [KN_PLAN_MAC] = port->mac,
        [KN_PLAN_DEVICE] = or_empty(port->device_id),
        [KN_PLAN_OWNER] = or_empty(port->device_owner),
        [KN_PLAN_TAG] = port->tag,
        [KN_PLAN_NIC] = port->nic < 0 ? NULL : kn_arg_int(&nic, port->nic),
        [KN_PLAN_UP] = port->admin_state_up ? "t" : "f",
        [KN_PLAN_MADE] = port->made_for_server ? "t" : "f",
    };
    _Static_assert(KN_COUNT(values) == KN_PLAN_MADE + 1, "one value a column of a port");

    for (size_t i = 0; i < KN_COUNT(values); i++) {
        kn_array_add(&plan->columns[i], values[i]);
    }
    kn_array_add(&plan->columns[KN_PLAN_SECURE], port->security == KN_PORT_AS_NETWORK ? NULL
                                                 : port->security == KN_PORT_SECURE   ? "t"
                                                                                      : "f");
    kn_array_add(&plan->columns[KN_PLAN_PAIRS], port->pairs != NULL ? port->pairs : "[]");
}

void kn_network_plan_group(struct kn_network_plan *plan, const char *port_id, const char *group_id)
{
    kn_array_add(&plan->columns[KN_PLAN_GROUP_PORT], port_id);
    kn_array_add(&plan->columns[KN_PLAN_GROUP], group_id);
}

void kn_network_plan_address(struct kn_network_plan *plan, const char *port_id, const char *subnet_id,
                             const struct kn_ip *ip)
{
    char text[KN_IP_SIZE];

    kn_array_add(&plan->columns[KN_PLAN_ADDRESS_SUBNET], subnet_id);
    kn_array_add(&plan->columns[KN_PLAN_ADDRESS_IP], kn_ip_text(ip, text));
    kn_array_add(&plan->columns[KN_PLAN_ADDRESS_PORT], port_id);
}

void kn_network_plan_addresses(struct kn_network_plan *plan, const char *port_id, const struct kn_network_draw *draw)
{
    for (size_t i = 0; i < draw->count; i++) {
        if (!draw->items[i].is_kept) {
            kn_network_plan_address(plan, port_id, draw->items[i].subnet->id, &draw->items[i].ip);
        }
    }
}

int kn_network_plan_write(struct kn_db *db, struct kn_network_plan *plan, struct kn_error *err)
{
    return kn_network_plan_write_groups(db, plan, NULL, err);
}

int kn_network_plan_write_groups(struct kn_db *db, struct kn_network_plan *plan, struct kn_rows **ret_groups,
                                 struct kn_error *err)
{
    const char *args[KN_PLAN_COLUMNS];

    if (plan->columns[KN_PLAN_ID].count == 0 && plan->columns[KN_PLAN_ADDRESS_IP].count == 0) {
        return 0;
    }
    for (int i = 0; i < KN_PLAN_COLUMNS; i++) {
        args[i] = kn_array_value(&plan->columns[i]);
    }
    return kn_db_run(db, &WRITE, args, ret_groups, err);
}

bool kn_network_plan_raced(const struct kn_db *db)
{
    const char *constraint = kn_db_constraint(db);

    return strcmp(constraint, "port_mac") == 0 || strcmp(constraint, "address_once") == 0;
}

static int make_dhcp_port(struct kn_db *db, struct kn_network_plan *plan, struct kn_network_view *network,
                          struct kn_error *err)
{
    char device[KN_UUID_SIZE + 8];

    if (kn_network_view_mac(db, network, network->dhcp_mac, err) < 0) {
        return -1;
    }
    kn_uuid_make(network->dhcp_port);
    snprintf(device, sizeof(device), "dhcp-%s", network->id);
    kn_network_plan_port(plan, &(struct kn_network_plan_port){ .id = network->dhcp_port,
                                                               .network_id = network->id,
                                                               .project_id = network->project_id,
                                                               .mac = network->dhcp_mac,
                                                               .device_id = device,
                                                               .device_owner = "network:dhcp",
                                                               .nic = -1,
                                                               .admin_state_up = true });
    return 0;
}

/* *ret_ip is of no family when the subnet is too full for it. */
static int dhcp_address(struct kn_db *db, const struct kn_network_view *network, struct kn_network_subnet_view *subnet,
                        struct kn_ip *ret_ip, struct kn_error *err)
{
    uint8_t mac[6];
    bool found = false;

    if (subnet->is_auto && kn_network_mac_parse(network->dhcp_mac, mac)) {
        *ret_ip = kn_ip_eui64(&subnet->cidr, mac);
        return 0;
    }
    return kn_network_subnet_view_draw(db, subnet, &found, ret_ip, err);
}

int kn_network_plan_dhcp(struct kn_db *db, struct kn_network_plan *plan, struct kn_network_view *network,
                         struct kn_error *err)
{
    for (int i = 0; i < network->subnet_count; i++) {
        struct kn_network_subnet_view *subnet = &network->subnets[i];
        struct kn_ip ip = KN_IP_NONE;

        if (!subnet->dhcp || subnet->dhcp_ip.family != 0) {
            continue;
        }
        if ((network->dhcp_port[0] == '\0' && make_dhcp_port(db, plan, network, err) < 0) ||
            dhcp_address(db, network, subnet, &ip, err) < 0) {
            return -1;
        }
        if (ip.family != 0) {
            subnet->dhcp_ip = ip;
            kn_network_plan_address(plan, network->dhcp_port, subnet->id, &ip);
        }
    }
    return 0;
}
