/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real guests on machines that images and flavors ask for: devices of q35, the older machine, UEFI whose variables are the guest's own, CDs that boot. Needs what
 * tests/support/one_guest.h says; UEFI is left out where the host has none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/one_guest.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

#define READY "GUEST-READY name=web-1 md=metadata"
#define CD_IMAGE "dddddddd-0000-4000-8000-000000000005"
#define LOADER "/usr/share/OVMF/OVMF_CODE_4M.fd"

static int processors = 1;

static json_t *spec_of(const char *machine, const char *disks)
{
    json_t *spec = kn_one_guest_spec();

    json_object_set_new(spec, "vcpus", json_integer(processors));
    json_object_set_new(spec, "machine", json_loads(machine, 0, NULL));
    if (disks != NULL) {
        json_object_set_new(spec, "disks", json_loads(disks, 0, NULL));
    }
    return spec;
}

static void spawn(int64_t generation, const char *machine, const char *disks)
{
    json_t *body = json_pack("{s:s, s:o}", "server", kn_one_guest.server, "spec", spec_of(machine, disks));
    json_auto_t *result = kn_test_agent_done(&kn_one_guest.agent, "server.spawn",
                                             kn_test_agent_command(&kn_one_guest.agent, "server.spawn", generation,
                                                                   body));

    assert_int_equal(kn_json_int(result, "power_state"), 1);
}

static void power(int64_t generation, const char *action, const char *machine, const char *disks)
{
    json_t *spec = spec_of(machine, disks);

    json_object_del(spec, "image");
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.power",
                                   kn_test_agent_command(&kn_one_guest.agent, "server.power", generation,
                                                         json_pack("{s:s, s:s, s:o}", "server", kn_one_guest.server,
                                                                   "action", action, "spec", spec))));
}

static char *file_of(const char *name)
{
    return kn_asprintf("%s/servers/%s/%s", kn_one_guest.agent.dir, kn_one_guest.server, name);
}

/* In the file of its console: a question would be of one generation. */
static bool has_said(const char *words)
{
    AUTO_FREE char *path = file_of("console.log");
    AUTO_FREE char *text = kn_alloc(1 << 20);
    FILE *f = fopen(path, "r");

    if (f == NULL) {
        return false;
    }
    const size_t len = fread(text, 1, (1 << 20) - 1, f);

    fclose(f);
    return memmem(text, len, words, strlen(words)) != NULL;
}

static void await_said(const char *words)
{
    const int64_t deadline = kn_mono_ms() + 180000;

    while (!has_said(words)) {
        if (kn_mono_ms() >= deadline) {
            fail_msg("the guest did not say \"%s\"", words);
        }
        kn_test_pause(200);
    }
}

static json_t *frozen(void)
{
    AUTO_FREE char *path = file_of("machine.json");
    json_t *machine = json_load_file(path, 0, NULL);

    assert_non_null(machine);
    return machine;
}

/* What the kernel says of a device's queue. */
static bool queue_has(const char *device, const char *words)
{
    AUTO_FREE char *command = kn_asprintf("tc qdisc show dev %s", device);
    char text[1024] = "";
    FILE *f = popen(command, "re");

    assert_non_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    pclose(f);
    return strstr(text, words) != NULL;
}

static void await_queue(const char *device, const char *words, bool there)
{
    const int64_t deadline = kn_mono_ms() + 180000;

    while (queue_has(device, words) != there) {
        if (kn_mono_ms() >= deadline) {
            fail_msg("the queue of %s has %s\"%s\"", device, there ? "no " : "", words);
        }
        kn_test_pause(200);
    }
}

/* A flavor's limits of NICs are on the tap once the guest runs, whatever libvirt makes of a tap when it starts one; somebody's hands take them away for moments only. */
static void test_limits_of_nics(void **state)
{
    static const char MACHINE[] = "{\"nic_in_average\": 1000, \"nic_in_burst\": 512, \"nic_out_average\": 500}",
                      FREE[] = "{\"shutdown_s\": 1}", RATE[] = "tbf 1: root", IFB[] = "tibbbbbbbb-00";

    (void)state;
    spawn(13, MACHINE, NULL);
    assert_true(queue_has(ONE_TAP, "rate 8Mbit"));
    assert_true(queue_has(IFB, "rate 4Mbit"));
    power(13, "reboot_hard", MACHINE, NULL);
    assert_true(queue_has(ONE_TAP, RATE));
    assert_int_equal(system("tc qdisc del dev " ONE_TAP " root"), 0);
    await_queue(ONE_TAP, RATE, true);
    power(13, "reboot_hard", FREE, NULL);
    await_queue(ONE_TAP, RATE, false);
    assert_false(queue_has(IFB, "rate"));
    kn_one_guest_destroy(14);
}

