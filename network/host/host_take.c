/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_take.c: from a state that changed to a kernel that follows: who belongs to which network, the firewall, then the networks that are touched, each as far as it
 * is. A peer more is a few messages to the kernel, whatever else the network has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "network/host/build.h"
#include "network/host/dhcp/probe.h"
#include "network/host/link/external.h"
#include "network/host/host_private.h"
#include "network/host/link/netns.h"
#include "network/host/state/object.h"

#define METADATA_PORT 80
#define MANY_PEERS 256 /* of one network in one change: then what the kernel has is read, and the difference written */

/* --- one network ---------------------------------------------------------------------------------------------------- */

struct kn_network_host_network *kn_network_host_network_of(struct kn_network_host *host, const char *id)
{
    struct kn_network_host_network *network = kn_hmap_get(host->networks, id);

    if (network == NULL) {
        network = kn_network_host_network_new(host->dir, id);
        kn_hmap_put(host->networks, id, network);
    }
    return network;
}

static void door_name(const struct kn_network_host_network *network, int door, char out[KN_UUID_SIZE + 2])
{
    snprintf(out, KN_UUID_SIZE + 2, "%s%s", network->id, door == 0 ? "" : "/6");
}

static const struct kn_ip *const DOORS[] = { &KN_METADATA_IP, &KN_METADATA_IP6 };

static void close_door(struct kn_network_host *host, struct kn_network_host_network *network, int door)
{
    char name[KN_UUID_SIZE + 2];

    if (network->has_doors[door] && host->options.metadata_close != NULL) {
        door_name(network, door, name);
        host->options.metadata_close(host->options.ctx, name);
    }
    network->has_doors[door] = false;
}

static void close_doors(struct kn_network_host *host, struct kn_network_host_network *network)
{
    for (int door = 0; door < 2; door++) {
        close_door(host, network, door);
    }
    kn_network_probe_end(&network->probe); /* of the same namespace */
}

/* One for each family that the network speaks, which another MTU may change. */
static int open_doors(struct kn_network_host *host, struct kn_network_host_network *network, struct kn_error *err)
{
    char name[KN_UUID_SIZE + 2];
    int fd = -1;

    if (host->options.metadata_open == NULL || !kn_network_state_has_door(network->wanted)) {
        return 0;
    }
    for (int door = 0; door < 2; door++) {
        if (!kn_network_host_network_speaks(network, DOORS[door]->family)) {
            close_door(host, network, door);
        } else if (!network->has_doors[door]) {
            if (kn_network_netns_listen(network->netns, DOORS[door], "dhcp", METADATA_PORT, &fd, err) < 0) {
                return -1;
            }
            network->has_doors[door] = true;
            door_name(network, door, name);
            host->options.metadata_open(host->options.ctx, name, fd);
        }
    }
    return 0;
}

int kn_network_host_advertise(struct kn_network_host *host, const struct kn_network_host_network *network,
                              struct kn_error *err)
{
    size_t count;
    AUTO_FREE struct kn_network_advert *adverts = kn_network_adverts_of(network, &count);

    return kn_network_state_has_door(network->wanted)
               ? kn_network_advertiser_set(host->advertiser, network, adverts, count, err)
               : 0;
}

/* Two networks whose ids begin alike would share a bridge: refused, however unlikely. */
static int check_names(const struct kn_network_host *host, const struct kn_network_host_network *network,
                       struct kn_error *err)
{
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(host->networks, &at, &key, &value);) {
        const struct kn_network_host_network *other = value;

        if (strcmp(other->bridge, network->bridge) == 0 && strcmp(other->id, network->id) != 0 && other->built) {
            return kn_fail(err, KN_CONFLICT, "network %s and network %s begin alike and cannot share a host", other->id,
                           network->id);
        }
    }
    return 0;
}

/* A flat network is a wire of this host's. */
static int lead_out(struct kn_network_host *host, const struct kn_network_host_network *network, struct kn_error *err)
{
    char device[KN_DEVICE_NAME_SIZE];

    if (network->wanted->type != KN_NETWORK_FLAT) {
        return 0;
    }
    if (!kn_network_physical_device(host->physical, network->wanted->physical, device)) {
        return kn_fail(err, KN_INTERNAL, "this host has no physical network \"%s\"", network->wanted->physical);
    }
    return kn_network_external_build(host->links, device, network->wanted, network->bridge, err);
}

