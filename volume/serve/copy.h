/* SPDX-License-Identifier: Apache-2.0 */
/* copy: the bytes of a disk, from one file to another, and the qemu-img that does what no copy can. For drivers whose disks are files. */
#ifndef KN_VOLUME_SERVE_COPY_H
#define KN_VOLUME_SERVE_COPY_H

#include <stdint.h>

#include "lib/base/error.h"
#include "volume/serve/driver.h"

/* watch NULL: nobody looks. */
int kn_volume_look(const struct kn_volume_watch *watch, int64_t done, int64_t size, struct kn_error *err);
/*
 * `to` is then as long as `from` and holds the same bytes, whatever it held before; holes stay holes. Where the file system can, both share their blocks
 * until one is written. KN_NO_VALID_HOST: there is no room.
 */
int kn_volume_copy_bytes(int from, int to, const struct kn_volume_watch *watch, struct kn_error *err);
/*
 * Runs argv ("qemu-img", …), bounded, until it ends or the watch wants no more of it; then it is gone, too. The descriptor `held` (-1: none) stays open in it, so that
 * a lock of it lives as long as the child. size: how many bytes the file `path` may get, for the watch; path NULL: it is not told.
 */
struct kn_volume_run {
    int held;
    const char *path;
    int64_t size;
};
int kn_volume_run_tool(char *const argv[], const struct kn_volume_run *run, const struct kn_volume_watch *watch,
                       struct kn_error *err);

/* The file gets another name, and loses this one: done twice, or by halves, is done. KN_CONFLICT: another file has that name. One that is not there is fine. */
int kn_volume_rename(const char *from, const char *to, struct kn_error *err);

#endif
