/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GETs of one that come at the same time (lib/rest/together.h). A table that is locked holds the first of them, so that the others gather: they must take no workers
 * from anybody, and when the lock goes each must be answered with its own, as its own caller may see it.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/five_servers.h"
#include "tests/support/front.h"
#include "tests/support/test.h"

#define LIMIT_MS 60000
#define GATHERED 40
#define ADMINS 4

/* A request on its way, and what it is to be answered. */
struct call {
    const char *token;
    int minor;
    const char *id;
    int status;
};

static struct kn_test_http calls[GATHERED];

static void send_call(int at, const char *token, int minor, const char *id)
{
    char request[512];
    const int len = snprintf(request, sizeof(request),
                             "GET " SERVERS "/%s HTTP/1.1\r\nHost: test\r\nX-Auth-Token: %s\r\n"
                             "OpenStack-API-Version: compute 2.%d\r\n\r\n",
                             id, token, minor);

    calls[at] = kn_test_http_open(nova->http.port);
    kn_test_http_send(&calls[at], request, (size_t)len);
}

static void hold_servers(struct kn_tx *tx)
{
    struct kn_error err = { 0 };

    assert_ok(kn_tx_begin(tx, nova->db, &err), &err);
    assert_ok(kn_db_script(nova->db, "LOCK TABLE server IN ACCESS EXCLUSIVE MODE", &err), &err);
}

static void let_go(struct kn_tx *tx)
{
    struct kn_error err = { 0 };

    assert_ok(kn_tx_commit(tx, &err), &err);
}

/* So many sessions wait for the table. */
static void await_waiting(int64_t wanted)
{
    static const char SQL[] = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'server'::regclass";
    const int64_t until = kn_mono_ms() + LIMIT_MS;

    while (kn_test_nova_sql(nova, SQL) < wanted) {
        assert_true(kn_mono_ms() < until);
    }
}

static void read_call(int at, const struct call *call)
{
    char member[96];

    assert_true(kn_test_http_read(&calls[at], false));
    snprintf(member, sizeof(member),
             call->status == 200 ? "{\"server\":{\"id\":\"%s\"" : "Instance %s could not be found.", call->id);
    if (calls[at].status != call->status || strstr(calls[at].body.buf, member) == NULL ||
        (call->status == 200 && (strstr(calls[at].body.buf, "\"locked\"") != NULL) != (call->minor >= 9))) {
        fail_msg("%s asks for %s at 2.%d: %d %s", call->token, call->id, call->minor, calls[at].status,
                 calls[at].body.buf);
    }
    kn_test_http_close(&calls[at]);
}

static void each_is_answered_with_its_own(void **state)
{
    static const struct call CALLS[] = {
        { SEED_MEMBER, 1, ONE, 200 },      { SEED_MEMBER, 1, TWO, 200 },    { SEED_STRANGER, 1, ONE, 404 },
        { SEED_MEMBER, 1, FOREIGN, 404 },  { SEED_MEMBER, 1, GONE, 404 },   { SEED_STRANGER, 1, FOREIGN, 200 },
        { SEED_ADMIN, 1, FOREIGN, 200 },   { SEED_ADMIN, 1, ONE, 200 },     { SEED_MEMBER, 1, SEED_NOBODY, 404 },
        { SEED_MEMBER, 96, ONE, 200 },     { SEED_MEMBER, 96, THREE, 200 }, { SEED_READER, 1, THREE, 200 },
        { SEED_STRANGER, 96, THREE, 404 }, { SEED_ADMIN, 96, GONE, 404 },
    };
    AUTO_TX struct kn_tx tx = { NULL };

    (void)state;
    hold_servers(&tx);
    for (int i = 0; i < GATHERED; i++) {
        const struct call *call = &CALLS[(size_t)i % KN_COUNT(CALLS)];

        send_call(i, call->token, call->minor, call->id);
    }
    await_waiting(2);
    let_go(&tx);
    for (int i = 0; i < GATHERED; i++) {
        read_call(i, &CALLS[(size_t)i % KN_COUNT(CALLS)]);
    }
}

/* Administrators of many projects: each alone could hold half of the workers, all of them all. */
static void send_admins(void)
{
    static const char *const TOKENS[ADMINS] = { "a1:admin", "a2:admin", "a3:admin", "a4:admin" };

    for (int i = 0; i < GATHERED; i++) {
        send_call(i, TOKENS[i % ADMINS], 1, i % 2 == 0 ? ONE : SEED_NOBODY);
    }
}

static void they_take_no_workers(void **state)
{
    AUTO_TX struct kn_tx tx = { NULL };

    (void)state;
    hold_servers(&tx);
    send_admins();
    await_waiting(1);
    for (int i = 0; i < GATHERED; i++) {
        assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "GET", "/compute/v2.1/flavors", NULL), 200);
    }
    let_go(&tx);
    for (int i = 0; i < GATHERED; i++) {
        read_call(i, &(struct call){ "admin", 1, i % 2 == 0 ? ONE : SEED_NOBODY, i % 2 == 0 ? 200 : 404 });
    }
}

static void a_statement_that_fails_is_told_to_all(void **state)
{
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_error err = { 0 };

    (void)state;
    hold_servers(&tx);
    send_admins();
    await_waiting(1);
    assert_ok(kn_db_script(nova->db, "ALTER TABLE server RENAME COLUMN key_name TO key_nome", &err), &err);
    let_go(&tx);
    for (int i = 0; i < GATHERED; i++) {
        assert_true(kn_test_http_read(&calls[i], false));
        assert_int_equal(calls[i].status, 500);
        kn_test_http_close(&calls[i]);
    }
    assert_ok(kn_db_script(nova->db, "ALTER TABLE server RENAME COLUMN key_nome TO key_name", &err), &err);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "GET", SERVERS "/" ONE, NULL), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_is_answered_with_its_own, five_servers_fresh),
        cmocka_unit_test_setup(they_take_no_workers, five_servers_fresh),
        cmocka_unit_test_setup(a_statement_that_fails_is_told_to_all, five_servers_fresh),
    };
    return cmocka_run_group_tests(tests, kn_seed_group_setup, kn_seed_group_teardown);
}
