/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements that make servers: rows, tasks, usage, in this order, so that the rows that a whole project shares are locked
 * last. The same statements serve one server and a thousand. Who writes when is server_queue.c's business.
 */
#include "compute/rows/server_insert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/adapter/batch.h"
#include "lib/adapter/quota.h"
#include "lib/adapter/task.h"
#include "lib/base/mem.h"
#include "volume/api.h"

static struct kn_batch_stmt SERVERS = {
    "server_insert",
    "INSERT INTO server (id, project_id, user_id, name, description, hostname, vm_state, task_state, flavor, image_id, key_name, "
    "key_data, user_data, metadata, tags, zone, pinned_zone, disk_config, access_ipv4, access_ipv6, reservation_id, launch_index, group_id, "
    "apart_from, together_with, config_drive, disks, machine, image_properties, scheduler_hints, files) "
    "SELECT id, project_id, user_id, name, description, hostname, 'building', 'scheduling', flavor, image_id, key_name, "
    "key_data, user_data, metadata, tags::text[], zone, zone, disk_config, access_ipv4, "
    "coalesce(host(nullif(access_ipv6, '')::inet), ''), reservation_id, launch_index, group_id, apart_from::uuid[], together_with::uuid[], config_drive, disks, machine, image_properties, scheduler_hints, files FROM @",
    { { "id", "uuid" },
      { "project_id", "text" },
      { "user_id", "text" },
      { "name", "text" },
      { "description", "text" },
      { "hostname", "text" },
      { "flavor", "jsonb" },
      { "image_id", "uuid" },
      { "key_name", "text" },
      { "key_data", "text" },
      { "user_data", "text" },
      { "metadata", "jsonb" },
      { "tags", "text" },
      { "zone", "text" },
      { "disk_config", "text" },
      { "access_ipv4", "text" },
      { "access_ipv6", "text" },
      { "reservation_id", "text" },
      { "launch_index", "integer" },
      { "group_id", "uuid" },
      { "apart_from", "text" },
      { "together_with", "text" },
      { "config_drive", "boolean" },
      { "disks", "jsonb" },
      { "machine", "jsonb" },
      { "image_properties", "jsonb" },
      { "scheduler_hints", "jsonb" },
      { "files", "jsonb" } },
    { 0 },
    { 0 },
    false
};

static int claim_usage(struct kn_db *db, struct kn_compute_server_order *const *orders, int count, struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims claims = KN_QUOTA_CLAIMS("compute");

    for (int i = 0; i < count; i++) {
        const struct kn_compute_server_plan *plan = orders[i]->plan;

        kn_quota_claim(&claims, plan->project_id, KN_QUOTA_INSTANCES, orders[i]->count);
        kn_quota_claim(&claims, plan->project_id, KN_QUOTA_CORES, orders[i]->count * plan->vcpus);
        kn_quota_claim(&claims, plan->project_id, KN_QUOTA_RAM, orders[i]->count * plan->memory_mib);
    }
    return kn_quota_take(db, &claims, err);
}

static void add_server(struct kn_batch *batch, const struct kn_compute_server_order *order, int index)
{
    const struct kn_compute_server_plan *plan = order->plan;
    const char *id = order->ids[index];
    char name[KN_SIZE_OF(SERVER_NAME)], hostname[KN_SIZE_OF(SERVER_HOSTNAME)], label[64];

    if (plan->max_count > 1) {
        snprintf(name, sizeof(name), "%s-%d", plan->name, index + 1);
    } else {
        kn_copy(name, sizeof(name), plan->name);
    }
    kn_compute_hostname_make(name, id, label);
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
    kn_batch_add(batch, plan->group_id);
    kn_batch_add(batch, plan->apart_from);
    kn_batch_add(batch, plan->together_with);
    kn_batch_add(batch, plan->config_drive ? "t" : "f");
    kn_batch_add(batch, plan->disks);
    kn_batch_add(batch, plan->machine);
    kn_batch_add(batch, plan->image_properties);
    kn_batch_add(batch, plan->hints);
    kn_batch_add(batch, plan->files);
}

