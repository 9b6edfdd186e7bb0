/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit audited: each promise is broken by hand, in a copy of a small sound cloud, and exactly it is reported. A promise without a breaker
 * fails the test, so that none can be added that never trips.
 */
#include <stdio.h>

#include "conductor/audit/audit.h"
#include "identity/rows/nouns.h"
#include "lib/adapter/quota.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/server_state.h"
#include "tests/support/postgres.h"
#include "tests/support/sound_cloud.h"
#include "tests/support/test.h"

/* An open task of server A, in its shard; what is said of it last wins. */
#define TASK(object, columns, values) \
    "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id" columns \
    ") VALUES ('server.stop', :" object ", '" object "', 'p', 'u', 'r'" values ");"

#define SWAP \
    "UPDATE volume SET status = CASE id WHEN '" SPARE "' THEN 'attaching' ELSE 'detaching' END WHERE id IN ('" SPARE \
    "', '" VOLUME "'); " \
    "UPDATE attachment SET status = 'detaching'; INSERT INTO attachment (id, volume_id, server_id, status, device) " \
    "VALUES ('" SPARE "', '" SPARE "', '" A "', 'attaching', '/dev/vdb'); " \
    "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, input) VALUES ('server.swap_volume', :" A \
    ", '" A "', 'p', 'u', 'r', " \
    "'{\"volume\": \"" VOLUME "\", \"attachment\": \"" IMAGE "\", \"to\": \"" SPARE "\", \"to_attachment\": \"" SPARE \
    "\"}');"

struct breaker {
    const char *promise;
    const char *sql; /* :<uuid> stands for that object's shard */
};

