/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of the scheduler: claims and releases in batches, hellos and heartbeats as they come. An agent that is heard but not known is asked to introduce
 * itself, because a hello that was said while no scheduler listened is gone.
 */
#include "scheduler/service.h"

#include <string.h>

#include "lib/adapter/metrics.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "scheduler/claims.h"
#include "scheduler/hearing.h"
#include "scheduler/hosts.h"

#define MAX_BATCH 500
#define ASK_AGAIN_MS 10000

static struct kn_metric CLAIMS = KN_COUNTER("kilonova_claims_total", "claims decided", "outcome", NULL);
static struct kn_metric HOSTS = KN_GAUGE("kilonova_hosts", "hosts in the inventory", NULL, NULL);

struct state {
    struct kn_scheduler_inventory *inv; /* NULL: to be loaded */
    const struct kn_scheduler_policy_of_packing *policy;
    struct kn_scheduler_hearing hearing;
    bool conflicted; /* the last batch broke a constraint, and was handed over again with memory from the rows */
};

/* The time by which agents are heard or silent. */
static int64_t hearing_ms(const struct state *state)
{
    return kn_scheduler_hearing_ms(&state->hearing, kn_mono_ms());
}

static int scheduler_service_start(struct kn_daemon *d, void **ret_state, struct kn_error *err)
{
    const struct kn_scheduler_policy_of_packing *policy = kn_scheduler_packing(d->conf.scheduler_policy);
    struct state *state;

    if (policy == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "scheduler.policy \"%s\" is neither pack nor spread",
                       d->conf.scheduler_policy);
    }
    state = KN_NEW(struct state);
    state->policy = policy;
    state->hearing.last_ms = kn_mono_ms();
    *ret_state = state;
    return 0;
}

static void service_stop(struct kn_daemon *d, void *opaque)
{
    struct state *state = opaque;

    (void)d;
    if (state != NULL) {
        kn_scheduler_inventory_free(state->inv);
        free(state);
    }
}

/* Memory no longer tells the truth. */
static void service_forget(struct state *state)
{
    kn_scheduler_inventory_free(state->inv);
    state->inv = NULL;
}

static int service_load(struct kn_daemon *d, struct state *state, struct kn_error *err)
{
    if (state->inv != NULL) {
        return 0;
    }
    state->inv = kn_scheduler_inventory_new();
    if (kn_scheduler_hosts_load(d->db, state->inv, hearing_ms(state), err) < 0) {
        service_forget(state);
        return -1;
    }
    kn_metric_set(&HOSTS, kn_scheduler_inventory_hosts(state->inv), NULL, NULL);
    return 0;
}

/* --- reports --------------------------------------------------------------------------------------------------------- */

/* after: it is to number its reports from above this; 0: as it does. */
static void service_ask_to_introduce(struct kn_daemon *d, const char *agent, int64_t after)
{
    AUTO_FREE char *topic = kn_asprintf("%s%s", KN_TOPIC_AGENT, agent);
    struct kn_message message;
    struct kn_error err = { 0 };

    kn_message_init(&message, "agent.introduce", after > 0 ? json_pack("{s:I}", "after", (json_int_t)after) : NULL);
    if (kn_daemon_send(d, topic, 0, &message, &err) < 0) {
        kn_log_error("ask an agent to introduce itself", &err);
    }
    kn_message_release(&message);
}

static void tell_to_stop(struct kn_daemon *d, const struct kn_scheduler_agent_seen *agent)
{
    AUTO_FREE char *topic = kn_asprintf("%s%s", KN_TOPIC_AGENT, agent->id);
    struct kn_message message;
    struct kn_error err = { 0 };

    kn_message_init(&message, "agent.refused",
                    json_pack("{s:s, s:s}", "boot", agent->boots.refused, "living", agent->boots.living));
    if (kn_daemon_send(d, topic, 0, &message, &err) < 0) {
        kn_log_error("tell an agent to stop", &err);
    }
    kn_message_release(&message);
}

