/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os-instance-actions as tables: what was done to a server. There is no log of its own: a task is an action and its steps (task.steps) are the events, so
 * the history cannot disagree with what happened. It only reads; what is internal (descriptions, fences) is not shown, and what is done for each volume of an action is that action's.
 */
#include <string.h>

#include "compute/api.h"
#include "compute/api/server_noun.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/fault.h"
#include "lib/domain/message.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"

#define CHANGED "coalesce(t.finished_at, t.created_at)"
/* No actions of their own: what of an action is done for each volume, copies of volumes, which nobody asked compute for, and that a server leaves its host as it is shelved. */
#define IS_PART(task) \
    "(" task ".kind IN ('server.boot_volume', 'server.snapshot_volume', 'server.backup_volume') OR (" task \
    ".kind = 'server.shelveOffload' AND EXISTS (SELECT FROM task whole WHERE whole.object_id = " task \
    ".object_id AND whole.request_id = " task ".request_id AND whole.kind = 'server.shelve')))"
#define SHOWN(task) \
    task ".kind LIKE 'server.%' AND " task \
         ".kind NOT IN ('server.describe', 'server.fence', 'server.drop_interface') AND NOT " IS_PART(task)
#define FAILED \
    "t.state = 'failed' OR EXISTS (SELECT FROM task p WHERE p.object_id = t.object_id AND p.request_id = t.request_id AND p.state = 'failed' AND " IS_PART( \
        "p") ")"

