/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each limit of lib/domain/limits.def that a client can reach, sent to a whole cloud at the limit and one over, in characters of one, two and
 * four bytes: what fits is taken and kept as it was sent, and a server made of it becomes ACTIVE; what does not is refused in the
 * service's words and changes nothing. A limit that is neither walked nor excused here fails the test.
 */
#include <stdio.h>

#include "lib/base/mem.h"
#include "lib/domain/limits.h"
#include "tests/support/test.h"
#include "tests/support/whole_cloud.h"

#define COMPUTE "/compute/v2.1"
#define VOLUME "/volume/v3/<project>"
#define IMAGE "/image/v2"
#define NETWORK "/network/v2.0"
#define IDENTITY "/identity/v3"
#define VERSION "OpenStack-API-Version: compute 2.96\r\n" KN_WHOLE_JSON
#define OLD "OpenStack-API-Version: compute 2.92\r\n" KN_WHOLE_JSON
#define SERVERS COMPUTE "/servers"
#define FLAVORS COMPUTE "/flavors"
#define IMAGES IMAGE "/images"
#define SERVER(members) "{\"server\": {\"imageRef\": \"<image>\", \"networks\": \"none\", " members "}}"
#define S(members) SERVER("\"flavorRef\": \"walk\", " members)
#define NAMED(members) S("\"name\": \"s\", " members)
#define FIRST "id = (SELECT id FROM server ORDER BY created_at LIMIT 1)"
#define FLAVOR(members) "{\"flavor\": {" members "}}"
#define SIZED(members) FLAVOR("\"name\": \"f~\", \"ram\": 1, \"vcpus\": 1, \"disk\": 0, " members)
#define PORT(members) "{\"port\": {\"network_id\": \"<network>\", " members "}}"
#define GIB(members) "{\"volume\": {\"size\": 1, " members "}}"
#define USER(members) "{\"user\": {\"name\": \"u~\", " members "}}"
#define RULES(rules) "{\"application_credential\": {\"name\": \"a~\", \"access_rules\": [" rules "]}}"
#define MFA(rules) "{\"user\": {\"options\": {\"multi_factor_auth_rules\": [" rules "]}}}"
#define REGISTERED(members) "{\"registered_limits\": [{\"service_id\": \"<service>\", " members "}]}"

enum {
    ASCII = 1,  /* the field takes no other characters */
    OVER = 2,   /* at the limit it is refused as well, for what it says */
    BASE64 = 4, /* lines of base64 */
};

struct walk {
    enum kn_limit limit;
    unsigned flags;
    const char *method, *path, *headers;
    const char *body;   /* '@' is the value, '~' is another number each time, <name> a thing of the cloud */
    const char *table;  /* does not change when it is refused */
    const char *kept;   /* a condition that holds for one row afterwards; $1 is the value */
    const char *item;   /* of a limit of items: one, '#' its number */
    int over;           /* the status of one over; 0 = 400 */
    const char *before, *after; /* what the value must begin and end with; they count */
};

#define L(name) KN_LIMIT_##name
#define WALK(l, f, m, p, h, b, ...) \
    { \
        .limit = L(l), .flags = f, .method = m, .path = p, .headers = h, .body = b, .table = __VA_ARGS__ \
    }
static const struct walk WALKS[] = {
#include "tests/it/limits_walk.def"
};

static const struct {
    enum kn_limit limit;
    const char *why;
} EXCUSED[] = {
#include "tests/it/limits_excused.def"
};

/* --- the cloud ---------------------------------------------------------------------------------------------------------- */

static struct {
    const char *name;
    char value[KN_UUID_SIZE * 2];
} things[] = { { "project", "" }, { "image", "" },  { "network", "" },    { "policy", "" }, { "rule", "" },
               { "server", "" },  { "volume", "" }, { "flavor", "walk" }, { "user", "" },   { "service", "" },
               { "host", "" },    { "subnet", "" }, { "me", "" } };

static char *thing(const char *name)
{
    for (size_t i = 0; i < KN_COUNT(things); i++) {
        if (strcmp(things[i].name, name) == 0) {
            return things[i].value;
        }
    }
    fail_msg("there is no <%s>", name);
    return NULL;
}

