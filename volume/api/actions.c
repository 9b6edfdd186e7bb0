/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST of an action on a volume. The table says what is done and what is known but not done here. What the actions do stands in disk_actions.c,
 * old_attach.c and flags.c.
 */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "volume/api/private.h"

/* As Cinder's schemas cinder/api/schemas/volume_actions.py, cinder/api/schemas/volume_image_metadata.py and admin_actions.py have them; what an action is given that takes nothing is not looked at. */
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
static const struct kn_schema READONLY[] = {
    KN_SCHEMA("readonly", KN_IS_BOOLEAN, .flags = KN_REQUIRED),
    KN_SCHEMA_END,
};
static const struct kn_schema EXTEND[] = {
    KN_SCHEMA("new_size", KN_IS_INTEGER, .flags = KN_REQUIRED, .limit = KN_LIMIT_VOLUME_SIZE_GIB),
    KN_SCHEMA_END,
};
static const struct kn_schema REVERT[] = {
    KN_SCHEMA("snapshot_id", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &KN_TEXT_UUID),
    KN_SCHEMA_END,
};
static const struct kn_schema REIMAGE[] = {
    KN_SCHEMA("image_id", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("reimage_reserved", KN_IS_BOOLEAN),
    KN_SCHEMA_END,
};
static const struct kn_schema IMAGE_VALUE[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_META_VALUE),
                                                KN_SCHEMA_END };
static const struct kn_schema SET_IMAGE[] = {
    KN_SCHEMA("metadata", KN_IS_MAP, .flags = KN_REQUIRED, .limit = KN_LIMIT_VOLUME_METADATA, .rule = &KN_TEXT_META_KEY,
              .inner = IMAGE_VALUE),
    KN_SCHEMA_END,
};
static const struct kn_schema UNSET_IMAGE[] = {
    KN_SCHEMA("key", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_META_KEY),
    KN_SCHEMA_END,
};
static const struct kn_schema BODIES[] = {
    KN_SCHEMA("os-reset_status", KN_IS_OBJECT, .inner = RESET),
    KN_SCHEMA("os-set_bootable", KN_IS_OBJECT, .inner = BOOTABLE),
    KN_SCHEMA("os-update_readonly_flag", KN_IS_OBJECT, .inner = READONLY),
    KN_SCHEMA("os-extend", KN_IS_OBJECT, .inner = EXTEND),
    KN_SCHEMA("os-retype", KN_IS_OBJECT, .inner = kn_volume_retype_body),
    KN_SCHEMA("os-volume_upload_image", KN_IS_OBJECT, .inner = kn_volume_upload_body),
    KN_SCHEMA("revert", KN_IS_OBJECT, .inner = REVERT),
    KN_SCHEMA("os-reimage", KN_IS_OBJECT, .inner = REIMAGE),
    KN_SCHEMA("os-set_image_metadata", KN_IS_OBJECT, .inner = SET_IMAGE),
    KN_SCHEMA("os-unset_image_metadata", KN_IS_OBJECT, .inner = UNSET_IMAGE),
    KN_SCHEMA("os-attach", KN_IS_OBJECT, .inner = kn_volume_attach_body),
    KN_SCHEMA("os-detach", KN_IS_OBJECT, .flags = KN_NULLABLE, .inner = kn_volume_detach_body),
    KN_SCHEMA("os-force_detach", KN_IS_OBJECT, .inner = kn_volume_force_detach_body),
    KN_SCHEMA("os-reserve", KN_IS_ANY),
    KN_SCHEMA("os-unreserve", KN_IS_ANY),
    KN_SCHEMA("os-begin_detaching", KN_IS_ANY),
    KN_SCHEMA("os-roll_detaching", KN_IS_ANY),
    KN_SCHEMA("os-show_image_metadata", KN_IS_ANY),
    KN_SCHEMA("os-force_delete", KN_IS_ANY),
    KN_SCHEMA("os-unmanage", KN_IS_ANY),
    KN_SCHEMA_END,
};

static int force_delete(struct kn_request *req, const json_t *in, const struct kn_volume *v, struct kn_response *res,
                        struct kn_error *err)
{
    (void)in;
    (void)v;
    (void)res;
    return kn_volume_api_delete_as(req, KN_VOLUME_FORCE_DELETE, false, err);
}

