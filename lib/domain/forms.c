/* SPDX-License-Identifier: Apache-2.0 */
/* The forms themselves: data, and the few things that their fields must say together. message_fields.c checks and prints them. */
#include <string.h>
#include <strings.h>

#include "lib/base/mem.h"
#include "lib/domain/form.h"

/* --- disks -------------------------------------------------------------------------------------------------------------- */

/* What a driver's connections have beside what all have. */
static const struct {
    const char *driver, *field;
} CONNECTIONS[] = {
    { "file", "path" },  { "nbd", "address" },  { "nbd", "port" },
    { "nbd", "export" }, { "nbd", "identity" }, { "nbd", "key" },
};

static int connection_also(const json_t *object, const char *where, struct kn_error *err)
{
    const char *driver = kn_json_str(object, "driver");
    bool is_known = false;

    for (size_t i = 0; i < KN_COUNT(CONNECTIONS); i++) {
        if (strcmp(CONNECTIONS[i].driver, driver) == 0) {
            is_known = true;
            const json_t *value = json_object_get(object, CONNECTIONS[i].field);

            if (value == NULL || json_is_null(value)) {
                return kn_fail(err, KN_BAD_REQUEST, "%s: \"%s\" is missing", where, CONNECTIONS[i].field);
            }
        }
    }
    return is_known ? 0 : kn_fail(err, KN_BAD_REQUEST, "%s: driver \"%.64s\" is neither file nor nbd", where, driver);
}

#define DISK_RATES(rate, doc) \
    KN_MAY(rate, KN_INT, DISK_RATE, doc), KN_MAY(rate "_max", KN_INT, DISK_RATE, "the same in a burst")
const struct kn_form kn_form_disk_limits = {
    "disk_limits", "how fast a volume may be, by the QoS of its type: bytes and operations a second",
    KN_FIELDS(DISK_RATES("total_bytes_sec", "at most"),
              DISK_RATES("read_bytes_sec", "not beside the total, as the next"),
              DISK_RATES("write_bytes_sec", "at most"), DISK_RATES("total_iops_sec", "at most"),
              DISK_RATES("read_iops_sec", "not beside the total, as the next"), DISK_RATES("write_iops_sec", "at most"),
              KN_MAY("size_iops_sec", KN_INT, DISK_RATE, "bytes of one operation; what is larger is several")),
    NULL
};

const struct kn_form kn_form_connection = {
    "connection",
    "what a host needs to reach a volume: volume.connect's answer, attachment.connection. One of nbd holds a key: no log and no answer of the API may have it",
    KN_FIELDS(KN_MUST("driver", KN_STR, NONE, "file or nbd"),
              KN_MAY("path", KN_STR, NONE, "file: of the disk, as the host sees it"),
              KN_MUST("format", KN_STR, DISK_FORMAT,
                      "raw, qcow2 or luks: of what the host reads; for luks it asks the key (volume.ask_key)"),
              KN_MAY("address", KN_STR, NONE, "nbd: of the machine that serves the disk"),
              KN_MAY("port", KN_INT, PORT_NUMBER, "nbd: where it does"),
              KN_MAY("export", KN_STR, NONE, "nbd: the disk's name there"),
              KN_MAY("identity", KN_STR, NONE, "nbd: whose key it is"),
              KN_MAY("key", KN_STR, NONE, "nbd: of TLS-PSK, 64 hex digits: a secret"),
              KN_MAY("serial", KN_UUID, NONE, "the volume: what the guest sees as the disk's serial"),
              KN_MAY("readonly", KN_BOOL, NONE, "the guest may only read it"),
              KN_MAY("shared", KN_BOOL, NONE, "other guests may have it, too; it is raw then"),
              KN_MAY("limits", KN_OBJ, NONE, "how fast it may be; absent: as it can", .form = &kn_form_disk_limits)),
    connection_also
};

const struct kn_form kn_form_disk = {
    "disk", "an attached volume in a spec",
    KN_FIELDS(KN_MUST("volume", KN_UUID, NONE, "which"),
              KN_MUST("device", KN_STR, DEVICE, "/dev/vdX, each once; vda is the root disk's"),
              KN_MUST("connection", KN_OBJ, NONE, "how it is reached", .form = &kn_form_connection),
              KN_MAY("tag", KN_STR, SERVER_TAG, "the user's"),
              KN_MAY("boot", KN_INT, DISKS, "when the firmware tries it, from 1 on; absent: never, unless none says")),
    NULL
};

