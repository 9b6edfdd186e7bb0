/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest as cloud users have them: Debian with systemd, cloud-init and QEMU's agent, by BIOS and by UEFI. Its agent changes a password and holds its file systems still
 * while an image is made. Needs what tests/support/one_guest.h says, and lab/mkdebian.sh's image in KN_TEST_DEBIAN (make guests); skips without. Minutes, under emulation.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/one_guest.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

#define BOOT_MS 900000
#define ANSWER_MS 120000
#define LAST_WORDS 400 /* of what it said instead */
#define LOADER "/usr/share/OVMF/OVMF_CODE_4M.fd"
#define ROOT_MIB \
    129 /* where the root partition begins, and the bytes of its superblock: what it is written with, and that it was not put down */
#define INCOMPATIBLE (1024 + 0x60)
#define NEEDS_RECOVERY 4
#define VARIABLE "KnTest-7ea9b3b0-6b6e-4775-8573-0123456789ab"

static int64_t generation;
static int line = -1;

static char *file_of(const char *name)
{
    return kn_asprintf("%s/servers/%s/%s", kn_one_guest.agent.dir, kn_one_guest.server, name);
}

/* Whole; NULL: it is not there. */
static char *contents(const char *path, size_t *ret_len)
{
    const size_t most = 32U << 20;
    FILE *f = fopen(path, "re");

    if (f == NULL) {
        return NULL;
    }
    char *text = kn_alloc(most);

    *ret_len = fread(text, 1, most, f);
    fclose(f);
    return text;
}

static bool file_has(const char *name, const void *what, size_t what_len)
{
    AUTO_FREE char *path = file_of(name);
    size_t len = 0;
    AUTO_FREE char *text = contents(path, &len);

    return text != NULL && memmem(text, len, what, what_len) != NULL;
}

/* QEMU holds up what writes to a line that nobody reads, after some hundred characters. */
static void line_drain(void)
{
    char heard[4096];

    while (line >= 0 && recv(line, heard, sizeof(heard), MSG_DONTWAIT) > 0) {
    }
}

static void await_said(const char *words, int64_t ms)
{
    const int64_t deadline = kn_mono_ms() + ms;

    while (!file_has("console.log", words, strlen(words))) {
        if (kn_mono_ms() >= deadline) {
            json_auto_t *said = kn_one_guest_console();
            const char *output = kn_json_str(said, "output");
            const size_t len = strlen(output), last = len > LAST_WORDS ? len - LAST_WORDS : 0;

            fail_msg("the guest did not say \"%s\" but at last\n%s", words, output + last);
        }
        line_drain();
        kn_test_pause(500);
    }
}

static json_t *spec_of(const char *firmware)
{
    json_t *spec = kn_one_guest_spec();

    json_object_set_new(spec, "memory_mib", json_integer(768));
    json_object_set_new(spec, "disk_gib", json_integer(3));
    json_object_set_new(json_object_get(spec, "image"), "virtual_size", json_integer(INT64_C(1529) << 20));
    json_object_set_new(spec, "machine", json_pack("{s:b, s:s*}", "guest_agent", 1, "firmware", firmware));
    return spec;
}

static json_t *tell(const char *type, json_t *body)
{
    json_object_set_new(body, "server", json_string(kn_one_guest.server));
    return kn_test_agent_done(&kn_one_guest.agent, type,
                              kn_test_agent_command(&kn_one_guest.agent, type, generation, body));
}

static void type(const char *text)
{
    assert_int_equal(write(line, text, strlen(text)), (ssize_t)strlen(text));
}

static void line_open(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };

    snprintf(at.sun_path, sizeof(at.sun_path), "/run/libvirt/kn-%s.serial", kn_one_guest.server);
    line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(line, (const struct sockaddr *)&at, sizeof(at)), 0);
}

static void change_password(const char *password)
{
    const int64_t deadline = kn_mono_ms() + ANSWER_MS;

    for (bool is_done = false; !is_done;) { /* the guest's agent may come after the prompt */
        struct kn_message m = kn_test_agent_ask(&kn_one_guest.agent, "server.set_password", generation,
                                                json_pack("{s:s, s:s, s:s}", "server", kn_one_guest.server, "user",
                                                          "root", "password", password));

        is_done = m.ok;
        if (!m.ok && (m.error.code != KN_TIMEOUT || kn_mono_ms() >= deadline)) {
            fail_msg("server.set_password: %s", m.error.message);
        }
        kn_message_release(&m);
    }
}

