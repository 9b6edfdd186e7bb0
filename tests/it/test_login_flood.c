/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thousand wrong logins a second, by names that differ so that no pause for one name helps: the hashing threads take what they can,
 * the rest is told to come back later, and whoever has a token, or logs in from another address, does not notice. Without threads of their own, the logins would hold
 * every request for as long as the connections below have hashes to wait for.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/keystone.h"
#include "tests/support/test.h"

#define CONNECTIONS 64
#define PER_SECOND 1000
#define SECONDS 3
#define PROBES 200
#define HASHED 10 /* at least */
#define HONEST 10
#define LIMIT_MS 60000

static struct {
    struct kn_test_http clients[CONNECTIONS];
    struct pollfd polled[CONNECTIONS];
    bool busy[CONNECTIONS];
    atomic_bool stop;
    atomic_int sent, refused;
    int told_later, other; /* the flood's own until it is joined */
} flood;

static void send_one(int i)
{
    AUTO_FREE char *body =
        kn_asprintf("{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"name\":\"guess%d\","
                    "\"domain\":{\"id\":\"default\"},\"password\":\"x\"}}}}}",
                    atomic_load(&flood.sent));
    AUTO_FREE char *request =
        kn_asprintf("POST /identity/v3/auth/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    "Content-Length: %zu\r\n\r\n%s",
                    strlen(body), body);

    kn_test_http_send(&flood.clients[i], request, strlen(request));
    flood.busy[i] = true;
    flood.sent++;
}

static void take_answers(void)
{
    poll(flood.polled, CONNECTIONS, 1);
    for (int i = 0; i < CONNECTIONS; i++) {
        if (!flood.busy[i] || flood.polled[i].revents == 0) {
            continue;
        }
        flood.busy[i] = false;
        kn_test_http_read(&flood.clients[i], false);
        flood.refused += flood.clients[i].status == 401;
        flood.told_later += flood.clients[i].status == 429;
        flood.other += flood.clients[i].status != 401 && flood.clients[i].status != 429;
    }
}

static bool any_busy(void)
{
    for (int i = 0; i < CONNECTIONS; i++) {
        if (flood.busy[i]) {
            return true;
        }
    }
    return false;
}

static void *run_flood(void *arg)
{
    int64_t begin = kn_mono_ms();

    (void)arg;
    while (!atomic_load(&flood.stop)) {
        for (int i = 0; i < CONNECTIONS && flood.sent < (kn_mono_ms() - begin) * PER_SECOND / 1000; i++) {
            if (!flood.busy[i]) {
                send_one(i);
            }
        }
        take_answers();
    }
    while (any_busy()) {
        take_answers();
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Somebody at another address logs in, by an account that nobody guesses at: never told to come back. */
static void log_in_honestly(void)
{
    struct kn_test_http http = kn_ks.http;

    kn_ks.http = kn_test_http_open_from(kn_http_port(kn_ks.server), "127.0.0.2");
    kn_ks_log_in(201, "admin", KN_KS_PASSWORD, NULL, NULL);
    kn_test_http_close(&kn_ks.http);
    kn_ks.http = http;
}

/* The times of requests that ask the database, for as long as it takes until this was a flood and some of it was hashed. */
static int probe(int64_t took_us[PROBES])
{
    const int64_t begin = kn_mono_ms();
    int probes = 0;

    while (atomic_load(&flood.sent) < PER_SECOND * SECONDS || atomic_load(&flood.refused) < HASHED || probes < PROBES) {
        const int64_t before = kn_mono_us();

        if (before / 1000 - begin > LIMIT_MS) {
            fail_msg("after %d ms: %d wrong logins, %d of them hashed, %d other requests", LIMIT_MS,
                     atomic_load(&flood.sent), atomic_load(&flood.refused), probes);
        }
        kn_ks_ask(200, "GET", "/v3/auth/projects", kn_ks.admin, NULL);
        if (probes < PROBES) {
            took_us[probes++] = kn_mono_us() - before;
            if (probes % (PROBES / HONEST) == 0) {
                log_in_honestly();
            }
        }
        poll(NULL, 0, SECONDS * 1000 / PROBES);
    }
    return probes;
}

/* How long a request may take is said in hashes, which are as slow as the machine is: the queue of the slow holds eight. */
static void test_flood(void **state)
{
    int64_t took_us[PROBES];
    const int64_t begin = kn_mono_us();
    pthread_t thread;

    (void)state;
    for (int i = 0; i < CONNECTIONS; i++) {
        flood.clients[i] = kn_test_http_open(kn_http_port(kn_ks.server));
        flood.polled[i] = (struct pollfd){ .fd = flood.clients[i].fd, .events = POLLIN };
    }
    assert_int_equal(pthread_create(&thread, NULL, run_flood, NULL), 0);
    const int probes = probe(took_us);
    const int64_t hash_us = (kn_mono_us() - begin) / atomic_load(&flood.refused);
    atomic_store(&flood.stop, true);
    pthread_join(thread, NULL);
    qsort(took_us, (size_t)probes, sizeof(*took_us), by_value);
    const int64_t half_us = took_us[probes / 2], most_us = took_us[probes * 9 / 10];
    printf(
        "%d wrong logins: %d hashed, one in %.1f ms, %d told to come back; a request meanwhile: median %.1f ms, 9 of 10 below %.1f ms\n",
        atomic_load(&flood.sent), atomic_load(&flood.refused), (double)hash_us / 1000, flood.told_later,
        (double)half_us / 1000, (double)most_us / 1000);
    assert_int_equal(flood.other, 0);
    assert_true(flood.told_later > atomic_load(&flood.refused)); /* it was a flood */
    if (half_us >= hash_us || most_us >= 4 * hash_us) {
        fail_msg("a request waits for those who are hashed");
    }
    for (int i = 0; i < CONNECTIONS; i++) {
        kn_test_http_close(&flood.clients[i]);
    }
    kn_ks_log_in(201, "admin", KN_KS_PASSWORD, NULL, NULL); /* over: at once */
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_flood) };
    return cmocka_run_group_tests(tests, kn_ks_group_start, kn_ks_group_stop);
}