/* Puts things, the value and numbers into a template. */
static char *fill(const char *template, const char *value)
{
    static int number;
    struct kn_strbuf out = KN_STRBUF_INIT;

    for (const char *at = template; *at != '\0'; at++) {
        const char *end = *at == '<' ? strchr(at, '>') : NULL;

        if (end != NULL) {
            AUTO_FREE char *name = kn_strndup(at + 1, (size_t)(end - at) - 1);
            kn_strbuf_addstr(&out, thing(name));
            at = end;
        } else if (*at == '@') {
            kn_strbuf_addstr(&out, value);
        } else if (*at == '~') {
            kn_strbuf_addint(&out, ++number);
        } else {
            kn_strbuf_addch(&out, *at);
        }
    }
    return kn_strbuf_detach(&out);
}

static void make(int status, const char *name, const char *path, const char *headers, const char *body, const char *at)
{
    AUTO_FREE char *where = fill(path, ""), *what = fill(body, "");

    if (kn_whole_cloud_ask("POST", where, headers, what) != status) {
        fail_msg("POST %s: %d %s", where, kn_whole.http.status, kn_whole.http.body.buf);
    }
    if (name != NULL) {
        snprintf(thing(name), KN_UUID_SIZE * 2, "%s", kn_whole_cloud_text(at));
    }
}

static void put(int status, const char *path, const char *headers, const char *body)
{
    AUTO_FREE char *where = fill(path, "");

    if (kn_whole_cloud_ask("PUT", where, headers, body) != status) {
        fail_msg("PUT %s: %d %s", where, kn_whole.http.status, kn_whole.http.body.buf);
    }
}

static int start(void **state)
{
    (void)state;
    setenv("KILONOVA_NETWORK_PHYSICAL_MTU", "65605", 1); /* wires on which the largest network fits */
    kn_whole_cloud_start("20");
    snprintf(thing("project"), KN_UUID_SIZE * 2, "%s", kn_whole.project);
    put(200, COMPUTE "/os-quota-sets/<project>", KN_WHOLE_JSON,
        "{\"quota_set\": {\"instances\": -1, \"cores\": -1, \"ram\": -1, \"key_pairs\": -1, \"metadata_items\": -1}}");
    put(200, NETWORK "/quotas/<project>", KN_WHOLE_JSON,
        "{\"quota\": {\"network\": -1, \"subnet\": -1, \"port\": -1}}");
    put(200, "/volume/v3/<project>/os-quota-sets/<project>", KN_WHOLE_JSON,
        "{\"quota_set\": {\"volumes\": -1, \"gigabytes\": -1}}");
    make(201, "image", IMAGE "/images", KN_WHOLE_JSON,
         "{\"name\": \"i\", \"disk_format\": \"raw\", \"container_format\": \"bare\"}", "id");
    put(204, IMAGE "/images/<image>/file", "Content-Type: application/octet-stream\r\n", "a disk");
    make(201, "network", NETWORK "/networks", KN_WHOLE_JSON, "{\"network\": {\"name\": \"n\"}}", "network.id");
    make(201, "policy", NETWORK "/qos/policies", KN_WHOLE_JSON, "{\"policy\": {\"name\": \"p\"}}", "policy.id");
    make(201, "rule", NETWORK "/qos/policies/<policy>/bandwidth_limit_rules", KN_WHOLE_JSON,
         "{\"bandwidth_limit_rule\": {\"max_kbps\": 1}}", "bandwidth_limit_rule.id");
    make(201, "subnet", NETWORK "/subnets", KN_WHOLE_JSON,
         "{\"subnet\": {\"network_id\": \"<network>\", \"ip_version\": 4, \"cidr\": \"10.0.0.0/16\"}}", "subnet.id");
    make(
        200, NULL, COMPUTE "/flavors", KN_WHOLE_JSON,
        "{\"flavor\": {\"id\": \"walk\", \"name\": \"walk\", \"vcpus\": 1, \"ram\": 64, \"disk\": 1, \"os-flavor-access:is_public\": false}}",
        NULL);
    make(200, NULL, COMPUTE "/flavors/walk/action", KN_WHOLE_JSON, "{\"addTenantAccess\": {\"tenant\": \"<project>\"}}",
         NULL);
    make(202, "server", COMPUTE "/servers", VERSION, SERVER("\"name\": \"s\", \"flavorRef\": \"walk\""), "server.id");
    make(202, "volume", VOLUME "/volumes", KN_WHOLE_JSON, "{\"volume\": {\"size\": 1}}", "volume.id");
    make(201, "user", IDENTITY "/users", KN_WHOLE_JSON, "{\"user\": {\"name\": \"walker\", \"password\": \"first\"}}",
         "user.id");
    make(201, "service", IDENTITY "/services", KN_WHOLE_JSON, "{\"service\": {\"type\": \"walk\"}}", "service.id");
    snprintf(thing("me"), KN_UUID_SIZE * 2, "%s", kn_whole.user);
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE vm_state = 'active'", 1);
    assert_int_equal(kn_whole_cloud_ask("GET", COMPUTE "/os-services?binary=nova-compute", VERSION, NULL), 200);
    snprintf(thing("host"), KN_UUID_SIZE * 2, "%s", kn_whole_cloud_text("services.0.id"));
    return 0;
}

