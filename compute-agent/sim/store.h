/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/store: the guests and tombstones of all simulated hosts, in memory, each change written to the journal before
 * it counts. Not thread-safe: driver.c holds its lock around every call.
 *
 * The journal (one line a change, the whole guest each time, so that the last line wins; task and attempt are those of
 * the command obeyed last, left out if there was none):
 *   guest <host number> <server> <generation> <power state> <tap,tap…|-> <volume=device,…|-> [<vCPUs>x<MiB>] [<task> <attempt> [<part> <answer>]]
 *   tomb <host number> <server> <generation, 0: there never was a guest> <died at, ms> [<task> <attempt> [<part> <answer>]]
 */
#ifndef KN_COMPUTE_AGENT_SIM_STORE_H
#define KN_COMPUTE_AGENT_SIM_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "compute-agent/core/order.h"
#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/base/strbuf.h"
#include "lib/base/uuid.h"

struct kn_agent_sim_store;

struct kn_agent_sim_guest {
    struct kn_agent_sim_guest *next, *prev; /* its host's list; for a tombstone the list of tombstones, oldest first */
    int32_t host;
    char server[KN_UUID_SIZE];
    bool exists; /* false: a tombstone */
    uint8_t power_state;
    int64_t generation;
    int64_t died_at; /* ms, of a tombstone */
    struct kn_agent_order obeyed; /* kept by put and bury, moved on by obey alone */
    char *answer; /* of that command, as JSON without spaces; NULL: it is not done. obey forgets it, done sets it */
    int part; /* of that command */
    int reboots; /* since this process started: for its console alone */
    char *taps; /* "tap1,tap2", NULL = none */
    char *volumes; /* "uuid=vdb,uuid=vdc", NULL = none */
    int vcpus, memory_mib; /* 0: nobody has said so */
};

/* Reads the journal at path (none = empty), compacts it, and keeps it open. *ret_broken: lines that made no sense. */
int kn_agent_sim_store_open(const char *path, int hosts, struct kn_agent_sim_store **ret_store, int *ret_broken,
                            struct kn_error *err);
void kn_agent_sim_store_free(struct kn_agent_sim_store *store);
KN_DEFINE_AUTO(kn_agent_sim_store);

/* NULL: never heard of it. Stays valid until the next change of the same server on the same host. */
const struct kn_agent_sim_guest *kn_agent_sim_store_get(const struct kn_agent_sim_store *store, int host,
                                                        const char *server);
/* Ensures that a guest is as given (host, server, generation, power_state, taps, volumes, vcpus, memory_mib are read; texts are copied). */
int kn_agent_sim_store_put(struct kn_agent_sim_store *store, const struct kn_agent_sim_guest *guest,
                           struct kn_error *err);
/* Turns what there is of the server into a tombstone. */
int kn_agent_sim_store_bury(struct kn_agent_sim_store *store, int host, const char *server, int64_t generation,
                            int64_t now_ms, struct kn_error *err);
/* The command is obeyed now: in the journal when it returns. KN_STALE if a newer one was. A server never heard of gets a tombstone of generation 0. */
int kn_agent_sim_store_obey(struct kn_agent_sim_store *store, int host, const char *server,
                            const struct kn_agent_order *asked, int64_t now_ms, struct kn_error *err);
/* The command that is obeyed was done. What is no short word is not remembered. */
int kn_agent_sim_store_done(struct kn_agent_sim_store *store, int host, const char *server,
                            const struct kn_agent_order *done, int part, const json_t *answer, struct kn_error *err);
/* What it was answered with: a new reference; NULL: this part of this command was not done, or its answer is not known. */
json_t *kn_agent_sim_store_answer(const struct kn_agent_sim_store *store, int host, const char *server,
                                  const struct kn_agent_order *asked, int part);
/* Counts a reboot of a guest that exists. */
void kn_agent_sim_store_reboot(struct kn_agent_sim_store *store, int host, const char *server);
/* Forgets tombstones from before `since_ms`; rewrites the journal when it has grown far beyond what is alive. */
int kn_agent_sim_store_tidy(struct kn_agent_sim_store *store, int64_t since_ms, struct kn_error *err);
/* The first guest on a host; follow ->next. */
const struct kn_agent_sim_guest *kn_agent_sim_store_first(const struct kn_agent_sim_store *store, int host);

/* One journal line, pure. A broken one is -1; *ret's texts are heap copies (kn_agent_sim_guest_clear). */
int kn_agent_sim_line_parse(const char *line, struct kn_agent_sim_guest *ret);
void kn_agent_sim_line_print(const struct kn_agent_sim_guest *guest, struct kn_strbuf *out);
void kn_agent_sim_guest_clear(struct kn_agent_sim_guest *guest);

#endif
