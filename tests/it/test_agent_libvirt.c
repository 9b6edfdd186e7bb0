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

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/one_guest.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

#define VOLUME "cccccccc-0000-4000-8000-000000000003"

static size_t volumes(void)
{
    json_t *d = kn_one_guest_domain();
    size_t count = json_array_size(json_object_get(d, "volumes"));

    json_decref(d);
    return count;
}

static void test_boots_with_network_and_metadata(void **state)
{
    const int64_t first =
        kn_one_guest_send_spawn(1); /* its port is told a moment later, as port.bind is sent beside it */
    json_t *d;
    (void)state;
    kn_one_guest_tell_networks();
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.spawn", first));
    kn_one_guest_spawn(1); /* twice is once */
    d = kn_one_guest_domain();
    assert_int_equal(kn_json_int(d, "generation"), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(d, "taps"), 0)), ONE_TAP);
    json_decref(d);
    kn_one_guest_await_said("=== GUEST-READY name=web-1 md=metadata boot=1 ip=" ONE_ADDRESS, 1);
}

static int64_t send_volume(const char *type, json_t *body)
{
    json_object_set_new(body, "server", json_string(kn_one_guest.server));
    json_object_set_new(body, "volume", json_string(VOLUME));
    return kn_test_agent_command(&kn_one_guest.agent, type, 1, body);
}

static void attach(void)
{
    json_t *body = json_pack("{s:{s:s, s:s, s:s, s:s, s:{s:i, s:i, s:i}}}", "connection", "driver", "file", "path",
                             kn_one_guest.volume_path, "format", "raw", "serial", VOLUME, "limits", "total_bytes_sec",
                             10485760, "total_bytes_sec_max", 20971520, "read_iops_sec", 500);
    json_t *result = kn_test_agent_done(&kn_one_guest.agent, "server.attach_volume",
                                        send_volume("server.attach_volume", body));

    assert_string_equal(kn_json_str(result, "device"), "/dev/vdb");
    json_decref(result);
}

static void detach(void)
{
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.detach_volume",
                                   send_volume("server.detach_volume", json_object())));
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
    kn_one_guest_await("dmi product_name=OpenStack Nova", true);
    assert_int_equal(system(ONE_ASK " >/run/kn-dmi"), 0);
    f = popen("tests/support/ds_identify.sh \"$KN_TEST_CLOUD_INIT\" /run/kn-dmi /run/kn-ds", "r");
    assert_non_null(f);
    answer[fread(answer, 1, sizeof(answer) - 1, f)] = '\0';
    assert_int_equal(pclose(f), 0);
    assert_string_equal(answer, "datasource_list: [ OpenStack, None ]\n");
}

/* What the hypervisor holds the guest's disk to. */
static void held_to(const char *rate, int wanted)
{
    AUTO_FREE char *command = kn_asprintf("virsh -q -c qemu:///system blkdeviotune kn-%s vdb | grep -Eq '^%s *: %d$'",
                                          kn_one_guest.server, rate, wanted);

    if (system(command) != 0) {
        fail_msg("%s", command);
    }
}

static void test_volume_in_and_out(void **state)
{
    (void)state;
    attach();
    attach();
    assert_int_equal(volumes(), 1);
    held_to("total_bytes_sec", 10485760);
    held_to("total_bytes_sec_max", 20971520);
    held_to("read_iops_sec", 500);
    held_to("write_iops_sec", 0);
    kn_one_guest_await("disk vdb sectors=131072 serial=cccccccc", true);
    detach();
    detach();
    assert_int_equal(volumes(), 0);
    kn_one_guest_await("disk vdb", false);
}

/* The machine and where the NIC and the root disk are, as libvirt would start them. */
static void machine_of(char ret[512])
{
    AUTO_FREE char *command = kn_asprintf(
        "virsh -q -c qemu:///system dumpxml --inactive kn-%s | grep -oE \"machine='[^']+'|<interface|<disk|<video|<address type='pci'[^>]+\" | grep -A1 -E 'machine|interface|disk'",
        kn_one_guest.server);
    FILE *f = popen(command, "r");

    assert_non_null(f);
    ret[fread(ret, 1, 511, f)] = '\0';
    pclose(f);
}

