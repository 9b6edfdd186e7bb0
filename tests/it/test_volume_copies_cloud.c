/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What volumes are made from and what is made from them, in a whole cloud: images, snapshots, clones, uploads, growth. kilonova-volume and a conductor are killed in the middle of all of it;
 * every one comes to its end, every disk holds what it must, files and rows agree, and the audit finds every promise kept. Also of volumes that servers have.
 */
#include "tests/support/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/needs.h"
#include "tests/support/whole_cloud.h"

#define VOLUMES "/volume/v3/volumes"
#define BACKUPS "/volume/v3/backups"
#define SNAPSHOTS "/volume/v3/snapshots"
#define NEW KN_WHOLE_JSON "OpenStack-API-Version: volume 3.71\r\n"
#define GIB (INT64_C(1) << 30)
#define BUSY "SELECT count(*) FROM task WHERE state IN ('run', 'undo')"

static char image[KN_UUID_SIZE], flavor[64];

static void post_volume(const char *what, char ret_id[KN_UUID_SIZE])
{
    AUTO_FREE char *body = kn_asprintf("{\"volume\": {%s}}", what);

    kn_whole_cloud_expect(202, "POST", VOLUMES, NEW, body);
    kn_copy(ret_id, KN_UUID_SIZE, kn_whole_cloud_text("volume.id"));
}

static void post_of(const char *key, const char *source, char ret_id[KN_UUID_SIZE])
{
    AUTO_FREE char *what = kn_asprintf("\"%s\": \"%s\"", key, source);

    post_volume(what, ret_id);
}

static void snap(const char *volume, char ret_id[KN_UUID_SIZE])
{
    AUTO_FREE char *body = kn_asprintf("{\"snapshot\": {\"volume_id\": \"%s\"}}", volume);

    kn_whole_cloud_expect(202, "POST", SNAPSHOTS, NEW, body);
    kn_copy(ret_id, KN_UUID_SIZE, kn_whole_cloud_text("snapshot.id"));
}

static void act(int status, const char *volume, const char *body)
{
    AUTO_FREE char *path = kn_asprintf(VOLUMES "/%s/action", volume);

    kn_whole_cloud_expect(status, "POST", path, NEW, body);
}

static void settled(void)
{
    kn_whole_cloud_await(BUSY, 0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume WHERE status <> 'available'", NULL), 0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume_snapshot WHERE status <> 'available'", NULL), 0);
}

/* Its first bytes and its size; raw, as this cloud makes them. */
static void expect_disk(const char *kind, const char *id, int64_t size, const char *words)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s-%s", kn_whole.dir, kind, id);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    char found[64] = "";
    struct stat st;

    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    assert_int_equal(st.st_size, size);
    assert_int_equal(pread(fd, found, sizeof(found) - 1, 0), sizeof(found) - 1);
    assert_string_equal(found, words);
}

static void write_disk(const char *id, const char *words)
{
    AUTO_FREE char *path = kn_asprintf("%s/volume-%s", kn_whole.dir, id);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, words, strlen(words), 0), (ssize_t)strlen(words));
}

/* As many disks as rows; nothing half. */
static void files_agree(void)
{
    DIR *d = opendir(kn_whole.dir);
    int count = 0;

    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        count += strncmp(e->d_name, "volume-", 7) == 0 || strncmp(e->d_name, "snapshot-", 9) == 0 ||
                 strncmp(e->d_name, ".new-", 5) == 0 || strncmp(e->d_name, ".export-", 8) == 0 ||
                 strncmp(e->d_name, ".host-", 6) == 0;
    }
    closedir(d);
    assert_int_equal(
        kn_whole_cloud_count("SELECT (SELECT count(*) FROM volume) + (SELECT count(*) FROM volume_snapshot)", NULL),
        count);
}

