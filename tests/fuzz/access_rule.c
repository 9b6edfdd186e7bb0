/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access rules: a pattern and a path, divided by the first line end, and the whole as a token's rules. A pattern always lets its own literal
 * text through; whatever the input, time stays bounded and nothing is read beyond it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "identity/rows/access_rule.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *text = kn_alloc(size + 1);

    if (size > 0) {
        memcpy(text, data, size);
    }
    kn_identity_access_rules_allow(text, "compute", "GET", "/v2.1/servers");
    char *line_end = strchr(text, '\n');
    if (line_end == NULL) {
        return 0;
    }
    *line_end = '\0';
    bool matches = kn_identity_access_path_matches(text, line_end + 1);
    bool literal = strpbrk(text, "*{") == NULL;
    if (literal && matches != (strcmp(text, line_end + 1) == 0)) {
        abort();
    }
    return 0;
}
