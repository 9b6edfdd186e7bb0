/* SPDX-License-Identifier: Apache-2.0 */
/* states: who must be told everything: by hello, by a question, by a version that stays wrong; and what a host that asks without end, or names that nobody has, cost. */
#include "tests/support/test.h"

#include <string.h>

#include "lib/base/mem.h"
#include "network/serve/states.h"
#include "network/serve/telling.h"

#define BEGIN_MS 100000

static struct kn_network_states *states;

static void hear(const char *type, json_t *body, int64_t now_ms)
{
    struct kn_message message;

    kn_message_init(&message, type, body);
    kn_network_states_hear(states, &message, now_ms);
    kn_message_release(&message);
}

static void ask(const char *host, int64_t now_ms)
{
    hear("net.ask", json_pack("{s:s, s:i}", "host", host, "version", 1), now_ms);
}

static void beat(const char *host, int version, int64_t now_ms)
{
    hear("agent.heartbeat", json_pack("{s:[{s:s, s:i}]}", "networks", "host", host, "version", version), now_ms);
}

/* How many are to be told now. */
static size_t taken(void)
{
    AUTO(kn_hmap) struct kn_hmap *hosts = kn_network_states_behind(states, 100);

    return kn_hmap_count(hosts);
}

/* Who asks with a question is answered to his newest, also when he is told later. */
static void test_questions(void **state)
{
    (void)state;
    hear("net.ask", json_pack("{s:s, s:i, s:s}", "host", "h1", "version", 1, "question", "q1"), BEGIN_MS);
    hear("net.ask", json_pack("{s:s, s:i, s:s}", "host", "h1", "version", 1, "question", "q2"), BEGIN_MS + 1);
    hear("agent.hello",
         json_pack("{s:[{s:s, s:s}], s:s}", "hosts", "host", "h2", "hypervisor_type", "QEMU", "question", "q3"),
         BEGIN_MS);
    AUTO(kn_hmap) struct kn_hmap *hosts = kn_network_states_behind(states, 100);

    assert_int_equal(kn_hmap_count(hosts), 2);
    assert_string_equal(kn_hmap_get(hosts, "h1"), "q2");
    assert_string_equal(kn_hmap_get(hosts, "h2"), "q3");
    kn_network_states_again(states, hosts);
    hear("net.ask", json_pack("{s:s, s:i}", "host", "h1", "version", 1), BEGIN_MS + 5000); /* an older agent's */
    AUTO(kn_hmap) struct kn_hmap *again = kn_network_states_behind(states, 100);

    assert_string_equal(kn_hmap_get(again, "h1"), "q2");
    assert_string_equal(kn_hmap_get(again, "h2"), "q3");
}

static int begin(void **state)
{
    struct kn_network_telling telling;

    (void)state;
    states = kn_network_states_new(false);
    kn_network_telling_init(&telling, true);
    kn_network_telling_add(&telling, "h1", "a1", 7);
    kn_network_states_note(states, &telling);
    kn_network_telling_release(&telling);
    return 0;
}

static int end(void **state)
{
    (void)state;
    kn_network_states_free(states);
    return 0;
}

static void test_a_version_that_stays_wrong(void **state)
{
    (void)state;
    beat("h1", 7, BEGIN_MS);
    assert_int_equal(taken(), 0);
    beat("h1", 6, BEGIN_MS);
    beat("h1", 6, BEGIN_MS + 5000);
    assert_int_equal(taken(), 0);
    beat("h1", 6, BEGIN_MS + 10000);
    assert_int_equal(taken(), 1);
}

static void test_who_asks_without_end_is_told_once(void **state)
{
    (void)state;
    ask("h1", BEGIN_MS);
    assert_int_equal(taken(), 1);
    for (int i = 1; i < 1000; i++) {
        ask("h1", BEGIN_MS + i);
        assert_int_equal(taken(), 0);
    }
    beat("h1", 6, BEGIN_MS + 1000); /* and a question that was not heeded is answered by then */
    assert_int_equal(taken(), 1);
    ask("h1", BEGIN_MS + 2000);
    assert_int_equal(taken(), 1);
}

static void test_names_that_nobody_has_are_forgotten(void **state)
{
    (void)state;
    hear("agent.hello", json_pack("{s:[{s:s, s:s}]}", "hosts", "host", "ghost", "hypervisor_type", "QEMU"), BEGIN_MS);
    assert_int_equal(taken(), 1); /* its row may come later: whoever knows nothing is looked for with each word */
    beat("ghost", -1, BEGIN_MS);
    assert_int_equal(taken(), 1);
    beat("ghost", 3, BEGIN_MS); /* at once, since nothing of it is kept */
    assert_int_equal(taken(), 1);
    assert_int_equal(taken(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_version_that_stays_wrong, begin, end),
        cmocka_unit_test_setup_teardown(test_questions, begin, end),
        cmocka_unit_test_setup_teardown(test_who_asks_without_end_is_told_once, begin, end),
        cmocka_unit_test_setup_teardown(test_names_that_nobody_has_are_forgotten, begin, end),
    };

    return cmocka_run_group_tests_name("states", tests, NULL, NULL);
}
