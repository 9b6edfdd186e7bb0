/* SPDX-License-Identifier: Apache-2.0 */
/* agent: plays the conductor towards one agent. It knows messages, and nothing of what an agent is inside. */
#include "tests/support/agent.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

#define WAIT_MS 60000
#define ARGS_MAX 32

void kn_test_agent_start(struct kn_test_agent *a)
{
    AUTO_FREE char *program = kn_test_binary("kilonova-agent");
    AUTO_FREE char *id = kn_asprintf("agent.id=%s", a->id);
    AUTO_FREE char *host = kn_asprintf("agent.host=%.36s", a->host);
    AUTO_FREE char *dir = kn_asprintf("agent.state_dir=%s", a->dir);
    AUTO_FREE char *brokers = kn_asprintf("bus.brokers=%s", a->conf->bus_brokers);
    AUTO_FREE char *port = kn_asprintf("bus.embedded_port=%d", (int)a->conf->bus_embedded_port);
    const char *argv[ARGS_MAX] = { program, "--set", id, "--set", host, "--set", dir, "--set", brokers, "--set", port };
    size_t n = 11;

    for (const char *const *option = a->options; *option != NULL && n < ARGS_MAX - 1; option++) {
        argv[n++] = *option;
    }
    a->pid = kn_test_spawn(argv, "/dev/stderr", NULL);
}

