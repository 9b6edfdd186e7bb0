/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Glance's images under compute's own routes, up to 2.35, for clients that know no other: lists, filters and views as Nova had them. Rows,
 * who sees them and who deletes them are the image room's (image/api.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "compute/api.h"
#include "compute/rows/view.h"
#include "image/api.h"
#include "lib/base/mem.h"
#include "lib/rest/manners.h"

static const struct {
    const char *glance;
    const char *nova;
    int progress;
} STATUSES[] = {
    { "active", "ACTIVE", 100 }, { "saving", "SAVING", 50 },         { "queued", "SAVING", 25 },
    { "deleted", "DELETED", 0 }, { "pending_delete", "DELETED", 0 }, { "killed", "ERROR", 0 },
};

/* Nova's name of a filter and Glance's. Nova leaves out what it does not know. */
static const struct kn_rest_wish FILTERS[] = {
    { "name", "name" },       { "minRam", "min_ram" }, { "minDisk", "min_disk" }, { "server", "instance_uuid" },
    { "type", "image_type" }, { "marker", "marker" },
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

static void images_visit(void *ctx, const char *key, const char *value)
{
    struct wishes *w = ctx;

    for (size_t i = 0; i < KN_COUNT(FILTERS); i++) {
        if (strcmp(key, FILTERS[i].key) == 0) {
            const char *slash = strcmp(key, "server") == 0 ? strrchr(value, '/') : NULL; /* its link, too */

            wish(w, FILTERS[i].value, slash != NULL ? slash + 1 : value);
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

/* [self, bookmark, alternate], the last where Glance has it. */
static void images_write_links(struct kn_strbuf *sb, const struct kn_request *req, const char *id)
{
    const size_t len = strlen(req->base_url), own = strlen(kn_compute_api.prefix);

    kn_jsonw_array(sb, "links");
    kn_rest_nova_link(req, "self", KN_REST_NOVA.root, "/images", id, sb);
    kn_rest_nova_link(req, "bookmark", "", "/images", id, sb);
    kn_jsonw_object(sb, NULL);
    kn_jsonw_str(sb, "rel", "alternate");
    kn_jsonw_str(sb, "type", "application/vnd.openstack.image");
    kn_strbuf_addstr(sb, ",\"href\":\"");
    kn_strbuf_add(sb, req->base_url, len > own ? len - own : 0);
    kn_strbuf_addf(sb, "%s/v2/images/%s\"", kn_image_api.prefix, id);
    kn_jsonw_end_object(sb);
    kn_jsonw_end_array(sb);
}

static void write_brief(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_image_look *image)
{
    kn_jsonw_str(sb, "id", image->id);
    kn_jsonw_str(sb, "name", image->name);
    images_write_links(sb, req, image->id);
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

static void images_print(const struct kn_request *req, const struct kn_rest_noun *noun, const struct kn_rows *rows,
                         int row, unsigned view, struct kn_strbuf *out)
{
    struct kn_image_look image;

    (void)noun;
    kn_image_look_at(rows, row, &image);
    (view == KN_REST_LIST ? write_full : write_brief)(out, req, &image);
}

/* Pages and their links are Nova's; the rows come from the image room. */
static const struct kn_rest_attr ATTRS[] = { KN_REST_ATTR("id", NULL, KN_REST_UUID, 0), KN_REST_ATTRS_END };
static const struct kn_rest_noun IMAGE = {
    .one = "image",
    .many = "images",
    .label = "Image",
    .id_type = KN_REST_UUID,
    .order = "id",
    .ties = "",
    .unsorted = true,
    .attrs = ATTRS,
    .print = images_print,
    .manners = &KN_REST_NOVA,
};

static int images_list(struct kn_request *req, struct kn_response *res, unsigned view, const char *path,
                       struct kn_error *err)
{
    AUTO_RELEASE(kn_rest_list)
    struct kn_rest_list l = { .req = req, .noun = &IMAGE, .view = view, .query = KN_REST_QUERY_INIT };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct wishes wishes = { 0 };
    char limit[24];

    if (kn_rest_page_read(&l, err) < 0) {
        return -1;
    }
    kn_request_query_each(req, images_visit, &wishes);
    snprintf(limit, sizeof(limit), "%lld", (long long)l.page.limit);
    wishes.list[wishes.count] = (struct kn_rest_wish){ "limit", l.is_empty ? "0" : limit };
    const int rc = kn_image_look(req, wishes.list, &rows, err);
    for (size_t i = 0; i < KN_COUNT(wishes.made); i++) {
        free(wishes.made[i]);
    }
    if (rc == 0) {
        kn_rest_write_page(&l, rows, path, res);
    }
    return rc;
}

int kn_compute_nova_images_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return images_list(req, res, KN_REST_BRIEF, "/images", err);
}

int kn_compute_nova_images_detail(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return images_list(req, res, KN_REST_LIST, "/images/detail", err);
}

int kn_compute_nova_images_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
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

int kn_compute_nova_images_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    if (kn_image_api_delete(req, res, err) == 0) {
        return 0;
    }
    return err->code == KN_NOT_FOUND   ? kn_fail(err, KN_NOT_FOUND, "Image not found.")
           : err->code == KN_FORBIDDEN ? kn_fail(err, KN_FORBIDDEN, "You are not allowed to delete the image.")
                                       : -1;
}