static void test_devices_of_q35(void **state)
{
    static const char MACHINE[] =
        "{\"video\": \"cirrus\", \"watchdog\": \"reset\", \"guest_agent\": true, \"rng_bytes\": 1024, \"shutdown_s\": 1,"
        " \"total_bytes_sec\": 104857600, \"read_iops_sec\": 10000}",
                      DISKS[] = "[{\"device\": \"/dev/sda\", \"bus\": \"scsi\", \"size_mib\": 8},"
                                " {\"device\": \"/dev/sdb\", \"bus\": \"usb\", \"size_mib\": 8}]";

    (void)state;
    kn_one_guest_tell_networks();
    spawn(1, MACHINE, DISKS);
    await_said(READY " boot=1 ip=" ONE_ADDRESS);
    json_auto_t *before = frozen();

    assert_non_null(json_object_get(json_object_get(before, "addresses"), "scsi/0"));
    assert_non_null(json_object_get(json_object_get(before, "addresses"), "virtio-serial/0"));
    assert_non_null(json_object_get(json_object_get(before, "addresses"), "watchdog/0"));
    power(1, "reboot_hard", MACHINE, DISKS);
    await_said(READY " boot=2 ip=" ONE_ADDRESS);
    json_auto_t *after = frozen();

    assert_true(json_equal(before, after));
    kn_one_guest_destroy(2);
}

/* Volumes come and go there, too, though it has no PCI Express. */
static void test_the_older_machine(void **state)
{
    json_t *body = json_pack("{s:s, s:{s:s, s:s, s:s, s:s}}", "volume", ONE_IMAGE, "connection", "driver", "file",
                             "path", kn_one_guest.volume_path, "format", "raw", "serial", ONE_IMAGE);

    (void)state;
    spawn(3, "{\"type\": \"pc\", \"watchdog\": \"pause\", \"no_rng\": true}",
          "[{\"device\": \"/dev/hda\", \"bus\": \"ide\", \"size_mib\": 8}]");
    await_said(READY " boot=1 ip=" ONE_ADDRESS);
    json_auto_t *machine = frozen();

    assert_int_equal(strncmp(kn_json_str(machine, "machine"), "pc-i440fx-", 10), 0);
    json_object_set_new(body, "server", json_string(kn_one_guest.server));
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.attach_volume",
                                   kn_test_agent_command(&kn_one_guest.agent, "server.attach_volume", 3, body)));
    kn_one_guest_await("disk vdb", true);
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.detach_volume",
                                   kn_test_agent_command(&kn_one_guest.agent, "server.detach_volume", 3,
                                                         json_pack("{s:s, s:s}", "server", kn_one_guest.server,
                                                                   "volume", ONE_IMAGE))));
    kn_one_guest_await("disk vdb", false);
    kn_one_guest_destroy(4);
}

/* How its processors look to it, and hands on virtio; what it was at its first boot stands beside its disks. */
static void test_processors_and_hands(void **state)
{
    static const char MACHINE[] =
        "{\"sockets\": 1, \"cores\": 2, \"threads\": 1, \"input\": \"virtio\", \"hpet\": false, \"pmu\": false,"
        " \"hide_hypervisor\": true, \"windows\": true}";

    (void)state;
    processors = 2;
    spawn(11, MACHINE, NULL);
    await_said(READY " boot=1 ip=" ONE_ADDRESS);
    json_auto_t *before = frozen();

    assert_string_equal(kn_json_str(json_object_get(before, "cpu"), "model"), "qemu64");
    assert_non_null(json_object_get(json_object_get(before, "addresses"), "input/1"));
    kn_one_guest_await("cpus=2", true);
    power(11, "reboot_hard", MACHINE, NULL);
    await_said(READY " boot=2 ip=" ONE_ADDRESS);
    json_auto_t *after = frozen();

    assert_true(json_equal(before, after));
    processors = 1;
    kn_one_guest_destroy(12);
}

/* What libvirt and QEMU take and this guest has no driver for: they start. */
static void test_odd_devices(void **state)
{
    (void)state;
    spawn(5,
          "{\"type\": \"pc\", \"vif\": \"rtl8139\", \"scsi\": \"lsilogic\", \"video\": \"none\", \"boot_menu\": true}",
          "[{\"device\": \"/dev/hda\", \"bus\": \"ide\", \"cdrom\": true},"
          " {\"device\": \"/dev/sda\", \"bus\": \"scsi\", \"size_mib\": 8}]");
    kn_one_guest_destroy(6);
    spawn(7, "{\"vif\": \"e1000e\", \"video\": \"virtio\"}",
          "[{\"device\": \"/dev/sda\", \"bus\": \"sata\", \"cdrom\": true}]");
    kn_one_guest_destroy(8);
}

