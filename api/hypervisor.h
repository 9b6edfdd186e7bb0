/* SPDX-License-Identifier: Apache-2.0 */
/* hypervisor: the API's reading of `host`, `agent` and `service`; it writes only what an operator decides about a host. */
#ifndef KN_API_HYPERVISOR_H
#define KN_API_HYPERVISOR_H

#include <stdbool.h>

#include "lib/adapter/db.h"

/* KN_BAD_REQUEST in Nova's words if no host is in the zone; if there is no such host. */
int kn_zone_check(struct kn_db *db, const char *zone, struct kn_error *err);
int kn_host_check(struct kn_db *db, const char *host, struct kn_error *err);

#endif
