/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http: requests, responses and the listener (libmicrohttpd behind it). Blocking handlers on a pool of threads.
 *
 * Two event threads own the sockets and never block; a complete request is handed to a free worker thread, which has a
 * database connection of its own. Workers are shared fairly between projects (http_queue.c). A handler that has to wait for somebody
 * else (a console log) defers its answer and gives its worker back.
 *
 * A service mounts its routes by offering one struct kn_api (X/api.h). The front door (api/router.c) matches, authenticates,
 * checks microversion and policy, hands the request to the handler, and turns an error into the service's own dialect.
 * No route exists without a policy.
 */
#ifndef KN_ADAPTER_HTTP_H
#define KN_ADAPTER_HTTP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/adapter/bus.h"
#include "lib/adapter/conf.h"
#include "lib/adapter/db.h"
#include "lib/base/error.h"
#include "lib/base/strbuf.h"
#include "lib/domain/policy.h"

struct kn_http_raw; /* the listener's own */
struct kn_questions; /* question.h */

struct kn_request {
    const char *method;
    const char *raw_path;         /* as received, percent-encoded, without the query */
    const char *path;             /* decoded, without the service's prefix: "/v2.1/servers/…" */
    const struct kn_route *route;
    const char *params[4];        /* what {…} matched, in order */
    struct kn_caller caller;
    int microversion;             /* minor: 2.96 -> 96; the service's minimum if none was asked for */
    json_t *body;                 /* NULL when there was none; borrowed */
    const char *base_url; /* "http://host:port/compute": how the caller reached this service, no trailing slash */
    const char *request_id; /* req-… */
    struct kn_db *db; /* this thread's connection */
    struct kn_bus *bus;
    struct kn_questions *questions; /* for what only a host knows; NULL: nobody can be asked */
    const struct kn_conf *conf;
    struct kn_http_raw *raw;
    void *door; /* the front door's own */
    void *own; /* the handler's, for the answers to its questions: of kn_request_alloc() */
};

/* Memory that lives as long as the request; zeroed, never NULL. */
void *kn_request_alloc(struct kn_request *req, size_t size);
char *kn_request_strdup(struct kn_request *req, const char *s);

/* Decodes the query; the front door calls it once, before anybody asks. KN_BAD_REQUEST if it is broken or has more than 256 parameters. */
int kn_request_query_read(struct kn_request *req, struct kn_error *err);
/* Query parameters, decoded. NULL if absent; repeated keys by index (0, 1, …). */
const char *kn_request_query(const struct kn_request *req, const char *key);
const char *kn_request_query_at(const struct kn_request *req, const char *key, int index);
/* Calls visit for each parameter in order. */
void kn_request_query_each(const struct kn_request *req, void (*visit)(void *ctx, const char *key, const char *value),
                           void *ctx);
const char *kn_request_header(const struct kn_request *req, const char *name); /* NULL if absent */
/* The client's address, without the port; "" if unknown. */
const char *kn_request_remote(struct kn_request *req);
/*
 * The last act of a handler whose answer comes later: it returns 0 and touches neither req nor res again. Exactly one call of
 * kn_request_answer() must follow, from any thread, even before the handler has returned.
 */
void kn_request_defer(struct kn_request *req);
/* The response of a deferred request; only kn_request_answer()'s caller writes it. */
struct kn_response *kn_request_response(struct kn_request *req);
/* why: the error to say instead of what the response holds; NULL = none. req is gone after that. */
void kn_request_answer(struct kn_request *req, const struct kn_error *why);
/* Of a deferred request, before its answer: whether the client hung up and will read none. Any thread, never blocks. */
bool kn_request_is_gone(const struct kn_request *req);
/* True as clients write it: 1, t, true, yes, on (any case); false likewise; -1 and KN_BAD_REQUEST otherwise. */
int kn_request_query_bool(const struct kn_request *req, const char *key, bool dflt, bool *ret, struct kn_error *err);

struct kn_response {
    int status; /* preset to the route's success code */
    struct kn_strbuf body; /* JSON text as a rule; write it with kn_strbuf_add* or kn_response_json */
    const char *content_type; /* preset "application/json" */
    int fd; /* >= 0: the body is this file from offset, length bytes; closed by the listener */
    int64_t fd_offset;
    int64_t fd_length;
    struct kn_strbuf headers; /* "Name: value\n" lines, by kn_response_header */
};
void kn_response_header(struct kn_response *res, const char *name,
                        const char *value); /* CR and LF in value are dropped */
