/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent with the libvirt driver and an image that comes slowly, on a host of its own (tests/support/host.sh runs this program a second time, inside): we
 * are the server that holds back its second half. The spawn says how far it is; cancelled it leaves no half file; killed in the middle it goes on from
 * there. Needs root, libvirtd and QEMU; skips without them.
 */
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/adapter/crypto.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/agent.h"
#include "tests/support/broker.h"
#include "tests/support/needs.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

#define WAIT_MS 60000
#define BYTES (2 << 20)
#define CACHE "/run/kn-cache"
#define ONE "aaaaaaaa-0000-4000-8000-000000000001"
#define TWO "aaaaaaaa-0000-4000-8000-000000000002"

static struct kn_test_broker *broker;
static struct kn_conf conf;
static struct kn_test_agent agent;
static const char *const OPTIONS[] = { "--driver", "libvirt", "--set", "agent.cache_dir=" CACHE, NULL };
static char sha512[KN_SHA512_HEX];

/* --- who has the image ------------------------------------------------------------------------------------------------------- */

static struct {
    int listener, port;
    pthread_t thread;
    char data[BYTES];
    atomic_bool go, over;
    atomic_int asked_from; /* of the last request; -1: none came */
} slow;

static bool send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        const ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* From where it is asked for; the second half when it may. */
static void answer(int fd)
{
    char head[2048] = "", reply[256];
    size_t len = 0;

    while (len < sizeof(head) - 1 && strstr(head, "\r\n\r\n") == NULL) {
        const ssize_t n = recv(fd, head + len, sizeof(head) - 1 - len, 0);
        if (n <= 0) {
            return;
        }
        len += (size_t)n;
    }
    const char *range = strstr(head, "Range: bytes=");
    const int from = range == NULL ? 0 : (int)strtol(range + strlen("Range: bytes="), NULL, 10);
    atomic_store(&slow.asked_from, from);
    snprintf(reply, sizeof(reply), "HTTP/1.1 %s\r\nContent-Length: %d\r\nContent-Range: bytes %d-%d/%d\r\n\r\n",
             range == NULL ? "200 OK" : "206 Partial Content", BYTES - from, from, BYTES - 1, BYTES);
    if (!send_all(fd, reply, strlen(reply)) ||
        (from < BYTES / 2 && !send_all(fd, slow.data + from, (size_t)(BYTES / 2 - from)))) {
        return;
    }
    while (!atomic_load(&slow.go)) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (atomic_load(&slow.over) || poll(&p, 1, 10) > 0) { /* it hung up */
            return;
        }
    }
    send_all(fd, slow.data + (from > BYTES / 2 ? from : BYTES / 2),
             (size_t)(BYTES - (from > BYTES / 2 ? from : BYTES / 2)));
}

static void *serve(void *arg)
{
    while (!atomic_load(&slow.over)) {
        struct pollfd p = { .fd = slow.listener, .events = POLLIN };
        if (poll(&p, 1, 20) > 0) {
            AUTO_CLOSE int fd = accept4(slow.listener, NULL, NULL, SOCK_CLOEXEC);
            answer(fd);
        }
    }
    return arg;
}

