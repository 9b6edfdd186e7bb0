/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset.c: the counted things that the tables consist of, and their text. Knows no object of the state (ruleset_compile.c does) and no kernel
 * (firewall.c does). A hash map of entries; those that were touched since the last settling stand in a list, which is all that a delta looks at.
 */
#include "network/host/firewall/ruleset.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/hmap.h"
#include "lib/base/mem.h"
#include "network/host/firewall/ruleset_private.h"

struct kn_network_ruleset {
    struct kn_hmap *entries; /* "<family> <what> <name> <key>" -> struct kn_network_ruleset_entry, owned */
    struct kn_hmap *objects; /* "<kind> <id>" -> struct kn_network_ruleset_wants, owned */
    struct kn_hmap *joints;  /* group -> its members' prefixes (ruleset_prefixes.c), owned */
    struct kn_network_ruleset_entry **dirty;
    size_t dirty_count, dirty_room;
};

static const char *const FAMILY[KN_RULESET_FAMILIES] = { [KN_RULESET_BRIDGE] = "bridge", [KN_RULESET_INET] = "inet" };

static void entry_free(void *value)
{
    struct kn_network_ruleset_entry *entry = value;

    free(entry->name);
    free(entry->key);
    free(entry->value);
    free(entry->live);
    free(entry);
}

static void wants_free(void *value)
{
    struct kn_network_ruleset_wants *wants = value;

    free(wants->items);
    free(wants->joined);
    free(wants);
}

struct kn_network_ruleset *kn_network_ruleset_new(void)
{
    struct kn_network_ruleset *ruleset = KN_NEW(struct kn_network_ruleset);

    ruleset->entries = kn_hmap_new(entry_free);
    ruleset->objects = kn_hmap_new(wants_free);
    ruleset->joints = kn_hmap_new(kn_network_ruleset_joint_free);
    return ruleset;
}

void kn_network_ruleset_free(struct kn_network_ruleset *ruleset)
{
    if (ruleset != NULL) {
        kn_hmap_free(ruleset->objects);
        kn_hmap_free(ruleset->entries);
        kn_hmap_free(ruleset->joints);
        free(ruleset->dirty);
        free(ruleset);
    }
}

/* --- counting ------------------------------------------------------------------------------------------------------- */

static char *entry_key(enum kn_network_ruleset_family family, enum kn_network_ruleset_what what, const char *name,
                       const char *key)
{
    return kn_asprintf("%u %u %s %s", family, what, name, key);
}

static void soil(struct kn_network_ruleset *ruleset, struct kn_network_ruleset_entry *entry)
{
    if (entry->is_dirty) {
        return;
    }
    if (ruleset->dirty_count == ruleset->dirty_room) {
        ruleset->dirty_room = ruleset->dirty_room * 2 + 64;
        ruleset->dirty = kn_realloc_array(ruleset->dirty, ruleset->dirty_room,
                                          sizeof(struct kn_network_ruleset_entry *));
    }
    entry->is_dirty = true;
    ruleset->dirty[ruleset->dirty_count++] = entry;
}

static struct kn_network_ruleset_entry *entry_of(struct kn_network_ruleset *ruleset,
                                                 enum kn_network_ruleset_family family,
                                                 enum kn_network_ruleset_what what, const char *name, const char *key)
{
    AUTO_FREE char *whole = entry_key(family, what, name, key);
    struct kn_network_ruleset_entry *entry = kn_hmap_get(ruleset->entries, whole);

    if (entry == NULL) {
        entry = KN_NEW(struct kn_network_ruleset_entry);
        entry->family = family;
        entry->what = what;
        entry->name = kn_strdup(name);
        entry->key = kn_strdup(key);
        entry->value = kn_strdup("");
        kn_hmap_put(ruleset->entries, whole, entry);
    }
    return entry;
}

