/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roster: holds the supervised processes and carries out what life.c decides about them: spawn, signals, pid files, a
 * log line for what happened. Reads no socket and waits for nothing; supervise.c does both.
 */
#include "lab/roster.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>

#include "lab/spawn.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

void kn_lab_roster_init(struct kn_lab_roster *roster, const char *dir)
{
    roster->dir = dir;
    roster->mark = kn_asprintf("KILONOVA_SUPERVISOR=%s", dir);
    roster->n = 0;
}

void kn_lab_roster_release(struct kn_lab_roster *roster)
{
    for (size_t i = 0; i < roster->n; i++) {
        kn_lab_proc_free(roster->members[i].proc);
    }
    roster->n = 0;
    free(roster->mark);
    roster->mark = NULL;
}

struct kn_lab_member *kn_lab_roster_find(struct kn_lab_roster *roster, const char *name)
{
    for (size_t i = 0; i < roster->n; i++) {
        if (strcmp(roster->members[i].proc->name, name) == 0) {
            return &roster->members[i];
        }
    }
    return NULL;
}

int kn_lab_roster_add(struct kn_lab_roster *roster, struct kn_lab_proc **proc, struct kn_lab_member **ret_member,
                      struct kn_error *err)
{
    struct kn_lab_member *member = kn_lab_roster_find(roster, (*proc)->name);

    if (member != NULL && member->life.state != KN_LIFE_IDLE) {
        return kn_fail(err, KN_CONFLICT, "\"%s\" is there already", (*proc)->name);
    }
    if (member == NULL && roster->n == KN_PROC_MAX) {
        return kn_fail(err, KN_TOO_LARGE, "more than %d processes", KN_PROC_MAX);
    }
    if (member == NULL) {
        member = &roster->members[roster->n++];
    } else {
        kn_lab_proc_free(member->proc);
    }
    member->proc = kn_steal(proc);
    member->pid = 0;
    kn_lab_life_init(&member->life, member->proc->grace_ms);
    *ret_member = member;
    return 0;
}

static char *pid_file(const struct kn_lab_roster *roster, const struct kn_lab_member *member)
{
    return kn_asprintf("%s/%s.pid", roster->dir, member->proc->name);
}

static void write_pid_file(const struct kn_lab_roster *roster, const struct kn_lab_member *member)
{
    AUTO_FREE char *path = pid_file(roster, member);
    FILE *file = fopen(path, "we");

    if (file == NULL || fprintf(file, "%d\n", (int)member->pid) < 0) {
        kn_log(KN_WARNING, "pid file not written", "path", path, "reason", strerror(errno), NULL);
    }
    if (file != NULL) {
        fclose(file);
    }
}

static void remove_pid_file(const struct kn_lab_roster *roster, const struct kn_lab_member *member)
{
    AUTO_FREE char *path = pid_file(roster, member);

    unlink(path);
}

static void roster_spawn(struct kn_lab_roster *roster, struct kn_lab_member *member, int64_t now_ms)
{
    struct kn_error err = { .code = KN_OK };

    if (kn_lab_spawn(member->proc, roster->mark, &member->pid, &err) < 0) {
        kn_log_error("process not started", &err);
        kn_lab_roster_event(roster, member, KN_LIFE_EXITED, now_ms); /* waits: one level deep */
        return;
    }
    write_pid_file(roster, member);
    kn_log(KN_INFO, "process started", "name", member->proc->name, NULL);
}

void kn_lab_roster_event(struct kn_lab_roster *roster, struct kn_lab_member *member, enum kn_lab_life_event event,
                         int64_t now_ms)
{
    uint32_t random = 0;

    if (getrandom(&random, sizeof(random), 0) != sizeof(random)) {
        random = (uint32_t)now_ms;
    }
    switch (kn_lab_life_step(&member->life, event, now_ms, random)) {
    case KN_LIFE_NOTHING:
        break;
    case KN_LIFE_SPAWN:
        roster_spawn(roster, member, now_ms);
        break;
    case KN_LIFE_ASK:
        kill(member->pid, member->proc->stop_signal);
        break;
    case KN_LIFE_KILL:
        kn_log(KN_WARNING, "process killed: it did not end when asked", "name", member->proc->name, NULL);
        kill(member->pid, SIGKILL);
        break;
    }
}

static void log_exit(const struct kn_lab_member *member, int wait_status)
{
    bool asked = member->life.state == KN_LIFE_STOPPING || member->life.state == KN_LIFE_RESTARTING;
    AUTO_FREE char *how = WIFSIGNALED(wait_status) ? kn_asprintf("signal %d", WTERMSIG(wait_status))
                                                   : kn_asprintf("status %d", WEXITSTATUS(wait_status));

    kn_log(asked ? KN_INFO : KN_WARNING, "process ended", "name", member->proc->name, "how", how, NULL);
}

void kn_lab_roster_exited(struct kn_lab_roster *roster, pid_t pid, int wait_status, int64_t now_ms)
{
    for (size_t i = 0; i < roster->n; i++) {
        struct kn_lab_member *member = &roster->members[i];

        if (member->pid == pid) {
            log_exit(member, wait_status);
            remove_pid_file(roster, member);
            member->pid = 0;
            kn_lab_roster_event(roster, member, KN_LIFE_EXITED, now_ms);
            return;
        }
    }
}

int64_t kn_lab_roster_tick(struct kn_lab_roster *roster, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;

    for (size_t i = 0; i < roster->n; i++) {
        struct kn_lab_member *member = &roster->members[i];

        if (member->life.due_ms <= now_ms) {
            kn_lab_roster_event(roster, member, KN_LIFE_DUE, now_ms);
        }
        if (member->life.due_ms < next_ms) {
            next_ms = member->life.due_ms;
        }
    }
    return next_ms;
}

bool kn_lab_roster_wind_down(struct kn_lab_roster *roster, int64_t now_ms)
{
    for (size_t i = roster->n; i-- > 0;) {
        struct kn_lab_member *member = &roster->members[i];

        kn_lab_roster_event(roster, member, KN_LIFE_STOP, now_ms);
        if (member->life.state != KN_LIFE_IDLE) {
            return false;
        }
    }
    return true;
}

void kn_lab_roster_print(const struct kn_lab_roster *roster, int64_t now_ms, struct kn_strbuf *out)
{
    for (size_t i = 0; i < roster->n; i++) {
        const struct kn_lab_member *member = &roster->members[i];
        int64_t age_s = member->pid == 0 ? 0 : (now_ms - member->life.started_ms) / 1000;

        kn_strbuf_addf(out, "%s %s %d %" PRIu32 " %" PRId64 "\n", member->proc->name,
                       kn_lab_life_word(member->life.state), (int)member->pid, member->life.restarts, age_s);
    }
}