const struct kn_form kn_form_image = {
    "image", "what the root disk is made from, in a spec: image.locate's answer and whose it is",
    KN_FIELDS(KN_MUST("id", KN_UUID, NONE, "the image"), KN_MUST("url", KN_STR, NONE, "signed"),
              KN_MUST("sha512", KN_STR, NONE, "of the data"), KN_MUST("size", KN_INT, EXACT, "bytes"),
              KN_MUST("disk_format", KN_STR, DISK_FORMAT, "raw, qcow2 or iso"),
              KN_MUST("virtual_size", KN_INT, VIRTUAL_SIZE, "bytes of the disk inside")),
    NULL
};

static const char *const LOCAL_FORMATS[] = { "ext2", "ext3", "ext4", "vfat", "swap", NULL };

bool kn_disk_format_known(const char *format)
{
    for (const char *const *known = LOCAL_FORMATS; *known != NULL; known++) {
        if (strcmp(*known, format) == 0) {
            return true;
        }
    }
    return false;
}

const char *kn_disk_image_format(const char *disk_format)
{
    return strcmp(disk_format, "iso") == 0 ? "raw" : disk_format;
}

bool kn_kind_is_of(const char *kind, const char *hypervisor_type)
{
    const bool is_container = strcmp(kind, KN_KIND_CONTAINER) == 0;

    return kind[0] == '\0' || strcasecmp(hypervisor_type, "sim") == 0 ||
           is_container == (strcasecmp(hypervisor_type, "LXC") == 0);
}

/* How a guest calls disks of each bus. */
static const struct {
    const char *bus, *prefix;
} BUSES[] = { { "virtio", "vd" }, { "scsi", "sd" }, { "sata", "sd" }, { "usb", "sd" }, { "ide", "hd" } };

const char *kn_disk_bus_prefix(const char *bus)
{
    for (size_t i = 0; i < sizeof(BUSES) / sizeof(BUSES[0]); i++) {
        if (strcmp(BUSES[i].bus, bus) == 0) {
            return BUSES[i].prefix;
        }
    }
    return NULL;
}

static int stands_on_its_bus(const json_t *disk, const char *where, struct kn_error *err)
{
    const char *bus = kn_json_str(disk, "bus"), *device = kn_json_str(disk, "device"),
               *format = kn_json_str(disk, "format"), *prefix = kn_disk_bus_prefix(bus);

    if (prefix == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "%s: \"%s\" is no bus of disks", where, bus);
    }
    if (strncmp(device, "/dev/", 5) != 0 || strncmp(device + 5, prefix, 2) != 0 || device[7] < 'a' || device[7] > 'z' ||
        device[8] != '\0') {
        return kn_fail(err, KN_BAD_REQUEST, "%s: \"%s\" is no disk of the bus \"%s\"", where, device, bus);
    }
    if (format[0] != '\0' && !kn_disk_format_known(format)) {
        return kn_fail(err, KN_BAD_REQUEST, "%s: \"%s\" is nothing that a disk is formatted with", where, format);
    }
    return 0;
}

const struct kn_form kn_form_local = {
    "local disk",
    "a disk of a server that its host makes and that goes with it, in server.disks and a spec: its root disk too, if that is more than vda",
    KN_FIELDS(KN_MUST("device", KN_STR, DEVICE, "/dev/vdX, of SCSI, SATA and USB /dev/sdX, of IDE /dev/hdX: each once"),
              KN_MUST("bus", KN_STR, NONE, "virtio, scsi, sata, usb, ide"),
              KN_MAY("size_mib", KN_INT, LOCAL_SIZE_MIB, "absent: it is the root disk, which is made from the image"),
              KN_MAY("format", KN_STR, NONE, "ext2, ext3, ext4, vfat or swap; absent: nothing is on it"),
              KN_MAY("label", KN_STR, LOCAL_LABEL, "of what it is formatted with"),
              KN_MAY("name", KN_STR, LOCAL_LABEL, "what EC2's metadata calls it: ephemeral0, swap"),
              KN_MAY("cdrom", KN_BOOL, NONE, "a drive for CDs that has it in; absent = a disk"),
              KN_MAY("boot", KN_INT, DISKS, "when the firmware tries it, from 1 on; absent: never, unless none says"),
              KN_MAY("tag", KN_STR, SERVER_TAG, "the user's")),
    stands_on_its_bus
};

