/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An address that guests on two hosts hand to each other (VRRP), by packets: who announces it at his tap is heard if his pairs allow it, and where the state then leads it,
 * there packets go, from either host; neighbours' caches follow. Who has no such pair is not heard, whatever he says. We play kilonova-network. Skipped without root.
 */
#include "tests/support/test.h"

#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "lib/domain/limits.h"
#include "lib/domain/message.h"
#include "tests/support/host_agent.h"
#include "tests/support/needs.h"
#include "tests/support/netlab.h"
#include "tests/support/scratch.h"

#define WAIT_MS 60000
#define VIP "10.5.0.77"
#define VIP6 "fd05::77"
#define SHARED_MAC "00:00:5e:00:01:07"
#define PAIR(ip, mac) "{\"ip\":\"" ip "\",\"mac\":\"" mac "\"}"
#define SAID(ip, mac, number) "{\"ip\":\"" ip "\",\"mac\":\"" mac "\",\"number\":" #number "}"

static struct kn_machine machine_a, machine_b;
static struct kn_actor agent_a, agent_b, shell_a, guest_1, guest_2, guest_3;
static int version;
static char dir[KN_TEST_DIR];

/* An object with more in it. */
static char *with(const char *object, const char *more)
{
    return kn_asprintf("%.*s%s%s}", (int)strlen(object) - 1, object, more[0] != '\0' ? "," : "", more);
}

static void tell(const struct kn_actor *agent, const char *put)
{
    AUTO_FREE char *body = kn_asprintf(
        "state {\"host\":\"h\",\"from\":%d,\"version\":%d,\"piece\":1,\"pieces\":1,\"put\":[%s],\"drop\":[]}",
        version == 0 ? -1 : version, version + 1, put);

    assert_string_equal(kn_actor_ask(agent, "%s", body), "ok");
}

#define THIRD "\"pairs\":[" PAIR("fd05::13/128", MAC(3)) "," PAIR("10.7.0.0/24", MAC(3)) "]"

/* Both hosts: guests 1 and 3 live on a, guest 2 on b. What ports 1 and 2 may have and have announced. */
static void tell_all(const char *one, const char *two)
{
    AUTO_FREE char *port_1 = with(PORT(1), one), *port_2 = with(PORT(2), two),
                   *peer_1 = with(PEER(1, "192.0.2.1"), one), *peer_2 = with(PEER(2, "192.0.2.2"), two),
                   *port_3 = with(PORT(3), THIRD), *peer_3 = with(PEER(3, "192.0.2.1"), THIRD);
    AUTO_FREE char *to_a = kn_asprintf("%s,%s,%s,%s", NETWORK(1450), port_1, port_3, peer_2),
                   *to_b = kn_asprintf("%s,%s,%s,%s", NETWORK(1450), port_2, peer_1, peer_3);

    tell(&agent_a, to_a);
    tell(&agent_b, to_b);
    version++;
}

static int setup(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        return 0;
    }
    kn_test_dir(dir, "net-moves");
    kn_machine_start(&machine_a);
    kn_machine_start(&machine_b);
    kn_machine_cable(&machine_a, "192.0.2.1/24", &machine_b, "192.0.2.2/24");
    kn_actor_start(&shell_a, &machine_a, kn_shell);
    kn_actor_start(&agent_a, &machine_a, kn_host_agent);
    kn_actor_start(&agent_b, &machine_b, kn_host_agent);
    assert_string_equal(kn_actor_ask(&agent_a, "open 192.0.2.1 %s/a", dir), "ok");
    assert_string_equal(kn_actor_ask(&agent_b, "open 192.0.2.2 %s/b", dir), "ok");
    tell_all("", "");
    assert_string_equal(kn_actor_ask(&agent_a, "plug " SERVER(1) " [" NIC(1) "]"), "ok");
    assert_string_equal(kn_actor_ask(&agent_a, "plug " SERVER(3) " [" NIC(3) "]"), "ok");
    assert_string_equal(kn_actor_ask(&agent_b, "plug " SERVER(2) " [" NIC(2) "]"), "ok");
    kn_guest_start(&guest_1, &machine_a, TAP(1), MAC(1));
    kn_guest_start(&guest_2, &machine_b, TAP(2), MAC(2));
    kn_guest_start(&guest_3, &machine_a, TAP(3), MAC(3));
    assert_runs(&guest_1, "ip addr add " IP(1) "/24 dev eth0");
    assert_runs(&guest_2, "ip addr add " IP(2) "/24 dev eth0");
    assert_runs(&guest_3, "ip addr add " IP(3) "/24 dev eth0; ip addr add fd05::13/64 dev eth0 nodad");
    kn_actor_await(&guest_3, PING IP(2), true, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        return 0;
    }
    kn_actor_ask(&agent_a, "unplug " SERVER(1));
    kn_actor_ask(&agent_a, "unplug " SERVER(3));
    kn_actor_ask(&agent_b, "unplug " SERVER(2));
    struct kn_actor *const actors[] = { &agent_a, &agent_b, &shell_a, &guest_1, &guest_2, &guest_3 };

    for (size_t i = 0; i < KN_COUNT(actors); i++) {
        kn_actor_kill(actors[i]);
    }
    kn_machine_stop(&machine_a);
    kn_machine_stop(&machine_b);
    AUTO_FREE char *command = kn_asprintf("rm -rf %s", dir);

    return system(command);
}

