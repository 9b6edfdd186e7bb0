/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's request to the metadata service, as its first line says it: judged, and answered if it can be one. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "compute-agent/metadata/metadata.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *method = kn_strndup((const char *)data, size);
    struct kn_strbuf body = KN_STRBUF_INIT;
    const char *type, *path = "";
    char *space = strchr(method, ' ');

    if (space != NULL) {
        *space = '\0';
        path = space + 1;
        space[1 + strcspn(path, " ?\r\n")] = '\0';
    }
    if (kn_agent_metadata_refusal(method, path, (int64_t)size - 64) == 0) {
        json_t *spec = json_pack("{s:s, s:s}", "hostname", "h", "user_data", "AAAA");
        kn_agent_metadata_answer("5d1c5e1c-7c8c-4d5e-9a5b-0123456789ab", spec, path, &body, &type);
        json_decref(spec);
    }
    kn_strbuf_release(&body);
    return 0;
}
