/* SPDX-License-Identifier: Apache-2.0 */
/* Servers over HTTP: list, show, update, delete, and their addresses. Creation is in server_create.c. */
#include "compute/api.h"
#include "compute/api/server_view.h"
#include "compute/rows/server_list.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"

static const char *const DISK_CONFIGS[] = { "AUTO", "MANUAL", NULL };
static const struct kn_schema SERVER[] = {
    KN_SCHEMA("name", KN_IS_STRING, .limit = KN_LIMIT_SERVER_NAME, .rule = &KN_TEXT_NAME),
    KN_SCHEMA("description", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_SERVER_DESCRIPTION, .rule = &KN_TEXT_PRINTABLE, .since = 19),
    KN_SCHEMA("hostname", KN_IS_STRING, .limit = KN_LIMIT_SERVER_LABEL, .rule = &KN_TEXT_HOSTNAME, .since = 90, .until = 93),
    KN_SCHEMA("hostname", KN_IS_STRING, .limit = KN_LIMIT_SERVER_HOSTNAME, .rule = &KN_TEXT_FQDN, .since = 94),
    KN_SCHEMA("accessIPv4", KN_IS_STRING, .rule = &KN_TEXT_IPV4),
    KN_SCHEMA("accessIPv6", KN_IS_STRING, .rule = &KN_TEXT_IPV6),
    KN_SCHEMA("OS-DCF:diskConfig", KN_IS_STRING, .words = DISK_CONFIGS),
    KN_SCHEMA_END,
};
static const struct kn_schema UPDATE[] = {
    KN_SCHEMA("server", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = SERVER),
    KN_SCHEMA_END,
};

static int list(struct kn_request *req, struct kn_response *res, enum kn_server_detail detail, struct kn_error *err)
{
    AUTO_RELEASE(kn_server_list) struct kn_server_list servers = { 0 };
    AUTO_RELEASE(kn_server_view) struct kn_server_view view;
    struct kn_strbuf *sb = &res->body;
    int count = 0;

    kn_server_view_init(&view, req, detail);
    if (kn_server_list_read(req, detail == KN_SERVER_BRIEF, &servers, err) < 0) {
        return -1;
    }
    count = servers.nothing ? 0 : kn_rows_count(servers.rows);
    kn_jsonw_object(sb, NULL);
    kn_jsonw_array(sb, "servers");
    for (int row = 0; row < count; row++) {
        kn_server_view_add(&view, sb, servers.rows, row);
    }
    kn_jsonw_end_array(sb);
    if (count > 0) {
        kn_page_links(sb, req, &servers.page, "servers_links", detail == KN_SERVER_BRIEF ? "/servers" : "/servers/detail", count,
                      kn_rows_str(servers.rows, count - 1, KN_SERVER_ID));
    }
    kn_jsonw_end_object(sb);
    return 0;
}

int kn_servers_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return list(req, res, KN_SERVER_BRIEF, err);
}

int kn_servers_detail(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return list(req, res, KN_SERVER_LISTED, err);
}

static int answer_one(struct kn_request *req, struct kn_response *res, enum kn_server_detail detail, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_RELEASE(kn_server_view) struct kn_server_view view;

    kn_server_view_init(&view, req, detail);
    if (kn_server_get(req, req->params[0], &rows, err) < 0) {
        return -1;
    }
    kn_strbuf_addstr(&res->body, "{\"server\":");
    kn_server_view_add(&view, &res->body, rows, 0);
    kn_strbuf_addch(&res->body, '}');
    return 0;
}

int kn_servers_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return answer_one(req, res, KN_SERVER_FULL, err);
}

int kn_servers_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const json_t *in = NULL;
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_server_update update;
    const char *id;
    int64_t task = 0;

    if (kn_schema_check(UPDATE, req->body, req->microversion, err) < 0 ||
        kn_server_get(req, req->params[0], &rows, err) < 0) {
        return -1;
    }
    in = json_object_get(req->body, "server");
    update = (struct kn_server_update){
        .name = json_string_value(json_object_get(in, "name")),
        .hostname = json_string_value(json_object_get(in, "hostname")),
        .has_description = json_object_get(in, "description") != NULL,
        .description = json_string_value(json_object_get(in, "description")),
        .access_ipv4 = json_string_value(json_object_get(in, "accessIPv4")),
        .access_ipv6 = json_string_value(json_object_get(in, "accessIPv6")),
        .disk_config = json_string_value(json_object_get(in, "OS-DCF:diskConfig")),
    };
    id = kn_rows_text(rows, 0, KN_SERVER_ID);
    if (kn_tx_begin(&tx, req->db, err) < 0 || kn_server_describe_begin(req->db, id, err) < 0 ||
        kn_server_update(req->db, id, &update, err) < 0 || kn_server_describe(req, rows, &task, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    if (task > 0) {
        kn_task_wake(req->bus, id, task);
    }
    return answer_one(req, res, kn_since(req, 75) ? KN_SERVER_FULL : KN_SERVER_UPDATED_VIEW, err);
}

int kn_servers_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_server_delete(req, req->params[0], err);
}

int kn_server_ips_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_server_get(req, req->params[0], &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_server_addresses(&res->body, "addresses", kn_rows_text(rows, 0, KN_SERVER_NICS), "", false);
    kn_jsonw_end_object(&res->body);
    return 0;
}

/* {"<network>":[…]}, one network. */
int kn_server_ips_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_strbuf *sb = &res->body;

    if (kn_server_get(req, req->params[0], &rows, err) < 0) {
        return -1;
    }
    if (kn_server_addresses(sb, NULL, kn_rows_text(rows, 0, KN_SERVER_NICS), req->params[1], false) == 0) {
        kn_strbuf_clear(sb);
        return kn_fail(err, KN_NOT_FOUND, "Network %.100s not found for the instance", req->params[1]);
    }
    return 0;
}
