/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task: one task in a conductor's memory, from its admission to its end. The row in PostgreSQL is the truth: a conductor
 * may forget all of it at any time and load it again.
 *
 * `attempt` counts every transition of the task, so that (task, attempt, part) names one message of its life and a late
 * reply to an earlier one is never applied. A message that is sent again keeps its attempt.
 */
#ifndef KN_CONDUCTOR_STORE_TASK_H
#define KN_CONDUCTOR_STORE_TASK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "conductor/flows/flow.h"
#include "lib/adapter/db.h"
#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/base/uuid.h"
#include "lib/domain/limits.h"

enum kn_conductor_task_state { KN_TASK_RUN, KN_TASK_UNDO, KN_TASK_DONE, KN_TASK_FAILED };
const char *kn_conductor_task_state_name(enum kn_conductor_task_state state);

/*
 * A place of the task's server: its home, or the destination of its move. In the task's row it is {host, agent, generation}, or NULL: not known yet. Who is
 * told something is told as that place, and only that place's answer counts.
 */
struct kn_conductor_place {
    char host[KN_SIZE_OF(HOST)];   /* "": none */
    char agent[KN_SIZE_OF(AGENT)]; /* that carries the host */
    int64_t generation;            /* of the server there: what its commands carry */
};

/* A message of the current row. */
enum kn_conductor_part_state {
    KN_PART_TODO, /* not sent: just planned, or its host is full */
    KN_PART_SENT, /* no answer yet */
    KN_PART_DONE,
};

struct kn_conductor_part {
    const struct kn_conductor_flow_part *of;
    int item;
    enum kn_conductor_part_state state;
    const struct kn_message_type *type; /* of the command: the part's message or its undo */
    bool admitted;      /* counts among those in flight on its host (limits.c) */
    struct kn_error refused; /* why it can never be sent; KN_OK: it can */
    struct kn_error not_yet; /* of an undo: why it was refused last, and will be asked for again; KN_OK: it was not */
    bool overdue;       /* worked on for longer than anything may be */
    int64_t sent_at_us; /* wall clock of the first sending */
};

struct kn_conductor_task {
    int64_t id;
    const struct kn_conductor_flow *flow;
    int shard;
    char object_id[KN_UUID_SIZE];
    char project_id[65];
    char user_id[65];
    char request_id[KN_REQUEST_ID_SIZE];
    enum kn_conductor_task_state state;
    int step;
    int attempt;
    json_t *input;         /* the wish; read by kn_conductor_wished() */
    json_t *context;       /* what the steps found out; read by kn_conductor_found() (conductor/flows/context.h) */
    void (*asked)(const struct kn_conductor_task *task, const char *what,
                  const char *name); /* tests: told of each reading; NULL: nobody is */
    struct kn_conductor_place home;  /* where the server is; of no server: none */
    struct kn_conductor_place dest;  /* where it goes; its generation is the next one after the home's */
    bool at_home;          /* home is known: from the task's row, or settled */
    json_t *object;        /* the object's row; read by kn_conductor_known() */
    struct kn_error error; /* the first failure: what the user is told */
    bool elsewhere;        /* another host may do it */
    int resends;           /* of the current row */
    int refusals;          /* of the current row, of a flow that insists */
    int64_t deadline_ms;   /* monotonic, of the current row */
    int64_t
        working_since_us; /* of the current row: when somebody first said that he works on it; 0: nobody did. In the task's row, too */
    int progress; /* in percent, as he said last */
    int64_t worked_ms; /* monotonic: when that was written last */
    bool worked; /* it is to be written */
    int64_t created_at_us;
    bool moving; /* its move is not committed yet: nothing is sent */
    bool again; /* goes out again once the database has confirmed it (send.c) */
    struct kn_conductor_part *parts; /* the messages of the current row, or of its undo */
    int part_count;
};

/* The columns that kn_conductor_task_from_row reads, in order; t is the task. */
#define KN_TASK_COLUMNS \
    "t.id, t.kind, t.shard, t.object_id, t.project_id, t.user_id, t.request_id, t.state, t.step, t.attempt, " \
    "t.input, t.context, t.error, (extract(epoch FROM t.created_at) * 1000000)::bigint, t.home, t.dest, " \
    "(extract(epoch FROM t.working_since) * 1000000)::bigint, t.progress"
enum kn_conductor_task_column {
    KN_TASK_ID,
    KN_TASK_KIND,
    KN_TASK_SHARD,
    KN_TASK_OBJECT,
    KN_TASK_PROJECT,
    KN_TASK_USER,
    KN_TASK_REQUEST,
    KN_TASK_STATE,
    KN_TASK_STEP,
    KN_TASK_ATTEMPT,
    KN_TASK_INPUT,
    KN_TASK_CONTEXT,
    KN_TASK_ERROR,
    KN_TASK_CREATED_US,
    KN_TASK_HOME,
    KN_TASK_DEST,
    KN_TASK_WORKING_US,
    KN_TASK_PROGRESS,
    KN_TASK_COLUMN_COUNT
};

/* New task from a row; KN_INTERNAL if its kind is unknown (a newer API wrote it). */
int kn_conductor_task_from_row(const struct kn_rows *rows, int row, struct kn_conductor_task **ret_task,
                               struct kn_error *err);
void kn_conductor_task_free(struct kn_conductor_task *task);
KN_DEFINE_AUTO(kn_conductor_task);

/* After the object was loaded: what its row keeps for the task, and the places that the task's row did not know; they come from the wish, if the flow says so, or from the object. */
void kn_conductor_task_settle(struct kn_conductor_task *task);
/* Of what a row of a task, a wish or an object says ({host, agent, generation}, among other things), and back; NULL: there is none. */
void kn_conductor_place_read(struct kn_conductor_place *place, const json_t *from);
json_t *kn_conductor_place_json(const struct kn_conductor_place *place);
/* Another host of the same generation, as place.claim answers it. */
void kn_conductor_place_take(struct kn_conductor_place *place, const json_t *claim);
/* The place that a part of a flow tells, or tells a service of. */
const struct kn_conductor_place *kn_conductor_task_place(const struct kn_conductor_task *task,
                                                         const struct kn_conductor_flow_part *part);
/* How many hosts failed it so far. */
int kn_conductor_task_tries(const struct kn_conductor_task *task);

#endif
