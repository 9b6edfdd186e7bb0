/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command: the operator's commands as rows of tables. A room offers X/cli.h with
 *
 *   extern const struct kn_command kn_X_commands[];   // ended by words == NULL
 *
 * and cli/main.c mounts it: matching, --help and errors come out of the rows.
 */
#ifndef KN_ADAPTER_COMMAND_H
#define KN_ADAPTER_COMMAND_H

#include <stdio.h>

#include "lib/adapter/conf.h"
#include "lib/adapter/db.h"
#include "lib/base/error.h"

struct kn_cli {
    struct kn_conf conf;
    struct kn_db *db; /* connects when it is first used */
    FILE *out;        /* where results go: stdout */
};

struct kn_command {
    const char *words; /* what is typed: "db migrate" */
    const char *usage; /* its arguments: "[--json]"; "" = takes none, and is refused any */
    const char *help;  /* one line */
    /*
     * argv: the arguments after the words, ended by NULL. 0 = done; -1 = failed, err says why; more than 0 = done, and
     * this is the exit status (an audit that found something).
     */
    int (*run)(struct kn_cli *cli, int argc, char **argv, struct kn_error *err);
};

#endif
