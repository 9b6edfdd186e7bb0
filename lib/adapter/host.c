/* SPDX-License-Identifier: Apache-2.0 */
/* A host that is gone for good: the one statement that forgets it, for `kilonova host remove` and for DELETE of its service, which say in words of their own what is in the way. */
#include "lib/base/mem.h"
#include "lib/adapter/host.h"

/* Nothing is removed from under a server, nor while its agent would say hello at once. */
static const struct kn_stmt IN_THE_WAY = {
    "host_in_the_way",
    "SELECT (SELECT count(*) FROM server s WHERE s.host = h.name), (SELECT count(*) FROM allocation a WHERE a.host = h.name), "
    "g.last_seen > now() - $2::bigint * interval '1 s', extract(epoch FROM now() - g.last_seen)::bigint, g.id "
    "FROM host h JOIN agent g ON g.id = h.agent_id WHERE h.name = $1 FOR UPDATE OF h",
    2
};
enum { WAY_SERVERS, WAY_PLACES, WAY_IS_HEARD, WAY_HEARD_S, WAY_AGENT };
static const struct kn_stmt REMOVE = { "host_remove", "DELETE FROM host WHERE name = $1", 1 };

int kn_host_remove(struct kn_db *db, const char *host, int64_t silent_s, struct kn_host_obstacles *ret,
                   struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_arg patience;

    if (kn_tx_begin(&tx, db, err) < 0 ||
        kn_db_run(db, &IN_THE_WAY, KN_ARGS(host, kn_arg_int(&patience, silent_s)), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "there is no host \"%s\"", host);
    }
    *ret = (struct kn_host_obstacles){ .servers = kn_rows_int(rows, 0, WAY_SERVERS),
                                       .places = kn_rows_int(rows, 0, WAY_PLACES),
                                       .is_heard = kn_rows_bool(rows, 0, WAY_IS_HEARD),
                                       .heard_s = kn_rows_int(rows, 0, WAY_HEARD_S) };
    kn_copy(ret->agent, sizeof(ret->agent), kn_rows_text(rows, 0, WAY_AGENT));
    if (ret->servers > 0 || ret->places > 0 || ret->is_heard) {
        return kn_fail(err, KN_CONFLICT, "host \"%s\" is in use", host);
    }
    return kn_db_run(db, &REMOVE, KN_ARGS(host), NULL, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}
