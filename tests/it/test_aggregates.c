/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host aggregates on a whole cloud of six simulated hosts: what clients see of them and are refused, zones that follow them, and where servers go because of
 * them, also while they change. How single words are compared is tests/unit/scheduler/test_aggregates.c's.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/test.h"
#include "tests/support/whole_cloud.h"

#define COMPUTE "/compute/v2.1"
#define AGGREGATES COMPUTE "/os-aggregates"
#define VERSION "OpenStack-API-Version: compute 2.96\r\n" KN_WHOLE_JSON
#define OPEN "SELECT count(*) FROM task WHERE state IN ('run', 'undo')"
#define ZONE_OF "SELECT count(*) FROM any_host WHERE zone = $1"

static char hosts[6][64], flavor[64], image[64];

static int ask(const char *method, const char *path, const char *body)
{
    return kn_whole_cloud_ask(method, path, VERSION, body);
}

static void asked(int status, const char *method, const char *path, const char *body)
{
    const int got = ask(method, path, body);

    if (got != status) {
        fail_msg("%s %s %s: %d, not %d: %s", method, path, body != NULL ? body : "", got, status,
                 kn_whole.http.body.buf);
    }
}

static bool says(const char *words)
{
    return strstr(kn_whole.http.body.buf, words) != NULL;
}

/* The path of a new one; more: members behind its name. */
static char *make(const char *name, const char *more)
{
    AUTO_FREE char *body = kn_asprintf("{\"aggregate\": {\"name\": \"%s\"%s}}", name, more);
    json_auto_t *answer = NULL;

    asked(200, "POST", AGGREGATES, body);
    answer = json_loads(kn_whole.http.body.buf, 0, NULL);
    return kn_asprintf(AGGREGATES "/%lld",
                       (long long)json_integer_value(json_object_get(json_object_get(answer, "aggregate"), "id")));
}

static void act(int status, const char *path, const char *action, const char *key, const char *value)
{
    AUTO_FREE char *way = kn_asprintf("%s/action", path);
    AUTO_FREE char *body = kn_asprintf("{\"%s\": {\"%s\": %s}}", action, key, value);

    asked(status, "POST", way, body);
}

static void with_host(int status, const char *path, const char *action, int host)
{
    AUTO_FREE char *quoted = kn_asprintf("\"%s\"", hosts[host]);

    act(status, path, action, "host", quoted);
}

/* A server, and when its task is over the host that it is on ("" for none); heap. */
static char *place(const char *flavor_id, const char *more)
{
    AUTO_FREE char *body = kn_asprintf(
        "{\"server\": {\"name\": \"s\", \"flavorRef\": \"%s\", \"imageRef\": \"%s\", \"networks\": \"none\"%s}}",
        flavor_id, image, more);
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    asked(202, "POST", COMPUTE "/servers", body);
    AUTO_FREE char *id = kn_strdup(kn_whole_cloud_text("server.id"));
    kn_whole_cloud_await(OPEN, 0);
    assert_ok(kn_db_query(kn_whole.db, "SELECT coalesce(host, ''), coalesce(zone, '') FROM server WHERE id = $1", 1,
                          KN_ARGS(id), &rows, &err),
              &err);
    return kn_strdup(kn_rows_text(rows, 0, 0));
}

static void clear(void)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(kn_whole.db, "SELECT id FROM server WHERE deleted_at IS NULL", 0, KN_NO_ARGS, &rows, &err),
              &err);
    for (int i = 0; i < kn_rows_count(rows); i++) {
        AUTO_FREE char *path = kn_asprintf(COMPUTE "/servers/%s", kn_rows_text(rows, i, 0));

        asked(204, "DELETE", path, NULL);
    }
    kn_whole_cloud_await(OPEN, 0);
    kn_whole_cloud_await("SELECT count(*) FROM allocation", 0);
}

static int start(void **state)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    (void)state;
    kn_whole_cloud_start("6");
    kn_copy(flavor, sizeof(flavor), kn_whole_cloud_flavor());
    kn_copy(image, sizeof(image), kn_whole_cloud_image());
    assert_ok(kn_db_query(kn_whole.db, "SELECT name FROM host ORDER BY name", 0, KN_NO_ARGS, &rows, &err), &err);
    assert_int_equal(kn_rows_count(rows), 6);
    for (int i = 0; i < 6; i++) {
        kn_copy(hosts[i], sizeof(hosts[i]), kn_rows_text(rows, i, 0));
    }
    return 0;
}

