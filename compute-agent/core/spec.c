/* SPDX-License-Identifier: Apache-2.0 */
/* spec: small changes of JSON, and JSON into a domain. What it reads was checked when it was heard (kn_form_spec): both drivers rely on that. */
#include "compute-agent/core/spec.h"

#include <stdio.h>
#include <string.h>

#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/device.h"
#include "lib/domain/form.h"

json_t *kn_agent_spec_merge(const json_t *older, const json_t *newer)
{
    json_t *merged = json_copy((json_t *)(uintptr_t)newer); /* shallow: newer itself is not changed */
    json_t *volumes = json_object_get(older, "volumes");
    json_t *image = json_object_get(older, "image");
    json_t *leaving = json_object_get(older, "leaving");

    if (leaving != NULL) {
        json_object_set(merged, "leaving", leaving);
    }
    if (image != NULL && json_object_get(merged, "image") == NULL) {
        json_object_set(merged, "image", image);
    }
    if (volumes != NULL && json_array_size(json_object_get(merged, "volumes")) == 0) {
        json_object_set(merged, "volumes", volumes);
    }
    if (kn_json_int(older, "described") > kn_json_int(newer, "described")) {
        json_t *described = kn_agent_spec_describe(merged, older, kn_json_int(older, "described"));
        json_decref(merged);
        merged = described;
    }
    return merged;
}

json_t *kn_agent_spec_describe(const json_t *spec, const json_t *description, int64_t task)
{
    json_t *copy = json_copy((json_t *)(uintptr_t)spec);

    if (task < kn_json_int(spec, "described")) {
        return copy;
    }
    for (const struct kn_field *told = kn_form_description.fields; told->kind != KN_FIELD_END; told++) {
        json_t *value = json_object_get(description, told->name);
        if (value != NULL) {
            json_object_set(copy, told->name, value);
        }
    }
    json_object_set_new(copy, "described", json_integer(task));
    return copy;
}

bool kn_agent_spec_boots(const json_t *spec)
{
    return json_object_get(spec, "image") != NULL || json_array_size(json_object_get(spec, "volumes")) > 0;
}

int64_t kn_agent_spec_root_bytes(const json_t *spec)
{
    /* Nobody writes on a CD. */
    int64_t asked = kn_json_bool(kn_spec_root(spec), "cdrom") ? 0 : kn_json_int(spec, "disk_gib") << 30;
    int64_t has = kn_json_int(json_object_get(spec, "image"), "virtual_size");

    return asked > has ? asked : has;
}

static const char *plain_device(const char *device)
{
    return strncmp(device, "/dev/", 5) == 0 ? device + 5 : device;
}

/* The entry of a list that is told from the others by this key; NULL if there is none. */
static const json_t *spec_entry(const json_t *spec, const char *list, const char *key, const char *id)
{
    size_t i;
    json_t *item;

    json_array_foreach (json_object_get(spec, list), i, item) {
        if (strcmp(kn_json_str(item, key), id) == 0) {
            return item;
        }
    }
    return NULL;
}

static json_t *spec_without(const json_t *spec, const char *list, const char *key, const char *id)
{
    json_t *copy = json_copy((json_t *)(uintptr_t)spec);
    json_t *leaving = json_copy(json_object_get(spec, "leaving"));
    json_t *others = json_array();
    size_t i;
    json_t *item;

    json_array_foreach (json_object_get(spec, list), i, item) {
        if (strcmp(kn_json_str(item, key), id) != 0) {
            json_array_append(others, item);
        }
    }
    json_object_set_new(copy, list, others);
    if (leaving != NULL) {
        json_object_del(leaving, id);
        json_object_set_new(copy, "leaving", leaving);
    }
    return copy;
}

bool kn_agent_spec_is_leaving(const json_t *spec, const char *id)
{
    return json_object_get(json_object_get(spec, "leaving"), id) != NULL;
}

json_t *kn_agent_spec_without_leaving(const json_t *spec)
{
    json_t *copy = json_copy((json_t *)(uintptr_t)spec);

    json_object_del(copy, "leaving");
    return copy;
}

json_t *kn_agent_spec_with_leaving(const json_t *spec, const char *id)
{
    json_t *copy = json_copy((json_t *)(uintptr_t)spec);
    json_t *leaving = json_copy(json_object_get(spec, "leaving"));

    leaving = leaving != NULL ? leaving : json_object();
    json_object_set_new(leaving, id, json_true());
    json_object_set_new(copy, "leaving", leaving);
    return copy;
}

const json_t *kn_agent_spec_volume(const json_t *spec, const char *volume)
{
    return spec_entry(spec, "volumes", "volume", volume);
}