/* Nobody began with it: it is what it was, to be used on, and its owner is told why. */
static void grows_beyond_all_room(const char *volume)
{
    assert_true(
        kn_whole_cloud_count(
            "WITH l AS (INSERT INTO quota_limit (service, project_id, resource, hard_limit) SELECT 'volume', id, 'gigabytes', -1 FROM project "
            "RETURNING 1) SELECT count(*) FROM l",
            NULL) > 0);
    act(202, volume, "{\"os-extend\": {\"new_size\": 9000}}");
    settled();
    assert_int_equal(kn_whole_cloud_count("SELECT v.size_gib FROM volume v JOIN task t ON t.object_id = v.id "
                                          "WHERE v.id::text = $1 AND t.kind = 'volume.extend' AND t.state = 'failed'",
                                          volume),
                     3);
}

static void from_an_image_and_on(void **state)
{
    AUTO_FREE char *of_image = kn_asprintf("\"size\": 1, \"imageRef\": \"%s\"", image), *path = NULL, *revert = NULL,
                   *reimage = NULL;
    char volume[KN_UUID_SIZE], snapshot[KN_UUID_SIZE], copy[KN_UUID_SIZE], clone[KN_UUID_SIZE];

    (void)state;
    post_volume(of_image, volume);
    settled();
    expect_disk("volume", volume, GIB, "what boots");
    path = kn_asprintf(VOLUMES "/%s", volume);
    kn_whole_cloud_expect(200, "GET", path, NEW, NULL);
    assert_string_equal(kn_whole_cloud_text("volume.bootable"), "true");
    assert_string_equal(kn_whole_cloud_text("volume.volume_image_metadata.image_id"), image);
    snap(volume, snapshot);
    settled();
    write_disk(volume, "what came"); /* as a guest would */
    post_of("snapshot_id", snapshot, copy);
    post_of("source_volid", volume, clone);
    settled();
    expect_disk("volume", copy, GIB, "what boots");
    expect_disk("volume", clone, GIB, "what cames");
    act(202, copy, "{\"os-extend\": {\"new_size\": 3}}");
    settled();
    expect_disk("volume", copy, 3 * GIB, "what boots");
    grows_beyond_all_room(copy);
    expect_disk("volume", copy, 3 * GIB, "what boots");
    revert = kn_asprintf("{\"revert\": {\"snapshot_id\": \"%s\"}}", snapshot);
    act(202, volume, revert);
    settled();
    expect_disk("volume", volume, GIB, "what boots");
    write_disk(volume, "what came");
    reimage = kn_asprintf("{\"os-reimage\": {\"image_id\": \"%s\"}}", image);
    act(202, volume, reimage);
    kn_whole_cloud_restart("kilonova-volume");
    settled();
    expect_disk("volume", volume, GIB, "what boots");
    files_agree();
}

/* It comes back as another volume, byte by byte. */
static void to_an_image_and_back(void **state)
{
    AUTO_FREE char *of_image = NULL;
    char volume[KN_UUID_SIZE], made[KN_UUID_SIZE], back[KN_UUID_SIZE];

    (void)state;
    post_volume("\"size\": 1", volume);
    settled();
    write_disk(volume, "what went");
    act(202, volume, "{\"os-volume_upload_image\": {\"image_name\": \"made\", \"disk_format\": \"qcow2\"}}");
    kn_copy(made, sizeof(made), kn_whole_cloud_text("os-volume_upload_image.image_id"));
    settled();
    assert_int_equal(
        kn_whole_cloud_count("SELECT count(*) FROM image WHERE id = $1 AND status = 'active' AND disk_format = 'qcow2'",
                             made),
        1);
    of_image = kn_asprintf("\"size\": 2, \"imageRef\": \"%s\"", made);
    post_volume(of_image, back);
    settled();
    expect_disk("volume", back, 2 * GIB, "what went");
    files_agree();
}

static void back_up(const char *volume, const char *more, char ret_id[KN_UUID_SIZE])
{
    AUTO_FREE char *body = kn_asprintf("{\"backup\": {\"volume_id\": \"%s\"%s}}", volume, more);

    kn_whole_cloud_expect(202, "POST", BACKUPS, NEW, body);
    kn_copy(ret_id, KN_UUID_SIZE, kn_whole_cloud_text("backup.id"));
}

