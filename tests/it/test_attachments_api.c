/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cinder's attachments API over a real front door and database: the life of one that a client makes, who may, what is refused; those of servers, which nobody ends here; volumes that several share, by
 * their type. And whatever is asked of one volume by many at once: who was first wins, all others are told so, and nothing is done twice.
 */
#include <pthread.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/limits.h"
#include "tests/support/front_world.h"
#include "tests/support/test.h"
#include "volume/api.h"

#define A KN_TEST_TOKEN("aaaa", "member") "OpenStack-API-Version: volume 3.71\r\n"
#define A_OLD KN_TEST_TOKEN("aaaa", "member") "OpenStack-API-Version: volume 3.53\r\n"
#define B KN_TEST_TOKEN("bbbb", "member") "OpenStack-API-Version: volume 3.71\r\n"
#define ADMIN KN_TEST_TOKEN("cccc", "admin") "OpenStack-API-Version: volume 3.71\r\n"
#define VOLUMES "/volume/v3/volumes"
#define ATTACHMENTS "/volume/v3/attachments"
#define SERVER "11111111-1111-4111-8111-111111111111"
#define MACHINE "22222222-2222-4222-8222-222222222222"
#define KEY "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00"
#define NOBODY "99999999-9999-4999-8999-999999999999"

static const struct kn_api *const APIS[] = { &kn_volume_api, NULL };
static struct kn_test_world world;

static void expect(int status, const char *method, const char *path, const char *headers, const char *body)
{
    kn_test_world_expect(&world, status, method, path, headers, body);
}

static void said(const char *words)
{
    if (strstr(world.http.body.buf, words) == NULL) {
        fail_msg("%s, not %s", world.http.body.buf, words);
    }
}

static void settle(void)
{
    kn_test_world_sql(
        &world, "UPDATE volume SET status = volume_status(id), format = coalesce(format, 'raw'), extends_from = NULL; "
                "UPDATE volume_snapshot SET status = 'available'; UPDATE task SET state = 'done'");
}

static char *volume(const char *more)
{
    AUTO_FREE char *body = kn_asprintf("{\"volume\": {\"size\": 1%s}}", more);

    expect(202, "POST", VOLUMES, A, body);
    char *id = kn_test_world_id(&world, "volume");

    settle();
    return id;
}

static void reserve(int status, const char *headers, const char *of, const char *more)
{
    AUTO_FREE char *body = kn_asprintf("{\"attachment\": {\"volume_uuid\": \"%s\"%s}}", of, more);

    expect(status, "POST", ATTACHMENTS, headers, body);
}

static void ask(int status, const char *method, const char *id, const char *tail, const char *headers, const char *body)
{
    AUTO_FREE char *path = kn_asprintf(ATTACHMENTS "/%s%s", id, tail);

    expect(status, method, path, headers, body);
}

static void volume_is(const char *id, const char *status)
{
    AUTO_FREE char *sql = kn_asprintf("SELECT count(*) FROM volume WHERE id = '%s' AND status = '%s'", id, status);

    assert_int_equal(kn_test_world_number(&world, sql), 1);
}

static int clean(void **state)
{
    (void)state;
    kn_test_world_sql(
        &world,
        "DELETE FROM attachment; DELETE FROM volume; DELETE FROM volume_snapshot; DELETE FROM quota_usage; "
        "DELETE FROM image; DELETE FROM task; DELETE FROM server; DELETE FROM volume_type WHERE name <> 'file'");
    return 0;
}

/* --- tests ----------------------------------------------------------------------------------------------------------------- */

