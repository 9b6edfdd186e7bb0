/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a kernel lists as our tables, whoever wrote them, and a piece of a trace as JSON: whatever the bytes are, a walk through them ends, and what it says
 * names a line of the text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "network/host/trace/trace.h"

static void walk(const char *text, const char *family, const char *hook, int protocol, const char *source,
                 const char *destination)
{
    AUTO(kn_network_tables) struct kn_network_tables *tables = kn_network_tables_read(text);
    struct kn_network_tables_packet packet = {
        .in = "tap00000001-11",
        .out = "tap00000002-11",
        .source_mac = "fa:16:3e:00:00:01",
        .state = KN_CT_NEW,
        .ip = { .protocol = protocol, .source_port = 8, .destination_port = 22 },
    };
    struct kn_network_tables_ruling ruling;

    kn_ip_parse(source, &packet.ip.source);
    kn_ip_parse(destination, &packet.ip.destination);
    kn_network_tables_walk(tables, family, hook, &packet, &ruling);
    if (strstr(text, ruling.line) == NULL || strstr(text, ruling.chain) == NULL) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const FAMILIES[] = { "bridge", "inet", "ip" }, *const HOOKS[] = { "prerouting", "forward",
                                                                                         "postrouting" };
    AUTO_FREE char *text = kn_alloc(size + 1);
    struct kn_network_trace_piece piece;
    struct kn_error err;

    memcpy(text, data, size);
    for (size_t i = 0; i < KN_COUNT(FAMILIES); i++) {
        for (size_t j = 0; j < KN_COUNT(HOOKS); j++) {
            walk(text, FAMILIES[i], HOOKS[j], 6, "10.0.0.1", "10.0.0.2");
            walk(text, FAMILIES[i], HOOKS[j], 58, "fd00::1", "fd00::2");
        }
    }
    json_auto_t *json = json_loads(text, 0, NULL);

    if (json != NULL) {
        kn_network_trace_piece_read(json, &piece, &err);
    }
    return 0;
}