static void test_power(void **state)
{
    char before[512], after[512];

    (void)state;
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "pause"), 3);
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "pause"), 3);
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "unpause"), 1);
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "suspend"), 7);
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "resume"), 1);
    kn_one_guest_await("hostname=web-1", true); /* it went on, it did not boot again */
    assert_int_equal(kn_one_guest_said("GUEST-READY"), 1);
    machine_of(before);
    assert_non_null(strstr(before, "machine='pc-q35-"));
    assert_non_null(strstr(before, "<interface"));
    attach();
    machine_of(before);
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "reboot_hard"), 1);
    kn_one_guest_await_said("GUEST-READY name=web-1 md=metadata boot=2", 1);
    machine_of(after);
    assert_string_equal(after, before); /* a volume more, and its NIC is where it was */
    assert_int_equal(volumes(), 1); /* what was attached is there after a hard reboot */
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "stop"), 4);
    detach(); /* of a guest that is off */
    assert_int_equal(volumes(), 0);
    attach();
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "start"), 1);
    detach(); /* of one that boots: it does not listen at first */
    assert_int_equal(volumes(), 0);
    kn_one_guest_await_said("GUEST-READY name=web-1 md=metadata boot=3", 1);
    kn_one_guest_await("disk vdb", false);
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "reboot_soft"), 1);
    kn_one_guest_await_said("GUEST-READY name=web-1 md=metadata boot=4", 1);
}

static void test_stale(void **state)
{
    (void)state;
    kn_test_agent_refused(&kn_one_guest.agent, "server.spawn", kn_one_guest_send_spawn(0), KN_STALE);
}

static void test_tells_of_a_crash(void **state)
{
    AUTO_FREE char *path = kn_asprintf("/run/libvirt/qemu/kn-%s.pid", kn_one_guest.server);

    (void)state;
    kill(kn_one_guest_pid_in(path), SIGKILL);
    kn_one_guest_expect_power(6);
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "start"), 1);
}

static void test_agent_killed_and_started(void **state)
{
    struct kn_message hello;

    (void)state;
    kn_test_agent_kill9(&kn_one_guest.agent);
    kn_test_agent_start(&kn_one_guest.agent);
    hello = kn_test_agent_expect(&kn_one_guest.agent, "agent.hello", 0);
    kn_message_release(&hello);
    hello = kn_test_agent_expect(&kn_one_guest.agent, "agent.domains", 0);
    assert_int_equal(json_array_size(json_object_get(hello.body, "domains")), 1);
    kn_message_release(&hello);
    kn_one_guest_await_said("GUEST-READY name=web-1 md=metadata boot=5", 1); /* metadata served by the new one */
}

static void test_libvirtd_restarts(void **state)
{
    (void)state;
    kill(kn_one_guest_pid_in("/run/libvirtd.pid"), SIGKILL); /* host.sh starts it again */
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "pause"), 3);
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "unpause"), 1);
    assert_int_equal(system("virsh -q -c qemu:///system suspend kn-$(ls /run/libvirt/qemu/ | "
                            "sed -n 's/^kn-\\(.*\\)\\.xml$/\\1/p')"),
                     0);
    kn_one_guest_expect_power(3); /* events come over the new connection */
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "unpause"), 1);
}

static void describe(int64_t task_back, const char *name)
{
    int64_t task;

    kn_one_guest.agent.task -= task_back;
    task = kn_test_agent_command(&kn_one_guest.agent, "server.describe", 1,
                                 json_pack("{s:s, s:{s:s, s:s, s:{s:s}}}", "server", kn_one_guest.server, "description",
                                           "name", name, "hostname", "web-1", "metadata", "role", name));
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.describe", task));
    kn_one_guest.agent.task += task_back;
}

/* What the metadata service answers from. */
static void expect_described(const char *name)
{
    AUTO_FREE char *path = kn_asprintf("%s/servers/%s/spec.json", kn_one_guest.agent.dir, kn_one_guest.server);
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
    return kn_test_agent_command(&kn_one_guest.agent, "server.attach_volume", 1,
                                 json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s}}", "server", kn_one_guest.server,
                                           "volume", volume, "connection", "driver", "file", "path", path, "format",
                                           "raw", "serial", volume));
}