/* clang-format off */
static const struct breaker BREAKERS[] = {
    { "1. a host's use is the sum of its allocations", "UPDATE host SET used_vcpus = 3 WHERE name = 'h'" },
    { "1. no host holds more than its capacity",
      "ALTER TABLE host DROP CONSTRAINT host_capacity; UPDATE host SET memory_mib = 100 WHERE name = 'h'" },
    { "2. no server in a transitional state without an open task", "UPDATE server SET task_state = 'rebooting' WHERE id = '" A "'" },
    { "2. no server in a transitional state without an open task",
      "UPDATE server SET vm_state = 'building', host = NULL WHERE id = '" E "';"
      "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id) VALUES ('server.fence', :" E ", '" E "', 'p', 'u', 'r')" },
    { "3. every server is in a state that there is", "UPDATE server SET vm_state = 'odd' WHERE id = '" E "'" },
    { "3. a server is deleted exactly when it has the time of it", "UPDATE server SET vm_state = 'deleted' WHERE id = '" E "'" },
    { "3. a server is deleted exactly when it has the time of it", "UPDATE server SET vm_state = 'error' WHERE id = '" GONE "'" },
    { "3. a guest's power is what its server's state says", "UPDATE server SET power_state = 4 WHERE id = '" A "'" },
    { "3. a guest's power is what its server's state says", "UPDATE server SET power_state = 9 WHERE id = '" E "'" },
    { "3. every running server has one host and its allocation there",
      "DELETE FROM allocation WHERE server_id = '" B "'; UPDATE host SET (used_vcpus, used_memory_mib, used_disk_gib, servers) = (1, 64, 1, 1) "
      "WHERE name = 'h'" },
    { "3. the servers of a group stand as its policy says", GROUP_OF("anti-affinity") },
    { "3. the servers of a group stand as its policy says", GROUP_OF("affinity") "UPDATE allocation SET host = 'other' WHERE server_id = '" B "'; "
      "UPDATE server SET host = 'other' WHERE id = '" B "'; UPDATE host SET (used_vcpus, used_memory_mib, used_disk_gib, servers) = (1, 64, 1, 1); "
      "UPDATE port_binding SET host = 'other' WHERE port_id = '" PORT_B "'" },
    { "3. a server in ERROR that has a host has its allocation", "UPDATE server SET host = 'h' WHERE id = '" E "'" },
    { "3. no allocation without a server that holds it",
      "INSERT INTO allocation (server_id, host, generation, vcpus, memory_mib, disk_gib) VALUES ('" E "', 'other', 1, 1, 64, 1);"
      "UPDATE host SET (used_vcpus, used_memory_mib, used_disk_gib, servers) = (1, 64, 1, 1) WHERE name = 'other'" },
    { "3. no allocation without a server that holds it", /* what a move left behind */
      "INSERT INTO allocation (server_id, role, host, generation, vcpus, memory_mib, disk_gib) VALUES ('" A "', 'dest', 'other', 2, 1, 64, 1);"
      "UPDATE host SET (used_vcpus, used_memory_mib, used_disk_gib, servers) = (used_vcpus + 1, used_memory_mib + 64, used_disk_gib + 1, servers + 1) WHERE name = 'other'" },
    { "3. an allocation is as large as its server's flavor",
      "UPDATE allocation SET vcpus = 2 WHERE server_id = '" A "'; UPDATE host SET used_vcpus = 3 WHERE name = 'h'" },
    { "3. an allocation is of its server's generation", "UPDATE allocation SET generation = 2 WHERE server_id = '" A "'" },
    { "3. what runs or ran was launched", "UPDATE server SET launched_at = NULL WHERE id = '" B "'" },
    { "3. a server is locked exactly when it is known by whom", "UPDATE server SET locked = true WHERE id = '" A "'" },
    { "3. a server is locked exactly when it is known by whom", "UPDATE server SET locked_by = 'admin' WHERE id = '" A "'" },
    { "6. quota usage is what exists", "UPDATE quota_usage SET used = 4 WHERE resource = 'cores'" },
    { "6. quota usage is what exists", "UPDATE quota_usage SET used = used + 1 WHERE resource = 'port'" },
    { "6. quota usage is what exists", "UPDATE quota_usage SET used = used - 1 WHERE resource = 'key_pairs'" },
    { "6. quota usage is what exists", "UPDATE quota_usage SET used = 3 WHERE resource = 'gigabytes'" },
    { "6. quota usage is what exists", "DELETE FROM quota_usage WHERE resource = 'image_size_total'" },
    { "6. quota usage is what exists", "INSERT INTO quota_usage VALUES ('compute', 'ghost', 'instances', 1)" },

#include "tests/it/audit_routers.def"
#include "tests/it/audit_ports.def"
#include "tests/it/audit_volumes.def"
#include "tests/it/audit_tasks.def"
    { "6. no project has more than its quota", "INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('compute', 'p', 'ram', 191)" },
    { "6. no project has more than its quota", "INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('compute', '', 'ram', 191)" },
    { "6. no project has more than its quota", "INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('volume', 'p', 'gigabytes', 1)" },
    { "6. no project has more than its quota", "INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('network', 'p', 'subnet', 0)" },
    { "6. no project has more than its quota", "INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('image', 'p', 'image_size_total', 0)" },
    { "6. everything belongs to a project that there is", "UPDATE network SET project_id = 'nobody'" },
    { "6. everything belongs to a project that there is", "UPDATE image SET owner = 'nobody'" },
    { "6. servers, volumes and key pairs belong to a user that there is, or was", "UPDATE server SET user_id = 'nobody' WHERE id = '" B "'" },
    { "6. servers, volumes and key pairs belong to a user that there is, or was", "UPDATE keypair SET user_id = 'nobody'" },
    { "6. key pairs go soon after their user",
      "INSERT INTO departed_user VALUES ('nobody', now() - interval '2 days'); UPDATE keypair SET user_id = 'nobody'" },
    { "7. passwords are argon2id hashes", "UPDATE identity_user SET password_hash = 'plain'" },
    { "7. no password, token or user data travels through a task", TASK(A, ", context", ", '{\"spec\": {\"user_data\": \"eA==\"}}'") },
    { "7. no password, token or user data travels through a task", TASK(A, ", input", ", '{\"adminPass\": \"x\"}'") },
    { "7. no password, token or user data travels through a task",
      TASK(A, ", context", ", '{\"body\": \"{\\\"admin_password\\\": \\\"x\\\"}\"}'") },
    { "7. no password, token or user data travels through a task", TASK(A, ", context", ", '{\"why\": \"kn1.AAAABBBBCCCCDDDDEEEE\"}'") },
    { "7. no password, token or user data travels through a task", TASK(A, ", context", ", '{\"why\": \"password=x\"}'") },
    { "7. no password, token or user data stands in a fault or in what is said of an import",
      "UPDATE server SET fault = '{\"details\": \"password=x\"}' WHERE id = '" E "'" },
    { "7. no password, token or user data stands in a fault or in what is said of an import",
      "INSERT INTO image_task (id, image_id, owner, user_id, request_id, input, status, message) VALUES "
      "('" SPARE "', '" IMAGE "', 'p', 'u', 'r', '{}', 'failure', 'kn1.AAAABBBBCCCCDDDDEEEE')" },
    { "8. no project stands below itself", "UPDATE project SET parent_id = 'below' WHERE id = 'p'" },
    { "7. a deleted server keeps no user data and no key", "UPDATE server SET user_data = 'eA==' WHERE id = '" GONE "'" },
    { "8. no enabled project stands below a disabled one", "UPDATE project SET enabled = false WHERE id = 'p'" },
};
/* clang-format on */

