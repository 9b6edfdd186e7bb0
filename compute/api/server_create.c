/* SPDX-License-Identifier: Apache-2.0 */
/* POST /servers: plan, write, answer. The body's meaning is server_plan.c's, the rows are server_insert.c's. */
#include <stdio.h>
#include <string.h>

#include "compute/api.h"
#include "compute/api/server_noun.h"
#include "compute/rows/server_insert.h"
#include "compute/rows/view.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"
#include "lib/rest/manners.h"

static void server_create_answer(struct kn_request *req, const struct kn_compute_server_plan *plan, const char *id,
                                 struct kn_response *res)
{
    const json_t *in = json_object_get(req->body, "server");
    const char *given = json_string_value(json_object_get(in, "adminPass"));
    const json_t *groups = json_object_get(in, "security_groups");
    AUTO_FREE char *groups_text = groups != NULL ? json_dumps(groups, JSON_COMPACT) : NULL;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf location = KN_STRBUF_INIT;
    char password[KN_PASSWORD_MADE];

    kn_compute_password_make(password);
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "server");
    kn_jsonw_str(&res->body, "id", id);
    KN_REST_NOVA.links(req, &kn_compute_server_noun, id, &res->body);
    kn_jsonw_str(&res->body, "OS-DCF:diskConfig", plan->disk_config);
    kn_jsonw_raw(&res->body, "security_groups", groups_text != NULL ? groups_text : "[{\"name\":\"default\"}]");
    kn_jsonw_str(&res->body, "adminPass", given != NULL ? given : password);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    kn_strbuf_addf(&location, "%s/v2.1/servers/%s", req->base_url, id);
    kn_response_header(res, "Location", location.buf);
}

int kn_compute_servers_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_compute_server_plan) struct kn_compute_server_plan plan = { 0 };
    AUTO_RELEASE(kn_convoy_coming) struct kn_convoy_coming coming = { NULL };
    char first_id[KN_UUID_SIZE];

    kn_compute_server_announce(&coming);
    if (kn_compute_server_plan_read(req, &plan, err) < 0 ||
        kn_compute_server_insert(req, &plan, &coming, first_id, err) < 0) {
        return -1;
    }
    if (kn_schema_bool(json_object_get(req->body, "server"), "return_reservation_id", false)) {
        kn_jsonw_object(&res->body, NULL);
        kn_jsonw_str(&res->body, "reservation_id", plan.reservation_id);
        kn_jsonw_end_object(&res->body);
    } else {
        server_create_answer(req, &plan, first_id, res);
    }
    return 0;
}
