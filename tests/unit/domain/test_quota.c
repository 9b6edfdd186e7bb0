/* SPDX-License-Identifier: Apache-2.0 */
/* The words in which each service says that there is not enough, and the table of all that is counted. */
#include "lib/domain/quota.h"

#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/test.h"

static void test_words(void **state)
{
    static const struct kn_quota_over TWO[] = { { "instances", "p", 2, 9, 10 }, { "cores", "p", 4, 18, 20 } };
    static const struct kn_quota_over PORT[] = { { "port", "p", 1, 5, 5 }, { "subnet", "p", 1, 1, 0 } };
    static const struct kn_quota_over GIB = { "gigabytes", "p", 6, 999, 1000 }, COUNT = { "volumes_ssd", "p", 1, 2, 2 };
    static const struct kn_quota_over IMAGE = { "image_size_total", "p", 3, 9, 10 };
    static const struct {
        const char *name, *words;
    } FAULTS[] = {
        { "snapshots", "SnapshotLimitExceeded: Maximum number of snapshots allowed (10) exceeded" },
        { "snapshots_ssd", "SnapshotLimitExceeded: Maximum number of snapshots allowed (10) exceeded" },
        { "backups", "BackupLimitExceeded: Maximum number of backups allowed (10) exceeded" },
        { "groups", "GroupLimitExceeded: Maximum number of groups allowed (10) exceeded" },
        { "backup_gigabytes",
          "VolumeBackupSizeExceedsAvailableQuota: Requested backup exceeds allowed Backup gigabytes quota. "
          "Requested 2G, quota is 10G and 9G has been consumed." },
    };
    struct kn_error err = { 0 };

    (void)state;
    assert_fails(kn_quota_refuse(&err, "compute", TWO, 2), &err, KN_QUOTA);
    assert_string_equal(
        err.message,
        "Quota exceeded for instances, cores: Requested 2, 4, but already used 9, 18 of 10, 20 instances, cores");
    assert_fails(kn_quota_refuse(&err, "network", PORT, 2), &err, KN_QUOTA);
    assert_string_equal(err.message, "Quota exceeded for resources: ['port', 'subnet'].");
    assert_fails(kn_quota_refuse(&err, "volume", &GIB, 1), &err, KN_TOO_LARGE);
    assert_string_equal(
        err.message, "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. "
                     "Requested 6G, quota is 1000G and 999G has been consumed.");
    assert_fails(kn_quota_refuse(&err, "volume", &COUNT, 1), &err, KN_TOO_LARGE);
    assert_string_equal(err.message,
                        "VolumeLimitExceeded: Maximum number of volumes allowed (2) exceeded for quota 'volumes_ssd'.");
    for (size_t i = 0; i < KN_COUNT(FAULTS); i++) {
        const struct kn_quota_over over = { FAULTS[i].name, "p", 2, 9, 10 };

        assert_fails(kn_quota_refuse(&err, "volume", &over, 1), &err, KN_TOO_LARGE);
        assert_string_equal(err.message, FAULTS[i].words);
    }
    assert_fails(kn_quota_refuse(&err, "image", &IMAGE, 1), &err, KN_QUOTA);
    assert_string_equal(
        err.message,
        "Project p is over a limit for [Resource image_size_total is over limit of 10 due to current usage 9 and delta 3]");
    assert_fails(kn_quota_refuse(&err, "stable", &IMAGE, 1), &err, KN_INTERNAL);
}

/* A name means one row, in the service and among unified limits. */
static void test_names_are_unique(void **state)
{
    (void)state;
    for (enum kn_quota q = (enum kn_quota)0; q < KN_QUOTA_COUNT; q++) {
        assert_int_equal(kn_quota_find(kn_quota_rows[q].service, kn_quota_rows[q].name), q);
        assert_true(kn_quota_rows[q].dflt >= -1 && kn_quota_rows[q].unit > 0);
        for (enum kn_quota o = (enum kn_quota)0; o < q && kn_quota_rows[q].seen[0] != '\0'; o++) {
            assert_false(strcmp(kn_quota_rows[o].service, kn_quota_rows[q].service) == 0 &&
                         strcmp(kn_quota_rows[o].seen, kn_quota_rows[q].seen) == 0);
        }
    }
    assert_int_equal(kn_quota_find("compute", "horses"), KN_QUOTA_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_words), cmocka_unit_test(test_names_are_unique) };

    return cmocka_run_group_tests_name("quota", tests, NULL, NULL);
}
