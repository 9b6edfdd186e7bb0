/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backups of volumes over a real front door and database; we play the conductor. Who may see and do what, what depends on what while it is copied, what counts in the quota, and
 * bad input after which nothing has changed.
 */
#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/front_world.h"
#include "tests/support/test.h"
#include "volume/api.h"

#define A KN_TEST_TOKEN("aaaa", "member") "OpenStack-API-Version: volume 3.71\r\n"
#define A_OLD KN_TEST_TOKEN("aaaa", "member")
#define B KN_TEST_TOKEN("bbbb", "member") "OpenStack-API-Version: volume 3.71\r\n"
#define ADMIN KN_TEST_TOKEN("cccc", "admin") "OpenStack-API-Version: volume 3.71\r\n"
#define VOLUMES "/volume/v3/volumes"
#define BACKUPS "/volume/v3/backups"
#define SNAPSHOTS "/volume/v3/snapshots"
#define ABSENT "00000000-0000-4000-8000-000000000000"
#define USED(resource) \
    "SELECT coalesce(sum(used), 0)::bigint FROM quota_usage WHERE service = 'volume' AND resource = '" resource "'"

static const struct kn_api *const APIS[] = { &kn_volume_api, NULL };
static struct kn_test_world world;

static void expect(int status, const char *method, const char *path, const char *headers, const char *body)
{
    kn_test_world_expect(&world, status, method, path, headers, body);
}

static void expect_member(const char *key, const char *wanted)
{
    kn_test_world_expect_member(&world, "backup", key, wanted);
}

static void sql(const char *text)
{
    kn_test_world_sql(&world, text);
}

static int64_t count_of(const char *text)
{
    return kn_test_world_number(&world, text);
}

/* What the conductor and kilonova-volume would write. */
static void settle(void)
{
    sql("UPDATE volume SET status = 'available' WHERE status IN ('creating', 'restoring-backup'); "
        "UPDATE volume_snapshot SET status = 'available' WHERE status = 'creating'; "
        "UPDATE volume_backup SET status = 'available', manifest = 'm', object_count = 3 WHERE status = 'creating'; "
        "UPDATE task SET state = 'done'");
}

static char *made(const char *one, const char *path, const char *inner)
{
    AUTO_FREE char *body = kn_asprintf("{\"%s\":{%s}}", one, inner);

    expect(202, "POST", path, A, body);
    char *id = kn_test_world_id(&world, one);
    return id;
}

static char *settled(const char *one, const char *path, const char *inner)
{
    char *id = made(one, path, inner);

    settle();
    return id;
}

static char *volume(int gib)
{
    AUTO_FREE char *inner = kn_asprintf("\"size\":%d,\"name\":\"v\",\"metadata\":{\"made\":\"%d\"}", gib, gib);

    return settled("volume", VOLUMES, inner);
}

static char *inner_of(const char *id, const char *more)
{
    return kn_asprintf("\"volume_id\":\"%s\"%s", id, more);
}

static char *backup_of(const char *id, const char *more)
{
    AUTO_FREE char *inner = inner_of(id, more);

    return made("backup", BACKUPS, inner);
}

static void refused(int status, const char *id, const char *more)
{
    AUTO_FREE char *inner = inner_of(id, more), *body = kn_asprintf("{\"backup\":{%s}}", inner);

    expect(status, "POST", BACKUPS, A, body);
}

static void ask_of(int status, const char *method, const char *collection, const char *id, const char *tail,
                   const char *headers, const char *body)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s%s", collection, id, tail);

    expect(status, method, path, headers, body);
}

static void expect_status(const char *collection, const char *one, const char *id, const char *wanted)
{
    ask_of(200, "GET", collection, id, "", A, NULL);
    kn_test_world_expect_member(&world, one, "status", wanted);
}

static void restore(int status, const char *id, const char *volume_id)
{
    AUTO_FREE char *body = volume_id != NULL ? kn_asprintf("{\"restore\":{\"volume_id\":\"%s\"}}", volume_id)
                                             : kn_strdup("{\"restore\":{\"name\":null,\"volume_id\":null}}");

    ask_of(status, "POST", BACKUPS, id, "/restore", A, body);
}

