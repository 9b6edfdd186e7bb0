/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The query of a list, a line "key=value" each: it becomes a statement or is refused, and not a byte of a value becomes SQL: with other
 * values the statement is the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "identity/filter.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct kn_field FIELDS[] = {
    { "name", "name", KN_FIELD_TEXT }, { "enabled", "enabled", KN_FIELD_BOOLEAN }, { "password_expires_at", "at", KN_FIELD_TIME },
    { "tags", "tags", KN_FIELD_TAGS }, { "not-tags-any", "tags", KN_FIELD_NOT_TAGS_ANY }, { NULL, NULL, KN_FIELD_TEXT },
};
static const struct kn_listing LISTING = {
    .select = "SELECT id FROM t WHERE true", .from = "t", .fields = FIELDS, .realm = "domain_id = ?", .of = "of = ?",
};

/* What decides the form of the statement, not only its parameters. */
static bool forms(const char *key)
{
    return strcmp(key, "sort_key") == 0 || strcmp(key, "sort_dir") == 0 || strcmp(key, "enabled") == 0 ||
           strcmp(key, "password_expires_at") == 0;
}

static void read_lines(char *text, struct kn_filter *as_is, struct kn_filter *other)
{
    for (char *line = strsep(&text, "\n"); line != NULL; line = strsep(&text, "\n")) {
        char *value = strchr(line, '=');
        if (value != NULL) {
            *value++ = '\0';
            kn_filter_add(as_is, line, value, NULL);
            kn_filter_add(other, line, forms(line) ? value : "another", NULL);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sql = KN_STRBUF_INIT, same = KN_STRBUF_INIT;
    AUTO_FREE char *text = kn_alloc(size + 1);
    struct kn_filter as_is = { .marker = "m", .limit = 5 }, other = as_is;
    const char *args[KN_FILTER_MAX + 8];
    struct kn_error err = { 0 };
    int count = 0, other_count = 0;

    if (size > 0) {
        memcpy(text, data, size);
    }
    read_lines(text, &as_is, &other);
    if (kn_filter_text(&LISTING, &as_is, &sql, args, &count, &err) < 0) {
        return err.code == KN_BAD_REQUEST && err.message[0] != '\0' ? 0 : (abort(), 0);
    }
    if (kn_filter_text(&LISTING, &other, &same, args, &other_count, &err) < 0 || count != other_count || strcmp(sql.buf, same.buf) != 0) {
        abort();
    }
    return 0;
}
