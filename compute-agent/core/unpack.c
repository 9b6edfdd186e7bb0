/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack: walks the image's directories by libext2fs. Each name is made anew (O_EXCL, O_NOFOLLOW) below a directory that was opened, not named, so a name with a slash, one
 * that stands twice, or a link in the way is an error and never a file elsewhere. Devices and sockets are left out: a container's /dev is libvirt's. What a tree may take is
 * bounded by the file system that it is unpacked into, and how long it is looked at by what that has room for.
 */
#include "compute-agent/core/unpack.h"

#include <errno.h>
#include <ext2fs/ext2fs.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "compute-agent/core/jail.h"
#include "lib/base/cleanup.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"

#define DEPTH_MOST 200 /* a descriptor a level */
#define LINK_MOST 4095
#define NAME_MOST 255
#define CHUNK (64U << 10)
#define NOBODY 65534U
#define FILES_MOST (DEPTH_MOST + 32)
#define TIMES_LOOKED_AT 4 /* of what the disk has room for: an image may have holes, and several names of a file */

struct unpack_tree {
    ext2_filsys fs;
    int root;
    struct kn_agent_unpack_most left;
    struct kn_hmap *linked; /* inode -> where it is, of files with several names */
    char *chunk;
};

/* A directory on its way. */
struct unpack_dir {
    struct unpack_tree *tree;
    int fd;
    int depth;
    const char *path; /* below the root, for messages and links */
    bool failed;
};

static int unpack_fail(const char *path, const char *name, const char *why)
{
    fprintf(stderr, "%s/%s: %s\n", path, name, why);
    return -1;
}

static unsigned unpack_owner(unsigned id)
{
    return id < KN_UNPACK_IDS ? id : NOBODY;
}

/* Owner first: to give a file away takes its set-user-id bit. */
static int unpack_settle(int fd, const struct ext2_inode *inode)
{
    const struct timespec times[] = { { (time_t)inode->i_atime, 0 }, { (time_t)inode->i_mtime, 0 } };

    return fchown(fd, unpack_owner(inode_uid(*inode)), unpack_owner(inode_gid(*inode))) < 0 ||
                   fchmod(fd, inode->i_mode & 07777) < 0 || futimens(fd, times) < 0
               ? -1
               : 0;
}

static bool unpack_is_hole(const char *bytes, size_t len)
{
    return len > 0 && bytes[0] == '\0' && memcmp(bytes, bytes + 1, len - 1) == 0;
}

static int unpack_write(int fd, const char *bytes, size_t len)
{
    if (unpack_is_hole(bytes, len)) {
        return lseek(fd, (off_t)len, SEEK_CUR) < 0 ? -1 : 0;
    }
    for (ssize_t n; len > 0; bytes += n, len -= (size_t)n) {
        n = write(fd, bytes, len);
        if (n <= 0) {
            return -1;
        }
    }
    return 0;
}

/* NULL: done; else why not. */
static const char *unpack_bytes(struct unpack_tree *tree, ext2_ino_t ino, int fd)
{
    ext2_file_t file = NULL;
    const char *why = NULL;
    uint64_t size = 0;

    if (ext2fs_file_open(tree->fs, ino, 0, &file) != 0) {
        return "cannot be opened in the image";
    }
    if (ext2fs_file_get_lsize(file, (__u64 *)&size) != 0) {
        why = "has no size";
    } else if (size > (uint64_t)tree->left.bytes) {
        why = "is more than the disk has room for";
    } else {
        tree->left.bytes -= (int64_t)size;
    }
    for (unsigned got = 1; why == NULL && got > 0;) {
        if (ext2fs_file_read(file, tree->chunk, CHUNK, &got) != 0) {
            why = "cannot be read in the image";
        } else if (got > 0 && unpack_write(fd, tree->chunk, got) < 0) {
            why = strerror(errno);
        }
    }
    if (why == NULL && ftruncate(fd, (off_t)size) < 0) {
        why = strerror(errno);
    }
    ext2fs_file_close(file);
    return why;
}

