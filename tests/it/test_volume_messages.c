/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages about volumes over a real front door and database; we play the conductor, whose part test_conductor_store.c tries. Who reads, filters, pages and deletes which, in
 * which words, and when they are over.
 */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/front_world.h"
#include "tests/support/test.h"
#include "volume/api.h"

#define NOW "OpenStack-API-Version: volume 3.71\r\n"
#define A KN_TEST_TOKEN("aaaa", "member") NOW
#define READER KN_TEST_TOKEN("aaaa", "reader") NOW
#define B KN_TEST_TOKEN("bbbb", "member") NOW
#define ADMIN KN_TEST_TOKEN("cccc", "admin") NOW
#define A_OLD KN_TEST_TOKEN("aaaa", "member")
#define A_FIRST KN_TEST_TOKEN("aaaa", "member") "OpenStack-API-Version: volume 3.3\r\n"
#define MESSAGES "/volume/v3/messages"
#define ID(n) "0000000" #n "-2222-4333-8444-555555555555"

static const struct kn_api *const APIS[] = { &kn_volume_api, NULL };
static struct kn_test_world world;

static void expect(int status, const char *method, const char *path, const char *headers, const char *wanted)
{
    kn_test_world_expect(&world, status, method, path, headers, NULL);
    if (wanted != NULL && strstr(world.http.body.buf, wanted) == NULL) {
        fail_msg("%s %s: %s is not in %s", method, path, wanted, world.http.body.buf);
    }
}

/* Two of project aaaa (of a release before, and of this one), one that is over, one of bbbb. */
static int fresh(void **state)
{
    (void)state;
    kn_test_world_sql(
        &world,
        "DELETE FROM volume_message; INSERT INTO volume_message (id, task_id, project_id, request_id, resource_type, resource_uuid, kind, action, detail, created_at, expires_at) VALUES "
        "('" ID(1) "', 1, 'aaaa', 'req-1', 'VOLUME', '" ID(
            5) "', '', '001', '003', now() - interval '2 hours', now() + interval '1 day'), "
               "('" ID(2) "', 2, 'aaaa', 'req-2', 'VOLUME_SNAPSHOT', '" ID(
                   6) "', 'snapshot.create', '009', '013', now() - interval '1 hour', NULL), "
                      "('" ID(3) "', 3, 'aaaa', 'req-3', 'VOLUME', '" ID(
                          5) "', 'volume.create', '001', '003', now() - interval '3 days', now() - interval '1 day'), "
                             "('" ID(4) "', 4, 'bbbb', 'req-4', 'VOLUME', '" ID(
                                 7) "', 'volume.upload', '003', '004', now(), NULL)");
    return 0;
}

static void test_read(void **state)
{
    (void)state;
    expect(200, "GET", MESSAGES "/" ID(1), READER,
           "\"event_id\":\"VOLUME_VOLUME_001_003\",\"user_message\":\"schedule allocate volume:Could not find any "
           "available weighted backend. There is no room for it now, or nothing that does what its type asks");
    kn_test_world_expect_member(&world, "message", "message_level", "\"ERROR\"");
    kn_test_world_expect_member(&world, "message", "request_id", "\"req-1\"");
    kn_test_world_expect_member(&world, "message", "resource_type", "\"VOLUME\"");
    kn_test_world_expect_member(&world, "message", "resource_uuid", "\"" ID(5) "\"");
    expect(200, "GET", MESSAGES "/" ID(2), A, "\"guaranteed_until\":null");
    expect(404, "GET", MESSAGES "/" ID(3), A, NULL); /* it is over */
    expect(404, "GET", MESSAGES "/" ID(4), A, "Message " ID(4) " could not be found.");
    expect(404, "GET", MESSAGES "/x", A, NULL);
    expect(404, "GET", MESSAGES, A_OLD, NULL); /* 3.3 knows them first */
    expect(200, "GET", MESSAGES "/" ID(4), ADMIN, "copy volume to image:Failed to upload volume to image at backend.");
}

/* Several things that fail have the same numbers; the words are of what did. */
static void test_words(void **state)
{
    (void)state;
    kn_test_world_sql(&world, "UPDATE volume_message SET kind = 'backup.import', action = '013', detail = '020'");
    expect(200, "GET", MESSAGES "/" ID(1), A, "The store does not hold what its record says.");
    assert_null(strstr(world.http.body.buf, "is full"));
    kn_test_world_sql(&world, "UPDATE volume_message SET kind = 'backup.create'");
    expect(200, "GET", MESSAGES "/" ID(1), A, "The store of backups is full");
    kn_test_world_sql(&world,
                      "UPDATE volume_message SET kind = 'server.extend_volume', action = '007', detail = '010'");
    expect(200, "GET", MESSAGES "/" ID(1), A, "after its next start");
    kn_test_world_sql(&world, "UPDATE volume_message SET kind = 'of tomorrow'");
    expect(200, "GET", MESSAGES "/" ID(1), A, "unknown action:An unknown error occurred.");
}

static size_t listed(const char *query, const char *headers)
{
    AUTO_FREE char *path = kn_asprintf(MESSAGES "%s", query);

    expect(200, "GET", path, headers, "{\"messages\":[");
    json_t *answer = kn_test_http_json(&world.http);
    const size_t count = json_array_size(json_object_get(answer, "messages"));
    json_decref(answer);
    return count;
}

static void test_lists(void **state)
{
    (void)state;
    assert_int_equal(listed("", A), 2);
    assert_int_equal(listed("", B), 1);
    assert_int_equal(listed("", ADMIN), 0); /* of his own project */
    assert_int_equal(listed("?resource_type=VOLUME", A), 1);
    assert_int_equal(listed("?event_id=VOLUME_VOLUME_SNAPSHOT_009_013", A), 1);
    assert_int_equal(listed("?request_id=req-4", A), 0);
    assert_int_equal(listed("?limit=1", A_FIRST), 2); /* 3.5 pages them first */
    assert_int_equal(listed("?limit=1&sort=created_at:asc", A), 1);
    assert_non_null(strstr(world.http.body.buf, ID(1)));
    assert_non_null(strstr(world.http.body.buf, "messages_links"));
    assert_int_equal(listed("?limit=1&sort=created_at:asc&marker=" ID(1), A), 1);
    assert_non_null(strstr(world.http.body.buf, ID(2)));
    expect(400, "GET", MESSAGES "?colour=red", A, "Invalid filters colour");
}

static void test_delete(void **state)
{
    (void)state;
    expect(403, "DELETE", MESSAGES "/" ID(1), READER, NULL);
    expect(404, "DELETE", MESSAGES "/" ID(1), B, NULL);
    expect(204, "DELETE", MESSAGES "/" ID(1), A, NULL);
    expect(404, "DELETE", MESSAGES "/" ID(1), A, NULL);
    assert_int_equal(kn_test_world_number(&world, "SELECT count(*) FROM volume_message"), 3);
}

static int setup(void **state)
{
    (void)state;
    kn_test_world_start(&world, "volume_messages", APIS);
    *state = &world;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_read, fresh),
        cmocka_unit_test_setup(test_words, fresh),
        cmocka_unit_test_setup(test_lists, fresh),
        cmocka_unit_test_setup(test_delete, fresh),
    };

    return cmocka_run_group_tests(tests, setup, kn_test_world_teardown);
}
