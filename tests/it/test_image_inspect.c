/* SPDX-License-Identifier: Apache-2.0 */
/* The image inspector against files that qemu-img makes: what it accepts, what it refuses, and that the sizes agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/data/inspect.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/scratch.h"

#define MIB (INT64_C(1) << 20)

/* Byte 32 of a qcow2 header: crypt_method, 2 = LUKS. Said by hand: qemu-img would first time its key derivation, which fails
 * ("Unable to get accurate CPU usage") on a busy machine. */
#define SAY_LUKS "printf '\\0\\0\\0\\2' | dd of=x bs=1 seek=32 conv=notrunc status=none"

static char dir[KN_TEST_DIR];

static void shell(const char *fmt, const char *name)
{
    AUTO_FREE char *command = NULL;

    assert_true(asprintf(&command, "cd %s && rm -f * && qemu-img create -q %s %s", dir, fmt, name) > 0);
    assert_int_equal(system(command), 0);
}

static bool read_more(const struct kn_image_sample *sample, int64_t at, void *out, size_t len)
{
    return pread(*(const int *)sample->source, out, len, at) == (ssize_t)len;
}

static int inspect(const char *format, const char *name, struct kn_image_inspection *ret, struct kn_error *err)
{
    AUTO_FREE char *path = NULL;
    AUTO_FREE uint8_t *head = kn_alloc(KN_INSPECT_HEAD);
    struct stat st;

    assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
    FILE *f = fopen(path, "rbe");
    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &st), 0);
    const int fd = fileno(f);
    const struct kn_image_sample sample = { .head = head,
                                            .head_len = fread(head, 1, KN_INSPECT_HEAD, f),
                                            .size = st.st_size,
                                            .read = read_more,
                                            .source = &fd };
    const int rc = kn_image_inspect(format, &sample, INT64_C(1) << 50, ret, err);
    fclose(f);
    return rc;
}

