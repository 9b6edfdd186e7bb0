/* SPDX-License-Identifier: Apache-2.0 */
/* Agents and hosts as rows. It never changes used_* of a host that is there: that is claims.c's, with the allocations. */
#include "scheduler/hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/adapter/batch.h"
#include "lib/adapter/crypto.h"
#include "lib/base/hmap.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/hello.h"
#include "lib/domain/message.h"
#include "scheduler/choose.h"

static const struct kn_stmt LOAD = {
    "scheduler_load",
    "SELECT h.name, coalesce(h.aggregate_zone, h.zone), h.underlay, h.agent_id, a.boot, h.vcpus::bigint * h.cpu_ratio_percent / 100, "
    "h.memory_mib - h.reserved_memory_mib, h.disk_gib, h.used_vcpus, h.used_memory_mib, h.used_disk_gib, h.servers, "
    "h.disabled, h.forced_down, h.hypervisor_type FROM host h JOIN agent a ON a.id = h.agent_id",
    0
};
enum {
    LOAD_HOST,
    LOAD_ZONE,
    LOAD_UNDERLAY,
    LOAD_AGENT,
    LOAD_BOOT,
    LOAD_VCPUS,
    LOAD_MEMORY,
    LOAD_DISK,
    LOAD_USED_VCPUS,
    LOAD_USED_MEMORY,
    LOAD_USED_DISK,
    LOAD_SERVERS,
    LOAD_DISABLED,
    LOAD_FORCED_DOWN,
    LOAD_TYPE,
};
static const struct kn_stmt LOAD_REFUSALS = {
    "scheduler_load_refusals",
    "SELECT r.agent_id, r.subject, r.reason, a.boot FROM agent_refusal r JOIN agent a ON a.id = r.agent_id WHERE r.kind <> 'boot'",
    0
};
enum { REFUSED_AGENT, REFUSED_SUBJECT, REFUSED_REASON, REFUSED_BOOT };
enum { SWITCHED_HOST, SWITCHED_DISABLED, SWITCHED_DOWN };
enum { SAID_AGENT, SAID_SEQ };
enum { WRITTEN_HOST, WRITTEN_VCPUS, WRITTEN_MEMORY, WRITTEN_DISK, WRITTEN_ZONE }; /* of UPSERT */
/* In one statement, so that it is of one moment. A host's zone comes without an aggregate, too. */
static const struct kn_stmt AGGREGATES = {
    "scheduler_aggregates",
    "SELECT c.version, h.name, coalesce(h.aggregate_zone, h.zone), a.metadata FROM aggregate_change c LEFT JOIN host h ON true "
    "LEFT JOIN aggregate_host m ON m.host = h.name LEFT JOIN aggregate a ON a.id = m.aggregate_id",
    0
};
enum { AGGREGATED_VERSION, AGGREGATED_HOST, AGGREGATED_ZONE, AGGREGATED_METADATA };
/* clang-format off */
static const struct kn_stmt SWITCHES = { "scheduler_switches", "SELECT name, disabled, forced_down FROM host WHERE disabled OR forced_down", 0 };
/* clang-format on */
static const struct kn_stmt HELLO = {
    "scheduler_hello",
    "INSERT INTO agent (id, boot, report_seq) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET boot = $2, hello_at = now(), last_seen = now(), "
    "report_seq = greatest(agent.report_seq, $3::bigint)",
    3
};
/* clang-format off */
static const struct kn_stmt LOAD_SAID = { "scheduler_load_said", "SELECT id, report_seq FROM agent WHERE report_seq > 0", 0 };
/* clang-format on */
static const struct kn_stmt SAID = {
    "scheduler_said",
    "UPDATE agent a SET report_seq = greatest(a.report_seq, u.seq) FROM unnest($1::text[], $2::bigint[]) u (id, seq) WHERE a.id = u.id",
    2
};
/* What an earlier life of the agent said, and what is good now. A second agent is worth a day's word. */
static const struct kn_stmt TAKEN = {
    "scheduler_taken",
    "DELETE FROM agent_refusal WHERE agent_id = $1 AND CASE kind WHEN 'boot' THEN since < now() - interval '1 day' "
    "ELSE boot <> $2 OR subject = ANY($3::text[]) END",
    3
};
static struct kn_batch_stmt REFUSE = {
    "scheduler_refuse",
    "INSERT INTO agent_refusal AS r (agent_id, subject, kind, boot, host_uuid, reason) SELECT agent_id, subject, kind, boot, host_uuid, reason FROM @ "
    "ON CONFLICT (agent_id, subject) DO UPDATE SET kind = excluded.kind, boot = excluded.boot, host_uuid = excluded.host_uuid, "
    "reason = excluded.reason, since = CASE WHEN r.reason = excluded.reason THEN r.since ELSE now() END",
    { { "agent_id", "text" },
      { "subject", "text" },
      { "kind", "text" },
      { "boot", "text" },
      { "host_uuid", "uuid" },
      { "reason", "text" } },
    { 0 },
    { 0 },
    false
};
static const struct kn_stmt TWIN = {
    "scheduler_twin",
    "INSERT INTO agent_refusal (agent_id, subject, kind, boot, reason) SELECT id, '', 'boot', $2, $3 FROM agent WHERE id = $1 "
    "ON CONFLICT (agent_id, subject) DO UPDATE SET boot = excluded.boot, reason = excluded.reason, since = now()",
    3
};
/* clang-format off */
static const struct kn_stmt HEARD = { "scheduler_heard",
    "UPDATE agent a SET last_seen = now(), uptime = nullif(u.uptime, '') FROM unnest($1::text[], $2::text[]) u (id, uptime) WHERE a.id = u.id", 2 };
