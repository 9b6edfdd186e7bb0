/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proctable: what the lab's supervisor is to run, as text. Pure.
 *
 * One process a line:
 *
 *   NAME [KEY=VALUE]… -- PROGRAM [ARGUMENT]…
 *
 *   agent-h1 ns=/lab/ns/h1 log=/lab/log/agent-h1.log -- /usr/sbin/kilonova-agent --config "/lab/conf/h1.ini"
 *
 *   ns=DIR      run in the namespaces whose files are DIR/mnt, DIR/net and DIR/uts (those that exist);
 *               /proc/PID/ns of a holder is such a directory too
 *   cwd=DIR     working directory, entered after the namespaces (default /)
 *   log=FILE    where stdout and stderr are appended (default: the supervisor's)
 *   stop=NAME   what asks it to end: TERM (default), INT, QUIT or HUP
 *   grace=MS    how long it may take before KILL follows (default 5000)
 *
 * Words are separated by blanks; "double quotes" keep blanks; a backslash takes the next character as it is, in and
 * outside of quotes. Empty lines and lines that start with # are skipped. A name is [a-z0-9][a-z0-9.-]*, at most 63
 * characters, and occurs once.
 */
#ifndef KN_LAB_PROCTABLE_H
#define KN_LAB_PROCTABLE_H

#include <stddef.h>

#include "lib/base/cleanup.h"
#include "lib/base/error.h"

#define KN_PROC_NAME_MAX 63
#define KN_PROC_LINE_MAX 16384 /* longer lines are refused */
#define KN_PROC_MAX 256        /* processes in a table */

struct kn_lab_proc {
    char *name;
    char *ns;  /* NULL: the supervisor's */
    char *cwd; /* NULL: / */
    char *log; /* NULL: the supervisor's */
    int stop_signal;
    int grace_ms;
    char **argv; /* NULL-terminated, at least one */
};

void kn_lab_proc_free(struct kn_lab_proc *proc); /* takes NULL */
KN_DEFINE_AUTO(kn_lab_proc);

/* Reads one line. An empty line or a comment gives 0 with *ret_proc = NULL. */
int kn_lab_proc_parse(const char *line, struct kn_lab_proc **ret_proc, struct kn_error *err);

struct kn_lab_proctable {
    struct kn_lab_proc *rows[KN_PROC_MAX];
    size_t n;
};

void kn_lab_proctable_release(struct kn_lab_proctable *table);
/* Reads a whole table; errors name the line. *table must be empty, and is left empty on failure. */
int kn_lab_proctable_parse(const char *text, struct kn_lab_proctable *table, struct kn_error *err);

#endif
