/* SPDX-License-Identifier: Apache-2.0 */
/* Agents and hosts as rows. It never changes used_* of a host that is there: that is claims.c's, with the allocations. */
#include "scheduler/hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/adapter/batch.h"
#include "lib/adapter/crypto.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

static const struct kn_stmt LOAD = { "scheduler_load",
    "SELECT h.name, h.zone, h.underlay, h.agent_id, a.boot, h.vcpus::bigint * h.cpu_ratio_percent / 100, "
    "h.memory_mib - h.reserved_memory_mib, h.disk_gib, h.used_vcpus, h.used_memory_mib, h.used_disk_gib, h.servers, "
    "h.disabled, h.forced_down FROM host h JOIN agent a ON a.id = h.agent_id", 0 };
static const struct kn_stmt SWITCHES = { "scheduler_switches", "SELECT name, disabled, forced_down FROM host WHERE disabled OR forced_down", 0 };
static const struct kn_stmt HELLO = { "scheduler_hello",
    "INSERT INTO agent (id, boot) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET boot = $2, hello_at = now(), last_seen = now()", 2 };
static const struct kn_stmt HEARD = { "scheduler_heard", "UPDATE agent SET last_seen = now() WHERE id = ANY($1::text[])", 1 };

/* Capacity is taken over unless the host holds more than that; everything else always. */
#define FITS "h.used_vcpus::bigint * 100 <= excluded.vcpus::bigint * excluded.cpu_ratio_percent " \
    "AND h.used_memory_mib <= excluded.memory_mib - excluded.reserved_memory_mib AND h.used_disk_gib <= excluded.disk_gib"
#define TAKE(column) column " = CASE WHEN " FITS " THEN excluded." column " ELSE h." column " END"

static struct kn_batch_stmt UPSERT = { "scheduler_host",
    "INSERT INTO host AS h (name, uuid, agent_id, zone, underlay, vcpus, memory_mib, reserved_memory_mib, disk_gib, cpu_ratio_percent, "
    "hypervisor_type, hypervisor_version, cpu_info) SELECT name, uuid, agent_id, zone, underlay, vcpus, memory_mib, reserved, disk_gib, ratio, "
    "type, version, cpu_info FROM @ ON CONFLICT (name) DO UPDATE SET zone = excluded.zone, "
    "underlay = excluded.underlay, hypervisor_type = excluded.hypervisor_type, hypervisor_version = excluded.hypervisor_version, "
    "cpu_info = excluded.cpu_info, updated_at = now(), " TAKE("vcpus") ", " TAKE("memory_mib") ", " TAKE("reserved_memory_mib") ", "
    TAKE("disk_gib") ", " TAKE("cpu_ratio_percent")
    " WHERE h.agent_id = excluded.agent_id" /* a host belongs to its first agent, until an operator moves it */
    " RETURNING name, vcpus::bigint * cpu_ratio_percent / 100, memory_mib - reserved_memory_mib, disk_gib",
    { { "name", "text" }, { "uuid", "uuid" }, { "agent_id", "text" }, { "zone", "text" }, { "underlay", "text" }, { "vcpus", "int" },
      { "memory_mib", "bigint" }, { "reserved", "bigint" }, { "disk_gib", "bigint" }, { "ratio", "int" }, { "type", "text" },
      { "version", "int" }, { "cpu_info", "jsonb" } }, { 0 }, { 0 }, false };

