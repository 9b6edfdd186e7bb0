/* SPDX-License-Identifier: Apache-2.0 */
/* server_deferred: deletions that wait (compute.reclaim_instance_interval), and their end by a restore. */
#ifndef KN_COMPUTE_ROWS_SERVER_DEFERRED_H
#define KN_COMPUTE_ROWS_SERVER_DEFERRED_H

#include "compute/rows/server.h"

/* Whether a deletion of this server, as kn_compute_server_get gave it, only hides it: one that never ran is deleted at once. */
bool kn_compute_server_is_kept(const struct kn_request *req, const struct kn_rows *rows);
/* The wish: it stops, is in no list, and no quota counts it. One that is deleted so already stays as it is. */
int kn_compute_server_soft_delete(const struct kn_request *req, const struct kn_rows *rows, struct kn_error *err);
/* The wish to have it back. KN_QUOTA in Nova's words when the project has no room for it any more. */
int kn_compute_server_restore(const struct kn_request *req, const char *id, struct kn_error *err);

#endif
