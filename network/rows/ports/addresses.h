/* SPDX-License-Identifier: Apache-2.0 */
/* addresses: which addresses a port has after what its body says, in Neutron's rules and words. */
#ifndef KN_NETWORK_ROWS_PORTS_ADDRESSES_H
#define KN_NETWORK_ROWS_PORTS_ADDRESSES_H

#include <jansson.h>

#include "network/rows/ports/draw.h"

struct kn_network_port_wish {
    struct kn_network_view *network; /* of a topology that was loaded with its locks */
    const char *device_owner, *mac;
    const json_t *list;         /* fixed_ips; NULL: nothing was said */
    const struct kn_rows *kept; /* kn_network_port_has(): what it has now; NULL for a new port */
};

/* What a port has. */
int kn_network_port_has(struct kn_db *db, const char *port_id, struct kn_rows **ret_rows, struct kn_error *err);
/*
 * Of a new port: what was wished for, or what the network gives by itself. Of an old one: what was wished for, else what it has. Either way every subnet
 * where guests make their own addresses gives the one of the port's MAC. What an old port has already is drawn as kept.
 */
int kn_network_port_draw(struct kn_db *db, const struct kn_network_port_wish *wish, struct kn_network_draw *draw,
                         struct kn_error *err);
/* Does the draw say something else than the port has? */
bool kn_network_port_differs(const struct kn_network_port_wish *wish, const struct kn_network_draw *draw);
/* Takes from the port what the draw does not keep. The new ones are the plan's to write. */
int kn_network_port_forget(struct kn_db *db, const char *port_id, const struct kn_network_draw *draw,
                           struct kn_error *err);

#endif
