/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the processes of a cloud for a test: they are started with one set of options, of which each takes what it knows. */
#include "tests/support/whole_cloud.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/broker.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

#define WAIT_MS 60000

struct kn_whole_cloud kn_whole;

/* clang-format off */
static const char *const DAEMONS[] = { "kilonova-conductor", "kilonova-scheduler", "kilonova-network", "kilonova-volume",
                                       "kilonova-image",     "kilonova-agent",     "kilonova-api" };
/* clang-format on */
static pid_t pids[KN_COUNT(DAEMONS)];
static struct kn_test_broker *broker;

int kn_whole_cloud_ask(const char *method, const char *path, const char *headers, const char *body)
{
    AUTO_FREE char *all = kn_asprintf("X-Auth-Token: %s\r\n%s", kn_ks.admin, headers != NULL ? headers : "");

    kn_test_http_ask(&kn_whole.http, method, path, all, body);
    return kn_whole.http.status;
}

void kn_whole_cloud_expect(int status, const char *method, const char *path, const char *headers, const char *body)
{
    kn_whole_cloud_ask(method, path, headers, body);
    if (kn_whole.http.status != status) {
        fail_msg("%s %s %s: %d %s", method, path, body == NULL ? "" : body, kn_whole.http.status,
                 kn_whole.http.body.buf);
    }
}

void kn_whole_cloud_act(const char *server, int status, const char *headers, const char *body)
{
    AUTO_FREE char *path = kn_asprintf("/compute/v2.1/servers/%s/action", server);

    kn_whole_cloud_expect(status, "POST", path, headers, body);
}

const char *kn_whole_cloud_text(const char *path)
{
    json_decref(kn_ks.json);
    kn_ks.json = kn_test_http_json(&kn_whole.http);
    return kn_ks_keep(kn_ks_text(path));
}

int64_t kn_whole_cloud_count(const char *sql, const char *arg)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(kn_whole.db, sql, arg != NULL ? 1 : 0, arg != NULL ? KN_ARGS(arg) : KN_NO_ARGS, &rows, &err),
              &err);
    return kn_rows_int(rows, 0, 0);
}

void kn_whole_cloud_await(const char *sql, int64_t wanted)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    int64_t is = 0;

    while ((is = kn_whole_cloud_count(sql, NULL)) != wanted) {
        if (kn_mono_ms() > deadline) {
            fail_msg("%s: %lld, wanted %lld", sql, (long long)is, (long long)wanted);
        }
        kn_test_pause(20);
    }
}

static char *options[12]; /* section.key=value, of all daemons alike */

static void start_daemon(size_t i)
{
    AUTO_FREE char *program = kn_test_binary(DAEMONS[i]);
    const char *argv[KN_COUNT(options) * 2 + 8] = {
        program, "--set", "agent.driver=sim", "--set", "daemon.log_level=error", "--set", "daemon.host=whole"
    };
    size_t n = 7;

    for (size_t o = 0; o < KN_COUNT(options); o++) {
        argv[n++] = "--set";
        argv[n++] = options[o];
    }
    pids[i] = kn_test_spawn(argv, "/dev/stderr", NULL);
}

static void start_daemons(const char *hosts, int port)
{
    const struct kn_conf *conf = &kn_whole.conf;

    kn_conf_defaults(&kn_whole.conf);
    broker = kn_test_broker_start();
    kn_test_broker_conf(broker, &kn_whole.conf);
    options[0] = kn_asprintf("db.url=%s", kn_ks.url);
    options[1] = kn_asprintf("identity.key_file=%s", kn_ks.key_file);
    options[2] = kn_asprintf("bus.brokers=%s", conf->bus_brokers);
    options[3] = kn_asprintf("bus.embedded_port=%lld", (long long)conf->bus_embedded_port);
    options[4] = kn_asprintf("api.listen=127.0.0.1:%d", port);
    options[5] = kn_asprintf("image.data_listen=127.0.0.1:%d", kn_test_free_port());
    options[6] = kn_asprintf("image.store_dir=%s", kn_whole.dir);
    options[7] = kn_asprintf("volume.file_dir=%s", kn_whole.dir);
    options[8] = kn_asprintf("agent.state_dir=%s", kn_whole.dir);
    options[9] = kn_asprintf("agent.sim_hosts=%s", hosts);
    options[11] = kn_asprintf("volume.backup_dir=%s/backups", kn_whole.dir);
    kn_whole.console_port = kn_test_free_port();
    options[10] = kn_asprintf("console.listen=127.0.0.1:%d", kn_whole.console_port);
    for (size_t i = 0; i < KN_COUNT(DAEMONS); i++) {
        start_daemon(i);
    }
    kn_test_wait_port(port);
}

