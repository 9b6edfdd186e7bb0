/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remote consoles: POST /servers/{id}/remote-consoles, the actions that did the same until 2.5, and what a token stands for. The host is asked whether the guest has such a
 * console now; what the client gets is a URL with a token, which api/consoles.c opens. There are pictures (vnc, novnc) and the serial line.
 */
#include <string.h>

#include "compute/api.h"
#include "compute/api/server_host.h"
#include "compute/rows/console.h"
#include "compute/rows/server.h"
#include "identity/api.h"
#include "lib/base/mem.h"
#include "lib/domain/schema.h"

#define PAGE "/vnc_lite.html?path="

static const char *const VNC_TYPES[] = { "novnc", "xvpvnc", NULL };
static const char *const SPICE_TYPES[] = { "spice-html5", NULL };
static const char *const SERIAL_TYPES[] = { "serial", NULL };
static const char *const PROTOCOLS[] = { "vnc", "spice", "serial", "rdp", NULL };
static const char *const PROTOCOLS_8[] = { "vnc", "spice", "serial", "rdp", "mks", NULL };
static const char *const TYPES[] = { "novnc", "xvpvnc", "spice-html5", "serial", "rdp-html5", NULL };
static const char *const TYPES_8[] = { "novnc", "xvpvnc", "spice-html5", "serial", "rdp-html5", "webmks", NULL };
static const char *const TYPES_99[] = { "novnc",     "xvpvnc", "spice-html5",  "serial",
                                        "rdp-html5", "webmks", "spice-direct", NULL };

const struct kn_schema kn_compute_vnc_body[] = {
    KN_SCHEMA("type", KN_IS_STRING, .flags = KN_REQUIRED, .words = VNC_TYPES), KN_SCHEMA_END
};
const struct kn_schema kn_compute_spice_body[] = {
    KN_SCHEMA("type", KN_IS_STRING, .flags = KN_REQUIRED, .words = SPICE_TYPES), KN_SCHEMA_END
};
const struct kn_schema kn_compute_serial_body[] = {
    KN_SCHEMA("type", KN_IS_STRING, .flags = KN_REQUIRED, .words = SERIAL_TYPES), KN_SCHEMA_END
};
static const struct kn_schema REMOTE[] = {
    KN_SCHEMA("protocol", KN_IS_STRING, .flags = KN_REQUIRED, .words = PROTOCOLS, .until = 7),
    KN_SCHEMA("protocol", KN_IS_STRING, .flags = KN_REQUIRED, .words = PROTOCOLS_8, .since = 8),
    KN_SCHEMA("type", KN_IS_STRING, .flags = KN_REQUIRED, .words = TYPES, .until = 7),
    KN_SCHEMA("type", KN_IS_STRING, .flags = KN_REQUIRED, .words = TYPES_8, .since = 8, .until = 98),
    KN_SCHEMA("type", KN_IS_STRING, .flags = KN_REQUIRED, .words = TYPES_99, .since = 99),
    KN_SCHEMA_END,
};
static const struct kn_schema BODY[] = {
    KN_SCHEMA("remote_console", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = REMOTE), KN_SCHEMA_END
};

/* What can be asked for, and what of it this cloud has; the actions are Nova's old ones, its names for what it does where the state forbids it. */
static const struct console_protocol {
    const char *name, *action, *does;
    const char *type; /* NULL: it has none of this protocol */
} CONSOLES[] = {
    { "vnc", "os-getVNCConsole", "get_vnc_console", "novnc" },
    { "serial", "os-getSerialConsole", "get_serial_console", "serial" },
    { "spice", "os-getSPICEConsole", "get_spice_console", NULL },
    { "mks", "", "get_mks_console", NULL },
    { "rdp", "", "get_rdp_console", NULL },
};

/* A wish that waits for the host's word; req->own. */
struct console_wish {
    const char *server;
    const char *key; /* of the answer: remote_console, or console */
    const char *protocol; /* NULL: the old answer does not say it */
    const char *type;
    const char *url;
};

static int console_unavailable(const char *type, struct kn_error *err)
{
    return kn_fail(err, KN_BAD_REQUEST, "Unavailable console type %s.", type);
}

