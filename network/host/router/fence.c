/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fence.c: one table of nftables, and when its element is put. The element's key is what is the same for every frame that enters a bridge, its device's kind, so
 * that one element speaks for all routers. Renewing is "all elements away, one there" in one transaction: older kernels put no new time on an element that is there.
 */
#include "network/host/router/fence.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/lease.h"
#include "network/host/firewall/nft.h"

#define AGAIN_MS 1000 /* `nft flush ruleset` takes the table along: it is missed by then */
#define ASK_EVERY_MS 5000
#define TABLE "bridge " KN_NETWORK_FENCE_TABLE
/* Before anything else that a frame of a router may meet. 1 is Ethernet. */
#define FENCE \
    "add table " TABLE "\ndelete table " TABLE "\ntable " TABLE " {\n" \
    "\tset held {\n\t\ttypeof meta iiftype\n\t\tflags timeout\n\t}\n" \
    "\tchain speaking {\n" \
    "\t\ttype filter hook prerouting priority -310; policy accept;\n" \
    "\t\tiifname \"kr*\" meta iiftype != @held drop\n" \
    "\t}\n}\n"

struct kn_network_fence {
    pthread_mutex_t lock; /* everything below */
    struct kn_network_nft *nft; /* of the host's namespace; NULL until a router is wanted */
    enum { UNSAID, SAID, TRUSTED } trust;
    bool is_lost;
    char question[KN_UUID_SIZE];
    int64_t asked_ms;
    size_t waiting; /* routers that the state has, as long as it was not said */
    size_t routers;
    int64_t since_ms; /* when the first of them came */
    int64_t reached_ms;
    int64_t put_ms, put_reached_ms; /* of the element that is there */
};

struct kn_network_fence *kn_network_fence_new(void)
{
    struct kn_network_fence *fence = KN_NEW(struct kn_network_fence);

    pthread_mutex_init(&fence->lock, NULL);
    kn_uuid_make(fence->question);
    return fence;
}

void kn_network_fence_free(struct kn_network_fence *fence)
{
    if (fence != NULL) {
        kn_network_nft_free(fence->nft);
        pthread_mutex_destroy(&fence->lock);
        free(fence);
    }
}

/* --- the kernel's half ---------------------------------------------------------------------------------------------- */

static int64_t fence_left(const struct kn_network_fence *fence, int64_t now_ms)
{
    return fence->trust == TRUSTED && !fence->is_lost ? fence->reached_ms + KN_LEASE_HELD_MS - now_ms : 0;
}

/* A life that has not been heard yet knows nothing better than the element of the one before, which runs out by itself. */
static char *fence_words(const struct kn_network_fence *fence, int64_t now_ms)
{
    const int64_t left_ms = fence_left(fence, now_ms);

    return left_ms > 0 ? kn_asprintf("flush set " TABLE " held\nadd element " TABLE " held { 1 timeout %lldms }\n",
                                     (long long)left_ms)
           : fence->reached_ms == 0 ? kn_strdup("add set " TABLE " held { typeof meta iiftype; flags timeout; }\n")
                                    : kn_strdup("flush set " TABLE " held\n");
}

/* Somebody may have taken the table away (`nft flush ruleset`): then it is made anew. */
static int fence_put(struct kn_network_fence *fence, int64_t now_ms, struct kn_error *err)
{
    AUTO_FREE char *element = fence_words(fence, now_ms);
    struct kn_error missing = { .code = KN_OK };

    if (fence->nft == NULL && kn_network_nft_new(&fence->nft, err) < 0) {
        return -1;
    }
    if (kn_network_nft_apply_aside(fence->nft, element, &missing) < 0) {
        AUTO_FREE char *whole = kn_asprintf("%s%s", FENCE, element);

        if (kn_network_nft_apply_aside(fence->nft, whole, err) < 0) {
            return -1;
        }
    }
    fence->put_ms = now_ms;
    fence->put_reached_ms = fence->reached_ms;
    return 0;
}

/* --- whose they are --------------------------------------------------------------------------------------------------- */

void kn_network_fence_question(struct kn_network_fence *fence, char out[KN_UUID_SIZE])
{
    pthread_mutex_lock(&fence->lock);
    memcpy(out, fence->question, KN_UUID_SIZE);
    pthread_mutex_unlock(&fence->lock);
}

bool kn_network_fence_asks(struct kn_network_fence *fence, const char *question)
{
    pthread_mutex_lock(&fence->lock);
    const bool is_asked = strcmp(fence->question, question) == 0;

    pthread_mutex_unlock(&fence->lock);
    return is_asked;
}

