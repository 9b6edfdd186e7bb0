/* SPDX-License-Identifier: Apache-2.0 */
/* one_guest: the agent, what it is told, and the guest's own words. It runs inside of tests/support/host.sh, which ends all that it leaves. */
#include "tests/support/one_guest.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/broker.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

#define WAIT_MS 60000

struct kn_one_guest kn_one_guest;

static struct kn_test_broker *broker;
static struct kn_conf conf;
static char cache_option[128];
static const char *options[] = { "--driver", "libvirt", "--set", cache_option, NULL };
static bool is_container;
static char sha512[KN_SHA512_HEX];
static int64_t image_size;

/* The image as a host would have fetched it: in the cache, under its hash. */
static void fill_cache(const char *image, const char *cache)
{
    struct kn_digest *digest = kn_digest_new();
    char md5[KN_MD5_HEX];
    char fresh[160];
    char path[320];
    AUTO_FREE char *chunk = kn_alloc(1 << 20);
    AUTO_CLOSE int in = open(image, O_RDONLY | O_CLOEXEC);
    AUTO_CLOSE int out = -1;

    assert_int_equal(mkdir(cache, 0755), 0);
    snprintf(fresh, sizeof(fresh), "%s/fresh", cache);
    out = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    assert_true(in >= 0 && out >= 0);
    for (ssize_t n; (n = read(in, chunk, 1 << 20)) > 0; image_size += n) {
        kn_digest_update(digest, chunk, (size_t)n);
        assert_int_equal(write(out, chunk, (size_t)n), n);
    }
    kn_digest_end(digest, sha512, md5);
    kn_digest_free(digest);
    snprintf(path, sizeof(path), "%s/%s", cache, sha512);
    assert_int_equal(rename(fresh, path), 0);
}

int kn_one_guest_setup(void **state)
{
    AUTO_FREE char *cache = NULL;
    struct kn_error err = { 0 };
    struct kn_message hello;

    (void)state;
    assert_ok(kn_crypto_init(&err), &err);
    kn_conf_defaults(&conf);
    broker = kn_test_broker_start();
    kn_test_broker_conf(broker, &conf);
    kn_uuid_make(kn_one_guest.server);
    is_container = getenv("KN_TEST_CGROUPS") != NULL;
    options[1] = is_container ? "lxc" : "libvirt";
    cache = kn_asprintf("/run/kn-cache");
    fill_cache(getenv("KN_TEST_GUEST"), cache);
    snprintf(cache_option, sizeof(cache_option), "agent.cache_dir=%s", cache);
    snprintf(kn_one_guest.volume_path, sizeof(kn_one_guest.volume_path), "/run/kn-volume");
    assert_int_equal(close(open(kn_one_guest.volume_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
    assert_int_equal(truncate(kn_one_guest.volume_path, 64 << 20), 0);
    kn_test_agent_init(&kn_one_guest.agent, &conf, options);
    assert_int_equal(chmod(kn_one_guest.agent.dir, 0755), 0); /* containers get through */
    hello = kn_test_agent_expect(&kn_one_guest.agent, "agent.hello", 0);
    assert_true(kn_json_int(json_array_get(json_object_get(hello.body, "hosts"), 0), "memory_mib") > 0);
    kn_message_release(&hello);
    return 0;
}

int kn_one_guest_teardown(void **state)
{
    (void)state;
    kn_test_agent_release(&kn_one_guest.agent);
    kn_test_broker_free(broker);
    return 0; /* the rest ends with the namespace */
}

json_t *kn_one_guest_spec(void)
{
    json_t *nic = json_pack("{s:s, s:s, s:i, s:s}", "port", ONE_PORT, "mac", "fa:16:3e:77:00:05", "mtu", 1450, "tap",
                            ONE_TAP);
    json_t *image = json_pack("{s:s, s:s, s:s, s:I, s:s, s:i}", "id", ONE_IMAGE, "url", "http://127.0.0.1:9/none",
                              "sha512", sha512, "size", (json_int_t)image_size, "disk_format",
                              is_container ? "raw" : "qcow2", "virtual_size",
                              is_container ? (int)image_size : 36700160);

    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:o, s:[o], s:s, s:s}", "name", "Web 1", "hostname", "web-1",
                     "project", "p", "zone", "nova", "vcpus", 1, "memory_mib", 128, "disk_gib", 1, "image", image,
                     "nics", nic, "key_name", "k", "public_key", "ssh-ed25519 AAAA k");
}

void kn_one_guest_tell_networks(void)
{
    json_t *subnet = json_pack("{s:s, s:s, s:s, s:b, s:[], s:[]}", "id", ONE_NETWORK, "cidr", "10.77.0.0/24", "gateway",
                               "10.77.0.1", "dhcp", 1, "dns", "routes");
    json_t *network = json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:[s], s:[o]}", "kind", "network", "id", ONE_NETWORK,
                                "type", "vxlan", "vni", 77, "mtu", 1450, "dhcp_mac", "fa:16:3e:77:00:02", "dhcp_ips",
                                "10.77.0.2", "subnets", subnet);
    json_t *port = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:[{s:s, s:s}]}", "kind", "port", "id", ONE_PORT,
                             "network", ONE_NETWORK, "server", kn_one_guest.server, "hostname", "web-1", "mac",
                             "fa:16:3e:77:00:05", "up", 1, "filtered", 1, "ips", "subnet", ONE_NETWORK, "ip",
                             ONE_ADDRESS);
    kn_test_agent_command(&kn_one_guest.agent, "net.state", 0,
                          json_pack("{s:i, s:i, s:i, s:i, s:[o, o], s:[]}", "from", -1, "version", 1, "piece", 1,
                                    "pieces", 1, "put", network, port, "drop"));
}

