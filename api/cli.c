/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kilonova policy`: the rules of lib/domain/policy.def with the routes that name them, and what they say to each kind of caller, as Markdown.
 * The answers come from the functions that the door and the handlers ask, never from a reading of the table.
 */
#include "api/cli.h"

#include <string.h>

#include "api/mounts.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define NOBODYS "nobodys"

enum {
    READER = KN_ROLE_READER,
    MEMBER = READER | KN_ROLE_MEMBER,
    MANAGER = MEMBER | KN_ROLE_MANAGER,
    ADMIN = MANAGER | KN_ROLE_ADMIN
};

static const struct column {
    const char *name;
    struct kn_caller who; /* of the user "u", the project "p", the domain "d" */
} COLUMNS[] = {
    { "admin", { .user_id = "u", .project_id = "p", .project_domain_id = "d", .roles = ADMIN } },
    { "manager", { .user_id = "u", .project_id = "p", .project_domain_id = "d", .roles = MANAGER } },
    { "member", { .user_id = "u", .project_id = "p", .project_domain_id = "d", .roles = MEMBER } },
    { "reader", { .user_id = "u", .project_id = "p", .project_domain_id = "d", .roles = READER } },
    { "service", { .user_id = "u", .project_id = "p", .project_domain_id = "d", .roles = KN_ROLE_SERVICE } },
    { "nobody", { .user_id = "" } },
    { "any token", { .user_id = "u" } },
    { "any project", { .user_id = "u", .project_id = "p", .project_domain_id = "d" } },
    { "domain admin", { .user_id = "u", .domain_id = "d", .roles = ADMIN } },
    { "domain manager", { .user_id = "u", .domain_id = "d", .roles = MANAGER } },
    { "domain reader", { .user_id = "u", .domain_id = "d", .roles = READER } },
    { "system admin", { .user_id = "u", .system_scoped = true, .roles = ADMIN } },
    { "system reader", { .user_id = "u", .system_scoped = true, .roles = READER } },
};

static const char HEAD[] =
    "# Who may do what\n\n"
    "Written by the tables themselves: the rules of lib/domain/policy.def and the routes of every service. Each rule has the name that the\n"
    "service's own policy has for it; `kilonova:` stands before what is ours. What each kind of token is told:\n\n"
    "- `yes`: he may, whoever owns it\n"
    "- `own`: he may where the thing is his, his project's or his domain's, or shown to it; elsewhere it is not there, or refused\n"
    "- `path`: he may where the path names him, his project or his domain\n"
    "- `-`: refused, or the field is not there\n\n"
    "The first six columns are tokens of a project, and no token at all.\n";

static bool admits(enum kn_rule rule, const struct kn_caller *who, const char *first)
{
    return kn_policy_admit(rule, who->user_id[0] != '\0' ? who : NULL, first) == KN_ALLOW;
}

static const char *cli_cell(enum kn_rule rule, const struct kn_caller *who)
{
    if (admits(rule, who, NOBODYS)) {
        return kn_policy_is_public(rule) || kn_policy_allows(rule, who, NULL) ? "yes" : "own";
    }
    return who->user_id[0] != '\0' &&
                   (admits(rule, who, who->user_id) || admits(rule, who, "p") || admits(rule, who, "d"))
               ? "path"
               : "-";
}

/* The routes of a rule and what it decides beside them, in one cell. */
static void write_decides(enum kn_rule rule, struct kn_strbuf *out)
{
    const char *gap = "";

    for (const struct kn_api *const *api = kn_api_mounts; *api != NULL; api++) {
        for (const struct kn_route *r = (*api)->routes; r->method != NULL; r++) {
            if (r->rule == rule) {
                kn_strbuf_addf(out, "%s`%s %s%s`", gap, r->method, (*api)->prefix, r->path);
                gap = "<br>";
            }
        }
    }
    if (kn_policy_what(rule)[0] != '\0') {
        kn_strbuf_addf(out, "%s%s", gap, kn_policy_what(rule));
    }
}

static void write_rule(enum kn_rule rule, struct kn_strbuf *out)
{
    kn_strbuf_addf(out, "| `%s` | ", kn_policy_name(rule));
    write_decides(rule, out);
    kn_strbuf_addstr(out, " | ");
    kn_policy_who(rule, out);
    for (size_t i = 0; i < KN_COUNT(COLUMNS); i++) {
        kn_strbuf_addf(out, " | %s", cli_cell(rule, &COLUMNS[i].who));
    }
    kn_strbuf_addstr(out, " |\n");
}

static void write_head(const char *service, struct kn_strbuf *out)
{
    kn_strbuf_addf(out, "\n## %s\n\n| rule | decides | granted to", service);
    for (size_t i = 0; i < KN_COUNT(COLUMNS); i++) {
        kn_strbuf_addf(out, " | %s", COLUMNS[i].name);
    }
    kn_strbuf_addstr(out, " |\n|---|---|---");
    for (size_t i = 0; i < KN_COUNT(COLUMNS); i++) {
        kn_strbuf_addstr(out, "|---");
    }
    kn_strbuf_addstr(out, "|\n");
}

static int policy(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    const char *service = "";

    (void)argc;
    (void)argv;
    (void)err;
    kn_strbuf_addstr(&text, HEAD);
    for (enum kn_rule rule = KN_RULE_NONE + 1; rule < KN_RULE_COUNT; rule++) {
        if (strcmp(service, kn_policy_service(rule)) != 0) {
            service = kn_policy_service(rule);
            write_head(service, &text);
        }
        write_rule(rule, &text);
    }
    fputs(text.buf, cli->out);
    return 0;
}

const struct kn_command kn_api_commands[] = {
    { "policy", "", "print who may do what: every rule, what it decides, and what each role is told, as Markdown",
      policy },
    { NULL, NULL, NULL, NULL },
};
