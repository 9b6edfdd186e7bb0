/* SPDX-License-Identifier: Apache-2.0 */
/* router_world.c: the texts. */
#include "tests/support/router_world.h"

#include "tests/support/test.h"

#include <stdio.h>

#include "lib/base/mem.h"
#include "lib/base/strbuf.h"

#define LEG "0a00000%d-1111-4111-8111-111111111111"

const struct kn_router_world_port KN_ROUTER_PORTS[6] = {
    { "10.1.0.11", "fd00:1::11", 1, 0, 1 }, { "10.2.0.12", "fd00:2::12", 2, 1, 2 },
    { "10.1.0.14", "fd00:1::14", 1, 2, 4 }, { "10.1.0.1", "fd00:1::1", 1, -1, 1 },
    { "10.2.0.1", "fd00:2::1", 2, -1, 2 },  { "172.24.4.10", "fd00:e::10", 3, -1, 3 },
};

struct kn_router_now kn_router_now = {
    .lease = 1, .gateway = "\"172.24.4.10/24\",\"fd00:e::10/64\"", .snat = "true", .snat_ip = "172.24.4.10"
};
static int version;

static void world_add_network(struct kn_strbuf *out, int n)
{
    kn_strbuf_addf(
        out,
        "{\"kind\":\"network\",\"id\":\"a000000%d-1111-4111-8111-111111111111\",\"mtu\":1450,%s,\"dhcp_ips\":[],\"subnets\":[",
        n,
        n == 3   ? "\"type\":\"flat\",\"physical\":\"public\""
        : n == 1 ? "\"type\":\"vxlan\",\"vni\":101"
                 : "\"type\":\"vxlan\",\"vni\":102");
    kn_strbuf_addf(
        out,
        "{\"id\":\"b000004%d-1111-4111-8111-111111111111\",\"cidr\":\"%s\",\"dhcp\":false,\"dns\":[],\"routes\":[]},"
        "{\"id\":\"b000006%d-1111-4111-8111-111111111111\",\"cidr\":\"fd00:%s::/64\",\"dhcp\":false,\"dns\":[],\"routes\":[]}]},",
        n,
        n == 1   ? "10.1.0.0/24"
        : n == 2 ? "10.2.0.0/24"
                 : "172.24.4.0/24",
        n,
        n == 1   ? "1"
        : n == 2 ? "2"
                 : "e");
}

static int world_host_of(size_t port)
{
    return KN_ROUTER_PORTS[port].host >= 0 ? KN_ROUTER_PORTS[port].host : kn_router_now.host;
}

const char *kn_router_port_id(size_t port)
{
    static char ids[2][64];
    static int n;

    n = !n;
    snprintf(ids[n], sizeof(ids[n]), KN_ROUTER_PORTS[port].host >= 0 ? "0000000%d-1111-4111-8111-111111111111" : LEG,
             KN_ROUTER_PORTS[port].number);
    return ids[n];
}

const char *kn_router_port_mac(size_t port)
{
    static char macs[2][32];
    static int n;

    n = !n;
    snprintf(macs[n], sizeof(macs[n]), "fa:16:3e:00:%02d:%02d", KN_ROUTER_PORTS[port].host < 0,
             KN_ROUTER_PORTS[port].number);
    return macs[n];
}

