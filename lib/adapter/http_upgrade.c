/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns a libmicrohttpd daemon of its own, with one event thread. A request is a file, or it becomes another protocol: then libmicrohttpd hands its socket over and
 * keeps its place among the connections until it is given back. What came with the request's own bytes is a protocol error here: clients wait for the 101.
 */
#include "lib/adapter/http_upgrade.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/adapter/http_files.h"
#include "lib/adapter/http_private.h"
#include "lib/adapter/websocket.h"
#include "lib/base/mem.h"

#define STACK_BYTES ((size_t)256 << 10)
#define MEMORY_BYTES ((size_t)16 << 10)
#define BINARY "binary" /* the one subprotocol that noVNC's kin ask for */

struct kn_upgrades {
    struct MHD_Daemon *mhd;
    const struct kn_upgrade_ops *ops; /* immutable after start, as all here */
    void *ctx;
    int port, files; /* -1: none */
    int fd;          /* of a quiesced one: ours to close; main thread */
};

struct kn_upgraded {
    struct MHD_UpgradeResponseHandle *handle;
    int fd;
};

/* What a request was, until its socket is there. */
struct upgrade_asked {
    struct kn_upgrades *upgrades;
    bool is_websocket;
    char token[KN_UPGRADE_WORD];
    char remote[INET6_ADDRSTRLEN];
    char *origin, *host;
};

static void asked_free(struct upgrade_asked *asked)
{
    free(asked->origin);
    free(asked->host);
    free(asked);
}

static const char *upgrade_header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static void upgrade_token(const char *text, char out[KN_UPGRADE_WORD])
{
    static const char WORD[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

    out[0] = '\0';
    if (text != NULL && strlen(text) < KN_UPGRADE_WORD && text[strspn(text, WORD)] == '\0') {
        kn_copy(out, KN_UPGRADE_WORD, text);
    }
}

static struct upgrade_asked *asked_new(struct kn_upgrades *upgrades, struct MHD_Connection *connection,
                                       bool is_websocket)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct upgrade_asked *asked = KN_NEW(struct upgrade_asked);

    asked->upgrades = upgrades;
    asked->is_websocket = is_websocket;
    asked->origin = kn_strdup(upgrade_header(connection, "Origin"));
    asked->host = kn_strdup(upgrade_header(connection, "Host"));
    upgrade_token(MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "token"), asked->token);
    kn_http_address_text(info != NULL ? info->client_addr : NULL, asked->remote);
    return asked;
}

static struct kn_upgrade_request asked_request(const struct upgrade_asked *asked)
{
    return (struct kn_upgrade_request){ asked->is_websocket, asked->token, asked->origin,
                                        asked->host != NULL ? asked->host : "", asked->remote };
}

static enum MHD_Result say_status(struct MHD_Connection *connection, unsigned status, const char *text)
{
    struct MHD_Response *res = MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text,
                                                               MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(res, "Content-Type", "text/plain");
    const enum MHD_Result result = MHD_queue_response(connection, status, res);

    MHD_destroy_response(res);
    return result;
}

/* --- the upgrade ------------------------------------------------------------------------------------------------------- */

static void on_upgraded(void *cls, struct MHD_Connection *connection, void *con_cls, const char *extra,
                        size_t extra_len, MHD_socket fd, struct MHD_UpgradeResponseHandle *handle)
{
    struct upgrade_asked *asked = cls;
    const struct kn_upgrade_request request = asked_request(asked);
    struct kn_upgraded *upgraded = KN_NEW(struct kn_upgraded);

    (void)connection;
    (void)con_cls;
    (void)extra;
    upgraded->handle = handle;
    upgraded->fd = fd;
    if (extra_len > 0) {
        kn_upgraded_close(upgraded);
    } else {
        asked->upgrades->ops->upgraded(asked->upgrades->ctx, &request, upgraded);
    }
    asked_free(asked);
}

static enum MHD_Result upgrade(struct upgrade_asked *asked, struct MHD_Connection *connection, const char *accept)
{
    struct MHD_Response *res = MHD_create_response_for_upgrade(on_upgraded, asked);
    const bool is_binary = kn_websocket_lists(upgrade_header(connection, "Sec-WebSocket-Protocol"), BINARY);

    MHD_add_response_header(res, "Upgrade",
                            asked->is_websocket ? KN_UPGRADE_WEBSOCKET : asked->upgrades->ops->protocol);
    if (accept != NULL) {
        MHD_add_response_header(res, "Sec-WebSocket-Accept", accept);
    }
    if (accept != NULL && is_binary) {
        MHD_add_response_header(res, "Sec-WebSocket-Protocol", BINARY);
    }
    const enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_SWITCHING_PROTOCOLS, res);

    MHD_destroy_response(res);
    if (result != MHD_YES) {
        asked_free(asked);
    }
    return result;
}