static int console_not_ready(const char *id, struct kn_error *err)
{
    return kn_fail(err, KN_CONFLICT, "Instance %s is not ready", id);
}

/* "http://host:port" of the consoles: as the configuration says, or where the caller reached us, at the consoles' port. */
static char *consoles_url(const struct kn_request *req)
{
    const char *port = strrchr(req->conf->console_listen, ':');
    const char *host = strstr(req->base_url, "://");

    if (req->conf->console_public_url[0] != '\0') {
        return kn_strdup(req->conf->console_public_url);
    }
    host = host != NULL ? host + 3 : req->base_url;
    const size_t whole = strcspn(host, "/");
    const size_t name = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");

    return kn_asprintf("http://%.*s%s", (int)(name < whole ? name : whole), host, port != NULL ? port : "");
}

/* The part of a URL behind its host, without slashes at its ends. */
static const char *path_of_url(const char *url, size_t *ret_len)
{
    const char *host = strstr(url, "://"), *path = strchr(host != NULL ? host + 3 : url, '/');

    path = path != NULL ? path + strspn(path, "/") : "";
    *ret_len = strlen(path);
    while (*ret_len > 0 && path[*ret_len - 1] == '/') {
        (*ret_len)--;
    }
    return path;
}

/* noVNC's page, which opens the WebSocket that its `path` says; or that of the serial line. */
static char *console_url(const struct kn_request *req, const char *type, const char *token)
{
    AUTO_FREE char *base = consoles_url(req);
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf url = KN_STRBUF_INIT;
    size_t base_len = strlen(base), len = 0;
    const char *path = path_of_url(base, &len);

    while (base_len > 0 && base[base_len - 1] == '/') {
        base_len--;
    }
    if (strcmp(type, "novnc") == 0) {
        AUTO_FREE char *inner = kn_asprintf("%.*s%s?token=%s", (int)len, path, len > 0 ? "/" : "", token);

        kn_strbuf_add(&url, base, base_len);
        kn_strbuf_addstr(&url, PAGE);
        kn_strbuf_addurl(&url, inner);
    } else {
        const size_t http = strncmp(base, "http", 4) == 0 ? 4 : 0;

        kn_strbuf_addf(&url, "%s%.*s/?token=%s", http > 0 ? "ws" : "", (int)(base_len - http), base + http, token);
    }
    return kn_strbuf_detach(&url);
}

/* What the agent says of a refusal is in its log, under this request's id. */
static int show_remote_console(struct kn_request *req, const struct kn_message *answer, struct kn_response *res,
                               struct kn_error *err)
{
    const struct console_wish *wish = req->own;
    const enum kn_code code = answer->error.code;

    if (!answer->ok) {
        return code == KN_NOT_IMPLEMENTED ? console_unavailable(wish->type, err)
               : code == KN_NOT_FOUND || code == KN_STALE || code == KN_CONFLICT
                   ? console_not_ready(wish->server, err)
                   : kn_fail(err, KN_UNAVAILABLE, "The console of instance %s cannot be opened now", wish->server);
    }
    res->status = 200;
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, wish->key);
    if (wish->protocol != NULL) {
        kn_jsonw_str(&res->body, "protocol", wish->protocol);
    }
    kn_jsonw_str(&res->body, "type", wish->type);
    kn_jsonw_str(&res->body, "url", wish->url);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

/* Nova's order: where the server is, what it is at, what is asked for. */
static int console_may(const struct kn_request *req, const struct kn_rows *server, const struct console_protocol *asked,
                       const char *type, struct kn_error *err)
{
    const char *id = kn_rows_text(server, 0, KN_SERVER_ID), *task = kn_rows_text(server, 0, KN_SERVER_TASK_STATE);

    if (kn_rows_null(server, 0, KN_SERVER_HOST) || kn_rows_null(server, 0, KN_SERVER_LAUNCHED)) {
        return console_not_ready(id, err);
    }
    if (strcmp(task, "deleting") == 0 || strcmp(task, "migrating") == 0) {
        return kn_fail(err, KN_CONFLICT, "Cannot '%s' instance %s while it is in task_state %s", asked->does, id, task);
    }
    if (asked->type == NULL || req->conf->console_listen[0] == '\0') {
        return console_unavailable(strcmp(asked->name, "rdp") == 0 ? asked->name : type, err);
    }
    return strcmp(type, asked->type) == 0 ? 0 : kn_fail(err, KN_BAD_REQUEST, "Invalid console type %s", type);
}

