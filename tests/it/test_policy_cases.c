/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rules decide inside requests: fields that are shown or may be written, filters, other projects' things. Each such rule of
 * lib/domain/policy.def has at least one question here, asked over the real door and the real handlers by each role of a project; the answer is
 * held against docs/policy.md. A rule without a question fails the test. And what is others' is named in the path of every route that has such
 * things. (tests/it/test_policy_walk.c asks the routes at the door.)
 */
#include <stdio.h>
#include <string.h>

#include "api/mounts.h"
#include "lib/base/mem.h"
#include "tests/support/compute_seed.h"
#include "tests/support/matrix.h"
#include "tests/support/postgres.h"
#include "tests/support/test.h"

#define NOVA "/compute/v2.1"
#define CINDER "/volume/v3"
#define NEUTRON "/network/v2.0"
#define GLANCE "/image/v2"
#define KEYSTONE "/identity/v3"

#define MINE "77777777-7777-4777-8777-000000000001"
#define FAULTY "77777777-7777-4777-8777-000000000002" /* locked by an administrator */
#define FOREIGN "77777777-7777-4777-8777-000000000004"
#define VOLUME "88888888-8888-4888-8888-000000000001"
#define VOLUME_IN_USE "88888888-8888-4888-8888-000000000002"
#define VOLUME_FOREIGN "88888888-8888-4888-8888-000000000003"
#define TYPE_SECRET "88888888-8888-4888-8888-000000000004"
#define TYPE_OPEN "00000000-0000-0000-0000-000000000000"
#define POOL_MINE "33333333-3333-4333-8333-00000000000a"
#define SCOPE_MINE "33333333-3333-4333-8333-00000000000b"
#define RBAC_MINE "33333333-3333-4333-8333-00000000000c"
#define RBAC_FOREIGN "33333333-3333-4333-8333-00000000000d"
#define PORT_FOREIGN "33333333-3333-4333-8333-000000000001"
#define GROUP_TYPE "99999999-9999-4999-8999-300000000001" /* private */
#define GROUP "99999999-9999-4999-8999-300000000002"
#define GROUP_FOREIGN "99999999-9999-4999-8999-300000000003"
#define KEPT "99999999-9999-4999-8999-300000000004"
#define KEPT_FOREIGN "99999999-9999-4999-8999-300000000005"
#define TRANSFER_FOREIGN "99999999-9999-4999-8999-200000000002"
#define SNAPSHOT "99999999-9999-4999-8999-100000000001"
#define BACKUP "99999999-9999-4999-8999-200000000001"
#define BACKUP_FOREIGN "99999999-9999-4999-8999-200000000002"
#define SNAPSHOT_FOREIGN "99999999-9999-4999-8999-100000000002"
#define PORT_GUEST "33333333-3333-4333-8333-000000000002" /* mine, on a network of others */
#define IMAGE_OFF "11111111-1111-4111-8111-000000000001"
#define IMAGE_SHARED "11111111-1111-4111-8111-000000000002"
#define IMAGE_MINE "11111111-1111-4111-8111-000000000003"
#define FLAVOR \
    "{\"id\": \"1\", \"name\": \"m1.tiny\", \"vcpus\": 1, \"memory_mib\": 512, \"disk_gib\": 1, \"ephemeral_gib\": 0, \"swap_mib\": 0, \"extra_specs\": {}}"

