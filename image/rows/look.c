/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images as another room may see them: compute shows them under its own old routes. Who sees what is image.c's and noun.c's; nothing
 * here knows how the other room writes it.
 */
#include <string.h>

#include "image/api.h"
#include "image/rows/image.h"
#include "image/rows/noun.h"
#include "lib/rest/manners.h"

static void look_show(const struct kn_image *image, struct kn_image_look *ret)
{
    *ret = (struct kn_image_look){
        .id = image->id,
        .name = image->name,
        .status = image->status,
        .properties = image->properties,
        .size = image->size,
        .created_at = image->created_at,
        .updated_at = image->updated_at,
        .min_disk_gib = image->min_disk_gib,
        .min_ram_mib = image->min_ram_mib,
    };
}

void kn_image_look_at(const struct kn_rows *rows, int row, struct kn_image_look *ret)
{
    struct kn_image image;

    kn_image_at(rows, row, &image);
    look_show(&image, ret);
}

int kn_image_look_one(struct kn_db *db, const struct kn_caller *caller, const char *id, struct kn_rows **ret_rows,
                      struct kn_error *err)
{
    struct kn_image image;
    return kn_image_get(db, caller, id, false, ret_rows, &image, err);
}

int kn_image_look(struct kn_request *req, const struct kn_rest_wish *wishes, struct kn_rows **ret_rows,
                  struct kn_error *err)
{
    struct kn_rest_manners manners = KN_REST_GLANCE;
    struct kn_rest_noun noun = kn_image_noun;

    manners.missing_marker = KN_REST_NOVA.missing_marker;
    noun.manners = &manners;
    noun.columns = KN_IMAGE_COLUMNS; /* for kn_image_at() */
    return kn_rest_rows(&noun, req, KN_REST_LIST, wishes, NULL, ret_rows, err);
}
