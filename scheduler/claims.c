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
#include "scheduler/hosts.h"

static const struct kn_stmt READ = {
    "claim_read",
    "WITH aggregated AS MATERIALIZED (SELECT version FROM aggregate_change FOR SHARE) " /* nobody changes aggregates before the claims are written */
    "SELECT s.id, s.generation, s.deleted_at IS NOT NULL, a.role, a.host, a.generation, a.vcpus, a.memory_mib, a.disk_gib, g.id, g.policy, "
    "coalesce(g.max_per_host, 1), array_to_json(s.apart_from), array_to_json(s.together_with), s.project_id, nullif(s.flavor->'extra_specs', '{}'), "
    "aggregated.version, s.machine->>'kind' FROM aggregated, server s LEFT JOIN allocation a ON a.server_id = s.id LEFT JOIN server_group g ON g.id = s.group_id "
    "WHERE s.id = ANY($1::uuid[])",
    1
};
enum {
    R_ID,
    R_GENERATION,
    R_DELETED,
    R_ROLE,
    R_HOST,
    R_HELD_GENERATION,
    R_VCPUS,
    R_MEMORY,
    R_DISK,
    R_GROUP,
    R_POLICY,
    R_MOST,
    R_APART,
    R_TOGETHER,
    R_PROJECT,
    R_SPECS,
    R_AGGREGATED,
    R_KIND
};
static const struct kn_stmt HINTED = { "claim_hinted",
                                       "SELECT server_id, host FROM allocation WHERE server_id = ANY($1::uuid[])", 1 };
enum { H_SERVER, H_HOST };
/* Whoever holds a place is there, even if it is being deleted. */
static const struct kn_stmt MEMBERS = {
    "claim_members",
    "SELECT s.group_id, a.host FROM server s JOIN allocation a ON a.server_id = s.id WHERE s.group_id = ANY($1::uuid[])",
    1
};
enum { M_GROUP, M_HOST };
static struct kn_batch_stmt DELETE = {
    "claim_delete",
    "DELETE FROM allocation a USING @ WHERE a.server_id = u.server AND a.role = u.role",
    { { "server", "uuid" }, { "role", "text" } },
    { 0 },
    { 0 },
    false
};
static struct kn_batch_stmt INSERT = {
    "claim_insert",
    "INSERT INTO allocation (server_id, role, host, generation, vcpus, memory_mib, disk_gib) "
    "SELECT server, role, host, generation, vcpus, memory_mib, disk_gib "
    "FROM @ ON CONFLICT (server_id, role) DO UPDATE SET host = excluded.host, generation = excluded.generation, vcpus = excluded.vcpus, "
    "memory_mib = excluded.memory_mib, disk_gib = excluded.disk_gib",
    { { "server", "uuid" },
      { "role", "text" },
      { "host", "text" },
      { "generation", "bigint" },
      { "vcpus", "int" },
      { "memory_mib", "bigint" },
      { "disk_gib", "bigint" } },
    { 0 },
    { 0 },
    false
};
static struct kn_batch_stmt USE = {
    "claim_use",
    "UPDATE host h SET used_vcpus = h.used_vcpus + u.vcpus, used_memory_mib = h.used_memory_mib + u.memory_mib, "
    "used_disk_gib = h.used_disk_gib + u.disk_gib, servers = h.servers + u.servers, updated_at = now() FROM @ WHERE h.name = u.name RETURNING h.name",
    { { "name", "text" },
      { "vcpus", "int" },
      { "memory_mib", "bigint" },
      { "disk_gib", "bigint" },
      { "servers", "int" } },
    { 0 },
    { 0 },
    false
};

/* What a server holds a place for. A move holds two at once. */
enum role { ROLE_HOME, ROLE_DEST, ROLE_COUNT };
static const char *const ROLE_NAMES[] = { [ROLE_HOME] = "home", [ROLE_DEST] = "dest" };
_Static_assert(KN_COUNT(ROLE_NAMES) == ROLE_COUNT, "a name a role");

struct holding {
    struct kn_scheduler_host *host; /* NULL: none */
    int64_t generation;
    struct kn_scheduler_resources held;
    bool changed;
    bool had_row;
};

