/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of encrypted volumes, with kilonova-volume as a process and qemu-io for a guest: who is told one, what it opens, that copies have it, that it goes with its volume. We play conductor, API and agents.
 */
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/adapter/crypto.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "tests/support/needs.h"
#include "tests/support/process.h"
#include "tests/support/service_world.h"

#define V "11111111-1111-4111-8111-11111111111"
#define S "22222222-2222-4222-8222-22222222222"
#define ONE V "1"
#define OTHER V "2"
#define world kn_service_world

static pid_t service;
static char volumes[KN_TEST_DIR + 16];

static enum kn_code keys_answer(int64_t task)
{
    for (;;) {
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

        kn_service_world_next(world.replies, &m);
        if (m.task == task && m.is_reply) {
            return m.ok ? KN_OK : m.error.code;
        }
    }
}

static void keys_remove(const char *volume)
{
    AUTO_FREE char *row = kn_asprintf("DELETE FROM volume WHERE id = '%s'", volume);

    assert_int_equal(keys_answer(kn_service_world_send(KN_TOPIC_VOLUME, "volume.delete",
                                                       json_pack("{s:s}", "volume", volume))),
                     KN_OK);
    kn_service_world_sql(row);
}

#define TYPE "33333333-3333-4333-8333-333333333333"
#define AGENT "an-agent"
#define MASTER "0123456789abcdef0123456789abcdef"

/* As that agent asks; the body of the answer, a new reference. */
static json_t *ask_key(struct kn_bus_reader *told, const char *agent, const char *server, const char *box)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    AUTO_RELEASE(kn_message) struct kn_message answer = { 0 };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_error err = { 0 };

    kn_message_init(&m, "volume.ask_key",
                    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "agent", agent, "host", "h1", "server", server,
                              "volume", ONE, "question", OTHER, "box", box));
    assert_ok(kn_message_print(&m, &text, &err), &err);
    assert_ok(kn_bus_send(world.bus, KN_TOPIC_REPORT, 0, text.buf, text.len, &err), &err);
    kn_service_world_next(told, &answer);
    assert_string_equal(answer.type->name, "volume.key");
    return json_incref(answer.body);
}

/* What a host with this key makes of the served disk, which is what lies here. */
static bool opens(const char *key, const char *volume, const char *does)
{
    AUTO_FREE char *command =
        kn_asprintf("printf %%s %s >%s/passphrase; qemu-io --object secret,id=k,file=%s/passphrase --image-opts "
                    "driver=luks,key-secret=k,file.driver=file,file.locking=off,file.filename=%s/volume-%s"
                    " -c '%s' >%s/said 2>&1 && ! grep -q failed %s/said",
                    key, world.dir, world.dir, volumes, volume, does, world.dir, world.dir);

    return system(command) == 0;
}

/* A snapshot, a volume made of it, and that volume once more; each goes alone. */
static void copies_have_the_key(const char *key)
{
    kn_service_world_sql(
        "INSERT INTO volume_snapshot (id, volume_id, project_id, user_id, size_gib, status, type_id) SELECT '" TYPE
        "', id, project_id, user_id, size_gib, 'creating', type_id FROM volume WHERE id = '" ONE "'");
    assert_int_equal(keys_answer(kn_service_world_send(KN_TOPIC_VOLUME, "snapshot.create",
                                                       json_pack("{s:s, s:s}", "snapshot", TYPE, "volume", ONE))),
                     KN_OK);
    assert_true(opens(key, ONE, "write -P 8 2147479552 4k")); /* the copy is of before */
    kn_service_world_sql("INSERT INTO volume (id, project_id, user_id, size_gib, status, type_id) VALUES ('" OTHER
                         "', 'p', 'u', 4, 'creating', '" TYPE "')");
    assert_int_equal(keys_answer(kn_service_world_send(KN_TOPIC_VOLUME, "volume.create",
                                                       json_pack("{s:s, s:i, s:s}", "volume", OTHER, "size_gib", 4,
                                                                 "from_snapshot", TYPE))),
                     KN_OK);
    assert_true(opens(key, OTHER, "read -P 7 2147479552 4k"));
    assert_true(opens(key, OTHER, "read 4294963200 4k"));
    assert_int_equal(keys_answer(kn_service_world_send(KN_TOPIC_VOLUME, "volume.overwrite",
                                                       json_pack("{s:s, s:i, s:s}", "volume", ONE, "size_gib", 3,
                                                                 "from_snapshot", TYPE))),
                     KN_OK);
    assert_true(opens(key, ONE, "read -P 7 2147479552 4k"));
    assert_int_equal(keys_answer(kn_service_world_send(KN_TOPIC_VOLUME, "snapshot.delete",
                                                       json_pack("{s:s, s:s}", "snapshot", TYPE, "volume", ONE))),
                     KN_OK);
    kn_service_world_sql("DELETE FROM volume_snapshot");
    keys_remove(ONE);
    assert_true(opens(key, OTHER, "read -P 7 2147479552 4k"));
    keys_remove(OTHER);
}