static int clean(void **state)
{
    (void)state;
    sql("DELETE FROM attachment; DELETE FROM volume; DELETE FROM volume_snapshot; TRUNCATE volume_backup; DELETE FROM quota_usage; "
        "DELETE FROM quota_limit; DELETE FROM task");
    return 0;
}

static void quota_is_true(void)
{
    assert_int_equal(
        count_of(
            "SELECT count(*) FROM quota_fact f FULL JOIN (SELECT * FROM quota_usage WHERE used <> 0) u USING (service, project_id, resource) "
            "WHERE service = 'volume' AND f.used IS DISTINCT FROM u.used"),
        0);
}

/* As Cinder refuses what is `backing-up`: nothing but its deletion by force, and what else is an administrator's. */
static void refused_while_read(const char *v)
{
    AUTO_FREE char *snapshot = kn_asprintf("{\"snapshot\":{\"volume_id\":\"%s\",\"force\":true}}", v),
                   *clone = kn_asprintf("{\"volume\":{\"source_volid\":\"%s\",\"size\":2}}", v);

    refused(400, v, "");
    assert_non_null(strstr(world.http.body.buf, "must be available or in-use, but the current status is"));
    refused(400, v, ",\"force\":true");
    expect(400, "POST", SNAPSHOTS, A, snapshot);
    assert_non_null(strstr(world.http.body.buf, "but current status is: backing-up."));
    expect(400, "POST", VOLUMES, A, clone);
    ask_of(400, "POST", VOLUMES, v, "/action", A, "{\"os-volume_upload_image\":{\"image_name\":\"i\"}}");
    ask_of(400, "POST", VOLUMES, v, "/action", A, "{\"os-retype\":{\"new_type\":\"file\"}}");
    ask_of(400, "POST", VOLUMES, v, "/action", A, "{\"os-extend\":{\"new_size\":3}}");
    ask_of(400, "POST", VOLUMES, v, "/action", A, "{\"os-update_readonly_flag\":{\"readonly\":true}}");
    assert_int_equal(count_of("SELECT (SELECT count(*) FROM volume) + (SELECT count(*) FROM volume_snapshot)"), 1);
}

static void test_life(void **state)
{
    AUTO_FREE char *v = volume(2),
                   *b = backup_of(v,
                                  ",\"name\":\"n\",\"description\":\"d\",\"container\":\"weekly\",\"metadata\":{\"k\":"
                                  "\"v\"},\"availability_zone\":\"nova\"");

    (void)state;
    expect_member("name", "\"n\"");
    expect_member("status", "absent"); /* as in Cinder: asked for by its id */
    assert_int_equal(count_of("SELECT count(*) FROM task WHERE kind = 'backup.create' AND state = 'run'"), 1);
    assert_int_equal(count_of(USED("backups")), 1);
    assert_int_equal(count_of(USED("backup_gigabytes")), 2);
    quota_is_true();
    ask_of(200, "GET", BACKUPS, b, "", A, NULL);
    expect_member("status", "\"creating\"");
    ask_of(400, "DELETE", BACKUPS, b, "", A, NULL);
    ask_of(400, "DELETE", VOLUMES, v, "", A, NULL); /* it is just being copied */
    expect_status(VOLUMES, "volume", v, "\"backing-up\"");
    refused_while_read(v);
    expect(200, "GET", VOLUMES "?status=available", A, NULL);
    assert_string_equal(world.http.body.buf, "{\"volumes\":[]}");
    restore(400, b, NULL);
    settle();
    ask_of(200, "GET", BACKUPS, b, "", A, NULL);
    expect_member("status", "\"available\"");
    expect_status(VOLUMES, "volume", v, "\"available\"");
    ask_of(200, "GET", BACKUPS, b, "", A, NULL);
    expect_member("size", "2");
    expect_member("object_count", "3");
    expect_member("container", "\"weekly\"");
    expect_member("is_incremental", "false");
    expect_member("has_dependent_backups", "false");
    expect_member("metadata", "{\"k\":\"v\"}");
    expect_member("fail_reason", "null");
    ask_of(200, "GET", BACKUPS, b, "", A_OLD, NULL);
    expect_member("metadata", "absent");
    expect_member("user_id", "absent");
    ask_of(404, "GET", BACKUPS, b, "", B, NULL);
    ask_of(404, "DELETE", BACKUPS, b, "", B, NULL);
    ask_of(404, "POST", BACKUPS, b, "/restore", B, "{\"restore\":{}}");
    ask_of(404, "PUT", BACKUPS, b, "", B, "{\"backup\":{\"name\":\"x\"}}");
    ask_of(404, "PUT", BACKUPS, b, "", A_OLD, "{\"backup\":{\"name\":\"x\"}}"); /* since 3.9 */
    ask_of(200, "PUT", BACKUPS, b, "", A, "{\"backup\":{\"name\":\"other\",\"metadata\":{\"a\":\"b\"}}}");
    expect(200, "GET", BACKUPS "/detail?name=other&with_count=true", A, NULL);
    assert_non_null(strstr(world.http.body.buf, "{\"a\": \"b\"}"));
    assert_non_null(strstr(world.http.body.buf, "\"count\":1"));
    expect(200, "GET", BACKUPS "?status=error", A, NULL);
    assert_string_equal(world.http.body.buf, "{\"backups\":[]}");
    expect(200, "GET", BACKUPS, B, NULL);
    assert_string_equal(world.http.body.buf, "{\"backups\":[]}");
    ask_of(202, "DELETE", VOLUMES, v, "", A, NULL); /* which its backup outlives */
    ask_of(202, "DELETE", BACKUPS, b, "", A, NULL);
    assert_int_equal(count_of("SELECT count(*) FROM task WHERE kind = 'backup.delete' AND state = 'run'"), 1);
    ask_of(400, "DELETE", BACKUPS, b, "", A, NULL);
    ask_of(403, "POST", BACKUPS, b, "/action", A, "{\"os-reset_status\":{\"status\":\"error\"}}");
    ask_of(202, "POST", BACKUPS, b, "/action", ADMIN, "{\"os-reset_status\":{\"status\":\"error\"}}");
    ask_of(400, "POST", BACKUPS, b, "/action", ADMIN, "{\"os-reset_status\":{\"status\":\"deleting\"}}");
    ask_of(403, "POST", BACKUPS, b, "/action", A, "{\"os-force_delete\":{}}");
    ask_of(202, "POST", BACKUPS, b, "/action", ADMIN, "{\"os-force_delete\":{}}");
}

