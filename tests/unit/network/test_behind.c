/* SPDX-License-Identifier: Apache-2.0 */
/* What lives behind ports by their allowed address pairs: stations and addresses, and that nobody's own is taken by a pair. */
#include "tests/support/test.h"

#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "network/address/mac.h"
#include "network/host/link/behind.h"
#include "tests/support/state_world.h"

#define VRRP "00:00:5e:00:01:01"

/* "<port> <here|there> <MAC>[ station][ <address>]" a line. */
static void print(const struct kn_network_host_network *network, struct kn_strbuf *out)
{
    size_t count;
    AUTO_FREE struct kn_network_behind *list = kn_network_behind_of(network, &count);

    for (size_t i = 0; i < count; i++) {
        char mac[KN_MAC_TEXT], ip[KN_IP_SIZE] = "";

        kn_network_mac_text(list[i].mac, mac);
        if (list[i].ip.family != 0) {
            kn_ip_text(&list[i].ip, ip);
        }
        kn_strbuf_addf(out, "%.8s %s %s%s%s%s\n", list[i].port, list[i].underlay == NULL ? "here" : "there", mac,
                       list[i].is_station ? " station" : "", ip[0] != '\0' ? " " : "", ip);
    }
}

static const struct {
    const char *lines[5], *behind;
} CASES[] = {
    { { "port 1 net=a1 mac=fa:16:3e:00:00:01 ip=10.0.0.1", "peer 2 net=a1 mac=fa:16:3e:00:00:02 ip=10.0.0.2" }, "" },
    /* another MAC and another address; a prefix is nobody's to answer for */
    { { "port 1 net=a1 mac=fa:16:3e:00:00:01 ip=10.0.0.1 pair=10.0.0.9/" VRRP,
        "peer 2 net=a1 mac=fa:16:3e:00:00:02 ip=10.0.0.2 "
        "pair=10.0.0.8/00:00:5e:00:01:02,10.0.9.0/24/00:00:5e:00:01:02,fd00::8/fa:16:3e:00:00:02" },
      "00000001 here 00:00:5e:00:01:01 station 10.0.0.9\n00000002 there 00:00:5e:00:01:02 station 10.0.0.8\n"
      "00000002 there fa:16:3e:00:00:02 fd00::8\n" },
    /* several with the same: the first has it, wherever it lives */
    { { "peer 1 net=a1 mac=fa:16:3e:00:00:01 ip=10.0.0.1 pair=10.0.0.9/" VRRP,
        "port 2 net=a1 mac=fa:16:3e:00:00:02 ip=10.0.0.2 pair=10.0.0.9/" VRRP },
      "00000001 there 00:00:5e:00:01:01 station 10.0.0.9\n" },
    /* but once it was announced, who did so last, wherever he lives: with a MAC that goes along, or each with his own */
    { { "peer 1 net=a1 mac=fa:16:3e:00:00:01 ip=10.0.0.1 pair=10.0.0.9/" VRRP " announced=10.0.0.9/" VRRP "/4",
        "port 2 net=a1 mac=fa:16:3e:00:00:02 ip=10.0.0.2 pair=10.0.0.9/" VRRP " announced=10.0.0.9/" VRRP "/5" },
      "00000002 here 00:00:5e:00:01:01 station 10.0.0.9\n" },
    { { "peer 1 net=a1 mac=fa:16:3e:00:00:01 ip=10.0.0.1 pair=10.0.0.9/fa:16:3e:00:00:01",
        "port 2 net=a1 mac=fa:16:3e:00:00:02 ip=10.0.0.2 pair=10.0.0.9/fa:16:3e:00:00:02 announced=10.0.0.9/fa:16:3e:00:00:02/1" },
      "00000002 here fa:16:3e:00:00:02 10.0.0.9\n" },
    /* of a prefix, too; a MAC that is elsewhere now takes its addresses along, to who may have them */
    { { "peer 1 net=a1 mac=fa:16:3e:00:00:01 ip=10.0.0.1 pair=10.0.9.0/24/" VRRP " announced=10.0.9.7/" VRRP "/2",
        "peer 2 net=a1 mac=fa:16:3e:00:00:02 ip=10.0.0.2 pair=10.0.9.0/24/" VRRP " announced=10.0.9.8/" VRRP "/3" },
      "00000002 there 00:00:5e:00:01:01 station 10.0.9.8\n" },
    /* not what no pair allows (any more), nor what is another's own */
    { { "peer 1 net=a1 mac=fa:16:3e:00:00:01 ip=10.0.0.1 pair=10.0.0.9/fa:16:3e:00:00:01",
        "port 2 net=a1 mac=fa:16:3e:00:00:02 ip=10.0.0.2 pair=10.0.0.0/24/fa:16:3e:00:00:02 "
        "announced=10.0.0.1/fa:16:3e:00:00:02/9,10.1.0.9/fa:16:3e:00:00:02/8,10.0.0.9/fa:16:3e:00:00:01/7" },
      "00000001 there fa:16:3e:00:00:01 10.0.0.9\n" },
    /* nobody's own is taken: neither MAC nor address */
    { { "port 1 net=a1 mac=fa:16:3e:00:00:01 ip=10.0.0.1 pair=10.0.0.2/fa:16:3e:00:00:01,10.0.0.9/fa:16:3e:00:00:02",
        "peer 2 net=a1 mac=fa:16:3e:00:00:02 ip=10.0.0.2" },
      "" },
};

static void test_who_has_what(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
        struct kn_network_state *world = kn_world_new();
        struct kn_network_host_network *network = kn_network_host_network_new("networks", kn_world_id("a1"));

        for (size_t n = 0; n < KN_COUNT(CASES[i].lines) && CASES[i].lines[n] != NULL; n++) {
            const char *id;
            const void *object;
            enum kn_network_kind kind = kn_world_put(world, CASES[i].lines[n], &id, &object);

            kn_hmap_put(kind == KN_NETWORK_IS_PORT ? network->ports : network->peers, id, (void *)(uintptr_t)object);
        }
        print(network, &text);
        assert_string_equal(text.buf == NULL ? "" : text.buf, CASES[i].behind);
        kn_network_host_network_free(network);
        kn_world_free(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_who_has_what) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
