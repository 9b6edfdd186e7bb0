/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes as clients see and make them: one row an attribute. What a volume has none of here is shown as Cinder shows nothing. A POST is checked
 * whole before anything is written: what it names must exist, what it asks for must be something that is done here.
 */
#include "volume/rows/noun.h"

#include <string.h>

#include "lib/adapter/quota.h"
#include "lib/adapter/task.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "volume/rows/encryption.h"
#include "volume/rows/group.h"
#include "volume/rows/source.h"
#include "volume/rows/type.h"
#include "volume/rows/volume.h"

#define ATTACHMENTS \
    "(SELECT coalesce(json_agg(json_build_object('id', a.volume_id, 'attachment_id', a.id, 'volume_id', a.volume_id, " \
    "'server_id', coalesce(a.server_id, a.instance_id), 'host_name', a.host_name, 'device', a.device, 'attached_at', " \
    "to_char(a.attached_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'))), '[]') " \
    "FROM attachment a WHERE a.volume_id = v.id AND a.status NOT IN ('attaching', 'reserved'))"

/* Whether servers may write it is shown among what clients wrote, where Cinder shows it. */
#define METADATA \
    "v.metadata || CASE WHEN v.readonly THEN '{\"readonly\": \"True\"}' WHEN NOT v.readonly THEN '{\"readonly\": \"False\"}' " \
    "ELSE '{}' END::jsonb"

/* While it is read for a backup; no column, and whoever would change it asks volume_is_copied(). */
#define STATUS \
    "CASE WHEN v.status IN ('available', 'in-use') AND " KN_VOLUME_IS_BACKED_UP( \
        "v.id") " THEN 'backing-up' ELSE v.status END"

#define GETS (KN_REST_LIST | KN_REST_SHOW) /* in what GET answers, not in the answers to POST and PUT */

static const struct kn_schema META[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_META_VALUE),
                                         KN_SCHEMA_END };

/* What a POST may name and is no more than that: who reads it is noun_check(). */
#define SAID(n, ...) KN_REST_ATTR(n, NULL, KN_REST_TEXT, KN_REST_POST | KN_REST_CLEAR, __VA_ARGS__)
#define WORD .limit = KN_LIMIT_VOLUME_WORD
#define NAME .limit = KN_LIMIT_VOLUME_NAME
#define DESCRIPTION .limit = KN_LIMIT_VOLUME_DESCRIPTION
#define WRITE (KN_REST_WRITE | KN_REST_CLEAR)
#define MADE (KN_REST_SHOWN | KN_REST_FIND | KN_REST_POST | KN_REST_CLEAR)