static void test_chains(void **state)
{
    AUTO_FREE char *v = volume(1), *w = volume(1), *full = NULL, *more = NULL, *most = NULL;

    (void)state;
    refused(400, v, ",\"incremental\":true"); /* to nothing */
    full = backup_of(v, "");
    refused(400, v, ",\"incremental\":true"); /* it is not there yet */
    settle();
    refused(400, w, ",\"incremental\":true"); /* another volume's */
    more = backup_of(v, ",\"incremental\":true");
    settle();
    most = backup_of(v, ",\"incremental\":true");
    settle();
    ask_of(200, "GET", BACKUPS, more, "", A, NULL);
    expect_member("is_incremental", "true");
    expect_member("has_dependent_backups", "true");
    ask_of(400, "DELETE", BACKUPS, full, "", A, NULL);
    assert_non_null(strstr(world.http.body.buf, "Incremental backups exist for this backup."));
    ask_of(400, "POST", BACKUPS, more, "/action", ADMIN, "{\"os-force_delete\":{}}");
    ask_of(202, "DELETE", BACKUPS, most, "", A, NULL);
    ask_of(400, "DELETE", BACKUPS, more, "", A, NULL); /* until it is gone */
    sql("DELETE FROM volume_backup WHERE status = 'deleting'");
    ask_of(202, "DELETE", BACKUPS, more, "", A, NULL);
}