void kn_network_ruleset_want(struct kn_network_ruleset *ruleset, struct kn_network_ruleset_wants *wants,
                             enum kn_network_ruleset_family family, enum kn_network_ruleset_what what, const char *name,
                             const char *key, const char *value)
{
    struct kn_network_ruleset_entry *entry = entry_of(ruleset, family, what, name, key);

    if (strcmp(entry->value, value) != 0) {
        free(entry->value);
        entry->value = kn_strdup(value);
    }
    entry->wanted++;
    soil(ruleset, entry);
    wants->items = kn_realloc_array(wants->items, wants->count + 1, sizeof(struct kn_network_ruleset_entry *));
    wants->items[wants->count++] = entry;
}

bool kn_network_ruleset_wants(const struct kn_network_ruleset *ruleset, enum kn_network_ruleset_family family,
                              enum kn_network_ruleset_what what, const char *name, const char *key)
{
    AUTO_FREE char *whole = entry_key(family, what, name, key);
    const struct kn_network_ruleset_entry *entry = kn_hmap_get(ruleset->entries, whole);

    return entry != NULL && entry->wanted > 0;
}

static const char *const JOINT_CHAIN[] = { "destination", "source" };

void kn_network_ruleset_join(struct kn_network_ruleset *ruleset, struct kn_network_ruleset_wants *wants,
                             const char *group, const struct kn_ip_prefix *prefix)
{
    for (int is_source = 0; is_source < 2; is_source++) {
        AUTO_FREE char *chain = kn_asprintf("%s_%s", JOINT_CHAIN[is_source], group);

        kn_network_ruleset_want(ruleset, wants, KN_RULESET_INET, KN_RULESET_CHAIN, chain, "", "");
        kn_network_ruleset_want(ruleset, wants, KN_RULESET_INET, KN_RULESET_BODY, chain, "", "");
    }
    wants->joined = kn_realloc_array(wants->joined, wants->joined_count + 1, sizeof(*wants->joined));
    kn_copy(wants->joined[wants->joined_count].group, KN_UUID_SIZE, group);
    wants->joined[wants->joined_count++].prefix = *prefix;
    kn_network_ruleset_joint_add(ruleset->joints, group, prefix);
}

bool kn_network_ruleset_joint_holds(const struct kn_network_ruleset *ruleset, const char *group, const struct kn_ip *ip)
{
    return kn_network_ruleset_joint_has(ruleset->joints, group, ip);
}

/* The bodies of the groups whose members' prefixes changed: what they are now is nobody's own. */
static void refresh_joints(struct kn_network_ruleset *ruleset, const struct kn_network_ruleset_wants *wants)
{
    for (size_t i = 0; wants != NULL && i < wants->joined_count; i++) {
        for (int is_source = 0; is_source < 2; is_source++) {
            AUTO_RELEASE(kn_strbuf) struct kn_strbuf body = KN_STRBUF_INIT;
            AUTO_FREE char *chain = kn_asprintf("%s_%s", JOINT_CHAIN[is_source], wants->joined[i].group);
            struct kn_network_ruleset_entry *entry = entry_of(ruleset, KN_RULESET_INET, KN_RULESET_BODY, chain, "");

            kn_network_ruleset_joint_body(ruleset->joints, wants->joined[i].group, is_source != 0, &body);
            free(entry->value);
            entry->value = kn_strdup(body.buf);
            soil(ruleset, entry);
        }
    }
}

