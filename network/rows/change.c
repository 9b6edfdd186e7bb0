/* SPDX-License-Identifier: Apache-2.0 */
/* change.c: writes the outbox of what hosts must hear of (`network_change`); network/serve/state.c empties it. */
#include "network/rows/change.h"

#include "lib/adapter/bus.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

static const char *const KIND[] = {
    [KN_CHANGED_NETWORK] = "network",     [KN_CHANGED_PORT] = "port",     [KN_CHANGED_GROUP] = "group",
    [KN_CHANGED_ADDRESSES] = "addresses", [KN_CHANGED_POLICY] = "policy", [KN_CHANGED_ROUTER] = "router",
};
_Static_assert(KN_COUNT(KIND) == KN_CHANGED_COUNT, "one row a kind");

/* clang-format off */
static const struct kn_stmt NAME_THINGS = {
    "network_change_things",
    "INSERT INTO network_change (kind, id) SELECT $1, w.id FROM unnest($2::uuid[]) AS w(id) ORDER BY w.id", 2
};
static const struct kn_stmt NAME_PORTS = {
    "network_change_ports",
    "INSERT INTO network_change (kind, id, network_id, hosts) SELECT $1, p.id, p.network_id, array_agg(b.host) FROM port p"
    " JOIN port_binding b ON b.port_id = p.id WHERE p.id = ANY($2::uuid[]) GROUP BY p.id, p.network_id ORDER BY p.id", 2
};
static const struct kn_stmt NAME_SERVER = {
    "network_change_server",
    "INSERT INTO network_change (kind, id, network_id, hosts) SELECT 'port', p.id, p.network_id, array_agg(b.host) FROM port p"
    " JOIN port_binding b ON b.port_id = p.id WHERE p.device_id = $1 AND p.nic IS NOT NULL GROUP BY p.id, p.network_id ORDER BY p.id", 1
};
static const struct kn_stmt NAME_ON[] = {
    { "network_change_on",
      "INSERT INTO network_change (kind, id, network_id, hosts) SELECT 'port', p.id, p.network_id, array_agg(b.host) FROM port p"
      " JOIN port_binding b ON b.port_id = p.id WHERE p.network_id = $1::uuid GROUP BY p.id, p.network_id ORDER BY p.id", 1 },
    { "network_change_routers_on",
      "INSERT INTO network_change (kind, id) SELECT 'router', r.id FROM router r WHERE EXISTS (SELECT FROM port p WHERE p.network_id = $1::uuid"
      " AND p.device_id = r.id::text AND p.device_owner IN ('network:router_interface', 'network:router_gateway')) ORDER BY r.id", 1 },
};
static const struct kn_stmt NAME_OF_POOL = {
    "network_change_of_pool",
    "INSERT INTO network_change (kind, id) SELECT 'router', r.id FROM router r WHERE EXISTS (SELECT FROM port p JOIN address a ON a.port_id = p.id"
    " JOIN subnet s ON s.id = a.subnet_id WHERE s.subnetpool_id = $1::uuid AND p.device_id = r.id::text"
    " AND p.device_owner IN ('network:router_interface', 'network:router_gateway')) ORDER BY r.id", 1
};
/* clang-format on */

int kn_network_change_of_pool(struct kn_db *db, const char *pool_id, struct kn_error *err)
{
    return kn_db_run(db, &NAME_OF_POOL, KN_ARGS(pool_id), NULL, err);
}

int kn_network_change_on(struct kn_db *db, const char *network_id, struct kn_error *err)
{
    return kn_db_run(db, &NAME_ON[0], KN_ARGS(network_id), NULL, err) < 0
               ? -1
               : kn_db_run(db, &NAME_ON[1], KN_ARGS(network_id), NULL, err);
}

int kn_network_change_server(struct kn_db *db, const char *server_id, struct kn_error *err)
{
    return kn_db_run(db, &NAME_SERVER, KN_ARGS(server_id), NULL, err);
}

int kn_network_change_many(struct kn_db *db, enum kn_network_changed kind, struct kn_array *ids, struct kn_error *err)
{
    if (ids->count == 0) {
        return 0;
    }
    return kn_db_run(db, kind == KN_CHANGED_PORT ? &NAME_PORTS : &NAME_THINGS, KN_ARGS(KIND[kind], kn_array_value(ids)),
                     NULL, err);
}

int kn_network_change(struct kn_db *db, enum kn_network_changed kind, const char *id, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;

    kn_array_add(&ids, id);
    return kn_network_change_many(db, kind, &ids, err);
}

void kn_network_change_tell(struct kn_request *req, const json_t *changed)
{
    AUTO_RELEASE(kn_message) struct kn_message message;
    struct kn_error err = { .code = KN_OK };

    (void)changed;
    kn_message_init(&message, "net.changed", NULL);
    if (req->bus != NULL && kn_bus_say(req->bus, KN_TOPIC_NETWORK, 0, &message, &err) < 0) {
        kn_log(KN_DEBUG, "a change was not announced; kilonova-network finds it", "why", err.message, NULL);
    }
}
