/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operator asks the conductor's room at 3 a.m.: is everything as promised, what is being done, what went wrong. Reads only.
 */
#include "conductor/cli.h"

#include <string.h>

#include "conductor/audit/audit.h"
#include "conductor/flows/flow.h"
#include "conductor/store/history.h"
#include "lib/base/mem.h"

static const struct kn_stmt TASKS = {
    "cli_tasks",
    "SELECT id, kind, object_id, state, step, attempt, to_char(created_at, 'YYYY-MM-DD HH24:MI:SS'), "
    "concat_ws(' > ', nullif(coalesce(home->>'host', context->>'host'), ''), nullif(dest->>'host', '')), coalesce(error->>'message', '') FROM task "
    "WHERE ($1 = '' OR object_id::text = $1) AND ($1 <> '' OR state IN ('run', 'undo', 'failed')) ORDER BY id DESC LIMIT 200",
    1
};
static const struct kn_stmt STEPS = {
    "cli_steps",
    "SELECT s->>'name', s->>'state', to_char(to_timestamp((s->>'began_us')::bigint / 1000000.0), 'HH24:MI:SS.MS'), "
    "round(((s->>'ended_us')::bigint - (s->>'began_us')::bigint) / 1000.0)::bigint, coalesce(s->>'host', ''), coalesce(s->'error'->>'message', '') "
    "FROM task t CROSS JOIN LATERAL jsonb_array_elements(t.steps) WITH ORDINALITY AS e(s, n) WHERE t.id = $1::bigint ORDER BY n",
    1
};
static const struct kn_stmt SERVICES = {
    "cli_services",
    "SELECT binary_name, host, CASE WHEN last_seen < now() - $1::bigint * interval '1 s' THEN 'silent since ' || to_char(last_seen, 'YYYY-MM-DD HH24:MI:SS') "
    "WHEN stuck IS NOT NULL THEN 'stuck since ' || to_char(stuck_since, 'YYYY-MM-DD HH24:MI:SS') || ': ' || stuck ELSE 'up' END, "
    "coalesce(to_char(progress_at, 'YYYY-MM-DD HH24:MI:SS'), '-') FROM service ORDER BY binary_name, host",
    1
};
static const struct kn_stmt SHARDS = {
    "cli_shards", "SELECT id, coalesce(owner, '-'), epoch, lease_until > now() FROM shard ORDER BY id", 0
};
enum { TASK_ID, TASK_KIND, TASK_OBJECT, TASK_STATE, TASK_STEP, TASK_ATTEMPT, TASK_SINCE, TASK_HOSTS, TASK_REASON };
enum { STEP_NAME, STEP_STATE, STEP_STARTED, STEP_TOOK_MS, STEP_HOST, STEP_REASON };
enum { SERVICE_BINARY, SERVICE_HOST, SERVICE_STATE, SERVICE_PROGRESS };
enum { SHARD_ID, SHARD_OWNER, SHARD_EPOCH, SHARD_LEASED };

/* --- audit ------------------------------------------------------------------------------------------------------------------ */

struct audit_options {
    bool hosts, stores, deep;
    const char *log_dir;
};

static int cli_read_options(int argc, char **argv, struct audit_options *ret, struct kn_error *err)
{
    *ret = (struct audit_options){ .hosts = true, .stores = true };
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--no-hosts") == 0) {
            ret->hosts = false;
        } else if (strcmp(argv[i], "--no-stores") == 0) {
            ret->stores = false;
        } else if (strcmp(argv[i], "--deep") == 0) {
            ret->deep = true;
        } else if (strcmp(argv[i], "--logs") == 0 && i + 1 < argc) {
            ret->log_dir = argv[++i];
        } else {
            return kn_fail(err, KN_BAD_REQUEST, "unknown argument \"%s\"", argv[i]);
        }
    }
    return 0;
}

static int run_audit(struct kn_conductor_audit *audit, const struct kn_conf *conf, const struct audit_options *options,
                     struct kn_error *err)
{
    if (kn_conductor_audit_database(audit, err) < 0 || (options->hosts && kn_conductor_audit_hosts(audit, err) < 0) ||
        (options->stores &&
         (kn_conductor_audit_stores(audit, conf, err) < 0 || kn_conductor_audit_backups(audit, conf, err) < 0)) ||
        (options->log_dir != NULL && kn_conductor_audit_logs(audit, err) < 0)) {
        return -1;
    }
    fprintf(audit->out, "%d promises, %d broken, %d not judged\n", audit->promises, audit->broken, audit->unjudged);
    return kn_conductor_audit_verdict(audit);
}

