/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health: a daemon's door for those who watch it, at daemon.health_listen: GET /healthz (200 "ok" or "standby", 503 "starting",
 * "stopping", "stuck: …" or "no heartbeat for N s: …", see condition.h) and GET /metrics (Prometheus text). Nothing else, no secrets, no database.
 */
#ifndef KN_ADAPTER_HEALTH_H
#define KN_ADAPTER_HEALTH_H

#include "lib/base/error.h"

struct kn_daemon;
struct kn_health;

/* *ret is NULL when daemon.health_listen is empty. */
int kn_health_open(struct kn_daemon *d, struct kn_health **ret, struct kn_error *err);
void kn_health_close(struct kn_health *health); /* takes NULL */

#endif