/* Hot-plugged into a running guest until the letters end: all that a server may have. */
static void test_as_many_volumes_as_there_are_letters(void **state)
{
    (void)state;
    attach();
    for (char letter = 'c'; letter <= 'z'; letter++) {
        json_t *result = kn_test_agent_done(&kn_one_guest.agent, "server.attach_volume", send_another(letter));
        AUTO_FREE char *device = kn_asprintf("/dev/vd%c", letter);
        assert_string_equal(kn_json_str(result, "device"), device);
        json_decref(result);
    }
    assert_int_equal(volumes(), 25);
    kn_one_guest_await("disk vdz sectors=2048", true);
    kn_test_agent_refused(&kn_one_guest.agent, "server.attach_volume", send_another('z' + 1), KN_CONFLICT);
}

static void test_leaves_nothing(void **state)
{
    json_t *seen;

    (void)state;
    attach();
    kn_one_guest_destroy(2);
    kn_one_guest_destroy(2);
    seen = kn_test_agent_observe(&kn_one_guest.agent);
    assert_int_equal(json_array_size(json_object_get(seen, "domains")), 0);
    assert_int_equal(json_array_size(json_object_get(seen, "taps")), 0);
    assert_int_equal(json_array_size(json_object_get(seen, "dirs")), 0);
    json_decref(seen);
    assert_int_equal(access(kn_one_guest.volume_path, F_OK), 0); /* a volume is not the guest's to delete */
    kn_test_agent_refused(&kn_one_guest.agent, "server.spawn", kn_one_guest_send_spawn(1), KN_STALE);
}

/* Killed at many points of a spawn, each time repeated as a conductor does: one guest, whole. */
static void test_killed_while_spawning(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        struct kn_message hello;
        kn_one_guest_send_spawn(3);
        kn_test_pause(i * 50);
        kn_test_agent_kill9(&kn_one_guest.agent);
        kn_test_agent_start(&kn_one_guest.agent);
        hello = kn_test_agent_expect(&kn_one_guest.agent, "agent.hello", 0);
        kn_message_release(&hello);
    }
    kn_one_guest_spawn(3);
    json_t *d = kn_one_guest_domain();
    assert_int_equal(kn_json_int(d, "generation"), 3);
    assert_int_equal(kn_json_int(d, "power_state"), 1);
    json_decref(d);
    kn_one_guest_destroy(3);
}

/* The agent's directory is full to the last byte; what it destroys is what would make room. */
static void test_full_disk_stops_no_deletion(void **state)
{
    AUTO_FREE char *mount = kn_asprintf("mount -t tmpfs -o size=64m tmpfs %s", kn_one_guest.agent.dir);
    AUTO_FREE char *fill = kn_asprintf("! dd if=/dev/zero of=%s/fill bs=4k 2>/dev/null", kn_one_guest.agent.dir);
    struct kn_message hello;
    json_t *seen;

    (void)state;
    kn_test_agent_kill9(&kn_one_guest.agent);
    assert_int_equal(system(mount), 0);
    kn_test_agent_start(&kn_one_guest.agent);
    hello = kn_test_agent_expect(&kn_one_guest.agent, "agent.hello", 0);
    kn_message_release(&hello);
    kn_one_guest_tell_networks(); /* the disk is another one */
    kn_one_guest_spawn(4);
    assert_int_equal(system(fill), 0);
    kn_one_guest_destroy(5);
    seen = kn_test_agent_observe(&kn_one_guest.agent);
    assert_int_equal(json_array_size(json_object_get(seen, "domains")), 0);
    assert_int_equal(json_array_size(json_object_get(seen, "taps")), 0);
    assert_int_equal(json_array_size(json_object_get(seen, "dirs")), 0);
    json_decref(seen);
    kn_test_agent_refused(&kn_one_guest.agent, "server.spawn", kn_one_guest_send_spawn(4),
                          KN_STALE); /* and that it was destroyed is known */
}

static json_t *diagnosed(int64_t generation)
{
    struct kn_message m = kn_test_agent_ask(&kn_one_guest.agent, "server.diagnose", generation,
                                            json_pack("{s:s}", "server", kn_one_guest.server));
    json_t *result = m.ok ? json_incref(m.result) : NULL;

    if (!m.ok) {
        fail_msg("%s", m.error.message);
    }
    kn_message_release(&m);
    return result;
}