/* A server of the batch, from its rows on through the messages about it. */
struct holder {
    int64_t generation; /* of the server's row */
    bool deleted;
    struct kn_scheduler_group *group; /* NULL: it is in none */
    json_t *extra_specs; /* of its flavor; NULL: none */
    char *project;
    char *kind; /* of guest; NULL: any */
    json_t *apart, *together; /* ids of servers that it is kept away from, and brought to; NULL: nothing is said */
    struct holding of[ROLE_COUNT];
};

static void claims_free_holder(void *p)
{
    struct holder *holder = p;

    json_decref(holder->apart);
    json_decref(holder->together);
    json_decref(holder->extra_specs);
    free(holder->project);
    free(holder->kind);
    free(holder);
}

/* A host that this batch changes: the row gets the difference, so that it stays the sum of its allocations whatever memory believes. */
struct touch {
    const struct kn_scheduler_host *host;
    struct kn_scheduler_resources before;
    int64_t servers_before;
};

struct batch_state {
    const struct kn_scheduler_claim_context *context;
    struct kn_hmap *holders; /* server id -> struct holder */
    struct kn_hmap *touched; /* host name -> struct touch */
    struct kn_hmap *groups; /* id -> struct kn_scheduler_group */
    json_t *hinted; /* id -> [host], of servers that hints name and nobody here is about */
};

/* --- reading --------------------------------------------------------------------------------------------------------- */

/* ROLE_COUNT: none of that name. */
static enum role role_named(const char *name)
{
    enum role role = ROLE_HOME;

    while (role < ROLE_COUNT && strcmp(ROLE_NAMES[role], name) != 0) {
        role++;
    }
    return role;
}

static void read_holding(struct holder *holder, const struct kn_scheduler_inventory *inv, const struct kn_rows *rows,
                         int i)
{
    enum role role = role_named(kn_rows_text(rows, i, R_ROLE));

    if (role < ROLE_COUNT) {
        holder->of[role] = (struct holding){ .had_row = true,
                                             .host = kn_scheduler_inventory_find(inv, kn_rows_text(rows, i, R_HOST)),
                                             .generation = kn_rows_int(rows, i, R_HELD_GENERATION),
                                             .held = { kn_rows_int(rows, i, R_VCPUS), kn_rows_int(rows, i, R_MEMORY),
                                                       kn_rows_int(rows, i, R_DISK) } };
    }
}

/* The group that the row names, with nobody in it yet. */
static struct kn_scheduler_group *group_of(struct batch_state *state, const struct kn_rows *rows, int i)
{
    const char *id = kn_rows_str(rows, i, R_GROUP);
    struct kn_scheduler_group *group = id != NULL ? kn_hmap_get(state->groups, id) : NULL;

    if (id != NULL && group == NULL) {
        group = kn_scheduler_group_new(kn_rows_text(rows, i, R_POLICY), kn_rows_int(rows, i, R_MOST));
        kn_hmap_put(state->groups, id, group);
    }
    return group;
}

