/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kilonova-volume with a qemu-img that takes its time: the test's own, first in PATH, which waits for a file "go-<volume>" before it calls the real one,
 * for volumes that have a file "hold-<volume>". A disk that takes long keeps nobody else's waiting; asked again it is not made twice, and says that it is
 * on its way; cancelled, removed or killed in the middle it leaves nothing. We play conductor and API.
 */
#include "tests/support/test.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/needs.h"
#include "tests/support/process.h"
#include "tests/support/service_world.h"

#define WAIT_MS KN_SERVICE_WAIT_MS
#define SHARD KN_SERVICE_SHARD
#define P "11111111-1111-4111-8111-11111111111"
#define Q "22222222-2222-4222-8222-22222222222"

static const char QEMU_IMG[] =
    "#!/bin/sh\n"
    "case \"$*\" in *volume-*) v=${*##*volume-}; v=${v%% *};; esac\n"
    "d=$(dirname \"$0\")/..\n"
    "if [ -e \"$d/hold-$v\" ]; then touch \"$d/began-$v\"; while [ ! -e \"$d/go-$v\" ]; do sleep 0.05; done; fi\n"
    "PATH=${PATH#*:} exec qemu-img \"$@\"\n";

static struct {
    struct kn_message early[16]; /* heard while another was waited for */
    pid_t volume;
} mine;
#define world kn_service_world

/* --- files ----------------------------------------------------------------------------------------------------------------- */

static bool is_there(const char *name, const char *volume)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s%s", world.dir, name, volume);

    return access(path, F_OK) == 0;
}

static void touch(const char *name, const char *volume)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s%s", world.dir, name, volume);
    FILE *f = fopen(path, "wbe");

    assert_non_null(f);
    fclose(f);
}

static void drop(const char *name, const char *volume)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s%s", world.dir, name, volume);

    unlink(path);
}

static void await_file(const char *name, const char *volume)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    while (!is_there(name, volume)) {
        assert_true(kn_mono_ms() < deadline);
        kn_test_pause(10);
    }
}

static int disks(void)
{
    AUTO_FREE char *path = kn_asprintf("%s/volumes", world.dir);
    DIR *d = opendir(path);
    int count = 0;

    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    }
    closedir(d);
    return count;
}

/* --- messages ---------------------------------------------------------------------------------------------------------------- */

struct order {
    int64_t task;
    const char *project;
    const char *type;
    const char *volume;
    const char *snapshot; /* the command's, or what it is made from */
    int size_gib;
};

static void send(const struct order *order, const char *type)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_error err = { 0 };

    kn_message_init(&m, type,
                    json_pack("{s:s, s:i, s:s, s:s}", "volume", order->volume, "size_gib", 1, "server", P "9", "host",
                              "h1"));
    if (order->snapshot != NULL) {
        json_object_set_new(m.body, "snapshot", json_string(order->snapshot));
        json_object_set_new(m.body, "from_snapshot", json_string(order->snapshot));
    }
    json_object_set_new(m.body, "size_gib", json_integer(order->size_gib));
    m.task = order->task;
    m.attempt = 1;
    m.shard = SHARD;
    kn_copy(m.project, sizeof(m.project), order->project);
    assert_ok(kn_message_print(&m, &text, &err), &err);
    assert_ok(kn_bus_send(world.bus, KN_TOPIC_VOLUME, 0, text.buf, text.len, &err), &err);
}

static struct order ask(const char *type, const char *volume, const char *project)
{
    const struct order order = { ++world.next_task, project, type, volume, NULL, 1 };

    send(&order, type);
    return order;
}

/* What is said next of this order. */
static void hear(const struct order *order, struct kn_message *ret)
{
    for (size_t i = 0; i < KN_COUNT(mine.early); i++) {
        if (mine.early[i].type != NULL && mine.early[i].task == order->task) {
            *ret = mine.early[i];
            mine.early[i] = (struct kn_message){ 0 };
            return;
        }
    }
    for (kn_service_world_next(world.replies, ret); ret->task != order->task;
         kn_service_world_next(world.replies, ret)) {
        size_t i = 0;
        while (mine.early[i].type != NULL) {
            assert_true(++i < KN_COUNT(mine.early));
        }
        mine.early[i] = *ret;
    }
}