static void test_sources(void **state)
{
    AUTO_FREE char *v = volume(2), *w = volume(1), *of_v = inner_of(v, ""), *s = NULL, *b = NULL;

    (void)state;
    s = settled("snapshot", SNAPSHOTS, of_v);
    AUTO_FREE char *of_snapshot = kn_asprintf(",\"snapshot_id\":\"%s\"", s);
    refused(400, w, of_snapshot); /* not its own */
    sql("UPDATE volume SET status = 'in-use'");
    refused(400, v, "");
    assert_non_null(strstr(world.http.body.buf, "Backing up an in-use volume must use the force flag."));
    refused(400, v, ",\"force\":true");
    b = backup_of(v, of_snapshot); /* whatever becomes of the volume */
    ask_of(400, "DELETE", SNAPSHOTS, s, "", A, NULL);
    expect_status(SNAPSHOTS, "snapshot", s, "\"backing-up\"");
    AUTO_FREE char *clone = kn_asprintf("{\"volume\":{\"snapshot_id\":\"%s\",\"size\":2}}", s);
    refused(400, v, of_snapshot);
    assert_non_null(strstr(world.http.body.buf, "but the current status is \\\"backing-up\\\"."));
    expect(400, "POST", VOLUMES, A, clone);
    expect_status(VOLUMES, "volume", v, "\"in-use\"");
    AUTO_FREE char *revert = kn_asprintf("{\"revert\":{\"snapshot_id\":\"%s\"}}", s);
    sql("UPDATE volume SET status = 'available'");
    ask_of(400, "POST", VOLUMES, v, "/action", A, revert);
    assert_non_null(strstr(world.http.body.buf, "must be available to revert, but current status is: backing-up."));
    sql("UPDATE volume SET status = 'in-use'");
    settle();
    expect_status(SNAPSHOTS, "snapshot", s, "\"available\"");
    ask_of(200, "GET", BACKUPS, b, "", A, NULL);
    AUTO_FREE char *quoted = kn_asprintf("\"%s\"", s);
    expect_member("snapshot_id", quoted);
    ask_of(202, "DELETE", SNAPSHOTS, s, "", A, NULL);
    sql("UPDATE volume SET status = 'error'");
    refused(400, v, "");
    refused(404, ABSENT, "");
    refused(404, w, ",\"snapshot_id\":\"" ABSENT "\"");
}

#define SERVER "11111111-2222-4333-8444-555555555555"

/* What a server has is copied by a task of that server, and the backup waits; neither it nor its volume goes meanwhile. */
static void test_held(void **state)
{
    AUTO_FREE char *v = volume(1), *w = volume(1), *b = NULL;

    (void)state;
    sql("DELETE FROM server; INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, flavor, reservation_id) "
        "VALUES ('" SERVER "', 'aaaa', 'aaaa', 's', 's', 'active', '{}', 'r-1')");
    AUTO_FREE char *attached =
        kn_asprintf("INSERT INTO attachment (id, volume_id, server_id, status, device, connection) VALUES "
                    "('" ABSENT "', '%s', '" SERVER "', 'attached', '/dev/vdb', '{}'); "
                    "UPDATE volume SET status = 'in-use', backend = 'file' WHERE id = '%s'",
                    v, v);
    sql(attached);
    refused(400, v, "");
    b = backup_of(v, ",\"force\":true");
    assert_int_equal(count_of("SELECT count(*) FROM task WHERE kind = 'server.backup_volume' AND object_id = '" SERVER
                              "' AND state = 'run'"),
                     1);
    assert_int_equal(count_of("SELECT count(*) FROM task WHERE kind = 'backup.create'"), 0);
    quota_is_true();
    expect_status(VOLUMES, "volume", v, "\"backing-up\"");
    refused(400, v, ",\"force\":true,\"incremental\":true"); /* it is not there yet */
    ask_of(400, "POST", BACKUPS, b, "/action", ADMIN, "{\"os-force_delete\":{}}");
    sql("UPDATE task SET state = 'done'; UPDATE volume_backup SET copy = 'made'; DELETE FROM attachment; "
        "UPDATE volume SET status = 'available'"); /* what happens when it is copied */
    ask_of(400, "DELETE", VOLUMES, v, "", A, NULL);
    expect_status(VOLUMES, "volume", v, "\"available\"");
    ask_of(202, "POST", VOLUMES, v, "/action", A, "{\"os-extend\":{\"new_size\":2}}"); /* it is not read any more */
    ask_of(202, "POST", BACKUPS, b, "/action", ADMIN, "{\"os-force_delete\":{}}");
    assert_int_equal(count_of("SELECT count(*) FROM task WHERE kind = 'backup.delete' AND input->>'copied' = 'true'"),
                     1);
    sql("UPDATE server SET task_state = 'powering-off'; UPDATE volume SET status = 'in-use'");
    refused(400, w, ",\"force\":true"); /* no server of this cloud has it */
    sql("DELETE FROM server");
}

