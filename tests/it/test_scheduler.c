/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kilonova-scheduler as a process between a real database and a bus: claims, releases, repetitions, kill -9. We play
 * agent and conductor. Whatever happens, a host's use is the sum of its allocations.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/adapter/bus.h"
#include "lib/adapter/db.h"
#include "lib/base/clock.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "tests/support/process.h"
#include "tests/support/scheduler_world.h"
#include "tests/support/test.h"

/* A claim that is granted; its host goes to out. */
static void claim_one(struct kn_scheduler_world *f, int i, int64_t generation, json_t *more, char out[64])
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

    kn_scheduler_claim(f, i, generation, more);
    kn_scheduler_answer(f, &m);
    if (!m.ok) {
        fail_msg("refused: %s", m.error.message);
    }
    assert_int_equal(m.task, i + 1);
    kn_copy(out, 64, kn_json_str(m.result, "host"));
}

static void assert_sums(struct kn_scheduler_world *f)
{
    assert_int_equal(
        kn_scheduler_number(
            f, "SELECT count(*) FROM host h LEFT JOIN (SELECT host, count(*) n, sum(vcpus) v, sum(memory_mib) m, "
               "sum(disk_gib) d FROM allocation GROUP BY host) a ON a.host = h.name WHERE h.used_vcpus <> "
               "coalesce(a.v, 0) OR h.used_memory_mib <> coalesce(a.m, 0) OR h.used_disk_gib <> coalesce(a.d, 0) "
               "OR h.servers <> coalesce(a.n, 0)"),
        0);
}

/* --- tests ----------------------------------------------------------------------------------------------------------- */

static void test_claims_and_releases_repeat_themselves(void **state)
{
    struct kn_scheduler_world *f = *state;
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    char first[64], second[64], moved[64];

    kn_scheduler_servers(f, 1);
    claim_one(f, 0, 1, NULL, first);
    claim_one(f, 0, 1, NULL, second);
    assert_string_equal(first, second);
    assert_int_equal(kn_scheduler_number(f, "SELECT sum(servers) FROM host"), 1);

    /* A newer generation moves what it holds. */
    kn_scheduler_number(f, "UPDATE server SET generation = 2 RETURNING 1");
    claim_one(f, 0, 2, json_pack("{s:[s]}", "exclude", first), moved);
    assert_string_not_equal(first, moved);
    assert_int_equal(kn_scheduler_number(f, "SELECT sum(used_memory_mib) FROM host"), 512);
    assert_sums(f);

    /* An old one neither claims nor releases. */
    kn_scheduler_claim(f, 0, 1, NULL);
    kn_scheduler_answer(f, &m);
    assert_false(m.ok);
    assert_int_equal(m.error.code, KN_STALE);
    kn_message_release(&m);
    kn_scheduler_release(f, 0, 1);
    kn_scheduler_answer(f, &m);
    assert_true(m.ok);
    assert_int_equal(kn_scheduler_number(f, "SELECT sum(servers) FROM host"), 1);
    for (int i = 0; i < 2; i++) {
        kn_message_release(&m);
        kn_scheduler_release(f, 0, 2);
        kn_scheduler_answer(f, &m);
        assert_true(m.ok);
    }
    assert_int_equal(kn_scheduler_number(f, "SELECT sum(used_vcpus) + sum(used_memory_mib) + sum(servers) FROM host"),
                     0);
    assert_int_equal(kn_scheduler_number(f, "SELECT count(*) FROM allocation"), 0);
}

/* Away from the hosts of some servers, or with one of them: wherever the policy would put it. */
static void test_hints(void **state)
{
    struct kn_scheduler_world *f = *state;
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    char host[4][64], id[KN_UUID_SIZE];

    kn_scheduler_servers(f, 5);
    claim_one(f, 0, 1, NULL, host[0]);
    kn_scheduler_server_id(0, id);
    AUTO_FREE char *first = kn_strdup(id);
    kn_scheduler_server_id(1, id);
    AUTO_FREE char *apart = kn_asprintf("UPDATE server SET apart_from = '{%s}' WHERE id = '%s' RETURNING 1", first, id);
    kn_scheduler_number(f, apart);
    claim_one(f, 1, 1, NULL, host[1]);
    assert_string_not_equal(host[0], host[1]);
    AUTO_FREE char *second = kn_strdup(id);
    kn_scheduler_server_id(2, id);
    AUTO_FREE char *with = kn_asprintf("UPDATE server SET together_with = '{%s}' WHERE id = '%s' RETURNING 1", second,
                                       id);
    kn_scheduler_number(f, with);
    claim_one(f, 2, 1, NULL, host[2]);
    assert_string_equal(host[2], host[1]);
    kn_scheduler_server_id(3, id);
    AUTO_FREE char *nobody = kn_asprintf(
        "UPDATE server SET together_with = '{99999999-9999-4999-8999-999999999999}' WHERE id = '%s' RETURNING 1", id);
    kn_scheduler_number(f, nobody);
    kn_scheduler_claim(f, 3, 1, NULL);
    kn_scheduler_answer(f, &m);
    assert_false(m.ok);
    assert_int_equal(m.error.code, KN_NO_VALID_HOST);
    assert_non_null(strstr(m.error.message, "SameHostFilter"));
    assert_sums(f);
}

