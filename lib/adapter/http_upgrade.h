/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_upgrade: a listener beside that of http.h, for what is no request and answer: connections that become something else (WebSockets), and the files of the page
 * that opens them. libmicrohttpd's suspended exchanges, of which http.h lives, do not go with its upgrades. Files are read and connections
 * counted here; who may connect is the caller's to say, after the upgrade.
 */
#ifndef KN_ADAPTER_HTTP_UPGRADE_H
#define KN_ADAPTER_HTTP_UPGRADE_H

#include <stdbool.h>

#include "lib/base/cleanup.h"
#include "lib/base/error.h"

struct kn_upgrades;
struct kn_upgraded; /* a connection that was upgraded */

#define KN_UPGRADE_WEBSOCKET "websocket"
#define KN_UPGRADE_WORD 128 /* a query's token with its NUL */

struct kn_upgrade_request {
    bool is_websocket;  /* else it is of ops->protocol */
    const char *token;  /* "token" of the query; "" if there is none, or it is no word of letters, digits and "-_" */
    const char *origin; /* NULL: none was said */
    const char *host;   /* as which it reached us: "name:port"; "" if it does not say */
    const char *remote; /* the client's address */
};

struct kn_upgrade_ops {
    const char *protocol; /* what may be upgraded to beside WebSocket */
    /* Event thread, before the answer: whether to upgrade; else it is told 403. Must not block. */
    bool (*may)(void *ctx, const struct kn_upgrade_request *request);
    /* Event thread: the answer 101 is on its way, what follows is the callee's until kn_upgraded_close(). Must not block. */
    void (*upgraded)(void *ctx, const struct kn_upgrade_request *request, struct kn_upgraded *connection);
};

struct kn_upgrade_limits {
    int connections; /* at all */
    int per_address; /* 0: as many */
    int silent_s; /* of a connection that is no upgrade */
};

/* listen as of kn_http_serve(). files: a directory that is served; "": none is. */
int kn_upgrades_serve(const char *listen, const char *files, const struct kn_upgrade_limits *limits,
                      const struct kn_upgrade_ops *ops, void *ctx, struct kn_upgrades **ret, struct kn_error *err);
/* Takes no more connections; those that were upgraded stay. */
void kn_upgrades_quiesce(struct kn_upgrades *upgrades);
/* Every upgraded connection was closed before. Takes NULL. */
void kn_upgrades_stop(struct kn_upgrades *upgrades);
int kn_upgrades_port(const struct kn_upgrades *upgrades);

int kn_upgraded_fd(const struct kn_upgraded *connection);
/* Once; any thread. */
void kn_upgraded_close(struct kn_upgraded *connection);

#endif