static void restore(const char *backup, const char *volume, char ret_id[KN_UUID_SIZE])
{
    AUTO_FREE char *path = kn_asprintf(BACKUPS "/%s/restore", backup);
    AUTO_FREE char *body = volume != NULL ? kn_asprintf("{\"restore\": {\"volume_id\": \"%s\"}}", volume)
                                          : kn_strdup("{\"restore\": {}}");

    kn_whole_cloud_expect(202, "POST", path, NEW, body);
    kn_copy(ret_id, KN_UUID_SIZE, kn_whole_cloud_text("restore.volume_id"));
}

/* Of a volume, of what changed, of a snapshot; killed while they are made, restored and deleted. */
static void to_backups_and_back(void **state)
{
    AUTO_FREE char *path = NULL, *parent = NULL;
    char volume[KN_UUID_SIZE], snapshot[KN_UUID_SIZE], full[KN_UUID_SIZE], more[KN_UUID_SIZE], kept[KN_UUID_SIZE],
        back[KN_UUID_SIZE], other[KN_UUID_SIZE];

    (void)state;
    post_volume("\"size\": 1", volume);
    settled();
    write_disk(volume, "what was");
    snap(volume, snapshot);
    back_up(volume, ", \"name\": \"full\"", full);
    kn_whole_cloud_restart("kilonova-volume");
    settled();
    write_disk(volume, "what came");
    back_up(volume, ", \"incremental\": true", more);
    AUTO_FREE char *of_snapshot = kn_asprintf(", \"snapshot_id\": \"%s\"", snapshot);
    back_up(volume, of_snapshot, kept);
    settled();
    post_volume("\"size\": 3", other);
    settled();
    restore(full, NULL, back);
    restore(more, other, other);
    kn_whole_cloud_restart("kilonova-volume");
    settled();
    expect_disk("volume", back, GIB, "what was");
    expect_disk("volume", other, 3 * GIB, "what came");
    restore(kept, volume, volume);
    settled();
    expect_disk("volume", volume, GIB, "what was");
    parent = kn_asprintf(BACKUPS "/%s", full);
    kn_whole_cloud_expect(400, "DELETE", parent, NEW, NULL);
    path = kn_asprintf(BACKUPS "/%s", more);
    kn_whole_cloud_expect(202, "DELETE", path, NEW, NULL);
    kn_whole_cloud_restart("kilonova-volume");
    kn_whole_cloud_await(BUSY, 0);
    kn_whole_cloud_expect(202, "DELETE", parent, NEW, NULL);
    AUTO_FREE char *last = kn_asprintf(BACKUPS "/%s", kept);
    kn_whole_cloud_expect(202, "DELETE", last, NEW, NULL);
    kn_whole_cloud_await("SELECT count(*) FROM volume_backup", 0);
    AUTO_FREE char *store = kn_asprintf("%s/backups/volumebackups", kn_whole.dir);
    assert_int_equal(rmdir(store), 0); /* nothing is left in it */
    files_agree();
}

static void killed_in_the_middle_of_all(void **state)
{
    AUTO_FREE char *of_image = kn_asprintf("\"size\": 1, \"imageRef\": \"%s\"", image);
    char source[KN_UUID_SIZE], kept[KN_UUID_SIZE], made[8][KN_UUID_SIZE], snapshots[8][KN_UUID_SIZE];

    (void)state;
    post_volume(of_image, source);
    settled();
    snap(source, kept);
    settled();
    for (size_t i = 0; i < KN_COUNT(made); i++) {
        if (i % 3 == 0) {
            post_volume(of_image, made[i]);
        } else {
            post_of(i % 3 == 1 ? "snapshot_id" : "source_volid", i % 3 == 1 ? kept : source, made[i]);
        }
        snap(source, snapshots[i]);
        if (i % 2 == 0) {
            kn_whole_cloud_restart(i % 4 == 0 ? "kilonova-volume" : "kilonova-conductor");
        }
    }
    settled();
    for (size_t i = 0; i < KN_COUNT(made); i++) {
        expect_disk("volume", made[i], GIB, "what boots");
        expect_disk("snapshot", snapshots[i], GIB, "what boots");
        act(202, made[i],
            i % 2 == 0 ? "{\"os-extend\": {\"new_size\": 2}}"
                       : "{\"os-volume_upload_image\": {\"image_name\": \"m\", \"disk_format\": \"qcow2\"}}");
    }
    kn_whole_cloud_restart("kilonova-volume");
    settled();
    for (size_t i = 0; i < KN_COUNT(made); i++) {
        expect_disk("volume", made[i], i % 2 == 0 ? 2 * GIB : GIB, "what boots");
    }
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM image WHERE name = 'm' AND status = 'active'", NULL),
                     4);
    files_agree();
}

