/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent with the libvirt driver and a real guest, on a host of its own (tests/support/host.sh runs this program a second time,
 * inside). Needs root, libvirtd, QEMU and the lab's guest image; skips without them. One guest goes through a server's life,
 * because each boot takes seconds.
 */
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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
#define NETWORK "aaaaaaaa-0000-4000-8000-000000000001"
#define PORT "bbbbbbbb-0000-4000-8000-000000000002"
#define TAP "tapbbbbbbbb-00"
#define VOLUME "cccccccc-0000-4000-8000-000000000003"
#define IMAGE "dddddddd-0000-4000-8000-000000000004"
#define ADDRESS "10.77.0.5"

static struct kn_test_broker *broker;
static struct kn_conf conf;
static struct kn_test_agent agent;
static char cache_option[128];
static const char *options[] = { "--driver", "libvirt", "--set", cache_option, NULL };
static char server[KN_UUID_SIZE];
static char volume_path[96];
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

static int group_setup(void **state)
{
    AUTO_FREE char *cache = NULL;
    struct kn_error err = { 0 };
    struct kn_message hello;

    (void)state;
    assert_ok(kn_crypto_init(&err), &err);
    kn_conf_defaults(&conf);
    broker = kn_test_broker_start();
    kn_test_broker_conf(broker, &conf);
    kn_uuid_make(server);
    cache = kn_asprintf("/run/kn-cache");
    fill_cache(getenv("KN_TEST_GUEST"), cache);
    snprintf(cache_option, sizeof(cache_option), "agent.cache_dir=%s", cache);
    snprintf(volume_path, sizeof(volume_path), "/run/kn-volume");
    assert_int_equal(close(open(volume_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
    assert_int_equal(truncate(volume_path, 64 << 20), 0);
    kn_test_agent_init(&agent, &conf, options);
    hello = kn_test_agent_expect(&agent, "agent.hello", 0);
    assert_true(kn_json_int(json_array_get(json_object_get(hello.body, "hosts"), 0), "memory_mib") > 0);
    kn_message_release(&hello);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    kn_test_agent_release(&agent);
    kn_test_broker_free(broker);
    return 0; /* the rest ends with the namespace */
}

static json_t *spec(void)
{
    json_t *nic = json_pack("{s:s, s:s, s:i, s:s}", "port", PORT, "mac", "fa:16:3e:77:00:05", "mtu", 1450, "tap", TAP);
    json_t *image = json_pack("{s:s, s:s, s:s, s:I, s:s, s:i}", "id", IMAGE, "url", "http://127.0.0.1:9/none", "sha512",
                              sha512, "size", (json_int_t)image_size, "disk_format", "qcow2", "virtual_size", 36700160);

    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:o, s:[o], s:s, s:s}", "name", "Web 1", "hostname", "web-1",
                     "project", "p", "zone", "nova", "vcpus", 1, "memory_mib", 128, "disk_gib", 1, "image", image,
                     "nics", nic, "key_name", "k", "public_key", "ssh-ed25519 AAAA k");
}

static void tell_networks(void)
{
    json_t *subnet = json_pack("{s:s, s:s, s:s, s:b, s:[], s:[]}", "id", NETWORK, "cidr", "10.77.0.0/24", "gateway",
                               "10.77.0.1", "dhcp", 1, "dns", "routes");
    json_t *network = json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:[s], s:[o]}", "kind", "network", "id", NETWORK,
                                "type", "vxlan", "vni", 77, "mtu", 1450, "dhcp_mac", "fa:16:3e:77:00:02", "dhcp_ips",
                                "10.77.0.2", "subnets", subnet);
    json_t *port = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:[{s:s, s:s}]}", "kind", "port", "id", PORT,
                             "network", NETWORK, "server", server, "hostname", "web-1", "mac", "fa:16:3e:77:00:05",
                             "up", 1, "filtered", 1, "ips", "subnet", NETWORK, "ip", ADDRESS);
    kn_test_agent_command(&agent, "net.state", 0,
                          json_pack("{s:i, s:i, s:i, s:i, s:[o, o], s:[]}", "from", -1, "version", 1, "piece", 1,
                                    "pieces", 1, "put", network, port, "drop"));
}

static int64_t send_spawn(int64_t generation)
{
    json_t *body = json_pack("{s:s, s:o}", "server", server, "spec", spec());

    return kn_test_agent_command(&agent, "server.spawn", generation, body);
}