static int insert_servers(struct kn_db *db, struct kn_compute_server_order *const *orders, int count,
                          struct kn_error *err)
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

static int insert_tasks(struct kn_db *db, struct kn_compute_server_order *const *orders, int count,
                        struct kn_error *err)
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
        const struct kn_compute_server_plan *plan = orders[i]->plan;

        for (int j = 0; j < orders[i]->count; j++) {
            wishes[at++] = (struct kn_task_wish){ "server.create", orders[i]->ids[j], plan->project_id,
                                                  plan->user_id,   plan->request_id,  plan->input };
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

/* KN_QUOTA in Nova's way: of what Cinder would refuse. */
static int insert_take_volumes(struct kn_db *db, const struct kn_quota_claims *claims, struct kn_error *err)
{
    if (claims->count == 0 || kn_quota_take(db, claims, err) == 0) {
        return 0;
    }
    err->code = err->code == KN_TOO_LARGE ? KN_QUOTA : err->code;
    return -1;
}

/* Before the servers' own tasks: of one server the older is done first. */
static int insert_volumes(struct kn_db *db, const struct kn_compute_server_order *order, struct kn_quota_claims *claims,
                          struct kn_error *err)
{
    const struct kn_compute_server_plan *plan = order->plan;
    const size_t each = json_array_size(plan->volumes);

    for (int i = 0; i < order->count; i++) {
        struct kn_volume_boot boot = { .caller = plan->caller,
                                       .request_id = plan->request_id,
                                       .server_id = order->ids[i] };

        for (size_t j = 0; j < each; j++) {
            boot.entry = json_array_get(plan->volumes, j);
            if (kn_volume_boot_begin(db, &boot, claims, &order->volume_tasks[(size_t)i * each + j], err) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int insert_all_volumes(struct kn_db *db, struct kn_compute_server_order *const *orders, int count,
                              struct kn_quota_claims *claims, struct kn_error *err)
{
    for (int i = 0; i < count; i++) {
        if (insert_volumes(db, orders[i], claims, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Held one after the other, in one order; others may make members meanwhile and come here after us. */
static const struct kn_stmt HOLD_GROUPS = {
    "groups_hold", "SELECT FROM server_group WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE", 1
};
static const struct kn_stmt FULL_GROUPS = {
    "groups_full",
    "SELECT FROM unnest($1::uuid[], $2::bigint[]) u(id, most) WHERE u.most >= 0 AND u.most < "
    "(SELECT count(*) FROM server s WHERE s.group_id = u.id AND s.deleted_at IS NULL)",
    2
};

/* No group has more members than its project's quota says, those of this transaction among them. */
static int server_insert_check_groups(struct kn_db *db, struct kn_compute_server_order *const *orders, int count,
                                      struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array most = KN_ARRAY_INIT;
    int64_t full = 0;

    for (int i = 0; i < count; i++) {
        if (orders[i]->plan->group_id != NULL) {
            kn_array_add(&ids, orders[i]->plan->group_id);
            kn_array_addint(&most, orders[i]->plan->group_most);
        }
    }
    if (ids.count > 0 &&
        (kn_db_run(db, &HOLD_GROUPS, KN_ARGS(kn_array_value(&ids)), NULL, err) < 0 ||
         kn_db_change(db, &FULL_GROUPS, KN_ARGS(kn_array_value(&ids), kn_array_value(&most)), &full, err) < 0)) {
        return -1;
    }
    return full == 0 ? 0 : kn_fail(err, KN_QUOTA, "Quota exceeded, too many servers in group");
}

int kn_compute_server_orders_write(struct kn_tx *tx, struct kn_compute_server_order *const *orders, int count,
                                   struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims claims = KN_QUOTA_CLAIMS("volume");
    struct kn_db *db = tx->db;

    if (insert_servers(db, orders, count, err) < 0) {
        if (strcmp(kn_db_constraint(db), "server_group_exists") == 0) {
            return kn_fail(err, KN_BAD_REQUEST, "Instance group %s could not be found.",
                           orders[count - 1]->plan->group_id); /* it went meanwhile */
        }
        /* Ids are random: if they are there, an earlier commit did arrive although its answer was lost. */
        return strcmp(kn_db_constraint(db), "server_pkey") == 0 ? 0 : -1;
    }
    return insert_all_volumes(db, orders, count, &claims, err) < 0 || insert_tasks(db, orders, count, err) < 0 ||
                   server_insert_check_groups(db, orders, count, err) < 0 || claim_usage(db, orders, count, err) < 0 ||
                   insert_take_volumes(db, &claims, err) < 0
               ? -1
               : kn_tx_commit(tx, err);
}

/* --- how many still fit --- */

/* How many servers of the plan fit; what does not, in Nova's words. */
static int headroom(const struct kn_request *req, const struct kn_compute_server_plan *plan, int64_t *ret_fit,
                    struct kn_error *err)
{
    const struct {
        enum kn_quota quota;
        int64_t each;
    } needs[] = { { KN_QUOTA_INSTANCES, 1 }, { KN_QUOTA_CORES, plan->vcpus }, { KN_QUOTA_RAM, plan->memory_mib } };
    AUTO_RELEASE(kn_quota_set) struct kn_quota_set set = KN_QUOTA_SET_INIT;
    struct kn_quota_over over[KN_COUNT(needs)];
    int64_t fit = plan->max_count;
    int count = 0;

    if (kn_quota_read(req->db, "compute", plan->project_id, &set, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < KN_COUNT(needs); i++) {
        const struct kn_quota_line *line = kn_quota_of(&set, needs[i].quota);
        const int64_t room = line->limit < 0             ? fit
                             : line->limit <= line->used ? 0
                                                         : (line->limit - line->used) / needs[i].each;

        fit = room < fit ? room : fit;
        if (room < plan->min_count) {
            over[count++] = (struct kn_quota_over){ line->name, plan->project_id, needs[i].each * plan->min_count,
                                                    line->used, line->limit };
        }
    }
    if (count > 0) {
        return kn_quota_refuse(err, "compute", over, count);
    }
    *ret_fit = fit;
    return 0;
}

/* As many as fit: tried whole, then with what the quota leaves. */
static int write_order(const struct kn_request *req, struct kn_compute_server_order *order,
                       struct kn_convoy_coming *coming, struct kn_error *err)
{
    for (int try = 0; try < 4; try++) {
        int64_t fit = 0;

        kn_compute_server_queue_write(req->db, order, coming);
        if (order->result == 0 || order->err.code != KN_QUOTA) {
            break;
        }
        if (headroom(req, order->plan, &fit, err) < 0) {
            return -1;
        }
        order->count = (int)fit;
    }
    if (order->result < 0 && err != NULL) {
        *err = order->err;
    }
    return order->result;
}

int kn_compute_server_insert(const struct kn_request *req, const struct kn_compute_server_plan *plan,
                             struct kn_convoy_coming *coming, char first_id[KN_UUID_SIZE], struct kn_error *err)
{
    AUTO_FREE char(*ids)[KN_UUID_SIZE] = kn_alloc((size_t)plan->max_count * KN_UUID_SIZE);
    AUTO_FREE int64_t *tasks = kn_alloc((size_t)plan->max_count * sizeof(*tasks));
    AUTO_FREE int64_t *volume_tasks = plan->volumes == NULL
                                          ? NULL
                                          : kn_alloc((size_t)plan->max_count * json_array_size(plan->volumes) *
                                                     sizeof(*volume_tasks));
    struct kn_compute_server_order order = { .plan = plan,
                                             .count = plan->max_count,
                                             .ids = ids,
                                             .tasks = tasks,
                                             .volume_tasks = volume_tasks,
                                             .bus = req->bus };

    for (int i = 0; i < plan->max_count; i++) {
        kn_uuid_make(ids[i]);
    }
    if (write_order(req, &order, coming, err) < 0) {
        return -1;
    }
    memcpy(first_id, ids[0], KN_UUID_SIZE);
    return 0;
}
