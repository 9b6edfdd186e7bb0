/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os-instance-actions: what was done to a server. There is no log of its own: a task is an action and its steps are the events, so
 * the history cannot disagree with what happened. It only reads; what is internal (descriptions, fences) is not shown.
 */
#include <string.h>

#include "compute/api.h"
#include "compute/api/server_view.h"
#include "compute/rows/server.h"
#include "lib/base/clock.h"
#include "lib/base/uuid.h"
#include "lib/domain/fault.h"
#include "lib/domain/message.h"

#define SHOWN "t.kind LIKE 'server.%' AND t.kind NOT IN ('server.describe', 'server.fence')"
#define COLUMNS                                                                                                         \
    "t.id, substr(t.kind, 8), t.request_id, t.user_id, t.project_id, " KN_TIME_COLUMN("t.created_at") ", "              \
    KN_TIME_COLUMN("coalesce(t.finished_at, t.created_at)") ", t.state = 'failed'"
enum col { ID, ACTION, REQUEST, USER, PROJECT, START, UPDATED, FAILED };
enum event_col { E_NAME, E_STATE, E_START, E_FINISH, E_HOST, E_ERROR, E_CODE };

static const struct kn_stmt OWNER = { "history_owner",
    "SELECT project_id FROM server WHERE id = $1 AND ($2::text IS NULL OR project_id = $2) AND ($3::boolean OR deleted_at IS NULL)",
    3 };
static const struct kn_stmt ONE = { "history_one",
    "SELECT " COLUMNS " FROM task t WHERE t.object_id = $1 AND t.request_id = $2 AND " SHOWN " ORDER BY t.id LIMIT 1", 2 };
static const struct kn_stmt EVENTS = { "history_events",
    "SELECT name, state, " KN_TIME_COLUMN("started_at") ", " KN_TIME_COLUMN("finished_at") ", host, error->>'message', error->>'code' "
    "FROM task_step WHERE task_id = $1::bigint ORDER BY n DESC", 1 };

static const char *const LIST_QUERY_58[] = { "limit", "marker", "changes-since", NULL };
static const char *const LIST_QUERY_66[] = { "limit", "marker", "changes-since", "changes-before", NULL };
static const struct kn_sort_key BY_ID = { "id", "t.id", "bigint" };

/* The server's project; deleted servers have a history from 2.21 on. */
static int find_owner(const struct kn_request *req, struct kn_rows **ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *id = req->params[0];

    if (!kn_uuid_valid(id)) {
        return kn_fail(err, KN_NOT_FOUND, "Instance %.80s could not be found.", id);
    }
    if (kn_db_run(req->db, &OWNER, KN_ARGS(id, kn_visible_project(req), kn_since(req, 21) ? "t" : "f"), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Instance %s could not be found.", id);
    }
    *ret = kn_steal(&rows);
    return 0;
}

static void write_action(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int row)
{
    kn_jsonw_str(sb, "action", kn_rows_str(rows, row, ACTION));
    kn_jsonw_str(sb, "instance_uuid", req->params[0]);
    kn_jsonw_str(sb, "request_id", kn_rows_str(rows, row, REQUEST));
    kn_jsonw_str(sb, "user_id", kn_rows_str(rows, row, USER));
    kn_jsonw_str(sb, "project_id", kn_rows_str(rows, row, PROJECT));
    kn_view_time_us(sb, "start_time", kn_rows_str(rows, row, START));
    kn_jsonw_str(sb, "message", kn_rows_bool(rows, row, FAILED) ? "Error" : NULL);
    if (kn_since(req, 58)) {
        kn_view_time_us(sb, "updated_at", kn_rows_str(rows, row, UPDATED));
    }
}

static int add_time(const struct kn_request *req, struct kn_select *sel, const char *key, const char *sql, char text[KN_TIME_SIZE],
                    struct kn_error *err)
{
    const char *value = kn_request_query(req, key);
    int64_t us = 0;

    if (value == NULL) {
        return 0;
    }
    if (kn_time_parse(value, &us) < 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for query parameters %s. Value: %.60s. '%.60s' is not a 'date-time'",
                       key, value, value);
    }
    kn_time_iso_us_z(us, text);
    kn_select_add(sel, sql, text);
    return 0;
}

