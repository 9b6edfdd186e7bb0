/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins and revocations that meet: in each order that two processes can bring about, nobody leaves with a token that the revocation
 * was meant to end.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "identity/auth/identity.h"
#include "identity/rows/revoke.h"
#include "lib/adapter/db.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/keystone.h"
#include "tests/support/test.h"

#define WAIT_MS 60000

struct login {
    pthread_t thread;
    struct kn_ks_person who;
    atomic_bool done;
    int status;
    char token[KN_KS_TOKEN];
};

static void *log_in(void *arg)
{
    struct login *l = arg;
    struct kn_test_http http = kn_test_http_open(kn_ks.http.port);
    AUTO_FREE char *body =
        kn_asprintf("{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"id\":\"%s\","
                    "\"password\":\"s3cret\"}}},\"scope\":%s}}",
                    l->who.user, l->who.scope);

    kn_test_http_ask(&http, "POST", "/identity/v3/auth/tokens", NULL, body);
    l->status = http.status;
    kn_copy(l->token, sizeof(l->token), kn_test_http_header(&http, "X-Subject-Token"));
    kn_test_http_close(&http);
    atomic_store(&l->done, true);
    return NULL;
}

/* Until the login waits for a lock of ours, or did not have to. */
static void await_waiting(struct kn_db *db, struct login *l)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    int waiting = 0;

    while (waiting == 0 && !atomic_load(&l->done)) {
        AUTO(kn_rows) struct kn_rows *rows = NULL;
        struct kn_error err = { 0 };

        assert_ok(kn_db_query(db, "SELECT FROM pg_locks WHERE NOT granted", 0, NULL, &rows, &err), &err);
        waiting = kn_rows_count(rows);
        assert_true(kn_mono_ms() < deadline);
    }
}

static void revoke_user(struct kn_db *db, const char *user)
{
    struct kn_error err = { 0 };
    assert_ok(kn_identity_revoke(db, KN_REVOKE_USER, user, &err), &err);
}

/* The password was right before, the scope is read after: the token is as old as what came first. */
static void test_revoked_while_logging_in(void **state)
{
    AUTO(kn_db) struct kn_db *blocker = kn_db_new(kn_ks.url, "blocker");
    AUTO(kn_db) struct kn_db *db = kn_db_new(kn_ks.url, "other-api");
    AUTO_TX struct kn_tx tx = { 0 };
    struct kn_error err = { 0 };
    struct login l;

    (void)state;
    l = (struct login){ .who = kn_ks_make_person("inflight", "member") };
    assert_ok(kn_tx_begin(&tx, blocker, &err), &err);
    assert_ok(kn_db_script(blocker, "LOCK TABLE assignment IN ACCESS EXCLUSIVE MODE", &err), &err);
    assert_int_equal(pthread_create(&l.thread, NULL, log_in, &l), 0);
    await_waiting(db, &l);
    assert_false(atomic_load(&l.done));
    revoke_user(db, l.who.user);
    assert_ok(kn_tx_commit(&tx, &err), &err);
    pthread_join(l.thread, NULL);
    assert_int_equal(l.status, 201);
    kn_identity_refresh(db);
    kn_ks_assert_worth(l.token, false);
}

/* Begun, not yet committed: the login neither reads what was before nor dates its token after. */
static void test_logging_in_while_revoked(void **state)
{
    AUTO(kn_db) struct kn_db *admin = kn_db_new(kn_ks.url, "other-api");
    AUTO(kn_db) struct kn_db *db = kn_db_new(kn_ks.url, "watcher");
    AUTO_TX struct kn_tx tx = { 0 };
    struct kn_error err = { 0 };
    struct login l;

    (void)state;
    l = (struct login){ .who = kn_ks_make_person("disabled", "member") };
    AUTO_FREE char *disable = kn_asprintf("UPDATE identity_user SET enabled = false WHERE id = '%s'", l.who.user);
    assert_ok(kn_tx_begin(&tx, admin, &err), &err);
    assert_ok(kn_db_script(admin, disable, &err), &err);
    revoke_user(admin, l.who.user);
    assert_int_equal(pthread_create(&l.thread, NULL, log_in, &l), 0);
    await_waiting(db, &l);
    assert_ok(kn_tx_commit(&tx, &err), &err);
    pthread_join(l.thread, NULL);
    kn_identity_refresh(db);
    assert_int_equal(l.status, 401);
}

/* Another API revoked, this one does not know it for a second: no new token for the old one. */
static void test_rescoped_at_once(void **state)
{
    AUTO(kn_db) struct kn_db *db = kn_db_new(kn_ks.url, "other-api");
    const struct kn_ks_person p = kn_ks_make_person("thief", "member");

    (void)state;
    for (int i = 0; i < 10; i++) {
        char token[KN_KS_TOKEN];

        kn_ks_log_in(201, p.name, "s3cret", p.scope, token);
        AUTO_FREE char *body =
            kn_asprintf("{\"auth\":{\"identity\":{\"methods\":[\"token\"],\"token\":{\"id\":\"%s\"}},\"scope\":%s}}",
                        token, p.scope);
        revoke_user(db, p.user);
        kn_ks_ask(404, "POST", "/v3/auth/tokens", NULL, body);
    }
    char token[KN_KS_TOKEN];
    kn_ks_log_in(201, p.name, "s3cret", p.scope, token);
    kn_ks_assert_worth(token, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_revoked_while_logging_in),
        cmocka_unit_test(test_logging_in_while_revoked),
        cmocka_unit_test(test_rescoped_at_once),
    };
    return cmocka_run_group_tests(tests, kn_ks_group_start, kn_ks_group_stop);
}