void kn_host_uuid(const char *name, char out[37])
{
    AUTO_FREE char *seed = kn_asprintf("kilonova host %s", name);
    char hex[KN_SHA256_HEX];

    kn_sha256_hex(seed, strlen(seed), hex);
    snprintf(out, 37, "%.8s-%.4s-8%.3s-8%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15, hex + 18);
}

static void set_text(char **member, const char *text)
{
    free(*member);
    *member = kn_strdup(text);
}

/* --- loading -------------------------------------------------------------------------------------------------------- */

static void load_row(struct kn_inventory *inv, const struct kn_rows *rows, int i, int64_t now_ms)
{
    struct kn_host *host = kn_inventory_host(inv, kn_rows_text(rows, i, 0));

    set_text(&host->zone, kn_rows_text(rows, i, 1));
    set_text(&host->underlay, kn_rows_str(rows, i, 2));
    host->agent = kn_inventory_agent(inv, kn_rows_text(rows, i, 3), now_ms);
    kn_copy(host->agent->boots.living, sizeof(host->agent->boots.living), kn_rows_text(rows, i, 4));
    host->agent->known = true;
    host->capacity = (struct kn_resources){ kn_rows_int(rows, i, 5), kn_rows_int(rows, i, 6), kn_rows_int(rows, i, 7) };
    host->used = (struct kn_resources){ kn_rows_int(rows, i, 8), kn_rows_int(rows, i, 9), kn_rows_int(rows, i, 10) };
    host->servers = kn_rows_int(rows, i, 11);
    host->disabled = kn_rows_bool(rows, i, 12);
    host->forced_down = kn_rows_bool(rows, i, 13);
    kn_inventory_settle(inv, host);
}

int kn_hosts_load(struct kn_db *db, struct kn_inventory *inv, int64_t now_ms, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &LOAD, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        load_row(inv, rows, i, now_ms);
    }
    return 0;
}

int kn_hosts_refresh(struct kn_db *db, struct kn_inventory *inv, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &SWITCHES, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_inventory_hosts(inv); i++) {
        kn_inventory_at(inv, i)->disabled = false;
        kn_inventory_at(inv, i)->forced_down = false;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        struct kn_host *host = kn_inventory_find(inv, kn_rows_text(rows, i, 0));

        if (host != NULL) {
            host->disabled = kn_rows_bool(rows, i, 1);
            host->forced_down = kn_rows_bool(rows, i, 2);
        }
    }
    return 0;
}

/* --- hello ---------------------------------------------------------------------------------------------------------- */

static void add_host(struct kn_batch *batch, const json_t *host, const char *agent, int64_t ratio)
{
    json_t *cpu_info = json_object_get(host, "cpu_info");
    AUTO_FREE char *cpu = json_is_object(cpu_info) ? json_dumps(cpu_info, JSON_COMPACT) : NULL;
    const char *underlay = kn_json_str(host, "underlay");
    char uuid[37];

    kn_host_uuid(kn_json_str(host, "host"), uuid);
    kn_batch_add(batch, kn_json_str(host, "host"));
    kn_batch_add(batch, uuid);
    kn_batch_add(batch, agent);
    kn_batch_add(batch, kn_json_str(host, "zone"));
    kn_batch_add(batch, *underlay == '\0' ? NULL : underlay);
    kn_batch_addint(batch, kn_json_int(host, "vcpus"));
    kn_batch_addint(batch, kn_json_int(host, "memory_mib"));
    kn_batch_addint(batch, kn_json_int(host, "reserved_memory_mib"));
    kn_batch_addint(batch, kn_json_int(host, "disk_gib"));
    kn_batch_addint(batch, ratio);
    kn_batch_add(batch, kn_json_str(host, "hypervisor_type"));
    kn_batch_addint(batch, kn_json_int(host, "hypervisor_version"));
    kn_batch_add(batch, cpu == NULL ? "{}" : cpu);
}

static bool is_sane(const json_t *host)
{
    return kn_message_host_check(host, NULL) == 0;
}

int kn_hosts_check(struct kn_inventory *inv, const json_t *hello, int64_t now_ms, struct kn_error *err)
{
    struct kn_agent_seen *agent = kn_inventory_agent(inv, kn_json_str(hello, "agent"), now_ms);
    struct kn_error why = { 0 };
    json_t *host;
    size_t i;

    json_array_foreach(json_object_get(hello, "hosts"), i, host) {
        if (kn_message_host_check(host, &why) < 0) {
            kn_fail_context(&why, "agent \"%s\", host \"%.255s\" is left out", agent->id, kn_json_str(host, "host"));
            break;
        }
    }
    if (why.code == KN_OK) {
        set_text(&agent->refused, NULL); /* the same again is worth a word */
        return 0;
    }
    if (agent->refused != NULL && strcmp(agent->refused, why.message) == 0) {
        return 0;
    }
    set_text(&agent->refused, why.message);
    *err = why;
    return -1;
}

