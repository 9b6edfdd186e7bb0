/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proctable: reads the supervisor's process table. Owns the format and nothing else: it opens no file and starts
 * nothing (supervise.c does). Its input comes from outside, so it must never trust a length or a byte of it.
 */
#include "lab/proctable.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/strbuf.h"

#define GRACE_DEFAULT_MS 5000
#define GRACE_MAX_MS 600000

static bool proctable_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

void kn_lab_proc_free(struct kn_lab_proc *proc)
{
    if (proc == NULL) {
        return;
    }
    free(proc->name);
    free(proc->ns);
    free(proc->cwd);
    free(proc->log);
    for (char **arg = proc->argv; arg != NULL && *arg != NULL; arg++) {
        free(*arg);
    }
    free(proc->argv);
    free(proc);
}

/* Takes the next word off *at: 1, 0 at the end of the line, -1 if a quote or an escape is left open. */
static int next_word(const char **at, char **ret_word, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf word = KN_STRBUF_INIT;
    const char *p = *at;
    bool quoted = false;

    while (proctable_is_blank(*p)) {
        p++;
    }
    if (*p == '\0') {
        return 0;
    }
    for (; *p != '\0' && (quoted || !proctable_is_blank(*p)); p++) {
        if (*p == '"') {
            quoted = !quoted;
            continue;
        }
        if (*p == '\\' && *++p == '\0') {
            return kn_fail(err, KN_BAD_REQUEST, "the line ends in a backslash");
        }
        kn_strbuf_addch(&word, *p);
    }
    if (quoted) {
        return kn_fail(err, KN_BAD_REQUEST, "a quote is not closed");
    }
    *at = p;
    *ret_word = kn_strbuf_detach(&word);
    return 1;
}

static int proctable_check_name(const char *name, struct kn_error *err)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-");

    if (n == 0 || name[n] != '\0' || n > KN_PROC_NAME_MAX || name[0] == '.' || name[0] == '-') {
        return kn_fail(err, KN_BAD_REQUEST, "\"%.80s\" is not a process name", name);
    }
    return 0;
}

static int proctable_set_text(char **field, const char *value, struct kn_error *err)
{
    if (*value == '\0') {
        return kn_fail(err, KN_BAD_REQUEST, "it is empty");
    }
    free(*field);
    *field = kn_strdup(value);
    return 0;
}

static int set_ns(struct kn_lab_proc *proc, const char *value, struct kn_error *err)
{
    return proctable_set_text(&proc->ns, value, err);
}

static int set_cwd(struct kn_lab_proc *proc, const char *value, struct kn_error *err)
{
    return proctable_set_text(&proc->cwd, value, err);
}

static int proctable_set_log(struct kn_lab_proc *proc, const char *value, struct kn_error *err)
{
    return proctable_set_text(&proc->log, value, err);
}

