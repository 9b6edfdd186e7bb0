/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actions that change a volume's disk, or what is promised of it: a status and a task in one transaction, as a rule. The volume is locked and looked at again in it: what
 * the caller saw may be over.
 */
#include <string.h>

#include "image/api.h"
#include "lib/adapter/quota.h"
#include "lib/adapter/task.h"
#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/rest/manners.h"
#include "volume/api/private.h"
#include "volume/rows/backend.h"
#include "volume/rows/encryption.h"
#include "volume/rows/holder.h"
#include "volume/rows/snapshot.h"
#include "volume/rows/source.h"
#include "volume/rows/type.h"

#define EXTENDS_HELD_SINCE 42

static const char *const UPLOAD_FORMATS[] = { "raw", "vmdk", "vdi", "qcow2", "vhd", "vhdx", "ploop", NULL };
static const char *const VISIBILITIES[] = { "community", "public", "private", "shared", NULL };
static const char *const POLICIES[] = { "on-demand", "never", NULL };

const struct kn_schema kn_volume_upload_body[] = {
    KN_SCHEMA("image_name", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_VOLUME_IMAGE_NAME),
    KN_SCHEMA("force", KN_IS_BOOLEAN),
    KN_SCHEMA("disk_format", KN_IS_STRING, .words = UPLOAD_FORMATS),
    KN_SCHEMA("container_format", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_WORD),
    KN_SCHEMA("visibility", KN_IS_STRING, .words = VISIBILITIES, .since = 1),
    KN_SCHEMA("protected", KN_IS_BOOLEAN, .since = 1),
    KN_SCHEMA_END,
};
const struct kn_schema kn_volume_retype_body[] = {
    KN_SCHEMA("new_type", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_VOLUME_WORD),
    KN_SCHEMA("migration_policy", KN_IS_STRING, .flags = KN_NULLABLE, .words = POLICIES),
    KN_SCHEMA_END,
};

struct disk_wish {
    struct kn_tx tx;
    struct kn_rows *rows;
    struct kn_volume v;
};

static void disk_wish_release(struct disk_wish *w)
{
    kn_tx_release(&w->tx);
    kn_rows_free(w->rows);
}
#define AUTO_WISH __attribute__((cleanup(disk_wish_release)))

static int disk_begin(struct disk_wish *w, struct kn_request *req, const char *id, enum kn_volume_event event,
                      struct kn_error *err)
{
    return kn_tx_begin(&w->tx, req->db, err) < 0 ||
                   kn_volume_get(req->db, &req->caller, id, true, &w->rows, &w->v, err) < 0 ||
                   kn_volume_move(req->db, &w->v, event, err) < 0
               ? -1
               : 0;
}

/* claims may be NULL. */
static int disk_end_of(struct disk_wish *w, struct kn_request *req, const char *kind, const char *object, json_t *input,
                       const struct kn_quota_claims *claims, struct kn_error *err)
{
    const struct kn_task_wish wish = {
        kind, object, req->caller.project_id, req->caller.user_id, req->request_id, input
    };
    int64_t task = 0;

    if (kn_task_insert(req->db, &wish, &task, err) < 0 || (claims != NULL && kn_quota_take(req->db, claims, err) < 0) ||
        kn_tx_commit(&w->tx, err) < 0) {
        return -1;
    }
    kn_task_wake(req->bus, object, task);
    return 0;
}

static int disk_end(struct disk_wish *w, struct kn_request *req, const char *kind, json_t *input,
                    const struct kn_quota_claims *claims, struct kn_error *err)
{
    return disk_end_of(w, req, kind, w->v.id, input, claims, err);
}

/* --- extend ------------------------------------------------------------------------------------------------------------------- */

static int extend_judge(struct kn_request *req, const struct kn_volume *v, int64_t size, struct kn_error *err)
{
    int64_t most = 0;

    if (size <= v->size_gib) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input received: New size for extend must be greater than current size. (current: %lld, "
                       "extended: %lld).",
                       (long long)v->size_gib, (long long)size);
    }
    if (kn_quota_limit(req->db, KN_QUOTA_PER_VOLUME, v->project_id, &most, err) < 0) {
        return -1;
    }
    return most < 0 || size <= most
               ? 0
               : kn_fail(err, KN_TOO_LARGE, "Requested volume size %lld is larger than maximum allowed limit %lld.",
                         (long long)size, (long long)most);
}

