/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a task, as JSON texts. Pure; store.c says when they are written. */
#include "conductor/store/story.h"

#include <string.h>

#include "conductor/flows/context.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/domain/json_text.h"

char *kn_conductor_story_error(const struct kn_conductor_task *task)
{
    json_t *error;
    char *text;

    if (task->error.code == KN_OK) {
        return NULL;
    }
    error = json_pack("{s:s, s:s, s:b}", "code", kn_code_name(task->error.code), "message", task->error.message,
                      "elsewhere", task->elsewhere);
    text = kn_json_text(error);
    json_decref(error);
    return text;
}

/* What another machine's clock says may be ahead of ours: nothing ends before it began. */
static void story_step(struct kn_strbuf *out, const struct kn_conductor_step_record *record, int64_t now_us,
                       const char *error)
{
    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "name", record->name);
    kn_jsonw_str(out, "state", record->state);
    kn_jsonw_int(out, "began_us", record->started_at_us);
    kn_jsonw_int(out, "ended_us", now_us > record->started_at_us ? now_us : record->started_at_us);
    if (record->host[0] != '\0') {
        kn_jsonw_str(out, "host", record->host);
    }
    if (error != NULL && strcmp(record->state, "failed") == 0) {
        kn_jsonw_raw(out, "error", error);
    }
    kn_jsonw_end_object(out);
}

char *kn_conductor_story_steps(const struct kn_conductor_move *move, int64_t now_us)
{
    struct kn_strbuf out = KN_STRBUF_INIT;
    AUTO_FREE char *error = kn_conductor_story_error(move->task);

    kn_jsonw_array(&out, NULL);
    for (int i = 0; i < move->record_count; i++) {
        story_step(&out, &move->records[i], now_us, error);
    }
    kn_jsonw_end_array(&out);
    return kn_strbuf_detach(&out);
}

char *kn_conductor_story_context(const struct kn_conductor_task *task)
{
    const bool over = task->state == KN_TASK_DONE || task->state == KN_TASK_FAILED;
    json_t *kept = kn_conductor_find_kept(task, over);
    char *text = kn_json_text(kept);

    json_decref(kept);
    return text;
}
