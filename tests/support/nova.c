/* SPDX-License-Identifier: Apache-2.0 */
/* Owns a compute API for tests: database, bus and front door, in the order in which they need each other. */
#include "tests/support/nova.h"

#include <stdio.h>

#include "compute/api.h"
#include "identity/api.h"
#include "image/api.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "network/api.h"
#include "tests/support/broker.h"
#include "tests/support/front.h"
#include "tests/support/postgres.h"
#include "tests/support/test.h"
#include "volume/api.h"

struct kn_test_nova_inner {
    struct kn_test_pg *pg;
    struct kn_test_broker *broker;
    struct kn_test_front *front;
    struct kn_conf conf;
    char *url;
    json_t *answer;
};

struct kn_test_nova *kn_test_nova_start(void)
{
    static const struct kn_api *const APIS[] = { &kn_identity_api, &kn_compute_api, &kn_network_api,
                                                 &kn_image_api,    &kn_volume_api,  NULL };
    struct kn_test_nova *nova = KN_NEW(struct kn_test_nova);
    struct kn_test_nova_inner *in = nova->inner = KN_NEW(struct kn_test_nova_inner);

    kn_log_init("nova", KN_ERROR);
    kn_conf_defaults(&in->conf);
    in->conf.api_threads = KN_TEST_FRONT_THREADS;
    in->pg = kn_test_pg_start(KN_TEST_PG_FAST);
    in->conf.db_url = in->url = kn_test_pg_migrated(in->pg, "nova");
    in->broker = kn_test_broker_start();
    kn_test_broker_conf(in->broker, &in->conf);
    nova->db = kn_db_new(in->url, "test");
    in->front = kn_test_front_start(&in->conf, APIS);
    nova->http = kn_test_http_open(kn_test_front_port(in->front));
    return nova;
}

void kn_test_nova_free(struct kn_test_nova *nova)
{
    struct kn_test_nova_inner *in = nova->inner;

    json_decref(in->answer);
    kn_test_http_close(&nova->http);
    kn_test_front_free(in->front);
    kn_db_free(nova->db);
    kn_test_broker_free(in->broker);
    kn_test_pg_free(in->pg);
    free(in->url);
    free(in);
    free(nova);
}

int kn_test_nova_ask(struct kn_test_nova *nova, const char *token, int minor, const char *method, const char *path,
                     const char *body)
{
    char headers[512];
    int len = snprintf(headers, sizeof(headers), "X-Auth-Token: %s\r\nAccept: application/json\r\n", token);

    if (minor > 0) {
        snprintf(headers + len, sizeof(headers) - (size_t)len, "OpenStack-API-Version: compute 2.%d\r\n", minor);
    }
    kn_test_http_ask(&nova->http, method, path, headers, body);
    json_decref(nova->inner->answer);
    nova->inner->answer = NULL; /* the next line may leave the test */
    nova->inner->answer = nova->http.body.len > 0 ? kn_test_http_json(&nova->http) : NULL;
    return nova->http.status;
}

const json_t *kn_test_nova_at(struct kn_test_nova *nova, const char *path)
{
    const json_t *at = nova->inner->answer;

    while (at != NULL && *path != '\0') {
        size_t len = strcspn(path, ".");
        char key[128];

        snprintf(key, sizeof(key), "%.*s", (int)len, path);
        at = json_is_array(at) ? json_array_get(at, strtoul(key, NULL, 10)) : json_object_get(at, key);
        path += len + (path[len] == '.');
    }
    return at;
}

const char *kn_test_nova_str(struct kn_test_nova *nova, const char *path)
{
    const char *text = json_string_value(kn_test_nova_at(nova, path));

    return text != NULL ? text : "";
}

int64_t kn_test_nova_sql(struct kn_test_nova *nova, const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(nova->db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_count(rows) > 0 ? kn_rows_int(rows, 0, 0) : 0;
}
