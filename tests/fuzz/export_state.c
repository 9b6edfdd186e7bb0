/* SPDX-License-Identifier: Apache-2.0 */
/* What a volume host reads back of a disk that it serves. Whatever the bytes are: what is taken is written and read as the same, and no line of the keys file comes out that was not a key. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "volume/serve/export_state.h"

static void must(int good)
{
    if (!good) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf first = KN_STRBUF_INIT, second = KN_STRBUF_INIT, keys = KN_STRBUF_INIT;
    AUTO_FREE struct kn_volume_export_state *state = KN_NEW(struct kn_volume_export_state);
    struct kn_error err = { 0 };
    size_t lines = 0;

    if (kn_volume_export_state_parse((const char *)data, size, state, &err) < 0) {
        must(state->port == 0 && state->count == 0);
        return 0;
    }
    kn_volume_export_state_print(state, &first);
    must(kn_volume_export_state_parse(first.buf, first.len, state, &err) == 0);
    kn_volume_export_state_print(state, &second);
    must(strcmp(first.buf, second.buf) == 0);
    kn_volume_export_state_keys(state, &keys);
    for (size_t i = 0; i < keys.len; i++) {
        lines += keys.buf[i] == '\n';
    }
    must(lines == state->count && keys.len == lines * (KN_UUID_SIZE + KN_STORAGE_KEY_SIZE));
    return 0;
}
