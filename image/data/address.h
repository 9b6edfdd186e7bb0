/* SPDX-License-Identifier: Apache-2.0 */
/* address: which addresses a download on a user's behalf may reach. Pure. */
#ifndef KN_IMAGE_DATA_ADDRESS_H
#define KN_IMAGE_DATA_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "lib/base/error.h"

/*
 * True for an address of the public internet, or one of the networks "10.1.0.0/16,fd00::/8" in `allowed`. IPv4 in IPv6 (mapped,
 * NAT64) is judged as the IPv4 that it is. What is neither is not reachable.
 */
bool kn_image_address_allowed(const struct sockaddr *address, const char *allowed);
/* KN_BAD_REQUEST when `networks` is no such list. */
int kn_image_address_networks_check(const char *networks, struct kn_error *err);

#endif
