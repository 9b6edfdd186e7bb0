/* SPDX-License-Identifier: Apache-2.0 */
/* Records of backups: Cinder's fields by Cinder's names, and beside them what finds the bytes and proves them. Everything of a record is checked: it may come from anywhere. */
#include "volume/rows/backup_record.h"

#include <stdlib.h>
#include <string.h>

#include "lib/adapter/crypto.h"
#include "lib/adapter/quota.h"
#include "lib/adapter/task.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/json_text.h"
#include "lib/domain/schema.h"
#include "volume/rows/backup.h"
#include "volume/rows/volume.h"

#define FORMAT "kilonova-backup 1" /* of the bytes: volume/serve/backup_manifest.h */

/* A kind of store, and the driver of Cinder's that clients take it for. */
static const struct {
    const char *store, *service;
} SERVICES[] = {
    { "directory", "cinder.backup.drivers.posix.PosixBackupDriver" },
    { "s3", "cinder.backup.drivers.s3.S3BackupDriver" },
};

static const char *record_service_of(const char *store)
{
    for (size_t i = 0; i < KN_COUNT(SERVICES); i++) {
        if (strcmp(SERVICES[i].store, store) == 0) {
            return SERVICES[i].service;
        }
    }
    return NULL;
}

static const char *record_store_of(const char *service)
{
    for (size_t i = 0; i < KN_COUNT(SERVICES); i++) {
        if (strcmp(SERVICES[i].service, service) == 0) {
            return SERVICES[i].store;
        }
    }
    return NULL;
}

/* --- export ------------------------------------------------------------------------------------------------------------------- */

int kn_volume_backup_record_export(struct kn_request *req, const char *id, const char **ret_service,
                                   struct kn_strbuf *ret_url, struct kn_error *err)
{
    static const struct kn_stmt RECORD = {
        "volume_backup_record",
        "SELECT b.store, jsonb_build_object('id', b.id, 'display_name', b.name, 'display_description', b.description, 'container', b.container, 'size', b.size_gib, "
        "'object_count', b.object_count, 'volume_id', b.volume_id, 'snapshot_id', b.snapshot_id, 'parent_id', b.parent_id, "
        "'data_timestamp', to_char(b.data_timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), 'metadata', b.metadata, 'format', '" FORMAT
        "', 'service_metadata', coalesce(b.location, b.id), 'manifest', b.manifest, 'volume_image_metadata', b.image, 'volume_metadata', b.volume_metadata, "
        "'bootable', b.bootable) FROM volume_backup b WHERE b.id = $1",
        1
    };
    enum { STORE, TEXT };
    AUTO(kn_rows) struct kn_rows *backups = NULL;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume_backup b;

    if (kn_volume_backup_get(req->db, &req->caller, id, false, &backups, &b, err) < 0) {
        return -1;
    }
    if (!b.is_whole) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid backup: Backup status must be available and not %s.", b.status);
    }
    if (kn_db_run(req->db, &RECORD, KN_ARGS(b.id), &rows, err) < 0) {
        return -1;
    }
    *ret_service = kn_rows_count(rows) > 0 ? record_service_of(kn_rows_text(rows, 0, STORE)) : NULL;
    if (*ret_service == NULL) {
        return kn_fail(err, KN_NOT_FOUND, "Backup %.64s could not be found.", id);
    }
    const char *text = kn_rows_text(rows, 0, TEXT);
    kn_base64_add(ret_url, text, strlen(text));
    return 0;
}

/* --- import ------------------------------------------------------------------------------------------------------------------- */

/* The year 10000, which the text of a time has no room for. */
#define RECORD_END_US (INT64_C(253402300800) * 1000000)

static bool record_is_sha256(const char *text)
{
    return strlen(text) == KN_SHA256_HEX - 1 && strspn(text, "0123456789abcdef") == KN_SHA256_HEX - 1;
}

static bool record_is_time(const char *text)
{
    int64_t us;

    return kn_time_parse(text, &us) == 0 && us >= 0 && us < RECORD_END_US;
}