/* --- tests --- */

static void its_life(void **state)
{
    AUTO_FREE char *path = make("a", ", \"availability_zone\": \"east\"");
    AUTO_FREE char *refs = kn_asprintf("%s/images", path);

    (void)state;
    assert_true(says("\"availability_zone\":\"east\"") && says("\"updated_at\":null") && says("\"deleted\":false"));
    assert_false(says("\"hosts\"") || says("\"metadata\"")); /* as it has always been */
    asked(409, "POST", AGGREGATES, "{\"aggregate\": {\"name\": \"a\"}}");
    assert_true(says("Aggregate a already exists."));
    asked(200, "GET", path, NULL);
    assert_true(says("\"hosts\":[]") && says("\"metadata\":{\"availability_zone\": \"east\"}") && says("\"uuid\":\""));
    assert_int_equal(kn_whole_cloud_ask("GET", path, KN_WHOLE_JSON, NULL), 200);
    assert_false(says("\"uuid\""));
    asked(200, "PUT", path, "{\"aggregate\": {\"name\": \" b \"}}");
    assert_true(says("\"name\":\"b\"") && !says("\"updated_at\":null") && says("\"hosts\":[]"));
    act(200, path, "set_metadata", "metadata", "{\"ssd\": \"true\", \"gone\": \"x\"}");
    act(200, path, "set_metadata", "metadata", "{\"gone\": null}");
    assert_true(says("\"ssd\"") && says("\"availability_zone\"") && !says("\"gone\""));
    with_host(200, path, "add_host", 0);
    assert_true(says(hosts[0]));
    with_host(409, path, "add_host", 0);
    assert_true(says("already has host"));
    asked(400, "DELETE", path, NULL);
    assert_true(says("Host aggregate is not empty."));
    with_host(404, path, "remove_host", 1);
    with_host(200, path, "remove_host", 0);
    asked(400, "POST", refs, "{\"cache\": []}");
    asked(200, "DELETE", path, NULL);
    asked(404, "DELETE", path, NULL);
    asked(404, "GET", path, NULL);
    with_host(404, path, "add_host", 0);
    act(404, path, "set_metadata", "metadata", "{}");
    asked(200, "GET", AGGREGATES, NULL);
    assert_string_equal(kn_whole.http.body.buf, "{\"aggregates\":[]}");
}

static void what_is_refused_changes_nothing(void **state)
{
    static const struct {
        const char *method, *tail, *body;
    } BAD[] = {
        { "POST", NULL, "{}" },
        { "POST", NULL, "{\"aggregate\": {}}" },
        { "POST", NULL, "{\"aggregate\": {\"name\": \"\"}}" },
        { "POST", NULL, "{\"aggregate\": {\"name\": \" x\"}}" },
        { "POST", NULL, "{\"aggregate\": {\"name\": \"x\", \"metadata\": {}}}" },
        { "POST", NULL, "{\"aggregate\": {\"name\": \"x\", \"availability_zone\": \"\"}}" },
        { "POST", NULL, "{\"aggregate\": {\"name\": \"x\", \"availability_zone\": \"a:b\"}}" },
        { "PUT", "", "{\"aggregate\": {}}" },
        { "PUT", "", "{\"aggregate\": {\"name\": \"  \"}}" },
        { "PUT", "", "{\"aggregate\": {\"availability_zone\": null}}" },
        { "PUT", "", "{\"aggregate\": {\"hosts\": []}}" },
        { "POST", "/action", "{}" },
        { "POST", "/action", "{\"explode\": {}}" },
        { "POST", "/action", "{\"add_host\": {}}" },
        { "POST", "/action", "{\"add_host\": {\"host\": \"a b\"}}" },
        { "POST", "/action", "{\"add_host\": {\"host\": \"h\"}, \"remove_host\": {\"host\": \"h\"}}" },
        { "POST", "/action", "{\"set_metadata\": {}}" },
        { "POST", "/action", "{\"set_metadata\": {\"metadata\": {\"k\": 1}}}" },
        { "POST", "/action", "{\"set_metadata\": {\"metadata\": {\"k/\": \"1\"}}}" },
        { "POST", "/action", "{\"set_metadata\": {\"metadata\": {\"availability_zone\": \"\"}}}" },
        { "POST", "/action", "{\"set_metadata\": {\"metadata\": {\"availability_zone\": null}}}" },
        { "POST", "/action", "{\"set_metadata\": {\"metadata\": {\"availability_zone\": \"a:b\"}}}" },
        { "POST", "/images", "{\"cache\": [{\"id\": \"x\"}]}" },
        { "POST", "/images", "{\"cache\": [{\"id\": \"99999999-9999-4999-8999-999999999999\"}]}" },
    };
    AUTO_FREE char *path = make("steady", ", \"availability_zone\": \"here\"");

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        AUTO_FREE char *way = kn_asprintf("%s%s", BAD[i].tail != NULL ? path : AGGREGATES,
                                          BAD[i].tail != NULL ? BAD[i].tail : "");

        asked(400, BAD[i].method, way, BAD[i].body);
        assert_int_equal(
            kn_whole_cloud_count(
                "SELECT count(*) FROM aggregate WHERE name = 'steady' AND metadata = '{\"availability_zone\": \"here\"}' "
                "AND updated_at IS NULL AND 1 = (SELECT count(*) FROM aggregate)",
                NULL),
            1);
    }
    asked(400, "GET", AGGREGATES "/x", NULL);
    asked(404, "GET", AGGREGATES "/99999999999999999", NULL);
    act(404, path, "add_host", "host", "\"nobody\"");
    assert_true(says("Compute host nobody could not be found."));
    asked(200, "DELETE", path, NULL);
}

