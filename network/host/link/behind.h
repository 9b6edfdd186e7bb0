/* SPDX-License-Identifier: Apache-2.0 */
/*
 * behind: what lives behind a network's ports beside themselves, by their allowed address pairs: other MACs, which bridges and other hosts have to lead there,
 * and other addresses, for which other hosts answer, because nobody is asked across hosts. Pure; the same on every host, since all know the same ports.
 *
 * A port's own MAC and addresses are nobody else's: a pair takes none of them away. Of several ports that may have an address or a MAC, the one has it whose guest
 * announced it last (network/host/host_hear.c); as long as nobody did, the one with the first id, unless it is one of a whole prefix, which is nobody's then.
 */
#ifndef KN_NETWORK_HOST_LINK_BEHIND_H
#define KN_NETWORK_HOST_LINK_BEHIND_H

#include "network/host/network.h"

struct kn_network_behind {
    const char *port;
    const struct kn_ip *underlay; /* of its host; NULL: here */
    uint8_t mac[6];
    bool is_station; /* another MAC than the port's own, for the first time */
    struct kn_ip ip; /* of no family: none that is to be answered for */
};

/* A new array: what was announced, the newest first, then in the order of the ports' ids; the pointers are the state's. */
struct kn_network_behind *kn_network_behind_of(const struct kn_network_host_network *network, size_t *ret_count);
/* Do these pairs allow that address with that MAC? */
bool kn_network_behind_may(const struct kn_network_state_pair *pairs, size_t count, const uint8_t mac[6],
                           const struct kn_ip *ip);
/* Is the address somebody's own, or the MAC somebody else's than that port's? */
bool kn_network_behind_is_own(const struct kn_network_host_network *network, const uint8_t mac[6], const char *port,
                              const struct kn_ip *ip);
/* The stations behind that port, of a list: a new array, the port's own first; *ret_digest is 0 if there is none but that. */
uint8_t (*kn_network_behind_stations(const struct kn_network_behind *list, size_t count, const char *port,
                                     const uint8_t own[6], size_t *ret_count, uint64_t *ret_digest))[6];

#endif
