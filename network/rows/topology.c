/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topology.c: reads networks with what is free in them, and answers network/address/ipam.c where it looks. Reads only (and takes row
 * locks); network/rows/plan.c writes. Never keeps anything beyond its transaction.
 */
#include "network/rows/topology.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

#define GAPS_A_LOOK 256

/* Addresses travel as numbers: inet - inet is a bigint. */
#define NUMBER(inet) "(" inet " - '0.0.0.0'::inet)"

static const struct kn_stmt LOCK = {
    "topology_lock", "SELECT 1 FROM subnet WHERE network_id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE", 1
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
    S_BASE,
    S_PREFIX,
    S_GATEWAY,
    S_DHCP,
    S_DNS,
    S_ROUTES,
    S_POOLS,
    S_CURSOR,
    D_IP,
    S_NEXT_TAKEN
};

/* clang-format off */
static const struct kn_stmt LOAD = {
    "topology_load",
    "SELECT n.id, n.project_id, n.name, n.mtu, n.vni, d.id, d.mac, s.id, " NUMBER("host(s.cidr)::inet") ", masklen(s.cidr), s.gateway_ip,"
    " s.enable_dhcp, to_json(s.dns_nameservers), s.host_routes, s.pools, " NUMBER("s.cursor_ip") ", a.ip,"
    " (SELECT " NUMBER("x.ip") " FROM address x WHERE x.subnet_id = s.id AND x.ip > coalesce(s.cursor_ip, s.cidr)"
    "  ORDER BY x.ip LIMIT 1)"
    " FROM network n LEFT JOIN subnet s ON s.network_id = n.id"
    " LEFT JOIN port d ON d.device_id = 'dhcp-' || n.id AND d.device_id <> ''"
    " LEFT JOIN address a ON a.port_id = d.id AND a.subnet_id = s.id"
    " WHERE n.id = ANY($1::uuid[]) ORDER BY n.id, s.created_at, s.id", 1
};
/* clang-format on */

/* The free ranges between $2 and $3, ascending, at most $4. */
/* clang-format off */
static const struct kn_stmt GAPS = {
    "topology_gaps",
    "SELECT lo, hi FROM ("
    " SELECT $2::bigint AS lo, coalesce((SELECT " NUMBER("ip") " FROM address WHERE subnet_id = $1::uuid"
    "  AND ip >= '0.0.0.0'::inet + $2::bigint ORDER BY ip LIMIT 1), $3::bigint + 1) - 1 AS hi"
    " UNION ALL SELECT n + 1, next - 1 FROM ("
    "  SELECT " NUMBER("ip") " AS n, lead(" NUMBER("ip") ", 1, $3::bigint + 1) OVER (ORDER BY ip) AS next FROM address"
    "  WHERE subnet_id = $1::uuid AND ip >= '0.0.0.0'::inet + $2::bigint AND ip <= '0.0.0.0'::inet + $3::bigint) g) r"
    " WHERE hi >= lo LIMIT $4::bigint", 4
};
/* clang-format on */

static const struct kn_stmt TAKEN = {
    "topology_taken", "SELECT 1 FROM address WHERE subnet_id = $1::uuid AND ip = '0.0.0.0'::inet + $2::bigint", 2
};

bool kn_network_pools_parse(const json_t *pools, struct kn_network_ipam_range **ret, size_t *ret_count)
{
    AUTO_FREE struct kn_network_ipam_range *ranges = kn_realloc_array(NULL, json_array_size(pools) + 1,
                                                                      sizeof(*ranges));
    size_t i;
    const json_t *pool;

    json_array_foreach (pools, i, pool) {
        if (!kn_network_ipv4_parse(json_string_value(json_object_get(pool, "start")), &ranges[i].first) ||
            !kn_network_ipv4_parse(json_string_value(json_object_get(pool, "end")), &ranges[i].last) ||
            ranges[i].first > ranges[i].last) {
            return false;
        }
    }
    *ret_count = json_array_size(pools);
    *ret = kn_steal(&ranges);
    return true;
}

static void start_ipam(struct kn_network_subnet_view *subnet, const struct kn_rows *rows, int row)
{
    json_t *json = json_loads(kn_rows_text(rows, row, S_POOLS), 0, NULL);
    AUTO_FREE struct kn_network_ipam_range *pools = NULL;
    size_t count = 0;
    uint32_t cursor = (uint32_t)kn_rows_int(rows, row, S_CURSOR);
    bool is_alone = kn_rows_null(rows, row, S_NEXT_TAKEN);
    uint32_t next = is_alone ? UINT32_MAX : (uint32_t)kn_rows_int(rows, row, S_NEXT_TAKEN);

    kn_network_pools_parse(json, &pools, &count);
    kn_network_ipam_init(&subnet->ipam, pools, count, cursor);
    kn_network_ipam_offer(&subnet->ipam, (struct kn_network_ipam_range){ cursor + 1, next - 1 });
    kn_network_ipam_looked(&subnet->ipam, next);
    json_decref(json);
}

