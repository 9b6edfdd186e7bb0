/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the image room does on a host, for compute-agent/: the cache of verified, read-only bases in agent.cache_dir.
 *
 * A base is a file named by its sha512, mode 0444, that was downloaded by its signed URL, measured, hashed and inspected
 * before it got that name; nothing else carries such a name. Servers put overlays on it and never write it.
 * The cache stays below agent.cache_mib by dropping bases that nobody used for a while, oldest first; one that is the
 * backing file of an overlay below agent.state_dir is never dropped.
 */
#ifndef KN_IMAGE_HOST_H
#define KN_IMAGE_HOST_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/adapter/conf.h"
#include "lib/base/error.h"

/* Called now and then, also while nothing comes: how many of how many bytes are there. Its -1 ends it. */
typedef int kn_image_host_watch(void *ctx, int64_t done, int64_t size, struct kn_error *err);

/*
 * Makes sure that the base of a spec's image ({"id","url","sha512","size","disk_format","virtual_size"}) is in the cache and
 * gives its path. Blocks while it downloads; callers that want the same base at once share one download, across threads and
 * processes. Put the overlay on it within ten minutes: a base younger in use than that is not dropped.
 * KN_UNAVAILABLE: the store cannot be reached, try again; KN_UNSUPPORTED_MEDIA: what came is not what was promised. The watch's own error: it ended it,
 * and what had come is gone, unless it was KN_UNAVAILABLE or somebody else waits for the same base: then that is taken up.
 */
int kn_image_host_ensure(const struct kn_conf *conf, const json_t *image, kn_image_host_watch *watch, void *ctx,
                         char *ret_path, size_t size, struct kn_error *err);

/*
 * Puts a file, whole and hashed, where a signed address says (image/serve/receive.c), and tries again while nobody is there to take it, for some minutes if
 * somebody watches, else once. KN_GONE: nobody wants it any more. KN_UNAVAILABLE: it could not be said. Else what the other side said.
 */
int kn_image_host_upload(const char *path, const char *url, const char *sha512, const char *disk_format,
                         kn_image_host_watch *watch, void *ctx, struct kn_error *err);

#endif
