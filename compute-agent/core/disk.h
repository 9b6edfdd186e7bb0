/* SPDX-License-Identifier: Apache-2.0 */
/* disk: a server's root disk: a thin overlay on a cached base. */
#ifndef KN_COMPUTE_AGENT_CORE_DISK_H
#define KN_COMPUTE_AGENT_CORE_DISK_H

#include <jansson.h>

#include "lib/adapter/conf.h"
#include "lib/adapter/work.h"
#include "lib/base/error.h"

/* Ensures the root disk of a spec with an image. work: watches the download, may be NULL. */
int kn_agent_disk_ensure(const struct kn_conf *conf, const char *server, const json_t *spec, struct kn_work *work,
                         struct kn_error *err);

#endif