static json_t *as_dest(const char *not_on)
{
    return json_pack("{s:s, s:[s]}", "role", "dest", "exclude", not_on);
}

static void released(struct kn_scheduler_world *f, int64_t generation, json_t *more)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    char id[KN_UUID_SIZE];

    kn_scheduler_server_id(0, id);
    json_object_set_new(more, "server", json_string(id));
    kn_scheduler_send(f, KN_TOPIC_PLACE, "place.release", 1, generation, more);
    kn_scheduler_answer(f, &m);
    assert_true(m.ok);
}

/* Its hello says that the next one listens. */
static void kill_and_start(struct kn_scheduler_world *f)
{
    AUTO_RELEASE(kn_message) struct kn_message hello = { 0 };
    struct kn_error err = { 0 };

    assert_ok(kn_bus_assign(f->reader, KN_TOPIC_REPORT, 0, &err), &err);
    kn_test_end(f->scheduler, SIGKILL);
    kn_scheduler_start(f);
    do {
        kn_message_release(&hello);
        kn_scheduler_answer(f, &hello);
    } while (strcmp(hello.type->name, "service.hello") != 0);
    assert_ok(kn_bus_unassign(f->reader, KN_TOPIC_REPORT, 0, &err), &err);
}

/* A move holds two places at once: both count, each is freed by itself, and whoever dies in between forgets neither. */
static void test_a_move_holds_two_places(void **state)
{
    struct kn_scheduler_world *f = *state;
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    char home[64], dest[64], again[64];

    kn_scheduler_servers(f, 1);
    claim_one(f, 0, 1, NULL, home);
    kn_scheduler_claim(f, 0, 1, as_dest(home)); /* where it is by now is no destination */
    kn_scheduler_answer(f, &m);
    assert_int_equal(m.error.code, KN_STALE);
    claim_one(f, 0, 2, as_dest(home), dest);
    assert_string_not_equal(home, dest);
    assert_int_equal(kn_scheduler_number(f, "SELECT count(*) FROM allocation"), 2);
    assert_int_equal(kn_scheduler_number(f, "SELECT count(*) FROM host WHERE servers = 1 AND used_memory_mib = 512"),
                     2);
    assert_sums(f);

    kill_and_start(f);
    claim_one(f, 0, 2, as_dest(home), again);
    assert_string_equal(dest, again);
    claim_one(f, 0, 1, NULL, again);
    assert_string_equal(home, again);
    assert_sums(f);

    released(f, 2, json_pack("{s:s}", "role", "dest"));
    assert_int_equal(kn_scheduler_number(f, "SELECT count(*) FROM allocation WHERE role = 'home' AND generation = 1"),
                     1);
    assert_int_equal(kn_scheduler_number(f, "SELECT sum(servers) FROM host"), 1);
    assert_sums(f);
    claim_one(f, 0, 3, as_dest(home), dest);
    released(f, 3, json_pack("{s:s}", "role", "home"));
    assert_int_equal(kn_scheduler_number(f, "SELECT count(*) FROM allocation WHERE role = 'dest' AND generation = 3"),
                     1);
    assert_sums(f);
    claim_one(f, 0, 4, NULL, home);
    released(f, 2, json_object()); /* of a time before both */
    assert_int_equal(kn_scheduler_number(f, "SELECT count(*) FROM allocation"), 2);
    released(f, 4, json_object()); /* a deletion's: whatever the server holds */
    assert_int_equal(kn_scheduler_number(f, "SELECT count(*) FROM allocation"), 0);
    assert_int_equal(kn_scheduler_number(f, "SELECT sum(used_vcpus) + sum(used_memory_mib) + sum(servers) FROM host"),
                     0);
}

