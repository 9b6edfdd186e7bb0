/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namesake: a daemon with a database is known by its binary and its host ("kilonova-conductor/h1": its row in `service`), so there must be one of
 * that name. While it lives, a connection of its own holds the advisory lock of the name. A process that was killed lets go at once; one that is frozen
 * does not, and whoever starts beside it refuses: nobody can tell whether it will wake up.
 */
#ifndef KN_ADAPTER_NAMESAKE_H
#define KN_ADAPTER_NAMESAKE_H

#include "lib/adapter/daemon.h"

/* At the start, the database is there: KN_CONFLICT names the one that lives. */
int kn_namesake_start(struct kn_daemon *d, struct kn_error *err);
/*
 * Every few seconds: takes the name again after its connection was lost. KN_UNAVAILABLE while the database is away; KN_CONFLICT when another one took
 * the name meanwhile: then d->stopping and d->ousted are set.
 */
int kn_namesake_keep(struct kn_daemon *d, struct kn_error *err);

#endif
