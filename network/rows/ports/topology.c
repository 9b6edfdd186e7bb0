/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topology.c: reads networks with their subnets. Reads only (and takes row locks); network/rows/ports/draw.c hands addresses out, network/rows/ports/plan.c
 * writes. Never keeps anything beyond its transaction.
 */
#include "network/rows/ports/topology.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "network/rows/networks.h"

/* Against whoever changes pools or takes the subnet away, not against others who draw. All networks before any subnet. */
static const struct kn_stmt LOCK = {
    "topology_lock",
    "WITH held AS MATERIALIZED (SELECT id FROM network WHERE id = ANY($1::uuid[]) ORDER BY id FOR KEY SHARE)"
    " SELECT 1 FROM subnet WHERE network_id = ANY (ARRAY(SELECT id FROM held)) ORDER BY id FOR KEY SHARE",
    1
};

enum {
    N_ID,
    N_PROJECT,
    N_NAME,
    N_MTU,
    N_VNI,
    D_ID,
    D_MAC,
    S_ID,
    S_CIDR,
    S_GATEWAY,
    S_DHCP,
    S_AUTO,
    S_DNS,
    S_ROUTES,
    S_SERVICES,
    S_POOLS,
    S_CURSOR,
    D_IP
};

static const struct kn_stmt LOAD = {
    "topology_load",
    "SELECT n.id, n.project_id, n.name, " KN_NETWORK_WIRE_MTU(
        "n") ", n.vni, d.id, d.mac, s.id, s.cidr, s.gateway_ip, s.enable_dhcp,"
             " coalesce(s.address_mode, s.ra_mode) IN ('slaac', 'dhcpv6-stateless'), to_json(s.dns_nameservers), s.host_routes,"
             " to_json(s.service_types), s.pools, s.cursor_ip, a.ip"
             " FROM network n LEFT JOIN subnet s ON s.network_id = n.id"
             " LEFT JOIN port d ON d.device_id = 'dhcp-' || n.id AND d.device_id <> ''"
             " LEFT JOIN address a ON a.port_id = d.id AND a.subnet_id = s.id"
             " WHERE n.id = ANY($1::uuid[]) ORDER BY n.id, s.created_at, s.id",
    1
};

static bool pool_parse(const json_t *pool, struct kn_network_ipam_range *ret)
{
    return kn_ip_parse(json_string_value(json_object_get(pool, "start")), &ret->first) &&
           kn_ip_parse(json_string_value(json_object_get(pool, "end")), &ret->last) &&
           ret->first.family == ret->last.family && kn_ip_compare(&ret->first, &ret->last) <= 0;
}

bool kn_network_pools_parse(const json_t *pools, struct kn_network_ipam_range **ret, size_t *ret_count)
{
    AUTO_FREE struct kn_network_ipam_range *ranges = kn_realloc_array(NULL, json_array_size(pools) + 1,
                                                                      sizeof(*ranges));
    size_t i;
    const json_t *pool;

    json_array_foreach (pools, i, pool) {
        if (!pool_parse(pool, &ranges[i])) {
            return false;
        }
    }
    *ret_count = json_array_size(pools);
    *ret = kn_steal(&ranges);
    return true;
}

static void start_ipam(struct kn_network_subnet_view *subnet, const struct kn_rows *rows, int row)
{
    json_auto_t *json = json_loads(kn_rows_text(rows, row, S_POOLS), 0, NULL);
    AUTO_FREE struct kn_network_ipam_range *pools = NULL;
    size_t count = 0;

    kn_network_pools_parse(json, &pools, &count);
    kn_network_ipam_init(&subnet->ipam, pools, count);
    kn_ip_parse(kn_rows_str(rows, row, S_CURSOR), &subnet->cursor);
}

static void add_subnet(struct kn_network_view *network, const struct kn_rows *rows, int row)
{
    network->subnets = kn_realloc_array(network->subnets, (size_t)network->subnet_count + 1, sizeof(*network->subnets));
    struct kn_network_subnet_view *subnet = &network->subnets[network->subnet_count++];

    *subnet = (struct kn_network_subnet_view){
        .dhcp = kn_rows_bool(rows, row, S_DHCP),
        .is_auto = kn_rows_bool(rows, row, S_AUTO),
        .dns = json_loads(kn_rows_text(rows, row, S_DNS), 0, NULL),
        .routes = json_loads(kn_rows_text(rows, row, S_ROUTES), 0, NULL),
        .service_types = json_loads(kn_rows_text(rows, row, S_SERVICES), 0, NULL),
    };
    kn_copy(subnet->id, sizeof(subnet->id), kn_rows_text(rows, row, S_ID));
    kn_ip_prefix_parse(kn_rows_str(rows, row, S_CIDR), &subnet->cidr);
    kn_ip_parse(kn_rows_str(rows, row, S_GATEWAY), &subnet->gateway);
    kn_ip_parse(kn_rows_str(rows, row, D_IP), &subnet->dhcp_ip);
    start_ipam(subnet, rows, row);
}