static const struct kn_stmt OWNER = {
    "history_owner",
    "SELECT FROM server WHERE id = $1 AND ($2::text IS NULL OR project_id = $2) AND ($3::boolean OR deleted_at IS NULL)",
    3
};

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("action", "CASE WHEN t.kind = 'server.softDelete' THEN 'delete' ELSE substr(t.kind, 8) END",
                 KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("instance_uuid", "t.object_id", KN_REST_UUID, KN_REST_SHOWN),
    KN_REST_ATTR("request_id", "t.request_id", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("user_id", "t.user_id", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("project_id", "t.project_id", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("start_time", "t.created_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_FINE),
    KN_REST_ATTR("message", "CASE WHEN " FAILED " THEN 'Error' END", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("updated_at", CHANGED, KN_REST_TIME, KN_REST_SHOWN | KN_REST_FINE, .since = 58),
    KN_REST_ATTR("number", "t.id", KN_REST_INT, 0),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_param PARAMS[] = {
    KN_REST_PARAM("changes-since", kn_rest_since, .since = 58, .sql = CHANGED),
    KN_REST_PARAM("changes-before", kn_rest_until, .since = 66, .sql = CHANGED),
    KN_REST_PARAMS_END,
};
static const struct kn_rest_noun ACTION = {
    .one = "instanceAction",
    .many = "instanceActions",
    .label = "Action",
    .links_key = "links",
    .absent = "Action %2 not found",
    .from = "task t",
    .id = "t.request_id",
    .id_type = KN_REST_TEXT,
    .kept = SHOWN("t"),
    .order = "number",
    .ties = "",
    .unsorted = true,
    .pages_since = 58,
    .strict_since = 58,
    .attrs = ATTRS,
    .params = PARAMS,
    .manners = &KN_REST_NOVA,
};

/* What went wrong, as this caller may know it. value: {error, code, host}, "" if nothing did. */
static void print_details(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out)
{
    json_auto_t *failure = json_loads(value, 0, NULL);
    const char *error = json_string_value(json_object_get(failure, "error"));
    AUTO_FREE char *reason = error == NULL ? NULL
                                           : kn_fault_public(kn_code_from_name(kn_json_str(failure, "code")), error,
                                                             json_string_value(json_object_get(failure, "host")), NULL,
                                                             req->params[1]);

    kn_jsonw_str(out, name, kn_policy_allows(KN_NOVA_SERVER_EVENT_DETAILS, &req->caller, NULL) ? error : reason);
}

/*
 * What a host did Nova calls by its manager's method, and clients look for that name (Tempest for the end of a detachment): of each action's steps those that are told a
 * host, "server.…". All else is called as it is here.
 */
static const char *const HOST_EVENTS[][2] = {
    { "create", "compute__do_build_and_run_instance" },
    { "delete", "compute_terminate_instance" },
    { "stop", "compute_stop_instance" },
    { "start", "compute_start_instance" },
    { "reboot", "compute_reboot_instance" },
    { "pause", "compute_pause_instance" },
    { "unpause", "compute_unpause_instance" },
    { "suspend", "compute_suspend_instance" },
    { "resume", "compute_resume_instance" },
    { "rescue", "compute_rescue_instance" },
    { "unrescue", "compute_unrescue_instance" },
    { "rebuild", "compute_rebuild_instance" },
    { "createImage", "compute_snapshot_instance" },
    { "createBackup", "compute_backup_instance" },
    { "shelve", "compute_shelve_instance" },
    { "shelveOffload", "compute_shelve_offload_instance" },
    { "unshelve", "compute_unshelve_instance" },
    { "attach_volume", "compute_attach_volume" },
    { "swap_volume", "compute_swap_volume" },
    { "detach_volume", "compute_detach_volume" },
    { "attach_interface", "compute_attach_interface" },
    { "detach_interface", "compute_detach_interface" },
    { "trigger_crash_dump", "compute_trigger_crash_dump" },
};

/* value: the action, a space, the step. */
static void history_print_event(const struct kn_request *req, const char *name, const char *value,
                                struct kn_strbuf *out)
{
    const size_t action = strcspn(value, " ");
    const char *step = value[action] == ' ' ? value + action + 1 : value;

    (void)req;
    for (size_t i = 0; i < KN_COUNT(HOST_EVENTS) && strncmp(step, "server.", 7) == 0; i++) {
        if (strlen(HOST_EVENTS[i][0]) == action && strncmp(HOST_EVENTS[i][0], value, action) == 0) {
            step = HOST_EVENTS[i][1];
        }
    }
    kn_jsonw_str(out, name, step);
}

#define STEP(name) "e.step->>'" name "'"
#define STEP_TIME(name) "to_timestamp((e.step->>'" name "')::bigint / 1000000.0)"
#define DETAILS \
    "json_build_object('error', e.step->'error'->>'message', 'code', e.step->'error'->>'code', 'host', e.step->>'host')"

static const struct kn_rest_attr EVENT_ATTRS[] = {
    KN_REST_ATTR("event", "substr(t.kind, 8) || ' ' || (" STEP("name") ")", KN_REST_TEXT, KN_REST_LIST,
                 .print = history_print_event),
    KN_REST_ATTR("start_time", STEP_TIME("began_us"), KN_REST_TIME, KN_REST_LIST | KN_REST_FINE),
    KN_REST_ATTR("finish_time", STEP_TIME("ended_us"), KN_REST_TIME, KN_REST_LIST | KN_REST_FINE),
    KN_REST_ATTR("result", "CASE WHEN e.step->>'state' = 'failed' THEN 'Error' ELSE 'Success' END", KN_REST_TEXT,
                 KN_REST_LIST),
    KN_REST_ATTR("traceback", "e.step->'error'->>'message'", KN_REST_TEXT, KN_REST_LIST, .read = KN_NOVA_SERVER_EVENTS),
    KN_REST_ATTR("host", "coalesce(" STEP("host") ", '')", KN_REST_TEXT, KN_REST_LIST,
                 .read = KN_NOVA_SERVER_EVENT_DETAILS, .since = 62),
    KN_REST_ATTR("hostId", "t.project_id || (" STEP("host") ")", KN_REST_TEXT, KN_REST_LIST, .since = 62,
                 .print = kn_compute_server_print_host_id),
    KN_REST_ATTR("details", DETAILS, KN_REST_TEXT, KN_REST_LIST, .since = 84, .print = print_details),
    KN_REST_ATTR("number", "(t.id << 16) + e.n", KN_REST_INT, 0),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_noun EVENT = {
    .one = "event",
    .many = "events",
    .label = "Event",
    .from = "task t CROSS JOIN LATERAL jsonb_array_elements(t.steps) WITH ORDINALITY AS e(step, n)",
    .id = "e.n",
    .id_type = KN_REST_INT,
    .order = "number",
    .ties = "",
    .unsorted = true,
    .pages_since = KN_REST_NEVER,
    .attrs = EVENT_ATTRS,
    .manners = &KN_REST_NOVA,
};

/* The caller sees the server; deleted ones have a history from 2.21 on. */
static int check_owner(const struct kn_request *req, struct kn_error *err)
{
    const char *id = req->params[0];
    int64_t found = 0;

    if (kn_uuid_valid(id) &&
        kn_db_change(req->db, &OWNER,
                     KN_ARGS(id, kn_compute_visible_project(req), kn_compute_since(req, 21) ? "t" : "f"), &found,
                     err) < 0) {
        return -1;
    }
    return found > 0 ? 0 : kn_rest_not_found(&kn_compute_server_noun, id, err);
}

int kn_compute_server_history_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound of_server[] = { { "t.object_id = ?::uuid", req->params[0] }, { NULL, NULL } };
    AUTO_FREE char *path = kn_asprintf("/servers/%s/os-instance-actions", req->params[0]);

    return check_owner(req, err) < 0 ? -1 : kn_rest_list_within(&ACTION, req, KN_REST_LIST, path, of_server, res, err);
}

/* Admins always see the events; everybody else from 2.51 on. */
static int write_events(struct kn_request *req, const struct kn_rest_bound *of_action, struct kn_strbuf *sb,
                        struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_rest_printer printer;

    if (!kn_compute_since(req, 51) && !kn_policy_allows(KN_NOVA_SERVER_EVENTS, &req->caller, NULL)) {
        return 0;
    }
    if (kn_rest_rows(&EVENT, req, KN_REST_LIST, KN_REST_NO_WISHES, of_action, &rows, err) < 0) {
        return -1;
    }
    kn_rest_printer_init(&printer, &EVENT, req, KN_REST_LIST);
    kn_jsonw_array(sb, EVENT.many);
    for (int row = 0; row < kn_rows_count(rows); row++) {
        kn_jsonw_object(sb, NULL);
        kn_rest_print(&printer, rows, row, sb);
        kn_jsonw_end_object(sb);
    }
    kn_jsonw_end_array(sb);
    return 0;
}

/* Of a request that did several things to one server: the first. */
#define FIRST \
    "t.id = (SELECT min(o.id) FROM task o WHERE o.object_id = t.object_id AND o.request_id = ? AND " SHOWN("o") ")"

/* Its events, and those of its parts. */
#define WITH_PARTS \
    "t.id IN (SELECT o.id FROM task o WHERE o.object_id = t.object_id AND o.request_id = ? AND (" IS_PART("o") " OR (" SHOWN( \
        "o") " AND NOT EXISTS " \
             "(SELECT FROM task p WHERE p.object_id = o.object_id AND p.request_id = o.request_id AND p.id < o.id AND " SHOWN( \
                 "p") "))))"

int kn_compute_server_history_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound of_action[] = { { "t.object_id = ?::uuid", req->params[0] },
                                               { FIRST, req->params[1] },
                                               { NULL, NULL } },
                               of_parts[] = { { "t.object_id = ?::uuid", req->params[0] },
                                              { WITH_PARTS, req->params[1] },
                                              { NULL, NULL } };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (check_owner(req, err) < 0 ||
        kn_rest_find(&ACTION, req, req->params[1], KN_REST_SHOW, of_action, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, ACTION.one);
    kn_rest_members(&ACTION, req, KN_REST_SHOW, rows, 0, &res->body);
    if (write_events(req, of_parts, &res->body, err) < 0) {
        return -1;
    }
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}
