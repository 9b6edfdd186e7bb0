/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image inspector: a sound qcow2 header, then the same header with one field broken at a time; magics of other
 * formats in data declared as something else; cut-off data. tests/it/test_image_inspect.c does it with qemu-img's files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "image/data/inspect.h"
#include "lib/base/mem.h"

#define CLUSTER 65536
#define FILE_SIZE (4 * CLUSTER)
#define DISK_SIZE (INT64_C(64) << 20)
#define MAX_VIRTUAL (INT64_C(1) << 40)

static uint8_t head[KN_INSPECT_HEAD];

static void put(size_t at, int width, uint64_t value)
{
    for (int i = 0; i < width; i++) {
        head[at + (size_t)i] = (uint8_t)(value >> (8 * (width - 1 - i)));
    }
}

/* What qemu-img create -f qcow2 makes of 64 MiB. */
static void sound_header(void)
{
    memset(head, 0, sizeof(head));
    memcpy(head, "QFI\xfb", 4);
    put(4, 4, 3);
    put(20, 4, 16);
    put(24, 8, (uint64_t)DISK_SIZE);
    put(36, 4, 1);
    put(40, 8, 3 * CLUSTER);
    put(48, 8, CLUSTER);
    put(56, 4, 1);
    put(96, 4, 4);
    put(100, 4, 112);
}

static int inspect(const char *format, size_t len, int64_t size, struct kn_image_inspection *ret, struct kn_error *err)
{
    const struct kn_image_sample sample = { .head = head, .head_len = len, .size = size };

    return kn_image_inspect(format, &sample, MAX_VIRTUAL, ret, err);
}

static void test_sound_qcow2(void **state)
{
    (void)state;
    struct kn_image_inspection found = { 0 };

    sound_header();
    assert_int_equal(inspect("qcow2", sizeof(head), FILE_SIZE, &found, NULL), 0);
    assert_int_equal(found.virtual_size, DISK_SIZE);
    put(4, 4, 2); /* version 2 ends at byte 72: what follows is extensions, all zero */
    memset(head + 72, 0, 40);
    assert_int_equal(inspect("qcow2", sizeof(head), FILE_SIZE, &found, NULL), 0);
}

static void test_broken_qcow2(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        int width;
        uint64_t value;
        const char *says;
    } CASES[] = {
        { 4, 4, 1, "version 1" },
        { 4, 4, 4, "version 4" },
        { 8, 8, 512, "backing file" },
        { 16, 4, 8, "backing file" },
        { 20, 4, 8, "2^8 bytes" },
        { 20, 4, 22, "2^22 bytes" },
        { 20, 4, UINT32_MAX, "clusters" },
        { 24, 8, UINT64_MAX, "claims a disk" },
        { 24, 8, UINT64_C(1) << 62, "L1 table of 1 entries" },
        { 32, 4, 1, "encrypted" },
        { 32, 4, 2, "encrypted" },
        { 36, 4, UINT32_MAX, "L1 table" },
        { 36, 4, 0, "L1 table" },
        { 40, 8, 0, "L1 table" },
        { 40, 8, CLUSTER + 1, "L1 table" },
        { 40, 8, FILE_SIZE, "L1 table" },
        { 40, 8, UINT64_C(1) << 63, "L1 table" },
        { 48, 8, 0, "reference table" },
        { 48, 8, 4 * CLUSTER, "reference table" },
        { 56, 4, 0, "reference table of 0" },
        { 56, 4, 1000, "reference table" },
        { 60, 4, 65537, "65537 snapshots" },
        { 60, 4, 1, "snapshot table" },
        { 72, 8, 2, "corrupt" },
        { 72, 8, 4, "data file" },
        { 72, 8, 8, "compression type 0" },
        { 72, 8, 32, "unknown features 0x20" },
        { 72, 8, UINT64_C(1) << 63, "unknown features" },
        { 96, 4, 7, "counts references" },
        { 100, 4, 103, "header says it is 103" },
        { 100, 4, CLUSTER + 8, "header says it is" },
        { 104, 1, 1, "compression type 1" },
        { 112, 4, 0xe2792aca, "backing file" },
        { 112, 4, 0x44415441, "data file" },
        { 112, 4, 0x0537be77, "encryption header" },
        { 112, 8, UINT64_C(0x6803f857) << 32 | 0xfffffff0, "past the header" },
        { 112, 8, UINT64_C(0x6803f857) << 32 | CLUSTER, "past the header" },
    };

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        struct kn_image_inspection found = { -7 };
        struct kn_error err = { 0 };

        sound_header();
        put(CASES[i].at, CASES[i].width, CASES[i].value);
        assert_int_equal(inspect("qcow2", sizeof(head), FILE_SIZE, &found, &err), -1);
        assert_int_equal(err.code, KN_UNSUPPORTED_MEDIA);
        assert_non_null(strstr(err.message, CASES[i].says));
        assert_int_equal(found.virtual_size, -7);
    }
}

static void test_unknown_extension_is_skipped(void **state)
{
    (void)state;
    struct kn_image_inspection found = { 0 };
    struct kn_error err = { 0 };

    sound_header();
    put(112, 4, 0x12345678);
    put(116, 4, 5);
    assert_int_equal(inspect("qcow2", sizeof(head), FILE_SIZE, &found, NULL), 0);
    put(112 + 16, 4, 0x44415441); /* 8 of header, 5 padded to 8 */
    assert_int_equal(inspect("qcow2", sizeof(head), FILE_SIZE, &found, &err), -1);
}