int64_t kn_one_guest_send_spawn(int64_t generation)
{
    json_t *body = json_pack("{s:s, s:o}", "server", kn_one_guest.server, "spec", kn_one_guest_spec());

    return kn_test_agent_command(&kn_one_guest.agent, "server.spawn", generation, body);
}

void kn_one_guest_spawn(int64_t generation)
{
    json_t *result = kn_test_agent_done(&kn_one_guest.agent, "server.spawn", kn_one_guest_send_spawn(generation));

    assert_int_equal(kn_json_int(result, "power_state"), 1);
    json_decref(result);
}

void kn_one_guest_spawn_with(const char *user_data)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    json_t *spec = kn_one_guest_spec();

    kn_base64_add(&text, user_data, strlen(user_data));
    json_object_set_new(spec, "user_data", json_string(text.buf));
    kn_one_guest_tell_networks();
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.spawn",
                                   kn_test_agent_command(&kn_one_guest.agent, "server.spawn", 1,
                                                         json_pack("{s:s, s:o}", "server", kn_one_guest.server, "spec",
                                                                   spec))));
    kn_one_guest_await_said("GUEST-READY", 1);
}

json_t *kn_one_guest_console(void)
{
    struct kn_message m = kn_test_agent_ask(&kn_one_guest.agent, "server.console_log", 1,
                                            json_pack("{s:s}", "server", kn_one_guest.server));
    json_t *result = json_incref(m.result);

    kn_message_release(&m);
    return result;
}

/* How often a text stands in the console's log. */
int kn_one_guest_said(const char *text)
{
    json_t *result = kn_one_guest_console();
    int count = 0;

    for (const char *at = kn_json_str(result, "output"); (at = strstr(at, text)) != NULL; at++) {
        count++;
    }
    json_decref(result);
    return count;
}

/* Waits until the guest has said it `times` times. */
void kn_one_guest_await_said(const char *text, int times)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    while (kn_one_guest_said(text) < times) {
        if (kn_mono_ms() >= deadline) {
            json_t *said = kn_one_guest_console();
            fail_msg("the guest did not say \"%s\" but\n%s", text, kn_json_str(said, "output"));
        }
        kn_test_pause(300);
    }
}

json_t *kn_one_guest_domain(void)
{
    json_t *seen = kn_test_agent_observe(&kn_one_guest.agent);
    json_t *found = json_incref(json_array_get(json_object_get(seen, "domains"), 0));

    assert_true(json_array_size(json_object_get(seen, "domains")) <= 1);
    json_decref(seen);
    return found;
}

