/* SPDX-License-Identifier: Apache-2.0 */
/* Backups over HTTP. What bodies may say, and what may become of one, is volume/rows/backup.c's. */
#include <string.h>

#include "lib/adapter/task.h"
#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/rest/list.h"
#include "lib/rest/write.h"
#include "volume/api.h"
#include "volume/api/private.h"
#include "volume/rows/backup.h"

int kn_volume_api_backups(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_volume_backup_noun, req, KN_REST_BRIEF, NULL, res, err);
}

int kn_volume_api_backups_detail(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_volume_backup_noun, req, KN_REST_LIST, "/backups/detail", res, err);
}

int kn_volume_api_backup(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&kn_volume_backup_noun, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_volume_api_backup_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_create(&kn_volume_backup_noun, req, res, err);
}

int kn_volume_api_backup_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_update(&kn_volume_backup_noun, req, req->params[0], res, err);
}

static int backups_delete(struct kn_request *req, bool by_force, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume_backup b;
    int64_t task = 0;

    /* Tasks first, then the row: so everybody locks them. */
    if (kn_tx_begin(&tx, req->db, err) < 0 ||
        (by_force && kn_uuid_valid(req->params[0]) && kn_task_cancel(req->db, req->params[0], err) < 0) ||
        kn_volume_backup_get(req->db, &req->caller, req->params[0], true, &rows, &b, err) < 0 ||
        kn_volume_backup_doom(req, &b, by_force, &task, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    kn_task_wake(req->bus, b.id, task);
    return 0;
}

int kn_volume_api_backup_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return backups_delete(req, false, err);
}

/* --- restoring -------------------------------------------------------------------------------------------------------------- */

static const struct kn_schema RESTORE[] = {
    KN_SCHEMA("volume_id", KN_IS_STRING, .flags = KN_NULLABLE, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("name", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_NAME),
    KN_SCHEMA_END,
};
static const struct kn_schema RESTORE_BODY[] = {
    KN_SCHEMA("restore", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = RESTORE),
    KN_SCHEMA_END,
};

/* A volume of its own, made as one that names the backup. */
static int backups_restore_new(struct kn_request *req, const char *id, char **name, char ret_volume[KN_UUID_SIZE],
                               struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume_backup b;

    if (kn_volume_backup_get(req->db, &req->caller, id, false, &rows, &b, err) < 0) {
        return -1;
    }
    if (!b.is_whole) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid backup: Backup status must be available");
    }
    if (*name == NULL) {
        *name = kn_asprintf("restore_backup_%s", b.id);
    }
    json_object_clear(req->body);
    json_object_set_new(req->body, "volume",
                        json_pack("{s:s, s:s, s:s, s:I, s:o*}", "name", *name, "description",
                                  "auto-created_from_restore_from_backup", "backup_id", b.id, "size",
                                  (json_int_t)b.size_gib, "metadata", json_loads(b.volume_metadata, 0, NULL)));
    return kn_volume_make(req, ret_volume, err);
}

static int backups_restore_old(struct kn_request *req, const char *id, const char *volume, char **name,
                               struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    int64_t task = 0;

    if (kn_tx_begin(&tx, req->db, err) < 0 || kn_volume_backup_restore(req, id, volume, name, &task, err) < 0 ||
        kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    kn_task_wake(req->bus, volume, task);
    return 0;
}

int kn_volume_api_backup_restore(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    char volume[KN_UUID_SIZE] = "";

    if (kn_schema_check(RESTORE_BODY, req->body, req->microversion, err) < 0) {
        return -1;
    }
    const json_t *said = json_object_get(req->body, "restore");
    const char *wanted = kn_json_str(said, "name");
    AUTO_FREE char *name = NULL;

    kn_copy(volume, sizeof(volume), kn_json_str(said, "volume_id"));
    if (volume[0] == '\0') {
        name = *wanted != '\0' ? kn_strdup(wanted) : NULL;
        if (backups_restore_new(req, req->params[0], &name, volume, err) < 0) {
            return -1;
        }
    } else if (backups_restore_old(req, req->params[0], volume, &name, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "restore");
    kn_jsonw_str(&res->body, "backup_id", req->params[0]);
    kn_jsonw_str(&res->body, "volume_id", volume);
    kn_jsonw_str(&res->body, "volume_name", name);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

/* --- actions ---------------------------------------------------------------------------------------------------------------- */

static const char *const BACKUP_STATUSES[] = { "available", "error", NULL };
static const struct kn_schema RESET[] = {
    KN_SCHEMA("status", KN_IS_STRING, .flags = KN_REQUIRED, .words = BACKUP_STATUSES),
    KN_SCHEMA_END,
};
static const struct kn_schema BODY[] = {
    KN_SCHEMA("os-reset_status", KN_IS_OBJECT, .inner = RESET),
    KN_SCHEMA("os-force_delete", KN_IS_ANY),
    KN_SCHEMA_END,
};

int kn_volume_api_backup_action(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const json_t *reset = json_object_get(req->body, "os-reset_status");
    struct kn_volume_backup b;

    (void)res;
    if (kn_volume_backup_get(req->db, &req->caller, req->params[0], false, &rows, &b, err) < 0) {
        return -1;
    }
    if (json_object_size(req->body) != 1 || (reset == NULL && json_object_get(req->body, "os-force_delete") == NULL)) {
        return kn_fail(err, KN_BAD_REQUEST, "There is no such action: %.64s",
                       json_object_size(req->body) == 0 ? "" : json_object_iter_key(json_object_iter(req->body)));
    }
    if (kn_policy_check(reset != NULL ? KN_CINDER_BACKUP_RESET : KN_CINDER_BACKUP_FORCE_DELETE, &req->caller,
                        &(struct kn_target){ .project_id = b.project_id }, err) < 0 ||
        kn_schema_check(BODY, req->body, req->microversion, err) < 0) {
        return -1;
    }
    return reset != NULL ? kn_volume_backup_set_status(req->db, &b, kn_json_str(reset, "status"), err)
                         : backups_delete(req, true, err);
}