/* --- what is said --------------------------------------------------------------------------------------------------- */

/* The guest announces until its host says so; the newest of what it said. New reference. */
static json_t *announced(const struct kn_actor *guest, const struct kn_actor *agent, const char *command)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    for (;;) {
        assert_true(kn_mono_ms() < deadline);
        assert_runs(guest, "%s", command);
        json_auto_t *list = json_loads(kn_actor_ask(agent, "announced"), 0, NULL);

        if (json_array_size(list) > 0) {
            return json_incref(json_array_get(list, json_array_size(list) - 1));
        }
    }
}

static void must_say(const json_t *word, const char *port, const char *ip, const char *mac, int after)
{
    assert_string_equal(kn_json_str(word, "port"), port);
    assert_string_equal(kn_json_str(word, "ip"), ip);
    assert_string_equal(kn_json_str(word, "mac"), mac);
    assert_int_equal(kn_json_int(word, "after"), after);
}

#define ARPING "busybox arping -c 1 -w 1 -U -I eth0 " VIP " >/dev/null; true"
#define TAKE_VIP "ip addr replace " VIP "/32 dev eth0; "
#define LEAVE_VIP "ip addr del " VIP "/32 dev eth0"

/* Who has it answers, and his host counts. */
static bool reaches(const struct kn_actor *from, const struct kn_actor *holder)
{
    AUTO_FREE char *before = kn_strdup(kn_actor_ask(holder,
                                                    "grep -h ^Icmp: /proc/net/snmp | tail -1 | cut -d' ' -f10"));
    const bool answered = kn_actor_runs(from, PING VIP);

    return answered &&
           strcmp(before, kn_actor_ask(holder, "grep -h ^Icmp: /proc/net/snmp | tail -1 | cut -d' ' -f10")) != 0;
}

static void must_reach(const struct kn_actor *from, const struct kn_actor *holder)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    while (!reaches(from, holder)) {
        assert_true(kn_mono_ms() < deadline);
    }
}

/* --- tests, in order: each builds on the one before ----------------------------------------------------------------- */

#define MINE(n) "\"pairs\":[" PAIR(VIP "/32", MAC(n)) "," PAIR("fd05::70/124", MAC(n)) "]"

/* Each with the MAC of its own port: the neighbours' caches have to follow, on the third guest's host, too. */
static void test_with_a_mac_each(void **state)
{
    (void)state;
    need_root();
    tell_all(MINE(1), MINE(2));
    assert_runs(&guest_1, TAKE_VIP "true");
    must_reach(&guest_3, &guest_1); /* the first has it as long as nobody said anything */
    assert_runs(&guest_1, LEAVE_VIP);
    json_auto_t *word = announced(&guest_2, &agent_b, TAKE_VIP ARPING);

    must_say(word, PORT_ID(2), VIP, MAC(2), 0);
    assert_true(kn_json_int(word, "age_ms") < WAIT_MS);
    tell_all(MINE(1), MINE(2) ",\"announced\":[" SAID(VIP, MAC(2), 5) "]");
    must_reach(&guest_3, &guest_2);
    assert_says(kn_actor_ask(&guest_3, "ip neigh show " VIP), MAC(2));
    assert_string_equal(kn_actor_ask(&agent_a, "broken"), "[]");
    assert_string_equal(kn_actor_ask(&agent_b, "broken"), "[]");
    /* and back: the host says which word it knows of */
    assert_runs(&guest_2, LEAVE_VIP);
    json_auto_t *back = announced(&guest_1, &agent_a, TAKE_VIP ARPING);

    must_say(back, PORT_ID(1), VIP, MAC(1), 5);
    tell_all(MINE(1) ",\"announced\":[" SAID(VIP, MAC(1), 6) "]", MINE(2));
    must_reach(&guest_3, &guest_1);
    must_reach(&guest_2, &guest_1);
    assert_runs(&guest_1, LEAVE_VIP);
}

