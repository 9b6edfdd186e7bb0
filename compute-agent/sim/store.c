/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/store: see the header. It owns the journal's file: read and compacted at open, appended with one write(2) a
 * change, so that a killed process loses nothing that it answered for (a machine that loses power may; it is a simulator).
 */
#include "compute-agent/sim/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/hmap.h"
#include "lib/base/mem.h"

#define TOMBS_MAX 100000              /* the oldest goes first: a simulator's memory is bounded too */
#define JOURNAL_SLACK (64 << 20)      /* bytes appended before it is worth rewriting */
#define WRITE_CHUNK (1 << 16)

struct list {
    struct kn_agent_sim_guest *first, *last;
};

struct kn_agent_sim_store {
    char *path;
    int fd;                           /* appends */
    int64_t appended;                 /* bytes since it was compacted */
    int hosts;
    struct list *guests;              /* one list a host */
    struct list tombs;                /* oldest first */
    int tomb_count;
    struct kn_hmap *by_key;           /* "<host number>/<server>" -> struct kn_agent_sim_guest */
    struct kn_strbuf line;            /* scratch */
};

#define KEY_SIZE (KN_UUID_SIZE + 12)

static void store_key_of(int host, const char *server, char out[KEY_SIZE])
{
    snprintf(out, KEY_SIZE, "%d/%.36s", host, server);
}

static void list_append(struct list *list, struct kn_agent_sim_guest *g)
{
    g->next = NULL;
    g->prev = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = g;
    list->last = g;
}

static void list_remove(struct list *list, struct kn_agent_sim_guest *g)
{
    *(g->prev != NULL ? &g->prev->next : &list->first) = g->next;
    *(g->next != NULL ? &g->next->prev : &list->last) = g->prev;
}

static struct list *list_of(struct kn_agent_sim_store *store, const struct kn_agent_sim_guest *g)
{
    return g->exists ? &store->guests[g->host] : &store->tombs;
}

static void guest_free(void *value)
{
    kn_agent_sim_guest_clear(value);
    free(value);
}

static void store_forget(struct kn_agent_sim_store *store, struct kn_agent_sim_guest *g)
{
    char key[KEY_SIZE];

    list_remove(list_of(store, g), g);
    store->tomb_count -= !g->exists;
    store_key_of(g->host, g->server, key);
    kn_hmap_del(store->by_key, key);
}

/* Takes the texts of *as over. */
static void store_apply(struct kn_agent_sim_store *store, struct kn_agent_sim_guest *as)
{
    char key[KEY_SIZE];
    struct kn_agent_sim_guest *g;

    store_key_of(as->host, as->server, key);
    g = kn_hmap_get(store->by_key, key);
    if (g == NULL) {
        g = KN_NEW(struct kn_agent_sim_guest);
        kn_hmap_put(store->by_key, key, g);
    } else {
        list_remove(list_of(store, g), g);
        store->tomb_count -= !g->exists;
        kn_agent_sim_guest_clear(g);
    }
    *g = *as;
    list_append(list_of(store, g), g);
    store->tomb_count += !g->exists;
    if (store->tomb_count > TOMBS_MAX) {
        store_forget(store, store->tombs.first);
    }
}

static int store_write_all(int fd, const char *data, size_t len, const char *path, struct kn_error *err)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return kn_fail(err, KN_UNAVAILABLE, "cannot write \"%s\": %s", path, strerror(errno));
        }
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static int record(struct kn_agent_sim_store *store, const struct kn_agent_sim_guest *g, struct kn_error *err)
{
    kn_strbuf_clear(&store->line);
    kn_agent_sim_line_print(g, &store->line);
    store->appended += (int64_t)store->line.len;
    return store_write_all(store->fd, store->line.buf, store->line.len, store->path, err);
}

static int store_write_list(const struct list *list, int fd, struct kn_strbuf *buf, const char *path,
                            struct kn_error *err)
{
    for (const struct kn_agent_sim_guest *g = list->first; g != NULL; g = g->next) {
        kn_agent_sim_line_print(g, buf);
        if (buf->len >= WRITE_CHUNK || g->next == NULL) {
            if (store_write_all(fd, buf->buf, buf->len, path, err) < 0) {
                return -1;
            }
            kn_strbuf_clear(buf);
        }
    }
    return 0;
}

