/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Nova's microversions from 2.97 on brought: shares, an image's properties, hints that are shown, an attachment without an answer, parameters that nobody knows,
 * flavors without what nobody used, and a zone that a server is pinned to.
 */
#include <stdio.h>
#include <string.h>

#include "compute/api.h"
#include "lib/base/mem.h"
#include "tests/support/five_servers.h"
#include "tests/support/golden.h"
#include "tests/support/test.h"

#define COMPUTE "/compute/v2.1"
#define VOLUME "99999999-9999-4999-8999-00000000000a"
#define SHARE "12121212-1212-4212-8212-121212121212"

static int ask(int minor, const char *method, const char *path, const char *body)
{
    return kn_test_nova_ask(nova, SEED_MEMBER, minor, method, path, body);
}

static const char *said(void)
{
    return nova->http.body.buf;
}

static void expect(int status, int minor, const char *method, const char *path, const char *body, const char *words)
{
    if (ask(minor, method, path, body) != status || strstr(said(), words) == NULL) {
        fail_msg("2.%d %s %s %s: %d %s, wanted %d %s", minor, method, path, body != NULL ? body : "", nova->http.status,
                 said(), status, words);
    }
}

/* The newest is 2.104, and nothing above. */
static void negotiated(void **state)
{
    (void)state;
    expect(200, 104, "GET", SERVERS "/" ONE, NULL, "\"scheduler_hints\":{}");
    expect(406, 105, "GET", SERVERS "/" ONE, NULL, "104");
}

static void views(void **state)
{
    static const int MINORS[] = { 97, 98, 100, 104 };
    char name[64];

    (void)state;
    kn_test_nova_sql(
        nova,
        "UPDATE server SET image_properties = '{\"hw_disk_bus\": \"scsi\"}', scheduler_hints = '{\"same_host\": [\"" TWO
        "\"], \"mine\": [\"a\", \"b\"]}' WHERE id = '" ONE "' RETURNING 1");
    for (size_t i = 0; i < KN_COUNT(MINORS); i++) {
        assert_int_equal(ask(MINORS[i], "GET", SERVERS "/" ONE, NULL), 200);
        snprintf(name, sizeof(name), "compute/server-2.%d-member", MINORS[i]);
        kn_test_golden(name, kn_test_nova_at(nova, ""), nova->http.port);
    }
    assert_int_equal(ask(104, "GET", SERVERS "/detail?name=web$", NULL), 200);
    assert_string_equal(kn_test_nova_str(nova, "servers.0.image.properties.hw_disk_bus"), "scsi");
    assert_string_equal(kn_test_nova_str(nova, "servers.0.scheduler_hints.mine.1"), "b");
    assert_int_equal(ask(104, "GET", SERVERS "/" TWO, NULL), 200); /* of no image, without hints */
    assert_string_equal(kn_test_nova_str(nova, "server.image"), "");
    assert_non_null(strstr(said(), "\"scheduler_hints\":{}"));
}

#define WITH(hints) \
    "{\"server\": {\"name\": \"s\", \"flavorRef\": \"1\", \"networks\": \"none\", \"imageRef\": \"" SEED_IMAGE \
    "\"}, \"os:scheduler_hints\": " hints "}"

