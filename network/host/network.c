/* SPDX-License-Identifier: Apache-2.0 */
/* network.c: names, and questions about what the state says of one network. Pure. */
#include "network/host/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "network/host/dhcp/probe.h"
#include "network/host/link/link.h"

struct kn_network_host_network *kn_network_host_network_new(const char *networks_dir, const char *id)
{
    struct kn_network_host_network *network = KN_NEW(struct kn_network_host_network);

    kn_copy(network->id, sizeof(network->id), id);
    snprintf(network->bridge, sizeof(network->bridge), "kb%.8s", id);
    snprintf(network->vxlan, sizeof(network->vxlan), "kx%.8s", id);
    snprintf(network->veth, sizeof(network->veth), "kd%.8s", id);
    snprintf(network->netns, sizeof(network->netns), "kn-%.8s", id);
    network->dir = kn_asprintf("%s/%s", networks_dir, id);
    network->ports = kn_hmap_new(NULL);
    network->peers = kn_hmap_new(NULL);
    network->plugs = kn_hmap_new(NULL);
    network->led = kn_hmap_new(free);
    network->probe.fd = -1;
    return network;
}

void kn_network_host_network_free(void *p)
{
    struct kn_network_host_network *network = p;

    if (network != NULL) {
        kn_hmap_free(network->ports);
        kn_hmap_free(network->peers);
        kn_hmap_free(network->plugs);
        kn_hmap_free(network->led);
        kn_network_probe_end(&network->probe);
        free(network->dir);
        free(network);
    }
}

const struct kn_network_state_subnet *kn_network_host_network_subnet(const struct kn_network_host_network *network,
                                                                     const char *id)
{
    for (size_t i = 0; network->wanted != NULL && i < network->wanted->subnet_count; i++) {
        if (strcmp(network->wanted->subnets[i].id, id) == 0) {
            return &network->wanted->subnets[i];
        }
    }
    return NULL;
}

bool kn_network_host_network_speaks(const struct kn_network_host_network *network, uint8_t family)
{
    return family == 4 || network->wanted->mtu >= KN_LINK_IPV6_MTU;
}

bool kn_network_host_network_is_last(const struct kn_network_host_network *network,
                                     const struct kn_network_state_peer *peer)
{
    const char *id;
    void *value;

    for (size_t at = 0; peer != NULL && kn_hmap_next(network->peers, &at, &id, &value);) {
        const struct kn_network_state_peer *other = value;

        if (kn_ip_equal(&other->underlay, &peer->underlay) && strcmp(id, peer->id) != 0 &&
            kn_hmap_get(network->ports, id) == NULL) {
            return false;
        }
    }
    return true;
}

static int resident_compare(const void *a, const void *b)
{
    const struct kn_network_resident *x = a, *y = b;

    return strcmp(x->id, y->id);
}

struct kn_network_resident *kn_network_host_network_residents(const struct kn_network_host_network *network,
                                                              bool with_peers, size_t *ret_count)
{
    const size_t most = kn_hmap_count(network->ports) + (with_peers ? kn_hmap_count(network->peers) : 0);
    struct kn_network_resident *residents = kn_alloc((most + 1) * sizeof(*residents));
    const char *id;
    void *value;
    size_t count = 0;

    for (size_t at = 0; kn_hmap_next(network->ports, &at, &id, &value);) {
        const struct kn_network_state_port *port = value;

        residents[count++] = (struct kn_network_resident){ .id = port->id,
                                                           .hostname = port->hostname,
                                                           .mac = port->mac,
                                                           .ips = &port->ips,
                                                           .port = port,
                                                           .pairs = port->pairs,
                                                           .pair_count = port->pair_count,
                                                           .announced = port->announced,
                                                           .announced_count = port->announced_count };
    }
    for (size_t at = 0; with_peers && kn_hmap_next(network->peers, &at, &id, &value);) {
        const struct kn_network_state_peer *peer = value;

        if (kn_hmap_get(network->ports, peer->id) == NULL) { /* one that is about to come is both */
            residents[count++] = (struct kn_network_resident){ .id = peer->id,
                                                               .hostname = peer->hostname,
                                                               .mac = peer->mac,
                                                               .ips = &peer->ips,
                                                               .pairs = peer->pairs,
                                                               .pair_count = peer->pair_count,
                                                               .announced = peer->announced,
                                                               .announced_count = peer->announced_count,
                                                               .underlay = &peer->underlay };
        }
    }
    qsort(residents, count, sizeof(*residents), resident_compare);
    *ret_count = count;
    return residents;
}
