/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an administrator says and asks about volumes, over a real front door and database: types that projects have by default, pools and their room, capabilities, services and hosts
 * that are switched, clusters and workers that there are none of, and by what lists are filtered.
 */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/front_world.h"
#include "tests/support/test.h"
#include "volume/api.h"

#define NOW "OpenStack-API-Version: volume 3.71\r\n"
#define A KN_TEST_TOKEN("aaaa", "member") NOW
#define B KN_TEST_TOKEN("bbbb", "member") NOW
#define ADMIN KN_TEST_TOKEN("cccc", "admin") NOW
#define OLD_ADMIN KN_TEST_TOKEN("cccc", "admin")
#define V3 "/volume/v3"
#define GOLD "00000000-1111-4111-8111-000000000001"

static const struct kn_api *const APIS[] = { &kn_volume_api, NULL };
static struct kn_test_world world;

static void expect(int status, const char *method, const char *path, const char *headers, const char *body,
                   const char *wanted)
{
    kn_test_world_expect(&world, status, method, path, headers, body);
    if (wanted != NULL && strstr(world.http.body.buf, wanted) == NULL) {
        fail_msg("%s %s: %s is not in %s", method, path, wanted, world.http.body.buf);
    }
}

static int clean(void **state)
{
    (void)state;
    kn_test_world_sql(
        &world,
        "DELETE FROM volume; DELETE FROM volume_snapshot; DELETE FROM quota_usage; DELETE FROM task; "
        "DELETE FROM volume_backend; DELETE FROM service; DELETE FROM volume_type_default; DELETE FROM volume_type WHERE name <> 'file'; "
        "INSERT INTO volume_type (id, name, is_public) VALUES ('" GOLD "', 'gold', false)");
    return 0;
}

static void test_default_types(void **state)
{
    static const char MINE[] = V3 "/default-types/aaaa", WISH[] = "{\"default_type\":{\"volume_type\":\"gold\"}}";

    (void)state;
    expect(404, "GET", MINE, ADMIN, NULL, "Default type for project aaaa not found.");
    expect(403, "PUT", MINE, A, WISH, NULL);
    expect(404, "PUT", MINE, OLD_ADMIN, WISH, NULL); /* 3.62 knows them first */
    expect(400, "PUT", MINE, ADMIN, "{\"default_type\":{\"volume_type\":\"silver\"}}", "could not be found");
    expect(400, "PUT", MINE, ADMIN, "{\"default_type\":{}}", NULL);
    expect(400, "PUT", MINE, ADMIN, "{\"default_type\":{\"volume_type\":\"gold\",\"more\":1}}", NULL);
    assert_int_equal(kn_test_world_number(&world, "SELECT count(*) FROM volume_type_default"), 0);
    expect(200, "PUT", MINE, ADMIN, WISH,
           "{\"default_type\":{\"project_id\":\"aaaa\",\"volume_type_id\":\"" GOLD "\"}}");
    expect(200, "PUT", MINE, ADMIN, "{\"default_type\":{\"volume_type\":\"" GOLD "\"}}", GOLD);
    expect(200, "GET", MINE, ADMIN, NULL, GOLD);
    expect(200, "GET", V3 "/default-types", ADMIN, NULL,
           "{\"default_types\":[{\"project_id\":\"aaaa\",\"volume_type_id\":\"" GOLD "\"}]}");
    /* It is what a volume gets that names none, here and nowhere else. */
    expect(202, "POST", V3 "/volumes", A, "{\"volume\":{\"size\":1}}", "\"volume_type\":\"gold\"");
    expect(202, "POST", V3 "/volumes", A, "{\"volume\":{\"size\":1,\"volume_type\":\"file\"}}",
           "\"volume_type\":\"file\"");
    expect(202, "POST", V3 "/volumes", B, "{\"volume\":{\"size\":1}}", "\"volume_type\":\"file\"");
    expect(404, "POST", V3 "/volumes", B, "{\"volume\":{\"size\":1,\"volume_type\":\"gold\"}}", NULL);
    expect(200, "GET", V3 "/types/default", B, NULL, "\"name\":\"file\"");
    kn_test_world_sql(&world, "DELETE FROM volume");
    expect(400, "DELETE", V3 "/types/" GOLD, ADMIN, NULL, "still in use");
    expect(403, "DELETE", MINE, A, NULL, NULL);
    expect(204, "DELETE", MINE, ADMIN, NULL, NULL);
    expect(204, "DELETE", MINE, ADMIN, NULL, NULL);
    expect(202, "POST", V3 "/volumes", A, "{\"volume\":{\"size\":1}}", "\"volume_type\":\"file\"");
    expect(202, "DELETE", V3 "/types/" GOLD, ADMIN, NULL, NULL);
}

