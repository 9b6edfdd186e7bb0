/* SPDX-License-Identifier: Apache-2.0 */
/* The choice of addresses: order, gaps, wrap-around, exhaustion, named addresses; against a bitmap that plays the database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/base/mem.h"
#include "network/address/ipam.h"

#define BASE 0x0a000000U /* 10.0.0.0 */
#define SIZE 256U

/* The addresses of 10.0.0.0/24 that are in use. */
struct fake {
    bool used[SIZE];
    int looks;
};

/* Offers the free ranges of the look, at most `limit` of them, as the SQL statement does. */
static void answer(struct fake *db, struct kn_network_ipam *ipam, struct kn_network_ipam_range look, int limit)
{
    uint32_t ip = look.first;

    db->looks++;
    for (int found = 0; ip <= look.last && found < limit; found++) {
        while (ip <= look.last && db->used[ip - BASE]) {
            ip++;
        }
        uint32_t first = ip;
        while (ip <= look.last && !db->used[ip - BASE]) {
            ip++;
        }
        if (first < ip) {
            kn_network_ipam_offer(ipam, (struct kn_network_ipam_range){ first, ip - 1 });
        }
    }
    kn_network_ipam_looked(ipam, ip - 1);
}

static bool draw(struct fake *db, struct kn_network_ipam *ipam, uint32_t *ret_ip)
{
    struct kn_network_ipam_range look;

    while (!kn_network_ipam_draw(ipam, ret_ip)) {
        if (!kn_network_ipam_look(ipam, &look)) {
            return false;
        }
        answer(db, ipam, look, 2);
    }
    return true;
}

static const struct kn_network_ipam_range POOL = { BASE + 10, BASE + 20 };

static void test_counts_up_from_the_cursor(void **state)
{
    (void)state;
    struct fake db = { .looks = 0 };
    struct kn_network_ipam ipam;
    uint32_t ip;

    kn_network_ipam_init(&ipam, &POOL, 1, BASE + 12);
    for (uint32_t n = 13; n <= 20; n++) {
        assert_true(draw(&db, &ipam, &ip));
        assert_int_equal(ip, BASE + n);
    }
    assert_int_equal(db.looks, 1);
    kn_network_ipam_release(&ipam);
}

static void test_a_fresh_subnet_begins_at_its_first_pool(void **state)
{
    (void)state;
    struct fake db = { .looks = 0 };
    struct kn_network_ipam ipam;
    uint32_t ip;
    const struct kn_network_ipam_range pools[] = { { BASE + 100, BASE + 100 }, { BASE + 5, BASE + 6 } };

    kn_network_ipam_init(&ipam, pools, 2, 0);
    assert_true(draw(&db, &ipam, &ip));
    assert_int_equal(ip, BASE + 5);
    assert_true(draw(&db, &ipam, &ip));
    assert_true(draw(&db, &ipam, &ip));
    assert_int_equal(ip, BASE + 100);
    assert_false(draw(&db, &ipam, &ip));
    kn_network_ipam_release(&ipam);
}

static void test_wraps_into_the_gaps(void **state)
{
    (void)state;
    struct fake db = { .looks = 0 };
    struct kn_network_ipam ipam;
    uint32_t ip;

    memset(db.used, 1, sizeof(db.used));
    db.used[11] = db.used[15] = db.used[20] = false;
    kn_network_ipam_init(&ipam, &POOL, 1, BASE + 15);
    assert_true(draw(&db, &ipam, &ip));
    assert_int_equal(ip, BASE + 20);
    assert_true(draw(&db, &ipam, &ip));
    assert_int_equal(ip, BASE + 11);
    assert_true(draw(&db, &ipam, &ip));
    assert_int_equal(ip, BASE + 15); /* the cursor's own address was released */
    assert_false(draw(&db, &ipam, &ip));
    assert_int_equal(ipam.cursor, BASE + 15);
    kn_network_ipam_release(&ipam);
}

