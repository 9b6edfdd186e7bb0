/* SPDX-License-Identifier: Apache-2.0 */
/* ruleset_private: what ruleset.c keeps and ruleset_compile.c fills; nobody else includes it. */
#ifndef KN_NETWORK_HOST_FIREWALL_RULESET_PRIVATE_H
#define KN_NETWORK_HOST_FIREWALL_RULESET_PRIVATE_H

#include "network/host/firewall/ruleset.h"

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

/* What one object wants: borrowed entries, each counted once; and a member's prefixes, which are its groups'. */
struct kn_network_ruleset_wants {
    struct kn_network_ruleset_entry **items;
    size_t count;
    struct kn_network_ruleset_joined {
        char group[KN_UUID_SIZE];
        struct kn_ip_prefix prefix;
    } *joined;
    size_t joined_count;
};

void kn_network_ruleset_want(struct kn_network_ruleset *ruleset, struct kn_network_ruleset_wants *wants,
                             enum kn_network_ruleset_family family, enum kn_network_ruleset_what what, const char *name,
                             const char *key, const char *value);
/* One prefix more of a group's members. */
void kn_network_ruleset_join(struct kn_network_ruleset *ruleset, struct kn_network_ruleset_wants *wants,
                             const char *group, const struct kn_ip_prefix *prefix);
bool kn_network_ruleset_joint_holds(const struct kn_network_ruleset *ruleset, const char *group,
                                    const struct kn_ip *ip);
/* Whether anybody wants it. */
bool kn_network_ruleset_wants(const struct kn_network_ruleset *ruleset, enum kn_network_ruleset_family family,
                              enum kn_network_ruleset_what what, const char *name, const char *key);
/* ruleset_compile.c: everything that the object is in the tables. */
void kn_network_ruleset_compile(struct kn_network_ruleset *ruleset, enum kn_network_kind kind, const void *object,
                                struct kn_network_ruleset_wants *wants);
/* ruleset_prefixes.c. As nft lists a prefix: its first address, the whole length unsaid. */
void kn_network_ruleset_put_prefix(const struct kn_ip_prefix *prefix, struct kn_strbuf *out);
/* Sorts them and takes out those that lie in others: prefixes either nest or are strangers, and no interval of a set may overlap another. */
size_t kn_network_ruleset_disjoint(struct kn_ip_prefix *prefixes, size_t count);
/* Rules that accept what comes from them, or goes to them. */
void kn_network_ruleset_put_addresses(const struct kn_ip_prefix *prefixes, size_t count, bool is_source,
                                      struct kn_strbuf *out);
/* A map of group -> its members' prefixes, each counted; a group without any is not in it. */
void kn_network_ruleset_joint_free(void *value);
void kn_network_ruleset_joint_add(struct kn_hmap *joints, const char *group, const struct kn_ip_prefix *prefix);
void kn_network_ruleset_joint_remove(struct kn_hmap *joints, const char *group, const struct kn_ip_prefix *prefix);
bool kn_network_ruleset_joint_has(const struct kn_hmap *joints, const char *group, const struct kn_ip *ip);
void kn_network_ruleset_joint_body(const struct kn_hmap *joints, const char *group, bool is_source,
                                   struct kn_strbuf *out);
/* ruleset_static.c: the sets that always are, and the chains. */
struct kn_network_ruleset_set {
    enum kn_network_ruleset_family family;
    const char *name, *type;
};
extern const struct kn_network_ruleset_set KN_RULESET_SETS[];
extern const size_t KN_RULESET_SET_COUNT;
extern const char *const KN_RULESET_CHAINS[KN_RULESET_FAMILIES];

#endif
