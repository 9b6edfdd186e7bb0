/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_firewall.c: the state's changes told to the firewall, and the limits of taps. Says which tap is limited how and whether the firewall stands; what a
 * rule says is ruleset_compile.c's, how a queue is made network/host/link/shape.c's.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "network/host/firewall/firewall.h"
#include "network/host/host_private.h"
#include "network/host/link/shape.h"

/* --- the tables ----------------------------------------------------------------------------------------------------- */

/*
 * An earlier life may have kept a change and died before it ended what that took away: each port is told as one that has changed, so that its connections are
 * looked at.
 */
int kn_network_host_firewall_open(struct kn_network_host *host, struct kn_error *err)
{
    if (kn_network_firewall_new(&host->firewall, err) < 0) {
        return -1;
    }
    for (int kind = 0; kind < KN_NETWORK_KINDS; kind++) {
        const char *id;
        void *object;

        for (size_t at = 0; kn_hmap_next(host->state.objects[kind], &at, &id, &object);) {
            kn_network_firewall_change(host->firewall, (enum kn_network_kind)kind,
                                       kind == KN_NETWORK_IS_PORT ? object : NULL, object);
        }
    }
    /* Who knows nothing yet leaves what an earlier life, or an earlier release, made. */
    return host->state.version < 0 ? 0 : kn_network_firewall_check(host->firewall, err);
}

int kn_network_host_firewall_change(struct kn_network_host *host, const struct kn_network_state_changes *changes,
                                    struct kn_error *err)
{
    for (size_t i = 0; i < changes->count; i++) {
        kn_network_firewall_change(host->firewall, changes->items[i].kind, changes->items[i].before,
                                   changes->items[i].after);
    }
    return kn_network_firewall_apply(host->firewall, &host->state, err);
}

/* `nft flush ruleset`, as Debian's nftables.service says when it is reloaded, takes the guests' rules along. */
int kn_network_host_firewall_keep(struct kn_network_host *host, struct kn_error *err)
{
    if (host->state.version < 0) {
        return 0;
    }
    return kn_network_firewall_check(host->firewall, err) < 0
               ? -1
               : kn_network_firewall_apply(host->firewall, &host->state,
                                           err); /* connections that could not be asked about */
}

int kn_network_host_firewall_digests(struct kn_network_host *host, char ret_wanted[KN_RULESET_DIGEST_SIZE],
                                     char ret_kernel[KN_RULESET_DIGEST_SIZE], struct kn_error *err)
{
    pthread_mutex_lock(&host->lock);
    int rc = kn_network_firewall_digests(host->firewall, ret_wanted, ret_kernel, err);

    pthread_mutex_unlock(&host->lock);
    return rc;
}

/* --- limits --------------------------------------------------------------------------------------------------------- */

static bool plug_is_limited(const struct kn_network_plug *plug)
{
    static const struct kn_network_state_limit NONE;

    return memcmp(&plug->to_guest, &NONE, sizeof(NONE)) != 0 || memcmp(&plug->from_guest, &NONE, sizeof(NONE)) != 0;
}

void kn_network_host_shape_look(struct kn_network_host *host)
{
    const char *id;
    void *value;

    for (size_t at = 0; kn_hmap_next(host->plugs, &at, &id, &value);) {
        struct kn_network_plug *plug = value;
        char why[KN_STOCK_WHY];

        if (plug_is_limited(plug) && plug->shaped_index != 0 &&
            plug->shaped_index == kn_network_link_index(plug->tap) &&
            !kn_network_link_is_shaped(host->links, plug->tap, &plug->to_guest, &plug->from_guest, why)) {
            kn_log(KN_WARNING, "a limit of this host was taken away or changed, it is set again", "port", plug->port,
                   "reason", why, NULL);
            plug->shaped_index = 0;
        }
    }
}

/* Of two limits the one that lets less through: a port's policy and a flavor know nothing of each other. */
static const struct kn_network_state_limit *shape_tighter(const struct kn_network_state_limit *a,
                                                          const struct kn_network_state_limit *b)
{
    return a->max_kbps == 0 || (b->max_kbps != 0 && b->max_kbps < a->max_kbps) ? b : a;
}

/* Asked of the kernel once a tap and a limit; a tap that was made anew has none. */
static int shape_plug(struct kn_network_host *host, struct kn_network_plug *plug, struct kn_error *err)
{
    static const struct kn_network_state_limit NONE;
    const struct kn_network_state_port *port = kn_network_state_get(&host->state, KN_NETWORK_IS_PORT, plug->port);
    const struct kn_network_state_policy *policy = port == NULL || port->policy[0] == '\0'
                                                       ? NULL
                                                       : kn_network_state_get(&host->state, KN_NETWORK_IS_POLICY,
                                                                              port->policy);
    const struct kn_network_state_limit *to_guest = shape_tighter(policy == NULL ? &NONE : &policy->to_guest,
                                                                  &plug->own_to_guest),
                                        *from_guest = shape_tighter(policy == NULL ? &NONE : &policy->from_guest,
                                                                    &plug->own_from_guest);
    const unsigned index = kn_network_link_index(plug->tap);

    if (index == 0 || (plug->shaped_index == index && memcmp(&plug->to_guest, to_guest, sizeof(*to_guest)) == 0 &&
                       memcmp(&plug->from_guest, from_guest, sizeof(*from_guest)) == 0)) {
        return 0;
    }
    if (kn_network_link_shape(host->links, plug->tap, to_guest, from_guest, err) < 0) {
        return kn_fail_context(err, "port %s", plug->port);
    }
    plug->shaped_index = index;
    plug->to_guest = *to_guest;
    plug->from_guest = *from_guest;
    return 0;
}

int kn_network_host_shape(struct kn_network_host *host, const struct kn_network_host_network *network,
                          struct kn_error *err)
{
    const char *port;
    void *plug;

    for (size_t at = 0; kn_hmap_next(network == NULL ? host->plugs : network->plugs, &at, &port, &plug);) {
        if (shape_plug(host, plug, err) < 0) {
            return -1;
        }
    }
    return 0;
}

void kn_network_host_opened(struct kn_network_host *host, const char *server_id)
{
    const char *id;
    void *value;

    pthread_mutex_lock(&host->lock);
    for (size_t at = 0; kn_hmap_next(host->plugs, &at, &id, &value);) {
        struct kn_network_plug *plug = value;
        struct kn_error why = { 0 };

        if (strcmp(plug->server, server_id) == 0 && plug_is_limited(plug)) {
            plug->shaped_index = 0;
            if (shape_plug(host, plug, &why) < 0) {
                kn_log_error("the limits of a tap", &why);
            }
        }
    }
    pthread_mutex_unlock(&host->lock);
}

int kn_network_host_unshape(struct kn_network_host *host, struct kn_network_plug *plug, struct kn_error *err)
{
    static const struct kn_network_state_limit NONE;

    plug->shaped_index = 0;
    return kn_network_link_shape(host->links, plug->tap, &NONE, &NONE, err);
}
