/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Glance's images under compute's own routes, up to 2.35, for clients that know no other: lists, filters and views as Nova had them. Rows
 * and who sees them are the image room's (image/api.h). Nothing is written here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "compute/api.h"
#include "compute/rows/select.h"
#include "compute/rows/view.h"
#include "image/api.h"
#include "lib/base/mem.h"

static const struct {
    const char *glance;
    const char *nova;
    int progress;
} STATUSES[] = {
    { "active", "ACTIVE", 100 },      { "saving", "SAVING", 50 },      { "queued", "SAVING", 25 },
    { "deleted", "DELETED", 0 },      { "pending_delete", "DELETED", 0 }, { "killed", "ERROR", 0 },
};

/* Nova's name of a filter and Glance's. Nova leaves out what it does not know. */
static const struct kn_rest_wish FILTERS[] = {
    { "name", "name" },           { "minRam", "min_ram" },       { "minDisk", "min_disk" },
    { "server", "instance_uuid" }, { "type", "image_type" },      { "marker", "marker" },
};
#define PROPERTY "property-"
#define WISHES_MAX 32

struct wishes {
    struct kn_rest_wish list[WISHES_MAX + 2]; /* the limit and the end */
    int count;
    char *made[2]; /* values that no parameter holds as they are */
};

static void wish(struct wishes *w, const char *key, const char *value)
{
    if (w->count < WISHES_MAX) {
        w->list[w->count++] = (struct kn_rest_wish){ key, value };
    }
}

static void visit(void *ctx, const char *key, const char *value)
{
    struct wishes *w = ctx;

    for (size_t i = 0; i < KN_COUNT(FILTERS); i++) {
        if (strcmp(key, FILTERS[i].key) == 0) {
            wish(w, FILTERS[i].value, value);
            return;
        }
    }
    if (strncmp(key, PROPERTY, sizeof(PROPERTY) - 1) == 0) {
        wish(w, key + sizeof(PROPERTY) - 1, value);
    } else if (strcmp(key, "changes-since") == 0 && w->made[0] == NULL) {
        w->made[0] = kn_asprintf("gte:%s", value);
        wish(w, "updated_at", w->made[0]);
    } else if (strcmp(key, "status") == 0 && w->made[1] == NULL) {
        w->made[1] = strcasecmp(value, "SAVING") == 0 ? kn_strdup("in:saving,queued") : kn_strdup(value);
        for (char *at = w->made[1]; *at != '\0'; at++) {
            *at = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
        }
        wish(w, "status", w->made[1]);
    }
}

static void write_brief(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_image_look *image)
{
    kn_jsonw_str(sb, "id", image->id);
    kn_jsonw_str(sb, "name", image->name);
    kn_view_image_links(sb, req, image->id);
}

static void write_full(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_image_look *image)
{
    const char *status = "UNKNOWN";
    int progress = 0;

    for (size_t i = 0; i < KN_COUNT(STATUSES); i++) {
        if (strcmp(image->status, STATUSES[i].glance) == 0) {
            status = STATUSES[i].nova;
            progress = STATUSES[i].progress;
        }
    }
    write_brief(sb, req, image);
    kn_jsonw_str(sb, "created", image->created_at);
    kn_jsonw_str(sb, "updated", image->updated_at);
    kn_jsonw_str(sb, "status", status);
    kn_jsonw_int(sb, "progress", progress);
    kn_jsonw_int(sb, "minRam", image->min_ram_mib);
    kn_jsonw_int(sb, "minDisk", image->min_disk_gib);
    kn_jsonw_raw(sb, "OS-EXT-IMG-SIZE:size", image->size != NULL ? image->size : "0");
    kn_jsonw_raw(sb, "metadata", image->properties);
}

static void write_list(struct kn_request *req, const struct kn_rows *rows, const struct kn_page *page, bool full, struct kn_strbuf *sb)
{
    const int count = rows != NULL ? kn_rows_count(rows) : 0;
    struct kn_image_look image = { 0 };

    kn_jsonw_object(sb, NULL);
    kn_jsonw_array(sb, "images");
    for (int row = 0; row < count; row++) {
        kn_image_look_at(rows, row, &image);
        kn_jsonw_object(sb, NULL);
        (full ? write_full : write_brief)(sb, req, &image);
        kn_jsonw_end_object(sb);
    }
    kn_jsonw_end_array(sb);
    kn_page_links(sb, req, page, "images_links", full ? "/images/detail" : "/images", count, image.id);
    kn_jsonw_end_object(sb);
}

static int list(struct kn_request *req, struct kn_response *res, bool full, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_page page = { .limit = KN_MAX_PAGE };
    struct wishes wishes = { 0 };
    char limit[24];

    if (kn_page_read(req, &page, err) < 0) {
        return -1;
    }
    kn_request_query_each(req, visit, &wishes);
    snprintf(limit, sizeof(limit), "%lld", (long long)page.limit);
    wishes.list[wishes.count] = (struct kn_rest_wish){ "limit", limit };
    const int rc = kn_image_look(req, wishes.list, &rows, err);
    for (size_t i = 0; i < KN_COUNT(wishes.made); i++) {
        free(wishes.made[i]);
    }
    if (rc == 0) {
        write_list(req, rows, &page, full, &res->body);
    }
    return rc;
}

int kn_nova_images_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return list(req, res, false, err);
}

int kn_nova_images_detail(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return list(req, res, true, err);
}

int kn_nova_images_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image_look image;

    if (kn_image_look_one(req->db, &req->caller, req->params[0], &rows, err) < 0) {
        return err->code == KN_NOT_FOUND ? kn_fail(err, KN_NOT_FOUND, "Image not found.") : -1;
    }
    kn_image_look_at(rows, 0, &image);
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "image");
    write_full(&res->body, req, &image);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}