static enum kn_code answer(const struct order *order)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

    for (hear(order, &m); !m.is_reply; hear(order, &m)) {
        assert_string_equal(m.type->name, "working");
        kn_message_release(&m);
    }
    return m.ok ? KN_OK : m.error.code;
}

static void insert(const char *volume)
{
    AUTO_FREE char *row = kn_asprintf("INSERT INTO volume (id, project_id, user_id, size_gib, status, created_at) "
                                      "VALUES ('%s', 'p', 'u', 1, 'creating', clock_timestamp())",
                                      volume);
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(world.db, row, &err), &err);
}

/* A creation whose qemu-img waits. */
static struct order create_held(const char *volume, const char *project)
{
    insert(volume);
    touch("hold-", volume);
    const struct order order = ask("volume.create", volume, project);
    await_file("began-", volume);
    return order;
}

static void start_as(const char *format)
{
    AUTO_FREE char *volumes = kn_asprintf("volume.file_dir=%s/volumes", world.dir);
    AUTO_FREE char *made_as = kn_asprintf("volume.file_format=%s", format);

    mine.volume = kn_service_world_daemon("kilonova-volume", KN_TOPIC_VOLUME,
                                          (const char *const[]){ volumes, made_as, "volume.threads=3", NULL });
}

static void start(void)
{
    start_as("qcow2");
}

/* --- tests ------------------------------------------------------------------------------------------------------------------- */

/* Two disks of a project take their time; its third one's removal, and another project's disk, do not wait for them. */
static void a_slow_disk_keeps_nobody_waiting(void **state)
{
    (void)state;
    const struct order one = create_held(P "1", "p"), two = create_held(P "2", "p");

    insert(P "3");
    insert(Q "1");
    const struct order same_project = ask("volume.create", P "3",
                                          "p"); /* its project has two of three threads: this one waits its turn */
    const struct order other = ask("volume.create", Q "1", "q");
    assert_int_equal(answer(&other), KN_OK);
    const struct order gone = ask("volume.delete", Q "1", "q");
    assert_int_equal(answer(&gone), KN_OK);
    touch("go-", P "1");
    assert_int_equal(answer(&one), KN_OK);
    assert_int_equal(answer(&same_project), KN_OK); /* the same project's other volume, while one is still held */
    touch("go-", P "2");
    assert_int_equal(answer(&two), KN_OK);
    assert_int_equal(disks(), 3);
    for (int i = 0; i < 3; i++) {
        const struct order removal = ask("volume.delete", (const char *const[]){ P "1", P "2", P "3" }[i], "p");
        assert_int_equal(answer(&removal), KN_OK);
    }
    assert_int_equal(disks(), 0);
}

static void asked_again_it_says_working(void **state)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

    (void)state;
    const struct order held = create_held(P "1", "p");
    drop("began-", P "1");
    send(&held, "volume.create");
    hear(&held, &m);
    assert_string_equal(m.type->name, "working");
    assert_string_equal(kn_json_str(m.body, "command"), "volume.create");
    assert_false(is_there("began-", P "1")); /* and it was not begun twice */
    touch("go-", P "1");
    assert_int_equal(answer(&held), KN_OK);
    const struct order removal = ask("volume.delete", P "1", "p");
    assert_int_equal(answer(&removal), KN_OK);
}

static void cancelled_it_leaves_nothing(void **state)
{
    (void)state;
    const struct order held = create_held(P "1", "p");
    struct order other = held;

    other.task = held.task - 1; /* an older one, and one that is not yet: neither is this */
    send(&other, "cancel");
    other.task = held.task + 1000;
    send(&other, "cancel");
    const struct order waits = ask("volume.connect", P "1", "p"); /* in its lane, behind it: never begins */
    send(&waits, "cancel");
    assert_int_equal(answer(&waits), KN_CANCELLED);
    assert_int_equal(disks(), 1);
    send(&held, "cancel");
    assert_int_equal(answer(&held), KN_CANCELLED);
    send(&held, "cancel"); /* over: changes nothing */
    assert_int_equal(disks(), 0);
}