static void test_pools(void **state)
{
    static const char POOLS[] = V3 "/scheduler-stats/get_pools";

    (void)state;
    expect(403, "GET", POOLS, A, NULL, NULL);
    expect(200, "GET", POOLS, ADMIN, NULL, "{\"pools\":[{\"name\":\"kilonova@file#file\"}]}");
    expect(202, "POST", V3 "/volumes", A, "{\"volume\":{\"size\":3}}", NULL);
    /* What waits for room takes none. */
    expect(200, "GET", V3 "/scheduler-stats/get_pools?detail=true", ADMIN, NULL, "\"allocated_capacity_gb\":0,");
    kn_test_world_sql(&world, "UPDATE volume SET promised_gib = size_gib");
    expect(200, "GET", V3 "/scheduler-stats/get_pools?detail=true", ADMIN, NULL, "\"allocated_capacity_gb\":3,");
    AUTO_FREE char *rest = kn_asprintf("\"free_capacity_gb\":%lld,", (long long)world.conf.volume_file_gib - 3);
    expect(200, "GET", V3 "/scheduler-stats/get_pools?detail=true", ADMIN, NULL, rest);
    expect(200, "GET", V3 "/scheduler-stats/get_pools?name=other", ADMIN, NULL, "{\"pools\":[]}");
    expect(200, "GET", V3 "/scheduler-stats/get_pools?name=other", OLD_ADMIN, NULL, "kilonova@file"); /* 3.28 */
    expect(200, "GET", V3 "/scheduler-stats/get_pools?volume_type=gold", ADMIN, NULL, "kilonova@file");
    kn_test_world_sql(&world, "UPDATE volume_type SET extra_specs = '{\"volume_backend_name\": \"other\"}' WHERE name "
                              "= 'gold'");
    expect(200, "GET", V3 "/scheduler-stats/get_pools?volume_type=gold", ADMIN, NULL, "{\"pools\":[]}");
    expect(404, "GET", V3 "/scheduler-stats/get_pools?volume_type=silver", ADMIN, NULL, NULL);
    expect(400, "GET", V3 "/scheduler-stats/get_pools?detail=perhaps", ADMIN, NULL, NULL);
    expect(200, "GET", V3 "/capabilities/kilonova@file%23file", ADMIN, NULL, "\"volume_backend_name\":\"file\"");
    expect(404, "GET", V3 "/capabilities/elsewhere", ADMIN, NULL, "Can't find service: elsewhere");
    expect(403, "GET", V3 "/capabilities/kilonova@file", A, NULL, NULL);
}

#define SERVICES V3 "/os-services"
#define FILE_HOST "\"host\":\"kilonova@file\""

