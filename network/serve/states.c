/* SPDX-License-Identifier: Apache-2.0 */
/* states.c: versions told and versions heard. Pure but for the loading; a wrong guess costs one telling too many. */
#include "network/serve/states.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"

#define PATIENCE_MS 10000
#define ASK_EVERY_MS \
    1000 /* who asks more often waits for his next heartbeat: a whole state costs more than a question */
#define PRUNE_EVERY_MS (3600 * 1000)

struct states_host {
    int64_t told;      /* -1: nothing yet */
    int64_t behind_ms; /* since when it says another version; 0: it does not */
    int64_t asked_ms;  /* when its last question was heeded; 0: never */
    char question[KN_UUID_SIZE]; /* its newest; "": none */
};

struct kn_network_states {
    bool with_sim;
    struct kn_hmap *hosts;  /* name -> struct states_host, owned */
    struct kn_hmap *behind; /* who must be told everything: name -> its question, owned */
    int64_t session;        /* of the database, when it was read; 0: never */
    int64_t pruned_ms;
};

struct kn_network_states *kn_network_states_new(bool with_sim)
{
    struct kn_network_states *states = KN_NEW(struct kn_network_states);

    states->with_sim = with_sim;
    states->hosts = kn_hmap_new(free);
    states->behind = kn_hmap_new(free);
    return states;
}

void kn_network_states_free(struct kn_network_states *states)
{
    if (states != NULL) {
        kn_hmap_free(states->hosts);
        kn_hmap_free(states->behind);
        free(states);
    }
}

static struct states_host *states_host_of(struct kn_network_states *states, const char *name)
{
    struct states_host *host = kn_hmap_get(states->hosts, name);

    if (host == NULL) {
        host = KN_NEW(struct states_host);
        host->told = -1;
        kn_hmap_put(states->hosts, name, host);
    }
    return host;
}

int kn_network_states_load(struct kn_network_states *states, struct kn_db *db, struct kn_error *err)
{
    static const struct kn_stmt LOAD = { "states_load", "SELECT host, version FROM host_network_state", 0 };
    enum { NAME, VERSION };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (states->session == kn_db_session(db)) {
        return 0;
    }
    if (kn_db_run(db, &LOAD, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        states_host_of(states, kn_rows_text(rows, row, NAME))->told = kn_rows_int(rows, row, VERSION);
    }
    states->session = kn_db_session(db);
    return 0;
}

void kn_network_states_note(struct kn_network_states *states, const struct kn_network_telling *telling)
{
    const char *name;
    void *value;

    for (size_t at = 0; kn_hmap_next(telling->hosts, &at, &name, &value);) {
        struct states_host *host = states_host_of(states, name);

        host->told = ((const struct kn_network_telling_host *)value)->version;
        host->behind_ms = 0;
    }
}

/* A name that no row has is remembered until it was looked for, no longer: anybody may say any name. */
static void states_is_behind(struct kn_network_states *states, const char *name, const char *question)
{
    struct states_host *host = kn_hmap_get(states->hosts, name);
    const char *before = host != NULL ? host->question : kn_hmap_get(states->behind, name);
    char *newest = kn_strdup(question[0] != '\0' || before == NULL ? question : before);

    if (host != NULL) {
        host->behind_ms = 0;
        kn_copy(host->question, sizeof(host->question), newest);
    }
    kn_hmap_put(states->behind, name, newest);
}

static void hear_hello(struct kn_network_states *states, const json_t *body)
{
    const json_t *host;
    size_t i;

    json_array_foreach (json_object_get(body, "hosts"), i, host) {
        if (kn_json_str(host, "host")[0] != '\0' &&
            (states->with_sim || strcasecmp(kn_json_str(host, "hypervisor_type"), "sim") != 0)) {
            states_is_behind(states, kn_json_str(host, "host"), kn_json_str(body, "question"));
        }
    }
}

/*
 * A message may be on its way: only who says for long what he should not is told again. One that nothing is known of was told in a life that the database
 * has forgotten, or its hello came before its row.
 */
static void hear_version(struct kn_network_states *states, const char *name, int64_t version, int64_t now_ms)
{
    struct states_host *host = kn_hmap_get(states->hosts, name);

    const bool is_right = host != NULL && version == host->told;

    if (host == NULL || (!is_right && host->behind_ms != 0 && now_ms - host->behind_ms >= PATIENCE_MS)) {
        states_is_behind(states, name, "");
    } else if (is_right || host->behind_ms == 0) {
        host->behind_ms = is_right ? 0 : now_ms;
    }
}

static void hear_heartbeat(struct kn_network_states *states, const json_t *body, int64_t now_ms)
{
    const json_t *known;
    size_t i;

    json_array_foreach (json_object_get(body, "networks"), i, known) {
        if (kn_json_str(known, "host")[0] != '\0') {
            hear_version(states, kn_json_str(known, "host"), kn_json_int(known, "version"), now_ms);
        }
    }
}

static void hear_ask(struct kn_network_states *states, const char *name, const char *question, int64_t now_ms)
{
    struct states_host *host = kn_hmap_get(states->hosts, name);

    if (host != NULL && host->asked_ms != 0 && now_ms - host->asked_ms < ASK_EVERY_MS) {
        host->behind_ms = now_ms - PATIENCE_MS;
        kn_copy(host->question, sizeof(host->question), question[0] != '\0' ? question : host->question);
        return;
    }
    if (host != NULL) {
        host->asked_ms = now_ms;
    }
    states_is_behind(states, name, question);
}

bool kn_network_states_hear(struct kn_network_states *states, const struct kn_message *report, int64_t now_ms)
{
    if (strcmp(report->type->name, "agent.hello") == 0) {
        hear_hello(states, report->body);
    } else if (strcmp(report->type->name, "agent.heartbeat") == 0) {
        hear_heartbeat(states, report->body, now_ms);
    } else if (strcmp(report->type->name, "net.ask") == 0) {
        hear_ask(states, kn_json_str(report->body, "host"), kn_json_str(report->body, "question"), now_ms);
    }
    return kn_hmap_count(states->behind) > 0;
}

struct kn_hmap *kn_network_states_behind(struct kn_network_states *states, size_t most)
{
    struct kn_hmap *hosts = kn_hmap_new(free);
    const char *name;
    void *value;

    for (size_t at = 0; kn_hmap_count(hosts) < most && kn_hmap_next(states->behind, &at, &name, &value);) {
        const struct states_host *host = kn_hmap_get(states->hosts, name);

        kn_hmap_put(hosts, name, kn_strdup(host != NULL ? host->question : value)); /* it may have asked anew since */
    }
    for (size_t at = 0; kn_hmap_next(hosts, &at, &name, &value);) {
        kn_hmap_del(states->behind, name);
    }
    return hosts;
}

void kn_network_states_again(struct kn_network_states *states, const struct kn_hmap *hosts)
{
    const char *name;
    void *value;

    for (size_t at = 0; kn_hmap_next(hosts, &at, &name, &value);) {
        states_is_behind(states, name, value);
    }
}

bool kn_network_states_prunes(struct kn_network_states *states)
{
    const int64_t now_ms = kn_mono_ms();

    if (states->pruned_ms != 0 && now_ms - states->pruned_ms < PRUNE_EVERY_MS) {
        return false;
    }
    states->pruned_ms = now_ms;
    return true;
}
