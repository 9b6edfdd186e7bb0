/* SPDX-License-Identifier: Apache-2.0 */
/* behind.c: from pairs to who has what. Costs a look at each resident where nobody has pairs. */
#include "network/host/link/behind.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "network/address/mac.h"

static char TAKEN[] = "taken";

static void take_mac(struct kn_hmap *taken, const uint8_t mac[6])
{
    char text[KN_MAC_TEXT];

    kn_network_mac_text(mac, text);
    kn_hmap_put(taken, text, TAKEN);
}

static void take_ips(struct kn_hmap *taken, const struct kn_network_ips *ips)
{
    char text[KN_IP_SIZE];

    for (size_t i = 0; i < ips->count; i++) {
        kn_hmap_put(taken, kn_ip_text(&ips->items[i], text), TAKEN);
    }
}

/* MACs and addresses that are somebody's own. */
static struct kn_hmap *taken_by_all(const struct kn_network_host_network *network,
                                    const struct kn_network_resident *residents, size_t count)
{
    struct kn_hmap *taken = kn_hmap_new(NULL);

    for (size_t i = 0; i < count; i++) {
        take_mac(taken, residents[i].mac);
        take_ips(taken, residents[i].ips);
    }
    if (network->wanted != NULL) {
        take_mac(taken, kn_network_state_door_mac(network->wanted));
        take_ips(taken, &network->wanted->dhcp_ips);
    }
    return taken;
}

/* What the pair adds to the port, if that is nobody's yet; false: nothing. */
static bool behind_pair(const struct kn_network_resident *resident, const struct kn_network_state_pair *pair,
                        struct kn_hmap *taken, struct kn_hmap *stations, struct kn_network_behind *out)
{
    const struct kn_ip ip = kn_ip_prefix_first(&pair->ip);
    const bool is_own = memcmp(pair->mac, resident->mac, 6) == 0;
    char mac[KN_MAC_TEXT], text[KN_IP_SIZE];

    kn_network_mac_text(pair->mac, mac);
    const char *holder = kn_hmap_get(stations, mac);

    *out = (struct kn_network_behind){ .port = resident->id, .underlay = resident->underlay };
    memcpy(out->mac, pair->mac, sizeof(out->mac));
    if (!is_own && holder == NULL && kn_hmap_get(taken, mac) == NULL) {
        kn_hmap_put(stations, mac, (void *)(uintptr_t)resident->id);
        holder = resident->id;
        out->is_station = true;
    }
    if ((is_own || holder == resident->id) && pair->ip.length == kn_ip_bits(&ip) &&
        kn_hmap_get(taken, kn_ip_text(&ip, text)) == NULL) {
        kn_hmap_put(taken, text, TAKEN);
        out->ip = ip;
    }
    return out->is_station || out->ip.family != 0;
}

/* --- what was announced -------------------------------------------------------------------------------------------- */

bool kn_network_behind_may(const struct kn_network_state_pair *pairs, size_t count, const uint8_t mac[6],
                           const struct kn_ip *ip)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(pairs[i].mac, mac, 6) == 0 && kn_ip_prefix_holds(&pairs[i].ip, ip)) {
            return true;
        }
    }
    return false;
}

bool kn_network_behind_is_own(const struct kn_network_host_network *network, const uint8_t mac[6], const char *port,
                              const struct kn_ip *ip)
{
    size_t count;
    AUTO_FREE struct kn_network_resident *residents = kn_network_host_network_residents(network, true, &count);
    AUTO(kn_hmap) struct kn_hmap *taken = taken_by_all(network, residents, count);
    char text[KN_MAC_TEXT], address[KN_IP_SIZE];
    const struct kn_network_state_port *own = kn_hmap_get(network->ports, port);

    kn_network_mac_text(mac, text);
    return kn_hmap_get(taken, kn_ip_text(ip, address)) != NULL ||
           (kn_hmap_get(taken, text) != NULL && (own == NULL || memcmp(own->mac, mac, 6) != 0));
}

struct behind_word {
    const struct kn_network_resident *resident;
    const struct kn_network_state_announced *said;
};

static int behind_newest_first(const void *a, const void *b)
{
    const struct behind_word *x = a, *y = b;

    return x->said->number < y->said->number ? 1 : x->said->number > y->said->number ? -1 : 0;
}

/* Before all others, the newest first. What the port's pairs do not allow any more is not heeded. Returns how many were found. */
static size_t behind_announced(const struct kn_network_resident *residents, size_t count, size_t words,
                               struct kn_hmap *taken, struct kn_hmap *stations, struct kn_network_behind *list)
{
    AUTO_FREE struct behind_word *said = kn_alloc((words + 1) * sizeof(*said));
    size_t heard = 0, found = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t n = 0; n < residents[i].announced_count; n++) {
            const struct kn_network_state_announced *one = &residents[i].announced[n];

            if (kn_network_behind_may(residents[i].pairs, residents[i].pair_count, one->mac, &one->ip)) {
                said[heard++] = (struct behind_word){ &residents[i], one };
            }
        }
    }
    qsort(said, heard, sizeof(*said), behind_newest_first);
    for (size_t i = 0; i < heard; i++) {
        struct kn_network_state_pair pair = { .ip = { .ip = said[i].said->ip } };

        pair.ip.length = (uint8_t)kn_ip_bits(&pair.ip.ip);
        memcpy(pair.mac, said[i].said->mac, sizeof(pair.mac));
        found += behind_pair(said[i].resident, &pair, taken, stations, &list[found]);
    }
    return found;
}

struct kn_network_behind *kn_network_behind_of(const struct kn_network_host_network *network, size_t *ret_count)
{
    size_t count, pairs = 0, words = 0, found = 0;
    AUTO_FREE struct kn_network_resident *residents = kn_network_host_network_residents(network, true, &count);

    for (size_t i = 0; i < count; i++) {
        pairs += residents[i].pair_count;
        words += residents[i].announced_count;
    }
    struct kn_network_behind *list = kn_alloc((pairs + words + 1) * sizeof(*list));

    if (pairs > 0) {
        AUTO(kn_hmap) struct kn_hmap *taken = taken_by_all(network, residents, count);
        AUTO(kn_hmap) struct kn_hmap *stations = kn_hmap_new(NULL); /* MAC -> the id of its port */

        found = behind_announced(residents, count, words, taken, stations, list);
        for (size_t i = 0; i < count; i++) {
            for (size_t n = 0; n < residents[i].pair_count; n++) {
                found += behind_pair(&residents[i], &residents[i].pairs[n], taken, stations, &list[found]);
            }
        }
    }
    *ret_count = found;
    return list;
}

uint8_t (*kn_network_behind_stations(const struct kn_network_behind *list, size_t count, const char *port,
                                     const uint8_t own[6], size_t *ret_count, uint64_t *ret_digest))[6]
{
    uint8_t(*macs)[6] = kn_alloc((count + 1) * sizeof(*macs));
    uint64_t digest = 0;
    size_t found = 1;

    memcpy(macs[0], own, sizeof(*macs));
    for (size_t i = 0; i < count; i++) {
        if (list[i].is_station && strcmp(list[i].port, port) == 0) {
            memcpy(macs[found++], list[i].mac, sizeof(*macs));
            for (size_t n = 0; n < 6; n++) {
                digest = (digest ^ list[i].mac[n] ^ 0x100) * UINT64_C(0x100000001b3); /* FNV-1a, and of no MAC 0 */
            }
        }
    }
    *ret_count = found;
    *ret_digest = digest;
    return macs;
}
