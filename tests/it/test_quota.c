/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One quota for all services: many that take at once, also when they are killed; a limit that is set in one place and seen in the other; what each
 * service counts; what the migration makes of the tables that each service had.
 */
#include "tests/support/postgres.h"
#include "tests/support/test.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compute/api.h"
#include "identity/api.h"
#include "image/api.h"
#include "lib/adapter/migrate.h"
#include "lib/adapter/quota.h"
#include "lib/base/mem.h"
#include "network/api.h"
#include "tests/support/front_world.h"
#include "tests/support/keyed_world.h"
#include "volume/api.h"

#define P "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define Q "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define JSON "Content-Type: application/json\r\n"
#define ADMIN "X-Auth-Token: " Q ":admin\r\n" JSON
#define MEMBER "X-Auth-Token: " P ":member\r\n" JSON
#define NOVA_SETS "/compute/v2.1/os-quota-sets/" P
#define CINDER_SETS "/volume/v3/os-quota-sets/" P
#define NEUTRON_SETS "/network/v2.0/quotas/" P
#define TAKERS 4

static const struct kn_api *const APIS[] = { &kn_identity_api, &kn_compute_api, &kn_volume_api,
                                             &kn_network_api,  &kn_image_api,   NULL };
static struct kn_test_keyed_world world;
static struct kn_error err;

static const char FRESH[] = KN_TEST_EMPTY(
    "quota_limit, quota_usage, quota_change, catalog_service, volume, network, subnet, address_ready, port, port_binding, port_security_group, security_group, image, keypair, task") "DELETE FROM project;"
                                                                                                                                                                                      "INSERT INTO project (id, domain_id, name) VALUES ('" P
                                                                                                                                                                                      "', 'default', 'p'), ('" Q
                                                                                                                                                                                      "', 'default', 'q');"
                                                                                                                                                                                      "INSERT INTO catalog_service (id, type, name) VALUES ('nova', 'compute', 'nova'), ('cinder', 'block-storage', 'cinder'), ('cinderv3', 'volumev3', 'cinderv3'), "
                                                                                                                                                                                      "('neutron', 'network', 'neutron'), ('glance', 'image', 'glance'), ('other', 'horses', 'stable');"
                                                                                                                                                                                      "INSERT INTO catalog_region (id) VALUES ('RegionOne') ON CONFLICT DO NOTHING";

static int group_setup(void **state)
{
    (void)state;
    kn_test_keyed_world_start(&world, "quota", APIS);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    kn_test_keyed_world_stop(&world);
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    assert_ok(kn_db_script(world.front.db, FRESH, &err), &err);
    return 0;
}

static void ask(int status, const char *who, const char *method, const char *path, const char *body)
{
    kn_test_world_expect(&world.front, status, method, path, who, body);
}

/* "a.b.0.c" of the last answer, as JSON; valid until the next call. */
static const char *at(const char *path)
{
    static char text[512];
    json_t *json = kn_test_http_json(&world.front.http);
    const json_t *node = json;
    AUTO_FREE char *copy = kn_strdup(path);

    for (char *rest = copy, *key; node != NULL && (key = strsep(&rest, ".")) != NULL;) {
        node = json_is_array(node) ? json_array_get(node, (size_t)atoi(key)) : json_object_get(node, key);
    }
    AUTO_FREE char *dump = node == NULL ? NULL : json_dumps(node, JSON_ENCODE_ANY | JSON_COMPACT);
    kn_copy(text, sizeof(text), dump == NULL ? "" : dump);
    json_decref(json);
    return text;
}

static void assert_at(const char *path, const char *value)
{
    if (strcmp(at(path), value) != 0) {
        fail_msg("%s is %s, wanted %s, in %s", path, at(path), value, world.front.http.body.buf);
    }
}

/* --- many at once ----------------------------------------------------------------------------------------------------- */

/* 0: taken; 1: refused; 2: anything else, a deadlock for one. */
static int take_both(struct kn_db *db, bool backwards)
{
    static const char *const PROJECTS[] = { P, Q };
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims claims = KN_QUOTA_CLAIMS("compute");
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_error why = { 0 };

    for (int i = 0; i < 2; i++) {
        const char *project = PROJECTS[backwards ? 1 - i : i];

        kn_quota_claim(&claims, project, backwards ? KN_QUOTA_RAM : KN_QUOTA_INSTANCES, 1);
        kn_quota_claim(&claims, project, backwards ? KN_QUOTA_INSTANCES : KN_QUOTA_RAM, 1);
    }
    if (kn_tx_begin(&tx, db, &why) == 0 && kn_quota_take(db, &claims, &why) == 0 && kn_tx_commit(&tx, &why) == 0) {
        return 0;
    }
    return why.code == KN_QUOTA ? 1 : 2;
}

