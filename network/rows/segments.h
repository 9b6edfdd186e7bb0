/* SPDX-License-Identifier: Apache-2.0 */
/* segments: what networks are made of on the wire, and who provides services. Each network has one segment, whose id is the network's own. */
#ifndef KN_NETWORK_ROWS_SEGMENTS_H
#define KN_NETWORK_ROWS_SEGMENTS_H

#include "lib/adapter/http.h"
#include "lib/rest/noun.h"

extern const struct kn_rest_noun kn_network_segments, kn_network_service_providers;

kn_handler kn_network_segments_refuse;
/* A body's "segments" of a new network: the one becomes the provider attributes that it is; KN_BAD_REQUEST for several, and beside those. */
int kn_network_segments_read(json_t *object, struct kn_error *err);

#endif
