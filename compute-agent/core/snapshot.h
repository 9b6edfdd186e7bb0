/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot: the file that an image of a server is made from, in the guest's directory while a task works on it: made, hashed, brought to kilonova-image, dropped.
 * How a disk that is in use is copied is the driver's business.
 */
#ifndef KN_COMPUTE_AGENT_CORE_SNAPSHOT_H
#define KN_COMPUTE_AGENT_CORE_SNAPSHOT_H

#include <jansson.h>

#include "lib/adapter/work.h"
#include "lib/base/error.h"

/* Removes the file; one that is not there is fine. */
int kn_agent_snapshot_drop(const char *path, struct kn_error *err);
/* Whether there is room for a copy of a disk, with some left for guests that run: a full disk stops them. KN_UNAVAILABLE. */
int kn_agent_snapshot_room(const char *disk, const char *path, struct kn_error *err);
/* A copy of a disk that nobody writes, without what it stands on. */
int kn_agent_snapshot_copy(const char *disk, const char *path, struct kn_work *work, struct kn_error *err);
/* On the disk, and what server.snapshot answers of it: a new reference. */
int kn_agent_snapshot_seal(const char *path, const char *disk_format, struct kn_work *work, json_t **ret_made,
                           struct kn_error *err);
/* As server.upload says it. */
int kn_agent_snapshot_upload(const char *path, const json_t *body, struct kn_work *work, struct kn_error *err);

#endif