static int unmanage(struct kn_request *req, const json_t *in, const struct kn_volume *v, struct kn_response *res,
                    struct kn_error *err)
{
    (void)in;
    (void)v;
    (void)res;
    return kn_volume_api_delete_as(req, KN_VOLUME_UNMANAGE, false, err);
}

static const struct {
    const char *name;
    kn_volume_action *run; /* NULL: known, but not done here */
    enum kn_rule rule;
    int status;
    int since; /* minor microversion */
} ACTIONS[] = {
    { "os-reset_status", kn_volume_api_reset_status, KN_CINDER_RESET_STATUS, 202, 0 },
    { "os-set_bootable", kn_volume_api_set_bootable, KN_CINDER_UPDATE, 200, 0 },
    { "os-force_delete", force_delete, KN_CINDER_FORCE_DELETE_ACTION, 202, 0 },
    { "os-unmanage", unmanage, KN_CINDER_UNMANAGE, 202, 0 },
    { "os-extend", kn_volume_api_extend, KN_CINDER_EXTEND, 202, 0 },
    { "os-update_readonly_flag", kn_volume_api_set_readonly, KN_CINDER_READONLY, 202, 0 },
    { "os-retype", kn_volume_api_retype, KN_CINDER_RETYPE, 202, 0 },
    { "os-volume_upload_image", kn_volume_api_upload, KN_CINDER_UPLOAD, 202, 0 },
    { "revert", kn_volume_api_revert, KN_CINDER_REVERT, 202, 40 },
    { "os-reimage", kn_volume_api_reimage, KN_CINDER_REIMAGE, 202, 68 },
    { "os-set_image_metadata", kn_volume_api_set_image_metadata, KN_CINDER_IMAGE_METADATA_SET, 200, 0 },
    { "os-unset_image_metadata", kn_volume_api_unset_image_metadata, KN_CINDER_IMAGE_METADATA_REMOVE, 200, 0 },
    { "os-show_image_metadata", kn_volume_api_show_image_metadata, KN_CINDER_IMAGE_METADATA, 200, 0 },
    { "os-attach", kn_volume_api_old_attach, KN_CINDER_ATTACH, 202, 0 },
    { "os-detach", kn_volume_api_old_detach, KN_CINDER_DETACH, 202, 0 },
    { "os-reserve", kn_volume_api_old_reserve, KN_CINDER_RESERVE, 202, 0 },
    { "os-unreserve", kn_volume_api_old_unreserve, KN_CINDER_UNRESERVE, 202, 0 },
    { "os-begin_detaching", kn_volume_api_old_begin_detaching, KN_CINDER_BEGIN_DETACHING, 202, 0 },
    { "os-roll_detaching", kn_volume_api_old_roll_detaching, KN_CINDER_ROLL_DETACHING, 202, 0 },
    { "os-initialize_connection", NULL, KN_CINDER_ACTION, 0, 0 },
    { "os-terminate_connection", NULL, KN_CINDER_ACTION, 0, 0 },
    { "os-force_detach", kn_volume_api_old_detach, KN_CINDER_FORCE_DETACH, 202, 0 },
    { "os-migrate_volume", NULL, KN_CINDER_MIGRATE, 0, 0 },
};

static int actions_run(struct kn_request *req, size_t i, const json_t *in, struct kn_response *res,
                       struct kn_error *err)
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
    return kn_schema_check(BODIES, req->body, req->microversion, err) < 0 ? -1 : ACTIONS[i].run(req, in, &v, res, err);
}

int kn_volume_api_action(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    void *first = json_object_iter(req->body);

    if (first == NULL || json_object_size(req->body) != 1) {
        return kn_fail(err, KN_BAD_REQUEST, "the body must be an object with one action");
    }
    const char *name = json_object_iter_key(first);
    for (size_t i = 0; i < KN_COUNT(ACTIONS); i++) {
        if (strcmp(ACTIONS[i].name, name) == 0 && req->microversion >= ACTIONS[i].since) {
            if (actions_run(req, i, json_object_iter_value(first), res, err) < 0) {
                return -1;
            }
            res->status = ACTIONS[i].status;
            return 0;
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "There is no such action: %.64s", name);
}