bool kn_network_fence_say(struct kn_network_fence *fence, const char *answers)
{
    pthread_mutex_lock(&fence->lock);
    const bool is_new = strcmp(fence->question, answers) == 0;

    if (is_new) {
        fence->trust = fence->trust == UNSAID ? SAID : fence->trust;
        kn_uuid_make(fence->question); /* the same answer, once more, says nothing */
    }
    pthread_mutex_unlock(&fence->lock);
    return is_new;
}

bool kn_network_fence_is_said(struct kn_network_fence *fence, size_t routers)
{
    pthread_mutex_lock(&fence->lock);
    const bool is_said = fence->trust != UNSAID;

    fence->waiting = is_said ? 0 : routers;
    pthread_mutex_unlock(&fence->lock);
    return is_said;
}

int kn_network_fence_trust(struct kn_network_fence *fence, size_t routers, int64_t now_ms, struct kn_error *err)
{
    int rc = 0;

    pthread_mutex_lock(&fence->lock);
    const bool opens = fence->trust == SAID || (routers > 0 && fence->routers == 0);

    fence->trust = fence->trust == SAID ? TRUSTED : fence->trust;
    if (routers > 0 && fence->routers == 0) {
        fence->since_ms = now_ms;
    }
    fence->routers = routers;
    if (routers > 0 && opens) {
        rc = fence_put(fence, now_ms, err);
    }
    pthread_mutex_unlock(&fence->lock);
    return rc < 0 ? kn_fail_context(err, "no router is made without what would silence it") : 0;
}

bool kn_network_fence_is_open(struct kn_network_fence *fence, int64_t now_ms)
{
    pthread_mutex_lock(&fence->lock);
    const bool is_open = fence->routers > 0 && fence_left(fence, now_ms) > 0;

    pthread_mutex_unlock(&fence->lock);
    return is_open;
}

/* --- the hold --------------------------------------------------------------------------------------------------------- */

static enum kn_network_hold fence_lose(struct kn_network_fence *fence, int64_t now_ms)
{
    struct kn_error err = { .code = KN_OK };

    fence->is_lost = true;
    fence->trust = UNSAID;
    if (fence_put(fence, now_ms, &err) < 0) { /* it has run out by itself */
        kn_log_error("the fence of the routers", &err);
    }
    return KN_HOLD_LOST;
}

/* What was said in between, and what is still on its way, may be older than the silence. */
static enum kn_network_hold fence_regain(struct kn_network_fence *fence, int64_t now_ms)
{
    fence->is_lost = now_ms - fence->reached_ms >= KN_LEASE_HELD_MS;
    fence->trust = UNSAID;
    if (fence->is_lost) {
        return KN_HOLD_SAME;
    }
    kn_uuid_make(fence->question);
    fence->waiting = fence->routers;
    fence->asked_ms = now_ms;
    return KN_HOLD_REGAINED;
}

static enum kn_network_hold fence_decide(struct kn_network_fence *fence, int64_t now_ms)
{
    const int64_t since_ms = fence->reached_ms > fence->since_ms ? fence->reached_ms : fence->since_ms;
    struct kn_error err = { .code = KN_OK };

    if (fence->is_lost) {
        return fence_regain(fence, now_ms);
    }
    if (fence->trust == UNSAID && fence->waiting > 0 && now_ms - fence->asked_ms >= ASK_EVERY_MS) {
        fence->asked_ms = now_ms;
        return KN_HOLD_UNANSWERED;
    }
    if (fence->routers == 0) {
        return KN_HOLD_SAME;
    }
    if (now_ms - since_ms >= KN_LEASE_HELD_MS) {
        return fence_lose(fence, now_ms);
    }
    if ((fence->reached_ms != fence->put_reached_ms || now_ms - fence->put_ms >= AGAIN_MS) &&
        fence_left(fence, now_ms) > 0 && fence_put(fence, now_ms, &err) < 0) {
        kn_log_error("the fence of the routers", &err);
    }
    return KN_HOLD_SAME;
}

enum kn_network_hold kn_network_fence_hold(struct kn_network_fence *fence, int64_t reached_ms, int64_t now_ms,
                                           bool *ret_holds)
{
    pthread_mutex_lock(&fence->lock);
    fence->reached_ms = reached_ms;
    const enum kn_network_hold hold = fence_decide(fence, now_ms);

    *ret_holds = fence->routers > 0;
    pthread_mutex_unlock(&fence->lock);
    return hold;
}
