/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rows are history, and how they go. The actions of a server stay as long as it does, and go with it: `server event list` of a living server
 * is never cut. Deletions are idempotent and take few rows, so it does not matter who prunes, or whether two do.
 */
#include "conductor/store/history.h"

#include "lib/base/mem.h"

#define BATCH 500
#define OLD(column) column " < now() - $1::int * interval '1 day'"

#define TASKS \
    "t.state IN ('done', 'failed') AND t." OLD( \
        "finished_at") " AND NOT EXISTS (SELECT 1 FROM server s WHERE s.id = t.object_id AND t.kind NOT IN ('server.describe', 'server.fence'))" /* nobody's actions */
#define SERVERS \
    "s." OLD( \
        "deleted_at") " AND NOT EXISTS (SELECT 1 FROM allocation a WHERE a.server_id = s.id)" \
                      " AND NOT EXISTS (SELECT 1 FROM attachment a WHERE a.server_id = s.id)" \
                      " AND NOT EXISTS (SELECT 1 FROM task t WHERE t.object_id = s.id AND t.state IN ('run', 'undo'))"
#define IMAGES \
    "i." OLD( \
        "deleted_at") " AND i.sha512 IS NULL" \
                      " AND NOT EXISTS (SELECT 1 FROM task t WHERE t.object_id = i.id AND t.state IN ('run', 'undo'))"
#define MESSAGES "m." OLD("created_at")
#define SERVICES OLD("last_seen") " AND NOT EXISTS (SELECT 1 FROM shard h WHERE h.owner = host OR h.owner = boot)"
/* Ports hold their groups, rules the address groups that they name. */
#define UNPLUGGED(g) \
    "NOT EXISTS (SELECT 1 FROM port_security_group b JOIN security_group o ON o.id = b.group_id WHERE o.project_id = " g \
    ".project_id) AND NOT EXISTS (SELECT 1 FROM security_group_rule r JOIN security_group o ON o.id = r.remote_group_id" \
    " WHERE o.project_id = " g ".project_id AND r.project_id <> " g ".project_id)"
#define UNNAMED(a) "NOT EXISTS (SELECT 1 FROM security_group_rule r WHERE r.remote_address_group_id = " a ".id)"
/* What of a project that is gone nobody uses, and who was let at it: that goes first, and is given back. */
#define ORPHANED(i) \
    "$1::int > 0 AND " i ".project_id <> '' AND NOT EXISTS (SELECT 1 FROM any_project p WHERE p.id = " i ".project_id)"
#define LETS "rbac_policy b JOIN network_idle i ON i.id = b.object_id WHERE " ORPHANED("i")
#define IDLE \
    "network_idle i WHERE i.kind IN ('qos_policy', 'subnetpool', 'address_scope') AND " ORPHANED( \
        "i") " AND NOT EXISTS (SELECT 1 FROM rbac_policy b WHERE b.object_id = i.id)"
/* What was said of a project and is nobody's any more; usage only when nothing is left that it counts. */
#define PROJECT_ROWS \
    "(SELECT project_id FROM quota_limit UNION SELECT project_id FROM quota_change UNION SELECT project_id FROM flavor_access UNION " \
    "SELECT project_id FROM volume_type_project UNION SELECT project_id FROM volume_type_default UNION SELECT project_id FROM server_group UNION SELECT project_id FROM quota_usage WHERE used = 0 UNION " \
    "SELECT g.project_id FROM security_group g WHERE " UNPLUGGED("g") " UNION SELECT a.project_id FROM address_group a WHERE " UNNAMED( \
        "a") ") r " \
             "WHERE $1::int > 0 AND r.project_id <> '' AND NOT EXISTS (SELECT 1 FROM any_project p WHERE p.id = r.project_id)"
#define KEYPAIRS "$1::int > 0 AND NOT EXISTS (SELECT 1 FROM identity_user u WHERE u.id = k.user_id)"
#define DEPARTED \
    "$1::int > 0 AND NOT EXISTS (SELECT 1 FROM server s WHERE s.user_id = d.id AND s.deleted_at IS NULL)" \
    " AND NOT EXISTS (SELECT 1 FROM volume v WHERE v.user_id = d.id) AND NOT EXISTS (SELECT 1 FROM keypair k WHERE k.user_id = d.id)"
#define AGENTS "g." OLD("last_seen") " AND NOT EXISTS (SELECT 1 FROM host h WHERE h.agent_id = g.id)"

