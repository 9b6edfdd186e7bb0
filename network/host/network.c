/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network.c: the wanted state of one network on this host, in memory and in its file. Everything that comes in, from the agent
 * or from the file, goes through nic.c; nothing else of it is used.
 */
#include "network/host/network.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "network/address/mac.h"
#include "network/host/file.h"

struct kn_network_host_network *kn_network_host_network_new(const char *networks_dir, const char *id)
{
    struct kn_network_host_network *network = KN_NEW(struct kn_network_host_network);

    kn_copy(network->id, sizeof(network->id), id);
    snprintf(network->bridge, sizeof(network->bridge), "kb%.8s", id);
    snprintf(network->vxlan, sizeof(network->vxlan), "kx%.8s", id);
    snprintf(network->veth, sizeof(network->veth), "kd%.8s", id);
    snprintf(network->netns, sizeof(network->netns), "kn-%.8s", id);
    network->dir = kn_asprintf("%s/%s", networks_dir, id);
    network->path = kn_asprintf("%s/%s.json", networks_dir, id);
    network->version = -1;
    return network;
}

void kn_network_host_network_free(void *p)
{
    struct kn_network_host_network *network = p;

    if (network == NULL) {
        return;
    }
    for (size_t i = 0; i < network->nic_count; i++) {
        kn_network_host_nic_free(network->nics[i]);
    }
    free(network->nics);
    json_decref(network->peers_json);
    free(network->peers);
    free(network->peer_ips);
    free(network->dir);
    free(network->path);
    free(network);
}

/* --- who is here -------------------------------------------------------------------------------------------------- */

void kn_network_host_network_put(struct kn_network_host_network *network, struct kn_network_host_nic *nic)
{
    for (size_t i = 0; i < network->nic_count; i++) {
        if (strcmp(network->nics[i]->port, nic->port) == 0) {
            kn_network_host_nic_free(network->nics[i]);
            network->nics[i] = nic;
            return;
        }
    }
    network->nics = kn_realloc_array(network->nics, network->nic_count + 1, sizeof(*network->nics));
    network->nics[network->nic_count++] = nic;
}

struct kn_network_host_nic *kn_network_host_network_take(struct kn_network_host_network *network, size_t index)
{
    struct kn_network_host_nic *nic = network->nics[index];

    network->nic_count--;
    memmove(&network->nics[index], &network->nics[index + 1], (network->nic_count - index) * sizeof(nic));
    return nic;
}

struct kn_network_host_nic *kn_network_host_network_find(const struct kn_network_host_network *network,
                                                         const char *port)
{
    for (size_t i = 0; i < network->nic_count; i++) {
        if (strcmp(network->nics[i]->port, port) == 0) {
            return network->nics[i];
        }
    }
    return NULL;
}