/* A host's zone is what its aggregates say; it does not change under servers. */
static void zones_follow(void **state)
{
    AUTO_FREE char *east = make("east", ", \"availability_zone\": \"east\""), *west = make("west", "");
    AUTO_FREE char *host = NULL, *anywhere = NULL, *node = NULL;

    (void)state;
    asked(400, "PUT", COMPUTE "/servers/x", "{}"); /* whatever went before */
    assert_int_equal(kn_whole_cloud_count(ZONE_OF, "nova"), 6);
    with_host(200, east, "add_host", 1);
    assert_int_equal(kn_whole_cloud_count(ZONE_OF, "east"), 1);
    asked(200, "GET", COMPUTE "/os-availability-zone", NULL);
    assert_true(says("\"zoneName\":\"east\""));
    host = place(flavor, ", \"availability_zone\": \"east\"");
    assert_string_equal(host, hosts[1]); /* at once: nobody waits for the scheduler to look again */
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM server WHERE zone = $1 AND pinned_zone = $1", "east"),
                     1);
    with_host(409, east, "remove_host", 1);
    assert_true(says("would change from 'east' to 'nova' but the host already has 1 instance(s)"));
    asked(400, "PUT", east, "{\"aggregate\": {\"availability_zone\": \"south\"}}");
    assert_true(says("One or more hosts contain instances in this zone"));
    act(400, east, "set_metadata", "metadata", "{\"availability_zone\": \"south\"}");
    act(200, east, "set_metadata", "metadata", "{\"availability_zone\": \"east\"}");
    with_host(200, west, "add_host", 1); /* it names no zone */
    act(400, west, "set_metadata", "metadata", "{\"availability_zone\": \"west\"}");
    assert_true(says("already in availability zone(s) ['east']"));
    with_host(200, west, "remove_host", 1);
    act(200, west, "set_metadata", "metadata", "{\"availability_zone\": \"west\"}");
    with_host(409, west, "add_host", 1);
    assert_true(says("already in availability zone(s) ['east']"));
    clear();
    asked(200, "PUT", east, "{\"aggregate\": {\"availability_zone\": \"south\"}}");
    assert_int_equal(kn_whole_cloud_count(ZONE_OF, "south"), 1);
    asked(
        400, "POST", COMPUTE "/servers",
        "{\"server\": {\"name\": \"s\", \"flavorRef\": \"1\", \"networks\": \"none\", \"availability_zone\": \"east\"}}");
    with_host(200, east, "remove_host", 1);
    assert_int_equal(kn_whole_cloud_count(ZONE_OF, "nova"), 6);
    /* with a server of the zone that its agent says, a host stays in it as well */
    node = kn_asprintf(", \"availability_zone\": \"nova:%s\"", hosts[2]);
    anywhere = place(flavor, node);
    assert_string_equal(anywhere, hosts[2]);
    with_host(409, west, "add_host", 2);
    assert_true(says("would change from 'nova' to 'west'"));
    clear();
    asked(200, "DELETE", east, NULL);
    asked(200, "DELETE", west, NULL);
}

