/* SPDX-License-Identifier: Apache-2.0 */
/* The door's operator command: who may do what, of all services. */
#ifndef KN_API_CLI_H
#define KN_API_CLI_H

#include "lib/adapter/command.h"

extern const struct kn_command kn_api_commands[]; /* ended by words == NULL */

#endif
