/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims and releases. The rows of the servers concerned are read first, then every message is decided in memory in its order, then what changed is
 * written: allocations that are gone, allocations that are new, hosts that were touched. One writer, so nothing can be lost between.
 */
#include "scheduler/claims.h"

#include <stdlib.h>
#include <string.h>

#include "lib/adapter/batch.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"

static const struct kn_stmt READ = { "claim_read",
    "SELECT s.id, s.generation, s.deleted_at IS NOT NULL, a.host, a.generation, a.vcpus, a.memory_mib, a.disk_gib "
    "FROM server s LEFT JOIN allocation a ON a.server_id = s.id WHERE s.id = ANY($1::uuid[])", 1 };
static const struct kn_stmt DELETE = { "claim_delete", "DELETE FROM allocation WHERE server_id = ANY($1::uuid[])", 1 };
static struct kn_batch_stmt INSERT = { "claim_insert",
    "INSERT INTO allocation (server_id, host, generation, vcpus, memory_mib, disk_gib) SELECT server, host, generation, vcpus, memory_mib, disk_gib "
    "FROM @ ON CONFLICT (server_id) DO UPDATE SET host = excluded.host, generation = excluded.generation, vcpus = excluded.vcpus, "
    "memory_mib = excluded.memory_mib, disk_gib = excluded.disk_gib",
    { { "server", "uuid" }, { "host", "text" }, { "generation", "bigint" }, { "vcpus", "int" }, { "memory_mib", "bigint" }, { "disk_gib", "bigint" } },
    { 0 }, { 0 }, false };
static struct kn_batch_stmt USE = { "claim_use",
    "UPDATE host h SET used_vcpus = h.used_vcpus + u.vcpus, used_memory_mib = h.used_memory_mib + u.memory_mib, "
    "used_disk_gib = h.used_disk_gib + u.disk_gib, servers = h.servers + u.servers, updated_at = now() FROM @ WHERE h.name = u.name",
    { { "name", "text" }, { "vcpus", "int" }, { "memory_mib", "bigint" }, { "disk_gib", "bigint" }, { "servers", "int" } },
    { 0 }, { 0 }, false };

/* A server of the batch, from its row on through the messages about it. */
struct holder {
    int64_t generation;      /* of the server's row */
    bool deleted;
    struct kn_host *host;    /* NULL: holds nothing */
    int64_t held_generation;
    struct kn_resources held;
    bool changed;
    bool had_row;
};

/* A host that this batch changes: the row gets the difference, so that it stays the sum of its allocations whatever memory believes. */
struct touch {
    const struct kn_host *host;
    struct kn_resources before;
    int64_t servers_before;
};

struct batch_state {
    const struct kn_claim_context *context;
    struct kn_hmap *holders; /* server id -> struct holder */
    struct kn_hmap *touched; /* host name -> struct touch */
};

/* --- reading --------------------------------------------------------------------------------------------------------- */

static struct holder *holder_from_row(const struct kn_inventory *inv, const struct kn_rows *rows, int i)
{
    struct holder *holder = KN_NEW(struct holder);

    holder->generation = kn_rows_int(rows, i, 1);
    holder->deleted = kn_rows_bool(rows, i, 2);
    holder->had_row = !kn_rows_null(rows, i, 3);
    holder->host = holder->had_row ? kn_inventory_find(inv, kn_rows_text(rows, i, 3)) : NULL;
    holder->held_generation = kn_rows_int(rows, i, 4);
    holder->held = (struct kn_resources){ kn_rows_int(rows, i, 5), kn_rows_int(rows, i, 6), kn_rows_int(rows, i, 7) };
    return holder;
}

static int read_holders(struct kn_db *db, struct batch_state *state, struct kn_message *const *messages, int count,
                        struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    for (int i = 0; i < count; i++) {
        kn_array_add(&ids, kn_json_str(messages[i]->body, "server"));
    }
    if (kn_db_run(db, &READ, KN_ARGS(kn_array_value(&ids)), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        kn_hmap_put(state->holders, kn_rows_text(rows, i, 0), holder_from_row(state->context->inv, rows, i));
    }
    return 0;
}

/* --- deciding -------------------------------------------------------------------------------------------------------- */

static void touch(struct batch_state *state, const struct kn_host *host)
{
    if (kn_hmap_get(state->touched, host->name) == NULL) {
        struct touch *first = KN_NEW(struct touch);

        *first = (struct touch){ host, host->used, host->servers };
        kn_hmap_put(state->touched, host->name, first);
    }
}

static void let_go(struct batch_state *state, struct holder *holder)
{
    if (holder->host != NULL) {
        touch(state, holder->host);
        kn_inventory_take(state->context->inv, holder->host, &holder->held, -1);
        holder->host = NULL;
        holder->changed = true;
    }
}

static void take(struct batch_state *state, struct holder *holder, struct kn_host *host, const struct kn_resources *wanted,
                 int64_t generation)
{
    touch(state, host);
    kn_inventory_take(state->context->inv, host, wanted, 1);
    holder->host = host;
    holder->held = *wanted;
    holder->held_generation = generation;
    holder->changed = true;
}

/* The names of an array of strings, NULL-ended; free() it. */
static const char **names_of(const json_t *array)
{
    const char **names = kn_realloc_array(NULL, json_array_size(array) + 1, sizeof(*names));
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(array); i++) {
        if (json_is_string(json_array_get(array, i))) {
            names[n++] = json_string_value(json_array_get(array, i));
        }
    }
    names[n] = NULL;
    return names;
}

