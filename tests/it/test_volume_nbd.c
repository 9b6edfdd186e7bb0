/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nbd back end as a process, with real qemu-storage-daemons, and qemu-io for a host. Who has a key gets in and nobody else; what is killed comes up again with the same port and the same keys, whoever it
 * was and whenever; what is let go is served no more. We play conductor and API.
 */
#include "tests/support/test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/adapter/storage_daemon.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "tests/support/needs.h"
#include "tests/support/process.h"
#include "tests/support/service_world.h"
#include "volume/serve/export.h"

#define V "11111111-1111-4111-8111-11111111111"
#define S "22222222-2222-4222-8222-22222222222"
#define ONE V "1"
#define OTHER V "2"
#define world kn_service_world

/* Waits for a file "go" while there is a file "hold". */
static const char DAEMON[] =
    "#!/bin/sh\n"
    "d=$(dirname \"$0\")/..\n"
    "if [ -e \"$d/hold\" ]; then touch \"$d/began\"; while [ ! -e \"$d/go\" ]; do sleep 0.05; done; fi\n"
    "PATH=${PATH#*:} exec qemu-storage-daemon \"$@\"\n";

static struct {
    pid_t volume;
    char volumes[KN_TEST_DIR + 16];
    struct kn_conf conf; /* of the library, as the daemon has it */
} mine;

static char *in_world(const char *name)
{
    return kn_asprintf("%s/%s", world.dir, name);
}