/* What both the old and the new object want never falls to nobody in between. */
void kn_network_ruleset_put(struct kn_network_ruleset *ruleset, enum kn_network_kind kind, const char *id,
                            const void *object)
{
    AUTO_FREE char *key = kn_asprintf("%u %s", kind, id);
    struct kn_network_ruleset_wants *before = kn_hmap_take(ruleset->objects, key), *wants = NULL;

    if (object != NULL) {
        wants = KN_NEW(struct kn_network_ruleset_wants);
        kn_network_ruleset_compile(ruleset, kind, object, wants);
        kn_hmap_put(ruleset->objects, key, wants);
    }
    for (size_t i = 0; before != NULL && i < before->count; i++) {
        before->items[i]->wanted--;
        soil(ruleset, before->items[i]);
    }
    for (size_t i = 0; before != NULL && i < before->joined_count; i++) {
        kn_network_ruleset_joint_remove(ruleset->joints, before->joined[i].group, &before->joined[i].prefix);
    }
    refresh_joints(ruleset, wants);
    refresh_joints(ruleset, before);
    if (before != NULL) {
        wants_free(before);
    }
}

void kn_network_ruleset_settled(struct kn_network_ruleset *ruleset)
{
    for (size_t i = 0; i < ruleset->dirty_count; i++) {
        struct kn_network_ruleset_entry *entry = ruleset->dirty[i];

        entry->is_dirty = false;
        if (entry->wanted == 0) {
            AUTO_FREE char *key = entry_key(entry->family, entry->what, entry->name, entry->key);

            kn_hmap_del(ruleset->entries, key);
        } else if (entry->live == NULL || strcmp(entry->live, entry->value) != 0) {
            free(entry->live);
            entry->live = kn_strdup(entry->value);
        }
    }
    ruleset->dirty_count = 0;
}

/* --- text ----------------------------------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
    const struct kn_network_ruleset_entry *left = *(struct kn_network_ruleset_entry *const *)a,
                                          *right = *(struct kn_network_ruleset_entry *const *)b;
    int order = (int)left->family - (int)right->family;

    order = order != 0 ? order : strcmp(left->name, right->name);
    return order != 0 ? order : strcmp(left->key, right->key);
}

static bool differs(const struct kn_network_ruleset_entry *entry)
{
    return entry->live == NULL || strcmp(entry->live, entry->value) != 0;
}

static bool comes(const struct kn_network_ruleset_entry *entry)
{
    return entry->wanted > 0 && differs(entry);
}

/* Also what comes again with another value. */
static bool goes(const struct kn_network_ruleset_entry *entry)
{
    return entry->live != NULL && (entry->wanted == 0 || differs(entry));
}

struct chosen {
    struct kn_network_ruleset_entry **items;
    size_t count;
};

/* Those of the dirty that are `what` and `pick`ed, in the order of their places; the list is the caller's to free. */
static struct chosen ruleset_choose(const struct kn_network_ruleset *ruleset, enum kn_network_ruleset_what what,
                                    bool (*pick)(const struct kn_network_ruleset_entry *entry))
{
    struct chosen chosen = { kn_alloc((ruleset->dirty_count + 1) * sizeof(struct kn_network_ruleset_entry *)), 0 };

    for (size_t i = 0; i < ruleset->dirty_count; i++) {
        if (ruleset->dirty[i]->what == what && pick(ruleset->dirty[i])) {
            chosen.items[chosen.count++] = ruleset->dirty[i];
        }
    }
    qsort(chosen.items, chosen.count, sizeof(struct kn_network_ruleset_entry *), by_place);
    return chosen;
}

/* The word for commands: "map leaving" and "set macs" are both "leaving" and "macs" to an element. */
static const char *bare(const char *name)
{
    return strchr(name, ' ') != NULL ? strchr(name, ' ') + 1 : name;
}

static void put_element(const struct kn_network_ruleset_entry *entry, bool with_value, struct kn_strbuf *out)
{
    kn_strbuf_addstr(out, entry->key);
    if (with_value && entry->value[0] != '\0') {
        kn_strbuf_addf(out, " : %s", entry->value);
    }
}

static void put_elements(const struct kn_network_ruleset *ruleset, const char *verb,
                         bool (*pick)(const struct kn_network_ruleset_entry *entry), bool with_value,
                         struct kn_strbuf *out)
{
    struct chosen chosen = ruleset_choose(ruleset, KN_RULESET_ELEMENT, pick);

