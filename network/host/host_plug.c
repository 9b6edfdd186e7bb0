/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_plug.c: the taps of servers. A tap is made for a port that the state has; which ones there are to be lies in a file of its own, because the state knows ports and
 * not who has started. The file is written before the kernel is touched.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "network/host/build.h"
#include "network/host/file.h"
#include "network/host/host_private.h"

#define PLUG_WAIT_MS 30000

/* --- the file ------------------------------------------------------------------------------------------------------- */

static char *plugs_path(const struct kn_network_host *host)
{
    return kn_asprintf("%.*s/network-plugs", (int)(strlen(host->dir) - strlen("/networks")), host->dir);
}

static int plugs_save(const struct kn_network_host *host, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    AUTO_FREE char *path = plugs_path(host), *dumped = NULL;
    json_auto_t *list = json_array();
    const char *port;
    void *plug;

    for (size_t at = 0; kn_hmap_next(host->plugs, &at, &port, &plug);) {
        json_array_append_new(list, kn_network_plug_json(plug));
    }
    if (kn_hmap_count(host->plugs) == 0) { /* needs no room */
        return unlink(path) == 0 || errno == ENOENT
                   ? 0
                   : kn_fail(err, KN_INTERNAL, "cannot remove \"%s\": %s", path, strerror(errno));
    }
    dumped = json_dumps(list, JSON_COMPACT);
    kn_strbuf_addstr(&text, dumped);
    return kn_network_file_write(path, &text, NULL, err);
}

static void plugs_load_one(struct kn_network_host *host, const char *server, const json_t *nic)
{
    struct kn_network_plug *plug = NULL;

    if (kn_network_plug_parse(server, nic, &plug, &host->unread) == 0) {
        plug->comes_with_guest = host->options.taps_come_with_guests;
        kn_hmap_put(host->plugs, plug->port, plug);
    }
}

/* The release before kept a file a network, with its NICs inside. */
static void load_old_file(struct kn_network_host *host, const char *path)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    json_auto_t *json = NULL;
    const json_t *item;
    size_t i;

    kn_network_file_read(path, &text);
    json = json_loads(text.buf, 0, NULL);
    json_array_foreach (json_object_get(json, "nics"), i, item) {
        plugs_load_one(host, json_string_value(json_object_get(item, "server")), json_object_get(item, "nic"));
    }
}

static void remove_old_file(struct kn_network_host *host, const char *path)
{
    (void)host;
    unlink(path);
}

static void each_old(struct kn_network_host *host, void (*visit)(struct kn_network_host *host, const char *path))
{
    DIR *dir = opendir(host->dir);

    for (const struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        const size_t len = strlen(entry->d_name);

        if (len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0) {
            AUTO_FREE char *path = kn_asprintf("%s/%s", host->dir, entry->d_name);

            visit(host, path);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

/* The state itself comes whole with the first hello. */
static void load_old(struct kn_network_host *host)
{
    struct kn_error why;

    each_old(host, load_old_file);
    if (kn_hmap_count(host->plugs) > 0 && plugs_save(host, &why) < 0) {
        kn_log_error("keeping the taps of servers", &why);
        return;
    }
    each_old(host, remove_old_file);
}

void kn_network_host_plugs_load(struct kn_network_host *host)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    AUTO_FREE char *path = plugs_path(host);
    json_auto_t *list = NULL;
    const json_t *item;
    size_t i;

    if (!kn_network_file_read(path, &text)) {
        load_old(host);
        return;
    }
    list = json_loads(text.buf, 0, NULL);
    if (list == NULL) {
        kn_fail(&host->unread, KN_BAD_REQUEST, "%s: not the taps of servers", path);
    }
    json_array_foreach (list, i, item) {
        plugs_load_one(host, json_string_value(json_object_get(item, "server")), item);
    }
}

/* --- plugging ------------------------------------------------------------------------------------------------------- */

/* Plugs on their way in; owned until the host has them. */
struct plug_list {
    struct kn_network_plug **items;
    size_t count;
};

static void plug_list_release(struct plug_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i]);
    }
    free(list->items);
}

static int plug_list_read(const char *server, const json_t *nics, struct plug_list *list, struct kn_error *err)
{
    const json_t *nic;
    size_t i;

    list->items = kn_alloc((json_array_size(nics) + 1) * sizeof(*list->items));
    json_array_foreach (nics, i, nic) {
        if (kn_network_plug_parse(server, nic, &list->items[i], err) < 0) {
            return -1;
        }
        list->count = i + 1;
    }
    return 0;
}

static bool plug_list_has(const struct plug_list *list, const char *port)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i]->port, port) == 0) {
            return true;
        }
    }
    return false;
}

/* The server's taps that nobody wants any more: out of the networks and gone. Unplugged first, so that a crash leaves a tap and never a promise. */
static int drop_unwanted(struct kn_network_host *host, const char *server, const struct plug_list *wanted,
                         struct kn_error *err)
{
    const char *port;
    void *value;
    struct kn_error why;
    bool changed = false;

