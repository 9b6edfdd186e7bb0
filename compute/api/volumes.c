/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nova's old proxy for volumes, os-volumes, until 2.35: Cinder's volumes under names of the first API. Whoever makes, checks and deletes them is the volume room
 * (volume/api.h); here is how they look.
 */
#include "compute/api.h"
#include "lib/base/cleanup.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "volume/api.h"

/* An empty object says that nobody has it. */
#define ATTACHMENTS \
    "(SELECT coalesce(json_agg(json_strip_nulls(json_build_object('id', a.volume_id, 'volumeId', a.volume_id, 'serverId', a.server_id, 'device', " \
    "a.device))), '[{}]') FROM attachment a WHERE a.volume_id = v.id AND a.server_id IS NOT NULL AND a.status <> 'attaching')"

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "v.id", KN_REST_UUID, KN_REST_SHOWN),
    KN_REST_ATTR("status", "v.status", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("size", "coalesce(v.extends_from, v.size_gib)", KN_REST_INT, KN_REST_SHOWN),
    KN_REST_ATTR("availabilityZone", "v.zone", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("createdAt", "v.created_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_FINE),
    KN_REST_ATTR("attachments", ATTACHMENTS, KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("displayName", "v.name", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("displayDescription", "v.description", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("volumeType", "(SELECT t.name FROM volume_type t WHERE t.id = v.type_id)", KN_REST_TEXT,
                 KN_REST_SHOWN),
    KN_REST_ATTR("snapshotId", "v.snapshot_id", KN_REST_UUID, KN_REST_SHOWN),
    KN_REST_ATTR("metadata", "v.metadata", KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTRS_END,
};
/* An admin's list, too, is his project's. */
static int volumes_narrow(struct kn_rest_list *l, struct kn_error *err)
{
    (void)err;
    l->sees_all = false;
    return 0;
}

static const struct kn_rest_noun VOLUMES = {
    .one = "volume",
    .many = "volumes",
    .label = "Volume",
    .absent = "Volume %2 could not be found.",
    .from = "volume v",
    .id = "v.id",
    .id_type = KN_REST_UUID,
    .visible = "v.project_id = ?",
    .order = "createdAt",
    .ties = "createdAt,id",
    .unsorted = true,
    .by_offset = true,
    .narrow = volumes_narrow,
    .attrs = ATTRS,
    .manners = &KN_REST_NOVA,
};

int kn_compute_volumes_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&VOLUMES, req, KN_REST_LIST, NULL, res, err);
}

int kn_compute_volumes_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&VOLUMES, req, req->params[0], KN_REST_SHOW, res, err);
}

static const struct kn_schema META[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_META_VALUE),
                                         KN_SCHEMA_END };
/* Cinder says of each whether it may be. */
static const struct kn_schema VOLUME[] = {
    KN_SCHEMA("size", KN_IS_INTEGER, .flags = KN_REQUIRED, .limit = KN_LIMIT_VOLUME_SIZE_GIB),
    KN_SCHEMA("display_name", KN_IS_STRING, .limit = KN_LIMIT_VOLUME_NAME),
    KN_SCHEMA("display_description", KN_IS_STRING, .limit = KN_LIMIT_VOLUME_DESCRIPTION),
    KN_SCHEMA("volume_type", KN_IS_STRING, .limit = KN_LIMIT_VOLUME_WORD),
    KN_SCHEMA("availability_zone", KN_IS_STRING, .limit = KN_LIMIT_VOLUME_WORD),
    KN_SCHEMA("snapshot_id", KN_IS_STRING, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("metadata", KN_IS_MAP, .inner = META, .limit = KN_LIMIT_VOLUME_METADATA, .rule = &KN_TEXT_META_KEY),
    KN_SCHEMA_END,
};
static const struct kn_schema BODY[] = { KN_SCHEMA("volume", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = VOLUME),
                                         KN_SCHEMA_END };

int kn_compute_volumes_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    char id[KN_UUID_SIZE];

    if (kn_schema_check(BODY, req->body, req->microversion, err) < 0 || kn_volume_make(req, id, err) < 0) {
        return -1;
    }
    return kn_rest_show(&VOLUMES, req, id, KN_REST_CHANGED, res, err);
}

int kn_compute_volumes_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_volume_end(req, err);
}
