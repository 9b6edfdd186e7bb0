/* SPDX-License-Identifier: Apache-2.0 */
/* dnsmasq: the dnsmasq of one network on this host: its files, its process, its end. */
#ifndef KN_NETWORK_HOST_DHCP_DNSMASQ_H
#define KN_NETWORK_HOST_DHCP_DNSMASQ_H

#include <stdbool.h>
#include "network/host/network.h"

/*
 * Ensures that a dnsmasq runs in the network's namespace and knows exactly what the state says. A port or a name more is a SIGHUP;
 * a port less, or a subnet more, is a restart, because leases and ranges cannot be taken from a running one.
 */
int kn_network_dnsmasq_ensure(const struct kn_network_host_network *network, struct kn_error *err);
/* Only who is called what. */
int kn_network_dnsmasq_names(const struct kn_network_host_network *network, struct kn_error *err);
bool kn_network_dnsmasq_runs(const char *dir);
/* Ends it and waits until it is gone. */
void kn_network_dnsmasq_end(const char *dir);
/* At once: one that hears nothing. */
void kn_network_dnsmasq_kill(const char *dir);
/* Ends it and removes its files. */
void kn_network_dnsmasq_remove(const char *dir);

#endif
