/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network/host: what a host does for its guests' networks. Called by the agent; knows nothing of the bus, the database or
 * the hypervisor.
 *
 * What is wanted is one state (network/host/state/state.h), which kilonova-network tells whole and as deltas, and the taps of the servers that are here. For each
 * network of the state: a bridge kb<8>, a VXLAN device kx<8> (VNI of the network, nothing learned, nothing flooded: who lives where is told, ARP and neighbour
 * solicitations are answered locally), a tap a NIC, and, where a subnet is served, a namespace kn-<8> with dnsmasq (DHCP of both families, router advertisements, names)
 * and 169.254.169.254 and fe80::a9fe:a9fe behind the veth kd<8>; who its IPv6 router is, is said there in the router's name (network/host/dhcp/advertiser.h). <8> = the first 8 characters of the network's id.
 * Two nftables tables "kilonova" drop what a guest must not send and what its security groups do not let through (network/host/firewall/ruleset.h); a QoS policy's limits
 * are queues of the tap (network/host/link/shape.h).
 *
 * Order of the agent: plug before the guest is started, unplug after it is gone. The taps are persistent and already in their
 * bridge, firewalled, up: libvirt takes them with <interface type='ethernet'><target dev='tap…' managed='no'/>.
 *
 * All of it is an ensure: twice is once. The state lies in <state dir>/network-state, the taps in <state dir>/network-plugs; kn_network_host_open builds
 * everything again from there (after a crash, after a reboot). Kernel objects outlive the process on purpose.
 *
 * The namespaces (net, mount) are those of the calling process; /run/netns must be private to the host where several
 * hosts share one machine. All functions may be called from any thread; one lock inside.
 */
#ifndef KN_NETWORK_HOST_H
#define KN_NETWORK_HOST_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/base/uuid.h"

struct kn_network_host;

struct kn_network_host_options {
    const char *state_dir; /* files go there; made if absent. Copied */
    const char *underlay; /* address of this host for VXLAN; NULL or "": networks do not leave the host. Copied */
    /*
     * A network's metadata doors: listening TCP sockets on 169.254.169.254:80 and [fe80::a9fe:a9fe]:80 inside its namespace, close-on-exec. The callee
     * owns fd from here on; of the second one the id ends in "/6". Called from kn_network_host_open, _plug, _take or _tick, with the lock held: do not call back into
     * this header. NULL: no door is made.
     */
    void (*metadata_open)(void *ctx, const char *network_id, int fd);
    /* The network left this host: close its socket. */
    void (*metadata_close)(void *ctx, const char *network_id);
    void *ctx;
    /*
     * Guests announced addresses of their pairs that do not lead to them yet: what net.announced says, borrowed. On a thread of its own, without the lock. NULL: nothing
     * is listened to.
     */
    void (*announced)(void *ctx, json_t *heard);
    const char *physical; /* agent.physical_networks; NULL: none. Copied */
    /* A tap comes when its guest is started and goes with it (a container's NIC): plug puts it into its bridge if it is there, and is called again after the start. */
    bool taps_come_with_guests;
    int plug_wait_ms; /* how long kn_network_host_plug waits for its ports; 0: 30 s */
};

/*
 * Builds what the files want. A network that cannot be built, or a file that cannot be read, does not stop the others: the first
 * kn_network_host_tick reports it, every tick tries again.
 */
int kn_network_host_open(const struct kn_network_host_options *options, struct kn_network_host **ret_host,
                         struct kn_error *err);
/* Forgets the structure; taps, bridges, namespaces and dnsmasq stay. */
void kn_network_host_free(struct kn_network_host *host);
KN_DEFINE_AUTO(kn_network_host);

/*
 * The body of net.state; a little of it is changed on the way. Returns when the host has it on disk and has done what it says as far as that worked; what did not is tried
 * again by every tick. KN_STALE: it belongs to another version than the host has, or is older than that and answers nothing that was asked, and everything is to be asked for. KN_BAD_REQUEST: it makes no sense.
 */
int kn_network_host_take(struct kn_network_host *host, json_t *body, struct kn_error *err);
int64_t kn_network_host_version(struct kn_network_host *host); /* -1: nothing is known yet */

/*
 * Ensures the server's NICs, all of them: `nics` is the spec's array (kn_form_plug, lib/domain/form.h), borrowed, and each may have limits of its own,
 * "to_guest" and "from_guest": {max_kbps, burst_kbit}; a NIC it had
 * before and has not now is unplugged. Waits until the state has the ports, for a while and without holding others up: KN_UNAVAILABLE if they do not come.
 * Returns when guests may be started.
 */
