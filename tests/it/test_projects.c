/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Projects as a forest below domains: where they may stand, what a disabled or immutable one forbids, their tags, and the lists: filters
 * and pages.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>

#include "lib/adapter/db.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/keystone.h"
#include "tests/support/test.h"

#define TEXT kn_ks_text

static void ask(int status, const char *method, const char *body, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void ask(int status, const char *method, const char *body, const char *fmt, ...)
{
    char path[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(path, sizeof(path), fmt, args);
    va_end(args);
    kn_ks_ask(status, method, path, kn_ks.admin, body);
}

static size_t count(const char *path)
{
    return json_array_size(kn_ks_at(path));
}

static const char *make(const char *name, const char *parent)
{
    AUTO_FREE char *members = parent != NULL ? kn_asprintf("\"name\":\"%s\",\"parent_id\":\"%s\"", name, parent)
                                             : kn_asprintf("\"name\":\"%s\"", name);
    return kn_ks_make("projects", "project", members);
}

/* --- the tree --- */

static void test_tree(void **state)
{
    const char *a = make("a", NULL), *b = make("b", a), *c = make("c", b), *d = make("d", a);
    AUTO_FREE char *up = kn_asprintf("project.parents.%s.%s.default", b, a);
    AUTO_FREE char *down = kn_asprintf("project.subtree.%s.%s", b, c);
    AUTO_FREE char *leaf = kn_asprintf("project.subtree.%s", d);

    (void)state;
    ask(200, "GET", NULL, "/v3/projects/%s?parents_as_ids", c);
    assert_true(json_is_null(kn_ks_at(up)));
    ask(200, "GET", NULL, "/v3/projects/%s?subtree_as_ids=True", a);
    assert_true(json_is_null(kn_ks_at(down)));
    assert_true(json_is_null(kn_ks_at(leaf)));
    assert_null(kn_ks_at("project.parents"));
    ask(200, "GET", NULL, "/v3/projects/%s?subtree_as_ids", d);
    assert_true(json_is_null(kn_ks_at("project.subtree")));
    ask(200, "GET", NULL, "/v3/projects/%s?subtree_as_list&parents_as_list", b);
    assert_int_equal(count("project.subtree"), 0); /* admin has no role there */
    assert_int_equal(count("project.parents"), 0);
    ask(200, "GET", NULL, "/v3/users?name=admin");
    const char *admin = kn_ks_keep(TEXT("users.0.id")), *reader = kn_ks_role("reader");
    ask(204, "PUT", NULL, "/v3/projects/%s/users/%s/roles/%s", a, admin, reader);
    ask(204, "PUT", NULL, "/v3/projects/%s/users/%s/roles/%s", c, admin, reader);
    ask(200, "GET", NULL, "/v3/projects/%s?subtree_as_list&parents_as_list", b);
    assert_string_equal(TEXT("project.subtree.0.project.name"), "c");
    assert_string_equal(TEXT("project.parents.0.project.name"), "a");
    ask(400, "GET", NULL, "/v3/projects/%s?subtree_as_list&subtree_as_ids", b);
    ask(400, "GET", NULL, "/v3/projects/%s?parents_as_list&parents_as_ids", b);
    ask(404, "GET", NULL, "/v3/projects/nowhere?parents_as_ids");
}

static void test_place(void **state)
{
    const char *domain = kn_ks_make("domains", "domain", "\"name\":\"land\""), *parent = make("deep0", NULL);
    AUTO_FREE char *crossed = kn_asprintf("{\"project\":{\"name\":\"x\",\"domain_id\":\"%s\",\"parent_id\":\"%s\"}}",
                                          domain, parent);
    AUTO_FREE char *moved = kn_asprintf("{\"project\":{\"parent_id\":\"%s\"}}", domain);
    AUTO_FREE char *other = kn_asprintf("{\"project\":{\"domain_id\":\"%s\"}}", domain);
    AUTO_FREE char *root = kn_asprintf("{\"project\":{\"name\":\"x\",\"is_domain\":true,\"parent_id\":\"%s\"}}",
                                       domain);

    (void)state;
    ask(400, "POST", crossed, "/v3/projects");
    ask(403, "PATCH", moved, "/v3/projects/%s", parent);
    ask(400, "PATCH", other, "/v3/projects/%s", parent);
    ask(400, "PATCH", "{\"project\":{\"is_domain\":true}}", "/v3/projects/%s", parent);
    ask(200, "PATCH", "{\"project\":{\"is_domain\":false,\"domain_id\":\"default\",\"parent_id\":\"default\"}}",
        "/v3/projects/%s", parent);
    ask(400, "POST", root, "/v3/projects");
    for (int i = 1; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof(name), "deep%d", i);
        parent = make(name, parent);
    }
    AUTO_FREE char *sixth = kn_asprintf("{\"project\":{\"name\":\"deep5\",\"parent_id\":\"%s\"}}", parent);
    ask(403, "POST", sixth, "/v3/projects");
    AUTO_FREE char *too_long = kn_asprintf("{\"project\":{\"name\":\"%065d\"}}", 1);
    ask(400, "POST", too_long, "/v3/projects");
}

static void test_enabled(void **state)
{
    const char *top = make("on", NULL), *low = make("on below", top);
    AUTO_FREE char *below = kn_asprintf("{\"project\":{\"name\":\"new\",\"parent_id\":\"%s\"}}", top);
    static const char OFF[] = "{\"project\":{\"enabled\":false}}", ON[] = "{\"project\":{\"enabled\":true}}";

    (void)state;
    ask(403, "PATCH", OFF, "/v3/projects/%s", top);
    ask(200, "PATCH", OFF, "/v3/projects/%s", low);
    assert_true(json_is_false(kn_ks_at("project.enabled")));
    ask(200, "PATCH", OFF, "/v3/projects/%s", top);
    ask(400, "POST", below, "/v3/projects");
    ask(403, "PATCH", ON, "/v3/projects/%s", low);
    ask(200, "PATCH", ON, "/v3/projects/%s", top);
    ask(200, "PATCH", ON, "/v3/projects/%s", low);
    ask(403, "DELETE", NULL, "/v3/projects/%s", top);
    ask(204, "DELETE", NULL, "/v3/projects/%s", low);
    ask(204, "DELETE", NULL, "/v3/projects/%s", top);
    ask(404, "DELETE", NULL, "/v3/projects/%s", top);
}

/* Disables the project whose path it is given, over a connection of its own; gives the status. */
static void *disable(void *path)
{
    struct kn_test_http http = kn_test_http_open(kn_http_port(kn_ks.server));
    AUTO_FREE char *header = kn_asprintf("X-Auth-Token: %s\r\n", kn_ks.admin);

    kn_test_http_ask(&http, "PATCH", path, header, "{\"project\":{\"enabled\":false}}");
    intptr_t status = http.status;
    kn_test_http_close(&http);
    return (void *)status;
}

static void query(struct kn_db *db, const char *sql, const char *arg, struct kn_rows **ret_rows)
{
    struct kn_error err = { 0 };
    assert_ok(kn_db_query(db, sql, arg != NULL, KN_ARGS(arg), ret_rows, &err), &err);
}

/* Until somebody waits for a lock. */
static void await_a_waiter(struct kn_db *db)
{
    for (int64_t until = kn_mono_ms() + 60000; kn_mono_ms() < until; poll(NULL, 0, 5)) {
        AUTO(kn_rows) struct kn_rows *rows = NULL;
        query(db, "SELECT FROM pg_locks WHERE NOT granted", NULL, &rows);
        if (kn_rows_count(rows) > 0) {
            return;
        }
    }
    fail_msg("nobody waits");
}

/* A child that is made at the same time is not overlooked. */
static void test_race(void **state)
{
    AUTO(kn_db) struct kn_db *db = kn_db_new(kn_ks.url, "race"), *watch = kn_db_new(kn_ks.url, "watch");
    const char *top = make("raced", NULL);
    AUTO_FREE char *path = kn_asprintf("/identity/v3/projects/%s", top);
    struct kn_tx tx = { 0 };
    struct kn_error err = { 0 };
    pthread_t thread;
    void *status = NULL;

    (void)state;
    assert_ok(kn_tx_begin(&tx, db, &err), &err);
    query(db, "SELECT FROM domain WHERE id = 'default' FOR NO KEY UPDATE", NULL, NULL);
    query(db, "INSERT INTO project (id, domain_id, parent_id, name) VALUES ('child', 'default', $1, 'child')", top,
          NULL);
    assert_int_equal(pthread_create(&thread, NULL, disable, path), 0);
    await_a_waiter(watch);
    assert_ok(kn_tx_commit(&tx, &err), &err);
    pthread_join(thread, &status);
    assert_int_equal((intptr_t)status, 403);
}

/* A disabled domain switches off what is in it: tokens, and logins. */
static void test_disabled_domain(void **state)
{
    struct kn_ks_person p = kn_ks_make_person("dina", "member");
    const char *domain = kn_ks_make("domains", "domain", "\"name\":\"dim\",\"tags\":[\"t\"]");
    AUTO_FREE char *members = kn_asprintf("\"name\":\"lamp\",\"domain_id\":\"%s\"", domain);
    const char *project = kn_ks_make("projects", "project", members), *member = kn_ks_role("member");
    AUTO_FREE char *scope = kn_asprintf("{\"project\":{\"id\":\"%s\"}}", project);
    char token[KN_KS_TOKEN], own[KN_KS_TOKEN];

    (void)state;
    ask(204, "PUT", NULL, "/v3/projects/%s/users/%s/roles/%s", project, p.user, member);
    kn_ks_log_in(201, p.name, "s3cret", scope, token);
    kn_ks_log_in(201, p.name, "s3cret", p.scope, own);
    ask(200, "GET", NULL, "/v3/domains/%s", domain);
    assert_string_equal(TEXT("domain.tags.0"), "t");
    ask(200, "PATCH", "{\"domain\":{\"enabled\":false}}", "/v3/domains/%s", domain);
    kn_ks_assert_worth(token, false);
    kn_ks_assert_worth(own, true); /* she is of another domain */
    kn_ks_log_in(401, p.name, "s3cret", scope, NULL);
    ask(200, "GET", NULL, "/v3/projects/%s", project);
    assert_true(json_is_true(kn_ks_at("project.enabled")));
    ask(400, "POST", "{\"project\":{\"name\":\"x\",\"domain_id\":\"nowhere\"}}", "/v3/projects");
    AUTO_FREE char *inside = kn_asprintf("{\"project\":{\"name\":\"x\",\"domain_id\":\"%s\"}}", domain);
    ask(400, "POST", inside, "/v3/projects");
    ask(204, "DELETE", NULL, "/v3/domains/%s", domain);
    ask(404, "GET", NULL, "/v3/projects/%s", project);
}

/* Keystone's second way to say domain. */
static void test_domain_as_project(void **state)
{
    const char *id = kn_ks_make("projects", "project", "\"name\":\"realm\",\"is_domain\":true,\"description\":\"d\"");

    (void)state;
    assert_true(json_is_true(kn_ks_at("project.is_domain")));
    assert_true(json_is_null(kn_ks_at("project.domain_id")));
    assert_true(json_is_null(kn_ks_at("project.parent_id")));
    ask(200, "GET", NULL, "/v3/domains/%s", id);
    assert_string_equal(TEXT("domain.description"), "d");
    ask(200, "GET", NULL, "/v3/projects?name=realm");
    assert_int_equal(count("projects"), 0);
    ask(200, "GET", NULL, "/v3/projects?name=realm&is_domain=true");
    assert_int_equal(count("projects"), 1);
    ask(403, "DELETE", NULL, "/v3/projects/%s", id);
    ask(200, "PATCH", "{\"project\":{\"enabled\":false,\"description\":null}}", "/v3/projects/%s", id);
    ask(409, "POST", "{\"project\":{\"name\":\"realm\",\"is_domain\":true}}", "/v3/projects");
    ask(204, "DELETE", NULL, "/v3/projects/%s", id);
    ask(404, "GET", NULL, "/v3/domains/%s", id);
}

static void test_domains(void **state)
{
    (void)state;
    ask(201, "POST", "{\"domain\":{\"name\":\"chosen\",\"explicit_domain_id\":\"00000000000000000000000000000abc\"}}",
        "/v3/domains");
    assert_string_equal(TEXT("domain.id"), "00000000000000000000000000000abc");
    ask(400, "POST", "{\"domain\":{\"name\":\"x\",\"explicit_domain_id\":\"default\"}}", "/v3/domains");
    ask(409, "POST", "{\"domain\":{\"name\":\"chosen\"}}", "/v3/domains");
    ask(400, "POST", "{\"domain\":{\"name\":\"\"}}", "/v3/domains");
    ask(400, "POST", "{\"domain\":{}}", "/v3/domains");
    ask(404, "PATCH", "{\"domain\":{\"name\":\"x\"}}", "/v3/domains/nowhere");
    ask(404, "DELETE", NULL, "/v3/domains/nowhere");
    ask(200, "GET", NULL, "/v3/domains?name__startswith=cho&enabled=1");
    assert_int_equal(count("domains"), 1);
}

static void test_immutable(void **state)
{
    static const char *const NOUNS[][2] = { { "projects", "project" }, { "domains", "domain" }, { "roles", "role" } };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(NOUNS); i++) {
        const char *collection = NOUNS[i][0], *noun = NOUNS[i][1];
        const char *id = kn_ks_make(collection, noun, "\"name\":\"stone\",\"options\":{\"immutable\":true}");
        AUTO_FREE char *option = kn_asprintf("%s.options.immutable", noun);
        AUTO_FREE char *rename = kn_asprintf("{\"%s\":{\"name\":\"sand\"}}", noun);
        AUTO_FREE char *both = kn_asprintf("{\"%s\":{\"name\":\"sand\",\"options\":{\"immutable\":false}}}", noun);
        AUTO_FREE char *back = kn_asprintf("{\"%s\":{\"options\":{\"immutable\":false}}}", noun);
        AUTO_FREE char *bad = kn_asprintf("{\"%s\":{\"options\":{\"fluid\":true}}}", noun);

        assert_true(json_is_true(kn_ks_at(option)));
        ask(403, "PATCH", rename, "/v3/%s/%s", collection, id);
        ask(403, "PATCH", both, "/v3/%s/%s", collection, id);
        ask(403, "DELETE", NULL, "/v3/%s/%s", collection, id);
        ask(400, "PATCH", bad, "/v3/%s/%s", collection, id);
        ask(200, "PATCH", back, "/v3/%s/%s", collection, id);
        assert_null(kn_ks_at(option));
        ask(200, "PATCH", rename, "/v3/%s/%s", collection, id);
    }
}

