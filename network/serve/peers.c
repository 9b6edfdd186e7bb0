/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peers.c: reads who lives where on a network and tells each host about the others. Writes nothing but network.version;
 * network/host/link_peers.c is the other end.
 */
#include "network/serve/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"

static const struct kn_stmt BUMP = {
    "peers_bump",
    "UPDATE network n SET version = version + 1"
    " FROM (SELECT id FROM network WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE) o WHERE n.id = o.id",
    1
};

#define TABLE(networks) \
    "SELECT p.network_id, n.version, b.host, h.agent_id, h.underlay, p.mac," \
    " (SELECT json_agg(host(a.ip)) FROM address a WHERE a.port_id = p.id), b.state = 'active'" \
    " FROM network n JOIN port p ON p.network_id = n.id JOIN port_binding b ON b.port_id = p.id JOIN host h ON h.name = b.host" \
    " WHERE n.id " networks " AND lower(h.hypervisor_type) <> 'sim' ORDER BY p.network_id, b.host"
enum { T_NETWORK, T_VERSION, T_HOST, T_AGENT, T_UNDERLAY, T_MAC, T_IPS, T_ACTIVE };

static const struct kn_stmt TABLES = { "peers_tables", TABLE("= ANY($1::uuid[])"), 1 };
/* clang-format off */
static const struct kn_stmt TABLES_OF_AGENT = {
    "peers_tables_of_agent",
    TABLE("IN (SELECT q.network_id FROM port q JOIN port_binding c ON c.port_id = q.id JOIN host g ON g.name = c.host WHERE g.agent_id = $1)"), 1
};
/* clang-format on */

void kn_network_peers_release(struct kn_network_peers *peers)
{
    kn_rows_auto(&peers->rows);
    free(peers->ports);
    *peers = (struct kn_network_peers)KN_PEERS_INIT;
}

static int peers_load(struct kn_db *db, const struct kn_stmt *tables, const char *which, struct kn_network_peers *ret,
                      struct kn_error *err)
{
    struct kn_network_peers peers = KN_PEERS_INIT;

    if (kn_db_run(db, tables, KN_ARGS(which), &peers.rows, err) < 0) {
        return -1;
    }
    peers.count = kn_rows_count(peers.rows);
    peers.ports = kn_realloc_array(NULL, (size_t)peers.count + 1, sizeof(*peers.ports));
    for (int row = 0; row < peers.count; row++) {
        peers.ports[row] = (struct kn_network_peer){
            .network = kn_rows_text(peers.rows, row, T_NETWORK),
            .version = kn_rows_int(peers.rows, row, T_VERSION),
            .host = kn_rows_text(peers.rows, row, T_HOST),
            .agent = kn_rows_text(peers.rows, row, T_AGENT),
            .underlay = kn_rows_text(peers.rows, row, T_UNDERLAY),
            .mac = kn_rows_text(peers.rows, row, T_MAC),
            .ips = kn_rows_text(peers.rows, row, T_IPS),
            .is_active = kn_rows_bool(peers.rows, row, T_ACTIVE),
        };
    }
    *ret = peers;
    return 0;
}

int kn_network_peers_bump(struct kn_db *db, struct kn_array *network_ids, struct kn_network_peers *ret,
                          struct kn_error *err)
{
    const char *ids = kn_array_value(network_ids);

    if (network_ids->count == 0) {
        return 0;
    }
    return kn_db_run(db, &BUMP, KN_ARGS(ids), NULL, err) < 0 ? -1 : peers_load(db, &TABLES, ids, ret, err);
}

int kn_network_peers_of_agent(struct kn_db *db, const char *agent, struct kn_network_peers *ret, struct kn_error *err)
{
    return peers_load(db, &TABLES_OF_AGENT, agent, ret, err);
}

/* --- who is told what: pure ------------------------------------------------------------------------------------------- */

/* Everybody of one network who lives on another host that can be reached. Who is only about to come is told, but nobody's peer yet. */
static json_t *seen_from(const struct kn_network_peer *ports, int count, const char *host)
{
    json_t *list = json_array();

    for (const struct kn_network_peer *p = ports; p < ports + count; p++) {
        if (p->is_active && strcmp(p->host, host) != 0 && p->underlay[0] != '\0') {
            json_t *ips = json_loads(p->ips, 0, NULL);

            json_array_append_new(list, kn_form_write_peer(p->mac, ips != NULL ? ips : json_array(), p->underlay));
        }
    }
    return list;
}

/* One network's. */
static void tell_table(const struct kn_network_peer *ports, int count, const char *only_agent,
                       kn_network_peers_told *tell, void *ctx)
{
    for (const struct kn_network_peer *p = ports; p < ports + count; p++) {
        const bool is_first = p == ports || strcmp(p[-1].host, p->host) != 0;

        if (is_first && (only_agent == NULL || strcmp(only_agent, p->agent) == 0)) {
            tell(ctx, p->agent,
                 json_pack("{s:s, s:s, s:I, s:o}", "host", p->host, "network", p->network, "version",
                           (json_int_t)p->version, "peers", seen_from(ports, count, p->host)));
        }
    }
}

void kn_network_peers_tell(const struct kn_network_peer *ports, int count, const char *only_agent,
                           kn_network_peers_told *tell, void *ctx)
{
    for (int from = 0, to; from < count; from = to) {
        to = from + 1;
        while (to < count && strcmp(ports[to].network, ports[from].network) == 0) {
            to++;
        }
        tell_table(ports + from, to - from, only_agent, tell, ctx);
    }
}

/* --- telling ---------------------------------------------------------------------------------------------------------- */

static void send_one(void *ctx, const char *agent, json_t *body)
{
    struct kn_daemon *d = ctx;
    struct kn_message message;
    struct kn_error err = { .code = KN_OK };
    char topic[300];

    kn_message_init(&message, "net.peers", body);
    snprintf(topic, sizeof(topic), KN_TOPIC_AGENT "%s", agent);
    if (kn_daemon_send(d, topic, 0, &message, &err) < 0) {
        kn_log_error("net.peers not sent", &err);
    }
    kn_message_release(&message);
}

void kn_network_peers_send(struct kn_daemon *d, const struct kn_network_peers *peers, const char *agent)
{
    kn_network_peers_tell(peers->ports, peers->count, agent, send_one, d);
}
