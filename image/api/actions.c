/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to an image beside changing its attributes: deactivate and reactivate, one tag more, one less. */
#include <string.h>

#include "image/api/private.h"
#include "image/rows/property.h"
#include "lib/base/cleanup.h"

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

/* Where the tag stands in the list, -1 if it does not. */
static int find_tag(const json_t *tags, const char *tag)
{
    size_t i;
    json_t *value;

    json_array_foreach (tags, i, value) {
        if (strcmp(json_string_value(value), tag) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static int actions_add_tag(struct kn_request *req, const struct kn_image *image, struct kn_error *err)
{
    json_t *tags = json_loads(image->tags, 0, NULL);
    int rc = 0;

    if (find_tag(tags, req->params[1]) < 0) {
        json_array_append_new(tags, json_string(req->params[1]));
        rc = kn_image_property_check("tags", tags, false, err) < 0 ? -1
                                                                   : kn_image_set_tags(req->db, image->id, tags, err);
    }
    json_decref(tags);
    return rc;
}

static int remove_tag(struct kn_request *req, const struct kn_image *image, struct kn_error *err)
{
    json_t *tags = json_loads(image->tags, 0, NULL);
    const int at = find_tag(tags, req->params[1]);
    int rc;

    if (at < 0) {
        rc = kn_fail(err, KN_NOT_FOUND, "image \"%s\" has no tag \"%.64s\"", image->id, req->params[1]);
    } else {
        json_array_remove(tags, (size_t)at);
        rc = kn_image_set_tags(req->db, image->id, tags, err);
    }
    json_decref(tags);
    return rc;
}

int kn_image_api_tag(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return change_image(req, actions_add_tag, err);
}

int kn_image_api_untag(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return change_image(req, remove_tag, err);
}
