/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots over HTTP. What bodies may say, and what may become of one, is volume/rows/snapshot.c's. */
#include <string.h>
#include <strings.h>

#include "lib/adapter/task.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/rest/list.h"
#include "lib/rest/write.h"
#include "volume/api/private.h"
#include "volume/rows/backend.h"
#include "volume/rows/snapshot.h"

int kn_volume_api_snapshots(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_volume_snapshot_noun, req, KN_REST_BRIEF, NULL, res, err);
}

int kn_volume_api_snapshots_detail(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_volume_snapshot_noun, req, KN_REST_LIST, "/snapshots/detail", res, err);
}

int kn_volume_api_snapshot(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&kn_volume_snapshot_noun, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_volume_api_snapshot_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_create(&kn_volume_snapshot_noun, req, res, err);
}

int kn_volume_api_snapshot_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_update(&kn_volume_snapshot_noun, req, req->params[0], res, err);
}

static int snapshots_delete(struct kn_request *req, bool by_force, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume_snapshot s;
    int64_t task = 0;

    /* Tasks first, then the row: so everybody locks them. */
    if (kn_tx_begin(&tx, req->db, err) < 0 ||
        (by_force && kn_uuid_valid(req->params[0]) && kn_task_cancel(req->db, req->params[0], err) < 0) ||
        kn_volume_snapshot_get(req->db, &req->caller, req->params[0], true, &rows, &s, err) < 0 ||
        kn_volume_backend_refuse_frozen(req->db, req->conf, s.volume_id, err) < 0 ||
        kn_volume_snapshot_doom(req, &s, by_force, &task, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    kn_task_wake(req->bus, s.id, task);
    return 0;
}

int kn_volume_api_snapshot_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return snapshots_delete(req, false, err);
}

/* --- actions ---------------------------------------------------------------------------------------------------------------------- */

static const struct kn_schema RESET[] = {
    KN_SCHEMA("status", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_VOLUME_STATUS),
    KN_SCHEMA_END,
};
static bool snapshots_is_percentage(const char *text)
{
    const size_t digits = strspn(text, "0123456789");

    return digits > 0 && digits <= 3 && strcmp(text + digits, "%") == 0 && (digits < 3 || strcmp(text, "100%") == 0);
}

static const struct kn_text_rule PERCENTAGE = { snapshots_is_percentage, "is not an integer percentage", false };
static const struct kn_schema SAY[] = {
    KN_SCHEMA("status", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_VOLUME_STATUS),
    KN_SCHEMA("progress", KN_IS_STRING, .flags = KN_NULLABLE, .rule = &PERCENTAGE),
    KN_SCHEMA_END,
};
static const struct kn_schema BODY[] = {
    KN_SCHEMA("os-reset_status", KN_IS_OBJECT, .inner = RESET),
    KN_SCHEMA("os-update_snapshot_status", KN_IS_OBJECT, .inner = SAY),
    KN_SCHEMA("os-force_delete", KN_IS_ANY),
    KN_SCHEMA_END,
};

static int snapshots_reset(struct kn_request *req, const char *id, struct kn_error *err)
{
    static const char *const STATUSES[] = { "creating", "available", "deleting", "error", "error_deleting" };
    const char *status = kn_json_str(json_object_get(req->body, "os-reset_status"), "status");

    for (size_t i = 0; i < KN_COUNT(STATUSES); i++) {
        if (strcasecmp(STATUSES[i], status) == 0) {
            return kn_volume_snapshot_set_status(req->db, id, STATUSES[i], err);
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "Invalid input for field/attribute status. Value: %.64s. It must be a status.",
                   status);
}

static bool snapshots_has(const char *action)
{
    const struct kn_schema *one = BODY;

    while (one->name != NULL && strcmp(one->name, action) != 0) {
        one++;
    }
    return one->name != NULL;
}

/* What there is of actions, and who may. */
static enum kn_rule snapshots_rule(const json_t *body)
{
    return json_object_get(body, "os-reset_status") != NULL             ? KN_CINDER_SNAPSHOT_RESET
           : json_object_get(body, "os-update_snapshot_status") != NULL ? KN_CINDER_SNAPSHOT_STATUS
                                                                        : KN_CINDER_SNAPSHOT_FORCE_DELETE;
}

int kn_volume_api_snapshot_action(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume_snapshot s;

    (void)res;
    if (kn_volume_snapshot_get(req->db, &req->caller, req->params[0], false, &rows, &s, err) < 0) {
        return -1;
    }
    const char *action = json_object_size(req->body) == 1 ? json_object_iter_key(json_object_iter(req->body)) : "";

    if (!snapshots_has(action)) {
        return kn_fail(err, KN_BAD_REQUEST, "There is no such action: %.64s", action);
    }
    if (kn_schema_check(BODY, req->body, req->microversion, err) < 0) {
        return -1;
    }
    const enum kn_rule rule = snapshots_rule(req->body);
    const json_t *said = json_object_get(req->body, "os-update_snapshot_status");

    if (kn_policy_check(rule, &req->caller, &(struct kn_target){ .project_id = s.project_id }, err) < 0) {
        return -1;
    }
    if (said != NULL) {
        return kn_volume_snapshot_say(req->db, &s, kn_json_str(said, "status"),
                                      json_string_value(json_object_get(said, "progress")), err);
    }
    return rule == KN_CINDER_SNAPSHOT_RESET ? snapshots_reset(req, s.id, err) : snapshots_delete(req, true, err);
}
