/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the identity service of a test: its database, its keys, its door, and the client that speaks with it. */
#include "tests/support/keystone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "identity/api.h"
#include "identity/auth/keys.h"
#include "identity/rows/bootstrap.h"
#include "identity/rows/catalog_noun.h"
#include "lib/adapter/crypto.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "tests/support/postgres.h"
#include "tests/support/test.h"

#define WAIT_MS 60000

struct kn_test_keystone kn_ks;

/* --- speaking --- */

static void ask(const char *method, const char *path, const char *token, const char *body)
{
    AUTO_FREE char *header = token != NULL ? kn_asprintf("X-Auth-Token: %s\r\n", token) : NULL;
    AUTO_FREE char *whole = kn_asprintf("/identity%s", path);

    kn_test_http_ask(&kn_ks.http, method, whole, header, body);
    json_decref(kn_ks.json);
    kn_ks.json = json_loadb(kn_ks.http.body.buf, kn_ks.http.body.len, 0, NULL);
}

static void check(int status, const char *method, const char *path)
{
    if (kn_ks.http.status != status) {
        fail_msg("%s %s: %d %s, wanted %d", method, path, kn_ks.http.status, kn_ks.http.body.buf, status);
    }
    if (status >= 400) {
        assert_int_equal(json_integer_value(json_object_get(json_object_get(kn_ks.json, "error"), "code")), status);
    }
    assert_true(strncmp(kn_test_http_header(&kn_ks.http, "x-openstack-request-id"), "req-", 4) == 0);
}

void kn_ks_ask(int status, const char *method, const char *path, const char *token, const char *body)
{
    ask(method, path, token, body);
    check(status, method, path);
}

int kn_ks_ask_until(int status, int meanwhile, const char *method, const char *path, const char *token,
                    const char *body)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    int count = -1;

    do {
        ask(method, path, token, body);
        count++;
    } while (kn_ks.http.status == meanwhile && kn_mono_ms() < deadline);
    check(status, method, path);
    return count;
}

const json_t *kn_ks_at(const char *path)
{
    AUTO_FREE char *copy = kn_strdup(path);
    const json_t *json = kn_ks.json;
    char *rest = copy;

    for (char *key = strsep(&rest, "."); key != NULL; key = strsep(&rest, ".")) {
        json = json_is_array(json) ? json_array_get(json, (size_t)atoi(key)) : json_object_get(json, key);
    }
    return json;
}

const char *kn_ks_text(const char *path)
{
    const char *value = json_string_value(kn_ks_at(path));
    if (value == NULL) {
        fail_msg("no text at %s in %s", path, kn_ks.http.body.buf);
    }
    return value;
}

const char *kn_ks_keep(const char *value)
{
    static char kept[64][64];
    static int next;
    char *at_next = kept[next++ % 64];
    kn_copy(at_next, 64, value);
    return at_next;
}

void kn_ks_log_in(int status, const char *user, const char *password, const char *scope, char token[KN_KS_TOKEN])
{
    AUTO_FREE char *body =
        kn_asprintf("{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"name\":\"%s\","
                    "\"domain\":{\"name\":\"Default\"},\"password\":\"%s\"}}}%s%s}}",
                    user, password, scope != NULL ? ",\"scope\":" : "", scope != NULL ? scope : "");
    kn_ks_ask(status, "POST", "/v3/auth/tokens", NULL, body);
    if (token != NULL) {
        kn_copy(token, KN_KS_TOKEN, kn_test_http_header(&kn_ks.http, "X-Subject-Token"));
    }
}

void kn_ks_assert_worth(const char *token, bool something)
{
    kn_ks_ask(something ? 200 : 401, "GET", "/v3/auth/catalog", token, NULL);
}

const char *kn_ks_make(const char *collection, const char *noun, const char *members)
{
    AUTO_FREE char *body = kn_asprintf("{\"%s\":{%s}}", noun, members);
    AUTO_FREE char *path = kn_asprintf("/v3/%s", collection);
    AUTO_FREE char *id = kn_asprintf("%s.id", noun);
    kn_ks_ask(201, "POST", path, kn_ks.admin, body);
    return kn_ks_keep(kn_ks_text(id));
}

const char *kn_ks_role(const char *name)
{
    AUTO_FREE char *path = kn_asprintf("/v3/roles?name=%s", name);
    kn_ks_ask(200, "GET", path, kn_ks.admin, NULL);
    return kn_ks_keep(kn_ks_text("roles.0.id"));
}

void kn_ks_grant(int status, const char *method, const char *target, const char *user, const char *role)
{
    AUTO_FREE char *path = kn_asprintf("/v3/%s/users/%s/roles/%s", target, user, role);
    kn_ks_ask(status, method, path, kn_ks.admin, NULL);
}

struct kn_ks_person kn_ks_make_person(const char *name, const char *role)
{
    struct kn_ks_person p;
    AUTO_FREE char *project = kn_asprintf("\"name\":\"%s\"", name);
    AUTO_FREE char *user = kn_asprintf("\"name\":\"%s\",\"password\":\"s3cret\"", name);

