/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images as another room may see them: compute shows them under its own old routes. Who sees what is image.c's and query.c's; nothing
 * here knows how the other room writes it.
 */
#include <string.h>

#include "image/api.h"
#include "image/image.h"
#include "image/query.h"

static void show(const struct kn_image *image, struct kn_image_look *ret)
{
    *ret = (struct kn_image_look){
        .id = image->id, .name = image->name, .status = image->status, .properties = image->properties, .size = image->size,
        .created_at = image->created_at, .updated_at = image->updated_at,
        .min_disk_gib = image->min_disk_gib, .min_ram_mib = image->min_ram_mib,
    };
}

void kn_image_look_at(const struct kn_rows *rows, int row, struct kn_image_look *ret)
{
    struct kn_image image;

    kn_image_at(rows, row, &image);
    show(&image, ret);
}

int kn_image_look_one(struct kn_db *db, const struct kn_caller *caller, const char *id, struct kn_rows **ret_rows, struct kn_error *err)
{
    struct kn_image image;
    return kn_image_get(db, caller, id, false, ret_rows, &image, err);
}

/* A marker that the caller does not see is none. */
static int check_marker(struct kn_db *db, const struct kn_caller *caller, const char *marker, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (marker == NULL || kn_image_look_one(db, caller, marker, &rows, err) == 0) {
        return 0;
    }
    return err->code == KN_NOT_FOUND ? kn_fail(err, KN_BAD_REQUEST, "marker [%.64s] not found", marker) : -1;
}

static int run(struct kn_image_query *query, struct kn_db *db, const struct kn_image_wish *wishes, struct kn_rows **ret_rows,
               struct kn_error *err)
{
    for (; wishes->key != NULL; wishes++) {
        if (kn_image_query_add(query, wishes->key, wishes->value, err) < 0) {
            return -1;
        }
    }
    return check_marker(db, query->caller, query->marker, err) < 0 || kn_image_query_finish(query, err) < 0 ||
           kn_image_query_run(query, db, ret_rows, err) < 0 ? -1 : 0;
}

int kn_image_look(struct kn_db *db, const struct kn_caller *caller, const struct kn_image_wish *wishes, struct kn_rows **ret_rows,
                  struct kn_error *err)
{
    struct kn_image_query query;

    kn_image_query_init(&query, caller);
    const int rc = run(&query, db, wishes, ret_rows, err);
    kn_image_query_release(&query);
    return rc;
}
