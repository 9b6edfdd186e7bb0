/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network/host: what a host does for its guests' networks. Called by the agent; knows nothing of the bus, the database or
 * the hypervisor.
 *
 * For each network that a server here uses: a bridge kb<8>, a VXLAN device kx<8> (VNI of the network, nothing learned, nothing
 * flooded: who lives where comes from net.peers, ARP is answered locally), a tap a NIC, and, where a subnet has DHCP, a
 * namespace kn-<8> with dnsmasq and 169.254.169.254 behind the veth kd<8>. <8> = the first 8 characters of the network's id.
 * One nftables table "bridge kilonova" drops what a guest must not send.
 *
 * Order of the agent: plug before the guest is started, unplug after it is gone. The taps are persistent and already in their
 * bridge, firewalled, up: libvirt takes them with <interface type='ethernet'><target dev='tap…' managed='no'/>.
 *
 * All of it is an ensure: twice is once. The wanted state lies in <state dir>/networks/<network id>.json; kn_network_host_open builds
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
    const char *state_dir; /* networks' files go to <state_dir>/networks; made if absent. Copied */
    const char *underlay; /* IPv4 address of this host for VXLAN; NULL or "": networks do not leave the host. Copied */
    /*
     * A network's metadata door: a listening TCP socket on 169.254.169.254:80 inside its namespace, close-on-exec. The callee
     * owns fd from here on. Called from kn_network_host_open or kn_network_host_plug, with the lock held: do not call back into
     * this header. NULL: no door is made.
     */
    void (*metadata_open)(void *ctx, const char *network_id, int fd);
    /* The network left this host: close its socket. */
    void (*metadata_close)(void *ctx, const char *network_id);
    void *ctx;
};

/*
 * Builds what the state files want. A network that cannot be built, or a file that cannot be read, does not stop the others: the first
 * kn_network_host_tick reports it, every tick tries again.
 */
int kn_network_host_open(const struct kn_network_host_options *options, struct kn_network_host **ret_host,
                         struct kn_error *err);
/* Forgets the structure; taps, bridges, namespaces and dnsmasq stay. */
void kn_network_host_free(struct kn_network_host *host);
KN_DEFINE_AUTO(kn_network_host);

/*
 * Ensures the server's NICs, all of them: `nics` is the spec's array (kn_form_nic, lib/domain/form.h), borrowed; a NIC it had
 * before and has not now is unplugged. hostname: sent by DHCP when it is a valid label. Returns when guests may be started.
 */
int kn_network_host_plug(struct kn_network_host *host, const char *server_id, const char *hostname, const json_t *nics,
                         struct kn_error *err);
/* Removes the server's taps; the last user of a network takes bridge, VXLAN, namespace and dnsmasq along. Unknown is fine. */
int kn_network_host_unplug(struct kn_network_host *host, const char *server_id, struct kn_error *err);
/* The body of net.peers. An older version than the last is ignored; a network that no server uses yet is remembered. */
int kn_network_host_set_peers(struct kn_network_host *host, const json_t *body, struct kn_error *err);
/* Every few seconds: starts a dnsmasq that died, builds again what failed or went (a bridge, the firewall; a tap only at the next plug). The error is worth a line in the log. */
int kn_network_host_tick(struct kn_network_host *host, struct kn_error *err);

/* Names of the taps that are really there, whoever made them by our naming rule, for host.observe: a new JSON array. */
json_t *kn_network_host_taps(struct kn_network_host *host);
/* Whose address is this? The metadata server asks for every connection. False: nobody's. */
bool kn_network_host_lookup(struct kn_network_host *host, const char *network_id, const char *source_ip,
                            char ret_server_id[KN_UUID_SIZE]);

#endif