/* What a BIOS runs of a CD (El Torito): it says its line on COM1, and halts. */
static const unsigned char CD_PROGRAM[] = "\x31\xc0\x8e\xd8\xfc\xbe\x21\x7c" /* ds = 0, si = the line */
                                          "\xac\x84\xc0\x74\x11\x88\xc4" /* next: its next character; none: halt */
                                          "\xba\xfd\x03\xec\xa8\x20\x74\xfb" /* the port is ready */
                                          "\xb2\xf8\x88\xe0\xee\xeb\xea" /* out, next */
                                          "\xf4\xeb\xfd" /* halt */
                                          "HERE-SPEAKS-A-CD\r\n";

/* An image that is an iso, in the cache as a host would have fetched it: what a spec says of it. New reference. */
static json_t *cd_image(void)
{
    static const char MAKE[] = "truncate -s 2048 /run/cd/boot.bin && xorriso -as mkisofs -quiet -o "
                               "/run/cd.iso -b boot.bin -no-emul-boot -boot-load-size 4 /run/cd";
    char sha512[129] = "";
    struct stat iso;

    assert_true(mkdir("/run/cd", 0755) == 0);
    FILE *f = fopen("/run/cd/boot.bin", "we");

    assert_non_null(f);
    assert_int_equal(fwrite(CD_PROGRAM, 1, sizeof(CD_PROGRAM), f), sizeof(CD_PROGRAM));
    assert_int_equal(fclose(f), 0);
    assert_int_equal(system(MAKE), 0);
    f = popen("sha512sum < /run/cd.iso", "re");
    assert_int_equal(fread(sha512, 1, 128, f), 128);
    pclose(f);
    AUTO_FREE char *move = kn_asprintf("mv /run/cd.iso /run/kn-cache/%s", sha512);

    assert_int_equal(stat("/run/cd.iso", &iso), 0);
    assert_int_equal(system(move), 0);
    return json_pack("{s:s, s:s, s:s, s:I, s:s, s:I}", "id", CD_IMAGE, "url", "http://127.0.0.1:9/none", "sha512",
                     sha512, "size", (json_int_t)iso.st_size, "disk_format", "iso", "virtual_size",
                     (json_int_t)iso.st_size);
}

/* On every bus whose drives firmware takes for CDs: on usb libvirt's are disks that nobody may write. */
static void test_boots_from_a_cd(void **state)
{
    static const char *const BUSES[][2] = {
        { "{}", "[{\"device\": \"/dev/sda\", \"bus\": \"sata\", \"cdrom\": true}]" },
        { "{\"type\": \"pc\"}", "[{\"device\": \"/dev/hda\", \"bus\": \"ide\", \"cdrom\": true}]" },
        { "{}", "[{\"device\": \"/dev/sda\", \"bus\": \"scsi\", \"cdrom\": true}]" },
    };
    json_auto_t *image = cd_image();

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BUSES); i++) {
        const int64_t generation = 21 + 2 * (int64_t)i;
        json_t *spec = spec_of(BUSES[i][0], BUSES[i][1]);

        json_object_set(spec, "image", image);
        json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.spawn",
                                       kn_test_agent_command(&kn_one_guest.agent, "server.spawn", generation,
                                                             json_pack("{s:s, s:o}", "server", kn_one_guest.server,
                                                                       "spec", spec))));
        await_said("HERE-SPEAKS-A-CD");
        kn_one_guest_destroy(generation + 1);
    }
}

/* The lab's guest starts by BIOS alone, so that the firmware says what it thinks of it. */
static void test_uefi(void **state)
{
    AUTO_FREE char *nvram = file_of("nvram.fd");
    struct stat first, then;

    (void)state;
    if (access(LOADER, R_OK) < 0) {
        skip();
    }
    spawn(9, "{\"firmware\": \"uefi\"}", NULL);
    await_said("BdsDxe");
    assert_int_equal(stat(nvram, &first), 0);
    power(9, "reboot_hard", "{\"firmware\": \"uefi\"}", NULL);
    assert_int_equal(stat(nvram, &then), 0);
    assert_true(then.st_ino == first.st_ino); /* kept, not made anew */
    kn_one_guest_destroy(10);
    assert_int_equal(access(nvram, F_OK), -1);
}

static int run_inside(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_devices_of_q35),       cmocka_unit_test(test_the_older_machine),
        cmocka_unit_test(test_odd_devices),          cmocka_unit_test(test_uefi),
        cmocka_unit_test(test_processors_and_hands), cmocka_unit_test(test_limits_of_nics),
        cmocka_unit_test(test_boots_from_a_cd),
    };

    return cmocka_run_group_tests(tests, kn_one_guest_setup, kn_one_guest_teardown);
}

int main(void)
{
    kn_test_needs("ip", "tc", "virsh", "curl", "libvirtd", "qemu-img", "xorriso");
    return kn_one_guest_main(run_inside);
}
