/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the host cache share; see host.h. */
#ifndef KN_IMAGE_HOST_PRIVATE_H
#define KN_IMAGE_HOST_PRIVATE_H

#include <stdint.h>

#include "image/host.h"
#include "lib/adapter/crypto.h"
#include "lib/base/error.h"
#include "lib/base/hmap.h"

/* A base as a spec describes it, and who watches its coming. */
struct kn_image_base {
    const char *url;
    const char *sha512;
    const char *disk_format;
    int64_t size;
    int64_t virtual_size;
    kn_image_host_watch *watch;
    void *watch_ctx;
};

/*
 * fetch.c: brings the file up to base->size bytes, going on where it ends if the server can, and checks their digest.
 * KN_UNAVAILABLE and KN_CANCELLED leave what came; anything else has emptied the file.
 */
int kn_image_base_fetch(const struct kn_image_base *base, int fd, struct kn_error *err);

/* fetch.c: before anything of libcurl is called, in whatever thread. */
void kn_image_curl_start(void);

/* refs.c: names (sha512) of the bases that overlays below dir have as their backing file, as keys. */
void kn_image_base_refs(const char *dir, struct kn_hmap *ret_names);

/* evict.c: makes room for `bytes` more in the cache, under its lock. KN_UNAVAILABLE: what is there is in use. */
int kn_image_base_evict(const char *cache_dir, const char *state_dir, int64_t bytes, int64_t limit,
                        struct kn_error *err);

#endif