static void spawn(int64_t generation)
{
    json_t *result = kn_test_agent_done(&agent, "server.spawn", send_spawn(generation));

    assert_int_equal(kn_json_int(result, "power_state"), 1);
    json_decref(result);
}

static json_t *console(void)
{
    struct kn_message m = kn_test_agent_ask(&agent, "server.console_log", 1, json_pack("{s:s}", "server", server));
    json_t *result = json_incref(m.result);

    kn_message_release(&m);
    return result;
}

/* How often a text stands in the console's log. */
static int console_count(const char *text)
{
    json_t *result = console();
    int count = 0;

    for (const char *at = kn_json_str(result, "output"); (at = strstr(at, text)) != NULL; at++) {
        count++;
    }
    json_decref(result);
    return count;
}

/* Waits until the guest has said it `times` times. */
static void await_console(const char *text, int times)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    while (console_count(text) < times) {
        if (kn_mono_ms() >= deadline) {
            json_t *said = console();
            fail_msg("the guest did not say \"%s\" but\n%s", text, kn_json_str(said, "output"));
        }
        kn_test_pause(300);
    }
}

static json_t *domain(void)
{
    json_t *seen = kn_test_agent_observe(&agent);
    json_t *found = json_incref(json_array_get(json_object_get(seen, "domains"), 0));

    assert_true(json_array_size(json_object_get(seen, "domains")) <= 1);
    json_decref(seen);
    return found;
}

static size_t volumes(void)
{
    json_t *d = domain();
    size_t count = json_array_size(json_object_get(d, "volumes"));

    json_decref(d);
    return count;
}

static void test_boots_with_network_and_metadata(void **state)
{
    const int64_t first = send_spawn(1); /* its port is told a moment later, as port.bind is sent beside it */
    json_t *d;
    (void)state;
    tell_networks();
    json_decref(kn_test_agent_done(&agent, "server.spawn", first));
    spawn(1); /* twice is once */
    d = domain();
    assert_int_equal(kn_json_int(d, "generation"), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(d, "taps"), 0)), TAP);
    json_decref(d);
    await_console("=== GUEST-READY name=web-1 md=metadata boot=1 ip=" ADDRESS, 1);
}

static int64_t send_volume(const char *type, json_t *body)
{
    json_object_set_new(body, "server", json_string(server));
    json_object_set_new(body, "volume", json_string(VOLUME));
    return kn_test_agent_command(&agent, type, 1, body);
}

static void attach(void)
{
    json_t *body = json_pack("{s:{s:s, s:s, s:s, s:s}}", "connection", "driver", "file", "path", volume_path, "format",
                             "raw", "serial", VOLUME);
    json_t *result = kn_test_agent_done(&agent, "server.attach_volume", send_volume("server.attach_volume", body));

    assert_string_equal(kn_json_str(result, "device"), "/dev/vdb");
    json_decref(result);
}

static void detach(void)
{
    json_decref(kn_test_agent_done(&agent, "server.detach_volume", send_volume("server.detach_volume", json_object())));
}

#define ASK_GUEST "ip netns exec kn-aaaaaaaa curl -s -m 5 http://" ADDRESS "/cgi-bin/status"

/* What the guest itself says it has, asked over its network. */
static bool guest_sees(const char *text)
{
    FILE *f = popen(ASK_GUEST, "r");
    char answer[4096];

    assert_non_null(f);
    answer[fread(answer, 1, sizeof(answer) - 1, f)] = '\0';
    pclose(f);
    return strstr(answer, text) != NULL;
}

static void await_guest(const char *text, bool there)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    while (guest_sees(text) != there) {
        assert_true(kn_mono_ms() < deadline);
        kn_test_pause(300);
    }
}

/* Debian's cloud-init over what this guest's firmware says: stock images ask it whether there is a metadata service at all. */
static void test_cloud_init_knows_the_cloud(void **state)
{
    FILE *f;
    char answer[512];

    (void)state;
    if (getenv("KN_TEST_CLOUD_INIT") == NULL) {
        skip();
    }
    await_guest("dmi product_name=OpenStack Nova", true);
    assert_int_equal(system(ASK_GUEST " >/run/kn-dmi"), 0);
    f = popen("tests/support/ds_identify.sh \"$KN_TEST_CLOUD_INIT\" /run/kn-dmi /run/kn-ds", "r");
    assert_non_null(f);
    answer[fread(answer, 1, sizeof(answer) - 1, f)] = '\0';
    assert_int_equal(pclose(f), 0);
    assert_string_equal(answer, "datasource_list: [ OpenStack, None ]\n");
}