static void start_server(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t size = sizeof(address);
    struct kn_digest *digest = kn_digest_new();
    char md5[KN_MD5_HEX];

    for (int i = 0; i < BYTES; i++) {
        slow.data[i] = (char)((i * 7 + i / 251) & 0xff);
    }
    kn_digest_update(digest, slow.data, BYTES);
    kn_digest_end(digest, sha512, md5);
    kn_digest_free(digest);
    slow.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(slow.listener, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(slow.listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(slow.listener, 8), 0);
    slow.port = ntohs(address.sin_port);
    atomic_store(&slow.asked_from, -1);
    assert_int_equal(pthread_create(&slow.thread, NULL, serve, NULL), 0);
}

/* --- the agent ------------------------------------------------------------------------------------------------------------------ */

static json_t *body_of(const char *server)
{
    json_t *image = json_pack("{s:s, s:o, s:s, s:i, s:s, s:i}", "id", ONE, "url",
                              json_sprintf("http://127.0.0.1:%d/image", slow.port), "sha512", sha512, "size", BYTES,
                              "disk_format", "raw", "virtual_size", BYTES);

    return json_pack("{s:s, s:{s:s, s:s, s:s, s:i, s:i, s:i, s:o, s:[]}}", "server", server, "spec", "name", "slow",
                     "hostname", "slow", "project", "p", "vcpus", 1, "memory_mib", 64, "disk_gib", 1, "image", image,
                     "nics");
}

static void say(const char *type, int64_t task, json_t *body)
{
    const int64_t next = agent.task;

    agent.task = task;
    kn_test_agent_command(&agent, type, 1, body);
    agent.task = next;
}

static int64_t spawn(const char *server)
{
    return kn_test_agent_command(&agent, "server.spawn", 1, body_of(server));
}

/* Its half is there: fifty percent. */
static void works(int64_t task)
{
    AUTO_RELEASE(kn_message) struct kn_message m = kn_test_agent_expect(&agent, "working", task);

    assert_string_equal(kn_json_str(m.body, "command"), "server.spawn");
    assert_string_equal(kn_json_str(m.body, "detail"), "fetching the image");
    assert_int_equal(kn_json_int(m.body, "percent"), 50);
}

static bool is_there(const char *tail)
{
    AUTO_FREE char *path = kn_asprintf(CACHE "/%s%s", sha512, tail);

    return access(path, F_OK) == 0;
}

static void hello(void)
{
    struct kn_message m = kn_test_agent_expect(&agent, "agent.hello", 0);

    kn_message_release(&m);
}

static void test_cancelled_it_leaves_no_half_file(void **state)
{
    (void)state;
    const int64_t task = spawn(ONE), behind = spawn(TWO); /* the other one waits for the same base */

    works(task);
    assert_true(is_there(".part"));
    say("server.spawn", task, body_of(ONE));
    works(task); /* asked again: it is here, and not begun twice */
    say("cancel", behind, json_object());
    kn_test_agent_refused(&agent, "server.spawn", behind, KN_CANCELLED);
    assert_true(is_there(".part"));
    say("cancel", task, json_object());
    kn_test_agent_refused(&agent, "server.spawn", task, KN_CANCELLED);
    assert_false(is_there(".part"));
    assert_false(is_there(""));
    for (int i = 0; i < 2; i++) {
        json_t *body = json_pack("{s:s}", "server", i == 0 ? ONE : TWO);
        json_decref(kn_test_agent_done(&agent, "server.destroy",
                                       kn_test_agent_command(&agent, "server.destroy", 1, body)));
    }
}

static void test_killed_in_the_middle_it_goes_on(void **state)
{
    (void)state;
    const int64_t task = kn_test_agent_command(&agent, "server.spawn", 2, body_of(ONE));
    struct kn_message m = kn_test_agent_expect(&agent, "working", task);

    kn_message_release(&m);
    kn_test_agent_kill9(&agent);
    assert_true(is_there(".part"));
    atomic_store(&slow.asked_from, -1);
    kn_test_agent_start(&agent);
    hello();
    atomic_store(&slow.go, true);
    agent.task = task;
    kn_test_agent_command(&agent, "server.spawn", 2, body_of(ONE)); /* as a conductor does at the hello */
    json_t *result = kn_test_agent_done(&agent, "server.spawn", task);
    assert_int_equal(kn_json_int(result, "power_state"), 1);
    json_decref(result);
    assert_int_equal(slow.asked_from, BYTES / 2);
    assert_true(is_there(""));
    json_t *body = json_pack("{s:s}", "server", ONE);
    json_decref(kn_test_agent_done(&agent, "server.destroy", kn_test_agent_command(&agent, "server.destroy", 3, body)));
}

/* Ahead of time: no guest, and the base is there; again: it is there already. */
static void test_a_base_is_fetched_ahead_of_time(void **state)
{
    AUTO_FREE char *path = kn_asprintf(CACHE "/%s", sha512);

    (void)state;
    unlink(path);
    assert_false(is_there(""));
    for (int i = 0; i < 2; i++) {
        json_auto_t *spawn_body = body_of(ONE);
        json_t *image = json_object_get(json_object_get(spawn_body, "spec"), "image");
        const int64_t task = kn_test_agent_command(&agent, "image.cache", 1,
                                                   json_pack("{s:s, s:O}", "image", ONE, "base", image));

        json_decref(kn_test_agent_done(&agent, "image.cache", task));
        assert_true(is_there(""));
    }
}

static int group_setup(void **state)
{
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(kn_crypto_init(&err), &err);
    start_server();
    kn_conf_defaults(&conf);
    broker = kn_test_broker_start();
    kn_test_broker_conf(broker, &conf);
    kn_test_agent_init(&agent, &conf, OPTIONS);
    hello();
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    kn_test_agent_release(&agent);
    kn_test_broker_free(broker);
    atomic_store(&slow.over, true);
    pthread_join(slow.thread, NULL);
    return close(slow.listener); /* the rest ends with the namespace */
}

static void test_skipped(void **state)
{
    (void)state;
    skip();
}

int main(void)
{
    kn_test_needs("ip", "libvirtd", "qemu-img");
    const struct CMUnitTest skipped[] = { cmocka_unit_test(test_skipped) };
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cancelled_it_leaves_no_half_file),
                                        cmocka_unit_test(test_killed_in_the_middle_it_goes_on),
                                        cmocka_unit_test(test_a_base_is_fetched_ahead_of_time) };
    char self[512] = "";

    if (getenv("KN_TEST_INSIDE") != NULL) {
        return cmocka_run_group_tests(tests, group_setup, group_teardown);
    }
    if (geteuid() != 0 || access("/usr/sbin/libvirtd", X_OK) < 0 || access("/usr/bin/qemu-system-x86_64", X_OK) < 0) {
        return cmocka_run_group_tests(skipped, NULL, NULL);
    }
    setenv("KN_TEST_INSIDE", "1", 1);
    if (readlink("/proc/self/exe", self, sizeof(self) - 1) > 0) {
        execl("tests/support/host.sh", "host.sh", self, (char *)NULL);
    }
    return 1;
}
