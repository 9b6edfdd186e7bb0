/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which agent carries which host, and the one way to change that. The row is the truth: the scheduler follows it when the agent says hello, which it
 * is asked for here.
 */
#include "scheduler/cli.h"

#include <string.h>

#include "lib/adapter/bus.h"
#include "lib/adapter/host.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

static const struct kn_stmt LIST = {
    "cli_hosts",
    "SELECT coalesce(h.name, nullif(r.subject, ''), '-'), a.id, coalesce(r.boot, a.boot), to_char(a.last_seen, 'YYYY-MM-DD HH24:MI:SS'), "
    "'refused since ' || to_char(r.since, 'YYYY-MM-DD HH24:MI:SS') || ': ' || r.reason FROM host h "
    "FULL JOIN agent_refusal r ON r.agent_id = h.agent_id AND r.subject = h.name JOIN agent a ON a.id = coalesce(h.agent_id, r.agent_id) ORDER BY 1, 2",
    0
};
enum { LISTED_HOST, LISTED_AGENT, LISTED_BOOT, LISTED_HEARD, LISTED_REFUSAL };
static const struct kn_stmt KNOWN = { "cli_agent_known", "SELECT 1 FROM agent WHERE id = $1", 1 };
/* clang-format off */
static const struct kn_stmt MOVE = { "cli_host_move", "UPDATE host SET agent_id = $2, updated_at = now() WHERE name = $1", 2 };
/* clang-format on */

static int cmd_list(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    (void)argc;
    (void)argv;
    if (kn_db_connect(cli->db, 10000, err) < 0 || kn_db_run(cli->db, &LIST, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    fprintf(cli->out, "%-24s %-24s %-36s %-19s  %s\n", "host", "agent", "boot", "last heard", "refused");
    for (int i = 0; i < kn_rows_count(rows); i++) {
        fprintf(cli->out, "%-24s %-24s %-36s %-19s  %s\n", kn_rows_text(rows, i, LISTED_HOST),
                kn_rows_text(rows, i, LISTED_AGENT), kn_rows_text(rows, i, LISTED_BOOT),
                kn_rows_text(rows, i, LISTED_HEARD), kn_rows_text(rows, i, LISTED_REFUSAL));
    }
    return 0;
}

static int cli_ask_to_introduce(const struct kn_cli *cli, const char *agent, struct kn_error *err)
{
    AUTO(kn_bus) struct kn_bus *bus = NULL;
    AUTO_FREE char *topic = kn_asprintf("%s%s", KN_TOPIC_AGENT, agent);
    AUTO_RELEASE(kn_message) struct kn_message message = { 0 };

    kn_message_init(&message, "agent.introduce", NULL);
    if (kn_bus_new(&cli->conf, "kilonova-cli", &bus, err) < 0 || kn_bus_speak_as(bus, "kilonova", err) < 0) {
        return -1;
    }
    return kn_bus_say(bus, topic, 0, &message, err);
}

static int cli_move(struct kn_db *db, const char *host, const char *agent, struct kn_error *err)
{
    int64_t count = 0;

    if (kn_db_connect(db, 10000, err) < 0 || kn_db_change(db, &KNOWN, KN_ARGS(agent), &count, err) < 0) {
        return -1;
    }
    if (count == 0) {
        kn_fail(err, KN_NOT_FOUND, "no agent \"%s\" has ever said hello", agent);
        return kn_fail_hint(err, "start it first; its hello in the host's name is refused until the host is moved");
    }
    if (kn_db_change(db, &MOVE, KN_ARGS(host, agent), &count, err) < 0) {
        return -1;
    }
    return count == 1 ? 0 : kn_fail(err, KN_NOT_FOUND, "there is no host \"%s\"", host);
}

static int cmd_move(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    if (argc != 3 || strcmp(argv[1], "--agent") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "usage: kilonova host move HOST --agent ID");
    }
    if (cli_move(cli->db, argv[0], argv[2], err) < 0 || cli_ask_to_introduce(cli, argv[2], err) < 0) {
        return -1;
    }
    fprintf(cli->out, "host \"%s\" belongs to agent \"%s\" now\n", argv[0], argv[2]);
    return 0;
}

static int cli_remove(struct kn_db *db, const char *host, int64_t silent_s, struct kn_error *err)
{
    struct kn_host_obstacles is = { 0 };

    if (kn_host_remove(db, host, silent_s, &is, err) == 0) {
        return 0;
    }
    if (is.is_heard) {
        kn_fail(err, KN_CONFLICT, "host \"%s\" stays: its agent \"%s\" is alive, last heard of %lld s ago", host,
                is.agent, (long long)is.heard_s);
    } else if (is.servers > 0) {
        kn_fail(err, KN_CONFLICT, "host \"%s\" stays: %lld servers are on it", host, (long long)is.servers);
    } else if (is.places > 0) {
        kn_fail(err, KN_CONFLICT, "host \"%s\" stays: %lld servers hold places on it", host, (long long)is.places);
    } else {
        return -1;
    }
    return kn_fail_hint(err, "delete its servers, then stop its agent for good");
}

static int cmd_remove(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    if (argc != 1) {
        return kn_fail(err, KN_BAD_REQUEST, "usage: kilonova host remove HOST");
    }
    if (kn_db_connect(cli->db, 10000, err) < 0 ||
        cli_remove(cli->db, argv[0], cli->conf.scheduler_agent_timeout_s, err) < 0) {
        return -1;
    }
    fprintf(cli->out, "host \"%s\" is forgotten; an agent that says hello in its name brings it back\n", argv[0]);
    return 0;
}

const struct kn_command kn_scheduler_commands[] = {
    { "host list", "", "which agent carries which host, and which were refused and why", cmd_list },
    { "host move", "HOST --agent ID", "give a host to another agent, that of the machine which replaced its own",
      cmd_move },
    { "host remove", "HOST", "forget a host that is gone for good: no agent speaks for it and no server is on it",
      cmd_remove },
    { NULL, NULL, NULL, NULL },
};