/* Up to the shell of a user whose password was just changed. */
static void come_in(const char *firmware, const char *password)
{
    json_decref(tell("server.spawn", json_pack("{s:o}", "spec", spec_of(firmware))));
    await_said("finished at", BOOT_MS); /* cloud-init's last word */
    await_said("web-1 login:", BOOT_MS);
    change_password(password);
    line_open();
    type("\n\nroot\n");
    await_said("Password:", ANSWER_MS);
    type(password);
    type("\n");
    await_said("root@web-1:~#", ANSWER_MS); /* its keys are called root@web-1, too */
}

static void go_away(void)
{
    close(line);
    line = -1;
    generation++;
    kn_one_guest_destroy(generation);
    generation++;
}

/* What ext4 says of itself in an image of the guest: whoever takes it has to bring its journal in first. */
static bool needs_recovery(bool quiesce)
{
    AUTO_FREE char *path = file_of("snapshot.qcow2");
    AUTO_FREE char *command = kn_asprintf("qemu-img dd -f qcow2 -O raw bs=1M skip=%d count=%d if=%s of=/run/super"
                                          " && chmod 644 /run/super",
                                          ROOT_MIB, ROOT_MIB + 1, path); /* it counts from the beginning */
    size_t len = 0;

    json_decref(tell("server.snapshot", json_pack("{s:b}", "quiesce", quiesce)));
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a path of our own */
    AUTO_FREE char *super = contents("/run/super", &len);

    unlink("/run/super");
    json_decref(tell("server.drop_snapshot", json_object()));
    assert_true(len > INCOMPATIBLE);
    assert_int_equal((unsigned char)super[1024 + 0x38], 0x53); /* ext4's magic */
    return (super[INCOMPATIBLE] & NEEDS_RECOVERY) != 0;
}

static void test_by_bios(void **state)
{
    (void)state;
    kn_one_guest_tell_networks();
    generation = 1;
    come_in(NULL, "correct-horse-1");
    type("echo root is $(($(blockdev --getsize64 /dev/vda2) >> 30)) GiB; ls /sys/firmware/efi\n");
    await_said("root is 2 GiB", ANSWER_MS); /* it grew to its flavor's disk */
    await_said("cannot access '/sys/firmware/efi'", ANSWER_MS);
    assert_true(needs_recovery(false));
    assert_false(needs_recovery(true));
    type("sync; echo > written; echo $((6 * 7)) and on\n"); /* it was thawed */
    await_said("42 and on", ANSWER_MS);
    go_away();
}

/* What the guest writes among its firmware's variables is still there when it is started anew, and goes with it. */
static void test_by_uefi(void **state)
{
    static const char NAME[] = "K\0n\0T\0e\0s\0t\0";
    AUTO_FREE char *nvram = file_of("nvram.fd");

    (void)state;
    if (access(LOADER, R_OK) < 0) {
        skip();
    }
    come_in("uefi", "correct-horse-2");
    type("printf '\\007\\000\\000\\000kept' > /sys/firmware/efi/efivars/" VARIABLE " && echo $((7 * 7)) variables\n");
    await_said("49 variables", ANSWER_MS);
    assert_true(file_has("nvram.fd", NAME, sizeof(NAME) - 1));
    json_t *spec = spec_of("uefi");

    json_object_del(spec, "image");
    json_decref(tell("server.power", json_pack("{s:s, s:o}", "action", "reboot_hard", "spec", spec)));
    assert_true(file_has("nvram.fd", NAME, sizeof(NAME) - 1));
    go_away();
    assert_int_equal(access(nvram, F_OK), -1);
}

static int run_inside(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_by_bios), cmocka_unit_test(test_by_uefi) };

    return cmocka_run_group_tests(tests, kn_one_guest_setup, kn_one_guest_teardown);
}

int main(void)
{
    if (getenv("KN_TEST_INSIDE") == NULL) {
        const char *debian = getenv("KN_TEST_DEBIAN");

        setenv("KN_TEST_GUEST", debian != NULL ? debian : "", 1); /* none: skipped */
    }
    kn_test_needs("ip", "virsh", "curl", "libvirtd", "qemu-img");
    return kn_one_guest_main(run_inside);
}
