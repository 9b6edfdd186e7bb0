/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements that make servers: rows, tasks, usage, in this order, so that the one row that a whole project shares is locked
 * last. The same statements serve one server and a thousand. Who writes when is server_queue.c's business.
 */
#include "compute/rows/server_insert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/rows/quota.h"
#include "lib/adapter/batch.h"
#include "lib/adapter/task.h"
#include "lib/base/mem.h"

static struct kn_batch_stmt SERVERS = { "server_insert",
    "INSERT INTO server (id, project_id, user_id, name, description, hostname, vm_state, task_state, flavor, image_id, key_name, "
    "key_data, user_data, metadata, tags, zone, pinned_zone, disk_config, access_ipv4, access_ipv6, reservation_id, launch_index) "
    "SELECT id, project_id, user_id, name, description, hostname, 'building', 'scheduling', flavor, image_id, key_name, "
    "key_data, user_data, metadata, tags::text[], zone, zone, disk_config, access_ipv4, "
    "coalesce(host(nullif(access_ipv6, '')::inet), ''), reservation_id, launch_index FROM @",
    { { "id", "uuid" }, { "project_id", "text" }, { "user_id", "text" }, { "name", "text" }, { "description", "text" },
      { "hostname", "text" }, { "flavor", "jsonb" }, { "image_id", "uuid" }, { "key_name", "text" }, { "key_data", "text" },
      { "user_data", "text" }, { "metadata", "jsonb" }, { "tags", "text" }, { "zone", "text" }, { "disk_config", "text" },
      { "access_ipv4", "text" }, { "access_ipv6", "text" }, { "reservation_id", "text" }, { "launch_index", "integer" } },
    { 0 }, { 0 }, false };

/* Nothing comes back for a project whose quota does not allow it, nor for one that has no row yet. */
#define WITHIN(column, resource, dflt)                                                                                  \
    "EXISTS (SELECT FROM (SELECT coalesce((SELECT q.hard_limit FROM compute_quota q WHERE q.project_id = u.project_id "  \
    "AND q.resource = '" resource "'), u." dflt ") AS n) most WHERE most.n < 0 OR c." column " + u." column " <= most.n)"
static struct kn_batch_stmt TAKE = { "usage_take",
    "UPDATE compute_usage c SET instances = c.instances + u.instances, cores = c.cores + u.cores, ram_mib = c.ram_mib + u.ram_mib "
    "FROM @ WHERE c.project_id = u.project_id AND " WITHIN("instances", "instances", "most_instances") " AND "
    WITHIN("cores", "cores", "most_cores") " AND " WITHIN("ram_mib", "ram", "most_ram") " RETURNING c.project_id",
    { { "project_id", "text" }, { "instances", "bigint" }, { "cores", "bigint" }, { "ram_mib", "bigint" },
      { "most_instances", "bigint" }, { "most_cores", "bigint" }, { "most_ram", "bigint" } }, { 0 }, { 0 }, false };
static const struct kn_stmt FIRST_USE = { "usage_first",
    "INSERT INTO compute_usage (project_id) VALUES ($1) ON CONFLICT DO NOTHING", 1 };

/* What a transaction takes of one project. */
struct claim {
    const char *project_id;
    int64_t instances, cores, ram_mib;
};

struct claims {
    struct claim *list;
    int count;
};

static void claims_release(struct claims *claims)
{
    free(claims->list);
}

/* Sorted by project, so that two transactions lock their usage rows in one order. */
static int by_project(const void *a, const void *b)
{
    return strcmp(((const struct claim *)a)->project_id, ((const struct claim *)b)->project_id);
}

static void add_claim(struct claims *claims, const struct kn_server_order *order)
{
    const struct kn_server_plan *plan = order->plan;
    struct claim *claim = NULL;

    for (int i = 0; i < claims->count && claim == NULL; i++) {
        if (strcmp(claims->list[i].project_id, plan->project_id) == 0) {
            claim = &claims->list[i];
        }
    }
    if (claim == NULL) {
        claim = &claims->list[claims->count++];
        *claim = (struct claim){ .project_id = plan->project_id };
    }
    claim->instances += order->count;
    claim->cores += order->count * plan->vcpus;
    claim->ram_mib += order->count * plan->memory_mib;
}