/* The move's end: the destination is the home and keeps its place, the place before is free; said again, it is so already. */
static void test_a_move_arrives(void **state)
{
    struct kn_scheduler_world *f = *state;
    char home[64], dest[64], again[64];
    AUTO_FREE char *there = NULL;

    kn_scheduler_servers(f, 1);
    claim_one(f, 0, 1, NULL, home);
    claim_one(f, 0, 2, as_dest(home), dest);
    for (int i = 0; i < 2; i++) {
        claim_one(f, 0, 2, NULL, again);
        assert_string_equal(dest, again);
    }
    there = kn_asprintf("SELECT count(*) FROM allocation WHERE role = 'home' AND generation = 2 AND host = '%s'", dest);
    assert_int_equal(kn_scheduler_number(f, there), 1);
    assert_int_equal(kn_scheduler_number(f, "SELECT count(*) FROM allocation"), 1);
    assert_int_equal(kn_scheduler_number(f, "SELECT sum(servers) FROM host"), 1);
    assert_sums(f);
    kill_and_start(f);
    claim_one(f, 0, 2, NULL, again);
    assert_string_equal(dest, again);
    released(f, 2, json_object());
    assert_int_equal(kn_scheduler_number(f, "SELECT sum(used_vcpus) + sum(used_memory_mib) + sum(servers) FROM host"),
                     0);
}

/* Of two servers on one host, one moving to it: the end of one leaves the other's. */
static void test_a_release_frees_only_its_own(void **state)
{
    struct kn_scheduler_world *f = *state;
    char host[64], dest[64];

    kn_scheduler_servers(f, 2);
    claim_one(f, 0, 1, NULL, host);
    claim_one(f, 1, 1, json_pack("{s:[s]}", "exclude", host), dest);
    claim_one(f, 1, 2, json_pack("{s:s, s:s}", "role", "dest", "host", host), dest);
    assert_string_equal(host, dest);
    assert_int_equal(kn_scheduler_number(f, "SELECT max(servers) FROM host"), 2);
    released(f, 1, json_object()); /* server 0 is deleted */
    assert_int_equal(kn_scheduler_number(
                         f, "SELECT count(*) FROM allocation WHERE server_id = '00000000-0000-4000-8000-000000000001'"),
                     2);
    assert_sums(f);
}

static void test_a_role_that_there_is_not_is_refused(void **state)
{
    struct kn_scheduler_world *f = *state;
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

    kn_scheduler_servers(f, 1);
    kn_scheduler_claim(f, 0, 1, json_pack("{s:s}", "role", "elsewhere"));
    kn_scheduler_answer(f, &m);
    assert_false(m.ok);
    assert_int_equal(m.error.code, KN_BAD_REQUEST);
    assert_int_equal(kn_scheduler_number(f, "SELECT count(*) FROM allocation"), 0);
}

/* A repeated release of a task that is over frees nothing, a claim of one that was superseded takes nothing, whatever the generation says. */
static void test_only_the_present_attempt_is_obeyed(void **state)
{
    struct kn_scheduler_world *f = *state;
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    char host[64];

    kn_scheduler_servers(f, 2);
    claim_one(f, 0, 1, NULL, host);
    kn_scheduler_number(f, "UPDATE task SET attempt = 2 WHERE id = 1 RETURNING 1");
    kn_scheduler_release(f, 0, 1);
    kn_scheduler_answer(f, &m);
    assert_false(m.ok);
    assert_int_equal(m.error.code, KN_STALE);
    kn_message_release(&m);
    kn_scheduler_number(f, "UPDATE task SET attempt = 1, state = 'done' WHERE id = 1 RETURNING 1");
    kn_scheduler_release(f, 0, 1);
    kn_scheduler_answer(f, &m);
    assert_false(m.ok);
    kn_message_release(&m);
    kn_scheduler_number(f, "UPDATE task SET state = 'failed' WHERE id = 2 RETURNING 1");
    kn_scheduler_claim(f, 1, 1, NULL);
    kn_scheduler_answer(f, &m);
    assert_false(m.ok);
    assert_int_equal(m.error.code, KN_STALE);
    assert_int_equal(kn_scheduler_number(f, "SELECT count(*) FROM allocation"), 1);
    assert_sums(f);
}

static void test_deleted_servers_claim_nothing(void **state)
{
    struct kn_scheduler_world *f = *state;
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

    kn_scheduler_servers(f, 1);
    kn_scheduler_number(f, "UPDATE server SET deleted_at = now() RETURNING 1");
    kn_scheduler_claim(f, 0, 1, NULL);
    kn_scheduler_answer(f, &m);
    assert_false(m.ok);
    kn_message_release(&m);
    kn_scheduler_claim(f, 77, 1, NULL); /* has never been */
    kn_scheduler_answer(f, &m);
    assert_false(m.ok);
    assert_int_equal(kn_scheduler_number(f, "SELECT count(*) FROM allocation"), 0);
}

