/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hypervisor: what there is to know about a host, of any_host h JOIN agent g. Capacity and usage are the scheduler's to write, rows of
 * `service` each daemon's own; the API writes what an operator decides about a host and nothing else.
 */
#ifndef KN_COMPUTE_ROWS_HYPERVISOR_H
#define KN_COMPUTE_ROWS_HYPERVISOR_H

#include "lib/adapter/http.h"

/* An integer id, which clients before 2.53 want, is made from the uuid. */
#define KN_NUMBER_OF(uuid) "hashtext(" uuid "::text) & 2147483647"
#define KN_SILENCE_OF(column) "extract(epoch FROM now() - " column ")"
/*
 * A host that the scheduler left out, because what its agent says makes no sense, gets no new servers: it is disabled, with the reason. It stays up if it was
 * in use before, because its servers run on, and who sees "down" may start to evacuate; one that was never taken in is down.
 */
#define KN_HOST_DISABLED "(h.disabled OR h.refused IS NOT NULL)"
#define KN_HOST_REASON "coalesce('refused: ' || h.refused, h.disabled_reason)"
/* Seconds since it was heard; NULL: it is down in any case. */
#define KN_HOST_SILENCE "CASE WHEN h.known AND NOT h.forced_down THEN " KN_SILENCE_OF("g.last_seen") " END"
/* From such seconds, "" for NULL: is it heard often enough (scheduler.agent_timeout_s)? */
bool kn_compute_host_is_up(const struct kn_request *req, const char *silence);

/* One row, "totals": a JSON object. */
int kn_compute_hypervisor_totals(struct kn_db *db, struct kn_rows **ret, struct kn_error *err);

/* What an operator decides about a host, NULL = unchanged ("t", "f"); KN_NOT_FOUND if there is no such host. */
struct kn_compute_host_decision {
    const char *disabled;
    const char *reason;      /* with disabled "t"; NULL = none */
    const char *forced_down;
};
int kn_compute_host_decide(struct kn_db *db, const char *host, const struct kn_compute_host_decision *decision,
                           struct kn_error *err);

/*
 * Takes a host, or a daemon of the control plane (Nova's name of its binary), out of the books: KN_CONFLICT while it was heard within silent_s, while servers are
 * on a host or hold places there, and while a daemon still leads something.
 */
int kn_compute_host_remove(struct kn_db *db, const char *host, int64_t silent_s, struct kn_error *err);
int kn_compute_daemon_remove(struct kn_db *db, const char *binary, const char *host, int64_t silent_s,
                             struct kn_error *err);

/* KN_BAD_REQUEST in Nova's words if no host is in the zone; if there is no such host. */
int kn_compute_zone_check(struct kn_db *db, const char *zone, struct kn_error *err);
int kn_compute_host_check(struct kn_db *db, const char *host, struct kn_error *err);

#endif