/* A process of its own: its exit status is how many it got, 255 if anything but a quota stopped it. */
static pid_t start_taker(bool backwards)
{
    const pid_t pid = fork();

    if (pid == 0) {
        struct kn_db *db = kn_db_new(world.front.conf.db_url, "taker");
        int got = 0;

        for (int i = 0; i < 60; i++) {
            const int outcome = take_both(db, backwards);

            got += outcome == 0;
            if (outcome == 2) {
                _exit(255);
            }
        }
        _exit(got);
    }
    return pid;
}

static void test_processes_never_take_too_much(void **state)
{
    pid_t pids[TAKERS];
    int sum = 0;

    (void)state;
    assert_ok(kn_db_script(world.front.db,
                           "INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('compute', '" P
                           "', 'instances', 100), "
                           "('compute', '', 'instances', 70)",
                           &err),
              &err);
    for (int i = 0; i < TAKERS; i++) {
        pids[i] = start_taker(i % 2 == 1);
    }
    for (int i = 0; i < TAKERS; i++) {
        int status = 0;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status));
        assert_int_not_equal(WEXITSTATUS(status), 255);
        sum += WEXITSTATUS(status);
    }
    assert_int_equal(sum, 70);
    assert_int_equal(kn_test_world_number(&world.front, "SELECT min(used) FROM quota_usage"), 70);
    assert_int_equal(kn_test_world_number(&world.front, "SELECT max(used) FROM quota_usage"), 70);
    assert_int_equal(kn_test_world_number(&world.front, "SELECT count(*) FROM quota_usage"), 4);
}

/* What a process held when it was killed is not taken, and holds nobody. */
static void test_a_killed_process_took_nothing(void **state)
{
    int ready[2];
    char byte;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        struct kn_db *db = kn_db_new(world.front.conf.db_url, "killed");
        struct kn_tx tx = { NULL };
        struct kn_error why = { 0 };
        const bool taken = kn_tx_begin(&tx, db, &why) == 0 &&
                           kn_quota_take_one(db, P, KN_QUOTA_INSTANCES, 10, &why) == 0;

        if (write(ready[1], taken ? "y" : "n", 1) == 1) {
            pause();
        }
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_ok(kn_quota_take_one(world.front.db, P, KN_QUOTA_INSTANCES, 10, &err), &err);
    assert_int_equal(kn_test_world_number(&world.front, "SELECT used FROM quota_usage WHERE project_id = '" P "'"), 10);
    close(ready[0]);
    close(ready[1]);
}

static void test_giving_back_is_never_refused(void **state)
{
    (void)state;
    assert_ok(kn_quota_take_one(world.front.db, P, KN_QUOTA_INSTANCES, 10, &err), &err);
    assert_ok(kn_db_script(world.front.db,
                           "INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('compute', '" P
                           "', 'instances', 0)",
                           &err),
              &err);
    assert_ok(kn_quota_take_one(world.front.db, P, KN_QUOTA_INSTANCES, -3, &err), &err);
    assert_fails(kn_quota_take_one(world.front.db, P, KN_QUOTA_INSTANCES, 1, &err), &err, KN_QUOTA);
    assert_string_equal(err.message, "Quota exceeded for instances: Requested 1, but already used 7 of 0 instances");
}

/* --- one truth -------------------------------------------------------------------------------------------------------- */

