/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the promises that are statements, and prints verdicts. The statements stand in audit_<subject>.c, comparisons with hosts in
 * hosts.c and compare.c. Nothing here repairs: what is found is for people.
 */
#include "conductor/audit/audit.h"

#include "lib/base/mem.h"

#define SHOWN 10

const struct kn_conductor_promise *const kn_conductor_promise_tables[] = {
    kn_conductor_promises_compute, kn_conductor_promises_network, kn_conductor_promises_storage,
    kn_conductor_promises_task,    kn_conductor_promises_owner,   NULL
};

static void audit_print_list(const struct kn_conductor_audit *audit, const json_t *list, const char *before)
{
    size_t n = json_array_size(list);

    for (size_t i = 0; i < n && i < SHOWN; i++) {
        fprintf(audit->out, "         %s%s\n", before, json_string_value(json_array_get(list, i)));
    }
    if (n > SHOWN) {
        fprintf(audit->out, "         … and %zu more\n", n - SHOWN);
    }
}

void kn_conductor_audit_say(struct kn_conductor_audit *audit, const char *promise, const json_t *findings,
                            const json_t *unjudged)
{
    const bool is_broken = json_array_size(findings) > 0;
    const bool is_unjudged = !is_broken && json_array_size(unjudged) > 0;

    audit->promises++;
    audit->broken += is_broken ? 1 : 0;
    audit->unjudged += is_unjudged ? 1 : 0;
    fprintf(audit->out, "%-6s %s\n", is_broken ? "BROKEN" : is_unjudged ? "?" : "ok", promise);
    audit_print_list(audit, findings, "");
    audit_print_list(audit, unjudged, "not judged: ");
}

int kn_conductor_audit_verdict(const struct kn_conductor_audit *audit)
{
    return audit->broken > 0 ? 1 : audit->unjudged > 0 ? 2 : 0;
}

static int audit_judge(struct kn_conductor_audit *audit, const struct kn_conductor_promise *promise,
                       struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array array = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *argument = promise->argument == NULL ? NULL : promise->argument(&array);
    json_t *findings;

    if (kn_db_query(audit->db, promise->sql, argument == NULL ? 0 : 1, KN_ARGS(argument), &rows, err) < 0) {
        return kn_fail_context(err, "promise %s", promise->promise);
    }
    findings = json_array();
    for (int i = 0; i < kn_rows_count(rows); i++) {
        if (promise->is_finding == NULL || promise->is_finding(rows, i)) {
            json_array_append_new(findings, json_string(kn_rows_text(rows, i, KN_FINDING)));
        }
    }
    kn_conductor_audit_say(audit, promise->promise, findings, NULL);
    json_decref(findings);
    return 0;
}

int kn_conductor_audit_database(struct kn_conductor_audit *audit, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };

    /* One snapshot for all: a promise is judged on one moment. */
    if (kn_tx_begin(&tx, audit->db, err) < 0 ||
        kn_db_script(audit->db, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", err) < 0) {
        return -1;
    }
    for (size_t t = 0; kn_conductor_promise_tables[t] != NULL; t++) {
        for (const struct kn_conductor_promise *promise = kn_conductor_promise_tables[t]; promise->promise != NULL;
             promise++) {
            if (audit_judge(audit, promise, err) < 0) {
                return -1;
            }
        }
    }
    return kn_tx_commit(&tx, err);
}
