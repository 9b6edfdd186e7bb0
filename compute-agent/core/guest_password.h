/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest_password: what a guest posted to its metadata service as its (encrypted) password, for its owner to read: password.json in the guest's
 * directory, {"generation","posted","password"}. Posted once: another is taken only after the first was forgotten. It counts for the guest of its
 * generation alone, lives as long as the directory, and is written durably before the guest is told that it was taken.
 * From any thread: the metadata service posts, questions read and forget.
 */
#ifndef KN_COMPUTE_AGENT_CORE_GUEST_PASSWORD_H
#define KN_COMPUTE_AGENT_CORE_GUEST_PASSWORD_H

#include <jansson.h>
#include <stddef.h>

#include "lib/base/error.h"

/* A new reference to {"posted": a uuid, "password"}; NULL: there is none. */
json_t *kn_agent_guest_password(const char *state_dir, const char *server);
/* KN_CONFLICT: there is one; KN_BAD_REQUEST: too long, or no text; KN_NOT_FOUND: no such guest. Nothing (len 0) is taken and not kept, as Nova does. */
int kn_agent_guest_password_post(const char *state_dir, const char *server, const char *text, size_t len,
                                 struct kn_error *err);
/* Drops the posting of this name; another one, or none, stays as it is. So it may be said again at any time. */
int kn_agent_guest_password_forget(const char *state_dir, const char *server, const char *posted, struct kn_error *err);

#endif
