/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay: two stream sockets joined into one: what is read at either end is written at the other, ends of stream
 * included. Non-blocking, bounded: a slow reader slows its writer down. One thread.
 */
#ifndef KN_LAB_RELAY_H
#define KN_LAB_RELAY_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/cleanup.h"

#define KN_RELAY_BYTES 65536

struct kn_lab_relay_way { /* from fds[i] to fds[1 - i] */
    size_t at;        /* what of data was written */
    size_t len;       /* what of data was read */
    bool ended;       /* nothing more to read */
    bool told;        /* and the other end was told */
    char data[KN_RELAY_BYTES];
};

struct kn_lab_relay {
    int fds[2];
    struct kn_lab_relay_way ways[2];
};

/* Takes both sockets over; they must be non-blocking. */
struct kn_lab_relay *kn_lab_relay_new(int a, int b);
void kn_lab_relay_free(struct kn_lab_relay *relay); /* closes both; takes NULL */
KN_DEFINE_AUTO(kn_lab_relay);

/* Moves all that can be moved without waiting. False when the relay is over: both ways ended, or an error. */
bool kn_lab_relay_pump(struct kn_lab_relay *relay);

#endif
