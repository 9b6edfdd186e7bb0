/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a process table: read or refused, and what was read again has its program. */
#include <stdint.h>
#include <stdlib.h>

#include "lab/proctable.h"
#include "lib/base/strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_lab_proctable) struct kn_lab_proctable table = { .n = 0 };
    struct kn_error err;

    kn_strbuf_add(&text, data, size);
    if (kn_lab_proctable_parse(text.buf, &table, &err) < 0 && table.n != 0) {
        abort();
    }
    for (size_t i = 0; i < table.n; i++) {
        if (table.rows[i]->name[0] == '\0' || table.rows[i]->argv[0][0] == '\0') {
            abort();
        }
    }
    return 0;
}