/* Its `cancel` was never heard, or never sent: the removal alone ends the making. */
static void removed_while_it_is_made(void **state)
{
    (void)state;
    const struct order held = create_held(P "1", "p");
    const struct order removal = ask("volume.delete", P "1", "p");

    assert_int_equal(answer(&held), KN_CANCELLED);
    assert_int_equal(answer(&removal), KN_OK);
    assert_int_equal(disks(), 0);
}

/* The qemu-img of the dead process lives on, and holds the disk's lock: the next process waits for it before it touches the disk. */
static void killed_in_the_middle(void **state)
{
    (void)state;
    const struct order held = create_held(P "1", "p");

    kn_test_end(mine.volume, SIGKILL);
    start();
    drop("began-", P "1");
    insert(P "2");
    send(&held, "volume.create"); /* as the conductor does, when it hears the hello */
    const struct order other = ask("volume.create", P "2", "p");
    assert_int_equal(answer(&other), KN_OK);
    assert_false(is_there("began-", P "1"));
    touch("go-", P "1");
    assert_int_equal(answer(&held), KN_OK);
    assert_int_equal(disks(), 2);
    for (int i = 0; i < 2; i++) {
        const struct order removal = ask("volume.delete", i == 0 ? P "1" : P "2", "p");
        assert_int_equal(answer(&removal), KN_OK);
    }
    assert_int_equal(disks(), 0);
}

/* What is stopped well tells its work, and leaves no half of it. */
static void stopped_in_the_middle(void **state)
{
    (void)state;
    create_held(P "1", "p");
    assert_true(kn_test_end(mine.volume, SIGTERM));
    assert_int_equal(disks(), 0);
    start();
}

/* While it waited for its turn it was decided otherwise: it is not done any more. */
static void stale_when_its_turn_comes(void **state)
{
    struct kn_error err = { 0 };

    (void)state;
    const struct order one = create_held(P "1", "p"), two = create_held(P "2", "p");
    insert(P "3");
    insert(Q "1");
    const struct order late = ask("volume.create", P "3", "p");
    const struct order other = ask("volume.create", Q "1", "q");
    AUTO_FREE char *over = kn_asprintf("UPDATE task SET state = 'failed' WHERE id = %lld", (long long)late.task);

    assert_int_equal(answer(&other), KN_OK); /* so the one before it is in its lane by now */
    assert_ok(kn_db_script(world.db, over, &err), &err);
    touch("go-", P "1");
    touch("go-", P "2");
    assert_int_equal(answer(&one), KN_OK);
    assert_int_equal(answer(&late), KN_STALE);
    assert_int_equal(answer(&two), KN_OK);
    assert_false(is_there("volumes/volume-", P "3"));
}

static struct order ask_of(const char *type, const char *volume, const char *snapshot, int size_gib)
{
    const struct order order = { ++world.next_task, "p", type, volume, snapshot, size_gib };

    send(&order, type);
    return order;
}

static bool disk_holds(const char *disk, const char *pattern)
{
    AUTO_FREE char *command =
        kn_asprintf("PATH=${PATH#*:}; qemu-io -f qcow2 -r -c 'read -P %s' %s/volumes/%s | grep -q '^read ' && "
                    "! qemu-io -f qcow2 -r -c 'read -P %s' %s/volumes/%s | grep -q failed",
                    pattern, world.dir, disk, pattern, world.dir, disk);

    return system(command) == 0;
}

static void die_in_the_middle(const struct order *held, const char *volume)
{
    kn_test_end(mine.volume, SIGKILL);
    start();
    drop("began-", volume);
    send(held, held->type);
    touch("go-", volume);
    assert_int_equal(answer(held), KN_OK);
}

