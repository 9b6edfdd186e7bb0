/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The actions createImage and createBackup: an image's row (image/rows/snapshot.c) and the task that brings its data, in one transaction. Its id is told by a Location, from 2.45 on
 * by a body. Of a server whose root disk is a volume it is a list of snapshots instead of data (server_plan_mapping.h).
 */
#include <string.h>

#include "compute/api.h"
#include "compute/rows/server.h"
#include "compute/rows/server_plan_mapping.h"
#include "image/api.h"
#include "lib/adapter/quota.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/rest/manners.h"
#include "volume/api.h"

#define BODY_SINCE 45

static const struct kn_schema VALUE[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_META_VALUE),
                                          KN_SCHEMA_END };
const struct kn_schema kn_compute_create_image_body[] = {
    KN_SCHEMA("name", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_SERVER_NAME, .rule = &KN_TEXT_NAME),
    KN_SCHEMA("metadata", KN_IS_MAP, .rule = &KN_TEXT_META_KEY, .inner = VALUE),
    KN_SCHEMA_END,
};

const struct kn_schema kn_compute_create_backup_body[] = {
    KN_SCHEMA("name", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_SERVER_NAME, .rule = &KN_TEXT_NAME),
    KN_SCHEMA("backup_type", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_IMAGE_TEXT),
    KN_SCHEMA("rotation", KN_IS_INTEGER, .flags = KN_REQUIRED, .limit = KN_LIMIT_EXACT),
    KN_SCHEMA("metadata", KN_IS_MAP, .rule = &KN_TEXT_META_KEY, .inner = VALUE),
    KN_SCHEMA_END,
};

/* kn_compute_server_also: the image, in the transaction of the task that brings it. */
struct imaging {
    struct kn_image_snapshot wish;
    struct kn_quota_claims claims; /* what snapshots of volumes take */
    bool of_volumes; /* the server's root disk is one */
    char id[KN_UUID_SIZE];
};

/* server.disks, a new reference; NULL: none but the root disk. */
static int imaging_disks(const struct kn_request *req, const char *server, json_t **ret, struct kn_error *err)
{
    static const struct kn_stmt DISKS_OF = { "imaging_disks",
                                             "SELECT disks FROM server WHERE id = $1 AND disks IS NOT NULL", 1 };
    enum { DISKS };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &DISKS_OF, KN_ARGS(server), &rows, err) < 0) {
        return -1;
    }
    *ret = kn_rows_count(rows) > 0 ? json_loads(kn_rows_text(rows, 0, DISKS), 0, NULL) : NULL;
    return 0;
}

static const json_t *imaging_root(const json_t *snapshots)
{
    const json_t *one;
    size_t i;

    json_array_foreach (snapshots, i, one) {
        if (json_object_get(one, "boot") != NULL && kn_json_int(one, "boot") == 0) {
            return one;
        }
    }
    return NULL;
}

/* As Nova does: all its volumes are copied, and the image says which copies. */
static int imaging_begin_of_volumes(const struct kn_request *req, const char *server, struct imaging *imaging,
                                    json_t *input, struct kn_error *err)
{
    json_auto_t *snapshots = NULL, *disks = NULL;
    bool quiesce = false;

    if (imaging_disks(req, server, &disks, err) < 0 ||
        kn_volume_server_snapshots_take(req, server, &snapshots, err) < 0) {
        return -1;
    }
    const json_t *root = imaging_root(snapshots);
    json_auto_t *mapping = kn_compute_mapping_make(snapshots, disks);

    imaging->wish.mapping = mapping;
    imaging->wish.known = json_object_get(root, "image");
    imaging->wish.root_device = kn_json_str(root, "device");
    imaging->wish.root_gib = 0;
    const int rc = kn_image_snapshot_begin(req, &imaging->wish, imaging->id, &quiesce, err);
    const struct kn_volume_server_snapshots wish = { .server_id = server,
                                                     .project_id = imaging->wish.project,
                                                     .image_id = imaging->id,
                                                     .name = imaging->wish.name,
                                                     .list = snapshots,
                                                     .claims = &imaging->claims };

    if (rc == 0 && quiesce) {
        return kn_fail(
            err, KN_BAD_REQUEST,
            "The image of server %s says os_require_quiesce. Its volumes are copied one by one, each frozen for itself where its guest agent is: "
            "no image of them is of one moment.",
            server);
    }
    if (rc < 0 || kn_volume_server_snapshots_begin(req, &wish, err) < 0) {
        return -1;
    }
    json_object_set_new(input, "image", json_string(imaging->id));
    return json_object_set_new(input, "snapshots", json_integer((json_int_t)json_array_size(snapshots)));
}

static int imaging_begin(const struct kn_request *req, const char *server, void *ctx, json_t *input,
                         struct kn_error *err)
{
    struct imaging *imaging = ctx;
    bool quiesce = false;

