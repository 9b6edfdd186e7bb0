/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ears: what guests say of their addresses to their networks: gratuitous ARP and unsolicited neighbour advertisements, heard at each guest's own tap before any rule
 * is asked, so that nobody speaks in another's name; whether he may say it is for whoever hears it to look up. One packet socket a tap that is listened to, with a
 * filter in the kernel that lets nothing else through, and one thread for all. A tap that announces much is not listened to for a while: HEARD_A_SECOND, whatever a guest
 * sends, and the others are heard as before.
 */
#ifndef KN_NETWORK_HOST_LINK_EARS_H
#define KN_NETWORK_HOST_LINK_EARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/base/ip.h"
#include "lib/base/uuid.h"

struct kn_network_ears;

struct kn_network_heard {
    char port[KN_UUID_SIZE];
    uint8_t mac[6];
    struct kn_ip ip;
};

/* On the ears' thread, without their lock; no words: time has passed. Returns whether it wants to be called again soon, also if nobody says anything. */
typedef bool kn_network_ears_hear(void *ctx, const struct kn_network_heard *words, size_t count);

int kn_network_ears_new(kn_network_ears_hear *hear, void *ctx, struct kn_network_ears **ret_ears, struct kn_error *err);
void kn_network_ears_free(struct kn_network_ears *ears); /* NULL is fine */
KN_DEFINE_AUTO(kn_network_ears);
/* From any thread: the port's tap is this device; 0: it is not listened to any more. Costs nothing where it is so. */
void kn_network_ears_tap(struct kn_network_ears *ears, const char *port, unsigned device);

/* Pure: does the frame say that its sender has an address? */
bool kn_network_ears_read(const uint8_t *frame, size_t size, uint8_t ret_mac[6], struct kn_ip *ret_ip);

#endif
