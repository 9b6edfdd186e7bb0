/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of asked.def as data: found by their names' patterns, and printed. Pure. */
#include "compute/rows/asked.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define TEXT \
    { \
        KN_SAYS_TEXT, KN_ASKED_ANY, KN_ASKED_ANY, NULL \
    }
#define BOOLEAN \
    { \
        KN_SAYS_BOOLEAN, KN_ASKED_ANY, KN_ASKED_ANY, NULL \
    }
#define INTEGER \
    { \
        KN_SAYS_INTEGER, KN_ASKED_ANY, KN_ASKED_ANY, NULL \
    }
#define NUMBER(least) \
    { \
        KN_SAYS_INTEGER, least, KN_ASKED_ANY, NULL \
    }
#define RANGE(least, most) \
    { \
        KN_SAYS_INTEGER, least, most, NULL \
    }
#define WORDS(words) \
    { \
        KN_SAYS_WORD, KN_ASKED_ANY, KN_ASKED_ANY, words \
    }
#define FORM(pattern) \
    { \
        KN_SAYS_FORM, KN_ASKED_ANY, KN_ASKED_ANY, pattern \
    }
#define ANY KN_ASKED_ANY

const struct kn_compute_asked kn_compute_asked[] = {
#define ASKED(asker, name, says, doer, idle, what) { KN_ASKED_##asker, name, says, KN_DONE_BY_##doer, idle, what },
#include "compute/rows/asked.def"
};
const size_t kn_compute_asked_count = KN_COUNT(kn_compute_asked);

/* --- names -------------------------------------------------------------------------------------------------------------- */

static size_t asked_span(const char *text, bool (*is_in)(int c))
{
    size_t len = 0;

    while (text[len] != '\0' && is_in((unsigned char)text[len])) {
        len++;
    }
    return len;
}

static bool asked_is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool asked_is_group(int c)
{
    return isalnum(c) || c == '_' || c == '-';
}

static bool asked_is_capital(int c)
{
    return (c >= 'A' && c <= 'Z') || asked_is_digit(c) || c == '_';
}

static bool asked_matches(const char *rule, const char *name)
{
    for (; *rule != '\0'; rule++) {
        size_t len = 1;

        if (*rule == '*') {
            return name[0] != '\0';
        }
        if (*rule == '#' || *rule == '@') {
            len = asked_span(name, *rule == '#' ? asked_is_digit : asked_is_capital);
            if (len == 0) {
                return false;
            }
        } else if (*rule == '?') {
            len = asked_span(name, asked_is_group);
            if (len > 64) {
                return false;
            }
        } else if (*rule != *name) {
            return false;
        }
        name += len;
    }
    return *name == '\0';
}

const struct kn_compute_asked *kn_compute_asked_find(enum kn_compute_asker asker, const char *name)
{
    for (size_t i = 0; i < KN_COUNT(kn_compute_asked); i++) {
        if (kn_compute_asked[i].asker == asker && asked_matches(kn_compute_asked[i].name, name)) {
            return &kn_compute_asked[i];
        }
    }
    return NULL;
}

bool kn_compute_asked_is_novas(const char *name)
{
    const char *colon = strchr(name, ':');

    for (size_t i = 0; i < KN_COUNT(kn_compute_asked) && colon != NULL; i++) {
        const char *end = strchr(kn_compute_asked[i].name, ':');
        AUTO_FREE char *space = kn_strndup(kn_compute_asked[i].name,
                                           end != NULL ? (size_t)(end - kn_compute_asked[i].name) : 0);
        AUTO_FREE char *asked = kn_strndup(name, (size_t)(colon - name));

        if (end != NULL && kn_compute_asked[i].asker == KN_ASKED_FLAVOR && asked_matches(space, asked)) {
            return true;
        }
    }
    return false;
}

/* --- values ------------------------------------------------------------------------------------------------------------- */

bool kn_compute_asked_word(const char *words, const char *value)
{
    const size_t len = strlen(value);

    for (const char *word = words; len > 0 && word != NULL;
         word = strchr(word, ',') != NULL ? strchr(word, ',') + 2 : NULL) {
        if (strncmp(word, value, len) == 0 && (word[len] == ',' || word[len] == '\0')) {
            return true;
        }
    }
    return false;
}

