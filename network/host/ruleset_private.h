/* SPDX-License-Identifier: Apache-2.0 */
/* ruleset_private: what ruleset.c keeps and ruleset_compile.c fills; nobody else includes it. */
#ifndef KN_NETWORK_HOST_RULESET_PRIVATE_H
#define KN_NETWORK_HOST_RULESET_PRIVATE_H

#include "network/host/ruleset.h"

enum kn_network_ruleset_family { KN_RULESET_BRIDGE, KN_RULESET_INET, KN_RULESET_FAMILIES };
enum kn_network_ruleset_what { KN_RULESET_SET, KN_RULESET_CHAIN, KN_RULESET_ELEMENT, KN_RULESET_BODY };

/* One thing of a table. Whoever wants it counts as one; it is in the kernel as `live` says. */
struct kn_network_ruleset_entry {
    enum kn_network_ruleset_family family;
    enum kn_network_ruleset_what what;
    char *name;        /* of the set or chain */
    char *key;         /* of an element; "" otherwise */
    char *value;       /* a set's type, a map element's data, a chain's rules line by line; "" otherwise */
    char *live;        /* the value that was settled last; NULL: the kernel has none */
    unsigned wanted;   /* by so many objects */
    bool is_dirty;
};

/* What one object wants: borrowed entries, each counted once. */
struct kn_network_ruleset_wants {
    struct kn_network_ruleset_entry **items;
    size_t count;
};

void kn_network_ruleset_want(struct kn_network_ruleset *ruleset, struct kn_network_ruleset_wants *wants,
                             enum kn_network_ruleset_family family, enum kn_network_ruleset_what what, const char *name,
                             const char *key, const char *value);
/* Whether anybody wants it. */
bool kn_network_ruleset_wants(const struct kn_network_ruleset *ruleset, enum kn_network_ruleset_family family,
                              enum kn_network_ruleset_what what, const char *name, const char *key);
/* ruleset_compile.c: everything that the object is in the tables. */
void kn_network_ruleset_compile(struct kn_network_ruleset *ruleset, enum kn_network_kind kind, const void *object,
                                struct kn_network_ruleset_wants *wants);
/* ruleset_static.c: the sets that always are, and the chains. */
struct kn_network_ruleset_set {
    enum kn_network_ruleset_family family;
    const char *name, *type;
};
extern const struct kn_network_ruleset_set KN_RULESET_SETS[];
extern const size_t KN_RULESET_SET_COUNT;
extern const char *const KN_RULESET_CHAINS[KN_RULESET_FAMILIES];

#endif
