/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the one hash table: linear probing over slots, tombstones for what was deleted (so that deleting the current item does
 * not disturb an iteration), growth at three quarters full. It must never shrink or move slots outside kn_hmap_put().
 */
#include "lib/base/hmap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

struct slot {
    char *key; /* NULL: never used; GRAVE: deleted */
    void *value;
    uint64_t hash;
};

struct kn_hmap {
    void (*free_value)(void *);
    struct slot *slots;
    size_t size;  /* a power of two */
    size_t used;  /* keys and graves */
    size_t count; /* keys */
};

static char GRAVE[1];

static bool is_live(const struct slot *slot)
{
    return slot->key != NULL && slot->key != GRAVE;
}

/* FNV-1a, then a finalizer, because the table looks at the low bits only. */
static uint64_t hmap_hash_of(const char *key)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (; *key != '\0'; key++) {
        h = (h ^ (unsigned char)*key) * UINT64_C(1099511628211);
    }
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    return h ^ (h >> 32);
}

struct kn_hmap *kn_hmap_new(void (*free_value)(void *))
{
    struct kn_hmap *map = KN_NEW(struct kn_hmap);
    map->free_value = free_value;
    map->size = 16;
    map->slots = kn_alloc(map->size * sizeof(struct slot));
    return map;
}

static void drop_value(const struct kn_hmap *map, void *value)
{
    if (map->free_value != NULL && value != NULL) {
        map->free_value(value);
    }
}

void kn_hmap_free(struct kn_hmap *map)
{
    if (map == NULL) {
        return;
    }
    for (size_t i = 0; i < map->size; i++) {
        if (is_live(&map->slots[i])) {
            free(map->slots[i].key);
            drop_value(map, map->slots[i].value);
        }
    }
    free(map->slots);
    free(map);
}

static struct slot *hmap_find(const struct kn_hmap *map, const char *key, uint64_t hash)
{
    for (size_t i = hash & (map->size - 1);; i = (i + 1) & (map->size - 1)) {
        struct slot *slot = &map->slots[i];
        if (slot->key == NULL) {
            return NULL;
        }
        if (slot->key != GRAVE && slot->hash == hash && strcmp(slot->key, key) == 0) {
            return slot;
        }
    }
}

static struct slot *first_free(const struct kn_hmap *map, uint64_t hash)
{
    size_t i = hash & (map->size - 1);
    while (is_live(&map->slots[i])) {
        i = (i + 1) & (map->size - 1);
    }
    return &map->slots[i];
}

/* Room for one more key: doubles, or only sweeps the graves out when they are what fills it. */
static void hmap_make_room(struct kn_hmap *map)
{
    if ((map->used + 1) * 4 <= map->size * 3) {
        return;
    }
    struct slot *old = map->slots;
    size_t old_size = map->size;
    if ((map->count + 1) * 2 > map->size) {
        map->size *= 2;
    }
    map->slots = kn_alloc(map->size * sizeof(struct slot));
    map->used = map->count;
    for (size_t i = 0; i < old_size; i++) {
        if (is_live(&old[i])) {
            *first_free(map, old[i].hash) = old[i];
        }
    }
    free(old);
}

void *kn_hmap_get(const struct kn_hmap *map, const char *key)
{
    const struct slot *slot = hmap_find(map, key, hmap_hash_of(key));
    return slot == NULL ? NULL : slot->value;
}

void kn_hmap_put(struct kn_hmap *map, const char *key, void *value)
{
    uint64_t hash = hmap_hash_of(key);
    struct slot *slot = hmap_find(map, key, hash);
    if (slot != NULL) {
        if (slot->value != value) {
            drop_value(map, slot->value);
        }
        slot->value = value;
        return;
    }
    hmap_make_room(map);
    slot = first_free(map, hash);
    map->used += slot->key == NULL;
    map->count++;
    *slot = (struct slot){ kn_strdup(key), value, hash };
}

void *kn_hmap_take(struct kn_hmap *map, const char *key)
{
    struct slot *slot = hmap_find(map, key, hmap_hash_of(key));
    if (slot == NULL) {
        return NULL;
    }
    void *value = slot->value;
    free(slot->key);
    *slot = (struct slot){ GRAVE, NULL, 0 };
    map->count--;
    return value;
}

bool kn_hmap_del(struct kn_hmap *map, const char *key)
{
    if (hmap_find(map, key, hmap_hash_of(key)) == NULL) {
        return false;
    }
    drop_value(map, kn_hmap_take(map, key));
    return true;
}

size_t kn_hmap_count(const struct kn_hmap *map)
{
    return map->count;
}

bool kn_hmap_next(const struct kn_hmap *map, size_t *at, const char **ret_key, void **ret_value)
{
    while (*at < map->size) {
        const struct slot *slot = &map->slots[(*at)++];
        if (is_live(slot)) {
            *ret_key = slot->key;
            *ret_value = slot->value;
            return true;
        }
    }
    return false;
}