/* What a host says when all is well. */
#define GUEST_A \
    "{\"server\": \"" A "\", \"generation\": 1, \"power_state\": 1, \"volumes\": [\"" VOLUME "\"], \"taps\": []}"
#define GUEST_B "{\"server\": \"" B "\", \"generation\": 1, \"power_state\": 4, \"volumes\": [], \"taps\": []}"
#define TAPS "[\"tapcccccccc-00\", \"tapcccccccc-10\"]"
#define DIRS "[\"" A "\", \"" B "\"]"
#define HOST(domains, taps, dirs) "{\"h\": {\"domains\": [" domains "], \"taps\": " taps ", \"dirs\": " dirs "}}"

/* The same, and what it knows of networks (sound_cloud.h). */
#define KNOWING(version, kinds, broken) \
    "{\"h\": {\"domains\": [" GUEST_A ", " GUEST_B "], \"taps\": " TAPS ", \"dirs\": " DIRS \
    ", \"networks\": {\"version\": " version ", \"kinds\": [" kinds "], \"broken\": [" broken "]}}}"
#define KINDS \
    "{\"kind\": \"network\", \"count\": 1, \"ids\": 3149642683, \"macs\": 0}, " \
    "{\"kind\": \"port\", \"count\": 2, \"ids\": 6871947672, \"macs\": 2080374805}"

static const struct {
    const char *promise;
    const char *answers;
} HOSTS[] = {
    { "3. every server has its guest on its host, and no other host has one", HOST(GUEST_A, TAPS, DIRS) },
    { "3. every server has its guest on its host, and no other host has one",
      HOST(GUEST_A ", " GUEST_B ", {\"server\": \"" GONE "\", \"generation\": 1, \"power_state\": 1}", TAPS, DIRS) },
    { "3. every guest is of its server's generation",
      HOST(GUEST_A ", {\"server\": \"" B "\", \"generation\": 2, \"power_state\": 4}", TAPS, DIRS) },
    { "3. every guest has the power that its server's state says",
      HOST(GUEST_A ", {\"server\": \"" B "\", \"generation\": 1, \"power_state\": 1}", TAPS, DIRS) },
    { "4. every running guest has the taps of its ports", HOST(GUEST_A ", " GUEST_B, "[\"tapcccccccc-10\"]", DIRS) },
    { "4. every tap on a host belongs to a port bound there",
      HOST(GUEST_A ", " GUEST_B, "[\"tapcccccccc-00\", \"tapcccccccc-10\", \"tapdddddddd-00\"]", DIRS) },
    { "4. every host knows of networks what the rows say, and its kernel has it",
      KNOWING("7", "{\"kind\": \"network\", \"count\": 1, \"ids\": 3149642683, \"macs\": 0}", "") },
    { "4. every host knows of networks what the rows say, and its kernel has it", KNOWING("8", KINDS, "") },
    { "4. every host knows of networks what the rows say, and its kernel has it", KNOWING("7", KINDS, "\"" NET "\"") },
    { "5. every guest has its volumes and no other",
      HOST("{\"server\": \"" A "\", \"generation\": 1, \"power_state\": 1, \"volumes\": []}, " GUEST_B, TAPS, DIRS) },
    { "5. every guest has its volumes and no other",
      HOST(GUEST_A ", {\"server\": \"" B "\", \"generation\": 1, \"power_state\": 4, \"volumes\": [\"" VOLUME "\"]}",
           TAPS, DIRS) },
    { "5. every server directory on a host belongs to a server there",
      HOST(GUEST_A ", " GUEST_B, TAPS, "[\"" GONE "\"]") },
    { "6. the kernel of every host has the firewall that its networks' state wants",
      HOST(GUEST_A ", " GUEST_B, TAPS, DIRS ", \"firewall\": {\"wanted\": \"1a\", \"kernel\": \"1b\"}") },
    { "6. the kernel of every host has the firewall that its networks' state wants",
      HOST(GUEST_A ", " GUEST_B, TAPS, DIRS ", \"firewall\": {\"wanted\": \"1a\", \"kernel\": \"\"}") },
};

