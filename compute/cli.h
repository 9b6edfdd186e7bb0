/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's commands of this room, mounted by cli/main.c: machine. */
#ifndef KN_COMPUTE_CLI_H
#define KN_COMPUTE_CLI_H

#include "lib/adapter/command.h"

extern const struct kn_command kn_compute_commands[]; /* ended by words == NULL */

#endif
