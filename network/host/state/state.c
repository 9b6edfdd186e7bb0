/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.c: a host's state and what changes it. All of a message is read before any of it is taken; what it did is a list of objects before and after, which is all
 * that the compilers and the kernel's side need to be as cheap as the change. Pure; object.c reads objects, file.c keeps them.
 */
#include "network/host/state/state.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "network/host/link/external.h"
#include "network/host/state/object.h"

#define ZONES 65535

void kn_network_state_init(struct kn_network_state *state)
{
    state->version = -1;
    state->physical = NULL;
    for (int kind = 0; kind < KN_NETWORK_KINDS; kind++) {
        state->objects[kind] = kn_hmap_new(kn_network_object_free);
    }
}

void kn_network_state_release(struct kn_network_state *state)
{
    for (int kind = 0; kind < KN_NETWORK_KINDS; kind++) {
        kn_hmap_free(state->objects[kind]);
        state->objects[kind] = NULL;
    }
}

void kn_network_state_changes_release(struct kn_network_state_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        kn_network_object_free((void *)(uintptr_t)changes->items[i].before);
    }
    free(changes->items);
    *changes = (struct kn_network_state_changes){ NULL, 0 };
}

const void *kn_network_state_get(const struct kn_network_state *state, enum kn_network_kind kind, const char *id)
{
    return kn_hmap_get(state->objects[kind], id);
}

/* --- what a message says ------------------------------------------------------------------------------------------- */

/* A body, or all pieces of one. Owned until they are taken. */
struct delta {
    int64_t from, version;
    void **put;
    size_t put_count;
    const json_t *bodies; /* a list */
};

static void delta_release(struct delta *delta)
{
    for (size_t i = 0; i < delta->put_count; i++) {
        kn_network_object_free(delta->put[i]);
    }
    free(delta->put);
}

static int read_puts(const json_t *list, struct delta *delta, struct kn_error *err)
{
    const json_t *item;
    size_t i;

    delta->put = kn_realloc_array(delta->put, delta->put_count + json_array_size(list) + 1, sizeof(*delta->put));
    json_array_foreach (list, i, item) {
        enum kn_network_kind kind;

        if (kn_network_object_read(item, &kind, &delta->put[delta->put_count], err) < 0) {
            return -1;
        }
        delta->put_count++;
    }
    return 0;
}

static int check_drops(const json_t *list, struct kn_error *err)
{
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item) {
        if (kn_network_kind_of(json_string_value(json_object_get(item, "kind"))) == KN_NETWORK_KINDS ||
            !kn_uuid_valid(json_string_value(json_object_get(item, "id")))) {
            return kn_fail(err, KN_BAD_REQUEST, "a drop names nothing");
        }
    }
    return 0;
}