bool kn_compute_asked_yes(const char *text)
{
    static const char *const YES[] = { "1", "t", "true", "on", "y", "yes" };

    for (size_t i = 0; i < KN_COUNT(YES); i++) {
        if (strcasecmp(YES[i], text) == 0) {
            return true;
        }
    }
    return false;
}

bool kn_compute_asked_refused(const struct kn_compute_asked *row, const char *value)
{
    if (value[0] == '\0' || (row->doer != KN_DONE_BY_NOBODY && row->idle[0] == '\0')) {
        return false;
    }
    return row->says.kind == KN_SAYS_BOOLEAN ? kn_compute_asked_yes(value) : !kn_compute_asked_word(row->idle, value);
}

/* --- the document ------------------------------------------------------------------------------------------------------- */

static void asked_says(const struct kn_compute_asked *row, struct kn_strbuf *out)
{
    switch (row->says.kind) {
    case KN_SAYS_TEXT:
        kn_strbuf_addstr(out, "text");
        return;
    case KN_SAYS_BOOLEAN:
        kn_strbuf_addstr(out, "yes or no");
        return;
    case KN_SAYS_INTEGER:
        kn_strbuf_addstr(out, "number");
        if (row->says.least != KN_ASKED_ANY) {
            kn_strbuf_addf(out, " from %lld", (long long)row->says.least);
        }
        if (row->says.most != KN_ASKED_ANY) {
            kn_strbuf_addf(out, " to %lld", (long long)row->says.most);
        }
        return;
    case KN_SAYS_WORD:
        kn_strbuf_addstr(out, row->says.words);
        return;
    case KN_SAYS_FORM:
        kn_strbuf_addch(out, '`');
        for (const char *at = row->says.words; *at != '\0'; at++) {
            kn_strbuf_addf(out, "%s%c", *at == '|' ? "\\" : "", *at);
        }
        kn_strbuf_addch(out, '`');
        return;
    }
}

static const char *const DOERS[] = {
    [KN_DONE_BY_HOST] = "host",         [KN_DONE_BY_SCHEDULER] = "scheduler", [KN_DONE_BY_CLOUD] = "cloud",
    [KN_DONE_BY_OTHERS] = "shown only", [KN_DONE_BY_NOBODY] = "**refused**",
};
_Static_assert(KN_COUNT(DOERS) == KN_DONE_BY_COUNT, "one row a doer");

static void asked_table(enum kn_compute_asker asker, struct kn_strbuf *out)
{
    for (size_t i = 0; i < KN_COUNT(kn_compute_asked); i++) {
        const struct kn_compute_asked *row = &kn_compute_asked[i];

        if (row->asker != asker) {
            continue;
        }
        kn_strbuf_addf(out, "| `%s` | ", row->name);
        asked_says(row, out);
        kn_strbuf_addf(out, " | %s%s%s | %s |\n", DOERS[row->doer], row->idle[0] != '\0' ? ", but " : "", row->idle,
                       row->what);
    }
}

void kn_compute_asked_document(struct kn_strbuf *out)
{
    kn_strbuf_addstr(
        out,
        "# What images and flavors ask of a guest's machine\n\nWritten by the table itself (compute/rows/asked.def). In a name, `#` stands for digits, `@` for capitals, "
        "digits and `_`, `?` for a group or nothing, `*` for anything.\nWhat is refused is refused when a server is made or rebuilt (400, with the reason); from 2.86 on a flavor is "
        "given no extra spec of Nova's namespaces that is not here, and no value that is not.\n\n"
        "## Images' properties\n\n| property | says | done by | what |\n|---|---|---|---|\n");
    asked_table(KN_ASKED_IMAGE, out);
    kn_strbuf_addstr(out, "\n## Flavors' extra specs\n\n| extra spec | says | done by | what |\n|---|---|---|---|\n");
    asked_table(KN_ASKED_FLAVOR, out);
}
