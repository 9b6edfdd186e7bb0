/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New ports of people, of one body or of many that came at once: the networks are read once, their free MACs asked for together, addresses drawn from what was read,
 * groups found once for all that say the same, and everything is written by one statement (plan.c). What servers get is allocate.c's.
 */
#include "network/rows/ports/insert.h"

#include <string.h>

#include "lib/base/hmap.h"
#include "lib/base/mem.h"
#include "lib/rest/write.h"
#include "network/address/mac.h"
#include "network/rows/networks.h"
#include "network/rows/ports/plan.h"
#include "network/rows/ports/addresses.h"
#include "network/rows/ports/extras.h"
#include "network/rows/groups/port_guard.h"
#include "network/rows/ports/topology.h"

struct insertion {
    struct kn_db *db;
    struct kn_network_topology topology;
    struct kn_network_plan plan;
    struct kn_network_guard_memo memo;
    struct kn_hmap *named; /* network and MAC: what the others of these say */
};

static void insertion_release(struct insertion *all)
{
    kn_network_topology_release(&all->topology);
    kn_network_plan_release(&all->plan);
    kn_network_guard_memo_release(&all->memo);
    kn_hmap_free(all->named);
}

/* clang-format off */
static const struct kn_stmt MAC_IN_USE = {
    "port_mac_in_use", "SELECT 1 FROM port WHERE network_id = $1::uuid AND mac = $2::macaddr", 2
};
/* clang-format on */

int kn_network_port_fail_mac(const char *network_id, const char *mac, struct kn_error *err)
{
    kn_fail(err, KN_CONFLICT, "Unable to complete operation for network %s. The mac address %s is in use.", network_id,
            mac);
    return kn_fail_name(err, "MacAddressInUse");
}

static int take_named_mac(struct insertion *all, const struct kn_network_view *network, const char *wanted,
                          char ret_mac[KN_MAC_SIZE], struct kn_error *err)
{
    AUTO_FREE char *key = kn_asprintf("%s %s", network->id, wanted);
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    for (char *c = key; *c != '\0'; c++) {
        *c = (char)(*c == '-' ? ':' : *c >= 'A' && *c <= 'F' ? *c + 'a' - 'A' : *c);
    }
    if (kn_db_run(all->db, &MAC_IN_USE, KN_ARGS(network->id, wanted), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0 || kn_hmap_get(all->named, key) != NULL) {
        return kn_network_port_fail_mac(network->id, wanted, err);
    }
    kn_hmap_put(all->named, key, all);
    kn_copy(ret_mac, KN_MAC_SIZE, wanted);
    return 0;
}

static int insert_load(struct insertion *all, const struct kn_rest_new *news, int count, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_hmap) struct kn_hmap *seen = kn_hmap_new(NULL);

    for (int i = 0; i < count; i++) {
        const char *id = kn_schema_text(news[i].object, "network_id", "");

        if (kn_hmap_get(seen, id) == NULL) {
            kn_hmap_put(seen, id, all);
            kn_array_add(&ids, id);
        }
    }
    if (kn_network_topology_load(all->db, &ids, true, &all->topology, err) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        const char *id = kn_schema_text(news[i].object, "network_id", "");

        if (kn_network_topology_network(&all->topology, id) == NULL) {
            return kn_rest_not_found(&kn_network_networks, id, err);
        }
        if (kn_schema_text(news[i].object, "mac_address", NULL) == NULL) {
            kn_network_macs_want(all->topology.macs, id);
        }
    }
    return 0;
}

static int insert_plan(struct insertion *all, const struct kn_rest_new *new, struct kn_error *err)
{
    AUTO_RELEASE(kn_network_draw) struct kn_network_draw draw = KN_NETWORK_DRAW_INIT;
    AUTO_RELEASE(kn_network_guard) struct kn_network_guard guard = { .pairs = NULL };
    const json_t *object = new->object;
    const char *named = kn_schema_text(object, "mac_address", NULL), *project;
    char mac[KN_MAC_SIZE];
    const struct kn_network_port_wish wish = {
        kn_network_topology_network(&all->topology, kn_schema_text(object, "network_id", "")),
        kn_schema_text(object, "device_owner", ""), mac, json_object_get(object, "fixed_ips"), NULL
    };

    if (kn_rest_owner(&kn_network_ports, new->req, object, &project, err) < 0 ||
        (named != NULL ? take_named_mac(all, wish.network, named, mac, err)
                       : kn_network_view_mac(all->db, wish.network, mac, err)) < 0 ||
        kn_network_port_draw(all->db, &wish, &draw, err) < 0) {
        return -1;
    }
    struct kn_network_plan_port port = { .id = new->id,
                                         .network_id = wish.network->id,
                                         .project_id = project,
                                         .name = kn_schema_text(object, "name", ""),
                                         .description = kn_schema_text(object, "description", ""),
                                         .mac = mac,
                                         .device_id = kn_schema_text(object, "device_id", ""),
                                         .device_owner = wish.device_owner,
                                         .nic = -1,
                                         .admin_state_up = kn_schema_bool(object, "admin_state_up", true) };

    if (kn_network_guard_new(new->req, &port, object, &all->plan, &all->memo, &guard, err) < 0) {
        return -1;
    }
    port.security = guard.is_secure ? KN_PORT_SECURE : KN_PORT_INSECURE;
    port.pairs = guard.pairs;
    kn_network_plan_port(&all->plan, &port);
    kn_network_plan_addresses(&all->plan, new->id, &draw);
    return 0;
}

int kn_network_ports_insert(const struct kn_rest_new *news, int count, struct kn_error *err)
{
    AUTO_RELEASE(insertion) struct insertion all = { .db = news[0].req->db, .named = kn_hmap_new(NULL) };

    kn_network_plan_init(&all.plan);
    if (insert_load(&all, news, count, err) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        if (insert_plan(&all, &news[i], err) < 0) {
            return -1;
        }
    }
    if (kn_network_plan_write(all.db, &all.plan, err) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        if (kn_network_extras_new(news[i].req, news[i].id, news[i].object, err) < 0) {
            return -1;
        }
    }
    return 0;
}

int kn_network_port_insert(struct kn_request *req, const char *id, json_t *object, struct kn_error *err)
{
    return kn_network_ports_insert(&(struct kn_rest_new){ req, id, object }, 1, err);
}