static void a_key_goes_to_who_has_the_volume(void **state)
{
    struct kn_box box = { .name = "" };
    struct kn_error err = { 0 };
    AUTO(kn_bus_reader) struct kn_bus_reader *told = NULL;
    AUTO_FREE char *sealed = NULL;
    AUTO_FREE char *key = NULL;

    (void)state;
    kn_service_world_sql("INSERT INTO volume_type (id, name) VALUES ('" TYPE "', 'secret')");
    kn_service_world_sql("INSERT INTO volume_type_encryption (type_id, id, provider, control_location) VALUES ('" TYPE
                         "', '" TYPE "', 'luks', 'front-end')");
    kn_service_world_sql("INSERT INTO volume (id, project_id, user_id, size_gib, status, type_id) VALUES ('" ONE
                         "', 'p', 'u', 2, 'creating', '" TYPE "')");
    kn_service_world_sql("INSERT INTO agent (id, boot) VALUES ('" AGENT "', 'b')");
    kn_service_world_sql(
        "INSERT INTO host (name, uuid, agent_id, zone, vcpus, memory_mib, disk_gib, cpu_ratio_percent, hypervisor_type, "
        "hypervisor_version) VALUES ('h1', '" TYPE "', '" AGENT "', 'z', 1, 1, 1, 100, 'QEMU', 1)");
    kn_service_world_sql("INSERT INTO allocation (server_id, host, vcpus, memory_mib, disk_gib, generation) VALUES ('" S
                         "1', 'h1', 1, 1, 1, 1)");
    assert_ok(kn_bus_ensure_topic(world.bus, KN_TOPIC_AGENT AGENT, 1, KN_SERVICE_WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(world.bus, KN_TOPIC_AGENT "another", 1, KN_SERVICE_WAIT_MS, &err), &err);
    assert_ok(kn_bus_reader_new(world.bus, &told, &err), &err);
    assert_ok(kn_bus_assign(told, KN_TOPIC_AGENT AGENT, 0, &err), &err);
    assert_ok(kn_bus_assign(told, KN_TOPIC_AGENT "another", 0, &err), &err);
    assert_int_equal(keys_answer(kn_service_world_send(KN_TOPIC_VOLUME, "volume.create",
                                                       json_pack("{s:s, s:i}", "volume", ONE, "size_gib", 2))),
                     KN_OK);
    assert_int_equal(keys_answer(kn_service_world_send(KN_TOPIC_VOLUME, "volume.create",
                                                       json_pack("{s:s, s:i}", "volume", ONE, "size_gib", 2))),
                     KN_OK);

    kn_box_make(&box);
    json_auto_t *nobodys = ask_key(told, AGENT, S "1", box.name);
    assert_null(json_object_get(nobodys, "sealed")); /* it has not got it yet */
    kn_service_world_sql("INSERT INTO attachment (id, volume_id, server_id, status) VALUES (gen_random_uuid(), '" ONE
                         "', '" S "1', 'attaching')");
    json_auto_t *anothers = ask_key(told, "another", S "1", box.name),
                *of_another = ask_key(told, AGENT, S "2", box.name), *mine_now = ask_key(told, AGENT, S "1", box.name);
    assert_null(json_object_get(anothers, "sealed"));
    assert_null(json_object_get(of_another, "sealed"));
    assert_ok(kn_box_open(&box, kn_json_str(mine_now, "sealed"), &key, &err), &err);
    kn_box_make(&box);
    assert_int_equal(kn_box_open(&box, kn_json_str(mine_now, "sealed"), &sealed, &err), -1);

    assert_true(opens(key, ONE, "write -P 7 2147479552 4k"));
    assert_true(opens(key, ONE, "read -P 7 2147479552 4k"));
    assert_false(opens("00112233", ONE, "read 0 4k"));
    assert_int_equal(keys_answer(kn_service_world_send(KN_TOPIC_VOLUME, "volume.extend",
                                                       json_pack("{s:s, s:i}", "volume", ONE, "size_gib", 3))),
                     KN_OK);
    assert_true(opens(key, ONE, "read -P 7 2147479552 4k"));
    assert_true(opens(key, ONE, "read 3221221376 4k"));
    assert_false(opens(key, ONE, "read 3221225472 4k"));
    AUTO_FREE char *nothing = kn_asprintf("%064d", 0);
    json_auto_t *in_no_box = ask_key(told, AGENT, S "1", nothing);
    assert_null(json_object_get(in_no_box, "sealed"));
    kn_service_world_sql("DELETE FROM attachment");
    json_auto_t *too_late = ask_key(told, AGENT, S "1", box.name); /* the same as was answered before */
    assert_null(json_object_get(too_late, "sealed"));
    kn_service_world_sql("INSERT INTO attachment (id, volume_id, server_id, status) VALUES (gen_random_uuid(), '" ONE
                         "', '" S "1', 'attached')");
    kn_service_world_sql("DELETE FROM allocation");
    json_auto_t *moved_away = ask_key(told, AGENT, S "1", box.name);
    assert_null(json_object_get(moved_away, "sealed"));
    kn_service_world_sql("DELETE FROM attachment");
    copies_have_the_key(key);
    kn_service_world_sql("DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM volume_key), 'the key is still there'; END $$");
}

/* --- a key service ----------------------------------------------------------------------------------------------------------- */

#define SECRET_PATH "/v1/secrets/" ONE "/payload"
#define TOKEN "let-me-in"

/* A key service in a process of its own: it is not ready when it is asked first, and tells nobody without the token. */
static pid_t keys_serve(int port, const char *bytes)
{
    const int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in at = { .sin_family = AF_INET,
                                    .sin_port = htons((uint16_t)port),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    assert_int_equal(setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)), 0);
    assert_int_equal(bind(listening, (const struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(listening, 16), 0);
    const pid_t pid = fork();

    for (int asked = 0; pid == 0; asked++) {
        const int fd = accept(listening, NULL, NULL);
        char request[4096] = "";

        for (size_t n = 0; strstr(request, "\r\n\r\n") == NULL;) {
            const ssize_t more = read(fd, request + n, sizeof(request) - 1 - n);
            if (more <= 0) {
                break;
            }
            n += (size_t)more;
        }
        const char *status = asked == 0 ? "503 Not yet"
                             : strncmp(request, "GET " SECRET_PATH " ", strlen("GET " SECRET_PATH " ")) != 0 ? "404 No"
                             : strstr(request, "X-Auth-Token: " TOKEN "\r\n") == NULL                        ? "401 Who"
                                                                                                             : "200 OK";
        dprintf(fd, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status, strlen(bytes), bytes);
        close(fd);
    }
    close(listening);
    return pid;
}

/* With this service's bytes, and this token, does kilonova-volume start? It ends at once if not. */
static bool keys_start_with(int port, const char *url, const char *bytes, const char *token)
{
    AUTO_FREE char *program = kn_test_binary("kilonova-volume"),
                   *database = kn_asprintf("db.url=%s", world.conf.db_url),
                   *brokers = kn_asprintf("bus.brokers=%s", world.conf.bus_brokers),
                   *bus = kn_asprintf("bus.embedded_port=%lld", (long long)world.conf.bus_embedded_port),
                   *dir = kn_asprintf("volume.file_dir=%s/volumes", world.dir),
                   *where = kn_asprintf("volume.key_url=%s", url),
                   *file = kn_asprintf("volume.key_token_file=%s/token", world.dir);
    const char *argv[] = { program, "--set", database, "--set", brokers, "--set", bus,
                           "--set", dir,     "--set",  where,   "--set", file,    NULL };
    const pid_t server = keys_serve(port, bytes);
    struct kn_error err = { 0 };

    assert_ok(kn_file_replace(world.dir, "token", token, strlen(token), &err), &err);
    const bool is_fine = kn_test_end(kn_test_spawn(argv, "/dev/stderr", NULL), 0);
    kn_test_end(server, SIGKILL);
    return is_fine;
}

/* How many services said so of themselves. */
static int keys_alive(const char *host)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(world.db, "SELECT 1 FROM service WHERE host = $1", 1, KN_ARGS(host), &rows, &err), &err);
    return kn_rows_count(rows);
}

