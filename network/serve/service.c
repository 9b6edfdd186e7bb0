/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.c: the bus side of kilonova-network. Takes a batch, decides it in one transaction, answers after the commit. The handlers
 * (allocate.c, bind.c) know nothing of the bus; this file knows nothing of ports.
 *
 * Two commands of different kinds for one server never share a stretch, so that their order is that of the topic. When somebody else
 * took an address, a MAC or the quota's last ports between reading and writing, the batch is decided again.
 */
#include "network/serve/service.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "network/rows/ports/plan.h"
#include "network/serve/announced.h"
#include "network/serve/batch.h"
#include "network/serve/leases.h"
#include "network/serve/standing.h"
#include "network/serve/state.h"
#include "network/serve/states.h"

#define TRIES 5

enum net_command { ALLOCATE, BIND, RELEASE, ATTACH, DETACH, KINDS };

static const char *const KIND_NAMES[] = {
    [ALLOCATE] = "port.allocate", [BIND] = "port.bind",     [RELEASE] = "port.release",
    [ATTACH] = "port.attach",     [DETACH] = "port.detach",
};
_Static_assert(KN_COUNT(KIND_NAMES) == KINDS, "a name for each kind");

/* KINDS for anything else. */
static enum net_command service_kind_of(const struct kn_message *message)
{
    enum net_command kind = ALLOCATE;

    while (kind < KINDS && strcmp(message->type->name, KIND_NAMES[kind]) != 0) {
        kind++;
    }
    return kind;
}

static int run_kind(struct kn_db *db, enum net_command kind, struct kn_network_outcome **outcomes, int count,
                    struct kn_network_touched *touched, struct kn_error *err)
{
    switch (kind) {
    case ALLOCATE:
        return kn_network_ports_allocate(db, outcomes, count, touched, err);
    case BIND:
        return kn_network_ports_bind(db, outcomes, count, touched, err);
    case RELEASE:
        return kn_network_ports_release(db, outcomes, count, touched, err);
    case ATTACH:
        return kn_network_ports_attach(db, outcomes, count, touched, err);
    case DETACH:
        return kn_network_ports_detach(db, outcomes, count, touched, err);
    case KINDS:
        break;
    }
    return 0;
}

/* Commands that do not depend on each other's order, kind by kind. */
static int run_stretch(struct kn_db *db, struct kn_network_outcome *outcomes, int count,
                       struct kn_network_touched *touched, struct kn_error *err)
{
    AUTO_FREE struct kn_network_outcome **same = kn_realloc_array(NULL, (size_t)count + 1,
                                                                  sizeof(struct kn_network_outcome *));

