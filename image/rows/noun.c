/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images as a table: what is shown, asked for and written. A list shows fewer than may be seen by id: others' community images and offers
 * that nobody answered come only to whoever asks for them.
 */
#include "image/rows/noun.h"

#include <string.h>

#include "image/rows/image.h"
#include "image/rows/quota.h"
#include "lib/base/mem.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"

/* clang-format off */
static const char *const STATUSES[] = { "queued", "saving", "active", "killed", "deleted", "uploading", "importing",
                                        "pending_delete", "deactivated", NULL };
/* clang-format on */
static const char *const VISIBILITIES[] = { "community", "public", "private", "shared", NULL };
static const char *const CONTAINERS[] = { "ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed", NULL };
/* clang-format off */
static const char *const DISKS[] = { "ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop",
                                     NULL };
/* clang-format on */
static const struct kn_schema TAG[] = { KN_SCHEMA("tag", KN_IS_STRING, .limit = KN_LIMIT_IMAGE_TEXT), KN_SCHEMA_END };

#define FIND (KN_REST_SHOWN | KN_REST_FIND)
#define FILTER (KN_REST_SHOWN | KN_REST_FILTER)
#define WRITE(n) .column = n, .limit = KN_LIMIT_IMAGE_TEXT
#define DOC(text) .doc = text

/*
 * Those to sort by stand in the order in which Glance names them to whoever asks for another. Nobody's property is called os_glance_…: under
 * such names stand what is not an attribute of Glance's, the properties of the user's own and what an import says of itself.
 */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("name", "i.name", KN_REST_TEXT, FIND | KN_REST_WRITE | KN_REST_NULL, WRITE("name"),
                 DOC("Descriptive name for the image")),
    KN_REST_ATTR("status", "i.status", KN_REST_TEXT, FIND, .words = STATUSES, DOC("Status of the image")),
    KN_REST_ATTR("container_format", "i.container_format", KN_REST_TEXT, FIND | KN_REST_WRITE | KN_REST_NULL,
                 WRITE("container_format"), .words = CONTAINERS, DOC("Format of the container")),
    KN_REST_ATTR("disk_format", "i.disk_format", KN_REST_TEXT, FIND | KN_REST_WRITE | KN_REST_NULL,
                 WRITE("disk_format"), .words = DISKS, DOC("Format of the disk")),
    KN_REST_ATTR("size", "i.size", KN_REST_INT, FIND | KN_REST_NULL, DOC("Size of image file in bytes")),
    KN_REST_ATTR("id", "i.id", KN_REST_UUID, FIND | KN_REST_POST, .rule = &KN_TEXT_UUID,
                 DOC("An identifier for the image")),
    KN_REST_ATTR("created_at", "i.created_at", KN_REST_TIME, FIND, DOC("Date and time of image registration")),
    KN_REST_ATTR("updated_at", "i.updated_at", KN_REST_TIME, FIND, DOC("Date and time of the last image modification")),
    KN_REST_ATTR("checksum", "b.md5", KN_REST_TEXT, FILTER | KN_REST_NULL, .filter = kn_rest_equal,
                 DOC("md5 hash of image contents.")),
    KN_REST_ATTR("min_disk", "i.min_disk", KN_REST_INT, FILTER | KN_REST_WRITE | KN_REST_EXACT, .column = "min_disk",
                 .limit = KN_LIMIT_IMAGE_MINIMUM, DOC("Amount of disk space (in GB) required to boot image.")),
    KN_REST_ATTR("min_ram", "i.min_ram", KN_REST_INT, FILTER | KN_REST_WRITE | KN_REST_EXACT, .column = "min_ram",
                 .limit = KN_LIMIT_IMAGE_MINIMUM, DOC("Amount of ram (in MB) required to boot image.")),
    KN_REST_ATTR("os_hash_algo", "CASE WHEN i.sha512 IS NOT NULL THEN 'sha512' END", KN_REST_TEXT,
                 FILTER | KN_REST_NULL, .filter = kn_rest_equal, DOC("Algorithm to calculate the os_hash_value")),
    KN_REST_ATTR("os_hash_value", "i.sha512", KN_REST_TEXT, FILTER | KN_REST_NULL, .filter = kn_rest_equal,
                 DOC("Hexdigest of the image contents using the algorithm specified by the os_hash_algo")),
    KN_REST_ATTR("os_hidden", "i.os_hidden", KN_REST_BOOL, FILTER | KN_REST_WRITE | KN_REST_EXACT,
                 .column = "os_hidden", DOC("If true, image will not appear in default image list response.")),
    KN_REST_ATTR("owner", "i.owner", KN_REST_TEXT, FILTER | KN_REST_WRITE | KN_REST_NULL, WRITE("owner"),
                 .filter = kn_rest_equal, DOC("Owner of the image")),
    KN_REST_ATTR("protected", "i.protected", KN_REST_BOOL, FILTER | KN_REST_WRITE | KN_REST_EXACT,
                 .column = "protected", DOC("If true, image will not be deletable.")),
    KN_REST_ATTR("virtual_size", "i.virtual_size", KN_REST_INT, FILTER | KN_REST_NULL,
                 DOC("Virtual size of image in bytes")),
    KN_REST_ATTR("visibility", "i.visibility", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_WRITE, WRITE("visibility"),
                 .words = VISIBILITIES, DOC("Scope of image accessibility")),
    KN_REST_ATTR("tags", "i.tags", KN_REST_TAGS, KN_REST_SHOWN | KN_REST_WRITE, .column = "tags", .inner = TAG,
                 DOC("List of strings related to the image")),
    KN_REST_ATTR("direct_url", NULL, KN_REST_TEXT, 0, DOC("URL to access the image file kept in external store")),
    KN_REST_ATTR("self", "'/v2/images/' || i.id", KN_REST_TEXT, KN_REST_SHOWN, DOC("An image self url")),
    KN_REST_ATTR("file", "'/v2/images/' || i.id || '/file'", KN_REST_TEXT, KN_REST_SHOWN, DOC("An image file url")),
    KN_REST_ATTR("schema", "'/v2/schemas/image'", KN_REST_TEXT, KN_REST_SHOWN, DOC("An image schema url")),
    KN_REST_ATTR("stores", "CASE WHEN i.sha512 IS NOT NULL THEN '" KN_IMAGE_STORE "' END", KN_REST_TEXT,
                 KN_REST_SHOWN | KN_REST_IF_SET, DOC("Store in which image data resides")),
    KN_REST_ATTR(KN_IMAGE_OWN, "i.properties", KN_REST_JSON, 0, .column = "properties"),
    KN_REST_ATTR("os_glance_properties", "i.properties", KN_REST_MEMBERS, KN_REST_SHOWN),
    KN_REST_ATTR("os_glance_import", "i.import", KN_REST_MEMBERS, KN_REST_SHOWN | KN_REST_IF_SET),
    KN_REST_ATTRS_END,
};