static const struct kn_text_rule SHA256 = { record_is_sha256, "is not a SHA-256", false };
static const struct kn_text_rule TIME = { record_is_time, "is not a 'date-time'", false };
static const char *const FORMATS[] = { FORMAT, NULL };
static const struct kn_schema META[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_META_VALUE),
                                         KN_SCHEMA_END };
static const struct kn_schema IMAGE[] = { KN_SCHEMA("value", KN_IS_STRING), KN_SCHEMA_END };
static const struct kn_schema RECORD[] = {
    KN_SCHEMA("id", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("display_name", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_NAME),
    KN_SCHEMA("display_description", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_DESCRIPTION),
    KN_SCHEMA("container", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_BACKUP_CONTAINER,
              .rule = &KN_TEXT_CONTAINER),
    KN_SCHEMA("size", KN_IS_INTEGER, .flags = KN_REQUIRED | KN_EXACT, .limit = KN_LIMIT_VOLUME_SIZE_GIB),
    KN_SCHEMA("object_count", KN_IS_INTEGER), /* counted anew */
    KN_SCHEMA("volume_id", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("snapshot_id", KN_IS_STRING, .flags = KN_NULLABLE, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("parent_id", KN_IS_STRING, .flags = KN_NULLABLE, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("data_timestamp", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &TIME),
    KN_SCHEMA("metadata", KN_IS_MAP, .limit = KN_LIMIT_VOLUME_METADATA, .rule = &KN_TEXT_META_KEY, .inner = META),
    KN_SCHEMA("format", KN_IS_STRING, .flags = KN_REQUIRED, .words = FORMATS),
    KN_SCHEMA("service_metadata", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("manifest", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &SHA256),
    KN_SCHEMA("volume_image_metadata", KN_IS_NULL),
    KN_SCHEMA("volume_image_metadata", KN_IS_MAP, .rule = &KN_TEXT_META_KEY, .inner = IMAGE),
    KN_SCHEMA("volume_metadata", KN_IS_MAP, .limit = KN_LIMIT_VOLUME_METADATA, .rule = &KN_TEXT_META_KEY,
              .inner = META),
    KN_SCHEMA("bootable", KN_IS_BOOLEAN, .flags = KN_EXACT),
    KN_SCHEMA_END,
};

/* *ret: what the text says, checked. */
static int record_read(const char *url, json_t **ret, struct kn_error *err)
{
    const size_t len = strlen(url);
    AUTO_FREE uint8_t *text = kn_alloc(len + 1);
    json_auto_t *record = NULL;
    json_error_t why;
    size_t size = 0;

    if (kn_base64_decode(url, len, text, len, &size) < 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input received: Can't decode backup record.");
    }
    record = json_loadb((const char *)text, size, JSON_REJECT_DUPLICATES, &why);
    if (record == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input received: Can't parse backup record.");
    }
    if (kn_schema_check(RECORD, record, 0, err) < 0) {
        return -1;
    }
    *ret = json_incref(record);
    return 0;
}

/* None that has its bytes where the record says is just being removed, and none is from here on until we are done; the one that it builds on is whole, and stays. */
static int record_hold_others(struct kn_db *db, const json_t *record, struct kn_error *err)
{
    static const struct kn_stmt HOLD = {
        "volume_backup_hold_place",
        "SELECT b.id, b.status, b.volume_id FROM volume_backup b WHERE coalesce(b.location, b.id) = $1 OR b.id = $2 OR b.id = $3 ORDER BY b.id FOR UPDATE",
        3
    };
    enum { ID, STATUS, VOLUME };
    const char *id = kn_json_str(record, "id"), *volume = kn_json_str(record, "volume_id"),
               *parent = json_string_value(json_object_get(record, "parent_id"));
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    bool has_parent = parent == NULL;

    if (kn_db_run(db, &HOLD, KN_ARGS(kn_json_str(record, "service_metadata"), id, parent), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        const char *other = kn_rows_text(rows, i, ID), *status = kn_rows_text(rows, i, STATUS);

        if (strcmp(other, id) == 0) {
            return kn_fail(err, KN_BAD_REQUEST, "Invalid backup: Backup already exists in database.");
        }
        if (strcmp(status, "deleting") == 0) {
            return kn_fail(err, KN_BAD_REQUEST,
                           "Invalid backup: Backup %s, which the record is of, is just being deleted.", other);
        }
        has_parent = has_parent || (strcmp(other, parent) == 0 && strcmp(status, "available") == 0 &&
                                    strcasecmp(kn_rows_text(rows, i, VOLUME), volume) == 0);
    }
    return has_parent
               ? 0
               : kn_fail(
                     err, KN_BAD_REQUEST,
                     "Invalid backup: Backup %s, which this one is incremental to, is not an available one of its volume: import it first.",
                     parent);
}

static int record_insert(struct kn_request *req, const json_t *record, const char *store, struct kn_error *err)
{
    static const struct kn_stmt INSERT = {
        "volume_backup_import",
        "INSERT INTO volume_backup (id, project_id, user_id, name, description, metadata, volume_id, snapshot_id, parent_id, size_gib, status, zone, container, "
        "store, location, image, bootable, volume_metadata, data_timestamp) SELECT (r->>'id')::uuid, $2, $3, r->>'display_name', r->>'display_description', "
        "coalesce(r->'metadata', '{}'), (r->>'volume_id')::uuid, (r->>'snapshot_id')::uuid, (r->>'parent_id')::uuid, (r->>'size')::integer, 'creating', "
        "'" KN_VOLUME_ZONE
        "', r->>'container', $4, (r->>'service_metadata')::uuid, nullif(r->'volume_image_metadata', 'null'), "
        "coalesce((r->>'bootable')::boolean, false), coalesce(r->'volume_metadata', '{}'), timestamptz 'epoch' + $5::bigint / 1000000 * interval '1 second' + $5::bigint % 1000000 * interval '1 microsecond' "
        "FROM (SELECT $1::jsonb AS r) x WHERE coalesce(kn_map_fits(nullif(r->'volume_image_metadata', 'null'), 256, 255, 65535), true) "
        "ON CONFLICT (id) DO NOTHING",
        5
    };
    AUTO_FREE char *text = kn_json_text(record);
    int64_t count = 0, moment_us = 0;

    kn_time_parse(kn_json_str(record, "data_timestamp"), &moment_us);
    AUTO_FREE char *moment = kn_asprintf("%lld", (long long)moment_us);
    if (kn_db_change(req->db, &INSERT, KN_ARGS(text, req->caller.project_id, req->caller.user_id, store, moment),
                     &count, err) < 0) {
        return -1;
    }
    return count == 1
               ? 0
               : kn_fail(
                     err, KN_BAD_REQUEST,
                     "Invalid backup: Backup already exists in database, or its volume_image_metadata are too large.");
}

int kn_volume_backup_record_import(struct kn_request *req, const char *service, const char *url,
                                   char ret_id[KN_UUID_SIZE], int64_t *ret_task, struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims claims = KN_QUOTA_CLAIMS("volume");
    const char *store = record_store_of(service);
    json_auto_t *record = NULL;

    if (store == NULL) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Import record failed, cannot find backup service to perform import. Request service %.255s",
                       service);
    }
    if (record_read(url, &record, err) < 0 || record_hold_others(req->db, record, err) < 0 ||
        record_insert(req, record, store, err) < 0) {
        return -1;
    }
    const char *id = kn_json_str(record, "id");
    const json_int_t size = kn_json_int(record, "size");
    json_auto_t *input = json_pack("{s:s, s:s, s:I}", "volume", kn_json_str(record, "volume_id"), "manifest",
                                   kn_json_str(record, "manifest"), "size_gib", size);
    const struct kn_task_wish wish = { "backup.import", id,   req->caller.project_id, req->caller.user_id,
                                       req->request_id, input };

    kn_quota_claim(&claims, req->caller.project_id, KN_QUOTA_BACKUPS, 1);
    kn_quota_claim(&claims, req->caller.project_id, KN_QUOTA_BACKUP_GIGABYTES, size);
    if (kn_task_insert(req->db, &wish, ret_task, err) < 0 || kn_quota_take(req->db, &claims, err) < 0) {
        return -1;
    }
    kn_copy(ret_id, KN_UUID_SIZE, id);
    return 0;
}
