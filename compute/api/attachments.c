/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes that are plugged into a server (os-volume_attachments). They come and go by tasks; their rows are volume/'s (volume/api.h).
 */
#include <stdio.h>
#include <string.h>

#include "compute/api.h"
#include "compute/rows/server.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/device.h"
#include "lib/domain/form.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "volume/api.h"

static bool device_name(const char *text)
{
    size_t letters = strncmp(text, "/dev/", 5) == 0 ? strspn(text + 5, "abcdefghijklmnopqrstuvwxyz") : 0;

    return letters > 0 && text[5 + letters + strspn(text + 5 + letters, "0123456789")] == '\0';
}

/* clang-format off */
static const struct kn_text_rule DEVICE = { device_name,
                                            "does not match '(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*$'", false };
/* clang-format on */
static const struct kn_schema ATTACHMENT[] = {
    KN_SCHEMA("volumeId", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("device", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_DEVICE_WISH, .rule = &DEVICE),
    KN_SCHEMA("tag", KN_IS_STRING, .limit = KN_LIMIT_SERVER_TAG, .rule = &KN_TEXT_TAG, .since = 49),
    KN_SCHEMA("delete_on_termination", KN_IS_BOOLEAN, .since = 79),
    KN_SCHEMA_END,
};
static const struct kn_schema ATTACH[] = {
    KN_SCHEMA("volumeAttachment", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = ATTACHMENT),
    KN_SCHEMA_END,
};

static const struct kn_schema ATTACHMENT_UPDATE[] = {
    KN_SCHEMA("volumeId", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("id", KN_IS_STRING, .rule = &KN_TEXT_UUID, .since = 85),
    KN_SCHEMA("serverId", KN_IS_STRING, .rule = &KN_TEXT_UUID, .since = 85),
    KN_SCHEMA("device", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_DEVICE_WISH, .rule = &DEVICE,
              .since = 85),
    KN_SCHEMA("tag", KN_IS_STRING, .limit = KN_LIMIT_SERVER_TAG, .rule = &KN_TEXT_TAG, .since = 85),
    KN_SCHEMA("delete_on_termination", KN_IS_BOOLEAN, .since = 85),
    KN_SCHEMA_END,
};
static const struct kn_schema UPDATE[] = {
    KN_SCHEMA("volumeAttachment", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = ATTACHMENT_UPDATE),
    KN_SCHEMA_END,
};

/* Of volumes that are there, come or go, and of the server's own disks. */
static const struct kn_stmt DEVICES = {
    "attachment_devices",
    "SELECT coalesce(device, '') FROM attachment WHERE server_id = $1 "
    "UNION ALL SELECT d->>'device' FROM server s, jsonb_array_elements(s.disks) d WHERE s.id = $1",
    1
};
enum { TAKEN_DEVICE };

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "a.volume_id", KN_REST_UUID, KN_REST_SHOWN, .until = 88),
    KN_REST_ATTR("volumeId", "a.volume_id", KN_REST_UUID, KN_REST_SHOWN),
    KN_REST_ATTR("serverId", "a.server_id", KN_REST_UUID, KN_REST_SHOWN),
    KN_REST_ATTR("device", "a.device", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_IF_SET),
    KN_REST_ATTR("tag", "a.tag", KN_REST_TEXT, KN_REST_SHOWN, .since = 70),
    KN_REST_ATTR("delete_on_termination", "a.delete_on_termination", KN_REST_BOOL, KN_REST_SHOWN, .since = 79),
    KN_REST_ATTR("attachment_id", "a.id", KN_REST_UUID, KN_REST_SHOWN, .since = 89),
    KN_REST_ATTR("bdm_uuid", "a.id", KN_REST_UUID, KN_REST_SHOWN, .since = 89),
    KN_REST_ATTR("created_at", "a.created_at", KN_REST_TIME, 0),
    KN_REST_ATTR("attachment", "a.id", KN_REST_UUID, 0),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_noun ATTACHED = {
    .one = "volumeAttachment",
    .many = "volumeAttachments",
    .label = "Attachment",
    .from = "attachment a",
    .id = "a.volume_id",
    .id_type = KN_REST_UUID,
    .order = "created_at",
    .ascending = true,
    .ties = "attachment",
    .unsorted = true,
    .by_offset = true,
    .attrs = ATTRS,
    .manners = &KN_REST_NOVA,
};
#define OF_SERVER(req) \
    { \
        { "a.server_id = ?::uuid AND " KN_VOLUME_IS_SEEN("a"), (req)->params[0] }, \
        { \
            NULL, NULL \
        } \
    }

int kn_compute_server_volumes_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound of_server[] = OF_SERVER(req);
    AUTO(kn_rows) struct kn_rows *server = NULL;

    return kn_compute_server_get(req, req->params[0], &server, err) < 0
               ? -1
               : kn_rest_list_within(&ATTACHED, req, KN_REST_LIST, NULL, of_server, res, err);
}

