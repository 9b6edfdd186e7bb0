/* SPDX-License-Identifier: Apache-2.0 */
/* The operators as a table; numbers are compared as numbers, and what is none meets nothing. */
#include "volume/rows/capabilities.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/version.h"

#define SCOPE "capabilities:"
#define VENDOR "Open Source" /* as drivers of Cinder say that are no vendor's */
#define BLANKS " \t\r\n"

json_t *kn_volume_capabilities(const char *backend, int64_t all_gib, int64_t promised_gib)
{
    const int64_t free_gib = all_gib > promised_gib ? all_gib - promised_gib : 0;

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:i, s:b, s:b, s:b, s:b, s:b}",
                     "volume_backend_name", backend, "pool_name", backend, "vendor_name", VENDOR, "driver_version",
                     KN_VERSION, "storage_protocol", backend, "total_capacity_gb", (json_int_t)all_gib,
                     "free_capacity_gb", (json_int_t)free_gib, "allocated_capacity_gb", (json_int_t)promised_gib,
                     "provisioned_capacity_gb", (json_int_t)promised_gib, "reserved_percentage", 0,
                     "thin_provisioning_support", 1, "thick_provisioning_support", 0, "QoS_support", 0, "multiattach",
                     1, "replication_enabled", 0);
}

/* --- operators ------------------------------------------------------------------------------------------------------------------- */

static int capabilities_order(double a, double b)
{
    return a < b ? -1 : a > b;
}

/* Cinder's words for true. */
static bool capabilities_truth(const char *word)
{
    static const char *const TRUE_WORDS[] = { "1", "t", "true", "on", "y", "yes" };

    for (size_t i = 0; i < KN_COUNT(TRUE_WORDS); i++) {
        if (strcasecmp(TRUE_WORDS[i], word) == 0) {
            return true;
        }
    }
    return false;
}

static bool capabilities_number(const char *text, double *ret)
{
    char *end = NULL;
    const double number = strtod(text, &end);

    if (end == text || *end != '\0') {
        return false;
    }
    *ret = number;
    return true;
}

static const struct {
    const char *op;
    bool is_text;
    bool less, same, more; /* which order meets it */
} ORDERS[] = {
    { "=", false, false, true, true },  { "==", false, false, true, false }, { "!=", false, true, false, true },
    { ">=", false, false, true, true }, { "<=", false, true, true, false },  { "s==", true, false, true, false },
    { "s!=", true, true, false, true }, { "s>=", true, false, true, true },  { "s>", true, false, false, true },
    { "s<=", true, true, true, false }, { "s<", true, true, false, false },
};

static bool capabilities_ordered(size_t op, const char *value, const char *word)
{
    double a = 0, b = 0;

    if (!ORDERS[op].is_text && (!capabilities_number(value, &a) || !capabilities_number(word, &b))) {
        return false;
    }
    const int order = ORDERS[op].is_text ? strcmp(value, word) : capabilities_order(a, b);
    return order < 0 ? ORDERS[op].less : order == 0 ? ORDERS[op].same : ORDERS[op].more;
}

/* "<or> a <or> b": each second word. */
static bool capabilities_one_of(const char *value, char *rest)
{
    char *at = NULL;

    for (char *word = strtok_r(rest, BLANKS, &at); word != NULL; word = strtok_r(NULL, BLANKS, &at)) {
        if (strcmp(word, value) == 0) {
            return true;
        }
        strtok_r(NULL, BLANKS, &at); /* the next <or> */
    }
    return false;
}

bool kn_volume_capability_meets(const char *value, const char *required)
{
    AUTO_FREE char *words = kn_strdup(required);
    char *rest = NULL;
    const char *op = strtok_r(words, BLANKS, &rest);

    if (value == NULL || op == NULL) {
        return value != NULL && strcmp(value, required) == 0;
    }
    if (strcmp(op, "<or>") == 0) {
        return capabilities_one_of(value, rest);
    }
    const bool is_in = strcmp(op, "<in>") == 0, is_truth = strcmp(op, "<is>") == 0;
    size_t order = 0;

    while (order < KN_COUNT(ORDERS) && strcmp(ORDERS[order].op, op) != 0) {
        order++;
    }
    if (!is_in && !is_truth && order == KN_COUNT(ORDERS)) {
        return strcmp(value, required) == 0;
    }
    const char *word = strtok_r(NULL, BLANKS, &rest);
    return word != NULL && (is_in      ? strstr(value, word) != NULL
                            : is_truth ? capabilities_truth(value) == capabilities_truth(word)
                                       : capabilities_ordered(order, value, word));
}

/* A value as Cinder's Python would write it; heap, NULL: there is none. */
static char *capabilities_text(const json_t *value)
{
    return value == NULL            ? NULL
           : json_is_boolean(value) ? kn_strdup(json_is_true(value) ? "True" : "False")
           : json_is_integer(value) ? kn_asprintf("%lld", (long long)json_integer_value(value))
                                    : kn_strdup(json_string_value(value));
}

bool kn_volume_capabilities_fit(const json_t *capabilities, const json_t *specs, const char **ret_key)
{
    const char *key = NULL;
    json_t *required = NULL;

    json_object_foreach ((json_t *)(uintptr_t)specs, key, required) { /* jansson walks over non-const objects only */
        const bool is_scoped = strncmp(key, SCOPE, strlen(SCOPE)) == 0;

        if (!is_scoped && strchr(key, ':') != NULL) {
            continue;
        }
        AUTO_FREE char *value = capabilities_text(json_object_get(capabilities, is_scoped ? key + strlen(SCOPE) : key));

        if (!kn_volume_capability_meets(value, json_string_value(required))) {
            *ret_key = key;
            return false;
        }
    }
    return true;
}
