/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host brings. The signed address is good for one image and one task; beside it the rows decide: the image must wait for data of that server, and the
 * task must be open. So an address that was kept, or taken from a log, opens nothing once the task is over, and at no time anything but that one image.
 */
#include "image/serve/receive.h"

#include <string.h>

#include "image/rows/arrival.h"
#include "lib/adapter/task.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

struct receipt {
    struct kn_image_arrival *arrival; /* NULL: it is the image's already */
    char sha512[KN_SHA512_HEX];
    char format[16];
};

static void receipt_free(struct receipt *r)
{
    if (r != NULL) {
        kn_image_arrival_free(r->arrival);
        free(r);
    }
}
KN_DEFINE_AUTO(receipt);

/* The image, if the address was signed for it and its time is not over. */
static const char *receive_admitted(struct kn_request *req, struct kn_error *err)
{
    static const char PREFIX[] = "/image/";
    const char *image = req->raw_path + sizeof(PREFIX) - 1;

    if (strncmp(req->raw_path, PREFIX, sizeof(PREFIX) - 1) != 0 || !kn_uuid_valid(image)) {
        kn_fail(err, KN_NOT_FOUND, "not found");
        return NULL;
    }
    if (kn_request_query_read(req, err) < 0) {
        return NULL;
    }
    if (!kn_image_url_check_upload(kn_image_data_door_key(req), image, kn_request_query(req, "task"),
                                   kn_request_query(req, "expires"), kn_request_query(req, "signature"),
                                   kn_now_ms() / 1000)) {
        kn_fail(err, KN_FORBIDDEN, "the signature does not fit or has expired");
        return NULL;
    }
    return image;
}

/* The image and its state, while the task that brings it is open. */
static int receive_look(struct kn_request *req, const char *id, struct kn_rows **ret_rows, struct kn_error *err)
{
    static const struct kn_stmt AWAITED = {
        "image_awaited",
        "SELECT i.status, i.owner, i.sha512 FROM image i JOIN task t ON t.object_id = i.brought_by AND t.id = $2::bigint "
        "WHERE i.id = $1 AND i.deleted_at IS NULL AND t.input->>'image' = $1::text AND NOT t.cancel AND " KN_TASK_IS_OPEN(
            "t.state"),
        2
    };

    if (kn_db_run(req->db, &AWAITED, KN_ARGS(id, kn_request_query(req, "task")), ret_rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(*ret_rows) == 1 ? 0
                                         : kn_fail(err, KN_GONE, "nobody waits for data of image \"%s\" from here", id);
}
enum { AWAITED_STATUS, AWAITED_OWNER, AWAITED_SHA512 };

static int receive_begin(struct kn_request *req, int64_t length, void **ret_ctx, struct kn_error *err)
{
    const char *id = receive_admitted(req, err), *sha512 = kn_request_header(req, "X-Image-Sha512"),
               *format = kn_request_header(req, "X-Image-Format");
    AUTO(receipt) struct receipt *r = KN_NEW(struct receipt);
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (id == NULL || receive_look(req, id, &rows, err) < 0) {
        return -1;
    }
    if (!kn_image_sha512_valid(sha512) || format == NULL || !kn_image_inspectable(format)) {
        return kn_fail(err, KN_BAD_REQUEST, "X-Image-Sha512 and X-Image-Format say what comes");
    }
    kn_copy(r->sha512, sizeof(r->sha512), sha512);
    kn_copy(r->format, sizeof(r->format), format);
    if (strcmp(kn_rows_text(rows, 0, AWAITED_SHA512), sha512) != 0) {
        const struct kn_image image = { .id = id,
                                        .owner = kn_rows_text(rows, 0, AWAITED_OWNER),
                                        .status = kn_rows_text(rows, 0, AWAITED_STATUS),
                                        .disk_format = format };

        if (kn_image_arrival_begin(req->db, req->conf, &image, length, KN_BLOB_UPLOAD, &r->arrival, err) < 0) {
            return -1;
        }
    }
    *ret_ctx = kn_steal(&r);
    return 0;
}

static int receive_chunk(struct kn_request *req, void *ctx, const void *data, size_t len, struct kn_error *err)
{
    struct receipt *r = ctx;

    (void)req;
    return r->arrival == NULL ? 0 : kn_image_blob_write(r->arrival->writer, data, len, err);
}

static int receive_end(struct kn_request *req, void *ctx, struct kn_response *res, struct kn_error *err)
{
    AUTO(receipt) struct receipt *r = ctx;

    if (r->arrival != NULL && kn_image_arrival_end(req->db, req->conf, r->arrival, r->format, r->sha512, err) < 0) {
        kn_image_arrival_give_up(req->db, r->arrival);
        return -1;
    }
    res->status = 204;
    return 0;
}

static void receive_abandon(struct kn_request *req, void *ctx)
{
    AUTO(receipt) struct receipt *r = ctx;

    if (r->arrival != NULL) {
        kn_image_arrival_give_up(req->db, r->arrival);
    }
}

const struct kn_upload kn_image_receive = { receive_begin, receive_chunk, receive_end, receive_abandon };
