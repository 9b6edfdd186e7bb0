/* SPDX-License-Identifier: Apache-2.0 */
/* Images that are lists of disks: see the header. What anybody wrote into the property is held against the schema of bodies before anything is made of it. */
#include "compute/rows/server_plan_mapping.h"

#include <string.h>

#include "compute/rows/server_plan_disks.h"
#include "compute/rows/server_schema.h"
#include "image/api.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"

#define MIB_OF_GIB 1024
#define NEWEST 104 /* whoever writes the property names no microversion */

/* --- writing ---------------------------------------------------------------------------------------------------------------- */

/* All members that Nova writes; what an entry says, over what none says. */
static json_t *mapping_entry(const char *source, const char *destination, json_t *said)
{
    json_t *entry = json_pack("{s:s, s:s, s:s, s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:n}", "source_type", source,
                              "destination_type", destination, "device_type", "disk", "snapshot_id", "volume_id",
                              "image_id", "boot_index", "guest_format", "no_device", "tag", "volume_type", "disk_bus");

    json_object_update(entry, said);
    json_decref(said);
    return entry;
}

static void mapping_copy(const json_t *from, const char *key, json_t *to, const char *as)
{
    json_t *value = json_object_get(from, key);

    if (value != NULL) {
        json_object_set(to, as, value);
    }
}

static json_t *mapping_of_snapshot(const json_t *snapshot)
{
    json_t *said = json_pack("{s:O, s:O, s:O, s:s}", "snapshot_id", json_object_get(snapshot, "snapshot"),
                             "volume_size", json_object_get(snapshot, "size"), "delete_on_termination",
                             json_object_get(snapshot, "dies"), "disk_bus", "virtio");

    mapping_copy(snapshot, "device", said, "device_name");
    mapping_copy(snapshot, "boot", said, "boot_index");
    mapping_copy(snapshot, "tag", said, "tag");
    return mapping_entry("snapshot", "volume", said);
}

/* Nova measures a swap disk in MiB and all else in GiB. */
static json_t *mapping_of_disk(const json_t *disk)
{
    const bool is_swap = strcmp(kn_json_str(disk, "format"), "swap") == 0;
    const int64_t size_mib = kn_json_int(disk, "size_mib");
    json_t *said = json_pack("{s:I, s:b, s:O, s:O, s:O}", "volume_size",
                             (json_int_t)(is_swap ? size_mib : size_mib / MIB_OF_GIB), "delete_on_termination", 1,
                             "guest_format", json_object_get(disk, "format"), "device_name",
                             json_object_get(disk, "device"), "disk_bus", json_object_get(disk, "bus"));

    if (json_object_get(disk, "boot") != NULL) {
        json_object_set_new(said, "boot_index", json_integer(kn_json_int(disk, "boot") - 1));
    }
    mapping_copy(disk, "tag", said, "tag");
    return mapping_entry("blank", "local", said);
}

json_t *kn_compute_mapping_make(const json_t *snapshots, const json_t *disks)
{
    json_t *mapping = json_array();
    const json_t *one;
    size_t i;

    json_array_foreach (snapshots, i, one) {
        json_array_append_new(mapping, mapping_of_snapshot(one));
    }
    json_array_foreach (disks, i, one) {
        if (json_object_get(one, "format") != NULL) {
            json_array_append_new(mapping, mapping_of_disk(one));
        }
    }
    return mapping;
}

/* --- reading ---------------------------------------------------------------------------------------------------------------- */

static int mapping_refuse(const char *why, struct kn_error *err)
{
    return kn_fail(err, KN_BAD_REQUEST, "Block Device Mapping is Invalid: the image's: %s", why);
}

