/* SPDX-License-Identifier: Apache-2.0 */
/* The index of all flows; the tables themselves stand in server.c, power.c, deferred.c, snapshot.c, shelve.c, interface.c, volume.c, held.c, disk.c, boot.c, backup.c and group.c. */
#include <string.h>

#include "conductor/flows/flow.h"

const struct kn_conductor_flow *const kn_conductor_flow_tables[] = { kn_conductor_flows_server,
                                                                     kn_conductor_flows_power,
                                                                     kn_conductor_flows_deferred,
                                                                     kn_conductor_flows_snapshot,
                                                                     kn_conductor_flows_shelve,
                                                                     kn_conductor_flows_interface,
                                                                     kn_conductor_flows_volume,
                                                                     kn_conductor_flows_disk,
                                                                     kn_conductor_flows_held,
                                                                     kn_conductor_flows_boot,
                                                                     kn_conductor_flows_backup,
                                                                     kn_conductor_flows_group,
                                                                     NULL };

const struct kn_conductor_flow *kn_conductor_flow(const char *kind)
{
    for (int i = 0; kn_conductor_flow_tables[i] != NULL; i++) {
        for (const struct kn_conductor_flow *flow = kn_conductor_flow_tables[i]; flow->kind != NULL; flow++) {
            if (strcmp(flow->kind, kind) == 0) {
                return flow;
            }
        }
    }
    return NULL;
}

int kn_conductor_flow_check(const struct kn_conductor_flow *flow, struct kn_error *err)
{
    for (int i = 0; i < flow->row_count; i++) {
        if (kn_conductor_becomes_check(flow->rows[i].becomes, err) < 0) {
            return kn_fail_context(err, "flow \"%s\"", flow->kind);
        }
    }
    if (kn_conductor_becomes_check(flow->done, err) < 0 || kn_conductor_becomes_check(flow->failed, err) < 0 ||
        kn_conductor_becomes_check(flow->no_room, err) < 0 || kn_conductor_becomes_check(flow->left, err) < 0 ||
        kn_conductor_becomes_check(flow->object->broken, err) < 0) {
        return kn_fail_context(err, "flow \"%s\"", flow->kind);
    }
    return 0;
}

int kn_conductor_flows_check(struct kn_error *err)
{
    for (int i = 0; kn_conductor_flow_tables[i] != NULL; i++) {
        for (const struct kn_conductor_flow *flow = kn_conductor_flow_tables[i]; flow->kind != NULL; flow++) {
            if (kn_conductor_flow_check(flow, err) < 0) {
                return -1;
            }
        }
    }
    return 0;
}