static struct kn_test_pg *pg;
static char *url;
static struct kn_db *db; /* of the cloud, which is sound whenever break_it() begins */

static int group_setup(void **state)
{
    struct kn_error err = { 0 };

    (void)state;
    pg = kn_test_pg_start(KN_TEST_PG_FAST);
    url = kn_test_pg_migrated(pg, "sound");
    db = kn_db_new(url, "test");
    return kn_db_script(db, sound_cloud, &err) < 0 || kn_db_script(db, sound_cloud_stores, &err) < 0 ||
                   kn_db_script(db, sound_cloud_keep, &err) < 0
               ? (fprintf(stderr, "%s\n", err.message), -1)
               : 0;
}

static int group_teardown(void **state)
{
    (void)state;
    kn_db_free(db);
    kn_test_pg_free(pg);
    free(url);
    return 0;
}

/* The sound cloud, broken by the statements; quota usage follows them unless it is what they break. */
static void break_it(const char *sql)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(db, sound_cloud_put_back, &err), &err);
    /* it may be minutes old */
    kn_strbuf_addf(&text, "UPDATE service SET last_seen = now(); UPDATE agent SET last_seen = now();");
    for (const char *p = sql; *p != '\0'; p++) {
        char id[KN_UUID_SIZE] = "";

        if (*p == ':') {
            kn_copy(id, sizeof(id), p + 1);
        }
        if (kn_uuid_valid(id)) {
            kn_strbuf_addf(&text, "%d", kn_shard_of(id));
            p += KN_UUID_SIZE - 1;
        } else {
            kn_strbuf_addf(&text, "%c", *p);
        }
    }
    if (strstr(sql, "quota_usage") == NULL) {
        kn_strbuf_addstr(
            &text,
            ";DELETE FROM quota_usage; INSERT INTO quota_usage SELECT service, project_id, resource, used FROM quota_fact");
    }
    assert_ok(kn_db_script(db, text.buf, &err), &err);
}

struct report {
    struct kn_conductor_audit audit;
    char *text;
    size_t size;
};

static void open_report(struct report *report)
{
    *report = (struct report){ .audit = { .db = db } };
    report->audit.out = open_memstream(&report->text, &report->size);
}

/* Exactly this promise is broken; NULL: none. */
static void assert_broken(struct report *report, const char *promise)
{
    AUTO_FREE char *line = promise == NULL ? NULL : kn_asprintf("BROKEN %s\n", promise);

    fclose(report->audit.out);
    if (report->audit.broken != (promise == NULL ? 0 : 1) || (line != NULL && strstr(report->text, line) == NULL)) {
        fail_msg("wanted: %s\n%s", promise == NULL ? "nothing" : promise, report->text);
    }
    assert_int_equal(kn_conductor_audit_verdict(&report->audit), promise == NULL ? 0 : 1);
    free(report->text);
}

static void audit_sql(const char *sql, const char *promise)
{
    struct report report;
    struct kn_error err = { 0 };

    break_it(sql);
    open_report(&report);
    assert_ok(kn_conductor_audit_database(&report.audit, &err), &err);
    assert_broken(&report, promise);
}

