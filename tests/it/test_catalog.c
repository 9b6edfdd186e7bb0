/* SPDX-License-Identifier: Apache-2.0 */
/* Regions, services and endpoints: their calls, what they refuse, and that every token shows what was changed a moment before. */
#include <stdlib.h>
#include <string.h>

#include "lib/adapter/db.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/keystone.h"
#include "tests/support/test.h"

static void ask_one(int status, const char *method, const char *collection, const char *id, const char *body)
{
    AUTO_FREE char *path = kn_asprintf("/v3/%s/%s", collection, id);
    kn_ks_ask(status, method, path, kn_ks.admin, body);
}

/* The entry of this type in the catalog that a fresh look shows; NULL if there is none. */
static const json_t *entry(const char *type)
{
    const json_t *entry = NULL;
    size_t i = 0;

    kn_ks_ask(200, "GET", "/v3/auth/catalog", kn_ks.admin, NULL);
    json_array_foreach (kn_ks_at("catalog"), i, entry) {
        if (strcmp(json_string_value(json_object_get(entry, "type")), type) == 0) {
            return entry;
        }
    }
    return NULL;
}

static const char *make_endpoint(const char *service, const char *interface, const char *more)
{
    AUTO_FREE char *members = kn_asprintf("\"service_id\":\"%s\",\"interface\":\"%s\",%s", service, interface, more);
    return kn_ks_make("endpoints", "endpoint", members);
}

static void test_regions(void **state)
{
    (void)state;
    kn_ks_ask(200, "GET", "/v3/regions", kn_ks.admin, NULL);
    assert_string_equal(kn_ks_text("regions.0.id"), "RegionOne");
    const char *north = kn_ks_make("regions", "region", "\"id\":\"North\",\"description\":\"cold\",\"rain\":true");
    assert_true(json_is_true(kn_ks_at("region.rain")));
    assert_true(json_is_null(kn_ks_at("region.parent_region_id")));
    const char *chance = kn_ks_make("regions", "region", "\"parent_region_id\":\"North\"");
    assert_int_equal(strlen(chance), 32);
    kn_ks_ask(409, "POST", "/v3/regions", kn_ks.admin, "{\"region\":{\"id\":\"North\"}}");
    kn_ks_ask(404, "POST", "/v3/regions", kn_ks.admin, "{\"region\":{\"parent_region_id\":\"nowhere\"}}");
    kn_ks_ask(400, "POST", "/v3/regions", kn_ks.admin, "{\"region\":{\"description\":1}}");
    kn_ks_ask(400, "POST", "/v3/regions", kn_ks.admin, "{\"region\":[]}");
    ask_one(201, "PUT", "regions", "South", "{\"region\":{}}");
    assert_string_equal(kn_ks_text("region.id"), "South");
    ask_one(409, "PUT", "regions", "South", "{\"region\":{}}");
    ask_one(400, "PUT", "regions", "East", "{\"region\":{\"id\":\"West\"}}");
    ask_one(200, "PATCH", "regions", "South", "{\"region\":{\"parent_region_id\":\"North\",\"description\":\"warm\"}}");
    assert_string_equal(kn_ks_text("region.description"), "warm");
    ask_one(400, "PATCH", "regions", "North", "{\"region\":{\"parent_region_id\":\"South\"}}"); /* a circle */
    ask_one(400, "PATCH", "regions", "North", "{\"region\":{\"parent_region_id\":\"North\"}}");
    ask_one(400, "PATCH", "regions", "North", "{\"region\":{\"id\":\"Other\"}}");
    ask_one(404, "PATCH", "regions", "Nowhere", "{\"region\":{\"description\":\"\"}}");
    kn_ks_ask(200, "GET", "/v3/regions?parent_region_id=North", kn_ks.admin, NULL);
    assert_int_equal(json_array_size(kn_ks_at("regions")), 2);
    ask_one(200, "PATCH", "regions", "South", "{\"region\":{\"parent_region_id\":null}}");
    assert_true(json_is_null(kn_ks_at("region.parent_region_id")));
    ask_one(204, "DELETE", "regions", north, NULL);
    ask_one(404, "GET", "regions", chance, NULL); /* it was below */
    ask_one(200, "GET", "regions", "South", NULL);
    ask_one(404, "DELETE", "regions", north, NULL);
}

