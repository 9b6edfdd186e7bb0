/* SPDX-License-Identifier: Apache-2.0 */
/* The hash table against a plain array as its model, and the promises about ownership and iteration. */
#include "lib/base/hmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/test.h"

static void test_put_get_del(void **state)
{
    (void)state;
    struct kn_hmap *map = kn_hmap_new(free);
    char key[] = "changing";
    kn_hmap_put(map, key, kn_strdup("one"));
    key[0] = 'X'; /* keys are copied */
    assert_string_equal(kn_hmap_get(map, "changing"), "one");
    assert_null(kn_hmap_get(map, "Xhanging"));
    kn_hmap_put(map, "changing", kn_strdup("two")); /* frees the old one: ASan watches */
    assert_int_equal(kn_hmap_count(map), 1);
    assert_true(kn_hmap_del(map, "changing"));
    assert_false(kn_hmap_del(map, "changing"));
    assert_int_equal(kn_hmap_count(map), 0);
    kn_hmap_free(map);
    kn_hmap_free(NULL);
}

static void test_take_keeps_value(void **state)
{
    (void)state;
    struct kn_hmap *map = kn_hmap_new(free);
    kn_hmap_put(map, "k", kn_strdup("v"));
    char *value = kn_hmap_take(map, "k");
    assert_string_equal(value, "v");
    free(value);
    assert_null(kn_hmap_take(map, "k"));
    kn_hmap_put(map, "", kn_strdup("empty key"));
    assert_string_equal(kn_hmap_get(map, ""), "empty key");
    kn_hmap_free(map);
}

static void test_same_value_again(void **state)
{
    (void)state;
    struct kn_hmap *map = kn_hmap_new(free);
    char *value = kn_strdup("v");
    kn_hmap_put(map, "k", value);
    kn_hmap_put(map, "k", value); /* not freed under our feet */
    assert_string_equal(kn_hmap_get(map, "k"), "v");
    kn_hmap_free(map);
}

#define KEYS 500
static void test_against_model(void **state)
{
    (void)state;
    struct kn_hmap *map = kn_hmap_new(NULL);
    static char values[64];
    void *model[KEYS] = { NULL };
    size_t count = 0;
    uint32_t random = 12345;
    for (int i = 0; i < 100000; i++) {
        random = random * 1664525U + 1013904223U;
        size_t k = (random >> 8) % KEYS;
        char key[16];
        snprintf(key, sizeof(key), "key-%zu", k);
        if (random >> 31) {
            count += model[k] == NULL;
            model[k] = &values[i % 64];
            kn_hmap_put(map, key, model[k]);
        } else {
            assert_int_equal(kn_hmap_del(map, key), model[k] != NULL);
            count -= model[k] != NULL;
            model[k] = NULL;
        }
        assert_int_equal(kn_hmap_count(map), count);
    }
    for (size_t k = 0; k < KEYS; k++) {
        char key[16];
        snprintf(key, sizeof(key), "key-%zu", k);
        assert_ptr_equal(kn_hmap_get(map, key), model[k]);
    }
    kn_hmap_free(map);
}

static void test_delete_while_iterating(void **state)
{
    (void)state;
    struct kn_hmap *map = kn_hmap_new(NULL);
    static int seen[1000];
    for (int i = 0; i < 1000; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%d", i);
        kn_hmap_put(map, key, &seen[i]);
    }
    const char *key;
    void *value;
    for (size_t at = 0; kn_hmap_next(map, &at, &key, &value);) {
        int *n = value;
        (*n)++;
        if ((n - seen) % 2 == 0) {
            char copy[16];
            kn_copy(copy, sizeof(copy), key);
            assert_true(kn_hmap_del(map, copy));
        }
    }
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(seen[i], 1);
    }
    assert_int_equal(kn_hmap_count(map), 500);
    kn_hmap_free(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_get_del),
        cmocka_unit_test(test_take_keeps_value),
        cmocka_unit_test(test_same_value_again),
        cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_delete_while_iterating),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
