/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disks of a real guest that its host makes: formatted as asked, seen by the guest, kept over hard reboots and rescues, gone with it. And an encrypted volume: the guest reads what it wrote, nobody else does. Needs what
 * tests/support/one_guest.h says.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/adapter/crypto.h"
#include "lib/adapter/luks.h"
#include "lib/base/cleanup.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "tests/support/one_guest.h"
#include "tests/support/process.h"
#include "tests/support/test.h"
#include "volume/serve/driver.h"

#define SECRET_VOLUME "eeeeeeee-0000-4000-8000-00000000000f"
#define SECRET_KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SECRET_PATH "/run/volumes/volume-" SECRET_VOLUME
#define WORDS "open sesame once"
/* As an agent that was killed leaves it with libvirt. */
#define LEFT "<secret ephemeral='yes' private='yes'><usage type='volume'><volume>kilonova/a/b</volume></usage></secret>"

/* Says at each boot, when the encrypted volume is there, what it found on it. */
static const char LOCKER[] =
    "#!/bin/sh\n"
    "(while [ ! -b /dev/vdf ]; do sleep 0.2; done\n"
    "if [ \"$(dd if=/dev/vdf bs=16 count=1 2>/dev/null)\" = '" WORDS "' ]; then\n"
    "  echo LOCKER reads. >/dev/console\n"
    "else\n"
    "  printf '" WORDS "' >/run/words\n"
    "  dd if=/run/words of=/dev/vdf bs=16 conv=notrunc,fsync 2>/dev/null && echo LOCKER wrote. >/dev/console\n"
    "fi) &\n";

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

    AUTO_RELEASE(kn_strbuf) struct kn_strbuf script = KN_STRBUF_INIT;

    kn_base64_add(&script, LOCKER, strlen(LOCKER));
    json_object_set_new(spec, "user_data", json_string(script.buf));
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

/* --- an encrypted volume --------------------------------------------------------------------------------------------------------- */

static int64_t plug_secret(void)
{
    return kn_test_agent_command(&kn_one_guest.agent, "server.attach_volume", 1,
                                 json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s}}", "server", kn_one_guest.server,
                                           "volume", SECRET_VOLUME, "connection", "driver", "file", "path", SECRET_PATH,
                                           "format", "luks", "serial", SECRET_VOLUME));
}

/* The next question: one may come twice. */
static struct kn_message asked_key(void)
{
    static char last[KN_UUID_SIZE];
    struct kn_message asked = kn_test_agent_expect(&kn_one_guest.agent, "volume.ask_key", 0);

    while (strcmp(kn_json_str(asked.body, "question"), last) == 0) {
        kn_message_release(&asked);
        asked = kn_test_agent_expect(&kn_one_guest.agent, "volume.ask_key", 0);
    }
    kn_copy(last, sizeof(last), kn_json_str(asked.body, "question"));
    return asked;
}

/* We play kilonova-volume. key NULL: it refuses. */
static void tell_key(const char *key)
{
    struct kn_message asked = asked_key();
    AUTO_FREE char *sealed = NULL;
    struct kn_error err = { 0 };

    assert_string_equal(kn_json_str(asked.body, "volume"), SECRET_VOLUME);
    assert_string_equal(kn_json_str(asked.body, "server"), kn_one_guest.server);
    if (key != NULL) {
        assert_ok(kn_box_seal(kn_json_str(asked.body, "box"), key, &sealed, &err), &err);
    }
    kn_test_agent_command(&kn_one_guest.agent, "volume.key", 0,
                          json_pack("{s:O, s:s*, s:s*}", "question", json_object_get(asked.body, "question"), "sealed",
                                    sealed, "refused", key == NULL ? "it is another's" : NULL));
    kn_message_release(&asked);
}

/* Where the guest's first bytes lie something was written, and not what the guest wrote. */
static void lies_encrypted(void)
{
    AUTO_CLOSE int fd = open(SECRET_PATH, O_RDONLY | O_CLOEXEC);
    static char bytes[1 << 20];
    struct kn_error err = { 0 };
    int64_t header = 0;

    assert_ok(kn_luks_header(fd, &header, &err), &err);
    assert_int_equal(pread(fd, bytes, sizeof(bytes), header), sizeof(bytes));
    assert_null(memmem(bytes, sizeof(bytes), WORDS, strlen(WORDS)));
    assert_memory_not_equal(bytes, (char[16]){ 0 }, 16);
}

