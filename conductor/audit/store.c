/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies in the stores against what the database says: disks of volumes (volume.file_dir) and images' data (image.store_dir), seen by
 * looking into the directories. A machine that does not see one cannot judge it. The cloud works meanwhile, so what seems wrong is asked for
 * a second time in the order in which the services write: a row before its disk, a disk's end before its row's.
 */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "conductor/audit/audit.h"
#include "lib/adapter/crypto.h"
#include "lib/adapter/luks.h"
#include "lib/adapter/storage_daemon.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

#define GIB (INT64_C(1) << 30)
#define PIECE (1 << 20)
#define GRACE_S 1800 /* kilonova-image sweeps its store every ten minutes */
#define EXPORT_LOOKS 20
#define DISK "volume-"
#define KEPT_DISK "snapshot-"

enum store_promise {
    HAS_DISK,
    DISK_SIZE,
    LONE_DISK,
    SERVED,
    LONE_EXPORT,
    HAS_DATA,
    DATA_SIZE,
    LONE_DATA,
    WRITER,
    DEEP,
    STORE_PROMISE_COUNT
};

const char *const kn_conductor_audit_store_promises[] = {
    [HAS_DISK] = "5. every volume has its disk",
    [DISK_SIZE] = "5. every disk is as large as its volume",
    [LONE_DISK] = "5. no disk without its volume",
    [SERVED] = "5. every disk that hosts reach over NBD is served",
    [LONE_EXPORT] = "5. no disk is served that nobody has",
    [HAS_DATA] = "5. every image's data is in the store",
    [DATA_SIZE] = "5. every image's data has the length that it had",
    [LONE_DATA] = "5. no data in the store without an image",
    [WRITER] = "2. every image that waits for data has somebody who writes it",
    [DEEP] = "5. every image's data is what was stored",
    [STORE_PROMISE_COUNT] = NULL,
};
_Static_assert(KN_COUNT(kn_conductor_audit_store_promises) == STORE_PROMISE_COUNT + 1,
               "one row a promise of kn_audit_store_promises");

struct store {
    struct kn_conductor_audit *audit;
    const struct kn_conf *conf;
    json_t *findings[STORE_PROMISE_COUNT];
    json_t *unjudged[STORE_PROMISE_COUNT];
};

/* --- directories -------------------------------------------------------------------------------------------------------------- */

/* Adds the names that wanted() takes, without what it passed over. -1: the directory cannot be read; errno says why. */
static int read_names(const char *dir, const char *(*wanted)(const char *name), struct kn_array *names)
{
    DIR *d = opendir(dir);

    if (d == NULL) {
        return -1;
    }
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        const char *name = wanted(e->d_name);

        if (name != NULL) {
            kn_array_add(names, name);
        }
    }
    closedir(d);
    return 0;
}

static const char *disk_of(const char *name, const char *prefix)
{
    const char *id = strncmp(name, prefix, strlen(prefix)) == 0 ? name + strlen(prefix) : "";

    return kn_uuid_valid(id) ? id : NULL;
}

static const char *volume_of(const char *name)
{
    return disk_of(name, DISK);
}

static const char *snapshot_of(const char *name)
{
    return disk_of(name, KEPT_DISK);
}

static const char *data_of(const char *name)
{
    return strlen(name) == KN_SHA512_HEX - 1 && strspn(name, "0123456789abcdef") == KN_SHA512_HEX - 1 ? name : NULL;
}

/*
 * A directory that was never made has nothing in it, and nobody misses anything as long as no row says so; of one that cannot be seen from
 * here, nothing is known.
 */
static void say_unseen(struct store *s, enum store_promise first, enum store_promise last, const char *dir, int cause,
                       int rows)
{
    for (enum store_promise p = first; p <= last && (cause != ENOENT || rows > 0); p++) {
        json_array_append_new(s->unjudged[p],
                              json_sprintf("%s cannot be looked into from here: %s", dir, strerror(cause)));
    }
}

/* --- volumes ------------------------------------------------------------------------------------------------------------------ */

/* The size that a guest sees, or -1. A raw disk may hold anything, a qcow2's magic as well: the format is what its row says. */
static int64_t disk_size(const char *path, const char *format)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    unsigned char head[32];
    struct kn_error err = { 0 };
    struct stat st;
    int64_t header = 0;
    uint64_t size;

    if (strcmp(format, "luks") == 0 && (fd < 0 || kn_luks_header(fd, &header, &err) < 0)) {
        return -1;
    }
    if (strcmp(format, "qcow2") != 0) {
        return stat(path, &st) == 0 ? (int64_t)st.st_size - header : -1;
    }
    if (fd < 0 || read(fd, head, sizeof(head)) != (ssize_t)sizeof(head) || memcmp(head, "QFI\xfb", 4) != 0) {
        return -1;
    }
    memcpy(&size, head + 24, sizeof(size));
    return (int64_t)be64toh(size);
}