static const char SERVERS[] = KN_TEST_EMPTY(
    "volume_snapshot, volume_backup, volume_type_project, image_member, metadef_namespace") "DELETE FROM volume_type WHERE id = '" TYPE_SECRET
                                                                                            "';"
                                                                                            "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, power_state, host, flavor, image_id, reservation_id, launched_at) VALUES "
                                                                                            "('" MINE
                                                                                            "', '" SEED_PROJECT
                                                                                            "', '" SEED_PROJECT
                                                                                            "', 'mine', 'mine', 'active', 1, 'h1', '" FLAVOR
                                                                                            "', '" SEED_IMAGE
                                                                                            "', 'r-1', now()),"
                                                                                            "('" FOREIGN
                                                                                            "', '" SEED_OTHER
                                                                                            "', '" SEED_OTHER
                                                                                            "', 'theirs', 'theirs', 'active', 1, 'h1', '" FLAVOR
                                                                                            "', '" SEED_IMAGE
                                                                                            "', 'r-2', now());"
                                                                                            "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, flavor, reservation_id, locked, locked_by, fault, launched_at) VALUES "
                                                                                            "('" FAULTY
                                                                                            "', '" SEED_PROJECT
                                                                                            "', '" SEED_PROJECT
                                                                                            "', 'faulty', 'faulty', 'error', '" FLAVOR
                                                                                            "', 'r-3', true, 'admin', "
                                                                                            "'{\"code\": 500, \"message\": \"h1 said it\", \"public\": \"It failed.\", \"created\": \"2026-11-21T11:00:01Z\", \"details\": \"why\"}', now());"
                                                                                            "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, state, finished_at) VALUES "
                                                                                            "('server.stop', 0, '" MINE
                                                                                            "', '" SEED_PROJECT
                                                                                            "', '" SEED_PROJECT
                                                                                            "', 'req-events', 'failed', now());"
                                                                                            "UPDATE task SET steps = '[{\"name\": \"server.stop\", \"state\": \"failed\", \"began_us\": 1764430000000000, \"ended_us\": 1764430001000000, "
                                                                                            "\"host\": \"h1\", \"error\": {\"code\": \"KN_INTERNAL\", \"message\": \"h1 said it\"}}]' WHERE request_id = 'req-events';";
static const char GROUPS[] = KN_TEST_EMPTY(
    "volume_group, volume_group_type") "INSERT INTO volume_group_type (id, name, is_public) VALUES ('" GROUP_TYPE
                                       "', 'secret', false);"
                                       "INSERT INTO volume_group (id, project_id, user_id, group_type_id, zone, status) VALUES ('" GROUP
                                       "', '" SEED_PROJECT "', 'u', '" GROUP_TYPE
                                       "', 'nova', 'available'), ('" GROUP_FOREIGN "', '" SEED_OTHER
                                       "', 'u', '" GROUP_TYPE "', 'nova', 'available');"
                                       "INSERT INTO volume_group_snapshot (id, group_id, group_type_id, project_id, user_id, status) SELECT k::uuid, id, group_type_id, project_id, 'u', 'available' FROM volume_group JOIN (VALUES ('" GROUP
                                       "', '" KEPT "'), ('" GROUP_FOREIGN "', '" KEPT_FOREIGN
                                       "')) x (g, k) ON g::uuid = id;";