#define OURS "\"pairs\":[" PAIR(VIP "/32", SHARED_MAC) "]"
#define BECOME_MASTER \
    "ip link add vrrp link eth0 type macvlan mode bridge 2>/dev/null; ip link set vrrp address " SHARED_MAC \
    " up; ip addr replace " VIP "/32 dev vrrp; ip route replace 10.5.0.0/24 dev vrrp table 77; " \
    "ip rule add from " VIP " lookup 77 pref 77 2>/dev/null; "
#define ARPING_VRRP "busybox arping -c 1 -w 1 -U -I vrrp " VIP " >/dev/null; true"

/* One MAC that goes along, as keepalived's use_vmac. */
static void test_with_one_mac(void **state)
{
    (void)state;
    need_root();
    tell_all(OURS, OURS);
    json_auto_t *word = announced(&guest_2, &agent_b, BECOME_MASTER ARPING_VRRP);

    must_say(word, PORT_ID(2), VIP, SHARED_MAC, 0);
    tell_all(OURS, OURS ",\"announced\":[" SAID(VIP, SHARED_MAC, 7) "]");
    must_reach(&guest_3, &guest_2);
    assert_runs(&guest_2, "ip link del vrrp");
    json_auto_t *back = announced(&guest_1, &agent_a, BECOME_MASTER ARPING_VRRP);

    must_say(back, PORT_ID(1), VIP, SHARED_MAC, 7);
    tell_all(OURS ",\"announced\":[" SAID(VIP, SHARED_MAC, 8) "]", OURS);
    must_reach(&guest_3, &guest_1);
    must_reach(&guest_2, &guest_1);
    assert_string_equal(kn_actor_ask(&agent_a, "broken"), "[]");
    assert_runs(&guest_1, "ip link del vrrp");
}

/* Linux announces an address that it takes by itself, if it is asked to: by an unsolicited advertisement. Of a whole prefix. */
static void test_of_ipv6(void **state)
{
    (void)state;
    need_root();
    tell_all(MINE(1), MINE(2));
    json_auto_t *word = announced(&guest_2, &agent_b,
                                  "sysctl -qw net.ipv6.conf.eth0.ndisc_notify=1; "
                                  "ip addr show dev eth0 | grep -q " VIP6 " || ip addr add " VIP6 "/128 dev eth0");

    must_say(word, PORT_ID(2), VIP6, MAC(2), 0);
    tell_all(MINE(1), MINE(2) ",\"announced\":[" SAID(VIP6, MAC(2), 9) "]");
    assert_runs(&guest_2, "ip -6 route replace fd05::/64 dev eth0");
    kn_actor_await(&guest_3, "busybox ping -6 -c 1 -W 1 " VIP6, true, NULL);
}

/* All that a host said until it has said that it heard of this address. */
static char *said_until(const struct kn_actor *guest, const char *command, const char *ip)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf all = KN_STRBUF_INIT;

    do {
        assert_true(kn_mono_ms() < deadline);
        assert_runs(guest, "%s", command);
        kn_strbuf_addstr(&all, kn_actor_ask(&agent_a, "announced"));
    } while (strstr(all.buf, ip) == NULL);
    return kn_strdup(all.buf);
}

#define ANNOUNCE(ip) \
    "ip addr replace " ip "/32 dev eth0; busybox arping -c 1 -w 1 -U -I eth0 " ip " >/dev/null; ip addr del " ip \
    "/32 dev eth0; true"

/* What comes behind them is heard, so they were heard, too, and not heeded. */
static void test_who_may_not_is_not_heard(void **state)
{
    (void)state;
    need_root();
    tell_all("\"pairs\":[" PAIR("10.5.0.0/24", MAC(1)) "]", MINE(2));
    kn_actor_ask(&agent_a, "announced");
    assert_runs(&guest_3, ANNOUNCE(VIP)); /* it has no such pair */
    assert_runs(&guest_3, ANNOUNCE(IP(1))); /* and that is its neighbour's */
    assert_runs(&guest_1, ANNOUNCE(IP(2))); /* a pair allows what is another's own */
    assert_runs(&guest_1, ANNOUNCE("10.5.0.2"));
    assert_runs(&guest_1, ANNOUNCE("10.5.1.78")); /* no pair allows that */
    AUTO_FREE char *all = said_until(&guest_1, ANNOUNCE("10.5.0.78"), "\"10.5.0.78\"");

    assert_null(strstr(all, "\"" VIP "\""));
    assert_null(strstr(all, "\"" IP(1) "\""));
    assert_null(strstr(all, "\"" IP(2) "\""));
    assert_null(strstr(all, "\"10.5.0.2\""));
    assert_null(strstr(all, "\"10.5.1.78\""));
}