static int unpack_file(struct unpack_dir *dir, const char *name, ext2_ino_t ino, const struct ext2_inode *inode)
{
    AUTO_CLOSE int fd = openat(dir->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    const char *why = fd < 0 ? strerror(errno) : unpack_bytes(dir->tree, ino, fd);

    if (why == NULL && unpack_settle(fd, inode) < 0) {
        why = strerror(errno);
    }
    return why == NULL ? 0 : unpack_fail(dir->path, name, why);
}

static int unpack_symlink(struct unpack_dir *dir, const char *name, ext2_ino_t ino, struct ext2_inode *inode)
{
    char target[LINK_MOST + 1] = "";
    ext2_file_t file = NULL;
    unsigned got = 0;

    if (inode->i_size == 0 || inode->i_size > LINK_MOST) {
        return unpack_fail(dir->path, name, "is a link to nothing");
    }
    if (ext2fs_is_fast_symlink(inode) && inode->i_size < sizeof(inode->i_block)) {
        memcpy(target, inode->i_block, inode->i_size);
    } else if (ext2fs_file_open(dir->tree->fs, ino, 0, &file) != 0) {
        return unpack_fail(dir->path, name, "cannot be opened in the image");
    } else {
        const errcode_t failed = ext2fs_file_read(file, target, inode->i_size, &got);

        ext2fs_file_close(file);
        if (failed != 0) {
            return unpack_fail(dir->path, name, "cannot be read in the image");
        }
    }
    return symlinkat(target, dir->fd, name) < 0 || fchownat(dir->fd, name, unpack_owner(inode_uid(*inode)),
                                                            unpack_owner(inode_gid(*inode)), AT_SYMLINK_NOFOLLOW) < 0
               ? unpack_fail(dir->path, name, strerror(errno))
               : 0;
}

static int unpack_directory(struct unpack_tree *tree, ext2_ino_t ino, int fd, const char *path, int depth);

static int unpack_below(struct unpack_dir *dir, const char *name, ext2_ino_t ino, const struct ext2_inode *inode)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s", dir->path, name);

    if (dir->depth >= DEPTH_MOST) {
        return unpack_fail(dir->path, name, "lies too deep");
    }
    if (mkdirat(dir->fd, name, 0700) < 0) {
        return unpack_fail(dir->path, name, strerror(errno));
    }
    AUTO_CLOSE int fd = openat(dir->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        return unpack_fail(dir->path, name, strerror(errno));
    }
    if (unpack_directory(dir->tree, ino, fd, path, dir->depth + 1) < 0) {
        return -1;
    }
    return unpack_settle(fd, inode) < 0 ? unpack_fail(dir->path, name, strerror(errno)) : 0;
}

/* A file that was met before, by another name of it. False: it is new. */
static bool unpack_is_linked(struct unpack_dir *dir, const char *name, const char *key, int *ret_done)
{
    const char *there = kn_hmap_get(dir->tree->linked, key);

    if (there == NULL) {
        return false;
    }
    *ret_done = linkat(dir->tree->root, there, dir->fd, name, 0) < 0 ? unpack_fail(dir->path, name, strerror(errno))
                                                                     : 0;
    return true;
}

static int unpack_regular(struct unpack_dir *dir, const char *name, ext2_ino_t ino, const struct ext2_inode *inode)
{
    char key[16];
    int done = 0;

    if (inode->i_links_count < 2) {
        return unpack_file(dir, name, ino, inode);
    }
    snprintf(key, sizeof(key), "%u", ino);
    if (unpack_is_linked(dir, name, key, &done)) {
        return done;
    }
    kn_hmap_put(dir->tree->linked, key, kn_asprintf(".%s/%s", dir->path, name));
    return unpack_file(dir, name, ino, inode);
}

static int unpack_one(struct unpack_dir *dir, const char *name, ext2_ino_t ino)
{
    struct ext2_inode inode;

    if (strchr(name, '/') != NULL) {
        return unpack_fail(dir->path, "…", "a name with a slash");
    }
    if (ino == EXT2_ROOT_INO || ext2fs_read_inode(dir->tree->fs, ino, &inode) != 0) {
        return unpack_fail(dir->path, name, "has no inode");
    }
    if (LINUX_S_ISDIR(inode.i_mode)) {
        return dir->depth == 0 && strcmp(name, "lost+found") == 0 ? 0 : unpack_below(dir, name, ino, &inode);
    }
    if (LINUX_S_ISREG(inode.i_mode)) {
        return unpack_regular(dir, name, ino, &inode);
    }
    return LINUX_S_ISLNK(inode.i_mode) ? unpack_symlink(dir, name, ino, &inode) : 0;
}

