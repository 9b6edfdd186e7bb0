/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hypervisor: hosts and daemons as operators and clients see them. Capacity and usage are the scheduler's to write, rows of
 * `service` each daemon's own; the API writes what an operator decides about a host and nothing else.
 *
 * `silence` is how many seconds of it make a host or a daemon down (conf: scheduler.agent_timeout_s).
 */
#ifndef KN_COMPUTE_ROWS_HYPERVISOR_H
#define KN_COMPUTE_ROWS_HYPERVISOR_H

#include "compute/rows/select.h"

enum kn_hypervisor_col {
    KN_HYPERVISOR_UUID, KN_HYPERVISOR_NUMBER, KN_HYPERVISOR_NAME, KN_HYPERVISOR_UP, KN_HYPERVISOR_DISABLED,
    KN_HYPERVISOR_REASON, KN_HYPERVISOR_TYPE, KN_HYPERVISOR_VERSION, KN_HYPERVISOR_IP, KN_HYPERVISOR_CPU_INFO,
    KN_HYPERVISOR_VCPUS, KN_HYPERVISOR_VCPUS_USED, KN_HYPERVISOR_MEMORY, KN_HYPERVISOR_MEMORY_USED, KN_HYPERVISOR_DISK,
    KN_HYPERVISOR_DISK_USED, KN_HYPERVISOR_SERVERS, KN_HYPERVISOR_COLUMNS
};
/* "SELECT … FROM any_host h JOIN agent g … WHERE true". silence lives until sel has run. */
void kn_hypervisor_select(struct kn_select *sel, struct kn_arg *silence, int64_t seconds);
/* One row: count, then the sums of the columns from KN_HYPERVISOR_VCPUS on, in their order. */
int kn_hypervisor_totals(struct kn_db *db, struct kn_rows **ret, struct kn_error *err);
/* host, id, name of the live servers on these hosts (an array literal), by host. */
int kn_hypervisor_servers(struct kn_db *db, const char *hosts, struct kn_rows **ret, struct kn_error *err);

enum kn_service_col {
    KN_SERVICE_UUID, KN_SERVICE_NUMBER, KN_SERVICE_BINARY, KN_SERVICE_HOST, KN_SERVICE_ZONE, KN_SERVICE_DISABLED,
    KN_SERVICE_REASON, KN_SERVICE_UP, KN_SERVICE_SEEN, KN_SERVICE_FORCED_DOWN, KN_SERVICE_COLUMNS
};
/* Every host as nova-compute, then the conductors and schedulers. host, binary, uuid: NULL = any. By zone, host, binary. */
int kn_service_list(struct kn_db *db, int64_t silence, const char *host, const char *binary, const char *uuid,
                    struct kn_rows **ret, struct kn_error *err);
/* What an operator decides about a host, NULL = unchanged ("t", "f"); KN_NOT_FOUND if there is no such host. */
struct kn_host_decision {
    const char *disabled;
    const char *reason;      /* with disabled "t"; NULL = none */
    const char *forced_down;
};
int kn_host_decide(struct kn_db *db, const char *host, const struct kn_host_decision *decision, struct kn_error *err);

/* KN_BAD_REQUEST in Nova's words if no host is in the zone; if there is no such host. */
int kn_zone_check(struct kn_db *db, const char *zone, struct kn_error *err);
int kn_host_check(struct kn_db *db, const char *host, struct kn_error *err);

#endif
