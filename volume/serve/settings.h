/* SPDX-License-Identifier: Apache-2.0 */
/* settings: whether kilonova-volume can do with what it is told, judged before it says that it lives: also by one that stands by, long before it is needed. */
#ifndef KN_VOLUME_SERVE_SETTINGS_H
#define KN_VOLUME_SERVE_SETTINGS_H

#include "lib/adapter/conf.h"
#include "lib/base/error.h"

/* KN_BAD_REQUEST: which setting, and what is wrong with it. */
int kn_volume_settings_check(const struct kn_conf *conf, struct kn_error *err);

#endif
