/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data door: GET /blob/<sha512>?expires=…&signature=…, whole or a range, straight from the file, without a database; and PUT /image/<id>?task=…, which is
 * receive.c's. It knows no token; the signature is all there is. Refusals say as little as possible, and no line of the log holds a URL.
 */
#include "image/serve/data_door.h"

#include <string.h>

#include "image/data/blob.h"
#include "image/data/range.h"
#include "image/serve/receive.h"
#include "lib/adapter/daemon.h"
#include "lib/adapter/http.h"
#include "lib/adapter/metrics.h"
#include "lib/base/clock.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"

#define THREADS 4 /* they only open files; the event threads send them */
#define MAX_BODY 0

struct kn_image_data_door {
    struct kn_http_server *server;
    const struct kn_conf *conf; /* these: immutable after kn_image_data_door_open() */
    bool takes;
    struct kn_image_url_key key;
};

static struct kn_metric SERVED = KN_COUNTER("kilonova_image_served_total", "fetches of image data", "status", NULL);

static int data_door_door_open(void *ctx, struct kn_request *req, const struct kn_upload **ret_upload,
                               struct kn_response *res)
{
    const struct kn_image_data_door *door = ctx;

    (void)res;
    req->conf = door->conf;
    req->door = ctx;
    *ret_upload = door->takes && strcmp(req->method, "PUT") == 0 ? &kn_image_receive : NULL;
    return 0;
}

const struct kn_image_url_key *kn_image_data_door_key(const struct kn_request *req)
{
    return &((const struct kn_image_data_door *)req->door)->key;
}

static void door_refuse(void *ctx, struct kn_request *req, const struct kn_error *err, struct kn_response *res)
{
    (void)ctx;
    (void)req;
    res->status = kn_code_status(err->code);
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_str(&res->body, "message", err->message);
    kn_jsonw_end_object(&res->body);
}

static void door_finish(void *ctx, struct kn_request *req, struct kn_response *res, int64_t took_us)
{
    char status[16];
    struct kn_arg number;

    (void)ctx;
    (void)req;
    (void)took_us;
    kn_copy(status, sizeof(status), kn_arg_int(&number, res->status));
    kn_metric_add(&SERVED, 1, status, NULL);
}

static struct kn_db *door_db(void *ctx)
{
    const struct kn_image_data_door *door = ctx;

    return door->takes ? kn_daemon_db(door->conf, "image-door") : NULL;
}

/* The digest, if the request is one that was signed. */
static const char *admitted(const struct kn_image_data_door *door, struct kn_request *req, struct kn_error *err)
{
    static const char PREFIX[] = "/blob/";
    const char *sha512 = req->raw_path + sizeof(PREFIX) - 1;

    if (strcmp(req->method, "GET") != 0 || strncmp(req->raw_path, PREFIX, sizeof(PREFIX) - 1) != 0 ||
        !kn_image_sha512_valid(sha512)) {
        kn_fail(err, KN_NOT_FOUND, "not found");
        return NULL;
    }
    if (kn_request_query_read(req, err) < 0) {
        return NULL;
    }
    if (!kn_image_url_check(&door->key, sha512, kn_request_query(req, "expires"), kn_request_query(req, "signature"),
                            kn_now_ms() / 1000)) {
        kn_fail(err, KN_FORBIDDEN, "the signature does not fit or has expired");
        return NULL;
    }
    return sha512;
}

static int data_door_serve(const struct kn_image_data_door *door, struct kn_request *req, struct kn_response *res,
                           struct kn_error *err)
{
    const char *sha512 = admitted(door, req, err);
    int64_t size = 0;
    int fd = -1;
    struct kn_image_range range = { 0, 0 };

    if (sha512 == NULL || kn_image_blob_read(door->conf->image_store_dir, sha512, &fd, &size, err) < 0) {
        return -1;
    }
    const enum kn_image_range_verdict verdict = kn_image_range_parse(kn_request_header(req, "Range"), size, &range);
    if (verdict == KN_RANGE_UNSATISFIABLE) {
        close(fd);
        return kn_fail(err, KN_BAD_RANGE, "not a range of these %lld bytes", (long long)size);
    }
    if (verdict == KN_RANGE_PART) {
        AUTO_FREE char *text = kn_asprintf("bytes %lld-%lld/%lld", (long long)range.offset,
                                           (long long)(range.offset + range.length - 1), (long long)size);
        kn_response_header(res, "Content-Range", text);
    }
    res->status = verdict == KN_RANGE_PART ? 206 : 200;
    res->content_type = "application/octet-stream";
    res->fd = fd;
    res->fd_offset = range.offset;
    res->fd_length = range.length;
    return 0;
}

static void door_dispatch(void *ctx, struct kn_request *req, const char *body, size_t len, struct kn_response *res)
{
    struct kn_error err;

    (void)body;
    (void)len;
    if (data_door_serve(ctx, req, res, &err) < 0) {
        door_refuse(ctx, req, &err, res);
    }
}

static const struct kn_http_ops OPS = { .open = data_door_door_open,
                                        .dispatch = door_dispatch,
                                        .refuse = door_refuse,
                                        .finish = door_finish,
                                        .thread_db = door_db };
static const struct kn_http_limits LIMITS = { .threads = THREADS, .max_body = MAX_BODY };

int kn_image_data_door_open(const char *listen, const struct kn_conf *conf, const struct kn_image_url_key *key,
                            bool takes, struct kn_image_data_door **ret, struct kn_error *err)
{
    AUTO(kn_image_data_door) struct kn_image_data_door *door = KN_NEW(struct kn_image_data_door);

    door->conf = conf;
    door->takes = takes;
    door->key = *key;
    if (kn_http_serve(listen, &LIMITS, &OPS, door, &door->server, err) < 0) {
        return -1;
    }
    *ret = kn_steal(&door);
    return 0;
}

int kn_image_data_door_port(const struct kn_image_data_door *door)
{
    return kn_http_port(door->server);
}

void kn_image_data_door_free(struct kn_image_data_door *door)
{
    if (door == NULL) {
        return;
    }
    kn_http_stop(door->server);
    free(door);
}