/* A back end is up while its daemon beats; what an operator says of it stands. */
static void test_services(void **state)
{
    static const char OFF[] =
        "{\"host\":\"kilonova@file\",\"binary\":\"cinder-volume\",\"disabled_reason\":\"new fans\"}";
    static const char ON[] = "{" FILE_HOST ",\"binary\":\"cinder-volume\"}";

    (void)state;
    expect(403, "GET", SERVICES, A, NULL, NULL);
    expect(200, "GET", SERVICES "?binary=cinder-volume", ADMIN, NULL, "\"state\":\"down\",\"updated_at\":null");
    kn_test_world_sql(
        &world,
        "INSERT INTO service (id, binary_name, host, boot) VALUES ('kilonova-volume/h1', 'kilonova-volume', 'h1', 'b')");
    expect(200, "GET", SERVICES "?binary=cinder-volume&host=kilonova", ADMIN, NULL,
           "{\"services\":[{\"binary\":\"cinder-volume\"," FILE_HOST
           ",\"zone\":\"nova\",\"status\":\"enabled\",\"state\":\"up\"");
    expect(200, "GET", SERVICES, ADMIN, NULL, "\"binary\":\"cinder-scheduler\",\"host\":\"h1\"");
    expect(200, "GET", SERVICES "?host=kilo", ADMIN, NULL, "{\"services\":[]}");
    expect(403, "PUT", SERVICES "/disable", A, ON, NULL);
    expect(400, "PUT", SERVICES "/disable-log-reason", ADMIN, ON, "disabled_reason");
    expect(200, "PUT", SERVICES "/disable-log-reason", ADMIN, OFF,
           "\"status\":\"disabled\",\"disabled\":true,\"disabled_reason\":\"new fans\"");
    expect(200, "GET", SERVICES, ADMIN, NULL, "\"disabled_reason\":\"new fans\"");
    expect(200, "GET", V3 "/os-hosts", ADMIN, NULL, "\"service-state\":\"disabled\"");
    expect(200, "PUT", SERVICES "/enable", ADMIN, ON, "\"status\":\"enabled\"");
    expect(200, "GET", SERVICES "?binary=cinder-volume", ADMIN, NULL, "\"disabled_reason\":null");
    expect(404, "PUT", SERVICES "/enable", ADMIN, "{\"host\":\"kilonova@tape\",\"binary\":\"cinder-volume\"}",
           "Service cinder-volume could not be found on host kilonova@tape.");
    expect(404, "PUT", SERVICES "/disable", ADMIN, "{" FILE_HOST ",\"binary\":\"cinder-backup\"}", NULL);
    expect(400, "PUT", SERVICES "/disable", ADMIN, "{\"host\":\"h1\",\"binary\":\"cinder-scheduler\"}",
           "cannot be switched");
    expect(400, "PUT", SERVICES "/disable", ADMIN, "{\"binary\":\"cinder-volume\"}", "Host field is missing.");
    expect(400, "PUT", SERVICES "/disable", ADMIN, "{" FILE_HOST "}", "binary");
    /* frozen: disabled, too */
    expect(400, "PUT", SERVICES "/thaw", ADMIN, "{" FILE_HOST "}", "must be True");
    expect(200, "PUT", SERVICES "/freeze", ADMIN, "{" FILE_HOST "}", NULL);
    expect(400, "PUT", SERVICES "/freeze", ADMIN, "{" FILE_HOST "}", "must be False");
    expect(200, "GET", SERVICES "?binary=cinder-volume", ADMIN, NULL, "\"disabled_reason\":\"frozen\"");
    expect(200, "GET", SERVICES "?binary=cinder-volume", ADMIN, NULL, "\"frozen\":true");
    expect(200, "PUT", SERVICES "/thaw", ADMIN, "{" FILE_HOST "}", NULL);
    expect(400, "PUT", SERVICES "/freeze", ADMIN, "{\"host\":\"nowhere\"}", "No service found with host=nowhere");
    expect(400, "PUT", SERVICES "/freeze", ADMIN, "{\"cluster\":\"c\"}", "No service found with cluster=c");
    expect(400, "PUT", SERVICES "/failover_host", ADMIN, "{" FILE_HOST ",\"backend_id\":\"b\"}", "replication_status");
    expect(404, "PUT", SERVICES "/explode", ADMIN, "{" FILE_HOST "}", NULL);
}

#define FROZEN "Modification operations are not allowed on frozen storage backends."

