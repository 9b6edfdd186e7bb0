/* SPDX-License-Identifier: Apache-2.0 */
/* What users write on a server (compute/api/server_labels.c): how its host hears of it, and how much it may be. */
#include "compute/rows/server.h"
#include "lib/domain/limits.h"

/* Tasks before the server, as everybody locks them. */
static const struct kn_stmt DESCRIBE_END = {
    "server_describe_end",
    "UPDATE task SET state = 'done', finished_at = now(), deadline = NULL WHERE object_id = $1 AND kind = 'server.describe' "
    "AND " KN_TASK_IS_OPEN("state"),
    1
};

int kn_compute_server_describe_begin(struct kn_db *db, const char *id, struct kn_error *err)
{
    return kn_db_run(db, &DESCRIBE_END, KN_ARGS(id), NULL, err);
}

int kn_compute_server_describe(const struct kn_request *req, const char *id, const char *project, const char *host,
                               int64_t *ret_task, struct kn_error *err)
{
    const struct kn_task_wish wish = { "server.describe", id, project, req->caller.user_id, req->request_id, NULL };

    *ret_task = 0;
    return host == NULL ? 0 : kn_task_insert(req->db, &wish, ret_task, err);
}

int kn_compute_server_metadata_check(const char *text, struct kn_error *err)
{
    return kn_limit_fits(KN_LIMIT_SERVER_METADATA, text)
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Metadata is too large: a server's keys and values have at most %d bytes in all",
                         KN_MAX_SERVER_METADATA);
}
