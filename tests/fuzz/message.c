/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a message: refused with a reason, or accepted, and then what is printed is accepted again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    AUTO_RELEASE(kn_message) struct kn_message again = { 0 };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf out = KN_STRBUF_INIT;
    struct kn_error err = { 0 };

    if (kn_message_parse((const char *)data, size, &m, &err) < 0) {
        if (err.code == KN_OK || err.message[0] == '\0') {
            abort();
        }
        return 0;
    }
    if (kn_message_print(&m, &out, &err) < 0) {
        /* Escapes may make the printed form longer than a message may be. */
        if (err.code != KN_TOO_LARGE) {
            abort();
        }
        return 0;
    }
    if (kn_message_parse(out.buf, out.len, &again, &err) < 0 || again.type != m.type || again.task != m.task ||
        again.ok != m.ok || strcmp(again.from, m.from) != 0) {
        abort();
    }
    return 0;
}
