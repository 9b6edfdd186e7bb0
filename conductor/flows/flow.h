/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow: what a kind of task does, as a table.
 *
 * A flow is rows; a row is up to four parts that run side by side; a part is one message type, sent `count` times (once, as a
 * rule; once per volume for some), and how to take it back. The engine walks every flow in the same way: all parts of row 0, then
 * all of row 1, …; a failure takes back the rows from the current one down, newest first.
 *
 * Everything here is pure: a flow reads the task and returns values. It never touches the bus or the database.
 */
#ifndef KN_CONDUCTOR_FLOWS_FLOW_H
#define KN_CONDUCTOR_FLOWS_FLOW_H

#include <jansson.h>
#include <stdbool.h>

#include "conductor/store/change.h"
#include "lib/domain/message.h"

#define KN_ROW_PARTS 4

struct kn_conductor_task;

/* Whom a part tells. */
enum kn_conductor_to { KN_TO_SERVICE, KN_TO_HOME, KN_TO_DEST, KN_TO_COUNT };

struct kn_conductor_flow_part {
    const char *message;                                                 /* NULL: no more parts */
    enum kn_conductor_to to;                                                       /* its undo tells the same one */
    bool
        about_dest; /* tells a service of the destination: its command carries that generation; what tells a host is about that host */
    json_t *(*build)(const struct kn_conductor_task *task, int item); /* the body; new reference */
    enum kn_conductor_to chooses; /* its answer is this place: place.claim; KN_TO_SERVICE: none */
    int (*count)(const struct kn_conductor_task *task); /* NULL: one; 0: skipped */
    const char *undo; /* NULL: nothing to take back */
    json_t *(*undo_build)(const struct kn_conductor_task *task, int item);
    bool waits_for_host; /* a host that is down gets it at its hello */
    bool undo_waits_for_host; /* so does its undo: what it did there nobody else takes back */
    bool
        undo_tires; /* but for conductor.undo_wait_s alone: what is left there takes room on that host, and nothing else. Of a service: for so long after it was asked first, if it refuses; what is left goes with the object */
    bool skip_if_down; /* a host that is down is fenced by the generation: go on without it */
    bool
        is_anybodys; /* it changes nothing, and its answer is the same for whoever asks the same: a fresh one is taken without asking (conductor/engine/answers.c) */
};

/*
 * What a step finds out and a later one needs: a name in the task's context. The answer to a message brings it (kn_conductor_find_answer), nobody else writes it;
 * whoever reads it (kn_conductor_found) is listed: messages, "row", "done" and "failed" for what becomes of rows.
 */
struct kn_conductor_finding {
    const char *name;
    enum kn_field_kind kind;
    const char *from; /* the message; KN_BY_ENGINE: the engine itself */
    const char *read_by; /* words, a space between them */
    bool whole; /* the answer itself; else its field of this name */
    bool may_lack; /* whoever reads it lives without it: its message is not always sent */
    bool in_row; /* once its row is done the object's column of this name has it: the task's row keeps no second copy */
};

#define KN_BY_ENGINE "engine"
extern const struct kn_conductor_finding kn_conductor_findings_engine[]; /* of every flow, ended by name == NULL */

struct kn_conductor_flow_row {
    struct kn_conductor_flow_part parts[KN_ROW_PARTS];
    const struct kn_conductor_becomes *becomes; /* once all parts are done; NULL: nothing */
};

struct kn_conductor_flow {
    const char *kind; /* "server.create" */
    const struct kn_conductor_record *object;
    const struct kn_conductor_flow_row *rows;
    int row_count;
    const struct kn_conductor_finding *finds; /* ended by name == NULL; NULL: nothing */
    int retry_row; /* where another try begins after the undo of the rows above it; -1: no other try */
    enum kn_conductor_to retry_place; /* the place that another try chooses anew */
    bool
        told_home; /* the wish says the home: {host, agent, generation}; else it is where the object is when the task begins */
    bool supersedes; /* ends the cancelled tasks of its object and bumps the generation */
    bool beside; /* runs beside the object's other tasks, neither waiting for them nor in their way */
    bool insists; /* a refusal that may pass is no end: asked again, with longer and longer pauses, until it is done */
    /* What becomes of rows at its end; each may be NULL. */
    const struct kn_conductor_becomes *done;
    const struct kn_conductor_becomes *failed;
    const struct kn_conductor_becomes
        *no_room; /* instead of failed, where nobody had room for it and so nothing began */
    /* Instead of failed, where not all was taken back, or what was done could not be written; NULL: failed all the same. */
    const struct kn_conductor_becomes *left;
};

/* NULL if no flow has this kind. */
const struct kn_conductor_flow *kn_conductor_flow(const char *kind);

/* The tables, each ended by kind == NULL. */
extern const struct kn_conductor_flow kn_conductor_flows_server[];
extern const struct kn_conductor_flow kn_conductor_flows_power[];
extern const struct kn_conductor_flow kn_conductor_flows_deferred[];
extern const struct kn_conductor_flow kn_conductor_flows_snapshot[];
extern const struct kn_conductor_flow kn_conductor_flows_shelve[];
extern const struct kn_conductor_flow kn_conductor_flows_interface[];
extern const struct kn_conductor_flow kn_conductor_flows_volume[];
extern const struct kn_conductor_flow kn_conductor_flows_held[];
extern const struct kn_conductor_flow kn_conductor_flows_disk[];
extern const struct kn_conductor_flow kn_conductor_flows_boot[];
extern const struct kn_conductor_flow kn_conductor_flows_backup[];
extern const struct kn_conductor_flow kn_conductor_flows_group[];
/* All of them, ended by NULL: for the tests and for people. */
extern const struct kn_conductor_flow *const kn_conductor_flow_tables[];
/* Whether every change that a flow declares can be written. KN_INTERNAL names the flow and the column. */
int kn_conductor_flow_check(const struct kn_conductor_flow *flow, struct kn_error *err);
/* The same of all flows: before a conductor touches anything. */
int kn_conductor_flows_check(struct kn_error *err);

#endif