static void test_life(void **state)
{
    AUTO_FREE char *v = volume(""), *a = NULL;

    (void)state;
    reserve(200, A, v, ", \"instance_uuid\": \"" MACHINE "\", \"mode\": \"ro\"");
    a = kn_test_world_id(&world, "attachment");
    said("\"status\":\"reserved\",\"instance\":\"" MACHINE "\"");
    said("\"attach_mode\":\"ro\",\"connection_info\":{}");
    volume_is(v, "reserved");
    reserve(400, A, v, "");
    said("status must be available or downloading to reserve");
    ask(400, "POST", a, "/action", A, "{\"os-complete\": null}");
    said("it has no connector");
    ask(400, "PUT", a, "", A, "{\"attachment\": {}}");
    ask(200, "PUT", a, "", A, "{\"attachment\": {\"connector\": {\"host\": \"bare\", \"initiator\": \"iqn\"}}}");
    said("\"status\":\"attaching\"");
    said("\"driver_volume_type\": \"file\"");
    said("\"access_mode\": \"ro\"");
    said("\"encrypted\": false");
    kn_test_world_sql(&world, "UPDATE volume SET key_id = id, format = 'luks'");
    ask(200, "GET", a, "", A, NULL);
    said("\"encrypted\": true");
    kn_test_world_sql(&world, "UPDATE volume SET key_id = NULL, format = 'raw'");
    volume_is(v, "attaching");
    for (int twice = 0; twice < 2; twice++) {
        ask(204, "POST", a, "/action", A, "{\"os-complete\": null}");
        volume_is(v, "in-use");
    }
    AUTO_FREE char *path = kn_asprintf(VOLUMES "/%s", v);
    expect(400, "DELETE", path, A, NULL);
    said("still attached");
    expect(200, "GET", path, A, NULL);
    said("\"server_id\" : \"" MACHINE "\", \"host_name\" : \"bare\"");
    expect(200, "GET", ATTACHMENTS "?instance_id=" MACHINE, A, NULL);
    said(a);
    ask(200, "DELETE", a, "", A, NULL);
    said("{\"attachments\":[]}");
    volume_is(v, "available");
    ask(404, "DELETE", a, "", A, NULL);
    reserve(200, A, v, ", \"connector\": {\"host\": \"other\"}"); /* both at once */
    said("\"status\":\"attaching\"");
    said("\"attach_mode\":\"rw\"");
}

static void test_what_is_refused(void **state)
{
    AUTO_FREE char *v = volume(""), *a = NULL;
    AUTO_FREE char *readonly = kn_asprintf(VOLUMES "/%s/action", v);

    (void)state;
    reserve(404, A, NOBODY, "");
    reserve(404, B, v, "");
    reserve(400, A, "x", "");
    reserve(400, A, v, ", \"mode\": \"wr\"");
    reserve(400, A_OLD, v, ", \"mode\": \"ro\"");
    reserve(400, A, v, ", \"instance_uuid\": 5");
    reserve(400, A, v, ", \"colour\": \"red\"");
    volume_is(v, "available");
    expect(202, "POST", readonly, A, "{\"os-update_readonly_flag\": {\"readonly\": true}}");
    reserve(400, A, v, ", \"mode\": \"rw\"");
    said("read-only");
    volume_is(v, "available");
    reserve(200, A, v, "");
    said("\"attach_mode\":\"ro\"");
    a = kn_test_world_id(&world, "attachment");
    ask(400, "PUT", a, "", A, "{\"attachment\": {\"connector\": {}, \"mode\": \"rw\"}}");
    ask(404, "PUT", a, "", B, "{\"attachment\": {\"connector\": {}}}");
    ask(404, "POST", a, "/action", B, "{\"os-complete\": {}}");
    ask(404, "DELETE", a, "", B, NULL);
    ask(404, "DELETE", "x", "", A, NULL);
    ask(400, "POST", a, "/action", A, "{\"os-incomplete\": {}}");
    ask(200, "DELETE", a, "", ADMIN, NULL);
}

/* Of a disk that only our hosts can reach nobody else is told that he has it. */
static void test_what_is_served_within(void **state)
{
    AUTO_FREE char *v = volume(""), *a = NULL;

    (void)state;
    kn_test_world_sql(&world, "UPDATE volume SET backend = 'nbd'");
    reserve(400, A, v, ", \"connector\": {\"host\": \"bare\"}");
    said("serves servers of this cloud alone");
    volume_is(v, "available");
    reserve(200, A, v, "");
    a = kn_test_world_id(&world, "attachment");
    ask(400, "PUT", a, "", A, "{\"attachment\": {\"connector\": {\"host\": \"bare\"}}}");
    volume_is(v, "reserved");
    ask(200, "DELETE", a, "", A, NULL);
    volume_is(v, "available");
}

static void act(int status, const char *of, const char *headers, const char *body)
{
    AUTO_FREE char *path = kn_asprintf(VOLUMES "/%s/action", of);

    expect(status, "POST", path, headers, body);
}