/* A volume with a snapshot, a copy of it, its extension and what it is reverted to: killed in the middle of each, each comes to its end, and no half of any stays. */
static void copies_killed_in_the_middle(void **state)
{
    AUTO_FREE char *fill = kn_asprintf("PATH=${PATH#*:}; qemu-io -f qcow2 -c 'write -P 7 1M 1M' %s/volumes/volume-" P
                                       "1 >/dev/null",
                                       world.dir);
    AUTO_FREE char *spoil = kn_asprintf("PATH=${PATH#*:}; qemu-io -f qcow2 -c 'write -P 9 1M 1M' %s/volumes/volume-" P
                                        "1 >/dev/null",
                                        world.dir);

    (void)state;
    insert(P "1");
    insert(P "2");
    kn_service_world_sql(
        "INSERT INTO volume_snapshot (id, volume_id, project_id, user_id, size_gib, status, type_id) SELECT '" Q
        "9', id, 'p', 'u', 1, "
        "'creating', type_id FROM volume WHERE id = '" P "1'");
    const struct order one = ask("volume.create", P "1", "p");
    assert_int_equal(answer(&one), KN_OK);
    assert_int_equal(system(fill), 0);
    const struct order kept = ask_of("snapshot.create", P "1", Q "9", 1);
    assert_int_equal(answer(&kept), KN_OK);
    assert_int_equal(system(spoil), 0);

    touch("hold-", P "2");
    const struct order copy = ask_of("volume.create", P "2", Q "9", 2);
    await_file("began-", P "2"); /* copied, and about to grow */
    die_in_the_middle(&copy, P "2");
    assert_true(disk_holds("volume-" P "2", "7 1M 1M"));
    assert_true(disk_holds("volume-" P "2", "0 1500M 1M"));

    touch("hold-", P "1");
    const struct order grown = ask_of("volume.extend", P "1", NULL, 3);
    await_file("began-", P "1");
    die_in_the_middle(&grown, P "1");
    assert_true(disk_holds("volume-" P "1", "9 1M 1M"));
    assert_true(disk_holds("volume-" P "1", "0 2500M 1M"));

    drop("go-", P "1");
    drop("began-", P "1");
    const struct order reverted = ask_of("volume.overwrite", P "1", Q "9", 3);
    await_file("began-", P "1");
    assert_true(disk_holds("volume-" P "1", "9 1M 1M")); /* until all of the other is there */
    die_in_the_middle(&reverted, P "1");
    assert_true(disk_holds("volume-" P "1", "7 1M 1M"));
    assert_int_equal(disks(), 3);

    drop("go-", P "1");
    drop("began-", P "1");
    const struct order doomed = ask_of("volume.overwrite", P "1", Q "9", 3);
    await_file("began-", P "1");
    const struct order removal = ask("volume.delete", P "1", "p"); /* ends what stands before it */
    assert_int_equal(answer(&doomed), KN_CANCELLED);
    assert_int_equal(answer(&removal), KN_OK);
    const struct order other = ask("volume.delete", P "2", "p"), last = ask_of("snapshot.delete", P "1", Q "9", 1);
    assert_int_equal(answer(&other), KN_OK);
    assert_int_equal(answer(&last), KN_OK);
    assert_int_equal(disks(), 0);
}

