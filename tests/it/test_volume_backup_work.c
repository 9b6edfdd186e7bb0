/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kilonova-volume and the bytes of backups: what is stored and what is not, both formats, chains, a daemon that is killed while it stores and while it restores, a store that is full, a store that somebody
 * damaged. We play conductor and API.
 */
#include "tests/support/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/needs.h"
#include "tests/support/process.h"
#include "tests/support/service_world.h"

#define V "11111111-1111-4111-8111-11111111111"
#define BK "22222222-2222-4222-8222-22222222222"
#define MIB (1 << 20)
#define STORE "volumebackups"
#define FORGED "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static pid_t daemon_pid;
#define world kn_service_world

/* --- messages --------------------------------------------------------------------------------------------------------------- */

struct order {
    int64_t task;
    const char *type;
    json_t *body; /* borrowed by whoever sends it again */
};

static void send(const struct order *order)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_error err = { 0 };

    kn_message_init(&m, order->type, json_deep_copy(order->body));
    m.task = order->task;
    m.attempt = 1;
    m.shard = KN_SERVICE_SHARD;
    kn_copy(m.project, sizeof(m.project), "p");
    assert_ok(kn_message_print(&m, &text, &err), &err);
    assert_ok(kn_bus_send(world.bus, KN_TOPIC_VOLUME, 0, text.buf, text.len, &err), &err);
}

static struct order ask(const char *type, json_t *body)
{
    const struct order order = { ++world.next_task, type, body };

    send(&order);
    return order;
}

/* What is said next that is no answer to anybody else. ret_objects may be NULL. */
static enum kn_code answered(const struct order *order, int64_t *ret_objects)
{
    for (;;) {
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

        kn_service_world_next(world.replies, &m);
        if (m.task == order->task && m.is_reply) {
            if (m.ok && json_object_get(m.result, "manifest") != NULL) {
                AUTO_FREE char *sql =
                    kn_asprintf("UPDATE volume_backup SET status = 'available', manifest = '%s' WHERE id = '%s'",
                                kn_json_str(m.result, "manifest"), kn_json_str(order->body, "backup"));

                kn_service_world_sql(sql); /* as the conductor would */
            }
            if (ret_objects != NULL) {
                *ret_objects = kn_json_int(m.result, "objects");
            }
            return m.ok ? KN_OK : m.error.code;
        }
    }
}

static enum kn_code done(const char *type, json_t *body, int64_t *ret_objects)
{
    const struct order order = ask(type, body);
    const enum kn_code code = answered(&order, ret_objects);

    json_decref(body);
    return code;
}

static void insert(const char *volume, int gib)
{
    AUTO_FREE char *row = kn_asprintf("INSERT INTO volume (id, project_id, user_id, size_gib, status, created_at) "
                                      "VALUES ('%s', 'p', 'u', %d, 'creating', clock_timestamp())",
                                      volume, gib);

    kn_service_world_sql(row);
}

static void make(const char *volume)
{
    insert(volume, 1);
    assert_int_equal(done("volume.create", json_pack("{s:s, s:i}", "volume", volume, "size_gib", 1), NULL), KN_OK);
}

static void insert_backup(const char *id, const char *parent)
{
    AUTO_FREE char *row = kn_asprintf(
        "INSERT INTO volume_backup (id, project_id, user_id, volume_id, parent_id, size_gib, status, zone, container, data_timestamp) "
        "VALUES ('%s', 'p', 'u', '" V "1', %s, 1, 'creating', 'nova', '" STORE "', now())",
        id, parent);

    kn_service_world_sql(row);
}

static json_t *of_backup(const char *id)
{
    return json_pack("{s:s, s:s}", "backup", id, "volume", V "1");
}

static int64_t stored(const char *id, const char *parent)
{
    int64_t objects = -1;

    insert_backup(id, parent);
    assert_int_equal(done("backup.create", of_backup(id), &objects), KN_OK);
    return objects;
}

static json_t *to_volume(const char *volume, const char *backup, int gib)
{
    return json_pack("{s:s, s:s, s:i}", "volume", volume, "from_backup", backup, "size_gib", gib);
}

static enum kn_code restored(const char *volume, const char *backup, int gib)
{
    insert(volume, gib);
    return done("volume.create", to_volume(volume, backup, gib), NULL);
}

/* --- bytes ------------------------------------------------------------------------------------------------------------------ */

static char *disk(const char *volume)
{
    return kn_asprintf("%s/volumes/volume-%s", world.dir, volume);
}