static const char OTHERS[] =
    "INSERT INTO volume (id, project_id, user_id, size_gib, status) VALUES ('" VOLUME "', '" SEED_PROJECT
    "', 'u', 1, 'available'), "
    "('" VOLUME_IN_USE "', '" SEED_PROJECT "', 'u', 1, 'in-use'), ('" VOLUME_FOREIGN "', '" SEED_OTHER
    "', 'u', 1, 'in-use');"
    "INSERT INTO volume_snapshot (id, volume_id, project_id, user_id, size_gib, status, type_id) SELECT '" SNAPSHOT
    "', id, project_id, 'u', 1, 'available', type_id FROM volume WHERE id = '" VOLUME_IN_USE "';"
    "INSERT INTO volume_snapshot (id, volume_id, project_id, user_id, size_gib, status, type_id) SELECT '" SNAPSHOT_FOREIGN
    "', id, project_id, 'u', 1, 'available', type_id FROM volume WHERE id = '" VOLUME_FOREIGN "';"
    "INSERT INTO volume_backup (id, volume_id, project_id, user_id, size_gib, status, zone, container, manifest, data_timestamp) SELECT b::uuid, id, project_id, 'u', 1, "
    "'available', 'nova', 'c', 'm', now() FROM volume JOIN (VALUES ('" VOLUME_IN_USE "', '" BACKUP
    "'), ('" VOLUME_FOREIGN "', '" BACKUP_FOREIGN "')) x (v, b) ON v::uuid = id;"
    "INSERT INTO attachment (id, volume_id, server_id, status, device) VALUES "
    "('88888888-8888-4888-8888-100000000001', '" VOLUME_IN_USE "', '" MINE "', 'attached', '/dev/vdb'), "
    "('88888888-8888-4888-8888-100000000002', '" VOLUME_FOREIGN "', '" FOREIGN "', 'attached', '/dev/vdb');"
    "INSERT INTO volume_transfer (id, volume_id, source_project_id, key_hash) VALUES (gen_random_uuid(), '" VOLUME_IN_USE
    "', '" SEED_PROJECT "', 'x'), ('" TRANSFER_FOREIGN "', '" VOLUME_FOREIGN "', '" SEED_OTHER "', 'x');"
    "INSERT INTO volume_type (id, name, is_public, extra_specs) VALUES ('" TYPE_SECRET
    "', 'secret', false, '{\"volume_backend_name\": \"file\"}');"
    "DELETE FROM subnet_pool; DELETE FROM address_scope;"
    "INSERT INTO subnet_pool (id, project_id, ip_version, prefixes, default_prefixlen, min_prefixlen, max_prefixlen) VALUES ('" POOL_MINE
    "', '" SEED_PROJECT "', 4, '{10.0.0.0/8}', 8, 8, 32);"
    "INSERT INTO address_scope (id, project_id, ip_version) VALUES ('" SCOPE_MINE "', '" SEED_PROJECT "', 4);"
    "INSERT INTO rbac_policy (id, project_id, object_type, object_id, action, target) VALUES ('" RBAC_MINE
    "', '" SEED_PROJECT "', 'subnetpool', '" POOL_MINE "', 'access_as_shared', 'x'), ('" RBAC_FOREIGN "', '" SEED_OTHER
    "', 'network', '" SEED_NETWORK_FOREIGN "', 'access_as_external', 'x');"
    "INSERT INTO port (id, network_id, project_id, mac, device_id) VALUES "
    "('" PORT_FOREIGN "', '" SEED_NETWORK_FOREIGN "', '" SEED_OTHER "', 'fa:16:3e:00:00:11', ''),"
    "('" PORT_GUEST "', '" SEED_NETWORK_FOREIGN "', '" SEED_PROJECT "', 'fa:16:3e:00:00:12', '');"
    "INSERT INTO image (id, owner, name, status, visibility) VALUES ('" IMAGE_OFF
    "', 'x', 'off', 'deactivated', 'public'), "
    "('" IMAGE_SHARED "', 'x', 'shared', 'queued', 'shared'), ('" IMAGE_MINE "', '" SEED_PROJECT
    "', 'mine', 'queued', 'private');"
    "INSERT INTO image_member (image_id, member, status) VALUES ('" IMAGE_SHARED "', '" SEED_PROJECT
    "', 'accepted'), ('" IMAGE_SHARED "', 'y', 'pending');"
    "INSERT INTO metadef_namespace (namespace, owner, visibility) VALUES ('theirs', 'x', 'private');"
    "UPDATE agent SET last_seen = now();";

struct question {
    enum kn_rule rule;
    bool is_own;          /* it is about what is the caller's own */
    enum kn_rule route;   /* the rule of the route, which may refuse first; KN_RULE_NONE: the same */
    int granted, refused; /* statuses */
    int minor;
    const char *method, *path, *body;
    const char *at; /* a member that is there for whom it is granted, and for nobody else; "!…": the other way round */
    const char *sql; /* before it */
};

#define ROUTER "55555555-5555-4555-8555-0000000000aa"
/* The network of others is everybody's. */
#define LET(action) \
    "INSERT INTO rbac_policy (id, project_id, object_type, object_id, action, target) VALUES (gen_random_uuid(), '" SEED_OTHER \
    "', 'network', '" SEED_NETWORK_FOREIGN "', '" action "', '*');"
#define OUTSIDE LET("access_as_external")
#define ROUTED "INSERT INTO router (id, project_id) VALUES ('" ROUTER "', '" SEED_PROJECT "');"
#define GATEWAY(more) \
    "{\"router\": {\"external_gateway_info\": {\"network_id\": \"" SEED_NETWORK_FOREIGN "\", " more "}}}"
#define SHARED LET("access_as_shared")
#define GROUP_ASKS(rule, granted, refused, since, body) \
    { \
        rule, true, KN_CINDER_GROUP_ACTION, granted, refused, since, "POST", CINDER "/groups/" GROUP "/action", body, \
            NULL, NULL \
    }
