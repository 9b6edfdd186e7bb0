/* SPDX-License-Identifier: Apache-2.0 */
/* service: the table that kn_service_main() runs as kilonova-network; the integration tests run it too. */
#ifndef KN_NETWORK_SERVE_SERVICE_H
#define KN_NETWORK_SERVE_SERVICE_H

#include "lib/adapter/daemon.h"

extern const struct kn_service kn_network_service;

#endif