static int set_stop(struct kn_lab_proc *proc, const char *value, struct kn_error *err)
{
    static const struct {
        const char *name;
        int number;
    } signals[] = { { "TERM", SIGTERM }, { "INT", SIGINT }, { "QUIT", SIGQUIT }, { "HUP", SIGHUP } };

    for (size_t i = 0; i < KN_COUNT(signals); i++) {
        if (strcmp(signals[i].name, value) == 0) {
            proc->stop_signal = signals[i].number;
            return 0;
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "\"%.20s\" is none of TERM, INT, QUIT, HUP", value);
}

static int set_grace(struct kn_lab_proc *proc, const char *value, struct kn_error *err)
{
    char *end = NULL;
    long ms = strtol(value, &end, 10);

    if (*value < '0' || *value > '9' || *end != '\0' || ms > GRACE_MAX_MS) {
        return kn_fail(err, KN_BAD_REQUEST, "\"%.20s\" is not a number of ms up to %d", value, GRACE_MAX_MS);
    }
    proc->grace_ms = (int)ms;
    return 0;
}

static const struct proctable_option {
    const char *key;
    int (*set)(struct kn_lab_proc *proc, const char *value, struct kn_error *err);
} options[] = {
    { "cwd", set_cwd }, { "grace", set_grace }, { "log", proctable_set_log }, { "ns", set_ns }, { "stop", set_stop },
};

static int proctable_set_option(struct kn_lab_proc *proc, const char *word, struct kn_error *err)
{
    for (size_t i = 0; i < KN_COUNT(options); i++) {
        size_t n = strlen(options[i].key);

        if (strncmp(word, options[i].key, n) == 0 && word[n] == '=') {
            return options[i].set(proc, word + n + 1, err) == 0 ? 0 : kn_fail_context(err, "%s", options[i].key);
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "\"%.80s\" is not an option", word);
}

static int parse_options(const char **at, struct kn_lab_proc *proc, struct kn_error *err)
{
    for (;;) {
        AUTO_FREE char *word = NULL;
        int rc = next_word(at, &word, err);

        if (rc < 0) {
            return -1;
        }
        if (rc == 0) {
            return kn_fail(err, KN_BAD_REQUEST, "\"%s\" has no -- before its program", proc->name);
        }
        if (strcmp(word, "--") == 0) {
            return 0;
        }
        if (proctable_set_option(proc, word, err) < 0) {
            return -1;
        }
    }
}

static int parse_argv(const char **at, struct kn_lab_proc *proc, struct kn_error *err)
{
    size_t n = 0;
    int rc;

    do {
        proc->argv = kn_realloc_array(proc->argv, n + 1, sizeof(char *));
        proc->argv[n] = NULL;
        rc = next_word(at, &proc->argv[n++], err);
    } while (rc > 0);
    if (rc == 0 && (proc->argv[0] == NULL || proc->argv[0][0] == '\0')) {
        return kn_fail(err, KN_BAD_REQUEST, "\"%s\" has no program", proc->name);
    }
    return rc;
}

int kn_lab_proc_parse(const char *line, struct kn_lab_proc **ret_proc, struct kn_error *err)
{
    AUTO(kn_lab_proc) struct kn_lab_proc *proc = KN_NEW(struct kn_lab_proc);
    const char *at = line;
    int rc;

    if (strlen(line) > KN_PROC_LINE_MAX) {
        return kn_fail(err, KN_BAD_REQUEST, "the line is longer than %d characters", KN_PROC_LINE_MAX);
    }
    proc->stop_signal = SIGTERM;
    proc->grace_ms = GRACE_DEFAULT_MS;
    rc = next_word(&at, &proc->name, err);
    if (rc == 0 || (rc > 0 && line[strspn(line, " \t\r")] == '#')) {
        *ret_proc = NULL;
        return 0;
    }
    if (rc < 0 || proctable_check_name(proc->name, err) < 0 || parse_options(&at, proc, err) < 0 ||
        parse_argv(&at, proc, err) < 0) {
        return -1;
    }
    *ret_proc = kn_steal(&proc);
    return 0;
}

void kn_lab_proctable_release(struct kn_lab_proctable *table)
{
    for (size_t i = 0; i < table->n; i++) {
        kn_lab_proc_free(table->rows[i]);
    }
    table->n = 0;
}

static int proctable_add_row(struct kn_lab_proctable *table, const char *line, struct kn_error *err)
{
    AUTO(kn_lab_proc) struct kn_lab_proc *proc = NULL;

    if (kn_lab_proc_parse(line, &proc, err) < 0) {
        return -1;
    }
    if (proc == NULL) {
        return 0;
    }
    for (size_t i = 0; i < table->n; i++) {
        if (strcmp(table->rows[i]->name, proc->name) == 0) {
            return kn_fail(err, KN_CONFLICT, "\"%s\" occurs twice", proc->name);
        }
    }
    if (table->n == KN_PROC_MAX) {
        return kn_fail(err, KN_TOO_LARGE, "more than %d processes", KN_PROC_MAX);
    }
    table->rows[table->n++] = kn_steal(&proc);
    return 0;
}

int kn_lab_proctable_parse(const char *text, struct kn_lab_proctable *table, struct kn_error *err)
{
    const char *at = text;

    for (int number = 1; *at != '\0'; number++) {
        size_t n = strcspn(at, "\n");
        AUTO_FREE char *line = kn_strndup(at, n);

        if (proctable_add_row(table, line, err) < 0) {
            kn_lab_proctable_release(table);
            return kn_fail_context(err, "line %d", number);
        }
        at += n + (at[n] == '\n');
    }
    return 0;
}
