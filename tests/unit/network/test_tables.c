/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One packet through texts of tables: what the compiler writes is understood to its last line, and each kind of stop names the line that does it. That the
 * kernel judges the same is tests/it/test_network_firewall.c's and test_network_trace.c's.
 */
#include "tests/support/test.h"

#include <stdio.h>

#include "lib/base/mem.h"
#include "network/host/router/router.h"
#include "network/host/trace/tables.h"
#include "tests/support/state_world.h"

static const char *const TABLES_CLOUD[] = {
    "network a1 zone=7 door=fa:16:3e:00:00:0d",
    "port 1 net=a1 mac=fa:16:3e:00:00:01 ip=10.0.0.1,fd00::1 groups=91",
    "port 2 net=a1 mac=fa:16:3e:00:00:02 ip=10.0.0.2,fd00::2 groups=92",
    "port 3 net=a1 mac=fa:16:3e:00:00:03 ip=10.0.0.3 groups=91 down",
    "port 4 net=a1 mac=fa:16:3e:00:00:04 ip=10.0.0.4 groups=91 open",
    "port 5 net=a1 mac=fa:16:3e:00:00:05 ip=10.0.0.5 groups=93 pair=10.9.0.0/16/fa:16:3e:00:00:05",
    "port 6 net=a1 mac=fa:16:3e:00:00:06 ip=10.0.0.6 groups=94",
    "group 91 rules=out:4:-1:-1:-1:any,out:6:-1:-1:-1:any",
    "group 92 rules=in:4:6:22:24:group:91,in:4:17:53:53:prefix:10.0.0.0/30,in:6:58:128:0:any,in:4:1:8:-1:any,in:4:6:80:80:addresses:81",
    "group 93 rules=out:4:6:22:22:any",
    "group 94 stateless rules=in:4:6:22:22:any",
    "member 1 groups=91 ip=10.0.0.1",
    "addresses 81 prefixes=10.0.0.1/32,10.0.0.4/31,192.0.2.0/24",
};

static struct kn_network_tables *compile_tables(void)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    AUTO(kn_network_ruleset) struct kn_network_ruleset *ruleset = kn_network_ruleset_new();
    struct kn_network_state *world = kn_world_new();

    for (size_t i = 0; i < KN_COUNT(TABLES_CLOUD); i++) {
        const char *id;
        const void *object;
        enum kn_network_kind kind = kn_world_put(world, TABLES_CLOUD[i], &id, &object);

        kn_network_ruleset_put(ruleset, kind, id, object);
    }
    kn_network_ruleset_whole(ruleset, &text);
    kn_world_free(world);
    return kn_network_tables_read(text.buf);
}

struct tables_case {
    int from; /* whose tap and MAC; 0: none of ours */
    const char *source, *destination;
    int protocol, source_port, port, to;
    const char *out, *in; /* where it stops: hook's chain and line as "chain: line"; "": it passes */
    bool answers;
};

static void tables_packet(const struct tables_case *c, struct kn_network_tables_packet *packet, char in[16])
{
    snprintf(in, 16, c->from == 0 ? "kx000000a1" : "tap0000000%d-11", c->from);
    *packet = (struct kn_network_tables_packet){
        .in = in,
        .out = "",
        .state = c->answers ? KN_CT_ESTABLISHED : KN_CT_NEW,
        .ip = { .protocol = c->protocol, .source_port = c->source_port, .destination_port = c->port }
    };
    snprintf(packet->source_mac, sizeof(packet->source_mac), "fa:16:3e:00:00:0%d", c->from);
    assert_true(kn_ip_parse(c->source, &packet->ip.source));
    assert_true(kn_ip_parse(c->destination, &packet->ip.destination));
}

/* The two families at one hook, as a bridge with br_netfilter asks them. */
static void tables_hook(const struct kn_network_tables *tables, const char *hook,
                        struct kn_network_tables_packet *packet, struct kn_network_tables_ruling *ruling)
{
    const char *in = packet->in, *out = packet->out;

    kn_network_tables_walk(tables, "bridge", hook, packet, ruling);
    if (ruling->verdict == KN_TABLES_PASS) {
        packet->in = "kb000000a1";
        packet->out = out[0] == '\0' ? out : "kb000000a1";
        kn_network_tables_walk(tables, "inet", hook, packet, ruling);
        packet->in = in;
        packet->out = out;
    }
}

static void tables_says(const struct kn_network_tables_ruling *ruling, const char *wanted, size_t at)
{
    AUTO_FREE char *said = kn_asprintf("%s: %s", ruling->chain, ruling->line);

    if (ruling->verdict == KN_TABLES_UNKNOWN) {
        fail_msg("case %zu: not understood: %s", at, said);
    }
    if ((ruling->verdict == KN_TABLES_DROP) != (wanted[0] != '\0')) {
        fail_msg("case %zu: %s by %s", at, ruling->verdict == KN_TABLES_DROP ? "dropped" : "passed", said);
    }
    if (wanted[0] != '\0') {
        assert_string_equal(said, wanted);
    }
}