static enum MHD_Result maybe_upgrade(struct kn_upgrades *upgrades, struct MHD_Connection *connection, bool is_websocket)
{
    const char *version = upgrade_header(connection, "Sec-WebSocket-Version");
    char accept[KN_WEBSOCKET_ACCEPT];

    if (!kn_websocket_lists(upgrade_header(connection, "Connection"), "upgrade") ||
        (is_websocket && !kn_websocket_accept(upgrade_header(connection, "Sec-WebSocket-Key"), accept))) {
        return say_status(connection, MHD_HTTP_BAD_REQUEST, "this is no handshake of RFC 6455\n");
    }
    if (is_websocket && (version == NULL || strcmp(version, "13") != 0)) {
        return say_status(connection, MHD_HTTP_UPGRADE_REQUIRED, "only version 13 of WebSocket is spoken here\n");
    }
    struct upgrade_asked *asked = asked_new(upgrades, connection, is_websocket);
    const struct kn_upgrade_request request = asked_request(asked);

    if (!upgrades->ops->may(upgrades->ctx, &request)) {
        asked_free(asked);
        return say_status(connection, MHD_HTTP_FORBIDDEN, "a page of another origin may not connect here\n");
    }
    return upgrade(asked, connection, is_websocket ? accept : NULL);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *len, void **con_cls)
{
    struct kn_upgrades *upgrades = cls;
    const char *to = upgrade_header(connection, "Upgrade");

    (void)data;
    if (*con_cls == NULL) { /* the head; libmicrohttpd asks again when the body, which nobody wants, is there */
        *con_cls = upgrades;
        return MHD_YES;
    }
    if (*len > 0) { /* of a body */
        *len = 0;
        return MHD_NO;
    }
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        return say_status(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
    }
    if (to != NULL && strcmp(method, "GET") == 0 && strcmp(version, "HTTP/1.1") == 0 &&
        (kn_websocket_lists(to, KN_UPGRADE_WEBSOCKET) || strcmp(to, upgrades->ops->protocol) == 0)) {
        return maybe_upgrade(upgrades, connection, kn_websocket_lists(to, KN_UPGRADE_WEBSOCKET));
    }
    struct MHD_Response *file = kn_http_file(upgrades->files, url);

    if (file == NULL) {
        return say_status(connection, MHD_HTTP_NOT_FOUND, "there is no such page\n");
    }
    const enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, file);

    MHD_destroy_response(file);
    return result;
}

/* --- life -------------------------------------------------------------------------------------------------------------- */

static struct MHD_Daemon *upgrades_listen(struct kn_upgrades *upgrades, int fd, const struct kn_upgrade_limits *limits)
{
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_UPGRADE | MHD_USE_ITC, 0, NULL, NULL, on_request,
                            upgrades, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                            (unsigned)limits->per_address, MHD_OPTION_CONNECTION_LIMIT, (unsigned)limits->connections,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)limits->silent_s,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_BYTES, MHD_OPTION_THREAD_STACK_SIZE, STACK_BYTES,
                            MHD_OPTION_END);
}

int kn_upgrades_serve(const char *listen, const char *files, const struct kn_upgrade_limits *limits,
                      const struct kn_upgrade_ops *ops, void *ctx, struct kn_upgrades **ret, struct kn_error *err)
{
    AUTO_CLOSE int fd = kn_http_listen(listen, err);

    if (fd < 0) {
        return -1;
    }
    struct kn_upgrades *upgrades = KN_NEW(struct kn_upgrades);

    upgrades->ops = ops;
    upgrades->ctx = ctx;
    upgrades->fd = -1;
    upgrades->port = kn_http_port_of(fd);
    upgrades->files = kn_http_files_open(files);
    upgrades->mhd = upgrades_listen(upgrades, fd, limits);
    if (upgrades->mhd == NULL) {
        kn_upgrades_stop(upgrades);
        return kn_fail(err, KN_INTERNAL, "cannot start the listener of consoles");
    }
    fd = -1; /* the daemon's now */
    *ret = upgrades;
    return 0;
}

void kn_upgrades_quiesce(struct kn_upgrades *upgrades)
{
    upgrades->fd = MHD_quiesce_daemon(upgrades->mhd);
}

void kn_upgrades_stop(struct kn_upgrades *upgrades)
{
    if (upgrades == NULL) {
        return;
    }
    if (upgrades->mhd != NULL) {
        MHD_stop_daemon(upgrades->mhd);
    }
    if (upgrades->fd >= 0) {
        close(upgrades->fd);
    }
    if (upgrades->files >= 0) {
        close(upgrades->files);
    }
    free(upgrades);
}

int kn_upgrades_port(const struct kn_upgrades *upgrades)
{
    return upgrades->port;
}

int kn_upgraded_fd(const struct kn_upgraded *connection)
{
    return connection->fd;
}

void kn_upgraded_close(struct kn_upgraded *connection)
{
    MHD_upgrade_action(connection->handle, MHD_UPGRADE_ACTION_CLOSE);
    free(connection);
}
