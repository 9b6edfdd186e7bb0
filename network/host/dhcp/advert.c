/* SPDX-License-Identifier: Apache-2.0 */
/* advert.c: who is a router, and the bytes that say so (RFC 4861, 4.2). Pure; advertiser.c sends them. Tested in tests/unit/network/test_advert.c. */
#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "network/host/dhcp/advertiser.h"

#define IP6_AT 14
#define ICMP_AT (IP6_AT + 40)
#define ICMP_SIZE (KN_ADVERT_SIZE - ICMP_AT)

static bool advert_has(const struct kn_network_ips *ips, const struct kn_ip *ip)
{
    for (size_t i = 0; i < ips->count; i++) {
        if (kn_ip_equal(&ips->items[i], ip)) {
            return true;
        }
    }
    return false;
}

static bool advert_is_said(const struct kn_network_advert *list, size_t count, const uint8_t mac[6])
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(list[i].mac, mac, 6) == 0) {
            return true;
        }
    }
    return false;
}

/* What the network's own advertisements say of DHCP: guests that hear both should not hear two opinions. */
static struct kn_network_advert advert_words(const struct kn_network_state_network *wanted)
{
    struct kn_network_advert words = { .mtu = wanted->mtu };

    for (size_t i = 0; i < wanted->subnet_count; i++) {
        const struct kn_network_state_subnet *subnet = &wanted->subnets[i];

        if (subnet->cidr.ip.family == 6 && subnet->ra_mode != KN_RA_NONE) {
            words.is_managed |= subnet->address_mode == KN_RA_STATEFUL;
            words.has_other |= subnet->address_mode == KN_RA_STATEFUL || subnet->address_mode == KN_RA_STATELESS;
        }
    }
    return words;
}

struct kn_network_advert *kn_network_adverts_of(const struct kn_network_host_network *network, size_t *ret_count)
{
    const struct kn_network_state_network *wanted = network->wanted;
    const size_t subnets = wanted == NULL ? 0 : wanted->subnet_count;
    struct kn_network_advert *list = kn_alloc((subnets + 1) * sizeof(*list));
    size_t count = 0, residents_count = 0;
    AUTO_FREE struct kn_network_resident *residents = NULL;

    for (size_t i = 0; i < subnets; i++) {
        const struct kn_network_state_subnet *subnet = &wanted->subnets[i];

        if (subnet->gateway.family != 6 || subnet->ra_mode == KN_RA_NONE) {
            continue;
        }
        if (residents == NULL) {
            residents = kn_network_host_network_residents(network, true, &residents_count);
        }
        for (size_t n = 0; n < residents_count; n++) {
            if (advert_has(residents[n].ips, &subnet->gateway) && !advert_is_said(list, count, residents[n].mac)) {
                list[count] = advert_words(wanted);
                memcpy(list[count++].mac, residents[n].mac, 6);
                break;
            }
        }
    }
    *ret_count = count;
    return list;
}

/* RFC 1071 over a run of bytes of even length. */
static uint32_t advert_add(uint32_t sum, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i + 1 < size; i += 2) {
        sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
    }
    return sum;
}

static void advert_checksum(uint8_t out[KN_ADVERT_SIZE])
{
    uint32_t sum = advert_add(IPPROTO_ICMPV6 + ICMP_SIZE, out + IP6_AT + 8, 32 + ICMP_SIZE);

    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    const uint16_t said = htons((uint16_t)~sum);

    memcpy(out + ICMP_AT + 2, &said, sizeof(said));
}

void kn_network_advert_frame(const struct kn_network_advert *advert, int lifetime_s, uint8_t out[KN_ADVERT_SIZE])
{
    static const struct kn_ip_prefix LINK = { .ip = { .family = 6, .bytes = { 0xfe, 0x80 } }, .length = 64 };
    static const uint8_t ALL_NODES[16] = { 0xff, 0x02, [15] = 1 }, ALL_NODES_MAC[6] = { 0x33, 0x33, 0, 0, 0, 1 };
    const struct kn_ip source = kn_ip_eui64(&LINK, advert->mac);
    const uint32_t mtu = htonl((uint32_t)advert->mtu);
    const uint16_t lifetime = htons((uint16_t)lifetime_s);
    uint8_t *ip6 = out + IP6_AT, *icmp = out + ICMP_AT;

    memset(out, 0, KN_ADVERT_SIZE);
    memcpy(out, ALL_NODES_MAC, 6);
    memcpy(out + 6, advert->mac, 6);
    memcpy(out + 12, (const uint8_t[2]){ 0x86, 0xdd }, 2);
    ip6[0] = 0x60;
    ip6[5] = ICMP_SIZE;
    ip6[6] = IPPROTO_ICMPV6;
    ip6[7] = 255;
    memcpy(ip6 + 8, source.bytes, 16);
    memcpy(ip6 + 24, ALL_NODES, 16);
    icmp[0] = ND_ROUTER_ADVERT;
    icmp[4] = 64; /* hops */
    icmp[5] = (uint8_t)((advert->is_managed ? ND_RA_FLAG_MANAGED : 0) | (advert->has_other ? ND_RA_FLAG_OTHER : 0));
    memcpy(icmp + 6, &lifetime, 2);
    icmp[16] = 1; /* its own MAC */
    icmp[17] = 1;
    memcpy(icmp + 18, advert->mac, 6);
    icmp[24] = 5; /* MTU */
    icmp[25] = 1;
    memcpy(icmp + 28, &mtu, 4);
    advert_checksum(out);
}