/* Taps outlive their bridge: whoever plugged them takes them away. */
static int host_demolish(struct kn_network_host *host, struct kn_network_host_network *network, struct kn_error *err)
{
    const char *key;
    void *value;

    close_doors(host, network);
    kn_network_advertiser_drop(host->advertiser, network->id);
    for (size_t at = 0; kn_hmap_next(network->plugs, &at, &key, &value);) {
        if (kn_network_host_unplug_tap(host->links, value, err) < 0) {
            return -1;
        }
    }
    if (kn_network_host_demolish(host->links, network, err) < 0 || kn_network_external_end(network->id, err) < 0) {
        return kn_fail_context(err, "network %s", network->id);
    }
    network->built = false;
    return 0;
}

int kn_network_host_settle(struct kn_network_host *host, struct kn_network_host_network *network, bool is_whole,
                           struct kn_error *err)
{
    if (network->wanted == NULL) {
        return network->built ? host_demolish(host, network, err) : 0;
    }
    if ((network->has_doors[0] || network->has_doors[1]) &&
        (kn_network_host_is_torn(network) || !kn_network_state_has_door(network->wanted))) {
        close_doors(host, network);
        kn_network_advertiser_drop(host->advertiser, network->id);
    }
    is_whole = is_whole || !network->built || network->built_mtu != network->wanted->mtu;
    network->built = false;
    if (check_names(host, network, err) < 0 ||
        kn_network_host_build(host->links, network, &host->underlay, is_whole, err) < 0 ||
        lead_out(host, network, err) < 0 || open_doors(host, network, err) < 0 ||
        kn_network_host_advertise(host, network, err) < 0) {
        kn_fail_context(err, "network %s", network->id);
        kn_copy(network->why, sizeof(network->why), err->message);
        return -1;
    }
    network->built = true;
    network->built_mtu = network->wanted->mtu;
    network->names_changed = false;
    kn_network_host_heed(host, network);
    return kn_network_host_shape(host, network, err);
}

/* --- who belongs to which network ----------------------------------------------------------------------------------- */

struct kn_network_host_network *kn_network_host_attach(struct kn_network_host *host, struct kn_network_plug *plug)
{
    const struct kn_network_state_port *port = kn_network_state_get(&host->state, KN_NETWORK_IS_PORT, plug->port);
    struct kn_network_host_network *network = port == NULL ? NULL : kn_network_host_network_of(host, port->network);

    if (network != NULL) {
        kn_hmap_put(network->plugs, plug->port, plug);
    }
    return network;
}

/* NULL for what is of no network. */
static struct kn_network_host_network *home_of(struct kn_network_host *host, enum kn_network_kind kind,
                                               const void *object)
{
    switch (kind) {
    case KN_NETWORK_IS_NETWORK:
        return kn_network_host_network_of(host, ((const struct kn_network_state_network *)object)->id);
    case KN_NETWORK_IS_PORT:
        return kn_network_host_network_of(host, ((const struct kn_network_state_port *)object)->network);
    case KN_NETWORK_IS_PEER:
        return kn_network_host_network_of(host, ((const struct kn_network_state_peer *)object)->network);
    case KN_NETWORK_IS_GROUP:
    case KN_NETWORK_IS_MEMBER:
    case KN_NETWORK_IS_ADDRESSES:
    case KN_NETWORK_IS_POLICY:
    case KN_NETWORK_IS_ROUTER:
    case KN_NETWORK_KINDS:
        break;
    }
    return NULL;
}

/* The tap stays for who plugged it, in nobody's bridge. */
static void take_detach(struct kn_network_host *host, struct kn_network_host_network *network, const char *port)
{
    struct kn_network_plug *plug = kn_hmap_get(network->plugs, port);
    struct kn_error why;

    kn_hmap_del(network->ports, port);
    kn_hmap_del(network->plugs, port);
    kn_network_host_unheed(host, port);
    if (plug != NULL && kn_network_host_unplug_tap(host->links, plug, &why) < 0) {
        kn_log_error("a tap whose port went", &why);
    }
}

static void index_object(struct kn_network_host *host, enum kn_network_kind kind, const void *object)
{
    struct kn_network_host_network *network = home_of(host, kind, object);

    if (network == NULL) {
        return;
    }
    if (kind == KN_NETWORK_IS_NETWORK) {
        network->wanted = object;
    } else if (kind == KN_NETWORK_IS_PEER) {
        const struct kn_network_state_peer *peer = object;

        kn_hmap_put(network->peers, peer->id, (void *)(uintptr_t)object);
    } else if (kind == KN_NETWORK_IS_PORT) {
        const struct kn_network_state_port *port = object;
        struct kn_network_plug *plug = kn_hmap_get(host->plugs, port->id);

        kn_hmap_put(network->ports, port->id, (void *)(uintptr_t)object);
        if (plug != NULL) {
            kn_hmap_put(network->plugs, port->id, plug);
        }
    }
}

