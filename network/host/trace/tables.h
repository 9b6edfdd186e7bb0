/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tables: nftables' tables as text, read and walked by one packet: what the kernel lists (nft.h) or the ruleset wants (ruleset.h), so that one who asks why a
 * packet is dropped hears which line does it. Knows the language that ruleset_static.c, ruleset_compile.c, router.c and scope.c write, and of what it does not know it
 * says so: it never guesses. Tables whose names do not begin with "kilonova" are passed over. Pure.
 */
#ifndef KN_NETWORK_HOST_TRACE_TABLES_H
#define KN_NETWORK_HOST_TRACE_TABLES_H

#include "lib/base/cleanup.h"
#include "network/address/mac.h"
#include "network/host/firewall/allows.h"

struct kn_network_tables;

/* Whatever the text: what is no table of ours, or no line of one, is left out. */
struct kn_network_tables *kn_network_tables_read(const char *text);
void kn_network_tables_free(struct kn_network_tables *tables);
KN_DEFINE_AUTO(kn_network_tables);
/* Whether there is the table "kilonova" of that family ("bridge", "inet", "ip", "ip6"). */
bool kn_network_tables_have(const struct kn_network_tables *tables, const char *family);

enum { KN_CT_ESTABLISHED = 0x2, KN_CT_NEW = 0x8, KN_CT_STATUS_SNAT = 0x10, KN_CT_STATUS_DNAT = 0x20 };

/* A packet on its way: what rules ask about, and what they change. */
struct kn_network_tables_packet {
    const char *in, *out; /* devices; "": none yet */
    char source_mac[KN_MAC_TEXT];
    struct kn_network_packet ip;
    uint32_t mark;
    unsigned state, status; /* of its connection: KN_CT_… */
};

enum kn_network_tables_verdict {
    KN_TABLES_PASS,
    KN_TABLES_DROP,
    KN_TABLES_UNKNOWN /* a line that is not understood */
};

struct kn_network_tables_ruling {
    enum kn_network_tables_verdict verdict;
    /* The line that decided, of the last chain that one did, and its chain; "": none did. They live as long as the tables. */
    const char *chain, *line;
    const char *group; /* the last chain of a security group that the packet went into; "": none */
};

/*
 * The chains of the family that hang at the hook ("prerouting", "forward", "postrouting"), in their order, until one drops it. packet: marks and translated
 * addresses are written into it.
 */
void kn_network_tables_walk(const struct kn_network_tables *tables, const char *family, const char *hook,
                            struct kn_network_tables_packet *packet, struct kn_network_tables_ruling *ret);

#endif
