/* SPDX-License-Identifier: Apache-2.0 */
/* The bus side of kilonova-volume, for main.c. */
#ifndef KN_VOLUME_SERVE_SERVICE_H
#define KN_VOLUME_SERVE_SERVICE_H

#include "lib/adapter/daemon.h"

extern const struct kn_service kn_volume_service;

#endif