/* One that a server has, which its task is of: for clients that know of it (EXTENDS_HELD_SINCE). */
static int extend_begin_held(struct disk_wish *w, struct kn_request *req, const char *id, char ret_server[KN_UUID_SIZE],
                             struct kn_error *err)
{
    return kn_tx_begin(&w->tx, req->db, err) < 0 || kn_volume_holder_hold(req->db, id, ret_server, err) < 0 ||
                   kn_volume_get(req->db, &req->caller, id, true, &w->rows, &w->v, err) < 0 ||
                   kn_volume_move(req->db, &w->v, KN_VOLUME_EXTEND_HELD, err) < 0 ||
                   kn_volume_holder_check(req->db, &w->v, ret_server, err) < 0
               ? -1
               : kn_volume_holder_can_grow(req->db, &w->v, err);
}

int kn_volume_api_extend(struct kn_request *req, const json_t *in, const struct kn_volume *v, struct kn_response *res,
                         struct kn_error *err)
{
    static const struct kn_stmt GROW = {
        "volume_grow",
        "UPDATE volume SET extends_from = size_gib, promised_gib = size_gib, size_gib = $2 WHERE id = $1", 2
    };
    const bool is_held = req->microversion >= EXTENDS_HELD_SINCE && strcmp(v->status, "in-use") == 0;
    const int64_t size = kn_schema_int(in, "new_size", 0);
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims claims = KN_QUOTA_CLAIMS("volume");
    json_auto_t *input = json_pack("{s:I}", "size_gib", (json_int_t)size);
    AUTO_WISH struct disk_wish w = { .rows = NULL };
    char server[KN_UUID_SIZE] = "";
    struct kn_arg wanted;

    (void)res;
    if ((is_held ? extend_begin_held(&w, req, v->id, server, err) : disk_begin(&w, req, v->id, KN_VOLUME_EXTEND, err)) <
            0 ||
        extend_judge(req, &w.v, size, err) < 0 ||
        kn_db_run(req->db, &GROW, KN_ARGS(w.v.id, kn_arg_int(&wanted, size)), NULL, err) < 0) {
        return -1;
    }
    kn_quota_claim_disks(&claims, w.v.project_id, KN_QUOTA_VOLUMES, w.v.type_id, 0, size - w.v.size_gib);
    if (!is_held) {
        return disk_end(&w, req, "volume.extend", input, &claims, err);
    }
    json_object_set_new(input, "volume", json_string(w.v.id));
    return disk_end_of(&w, req, "server.extend_volume", server, input, &claims, err);
}

/* --- an image of it ------------------------------------------------------------------------------------------------------------ */

static int upload_judge(struct kn_request *req, const struct kn_image_of_volume *wish, const json_t *in,
                        struct kn_error *err)
{
    const char *container = kn_schema_text(in, "container_format", "bare");

    if (strcmp(wish->disk_format, "raw") != 0 && strcmp(wish->disk_format, "qcow2") != 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input received: images of volumes are made as raw or qcow2 here, not as %s",
                       wish->disk_format);
    }
    if (strcmp(container, "bare") != 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input received: images of volumes have the container format bare here, not %.64s",
                       container);
    }
    return strcmp(wish->visibility, "public") == 0 ? kn_policy_check(KN_CINDER_UPLOAD_PUBLIC, &req->caller, NULL, err)
                                                   : 0;
}

