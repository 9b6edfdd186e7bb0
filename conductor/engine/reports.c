/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hosts and services say by themselves, and what their silence means. A hello makes the conductor send again what is open there; a list of
 * guests is held against the database: a guest that should not be there is fenced by a task, a guest that changed by itself changes its server. The
 * database wins, always: a report never makes a server.
 */
#include <stdlib.h>
#include <string.h>

#include "conductor/conductor.h"
#include "conductor/engine/engine.h"
#include "lib/adapter/batch.h"
#include "lib/adapter/task.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "lib/domain/server_state.h"

#define BUS_GAP_MS 10000 /* our own heartbeat stayed away this long: the bus was down, not the agents */

/* Of a host that the speaker does not carry, nothing is believed: hence the joins with the host's agent. */
static struct kn_batch_stmt FENCE = {
    "conductor_fence",
    "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, input) "
    "SELECT 'server.fence', u.shard, s.id, s.project_id, s.user_id, u.request, "
    "jsonb_build_object('host', u.host, 'agent', u.agent, 'generation', s.generation) FROM @ JOIN server s ON s.id = u.id "
    "JOIN host h ON h.name = u.host AND h.agent_id = u.agent WHERE (s.deleted_at IS NOT NULL OR s.host IS DISTINCT FROM u.host) AND NOT EXISTS "
    "(SELECT 1 FROM task o WHERE o.object_id = s.id AND o.kind <> 'server.describe' "
    "AND " KN_TASK_IS_OPEN("o.state") ") RETURNING id",
    { { "id", "uuid" }, { "shard", "smallint" }, { "host", "text" }, { "agent", "text" }, { "request", "text" } },
    { 0 },
    { 0 },
    false
};

/* A row that says the guest's power and another state than that is wrong as well: an operator may have set it (os-resetState). */
static struct kn_batch_stmt CHANGED = {
    "conductor_power_changed",
    "SELECT s.id, s.vm_state, u.power_state FROM @ JOIN server s ON s.id = u.id "
    "JOIN host h ON h.name = u.host AND h.agent_id = u.agent WHERE s.host = u.host AND s.generation = u.generation "
    "AND s.task_state IS NULL AND s.vm_state <> 'deleted' "
    "AND (s.power_state <> u.power_state OR s.vm_state = ANY (string_to_array(u.unlike, ' ')))",
    { { "id", "uuid" },
      { "host", "text" },
      { "agent", "text" },
      { "generation", "bigint" },
      { "power_state", "smallint" },
      { "unlike", "text" } },
    { 0 },
    { 0 },
    false
};

/* What was acted on is remembered with the act; all else the scheduler writes within a second. */
/* clang-format off */
static const struct kn_stmt SAID_BEFORE = { "conductor_said_before", "SELECT id, report_seq FROM agent WHERE report_seq > 0", 0 };
/* clang-format on */
/* clang-format off */
static const struct kn_stmt SAID = { "conductor_said", "UPDATE agent SET report_seq = greatest(report_seq, $2::bigint) WHERE id = $1", 2 };
/* clang-format on */
static const struct kn_stmt SEEN = {
    "conductor_power_seen",
    "WITH said AS (UPDATE agent SET report_seq = greatest(report_seq, $6::bigint) WHERE id = $5) "
    "UPDATE server SET power_state = $2::smallint, vm_state = coalesce($3, vm_state), updated_at = now() "
    "WHERE id = $1::uuid AND vm_state = $4 AND task_state IS NULL AND deleted_at IS NULL",
    6
};

/* Silence is a sign only while the scheduler, who writes last_seen, lives and has listened for long enough. */
static const struct kn_stmt SILENT = {
    "conductor_silent_agents",
    "SELECT id FROM agent WHERE last_seen < now() - $1::int * interval '1 s' AND EXISTS (SELECT 1 FROM service "
    "WHERE binary_name = 'kilonova-scheduler' AND last_seen > now() - interval '15 s' "
    "AND started_at < now() - $1::int * interval '1 s')",
    1
};

/* --- hello ---------------------------------------------------------------------------------------------------------------- */

/* topic NULL: all of them. */
static int send_topic_again(struct kn_conductor *c, const char *topic, struct kn_error *err)
{
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(c->tasks, &at, &key, &value);) {
        kn_conductor_ask_again(value, topic);
    }
    return kn_conductor_send_confirmed(c, err);
}

int kn_conductor_send_all_again(struct kn_conductor *c, struct kn_error *err)
{
    return send_topic_again(c, NULL, err);
}

static int on_agent_hello(struct kn_conductor *c, const struct kn_message *report, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf topic = KN_STRBUF_INIT;

    kn_strbuf_addf(&topic, "%s%s", KN_TOPIC_AGENT, kn_json_str(report->body, "agent"));
    return send_topic_again(c, topic.buf, err);
}

