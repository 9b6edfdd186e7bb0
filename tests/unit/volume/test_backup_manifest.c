/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests of backups: what is written is read again, and what is no manifest is refused, wherever it breaks off. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"
#include "volume/serve/backup_manifest.h"

#define BACKUP "11111111-2222-4333-8444-555555555555"
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD "kilonova-backup 1\nsize 1073741824\nchunk 4194304\nin c/" BACKUP "\n"

static void written_and_read(void **state)
{
    AUTO_RELEASE(kn_volume_backup_manifest)
    struct kn_volume_backup_manifest m = { .size = 1 << 30, .chunk = 4 << 20 }, back = KN_VOLUME_BACKUP_MANIFEST_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT, again = KN_STRBUF_INIT;
    struct kn_error err = { 0 };
    size_t at = 0;

    (void)state;
    assert_int_equal(kn_volume_backup_manifest_dir(&m, "c/" BACKUP), 0);
    assert_int_equal(kn_volume_backup_manifest_dir(&m, "older/" BACKUP), 1);
    assert_int_equal(kn_volume_backup_manifest_dir(&m, "c/" BACKUP), 0);
    for (int i = 0; i < 256; i++) {
        kn_volume_backup_manifest_add(&m, i, HASH, i % 2);
    }
    kn_volume_backup_manifest_write(&m, &text);
    assert_ok(kn_volume_backup_manifest_read(text.buf, text.len, &back, &err), &err);
    kn_volume_backup_manifest_write(&back, &again);
    assert_string_equal(text.buf, again.buf);
    assert_int_equal(kn_volume_backup_manifest_find(&back, 7, &at)->dir, 1);
    assert_null(kn_volume_backup_manifest_find(&back, 256, &at));
}

static void what_is_none(void **state)
{
    static const char *const NONE[] = {
        "",
        "kilonova-backup 1\n",
        "kilonova-backup 2\nsize 1\nchunk 65536\nin c/" BACKUP "\nend 0\n",
        "kilonova-backup 1\nsize 0\nchunk 65536\nin c/" BACKUP "\nend 0\n",
        "kilonova-backup 1\nsize 1\nchunk 1\nin c/" BACKUP "\nend 0\n",
        "kilonova-backup 1\nsize 9999999999999999999\nchunk 65536\nin c/" BACKUP "\nend 0\n",
        "kilonova-backup 1\nsize 1073741824\nchunk 4194304\nend 0\n",
        "kilonova-backup 1\nsize 1073741824\nchunk 4194304\nin ../" BACKUP "\nend 0\n",
        "kilonova-backup 1\nsize 1073741824\nchunk 4194304\nin c/../x\nend 0\n",
        "kilonova-backup 1\nsize 1073741824\nchunk 4194304\nin c/" BACKUP "\nin c/" BACKUP "\nend 0\n",
        HEAD "end 1\n",
        HEAD "0 " HASH " 1\nend 1\n",
        HEAD "0 " HASH " -1\nend 1\n",
        HEAD "0 " HASH "\nend 1\n",
        HEAD "256 " HASH " 0\nend 1\n",
        HEAD "-1 " HASH " 0\nend 1\n",
        HEAD "1 " HASH " 0\n1 " HASH " 0\nend 2\n",
        HEAD "0 ../../etc/passwd 0\nend 1\n",
        HEAD "0 " HASH " 0\nend 1\nmore",
        HEAD "0 " HASH " 0\nin d/" BACKUP "\nend 1\n",
    };
    static const char GOOD[] = HEAD "0 " HASH " 0\n255 " HASH " 0\nend 2\n";

    (void)state;
    for (size_t i = 0; i < KN_COUNT(NONE); i++) {
        AUTO_RELEASE(kn_volume_backup_manifest) struct kn_volume_backup_manifest m = KN_VOLUME_BACKUP_MANIFEST_INIT;
        struct kn_error err = { 0 };

        if (kn_volume_backup_manifest_read(NONE[i], strlen(NONE[i]), &m, &err) == 0) {
            fail_msg("taken for a manifest: %s", NONE[i]);
        }
        assert_int_equal(err.code, KN_INTERNAL);
    }
    for (size_t len = 0; len < sizeof(GOOD); len++) {
        AUTO_RELEASE(kn_volume_backup_manifest) struct kn_volume_backup_manifest m = KN_VOLUME_BACKUP_MANIFEST_INIT;
        AUTO_FREE char *part = kn_strndup(GOOD, len);
        struct kn_error err = { 0 };

        assert_int_equal(kn_volume_backup_manifest_read(part, len, &m, &err), len == sizeof(GOOD) - 1 ? 0 : -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_and_read),
        cmocka_unit_test(what_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