static void network_view_free(void *p)
{
    struct kn_network_view *network = p;

    for (int i = 0; i < network->subnet_count; i++) {
        json_decref(network->subnets[i].dns);
        json_decref(network->subnets[i].routes);
        json_decref(network->subnets[i].service_types);
        free(network->subnets[i].ready);
        kn_network_ipam_release(&network->subnets[i].ipam);
    }
    free(network->subnets);
    free(network->name);
    free(network);
}

static struct kn_network_view *topology_add_network(struct kn_network_topology *topology, const struct kn_rows *rows,
                                                    int row)
{
    struct kn_network_view *network = KN_NEW(struct kn_network_view);

    kn_copy(network->id, sizeof(network->id), kn_rows_text(rows, row, N_ID));
    kn_copy(network->project_id, sizeof(network->project_id), kn_rows_text(rows, row, N_PROJECT));
    network->name = kn_strdup(kn_rows_text(rows, row, N_NAME));
    network->mtu = kn_rows_int(rows, row, N_MTU);
    network->vni = kn_rows_int(rows, row, N_VNI);
    network->macs = topology->macs;
    kn_copy(network->dhcp_port, sizeof(network->dhcp_port), kn_rows_text(rows, row, D_ID));
    kn_copy(network->dhcp_mac, sizeof(network->dhcp_mac), kn_rows_text(rows, row, D_MAC));
    kn_hmap_put(topology->networks, network->id, network);
    return network;
}

int kn_network_topology_load(struct kn_db *db, struct kn_array *network_ids, bool lock, struct kn_network_topology *ret,
                             struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *ids = kn_array_value(network_ids);
    struct kn_network_view *network = NULL;

    if (lock && kn_db_run(db, &LOCK, KN_ARGS(ids), NULL, err) < 0) {
        return -1;
    }
    if (kn_db_run(db, &LOAD, KN_ARGS(ids), &rows, err) < 0) {
        return -1;
    }
    ret->networks = kn_hmap_new(network_view_free);
    ret->macs = kn_network_macs_new();
    for (int row = 0; row < kn_rows_count(rows); row++) {
        if (network == NULL || strcmp(network->id, kn_rows_text(rows, row, N_ID)) != 0) {
            network = topology_add_network(ret, rows, row);
        }
        if (!kn_rows_null(rows, row, S_ID)) {
            add_subnet(network, rows, row);
        }
    }
    return 0;
}

void kn_network_topology_release(struct kn_network_topology *topology)
{
    if (topology->networks != NULL) {
        kn_hmap_free(topology->networks);
    }
    kn_network_macs_free(topology->macs);
    *topology = (struct kn_network_topology){ NULL, NULL };
}

struct kn_network_view *kn_network_topology_network(const struct kn_network_topology *topology, const char *id)
{
    return kn_hmap_get(topology->networks, id);
}

int kn_network_view_mac(struct kn_db *db, const struct kn_network_view *network, char ret_mac[KN_MAC_SIZE],
                        struct kn_error *err)
{
    return kn_network_macs_draw(network->macs, db, network->id, ret_mac, err);
}

struct kn_network_subnet_view *kn_network_view_subnet(const struct kn_network_view *network, const char *id)
{
    for (int i = 0; i < network->subnet_count; i++) {
        if (strcmp(network->subnets[i].id, id) == 0) {
            return &network->subnets[i];
        }
    }
    return NULL;
}

bool kn_network_subnet_view_holds(const struct kn_network_subnet_view *subnet, const struct kn_ip *ip)
{
    const struct kn_ip first = kn_ip_prefix_first(&subnet->cidr), last = kn_ip_prefix_last(&subnet->cidr);

    if (!kn_ip_prefix_holds(&subnet->cidr, ip)) {
        return false;
    }
    return subnet->cidr.length >= kn_ip_bits(ip) - 1 ||
           (!kn_ip_equal(ip, &first) && (ip->family == 6 || !kn_ip_equal(ip, &last)));
}

struct kn_network_subnet_view *kn_network_view_subnet_of(const struct kn_network_view *network, const struct kn_ip *ip)
{
    for (int i = 0; i < network->subnet_count; i++) {
        if (kn_network_subnet_view_holds(&network->subnets[i], ip)) {
            return &network->subnets[i];
        }
    }
    return NULL;
}
