/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of groups over HTTP, and groups that are made of them or of other groups. */
#include <string.h>
#include <strings.h>

#include "lib/adapter/task.h"
#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"
#include "lib/rest/list.h"
#include "lib/rest/write.h"
#include "volume/api/private.h"
#include "volume/rows/group.h"
#include "volume/rows/group_snapshot.h"
#include "volume/rows/noun.h"

int kn_volume_api_group_snapshots(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_volume_group_snapshot_noun, req, KN_REST_BRIEF, NULL, res, err);
}

int kn_volume_api_group_snapshots_detail(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_volume_group_snapshot_noun, req, KN_REST_LIST, "/group_snapshots/detail", res, err);
}

int kn_volume_api_group_snapshot(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&kn_volume_group_snapshot_noun, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_volume_api_group_snapshot_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_create(&kn_volume_group_snapshot_noun, req, res, err);
}

int kn_volume_api_group_snapshot_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume_group_snapshot s;
    int64_t task = 0;

    (void)res;
    if (kn_tx_begin(&tx, req->db, err) < 0 ||
        kn_volume_group_snapshot_get(req->db, &req->caller, req->params[0], true, &rows, &s, err) < 0 ||
        kn_volume_group_snapshot_doom(req, &s, &task, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    kn_task_wake(req->bus, s.id, task);
    return 0;
}

int kn_volume_api_group_snapshot_action(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const char *const STATUSES[] = { "error",   "available", "creating",      "deleting",
                                            "deleted", "updating",  "error_deleting" };
    static const struct kn_schema RESET[] = {
        KN_SCHEMA("status", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_VOLUME_STATUS),
        KN_SCHEMA_END,
    };
    static const struct kn_schema BODY[] = {
        KN_SCHEMA("reset_status", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = RESET),
        KN_SCHEMA_END,
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume_group_snapshot s;

    (void)res;
    if (kn_volume_group_snapshot_get(req->db, &req->caller, req->params[0], false, &rows, &s, err) < 0 ||
        kn_schema_check(BODY, req->body, req->microversion, err) < 0) {
        return -1;
    }
    const char *status = kn_json_str(json_object_get(req->body, "reset_status"), "status");
    for (size_t i = 0; i < KN_COUNT(STATUSES); i++) {
        if (strcasecmp(STATUSES[i], status) == 0) {
            return kn_volume_group_snapshot_reset(req->db, s.id, STATUSES[i], err);
        }
    }
    return kn_fail(err, KN_BAD_REQUEST,
                   "Group snapshot status: %.64s is invalid, valid statuses are: ('error', 'available', 'creating', "
                   "'deleting', 'deleted', 'updating', 'error_deleting').",
                   status);
}

/* --- a group of a snapshot, or of another group ----------------------------------------------------------------------------- */

/* What a new group is made of. */
struct groups_source {
    const char *key, *volumes_key; /* what the row and its volumes call it */
    const char *id;
    struct kn_rows *parts; /* ids of snapshots or of volumes */
};

static int groups_source_hold(struct kn_request *req, struct groups_source *source, char ret_group[KN_UUID_SIZE],
                              struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume_group_snapshot s;
    struct kn_volume_group g;

    if (strcmp(source->key, "source_group_id") == 0) {
        if (kn_volume_group_hold(req->db, &req->caller, source->id, &source->parts, &rows, &g, err) < 0) {
            return -1;
        }
        kn_copy(ret_group, KN_UUID_SIZE, g.id);
        return 0;
    }
    if (kn_volume_group_snapshot_get(req->db, &req->caller, source->id, true, &rows, &s, err) < 0 ||
        kn_volume_group_snapshot_parts(req->db, s.id, &source->parts, err) < 0) {
        return -1;
    }
    kn_copy(ret_group, KN_UUID_SIZE, s.group_id);
    return 0;
}

static int groups_add_copy(struct kn_request *req, const struct groups_source *source, int part, const char *group,
                           struct kn_quota_claims *claims, json_t *ret_wakes, struct kn_error *err)
{
    enum { PART };
    json_auto_t *volume = json_pack("{s:s, s:s}", source->volumes_key, kn_rows_text(source->parts, part, PART),
                                    "group_id", group);
    const char *id = NULL;

    if (kn_volume_noun.check(req, volume, err) < 0 ||
        kn_rest_insert_in(&kn_volume_noun, req, volume, claims, &id, err) < 0) {
        return -1;
    }
    return json_object_set(ret_wakes, id, json_object_get(volume, "task"));
}

static int groups_copy(struct kn_request *req, struct groups_source *source, json_t *object, const char **ret_id,
                       json_t *ret_wakes, struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims claims = KN_QUOTA_CLAIMS("volume");
    AUTO_TX struct kn_tx tx = { NULL };
    char like[KN_UUID_SIZE];

    if (kn_tx_begin(&tx, req->db, err) < 0 || groups_source_hold(req, source, like, err) < 0) {
        return -1;
    }
    if (kn_rows_count(source->parts) == 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid group: %s is empty. No group will be created.",
                       strcmp(source->key, "source_group_id") == 0 ? "Source Group" : "Group snapshot");
    }
    if (kn_volume_group_like(req->db, like, object, err) < 0 ||
        kn_rest_insert_in(&kn_volume_group_noun, req, object, &claims, ret_id, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(source->parts); i++) {
        if (groups_add_copy(req, source, i, *ret_id, &claims, ret_wakes, err) < 0) {
            return -1;
        }
    }
    return kn_quota_take(req->db, &claims, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}

static void groups_answer(const char *id, const char *name, struct kn_response *res)
{
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "group");
    kn_jsonw_str(&res->body, "id", id);
    kn_jsonw_str(&res->body, "name", name);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
}

int kn_volume_api_group_create_from(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_schema FROM[] = {
        KN_SCHEMA("name", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_NAME),
        KN_SCHEMA("description", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_DESCRIPTION),
        /* null is what openstacksdk says of the one that it is not made of; to Cinder's schema it is an error */
        KN_SCHEMA("source_group_id", KN_IS_STRING, .flags = KN_NULLABLE, .rule = &KN_TEXT_UUID),
        KN_SCHEMA("group_snapshot_id", KN_IS_STRING, .flags = KN_NULLABLE, .rule = &KN_TEXT_UUID),
        KN_SCHEMA_END,
    };
    static const struct kn_schema BODY[] = {
        KN_SCHEMA("create-from-src", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = FROM),
        KN_SCHEMA_END,
    };

    if (kn_schema_check(BODY, req->body, req->microversion, err) < 0) {
        return -1;
    }
    json_t *in = json_object_get(req->body, "create-from-src");
    const char *group = json_string_value(json_object_get(in, "source_group_id")),
               *snapshot = json_string_value(json_object_get(in, "group_snapshot_id")), *id = NULL;
    struct groups_source source = { .key = group != NULL ? "source_group_id" : "group_snapshot_id",
                                    .volumes_key = group != NULL ? "source_volid" : "snapshot_id",
                                    .id = group != NULL ? group : snapshot };
    json_auto_t *wakes = json_object();
    const char *volume;
    json_t *task;

    if ((group == NULL) == (snapshot == NULL)) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input for field/attribute create-from-src: one of group_snapshot_id and "
                       "source_group_id must be said");
    }
    const int rc = groups_copy(req, &source, in, &id, wakes, err);
    kn_rows_free(source.parts);
    if (rc < 0) {
        return -1;
    }
    json_object_foreach (wakes, volume, task) {
        kn_task_wake(req->bus, volume, json_integer_value(task));
    }
    groups_answer(id, json_string_value(json_object_get(in, "name")), res);
    return 0;
}