/* A hello or heartbeat of which life of its agent (boots.h)? False: it is passed over. */
static bool is_living(struct kn_daemon *d, struct kn_scheduler_agent_seen *agent, const json_t *body, int64_t now_ms)
{
    switch (kn_scheduler_boots_heard(&agent->boots, kn_json_str(body, "boot"), now_ms)) {
    case KN_BOOT_KNOWN:
    case KN_BOOT_NEW:
        return true;
    case KN_BOOT_TWO:
        kn_log(KN_WARNING, "two agents with one id: the newer is told to stop", "agent", agent->id, "living",
               agent->boots.living, "refused", agent->boots.refused, NULL);
        kn_copy(agent->twin, sizeof(agent->twin), agent->boots.refused);
        tell_to_stop(d, agent);
        return true;
    case KN_BOOT_REFUSED:
        tell_to_stop(d, agent);
        return false;
    case KN_BOOT_LATE:
        return false;
    }
    return false;
}

static void on_heartbeat(struct kn_daemon *d, struct state *state, const struct kn_message *report)
{
    const char *id = kn_json_str(report->body, "agent");
    struct kn_scheduler_agent_seen *agent = kn_scheduler_inventory_find_agent(state->inv, id);

    char before[64] = "";

    if (agent != NULL) {
        kn_copy(before, sizeof(before), agent->boots.living);
        if (!is_living(d, agent, report->body, hearing_ms(state))) {
            return;
        }
    }
    if (agent == NULL || strcmp(before, kn_json_str(report->body, "boot")) != 0) {
        service_ask_to_introduce(d, id, 0);
    }
    if (agent != NULL) {
        agent->heard_ms = hearing_ms(state);
        agent->touched = true;
        kn_copy(agent->uptime, sizeof(agent->uptime), kn_json_str(report->body, "uptime"));
    }
}

/* Each host that was left out is a dead message of its own: it says which and why. */
static void tell_mad_hosts(struct kn_daemon *d, const struct kn_message *hello, const json_t *news)
{
    const json_t *word;
    size_t i;

    json_array_foreach (news, i, word) {
        struct kn_error why = { 0 };

        kn_fail(&why, KN_BAD_REQUEST, "%s", json_string_value(word));
        kn_daemon_bury(d, hello, &why);
    }
}

static int on_hello(struct kn_daemon *d, struct state *state, const struct kn_message *hello, struct kn_error *err)
{
    struct kn_scheduler_agent_seen *agent = kn_scheduler_inventory_agent(state->inv, kn_json_str(hello->body, "agent"),
                                                                         hearing_ms(state));
    json_t *news = NULL;

    if (!is_living(d, agent, hello->body, hearing_ms(state))) {
        return 0;
    }
    if (kn_scheduler_hosts_hello(d->db, state->inv, hello->body, d->conf.scheduler_cpu_ratio_percent, hearing_ms(state),
                                 &news, err) < 0) {
        return -1;
    }
    tell_mad_hosts(d, hello, news);
    json_decref(news);
    kn_metric_set(&HOSTS, kn_scheduler_inventory_hosts(state->inv), NULL, NULL);
    return 0;
}

/*
 * Whether a report is newer than all that its agent said before: an old one, recorded and said again, is none. A living agent may seem old when a clock
 * was ahead of its own (a twin's, or its own before it was set); it is asked to count from above, which no recording can.
 */
static bool service_is_news(struct kn_daemon *d, struct state *state, const struct kn_message *report)
{
    const char *id = kn_json_str(report->body, "agent");
    const char *boot = kn_json_str(report->body, "boot");
    struct kn_scheduler_agent_seen *agent = *id == '\0' || report->seq == 0
                                                ? NULL
                                                : kn_scheduler_inventory_find_agent(state->inv, id);

    if (agent == NULL) {
        return true;
    }
    if (report->seq > agent->seq) {
        agent->seq = report->seq;
        agent->counted = true;
        return true;
    }
    if (*boot != '\0' && strcmp(boot, agent->boots.living) != 0 && kn_mono_ms() - agent->asked_ms > ASK_AGAIN_MS) {
        agent->asked_ms = kn_mono_ms();
        service_ask_to_introduce(d, id, agent->seq);
    }
    return false;
}