static void add_subnet(struct kn_network_view *network, const struct kn_rows *rows, int row)
{
    network->subnets = kn_realloc_array(network->subnets, (size_t)network->subnet_count + 1, sizeof(*network->subnets));
    struct kn_network_subnet_view *subnet = &network->subnets[network->subnet_count++];

    *subnet = (struct kn_network_subnet_view){
        .base = (uint32_t)kn_rows_int(rows, row, S_BASE),
        .prefix = (int)kn_rows_int(rows, row, S_PREFIX),
        .dhcp = kn_rows_bool(rows, row, S_DHCP),
        .dns = json_loads(kn_rows_text(rows, row, S_DNS), 0, NULL),
        .routes = json_loads(kn_rows_text(rows, row, S_ROUTES), 0, NULL),
    };
    kn_copy(subnet->id, sizeof(subnet->id), kn_rows_text(rows, row, S_ID));
    kn_copy(subnet->gateway, sizeof(subnet->gateway), kn_rows_text(rows, row, S_GATEWAY));
    kn_copy(subnet->dhcp_ip, sizeof(subnet->dhcp_ip), kn_rows_text(rows, row, D_IP));
    start_ipam(subnet, rows, row);
}

static void network_view_free(void *p)
{
    struct kn_network_view *network = p;

    for (int i = 0; i < network->subnet_count; i++) {
        json_decref(network->subnets[i].dns);
        json_decref(network->subnets[i].routes);
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

bool kn_network_subnet_view_holds(const struct kn_network_subnet_view *subnet, uint32_t ip)
{
    uint32_t mask = subnet->prefix == 0 ? 0 : UINT32_MAX << (32 - subnet->prefix);

    if ((ip & mask) != subnet->base) {
        return false;
    }
    return subnet->prefix >= 31 || (ip != subnet->base && ip != (subnet->base | ~mask));
}

struct kn_network_subnet_view *kn_network_view_subnet_of(const struct kn_network_view *network, uint32_t ip)
{
    for (int i = 0; i < network->subnet_count; i++) {
        if (kn_network_subnet_view_holds(&network->subnets[i], ip)) {
            return &network->subnets[i];
        }
    }
    return NULL;
}

/* Asks the database for gaps and offers them. */
static int look_for_gaps(struct kn_db *db, struct kn_network_subnet_view *subnet, struct kn_network_ipam_range look,
                         struct kn_error *err)
{
    enum { FIRST, LAST };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg first, last, limit;
    uint32_t until = look.last;

    if (kn_db_run(db, &GAPS,
                  KN_ARGS(subnet->id, kn_arg_int(&first, look.first), kn_arg_int(&last, look.last),
                          kn_arg_int(&limit, GAPS_A_LOOK)),
                  &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        struct kn_network_ipam_range gap = { (uint32_t)kn_rows_int(rows, row, FIRST),
                                             (uint32_t)kn_rows_int(rows, row, LAST) };

        kn_network_ipam_offer(&subnet->ipam, gap);
        if (row == GAPS_A_LOOK - 1) {
            until = gap.last;
        }
    }
    kn_network_ipam_looked(&subnet->ipam, until);
    return 0;
}

int kn_network_subnet_view_draw(struct kn_db *db, struct kn_network_subnet_view *subnet, bool *ret_found,
                                uint32_t *ret_ip, struct kn_error *err)
{
    struct kn_network_ipam_range look;

    while (!kn_network_ipam_draw(&subnet->ipam, ret_ip)) {
        if (!kn_network_ipam_look(&subnet->ipam, &look)) {
            *ret_found = false;
            return 0;
        }
        if (look_for_gaps(db, subnet, look, err) < 0) {
            return -1;
        }
    }
    *ret_found = true;
    return 0;
}

int kn_network_subnet_view_take(struct kn_db *db, struct kn_network_subnet_view *subnet, uint32_t ip,
                                struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char text[KN_IPV4_SIZE];
    struct kn_arg number;

    kn_network_ipv4_text(ip, text);
    if (!kn_network_subnet_view_holds(subnet, ip)) {
        return kn_fail(err, KN_BAD_REQUEST, "IP address %s is not a valid IP for the specified subnet.", text);
    }
    if (kn_db_run(db, &TAKEN, KN_ARGS(subnet->id, kn_arg_int(&number, ip)), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0 || !kn_network_ipam_reserve(&subnet->ipam, ip)) {
        return kn_fail(err, KN_CONFLICT, "IP address %s already allocated in subnet %s", text, subnet->id);
    }
    return 0;
}

int kn_network_view_draw(struct kn_db *db, struct kn_network_view *network, struct kn_network_subnet_view **ret_subnet,
                         uint32_t *ret_ip, struct kn_error *err)
{
    bool found = false;

    for (int i = 0; i < network->subnet_count; i++) {
        if (kn_network_subnet_view_draw(db, &network->subnets[i], &found, ret_ip, err) < 0) {
            return -1;
        }
        if (found) {
            *ret_subnet = &network->subnets[i];
            return 0;
        }
    }
    return kn_fail(err, KN_CONFLICT, "No more IP addresses available on network %s.", network->id);
}
