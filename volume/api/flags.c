/* SPDX-License-Identifier: Apache-2.0 */
/* Actions on volumes that write on the row alone: flags, what is known of the image in it, and an administrator's word about its status. */
#include <string.h>
#include <strings.h>

#include "lib/adapter/quota.h"
#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "volume/api/private.h"

/* What could not grow, and does not any more, is again what it was, whatever became of it since. */
static int flags_unextend(struct kn_request *req, const struct kn_volume *v, struct kn_error *err)
{
    static const struct kn_stmt BACK = {
        "volume_unextend",
        "UPDATE volume SET size_gib = extends_from, extends_from = NULL WHERE id = $1 AND extends_from IS NOT NULL", 1
    };
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims back = KN_QUOTA_CLAIMS("volume");
    int64_t count = 0;

    if (kn_db_change(req->db, &BACK, KN_ARGS(v->id), &count, err) < 0) {
        return -1;
    }
    kn_quota_claim_disks(&back, v->project_id, KN_QUOTA_VOLUMES, v->type_id, 0, v->extends_from_gib - v->size_gib);
    return count == 0 ? 0 : kn_quota_take(req->db, &back, err);
}

/* What a volume cannot be because an administrator says so: that it is attached, or offered, is said by rows. */
static int flags_refuse_impossible(struct kn_db *db, const struct kn_volume *v, const char *status,
                                   struct kn_error *err)
{
    static const struct kn_stmt ROWS = {
        "volume_reset_rows",
        "SELECT EXISTS (SELECT FROM attachment WHERE volume_id = $1), EXISTS (SELECT FROM volume_transfer WHERE volume_id = $1)",
        1
    };
    enum { IS_ATTACHED, IS_OFFERED };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (strcmp(status, "deleting") == 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Cannot reset-state to deleting");
    }
    if (kn_db_run(db, &ROWS, KN_ARGS(v->id), &rows, err) < 0) {
        return -1;
    }
    if (strcmp(status, "in-use") == 0 && !kn_rows_bool(rows, 0, IS_ATTACHED)) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Cannot reset-state to in-use because volume does not have any attachments.");
    }
    return strcmp(status, "awaiting-transfer") != 0 || kn_rows_bool(rows, 0, IS_OFFERED)
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Cannot reset-state to awaiting-transfer because volume does not have a transfer.");
}

static int flags_reset(struct kn_request *req, const char *id, const char *status, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume v;

    if (kn_tx_begin(&tx, req->db, err) < 0 || kn_volume_get(req->db, &req->caller, id, true, &rows, &v, err) < 0 ||
        flags_refuse_impossible(req->db, &v, status, err) < 0 || kn_volume_set_status(req->db, v.id, status, err) < 0 ||
        (v.extends_from_gib > 0 && strcmp(v.status, "extending") != 0 && flags_unextend(req, &v, err) < 0)) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}

int kn_volume_api_reset_status(struct kn_request *req, const json_t *in, const struct kn_volume *v,
                               struct kn_response *res, struct kn_error *err)
{
    const char *status = kn_json_str(in, "status");

    (void)res;
    if (json_object_size(in) > 1) { /* attach_status, migration_status: rows say these, nobody sets them */
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input for os-reset_status: only \"status\" can be reset here, not attach_status or "
                       "migration_status.");
    }
    for (const char *const *known = kn_volume_statuses; *known != NULL; known++) {
        if (strcasecmp(*known, status) == 0) {
            return flags_reset(req, v->id, *known, err);
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "Volume status: %.64s is invalid, it must be one of Cinder's.", status);
}

int kn_volume_api_set_bootable(struct kn_request *req, const json_t *in, const struct kn_volume *v,
                               struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_volume_set_bootable(req->db, v->id, kn_schema_bool(in, "bootable", false), err);
}

/* What a host was told of an attached volume stays as it is, so only of one that nobody has. */
int kn_volume_api_set_readonly(struct kn_request *req, const json_t *in, const struct kn_volume *v,
                               struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt SET = {
        "volume_set_readonly",
        "UPDATE volume SET readonly = $2, updated_at = now() WHERE id = $1 AND status = 'available' AND NOT " KN_VOLUME_IS_BACKED_UP(
            "$1::uuid"),
        2
    };
    int64_t count = 0;

    (void)res;
    if (kn_db_change(req->db, &SET, KN_ARGS(v->id, kn_schema_bool(in, "readonly", false) ? "t" : "f"), &count, err) <
        0) {
        return -1;
    }
    return count == 1
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Invalid volume: Volume %s status must be available to update readonly flag, but current "
                         "status is: %s.",
                         v->id, strcmp(v->status, "available") == 0 ? "backing-up" : v->status);
}

/* --- what is known of the image in it ---------------------------------------------------------------------------------------- */

static void flags_print_image(const char *image, struct kn_response *res)
{
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_raw(&res->body, "metadata", image != NULL ? image : "{}");
    kn_jsonw_end_object(&res->body);
}

int kn_volume_api_show_image_metadata(struct kn_request *req, const json_t *in, const struct kn_volume *v,
                                      struct kn_response *res, struct kn_error *err)
{
    (void)req;
    (void)in;
    (void)err;
    flags_print_image(v->image, res);
    return 0;
}

int kn_volume_api_set_image_metadata(struct kn_request *req, const json_t *in, const struct kn_volume *v,
                                     struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt SET = {
        "volume_image_set",
        "UPDATE volume SET image = coalesce(image, '{}') || $2::jsonb, updated_at = now() WHERE id = $1 RETURNING image",
        2
    };
    enum { IMAGE };
    AUTO_FREE char *more = json_dumps(json_object_get(in, "metadata"), JSON_COMPACT);
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &SET, KN_ARGS(v->id, more), &rows, err) < 0) {
        return strcmp(kn_db_constraint(req->db), "volume_image_fits") == 0
                   ? kn_fail(err, KN_TOO_LARGE, "Maximum number of metadata items exceeded")
                   : -1;
    }
    flags_print_image(kn_rows_count(rows) > 0 ? kn_rows_str(rows, 0, IMAGE) : NULL, res);
    return 0;
}

int kn_volume_api_unset_image_metadata(struct kn_request *req, const json_t *in, const struct kn_volume *v,
                                       struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt UNSET = {
        "volume_image_unset",
        "UPDATE volume SET image = nullif(image - $2::text, '{}'), updated_at = now() WHERE id = $1 AND image ? $2::text",
        2
    };
    int64_t count = 0;

    (void)res;
    if (kn_db_change(req->db, &UNSET, KN_ARGS(v->id, kn_json_str(in, "key")), &count, err) < 0) {
        return -1;
    }
    return count == 1 ? 0 : kn_fail(err, KN_NOT_FOUND, "Metadata item was not found");
}