#define TYPE_PUBLIC "UPDATE volume_type SET is_public = true WHERE id = '" TYPE_SECRET "';"
/* Whoever asks finds a group of that name in his own project. */
#define ITS_GROUPS \
    "INSERT INTO security_group (id, project_id, name) SELECT gen_random_uuid(), p, n FROM unnest('{" SEED_PROJECT \
    "," SEED_OTHER ",cccccccccccccccccccccccccccccccc}'::text[]) p, unnest('{more,its}'::text[]) n;" \
    "INSERT INTO port (id, network_id, project_id, mac, device_id, nic) VALUES ('33333333-3333-4333-8333-00000000000b', '" SEED_NETWORK \
    "', '" SEED_PROJECT "', 'fa:16:3e:00:00:0b', '" MINE "', 0);" \
    "INSERT INTO address (subnet_id, ip, port_id) VALUES ('44444444-4444-4444-8444-111111111111', '10.0.0.79', " \
    "'33333333-3333-4333-8333-00000000000b');" \
    "INSERT INTO port_security_group SELECT '33333333-3333-4333-8333-00000000000b', id FROM security_group WHERE name = 'its';"
#define ACTION_AS(rule, status, body, sql) \
    { \
        rule, true, KN_NOVA_SERVER_ACTION, status, 403, 0, "POST", NOVA "/servers/" MINE "/action", body, NULL, sql \
    }
#define ACTION(rule, body, sql) ACTION_AS(rule, 202, body, sql)
#define VOLUME_ACTION(rule, status, since, body) \
    { \
        rule, true, KN_CINDER_ACTION, status, 403, since, "POST", CINDER "/volumes/" VOLUME "/action", body, NULL, \
            NULL \
    }
#define NEW_PORT(network, more) "{\"port\": {\"network_id\": \"" network "\", " more "}}"

