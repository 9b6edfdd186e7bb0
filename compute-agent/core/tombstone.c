/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tombstone: links whose target is a generation; their age is the link's. A short link lives in its inode and needs no block, so
 * that a guest can be destroyed on a full disk. The libvirt driver's; the simulator keeps its own.
 */
#include "compute-agent/core/tombstone.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute-agent/core/file.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

static char *tombstone_path_of(const char *state_dir, const char *server)
{
    return kn_asprintf("%s/tombstones/%s", state_dir, server);
}

int64_t kn_agent_tombstone_get(const char *state_dir, const char *server)
{
    AUTO_FREE char *path = tombstone_path_of(state_dir, server);
    char text[32] = "";
    int64_t generation = 0;

    if (readlink(path, text, sizeof(text) - 1) > 0) {
        return strtoll(text, NULL, 10);
    }
    FILE *f = fopen(path, "re"); /* as earlier programs left them */
    if (f == NULL) {
        return 0;
    }
    if (fscanf(f, "%" SCNd64, &generation) != 1) {
        generation = 0;
    }
    fclose(f);
    return generation;
}

int kn_agent_tombstone_prepare(const char *state_dir, struct kn_error *err)
{
    AUTO_FREE char *dir = kn_asprintf("%s/tombstones", state_dir);

    return kn_agent_file_make_dir(dir, err);
}

int kn_agent_tombstone_put(const char *state_dir, const char *server, int64_t generation, struct kn_error *err)
{
    AUTO_FREE char *dir = kn_asprintf("%s/tombstones", state_dir);
    char text[32];

    if (kn_agent_tombstone_get(state_dir, server) > generation) {
        return 0;
    }
    snprintf(text, sizeof(text), "%" PRId64, generation);
    return kn_agent_tombstone_prepare(state_dir, err) < 0 ? -1 : kn_agent_file_link(dir, server, text, err);
}

void kn_agent_tombstone_prune(const char *state_dir, int64_t since_ms)
{
    AUTO_FREE char *dir = kn_asprintf("%s/tombstones", state_dir);
    DIR *d = opendir(dir);

    if (d == NULL) {
        return;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        struct stat st;
        if (kn_uuid_valid(e->d_name) && fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_mtim.tv_sec * 1000 < since_ms) {
            unlinkat(dirfd(d), e->d_name, 0);
        }
    }
    closedir(d);
}
