/* SPDX-License-Identifier: Apache-2.0 */
/*
 * migrate: brings a database from empty to head. The files migrations/NNNN_what.sql are linked into the binary
 * (build/gen/migrations.c), each with its SHA-256. Each is applied in a transaction of its own, under one advisory lock, with
 * its row in schema_migration(number, name, checksum, applied_at). Refuses a database that has a number this binary does not
 * know, a checksum that differs, or a gap.
 */
#ifndef KN_ADAPTER_MIGRATE_H
#define KN_ADAPTER_MIGRATE_H

#include <stdio.h>

#include "lib/adapter/db.h"

struct kn_migration {
    int number;
    const char *name;
    const char *checksum; /* SHA-256, hex */
    const char *sql;
};

extern const struct kn_migration kn_migrations[];
extern const int kn_migrations_count;

/* Prints a line for each one applied to `out` (may be NULL). Idempotent; safe to run from several machines at once. */
int kn_migrate(struct kn_db *db, const struct kn_migration *list, int count, FILE *out, struct kn_error *err);
/* Prints a line for each migration of the list: applied when, or pending. Refuses what kn_migrate() refuses. */
int kn_migrate_status(struct kn_db *db, const struct kn_migration *list, int count, FILE *out, struct kn_error *err);
/* 0 if the database stands exactly at the head of this binary; what every daemon asks at its start. */
int kn_migrate_check(struct kn_db *db, const struct kn_migration *list, int count, struct kn_error *err);

#endif