/* Whatever is cut off is refused, and nothing behind the end is read (ASan watches). */
static void test_cut_off_qcow2(void **state)
{
    (void)state;

    sound_header();
    for (size_t len = 0; len < 112; len++) {
        struct kn_image_inspection found = { 0 };
        uint8_t *copy = kn_alloc(len + 1);
        const struct kn_image_sample sample = { .head = copy, .head_len = len, .size = (int64_t)len };

        memcpy(copy, head, len);
        assert_int_equal(kn_image_inspect("qcow2", &sample, MAX_VIRTUAL, &found, NULL), -1);
        free(copy);
    }
}

static void test_extended_l2_needs_large_clusters(void **state)
{
    (void)state;
    struct kn_image_inspection found = { 0 };
    struct kn_error err = { 0 };

    sound_header();
    put(72, 8, 16);
    assert_int_equal(inspect("qcow2", sizeof(head), FILE_SIZE, &found, NULL), 0);
    put(20, 4, 13);
    assert_int_equal(inspect("qcow2", sizeof(head), FILE_SIZE, &found, &err), -1);
    assert_non_null(strstr(err.message, "subclusters"));
}

static void test_virtual_size_is_bounded(void **state)
{
    (void)state;
    struct kn_image_inspection found = { 0 };
    struct kn_error err = { 0 };
    const struct kn_image_sample sample = { .head = head, .head_len = sizeof(head), .size = FILE_SIZE };

    sound_header();
    assert_int_equal(kn_image_inspect("qcow2", &sample, DISK_SIZE, &found, NULL), 0);
    assert_int_equal(kn_image_inspect("qcow2", &sample, DISK_SIZE - 1, &found, &err), -1);
    assert_non_null(strstr(err.message, "more than"));
}

static void test_raw_is_what_it_is(void **state)
{
    (void)state;
    struct kn_image_inspection found = { -1 };

    memset(head, 0x5a, sizeof(head));
    assert_int_equal(inspect("raw", sizeof(head), 1234567, &found, NULL), 0);
    assert_int_equal(found.virtual_size, 1234567);
    assert_int_equal(inspect("raw", 0, 0, &found, NULL), 0);
    assert_int_equal(found.virtual_size, 0);
}

static void test_foreign_magic_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len, at;
        const char *format;
    } CASES[] = {
#define CASE(bytes, at, format) { bytes, sizeof(bytes) - 1, at, format }
        CASE("QFI\xfb", 0, "qcow2"),
        CASE("QED\0", 0, "qed"),
        CASE("KDMV", 0, "vmdk"),
        CASE("COWD", 0, "vmdk"),
        CASE("# Disk DescriptorFile\nversion=1\n", 0, "vmdk"),
        CASE("conectix", 0, "vhd"),
        CASE("vhdxfile", 0, "vhdx"),
        CASE("\x7f\x10\xda\xbe", 64, "vdi"),
        CASE("LUKS\xba\xbe", 0, "luks"),
        CASE("WithoutFreeSpace", 0, "ploop"),
        CASE("Bochs Virtual HD Image", 0, "bochs"),
#undef CASE
    };

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        static const char *const DECLARED[] = { "raw", "iso", "ami", "qcow2" };

        for (size_t d = 0; d < KN_COUNT(DECLARED); d++) {
            struct kn_image_inspection found = { 0 };
            struct kn_error err = { 0 };

            if (strcmp(DECLARED[d], CASES[i].format) == 0) {
                continue;
            }
            memset(head, 0, sizeof(head));
            memcpy(head + CASES[i].at, CASES[i].bytes, CASES[i].len);
            assert_int_equal(inspect(DECLARED[d], sizeof(head), FILE_SIZE, &found, &err), -1);
            assert_int_equal(err.code, KN_UNSUPPORTED_MEDIA);
            assert_non_null(strstr(err.message, CASES[i].format));
        }
    }
}

static void test_iso_needs_its_descriptor(void **state)
{
    (void)state;
    struct kn_image_inspection found = { 0 };
    struct kn_error err = { 0 };

    memset(head, 0, sizeof(head));
    assert_int_equal(inspect("iso", sizeof(head), FILE_SIZE, &found, &err), -1);
    memcpy(head + 32769, "CD001", 5);
    assert_int_equal(inspect("iso", sizeof(head), FILE_SIZE, &found, NULL), 0);
    assert_int_equal(inspect("iso", 32769 + 4, 32769 + 4, &found, &err), -1);
}

static void test_formats_without_reader(void **state)
{
    (void)state;
    static const char *const FORMATS[] = { "vmdk", "vhd", "vhdx", "vdi", "ploop", "", "QCOW2", "nonsense" };

    sound_header();
    for (size_t i = 0; i < KN_COUNT(FORMATS); i++) {
        struct kn_image_inspection found = { 0 };
        struct kn_error err = { 0 };

        assert_false(kn_image_inspectable(FORMATS[i]));
        assert_int_equal(inspect(FORMATS[i], sizeof(head), FILE_SIZE, &found, &err), -1);
        assert_int_equal(err.code, KN_UNSUPPORTED_MEDIA);
    }
    assert_true(kn_image_inspectable("qcow2"));
    assert_true(kn_image_inspectable("raw"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_qcow2),
        cmocka_unit_test(test_broken_qcow2),
        cmocka_unit_test(test_unknown_extension_is_skipped),
        cmocka_unit_test(test_cut_off_qcow2),
        cmocka_unit_test(test_extended_l2_needs_large_clusters),
        cmocka_unit_test(test_virtual_size_is_bounded),
        cmocka_unit_test(test_raw_is_what_it_is),
        cmocka_unit_test(test_foreign_magic_is_refused),
        cmocka_unit_test(test_iso_needs_its_descriptor),
        cmocka_unit_test(test_formats_without_reader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
