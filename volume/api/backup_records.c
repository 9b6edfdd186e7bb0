/* SPDX-License-Identifier: Apache-2.0 */
/* Records of backups over HTTP. What they say, and what becomes of one, is volume/rows/backup_record.c's. */
#include "lib/adapter/task.h"
#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/domain/message.h"
#include "lib/rest/list.h"
#include "volume/api/private.h"
#include "volume/rows/backup.h"
#include "volume/rows/backup_record.h"

int kn_volume_api_backup_export(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf url = KN_STRBUF_INIT;
    const char *service = NULL;

    if (kn_volume_backup_record_export(req, req->params[0], &service, &url, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "backup-record");
    kn_jsonw_str(&res->body, "backup_service", service);
    kn_jsonw_str(&res->body, "backup_url", url.buf);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

static const struct kn_schema RECORD[] = {
    KN_SCHEMA("backup_service", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_BACKUP_SERVICE),
    KN_SCHEMA("backup_url", KN_IS_STRING, .flags = KN_REQUIRED),
    KN_SCHEMA_END,
};
static const struct kn_schema BODY[] = {
    KN_SCHEMA("backup-record", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = RECORD),
    KN_SCHEMA_END,
};

int kn_volume_api_backup_import(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    char id[KN_UUID_SIZE];
    int64_t task = 0;

    if (kn_schema_check(BODY, req->body, req->microversion, err) < 0) {
        return -1;
    }
    const json_t *said = json_object_get(req->body, "backup-record");
    if (kn_tx_begin(&tx, req->db, err) < 0 ||
        kn_volume_backup_record_import(req, kn_json_str(said, "backup_service"), kn_json_str(said, "backup_url"), id,
                                       &task, err) < 0 ||
        kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    kn_task_wake(req->bus, id, task);
    return kn_rest_show(&kn_volume_backup_noun, req, id, KN_REST_CHANGED, res, err);
}