void kn_test_agent_init(struct kn_test_agent *a, const struct kn_conf *conf, const char *const *options)
{
    struct kn_error err = { 0 };

    memset(a, 0, sizeof(*a));
    a->conf = conf;
    a->options = options;
    kn_uuid_make(a->id);
    kn_copy(a->host, sizeof(a->host), a->id);
    a->task = kn_now_us(); /* a shared Kafka remembers other runs' */
    snprintf(a->topic, sizeof(a->topic), KN_TOPIC_AGENT "%s", a->id);
    kn_test_dir(a->dir, "agent");
    assert_ok(kn_bus_new(conf, "test", &a->bus, &err), &err);
    assert_ok(kn_bus_ensure_topic(a->bus, a->topic, 1, WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(a->bus, KN_TOPIC_REPLY, KN_SHARDS, WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(a->bus, KN_TOPIC_REPORT, 1, WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(a->bus, KN_TOPIC_DEAD, 1, WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(a->bus, KN_TOPIC_ANSWER, 1, WAIT_MS, &err), &err);
    assert_ok(kn_bus_reader_new(a->bus, &a->reader, &err), &err);
    assert_ok(kn_bus_assign(a->reader, KN_TOPIC_REPORT, 0, &err), &err);
    assert_ok(kn_bus_assign(a->reader, KN_TOPIC_REPLY, KN_TEST_AGENT_SHARD, &err), &err);
    assert_ok(kn_bus_assign(a->reader, KN_TOPIC_ANSWER, 0, &err), &err);
    kn_test_agent_start(a);
}

void kn_test_agent_kill9(struct kn_test_agent *a)
{
    kn_test_end(a->pid, SIGKILL);
}

void kn_test_agent_release(struct kn_test_agent *a)
{
    assert_true(kn_test_end(a->pid, SIGTERM));
    kn_bus_reader_free(a->reader);
    kn_bus_free(a->bus);
}

static bool is_about(const struct kn_test_agent *a, const json_t *body)
{
    return strcmp(kn_json_str(body, "agent"), a->id) == 0 || strcmp(kn_json_str(body, "host"), a->host) == 0;
}

/* What is waited for: a report about the agent, with a task its reply, with a question its answer. */
struct wanted {
    const char *type;
    int64_t task;
    const char *question;
};

static bool is_wanted(const struct kn_test_agent *a, const struct wanted *w, const struct kn_message *m)
{
    if (w->question != NULL || m->question[0] != '\0') {
        return w->question != NULL && strcmp(w->question, m->question) == 0;
    }
    return w->task != 0 ? m->task == w->task : is_about(a, m->body);
}

/* Whether the raw message is what is waited for; then it is in *ret. */
static bool take(const struct kn_test_agent *a, const struct kn_bus_message *raw, const struct wanted *w,
                 struct kn_message *ret)
{
    struct kn_message m = { 0 };
    struct kn_error err = { 0 };

    if (strcmp(raw->topic, KN_TOPIC_DEAD) == 0) {
        return false;
    }
    assert_ok(kn_message_parse(raw->data, raw->len, &m, &err), &err);
    if (is_wanted(a, w, &m) && strcmp(m.type->name, w->type) == 0) {
        *ret = m;
        return true;
    }
    kn_message_release(&m);
    return false;
}

static struct kn_message expect(struct kn_test_agent *a, const struct wanted *w)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    struct kn_bus_message raw;
    struct kn_message m = { 0 };
    bool found = false;

    while (!found) {
        if (kn_mono_ms() > deadline) {
            fail_msg("no %s came", w->type);
        }
        if (kn_bus_poll(a->reader, &raw, 1, 100) == 1) {
            found = take(a, &raw, w, &m);
            kn_bus_message_done(&raw);
        }
    }
    return m;
}

struct kn_message kn_test_agent_expect(struct kn_test_agent *a, const char *type, int64_t task)
{
    return expect(a, &(struct wanted){ type, task, NULL });
}

static void send_message(struct kn_test_agent *a, struct kn_message *m)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_error err = { 0 };

    if (json_object_get(m->body, "host") == NULL) {
        json_object_set_new(m->body, "host", json_string(a->host));
    }
    assert_ok(kn_message_print(m, &text, &err), &err);
    assert_ok(kn_bus_send(a->bus, a->topic, 0, text.buf, text.len, &err), &err);
}

int64_t kn_test_agent_command(struct kn_test_agent *a, const char *type, int64_t generation, json_t *body)
{
    AUTO_RELEASE(kn_message) struct kn_message m;

    kn_message_init(&m, type, body);
    m.task = a->task++;
    m.shard = KN_TEST_AGENT_SHARD;
    m.attempt = 1;
    m.generation = generation;
    send_message(a, &m);
    return a->task - 1;
}

struct kn_message kn_test_agent_ask(struct kn_test_agent *a, const char *type, int64_t generation, json_t *body)
{
    AUTO_RELEASE(kn_message) struct kn_message m;
    struct kn_message answer;

    kn_message_init(&m, type, body);
    m.generation = generation;
    kn_uuid_make(m.question);
    send_message(a, &m);
    answer = expect(a, &(struct wanted){ type, 0, m.question });
    assert_true(answer.is_reply);
    assert_string_equal(answer.agent, a->id);
    return answer;
}

json_t *kn_test_agent_done(struct kn_test_agent *a, const char *type, int64_t task)
{
    struct kn_message m = kn_test_agent_expect(a, type, task);
    json_t *result;

    if (!m.ok) {
        fail_msg("%s: %s", type, m.error.message);
    }
    result = json_incref(m.result);
    kn_message_release(&m);
    return result;
}

void kn_test_agent_refused(struct kn_test_agent *a, const char *type, int64_t task, enum kn_code code)
{
    struct kn_message m = kn_test_agent_expect(a, type, task);

    assert_false(m.ok);
    if (m.error.code != code) {
        fail_msg("%s: %s \"%s\"", type, kn_code_name(m.error.code), m.error.message);
    }
    kn_message_release(&m);
}

json_t *kn_test_agent_observe(struct kn_test_agent *a)
{
    return kn_test_agent_done(a, "host.observe",
                              kn_test_agent_command(a, "host.observe", 0, json_pack("{s:s}", "audit", "test")));
}

int kn_test_agent_power(struct kn_test_agent *a, const char *server, const char *action)
{
    json_t *body = json_pack("{s:s, s:s}", "server", server, "action", action);
    struct kn_message m = kn_test_agent_expect(a, "server.power", kn_test_agent_command(a, "server.power", 1, body));
    int power_state = m.ok ? (int)kn_json_int(m.result, "power_state") : -1;

    kn_message_release(&m);
    return power_state;
}

int kn_test_agent_teardown_sim(void **state)
{
    struct kn_test_agent *a = *state;
    AUTO_FREE char *journal = kn_asprintf("%s/sim.journal", a->dir);

    kn_test_agent_release(a);
    unlink(journal);
    rmdir(a->dir);
    free(a);
    return 0;
}
