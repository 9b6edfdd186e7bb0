/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os-instance_usage_audit_log: which hosts have said, for a month that is over, what ran there. Nova's hosts do when instance_usage_audit is on, and it is off unless somebody
 * says otherwise; hosts here never do: usage is counted from servers' lives (usage.c). So each host of the list has not run.
 */
#include <string.h>
#include <time.h>

#include "compute/api.h"
#include "lib/base/jsonw.h"

/* $1: a time, NULL: now. The month before its own. */
static const struct kn_stmt LOG = {
    "usage_audit",
    "SELECT json_build_object('hosts_not_run', coalesce(json_agg(h.name ORDER BY h.name), '[]'), 'log', json_build_object(), 'num_hosts', count(*), "
    "'num_hosts_done', 0, 'num_hosts_not_run', count(*), 'num_hosts_running', 0, 'overall_status', "
    "CASE count(*) WHEN 0 THEN 'ALL hosts done. 0 errors.' ELSE format('0 of %s hosts done. 0 errors.', count(*)) END, "
    "'period_beginning', to_char(p.ending - interval '1 month', 'YYYY-MM-DD HH24:MI:SS'), 'period_ending', to_char(p.ending, 'YYYY-MM-DD HH24:MI:SS'), "
    "'total_errors', 0, 'total_instances', 0) "
    "FROM (SELECT date_trunc('month', coalesce($1::timestamp, now() AT TIME ZONE 'UTC')) AS ending) p LEFT JOIN host h ON true GROUP BY p.ending",
    1
};

static int usage_audit_answer(struct kn_request *req, const char *key, const char *before, struct kn_response *res,
                              struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &LOG, KN_ARGS(before), &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_raw(&res->body, key, kn_rows_text(rows, 0, KN_ONLY));
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_compute_usage_audit_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return usage_audit_answer(req, "instance_usage_audit_logs", NULL, res, err);
}

/* "2026-11-30 02:53:44", with a fraction or without. */
static bool usage_audit_is_time(const char *text)
{
    struct tm tm;
    const char *rest = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);
    const size_t digits = rest != NULL && rest[0] == '.' ? strspn(rest + 1, "0123456789") : 0;

    return rest != NULL && tm.tm_year + 1900 > 0 &&
           (rest[0] == '\0' || (digits > 0 && digits <= 6 && rest[digits + 1] == '\0'));
}

int kn_compute_usage_audit_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return usage_audit_is_time(req->params[0])
               ? usage_audit_answer(req, "instance_usage_audit_log", req->params[0], res, err)
               : kn_fail(err, KN_BAD_REQUEST, "Invalid timestamp for date %.80s", req->params[0]);
}
