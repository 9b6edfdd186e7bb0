/* SPDX-License-Identifier: Apache-2.0 */
/* driver: the table of drivers. A new hypervisor is a new line here and files driver_<name>*.c; nothing else changes. */
#include "compute-agent/core/driver.h"

#include <string.h>

#include "lib/base/mem.h"

static const struct kn_agent_driver *const DRIVERS[] = { &kn_agent_driver_libvirt, &kn_agent_driver_lxc,
                                                         &kn_agent_driver_sim };

const struct kn_agent_driver *kn_agent_driver_find(const char *name)
{
    for (size_t i = 0; i < KN_COUNT(DRIVERS); i++) {
        if (strcmp(DRIVERS[i]->name, name) == 0) {
            return DRIVERS[i];
        }
    }
    return NULL;
}

json_t *kn_agent_driver_cannot(const struct kn_agent_driver *driver)
{
    json_t *cannot = json_array();

    for (const char *const *word = driver->cannot; word != NULL && *word != NULL; word++) {
        json_array_append_new(cannot, json_string(*word));
    }
    return cannot;
}
