/* SPDX-License-Identifier: Apache-2.0 */
/* Starts and ends what stands behind a front door in tests. */
#include "tests/support/front_world.h"

#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

void kn_test_world_start(struct kn_test_world *w, const char *name, const struct kn_api *const *apis)
{
    kn_log_init(name, KN_WARNING);
    kn_conf_defaults(&w->conf);
    w->pg = kn_test_pg_start(KN_TEST_PG_FAST);
    w->conf.db_url = kn_test_pg_migrated(w->pg, name);
    w->broker = kn_test_broker_start();
    kn_test_broker_conf(w->broker, &w->conf);
    w->db = kn_db_new(w->conf.db_url, "test");
    w->front = kn_test_front_start(&w->conf, apis);
    w->http = kn_test_http_open(kn_test_front_port(w->front));
}

void kn_test_world_stop(struct kn_test_world *w)
{
    kn_test_http_close(&w->http);
    kn_test_front_free(w->front);
    kn_db_free(w->db);
    kn_test_broker_free(w->broker);
    kn_test_pg_free(w->pg);
    free((char *)(uintptr_t)w->conf.db_url);
}

int kn_test_world_teardown(void **state)
{
    kn_test_world_stop(*state);
    return 0;
}

void kn_test_world_expect(struct kn_test_world *w, int status, const char *method, const char *path,
                          const char *headers, const char *body)
{
    kn_test_http_ask(&w->http, method, path, headers, body);
    if (w->http.status != status) {
        fail_msg("%s %s %s: %d %s, wanted %d", method, path, body != NULL ? body : "", w->http.status, w->http.body.buf,
                 status);
    }
}

void kn_test_world_expect_text(struct kn_test_world *w, const char *wanted)
{
    if (strstr(w->http.body.buf, wanted) == NULL) {
        fail_msg("%s is not in %s", wanted, w->http.body.buf);
    }
}

int64_t kn_test_world_number(struct kn_test_world *w, const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err;

    assert_ok(kn_db_query(w->db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_count(rows) > 0 ? kn_rows_int(rows, 0, 0) : -1;
}

void kn_test_world_sql(struct kn_test_world *w, const char *sql)
{
    struct kn_error err;

    assert_ok(kn_db_script(w->db, sql, &err), &err);
}

char *kn_test_world_member(struct kn_test_world *w, const char *outer, const char *key)
{
    json_t *json = kn_test_http_json(&w->http);
    json_t *value = json_object_get(json_object_get(json, outer), key);
    char *text = value == NULL ? kn_strdup("absent") : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

    json_decref(json);
    return text;
}

void kn_test_world_expect_member(struct kn_test_world *w, const char *outer, const char *key, const char *wanted)
{
    AUTO_FREE char *found = kn_test_world_member(w, outer, key);

    if (strcmp(found, wanted) != 0) {
        fail_msg("%s.%s is %s, wanted %s", outer, key, found, wanted);
    }
}

char *kn_test_world_id(struct kn_test_world *w, const char *outer)
{
    AUTO_FREE char *quoted = kn_test_world_member(w, outer, "id");

    if (*quoted != '"') {
        fail_msg("%s has no id: %s", outer, w->http.body.buf);
    }
    return kn_asprintf("%.36s", quoted + 1);
}
