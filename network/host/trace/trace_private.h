/* SPDX-License-Identifier: Apache-2.0 */
/* trace_private: what trace.c and trace_router.c share; nobody else includes it. */
#ifndef KN_NETWORK_HOST_TRACE_TRACE_PRIVATE_H
#define KN_NETWORK_HOST_TRACE_TRACE_PRIVATE_H

#include "network/host/trace/trace.h"

struct kn_network_trace {
    const struct kn_network_state *state;
    const struct kn_network_ruleset *ruleset;
    const struct kn_network_trace_piece *piece;
    const struct kn_network_trace_facts *facts; /* of a segment */
    int index;
    json_t *hops;
};

#define PASS "pass"
#define STOP "stop"
#define UNKNOWN "unknown"
#define NOTE "note"

/* One hop. rule, line: "" for none. */
void kn_network_trace_say(const struct kn_network_trace *trace, const char *check, const char *verdict,
                          const char *rule, const char *line, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
/* Connections like the packet's that are tracked already: a note, if there are any. */
void kn_network_trace_connections(const struct kn_network_trace *trace, unsigned count);

#endif
