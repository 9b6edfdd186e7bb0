/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip: an address of either family, and a prefix of addresses. No function of the house knows IPv4 alone: what differs between the families is
 * its width. The bytes are in network order, so that addresses of one family compare as numbers do. Pure.
 */
#ifndef KN_BASE_IP_H
#define KN_BASE_IP_H

#include <stdbool.h>
#include <stdint.h>

#define KN_IP_SIZE 46         /* the longest text with its NUL, as INET6_ADDRSTRLEN */
#define KN_IP_PREFIX_SIZE 50  /* with "/128" */

struct kn_ip {
    uint8_t family;    /* 4 or 6; 0: none */
    uint8_t bytes[16]; /* an IPv4 address fills the first 4, the others are 0 */
};

struct kn_ip_prefix {
    struct kn_ip ip; /* as it was written: bits behind the length may be set */
    uint8_t length;
};

#define KN_IP_NONE ((struct kn_ip){ .family = 0 })

/* A dotted quad, or RFC 4291's text, without a zone and nothing around it; NULL is not. What holds an IPv4-mapped IPv6 address is an IPv6 address. */
bool kn_ip_parse(const char *text, struct kn_ip *ret_ip);
/* RFC 5952's text, which is PostgreSQL's host(inet), too; "" for none. Returns out. */
char *kn_ip_text(const struct kn_ip *ip, char out[KN_IP_SIZE]);
struct kn_ip kn_ip_v4(uint32_t host_order);
uint32_t kn_ip_v4_number(const struct kn_ip *ip); /* host order; of an IPv4 address only */

int kn_ip_bits(const struct kn_ip *ip); /* 32 or 128 */
int kn_ip_compare(const struct kn_ip *a, const struct kn_ip *b); /* IPv4 before IPv6 */
bool kn_ip_equal(const struct kn_ip *a, const struct kn_ip *b);
/* ip + n, or false when the family ends before. */
bool kn_ip_add(const struct kn_ip *ip, uint64_t n, struct kn_ip *ret_ip);
/* How many steps lie between the two of one family, a <= b: at most UINT64_MAX. */
uint64_t kn_ip_distance(const struct kn_ip *a, const struct kn_ip *b);

bool kn_ip_prefix_parse(const char *text,
                        struct kn_ip_prefix *ret_prefix); /* "10.0.0.0/24"; without a length: the whole address */
char *kn_ip_prefix_text(const struct kn_ip_prefix *prefix, char out[KN_IP_PREFIX_SIZE]);
struct kn_ip kn_ip_prefix_first(const struct kn_ip_prefix *prefix); /* all bits behind the length 0 */
struct kn_ip kn_ip_prefix_last(const struct kn_ip_prefix *prefix); /* all bits behind the length 1 */
bool kn_ip_prefix_holds(const struct kn_ip_prefix *prefix, const struct kn_ip *ip);

/* The address that SLAAC makes of a MAC on a /64 (RFC 4291 appendix A: modified EUI-64). */
struct kn_ip kn_ip_eui64(const struct kn_ip_prefix *prefix, const uint8_t mac[6]);

#endif