/* --- tags --- */

static void test_tags(void **state)
{
    const char *id = make("tagged", NULL);
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf many = KN_STRBUF_INIT;

    (void)state;
    ask(201, "PUT", NULL, "/v3/projects/%s/tags/blue", id);
    assert_non_null(strstr(kn_test_http_header(&kn_ks.http, "Location"), "/tags/blue"));
    ask(400, "PUT", NULL, "/v3/projects/%s/tags/blue", id); /* again */
    ask(200, "GET", NULL, "/v3/projects/%s/tags", id);
    assert_int_equal(count("tags"), 1);
    ask(204, "GET", NULL, "/v3/projects/%s/tags/blue", id);
    ask(404, "GET", NULL, "/v3/projects/%s/tags/red", id);
    ask(200, "PUT", "{\"tags\":[\"a\",\"b c\"]}", "/v3/projects/%s/tags", id);
    assert_string_equal(TEXT("tags.1"), "b c");
    ask(200, "GET", NULL, "/v3/projects/%s/tags", id);
    assert_int_equal(count("tags"), 2);
    ask(200, "GET", NULL, "/v3/projects/%s", id);
    assert_string_equal(TEXT("project.tags.0"), "a");
    ask(204, "DELETE", NULL, "/v3/projects/%s/tags/b%%20c", id);
    ask(404, "DELETE", NULL, "/v3/projects/%s/tags/b%%20c", id);
    ask(400, "PUT", "{\"tags\":[\"a\",\"a\"]}", "/v3/projects/%s/tags", id);
    ask(400, "PUT", "{\"tags\":[\"a,b\"]}", "/v3/projects/%s/tags", id);
    ask(400, "PUT", "{\"tags\":[\"\"]}", "/v3/projects/%s/tags", id);
    ask(400, "PUT", "{\"tags\":\"a\"}", "/v3/projects/%s/tags", id);
    ask(400, "PUT", "{}", "/v3/projects/%s/tags", id);
    ask(400, "PUT", NULL, "/v3/projects/%s/tags/a,b", id);
    ask(404, "PUT", NULL, "/v3/projects/nowhere/tags/a");
    ask(404, "GET", NULL, "/v3/projects/nowhere/tags");
    ask(404, "DELETE", NULL, "/v3/projects/nowhere/tags");
    for (int i = 0; i < 80; i++) {
        kn_strbuf_addf(&many, "%s\"t%d\"", i == 0 ? "{\"tags\":[" : ",", i);
    }
    kn_strbuf_addstr(&many, "]}");
    ask(200, "PUT", many.buf, "/v3/projects/%s/tags", id);
    ask(400, "PUT", NULL, "/v3/projects/%s/tags/one-too-many", id);
    ask(204, "DELETE", NULL, "/v3/projects/%s/tags", id);
    ask(200, "GET", NULL, "/v3/projects/%s/tags", id);
    assert_int_equal(count("tags"), 0);
}