/* What a guest uses is counted; of one that does not run nobody counts anything. */
static void test_diagnosis(void **state)
{
    json_t *seen, *nic, *disk, *result;

    (void)state;
    kn_one_guest_spawn(5);
    seen = diagnosed(5);
    assert_int_equal(kn_json_int(seen, "power_state"), 1);
    assert_true(kn_json_int(seen, "maximum_kib") > 0);
    assert_int_equal(kn_json_int(seen, "maximum_kib"), kn_json_int(seen, "used_kib"));
    assert_int_equal(json_array_size(json_object_get(seen, "cpus")), 1);
    assert_true(json_array_size(json_object_get(seen, "memory")) > 0);
    disk = json_array_get(json_object_get(seen, "disks"), 0);
    assert_string_equal(kn_json_str(disk, "device"), "vda");
    assert_true(json_is_integer(json_object_get(disk, "read_bytes")));
    nic = json_array_get(json_object_get(seen, "nics"), 0);
    assert_int_equal(strlen(kn_json_str(nic, "mac")), 17);
    assert_true(json_is_integer(json_object_get(nic, "tx_octets")));
    json_decref(seen);
    AUTO_RELEASE(kn_message)
    struct kn_message refused = kn_test_agent_ask(&kn_one_guest.agent, "server.set_password", 5,
                                                  json_pack("{s:s, s:s, s:s}", "server", kn_one_guest.server, "user",
                                                            "root", "password", "x"));
    assert_false(refused.ok); /* it was given no line to an agent */
    assert_int_equal(refused.error.code, KN_NOT_IMPLEMENTED);
    result = kn_test_agent_done(&kn_one_guest.agent, "server.power",
                                kn_test_agent_command(&kn_one_guest.agent, "server.power", 5,
                                                      json_pack("{s:s, s:s}", "server", kn_one_guest.server, "action",
                                                                "crash_dump")));
    assert_int_equal(kn_json_int(result, "power_state"), 1);
    json_decref(result);
    result = kn_test_agent_done(&kn_one_guest.agent, "server.look",
                                kn_test_agent_command(&kn_one_guest.agent, "server.look", 5,
                                                      json_pack("{s:s}", "server", kn_one_guest.server)));
    assert_int_equal(kn_json_int(result, "power_state"), 1);
    json_decref(result);
    result = kn_test_agent_done(&kn_one_guest.agent, "server.power",
                                kn_test_agent_command(&kn_one_guest.agent, "server.power", 5,
                                                      json_pack("{s:s, s:s}", "server", kn_one_guest.server, "action",
                                                                "pause")));
    json_decref(result);
    seen = diagnosed(5);
    assert_int_equal(kn_json_int(seen, "power_state"), 3);
    assert_int_equal(json_array_size(json_object_get(seen, "cpus")), 0);
    json_decref(seen);
    kn_one_guest_destroy(5);
}

/* Its console's log says it, at the generation of this test. */
static void await_driven(const char *text)
{
    for (const int64_t deadline = kn_mono_ms() + 60000;; kn_test_pause(300)) {
        struct kn_message m = kn_test_agent_ask(&kn_one_guest.agent, "server.console_log", 6,
                                                json_pack("{s:s}", "server", kn_one_guest.server));
        const bool is_said = m.ok && strstr(kn_json_str(m.result, "output"), text) != NULL;

        if (!is_said && kn_mono_ms() > deadline) {
            fail_msg("the guest did not say \"%s\" but %s", text, m.ok ? kn_json_str(m.result, "output") : "nothing");
        }
        kn_message_release(&m);
        if (is_said) {
            return;
        }
    }
}

/* Off and on again, as this spec says; it is at generation 6. */
static void reboot_with(json_t *config_drive, const char *hostname, json_t *files)
{
    json_t *spec = kn_one_guest_spec();

    json_object_set_new(spec, "nics", json_array());
    json_object_set_new(spec, "config_drive", config_drive);
    json_object_set_new(spec, "hostname", json_string(hostname));
    if (files != NULL) {
        json_object_set_new(spec, "files", files);
    }
    json_t *body = json_pack("{s:s, s:s, s:o}", "server", kn_one_guest.server, "action", "reboot_hard", "spec", spec);

    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.power",
                                   kn_test_agent_command(&kn_one_guest.agent, "server.power", 6, body)));
}

