/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns how typed words become a row of a command table, and the --help that is made of those rows. It must never know a command by
 * name: what exists is what is mounted (main.c).
 */
#include "cli/command.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/strbuf.h"

/* How many words of argv the command's words are; 0 if they differ, or if argv ends too early. */
static int match(const char *words, char **argv)
{
    int used = 0;
    while (*words != '\0') {
        size_t len = strcspn(words, " ");
        if (argv[used] == NULL || strlen(argv[used]) != len || strncmp(argv[used], words, len) != 0) {
            return 0;
        }
        used++;
        words += len;
        words += strspn(words, " ");
    }
    return used;
}

static bool begins_with(const char *words, const char *first)
{
    size_t len = strlen(first);
    return strncmp(words, first, len) == 0 && (words[len] == ' ' || words[len] == '\0');
}

static int command_not_found(const struct kn_command *const *tables, char **argv, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf near = KN_STRBUF_INIT;
    for (; *tables != NULL; tables++) {
        for (const struct kn_command *c = *tables; c->words != NULL; c++) {
            if (begins_with(c->words, argv[0])) {
                kn_strbuf_addf(&near, "%s%s", near.len > 0 ? ", " : "there is: ", c->words);
            }
        }
    }
    kn_fail(err, KN_NOT_FOUND, "\"%s%s%s\" is not a command", argv[0], argv[1] != NULL ? " " : "",
            argv[1] != NULL ? argv[1] : "");
    return kn_fail_hint(err, "%s", near.len > 0 ? near.buf : "kilonova --help lists them");
}

int kn_cli_command_find(const struct kn_command *const *tables, char **argv, const struct kn_command **ret_command,
                        int *ret_used, struct kn_error *err)
{
    const struct kn_command *best = NULL;
    int best_used = 0;
    for (const struct kn_command *const *t = tables; *t != NULL; t++) {
        for (const struct kn_command *c = *t; c->words != NULL; c++) {
            int used = match(c->words, argv);
            if (used > best_used) {
                best = c;
                best_used = used;
            }
        }
    }
    if (best == NULL) {
        return command_not_found(tables, argv, err);
    }
    if (best->usage[0] == '\0' && argv[best_used] != NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "\"%s\" takes no arguments, but was given \"%s\"", best->words,
                       argv[best_used]);
    }
    *ret_command = best;
    *ret_used = best_used;
    return 0;
}

static void print_command(const struct kn_command *c, FILE *out)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf typed = KN_STRBUF_INIT;

    kn_strbuf_addf(&typed, "%s%s%s", c->words, c->usage[0] != '\0' ? " " : "", c->usage);
    if (typed.len <= 28) {
        fprintf(out, "  %-28s  %s\n", typed.buf, c->help);
    } else {
        fprintf(out, "  %s\n  %-28s  %s\n", typed.buf, "", c->help);
    }
}

/* argv names it, or is the beginning of its words; wherever in argv that stands, because options come first. */
static bool is_asked_for(const struct kn_command *c, char **argv)
{
    for (char **at = argv; *at != NULL; at++) {
        const char *rest = c->words;

        if (match(c->words, at) > 0) {
            return true;
        }
        for (char **word = at; *word != NULL && begins_with(rest, *word); word++) {
            rest += strlen(*word);
            rest += strspn(rest, " ");
            if (word[1] == NULL || word[1][0] == '-') {
                return true;
            }
        }
    }
    return false;
}

void kn_cli_command_help(const struct kn_command *const *tables, char **argv, FILE *out)
{
    bool some = false;

    for (const struct kn_command *const *t = tables; *t != NULL; t++) {
        for (const struct kn_command *c = *t; c->words != NULL; c++) {
            some = some || is_asked_for(c, argv);
        }
    }
    fprintf(out, "usage: kilonova [--config FILE] [--set section.key=value]... COMMAND\n\n");
    for (const struct kn_command *const *t = tables; *t != NULL; t++) {
        for (const struct kn_command *c = *t; c->words != NULL; c++) {
            if (!some || is_asked_for(c, argv)) {
                print_command(c, out);
            }
        }
    }
    fprintf(
        out,
        "\nexit code: 0 done, 1 not done (audit: a promise is broken), 2 not tried: a wrong command, argument or configuration (audit: not all judged)\n");
}