/* What was said until both guests were heard: the messages, and the most that one of them held of the port. */
struct said {
    int of_one, of_other, messages, most;
};

static void count_said(struct said *said, const json_t *list)
{
    static json_int_t message;
    static int of_message;
    const json_t *word;
    size_t i;

    json_array_foreach (list, i, word) {
        const bool is_one = strcmp(kn_json_str(word, "port"), PORT_ID(1)) == 0;

        if (kn_json_int(word, "message") != message) {
            message = kn_json_int(word, "message");
            of_message = 0;
            said->messages++;
        }
        of_message += is_one;
        said->of_one += is_one;
        said->of_other += !is_one;
        said->most = of_message > said->most ? of_message : said->most;
    }
}

#define AT_ONCE \
    "for n in $(seq 40); do ip addr add 10.6.0.$n/32 dev eth0; done; for n in $(seq 40); do " \
    "busybox arping -c 1 -w 1 -U -I eth0 10.6.0.$n >/dev/null & done; wait; true"

/* One that announces dozens at once is said in turns of eight, four times a second at most, and another is not kept waiting by it. */
static void test_what_is_said_keeps_its_pace(void **state)
{
    const int64_t since = kn_mono_ms(), deadline = since + WAIT_MS;
    struct said said = { 0 };

    (void)state;
    need_root();
    tell_all("\"pairs\":[" PAIR("10.6.0.0/24", MAC(1)) "]", MINE(2));
    kn_actor_ask(&agent_a, "announced");
    assert_runs(&guest_1, AT_ONCE);
    assert_runs(&guest_3, ANNOUNCE("10.7.0.9"));
    while (said.of_one < 24 || said.of_other == 0) {
        json_auto_t *list = json_loads(kn_actor_ask(&agent_a, "announced"), 0, NULL);

        assert_true(kn_mono_ms() < deadline);
        count_said(&said, list);
        if (said.of_other == 0) {
            assert_runs(&guest_3, ANNOUNCE("10.7.0.9"));
        }
    }
    assert_in_range(said.most, 1, 8);
    assert_in_range(said.messages, 3, (kn_mono_ms() - since) / 250 + 2);
}

/* --- what is for everybody -------------------------------------------------------------------------------------------- */

/* Writes down what comes to the guest: the frame's type, and all of it. */
static void listen_to(const struct kn_actor *guest, const char *name)
{
    AUTO_FREE char *path = kn_asprintf("%s/ear", dir);
    FILE *file = fopen(path, "w");

    fprintf(file, "import socket\n"
                  "s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))\n"
                  "s.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)\n" /* SO_RCVBUFFORCE */
                  "s.bind(('eth0', 0))\n"
                  "while True:\n"
                  "    frame, of = s.recvfrom(2000)\n"
                  "    if of[2] != socket.PACKET_OUTGOING:\n"
                  "        print(frame[12:14].hex(), frame[14:].hex(), flush=True)\n");
    fclose(file);
    assert_runs(guest, "(python3 %s/ear >%s/%s 2>&1 & echo $! >%s/%s.pid) >/dev/null 2>&1; true", dir, dir, name, dir,
                name);
}

/* UDP from port `from` of the source to everybody's port `to`: the word, so many times. */
#define SAY(source, destination, from, to, word, times) \
    "python3 -c \"import socket; v6 = ':' in '" destination \
    "'; s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM); " \
    "s.setsockopt(socket.SOL_SOCKET, 6, 1); s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'eth0'); s.bind(('" source \
    "', " from ")); " \
    "[s.sendto(bytes.fromhex('" word "'), ('" destination "', " to ")) for i in range(" times ")]\""

/* It says so until the other has heard it. */
static void until_heard(const struct kn_actor *guest, const char *say, const char *name, const char *word)
{
    AUTO_FREE char *command = kn_asprintf("%s && grep -q %s %s/%s", say, word, dir, name);

    kn_actor_await(guest, command, true, NULL);
}

static int count_heard(const char *name, const char *word)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s", dir, name);
    FILE *file = fopen(path, "r");
    static char line[8192];
    int count = 0;

    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        count += strstr(line, word) != NULL;
    }
    fclose(file);
    return count;
}