static void test_limits_of_services_are_seen_in_keystone(void **state)
{
    (void)state;
    ask(200, ADMIN, "PUT", NOVA_SETS, "{\"quota_set\":{\"instances\":7,\"cores\":-1,\"fixed_ips\":5}}");
    ask(200, ADMIN, "PUT", CINDER_SETS, "{\"quota_set\":{\"gigabytes\":70}}");
    ask(200, ADMIN, "PUT", NEUTRON_SETS, "{\"quota\":{\"port\":77}}");
    ask(200, ADMIN, "GET", "/identity/v3/limits?project_id=" P "&resource_name=servers", NULL);
    assert_at("limits.0.resource_limit", "7");
    assert_at("limits.0.service_id", "\"nova\"");
    assert_at("limits.0.domain_id", "null");
    assert_at("limits.1", "");
    ask(200, MEMBER, "GET", "/identity/v3/limits?service_id=nova", NULL);
    assert_at("limits.0.resource_name", "\"class:VCPU\"");
    assert_at("limits.0.resource_limit", "-1");
    assert_at("limits.2", ""); /* what Nova asks no Keystone for is Nova's own */
    ask(200, ADMIN, "GET", "/identity/v3/limits?service_id=cinder", NULL);
    assert_at("limits.0.resource_name", "\"gigabytes\"");
    AUTO_FREE char *id = kn_strdup(at("limits.0.id"));
    AUTO_FREE char *path = kn_asprintf("/identity/v3/limits/%.32s", id + 1);
    ask(200, ADMIN, "PATCH", path, "{\"limit\":{\"resource_limit\":71}}");
    ask(200, ADMIN, "GET", CINDER_SETS, NULL);
    assert_at("quota_set.gigabytes", "71");
    ask(204, ADMIN, "DELETE", path, NULL);
    ask(200, ADMIN, "GET", CINDER_SETS, NULL);
    assert_at("quota_set.gigabytes", "1000");
    ask(200, ADMIN, "GET", "/identity/v3/limits?service_id=neutron&resource_name=port", NULL);
    assert_at("limits.0.resource_limit", "77");
    ask(202, ADMIN, "DELETE", NOVA_SETS, NULL);
    ask(200, ADMIN, "GET", "/identity/v3/limits?service_id=nova", NULL);
    assert_at("limits.0", "");
    ask(200, ADMIN, "PUT", "/compute/v2.1/os-quota-class-sets/default", "{\"quota_class_set\":{\"instances\":3}}");
    ask(400, ADMIN, "PUT", "/compute/v2.1/os-quota-class-sets/default", "{\"quota_class_set\":{\"instances\":null}}");
    ask(200, ADMIN, "GET", "/compute/v2.1/os-quota-class-sets/default", NULL); /* 2.1: before classes had these */
    assert_at("quota_class_set.server_groups", "");
    assert_at("quota_class_set.floating_ips", "-1");
    ask(400, ADMIN, "PUT", "/compute/v2.1/os-quota-class-sets/gold", "{\"quota_class_set\":{\"instances\":3}}");
    ask(200, ADMIN, "GET", "/identity/v3/registered_limits?service_id=nova", NULL);
    assert_at("registered_limits.0.default_limit", "3");
}

#define REGISTER(service, name, limit) \
    "{\"registered_limits\":[{\"service_id\":\"" service "\",\"resource_name\":\"" name "\",\"default_limit\":" limit \
    "}]}"
#define LIMIT(service, name, of, limit) \
    "{\"limits\":[{\"service_id\":\"" service "\",\"resource_name\":\"" name "\"," of ",\"resource_limit\":" limit "}]}"