static int take_usage(struct kn_db *db, const struct claims *claims, int64_t *ret_taken, struct kn_error *err)
{
    AUTO_RELEASE(kn_batch) struct kn_batch batch;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    kn_batch_init(&batch, &TAKE);
    for (int i = 0; i < claims->count; i++) {
        const struct claim *claim = &claims->list[i];

        kn_batch_add(&batch, claim->project_id);
        kn_batch_addint(&batch, claim->instances);
        kn_batch_addint(&batch, claim->cores);
        kn_batch_addint(&batch, claim->ram_mib);
        kn_batch_addint(&batch, kn_quota_rows[KN_QUOTA_INSTANCES].dflt);
        kn_batch_addint(&batch, kn_quota_rows[KN_QUOTA_CORES].dflt);
        kn_batch_addint(&batch, kn_quota_rows[KN_QUOTA_RAM].dflt);
    }
    if (kn_batch_run(&batch, db, &rows, err) < 0) {
        return -1;
    }
    *ret_taken = kn_rows_count(rows);
    return 0;
}

static int claim_usage(struct kn_db *db, struct kn_server_order *const *orders, int count, struct kn_error *err)
{
    AUTO_RELEASE(claims) struct claims claims = { kn_alloc(sizeof(struct claim) * (size_t)count), 0 };
    int64_t taken = 0;

    for (int i = 0; i < count; i++) {
        add_claim(&claims, orders[i]);
    }
    qsort(claims.list, (size_t)claims.count, sizeof(struct claim), by_project);
    if (take_usage(db, &claims, &taken, err) < 0) {
        return -1;
    }
    return taken == claims.count ? 0 : kn_fail(err, KN_QUOTA, "Quota exceeded");
}

static void add_server(struct kn_batch *batch, const struct kn_server_order *order, int index)
{
    const struct kn_server_plan *plan = order->plan;
    const char *id = order->ids[index];
    char name[KN_SIZE_OF(SERVER_NAME)], hostname[KN_SIZE_OF(SERVER_HOSTNAME)], label[64];

    if (plan->max_count > 1) {
        snprintf(name, sizeof(name), "%s-%d", plan->name, index + 1);
    } else {
        kn_copy(name, sizeof(name), plan->name);
    }
    kn_hostname_make(name, id, label);
    kn_copy(hostname, sizeof(hostname), plan->hostname != NULL ? plan->hostname : label);
    kn_batch_add(batch, id);
    kn_batch_add(batch, plan->project_id);
    kn_batch_add(batch, plan->user_id);
    kn_batch_add(batch, name);
    kn_batch_add(batch, plan->description);
    kn_batch_add(batch, hostname);
    kn_batch_add(batch, plan->flavor);
    kn_batch_add(batch, plan->image_id);
    kn_batch_add(batch, plan->key_name);
    kn_batch_add(batch, plan->key_data);
    kn_batch_add(batch, plan->user_data);
    kn_batch_add(batch, plan->metadata);
    kn_batch_add(batch, plan->tags);
    kn_batch_add(batch, plan->zone[0] != '\0' ? plan->zone : NULL);
    kn_batch_add(batch, plan->disk_config);
    kn_batch_add(batch, plan->access_ipv4);
    kn_batch_add(batch, plan->access_ipv6);
    kn_batch_add(batch, plan->reservation_id);
    kn_batch_addint(batch, index);
}

static int insert_servers(struct kn_db *db, struct kn_server_order *const *orders, int count, struct kn_error *err)
{
    AUTO_RELEASE(kn_batch) struct kn_batch batch;

    kn_batch_init(&batch, &SERVERS);
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < orders[i]->count; j++) {
            add_server(&batch, orders[i], j);
        }
    }
    return kn_batch_run(&batch, db, NULL, err);
}

static int insert_tasks(struct kn_db *db, struct kn_server_order *const *orders, int count, struct kn_error *err)
{
    AUTO_FREE struct kn_task_wish *wishes = NULL;
    AUTO_FREE int64_t *ids = NULL;
    int total = 0, at = 0;

    for (int i = 0; i < count; i++) {
        total += orders[i]->count;
    }
    wishes = kn_alloc(sizeof(*wishes) * (size_t)total);
    ids = kn_alloc(sizeof(*ids) * (size_t)total);
    for (int i = 0; i < count; i++) {
        const struct kn_server_plan *plan = orders[i]->plan;

        for (int j = 0; j < orders[i]->count; j++) {
            wishes[at++] = (struct kn_task_wish){ "server.create", orders[i]->ids[j], plan->project_id, plan->user_id,
                                                  plan->request_id, plan->input };
        }
    }
    if (kn_task_insert_many(db, wishes, total, ids, err) < 0) {
        return -1;
    }
    at = 0;
    for (int i = 0; i < count; i++) {
        memcpy(orders[i]->tasks, ids + at, sizeof(*ids) * (size_t)orders[i]->count);
        at += orders[i]->count;
    }
    return 0;
}