/* clang-format on */

/* Capacity is taken over unless the host holds more than that; everything else always. */
#define FITS \
    "h.used_vcpus::bigint * 100 <= excluded.vcpus::bigint * excluded.cpu_ratio_percent " \
    "AND h.used_memory_mib <= excluded.memory_mib - excluded.reserved_memory_mib AND h.used_disk_gib <= excluded.disk_gib"
#define TAKE(column) column " = CASE WHEN " FITS " THEN excluded." column " ELSE h." column " END"

/* clang-format off */
static struct kn_batch_stmt UPSERT = { "scheduler_host",
    "INSERT INTO host AS h (name, uuid, agent_id, zone, underlay, vcpus, memory_mib, reserved_memory_mib, disk_gib, cpu_ratio_percent, "
    "hypervisor_type, hypervisor_version, cpu_info, cannot) SELECT name, uuid, agent_id, zone, underlay, vcpus, memory_mib, reserved, disk_gib, ratio, "
    "type, version, cpu_info, cannot FROM @ ON CONFLICT (name) DO UPDATE SET zone = excluded.zone, "
    "underlay = excluded.underlay, hypervisor_type = excluded.hypervisor_type, hypervisor_version = excluded.hypervisor_version, "
    "cpu_info = excluded.cpu_info, cannot = excluded.cannot, updated_at = now(), " TAKE("vcpus") ", " TAKE("memory_mib") ", " TAKE("reserved_memory_mib") ", "
    TAKE("disk_gib") ", " TAKE("cpu_ratio_percent")
    " WHERE h.agent_id = excluded.agent_id" /* a host belongs to its first agent, until an operator moves it */
    " RETURNING name, vcpus::bigint * cpu_ratio_percent / 100, memory_mib - reserved_memory_mib, disk_gib, coalesce(aggregate_zone, zone)",
    { { "name", "text" }, { "uuid", "uuid" }, { "agent_id", "text" }, { "zone", "text" }, { "underlay", "text" }, { "vcpus", "int" },
      { "memory_mib", "bigint" }, { "reserved", "bigint" }, { "disk_gib", "bigint" }, { "ratio", "int" }, { "type", "text" },
      { "version", "int" }, { "cpu_info", "jsonb" }, { "cannot", "jsonb" } }, { 0 }, { 0 }, false };
/* clang-format on */