/* "write -P 7 1M 1M", for disks of the test's format. */
static bool qemu_io(const char *volume, const char *format, const char *command)
{
    AUTO_FREE char *path = disk(volume);
    AUTO_FREE char *line = kn_asprintf("qemu-io -f %s -c '%s' %s | grep -q -v 'Pattern verification failed'", format,
                                       command, path);
    AUTO_FREE char *fails = kn_asprintf("! qemu-io -f %s -c '%s' %s 2>&1 | grep -q failed", format, command, path);

    return system(line) == 0 && system(fails) == 0;
}

static int objects_below(const char *store, const char *backup)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s/" STORE "/%s", world.dir, store, backup);
    DIR *d = opendir(path);
    int count = 0;

    if (d == NULL) {
        return -1;
    }
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    }
    closedir(d);
    return count;
}

static int objects_in(const char *backup)
{
    return objects_below("backups", backup);
}

static int half_disks(void)
{
    AUTO_FREE char *path = kn_asprintf("%s/volumes", world.dir);
    DIR *d = opendir(path);
    int count = 0;

    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        count += strncmp(e->d_name, ".new-", 5) == 0 || strncmp(e->d_name, ".export-", 8) == 0;
    }
    closedir(d);
    return count;
}

static void start_as(const char *format)
{
    AUTO_FREE char *volumes = kn_asprintf("volume.file_dir=%s/volumes", world.dir);
    AUTO_FREE char *backups = kn_asprintf("volume.backup_dir=%s/backups", world.dir);
    AUTO_FREE char *made_as = kn_asprintf("volume.file_format=%s", format);

    daemon_pid = kn_service_world_daemon("kilonova-volume", KN_TOPIC_VOLUME,
                                         (const char *const[]){ volumes, backups, made_as, "volume.backup_chunk_mib=1",
                                                                "volume.threads=2", NULL });
}

/* Backups go to an S3-like store at this port. */
static void start_with_s3(int port, const char *secret)
{
    AUTO_FREE char *volumes = kn_asprintf("volume.file_dir=%s/volumes", world.dir);
    AUTO_FREE char *backups = kn_asprintf("volume.backup_dir=%s/backups", world.dir);
    AUTO_FREE char *url = kn_asprintf("volume.backup_s3_url=http://127.0.0.1:%d/", port);
    AUTO_FREE char *key = kn_asprintf("volume.backup_s3_secret_key=%s", secret);

    daemon_pid = kn_service_world_daemon("kilonova-volume", KN_TOPIC_VOLUME,
                                         (const char *const[]){
                                             volumes, backups, url, key, "volume.backup_driver=s3",
                                             "volume.backup_s3_access_key=key", "volume.backup_s3_bucket=ours",
                                             "volume.backup_chunk_mib=1", "volume.threads=2", NULL });
}

/* --- tests ------------------------------------------------------------------------------------------------------------------ */

/* Zeros are not stored, equal chunks once; what is restored is the disk, holes included, also where another one was. */
static void only_what_is_there(void **state)
{
    (void)state;
    make(V "1");
    assert_true(qemu_io(V "1", "raw", "write -P 7 1M 2M"));
    assert_true(qemu_io(V "1", "raw", "write -P 9 1000K 4K"));
    assert_true(qemu_io(V "1", "raw", "write -P 0 500M 3M")); /* zeros that are no hole */
    assert_int_equal(stored(BK "1", "NULL"), 2);
    assert_int_equal(objects_in(BK "1"), 3);
    assert_int_equal(restored(V "2", BK "1", 2), KN_OK);
    assert_true(qemu_io(V "2", "raw", "read -P 7 1M 2M"));
    assert_true(qemu_io(V "2", "raw", "read -P 9 1000K 4K"));
    assert_true(qemu_io(V "2", "raw", "read -P 0 3M 61M"));
    make(V "3");
    assert_true(qemu_io(V "3", "raw", "write -P 5 0 64M"));
    assert_int_equal(done("volume.overwrite", to_volume(V "3", BK "1", 1), NULL), KN_OK);
    assert_true(qemu_io(V "3", "raw", "read -P 7 1M 2M"));
    assert_true(qemu_io(V "3", "raw", "read -P 0 3M 61M"));
    assert_int_equal(done("backup.delete", of_backup(BK "1"), NULL), KN_OK);
    assert_int_equal(objects_in(BK "1"), -1);
    assert_int_equal(done("backup.delete", of_backup(BK "1"), NULL), KN_OK);
    assert_int_equal(half_disks(), 0);
}