/* As a body says it: no nulls, and the newer form's one uuid. */
static json_t *mapping_entry_said(const json_t *entry, bool is_newer)
{
    static const struct {
        const char *source, *id;
    } IDS[] = { { "snapshot", "snapshot_id" }, { "volume", "volume_id" }, { "image", "image_id" } };
    const char *source = kn_json_str(entry, "source_type"), *key;
    json_t *said = json_object(), *value;

    json_object_foreach ((json_t *)(uintptr_t)entry, key, value) {
        if (!json_is_null(value)) {
            json_object_set(said, key, value);
        }
    }
    for (size_t i = 0; i < KN_COUNT(IDS) && is_newer; i++) {
        if (strcmp(IDS[i].source, source) == 0 && json_object_get(said, IDS[i].id) != NULL) {
            json_object_set(said, "uuid", json_object_get(said, IDS[i].id));
        }
        json_object_del(said, IDS[i].id);
    }
    return said;
}

/* *ret: a new array of devices; NULL: the image says nothing of them. */
static int mapping_of_image(const json_t *properties, json_t **ret, struct kn_error *err)
{
    const char *text = kn_json_str(properties, KN_IMAGE_MAPPING);
    const bool is_newer = kn_schema_bool(properties, "bdm_v2", false);
    json_auto_t *list = *text != '\0' ? json_loads(text, 0, NULL) : NULL, *said = json_array();
    struct kn_error why = { 0 };
    const json_t *entry;
    size_t i;

    if (*text != '\0' && !json_is_array(list)) {
        return mapping_refuse("it is no list", err);
    }
    if (json_array_size(list) == 0) {
        return 0;
    }
    json_array_foreach (list, i, entry) {
        if (!json_is_object(entry)) {
            return mapping_refuse("an entry is no object", err);
        }
        json_array_append_new(said, mapping_entry_said(entry, is_newer));
    }
    json_auto_t *body = json_pack("{s:O}", is_newer ? "block_device_mapping_v2" : "block_device_mapping", said);

    return kn_schema_check(kn_compute_devices_schema, body, NEWEST, &why) < 0 ? mapping_refuse(why.message, err)
                                                                              : kn_compute_disks_read(body, ret, err);
}

static const char *mapping_name(const json_t *device)
{
    const char *name = kn_json_str(device, "name");

    return strncmp(name, "/dev/", 5) == 0 ? name + 5 : name;
}

static bool mapping_has_name(const json_t *devices, const char *name)
{
    const json_t *device;
    size_t i;

    json_array_foreach (devices, i, device) {
        if (strcmp(mapping_name(device), name) == 0) {
            return true;
        }
    }
    return false;
}

static bool mapping_is_root(const json_t *device)
{
    return json_object_get(device, "boot") != NULL && kn_json_int(device, "boot") == 0;
}

static bool mapping_has_root(const json_t *devices)
{
    const json_t *device;
    size_t i;

    json_array_foreach (devices, i, device) {
        if (mapping_is_root(device)) {
            return true;
        }
    }
    return false;
}

/* The image itself as the root disk, which clients put into bodies without knowing what it is. */
static bool mapping_is_image(const json_t *device)
{
    const json_t *volume = json_object_get(device, "volume");

    return mapping_is_root(device) && (volume != NULL ? strcmp(kn_json_str(volume, "source"), "image") == 0
                                                      : json_object_get(device, "format") == NULL);
}

int kn_compute_mapping_read(const json_t *properties, const json_t *devices, json_t **ret, struct kn_error *err)
{
    json_auto_t *of_image = NULL, *all = json_array();
    json_t *device;
    size_t i;

    if (mapping_of_image(properties, &of_image, err) < 0) {
        return -1;
    }
    if (of_image == NULL) {
        *ret = json_incref((json_t *)(uintptr_t)devices);
        return 0;
    }
    const bool has_root = mapping_has_root(of_image);

    json_array_foreach (of_image, i, device) {
        if (mapping_name(device)[0] == '\0' || !mapping_has_name(devices, mapping_name(device))) {
            json_array_append(all, device);
        }
    }
    json_array_foreach ((json_t *)(uintptr_t)devices, i, device) {
        if (!has_root || !mapping_is_image(device)) {
            json_array_append(all, device);
        }
    }
    if (!mapping_has_root(all)) {
        json_array_append_new(all, json_pack("{s:i}", "boot", 0)); /* the image's own data */
    }
    *ret = json_incref(all);
    return 0;
}
