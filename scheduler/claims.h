/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claims: a batch of claims and releases. Decided in memory one after the other, written in one transaction by three statements, answered after the commit. On any
 * failure nothing was claimed, and the inventory no longer tells the truth: the caller loads it again.
 */
#ifndef KN_SCHEDULER_CLAIMS_H
#define KN_SCHEDULER_CLAIMS_H

#include "lib/adapter/db.h"
#include "lib/domain/message.h"
#include "scheduler/choose.h"

/* What is to be answered. */
struct kn_scheduler_claim_answer {
    struct kn_scheduler_host *host;   /* of a claim that was granted; NULL for releases and refusals */
    bool refused;
    struct kn_error why;
};

struct kn_scheduler_claim_context {
    struct kn_scheduler_inventory *inv;
    const struct kn_scheduler_policy_of_packing *policy;
    int64_t now_ms;
    int64_t agent_timeout_ms;
};

/* messages: place.claim and place.release, in the order in which they came. Fills answers[i] for messages[i]. */
int kn_scheduler_claims_handle(struct kn_db *db, const struct kn_scheduler_claim_context *context,
                               struct kn_message *const *messages, int count, struct kn_scheduler_claim_answer *answers,
                               struct kn_error *err);

#endif