int kn_server_orders_write(struct kn_db *db, struct kn_server_order *const *orders, int count, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };

    if (kn_tx_begin(&tx, db, err) < 0) {
        return -1;
    }
    if (insert_servers(db, orders, count, err) < 0) {
        /* Ids are random: if they are there, an earlier commit did arrive although its answer was lost. */
        return strcmp(kn_db_constraint(db), "server_pkey") == 0 ? 0 : -1;
    }
    return insert_tasks(db, orders, count, err) < 0 || claim_usage(db, orders, count, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}

/* --- the quota's words, and how many still fit --- */

struct need {
    enum kn_quota quota;
    int64_t each;
};

/* How many servers of the plan fit; what does not, in Nova's words. */
static int headroom(const struct kn_request *req, const struct kn_server_plan *plan, int64_t *ret_fit, struct kn_error *err)
{
    const struct need needs[] = { { KN_QUOTA_INSTANCES, 1 }, { KN_QUOTA_CORES, plan->vcpus }, { KN_QUOTA_RAM, plan->memory_mib } };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf names = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf asked = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf used = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf most = KN_STRBUF_INIT;
    struct kn_quota_set set;
    int64_t fit = plan->max_count;

    if (kn_quota_read(req->db, plan->project_id, &set, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < KN_COUNT(needs); i++) {
        int64_t limit = set.limits[needs[i].quota], in_use = set.in_use[needs[i].quota];
        int64_t room = limit < 0 ? fit : limit <= in_use ? 0 : (limit - in_use) / needs[i].each;
        const char *comma = names.len > 0 ? ", " : "";

        fit = room < fit ? room : fit;
        if (room < plan->min_count) {
            kn_strbuf_addf(&names, "%s%s", comma, kn_quota_rows[needs[i].quota].name);
            kn_strbuf_addf(&asked, "%s%lld", comma, (long long)(needs[i].each * plan->min_count));
            kn_strbuf_addf(&used, "%s%lld", comma, (long long)in_use);
            kn_strbuf_addf(&most, "%s%lld", comma, (long long)limit);
        }
    }
    if (fit < plan->min_count) {
        return kn_fail(err, KN_QUOTA, "Quota exceeded for %s: Requested %s, but already used %s of %s %s", names.buf, asked.buf,
                       used.buf, most.buf, names.buf);
    }
    *ret_fit = fit;
    return 0;
}

/*
 * As many as fit: tried whole, then with what the quota leaves. A project's first order finds no usage row to add to; it is made
 * here, outside of the batch, because nobody else's order should wait for it.
 */
static int write_order(const struct kn_request *req, struct kn_server_order *order, struct kn_error *err)
{
    for (int try = 0; try < 4; try++) {
        int64_t fit = 0;

        kn_server_queue_write(req->db, order);
        if (order->result == 0 || order->err.code != KN_QUOTA) {
            break;
        }
        if (kn_db_run(req->db, &FIRST_USE, KN_ARGS(order->plan->project_id), NULL, err) < 0 ||
            headroom(req, order->plan, &fit, err) < 0) {
            return -1;
        }
        order->count = (int)fit;
    }
    if (order->result < 0 && err != NULL) {
        *err = order->err;
    }
    return order->result;
}

int kn_server_insert(const struct kn_request *req, const struct kn_server_plan *plan, char first_id[KN_UUID_SIZE],
                     struct kn_error *err)
{
    AUTO_FREE char(*ids)[KN_UUID_SIZE] = kn_alloc((size_t)plan->max_count * KN_UUID_SIZE);
    AUTO_FREE int64_t *tasks = kn_alloc((size_t)plan->max_count * sizeof(*tasks));
    struct kn_server_order order = { .plan = plan, .count = plan->max_count, .ids = ids, .tasks = tasks };

    for (int i = 0; i < plan->max_count; i++) {
        kn_uuid_make(ids[i]);
    }
    if (write_order(req, &order, err) < 0) {
        return -1;
    }
    for (int i = 0; i < order.count; i++) {
        if (tasks[i] != 0) {
            kn_task_wake(req->bus, ids[i], tasks[i]);
        }
    }
    memcpy(first_id, ids[0], KN_UUID_SIZE);
    return 0;
}