#define FLOODS "bridge fdb show dev kx0a0a0a0a | grep -c '^00:00:00:00:00:00 '"

static void test_what_is_for_everybody(void **state)
{
    (void)state;
    need_root();
    tell_all("", "");
    listen_to(&guest_2, "two"); /* on the other host */
    listen_to(&guest_3, "three"); /* on the same */
    until_heard(&guest_1, SAY(IP(1), "10.5.0.255", "9000", "9000", "beef01", "1"), "two", "beef01");
    until_heard(&guest_1, SAY(IP(1), "224.0.0.251", "9000", "5353", "beef02", "1"), "two", "beef02");
    until_heard(&guest_3, SAY("fd05::13", "ff02::fb", "9000", "5353", "beef03", "1"), "two", "beef03");
    /* what each host answers by itself, and what guests may not say, goes nowhere */
    assert_runs(&guest_1, "ip addr add 10.5.0.99/24 dev eth0");
    kn_actor_ask(&guest_1, SAY("10.5.0.99", "10.5.0.255", "9000", "9000", "beef11", "3"));
    assert_runs(&guest_1, "ip addr del 10.5.0.99/24 dev eth0");
    until_heard(&guest_1, SAY(IP(1), "10.5.0.255", "68", "67", "beef12", "3"), "three", "beef12");
    assert_false(kn_actor_runs(&guest_1, PING "10.5.0.200"));
    until_heard(&guest_1, SAY(IP(1), "10.5.0.255", "9000", "9000", "beef04", "1"), "two", "beef04");
    until_heard(&guest_1, SAY(IP(1), "10.5.0.255", "9000", "9000", "beef04", "1"), "three", "beef04");
    assert_int_equal(count_heard("two", "beef11"), 0);
    assert_int_equal(count_heard("three", "beef11"), 0);
    assert_int_equal(count_heard("two", "beef12"), 0);
    assert_true(count_heard("three", "0a0500c8") > 0); /* ARP */
    assert_int_equal(count_heard("two", "0a0500c8"), 0);
    /* and who says too much is heard on his own host alone */
    const int64_t began_ms = kn_mono_ms();

    assert_runs(&guest_1, SAY(IP(1), "10.5.0.255", "9000", "9000", "beef05", "3000"));
    const int64_t heard = count_heard("two", "beef05"); /* of what takes its time, so far */

    assert_true(heard <= KN_MAX_GUEST_FLOOD + KN_MAX_GUEST_FLOOD * (kn_mono_ms() - began_ms) / 1000 + 1);
    until_heard(&guest_3, SAY("10.5.0.13", "10.5.0.255", "9000", "9000", "beef06", "1"), "two",
                "beef06"); /* others are not kept waiting */
    assert_runs(&guest_2, "kill $(cat %s/two.pid)", dir);
    assert_runs(&guest_3, "kill $(cat %s/three.pid)", dir);
}

/* To each host of a peer once, as peers come and go. */
static void test_to_which_hosts(void **state)
{
    (void)state;
    need_root();
    assert_runs(&shell_a, "test $(" FLOODS ") = 1");
    tell(&agent_a, PEER(4, "192.0.2.2"));
    version++;
    tell(&agent_a, PEER(5, "192.0.2.5"));
    version++;
    assert_runs(&shell_a, "test $(" FLOODS ") = 2");
    tell(&agent_a, PEER(5, "192.0.2.2"));
    version++;
    assert_runs(&shell_a, "test $(" FLOODS ") = 1");
    assert_runs(&shell_a, "bridge fdb show dev kx0a0a0a0a | grep '^00:00:00:00:00:00 dst 192.0.2.2 '");
    assert_string_equal(kn_actor_ask(&agent_a, "broken"), "[]");
    assert_runs(&shell_a, "bridge fdb del 00:00:00:00:00:00 dev kx0a0a0a0a dst 192.0.2.2 self");
    assert_string_equal(kn_actor_ask(&agent_a, "tick"), "ok");
    assert_runs(&shell_a, "test $(" FLOODS ") = 1");
}

int main(void)
{
    kn_test_needs("bridge", "busybox", "ip", "nft", "python3", "sysctl");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_with_a_mac_each),
        cmocka_unit_test(test_with_one_mac),
        cmocka_unit_test(test_of_ipv6),
        cmocka_unit_test(test_who_may_not_is_not_heard),
        cmocka_unit_test(test_what_is_said_keeps_its_pace),
        cmocka_unit_test(test_what_is_for_everybody),
        cmocka_unit_test(test_to_which_hosts),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