static void test_limits_of_keystone_are_the_services(void **state)
{
    (void)state;
    ask(403, ADMIN, "POST", "/identity/v3/limits", LIMIT("nova", "servers", "\"project_id\":\"" P "\"", "5"));
    ask(201, ADMIN, "POST", "/identity/v3/registered_limits", REGISTER("nova", "servers", "4"));
    ask(409, ADMIN, "POST", "/identity/v3/registered_limits",
        "{\"registered_limits\":[{\"service_id\":\"nova\",\"region_id\":\"RegionOne\",\"resource_name\":\"servers\",\"default_limit\":1}]}");
    ask(201, ADMIN, "POST", "/identity/v3/limits", LIMIT("nova", "servers", "\"project_id\":\"" P "\"", "5"));
    ask(409, ADMIN, "POST", "/identity/v3/limits", LIMIT("nova", "servers", "\"project_id\":\"" P "\"", "6"));
    ask(200, MEMBER, "GET", NOVA_SETS, NULL);
    assert_at("quota_set.instances", "5");
    ask(200, MEMBER, "GET", NOVA_SETS "/defaults", NULL);
    assert_at("quota_set.instances", "4");
    ask(200, MEMBER, "GET", "/compute/v2.1/limits", NULL);
    assert_at("limits.absolute.maxTotalInstances", "5");
    ask(200, ADMIN, "GET", "/compute/v2.1/os-quota-sets/" Q, NULL);
    assert_at("quota_set.instances", "4");
    ask(201, ADMIN, "POST", "/identity/v3/registered_limits", REGISTER("cinderv3", "volumes", "2"));
    ask(200, MEMBER, "GET", CINDER_SETS, NULL);
    assert_at("quota_set.volumes", "2");
    ask(409, ADMIN, "POST", "/identity/v3/registered_limits",
        REGISTER("cinder", "volumes", "3")); /* two names of one service */
    ask(201, ADMIN, "POST", "/identity/v3/registered_limits", REGISTER("neutron", "network", "0"));
    ask(409, MEMBER, "POST", "/network/v2.0/networks", "{\"network\":{\"name\":\"n\"}}");
    assert_at("NeutronError.message", "\"Quota exceeded for resources: ['network'].\"");
    ask(201, ADMIN, "POST", "/identity/v3/registered_limits", REGISTER("other", "servers", "9")); /* nobody's here */
    ask(201, ADMIN, "POST", "/identity/v3/limits", LIMIT("other", "servers", "\"domain_id\":\"default\"", "8"));
    ask(200, ADMIN, "GET", "/identity/v3/limits?service_id=other", NULL);
    assert_at("limits.0.domain_id", "\"default\"");
    assert_at("limits.0.project_id", "null");
    ask(200, MEMBER, "GET", NOVA_SETS, NULL);
    assert_at("quota_set.instances", "5");
}

/* With the project its limits are no more; the rows go when history is swept. */
static void test_a_project_that_goes(void **state)
{
    (void)state;
    ask(201, ADMIN, "POST", "/identity/v3/registered_limits", REGISTER("nova", "servers", "4"));
    AUTO_FREE char *id = kn_strdup(at("registered_limits.0.id"));
    AUTO_FREE char *path = kn_asprintf("/identity/v3/registered_limits/%.32s", id + 1);
    ask(201, ADMIN, "POST", "/identity/v3/limits", LIMIT("nova", "servers", "\"project_id\":\"" P "\"", "5"));
    ask(403, ADMIN, "DELETE", path, NULL);
    assert_ok(kn_db_script(world.front.db, "DELETE FROM project WHERE id = '" P "'", &err), &err);
    ask(200, ADMIN, "GET", "/identity/v3/limits", NULL);
    assert_at("limits.0", "");
    ask(204, ADMIN, "DELETE", path, NULL);
}

/* --- what is counted -------------------------------------------------------------------------------------------------- */

static void assert_counted(void)
{
    assert_int_equal(
        kn_test_world_number(
            &world.front,
            "SELECT count(*) FROM quota_usage u FULL JOIN quota_fact f USING (service, project_id, resource) "
            "WHERE coalesce(u.used, 0) <> coalesce(f.used, 0)"),
        0);
}

static void test_volumes_count_by_type(void **state)
{
    (void)state;
    assert_ok(kn_db_script(world.front.db,
                           "DELETE FROM volume_type WHERE name = 'ssd'; INSERT INTO volume_type (id, name) VALUES "
                           "('dddddddd-0000-4000-8000-000000000001', 'ssd')",
                           &err),
              &err);
    ask(200, ADMIN, "PUT", CINDER_SETS, "{\"quota_set\":{\"volumes_ssd\":1,\"gigabytes_file\":5}}");
    assert_at("quota_set.volumes_ssd", "1");
    ask(202, MEMBER, "POST", "/volume/v3/volumes", "{\"volume\":{\"size\":1,\"volume_type\":\"ssd\"}}");
    ask(413, MEMBER, "POST", "/volume/v3/volumes", "{\"volume\":{\"size\":1,\"volume_type\":\"ssd\"}}");
    assert_at("overLimit.message",
              "\"VolumeLimitExceeded: Maximum number of volumes allowed (1) exceeded for quota 'volumes_ssd'.\"");
    ask(413, MEMBER, "POST", "/volume/v3/volumes", "{\"volume\":{\"size\":6}}");
    ask(202, MEMBER, "POST", "/volume/v3/volumes", "{\"volume\":{\"size\":5}}");
    ask(200, MEMBER, "GET", CINDER_SETS "?usage=true", NULL);
    assert_at("quota_set.gigabytes.in_use", "6");
    assert_at("quota_set.gigabytes_file.in_use", "5");
    assert_at("quota_set.volumes_ssd.in_use", "1");
    assert_int_equal(kn_test_world_number(&world.front, "SELECT count(*) FROM volume"), 2);
    assert_counted();
}