/* What the row says now: the hello's capacity, or the old one where the hello's was too small. The rows are those that the agent owns. */
static void apply_capacity(struct kn_inventory *inv, struct kn_agent_seen *agent, const struct kn_rows *rows)
{
    for (int i = 0; i < kn_rows_count(rows); i++) {
        struct kn_host *host = kn_inventory_host(inv, kn_rows_text(rows, i, 0));

        host->agent = agent;
        host->capacity = (struct kn_resources){ kn_rows_int(rows, i, 1), kn_rows_int(rows, i, 2), kn_rows_int(rows, i, 3) };
        kn_inventory_settle(inv, host);
    }
}

/* A host of another agent: it stays as it is. Said once for each stranger, or it would be said at every hello. */
static void refuse_host(struct kn_host *host, const char *name, const char *agent)
{
    if (host != NULL && host->stranger != NULL && strcmp(host->stranger, agent) == 0) {
        return;
    }
    kn_log(KN_WARNING, "an agent says that it carries another agent's host: refused; \"kilonova host move\" moves a host", "host", name, "agent",
           agent, "owner", host != NULL && host->agent != NULL ? host->agent->id : "", NULL);
    if (host != NULL) {
        set_text(&host->stranger, agent);
    }
}

/* After apply_capacity(). */
static void apply_host(struct kn_inventory *inv, const struct kn_agent_seen *agent, const json_t *hello_host)
{
    struct kn_host *host = kn_inventory_find(inv, kn_json_str(hello_host, "host"));
    const char *underlay = kn_json_str(hello_host, "underlay");

    if (host == NULL || host->agent != agent) {
        refuse_host(host, kn_json_str(hello_host, "host"), agent->id);
        return;
    }
    set_text(&host->zone, kn_json_str(hello_host, "zone"));
    set_text(&host->underlay, *underlay == '\0' ? NULL : underlay);
    set_text(&host->stranger, NULL);
}

static int write_hello(struct kn_db *db, struct kn_inventory *inv, struct kn_agent_seen *agent, const json_t *hello,
                       int64_t ratio, struct kn_error *err)
{
    AUTO_RELEASE(kn_batch) struct kn_batch batch;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    json_t *host;
    size_t i;

    kn_batch_init(&batch, &UPSERT);
    json_array_foreach(json_object_get(hello, "hosts"), i, host) {
        if (!is_sane(host)) {
            continue; /* kn_hosts_check() said so */
        }
        add_host(&batch, host, agent->id, ratio);
    }
    if (kn_db_run(db, &HELLO, KN_ARGS(agent->id, kn_json_str(hello, "boot")), NULL, err) < 0 ||
        kn_batch_run(&batch, db, &rows, err) < 0) {
        return -1;
    }
    if (rows != NULL) {
        apply_capacity(inv, agent, rows);
    }
    json_array_foreach(json_object_get(hello, "hosts"), i, host) {
        if (is_sane(host)) {
            apply_host(inv, agent, host);
        }
    }
    return 0;
}

int kn_hosts_hello(struct kn_db *db, struct kn_inventory *inv, const json_t *hello, int64_t cpu_ratio_percent,
                   int64_t now_ms, struct kn_error *err)
{
    struct kn_agent_seen *agent = kn_inventory_agent(inv, kn_json_str(hello, "agent"), now_ms);

    if (write_hello(db, inv, agent, hello, cpu_ratio_percent, err) < 0) {
        return -1;
    }
    agent->known = true;
    agent->heard_ms = now_ms;
    return 0;
}

int kn_hosts_heard(struct kn_db *db, struct kn_inventory *inv, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;

    for (int i = 0; i < kn_inventory_agents(inv); i++) {
        struct kn_agent_seen *agent = kn_inventory_agent_at(inv, i);

        if (agent->touched && agent->known) {
            kn_array_add(&ids, agent->id);
        }
        agent->touched = false;
    }
    return ids.count == 0 ? 0 : kn_db_run(db, &HEARD, KN_ARGS(kn_array_value(&ids)), NULL, err);
}