static char *path_of(const char *collection, const char *one, const char *tail)
{
    AUTO_FREE char *id = kn_test_world_id(&world, one);

    return kn_asprintf(V3 "/%s/%s%s", collection, id, tail);
}

/* Of a frozen back end nothing is deleted and nothing copied, by any way and by whomever, until it is thawed. */
static void test_frozen(void **state)
{
    static const char FORCE[] = "{\"os-force_delete\":{}}";

    (void)state;
    expect(202, "POST", V3 "/volumes", A, "{\"volume\":{\"size\":1}}", NULL);
    AUTO_FREE char *volume = path_of("volumes", "volume", ""), *acts = path_of("volumes", "volume", "/action");
    AUTO_FREE char *cascade = path_of("volumes", "volume", "?cascade=true");
    AUTO_FREE char *wish = kn_asprintf("{\"snapshot\":{\"volume_id\":\"%s\"}}", volume + strlen(V3 "/volumes/"));
    kn_test_world_sql(&world, "UPDATE volume SET status = 'available', format = 'raw'");
    expect(202, "POST", V3 "/snapshots", A, wish, NULL);
    AUTO_FREE char *snapshot = path_of("snapshots", "snapshot", ""),
                   *ends = path_of("snapshots", "snapshot", "/action");
    kn_test_world_sql(&world, "UPDATE volume_snapshot SET status = 'available'; UPDATE task SET state = 'done'");
    expect(202, "POST", V3 "/volumes", A, "{\"volume\":{\"size\":1}}", NULL);
    AUTO_FREE char *unborn = path_of("volumes", "volume", "");
    kn_test_world_sql(&world, "UPDATE volume SET status = 'error' WHERE format IS NULL");
    expect(200, "PUT", SERVICES "/freeze", ADMIN, "{" FILE_HOST "}", NULL);

    expect(400, "DELETE", volume, A, NULL, FROZEN);
    expect(400, "DELETE", cascade, ADMIN, NULL, FROZEN);
    expect(400, "POST", acts, ADMIN, FORCE, FROZEN);
    expect(400, "POST", V3 "/snapshots", A, wish, FROZEN);
    expect(400, "DELETE", snapshot, A, NULL, FROZEN);
    expect(400, "POST", ends, ADMIN, FORCE, FROZEN);
    expect(404, "DELETE", volume, B, NULL, "could not be found");
    expect(404, "DELETE", snapshot, B, NULL, "could not be found");
    assert_int_equal(kn_test_world_number(&world, "SELECT count(*) FROM task WHERE kind LIKE '%.delete'"), 0);
    assert_int_equal(kn_test_world_number(&world, "SELECT count(*) FROM volume_snapshot WHERE status = 'available'"),
                     1);
    expect(202, "DELETE", unborn, A, NULL, NULL); /* it is on no back end */

    expect(200, "PUT", SERVICES "/thaw", ADMIN, "{" FILE_HOST "}", NULL);
    expect(202, "DELETE", snapshot, A, NULL, NULL);
    kn_test_world_sql(&world, "DELETE FROM volume_snapshot; UPDATE volume SET backend = 'nbd'; "
                              "INSERT INTO volume_backend (name, frozen) VALUES ('nbd', true)");
    expect(202, "DELETE", volume, A, NULL, NULL); /* the settings do not have it: it could never be thawed */
}

