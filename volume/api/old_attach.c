/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The actions by which clients said that they attach and detach, before there were attachments: they write the same rows (volume/rows/reservation.h). What compute attached only compute
 * detaches (CVE-2023-2088). Connections are said by the attachments API alone.
 */
#include "lib/base/cleanup.h"
#include "lib/domain/message.h"
#include "volume/api/private.h"
#include "volume/rows/reservation.h"

static const char *const MODES[] = { "rw", "ro", NULL };
const struct kn_schema kn_volume_attach_body[] = {
    KN_SCHEMA("instance_uuid", KN_IS_STRING, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("mountpoint", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_DEVICE),
    KN_SCHEMA("host_name", KN_IS_STRING, .limit = KN_LIMIT_HOST),
    KN_SCHEMA("mode", KN_IS_STRING, .words = MODES),
    KN_SCHEMA_END,
};
const struct kn_schema kn_volume_detach_body[] = {
    KN_SCHEMA("attachment_id", KN_IS_STRING, .flags = KN_NULLABLE, .rule = &KN_TEXT_UUID),
    KN_SCHEMA_END,
};
const struct kn_schema kn_volume_force_detach_body[] = {
    KN_SCHEMA("attachment_id", KN_IS_STRING, .flags = KN_NULLABLE, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("connector", KN_IS_OBJECT, .flags = KN_NULLABLE | KN_OPEN),
    KN_SCHEMA_END,
};

int kn_volume_api_old_attach(struct kn_request *req, const json_t *in, const struct kn_volume *v,
                             struct kn_response *res, struct kn_error *err)
{
    const struct kn_volume_reservation wish = {
        .volume_id = v->id,
        .instance_id = json_string_value(json_object_get(in, "instance_uuid")),
        .mode = json_string_value(json_object_get(in, "mode")),
        .is_connected = true,
        .host = json_string_value(json_object_get(in, "host_name")),
        .device = kn_json_str(in, "mountpoint"),
    };
    AUTO_TX struct kn_tx tx = { NULL };

    (void)res;
    if (wish.instance_id == NULL && wish.host == NULL) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input for os-attach: instance_uuid or host_name is a required property");
    }
    return kn_tx_begin(&tx, req->db, err) < 0 || kn_volume_reservation_take(req->db, &req->caller, &wish, err) < 0
               ? -1
               : kn_tx_commit(&tx, err);
}

int kn_volume_api_old_detach(struct kn_request *req, const json_t *in, const struct kn_volume *v,
                             struct kn_response *res, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };

    (void)res;
    return kn_tx_begin(&tx, req->db, err) < 0 ||
                   kn_volume_reservation_end_of(req->db, &req->caller, v->id,
                                                json_string_value(json_object_get(in, "attachment_id")), err) < 0
               ? -1
               : kn_tx_commit(&tx, err);
}

int kn_volume_api_old_reserve(struct kn_request *req, const json_t *in, const struct kn_volume *v,
                              struct kn_response *res, struct kn_error *err)
{
    const struct kn_volume_reservation wish = { .volume_id = v->id, .is_anonymous = true };
    char id[KN_UUID_SIZE];
    AUTO_TX struct kn_tx tx = { NULL };

    (void)in;
    (void)res;
    return kn_tx_begin(&tx, req->db, err) < 0 || kn_volume_reserve(req->db, &req->caller, &wish, id, err) < 0
               ? -1
               : kn_tx_commit(&tx, err);
}

static int old_attach_turn(struct kn_request *req, const struct kn_volume *v, enum kn_volume_reservation_turn turn,
                           struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };

    return kn_tx_begin(&tx, req->db, err) < 0 || kn_volume_reservation_turn(req->db, &req->caller, v->id, turn, err) < 0
               ? -1
               : kn_tx_commit(&tx, err);
}

int kn_volume_api_old_unreserve(struct kn_request *req, const json_t *in, const struct kn_volume *v,
                                struct kn_response *res, struct kn_error *err)
{
    (void)in;
    (void)res;
    return old_attach_turn(req, v, KN_RESERVATION_UNRESERVE, err);
}

int kn_volume_api_old_begin_detaching(struct kn_request *req, const json_t *in, const struct kn_volume *v,
                                      struct kn_response *res, struct kn_error *err)
{
    (void)in;
    (void)res;
    return old_attach_turn(req, v, KN_RESERVATION_BEGIN_DETACHING, err);
}

int kn_volume_api_old_roll_detaching(struct kn_request *req, const json_t *in, const struct kn_volume *v,
                                     struct kn_response *res, struct kn_error *err)
{
    (void)in;
    (void)res;
    return old_attach_turn(req, v, KN_RESERVATION_ROLL_DETACHING, err);
}
