/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs: makes, mounts and unmounts. The file has its name when it is whole; what a kill left of one (disk.raw.new, mounted or not) is thrown away. The kernel mounts
 * only what mkfs made here, never what a user uploaded.
 */
#include "compute-agent/core/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "compute-agent/core/disk.h"
#include "compute-agent/core/file.h"
#include "compute-agent/core/guest_dir.h"
#include "compute-agent/core/run.h"
#include "compute-agent/core/spec.h"
#include "compute-agent/core/unpack.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define IDS_FILE "ids"
#define ROOM_LEAST (1U << 20) /* less free than this after unpacking: it did not fit */

static const struct kn_agent_run_limits TOOL = { .memory_mib = 1024, .cpu_s = 60, .timeout_ms = 120000 };
static const struct kn_agent_run_limits UNPACK = { .memory_mib = 1024, .cpu_s = 600, .timeout_ms = 1200000 };

static bool rootfs_is_mounted(const char *path)
{
    AUTO_FREE char *above = kn_asprintf("%s/..", path);
    struct stat in, out;

    return stat(path, &in) == 0 && stat(above, &out) == 0 && in.st_dev != out.st_dev;
}

static int rootfs_unmount(const char *path, struct kn_error *err)
{
    /* Lazily: whoever still looks at it (a shell of an operator) does not keep a guest from going. */
    while (rootfs_is_mounted(path)) {
        if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0) {
            return kn_fail(err, KN_INTERNAL, "cannot unmount \"%s\": %s", path, strerror(errno));
        }
    }
    return 0;
}

/* A mount that is private to the host stays in the namespaces of containers that were started after it, and its file's blocks with it. */
int kn_agent_rootfs_prepare(const char *state_dir, struct kn_error *err)
{
    AUTO_FREE char *dir = kn_asprintf("%s/servers", state_dir);

    if (kn_agent_file_make_dir(dir, err) < 0) {
        return -1;
    }
    /* Only a mount can be shared: once it is one, it stays it, and a second one would hide what is below. */
    return mount(NULL, dir, NULL, MS_SHARED, NULL) == 0 ||
                   (mount(dir, dir, NULL, MS_BIND, NULL) == 0 && mount(NULL, dir, NULL, MS_SHARED, NULL) == 0)
               ? 0
               : kn_fail(err, KN_INTERNAL, "cannot share the mounts below \"%s\": %s", dir, strerror(errno));
}

/* --- ids ---------------------------------------------------------------------------------------------------------------- */

/* 0: it has none yet. */
static int64_t rootfs_ids_of(const char *state_dir, const char *server)
{
    char path[PATH_MAX], text[32] = "";

    kn_agent_guest_path(state_dir, server, IDS_FILE, path);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

    return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 ? strtoll(text, NULL, 10) : 0;
}

static bool rootfs_ids_are_free(const json_t *taken, int64_t first)
{
    const json_t *item;
    size_t i;

    json_array_foreach (taken, i, item) {
        if (json_integer_value(item) == first) {
            return false;
        }
    }
    return true;
}

/* The lowest range that no guest of the host has; it stays the guest's as long as its directory. */
static int rootfs_ids(const struct kn_conf *conf, const char *server, int64_t *ret, struct kn_error *err)
{
    static pthread_mutex_t choosing = PTHREAD_MUTEX_INITIALIZER;
    json_auto_t *servers = NULL, *taken = json_array();
    int64_t first = conf->agent_lxc_first_id;
    char dir[PATH_MAX], text[32];
    const json_t *item;
    size_t i;
    int done = 0;

    *ret = rootfs_ids_of(conf->agent_state_dir, server);
    if (*ret != 0) {
        return 0;
    }
    pthread_mutex_lock(&choosing);
    servers = kn_agent_guest_servers(conf->agent_state_dir);
    json_array_foreach (servers, i, item) {
        json_array_append_new(taken, json_integer(rootfs_ids_of(conf->agent_state_dir, json_string_value(item))));
    }
    while (!rootfs_ids_are_free(taken, first)) {
        first += KN_UNPACK_IDS;
    }
    if (first > INT64_C(0xfffffffe) - KN_UNPACK_IDS) {
        done = kn_fail(err, KN_INTERNAL, "all ids from agent.lxc_first_id on are in use");
    } else {
        snprintf(text, sizeof(text), "%" PRId64 "\n", first);
        kn_agent_guest_path(conf->agent_state_dir, server, "", dir);
        done = kn_agent_file_replace(dir, IDS_FILE, text, err);
    }
    pthread_mutex_unlock(&choosing);
    *ret = first;
    return done;
}

