/* SPDX-License-Identifier: Apache-2.0 */
/* file: small files that are whole or not there, whatever kills the process in between. */
#ifndef KN_BASE_FILE_H
#define KN_BASE_FILE_H

#include <stddef.h>

#include "lib/base/error.h"

/* dir/name holds these bytes afterwards, or what it held before: written beside, fsync, renamed, directory fsynced. Mode 0600. One at a time for one name. */
int kn_file_replace(const char *dir, const char *name, const char *bytes, size_t len, struct kn_error *err);
/* The whole file, ended by a NUL that *ret_len does not count. KN_NOT_FOUND; KN_TOO_LARGE: it has more than max bytes. */
int kn_file_read(const char *path, size_t max, char **ret, size_t *ret_len, struct kn_error *err);

#endif