const json_t *kn_spec_root(const json_t *spec)
{
    size_t i;
    json_t *disk;

    json_array_foreach (json_object_get(spec, "disks"), i, disk) {
        if (json_object_get(disk, "size_mib") == NULL) {
            return disk;
        }
    }
    return NULL;
}

int kn_device_index(const char *name)
{
    if (name == NULL) {
        return -1;
    }
    if (strncmp(name, "/dev/", 5) == 0) {
        name += 5;
    }
    if (name[0] != 'v' || name[1] != 'd' || name[2] < 'a' || name[2] > 'z' || name[3] != '\0') {
        return -1;
    }
    return name[2] - 'a';
}

/* --- NICs --------------------------------------------------------------------------------------------------------------- */

const struct kn_form kn_form_route = { "route", "a route of a subnet, for its guests",
                                       KN_FIELDS(KN_MUST("destination", KN_STR, CIDR, "with its prefix"),
                                                 KN_MUST("nexthop", KN_STR, CIDR, "an address")),
                                       NULL };

const struct kn_form kn_form_address = {
    "address", "an address of a NIC",
    KN_FIELDS(KN_MUST("address", KN_STR, CIDR, "without prefix"),
              KN_MUST("prefix", KN_INT, PREFIX, "its subnet's length"),
              KN_MUST("version", KN_INT, IP_VERSION, "4 or 6"), KN_MUST("subnet", KN_UUID, NONE, "which"),
              KN_MAY("gateway", KN_STR, CIDR, "absent = none"),
              KN_MUST("dns", KN_ARR, NONE, "addresses of servers", .items = KN_STR),
              KN_MUST("routes", KN_ARR, NONE, "beside the gateway", .form = &kn_form_route),
              KN_MUST("dhcp", KN_BOOL, NONE, "the guest asks for it"),
              KN_MAY("mode", KN_STR, NETWORK_WORD, "ipv6_address_mode: how; absent = it does not"),
              KN_MAY("floating", KN_ARR, NONE, "addresses outside that stand for it", .items = KN_STR)),
    NULL
};

const struct kn_form kn_form_nic = {
    "NIC",
    "a port as its server sees it: port.allocate's answer, server.nics, a spec; `addresses` in the compute API come from it",
    KN_FIELDS(KN_MUST("port", KN_UUID, NONE, "its port"), KN_MUST("network", KN_UUID, NONE, "the port's network"),
              KN_MUST("network_name", KN_STR, NETWORK_NAME, "for people"), KN_MUST("mac", KN_STR, MAC, "its address"),
              KN_MUST("vni", KN_INT, VNI, "the network's VXLAN"), KN_MUST("mtu", KN_INT, NIC_MTU, "0 = the default"),
              KN_MUST("ips", KN_ARR, NONE, "what it has", .form = &kn_form_address),
              KN_MUST("tap", KN_STR, TAP,
                      "the device on the host: \"tap\" and the first 11 characters of the port's id"),
              KN_MAY("tag", KN_STR, SERVER_TAG, "the user's"),
              KN_MAY("dhcp_ip", KN_STR, CIDR,
                     "of the network's DHCP port on every host: a port network:dhcp, one a network"),
              KN_MAY("dhcp_mac", KN_STR, MAC, "of the same")),
    NULL
};

/* What a spec says of it; everything else of networks comes with the host's state. */
const struct kn_form kn_form_plug = {
    "plug", "a NIC in a spec: the port that the host's state tells about, and the device that stands for it",
    KN_FIELDS(KN_MUST("port", KN_UUID, NONE, "which"), KN_MUST("mac", KN_STR, MAC, "its address"),
              KN_MUST("tap", KN_STR, TAP,
                      "the device on the host: \"tap\" and the first 11 characters of the port's id"),
              KN_MUST("mtu", KN_INT, NIC_MTU, "0 = the default"), KN_MAY("tag", KN_STR, SERVER_TAG, "the user's")),
    NULL
};

