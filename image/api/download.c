/* SPDX-License-Identifier: Apache-2.0 */
/* GET of an image's data: the file itself is handed to the listener, whole or the range that was asked for. */
#include <string.h>

#include "image/api/private.h"
#include "image/data/blob.h"
#include "image/data/range.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

static void answer_range(struct kn_response *res, const struct kn_image_range *range, int64_t size)
{
    AUTO_FREE char *text = kn_asprintf("bytes %lld-%lld/%lld", (long long)range->offset,
                                       (long long)(range->offset + range->length - 1), (long long)size);

    res->status = 206;
    kn_response_header(res, "Content-Range", text);
}

/* "a", "b", W/"c" or *: whether the caller has this one already. */
static bool has_it(const struct kn_request *req, const char *etag)
{
    const char *known = kn_request_header(req, "If-None-Match");

    return known != NULL && (strcmp(known, "*") == 0 || strstr(known, etag) != NULL);
}

/* A part is wanted of that one only: whoever goes on with a download must not get the middle of something else. */
static const char *range_wanted(const struct kn_request *req, const char *etag)
{
    const char *condition = kn_request_header(req, "If-Range");

    return condition == NULL || strcmp(condition, etag) == 0 ? kn_request_header(req, "Range") : NULL;
}

static int download_serve(struct kn_request *req, const struct kn_image *image, struct kn_response *res,
                          struct kn_error *err)
{
    AUTO_CLOSE int fd = -1;
    AUTO_FREE char *etag = kn_asprintf("\"%s\"", image->md5);
    int64_t size = 0;
    struct kn_image_range range;

    kn_response_header(res, "ETag", etag);
    if (has_it(req, etag)) {
        res->status = 304;
        return 0;
    }
    if (kn_image_blob_read(req->conf->image_store_dir, image->sha512, &fd, &size, err) < 0) {
        return err->code == KN_NOT_FOUND
                   ? kn_fail(err, KN_INTERNAL, "the data of image \"%s\" is not in the store", image->id)
                   : -1;
    }
    switch (kn_image_range_parse(range_wanted(req, etag), size, &range)) {
    case KN_RANGE_WHOLE:
        break;
    case KN_RANGE_PART:
        answer_range(res, &range, size);
        break;
    case KN_RANGE_UNSATISFIABLE:
        return kn_fail(err, KN_BAD_RANGE, "the range is not inside the image's %lld bytes", (long long)size);
    }
    kn_response_header(res, "Content-MD5", image->md5); /* of the whole, whatever part this is: as Glance has it */
    kn_response_header(res, "Accept-Ranges", "bytes");
    res->content_type = "application/octet-stream";
    res->fd = fd;
    res->fd_offset = range.offset;
    res->fd_length = range.length;
    fd = -1;
    return 0;
}

int kn_image_api_download(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image image;

    if (kn_image_get(req->db, &req->caller, req->params[0], false, &rows, &image, err) < 0) {
        return -1;
    }
    if (strcmp(image.status, "deactivated") == 0 &&
        !kn_policy_allows(KN_GLANCE_DOWNLOAD_DEACTIVATED, &req->caller, NULL)) {
        return kn_fail(err, KN_FORBIDDEN,
                       "The requested image has been deactivated. Image data download is forbidden.");
    }
    if (image.sha512 == NULL) {
        res->status = 204;
        return 0;
    }
    return download_serve(req, &image, res, err);
}
