/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Cinder says of attachments: reads of the rows that compute's wishes made and the conductor finished. Nobody makes or ends one here:
 * that is compute's, whose task goes with it. How a host reaches the disk is nobody's business but its own, so connection_info is empty.
 */
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "volume/api/private.h"

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "a.id", KN_REST_UUID, KN_REST_ALWAYS | KN_REST_FIND),
    KN_REST_ATTR("status", "a.status", KN_REST_TEXT, KN_REST_ALWAYS | KN_REST_FIND),
    KN_REST_ATTR("instance", "a.server_id", KN_REST_UUID, KN_REST_ALWAYS),
    KN_REST_ATTR("volume_id", "a.volume_id", KN_REST_UUID, KN_REST_ALWAYS | KN_REST_FIND),
    KN_REST_ATTR("attached_at", "a.attached_at", KN_REST_TIME, KN_REST_SHOWN),
    KN_REST_ATTR("detached_at", "NULL", KN_REST_TEXT, KN_REST_SHOWN), /* then there is no row */
    KN_REST_ATTR("attach_mode", "CASE WHEN a.connection->>'readonly' = 'true' THEN 'ro' ELSE 'rw' END", KN_REST_TEXT,
                 KN_REST_SHOWN),
    KN_REST_ATTR("connection_info", "'{}'", KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("instance_id", "a.server_id", KN_REST_UUID, KN_REST_FILTER),
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

int kn_volume_api_attachment_refuse(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    if (req->params[0] != NULL && kn_volume_api_attachment(req, res, err) < 0) {
        return -1;
    }
    return kn_fail(err, KN_BAD_REQUEST,
                   "Invalid input received: attachments are made and ended by the compute service alone "
                   "(servers/{id}/os-volume_attachments); doing it here is not built");
}