/* CVE-2023-2088: while compute has it, the storage side ends nothing, whoever asks. */
static void test_a_servers_is_computes(void **state)
{
    AUTO_FREE char *v = volume("");
    AUTO_FREE char *sql = kn_asprintf(
        "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, flavor, reservation_id) VALUES ('" SERVER
        "', 'aaaa', 'u', 's', 's', 'active', '{}', 'r'); INSERT INTO attachment (id, volume_id, server_id, status, device, connection) VALUES ('" MACHINE
        "', '%s', '" SERVER "', 'attached', '/dev/vdb', '{}'); UPDATE volume SET status = 'in-use'",
        v);
    static const char *const STATES[] = { "attaching", "attached", "detaching" };

    (void)state;
    kn_test_world_sql(&world, sql);
    for (size_t i = 0; i < KN_COUNT(STATES); i++) {
        AUTO_FREE char *now = kn_asprintf("UPDATE attachment SET status = '%s'", STATES[i]);

        kn_test_world_sql(&world, now);
        ask(409, "DELETE", MACHINE, "", A, NULL);
        said("Detach volume from instance " SERVER " using the Compute API");
        ask(409, "DELETE", MACHINE, "", ADMIN, NULL);
        act(409, v, A, "{\"os-detach\": {}}");
        act(409, v, ADMIN, "{\"os-force_detach\": {\"attachment_id\": \"" MACHINE "\"}}");
        act(400, v, A, "{\"os-begin_detaching\": null}");
        ask(409, "PUT", MACHINE, "", A, "{\"attachment\": {\"connector\": {}}}");
        ask(409, "POST", MACHINE, "/action", A, "{\"os-complete\": null}");
        ask(404, "DELETE", MACHINE, "", B, NULL);
    }
    assert_int_equal(kn_test_world_number(&world, "SELECT count(*) FROM attachment WHERE status = 'detaching'"), 1);
}

/* The way to a disk of the nbd back end holds its key: whoever asks, and however, is not told. */
static void test_keys_are_kept(void **state)
{
    AUTO_FREE char *v = volume("");
    AUTO_FREE char *sql = kn_asprintf(
        "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, flavor, reservation_id) VALUES ('" SERVER
        "', 'aaaa', 'u', 's', 's', 'active', '{}', 'r'); UPDATE volume SET backend = 'nbd', status = 'in-use'; "
        "INSERT INTO attachment (id, volume_id, server_id, status, device, connection) VALUES ('" MACHINE
        "', '%s', '" SERVER "', 'attached', '/dev/vdb', '{\"driver\": \"nbd\", \"key\": \"" KEY "\"}')",
        v);
    AUTO_FREE char *one = kn_asprintf(VOLUMES "/%s", v);
    const char *const paths[] = { ATTACHMENTS, ATTACHMENTS "/detail", ATTACHMENTS "/" MACHINE, VOLUMES "/detail", one };
    const char *const askers[] = { A, ADMIN };

    (void)state;
    kn_test_world_sql(&world, sql);
    for (size_t i = 0; i < KN_COUNT(paths); i++) {
        for (size_t k = 0; k < KN_COUNT(askers); k++) {
            expect(200, "GET", paths[i], askers[k], NULL);
            assert_null(strstr(world.http.body.buf, KEY));
        }
    }
    expect(200, "GET", ATTACHMENTS "/" MACHINE, A, NULL);
    said("\"connection_info\":{}");
}

static void test_shared_by_type(void **state)
{
    AUTO_FREE char *type = NULL, *v = NULL, *plain = NULL, *retype = NULL, *back = NULL, *first = NULL;

    (void)state;
    expect(200, "POST", "/volume/v3/types", ADMIN,
           "{\"volume_type\": {\"name\": \"shared\", \"extra_specs\": {\"multiattach\": \"<is> True\"}}}");
    type = kn_test_world_id(&world, "volume_type");
    v = volume(", \"volume_type\": \"shared\"");
    plain = volume("");
    retype = kn_asprintf(VOLUMES "/%s/action", plain);
    back = kn_asprintf(VOLUMES "/%s/action", v);
    for (int i = 0; i < KN_MAX_VOLUME_ATTACHMENTS; i++) {
        reserve(200, A, v, "");
    }
    first = kn_test_world_id(&world, "attachment");
    reserve(400, A, v, "");
    said("may not have more");
    volume_is(v, "reserved");
    ask(200, "PUT", first, "", A, "{\"attachment\": {\"connector\": {}}}");
    volume_is(v, "attaching");
    ask(204, "POST", first, "/action", A, "{\"os-complete\": null}");
    volume_is(v, "in-use");
    expect(400, "POST", back, A, "{\"os-retype\": {\"new_type\": \"file\"}}");
    ask(200, "DELETE", first, "", A, NULL);
    volume_is(v, "reserved");
    kn_test_world_sql(&world, "DELETE FROM attachment");
    settle();
    expect(202, "POST", back, A, "{\"os-retype\": {\"new_type\": \"file\"}}");
    assert_int_equal(kn_test_world_number(&world, "SELECT count(*) FROM volume WHERE multiattach"), 0);
    kn_test_world_sql(&world, "UPDATE volume SET format = 'qcow2'");
    expect(400, "POST", retype, A, "{\"os-retype\": {\"new_type\": \"shared\"}}");
    said("its disk raw");
    kn_test_world_sql(&world, "UPDATE volume SET format = 'raw'");
    expect(202, "POST", retype, A, "{\"os-retype\": {\"new_type\": \"shared\"}}");
    reserve(200, A, plain, "");
    reserve(200, A, plain, "");
}

