/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which bases are in use: every qcow2 file below the agent's state directory is asked for its backing file's name. That name
 * was written by the agent's own qemu-img; a guest that writes a qcow2 header onto a raw disk can at most keep a base from
 * being dropped.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/data/blob.h"
#include "image/host/private.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define DEPTH_MAX 5
#define NAME_MAX_BYTES 1023 /* what the format allows for a backing file's name */

static uint64_t big_endian(const uint8_t *p, int width)
{
    uint64_t n = 0;

    for (int i = 0; i < width; i++) {
        n = n << 8 | p[i];
    }
    return n;
}

/* The last part of the backing file's name, if the file is a qcow2 that has one. */
static void note_backing(int fd, struct kn_hmap *names)
{
    uint8_t head[20];
    char name[NAME_MAX_BYTES + 1] = "";

    if (pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) || memcmp(head, "QFI\xfb", 4) != 0) {
        return;
    }
    const uint64_t offset = big_endian(head + 8, 8), len = big_endian(head + 16, 4);
    if (offset == 0 || offset > INT32_MAX || len == 0 || len > NAME_MAX_BYTES ||
        pread(fd, name, len, (off_t)offset) != (ssize_t)len) {
        return;
    }
    const char *slash = strrchr(name, '/');
    const char *base = slash != NULL ? slash + 1 : name;
    if (kn_image_sha512_valid(base)) {
        kn_hmap_put(names, base, names);
    }
}

static void refs_walk(int dir_fd, int depth, struct kn_hmap *names);

static void refs_visit(int dir_fd, const char *name, int depth, struct kn_hmap *names)
{
    struct stat st;
    /* not a FIFO or a socket: only what is opened without waiting */
    AUTO_CLOSE int fd = fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                                (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
                            ? openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
                            : -1;

    if (fd < 0) {
        return;
    }
    if (S_ISREG(st.st_mode)) {
        note_backing(fd, names);
    } else if (depth < DEPTH_MAX) {
        refs_walk(fd, depth + 1, names);
    }
}

/* Does not take dir_fd over. */
static void refs_walk(int dir_fd, int depth, struct kn_hmap *names)
{
    const int own = dup(dir_fd);
    DIR *d = own < 0 ? NULL : fdopendir(own);

    if (d == NULL) {
        if (own >= 0) {
            close(own);
        }
        return;
    }
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            refs_visit(dir_fd, e->d_name, depth, names);
        }
    }
    closedir(d);
}

void kn_image_base_refs(const char *dir, struct kn_hmap *ret_names)
{
    AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        refs_walk(fd, 0, ret_names);
    }
}
