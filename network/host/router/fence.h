/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fence: the host's hold on its routers, kept where it cannot be forgotten: in the kernel. A set with one element that expires stands in front of all that
 * routers of this host say (their legs' outer ends, kr…); while the element is there they speak, and it is put anew, with what is left of KN_LEASE_HELD_MS,
 * each time a word of the host is known to have reached the bus. Whatever becomes of the agent, killed, stopped, stuck behind a lock, the routers fall silent
 * before kilonova-network gives them to another host (lib/domain/lease.h); nothing is taken down for it, so that who is heard again in time, or still has
 * the lease, goes on with all that was tracked.
 *
 * Trust: only a state that kilonova-network said whole since the hold began says which routers are this host's. A process that begins, or that was not
 * heard for too long, opens nothing until then. What was said since is known by a question of the host's that it answers: whatever else lies on the bus may be older
 * than the silence. The question is asked again until it is answered.
 *
 * A lock of its own: whoever builds networks for long keeps nobody from renewing.
 */
#ifndef KN_NETWORK_HOST_ROUTER_FENCE_H
#define KN_NETWORK_HOST_ROUTER_FENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/base/uuid.h"
#include "network/host.h"

#define KN_NETWORK_FENCE_TABLE "kilonova_lease" /* of the family bridge */

struct kn_network_fence;

struct kn_network_fence *kn_network_fence_new(void); /* touches nothing yet */
void kn_network_fence_free(struct kn_network_fence *fence); /* what stands in the kernel runs out by itself */

/* What is asked of kilonova-network with every hello and net.ask; another one each time it was answered, and when the hold begins. */
void kn_network_fence_question(struct kn_network_fence *fence, char out[KN_UUID_SIZE]);
/* Is this the question ("": none)? Whatever answers another one, or none, may be old. */
bool kn_network_fence_asks(struct kn_network_fence *fence, const char *question);
/* The state was said, whole, in answer to this question. False: it is not asked any more. */
bool kn_network_fence_say(struct kn_network_fence *fence, const char *answers);
/* Whether it was, since the hold began: until then nothing is made or taken away. routers: how many wait for it. */
bool kn_network_fence_is_said(struct kn_network_fence *fence, size_t routers);
/*
 * Routers that are not this host's any more are gone, and this many are its own: called before any is built. From here on the fence is open while the hold
 * lasts. If it fails there is nothing that would silence them, and none may be built.
 */
int kn_network_fence_trust(struct kn_network_fence *fence, size_t routers, int64_t now_ms, struct kn_error *err);
/* For the word to the control plane: whether what stands speaks. */
bool kn_network_fence_is_open(struct kn_network_fence *fence, int64_t now_ms);

/* reached_ms: when the newest word that has reached the bus was said; monotonic, as now_ms. ret_holds: it has routers. */
enum kn_network_hold kn_network_fence_hold(struct kn_network_fence *fence, int64_t reached_ms, int64_t now_ms,
                                           bool *ret_holds);

#endif