/* --- lists --- */

static void expect(const char *query, size_t expected)
{
    ask(200, "GET", NULL, "/v3/projects?parent_id=%s", query);
    if (count("projects") != expected) {
        fail_msg("%s: %s, wanted %zu", query, kn_ks.http.body.buf, expected);
    }
}

static void test_filters(void **state)
{
    static const struct {
        const char *query;
        size_t expected;
    } CASES[] = {
        { "", 3 },
        { "&name=Red%20One", 1 },
        { "&name__contains=One", 2 },
        { "&name__contains=one", 0 },
        { "&name__icontains=one", 2 },
        { "&name__startswith=Red", 2 },
        { "&name__istartswith=RED", 2 },
        { "&name__endswith=Two", 1 },
        { "&name__iendswith=TWO", 1 },
        { "&name__contains=%25", 0 },
        { "&name__contains=%27", 0 },
        { "&name__rhymes=x", 3 },
        { "&colour=red", 3 },
        { "&enabled", 2 },
        { "&enabled=False", 1 },
        { "&domain_id=default", 3 },
        { "&domain_id=other", 0 },
        { "&description=warm", 1 },
        { "&tags=r", 2 },
        { "&tags=r,1", 1 },
        { "&tags-any=1,2", 3 },
        { "&not-tags=r,1", 2 },
        { "&not-tags-any=r", 1 },
        { "&tags=r&not-tags=2", 1 },
        { "&name__startswith=Red&enabled=true", 1 },
    };
    const char *top = make("shelf", NULL);
    AUTO_FREE char *one =
        kn_asprintf("\"name\":\"Red One\",\"parent_id\":\"%s\",\"tags\":[\"r\",\"1\"],\"description\":\"warm\"", top);
    AUTO_FREE char *two =
        kn_asprintf("\"name\":\"Red Two\",\"parent_id\":\"%s\",\"tags\":[\"r\",\"2\"],\"enabled\":false", top);
    AUTO_FREE char *three = kn_asprintf("\"name\":\"Blue One\",\"parent_id\":\"%s\",\"tags\":[\"1\"]", top);

    (void)state;
    kn_ks_make("projects", "project", one);
    kn_ks_make("projects", "project", two);
    kn_ks_make("projects", "project", three);
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        AUTO_FREE char *query = kn_asprintf("%s%s", top, CASES[i].query);
        expect(query, CASES[i].expected);
    }
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf many = KN_STRBUF_INIT;
    for (int i = 0; i < 40; i++) {
        kn_strbuf_addstr(&many, "&name=x");
    }
    ask(400, "GET", NULL, "/v3/projects?a%s", many.buf);
    ask(400, "GET", NULL, "/v3/projects?enabled=perhaps");
}

