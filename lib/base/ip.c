/* SPDX-License-Identifier: Apache-2.0 */
/* lib/base/ip.h: arithmetic over an address's bytes, from the last one up, so that both families are one loop. Texts are the C library's. */
#include "lib/base/ip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int ip_width(const struct kn_ip *ip)
{
    return ip->family == 4 ? 4 : 16;
}

bool kn_ip_parse(const char *text, struct kn_ip *ret_ip)
{
    struct kn_ip ip = KN_IP_NONE;

    if (text == NULL) {
        return false;
    }
    ip.family = strchr(text, ':') != NULL ? 6 : 4;
    if (inet_pton(ip.family == 4 ? AF_INET : AF_INET6, text, ip.bytes) != 1) {
        return false;
    }
    *ret_ip = ip;
    return true;
}

char *kn_ip_text(const struct kn_ip *ip, char out[KN_IP_SIZE])
{
    out[0] = '\0';
    if (ip->family != 0) {
        inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->bytes, out, KN_IP_SIZE);
    }
    return out;
}

struct kn_ip kn_ip_v4(uint32_t host_order)
{
    struct kn_ip ip = { .family = 4 };
    const uint32_t wire = htonl(host_order);

    memcpy(ip.bytes, &wire, sizeof(wire));
    return ip;
}

uint32_t kn_ip_v4_number(const struct kn_ip *ip)
{
    uint32_t wire;

    memcpy(&wire, ip->bytes, sizeof(wire));
    return ntohl(wire);
}

int kn_ip_bits(const struct kn_ip *ip)
{
    return 8 * ip_width(ip);
}

int kn_ip_compare(const struct kn_ip *a, const struct kn_ip *b)
{
    return a->family != b->family ? (int)a->family - (int)b->family : memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool kn_ip_equal(const struct kn_ip *a, const struct kn_ip *b)
{
    return kn_ip_compare(a, b) == 0;
}

bool kn_ip_add(const struct kn_ip *ip, uint64_t n, struct kn_ip *ret_ip)
{
    struct kn_ip sum = *ip;
    unsigned carry = 0;

    for (int i = ip_width(ip) - 1; i >= 0; i--, n >>= 8) {
        const unsigned byte = sum.bytes[i] + (unsigned)(n & 0xff) + carry;

        sum.bytes[i] = (uint8_t)byte;
        carry = byte >> 8;
    }
    if (carry != 0 || n != 0) {
        return false;
    }
    *ret_ip = sum;
    return true;
}

uint64_t kn_ip_distance(const struct kn_ip *a, const struct kn_ip *b)
{
    const int width = ip_width(a);
    uint64_t distance = 0;
    int borrow = 0;
    uint8_t bytes[16] = { 0 };

    for (int i = width - 1; i >= 0; i--) {
        const int byte = b->bytes[i] - a->bytes[i] - borrow;

        borrow = byte < 0;
        bytes[i] = (uint8_t)byte;
    }
    for (int i = 0; i < width; i++) {
        if (i < width - 8 && bytes[i] != 0) {
            return UINT64_MAX;
        }
        distance = distance << 8 | bytes[i];
    }
    return distance;
}

/* --- prefixes --------------------------------------------------------------------------------------------------------- */

static bool parse_length(const char *text, int most, uint8_t *ret)
{
    char *end;
    long length;

    if (text[0] < '0' || text[0] > '9' || strlen(text) > 3) {
        return false;
    }
    length = strtol(text, &end, 10);
    if (*end != '\0' || length > most) {
        return false;
    }
    *ret = (uint8_t)length;
    return true;
}

bool kn_ip_prefix_parse(const char *text, struct kn_ip_prefix *ret_prefix)
{
    const char *slash = text == NULL ? NULL : strchr(text, '/');
    const size_t length = slash != NULL ? (size_t)(slash - text) : text != NULL ? strlen(text) : 0;
    struct kn_ip_prefix prefix;
    char address[KN_IP_SIZE];

    if (text == NULL || length >= sizeof(address)) {
        return false;
    }
    memcpy(address, text, length);
    address[length] = '\0';
    if (!kn_ip_parse(address, &prefix.ip)) {
        return false;
    }
    prefix.length = (uint8_t)kn_ip_bits(&prefix.ip);
    if (slash != NULL && !parse_length(slash + 1, prefix.length, &prefix.length)) {
        return false;
    }
    *ret_prefix = prefix;
    return true;
}

char *kn_ip_prefix_text(const struct kn_ip_prefix *prefix, char out[KN_IP_PREFIX_SIZE])
{
    char address[KN_IP_SIZE];

    snprintf(out, KN_IP_PREFIX_SIZE, "%s/%u", kn_ip_text(&prefix->ip, address), prefix->length);
    return out;
}

/* The bits of byte i that lie behind the prefix. */
static uint8_t host_bits(const struct kn_ip_prefix *prefix, int i)
{
    const int inside = prefix->length - 8 * i;

    return (uint8_t)(inside >= 8 ? 0 : inside <= 0 ? 0xff : 0xff >> inside);
}

struct kn_ip kn_ip_prefix_first(const struct kn_ip_prefix *prefix)
{
    struct kn_ip ip = prefix->ip;

    for (int i = 0; i < ip_width(&ip); i++) {
        ip.bytes[i] &= (uint8_t)~host_bits(prefix, i);
    }
    return ip;
}

struct kn_ip kn_ip_prefix_last(const struct kn_ip_prefix *prefix)
{
    struct kn_ip ip = prefix->ip;

    for (int i = 0; i < ip_width(&ip); i++) {
        ip.bytes[i] |= host_bits(prefix, i);
    }
    return ip;
}

bool kn_ip_prefix_holds(const struct kn_ip_prefix *prefix, const struct kn_ip *ip)
{
    const struct kn_ip first = kn_ip_prefix_first(prefix), last = kn_ip_prefix_last(prefix);

    return ip->family == prefix->ip.family && kn_ip_compare(&first, ip) <= 0 && kn_ip_compare(ip, &last) <= 0;
}

struct kn_ip kn_ip_eui64(const struct kn_ip_prefix *prefix, const uint8_t mac[6])
{
    struct kn_ip ip = kn_ip_prefix_first(prefix);
    const uint8_t id[8] = { mac[0] ^ 0x02, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5] };

    memcpy(ip.bytes + 8, id, sizeof(id));
    return ip;
}
