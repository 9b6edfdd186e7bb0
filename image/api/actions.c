/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to an image beside changing its attributes: deactivate and reactivate, one tag more, one less. */
#include "image/api/private.h"
#include "image/rows/noun.h"
#include "image/rows/property.h"
#include "lib/base/cleanup.h"
#include "lib/rest/labels.h"

typedef int change(struct kn_request *req, const struct kn_image *image, struct kn_error *err);

/* Every change happens to a locked row of the caller's own, in one transaction. */
static int change_image(struct kn_request *req, change *apply, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image image;

    if (kn_tx_begin(&tx, req->db, err) < 0 ||
        kn_image_get(req->db, &req->caller, req->params[0], true, &rows, &image, err) < 0 ||
        kn_image_check_owner(&image, &req->caller, err) < 0 || apply(req, &image, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}

static int actions_move(struct kn_request *req, const struct kn_image *image, enum kn_image_event event,
                        const char *verb, struct kn_error *err)
{
    if (kn_image_stands(image->status, event) || kn_image_move(req->db, image->id, image->status, event, err) == 0) {
        return 0;
    }
    return err->code == KN_CONFLICT
               ? kn_fail(err, KN_FORBIDDEN, "Not allowed to %s image in status '%s'", verb, image->status)
               : -1;
}

static int deactivate(struct kn_request *req, const struct kn_image *image, struct kn_error *err)
{
    return actions_move(req, image, KN_IMAGE_DEACTIVATE, "deactivate", err);
}

static int reactivate(struct kn_request *req, const struct kn_image *image, struct kn_error *err)
{
    return actions_move(req, image, KN_IMAGE_REACTIVATE, "reactivate", err);
}

int kn_image_api_deactivate(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return change_image(req, deactivate, err);
}

int kn_image_api_reactivate(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return change_image(req, reactivate, err);
}

/* --- tags ----------------------------------------------------------------------------------------------------------- */

static int image_tags_enter(struct kn_request *req, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image image;

    return kn_image_get(req->db, &req->caller, req->params[0], false, &rows, &image, err) < 0
               ? -1
               : kn_image_check_owner(&image, &req->caller, err);
}

static int image_tags_fit(struct kn_request *req, const struct kn_rows *now, const json_t *whole, struct kn_error *err)
{
    (void)req;
    (void)now;
    return kn_image_property_check("tags", whole, false, err);
}

static const struct kn_rest_labels TAGS = {
    .noun = &kn_image_noun,
    .attr = "tags",
    .key = "tags",
    .is_set = true,
    .absent = "image \"%1\" has no tag \"%2\"",
    .enter = image_tags_enter,
    .fits = image_tags_fit,
};

int kn_image_api_tag(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_put(&TAGS, req, res, err);
}

int kn_image_api_untag(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_labels_drop(&TAGS, req, err);
}
