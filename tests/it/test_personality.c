/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Personality, up to 2.56: what is taken is kept for the host, whose guests find it on a config drive (test_config_drive.c, test_agent_libvirt.c); what is more or longer than
 * the quota says is refused in Nova's words and leaves nothing. A rebuild brings its own files, or none.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/domain/limits.h"
#include "tests/support/five_servers.h"
#include "tests/support/test.h"

#define SERVER \
    "{\"server\": {\"name\": \"s\", \"flavorRef\": \"1\", \"imageRef\": \"" SEED_IMAGE "\", \"personality\": %s}}"
#define FILE_OF(path, contents) "{\"path\": \"" path "\", \"contents\": \"" contents "\"}"

static void post(int status, int minor, const char *personality, const char *words)
{
    AUTO_FREE char *body = kn_asprintf(SERVER, personality);

    if (kn_test_nova_ask(nova, SEED_MEMBER, minor, "POST", SERVERS, body) != status ||
        strstr(nova->http.body.buf, words) == NULL) {
        fail_msg("%.200s: %d %s, wanted %d %s", personality, nova->http.status, nova->http.body.buf, status, words);
    }
}

static int64_t count(const char *where)
{
    AUTO_FREE char *sql = kn_asprintf("SELECT count(*) FROM server WHERE %s", where);

    return kn_test_nova_sql(nova, sql);
}

/* `times` of it, with commas. */
static char *many(const char *file, int times)
{
    struct kn_strbuf list = KN_STRBUF_INIT;

    kn_strbuf_addstr(&list, "[");
    for (int i = 0; i < times; i++) {
        kn_strbuf_addf(&list, "%s%s", i > 0 ? ", " : "", file);
    }
    kn_strbuf_addstr(&list, "]");
    return kn_strbuf_detach(&list);
}

static void kept(void **state)
{
    (void)state;
    post(202, 36, "[" FILE_OF("/etc/motd", "aGVsbG8K") ", " FILE_OF("/empty", "") "]", "\"id\"");
    assert_int_equal(
        count("config_drive AND files = '[{\"path\": \"/etc/motd\", \"contents\": \"aGVsbG8K\"}, {\"path\": "
              "\"/empty\", \"contents\": \"\"}]'"),
        1);
    post(202, 1, "[]", "\"id\"");
    assert_int_equal(count("NOT config_drive AND files IS NULL AND name = 's'"), 1);
}

/* Quotas, each at its border and one over; -1 is none, and then what fits into a message bounds it. */
static void quotas(void **state)
{
    AUTO_FREE char *five = many(FILE_OF("/a", "YQ=="), 5), *six = many(FILE_OF("/a", "YQ=="), 6);
    AUTO_FREE char *text = kn_alloc(20000);

    (void)state;
    post(202, 1, five, "\"id\"");
    post(403, 1, six, "Personality file limit exceeded");
    memset(text, 'x', 256);
    text[256] = '\0';
    AUTO_FREE char *over = kn_asprintf("[{\"path\": \"%s\", \"contents\": \"\"}]", text);
    post(403, 1, over, "Personality file path exceeds maximum 255");
    text[255] = '\0';
    AUTO_FREE char *fits = kn_asprintf("[{\"path\": \"%s\", \"contents\": \"\"}]", text);
    post(202, 1, fits, "\"id\"");
    memset(text, 'A', 13656); /* 10,242 bytes */
    text[13656] = '\0';
    AUTO_FREE char *large = kn_asprintf("[{\"path\": \"/a\", \"contents\": \"%s\"}]", text);
    post(403, 1, large, "Personality file content exceeds maximum 10240");
    memcpy(text + 13652, "AA==", 4); /* 10,240 */
    AUTO_FREE char *full = kn_asprintf("[{\"path\": \"/a\", \"contents\": \"%s\"}]", text);
    post(202, 1, full, "\"id\"");
    kn_test_nova_sql(
        nova,
        "INSERT INTO quota_limit (service, project_id, resource, hard_limit) SELECT 'compute', '" SEED_PROJECT
        "', r, -1 FROM unnest('{injected_files,injected_file_content_bytes,injected_file_path_bytes}'::text[]) r RETURNING 1");
    full[strlen(full) - 1] = '\0'; /* without its brackets */
    AUTO_FREE char *too_much = many(full + 1, 20);
    post(400, 1, too_much, "Personality is too large");
    AUTO_FREE char *long_path = kn_alloc(KN_MAX_FILE_PATH + 2);
    memset(long_path, 'p', KN_MAX_FILE_PATH + 1);
    long_path[KN_MAX_FILE_PATH + 1] = '\0';
    AUTO_FREE char *too_long = kn_asprintf("[{\"path\": \"%s\", \"contents\": \"\"}]", long_path);
    post(400, 1, too_long, "is too long");
    long_path[KN_MAX_FILE_PATH] = '\0';
    AUTO_FREE char *just = kn_asprintf("[{\"path\": \"%s\", \"contents\": \"\"}]", long_path);
    post(202, 1, just, "\"id\"");
    AUTO_FREE char *contents = kn_alloc(KN_MAX_PERSONALITY + 5);
    memset(contents, 'A', KN_MAX_PERSONALITY + 4);
    contents[KN_MAX_PERSONALITY + 4] = '\0';
    AUTO_FREE char *too_large = kn_asprintf("[{\"path\": \"/a\", \"contents\": \"%s\"}]", contents);
    post(400, 1, too_large, "is too long");
    kn_test_nova_sql(nova, "WITH gone AS (DELETE FROM quota_limit) SELECT 1");
    assert_int_equal(count("name = 's'"), 4);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task"), 4);
}