static int wants_one(const json_t *wanted, const char *where, struct kn_error *err)
{
    const bool network = json_object_get(wanted, "network") != NULL, port = json_object_get(wanted, "port") != NULL;

    return network != port ? 0 : kn_fail(err, KN_BAD_REQUEST, "%s: one of \"network\" and \"port\" is said", where);
}

const struct kn_form kn_form_wanted_nic = {
    "wanted NIC", "what a server's NIC shall be: a new port on a network, or a port that is there",
    KN_FIELDS(
        KN_MAY("network", KN_UUID, NONE, "a port is made on it"), KN_MAY("port", KN_UUID, NONE, "this one is taken"),
        KN_MAY("fixed_ip", KN_STR, CIDR, "of a new port"), KN_MAY("tag", KN_STR, SERVER_TAG, "the user's"),
        KN_MAY(
            "any_project", KN_BOOL, NONE,
            "the network need not be its project's, nor shared with it: who wished may use all; absent: a wish of an older version, whose user was asked then alone"),
        KN_MAY("groups", KN_ARR, NONE, "security groups of a new port; absent: its project's default one",
               .items = KN_UUID)),
    wants_one
};

const struct kn_form kn_form_part = { "part of a group's snapshot", "a snapshot of one of its volumes",
                                      KN_FIELDS(KN_MUST("snapshot", KN_UUID, NONE, "the snapshot"),
                                                KN_MUST("volume", KN_UUID, NONE, "of which volume")),
                                      NULL };

/* --- servers ------------------------------------------------------------------------------------------------------------ */

static int one_disk_a_device(const json_t *spec, const char *where, struct kn_error *err)
{
    const json_t *root = kn_spec_root(spec);
    const bool is_plain = json_object_get(spec, "image") != NULL && root == NULL;
    uint32_t used = is_plain ? 1 : 0;
    size_t i, j;
    json_t *item;

    json_array_foreach (json_object_get(spec, "disks"), i, item) {
        const char *device = kn_json_str(item, "device");
        const int at = kn_device_index(device);
        bool is_taken = (at >= 0 && (used >> at & 1) != 0) ||
                        (item != root && json_object_get(item, "size_mib") == NULL);

        for (j = 0; j < i; j++) {
            is_taken |= strcmp(kn_json_str(json_array_get(json_object_get(spec, "disks"), j), "device"), device) == 0;
        }
        if (is_taken) {
            return kn_fail(err, KN_BAD_REQUEST, "%s: the disk \"%s\" is there twice", where, device);
        }
        used |= at >= 0 ? UINT32_C(1) << at : 0;
    }

    json_array_foreach (json_object_get(spec, "volumes"), i, item) {
        int at = kn_device_index(kn_json_str(item, "device"));

        if (at < 0 || (used >> at & 1) != 0) {
            return kn_fail(err, KN_BAD_REQUEST, "%s: device \"%s\" of volume \"%s\" is no free virtio disk", where,
                           kn_json_str(item, "device"), kn_json_str(item, "volume"));
        }
        used |= UINT32_C(1) << at;
    }
    return 0;
}

