/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shape: bandwidth limits of a tap, by traffic control. To the guest a token bucket on the tap; from the guest one on a device of its own (an ifb, named
 * ti<port>), to which everything that the tap receives is redirected and from which it comes back, because this kernel has no policing.
 */
#ifndef KN_NETWORK_HOST_LINK_SHAPE_H
#define KN_NETWORK_HOST_LINK_SHAPE_H

#include "network/host/link/link.h"
#include "network/host/state/state.h"

/*
 * The tap has exactly these limits, from now on and whatever it had; one of 0 kbit/s is none. Traffic is not interrupted, what waits in a queue that is replaced
 * is lost. The ifb of a tap that went is taken away by limits of none.
 */
int kn_network_link_shape(struct kn_network_links *links, const char *tap,
                          const struct kn_network_state_limit *to_guest,
                          const struct kn_network_state_limit *from_guest, struct kn_error *err);

/*
 * Does the kernel have what the call above made? Costs three lists of the tap's queues and filters; only rates are compared, since that is what the kernel keeps exact.
 * What cannot be read is as it was. Reads only; if not, why says what is otherwise.
 */
bool kn_network_link_is_shaped(struct kn_network_links *links, const char *tap,
                               const struct kn_network_state_limit *to_guest,
                               const struct kn_network_state_limit *from_guest, char why[KN_STOCK_WHY]);

#endif