static void test_volume_in_and_out(void **state)
{
    (void)state;
    attach();
    attach();
    assert_int_equal(volumes(), 1);
    await_guest("disk vdb sectors=131072 serial=cccccccc", true);
    detach();
    detach();
    assert_int_equal(volumes(), 0);
    await_guest("disk vdb", false);
}

static void test_power(void **state)
{
    (void)state;
    assert_int_equal(kn_test_agent_power(&agent, server, "pause"), 3);
    assert_int_equal(kn_test_agent_power(&agent, server, "pause"), 3);
    assert_int_equal(kn_test_agent_power(&agent, server, "unpause"), 1);
    assert_int_equal(kn_test_agent_power(&agent, server, "suspend"), 7);
    assert_int_equal(kn_test_agent_power(&agent, server, "resume"), 1);
    await_guest("hostname=web-1", true); /* it went on, it did not boot again */
    assert_int_equal(console_count("GUEST-READY"), 1);
    attach();
    assert_int_equal(kn_test_agent_power(&agent, server, "reboot_hard"), 1);
    await_console("GUEST-READY name=web-1 md=metadata boot=2", 1);
    assert_int_equal(volumes(), 1); /* what was attached is there after a hard reboot */
    assert_int_equal(kn_test_agent_power(&agent, server, "stop"), 4);
    detach(); /* of a guest that is off */
    assert_int_equal(volumes(), 0);
    attach();
    assert_int_equal(kn_test_agent_power(&agent, server, "start"), 1);
    detach(); /* of one that boots: it does not listen at first */
    assert_int_equal(volumes(), 0);
    await_console("GUEST-READY name=web-1 md=metadata boot=3", 1);
    await_guest("disk vdb", false);
    assert_int_equal(kn_test_agent_power(&agent, server, "reboot_soft"), 1);
    await_console("GUEST-READY name=web-1 md=metadata boot=4", 1);
}

static void test_stale(void **state)
{
    (void)state;
    kn_test_agent_refused(&agent, "server.spawn", send_spawn(0), KN_STALE);
}

/* The first pid in a file; libvirt and QEMU leave theirs under /run/libvirt. */
static pid_t pid_in(const char *path)
{
    FILE *f = fopen(path, "r");
    int pid = 0;

    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &pid), 1);
    fclose(f);
    return pid;
}

static void expect_power(int power_state)
{
    struct kn_message m;

    do {
        m = kn_test_agent_expect(&agent, "server.power_state", 0);
        assert_string_equal(kn_json_str(m.body, "server"), server);
        assert_true(m.generation > 0); /* without it the conductor takes the news for old */
        if (kn_json_int(m.body, "power_state") == power_state) {
            kn_message_release(&m);
            return;
        }
        kn_message_release(&m);
    } while (true);
}

static void test_tells_of_a_crash(void **state)
{
    AUTO_FREE char *path = kn_asprintf("/run/libvirt/qemu/kn-%s.pid", server);

    (void)state;
    kill(pid_in(path), SIGKILL);
    expect_power(6);
    assert_int_equal(kn_test_agent_power(&agent, server, "start"), 1);
}

static void test_agent_killed_and_started(void **state)
{
    struct kn_message hello;

    (void)state;
    kn_test_agent_kill9(&agent);
    kn_test_agent_start(&agent);
    hello = kn_test_agent_expect(&agent, "agent.hello", 0);
    kn_message_release(&hello);
    hello = kn_test_agent_expect(&agent, "agent.domains", 0);
    assert_int_equal(json_array_size(json_object_get(hello.body, "domains")), 1);
    kn_message_release(&hello);
    await_console("GUEST-READY name=web-1 md=metadata boot=5", 1); /* metadata served by the new one */
}

