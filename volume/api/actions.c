/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST of an action on a volume. The table says what is done and what is known but not done here; attaching and detaching are
 * compute's calls.
 */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"
#include "volume/api/private.h"

/* As Cinder's schemas cinder/api/schemas/volume_actions.py and admin_actions.py have them; what an action is given that takes nothing is not looked at. */
static const struct kn_schema RESET[] = {
    KN_SCHEMA("status", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_STATUS),
    KN_SCHEMA("attach_status", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_STATUS),
    KN_SCHEMA("migration_status", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_STATUS),
    KN_SCHEMA_END,
};
static const struct kn_schema BOOTABLE[] = {
    KN_SCHEMA("bootable", KN_IS_BOOLEAN, .flags = KN_REQUIRED),
    KN_SCHEMA_END,
};
static const struct kn_schema BODIES[] = {
    KN_SCHEMA("os-reset_status", KN_IS_OBJECT, .inner = RESET),
    KN_SCHEMA("os-set_bootable", KN_IS_OBJECT, .inner = BOOTABLE),
    KN_SCHEMA("os-force_delete", KN_IS_ANY),
    KN_SCHEMA_END,
};

typedef int action(struct kn_request *req, const json_t *in, const struct kn_volume *v, struct kn_error *err);

static int reset_status(struct kn_request *req, const json_t *in, const struct kn_volume *v, struct kn_error *err)
{
    static const char *const STATUSES[] = { "creating",       "available", "deleting",  "error",
                                            "error_deleting", "attaching", "detaching", "in-use" };
    const char *status = kn_json_str(in, "status");

    if (json_object_size(in) > 1) { /* attach_status, migration_status: rows say these, nobody sets them */
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input for os-reset_status: only \"status\" can be reset here, not attach_status or "
                       "migration_status.");
    }
    for (size_t i = 0; i < KN_COUNT(STATUSES); i++) {
        if (strcmp(STATUSES[i], status) == 0) {
            return kn_volume_set_status(req->db, v->id, status, err);
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "Invalid input for field/attribute status. Value: %.64s. It must be a status.",
                   status);
}

static int set_bootable(struct kn_request *req, const json_t *in, const struct kn_volume *v, struct kn_error *err)
{
    return kn_volume_set_bootable(req->db, v->id, kn_schema_bool(in, "bootable", false), err);
}

static int force_delete(struct kn_request *req, const json_t *in, const struct kn_volume *v, struct kn_error *err)
{
    (void)in;
    (void)v;
    return kn_volume_api_delete_as(req, KN_VOLUME_FORCE_DELETE, err);
}

static const struct {
    const char *name;
    action *run; /* NULL: known, but not done here */
    enum kn_rule rule;
    int status;
} ACTIONS[] = {
    { "os-reset_status", reset_status, KN_CINDER_RESET_STATUS, 202 },
    { "os-set_bootable", set_bootable, KN_CINDER_UPDATE, 200 },
    { "os-force_delete", force_delete, KN_CINDER_FORCE_DELETE_ACTION, 202 },
    { "os-attach", NULL, KN_CINDER_ACTION, 0 },
    { "os-detach", NULL, KN_CINDER_ACTION, 0 },
    { "os-reserve", NULL, KN_CINDER_ACTION, 0 },
    { "os-unreserve", NULL, KN_CINDER_ACTION, 0 },
    { "os-begin_detaching", NULL, KN_CINDER_ACTION, 0 },
    { "os-roll_detaching", NULL, KN_CINDER_ACTION, 0 },
    { "os-initialize_connection", NULL, KN_CINDER_ACTION, 0 },
    { "os-terminate_connection", NULL, KN_CINDER_ACTION, 0 },
    { "os-volume_upload_image", NULL, KN_CINDER_ACTION, 0 },
    { "os-extend", NULL, KN_CINDER_ACTION, 0 },
    { "os-update_readonly_flag", NULL, KN_CINDER_ACTION, 0 },
    { "os-retype", NULL, KN_CINDER_ACTION, 0 },
    { "os-reimage", NULL, KN_CINDER_ACTION, 0 },
    { "os-set_image_metadata", NULL, KN_CINDER_ACTION, 0 },
    { "os-unset_image_metadata", NULL, KN_CINDER_ACTION, 0 },
    { "os-show_image_metadata", NULL, KN_CINDER_ACTION, 0 },
    { "os-force_detach", NULL, KN_CINDER_FORCE_DETACH, 0 },
    { "os-migrate_volume", NULL, KN_CINDER_MIGRATE, 0 },
    { "revert", NULL, KN_CINDER_ACTION, 0 },
};

static int actions_run(struct kn_request *req, size_t i, const json_t *in, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume v;

    if (kn_volume_get(req->db, &req->caller, req->params[0], false, &rows, &v, err) < 0) {
        return -1;
    }
    if (kn_policy_check(ACTIONS[i].rule, &req->caller, &(struct kn_target){ .project_id = v.project_id }, err) < 0) {
        return -1;
    }
    if (ACTIONS[i].run == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "%s is not available here", ACTIONS[i].name);
    }
    return kn_schema_check(BODIES, req->body, req->microversion, err) < 0 ? -1 : ACTIONS[i].run(req, in, &v, err);
}

int kn_volume_api_action(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    void *first = json_object_iter(req->body);

    if (first == NULL || json_object_size(req->body) != 1) {
        return kn_fail(err, KN_BAD_REQUEST, "the body must be an object with one action");
    }
    const char *name = json_object_iter_key(first);
    for (size_t i = 0; i < KN_COUNT(ACTIONS); i++) {
        if (strcmp(ACTIONS[i].name, name) == 0) {
            if (actions_run(req, i, json_object_iter_value(first), err) < 0) {
                return -1;
            }
            res->status = ACTIONS[i].status;
            return 0;
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "There is no such action: %.64s", name);
}