/* No network that would tell it anything: it finds its disk by the label. A hard reboot makes the disk of what is so then. */
static void test_config_drive(void **state)
{
    json_t *spec = kn_one_guest_spec(), *body, *result;

    (void)state;
    json_object_set_new(spec, "nics", json_array());
    json_object_set_new(spec, "config_drive", json_true());
    json_object_set_new(spec, "hostname", json_string("driven-1"));
    body = json_pack("{s:s, s:O}", "server", kn_one_guest.server, "spec", spec);
    result = kn_test_agent_done(&kn_one_guest.agent, "server.spawn",
                                kn_test_agent_command(&kn_one_guest.agent, "server.spawn", 6, body));
    json_decref(result);
    await_driven("=== GUEST-READY name=driven-1 md=configdrive");
    json_object_set_new(spec, "hostname", json_string("driven-2"));
    body = json_pack("{s:s, s:s, s:o}", "server", kn_one_guest.server, "action", "reboot_hard", "spec", spec);
    result = kn_test_agent_done(&kn_one_guest.agent, "server.power",
                                kn_test_agent_command(&kn_one_guest.agent, "server.power", 6, body));
    json_decref(result);
    await_driven("=== GUEST-READY name=driven-2 md=configdrive");
    reboot_with(json_false(), "driven-2", NULL);
    /* a drive that comes later, as with the files of a rebuild: they are on it */
    reboot_with(json_true(), "driven-3", json_pack("[{s:s, s:s}]", "path", "/a", "contents", "cGVyc29uYWxpdHkK"));
    await_driven("=== GUEST-READY name=driven-3 md=configdrive");
    assert_int_equal(system("grep -a -q personality \"$(virsh -q -c qemu:///system domblklist $(virsh -q -c "
                            "qemu:///system list --name) | awk '/disk.config/ { print $2 }')\""),
                     0);
    kn_one_guest_destroy(6);
}

/* A guest that does not listen holds a soft reboot for a minute; a destroy behind it ends the waiting. A late destroy does not. */
static void test_destroy_waits_for_no_reboot(void **state)
{
    json_t *body = json_pack("{s:s, s:s, s:o}", "server", kn_one_guest.server, "action", "reboot_soft", "spec",
                             kn_one_guest_spec());
    int64_t late, reboot, last;
    struct kn_message m;

    (void)state;
    kn_one_guest_spawn(7);
    assert_int_equal(system("virsh -q -c qemu:///system suspend kn-$(ls /run/libvirt/qemu/ | "
                            "sed -n 's/^kn-\\(.*\\)\\.xml$/\\1/p')"),
                     0);
    reboot = kn_test_agent_command(&kn_one_guest.agent, "server.power", 7, body);
    late = kn_test_agent_command(&kn_one_guest.agent, "server.destroy", 6,
                                 json_pack("{s:s}", "server", kn_one_guest.server));
    last = kn_test_agent_command(&kn_one_guest.agent, "server.destroy", 7,
                                 json_pack("{s:s}", "server", kn_one_guest.server));
    m = kn_test_agent_expect(&kn_one_guest.agent, "server.power", reboot);
    assert_false(m.ok);
    if (m.error.code != KN_CONFLICT &&
        m.error.code != KN_CANCELLED) { /* the guest went below it, or it had not begun */
        fail_msg("%s \"%s\"", kn_code_name(m.error.code), m.error.message);
    }
    kn_message_release(&m);
    kn_test_agent_refused(&kn_one_guest.agent, "server.destroy", late, KN_STALE);
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.destroy", last));
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
        cmocka_unit_test(test_diagnosis),
        cmocka_unit_test(test_config_drive),
        cmocka_unit_test(test_full_disk_stops_no_deletion),
        cmocka_unit_test(test_destroy_waits_for_no_reboot),
    };
    return cmocka_run_group_tests(tests, kn_one_guest_setup, kn_one_guest_teardown);
}

int main(void)
{
    kn_test_needs("ip", "virsh", "curl", "libvirtd", "qemu-img");
    return kn_one_guest_main(run_inside);
}