static void test_each_stop_names_its_line(void **state)
{
    (void)state;
    static const struct tables_case CASES[] = {
        { 1, "10.0.0.1", "10.0.0.2", 6, 40000, 22, 2, "", "", false },
        { 1, "10.0.0.1", "10.0.0.2", 6, 40000, 24, 2, "", "", false },
        { 1, "10.0.0.1", "10.0.0.2", 6, 40000, 25, 2, "", "always_in: drop", false },
        { 1, "10.0.0.1", "10.0.0.2", 6, 40000, 80, 2, "", "", false },
        { 0, "10.0.0.3", "10.0.0.2", 6, 40000, 80, 2, "", "always_in: drop", false },
        { 0, "10.0.0.3", "10.0.0.2", 6, 40000, 22, 2, "", "always_in: drop", false },
        { 0, "10.0.0.3", "10.0.0.2", 17, 40000, 53, 2, "", "", false },
        { 0, "10.0.0.9", "10.0.0.2", 17, 40000, 53, 2, "", "always_in: drop", false },
        { 1, "10.0.0.1", "10.0.0.2", 1, 8, 0, 2, "", "", false },
        { 1, "fd00::1", "fd00::2", 58, 128, 0, 2, "", "", false },
        { 1, "fd00::1", "fd00::2", 6, 40000, 22, 2, "", "always_in: drop", false },
        { 1, "10.0.0.2", "10.0.0.3", 6, 40000, 22, 0, "guest_ip: drop", "", false },
        { 1, "fd00::9", "fd00::2", 6, 40000, 22, 0, "guest_source6: drop", "", false },
        { 1, "10.0.0.1", "10.0.0.3", 6, 40000, 22, 3, "", "forward: oifname @down drop", false },
        { 3, "10.0.0.3", "10.0.0.1", 6, 40000, 22, 0, "prerouting: iifname vmap @ports", "", false },
        { 4, "10.7.7.7", "10.0.0.1", 6, 40000, 22, 0, "", "", false },
        { 4, "169.254.169.254", "10.0.0.1", 6, 80, 40000, 0, "open: ip saddr 169.254.169.254 drop", "", false },
        { 5, "10.0.0.5", "10.0.0.2", 6, 40000, 22, 0, "", "", false },
        { 5, "10.0.0.5", "10.0.0.2", 6, 40000, 23, 0, "always_out: drop", "", false },
        { 5, "10.9.200.1", "10.0.0.2", 6, 40000, 22, 0, "", "", false },
        { 5, "10.0.0.5", "169.254.169.254", 6, 40000, 80, 0, "", "", false },
        { 5, "10.0.0.5", "10.0.0.255", 17, 68, 67, 0, "", "", false },
        { 1, "10.0.0.1", "10.0.0.6", 6, 40000, 22, 6, "", "", false },
        { 6, "10.0.0.6", "10.0.0.1", 6, 22, 40000, 0, "always_out: drop", "",
          true }, /* stateless: no rule for the answer */
        { 2, "10.0.0.2", "10.0.0.1", 6, 22, 40000, 1, "", "", true },
    };
    AUTO(kn_network_tables) struct kn_network_tables *tables = compile_tables();

    assert_true(kn_network_tables_have(tables, "bridge"));
    assert_true(kn_network_tables_have(tables, "inet"));
    assert_false(kn_network_tables_have(tables, "ip"));
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        struct kn_network_tables_packet packet;
        struct kn_network_tables_ruling ruling;
        char in[16], out[16];

        tables_packet(&CASES[i], &packet, in);
        tables_hook(tables, "prerouting", &packet, &ruling);
        tables_says(&ruling, CASES[i].out, i);
        if (CASES[i].to != 0) {
            snprintf(out, sizeof(out), "tap0000000%d-11", CASES[i].to);
            packet.out = out;
            tables_hook(tables, "forward", &packet, &ruling);
            tables_says(&ruling, CASES[i].in, i);
        }
    }
}

/* --- translation ------------------------------------------------------------------------------------------------------ */

static struct kn_ip tables_ip(const char *text)
{
    struct kn_ip ip = KN_IP_NONE;

    kn_ip_parse(text, &ip);
    return ip;
}

