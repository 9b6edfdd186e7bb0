/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host's firewall costs: the time of its transactions with so many ports, and what packets between two taps pay for it (iperf3 and ping in network
 * namespaces). make bench-network; a number of ports as the argument, "short" for a run of a few seconds. Wants root; prints one line a figure.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "network/host/firewall/firewall.h"
#include "network/host/firewall/ruleset.h"
#include "tests/support/state_world.h"

#define TENANT 10 /* ports a project: each has its default group */

static struct kn_network_state *world;
static struct kn_network_firewall *firewall;

static void say(const char *line)
{
    const char *id;
    const void *object;
    enum kn_network_kind kind = kn_world_put(world, line, &id, &object);

    if (object != NULL) {
        kn_network_firewall_change(firewall, kind, NULL, object);
    }
}

static void sayf(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void sayf(const char *format, ...)
{
    char line[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    say(line);
}

static void must_run(const char *command)
{
    if (system(command) != 0) {
        fprintf(stderr, "bench-network: failed: %s\n", command);
        exit(1);
    }
}

/* What it took, in ms. */
static double apply(void)
{
    struct kn_error err;
    int64_t start = kn_mono_us();

    if (kn_network_firewall_apply(firewall, world, &err) < 0) {
        fprintf(stderr, "bench-network: %s\n", err.message);
        exit(1);
    }
    return (double)(kn_mono_us() - start) / 1000;
}

/* Neutron's default group of a project: everything out, everything in from itself, ssh and ping from anywhere. */
static void add_tenant(int tenant)
{
    sayf("group f%04x rules=out:4:-1:-1:-1:any,out:6:-1:-1:-1:any,in:4:-1:-1:-1:group:f%04x,in:6:-1:-1:-1:group:f%04x,"
         "in:4:6:22:22:any,in:4:1:8:-1:any",
         (unsigned)tenant, (unsigned)tenant, (unsigned)tenant);
}

static void add_port(int n)
{
    sayf("port %x net=a1 mac=fa:16:3e:%02x:%02x:%02x ip=10.%d.%d.%d,fd00::%x groups=f%04x", (unsigned)n, 1U,
         (unsigned)n >> 8, (unsigned)n & 255, 1 + n / 65536, n / 256 % 256, n % 256, (unsigned)n,
         (unsigned)(n / TENANT));
    sayf("member %x groups=f%04x ip=10.%d.%d.%d,fd00::%x", (unsigned)n, (unsigned)(n / TENANT), 1 + n / 65536,
         n / 256 % 256, n % 256, (unsigned)n);
}

/* --- transactions ----------------------------------------------------------------------------------------------------- */

static void measure_transactions(int ports)
{
    char wanted[KN_RULESET_DIGEST_SIZE], kernel[KN_RULESET_DIGEST_SIZE];
    struct kn_error err;
    int64_t start = kn_mono_us();

    for (int n = TENANT; n < ports + TENANT; n++) {
        if (n % TENANT == 0) {
            add_tenant(n / TENANT);
        }
        add_port(n);
    }
    printf("compile %d ports: %.1f ms\n", ports, (double)(kn_mono_us() - start) / 1000);
    printf("nft transaction, whole, %d ports: %.1f ms\n", ports, apply());
    add_port(ports + TENANT);
    add_tenant((ports + TENANT) / TENANT);
    printf("nft transaction, one port more at %d: %.1f ms\n", ports, apply());
    sayf("group f%04x rules=out:4:-1:-1:-1:any,in:4:6:80:80:any", 1U);
    printf("nft transaction, one group's rules at %d: %.1f ms\n", ports, apply());
    sayf("member fffff groups=f0001 ip=10.250.0.1");
    printf("nft transaction, one member of a remote group at %d: %.1f ms\n", ports, apply());
    const void *gone = kn_hmap_get(world->objects[KN_NETWORK_IS_PORT], kn_world_id("b"));

    kn_network_firewall_change(firewall, KN_NETWORK_IS_PORT, gone, NULL);
    say("drop port b");
    printf("nft transaction, one port less at %d: %.1f ms\n", ports, apply());
    start = kn_mono_us();
    if (kn_network_firewall_digests(firewall, wanted, kernel, &err) < 0 || strcmp(wanted, kernel) != 0) {
        fprintf(stderr, "bench-network: the kernel's tables are not what was sent\n");
        exit(1);
    }
    printf("audit of %d ports: %.1f ms\n", ports, (double)(kn_mono_us() - start) / 1000);
}

/* --- packets ---------------------------------------------------------------------------------------------------------- */

/* Two guests' ports, whose taps are veths. */
static void add_ends(void)
{
    add_tenant(0);
    say("network a1 zone=1");
    say("port 1 net=a1 mac=fa:16:3e:01:00:01 ip=10.1.0.1 groups=f0000");
    say("port 2 net=a1 mac=fa:16:3e:01:00:02 ip=10.1.0.2 groups=f0000");
    say("member 1 groups=f0000 ip=10.1.0.1");
    say("member 2 groups=f0000 ip=10.1.0.2");
}

static void make_ends(void)
{
    must_run(
        "ip link add kb000000a1 type bridge forward_delay 0 mcast_snooping 0 nf_call_iptables 0 nf_call_ip6tables 0 && "
        "ip link set kb000000a1 up");
    for (int n = 1; n <= 2; n++) {
        AUTO_FREE char *command = kn_asprintf(
            "ip netns add end%d && ip link add tap0000000%d-11 type veth peer name eth0 netns end%d address "
            "fa:16:3e:01:00:0%d && ip link set tap0000000%d-11 master kb000000a1 up && ip -n end%d link set eth0 up && "
            "ip -n end%d addr add 10.1.0.%d/24 dev eth0",
            n, n, n, n, n, n, n, n);

        must_run(command);
    }
    must_run(
        "ip netns exec end2 iperf3 -s -D >/dev/null 2>&1; for i in 1 2 3 4 5 6 7 8 9; do ip netns exec end1 ping -q -c 1 -W 1 "
        "10.1.0.2 >/dev/null && break; done");
}

/* The command's one number; 0 for none. */
static double number_from(const char *command)
{
    FILE *pipe = popen(command, "r");
    double number = 0;

    if (pipe == NULL || fscanf(pipe, "%lf", &number) != 1) {
        number = 0;
    }
    if (pipe != NULL) {
        pclose(pipe);
    }
    return number;
}

static void measure_packets(const char *what, int seconds)
{
    AUTO_FREE char *throughput = kn_asprintf("ip netns exec end1 iperf3 -c 10.1.0.2 -t %d -f g 2>/dev/null | "
                                             "awk '/receiver/ { print $7 }'",
                                             seconds),
                   *latency = kn_asprintf("ip netns exec end1 ping -q -c %d -i 0.002 10.1.0.2 | "
                                          "awk -F/ '/^rtt/ { print $5 * 1000 }'",
                                          seconds * 200);

    printf("between two taps, %s: %.2f Gbit/s, %.0f us there and back\n", what, number_from(throughput),
           number_from(latency));
}

/* What the kernel itself takes for showing a bridge's packets to a firewall, and for tracking their connections: the rest is our rules'. */
static void measure_kernel(int seconds)
{
    must_run("ip link set kb000000a1 type bridge nf_call_iptables 1 nf_call_ip6tables 1");
    measure_packets("shown to an empty firewall", seconds);
    must_run(
        "nft 'table inet bench { chain track { type filter hook prerouting priority -150; ct state invalid drop; }; "
        "chain pass { type filter hook forward priority 0; ct state invalid drop; }; }'");
    measure_packets("connections tracked, no rules", seconds);
    must_run("nft delete table inet bench");
}

/* A place of its own: nothing of this machine is touched. */
static void go_elsewhere(void)
{
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        fprintf(stderr, "bench-network: wants root\n");
        exit(1);
    }
    mkdir("/run/netns", 0755);
    if (mount("netns", "/run/netns", "tmpfs", 0, NULL) != 0) {
        exit(1);
    }
}

int main(int argc, char **argv)
{
    bool is_short = argc > 1 && strcmp(argv[1], "short") == 0;
    int ports = argc > 1 && !is_short ? atoi(argv[1]) : is_short ? 200 : 1000, seconds = is_short ? 1 : 5;
    struct kn_error err;

    setvbuf(stdout, NULL, _IOLBF, 0);
    go_elsewhere();
    world = kn_world_new();
    if (kn_network_firewall_new(&firewall, &err) < 0) {
        fprintf(stderr, "bench-network: %s\n", err.message);
        return 1;
    }
    make_ends();
    measure_packets("no firewall", seconds);
    measure_kernel(seconds);
    add_ends();
    apply();
    measure_packets("no other ports' rules", seconds);
    measure_transactions(ports);
    AUTO_FREE char *what = kn_asprintf("%d other ports' rules", ports);

    measure_packets(what, seconds);
    must_run("ip netns pids end2 | xargs kill");
    kn_network_firewall_free(firewall);
    kn_world_free(world);
    return 0;
}