static void unindex_object(struct kn_network_host *host, enum kn_network_kind kind, const void *object)
{
    struct kn_network_host_network *network = home_of(host, kind, object);

    if (network == NULL) {
        return;
    }
    if (kind == KN_NETWORK_IS_NETWORK) {
        network->wanted = NULL;
    } else if (kind == KN_NETWORK_IS_PEER) {
        kn_hmap_del(network->peers, ((const struct kn_network_state_peer *)object)->id);
    } else if (kind == KN_NETWORK_IS_PORT) {
        take_detach(host, network, ((const struct kn_network_state_port *)object)->id);
    }
}

void kn_network_host_index_all(struct kn_network_host *host)
{
    for (int kind = 0; kind < KN_NETWORK_KINDS; kind++) {
        const char *id;
        void *object;

        for (size_t at = 0; kn_hmap_next(host->state.objects[kind], &at, &id, &object);) {
            index_object(host, (enum kn_network_kind)kind, object);
        }
    }
}

/* --- a change ------------------------------------------------------------------------------------------------------- */

/* What a change touches of a network. */
struct take_touch {
    struct kn_network_host_network *network;
    bool is_dirty; /* more than peers */
    bool is_routed; /* a peer that is a router's came or went */
    size_t peers;
};

static struct take_touch *touch_of(struct kn_hmap *touched, struct kn_network_host_network *network)
{
    struct take_touch *touch = kn_hmap_get(touched, network->id);

    if (touch == NULL) {
        touch = KN_NEW(struct take_touch);
        touch->network = network;
        kn_hmap_put(touched, network->id, touch);
    }
    return touch;
}

/* A port that stays on its network keeps its tap where it is. */
static bool stays(const struct kn_network_state_change *change)
{
    return change->kind == KN_NETWORK_IS_PORT && change->before != NULL && change->after != NULL &&
           strcmp(((const struct kn_network_state_port *)change->before)->network,
                  ((const struct kn_network_state_port *)change->after)->network) == 0;
}

/* What is behind a peer is told of all together: of several with the same pair only one has it. The same goes for a port here, whose pairs peers may want. */
static size_t peers_touched(const struct kn_network_state_change *change)
{
    const struct kn_network_state_peer *before = change->before, *after = change->after;
    const struct kn_network_state_port *was = change->before, *is = change->after;

    if (change->kind == KN_NETWORK_IS_PEER) {
        return (before != NULL && before->pair_count > 0) || (after != NULL && after->pair_count > 0) ? MANY_PEERS + 1
                                                                                                      : 1;
    }
    return change->kind == KN_NETWORK_IS_PORT &&
                   ((was != NULL && was->pair_count > 0) || (is != NULL && is->pair_count > 0))
               ? MANY_PEERS + 1
               : 0;
}

static bool is_router_there(const struct kn_network_host_network *network, const struct kn_network_state_peer *peer)
{
    for (size_t i = 0; peer != NULL && network->wanted != NULL && i < network->wanted->subnet_count; i++) {
        for (size_t n = 0; n < peer->ips.count; n++) {
            if (kn_ip_equal(&peer->ips.items[n], &network->wanted->subnets[i].gateway)) {
                return true;
            }
        }
    }
    return false;
}

static void index_changes(struct kn_network_host *host, const struct kn_network_state_changes *changes,
                          struct kn_hmap *touched)
{
    for (size_t i = 0; i < changes->count; i++) {
        const struct kn_network_state_change *change = &changes->items[i];
        const void *any = change->after != NULL ? change->after : change->before;
        struct kn_network_host_network *network = home_of(host, change->kind, any);

        if (network == NULL) {
            continue;
        }
        if (change->before != NULL && !stays(change)) {
            touch_of(touched, home_of(host, change->kind, change->before))->is_dirty |= change->kind !=
                                                                                        KN_NETWORK_IS_PEER;
            unindex_object(host, change->kind, change->before);
        }
        if (change->after != NULL) {
            index_object(host, change->kind, change->after);
        }
        touch_of(touched, network)->is_dirty |= change->kind != KN_NETWORK_IS_PEER;
        touch_of(touched, network)->peers += peers_touched(change);
        touch_of(touched, network)->is_routed |= change->kind == KN_NETWORK_IS_PEER &&
                                                 (is_router_there(network, change->before) ||
                                                  is_router_there(network, change->after));
        network->names_changed = true;
    }
}

