/* SPDX-License-Identifier: Apache-2.0 */
/* usable: what is found of a network or a port that a server wants, and whether it will do. In Nova's words. */
#ifndef KN_NETWORK_ROWS_USABLE_H
#define KN_NETWORK_ROWS_USABLE_H

#include <stdbool.h>

#include "lib/adapter/db.h"
#include "lib/adapter/http.h"
#include "lib/base/error.h"

struct kn_network_found {
    bool exists;       /* for the caller */
    bool has_subnet;
    bool holds;        /* the wished address is in one of its subnets */
    const char *user;  /* the device that has this address; NULL = none */
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
};
/* KN_BAD_REQUEST; KN_CONFLICT: somebody has it. */
int kn_network_port_judge(const char *port_id, const struct kn_network_port_found *found, struct kn_error *err);

#endif