static int find_attachment(struct kn_request *req, const char *volume, struct kn_rows **ret, struct kn_error *err)
{
    const struct kn_rest_bound of_server[] = OF_SERVER(req);

    if (kn_rest_find(&ATTACHED, req, volume, KN_REST_SHOW, of_server, ret, err) == 0) {
        return 0;
    }
    return err->code == KN_NOT_FOUND
               ? kn_fail(err, KN_NOT_FOUND, "Instance %s is not attached to volume %.80s", req->params[0], volume)
               : -1;
}

static int answer_attachment(struct kn_request *req, const char *volume, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (find_attachment(req, volume, &rows, err) < 0) {
        return -1;
    }
    kn_rest_write_one(&ATTACHED, req, KN_REST_SHOW, rows, res);
    return 0;
}

int kn_compute_server_volumes_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *server = NULL;

    return kn_compute_server_get(req, req->params[0], &server, err) < 0
               ? -1
               : answer_attachment(req, req->params[1], res, err);
}

/*
 * The name that the volume will have: the one that is wished for if it is free, else the next. The server's row is locked by the action that this is
 * part of, so that two at once see each other.
 */
static int attachments_pick_device(const struct kn_request *req, const char *server_id, const char *wish,
                                   char ret_device[KN_DEVICE_SIZE], struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    uint32_t used = 1; /* its first disk's, wherever that is */
    char name[KN_DEVICE_SIZE];
    int n, others = 0; /* of another bus, or without a name yet */

    if (kn_db_run(req->db, &DEVICES, KN_ARGS(server_id), &rows, err) < 0) {
        return -1;
    }
    n = kn_rows_count(rows);
    for (int i = 0; i < n; i++) {
        const int at = kn_device_index(kn_rows_text(rows, i, TAKEN_DEVICE));

        used |= at >= 0 ? UINT32_C(1) << at : 0;
        others += at < 0 ? 1 : 0;
    }
    if (__builtin_popcount(used) + others >= KN_MAX_DISKS || kn_device_pick(used, wish, name, err) < 0) {
        return kn_fail(
            err, KN_FORBIDDEN,
            "The maximum allowed number of disk devices (%d) to attach to a single instance has been exceeded.",
            KN_MAX_DISKS);
    }
    snprintf(ret_device, KN_DEVICE_SIZE, "/dev/%.3s", name);
    return 0;
}

/* Inside the wish's transaction: the volume's side of it. */
static int begin_attach(const struct kn_request *req, const char *server_id, void *ctx, json_t *input,
                        struct kn_error *err)
{
    const json_t *in = ctx;
    char device[KN_DEVICE_SIZE];
    const struct kn_volume_attach wish = {
        .volume_id = kn_json_str(in, "volumeId"),
        .server_id = server_id,
        .device = device,
        .tag = json_string_value(json_object_get(in, "tag")),
        .delete_on_termination = kn_schema_bool(in, "delete_on_termination", false),
        .may_not_share = !kn_compute_since(req, KN_VOLUME_SHARED_SINCE),
    };
    char attachment[KN_UUID_SIZE];

    if (attachments_pick_device(req, server_id, json_string_value(json_object_get(in, "device")), device, err) < 0 ||
        kn_volume_attach_begin(req->db, &req->caller, &wish, attachment, err) < 0) {
        return -1;
    }
    json_object_set_new(input, "attachment", json_string(attachment));
    json_object_set_new(input, "device", json_string(device));
    if (wish.tag != NULL) {
        json_object_set_new(input, "tag", json_string(wish.tag));
    }
    return 0;
}

int kn_compute_server_volumes_attach(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    json_t *in = NULL, *input = NULL;
    struct kn_compute_server_also also = { begin_attach, NULL, NULL, NULL };
    int result = -1;

    if (kn_schema_check(ATTACH, req->body, req->microversion, err) < 0) {
        return -1;
    }
    in = json_object_get(req->body, "volumeAttachment");
    input = json_pack("{s:s}", "volume", kn_json_str(in, "volumeId"));
    also.ctx = in;
    result = kn_compute_server_act(req, req->params[0], kn_server_action("attach_volume"), input, &also, err);
    json_decref(input);
    if (result == 0 && kn_compute_since(req, 101)) {
        res->status = 202; /* and nothing else: whoever wants to know looks */
        return 0;
    }
    return result < 0 ? -1 : answer_attachment(req, kn_json_str(in, "volumeId"), res, err);
}

