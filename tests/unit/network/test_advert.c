/* SPDX-License-Identifier: Apache-2.0 */
/* Router advertisements in a router's name: who is one, and the bytes. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "network/host/dhcp/advertiser.h"
#include "tests/support/state_world.h"

struct advert_world {
    struct kn_network_state *state;
    struct kn_network_host_network *network;
    struct kn_network_state_network wanted;
    struct kn_network_state_subnet subnets[3];
};

static void advert_subnet(struct advert_world *world, const char *cidr, const char *gateway, int ra_mode, int mode)
{
    struct kn_network_state_subnet *subnet = &world->subnets[world->wanted.subnet_count++];

    assert_true(kn_ip_prefix_parse(cidr, &subnet->cidr));
    assert_true(gateway == NULL || kn_ip_parse(gateway, &subnet->gateway));
    subnet->ra_mode = (__typeof__(subnet->ra_mode))ra_mode;
    subnet->address_mode = (__typeof__(subnet->address_mode))mode;
}

static void advert_resident(struct advert_world *world, const char *line)
{
    const char *id;
    const void *object;
    enum kn_network_kind kind = kn_world_put(world->state, line, &id, &object);

    kn_hmap_put(kind == KN_NETWORK_IS_PORT ? world->network->ports : world->network->peers, id,
                (void *)(uintptr_t)object);
}

static void advert_begin(struct advert_world *world)
{
    *world = (struct advert_world){ .state = kn_world_new(),
                                    .network = kn_network_host_network_new("networks", kn_world_id("a1")) };
    world->wanted.mtu = 1450;
    world->wanted.subnets = world->subnets;
    world->network->wanted = &world->wanted;
}

static void advert_end(struct advert_world *world)
{
    kn_network_host_network_free(world->network);
    kn_world_free(world->state);
}

/* Whoever has the gateway's address, wherever it lives; once, for however many subnets; nobody where there are no advertisements, or only IPv4. */
static void test_who_is_a_router(void **state)
{
    struct advert_world world;
    size_t count;

    (void)state;
    advert_begin(&world);
    advert_subnet(&world, "10.0.0.0/24", "10.0.0.1", KN_RA_NONE, KN_RA_NONE);
    advert_subnet(&world, "fd00::/64", "fd00::1", KN_RA_SLAAC, KN_RA_SLAAC);
    advert_subnet(&world, "fd01::/64", "fd01::1", KN_RA_STATEFUL, KN_RA_STATEFUL);
    free(kn_network_adverts_of(world.network, &count)); /* nobody lives there */
    assert_int_equal(count, 0);
    advert_resident(&world, "peer 1 net=a1 mac=fa:16:3e:00:00:01 ip=10.0.0.1,fd00::1,fd01::1");
    advert_resident(&world, "port 2 net=a1 mac=fa:16:3e:00:00:02 ip=10.0.0.2,fd00::2");
    AUTO_FREE struct kn_network_advert *found = kn_network_adverts_of(world.network, &count);

    assert_int_equal(count, 1);
    assert_int_equal(found[0].mac[5], 1);
    assert_int_equal(found[0].mtu, 1450);
    assert_true(found[0].is_managed && found[0].has_other);
    world.subnets[1].ra_mode = world.subnets[2].ra_mode = KN_RA_NONE;
    free(kn_network_adverts_of(world.network, &count));
    assert_int_equal(count, 0);
    advert_end(&world);
}

static void test_the_bytes(void **state)
{
    static const uint8_t WANTED[KN_ADVERT_SIZE] = {
        0x33, 0x33, 0,    0,    0,    1,    0xfa, 0x16, 0x3e, 0,    0, 1, 0x86, 0xdd, /* to all nodes, from the router */
        0x60, 0,    0,    0,    0,    32,   58,   255,  0xfe, 0x80, 0, 0, 0,    0,    0,    0,
        0xf8, 0x16, 0x3e, 0xff, 0xfe, 0,    0,    1, /* its link-local address */
        0xff, 2,    0,    0,    0,    0,    0,    0,    0,    0,    0, 0, 0,    0,    0,    1,
        134,  0,    0,    0,    64,   0xc0, 0x07, 0x08, 0,    0,    0, 0, 0,    0,    0,    0, /* M, O, 1800 s */
        1,    1,    0xfa, 0x16, 0x3e, 0,    0,    1,    5,    1,    0, 0, 0,    0,    0x05, 0xaa, /* its MAC, the MTU */
    };
    const struct kn_network_advert advert = { { 0xfa, 0x16, 0x3e, 0, 0, 1 }, 1450, true, true };
    uint8_t frame[KN_ADVERT_SIZE];
    uint32_t sum = 58 + 32;

    (void)state;
    kn_network_advert_frame(&advert, KN_ADVERT_LIFETIME_S, frame);
    for (size_t i = 22; i < sizeof(frame); i += 2) { /* with its checksum it sums up to nothing */
        sum += (uint32_t)(frame[i] << 8 | frame[i + 1]);
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    assert_int_equal(sum, 0xffff);
    memset(frame + 56, 0, 2);
    assert_memory_equal(frame, WANTED, sizeof(frame));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_who_is_a_router), cmocka_unit_test(test_the_bytes) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
