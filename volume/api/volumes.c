/* SPDX-License-Identifier: Apache-2.0 */
/* POST, GET, PUT and DELETE of volumes. What bodies may say is volume/rows/noun.c's. */
#include "lib/adapter/task.h"
#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/domain/schema.h"
#include "lib/rest/write.h"
#include "volume/api.h"
#include "volume/api/private.h"
#include "volume/rows/backend.h"
#include "volume/rows/noun.h"
#include "volume/rows/snapshot.h"

/* Hints stand beside the volume; none is followed here. */
static int volumes_check_hints(const struct kn_request *req, struct kn_error *err)
{
    static const char HINTS[] = "OS-SCH-HNT:scheduler_hints";
    static const struct kn_schema BODY[] = { KN_SCHEMA(HINTS, KN_IS_OBJECT, .flags = KN_NULLABLE), KN_SCHEMA_END };
    json_t *hints = json_object_get(req->body, HINTS);
    json_auto_t *body = hints != NULL ? json_pack("{s:O}", HINTS, hints) : json_object();

    if (kn_schema_check(BODY, body, req->microversion, err) < 0) {
        return -1;
    }
    json_object_del(req->body, HINTS);
    return json_object_size(json_object_get(body, HINTS)) == 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Invalid input received: scheduler hints are not available here");
}

int kn_volume_api_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return volumes_check_hints(req, err) < 0 ? -1 : kn_rest_create(&kn_volume_noun, req, res, err);
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

int kn_volume_api_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_update(&kn_volume_noun, req, req->params[0], res, err);
}

/* Its key goes with its row. */
static int volumes_refuse_encrypted(const struct kn_volume *v, struct kn_error *err)
{
    return v->key_id == NULL ? 0 : kn_fail(err, KN_BAD_REQUEST, "Unmanaging encrypted volumes is not supported.");
}

int kn_volume_api_doom(struct kn_request *req, const char *id, enum kn_volume_event event, bool cascade,
                       json_t *ret_wakes, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_task_wish wish = {
        .kind = event == KN_VOLUME_UNMANAGE ? "volume.unmanage" : "volume.delete",
        .project_id = req->caller.project_id,
        .user_id = req->caller.user_id,
        .request_id = req->request_id,
    };
    struct kn_volume v;
    int64_t task = 0;

    /* Behind the row again: what was wished in between. */
    if (kn_volume_get(req->db, &req->caller, id, true, &rows, &v, err) < 0 ||
        (event == KN_VOLUME_UNMANAGE ? volumes_refuse_encrypted(&v, err)
                                     : kn_volume_backend_refuse_frozen(req->db, req->conf, v.id, err)) < 0 ||
        kn_volume_move(req->db, &v, event, err) < 0 || kn_task_cancel(req->db, v.id, err) < 0 ||
        kn_volume_snapshots_doom(req, &v, cascade, ret_wakes, err) < 0) {
        return -1;
    }
    wish.object_id = v.id;
    if (kn_task_insert(req->db, &wish, &task, err) < 0) {
        return -1;
    }
    json_object_set_new(ret_wakes, v.id, json_integer(task));
    return 0;
}

int kn_volume_api_delete_as(struct kn_request *req, enum kn_volume_event event, bool cascade, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    json_auto_t *wakes = json_object();
    const char *id;
    json_t *its;

    /* Tasks first, then the row: so everybody locks them. */
    if (kn_tx_begin(&tx, req->db, err) < 0 ||
        (kn_uuid_valid(req->params[0]) && kn_task_cancel(req->db, req->params[0], err) < 0) ||
        kn_volume_api_doom(req, req->params[0], event, cascade, wakes, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    json_object_foreach (wakes, id, its) {
        kn_task_wake(req->bus, id, json_integer_value(its));
    }
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
    return kn_volume_api_delete_as(req, force ? KN_VOLUME_FORCE_DELETE : KN_VOLUME_DELETE, cascade, err);
}

/* --- for Nova's old proxy --------------------------------------------------------------------------------------------- */

int kn_volume_make(struct kn_request *req, char ret_id[KN_UUID_SIZE], struct kn_error *err)
{
    const char *id = NULL;
    json_t *object = NULL;

    if (kn_rest_body(&kn_volume_noun, req, KN_REST_POST, &object, err) < 0 ||
        kn_rest_insert(&kn_volume_noun, req, object, &id, err) < 0) {
        return -1;
    }
    kn_copy(ret_id, KN_UUID_SIZE, id);
    return 0;
}

int kn_volume_end(struct kn_request *req, struct kn_error *err)
{
    return kn_volume_api_delete_as(req, KN_VOLUME_DELETE, false, err);
}