json_t *kn_agent_spec_without_volume(const json_t *spec, const char *volume)
{
    return spec_without(spec, "volumes", "volume", volume);
}

const char *kn_agent_spec_volume_at(const json_t *spec, const char *device)
{
    size_t i;
    json_t *item;

    json_array_foreach (json_object_get(spec, "volumes"), i, item) {
        if (strcmp(plain_device(kn_json_str(item, "device")), device) == 0) {
            return kn_json_str(item, "volume");
        }
    }
    return NULL;
}

const json_t *kn_agent_spec_swap(const json_t *spec)
{
    return json_object_get(spec, "swap");
}

json_t *kn_agent_spec_with_swap(const json_t *spec, json_t *note)
{
    json_t *copy = json_copy((json_t *)(uintptr_t)spec);

    if (note == NULL) {
        json_object_del(copy, "swap");
    } else {
        json_object_set_new(copy, "swap", note);
    }
    return copy;
}

json_t *kn_agent_spec_swapped(const json_t *spec, const char *volume, const char *to, const json_t *connection)
{
    json_t *copy = json_copy((json_t *)(uintptr_t)spec);
    json_t *volumes = json_array();
    size_t i;
    json_t *item;

    json_array_foreach (json_object_get(spec, "volumes"), i, item) {
        json_t *entry = json_copy(item);

        if (strcmp(kn_json_str(entry, "volume"), volume) == 0) {
            json_object_set_new(entry, "volume", json_string(to));
            json_object_set(entry, "connection", (json_t *)(uintptr_t)connection);
        }
        json_array_append_new(volumes, entry);
    }
    json_object_set_new(copy, "volumes", volumes);
    return copy;
}

const json_t *kn_agent_spec_connection(const json_t *spec, const char *volume)
{
    const json_t *entry = kn_agent_spec_volume(spec, volume), *note = kn_agent_spec_swap(spec);

    return entry != NULL                                                  ? json_object_get(entry, "connection")
           : note != NULL && strcmp(kn_json_str(note, "to"), volume) == 0 ? json_object_get(note, "connection")
                                                                          : NULL;
}

const json_t *kn_agent_spec_nic(const json_t *spec, const char *port)
{
    return spec_entry(spec, "nics", "port", port);
}

json_t *kn_agent_spec_without_nic(const json_t *spec, const char *port)
{
    return spec_without(spec, "nics", "port", port);
}

json_t *kn_agent_spec_with_nic(const json_t *spec, const json_t *nic)
{
    json_t *copy = kn_agent_spec_without_nic(spec, kn_json_str(nic, "port"));

    json_array_append(json_object_get(copy, "nics"), (json_t *)(uintptr_t)nic);
    return copy;
}

struct kn_agent_domain_nic kn_agent_spec_device(const json_t *spec, const json_t *nic)
{
    return (struct kn_agent_domain_nic){ .mac = kn_json_str(nic, "mac"),
                                         .tap = kn_json_str(nic, "tap"),
                                         .mtu = (int)kn_json_int(nic, "mtu"),
                                         .model = kn_json_str(json_object_get(spec, "machine"), "vif") };
}

json_t *kn_agent_spec_with_volume(const json_t *spec, const char *volume, const char *device, const json_t *connection)
{
    json_t *copy = kn_agent_spec_without_volume(spec, volume);
    char name[sizeof("/dev/") + KN_DEVICE_SIZE];

    snprintf(name, sizeof(name), "/dev/%s", device);
    json_array_append_new(json_object_get(copy, "volumes"),
                          kn_form_write_disk(volume, name, (json_t *)(uintptr_t)connection));
    return copy;
}

uint32_t kn_agent_spec_devices(const json_t *spec)
{
    uint32_t used = 0;
    size_t i;
    json_t *item;

    json_array_foreach (json_object_get(spec, "volumes"), i, item) {
        int at = kn_device_index(kn_json_str(item, "device"));
        used |= at >= 0 ? 1U << at : 0;
    }
    json_array_foreach (json_object_get(spec, "disks"), i, item) {
        int at = kn_device_index(kn_json_str(item, "device"));
        used |= at >= 0 ? 1U << at : 0;
    }
    return used;
}

