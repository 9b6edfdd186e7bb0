/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers: their forms, what is not one, and that shards stay where they are and fill evenly. */
#include "lib/base/uuid.h"

#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/test.h"

static void test_made_ones_are_valid(void **state)
{
    (void)state;
    char a[KN_UUID_SIZE], b[KN_UUID_SIZE], hex[KN_HEX_SIZE], req[KN_REQUEST_ID_SIZE];
    kn_uuid_make(a);
    kn_uuid_make(b);
    assert_true(kn_uuid_valid(a));
    assert_int_equal(a[14], '4');
    assert_non_null(strchr("89ab", a[19]));
    assert_string_not_equal(a, b);
    kn_uuid_make_hex(hex);
    assert_int_equal(strspn(hex, "0123456789abcdef"), 32);
    assert_int_equal(strlen(hex), 32);
    kn_request_id_make(req);
    assert_true(kn_request_id_valid(req));
    assert_false(kn_request_id_valid(a));
    assert_false(kn_request_id_valid("req-"));
    assert_false(kn_request_id_valid(NULL));
}

static void test_what_is_none(void **state)
{
    (void)state;
    static const char *const CASES[] = {
        NULL,
        "",
        "detail",
        "00000000-0000-0000-0000-00000000000",
        "00000000-0000-0000-0000-0000000000000",
        "00000000000000000000000000000000",
        "0000000g-0000-0000-0000-000000000000",
        "00000000_0000-0000-0000-000000000000",
        "00000000-0000-0000-00000-00000000000",
        "{0000000-0000-0000-0000-00000000000}",
        "00000000-0000-0000-0000-00000000000\n",
    };
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        assert_false(kn_uuid_valid(CASES[i]));
    }
    assert_true(kn_uuid_valid("ABCDEF00-1111-2222-3333-444455556666"));
}

static void test_shards_never_move(void **state)
{
    (void)state;
    /* Golden: these values are in people's databases. */
    assert_int_equal(kn_shard_of("00000000-0000-0000-0000-000000000000"), 1);
    assert_int_equal(kn_shard_of("6c1f5b66-8a3e-4d1c-9f5e-1b2a3c4d5e6f"), 6);
    assert_int_equal(kn_shard_of("6C1F5B66-8A3E-4D1C-9F5E-1B2A3C4D5E6F"), 6);
}

static void test_shards_fill_evenly(void **state)
{
    (void)state;
    int seen[KN_SHARDS] = { 0 };
    for (int i = 0; i < 16000; i++) {
        char id[KN_UUID_SIZE];
        kn_uuid_make(id);
        int shard = kn_shard_of(id);
        assert_in_range(shard, 0, KN_SHARDS - 1);
        seen[shard]++;
    }
    for (int s = 0; s < KN_SHARDS; s++) {
        assert_in_range(seen[s], 800, 1200); /* six standard deviations */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_ones_are_valid),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_shards_never_move),
        cmocka_unit_test(test_shards_fill_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
