/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes of a new server: each is looked at before anything is written; what comes of them is written with the server's row (server_insert.c). */
#include "compute/rows/server_plan_volumes.h"

#include <stdlib.h>
#include <string.h>

#include "compute/rows/image_properties.h"
#include "compute/rows/server_plan_disks.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"
#include "volume/api.h"

/* What is known of the image in a volume is all texts, as Cinder keeps it. */
static int64_t plan_volumes_known_int(const json_t *known, const char *key)
{
    return strtoll(kn_json_str(known, key), NULL, 10);
}

static int plan_volumes_root(struct kn_request *req, const json_t *root, struct kn_compute_server_plan *plan,
                             struct kn_error *err)
{
    const char *source = kn_json_str(root, "source");
    json_t *known = json_object_get(root, "image");

    if (strcmp(source, "blank") != 0 && !json_is_true(json_object_get(root, "is_bootable"))) {
        return kn_fail(err, KN_BAD_REQUEST, "Block Device %.64s is not bootable.", kn_json_str(root, "id"));
    }
    if (plan->memory_mib < plan_volumes_known_int(known, "min_ram")) {
        return kn_fail(err, KN_BAD_REQUEST, "Flavor's memory is too small for requested image.");
    }
    plan->properties = json_is_object(known) ? json_incref(known) : json_object();
    plan->image_properties = kn_compute_image_properties(plan->properties);
    plan->config_drive = kn_schema_bool(json_object_get(req->body, "server"), "config_drive", false) ||
                         strcmp(kn_json_str(known, "img_config_drive"), "mandatory") == 0 ||
                         req->conf->compute_force_config_drive;
    return 0;
}

int kn_compute_plan_volumes(struct kn_request *req, const json_t *devices, struct kn_compute_server_plan *plan,
                            const json_t **ret_root, struct kn_error *err)
{
    const json_t *root = kn_compute_disks_root_volume(devices);
    const json_t *device;
    size_t i;

    json_array_foreach (devices, i, device) {
        json_t *volume = json_object_get(device, "volume");

        if (volume == NULL) {
            continue;
        }
        if (plan->max_count > 1 && strcmp(kn_json_str(volume, "source"), "volume") == 0) {
            return kn_fail(err, KN_BAD_REQUEST, "Cannot attach one or more volumes to multiple instances");
        }
        if (kn_volume_boot_look(req, volume, err) < 0) {
            return -1;
        }
    }
    if (root != NULL && plan_volumes_root(req, root, plan, err) < 0) {
        return -1;
    }
    *ret_root = root;
    return 0;
}