static int service_on_report(struct kn_daemon *d, struct state *state, const struct kn_message *report,
                             struct kn_error *err)
{
    if (strcmp(report->type->name, "agent.hello") == 0) {
        kn_scheduler_inventory_agent(state->inv, kn_json_str(report->body, "agent"), hearing_ms(state));
    }
    if (!service_is_news(d, state, report)) {
        return 0;
    }
    kn_scheduler_hearing_heard(&state->hearing, kn_mono_ms());
    if (strcmp(report->type->name, "agent.heartbeat") == 0) {
        on_heartbeat(d, state, report);
        return 0;
    }
    if (strcmp(report->type->name, "agent.hello") == 0) {
        return on_hello(d, state, report, err);
    }
    return 0;
}

/* --- claims ---------------------------------------------------------------------------------------------------------- */

static void scheduler_service_answer(struct kn_daemon *d, const struct kn_message *message,
                                     const struct kn_scheduler_claim_answer *answer_)
{
    json_t *result;

    if (answer_->refused) {
        kn_log_request(message->request_id);
        kn_log(KN_WARNING, "claim refused", "server", kn_json_str(message->body, "server"), "reason",
               answer_->why.message, NULL);
        kn_log_request(NULL);
        kn_metric_add(&CLAIMS, 1, "refused", NULL);
        kn_reply_failed(d, message, &answer_->why, false);
        return;
    }
    if (answer_->host == NULL) {
        kn_reply_done(d, message, NULL);
        return;
    }
    kn_metric_add(&CLAIMS, 1, "granted", NULL);
    result = json_pack("{s:s, s:s, s:s, s:s*}", "host", answer_->host->name, "agent", answer_->host->agent->id, "zone",
                       answer_->host->zone, "underlay", answer_->host->underlay);
    kn_reply_done(d, message, result);
    json_decref(result);
}

static int claim_all(struct kn_daemon *d, struct state *state, struct kn_message **claims, int count,
                     struct kn_error *err)
{
    const struct kn_scheduler_claim_context context = { state->inv, state->policy, hearing_ms(state),
                                                        d->conf.scheduler_agent_timeout_s * 1000 };
    static struct kn_scheduler_claim_answer answers[MAX_BATCH];

    if (kn_scheduler_claims_handle(d->db, &context, claims, count, answers, err) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        scheduler_service_answer(d, claims[i], &answers[i]);
    }
    return 0;
}

/* Reports first: a host that says hello in this batch may be claimed in it. */
static int handle_all(struct kn_daemon *d, struct state *state, struct kn_message **messages, int count,
                      struct kn_error *err)
{
    static struct kn_message *claims[MAX_BATCH];
    int n = 0;

    if (service_load(d, state, err) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        if (strcmp(messages[i]->type->topic, KN_TOPIC_PLACE) == 0) {
            claims[n++] = messages[i];
        } else if (service_on_report(d, state, messages[i], err) < 0) {
            return -1;
        }
    }
    return claim_all(d, state, claims, n, err);
}

static int scheduler_service_handle(struct kn_daemon *d, void *opaque, struct kn_message **messages, int count,
                                    struct kn_error *err)
{
    struct state *state = opaque;

    if (handle_all(d, state, messages, count, err) == 0) {
        state->conflicted = false;
        return 0;
    }
    service_forget(state);
    if (err->code == KN_CONFLICT && !state->conflicted) {
        err->code = KN_UNAVAILABLE; /* memory was wrong about a host's use: with the rows it will be right */
        state->conflicted = true;
    } else {
        state->conflicted = false; /* it was not memory: the message is at fault */
    }
    return -1;
}

static int service_tick(struct kn_daemon *d, void *opaque, struct kn_error *err)
{
    struct state *state = opaque;

    if (service_load(d, state, err) < 0 || kn_scheduler_hosts_refresh(d->db, state->inv, err) < 0) {
        return -1;
    }
    return kn_scheduler_hosts_heard(d->db, state->inv, err);
}

const struct kn_service kn_scheduler_service = {
    .name = "scheduler",
    .topic = KN_TOPIC_PLACE,
    .obeys_tasks = true,
    .reads_reports = true,
    .tick_ms = 1000,
    .start = scheduler_service_start,
    .handle = scheduler_service_handle,
    .tick = service_tick,
    .stop = service_stop,
};