static void test_hosts(void **state)
{
    (void)state;
    expect(202, "POST", V3 "/volumes", A, "{\"volume\":{\"size\":3}}", NULL);
    expect(200, "GET", V3 "/os-hosts/kilonova@file", ADMIN, NULL,
           "\"project\":\"(total)\",\"volume_count\":\"1\",\"total_volume_gb\":\"3\"");
    expect(404, "GET", V3 "/os-hosts/kilonova@nbd", ADMIN, NULL, "Host kilonova@nbd could not be found.");
    expect(403, "PUT", V3 "/os-hosts/kilonova@file", A, "{\"status\":\"disable\"}", NULL);
    expect(200, "PUT", V3 "/os-hosts/kilonova@file", ADMIN, "{\"status\":\"disable\"}",
           "{\"host\":\"kilonova@file\",\"status\":\"disabled\"}");
    expect(200, "GET", V3 "/os-hosts?zone=moon", ADMIN, NULL, "{\"hosts\":[]}");
    expect(200, "GET", V3 "/os-hosts?zone=nova", ADMIN, NULL, "\"service-state\":\"disabled\"");
    expect(400, "PUT", V3 "/os-hosts/kilonova@file", ADMIN, "{\"status\":\"paint\"}", NULL);
    expect(404, "PUT", V3 "/os-hosts/elsewhere", ADMIN, "{\"status\":\"enable\"}", NULL);
    expect(200, "PUT", V3 "/os-hosts/kilonova@file", ADMIN, "{\"status\":\"enable\"}", "\"status\":\"enabled\"");
}

static void test_none_of(void **state)
{
    (void)state;
    expect(404, "GET", V3 "/clusters/c", ADMIN, NULL, "Cluster c could not be found.");
    expect(404, "PUT", V3 "/clusters/enable", ADMIN, "{\"name\":\"c\"}", "Cluster c could not be found.");
    expect(400, "PUT", V3 "/clusters/disable", ADMIN, "{\"name\":\"c\",\"colour\":\"red\"}", NULL);
    expect(404, "PUT", V3 "/clusters/burn", ADMIN, "{\"name\":\"c\"}", NULL);
    expect(202, "POST", V3 "/workers/cleanup", ADMIN, "{\"disabled\":true,\"binary\":\"cinder-volume\"}",
           "{\"cleaning\":[],\"unavailable\":[]}");
    expect(400, "POST", V3 "/workers/cleanup", ADMIN, "{\"resource_type\":\"planet\"}", NULL);
    expect(400, "POST", V3 "/workers/cleanup", ADMIN, "{\"resource_id\":\"" GOLD "\"}", "pending cleanup");
    expect(403, "POST", V3 "/workers/cleanup", A, "{}", NULL);
}

/* What it says lists are filtered by, they are. */
static void test_filters(void **state)
{
    json_t *filter;
    size_t i;

    (void)state;
    expect(404, "GET", V3 "/resource_filters", OLD_ADMIN, NULL, NULL);
    expect(200, "GET", V3 "/resource_filters?resource=planet", A, NULL, "{\"resource_filters\":[]}");
    expect(200, "GET", V3 "/resource_filters?resource=volume", A, NULL, "\"metadata\"");
    json_t *answer = kn_test_http_json(&world.http);
    const json_t *filters = json_object_get(json_array_get(json_object_get(answer, "resource_filters"), 0), "filters");
    assert_true(json_array_size(filters) > 5);
    json_array_foreach (filters, i, filter) {
        const char *name = json_string_value(filter);
        AUTO_FREE char *path = kn_asprintf(V3 "/volumes?%s=%s", name, strcmp(name, "metadata") == 0 ? "{}" : "1");
        kn_test_http_ask(&world.http, "GET", path, A, NULL);
        if (strstr(world.http.body.buf, "Invalid filters") != NULL) {
            fail_msg("%s: %s", path, world.http.body.buf);
        }
    }
    json_decref(answer);
}

static int setup(void **state)
{
    (void)state;
    kn_test_world_start(&world, "volume_admin", APIS);
    *state = &world;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_default_types, clean), cmocka_unit_test_setup(test_pools, clean),
        cmocka_unit_test_setup(test_services, clean),      cmocka_unit_test_setup(test_hosts, clean),
        cmocka_unit_test_setup(test_frozen, clean),        cmocka_unit_test_setup(test_none_of, clean),
        cmocka_unit_test_setup(test_filters, clean),
    };

    return cmocka_run_group_tests(tests, setup, kn_test_world_teardown);
}