    for (size_t i = 0; i < chosen.count; i++) {
        const struct kn_network_ruleset_entry *entry = chosen.items[i], *before = i == 0 ? NULL : chosen.items[i - 1];

        if (before != NULL && before->family == entry->family && strcmp(before->name, entry->name) == 0) {
            kn_strbuf_addstr(out, ", ");
        } else {
            kn_strbuf_addf(out, "%s%s element %s kilonova %s { ", before == NULL ? "" : " }\n", verb,
                           FAMILY[entry->family], bare(entry->name));
        }
        put_element(entry, with_value, out);
    }
    kn_strbuf_addstr(out, chosen.count > 0 ? " }\n" : "");
    free(chosen.items);
}

/* "add rule" for each line of a chain's body. */
static void put_rules(const struct kn_network_ruleset_entry *entry, struct kn_strbuf *out)
{
    for (const char *line = entry->value; *line != '\0';) {
        size_t length = strcspn(line, "\n");

        kn_strbuf_addf(out, "add rule %s kilonova %s %.*s\n", FAMILY[entry->family], entry->name, (int)length, line);
        line += length + (line[length] == '\n');
    }
}

static void put_bodies(const struct kn_network_ruleset *ruleset, struct kn_strbuf *out)
{
    struct chosen old = ruleset_choose(ruleset, KN_RULESET_BODY, goes),
                  new = ruleset_choose(ruleset, KN_RULESET_BODY, comes);

    for (size_t i = 0; i < old.count; i++) {
        kn_strbuf_addf(out, "flush chain %s kilonova %s\n", FAMILY[old.items[i]->family], old.items[i]->name);
    }
    for (size_t i = 0; i < new.count; i++) {
        put_rules(new.items[i], out);
    }
    free(old.items);
    free(new.items);
}

static void declare(const struct kn_network_ruleset *ruleset, struct kn_strbuf *out)
{
    struct chosen sets = ruleset_choose(ruleset, KN_RULESET_SET, comes),
                  chains = ruleset_choose(ruleset, KN_RULESET_CHAIN, comes);

    for (size_t i = 0; i < sets.count; i++) {
        kn_strbuf_addf(out, "add set %s kilonova %s { %s; }\n", FAMILY[sets.items[i]->family],
                       bare(sets.items[i]->name), sets.items[i]->value);
    }
    for (size_t i = 0; i < chains.count; i++) {
        kn_strbuf_addf(out, "add chain %s kilonova %s\n", FAMILY[chains.items[i]->family], chains.items[i]->name);
    }
    free(sets.items);
    free(chains.items);
}

static void undeclare(const struct kn_network_ruleset *ruleset, struct kn_strbuf *out)
{
    struct chosen chains = ruleset_choose(ruleset, KN_RULESET_CHAIN, goes),
                  sets = ruleset_choose(ruleset, KN_RULESET_SET, goes);

    for (size_t i = 0; i < chains.count; i++) {
        kn_strbuf_addf(out, "delete chain %s kilonova %s\n", FAMILY[chains.items[i]->family], chains.items[i]->name);
    }
    for (size_t i = 0; i < sets.count; i++) {
        kn_strbuf_addf(out, "delete set %s kilonova %s\n", FAMILY[sets.items[i]->family], bare(sets.items[i]->name));
    }
    free(chains.items);
    free(sets.items);
}

/* A body goes before the chain that it jumps to, an element before the chain that it leads to and the set that it is in. */
void kn_network_ruleset_delta(const struct kn_network_ruleset *ruleset, struct kn_strbuf *out)
{
    declare(ruleset, out);
    put_elements(ruleset, "delete", goes, false, out);
    put_bodies(ruleset, out);
    put_elements(ruleset, "add", comes, true, out);
    undeclare(ruleset, out);
}

/* --- the whole ------------------------------------------------------------------------------------------------------ */