static void refused(void **state)
{
    (void)state;
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 57, "POST", SERVERS,
                                      "{\"server\": {\"name\": \"s\", \"flavorRef\": \"1\", \"networks\": \"none\", "
                                      "\"imageRef\": \"" SEED_IMAGE "\", \"personality\": []}}"),
                     400);
    assert_non_null(strstr(nova->http.body.buf, "'personality' was unexpected"));
    post(400, 1, "[" FILE_OF("/a", "?") "]", "base64");
    post(400, 1, "[" FILE_OF("", "YQ==") "]", "too short");
    post(400, 1, "[" FILE_OF("/a\\n", "YQ==") "]", "path");
    post(400, 1, "[{\"path\": \"/a\"}]", "'contents' is a required property");
    post(400, 1, "[{\"contents\": \"\"}]", "'path' is a required property");
    post(400, 1, "[{\"path\": \"/a\", \"contents\": \"\", \"mode\": 1}]", "'mode' was unexpected");
    post(400, 1, "{}", "not of type 'array'");
    assert_int_equal(count("name = 's'"), 0);
}

/* What a rebuild does not say is not on the new disk; files that it says want a drive. */
static void rebuilt(void **state)
{
    static const char PLAIN[] = "{\"rebuild\": {\"imageRef\": \"" SEED_IMAGE "\"}}";
    static const char WITH[] = "{\"rebuild\": {\"imageRef\": \"" SEED_IMAGE
                               "\", \"personality\": [{\"path\": \"/b\", \"contents\": \"Yg==\"}]}}";

    (void)state;
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "POST", SERVERS "/" ONE "/action", WITH), 202);
    assert_int_equal(count("id = '" ONE "' AND config_drive AND files->0->>'path' = '/b'"), 1);
    kn_test_nova_sql(nova, "UPDATE server SET task_state = NULL WHERE id = '" ONE "' RETURNING 1");
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "POST", SERVERS "/" ONE "/action", PLAIN), 202);
    assert_int_equal(count("id = '" ONE "' AND config_drive AND files IS NULL"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(kept, five_servers_fresh),
        cmocka_unit_test_setup(quotas, five_servers_fresh),
        cmocka_unit_test_setup(refused, five_servers_fresh),
        cmocka_unit_test_setup(rebuilt, five_servers_fresh),
    };

    return cmocka_run_group_tests(tests, kn_seed_group_setup, kn_seed_group_teardown);
}