static void touch(const char *name)
{
    AUTO_FREE char *path = in_world(name);

    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static bool is_there(const char *name)
{
    AUTO_FREE char *path = in_world(name);

    return access(path, F_OK) == 0;
}

static void drop(const char *name)
{
    AUTO_FREE char *path = in_world(name);

    unlink(path);
}

/* --- messages ----------------------------------------------------------------------------------------------------------------------- */

static int64_t send(const char *type, const char *volume, const char *server, const char *host)
{
    return kn_service_world_send(KN_TOPIC_VOLUME, type,
                                 json_pack("{s:s, s:i, s:s, s:s*}", "volume", volume, "size_gib", 2, "server", server,
                                           "host", host));
}

/* The answer; *ret_result, if wanted, a new reference. */
static enum kn_code answer(int64_t task, json_t **ret_result)
{
    for (;;) {
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

        kn_service_world_next(world.replies, &m);
        if (m.task == task && m.is_reply) {
            if (ret_result != NULL) {
                *ret_result = json_incref(m.result);
            }
            return m.ok ? KN_OK : m.error.code;
        }
    }
}

static enum kn_code ask(const char *type, const char *volume)
{
    return answer(send(type, volume, S "9", NULL), NULL);
}

/* The connection of a server on a host. */
static json_t *connect_to(const char *volume, const char *server, const char *host)
{
    json_auto_t *result = NULL;

    assert_int_equal(answer(send("volume.connect", volume, server, host), &result), KN_OK);
    return json_incref(json_object_get(result, "connection"));
}

static enum kn_code let_go(const char *volume, const char *server, const char *host)
{
    return answer(send("volume.disconnect", volume, server, host), NULL);
}

static void attach_row(const char *volume, const char *server)
{
    AUTO_FREE char *row = kn_asprintf(
        "INSERT INTO attachment (id, volume_id, server_id, status, shared) VALUES (gen_random_uuid(), '%s', '%s', 'attaching', true)",
        volume, server);

    kn_service_world_sql(row);
}

static void detach_row(const char *volume, const char *server)
{
    AUTO_FREE char *row = kn_asprintf("DELETE FROM attachment WHERE volume_id = '%s' AND server_id = '%s'", volume,
                                      server);

    kn_service_world_sql(row);
}

static void make_volume(const char *volume)
{
    AUTO_FREE char *row = kn_asprintf(
        "INSERT INTO volume (id, project_id, user_id, size_gib, status, multiattach) VALUES ('%s', 'p', 'u', 2, 'creating', true)",
        volume);

    kn_service_world_sql(row);
    assert_int_equal(ask("volume.create", volume), KN_OK);
}

static void remove_volume(const char *volume)
{
    AUTO_FREE char *row = kn_asprintf("DELETE FROM volume WHERE id = '%s'", volume);

    assert_int_equal(ask("volume.delete", volume), KN_OK);
    kn_service_world_sql(row);
}

/* --- hosts -------------------------------------------------------------------------------------------------------------------------- */

/* qemu-io as the host with this connection; words: what it does. True if it did. */
static bool host_does(const json_t *connection, const char *words)
{
    AUTO_FREE char *dir = in_world("host");
    AUTO_FREE char *line = kn_asprintf("%s:%s\n", kn_json_str(connection, "identity"), kn_json_str(connection, "key"));
    AUTO_FREE char *command = kn_asprintf(
        "qemu-io --object tls-creds-psk,id=t,endpoint=client,dir=%s,username=%s --image-opts -c '%s' "
        "driver=nbd,server.type=inet,server.host=%s,server.port=%lld,export=%s,tls-creds=t > %s/said 2>&1 && ! grep -qi 'failed\\|error' %s/said",
        dir, kn_json_str(connection, "identity"), words, kn_json_str(connection, "address"),
        (long long)kn_json_int(connection, "port"), kn_json_str(connection, "export"), dir, dir);
    struct kn_error err = { 0 };

    mkdir(dir, 0700);
    assert_ok(kn_file_replace(dir, KN_STORAGE_KEYS, line, strlen(line), &err), &err);
    return system(command) == 0;
}

static void host_does_in_time(const json_t *connection, const char *words)
{
    const int64_t deadline = kn_mono_ms() + KN_SERVICE_WAIT_MS;

    while (!host_does(connection, words)) {
        assert_true(kn_mono_ms() < deadline);
        kn_test_pause(50);
    }
}

/* The same with one thing of it changed. */
static bool host_lies(const json_t *connection, const char *field, const char *text)
{
    json_auto_t *other = json_deep_copy(connection);

    json_object_set_new(other, field, json_string(text));
    return host_does(other, "read 0 4k");
}

static char *dir_of(const char *volume)
{
    return kn_asprintf("%s/.nbd/%s", mine.volumes, volume);
}

static bool is_served(const char *volume)
{
    AUTO_FREE char *dir = dir_of(volume);
    AUTO_CLOSE int process = kn_storage_find(dir);

    return process >= 0;
}

static void kill_daemon(const char *volume)
{
    AUTO_FREE char *dir = dir_of(volume);
    AUTO_CLOSE int process = kn_storage_find(dir);

    assert_true(process >= 0);
    pidfd_send_signal(process, SIGKILL, NULL, 0);
    assert_int_equal(poll(&(struct pollfd){ .fd = process, .events = POLLIN }, 1, KN_SERVICE_WAIT_MS), 1);
}

static void await_gone(const char *volume)
{
    const int64_t deadline = kn_mono_ms() + KN_SERVICE_WAIT_MS;
    AUTO_FREE char *dir = dir_of(volume);

    while (is_served(volume) || access(dir, F_OK) == 0) {
        assert_true(kn_mono_ms() < deadline);
        kn_test_pause(20);
    }
}

static void start(void)
{
    AUTO_FREE char *dir = kn_asprintf("volume.file_dir=%s", mine.volumes);

    mine.volume = kn_service_world_daemon("kilonova-volume", KN_TOPIC_VOLUME,
                                          (const char *const[]){ dir, "volume.driver=nbd",
                                                                 "volume.nbd_port_first=24800", NULL });
}

static void die(void)
{
    kn_test_end(mine.volume, SIGKILL);
}

/* --- tests -------------------------------------------------------------------------------------------------------------------------- */

static void who_has_the_key_gets_in(void **state)
{
    (void)state;
    AUTO_FREE char *state_file = kn_asprintf("%s/.nbd/" ONE "/state", mine.volumes);
    AUTO_FREE char *keys_file = kn_asprintf("%s/.nbd/" ONE "/" KN_STORAGE_KEYS, mine.volumes);
    struct stat st;

    make_volume(ONE);
    make_volume(OTHER);
    assert_false(is_served(ONE)); /* nobody has it */
    attach_row(ONE, S "1");
    attach_row(OTHER, S "2");
    json_auto_t *one = connect_to(ONE, S "1", "h1"), *again = connect_to(ONE, S "1", "h1"),
                *other = connect_to(OTHER, S "2", "h1");
    assert_true(json_equal(one, again));
    assert_string_equal(kn_json_str(one, "driver"), "nbd");
    assert_string_equal(kn_json_str(one, "format"), "raw");
    assert_string_equal(kn_json_str(one, "serial"), ONE);
    assert_int_not_equal(kn_json_int(one, "port"), kn_json_int(other, "port"));
    assert_true(host_does(one, "write -P 7 1M 1M"));
    assert_true(host_does(one, "read -P 7 1M 1M"));
    assert_true(host_does(other, "read -P 0 1M 1M"));
    assert_int_equal(stat(state_file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(keys_file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    assert_false(host_lies(one, "key", kn_json_str(other, "key")));
    assert_false(host_lies(one, "identity", kn_json_str(other, "identity")));
    AUTO_FREE char *plain = kn_asprintf("qemu-io -f raw -c 'read 0 4k' nbd://127.0.0.1:%lld/%s > %s/said 2>&1",
                                        (long long)kn_json_int(one, "port"), kn_json_str(one, "export"), world.dir);
    json_auto_t *mixed = json_deep_copy(one); /* a key of its own volume, at another's door */
    json_object_set(mixed, "port", json_object_get(other, "port"));
    assert_false(host_does(mixed, "read 0 4k"));
    assert_int_not_equal(system(plain), 0);

    assert_int_equal(let_go(ONE, S "1", "h1"), KN_OK);
    assert_int_equal(let_go(ONE, S "1", "h1"), KN_OK);
    await_gone(ONE);
    assert_false(host_does(one, "read 0 4k"));
    assert_true(host_does(other, "read 0 4k"));
    detach_row(ONE, S "1");
    detach_row(OTHER, S "2");
    remove_volume(OTHER); /* whoever had it */
    await_gone(OTHER);
    remove_volume(ONE);
}

/* Each with its own key; one that goes takes nobody along. */
static void two_have_it(void **state)
{
    (void)state;
    make_volume(ONE);
    attach_row(ONE, S "1");
    attach_row(ONE, S "2");
    json_auto_t *one = connect_to(ONE, S "1", "h1"), *two = connect_to(ONE, S "2", "h1"),
                *moved = connect_to(ONE, S "1", "h2");
    assert_string_not_equal(kn_json_str(one, "key"), kn_json_str(two, "key"));
    assert_string_not_equal(kn_json_str(one, "key"), kn_json_str(moved, "key"));
    assert_int_equal(kn_json_int(one, "port"), kn_json_int(two, "port"));
    assert_true(host_does(two, "write -P 3 0 1M"));
    assert_int_equal(let_go(ONE, S "1", "h1"), KN_OK); /* from there, and from nowhere else */
    assert_false(host_does(one, "read 0 4k"));
    assert_true(host_does(moved, "read -P 3 0 1M"));
    assert_int_equal(let_go(ONE, S "1", NULL), KN_OK);
    assert_false(host_does(moved, "read 0 4k"));
    assert_true(host_does(two, "read -P 3 0 1M"));
    assert_int_equal(let_go(ONE, S "2", "h1"), KN_OK);
    await_gone(ONE);
    detach_row(ONE, S "1");
    detach_row(ONE, S "2");
    remove_volume(ONE);
}

static void what_is_attached_does_not_change(void **state)
{
    (void)state;
    make_volume(ONE);
    kn_service_world_sql("UPDATE volume SET readonly = true WHERE id = '" ONE "'");
    attach_row(ONE, S "1");
    json_auto_t *one = connect_to(ONE, S "1", "h1");
    assert_true(kn_json_bool(one, "readonly"));
    assert_false(host_does(one, "write -P 3 0 1M"));
    assert_int_equal(ask("volume.extend", ONE), KN_CONFLICT);
    assert_int_equal(ask("volume.overwrite", ONE), KN_CONFLICT);
    assert_int_equal(let_go(ONE, S "1", "h1"), KN_OK);
    detach_row(ONE, S "1");
    assert_int_equal(ask("volume.extend", ONE), KN_OK);
    remove_volume(ONE);
}

static int64_t send_held(void)
{
    return kn_service_world_send(KN_TOPIC_VOLUME, "volume.overwrite",
                                 json_pack("{s:s, s:i, s:b}", "volume", ONE, "size_gib", 2, "held", 1));
}

/* A server that is off while its disk is overwritten reaches the new one by what it has; killed in between, too. */
static void a_server_waits_for_another_disk(void **state)
{
    (void)state;
    make_volume(ONE);
    attach_row(ONE, S "1");
    json_auto_t *one = connect_to(ONE, S "1", "h1");
    for (int i = 0; i < 2; i++) {
        host_does_in_time(one, "write -P 7 0 1M");
        if (i == 1) {
            send_held();
            die();
            start();
        }
        assert_int_equal(answer(send_held(), NULL), KN_OK);
        host_does_in_time(one, "read -P 0 0 1M");
    }
    assert_int_equal(let_go(ONE, S "1", "h1"), KN_OK);
    detach_row(ONE, S "1");
    remove_volume(ONE);
}

static void killed_it_serves_again(void **state)
{
    (void)state;
    make_volume(ONE);
    attach_row(ONE, S "1");
    json_auto_t *one = connect_to(ONE, S "1", "h1");
    assert_true(host_does(one, "write -P 7 1M 1M"));
    kill_daemon(ONE);
    host_does_in_time(one, "read -P 7 1M 1M");
    /* The service's own end changes nothing … */
    die();
    assert_true(host_does(one, "read -P 7 1M 1M"));
    start();
    json_auto_t *again = connect_to(ONE, S "1", "h1");
    assert_true(json_equal(one, again));
    assert_true(host_does(one, "read -P 7 1M 1M"));
    /* … and what ended meanwhile is there when it is. */
    die();
    kill_daemon(ONE);
    assert_false(host_does(one, "read 0 4k"));
    start();
    host_does_in_time(one, "read -P 7 1M 1M");
    kill_daemon(ONE);
    host_does_in_time(one, "read -P 7 1M 1M");
    assert_int_equal(let_go(ONE, S "1", "h1"), KN_OK);
    await_gone(ONE);
    detach_row(ONE, S "1");
    remove_volume(ONE);
}

/* Between the decision and the daemon, and with a daemon on its way whose starter is dead. */
static void killed_while_it_connects(void **state)
{
    (void)state;
    make_volume(ONE);
    attach_row(ONE, S "1");
    touch("hold");
    send("volume.connect", ONE, S "1", "h1");
    const int64_t deadline = kn_mono_ms() + KN_SERVICE_WAIT_MS;
    while (!is_there("began")) {
        assert_true(kn_mono_ms() < deadline);
        kn_test_pause(10);
    }
    die();
    AUTO_FREE char *state_file = kn_asprintf("%s/.nbd/" ONE "/state", mine.volumes);
    AUTO_FREE char *text = NULL;
    struct kn_error err = { 0 };
    size_t len = 0;
    assert_ok(kn_file_read(state_file, KN_VOLUME_EXPORT_STATE_MAX, &text, &len, &err), &err);
    start();
    touch("go");
    json_auto_t *one = connect_to(ONE, S "1", "h1");
    assert_non_null(strstr(text, kn_json_str(one, "key"))); /* as it was decided */
    assert_true(host_does(one, "write -P 7 1M 1M"));
    drop("hold");
    drop("go");
    drop("began");
    /* Its keys had not been written, or nothing had been. */
    die();
    kill_daemon(ONE);
    AUTO_FREE char *keys_file = kn_asprintf("%s/.nbd/" ONE "/" KN_STORAGE_KEYS, mine.volumes);
    AUTO_FREE char *bare = kn_asprintf("%s/.nbd/" OTHER, mine.volumes);
    assert_int_equal(unlink(keys_file), 0);
    assert_int_equal(mkdir(bare, 0700), 0);
    start();
    host_does_in_time(one, "read -P 7 1M 1M");
    await_gone(OTHER);
    /* Its daemon runs, but without its keys: a kill between the two files of a second user's. */
    die();
    assert_int_equal(truncate(keys_file, 0), 0);
    assert_false(host_does(one, "read 0 4k"));
    start();
    host_does_in_time(one, "read -P 7 1M 1M");
    /* Let go while nobody was there to hear it: the rows say so. */
    die();
    detach_row(ONE, S "1");
    start();
    await_gone(ONE);
    remove_volume(ONE);
}

/* A volume's row says where it is, whatever the settings say now. */
static void a_volume_stays_where_it_is(void **state)
{
    AUTO_FREE char *dir = kn_asprintf("volume.file_dir=%s", mine.volumes);

    (void)state;
    make_volume(ONE);
    die();
    mine.volume = kn_service_world_daemon("kilonova-volume", KN_TOPIC_VOLUME,
                                          (const char *const[]){ dir, "volume.driver=file",
                                                                 "volume.nbd_port_first=24800", NULL });
    make_volume(OTHER);
    attach_row(ONE, S "1");
    json_auto_t *one = connect_to(ONE, S "1", "h1"), *other = connect_to(OTHER, S "2", "h1");
    assert_string_equal(kn_json_str(one, "driver"), "nbd");
    assert_string_equal(kn_json_str(other, "driver"), "file");
    assert_int_equal(let_go(ONE, S "1", "h1"), KN_OK);
    detach_row(ONE, S "1");
    remove_volume(ONE);
    remove_volume(OTHER);
    die();
    start();
}

/* --- the world ---------------------------------------------------------------------------------------------------------------------- */

static int world_start(void **state)
{
    (void)state;
    kn_service_world_start("volume_nbd");
    AUTO_FREE char *bin = in_world("bin");
    AUTO_FREE char *program = in_world("bin/qemu-storage-daemon");
    AUTO_FREE char *path = kn_asprintf("%s:%s", bin, getenv("PATH"));

    assert_int_equal(mkdir(bin, 0755), 0);
    FILE *f = fopen(program, "wbe");
    assert_non_null(f);
    fputs(DAEMON, f);
    fclose(f);
    assert_int_equal(chmod(program, 0755), 0);
    assert_int_equal(setenv("PATH", path, 1), 0);
    snprintf(mine.volumes, sizeof(mine.volumes), "%s/volumes", world.dir);
    kn_service_world_sql("ALTER TABLE attachment DROP CONSTRAINT attachment_server_id_fkey"); /* no servers here */
    start();
    return 0;
}

static int world_stop(void **state)
{
    struct kn_error err = { 0 };

    (void)state;
    kn_test_end(mine.volume, SIGTERM);
    kn_conf_defaults(&mine.conf);
    mine.conf.volume_file_dir = mine.volumes;
    kn_volume_export_end(&mine.conf, ONE, &err);
    kn_volume_export_end(&mine.conf, OTHER, &err);
    kn_service_world_stop();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_the_key_gets_in),          cmocka_unit_test(two_have_it),
        cmocka_unit_test(what_is_attached_does_not_change), cmocka_unit_test(a_server_waits_for_another_disk),
        cmocka_unit_test(killed_it_serves_again),           cmocka_unit_test(killed_while_it_connects),
        cmocka_unit_test(a_volume_stays_where_it_is),
    };

    kn_test_needs("qemu-io", "qemu-storage-daemon");
    return cmocka_run_group_tests(tests, world_start, world_stop);
}
