/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c: the networks of one host behind one lock. Keeps what is wanted (network.c) and has it built (build.c); the order is
 * always: firewall, state file, kernel, so that a tap never is in a bridge before its rules are, and a crash at any
 * point is repaired from the file.
 */
#include "network/host.h"

#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/hmap.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "network/host/build.h"
#include "network/host/dhcp.h"
#include "network/host/dnsmasq.h"
#include "network/host/file.h"
#include "network/host/netns.h"
#include "network/host/network.h"
#include "network/host/nft.h"
#include "network/host/rules.h"

#define METADATA_IP 0xa9fea9feU /* 169.254.169.254 */
#define METADATA_PORT 80

struct kn_network_host {
    struct kn_network_host_options options; /* its strings are not used after open */
    char *dir;                          /* <state dir>/networks; immutable after open */
    uint32_t underlay;                  /* 0: none; immutable after open */
    pthread_mutex_t lock;               /* everything below */
    struct kn_hmap *networks;           /* id -> struct kn_network_host_network, owned */
    struct kn_network_links *links;
    struct kn_network_nft *nft;
    struct kn_error unread;             /* a state file that could not be read; reported by the next tick */
};

/* NICs that change hands; the pointers are owned by whoever holds the list last. */
struct nic_list {
    struct kn_network_host_nic **items;
    size_t count;
};

static void list_add(struct nic_list *list, struct kn_network_host_nic *nic)
{
    list->items = kn_realloc_array(list->items, list->count + 1, sizeof(*list->items));
    list->items[list->count++] = nic;
}

static void list_free(struct nic_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        kn_network_host_nic_free(list->items[i]);
    }
    free(list->items);
    *list = (struct nic_list){ NULL, 0 };
}

/* --- firewall ----------------------------------------------------------------------------------------------------- */

static int apply_whole(struct kn_network_host *host, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct nic_list all = { NULL, 0 };
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(host->networks, &at, &key, &value);) {
        const struct kn_network_host_network *network = value;

        for (size_t i = 0; i < network->nic_count; i++) {
            list_add(&all, network->nics[i]);
        }
    }
    kn_network_host_rules_whole((const struct kn_network_host_nic *const *)all.items, all.count, &text);
    free(all.items);
    return kn_network_nft_apply(host->nft, text.buf, err);
}

/* The networks hold the new NICs already; if the kernel's table is not what we think it is, it is written anew. */
static int apply_change(struct kn_network_host *host, const struct nic_list *gone, const struct nic_list *come,
                        struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_error why;

    if (gone->count + come->count == 0) {
        return 0;
    }
    kn_network_host_rules_change((const struct kn_network_host_nic *const *)gone->items, gone->count,
                                 (const struct kn_network_host_nic *const *)come->items, come->count, &text);
    return kn_network_nft_apply(host->nft, text.buf, &why) == 0 ? 0 : apply_whole(host, err);
}

/* --- one network -------------------------------------------------------------------------------------------------- */

static void close_door(struct kn_network_host *host, struct kn_network_host_network *network)
{
    if (network->has_door && host->options.metadata_close != NULL) {
        host->options.metadata_close(host->options.ctx, network->id);
    }
    network->has_door = false;
}

static int host_open_door(struct kn_network_host *host, struct kn_network_host_network *network, struct kn_error *err)
{
    int fd = -1;

    if (network->has_door || host->options.metadata_open == NULL || !kn_network_host_network_serves_dhcp(network)) {
        return 0;
    }
    if (kn_network_netns_listen(network->netns, METADATA_IP, METADATA_PORT, &fd, err) < 0) {
        return -1;
    }
    network->has_door = true;
    host->options.metadata_open(host->options.ctx, network->id, fd);
    return 0;
}

static int host_build(struct kn_network_host *host, struct kn_network_host_network *network, struct kn_error *err)
{
    if (network->has_door && !kn_network_netns_exists(network->netns)) {
        close_door(host, network);
    }
    network->built = false;
    if (kn_network_host_build(host->links, network, host->underlay, err) < 0 ||
        host_open_door(host, network, err) < 0) {
        return kn_fail_context(err, "network %s", network->id);
    }
    network->built = true;
    return 0;
}

/* Its members changed: file, then kernel. An empty one is taken away; the peers stay in memory for the next user. */
static int host_settle(struct kn_network_host *host, struct kn_network_host_network *network, struct kn_error *err)
{
    if (kn_network_host_network_save(network, err) < 0) {
        return -1;
    }
    if (network->nic_count > 0) {
        return host_build(host, network, err);
    }
    close_door(host, network);
    network->built = false;
    return kn_network_host_demolish(host->links, network, err);
}