/* An audit that could not be made is no verdict of "broken": it ends like one that could not judge. */
static int cmd_audit(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    AUTO(kn_bus) struct kn_bus *bus = NULL;
    struct kn_conductor_audit audit = { .db = cli->db, .out = cli->out };
    struct audit_options options;
    int verdict = -1;

    if (cli_read_options(argc, argv, &options, err) < 0) {
        return -1;
    }
    if (kn_db_connect(cli->db, 10000, err) == 0 &&
        (!options.hosts ||
         (kn_bus_new(&cli->conf, "kilonova-audit", &bus, err) == 0 && kn_bus_speak_as(bus, "audit", err) == 0))) {
        audit.bus = bus;
        audit.log_dir = options.log_dir;
        audit.is_deep = options.deep;
        verdict = run_audit(&audit, &cli->conf, &options, err);
    }
    if (verdict < 0) {
        fprintf(cli->out, "not judged: %s\n", err->message);
    }
    return verdict < 0 ? 2 : verdict;
}

/* --- history ---------------------------------------------------------------------------------------------------------------- */

static int cmd_history_prune(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    const bool is_dry = argc == 1 && strcmp(argv[0], "--dry-run") == 0;
    bool more = !is_dry;

    if (argc > 0 && !is_dry) {
        return kn_fail(err, KN_BAD_REQUEST, "unknown argument \"%s\"", argv[0]);
    }
    if (kn_db_connect(cli->db, 10000, err) < 0) {
        return -1;
    }
    for (const struct kn_conductor_history *kind = kn_conductor_history; kind->name != NULL; kind++) {
        int64_t count = 0;

        if (kn_conductor_history_count(cli->db, &cli->conf, kind, &count, err) < 0) {
            return -1;
        }
        if (kind->days == NULL) {
            fprintf(cli->out, "%8lld  %s\n", (long long)count, kind->name);
            continue;
        }
        fprintf(cli->out, "%8lld  %s older than %lld days%s\n", (long long)count, kind->name,
                (long long)kind->days(&cli->conf), kind->days(&cli->conf) == 0 ? " (kept for ever)" : "");
    }
    while (more) {
        if (kn_conductor_history_prune(cli->db, &cli->conf, &more, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- tasks ------------------------------------------------------------------------------------------------------------------ */

static int cmd_task_list(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (argc > 1) {
        return kn_fail(err, KN_BAD_REQUEST, "unknown argument \"%s\"", argv[1]);
    }
    if (kn_db_connect(cli->db, 10000, err) < 0 ||
        kn_db_run(cli->db, &TASKS, KN_ARGS(argc > 0 ? argv[0] : ""), &rows, err) < 0) {
        return -1;
    }
    fprintf(cli->out, "%8s  %-22s %-36s %-6s %4s %-19s %s\n", "task", "kind", "object", "state", "step", "since",
            "host, reason");
    for (int i = 0; i < kn_rows_count(rows); i++) {
        fprintf(cli->out, "%8s  %-22s %-36s %-6s %4s %-19s %s %s\n", kn_rows_text(rows, i, TASK_ID),
                kn_rows_text(rows, i, TASK_KIND), kn_rows_text(rows, i, TASK_OBJECT), kn_rows_text(rows, i, TASK_STATE),
                kn_rows_text(rows, i, TASK_STEP), kn_rows_text(rows, i, TASK_SINCE), kn_rows_text(rows, i, TASK_HOSTS),
                kn_rows_text(rows, i, TASK_REASON));
    }
    return 0;
}

static int cmd_task_show(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (argc != 1 || strspn(argv[0], "0123456789") != strlen(argv[0]) || strlen(argv[0]) > 18) {
        return kn_fail(err, KN_BAD_REQUEST, "a task's number is wanted");
    }
    if (kn_db_connect(cli->db, 10000, err) < 0 || kn_db_run(cli->db, &STEPS, KN_ARGS(argv[0]), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        kn_fail(err, KN_NOT_FOUND, "task %s is unknown, or has no steps", argv[0]);
        return kn_fail_hint(
            err,
            "kilonova task list OBJECT lists those of a server, volume or image; ended ones are kept for history.tasks_days");
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        fprintf(cli->out, "%-22s %-7s %s %6s ms  %s %s\n", kn_rows_text(rows, i, STEP_NAME),
                kn_rows_text(rows, i, STEP_STATE), kn_rows_text(rows, i, STEP_STARTED),
                kn_rows_text(rows, i, STEP_TOOK_MS), kn_rows_text(rows, i, STEP_HOST),
                kn_rows_text(rows, i, STEP_REASON));
    }
    return 0;
}

static int cmd_service_list(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg silence;

    (void)argc;
    (void)argv;
    if (kn_db_connect(cli->db, 10000, err) < 0 ||
        kn_db_run(cli->db, &SERVICES, KN_ARGS(kn_arg_int(&silence, cli->conf.scheduler_agent_timeout_s)), &rows, err) <
            0) {
        return -1;
    }
    fprintf(cli->out, "%-20s %-24s %-19s  %s\n", "service", "host", "last progress", "state");
    for (int i = 0; i < kn_rows_count(rows); i++) {
        fprintf(cli->out, "%-20s %-24s %-19s  %s\n", kn_rows_text(rows, i, SERVICE_BINARY),
                kn_rows_text(rows, i, SERVICE_HOST), kn_rows_text(rows, i, SERVICE_PROGRESS),
                kn_rows_text(rows, i, SERVICE_STATE));
    }
    return 0;
}

static int cmd_shard_list(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    (void)argc;
    (void)argv;
    if (kn_db_connect(cli->db, 10000, err) < 0 || kn_db_run(cli->db, &SHARDS, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        fprintf(cli->out, "shard %2s  epoch %4s  %-30s %s\n", kn_rows_text(rows, i, SHARD_ID),
                kn_rows_text(rows, i, SHARD_EPOCH), kn_rows_text(rows, i, SHARD_OWNER),
                kn_rows_bool(rows, i, SHARD_LEASED) ? "leased" : "free");
    }
    return 0;
}

/* --- flows ------------------------------------------------------------------------------------------------------------------ */

static void cli_print_row(FILE *out, const struct kn_conductor_flow_row *row)
{
    for (int i = 0; i < KN_ROW_PARTS && row->parts[i].message != NULL; i++) {
        fprintf(out, "%s%s", i == 0 ? "[" : " | ", row->parts[i].message);
        if (row->parts[i].undo != NULL) {
            fprintf(out, " (undo %s)", row->parts[i].undo);
        }
    }
    fputc(']', out);
}

static int cmd_flow_list(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    (void)argc;
    (void)argv;
    (void)err;
    for (int t = 0; kn_conductor_flow_tables[t] != NULL; t++) {
        for (const struct kn_conductor_flow *flow = kn_conductor_flow_tables[t]; flow->kind != NULL; flow++) {
            fprintf(cli->out, "%-22s ", flow->kind);
            for (int row = 0; row < flow->row_count; row++) {
                fputs(row == 0 ? "" : " -> ", cli->out);
                cli_print_row(cli->out, &flow->rows[row]);
            }
            fputs(flow->retry_row >= 0 ? "  (tries other hosts)\n" : "\n", cli->out);
        }
    }
    return 0;
}

const struct kn_command kn_conductor_commands[] = {
    { "audit", "[--deep] [--no-hosts] [--no-stores] [--logs DIR]",
      "check every promise of the design; exits 0: all kept, 1: one is broken, 2: not all could be judged; --deep reads images' data, --logs looks for secrets in the daemons' logs",
      cmd_audit },
    { "flow list", "", "every kind of task with its rows of messages and how they are taken back", cmd_flow_list },
    { "history prune", "[--dry-run]", "drop what is older than history.* says, now; with --dry-run only count it",
      cmd_history_prune },
    { "service list", "", "which daemons are up, silent or stuck, and why", cmd_service_list },
    { "shard list", "", "which conductor leases which shard", cmd_shard_list },
    { "task list", "[OBJECT]", "open and failed tasks, or all of one object, newest first", cmd_task_list },
    { "task show", "TASK", "the steps of a task: when, how long, where, why not", cmd_task_show },
    { NULL, NULL, NULL, NULL },
};
