/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard: a thread that holds what this machine serves (export.h) to what is wanted. A daemon that dies is started again at once: its end is seen, not asked for. At the start and now and then
 * what is served is compared with the attachments, so that nobody keeps a disk that the cloud says is not his.
 */
#ifndef KN_VOLUME_SERVE_GUARD_H
#define KN_VOLUME_SERVE_GUARD_H

#include "lib/adapter/conf.h"
#include "lib/base/cleanup.h"
#include "lib/base/error.h"

struct kn_volume_guard;

/* conf outlives it. */
int kn_volume_guard_new(const struct kn_conf *conf, struct kn_volume_guard **ret, struct kn_error *err);
void kn_volume_guard_free(struct kn_volume_guard *guard); /* what is served stays served; takes NULL */
KN_DEFINE_AUTO(kn_volume_guard);
/* From any thread: something was connected or let go. */
void kn_volume_guard_poke(struct kn_volume_guard *guard);

#endif
