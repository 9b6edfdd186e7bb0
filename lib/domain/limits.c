/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of limits.def as data, the comparison with one, and the same rows as a document. Knows nothing of who uses them. */
#include "lib/domain/limits.h"

#include <string.h>

#include "lib/base/mem.h"

const struct kn_limit_row kn_limit_rows[] = {
    [KN_LIMIT_NONE] = { "NONE", KN_UNIT_NUMBER, 0, 0, "", "" },
#define LIMIT(name, unit, least, most, what, source) \
    [KN_LIMIT_##name] = { #name, KN_UNIT_##unit, (least), (most), what, source },
#define WIDE LIMIT
#include "lib/domain/limits.def"
#undef LIMIT
#undef WIDE
};
_Static_assert(KN_COUNT(kn_limit_rows) == KN_LIMIT_COUNT, "one row a limit");

static const char *const UNITS[] = {
    [KN_UNIT_CHARS] = "characters",
    [KN_UNIT_BYTES] = "bytes",
    [KN_UNIT_ITEMS] = "items",
    [KN_UNIT_NUMBER] = "value",
};
_Static_assert(KN_COUNT(UNITS) == KN_UNIT_NUMBER + 1, "one word a unit");

bool kn_limit_short(enum kn_limit limit, int64_t measure)
{
    return limit != KN_LIMIT_NONE && measure < kn_limit_rows[limit].min;
}

bool kn_limit_long(enum kn_limit limit, int64_t measure)
{
    return limit != KN_LIMIT_NONE && measure > kn_limit_rows[limit].max;
}

bool kn_limit_fits(enum kn_limit limit, const char *text)
{
    const int64_t measure = (int64_t)(kn_limit_rows[limit].unit == KN_UNIT_BYTES ? strlen(text) : kn_utf8_count(text));

    return !kn_limit_short(limit, measure) && !kn_limit_long(limit, measure);
}

void kn_limits_document(struct kn_strbuf *out)
{
    kn_strbuf_addstr(
        out,
        "# Limits\n\nWritten by the table itself (lib/domain/limits.def). API, bus, hosts and database read the same rows.\n\n"
        "| limit | what | unit | least | most | whose |\n|---|---|---|---|---|---|\n");
    for (int i = KN_LIMIT_NONE + 1; i < KN_LIMIT_COUNT; i++) {
        kn_strbuf_addf(out, "| %s | %s | %s | %lld | %lld | %s |\n", kn_limit_rows[i].name, kn_limit_rows[i].what,
                       UNITS[kn_limit_rows[i].unit], (long long)kn_limit_rows[i].min, (long long)kn_limit_rows[i].max,
                       kn_limit_rows[i].source);
    }
}