/* --- making --------------------------------------------------------------------------------------------------------------- */

static int rootfs_watch(void *ctx, struct kn_error *err)
{
    return kn_work_check(ctx, err);
}

/* Its own root user has to get there, and is nobody in particular on the host. */
static int rootfs_passable(const char *root, struct kn_error *err)
{
    AUTO_FREE char *path = kn_strdup(root);
    struct stat st;

    for (char *slash; (slash = strrchr(path, '/')) != NULL && slash != path;) {
        *slash = '\0';
        if (stat(path, &st) == 0 && (st.st_mode & S_IXOTH) == 0) {
            return kn_fail(err, KN_INTERNAL, "containers cannot get through \"%s\": chmod o+x it", path);
        }
    }
    return 0;
}

static int rootfs_mount(const char *file, const char *root, struct kn_error *err)
{
    const char *argv[] = { "mount", "-t", "ext4", "-o", "loop,nodev,noatime", file, root, NULL };

    if (rootfs_is_mounted(root)) {
        return 0;
    }
    if (rootfs_passable(root, err) < 0) {
        return -1;
    }
    if (mkdir(root, 0700) < 0 && errno != EEXIST) {
        return kn_fail(err, KN_INTERNAL, "cannot make \"%s\": %s", root, strerror(errno));
    }
    return kn_agent_run(argv, &TOOL, err) < 0 ? kn_fail_context(err, "root disk") : 0;
}

static int rootfs_format(const char *file, int64_t bytes, struct kn_error *err)
{
    const char *argv[] = { "mkfs.ext4", "-q", "-F", "-m", "0", "-E", "nodiscard", file, NULL };

    unlink(file);
    AUTO_CLOSE int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot make \"%s\": %s", file, strerror(errno));
    }
    return kn_agent_run(argv, &TOOL, err) < 0 ? kn_fail_context(err, "root disk") : 0;
}

/* What libext2fs reads is raw. *ret_file is base or made. */
static int rootfs_raw(const char *base, const json_t *image, const char *made, struct kn_work *work,
                      const char **ret_file, struct kn_error *err)
{
    const char *format = kn_json_str(image, "disk_format");
    struct kn_agent_run_limits limits = UNPACK;

    const char *argv[] = { "qemu-img", "convert", "-q", "-f", "qcow2", "-O", "raw", base, made, NULL };

    *ret_file = base;
    if (strcmp(format, "raw") == 0) {
        return 0;
    }
    if (strcmp(format, "qcow2") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "disk format \"%s\" is neither raw nor qcow2", format);
    }
    *ret_file = made;
    limits.file_bytes = kn_json_int(image, "virtual_size"); /* which its flavor's disk is not below */
    return kn_agent_run_watched(argv, &limits, rootfs_watch, work, err) < 0 ? kn_fail_context(err, "image") : 0;
}

static int rootfs_unpack(const char *image, const char *root, int64_t first_id, int64_t bytes, struct kn_work *work,
                         struct kn_error *err)
{
    struct kn_agent_run_limits limits = UNPACK;
    AUTO_FREE char *ids = kn_asprintf("%" PRId64, first_id);
    AUTO_FREE char *init = kn_asprintf("%s/sbin/init", root);
    const char *argv[] = { "/proc/self/exe", KN_UNPACK_OPTION, image, root, ids, NULL };
    struct statvfs left;
    struct stat st;

    limits.file_bytes = bytes;
    if (kn_agent_run_watched(argv, &limits, rootfs_watch, work, err) < 0) {
        err->code = err->code == KN_INTERNAL ? KN_CONFLICT : err->code; /* another host may run it: as a machine */
        return kn_fail_context(err, "unpacking the image");
    }
    if (statvfs(root, &left) < 0 || left.f_bavail * left.f_frsize < ROOM_LEAST) {
        return kn_fail(err, KN_CONFLICT, "the image does not fit into the flavor's disk");
    }
    return lstat(init, &st) == 0 ? 0 : kn_fail(err, KN_CONFLICT, "the image holds no /sbin/init for a container");
}

