/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rights: whether the projects of a batch of port.allocate may still use what another project shared with them: its networks and security groups. The API
 * asked when the server was wished; the owner may have taken it back since. So it is asked again where the port is made, and the policies that let it are
 * held until the batch's end: whoever takes one away waits, and sees the port; or was first, and there is no port.
 */
#ifndef KN_NETWORK_SERVE_RIGHTS_H
#define KN_NETWORK_SERVE_RIGHTS_H

#include "network/rows/ports/topology.h"
#include "network/serve/batch.h"
#include "network/serve/guards.h"

struct kn_network_rights {
    struct kn_hmap *lets; /* "object target" of each policy that is held; NULL: nothing was another's */
};

/* Networks and groups are held already. No statement where all is the projects' own. */
int kn_network_rights_load(struct kn_db *db, struct kn_network_outcome **outcomes, int count,
                           const struct kn_network_topology *topology, const struct kn_network_guards *guards,
                           struct kn_network_rights *ret, struct kn_error *err);
void kn_network_rights_release(struct kn_network_rights *rights);
/* KN_NOT_FOUND, as if it were not there: the network or a group of the request is another's, and shared no more. */
int kn_network_rights_check(const struct kn_network_rights *rights, const struct kn_network_guards *guards,
                            const struct kn_network_view *network, const char *project, const json_t *request,
                            struct kn_error *err);

#endif
