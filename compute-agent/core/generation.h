/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generation: whether a command may still act on a guest. The conductor bumps a server's generation with every placement
 * decision; a host that was cut off, a conductor that was frozen, a message that was late: all of them come with an older
 * one. Pure.
 */
#ifndef KN_COMPUTE_AGENT_CORE_GENERATION_H
#define KN_COMPUTE_AGENT_CORE_GENERATION_H

#include "compute-agent/core/driver.h"

enum kn_agent_intent {
    KN_INTENT_SPAWN,   /* wants a guest at the generation */
    KN_INTENT_USE,     /* needs the guest that is there */
    KN_INTENT_RELEASE, /* wants something of the guest gone; no guest is as good */
    KN_INTENT_DESTROY, /* wants no guest at or below the generation */
};

enum kn_agent_ruling {
    KN_RULING_ACT,   /* go on */
    KN_RULING_DONE,  /* what it wants is so already */
    KN_RULING_STALE, /* something newer was here: KN_STALE */
    KN_RULING_ABSENT, /* no guest to act on: KN_NOT_FOUND */
};

enum kn_agent_ruling kn_agent_generation_rule(const struct kn_agent_guest *known, enum kn_agent_intent intent,
                                              int64_t asked);
/* The ruling as an error (ACT and DONE give 0). */
int kn_agent_generation_refuse(enum kn_agent_ruling ruling, const struct kn_agent_guest *known,
                               const struct kn_agent_guest_ref *ref, struct kn_error *err);

#endif
