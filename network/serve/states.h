/* SPDX-License-Identifier: Apache-2.0 */
/*
 * states: which version each host was told last and which one it says to have, in memory, for the one active kilonova-network. From it follows who must be told
 * everything: whoever says hello or asks, and whoever is behind for ten seconds. The rows of host_network_state are the truth and are read at the start of each session.
 */
#ifndef KN_NETWORK_SERVE_STATES_H
#define KN_NETWORK_SERVE_STATES_H

#include "lib/adapter/db.h"
#include "lib/base/hmap.h"
#include "lib/domain/message.h"
#include "network/serve/telling.h"

struct kn_network_states;

struct kn_network_states *kn_network_states_new(bool with_sim); /* simulated hosts hear of networks, too */
void kn_network_states_free(struct kn_network_states *states);

/* Reads what hosts were told, once a session of the database. */
int kn_network_states_load(struct kn_network_states *states, struct kn_db *db, struct kn_error *err);
/* These hosts were told, to these versions. */
void kn_network_states_note(struct kn_network_states *states, const struct kn_network_telling *telling);
/* agent.hello, agent.heartbeat, net.ask; others are passed over. True: somebody must be told everything. now_ms: monotonic. */
bool kn_network_states_hear(struct kn_network_states *states, const struct kn_message *report, int64_t now_ms);
/* Takes up to `most` hosts that must be told everything: name -> its newest question ("": none), owned. */
struct kn_hmap *kn_network_states_behind(struct kn_network_states *states, size_t most);
/* They could not be told: they are behind again. */
void kn_network_states_again(struct kn_network_states *states, const struct kn_hmap *hosts);
/* True once an hour: old rows may go. */
bool kn_network_states_prunes(struct kn_network_states *states);

#endif