void kn_scheduler_host_uuid(const char *name, char out[37])
{
    AUTO_FREE char *seed = kn_asprintf("kilonova host %s", name);
    char hex[KN_SHA256_HEX];

    kn_sha256_hex(seed, strlen(seed), hex);
    snprintf(out, 37, "%.8s-%.4s-8%.3s-8%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15, hex + 18);
}

static void hosts_set_text(char **member, const char *text)
{
    free(*member);
    *member = kn_strdup(text);
}

static void note_refusal(struct kn_scheduler_agent_seen *agent, const char *subject, const char *reason)
{
    if (agent->refused == NULL) {
        agent->refused = json_object();
    }
    json_object_set_new(agent->refused, subject, json_string(reason));
}

/* --- loading -------------------------------------------------------------------------------------------------------- */

static void load_row(struct kn_scheduler_inventory *inv, const struct kn_rows *rows, int i, int64_t now_ms)
{
    struct kn_scheduler_host *host = kn_scheduler_inventory_host(inv, kn_rows_text(rows, i, LOAD_HOST));

    hosts_set_text(&host->zone, kn_rows_text(rows, i, LOAD_ZONE));
    hosts_set_text(&host->underlay, kn_rows_str(rows, i, LOAD_UNDERLAY));
    host->agent = kn_scheduler_inventory_agent(inv, kn_rows_text(rows, i, LOAD_AGENT), now_ms);
    kn_copy(host->agent->boots.living, sizeof(host->agent->boots.living), kn_rows_text(rows, i, LOAD_BOOT));
    kn_copy(host->agent->hello_boot, sizeof(host->agent->hello_boot), kn_rows_text(rows, i, LOAD_BOOT));
    host->agent->known = true;
    host->capacity = (struct kn_scheduler_resources){ kn_rows_int(rows, i, LOAD_VCPUS),
                                                      kn_rows_int(rows, i, LOAD_MEMORY),
                                                      kn_rows_int(rows, i, LOAD_DISK) };
    host->used = (struct kn_scheduler_resources){ kn_rows_int(rows, i, LOAD_USED_VCPUS),
                                                  kn_rows_int(rows, i, LOAD_USED_MEMORY),
                                                  kn_rows_int(rows, i, LOAD_USED_DISK) };
    host->servers = kn_rows_int(rows, i, LOAD_SERVERS);
    hosts_set_text(&host->hypervisor_type, kn_rows_text(rows, i, LOAD_TYPE));
    host->disabled = kn_rows_bool(rows, i, LOAD_DISABLED);
    host->forced_down = kn_rows_bool(rows, i, LOAD_FORCED_DOWN);
    kn_scheduler_inventory_settle(inv, host);
}

/* Also of agents without any host: what was said of them is not said again. */
static int load_refusals(struct kn_db *db, struct kn_scheduler_inventory *inv, int64_t now_ms, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &LOAD_REFUSALS, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        struct kn_scheduler_agent_seen *agent = kn_scheduler_inventory_agent(inv, kn_rows_text(rows, i, REFUSED_AGENT),
                                                                             now_ms);

        kn_copy(agent->boots.living, sizeof(agent->boots.living), kn_rows_text(rows, i, REFUSED_BOOT));
        kn_copy(agent->hello_boot, sizeof(agent->hello_boot), kn_rows_text(rows, i, REFUSED_BOOT));
        agent->known = true;
        note_refusal(agent, kn_rows_text(rows, i, REFUSED_SUBJECT), kn_rows_text(rows, i, REFUSED_REASON));
    }
    return 0;
}

/* Of agents without a host, too. */
static int load_said(struct kn_db *db, struct kn_scheduler_inventory *inv, int64_t now_ms, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &LOAD_SAID, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        kn_scheduler_inventory_agent(inv, kn_rows_text(rows, i, SAID_AGENT), now_ms)->seq = kn_rows_int(rows, i,
                                                                                                        SAID_SEQ);
    }
    return 0;
}

int kn_scheduler_hosts_load(struct kn_db *db, struct kn_scheduler_inventory *inv, int64_t now_ms, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &LOAD, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        load_row(inv, rows, i, now_ms);
    }
    return load_said(db, inv, now_ms, err) < 0 || load_refusals(db, inv, now_ms, err) < 0
               ? -1
               : kn_scheduler_hosts_aggregates(db, inv, err);
}

int kn_scheduler_hosts_aggregates(struct kn_db *db, struct kn_scheduler_inventory *inv, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &AGGREGATES, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_scheduler_inventory_hosts(inv); i++) {
        json_decref(kn_scheduler_inventory_at(inv, i)->aggregates);
        kn_scheduler_inventory_at(inv, i)->aggregates = NULL;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        struct kn_scheduler_host *host = kn_scheduler_inventory_find(inv, kn_rows_text(rows, i, AGGREGATED_HOST));
        json_auto_t *metadata = kn_rows_null(rows, i, AGGREGATED_METADATA)
                                    ? NULL
                                    : json_loads(kn_rows_text(rows, i, AGGREGATED_METADATA), 0, NULL);

        if (host != NULL) {
            hosts_set_text(&host->zone, kn_rows_text(rows, i, AGGREGATED_ZONE));
        }
        if (host != NULL && metadata != NULL) {
            host->aggregates = host->aggregates != NULL ? host->aggregates : json_object();
            kn_scheduler_aggregates_add(host->aggregates, metadata);
        }
    }
    kn_scheduler_inventory_set_aggregated(inv, kn_rows_count(rows) > 0 ? kn_rows_int(rows, 0, AGGREGATED_VERSION) : 0);
    return 0;
}

