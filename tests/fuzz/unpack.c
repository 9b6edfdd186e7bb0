/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: a container's image, unpacked into a directory (compute-agent/core/unpack.h) without the jail that the agent puts around it. What it made below the directory is
 * taken away again; whatever is beside it afterwards is an escape.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute-agent/core/unpack.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How many were in it. */
static int empty(int at)
{
    DIR *dir = fdopendir(dup(at));
    int count = 0;

    if (dir == NULL) {
        abort();
    }
    rewinddir(dir);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }
        count++;
        if (unlinkat(at, e->d_name, 0) == 0) {
            continue;
        }
        const int below = openat(at, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (below < 0) {
            abort();
        }
        empty(below);
        close(below);
        if (unlinkat(at, e->d_name, AT_REMOVEDIR) < 0) {
            abort();
        }
    }
    closedir(dir);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct kn_agent_unpack_most most = { 1 << 20, 200 };
    const int image = memfd_create("image", MFD_CLOEXEC);
    char dir[KN_TEST_DIR];

    kn_test_dir(dir, "fuzz");
    AUTO_CLOSE int beside = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (image < 0 || beside < 0 || write(image, data, size) != (ssize_t)size || mkdirat(beside, "to", 0700) < 0) {
        abort();
    }
    const int to = openat(beside, "to", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    kn_agent_unpack_tree(image, to, &most);
    empty(to);
    close(to);
    if (empty(beside) != 1 || rmdir(dir) < 0) {
        abort();
    }
    return 0;
}