/* Everything that is alive into a new file that takes the journal's name. */
static int compact(struct kn_agent_sim_store *store, struct kn_error *err)
{
    AUTO_FREE char *next = kn_asprintf("%s.new", store->path);
    AUTO_CLOSE int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf buf = KN_STRBUF_INIT;

    if (fd < 0) {
        return kn_fail(err, KN_UNAVAILABLE, "cannot create \"%s\": %s", next, strerror(errno));
    }
    for (int i = 0; i < store->hosts; i++) {
        if (store_write_list(&store->guests[i], fd, &buf, next, err) < 0) {
            return -1;
        }
    }
    if (store_write_list(&store->tombs, fd, &buf, next, err) < 0) {
        return -1;
    }
    if (fdatasync(fd) < 0 || rename(next, store->path) < 0) {
        return kn_fail(err, KN_UNAVAILABLE, "cannot put \"%s\" in place: %s", next, strerror(errno));
    }
    if (store->fd >= 0) {
        close(store->fd);
    }
    store->fd = fd;
    fd = -1;
    store->appended = 0;
    return 0;
}

static int store_load(struct kn_agent_sim_store *store, int *ret_broken, struct kn_error *err)
{
    FILE *file = fopen(store->path, "re");
    AUTO_FREE char *line = NULL;
    size_t size = 0;
    ssize_t len;

    if (file == NULL) {
        return errno == ENOENT ? 0
                               : kn_fail(err, KN_UNAVAILABLE, "cannot read \"%s\": %s", store->path, strerror(errno));
    }
    while ((len = getline(&line, &size, file)) > 0) {
        struct kn_agent_sim_guest guest = { 0 };
        bool whole = line[len - 1] == '\n';
        line[len - whole] = '\0';
        /* A last line without its end was being written when the process died: nobody was answered for it. */
        if (!whole || kn_agent_sim_line_parse(line, &guest) < 0 || guest.host >= store->hosts) {
            kn_agent_sim_guest_clear(&guest);
            *ret_broken += whole;
            continue;
        }
        store_apply(store, &guest);
    }
    fclose(file);
    return 0;
}

int kn_agent_sim_store_open(const char *path, int hosts, struct kn_agent_sim_store **ret_store, int *ret_broken,
                            struct kn_error *err)
{
    AUTO(kn_agent_sim_store) struct kn_agent_sim_store *store = KN_NEW(struct kn_agent_sim_store);
    int broken = 0;

    store->path = kn_strdup(path);
    store->fd = -1;
    store->hosts = hosts;
    store->guests = kn_realloc_array(NULL, (size_t)hosts, sizeof(*store->guests));
    memset(store->guests, 0, (size_t)hosts * sizeof(*store->guests));
    store->by_key = kn_hmap_new(guest_free);
    store->line = (struct kn_strbuf)KN_STRBUF_INIT;
    if (store_load(store, &broken, err) < 0 || compact(store, err) < 0) {
        return -1;
    }
    *ret_broken = broken;
    *ret_store = kn_steal(&store);
    return 0;
}

void kn_agent_sim_store_free(struct kn_agent_sim_store *store)
{
    if (store == NULL) {
        return;
    }
    if (store->fd >= 0) {
        close(store->fd);
    }
    kn_hmap_free(store->by_key);
    kn_strbuf_release(&store->line);
    free(store->guests);
    free(store->path);
    free(store);
}

const struct kn_agent_sim_guest *kn_agent_sim_store_get(const struct kn_agent_sim_store *store, int host,
                                                        const char *server)
{
    char key[KEY_SIZE];

    store_key_of(host, server, key);
    return kn_hmap_get(store->by_key, key);
}

static struct kn_agent_order obeyed_of(const struct kn_agent_sim_store *store, int host, const char *server)
{
    const struct kn_agent_sim_guest *g = kn_agent_sim_store_get(store, host, server);

    return g != NULL ? g->obeyed : (struct kn_agent_order){ 0, 0 };
}

int kn_agent_sim_store_put(struct kn_agent_sim_store *store, const struct kn_agent_sim_guest *guest,
                           struct kn_error *err)
{
    struct kn_agent_sim_guest as = *guest;

