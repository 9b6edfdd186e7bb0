/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the matching of requests against access rules: on the event thread, for each request of such a token. Time is bounded by the
 * product of the two lengths, whatever the pattern: only the last star of each kind is ever tried again.
 */
#include <string.h>

#include "identity/rows/access_rule.h"
#include "lib/base/mem.h"

enum path_piece { PIECE_END, PIECE_LITERAL, PIECE_PART, PIECE_ANY };

/* The piece at *at; *at goes behind it. */
static enum path_piece next_piece(const char **at)
{
    const char *p = *at;
    const char *close = *p == '{' ? strchr(p, '}') : NULL;

    if (*p == '\0') {
        return PIECE_END;
    }
    if (p[0] == '*' && p[1] == '*') {
        *at = p + 2;
        return PIECE_ANY;
    }
    *at = close != NULL ? close + 1 : p + 1;
    return close != NULL || *p == '*' ? PIECE_PART : PIECE_LITERAL;
}

/* Where to go on when something does not match: what stands behind a star, and how far it has reached. */
struct retry {
    const char *pattern; /* NULL: there was no such star */
    const char *path;
};

bool kn_identity_access_path_matches(const char *pattern, const char *path)
{
    struct retry part = { NULL, NULL }, any = { NULL, NULL };

    for (;;) {
        const char *behind = pattern;
        enum path_piece piece = next_piece(&behind);

        if (piece == PIECE_END && *path == '\0') {
            return true;
        }
        if (piece == PIECE_ANY) {
            any = (struct retry){ behind, path };
            part = (struct retry){ NULL, NULL };
            pattern = behind;
            continue;
        }
        if (piece == PIECE_PART && *path != '/' && *path != '\0') {
            part = (struct retry){ behind, ++path };
            pattern = behind;
            continue;
        }
        if (piece == PIECE_LITERAL && *path == *pattern) {
            pattern = behind;
            path++;
            continue;
        }
        if (part.pattern != NULL && *part.path != '/' && *part.path != '\0') {
            pattern = part.pattern;
            path = ++part.path;
        } else if (any.pattern != NULL && *any.path != '\0') {
            pattern = any.pattern;
            path = ++any.path;
            part = (struct retry){ NULL, NULL };
        } else {
            return false;
        }
    }
}

/* --- a token's rules --- */

/* The types under which a catalog may know a service of ours. */
static const struct {
    const char *service;
    const char *type;
} TYPES[] = {
    { "identity", "identity" },    { "compute", "compute" }, { "image", "image" },        { "network", "network" },
    { "volume", "block-storage" }, { "volume", "volumev3" }, { "volume", "block-store" }, { "volume", "volume" },
};

static bool is_type(const char *service, const char *type)
{
    for (size_t i = 0; i < KN_COUNT(TYPES); i++) {
        if (strcmp(TYPES[i].service, service) == 0 && strcmp(TYPES[i].type, type) == 0) {
            return true;
        }
    }
    return false;
}

/* The field at *at up to `end`, ended by a NUL in out; false if there is none or it is too long. */
static bool take_field(const char **at, char end, char *out, size_t size)
{
    const char *stop = strchr(*at, end);

    if (stop == NULL || (size_t)(stop - *at) >= size) {
        return false;
    }
    memcpy(out, *at, (size_t)(stop - *at));
    out[stop - *at] = '\0';
    *at = stop + 1;
    return true;
}

bool kn_identity_access_rules_allow(const char *rules, const char *service, const char *method, const char *path)
{
    char type[65], verb[16], pattern[256];

    while (take_field(&rules, '\t', type, sizeof(type)) && take_field(&rules, '\t', verb, sizeof(verb)) &&
           take_field(&rules, '\n', pattern, sizeof(pattern))) {
        if (is_type(service, type) && strcmp(verb, method) == 0 && kn_identity_access_path_matches(pattern, path)) {
            return true;
        }
    }
    return false;
}
