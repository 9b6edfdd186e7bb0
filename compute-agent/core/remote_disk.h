/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote_disk: volumes that another machine serves (volume/serve/export.h). libvirt 9 can neither give QEMU a TLS-PSK key for NBD nor let it connect again, so a qemu-storage-daemon of this
 * host does both, one a volume, and the guest's QEMU reads from its UNIX socket. It outlives the agent, and waits for its server for minutes before it lets a request fail.
 *
 * /run/libvirt/kn-disk-<server>-<volume>/ has the key, the pid file and the socket. One hand at each: a lock of the directory, which a kill frees.
 */
#ifndef KN_COMPUTE_AGENT_CORE_REMOTE_DISK_H
#define KN_COMPUTE_AGENT_CORE_REMOTE_DISK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/base/uuid.h"

#define KN_REMOTE_SOCKET_SIZE 108 /* what a UNIX socket's path may have */

struct kn_agent_remote_disk {
    char server[KN_UUID_SIZE];
    char volume[KN_UUID_SIZE];
};

/* Whether a connection (kn_form_connection) is of such a volume. */
bool kn_agent_remote_disk_is(const json_t *connection);
void kn_agent_remote_disk_socket(const char *server, const char *volume, char out[KN_REMOTE_SOCKET_SIZE]);
/*
 * It is there when this returns, for this user alone. *ret_process, if wanted: a descriptor that is readable when it ends; *ret_started: whether it was not there. KN_UNAVAILABLE: it does not
 * start, because its server is away, or because what was to be started is not known to be good.
 */
int kn_agent_remote_disk_ensure(const char *server, const char *volume, const json_t *connection, uid_t user,
                                int *ret_process, bool *ret_started, struct kn_error *err);
/* No guest has it any more; is_wanted, asked when nobody else can begin it (NULL: it is not), may deny that: then it stays. What is not there is ended already. */
typedef bool kn_agent_remote_disk_wanted(void *ctx, const char *server, const char *volume);
int kn_agent_remote_disk_end(const char *server, const char *volume, kn_agent_remote_disk_wanted *is_wanted, void *ctx,
                             struct kn_error *err);
/* All that there are (heap). */
int kn_agent_remote_disk_list(struct kn_agent_remote_disk **ret, size_t *ret_count, struct kn_error *err);

#endif
