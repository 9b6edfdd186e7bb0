/* SPDX-License-Identifier: Apache-2.0 */
/* Files of simulated disks: a sector that says whose it is, in <state dir>/snapshots; the bytes travel as real ones do. */
#include "compute-agent/sim/snapshot.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "compute-agent/core/file.h"
#include "compute-agent/core/snapshot.h"

#define SECTOR 512

static void sim_snapshot_path(const char *state_dir, const char *server, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/snapshots/%s", state_dir, server);
}

int kn_agent_sim_snapshot(const char *state_dir, const char *server, struct kn_work *work, json_t **ret_made,
                          struct kn_error *err)
{
    char path[PATH_MAX], dir[PATH_MAX], sector[SECTOR] = "";

    sim_snapshot_path(state_dir, server, path);
    snprintf(dir, sizeof(dir), "%s/snapshots", state_dir);
    snprintf(sector, sizeof(sector), "the disk of the simulated guest %s\n", server);
    if (kn_agent_file_make_dir(dir, err) < 0 ||
        kn_agent_file_replace_bytes(dir, server, sector, sizeof(sector), err) < 0) {
        return -1;
    }
    return kn_agent_snapshot_seal(path, "raw", work, ret_made, err);
}

int kn_agent_sim_snapshot_upload(const char *state_dir, const char *server, const json_t *body, struct kn_work *work,
                                 struct kn_error *err)
{
    char path[PATH_MAX];

    sim_snapshot_path(state_dir, server, path);
    return kn_agent_snapshot_upload(path, body, work, err);
}

int kn_agent_sim_snapshot_drop(const char *state_dir, const char *server, struct kn_error *err)
{
    char path[PATH_MAX];

    sim_snapshot_path(state_dir, server, path);
    return kn_agent_snapshot_drop(path, err);
}
