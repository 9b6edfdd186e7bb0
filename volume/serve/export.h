/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export: disks that this machine serves, each by a process of its own (lib/adapter/storage_daemon.h), to whoever has a key. <volume.file_dir>/.nbd/<volume>/ has `state` (export_state.h), keys.psk that is
 * made of it, and the daemon's pid file. Nothing is served that has no such directory, and no directory is without a grant for longer than a crash lasts:
 *
 *   connect     state (the port and the key are decided) -> keys.psk -> daemon -> answer
 *   disconnect  state -> keys.psk -> daemon's end, if nobody is left -> directory
 *
 * Killed in between, the same call comes again and finds what it decided; kn_volume_export_mend() starts and ends what is left. One hand at a volume: a lock of its directory, which a kill frees.
 * Ports are given under a lock of .nbd, from the configured range, and stay the volume's until its directory goes.
 */
#ifndef KN_VOLUME_SERVE_EXPORT_H
#define KN_VOLUME_SERVE_EXPORT_H

#include <stdbool.h>

#include "lib/adapter/conf.h"
#include "lib/base/error.h"
#include "lib/base/strbuf.h"
#include "volume/serve/export_state.h"

/* Who a volume is connected to, and as what. */
struct kn_volume_export_wish {
    const char *volume;
    const char *format;
    bool is_readonly;
    const char *server;
    const char *host; /* "": the server is on none yet */
};

/* The same grant again, if there is one. *ret_grant, *ret_port: what the host needs to know beside the address. KN_UNAVAILABLE: no port is free. */
int kn_volume_export_connect(const struct kn_conf *conf, const struct kn_volume_export_wish *wish,
                             struct kn_volume_export_grant *ret_grant, int *ret_port, struct kn_error *err);
int kn_volume_export_disconnect(const struct kn_conf *conf, const char *volume, const char *server, const char *host,
                                struct kn_error *err);
/* Whoever still has a key: nobody has it any more. */
int kn_volume_export_end(const struct kn_conf *conf, const char *volume, struct kn_error *err);
/* Another file has the disk's name: it is served from now on, to the same users, at the same port. Nothing to do for what is not served. */
int kn_volume_export_again(const struct kn_conf *conf, const char *volume, struct kn_error *err);
/* Whether it has a directory. */
bool kn_volume_export_is_there(const struct kn_conf *conf, const char *volume);
/*
 * has, NULL: all are true grants: a grant that it denies goes, asked under the volume's lock. Then the daemon runs if there is a grant left, or its directory goes.
 * *ret_process: kn_storage_find()'s, -1: none is to run.
 */
typedef int kn_volume_export_has(void *ctx, const char *volume, const char *server, bool *ret, struct kn_error *err);
int kn_volume_export_mend(const struct kn_conf *conf, const char *volume, kn_volume_export_has *has, void *ctx,
                          int *ret_process, struct kn_error *err);
/* The ids of volumes that have a directory, in no order (heap). */
typedef char kn_volume_export_id[KN_UUID_SIZE];
int kn_volume_export_list(const struct kn_conf *conf, kn_volume_export_id **ret, size_t *ret_count,
                          struct kn_error *err);

#endif
