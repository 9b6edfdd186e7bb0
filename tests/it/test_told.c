/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clients are told of failures, walked through: failures that really happen, below the API and on hosts, in each service's dialect. Nothing
 * names a host, a path, the database or a capacity; the reason stays when it is about what was asked for.
 */
#include <stdio.h>

#include "api/dialect.h"
#include "image/data/blob.h"
#include "lib/adapter/db.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/fault.h"
#include "tests/support/postgres.h"
#include "tests/support/test.h"

#define IMAGE "eeeeeeee-0000-4000-8000-000000000001"
#define REQUEST "req-11111111-1111-4111-8111-111111111111"

static struct kn_test_pg *pg;
static struct kn_db *db;

static int group_setup(void **state)
{
    (void)state;
    pg = kn_test_pg_start(KN_TEST_PG_FAST);
    AUTO_FREE char *url = kn_test_pg_migrated(pg, "told");
    db = kn_db_new(url, "test");
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    kn_db_free(db);
    kn_test_pg_free(pg);
    return 0;
}

/* --- failures ------------------------------------------------------------------------------------------------------------------- */

static void database_away(struct kn_error *err)
{
    AUTO(kn_db) struct kn_db *away = kn_db_new("postgresql://kilonova@127.0.0.1:1/kilonova", "test");

    assert_int_equal(kn_db_connect(away, 0, err), -1);
}

static void constraint_violated(struct kn_error *err)
{
    assert_int_equal(kn_db_script(db, "INSERT INTO shard (id) VALUES (0)", err), -1);
}

static void constraint_with_context(struct kn_error *err)
{
    constraint_violated(err);
    kn_fail_context(err, "attach volume %s", IMAGE);
}

static void store_in(const char *dir, struct kn_error *err)
{
    AUTO(kn_image_blob_writer) struct kn_image_blob_writer *w = NULL;

    assert_int_equal(kn_image_blob_writer_new(dir, IMAGE, KN_BLOB_UPLOAD, -1, 100, &w, err), -1);
}

static void store_forbidden(struct kn_error *err)
{
    store_in("/sys/kernel", err);
}

static void store_gone(struct kn_error *err)
{
    store_in("/nonexistent/store", err);
}

/* A task that failed on a host, as its owner hears of it. */
static void task_failed(enum kn_code code, const char *message, struct kn_error *err)
{
    AUTO_FREE char *reason = kn_fault_public(code, message, "secrethost", "secretagent", REQUEST);

    kn_fail(err, code, "%s", reason);
}

static void task_named_host(struct kn_error *err)
{
    task_failed(KN_NOT_FOUND, "server has no guest on secrethost", err);
}

static void task_named_agent(struct kn_error *err)
{
    task_failed(KN_CONFLICT, "agent secretagent does not carry it", err);
}

static void task_named_path(struct kn_error *err)
{
    task_failed(KN_UNAVAILABLE, "cannot write /var/lib/kilonova: 17 GiB are free", err);
}

static void task_found_no_room(struct kn_error *err)
{
    task_failed(KN_NO_VALID_HOST, "no back end has room for the volume: 17 of 4711 GiB would be promised", err);
}

static void task_timed_out(struct kn_error *err)
{
    task_failed(KN_TIMEOUT, "qemu-img took longer on secrethost", err);
}

static void (*const FAILURES[])(struct kn_error *err) = {
    database_away,   constraint_violated, constraint_with_context, store_forbidden,    store_gone,
    task_named_host, task_named_agent,    task_named_path,         task_found_no_room, task_timed_out,
};

static const char *const HIDDEN[] = {
    "secret", "/var",      "/sys",   "/nonexistent", "store",     "GiB",  "4711",
    "17",     "127.0.0.1", "port 1", "shard_pkey",   "duplicate", "qemu", "server at"
};

/* --- the tests ------------------------------------------------------------------------------------------------------------------- */

static char *told(enum kn_dialect dialect, const struct kn_error *err)
{
    struct kn_response res = {
        .status = 200, .body = KN_STRBUF_INIT, .content_type = "application/json", .fd = -1, .headers = KN_STRBUF_INIT
    };
    const struct kn_api_dialect_ask ask = { .dialect = dialect, .request_id = REQUEST, .identity_url = "http://x" };
    char *text;

    kn_api_dialect_error(&ask, err, &res);
    text = kn_asprintf("%s\n%s", res.headers.buf, res.body.buf);
    kn_strbuf_release(&res.body);
    kn_strbuf_release(&res.headers);
    return text;
}

static void test_nothing_of_the_cloud_s_is_told(void **state)
{
    (void)state;
    for (size_t f = 0; f < KN_COUNT(FAILURES); f++) {
        struct kn_error err = { 0 };

        FAILURES[f](&err);
        for (int d = KN_DIALECT_NOVA; d <= KN_DIALECT_PLACEMENT; d++) {
            AUTO_FREE char *text = told((enum kn_dialect)d, &err);

            for (size_t h = 0; h < KN_COUNT(HIDDEN); h++) {
                if (strstr(text, HIDDEN[h]) != NULL) {
                    fail_msg("failure %zu, dialect %d tells \"%s\": %s", f, d, HIDDEN[h], text);
                }
            }
            if (strstr(text, REQUEST) == NULL && err.code != KN_NO_VALID_HOST) {
                fail_msg("failure %zu, dialect %d leads nobody to the log: %s", f, d, text);
            }
        }
    }
}

/* The operator's side: the log line has what clients do not hear. */
static void test_the_error_itself_says_all(void **state)
{
    struct kn_error err = { 0 };

    (void)state;
    store_forbidden(&err);
    assert_non_null(strstr(err.message, "/sys/kernel"));
    assert_true(err.is_private);
    kn_fail(&err, KN_CONFLICT, "Volume is attached");
    assert_false(err.is_private);
}

static void test_reasons_about_what_was_asked_are_told(void **state)
{
    struct kn_error err = { 0 };

    (void)state;
    task_failed(KN_CONFLICT, "the server is being deleted", &err);
    AUTO_FREE char *text = told(KN_DIALECT_NOVA, &err);
    assert_non_null(strstr(text, "the server is being deleted"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_of_the_cloud_s_is_told),
        cmocka_unit_test(test_the_error_itself_says_all),
        cmocka_unit_test(test_reasons_about_what_was_asked_are_told),
    };

    return cmocka_run_group_tests_name("what clients are told", tests, group_setup, group_teardown);
}