static int read_list(struct kn_request *req, struct kn_page *page, struct kn_rows **ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_select) struct kn_select sel = KN_SELECT_INIT;
    AUTO(kn_rows) struct kn_rows *marker = NULL;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf is_marker = KN_STRBUF_INIT;
    const struct kn_order order = { { &BY_ID }, { true }, 1 };
    char since[KN_TIME_SIZE], before[KN_TIME_SIZE];

    if (kn_query_known(req, kn_since(req, 66) ? LIST_QUERY_66 : LIST_QUERY_58, 58, err) < 0 ||
        (kn_since(req, 58) && kn_page_read(req, page, err) < 0)) {
        return -1;
    }
    kn_select_text(&sel, "SELECT " COLUMNS " FROM task t WHERE " SHOWN);
    kn_select_add(&sel, " AND t.object_id = ?::uuid", req->params[0]);
    if (kn_since(req, 58) &&
        (add_time(req, &sel, "changes-since", " AND coalesce(t.finished_at, t.created_at) >= ?::timestamptz", since, err) < 0 ||
         add_time(req, &sel, "changes-before", " AND coalesce(t.finished_at, t.created_at) <= ?::timestamptz", before, err) < 0)) {
        return -1;
    }
    /* find_owner() saw that the id is a uuid: it may stand in the text */
    kn_strbuf_addf(&is_marker, "t.object_id = '%s' AND t.request_id = ?", req->params[0]);
    return kn_select_page(&sel, req->db, &order, page, "task t", is_marker.buf, &marker, err) < 0
               ? -1
               : kn_select_run(&sel, req->db, ret, err);
}

int kn_server_history_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *owner = NULL;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf path = KN_STRBUF_INIT;
    struct kn_page page = { .limit = KN_MAX_PAGE };
    int count = 0;

    if (find_owner(req, &owner, err) < 0 || read_list(req, &page, &rows, err) < 0) {
        return -1;
    }
    count = kn_rows_count(rows);
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "instanceActions");
    for (int row = 0; row < count; row++) {
        kn_jsonw_object(&res->body, NULL);
        write_action(&res->body, req, rows, row);
        kn_jsonw_end_object(&res->body);
    }
    kn_jsonw_end_array(&res->body);
    if (kn_since(req, 58) && count > 0) {
        kn_strbuf_addf(&path, "/servers/%s/os-instance-actions", req->params[0]);
        kn_page_links(&res->body, req, &page, "links", path.buf, count, kn_rows_str(rows, count - 1, REQUEST));
    }
    kn_jsonw_end_object(&res->body);
    return 0;
}

static void write_event(struct kn_strbuf *sb, const struct kn_request *req, const char *project, const struct kn_rows *rows, int row)
{
    const char *host = kn_rows_str(rows, row, E_HOST);
    const char *error = kn_rows_str(rows, row, E_ERROR);
    char host_id[57];

    kn_jsonw_object(sb, NULL);
    kn_jsonw_str(sb, "event", kn_rows_str(rows, row, E_NAME));
    kn_view_time_us(sb, "start_time", kn_rows_str(rows, row, E_START));
    kn_view_time_us(sb, "finish_time", kn_rows_str(rows, row, E_FINISH));
    kn_jsonw_str(sb, "result", strcmp(kn_rows_text(rows, row, E_STATE), "failed") == 0 ? "Error" : "Success");
    if (req->caller.is_admin) {
        kn_jsonw_str(sb, "traceback", error);
    }
    if (kn_since(req, 62)) {
        if (req->caller.is_admin) {
            kn_jsonw_str(sb, "host", host);
        }
        kn_server_host_id(project, host, host_id);
        kn_jsonw_str(sb, "hostId", host_id);
    }
    if (kn_since(req, 84)) {
        AUTO_FREE char *reason = error == NULL ? NULL
                                               : kn_fault_public(kn_code_from_name(kn_rows_text(rows, row, E_CODE)), error, host, NULL,
                                                                 req->params[1]);
        kn_jsonw_str(sb, "details", req->caller.is_admin ? error : reason);
    }
    kn_jsonw_end_object(sb);
}

/* Admins always see the events; everybody else from 2.51 on. */
static int write_events(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *action, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (!req->caller.is_admin && !kn_since(req, 51)) {
        return 0;
    }
    if (kn_db_run(req->db, &EVENTS, KN_ARGS(kn_rows_text(action, 0, ID)), &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_array(sb, "events");
    for (int row = 0; row < kn_rows_count(rows); row++) {
        write_event(sb, req, kn_rows_text(action, 0, PROJECT), rows, row);
    }
    kn_jsonw_end_array(sb);
    return 0;
}

int kn_server_history_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *owner = NULL;
    AUTO(kn_rows) struct kn_rows *action = NULL;

    if (find_owner(req, &owner, err) < 0 ||
        kn_db_run(req->db, &ONE, KN_ARGS(req->params[0], req->params[1]), &action, err) < 0) {
        return -1;
    }
    if (kn_rows_count(action) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Action %.80s not found", req->params[1]);
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "instanceAction");
    write_action(&res->body, req, action, 0);
    if (write_events(&res->body, req, action, err) < 0) {
        return -1;
    }
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}