static int64_t number_of(const json_t *body, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(body, key);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static int delta_read(const json_t *bodies, struct delta *delta, struct kn_error *err)
{
    const json_t *body;
    size_t i;

    delta->bodies = bodies;
    delta->from = number_of(json_array_get(bodies, 0), "from", -2);
    delta->version = number_of(json_array_get(bodies, 0), "version", -1);
    json_array_foreach (bodies, i, body) {
        if (delta->from < -1 || delta->version <= delta->from || number_of(body, "from", -2) != delta->from ||
            number_of(body, "version", -1) != delta->version) {
            return kn_fail(err, KN_BAD_REQUEST, "no state from one version to a later one");
        }
        if (read_puts(json_object_get(body, "put"), delta, err) < 0 ||
            check_drops(json_object_get(body, "drop"), err) < 0) {
            return -1;
        }
    }
    return json_array_size(bodies) > 0 ? 0 : kn_fail(err, KN_BAD_REQUEST, "a state without a piece");
}

/* --- taking it ------------------------------------------------------------------------------------------------------ */

static void state_note(struct kn_network_state_changes *changes, enum kn_network_kind kind, const void *before,
                       const void *after)
{
    if ((changes->count & (changes->count - 1)) == 0) { /* grows by doubling */
        changes->items = kn_realloc_array(changes->items, changes->count == 0 ? 1 : changes->count * 2,
                                          sizeof(*changes->items));
    }
    changes->items[changes->count++] = (struct kn_network_state_change){ kind, before, after };
}

/* Does the host itself route it? What it translates is tracked where its other devices are, in no zone. */
static bool is_routed_by_host(const struct kn_network_state *state, const struct kn_network_state_network *network)
{
    char device[KN_DEVICE_NAME_SIZE];

    return network->type == KN_NETWORK_FLAT && state->physical != NULL &&
           kn_network_physical_device(state->physical, network->physical, device) &&
           strcmp(device, KN_PHYSICAL_NAT) == 0;
}

/* The zone of conntrack that a network has stays its own; a new one gets the lowest that is free. */
static uint16_t zone_for(const struct kn_network_state *state, const struct kn_network_state_network *before,
                         const struct kn_network_state_network *network)
{
    AUTO_FREE uint8_t *used = kn_alloc(ZONES + 1);
    const char *id;
    void *value;
    uint16_t zone = 1;

    if (is_routed_by_host(state, network)) {
        return 0;
    }
    if (before != NULL && before->zone != 0) {
        return before->zone;
    }
    for (size_t at = 0; kn_hmap_next(state->objects[KN_NETWORK_IS_NETWORK], &at, &id, &value);) {
        used[((const struct kn_network_state_network *)value)->zone] = 1;
    }
    if (network->zone != 0 && !used[network->zone]) {
        return network->zone;
    }
    while (zone < ZONES && used[zone]) {
        zone++;
    }
    return zone;
}

/* Takes the object over. One that says what was known is no change. */
static void state_put(struct kn_network_state *state, void *object, struct kn_network_state_changes *changes)
{
    const enum kn_network_kind kind = kn_network_object_kind(object);
    struct kn_hmap *objects = state->objects[kind];
    void *before = kn_hmap_get(objects, kn_network_object_id(object));

    if (before != NULL && kn_network_state_digest(before) == kn_network_state_digest(object)) {
        kn_network_object_free(object);
        return;
    }
    if (kind == KN_NETWORK_IS_NETWORK) {
        struct kn_network_state_network *network = object;

        network->zone = zone_for(state, before, network);
    }
    before = kn_hmap_take(objects, kn_network_object_id(object));
    kn_hmap_put(objects, kn_network_object_id(object), object);
    state_note(changes, kind, before, object);
}

static void state_drop(struct kn_network_state *state, enum kn_network_kind kind, const char *id,
                       struct kn_network_state_changes *changes)
{
    void *before = kn_hmap_take(state->objects[kind], id);

    if (before != NULL) {
        state_note(changes, kind, before, NULL);
    }
}

/* Of a whole state: what it does not put is not there any more. */
static void drop_others(struct kn_network_state *state, const struct delta *delta,
                        struct kn_network_state_changes *changes)
{
    struct kn_hmap *said[KN_NETWORK_KINDS];
    const char *id;
    void *value;

    for (int kind = 0; kind < KN_NETWORK_KINDS; kind++) {
        said[kind] = kn_hmap_new(NULL);
    }
    for (size_t i = 0; i < delta->put_count; i++) {
        kn_hmap_put(said[kn_network_object_kind(delta->put[i])], kn_network_object_id(delta->put[i]), delta->put[i]);
    }
    for (int kind = 0; kind < KN_NETWORK_KINDS; kind++) {
        for (size_t at = 0; kn_hmap_next(state->objects[kind], &at, &id, &value);) {
            if (kn_hmap_get(said[kind], id) == NULL) {
                state_drop(state, (enum kn_network_kind)kind, kn_network_object_id(value), changes);
            }
        }
        kn_hmap_free(said[kind]);
    }
}

/* --- what nothing refers to any more -------------------------------------------------------------------------------- */

/* What the ports and their groups' rules name. */
struct named {
    struct kn_hmap *groups, *policies, *remotes, *addresses;
};

static void name_all(const struct kn_network_state *state, struct named *named)
{
    const char *id;
    void *value;

    for (size_t at = 0; kn_hmap_next(state->objects[KN_NETWORK_IS_PORT], &at, &id, &value);) {
        const struct kn_network_state_port *port = value;

        for (size_t i = 0; i < port->group_count; i++) {
            kn_hmap_put(named->groups, port->groups[i], value);
        }
        kn_hmap_put(named->policies, port->policy, value);
    }
    for (size_t at = 0; kn_hmap_next(state->objects[KN_NETWORK_IS_GROUP], &at, &id, &value);) {
        const struct kn_network_state_group *group = value;

        for (size_t i = 0; i < group->rule_count && kn_hmap_get(named->groups, group->id) != NULL; i++) {
            if (group->rules[i].remote == KN_REMOTE_GROUP) {
                kn_hmap_put(named->remotes, group->rules[i].remote_id, value);
            } else if (group->rules[i].remote == KN_REMOTE_ADDRESSES) {
                kn_hmap_put(named->addresses, group->rules[i].remote_id, value);
            }
        }
    }
}

static bool state_is_named(const struct kn_network_state *state, const struct named *named, const void *object)
{
    const struct kn_hmap *networks = state->objects[KN_NETWORK_IS_NETWORK];
    const char *id = kn_network_object_id(object);
    const struct kn_network_state_member *member = object;

    switch (kn_network_object_kind(object)) {
    case KN_NETWORK_IS_PORT:
        return kn_hmap_get(networks, ((const struct kn_network_state_port *)object)->network) != NULL;
    case KN_NETWORK_IS_PEER:
        return kn_hmap_get(networks, ((const struct kn_network_state_peer *)object)->network) != NULL;
    case KN_NETWORK_IS_GROUP:
        return kn_hmap_get(named->groups, id) != NULL;
    case KN_NETWORK_IS_ADDRESSES:
        return kn_hmap_get(named->addresses, id) != NULL;
    case KN_NETWORK_IS_POLICY:
        return kn_hmap_get(named->policies, id) != NULL;
    case KN_NETWORK_IS_MEMBER:
        for (size_t i = 0; i < member->group_count; i++) {
            if (kn_hmap_get(named->remotes, member->groups[i]) != NULL) {
                return true;
            }
        }
        return false;
    case KN_NETWORK_IS_NETWORK:
    case KN_NETWORK_IS_ROUTER:
    case KN_NETWORK_KINDS:
        break;
    }
    return true;
}

static void drop_unnamed(struct kn_network_state *state, const struct named *named, enum kn_network_kind kind,
                         struct kn_network_state_changes *changes)
{
    const char *id;
    void *value;

    for (size_t at = 0; kn_hmap_next(state->objects[kind], &at, &id, &value);) {
        if (!state_is_named(state, named, value)) {
            state_drop(state, kind, kn_network_object_id(value), changes);
        }
    }
}

/* A delta that only put peers and members leaves everything referred to that was. */
static bool may_unname(const struct kn_network_state_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        const struct kn_network_state_change *change = &changes->items[i];

        if (change->before != NULL && change->kind != KN_NETWORK_IS_PEER && change->kind != KN_NETWORK_IS_ADDRESSES &&
            change->kind != KN_NETWORK_IS_POLICY) {
            return true;
        }
    }
    return false;
}

