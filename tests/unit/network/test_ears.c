/* SPDX-License-Identifier: Apache-2.0 */
/* Frames by which guests say that an address is theirs, and those that only look like it. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "network/address/mac.h"
#include "network/host/link/ears.h"

#define A "02 00 5e 00 01 50"
#define B "02 00 5e 00 01 51"
#define ALL "ff ff ff ff ff ff"
#define VIP "0a 00 00 32"
#define ARP_HEAD "08 06 00 01 08 00 06 04 "
#define ND_HEAD "33 33 00 00 00 01 " A " 86 dd 60 00 00 00 00 20 3a "
#define LINK "fe 80 00 00 00 00 00 00 00 00 5e ff fe 00 01 50 "
#define EVERYBODY "ff 02 00 00 00 00 00 00 00 00 00 00 00 00 00 01 "
#define VIP6 "fd 0a 00 00 00 00 00 00 00 00 00 00 00 00 00 50 "

static const struct {
    const char *frame, *says; /* says: "" for nothing */
} CASES[] = {
    { ALL " " A " " ARP_HEAD "00 01 " A " " VIP " 00 00 00 00 00 00 " VIP, "02:00:5e:00:01:50 10.0.0.50" },
    { ALL " " A " " ARP_HEAD "00 02 " A " " VIP " " A " " VIP, "02:00:5e:00:01:50 10.0.0.50" },
    { ALL " " A " " ARP_HEAD "00 01 " A " " VIP " 00 00 00 00 00 00 0a 00 00 33", "" }, /* a question for another */
    { ALL " " B " " ARP_HEAD "00 01 " A " " VIP " 00 00 00 00 00 00 " VIP, "" }, /* in another's name */
    { ALL " " A " " ARP_HEAD "00 03 " A " " VIP " 00 00 00 00 00 00 " VIP, "" },
    { ALL " " A " " ARP_HEAD "00 01 " A " " VIP " 00 00 00 00 00 00 0a 00 00", "" }, /* cut */
    { ALL " " A " 08 06", "" },
    { "", "" },
    { ND_HEAD "ff " LINK EVERYBODY "88 00 00 00 20 00 00 00 " VIP6 "02 01 " A, "02:00:5e:00:01:50 fd0a::50" },
    { ND_HEAD "ff " LINK EVERYBODY "88 00 00 00 60 00 00 00 " VIP6 "02 01 " A, "" }, /* an answer */
    { ND_HEAD "40 " LINK EVERYBODY "88 00 00 00 20 00 00 00 " VIP6 "02 01 " A, "" }, /* that came over a router */
    { ND_HEAD "ff " LINK LINK "88 00 00 00 20 00 00 00 " VIP6 "02 01 " A, "" }, /* to one alone */
    { ND_HEAD "ff " LINK EVERYBODY "88 00 00 00 20 00 00 00 " VIP6 "02 01 " B, "" },
    { ND_HEAD "ff " LINK EVERYBODY "88 00 00 00 20 00 00 00 " VIP6, "" },
    { ND_HEAD "ff " LINK EVERYBODY "87 00 00 00 20 00 00 00 " VIP6 "02 01 " A, "" },
};

static size_t bytes_of(const char *hex, uint8_t *out)
{
    size_t count = 0;
    char *end;

    for (; *hex != '\0'; hex = end) {
        out[count++] = (uint8_t)strtoul(hex, &end, 16);
        end += strspn(end, " ");
    }
    return count;
}

static void test_frames(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        uint8_t frame[256] = { 0 }, mac[6] = { 0 };
        const size_t size = bytes_of(CASES[i].frame, frame);
        char text[KN_MAC_TEXT + KN_IP_SIZE + 1] = "", address[KN_IP_SIZE];
        struct kn_ip ip = KN_IP_NONE;
        uint8_t *exact = malloc(size + 1); /* so that a byte too many is seen */

        memcpy(exact, frame, size);
        if (kn_network_ears_read(exact, size, mac, &ip)) {
            char station[KN_MAC_TEXT];

            kn_network_mac_text(mac, station);
            snprintf(text, sizeof(text), "%s %s", station, kn_ip_text(&ip, address));
        }
        free(exact);
        assert_string_equal(text, CASES[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_frames) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