static void switch_backend(const char *verb, const char *name)
{
    AUTO_FREE char *path = kn_asprintf("/volume/v3/os-services/%s", verb);
    AUTO_FREE char *body = kn_asprintf("{\"host\": \"kilonova@%s\", \"binary\": \"cinder-volume\"}", name);

    kn_whole_cloud_expect(200, "PUT", path, NEW, body);
}

static void make_type(const char *name, const char *backend)
{
    AUTO_FREE char *body =
        kn_asprintf("{\"volume_type\": {\"name\": \"%s\", \"extra_specs\": {\"volume_backend_name\": \"%s\"}}}", name,
                    backend);

    kn_whole_cloud_expect(200, "POST", "/volume/v3/types", NEW, body);
}

static void lies_at(const char *volume, const char *where)
{
    AUTO_FREE char *sql = kn_asprintf("SELECT count(*) FROM volume WHERE id = $1 AND status || ' ' || backend = '%s'",
                                      where);

    assert_int_equal(kn_whole_cloud_count(sql, volume), 1);
}

/* There are two back ends. What is disabled gets nothing new; whoever gets no disk is told why. */
static void each_goes_where_its_type_says(void **state)
{
    char any[KN_UUID_SIZE], served[KN_UUID_SIZE], nowhere[KN_UUID_SIZE], next[KN_UUID_SIZE], none[KN_UUID_SIZE];

    (void)state;
    make_type("served", "<or> tape <or> nbd");
    make_type("nowhere", "tape");
    post_volume("\"size\": 1", any);
    post_volume("\"size\": 1, \"volume_type\": \"served\"", served);
    post_volume("\"size\": 1, \"volume_type\": \"nowhere\"", nowhere);
    kn_whole_cloud_await(BUSY, 0);
    lies_at(any, "available file");
    lies_at(served, "available nbd");
    lies_at(nowhere, "error file");
    switch_backend("disable", "file");
    post_volume("\"size\": 1", next);
    kn_whole_cloud_await(BUSY, 0);
    lies_at(next, "available nbd");
    switch_backend("disable", "nbd");
    post_volume("\"size\": 1", none);
    kn_whole_cloud_await(BUSY, 0);
    lies_at(none, "error file");
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume_message WHERE action = '001' AND detail = '003' "
                                          "AND resource_uuid IN (SELECT id FROM volume WHERE status = 'error')",
                                          NULL),
                     2);
    act(202, any, "{\"os-extend\": {\"new_size\": 2}}"); /* what is there is served on */
    kn_whole_cloud_await(BUSY, 0);
    lies_at(any, "available file");
    switch_backend("enable", "file");
    switch_backend("enable", "nbd");
}

/* Snapshots first or volumes first, and killed meanwhile. */
static void all_of_it_goes(void **state)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(kn_db_query(kn_whole.db, "SELECT id FROM volume ORDER BY id", 0, NULL, &rows, &err), &err);
    for (int i = 0; i < kn_rows_count(rows); i++) {
        AUTO_FREE char *path = kn_asprintf(VOLUMES "/%s?cascade=true", kn_rows_text(rows, i, 0));

        kn_whole_cloud_expect(202, "DELETE", path, NEW, NULL);
        if (i == 2) {
            kn_whole_cloud_restart("kilonova-volume");
        }
    }
    kn_whole_cloud_await(BUSY, 0);
    assert_int_equal(
        kn_whole_cloud_count("SELECT (SELECT count(*) FROM volume) + (SELECT count(*) FROM volume_snapshot)", NULL), 0);
    assert_int_equal(kn_whole_cloud_count("SELECT coalesce(sum(used), 0) FROM quota_usage WHERE service = 'volume'",
                                          NULL),
                     0);
    files_agree();
}