static void test_cursor_at_either_end(void **state)
{
    (void)state;
    static const uint32_t CURSORS[] = { BASE + 20, BASE + 200, BASE + 9, 1, UINT32_MAX };

    for (size_t i = 0; i < KN_COUNT(CURSORS); i++) {
        struct fake db = { .looks = 0 };
        struct kn_network_ipam ipam;
        uint32_t ip;

        kn_network_ipam_init(&ipam, &POOL, 1, CURSORS[i]);
        for (int n = 0; n < 11; n++) {
            assert_true(draw(&db, &ipam, &ip));
            assert_in_range(ip, POOL.first, POOL.last);
            assert_false(db.used[ip - BASE]);
            db.used[ip - BASE] = true;
        }
        assert_false(draw(&db, &ipam, &ip));
        kn_network_ipam_release(&ipam);
    }
}

static void test_named_addresses_are_skipped(void **state)
{
    (void)state;
    struct fake db = { .looks = 0 };
    struct kn_network_ipam ipam;
    uint32_t ip;

    kn_network_ipam_init(&ipam, &POOL, 1, 0);
    assert_true(kn_network_ipam_reserve(&ipam, BASE + 10));
    assert_false(kn_network_ipam_reserve(&ipam, BASE + 10));
    assert_true(draw(&db, &ipam, &ip));
    assert_int_equal(ip, BASE + 11);
    kn_network_ipam_release(&ipam);
}

/* Every free address of a random subnet is drawn exactly once, whatever the cursor. */
static void test_draws_all_there_is_once(void **state)
{
    (void)state;
    uint32_t seed = 7;

    for (int round = 0; round < 200; round++) {
        struct fake db = { .looks = 0 };
        struct kn_network_ipam ipam;
        uint32_t ip, free_addresses = 0;

        for (uint32_t i = 0; i < SIZE; i++) {
            seed = seed * 1664525U + 1013904223U;
            db.used[i] = (seed >> 16) % 4 != 0;
            free_addresses += i >= 10 && i <= 20 && !db.used[i];
        }
        kn_network_ipam_init(&ipam, &POOL, 1, BASE + (seed >> 8) % 30);
        while (draw(&db, &ipam, &ip)) {
            assert_in_range(ip, POOL.first, POOL.last);
            assert_false(db.used[ip - BASE]);
            db.used[ip - BASE] = true;
            free_addresses--;
        }
        assert_int_equal(free_addresses, 0);
        kn_network_ipam_release(&ipam);
    }
}

static void test_no_pools(void **state)
{
    (void)state;
    struct kn_network_ipam ipam;
    struct kn_network_ipam_range look;
    uint32_t ip;

    kn_network_ipam_init(&ipam, NULL, 0, 0);
    kn_network_ipam_offer(&ipam, POOL);
    assert_false(kn_network_ipam_draw(&ipam, &ip));
    assert_false(kn_network_ipam_look(&ipam, &look));
    kn_network_ipam_release(&ipam);
}

static void test_text(void **state)
{
    (void)state;
    char text[KN_IPV4_SIZE];
    uint32_t ip;

    assert_true(kn_network_ipv4_parse("10.0.0.255", &ip));
    assert_int_equal(ip, 0x0a0000ffU);
    kn_network_ipv4_text(ip, text);
    assert_string_equal(text, "10.0.0.255");
    assert_false(kn_network_ipv4_parse("10.0.0.256", &ip));
    assert_false(kn_network_ipv4_parse("10.0.0.1/24", &ip));
    assert_false(kn_network_ipv4_parse("::1", &ip));
    assert_false(kn_network_ipv4_parse(NULL, &ip));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_up_from_the_cursor),
        cmocka_unit_test(test_a_fresh_subnet_begins_at_its_first_pool),
        cmocka_unit_test(test_wraps_into_the_gaps),
        cmocka_unit_test(test_cursor_at_either_end),
        cmocka_unit_test(test_named_addresses_are_skipped),
        cmocka_unit_test(test_draws_all_there_is_once),
        cmocka_unit_test(test_no_pools),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
