/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that wait are in a list, each on the stack of its thread. An answer to none of them is nobody's: it came late, or was never asked for. */
#include "compute-agent/core/keys.h"

#include <string.h>
#include <time.h>

#include "compute-agent/core/agent.h"
#include "lib/adapter/crypto.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

#define PATIENCE_MS 30000
#define AGAIN_MS 3000 /* it may have been lost */
#define LOOK_MS 250 /* whether the agent stops */

struct kn_agent_key_question {
    char id[KN_UUID_SIZE];
    struct kn_box box;
    json_t *answer; /* the body of volume.key; NULL: none yet */
    struct kn_agent_key_question *next;
};

void kn_agent_keys_init(struct kn_agent *agent)
{
    pthread_mutex_init(&agent->asking, NULL);
    pthread_cond_init(&agent->answered, NULL);
}

static void keys_enlist(struct kn_agent *agent, struct kn_agent_key_question *q)
{
    pthread_mutex_lock(&agent->asking);
    q->next = agent->questions;
    agent->questions = q;
    pthread_mutex_unlock(&agent->asking);
}

static void keys_strike(struct kn_agent *agent, const struct kn_agent_key_question *q)
{
    pthread_mutex_lock(&agent->asking);
    for (struct kn_agent_key_question **at = &agent->questions; *at != NULL; at = &(*at)->next) {
        if (*at == q) {
            *at = q->next;
            break;
        }
    }
    pthread_mutex_unlock(&agent->asking);
}

/* False: not in that time. */
static bool keys_wait(struct kn_agent *agent, const struct kn_agent_key_question *q, int64_t ms)
{
    const int64_t until = kn_mono_ms() + ms;
    bool is_answered = false;

    pthread_mutex_lock(&agent->asking);
    while (!(is_answered = q->answer != NULL) && kn_mono_ms() < until && !agent->daemon.stopping) {
        struct timespec at;

        clock_gettime(CLOCK_REALTIME, &at);
        at.tv_nsec += LOOK_MS * 1000000L;
        at.tv_sec += at.tv_nsec / 1000000000L;
        at.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&agent->answered, &agent->asking, &at);
    }
    pthread_mutex_unlock(&agent->asking);
    return is_answered;
}

static int keys_read(const struct kn_agent_key_question *q, char ret[KN_AGENT_KEY_SIZE], struct kn_error *err)
{
    const char *sealed = kn_json_str(q->answer, "sealed");
    char *plain = NULL;

    if (*sealed == '\0') {
        return kn_fail(err, KN_CONFLICT, "the key of the volume is refused: %s", kn_json_str(q->answer, "refused"));
    }
    if (kn_box_open(&q->box, sealed, &plain, err) < 0) {
        return -1;
    }
    kn_copy(ret, KN_AGENT_KEY_SIZE, plain);
    kn_wipe(plain, strlen(plain));
    free(plain);
    return 0;
}

int kn_agent_keys_ask(void *ctx, const char *host, const char *server, const char *volume, char ret[KN_AGENT_KEY_SIZE],
                      struct kn_error *err)
{
    struct kn_agent *agent = ctx;
    struct kn_agent_key_question q = { .answer = NULL };
    const int64_t until = kn_mono_ms() + PATIENCE_MS;
    bool is_answered = false;
    int rc = -1;

    if (agent->works == NULL) { /* of simulated hosts: it would wait for itself */
        return kn_fail(
            err, KN_UNAVAILABLE,
            "an agent without threads of its own (agent.sim_spawn_ms is 0) gives no server encrypted volumes");
    }
    kn_uuid_make(q.id);
    kn_box_make(&q.box);
    keys_enlist(agent, &q);
    while (!is_answered && kn_mono_ms() < until && !agent->daemon.stopping) {
        kn_agent_report(agent, "volume.ask_key",
                        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "agent", agent->id, "host", host, "server", server,
                                  "volume", volume, "question", q.id, "box", q.box.name));
        is_answered = keys_wait(agent, &q, AGAIN_MS);
    }
    keys_strike(agent, &q);
    rc = q.answer != NULL ? keys_read(&q, ret, err)
                          : kn_fail(err, KN_UNAVAILABLE, "nobody says what opens volume \"%s\"", volume);
    json_decref(q.answer);
    kn_wipe(&q.box, sizeof(q.box));
    return rc;
}

void kn_agent_keys_take(struct kn_agent *agent, const struct kn_message *m)
{
    const char *id = kn_json_str(m->body, "question");

    pthread_mutex_lock(&agent->asking);
    for (struct kn_agent_key_question *q = agent->questions; q != NULL; q = q->next) {
        if (strcmp(q->id, id) == 0 && q->answer == NULL) {
            q->answer = json_incref(m->body);
        }
    }
    pthread_cond_broadcast(&agent->answered);
    pthread_mutex_unlock(&agent->asking);
}
