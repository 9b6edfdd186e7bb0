/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that are anybody's: where an image's data is fetched is asked for with every server, and a thousand servers of one image hear the same. What one was
 * answered is taken for others who would ask the same within a moment; it is never older than a command that travels may be. It is only a way not to ask: a task
 * that tries again asks anew, a refusal is nobody else's, and whatever is lost here is asked for.
 */
#include <stdlib.h>

#include "conductor/conductor.h"
#include "conductor/engine/engine.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/json_text.h"

#define FRESH_MS 2000
#define ANSWERS_MOST 256 /* images are many, those of a moment are few */

struct kn_conductor_answer {
    json_t *result;
    int64_t until_ms; /* monotonic */
};

void kn_conductor_answer_free(void *answer)
{
    json_decref(((struct kn_conductor_answer *)answer)->result);
    free(answer);
}

static char *answers_question(const struct kn_conductor_task *task, int part)
{
    const struct kn_conductor_part *p = &task->parts[part];
    json_t *body = p->of->build(task, p->item);
    struct kn_strbuf text = KN_STRBUF_INIT;

    kn_strbuf_addstr(&text, p->type->name);
    kn_json_print(&text, body);
    json_decref(body);
    return kn_strbuf_detach(&text);
}

/* Room for one more: those that are old go, and if none is, all of them. */
static void answers_make_room(struct kn_conductor *c)
{
    const char *key;
    void *value;

    for (int all = 0; all <= 1 && kn_hmap_count(c->answers) >= ANSWERS_MOST; all++) {
        for (size_t at = 0; kn_hmap_next(c->answers, &at, &key, &value);) {
            if (all == 1 || ((const struct kn_conductor_answer *)value)->until_ms < kn_mono_ms()) {
                kn_hmap_del(c->answers, key);
            }
        }
    }
}

void kn_conductor_answers_keep(struct kn_conductor *c, const struct kn_conductor_task *task, int part, json_t *answer)
{
    AUTO_FREE char *question = NULL;
    struct kn_conductor_answer *kept;

    if (answer == NULL || !task->parts[part].of->is_anybodys || task->state != KN_TASK_RUN) {
        return;
    }
    question = answers_question(task, part);
    kept = KN_NEW(struct kn_conductor_answer);
    *kept = (struct kn_conductor_answer){ json_incref(answer), kn_mono_ms() + FRESH_MS };
    answers_make_room(c);
    kn_hmap_put(c->answers, question, kept);
}

bool kn_conductor_answers_take(struct kn_conductor *c, struct kn_conductor_task *task, int part)
{
    AUTO_FREE char *question = NULL;
    const struct kn_conductor_answer *kept;

    if (!kn_conductor_engine_may_share(task, part)) {
        return false;
    }
    question = answers_question(task, part);
    kept = kn_hmap_get(c->answers, question);
    if (kept == NULL || kept->until_ms < kn_mono_ms()) {
        return false;
    }
    kn_conductor_engine_share(task, part, kept->result);
    task->parts[part].sent_at_us = kn_now_us();
    return true;
}