/* What was sold is counted with its snapshots: who comes last finds no room, and leaves no file. */
static void snapshots_take_room(void **state)
{
    (void)state;
    insert(P "1");
    kn_service_world_sql("UPDATE volume SET size_gib = 1024 WHERE id = '" P "1'");
    kn_service_world_sql(
        "INSERT INTO volume_snapshot (id, volume_id, project_id, user_id, size_gib, status, type_id, created_at) SELECT '" Q
        "9', id, 'p', 'u', 1024, 'creating', type_id, clock_timestamp() FROM volume WHERE id = '" P "1'");
    const struct order one = ask("volume.create", P "1", "p");
    assert_int_equal(answer(&one), KN_OK);
    const struct order kept = ask_of("snapshot.create", P "1", Q "9", 1);
    assert_int_equal(answer(&kept), KN_NO_VALID_HOST);
    kn_service_world_sql("UPDATE volume SET extends_from = 1024, size_gib = 1025 WHERE id = '" P "1'");
    const struct order grown = ask_of("volume.extend", P "1", NULL, 1025);
    assert_int_equal(answer(&grown), KN_NO_VALID_HOST);
    assert_int_equal(disks(), 1);
    const struct order removal = ask("volume.delete", P "1", "p");
    assert_int_equal(answer(&removal), KN_OK);
    assert_int_equal(disks(), 0);
}

/* --- formats ------------------------------------------------------------------------------------------------------------------- */

static void format_is(const char *table, const char *id, const char *format)
{
    AUTO_FREE char *sql = kn_asprintf("SELECT coalesce(format, 'unknown') FROM %s WHERE id = '%s'", table, id);
    const struct kn_stmt stmt = { NULL, sql, 0 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_run(world.db, &stmt, KN_NO_ARGS, &rows, &err), &err);
    assert_string_equal(kn_rows_text(rows, 0, 0), format);
}

static const char *connected_as(const char *volume, char ret[16])
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    const struct order order = ask("volume.connect", volume, "p");

    hear(&order, &m);
    assert_true(m.is_reply);
    kn_copy(ret, 16, m.ok ? kn_json_str(json_object_get(m.result, "connection"), "format") : m.error.message);
    return ret;
}

/* The settings change between two lives: what is there is still what it was, what is made of it and what is new is told apart, and no host is told a wrong format. */
static void settings_change_no_disk(void **state)
{
    char as[16];

    (void)state;
    insert(P "1");
    insert(P "2");
    insert(P "3");
    kn_service_world_sql(
        "INSERT INTO volume_snapshot (id, volume_id, project_id, user_id, size_gib, status, type_id) SELECT '" Q
        "9', id, 'p', 'u', 1, 'creating', type_id FROM volume WHERE id = '" P "1'");
    const struct order one = ask("volume.create", P "1", "p");
    assert_int_equal(answer(&one), KN_OK);
    format_is("volume", P "1", "qcow2");
    /* Killed with a row that says what its disk would be, and without the disk: it is made as the row says. */
    const struct order held = create_held(P "4", "p");
    format_is("volume", P "4", "qcow2");
    kn_test_end(mine.volume, SIGKILL);
    start_as("raw");
    drop("began-", P "4");
    send(&held, "volume.create");
    touch("go-", P "4");
    assert_int_equal(answer(&held), KN_OK);
    assert_true(disk_holds("volume-" P "4", "0 0 1M"));

    const struct order kept = ask_of("snapshot.create", P "1", Q "9", 1);
    assert_int_equal(answer(&kept), KN_OK);
    format_is("volume_snapshot", Q "9", "qcow2");
    const struct order copy = ask_of("volume.create", P "2", Q "9", 2), fresh = ask("volume.create", P "3", "p");
    assert_int_equal(answer(&copy), KN_OK);
    assert_int_equal(answer(&fresh), KN_OK);
    assert_string_equal(connected_as(P "1", as), "qcow2");
    assert_string_equal(connected_as(P "2", as), "raw");
    assert_string_equal(connected_as(P "3", as), "raw");
    kn_test_end(mine.volume, SIGTERM);
    start();
}