/* Is there a VXLAN device, with the entries of all peers as they were? */
static bool reaches_peers(const struct kn_network_host *host, const struct kn_network_host_network *network)
{
    return network->built && network->wanted != NULL && network->wanted->type == KN_NETWORK_VXLAN &&
           host->underlay.family != 0;
}

/* One peer's entries in the kernel. One that is about to come here is behind its tap. */
static int change_peer(struct kn_network_host *host, const struct kn_network_state_change *change,
                       const struct kn_hmap *touched, struct kn_error *err)
{
    const void *any = change->after != NULL ? change->after : change->before;
    const struct kn_network_state_peer *peer = any;
    struct take_touch *touch = kn_hmap_get(touched, peer->network);
    struct kn_network_host_network *network = touch->network;
    const bool is_here = kn_hmap_get(network->ports, peer->id) != NULL;

    if (!reaches_peers(host, network) || touch->peers > MANY_PEERS) {
        return 0;
    }
    return kn_network_link_peer(host->links, network->vxlan, change->before,
                                kn_network_host_network_is_last(network, change->before),
                                is_here ? NULL : change->after, err);
}

/* A port that came or went may be a peer all the while. */
static int change_port(struct kn_network_host *host, const struct kn_network_state_change *change, struct kn_error *err)
{
    const struct kn_network_state_port *port = change->after != NULL ? change->after : change->before;
    struct kn_network_host_network *network = kn_network_host_network_of(host, port->network);
    const struct kn_network_state_peer *peer = kn_hmap_get(network->peers, port->id);

    if (peer == NULL || (change->before == NULL) == (change->after == NULL) || !reaches_peers(host, network)) {
        return 0;
    }
    return kn_network_link_peer(host->links, network->vxlan, change->before == NULL ? peer : NULL,
                                kn_network_host_network_is_last(network, peer), change->before == NULL ? NULL : peer,
                                err);
}

/* Peers alone were written one by one; but one of them may be a router that lives elsewhere. What others are costs nothing here. */
static int follow_network(struct kn_network_host *host, const struct take_touch *touch, struct kn_error *err)
{
    const bool is_many = touch->peers > MANY_PEERS;

    if (touch->is_dirty || is_many) {
        return kn_network_host_settle(host, touch->network, is_many, err);
    }
    return touch->is_routed && touch->network->built && touch->network->wanted != NULL
               ? kn_network_host_advertise(host, touch->network, err)
               : 0;
}

/* Goes on where it can; what did not work is not built, and built again by the tick. */
static int follow(struct kn_network_host *host, const struct kn_network_state_changes *changes,
                  const struct kn_hmap *touched, struct kn_error *err)
{
    struct kn_error later;
    const char *key;
    void *value;
    int rc = 0;

    for (size_t i = 0; i < changes->count; i++) {
        const struct kn_network_state_change *change = &changes->items[i];

        if ((change->kind == KN_NETWORK_IS_PEER && change_peer(host, change, touched, rc == 0 ? err : &later) < 0) ||
            (change->kind == KN_NETWORK_IS_PORT && change_port(host, change, rc == 0 ? err : &later) < 0)) {
            rc = -1;
        }
    }
    for (size_t at = 0; kn_hmap_next(touched, &at, &key, &value);) {
        if (follow_network(host, value, rc == 0 ? err : &later) < 0) {
            rc = -1;
        }
    }
    return rc;
}

static bool limits_changed(const struct kn_network_state_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        if (changes->items[i].kind == KN_NETWORK_IS_POLICY || changes->items[i].kind == KN_NETWORK_IS_PORT) {
            return true;
        }
    }
    return false;
}

/* No tap comes into a bridge before its rules are there: the tick, which writes the firewall first, builds what was touched. */
static void put_off(const struct kn_hmap *touched)
{
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(touched, &at, &key, &value);) {
        struct kn_network_host_network *network = ((struct take_touch *)value)->network;

        network->built = network->built && network->wanted == NULL; /* what is to go goes with the next tick, too */
    }
}

/* The state has it: from here on nothing is undone. */
static void host_follow(struct kn_network_host *host, json_t *bodies, const struct kn_network_state_changes *changes)
{
    AUTO(kn_hmap) struct kn_hmap *touched = kn_hmap_new(free);
    struct kn_error why = { .code = KN_OK };

    if (kn_network_state_file_add(host->file, bodies, &host->state, &why) < 0) {
        kn_log_error("keeping the state of networks", &why);
    }
    index_changes(host, changes, touched);
    if (kn_network_host_firewall_change(host, changes, &why) < 0) {
        kn_log_error("the guests' firewall", &why);
        put_off(touched);
        return;
    }
    if (follow(host, changes, touched, &why) < 0) {
        kn_log_error("a network of this host", &why);
    }
    if (limits_changed(changes) && kn_network_host_shape(host, NULL, &why) < 0) {
        kn_log_error("the limits of a tap", &why);
    }
}