const struct kn_form kn_form_machine = {
    "machine",
    "what an image's properties and a flavor's extra specs ask of a guest's machine, in server.machine and a spec; what is absent is as in any other guest",
    KN_FIELDS(KN_MAY("kind", KN_STR, MACHINE_WORD, "machine or container: the hosts that may have it; absent: any"),
              KN_MAY("type", KN_STR, MACHINE_WORD, "pc, or a version of it or of q35"),
              KN_MAY("firmware", KN_STR, MACHINE_WORD, "uefi; its variables are kept beside the disks"),
              KN_MAY("video", KN_STR, MACHINE_WORD, "libvirt's model"),
              KN_MAY("video_mib", KN_INT, VIDEO_MIB, "its memory"),
              KN_MAY("vif", KN_STR, MACHINE_WORD, "libvirt's model of its NICs"),
              KN_MAY("scsi", KN_STR, MACHINE_WORD, "libvirt's model of its SCSI controller"),
              KN_MAY("watchdog", KN_STR, MACHINE_WORD, "what happens when nobody feeds it; absent: it has none"),
              KN_MAY("input", KN_STR, MACHINE_WORD, "usb or virtio: it has a tablet and a keyboard there"),
              KN_MAY("pointer", KN_BOOL, NONE, "it has a tablet on USB"),
              KN_MAY("sockets", KN_INT, FLAVOR_VCPUS, "its processors are so many sockets; absent: all are"),
              KN_MAY("cores", KN_INT, FLAVOR_VCPUS, "of each"), KN_MAY("threads", KN_INT, FLAVOR_VCPUS, "of each core"),
              KN_MAY("pmu", KN_BOOL, NONE, "performance counters; absent: as the hypervisor likes"),
              KN_MAY("hpet", KN_BOOL, NONE, "the high precision timer; absent: as the machine has it"),
              KN_MAY("hide_hypervisor", KN_BOOL, NONE, "it is not told that it runs on KVM"),
              KN_MAY("windows", KN_BOOL, NONE, "its clock is local time, and KVM speaks Hyper-V to it"),
              KN_MAY("guest_agent", KN_BOOL, NONE, "it has the channel of QEMU's guest agent"),
              KN_MAY("boot_menu", KN_BOOL, NONE, "the firmware asks"),
              KN_MAY("no_rng", KN_BOOL, NONE, "it has no device for random numbers"),
              KN_MAY("rng_bytes", KN_INT, RNG_RATE, "that it gives at most"),
              KN_MAY("rng_period_ms", KN_INT, RNG_RATE, "in this time; absent: a second"),
              KN_MAY("shutdown_s", KN_INT, SHUTDOWN_S, "how long it may take to go down when it is stopped"),
              KN_MAY("cpu_shares", KN_INT, CPU_SHARES, "its weight beside others"),
              KN_MAY("cpu_period_us", KN_INT, CPU_PERIOD_US, "in which"),
              KN_MAY("cpu_quota_us", KN_INT, CPU_QUOTA_US, "each of its processors has so much"),
              KN_MAY("read_bytes_sec", KN_INT, DISK_RATE, "of each disk that its host makes, as all down from here"),
              KN_MAY("write_bytes_sec", KN_INT, DISK_RATE, "at most"),
              KN_MAY("total_bytes_sec", KN_INT, DISK_RATE, "instead of both"),
              KN_MAY("read_iops_sec", KN_INT, DISK_RATE, "operations"),
              KN_MAY("write_iops_sec", KN_INT, DISK_RATE, "at most"),
              KN_MAY("total_iops_sec", KN_INT, DISK_RATE, "instead of both"),
              KN_MAY("nic_in_average", KN_INT, VIF_RATE, "thousands of bytes a second to each of its NICs"),
              KN_MAY("nic_in_burst", KN_INT, VIF_RATE, "thousands of bytes of one"),
              KN_MAY("nic_out_average", KN_INT, VIF_RATE, "from each of them, likewise"),
              KN_MAY("nic_out_burst", KN_INT, VIF_RATE, "thousands of bytes of one")),
    NULL
};

const struct kn_form kn_form_rescue = {
    "rescue", "of a guest that is started from another disk: which, and where it stands",
    KN_FIELDS(
        KN_MUST("image", KN_OBJ, NONE, "what it is made from", .form = &kn_form_image),
        KN_MAY(
            "bus", KN_STR, NONE,
            "virtio, sata, scsi or usb, behind the disks that the guest has; absent: it is vda, the root disk vdb, and volumes are away")),
    NULL
};

const struct kn_form kn_form_file = { "file", "what a guest is to have at a path (personality), in a spec",
                                      KN_FIELDS(KN_MUST("path", KN_STR, FILE_PATH, "where"),
                                                KN_MUST("contents", KN_STR, PERSONALITY, "base64, as given")),
                                      NULL };