static const struct question QUESTIONS[] = {
    { KN_NOVA_FLAVORS, false, 0, 200, 404, 0, "GET", NOVA "/flavors/2", NULL, NULL, NULL },
    { KN_NOVA_FLAVORS, false, 0, 200, 200, 0, "GET", NOVA "/flavors?is_public=false", NULL, "!flavors.1", NULL },
    { KN_NOVA_FLAVOR_ACCESS_ADD, false, 0, 200, 403, 0, "POST", NOVA "/flavors/2/action",
      "{\"addTenantAccess\": {\"tenant\": \"" SEED_OTHER "\"}}", NULL, NULL },
    { KN_NOVA_FLAVOR_ACCESS_REMOVE, false, 0, 200, 403, 0, "POST", NOVA "/flavors/2/action",
      "{\"removeTenantAccess\": {\"tenant\": \"" SEED_OTHER "\"}}", NULL,
      "INSERT INTO flavor_access (flavor_id, project_id) VALUES ('2', '" SEED_OTHER "');" },
    { KN_NOVA_AGGREGATE_ADD_HOST, false, KN_NOVA_AGGREGATE_ACTION, 404, 403, 0, "POST", NOVA "/os-aggregates/9/action",
      "{\"add_host\": {\"host\": \"h1\"}}", NULL, NULL },
    { KN_NOVA_AGGREGATE_REMOVE_HOST, false, KN_NOVA_AGGREGATE_ACTION, 404, 403, 0, "POST",
      NOVA "/os-aggregates/9/action", "{\"remove_host\": {\"host\": \"h1\"}}", NULL, NULL },
    { KN_NOVA_AGGREGATE_SET_METADATA, false, KN_NOVA_AGGREGATE_ACTION, 404, 403, 0, "POST",
      NOVA "/os-aggregates/9/action", "{\"set_metadata\": {\"metadata\": {}}}", NULL, NULL },
    { KN_NOVA_KEYPAIRS, false, 0, 200, 403, 10, "GET", NOVA "/os-keypairs?user_id=somebody", NULL, NULL, NULL },
    { KN_NOVA_SERVERS_ALL, false, KN_NOVA_SERVERS, 200, 403, 0, "GET", NOVA "/servers?all_tenants=1", NULL, NULL,
      NULL },
    { KN_NOVA_SERVERS_ALL, false, KN_NOVA_SERVERS, 200, 400, 0, "GET", NOVA "/servers?marker=" FOREIGN, NULL, NULL,
      NULL },
    { KN_NOVA_SERVERS_DETAIL_ALL, false, KN_NOVA_SERVERS_DETAIL, 200, 403, 0, "GET",
      NOVA "/servers/detail?all_tenants=1", NULL, NULL, NULL },
    { KN_NOVA_GROUPS_ALL, false, KN_NOVA_GROUPS, 200, 403, 0, "GET", NOVA "/os-server-groups?all_projects", NULL, NULL,
      NULL },
    { KN_NOVA_SERVERS_FILTERS, false, KN_NOVA_SERVERS, 200, 200, 0, "GET", NOVA "/servers?host=nowhere", NULL,
      "!servers.0", NULL },
    { KN_NOVA_SERVERS_DELETED, false, KN_NOVA_SERVERS, 200, 403, 0, "GET", NOVA "/servers?status=deleted", NULL, NULL,
      NULL },
    { KN_NOVA_SERVERS_SORT_HOST, false, KN_NOVA_SERVERS, 200, 403, 0, "GET", NOVA "/servers?sort_key=host", NULL, NULL,
      NULL },
    { KN_NOVA_SERVER_SHOW, false, 0, 200, 404, 0, "GET", NOVA "/servers/" FOREIGN, NULL, NULL, NULL },
    { KN_NOVA_SERVER_SHOW, true, 0, 200, 404, 0, "GET", NOVA "/servers/" MINE, NULL, NULL, NULL },
    { KN_NOVA_SERVER_ATTRIBUTES, false, KN_NOVA_SERVER_SHOW, 200, 200, 0, "GET", NOVA "/servers/" MINE, NULL,
      "server.OS-EXT-SRV-ATTR:host", NULL },
    { KN_NOVA_SERVER_ATTRIBUTES, false, KN_NOVA_SERVER_SHOW, 200, 200, 3, "GET", NOVA "/servers/" MINE, NULL,
      "server.OS-EXT-SRV-ATTR:hostname", NULL },
    { KN_NOVA_SERVER_HOST_STATUS, false, KN_NOVA_SERVER_SHOW, 200, 200, 16, "GET", NOVA "/servers/" MINE, NULL,
      "server.host_status", NULL },
    { KN_NOVA_SERVER_FAULT, false, KN_NOVA_SERVER_SHOW, 200, 200, 0, "GET", NOVA "/servers/" FAULTY, NULL,
      "server.fault.details", NULL },
    { KN_NOVA_SERVER_FORCED_HOST, false, KN_NOVA_SERVER_CREATE, 202, 403, 37, "POST", NOVA "/servers",
      "{\"server\": {\"name\": \"n\", \"flavorRef\": \"1\", \"imageRef\": \"" SEED_IMAGE
      "\", \"networks\": \"none\", \"availability_zone\": \"nova:h1\"}}",
      NULL, NULL },
    { KN_NOVA_SERVER_ACTION, false, 0, 202, 404, 0, "POST", NOVA "/servers/" FOREIGN "/action", "{\"lock\": null}",
      NULL, NULL },
#include "tests/it/policy_actions.def"
    { KN_NOVA_SERVER_UNLOCK_OVERRIDE, false, KN_NOVA_SERVER_ACTION, 202, 403, 0, "POST",
      NOVA "/servers/" FAULTY "/action", "{\"unlock\": null}", NULL, NULL },
    { KN_NOVA_SERVER_LOCKED, false, KN_NOVA_SERVER_DELETE, 204, 409, 0, "DELETE", NOVA "/servers/" FAULTY, NULL, NULL,
      NULL },
    { KN_NOVA_SERVER_CONSOLE, true, KN_NOVA_SERVER_ACTION, 409, 403, 0, "POST", NOVA "/servers/" FAULTY "/action",
      "{\"os-getConsoleOutput\": {}}", NULL, NULL },
    { KN_NOVA_SERVER_REMOTE_CONSOLES, true, KN_NOVA_SERVER_ACTION, 409, 403, 0, "POST",
      NOVA "/servers/" FAULTY "/action", "{\"os-getVNCConsole\": {\"type\": \"novnc\"}}", NULL, NULL },
    { KN_NOVA_SERVER_CRASH_DUMP, true, KN_NOVA_SERVER_ACTION, 202, 403, 17, "POST", NOVA "/servers/" MINE "/action",
      "{\"trigger_crash_dump\": null}", NULL, NULL },
    { KN_NOVA_SERVER_CHANGE_PASSWORD, true, KN_NOVA_SERVER_ACTION, 409, 403, 0, "POST",
      NOVA "/servers/" FAULTY "/action", "{\"changePassword\": {\"adminPass\": \"x\"}}", NULL, NULL },
    { KN_NOVA_SERVER_RESTORE, true, KN_NOVA_SERVER_ACTION, 409, 403, 0, "POST", NOVA "/servers/" MINE "/action",
      "{\"restore\": null}", NULL, NULL },
    { KN_NOVA_SERVER_INJECT_NETWORK, false, KN_NOVA_SERVER_ACTION, 202, 403, 0, "POST", NOVA "/servers/" MINE "/action",
      "{\"injectNetworkInfo\": null}", NULL, NULL },
    { KN_NOVA_SERVER_RESET, false, KN_NOVA_SERVER_ACTION, 202, 403, 0, "POST", NOVA "/servers/" MINE "/action",
      "{\"os-resetState\": {\"state\": \"active\"}}", NULL, NULL },
    { KN_NOVA_SERVER_EVENTS, false, KN_NOVA_SERVER_HISTORY_SHOW, 200, 200, 21, "GET",
      NOVA "/servers/" MINE "/os-instance-actions/req-events", NULL, "instanceAction.events", NULL },
    { KN_NOVA_SERVER_EVENTS, false, KN_NOVA_SERVER_HISTORY_SHOW, 200, 200, 51, "GET",
      NOVA "/servers/" MINE "/os-instance-actions/req-events", NULL, "instanceAction.events.0.traceback", NULL },
    { KN_NOVA_SERVER_EVENT_DETAILS, false, KN_NOVA_SERVER_HISTORY_SHOW, 200, 200, 84, "GET",
      NOVA "/servers/" MINE "/os-instance-actions/req-events", NULL, "instanceAction.events.0.host", NULL },
    { KN_NOVA_SERVER_VOLUME_SWAP, false, KN_NOVA_SERVER_VOLUME_UPDATE, 202, 403, 0, "PUT",
      NOVA "/servers/" MINE "/os-volume_attachments/" VOLUME_IN_USE,
      "{\"volumeAttachment\": {\"volumeId\": \"" VOLUME "\"}}", NULL, NULL },
    { KN_NOVA_QUOTA, false, 0, 200, 403, 0, "GET", NOVA "/os-quota-sets/" SEED_OTHER, NULL, NULL, NULL },
    { KN_NOVA_QUOTA, true, 0, 200, 403, 0, "GET", NOVA "/os-quota-sets/" SEED_PROJECT, NULL, NULL, NULL },
    { KN_NOVA_LIMITS_OTHER, false, KN_NOVA_LIMITS, 200, 403, 0, "GET", NOVA "/limits?tenant_id=" SEED_OTHER, NULL, NULL,
      NULL },
    { KN_NOVA_NETWORKS_ALL, false, KN_NOVA_NETWORK, 200, 200, 0, "GET", NOVA "/os-networks/" SEED_NETWORK, NULL,
      "network.mtu", SHARED },

#include "tests/it/policy_cases_volume.def"
#include "tests/it/policy_cases_network.def"
#include "tests/it/policy_cases_image.def"
    { KN_KEYSTONE_GET_LIMIT, false, 0, 404, 403, 0, "GET", KEYSTONE "/limits/nobodys", NULL, NULL,
      NULL }, /* others hear nothing of it */
    { KN_KEYSTONE_LIST_TRUSTS_FOR_TRUSTOR, false, KN_KEYSTONE_LIST_TRUSTS, 200, 403, 0, "GET",
      KEYSTONE "/OS-TRUST/trusts?trustor_user_id=x", NULL, NULL, NULL },
    { KN_KEYSTONE_LIST_TRUSTS_FOR_TRUSTEE, false, KN_KEYSTONE_LIST_TRUSTS, 200, 403, 0, "GET",
      KEYSTONE "/OS-TRUST/trusts?trustee_user_id=x", NULL, NULL, NULL },
    { KN_KEYSTONE_LIST_TRUSTS_FOR_TRUSTOR, true, KN_KEYSTONE_LIST_TRUSTS, 200, 403, 0, "GET",
      KEYSTONE "/OS-TRUST/trusts?trustor_user_id=" SEED_PROJECT, NULL, NULL, NULL },
};