/* Throws away what the response holds: 200, no body, no headers. */
void kn_response_reset(struct kn_response *res);
/* Dumps and consumes `json`. */
void kn_response_json(struct kn_response *res, json_t *json);

/* A body that is not JSON and may be large: the route takes it in pieces. */
struct kn_upload {
    /* After authentication and policy, before the first byte. length: -1 when chunked. *ret_ctx goes to the others. */
    int (*begin)(struct kn_request *req, int64_t length, void **ret_ctx, struct kn_error *err);
    int (*chunk)(struct kn_request *req, void *ctx, const void *data, size_t len, struct kn_error *err);
    /* All bytes came: finish and answer. Frees ctx, whether it fails or not. */
    int (*end)(struct kn_request *req, void *ctx, struct kn_response *res, struct kn_error *err);
    /* The client went away or chunk failed: undo, free ctx. */
    void (*abandon)(struct kn_request *req, void *ctx);
};

typedef int kn_handler(struct kn_request *req, struct kn_response *res, struct kn_error *err);

struct kn_route {
    const char *method;
    const char *path; /* "/v2.1/servers/{id}/action"; {…} matches one non-empty segment */
    enum kn_rule rule; /* who may call it */
    int status; /* success code */
    kn_handler *handle;
    int since; /* first and last minor microversion, 0 = no bound */
    int until;
    const struct kn_upload *upload; /* instead of handle, for streamed bodies */
    /*
     * Instead of handle, for a caller whom the rule does not let in: fails, in the words that what he sends and sees asks for (lib/rest/write_refuse.h). NULL: the
     * door refuses him by the rule alone. Not with an upload.
     */
    kn_handler *refuses;
};

/* What the original has and this cloud does not: the path and all that is below it, {…} for any one segment. */
struct kn_unbuilt {
    const char *path; /* "/v2.0/routers" */
    const char *what; /* "routers" */
};

enum kn_dialect {
    KN_DIALECT_NOVA,
    KN_DIALECT_KEYSTONE,
    KN_DIALECT_NEUTRON,
    KN_DIALECT_GLANCE,
    KN_DIALECT_CINDER,
    KN_DIALECT_PLACEMENT
};

struct kn_api {
    const char *name; /* "compute" */
    const char *prefix; /* "/compute" */
    enum kn_dialect dialect;
    const char *microversion_service; /* "compute", "volume", NULL = no microversions */
    int major, min_minor, max_minor; /* 2, 1, 96 */
    bool project_in_path; /* /v2.1/{project_id}/servers is the same as /v2.1/servers */
    bool json_suffix; /* /v2.0/networks.json is the same as /v2.0/networks */
    bool (*is_slow)(const struct kn_route
                        *route); /* routes that hash passwords: they have threads of their own; NULL = none */
    bool (*home)(const char *rest,
                 struct kn_strbuf *sb); /* writes the JSON-home document of this path, if it has one; NULL = none has */
    bool (*ignores_body)(
        const struct kn_route
            *route); /* routes whose path says all: whatever a client sends with it is not read; NULL = none */
    bool (*is_list)(const struct kn_route
                        *route); /* long lists besides those whose paths say so (router.h); NULL = none */
    bool (*join)(
        struct kn_request *
            req); /* event thread: whether who works on the like of it just now answers it, too (struct kn_http_ops); NULL: nobody does */
    char *(*account)(const json_t
                         *body); /* event thread: whom a login claims to be, for fair queues; heap, NULL = nobody */
    /* Event thread, before a request's handler: whether its query may say what it says, where handlers do not ask; NULL = it may. */
    int (*vets_query)(const struct kn_request *req, struct kn_error *err);
    const struct kn_route *routes; /* ended by method == NULL */
    const struct kn_unbuilt *unbuilt; /* ended by path == NULL: where no route answers, a 404 says so; NULL = nothing */
};

/*
 * The listener. JSON bodies are read whole, up to max_body; a larger one is answered with KN_TOO_LARGE. `req` and `res` live until
 * finish() has returned and the answer is sent.
 */