/* What was hinted is kept with the server and shown; a hint that Nova's scheduler would obey and this one would not is refused. */
static void hints(void **state)
{
    AUTO_FREE char *long_text = kn_alloc(20000);
    AUTO_FREE char *long_hint = NULL;

    (void)state;
    kn_test_nova_sql(nova, "UPDATE image SET properties = '{\"hw_vif_model\": \"virtio\", \"os_distro\": \"debian\", "
                           "\"colour\": \"red\"}' WHERE id = '" SEED_IMAGE "' RETURNING 1");
    expect(202, 100, "POST", SERVERS,
           WITH("{\"different_host\": \"" ONE "\", \"rack\": \"r1\", \"weights\": [\"a\", 2, true]}"), "\"id\"");
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s", kn_test_nova_str(nova, "server.id"));

    expect(200, 100, "GET", path, NULL,
           "\"scheduler_hints\":{\"rack\": [\"r1\"], \"weights\": [\"a\", \"2\", \"True\"], \"different_host\": [\"" ONE
           "\"]}");
    assert_string_equal(kn_test_nova_str(nova, "server.image.properties.os_distro"), "debian");
    assert_null(kn_test_nova_at(nova, "server.image.properties.colour")); /* Nova knows no such property */
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM server WHERE apart_from = '{" ONE "}'"), 1);
    expect(400, 100, "POST", SERVERS, WITH("{\"query\": \"[]\"}"), "The scheduler hint 'query' is not supported");
    expect(400, 100, "POST", SERVERS, WITH("{\"cidr\": \"/24\"}"), "The scheduler hint 'cidr' is not supported");
    expect(400, 100, "POST", SERVERS, WITH("{\"rack\": {\"a\": 1}}"), "A scheduler hint is a text or a list of texts");
    memset(long_text, 'x', 19999);
    long_text[19999] = '\0';
    long_hint = kn_asprintf(WITH("{\"rack\": \"%s\"}"), long_text);
    expect(400, 100, "POST", SERVERS, long_hint, "Scheduler hints are too large");
    long_text[16384 - strlen("{\"rack\":[\"\"]}")] = '\0';
    free(kn_steal(&long_hint));
    long_hint = kn_asprintf(WITH("{\"rack\": \"%s\"}"), long_text);
    expect(202, 100, "POST", SERVERS, long_hint, "\"id\"");
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM server WHERE name = 's'"), 2);
}

/* A rebuild shows what the new image has; the hints stay. */
static void a_rebuild(void **state)
{
    (void)state;
    kn_test_nova_sql(nova, "UPDATE image SET properties = '{\"os_type\": \"linux\"}' WHERE id = '" SEED_IMAGE
                           "' RETURNING 1");
    expect(202, 100, "POST", SERVERS "/" ONE "/action", "{\"rebuild\": {\"imageRef\": \"" SEED_IMAGE "\"}}",
           "\"scheduler_hints\":{}");
    assert_string_equal(kn_test_nova_str(nova, "server.image.properties.os_type"), "linux");
}

/* No server of this cloud has a share: lists are empty, and who would attach one is told why he cannot. */
static void shares(void **state)
{
    static const char WISH[] = "{\"share\": {\"share_id\": \"" SHARE "\"}}";

    (void)state;
    expect(404, 96, "GET", SERVERS "/" ONE "/shares", NULL, "");
    expect(200, 97, "GET", SERVERS "/" ONE "/shares", NULL, "{\"shares\":[]}");
    expect(404, 97, "GET", SERVERS "/" SEED_NOBODY "/shares", NULL, "could not be found");
    expect(404, 97, "GET", SERVERS "/" FOREIGN "/shares", NULL, "could not be found");
    expect(404, 97, "GET", SERVERS "/" ONE "/shares/" SHARE, NULL, "Share " SHARE " could not be found.");
    expect(409, 97, "POST", SERVERS "/" ONE "/shares", WISH, "Cannot 'create share' instance " ONE);
    expect(409, 97, "DELETE", SERVERS "/" ONE "/shares/" SHARE, NULL, "Cannot 'delete share' instance " ONE);
    kn_test_nova_sql(nova, "UPDATE server SET vm_state = 'stopped' RETURNING 1");
    expect(409, 97, "POST", SERVERS "/" ONE "/shares", WISH, "this cloud has no service for file shares");
    expect(404, 97, "DELETE", SERVERS "/" ONE "/shares/" SHARE, NULL, "Share " SHARE " could not be found.");
    expect(400, 97, "POST", SERVERS "/" ONE "/shares", "{\"share\": {}}", "'share_id' is a required property");
    expect(400, 97, "POST", SERVERS "/" ONE "/shares", "{\"share\": {\"share_id\": \"x\"}}", "is not a 'uuid'");
    expect(400, 97, "POST", SERVERS "/" ONE "/shares", "{\"share\": {\"share_id\": \"" SHARE "\", \"tag\": \"a b\"}}",
           "does not match");
}

