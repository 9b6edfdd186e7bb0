/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_private: what the files of a host's networks share; nobody else includes it.
 *
 *   host.c        open, close, tick
 *   host_take.c   what a state changes: indexes, firewall, kernel
 *   host_firewall.c  what the firewall and the taps' limits are told
 *   host_plug.c   taps of servers
 *   host_ask.c    what others want to know
 *   host_hear.c   what guests announce, and what is announced to them
 *   host_trace.c  which way a packet would go
 */
#ifndef KN_NETWORK_HOST_HOST_PRIVATE_H
#define KN_NETWORK_HOST_HOST_PRIVATE_H

#include <pthread.h>

#include "lib/base/hmap.h"
#include "network/host.h"
#include "network/host/dhcp/advertiser.h"
#include "network/host/firewall/firewall.h"
#include "network/host/link/ears.h"
#include "network/host/link/link.h"
#include "network/host/network.h"
#include "network/host/router/routers.h"
#include "network/host/state/state.h"
#include "network/host/state/file.h"

struct kn_network_host {
    struct kn_network_host_options options; /* its strings are not used after open */
    char *dir;                          /* <state dir>/networks; immutable after open, as underlay and physical */
    char *physical;                     /* agent.physical_networks */
    struct kn_ip underlay;              /* of no family: none */
    pthread_mutex_t lock;               /* everything below */
    pthread_cond_t changed;             /* the state was changed, or the host goes */
    struct kn_network_state state;
    struct kn_network_state_file *file;
    json_t *pieces;                     /* of a version that has not come whole yet; NULL: none */
    struct kn_hmap *networks;           /* id -> struct kn_network_host_network, owned */
    struct kn_hmap *plugs;              /* port's id -> struct kn_network_plug, owned */
    struct kn_network_links *links;
    struct kn_network_firewall *firewall;
    struct kn_network_routers routers;
    struct kn_network_advertiser *advertiser; /* has a lock and a thread of its own */
    struct kn_network_ears *ears; /* has a lock and a thread of its own; NULL: nobody asks. Immutable after open */
    struct kn_hmap *words; /* "network address" -> what was heard of it and not heeded yet, owned */
    int64_t announced_ms; /* when some of them were said last; 0: never */
    struct kn_error unread; /* a file that could not be read; reported by the next tick */
};

/* All of them are called with the lock held. */

/* The network of that id, made if need be. */
struct kn_network_host_network *kn_network_host_network_of(struct kn_network_host *host, const char *id);
/* Makes the kernel agree: builds what is wanted, takes away what is not. is_whole: nothing that was built before is relied upon. */
int kn_network_host_settle(struct kn_network_host *host, struct kn_network_host_network *network, bool is_whole,
                           struct kn_error *err);
/* Who its routers are, by what is known now. */
int kn_network_host_advertise(struct kn_network_host *host, const struct kn_network_host_network *network,
                              struct kn_error *err);
/* The plug belongs to its port's network from now on, if the state has the port. Returns that network; NULL: it has not. */
struct kn_network_host_network *kn_network_host_attach(struct kn_network_host *host, struct kn_network_plug *plug);
/* The firewall of the state that was loaded; of a change that the state has taken; and again what others took away. */
int kn_network_host_firewall_open(struct kn_network_host *host, struct kn_error *err);
int kn_network_host_firewall_change(struct kn_network_host *host, const struct kn_network_state_changes *changes,
                                    struct kn_error *err);
int kn_network_host_firewall_keep(struct kn_network_host *host, struct kn_error *err);
/* Before anything is built. */
int kn_network_host_ears_open(struct kn_network_host *host, struct kn_error *err);
/* The network is built: guests that may move addresses are listened to, and told what moved elsewhere. */
void kn_network_host_heed(struct kn_network_host *host, struct kn_network_host_network *network);
/* The tap of that port goes. */
void kn_network_host_unheed(struct kn_network_host *host, const char *port);
/* The limits of the network's taps, or of all (NULL); costs nothing where they are as they were. */
int kn_network_host_shape(struct kn_network_host *host, const struct kn_network_host_network *network,
                          struct kn_error *err);
/* Limits that the kernel does not have any more are set by the next call of the one above. Asks the kernel for each tap that has any. */
void kn_network_host_shape_look(struct kn_network_host *host);
/* Before the tap goes: no device is left that limited it. */
int kn_network_host_unshape(struct kn_network_host *host, struct kn_network_plug *plug, struct kn_error *err);
/* After open: everything that the file said is put into the indexes. */
void kn_network_host_index_all(struct kn_network_host *host);
/* The file of plugs; loading also takes what an agent of the release before left. */
void kn_network_host_plugs_load(struct kn_network_host *host);

#endif
