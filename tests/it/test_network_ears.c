/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests that talk without end: of one that announces as fast as it can a few words a second are heard, the others are heard as if it were silent, and who only asks for
 * its neighbours uses up nothing. Taps are veths here, and we are the guests behind them. Skipped without root.
 */
#include "tests/support/test.h"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "network/host/link/ears.h"
#include "tests/support/needs.h"
#include "tests/support/netlab.h"
#include "tests/support/process.h"

#define WAIT_MS 60000
#define LOUD "00000001-1111-4111-8111-111111111111"
#define QUIET "00000002-1111-4111-8111-111111111111"
#define A_SECOND 8 /* network/host/link/ears.c, as the next */
#define AT_ONCE 32

static struct {
    pthread_mutex_t lock;
    int loud, quiet; /* words */
    uint8_t last; /* byte of the quiet one's newest address */
} heard = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool note(void *ctx, const struct kn_network_heard *words, size_t count)
{
    (void)ctx;
    pthread_mutex_lock(&heard.lock);
    for (size_t i = 0; i < count; i++) {
        const bool is_loud = strcmp(words[i].port, LOUD) == 0;

        heard.loud += is_loud;
        heard.quiet += !is_loud;
        heard.last = is_loud ? heard.last : words[i].ip.bytes[3];
    }
    pthread_mutex_unlock(&heard.lock);
    return false;
}

static int heard_of(const int *count)
{
    pthread_mutex_lock(&heard.lock);
    const int now = *count;

    pthread_mutex_unlock(&heard.lock);
    return now;
}

/* A frame of ARP: asks for 10.0.0.<target>, as 10.0.0.<sender>. */
static void arp(int fd, const char *device, uint8_t sender, uint8_t target)
{
    uint8_t frame[42] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0,  0, 0, 0,      1, 8, 6, 0, 1, 8, 0,  6, 4, 0,
                          1,    2,    0,    0,    0,    0,    1, 10, 0, 0, sender, 0, 0, 0, 0, 0, 0, 10, 0, 0, target };
    const struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(device) };

    (void)!sendto(fd, frame, sizeof(frame), 0, (const struct sockaddr *)&to, sizeof(to));
}

static void test_one_that_floods(void **state)
{
    AUTO(kn_network_ears) struct kn_network_ears *ears = NULL;
    struct kn_error err = { 0 };

    (void)state;
    need_root();
    assert_int_equal(unshare(CLONE_NEWNET), 0);
    assert_int_equal(system("ip link add tap1 type veth peer name g1 && ip link add tap2 type veth peer name g2 &&"
                            " for d in tap1 g1 tap2 g2; do ip link set $d up || exit 1; done"),
                     0);
    AUTO_CLOSE int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_ok(kn_network_ears_new(note, NULL, &ears, &err), &err);
    kn_network_ears_tap(ears, LOUD, if_nametoindex("tap1"));
    kn_network_ears_tap(ears, QUIET, if_nametoindex("tap2"));
    const int64_t since = kn_mono_ms(), deadline = since + WAIT_MS;
    int sent = 0;

    /* questions of all day, which say nothing; then it says one thing, and is heard though the other floods */
    for (int i = 0; i < 1000; i++) {
        arp(fd, "g2", 9, (uint8_t)(10 + i % 200));
    }
    while (sent < 20000 || kn_mono_ms() - since < 2000) {
        arp(fd, "g1", (uint8_t)(sent % 200), (uint8_t)(sent % 200));
        sent++;
        if (sent == 10000) {
            arp(fd, "g2", 77, 77);
        }
    }
    while (heard_of(&heard.quiet) == 0) {
        assert_true(kn_mono_ms() < deadline);
    }
    const int64_t lasted_ms = kn_mono_ms() - since;

    assert_int_equal(heard_of(&heard.quiet), 1);
    assert_int_equal(heard.last, 77);
    assert_in_range(heard_of(&heard.loud), 1, AT_ONCE + A_SECOND * (lasted_ms / 1000 + 2));
    print_message("%d announcements in %lld ms: %d heard\n", sent, (long long)lasted_ms, heard_of(&heard.loud));
}

int main(void)
{
    kn_test_needs("ip");
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_one_that_floods) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