/* What a client says of an attachment beside what can be changed must be as it is. */
static int check_unchanged(const struct kn_request *req, const json_t *in, const struct kn_rows *rows,
                           struct kn_error *err)
{
    static const char *const FIXED[][2] = {
        { "id", "volumeId" }, { "serverId", "serverId" }, { "device", "device" }, { "tag", "tag" }
    };

    for (size_t i = 0; i < KN_COUNT(FIXED); i++) {
        const json_t *said = json_object_get(in, FIXED[i][0]);
        const char *text = json_string_value(said),
                   *is = kn_rest_cell(&ATTACHED, req, KN_REST_SHOW, FIXED[i][1], rows, 0);

        if (said != NULL && (text == NULL ? is != NULL : is == NULL || strcmp(text, is) != 0)) {
            return kn_fail(err, KN_BAD_REQUEST, "The %s property is not mutable", FIXED[i][0]);
        }
    }
    return 0;
}

static int begin_swap(const struct kn_request *req, const char *server_id, void *ctx, json_t *input,
                      struct kn_error *err)
{
    return kn_volume_swap_begin(req->db, &req->caller, req->params[1], ctx, server_id, input, err);
}

/* Another volume's id swaps the volumes, as does any before 2.85. */
static int attachments_swap(struct kn_request *req, const char *to, struct kn_error *err)
{
    AUTO_FREE char *other = kn_strdup(to);
    const struct kn_compute_server_also also = { begin_swap, other, NULL, NULL };
    json_auto_t *input = json_pack("{s:s, s:s}", "volume", req->params[1], "to", to);
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    return find_attachment(req, req->params[1], &rows, err) < 0
               ? -1
               : kn_compute_server_act(req, req->params[0], kn_server_action("swap_volume"), input, &also, err);
}

/* Of an attachment that is there, whatever else becomes of it. */
static int attachments_keep(struct kn_request *req, const json_t *in, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *is;

    if (find_attachment(req, req->params[1], &rows, err) < 0 || check_unchanged(req, in, rows, err) < 0) {
        return -1;
    }
    is = kn_rest_cell(&ATTACHED, req, KN_REST_SHOW, "delete_on_termination", rows, 0);
    return kn_volume_attach_keep(req->db, req->params[1], req->params[0],
                                 kn_schema_bool(in, "delete_on_termination", is != NULL && is[0] == 't'), err);
}

int kn_compute_server_volumes_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *server = NULL;
    const json_t *in;
    const char *to;
    bool swaps;

    (void)res;
    if (kn_schema_check(UPDATE, req->body, req->microversion, err) < 0 ||
        kn_compute_server_get(req, req->params[0], &server, err) < 0) {
        return -1;
    }
    in = json_object_get(req->body, "volumeAttachment");
    to = kn_json_str(in, "volumeId");
    swaps = !kn_compute_since(req, 85) || strcmp(to, req->params[1]) != 0;
    if ((swaps && kn_policy_check(KN_NOVA_SERVER_VOLUME_SWAP, &req->caller, NULL, err) < 0) ||
        (kn_compute_since(req, 85) && attachments_keep(req, in, err) < 0)) {
        return -1;
    }
    return swaps ? attachments_swap(req, to, err) : 0;
}

static int begin_detach(const struct kn_request *req, const char *server_id, void *ctx, json_t *input,
                        struct kn_error *err)
{
    char attachment[KN_UUID_SIZE];

    if (kn_volume_detach_begin(req->db, &req->caller, ctx, server_id, attachment, err) < 0) {
        return -1;
    }
    json_object_set_new(input, "attachment", json_string(attachment));
    return 0;
}

int kn_compute_server_volumes_detach(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_FREE char *volume = kn_strdup(req->params[1]);
    const struct kn_compute_server_also also = { begin_detach, volume, NULL, NULL };
    json_t *input = NULL;
    int result = -1;

    (void)res;
    if (kn_compute_server_get(req, req->params[0], &rows, err) < 0) {
        return -1;
    }
    if (!kn_uuid_valid(volume)) {
        return kn_fail(err, KN_NOT_FOUND, "Volume %.80s could not be found.", volume);
    }
    input = json_pack("{s:s}", "volume", volume);
    result = kn_compute_server_act(req, req->params[0], kn_server_action("detach_volume"), input, &also, err);
    json_decref(input);
    return result;
}