static void snap_at(int status, const char *minor, const char *volume, const char *more)
{
    AUTO_FREE char *body = kn_asprintf("{\"snapshot\": {\"volume_id\": \"%s\"%s}}", volume, more),
                   *headers = kn_asprintf(KN_WHOLE_JSON "OpenStack-API-Version: volume 3.%s\r\n", minor);

    kn_whole_cloud_expect(status, "POST", SNAPSHOTS, headers, body);
}

static void boot_from(const char *volume, char ret_server[KN_UUID_SIZE])
{
    AUTO_FREE char *body = kn_asprintf("{\"server\": {\"name\": \"s\", \"flavorRef\": \"%s\", \"networks\": \"none\", "
                                       "\"block_device_mapping_v2\": [{\"source_type\": \"volume\", \"uuid\": \"%s\", "
                                       "\"destination_type\": \"volume\", \"boot_index\": 0}]}}",
                                       flavor, volume);

    kn_whole_cloud_expect(202, "POST", "/compute/v2.1/servers", KN_WHOLE_JSON "OpenStack-API-Version: compute 2.90\r\n",
                          body);
    kn_copy(ret_server, KN_UUID_SIZE, kn_whole_cloud_text("server.id"));
    kn_whole_cloud_await(BUSY, 0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume WHERE id = $1 AND status = 'in-use'", volume),
                     1);
}

static const char *snapped(void)
{
    const char *snapshot = kn_whole_cloud_text("snapshot.id");

    kn_whole_cloud_await(BUSY, 0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume_snapshot WHERE id = $1 AND status = 'available'",
                                          snapshot),
                     1);
    return snapshot;
}

/* By force, or since 3.66. Whoever dies in the middle, it is whole; its server's end in the middle is its own. */
static void of_one_that_a_server_has(void **state)
{
    static const char *const DAEMONS[] = { "kilonova-volume", "kilonova-conductor", "kilonova-agent" };
    const int64_t before = kn_whole_cloud_count("SELECT count(*) FROM volume_snapshot", NULL);
    char volume[KN_UUID_SIZE], server[KN_UUID_SIZE];

    (void)state;
    AUTO_FREE char *of_image = kn_asprintf("\"size\": 1, \"imageRef\": \"%s\"", image);

    post_volume(of_image, volume);
    settled();
    write_disk(volume, "a guest's bytes");
    boot_from(volume, server);
    snap_at(400, "65", volume, "");
    snap_at(202, "65", volume, ", \"force\": true");
    expect_disk("snapshot", snapped(), GIB, "a guest's bytes");
    for (size_t i = 0; i < KN_COUNT(DAEMONS); i++) {
        snap_at(202, "66", volume, "");
        kn_whole_cloud_restart(DAEMONS[i]);
        expect_disk("snapshot", snapped(), GIB, "a guest's bytes");
        assert_true(kn_whole_cloud_is_sound());
    }
    snap_at(202, "66", volume, "");
    AUTO_FREE char *path = kn_asprintf("/compute/v2.1/servers/%s", server);

    kn_whole_cloud_expect(204, "DELETE", path, NEW, NULL);
    kn_whole_cloud_await(BUSY, 0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume_snapshot WHERE status = 'creating'", NULL), 0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume_snapshot", NULL), before + 5);
    assert_true(kn_whole_cloud_is_sound());
    AUTO_FREE char *with_all = kn_asprintf(VOLUMES "/%s?cascade=true", volume);

    kn_whole_cloud_expect(202, "DELETE", with_all, NEW, NULL);
    kn_whole_cloud_await(BUSY, 0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume_snapshot", NULL), before);
}