static void test_no_valid_host_says_why(void **state)
{
    struct kn_scheduler_world *f = *state;
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    char host[64];

    kn_scheduler_servers(f, 2);
    kn_scheduler_claim(f, 0, 1, json_pack("{s:s,s:i}", "zone", "east", "memory_mib", 9000));
    kn_scheduler_answer(f, &m);
    assert_false(m.ok);
    assert_int_equal(m.error.code, KN_NO_VALID_HOST);
    assert_non_null(strstr(m.error.message,
                           "No valid host was found. 40 hosts; AvailabilityZoneFilter took 20, 20 left; "
                           "RamFilter took 20, 0 left"));
    assert_non_null(strstr(m.error.message, "lacks 808 MiB of memory"));
    kn_message_release(&m);

    /* The API's switches are heard. */
    kn_scheduler_number(f, "UPDATE host SET disabled = true WHERE zone = 'east' RETURNING 1");
    for (const int64_t deadline = kn_mono_ms() + KN_SCHEDULER_WAIT_MS; kn_mono_ms() < deadline;
         kn_message_release(&m)) {
        kn_scheduler_claim(f, 1, 1, json_pack("{s:s}", "zone", "east"));
        kn_scheduler_answer(f, &m);
        if (!m.ok) {
            break;
        }
        kn_scheduler_release(f, 1, 1);
        kn_message_release(&m);
        kn_scheduler_answer(f, &m);
    }
    assert_false(m.ok);
    assert_non_null(strstr(m.error.message, "ComputeDisabledFilter took 20"));
    claim_one(f, 1, 1, NULL, host);
    assert_sums(f);
}

/* Notes who was answered; how many were new. */
static int note(struct kn_scheduler_world *f, struct kn_hmap *done, int wait_ms)
{
    struct kn_bus_message batch[100];
    const int n = kn_bus_poll(f->reader, batch, 100, wait_ms);
    int fresh = 0;

    for (int i = 0; i < n; i++) {
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
        AUTO_FREE char *key = NULL;
        struct kn_error err = { 0 };
        const char *before = NULL;

        assert_ok(kn_message_parse(batch[i].data, batch[i].len, &m, &err), &err);
        kn_bus_message_done(&batch[i]);
        assert_true(m.ok);
        key = kn_asprintf("%lld", (long long)m.task);
        before = kn_hmap_get(done, key);
        if (before == NULL) {
            kn_hmap_put(done, key, kn_strdup(kn_json_str(m.result, "host")));
            fresh++;
        } else {
            assert_string_equal(before, kn_json_str(m.result, "host")); /* the same answer again */
        }
    }
    return fresh;
}

/* 200 claims that the hosts just hold (40 hosts of 16 vCPUs, 16 x 512 MiB), the scheduler killed in their middle. */
static void test_killed_in_the_middle(void **state)
{
    enum { COUNT = 200 };
    struct kn_scheduler_world *f = *state;
    struct kn_hmap *done = kn_hmap_new(free);
    const int64_t deadline = kn_mono_ms() + KN_SCHEDULER_WAIT_MS;

    kn_scheduler_servers(f, COUNT);
    for (int i = 0; i < COUNT; i++) {
        kn_scheduler_claim(f, i, 1, NULL);
        if (i == COUNT / 2) {
            while (note(f, done, 10) == 0) {
                assert_true(kn_mono_ms() < deadline);
            }
            kn_test_end(f->scheduler, SIGKILL);
            kn_scheduler_start(f);
        }
    }
    /* As the conductor does: what is not answered is asked again. */
    while (kn_hmap_count(done) < COUNT) {
        assert_true(kn_mono_ms() < deadline);
        if (note(f, done, 1000) > 0) {
            continue;
        }
        for (int i = 0; i < COUNT; i++) {
            AUTO_FREE char *key = kn_asprintf("%d", i + 1);

            if (kn_hmap_get(done, key) == NULL) {
                kn_scheduler_claim(f, i, 1, NULL);
            }
        }
    }
    kn_hmap_free(done);
    assert_int_equal(kn_scheduler_number(f, "SELECT count(*) FROM allocation"), COUNT);
    assert_sums(f);
    /* Packed: no more hosts than needed. */
    assert_int_equal(kn_scheduler_number(f, "SELECT count(*) FROM host WHERE servers > 0"), (COUNT + 15) / 16);
}