struct kn_agent_domain_disk kn_agent_spec_disk(const char *server, const char *volume, const char *device,
                                               const json_t *connection, char socket[KN_REMOTE_SOCKET_SIZE])
{
    const bool is_remote = kn_agent_remote_disk_is(connection),
               is_encrypted = strcmp(kn_json_str(connection, "format"), KN_SPEC_ENCRYPTED) == 0;
    struct kn_agent_domain_disk disk = {
        .path = is_remote ? socket : kn_json_str(connection, "path"),
        .export = is_remote ? kn_json_str(connection, "export") : NULL,
        .format = is_encrypted ? "raw" : kn_json_str(connection, "format"),
        .device = plain_device(device),
        .serial = volume,
        .is_readonly = json_is_true(json_object_get(connection, "readonly")),
        .is_shared = json_is_true(json_object_get(connection, "shared")),
        .limits = json_object_get(connection, "limits"),
    };

    kn_agent_remote_disk_socket(server, volume, socket);
    if (is_encrypted) {
        kn_agent_spec_secret(server, volume, disk.secret);
    }
    return disk;
}

void kn_agent_spec_secret(const char *server, const char *volume, char ret[KN_UUID_SIZE])
{
    AUTO_FREE char *about = kn_asprintf("%s/%s", server, volume);
    char hex[KN_SHA256_HEX];

    kn_sha256_hex(about, strlen(about), hex);
    snprintf(ret, KN_UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

void kn_agent_spec_local_file(const json_t *disk, char out[KN_LOCAL_FILE_SIZE])
{
    snprintf(out, KN_LOCAL_FILE_SIZE, "disk.%.8s", plain_device(kn_json_str(disk, "device")));
}

/* A flavor speaks of kilobytes, of a thousand bytes; NULL: it says nothing. */
static json_t *spec_nic_limit(const json_t *machine, const char *average, const char *burst)
{
    const int64_t rate = kn_json_int(machine, average);

    return rate == 0 ? NULL
                     : json_pack("{s:I, s:I}", "max_kbps", (json_int_t)rate * 8, "burst_kbit",
                                 (json_int_t)kn_json_int(machine, burst) * 8);
}

json_t *kn_agent_spec_plugs(const json_t *spec)
{
    const json_t *machine = json_object_get(spec, "machine");
    json_auto_t *in = spec_nic_limit(machine, "nic_in_average", "nic_in_burst"),
                *out = spec_nic_limit(machine, "nic_out_average", "nic_out_burst");
    json_t *plugs = json_array();
    size_t i;
    json_t *nic;

    json_array_foreach (json_object_get(spec, "nics"), i, nic) {
        json_t *plug = json_copy(nic);

        if (in != NULL) {
            json_object_set(plug, "to_guest", in);
        }
        if (out != NULL) {
            json_object_set(plug, "from_guest", out);
        }
        json_array_append_new(plugs, plug);
    }
    return plugs;
}

/* Behind all disks: the next free letter of its bus; SATA, SCSI and USB share theirs. A guest that has every letter of virtio has it on SATA. */
static void add_rescue_behind(const char *path, const char *bus, struct kn_agent_spec_domain *ret)
{
    uint32_t used_vd = 0, used_sd = 0;
    int vd = 0, sd = 0;

    for (size_t i = 0; i < ret->domain.disk_count; i++) {
        const char *device = ret->disks[i].device;

        used_vd |= device[0] == 'v' ? UINT32_C(1) << (device[2] - 'a') : 0;
        used_sd |= device[0] == 's' ? UINT32_C(1) << (device[2] - 'a') : 0;
        ret->disks[i].boot = 0;
    }
    while (vd < KN_MAX_DISKS && (used_vd >> vd & 1) != 0) {
        vd++;
    }
    while (sd < KN_MAX_DISKS && (used_sd >> sd & 1) != 0) {
        sd++;
    }
    const bool is_virtio = strcmp(bus, "virtio") == 0 && vd < KN_MAX_DISKS;

    snprintf(ret->rescue_device, sizeof(ret->rescue_device), "%s%c", is_virtio ? "vd" : "sd",
             'a' + (is_virtio ? vd : sd));
    ret->disks[ret->domain.disk_count++] = (struct kn_agent_domain_disk){ .path = path,
                                                                          .format = "qcow2",
                                                                          .device = ret->rescue_device,
                                                                          .bus = is_virtio || strcmp(bus, "virtio") != 0
                                                                                     ? bus
                                                                                     : "sata",
                                                                          .boot = 1 };
}

/* In front: the root disk is the second one of its bus then, and all others are away. */
static void add_rescue_before(const json_t *spec, const char *path, const char *root, struct kn_agent_spec_domain *ret)
{
    static const char *const NAMES[][2] = { { "vda", "vdb" }, { "sda", "sdb" }, { "hda", "hdb" } };
    const json_t *said = kn_spec_root(spec);
    const char *bus = said != NULL ? kn_json_str(said, "bus") : NULL;
    const char first = bus != NULL ? kn_disk_bus_prefix(bus)[0] : 'v';
    size_t at = 0;

    while (at + 1 < KN_COUNT(NAMES) && NAMES[at][0][0] != first) {
        at++;
    }
    for (size_t i = 0; i < KN_COUNT(NAMES[at]); i++) {
        ret->disks[ret->domain.disk_count++] = (struct kn_agent_domain_disk){
            .path = i == 0 ? path : root, .format = "qcow2", .device = NAMES[at][i], .bus = bus
        };
    }
    ret->disks[1].is_cdrom = kn_json_bool(said, "cdrom");
}

static void add_root(const json_t *spec, const char *path, struct kn_agent_spec_domain *ret)
{
    const json_t *root = kn_spec_root(spec);
    const char *device = root != NULL ? kn_json_str(root, "device") : "vda";
    const int boot = (int)kn_json_int(root, "boot");

    ret->disks[ret->domain.disk_count++] = (struct kn_agent_domain_disk){
        .path = path,
        .format = "qcow2",
        .device = plain_device(device),
        .bus = root != NULL ? kn_json_str(root, "bus") : NULL,
        /* The first one is that of the first bus: not always this one. */
        .boot = root == NULL || boot > 0 ? boot : 1,
        .is_cdrom = kn_json_bool(root, "cdrom"),
        .limits = json_object_get(spec, "machine"),
    };
}

static void add_locals(const json_t *spec, struct kn_agent_spec_domain *ret)
{
    size_t i;
    json_t *disk;

    json_array_foreach (json_object_get(spec, "disks"), i, disk) {
        if (json_object_get(disk, "size_mib") == NULL || i >= KN_MAX_DISKS) {
            continue;
        }
        kn_agent_spec_local_file(disk, ret->locals[i]);
        ret->disks[ret->domain.disk_count++] = (struct kn_agent_domain_disk){
            .dir = ret->dir,
            .path = ret->locals[i],
            .format = "raw",
            .device = plain_device(kn_json_str(disk, "device")),
            .bus = kn_json_str(disk, "bus"),
            .boot = (int)kn_json_int(disk, "boot"),
            .limits = json_object_get(spec, "machine"),
        };
    }
}

static void add_disks(const json_t *spec, const char *root, const char *rescue, struct kn_agent_spec_domain *ret)
{
    const json_t *rescued = json_object_get(spec, "rescue"), *bus = json_object_get(rescued, "bus");
    size_t i;
    json_t *item;

    if (rescued != NULL && bus == NULL) {
        add_rescue_before(spec, rescue, root, ret);
        return;
    }
    if (json_object_get(spec, "image") != NULL) {
        add_root(spec, root, ret);
    }
    add_locals(spec, ret);
    json_array_foreach (json_object_get(spec, "volumes"), i, item) {
        if (i < KN_MAX_DISKS) {
            ret->disks[ret->domain.disk_count] = kn_agent_spec_disk(ret->domain.server, kn_json_str(item, "volume"),
                                                                    kn_json_str(item, "device"),
                                                                    json_object_get(item, "connection"),
                                                                    ret->sockets[i]);
            ret->disks[ret->domain.disk_count++].boot = (int)kn_json_int(item, "boot");
        }
    }
    if (rescued != NULL) {
        add_rescue_behind(rescue, json_string_value(bus), ret);
    }
}

static void add_nics(const json_t *spec, struct kn_agent_spec_domain *ret)
{
    size_t i;
    json_t *nic;

    json_array_foreach (json_object_get(spec, "nics"), i, nic) {
        if (ret->domain.nic_count < KN_MAX_NICS) {
            ret->nics[ret->domain.nic_count++] = kn_agent_spec_device(spec, nic);
        }
    }
}

void kn_agent_spec_domain(const json_t *spec, const char *server, int64_t generation, const char *root,
                          const char *rescue, struct kn_agent_spec_domain *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->domain = (struct kn_agent_domain){
        .server = server,
        .name = kn_json_str(spec, "name"),
        .project = kn_json_str(spec, "project"),
        .generation = generation,
        .vcpus = (int)kn_json_int(spec, "vcpus"),
        .memory_mib = kn_json_int(spec, "memory_mib"),
        .disks = ret->disks,
        .nics = ret->nics,
        .profile = json_object_get(spec, "machine"),
    };
    snprintf(ret->dir, sizeof(ret->dir), "%.*s", (int)(strrchr(root, '/') - root), root);
    add_disks(spec, root, rescue, ret);
    add_nics(spec, ret);
}