static void test_a_sound_cloud_is_sound(void **state)
{
    (void)state;
    audit_sql("", NULL);
}

static void test_each_promise_trips_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(BREAKERS); i++) {
        audit_sql(BREAKERS[i].sql, BREAKERS[i].promise);
    }
}

/* What is on its way is no breach: a server with a task, an old task that waits behind another or for a host that is down. */
static void test_what_moves_is_left_alone(void **state)
{
    static const char *const MOVING[] = {
        TASK(
            A, ", deadline",
            ", now() + interval '1 minute'") "UPDATE server SET task_state = 'powering-off', power_state = 4, host = NULL, nics = '[]' WHERE id = '" A
                                             "'",
        TASK(A, ", created_at", ", now() - interval '1 hour'") "UPDATE agent SET last_seen = now() - interval '1 hour'",
        TASK(
            A, ", created_at",
            ", now() - interval '1 hour'") "INSERT INTO service (id, binary_name, host, boot, last_seen) VALUES "
                                           "('kilonova-scheduler/x', 'kilonova-scheduler', 'x', 'b', now() - interval '1 hour')",
        TASK(A, ", context", ", '{\"output\": \"guest says password=x\"}'"),
        SWAP, /* two volumes of one device */
        "UPDATE shard SET owner = NULL, lease_until = '-infinity'",
        TASK(A, "", "") "UPDATE shard SET owner = NULL, lease_until = '-infinity'",
        "UPDATE shard SET owner = 'dead', lease_until = now() - interval '1 hour'",
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(MOVING); i++) {
        audit_sql(MOVING[i], NULL);
    }
}

static void audit_hosts(const char *sql, const char *answers, const char *promise)
{
    break_it(sql);
    json_t *parsed = json_loads(answers, 0, NULL);
    struct report report;
    struct kn_error err = { 0 };
    json_t *findings = kn_conductor_audit_compare(db, parsed, &err);

    assert_non_null(parsed);
    assert_non_null(findings);
    open_report(&report);
    for (size_t i = 0; kn_conductor_audit_host_promises[i] != NULL; i++) {
        kn_conductor_audit_say(&report.audit, kn_conductor_audit_host_promises[i], json_array_get(findings, i), NULL);
    }
    assert_broken(&report, promise);
    json_decref(findings);
    json_decref(parsed);
}

static void test_each_promise_about_hosts_trips_alone(void **state)
{
    (void)state;
    audit_hosts("", HOST(GUEST_A ", " GUEST_B, TAPS, DIRS), NULL);
    audit_hosts("", HOST(GUEST_A ", " GUEST_B, TAPS, DIRS ", \"firewall\": {\"wanted\": \"1a\", \"kernel\": \"1a\"}"),
                NULL);
    audit_hosts("", "{}", NULL);
    for (size_t i = 0; i < KN_COUNT(HOSTS); i++) {
        audit_hosts("", HOSTS[i].answers, HOSTS[i].promise);
    }
    /* A server that moves may have anything. */
    audit_hosts(TASK(B, "", ""), HOST(GUEST_A, "[\"tapcccccccc-00\"]", "[]"), NULL);
}

/* "0 broken" of a cloud whose agents are all silent was taken for good news. */
static void test_what_nobody_could_look_at_is_not_judged(void **state)
{
    struct report report;
    json_t *silent = json_pack("[s]", "the agent of host h is silent");
    json_t *finding = json_pack("[s]", "x");

    (void)state;
    open_report(&report);
    kn_conductor_audit_say(&report.audit, "one", NULL, NULL);
    assert_int_equal(kn_conductor_audit_verdict(&report.audit), 0);
    kn_conductor_audit_say(&report.audit, "two", NULL, silent);
    assert_int_equal(kn_conductor_audit_verdict(&report.audit), 2);
    kn_conductor_audit_say(&report.audit, "three", finding, silent);
    assert_int_equal(kn_conductor_audit_verdict(&report.audit), 1);
    fclose(report.audit.out);
    assert_non_null(strstr(report.text, "?      two\n         not judged: the agent of host h is silent\n"));
    assert_int_equal(report.audit.promises, 3);
    assert_int_equal(report.audit.broken, 1);
    assert_int_equal(report.audit.unjudged, 1);
    free(report.text);
    json_decref(silent);
    json_decref(finding);
}