/* The disks' format is nobody's business but the disks'. */
static void a_qcow2_and_back(void **state)
{
    (void)state;
    assert_true(kn_test_end(daemon_pid, SIGTERM));
    start_as("qcow2");
    make(V "1");
    assert_true(qemu_io(V "1", "qcow2", "write -P 7 1M 2M"));
    assert_int_equal(stored(BK "1", "NULL"), 1);
    assert_int_equal(restored(V "2", BK "1", 2), KN_OK);
    assert_true(qemu_io(V "2", "qcow2", "read -P 7 1M 2M"));
    assert_true(qemu_io(V "2", "qcow2", "read -P 0 3M 61M"));
    assert_true(kn_test_end(daemon_pid, SIGTERM));
    start_as("raw");
    assert_int_equal(restored(V "3", BK "1", 1), KN_OK);
    assert_true(qemu_io(V "3", "raw", "read -P 7 1M 2M"));
    assert_int_equal(half_disks(), 0);
}

/* What changed is stored, and nothing else; each link restores what was at its time. */
static void chains(void **state)
{
    (void)state;
    make(V "1");
    assert_true(qemu_io(V "1", "raw", "write -P 1 0 1M"));
    assert_true(qemu_io(V "1", "raw", "write -P 2 10M 1M"));
    assert_int_equal(stored(BK "1", "NULL"), 2);
    assert_true(qemu_io(V "1", "raw", "write -P 3 10M 1M"));
    assert_true(qemu_io(V "1", "raw", "write -P 4 20M 1M"));
    assert_int_equal(stored(BK "2", "'" BK "1'"), 2);
    assert_true(qemu_io(V "1", "raw", "write -P 0 0 1M")); /* what was there is not any more */
    assert_true(qemu_io(V "1", "raw", "write -P 5 20M 1M"));
    assert_int_equal(stored(BK "3", "'" BK "2'"), 1);
    assert_int_equal(stored(BK "4", "'" BK "3'"), 0); /* nothing */
    assert_int_equal(restored(V "2", BK "2", 1), KN_OK);
    assert_true(qemu_io(V "2", "raw", "read -P 1 0 1M"));
    assert_true(qemu_io(V "2", "raw", "read -P 3 10M 1M"));
    assert_true(qemu_io(V "2", "raw", "read -P 4 20M 1M"));
    assert_int_equal(restored(V "3", BK "4", 1), KN_OK);
    assert_true(qemu_io(V "3", "raw", "read -P 0 0 10M"));
    assert_true(qemu_io(V "3", "raw", "read -P 3 10M 1M"));
    assert_true(qemu_io(V "3", "raw", "read -P 5 20M 1M"));
}

static void die_when(bool (*is_time)(void))
{
    const int64_t deadline = kn_mono_ms() + KN_SERVICE_WAIT_MS;

    while (!is_time() && kn_mono_ms() < deadline) {
        kn_test_pause(1);
    }
    kn_test_end(daemon_pid, SIGKILL);
}

static bool it_stores(void)
{
    return objects_in(BK "1") > 4;
}

static bool it_restores(void)
{
    AUTO_FREE char *path = kn_asprintf("%s/volumes/.new-volume-" V "2", world.dir);
    struct stat st;

    return stat(path, &st) == 0 && st.st_blocks > 0;
}

/* Killed wherever it is, it ends as if it had not been; and what is killed and not wanted any more leaves nothing. */
static void killed_in_the_middle(void **state)
{
    json_t *body = of_backup(BK "1");

    (void)state;
    make(V "1");
    assert_true(qemu_io(V "1", "raw", "write -P 7 0 1M"));
    AUTO_FREE char *path = disk(V "1");
    AUTO_FREE char *noise = kn_asprintf("head -c 16M /dev/urandom | dd of=%s bs=1M seek=1 conv=notrunc status=none",
                                        path);
    assert_int_equal(system(noise), 0);
    insert_backup(BK "1", "NULL");
    const struct order order = ask("backup.create", body);
    die_when(it_stores);
    start_as("raw");
    send(&order);
    assert_int_equal(answered(&order, NULL), KN_OK);
    assert_int_equal(objects_in(BK "1"), 18);

    insert(V "2", 1);
    json_t *back = to_volume(V "2", BK "1", 1);
    const struct order restoring = ask("volume.create", back);
    die_when(it_restores);
    start_as("raw");
    send(&restoring);
    assert_int_equal(answered(&restoring, NULL), KN_OK);
    AUTO_FREE char *copy = disk(V "2"), *same = kn_asprintf("cmp -s %s %s", path, copy);
    assert_int_equal(system(same), 0);

    kn_service_world_sql("UPDATE volume_backup SET status = 'creating', manifest = NULL");
    AUTO_FREE char *half = kn_asprintf("rm %s/backups/" STORE "/" BK "1/manifest; touch %s/backups/" STORE "/" BK
                                       "1/half.new",
                                       world.dir, world.dir);
    assert_int_equal(system(half), 0);
    const struct order again = ask("backup.create", body); /* what no manifest names goes */
    assert_int_equal(answered(&again, NULL), KN_OK);
    assert_int_equal(objects_in(BK "1"), 18);
    assert_int_equal(done("backup.delete", of_backup(BK "1"), NULL), KN_OK);
    assert_int_equal(objects_in(BK "1"), -1);
    assert_int_equal(half_disks(), 0);
    json_decref(body);
    json_decref(back);
}

