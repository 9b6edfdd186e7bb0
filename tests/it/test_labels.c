/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What users pin on rows (lib/rest/labels.h), of all services alike: whoever writes at the same time loses nothing of another's, and together they
 * pass no limit. Each service's own words and bodies are with the service's tests.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "compute/api.h"
#include "identity/api.h"
#include "image/api.h"
#include "lib/base/mem.h"
#include "lib/domain/limits.h"
#include "tests/support/front_world.h"
#include "tests/support/keyed_world.h"
#include "tests/support/postgres.h"
#include "tests/support/test.h"
#include "volume/api.h"

#define P "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID "77777777-7777-4777-8777-111111111111"
#define HEADERS \
    "X-Auth-Token: " P \
    ":admin\r\nContent-Type: application/json\r\nOpenStack-API-Version: compute 2.96, volume 3.71\r\n"
#define WRITERS 8
#define EACH 6

static const struct kn_api *const APIS[] = { &kn_identity_api, &kn_compute_api, &kn_volume_api, &kn_image_api, NULL };
static struct kn_test_keyed_world world;
static struct kn_error err;

static const char FRESH[] = KN_TEST_EMPTY(
    "quota_limit, quota_usage, volume, image, allocation, server, flavor, task") "DELETE FROM project;"
                                                                                 "INSERT INTO project (id, domain_id, name) VALUES ('" P
                                                                                 "', 'default', 'p');"
                                                                                 "INSERT INTO flavor (id, name, vcpus, memory_mib, disk_gib) VALUES ('" ID
                                                                                 "', 'f', 1, 512, 1);"
                                                                                 "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, flavor, reservation_id) VALUES "
                                                                                 "('" ID "', '" P
                                                                                 "', 'u', 's', 's', 'active', '{}', 'r');"
                                                                                 "INSERT INTO volume (id, project_id, user_id, size_gib, status) VALUES ('" ID
                                                                                 "', '" P "', 'u', 1, 'available');"
                                                                                 "INSERT INTO image (id, owner, status, visibility) VALUES ('" ID
                                                                                 "', '" P "', 'queued', 'private');";

#define TYPE "0c1b6a1e-4a56-4bd1-9d1c-6e3f6c1d2f10"

/* Of each: where it is, what a PUT of one says ("%s" the label), how its answer counts. */
static const struct {
    const char *path, *body, *count;
} SETS[] = {
    { "/compute/v2.1/servers/" ID "/tags", NULL, "SELECT cardinality(tags) FROM server" },
    { "/compute/v2.1/servers/" ID "/metadata", "{\"meta\":{\"%s\":\"v\"}}",
      "SELECT count(*) FROM server, jsonb_object_keys(metadata)" },
    { "/compute/v2.1/flavors/" ID "/os-extra_specs", "{\"%s\":\"v\"}",
      "SELECT count(*) FROM flavor, jsonb_object_keys(extra_specs)" },
    { "/volume/v3/volumes/" ID "/metadata", "{\"meta\":{\"%s\":\"v\"}}",
      "SELECT count(*) FROM volume, jsonb_object_keys(metadata)" },
    { "/volume/v3/types/" TYPE "/extra_specs", "{\"%s\":\"v\"}",
      "SELECT count(*) FROM volume_type, jsonb_object_keys(extra_specs)" },
    { "/identity/v3/projects/" P "/tags", NULL, "SELECT cardinality(tags) FROM project" },
    { "/image/v2/images/" ID "/tags", NULL, "SELECT cardinality(tags) FROM image" },
};

static int group_setup(void **state)
{
    (void)state;
    kn_test_keyed_world_start(&world, "labels", APIS);
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

struct writer {
    pthread_t thread;
    size_t set;
    int first, count;
    atomic_int taken;
};

static void *write_labels(void *arg)
{
    struct writer *w = arg;
    struct kn_test_http http = kn_test_http_open(world.front.http.port);

    for (int i = w->first; i < w->first + w->count; i++) {
        char label[16];

        snprintf(label, sizeof(label), "l%d", i);
        AUTO_FREE char *path = kn_asprintf("%s/%s", SETS[w->set].path, label);
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf body = KN_STRBUF_INIT;
        const char *form = SETS[w->set].body, *at = form != NULL ? strstr(form, "%s") : NULL;

        if (at != NULL) {
            kn_strbuf_addf(&body, "%.*s%s%s", (int)(at - form), form, label, at + 2);
        }
        kn_test_http_ask(&http, "PUT", path, HEADERS, form != NULL ? body.buf : NULL);
        atomic_fetch_add(&w->taken, http.status < 300 ? 1 : 0);
    }
    kn_test_http_close(&http);
    return NULL;
}

/* All at once; how many labels were taken. */
static int write_at_once(size_t set, int each)
{
    struct writer writers[WRITERS];
    int taken = 0;

    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){ .set = set, .first = i * each, .count = each };
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_labels, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        taken += atomic_load(&writers[i].taken);
    }
    return taken;
}

