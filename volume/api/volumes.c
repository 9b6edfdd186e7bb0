/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST, GET, PUT and DELETE of volumes. A POST is checked whole before anything is written: what it names must exist, what it
 * asks for must be something that is done here.
 */
#include <string.h>

#include "lib/adapter/task.h"
#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"
#include "lib/rest/list.h"
#include "volume/api/private.h"
#include "volume/rows/noun.h"
#include "volume/rows/type.h"

#define TEXT(name) KN_SCHEMA(name, KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_WORD)
#define NAME(name) KN_SCHEMA(name, KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_NAME)
#define DESCRIPTION(name) KN_SCHEMA(name, KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_DESCRIPTION)
#define ID(name) KN_SCHEMA(name, KN_IS_STRING, .flags = KN_NULLABLE, .rule = &KN_TEXT_UUID)

static const struct kn_schema METADATA_VALUE[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_META_VALUE),
                                                   KN_SCHEMA_END };
#define METADATA(n) \
    KN_SCHEMA(n, KN_IS_MAP, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_METADATA, .rule = &KN_TEXT_META_KEY, \
              .inner = METADATA_VALUE)

/* Up to 3.52 Cinder takes more (cinder/api/schemas/volumes.py: additionalProperties) and drops it; what is not known is refused here at every version. */
static const struct kn_schema CREATE[] = {
    KN_SCHEMA("size", KN_IS_INTEGER, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_SIZE_GIB),
    NAME("name"),
    DESCRIPTION("description"),
    NAME("display_name"),
    DESCRIPTION("display_description"),
    TEXT("availability_zone"),
    TEXT("volume_type"),
    METADATA("metadata"),
    ID("snapshot_id"),
    ID("source_volid"),
    ID("consistencygroup_id"),
    ID("group_id"),
    ID("backup_id"),
    TEXT("image_id"),
    TEXT("imageRef"),
    KN_SCHEMA("multiattach", KN_IS_BOOLEAN, .flags = KN_NULLABLE),
    KN_SCHEMA_END,
};
static const struct kn_schema CREATE_BODY[] = {
    KN_SCHEMA("volume", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = CREATE),
    KN_SCHEMA("OS-SCH-HNT:scheduler_hints", KN_IS_OBJECT, .flags = KN_NULLABLE),
    KN_SCHEMA_END,
};
static const struct kn_schema UPDATE[] = {
    NAME("name"),         DESCRIPTION("description"),
    NAME("display_name"), DESCRIPTION("display_description"),
    METADATA("metadata"), KN_SCHEMA_END,
};
static const struct kn_schema UPDATE_BODY[] = {
    KN_SCHEMA("volume", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = UPDATE),
    KN_SCHEMA_END,
};

/* --- create --------------------------------------------------------------------------------------------------------- */

/* What a volume may be made from elsewhere, and what a client hears who names one. There are no such things here yet. */
static const struct {
    const char *key, *noun;
} SOURCES[] = {
    { "snapshot_id", "Snapshot" },
    { "backup_id", "Backup" },
    { "consistencygroup_id", "ConsistencyGroup" },
    { "group_id", "Group" },
};

static const char *volumes_text_of(const json_t *in, const char *key)
{
    const char *text = kn_json_str(in, key);

    return *text != '\0' ? text : NULL;
}

static int check_sources(struct kn_request *req, const json_t *in, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume v;

    for (size_t i = 0; i < KN_COUNT(SOURCES); i++) {
        if (volumes_text_of(in, SOURCES[i].key) != NULL) {
            return kn_fail(err, KN_NOT_FOUND, "%s %.64s could not be found.", SOURCES[i].noun,
                           volumes_text_of(in, SOURCES[i].key));
        }
    }
    if (volumes_text_of(in, "source_volid") != NULL) {
        return kn_volume_get(req->db, &req->caller, volumes_text_of(in, "source_volid"), false, &rows, &v, err) < 0
                   ? -1
                   : kn_fail(err, KN_BAD_REQUEST, "Invalid input received: volumes cannot be cloned here");
    }
    if (volumes_text_of(in, "imageRef") != NULL || volumes_text_of(in, "image_id") != NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input received: volumes cannot be made from images here");
    }
    return 0;
}

static int check_wish(struct kn_request *req, const json_t *in, struct kn_error *err)
{
    const json_t *hints = json_object_get(req->body, "OS-SCH-HNT:scheduler_hints");
    const char *zone = volumes_text_of(in, "availability_zone");

    if (check_sources(req, in, err) < 0) {
        return -1;
    }
    if (kn_schema_int(in, "size", 0) == 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input received: Invalid volume size provided for create request: None (size "
                       "argument must be an integer (or string representation of an integer) and "
                       "greater than zero).");
    }
    if (zone != NULL && strcmp(zone, KN_VOLUME_ZONE) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input received: Availability zone '%.64s' is invalid.", zone);
    }
    if (json_object_size(hints) > 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input received: scheduler hints are not available here");
    }
    if (kn_schema_bool(in, "multiattach", false)) {
        return kn_fail(err, KN_BAD_REQUEST, "multiattach parameter has been removed.");
    }
    return 0;
}

/* The text under either of two names. */
static const char *volumes_either(const json_t *in, const char *key, const char *old_key)
{
    const char *text = json_string_value(json_object_get(in, key));

    return text != NULL ? text : json_string_value(json_object_get(in, old_key));
}

/* Takes input. */
static int insert_task(struct kn_request *req, const char *kind, const char *id, json_t *input, int64_t *ret_task,
                       struct kn_error *err)
{
    const struct kn_task_wish wish = {
        .kind = kind,
        .object_id = id,
        .project_id = req->caller.project_id,
        .user_id = req->caller.user_id,
        .request_id = req->request_id,
        .input = input,
    };
    const int rc = kn_task_insert(req->db, &wish, ret_task, err);

