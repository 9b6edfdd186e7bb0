/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs: the root disk of a container: a file system of the host's own making in one file (disk.raw), as large as the flavor says, mounted at `root` in the guest's
 * directory while the guest is there. What is in it was copied from the image (unpack.h), its owners moved to ids that no other guest of the host and nobody on the host has.
 */
#ifndef KN_COMPUTE_AGENT_CORE_ROOTFS_H
#define KN_COMPUTE_AGENT_CORE_ROOTFS_H

#include <jansson.h>
#include <limits.h>

#include "lib/adapter/conf.h"
#include "lib/adapter/work.h"
#include "lib/base/error.h"

#define KN_GUEST_ROOT "root"
#define KN_GUEST_ROOT_DISK "disk.raw"

/* Once at the start: what is unmounted here is so in the namespaces of containers, too. */
int kn_agent_rootfs_prepare(const char *state_dir, struct kn_error *err);
/* Made and mounted. *ret_first_id: what its root user is on the host. KN_CONFLICT: the image holds no system. */
int kn_agent_rootfs_ensure(const struct kn_conf *conf, const char *server, const json_t *spec, struct kn_work *work,
                           int64_t *ret_first_id, struct kn_error *err);
/* Unmounted, if it was mounted; the file stays. The guest is off. */
int kn_agent_rootfs_release(const struct kn_conf *conf, const char *server, struct kn_error *err);
/* And gone: it is made anew from its image. */
int kn_agent_rootfs_drop(const struct kn_conf *conf, const char *server, struct kn_error *err);

#endif