    for (enum net_command kind = ALLOCATE; kind < KINDS; kind++) {
        int n = 0;

        for (int i = 0; i < count; i++) {
            if (service_kind_of(outcomes[i].command) == kind) {
                same[n++] = &outcomes[i];
            }
        }
        if (n > 0 && run_kind(db, kind, same, n, touched, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Of one server several may stand in one stretch. */
static bool is_of_many(enum net_command kind)
{
    return kind == ALLOCATE || kind == RELEASE;
}

/* How many outcomes from the first on may be run side by side. */
static int stretch_length(const struct kn_network_outcome *outcomes, int count)
{
    struct kn_hmap *kinds = kn_hmap_new(NULL);
    int n = 0;

    for (; n < count; n++) {
        const char *server = kn_json_str(outcomes[n].command->body, "server");
        const char *name = outcomes[n].command->type->name;
        const char *before = kn_hmap_get(kinds, server);

        if (before != NULL && (before != name || !is_of_many(service_kind_of(outcomes[n].command)))) {
            break; /* of two binds the later one counts */
        }
        kn_hmap_put(kinds, server, (void *)(uintptr_t)name);
    }
    kn_hmap_free(kinds);
    return n;
}

static void reset(struct kn_network_outcome *outcomes, int count)
{
    for (int i = 0; i < count; i++) {
        json_decref(outcomes[i].result);
        outcomes[i] = (struct kn_network_outcome){ .command = outcomes[i].command };
    }
}

/* One try, one transaction. */
static int service_run_once(struct kn_daemon *d, struct kn_network_outcome *outcomes, int count, bool *ret_changes,
                            struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_network_touched touched = { .silent = kn_network_state_silent(d), .claims = KN_QUOTA_CLAIMS("network") };
    int rc = kn_tx_begin(&tx, d->db, err);

    for (int at = 0, n; rc == 0 && at < count; at += n) {
        n = stretch_length(outcomes + at, count - at);
        rc = run_stretch(d->db, outcomes + at, n, &touched, err);
    }
    if (rc == 0) {
        rc = kn_quota_take(d->db, &touched.claims, err);
    }
    kn_quota_claims_release(&touched.claims);
    *ret_changes = touched.changes;
    return rc == 0 ? kn_tx_commit(&tx, err) : -1;
}

static int run_batch(struct kn_daemon *d, struct kn_network_outcome *outcomes, int count, bool *ret_changes,
                     struct kn_error *err)
{
    for (int attempt = 1;; attempt++) {
        reset(outcomes, count);
        if (service_run_once(d, outcomes, count, ret_changes, err) == 0) {
            return 0;
        }
        if (attempt == TRIES ||
            (err->code != KN_QUOTA && (err->code != KN_CONFLICT || !kn_network_plan_raced(d->db)))) {
            return -1;
        }
    }
}

static void service_answer(struct kn_daemon *d, const struct kn_network_outcome *outcomes, int count)
{
    for (int i = 0; i < count; i++) {
        if (outcomes[i].failed) {
            kn_reply_failed(d, outcomes[i].command, &outcomes[i].error, false);
        } else {
            kn_reply_done(d, outcomes[i].command, outcomes[i].result);
        }
    }
}

static int service_serve(struct kn_daemon *d, struct kn_network_outcome *outcomes, int count, bool *ret_changes,
                         struct kn_error *err)
{
    if (run_batch(d, outcomes, count, ret_changes, err) < 0) {
        return -1;
    }
    service_answer(d, outcomes, count);
    return 0;
}

/* What was committed is committed: hosts that could not be told now are told at the next tick. */
static void service_tell(struct kn_daemon *d, struct kn_network_states *states)
{
    struct kn_error why = { .code = KN_OK };

    if (kn_network_state_tick(d, states, &why) < 0) {
        kn_log_error("hosts are told later", &why);
    }
}

/* What kilonova-network keeps in memory. */
struct service_state {
    struct kn_network_states *states;
    struct kn_network_leases leases;
};

static int service_handle(struct kn_daemon *d, void *state, struct kn_message **messages, int count,
                          struct kn_error *err)
{
    AUTO_FREE struct kn_network_outcome *outcomes = kn_realloc_array(NULL, (size_t)count + 1, sizeof(*outcomes));
    struct service_state *service = state;
    bool changes = false, asked = false;
    int n = 0, rc = 0;

    for (int i = 0; i < count; i++) {
        if (!messages[i]->is_reply && service_kind_of(messages[i]) != KINDS) {
            outcomes[n++] = (struct kn_network_outcome){ .command = messages[i] };
        }
        asked = asked || strcmp(messages[i]->type->name, "net.changed") == 0;
        asked = kn_network_states_hear(service->states, messages[i], kn_mono_ms()) || asked;
        if (rc == 0) {
            rc = kn_network_leases_hear(&service->leases, d, messages[i], err) < 0 ? -1
                 : kn_network_standing_hear(d->db, messages[i], err) < 0
                     ? -1
                     : kn_network_announced_hear(d->db, messages[i], &asked, err);
        }
    }
    if (n > 0 && rc == 0) {
        rc = service_serve(d, outcomes, n, &changes, err);
    }
    reset(outcomes, n);
    if (rc == 0 && (changes || asked)) {
        service_tell(d, service->states);
    }
    return rc;
}

static int network_service_start(struct kn_daemon *d, void **ret_state, struct kn_error *err)
{
    struct service_state *service = KN_NEW(struct service_state);

    (void)err;
    service->states = kn_network_states_new(d->conf.agent_sim_network);
    kn_network_leases_init(&service->leases);
    *ret_state = service;
    return 0;
}

static int network_service_tick(struct kn_daemon *d, void *state, struct kn_error *err)
{
    struct service_state *service = state;

    return kn_network_leases_work(&service->leases, d, err) < 0 ? -1 : kn_network_state_tick(d, service->states, err);
}

static void network_service_stop(struct kn_daemon *d, void *state)
{
    struct service_state *service = state;

    (void)d;
    kn_network_states_free(service->states);
    kn_network_leases_release(&service->leases);
    free(service);
}

const struct kn_service kn_network_service = {
    .name = "network",
    .topic = KN_TOPIC_NETWORK,
    .obeys_tasks = true,
    .reads_reports = true,
    .tick_ms = 1000,
    .start = network_service_start,
    .handle = service_handle,
    .tick = network_service_tick,
    .stop = network_service_stop,
};
