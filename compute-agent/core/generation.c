/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generation: the rule that fences guests, as one small table: what is known (guest, tombstone, nothing) against how the
 * asked generation compares. command.c asks it before any driver acts; it must never look at anything but its arguments.
 */
#include "compute-agent/core/generation.h"

#include <inttypes.h>

enum known { KNOWN_NOTHING, KNOWN_GUEST, KNOWN_TOMB, KNOWN_COUNT };
enum generation_order { OLDER, SAME, NEWER, ORDER_COUNT };

#define ACT KN_RULING_ACT
#define DONE KN_RULING_DONE
#define STALE KN_RULING_STALE
#define ABSENT KN_RULING_ABSENT

/*
 * A tombstone of the same generation refuses a spawn: the destroy came after it, or instead of it. Whoever wants a guest
 * again decides so anew, with a new generation. A guest of an older generation than a spawn's is replaced by it. A destroy
 * behind a tombstone acts once more: the one before may have been killed halfway.
 */
static const enum kn_agent_ruling RULES[][KNOWN_COUNT][ORDER_COUNT] = {
    /*                                         older  same   newer */
    [KN_INTENT_SPAWN] = { [KNOWN_NOTHING] = { ACT, ACT, ACT },
                          [KNOWN_GUEST] = { STALE, ACT, ACT },
                          [KNOWN_TOMB] = { STALE, STALE, ACT } },
    [KN_INTENT_USE] = { [KNOWN_NOTHING] = { ABSENT, ABSENT, ABSENT },
                        [KNOWN_GUEST] = { STALE, ACT, ACT },
                        [KNOWN_TOMB] = { STALE, STALE, ABSENT } },
    [KN_INTENT_RELEASE] = { [KNOWN_NOTHING] = { DONE, DONE, DONE },
                            [KNOWN_GUEST] = { STALE, ACT, ACT },
                            [KNOWN_TOMB] = { DONE, DONE, DONE } },
    [KN_INTENT_DESTROY] = { [KNOWN_NOTHING] = { ACT, ACT, ACT },
                            [KNOWN_GUEST] = { STALE, ACT, ACT },
                            [KNOWN_TOMB] = { ACT, ACT, ACT } },
};
_Static_assert(sizeof(RULES) / sizeof(RULES[0]) == KN_INTENT_DESTROY + 1, "a row per intent");

enum kn_agent_ruling kn_agent_generation_rule(const struct kn_agent_guest *known, enum kn_agent_intent intent,
                                              int64_t asked)
{
    enum known what = known->exists ? KNOWN_GUEST : known->generation > 0 ? KNOWN_TOMB : KNOWN_NOTHING;
    enum generation_order order = asked < known->generation ? OLDER : asked == known->generation ? SAME : NEWER;

    return RULES[intent][what][order];
}

int kn_agent_generation_refuse(enum kn_agent_ruling ruling, const struct kn_agent_guest *known,
                               const struct kn_agent_guest_ref *ref, struct kn_error *err)
{
    switch (ruling) {
    case KN_RULING_ACT:
    case KN_RULING_DONE:
        return 0;
    case KN_RULING_STALE:
        return kn_fail(err, KN_STALE,
                       "server \"%s\" is known on \"%s\" at generation %" PRId64 "%s; asked for %" PRId64, ref->server,
                       ref->host, known->generation, known->exists ? "" : ", destroyed", ref->generation);
    case KN_RULING_ABSENT:
        return kn_fail(err, KN_NOT_FOUND, "server \"%s\" has no guest on \"%s\"", ref->server, ref->host);
    }
    return 0;
}
