/* SPDX-License-Identifier: Apache-2.0 */
/* command: finding a typed command in the mounted tables, and the help that they make. Pure but for `out`. */
#ifndef KN_CLI_COMMAND_H
#define KN_CLI_COMMAND_H

#include "lib/adapter/command.h"

/*
 * The command whose words begin argv (ended by NULL), the longest if several do; *ret_used is how many of argv they are.
 * KN_NOT_FOUND says what was typed, its hint what begins like it.
 */
int kn_cli_command_find(const struct kn_command *const *tables, char **argv, const struct kn_command **ret_command,
                        int *ret_used, struct kn_error *err);
/* Of the commands that argv (ended by NULL) names or begins, of all if it does neither. `tables` is ended by NULL, as above. */
void kn_cli_command_help(const struct kn_command *const *tables, char **argv, FILE *out);

/* The commands that belong to no room: db, conf, messages. */
extern const struct kn_command kn_cli_builtin_commands[];
/* Keys of the bus. */
extern const struct kn_command kn_cli_key_commands[];
/* What works on a cloud over its API, from any machine: image import. */
extern const struct kn_command kn_cli_cloud_commands[];
extern const struct kn_command kn_cli_project_commands[]; /* project purge, likewise */
extern const struct kn_command kn_cli_trace_commands[]; /* net trace, likewise */

#endif