static int console_wish(struct kn_request *req, const struct console_protocol *asked, const char *type, bool is_old,
                        struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *server = NULL;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf mark = KN_STRBUF_INIT;
    struct console_wish *wish = kn_request_alloc(req, sizeof(*wish));
    char token[KN_CONSOLE_TOKEN_SIZE];
    bool was_asked = false;

    if (kn_compute_server_get(req, req->params[0], &server, err) < 0 ||
        console_may(req, server, asked, type, err) < 0 || kn_identity_mark(req->caller.token, &mark, err) < 0) {
        return -1;
    }
    const char *id = kn_rows_text(server, 0, KN_SERVER_ID);

    if (kn_compute_console_grant(req->db, id, type, mark.buf, token, err) < 0) {
        return -1;
    }
    AUTO_FREE char *url = console_url(req, type, token);

    wish->server = kn_request_strdup(req, id);
    wish->key = is_old ? "console" : "remote_console";
    wish->protocol = is_old ? NULL : asked->name;
    wish->type = asked->type;
    wish->url = kn_request_strdup(req, url);
    req->own = wish;
    if (kn_compute_server_ask_host(req, id, "server.console", json_pack("{s:s}", "type", type), show_remote_console,
                                   &was_asked, err) < 0) {
        return -1;
    }
    return was_asked ? 0 : console_not_ready(wish->server, err);
}

int kn_compute_server_console(struct kn_request *req, const char *action, const json_t *args, struct kn_error *err)
{
    for (size_t i = 0; i < KN_COUNT(CONSOLES); i++) {
        if (strcmp(CONSOLES[i].action, action) == 0) {
            return console_wish(req, &CONSOLES[i], kn_schema_text(args, "type", ""), true, err);
        }
    }
    return kn_fail(err, KN_INTERNAL, "no console is opened by \"%s\"", action);
}

int kn_compute_remote_consoles_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    if (kn_schema_check(BODY, req->body, req->microversion, err) < 0) {
        return -1;
    }
    const json_t *args = json_object_get(req->body, "remote_console");

    for (size_t i = 0; i < KN_COUNT(CONSOLES); i++) {
        if (strcmp(CONSOLES[i].name, kn_schema_text(args, "protocol", "")) == 0) {
            return console_wish(req, &CONSOLES[i], kn_schema_text(args, "type", ""), false, err);
        }
    }
    return kn_fail(err, KN_INTERNAL, "a protocol that no row knows");
}

static void refuse_parameter(void *ctx, const char *key, const char *value)
{
    struct kn_error *err = ctx;

    (void)value;
    if (err->code == KN_OK) {
        kn_fail(
            err, KN_BAD_REQUEST,
            "Invalid input for query parameters %.60s. Additional properties are not allowed ('%.60s' was unexpected)",
            key, key);
    }
}

/* No port of a host is open for a console, so there is none to tell: 0. */
int kn_compute_console_tokens_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *token = NULL;

    if (req->microversion < 31) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "The server could not comply with the request since it is either malformed "
                       "or otherwise incorrect.");
    }
    if (req->microversion >= 99) {
        struct kn_error unknown = { 0 };

        kn_request_query_each(req, refuse_parameter, &unknown);
        if (unknown.code != KN_OK) {
            *err = unknown;
            return -1;
        }
    }
    if (kn_compute_console_look(req->db, req->params[0], &token, err) < 0) {
        return -1;
    }
    if (kn_rows_count(token) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Token not found");
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "console");
    kn_jsonw_str(&res->body, "instance_uuid", kn_rows_text(token, 0, KN_CONSOLE_SERVER));
    kn_jsonw_str(&res->body, "host", kn_rows_text(token, 0, KN_CONSOLE_HOST));
    kn_jsonw_int(&res->body, "port", 0);
    kn_jsonw_null(&res->body, "internal_access_path");
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}