/* Every row once, by name, however small the pages. */
static void test_pages(void **state)
{
    const char *top = make("pages", NULL);
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf seen = KN_STRBUF_INIT;
    AUTO_FREE char *next = kn_asprintf("/v3/projects?parent_id=%s&limit=2", top);

    (void)state;
    for (int i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof(name), "page %c", 'e' - i);
        make(name, top);
    }
    for (int pages = 1; next != NULL; pages++) {
        kn_ks_ask(200, "GET", next, kn_ks.admin, NULL);
        for (size_t i = 0; i < count("projects"); i++) {
            char path[32];
            snprintf(path, sizeof(path), "projects.%zu.name", i);
            kn_strbuf_addstr(&seen, TEXT(path) + strlen("page "));
        }
        const char *link = json_string_value(kn_ks_at("links.next"));
        assert_int_equal(json_is_true(kn_ks_at("truncated")), link != NULL);
        assert_true(pages <= 3);
        free(next);
        next = link != NULL ? kn_strdup(strstr(link, "/v3/")) : NULL;
    }
    assert_string_equal(seen.buf, "abcde");
    ask(200, "GET", NULL, "/v3/projects?parent_id=%s&limit=0", top);
    assert_int_equal(count("projects"), 5);
    ask(404, "GET", NULL, "/v3/projects?marker=nowhere");
    ask(400, "GET", NULL, "/v3/projects?limit=many");
    ask(400, "GET", NULL, "/v3/projects?limit=-1");
    ask(200, "GET", NULL, "/v3/users?limit=1");
    assert_int_equal(count("users"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_place),
        cmocka_unit_test(test_enabled),
        cmocka_unit_test(test_race),
        cmocka_unit_test(test_disabled_domain),
        cmocka_unit_test(test_domain_as_project),
        cmocka_unit_test(test_domains),
        cmocka_unit_test(test_immutable),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_pages),
    };
    return cmocka_run_group_tests(tests, kn_ks_group_start, kn_ks_group_stop);
}