/* What the guest itself says it has, asked over its network; to be freed. */
static char *ask_guest(void)
{
    FILE *f = popen(ONE_ASK, "r");
    char answer[4096];

    assert_non_null(f);
    answer[fread(answer, 1, sizeof(answer) - 1, f)] = '\0';
    pclose(f);
    return kn_strdup(answer);
}

bool kn_one_guest_sees(const char *text)
{
    AUTO_FREE char *answer = ask_guest();

    return strstr(answer, text) != NULL;
}

void kn_one_guest_await(const char *text, bool there)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    while (kn_one_guest_sees(text) != there) {
        if (kn_mono_ms() >= deadline) {
            AUTO_FREE char *answer = ask_guest();
            json_t *said = kn_one_guest_console();
            fail_msg("%s \"%s\": the guest answers\n%s\nand said\n%s", there ? "not" : "still", text, answer,
                     kn_json_str(said, "output"));
        }
        kn_test_pause(300);
    }
}

void kn_one_guest_expect_power(int power_state)
{
    struct kn_message m;

    do {
        m = kn_test_agent_expect(&kn_one_guest.agent, "server.power_state", 0);
        assert_string_equal(kn_json_str(m.body, "server"), kn_one_guest.server);
        assert_true(m.generation > 0); /* without it the conductor takes the news for old */
        if (kn_json_int(m.body, "power_state") == power_state) {
            kn_message_release(&m);
            return;
        }
        kn_message_release(&m);
    } while (true);
}

void kn_one_guest_destroy(int64_t generation)
{
    json_t *body = json_pack("{s:s}", "server", kn_one_guest.server);

    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.destroy",
                                   kn_test_agent_command(&kn_one_guest.agent, "server.destroy", generation, body)));
}

static void one_guest_skipped(void **state)
{
    (void)state;
    skip();
}

/* Inside of the host: this program again. */
static int one_guest_enter(const char *image)
{
    char self[512] = "";

    setenv("KN_TEST_INSIDE", "1", 1);
    setenv("KN_TEST_GUEST", image, 1);
    if (readlink("/proc/self/exe", self, sizeof(self) - 1) > 0) {
        execl("tests/support/host.sh", "host.sh", self, (char *)NULL);
    }
    return 1;
}

int kn_one_guest_main_container(int (*run_inside)(void))
{
    const struct CMUnitTest skipped[] = { cmocka_unit_test(one_guest_skipped) };

    if (getenv("KN_TEST_INSIDE") != NULL) {
        return run_inside();
    }
    if (geteuid() != 0 || access("/usr/lib/libvirt/libvirt_lxc", X_OK) < 0 ||
        access("/sys/fs/cgroup/memory/tasks", W_OK) < 0 || access("/dev/loop-control", R_OK) < 0 ||
        system("tests/support/container.sh build/container.raw") != 0) {
        return cmocka_run_group_tests(skipped, NULL, NULL);
    }
    setenv("KN_TEST_CGROUPS", "1", 1);
    return one_guest_enter("build/container.raw");
}

int kn_one_guest_main(int (*run_inside)(void))
{
    const struct CMUnitTest skipped[] = { cmocka_unit_test(one_guest_skipped) };
    const char *guest = getenv("KN_TEST_GUEST") != NULL ? getenv("KN_TEST_GUEST") : "build/lab/guest/guest.qcow2";

    if (getenv("KN_TEST_INSIDE") != NULL) {
        return run_inside();
    }
    if (geteuid() != 0 || access(guest, R_OK) < 0 || access("/usr/sbin/libvirtd", X_OK) < 0 ||
        access("/usr/bin/qemu-system-x86_64", X_OK) < 0) {
        return cmocka_run_group_tests(skipped, NULL, NULL);
    }
    /* Fetched here, because inside there is no way out. */
    if (system("tests/support/ds_identify.sh --fetch build/cloud-init") == 0) {
        setenv("KN_TEST_CLOUD_INIT", "build/cloud-init", 1);
    }
    return one_guest_enter(guest);
}

pid_t kn_one_guest_pid_in(const char *path)
{
    FILE *f = fopen(path, "r");
    int pid = 0;

    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &pid), 1);
    fclose(f);
    return pid;
}
