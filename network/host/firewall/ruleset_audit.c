/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset_audit.c: breaks a text of tables into facts, one line each ("bridge set macs: …", "inet chain enter 2: …"), sorts them and holds two such lists
 * against each other. Reads what nft lists and what ruleset.c writes with the same eyes.
 */
#include "network/host/firewall/ruleset_audit.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

struct facts {
    char **items;
    size_t count, room;
};

/* Where the reader is: in which table, in which set or chain of it. */
struct reader {
    struct facts facts;
    char family[16];   /* "" outside of our tables */
    char *place;       /* "set macs"; NULL: between them */
    unsigned rule;     /* of the chain so far */
    bool is_list;      /* amid elements */
    bool is_timed;     /* the set's elements time out, or come with packets */
};

/* nft leaves out the family before a protocol that it thinks says it. */
static size_t unsaid(const char *text)
{
    static const char *const BOTH[] = { "meta nfproto 2 meta l4proto 1 ", "meta nfproto 10 meta l4proto 58 " };

    for (size_t i = 0; i < KN_COUNT(BOTH); i++) {
        if (strncmp(text, BOTH[i], strlen(BOTH[i])) == 0) {
            return (size_t)(strstr(BOTH[i], "meta l4proto") - BOTH[i]);
        }
    }
    return 0;
}

static void add_fact(struct reader *reader, const char *text, size_t length)
{
    struct facts *facts = &reader->facts;
    size_t skipped = unsaid(text);

    text += skipped;
    length -= skipped;

    if (facts->count == facts->room) {
        facts->room = facts->room * 2 + 256;
        facts->items = kn_realloc_array(facts->items, facts->room, sizeof(char *));
    }
    facts->items[facts->count++] = strncmp(reader->place, "chain ", 6) == 0
                                       ? kn_asprintf("%s %s %03u: %.*s", reader->family, reader->place, reader->rule++,
                                                     (int)length, text)
                                       : kn_asprintf("%s %s: %.*s", reader->family, reader->place, (int)length, text);
}

static void facts_release(struct facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        free(facts->items[i]);
    }
    free(facts->items);
}

/* "a, b," and at the end "c }" */
static void read_elements(struct reader *reader, const char *text)
{
    while (*text != '\0') {
        text += strspn(text, " \t,");
        size_t length = strcspn(text, ",}");
        bool is_end = text[length] == '}';

        for (; length > 0 && isspace((unsigned char)text[length - 1]); length--) {
        }
        if (length > 0 && !reader->is_timed) {
            add_fact(reader, text, length);
        }
        if (is_end) {
            reader->is_list = false;
            return;
        }
        text += strcspn(text, ",");
    }
}

static void read_inside(struct reader *reader, const char *text, size_t length)
{
    static const char ELEMENTS[] = "elements = {";

    if (reader->is_list) {
        read_elements(reader, text);
    } else if (strncmp(reader->place, "chain ", 6) == 0) {
        add_fact(reader, text, length);
    } else if (strncmp(text, ELEMENTS, strlen(ELEMENTS)) == 0) {
        reader->is_list = true;
        read_elements(reader, text + strlen(ELEMENTS));
    } else if (strncmp(text, "flags ", 6) == 0) {
        reader->is_timed = strstr(text, "timeout") != NULL || strstr(text, "dynamic") != NULL;
    }
}

static void read_line(struct reader *reader, const char *text)
{
    size_t length = strlen(text);

    if (length == 0 || strncmp(text, "add ", 4) == 0 || strncmp(text, "delete ", 7) == 0) {
        return;
    }
    if (reader->family[0] == '\0') {
        char name[32] = "";

        if (sscanf(text, "table %15s %31s {", reader->family, name) != 2 || strcmp(name, "kilonova") != 0) {
            reader->family[0] = '\0';
        }
    } else if (reader->place == NULL && strcmp(text, "}") == 0) {
        reader->family[0] = '\0';
    } else if (reader->place == NULL) {
        reader->place = kn_strndup(text, length - (length > 2 && text[length - 1] == '{' ? 2 : 0));
        reader->rule = 0;
        reader->is_timed = false;
        reader->is_list = false;
        add_fact(reader, "", 0); /* that it is there */
    } else if (!reader->is_list && strcmp(text, "}") == 0) {
        free(kn_steal(&reader->place));
    } else {
        read_inside(reader, text, length);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct facts read_facts(const char *text)
{
    struct reader reader = { .place = NULL };

    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        AUTO_FREE char *line = kn_strndup(text, length);

        read_line(&reader, line + strspn(line, " \t"));
        text += length + (text[length] == '\n');
    }
    free(reader.place);
    if (reader.facts.count > 0) {
        qsort(reader.facts.items, reader.facts.count, sizeof(char *), by_text);
    }
    return reader.facts;
}

bool kn_network_ruleset_same(const char *wanted, const char *listed, struct kn_strbuf *difference)
{
    struct facts ours = read_facts(wanted), theirs = read_facts(listed);
    size_t at = 0;

    while (at < ours.count && at < theirs.count && strcmp(ours.items[at], theirs.items[at]) == 0) {
        at++;
    }
    bool is_same = at == ours.count && at == theirs.count;

    if (!is_same) {
        bool is_missing = at < ours.count && (at == theirs.count || strcmp(ours.items[at], theirs.items[at]) < 0);

        kn_strbuf_addf(difference, "%s: %s", is_missing ? "missing" : "not ours",
                       is_missing ? ours.items[at] : theirs.items[at]);
    }
    facts_release(&ours);
    facts_release(&theirs);
    return is_same;
}

void kn_network_ruleset_digest(const char *text, char out[KN_RULESET_DIGEST_SIZE])
{
    struct facts facts = read_facts(text);
    uint64_t hash = 14695981039346656037U;

    for (size_t i = 0; i < facts.count; i++) {
        for (const char *c = facts.items[i];; c++) {
            hash = (hash ^ (uint8_t)*c) * 1099511628211U; /* with its NUL */
            if (*c == '\0') {
                break;
            }
        }
    }
    facts_release(&facts);
    snprintf(out, KN_RULESET_DIGEST_SIZE, "%016llx", (unsigned long long)hash);
}
