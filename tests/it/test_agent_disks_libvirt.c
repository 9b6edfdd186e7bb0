/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disks of a real guest that its host makes: formatted as asked, seen by the guest, kept over hard reboots and rescues, gone with it. Needs what tests/support/one_guest.h
 * says.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "tests/support/one_guest.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

static json_t *disks(void)
{
    return json_loads(
        "[{\"device\": \"/dev/vdb\", \"bus\": \"virtio\", \"size_mib\": 64, \"format\": \"ext4\", \"label\": \"ephemeral0\"},"
        " {\"device\": \"/dev/vdc\", \"bus\": \"virtio\", \"size_mib\": 48, \"format\": \"vfat\", \"label\": \"ephemeral1\"},"
        " {\"device\": \"/dev/vdd\", \"bus\": \"virtio\", \"size_mib\": 32, \"format\": \"swap\"},"
        " {\"device\": \"/dev/sda\", \"bus\": \"sata\", \"size_mib\": 16},"
        " {\"device\": \"/dev/sdb\", \"bus\": \"scsi\", \"size_mib\": 16, \"format\": \"ext2\"}]",
        0, NULL);
}

static json_t *spec_with_disks(void)
{
    json_t *spec = kn_one_guest_spec();

    json_object_set_new(spec, "disks", disks());
    return spec;
}

static char *path_of(const char *file)
{
    return kn_asprintf("%s/servers/%s/%s", kn_one_guest.agent.dir, kn_one_guest.server, file);
}

/* What blkid makes of it: "ext4 ephemeral0". */
static void lies_on(const char *file, const char *wanted)
{
    AUTO_FREE char *path = path_of(file);
    AUTO_FREE char *command = kn_asprintf("for tag in TYPE LABEL; do blkid -p -o value -s $tag %s; done", path);
    char said[128];
    FILE *f = popen(command, "r");

    assert_non_null(f);
    said[fread(said, 1, sizeof(said) - 1, f)] = '\0';
    pclose(f);
    for (char *end = strchr(said, '\n'); end != NULL; end = strchr(end, '\n')) {
        *end = end[1] != '\0' ? ' ' : '\0';
    }
    assert_string_equal(said, wanted);
}

static ino_t inode_of(const char *file)
{
    AUTO_FREE char *path = path_of(file);
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_ino;
}

static void test_made_and_seen(void **state)
{
    json_t *body = json_pack("{s:s, s:o}", "server", kn_one_guest.server, "spec", spec_with_disks());

    (void)state;
    kn_one_guest_tell_networks();
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.spawn",
                                   kn_test_agent_command(&kn_one_guest.agent, "server.spawn", 1, body)));
    lies_on("disk.vdb", "ext4 ephemeral0");
    lies_on("disk.vdc", "vfat ephemeral1");
    lies_on("disk.vdd", "swap");
    lies_on("disk.sda", "");
    lies_on("disk.sdb", "ext2");
    kn_one_guest_await_said("GUEST-READY name=web-1 md=metadata boot=1 ip=" ONE_ADDRESS, 1);
    kn_one_guest_await("disk vdb sectors=131072", true);
    assert_true(kn_one_guest_sees("disk vdc sectors=98304"));
    assert_true(kn_one_guest_sees("disk vdd sectors=65536"));
}

static int64_t power(const char *action, bool is_rescue)
{
    json_t *spec = spec_with_disks();

    if (is_rescue) {
        json_object_set_new(spec, "rescue", json_pack("{s:O}", "image", json_object_get(spec, "image")));
    }
    json_object_del(spec, "image");
    return kn_test_agent_command(&kn_one_guest.agent, "server.power", 1,
                                 json_pack("{s:s, s:s, s:o}", "server", kn_one_guest.server, "action", action, "spec",
                                           spec));
}

/* The same files, with what is on them; a volume takes a name that is free. */
static void test_kept(void **state)
{
    static const char *const ACTIONS[] = { "reboot_hard", "rescue", "unrescue" };
    const ino_t before = inode_of("disk.vdb");

    (void)state;
    for (size_t i = 0; i < KN_COUNT(ACTIONS); i++) {
        const bool is_rescue = strcmp(ACTIONS[i], "rescue") == 0;

        json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.power", power(ACTIONS[i], is_rescue)));
        assert_int_equal(inode_of("disk.vdb"), before);
    }
    kn_one_guest_await("disk vdd", true);
    json_t *body = json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s}}", "server", kn_one_guest.server, "volume", ONE_IMAGE,
                             "connection", "driver", "file", "path", kn_one_guest.volume_path, "format", "raw",
                             "serial", ONE_IMAGE);
    json_auto_t *result = kn_test_agent_done(&kn_one_guest.agent, "server.attach_volume",
                                             kn_test_agent_command(&kn_one_guest.agent, "server.attach_volume", 1,
                                                                   body));

    assert_string_equal(kn_json_str(result, "device"), "/dev/vde");
    kn_one_guest_await("disk vde", true);
}

static void test_gone_with_it(void **state)
{
    AUTO_FREE char *dir = path_of("");

    (void)state;
    kn_one_guest_destroy(2);
    assert_int_equal(access(dir, F_OK), -1);
}

static int run_inside(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_and_seen),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_gone_with_it),
    };

    return cmocka_run_group_tests(tests, kn_one_guest_setup, kn_one_guest_teardown);
}

int main(void)
{
    kn_test_needs("ip", "virsh", "curl", "libvirtd", "qemu-img", "mkfs.vfat", "blkid");
    return kn_one_guest_main(run_inside);
}
