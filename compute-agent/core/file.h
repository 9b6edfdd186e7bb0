/* SPDX-License-Identifier: Apache-2.0 */
/* file: small files that are whole or not there, whatever kills the process in between. */
#ifndef KN_COMPUTE_AGENT_CORE_FILE_H
#define KN_COMPUTE_AGENT_CORE_FILE_H

#include <stddef.h>

#include "lib/base/error.h"

/* mkdir -p; every missing part is 0755. */
int kn_agent_file_make_dir(const char *path, struct kn_error *err);
/* dir/name holds text afterwards, or what it held before: written beside, fsync, renamed, directory fsynced. Mode 0600. */
int kn_agent_file_replace(const char *dir, const char *name, const char *text, struct kn_error *err);
int kn_agent_file_replace_bytes(const char *dir, const char *name, const char *bytes, size_t len, struct kn_error *err);
/* dir/name is a link to target afterwards, durably, or what it was before. A short target needs no room on the disk. */
int kn_agent_file_link(const char *dir, const char *name, const char *target, struct kn_error *err);
/* rm -r of one directory with files in it (no deeper). What is not there is removed already. */
int kn_agent_file_remove_dir(const char *path, struct kn_error *err);

#endif
