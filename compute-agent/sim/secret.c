/* SPDX-License-Identifier: Apache-2.0 */
/* sim/secret: asks for keys, and wipes them; it must never keep one. */
#include "compute-agent/sim/secret.h"

#include <string.h>

#include "compute-agent/core/keys.h"
#include "compute-agent/core/spec.h"
#include "lib/adapter/crypto.h"
#include "lib/domain/message.h"

int kn_agent_sim_secret(const struct kn_agent_driver_events *events, const struct kn_agent_guest_ref *ref,
                        const char *volume, const json_t *connection, struct kn_error *err)
{
    char key[KN_AGENT_KEY_SIZE] = "";

    if (strcmp(kn_json_str(connection, "format"), KN_SPEC_ENCRYPTED) != 0) {
        return 0;
    }
    const int rc = events->ask_key(events->ctx, ref->host, ref->server, volume, key, err);
    kn_wipe(key, sizeof(key));
    return rc;
}

int kn_agent_sim_secrets(const struct kn_agent_driver_events *events, const struct kn_agent_guest_ref *ref,
                         const json_t *spec, struct kn_error *err)
{
    const json_t *item;
    size_t i;

    json_array_foreach (json_object_get(spec, "volumes"), i, item) {
        if (kn_agent_sim_secret(events, ref, kn_json_str(item, "volume"), json_object_get(item, "connection"), err) <
            0) {
            return -1;
        }
    }
    return 0;
}