    json_decref(input);
    return rc;
}

static int volumes_create(struct kn_request *req, const json_t *in, const char *id, const char *type_id,
                          struct kn_error *err)
{
    const json_t *metadata = json_object_get(in, "metadata");
    AUTO_FREE char *metadata_text = json_is_object(metadata) ? json_dumps(metadata, JSON_COMPACT) : kn_strdup("{}");
    const struct kn_volume_new wish = {
        .id = id,
        .name = volumes_either(in, "name", "display_name"),
        .description = volumes_either(in, "description", "display_description"),
        .size_gib = kn_schema_int(in, "size", 0),
        .metadata = metadata_text,
        .type_id = type_id,
    };
    AUTO_TX struct kn_tx tx = { NULL };
    int64_t task = 0;

    if (kn_tx_begin(&tx, req->db, err) < 0 || kn_volume_insert(req->db, &req->caller, &wish, err) < 0 ||
        insert_task(req, "volume.create", id, json_pack("{s:I}", "size_gib", (json_int_t)wish.size_gib), &task, err) <
            0 ||
        kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    kn_task_wake(req->bus, id, task);
    return 0;
}

int kn_volume_api_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    char id[KN_UUID_SIZE], type_id[KN_UUID_SIZE];

    if (kn_schema_check(CREATE_BODY, req->body, req->microversion, err) < 0) {
        return -1;
    }
    const json_t *in = json_object_get(req->body, "volume");
    kn_uuid_make(id);
    if (check_wish(req, in, err) < 0 ||
        kn_volume_type_find(req, volumes_text_of(in, "volume_type"), type_id, err) < 0 ||
        volumes_create(req, in, id, type_id, err) < 0) {
        return -1;
    }
    return kn_rest_show(&kn_volume_noun, req, id, KN_REST_CHANGED, res, err);
}

/* --- read ----------------------------------------------------------------------------------------------------------- */

int kn_volume_api_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&kn_volume_noun, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_volume_api_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_volume_noun, req, KN_REST_BRIEF, NULL, res, err);
}

int kn_volume_api_detail(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_volume_noun, req, KN_REST_LIST, "/volumes/detail", res, err);
}

int kn_volume_api_summary(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt SUMMARY = {
        "volume_summary",
        "SELECT count(*), coalesce(sum(size_gib), 0) FROM volume WHERE project_id = $1 OR $2::boolean", 2
    };
    enum { COUNT, GIB };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    bool all = false;

    if (kn_request_query_bool(req, "all_tenants", false, &all, err) < 0 ||
        kn_db_run(req->db, &SUMMARY, KN_ARGS(req->caller.project_id, all && kn_rest_reaches_all(req) ? "t" : "f"),
                  &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "volume-summary");
    kn_jsonw_int(&res->body, "total_count", kn_rows_int(rows, 0, COUNT));
    kn_jsonw_int(&res->body, "total_size", kn_rows_int(rows, 0, GIB));
    if (req->microversion >= 36) {
        kn_jsonw_raw(&res->body, "metadata", "{}");
    }
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

/* --- change --------------------------------------------------------------------------------------------------------- */

static int update(struct kn_request *req, const json_t *in, const struct kn_volume *v, struct kn_error *err)
{
    const json_t *metadata = json_object_get(in, "metadata");
    AUTO_FREE char *metadata_text = json_is_object(metadata) ? json_dumps(metadata, JSON_COMPACT) : NULL;
    const bool names = json_object_get(in, "name") != NULL || json_object_get(in, "display_name") != NULL;
    const bool describes = json_object_get(in, "description") != NULL ||
                           json_object_get(in, "display_description") != NULL;

    if (json_object_size(in) == 0 && req->microversion >= 53) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for field/attribute volume: nothing to update");
    }
    return kn_volume_describe(req->db, v->id, names ? volumes_either(in, "name", "display_name") : v->name,
                              describes ? volumes_either(in, "description", "display_description") : v->description,
                              metadata_text != NULL ? metadata_text : v->metadata, err);
}

int kn_volume_api_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume v;

    if (kn_schema_check(UPDATE_BODY, req->body, req->microversion, err) < 0 || kn_tx_begin(&tx, req->db, err) < 0 ||
        kn_volume_get(req->db, &req->caller, req->params[0], true, &rows, &v, err) < 0 ||
        update(req, json_object_get(req->body, "volume"), &v, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    return kn_rest_show(&kn_volume_noun, req, v.id, KN_REST_CHANGED, res, err);
}

int kn_volume_api_delete_as(struct kn_request *req, enum kn_volume_event event, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume v;
    int64_t task = 0;

    if (kn_tx_begin(&tx, req->db, err) < 0 ||
        kn_volume_get(req->db, &req->caller, req->params[0], true, &rows, &v, err) < 0 ||
        kn_volume_move(req->db, &v, event, err) < 0 || kn_task_cancel(req->db, v.id, err) < 0 ||
        insert_task(req, "volume.delete", v.id, NULL, &task, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    kn_task_wake(req->bus, v.id, task);
    return 0;
}

int kn_volume_api_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    bool cascade = false, force = false;

    (void)res;
    if (kn_request_query_bool(req, "cascade", false, &cascade, err) < 0 ||
        kn_request_query_bool(req, "force", false, &force, err) < 0) {
        return -1;
    }
    if (force && kn_policy_check(KN_CINDER_FORCE_DELETE, &req->caller, NULL, err) < 0) {
        return -1;
    }
    return kn_volume_api_delete_as(req, force ? KN_VOLUME_FORCE_DELETE : KN_VOLUME_DELETE, err);
}