static void test_accepts(void **state)
{
    (void)state;
    static const struct {
        const char *format, *create, *size;
        int64_t virtual_size;
    } CASES[] = {
        { "qcow2", "-f qcow2", "x 64M", 64 * MIB },
        { "qcow2", "-f qcow2", "x 0", 0 },
        { "qcow2", "-f qcow2 -o compat=0.10", "x 64M", 64 * MIB },
        { "qcow2", "-f qcow2 -o cluster_size=512", "x 3M", 3 * MIB },
        { "qcow2", "-f qcow2 -o cluster_size=2M,preallocation=metadata", "x 8G", 8192 * MIB },
        { "qcow2", "-f qcow2 -o cluster_size=2M", "x 100T", 100 * MIB * MIB },
        { "qcow2", "-f qcow2 -o extended_l2=on,cluster_size=128k", "x 1G", 1024 * MIB },
        { "qcow2", "-f qcow2 -o compression_type=zstd", "x 64M", 64 * MIB },
        { "qcow2", "-f qcow2 -o refcount_bits=1", "x 64M", 64 * MIB },
        { "qcow2", "-f qcow2 -o refcount_bits=64,lazy_refcounts=on", "x 64M", 64 * MIB },
        { "raw", "-f raw", "x 5M", 5 * MIB },
        { "vmdk", "-f vmdk", "x 64M", 64 * MIB },
        { "vmdk", "-f vmdk -o subformat=streamOptimized", "x 64M", 64 * MIB },
        { "vdi", "-f vdi", "x 64M", 64 * MIB },
        { "vdi", "-f vdi -o static=on", "x 5M", 5 * MIB },
        { "vhd", "-f vpc -o force_size=on", "x 64M", 64 * MIB },
        { "vhd", "-f vpc -o force_size=on,subformat=fixed", "x 5M", 5 * MIB },
        { "vhdx", "-f vhdx", "x 64M", 64 * MIB },
        { "vhdx", "-f vhdx -o subformat=fixed", "x 64M", 64 * MIB },
    };

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        struct kn_image_inspection found = { -1 };
        struct kn_error err = { 0 };

        shell(CASES[i].create, CASES[i].size);
        if (inspect(CASES[i].format, "x", &found, &err) < 0) {
            fail_msg("qemu-img create %s %s: %s", CASES[i].create, CASES[i].size, err.message);
        }
        assert_int_equal(found.virtual_size, CASES[i].virtual_size);
    }
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *format, *create, *name, *says;
    } CASES[] = {
        { "qcow2", "-f qcow2 -u -b /etc/shadow -F raw", "x 1M", "backing file" },
        { "qcow2", "-f qcow2 -o data_file=y", "x 1M", "data file" },
        { "qcow2", "-f qcow2", "x 1M && " SAY_LUKS, "encrypted" },
        { "qcow2", "-f raw", "x 1M", "but the data is not" },
        { "raw", "-f qcow2 -u -b /etc/shadow -F raw", "x 1M", "is \"qcow2\"" },
        { "raw", "-f vmdk", "x 1M", "is \"vmdk\"" },
        { "raw", "-f vmdk -o subformat=monolithicFlat", "x 1M", "is \"vmdk\"" },
        { "raw", "-f vdi", "x 1M", "is \"vdi\"" },
        { "raw", "-f vpc", "x 1M", "is \"vhd\"" },
        { "raw", "-f vhdx", "x 1M", "is \"vhdx\"" },
        { "raw", "-f qed", "x 1M", "is \"qed\"" },
        { "raw", "-f parallels", "x 16M", "is \"ploop\"" },
        { "vmdk", "-f vmdk -o subformat=monolithicFlat", "x 1M", "no sparse extent" },
        { "vmdk", "-f vmdk -o subformat=twoGbMaxExtentSparse", "x 3G", "no sparse extent" },
        { "vmdk", "-f vmdk -o subformat=twoGbMaxExtentSparse", "x 3G && mv x-s001 x", "descriptor" },
        { "vmdk", "-f vmdk y 1M && qemu-img create -q -f vmdk -u -b y -F vmdk", "x 1M", "names a parent" },
        { "vmdk", "-f vmdk", "x 1M && sed -i 's/\"x\"/\"\\/\"/' x", "outside of itself" },
        { "vmdk", "-f vmdk -o subformat=streamOptimized", "x 1M && sed -i s/streamOptimized/streamOptimised/ x",
          "neither" },
        { "vmdk", "-f vmdk", "x 1M && dd if=/dev/zero of=x bs=1 seek=12 count=8 conv=notrunc status=none", "capacity" },
        { "vmdk", "-f vdi", "x 1M", "but the data is" },
        { "vhd", "-f raw", "x 1M", "but the data is not" },
        { "vhd", "-f vpc", "x 1M && printf x | dd of=x bs=1 seek=40 conv=notrunc status=none", "checksum" },
        { "vhdx", "-f vhdx", "x 1M && truncate -s 192K x", "region table" },
        { "vdi", "-f vdi", "x 1M && printf x | dd of=x bs=1 seek=440 conv=notrunc status=none", "names a parent" },
        { "vdi", "-f vdi", "x 1M && printf '\\004' | dd of=x bs=1 seek=76 conv=notrunc status=none",
          "neither dynamic" },
        { "ploop", "-f parallels", "x 16M", "cannot be inspected" },
    };

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        struct kn_image_inspection found = { -1 };
        struct kn_error err = { 0 };

        shell(CASES[i].create, CASES[i].name);
        assert_int_equal(inspect(CASES[i].format, "x", &found, &err), -1);
        if (strstr(err.message, CASES[i].says) == NULL) {
            fail_msg("qemu-img create %s %s: \"%s\" does not say \"%s\"", CASES[i].create, CASES[i].name, err.message,
                     CASES[i].says);
        }
    }
}

static int make_dir(void **state)
{
    (void)state;
    kn_test_dir(dir, "inspect");
    return 0;
}

static int drop_dir(void **state)
{
    (void)state;
    AUTO_FREE char *command = kn_asprintf("rm -rf %s", dir);

    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_refuses),
    };

    return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