static void test_libvirtd_restarts(void **state)
{
    (void)state;
    kill(pid_in("/run/libvirtd.pid"), SIGKILL); /* host.sh starts it again */
    assert_int_equal(kn_test_agent_power(&agent, server, "pause"), 3);
    assert_int_equal(kn_test_agent_power(&agent, server, "unpause"), 1);
    assert_int_equal(system("virsh -q -c qemu:///system suspend kn-$(ls /run/libvirt/qemu/ | "
                            "sed -n 's/^kn-\\(.*\\)\\.xml$/\\1/p')"),
                     0);
    expect_power(3); /* events come over the new connection */
    assert_int_equal(kn_test_agent_power(&agent, server, "unpause"), 1);
}

static void destroy(int64_t generation)
{
    json_t *body = json_pack("{s:s}", "server", server);

    json_decref(kn_test_agent_done(&agent, "server.destroy",
                                   kn_test_agent_command(&agent, "server.destroy", generation, body)));
}

static void describe(int64_t task_back, const char *name)
{
    int64_t task;

    agent.task -= task_back;
    task = kn_test_agent_command(&agent, "server.describe", 1,
                                 json_pack("{s:s, s:{s:s, s:s, s:{s:s}}}", "server", server, "description", "name",
                                           name, "hostname", "web-1", "metadata", "role", name));
    json_decref(kn_test_agent_done(&agent, "server.describe", task));
    agent.task += task_back;
}

/* What the metadata service answers from. */
static void expect_described(const char *name)
{
    AUTO_FREE char *path = kn_asprintf("%s/servers/%s/spec.json", agent.dir, server);
    json_t *all = json_load_file(path, 0, NULL);
    json_t *saved = json_object_get(all, "spec");

    assert_string_equal(kn_json_str(saved, "name"), name);
    assert_string_equal(kn_json_str(json_object_get(saved, "metadata"), "role"), name);
    json_decref(all);
}

static void test_described_while_it_runs(void **state)
{
    (void)state;
    describe(0, "newest");
    expect_described("newest");
    describe(3, "late");
    expect_described("newest");
}

/* Another volume, with the letter that it should get; `letter` past z: one too many. */
static int64_t send_another(char letter)
{
    AUTO_FREE char *volume = kn_asprintf("cccccccc-0000-4000-8000-0000000000%02x", (unsigned)letter);
    AUTO_FREE char *path = kn_asprintf("/run/kn-volume-%02x", (unsigned)letter);

    assert_int_equal(close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
    assert_int_equal(truncate(path, 1 << 20), 0);
    return kn_test_agent_command(&agent, "server.attach_volume", 1,
                                 json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s}}", "server", server, "volume", volume,
                                           "connection", "driver", "file", "path", path, "format", "raw", "serial",
                                           volume));
}

/* Hot-plugged into a running guest until the letters end: all that a server may have. */
static void test_as_many_volumes_as_there_are_letters(void **state)
{
    (void)state;
    attach();
    for (char letter = 'c'; letter <= 'z'; letter++) {
        json_t *result = kn_test_agent_done(&agent, "server.attach_volume", send_another(letter));
        AUTO_FREE char *device = kn_asprintf("/dev/vd%c", letter);
        assert_string_equal(kn_json_str(result, "device"), device);
        json_decref(result);
    }
    assert_int_equal(volumes(), 25);
    await_guest("disk vdz sectors=2048", true);
    kn_test_agent_refused(&agent, "server.attach_volume", send_another('z' + 1), KN_CONFLICT);
}

static void test_leaves_nothing(void **state)
{
    json_t *seen;

    (void)state;
    attach();
    destroy(2);
    destroy(2);
    seen = kn_test_agent_observe(&agent);
    assert_int_equal(json_array_size(json_object_get(seen, "domains")), 0);
    assert_int_equal(json_array_size(json_object_get(seen, "taps")), 0);
    assert_int_equal(json_array_size(json_object_get(seen, "dirs")), 0);
    json_decref(seen);
    assert_int_equal(access(volume_path, F_OK), 0); /* a volume is not the guest's to delete */
    kn_test_agent_refused(&agent, "server.spawn", send_spawn(1), KN_STALE);
}

/* Killed at many points of a spawn, each time repeated as a conductor does: one guest, whole. */
static void test_killed_while_spawning(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        struct kn_message hello;
        send_spawn(3);
        kn_test_pause(i * 50);
        kn_test_agent_kill9(&agent);
        kn_test_agent_start(&agent);
        hello = kn_test_agent_expect(&agent, "agent.hello", 0);
        kn_message_release(&hello);
    }
    spawn(3);
    json_t *d = domain();
    assert_int_equal(kn_json_int(d, "generation"), 3);
    assert_int_equal(kn_json_int(d, "power_state"), 1);
    json_decref(d);
    destroy(3);
}

