/* SPDX-License-Identifier: Apache-2.0 */
/* roots: the things that others hang on, and which hosts have them (network/serve/source.h). */
#ifndef KN_NETWORK_SERVE_ROOTS_H
#define KN_NETWORK_SERVE_ROOTS_H

#include "network/serve/telling.h"

/* Puts and drops roots of these hosts, and puts what hangs on new ones. A telling of everything: as if they had been told nothing yet. */
int kn_network_roots_settle(struct kn_network_telling *telling, struct kn_db *db, struct kn_array *hosts,
                            struct kn_error *err);

#endif