int kn_scheduler_hosts_refresh(struct kn_db *db, struct kn_scheduler_inventory *inv, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &SWITCHES, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_scheduler_inventory_hosts(inv); i++) {
        kn_scheduler_inventory_at(inv, i)->disabled = false;
        kn_scheduler_inventory_at(inv, i)->forced_down = false;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        struct kn_scheduler_host *host = kn_scheduler_inventory_find(inv, kn_rows_text(rows, i, SWITCHED_HOST));

        if (host != NULL) {
            host->disabled = kn_rows_bool(rows, i, SWITCHED_DISABLED);
            host->forced_down = kn_rows_bool(rows, i, SWITCHED_DOWN);
        }
    }
    return 0;
}

/* --- hello ---------------------------------------------------------------------------------------------------------- */

static void hosts_add_host(struct kn_batch *batch, const json_t *host, const char *agent, int64_t ratio)
{
    json_t *cpu_info = json_object_get(host, "cpu_info");
    AUTO_FREE char *cannot = json_array_size(json_object_get(host, "cannot")) > 0
                                 ? json_dumps(json_object_get(host, "cannot"), JSON_COMPACT)
                                 : NULL;
    AUTO_FREE char *cpu = json_is_object(cpu_info) ? json_dumps(cpu_info, JSON_COMPACT) : NULL;
    const char *underlay = kn_json_str(host, "underlay");
    char uuid[37];

    kn_scheduler_host_uuid(kn_json_str(host, "host"), uuid);
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
    kn_batch_add(batch, cannot);
}

/* What the row says now: the hello's capacity, or the old one where the hello's was too small. The rows are those that the agent owns. */
static void apply_capacity(struct kn_scheduler_inventory *inv, struct kn_scheduler_agent_seen *agent,
                           const struct kn_rows *rows)
{
    for (int i = 0; i < kn_rows_count(rows); i++) {
        struct kn_scheduler_host *host = kn_scheduler_inventory_host(inv, kn_rows_text(rows, i, WRITTEN_HOST));

        host->agent = agent;
        host->capacity = (struct kn_scheduler_resources){ kn_rows_int(rows, i, WRITTEN_VCPUS),
                                                          kn_rows_int(rows, i, WRITTEN_MEMORY),
                                                          kn_rows_int(rows, i, WRITTEN_DISK) };
        hosts_set_text(&host->zone, kn_rows_text(rows, i, WRITTEN_ZONE));
        kn_scheduler_inventory_settle(inv, host);
    }
}

/* After apply_capacity(): a host of the hello that is the agent's. */
static void apply_host(struct kn_scheduler_inventory *inv, struct kn_scheduler_agent_seen *agent, const json_t *said)
{
    const char *name = kn_json_str(said, "host");
    const char *underlay = kn_json_str(said, "underlay");
    struct kn_scheduler_host *host = kn_scheduler_inventory_find(inv, name);

    if (host != NULL && host->agent == agent) {
        hosts_set_text(&host->underlay, *underlay == '\0' ? NULL : underlay);
        hosts_set_text(&host->hypervisor_type, kn_json_str(said, "hypervisor_type"));
        json_object_del(agent->refused, name);
    }
}

static bool hosts_is_news(const struct kn_scheduler_agent_seen *agent, const json_t *refusal)
{
    const char *before = kn_scheduler_agent_refused_host(agent, kn_json_str(refusal, "subject"));

    return before == NULL || strcmp(before, kn_json_str(refusal, "reason")) != 0;
}

static void apply_mad(struct kn_scheduler_agent_seen *agent, const json_t *mad, json_t *news)
{
    const json_t *refusal;
    size_t i;

    json_array_foreach (mad, i, refusal) {
        const char *subject = kn_json_str(refusal, "subject");

        if (hosts_is_news(agent, refusal)) {
            json_array_append_new(news, json_sprintf("agent \"%s\", host \"%s\" is left out: %s", agent->id, subject,
                                                     kn_json_str(refusal, "reason")));
        }
        note_refusal(agent, subject, kn_json_str(refusal, "reason"));
    }
}

