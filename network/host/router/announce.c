/* SPDX-License-Identifier: Apache-2.0 */
/*
 * announce.c: says that an address lives here now, by frames of its own on a packet socket: an ARP request for itself (RFC 5227's announcement),
 * which every neighbour's cache believes, or an unsolicited neighbour advertisement with the override flag (RFC 4861, 7.2.6).
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "network/host/link/inside.h"

struct arp_frame {
    struct ether_header head;
    uint16_t hardware, protocol;
    uint8_t hardware_size, protocol_size;
    uint16_t operation;
    uint8_t sender_mac[6], sender_ip[4], target_mac[6], target_ip[4];
} __attribute__((packed));

struct advertisement {
    uint8_t type, code;
    uint16_t sum;
    uint8_t flags, reserved[3];
    uint8_t target[16];
    uint8_t option, option_size, mac[6];
} __attribute__((packed));

struct nd_frame {
    struct ether_header head;
    uint8_t version[4];
    uint16_t size;
    uint8_t next, hops;
    uint8_t source[16], destination[16];
    struct advertisement said;
} __attribute__((packed));

static void announce_send(unsigned device, const void *frame, size_t size)
{
    AUTO_CLOSE int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)device };

    if (fd >= 0) {
        (void)!sendto(fd, frame, size, 0, (const struct sockaddr *)&to, sizeof(to));
    }
}

static void announce_arp(unsigned device, const uint8_t mac[6], const struct kn_ip *ip)
{
    struct arp_frame frame = { .hardware = htons(ARPHRD_ETHER),
                               .protocol = htons(ETHERTYPE_IP),
                               .hardware_size = 6,
                               .protocol_size = 4,
                               .operation = htons(ARPOP_REQUEST) };

    memset(frame.head.ether_dhost, 0xff, 6);
    memcpy(frame.head.ether_shost, mac, 6);
    frame.head.ether_type = htons(ETHERTYPE_ARP);
    memcpy(frame.sender_mac, mac, 6);
    memcpy(frame.sender_ip, ip->bytes, 4);
    memcpy(frame.target_ip, ip->bytes, 4);
    announce_send(device, &frame, sizeof(frame));
}

/* RFC 1071 over a run of bytes of even length. */
static uint32_t announce_add(uint32_t sum, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i + 1 < size; i += 2) {
        sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
    }
    return sum;
}

static void announce_nd(unsigned device, const uint8_t mac[6], const struct kn_ip *ip, bool is_router)
{
    static const uint8_t ALL_NODES[16] = { 0xff, 0x02, [15] = 1 };
    struct nd_frame frame = {
        .version = { 0x60 },
        .size = htons(sizeof(struct advertisement)),
        .next = IPPROTO_ICMPV6,
        .hops = 255,
        .said = { .type = ND_NEIGHBOR_ADVERT, .flags = is_router ? 0xa0 : 0x20, .option = 2, .option_size = 1 }
    };

    memcpy(frame.head.ether_dhost, (const uint8_t[6]){ 0x33, 0x33, 0, 0, 0, 1 }, 6);
    memcpy(frame.head.ether_shost, mac, 6);
    frame.head.ether_type = htons(ETHERTYPE_IPV6);
    memcpy(frame.source, ip->bytes, 16);
    memcpy(frame.destination, ALL_NODES, 16);
    memcpy(frame.said.target, ip->bytes, 16);
    memcpy(frame.said.mac, mac, 6);
    uint32_t sum = announce_add(0, frame.source, 16);

    sum = announce_add(sum, frame.destination, 16);
    sum = announce_add(sum, &frame.said, sizeof(frame.said)) + sizeof(frame.said) + IPPROTO_ICMPV6;
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    frame.said.sum = htons((uint16_t)~sum);
    announce_send(device, &frame, sizeof(frame));
}

void kn_network_inside_announce(unsigned device, const uint8_t mac[6], const struct kn_ip *ip, bool is_router)
{
    if (ip->family == 4) {
        announce_arp(device, mac, ip);
    } else {
        announce_nd(device, mac, ip, is_router);
    }
}
