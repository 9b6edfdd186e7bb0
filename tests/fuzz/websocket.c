/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of a client: whole and byte by byte they say the same, and never more than came. The first line, if there is one, is an Origin. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/adapter/websocket.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What happened, in order, behind what was said. */
struct fuzz_heard {
    uint8_t *said;
    size_t len;
    uint64_t events;
};

static void frames_read(const uint8_t *data, size_t size, size_t piece, struct fuzz_heard *ret)
{
    struct kn_websocket_in in = { .left = 0 };
    size_t at = 0;

    ret->said = kn_alloc(size + 1);
    while (at < size) {
        size_t used = 0, got = 0;
        const size_t len = size - at < piece ? size - at : piece;
        const enum kn_websocket_event event = kn_websocket_read(&in, data + at, len, ret->said + ret->len,
                                                                size - ret->len, &used, &got);

        if (used > len || (used == 0 && event == KN_WEBSOCKET_NOTHING)) {
            abort();
        }
        at += used;
        ret->len += got;
        ret->events = ret->events * 31 + (uint64_t)event * (ret->len + 1);
        if (event == KN_WEBSOCKET_CLOSED || event == KN_WEBSOCKET_BAD) {
            return;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size > 0 ? memchr(data, '\n', size) : NULL;
    struct fuzz_heard whole = { .len = 0 }, single = { .len = 0 };

    if (line != NULL) {
        AUTO_FREE char *origin = kn_strndup((const char *)data, (size_t)(line - data));
        char accept[KN_WEBSOCKET_ACCEPT];

        kn_websocket_origin_fits(origin, "https://console.example", origin);
        kn_websocket_lists(origin, "upgrade");
        kn_websocket_accept(origin, accept);
        size -= (size_t)(line + 1 - data);
        data = line + 1;
    }
    frames_read(data, size, size, &whole);
    frames_read(data, size, 1, &single);
    if (whole.len != single.len || memcmp(whole.said, single.said, whole.len) != 0 || whole.len > size) {
        abort();
    }
    free(whole.said);
    free(single.said);
    return 0;
}