/* From 2.101 on nobody waits for an answer. */
static void an_attachment(void **state)
{
    static const char BODY[] = "{\"volumeAttachment\": {\"volumeId\": \"" VOLUME "\"}}";

    (void)state;
    kn_test_nova_sql(nova, "INSERT INTO volume (id, project_id, user_id, size_gib, status) VALUES ('" VOLUME
                           "', '" SEED_PROJECT "', '" SEED_PROJECT "', 1, 'available') RETURNING 1");
    assert_int_equal(ask(101, "POST", SERVERS "/" ONE "/os-volume_attachments", BODY), 202);
    assert_int_equal(nova->http.body.len, 0);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task WHERE kind = 'server.attach_volume'"), 1);
    kn_test_nova_sql(nova, "WITH a AS (DELETE FROM attachment WHERE volume_id = '" VOLUME "'), t AS (DELETE FROM task) "
                           "UPDATE volume SET status = 'available' WHERE id = '" VOLUME "' RETURNING 1");
    expect(200, 100, "POST", SERVERS "/" ONE "/os-volume_attachments", BODY, VOLUME);
}

static void flavors(void **state)
{
    (void)state;
    expect(200, 101, "GET", COMPUTE "/flavors/1", NULL, "\"rxtx_factor\":1.0");
    assert_non_null(strstr(said(), "OS-FLV-DISABLED:disabled"));
    expect(200, 102, "GET", COMPUTE "/flavors/1", NULL, "\"vcpus\":1");
    assert_null(strstr(said(), "rxtx_factor"));
    assert_null(strstr(said(), "OS-FLV-DISABLED:disabled"));
    expect(200, 102, "GET", COMPUTE "/flavors?name=m1.t", NULL, "m1.tiny");
    assert_int_equal(json_array_size(kn_test_nova_at(nova, "flavors")), 1);
    expect(200, 102, "GET", COMPUTE "/flavors/detail?name=%5Em1&limit=1&sort_key=name", NULL, "m1.eph");
    assert_int_equal(json_array_size(kn_test_nova_at(nova, "flavors")), 1);
    expect(200, 102, "GET", COMPUTE "/flavors?name=%5Etiny", NULL, "{\"flavors\":[]}");
    expect(400, 101, "GET", COMPUTE "/flavors?name=m1", NULL, "('name' was unexpected)");
    expect(400, 102, "GET", COMPUTE "/flavors?sort_key=rxtx_factor", NULL, "rxtx_factor");
    assert_int_equal(kn_test_nova_ask(nova, SEED_ADMIN, 102, "POST", COMPUTE "/flavors",
                                      "{\"flavor\": {\"name\": \"n\", \"ram\": 1, \"disk\": 1, \"vcpus\": 1, "
                                      "\"rxtx_factor\": 2}}"),
                     400);
    assert_int_equal(kn_test_nova_ask(nova, SEED_ADMIN, 102, "POST", COMPUTE "/flavors",
                                      "{\"flavor\": {\"name\": \"n\", \"ram\": 1, \"disk\": 1, \"vcpus\": 1}}"),
                     200);
}

/* Every GET, by the route table itself: what no route knows is refused from 2.102 on, before anything is looked up, and passed over before. */
static void unknown_parameters(void **state)
{
    static const char *const OPEN[] = { "/v2.1/os-quota-sets/{project}/defaults", "/v2.1/servers/{id}/tags",
                                        "/v2.1/servers/{id}/tags/{tag}",
                                        "/v2.1/servers/{id}/os-volume_attachments/{volume}" };
    int asked = 0;

    (void)state;
    for (const struct kn_route *r = kn_compute_api.routes; r->method != NULL; r++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf path = KN_STRBUF_INIT;
        bool is_open = strcmp(r->method, "GET") != 0 || (r->until != 0 && r->until < 102);

        for (size_t i = 0; i < KN_COUNT(OPEN); i++) {
            is_open |= strcmp(r->path, OPEN[i]) == 0;
        }
        if (is_open) {
            continue;
        }
        kn_strbuf_addstr(&path, "/compute");
        for (const char *at = r->path; *at != '\0'; at++) {
            if (*at == '{') {
                kn_strbuf_addstr(&path, strncmp(at, "{id}", 4) == 0 ? ONE : "x");
                at = strchr(at, '}');
            } else {
                kn_strbuf_add(&path, at, 1);
            }
        }
        kn_strbuf_addstr(&path, "?no_such=1");
        if (kn_test_nova_ask(nova, SEED_ADMIN, 102, "GET", path.buf, NULL) != 400 ||
            strstr(said(), "no_such") == NULL) {
            fail_msg("%s: %d %s", path.buf, nova->http.status, said());
        }
        asked++;
    }
    assert_true(asked > 30);
    expect(200, 101, "GET", SERVERS "/" ONE "?no_such=1", NULL, ONE);
    expect(200, 104, "GET", SERVERS "/" ONE "/tags?no_such=1", NULL, "tags");
}