/* A file that is none ends a service before it says that it lives, also one that would only stand by for the one that runs here. */
static void no_service_lives_with_a_bad_file(void **state)
{
    static const struct {
        const char *bytes;
        mode_t mode;
    } FILES[] = {
        { MASTER, 0644 }, { "short", 0600 }, { MASTER "x", 0600 }, { "", 0600 }, { NULL, 0 }, { MASTER, 0600 }
    };
    AUTO_FREE char *program = kn_test_binary("kilonova-volume"), *name = kn_asprintf("%s/bad", world.dir),
                   *database = kn_asprintf("db.url=%s", world.conf.db_url),
                   *brokers = kn_asprintf("bus.brokers=%s", world.conf.bus_brokers),
                   *bus = kn_asprintf("bus.embedded_port=%lld", (long long)world.conf.bus_embedded_port),
                   *file = kn_asprintf("volume.key_file=%s", name);
    const char *argv[] = {
        program, "--set", database, "--set", brokers, "--set", bus, "--set", file, "--set", "daemon.host=bystander",
        NULL
    };
    const int64_t deadline = kn_mono_ms() + KN_SERVICE_WAIT_MS;
    struct kn_error err = { 0 };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(FILES); i++) {
        const bool is_good = i == KN_COUNT(FILES) - 1;

        unlink(name);
        if (FILES[i].bytes != NULL) {
            assert_ok(kn_file_replace(world.dir, "bad", FILES[i].bytes, strlen(FILES[i].bytes), &err), &err);
            assert_int_equal(chmod(name, FILES[i].mode), 0);
        }
        const pid_t pid = kn_test_spawn(argv, "/dev/stderr", NULL);

        while (is_good && keys_alive("bystander") == 0) {
            assert_true(kn_mono_ms() < deadline);
            kn_test_pause(50);
        }
        assert_int_equal(kn_test_end(pid, is_good ? SIGTERM : 0), is_good);
        assert_int_equal(keys_alive("bystander"), is_good);
    }
}

