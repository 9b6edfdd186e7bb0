/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kilonova image import`: a disk of this machine, or a file, becomes an image of the cloud. A raw disk is uploaded as it is read, in one
 * stream; what no file system ever wrote (holes) is not read but sent as the zeros that it is, and the store does not keep zeros. Foreign
 * formats are staged and imported, so that the cloud converts them. On any failure the half-made image is removed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/cloud.h"
#include "cli/command.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define TELL_EVERY_MS 500
#define ASK_EVERY_MS 1000

struct image_import_order {
    const char *disk;
    const char *name;
    const char *format;
};

struct disk {
    int fd;
    int64_t size;
    int64_t at;        /* sent up to here */
    int64_t hole_end;  /* zeros up to here: nothing is read */
    int64_t data_end;  /* data up to here */
    int64_t started_ms, told_ms;
    FILE *out;         /* the terminal; NULL: nobody watches */
};

/* --- the disk --------------------------------------------------------------------------------------------------------- */

static int open_disk(const char *path, struct disk *d, struct kn_error *err)
{
    struct stat st;
    uint64_t bytes = 0;

    d->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (d->fd < 0 || fstat(d->fd, &st) < 0) {
        return kn_fail(err, KN_BAD_REQUEST, "cannot read \"%s\": %s", path, strerror(errno));
    }
    if (S_ISBLK(st.st_mode)) {
        if (ioctl(d->fd, BLKGETSIZE64, &bytes) < 0) {
            return kn_fail(err, KN_BAD_REQUEST, "cannot tell the size of \"%s\": %s", path, strerror(errno));
        }
        d->size = (int64_t)bytes;
    } else if (S_ISREG(st.st_mode)) {
        d->size = st.st_size;
    } else {
        return kn_fail(err, KN_BAD_REQUEST, "\"%s\" is neither a disk nor a file", path);
    }
    return d->size > 0 ? 0 : kn_fail(err, KN_BAD_REQUEST, "\"%s\" is empty", path);
}

/* Where the zeros end that begin here, and the data after them. What cannot say so is all data. */
static void look_ahead(struct disk *d)
{
    const off_t data = lseek(d->fd, d->at, SEEK_DATA);

    if (data < 0) {
        d->hole_end = errno == ENXIO ? d->size : d->at;
        d->data_end = d->size;
        return;
    }
    const off_t hole = lseek(d->fd, data, SEEK_HOLE);
    d->hole_end = data;
    d->data_end = hole > data ? hole : d->size;
}

static void image_import_tell(struct disk *d)
{
    const int64_t now = kn_mono_ms();
    const double mib = (double)d->at / (1 << 20);
    const double seconds = (double)(now - d->started_ms + 1) / 1000.0;

    if (d->out == NULL || (now - d->told_ms < TELL_EVERY_MS && d->at < d->size)) {
        return;
    }
    d->told_ms = now;
    fprintf(d->out, "\r%3d%%  %.0f of %.0f MiB, %.0f MiB/s, %.0f s left   ",
            (int)((double)d->at / (double)d->size * 100.0), mib, (double)d->size / (1 << 20), mib / seconds,
            seconds / ((double)d->at + 1.0) * (double)(d->size - d->at));
    fprintf(d->out, "%s", d->at == d->size ? "\n" : "");
    fflush(d->out);
}

/* kn_cli_cloud_source */
static int64_t next_bytes(void *ctx, char *out, size_t size, struct kn_error *err)
{
    struct disk *d = ctx;
    int64_t want = d->size - d->at < (int64_t)size ? d->size - d->at : (int64_t)size;

    if (want == 0) {
        return 0;
    }
    if (d->at >= d->data_end) {
        look_ahead(d);
    }
    if (d->at < d->hole_end) {
        want = want < d->hole_end - d->at ? want : d->hole_end - d->at;
        memset(out, 0, (size_t)want);
    } else {
        want = pread(d->fd, out, (size_t)want, d->at);
    }
    if (want <= 0) {
        return kn_fail(err, KN_INTERNAL, "cannot read the disk at byte %lld: %s", (long long)d->at,
                       want < 0 ? strerror(errno) : "it became shorter");
    }
    d->at += want;
    image_import_tell(d);
    return want;
}

/* --- the image -------------------------------------------------------------------------------------------------------- */

static int image_import_create(struct kn_cli_cloud *cloud, const struct image_import_order *o, char id[KN_UUID_SIZE],
                               struct kn_error *err)
{
    json_t *body = json_pack("{s:s, s:s, s:s}", "name", o->name, "disk_format", o->format, "container_format", "bare");
    json_t *image = NULL;
    const int rc = kn_cli_cloud_ask(cloud, "POST", "/v2/images", body, &image, err);

    kn_copy(id, KN_UUID_SIZE, kn_json_str(image, "id"));
    json_decref(body);
    json_decref(image);
    return rc < 0 || kn_uuid_valid(id) ? rc : kn_fail(err, KN_BAD_REQUEST, "the cloud did not say the image's id");
}

static void image_import_pause_ms(int64_t ms)
{
    const struct timespec t = { ms / 1000, (ms % 1000) * 1000000 };

    nanosleep(&t, NULL);
}

/* 1: active; 0: not yet; -1: it failed. */
static int image_import_look(struct kn_cli_cloud *cloud, const char *id, FILE *out, struct kn_error *err)
{
    AUTO_FREE char *path = kn_asprintf("/v2/images/%s/tasks", id);
    json_t *answer = NULL;
    int rc = 0;

    if (kn_cli_cloud_ask(cloud, "GET", path, NULL, &answer, err) < 0) {
        return -1;
    }
    const json_t *task = json_array_get(json_object_get(answer, "tasks"), 0);
    const char *status = kn_json_str(task, "status");
    if (strcmp(status, "success") == 0) {
        rc = 1;
    } else if (strcmp(status, "failure") == 0) {
        rc = kn_fail(err, KN_BAD_REQUEST, "the import failed: %.512s", kn_json_str(task, "message"));
    } else if (out != NULL) {
        fprintf(out, "\r%-60s", kn_json_str(task, "message"));
        fflush(out);
    }
    json_decref(answer);
    return rc;
}

static int import_staged(struct kn_cli_cloud *cloud, const char *id, FILE *out, struct kn_error *err)
{
    AUTO_FREE char *path = kn_asprintf("/v2/images/%s/import", id);
    json_t *body = json_pack("{s:{s:s}}", "method", "name", "glance-direct");
    int rc = kn_cli_cloud_ask(cloud, "POST", path, body, NULL, err);

    json_decref(body);
    while (rc == 0 && (rc = image_import_look(cloud, id, out, err)) == 0) {
        image_import_pause_ms(ASK_EVERY_MS);
    }
    if (out != NULL) {
        fprintf(out, "\r%-60s\r", "");
    }
    return rc < 0 ? -1 : 0;
}

/* What is booted as it is goes straight in; everything else is staged and converted. */
static int send_data(struct kn_cli_cloud *cloud, const struct image_import_order *o, const char *id, struct disk *d,
                     struct kn_error *err)
{
    const bool direct = strcmp(o->format, "raw") == 0 || strcmp(o->format, "qcow2") == 0 ||
                        strcmp(o->format, "iso") == 0;
    AUTO_FREE char *path = kn_asprintf("/v2/images/%s/%s", id, direct ? "file" : "stage");

    d->started_ms = kn_mono_ms();
    if (kn_cli_cloud_send(cloud, path, d->size, next_bytes, d, err) < 0) {
        return -1;
    }
    return direct ? 0 : import_staged(cloud, id, d->out, err);
}

static void remove_image(struct kn_cli_cloud *cloud, const char *id)
{
    AUTO_FREE char *path = kn_asprintf("/v2/images/%s", id);
    struct kn_error ignored = { 0 };

    (void)kn_cli_cloud_ask(cloud, "DELETE", path, NULL, NULL, &ignored);
}

static int make_image(struct kn_cli *cli, const struct image_import_order *o, struct disk *d, struct kn_error *err)
{
    AUTO(kn_cli_cloud) struct kn_cli_cloud *cloud = NULL;
    char id[KN_UUID_SIZE] = "";

    if (kn_cli_cloud_open("image", &cloud, err) < 0 || image_import_create(cloud, o, id, err) < 0) {
        return -1;
    }
    if (send_data(cloud, o, id, d, err) < 0) {
        remove_image(cloud, id);
        return -1;
    }
    fprintf(cli->out, "%s\n", id);
    return 0;
}

/* --- the command ------------------------------------------------------------------------------------------------------ */

static int image_import_parse(int argc, char **argv, struct image_import_order *o, struct kn_error *err)
{
    const struct {
        const char *option;
        const char **value;
    } OPTIONS[] = { { "--disk", &o->disk }, { "--name", &o->name }, { "--format", &o->format } };

    for (int i = 0; i < argc; i += 2) {
        size_t k = 0;

        while (k < KN_COUNT(OPTIONS) && strcmp(OPTIONS[k].option, argv[i]) != 0) {
            k++;
        }
        if (k == KN_COUNT(OPTIONS) || i + 1 == argc) {
            return kn_fail(err, KN_BAD_REQUEST,
                           k == KN_COUNT(OPTIONS) ? "\"%s\" is no option of image import" : "\"%s\" needs a value",
                           argv[i]);
        }
        *OPTIONS[k].value = argv[i + 1];
    }
    return o->disk != NULL ? 0 : kn_fail(err, KN_BAD_REQUEST, "which disk? --disk /dev/sdX, or a file");
}

static int image_import(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    struct image_import_order o = { .format = "raw" };
    struct disk d = { .fd = -1, .out = isatty(STDERR_FILENO) ? stderr : NULL };

    if (image_import_parse(argc, argv, &o, err) < 0) {
        return -1;
    }
    if (o.name == NULL) {
        const char *slash = strrchr(o.disk, '/');
        o.name = slash != NULL ? slash + 1 : o.disk;
    }
    const int rc = open_disk(o.disk, &d, err) < 0 ? -1 : make_image(cli, &o, &d, err);
    kn_auto_close(&d.fd);
    return rc;
}

const struct kn_command kn_cli_cloud_commands[] = {
    { "image import", "--disk DEVICE|FILE [--name NAME] [--format FORMAT]",
      "make an image of a disk of this machine (P2V) or of a file; the cloud and who you are come from OS_*",
      image_import },
    { NULL, NULL, NULL, NULL },
};
