/* SPDX-License-Identifier: Apache-2.0 */
/* tables_private: what tables.c reads, tables_walk.c walks and tables_match.c compares; nobody else includes it. */
#ifndef KN_NETWORK_HOST_TRACE_TABLES_PRIVATE_H
#define KN_NETWORK_HOST_TRACE_TABLES_PRIVATE_H

#include "lib/base/hmap.h"
#include "network/host/trace/tables.h"

struct kn_network_tables_lines {
    char **items;
    size_t count, room;
};

struct kn_network_tables_chain {
    char family[16], hook[16]; /* hook "": it is only jumped to */
    char table[32];            /* whose sets and chains its rules name */
    char *name;
    long priority;
    bool drops;                /* its policy */
    struct kn_network_tables_lines rules;
};

struct kn_network_tables {
    struct kn_hmap
        *sets;   /* "<family> <table> <name>" -> struct kn_network_tables_lines: its elements, owned; maps, too */
    struct kn_hmap *chains; /* "<family> <table> <name>" -> struct kn_network_tables_chain, owned */
};

/* "a, b : c" up to a brace that closes or the end: one item each, without the spaces around. Returns what is behind. */
const char *kn_network_tables_elements(const char *text, struct kn_network_tables_lines *into);
void kn_network_tables_lines_release(struct kn_network_tables_lines *lines);

struct kn_network_tables_value { /* what a packet has of one field */
    enum { KN_VALUE_NONE, KN_VALUE_TEXT, KN_VALUE_NUMBER, KN_VALUE_IP } kind;
    const char *text;
    unsigned long number;
    struct kn_ip ip;
};

#define KN_TABLES_FIELDS 8
struct kn_network_tables_values { /* of fields side by side: "iifname . ether saddr" */
    struct kn_network_tables_value items[KN_TABLES_FIELDS];
    size_t count;
};

/* "tap… . fa:16:… . 10.0.0.0/24"; `length`: of the pattern, which may be followed by a map's data. */
bool kn_network_tables_match(const struct kn_network_tables_values *values, const char *pattern, size_t length);
/* The element that the values are in; its data if it has any, else "". NULL: none. */
const char *kn_network_tables_find(const struct kn_network_tables_lines *elements,
                                   const struct kn_network_tables_values *values);

#endif
