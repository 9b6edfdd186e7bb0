/* SPDX-License-Identifier: Apache-2.0 */
/* The properties of images by Nova's routes, up to 2.38: read, added to, replaced, dropped; whose they are, how many they may be, and what is wrong changes nothing. */
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/compute_seed.h"
#include "tests/support/test.h"

#define METADATA "/compute/v2.1/images/" SEED_IMAGE "/metadata"

static void expect(const char *token, int status, int minor, const char *method, const char *path, const char *body,
                   const char *words)
{
    if (kn_test_nova_ask(nova, token, minor, method, path, body) != status ||
        strstr(nova->http.body.buf, words) == NULL) {
        fail_msg("2.%d %s %s %s: %d %s, wanted %d %s", minor, method, path, body != NULL ? body : "", nova->http.status,
                 nova->http.body.buf, status, words);
    }
}

static void has(const char *properties)
{
    AUTO_FREE char *sql = kn_asprintf("SELECT count(*) FROM image WHERE id = '" SEED_IMAGE
                                      "' AND properties = '%s'::jsonb",
                                      properties);

    if (kn_test_nova_sql(nova, sql) != 1) {
        fail_msg("it has others than %s", properties);
    }
}

static int setup(void **state)
{
    const int rc = kn_seed_fresh(state);

    kn_test_nova_sql(nova, "UPDATE image SET owner = '" SEED_PROJECT
                           "', properties = '{\"a\": \"1\", \"os_type\": \"linux\"}' WHERE id = '" SEED_IMAGE
                           "' RETURNING 1");
    return rc;
}

static void life(void **state)
{
    (void)state;
    expect(SEED_MEMBER, 200, 1, "GET", METADATA, NULL, "\"a\":\"1\"");
    expect(SEED_MEMBER, 200, 38, "GET", METADATA "/a", NULL, "{\"meta\":{\"a\":\"1\"}}");
    expect(SEED_MEMBER, 404, 1, "GET", METADATA "/b", NULL, "could not be found");
    expect(SEED_MEMBER, 200, 1, "POST", METADATA, "{\"metadata\": {\"a\": \"2\", \"b\": \"3\"}}",
           "\"os_type\":\"linux\"");
    has("{\"a\": \"2\", \"b\": \"3\", \"os_type\": \"linux\"}");
    expect(SEED_MEMBER, 200, 1, "PUT", METADATA "/b", "{\"meta\": {\"b\": \"4\"}}", "{\"meta\":{\"b\":\"4\"}}");
    has("{\"a\": \"2\", \"b\": \"4\", \"os_type\": \"linux\"}");
    expect(SEED_MEMBER, 204, 1, "DELETE", METADATA "/a", NULL, "");
    has("{\"b\": \"4\", \"os_type\": \"linux\"}");
    expect(SEED_MEMBER, 404, 1, "DELETE", METADATA "/a", NULL, "Invalid metadata key");
    expect(SEED_MEMBER, 200, 1, "PUT", METADATA, "{\"metadata\": {\"c\": \"5\"}}", "{\"metadata\":{\"c\":\"5\"}}");
    has("{\"c\": \"5\"}");
    expect(SEED_MEMBER, 200, 1, "PUT", METADATA, "{\"metadata\": {}}", "{\"metadata\":{}}");
    has("{}");
    expect(SEED_MEMBER, 404, 39, "GET", METADATA, NULL, "");
}

static void whose_they_are(void **state)
{
    (void)state;
    expect(SEED_STRANGER, 200, 1, "GET", METADATA, NULL, "\"a\":\"1\""); /* it is public */
    expect(SEED_STRANGER, 403, 1, "POST", METADATA, "{\"metadata\": {\"b\": \"3\"}}", "");
    expect(SEED_STRANGER, 403, 1, "DELETE", METADATA "/a", NULL, "");
    expect(SEED_READER, 403, 1, "PUT", METADATA, "{\"metadata\": {}}", "");
    expect(SEED_STRANGER, 404, 1, "GET", "/compute/v2.1/images/" SEED_NOBODY "/metadata", NULL, "Image not found.");
    expect(SEED_MEMBER, 404, 1, "PUT", "/compute/v2.1/images/" SEED_NOBODY "/metadata", "{\"metadata\": {}}",
           "Image not found.");
    has("{\"a\": \"1\", \"os_type\": \"linux\"}");
    expect(SEED_ADMIN, 200, 1, "POST", METADATA, "{\"metadata\": {\"b\": \"3\"}}", "\"b\":\"3\"");
}

static void refused(void **state)
{
    (void)state;
    expect(SEED_MEMBER, 400, 1, "POST", METADATA, "{}", "'metadata' is a required property");
    expect(SEED_MEMBER, 400, 1, "POST", METADATA, "{\"metadata\": {\"b\": 1}}", "not of type 'string'");
    expect(SEED_MEMBER, 400, 1, "POST", METADATA, "{\"metadata\": {\"b\": \"1\"}, \"c\": 1}", "'c' was unexpected");
    expect(SEED_MEMBER, 400, 1, "PUT", METADATA "/b", "{\"meta\": {\"c\": \"1\"}}", "Request body and URI mismatch");
    expect(SEED_MEMBER, 400, 1, "PUT", METADATA "/b", "{\"meta\": {\"b\": \"1\", \"c\": \"1\"}}", "");
    expect(SEED_MEMBER, 400, 1, "POST", METADATA, "{\"metadata\": {\"visibility\": \"public\"}}",
           "attribute of images");
    kn_test_nova_sql(
        nova, "INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('compute', '" SEED_PROJECT
              "', 'metadata_items', 2) RETURNING 1");
    expect(SEED_MEMBER, 403, 1, "POST", METADATA, "{\"metadata\": {\"b\": \"1\"}}", "Image metadata limit exceeded");
    expect(SEED_MEMBER, 200, 1, "POST", METADATA, "{\"metadata\": {\"a\": \"1\"}}", "\"a\":\"1\"");
    kn_test_nova_sql(nova, "WITH gone AS (DELETE FROM quota_limit) SELECT 1");
    has("{\"a\": \"1\", \"os_type\": \"linux\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(life, setup),
        cmocka_unit_test_setup(whose_they_are, setup),
        cmocka_unit_test_setup(refused, setup),
    };

    return cmocka_run_group_tests(tests, kn_seed_group_setup, kn_seed_group_teardown);
}