/* --- many at once ------------------------------------------------------------------------------------------------------------- */

enum wish { SNAPSHOT, CLONE, UPLOAD, EXTEND, DELETE, RESERVE, WISHES };
#define RIVALS 12
#define ROUNDS 40

struct rival {
    enum wish wish;
    const char *volume;
    pthread_barrier_t *start;
    struct kn_test_http http;
    int status;
};

static void *compete(void *ctx)
{
    struct rival *r = ctx;
    AUTO_FREE char *action = kn_asprintf(VOLUMES "/%s/action", r->volume), *one = kn_asprintf(VOLUMES "/%s", r->volume);
    AUTO_FREE char *snapshot = kn_asprintf("{\"snapshot\": {\"volume_id\": \"%s\"}}", r->volume),
                   *clone = kn_asprintf("{\"volume\": {\"source_volid\": \"%s\"}}", r->volume),
                   *reserved = kn_asprintf("{\"attachment\": {\"volume_uuid\": \"%s\"}}", r->volume);
    const struct {
        const char *method, *path, *body;
    } asked[WISHES] = {
        [SNAPSHOT] = { "POST", "/volume/v3/snapshots", snapshot },
        [CLONE] = { "POST", VOLUMES, clone },
        [UPLOAD] = { "POST", action,
                     "{\"os-volume_upload_image\": {\"image_name\": \"i\", \"disk_format\": \"raw\"}}" },
        [EXTEND] = { "POST", action, "{\"os-extend\": {\"new_size\": 2}}" },
        [DELETE] = { "DELETE", one, NULL },
        [RESERVE] = { "POST", ATTACHMENTS, reserved },
    };

    pthread_barrier_wait(r->start);
    kn_test_http_ask(&r->http, asked[r->wish].method, asked[r->wish].path, A, asked[r->wish].body);
    r->status = r->http.status;
    return NULL;
}

/* Copies go together, and with an upload that came behind them; of all that changes the volume or gives it away one wins, and none beside a copy. */
static void judge(const struct rival *rivals)
{
    int won[WISHES] = { 0 };

    for (int i = 0; i < RIVALS; i++) {
        const bool has_won = rivals[i].status == 200 || rivals[i].status == 202;

        won[rivals[i].wish] += has_won ? 1 : 0;
        if (!has_won && rivals[i].status != 400) {
            fail_msg("%d: %s", rivals[i].status, rivals[i].http.body.buf);
        }
        if (!has_won) {
            assert_non_null(strstr(rivals[i].http.body.buf, "status must be"));
        }
    }
    const int copies = won[SNAPSHOT] + won[CLONE], changes = won[EXTEND] + won[DELETE] + won[RESERVE];

    assert_true(copies + changes + won[UPLOAD] > 0);
    assert_true(changes + won[UPLOAD] <= 1);
    assert_true(changes == 0 || copies == 0);
}

