/* SPDX-License-Identifier: Apache-2.0 */
/* One row a type. Pure. */
#include "lib/rest/type.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/rest/manners.h"

static bool is_text(const char *text)
{
    (void)text;
    return true;
}

static bool is_integer(const char *text)
{
    const char *digits = text + (text[0] == '-');

    if (digits[0] == '\0' || strspn(digits, "0123456789") != strlen(digits)) {
        return false;
    }
    errno = 0;
    (void)strtoll(text, NULL, 10);
    return errno == 0;
}

/* What the column holds: a float, neither beyond its range nor below what it tells from 0. */
static bool type_is_real(const char *text)
{
    char *end;
    float number;

    errno = 0;
    number = strtof(text, &end);
    return end != text && *end == '\0' && text[strspn(text, "0123456789+-.eE")] == '\0' &&
           (errno == 0 || fpclassify(number) == FP_SUBNORMAL);
}

static bool is_boolean(const char *text)
{
    return strcmp(text, "t") == 0 || strcmp(text, "f") == 0;
}

static bool is_time(const char *text)
{
    int64_t us;

    return kn_time_parse(text, &us) == 0;
}

static bool is_address(const char *text)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static bool is_prefix(const char *text)
{
    const char *slash = strchr(text, '/');
    char address[INET6_ADDRSTRLEN];

    if (slash == NULL || (size_t)(slash - text) >= sizeof(address) || slash[1] == '\0' || strlen(slash + 1) > 3 ||
        strspn(slash + 1, "0123456789") != strlen(slash + 1)) {
        return false;
    }
    kn_copy(address, (size_t)(slash - text) + 1, text);
    return is_address(address) && strtol(slash + 1, NULL, 10) <= (strchr(address, ':') != NULL ? 128 : 32);
}

static bool type_is_mac(const char *text)
{
    if (strlen(text) != 17) {
        return false;
    }
    for (int i = 0; i < 17; i++) {
        const bool fits = i % 3 == 2 ? text[i] == text[2] && strchr(":-", text[i]) != NULL
                                     : strchr("0123456789abcdefABCDEF", text[i]) != NULL;

        if (!fits) {
            return false;
        }
    }
    return true;
}

static bool is_nothing(const char *text)
{
    (void)text;
    return false;
}

static const struct {
    const char *sql;
    enum kn_shape shape;
    bool (*fits)(const char *text);
    const char *null;  /* where NULL stands in an order; NULL: as the service says */
} TYPES[] = {
    [KN_REST_TEXT] = { "text", KN_IS_STRING, is_text, "''" },
    [KN_REST_UUID] = { "uuid", KN_IS_STRING, kn_uuid_valid, "'00000000-0000-0000-0000-000000000000'" },
    [KN_REST_INT] = { "bigint", KN_IS_INTEGER, is_integer, "-1" },
    [KN_REST_REAL] = { "real", KN_IS_NUMBER, type_is_real, "-1" },
    [KN_REST_BOOL] = { "boolean", KN_IS_BOOLEAN, is_boolean, "false" },
    [KN_REST_TIME] = { "timestamptz", KN_IS_STRING, is_time, NULL },
    [KN_REST_JSON] = { "jsonb", KN_IS_ANY, is_nothing, "'null'" },
    [KN_REST_INET] = { "inet", KN_IS_STRING, is_address, "'0.0.0.0'" },
    [KN_REST_CIDR] = { "cidr", KN_IS_STRING, is_prefix, "'0.0.0.0/0'" },
    [KN_REST_MAC] = { "macaddr", KN_IS_STRING, type_is_mac, "'00:00:00:00:00:00'" },
    [KN_REST_TAGS] = { "text[]", KN_IS_LIST, is_text, "'{}'" },
    [KN_REST_LINKS] = { "text", KN_IS_ANY, is_nothing, "''" },
    [KN_REST_MEMBERS] = { "jsonb", KN_IS_ANY, is_nothing, "'null'" },
};
_Static_assert(KN_COUNT(TYPES) == KN_REST_TYPE_COUNT, "one row a type");

const char *kn_rest_sql_type(enum kn_rest_type type)
{
    return TYPES[type].sql;
}

enum kn_shape kn_rest_shape(enum kn_rest_type type)
{
    return TYPES[type].shape;
}

bool kn_rest_fits(enum kn_rest_type type, const char *text)
{
    return TYPES[type].fits(text);
}

void kn_rest_sort_key(const struct kn_rest_attr *a, const struct kn_rest_manners *m, struct kn_strbuf *out)
{
    if ((a->may & KN_REST_NULL) == 0) {
        kn_strbuf_addf(out, "(%s)", a->sql);
        return;
    }
    kn_strbuf_addf(out, "coalesce(%s, %s::%s)", a->sql,
                   TYPES[a->type].null != NULL ? TYPES[a->type].null : m->null_time, TYPES[a->type].sql);
}