static int on_service_hello(struct kn_conductor *c, const struct kn_message *report, struct kn_error *err)
{
    return send_topic_again(c, kn_json_str(report->body, "topic"), err);
}

int kn_conductor_bus_forgot(struct kn_conductor *c, struct kn_error *err)
{
    kn_log(KN_WARNING, "the bus forgot, everything open is sent again", NULL);
    c->bus_epoch = kn_bus_epoch(c->daemon.bus);
    return kn_conductor_send_all_again(c, err);
}

/*
 * Our own voice comes back: the bus carries again. A producer gives up a message after half a minute, so commands and answers of the
 * gap may be lost although the bus remembers everything else (its epoch is the same): to ask again costs little.
 */
static int end_bus_gap(struct kn_conductor *c, int64_t now_ms, struct kn_error *err)
{
    AUTO_FREE char *gap_s = kn_asprintf("%lld", (long long)(now_ms - c->bus_heard_ms) / 1000);

    kn_log(KN_WARNING,
           "its own heartbeat was not heard: the bus or this conductor stood still; everything open is sent again",
           "seconds", gap_s, NULL);
    c->bus_alive_since_ms = now_ms;
    return kn_conductor_send_all_again(c, err);
}

static int on_service_heartbeat(struct kn_conductor *c, const struct kn_message *report, struct kn_error *err)
{
    int64_t now = kn_mono_ms();
    int64_t heard = c->bus_heard_ms;
    int result = 0;

    if (strcmp(kn_json_str(report->body, "boot"), c->daemon.id) == 0 &&
        report->seq > c->bus_heard_seq) { /* an echo proves nothing */
        c->bus_heard_seq = report->seq;
        if (heard == 0) { /* nothing was sent before this process was heard: it is a start, no gap */
            c->bus_alive_since_ms = now;
        } else if (now - heard > BUS_GAP_MS) {
            result = end_bus_gap(c, now, err);
        }
        c->bus_heard_ms = now;
    }
    return result;
}

/* --- guests --------------------------------------------------------------------------------------------------------------- */

static bool is_mine(const struct kn_conductor *c, const json_t *domain)
{
    return kn_form_check(&kn_form_guest, domain, "domain", NULL) == 0 &&
           c->shards.mine[kn_shard_of(kn_json_str(domain, "server"))];
}

static int fence(struct kn_conductor *c, const struct kn_message *report, const char *host, const json_t *domains,
                 struct kn_error *err)
{
    const char *agent = kn_json_str(report->body, "agent");
    struct kn_arg seq;
    AUTO_RELEASE(kn_batch) struct kn_batch batch;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char request[KN_REQUEST_ID_SIZE];
    json_t *domain;
    size_t i;

    kn_batch_init(&batch, &FENCE);
    kn_request_id_make(request);
    json_array_foreach (domains, i, domain) {
        if (is_mine(c, domain)) {
            kn_batch_add(&batch, kn_json_str(domain, "server"));
            kn_batch_addint(&batch, kn_shard_of(kn_json_str(domain, "server")));
            kn_batch_add(&batch, host);
            kn_batch_add(&batch, agent);
            kn_batch_add(&batch, request);
        }
    }
    if (kn_batch_run(&batch, c->daemon.db, &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; rows != NULL && row < kn_rows_count(rows); row++) {
        kn_log(KN_WARNING, "a guest stands where its server is not, it is fenced", "host", host, "task",
               kn_rows_text(rows, row, KN_ONLY), NULL);
        kn_conductor_admit_want(c, kn_rows_int(rows, row, KN_ONLY));
    }
    return rows == NULL || kn_rows_count(rows) == 0
               ? 0
               : kn_db_run(c->daemon.db, &SAID, KN_ARGS(agent, kn_arg_int(&seq, report->seq)), NULL, err);
}

static int apply_power(struct kn_conductor *c, const struct kn_message *report, const struct kn_rows *rows,
                       struct kn_error *err)
{
    enum { SERVER, VM_STATE, POWER }; /* of CHANGED */
    struct kn_arg seq;

