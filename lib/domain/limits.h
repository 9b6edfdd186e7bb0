/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits: the one declaration of every limit of a text, a list or a number that travels (lib/domain/limits.def). Tables name a row of
 * it, KN_LIMIT_SERVER_NAME; C that needs the number itself says KN_MAX_SERVER_NAME.
 */
#ifndef KN_DOMAIN_LIMITS_H
#define KN_DOMAIN_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/strbuf.h"

enum kn_limit_unit { KN_UNIT_CHARS, KN_UNIT_BYTES, KN_UNIT_ITEMS, KN_UNIT_NUMBER };

enum kn_limit {
    KN_LIMIT_NONE, /* unbounded */
#define LIMIT(name, unit, least, most, what, source) KN_LIMIT_##name,
#define WIDE LIMIT
#include "lib/domain/limits.def"
#undef LIMIT
#undef WIDE
    KN_LIMIT_COUNT
};

enum {
#define LIMIT(name, unit, least, most, what, source) KN_MIN_##name = (least), KN_MAX_##name = (most),
#define WIDE(name, unit, least, most, what, source)
#include "lib/domain/limits.def"
#undef LIMIT
#undef WIDE
};

/* Bytes of a buffer that holds such a text, whatever its characters are. */
#define KN_SIZE_OF(name) (4 * KN_MAX_##name + 1)

struct kn_limit_row {
    const char *name; /* "SERVER_NAME" */
    enum kn_limit_unit unit;
    int64_t min, max;
    const char *what;
    const char *source; /* whose limit it is */
};

extern const struct kn_limit_row kn_limit_rows[]; /* by enum kn_limit; the row of KN_LIMIT_NONE is empty */

/* Whether a measure (a length, a count, a value) is within; KN_LIMIT_NONE holds everything. */
bool kn_limit_short(enum kn_limit limit, int64_t measure);
bool kn_limit_long(enum kn_limit limit, int64_t measure);
/* A text against a limit of characters or bytes; it is valid UTF-8, as all that jansson reads. */
bool kn_limit_fits(enum kn_limit limit, const char *text);
/* All of it as Markdown, for docs/limits.md. */
void kn_limits_document(struct kn_strbuf *out);

#endif