/* One byte is not what it was, one chunk is gone, the manifest is another's: nothing is restored, and the old disk stays. */
static void a_damaged_store(void **state)
{
    static const char *const DAMAGES[] = {
        "f=$(ls | grep -v manifest | head -1); printf x | dd of=$f bs=1 seek=5 conv=notrunc status=none",
        "rm $(ls | grep -v manifest | head -1)",
        "f=$(ls | grep -v manifest | head -1); truncate -s 5 $f",
        "sed -i s/^1/2/ manifest",
        "rm manifest",
    };

    (void)state;
    make(V "1");
    assert_true(qemu_io(V "1", "raw", "write -P 7 1M 1M"));
    make(V "3");
    assert_true(qemu_io(V "3", "raw", "write -P 5 0 1M"));
    for (size_t i = 0; i < KN_COUNT(DAMAGES); i++) {
        assert_int_equal(stored(BK "1", "NULL"), 1);
        AUTO_FREE char *damage = kn_asprintf("cd %s/backups/" STORE "/" BK "1 && %s", world.dir, DAMAGES[i]);
        assert_int_equal(system(damage), 0);
        assert_int_equal(restored(V "2", BK "1", 1), KN_GONE);
        assert_int_equal(done("volume.overwrite", to_volume(V "3", BK "1", 1), NULL), KN_GONE);
        assert_true(qemu_io(V "3", "raw", "read -P 5 0 1M"));
        AUTO_FREE char *path = disk(V "2");
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(half_disks(), 0);
        assert_int_equal(done("backup.delete", of_backup(BK "1"), NULL), KN_OK);
        kn_service_world_sql("DELETE FROM volume_backup; DELETE FROM volume WHERE id = '" V "2'");
    }
}

/* What the chain has lost is stored again; on a parent whose manifest is not its own nothing is built. */
static void a_damaged_parent(void **state)
{
    static const char *const LOSSES[] = { "rm $(ls | grep -v manifest | head -1)",
                                          "truncate -s 5 $(ls | grep -v manifest | head -1)", "sed -i s/^1/2/ manifest",
                                          "rm manifest" };

    (void)state;
    make(V "1");
    assert_true(qemu_io(V "1", "raw", "write -P 7 1M 1M"));
    for (size_t i = 0; i < KN_COUNT(LOSSES); i++) {
        const bool is_whole = i + 2 < KN_COUNT(LOSSES);

        assert_int_equal(stored(BK "1", "NULL"), 1);
        AUTO_FREE char *loss = kn_asprintf("cd %s/backups/" STORE "/" BK "1 && %s", world.dir, LOSSES[i]);
        assert_int_equal(system(loss), 0);
        insert_backup(BK "2", "'" BK "1'");
        int64_t objects = 0;
        const enum kn_code code = done("backup.create", of_backup(BK "2"), &objects);
        assert_int_equal(code, is_whole ? KN_OK : KN_GONE);
        assert_int_equal(objects, is_whole);
        if (is_whole) {
            assert_int_equal(restored(V "2", BK "2", 1), KN_OK);
            assert_true(qemu_io(V "2", "raw", "read -P 7 1M 1M"));
            assert_int_equal(done("volume.delete", json_pack("{s:s}", "volume", V "2"), NULL), KN_OK);
        }
        assert_int_equal(done("backup.delete", of_backup(BK "2"), NULL), KN_OK);
        assert_int_equal(done("backup.delete", of_backup(BK "1"), NULL), KN_OK);
        kn_service_world_sql("DELETE FROM volume_backup; DELETE FROM volume WHERE id = '" V "2'");
    }
}