static int upload_print(struct kn_request *req, const struct kn_volume *v, const struct kn_image_of_volume *wish,
                        const char *image, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt SHOW = {
        "volume_uploading",
        "SELECT to_char(v.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), v.description, "
        "json_build_object('id', t.id, 'name', t.name, 'description', t.description, 'is_public', t.is_public, 'qos_specs_id', NULL, "
        "'extra_specs', '{}'::json, 'deleted', false, 'deleted_at', NULL, "
        "'created_at', to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), "
        "'updated_at', to_char(t.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')) "
        "FROM volume v JOIN volume_type t ON t.id = v.type_id WHERE v.id = $1",
        1
    };
    enum { UPDATED, DESCRIPTION, TYPE };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_strbuf *out = &res->body;

    if (kn_db_run(req->db, &SHOW, KN_ARGS(v->id), &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(out, NULL);
    kn_jsonw_object(out, "os-volume_upload_image");
    kn_jsonw_str(out, "id", v->id);
    kn_jsonw_str(out, "updated_at", kn_rows_str(rows, 0, UPDATED));
    kn_jsonw_str(out, "status", "uploading");
    kn_jsonw_str(out, "display_description", kn_rows_str(rows, 0, DESCRIPTION));
    kn_jsonw_int(out, "size", v->size_gib);
    kn_jsonw_raw(out, "volume_type", kn_rows_text(rows, 0, TYPE));
    kn_jsonw_str(out, "image_id", image);
    kn_jsonw_str(out, "container_format", "bare");
    kn_jsonw_str(out, "disk_format", wish->disk_format);
    kn_jsonw_str(out, "image_name", wish->name);
    if (req->microversion >= 1) {
        kn_jsonw_bool(out, "protected", wish->is_protected);
        kn_jsonw_str(out, "visibility", wish->visibility);
    }
    kn_jsonw_end_object(out);
    kn_jsonw_end_object(out);
    return 0;
}

int kn_volume_api_upload(struct kn_request *req, const json_t *in, const struct kn_volume *v, struct kn_response *res,
                         struct kn_error *err)
{
    json_auto_t *known = v->image != NULL ? json_loads(v->image, 0, NULL) : NULL;
    const struct kn_image_of_volume wish = {
        .name = kn_json_str(in, "image_name"),
        .volume = v->id,
        .disk_format = kn_schema_text(in, "disk_format", "raw"),
        .visibility = kn_schema_text(in, "visibility", "private"),
        .is_protected = kn_schema_bool(in, "protected", false),
        .known = known,
    };
    AUTO_WISH struct disk_wish w = { .rows = NULL };
    char image[KN_UUID_SIZE];

    if (upload_judge(req, &wish, in, err) < 0 || disk_begin(&w, req, v->id, KN_VOLUME_UPLOAD, err) < 0 ||
        upload_print(req, &w.v, &wish, "", res, err) < 0 || kn_image_of_volume_begin(req, &wish, image, err) < 0) {
        return -1;
    }
    json_auto_t *input = json_pack("{s:s, s:s}", "image", image, "disk_format", wish.disk_format);
    kn_strbuf_clear(&res->body);
    return upload_print(req, &w.v, &wish, image, res, err) < 0 ? -1
                                                               : disk_end(&w, req, "volume.upload", input, NULL, err);
}

/* --- another type, another content ---------------------------------------------------------------------------------------------- */

static int retype_no_type(const char *wanted, struct kn_error *err)
{
    return kn_fail(err, KN_BAD_REQUEST, "Invalid input received: Invalid volume_type passed: %.64s.", wanted);
}

/* Whether the volume, as it lies and is attached, can be of that type. Members may see neither what a type asks for nor which back end it is, so the words say neither. */
static int retype_judge(struct kn_request *req, const struct kn_volume *v, const char *type, const char *wanted,
                        struct kn_error *err)
{
    static const struct kn_stmt ASKED = {
        "volume_retype_asked",
        "SELECT CASE WHEN v.format IS NOT NULL THEN v.backend END, n.extra_specs, n.qos_id IS DISTINCT FROM o.qos_id AND "
        "(v.status <> 'available' OR EXISTS (SELECT FROM attachment a WHERE a.volume_id = v.id)) AND "
        "EXISTS (SELECT FROM volume_qos q WHERE q.id IN (n.qos_id, o.qos_id) AND q.consumer <> 'back-end') "
        "FROM volume v JOIN volume_type o ON o.id = v.type_id JOIN volume_type n ON n.id = $2 WHERE v.id = $1",
        2
    };
    enum { BACKEND, SPECS, CHANGES_LIMITS };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *key = NULL;

    if (kn_db_run(req->db, &ASKED, KN_ARGS(v->id, type), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return retype_no_type(wanted, err);
    }
    const char *backend = kn_rows_str(rows, 0, BACKEND);
    json_auto_t *specs = json_loads(kn_rows_text(rows, 0, SPECS), 0, NULL);

    if (kn_rows_bool(rows, 0, CHANGES_LIMITS)) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid volume: Retype needs volume to be in available or in-use state, not be part of an "
                       "active migration or a consistency group, requested type has to be different that the one from "
                       "the volume, and for in-use volumes front-end qos specs cannot change.");
    }
    return backend == NULL || kn_volume_backend_fits(req->conf, backend, specs, &key)
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Invalid volume: the volume's back end does not have what type %.64s asks for, and volumes "
                         "are not moved between back ends here: make a volume of that type of this one, or of a "
                         "snapshot of it.",
                         wanted);
}

/* Nothing ever moves, whatever the policy: the new type promises what the disk is. */
int kn_volume_api_retype(struct kn_request *req, const json_t *in, const struct kn_volume *v, struct kn_response *res,
                         struct kn_error *err)
{
    static const struct kn_stmt TYPE = {
        "volume_retype",
        "UPDATE volume SET type_id = $2, multiattach = volume_type_shares($2), updated_at = now() WHERE id = $1 AND "
        "(multiattach = volume_type_shares($2) OR (status = 'available' AND (multiattach OR format = 'raw')))",
        2
    };
    int64_t changed = 0;
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims claims = KN_QUOTA_CLAIMS("volume");
    const char *wanted = kn_json_str(in, "new_type");
    AUTO_WISH struct disk_wish w = { .rows = NULL };
    char type[KN_UUID_SIZE];

