/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shown: `server.group_ids`, the security groups of the ports that are a server's NICs; a port of anybody whose device_id only names the server is none of it. NULL: nobody said them yet, and who wants to know asks the ports. They are said when the server
 * is made, out of port.allocate's answer, unless somebody was faster, and after that by whoever changes a port's groups or which ports a server has, in that transaction.
 */
#ifndef KN_NETWORK_ROWS_GROUPS_SHOWN_H
#define KN_NETWORK_ROWS_GROUPS_SHOWN_H

#include "lib/adapter/db.h"

/* Before their ports are locked: everybody who needs both takes the server first (network/serve/nics.h). */
int kn_network_groups_hold(struct kn_db *db, struct kn_array *servers, struct kn_error *err);
/* These servers show the groups that their ports have now; one that has no port yet, because it is being made, says nothing as before. Inside a transaction; ids of servers that are not there are fine. */
int kn_network_groups_show(struct kn_db *db, struct kn_array *servers, struct kn_error *err);

#endif
