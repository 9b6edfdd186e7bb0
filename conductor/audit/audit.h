/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit: the promises of the design (section 10), each a statement that must find nothing, or a comparison of the database with what hosts
 * say. Reads only. Every column that another part derives something from has a promise of its own.
 *
 * A promise is kept, broken, or not judged: what nobody could look at is no good news. `audit` exits with 0, 1 and 2 for these.
 */
#ifndef KN_CONDUCTOR_AUDIT_AUDIT_H
#define KN_CONDUCTOR_AUDIT_AUDIT_H

#include <jansson.h>
#include <stdio.h>

#include "lib/adapter/bus.h"
#include "lib/adapter/conf.h"
#include "lib/adapter/db.h"

struct kn_conductor_audit {
    struct kn_db *db;
    struct kn_bus *bus;         /* NULL: hosts are not asked */
    const char *log_dir;        /* NULL: logs are not read */
    bool is_deep;               /* images' data is read and digested */
    FILE *out;
    int promises;               /* looked at */
    int broken;                 /* of them */
    int unjudged;               /* of them: nothing wrong was seen, but not everything was seen */
};

/* What PostgreSQL alone can judge: a statement whose every row is a finding in words (its first column). */
struct kn_conductor_promise {
    const char *promise;
    const char *sql;
    const char *(*argument)(struct kn_array *array);            /* $1; NULL: the statement has none */
    bool (*is_finding)(const struct kn_rows *rows,
                       int row);    /* looks once more at further columns; NULL: every row is one */
};

enum { KN_FINDING, KN_FINDING_MORE }; /* columns of such a statement */

/* By subject, each ended by promise == NULL; all of them, ended by NULL. */
extern const struct kn_conductor_promise kn_conductor_promises_compute[];
extern const struct kn_conductor_promise kn_conductor_promises_network[];
extern const struct kn_conductor_promise kn_conductor_promises_storage[];
extern const struct kn_conductor_promise kn_conductor_promises_task[];
extern const struct kn_conductor_promise kn_conductor_promises_owner[];
extern const struct kn_conductor_promise *const kn_conductor_promise_tables[];

/* For their statements. Whatever has an open task is moving; tasks that run beside others (a fence) move nothing. */
#define KN_AUDIT_MOVING(object) \
    "EXISTS (SELECT 1 FROM task t WHERE t.object_id = " object " AND t.state IN ('run', 'undo'))"
#define KN_AUDIT_WORKED_AT(object) \
    "EXISTS (SELECT 1 FROM task t WHERE t.object_id = " object \
    " AND t.state IN ('run', 'undo') AND t.kind <> 'server.fence')"

/* Every promise that is a statement. */
int kn_conductor_audit_database(struct kn_conductor_audit *audit, struct kn_error *err);
/* What the hosts have against what the database says; what a silent host might have is not judged. */
int kn_conductor_audit_hosts(struct kn_conductor_audit *audit, struct kn_error *err);
/*
 * The comparison alone. answers: host -> its answer to host.observe. A new JSON array: for each of kn_conductor_audit_host_promises (ended by NULL) an array
 * of findings; NULL and err without the database.
 */
extern const char *const kn_conductor_audit_host_promises[];
json_t *kn_conductor_audit_compare(struct kn_db *db, const json_t *answers, struct kn_error *err);
/*
 * What lies in the directories of volumes and images against the database; a directory that this machine does not see is not judged. Its promises,
 * ended by NULL; the last one only when the audit is deep.
 */
extern const char *const kn_conductor_audit_store_promises[];
int kn_conductor_audit_stores(struct kn_conductor_audit *audit, const struct kn_conf *conf, struct kn_error *err);
/* The same of backups that lie in a directory (volume.backup_dir); the last of its promises only when the audit is deep. */
extern const char *const kn_conductor_audit_backup_promises[];
int kn_conductor_audit_backups(struct kn_conductor_audit *audit, const struct kn_conf *conf, struct kn_error *err);
/* Promise 7 in files: no token, password or key in a line of a log. */
int kn_conductor_audit_logs(struct kn_conductor_audit *audit, struct kn_error *err);
/* Whether the line holds what looks like a secret, be it bare or in JSON, escaped as often as may be. Pure. */
bool kn_conductor_audit_line_is_secret(const char *line);
/* 0: all is well; 1: something is broken; 2: nothing seems to be, but not everything could be judged. */
int kn_conductor_audit_verdict(const struct kn_conductor_audit *audit);

/*
 * For all of them: prints "ok", "BROKEN" or "?" (not judged), the promise, up to ten findings, up to ten reasons why it could not be judged in
 * full. Both are JSON arrays of strings; unjudged may be NULL.
 */
void kn_conductor_audit_say(struct kn_conductor_audit *audit, const char *promise, const json_t *findings,
                            const json_t *unjudged);

#endif