const char *kn_whole_cloud_flavor(void)
{
    assert_int_equal(kn_whole_cloud_ask("POST", "/compute/v2.1/flavors", KN_WHOLE_JSON,
                                        "{\"flavor\": {\"name\": \"f\", \"ram\": 64, \"vcpus\": 1, \"disk\": 1}}"),
                     200);
    return kn_whole_cloud_text("flavor.id");
}

const char *kn_whole_cloud_image(void)
{
    assert_int_equal(kn_whole_cloud_ask("POST", "/image/v2/images", KN_WHOLE_JSON,
                                        "{\"name\": \"i\", \"disk_format\": \"raw\", \"container_format\": \"bare\"}"),
                     201);
    const char *image = kn_whole_cloud_text("id");
    AUTO_FREE char *path = kn_asprintf("/image/v2/images/%s/file", image);
    assert_int_equal(kn_whole_cloud_ask("PUT", path, "Content-Type: application/octet-stream\r\n", "what boots"), 204);
    return image;
}

int kn_whole_cloud_image_port(void)
{
    return (int)strtol(strrchr(options[5], ':') + 1, NULL, 10);
}

bool kn_whole_cloud_is_sound(void)
{
    AUTO_FREE char *program = kn_test_binary("kilonova");
    const char *argv[KN_COUNT(options) * 2 + 4] = { program };
    size_t n = 1;

    for (size_t o = 0; o < KN_COUNT(options); o++) {
        argv[n++] = "--set";
        argv[n++] = options[o];
    }
    argv[n] = "audit";
    return kn_test_end(kn_test_spawn(argv, "/dev/stderr", NULL), 0);
}

int kn_whole_cloud_sound(void **state)
{
    (void)state;
    assert_true(kn_whole_cloud_is_sound());
    return 0;
}

pid_t kn_whole_cloud_second_api(int port, int console_port)
{
    AUTO_FREE char *program = kn_test_binary("kilonova-api");
    AUTO_FREE char *listen = kn_asprintf("api.listen=127.0.0.1:%d", port);
    AUTO_FREE char *consoles = kn_asprintf("console.listen=127.0.0.1:%d", console_port);
    const char *argv[KN_COUNT(options) * 2 + 12] = { program, "--set", "daemon.host=second", "--set",
                                                     "daemon.log_level=error" };
    size_t n = 5;

    for (size_t o = 0; o < KN_COUNT(options); o++) {
        argv[n++] = "--set";
        argv[n++] = options[o];
    }
    argv[n++] = "--set"; /* the later of two holds */
    argv[n++] = listen;
    argv[n++] = "--set";
    argv[n++] = consoles;
    const pid_t pid = kn_test_spawn(argv, "/dev/stderr", NULL);

    kn_test_wait_port(port);
    kn_test_wait_port(console_port);
    return pid;
}

void kn_whole_cloud_restart(const char *daemon)
{
    size_t i = 0;

    while (strcmp(DAEMONS[i], daemon) != 0) {
        assert_true(++i < KN_COUNT(DAEMONS));
    }
    kn_test_end(pids[i], SIGKILL);
    start_daemon(i);
}

void kn_whole_cloud_start(const char *hosts)
{
    const int port = kn_test_free_port();

    kn_ks_start(NULL);
    kn_copy(kn_whole.project, sizeof(kn_whole.project), kn_ks_text("token.project.id"));
    kn_copy(kn_whole.user, sizeof(kn_whole.user), kn_ks_text("token.user.id"));
    kn_whole.db = kn_db_new(kn_ks.url, "test");
    kn_test_dir(kn_whole.dir, "whole");
    start_daemons(hosts, port);
    kn_whole.http = kn_test_http_open(port);
    kn_whole_cloud_await("SELECT (count(*) > 0)::int FROM host", 1);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

void kn_whole_cloud_stop(void)
{
    for (size_t i = KN_COUNT(DAEMONS); i-- > 0;) {
        kn_test_end(pids[i], SIGTERM);
    }
    kn_test_http_close(&kn_whole.http);
    kn_db_free(kn_whole.db);
    kn_test_broker_free(broker);
    for (size_t i = 0; i < KN_COUNT(options); i++) {
        free(options[i]);
    }
    nftw(kn_whole.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    kn_ks_stop();
}

int kn_whole_cloud_teardown(void **state)
{
    (void)state;
    kn_whole_cloud_stop();
    return 0;
}
