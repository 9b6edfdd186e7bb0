/* SPDX-License-Identifier: Apache-2.0 */
/* server_host: finds who can tell of a server, and asks. What an answer means is the asking file's; whether the caller may ask was decided before. */
#include "compute/api/server_host.h"

enum { AGENT, HOST, GENERATION };
static const struct kn_stmt CARRIER = {
    "server_carrier",
    "SELECT h.agent_id, h.name, s.generation FROM server s JOIN host h ON h.name = s.host WHERE s.id = $1 AND s.launched_at IS NOT NULL",
    1
};

int kn_compute_server_ask_host(struct kn_request *req, const char *server, const char *type, json_t *more,
                               kn_question_answered *answered, bool *ret_asked, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *carrier = NULL;
    json_auto_t *body = more != NULL ? more : json_object();

    if (kn_db_run(req->db, &CARRIER, KN_ARGS(server), &carrier, err) < 0) {
        return -1;
    }
    *ret_asked = kn_rows_count(carrier) > 0;
    if (!*ret_asked) {
        return 0;
    }
    const char *host = kn_rows_text(carrier, 0, HOST);
    const struct kn_question question = {
        type, kn_rows_text(carrier, 0, AGENT), host, kn_rows_int(carrier, 0, GENERATION), body, answered, false, NULL
    };
    json_object_set_new(body, "host", json_string(host));
    json_object_set_new(body, "server", json_string(server));
    return kn_question_ask(req->questions, req, &question, err);
}
