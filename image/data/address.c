/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks as rows: what is not the public internet (IANA's special-purpose registries), and what an operator allows beside it.
 * Everything is compared as IPv6, IPv4 in its mapped form. It must never look up a name: it judges what is about to be connected to.
 */
#include "image/data/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

#define MAPPED_BITS 96 /* of ::ffff:0:0/96 */

struct network {
    uint8_t prefix[16];
    int bits;
};

/* Not for a server to reach on a user's word. */
static const char *const SPECIAL[] = {
    "0.0.0.0/8",      "10.0.0.0/8",   "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",  "172.16.0.0/12",
    "192.0.0.0/24",   "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",   "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4",  "240.0.0.0/4",    "::/96",          "::ffff:0:0:0/96", "64:ff9b:1::/48",
    "100::/64",       "2001::/23",    "2001:db8::/32",  "2002::/16",      "3fff::/20",       "5f00::/16",
    "fc00::/7",       "fe80::/10",    "fec0::/10",      "ff00::/8",
};

static const uint8_t MAPPED[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
static const uint8_t NAT64[12] = { 0x00, 0x64, 0xff, 0x9b };

/* "10.0.0.0/8" up to len bytes. */
static bool address_parse(const char *text, size_t len, struct network *ret)
{
    char copy[64];
    char *slash;
    char *end = NULL;

    if (len >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    slash = strchr(copy, '/');
    if (slash == NULL || slash[1] < '0' || slash[1] > '9') {
        return false;
    }
    *slash = '\0';
    const bool v4 = inet_pton(AF_INET, copy, ret->prefix + 12) == 1;
    if (v4) {
        memcpy(ret->prefix, MAPPED, sizeof(MAPPED));
    } else if (inet_pton(AF_INET6, copy, ret->prefix) != 1) {
        return false;
    }
    const long bits = strtol(slash + 1, &end, 10);
    if (*end != '\0' || bits > (v4 ? 32 : 128)) {
        return false;
    }
    ret->bits = (int)bits + (v4 ? MAPPED_BITS : 0);
    return true;
}

static bool address_holds(const struct network *n, const uint8_t address[16])
{
    const size_t whole = (size_t)n->bits / 8;
    const int rest = n->bits % 8;

    return memcmp(n->prefix, address, whole) == 0 &&
           (rest == 0 || ((n->prefix[whole] ^ address[whole]) >> (8 - rest)) == 0);
}

/* Its sixteen bytes; IPv4 in any disguise as mapped. */
static bool flatten(const struct sockaddr *address, uint8_t out[16])
{
    union {
        const struct sockaddr *any;
        const struct sockaddr_in *v4;
        const struct sockaddr_in6 *v6;
    } a = { address };

    if (a.any->sa_family == AF_INET) {
        memcpy(out, MAPPED, sizeof(MAPPED));
        memcpy(out + 12, &a.v4->sin_addr, 4);
        return true;
    }
    if (a.any->sa_family != AF_INET6) {
        return false;
    }
    memcpy(out, &a.v6->sin6_addr, 16);
    if (memcmp(out, NAT64, sizeof(NAT64)) == 0) {
        memcpy(out, MAPPED, sizeof(MAPPED));
    }
    return true;
}

/* True if one of the networks in the list holds it; a broken one holds nothing. */
static bool in_list(const char *list, const uint8_t address[16])
{
    while (*list != '\0') {
        const size_t len = strcspn(list, ",");
        struct network n;

        if (address_parse(list, len, &n) && address_holds(&n, address)) {
            return true;
        }
        list += len + (list[len] == ',');
    }
    return false;
}

bool kn_image_address_allowed(const struct sockaddr *address, const char *allowed)
{
    uint8_t flat[16];

    if (!flatten(address, flat)) {
        return false;
    }
    if (in_list(allowed, flat)) {
        return true;
    }
    for (size_t i = 0; i < KN_COUNT(SPECIAL); i++) {
        if (in_list(SPECIAL[i], flat)) {
            return false;
        }
    }
    return true;
}

int kn_image_address_networks_check(const char *networks, struct kn_error *err)
{
    while (*networks != '\0') {
        const size_t len = strcspn(networks, ",");
        struct network n;

        if (!address_parse(networks, len, &n)) {
            return kn_fail(err, KN_BAD_REQUEST, "\"%.*s\" is no network (address/bits)", (int)len, networks);
        }
        networks += len + (networks[len] == ',');
    }
    return 0;
}