static int choose(const struct batch_state *state, const struct kn_message *claim, struct kn_placement *p,
                  struct kn_host **ret_host, struct kn_error *err)
{
    const char **exclude = names_of(json_object_get(claim->body, "exclude"));
    int result;

    p->wanted = (struct kn_resources){ kn_json_int(claim->body, "vcpus"), kn_json_int(claim->body, "memory_mib"),
                                       kn_json_int(claim->body, "disk_gib") };
    p->zone = kn_json_str(claim->body, "zone");
    p->host = kn_json_str(claim->body, "host");
    p->exclude = exclude;
    p->now_ms = state->context->now_ms;
    p->agent_timeout_ms = state->context->agent_timeout_ms;
    result = kn_choose(state->context->inv, state->context->policy, p, ret_host, err);
    free(exclude);
    p->exclude = NULL;
    return result;
}

static int decide_claim(struct batch_state *state, struct holder *holder, const struct kn_message *claim,
                        struct kn_host **ret_host, struct kn_error *err)
{
    struct kn_placement placement;
    struct kn_host *host;

    if (holder == NULL || holder->deleted || holder->generation > claim->generation ||
        (holder->host != NULL && holder->held_generation > claim->generation)) {
        return kn_fail(err, KN_STALE, "server \"%s\" has moved on from generation %lld",
                       kn_json_str(claim->body, "server"), (long long)claim->generation);
    }
    if (holder->host != NULL && holder->held_generation == claim->generation) {
        *ret_host = holder->host;
        return 0;
    }
    if (choose(state, claim, &placement, &host, err) < 0) {
        return -1;
    }
    let_go(state, holder);
    take(state, holder, host, &placement.wanted, claim->generation);
    *ret_host = host;
    return 0;
}

static void decide(struct batch_state *state, const struct kn_message *message, struct kn_claim_answer *answer)
{
    struct holder *holder = kn_hmap_get(state->holders, kn_json_str(message->body, "server"));

    *answer = (struct kn_claim_answer){ 0 };
    if (strcmp(message->type->name, "place.claim") == 0) {
        answer->refused = decide_claim(state, holder, message, &answer->host, &answer->why) < 0;
    } else if (strcmp(message->type->name, "place.release") == 0 && holder != NULL &&
               holder->held_generation <= message->generation) {
        let_go(state, holder);
    }
}

/* --- writing --------------------------------------------------------------------------------------------------------- */

static int write_allocations(struct kn_db *db, const struct batch_state *state, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array gone = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_batch) struct kn_batch batch;
    const char *server;
    void *value;

    kn_batch_init(&batch, &INSERT);
    for (size_t at = 0; kn_hmap_next(state->holders, &at, &server, &value);) {
        const struct holder *holder = value;

        if (holder->changed && holder->host != NULL) {
            kn_batch_add(&batch, server);
            kn_batch_add(&batch, holder->host->name);
            kn_batch_addint(&batch, holder->held_generation);
            kn_batch_addint(&batch, holder->held.vcpus);
            kn_batch_addint(&batch, holder->held.memory_mib);
            kn_batch_addint(&batch, holder->held.disk_gib);
        } else if (holder->changed && holder->had_row) {
            kn_array_add(&gone, server);
        }
    }
    if (gone.count > 0 && kn_db_run(db, &DELETE, KN_ARGS(kn_array_value(&gone)), NULL, err) < 0) {
        return -1;
    }
    return kn_batch_run(&batch, db, NULL, err);
}

static int write_use(struct kn_db *db, const struct batch_state *state, struct kn_error *err)
{
    AUTO_RELEASE(kn_batch) struct kn_batch batch;
    const char *name;
    void *value;

    kn_batch_init(&batch, &USE);
    for (size_t at = 0; kn_hmap_next(state->touched, &at, &name, &value);) {
        const struct touch *t = value;

        kn_batch_add(&batch, name);
        kn_batch_addint(&batch, t->host->used.vcpus - t->before.vcpus);
        kn_batch_addint(&batch, t->host->used.memory_mib - t->before.memory_mib);
        kn_batch_addint(&batch, t->host->used.disk_gib - t->before.disk_gib);
        kn_batch_addint(&batch, t->host->servers - t->servers_before);
    }
    return kn_batch_run(&batch, db, NULL, err);
}

static int handle(struct kn_db *db, struct batch_state *state, struct kn_message *const *messages, int count,
                  struct kn_claim_answer *answers, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };

    if (kn_tx_begin(&tx, db, err) < 0 || read_holders(db, state, messages, count, err) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        decide(state, messages[i], &answers[i]);
    }
    if (write_allocations(db, state, err) < 0 || write_use(db, state, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}

int kn_claims_handle(struct kn_db *db, const struct kn_claim_context *context, struct kn_message *const *messages, int count,
                     struct kn_claim_answer *answers, struct kn_error *err)
{
    struct batch_state state = { .context = context, .holders = kn_hmap_new(free), .touched = kn_hmap_new(free) };
    int result = count == 0 ? 0 : handle(db, &state, messages, count, answers, err);

    kn_hmap_free(state.holders);
    kn_hmap_free(state.touched);
    return result;
}
