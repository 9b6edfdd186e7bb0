/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Cinder and Neutron have and this cloud has not, by their own words: 404 with what is missing, empty lists of what cannot be made,
 * and attachments, which are real, project by project.
 */
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "network/api.h"
#include "tests/support/front_world.h"
#include "tests/support/test.h"
#include "volume/api.h"

#define NOW "OpenStack-API-Version: volume 3.71\r\n"
#define A KN_TEST_TOKEN("aaaa", "member") NOW
#define B KN_TEST_TOKEN("bbbb", "member") NOW
#define ADMIN KN_TEST_TOKEN("cccc", "admin") NOW
#define OLD KN_TEST_TOKEN("aaaa", "member")
#define ID(n) "0000000" #n "-2222-4333-8444-555555555555"

static struct kn_test_world world;

static void expect(int status, const char *method, const char *path, const char *headers, const char *body,
                   const char *wanted)
{
    kn_test_http_ask(&world.http, method, path, headers, body);
    if (world.http.status != status || strstr(world.http.body.buf, wanted) == NULL) {
        fail_msg("%s %s: %d %s, wanted %d %s", method, path, world.http.status, world.http.body.buf, status, wanted);
    }
}

static void test_words(void **state)
{
    static const struct {
        const char *method, *path, *wanted;
    } CASES[] = {
        { "GET", "/network/v2.0/trunks",
          "{\"NeutronError\":{\"type\":\"HTTPNotFound\",\"message\":\"The resource could not be found: this cloud "
          "has no trunks; that is not built here.\"" },
        { "POST", "/network/v2.0/bgpvpn", "no BGP VPNs; that is not built here" },
        { "GET", "/network/v2.0/routers/x/conntrack_helpers", "no conntrack helpers" },
        { "GET", "/volume/v3/cgsnapshots/" ID(1),
          "{\"itemNotFound\":{\"code\":404,\"message\":\"The resource could not be found: this cloud has "
          "no consistency groups; that is not built here.\"" },
        { "POST", "/volume/v3/aaaa/cgsnapshots/create", "no consistency groups" },
        { "POST", "/volume/v3/os-snapshot-manage", "no snapshots made elsewhere" }, /* there are others */
        { "GET", "/volume/v3/manageable_snapshots", "no snapshots made elsewhere" },
        { "PUT", "/volume/v3/os-services/set-log",
          "no levels of logs that change while services run" }, /* there are others */
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        expect(404, CASES[i].method, CASES[i].path, A, "{}", CASES[i].wanted);
    }
    expect(404, "GET", "/network/v2.0/nothings", A, NULL,
           "{\"NeutronError\":{\"type\":\"HTTPNotFound\",\"message\":\"The resource could not be found.\"");
    expect(404, "GET", "/volume/v3/nothings", A "Accept: application/json\r\n", NULL,
           "The resource could not be found.<br");
}

static void test_empty_lists(void **state)
{
    static const struct {
        const char *path, *wanted;
        bool admin;
    } CASES[] = {
        { "snapshots", "{\"snapshots\":[]}", false },
        { "backups/detail", "{\"backups\":[]}", false },
        { "groups", "{\"groups\":[]}", false },
        { "groups/detail", "{\"groups\":[]}", false },
        { "group_snapshots/detail", "{\"group_snapshots\":[]}", false },
        { "group_types", "{\"group_types\":[]}", false },
        { "consistencygroups/detail", "{\"consistencygroups\":[]}", false },
        { "cgsnapshots", "{\"cgsnapshots\":[]}", false },
        { "clusters", "{\"clusters\":[]}", true },
        { "clusters/detail", "{\"clusters\":[]}", true },
        { "default-types", "{\"default_types\":[]}", true },
        { "attachments", "{\"attachments\":[]}", false },
        { "types/default/encryption", "{}", true },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        AUTO_FREE char *path = kn_asprintf("/volume/v3/aaaa/%s", CASES[i].path),
                       *bare = kn_asprintf("/volume/v3/%s", CASES[i].path);
        if (CASES[i].admin) {
            expect(403, "GET", path, A, NULL, "");
        } else {
            expect(200, "GET", path, A, NULL, CASES[i].wanted);
        }
        expect(200, "GET", bare, ADMIN, NULL, CASES[i].wanted);
        assert_string_equal(world.http.body.buf, CASES[i].wanted);
    }
    expect(404, "GET", "/volume/v3/types/other/encryption", ADMIN, NULL, "could not be found");
    expect(404, "GET", "/volume/v3/groups", OLD, NULL, ""); /* 3.0 has none */
    expect(404, "GET", "/volume/v3/attachments", OLD, NULL, "");
}