/* Two networks whose ids begin alike would share a bridge: refused, however unlikely. */
static int check_names(const struct kn_network_host *host, const struct kn_network_host_network *network,
                       struct kn_error *err)
{
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(host->networks, &at, &key, &value);) {
        const struct kn_network_host_network *other = value;

        if (strcmp(other->bridge, network->bridge) == 0 && strcmp(other->id, network->id) != 0 &&
            other->nic_count > 0) {
            return kn_fail(err, KN_CONFLICT, "network %s and network %s begin alike and cannot share a host", other->id,
                           network->id);
        }
    }
    return 0;
}

static struct kn_network_host_network *network_of(struct kn_network_host *host, const char *id)
{
    struct kn_network_host_network *network = kn_hmap_get(host->networks, id);

    if (network == NULL) {
        network = kn_network_host_network_new(host->dir, id);
        kn_hmap_put(host->networks, id, network);
    }
    return network;
}

/* --- plug and unplug ---------------------------------------------------------------------------------------------- */

static int host_parse_nics(const char *server_id, const char *hostname, const json_t *json, struct nic_list *ret,
                           struct kn_error *err)
{
    const json_t *item;
    size_t i;

    json_array_foreach (json, i, item) {
        struct kn_network_host_nic *nic;

        if (kn_network_host_nic_parse(server_id, hostname, item, &nic, err) < 0) {
            return -1;
        }
        list_add(ret, nic);
    }
    return 0;
}

static bool is_wanted(const struct nic_list *wanted, const struct kn_network_host_nic *nic)
{
    for (size_t i = 0; i < wanted->count; i++) {
        if (kn_network_host_nic_equal(wanted->items[i], nic)) {
            return true;
        }
    }
    return false;
}

/* Moves the server's NICs that are not wanted (any more) out of their networks; marks those networks. */
static void take_unwanted(struct kn_network_host *host, const char *server_id, const struct nic_list *wanted,
                          struct nic_list *gone, struct kn_hmap *changed)
{
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(host->networks, &at, &key, &value);) {
        struct kn_network_host_network *network = value;

        for (size_t i = 0; i < network->nic_count;) {
            struct kn_network_host_nic *nic = network->nics[i];

            if (strcmp(nic->server, server_id) != 0 || is_wanted(wanted, nic)) {
                i++;
                continue;
            }
            list_add(gone, kn_network_host_network_take(network, i));
            kn_hmap_put(changed, network->id, network);
        }
    }
}

/* Moves the new NICs into their networks; *come borrows them. */
static int put_wanted(struct kn_network_host *host, struct nic_list *wanted, struct nic_list *come,
                      struct kn_hmap *changed, struct kn_error *err)
{
    for (size_t i = 0; i < wanted->count; i++) {
        struct kn_network_host_nic *nic = wanted->items[i];
        struct kn_network_host_network *network = network_of(host, nic->network);
        const struct kn_network_host_nic *there = kn_network_host_network_find(network, nic->port);

        if (check_names(host, network, err) < 0) {
            return -1;
        }
        kn_hmap_put(changed, network->id, network); /* also when nothing is new: an ensure repairs */
        if (there == NULL) {
            kn_network_host_network_put(network, nic);
            list_add(come, nic);
            wanted->items[i] = NULL;
        }
    }
    return 0;
}