/* An iso's blocks are a volume's as they are. */
static void of_a_cd(void **state)
{
    AUTO_FREE char *data = kn_alloc(40 * 1024 + 1);
    char volume[KN_UUID_SIZE], head[64];

    (void)state;
    memset(data, 'c', 40 * 1024);
    data[40 * 1024] = '\0';
    memcpy(data + 16 * 2048 + 1, "CD001", 5);
    kn_whole_cloud_expect(201, "POST", "/image/v2/images", KN_WHOLE_JSON,
                          "{\"name\": \"cd\", \"disk_format\": \"iso\", \"container_format\": \"bare\"}");
    const char *cd = kn_whole_cloud_text("id");
    AUTO_FREE char *put = kn_asprintf("/image/v2/images/%s/file", cd), *path = NULL;
    AUTO_FREE char *of_image = kn_asprintf("\"size\": 1, \"imageRef\": \"%s\"", cd);

    kn_whole_cloud_expect(204, "PUT", put, "Content-Type: application/octet-stream\r\n", data);
    post_volume(of_image, volume);
    settled();
    kn_copy(head, sizeof(head), data);
    expect_disk("volume", volume, GIB, head);
    path = kn_asprintf(VOLUMES "/%s", volume);
    kn_whole_cloud_expect(202, "DELETE", path, NEW, NULL);
    kn_whole_cloud_await(BUSY, 0);
}

static void no_copy_is_left(void)
{
    kn_whole_cloud_await(BUSY, 0);
    files_agree();
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume_backup WHERE copy IS NOT NULL", NULL), 0);
}

/* By force: a copy of it is stored, and goes. Whoever dies in the middle, the backup is whole; its server's end in the middle ends it in one way or the other. */
static void backups_of_one_that_a_server_has(void **state)
{
    static const char *const DAEMONS[] = { "kilonova-volume", "kilonova-conductor", "kilonova-agent" };
    char volume[KN_UUID_SIZE], server[KN_UUID_SIZE], backup[KN_UUID_SIZE], back[KN_UUID_SIZE];

    (void)state;
    AUTO_FREE char *of_image = kn_asprintf("\"size\": 1, \"imageRef\": \"%s\"", image);

    post_volume(of_image, volume);
    settled();
    write_disk(volume, "a guest's bytes");
    boot_from(volume, server);
    AUTO_FREE char *unforced = kn_asprintf("{\"backup\": {\"volume_id\": \"%s\"}}", volume);
    kn_whole_cloud_expect(400, "POST", BACKUPS, NEW, unforced);
    for (size_t i = 0; i < KN_COUNT(DAEMONS); i++) {
        back_up(volume, i == 0 ? ", \"force\": true" : ", \"force\": true, \"incremental\": true", backup);
        kn_whole_cloud_restart(DAEMONS[i]);
        no_copy_is_left();
        assert_int_equal(
            kn_whole_cloud_count("SELECT count(*) FROM volume_backup WHERE id = $1 AND status = 'available'", backup),
            1);
        assert_true(kn_whole_cloud_is_sound());
    }
    restore(backup, NULL, back);
    kn_whole_cloud_await(BUSY, 0);
    expect_disk("volume", back, GIB, "a guest's bytes");
    back_up(volume, ", \"force\": true", backup);
    AUTO_FREE char *path = kn_asprintf("/compute/v2.1/servers/%s", server);

    kn_whole_cloud_expect(204, "DELETE", path, NEW, NULL);
    no_copy_is_left();
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume_backup WHERE id = $1 AND status IN "
                                          "('available', 'error')",
                                          backup),
                     1);
    assert_true(kn_whole_cloud_is_sound());
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };
    /* The newest first: they may be made of what is older. */
    assert_ok(kn_db_query(kn_whole.db, "SELECT id FROM volume_backup ORDER BY created_at DESC", 0, NULL, &rows, &err),
              &err);
    for (int i = 0; i < kn_rows_count(rows); i++) {
        AUTO_FREE char *one = kn_asprintf(BACKUPS "/%s", kn_rows_text(rows, i, 0));

        kn_whole_cloud_expect(202, "DELETE", one, NEW, NULL);
        kn_whole_cloud_await("SELECT count(*) FROM volume_backup", kn_rows_count(rows) - 1 - i);
    }
}

