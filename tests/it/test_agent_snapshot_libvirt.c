/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of a real guest's disk: made while the guest runs and goes on, or is off, or is suspended; brought to whoever takes images (we are that), also when he is away
 * at first; and nothing is left of it, whoever dies or runs out of room in between. A guest that is made from it boots, and finds what was on that disk. Needs what
 * tests/support/one_guest.h says.
 */
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/adapter/crypto.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/one_guest.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

#define TAKEN "/run/kn-taken"
#define READY "GUEST-READY name=web-1 md=metadata boot=%d ip=" ONE_ADDRESS

/* --- who takes images --------------------------------------------------------------------------------------------------------- */

static struct {
    int listener, port;
    pthread_t thread;
    atomic_bool over;
    atomic_int says; /* the status that it answers with */
    atomic_int asked; /* how often it was */
} taker;

static int64_t take_body(int fd, const char *begun, size_t len, int64_t wanted)
{
    FILE *f = fopen(TAKEN, "we");
    char piece[65536];
    int64_t got = (int64_t)len;

    fwrite(begun, 1, len, f);
    while (got < wanted) {
        const ssize_t n = recv(fd, piece, sizeof(piece), 0);
        if (n <= 0) {
            break;
        }
        fwrite(piece, 1, (size_t)n, f);
        got += n;
    }
    fclose(f);
    return got;
}

static void take(int fd)
{
    char head[4096] = "", reply[128];
    size_t len = 0;

    while (len < sizeof(head) - 1 && strstr(head, "\r\n\r\n") == NULL) {
        const ssize_t n = recv(fd, head + len, sizeof(head) - 1 - len, 0);
        if (n <= 0) {
            return;
        }
        len += (size_t)n;
    }
    const char *body = strstr(head, "\r\n\r\n") + 4, *length = strstr(head, "Content-Length: ");

    take_body(fd, body, len - (size_t)(body - head), strtoll(length + strlen("Content-Length: "), NULL, 10));
    atomic_fetch_add(&taker.asked, 1);
    snprintf(reply, sizeof(reply), "HTTP/1.1 %d x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
             atomic_load(&taker.says));
    (void)!write(fd, reply, strlen(reply));
}

static void *taker_serve(void *arg)
{
    while (!atomic_load(&taker.over)) {
        struct pollfd p = { .fd = taker.listener, .events = POLLIN };
        if (poll(&p, 1, 20) > 0) {
            AUTO_CLOSE int fd = accept4(taker.listener, NULL, NULL, SOCK_CLOEXEC);
            take(fd);
        }
    }
    return arg;
}