    (void)res;
    if (kn_volume_type_find(req, wanted, type, err) < 0) {
        return err->code == KN_NOT_FOUND ? retype_no_type(wanted, err) : -1;
    }
    if (disk_begin(&w, req, v->id, KN_VOLUME_RETYPE, err) < 0) {
        return -1;
    }
    if (strcmp(w.v.type_id, type) == 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input received: New volume_type same as original: %.64s.", wanted);
    }
    if (retype_judge(req, &w.v, type, wanted, err) < 0 ||
        kn_volume_encryption_refuse_retype(req->db, w.v.type_id, type, err) < 0) {
        return -1;
    }
    kn_quota_claim_disks(&claims, w.v.project_id, KN_QUOTA_VOLUMES, w.v.type_id, -1, -w.v.size_gib);
    kn_quota_claim_disks(&claims, w.v.project_id, KN_QUOTA_VOLUMES, type, 1, w.v.size_gib);
    if (kn_db_change(req->db, &TYPE, KN_ARGS(w.v.id, type), &changed, err) < 0) {
        return -1;
    }
    if (changed == 0) {
        return kn_fail(
            err, KN_BAD_REQUEST,
            "Invalid volume: Volume must be available, and its disk raw, to be retyped to or from a type that "
            "several servers share.");
    }
    return kn_quota_take(req->db, &claims, err) < 0 ? -1 : kn_tx_commit(&w.tx, err);
}

static int revert_judge(struct kn_request *req, const struct kn_volume *v, struct kn_volume_snapshot *s,
                        struct kn_error *err)
{
    static const struct kn_stmt LATEST = {
        "volume_snapshot_latest",
        "SELECT id FROM volume_snapshot WHERE volume_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1", 1
    };
    enum { LATEST_ID };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &LATEST, KN_ARGS(v->id), &rows, err) < 0 || kn_volume_snapshot_see(req->db, s, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0 || strcmp(kn_rows_text(rows, 0, LATEST_ID), s->id) != 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input received: Specified snapshot %s is not the latest one of volume %s", s->id,
                       v->id);
    }
    if (strcmp(s->status, "available") != 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid snapshot: Snapshot %s status must be available to revert, but current status is: %s.",
                       s->id, s->status);
    }
    return s->size_gib == v->size_gib
               ? 0
               : kn_fail(
                     err, KN_BAD_REQUEST,
                     "Invalid input received: Volume %s has %lld GB, its snapshot %lld GB: it was extended since, and "
                     "cannot be reverted.",
                     v->id, (long long)v->size_gib, (long long)s->size_gib);
}

int kn_volume_api_revert(struct kn_request *req, const json_t *in, const struct kn_volume *v, struct kn_response *res,
                         struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_WISH struct disk_wish w = { .rows = NULL };
    struct kn_volume_snapshot s;

    (void)res;
    if (disk_begin(&w, req, v->id, KN_VOLUME_REVERT, err) < 0 ||
        kn_volume_snapshot_get(req->db, &req->caller, kn_json_str(in, "snapshot_id"), true, &rows, &s, err) < 0 ||
        revert_judge(req, &w.v, &s, err) < 0) {
        return -1;
    }
    json_auto_t *input = json_pack("{s:I, s:s}", "size_gib", (json_int_t)w.v.size_gib, "from_snapshot", s.id);
    return disk_end(&w, req, "volume.revert", input, NULL, err);
}

int kn_volume_api_reimage(struct kn_request *req, const json_t *in, const struct kn_volume *v, struct kn_response *res,
                          struct kn_error *err)
{
    const char *image = kn_json_str(in, "image_id");
    AUTO_WISH struct disk_wish w = { .rows = NULL };
    json_auto_t *known = NULL;

    (void)res;
    if (kn_volume_source_image(req, image, v->size_gib, &known, err) < 0) {
        return -1;
    }
    AUTO_FREE char *text = json_dumps(known, JSON_COMPACT);
    if (disk_begin(&w, req, v->id, KN_VOLUME_REIMAGE, err) < 0 ||
        kn_volume_know_image(req->db, w.v.id, text, err) < 0) {
        return -1;
    }
    json_auto_t *input = json_pack("{s:I, s:s}", "size_gib", (json_int_t)w.v.size_gib, "image",
                                   kn_json_str(known, "image_id"));
    return disk_end(&w, req, "volume.reimage", input, NULL, err);
}