    kn_copy(p.name, sizeof(p.name), name);
    p.project = kn_ks_make("projects", "project", project);
    p.user = kn_ks_make("users", "user", user);
    snprintf(p.scope, sizeof(p.scope), "{\"project\":{\"id\":\"%s\"}}", p.project);
    snprintf(p.target, sizeof(p.target), "projects/%s", p.project);
    kn_ks_grant(204, "PUT", p.target, p.user, kn_ks_role(role));
    return p;
}

/* --- the world --- */

static struct kn_db *thread_db(void *ctx)
{
    (void)ctx;
    return kn_db_new(kn_ks.conf.db_url, "test");
}

static void prepare(struct kn_error *err)
{
    struct kn_identity_bootstrap admin = {
        .user = "admin", .role = "admin", .system = true, .password = KN_KS_PASSWORD
    };
    AUTO(kn_db) struct kn_db *db = kn_db_new(kn_ks.url, "test");
    struct kn_identity_keys keys = { .count = 0 };
    char made[KN_PASSWORD_TEXT];

    kn_identity_keys_add(&keys);
    AUTO_FREE char *credential_keys = kn_identity_keys_credential_path(&kn_ks.conf);
    assert_ok(kn_identity_keys_save(kn_ks.key_file, &keys, err), err);
    assert_ok(kn_identity_keys_save(credential_keys, &keys, err), err);
    assert_ok(kn_identity_bootstrap_roles(db, err), err);
    assert_ok(kn_identity_bootstrap_catalog(db, "RegionOne", err), err);
    assert_ok(kn_identity_bootstrap_user(db, &admin, made, err), err);
    assert_string_equal(made, "");
    admin.password = NULL; /* again: nothing changes */
    assert_ok(kn_identity_bootstrap_roles(db, err), err);
    assert_ok(kn_identity_bootstrap_catalog(db, "RegionOne", err), err);
    assert_ok(kn_identity_bootstrap_user(db, &admin, made, err), err);
    assert_string_equal(made, "");
    const struct kn_identity_bootstrap other = { .user = "demo", .role = "member" };
    assert_ok(kn_identity_bootstrap_user(db, &other, made, err), err);
    assert_int_equal(strlen(made), 32);
}

void kn_ks_start(void (*configure)(struct kn_conf *conf))
{
    static const struct kn_api *const APIS[] = { &kn_identity_api, NULL };
    static const struct kn_http_ops OPS = { .open = kn_api_door_open,
                                            .dispatch = kn_api_door_dispatch,
                                            .refuse = kn_api_door_refuse,
                                            .finish = kn_api_door_finish,
                                            .thread_db = thread_db,
                                            .is_slow = kn_api_door_is_slow,
                                            .names = kn_api_door_names };
    static const struct kn_http_limits LIMITS = {
        .threads = 2, .slow_threads = 1, .slow_waiting = 8, .max_body = 65536
    };
    struct kn_error err = { 0 };

    kn_log_init("keystone", KN_WARNING);
    assert_ok(kn_crypto_init(&err), &err);
    kn_ks.pg = kn_test_pg_start(KN_TEST_PG_FAST);
    kn_ks.url = kn_test_pg_migrated(kn_ks.pg, "identity");
    kn_test_dir(kn_ks.dir, "identity");
    kn_ks.key_file = kn_asprintf("%s/token.key", kn_ks.dir);
    kn_conf_defaults(&kn_ks.conf);
    kn_ks.conf.db_url = kn_ks.url;
    kn_ks.conf.identity_key_file = kn_ks.key_file;
    if (configure != NULL) {
        configure(&kn_ks.conf);
    }
    prepare(&err);
    assert_ok(kn_identity_start(&kn_ks.conf, &err), &err);
    kn_ks.door.authenticate = kn_identity_check;
    kn_ks.door.allows = kn_identity_allows;
    assert_ok(kn_api_door_init(&kn_ks.door, APIS, &kn_ks.conf, NULL, &err), &err);
    assert_ok(kn_http_serve("127.0.0.1:0", &LIMITS, &OPS, &kn_ks.door, &kn_ks.server, &err), &err);
    kn_ks.http = kn_test_http_open(kn_http_port(kn_ks.server));
    kn_ks_log_in(201, "admin", KN_KS_PASSWORD, KN_KS_ADMIN_SCOPE, kn_ks.admin);
}

void kn_ks_stop(void)
{
    json_decref(kn_ks.json);
    kn_test_http_close(&kn_ks.http);
    kn_http_stop(kn_ks.server);
    kn_identity_stop();
    kn_api_door_release(&kn_ks.door);
    kn_test_pg_free(kn_ks.pg);
    AUTO_FREE char *credential_keys = kn_identity_keys_credential_path(&kn_ks.conf);
    unlink(credential_keys);
    unlink(kn_ks.key_file);
    rmdir(kn_ks.dir);
    free(kn_ks.key_file);
    free(kn_ks.url);
}

int kn_ks_group_start(void **state)
{
    (void)state;
    kn_ks_start(NULL);
    return 0;
}

int kn_ks_group_stop(void **state)
{
    (void)state;
    kn_ks_stop();
    return 0;
}