/* The agent's directory is full to the last byte; what it destroys is what would make room. */
static void test_full_disk_stops_no_deletion(void **state)
{
    AUTO_FREE char *mount = kn_asprintf("mount -t tmpfs -o size=64m tmpfs %s", agent.dir);
    AUTO_FREE char *fill = kn_asprintf("! dd if=/dev/zero of=%s/fill bs=4k 2>/dev/null", agent.dir);
    struct kn_message hello;
    json_t *seen;

    (void)state;
    kn_test_agent_kill9(&agent);
    assert_int_equal(system(mount), 0);
    kn_test_agent_start(&agent);
    hello = kn_test_agent_expect(&agent, "agent.hello", 0);
    kn_message_release(&hello);
    tell_networks(); /* the disk is another one */
    spawn(4);
    assert_int_equal(system(fill), 0);
    destroy(5);
    seen = kn_test_agent_observe(&agent);
    assert_int_equal(json_array_size(json_object_get(seen, "domains")), 0);
    assert_int_equal(json_array_size(json_object_get(seen, "taps")), 0);
    assert_int_equal(json_array_size(json_object_get(seen, "dirs")), 0);
    json_decref(seen);
    kn_test_agent_refused(&agent, "server.spawn", send_spawn(4), KN_STALE); /* and that it was destroyed is known */
}

/* A guest that does not listen holds a soft reboot for a minute; a destroy behind it ends the waiting. A late destroy does not. */
static void test_destroy_waits_for_no_reboot(void **state)
{
    json_t *body = json_pack("{s:s, s:s, s:o}", "server", server, "action", "reboot_soft", "spec", spec());
    int64_t late, reboot, last;
    struct kn_message m;

    (void)state;
    spawn(6);
    assert_int_equal(system("virsh -q -c qemu:///system suspend kn-$(ls /run/libvirt/qemu/ | "
                            "sed -n 's/^kn-\\(.*\\)\\.xml$/\\1/p')"),
                     0);
    reboot = kn_test_agent_command(&agent, "server.power", 6, body);
    late = kn_test_agent_command(&agent, "server.destroy", 5, json_pack("{s:s}", "server", server));
    last = kn_test_agent_command(&agent, "server.destroy", 7, json_pack("{s:s}", "server", server));
    m = kn_test_agent_expect(&agent, "server.power", reboot);
    assert_false(m.ok);
    if (m.error.code != KN_CONFLICT &&
        m.error.code != KN_CANCELLED) { /* the guest went below it, or it had not begun */
        fail_msg("%s \"%s\"", kn_code_name(m.error.code), m.error.message);
    }
    kn_message_release(&m);
    kn_test_agent_refused(&agent, "server.destroy", late, KN_STALE);
    json_decref(kn_test_agent_done(&agent, "server.destroy", last));
}

static int run_inside(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boots_with_network_and_metadata),
        cmocka_unit_test(test_cloud_init_knows_the_cloud),
        cmocka_unit_test(test_volume_in_and_out),
        cmocka_unit_test(test_power),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_tells_of_a_crash),
        cmocka_unit_test(test_agent_killed_and_started),
        cmocka_unit_test(test_libvirtd_restarts),
        cmocka_unit_test(test_as_many_volumes_as_there_are_letters),
        cmocka_unit_test(test_described_while_it_runs),
        cmocka_unit_test(test_leaves_nothing),
        cmocka_unit_test(test_killed_while_spawning),
        cmocka_unit_test(test_full_disk_stops_no_deletion),
        cmocka_unit_test(test_destroy_waits_for_no_reboot),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

static void test_skipped(void **state)
{
    (void)state;
    skip();
}

int main(void)
{
    kn_test_needs("ip", "virsh", "curl", "libvirtd", "qemu-img");
    const struct CMUnitTest skipped[] = { cmocka_unit_test(test_skipped) };
    char self[512] = "";
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
    setenv("KN_TEST_INSIDE", "1", 1);
    setenv("KN_TEST_GUEST", guest, 1);
    if (readlink("/proc/self/exe", self, sizeof(self) - 1) > 0) {
        execl("tests/support/host.sh", "host.sh", self, (char *)NULL);
    }
    return 1;
}