static void taker_start(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t size = sizeof(address);

    taker.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(taker.listener, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(taker.listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(taker.listener, 8), 0);
    taker.port = ntohs(address.sin_port);
    atomic_store(&taker.says, 204);
    assert_int_equal(pthread_create(&taker.thread, NULL, taker_serve, NULL), 0);
}

/* --- commands ------------------------------------------------------------------------------------------------------------------ */

static int64_t say(const char *type, json_t *more)
{
    json_t *body = more != NULL ? more : json_object();

    json_object_set_new(body, "server", json_string(kn_one_guest.server));
    return kn_test_agent_command(&kn_one_guest.agent, type, 1, body);
}

static json_t *snapshot(void)
{
    return kn_test_agent_done(&kn_one_guest.agent, "server.snapshot", say("server.snapshot", NULL));
}

static int64_t say_upload(const json_t *made)
{
    return say("server.upload",
               json_pack("{s:o, s:O, s:O}", "url", json_sprintf("http://127.0.0.1:%d/image/x", taker.port), "sha512",
                         json_object_get(made, "sha512"), "disk_format", json_object_get(made, "disk_format")));
}

static void drop(void)
{
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.drop_snapshot", say("server.drop_snapshot", NULL)));
}

static bool is_left(void)
{
    AUTO_FREE char *path = kn_asprintf("%s/servers/%s/snapshot.qcow2", kn_one_guest.agent.dir, kn_one_guest.server);

    return access(path, F_OK) == 0;
}

static bool copies(void)
{
    AUTO_FREE char *command = kn_asprintf("virsh -q blockjob kn-%s vda --info | grep -q %%", kn_one_guest.server);

    return system(command) == 0;
}

static void await_ready(int boot, int times)
{
    AUTO_FREE char *text = kn_asprintf(READY, boot);

    kn_one_guest_await_said(text, times);
}

static void sha512_of(const char *path, char out[KN_SHA512_HEX], int64_t *ret_size)
{
    struct kn_digest *digest = kn_digest_new();
    char md5[KN_MD5_HEX], piece[65536];
    FILE *f = fopen(path, "re");

    assert_non_null(f);
    *ret_size = 0;
    for (size_t n; (n = fread(piece, 1, sizeof(piece), f)) > 0; *ret_size += (int64_t)n) {
        kn_digest_update(digest, piece, n);
    }
    fclose(f);
    kn_digest_end(digest, out, md5);
    kn_digest_free(digest);
}

static void expect_taken(const json_t *made)
{
    char sha512[KN_SHA512_HEX];
    int64_t size;

    sha512_of(TAKEN, sha512, &size);
    assert_string_equal(sha512, kn_json_str(made, "sha512"));
    assert_int_equal(size, kn_json_int(made, "size"));
    assert_string_equal(kn_json_str(made, "disk_format"), "qcow2");
    assert_int_equal(system("qemu-img check -q -f qcow2 " TAKEN), 0);
    assert_int_not_equal(system("qemu-img info -f qcow2 " TAKEN " | grep -q 'backing file'"), 0); /* on its own */
    assert_int_equal(system("qemu-img info -f qcow2 " TAKEN " | grep -q '(1073741824 bytes)'"), 0);
}

/* --- tests --------------------------------------------------------------------------------------------------------------------- */

static void test_while_it_runs(void **state)
{
    json_t *made;

    (void)state;
    taker_start();
    kn_one_guest_tell_networks();
    kn_one_guest_spawn(1);
    await_ready(1, 1);
    made = snapshot();
    assert_true(is_left());
    assert_false(copies());
    assert_true(kn_one_guest_sees("boots=")); /* it goes on */
    atomic_store(&taker.says, 503); /* who takes it is away at first */
    const int64_t task = say_upload(made);
    while (atomic_load(&taker.asked) == 0) {
        kn_test_pause(20);
    }
    atomic_store(&taker.says, 204);
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.upload", task));
    expect_taken(made);
    drop();
    assert_false(is_left());
    json_decref(made);
}

static void test_nobody_wants_it(void **state)
{
    json_t *made = snapshot();

    (void)state;
    atomic_store(&taker.says, 410);
    kn_test_agent_refused(&kn_one_guest.agent, "server.upload", say_upload(made), KN_GONE);
    atomic_store(&taker.says, 204);
    drop();
    json_decref(made);
    json_t *quiesced = json_pack("{s:b}", "quiesce", 1); /* it has no agent that could */

    kn_test_agent_refused(&kn_one_guest.agent, "server.snapshot", say("server.snapshot", quiesced), KN_CONFLICT);
    assert_false(is_left());
    assert_false(copies());
}

/* The host has less room than the copy may need: said so before a byte is written, and the guest runs on. */
static void test_no_room(void **state)
{
    struct statvfs fs;

    (void)state;
    assert_int_equal(statvfs("/run", &fs), 0);
    AUTO_FREE char *small = kn_asprintf("size=%lld,mode=755",
                                        (long long)((fs.f_blocks - fs.f_bfree) * fs.f_frsize + (32 << 20)));

    assert_int_equal(mount("tmpfs", "/run", "tmpfs", MS_REMOUNT, small), 0);
    kn_test_agent_refused(&kn_one_guest.agent, "server.snapshot", say("server.snapshot", NULL), KN_UNAVAILABLE);
    assert_int_equal(mount("tmpfs", "/run", "tmpfs", MS_REMOUNT, "size=50%,mode=755"), 0);
    assert_false(is_left());
    assert_true(kn_one_guest_sees("boots="));
}

/* Killed at any moment, and asked again: it begins anew. What is not asked for again is dropped with what is at work on it. */
static void test_killed_in_between(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct kn_message hello;

        say("server.snapshot", NULL);
        kn_test_pause(i * 60);
        kn_test_agent_kill9(&kn_one_guest.agent);
        kn_test_agent_start(&kn_one_guest.agent);
        hello = kn_test_agent_expect(&kn_one_guest.agent, "agent.hello", 0);
        kn_message_release(&hello);
        if (i % 2 == 0) {
            json_decref(snapshot());
        }
        drop();
        assert_false(is_left());
        assert_false(copies());
    }
    assert_true(kn_one_guest_sees("boots="));
}

