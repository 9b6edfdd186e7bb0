/* SPDX-License-Identifier: Apache-2.0 */
/* standing.c: one row a router, of the newest lease that somebody said it stands by. */
#include "network/serve/standing.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

static const struct kn_stmt HEAR = {
    "standing_hear",
    "WITH mine AS (SELECT h.name FROM host h WHERE h.name = $1 AND h.agent_id = $2),"
    " said AS (SELECT DISTINCT ON (w.id) w.id, w.lease, coalesce(w.why, '') AS why FROM jsonb_to_recordset($3::jsonb) AS w(id uuid, lease bigint, why text) ORDER BY w.id, w.lease DESC),"
    " gone AS (DELETE FROM router_stand s USING mine WHERE s.host = mine.name AND NOT EXISTS (SELECT FROM said WHERE said.id = s.router_id))"
    " INSERT INTO router_stand AS s (router_id, host, lease, why) SELECT said.id, mine.name, said.lease, said.why FROM said, mine"
    " ON CONFLICT (router_id) DO UPDATE SET host = excluded.host, lease = excluded.lease, why = excluded.why, since = now()"
    " WHERE excluded.lease >= s.lease AND (s.host, s.lease, s.why) IS DISTINCT FROM (excluded.host, excluded.lease, excluded.why)",
    3
};

int kn_network_standing_hear(struct kn_db *db, const struct kn_message *report, struct kn_error *err)
{
    if (strcmp(report->type->name, "net.routers") != 0) {
        return 0;
    }
    AUTO_FREE char *routers = json_dumps(json_object_get(report->body, "routers"), JSON_COMPACT);

    return kn_db_run(db, &HEAR, KN_ARGS(kn_json_str(report->body, "host"), kn_json_str(report->body, "agent"), routers),
                     NULL, err);
}