static void test_restores(void **state)
{
    AUTO_FREE char *v = volume(2), *small = volume(1), *large = volume(3), *b = backup_of(v, ""), *fresh = NULL;

    (void)state;
    settle();
    restore(202, b, NULL);
    AUTO_FREE char *made_of_it = kn_test_world_member(&world, "restore", "volume_id");
    fresh = kn_test_world_member(&world, "restore", "volume_name");
    AUTO_FREE char *named = kn_asprintf("\"restore_backup_%s\"", b);
    assert_string_equal(fresh, named);
    assert_int_equal(
        count_of(
            "SELECT count(*) FROM task WHERE kind = 'volume.create' AND state = 'run' AND input->>'from_backup' IS NOT NULL"),
        1);
    ask_of(200, "GET", BACKUPS, b, "", A, NULL);
    expect_member("status", "\"restoring\"");
    ask_of(400, "DELETE", BACKUPS, b, "", A, NULL); /* it is read */
    ask_of(400, "POST", BACKUPS, b, "/action", ADMIN, "{\"os-force_delete\":{}}");
    settle();
    AUTO_FREE char *its = kn_asprintf("%.36s", made_of_it + 1); /* without its quotes */
    ask_of(200, "GET", VOLUMES, its, "", A, NULL);
    kn_test_world_expect_member(&world, "volume", "metadata", "{\"made\":\"2\"}");
    restore(400, b, small);
    restore(404, b, ABSENT);
    restore(202, b, large);
    ask_of(200, "GET", VOLUMES, large, "", A, NULL);
    kn_test_world_expect_member(&world, "volume", "status", "\"restoring-backup\"");
    kn_test_world_expect_member(&world, "volume", "metadata", "{\"made\":\"2\"}");
    restore(400, b, large);
    ask_of(400, "DELETE", BACKUPS, b, "", A, NULL);
    restore(202, b, v); /* two at once may read it */
    settle();
    ask_of(200, "GET", BACKUPS, b, "", A, NULL);
    expect_member("status", "\"available\"");
    AUTO_FREE char *of_backup = kn_asprintf("{\"volume\":{\"backup_id\":\"%s\",\"size\":1}}", b),
                   *grown = kn_asprintf("\"backup_id\":\"%s\",\"size\":4", b);
    expect(400, "POST", VOLUMES, A, of_backup); /* too small */
    expect(404, "POST", VOLUMES, B, of_backup);
    AUTO_FREE char *one = settled("volume", VOLUMES, grown);
    ask_of(200, "GET", VOLUMES, one, "", A, NULL);
    kn_test_world_expect_member(&world, "volume", "size", "4");
    sql("UPDATE volume_backup SET status = 'error', manifest = NULL");
    restore(400, b, NULL);
    ask_of(400, "POST", BACKUPS, b, "/action", ADMIN, "{\"os-reset_status\":{\"status\":\"available\"}}");
    quota_is_true();
}

static void test_refused(void **state)
{
    static const char *const BODIES[] = {
        ",\"container\":\"..\"",     ",\"container\":\"a/b\"",
        ",\"container\":\"\"",       ",\"container\":7",
        ",\"incremental\":\"what\"", ",\"availability_zone\":\"elsewhere\"",
        ",\"metadata\":{\"k\":7}",   ",\"unknown\":1",
        ",\"snapshot_id\":\"x\"",    ",\"name\":[]",
    };
    AUTO_FREE char *v = volume(1), *b = NULL;

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BODIES); i++) {
        refused(400, v, BODIES[i]);
    }
    expect(400, "POST", BACKUPS, A, "{\"backup\":{}}");
    expect(400, "POST", BACKUPS, A, "{\"backup\":{\"volume_id\":\"x\"}}");
    sql("INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('volume', 'aaaa', 'backups', 0)");
    refused(413, v, "");
    sql("UPDATE quota_limit SET resource = 'backup_gigabytes'");
    refused(413, v, "");
    assert_int_equal(count_of("SELECT count(*) FROM volume_backup"), 0);
    assert_int_equal(count_of("SELECT count(*) FROM task WHERE kind LIKE 'backup%'"), 0);
    sql("DELETE FROM quota_limit");
    b = backup_of(v, "");
    settle();
    ask_of(400, "POST", BACKUPS, b, "/restore", A, "{}");
    ask_of(400, "POST", BACKUPS, b, "/restore", A, "{\"restore\":{\"volume_id\":\"x\"}}");
    ask_of(400, "POST", BACKUPS, b, "/restore", A, "{\"restore\":{\"size\":1}}");
    ask_of(400, "POST", BACKUPS, b, "/action", ADMIN, "{\"os-nothing\":{}}");
    ask_of(400, "PUT", BACKUPS, b, "", A, "{\"backup\":{}}");
    ask_of(400, "PUT", BACKUPS, b, "", A, "{\"backup\":{\"container\":\"c\"}}");
    expect(404, "GET", BACKUPS "/x", A, NULL);
    expect(404, "DELETE", BACKUPS "/" ABSENT, A, NULL);
}

