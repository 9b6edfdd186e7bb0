/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit: the promises of the design (section 10), each a statement that must find nothing, or a comparison of the database with what hosts
 * say. Reads only.
 */
#ifndef KN_CONDUCTOR_AUDIT_H
#define KN_CONDUCTOR_AUDIT_H

#include <jansson.h>
#include <stdio.h>

#include "lib/adapter/bus.h"
#include "lib/adapter/db.h"

struct kn_audit {
    struct kn_db *db;
    struct kn_bus *bus;     /* NULL: hosts are not asked */
    const char *log_dir;    /* NULL: logs are not read */
    FILE *out;
    int promises;           /* looked at */
    int broken;             /* of them */
};

/* Every promise that is a statement. */
int kn_audit_database(struct kn_audit *audit, struct kn_error *err);
/* What the hosts have against what the database says; hosts whose agents are down are named, not judged. */
int kn_audit_hosts(struct kn_audit *audit, struct kn_error *err);
/* Promise 7 in files: no token, password or key in a line of a log. */
int kn_audit_logs(struct kn_audit *audit, struct kn_error *err);

/* For the three: prints "ok" or "BROKEN", the promise, and up to ten findings. */
void kn_audit_say(struct kn_audit *audit, const char *promise, const struct kn_rows *findings);
/* The same for findings gathered in memory: a JSON array of strings. */
void kn_audit_say_list(struct kn_audit *audit, const char *promise, const json_t *findings);

#endif
