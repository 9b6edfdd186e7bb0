/* SPDX-License-Identifier: Apache-2.0 */
/* firewall_world.c: the world of the firewall's packet tests. */
#include "tests/support/firewall_world.h"

#include <stdio.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/firewall_agent.h"
#include "tests/support/process.h"

#define WAIT_MS 60000

struct kn_fire kn_fire;

/* Changes of the state, sent as one transaction; ends with NULL. */
void kn_fire_now(const char *line, ...)
{
    va_list lines;

    va_start(lines, line);
    for (; line != NULL; line = va_arg(lines, const char *)) {
        assert_string_equal(kn_actor_ask(&kn_fire.agent, "put %s", line), "ok");
    }
    va_end(lines);
    assert_string_equal(kn_actor_ask(&kn_fire.agent, "apply"), "ok");
    assert_string_equal(kn_actor_ask(&kn_fire.agent, "digests"), "same");
}

/* From guest to guest of one network. Whether it passes is also what allows.h says. */
void kn_fire_passes(int from, int to, enum kn_fire_probe probe, int port, bool wanted)
{
    static const struct {
        const char *word, *address;
        int protocol;
    } PROBE[] = {
        [TCP4] = { "tcp", "10.0.0.%d", 6 }, [TCP6] = { "tcp", "fd00::%d", 6 },    [UDP4] = { "udp", "10.0.0.%d", 17 },
        [UDP6] = { "udp", "fd00::%d", 17 }, [PING4] = { "ping", "10.0.0.%d", 1 }, [PING6] = { "ping", "fd00::%d", 58 },
    };
    char source[32], destination[32], command[512];
    bool is_v6 = PROBE[probe].address[0] == 'f';

    snprintf(source, sizeof(source), is_v6 ? "fd00::%d" : "10.0.0.%d", from > 3 ? from - 3 : from);
    snprintf(destination, sizeof(destination), is_v6 ? "fd00::%d" : "10.0.0.%d", to > 3 ? to - 3 : to);
    if (PROBE[probe].word[0] == 'p') {
        snprintf(command, sizeof(command), "busybox ping -c 1 -W 1 %s", destination);
        port = is_v6 ? 128 : 8;
    } else {
        snprintf(command, sizeof(command), "%s %s %s %d", kn_fire.tool, PROBE[probe].word, destination, port);
    }
    const char *told = kn_actor_ask(&kn_fire.agent, "allows %d in %s %s %d %d", to, source, destination,
                                    PROBE[probe].protocol, port);

    assert_string_equal(told, wanted ? "yes" : "no");
    told = kn_actor_ask(&kn_fire.agent, "walks %d %d %s %s %d %d", from, to, source, destination, PROBE[probe].protocol,
                        port);
    assert_string_equal(told, wanted ? "yes" : "no");
    if (wanted) {
        kn_actor_await(&kn_fire.guests[from], command, true, NULL);
    } else if (kn_actor_runs(&kn_fire.guests[from], command)) {
        fail_msg("passed from %d to %d: %s", from, to, command);
    }
}

/* --- the world -------------------------------------------------------------------------------------------------------- */

static void fire_guest(int n)
{
    AUTO_FREE char *tap = kn_asprintf("tap0000000%d-11", n), *mac = kn_asprintf("fa:16:3e:00:00:0%d", n);
    int address = n > 3 ? n - 3 : n;

    assert_runs(&kn_fire.shell,
                "ip tuntap add %s mode tap && ip link set %s master kb000000%s && sysctl -qw "
                "net.ipv6.conf.%s.disable_ipv6=1 && ip link set %s up",
                tap, tap, n > 3 ? "b1" : "a1", tap, tap);
    kn_guest_start(&kn_fire.guests[n], &kn_fire.machine, tap, mac);
    assert_runs(&kn_fire.guests[n], "ip addr add 10.0.0.%d/24 dev eth0 && ip -6 addr add fd00::%d/64 dev eth0 nodad",
                address, address);
    assert_runs(&kn_fire.guests[n], "(%s serve %s/ready%d >/dev/null 2>&1 &)", kn_fire.tool, kn_fire.dir, n);
    AUTO_FREE char *is_ready = kn_asprintf("test -e %s/ready%d", kn_fire.dir, n);

    kn_actor_await(&kn_fire.guests[n], is_ready, true, NULL);
}

int kn_fire_setup(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        return 0;
    }
    kn_test_dir(kn_fire.dir, "net-fire");
    AUTO_FREE char *script = realpath("tests/support/guest_net.py", NULL);

    assert_non_null(script);
    snprintf(kn_fire.tool, sizeof(kn_fire.tool), "python3 %s", script);
    kn_machine_start(&kn_fire.machine);
    kn_actor_start(&kn_fire.shell, &kn_fire.machine, kn_shell);
    kn_actor_start(&kn_fire.agent, &kn_fire.machine, kn_firewall_agent);
    /* what the host says of all bridges does not matter */
    assert_runs(&kn_fire.shell,
                "sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0");
    assert_string_equal(kn_actor_ask(&kn_fire.agent, "check"), "ok");
    assert_runs(&kn_fire.shell,
                "for b in a1 b1; do ip link add kb000000$b type bridge forward_delay 0 mcast_snooping 0 "
                "nf_call_iptables 1 nf_call_ip6tables 1 && sysctl -qw net.ipv6.conf.kb000000$b.disable_ipv6=1 && "
                "ip link set kb000000$b up; done");
    kn_fire_now("network a1 zone=1", "network b1 zone=2", "group 91 rules=" OUT, "group 92 rules=" OUT,
                "group 93 rules=" OUT, PORT_LINE(1, "a1", 1, "groups=91"), PORT_LINE(2, "a1", 2, "groups=92"),
                PORT_LINE(3, "a1", 3, "groups=93"), PORT_LINE(4, "b1", 1, "groups=91"),
                PORT_LINE(5, "b1", 2, "groups=92"), NULL);
    for (int n = 1; n <= 5; n++) {
        fire_guest(n);
    }
    return 0;
}

int kn_fire_teardown(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        return 0;
    }
    for (int n = 1; n <= 5; n++) {
        kn_actor_kill(&kn_fire.guests[n]);
    }
    kn_actor_kill(&kn_fire.agent);
    kn_actor_kill(&kn_fire.shell);
    kn_machine_stop(&kn_fire.machine);
    AUTO_FREE char *command = kn_asprintf("rm -rf %s", kn_fire.dir);

    return system(command);
}
