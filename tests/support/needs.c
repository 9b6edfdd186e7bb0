/* SPDX-License-Identifier: Apache-2.0 */
/* Looks for the programs that a test calls. It must not run any of them: a program that hangs would be the test's first sign of life. */
#include "tests/support/needs.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

static bool is_in(const char *directories, const char *program)
{
    AUTO_FREE char *copy = kn_strdup(directories);
    char *rest = copy;

    for (char *directory = strsep(&rest, ":"); directory != NULL; directory = strsep(&rest, ":")) {
        AUTO_FREE char *path = kn_asprintf("%s/%s", directory, program);

        if (access(path, X_OK) == 0) {
            return true;
        }
    }
    return false;
}

void kn_test_needs_all(const char *test, const char *const programs[])
{
    const char *path = getenv("PATH");

    for (size_t i = 0; programs[i] != NULL; i++) {
        if (!is_in(path != NULL ? path : "", programs[i]) && !is_in("/usr/sbin:/sbin:/usr/bin:/bin", programs[i])) {
            printf("%s: needs \"%s\", which is not installed: lab/packages.sh\n", test, programs[i]);
            exit(1);
        }
    }
}