/* The same key from there opens and makes the same; whatever does not give it is no key. */
static void a_service_may_have_the_key(void **state)
{
    const int port = kn_test_free_port();
    AUTO_FREE char *url = kn_asprintf("http://127.0.0.1:%d" SECRET_PATH, port),
                   *elsewhere = kn_asprintf("http://localhost.example:%d" SECRET_PATH, port),
                   *other = kn_asprintf("http://127.0.0.1:%d/v1/secrets", port),
                   *dir = kn_asprintf("volume.file_dir=%s/volumes", world.dir),
                   *where = kn_asprintf("volume.key_url=%s", url),
                   *file = kn_asprintf("volume.key_token_file=%s/token", world.dir);
    struct kn_error err = { 0 };

    (void)state;
    kn_test_end(service, SIGTERM);
    assert_false(keys_start_with(port, url, MASTER, "another"));
    assert_false(keys_start_with(port, url, MASTER "x", TOKEN "\n"));
    assert_false(keys_start_with(port, url, "short", TOKEN "\n"));
    assert_false(keys_start_with(port, other, MASTER, TOKEN "\n"));
    assert_false(keys_start_with(port, elsewhere, MASTER, TOKEN "\n"));
    const pid_t server = keys_serve(port, MASTER);
    assert_ok(kn_file_replace(world.dir, "token", TOKEN "\n", strlen(TOKEN) + 1, &err), &err);
    service = kn_service_world_daemon("kilonova-volume", KN_TOPIC_VOLUME,
                                      (const char *const[]){ dir, where, file, NULL });
    kn_test_end(server, SIGKILL); /* it is not needed again */
    kn_service_world_sql("INSERT INTO volume (id, project_id, user_id, size_gib, status, type_id) VALUES ('" ONE
                         "', 'p', 'u', 1, 'creating', '" TYPE "')");
    assert_int_equal(keys_answer(kn_service_world_send(KN_TOPIC_VOLUME, "volume.create",
                                                       json_pack("{s:s, s:i}", "volume", ONE, "size_gib", 1))),
                     KN_OK);
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_FREE char *key = NULL;
    assert_ok(kn_db_query(world.db, "SELECT id, sealed FROM volume_key", 0, KN_NO_ARGS, &rows, &err), &err);
    assert_ok(kn_unseal((const uint8_t *)MASTER, kn_rows_text(rows, 0, 0), kn_rows_text(rows, 0, 1), &key, &err), &err);
    assert_true(opens(key, ONE, "write -P 9 0 4k"));
    keys_remove(ONE);
}

static int world_start(void **state)
{
    struct kn_error err = { 0 };

    (void)state;
    kn_service_world_start("volume_keys");
    AUTO_FREE char *dir = kn_asprintf("volume.file_dir=%s/volumes", world.dir),
                   *key = kn_asprintf("volume.key_file=%s/master", world.dir);

    snprintf(volumes, sizeof(volumes), "%s/volumes", world.dir);
    kn_service_world_sql("ALTER TABLE attachment DROP CONSTRAINT attachment_server_id_fkey"); /* no servers here */
    assert_ok(kn_file_replace(world.dir, "master", MASTER, 32, &err), &err);
    service = kn_service_world_daemon("kilonova-volume", KN_TOPIC_VOLUME, (const char *const[]){ dir, key, NULL });
    return 0;
}

static int world_stop(void **state)
{
    (void)state;
    kn_test_end(service, SIGTERM);
    kn_service_world_stop();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_key_goes_to_who_has_the_volume),
                                        cmocka_unit_test(no_service_lives_with_a_bad_file),
                                        cmocka_unit_test(a_service_may_have_the_key) };

    kn_test_needs("qemu-io");
    return cmocka_run_group_tests(tests, world_start, world_stop);
}
