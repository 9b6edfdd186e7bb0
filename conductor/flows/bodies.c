/* SPDX-License-Identifier: Apache-2.0 */
/* The message bodies and the fault that several flows share. Pure values. */
#include "conductor/flows/bodies.h"

#include "conductor/flows/context.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "lib/domain/fault.h"
#include "lib/domain/volume_failure.h"

json_t *kn_conductor_body_server(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return json_pack("{s:s}", "server", task->object_id);
}

json_t *kn_conductor_body_volume(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return json_pack("{s:s}", "volume", task->object_id);
}

json_t *kn_conductor_body_image_wished(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return json_pack("{s:O}", "image", kn_conductor_wished(task, "image"));
}

json_t *kn_conductor_body_server_on_host(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return json_pack("{s:s, s:s}", "host", task->home.host, "server", task->object_id);
}

json_t *kn_conductor_body_power(const struct kn_conductor_task *task, const char *action, json_t *spec)
{
    json_t *body = kn_conductor_body_server_on_host(task, 0);

    json_object_set_new(body, "action", json_string(action));
    if (spec != NULL) {
        json_object_set_new(body, "spec", spec);
    }
    return body;
}

json_t *kn_conductor_body_claim(const struct kn_conductor_task *task, int item)
{
    static const struct {
        const char *name, *known;
    } copied[] = {
        { "project", "project" },
        { "vcpus", "vcpus" },
        { "memory_mib", "memory_mib" },
        { "disk_gib", "local_gib" }, /* of all its disks there */
    };
    static const char *const wished[] = { "zone", "host", NULL };
    json_t *body = kn_conductor_body_server(task, item);
    json_t *exclude = kn_conductor_found(task, "exclude");

    for (size_t i = 0; i < KN_COUNT(copied); i++) {
        json_object_set(body, copied[i].name, kn_conductor_known(task, copied[i].known));
    }
    for (int i = 0; wished[i] != NULL; i++) {
        if (*kn_conductor_wished_str(task, wished[i]) != '\0') {
            json_object_set(body, wished[i], kn_conductor_wished(task, wished[i]));
        }
    }
    if (exclude != NULL) {
        json_object_set(body, "exclude", exclude);
    }
    return body;
}

json_t *kn_conductor_body_volume_let_go(const struct kn_conductor_task *task, json_t *volume)
{
    json_t *body = json_pack("{s:O, s:s}", "volume", volume, "server", task->object_id);

    if (task->home.host[0] != '\0') {
        json_object_set_new(body, "host", json_string(task->home.host));
    }
    return body;
}

int kn_conductor_count_if_on_host(const struct kn_conductor_task *task)
{
    return task->home.host[0] != '\0' && task->home.agent[0] != '\0' ? 1 : 0;
}

json_t *kn_conductor_body_server_on_dest(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return json_pack("{s:s, s:s}", "host", task->dest.host, "server", task->object_id);
}

int kn_conductor_count_if_dest(const struct kn_conductor_task *task)
{
    return task->dest.host[0] != '\0' && task->dest.agent[0] != '\0' ? 1 : 0;
}

json_t *kn_conductor_fault_of(const struct kn_conductor_task *task)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf details = KN_STRBUF_INIT;
    const struct kn_conductor_place *home = &task->home, *dest = &task->dest;
    AUTO_FREE char *names_no_home = kn_fault_public(task->error.code, task->error.message, home->host, home->agent,
                                                    task->request_id);
    AUTO_FREE char *reason = kn_fault_public(task->error.code, names_no_home, dest->host, dest->agent,
                                             task->request_id);
    json_t *failure;
    size_t i;

    json_array_foreach (kn_conductor_found(task, "failures"), i, failure) {
        kn_strbuf_addf(&details, "%s\n", json_string_value(failure));
    }
    json_array_foreach (kn_conductor_found(task, "not_undone"), i, failure) {
        kn_strbuf_addf(&details, "not taken back: %s\n", json_string_value(failure));
    }
    kn_strbuf_addf(&details, "task %lld, request %s", (long long)task->id, task->request_id);
    return json_pack("{s:i, s:s, s:s, s:s}", "code", kn_code_status(task->error.code), "message", task->error.message,
                     "public", reason, "details", details.buf);
}

json_t *kn_conductor_body_failure(const struct kn_conductor_task *task)
{
    const struct kn_volume_failure *failure = kn_volume_failure_of(task->flow->kind, task->error.code);

    return json_sprintf("%s %s", failure->detail_words, failure->advice);
}