/* ext2fs_dir_iterate2's. */
static int unpack_visit(ext2_ino_t parent, int entry, struct ext2_dir_entry *dirent, int offset, int blocksize,
                        char *buf, /* NOLINT(readability-non-const-parameter): as libext2fs calls it */
                        void *ctx)
{
    struct unpack_dir *dir = ctx;
    const size_t len = (size_t)ext2fs_dirent_name_len(dirent);
    char name[NAME_MOST + 1];

    (void)parent, (void)entry, (void)offset, (void)blocksize, (void)buf;
    if (dirent->inode == 0 || len == 0 || len > NAME_MOST) {
        return 0;
    }
    memcpy(name, dirent->name, len);
    name[len] = '\0';
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return 0;
    }
    if (dir->tree->left.names-- <= 0) {
        dir->failed = true;
        unpack_fail(dir->path, name, "is one of more files than the disk has room for");
        return DIRENT_ABORT;
    }
    dir->failed = strlen(name) != len || unpack_one(dir, name, dirent->inode) < 0;
    return dir->failed ? DIRENT_ABORT : 0;
}

static int unpack_directory(struct unpack_tree *tree, ext2_ino_t ino, int fd, const char *path, int depth)
{
    struct unpack_dir dir = { tree, fd, depth, path, false };

    if (ext2fs_dir_iterate2(tree->fs, ino, 0, NULL, unpack_visit, &dir) != 0 && !dir.failed) {
        return unpack_fail(path, "", "cannot be read in the image");
    }
    return dir.failed ? -1 : 0;
}

static int unpack_all(struct unpack_tree *tree)
{
    struct ext2_inode inode;

    unlinkat(tree->root, "lost+found", AT_REMOVEDIR); /* of the fresh one: a container's root repairs nothing */
    if (unpack_directory(tree, EXT2_ROOT_INO, tree->root, "", 0) < 0) {
        return -1;
    }
    return ext2fs_read_inode(tree->fs, EXT2_ROOT_INO, &inode) != 0 || unpack_settle(tree->root, &inode) < 0
               ? unpack_fail("", "", "its root cannot be made")
               : 0;
}

int kn_agent_unpack_tree(int image, int directory, const struct kn_agent_unpack_most *most)
{
    struct unpack_tree tree = { .root = directory, .left = *most };
    char name[16];

    snprintf(name, sizeof(name), "%d", image);
    if (ext2fs_open(name, EXT2_FLAG_64BITS, 0, 0, unixfd_io_manager, &tree.fs) != 0) {
        fprintf(stderr, "the image is no file system ext2, ext3 or ext4 without a partition table\n");
        return -1;
    }
    tree.linked = kn_hmap_new(free);
    tree.chunk = kn_alloc(CHUNK);
    const int done = unpack_all(&tree);

    free(tree.chunk);
    kn_hmap_free(tree.linked);
    ext2fs_close_free(&tree.fs);
    return done;
}

/* From here on the process is the container's root, and nothing of the host is there. */
static int unpack_confine(const char *directory, int64_t first_id, struct kn_error *err)
{
    const struct kn_agent_jail jail = { directory, first_id, KN_UNPACK_IDS, FILES_MOST };

    signal(SIGXFSZ, SIG_IGN); /* it is said in words */
    return chown(directory, (uid_t)first_id, (gid_t)first_id) < 0
               ? kn_fail(err, KN_INTERNAL, "cannot give the disk to the container: %s", strerror(errno))
               : kn_agent_jail_enter(&jail, err);
}

int kn_agent_unpack_main(int argc, char **argv)
{
    struct kn_error err = { 0 };
    struct statvfs room;

    if (argc != 5) {
        fprintf(stderr, "usage: %s %s IMAGE DIRECTORY FIRST_ID\n", argv[0], argv[1]);
        return 1;
    }
    const int image = open(argv[2], O_RDONLY | O_CLOEXEC); /* the tree's */

    if (image < 0 || unpack_confine(argv[3], strtoll(argv[4], NULL, 10), &err) < 0) {
        fprintf(stderr, "%s\n", image < 0 ? "the image cannot be opened" : err.message);
        return 1;
    }
    AUTO_CLOSE int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (root < 0 || fstatvfs(root, &room) < 0) {
        fprintf(stderr, "the disk cannot be opened: %s\n", strerror(errno));
        return 1;
    }
    const struct kn_agent_unpack_most most = { (int64_t)(room.f_blocks * room.f_frsize) * TIMES_LOOKED_AT,
                                               (int64_t)room.f_files * TIMES_LOOKED_AT };
    return kn_agent_unpack_tree(image, root, &most) < 0 ? 1 : 0;
}