const struct kn_form kn_form_spec = {
    "spec", "what an agent must know to make a server's guest; its generation is the envelope's",
    KN_FIELDS(KN_MUST("name", KN_STR, SERVER_NAME, "the server's, for people"),
              KN_MUST("hostname", KN_STR, SERVER_HOSTNAME, "what the guest calls itself"),
              KN_MUST("project", KN_STR, TENANT, "whose it is"), KN_MAY("user", KN_STR, IDENTITY_ID, "who made it"),
              KN_MAY("zone", KN_STR, HOST_ZONE, "availability zone"), KN_MAY("flavor", KN_STR, FLAVOR_NAME, "its name"),
              KN_MUST("vcpus", KN_INT, FLAVOR_VCPUS, "virtual CPUs"),
              KN_MUST("memory_mib", KN_INT, FLAVOR_MEMORY_MIB, "memory"),
              KN_MUST("disk_gib", KN_INT, FLAVOR_DISK_GIB, "root disk; 0 = the image's size"),
              KN_MAY("image", KN_OBJ, NONE, "absent: that of the guest that is there, or it boots from a volume",
                     .form = &kn_form_image),
              KN_MUST("nics", KN_ARR, NICS, "in order", .form = &kn_form_plug),
              KN_MAY("disks", KN_ARR, DISKS, "that its host makes, beside the image's on vda", .form = &kn_form_local),
              KN_MAY("volumes", KN_ARR, DISKS, "attached ones", .form = &kn_form_disk),
              KN_MAY("machine", KN_OBJ, NONE, "absent: as in any other guest", .form = &kn_form_machine),
              KN_MAY("rescue", KN_OBJ, NONE, "absent: it starts from its own disk", .form = &kn_form_rescue),
              KN_MAY("key_name", KN_STR, KEYPAIR_NAME, "of the key"),
              KN_MAY("public_key", KN_STR, PUBLIC_KEY, "for the guest's user"),
              KN_MAY("user_data", KN_STR, USER_DATA, "base64, as given"),
              KN_MAY("files", KN_ARR, NONE, "absent: none", .form = &kn_form_file),
              KN_MAY("config_drive", KN_BOOL, NONE, "it has a disk with its metadata; absent = none"),
              KN_MAY("metadata", KN_OBJ, NONE, "the user's keys and values"), KN_MAY("created_at", KN_STR, NONE, "UTC"),
              KN_MAY("described", KN_INT, EXACT,
                     "the task that last said name, hostname and metadata: an older one changes them no more")),
    one_disk_a_device
};

const struct kn_form kn_form_description = { "description", "what users wrote on a server",
                                             KN_FIELDS(KN_MUST("name", KN_STR, SERVER_NAME, "as in the spec"),
                                                       KN_MUST("hostname", KN_STR, SERVER_HOSTNAME, "as in the spec"),
                                                       KN_MUST("metadata", KN_OBJ, NONE, "as in the spec")),
                                             NULL };

/* --- hosts -------------------------------------------------------------------------------------------------------------- */

static int reserves_what_is_there(const json_t *host, const char *where, struct kn_error *err)
{
    const int64_t reserved = kn_json_int(host, "reserved_memory_mib"), memory = kn_json_int(host, "memory_mib");

    return reserved <= memory
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "%s: \"reserved_memory_mib\" of %lld is above \"memory_mib\" of %lld",
                         where, (long long)reserved, (long long)memory);
}

/* The ranges keep every sum and product of them within the database's types. */
const struct kn_form kn_form_host = {
    "host", "what an agent says of a host that it carries; the scheduler derives the host's uuid from its name",
    KN_FIELDS(KN_MUST("host", KN_STR, HOST, "its name"), KN_MUST("vcpus", KN_INT, HOST_VCPUS, "physical ones"),
              KN_MUST("memory_mib", KN_INT, HOST_MEMORY_MIB, "all of it"),
              KN_MAY("reserved_memory_mib", KN_INT, HOST_MEMORY_MIB, "kept from guests"),
              KN_MUST("disk_gib", KN_INT, HOST_DISK_GIB, "for guests"),
              KN_MAY("zone", KN_STR, HOST_ZONE, "availability zone"),
              KN_MAY("underlay", KN_STR, UNDERLAY, "VXLAN address"),
              KN_MAY("physical", KN_ARR, NONE, "names of its physical networks", .items = KN_STR),
              KN_MAY("hypervisor_type", KN_STR, HYPERVISOR_TYPE, "libvirt's word"),
              KN_MAY("hypervisor_version", KN_INT, HYPERVISOR_VERSION, "libvirt's number"),
              KN_MAY("cannot", KN_ARR, NONE, "actions that its guests do not know; absent: they know all",
                     .items = KN_STR),
              KN_MAY("cpu_info", KN_OBJ, NONE, "for people")),
    reserves_what_is_there
};

