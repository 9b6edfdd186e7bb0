/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c: the networks of one host behind one lock: coming up from the files, keeping what was built, going. The
 * order is always: file, firewall, kernel, so that a tap never is in a bridge before its rules are, and a crash at any
 * point is repaired from the files.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/domain/message.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "network/host/build.h"
#include "network/host/dhcp/dhcp.h"
#include "network/host/dhcp/dnsmasq.h"
#include "network/host/dhcp/probe.h"
#include "network/host/host_private.h"
#include "network/host/link/external.h"
#include "network/host/stands.h"

/* --- keeping it ----------------------------------------------------------------------------------------------------- */

static bool is_broken(struct kn_network_look *look, const struct kn_network_host_network *network)
{
    return network->wanted == NULL ? network->built : !network->built || !kn_network_host_agrees(look, network);
}

/* What went or was changed without us comes back, and the log says what it was. */
static int keep_network(struct kn_network_host *host, struct kn_network_look *look,
                        struct kn_network_host_network *network, struct kn_error *err)
{
    if (network->wanted != NULL && network->built && kn_network_state_is_served(network->wanted) &&
        !kn_network_probe_answers(network, kn_mono_ms())) {
        kn_log(KN_WARNING, "dnsmasq does not answer, another one is started", "network", network->id, NULL);
        kn_network_dnsmasq_kill(network->dir); /* and is_broken() sees that it does not run */
    }
    if (!is_broken(look, network)) {
        if (network->wanted != NULL && network->names_changed && kn_network_state_is_served(network->wanted)) {
            network->names_changed = false;
            return kn_network_dnsmasq_names(network, err);
        }
        return 0;
    }
    if (network->built && network->wanted != NULL) {
        kn_log(KN_WARNING, "a network of this host was broken, it is built again", "network", network->id, "reason",
               look->why, NULL);
    }
    return kn_network_host_settle(host, network, true, err);
}

/* Is there nothing left of it? */
static bool is_forgotten(const struct kn_network_host_network *network)
{
    return network->wanted == NULL && !network->built && kn_hmap_count(network->plugs) == 0;
}

static int keep_networks(struct kn_network_host *host, const struct kn_network_stock *stock, struct kn_error *err)
{
    struct kn_network_look look = {
        .stock = stock, .links = host->links, .underlay = &host->underlay, .physical = host->physical
    };
    struct kn_error later;
    const char *key;
    void *value;
    int rc = 0;

    for (size_t at = 0; kn_hmap_next(host->networks, &at, &key, &value);) {
        if (keep_network(host, &look, value, rc == 0 ? err : &later) < 0) {
            rc = -1;
        } else if (is_forgotten(value)) {
            kn_hmap_del(host->networks, key);
        }
    }
    return rc;
}

/* Networks first: routers have their legs in them. */
static int keep_built(struct kn_network_host *host, struct kn_error *err)
{
    AUTO(kn_network_stock) struct kn_network_stock *stock = NULL;
    struct kn_error later;
    int rc;

    if (kn_network_stock_take(&stock, err) < 0) {
        return -1;
    }
    rc = keep_networks(host, stock, err);
    return kn_network_routers_keep(&host->routers, host->links, &host->state, rc == 0 ? err : &later) < 0 ? -1 : rc;
}

int kn_network_host_tick(struct kn_network_host *host, struct kn_error *err)
{
    struct kn_error later;
    int rc = 0;

    pthread_mutex_lock(&host->lock);
    if (host->unread.code != KN_OK) {
        *err = host->unread;
        kn_error_clear(&host->unread);
        rc = -1;
    }
    if (kn_network_host_firewall_keep(host, rc == 0 ? err : &later) < 0) {
        rc = -1;
    }
    if (keep_built(host, rc == 0 ? err : &later) < 0) {
        rc = -1;
    }
    kn_network_host_shape_look(host);
    if (kn_network_host_shape(host, NULL, rc == 0 ? err : &later) < 0) {
        rc = -1;
    }
    pthread_mutex_unlock(&host->lock);
    return rc;
}

enum kn_network_hold kn_network_host_hold(struct kn_network_host *host, int64_t reached_ms, bool *ret_holds)
{
    const int64_t now_ms = kn_mono_ms();
    const enum kn_network_hold hold = kn_network_fence_hold(host->routers.fence, reached_ms, now_ms, ret_holds);