    as.exists = true;
    as.answer = NULL;
    as.obeyed = obeyed_of(store, guest->host, guest->server);
    if (record(store, &as, err) < 0) {
        return -1;
    }
    as.taps = kn_strdup(guest->taps);
    as.volumes = kn_strdup(guest->volumes);
    store_apply(store, &as);
    return 0;
}

int kn_agent_sim_store_bury(struct kn_agent_sim_store *store, int host, const char *server, int64_t generation,
                            int64_t now_ms, struct kn_error *err)
{
    struct kn_agent_sim_guest as = {
        .host = host, .generation = generation, .died_at = now_ms, .obeyed = obeyed_of(store, host, server)
    };

    kn_copy(as.server, sizeof(as.server), server);
    if (record(store, &as, err) < 0) {
        return -1;
    }
    store_apply(store, &as);
    return 0;
}

/* Copies the texts of *as: they may be those of what it replaces. */
static int record_and_apply(struct kn_agent_sim_store *store, const struct kn_agent_sim_guest *as, struct kn_error *err)
{
    struct kn_agent_sim_guest own = *as;

    if (record(store, as, err) < 0) {
        return -1;
    }
    own.taps = as->taps != NULL ? kn_strdup(as->taps) : NULL;
    own.volumes = as->volumes != NULL ? kn_strdup(as->volumes) : NULL;
    own.answer = as->answer != NULL ? kn_strdup(as->answer) : NULL;
    store_apply(store, &own);
    return 0;
}

int kn_agent_sim_store_obey(struct kn_agent_sim_store *store, int host, const char *server,
                            const struct kn_agent_order *asked, int64_t now_ms, struct kn_error *err)
{
    const struct kn_agent_sim_guest *g = kn_agent_sim_store_get(store, host, server);
    struct kn_agent_sim_guest as = { .host = host };

    if (g != NULL) {
        as = *g;
    }
    if (kn_agent_order_is_older(asked, &as.obeyed)) {
        return kn_agent_order_refuse(server, asked, &as.obeyed, err);
    }
    if (asked->task == as.obeyed.task && asked->attempt == as.obeyed.attempt) {
        return 0;
    }
    kn_copy(as.server, sizeof(as.server), server);
    as.obeyed = *asked;
    as.answer = NULL;
    as.died_at = as.exists ? 0 : now_ms; /* the list of tombstones stays in the order of their time */
    return record_and_apply(store, &as, err);
}

int kn_agent_sim_store_done(struct kn_agent_sim_store *store, int host, const char *server,
                            const struct kn_agent_order *done, int part, const json_t *answer, struct kn_error *err)
{
    const struct kn_agent_sim_guest *g = kn_agent_sim_store_get(store, host, server);
    AUTO_FREE char *word = kn_agent_order_word(answer);
    struct kn_agent_sim_guest as;

    if (g == NULL || word == NULL || g->obeyed.task != done->task || g->obeyed.attempt != done->attempt) {
        return 0;
    }
    as = *g;
    as.answer = word;
    as.part = part;
    return record_and_apply(store, &as, err);
}

json_t *kn_agent_sim_store_answer(const struct kn_agent_sim_store *store, int host, const char *server,
                                  const struct kn_agent_order *asked, int part)
{
    const struct kn_agent_sim_guest *g = kn_agent_sim_store_get(store, host, server);

    return g != NULL && g->answer != NULL && g->part == part && g->obeyed.task == asked->task &&
                   g->obeyed.attempt == asked->attempt
               ? kn_agent_order_unword(g->answer)
               : NULL;
}

void kn_agent_sim_store_reboot(struct kn_agent_sim_store *store, int host, const char *server)
{
    char key[KEY_SIZE];
    struct kn_agent_sim_guest *g;

    store_key_of(host, server, key);
    g = kn_hmap_get(store->by_key, key);
    if (g != NULL) {
        g->reboots++;
    }
}

int kn_agent_sim_store_tidy(struct kn_agent_sim_store *store, int64_t since_ms, struct kn_error *err)
{
    while (store->tombs.first != NULL && store->tombs.first->died_at < since_ms) {
        store_forget(store, store->tombs.first);
    }
    return store->appended > JOURNAL_SLACK ? compact(store, err) : 0;
}

const struct kn_agent_sim_guest *kn_agent_sim_store_first(const struct kn_agent_sim_store *store, int host)
{
    return store->guests[host].first;
}
