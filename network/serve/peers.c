/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peers.c: reads who lives where on a network and tells each host about the others. Writes nothing but network.version;
 * network/host/link_peers.c is the other end.
 */
#include "network/serve/peers.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/domain/form.h"

static const struct kn_stmt BUMP = {
    "peers_bump",
    "UPDATE network n SET version = version + 1"
    " FROM (SELECT id FROM network WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE) o"
    " WHERE n.id = o.id RETURNING n.id, n.version", 1
};

static const struct kn_stmt VERSIONS_OF_AGENT = {
    "peers_versions",
    "SELECT n.id, n.version FROM network n WHERE EXISTS (SELECT 1 FROM port p JOIN port_binding b ON b.port_id = p.id"
    " JOIN host h ON h.name = b.host WHERE p.network_id = n.id AND h.agent_id = $1 AND lower(h.hypervisor_type) <> 'sim')", 1
};

enum { T_NETWORK, T_HOST, T_AGENT, T_UNDERLAY, T_MAC, T_IPS, T_ACTIVE };

static const struct kn_stmt TABLE = {
    "peers_table",
    "SELECT p.network_id, b.host, h.agent_id, h.underlay, p.mac, (SELECT json_agg(host(a.ip)) FROM address a WHERE a.port_id = p.id),"
    " b.state = 'active' FROM port p JOIN port_binding b ON b.port_id = p.id JOIN host h ON h.name = b.host"
    " WHERE p.network_id = ANY($1::uuid[]) AND lower(h.hypervisor_type) <> 'sim' ORDER BY p.network_id, b.host", 1
};

void kn_peers_release(struct kn_peers *peers)
{
    if (peers->versions != NULL) {
        kn_rows_free(peers->versions);
    }
    if (peers->ports != NULL) {
        kn_rows_free(peers->ports);
    }
    *peers = (struct kn_peers)KN_PEERS_INIT;
}

int kn_peers_bump(struct kn_db *db, struct kn_array *network_ids, struct kn_peers *ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_peers) struct kn_peers peers = KN_PEERS_INIT;
    const char *ids = kn_array_value(network_ids);

    if (network_ids->count == 0) {
        return 0;
    }
    if (kn_db_run(db, &BUMP, KN_ARGS(ids), &peers.versions, err) < 0 ||
        kn_db_run(db, &TABLE, KN_ARGS(ids), &peers.ports, err) < 0) {
        return -1;
    }
    *ret = peers;
    peers = (struct kn_peers)KN_PEERS_INIT;
    return 0;
}

int kn_peers_of_agent(struct kn_db *db, const char *agent, struct kn_peers *ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_peers) struct kn_peers peers = KN_PEERS_INIT;
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;

    if (kn_db_run(db, &VERSIONS_OF_AGENT, KN_ARGS(agent), &peers.versions, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(peers.versions); row++) {
        kn_array_add(&ids, kn_rows_str(peers.versions, row, 0));
    }
    if (kn_db_run(db, &TABLE, KN_ARGS(kn_array_value(&ids)), &peers.ports, err) < 0) {
        return -1;
    }
    *ret = peers;
    peers = (struct kn_peers)KN_PEERS_INIT;
    return 0;
}

/* Everybody of the network's rows [from, to) who lives on another host that can be reached. Who is only about to come is told, but nobody's peer yet. */
static json_t *peers_seen_from(const struct kn_rows *ports, int from, int to, const char *host)
{
    json_t *list = json_array();

    for (int row = from; row < to; row++) {
        if (kn_rows_bool(ports, row, T_ACTIVE) && strcmp(kn_rows_text(ports, row, T_HOST), host) != 0 &&
            kn_rows_text(ports, row, T_UNDERLAY)[0] != '\0') {
            json_t *ips = json_loads(kn_rows_text(ports, row, T_IPS), 0, NULL);

            json_array_append_new(list, kn_form_write_peer(kn_rows_text(ports, row, T_MAC), ips != NULL ? ips : json_array(),
                                                           kn_rows_text(ports, row, T_UNDERLAY)));
        }
    }
    return list;
}

static void send_one(struct kn_daemon *d, const char *agent, json_t *body)
{
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

/* One network: rows [from, to), ordered by host. */
static void send_table(struct kn_daemon *d, const struct kn_rows *ports, int from, int to, int64_t version,
                       const char *only_agent)
{
    for (int row = from; row < to; row++) {
        const char *host = kn_rows_text(ports, row, T_HOST), *agent = kn_rows_text(ports, row, T_AGENT);
        bool is_first = row == from || strcmp(kn_rows_text(ports, row - 1, T_HOST), host) != 0;

        if (is_first && (only_agent == NULL || strcmp(only_agent, agent) == 0)) {
            send_one(d, agent, json_pack("{s:s, s:s, s:I, s:o}", "host", host, "network",
                                         kn_rows_text(ports, row, T_NETWORK), "version", (json_int_t)version, "peers",
                                         peers_seen_from(ports, from, to, host)));
        }
    }
}

static int64_t version_of(const struct kn_rows *versions, const char *network)
{
    for (int row = 0; row < kn_rows_count(versions); row++) {
        if (strcmp(kn_rows_text(versions, row, 0), network) == 0) {
            return kn_rows_int(versions, row, 1);
        }
    }
    return 0;
}

void kn_peers_send(struct kn_daemon *d, const struct kn_peers *peers, const char *agent)
{
    int count = peers->ports != NULL ? kn_rows_count(peers->ports) : 0;

    for (int from = 0, to; from < count; from = to) {
        const char *network = kn_rows_text(peers->ports, from, T_NETWORK);

        to = from + 1;
        while (to < count && strcmp(kn_rows_text(peers->ports, to, T_NETWORK), network) == 0) {
            to++;
        }
        send_table(d, peers->ports, from, to, version_of(peers->versions, network), agent);
    }
}
