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

#include "lib/adapter/conf.h"
#include "lib/base/error.h"

/*
 * Makes sure that the base of a spec's image ({"id","url","sha512","size","disk_format","virtual_size"}) is in the cache and
 * gives its path. Blocks while it downloads; callers that want the same base at once share one download, across threads and
 * processes. Put the overlay on it within ten minutes: a base younger in use than that is not dropped.
 * KN_UNAVAILABLE: the store cannot be reached, try again; KN_UNSUPPORTED_MEDIA: what came is not what was promised.
 */
int kn_image_host_ensure(const struct kn_conf *conf, const json_t *image, char *ret_path, size_t size,
                         struct kn_error *err);

#endif