/* Where the others of the groups are: only claims that were committed, and nobody else writes any. */
static int read_members(struct kn_db *db, struct batch_state *state, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *id;
    void *value;

    for (size_t at = 0; kn_hmap_next(state->groups, &at, &id, &value);) {
        kn_array_add(&ids, id);
    }
    if (ids.count == 0) {
        return 0;
    }
    if (kn_db_run(db, &MEMBERS, KN_ARGS(kn_array_value(&ids)), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        const char *host = kn_rows_text(rows, i, M_HOST);

        if (kn_scheduler_inventory_find(state->context->inv, host) != NULL) {
            kn_scheduler_group_add(kn_hmap_get(state->groups, kn_rows_text(rows, i, M_GROUP)), host, 1);
        }
    }
    return 0;
}

/* Where the servers are that hints name. */
static int read_hinted(struct kn_db *db, struct batch_state *state, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *id;
    void *value;

    for (size_t at = 0; kn_hmap_next(state->holders, &at, &id, &value);) {
        const struct holder *holder = value;

        for (size_t i = 0; i < json_array_size(holder->apart); i++) {
            kn_array_add(&ids, json_string_value(json_array_get(holder->apart, i)));
        }
        for (size_t i = 0; i < json_array_size(holder->together); i++) {
            kn_array_add(&ids, json_string_value(json_array_get(holder->together, i)));
        }
    }
    if (ids.count == 0) {
        return 0;
    }
    if (kn_db_run(db, &HINTED, KN_ARGS(kn_array_value(&ids)), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        const char *server = kn_rows_text(rows, i, H_SERVER);

        if (kn_hmap_get(state->holders, server) == NULL) {
            json_t *hosts = json_object_get(state->hinted, server);

            if (hosts == NULL) {
                hosts = json_array();
                json_object_set_new(state->hinted, server, hosts);
            }
            json_array_append_new(hosts, json_string(kn_rows_text(rows, i, H_HOST)));
        }
    }
    return 0;
}

static json_t *claims_json(const struct kn_rows *rows, int row, int column)
{
    return kn_rows_null(rows, row, column) ? NULL : json_loads(kn_rows_text(rows, row, column), 0, NULL);
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
    if (kn_rows_count(rows) > 0 &&
        kn_rows_int(rows, 0, R_AGGREGATED) != kn_scheduler_inventory_aggregated(state->context->inv) &&
        kn_scheduler_hosts_aggregates(db, state->context->inv, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        struct holder *holder = kn_hmap_get(state->holders, kn_rows_text(rows, i, R_ID));

        if (holder == NULL) {
            holder = KN_NEW(struct holder);
            holder->generation = kn_rows_int(rows, i, R_GENERATION);
            holder->deleted = kn_rows_bool(rows, i, R_DELETED);
            holder->group = group_of(state, rows, i);
            holder->apart = claims_json(rows, i, R_APART);
            holder->together = claims_json(rows, i, R_TOGETHER);
            holder->extra_specs = claims_json(rows, i, R_SPECS);
            holder->kind = kn_rows_null(rows, i, R_KIND) ? NULL : kn_strdup(kn_rows_text(rows, i, R_KIND));
            holder->project = kn_strdup(kn_rows_text(rows, i, R_PROJECT));
            kn_hmap_put(state->holders, kn_rows_text(rows, i, R_ID), holder);
        }
        read_holding(holder, state->context->inv, rows, i);
    }
    return read_members(db, state, err) < 0 ? -1 : read_hinted(db, state, err);
}

/* --- deciding -------------------------------------------------------------------------------------------------------- */

static void claims_touch(struct batch_state *state, const struct kn_scheduler_host *host)
{
    if (kn_hmap_get(state->touched, host->name) == NULL) {
        struct touch *first = KN_NEW(struct touch);

        *first = (struct touch){ host, host->used, host->servers };
        kn_hmap_put(state->touched, host->name, first);
    }
}

static void let_go(struct batch_state *state, struct holding *holding)
{
    if (holding->host != NULL) {
        claims_touch(state, holding->host);
        kn_scheduler_inventory_take(state->context->inv, holding->host, &holding->held, -1);
        holding->host = NULL;
        holding->changed = true;
    }
}

static void claims_take(struct batch_state *state, struct holding *holding, struct kn_scheduler_host *host,
                        const struct kn_scheduler_resources *wanted, int64_t generation)
{
    claims_touch(state, host);
    kn_scheduler_inventory_take(state->context->inv, host, wanted, 1);
    holding->host = host;
    holding->held = *wanted;
    holding->generation = generation;
    holding->changed = true;
}

/* It is counted among its group (1), or not (-1): nobody is in his own way. */
static void stand(const struct holder *holder, int sign)
{
    for (enum role role = ROLE_HOME; holder != NULL && holder->group != NULL && role < ROLE_COUNT; role++) {
        if (holder->of[role].host != NULL) {
            kn_scheduler_group_add(holder->group, holder->of[role].host->name, sign);
        }
    }
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

/* The hosts of these servers, as far as they have any, those that this batch gave them among them; NULL: nothing is said. */
static json_t *claims_hosts_of(const struct batch_state *state, const json_t *ids)
{
    json_t *hosts = ids != NULL ? json_array() : NULL;

    for (size_t i = 0; i < json_array_size(ids); i++) {
        const char *id = json_string_value(json_array_get(ids, i));
        const struct holder *holder = kn_hmap_get(state->holders, id);

        json_array_extend(hosts, json_object_get(state->hinted, id));
        for (enum role role = ROLE_HOME; holder != NULL && role < ROLE_COUNT; role++) {
            if (holder->of[role].host != NULL) {
                json_array_append_new(hosts, json_string(holder->of[role].host->name));
            }
        }
    }
    return hosts;
}

static int choose(const struct batch_state *state, const struct holder *holder, const struct kn_message *claim,
                  struct kn_scheduler_placement *p, struct kn_scheduler_host **ret_host, struct kn_error *err)
{
    json_auto_t *apart_hosts = claims_hosts_of(state, holder->apart);
    json_auto_t *together_hosts = claims_hosts_of(state, holder->together);
    const char **exclude = names_of(json_object_get(claim->body, "exclude"));
    const char **apart = names_of(apart_hosts), **together = names_of(together_hosts);
    int result;

    p->wanted = (struct kn_scheduler_resources){ kn_json_int(claim->body, "vcpus"),
                                                 kn_json_int(claim->body, "memory_mib"),
                                                 kn_json_int(claim->body, "disk_gib") };
    p->zone = kn_json_str(claim->body, "zone");
    p->host = kn_json_str(claim->body, "host");
    p->exclude = exclude;
    p->apart = apart;
    p->together = together_hosts != NULL ? together : NULL;
    p->now_ms = state->context->now_ms;
    p->agent_timeout_ms = state->context->agent_timeout_ms;
    result = kn_scheduler_choose(state->context->inv, state->context->policy, p, ret_host, err);
    free(exclude);
    free(apart);
    free(together);
    p->exclude = p->apart = p->together = NULL;
    return result;
}

/* A move's destination is of a generation that the server has not reached yet. */
static bool is_stale(const struct holder *holder, enum role role, int64_t generation)
{
    return holder == NULL || holder->deleted || holder->generation > generation ||
           (role == ROLE_DEST && holder->generation == generation) ||
           (holder->of[role].host != NULL && holder->of[role].generation > generation);
}

/* A claim of the home at the generation of the destination ends the move: it is that place, and at no moment is the server without one. */
static bool arrives(struct batch_state *state, struct holder *holder, int64_t generation)
{
    struct holding *home = &holder->of[ROLE_HOME], *dest = &holder->of[ROLE_DEST];

    if (dest->host == NULL || dest->generation != generation) {
        return false;
    }
    let_go(state, home);
    *home = (struct holding){ dest->host, dest->generation, dest->held, true, home->had_row };
    *dest = (struct holding){ .changed = true, .had_row = dest->had_row };
    return true;
}

static int decide_claim(struct batch_state *state, struct holder *holder, enum role role,
                        const struct kn_message *claim, struct kn_scheduler_host **ret_host, struct kn_error *err)
{
    struct kn_scheduler_placement placement;
    struct holding *holding;
    struct kn_scheduler_host *host;

    if (is_stale(holder, role, claim->generation)) {
        return kn_fail(err, KN_STALE, "server \"%s\" has moved on from generation %lld",
                       kn_json_str(claim->body, "server"), (long long)claim->generation);
    }
    holding = &holder->of[role];
    if (holding->host != NULL && holding->generation == claim->generation) {
        *ret_host = holding->host;
        return 0;
    }
    if (role == ROLE_HOME && arrives(state, holder, claim->generation)) {
        *ret_host = holding->host;
        return 0;
    }
    placement = (struct kn_scheduler_placement){
        .group = holder->group, .extra_specs = holder->extra_specs, .kind = holder->kind, .project = holder->project
    };
    if (choose(state, holder, claim, &placement, &host, err) < 0) {
        return -1;
    }
    let_go(state, holding);
    claims_take(state, holding, host, &placement.wanted, claim->generation);
    *ret_host = host;
    return 0;
}

/* named: only of that role; "": whatever the server holds. */
static void claims_release(struct batch_state *state, struct holder *holder, const char *named, int64_t generation)
{
    for (enum role role = ROLE_HOME; holder != NULL && role < ROLE_COUNT; role++) {
        if (holder->of[role].generation <= generation && (*named == '\0' || strcmp(named, ROLE_NAMES[role]) == 0)) {
            let_go(state, &holder->of[role]);
        }
    }
}

static void claims_decide(struct batch_state *state, const struct kn_message *message,
                          struct kn_scheduler_claim_answer *answer)
{
    struct holder *holder = kn_hmap_get(state->holders, kn_json_str(message->body, "server"));
    const char *named = kn_json_str(message->body, "role");
    enum role role = *named == '\0' ? ROLE_HOME : role_named(named);

    *answer = (struct kn_scheduler_claim_answer){ 0 };
    stand(holder, -1);
    if (role == ROLE_COUNT) {
        kn_fail(&answer->why, KN_BAD_REQUEST, "role \"%s\" is neither home nor dest", named);
        answer->refused = true;
    } else if (strcmp(message->type->name, "place.claim") == 0) {
        answer->refused = decide_claim(state, holder, role, message, &answer->host, &answer->why) < 0;
    } else if (strcmp(message->type->name, "place.release") == 0) {
        claims_release(state, holder, named, message->generation);
    }
    stand(holder, 1);
}

/* --- writing --------------------------------------------------------------------------------------------------------- */

static void add_holding(struct kn_batch *batch, struct kn_batch *gone, const char *server, enum role role,
                        const struct holding *holding)
{
    if (holding->host != NULL) {
        kn_batch_add(batch, server);
        kn_batch_add(batch, ROLE_NAMES[role]);
        kn_batch_add(batch, holding->host->name);
        kn_batch_addint(batch, holding->generation);
        kn_batch_addint(batch, holding->held.vcpus);
        kn_batch_addint(batch, holding->held.memory_mib);
        kn_batch_addint(batch, holding->held.disk_gib);
    } else if (holding->had_row) {
        kn_batch_add(gone, server);
        kn_batch_add(gone, ROLE_NAMES[role]);
    }
}

static int write_allocations(struct kn_db *db, const struct batch_state *state, struct kn_error *err)
{
    AUTO_RELEASE(kn_batch) struct kn_batch gone;
    AUTO_RELEASE(kn_batch) struct kn_batch batch;
    const char *server;
    void *value;

    kn_batch_init(&gone, &DELETE);
    kn_batch_init(&batch, &INSERT);
    for (size_t at = 0; kn_hmap_next(state->holders, &at, &server, &value);) {
        const struct holder *holder = value;

        for (enum role role = ROLE_HOME; role < ROLE_COUNT; role++) {
            if (holder->of[role].changed) {
                add_holding(&batch, &gone, server, role, &holder->of[role]);
            }
        }
    }
    return kn_batch_run(&gone, db, NULL, err) < 0 ? -1 : kn_batch_run(&batch, db, NULL, err);
}

static int write_use(struct kn_db *db, const struct batch_state *state, struct kn_error *err)
{
    AUTO_RELEASE(kn_batch) struct kn_batch batch;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
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
    if (kn_batch_run(&batch, db, &rows, err) < 0) {
        return -1;
    }
    return batch.rows == 0 || kn_rows_count(rows) == batch.rows
               ? 0
               : kn_fail(err, KN_CONFLICT,
                         "a host that was chosen is gone"); /* as from a foreign key: memory is read anew */
}

static int claims_handle(struct kn_db *db, struct batch_state *state, struct kn_message *const *messages, int count,
                         struct kn_scheduler_claim_answer *answers, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };

    if (kn_tx_begin(&tx, db, err) < 0 || read_holders(db, state, messages, count, err) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        claims_decide(state, messages[i], &answers[i]);
    }
    if (write_allocations(db, state, err) < 0 || write_use(db, state, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}

static void free_group(void *group)
{
    kn_scheduler_group_free(group);
}

int kn_scheduler_claims_handle(struct kn_db *db, const struct kn_scheduler_claim_context *context,
                               struct kn_message *const *messages, int count, struct kn_scheduler_claim_answer *answers,
                               struct kn_error *err)
{
    struct batch_state state = { .context = context,
                                 .holders = kn_hmap_new(claims_free_holder),
                                 .hinted = json_object(),
                                 .touched = kn_hmap_new(free),
                                 .groups = kn_hmap_new(free_group) };
    int result = count == 0 ? 0 : claims_handle(db, &state, messages, count, answers, err);

    json_decref(state.hinted);
    kn_hmap_free(state.holders);
    kn_hmap_free(state.touched);
    kn_hmap_free(state.groups);
    return result;
}