/* Up to 3.52 Cinder takes more (cinder/api/schemas/volumes.py: additionalProperties) and drops it; what is not known is refused here at every version. */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "v.id", KN_REST_UUID, KN_REST_ALWAYS | KN_REST_FIND),
    KN_REST_ATTR("name", "v.name", KN_REST_TEXT, KN_REST_ALWAYS | KN_REST_FIND | KN_REST_NULL | WRITE, .column = "name",
                 NAME),
    KN_REST_ATTR("links", NULL, KN_REST_LINKS, KN_REST_ALWAYS),
    KN_REST_ATTR("description", "v.description", KN_REST_TEXT, KN_REST_SHOWN | WRITE, .column = "description",
                 DESCRIPTION),
    KN_REST_ATTR("size", "coalesce(v.extends_from, v.size_gib)", KN_REST_INT, MADE, .column = "size_gib",
                 .limit = KN_LIMIT_VOLUME_SIZE_GIB),
    KN_REST_ATTR("status", STATUS, KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND, .column = "status"),
    KN_REST_ATTR("availability_zone", "v.zone", KN_REST_TEXT, MADE, .column = "zone", WORD),
    KN_REST_ATTR("bootable", "v.bootable::text", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("encrypted", "v.key_id IS NOT NULL", KN_REST_BOOL, KN_REST_SHOWN),
    KN_REST_ATTR("encryption_key_id", "v.key_id", KN_REST_UUID, KN_REST_SHOWN | KN_REST_IF_SET, .since = 64),
    KN_REST_ATTR("multiattach", "v.multiattach", KN_REST_BOOL, KN_REST_SHOWN),
    KN_REST_ATTR("volume_type", "(SELECT t.name FROM volume_type t WHERE t.id = v.type_id)", KN_REST_TEXT,
                 KN_REST_SHOWN),
    KN_REST_ATTR("user_id", "v.user_id", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER),
    KN_REST_ATTR("created_at", "v.created_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("updated_at", "v.updated_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("metadata", METADATA, KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("metadata", NULL, KN_REST_JSON, WRITE, .column = "metadata", .form = "coalesce(?::jsonb, %C, '{}')",
                 .inner = META, .inner_shape = KN_IS_MAP, .limit = KN_LIMIT_VOLUME_METADATA, .rule = &KN_TEXT_META_KEY),
    KN_REST_ATTR("attachments", ATTACHMENTS, KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("volume_image_metadata", "v.image", KN_REST_JSON, GETS | KN_REST_IF_SET),
    KN_REST_ATTR("snapshot_id", "v.snapshot_id", KN_REST_UUID, KN_REST_SHOWN),
    KN_REST_ATTR("source_volid", "v.source_volid", KN_REST_UUID, KN_REST_SHOWN),
    KN_REST_ATTR("consistencygroup_id", "NULL", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("replication_status", "NULL", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("group_id", "v.group_id", KN_REST_UUID, KN_REST_SHOWN, .since = 13),
    KN_REST_ATTR("group_id", "v.group_id", KN_REST_UUID, KN_REST_FILTER, .since = 10),
    KN_REST_ATTR("provider_id", "NULL", KN_REST_TEXT, KN_REST_SHOWN, .read = KN_CINDER_PROVIDER, .since = 21),
    KN_REST_ATTR("service_uuid", "NULL", KN_REST_TEXT, KN_REST_SHOWN, .since = 48),
    KN_REST_ATTR("shared_targets", "false", KN_REST_BOOL, KN_REST_SHOWN, .since = 48, .until = 68),
    KN_REST_ATTR("shared_targets", "NULL", KN_REST_BOOL, KN_REST_SHOWN, .since = 69),
    KN_REST_ATTR("cluster_name", "NULL", KN_REST_TEXT, KN_REST_SHOWN, .read = KN_CINDER_HOST, .since = 61),
    KN_REST_ATTR("volume_type_id", "v.type_id", KN_REST_UUID, KN_REST_SHOWN, .since = 63),
    KN_REST_ATTR("consumes_quota", "true", KN_REST_BOOL, KN_REST_SHOWN, .since = 65),
    KN_REST_ATTR("os-vol-tenant-attr:tenant_id", "v.project_id", KN_REST_TEXT, GETS, .read = KN_CINDER_TENANT),
    KN_REST_ATTR("os-vol-host-attr:host", "'kilonova@' || v.backend || '#' || v.backend", KN_REST_TEXT, GETS,
                 .read = KN_CINDER_HOST),
    KN_REST_ATTR("migration_status", "NULL", KN_REST_TEXT, KN_REST_SHOWN, .read = KN_CINDER_MIGRATION),
    KN_REST_ATTR("os-vol-mig-status-attr:migstat", "NULL", KN_REST_TEXT, GETS, .read = KN_CINDER_MIGRATION),
    KN_REST_ATTR("os-vol-mig-status-attr:name_id", "NULL", KN_REST_TEXT, GETS, .read = KN_CINDER_MIGRATION),
    KN_REST_ATTR("project_id", "v.project_id", KN_REST_TEXT, KN_REST_FILTER, .read = KN_CINDER_PROJECT_FILTER),
    /* The names that the first API had for them. */
    KN_REST_ATTR("display_name", "v.name", KN_REST_TEXT, KN_REST_FIND | KN_REST_NULL | WRITE, NAME),
    KN_REST_ATTR("display_description", NULL, KN_REST_TEXT, WRITE, DESCRIPTION),
    SAID("volume_type", WORD),
    SAID("snapshot_id", .rule = &KN_TEXT_UUID),
    SAID("source_volid", .rule = &KN_TEXT_UUID),
    SAID("consistencygroup_id", .rule = &KN_TEXT_UUID),
    KN_REST_ATTR("group_id", NULL, KN_REST_UUID, KN_REST_POST | KN_REST_CLEAR, .column = "group_id",
                 .rule = &KN_TEXT_UUID),
    SAID("backup_id", .rule = &KN_TEXT_UUID),
    SAID("image_id", WORD),
    SAID("imageRef", WORD),
    KN_REST_ATTR("multiattach", NULL, KN_REST_BOOL, KN_REST_POST | KN_REST_CLEAR),
    /* What no body says. */
    KN_REST_ATTR("type_id", NULL, KN_REST_UUID, 0, .column = "type_id"),
    KN_REST_ATTR("from_snapshot", NULL, KN_REST_UUID, 0, .column = "snapshot_id"),
    KN_REST_ATTR("from_volume", NULL, KN_REST_UUID, 0, .column = "source_volid"),
    KN_REST_ATTR("from_backup", NULL, KN_REST_UUID, 0, .column = "backup_id"),
    KN_REST_ATTR("image", NULL, KN_REST_JSON, 0, .column = "image"),
    KN_REST_ATTR("is_bootable", NULL, KN_REST_BOOL, 0, .column = "bootable"),
    KN_REST_ATTR("shared_by_type", NULL, KN_REST_UUID, 0, .column = "multiattach",
                 .form = "volume_type_shares(?::uuid)"),
    KN_REST_ATTR("pinned", "v.metadata", KN_REST_JSON, 0, .column = "metadata"), /* one by one: labels.c */
    KN_REST_ATTRS_END,
};

int kn_volume_filter_metadata(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                              struct kn_error *err)
{
    AUTO_FREE char *text = kn_strdup(value);

    for (char *p = text; *p != '\0'; p++) {
        *p = *p == '\'' ? '"' : *p;
    }
    json_t *json = json_loads(text, 0, NULL);
    AUTO_FREE char *dumped = json_is_object(json) ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (dumped == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input received: %s filter is no dictionary", key);
    }
    kn_rest_where(l, "%C @> ?::jsonb", a->sql, dumped);
    return 0;
}

static const struct kn_rest_param PARAMS[] = {
    KN_REST_PARAM("all_tenants", NULL),
    KN_REST_PARAM("bootable", kn_rest_boolean, .sql = "v.bootable", .type = KN_REST_BOOL),
    KN_REST_PARAM("created_at", kn_rest_time, .since = 60, .sql = "v.created_at"),
    KN_REST_PARAM("metadata", kn_volume_filter_metadata, .sql = "v.metadata"),
    KN_REST_PARAM("project_id", kn_rest_ignored), /* of others than admins: their own is filter enough */
    KN_REST_PARAM("updated_at", kn_rest_time, .since = 60, .sql = "v.updated_at"),
    KN_REST_PARAMS_END,
};

/* --- what a body may ask for -------------------------------------------------------------------------------------------- */

static const char *noun_text_of(const json_t *in, const char *key)
{
    const char *text = kn_json_str(in, key);

    return *text != '\0' ? text : NULL;
}

static int noun_check_wish(struct kn_request *req, json_t *in, struct kn_error *err)
{
    const char *zone = noun_text_of(in, "availability_zone");

    if (kn_volume_source_read(req, in, err) < 0) {
        return -1;
    }
    if (kn_schema_int(in, "size", 0) == 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input received: Invalid volume size provided for create request: None (size "
                       "argument must be an integer (or string representation of an integer) and "
                       "greater than zero).");
    }
    if (zone != NULL && strcmp(zone, KN_VOLUME_ZONE) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input received: Availability zone '%.64s' is invalid.", zone);
    }
    return kn_schema_bool(in, "multiattach", false)
               ? kn_fail(err, KN_BAD_REQUEST, "multiattach parameter has been removed.")
               : 0;
}

void kn_volume_take_old(json_t *object, const char *name, const char *old)
{
    json_t *said = json_object_get(object, old);

    if (said != NULL && !json_is_string(json_object_get(object, name))) {
        json_object_set(object, name, said);
    }
}

static int noun_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    char type_id[KN_UUID_SIZE];

    kn_volume_take_old(object, "name", "display_name");
    kn_volume_take_old(object, "description", "display_description");
    if (strcmp(req->method, "POST") != 0) {
        return json_object_size(object) > 0 || req->microversion < 53
                   ? 0
                   : kn_fail(err, KN_BAD_REQUEST, "Invalid input for field/attribute volume: nothing to update");
    }
    if (noun_check_wish(req, object, err) < 0) {
        return -1;
    }
    if (noun_text_of(object, "type_id") == NULL) {
        if (kn_volume_type_find(req, noun_text_of(object, "volume_type"), type_id, err) < 0) {
            return -1;
        }
        json_object_set_new(object, "type_id", json_string(type_id));
    }
    if (kn_volume_encryption_admit(req->db, req->conf, kn_json_str(object, "type_id"), object, err) < 0) {
        return -1;
    }
    json_object_set(object, "shared_by_type", json_object_get(object, "type_id"));
    json_object_set_new(object, "status", json_string("creating"));
    return json_object_set_new(object, "availability_zone", json_string(KN_VOLUME_ZONE));
}

static int noun_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                       struct kn_error *err)
{
    const int64_t size = kn_schema_int(object, "size", 0);
    const char *group = json_string_value(json_object_get(object, "group_id"));
    int64_t most = 0;

    (void)id;
    if (now != NULL) {
        return 0;
    }
    if (kn_volume_source_hold(req->db, &req->caller, object, err) < 0 ||
        (group != NULL && kn_volume_group_join(req, group, kn_json_str(object, "type_id"), err) < 0)) {
        return -1;
    }
    if (kn_quota_limit(req->db, KN_QUOTA_PER_VOLUME, req->caller.project_id, &most, err) < 0) {
        return -1;
    }
    return most < 0 || size <= most
               ? 0
               : kn_fail(err, KN_TOO_LARGE, "Requested volume size %lld is larger than maximum allowed limit %lld.",
                         (long long)size, (long long)most);
}

/* A new one's task. */
static int noun_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                      struct kn_error *err)
{
    json_auto_t *input = json_pack("{s:I}", "size_gib", (json_int_t)kn_schema_int(object, "size", 0));
    const struct kn_task_wish wish = { "volume.create", id,   req->caller.project_id, req->caller.user_id,
                                       req->request_id, input };
    int64_t task = 0;

    if (now != NULL) {
        return 0;
    }
    kn_volume_source_wish(object, input);
    return kn_task_insert(req->db, &wish, &task, err) < 0 ? -1
                                                          : json_object_set_new(object, "task", json_integer(task));
}

/* The type went while the volume was looked at. */
static int noun_clash(struct kn_request *req, const char *constraint, const json_t *object, struct kn_error *err)
{
    (void)req;
    return strcmp(constraint, "volume_type_in_use") == 0
               ? kn_volume_type_missing(kn_json_str(object, "type_id"), KN_NOT_FOUND, err)
               : -1;
}

static const struct kn_rest_counts COUNTS = { "volume",
                                              { "volume_counts", KN_VOLUME_COUNTS("volume", "volumes"), 1 },
                                              false };

const struct kn_rest_noun kn_volume_noun = {
    .one = "volume",
    .many = "volumes",
    .label = "Volume",
    .path = "/volumes",
    .from = "volume v",
    .id = "v.id",
    .id_type = KN_REST_UUID,
    .visible = "v.project_id = ?",
    .order = "created_at",
    .ties = "created_at,id",
    .attrs = ATTRS,
    .params = PARAMS,
    .narrow = kn_rest_all_tenants,
    .manners = &KN_REST_CINDER,
    .table = "volume",
    .project_column = "project_id",
    .user_column = "user_id",
    .check = noun_check,
    .decide = noun_decide,
    .after = noun_after,
    .tell = kn_rest_tell_task,
    .counts = &COUNTS,
    .clash = noun_clash,
};
