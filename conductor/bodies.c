/* SPDX-License-Identifier: Apache-2.0 */
/* The message bodies and the fault that several flows share. Pure values. */
#include "conductor/bodies.h"

#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"

json_t *kn_body_server(const struct kn_task *task, int item)
{
    (void)item;
    return json_pack("{s:s}", "server", task->object_id);
}

json_t *kn_body_server_on_host(const struct kn_task *task, int item)
{
    (void)item;
    return json_pack("{s:s, s:s}", "host", kn_task_host(task), "server", task->object_id);
}

int kn_count_if_on_host(const struct kn_task *task)
{
    return *kn_task_host(task) != '\0' && *kn_task_agent(task) != '\0' ? 1 : 0;
}

/*
 * What its owner may read: the reason, when it is about what he asked for. A text that names the host, a path, or comes of a failure of the cloud's
 * own is the operator's, and the request's id leads him to it.
 */
static char *public_reason(const struct kn_task *task)
{
    const char *message = task->error.message;
    const char *host = kn_task_host(task), *agent = kn_task_agent(task);

    if (task->error.code == KN_NO_VALID_HOST) {
        return kn_strdup("No valid host was found.");
    }
    if (kn_code_status(task->error.code) >= 500 || task->error.code == KN_STALE || strchr(message, '/') != NULL ||
        (*host != '\0' && strstr(message, host) != NULL) || (*agent != '\0' && strstr(message, agent) != NULL)) {
        return kn_asprintf("The cloud failed to carry this out. (%s)", task->request_id);
    }
    return kn_strdup(message);
}

json_t *kn_fault_of(const struct kn_task *task)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf details = KN_STRBUF_INIT;
    AUTO_FREE char *reason = public_reason(task);
    json_t *failure;
    size_t i;

    json_array_foreach(json_object_get(task->context, "failures"), i, failure) {
        kn_strbuf_addf(&details, "%s\n", json_string_value(failure));
    }
    kn_strbuf_addf(&details, "task %lld, request %s", (long long)task->id, task->request_id);
    return json_pack("{s:i, s:s, s:s, s:s}", "code", kn_code_status(task->error.code), "message", task->error.message, "public", reason,
                     "details", details.buf);
}