static const char *const ROLES[] = { "admin", "manager", "member", "reader", "service" };

static bool is_fresh; /* nobody has changed the world since it was put back */
static const char *fresh_with; /* the statements of the question that it was put back for */

/* The world as it was before the question, unless it is that already. */
static void put_back(void **state, const struct question *q)
{
    struct kn_error err = { 0 };

    if (is_fresh && fresh_with == q->sql) {
        return;
    }
    kn_seed_fresh(state);
    assert_ok(kn_db_script(nova->db, SERVERS, &err), &err);
    assert_ok(kn_db_script(nova->db, GROUPS, &err), &err);
    assert_ok(kn_db_script(nova->db, OTHERS, &err), &err);
    kn_test_nova_ask(nova, SEED_ADMIN, 0, "PUT", CINDER "/os-quota-sets/" SEED_OTHER,
                     "{\"quota_set\": {\"volumes\": 77}}");
    assert_int_equal(nova->http.status, 200);
    if (q->sql != NULL) {
        assert_ok(kn_db_script(nova->db, q->sql, &err), &err);
    }
    fresh_with = q->sql;
}

static void ask(const struct question *q, const char *role)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf headers = KN_STRBUF_INIT;

    kn_strbuf_addf(&headers, "X-Auth-Token: " SEED_PROJECT ":%s\r\nContent-Type: %s\r\n", role,
                   strcmp(q->method, "PATCH") == 0 ? "application/openstack-images-v2.1-json-patch"
                                                   : "application/json");
    if (q->minor > 0) {
        kn_strbuf_addf(&headers, "OpenStack-API-Version: %s.%d\r\n",
                       strncmp(q->path, NOVA, strlen(NOVA)) == 0 ? "compute 2" : "volume 3", q->minor);
    }
    kn_test_http_ask(&nova->http, q->method, q->path, headers.buf, q->body);
    is_fresh = strcmp(q->method, "GET") == 0 || nova->http.status >= 400; /* who is refused changes nothing */
}

