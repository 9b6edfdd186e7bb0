/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roots.c: what hosts were told of (host_network_object) against what they shall have now. What came is put with all that hangs on it; what went is dropped, and the
 * host drops what hung on it.
 */
#include "network/serve/roots.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "network/serve/source.h"

/* clang-format off */
static const struct kn_stmt ROOTS_OF = { "state_roots_of", "SELECT host, id, kind FROM host_network_object WHERE host = ANY($1::text[])", 1 };
static const struct kn_stmt FORGET_ROOTS = { "state_forget_roots", "DELETE FROM host_network_object WHERE host = ANY($1::text[])", 1 };
static const struct kn_stmt ADD_ROOTS = {
    "state_add_roots", "INSERT INTO host_network_object (host, kind, id) SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[]) ON CONFLICT DO NOTHING", 3
};
static const struct kn_stmt DROP_ROOTS = {
    "state_drop_roots",
    "DELETE FROM host_network_object o USING unnest($1::text[], $2::text[], $3::uuid[]) AS w(host, kind, id) WHERE o.host = w.host AND o.kind = w.kind AND o.id = w.id", 3
};
/* clang-format on */

enum { HOST, THING, ROOT_KIND }; /* the columns of all that says who has what */

/* A root of a host, as a key: "<source> <id> <host>". */
#define ROOT_KEY 320

static int root_source(const char *root)
{
    for (int i = 0; kn_network_sources[i].change != NULL; i++) {
        if (kn_network_sources[i].root != NULL && strcmp(kn_network_sources[i].root, root) == 0) {
            return i;
        }
    }
    return -1;
}

static void root_key(int source, const char *id, const char *host, char out[ROOT_KEY])
{
    snprintf(out, ROOT_KEY, "%d %.36s %s", source, id, host);
}

/* Roots that come to or go from hosts: the columns of ADD_ROOTS. */
struct root_moves {
    struct kn_array hosts, kinds, ids;
};
#define ROOT_MOVES_INIT \
    { \
        KN_ARRAY_INIT, KN_ARRAY_INIT, KN_ARRAY_INIT \
    }

static void root_moves_release(struct root_moves *moves)
{
    kn_array_release(&moves->hosts);
    kn_array_release(&moves->kinds);
    kn_array_release(&moves->ids);
}

static void root_moves_add(struct root_moves *moves, const char *host, int source, const char *id)
{
    kn_array_add(&moves->hosts, host);
    kn_array_add(&moves->kinds, kn_network_sources[source].root);
    kn_array_add(&moves->ids, id);
}

static int root_moves_write(struct kn_db *db, const struct kn_stmt *stmt, struct root_moves *moves,
                            struct kn_error *err)
{
    return moves->hosts.count == 0 ? 0
                                   : kn_db_run(db, stmt,
                                               KN_ARGS(kn_array_value(&moves->hosts), kn_array_value(&moves->kinds),
                                                       kn_array_value(&moves->ids)),
                                               NULL, err);
}