static void world_add_port(struct kn_strbuf *out, int host, size_t i)
{
    const bool is_leg = KN_ROUTER_PORTS[i].host < 0;

    if (world_host_of(i) == host) {
        kn_strbuf_addf(
            out,
            "{\"kind\":\"port\",\"id\":\"%s\",\"network\":\"a000000%d-1111-4111-8111-111111111111\",\"mac\":\"%s\",\"up\":true,\"filtered\":%s,%s"
            "\"ips\":[{\"subnet\":\"b000004%d-1111-4111-8111-111111111111\",\"ip\":\"%s\"},{\"subnet\":\"b000006%d-1111-4111-8111-111111111111\",\"ip\":\"%s\"}]",
            kn_router_port_id(i), KN_ROUTER_PORTS[i].network, kn_router_port_mac(i), is_leg ? "false" : "true",
            is_leg ? "\"is_router\":true," : "", KN_ROUTER_PORTS[i].network, KN_ROUTER_PORTS[i].ip4,
            KN_ROUTER_PORTS[i].network, KN_ROUTER_PORTS[i].ip6);
        kn_strbuf_addf(out,
                       is_leg ? "},"
                              : ",\"server\":\"5e00000%d-1111-4111-8111-111111111111\",\"hostname\":\"guest-%d\"},",
                       KN_ROUTER_PORTS[i].number, KN_ROUTER_PORTS[i].number);
    } else {
        kn_strbuf_addf(
            out,
            "{\"kind\":\"peer\",\"id\":\"%s\",\"network\":\"a000000%d-1111-4111-8111-111111111111\",\"mac\":\"%s\",\"ips\":[\"%s\",\"%s\"],\"underlay\":\"192.0.2.%d\"},",
            kn_router_port_id(i), KN_ROUTER_PORTS[i].network, kn_router_port_mac(i), KN_ROUTER_PORTS[i].ip4,
            KN_ROUTER_PORTS[i].ip6, world_host_of(i) + 1);
    }
}

static void world_add_router(struct kn_strbuf *out)
{
    kn_strbuf_addf(out, "{\"kind\":\"router\",\"id\":\"" KN_ROUTER_ID "\",\"lease\":%d,\"up\":true,\"interfaces\":[",
                   kn_router_now.lease);
    for (size_t i = 3; i < KN_COUNT(KN_ROUTER_PORTS); i++) {
        kn_strbuf_addf(
            out, "%s{\"port\":\"%s\",\"network\":\"a000000%d-1111-4111-8111-111111111111\",\"mac\":\"%s\",\"ips\":[",
            i > 3 ? "," : "", kn_router_port_id(i), KN_ROUTER_PORTS[i].network, kn_router_port_mac(i));
        if (KN_ROUTER_PORTS[i].network == 3) {
            kn_strbuf_addf(out, "%s]}", kn_router_now.gateway);
        } else {
            kn_strbuf_addf(out, "\"%s/24\",\"%s/64\"]}", KN_ROUTER_PORTS[i].ip4, KN_ROUTER_PORTS[i].ip6);
        }
    }
    kn_strbuf_addf(
        out,
        "],\"gateway\":2,\"snat\":%s,\"snat_ip\":\"%s\",\"routes\":[%s{\"destination\":\"0.0.0.0/0\",\"nexthop\":\"172.24.4.1\"}],\"floating\":[%s],\"forwards\":[%s]}",
        kn_router_now.snat, kn_router_now.snat_ip, kn_router_now.routes != NULL ? kn_router_now.routes : "",
        kn_router_now.floating != NULL ? kn_router_now.floating : "",
        kn_router_now.forwards != NULL ? kn_router_now.forwards : "");
}

char *kn_router_words(int host)
{
    struct kn_strbuf out = KN_STRBUF_INIT;

    kn_strbuf_addf(&out,
                   "state {\"host\":\"h\",\"from\":-1,\"version\":%d,\"piece\":1,\"pieces\":1,\"drop\":[],\"put\":[",
                   ++version);
    for (int n = 1; n <= 3; n++) {
        if (n != 3 || host == kn_router_now.host) {
            world_add_network(&out, n);
        }
    }
    for (size_t i = 0; i < KN_COUNT(KN_ROUTER_PORTS); i++) {
        if (KN_ROUTER_PORTS[i].network != 3 || host == kn_router_now.host) {
            world_add_port(&out, host, i);
        }
    }
    if (host == kn_router_now.host) {
        world_add_router(&out);
    } else {
        out.buf[--out.len] = '\0'; /* the last comma */
    }
    kn_strbuf_addstr(&out, "]}");
    return out.buf;
}