    if (imaging->of_volumes) {
        return imaging_begin_of_volumes(req, server, imaging, input, err);
    }
    if (kn_image_snapshot_begin(req, &imaging->wish, imaging->id, &quiesce, err) < 0) {
        return -1;
    }
    json_object_set_new(input, "image", json_string(imaging->id));
    if (quiesce) {
        json_object_set_new(input, "quiesce", json_true());
    }
    return 0;
}

/* Nova counts them as a server's. */
static int imaging_fits(struct kn_request *req, const json_t *metadata, struct kn_error *err)
{
    int64_t most = 0;

    if (kn_quota_limit(req->db, KN_QUOTA_METADATA, req->caller.project_id, &most, err) < 0) {
        return -1;
    }
    return most < 0 || (int64_t)json_object_size(metadata) <= most
               ? 0
               : kn_fail(err, KN_QUOTA, "Image metadata limit exceeded");
}

/* located: a body says the id in any case, a Location only of an image that stays. */
static void imaging_answer(const struct kn_request *req, const char *id, bool located, struct kn_response *res)
{
    const size_t len = strlen(req->base_url), own = strlen(kn_compute_api.prefix);

    if (req->microversion >= BODY_SINCE) {
        kn_jsonw_object(&res->body, NULL);
        kn_jsonw_str(&res->body, "image_id", id);
        kn_jsonw_end_object(&res->body);
    } else if (located) {
        AUTO_FREE char *location = kn_asprintf("%.*s%s/v2/images/%s", (int)(len > own ? len - own : 0), req->base_url,
                                               kn_image_api.prefix, id);
        kn_response_header(res, "Location", location);
    }
}

/* What Cinder calls too large is over quota in Nova. */
static int imaging_refuse(struct kn_error *err)
{
    err->code = err->code == KN_TOO_LARGE ? KN_QUOTA : err->code;
    return -1;
}

/* The wish is what is asked for beside the image. */
static int imaging_act(struct kn_request *req, const char *name, const json_t *args, const char *type,
                       const json_t *properties, json_t *input, char ret_id[KN_UUID_SIZE], struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *server = NULL;
    const struct kn_server_action *action = kn_server_action(name);
    struct imaging imaging = { .claims = KN_QUOTA_CLAIMS("volume"), .id = "" };
    struct kn_compute_server_also also = { imaging_begin, &imaging, NULL, NULL };

    if (kn_compute_server_get(req, req->params[0], &server, err) < 0 ||
        kn_compute_server_may(req, server, action, err) < 0 ||
        imaging_fits(req, json_object_get(args, "metadata"), err) < 0) {
        return -1;
    }
    imaging.wish = (struct kn_image_snapshot){ .name = kn_json_str(args, "name"),
                                               .server = kn_rows_text(server, 0, KN_SERVER_ID),
                                               .project = kn_rows_text(server, 0, KN_SERVER_PROJECT),
                                               .base = kn_rows_text(server, 0, KN_SERVER_IMAGE),
                                               .type = type,
                                               .properties = properties,
                                               .root_gib = kn_rows_int(server, 0, KN_SERVER_DISK) };
    imaging.of_volumes = kn_compute_server_boots_from_volume(server);
    also.claims = imaging.of_volumes ? &imaging.claims : NULL;
    const int rc = kn_compute_server_act(req, req->params[0], action, input, &also, err);

    kn_quota_claims_release(&imaging.claims);
    if (rc < 0) {
        return imaging_refuse(err);
    }
    kn_copy(ret_id, KN_UUID_SIZE, imaging.id);
    return 0;
}

int kn_compute_server_create_image(struct kn_request *req, const json_t *args, struct kn_response *res,
                                   struct kn_error *err)
{
    json_auto_t *input = json_object();
    char id[KN_UUID_SIZE];

    if (imaging_act(req, "createImage", args, "snapshot", json_object_get(args, "metadata"), input, id, err) < 0) {
        return -1;
    }
    imaging_answer(req, id, true, res);
    return 0;
}

int kn_compute_server_create_backup(struct kn_request *req, const json_t *args, struct kn_response *res,
                                    struct kn_error *err)
{
    const char *type = kn_json_str(args, "backup_type");
    const int64_t rotation = kn_schema_int(args, "rotation", 0);
    json_auto_t *input = json_pack("{s:s, s:I}", "backup_type", type, "rotation", (json_int_t)rotation);
    json_t *metadata = json_object_get(args, "metadata");
    json_auto_t *properties = metadata != NULL ? json_copy(metadata) : json_object();
    char id[KN_UUID_SIZE];

    json_object_set_new(properties, "backup_type", json_string(type));
    if (imaging_act(req, "createBackup", args, "backup", properties, input, id, err) < 0) {
        return -1;
    }
    imaging_answer(req, id, rotation > 0, res);
    return 0;
}
