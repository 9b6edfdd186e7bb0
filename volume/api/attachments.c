/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cinder's attachments. Those of servers are made and ended by compute's wishes and the conductor: here they are shown, and nobody changes or ends one, because a volume whose guest
 * still writes it would be another's (CVE-2023-2088). How a host reaches such a disk is nobody's business but its own, so its connection_info is empty. Those that clients make are of
 * something else, outside of this cloud's compute (volume/rows/reservation.h).
 */
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "volume/api/private.h"
#include "volume/rows/reservation.h"

/* What whoever has the share of the file back end mounted needs to find the disk in it; where that is he knows himself. */
#define CONNECTION \
    "CASE WHEN a.server_id IS NULL AND a.status <> 'reserved' THEN jsonb_build_object('driver_volume_type', v.backend, 'attachment_id', a.id, " \
    "'name', 'volume-' || v.id, 'format', v.format, 'volume_id', v.id, 'access_mode', a.mode, 'encrypted', v.key_id IS NOT NULL) ELSE '{}' END"

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "a.id", KN_REST_UUID, KN_REST_ALWAYS | KN_REST_FIND),
    KN_REST_ATTR("status", "a.status", KN_REST_TEXT, KN_REST_ALWAYS | KN_REST_FIND),
    KN_REST_ATTR("instance", "coalesce(a.server_id, a.instance_id)", KN_REST_UUID, KN_REST_ALWAYS),
    KN_REST_ATTR("volume_id", "a.volume_id", KN_REST_UUID, KN_REST_ALWAYS | KN_REST_FIND),
    KN_REST_ATTR("attached_at", "a.attached_at", KN_REST_TIME, KN_REST_SHOWN),
    KN_REST_ATTR("detached_at", "NULL", KN_REST_TEXT, KN_REST_SHOWN), /* then there is no row */
    KN_REST_ATTR("attach_mode",
                 "coalesce(a.mode, CASE WHEN a.connection->>'readonly' = 'true' THEN 'ro' ELSE 'rw' END)", KN_REST_TEXT,
                 KN_REST_SHOWN),
    KN_REST_ATTR("connection_info", CONNECTION, KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("instance_id", "coalesce(a.server_id, a.instance_id)", KN_REST_UUID, KN_REST_FILTER),
    KN_REST_ATTR("attach_status", "a.status", KN_REST_TEXT, KN_REST_FILTER),
    KN_REST_ATTR("project_id", "v.project_id", KN_REST_TEXT, KN_REST_FILTER, .read = KN_CINDER_PROJECT_FILTER),
    KN_REST_ATTR("created_at", "a.created_at", KN_REST_TIME, KN_REST_SORT),
    KN_REST_ATTRS_END,
};

static const struct kn_rest_param PARAMS[] = {
    KN_REST_PARAM("all_tenants", NULL),
    KN_REST_PARAM("project_id", kn_rest_ignored), /* of others than admins: their own is filter enough */
    KN_REST_PARAMS_END,
};

static const struct kn_rest_noun ATTACHMENT = {
    .one = "attachment",
    .many = "attachments",
    .label = "Volume attachment",
    .path = "/attachments",
    .from = "attachment a JOIN volume v ON v.id = a.volume_id",
    .id = "a.id",
    .id_type = KN_REST_UUID,
    .visible = "v.project_id = ?",
    .order = "created_at",
    .ties = "created_at,id",
    .attrs = ATTRS,
    .params = PARAMS,
    .narrow = kn_rest_all_tenants,
    .manners = &KN_REST_CINDER,
};

int kn_volume_api_attachments(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&ATTACHMENT, req, KN_REST_BRIEF, NULL, res, err);
}

int kn_volume_api_attachments_detail(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&ATTACHMENT, req, KN_REST_LIST, "/attachments/detail", res, err);
}

int kn_volume_api_attachment(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&ATTACHMENT, req, req->params[0], KN_REST_SHOW, res, err);
}

/* --- those that clients make ------------------------------------------------------------------------------------------------ */

