/* SPDX-License-Identifier: Apache-2.0 */
/* disk: a server's root disk, and one to rescue it from: thin overlays on cached bases. */
#ifndef KN_COMPUTE_AGENT_CORE_DISK_H
#define KN_COMPUTE_AGENT_CORE_DISK_H

#include <jansson.h>
#include <limits.h>

#include "lib/adapter/conf.h"
#include "lib/adapter/work.h"
#include "lib/base/error.h"

/* Has the base of a spec's image in the host's cache, for disks that may be made of it. */
int kn_agent_disk_fetch(const struct kn_conf *conf, const json_t *image, struct kn_work *work, struct kn_error *err);
/* The same, and where it is. */
int kn_agent_disk_base(const struct kn_conf *conf, const json_t *image, struct kn_work *work, char base[PATH_MAX],
                       struct kn_error *err);
/* Ensures the root disk of a spec with an image. work: watches the download, may be NULL. */
int kn_agent_disk_ensure(const struct kn_conf *conf, const char *server, const json_t *spec, struct kn_work *work,
                         struct kn_error *err);
/* Ensures the disks of a spec that are made here (kn_form_local), formatted as it says. */
int kn_agent_disk_locals(const struct kn_conf *conf, const char *server, const json_t *spec, struct kn_work *work,
                         struct kn_error *err);
/* A root disk that is to be made anew: its base was fetched before, kn_agent_disk_ensure() makes it afterwards. */
int kn_agent_disk_drop(const struct kn_conf *conf, const char *server, struct kn_error *err);
/* Ensures the disk that the spec says the guest is rescued from; none, if it says none: what there was is gone. */
int kn_agent_disk_rescue(const struct kn_conf *conf, const char *server, const json_t *spec, struct kn_work *work,
                         struct kn_error *err);

#endif