static void test_services(void **state)
{
    (void)state;
    const char *dns = kn_ks_make("services", "service",
                                 "\"type\":\"dns\",\"name\":\"designate\",\"description\":\"names\",\"port\":53");
    assert_true(json_is_true(kn_ks_at("service.enabled")));
    assert_int_equal(json_integer_value(kn_ks_at("service.port")), 53);
    kn_ks_ask(400, "POST", "/v3/services", kn_ks.admin, "{\"service\":{\"name\":\"x\"}}");
    kn_ks_ask(400, "POST", "/v3/services", kn_ks.admin, "{\"service\":{\"type\":\"\"}}");
    kn_ks_ask(400, "POST", "/v3/services", kn_ks.admin, "{\"service\":{\"type\":\"x\",\"enabled\":\"True\"}}");
    kn_ks_ask(200, "GET", "/v3/services?type=dns", kn_ks.admin, NULL);
    assert_int_equal(json_array_size(kn_ks_at("services")), 1);
    kn_ks_ask(200, "GET", "/v3/services?name__icontains=SIGN", kn_ks.admin, NULL);
    assert_int_equal(json_array_size(kn_ks_at("services")), 1);
    kn_ks_ask(200, "GET", "/v3/services?limit=2", kn_ks.admin, NULL);
    assert_int_equal(json_array_size(kn_ks_at("services")), 2);
    assert_non_null(strstr(kn_ks_text("links.next"), "marker="));
    assert_non_null(entry("dns"));
    ask_one(200, "PATCH", "services", dns, "{\"service\":{\"enabled\":false,\"description\":\"no names\"}}");
    assert_string_equal(kn_ks_text("service.name"), "designate");
    assert_null(entry("dns"));
    ask_one(204, "DELETE", "services", dns, NULL);
    ask_one(404, "GET", "services", dns, NULL);
    ask_one(404, "PATCH", "services", dns, "{\"service\":{\"enabled\":true}}");
    ask_one(404, "DELETE", "services", dns, NULL);
}

static void test_endpoints(void **state)
{
    static const char *const BAD[] = {
        "\"url\":\"no scheme\"",
        "\"url\":\"\"",
        "\"url\":\"http://x/$(nobody)s\"",
        "\"url\":\"http://x/$(project_id)\"",
        "\"url\":\"http://x\",\"region_id\":\"nowhere\"",
        "\"url\":\"http://x\",\"enabled\":\"False\"",
        "\"url\":1",
        "\"name\":\"no url\"",
    };
    (void)state;
    const char *dns = kn_ks_make("services", "service", "\"type\":\"dns\"");
    const char *public = make_endpoint(dns, "public", "\"url\":\"http://dns/$(project_id)s/x\",\"region\":\"Made\"");
    assert_string_equal(kn_ks_text("endpoint.region_id"), "Made");
    assert_string_equal(kn_ks_text("endpoint.region"), "Made");
    assert_string_equal(kn_ks_text("endpoint.url"), "http://dns/$(project_id)s/x");
    ask_one(200, "GET", "regions", "Made", NULL); /* by the old word: made */
    const char *admin = make_endpoint(dns, "admin",
                                      "\"url\":\"http://dns\",\"region_id\":null,\"enabled\":false,\"name\":\"n\"");
    assert_string_equal(kn_ks_text("endpoint.name"), "n");
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        AUTO_FREE char *body = kn_asprintf("{\"endpoint\":{\"service_id\":\"%s\",\"interface\":\"public\",%s}}", dns,
                                           BAD[i]);
        kn_ks_ask(400, "POST", "/v3/endpoints", kn_ks.admin, body);
    }
    kn_ks_ask(400, "POST", "/v3/endpoints", kn_ks.admin,
              "{\"endpoint\":{\"service_id\":\"x\",\"interface\":\"public\",\"url\":\"http://x\"}}");
    kn_ks_ask(400, "POST", "/v3/endpoints", kn_ks.admin,
              "{\"endpoint\":{\"service_id\":\"x\",\"interface\":\"side\",\"url\":\"http://x\"}}");
    AUTO_FREE char *of_dns = kn_asprintf("/v3/endpoints?service_id=%s&interface=public", dns);
    kn_ks_ask(200, "GET", of_dns, kn_ks.admin, NULL);
    assert_int_equal(json_array_size(kn_ks_at("endpoints")), 1);
    assert_string_equal(kn_ks_text("endpoints.0.id"), public);
    const json_t *points = json_object_get(entry("dns"), "endpoints");
    assert_int_equal(json_array_size(points), 1); /* the other one is disabled */
    assert_non_null(strstr(json_string_value(json_object_get(json_array_get(points, 0), "url")), "http://dns/"));
    assert_null(strstr(json_string_value(json_object_get(json_array_get(points, 0), "url")), "$("));
    ask_one(200, "PATCH", "endpoints", admin,
            "{\"endpoint\":{\"enabled\":true,\"region\":\"Other\",\"interface\":\"internal\"}}");
    assert_string_equal(kn_ks_text("endpoint.region_id"), "Other");
    assert_int_equal(json_array_size(json_object_get(entry("dns"), "endpoints")), 2);
    ask_one(400, "PATCH", "endpoints", admin, "{\"endpoint\":{\"url\":\"nothing\"}}");
    ask_one(400, "PATCH", "endpoints", admin, "{\"endpoint\":{\"service_id\":\"nothing\"}}");
    ask_one(404, "PATCH", "endpoints", "nothing", "{\"endpoint\":{\"enabled\":true}}");
    ask_one(403, "DELETE", "regions", "Made", NULL); /* it has endpoints */
    ask_one(204, "DELETE", "endpoints", public, NULL);
    ask_one(204, "DELETE", "regions", "Made", NULL);
    ask_one(204, "DELETE", "services", dns, NULL);
    ask_one(404, "GET", "endpoints", admin, NULL); /* its service is gone */
}

