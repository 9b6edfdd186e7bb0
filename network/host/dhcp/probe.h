/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe: does a network's dnsmasq answer? One that is frozen, or runs in circles, still has its pid. Asked over DNS from inside its namespace, with every look at the
 * network; nobody waits: what was asked the last time is answered by then, or was not. One that never answered at all is left alone, because it may be the question's fault.
 */
#ifndef KN_NETWORK_HOST_DHCP_PROBE_H
#define KN_NETWORK_HOST_DHCP_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "network/host/network.h"

/* Asks again. False: it answered once, and its last questions are unanswered, and for a minute nobody has been told so. Only for networks that are served. */
bool kn_network_probe_answers(struct kn_network_host_network *network, int64_t now_ms);
/* Closes what it asks by. */
void kn_network_probe_end(struct kn_network_probe *probe);

#endif
