/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file: a host's state on its disk, so that the host comes up without the control plane: what it was told, a line a version, the first of them everything.
 * A version's line is on the disk before anything is made of it. A crash leaves at most half a line at the end, which is cut off; when the lines that
 * changed something outgrow the first one, the file is written anew beside itself. One thread at a time.
 */
#ifndef KN_NETWORK_HOST_STATE_FILE_H
#define KN_NETWORK_HOST_STATE_FILE_H

#include "lib/base/error.h"
#include "network/host/state/state.h"

struct kn_network_state_file;

/* Reads what is there into the state, which is empty. What cannot be read is as if it were not there: *ret_unread says so. */
int kn_network_state_file_open(const char *path, struct kn_network_state *state,
                               struct kn_network_state_file **ret_file, struct kn_error *ret_unread,
                               struct kn_error *err);
void kn_network_state_file_free(struct kn_network_state_file *file); /* NULL is fine */
/* The state has just taken these bodies of net.state. They are changed a little: zones of conntrack are kept with their networks. */
int kn_network_state_file_add(struct kn_network_state_file *file, json_t *bodies, const struct kn_network_state *state,
                              struct kn_error *err);

#endif