static void test_database_restarted_under_claims(void **state)
{
    enum { COUNT = 100 };
    struct kn_scheduler_world *f = *state;
    struct kn_hmap *done = kn_hmap_new(free);
    const int64_t deadline = kn_mono_ms() + KN_SCHEDULER_WAIT_MS;

    kn_scheduler_servers(f, COUNT);
    for (int i = 0; i < COUNT; i++) {
        kn_scheduler_claim(f, i, 1, NULL);
        if (i == COUNT / 2) {
            kn_test_pg_down(kn_scheduler_pg);
        }
    }
    kn_test_pg_up(kn_scheduler_pg);
    while (kn_hmap_count(done) < COUNT) {
        assert_true(kn_mono_ms() < deadline);
        note(f, done, 100);
    }
    kn_hmap_free(done);
    assert_int_equal(kn_scheduler_number(f, "SELECT count(*) FROM allocation"), COUNT);
    assert_sums(f);
}

static void test_garbage_is_survived(void **state)
{
    static const char *const garbage[] = {
        "",
        "{",
        "null",
        "{\"type\":\"place.claim\",\"v\":1,\"body\":{}}",
        "{\"type\":\"task.wake\",\"v\":1}",
        "{\"type\":\"place.claim\",\"v\":9}",
        "{\"type\":\"agent.hello\",\"v\":1,\"body\":{\"agent\":\"x\",\"boot\":\"y\",\"hosts\":[7,{}]}}"
    };
    struct kn_scheduler_world *f = *state;
    struct kn_error err = { 0 };
    char host[64];

    kn_scheduler_servers(f, 1);
    for (size_t i = 0; i < KN_COUNT(garbage); i++) {
        assert_ok(kn_bus_send(f->bus, KN_TOPIC_PLACE, 0, garbage[i], strlen(garbage[i]), &err), &err);
        assert_ok(kn_bus_send(f->bus, KN_TOPIC_REPORT, 0, garbage[i], strlen(garbage[i]), &err), &err);
    }
    claim_one(f, 0, 1, NULL, host);
    assert_int_equal(kn_scheduler_number(f, "SELECT count(*) FROM host"), KN_SCHEDULER_HOSTS);
}

/* Two of them: the second claims nothing until the first is gone, then everything goes on. */
static void test_standby_takes_over(void **state)
{
    struct kn_scheduler_world *f = *state;
    const pid_t first = f->scheduler;
    const int64_t deadline = kn_mono_ms() + KN_SCHEDULER_WAIT_MS;
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    struct kn_bus_message raw;
    struct kn_error err = { 0 };
    char host[64];

    kn_scheduler_servers(f, 2);
    kn_scheduler_start(f);
    kn_scheduler_await(
        f,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%advisory%' "
        "AND application_name = 'scheduler'",
        1);
    claim_one(f, 0, 1, NULL, host);
    assert_int_equal(kn_bus_poll(f->reader, &raw, 1, 1000), 0); /* one answer, not two */
    assert_ok(kn_bus_assign(f->reader, KN_TOPIC_REPORT, 0, &err), &err);
    kn_test_end(first, SIGKILL);
    do {
        assert_true(kn_mono_ms() < deadline);
        kn_message_release(&m);
        kn_scheduler_answer(f, &m);
    } while (strcmp(m.type->name, "service.hello") != 0);
    claim_one(f, 1, 1, NULL, host);
    assert_sums(f);
}

static void test_sigterm_ends_it_cleanly(void **state)
{
    struct kn_scheduler_world *f = *state;

    assert_true(kn_test_end(f->scheduler, SIGTERM));
    f->scheduler = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_claims_and_releases_repeat_themselves, kn_scheduler_setup,
                                        kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_a_move_holds_two_places, kn_scheduler_setup, kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_hints, kn_scheduler_setup, kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_a_move_arrives, kn_scheduler_setup, kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_a_release_frees_only_its_own, kn_scheduler_setup, kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_a_role_that_there_is_not_is_refused, kn_scheduler_setup,
                                        kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_only_the_present_attempt_is_obeyed, kn_scheduler_setup,
                                        kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_deleted_servers_claim_nothing, kn_scheduler_setup, kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_no_valid_host_says_why, kn_scheduler_setup, kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_killed_in_the_middle, kn_scheduler_setup, kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_database_restarted_under_claims, kn_scheduler_setup,
                                        kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_garbage_is_survived, kn_scheduler_setup, kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_standby_takes_over, kn_scheduler_setup, kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_sigterm_ends_it_cleanly, kn_scheduler_setup, kn_scheduler_teardown),
    };

    return cmocka_run_group_tests_name("it/scheduler", tests, kn_scheduler_group_setup, kn_scheduler_group_teardown);
}