/* --- values ------------------------------------------------------------------------------------------------------------- */

/* n items, by their numbers. */
static char *items(const char *item, int64_t n)
{
    struct kn_strbuf out = KN_STRBUF_INIT;

    for (int64_t i = 0; i < n; i++) {
        kn_strbuf_addstr(&out, i > 0 ? ", " : "");
        for (const char *at = item; *at != '\0'; at++) {
            if (*at == '#') {
                kn_strbuf_addint(&out, i);
            } else {
                kn_strbuf_addch(&out, *at);
            }
        }
    }
    kn_strbuf_addstr(&out, "");
    return kn_strbuf_detach(&out);
}

/* Of this measure; text: as it is kept, JSON: as it is sent. */
static char *value_of(const struct walk *w, int64_t measure, const char *character)
{
    const enum kn_limit_unit unit = kn_limit_rows[w->limit].unit;
    struct kn_strbuf out = KN_STRBUF_INIT;

    if (unit == KN_UNIT_ITEMS) {
        return items(w->item, measure);
    }
    if (unit == KN_UNIT_NUMBER) {
        return kn_asprintf("%lld", (long long)measure);
    }
    kn_strbuf_addstr(&out, w->before != NULL ? w->before : "");
    measure -= (int64_t)kn_utf8_count(w->before) + (int64_t)kn_utf8_count(w->after);
    for (int64_t i = 0; i < measure; i++) {
        kn_strbuf_addstr(&out, (w->flags & BASE64) != 0 && i >= measure - measure % 4 ? "\n" : character);
    }
    kn_strbuf_addstr(&out, w->after != NULL ? w->after : "");
    return kn_strbuf_detach(&out);
}

/* Inside JSON's quotes. */
static char *quoted(const struct walk *w, const char *value)
{
    struct kn_strbuf out = KN_STRBUF_INIT;

    for (const char *at = value; *at != '\0'; at++) {
        kn_strbuf_addstr(&out, "");
        if (*at == '\n' && (w->flags & BASE64) != 0) {
            kn_strbuf_addstr(&out, "\\n");
        } else {
            kn_strbuf_addch(&out, *at);
        }
    }
    return kn_strbuf_detach(&out);
}

/* --- the walk ----------------------------------------------------------------------------------------------------------- */

static int send_value(const struct walk *w, const char *value)
{
    AUTO_FREE char *escaped = quoted(w, value);
    AUTO_FREE char *json = w->item != NULL ? fill(escaped, "") : kn_strdup(escaped);
    AUTO_FREE char *body = w->body != NULL ? fill(w->body, json) : NULL;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf url = KN_STRBUF_INIT;

    kn_strbuf_addurl(&url, value);
    AUTO_FREE char *path = fill(w->path, url.len > 0 ? url.buf : "");
    return kn_whole_cloud_ask(w->method, path, w->headers, body);
}

static int complaints; /* all of them are told, not the first alone */

static void complain(const struct walk *w, int64_t measure, const char *character, const char *what)
{
    complaints++;
    print_error("%s of %lld \"%s\", %s %s: %d %.300s: %s\n", kn_limit_rows[w->limit].name, (long long)measure,
                character, w->method, w->path, kn_whole.http.status, kn_whole.http.body.buf, what);
}