/* It is said at once, without a hundred tries, and what was stored can go. */
static void a_full_store(void **state)
{
    (void)state;
    AUTO_FREE char *path = kn_asprintf("%s/backups", world.dir);

    mkdir(path, 0700);
    if (mount("none", path, "tmpfs", 0, "size=8m") < 0) {
        print_message("nothing can be mounted here: not tried\n");
        skip();
    }
    make(V "1");
    AUTO_FREE char *noise = kn_asprintf("head -c 16M /dev/urandom | dd of=%s/volumes/volume-" V
                                        "1 bs=1M conv=notrunc status=none",
                                        world.dir);
    assert_int_equal(system(noise), 0);
    insert_backup(BK "1", "NULL");
    const enum kn_code full = done("backup.create", of_backup(BK "1"), NULL),
                       gone = done("backup.delete", of_backup(BK "1"), NULL);
    const int left = objects_in(BK "1");
    assert_int_equal(umount(path), 0);
    assert_true(full == KN_TOO_LARGE && gone == KN_OK);
    assert_int_equal(left, -1);
}

/* A row as an import writes it, its bytes those of BK "1", that of BK "6" in a store that is not here, with the manifest that the row of BK "1" has, or another. */
static enum kn_code imported(const char *id, const char *manifest, int gib)
{
    json_t *body = json_pack("{s:s,s:s,s:s,s:i}", "backup", id, "volume", V "1", "manifest", manifest, "size_gib", gib);
    int64_t objects = -1;

    insert_backup(id, "NULL");
    kn_service_world_sql("UPDATE volume_backup SET store = CASE WHEN id = '" BK "6' THEN 's3' ELSE 'directory' END, "
                         "location = '" BK "1' WHERE store IS NULL");
    const enum kn_code code = done("backup.import", body, &objects);
    assert_int_equal(objects, code == KN_OK ? 2 : 0);
    return code;
}

/* A record finds the bytes; none that is not of them does, and removes none; with the last row that has them they go. */
static void records(void **state)
{
    (void)state;
    make(V "1");
    assert_true(qemu_io(V "1", "raw", "write -P 7 1M 2M") && qemu_io(V "1", "raw", "write -P 9 5M 1M"));
    assert_int_equal(stored(BK "1", "NULL"), 2);
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };
    assert_ok(kn_db_query(world.db, "SELECT manifest FROM volume_backup", 0, NULL, &rows, &err), &err);
    const char *manifest = kn_rows_text(rows, 0, KN_ONLY);
    assert_int_equal(imported(BK "2", FORGED, 1), KN_GONE);
    assert_int_equal(imported(BK "3", manifest, 2), KN_GONE); /* larger than it says */
    assert_int_equal(imported(BK "4", manifest, 1), KN_OK);
    kn_service_world_sql("UPDATE volume_backup SET status = 'deleting' WHERE id <> '" BK "4'");
    assert_int_equal(done("backup.delete", of_backup(BK "2"), NULL), KN_OK); /* whose hash was none */
    assert_int_equal(done("backup.delete", of_backup(BK "1"), NULL), KN_OK);
    assert_true(restored(V "2", BK "4", 1) == KN_OK && qemu_io(V "2", "raw", "read -P 7 1M 2M"));
    assert_true(done("backup.delete", of_backup(BK "4"), NULL) == KN_OK && objects_in(BK "1") == -1);
    assert_int_equal(imported(BK "5", manifest, 1), KN_GONE); /* they are gone */
    kn_service_world_sql("DELETE FROM volume_backup");
    assert_int_equal(imported(BK "6", manifest, 1), KN_NOT_IMPLEMENTED); /* and goes */
    assert_int_equal(done("backup.delete", of_backup(BK "6"), NULL), KN_OK);
}

static void trouble(const char *what)
{
    AUTO_FREE char *write = kn_asprintf("echo '%s' > %s/s3/trouble", what, world.dir),
                   *none = kn_asprintf("rm -f %s/s3/trouble", world.dir);

    assert_int_equal(system(*what != '\0' ? write : none), 0);
}