/* Hosts of another agent: they stay as they are. Said once, or it would be said at every hello. */
static void apply_strange(struct kn_scheduler_agent_seen *agent, const json_t *strange)
{
    const json_t *refusal;
    size_t i;

    json_array_foreach (strange, i, refusal) {
        const char *subject = kn_json_str(refusal, "subject");

        if (hosts_is_news(agent, refusal)) {
            kn_log(KN_WARNING,
                   "an agent says that it carries another agent's host: refused; \"kilonova host move\" moves a host",
                   "host", subject, "agent", agent->id, "reason", kn_json_str(refusal, "reason"), NULL);
        }
        note_refusal(agent, subject, kn_json_str(refusal, "reason"));
    }
}

static void add_refusals(struct kn_batch *batch, const struct kn_scheduler_agent_seen *agent, const char *boot,
                         const char *kind, const json_t *refusals)
{
    const json_t *refusal;
    char uuid[37];
    size_t i;

    json_array_foreach (refusals, i, refusal) {
        kn_scheduler_host_uuid(kn_json_str(refusal, "subject"), uuid);
        kn_batch_add(batch, agent->id);
        kn_batch_add(batch, kn_json_str(refusal, "subject"));
        kn_batch_add(batch, kind);
        kn_batch_add(batch, boot);
        kn_batch_add(batch, kn_json_bool(refusal, "named") ? uuid : NULL);
        kn_batch_add(batch, kn_json_str(refusal, "reason"));
    }
}

/* The sane hosts that the upsert did not touch. */
static json_t *find_strange(const struct kn_scheduler_inventory *inv, const json_t *sane, const struct kn_rows *taken)
{
    AUTO(kn_hmap) struct kn_hmap *names = kn_hmap_new(NULL);
    json_t *strange = json_array();
    json_t *host;
    size_t i;

    for (int row = 0; taken != NULL && row < kn_rows_count(taken); row++) {
        kn_hmap_put(names, kn_rows_text(taken, row, WRITTEN_HOST), names);
    }
    json_array_foreach (sane, i, host) {
        const char *name = kn_json_str(host, "host");
        const struct kn_scheduler_host *known = kn_scheduler_inventory_find(inv, name);

        if (kn_hmap_get(names, name) == NULL) {
            json_array_append_new(strange, json_pack("{s:s, s:o}", "subject", name, "reason",
                                                     known != NULL && known->agent != NULL
                                                         ? json_sprintf("belongs to agent \"%s\"", known->agent->id)
                                                         : json_string("belongs to another agent")));
        }
    }
    return strange;
}

/* One hello in one transaction: half of one would be the truth until the agent starts again. */
struct said {
    struct kn_scheduler_agent_seen *agent;
    const char *boot;
    json_t *sane, *mad, *strange; /* strange: of other agents, known after the writing */
    struct kn_rows *taken;
};

static void said_release(struct said *said)
{
    json_decref(said->sane);
    json_decref(said->mad);
    json_decref(said->strange);
    kn_rows_free(said->taken);
}

static int write_refusals(struct kn_db *db, const struct said *said, struct kn_error *err)
{
    AUTO_RELEASE(kn_batch) struct kn_batch batch;
    AUTO_RELEASE(kn_array) struct kn_array taken = KN_ARRAY_INIT;

    for (int i = 0; said->taken != NULL && i < kn_rows_count(said->taken); i++) {
        kn_array_add(&taken, kn_rows_text(said->taken, i, WRITTEN_HOST));
    }
    if (kn_db_run(db, &TAKEN, KN_ARGS(said->agent->id, said->boot, kn_array_value(&taken)), NULL, err) < 0) {
        return -1;
    }
    kn_batch_init(&batch, &REFUSE);
    add_refusals(&batch, said->agent, said->boot, "host", said->mad);
    add_refusals(&batch, said->agent, said->boot, "owner", said->strange);
    return kn_batch_run(&batch, db, NULL, err);
}

static int write_hello(struct kn_db *db, const struct kn_scheduler_inventory *inv, struct said *said, int64_t ratio,
                       struct kn_error *err)
{
    AUTO_RELEASE(kn_batch) struct kn_batch batch;
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_arg seq;
    json_t *host;
    size_t i;

