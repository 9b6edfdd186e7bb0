/* SPDX-License-Identifier: Apache-2.0 */
/* Where routers are and how they are there, from the rows: what an administrator asks when somebody's network does not lead outside. */
#include "network/cli.h"

#include "lib/base/cleanup.h"
#include "lib/domain/lease.h"
#include "network/rows/l3/routers.h"

static const struct kn_stmt ROUTERS = {
    "cli_routers",
    "SELECT r.id, r.project_id, " KN_ROUTER_STATUS(
        "r") ", coalesce(r.host, '-'), r.lease, coalesce(to_char(r.leased_at, 'YYYY-MM-DD HH24:MI:SS'), '-'),"
             " CASE WHEN rs.why <> '' THEN rs.why WHEN r.host IS NOT NULL AND NOT coalesce(n.until > now(), false)"
             " THEN format('the host was last heard %s s ago', greatest(0, extract(epoch FROM now() - n.until)::bigint + $1::bigint)) ELSE r.name END"
             " FROM router r LEFT JOIN network_host n ON n.host = r.host LEFT JOIN router_stand rs ON rs.router_id = r.id AND rs.host = r.host"
             " ORDER BY r.host, r.id",
    1
};
enum { R_ID, R_PROJECT, R_STATUS, R_HOST, R_LEASE, R_SINCE, R_NOTE };

static int cmd_routers(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg lease;

    (void)argc;
    (void)argv;
    if (kn_db_connect(cli->db, 10000, err) < 0 ||
        kn_db_run(cli->db, &ROUTERS, KN_ARGS(kn_arg_int(&lease, KN_LEASE_MS / 1000)), &rows, err) < 0) {
        return -1;
    }
    fprintf(cli->out, "%-36s  %-32s  %-7s %-24s %5s  %-19s  %s\n", "router", "project", "status", "host", "lease",
            "since", "name, or what is wrong");
    for (int i = 0; i < kn_rows_count(rows); i++) {
        fprintf(cli->out, "%-36s  %-32s  %-7s %-24s %5s  %-19s  %s\n", kn_rows_text(rows, i, R_ID),
                kn_rows_text(rows, i, R_PROJECT), kn_rows_text(rows, i, R_STATUS), kn_rows_text(rows, i, R_HOST),
                kn_rows_text(rows, i, R_LEASE), kn_rows_text(rows, i, R_SINCE), kn_rows_text(rows, i, R_NOTE));
    }
    return 0;
}

const struct kn_command kn_network_commands[] = {
    { "router list", "", "which host has which router, by which lease and since when, and what is wrong with it",
      cmd_routers },
    { NULL, NULL, NULL, NULL },
};
