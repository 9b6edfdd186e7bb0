/* SPDX-License-Identifier: Apache-2.0 */
/* dnsmasq: the dnsmasq of one network on this host: its files, its process, its end. */
#ifndef KN_NETWORK_HOST_DNSMASQ_H
#define KN_NETWORK_HOST_DNSMASQ_H

#include <stdbool.h>
#include <stddef.h>

#include "network/host/nic.h"

/*
 * Ensures that a dnsmasq runs in the namespace and knows exactly these NICs. dir: its files (made if absent). A NIC more is a SIGHUP;
 * a NIC less, or a subnet more, is a restart, because leases and ranges cannot be taken from a running one.
 */
int kn_network_dnsmasq_ensure(const char *dir, const char *netns, const struct kn_network_host_nic *const *nics,
                              size_t count, struct kn_error *err);
bool kn_network_dnsmasq_runs(const char *dir);
/* Ends it and waits until it is gone. */
void kn_network_dnsmasq_end(const char *dir);
/* Ends it and removes its files. */
void kn_network_dnsmasq_remove(const char *dir);

#endif
