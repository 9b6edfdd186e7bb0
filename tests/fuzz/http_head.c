/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a connection through the scan: whole and byte by byte they come out the same, and after a refusal nothing does. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/adapter/http_scan.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t flush(struct kn_http_scan *s, char *to)
{
    size_t n = s->spare_len;

    memcpy(to, s->spare, n);
    s->spare_len = 0;
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *whole = kn_alloc(size + KN_HTTP_SPARE), *single = kn_alloc(size + KN_HTTP_SPARE);
    struct kn_http_scan a = { 0 }, b = { 0 };
    size_t n = kn_http_scan_feed(&a, (const char *)data, size, whole, size), m = 0;

    if (a.spare_len == sizeof(a.spare)) {
        abort(); /* it was to be enough */
    }
    n += flush(&a, whole + n);
    for (size_t i = 0; i < size; i++) {
        m += kn_http_scan_feed(&b, (const char *)data + i, 1, single + m, 1);
        m += flush(&b, single + m);
    }
    if (n != m || memcmp(whole, single, n) != 0 || a.spot != b.spot || a.heads != b.heads || a.why != b.why) {
        abort();
    }
    if (a.why != KN_OK &&
        kn_http_scan_feed(&a, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, whole, size) + a.spare_len > 0) {
        abort();
    }
    return 0;
}