/* --- records -------------------------------------------------------------------------------------------------------------- */

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define POSIX "cinder.backup.drivers.posix.PosixBackupDriver"

/* What an exported record says. */
static json_t *record_of(const char *id)
{
    ask_of(200, "GET", BACKUPS, id, "/export_record", ADMIN, NULL);
    AUTO_FREE char *quoted = kn_test_world_member(&world, "backup-record", "backup_url"),
                   *service = kn_test_world_member(&world, "backup-record", "backup_service");
    uint8_t text[8192];
    size_t len = 0;

    assert_string_equal(service, "\"" POSIX "\"");
    assert_int_equal(kn_base64_decode(quoted + 1, strlen(quoted) - 2, text, sizeof(text), &len), 0);
    json_t *record = json_loadb((const char *)text, len, 0, NULL);
    assert_non_null(record);
    return record;
}

static void import_text(int status, const char *service, const char *text, const char *headers)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf url = KN_STRBUF_INIT;

    kn_base64_add(&url, text, strlen(text));
    AUTO_FREE char *body = kn_asprintf("{\"backup-record\":{\"backup_service\":\"%s\",\"backup_url\":\"%s\"}}", service,
                                       url.buf);
    expect(status, "POST", BACKUPS "/import_record", headers, body);
}

/* The record with one more word, or another; value NULL: without it. */
static void import(int status, const json_t *record, const char *key, json_t *value)
{
    json_auto_t *other = json_deep_copy(record);

    if (value != NULL) {
        json_object_set_new(other, key, value);
    } else {
        json_object_del(other, key);
    }
    AUTO_FREE char *text = json_dumps(other, 0);
    import_text(status, POSIX, text, ADMIN);
}

/* A row that was lost is made again, a second one beside it has the same bytes; while a record is looked at, what it is of stays. */
static void test_records(void **state)
{
    AUTO_FREE char *v = volume(2), *b = backup_of(v, ",\"name\":\"n\",\"metadata\":{\"k\":\"v\"}"), *more = NULL;

    (void)state;
    ask_of(400, "GET", BACKUPS, b, "/export_record", ADMIN, NULL);
    assert_non_null(strstr(world.http.body.buf, "Backup status must be available and not creating."));
    settle();
    more = backup_of(v, ",\"incremental\":true");
    settle();
    sql("UPDATE volume_backup SET store = 'directory', manifest = '" SHA "'");
    ask_of(403, "GET", BACKUPS, b, "/export_record", A, NULL);
    ask_of(404, "GET", BACKUPS, ABSENT, "/export_record", ADMIN, NULL);
    json_auto_t *record = record_of(b), *child = record_of(more);
    import(400, record, "size", json_integer(2)); /* it is there */
    assert_non_null(strstr(world.http.body.buf, "Backup already exists in database."));
    import(201, record, "id", json_string(ABSENT));
    expect_member("name", "\"n\"");
    quota_is_true();
    ask_of(200, "GET", BACKUPS, ABSENT, "", ADMIN, NULL);
    expect_member("status", "\"creating\"");
    expect_member("metadata", "{\"k\":\"v\"}");
    ask_of(404, "GET", BACKUPS, ABSENT, "", A, NULL); /* it is who imported it's */
    assert_int_equal(
        count_of(
            "SELECT count(*) FROM task WHERE kind = 'backup.import' AND state = 'run' AND input->>'manifest' = '" SHA
            "'"),
        1);
    ask_of(202, "DELETE", BACKUPS, more, "", A, NULL);
    sql("DELETE FROM volume_backup WHERE status = 'deleting'");
    ask_of(400, "DELETE", BACKUPS, b, "", A, NULL); /* a record of it is just looked at */
    settle();
    ask_of(202, "DELETE", BACKUPS, b, "", A, NULL);
    import(400, record, "id", json_string(SERVER)); /* and what goes is not made again meanwhile */
    assert_non_null(strstr(world.http.body.buf, "just being deleted"));
    import(400, child, "size", json_integer(2)); /* what it builds on goes, too */
    import(201, child, "parent_id", json_string(ABSENT));
    sql("DELETE FROM volume_backup");
    import(400, child, "size", json_integer(2));
    assert_non_null(strstr(world.http.body.buf, "import it first"));
    import(201, record, "size", json_integer(2));
    import(400, child, "size", json_integer(2)); /* not yet */
    settle();
    import(400, child, "volume_id", json_string(SERVER)); /* no chain of another volume is locked by it */
    import(201, child, "size", json_integer(2));
}