bool kn_network_host_network_serves_dhcp(const struct kn_network_host_network *network)
{
    for (size_t i = 0; i < network->nic_count; i++) {
        if (kn_network_host_nic_served(network->nics[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* --- who is elsewhere --------------------------------------------------------------------------------------------- */

static size_t count_ips(const json_t *peers)
{
    size_t i, count = 0;
    const json_t *peer;

    json_array_foreach (peers, i, peer) {
        count += json_array_size(json_object_get(peer, "ips"));
    }
    return count;
}

static int parse_peer(const json_t *json, struct kn_network_link_peer *peer, uint32_t *ips, struct kn_error *err)
{
    const json_t *list = json_object_get(json, "ips"), *ip;
    size_t i;

    if (!kn_network_mac_parse(json_string_value(json_object_get(json, "mac")), peer->mac) ||
        !kn_network_ipv4_parse(json_string_value(json_object_get(json, "underlay")), &peer->underlay)) {
        return kn_fail(err, KN_BAD_REQUEST, "a peer has no valid \"mac\" or \"underlay\"");
    }
    json_array_foreach (list, i, ip) {
        if (!kn_network_ipv4_parse(json_string_value(ip), &ips[i])) {
            return kn_fail(err, KN_BAD_REQUEST, "a peer has no valid \"ips\"");
        }
    }
    peer->ips = ips;
    peer->ip_count = json_array_size(list);
    return 0;
}

int kn_network_host_network_set_peers(struct kn_network_host_network *network, int64_t version, const json_t *json,
                                      bool *ret_new, struct kn_error *err)
{
    AUTO_FREE struct kn_network_link_peer *peers = kn_alloc((json_array_size(json) + 1) * sizeof(*peers));
    AUTO_FREE uint32_t *ips = kn_alloc((count_ips(json) + 1) * sizeof(*ips));
    size_t i, ip = 0;
    const json_t *item;

    *ret_new = version >= network->version;
    if (!*ret_new) {
        return 0;
    }
    json_array_foreach (json, i, item) {
        if (parse_peer(item, &peers[i], ips + ip, err) < 0) {
            return -1;
        }
        ip += peers[i].ip_count;
    }
    free(network->peers);
    free(network->peer_ips);
    json_decref(network->peers_json);
    network->peers = kn_steal(&peers);
    network->peer_ips = kn_steal(&ips);
    network->peer_count = json_array_size(json);
    network->peers_json = json_deep_copy(json);
    network->version = version;
    return 0;
}

/* --- the file ----------------------------------------------------------------------------------------------------- */

static json_t *nics_json(const struct kn_network_host_network *network)
{
    json_t *list = json_array();

    for (size_t i = 0; i < network->nic_count; i++) {
        const struct kn_network_host_nic *nic = network->nics[i];

        json_array_append_new(list, json_pack("{s:s, s:s, s:O}", "server", nic->server, "hostname", nic->hostname,
                                              "nic", nic->json));
    }
    return list;
}

int kn_network_host_network_save(const struct kn_network_host_network *network, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;

    if (network->nic_count == 0) {
        if (unlink(network->path) < 0 && errno != ENOENT) {
            return kn_fail(err, KN_INTERNAL, "cannot remove \"%s\": %s", network->path, strerror(errno));
        }
        return 0;
    }
    json_t *json = json_pack("{s:s, s:I, s:o, s:O*}", "network", network->id, "version", (json_int_t)network->version,
                             "nics", nics_json(network), "peers", network->peers_json);
    AUTO_FREE char *dumped = json_dumps(json, JSON_COMPACT);

    json_decref(json);
    kn_strbuf_addstr(&text, dumped);
    return kn_network_file_write(network->path, &text, NULL, err);
}

static int network_parse_nics(struct kn_network_host_network *network, const json_t *list, struct kn_error *err)
{
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item) {
        struct kn_network_host_nic *nic;

        if (kn_network_host_nic_parse(json_string_value(json_object_get(item, "server")),
                                      json_string_value(json_object_get(item, "hostname")),
                                      json_object_get(item, "nic"), &nic, err) < 0) {
            return -1;
        }
        if (strcmp(nic->network, network->id) != 0) {
            kn_network_host_nic_free(nic);
            return kn_fail(err, KN_BAD_REQUEST, "a nic belongs to another network");
        }
        kn_network_host_network_put(network, nic);
    }
    return 0;
}

int kn_network_host_network_parse(const char *networks_dir, const char *text, struct kn_network_host_network **ret,
                                  struct kn_error *err)
{
    json_t *json = json_loads(text, 0, NULL);
    const char *id = json_string_value(json_object_get(json, "network"));
    struct kn_network_host_network *network = kn_uuid_valid(id) ? kn_network_host_network_new(networks_dir, id) : NULL;
    bool is_new;

    if (network == NULL) {
        json_decref(json);
        return kn_fail(err, KN_BAD_REQUEST, "not the state of a network");
    }
    int rc = network_parse_nics(network, json_object_get(json, "nics"), err);

    if (rc == 0) {
        rc = kn_network_host_network_set_peers(network, json_integer_value(json_object_get(json, "version")),
                                               json_object_get(json, "peers"), &is_new, err);
    }
    json_decref(json);
    if (rc < 0) {
        kn_network_host_network_free(network);
        return -1;
    }
    *ret = network;
    return 0;
}
