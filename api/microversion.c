/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the microversion headers, in and out, in Nova's words. It must never fall back to another version than the one asked for. */
#include "api/microversion.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/mem.h"

#define LEGACY "X-OpenStack-Nova-API-Version"
#define STANDARD "OpenStack-API-Version"

static bool has_legacy(const struct kn_api *api)
{
    return api->dialect == KN_DIALECT_NOVA;
}

/* A number without sign or leading zero, at most 6 digits; -1 = none. Moves *at behind it. */
static int microversion_take_number(const char **at)
{
    size_t len = strspn(*at, "0123456789");
    int value = 0;

    if (len == 0 || len > 6 || (len > 1 && **at == '0')) {
        return -1;
    }
    for (; len > 0; len--, (*at)++) {
        value = value * 10 + (**at - '0');
    }
    return value;
}

/* "2.96", "2.latest" or "latest". */
static int microversion_parse(const struct kn_api *api, const char *text, int *ret_minor, struct kn_error *err)
{
    const char *at = text;

    if (strcasecmp(text, "latest") == 0) {
        *ret_minor = api->max_minor;
        return 0;
    }
    int major = microversion_take_number(&at);
    if (major < 1 || *at++ != '.') {
        return kn_fail(err, KN_BAD_REQUEST,
                       "API Version String %s is of invalid format. Must be of format MajorNum.MinorNum.", text);
    }
    int minor = strcmp(at, "latest") == 0 ? api->max_minor : microversion_take_number(&at);
    if (minor < 0 || (*at != '\0' && strcmp(at, "latest") != 0)) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "API Version String %s is of invalid format. Must be of format MajorNum.MinorNum.", text);
    }
    if (major != api->major || minor < api->min_minor || minor > api->max_minor) {
        return kn_fail(err, KN_NOT_ACCEPTABLE,
                       "Version %s is not supported by the API. Minimum is %d.%d and maximum is %d.%d.", text,
                       api->major, api->min_minor, api->major, api->max_minor);
    }
    *ret_minor = minor;
    return 0;
}

/* The version that "volume 3.71, compute 2.96" says for this service, into out; false if it says none. */
static bool find_service(const char *header, const char *service, char *out, size_t size)
{
    while (*header != '\0') {
        header += strspn(header, ", \t");
        size_t len = strcspn(header, ",");
        size_t name_len = strcspn(header, ", \t");
        if (name_len == strlen(service) && strncasecmp(header, service, name_len) == 0) {
            const char *version = header + name_len;
            version += strspn(version, " \t");
            snprintf(out, size, "%.*s", (int)strcspn(version, ", \t"), version);
            return true;
        }
        header += len;
    }
    return false;
}

int kn_api_microversion_choose(const struct kn_api *api, const char *standard, const char *legacy, int *ret_minor,
                               struct kn_error *err)
{
    char version[64];

    if (api->microversion_service == NULL) {
        *ret_minor = 0;
        return 0;
    }
    if (standard != NULL && find_service(standard, api->microversion_service, version, sizeof(version))) {
        return microversion_parse(api, version, ret_minor, err);
    }
    if (legacy != NULL && has_legacy(api)) {
        kn_copy(version, sizeof(version), legacy);
        return microversion_parse(api, version, ret_minor, err);
    }
    *ret_minor = api->min_minor;
    return 0;
}

void kn_api_microversion_headers(const struct kn_api *api, int minor, struct kn_response *res)
{
    char value[64];

    if (api->microversion_service == NULL) {
        return;
    }
    snprintf(value, sizeof(value), "%s %d.%d", api->microversion_service, api->major, minor);
    kn_response_header(res, STANDARD, value);
    if (has_legacy(api)) {
        snprintf(value, sizeof(value), "%d.%d", api->major, minor);
        kn_response_header(res, LEGACY, value);
    }
    kn_response_header(res, "Vary", has_legacy(api) ? STANDARD ", " LEGACY : STANDARD);
}
