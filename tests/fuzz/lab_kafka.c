/* SPDX-License-Identifier: Apache-2.0 */
/* What the embedded bus is sent: a chain of requests, each behind two bytes that say how long it is. */
#include <stdint.h>
#include <stdlib.h>

#include "lab/kafka.h"
#include "lib/base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const SINGLE[] = { "a", NULL };
    AUTO(kn_lab_logs) struct kn_lab_logs *logs = kn_lab_logs_new(SINGLE, 2, 4096);
    const struct kn_lab_kafka kafka = { logs, "c", 9092 };

    while (size >= 2) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf out = KN_STRBUF_INIT;
        struct kn_lab_kafka_wait wait = { 0 };
        const size_t said = (size_t)data[0] << 8 | data[1], len = said < size - 2 ? said : size - 2;
        const enum kn_lab_kafka_turn turn = kn_lab_kafka_answer(&kafka, data + 2, len, false, &out, &wait);

        if ((turn == KN_KAFKA_ANSWERED) != (out.len > 0)) {
            abort();
        }
        data += 2 + len;
        size -= 2 + len;
    }
    return 0;
}