    for (int i = 0; i < kn_rows_count(rows); i++) {
        const char *server = kn_rows_text(rows, i, SERVER), *power = kn_rows_text(rows, i, POWER);
        const char *vm_state = kn_rows_text(rows, i, VM_STATE);
        const char *to = kn_server_state_seen(vm_state, (int)kn_rows_int(rows, i, POWER));

        kn_log(KN_INFO, "a guest changed by itself", "server", server, "power_state", power, NULL);
        if (kn_db_run(c->daemon.db, &SEEN,
                      KN_ARGS(server, power, to, vm_state, kn_json_str(report->body, "agent"),
                              kn_arg_int(&seq, report->seq)),
                      NULL, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int see_power(struct kn_conductor *c, const struct kn_message *report, const char *host, const json_t *domains,
                     struct kn_error *err)
{
    const char *agent = kn_json_str(report->body, "agent");
    AUTO_RELEASE(kn_batch) struct kn_batch batch;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    json_t *domain;
    size_t i;

    kn_batch_init(&batch, &CHANGED);
    json_array_foreach (domains, i, domain) {
        if (is_mine(c, domain)) {
            kn_batch_add(&batch, kn_json_str(domain, "server"));
            kn_batch_add(&batch, host);
            kn_batch_add(&batch, agent);
            kn_batch_addint(&batch, kn_json_int(domain, "generation"));
            kn_batch_addint(&batch, kn_json_int(domain, "power_state"));
            kn_batch_add(&batch, kn_server_states_unlike((int)kn_json_int(domain, "power_state")));
        }
    }
    if (kn_batch_run(&batch, c->daemon.db, &rows, err) < 0) {
        return -1;
    }
    return rows == NULL ? 0 : apply_power(c, report, rows, err);
}

/* The others of the report count. One conductor says it. */
static void tell_mad_domain(struct kn_conductor *c, const struct kn_message *report)
{
    const json_t *domain;
    size_t i;

    json_array_foreach (json_object_get(report->body, "domains"), i, domain) {
        struct kn_error why = { 0 };

        if (c->shards.mine[0] && kn_form_check(&kn_form_guest, domain, "domain", &why) < 0) {
            kn_fail_context(&why, "guest %zu of host \"%.255s\" is left out", i + 1, kn_json_str(report->body, "host"));
            kn_daemon_bury(&c->daemon, report, &why);
            return;
        }
    }
}

static int on_domains(struct kn_conductor *c, const struct kn_message *report, struct kn_error *err)
{
    const char *host = kn_json_str(report->body, "host");
    const json_t *domains = json_object_get(report->body, "domains");

    tell_mad_domain(c, report);
    if (fence(c, report, host, domains, err) < 0) {
        return -1;
    }
    return see_power(c, report, host, domains, err);
}

static int on_power_state(struct kn_conductor *c, const struct kn_message *report, struct kn_error *err)
{
    json_t *domains = json_pack("[{s:O, s:I, s:O}]", "server", json_object_get(report->body, "server"), "generation",
                                (json_int_t)report->generation, "power_state",
                                json_object_get(report->body, "power_state"));
    int result = see_power(c, report, kn_json_str(report->body, "host"), domains, err);

    json_decref(domains);
    return result;
}

/* --- the order of reports ------------------------------------------------------------------------------------------------- */

static void remember_said(struct kn_conductor *c, const char *agent, int64_t seq)
{
    int64_t *said = kn_hmap_get(c->said, agent);

    if (said == NULL) {
        said = KN_NEW(int64_t);
        kn_hmap_put(c->said, agent, said);
    }
    *said = seq;
}

int kn_conductor_reports_start(struct kn_conductor *c, struct kn_error *err)
{
    enum { AGENT, SEQ }; /* of SAID_BEFORE */
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    c->said = kn_hmap_new(free);
    if (kn_db_run(c->daemon.db, &SAID_BEFORE, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        remember_said(c, kn_rows_text(rows, i, AGENT), kn_rows_int(rows, i, SEQ));
    }
    return 0;
}

/* An agent's report that is not newer than its newest was recorded and said again, or overtaken: it is none. */
static bool reports_is_news(struct kn_conductor *c, const struct kn_message *report)
{
    const char *agent = kn_json_str(report->body, "agent");
    const int64_t *said = kn_hmap_get(c->said, agent);

    if (*agent == '\0' || report->seq == 0) {
        return true;
    }
    if (said != NULL && report->seq <= *said) {
        return false;
    }
    remember_said(c, agent, report->seq);
    return true;
}

/* --- the table ------------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *type;
    int (*handle)(struct kn_conductor *c, const struct kn_message *report, struct kn_error *err);
} REPORTS[] = {
    { "agent.hello", on_agent_hello },
    { "service.hello", on_service_hello },
    { "agent.domains", on_domains },
    { "server.power_state", on_power_state },
    { "service.heartbeat", on_service_heartbeat },
};

int kn_conductor_report(struct kn_conductor *c, const struct kn_message *report, struct kn_error *err)
{
    if (!reports_is_news(c, report)) {
        return 0;
    }
    for (size_t i = 0; i < sizeof(REPORTS) / sizeof(REPORTS[0]); i++) {
        if (strcmp(REPORTS[i].type, report->type->name) == 0) {
            return REPORTS[i].handle(c, report, err);
        }
    }
    return 0; /* agent.heartbeat is the scheduler's */
}

/* --- silence and deadlines -------------------------------------------------------------------------------------------------- */

/* Agents that are down, as a set; empty while the bus itself was away. */
static int silent_agents(struct kn_conductor *c, struct kn_hmap *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    int64_t timeout_s = c->daemon.conf.scheduler_agent_timeout_s;
    int64_t now = kn_mono_ms();
    struct kn_arg arg;

    if (now - c->bus_heard_ms > BUS_GAP_MS || now - c->bus_alive_since_ms < timeout_s * 1000) {
        return 0;
    }
    if (kn_db_run(c->daemon.db, &SILENT, KN_ARGS(kn_arg_int(&arg, timeout_s)), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        kn_hmap_put(ret, kn_rows_text(rows, i, KN_ONLY), c);
    }
    return 0;
}

static bool has_unanswered(const struct kn_conductor_task *task)
{
    for (int i = 0; i < task->part_count; i++) {
        if (task->parts[i].state == KN_PART_SENT) {
            return true;
        }
    }
    return false;
}

/* The places that are silent although the task waits for them; impatient: those alone that it does not wait for for ever. */
static unsigned places_down(const struct kn_conductor_task *task, const struct kn_hmap *silent, bool impatient)
{
    unsigned down = 0;

    for (int i = 0; kn_hmap_count(silent) > 0 && i < task->part_count; i++) {
        const struct kn_conductor_flow_part *of = task->parts[i].of;

        if (task->parts[i].state == KN_PART_SENT && of->to != KN_TO_SERVICE &&
            !(impatient && kn_conductor_engine_waits(task, of)) &&
            kn_hmap_get(silent, kn_conductor_task_place(task, of)->agent) != NULL) {
            down |= KN_DOWN(of->to);
        }
    }
    return down;
}

static void tire(const struct kn_conductor_task *task, int i, int64_t limit_s, struct kn_error *ret)
{
    const struct kn_conductor_part *part = &task->parts[i];

    if (part->not_yet.code != KN_OK) {
        kn_fail(ret, part->not_yet.code, "refused for longer than conductor.undo_wait_s (%lld s): %s",
                (long long)limit_s, part->not_yet.message);
        return;
    }
    kn_fail(ret, KN_UNAVAILABLE,
            "host \"%s\" has been silent for longer than conductor.undo_wait_s (%lld s): nobody did %s there",
            kn_conductor_task_place(task, part->of)->host, (long long)limit_s, part->type->name);
}

/* What it is tired of waiting for is refused. */
static void check_patience(const struct kn_conductor *c, struct kn_conductor_task *task, unsigned down)
{
    const int64_t limit_s = c->daemon.conf.conductor_undo_wait_s;

    for (int i = 0; i < task->part_count; i++) {
        struct kn_error why = { 0 };

        if (kn_conductor_engine_tires(task, i, down, kn_now_us(), limit_s * 1000000)) {
            tire(task, i, limit_s, &why);
            kn_conductor_engine_refuse(task, i, &why);
        }
    }
}

static void check_task(struct kn_conductor *c, struct kn_conductor_task *task, unsigned down, struct kn_array *again)
{
    check_patience(c, task, down);
    switch (kn_conductor_engine_timeout(task, down)) {
    case KN_ROW_ENDED:
        kn_conductor_move_on(c, task, false);
        break;
    case KN_ROW_FAILED:
        kn_conductor_move_on(c, task, true);
        break;
    case KN_ROW_AGAIN:
        task->deadline_ms = kn_mono_ms() + c->daemon.conf.conductor_step_timeout_s * 1000;
        kn_array_addint(again, task->id);
        kn_conductor_ask_again(task, NULL);
        break;
    case KN_ROW_WAITS:
    case KN_ROW_IGNORED:
        break;
    }
}

int kn_conductor_check_deadlines(struct kn_conductor *c, struct kn_error *err)
{
    AUTO(kn_hmap) struct kn_hmap *silent = kn_hmap_new(NULL);
    AUTO_RELEASE(kn_array) struct kn_array again = KN_ARRAY_INIT;
    int64_t now = kn_mono_ms();
    const char *key;
    void *value;

    if (kn_hmap_count(c->tasks) == 0) {
        return 0;
    }
    if (silent_agents(c, silent, err) < 0) {
        return -1;
    }
    for (size_t at = 0; kn_hmap_next(c->tasks, &at, &key, &value);) {
        struct kn_conductor_task *task = value;

        if (!task->moving && has_unanswered(task) &&
            (places_down(task, silent, true) != 0 || task->deadline_ms < now)) {
            check_task(c, task, places_down(task, silent, false), &again);
        }
    }
    if (again.count == 0) {
        return 0;
    }
    if (kn_conductor_send_confirmed(c, err) < 0) {
        return -1;
    }
    return kn_conductor_store_touch(c->daemon.db, kn_array_value(&again), c->daemon.conf.conductor_step_timeout_s, err);
}