/* Two of project a, one of b. */
static void make_attachments(void)
{
    struct kn_error err = { 0 };

    assert_ok(
        kn_db_script(
            world.db,
            "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, flavor, reservation_id) SELECT i::uuid, p, p, 's', 's', "
            "'active', '{}', 'r-1' FROM (VALUES ('" ID(1) "', 'aaaa'), ('" ID(
                2) "', 'bbbb')) AS s (i, p); "
                   "INSERT INTO volume (id, project_id, user_id, size_gib, status, zone) SELECT i::uuid, p, 'u', 1, 'in-use', 'nova' FROM (VALUES "
                   "('" ID(3) "', 'aaaa'), ('" ID(4) "', 'aaaa'), ('" ID(
                       5) "', 'bbbb')) AS v (i, p); "
                          "INSERT INTO attachment (id, volume_id, server_id, status, connection, attached_at, created_at) VALUES "
                          "('" ID(6) "', '" ID(3) "', '" ID(
                              1) "', 'attached', '{\"path\": \"/srv/secret\"}', '2026-01-02', '2026-01-01'), "
                                 "('" ID(7) "', '" ID(4) "', '" ID(
                                     1) "', 'attaching', NULL, NULL, '2026-01-02'), "
                                        "('" ID(8) "', '" ID(5) "', '" ID(
                                            2) "', 'attached', '{}', '2026-01-03', '2026-01-03')",
            &err),
        &err);
}

static void expect_ids(const char *query, const char *headers, const char *wanted)
{
    AUTO_FREE char *path = kn_asprintf("/volume/v3/attachments%s", query);
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf found = KN_STRBUF_INIT;

    expect(200, "GET", path, headers, NULL, "");
    json_t *json = kn_test_http_json(&world.http);
    size_t i;
    json_t *one;
    json_array_foreach (json_object_get(json, "attachments"), i, one) {
        kn_strbuf_add(&found, json_string_value(json_object_get(one, "id")) + 7, 1);
    }
    json_decref(json);
    if (strcmp(found.buf, wanted) != 0) {
        fail_msg("%s: %s, wanted %s", path, found.buf, wanted);
    }
}

static void test_attachments(void **state)
{
    (void)state;
    make_attachments();
    expect_ids("", A, "76");
    expect_ids("", B, "8");
    expect_ids("", ADMIN, "");
    expect_ids("?all_tenants=1", ADMIN, "876");
    expect_ids("?all_tenants=1", A, "76");
    expect_ids("?all_tenants=1&project_id=bbbb", ADMIN, "8");
    expect_ids("?sort=status:asc,id:desc", A, "67");
    expect_ids("?project_id=bbbb", A, "76");
    expect_ids("/detail?volume_id=" ID(3), A, "6");
    expect_ids("?instance_id=" ID(1) "&status=attaching", A, "7");
    expect_ids("?instance_id=" ID(2), A, "");
    expect_ids("?limit=1", A, "7");
    expect_ids("?limit=1&marker=" ID(7), A, "6");
    expect_ids("?offset=1&sort=created_at:desc", A, "6");
    expect(404, "GET", "/volume/v3/attachments?marker=" ID(8), A, NULL,
           "Volume attachment " ID(8) " could not be found.");
    expect(404, "GET", "/volume/v3/attachments?marker=x", A, NULL, "could not be found");
    expect(400, "GET", "/volume/v3/attachments?limit=-1", A, NULL, "limit param must be");
    expect(400, "GET", "/volume/v3/attachments?colour=red", A, NULL, "Invalid filters colour");
    expect(400, "GET", "/volume/v3/attachments?sort=colour:asc", A, NULL, "Sort key colour is invalid");
    expect(
        200, "GET", "/volume/v3/attachments/" ID(6), A, NULL,
        "{\"attachment\":{\"id\":\"" ID(6) "\",\"status\":\"attached\",\"instance\":\"" ID(1) "\",\"volume_id\":\"" ID(
            3) "\",\"attached_at\":\"2026-01-02T00:00:00.000000\",\"detached_at\":null,\"attach_mode\":\"rw\",\"connection_info\":{}}}");
    expect(200, "GET", "/volume/v3/attachments/" ID(6), ADMIN, NULL, "\"connection_info\":{}");
    expect(404, "GET", "/volume/v3/attachments/" ID(8), A, NULL, "itemNotFound");
    expect(404, "GET", "/volume/v3/attachments/x", A, NULL, "itemNotFound");
    expect(409, "DELETE", "/volume/v3/attachments/" ID(6), A, NULL, "using the Compute API");
    expect(404, "DELETE", "/volume/v3/attachments/" ID(8), A, NULL, "itemNotFound");
    expect_ids("?all_tenants=1", ADMIN, "876");
}

static int start_world(void **state)
{
    static const struct kn_api *const APIS[] = { &kn_volume_api, &kn_network_api, NULL };

    *state = &world;
    kn_test_world_start(&world, "unbuilt", APIS);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_words), cmocka_unit_test(test_empty_lists),
                                        cmocka_unit_test(test_attachments) };
    return cmocka_run_group_tests(tests, start_world, kn_test_world_teardown);
}
