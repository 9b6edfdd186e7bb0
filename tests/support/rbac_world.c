/* SPDX-License-Identifier: Apache-2.0 */
/* rbac_world.c: see the header. What each kind is used for is the least that is refused to whoever was not let at it. */
#include "tests/support/rbac_world.h"

#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/test.h"

struct rbac_id rbac_kept(const char *path)
{
    struct rbac_id id;

    kn_copy(id.text, sizeof(id.text), neutron_get(path));
    return id;
}

void rbac_script(const char *sql)
{
    struct kn_error err;

    assert_ok(kn_db_script(kn_neutron.db, sql, &err), &err);
}

int64_t rbac_number(const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err;

    assert_ok(kn_db_query(kn_neutron.db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, 0);
}

int rbac_fresh(void **state)
{
    kn_neutron_fresh(state);
    rbac_script("DELETE FROM qos_policy; DELETE FROM rbac_policy");
    return 0;
}

/* Whose usage is not what exists: nobody's. */
int rbac_settled(void **state)
{
    (void)state;
    assert_int_equal(
        rbac_number("SELECT count(*) FROM quota_fact f FULL JOIN quota_usage u USING (service, project_id, resource) "
                    "WHERE coalesce(f.used, 0) <> coalesce(u.used, 0) AND service = 'network'"),
        0);
    assert_int_equal(
        rbac_number(
            "SELECT count(*) FROM rbac_policy b WHERE NOT EXISTS (SELECT FROM (SELECT id FROM network UNION ALL SELECT id FROM qos_policy "
            "UNION ALL SELECT id FROM security_group UNION ALL SELECT id FROM address_group UNION ALL SELECT id FROM address_scope "
            "UNION ALL SELECT id FROM subnet_pool) o WHERE o.id = b.object_id)"),
        0);
    return 0;
}

/* Lets `target` at the object: the policy's id, if it is one. */
struct rbac_id rbac_let(int status, const char *token, const char *type, const char *object, const char *action,
                        const char *target)
{
    AUTO_FREE char *body = kn_asprintf(
        "{\"rbac_policy\":{\"object_type\":\"%s\",\"object_id\":\"%s\",\"action\":\"access_as_%s\",\"target_tenant\":\"%s\"}}",
        type, object, action, target);

    neutron_say(status, token, "POST /rbac-policies", body);
    return status == 201 ? rbac_kept("rbac_policy.id") : (struct rbac_id){ "" };
}

void rbac_retarget(int status, const char *token, const struct rbac_id *policy, const char *target)
{
    AUTO_FREE char *body = kn_asprintf("{\"rbac_policy\":{\"target_project\":\"%s\"}}", target);

    neutron_say(status, token, neutron_at("PUT", "rbac-policies", policy->text), body);
}

void rbac_drop(int status, const char *token, const struct rbac_id *policy)
{
    neutron_say(status, token, neutron_at("DELETE", "rbac-policies", policy->text), NULL);
}

/* --- the six kinds -------------------------------------------------------------------------------------------------------- */

static struct rbac_id use_network(const char *token, const char *id)
{
    neutron_post(201, token, "port", id, "");
    return rbac_kept("port.id");
}

static struct rbac_id use_policy(const char *token, const char *id)
{
    AUTO_FREE char *more = kn_asprintf(",\"qos_policy_id\":\"%s\"", id);
    struct rbac_id made;

    kn_copy(made.text, sizeof(made.text), neutron_network(token, more));
    return made;
}

static struct rbac_id use_group(const char *token, const char *id)
{
    AUTO_FREE char *network = kn_strdup(neutron_network(token, ""));
    AUTO_FREE char *more = kn_asprintf(",\"security_groups\":[\"%s\"]", id);

    neutron_post(201, token, "port", network, more);
    return rbac_kept("port.id");
}

static struct rbac_id use_addresses(const char *token, const char *id)
{
    neutron_say(201, token, "POST /security-groups", "{\"security_group\":{\"name\":\"g\"}}");
    const struct rbac_id group = rbac_kept("security_group.id");
    AUTO_FREE char *body = kn_asprintf(
        "{\"security_group_rule\":{\"security_group_id\":\"%s\",\"direction\":\"ingress\",\"remote_address_group_id\":\"%s\"}}",
        group.text, id);

    neutron_say(201, token, "POST /security-group-rules", body);
    return rbac_kept("security_group_rule.id");
}

static struct rbac_id use_scope(const char *token, const char *id)
{
    AUTO_FREE char *body = kn_asprintf(
        "{\"subnetpool\":{\"name\":\"p\",\"prefixes\":[\"10.0.0.0/16\"],\"default_prefixlen\":24,\"address_scope_id\":\"%s\"}}",
        id);

    neutron_say(201, token, "POST /subnetpools", body);
    return rbac_kept("subnetpool.id");
}

static struct rbac_id use_pool(const char *token, const char *id)
{
    AUTO_FREE char *network = kn_strdup(neutron_network(token, ""));
    AUTO_FREE char *more = kn_asprintf(",\"ip_version\":4,\"subnetpool_id\":\"%s\"", id);

    neutron_post(201, token, "subnet", network, more);
    return rbac_kept("subnet.id");
}

const struct rbac_kind rbac_kinds[RBAC_KINDS] = {
    { "network", "network", "networks", "networks", "{\"network\":{}}", use_network, "ports" },
    { "qos_policy", "policy", "policies", "qos/policies", "{\"policy\":{\"name\":\"q\"}}", use_policy, "networks" },
    { "security_group", "security_group", "security_groups", "security-groups", "{\"security_group\":{\"name\":\"s\"}}",
      use_group, "ports" },
    { "address_group", "address_group", "address_groups", "address-groups",
      "{\"address_group\":{\"name\":\"a\",\"addresses\":[\"10.0.0.0/8\"]}}", use_addresses, "security-group-rules" },
    { "address_scope", "address_scope", "address_scopes", "address-scopes",
      "{\"address_scope\":{\"name\":\"c\",\"ip_version\":4}}", use_scope, "subnetpools" },
    { "subnetpool", "subnetpool", "subnetpools", "subnetpools",
      "{\"subnetpool\":{\"name\":\"p\",\"prefixes\":[\"10.0.0.0/16\"],\"default_prefixlen\":24}}", use_pool,
      "subnets" },
};

struct rbac_id rbac_make(const struct rbac_kind *k, const char *token)
{
    AUTO_FREE char *what = kn_asprintf("POST /%s", k->path), *at = kn_asprintf("%s.id", k->one);

    neutron_say(201, token, what, k->body);
    return rbac_kept(at);
}

void rbac_shows(const struct rbac_kind *k, const char *token, const struct rbac_id *object, const char *shared)
{
    AUTO_FREE char *at = kn_asprintf("%s.shared", k->one);

    neutron_say(shared != NULL ? 200 : 404, token, neutron_at("GET", k->path, object->text), NULL);
    if (shared != NULL) {
        assert_said(at, shared);
    }
}

void rbac_lists(const struct rbac_kind *k, const char *token, const struct rbac_id *object, const char *filter,
                size_t count)
{
    AUTO_FREE char *what = kn_asprintf("GET /%s?id=%s%s", k->path, object->text, filter);

    neutron_say(200, token, what, NULL);
    if (neutron_count(k->plural) != count) {
        fail_msg("%s: %zu", what, neutron_count(k->plural));
    }
}
