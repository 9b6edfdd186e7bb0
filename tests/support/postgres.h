/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres: a private PostgreSQL cluster for one test program: own temporary directory, unix socket only, run as an
 * unprivileged user when the test is root. It dies with the test. Every failure aborts the test with its reason.
 *
 *   struct kn_test_pg *pg = kn_test_pg_start(KN_TEST_PG_FAST);
 *   AUTO_FREE char *url = kn_test_pg_database(pg, "unit");   // empty; kn_test_pg_migrated() for one with the schema
 *   …
 *   kn_test_pg_free(pg);
 */
#ifndef KN_TESTS_SUPPORT_POSTGRES_H
#define KN_TESTS_SUPPORT_POSTGRES_H

#include <stdint.h>
#include <sys/types.h>

struct kn_test_pg;

/* FAST: fsync off. DURABLE: as in production; the bench. */
enum kn_test_pg_mode { KN_TEST_PG_FAST, KN_TEST_PG_DURABLE };

struct kn_test_pg *kn_test_pg_start(enum kn_test_pg_mode mode);
void kn_test_pg_free(struct kn_test_pg *pg);

/* A fresh database; the caller frees its libpq URL. */
char *kn_test_pg_database(struct kn_test_pg *pg, const char *name);
/* The same with the schema that pg_template.sh found, which may be an old one; NULL if there is none. */
char *kn_test_pg_head(struct kn_test_pg *pg, const char *name);
/* A fresh database with all migrations applied. */
char *kn_test_pg_migrated(struct kn_test_pg *pg, const char *name);
/*
 * The statement that empties tables ("a, b") and all that refer to them, as TRUNCATE ... CASCADE does, and as it without triggers. It leaves the
 * files of the tables alone, and so costs a tenth: tests put their world back hundreds of times. Nobody else may be writing.
 */
#define KN_TEST_EMPTY(tables) \
    "DO $$ DECLARE one regclass; BEGIN SET LOCAL session_replication_role = replica;" \
    "FOR one IN WITH RECURSIVE all_of_it(id) AS (SELECT unnest('{" tables "}'::regclass[])::oid" \
    " UNION SELECT conrelid FROM pg_constraint JOIN all_of_it ON confrelid = id WHERE contype = 'f')" \
    " SELECT id FROM all_of_it LOOP EXECUTE 'DELETE FROM ' || one; END LOOP;" \
    "SET LOCAL session_replication_role = origin; END $$;"
/* Open tasks with the ids from first on, at attempt 1: for a test that says a conductor's commands. */
void kn_test_pg_tasks(const char *url, int64_t first, int64_t count);

/* Stops the server (fast shutdown: sessions are cut) and waits; up() starts it again and waits until it answers. */
void kn_test_pg_down(struct kn_test_pg *pg);
void kn_test_pg_up(struct kn_test_pg *pg);
/* The postmaster's, for /proc. */
pid_t kn_test_pg_pid(const struct kn_test_pg *pg);

#endif