static void test_a_router_translates(void **state)
{
    (void)state;
    static uint8_t length = 24;
    struct kn_ip ips[2] = { tables_ip("10.1.0.1"), tables_ip("172.24.4.10") };
    struct kn_network_state_interface legs[2] = { { .port = "0a000001-1111-4111-8111-111111111111" },
                                                  { .port = "0a000002-1111-4111-8111-111111111111" } };
    struct kn_network_state_floating floating = { .outside = tables_ip("172.24.4.20"),
                                                  .inside = tables_ip("10.1.0.11") };
    struct kn_network_state_forward forward = { .outside = tables_ip("172.24.4.30"),
                                                .inside = tables_ip("10.1.0.14"),
                                                .protocol = 6,
                                                .outside_first = 2222,
                                                .outside_last = 2222,
                                                .inside_first = 22,
                                                .inside_last = 22 };
    struct kn_network_state_router router = { .interfaces = legs,
                                              .interface_count = 2,
                                              .gateway = 1,
                                              .snat = true,
                                              .snat_ip = ips[1],
                                              .floating = &floating,
                                              .floating_count = 1,
                                              .forwards = &forward,
                                              .forward_count = 1 };
    static const struct {
        const char *in, *source, *destination;
        int port;
        const char *out, *as, *to;
        int to_port;
    } CASES[] = {
        { "r-0a000001-11", "10.1.0.11", "192.0.2.1", 80, "r-0a000002-11", "172.24.4.20", "192.0.2.1", 80 },
        { "r-0a000001-11", "10.1.0.12", "192.0.2.1", 80, "r-0a000002-11", "172.24.4.10", "192.0.2.1", 80 },
        { "r-0a000002-11", "192.0.2.1", "172.24.4.20", 80, "r-0a000001-11", "192.0.2.1", "10.1.0.11", 80 },
        { "r-0a000002-11", "192.0.2.1", "172.24.4.30", 2222, "r-0a000001-11", "192.0.2.1", "10.1.0.14", 22 },
        { "r-0a000002-11", "192.0.2.1", "172.24.4.30", 2223, "r-0a000001-11", "192.0.2.1", "172.24.4.30", 2223 },
        { "r-0a000001-11", "10.1.0.12", "172.24.4.20", 80, "r-0a000001-11", "172.24.4.10", "10.1.0.11", 80 },
    };

    for (size_t i = 0; i < KN_COUNT(legs); i++) {
        legs[i].ips = (struct kn_network_ips){ &ips[i], 1 };
        legs[i].lengths = &length;
    }
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;

    kn_network_router_rules(&router, &text);
    AUTO(kn_network_tables) struct kn_network_tables *tables = kn_network_tables_read(text.buf);

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        struct kn_network_tables_packet packet = { .in = CASES[i].in,
                                                   .out = "",
                                                   .state = KN_CT_NEW,
                                                   .ip = { .source = tables_ip(CASES[i].source),
                                                           .destination = tables_ip(CASES[i].destination),
                                                           .protocol = 6,
                                                           .source_port = 40000,
                                                           .destination_port = CASES[i].port } };
        struct kn_network_tables_ruling ruling;
        char source[KN_IP_SIZE], destination[KN_IP_SIZE];

        kn_network_tables_walk(tables, "ip", "prerouting", &packet, &ruling);
        assert_int_equal(ruling.verdict, KN_TABLES_PASS);
        packet.out = CASES[i].out;
        kn_network_tables_walk(tables, "ip", "postrouting", &packet, &ruling);
        assert_int_equal(ruling.verdict, KN_TABLES_PASS);
        assert_string_equal(kn_ip_text(&packet.ip.source, source), CASES[i].as);
        assert_string_equal(kn_ip_text(&packet.ip.destination, destination), CASES[i].to);
        assert_int_equal(packet.ip.destination_port, CASES[i].to_port);
    }
}

/* What others write into our tables is told, never guessed. */
static void test_what_is_not_understood_is_said(void **state)
{
    (void)state;
    static const char *const LINES[] = { "ip saddr 10.0.0.1 limit rate 5/second accept",
                                         "fib saddr type local accept",
                                         "jump nowhere",
                                         "goto a",
                                         "iifname @nowhere accept",
                                         "meta mark set jhash ip saddr mod 2",
                                         "queue num 1",
                                         "dnat to numgen inc mod 2 map { 0 : 10.0.0.1 }" };

    for (size_t i = 0; i < KN_COUNT(LINES); i++) {
        AUTO_FREE char *text =
            kn_asprintf("table bridge kilonova {\n\tchain a {\n\t\ttype filter hook prerouting priority 0; policy "
                        "accept;\n\t\t%s\n\t}\n}\n",
                        LINES[i]);
        AUTO(kn_network_tables) struct kn_network_tables *tables = kn_network_tables_read(text);
        struct kn_network_tables_packet packet = {
            .in = "tap",
            .out = "",
            .state = KN_CT_NEW,
            .ip = { .source = tables_ip("10.0.0.1"), .destination = tables_ip("10.0.0.2"), .protocol = 6 }
        };
        struct kn_network_tables_ruling ruling;

        kn_network_tables_walk(tables, "bridge", "prerouting", &packet, &ruling);
        if (ruling.verdict != KN_TABLES_UNKNOWN) {
            fail_msg("guessed: %s", LINES[i]);
        }
        assert_string_equal(ruling.line, LINES[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_stop_names_its_line),
        cmocka_unit_test(test_a_router_translates),
        cmocka_unit_test(test_what_is_not_understood_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
