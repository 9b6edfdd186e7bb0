/* SPDX-License-Identifier: Apache-2.0 */
/* Starts and ends what stands behind a front door in tests. */
#include "tests/support/front_world.h"

#include "lib/base/log.h"
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

void kn_test_world_expect(struct kn_test_world *w, int status, const char *method, const char *path,
                          const char *headers, const char *body)
{
    kn_test_http_ask(&w->http, method, path, headers, body);
    if (w->http.status != status) {
        fail_msg("%s %s %s: %d %s, wanted %d", method, path, body != NULL ? body : "", w->http.status, w->http.body.buf,
                 status);
    }
}

int64_t kn_test_world_number(struct kn_test_world *w, const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err;

    assert_ok(kn_db_query(w->db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_count(rows) > 0 ? kn_rows_int(rows, 0, 0) : -1;
}
