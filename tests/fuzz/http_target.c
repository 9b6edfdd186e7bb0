/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request's target and its headers, as any client may send them: path and query decoding, the router's cutting, the microversion,
 * the address for links. Line by line: target, OpenStack-API-Version, Host.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/address.h"
#include "api/microversion.h"
#include "api/router.h"
#include "lib/adapter/http_private.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct kn_api API = { .name = "compute",
                                   .prefix = "/compute",
                                   .dialect = KN_DIALECT_NOVA,
                                   .microversion_service = "compute",
                                   .major = 2,
                                   .min_minor = 1,
                                   .max_minor = 96 };

static void visit(void *ctx, const char *key, const char *value)
{
    size_t *sum = ctx;
    *sum += strlen(key) + strlen(value);
}

static void read_target(const char *target)
{
    struct kn_http_server server = { 0 };
    struct kn_http_raw *raw = kn_http_raw_new(&server, target, NULL);
    const char *segments[KN_SEGMENTS_MAX];
    struct kn_error err = { 0 };
    size_t sum = 0;
    bool flag = false;

    if (kn_http_raw_open(raw, "GET", &err) == 0) {
        int count = kn_api_router_split(&raw->req, raw->req.raw_path, segments, &err);
        for (int i = 0; i < count; i++) {
            sum += strlen(segments[i]);
        }
    }
    if (kn_request_query_read(&raw->req, &err) == 0) {
        kn_request_query_each(&raw->req, visit, &sum);
        kn_request_query_bool(&raw->req, "limit", false, &flag, &err);
    }
    if (sum > 3 * strlen(target)) {
        abort(); /* nothing can grow by being decoded */
    }
    kn_http_raw_free(raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *text = kn_alloc(size + 1);
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf url = KN_STRBUF_INIT;
    struct kn_error err = { 0 };
    int minor = API.min_minor;

    if (size > 0) {
        memcpy(text, data, size);
    }
    char *rest = text;
    const char *target = strsep(&rest, "\n");
    const char *version = strsep(&rest, "\n");
    const char *host = strsep(&rest, "\n");
    read_target(target);
    if (kn_api_microversion_choose(&API, version, host, &minor, &err) == 0 &&
        (minor < API.min_minor || minor > API.max_minor)) {
        abort();
    }
    const struct kn_api_address address = { version, host, target, "127.0.0.1:1" };
    kn_api_address_add(&address, &url);
    if (strpbrk(url.buf, "\"<>\\ \t") != NULL) {
        abort(); /* it goes into links */
    }
    return 0;
}
