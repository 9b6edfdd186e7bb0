/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys: of encrypted volumes, asked of kilonova-volume (volume.ask_key, volume.key) when a guest is about to have one. Each question has a box of its own (lib/adapter/crypto.h), so what travels opens for whoever asked, and for
 * nobody later. Nothing is kept: neither here nor on the host's disks.
 */
#ifndef KN_COMPUTE_AGENT_CORE_KEYS_H
#define KN_COMPUTE_AGENT_CORE_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"
#include "lib/domain/message.h"

struct kn_agent;

#define KN_AGENT_KEY_SIZE 65 /* 64 hex digits */

void kn_agent_keys_init(struct kn_agent *agent);
/*
 * Driver's event ask_key: from a worker's thread, which waits for the answer, half a minute at most. ctx = the agent. KN_UNAVAILABLE: nobody answers, or the agent has no such threads; KN_CONFLICT: it is refused. ret is the caller's to wipe.
 */
int kn_agent_keys_ask(void *ctx, const char *host, const char *server, const char *volume, char ret[KN_AGENT_KEY_SIZE],
                      struct kn_error *err);
/* volume.key: from the thread that reads the bus. */
void kn_agent_keys_take(struct kn_agent *agent, const struct kn_message *m);

#endif
