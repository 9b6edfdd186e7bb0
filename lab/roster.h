/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roster: the processes under supervision. One thread. Every change of a process goes through kn_lab_roster_event(), which
 * asks life.c and does what it says; pid files DIR/NAME.pid are there exactly while the process is.
 */
#ifndef KN_LAB_ROSTER_H
#define KN_LAB_ROSTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lab/life.h"
#include "lab/proctable.h"
#include "lib/base/strbuf.h"

struct kn_lab_member {
    struct kn_lab_proc *proc; /* owned */
    struct kn_lab_life life;
    pid_t pid;            /* 0: does not run */
};

struct kn_lab_roster {
    const char *dir; /* of the pid files; the caller's */
    char *mark;      /* KILONOVA_SUPERVISOR=DIR, in the environment of all */
    struct kn_lab_member members[KN_PROC_MAX]; /* in the order they were added */
    size_t n;
};

void kn_lab_roster_init(struct kn_lab_roster *roster, const char *dir);
void kn_lab_roster_release(struct kn_lab_roster *roster); /* frees memory, stops nothing */

struct kn_lab_member *kn_lab_roster_find(struct kn_lab_roster *roster, const char *name); /* NULL if there is none */
/* Takes *proc over. A member of that name is replaced if it is idle, else it is a conflict. Starts nothing. */
int kn_lab_roster_add(struct kn_lab_roster *roster, struct kn_lab_proc **proc, struct kn_lab_member **ret_member,
                      struct kn_error *err);

void kn_lab_roster_event(struct kn_lab_roster *roster, struct kn_lab_member *member, enum kn_lab_life_event event,
                         int64_t now_ms);
/* A child was reaped; orphans that were never members are fine. */
void kn_lab_roster_exited(struct kn_lab_roster *roster, pid_t pid, int wait_status, int64_t now_ms);
/* Does what is due and returns when the next is (INT64_MAX: nothing). */
int64_t kn_lab_roster_tick(struct kn_lab_roster *roster, int64_t now_ms);
/* Stops the last member that is not idle; true when all are. */
bool kn_lab_roster_wind_down(struct kn_lab_roster *roster, int64_t now_ms);

/* A line a member: NAME STATE PID RESTARTS SECONDS. */
void kn_lab_roster_print(const struct kn_lab_roster *roster, int64_t now_ms, struct kn_strbuf *out);

#endif
