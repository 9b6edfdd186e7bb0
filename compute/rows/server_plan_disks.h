/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_plan_disks: block_device_mapping of both syntaxes and the flavor's ephemeral disk and swap, turned into the disks that a server's host makes and the volumes that it begins with.
 * Whatever no host could do is refused in words. Pure; codes and words are Nova's.
 */
#ifndef KN_COMPUTE_ROWS_SERVER_PLAN_DISKS_H
#define KN_COMPUTE_ROWS_SERVER_PLAN_DISKS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"

/* What a flavor says of disks. */
struct kn_compute_flavor_disks {
    int64_t root_gib, ephemeral_gib, swap_mib;
};

/*
 * What a checked body.server says, by itself. *ret: a new array of {boot, size, format, bus, name, tag}, an entry with a "volume" ({"source", "id", "size", "type", "dies"}) being one, any other
 * without a format the image's disk; NULL: it says nothing.
 */
int kn_compute_disks_read(const json_t *server, json_t **ret, struct kn_error *err);
/* The volume among these that is the root disk; NULL: the image's disk is. */
json_t *kn_compute_disks_root_volume(const json_t *devices);

struct kn_compute_disks_wanted {
    const json_t *devices; /* as they were read; NULL: the flavor alone says */
    struct kn_compute_flavor_disks sizes;
    const char *bus; /* of disks that name none */
    const char *cdrom_bus; /* of the image's, if that is a CD; NULL: it is a disk */
    bool is_pc; /* the machine pc, which has IDE; q35 has SATA */
    int64_t most; /* how many there may be; -1: as many as there are names */
};

/*
 * *ret: server.disks as JSON's text, heap; NULL: there is only the image's, on vda. *ret_volumes: a new array of what was read of the volumes, with "device", "tag" and, where it
 * is one that boots, "boot"; NULL: there is none.
 */
int kn_compute_disks_plan(const struct kn_compute_disks_wanted *wanted, char **ret, json_t **ret_volumes,
                          struct kn_error *err);

#endif