#define WITH_DISK "v.backend IN ('file', 'nbd') AND v.status IN ('available', 'attaching', 'in-use', 'detaching')"

/* What has a disk: what its name begins with, and its rows. */
struct disk_kind {
    const char *noun, *prefix;
    const char *(*id_of)(const char *name);
    struct kn_stmt all, same, still, lone;
};
enum { ALL_ID, ALL_GIB, ALL_FORMAT };

static const struct disk_kind DISK_KINDS[] = {
    { "volume",
      DISK,
      volume_of,
      { "audit_volumes", "SELECT v.id, v.size_gib, v.format FROM volume v WHERE " WITH_DISK " ORDER BY v.id", 0 },
      { "audit_disk_same_size",
        "SELECT 1 FROM volume v WHERE v.id = $1 AND v.size_gib = $2 AND " WITH_DISK " AND NOT " KN_AUDIT_MOVING("v.id"),
        2 },
      { "audit_disk_still_missing",
        "SELECT v.id FROM volume v WHERE v.id = ANY ($1::uuid[]) AND " WITH_DISK " AND NOT " KN_AUDIT_MOVING("v.id"),
        1 },
      { "audit_disk_lone",
        "SELECT d FROM unnest($1::uuid[]) d WHERE NOT EXISTS (SELECT 1 FROM volume v WHERE v.id = d)", 1 } },
    { "snapshot",
      KEPT_DISK,
      snapshot_of,
      { "audit_snapshots",
        "SELECT v.id, v.size_gib, v.format FROM volume_snapshot v WHERE v.status = 'available' ORDER BY v.id", 0 },
      { "audit_snapshot_same_size",
        "SELECT 1 FROM volume_snapshot v WHERE v.id = $1 AND v.size_gib = $2 AND v.status = 'available'", 2 },
      { "audit_snapshot_still_missing",
        "SELECT v.id FROM volume_snapshot v WHERE v.id = ANY ($1::uuid[]) AND v.status = 'available' AND NOT " KN_AUDIT_MOVING(
            "v.id"),
        1 },
      { "audit_snapshot_lone",
        "SELECT d FROM unnest($1::uuid[]) d WHERE NOT EXISTS (SELECT 1 FROM volume_snapshot v WHERE v.id = d) "
        "AND NOT EXISTS (SELECT 1 FROM volume_backup b WHERE b.id = d AND b.copy IS NOT NULL) AND NOT " KN_AUDIT_MOVING(
            "d"),
        1 } },
};

/* Its disk had another size just now; it was not about to grow if its row still says the same, because rows come before disks. */
static int measure_again(struct store *s, const struct disk_kind *k, const char *id, int64_t size_gib, int64_t size,
                         struct kn_error *err)
{
    AUTO_FREE char *gib = kn_asprintf("%lld", (long long)size_gib);
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(s->audit->db, &k->same, KN_ARGS(id, gib), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0) {
        json_array_append_new(s->findings[DISK_SIZE], json_sprintf("%s %s has %lld GiB, its disk %lld bytes", k->noun,
                                                                   id, (long long)size_gib, (long long)size));
    }
    return 0;
}

/* Collects those whose disk is not there. */
static int measure_disk(struct store *s, const struct disk_kind *k, const struct kn_rows *rows, int row,
                        struct kn_array *missing, struct kn_error *err)
{
    const char *id = kn_rows_text(rows, row, ALL_ID), *format = kn_rows_str(rows, row, ALL_FORMAT);
    const int64_t size_gib = kn_rows_int(rows, row, ALL_GIB);
    AUTO_FREE char *path = kn_asprintf("%s/%s%s", s->conf->volume_file_dir, k->prefix, id);

    if (access(path, F_OK) < 0) {
        kn_array_add(missing, id);
        return 0;
    }
    if (format == NULL) {
        json_array_append_new(s->findings[DISK_SIZE],
                              json_sprintf("nobody knows what the disk of %s %s is written in", k->noun, id));
        return 0;
    }
    const int64_t size = disk_size(path, format);
    return size == size_gib * GIB || access(path, F_OK) < 0 ? 0 : measure_again(s, k, id, size_gib, size, err);
}