static void test_secrets_in_logs_are_seen(void **state)
{
    static const char *const SECRET[] = { "why=\"{\\\"adminPass\\\": \\\"x\\\"}\"",
                                          "{\"password\": \"x\"}",
                                          "password=hunter2",
                                          "user_data=\"eA==\"",
                                          "got kn1.AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIIIIJJJJKKKK here",
                                          "-----BEGIN PRIVATE KEY-----",
                                          "body=\"{\\\\\\\"secret\\\\\\\": \\\\\\\"x\", \"userData=eA==",
                                          "hash $argon2id$v=19" };
    static const char *const FINE[] = { "password=***", "password authentication failed", "sasl.password = null",
                                        "token kn1.", "set password_hash = $1" };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(SECRET); i++) {
        assert_true(kn_conductor_audit_line_is_secret(SECRET[i]));
    }
    for (size_t i = 0; i < KN_COUNT(FINE); i++) {
        assert_false(kn_conductor_audit_line_is_secret(FINE[i]));
    }
}

static bool has_breaker(const char *promise)
{
    for (size_t i = 0; i < KN_COUNT(BREAKERS); i++) {
        if (strcmp(BREAKERS[i].promise, promise) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < KN_COUNT(HOSTS); i++) {
        if (strcmp(HOSTS[i].promise, promise) == 0) {
            return true;
        }
    }
    return false;
}

static void test_every_promise_has_a_breaker(void **state)
{
    (void)state;
    for (size_t t = 0; kn_conductor_promise_tables[t] != NULL; t++) {
        for (const struct kn_conductor_promise *p = kn_conductor_promise_tables[t]; p->promise != NULL; p++) {
            if (!has_breaker(p->promise)) {
                fail_msg("nothing breaks \"%s\"", p->promise);
            }
        }
    }
    for (size_t i = 0; kn_conductor_audit_host_promises[i] != NULL; i++) {
        if (!has_breaker(kn_conductor_audit_host_promises[i])) {
            fail_msg("nothing breaks \"%s\"", kn_conductor_audit_host_promises[i]);
        }
    }
}

/* The statement about power says what the state machine says, and the one about states knows exactly its states. */
static void test_power_and_states_are_the_state_machine_s(void **state)
{
    static const char *const STATES[] = { "active", "paused", "suspended", "stopped" };
    static const int POWERS[] = { KN_POWER_NONE,     KN_POWER_RUNNING, KN_POWER_PAUSED,
                                  KN_POWER_SHUTDOWN, KN_POWER_CRASHED, KN_POWER_SUSPENDED };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(STATES) * KN_COUNT(POWERS); i++) {
        const char *vm_state = STATES[i / KN_COUNT(POWERS)];
        const int power = POWERS[i % KN_COUNT(POWERS)];
        AUTO_FREE char *sql = kn_asprintf("UPDATE server SET vm_state = '%s', power_state = %d WHERE id = '" A "'",
                                          vm_state, power);

        audit_sql(sql, kn_server_state_seen(vm_state, power) == NULL
                           ? NULL
                           : "3. a guest's power is what its server's state says");
    }
}

static void put_limit(enum kn_quota quota, int64_t limit)
{
    const char *service = kn_quota_rows[quota].service;
    AUTO_RELEASE(kn_quota_set) struct kn_quota_set set = KN_QUOTA_SET_INIT;
    json_t *object = json_pack("{s:I}", kn_quota_rows[quota].name, (json_int_t)limit);
    struct kn_error err = { 0 };

    assert_ok(kn_quota_read(db, service, "p", &set, &err), &err);
    assert_ok(kn_quota_put(db, service, "p", &set, object, &err), &err);
    json_decref(object);
}

