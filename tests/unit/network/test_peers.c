/* SPDX-License-Identifier: Apache-2.0 */
/* Which host is told of which ports. */
#include "tests/support/test.h"

#include <jansson.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "network/serve/peers.h"

#define PORT(net, version, host, agent, underlay, mac, active) \
    { \
        net, version, host, agent, underlay, mac, "[\"10.0.0." mac "\"]", active \
    }

/* By network, then by host, as the statement gives them. */
static const struct kn_network_peer PORTS[] = {
    PORT("n1", 7, "a", "agent-a", "192.0.2.1", "1", true),  PORT("n1", 7, "a", "agent-a", "192.0.2.1", "2", true),
    PORT("n1", 7, "b", "agent-b", "192.0.2.2", "3", true),  PORT("n1", 7, "c", "agent-c", "", "4", true),
    PORT("n1", 7, "d", "agent-d", "192.0.2.4", "5", false), PORT("n2", 9, "b", "agent-b", "192.0.2.2", "6", true),
};

/* "agent-a a n1@7: 3" a line: who is told, and whose MACs. */
static void note(void *ctx, const char *agent, json_t *body)
{
    struct kn_strbuf *told = ctx;
    const json_t *peer = NULL;
    size_t i = 0;

    kn_strbuf_addf(told, "%s %s %s@%lld:", agent, json_string_value(json_object_get(body, "host")),
                   json_string_value(json_object_get(body, "network")),
                   (long long)json_integer_value(json_object_get(body, "version")));
    json_array_foreach (json_object_get(body, "peers"), i, peer) {
        assert_int_equal(json_array_size(json_object_get(peer, "ips")), 1);
        kn_strbuf_addf(told, " %s", json_string_value(json_object_get(peer, "mac")));
    }
    kn_strbuf_addch(told, '\n');
    json_decref(body);
}

static void expect(const struct kn_network_peer *ports, int count, const char *only_agent, const char *wanted)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf told = KN_STRBUF_INIT;

    kn_network_peers_tell(ports, count, only_agent, note, &told);
    assert_string_equal(told.len > 0 ? told.buf : "", wanted);
}

/* Every host once a network; nobody of its own; not c, which cannot be reached; not d, which is only about to come. */
static void test_everybody(void **state)
{
    (void)state;
    expect(PORTS, KN_COUNT(PORTS), NULL,
           "agent-a a n1@7: 3\n"
           "agent-b b n1@7: 1 2\n"
           "agent-c c n1@7: 1 2 3\n"
           "agent-d d n1@7: 1 2 3\n"
           "agent-b b n2@9:\n");
}

static void test_one_agent(void **state)
{
    (void)state;
    expect(PORTS, KN_COUNT(PORTS), "agent-b", "agent-b b n1@7: 1 2\nagent-b b n2@9:\n");
    expect(PORTS, KN_COUNT(PORTS), "agent-x", "");
    expect(PORTS, 0, NULL, "");
}

/* Two hosts of one agent are told apart. */
static void test_two_hosts_of_an_agent(void **state)
{
    static const struct kn_network_peer TWO[] = {
        PORT("n", 1, "h1", "both", "192.0.2.1", "1", true),
        PORT("n", 1, "h2", "both", "192.0.2.2", "2", true),
    };

    (void)state;
    expect(TWO, KN_COUNT(TWO), "both", "both h1 n@1: 2\nboth h2 n@1: 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everybody),
        cmocka_unit_test(test_one_agent),
        cmocka_unit_test(test_two_hosts_of_an_agent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
