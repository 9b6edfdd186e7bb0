/* SPDX-License-Identifier: Apache-2.0 */
/* The identity room's operator commands: bootstrap and the rotation of token keys. */
#ifndef KN_IDENTITY_CLI_H
#define KN_IDENTITY_CLI_H

#include "lib/adapter/command.h"

extern const struct kn_command kn_identity_commands[]; /* ended by words == NULL */

#endif