/* A tap that no NIC stands for any more goes; one that only changed its NIC stays. */
static int delete_taps(struct kn_network_host *host, const struct nic_list *gone, struct kn_error *err)
{
    for (size_t i = 0; i < gone->count; i++) {
        const struct kn_network_host_nic *nic = gone->items[i];
        const struct kn_network_host_network *network = kn_hmap_get(host->networks, nic->network);

        if (kn_network_host_network_find(network, nic->port) == NULL &&
            kn_network_link_delete(host->links, nic->tap, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int settle_all(struct kn_network_host *host, const struct kn_hmap *changed, struct kn_error *err)
{
    struct kn_error later;
    const char *key;
    void *value;
    int rc = 0;

    for (size_t at = 0; kn_hmap_next(changed, &at, &key, &value);) {
        if (host_settle(host, value, rc == 0 ? err : &later) < 0) {
            rc = -1;
        }
    }
    return rc;
}

/* From what the server has to what it shall have. Consumes the NICs of `wanted`. */
static int host_replace(struct kn_network_host *host, const char *server_id, struct nic_list *wanted,
                        struct kn_error *err)
{
    struct nic_list gone = { NULL, 0 }, come = { NULL, 0 };
    struct kn_hmap *changed = kn_hmap_new(NULL);

    pthread_mutex_lock(&host->lock);
    take_unwanted(host, server_id, wanted, &gone, changed);
    int rc = put_wanted(host, wanted, &come, changed, err);

    if (apply_change(host, &gone, &come, err) < 0 || delete_taps(host, &gone, err) < 0) {
        rc = -1;
    }
    if (rc == 0) {
        rc = settle_all(host, changed, err);
    }
    pthread_mutex_unlock(&host->lock);
    kn_hmap_free(changed);
    free(come.items);
    list_free(&gone);
    return rc;
}

int kn_network_host_plug(struct kn_network_host *host, const char *server_id, const char *hostname, const json_t *nics,
                         struct kn_error *err)
{
    struct nic_list wanted = { NULL, 0 };
    int rc = host_parse_nics(server_id, hostname, nics, &wanted, err);

    if (rc == 0) {
        rc = host_replace(host, server_id, &wanted, err);
    }
    list_free(&wanted);
    return rc;
}

int kn_network_host_unplug(struct kn_network_host *host, const char *server_id, struct kn_error *err)
{
    struct nic_list nothing = { NULL, 0 };

    return host_replace(host, server_id, &nothing, err);
}

/* --- peers, ticks, questions -------------------------------------------------------------------------------------- */

int kn_network_host_set_peers(struct kn_network_host *host, const json_t *body, struct kn_error *err)
{
    const char *id = json_string_value(json_object_get(body, "network"));
    bool is_new = false;

    if (!kn_uuid_valid(id)) {
        return kn_fail(err, KN_BAD_REQUEST, "peers of no network");
    }
    pthread_mutex_lock(&host->lock);
    struct kn_network_host_network *network = network_of(host, id);
    int rc = kn_network_host_network_set_peers(network, json_integer_value(json_object_get(body, "version")),
                                               json_object_get(body, "peers"), &is_new, err);

    if (rc == 0 && is_new && network->nic_count > 0) {
        rc = kn_network_host_network_save(network, err);
        if (rc == 0 && network->built && host->underlay != 0) {
            rc = kn_network_host_build_peers(host->links, network, err);
        }
    }
    pthread_mutex_unlock(&host->lock);
    return rc;
}

static bool is_broken(const struct kn_network_host_network *network, uint32_t underlay)
{
    if (network->nic_count == 0) {
        return false;
    }
    return !network->built || !kn_network_host_stands(network, underlay) ||
           (kn_network_host_network_serves_dhcp(network) &&
            (!kn_network_netns_exists(network->netns) || !kn_network_dnsmasq_runs(network->dir)));
}

/* `nft flush ruleset`, as Debian's nftables.service says when it is reloaded, takes the guests' rules along. */
static int keep_firewall(struct kn_network_host *host, struct kn_error *err)
{
    struct kn_error why = { 0 };

    if (kn_network_nft_apply(host->nft, "list chain bridge kilonova guest\n", &why) == 0) {
        return 0;
    }
    kn_log(KN_WARNING, "the guests' firewall was gone, it is written again", "reason", why.message, NULL);
    return apply_whole(host, err);
}

/* What went without us comes back, and the log says that it was gone. */
static int keep_network(struct kn_network_host *host, struct kn_network_host_network *network, struct kn_error *err)
{
    if (!is_broken(network, host->underlay)) {
        return 0;
    }
    if (network->built) {
        kn_log(KN_WARNING, "a network of this host was broken, it is built again", "network", network->id, NULL);
    }
    return host_build(host, network, err);
}

int kn_network_host_tick(struct kn_network_host *host, struct kn_error *err)
{
    struct kn_error later;
    const char *key;
    void *value;
    int rc = 0;

    pthread_mutex_lock(&host->lock);
    if (host->unread.code != KN_OK) {
        *err = host->unread;
        kn_error_clear(&host->unread);
        rc = -1;
    }
    if (keep_firewall(host, rc == 0 ? err : &later) < 0) {
        rc = -1;
    }
    for (size_t at = 0; kn_hmap_next(host->networks, &at, &key, &value);) {
        if (keep_network(host, value, rc == 0 ? err : &later) < 0) {
            rc = -1;
        }
    }
    pthread_mutex_unlock(&host->lock);
    return rc;
}

/* tap + 8 hex digits + "-" + 2 hex digits */
static bool is_our_tap(const char *name)
{
    return strlen(name) == 14 && strncmp(name, "tap", 3) == 0 && name[11] == '-' &&
           strspn(name + 3, "0123456789abcdef") == 8;
}

json_t *kn_network_host_taps(struct kn_network_host *host)
{
    struct if_nameindex *list = if_nameindex();
    json_t *taps = json_array();

    (void)host;
    for (const struct if_nameindex *at = list; at != NULL && at->if_index != 0; at++) {
        if (is_our_tap(at->if_name)) {
            json_array_append_new(taps, json_string(at->if_name));
        }
    }
    if (list != NULL) {
        if_freenameindex(list);
    }
    return taps;
}

static const struct kn_network_host_nic *owner_of(const struct kn_network_host_network *network, uint32_t ip)
{
    for (size_t i = 0; i < network->nic_count; i++) {
        for (size_t j = 0; j < network->nics[i]->address_count; j++) {
            if (network->nics[i]->addresses[j].ip == ip) {
                return network->nics[i];
            }
        }
    }
    return NULL;
}

bool kn_network_host_lookup(struct kn_network_host *host, const char *network_id, const char *source_ip,
                            char ret_server_id[KN_UUID_SIZE])
{
    const struct kn_network_host_nic *nic = NULL;
    uint32_t ip;

    if (!kn_network_ipv4_parse(source_ip, &ip)) {
        return false;
    }
    pthread_mutex_lock(&host->lock);
    const struct kn_network_host_network *network = kn_hmap_get(host->networks, network_id);

    if (network != NULL && (nic = owner_of(network, ip)) != NULL) {
        kn_copy(ret_server_id, KN_UUID_SIZE, nic->server);
    }
    pthread_mutex_unlock(&host->lock);
    return nic != NULL;
}

/* --- open --------------------------------------------------------------------------------------------------------- */

static void load_file(struct kn_network_host *host, const char *name)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s", host->dir, name);
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_network_host_network *network = NULL;

    kn_network_file_read(path, &text);
    if (kn_network_host_network_parse(host->dir, text.buf, &network, &host->unread) < 0) {
        kn_fail_context(&host->unread, "%s", path);
        return;
    }
    kn_hmap_put(host->networks, network->id, network);
}

static int host_load(struct kn_network_host *host, struct kn_error *err)
{
    DIR *dir = opendir(host->dir);

    if (dir == NULL) {
        return kn_fail(err, KN_INTERNAL, "cannot read \"%s\": %s", host->dir, strerror(errno));
    }
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        size_t len = strlen(entry->d_name);

        if (len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0) {
            load_file(host, entry->d_name);
        }
    }
    closedir(dir);
    return 0;
}

static int host_prepare(struct kn_network_host *host, const struct kn_network_host_options *options,
                        struct kn_error *err)
{
    const char *underlay = options->underlay != NULL ? options->underlay : "";

    if (!kn_network_host_dhcp_dir_ok(host->dir)) {
        return kn_fail(err, KN_BAD_REQUEST, "\"%s\" must be absolute and hold only letters, digits and /._-",
                       host->dir);
    }
    if (underlay[0] != '\0' && !kn_network_ipv4_parse(underlay, &host->underlay)) {
        return kn_fail(err, KN_BAD_REQUEST, "\"%s\" is no IPv4 address of the underlay", underlay);
    }
    mkdir(options->state_dir, 0755);
    if (mkdir(host->dir, 0700) < 0 && errno != EEXIST) {
        return kn_fail(err, KN_INTERNAL, "cannot make \"%s\": %s", host->dir, strerror(errno));
    }
    if (kn_network_links_open(&host->links, err) < 0 || kn_network_nft_new(&host->nft, err) < 0 ||
        host_load(host, err) < 0) {
        return -1;
    }
    return apply_whole(host, err);
}

int kn_network_host_open(const struct kn_network_host_options *options, struct kn_network_host **ret_host,
                         struct kn_error *err)
{
    AUTO(kn_network_host) struct kn_network_host *host = KN_NEW(struct kn_network_host);
    struct kn_error unbuilt;

    host->options = *options;
    host->dir = kn_asprintf("%s/networks", options->state_dir);
    pthread_mutex_init(&host->lock, NULL);
    host->networks = kn_hmap_new(kn_network_host_network_free);
    if (host_prepare(host, options, err) < 0) {
        return -1;
    }
    struct kn_error unread = host->unread;

    kn_error_clear(&host->unread);
    if (kn_network_host_tick(host, &unbuilt) < 0 && unread.code == KN_OK) {
        unread = unbuilt;
    }
    host->unread = unread;
    *ret_host = kn_steal(&host);
    return 0;
}

void kn_network_host_free(struct kn_network_host *host)
{
    if (host == NULL) {
        return;
    }
    kn_hmap_free(host->networks);
    kn_network_links_free(host->links);
    kn_network_nft_free(host->nft);
    pthread_mutex_destroy(&host->lock);
    free(host->dir);
    free(host);
}
