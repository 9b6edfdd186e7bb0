/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from a guest to the metadata service: parsed, and answered if they parse. */
#include <stddef.h>
#include <stdint.h>

#include "compute-agent/metadata/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kn_agent_metadata_request request;
    struct kn_strbuf body = KN_STRBUF_INIT;
    const char *type;

    if (kn_agent_metadata_parse((const char *)data, size, &request) == KN_METADATA_OK) {
        json_t *spec = json_pack("{s:s, s:s}", "hostname", "h", "user_data", "AAAA");
        kn_agent_metadata_answer("5d1c5e1c-7c8c-4d5e-9a5b-0123456789ab", spec, request.path, &body, &type);
        json_decref(spec);
    }
    kn_strbuf_release(&body);
    return 0;
}
