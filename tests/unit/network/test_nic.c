/* SPDX-License-Identifier: Apache-2.0 */
/* A NIC as kilonova-network writes it fits the form, is what the golden file has, and is read by a host. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "network/host/nic.h"
#include "network/rows/ports/nic.h"
#include "tests/support/golden.h"
#include "tests/support/test.h"

#define PORT "11111111-1111-4111-8111-111111111111"
#define NETWORK "22222222-2222-4222-8222-222222222222"
#define SUBNET "33333333-3333-4333-8333-333333333333"

static json_t *write_nic(char *tag)
{
    char name[] = "net";
    struct kn_network_subnet_view subnet = {
        .id = SUBNET, .cidr.length = 24, .gateway = kn_ip_v4(0x0a050001), .dhcp = true, .dhcp_ip = kn_ip_v4(0x0a050002)
    };
    const struct kn_ip ip = kn_ip_v4(0x0a050009);
    struct kn_network_view network = {
        .id = NETWORK, .name = name, .mtu = 1450, .vni = 7, .dhcp_mac = "fa:16:3e:00:00:02"
    };
    struct kn_network_nic nic = { .port = PORT, .mac = "fa:16:3e:00:00:01", .network = &network };
    json_t *json;

    subnet.dns = json_pack("[s]", "8.8.8.8");
    subnet.routes = json_pack("[{s:s, s:s}]", "destination", "10.9.0.0/16", "nexthop", "10.5.0.254");
    nic.tag = kn_strdup(tag);
    kn_network_nic_add(&nic, &subnet, &ip, NULL);
    json = kn_network_nic_json(&nic);
    kn_network_nic_release(&nic);
    json_decref(subnet.dns);
    json_decref(subnet.routes);
    return json;
}

static void test_a_nic_is_written_as_declared_and_read(void **state)
{
    char tag[] = "t";
    json_t *nic = write_nic(tag);
    AUTO_FREE struct kn_network_plug *read = NULL;
    json_auto_t *plug = NULL;
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(kn_form_check(&kn_form_nic, nic, "nic", &err), &err);
    kn_test_golden("forms/nic", nic, 0);
    plug = kn_form_write_plug(nic); /* what is left of it in a spec */
    assert_ok(kn_form_check(&kn_form_plug, plug, "plug", &err), &err);
    assert_int_equal(json_object_size(plug), 5);
    assert_ok(kn_network_plug_parse(NETWORK, plug, &read, &err), &err);
    assert_string_equal(read->tap, "tap11111111-11");
    json_decref(nic);
}

/* What a flavor allows a NIC goes through the file and back; half a limit is none. */
static void test_limits_are_kept(void **state)
{
    char tag[] = "t";
    json_t *nic = write_nic(tag);
    json_auto_t *plug = kn_form_write_plug(nic);
    AUTO_FREE struct kn_network_plug *read = NULL, *again = NULL, *bad = NULL;
    struct kn_error err = { 0 };

    (void)state;
    json_decref(nic);
    json_object_set_new(plug, "to_guest", json_pack("{s:i, s:i}", "max_kbps", 8000, "burst_kbit", 4096));
    assert_ok(kn_network_plug_parse(NETWORK, plug, &read, &err), &err);
    assert_int_equal(read->own_to_guest.burst_kbit, 4096);
    assert_int_equal(read->own_from_guest.max_kbps, 0);
    json_auto_t *kept = kn_network_plug_json(read);

    assert_null(json_object_get(kept, "from_guest"));
    assert_ok(kn_network_plug_parse(NETWORK, kept, &again, &err), &err);
    assert_memory_equal(&again->own_to_guest, &read->own_to_guest, sizeof(read->own_to_guest));
    json_object_set_new(plug, "from_guest", json_pack("{s:i}", "max_kbps", -1));
    assert_fails(kn_network_plug_parse(NETWORK, plug, &bad, &err), &err, KN_BAD_REQUEST);
}

static void test_no_tag_is_none(void **state)
{
    json_t *nic = write_nic(NULL);
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(kn_form_check(&kn_form_nic, nic, "nic", &err), &err);
    assert_null(json_object_get(nic, "tag"));
    json_decref(nic);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_a_nic_is_written_as_declared_and_read),
                                        cmocka_unit_test(test_limits_are_kept), cmocka_unit_test(test_no_tag_is_none) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