/* Room for what a file system takes itself where the flavor says nothing. */
static int64_t rootfs_bytes(const json_t *spec)
{
    const int64_t bytes = kn_agent_spec_root_bytes(spec);

    return kn_json_int(spec, "disk_gib") > 0 ? bytes : bytes + bytes / 8 + (INT64_C(32) << 20);
}

struct rootfs_paths {
    char dir[PATH_MAX], root[PATH_MAX], file[PATH_MAX], fresh[PATH_MAX], image[PATH_MAX];
};

static void rootfs_paths(const struct kn_conf *conf, const char *server, struct rootfs_paths *ret)
{
    kn_agent_guest_path(conf->agent_state_dir, server, "", ret->dir);
    kn_agent_guest_path(conf->agent_state_dir, server, KN_GUEST_ROOT, ret->root);
    kn_agent_guest_path(conf->agent_state_dir, server, KN_GUEST_ROOT_DISK, ret->file);
    kn_agent_guest_path(conf->agent_state_dir, server, KN_GUEST_ROOT_DISK ".new", ret->fresh);
    kn_agent_guest_path(conf->agent_state_dir, server, "image.raw.new", ret->image);
}

static int rootfs_make(const struct kn_conf *conf, struct rootfs_paths *p, const json_t *spec, int64_t first_id,
                       struct kn_work *work, struct kn_error *err)
{
    const json_t *image = json_object_get(spec, "image");
    char base[PATH_MAX];
    const char *raw = NULL;
    int done;

    if (kn_agent_disk_base(conf, image, work, base, err) < 0 || rootfs_unmount(p->root, err) < 0 ||
        rootfs_format(p->fresh, rootfs_bytes(spec), err) < 0 || rootfs_mount(p->fresh, p->root, err) < 0) {
        return -1;
    }
    done = rootfs_raw(base, image, p->image, work, &raw, err) < 0
               ? -1
               : rootfs_unpack(raw, p->root, first_id, rootfs_bytes(spec), work, err);
    unlink(p->image);
    if (done < 0) {
        struct kn_error why;

        rootfs_unmount(p->root, &why);
        unlink(p->fresh);
        return -1;
    }
    return rename(p->fresh, p->file) == 0
               ? 0
               : kn_fail(err, KN_INTERNAL, "cannot put \"%s\" in place: %s", p->file, strerror(errno));
}

int kn_agent_rootfs_ensure(const struct kn_conf *conf, const char *server, const json_t *spec, struct kn_work *work,
                           int64_t *ret_first_id, struct kn_error *err)
{
    AUTO_FREE struct rootfs_paths *p = KN_NEW(struct rootfs_paths);

    rootfs_paths(conf, server, p);
    if (rootfs_ids(conf, server, ret_first_id, err) < 0) {
        return -1;
    }
    return access(p->file, F_OK) == 0 ? rootfs_mount(p->file, p->root, err)
                                      : rootfs_make(conf, p, spec, *ret_first_id, work, err);
}

int kn_agent_rootfs_release(const struct kn_conf *conf, const char *server, struct kn_error *err)
{
    char root[PATH_MAX];

    kn_agent_guest_path(conf->agent_state_dir, server, KN_GUEST_ROOT, root);
    if (rootfs_unmount(root, err) < 0) {
        return -1;
    }
    return rmdir(root) == 0 || errno == ENOENT
               ? 0
               : kn_fail(err, KN_INTERNAL, "cannot remove \"%s\": %s", root, strerror(errno));
}

int kn_agent_rootfs_drop(const struct kn_conf *conf, const char *server, struct kn_error *err)
{
    AUTO_FREE struct rootfs_paths *p = KN_NEW(struct rootfs_paths);

    rootfs_paths(conf, server, p);
    if (kn_agent_rootfs_release(conf, server, err) < 0) {
        return -1;
    }
    unlink(p->fresh);
    return unlink(p->file) == 0 || errno == ENOENT
               ? 0
               : kn_fail(err, KN_INTERNAL, "cannot remove \"%s\": %s", p->file, strerror(errno));
}