static void test_bad_records(void **state)
{
    AUTO_FREE char *v = volume(1), *b = backup_of(v, "");
    const struct {
        const char *key;
        json_t *value;
    } BAD[] = {
        { "id", NULL },
        { "id", json_string("../x") },
        { "size", NULL },
        { "size", json_integer(0) },
        { "size", json_string("1") },
        { "container", json_string("..") },
        { "container", json_string("a/b") },
        { "service_metadata", NULL },
        { "service_metadata", json_string("..") },
        { "manifest", json_string("x") },
        { "manifest", NULL },
        { "format", json_string("other") },
        { "data_timestamp", json_string("yesterday") },
        { "data_timestamp", json_string("1969-12-31T23:59:59.999999") },
        { "data_timestamp", json_string("9999-12-31T23:59:59.999999-01:00") },
        { "volume_id", json_integer(7) },
        { "parent_id", json_string(ABSENT) },
        { "unknown", json_true() },
        { "metadata", json_pack("{s:i}", "k", 1) },
        { "volume_image_metadata", json_pack("{s:[]}", "k") },
        { "project_id", json_string("aaaa") },
    };

    (void)state;
    settle();
    sql("UPDATE volume_backup SET store = 'directory', manifest = '" SHA "'");
    json_auto_t *record = record_of(b);
    sql("DELETE FROM volume_backup; DELETE FROM volume; DELETE FROM quota_usage; DELETE FROM task");
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        import(400, record, BAD[i].key, BAD[i].value);
    }
    AUTO_FREE char *whole = json_dumps(record, 0);
    import_text(400, "cinder.backup.drivers.swift.SwiftBackupDriver", whole, ADMIN);
    import_text(400, POSIX, "[]", ADMIN);
    import_text(400, POSIX, "{\"id\":", ADMIN);
    assert_non_null(strstr(world.http.body.buf, "Can't parse backup record."));
    import_text(403, POSIX, whole, A);
    expect(400, "POST", BACKUPS "/import_record", ADMIN,
           "{\"backup-record\":{\"backup_service\":\"" POSIX "\",\"backup_url\":\"!\"}}");
    assert_non_null(strstr(world.http.body.buf, "Can't decode backup record."));
    expect(400, "POST", BACKUPS "/import_record", ADMIN, "{\"backup-record\":{\"backup_service\":\"" POSIX "\"}}");
    expect(400, "POST", BACKUPS "/import_record", ADMIN, "{}");
    sql("INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('volume', 'cccc', 'backup_gigabytes', 0)");
    import_text(413, POSIX, whole, ADMIN);
    assert_int_equal(count_of("SELECT count(*) FROM volume_backup"), 0);
    assert_int_equal(count_of("SELECT count(*) FROM task"), 0);
    quota_is_true();
}

static int start(void **state)
{
    (void)state;
    kn_test_world_start(&world, "backups", APIS);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    kn_test_world_stop(&world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_life, clean),    cmocka_unit_test_teardown(test_chains, clean),
        cmocka_unit_test_teardown(test_sources, clean), cmocka_unit_test_teardown(test_restores, clean),
        cmocka_unit_test_teardown(test_refused, clean), cmocka_unit_test_teardown(test_held, clean),
        cmocka_unit_test_teardown(test_records, clean), cmocka_unit_test_teardown(test_bad_records, clean),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