/* "a.b.0": whether the last answer has it; "…=7": with this number. */
static bool has(const char *path)
{
    json_t *answer = kn_test_http_json(&nova->http);
    const json_t *at = answer;
    size_t len = 0;

    for (; at != NULL && *path != '\0' && *path != '='; path += len + (path[len] == '.')) {
        char key[64];
        len = strcspn(path, ".=");
        snprintf(key, sizeof(key), "%.*s", (int)len, path);
        at = json_is_array(at) ? json_array_get(at, strtoul(key, NULL, 10)) : json_object_get(at, key);
    }
    const bool found = at != NULL && (*path != '=' || json_integer_value(at) == strtoll(path + 1, NULL, 10));
    json_decref(answer);
    return found;
}

/* What is wrong with the answer; NULL = nothing. */
static const char *judge(const struct question *q, const char *role)
{
    const char *cell = kn_test_matrix(q->rule, role);
    const bool granted = strcmp(cell, "yes") == 0 || (q->is_own && strcmp(cell, "own") == 0);
    const bool passes = q->route == KN_RULE_NONE ? strcmp(cell, "-") != 0
                                                 : strcmp(kn_test_matrix(q->route, role), "-") != 0;
    const int status = !passes ? 403 : granted ? q->granted : q->refused;

    if (nova->http.status != status) {
        return granted ? "should be granted" : "should be refused";
    }
    if (q->at == NULL || !passes) {
        return NULL;
    }
    const bool there = q->at[0] == '!' ? !has(q->at + 1) : has(q->at);
    return there == granted ? NULL : granted ? "the member should be there" : "the member should not be there";
}

static void test_questions(void **state)
{
    int wrong = 0;

    for (size_t i = 0; i < KN_COUNT(QUESTIONS); i++) {
        const struct question *q = &QUESTIONS[i];
        for (size_t r = 0; r < KN_COUNT(ROLES); r++) {
            put_back(state, q);
            ask(q, ROLES[r]);
            const char *why = judge(q, ROLES[r]);
            if (why != NULL) {
                wrong++;
                print_message("%s, %s: %s %s: %d %.300s: %s\n", kn_policy_name(q->rule), ROLES[r], q->method, q->path,
                              nova->http.status, nova->http.body.buf, why);
            }
        }
    }
    assert_int_equal(wrong, 0);
}