static int generation_counts(const json_t *guest, const char *where, struct kn_error *err)
{
    return kn_json_int(guest, "generation") >= 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "%s: \"generation\" must not be negative", where);
}

#define GUEST \
    KN_MUST("server", KN_UUID, NONE, "whose guest it is"), \
        KN_MUST("generation", KN_INT, NONE, "of the command that made it"), \
        KN_MUST("power_state", KN_INT, POWER_STATE, "Nova's number")

const struct kn_form kn_form_guest = { "guest", "a guest that a host has", KN_FIELDS(GUEST), generation_counts };

const struct kn_form kn_form_seen = {
    "seen guest", "a guest as the audit sees it",
    KN_FIELDS(GUEST, KN_MUST("volumes", KN_ARR, NONE, "that it has as disks", .items = KN_UUID),
              KN_MUST("taps", KN_ARR, NONE, "names", .items = KN_STR)),
    generation_counts
};

const struct kn_form kn_form_firewall = {
    "firewall", "of a host, as the audit sees it: equal if all is well",
    KN_FIELDS(KN_MUST("wanted", KN_STR, NONE, "digest of what its networks' state wants"),
              KN_MUST("kernel", KN_STR, NONE, "of what its kernel has; empty: none")),
    NULL
};

/* --- tasks -------------------------------------------------------------------------------------------------------------- */

const struct kn_form kn_form_step = {
    "step",
    "what a task did, in task.steps, in the order in which they ended; the events of a server's actions come from it",
    KN_FIELDS(KN_MUST("name", KN_STR, NONE, "the message's type"),
              KN_MUST("state", KN_STR, NONE, "done, failed, undone"),
              KN_MUST("began_us", KN_INT, EXACT, "when it was sent: microseconds since 1970"),
              KN_MUST("ended_us", KN_INT, EXACT, "when its answer was there, or nobody hoped for one any more"),
              KN_MAY("host", KN_STR, HOST, "who was told; absent = a service"),
              KN_MAY("error", KN_OBJ, NONE, "of a failed one: {code, message, elsewhere}")),
    NULL
};

const struct kn_form *const kn_forms[] = {
    &kn_form_spec,
    &kn_form_image,
    &kn_form_rescue,
    &kn_form_local,
    &kn_form_machine,
    &kn_form_file,
    &kn_form_disk,
    &kn_form_connection,
    &kn_form_disk_limits,
    &kn_form_nic,
    &kn_form_address,
    &kn_form_route,
    &kn_form_wanted_nic,
    &kn_form_part,
    &kn_form_description,
    &kn_form_host,
    &kn_form_guest,
    &kn_form_seen,
    &kn_form_firewall,
    &kn_form_step,
    &kn_form_plug,
    &kn_form_known,
    &kn_form_told,
    &kn_form_told_kind,
    &kn_form_trace_packet,
    &kn_form_trace_piece,
    &kn_form_trace_hop,
    &kn_form_diagnosed_cpu,
    &kn_form_diagnosed_disk,
    &kn_form_diagnosed_nic,
    &kn_form_diagnosed_memory,
    &kn_form_standing,
    &kn_form_heard,
    &kn_form_state_object,
    &kn_form_state_drop,
    &kn_form_state_network,
    &kn_form_state_subnet,
    &kn_form_state_port,
    &kn_form_state_ip,
    &kn_form_state_pair,
    &kn_form_state_announced,
    &kn_form_state_option,
    &kn_form_state_peer,
    &kn_form_state_group,
    &kn_form_state_rule,
    &kn_form_state_member,
    &kn_form_state_addresses,
    &kn_form_state_policy,
    &kn_form_state_limit,
    &kn_form_state_router,
    &kn_form_state_interface,
    &kn_form_state_floating,
    &kn_form_state_forward,
    NULL,
};