static void fits(const struct walk *w, int64_t measure, const char *character)
{
    AUTO_FREE char *value = value_of(w, measure, character);
    AUTO_FREE char *sql = w->kept != NULL ? kn_asprintf("SELECT count(*) FROM \"%s\" WHERE %s", w->table, w->kept)
                                          : NULL;

    if (send_value(w, value) / 100 != 2) {
        complain(w, measure, character, "fits");
    } else if (sql != NULL && kn_whole_cloud_count(sql, value) != 1) {
        complain(w, measure, character, "is not kept as it was sent");
    }
    if (strcmp(w->table, "volume_backup") == 0) { /* a volume is backed up by one at a time */
        kn_whole_cloud_await("SELECT count(*) FROM volume_backup WHERE status = 'creating'", 0);
    }
}

/* The cloud itself writes to the rows of these; their number is ours. */
static bool is_moving(const char *table)
{
    return strcmp(table, "server") == 0 || strcmp(table, "volume") == 0 || strcmp(table, "host") == 0 ||
           strcmp(table, "port") == 0 || strcmp(table, "volume_backup") == 0;
}

static void exceeds(const struct walk *w, int64_t measure, const char *character)
{
    AUTO_FREE char *value = value_of(w, measure, character);
    AUTO_FREE char *sql = kn_asprintf(is_moving(w->table)
                                          ? "SELECT count(*) FROM \"%s\""
                                          : "SELECT count(*) + coalesce(sum(hashtext(t::text)), 0) FROM \"%s\" t",
                                      w->table);
    const int64_t before = kn_whole_cloud_count(sql, NULL);

    if (send_value(w, value) != (w->over != 0 ? w->over : 400)) {
        complain(w, measure, character, "does not fit");
    }
    const char *type = kn_test_http_header(&kn_whole.http, "Content-Type");
    if (strncmp(type, "application/json", 16) == 0) {
        json_decref(kn_test_http_json(&kn_whole.http));
    } else if (strncmp(type, "text/html", 9) != 0 || strncmp(w->path, IMAGE, strlen(IMAGE)) != 0) {
        complain(w, measure, character, "is not the service's dialect");
    }
    if (kn_whole_cloud_count(sql, NULL) != before) {
        complain(w, measure, character, "was refused and changed something");
    }
}

static void walk(const struct walk *w)
{
    static const char *const CHARACTERS[] = { "a", "\xC3\xA9", "\xF0\x9F\x98\x80" };
    const struct kn_limit_row *row = &kn_limit_rows[w->limit];
    const bool is_text = row->unit == KN_UNIT_CHARS || row->unit == KN_UNIT_BYTES;

    for (size_t i = 0; i < (is_text ? KN_COUNT(CHARACTERS) : 1); i++) {
        if (i == 0 || (w->flags & (ASCII | BASE64)) == 0) {
            if ((w->flags & OVER) == 0) {
                fits(w, row->max, CHARACTERS[i]);
            } else {
                exceeds(w, row->max, CHARACTERS[i]);
            }
            exceeds(w, row->max + 1, CHARACTERS[i]);
        } else {
            exceeds(w, row->max, CHARACTERS[i]); /* other characters are refused at any length */
            exceeds(w, row->max / 2, CHARACTERS[i]);
        }
    }
    if (row->unit == KN_UNIT_NUMBER) {
        exceeds(w, row->min - 1, "");
        exceeds(w, INT64_MAX, "");
        exceeds(w, INT64_MIN, "");
    }
}

static void at_the_limit_and_one_over(void **state)
{
    (void)state;
    complaints = 0;
    for (size_t i = 0; i < KN_COUNT(WALKS); i++) {
        walk(&WALKS[i]);
    }
    assert_int_equal(complaints, 0);
    kn_whole_cloud_await(
        "SELECT count(*) FROM server WHERE deleted_at IS NULL AND (vm_state = 'building' OR task_state IS NOT NULL)",
        0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM server WHERE vm_state <> 'active'", NULL), 0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM task WHERE state = 'failed' AND kind LIKE 'server.%'",
                                          NULL),
                     0);
}