static void no_volumes_boot(void **state)
{
    (void)state;
    expect(404, 102, "GET", COMPUTE "/os-volumes_boot", NULL, "");
    expect(404, 103, "GET", COMPUTE "/os-volumes_boot", NULL, "");
}

#define PIN(zone) "{\"server\": {\"pinned_availability_zone\": " zone "}}"

static void pinned(void **state)
{
    (void)state;
    expect(400, 103, "PUT", SERVERS "/" ONE, PIN("null"), "'pinned_availability_zone' was unexpected");
    expect(409, 104, "PUT", SERVERS "/" ONE, PIN("\"east\""),
           "Server can only be pinned to its current availability zone 'nova', but 'east' was requested.");
    expect(200, 104, "PUT", SERVERS "/" ONE, PIN("\"nova\""), "\"pinned_availability_zone\":\"nova\"");
    expect(200, 104, "PUT", SERVERS "/" ONE, PIN("\"nova\""), "\"pinned_availability_zone\":\"nova\"");
    expect(409, 104, "PUT", SERVERS "/" ONE, PIN("\"east\""), "Cannot change pinned availability zone directly.");
    expect(200, 104, "PUT", SERVERS "/" ONE, "{\"server\": {\"name\": \"n\"}}",
           "\"pinned_availability_zone\":\"nova\"");
    expect(200, 104, "PUT", SERVERS "/" ONE, PIN("null"), "\"pinned_availability_zone\":null");
    expect(200, 104, "PUT", SERVERS "/" ONE, PIN("null"), "\"pinned_availability_zone\":null");
    expect(400, 104, "PUT", SERVERS "/" ONE, PIN("\"\""), "too short");
    expect(400, 104, "PUT", SERVERS "/" ONE, PIN("5"), "not of type");
    /* what is refused changes nothing beside it */
    expect(409, 104, "PUT", SERVERS "/" ONE, "{\"server\": {\"name\": \"m\", \"pinned_availability_zone\": \"east\"}}",
           "");
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM server WHERE name = 'm'"), 0);
}

/* There is no SPICE here, of whatever type. */
static void spice(void **state)
{
    (void)state;
    expect(400, 98, "POST", SERVERS "/" ONE "/remote-consoles",
           "{\"remote_console\": {\"protocol\": \"spice\", \"type\": \"spice-direct\"}}", "is not one of");
    expect(400, 99, "POST", SERVERS "/" ONE "/remote-consoles",
           "{\"remote_console\": {\"protocol\": \"spice\", \"type\": \"spice-direct\"}}",
           "Unavailable console type spice-direct.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(negotiated, five_servers_fresh),
        cmocka_unit_test_setup(views, five_servers_fresh),
        cmocka_unit_test_setup(hints, five_servers_fresh),
        cmocka_unit_test_setup(a_rebuild, five_servers_fresh),
        cmocka_unit_test_setup(shares, five_servers_fresh),
        cmocka_unit_test_setup(an_attachment, five_servers_fresh),
        cmocka_unit_test_setup(flavors, five_servers_fresh),
        cmocka_unit_test_setup(unknown_parameters, five_servers_fresh),
        cmocka_unit_test_setup(no_volumes_boot, five_servers_fresh),
        cmocka_unit_test_setup(pinned, five_servers_fresh),
        cmocka_unit_test_setup(spice, five_servers_fresh),
    };

    return cmocka_run_group_tests(tests, kn_seed_group_setup, kn_seed_group_teardown);
}
