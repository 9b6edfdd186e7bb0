/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk: fetches the base (image/host.h) and lets qemu-img put an overlay on it. Formats are always said, never guessed: a
 * guest writes its own disk, so its first bytes may claim anything.
 */
#include "compute-agent/core/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compute-agent/core/guest_dir.h"
#include "compute-agent/core/run.h"
#include "compute-agent/core/spec.h"
#include "image/host.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "lib/domain/message.h"

/* Also of those that format a disk. */
static const struct kn_agent_run_limits QEMU_IMG = { .memory_mib = 1024, .cpu_s = 30, .timeout_ms = 60000 };

/* Under another name first: a disk that has its name is whole. */
static int make_overlay(const char *base, const char *format, int64_t bytes, const char *path, struct kn_error *err)
{
    char fresh[PATH_MAX];
    char size[32];

    if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh)) {
        return kn_fail(err, KN_INTERNAL, "path \"%s\" is too long", path);
    }
    snprintf(size, sizeof(size), "%" PRId64, bytes);
    const char *argv[] = { "qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", format, fresh, size, NULL };
    unlink(fresh);
    if (kn_agent_run(argv, &QEMU_IMG, err) < 0) {
        unlink(fresh);
        return kn_fail_context(err, "root disk");
    }
    if (rename(fresh, path) < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot put \"%s\" in place: %s", path, strerror(errno));
    }
    return 0;
}

/* kn_image_host_watch: ctx = the work. */
static int disk_watch(void *ctx, int64_t done, int64_t size, struct kn_error *err)
{
    return kn_work_progress(ctx, "fetching the image", done, size, err);
}

int kn_agent_disk_base(const struct kn_conf *conf, const json_t *image, struct kn_work *work, char base[PATH_MAX],
                       struct kn_error *err)
{
    return kn_image_host_ensure(conf, image, disk_watch, work, base, PATH_MAX, err);
}

int kn_agent_disk_fetch(const struct kn_conf *conf, const json_t *image, struct kn_work *work, struct kn_error *err)
{
    char base[PATH_MAX];

    return kn_agent_disk_base(conf, image, work, base, err);
}

static int disk_make(const struct kn_conf *conf, const char *path, const json_t *image, int64_t bytes,
                     struct kn_work *work, struct kn_error *err)
{
    const char *format = kn_disk_image_format(kn_json_str(image, "disk_format"));
    char base[PATH_MAX];

    if (access(path, F_OK) == 0) {
        return 0;
    }
    if (strcmp(format, "raw") != 0 && strcmp(format, "qcow2") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "disk format \"%s\" is neither raw nor qcow2", format);
    }
    if (kn_agent_disk_base(conf, image, work, base, err) < 0) {
        return -1;
    }
    return make_overlay(base, format, bytes, path, err);
}

static int disk_remove(const char *path, struct kn_error *err)
{
    return unlink(path) == 0 || errno == ENOENT
               ? 0
               : kn_fail(err, KN_INTERNAL, "cannot remove \"%s\": %s", path, strerror(errno));
}

int kn_agent_disk_drop(const struct kn_conf *conf, const char *server, struct kn_error *err)
{
    char path[PATH_MAX];

    kn_agent_guest_path(conf->agent_state_dir, server, KN_GUEST_DISK, path);
    return disk_remove(path, err);
}

int kn_agent_disk_ensure(const struct kn_conf *conf, const char *server, const json_t *spec, struct kn_work *work,
                         struct kn_error *err)
{
    char path[PATH_MAX];

    kn_agent_guest_path(conf->agent_state_dir, server, KN_GUEST_DISK, path);
    return disk_make(conf, path, json_object_get(spec, "image"), kn_agent_spec_root_bytes(spec), work, err);
}

/* What formats a file, by the format; it names the label as `label`, if it can have one. */
static const struct disk_maker {
    const char *format, *program, *label;
    const char *more[3];
} MAKERS[] = {
    { "ext2", "mkfs.ext2", "-L", { "-q", "-F", NULL } },
    { "ext3", "mkfs.ext3", "-L", { "-q", "-F", NULL } },
    { "ext4", "mkfs.ext4", "-L", { "-q", "-F", NULL } },
    { "vfat", "mkfs.vfat", "-n", { NULL } },
    { "swap", "mkswap", "-L", { NULL } },
};

static int disk_format(const json_t *disk, const char *path, struct kn_error *err)
{
    const char *format = kn_json_str(disk, "format"), *label = kn_json_str(disk, "label");
    const char *argv[8];
    size_t argc = 0;

    for (size_t i = 0; i < KN_COUNT(MAKERS); i++) {
        if (strcmp(MAKERS[i].format, format) != 0) {
            continue;
        }
        argv[argc++] = MAKERS[i].program;
        for (const char *const *more = MAKERS[i].more; *more != NULL; more++) {
            argv[argc++] = *more;
        }
        if (label[0] != '\0') {
            argv[argc++] = MAKERS[i].label;
            argv[argc++] = label;
        }
        argv[argc++] = path;
        argv[argc] = NULL;
        return kn_agent_run(argv, &QEMU_IMG, err);
    }
    return format[0] == '\0' ? 0 : kn_fail(err, KN_BAD_REQUEST, "disks are not formatted as \"%s\" here", format);
}

/* A file with holes: it takes what is written to it. Under another name first, as an overlay. */
static int disk_make_local(const char *path, const json_t *disk, struct kn_error *err)
{
    AUTO_FREE char *fresh = kn_asprintf("%s.new", path);
    const int64_t bytes = kn_json_int(disk, "size_mib") << 20;
    int fd;

    unlink(fresh);
    fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const bool is_made = fd >= 0 && ftruncate(fd, (off_t)bytes) == 0;
    const int why = errno;

    if (fd >= 0) {
        close(fd);
    }
    if (!is_made) {
        unlink(fresh);
        return kn_fail(err, KN_INTERNAL, "cannot make \"%s\": %s", fresh, strerror(why));
    }
    if (disk_format(disk, fresh, err) < 0) {
        unlink(fresh);
        return kn_fail_context(err, "local disk");
    }
    if (rename(fresh, path) < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot put \"%s\" in place: %s", path, strerror(errno));
    }
    return 0;
}

int kn_agent_disk_locals(const struct kn_conf *conf, const char *server, const json_t *spec, struct kn_work *work,
                         struct kn_error *err)
{
    const json_t *disk;
    size_t i;

    json_array_foreach (json_object_get(spec, "disks"), i, disk) {
        char file[KN_LOCAL_FILE_SIZE], path[PATH_MAX];

        if (json_object_get(disk, "size_mib") == NULL) {
            continue;
        }
        kn_agent_spec_local_file(disk, file);
        kn_agent_guest_path(conf->agent_state_dir, server, file, path);
        if (access(path, F_OK) < 0 && (kn_work_check(work, err) < 0 || disk_make_local(path, disk, err) < 0)) {
            return -1;
        }
    }
    return 0;
}

int kn_agent_disk_rescue(const struct kn_conf *conf, const char *server, const json_t *spec, struct kn_work *work,
                         struct kn_error *err)
{
    const json_t *image = json_object_get(json_object_get(spec, "rescue"), "image");
    char path[PATH_MAX];

    kn_agent_guest_path(conf->agent_state_dir, server, KN_GUEST_RESCUE, path);
    if (image != NULL) {
        return disk_make(conf, path, image, kn_json_int(image, "virtual_size"), work, err);
    }
    return disk_remove(path, err);
}
