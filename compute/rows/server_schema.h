/* SPDX-License-Identifier: Apache-2.0 */
/* server_schema: what POST /servers may say, from 2.1 to 2.104. What of it cannot be honoured yet is refused by server_plan.c. */
#ifndef KN_COMPUTE_ROWS_SERVER_SCHEMA_H
#define KN_COMPUTE_ROWS_SERVER_SCHEMA_H

#include "lib/domain/schema.h"

extern const struct kn_schema kn_compute_server_create_schema[];
/* What is said of disks, alone. */
extern const struct kn_schema kn_compute_devices_schema[];

#endif