/* Neither libvirt nor a command line nor a file of the agent's has it. */
static void nobody_knows_it(void)
{
    AUTO_FREE char *look =
        kn_asprintf("! grep -rqsf /run/secret %s && ! cat /proc/[0-9]*/cmdline 2>/dev/null | grep -qaf /run/secret && "
                    "! virsh secret-list | grep -q kilonova",
                    kn_one_guest.agent.dir);
    struct kn_error err = { 0 };

    assert_ok(kn_file_replace("/run", "secret", SECRET_KEY, strlen(SECRET_KEY), &err), &err);
    assert_int_equal(system(look), 0);
    assert_int_equal(unlink("/run/secret"), 0);
}

static void test_encrypted(void **state)
{
    const struct kn_volume_origin origin = { .key = SECRET_KEY, .bits = 256 };
    struct kn_error err = { 0 };
    struct kn_conf conf;

    (void)state;
    kn_conf_defaults(&conf);
    conf.volume_file_dir = "/run/volumes";
    assert_ok(kn_volume_driver_file.start(&conf, &err), &err);
    assert_ok(kn_volume_driver_file.create(&conf, SECRET_VOLUME, "luks", 1, &origin, NULL, &err), &err);

    const int64_t refused = plug_secret();
    tell_key(NULL);
    kn_test_agent_refused(&kn_one_guest.agent, "server.attach_volume", refused, KN_CONFLICT);
    const int64_t plugged = plug_secret();
    tell_key(SECRET_KEY);
    json_auto_t *result = kn_test_agent_done(&kn_one_guest.agent, "server.attach_volume", plugged);
    assert_string_equal(kn_json_str(result, "device"), "/dev/vdf");
    kn_one_guest_await("disk vdf sectors=2097152", true);
    kn_one_guest_await_said("LOCKER wrote.", 1);
    lies_encrypted();
    nobody_knows_it();

    kn_test_agent_kill9(&kn_one_guest.agent);
    assert_ok(kn_file_replace("/run", "left.xml", LEFT, strlen(LEFT), &err), &err);
    assert_int_equal(system("virsh secret-define /run/left.xml && virsh secret-list | grep -q kilonova/a/b"), 0);
    kn_test_agent_start(&kn_one_guest.agent);
    struct kn_message hello = kn_test_agent_expect(&kn_one_guest.agent, "agent.hello", 0);
    kn_message_release(&hello);
    nobody_knows_it();
    for (int soft = 0; soft <= 1; soft++) { /* what nobody would open again stays up */
        const char *how = soft ? "reboot_soft" : "reboot_hard";
        const int64_t stays = power(how, false);

        tell_key(NULL);
        kn_test_agent_refused(&kn_one_guest.agent, "server.power", stays, KN_CONFLICT);
        assert_true(kn_one_guest_sees("disk vdf"));
    }
    const int64_t again = power("reboot_hard", false);
    tell_key(SECRET_KEY); /* before it goes down, and when it starts */
    tell_key(SECRET_KEY);
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.power", again));
    kn_one_guest_await_said("LOCKER reads.", 1);
    nobody_knows_it();
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.detach_volume",
                                   kn_test_agent_command(&kn_one_guest.agent, "server.detach_volume", 1,
                                                         json_pack("{s:s, s:s}", "server", kn_one_guest.server,
                                                                   "volume", SECRET_VOLUME))));
    kn_one_guest_await("disk vdf", false);
    assert_ok(kn_volume_driver_file.remove(&conf, SECRET_VOLUME, NULL, &err), &err);
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
        cmocka_unit_test(test_encrypted),
        cmocka_unit_test(test_gone_with_it),
    };

    return cmocka_run_group_tests(tests, kn_one_guest_setup, kn_one_guest_teardown);
}

int main(void)
{
    kn_test_needs("ip", "virsh", "curl", "libvirtd", "qemu-img", "mkfs.vfat", "blkid");
    return kn_one_guest_main(run_inside);
}
