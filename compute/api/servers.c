/* SPDX-License-Identifier: Apache-2.0 */
/* Servers over HTTP: list, show, update, delete, and their addresses. Creation is in server_create.c. */
#include "compute/api.h"
#include "compute/api/server_noun.h"
#include "compute/rows/server.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"
#include "lib/rest/together.h"
#include "network/api.h"

static const char *const DISK_CONFIGS[] = { "AUTO", "MANUAL", NULL };
static const struct kn_schema SERVER[] = {
    KN_SCHEMA("name", KN_IS_STRING, .limit = KN_LIMIT_SERVER_NAME, .rule = &KN_TEXT_NAME),
    KN_SCHEMA("description", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_SERVER_DESCRIPTION,
              .rule = &KN_TEXT_PRINTABLE, .since = 19),
    KN_SCHEMA("hostname", KN_IS_STRING, .limit = KN_LIMIT_SERVER_LABEL, .rule = &KN_TEXT_HOSTNAME, .since = 90,
              .until = 93),
    KN_SCHEMA("hostname", KN_IS_STRING, .limit = KN_LIMIT_SERVER_HOSTNAME, .rule = &KN_TEXT_FQDN, .since = 94),
    KN_SCHEMA("accessIPv4", KN_IS_STRING, .rule = &KN_TEXT_IPV4),
    KN_SCHEMA("accessIPv6", KN_IS_STRING, .rule = &KN_TEXT_IPV6),
    KN_SCHEMA("OS-DCF:diskConfig", KN_IS_STRING, .words = DISK_CONFIGS),
    KN_SCHEMA("pinned_availability_zone", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_ZONE, .since = 104),
    KN_SCHEMA_END,
};
static const struct kn_schema UPDATE[] = {
    KN_SCHEMA("server", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = SERVER),
    KN_SCHEMA_END,
};

int kn_compute_servers_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_compute_server_noun, req, KN_REST_BRIEF, NULL, res, err);
}

int kn_compute_servers_detail(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_compute_server_noun, req, KN_REST_LIST, "/servers/detail", res, err);
}

static const struct kn_rest_bound ALIVE[] = { { "s.deleted_at IS NULL", NULL }, { NULL, NULL } };

static int answer_one(struct kn_request *req, struct kn_response *res, unsigned view, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_rest_find(&kn_compute_server_noun, req, req->params[0], view, ALIVE, &rows, err) < 0) {
        return -1;
    }
    kn_rest_write_one(&kn_compute_server_noun, req, view, rows, res);
    return 0;
}

int kn_compute_servers_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show_together(&kn_compute_server_noun, req, req->params[0], KN_REST_SHOW, ALIVE, res, err);
}

bool kn_compute_servers_join(struct kn_request *req)
{
    return req->route->handle == kn_compute_servers_show &&
           kn_rest_join_together(&kn_compute_server_noun, req, req->params[0], KN_REST_SHOW, ALIVE);
}

int kn_compute_servers_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const json_t *in = NULL, *pin = NULL;
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_compute_server_update update;
    const char *id;
    int64_t task = 0;

    if (kn_schema_check(UPDATE, req->body, req->microversion, err) < 0 ||
        kn_compute_server_get(req, req->params[0], &rows, err) < 0) {
        return -1;
    }
    in = json_object_get(req->body, "server");
    pin = json_object_get(in, "pinned_availability_zone");
    update = (struct kn_compute_server_update){
        .name = json_string_value(json_object_get(in, "name")),
        .hostname = json_string_value(json_object_get(in, "hostname")),
        .has_description = json_object_get(in, "description") != NULL,
        .description = json_string_value(json_object_get(in, "description")),
        .access_ipv4 = json_string_value(json_object_get(in, "accessIPv4")),
        .access_ipv6 = json_string_value(json_object_get(in, "accessIPv6")),
        .disk_config = json_string_value(json_object_get(in, "OS-DCF:diskConfig")),
    };
    id = kn_rows_text(rows, 0, KN_SERVER_ID);
    if (kn_tx_begin(&tx, req->db, err) < 0 || kn_compute_server_describe_begin(req->db, id, err) < 0 ||
        (pin != NULL && kn_compute_server_pin_again(req->db, id, json_string_value(pin), err) < 0) ||
        kn_compute_server_update(req->db, id, &update, err) < 0 ||
        (update.hostname != NULL && kn_network_server_renamed(req->db, id, err) < 0) ||
        kn_compute_server_describe(req, id, kn_rows_text(rows, 0, KN_SERVER_PROJECT),
                                   kn_rows_str(rows, 0, KN_SERVER_HOST), &task, err) < 0 ||
        kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    if (update.hostname != NULL) {
        kn_network_server_told(req);
    }
    if (task > 0) {
        kn_task_wake(req->bus, id, task);
    }
    return answer_one(req, res, kn_compute_since(req, 75) ? KN_REST_SHOW : KN_REST_CHANGED, err);
}

int kn_compute_servers_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_compute_server_delete(req, req->params[0], false, err);
}

int kn_compute_server_ips_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_compute_server_get(req, req->params[0], &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_compute_server_addresses(&res->body, "addresses", kn_rows_text(rows, 0, KN_SERVER_NICS), "", false);
    kn_jsonw_end_object(&res->body);
    return 0;
}

/* {"<network>":[…]}, one network. */
int kn_compute_server_ips_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_strbuf *sb = &res->body;

    if (kn_compute_server_get(req, req->params[0], &rows, err) < 0) {
        return -1;
    }
    if (kn_compute_server_addresses(sb, NULL, kn_rows_text(rows, 0, KN_SERVER_NICS), req->params[1], false) == 0) {
        kn_strbuf_clear(sb);
        return kn_fail(err, KN_NOT_FOUND, "Network %.100s not found for the instance", req->params[1]);
    }
    return 0;
}
