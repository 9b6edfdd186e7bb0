/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scheduler hints. Those that the scheduler obeys become columns of their own; those that ask Nova's scheduler for what this one does not do are refused; all others mean
 * something to somebody else only and are kept. What was said is shown as Nova shows it: each hint with a list of texts.
 */
#include "compute/rows/server_plan_hints.h"

#include <stdio.h>
#include <string.h>

#include "lib/adapter/batch.h"
#include "lib/adapter/quota.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

static const struct kn_stmt GROUP = { "plan_group", "SELECT FROM server_group WHERE id = $1 AND project_id = $2", 2 };

/* What Nova's JsonFilter and SimpleCIDRAffinityFilter read. */
static const char *const REFUSED[] = { "query", "build_near_host_ip", "cidr" };

/* Of the two names that the hints have, the one under which something is said. */
static json_t *hints_of(const json_t *body)
{
    json_t *hints = json_object_get(body, "os:scheduler_hints");

    return json_object_size(hints) > 0 ? hints : json_object_get(body, "OS-SCH-HNT:scheduler_hints");
}

/* One server, or a list of them, as an array literal; NULL: nothing is said, or nobody named. Heap. */
static char *plan_hinted(const json_t *said)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;

    if (json_is_string(said)) {
        kn_array_add(&ids, json_string_value(said));
    }
    for (size_t i = 0; i < json_array_size(said); i++) {
        kn_array_add(&ids, json_string_value(json_array_get(said, i)));
    }
    return ids.count > 0 ? kn_strdup(kn_array_value(&ids)) : NULL;
}

/* A value as a text; NULL: it is none. */
static json_t *hint_text(const json_t *value)
{
    char number[32];

    if (json_is_string(value)) {
        return json_incref((json_t *)(uintptr_t)value);
    }
    if (json_is_integer(value)) {
        snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        snprintf(number, sizeof(number), "%.15g", json_real_value(value));
    } else if (json_is_boolean(value)) {
        snprintf(number, sizeof(number), "%s", json_is_true(value) ? "True" : "False");
    } else {
        return NULL;
    }
    return json_string(number);
}

static int add_hint(json_t *kept, const char *hint, const json_t *value, struct kn_error *err)
{
    json_auto_t *texts = json_array();
    const size_t count = json_is_array(value) ? json_array_size(value) : 1;

    for (size_t i = 0; i < count; i++) {
        json_t *text = hint_text(json_is_array(value) ? json_array_get(value, i) : value);

        if (text == NULL) {
            return kn_fail(err, KN_BAD_REQUEST,
                           "Invalid input for field/attribute %.60s. A scheduler hint is a text or a list of texts",
                           hint);
        }
        json_array_append_new(texts, text);
    }
    json_object_set(kept, hint, texts);
    return 0;
}

static int keep_hints(struct kn_compute_server_plan *plan, json_t *hints, struct kn_error *err)
{
    json_auto_t *kept = json_object();
    const char *hint;
    json_t *value;

    json_object_foreach (hints, hint, value) {
        for (size_t i = 0; i < KN_COUNT(REFUSED); i++) {
            if (strcmp(hint, REFUSED[i]) == 0) {
                return kn_fail(err, KN_BAD_REQUEST, "The scheduler hint '%s' is not supported", hint);
            }
        }
        if (add_hint(kept, hint, value, err) < 0) {
            return -1;
        }
    }
    plan->hints = json_object_size(kept) > 0 ? json_dumps(kept, JSON_COMPACT) : NULL;
    return plan->hints == NULL || kn_limit_fits(KN_LIMIT_SCHEDULER_HINTS, plan->hints)
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Scheduler hints are too large: they have at most %d bytes in all",
                         KN_MAX_SCHEDULER_HINTS);
}

int kn_compute_plan_hints(const struct kn_request *req, struct kn_compute_server_plan *plan, struct kn_error *err)
{
    json_t *hints = hints_of(req->body);
    const char *group = json_string_value(json_object_get(hints, "group"));
    int64_t found = 0;

    if (keep_hints(plan, hints, err) < 0) {
        return -1;
    }
    plan->apart_from = plan_hinted(json_object_get(hints, "different_host"));
    plan->together_with = plan_hinted(json_object_get(hints, "same_host"));
    if (group == NULL) {
        return 0;
    }
    if (kn_db_change(req->db, &GROUP, KN_ARGS(group, req->caller.project_id), &found, err) < 0 ||
        kn_quota_limit(req->db, KN_QUOTA_GROUP_MEMBERS, req->caller.project_id, &plan->group_most, err) < 0) {
        return -1;
    }
    plan->group_id = group;
    return found > 0 ? 0 : kn_fail(err, KN_BAD_REQUEST, "Instance group %s could not be found.", group);
}
