/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoint URLs as an administrator may write them: filled in or refused, with and without a project, and never longer than can be explained. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "identity/auth/catalog.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct kn_identity_catalog MANY = { "http://here", "user", "project" },
                                            NONE = { "http://here", "user", "" };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf with = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf without = KN_STRBUF_INIT;
    AUTO_FREE char *text = kn_alloc(size + 1);

    if (size > 0) {
        memcpy(text, data, size);
    }
    bool made = kn_identity_catalog_url_fill(&MANY, text, &with);
    if (kn_identity_catalog_url_fill(&NONE, text, &without) && !made) {
        abort(); /* what needs no project can be made with one */
    }
    if (made && strstr(text, "(") == NULL && strcmp(text, with.buf) != 0) {
        abort();
    }
    return with.len > 2 * size + 16 ? abort(), 0 : 0;
}