static void to_s3_and_back(void)
{
    make(V "1");
    AUTO_FREE char *noise = kn_asprintf("head -c 12M /dev/urandom | dd of=%s/volumes/volume-" V
                                        "1 bs=1M conv=notrunc status=none",
                                        world.dir);
    assert_int_equal(system(noise), 0);
    trouble("busy 2"); /* each is asked for a second time */
    assert_int_equal(stored(BK "1", "NULL"), 12);
    assert_int_equal(objects_below("s3/ours", BK "1"), 13);
    trouble("");
    assert_true(qemu_io(V "1", "raw", "write -P 3 5M 1M"));
    AUTO_FREE char *loss = kn_asprintf("cd %s/s3/ours/" STORE "/" BK
                                       "1 && truncate -s 5 $(ls | grep -v manifest | head -1)",
                                       world.dir);
    assert_int_equal(stored(BK "2", "'" BK "1'"), 1);
    assert_int_equal(restored(V "2", BK "2", 1), KN_OK);
    AUTO_FREE char *same = kn_asprintf("cmp %s/volumes/volume-" V "1 %s/volumes/volume-" V "2", world.dir, world.dir);
    assert_int_equal(system(same), 0);
    assert_int_equal(system(loss), 0);
    assert_int_not_equal(restored(V "3", BK "1", 1), KN_OK);
}

/* What passes is waited for; what is refused is told, and leaves what can go. */
static void an_s3_store(void **state)
{
    const int port = kn_test_free_port();
    AUTO_FREE char *dir = kn_asprintf("%s/s3", world.dir), *bucket = kn_asprintf("%s/ours", dir),
                   *at = kn_asprintf("%d", port), *log = kn_asprintf("%s/s3.log", world.dir);
    const char *argv[] = { "/usr/bin/python3", "tests/support/s3.py", dir, at, NULL };

    (void)state;
    assert_true(mkdir(dir, 0700) == 0 && mkdir(bucket, 0700) == 0);
    const pid_t store = kn_test_spawn(argv, log, NULL);
    kn_test_wait_port(port);
    assert_true(kn_test_end(daemon_pid, SIGTERM));
    start_with_s3(port, "secret");
    to_s3_and_back();
    trouble("full");
    insert_backup(BK "3", "NULL");
    assert_int_equal(done("backup.create", of_backup(BK "3"), NULL), KN_TOO_LARGE);
    trouble("silent"); /* it gives up */
    assert_int_equal(done("backup.create", of_backup(BK "3"), NULL), KN_INTERNAL);
    trouble("");
    assert_int_equal(done("backup.create", of_backup(BK "3"), NULL), KN_OK);
    assert_true(kn_test_end(daemon_pid, SIGTERM));
    start_with_s3(port, "another");
    insert_backup(BK "4", "NULL");
    assert_int_equal(done("backup.create", of_backup(BK "4"), NULL), KN_INTERNAL);
    assert_true(kn_test_end(daemon_pid, SIGTERM));
    start_with_s3(port, "secret");
    for (const char *const *id = (const char *const[]){ BK "4", BK "3", BK "2", BK "1", NULL }; *id != NULL; id++) {
        assert_int_equal(done("backup.delete", of_backup(*id), NULL), KN_OK);
        assert_true(objects_below("s3/ours", *id) <= 0);
    }
    kn_test_end(store, SIGTERM);
    assert_true(kn_test_end(daemon_pid, SIGTERM));
    start_as("raw");
}

static int clean(void **state)
{
    AUTO_FREE char *all = kn_asprintf("rm -rf %s/volumes/volume-* %s/backups/* %s/s3", world.dir, world.dir, world.dir);

    (void)state;
    assert_int_equal(system(all), 0);
    kn_service_world_sql("DELETE FROM volume; TRUNCATE volume_backup");
    return 0;
}

static int start_world(void **state)
{
    (void)state;
    kn_service_world_start("backups");
    start_as("raw");
    return 0;
}

static int stop_world(void **state)
{
    (void)state;
    kn_test_end(daemon_pid, SIGTERM);
    kn_service_world_stop();
    return 0;
}

int main(void)
{
    kn_test_needs("qemu-img", "qemu-io", "python3");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(only_what_is_there, clean),
        cmocka_unit_test_teardown(a_qcow2_and_back, clean),
        cmocka_unit_test_teardown(chains, clean),
        cmocka_unit_test_teardown(killed_in_the_middle, clean),
        cmocka_unit_test_teardown(a_damaged_store, clean),
        cmocka_unit_test_teardown(a_damaged_parent, clean),
        cmocka_unit_test_teardown(records, clean),
        cmocka_unit_test_teardown(a_full_store, clean),
        cmocka_unit_test_teardown(an_s3_store, clean),
    };

    return cmocka_run_group_tests(tests, start_world, stop_world);
}