static void test_nobody_loses_anothers(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(SETS); i++) {
        const int64_t before = kn_test_world_number(&world.front, SETS[i].count), after = before + WRITERS * EACH;
        const int taken = write_at_once(i, EACH);

        if (taken != WRITERS * EACH || kn_test_world_number(&world.front, SETS[i].count) != after) {
            fail_msg("%s: %d were taken, and %lld are there", SETS[i].path, taken,
                     (long long)kn_test_world_number(&world.front, SETS[i].count));
        }
    }
}

static void test_together_they_pass_no_limit(void **state)
{
    (void)state;
    assert_int_equal(write_at_once(0, 7), KN_MAX_SERVER_TAGS);
    assert_int_equal(kn_test_world_number(&world.front, SETS[0].count), KN_MAX_SERVER_TAGS);
    assert_ok(kn_db_script(world.front.db,
                           "INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('compute', '" P
                           "', 'metadata_items', 20)",
                           &err),
              &err);
    assert_int_equal(write_at_once(1, EACH), 20);
    assert_int_equal(kn_test_world_number(&world.front, SETS[1].count), 20);
}

/* A limit that was lowered refuses what adds, never what takes away. */
static void test_taking_away_is_never_too_much(void **state)
{
    (void)state;
    kn_test_world_expect(&world.front, 200, "PUT", "/compute/v2.1/servers/" ID "/metadata", HEADERS,
                         "{\"metadata\":{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}}");
    assert_ok(kn_db_script(world.front.db,
                           "INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('compute', '" P
                           "', 'metadata_items', 1)",
                           &err),
              &err);
    kn_test_world_expect(&world.front, 403, "POST", "/compute/v2.1/servers/" ID "/metadata", HEADERS,
                         "{\"metadata\":{\"d\":\"4\"}}");
    kn_test_world_expect(&world.front, 204, "DELETE", "/compute/v2.1/servers/" ID "/metadata/a", HEADERS, NULL);
    kn_test_world_expect(&world.front, 404, "DELETE", "/compute/v2.1/servers/" ID "/metadata/a", HEADERS, NULL);
    assert_int_equal(kn_test_world_number(&world.front, SETS[1].count), 2);
}

/* A label's address is written as an address is, whatever the label. */
static void test_where_a_new_one_is(void **state)
{
    (void)state;
    kn_test_world_expect(&world.front, 201, "PUT", "/compute/v2.1/servers/" ID "/tags/r%C3%A9d%20one", HEADERS, NULL);
    const char *location = strstr(kn_test_http_header(&world.front.http, "Location"), "/compute/v2.1/");
    assert_string_equal(location, "/compute/v2.1/servers/" ID "/tags/r%C3%A9d%20one");
    AUTO_FREE char *path = kn_strdup(location);
    kn_test_world_expect(&world.front, 204, "GET", path, HEADERS, NULL);
    kn_test_world_expect(&world.front, 204, "PUT", path, HEADERS, NULL);
    kn_test_world_expect(&world.front, 201, "PUT", "/identity/v3/projects/" P "/tags/r%C3%A9d%20one", HEADERS, NULL);
    assert_non_null(strstr(kn_test_http_header(&world.front.http, "Location"),
                           "/identity/v3/projects/" P "/tags/r%C3%A9d%20one"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nobody_loses_anothers, fresh),
        cmocka_unit_test_setup(test_together_they_pass_no_limit, fresh),
        cmocka_unit_test_setup(test_taking_away_is_never_too_much, fresh),
        cmocka_unit_test_setup(test_where_a_new_one_is, fresh),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
