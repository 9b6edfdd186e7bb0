/* SPDX-License-Identifier: Apache-2.0 */
/* The fresh database with our schema: apart from postgres.c, so that a test of db alone needs no migrations. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/adapter/db.h"
#include "lib/adapter/migrate.h"
#include "lib/base/mem.h"
#include "tests/support/postgres.h"

/* Refuses a schema of other migrations than this program's: each is known by its checksum. */
static int migrate(const char *url, struct kn_error *err)
{
    AUTO(kn_db) struct kn_db *db = kn_db_new(url, "test");

    return kn_migrate(db, kn_migrations, kn_migrations_count, NULL, err);
}

char *kn_test_pg_migrated(struct kn_test_pg *pg, const char *name)
{
    AUTO_FREE char *head = kn_test_pg_head(pg, name);
    struct kn_error err = { 0 };

    if (head != NULL && migrate(head, &err) == 0) {
        return kn_steal(&head);
    }
    AUTO_FREE char *url = kn_test_pg_database(pg, name);
    kn_error_clear(&err);
    if (migrate(url, &err) < 0) {
        fprintf(stderr, "test postgres: migrate: %s\n", err.message);
        exit(1);
    }
    return kn_steal(&url);
}

void kn_test_pg_tasks(const char *url, int64_t first, int64_t count)
{
    AUTO(kn_db) struct kn_db *db = kn_db_new(url, "test");
    AUTO_FREE char *sql = kn_asprintf(
        "INSERT INTO task (id, kind, shard, object_id, project_id, user_id, request_id) OVERRIDING SYSTEM VALUE "
        "SELECT i, 'test', 0, gen_random_uuid(), 'p', 'u', 'r' FROM generate_series(%lld::bigint, %lld::bigint) i",
        (long long)first, (long long)(first + count - 1));
    struct kn_error err = { 0 };

    if (kn_db_script(db, sql, &err) < 0) {
        fprintf(stderr, "test postgres: tasks: %s\n", err.message);
        exit(1);
    }
}
