/* SPDX-License-Identifier: Apache-2.0 */
/* service: kilonova-scheduler as a bus service. */
#ifndef KN_SCHEDULER_SERVICE_H
#define KN_SCHEDULER_SERVICE_H

#include "lib/adapter/daemon.h"

extern const struct kn_service kn_scheduler_service;

#endif
