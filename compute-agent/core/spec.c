/* SPDX-License-Identifier: Apache-2.0 */
/* spec: field tables and small changes of JSON. Both drivers rely on kn_spec_check having been asked first. */
#include "compute-agent/core/spec.h"

#include <string.h>

#include "compute-agent/core/device.h"
#include "lib/domain/message.h"

#define REQUIRED true
#define OPTIONAL false

static const struct kn_field SPEC[] = {
    { "name", KN_STR, REQUIRED, KN_LIMIT_SERVER_NAME, "the server's, for people" },
    { "hostname", KN_STR, REQUIRED, KN_LIMIT_SERVER_HOSTNAME, "what the guest calls itself" },
    { "project", KN_STR, REQUIRED, KN_LIMIT_TENANT, "whose it is" },
    { "zone", KN_STR, OPTIONAL, KN_LIMIT_HOST_ZONE, "availability zone" },
    { "vcpus", KN_INT, REQUIRED, KN_LIMIT_FLAVOR_VCPUS, "virtual CPUs" },
    { "memory_mib", KN_INT, REQUIRED, KN_LIMIT_FLAVOR_MEMORY_MIB, "memory" },
    { "disk_gib", KN_INT, REQUIRED, KN_LIMIT_FLAVOR_DISK_GIB, "root disk; 0 = the image's size" },
    { "image", KN_OBJ, OPTIONAL, KN_LIMIT_NONE, "absent: that of the guest that is there, or it boots from a volume" },
    { "nics", KN_ARR, REQUIRED, KN_LIMIT_NICS, "see \"A NIC\"" },
    { "volumes", KN_ARR, OPTIONAL, KN_LIMIT_DISKS, "attached ones" },
    { "metadata", KN_OBJ, OPTIONAL, KN_LIMIT_NONE, "the user's keys and values" },
    { NULL, KN_FIELD_END, false, KN_LIMIT_NONE, NULL },
};

static const struct kn_field IMAGE[] = {
    { "id", KN_UUID, REQUIRED, KN_LIMIT_NONE, "the image" },
    { "disk_format", KN_STR, REQUIRED, KN_LIMIT_DISK_FORMAT, "raw or qcow2" },
    { "virtual_size", KN_INT, REQUIRED, KN_LIMIT_VIRTUAL_SIZE, "bytes of the disk inside" },
    { NULL, KN_FIELD_END, false, KN_LIMIT_NONE, NULL },
};

static const struct kn_field NIC[] = {
    { "port", KN_UUID, REQUIRED, KN_LIMIT_NONE, "its port" },
    { "network", KN_UUID, REQUIRED, KN_LIMIT_NONE, "the port's network" },
    { "mac", KN_STR, REQUIRED, KN_LIMIT_MAC, "its address" },
    { "tap", KN_STR, REQUIRED, KN_LIMIT_TAP, "the device on the host" },
    { "mtu", KN_INT, OPTIONAL, KN_LIMIT_NIC_MTU, "0 = the default" },
    { NULL, KN_FIELD_END, false, KN_LIMIT_NONE, NULL },
};

static const struct kn_field VOLUME[] = {
    { "volume", KN_UUID, REQUIRED, KN_LIMIT_NONE, "which" },
    { "device", KN_STR, REQUIRED, KN_LIMIT_DEVICE, "/dev/vdX" },
    { "connection", KN_OBJ, REQUIRED, KN_LIMIT_NONE, "from volume.connect" },
    { NULL, KN_FIELD_END, false, KN_LIMIT_NONE, NULL },
};