/* What they were told of: key -> itself. Nothing for a telling of everything. */
static int load_roots(struct kn_network_telling *telling, struct kn_db *db, struct kn_array *hosts,
                      struct kn_hmap *told, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char key[ROOT_KEY];

    if (telling->is_whole) {
        return kn_db_run(db, &FORGET_ROOTS, KN_ARGS(kn_array_value(hosts)), NULL, err);
    }
    if (kn_db_run(db, &ROOTS_OF, KN_ARGS(kn_array_value(hosts)), &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        const int source = root_source(kn_rows_text(rows, row, ROOT_KIND));

        if (source >= 0) {
            root_key(source, kn_rows_text(rows, row, THING), kn_rows_text(rows, row, HOST), key);
            kn_hmap_put(told, key, told);
        }
    }
    return 0;
}

/* Everything that hangs on the roots that came. */
static int hang(struct kn_network_telling *telling, struct kn_db *db, const char *root, struct kn_array *hosts,
                struct kn_array *ids, struct kn_error *err)
{
    for (int i = 0; kn_network_sources[i].change != NULL; i++) {
        AUTO(kn_rows) struct kn_rows *rows = NULL;
        const struct kn_network_source *source = &kn_network_sources[i];

        if (source->on == NULL || strcmp(source->on, root) != 0) {
            continue;
        }
        if (kn_db_run(db, &source->hung, KN_ARGS(kn_array_value(hosts), kn_array_value(ids)), &rows, err) < 0) {
            return -1;
        }
        for (int row = 0; row < kn_rows_count(rows); row++) {
            kn_network_telling_put(telling, kn_rows_text(rows, row, HOST), i, kn_rows_text(rows, row, THING));
        }
    }
    return 0;
}

/* Of one kind of roots: what is wanted and was told is taken out of `told`; what was not is put, with all that hangs on it. */
static int come(struct kn_network_telling *telling, struct kn_db *db, int source, struct kn_array *among,
                struct kn_hmap *told, struct root_moves *added, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array hosts = KN_ARRAY_INIT, ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char key[ROOT_KEY];

    if (kn_db_run(db, &kn_network_sources[source].wanted, KN_ARGS(kn_array_value(among)), &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        const char *host = kn_rows_text(rows, row, HOST), *id = kn_rows_text(rows, row, THING);

        root_key(source, id, host, key);
        if (!kn_hmap_del(told, key)) {
            kn_network_telling_put(telling, host, source, id);
            root_moves_add(added, host, source, id);
            kn_array_add(&hosts, host);
            kn_array_add(&ids, id);
        }
    }
    return hosts.count == 0 ? 0 : hang(telling, db, kn_network_sources[source].root, &hosts, &ids, err);
}

/* What is left in `told` was told and is not wanted. */
static void leave(struct kn_network_telling *telling, const struct kn_hmap *told, struct root_moves *gone)
{
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(told, &at, &key, &value);) {
        char id[KN_UUID_SIZE], host[256];
        int source;

        if (sscanf(key, "%d %36s %255[^\n]", &source, id, host) == 3) {
            kn_network_telling_drop(telling, host, source, id);
            root_moves_add(gone, host, source, id);
        }
    }
}

/* What hung on roots that left and hangs on no other there. A host forgets by itself what hangs on a thing that it is told of; of a bare root it is not. */
static int fall(struct kn_network_telling *telling, struct kn_db *db, int source, struct root_moves *gone,
                struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_hmap) struct kn_hmap *stays = kn_hmap_new(NULL);
    AUTO(kn_rows) struct kn_rows *hung = NULL;
    AUTO(kn_rows) struct kn_rows *here = NULL;
    const struct kn_network_source *of = &kn_network_sources[source];
    char key[ROOT_KEY];

    if (kn_db_run(db, &of->hung, KN_ARGS(kn_array_value(&gone->hosts), kn_array_value(&gone->ids)), &hung, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(hung); row++) {
        kn_array_add(&ids, kn_rows_text(hung, row, THING));
    }
    if (ids.count == 0) {
        return 0;
    }
    if (kn_db_run(db, &of->here, KN_ARGS(kn_array_value(&ids)), &here, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(here); row++) {
        root_key(source, kn_rows_text(here, row, THING), kn_rows_text(here, row, HOST), key);
        kn_hmap_put(stays, key, stays);
    }
    for (int row = 0; row < kn_rows_count(hung); row++) {
        root_key(source, kn_rows_text(hung, row, THING), kn_rows_text(hung, row, HOST), key);
        if (kn_hmap_get(stays, key) == NULL) {
            kn_network_telling_drop(telling, kn_rows_text(hung, row, HOST), source, kn_rows_text(hung, row, THING));
        }
    }
    return 0;
}

static int fall_all(struct kn_network_telling *telling, struct kn_db *db, struct root_moves *gone, struct kn_error *err)
{
    for (int i = 0; gone->hosts.count > 0 && kn_network_sources[i].change != NULL; i++) {
        const int root = kn_network_sources[i].on != NULL ? root_source(kn_network_sources[i].on) : -1;

        if (root >= 0 && kn_network_sources[root].kind == NULL && fall(telling, db, i, gone, err) < 0) {
            return -1;
        }
    }
    return 0;
}

int kn_network_roots_settle(struct kn_network_telling *telling, struct kn_db *db, struct kn_array *hosts,
                            struct kn_error *err)
{
    AUTO_RELEASE(root_moves) struct root_moves added = ROOT_MOVES_INIT, gone = ROOT_MOVES_INIT;
    AUTO(kn_hmap) struct kn_hmap *told = kn_hmap_new(NULL);

    if (load_roots(telling, db, hosts, told, err) < 0) {
        return -1;
    }
    for (int i = 0; kn_network_sources[i].change != NULL; i++) {
        if (kn_network_sources[i].root != NULL && come(telling, db, i, hosts, told, &added, err) < 0) {
            return -1;
        }
    }
    leave(telling, told, &gone);
    return root_moves_write(db, &DROP_ROOTS, &gone, err) < 0 || root_moves_write(db, &ADD_ROOTS, &added, err) < 0
               ? -1
               : fall_all(telling, db, &gone, err);
}
