/* SPDX-License-Identifier: Apache-2.0 */
/* The health door: two answers, on the listener that the front door uses too. */
#include "lib/adapter/health.h"

#include <string.h>

#include "lib/adapter/daemon.h"
#include "lib/adapter/http.h"
#include "lib/adapter/metrics.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

struct kn_health {
    struct kn_http_server *server;
};

static int open_request(void *ctx, struct kn_request *req, const struct kn_upload **ret_upload, struct kn_response *res)
{
    (void)ctx;
    (void)req;
    (void)res;
    *ret_upload = NULL;
    return 0;
}

static void health_say(struct kn_response *res, int status, const char *text)
{
    res->status = status;
    res->content_type = "text/plain";
    kn_strbuf_addstr(&res->body, text);
}

static void say_health(struct kn_daemon *d, struct kn_response *res)
{
    char how[KN_CONDITION_TEXT];

    if (atomic_load(&d->stopping)) {
        health_say(res, 503, "stopping\n");
    } else if (kn_condition_ill(&d->condition, kn_mono_ms(), how)) {
        health_say(res, 503, how);
        kn_strbuf_addch(&res->body, '\n');
    } else if (atomic_load(&d->standing_by)) {
        health_say(res, 200, "standby\n");
    } else if (!atomic_load(&d->ready)) {
        health_say(res, 503, "starting\n");
    } else {
        health_say(res, 200, "ok\n");
    }
}

static void health_dispatch(void *ctx, struct kn_request *req, const char *body, size_t len, struct kn_response *res)
{
    (void)body;
    (void)len;
    if (strcmp(req->method, "GET") != 0) {
        health_say(res, 405, "GET only\n");
    } else if (strcmp(req->path, "/healthz") == 0) {
        say_health(ctx, res);
    } else if (strcmp(req->path, "/metrics") == 0) {
        health_say(res, 200, "");
        kn_metrics_print(&res->body);
    } else {
        health_say(res, 404, "there are /healthz and /metrics\n");
    }
}

static void health_refuse(void *ctx, struct kn_request *req, const struct kn_error *err, struct kn_response *res)
{
    (void)ctx;
    (void)req;
    health_say(res, kn_code_status(err->code), "");
    kn_strbuf_addf(&res->body, "%s\n", err->message);
}

static void health_finish(void *ctx, struct kn_request *req, struct kn_response *res, int64_t took_us)
{
    (void)ctx;
    (void)req;
    (void)res;
    (void)took_us;
}

static const struct kn_http_ops OPS = {
    .open = open_request, .dispatch = health_dispatch, .refuse = health_refuse, .finish = health_finish
};
static const struct kn_http_limits LIMITS = { .threads = 1, .max_body = 4096 };

int kn_health_open(struct kn_daemon *d, struct kn_health **ret, struct kn_error *err)
{
    struct kn_health *health;

    *ret = NULL;
    if (*d->conf.daemon_health_listen == '\0') {
        return 0;
    }
    health = KN_NEW(struct kn_health);
    if (kn_http_serve(d->conf.daemon_health_listen, &LIMITS, &OPS, d, &health->server, err) < 0) {
        free(health);
        return kn_fail_context(err, "daemon.health_listen");
    }
    *ret = health;
    return 0;
}

void kn_health_close(struct kn_health *health)
{
    if (health != NULL) {
        kn_http_stop(health->server);
        free(health);
    }
}
