/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hmap: string key -> pointer, open addressing, grows by itself. Keys are copied. One thread at a time.
 * Iteration order is unspecified; do not put or delete while iterating (kn_hmap_del of the current item is allowed).
 */
#ifndef KN_BASE_HMAP_H
#define KN_BASE_HMAP_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/cleanup.h"

struct kn_hmap;

struct kn_hmap *kn_hmap_new(void (*free_value)(void *)); /* free_value may be NULL */
void kn_hmap_free(struct kn_hmap *map);
KN_DEFINE_AUTO(kn_hmap);
void *kn_hmap_get(const struct kn_hmap *map, const char *key); /* NULL if absent */
void kn_hmap_put(struct kn_hmap *map, const char *key, void *value); /* replaces and frees an old value */
bool kn_hmap_del(struct kn_hmap *map, const char *key);              /* frees the value; false if absent */
void *kn_hmap_take(struct kn_hmap *map, const char *key);            /* removes without freeing the value */
size_t kn_hmap_count(const struct kn_hmap *map);
/* for (size_t at = 0; kn_hmap_next(map, &at, &key, &value);) */
bool kn_hmap_next(const struct kn_hmap *map, size_t *at, const char **ret_key, void **ret_value);

#endif