/* Behind the networks that they are in. What was said whole says which of them are this host's. */
static void take_routers(struct kn_network_host *host, bool is_whole)
{
    struct kn_error why = { .code = KN_OK };

    if (kn_network_routers_settle(&host->routers, host->links, &host->state, is_whole, &why) < 0) {
        kn_log_error("a router of this host", &why);
    }
}

/* Gathers pieces: *ret_bodies is NULL as long as some are missing. */
static int gather(struct kn_network_host *host, json_t *body, json_t **ret_bodies, struct kn_error *err)
{
    const json_int_t piece = json_integer_value(json_object_get(body, "piece"));
    const json_int_t pieces = json_integer_value(json_object_get(body, "pieces"));
    const json_t *first = json_array_get(host->pieces, 0);

    if (piece <= 1) {
        json_decref(host->pieces);
        host->pieces = json_array();
    } else if (piece != (json_int_t)json_array_size(host->pieces) + 1 ||
               !json_equal(json_object_get(first, "version"), json_object_get(body, "version"))) {
        json_decref(host->pieces);
        host->pieces = NULL;
        return kn_fail(err, KN_STALE, "a piece of the networks' state is missing");
    }
    json_array_append(host->pieces, body);
    if (piece >= pieces) {
        *ret_bodies = kn_steal(&host->pieces);
    }
    return 0;
}

/* A host goes back only when it asked: the rows may be older than it is (a database restored), what lies on the bus certainly is. */
static bool take_is_old(struct kn_network_host *host, const json_t *body, const char *answers, struct kn_error *err)
{
    const int64_t version = kn_json_int(body, "version");
    const bool is_old = version < host->state.version && !kn_network_fence_asks(host->routers.fence, answers);

    if (is_old) {
        kn_fail(err, KN_STALE, "all of version %lld, where %lld is known", (long long)version,
                (long long)host->state.version);
    }
    return is_old;
}

int kn_network_host_take(struct kn_network_host *host, json_t *body, struct kn_error *err)
{
    struct kn_network_state_changes changes = { NULL, 0 };
    json_auto_t *bodies = NULL;
    int rc;

    pthread_mutex_lock(&host->lock);
    rc = gather(host, body, &bodies, err);
    if (rc == 0 && bodies != NULL) {
        const int64_t version = host->state.version;
        const bool is_whole = kn_json_int(json_array_get(bodies, 0), "from") == -1;
        const char *answers = kn_json_str(json_array_get(bodies, 0), "answers");

        rc = is_whole && take_is_old(host, json_array_get(bodies, 0), answers, err)
                 ? -1
                 : kn_network_state_take(&host->state, bodies, &changes, err);
        if (rc == 0 && (version != host->state.version || changes.count > 0)) {
            host_follow(host, bodies, &changes);
        }
        if (rc == 0) {
            take_routers(host, is_whole && kn_network_fence_say(host->routers.fence, answers));
        }
        kn_network_state_changes_release(&changes);
        pthread_cond_broadcast(&host->changed);
    }
    pthread_mutex_unlock(&host->lock);
    return rc;
}

int kn_network_host_pretend(const json_t *body, int64_t *version, struct kn_error *err)
{
    const json_int_t from = json_integer_value(json_object_get(body, "from"));
    const json_t *item;
    size_t i;

    json_array_foreach (json_object_get(body, "put"), i, item) {
        enum kn_network_kind kind;
        void *object = NULL;

        if (kn_network_object_read(item, &kind, &object, err) < 0) {
            return -1;
        }
        kn_network_object_free(object);
    }
    if (from != -1 && from != *version) {
        return kn_fail(err, KN_STALE, "a state from version %lld, where %lld is known", (long long)from,
                       (long long)*version);
    }
    if (json_equal(json_object_get(body, "piece"), json_object_get(body, "pieces"))) {
        *version = json_integer_value(json_object_get(body, "version"));
    }
    return 0;
}

int64_t kn_network_host_version(struct kn_network_host *host)
{
    pthread_mutex_lock(&host->lock);
    const int64_t version = host->state.version;

    pthread_mutex_unlock(&host->lock);
    return version;
}