static void the_scheduler_keeps_to_them(void **state)
{
    AUTO_FREE char *fast = make("fast", ""), *other = make("others", "");
    AUTO_FREE char *quick = NULL, *mine = NULL;

    (void)state;
    asked(200, "POST", COMPUTE "/flavors",
          "{\"flavor\": {\"id\": \"quick\", \"name\": \"quick\", \"ram\": 16, \"vcpus\": 1, \"disk\": 0}}");
    asked(200, "POST", COMPUTE "/flavors/quick/os-extra_specs",
          "{\"extra_specs\": {\"aggregate_instance_extra_specs:ssd\": \"true\"}}");
    quick = place("quick", "");
    assert_string_equal(quick, ""); /* nobody has any */
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM server WHERE fault->>'message' LIKE $1",
                                          "%AggregateInstanceExtraSpecsFilter took 6%"),
                     1);
    act(200, fast, "set_metadata", "metadata", "{\"ssd\": \"true\"}");
    with_host(200, fast, "add_host", 4);
    AUTO_FREE char *there = place("quick", "");
    assert_string_equal(there, hosts[4]);
    act(200, fast, "set_metadata", "metadata", "{\"ssd\": \"false\"}");
    AUTO_FREE char *nowhere = place("quick", "");
    assert_string_equal(nowhere, "");

    /* five hosts are another project's: ours has the sixth */
    act(200, other, "set_metadata", "metadata",
        "{\"filter_tenant_id\": \"somebody\", \"filter_tenant_id2\": \"else\"}");
    for (int i = 0; i < 5; i++) {
        with_host(200, other, "add_host", i);
    }
    for (int i = 0; i < 3; i++) {
        AUTO_FREE char *left = place(flavor, "");
        assert_string_equal(left, hosts[5]);
    }
    AUTO_FREE char *words = kn_asprintf("{\"filter_tenant_id3\": \"x, %s\"}", kn_whole.project);
    act(200, other, "set_metadata", "metadata", words);
    AUTO_FREE char *first = kn_asprintf(", \"availability_zone\": \"nova:%s\"", hosts[0]);
    mine = place(flavor, first);
    assert_string_equal(mine, hosts[0]);
    clear();
    for (int i = 0; i < 5; i++) {
        with_host(200, other, "remove_host", i);
    }
    with_host(200, fast, "remove_host", 4);
    asked(200, "DELETE", fast, NULL);
    asked(200, "DELETE", other, NULL);
    asked(202, "DELETE", COMPUTE "/flavors/quick", NULL);
}

/* A task for each host that is up; simulated ones have all that they will ever need. */
static void images_ahead(void **state)
{
    AUTO_FREE char *path = make("cachers", "");
    AUTO_FREE char *way = kn_asprintf("%s/images", path);
    AUTO_FREE char *body = kn_asprintf("{\"cache\": [{\"id\": \"%s\"}]}", image);
    AUTO_FREE char *twice = kn_asprintf("{\"cache\": [{\"id\": \"%s\"}, {\"id\": \"%s\"}]}", image, image);

    (void)state;
    asked(202, "POST", way, body); /* it has no hosts */
    for (int i = 0; i < 3; i++) {
        with_host(200, path, "add_host", i);
    }
    asked(400, "POST", way, twice);
    assert_true(says("Duplicate images in request"));
    assert_int_equal(kn_whole_cloud_ask("POST", way, "OpenStack-API-Version: compute 2.80\r\n" KN_WHOLE_JSON, body),
                     404);
    asked(202, "POST", way, body);
    kn_whole_cloud_await(OPEN, 0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM task WHERE kind = 'image.cache' AND state = $1",
                                          "done"),
                     3);
    assert_true(kn_whole_cloud_is_sound());
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(its_life), cmocka_unit_test(what_is_refused_changes_nothing),
                                        cmocka_unit_test(zones_follow), cmocka_unit_test(the_scheduler_keeps_to_them),
                                        cmocka_unit_test(images_ahead) };

    return cmocka_run_group_tests(tests, start, kn_whole_cloud_teardown);
}