/* A group goes with its volumes, one of which may be on its way still, whoever dies meanwhile; what it counted as is given back with the last one (the audit sees to that). */
static void a_group_goes_with_its_volumes(void **state)
{
    static const char *const DAEMONS[] = { "kilonova-volume", "kilonova-conductor" };
    const int64_t before = kn_whole_cloud_count("SELECT count(*) FROM volume", NULL);

    (void)state;
    kn_whole_cloud_expect(202, "POST", "/volume/v3/group_types", NEW, "{\"group_type\": {\"name\": \"plain\"}}");
    for (size_t i = 0; i < sizeof(DAEMONS) / sizeof(DAEMONS[0]); i++) {
        char group[KN_UUID_SIZE], volume[KN_UUID_SIZE];

        kn_whole_cloud_expect(202, "POST", "/volume/v3/groups", NEW,
                              "{\"group\": {\"group_type\": \"plain\", \"volume_types\": [\"file\"]}}");
        kn_copy(group, sizeof(group), kn_whole_cloud_text("group.id"));
        AUTO_FREE char *member = kn_asprintf("\"size\": 1, \"volume_type\": \"file\", \"group_id\": \"%s\"", group),
                       *action = kn_asprintf("/volume/v3/groups/%s/action", group);
        post_volume(member, volume);
        settled();
        post_volume(member, volume);
        post_volume(member, volume);
        kn_whole_cloud_await(BUSY, 0);
        AUTO_FREE char *keep = kn_asprintf("{\"group_snapshot\": {\"group_id\": \"%s\"}}", group);
        kn_whole_cloud_expect(202, "POST", "/volume/v3/group_snapshots", NEW, keep);
        AUTO_FREE char *kept = kn_asprintf("/volume/v3/group_snapshots/%s", kn_whole_cloud_text("group_snapshot.id"));
        kn_whole_cloud_restart(DAEMONS[i]);
        settled();
        files_agree();
        assert_int_equal(
            kn_whole_cloud_count("SELECT count(*) FROM volume_snapshot WHERE group_snapshot_id IS NOT NULL", NULL), 3);
        kn_whole_cloud_expect(202, "DELETE", kept, NEW, NULL);
        kn_whole_cloud_restart(DAEMONS[i]);
        kn_whole_cloud_await("SELECT count(*) FROM volume_group_snapshot", 0);
        kn_whole_cloud_await(BUSY, 0);
        kn_whole_cloud_expect(202, "POST", action, NEW, "{\"delete\": {\"delete-volumes\": true}}");
        kn_whole_cloud_restart(DAEMONS[i]);
        kn_whole_cloud_await("SELECT count(*) FROM volume_group", 0);
        kn_whole_cloud_await(BUSY, 0);
        assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume", NULL), before);
    }
}

static int start_cloud(void **state)
{
    (void)state;
    setenv("KILONOVA_VOLUME_DRIVER", "file, nbd", 1);
    kn_whole_cloud_start("1");
    kn_copy(image, sizeof(image), kn_whole_cloud_image());
    kn_copy(flavor, sizeof(flavor), kn_whole_cloud_flavor());
    AUTO_FREE char *path = kn_asprintf("/volume/v3/os-quota-sets/%s", kn_whole.project);
    kn_whole_cloud_expect(200, "PUT", path, NEW, "{\"quota_set\": {\"volumes\": -1, \"snapshots\": -1}}");
    return 0;
}

int main(void)
{
    kn_test_needs("qemu-img");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(from_an_image_and_on, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(of_a_cd, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(a_group_goes_with_its_volumes, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(to_an_image_and_back, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(of_one_that_a_server_has, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(backups_of_one_that_a_server_has, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(to_backups_and_back, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(killed_in_the_middle_of_all, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(each_goes_where_its_type_says, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(all_of_it_goes, kn_whole_cloud_sound),
    };

    return cmocka_run_group_tests(tests, start_cloud, kn_whole_cloud_teardown);
}
