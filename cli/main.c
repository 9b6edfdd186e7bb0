/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kilonova`, the operator's command: mounts the command tables of the rooms, reads the configuration, runs one command. What a
 * command does belongs to its room.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "api/cli.h"
#include "cli/command.h"
#include "compute/cli.h"
#include "conductor/cli.h"
#include "identity/cli.h"
#include "lib/adapter/conf.h"
#include "lib/adapter/db.h"
#include "lib/base/cleanup.h"
#include "network/cli.h"
#include "scheduler/cli.h"

#define NOT_TRIED 2

static const struct kn_command *const TABLES[] = {
    kn_cli_builtin_commands, kn_api_commands,       kn_cli_cloud_commands, kn_cli_project_commands,
    kn_cli_key_commands,     kn_identity_commands,  kn_compute_commands,   kn_conductor_commands,
    kn_scheduler_commands,   kn_cli_trace_commands, kn_network_commands,   NULL,
};

/* Whoever watches by exit codes must not take a typing error for a verdict. */
static int main_complain(const struct kn_error *err)
{
    fprintf(stderr, "kilonova: %s\n%s%s%s", err->message, err->hint[0] != '\0' ? "  " : "", err->hint,
            err->hint[0] != '\0' ? "\n" : "");
    return err->code == KN_BAD_REQUEST ? NOT_TRIED : EXIT_FAILURE;
}

static int complain_of_words(const struct kn_error *err)
{
    main_complain(err);
    return NOT_TRIED;
}

static bool asks_for_help(char **argv)
{
    for (int i = 1; argv[i] != NULL; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return argv[1] != NULL && strcmp(argv[1], "help") == 0;
}

static int main_run(struct kn_cli *cli, char **words)
{
    const struct kn_command *command = NULL;
    struct kn_error err = { .code = KN_OK };
    int used = 0;
    int argc = 0;

    if (kn_cli_command_find(TABLES, words, &command, &used, &err) < 0) {
        return complain_of_words(&err);
    }
    while (words[used + argc] != NULL) {
        argc++;
    }
    const int status = command->run(cli, argc, words + used, &err);
    return status < 0 ? main_complain(&err) : status;
}

int main(int argc, char **argv)
{
    if (asks_for_help(argv)) {
        kn_cli_command_help(TABLES, argv + 1, stdout);
        return EXIT_SUCCESS;
    }
    struct kn_cli cli = { .out = stdout };
    struct kn_error err = { .code = KN_OK };
    AUTO_FREE char **words = NULL;
    if (kn_conf_load(&cli.conf, argc, argv, &words, &err) < 0) {
        return complain_of_words(&err);
    }
    if (words[0] == NULL) {
        kn_cli_command_help(TABLES, words, stderr);
        return NOT_TRIED;
    }
    AUTO(kn_db) struct kn_db *db = kn_db_new(cli.conf.db_url, "cli");
    cli.db = db;
    return main_run(&cli, words);
}
