/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine: the one driver that walks every flow. Pure: a task and an event in, the task's next position and what it means for
 * the object out. No bus, no database, no clock: `now` is a parameter.
 *
 *          plan            reply: all parts done
 *   RUN row 0 ───► RUN row 1 ───► … ───► DONE
 *      │ reply: failed, or no answer and no hope
 *      ▼
 *   UNDO row k ───► UNDO row k-1 ───► …  ───► FAILED          (no other try)
 *                                        └──► RUN retry_row   (elsewhere, tries left; generation + 1)
 */
#ifndef KN_CONDUCTOR_ENGINE_ENGINE_H
#define KN_CONDUCTOR_ENGINE_ENGINE_H

#include "conductor/store/task.h"

#define KN_MAX_RESENDS 5 /* to a host that lives but does not answer */

/* What ended in a row: an entry of the task's story (conductor/store/story.h). */
struct kn_conductor_step_record {
    const char *name;     /* message type */
    const char *state;    /* done, failed, undone */
    int64_t started_at_us;
    char host[KN_SIZE_OF(HOST)]; /* a copy: the task forgets it when another host is tried. "": not on a host */
};

enum kn_conductor_verdict_of_row {
    KN_ROW_WAITS,   /* some part has no answer yet */
    KN_ROW_IGNORED, /* the reply was for another time */
    KN_ROW_ENDED,   /* every part is done: kn_conductor_engine_advance() */
    KN_ROW_FAILED,  /* task->error says why: kn_conductor_engine_advance() takes it back */
    KN_ROW_AGAIN,   /* send again what has no answer */
};

/* Fills task->parts for its state and step; a row with nothing to send has part_count 0. */
void kn_conductor_engine_plan(struct kn_conductor_task *task);
/* Applies one reply. */
/* False: it is another agent's answer than that of the one who was told; err says so. */
bool kn_conductor_engine_answers(const struct kn_conductor_task *task, const struct kn_message *reply,
                                 struct kn_error *err);
enum kn_conductor_verdict_of_row kn_conductor_engine_reply(struct kn_conductor_task *task,
                                                           const struct kn_message *reply);
/*
 * Somebody says that he works on a part. True: he may, and the row's patience begins anew. False: it is of another time; or it goes on for longer than
 * limit_us since it was first said, so that the row's deadline passes at once and kn_conductor_engine_timeout() fails it. Where flows insist there is no limit.
 */
bool kn_conductor_engine_working(struct kn_conductor_task *task, const struct kn_message *working, int64_t now_us,
                                 int64_t limit_us);
/*
 * Whether what another was answered may answer this part: it is anybody's, this is the task's first try, and another part of the row is still to be answered, so
 * that an answer from the bus ends the row.
 */
bool kn_conductor_engine_may_share(const struct kn_conductor_task *task, int part);
/* The part is done by such an answer. */
void kn_conductor_engine_share(struct kn_conductor_task *task, int part, const json_t *answer);
/* After a refusal in a flow that insists (KN_ROW_WAITS, refusals > 0): when to ask again. */
int64_t kn_conductor_engine_pause_ms(const struct kn_conductor_task *task);
/* The part's command can never be sent: the row's deadline passes at once, and kn_conductor_engine_timeout() fails it with this reason. */
void kn_conductor_engine_refuse(struct kn_conductor_task *task, int part, const struct kn_error *why);
/*
 * True when the part was sent longer than this ago, to a host that is silent or a service that refuses, to take back what harms nobody else there (undo_tires): nobody waits for it any more. It is then refused; what
 * it leaves is told with the task's end.
 */
bool kn_conductor_engine_tires(const struct kn_conductor_task *task, int part, unsigned down, int64_t now_us,
                               int64_t limit_us);
/* Whether a host that is down gets this part's command at its hello, however late. */
bool kn_conductor_engine_waits(const struct kn_conductor_task *task, const struct kn_conductor_flow_part *part);
/* The row's deadline passed. down: KN_DOWN() of each place of whose agent nothing was heard for longer than its time-out. */
#define KN_DOWN(to) (1U << (to))
enum kn_conductor_verdict_of_row kn_conductor_engine_timeout(struct kn_conductor_task *task, unsigned down);

/*
 * The move after KN_ROW_ENDED or KN_ROW_FAILED (failed = true): records what ended, goes to the next row, the undo, another try or the end,
 * fills *change with what the object becomes and plans the new row; rows without anything to send are passed. task->attempt is one higher
 * afterwards. records must hold task->part_count entries; *ret_records says how many were filled.
 */
void kn_conductor_engine_advance(struct kn_conductor_task *task, bool failed, int max_tries,
                                 struct kn_conductor_change *change, struct kn_conductor_step_record *records,
                                 int *ret_records);
/*
 * What the task just moved to cannot be written, because of its values: it is taken back with this reason or, at_once, ended as failed where it stands. So is
 * one whose flow says what is left (flow.h): what its rows do not say it cannot know to take back. Fills *change anew.
 */
void kn_conductor_engine_unwritable(struct kn_conductor_task *task, bool at_once, const struct kn_error *why,
                                    struct kn_conductor_change *change);
/* A task that was just admitted: plans its row, passing empty ones; true if that moved it (then it must be written). */
bool kn_conductor_engine_admit(struct kn_conductor_task *task, int max_tries, struct kn_conductor_change *change);

/* The command of a part, ready to be printed; release it. */
void kn_conductor_engine_command(const struct kn_conductor_task *task, int part, int64_t now_ms, int64_t deadline_ms,
                                 struct kn_message *ret);
/* Whether a part's command is in flight to somebody who can be told to end it; then *ret is that message. */
bool kn_conductor_engine_cancel(const struct kn_conductor_task *task, int part, struct kn_message *ret);
/* The topic of a part. */
#define KN_TOPIC_SIZE (KN_SIZE_OF(AGENT) + 32)
void kn_conductor_engine_topic(const struct kn_conductor_task *task, int part, char out[KN_TOPIC_SIZE]);
bool kn_conductor_engine_to_agent(const struct kn_conductor_task *task, int part);

#endif