    for (size_t at = 0; kn_hmap_next(host->plugs, &at, &port, &value);) {
        struct kn_network_plug *plug = value;
        const struct kn_network_state_port *known = kn_network_state_get(&host->state, KN_NETWORK_IS_PORT, port);

        if (strcmp(plug->server, server) != 0 || plug_list_has(wanted, plug->port)) {
            continue;
        }
        if (kn_network_host_unshape(host, plug, err) < 0 || kn_network_link_delete(host->links, plug->tap, err) < 0) {
            return -1;
        }
        if (known != NULL) {
            kn_hmap_del(kn_network_host_network_of(host, known->network)->plugs, plug->port);
        }
        kn_network_host_unheed(host, port);
        kn_hmap_del(host->plugs, port);
        changed = true;
    }
    /* A full disk stops no deletion: a tap that the file still has is not made again without its port. */
    if (changed && plugs_save(host, &why) < 0) {
        kn_log_error("keeping the taps of servers", &why);
    }
    return 0;
}

/* The new ones are the host's from here on. */
static int add_wanted(struct kn_network_host *host, struct plug_list *wanted, struct kn_error *err)
{
    bool changed = false;

    for (size_t i = 0; i < wanted->count; i++) {
        struct kn_network_plug *plug = wanted->items[i], *there = kn_hmap_get(host->plugs, plug->port);

        if (there != NULL) {
            changed = changed || strcmp(there->server, plug->server) != 0 || there->mtu != plug->mtu ||
                      memcmp(there->mac, plug->mac, sizeof(plug->mac)) != 0 ||
                      memcmp(&there->own_to_guest, &plug->own_to_guest, sizeof(plug->own_to_guest)) != 0 ||
                      memcmp(&there->own_from_guest, &plug->own_from_guest, sizeof(plug->own_from_guest)) != 0;
            kn_copy(there->server, sizeof(there->server), plug->server);
            memcpy(there->mac, plug->mac, sizeof(there->mac));
            there->mtu = plug->mtu;
            there->own_to_guest = plug->own_to_guest;
            there->own_from_guest = plug->own_from_guest;
            continue;
        }
        struct kn_network_plug *mine = KN_NEW(struct kn_network_plug);

        *mine = *plug;
        mine->comes_with_guest = host->options.taps_come_with_guests;
        kn_hmap_put(host->plugs, mine->port, mine);
        changed = true;
    }
    return changed ? plugs_save(host, err) : 0;
}

/* The first of them that the state does not have; NULL: it has all. */
static const char *missing(const struct kn_network_host *host, const struct plug_list *wanted)
{
    for (size_t i = 0; i < wanted->count; i++) {
        if (kn_network_state_get(&host->state, KN_NETWORK_IS_PORT, wanted->items[i]->port) == NULL) {
            return wanted->items[i]->port;
        }
    }
    return NULL;
}

static struct timespec later_by(int ms)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* port.bind and server.spawn are sent side by side: the state may come a little later. The lock is free meanwhile. */
static int await_ports(struct kn_network_host *host, const struct plug_list *wanted, struct kn_error *err)
{
    const int wait_ms = host->options.plug_wait_ms != 0 ? host->options.plug_wait_ms : PLUG_WAIT_MS;
    const struct timespec until = later_by(wait_ms);
    const char *port;

    while ((port = missing(host, wanted)) != NULL) {
        if (pthread_cond_timedwait(&host->changed, &host->lock, &until) == ETIMEDOUT && missing(host, wanted) != NULL) {
            return kn_fail(err, KN_UNAVAILABLE, "port %s is not told to this host yet", port);
        }
    }
    return 0;
}

/* Also when nothing is new: an ensure repairs. */
static int settle_ports(struct kn_network_host *host, const struct plug_list *wanted, struct kn_error *err)
{
    AUTO(kn_hmap) struct kn_hmap *networks = kn_hmap_new(NULL);
    const char *id;
    void *value;

    for (size_t i = 0; i < wanted->count; i++) {
        struct kn_network_plug *plug = kn_hmap_get(host->plugs, wanted->items[i]->port);
        struct kn_network_host_network *network = plug == NULL ? NULL : kn_network_host_attach(host, plug);

        if (network != NULL) {
            kn_hmap_put(networks, network->id, network);
        }
    }
    for (size_t at = 0; kn_hmap_next(networks, &at, &id, &value);) {
        const bool stands = kn_network_host_stands(value, &host->underlay);

        if (kn_network_host_settle(host, value, !stands, err) < 0) {
            return -1;
        }
    }
    return 0;
}

int kn_network_host_plug(struct kn_network_host *host, const char *server_id, const json_t *nics, struct kn_error *err)
{
    AUTO_RELEASE(plug_list) struct plug_list wanted = { NULL, 0 };
    int rc;

    if (plug_list_read(server_id, nics, &wanted, err) < 0) {
        return -1;
    }
    pthread_mutex_lock(&host->lock);
    rc = drop_unwanted(host, server_id, &wanted, err) < 0 || add_wanted(host, &wanted, err) < 0 ||
                 await_ports(host, &wanted, err) < 0 || settle_ports(host, &wanted, err) < 0
             ? -1
             : 0;
    pthread_mutex_unlock(&host->lock);
    return rc;
}

int kn_network_host_unplug(struct kn_network_host *host, const char *server_id, struct kn_error *err)
{
    const struct plug_list nothing = { NULL, 0 };

    pthread_mutex_lock(&host->lock);
    int rc = drop_unwanted(host, server_id, &nothing, err);

    pthread_mutex_unlock(&host->lock);
    return rc;
}