static void test_while_it_does_not_run(void **state)
{
    static const char *const WAYS[][2] = { { "pause", "unpause" }, { "suspend", "resume" }, { "stop", NULL } };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(WAYS); i++) {
        json_t *made;

        assert_true(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, WAYS[i][0]) > 1);
        made = snapshot();
        json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.upload", say_upload(made)));
        expect_taken(made);
        drop();
        json_decref(made);
        if (WAYS[i][1] != NULL) {
            assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, WAYS[i][1]), 1);
        }
    }
}

static int64_t say_power(const char *action, json_t *spec)
{
    json_t *body = json_pack("{s:s, s:s}", "server", kn_one_guest.server, "action", action);

    if (spec != NULL) {
        json_object_set_new(body, "spec", spec);
    }
    return kn_test_agent_command(&kn_one_guest.agent, "server.power", 3, body);
}

static int64_t say_rebuild(const char *action)
{
    return say_power(action, kn_one_guest_spec());
}

static void expect_power(int64_t task, int power_state)
{
    json_auto_t *result = kn_test_agent_done(&kn_one_guest.agent, "server.power", task);

    assert_int_equal(kn_json_int(result, "power_state"), power_state);
}

/* The disk counts its boots: one that is made from the last snapshot has seen the first. */
static void test_another_is_made_from_it(void **state)
{
    json_t *spec = kn_one_guest_spec(), *image = json_object_get(spec, "image");
    char sha512[KN_SHA512_HEX];
    int64_t size;

    (void)state;
    kn_one_guest_destroy(2);
    sha512_of(TAKEN, sha512, &size);
    AUTO_FREE char *base = kn_asprintf("/run/kn-cache/%s", sha512);

    assert_int_equal(rename(TAKEN, base), 0);
    assert_int_equal(chmod(base, 0444), 0);
    json_object_set_new(image, "sha512", json_string(sha512));
    json_object_set_new(image, "size", json_integer(size));
    json_object_set_new(image, "virtual_size", json_integer(1 << 30));
    json_t *body = json_pack("{s:s, s:o}", "server", kn_one_guest.server, "spec", spec);

    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.spawn",
                                   kn_test_agent_command(&kn_one_guest.agent, "server.spawn", 3, body)));
    kn_one_guest_await("boots=2", true);
    atomic_store(&taker.over, true);
    pthread_join(taker.thread, NULL);
    close(taker.listener);
}

/* Its disk is made anew of what it was made from at first, whoever dies in between: it counts from one. One that was off stays off. */
static void test_rebuilt(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct kn_message hello;

        say_rebuild("rebuild");
        kn_test_pause(i * 120);
        kn_test_agent_kill9(&kn_one_guest.agent);
        kn_test_agent_start(&kn_one_guest.agent);
        hello = kn_test_agent_expect(&kn_one_guest.agent, "agent.hello", 0);
        kn_message_release(&hello);
    }
    expect_power(say_rebuild("rebuild"), 1);
    kn_one_guest_await("boots=1", true);
    expect_power(say_rebuild("rebuild_off"), 4);
    expect_power(say_power("start", NULL), 1);
    kn_one_guest_await("boots=1", true);
    kn_one_guest_destroy(4);
}

static int run_inside(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_while_it_runs),
        cmocka_unit_test(test_nobody_wants_it),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_killed_in_between),
        cmocka_unit_test(test_while_it_does_not_run),
        cmocka_unit_test(test_another_is_made_from_it),
        cmocka_unit_test(test_rebuilt),
    };

    return cmocka_run_group_tests(tests, kn_one_guest_setup, kn_one_guest_teardown);
}

int main(void)
{
    kn_test_needs("ip", "virsh", "curl", "libvirtd", "qemu-img");
    return kn_one_guest_main(run_inside);
}
