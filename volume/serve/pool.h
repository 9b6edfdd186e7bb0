/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool: which back end a new volume gets: the first of volume.driver that is neither disabled nor frozen and has what the volume's type asks for. The choice is made once: the row has it from then on
 * (formats.h), so a command that comes again after a crash goes where the first one went.
 */
#ifndef KN_VOLUME_SERVE_POOL_H
#define KN_VOLUME_SERVE_POOL_H

#include "lib/adapter/conf.h"
#include "lib/adapter/db.h"
#include "volume/serve/driver.h"

/* KN_NOT_FOUND: there is no such volume. KN_NO_VALID_HOST: no back end may have it; the words say why of each. */
int kn_volume_pool_choose(struct kn_db *db, const struct kn_conf *conf, const char *volume,
                          const struct kn_volume_driver **ret, struct kn_error *err);

#endif