static int look_for_missing_disks(struct store *s, const struct disk_kind *k, struct kn_array *missing,
                                  struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(s->audit->db, &k->still, KN_ARGS(kn_array_value(missing)), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        json_array_append_new(s->findings[HAS_DISK],
                              json_sprintf("the disk of %s %s is gone", k->noun, kn_rows_text(rows, i, KN_ONLY)));
    }
    return 0;
}

static int look_for_lone_disks(struct store *s, const struct disk_kind *k, struct kn_array *disks, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(s->audit->db, &k->lone, KN_ARGS(kn_array_value(disks)), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        AUTO_FREE char *path = kn_asprintf("%s/%s%s", s->conf->volume_file_dir, k->prefix,
                                           kn_rows_text(rows, i, KN_ONLY));

        if (access(path, F_OK) == 0) {
            json_array_append_new(s->findings[LONE_DISK], json_sprintf("%s has no %s", path, k->noun));
        }
    }
    return 0;
}

static int look_at_disks(struct store *s, const struct disk_kind *k, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array disks = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array missing = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const int cause = read_names(s->conf->volume_file_dir, k->id_of, &disks) < 0 ? errno : 0;

    if (kn_db_run(s->audit->db, &k->all, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    if (cause != 0) {
        if (k == DISK_KINDS || kn_rows_count(rows) > 0) { /* said once, as a rule */
            say_unseen(s, HAS_DISK, LONE_DISK, s->conf->volume_file_dir, cause, kn_rows_count(rows));
        }
        return 0;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        if (measure_disk(s, k, rows, i, &missing, err) < 0) {
            return -1;
        }
    }
    return look_for_missing_disks(s, k, &missing, err) < 0 ? -1 : look_for_lone_disks(s, k, &disks, err);
}

/* --- what is served (volume/serve/export.h) -------------------------------------------------------------------------------------- */

#define EXPORTS ".nbd"
#define IS_REACHED "a.status = 'attached' AND a.connection ->> 'driver' = 'nbd'"

static char *store_export_dir(const struct store *s, const char *volume)
{
    return kn_asprintf("%s/" EXPORTS "/%s", s->conf->volume_file_dir, volume);
}

static const char *export_of(const char *name)
{
    return kn_uuid_valid(name) ? name : NULL;
}

/* A daemon that was killed is back in no time: who is missing is looked for again where the row still says that it is reached. */
static int look_for_silent_exports(struct store *s, struct kn_error *err)
{
    static const struct kn_stmt REACHED = {
        "audit_reached", "SELECT DISTINCT a.volume_id FROM attachment a WHERE " IS_REACHED " ORDER BY a.volume_id", 0
    };
    static const struct kn_stmt STILL = { "audit_still_reached",
                                          "SELECT 1 FROM attachment a WHERE a.volume_id = $1 AND " IS_REACHED, 1 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(s->audit->db, &REACHED, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        const char *volume = kn_rows_text(rows, i, KN_ONLY);
        AUTO(kn_rows) struct kn_rows *still = NULL;
        AUTO_FREE char *dir = store_export_dir(s, volume);
        AUTO_CLOSE int process = -1;

        for (int looks = 0; looks < EXPORT_LOOKS && (process = kn_storage_find(dir)) < 0; looks++) {
            nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
        }
        if (process < 0 && kn_db_run(s->audit->db, &STILL, KN_ARGS(volume), &still, err) < 0) {
            return -1;
        }
        if (still != NULL && kn_rows_count(still) > 0) {
            json_array_append_new(s->findings[SERVED], json_sprintf("volume %s is attached and not served", volume));
        }
    }
    return 0;
}

static int look_for_lone_exports(struct store *s, struct kn_array *exports, struct kn_error *err)
{
    static const struct kn_stmt LONE = {
        "audit_export_lone",
        "SELECT d FROM unnest($1::uuid[]) d WHERE NOT EXISTS (SELECT 1 FROM attachment a WHERE a.volume_id = d)", 1
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(s->audit->db, &LONE, KN_ARGS(kn_array_value(exports)), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        const char *volume = kn_rows_text(rows, i, KN_ONLY);
        AUTO_FREE char *dir = store_export_dir(s, volume);

        if (access(dir, F_OK) == 0) {
            json_array_append_new(s->findings[LONE_EXPORT],
                                  json_sprintf("volume %s is served and has no attachment: %s", volume, dir));
        }
    }
    return 0;
}

static int look_at_exports(struct store *s, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array exports = KN_ARRAY_INIT;
    static const struct kn_stmt ANY = { "audit_any_volume", "SELECT 1 FROM volume LIMIT 1", 0 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_FREE char *all = store_export_dir(s, "");

    if (kn_db_run(s->audit->db, &ANY, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    if (access(s->conf->volume_file_dir, X_OK) < 0) {
        say_unseen(s, SERVED, LONE_EXPORT, s->conf->volume_file_dir, errno, kn_rows_count(rows));
        return 0;
    }
    if (read_names(all, export_of, &exports) < 0 && errno != ENOENT) {
        say_unseen(s, SERVED, LONE_EXPORT, all, errno, 1);
        return 0;
    }
    return look_for_silent_exports(s, err) < 0 ? -1 : look_for_lone_exports(s, &exports, err);
}

static int look_at_volumes(struct store *s, struct kn_error *err)
{
    for (size_t i = 0; i < KN_COUNT(DISK_KINDS); i++) {
        if (look_at_disks(s, &DISK_KINDS[i], err) < 0) {
            return -1;
        }
    }
    return look_at_exports(s, err);
}

/* --- images ------------------------------------------------------------------------------------------------------------------- */

static char *data_path(const struct store *s, const char *name)
{
    return kn_asprintf("%s/%s", s->conf->image_store_dir, name);
}

/* Whether a file has the digests of its row; what cannot be read to its end has not. */
static bool is_intact(const char *path, const char *sha512, const char *md5)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    AUTO_FREE char *piece = kn_alloc(PIECE);
    struct kn_digest *digest = kn_digest_new();
    char found[KN_SHA512_HEX] = "", found_md5[KN_MD5_HEX] = "";
    ssize_t n = -1;

    while (fd >= 0 && (n = read(fd, piece, PIECE)) > 0) {
        kn_digest_update(digest, piece, (size_t)n);
    }
    kn_digest_end(digest, found, found_md5);
    kn_digest_free(digest);
    return n == 0 && strcmp(found, sha512) == 0 && strcmp(found_md5, md5) == 0;
}

enum blob_column { B_SHA512, B_SIZE, B_MD5, B_IMAGE };

static void measure_data(struct store *s, const struct kn_rows *rows, int row, struct kn_array *missing)
{
    const char *sha512 = kn_rows_text(rows, row, B_SHA512);
    const char *image = kn_rows_text(rows, row, B_IMAGE);
    const int64_t size = kn_rows_int(rows, row, B_SIZE);
    AUTO_FREE char *path = data_path(s, sha512);
    struct stat st;

    if (stat(path, &st) < 0) {
        kn_array_add(missing, sha512);
    } else if (st.st_size != size) {
        json_array_append_new(s->findings[DATA_SIZE], json_sprintf("the data of image %s has %lld bytes, it had %lld",
                                                                   image, (long long)st.st_size, (long long)size));
    } else if (s->audit->is_deep && !is_intact(path, sha512, kn_rows_text(rows, row, B_MD5)) &&
               access(path, F_OK) == 0) {
        json_array_append_new(s->findings[DEEP],
                              json_sprintf("the data of image %s is not what was stored: %s", image, path));
    }
}

static int look_for_missing_data(struct store *s, struct kn_array *missing, struct kn_error *err)
{
    static const struct kn_stmt STILL = {
        "audit_data_still_missing",
        "SELECT i.id, i.sha512 FROM image i WHERE i.sha512 = ANY ($1::text[]) AND i.deleted_at IS NULL ORDER BY i.id", 1
    };
    enum { IMAGE, SHA512 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(s->audit->db, &STILL, KN_ARGS(kn_array_value(missing)), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        json_array_append_new(s->findings[HAS_DATA],
                              json_sprintf("the data of image %s is gone: %s", kn_rows_text(rows, i, IMAGE),
                                           kn_rows_text(rows, i, SHA512)));
    }
    return 0;
}

/* A file gets its name within the transaction that writes its row, so a young one may still be without. */
static int look_for_lone_data(struct store *s, struct kn_array *names, struct kn_error *err)
{
    static const struct kn_stmt LONE = {
        "audit_data_lone",
        "SELECT d FROM unnest($1::text[]) d WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.sha512 = d)", 1
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(s->audit->db, &LONE, KN_ARGS(kn_array_value(names)), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        AUTO_FREE char *path = data_path(s, kn_rows_text(rows, i, KN_ONLY));
        struct stat st;

        if (stat(path, &st) == 0 && time(NULL) - st.st_mtime > GRACE_S) {
            json_array_append_new(s->findings[LONE_DATA], json_sprintf("%s has no image", path));
        }
    }
    return 0;
}

static int look_at_data(struct store *s, struct kn_array *names, int cause, struct kn_error *err)
{
    static const struct kn_stmt DATA = {
        "audit_data",
        "SELECT b.sha512, b.size, b.md5, i.id FROM blob b JOIN LATERAL (SELECT id FROM image WHERE sha512 = b.sha512 AND deleted_at IS NULL "
        "ORDER BY id LIMIT 1) i ON true ORDER BY i.id",
        0
    };
    AUTO_RELEASE(kn_array) struct kn_array missing = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(s->audit->db, &DATA, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    if (cause != 0) {
        say_unseen(s, HAS_DATA, LONE_DATA, s->conf->image_store_dir, cause, kn_rows_count(rows));
        say_unseen(s, DEEP, DEEP, s->conf->image_store_dir, cause, kn_rows_count(rows));
        return 0;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        measure_data(s, rows, i, &missing);
    }
    return look_for_missing_data(s, &missing, err) < 0 ? -1 : look_for_lone_data(s, names, err);
}

/* --- who writes them ---------------------------------------------------------------------------------------------------------- */

/* Whether data that is on its way (image/data/blob.h) has a writer: it holds a lock for as long as it lives. */
static bool is_written(const struct store *s, const char *image)
{
    AUTO_FREE char *name = kn_asprintf("%s.part", image);
    AUTO_FREE char *path = data_path(s, name);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };

    return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static bool is_staged(const struct store *s, const char *image)
{
    AUTO_FREE char *name = kn_asprintf("%s.staged", image);
    AUTO_FREE char *path = data_path(s, name);

    return access(path, F_OK) == 0;
}

#define WAITING \
    "i.status IN ('saving', 'uploading') AND i.deleted_at IS NULL AND i.updated_at < now() - interval '1 minute'"
enum { WAITING_IMAGE, WAITING_STATUS }; /* of both statements that look for them */

static int look_for_dead_writers(struct store *s, struct kn_array *suspects, struct kn_error *err)
{
    static const struct kn_stmt STILL = {
        "audit_still_waiting",
        "SELECT i.id, i.status FROM image i WHERE i.id = ANY ($1::uuid[]) AND " WAITING " ORDER BY i.id", 1
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(s->audit->db, &STILL, KN_ARGS(kn_array_value(suspects)), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        json_array_append_new(s->findings[WRITER],
                              json_sprintf("image %s is %s and nobody writes it", kn_rows_text(rows, i, WAITING_IMAGE),
                                           kn_rows_text(rows, i, WAITING_STATUS)));
    }
    return 0;
}

static int look_at_writers(struct store *s, int cause, struct kn_error *err)
{
    static const struct kn_stmt IMAGES = { "audit_waiting", "SELECT i.id, i.status FROM image i WHERE " WAITING, 0 };
    AUTO_RELEASE(kn_array) struct kn_array suspects = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(s->audit->db, &IMAGES, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    if (cause != 0 && kn_rows_count(rows) > 0) {
        say_unseen(s, WRITER, WRITER, s->conf->image_store_dir, cause, kn_rows_count(rows));
        return 0;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        const char *id = kn_rows_text(rows, i, WAITING_IMAGE);
        const bool may_wait = strcmp(kn_rows_text(rows, i, WAITING_STATUS), "uploading") == 0;

        if (!is_written(s, id) && !(may_wait && is_staged(s, id))) {
            kn_array_add(&suspects, id);
        }
    }
    return look_for_dead_writers(s, &suspects, err);
}

/* --- both --------------------------------------------------------------------------------------------------------------------- */

static int store_look(struct store *s, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array names = KN_ARRAY_INIT;
    const int cause = read_names(s->conf->image_store_dir, data_of, &names) < 0 ? errno : 0;

    return look_at_volumes(s, err) < 0 || look_at_data(s, &names, cause, err) < 0 ? -1 : look_at_writers(s, cause, err);
}

int kn_conductor_audit_stores(struct kn_conductor_audit *audit, const struct kn_conf *conf, struct kn_error *err)
{
    struct store s = { .audit = audit, .conf = conf };
    int result;

    for (int p = 0; p < STORE_PROMISE_COUNT; p++) {
        s.findings[p] = json_array();
        s.unjudged[p] = json_array();
    }
    result = store_look(&s, err);
    for (int p = 0; p < STORE_PROMISE_COUNT; p++) {
        if (result == 0 && (p != DEEP || audit->is_deep)) {
            kn_conductor_audit_say(audit, kn_conductor_audit_store_promises[p], s.findings[p], s.unjudged[p]);
        }
        json_decref(s.findings[p]);
        json_decref(s.unjudged[p]);
    }
    return result;
}