/* What an administrator may do breaks no promise: limits below what is there, set and reset, and users that go. What is made after that, does. */
static void test_what_is_lawful_is_no_breach(void **state)
{
    static const char LATER[] = "UPDATE quota_change SET at = now() - interval '1 day'";
    static const struct kn_route DELETE_USER = { .rule = KN_KEYSTONE_DELETE_USER };
    struct kn_request req = { .db = db, .route = &DELETE_USER };
    struct kn_error err = { 0 };
    struct report report;

    (void)state;
    break_it("");
    put_limit(KN_QUOTA_INSTANCES, 1);
    put_limit(KN_QUOTA_VOLUMES, 1);
    put_limit(KN_QUOTA_PORT, 1);
    assert_ok(kn_rest_delete(&kn_identity_user_noun, &req, "u", &err), &err);
    open_report(&report);
    assert_ok(kn_conductor_audit_database(&report.audit, &err), &err);
    assert_broken(&report, NULL);
    assert_ok(kn_quota_reset(db, "compute", "p", &err), &err);
    assert_ok(kn_quota_reset(db, "volume", "p", &err), &err);
    assert_ok(kn_db_script(db, LATER, &err), &err);
    open_report(&report);
    assert_ok(kn_conductor_audit_database(&report.audit, &err), &err);
    assert_broken(&report, "6. no project has more than its quota");
}

/* The defaults in the audit's statements are those that the services enforce: the limit passes, one more does not. */
static void test_default_quotas_are_the_services(void **state)
{
    const struct {
        const char *sql;
        int64_t limit;
        const char *promise;
    } quotas[] = {
        { "UPDATE server SET flavor = jsonb_set(flavor, '{memory_mib}', ((%lld - 128)::text)::jsonb) WHERE id = '" E
          "';"
          "UPDATE quota_usage SET used = %lld WHERE resource = 'ram'",
          kn_quota_rows[KN_QUOTA_RAM].dflt, "6. no project has more than its quota" },
        { "UPDATE server SET flavor = jsonb_set(flavor, '{vcpus}', ((%lld - 2)::text)::jsonb) WHERE id = '" E "';"
          "UPDATE quota_usage SET used = %lld WHERE resource = 'cores'",
          kn_quota_rows[KN_QUOTA_CORES].dflt, "6. no project has more than its quota" },
        { "UPDATE volume SET size_gib = %lld - 1 WHERE id = '" SPARE
          "'; UPDATE quota_usage SET used = %lld WHERE resource LIKE 'gigabytes%%'",
          kn_quota_rows[KN_QUOTA_GIGABYTES].dflt, "6. no project has more than its quota" },
        { "INSERT INTO port (id, network_id, project_id, mac) SELECT gen_random_uuid(), '" NET "', 'p', "
          "('fb:00:00:00:' || lpad(to_hex(n / 256), 2, '0') || ':' || lpad(to_hex(n %% 256), 2, '0'))::macaddr FROM generate_series(3, %lld) n; "
          "UPDATE quota_usage SET used = %lld WHERE resource = 'port'",
          kn_quota_rows[KN_QUOTA_PORT].dflt, "6. no project has more than its quota" },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(quotas); i++) {
        const long long limit = quotas[i].limit;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        AUTO_FREE char *full = kn_asprintf(quotas[i].sql, limit, limit);
        AUTO_FREE char *over = kn_asprintf(quotas[i].sql, limit + 1, limit + 1);
#pragma GCC diagnostic pop

        audit_sql(full, NULL);
        audit_sql(over, quotas[i].promise);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sound_cloud_is_sound),
        cmocka_unit_test(test_each_promise_trips_alone),
        cmocka_unit_test(test_what_moves_is_left_alone),
        cmocka_unit_test(test_each_promise_about_hosts_trips_alone),
        cmocka_unit_test(test_what_nobody_could_look_at_is_not_judged),
        cmocka_unit_test(test_secrets_in_logs_are_seen),
        cmocka_unit_test(test_every_promise_has_a_breaker),
        cmocka_unit_test(test_power_and_states_are_the_state_machine_s),
        cmocka_unit_test(test_what_is_lawful_is_no_breach),
        cmocka_unit_test(test_default_quotas_are_the_services),
    };

    return cmocka_run_group_tests_name("audit", tests, group_setup, group_teardown);
}