    if (hold == KN_HOLD_LOST) {
        kn_log(KN_WARNING, "nobody hears this host: its routers are silent, another one may have them", NULL);
    }
    if (pthread_mutex_trylock(&host->lock) == 0) { /* else somebody builds: the next call is soon */
        struct kn_error later; /* the next tick tries again, and says so */

        kn_network_routers_announce(&host->routers, &host->state, now_ms);
        kn_network_firewall_cut(host->firewall, &host->state, &later);
        pthread_mutex_unlock(&host->lock);
    }
    return hold;
}

void kn_network_host_question(struct kn_network_host *host, char out[KN_UUID_SIZE])
{
    kn_network_fence_question(host->routers.fence, out);
}

/* What is wrong with a network that it has a leg in; NULL: nothing. */
static const char *broken_leg(const struct kn_network_host *host, const char *router)
{
    const struct kn_network_state_router *wanted = kn_network_state_get(&host->state, KN_NETWORK_IS_ROUTER, router);

    for (size_t i = 0; wanted != NULL && i < wanted->interface_count; i++) {
        const struct kn_network_host_network *network = kn_hmap_get(host->networks, wanted->interfaces[i].network);

        if (network == NULL || network->wanted == NULL) {
            return "a network that it has a leg in is not here";
        }
        if (!network->built) {
            return network->why;
        }
    }
    return NULL;
}

json_t *kn_network_host_standing(struct kn_network_host *host)
{
    json_t *list = NULL, *item;
    size_t i;

    if (pthread_mutex_trylock(&host->lock) == 0) {
        list = kn_network_routers_standing(&host->routers, &host->state, kn_mono_ms());
        json_array_foreach (list, i, item) {
            const char *why = broken_leg(host, kn_json_str(item, "id"));

            if (why != NULL && json_object_get(item, "why") == NULL) {
                json_object_set_new(item, "why", json_string(why));
            }
        }
        pthread_mutex_unlock(&host->lock);
    }
    return list;
}

/* --- open ----------------------------------------------------------------------------------------------------------- */

static int host_load(struct kn_network_host *host, const char *state_dir, struct kn_error *err)
{
    AUTO_FREE char *path = kn_asprintf("%s/network-state", state_dir);

    kn_network_state_init(&host->state);
    host->state.physical = host->physical;
    if (kn_network_state_file_open(path, &host->state, &host->file, &host->unread, err) < 0) {
        return -1;
    }
    kn_network_host_plugs_load(host);
    kn_network_host_index_all(host);
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
    if (underlay[0] != '\0' && !kn_ip_parse(underlay, &host->underlay)) {
        return kn_fail(err, KN_BAD_REQUEST, "\"%s\" is no address of the underlay", underlay);
    }
    mkdir(options->state_dir, 0755);
    if (mkdir(host->dir, 0700) < 0 && errno != EEXIST) {
        return kn_fail(err, KN_INTERNAL, "cannot make \"%s\": %s", host->dir, strerror(errno));
    }
    return kn_network_physical_check(host->physical, err) < 0 || kn_network_links_open(&host->links, err) < 0 ||
                   host_load(host, options->state_dir, err) < 0
               ? -1
               : kn_network_host_firewall_open(host, err);
}

int kn_network_host_open(const struct kn_network_host_options *options, struct kn_network_host **ret_host,
                         struct kn_error *err)
{
    AUTO(kn_network_host) struct kn_network_host *host = KN_NEW(struct kn_network_host);
    struct kn_error unbuilt;
    pthread_condattr_t attr;

    host->options = *options;
    host->dir = kn_asprintf("%s/networks", options->state_dir);
    pthread_mutex_init(&host->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&host->changed, &attr);
    pthread_condattr_destroy(&attr);
    host->physical = kn_strdup(options->physical != NULL ? options->physical : "");
    kn_network_routers_init(&host->routers);
    host->advertiser = kn_network_advertiser_new();
    host->networks = kn_hmap_new(kn_network_host_network_free);
    host->plugs = kn_hmap_new(free);
    if (kn_network_host_ears_open(host, err) < 0 || host_prepare(host, options, err) < 0) {
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
    kn_network_ears_free(host->ears); /* first: its thread asks the others */
    kn_network_advertiser_free(host->advertiser);
    kn_hmap_free(host->words);
    kn_hmap_free(host->networks);
    kn_hmap_free(host->plugs);
    json_decref(host->pieces);
    kn_network_state_file_free(host->file);
    kn_network_state_release(&host->state);
    kn_network_links_free(host->links);
    kn_network_firewall_free(host->firewall);
    pthread_cond_destroy(&host->changed);
    pthread_mutex_destroy(&host->lock);
    kn_network_routers_release(&host->routers);
    free(host->physical);
    free(host->dir);
    free(host);
}