static const char *const MODES[] = { "rw", "ro", NULL };
static const struct kn_schema CONNECTOR[] = {
    KN_SCHEMA("host", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_HOST), KN_SCHEMA_END
};
static const struct kn_schema NEW[] = {
    KN_SCHEMA("volume_uuid", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("instance_uuid", KN_IS_STRING, .flags = KN_NULLABLE, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("connector", KN_IS_OBJECT, .flags = KN_NULLABLE | KN_OPEN, .inner = CONNECTOR),
    KN_SCHEMA("mode", KN_IS_STRING, .words = MODES, .since = 54),
    KN_SCHEMA_END,
};
static const struct kn_schema CREATE[] = { KN_SCHEMA("attachment", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = NEW),
                                           KN_SCHEMA_END };
static const struct kn_schema KNOWN[] = {
    KN_SCHEMA("connector", KN_IS_OBJECT, .flags = KN_REQUIRED | KN_OPEN, .inner = CONNECTOR),
    KN_SCHEMA("mode", KN_IS_STRING, .words = MODES, .since = 54),
    KN_SCHEMA_END,
};
static const struct kn_schema UPDATE[] = { KN_SCHEMA("attachment", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = KNOWN),
                                           KN_SCHEMA_END };
static const struct kn_schema COMPLETE[] = { KN_SCHEMA("os-complete", KN_IS_ANY, .flags = KN_REQUIRED), KN_SCHEMA_END };

int kn_volume_api_attachment_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    char id[KN_UUID_SIZE];

    if (kn_schema_check(CREATE, req->body, req->microversion, err) < 0) {
        return -1;
    }
    const json_t *in = json_object_get(req->body, "attachment"), *connector = json_object_get(in, "connector");
    const struct kn_volume_reservation wish = {
        .volume_id = kn_json_str(in, "volume_uuid"),
        .instance_id = json_string_value(json_object_get(in, "instance_uuid")),
        .mode = json_string_value(json_object_get(in, "mode")),
        .is_connected = json_object_size(connector) > 0,
        .host = json_string_value(json_object_get(connector, "host")),
    };

    if (kn_tx_begin(&tx, req->db, err) < 0 || kn_volume_reserve(req->db, &req->caller, &wish, id, err) < 0 ||
        kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    return kn_rest_show(&ATTACHMENT, req, id, KN_REST_SHOW, res, err);
}

int kn_volume_api_attachment_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };

    if (kn_schema_check(UPDATE, req->body, req->microversion, err) < 0) {
        return -1;
    }
    const json_t *in = json_object_get(req->body, "attachment"), *connector = json_object_get(in, "connector");
    const struct kn_volume_reservation wish = {
        .mode = json_string_value(json_object_get(in, "mode")),
        .is_connected = true,
        .host = json_string_value(json_object_get(connector, "host")),
    };

    if (kn_tx_begin(&tx, req->db, err) < 0 ||
        kn_volume_reservation_connect(req->db, &req->caller, req->params[0], &wish, err) < 0 ||
        kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    return kn_rest_show(&ATTACHMENT, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_volume_api_attachment_complete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };

    (void)res;
    return kn_schema_check(COMPLETE, req->body, req->microversion, err) < 0 || kn_tx_begin(&tx, req->db, err) < 0 ||
                   kn_volume_reservation_complete(req->db, &req->caller, req->params[0], err) < 0
               ? -1
               : kn_tx_commit(&tx, err);
}

/* Answers what attachments the volume has left. */
int kn_volume_api_attachment_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    char volume[KN_UUID_SIZE];

    if (kn_tx_begin(&tx, req->db, err) < 0 ||
        kn_volume_reservation_end(req->db, &req->caller, req->params[0], volume, err) < 0 ||
        kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    const struct kn_rest_bound of_volume[] = { { "a.volume_id = ?::uuid", volume }, { NULL, NULL } };
    return kn_rest_list_within(&ATTACHMENT, req, KN_REST_BRIEF, NULL, of_volume, res, err);
}
