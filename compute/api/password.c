/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os-server-password: what the guest posted to its metadata service. Its host keeps it, so its agent is asked. To clear it takes two questions: which
 * posting there is, and to forget that one; said twice, the second drops no other. And changePassword, which asks the guest's agent for one.
 */
#include "compute/api.h"
#include "compute/api/server_host.h"
#include "compute/rows/server.h"
#include "lib/adapter/crypto.h"

static int unreadable(const struct kn_request *req, struct kn_error *err)
{
    return kn_fail(err, KN_UNAVAILABLE, "The password of instance %s cannot be read now", req->params[0]);
}

/* Of a guest that is not there yet, or not there any more: it posted nothing. */
static bool is_away(const struct kn_message *answer)
{
    return !answer->ok && (answer->error.code == KN_NOT_FOUND || answer->error.code == KN_STALE);
}

static void write_password(struct kn_response *res, const char *password)
{
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_str(&res->body, "password", password);
    kn_jsonw_end_object(&res->body);
}

static int password_show(struct kn_request *req, const struct kn_message *answer, struct kn_response *res,
                         struct kn_error *err)
{
    if (!answer->ok && !is_away(answer)) {
        return unreadable(req, err);
    }
    write_password(res, kn_json_str(answer->result, "password"));
    return 0;
}

static int forgotten(struct kn_request *req, const struct kn_message *answer, struct kn_response *res,
                     struct kn_error *err)
{
    (void)res;
    return answer->ok || is_away(answer)
               ? 0
               : kn_fail(err, KN_UNAVAILABLE, "The password of instance %s cannot be cleared now", req->params[0]);
}

/* On the reader's thread. */
static int api_password_forget(struct kn_request *req, const struct kn_message *answer, struct kn_response *res,
                               struct kn_error *err)
{
    const char *posted = kn_json_str(answer->result, "posted");
    const char *host = kn_json_str(answer->result, "host");

    (void)res;
    if (!answer->ok || *posted == '\0') {
        return answer->ok || is_away(answer) ? 0 : unreadable(req, err);
    }
    json_auto_t *body = json_pack("{s:s, s:s, s:s}", "host", host, "server", req->params[0], "posted", posted);
    const struct kn_question question = {
        "server.forget_password", answer->agent, host, answer->generation, body, forgotten, true, NULL
    };
    return kn_question_ask(req->questions, req, &question, err) < 0 ? -1 : KN_ASKED_ON;
}

static int password_ask(struct kn_request *req, kn_question_answered *answered, bool *ret_asked, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    return kn_compute_server_get(req, req->params[0], &rows, err) < 0
               ? -1
               : kn_compute_server_ask_host(req, req->params[0], "server.password", NULL, answered, ret_asked, err);
}

int kn_compute_server_password_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    bool asked = false;

    if (password_ask(req, password_show, &asked, err) < 0) {
        return -1;
    }
    if (!asked) {
        write_password(res, "");
    }
    return 0;
}

int kn_compute_server_password_clear(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    bool asked = false;

    (void)res;
    return password_ask(req, api_password_forget, &asked, err);
}

void kn_compute_password_make(char out[KN_PASSWORD_MADE])
{
    static const char LETTERS[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    unsigned char random[KN_PASSWORD_MADE - 1];

    kn_random(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) {
        out[i] = LETTERS[random[i] % (sizeof(LETTERS) - 1)];
    }
    out[sizeof(random)] = '\0';
}

/* --- changePassword: the guest's own agent does it; nobody keeps it ------------------------------------------------------ */

const struct kn_schema kn_compute_password_body[] = {
    KN_SCHEMA("adminPass", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_ADMIN_PASS), KN_SCHEMA_END
};
/* Whose it is, the image says. */
static const struct kn_stmt ADMIN = {
    "password_admin",
    "SELECT coalesce((SELECT coalesce(i.properties->>'os_admin_user', CASE i.properties->>'os_type' WHEN 'windows' THEN 'Administrator' END) "
    "FROM image i WHERE i.id = s.image_id), 'root') FROM server s WHERE s.id = $1",
    1
};
enum { ADMIN_USER };

static int password_set(struct kn_request *req, const struct kn_message *answer, struct kn_response *res,
                        struct kn_error *err)
{
    const enum kn_code code = answer->error.code;
    const char *id = req->params[0];

    if (answer->ok) {
        res->status = 202;
        return 0;
    }
    if (code == KN_NOT_IMPLEMENTED) {
        return kn_fail(err, KN_CONFLICT, "QEMU guest agent is not enabled");
    }
    if (code == KN_CONFLICT || is_away(answer)) {
        return kn_fail(err, KN_CONFLICT, "Failed to set admin password on %s because instance %s is not running", id,
                       id);
    }
    return kn_fail(err, KN_CONFLICT, "Failed to set admin password on %s because error setting admin password", id);
}

int kn_compute_server_set_password(struct kn_request *req, const json_t *args, struct kn_error *err)
{
    const char *id = req->params[0];
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO(kn_rows) struct kn_rows *admin = NULL;
    bool asked = false;

    if (kn_compute_server_get(req, id, &rows, err) < 0 ||
        kn_compute_server_may(req, rows, kn_server_action("changePassword"), err) < 0 ||
        kn_db_run(req->db, &ADMIN, KN_ARGS(id), &admin, err) < 0 ||
        kn_compute_server_record(req, rows, "server.changePassword", err) < 0 || /* as Nova: that it was tried */
        kn_compute_server_ask_host(req, id, "server.set_password",
                                   json_pack("{s:s, s:s}", "user",
                                             kn_rows_count(admin) > 0 ? kn_rows_text(admin, 0, ADMIN_USER) : "root",
                                             "password", kn_json_str(args, "adminPass")),
                                   password_set, &asked, err) < 0) {
        return -1;
    }
    return asked ? 0 : kn_fail(err, KN_CONFLICT, "Instance %s is not ready", id);
}
