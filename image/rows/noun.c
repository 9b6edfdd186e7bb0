/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of images as a table. A list shows fewer than may be seen by id: others' community images and offers that nobody answered come
 * only to whoever asks for them. How an image is written is image.c's.
 */
#include "image/rows/noun.h"

#include <string.h>

#include "image/rows/image.h"
#include "lib/base/mem.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"

/* Those to sort by stand in the order in which Glance names them to whoever asks for another. */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("name", "i.name", KN_REST_TEXT, KN_REST_FIND | KN_REST_NULL),
    KN_REST_ATTR("status", "i.status", KN_REST_TEXT, KN_REST_FIND),
    KN_REST_ATTR("container_format", "i.container_format", KN_REST_TEXT, KN_REST_FIND | KN_REST_NULL),
    KN_REST_ATTR("disk_format", "i.disk_format", KN_REST_TEXT, KN_REST_FIND | KN_REST_NULL),
    KN_REST_ATTR("size", "i.size", KN_REST_INT, KN_REST_FIND | KN_REST_NULL),
    KN_REST_ATTR("id", "i.id", KN_REST_UUID, KN_REST_FIND),
    KN_REST_ATTR("created_at", "i.created_at", KN_REST_TIME, KN_REST_FIND),
    KN_REST_ATTR("updated_at", "i.updated_at", KN_REST_TIME, KN_REST_FIND),
    KN_REST_ATTR("checksum", "b.md5", KN_REST_TEXT, KN_REST_FILTER, .filter = kn_rest_equal),
    KN_REST_ATTR("min_disk", "i.min_disk", KN_REST_INT, KN_REST_FILTER),
    KN_REST_ATTR("min_ram", "i.min_ram", KN_REST_INT, KN_REST_FILTER),
    KN_REST_ATTR("os_hash_algo", "CASE WHEN i.sha512 IS NOT NULL THEN 'sha512' END", KN_REST_TEXT, KN_REST_FILTER, .filter = kn_rest_equal),
    KN_REST_ATTR("os_hash_value", "i.sha512", KN_REST_TEXT, KN_REST_FILTER, .filter = kn_rest_equal),
    KN_REST_ATTR("os_hidden", "i.os_hidden", KN_REST_BOOL, KN_REST_FILTER),
    KN_REST_ATTR("owner", "i.owner", KN_REST_TEXT, KN_REST_FILTER, .filter = kn_rest_equal),
    KN_REST_ATTR("protected", "i.protected", KN_REST_BOOL, KN_REST_FILTER),
    KN_REST_ATTR("virtual_size", "i.virtual_size", KN_REST_INT, KN_REST_FILTER),
    KN_REST_ATTRS_END,
};

static int add_tag(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value, struct kn_error *err)
{
    (void)a;
    (void)key;
    (void)err;
    kn_rest_where(l, "i.tags @> ARRAY[?::text]", NULL, value);
    return 0;
}

static int refuse(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value, struct kn_error *err)
{
    (void)l;
    (void)a;
    (void)value;
    return kn_fail(err, KN_BAD_REQUEST, "The \"%s\" filter is no longer available on v2.", key);
}

static const struct kn_rest_param PARAMS[] = {
    KN_REST_PARAM("changes-since", refuse),
    KN_REST_PARAM("member_status", NULL),
    KN_REST_PARAM("tag", add_tag),
    KN_REST_PARAM("visibility", NULL),
    KN_REST_PARAMS_END,
};

/* Whatever else is asked for is a property of the user's own. */
static int add_property(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value, struct kn_error *err)
{
    (void)a;
    (void)err;
    kn_rest_add(&l->query, " AND i.properties @> jsonb_build_object(?::text, ", key);
    kn_rest_add(&l->query, "?::text)", value);
    return 0;
}

static bool is_one_of(const char *word, const char *const *words)
{
    while (*words != NULL && strcmp(*words, word) != 0) {
        words++;
    }
    return *words != NULL;
}

static void narrow_visibility(struct kn_rest_list *l, const char *visibility)
{
    if (visibility == NULL) {
        kn_rest_where(l, "(i.owner = ? OR i.visibility <> 'community')", NULL, l->req->caller.project_id);
    } else if (strcmp(visibility, "all") != 0) {
        kn_rest_where(l, "i.visibility = ?", NULL, visibility);
    }
}

static int narrow(struct kn_rest_list *l, struct kn_error *err)
{
    static const char *const VISIBILITIES[] = { "community", "public", "private", "shared", "all", NULL };
    static const char *const ANSWERS[] = { "pending", "accepted", "rejected", "all", NULL };
    const char *visibility = kn_rest_asked(l, "visibility", 0), *answer = kn_rest_asked(l, "member_status", 0);

    if (visibility != NULL && !is_one_of(visibility, VISIBILITIES)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid visibility value: %.32s", visibility);
    }
    if (answer != NULL && !is_one_of(answer, ANSWERS)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid status: %.32s", answer);
    }
    if (kn_rest_asked(l, "os_hidden", 0) == NULL) {
        kn_rest_text(&l->query, " AND NOT i.os_hidden");
    }
    narrow_visibility(l, visibility);
    if (!l->sees_all && (answer == NULL || strcmp(answer, "all") != 0)) {
        kn_rest_where(l, "(i.owner = ? OR i.visibility <> 'shared' OR EXISTS (SELECT FROM image_member m WHERE m.image_id = i.id "
                         "AND m.member = ?", NULL, l->req->caller.project_id);
        kn_rest_add(&l->query, " AND m.status = ?))", answer != NULL ? answer : "accepted");
    }
    return 0;
}

static void print(const struct kn_request *req, const struct kn_rest_noun *noun, const struct kn_rows *rows, int row, unsigned view,
                  struct kn_strbuf *out)
{
    struct kn_image image;

    (void)req;
    (void)noun;
    (void)view;
    kn_image_at(rows, row, &image);
    kn_image_print(&image, out);
}

const struct kn_rest_noun kn_image_noun = {
    .one = "image", .many = "images", .label = "image", .path = "/images",
    .from = KN_IMAGE_FROM, .id = "i.id", .id_type = KN_REST_UUID,
    .visible = KN_IMAGE_SEEN("?"), .kept = KN_IMAGE_KEPT,
    .order = "created_at", .ties = "created_at,id",
    .attrs = ATTRS, .params = PARAMS, .other = add_property, .narrow = narrow,
    .columns = KN_IMAGE_COLUMNS, .print = print,
    .manners = &KN_REST_GLANCE,
};
