/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The query of a list, a line "key=value" each: it becomes a statement or is refused, and not a byte of a value becomes SQL: with other
 * values the statement is the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "identity/rows/nouns.h"
#include "lib/adapter/http_private.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What decides the form of the statement, not only its parameters. */
static bool forms(const char *key)
{
    static const char *const KEYS[] = {
        "sort_key", "sort_dir", "limit", "enabled", "is_domain", "password_expires_at"
    };

    for (size_t i = 0; i < KN_COUNT(KEYS); i++) {
        if (strcmp(KEYS[i], key) == 0) {
            return true;
        }
    }
    return false;
}

static void add_pair(struct kn_strbuf *target, const char *key, const char *value)
{
    kn_strbuf_addch(target, '&');
    kn_strbuf_addurl(target, key);
    kn_strbuf_addch(target, '=');
    kn_strbuf_addurl(target, value);
}

static void read_lines(char *text, struct kn_strbuf *as_is, struct kn_strbuf *other)
{
    for (char *line = strsep(&text, "\n"); line != NULL; line = strsep(&text, "\n")) {
        char *value = strchr(line, '=');
        if (value != NULL) {
            *value++ = '\0';
        }
        if (value != NULL && strcmp(line, "marker") != 0) { /* the database would be asked */
            add_pair(as_is, line, value);
            add_pair(other, line, forms(line) ? value : "another");
        }
    }
}

/* 0 or -1; aborts if it is refused without words. */
static int build(const struct kn_rest_noun *noun, const char *target, struct kn_rest_query *ret)
{
    struct kn_http_server server = { 0 };
    struct kn_http_raw *raw = kn_http_raw_new(&server, target, NULL);
    AUTO_RELEASE(kn_rest_list)
    struct kn_rest_list l = { .req = &raw->req, .noun = noun, .view = KN_REST_LIST, .query = KN_REST_QUERY_INIT };
    struct kn_error err = { 0 };
    int rc = kn_request_query_read(&raw->req, &err) < 0 || kn_rest_list_read(&l, &err) < 0
                 ? -1
                 : kn_rest_list_sql(&l, ret, &err);

    kn_http_raw_free(raw);
    if (rc < 0 && (err.code != KN_BAD_REQUEST || err.message[0] == '\0')) {
        abort();
    }
    return rc;
}

static void compare(const struct kn_rest_noun *noun, const char *as_is, const char *other)
{
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query one = KN_REST_QUERY_INIT, same = KN_REST_QUERY_INIT;

    if (build(noun, as_is, &one) == 0 &&
        (build(noun, other, &same) < 0 || one.count != same.count || strcmp(one.sql.buf, same.sql.buf) != 0)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf as_is = KN_STRBUF_INIT, other = KN_STRBUF_INIT;
    AUTO_FREE char *text = kn_alloc(size + 1);

    if (size > 0) {
        memcpy(text, data, size);
    }
    kn_strbuf_addstr(&as_is, "/v3/users?");
    kn_strbuf_addstr(&other, "/v3/users?");
    read_lines(text, &as_is, &other);
    compare(&kn_identity_user_noun, as_is.buf, other.buf);
    compare(&kn_identity_project_noun, as_is.buf, other.buf);
    return 0;
}