static void test_defaults(void **state)
{
    (void)state;
    kn_ks_ask(200, "GET", "/v3/endpoints?interface=public&region_id=RegionOne", kn_ks.admin, NULL);
    assert_int_equal(json_array_size(kn_ks_at("endpoints")), 6);
    assert_null(strstr(kn_ks.http.body.buf, "public_endpoint")); /* people read it, too */
    kn_ks_log_in(201, "admin", KN_KS_PASSWORD, "{\"system\":{\"all\":true}}", NULL);
    assert_non_null(strstr(kn_ks.http.body.buf, "/volume/v3\"")); /* no project, no project in the URL */
    kn_ks_log_in(201, "admin", KN_KS_PASSWORD, KN_KS_ADMIN_SCOPE, NULL);
    assert_null(strstr(kn_ks.http.body.buf, "/volume/v3\""));
    kn_ks.conf.api_public_url = "https://cloud.example";
    kn_ks_log_in(201, "admin", KN_KS_PASSWORD, KN_KS_ADMIN_SCOPE, NULL);
    assert_non_null(strstr(kn_ks.http.body.buf, "\"https://cloud.example/identity\""));
    kn_ks.conf.api_public_url = "";
}

/* Somebody else changed the tables: another process, or an operator. */
static void test_changed_elsewhere(void **state)
{
    AUTO(kn_db) struct kn_db *db = kn_db_new(kn_ks.url, "elsewhere");
    struct kn_error err = { 0 };
    int64_t end = kn_mono_ms() + 60000;

    (void)state;
    assert_ok(kn_db_script(db,
                           "INSERT INTO catalog_service (id, type) VALUES ('e', 'elsewhere'); "
                           "UPDATE catalog_version SET version = version + 1",
                           &err),
              &err);
    while (entry("elsewhere") == NULL && kn_mono_ms() < end) {
    }
    assert_non_null(entry("elsewhere"));
}

static void test_who(void **state)
{
    struct kn_ks_person p = kn_ks_make_person("cata", "manager");
    char token[KN_KS_TOKEN];

    (void)state;
    kn_ks_log_in(201, p.name, "s3cret", p.scope, token);
    kn_ks_ask(200, "GET", "/v3/regions", token, NULL);
    kn_ks_ask(403, "GET", "/v3/services", token, NULL);
    kn_ks_ask(403, "POST", "/v3/regions", token, "{\"region\":{}}");
    kn_ks_ask(401, "GET", "/v3/regions", NULL, NULL);
}

/* --- limits --- */

