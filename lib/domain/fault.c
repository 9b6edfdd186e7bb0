/* SPDX-License-Identifier: Apache-2.0 */
/* The one rule for all that shows failures: a server's fault and the events of its history. It must never guess what a text means, only what it names. */
#include "lib/domain/fault.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/mem.h"

static bool names(const char *message, const char *name)
{
    return name != NULL && *name != '\0' && strstr(message, name) != NULL;
}

char *kn_fault_public(enum kn_code code, const char *message, const char *host, const char *agent,
                      const char *request_id)
{
    if (code == KN_NO_VALID_HOST) {
        return kn_strdup("No valid host was found.");
    }
    if (kn_code_status(code) >= 500 || code == KN_STALE || strchr(message, '/') != NULL || names(message, host) ||
        names(message, agent)) {
        return kn_asprintf("The cloud failed to carry this out. (%s)", request_id);
    }
    return kn_strdup(message);
}