static int64_t task_days(const struct kn_conf *conf)
{
    return conf->history_tasks_days;
}

static int64_t server_days(const struct kn_conf *conf)
{
    return conf->history_deleted_servers_days;
}

static int64_t image_days(const struct kn_conf *conf)
{
    return conf->history_deleted_images_days;
}

static int64_t message_days(const struct kn_conf *conf)
{
    return conf->history_messages_days;
}

static int64_t daemon_days(const struct kn_conf *conf)
{
    return conf->history_daemons_days;
}

const struct kn_conductor_history kn_conductor_history[] = {
    { "tasks",
      task_days,
      { "history_tasks_count", "SELECT count(*) FROM task t WHERE " TASKS, 1 },
      { "history_tasks_prune",
        "DELETE FROM task WHERE id IN (SELECT t.id FROM task t WHERE " TASKS
        " ORDER BY t.finished_at LIMIT $2::int) RETURNING id",
        2 } },
    { "deleted servers",
      server_days,
      { "history_servers_count", "SELECT count(*) FROM server s WHERE " SERVERS, 1 },
      { "history_servers_prune",
        "WITH old AS (SELECT s.id FROM server s WHERE " SERVERS " ORDER BY s.deleted_at LIMIT $2::int), "
        "gone AS (DELETE FROM task t USING old WHERE t.object_id = old.id) "
        "DELETE FROM server USING old WHERE server.id = old.id RETURNING server.id",
        2 } },
    { "deleted images",
      image_days,
      { "history_images_count", "SELECT count(*) FROM image i WHERE " IMAGES, 1 },
      { "history_images_prune",
        "WITH old AS (SELECT i.id FROM image i WHERE " IMAGES " ORDER BY i.deleted_at LIMIT $2::int), "
        "members AS (DELETE FROM image_member m USING old WHERE m.image_id = old.id) "
        "DELETE FROM image USING old WHERE image.id = old.id RETURNING image.id",
        2 } },
    { "messages about volumes",
      message_days,
      { "history_messages_count", "SELECT count(*) FROM volume_message m WHERE " MESSAGES, 1 },
      { "history_messages_prune",
        "DELETE FROM volume_message WHERE id IN (SELECT m.id FROM volume_message m WHERE " MESSAGES
        " LIMIT $2::int) RETURNING id",
        2 } },
    { "silent services",
      daemon_days,
      { "history_services_count", "SELECT count(*) FROM service WHERE " SERVICES, 1 },
      { "history_services_prune",
        "DELETE FROM service WHERE id IN (SELECT id FROM service WHERE " SERVICES " LIMIT $2::int) RETURNING id", 2 } },
    { "agents without hosts",
      daemon_days,
      { "history_agents_count", "SELECT count(*) FROM agent g WHERE " AGENTS, 1 },
      { "history_agents_prune",
        "DELETE FROM agent WHERE id IN (SELECT g.id FROM agent g WHERE " AGENTS " LIMIT $2::int) RETURNING id", 2 } },
    { "RBAC policies of what projects that are gone left unused",
      NULL,
      { "history_policies_count", "SELECT count(*) FROM " LETS, 1 },
      { "history_policies_prune",
        "WITH gone AS (DELETE FROM rbac_policy WHERE id IN (SELECT b.id FROM " LETS
        " LIMIT $2::int) RETURNING id, project_id, target), "
        "back AS (UPDATE quota_usage q SET used = q.used - c.n FROM (SELECT project_id, count(*) n FROM gone WHERE target <> '*' GROUP BY project_id) c "
        "WHERE q.service = 'network' AND q.project_id = c.project_id AND q.resource = 'rbac_policy') SELECT id FROM gone",
        2 } },
    { "QoS policies, subnet pools and address scopes of projects that are gone",
      NULL,
      { "history_idle_count", "SELECT count(*) FROM " IDLE, 1 },
      { "history_idle_prune",
        "WITH gone AS (SELECT i.id FROM " IDLE " LIMIT $2::int), "
        "a AS (DELETE FROM qos_policy q USING gone WHERE q.id = gone.id), "
        "b AS (DELETE FROM subnet_pool s USING gone WHERE s.id = gone.id RETURNING s.project_id), "
        "back AS (UPDATE quota_usage q SET used = q.used - c.n FROM (SELECT project_id, count(*) n FROM b GROUP BY project_id) c "
        "WHERE q.service = 'network' AND q.project_id = c.project_id AND q.resource = 'subnetpool'), "
        "c AS (DELETE FROM address_scope s USING gone WHERE s.id = gone.id) SELECT id FROM gone",
        2 } },
    { "projects that are gone, with quotas or usage",
      NULL,
      { "history_projects_count", "SELECT count(*) FROM " PROJECT_ROWS, 1 },
      { "history_projects_prune",
        "WITH gone AS (SELECT r.project_id FROM " PROJECT_ROWS " LIMIT $2::int), "
        "a AS (DELETE FROM quota_limit q USING gone WHERE q.project_id = gone.project_id), "
        "b AS (DELETE FROM quota_change c USING gone WHERE c.project_id = gone.project_id), "
        "c AS (DELETE FROM flavor_access f USING gone WHERE f.project_id = gone.project_id), "
        "d AS (DELETE FROM volume_type_project t USING gone WHERE t.project_id = gone.project_id), "
        "i AS (DELETE FROM volume_type_default t USING gone WHERE t.project_id = gone.project_id), "
        "e AS (DELETE FROM server_group s USING gone WHERE s.project_id = gone.project_id), "
        "f AS (DELETE FROM security_group g USING gone WHERE g.project_id = gone.project_id AND " UNPLUGGED(
            "g") "), "
                 "g AS (DELETE FROM address_group a USING gone WHERE a.project_id = gone.project_id AND " UNNAMED(
                     "a") "), "
                          "h AS (DELETE FROM quota_usage u USING gone WHERE u.project_id = gone.project_id AND (u.used = 0 OR u.resource = 'server_groups'"
                          " OR (u.resource IN ('security_group', 'security_group_rule') AND " UNPLUGGED(
                              "u") "))) "
                                   "SELECT project_id FROM gone",
        2 } },
    { "key pairs of users that are gone",
      NULL,
      { "history_keypairs_count", "SELECT count(*) FROM keypair k WHERE " KEYPAIRS, 1 },
      { "history_keypairs_prune",
        "WITH gone AS (DELETE FROM keypair WHERE id IN (SELECT k.id FROM keypair k WHERE " KEYPAIRS
        " LIMIT $2::int) RETURNING id, user_id), "
        "back AS (UPDATE quota_usage q SET used = q.used - c.n FROM (SELECT user_id, count(*) n FROM gone GROUP BY user_id) c "
        "WHERE q.service = 'compute' AND q.project_id = c.user_id AND q.resource = 'key_pairs') SELECT id FROM gone",
        2 } },
    { "users that are gone, of whom nothing is left",
      NULL,
      { "history_departed_count", "SELECT count(*) FROM departed_user d WHERE " DEPARTED, 1 },
      { "history_departed_prune",
        "DELETE FROM departed_user WHERE id IN (SELECT d.id FROM departed_user d WHERE " DEPARTED
        " LIMIT $2::int) RETURNING id",
        2 } },
    { .name = NULL },
};