static int check_each(const json_t *list, const struct kn_field *fields, const char *where, struct kn_error *err)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item) {
        if (!json_is_object(item)) {
            return kn_fail(err, KN_BAD_REQUEST, "%s holds something that is not an object", where);
        }
        if (kn_fields_check(fields, item, where, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int check_devices(const json_t *spec, struct kn_error *err)
{
    uint32_t used = json_object_get(spec, "image") != NULL ? 1 : 0;
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(spec, "volumes"), i, item) {
        int at = kn_device_index(kn_json_str(item, "device"));
        if (at < 0 || (used >> at & 1) != 0) {
            return kn_fail(err, KN_BAD_REQUEST, "device \"%s\" of volume \"%s\" is no free virtio disk",
                           kn_json_str(item, "device"), kn_json_str(item, "volume"));
        }
        used |= 1U << at;
    }
    return 0;
}

int kn_spec_check(const json_t *spec, struct kn_error *err)
{
    const json_t *image = json_object_get(spec, "image");

    if (kn_fields_check(SPEC, spec, "spec", err) < 0 ||
        (image != NULL && kn_fields_check(IMAGE, image, "spec.image", err) < 0) ||
        check_each(json_object_get(spec, "nics"), NIC, "spec.nics", err) < 0 ||
        check_each(json_object_get(spec, "volumes"), VOLUME, "spec.volumes", err) < 0) {
        return -1;
    }
    return check_devices(spec, err);
}

json_t *kn_spec_merge(const json_t *older, const json_t *newer)
{
    json_t *merged = json_copy((json_t *)(uintptr_t)newer); /* shallow: newer itself is not changed */
    json_t *volumes = json_object_get(older, "volumes");
    json_t *image = json_object_get(older, "image");

    if (image != NULL && json_object_get(merged, "image") == NULL) {
        json_object_set(merged, "image", image);
    }
    if (volumes != NULL && json_array_size(json_object_get(merged, "volumes")) == 0) {
        json_object_set(merged, "volumes", volumes);
    }
    if (kn_json_int(older, "described") > kn_json_int(newer, "described")) {
        json_t *described = kn_spec_describe(merged, older, kn_json_int(older, "described"));
        json_decref(merged);
        merged = described;
    }
    return merged;
}

json_t *kn_spec_describe(const json_t *spec, const json_t *description, int64_t task)
{
    static const char *const told[] = { "name", "hostname", "metadata", NULL };
    json_t *copy = json_copy((json_t *)(uintptr_t)spec);

    if (task < kn_json_int(spec, "described")) {
        return copy;
    }
    for (int i = 0; told[i] != NULL; i++) {
        json_t *value = json_object_get(description, told[i]);
        if (value != NULL) {
            json_object_set(copy, told[i], value);
        }
    }
    json_object_set_new(copy, "described", json_integer(task));
    return copy;
}

bool kn_spec_boots(const json_t *spec)
{
    return json_object_get(spec, "image") != NULL || json_array_size(json_object_get(spec, "volumes")) > 0;
}

int64_t kn_spec_root_bytes(const json_t *spec)
{
    int64_t asked = kn_json_int(spec, "disk_gib") << 30;
    int64_t has = kn_json_int(json_object_get(spec, "image"), "virtual_size");

    return asked > has ? asked : has;
}

const json_t *kn_spec_volume(const json_t *spec, const char *volume)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(spec, "volumes"), i, item) {
        if (strcmp(kn_json_str(item, "volume"), volume) == 0) {
            return item;
        }
    }
    return NULL;
}

json_t *kn_spec_without_volume(const json_t *spec, const char *volume)
{
    json_t *copy = json_copy((json_t *)(uintptr_t)spec);
    json_t *volumes = json_array();
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(spec, "volumes"), i, item) {
        if (strcmp(kn_json_str(item, "volume"), volume) != 0) {
            json_array_append(volumes, item);
        }
    }
    json_object_set_new(copy, "volumes", volumes);
    return copy;
}

json_t *kn_spec_with_volume(const json_t *spec, const char *volume, const char *device, const json_t *connection)
{
    json_t *copy = kn_spec_without_volume(spec, volume);

    json_array_append_new(json_object_get(copy, "volumes"), json_pack("{s:s, s:o, s:O}", "volume", volume, "device",
                                                                      json_sprintf("/dev/%s", device), "connection",
                                                                      connection));
    return copy;
}

uint32_t kn_spec_devices(const json_t *spec)
{
    uint32_t used = 0;
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(spec, "volumes"), i, item) {
        int at = kn_device_index(kn_json_str(item, "device"));
        used |= at >= 0 ? 1U << at : 0;
    }
    return used;
}

struct kn_domain_disk kn_spec_disk(const char *volume, const char *device, const json_t *connection)
{
    return (struct kn_domain_disk){
        .path = kn_json_str(connection, "path"),
        .format = kn_json_str(connection, "format"),
        .device = strncmp(device, "/dev/", 5) == 0 ? device + 5 : device,
        .serial = volume,
    };
}

static void add_disks(const json_t *spec, const char *root, struct kn_spec_domain *ret)
{
    size_t i;
    json_t *item;

    if (json_object_get(spec, "image") != NULL) {
        ret->disks[ret->domain.disk_count++] = (struct kn_domain_disk){ root, "qcow2", "vda", NULL };
    }
    json_array_foreach(json_object_get(spec, "volumes"), i, item) {
        if (ret->domain.disk_count < KN_MAX_DISKS) {
            ret->disks[ret->domain.disk_count++] = kn_spec_disk(kn_json_str(item, "volume"), kn_json_str(item, "device"),
                                                                json_object_get(item, "connection"));
        }
    }
}

static void add_nics(const json_t *spec, struct kn_spec_domain *ret)
{
    size_t i;
    json_t *nic;

    json_array_foreach(json_object_get(spec, "nics"), i, nic) {
        if (ret->domain.nic_count < KN_MAX_NICS) {
            ret->nics[ret->domain.nic_count++] = (struct kn_domain_nic){ kn_json_str(nic, "mac"), kn_json_str(nic, "tap"),
                                                                         (int)kn_json_int(nic, "mtu") };
        }
    }
}

void kn_spec_domain(const json_t *spec, const char *server, int64_t generation, const char *root,
                    struct kn_spec_domain *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->domain = (struct kn_domain){
        .server = server,
        .name = kn_json_str(spec, "name"),
        .project = kn_json_str(spec, "project"),
        .generation = generation,
        .vcpus = (int)kn_json_int(spec, "vcpus"),
        .memory_mib = kn_json_int(spec, "memory_mib"),
        .disks = ret->disks,
        .nics = ret->nics,
    };
    add_disks(spec, root, ret);
    add_nics(spec, ret);
}
