/* SPDX-License-Identifier: Apache-2.0 */
/* The world of the image tests: see image_world.h. */
#include "tests/support/image_world.h"

#include <dirent.h>
#include <unistd.h>

#include "image/serve/sweep.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "tests/support/broker.h"
#include "tests/support/postgres.h"

struct image_world world;
static struct kn_test_pg *pg;
static struct kn_test_broker *broker;
static struct kn_test_front *front;

static int ask(const char *method, const char *path, const char *headers, const char *body)
{
    kn_test_http_ask(&world.http, method, path, headers, body);
    return world.http.status;
}

void expect(int status, const char *method, const char *path, const char *headers, const char *body)
{
    if (ask(method, path, headers, body) != status) {
        fail_msg("%s %s %s: %d %s, wanted %d", method, path, body != NULL ? body : "", world.http.status,
                 world.http.body.buf, status);
    }
}

const char *field(const char *key)
{
    static char text[16][256];
    static int next;
    char *out = text[next++ % 16];
    json_t *json = kn_test_http_json(&world.http);
    const char *value = json_string_value(json_object_get(json, key));

    kn_copy(out, sizeof(text[0]), value != NULL ? value : "");
    json_decref(json);
    return out;
}

json_int_t number(const char *key)
{
    json_t *json = kn_test_http_json(&world.http);
    const json_int_t value = json_integer_value(json_object_get(json, key));

    json_decref(json);
    return value;
}

char *path_of(const char *id, const char *tail)
{
    return kn_asprintf(IMAGES "/%s%s", id, tail);
}

char *create(const char *headers, const char *body)
{
    expect(201, "POST", IMAGES, headers, body);
    return kn_strdup(field("id"));
}

char *create_raw(void)
{
    return create(A JSON, "{\"name\":\"r\",\"disk_format\":\"raw\",\"container_format\":\"bare\"}");
}

void upload(int status, const char *id, const char *data)
{
    AUTO_FREE char *path = path_of(id, "/file");

    expect(status, "PUT", path, A BYTES, data);
}

const char *status_of(const char *id)
{
    AUTO_FREE char *path = path_of(id, "");

    expect(200, "GET", path, A, NULL);
    return field("status");
}

int files(void)
{
    DIR *d = opendir(world.store);
    int count = 0;

    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        count += e->d_name[0] != '.';
    }
    closedir(d);
    return count;
}

int64_t count_of(const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(world.db, sql, 0, NULL, &rows, &err), &err);
    return kn_rows_int(rows, 0, 0);
}

void drop_everything(void)
{
    struct kn_error err = { 0 };
    int count;

    assert_ok(kn_db_script(world.db,
                           "DELETE FROM image_member; DELETE FROM image_task; DELETE FROM image; DELETE FROM task;",
                           &err),
              &err);
    assert_ok(kn_image_sweep_store(world.db, world.store, &count, &err), &err);
    assert_int_equal(files(), 0);
    assert_int_equal(count_of("SELECT count(*) FROM blob"), 0);
}

int start_world(void **state)
{
    static const struct kn_api *const APIS[] = { &kn_image_api, NULL };

    (void)state;
    kn_log_init("test", KN_WARNING);
    kn_conf_defaults(&world.conf);
    pg = kn_test_pg_start(KN_TEST_PG_FAST);
    world.conf.db_url = kn_test_pg_migrated(pg, "image");
    broker = kn_test_broker_start();
    kn_test_broker_conf(broker, &world.conf);
    kn_test_dir(world.store, "store");
    world.conf.image_store_dir = world.store;
    world.db = kn_db_new(world.conf.db_url, "test");
    front = kn_test_front_start(&world.conf, APIS);
    world.http = kn_test_http_open(kn_test_front_port(front));
    return 0;
}

int stop_world(void **state)
{
    (void)state;
    kn_test_http_close(&world.http);
    kn_test_front_free(front);
    kn_db_free(world.db);
    kn_test_broker_free(broker);
    kn_test_pg_free(pg);
    free((char *)(uintptr_t)world.conf.db_url);
    return rmdir(world.store);
}