static void state_prune(struct kn_network_state *state, struct kn_network_state_changes *changes)
{
    struct named named = { kn_hmap_new(NULL), kn_hmap_new(NULL), kn_hmap_new(NULL), kn_hmap_new(NULL) };

    drop_unnamed(state, &named, KN_NETWORK_IS_PORT, changes);
    drop_unnamed(state, &named, KN_NETWORK_IS_PEER, changes);
    name_all(state, &named);
    drop_unnamed(state, &named, KN_NETWORK_IS_GROUP, changes);
    drop_unnamed(state, &named, KN_NETWORK_IS_MEMBER, changes);
    drop_unnamed(state, &named, KN_NETWORK_IS_ADDRESSES, changes);
    drop_unnamed(state, &named, KN_NETWORK_IS_POLICY, changes);
    kn_hmap_free(named.groups);
    kn_hmap_free(named.policies);
    kn_hmap_free(named.remotes);
    kn_hmap_free(named.addresses);
}

/* --- the whole ------------------------------------------------------------------------------------------------------ */

static void delta_apply(struct kn_network_state *state, struct delta *delta, struct kn_network_state_changes *changes)
{
    const json_t *body, *item;
    size_t i, n;

    if (delta->from == -1) {
        drop_others(state, delta, changes);
    }
    json_array_foreach (delta->bodies, i, body) {
        json_array_foreach (json_object_get(body, "drop"), n, item) {
            state_drop(state, kn_network_kind_of(json_string_value(json_object_get(item, "kind"))),
                       json_string_value(json_object_get(item, "id")), changes);
        }
    }
    for (i = 0; i < delta->put_count; i++) {
        state_put(state, delta->put[i], changes);
    }
    delta->put_count = 0; /* they are the state's */
    if (delta->from == -1 || may_unname(changes)) {
        state_prune(state, changes);
    }
    state->version = delta->version;
}

int kn_network_state_take(struct kn_network_state *state, const json_t *body,
                          struct kn_network_state_changes *ret_changes, struct kn_error *err)
{
    json_auto_t *bodies = json_is_array(body) ? json_incref((json_t *)(uintptr_t)body) : json_pack("[O]", body);
    AUTO_RELEASE(delta) struct delta delta = { 0 };
    struct kn_network_state_changes changes = { NULL, 0 };

    if (delta_read(bodies, &delta, err) < 0) {
        return -1;
    }
    if (delta.from != -1 && delta.version == state->version) { /* it came twice */
        *ret_changes = changes;
        return 0;
    }
    if (delta.from != -1 && delta.from != state->version) {
        return kn_fail(err, KN_STALE, "a state from version %lld to %lld, where %lld is known", (long long)delta.from,
                       (long long)delta.version, (long long)state->version);
    }
    delta_apply(state, &delta, &changes);
    *ret_changes = changes;
    return 0;
}