static void test_networks_count_all_together(void **state)
{
    (void)state;
    ask(200, ADMIN, "PUT", NEUTRON_SETS, "{\"quota\":{\"network\":2}}");
    ask(409, MEMBER, "POST", "/network/v2.0/networks",
        "{\"networks\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"}]}");
    assert_int_equal(kn_test_world_number(&world.front, "SELECT count(*) FROM network"), 0);
    ask(201, MEMBER, "POST", "/network/v2.0/networks", "{\"networks\":[{\"name\":\"a\"},{\"name\":\"b\"}]}");
    AUTO_FREE char *id = kn_strdup(at("networks.0.id"));
    AUTO_FREE char *subnet = kn_asprintf("{\"subnet\":{\"network_id\":%s,\"ip_version\":4,\"cidr\":\"10.0.0.0/24\"}}",
                                         id);
    AUTO_FREE char *port = kn_asprintf("{\"port\":{\"network_id\":%s}}", id);
    AUTO_FREE char *path = kn_asprintf("/network/v2.0/networks/%.36s", id + 1);
    ask(201, MEMBER, "POST", "/network/v2.0/subnets", subnet);
    ask(201, MEMBER, "POST", "/network/v2.0/ports", port);
    AUTO_FREE char *made = kn_strdup(at("port.id"));
    AUTO_FREE char *port_path = kn_asprintf("/network/v2.0/ports/%.36s", made + 1);
    ask(200, MEMBER, "GET", NEUTRON_SETS "/details", NULL);
    assert_at("quota.port.used", "1");
    assert_at("quota.subnet.used", "1");
    assert_counted();
    ask(409, MEMBER, "DELETE", path, NULL);
    ask(204, MEMBER, "DELETE", port_path, NULL);
    ask(204, MEMBER, "DELETE", path, NULL);
    ask(200, MEMBER, "GET", NEUTRON_SETS "/details", NULL);
    assert_at("quota.network.used", "1");
    assert_at("quota.subnet.used", "0");
    assert_counted();
}

static void test_images_count(void **state)
{
    (void)state;
    ask(201, ADMIN, "POST", "/identity/v3/registered_limits", REGISTER("glance", "image_count_total", "1"));
    ask(201, MEMBER, "POST", "/image/v2/images",
        "{\"name\":\"one\",\"disk_format\":\"raw\",\"container_format\":\"bare\"}");
    AUTO_FREE char *id = kn_strdup(at("id"));
    AUTO_FREE char *path = kn_asprintf("/image/v2/images/%.36s", id + 1);
    ask(413, MEMBER, "POST", "/image/v2/images", "{\"name\":\"two\"}");
    assert_non_null(strstr(
        world.front.http.body.buf,
        "Project " P
        " is over a limit for [Resource image_count_total is over limit of 1 due to current usage 1 and delta 1]"));
    assert_int_equal(kn_test_world_number(&world.front, "SELECT count(*) FROM image"), 1);
    ask(200, MEMBER, "GET", "/image/v2/info/usage", NULL);
    assert_at("usage.image_count_total", "{\"usage\":1,\"limit\":1}");
    assert_counted();
    ask(204, MEMBER, "DELETE", path, NULL);
    assert_counted();
    ask(201, MEMBER, "POST", "/image/v2/images", "{\"name\":\"two\"}");
}

/* --- moving ----------------------------------------------------------------------------------------------------------- */

/* An API asks at each POST, in a session that plans by itself: five times with the values in hand, then once for all. */
static void test_asking_for_room_is_planned_once(void **state)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    (void)state;
    for (int i = 0; i < 20; i++) {
        AUTO(kn_rows) struct kn_rows *room = NULL;

        assert_ok(kn_quota_room_of_one(world.front.db, KN_QUOTA_PORT, P, &room, &err), &err);
        assert_int_equal(kn_rows_count(room), 1);
        assert_int_equal(kn_rows_int(room, 0, KN_ROOM_LEFT), kn_quota_rows[KN_QUOTA_PORT].dflt);
    }
    assert_ok(kn_db_query(world.front.db,
                          "SELECT custom_plans FROM pg_prepared_statements WHERE name = 'quota_room_of_one'", 0,
                          KN_NO_ARGS, &rows, &err),
              &err);
    assert_in_range(kn_rows_int(rows, 0, 0), 0, 5);
}