static int noun_add_tag(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                        struct kn_error *err)
{
    (void)a;
    (void)key;
    (void)err;
    kn_rest_where(l, "i.tags @> ARRAY[?::text]", NULL, value);
    return 0;
}

static int noun_refuse(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                       struct kn_error *err)
{
    (void)l;
    (void)a;
    (void)value;
    return kn_fail(err, KN_BAD_REQUEST, "The \"%s\" filter is no longer available on v2.", key);
}

static const struct kn_rest_param PARAMS[] = {
    KN_REST_PARAM("changes-since", noun_refuse),
    KN_REST_PARAM("member_status", NULL),
    KN_REST_PARAM("tag", noun_add_tag),
    KN_REST_PARAM("visibility", NULL),
    KN_REST_PARAMS_END,
};

/* Whatever else is asked for is a property of the user's own. */
static int add_property(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                        struct kn_error *err)
{
    (void)a;
    (void)err;
    kn_rest_add(&l->query, " AND i.properties @> jsonb_build_object(?::text, ", key);
    kn_rest_add(&l->query, "?::text)", value);
    return 0;
}

static bool noun_is_one_of(const char *word, const char *const *words)
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

static int noun_narrow(struct kn_rest_list *l, struct kn_error *err)
{
    static const char *const ASKED[] = { "community", "public", "private", "shared", "all", NULL };
    static const char *const ANSWERS[] = { "pending", "accepted", "rejected", "all", NULL };
    const char *visibility = kn_rest_asked(l, "visibility", 0), *answer = kn_rest_asked(l, "member_status", 0);

    if (visibility != NULL && !noun_is_one_of(visibility, ASKED)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid visibility value: %.32s", visibility);
    }
    if (answer != NULL && !noun_is_one_of(answer, ANSWERS)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid status: %.32s", answer);
    }
    if (kn_rest_asked(l, "os_hidden", 0) == NULL) {
        kn_rest_text(&l->query, " AND NOT i.os_hidden");
    }
    narrow_visibility(l, visibility);
    if (!l->sees_all && (answer == NULL || strcmp(answer, "all") != 0)) {
        kn_rest_where(
            l,
            "(i.owner = ? OR i.visibility <> 'shared' OR EXISTS (SELECT FROM image_member m WHERE m.image_id = i.id "
            "AND m.member = ?",
            NULL, l->req->caller.project_id);
        kn_rest_add(&l->query, " AND m.status = ?))", answer != NULL ? answer : "accepted");
    }
    return 0;
}

/* A client names the id, or nobody does. */
static int noun_choose_id(struct kn_request *req, const json_t *object, const char **ret_id, struct kn_error *err)
{
    (void)req;
    (void)err;
    *ret_id = kn_schema_text(object, "id", NULL);
    return 0;
}

static const struct kn_rest_clash CLASHES[] = { { "image_pkey", KN_CONFLICT, "Image ID %2 already exists!" },
                                                { NULL, KN_CONFLICT, NULL } };

const struct kn_rest_noun kn_image_noun = {
    .one = "image",
    .many = "images",
    .label = "image",
    .path = "/images",
    .from = KN_IMAGE_FROM,
    .id = "i.id",
    .id_type = KN_REST_UUID,
    .visible = KN_IMAGE_SEEN("?"),
    .owned = "(i.owner = ?)",
    .kept = KN_IMAGE_KEPT,
    .order = "created_at",
    .ties = "created_at,id",
    .attrs = ATTRS,
    .params = PARAMS,
    .other = add_property,
    .narrow = noun_narrow,
    .manners = &KN_REST_GLANCE,
    .table = "image",
    .counts = &kn_image_counts,
    .lock = " FOR UPDATE OF i",
    .choose_id = noun_choose_id,
    .clashes = CLASHES,
};