static void test_registered_limits(void **state)
{
    static const char *const BAD[] = {
        "",
        "{}",
        "{\"resource_name\":\"x\",\"default_limit\":1}",
        "{\"service_id\":\"nowhere\",\"resource_name\":\"x\",\"default_limit\":1}",
        "{\"service_id\":1,\"resource_name\":\"x\",\"default_limit\":1}",
        "1",
        "{\"service_id\":\"x\",\"resource_name\":\"x\",\"default_limit\":-2}",
        "{\"service_id\":\"x\",\"resource_name\":\"x\",\"default_limit\":2147483648}",
    };
    (void)state;
    const char *service = kn_ks_make("services", "service", "\"type\":\"limited\"");
    AUTO_FREE char *two = kn_asprintf(
        "{\"registered_limits\":[{\"service_id\":\"%s\",\"resource_name\":\"cores\",\"default_limit\":10},"
        "{\"service_id\":\"%s\",\"region_id\":\"RegionOne\",\"resource_name\":\"cores\",\"default_limit\":-1,"
        "\"description\":\"all\"}]}",
        service, service);
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        AUTO_FREE char *body = kn_asprintf("{\"registered_limits\":[%s]}", BAD[i]);
        kn_ks_ask(400, "POST", "/v3/registered_limits", kn_ks.admin, body);
    }
    kn_ks_ask(201, "POST", "/v3/registered_limits", kn_ks.admin, two);
    assert_int_equal(json_integer_value(kn_ks_at("registered_limits.1.default_limit")), -1);
    assert_string_equal(kn_ks_text("registered_limits.1.description"), "all");
    assert_true(json_is_null(kn_ks_at("registered_limits.0.description")));
    const char *id = kn_ks_keep(kn_ks_text("registered_limits.0.id"));
    kn_ks_ask(409, "POST", "/v3/registered_limits", kn_ks.admin, two);
    AUTO_FREE char *of_service = kn_asprintf("/v3/registered_limits?service_id=%s&region_id=RegionOne", service);
    kn_ks_ask(200, "GET", of_service, kn_ks.admin, NULL);
    assert_int_equal(json_array_size(kn_ks_at("registered_limits")), 1);
    assert_non_null(strstr(kn_ks_text("links.self"), of_service)); /* with what was asked */
    ask_one(200, "PATCH", "registered_limits", id,
            "{\"registered_limit\":{\"default_limit\":20,\"resource_name\":\"vcpus\"}}");
    assert_string_equal(kn_ks_text("registered_limit.resource_name"), "vcpus");
    ask_one(200, "PATCH", "registered_limits", id, "{\"registered_limit\":{\"description\":\"some\"}}");
    ask_one(200, "PATCH", "registered_limits", id, "{\"registered_limit\":{\"default_limit\":21}}");
    assert_string_equal(kn_ks_text("registered_limit.description"), "some");
    ask_one(200, "PATCH", "registered_limits", id, "{\"registered_limit\":{\"description\":null}}");
    assert_true(json_is_null(kn_ks_at("registered_limit.description")));
    ask_one(400, "PATCH", "registered_limits", id, "{\"registered_limit\":{\"region_id\":\"nowhere\"}}");
    ask_one(200, "PATCH", "registered_limits", id, "{\"registered_limit\":{\"region_id\":\"RegionOne\"}}");
    ask_one(200, "PATCH", "registered_limits", id,
            "{\"registered_limit\":{\"region_id\":null}}"); /* of no region again */
    assert_true(json_is_null(kn_ks_at("registered_limit.region_id")));
    ask_one(404, "PATCH", "registered_limits", "nothing", "{\"registered_limit\":{\"default_limit\":1}}");
    ask_one(204, "DELETE", "services", service, NULL); /* before its limits: they stay, as in Keystone */
    ask_one(200, "GET", "registered_limits", id, NULL);
    ask_one(204, "DELETE", "registered_limits", id, NULL);
    ask_one(404, "GET", "registered_limits", id, NULL);
    ask_one(404, "DELETE", "registered_limits", id, NULL);
}

static void make_limit(int status, const char *service, const char *of, const char *more)
{
    AUTO_FREE char *body = kn_asprintf("{\"limits\":[{\"service_id\":\"%s\",\"resource_name\":\"cores\",%s%s}]}",
                                       service, of, more);
    kn_ks_ask(status, "POST", "/v3/limits", kn_ks.admin, body);
}

