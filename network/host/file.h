/* SPDX-License-Identifier: Apache-2.0 */
/* file: small files that are there whole or not at all. */
#ifndef KN_NETWORK_HOST_FILE_H
#define KN_NETWORK_HOST_FILE_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/strbuf.h"

/* Writes beside, syncs, renames. Does nothing when the file says so already (*ret_changed, may be NULL). */
int kn_network_file_write(const char *path, const struct kn_strbuf *text, bool *ret_changed, struct kn_error *err);
/* The whole file, at most 64 MiB; an absent one is empty and false. */
bool kn_network_file_read(const char *path, struct kn_strbuf *out);

#endif
