/* SPDX-License-Identifier: Apache-2.0 */
/* Of a failure its owner reads the reason; hosts, capacities and paths are not told. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/fault.h"
#include "lib/domain/volume_failure.h"
#include "tests/support/test.h"

static const char HIDDEN[] = "The cloud failed to carry this out. (req-1)";

static void test_what_is_told(void **state)
{
    static const struct {
        enum kn_code code;
        const char *message, *told;
    } CASES[] = {
        { KN_NO_VALID_HOST, "No valid host was found. 3 hosts; DiskFilter took 3; h1 lacked 4 GiB.",
          "No valid host was found." },
        { KN_CONFLICT, "address 10.0.0.5 is in use", "address 10.0.0.5 is in use" },
        { KN_CONFLICT, "agent \"a1\" does not carry it", HIDDEN },
        { KN_NOT_FOUND, "host \"h1\" has no such guest", HIDDEN },
        { KN_NOT_FOUND, "disk.qcow2 is not in /var/lib/kilonova", HIDDEN },
        { KN_INTERNAL, "libvirt: no memory", HIDDEN },
        { KN_STALE, "the guest is newer", HIDDEN },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        AUTO_FREE char *told = kn_fault_public(CASES[i].code, CASES[i].message, "h1", "a1", "req-1");

        assert_string_equal(told, CASES[i].told);
    }
}

/* Who wished it of a volume is told what it came to, and what he reads of its numbers is what was meant. */
static void test_what_is_told_of_volumes(void **state)
{
    static const struct {
        const char *kind;
        enum kn_code code;
        const char *resource, *detail, *advice;
    } CASES[] = {
        { "group_snapshot.create", KN_INTERNAL, "VOLUME_GROUP_SNAPSHOT", "013", "Delete it." },
        { "group_snapshot.create", KN_NO_VALID_HOST, "VOLUME_GROUP_SNAPSHOT", "003", "no room" },
        { "group_snapshot.delete", KN_INTERNAL, "VOLUME_GROUP_SNAPSHOT", "016", "again" },
        { "backup.create", KN_GONE, "VOLUME_BACKUP", "017", "make a full backup" },
        { "backup.create", KN_TOO_LARGE, "VOLUME_BACKUP", "020", "The store of backups is full" },
        { "server.backup_volume", KN_NO_VALID_HOST, "VOLUME_BACKUP", "003", "no room" },
        { "backup.import", KN_GONE, "VOLUME_BACKUP", "020", "does not hold what its record says" },
        { "backup.import", KN_NOT_IMPLEMENTED, "VOLUME_BACKUP", "002", "no store of backups of the kind" },
        { "backup.import", KN_UNAVAILABLE, "VOLUME_BACKUP", "001", "could not be read" },
        { "volume.extend", KN_INTERNAL, "VOLUME", "010", "An administrator can make it available" },
        { "server.extend_volume", KN_INTERNAL, "VOLUME", "010", "after its next start" },
        { "volume.restore", KN_GONE, "VOLUME", "026", "may be damaged" },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        const struct kn_volume_failure *failure = kn_volume_failure_of(CASES[i].kind, CASES[i].code);

        assert_non_null(failure);
        assert_string_equal(failure->resource, CASES[i].resource);
        assert_string_equal(failure->detail, CASES[i].detail);
        assert_non_null(kn_volume_failure_find("", failure->action,
                                               failure->detail)); /* a release before said no kind */
        assert_non_null(strstr(kn_volume_failure_find(CASES[i].kind, failure->action, failure->detail)->advice,
                               CASES[i].advice));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_what_is_told),
                                        cmocka_unit_test(test_what_is_told_of_volumes) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
