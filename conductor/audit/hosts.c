/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks every host over the bus what it really has (host.observe). A cloud at work changes between a host's answer and a look at the database, so
 * hosts are asked twice when something is found, and only what is found both times counts. What a silent host might have, nobody can judge: it
 * is said for every promise about hosts.
 */
#include <stdlib.h>
#include <string.h>

#include "conductor/audit/audit.h"
#include "lib/base/clock.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define WAIT_MS 30000
#define AGAIN_MS 3000 /* until who is silent is asked again, then twice as long: who starts may lose a question */
#define SETTLE_MS 3000 /* between the two looks: longer than a reply and its move take */

static const struct kn_stmt HOSTS = {
    "audit_hosts",
    "SELECT h.name, h.agent_id, a.last_seen > now() - interval '30 s' FROM host h JOIN agent a ON a.id = h.agent_id ORDER BY h.name",
    0
};

enum { HOST_NAME, HOST_AGENT, HOST_SPEAKS };

struct inquiry {
    struct kn_conductor_audit *audit;
    struct kn_bus_reader *reader;
    char id[KN_UUID_SIZE];
    struct kn_hmap *asked; /* host -> its agent: has not answered yet */
    json_t *answers;       /* host -> answer */
    json_t *silent;        /* words about those that are not judged */
};

static int hosts_ask(struct inquiry *q, const char *host, const char *agent, struct kn_error *err)
{
    AUTO_FREE char *topic = kn_asprintf("%s%s", KN_TOPIC_AGENT, agent);
    struct kn_message message;
    int result;

    kn_message_init(&message, "host.observe", json_pack("{s:s, s:s}", "host", host, "audit", q->id));
    result = kn_bus_say(q->audit->bus, topic, 0, &message, err);
    kn_message_release(&message);
    return result;
}

static int ask_all(struct inquiry *q, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(q->audit->db, &HOSTS, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        const char *host = kn_rows_text(rows, i, HOST_NAME);

        if (!kn_rows_bool(rows, i, HOST_SPEAKS)) {
            json_array_append_new(q->silent, json_sprintf("the agent of host %s is silent", host));
        } else if (hosts_ask(q, host, kn_rows_text(rows, i, HOST_AGENT), err) < 0) {
            return -1;
        } else {
            kn_hmap_put(q->asked, host, kn_strdup(kn_rows_text(rows, i, HOST_AGENT)));
        }
    }
    return 0;
}

static void hosts_take_answer(struct inquiry *q, const struct kn_bus_message *raw)
{
    struct kn_message message = { 0 };
    struct kn_error ignored = { 0 };

    if (kn_bus_hear(q->audit->bus, raw, &message, &ignored) == 0 && message.is_reply && message.ok &&
        strcmp(message.type->name, "host.observe") == 0 && strcmp(kn_json_str(message.result, "audit"), q->id) == 0) {
        const char *host = kn_json_str(message.result, "host");
        const char *agent = kn_hmap_get(q->asked, host), *says = kn_speaker_agent(message.from);

        if (agent != NULL && (says == NULL || strcmp(says, agent) == 0)) { /* nobody speaks for another's host */
            json_object_set(q->answers, host, message.result);
            kn_hmap_del(q->asked, host);
        }
    }
    kn_message_release(&message);
}

/* Takes what comes until nobody owes an answer (or, with nobody asked, until the time is over). */
static void listen_until(struct inquiry *q, int64_t until_ms, bool wait_for_all)
{
    struct kn_bus_message raw[64];

    while (kn_mono_ms() < until_ms && (!wait_for_all || kn_hmap_count(q->asked) > 0)) {
        int n = kn_bus_poll(q->reader, raw, 64, 200);

        for (int i = 0; i < n; i++) {
            hosts_take_answer(q, &raw[i]);
            kn_bus_message_done(&raw[i]);
        }
    }
}

static int ask_again(struct inquiry *q, struct kn_error *err)
{
    const char *host;
    void *agent;

    for (size_t at = 0; kn_hmap_next(q->asked, &at, &host, &agent);) {
        if (hosts_ask(q, host, agent, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int await_answers(struct inquiry *q, struct kn_error *err)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    for (int64_t pause = AGAIN_MS;; pause *= 2) {
        const int64_t again = kn_mono_ms() + pause;

        listen_until(q, again < deadline ? again : deadline, true);
        if (kn_hmap_count(q->asked) == 0 || kn_mono_ms() >= deadline) {
            return 0;
        }
        if (ask_again(q, err) < 0) {
            return -1;
        }
    }
}

/* One look: findings by promise, or NULL. */
static json_t *hosts_look(struct inquiry *q, struct kn_error *err)
{
    const char *host;
    void *value;

    kn_uuid_make(q->id);
    json_object_clear(q->answers);
    json_array_clear(q->silent);
    kn_hmap_free(q->asked);
    q->asked = kn_hmap_new(free);
    if (ask_all(q, err) < 0) {
        return NULL;
    }
    if (await_answers(q, err) < 0) {
        return NULL;
    }
    for (size_t at = 0; kn_hmap_next(q->asked, &at, &host, &value);) {
        json_array_append_new(q->silent, json_sprintf("host %s did not answer", host));
    }
    return kn_conductor_audit_compare(q->audit->db, q->answers, err);
}

static size_t hosts_count(const json_t *findings)
{
    const json_t *list;
    size_t i, n = 0;

    json_array_foreach (findings, i, list) {
        n += json_array_size(list);
    }
    return n;
}

static bool was_found(const json_t *list, const json_t *finding)
{
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item) {
        if (json_equal(item, finding)) {
            return true;
        }
    }
    return false;
}

static void keep_common(json_t *findings, const json_t *before)
{
    json_t *list;
    size_t i;

    json_array_foreach (findings, i, list) {
        for (size_t n = json_array_size(list); n > 0; n--) {
            if (!was_found(json_array_get(before, i), json_array_get(list, n - 1))) {
                json_array_remove(list, n - 1);
            }
        }
    }
}

static int hosts_judge(struct inquiry *q, struct kn_error *err)
{
    json_t *findings = hosts_look(q, err);

    if (findings != NULL && hosts_count(findings) > 0) {
        json_t *before = findings;

        listen_until(q, kn_mono_ms() + SETTLE_MS, false);
        findings = hosts_look(q, err);
        if (findings != NULL) {
            keep_common(findings, before);
        }
        json_decref(before);
    }
    for (size_t i = 0; findings != NULL && kn_conductor_audit_host_promises[i] != NULL; i++) {
        kn_conductor_audit_say(q->audit, kn_conductor_audit_host_promises[i], json_array_get(findings, i), q->silent);
    }
    json_decref(findings);
    return findings == NULL ? -1 : 0;
}

int kn_conductor_audit_hosts(struct kn_conductor_audit *audit, struct kn_error *err)
{
    AUTO(kn_bus_reader) struct kn_bus_reader *reader = NULL;
    struct inquiry q = { .audit = audit };
    int result;

    if (kn_bus_reader_new(audit->bus, &reader, err) < 0 || kn_bus_assign(reader, KN_TOPIC_REPLY, 0, err) < 0) {
        return -1;
    }
    q.reader = reader;
    q.answers = json_object();
    q.silent = json_array();
    result = hosts_judge(&q, err);
    json_decref(q.answers);
    json_decref(q.silent);
    kn_hmap_free(q.asked);
    return result;
}