static void every_limit_is_walked_or_excused(void **state)
{
    (void)state;
    for (int limit = KN_LIMIT_NONE + 1; limit < KN_LIMIT_COUNT; limit++) {
        bool walked = false, excused = false;

        for (size_t i = 0; i < KN_COUNT(WALKS); i++) {
            walked = walked || WALKS[i].limit == (enum kn_limit)limit;
        }
        for (size_t i = 0; i < KN_COUNT(EXCUSED); i++) {
            excused = excused || EXCUSED[i].limit == (enum kn_limit)limit;
        }
        if (walked == excused) {
            fail_msg("%s is %s", kn_limit_rows[limit].name,
                     walked ? "walked and excused" : "not walked: add a row to tests/it/limits_walk.def");
        }
    }
}

/* --- what no limit names ------------------------------------------------------------------------------------------------ */

/* NUL, half a surrogate pair and bytes that are no UTF-8: 400 from everybody, in every text. */
static void no_text_at_all(void **state)
{
    static const char *const BAD[] = { "\\u0000", "\\ud800", "\\udc00x", "\xC3", "\xFF\xFE" };

    (void)state;
    complaints = 0;
    for (size_t i = 0; i < KN_COUNT(WALKS); i++) {
        for (size_t j = 0; WALKS[i].body != NULL && strchr(WALKS[i].body, '@') != NULL &&
                           kn_limit_rows[WALKS[i].limit].unit == KN_UNIT_CHARS && j < KN_COUNT(BAD);
             j++) {
            AUTO_FREE char *body = fill(WALKS[i].body, BAD[j]);
            AUTO_FREE char *path = fill(WALKS[i].path, "x");

            if (kn_whole_cloud_ask(WALKS[i].method, path, WALKS[i].headers, body) != 400) {
                complaints++;
                print_error("%s %s with \"%s\": %d %s\n", WALKS[i].method, path, BAD[j], kn_whole.http.status,
                            kn_whole.http.body.buf);
            }
        }
    }
    assert_int_equal(complaints, 0);
}

/* Bytes that are no text in a path or a query are refused, too. */
static void no_text_in_a_path(void **state)
{
    static const char *const BAD[] = { "%00", "%FF", "%C3", "%ED%A0%80" };
    static const char *const PATHS[] = {
        SERVERS "/%s",
        SERVERS "?name=%s",
        SERVERS "?limit=%s",
        SERVERS "?marker=%s",
        FLAVORS "/%s",
        COMPUTE "/os-keypairs/%s",
        IMAGES "?name=%s",
        IMAGES "/%s",
        NETWORK "/networks?name=%s",
        NETWORK "/ports?device_id=%s",
        NETWORK "/networks/%s",
        IDENTITY "/users?name=%s",
        IDENTITY "/users/%s",
        IDENTITY "/regions/%s",
        IDENTITY "/projects?tags=%s",
        "/image/v2/metadefs/namespaces/%s",
    };

    (void)state;
    complaints = 0;
    for (size_t i = 0; i < KN_COUNT(PATHS); i++) {
        for (size_t j = 0; j < KN_COUNT(BAD); j++) {
            AUTO_RELEASE(kn_strbuf) struct kn_strbuf path = KN_STRBUF_INIT;
            const char *hole = strstr(PATHS[i], "%s");

            kn_strbuf_add(&path, PATHS[i], (size_t)(hole - PATHS[i]));
            kn_strbuf_addstr(&path, BAD[j]);
            if (kn_whole_cloud_ask("GET", path.buf, NULL, NULL) / 100 != 4) {
                complaints++;
                print_error("GET %s: %d %s\n", path.buf, kn_whole.http.status, kn_whole.http.body.buf);
            }
        }
    }
    assert_int_equal(complaints, 0);
}

/* More than a page is a page, however many digits say it; what is no number is refused. */
static void pages_are_cut(void **state)
{
    static const char *const LISTS[] = { COMPUTE "/servers", COMPUTE "/flavors",  VOLUME "/volumes",
                                         IMAGE "/images",    NETWORK "/networks", NETWORK "/ports" };
    static const char *const LIMITS[] = { "1000", "1001", "2147483648", "9223372036854775807" };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(LISTS); i++) {
        for (size_t j = 0; j < KN_COUNT(LIMITS); j++) {
            AUTO_FREE char *path = fill(LISTS[i], "");
            AUTO_FREE char *whole = kn_asprintf("%s?limit=%s", path, LIMITS[j]);

            if (kn_whole_cloud_ask("GET", whole, NULL, NULL) != 200) {
                fail_msg("GET %s: %d %s", whole, kn_whole.http.status, kn_whole.http.body.buf);
            }
        }
        AUTO_FREE char *path = fill(LISTS[i], "");
        AUTO_FREE char *bad = kn_asprintf("%s?limit=-1", path);
        assert_int_equal(kn_whole_cloud_ask("GET", bad, NULL, NULL), 400);
    }
}

