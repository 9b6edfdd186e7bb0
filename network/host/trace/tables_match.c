/* SPDX-License-Identifier: Apache-2.0 */
/* tables_match.c: whether what a packet has is what a rule or an element says: names, numbers, addresses, their ranges, and several of them side by side. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "network/host/trace/tables_private.h"

/* "tap…" or "kb*", in quotes as nft lists it. */
static bool matches_text(const char *value, const char *pattern)
{
    size_t length = strlen(pattern);

    if (length >= 2 && pattern[0] == '"' && pattern[length - 1] == '"') {
        pattern++;
        length -= 2;
    }
    return length > 0 && pattern[length - 1] == '*' ? strncmp(value, pattern, length - 1) == 0
                                                    : strlen(value) == length && strncmp(value, pattern, length) == 0;
}

/* Our own texts name protocols, the kernel's list numbers them. */
static bool matches_number(unsigned long value, const char *pattern)
{
    char *end;

    if (strcmp(pattern, "tcp") == 0 || strcmp(pattern, "udp") == 0) {
        return value == (pattern[0] == 't' ? IPPROTO_TCP : IPPROTO_UDP);
    }
    errno = 0;
    unsigned long first = strtoul(pattern, &end, 0), last = first;

    if (end == pattern) {
        return false;
    }
    if (*end == '-') {
        last = strtoul(end + 1, &end, 0);
    }
    return *end == '\0' && errno == 0 && value >= first && value <= last;
}

static bool matches_ip(const struct kn_ip *value, const char *pattern)
{
    const char *dash = strchr(pattern, '-');
    struct kn_ip_prefix prefix;
    struct kn_ip first, last;

    if (dash == NULL) {
        return kn_ip_prefix_parse(pattern, &prefix) && kn_ip_prefix_holds(&prefix, value);
    }
    AUTO_FREE char *from = kn_strndup(pattern, (size_t)(dash - pattern));

    return kn_ip_parse(from, &first) && kn_ip_parse(dash + 1, &last) && first.family == value->family &&
           last.family == value->family && kn_ip_compare(&first, value) <= 0 && kn_ip_compare(value, &last) <= 0;
}

static bool value_matches(const struct kn_network_tables_value *value, const char *pattern)
{
    switch (value->kind) {
    case KN_VALUE_NONE:
        return false;
    case KN_VALUE_TEXT:
        return matches_text(value->text, pattern);
    case KN_VALUE_NUMBER:
        return matches_number(value->number, pattern);
    case KN_VALUE_IP:
        return matches_ip(&value->ip, pattern);
    }
    return false;
}

bool kn_network_tables_match(const struct kn_network_tables_values *values, const char *pattern, size_t length)
{
    AUTO_FREE char *text = kn_strndup(pattern, length);
    char *at = text;

    for (size_t i = 0; i < values->count; i++) {
        char *next = strstr(at, " . ");

        if ((next == NULL) != (i + 1 == values->count)) {
            return false;
        }
        if (next != NULL) {
            *next = '\0';
        }
        if (!value_matches(&values->items[i], at)) {
            return false;
        }
        at = next == NULL ? at : next + 3;
    }
    return true;
}

const char *kn_network_tables_find(const struct kn_network_tables_lines *elements,
                                   const struct kn_network_tables_values *values)
{
    for (size_t i = 0; i < elements->count; i++) {
        const char *colon = strstr(elements->items[i], " : ");
        size_t length = colon == NULL ? strlen(elements->items[i]) : (size_t)(colon - elements->items[i]);

        if (kn_network_tables_match(values, elements->items[i], length)) {
            return colon == NULL ? "" : colon + 3;
        }
    }
    return NULL;
}