struct kn_http_server;
#define KN_HTTP_NAMES 2
struct kn_http_ops {
    /*
     * Event thread, as soon as the headers are there: must not block, req->db is NULL. 0: go on, *ret_upload says whether the
     * body is streamed. -1: res is already the answer, and dispatch is not called.
     */
    int (*open)(void *ctx, struct kn_request *req, const struct kn_upload **ret_upload, struct kn_response *res);
    /* Worker thread: the request is complete. body is NUL-terminated. */
    void (*dispatch)(void *ctx, struct kn_request *req, const char *body, size_t len, struct kn_response *res);
    /* Any thread: the listener refused the body, or an upload's function failed; say it in the service's dialect. */
    void (*refuse)(void *ctx, struct kn_request *req, const struct kn_error *err, struct kn_response *res);
    /* Once an answer, after all of the above: headers that every answer has, the log line, the metrics. Must not block. */
    void (*finish)(void *ctx, struct kn_request *req, struct kn_response *res, int64_t took_us);
    struct kn_db *(*thread_db)(void *ctx); /* called once a worker thread; freed by the listener. May be NULL */
    /* Event thread, after open: whether the request belongs to the slow workers. May be NULL: none does. */
    bool (*is_slow)(void *ctx, const struct kn_request *req);
    /* Event thread, after open: whether it is a long list, of which few are worked on at once. May be NULL: none is. */
    bool (*is_list)(void *ctx, const struct kn_request *req);
    /*
     * Event thread, when the request is complete (body is NULL for an upload's first piece): the names that it queues by, in
     * the request's memory; NULL is none. May be NULL: all are one crowd.
     */
    void (*names)(void *ctx, struct kn_request *req, const char *body, size_t len, const char *names[KN_HTTP_NAMES]);
    /*
     * Event thread, when the request is complete, and not at all if it has a body: true: it needs no worker, kn_request_answer() will be called for it, or was. Must not
     * block. May be NULL: each needs one.
     */
    bool (*join)(void *ctx, struct kn_request *req);
};
struct kn_http_limits {
    int threads; /* workers */
    int lists; /* of them, those that may work on lists at once: the others are for what is short; 0 = all */
    int slow_threads; /* 0 = none */
    int slow_waiting; /* requests that may wait for those; with one more, one is answered with KN_TOO_MANY */
    size_t max_body;
    size_t bodies; /* bytes of all bodies together; over it KN_UNAVAILABLE and Retry-After; 0 = no bound */
    int connections; /* at all; 0 = 4096. Near that, what says no request gives way to who comes */
    int per_address; /* connections of one address (at one door); 0 = as many as there may be at all */
    int silent_s; /* a connection that never said a whole request head is closed after so much silence; 0 = as any other */
    int life_s; /* of a connection at a door, whatever it does; 0 = as long as it likes */
    size_t head; /* bytes of a request's head; 0 = as many as are ever read */
    bool once; /* a connection ends with its first answer, which does not wait for the body of a GET or HEAD */
};
/* listen: "address:port", "[v6]:port" or ":port" (any address); port 0 = a free one. NULL: at doors alone. */
int kn_http_serve(const char *listen, const struct kn_http_limits *limits, const struct kn_http_ops *ops, void *ctx,
                  struct kn_http_server **ret_server, struct kn_error *err);
/* Accepts no more, finishes what is in progress (up to 30 s), then cuts. Takes NULL. */
void kn_http_stop(struct kn_http_server *server);
int kn_http_port(const struct kn_http_server *server);

/*
 * A door of a server that listens at doors: a listening socket of either family, made in whatever namespace, that belongs to the server from here on. name: what
 * requests know of it; one that is open already is replaced. Any thread. What came in by a door that closes is still answered.
 */
#define KN_HTTP_DOOR_SIZE 64
void kn_http_door_open(struct kn_http_server *server, const char *name, int fd);
void kn_http_door_close(struct kn_http_server *server, const char *name);
/* The door that a request came in by; "" = the server's own socket. */
const char *kn_request_door(const struct kn_request *req);

int kn_http_waiting(struct kn_http_server *server); /* requests, for a thread */
size_t kn_http_bodies(struct kn_http_server *server); /* bytes of the budget that are in use */

/* Pure: percent-decodes text into out (size ≥ len + 1). -1 for a broken escape, a NUL or bytes that are no UTF-8. */
int kn_url_decode(const char *text, size_t len, bool plus_is_space, char *out);

#endif
