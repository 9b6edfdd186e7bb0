/* SPDX-License-Identifier: Apache-2.0 */
/* commands: which commands end others that are older, and which wait for what is outside of this cloud. */
#ifndef KN_VOLUME_SERVE_COMMANDS_H
#define KN_VOLUME_SERVE_COMMANDS_H

#include <stdbool.h>

#include "lib/domain/message.h"

/* Does it remove a volume, a snapshot or a backup? */
bool kn_volume_command_removes(const struct kn_message *m);
/* Does the removal (a struct kn_message) make m, which is older, needless? */
bool kn_volume_command_is_doomed(const struct kn_message *m, const void *removal);
/* Of lanes: the store of backups may be anywhere, and may hang. */
bool kn_volume_command_is_far(const struct kn_message *m);

#endif
