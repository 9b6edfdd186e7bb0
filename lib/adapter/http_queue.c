/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the order in which a lane's exchanges are worked on, and who has to come again when too many wait. An exchange goes by up to
 * two names (its project; or, before anybody is known, its address and the account it claims). Next is whoever's names were served
 * longest ago; a name holds no more workers than it leaves to the others; when the lane is full, the last of the longest queue gives
 * way. So nobody waits behind a crowd of one name, whatever it sends. Long lists have a bound and a turn of their own: what is short
 * never waits behind them, not even behind those of its own name, and who asks much that is short is not late with a list. Everything
 * here is under the lane's lock and never blocks.
 */
#include <string.h>

#include "lib/adapter/http_private.h"
#include "lib/base/mem.h"

/* What a lane remembers of a name while anything of it waits or is worked on. */
struct kn_http_party {
    int waiting;
    int working[2];     /* on what is short, on lists: each may be as many as the name leaves to the others */
    uint64_t served[2]; /* the lane's count when it was last given a worker for either */
    char name[];
};

static struct kn_http_party *party(struct kn_http_lane *l, const char *name)
{
    struct kn_http_party *p = kn_hmap_get(l->parties, name);
    const size_t size = strlen(name) + 1;

    if (p == NULL) {
        p = kn_alloc(sizeof(*p) + size);
        memcpy(p->name, name, size);
        kn_hmap_put(l->parties, name, p);
    }
    return p;
}

static void http_queue_leave(struct kn_http_lane *l, struct kn_http_raw *raw)
{
    for (int i = 0; i < KN_HTTP_NAMES; i++) {
        struct kn_http_party *p = raw->parties[i];
        if (p != NULL && p->waiting == 0 && p->working[0] + p->working[1] == 0) {
            kn_hmap_del(l->parties, p->name);
        }
        raw->parties[i] = NULL;
    }
}

static int crowd(const struct kn_http_raw *raw)
{
    int most = 0;
    for (int i = 0; i < KN_HTTP_NAMES; i++) {
        most = raw->parties[i] != NULL && raw->parties[i]->waiting > most ? raw->parties[i]->waiting : most;
    }
    return most;
}

static uint64_t served(const struct kn_http_raw *raw)
{
    uint64_t last = 0;
    for (int i = 0; i < KN_HTTP_NAMES; i++) {
        const uint64_t its = raw->parties[i] != NULL ? raw->parties[i]->served[raw->is_list] : 0;
        last = its > last ? its : last;
    }
    return last;
}

static bool may_work(const struct kn_http_lane *l, const struct kn_http_raw *raw)
{
    if (raw->is_list && l->listing >= l->lists) {
        return false;
    }
    for (int i = 0; i < KN_HTTP_NAMES && !l->closing; i++) {
        if (raw->parties[i] != NULL && raw->parties[i]->working[raw->is_list] >= l->size - l->working) {
            return false;
        }
    }
    return true;
}

static void unlink_job(struct kn_http_lane *l, struct kn_http_raw **at)
{
    struct kn_http_raw *raw = *at;

    *at = raw->next_job;
    if (l->jobs_end == &raw->next_job) {
        l->jobs_end = at;
    }
    l->waiting--;
    for (int i = 0; i < KN_HTTP_NAMES; i++) {
        if (raw->parties[i] != NULL) {
            raw->parties[i]->waiting--;
        }
    }
}

void kn_http_queue_put(struct kn_http_lane *l, struct kn_http_raw *raw)
{
    for (int i = 0; i < KN_HTTP_NAMES; i++) {
        raw->parties[i] = raw->names[i] != NULL ? party(l, raw->names[i]) : NULL;
        if (i > 0 && raw->parties[i] == raw->parties[0]) {
            raw->parties[i] = NULL; /* one that is there twice */
        }
        if (raw->parties[i] != NULL) {
            raw->parties[i]->waiting++;
        }
    }
    raw->next_job = NULL;
    *l->jobs_end = raw;
    l->jobs_end = &raw->next_job;
    l->waiting++;
}

struct kn_http_raw *kn_http_queue_evict(struct kn_http_lane *l)
{
    struct kn_http_raw **worst = NULL;

    for (struct kn_http_raw **at = &l->jobs; *at != NULL; at = &(*at)->next_job) {
        if ((*at)->job != KN_HTTP_ABANDON && (worst == NULL || crowd(*at) >= crowd(*worst))) {
            worst = at;
        }
    }
    struct kn_http_raw *raw = worst != NULL ? *worst : NULL;
    if (raw != NULL) {
        unlink_job(l, worst);
        http_queue_leave(l, raw);
    }
    return raw;
}

struct kn_http_raw *kn_http_queue_take(struct kn_http_lane *l)
{
    struct kn_http_raw **best = NULL;

    for (struct kn_http_raw **at = &l->jobs; *at != NULL; at = &(*at)->next_job) {
        if (may_work(l, *at) && (best == NULL || served(*at) < served(*best))) {
            best = at;
        }
    }
    struct kn_http_raw *raw = best != NULL ? *best : NULL;
    if (raw == NULL) {
        return NULL;
    }
    unlink_job(l, best);
    l->working++;
    l->listing += raw->is_list;
    l->served++;
    for (int i = 0; i < KN_HTTP_NAMES; i++) {
        if (raw->parties[i] != NULL) {
            raw->parties[i]->working[raw->is_list]++;
            raw->parties[i]->served[raw->is_list] = l->served;
        }
    }
    return raw;
}

bool kn_http_queue_calls(const struct kn_http_lane *l)
{
    for (const struct kn_http_raw *raw = l->jobs; raw != NULL && l->resting > 0; raw = raw->next_job) {
        if (may_work(l, raw)) {
            return true;
        }
    }
    return false;
}

void kn_http_queue_done(struct kn_http_lane *l, struct kn_http_raw *raw)
{
    l->working--;
    l->listing -= raw->is_list;
    for (int i = 0; i < KN_HTTP_NAMES; i++) {
        if (raw->parties[i] != NULL) {
            raw->parties[i]->working[raw->is_list]--;
        }
    }
    http_queue_leave(l, raw);
}
