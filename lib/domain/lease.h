/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease: the times of a host's hold on its routers, known to both ends. A host that holds some says so every KN_LEASE_BEAT_MS; one whose word has not reached
 * the bus for KN_LEASE_HELD_MS has them silenced by its kernel (network/host/router/fence.h); one that was not heard for KN_LEASE_MS loses them to another. The gap between
 * the two is what a word may take.
 */
#ifndef KN_DOMAIN_LEASE_H
#define KN_DOMAIN_LEASE_H

#define KN_LEASE_BEAT_MS 2000
#define KN_LEASE_HELD_MS 8000
#define KN_LEASE_MS 11000

#endif
