/* SPDX-License-Identifier: Apache-2.0 */
/* The six rates and what belongs to each. */
#include "lib/domain/volume_qos.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/domain/limits.h"

#define SIZE_OF_OPERATIONS "size_iops_sec"
#define KEY_SIZE 40
#define RATE_MAX INT64_C(1000000000000000) /* KN_LIMIT_DISK_RATE, which is wide */

static const struct {
    const char *rate;
    const char *total; /* that cannot stand beside it; NULL: it is one */
} RATES[] = {
    { "total_bytes_sec", NULL }, { "read_bytes_sec", "total_bytes_sec" }, { "write_bytes_sec", "total_bytes_sec" },
    { "total_iops_sec", NULL },  { "read_iops_sec", "total_iops_sec" },   { "write_iops_sec", "total_iops_sec" },
};
static const char *const ENDS[] = { "", "_max", "_per_gb", "_per_gb_min" };

/* -1: it is not there, or no whole number. */
static int64_t volume_qos_number(const json_t *specs, const char *rate, const char *end)
{
    char key[KEY_SIZE];
    int64_t number = 0;

    snprintf(key, sizeof(key), "%s%s", rate, end);
    const char *text = json_string_value(json_object_get(specs, key));
    if (text == NULL || text[0] == '\0' || strlen(text) > 15 || text[strspn(text, "0123456789")] != '\0') {
        return -1;
    }
    for (; *text != '\0'; text++) {
        number = number * 10 + (*text - '0');
    }
    return number;
}

static bool volume_qos_has(const json_t *specs, const char *rate, const char *end)
{
    char key[KEY_SIZE];

    snprintf(key, sizeof(key), "%s%s", rate, end);
    return json_object_get(specs, key) != NULL;
}

static bool volume_qos_bounds(const json_t *specs, const char *rate)
{
    return volume_qos_has(specs, rate, "") || volume_qos_has(specs, rate, "_per_gb");
}

static int volume_qos_check_number(const json_t *specs, const char *rate, const char *end, struct kn_error *err)
{
    const int64_t number = volume_qos_number(specs, rate, end);

    return !volume_qos_has(specs, rate, end) || number >= 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Invalid qos specs: %s%s must be a whole number of at most 15 digits.",
                         rate, end);
}

static int volume_qos_check_rate(const json_t *specs, size_t i, struct kn_error *err)
{
    const char *rate = RATES[i].rate, *total = RATES[i].total;

    for (size_t end = 0; end < KN_COUNT(ENDS); end++) {
        if (volume_qos_check_number(specs, rate, ENDS[end], err) < 0) {
            return -1;
        }
    }
    if (total != NULL && volume_qos_bounds(specs, rate) && volume_qos_bounds(specs, total)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid qos specs: %s and %s cannot be set at the same time.", total,
                       rate);
    }
    if (volume_qos_has(specs, rate, "_max") && !volume_qos_bounds(specs, rate)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid qos specs: %s_max cannot be set if %s is not set.", rate, rate);
    }
    if (volume_qos_has(specs, rate, "_max") && !volume_qos_has(specs, rate, "_per_gb") &&
        volume_qos_number(specs, rate, "_max") < volume_qos_number(specs, rate, "")) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid qos specs: %s_max cannot be smaller than %s.", rate, rate);
    }
    return 0;
}

int kn_volume_qos_check(const json_t *specs, struct kn_error *err)
{
    for (size_t i = 0; i < KN_COUNT(RATES); i++) {
        if (volume_qos_check_rate(specs, i, err) < 0) {
            return -1;
        }
    }
    return volume_qos_check_number(specs, SIZE_OF_OPERATIONS, "", err);
}

static void volume_qos_set(json_t *limits, const char *rate, const char *end, int64_t number)
{
    char key[KEY_SIZE];

    snprintf(key, sizeof(key), "%s%s", rate, end);
    if (number > 0) { /* 0 is no limit */
        json_object_set_new(limits, key, json_integer(number < RATE_MAX ? number : RATE_MAX));
    }
}

json_t *kn_volume_qos_limits(const json_t *specs, int64_t size_gib)
{
    json_t *limits = json_object();

    for (size_t i = 0; i < KN_COUNT(RATES); i++) {
        const char *rate = RATES[i].rate;
        const int64_t per_gb = volume_qos_number(specs, rate, "_per_gb"),
                      least = volume_qos_number(specs, rate, "_per_gb_min"),
                      most = volume_qos_number(specs, rate, "_max");

        if (per_gb < 0) {
            const int64_t fixed = volume_qos_number(specs, rate, "");

            volume_qos_set(limits, rate, "", fixed);
            volume_qos_set(limits, rate, "_max", fixed > 0 ? most : 0);
            continue;
        }
        int64_t grown = per_gb > RATE_MAX / size_gib ? RATE_MAX : per_gb * size_gib;

        grown = grown < least ? least : grown;
        volume_qos_set(limits, rate, "", most >= 0 && grown > most ? most : grown);
    }
    if (json_object_size(limits) > 0) {
        volume_qos_set(limits, SIZE_OF_OPERATIONS, "", volume_qos_number(specs, SIZE_OF_OPERATIONS, ""));
        return limits;
    }
    json_decref(limits);
    return NULL;
}
