/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes as clients see them: one row an attribute. What a volume has none of here is shown as Cinder shows nothing. */
#include "volume/rows/noun.h"

#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "volume/rows/volume.h"

#define ATTACHMENTS \
    "(SELECT coalesce(json_agg(json_build_object('id', a.volume_id, 'attachment_id', a.id, 'volume_id', a.volume_id, " \
    "'server_id', a.server_id, 'host_name', NULL, 'device', a.device, 'attached_at', " \
    "to_char(a.attached_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'))), '[]') " \
    "FROM attachment a WHERE a.volume_id = v.id AND a.status <> 'attaching')"

#define GETS (KN_REST_LIST | KN_REST_SHOW) /* in what GET answers, not in the answers to POST and PUT */

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "v.id", KN_REST_UUID, KN_REST_ALWAYS | KN_REST_FIND),
    KN_REST_ATTR("name", "v.name", KN_REST_TEXT, KN_REST_ALWAYS | KN_REST_FIND | KN_REST_NULL),
    KN_REST_ATTR("links", NULL, KN_REST_LINKS, KN_REST_ALWAYS),
    KN_REST_ATTR("description", "v.description", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("size", "v.size_gib", KN_REST_INT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("status", "v.status", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("availability_zone", "v.zone", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("bootable", "v.bootable::text", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("encrypted", "false", KN_REST_BOOL, KN_REST_SHOWN),
    KN_REST_ATTR("multiattach", "v.multiattach", KN_REST_BOOL, KN_REST_SHOWN),
    KN_REST_ATTR("volume_type", "(SELECT t.name FROM volume_type t WHERE t.id = v.type_id)", KN_REST_TEXT,
                 KN_REST_SHOWN),
    KN_REST_ATTR("user_id", "v.user_id", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER),
    KN_REST_ATTR("created_at", "v.created_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("updated_at", "v.updated_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("metadata", "v.metadata", KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("attachments", ATTACHMENTS, KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("snapshot_id", "NULL", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("source_volid", "NULL", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("consistencygroup_id", "NULL", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("replication_status", "NULL", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("group_id", "NULL", KN_REST_TEXT, KN_REST_SHOWN, .since = 13),
    KN_REST_ATTR("provider_id", "NULL", KN_REST_TEXT, KN_REST_SHOWN, .read = KN_CINDER_PROVIDER, .since = 21),
    KN_REST_ATTR("service_uuid", "NULL", KN_REST_TEXT, KN_REST_SHOWN, .since = 48),
    KN_REST_ATTR("shared_targets", "false", KN_REST_BOOL, KN_REST_SHOWN, .since = 48, .until = 68),
    KN_REST_ATTR("shared_targets", "NULL", KN_REST_BOOL, KN_REST_SHOWN, .since = 69),
    KN_REST_ATTR("cluster_name", "NULL", KN_REST_TEXT, KN_REST_SHOWN, .read = KN_CINDER_HOST, .since = 61),
    KN_REST_ATTR("volume_type_id", "v.type_id", KN_REST_UUID, KN_REST_SHOWN, .since = 63),
    KN_REST_ATTR("consumes_quota", "true", KN_REST_BOOL, KN_REST_SHOWN, .since = 65),
    KN_REST_ATTR("os-vol-tenant-attr:tenant_id", "v.project_id", KN_REST_TEXT, GETS, .read = KN_CINDER_TENANT),
    KN_REST_ATTR("os-vol-host-attr:host", "'kilonova@file#file'", KN_REST_TEXT, GETS, .read = KN_CINDER_HOST),
    KN_REST_ATTR("os-vol-mig-status-attr:migstat", "NULL", KN_REST_TEXT, GETS, .read = KN_CINDER_MIGRATION),
    KN_REST_ATTR("os-vol-mig-status-attr:name_id", "NULL", KN_REST_TEXT, GETS, .read = KN_CINDER_MIGRATION),
    KN_REST_ATTR("project_id", "v.project_id", KN_REST_TEXT, KN_REST_FILTER, .read = KN_CINDER_PROJECT_FILTER),
    KN_REST_ATTR("display_name", "v.name", KN_REST_TEXT,
                 KN_REST_FIND | KN_REST_NULL), /* the name that the first API had for it */
    KN_REST_ATTRS_END,
};

/* {'k': 'v'}, as Python prints it, or JSON. */
static int add_metadata(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
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
    KN_REST_PARAM("metadata", add_metadata, .sql = "v.metadata"),
    KN_REST_PARAM("project_id", kn_rest_ignored), /* of others than admins: their own is filter enough */
    KN_REST_PARAM("updated_at", kn_rest_time, .since = 60, .sql = "v.updated_at"),
    KN_REST_PARAMS_END,
};

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
};
