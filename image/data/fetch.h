/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch: downloads that a user asked for. What he may make this machine connect to is decided where the connection is made:
 * each address, of the first server and of every redirect, is judged when its socket is opened, after names were resolved.
 * No proxy, no file, no other protocol than http and https.
 */
#ifndef KN_IMAGE_DATA_FETCH_H
#define KN_IMAGE_DATA_FETCH_H

#include <stdint.h>

#include "image/data/blob.h"
#include "lib/base/error.h"

struct kn_image_fetch_rules {
    const char *networks; /* reachable though private: "10.0.0.0/8,…" */
    const char *ports;    /* "80,443"; "" = any */
};

/* Whether this URI may be tried at all: its form, its port, its host if that is an address. No look-up. KN_BAD_REQUEST. */
int kn_image_fetch_check(const char *uri, const struct kn_image_fetch_rules *rules, struct kn_error *err);
/*
 * Downloads into the writer. progress as in blob.h; size is -1 while the server does not say it. KN_BAD_REQUEST: nothing to be had
 * there; the writer's and progress's own errors otherwise.
 */
int kn_image_fetch(const char *uri, const struct kn_image_fetch_rules *rules, struct kn_image_blob_writer *w,
                   kn_image_blob_progress *progress, void *ctx, struct kn_error *err);

#endif