/* --- what is others' --- */

/* Something that a member of SEED_PROJECT has no part in, by the beginning of the paths that name it. */
static const struct {
    const char *path, *id;
} OTHERS_THINGS[] = {
#include "tests/it/policy_others.def"
};

/* The route's path with the id for its first parameter and "x" for the others; NULL: it names nothing of these. */
static char *path_to_others(const struct kn_api *api, const struct kn_route *route)
{
    AUTO_FREE char *path = kn_asprintf("%s%s", api->prefix, route->path);
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
    size_t i = 0, len;

    while (i < KN_COUNT(OTHERS_THINGS) &&
           (strncmp(path, OTHERS_THINGS[i].path, len = strlen(OTHERS_THINGS[i].path)) != 0 ||
            (path[len] != '\0' && path[len] != '/'))) {
        i++;
    }
    if (i == KN_COUNT(OTHERS_THINGS)) {
        return NULL;
    }
    const char *id = OTHERS_THINGS[i].id;
    for (const char *at = path; *at != '\0'; at += len) {
        len = *at == '{' ? strcspn(at, "}") + 1 : strcspn(at, "{");
        kn_strbuf_add(&sb, *at == '{' ? id : at, *at == '{' ? strlen(id) : len);
        id = *at == '{' ? "x" : id;
    }
    return kn_strbuf_detach(&sb);
}

/* Others' things are not there, or refused; only a body may be looked at before. */
static bool is_bounded(const struct kn_api *api, const struct kn_route *route, const char *role, const char *path)
{
    const bool has_body = strcmp(route->method, "GET") != 0 && strcmp(route->method, "DELETE") != 0;
    const struct question q = { .method = route->method,
                                .path = path,
                                .minor = route->since > 0 ? route->since : api->min_minor,
                                .body = has_body ? "{}" : NULL };

    ask(&q, role);
    return nova->http.status == 403 || nova->http.status == 404 ||
           (nova->http.status == 400 && (has_body || strstr(nova->http.body.buf, "is not built here") != NULL)) ||
           (nova->http.status == 415 && has_body);
}

/* By everybody to whom the page grants what is his own. Nothing changes, or the test has failed. */
static void test_what_is_others(void **state)
{
    static const struct question NOTHING = { .method = "GET" };
    int wrong = 0, asked = 0;

    put_back(state, &NOTHING);
    for (int i = 0; kn_api_mounts[i] != NULL; i++) {
        for (const struct kn_route *route = kn_api_mounts[i]->routes; route->method != NULL; route++) {
            AUTO_FREE char *path = path_to_others(kn_api_mounts[i], route);
            for (size_t r = 0; path != NULL && r < KN_COUNT(ROLES); r++) {
                if (strcmp(kn_test_matrix(route->rule, ROLES[r]), "own") == 0 && asked++ >= 0 &&
                    !is_bounded(kn_api_mounts[i], route, ROLES[r], path)) {
                    wrong++;
                    print_message("%s, %s: %s %s: %d %.200s\n", kn_policy_name(route->rule), ROLES[r], route->method,
                                  path, nova->http.status, nova->http.body.buf);
                }
            }
        }
    }
    assert_int_equal(wrong, 0);
    assert_true(asked > 150);
}

static void test_nothing_unasked(void **state)
{
    int unasked = 0;

    (void)state;
    for (enum kn_rule rule = KN_RULE_NONE + 1; rule < KN_RULE_COUNT; rule++) {
        size_t i = 0;
        while (i < KN_COUNT(QUESTIONS) && QUESTIONS[i].rule != rule) {
            i++;
        }
        if (kn_policy_what(rule)[0] != '\0' && i == KN_COUNT(QUESTIONS)) {
            unasked++;
            print_message("%s says that it decides \"%s\", and nobody asks\n", kn_policy_name(rule),
                          kn_policy_what(rule));
        }
    }
    assert_int_equal(unasked, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_what_is_others),
        cmocka_unit_test(test_nothing_unasked),
    };

    return cmocka_run_group_tests(tests, kn_seed_group_setup, kn_seed_group_teardown);
}
