/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the commands that belong to no room: the schema of the database and what is built into every binary. It must never
 * reach into a table of a room.
 */
#include "cli/command.h"
#include "lib/adapter/migrate.h"
#include "lib/base/cleanup.h"
#include "lib/base/strbuf.h"
#include "lib/domain/limits.h"
#include "lib/domain/form.h"
#include "lib/domain/message.h"
#include "lib/domain/wish.h"

static int db_migrate(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    (void)argc;
    (void)argv;
    if (kn_db_connect(cli->db, 10000, err) < 0 ||
        kn_migrate(cli->db, kn_migrations, kn_migrations_count, cli->out, err) < 0) {
        return -1;
    }
    fprintf(cli->out, "the database stands at %s\n", kn_migrations[kn_migrations_count - 1].name);
    return 0;
}

static int db_status(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    (void)argc;
    (void)argv;
    if (kn_db_connect(cli->db, 10000, err) < 0 ||
        kn_migrate_status(cli->db, kn_migrations, kn_migrations_count, cli->out, err) < 0) {
        return -1;
    }
    return kn_migrate_check(cli->db, kn_migrations, kn_migrations_count, err);
}

static int conf_print(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    (void)argc;
    (void)argv;
    (void)err;
    kn_conf_print(&cli->conf, cli->out);
    return 0;
}

static int conf_options(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    (void)argc;
    (void)argv;
    (void)err;
    kn_conf_help(cli->out);
    return 0;
}

static int messages(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    (void)argc;
    (void)argv;
    (void)err;
    kn_message_document(&text);
    kn_wish_document(&text);
    kn_form_document(&text);
    fputs(text.buf, cli->out);
    return 0;
}

static int limits(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    (void)argc;
    (void)argv;
    (void)err;
    kn_limits_document(&text);
    fputs(text.buf, cli->out);
    return 0;
}

const struct kn_command kn_cli_builtin_commands[] = {
    { "conf", "", "print the configuration in force, in the file's syntax, secrets hidden", conf_print },
    { "conf options", "", "print every option with its default and meaning", conf_options },
    { "db migrate", "", "bring the database to this program's schema; safe to repeat", db_migrate },
    { "db status", "", "print each migration and when it was applied; fails if one is pending", db_status },
    { "limits", "", "print the limit of every text, list and number, as Markdown", limits },
    { "messages", "", "print every message of the bus with its fields, as Markdown", messages },
    { NULL, NULL, NULL, NULL },
};