static void test_the_old_tables_move(void **state)
{
    static const char OLD[] =
        "INSERT INTO project (id, domain_id, name) VALUES ('" P "', 'default', 'p');"
        "INSERT INTO catalog_service (id, type) VALUES ('nova', 'compute'), ('other', 'horses');"
        "INSERT INTO compute_quota VALUES ('" P "', 'cores', 5); INSERT INTO network_quota VALUES ('" P "', 'port', 6);"
        "INSERT INTO volume_quota VALUES ('" P "', 'volumes_file', 7), ('" P "', 'backup_gigabytes', 8);"
        "INSERT INTO registered_limit (id, service_id, resource_name, default_limit) VALUES ('r1', 'nova', 'servers', 3), ('r2', 'other', 'hay', 4);"
        "INSERT INTO unified_limit (id, registered_id, project_id, domain_id, resource_limit) VALUES ('l1', 'r1', '" P
        "', NULL, 2), "
        "('l2', 'r2', NULL, 'default', 1);"
        "INSERT INTO volume (id, project_id, user_id, size_gib, status) VALUES (gen_random_uuid(), '" P
        "', 'u', 9, 'available');"
        "INSERT INTO volume_usage VALUES ('" P "', 1, 9); INSERT INTO compute_usage VALUES ('" P "', 0, 0, 0);"
        "INSERT INTO keypair (user_id, name, public_key, fingerprint) VALUES ('u', 'k', 'ssh-rsa', 'f');";
    AUTO_FREE char *url = kn_test_pg_database(world.front.pg, "moving");
    AUTO(kn_db) struct kn_db *db = kn_db_new(url, "test");
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    int before = 0;

    (void)state;
    while (strstr(kn_migrations[before].name, "one_quota") == NULL) {
        before++;
    }
    assert_ok(kn_migrate(db, kn_migrations, before, NULL, &err), &err);
    assert_ok(kn_db_script(db, OLD, &err), &err);
    assert_ok(kn_migrate(db, kn_migrations, kn_migrations_count, NULL, &err), &err);
    assert_ok(kn_db_query(db,
                          "SELECT string_agg(replace(project_id, '" P
                          "', 'p') || '|' || replace(resource, '0c1b6a1e-4a56-4bd1-9d1c-6e3f6c1d2f10', 'T') || '=' "
                          "|| hard_limit, ' ' ORDER BY hard_limit) FROM quota_limit",
                          0, KN_NO_ARGS, &rows, &err),
              &err);
    assert_string_equal(
        kn_rows_text(rows, 0, 0),
        "default|hay=1 p|instances=2 |instances=3 |hay=4 p|cores=5 p|port=6 p|volumes_T=7 p|backup_gigabytes=8");
    kn_rows_free(kn_steal(&rows));
    assert_ok(kn_db_query(db, "SELECT string_agg(resource || '=' || used, ' ' ORDER BY resource) FROM quota_usage", 0,
                          KN_NO_ARGS, &rows, &err),
              &err);
    assert_string_equal(kn_rows_text(rows, 0, 0),
                        "gigabytes=9 gigabytes_0c1b6a1e-4a56-4bd1-9d1c-6e3f6c1d2f10=9 key_pairs=1 volumes=1 "
                        "volumes_0c1b6a1e-4a56-4bd1-9d1c-6e3f6c1d2f10=1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_processes_never_take_too_much, fresh),
        cmocka_unit_test_setup(test_a_killed_process_took_nothing, fresh),
        cmocka_unit_test_setup(test_giving_back_is_never_refused, fresh),
        cmocka_unit_test_setup(test_limits_of_services_are_seen_in_keystone, fresh),
        cmocka_unit_test_setup(test_limits_of_keystone_are_the_services, fresh),
        cmocka_unit_test_setup(test_a_project_that_goes, fresh),
        cmocka_unit_test_setup(test_volumes_count_by_type, fresh),
        cmocka_unit_test_setup(test_networks_count_all_together, fresh),
        cmocka_unit_test_setup(test_images_count, fresh),
        cmocka_unit_test_setup(test_asking_for_room_is_planned_once, fresh),
        cmocka_unit_test(test_the_old_tables_move),
    };

    return cmocka_run_group_tests_name("quota", tests, group_setup, group_teardown);
}
