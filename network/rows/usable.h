/* SPDX-License-Identifier: Apache-2.0 */
/* usable: what is found of a network or a port that a server wants, and whether it will do. In Nova's words. */
#ifndef KN_NETWORK_ROWS_USABLE_H
#define KN_NETWORK_ROWS_USABLE_H

#include <stdbool.h>

#include "lib/adapter/db.h"
#include "lib/adapter/http.h"
#include "lib/base/error.h"
#include "network/api.h"
#include "network/rows/shared.h"

struct kn_network_found {
    bool exists;       /* for the caller */
    bool has_subnet;
    bool holds;        /* the wished address is in one of its subnets */
    const char *user;  /* the device that has this address; NULL = none */
    bool is_open;      /* his, or all networks are his business: no policy is needed */
};
/* Of the network, as this caller sees it; an id and an address that are such. ret_rows: what ret points into. */
int kn_network_find_usable(struct kn_db *db, const struct kn_caller *caller, const char *network_id,
                           const char *fixed_ip, struct kn_rows **ret_rows, struct kn_network_found *ret,
                           struct kn_error *err);
/* Pure, as the next. KN_BAD_REQUEST. fixed_ip: NULL = none was wished. */
int kn_network_judge(const char *network_id, const char *fixed_ip, const struct kn_network_found *found,
                     struct kn_error *err);

struct kn_network_port_found {
    bool exists;
    bool is_used;
    bool has_address;
    const char
        *outside; /* the external network that it is on, if its project may not stand there itself; "" or NULL: none */
};
/* The latter as a column: of port p, with "t" or "f" whether the caller may stand everywhere. */
#define KN_NETWORK_PORT_OUTSIDE(everywhere) \
    "(SELECT n.id FROM network n WHERE n.id = p.network_id AND n.project_id <> p.project_id AND NOT " everywhere \
    "::boolean AND " KN_NETWORK_IS_EXTERNAL("n.id") " AND NOT " KN_NETWORK_LET("n.id", KN_NETWORK_SHARED, \
                                                                               "p.project_id") ")"
/* KN_BAD_REQUEST; KN_CONFLICT: somebody has it; KN_FORBIDDEN: servers do not stand on a wire that is for routers. */
int kn_network_port_judge(const char *port_id, const struct kn_network_port_found *found, struct kn_error *err);

#endif