static void test_limits(void **state)
{
    struct kn_ks_person p = kn_ks_make_person("limi", "reader"), q = kn_ks_make_person("timi", "reader");
    char token[KN_KS_TOKEN], other[KN_KS_TOKEN];

    (void)state;
    kn_ks_log_in(201, p.name, "s3cret", p.scope, token);
    kn_ks_log_in(201, q.name, "s3cret", q.scope, other);
    const char *service = kn_ks_make("services", "service", "\"type\":\"bounded\"");
    AUTO_FREE char *registered = kn_asprintf(
        "{\"registered_limits\":[{\"service_id\":\"%s\",\"resource_name\":\"cores\",\"default_limit\":10}]}", service);
    AUTO_FREE char *mine = kn_asprintf("\"project_id\":\"%s\",", p.project);
    make_limit(403, service, mine, "\"resource_limit\":5"); /* nothing to differ from */
    kn_ks_ask(201, "POST", "/v3/registered_limits", kn_ks.admin, registered);
    const char *base = kn_ks_keep(kn_ks_text("registered_limits.0.id"));
    make_limit(201, service, mine, "\"resource_limit\":5");
    const char *id = kn_ks_keep(kn_ks_text("limits.0.id"));
    assert_true(json_is_null(kn_ks_at("limits.0.domain_id")));
    make_limit(409, service, mine, "\"resource_limit\":6");
    make_limit(400, service, mine, "\"resource_limit\":5,\"domain_id\":\"default\"");
    make_limit(400, service, "", "\"resource_limit\":5");
    make_limit(400, service, "\"project_id\":\"nowhere\",", "\"resource_limit\":5");
    make_limit(400, service, mine, "\"resource_limit\":\"many\"");
    make_limit(201, service, "\"domain_id\":\"default\",", "\"resource_limit\":50");
    kn_ks_ask(200, "GET", "/v3/limits", kn_ks.admin, NULL);
    assert_int_equal(json_array_size(kn_ks_at("limits")), 2);
    kn_ks_ask(200, "GET", "/v3/limits", token, NULL);
    assert_int_equal(json_array_size(kn_ks_at("limits")), 1);
    kn_ks_ask(200, "GET", "/v3/limits", other, NULL);
    assert_int_equal(json_array_size(kn_ks_at("limits")), 0);
    AUTO_FREE char *path = kn_asprintf("/v3/limits/%s", id);
    kn_ks_ask(200, "GET", path, token, NULL);
    kn_ks_ask(403, "GET", path, other, NULL);
    kn_ks_ask(403, "PATCH", path, token, "{\"limit\":{\"resource_limit\":500}}");
    ask_one(200, "PATCH", "limits", id, "{\"limit\":{\"resource_limit\":7,\"description\":\"d\"}}");
    assert_int_equal(json_integer_value(kn_ks_at("limit.resource_limit")), 7);
    ask_one(400, "PATCH", "limits", id, "{\"limit\":{\"project_id\":\"x\"}}");
    ask_one(404, "PATCH", "limits", "nothing", "{\"limit\":{\"resource_limit\":7}}");
    ask_one(403, "DELETE", "registered_limits", base, NULL);
    ask_one(403, "PATCH", "registered_limits", base, "{\"registered_limit\":{\"resource_name\":\"ram\"}}");
    ask_one(200, "PATCH", "registered_limits", base, "{\"registered_limit\":{\"default_limit\":11}}");
    ask_one(204, "DELETE", "limits", id, NULL);
    ask_one(404, "DELETE", "limits", id, NULL);
    kn_ks_ask(200, "GET", "/v3/limits/model", token, NULL);
    assert_string_equal(kn_ks_text("model.name"), "flat");
    ask_one(204, "DELETE", "services", service, NULL); /* the domain's limit is still there */
    kn_ks_ask(200, "GET", "/v3/limits?domain_id=default", kn_ks.admin, NULL);
    AUTO_FREE char *left = kn_strdup(kn_ks_text("limits.0.id"));
    assert_string_equal(kn_ks_text("limits.0.service_id"), service);
    ask_one(204, "DELETE", "limits", left, NULL);
    ask_one(204, "DELETE", "registered_limits", base, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regions),           cmocka_unit_test(test_services),
        cmocka_unit_test(test_endpoints),         cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_changed_elsewhere), cmocka_unit_test(test_who),
        cmocka_unit_test(test_registered_limits), cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, kn_ks_group_start, kn_ks_group_stop);
}
