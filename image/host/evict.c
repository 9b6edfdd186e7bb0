/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making room in the cache: bases that nobody used for a while go, oldest use first (a base's mtime is its last use). A base that
 * backs an overlay stays, and so does one whose use is younger than the time it takes to make that overlay.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "image/data/blob.h"
#include "image/host/private.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define GRACE_S 600
#define STALE_PART_S 86400 /* a download that nobody took up again */

struct evict_entry {
    char name[KN_SHA512_HEX];
    int64_t bytes;
    int64_t used_s;
};

struct listing {
    struct evict_entry *entries;
    size_t count;
    int64_t bytes; /* of everything, parts included */
};

static void listing_release(struct listing *l)
{
    free(l->entries);
}

static void add_entry(struct listing *l, const char *name, const struct stat *st)
{
    l->entries = kn_realloc_array(l->entries, l->count + 1, sizeof(*l->entries));
    struct evict_entry *e = &l->entries[l->count++];
    kn_copy(e->name, sizeof(e->name), name);
    e->bytes = (int64_t)st->st_blocks * 512;
    e->used_s = st->st_mtime;
}

static int list_cache(const char *dir, struct listing *l, struct kn_error *err)
{
    DIR *d = opendir(dir);

    if (d == NULL) {
        return kn_fail(err, KN_UNAVAILABLE, "cannot read the image cache \"%s\": %s", dir, strerror(errno));
    }
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        struct stat st;

        if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode)) {
            continue;
        }
        const bool is_base = kn_image_sha512_valid(e->d_name);
        if (!is_base && st.st_size > 0 && st.st_mtime < time(NULL) - STALE_PART_S) {
            unlinkat(dirfd(d), e->d_name, 0);
            continue;
        }
        l->bytes += (int64_t)st.st_blocks * 512;
        if (is_base) {
            add_entry(l, e->d_name, &st);
        }
    }
    closedir(d);
    return 0;
}

static int by_use(const void *a, const void *b)
{
    const struct evict_entry *x = a, *y = b;

    return (x->used_s > y->used_s) - (x->used_s < y->used_s);
}

static void evict_drop(const char *dir, struct listing *l, const struct evict_entry *e)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s", dir, e->name);

    if (unlink(path) == 0) {
        l->bytes -= e->bytes;
        kn_log(KN_INFO, "unused base dropped from the image cache", "sha512", e->name, NULL);
    }
}

static void drop_oldest(const char *dir, struct listing *l, const struct kn_hmap *used, int64_t goal)
{
    const int64_t now_s = time(NULL);

    qsort(l->entries, l->count, sizeof(*l->entries), by_use);
    for (size_t i = 0; i < l->count && l->bytes > goal; i++) {
        const struct evict_entry *e = &l->entries[i];

        if (e->used_s < now_s - GRACE_S && kn_hmap_get(used, e->name) == NULL) {
            evict_drop(dir, l, e);
        }
    }
}

int kn_image_base_evict(const char *cache_dir, const char *state_dir, int64_t bytes, int64_t limit,
                        struct kn_error *err)
{
    AUTO_RELEASE(listing) struct listing l = { NULL, 0, 0 };

    if (bytes > limit) {
        return kn_fail(err, KN_TOO_LARGE,
                       "the image's %lld bytes are more than the whole cache may hold (agent.cache_mib)",
                       (long long)bytes);
    }
    if (list_cache(cache_dir, &l, err) < 0) {
        return -1;
    }
    if (l.bytes <= limit - bytes) {
        return 0;
    }
    struct kn_hmap *used = kn_hmap_new(NULL);
    kn_image_base_refs(state_dir, used);
    drop_oldest(cache_dir, &l, used, limit - bytes);
    kn_hmap_free(used);
    return l.bytes <= limit - bytes
               ? 0
               : kn_fail(err, KN_UNAVAILABLE, "the image cache is full of bases in use: %lld bytes (agent.cache_mib)",
                         (long long)l.bytes);
}
