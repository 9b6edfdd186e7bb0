/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail: what a program that reads a tenant's bytes gives up before the first of them. Afterwards its root directory is the one given and nothing else is mounted; its users
 * are those of one container, whose root it is, so that nothing of the host's belongs to it, open files neither; it has no network; and of the kernel it knows the few calls that
 * copying files takes. What it opened before stays open.
 */
#ifndef KN_COMPUTE_AGENT_CORE_JAIL_H
#define KN_COMPUTE_AGENT_CORE_JAIL_H

#include <stdint.h>

#include "lib/base/error.h"

struct kn_agent_jail {
    const char *root; /* a directory that becomes "/" */
    int64_t first_id; /* users and groups 0 to ids - 1 of the jail are those from here on */
    int64_t ids;
    int files_most;   /* open at once */
};

/*
 * For a process with one thread and root's rights, which ends after it: half of it may be done on failure. It stays a child that dies with whoever started it. A call that the
 * jail does not know fails with EPERM; so do fork() and exec().
 */
int kn_agent_jail_enter(const struct kn_agent_jail *jail, struct kn_error *err);

#endif