/* What has no days of its own goes at once. */
static int64_t history_days_of(const struct kn_conductor_history *kind, const struct kn_conf *conf)
{
    return kind->days == NULL ? 1 : kind->days(conf);
}

int kn_conductor_history_prune(struct kn_db *db, const struct kn_conf *conf, bool *ret_more, struct kn_error *err)
{
    bool more = false;

    for (const struct kn_conductor_history *kind = kn_conductor_history; kind->name != NULL; kind++) {
        AUTO(kn_rows) struct kn_rows *rows = NULL;
        struct kn_arg days, limit;

        if (history_days_of(kind, conf) == 0) {
            continue;
        }
        if (kn_db_run(db, &kind->prune,
                      KN_ARGS(kn_arg_int(&days, history_days_of(kind, conf)), kn_arg_int(&limit, BATCH)), &rows,
                      err) < 0) {
            return kn_fail_context(err, "prune %s", kind->name);
        }
        more = more || kn_rows_count(rows) == BATCH;
    }
    *ret_more = more;
    return 0;
}

int kn_conductor_history_count(struct kn_db *db, const struct kn_conf *conf, const struct kn_conductor_history *kind,
                               int64_t *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg days;

    if (history_days_of(kind, conf) == 0) {
        *ret = 0;
        return 0;
    }
    if (kn_db_run(db, &kind->count, KN_ARGS(kn_arg_int(&days, history_days_of(kind, conf))), &rows, err) < 0) {
        return -1;
    }
    *ret = kn_rows_int(rows, 0, KN_ONLY);
    return 0;
}
