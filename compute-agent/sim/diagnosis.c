/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated guest has the processors, memory, disks and NICs that it was given; nothing ever runs on them or passes through them. */
#include "compute-agent/sim/diagnosis.h"

#include <string.h>

#include "compute-agent/sim/disks.h"
#include "lib/base/mem.h"
#include "lib/domain/server_state.h"

static json_t *idle_disk(const char *device)
{
    return json_pack("{s:s, s:i, s:i, s:i, s:i, s:i}", "device", device, "read_requests", 0, "read_bytes", 0,
                     "write_requests", 0, "write_bytes", 0, "errors", 0);
}

static json_t *idle_nic(const char *tap)
{
    return json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "tap", tap, "rx_octets", 0, "rx_packets", 0,
                     "rx_errors", 0, "rx_drop", 0, "tx_octets", 0, "tx_packets", 0, "tx_errors", 0, "tx_drop", 0);
}

json_t *kn_agent_sim_diagnosis(const struct kn_agent_sim_guest *guest)
{
    AUTO_FREE char *taps = guest->taps != NULL ? kn_strdup(guest->taps) : NULL;
    AUTO_FREE char *volumes = guest->volumes != NULL ? kn_strdup(guest->volumes) : NULL;
    json_t *disks = json_array(), *nics = json_array(), *cpus = json_array();
    char *rest = taps;

    if (guest->power_state == KN_POWER_RUNNING) {
        if ((kn_agent_sim_disks_used(guest->volumes) & 1) == 0) { /* its root disk is no volume */
            json_array_append_new(disks, idle_disk("vda"));
        }
        for (int id = 0; id < guest->vcpus; id++) {
            json_array_append_new(cpus, json_pack("{s:i, s:i}", "id", id, "time", 0));
        }
        for (const char *tap = strsep(&rest, ","); tap != NULL; tap = strsep(&rest, ",")) {
            json_array_append_new(nics, idle_nic(tap));
        }
        rest = volumes;
        for (const char *volume = strsep(&rest, ","); volume != NULL; volume = strsep(&rest, ",")) {
            const char *device = strchr(volume, '=');

            if (device != NULL) {
                json_array_append_new(disks, idle_disk(device + 1));
            }
        }
    }
    return json_pack("{s:i, s:s, s:I, s:I, s:o, s:o, s:o, s:[]}", "power_state", guest->power_state, "hypervisor",
                     "sim", "maximum_kib", (json_int_t)guest->memory_mib * 1024, "used_kib",
                     (json_int_t)guest->memory_mib * 1024, "cpus", cpus, "disks", disks, "nics", nics, "memory");
}