int kn_network_host_plug(struct kn_network_host *host, const char *server_id, const json_t *nics, struct kn_error *err);
/*
 * The server's guest was started, or a NIC of it plugged in: whoever opens a tap for a guest takes the limits away that it had (libvirt does), so they are set again, at once. What fails is in the log, and
 * tried again by every tick.
 */
void kn_network_host_opened(struct kn_network_host *host, const char *server_id);
/* Removes the server's taps. Unknown is fine. */
int kn_network_host_unplug(struct kn_network_host *host, const char *server_id, struct kn_error *err);
/* Every few seconds: starts a dnsmasq that died, builds again what failed or went (a bridge, the firewall; a tap only at the next plug). The error is worth a line in the log. */
int kn_network_host_tick(struct kn_network_host *host, struct kn_error *err);

/*
 * Digests of the firewall that the state wants and of the one that the kernel has: equal, or the host lets through what it should not, or the reverse. "" for
 * the kernel's if there is none. Each has room for 17 characters.
 */
int kn_network_host_firewall_digests(struct kn_network_host *host, char ret_wanted[17], char ret_kernel[17],
                                     struct kn_error *err);
/* Names of the taps that are really there, whoever made them by our naming rule, for host.observe: a new JSON array. */
json_t *kn_network_host_taps(struct kn_network_host *host);
/* What it was told (kn_form_told, lib/domain/form.h) and what its kernel does not have of it, for host.observe: a new JSON object. */
json_t *kn_network_host_told(struct kn_network_host *host);
/*
 * Whether a packet would pass this host, and what stops it (network/host/trace/trace.h): pieces of its way (kn_form_trace_piece), borrowed; what is found is net.trace's
 * result, a new JSON object. Looks, and changes nothing.
 */
int kn_network_host_trace(struct kn_network_host *host, const json_t *pieces, json_t **ret_found, struct kn_error *err);
/* Whose address is this? The metadata server asks for every connection; network_id as in metadata_open. False: nobody's. */
bool kn_network_host_lookup(struct kn_network_host *host, const char *network_id, const char *source_ip,
                            char ret_server_id[KN_UUID_SIZE]);
/* The NICs of a spec with all that the state says of their ports (kn_form_nic less what is for people): a new JSON array. */
json_t *kn_network_host_nics(struct kn_network_host *host, const json_t *nics);

/*
 * For hosts without a kernel: what taking the body would make of the version. Everything in it is read and forgotten. Errors as kn_network_host_take().
 */
int kn_network_host_pretend(const json_t *body, int64_t *version, struct kn_error *err);

/* --- feed: the states that a host is told, on a thread of their own (network/host/feed.c) --- */

struct kn_network_feed;

/* Called on the feed's thread: the host knows this version and must be told everything. */
typedef void kn_network_feed_ask(void *ctx, int64_t version);

/*
 * Takes bodies in the order in which they came: whoever reads the bus does not wait for a kernel, and a server's plug that waits for its ports holds none of
 * them up. What does not fit is asked for again, every two seconds until it comes. The host outlives the feed.
 */
int kn_network_feed_new(struct kn_network_host *host, kn_network_feed_ask *ask, void *ctx,
                        struct kn_network_feed **ret_feed, struct kn_error *err);
void kn_network_feed_free(struct kn_network_feed
                              *feed); /* NULL is fine; what waits is dropped: it is asked for at the next start */
/* From any thread. Steals body. */
void kn_network_feed_add(struct kn_network_feed *feed, json_t *body);

enum kn_network_hold {
    KN_HOLD_SAME,
    KN_HOLD_LOST, /* just now: its routers are silent */
    KN_HOLD_REGAINED, /* just now: it is heard again, and has to be told everything anew before it has any */
    KN_HOLD_UNANSWERED, /* routers wait for that: it is to be asked for again */
};
/*
 * What this host said at reached_ms (kn_mono_ms) has reached the bus, and nothing that it said later has so far: the agent calls this at least once a second. A host whose
 * word does not get through has its routers silenced (lib/domain/lease.h). *ret_holds: it has routers, and is to be heard often.
 */
enum kn_network_hold kn_network_host_hold(struct kn_network_host *host, int64_t reached_ms, bool *ret_holds);
/* The question that hello and net.ask carry; from any thread. */
void kn_network_host_question(struct kn_network_host *host, char out[KN_UUID_SIZE]);
/* The routers that it holds, with the lease by which it does and, where one does not stand as it should, why: [{id, lease, why?}]. New reference; NULL: ask again soon. */
json_t *kn_network_host_standing(struct kn_network_host *host);

/* agent.physical_networks: KN_BAD_REQUEST unless it is a list of names, each once, with a device each, each once ("nat" is none). "" is no network. */
int kn_network_physical_check(const char *list, struct kn_error *err);
/* Their names: what hello says. New reference. */
json_t *kn_network_physical_names(const char *list);

#endif