    kn_batch_init(&batch, &UPSERT);
    json_array_foreach (said->sane, i, host) {
        hosts_add_host(&batch, host, said->agent->id, ratio);
    }
    if (kn_tx_begin(&tx, db, err) < 0 ||
        kn_db_run(db, &HELLO, KN_ARGS(said->agent->id, said->boot, kn_arg_int(&seq, said->agent->seq)), NULL, err) <
            0 ||
        kn_batch_run(&batch, db, &said->taken, err) < 0) {
        return -1;
    }
    said->strange = find_strange(inv, said->sane, said->taken);
    return write_refusals(db, said, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}

static void apply_hello(struct kn_scheduler_inventory *inv, const struct said *said, json_t *news)
{
    struct kn_scheduler_agent_seen *agent = said->agent;
    json_t *host;
    size_t i;

    if (strcmp(agent->hello_boot, said->boot) != 0) {
        json_object_clear(agent->refused); /* the same again from a new life is worth a word */
        kn_copy(agent->hello_boot, sizeof(agent->hello_boot), said->boot);
    }
    if (said->taken != NULL) {
        apply_capacity(inv, agent, said->taken);
    }
    json_array_foreach (said->sane, i, host) {
        apply_host(inv, agent, host);
    }
    apply_mad(agent, said->mad, news);
    apply_strange(agent, said->strange);
}

int kn_scheduler_hosts_hello(struct kn_db *db, struct kn_scheduler_inventory *inv, const json_t *hello,
                             int64_t cpu_ratio_percent, int64_t now_ms, json_t **ret_news, struct kn_error *err)
{
    AUTO_RELEASE(said)
    struct said said = { .agent = kn_scheduler_inventory_agent(inv, kn_json_str(hello, "agent"), now_ms),
                         .boot = kn_json_str(hello, "boot") };

    kn_hello_sift(json_object_get(hello, "hosts"), &said.sane, &said.mad);
    if (write_hello(db, inv, &said, cpu_ratio_percent, err) < 0) {
        return -1;
    }
    *ret_news = json_array();
    apply_hello(inv, &said, *ret_news);
    said.agent->known = true;
    said.agent->heard_ms = now_ms;
    return 0;
}

/* --- what is heard -------------------------------------------------------------------------------------------------- */

static int write_twins(struct kn_db *db, struct kn_scheduler_inventory *inv, struct kn_error *err)
{
    for (int i = 0; i < kn_scheduler_inventory_agents(inv); i++) {
        struct kn_scheduler_agent_seen *agent = kn_scheduler_inventory_agent_at(inv, i);
        AUTO_FREE char *reason = NULL;

        if (agent->twin[0] == '\0' || !agent->known) {
            continue;
        }
        reason = kn_asprintf("a second agent with this id, told to stop; boot %s was there first", agent->boots.living);
        if (kn_db_run(db, &TWIN, KN_ARGS(agent->id, agent->twin, reason), NULL, err) < 0) {
            return -1;
        }
        agent->twin[0] = '\0';
    }
    return 0;
}

static int write_said(struct kn_db *db, struct kn_scheduler_inventory *inv, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array numbers = KN_ARRAY_INIT;

    for (int i = 0; i < kn_scheduler_inventory_agents(inv); i++) {
        struct kn_scheduler_agent_seen *agent = kn_scheduler_inventory_agent_at(inv, i);

        if (agent->counted) {
            kn_array_add(&ids, agent->id);
            kn_array_addint(&numbers, agent->seq);
        }
        agent->counted = false;
    }
    return ids.count == 0 ? 0
                          : kn_db_run(db, &SAID, KN_ARGS(kn_array_value(&ids), kn_array_value(&numbers)), NULL, err);
}

int kn_scheduler_hosts_heard(struct kn_db *db, struct kn_scheduler_inventory *inv, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array uptimes = KN_ARRAY_INIT;

    for (int i = 0; i < kn_scheduler_inventory_agents(inv); i++) {
        struct kn_scheduler_agent_seen *agent = kn_scheduler_inventory_agent_at(inv, i);

        if (agent->touched && agent->known) {
            kn_array_add(&ids, agent->id);
            kn_array_add(&uptimes, agent->uptime);
        }
        agent->touched = false;
    }
    if (ids.count > 0 &&
        kn_db_run(db, &HEARD, KN_ARGS(kn_array_value(&ids), kn_array_value(&uptimes)), NULL, err) < 0) {
        return -1;
    }
    return write_said(db, inv, err) < 0 ? -1 : write_twins(db, inv, err);
}