/* All that is wanted, in the order of places. */
static struct chosen choose_all(const struct kn_network_ruleset *ruleset)
{
    struct chosen chosen = {
        kn_alloc((kn_hmap_count(ruleset->entries) + 1) * sizeof(struct kn_network_ruleset_entry *)), 0
    };
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(ruleset->entries, &at, &key, &value);) {
        struct kn_network_ruleset_entry *entry = value;

        if (entry->wanted > 0) {
            chosen.items[chosen.count++] = entry;
        }
    }
    qsort(chosen.items, chosen.count, sizeof(struct kn_network_ruleset_entry *), by_place);
    return chosen;
}

/* The range of a set's or chain's entries, which stand together. */
static size_t ruleset_first_of(const struct chosen *all, enum kn_network_ruleset_family family, const char *name)
{
    size_t low = 0, high = all->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct kn_network_ruleset_entry *entry = all->items[middle];
        bool is_before = entry->family < family || (entry->family == family && strcmp(entry->name, name) < 0);

        if (is_before) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void put_set(const struct chosen *all, enum kn_network_ruleset_family family, const char *name, const char *type,
                    struct kn_strbuf *out)
{
    size_t count = 0;

    kn_strbuf_addf(out, "\t%s {\n\t\t%s\n", name, type);
    for (size_t i = ruleset_first_of(all, family, name);
         i < all->count && all->items[i]->family == family && strcmp(all->items[i]->name, name) == 0; i++) {
        if (all->items[i]->what == KN_RULESET_ELEMENT) {
            kn_strbuf_addstr(out, count++ == 0 ? "\t\telements = { " : ", ");
            put_element(all->items[i], true, out);
        }
    }
    kn_strbuf_addf(out, "%s\t}\n", count > 0 ? " }\n" : "");
}

static void put_chain(const struct chosen *all, enum kn_network_ruleset_family family, const char *name,
                      struct kn_strbuf *out)
{
    kn_strbuf_addf(out, "\tchain %s {\n", name);
    for (size_t i = ruleset_first_of(all, family, name);
         i < all->count && all->items[i]->family == family && strcmp(all->items[i]->name, name) == 0; i++) {
        const char *line = all->items[i]->what == KN_RULESET_BODY ? all->items[i]->value : "";

        while (*line != '\0') {
            size_t length = strcspn(line, "\n");

            kn_strbuf_addf(out, "\t\t%.*s\n", (int)length, line);
            line += length + (line[length] == '\n');
        }
    }
    kn_strbuf_addstr(out, "\t}\n");
}

static void put_table(const struct chosen *all, enum kn_network_ruleset_family family, struct kn_strbuf *out)
{
    const char *word = FAMILY[family];

    kn_strbuf_addf(out, "add table %s kilonova\ndelete table %s kilonova\ntable %s kilonova {\n", word, word, word);
    for (size_t i = 0; i < KN_RULESET_SET_COUNT; i++) {
        if (KN_RULESET_SETS[i].family == family) {
            put_set(all, family, KN_RULESET_SETS[i].name, KN_RULESET_SETS[i].type, out);
        }
    }
    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i]->family == family && all->items[i]->what == KN_RULESET_SET) {
            put_set(all, family, all->items[i]->name, all->items[i]->value, out);
        }
    }
    kn_strbuf_addstr(out, KN_RULESET_CHAINS[family]);
    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i]->family == family && all->items[i]->what == KN_RULESET_CHAIN) {
            put_chain(all, family, all->items[i]->name, out);
        }
    }
    kn_strbuf_addstr(out, "}\n");
}

void kn_network_ruleset_whole(const struct kn_network_ruleset *ruleset, struct kn_strbuf *out)
{
    struct chosen all = choose_all(ruleset);

    for (enum kn_network_ruleset_family family = 0; family < KN_RULESET_FAMILIES; family++) {
        put_table(&all, family, out);
    }
    free(all.items);
}