/* The longest names, of the longest characters, come back whole from a login. */
static void names_in_tokens(void **state)
{
    AUTO_FREE char *name = value_of(&(struct walk){ .limit = L(IDENTITY_NAME) }, KN_MAX_IDENTITY_NAME,
                                    "\xF0\x9F\x98\x81");
    AUTO_FREE char *user = kn_asprintf("{\"user\": {\"name\": \"%s\", \"password\": \"s3cret\"}}", name);
    char token[KN_KS_TOKEN];

    (void)state;
    assert_int_equal(kn_whole_cloud_ask("POST", IDENTITY "/users", KN_WHOLE_JSON, user), 201);
    kn_ks_log_in(201, name, "s3cret", NULL, token);
    assert_string_equal(kn_ks_text("token.user.name"), name);
}

/* Metadata that no quota bounds still travels to a host in one message; more than that is refused at the door. */
static void metadata_that_travels(void **state)
{
    AUTO_FREE char *value = value_of(&(struct walk){ .limit = L(META_VALUE) }, KN_MAX_META_VALUE, "\xF0\x9F\x98\x80");
    AUTO_FREE char *item = kn_asprintf("\"key#\": \"%s\"", value);
    AUTO_FREE char *fitting = items(item, KN_MAX_SERVER_METADATA / (int)(strlen(item) + 4)),
                   *more = items(item, KN_MAX_SERVER_METADATA / (int)strlen(item) + 1);
    AUTO_FREE char *taken = fill(NAMED("\"metadata\": {@}"), fitting),
                   *refused = fill(NAMED("\"metadata\": {@}"), more);
    AUTO_FREE char *change = kn_asprintf("{\"metadata\": {%s}}", more);
    AUTO_FREE char *path = fill(SERVERS "/<server>/metadata", "");

    (void)state;
    assert_int_equal(kn_whole_cloud_ask("POST", SERVERS, VERSION, taken), 202);
    assert_int_equal(kn_whole_cloud_ask("POST", SERVERS, VERSION, refused), 400);
    assert_int_equal(kn_whole_cloud_ask("PUT", path, VERSION, change), 400);
    assert_int_equal(kn_whole_cloud_ask("POST", path, VERSION, change), 400);
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE vm_state <> 'active'", 0);
}

/* vCPUs of two servers are more than 2^31: no column overflows, in coming and going. */
static void sums_of_limits(void **state)
{
    AUTO_FREE char *body = fill(SERVER("\"flavorRef\": \"huge\", \"name\": \"h\", \"min_count\": 3"), "");

    (void)state;
    make(200, NULL, FLAVORS, KN_WHOLE_JSON,
         FLAVOR("\"id\": \"huge\", \"name\": \"huge\", \"vcpus\": 2147483647, \"ram\": 2147483647, \"disk\": 0"), NULL);
    assert_int_equal(kn_whole_cloud_ask("POST", SERVERS, VERSION, body), 202);
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE vm_state = 'error' AND flavor->>'id' = 'huge'", 3);
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(kn_whole.db, "SELECT id FROM server WHERE vm_state = 'error'", 0, KN_NO_ARGS, &rows, &err),
              &err);
    for (int i = 0; i < 3; i++) {
        AUTO_FREE char *path = kn_asprintf(SERVERS "/%s", kn_rows_text(rows, i, 0));
        assert_int_equal(kn_whole_cloud_ask("DELETE", path, VERSION, NULL), 204);
    }
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE vm_state = 'error'", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_limit_is_walked_or_excused),
        cmocka_unit_test(at_the_limit_and_one_over),
        cmocka_unit_test(no_text_at_all),
        cmocka_unit_test(no_text_in_a_path),
        cmocka_unit_test(pages_are_cut),
        cmocka_unit_test(names_in_tokens),
        cmocka_unit_test(metadata_that_travels),
        cmocka_unit_test(sums_of_limits),
    };
    return cmocka_run_group_tests(tests, start, kn_whole_cloud_teardown);
}