/* Rows from before the column: each gets what the settings say, unless its disk begins otherwise. That one nobody uses until an operator says what it is. */
static void disks_from_before(void **state)
{
    char as[16];

    (void)state;
    insert(P "1");
    insert(P "2");
    const struct order one = ask("volume.create", P "1", "p"), two = ask("volume.create", P "2", "p");
    assert_int_equal(answer(&one), KN_OK);
    assert_int_equal(answer(&two), KN_OK);
    assert_true(kn_test_end(mine.volume, SIGTERM));
    AUTO_FREE char *other = kn_asprintf("truncate -s 0 %s/volumes/volume-" P "2 && truncate -s 1G %s/volumes/volume-" P
                                        "2",
                                        world.dir, world.dir);
    assert_int_equal(system(other), 0);
    insert(P "3"); /* and one whose disk was not made yet */
    kn_service_world_sql("UPDATE volume SET format = NULL");
    start();
    format_is("volume", P "1", "qcow2");
    format_is("volume", P "2", "unknown");
    format_is("volume", P "3", "unknown");
    assert_string_equal(connected_as(P "1", as), "qcow2");
    const struct order refused = ask("volume.connect", P "2", "p"), grown = ask_of("volume.extend", P "2", NULL, 1);
    assert_int_equal(answer(&refused), KN_INTERNAL);
    assert_int_equal(answer(&grown), KN_INTERNAL);
    kn_service_world_sql("UPDATE volume SET format = 'raw' WHERE id = '" P "2'");
    assert_string_equal(connected_as(P "2", as), "raw");
    const struct order three = ask("volume.create", P "3", "p");
    assert_int_equal(answer(&three), KN_OK);
    format_is("volume", P "3", "qcow2");
}

static int clean(void **state)
{
    static const char *const VOLUMES[] = { P "1", P "2", P "3", P "4", Q "1" };
    AUTO_FREE char *disks_go = kn_asprintf("rm -f %s/volumes/volume-* %s/volumes/snapshot-*", world.dir, world.dir);
    struct kn_error err = { 0 };

    (void)state;
    assert_int_equal(system(disks_go), 0);
    for (size_t i = 0; i < KN_COUNT(VOLUMES); i++) {
        drop("hold-", VOLUMES[i]);
        drop("began-", VOLUMES[i]);
        drop("go-", VOLUMES[i]);
    }
    return kn_db_script(world.db, "DELETE FROM volume; DELETE FROM volume_snapshot", &err);
}

static int start_world(void **state)
{
    (void)state;
    kn_service_world_start("work");
    AUTO_FREE char *bin = kn_asprintf("%s/bin", world.dir);
    AUTO_FREE char *program = kn_asprintf("%s/qemu-img", bin);
    AUTO_FREE char *path = kn_asprintf("%s:%s", bin, getenv("PATH"));
    assert_int_equal(mkdir(bin, 0755), 0);
    FILE *f = fopen(program, "wbe");
    assert_non_null(f);
    assert_true(fputs(QEMU_IMG, f) >= 0);
    fclose(f);
    assert_int_equal(chmod(program, 0755), 0);
    assert_int_equal(setenv("PATH", path, 1), 0);
    start();
    return 0;
}

static int stop_world(void **state)
{
    (void)state;
    kn_test_end(mine.volume, SIGTERM);
    for (size_t i = 0; i < KN_COUNT(mine.early); i++) {
        kn_message_release(&mine.early[i]);
    }
    kn_service_world_stop();
    return 0;
}

int main(void)
{
    kn_test_needs("qemu-img", "qemu-io");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_slow_disk_keeps_nobody_waiting, clean),
        cmocka_unit_test_teardown(asked_again_it_says_working, clean),
        cmocka_unit_test_teardown(cancelled_it_leaves_nothing, clean),
        cmocka_unit_test_teardown(removed_while_it_is_made, clean),
        cmocka_unit_test_teardown(killed_in_the_middle, clean),
        cmocka_unit_test_teardown(stopped_in_the_middle, clean),
        cmocka_unit_test_teardown(stale_when_its_turn_comes, clean),
        cmocka_unit_test_teardown(copies_killed_in_the_middle, clean),
        cmocka_unit_test_teardown(snapshots_take_room, clean),
        cmocka_unit_test_teardown(settings_change_no_disk, clean),
        cmocka_unit_test_teardown(disks_from_before, clean),
    };

    return cmocka_run_group_tests(tests, start_world, stop_world);
}
