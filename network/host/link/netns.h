/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netns: named network namespaces as `ip netns` knows them (/run/netns/<name>), and work inside them. The calling thread
 * never changes its own namespace: work runs in a short-lived thread.
 */
#ifndef KN_NETWORK_HOST_LINK_NETNS_H
#define KN_NETWORK_HOST_LINK_NETNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/base/ip.h"

/* Makes it if it is not there. */
int kn_network_netns_ensure(const char *name, struct kn_error *err);
/* Unmounts and removes the name; what still runs inside keeps the namespace itself alive. Absent is fine. */
int kn_network_netns_remove(const char *name, struct kn_error *err);
bool kn_network_netns_exists(const char *name);
/* An fd of the namespace, close-on-exec; -1 if there is none of that name. */
int kn_network_netns_open(const char *name);
/* Runs work in a thread inside the namespace and returns what it returned. */
int kn_network_netns_run(const char *name, int (*work)(void *ctx, struct kn_error *err), void *ctx,
                         struct kn_error *err);
/* A listening TCP socket inside the namespace; device: on which a link-local address of IPv6 is, else NULL. */
int kn_network_netns_listen(const char *name, const struct kn_ip *ip, const char *device, uint16_t port, int *ret_fd,
                            struct kn_error *err);
/*
 * Runs a program inside the namespace, with no more capabilities than `capabilities` (a bit mask), and waits for its end.
 * KN_INTERNAL with its stderr when it fails. argv[0] is an absolute path.
 */
int kn_network_netns_exec(const char *name, uint64_t capabilities, const char *const *argv, struct kn_error *err);

#endif