static void test_many_at_once(void **state)
{
    struct rival rivals[RIVALS] = { { .wish = SNAPSHOT } };
    pthread_t threads[RIVALS];
    pthread_barrier_t start;

    (void)state;
    for (int i = 0; i < RIVALS; i++) {
        rivals[i].http = kn_test_http_open(world.http.port);
    }
    for (int round = 0; round < ROUNDS; round++) {
        AUTO_FREE char *v = volume("");

        pthread_barrier_init(&start, NULL, RIVALS);
        for (int i = 0; i < RIVALS; i++) {
            rivals[i].wish = (enum wish)((i + round) % WISHES);
            rivals[i].volume = v;
            rivals[i].start = &start;
            assert_int_equal(pthread_create(&threads[i], NULL, compete, &rivals[i]), 0);
        }
        for (int i = 0; i < RIVALS; i++) {
            pthread_join(threads[i], NULL);
        }
        pthread_barrier_destroy(&start);
        judge(rivals);
        assert_int_equal(
            kn_test_world_number(
                &world,
                "SELECT count(*) FROM (SELECT project_id, resource, used FROM quota_usage WHERE service = 'volume' AND used <> 0 "
                "EXCEPT SELECT project_id, resource, used FROM quota_fact WHERE service = 'volume') d"),
            0);
        clean(NULL);
    }
    for (int i = 0; i < RIVALS; i++) {
        kn_test_http_close(&rivals[i].http);
    }
}

/* The actions from before there were attachments write the same rows. */
static void test_old_actions(void **state)
{
    static const char TAKE[] = "{\"os-attach\": {\"instance_uuid\": \"" MACHINE "\", \"mountpoint\": \"/dev/vdb\"}}";
    AUTO_FREE char *v = volume("");
    AUTO_FREE char *path = kn_asprintf(VOLUMES "/%s", v);

    (void)state;
    act(404, v, B, "{\"os-reserve\": null}");
    act(202, v, A, "{\"os-reserve\": null}");
    volume_is(v, "attaching");
    act(400, v, A, "{\"os-reserve\": null}");
    act(202, v, A, "{\"os-unreserve\": null}");
    volume_is(v, "available");
    act(202, v, A, "{\"os-unreserve\": null}");
    act(400, v, A, "{\"os-begin_detaching\": null}");
    said("Unable to detach volume.");
    act(400, v, A, "{\"os-attach\": {\"mountpoint\": \"/dev/vdb\"}}");
    act(400, v, A, "{\"os-attach\": {\"host_name\": \"h\", \"mountpoint\": \"/dev/vdb\", \"colour\": \"red\"}}");
    act(202, v, A, "{\"os-reserve\": null}");
    act(202, v, A, TAKE);
    volume_is(v, "in-use");
    act(400, v, A, TAKE);
    expect(200, "GET", path, A, NULL);
    said("\"server_id\" : \"" MACHINE "\"");
    said("\"device\" : \"/dev/vdb\"");
    act(202, v, A, "{\"os-begin_detaching\": null}");
    volume_is(v, "detaching");
    act(202, v, A, "{\"os-roll_detaching\": null}");
    volume_is(v, "in-use");
    act(404, v, A, "{\"os-detach\": {\"attachment_id\": \"" NOBODY "\"}}");
    act(202, v, A, "{\"os-detach\": {}}");
    volume_is(v, "available");
    act(202, v, A, "{\"os-detach\": {}}");
    act(202, v, A, "{\"os-attach\": {\"host_name\": \"bare\", \"mountpoint\": \"/dev/vdb\", \"mode\": \"ro\"}}");
    act(403, v, A, "{\"os-force_detach\": {\"attachment_id\": null, \"connector\": null}}");
    act(202, v, ADMIN, "{\"os-reset_status\": {\"status\": \"maintenance\"}}");
    act(202, v, ADMIN, "{\"os-force_detach\": {\"attachment_id\": null, \"connector\": null}}");
    volume_is(v, "available");
    kn_test_world_sql(&world, "UPDATE volume SET backend = 'nbd'");
    act(400, v, A, TAKE);
    said("serves servers of this cloud alone");
    volume_is(v, "available");
}

static int start_world(void **state)
{
    *state = &world;
    kn_test_world_start(&world, "attachments_api", APIS);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_life, clean),
        cmocka_unit_test_teardown(test_what_is_refused, clean),
        cmocka_unit_test_teardown(test_what_is_served_within, clean),
        cmocka_unit_test_teardown(test_a_servers_is_computes, clean),
        cmocka_unit_test_teardown(test_old_actions, clean),
        cmocka_unit_test_teardown(test_keys_are_kept, clean),
        cmocka_unit_test_teardown(test_shared_by_type, clean),
        cmocka_unit_test_teardown(test_many_at_once, clean),
    };

    return cmocka_run_group_tests(tests, start_world, kn_test_world_teardown);
}
