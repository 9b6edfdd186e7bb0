/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of what is known: words, yes and no, numbers, and what is refused, each with its reason. What neither an image nor a flavor says is left out: a guest without
 * wishes has no row of its own here.
 */
#include "compute/rows/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "lib/domain/limits.h"
#include "lib/domain/message.h"

struct machine_planning {
    const struct kn_compute_machine_asked *asked;
    struct kn_compute_machine *ret;
    json_t *machine;
    struct kn_error *err;
};

static int machine_bad_image(struct kn_error *err, const char *value)
{
    return kn_fail(err, KN_BAD_REQUEST, "Invalid image metadata. Error: Field value %.60s is invalid", value);
}

static int machine_refuse_image(struct kn_error *err, const char *property, const char *value, const char *why)
{
    return kn_fail(err, KN_BAD_REQUEST, "Invalid image metadata. Error: %s=%.60s is not supported: %s", property, value,
                   why);
}

static int machine_refuse_spec(struct kn_error *err, const char *spec, const char *value, const char *why)
{
    return kn_fail(err, KN_BAD_REQUEST, "Flavor's extra spec %.80s=%.60s is not supported: %s", spec, value, why);
}

static const char *machine_said(const json_t *said, const char *name)
{
    return kn_json_str(said, name);
}

static bool machine_is_one(const char *const *words, const char *word)
{
    for (; *words != NULL; words++) {
        if (strcmp(*words, word) == 0) {
            return true;
        }
    }
    return false;
}

static bool machine_is_yes(const char *text)
{
    static const char *const YES[] = { "1", "t", "true", "on", "y", "yes" };

    for (size_t i = 0; i < KN_COUNT(YES); i++) {
        if (strcasecmp(YES[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* --- words -------------------------------------------------------------------------------------------------------------- */

static const char *const VIDEOS[] = { "vga", "cirrus", "qxl", "virtio", "bochs", "none", "vmvga", "xen", "gop", NULL };
static const char *const OUR_VIDEOS[] = { "vga", "cirrus", "qxl", "virtio", "bochs", "none", NULL };
static const char *const VIFS[] = { "virtio",     "e1000",   "e1000e",  "rtl8139", "ne2k_pci",
                                    "pcnet",      "vmxnet3", "igb",     "vmxnet",  "netfront",
                                    "spapr-vlan", "sriov",   "lan9118", "vmxnet2", NULL };
static const char *const OUR_VIFS[] = { "virtio", "e1000", "e1000e", "rtl8139", "ne2k_pci", "pcnet", "vmxnet3", NULL };
static const char *const Q35_VIFS[] = { "virtio", "e1000e", "vmxnet3", NULL };
static const char *const WATCHDOGS[] = { "none", "pause", "poweroff", "reset", "disabled", NULL };
static const char *const FIRMWARES[] = { "bios", "uefi", NULL };
static const char *const SCSIS[] = { "virtio-scsi", "lsilogic", "lsisas1068", "lsisas1078",
                                     "buslogic",    "ibmvscsi", "vmpvscsi",   NULL };
static const char *const OUR_SCSIS[] = { "virtio-scsi", "lsilogic", "lsisas1068", NULL };
static const char *const Q35_SCSIS[] = { "virtio-scsi", NULL };
static const char *const BUSES[] = { "virtio", "scsi", "sata", "ide", "usb", "fdc", "xen", "lxc", "uml", NULL };
static const char *const RNGS[] = { "virtio", NULL };

/* Words of an image: which Nova knows, which of them these hosts have, which of those q35 has; what is usual is not written down. */
static const struct machine_word {
    const char *property, *field;
    const char *const *known, *const *ours, *const *q35;
    const char *usual;
} WORDS[] = {
    { "hw_video_model", "video", VIDEOS, OUR_VIDEOS, OUR_VIDEOS, "vga" },
    { "hw_vif_model", "vif", VIFS, OUR_VIFS, Q35_VIFS, "virtio" },
    { "hw_watchdog_action", "watchdog", WATCHDOGS, WATCHDOGS, WATCHDOGS, "disabled" },
    { "hw_firmware_type", "firmware", FIRMWARES, FIRMWARES, FIRMWARES, "bios" },
    { "hw_scsi_model", "scsi", SCSIS, OUR_SCSIS, Q35_SCSIS, "virtio-scsi" },
    { "hw_rng_model", NULL, RNGS, RNGS, RNGS, "virtio" },
};

static int machine_words(const struct machine_planning *p)
{
    for (size_t i = 0; i < KN_COUNT(WORDS); i++) {
        const struct machine_word *w = &WORDS[i];
        const char *value = machine_said(p->asked->properties, w->property);

        if (value[0] == '\0') {
            continue;
        }
        if (!machine_is_one(w->known, value)) {
            return machine_bad_image(p->err, value);
        }
        if (!machine_is_one(w->ours, value)) {
            return machine_refuse_image(p->err, w->property, value, "no host has it");
        }
        if (!p->ret->is_pc && !machine_is_one(w->q35, value)) {
            return machine_refuse_image(p->err, w->property, value,
                                        "the machine q35 has it not; hw_machine_type=pc has");
        }
        if (strcmp(value, w->usual) != 0) {
            json_object_set_new(p->machine, w->field, json_string(value));
        }
    }
    return 0;
}

/*
 * Which hosts may have it. Nova's older names of the properties mean the same; who says both says the same thing, or no host has it. What says nothing goes where there is
 * room, as in Nova: a cloud of both kinds has properties on its images, or aggregates.
 */
static int machine_kind(const struct machine_planning *p)
{
    static const struct {
        const char *property, *value, *kind;
    } KINDS[] = {
        { "img_hv_type", "kvm", KN_KIND_MACHINE },      { "img_hv_type", "qemu", KN_KIND_MACHINE },
        { "img_hv_type", "lxc", KN_KIND_CONTAINER },    { "hypervisor_type", "kvm", KN_KIND_MACHINE },
        { "hypervisor_type", "qemu", KN_KIND_MACHINE }, { "hypervisor_type", "lxc", KN_KIND_CONTAINER },
        { "hw_vm_mode", "hvm", KN_KIND_MACHINE },       { "hw_vm_mode", "exe", KN_KIND_CONTAINER },
        { "vm_mode", "hvm", KN_KIND_MACHINE },          { "vm_mode", "exe", KN_KIND_CONTAINER },
    };
    const char *kind = "";

    for (size_t i = 0; i < KN_COUNT(KINDS); i++) {
        if (strcmp(machine_said(p->asked->properties, KINDS[i].property), KINDS[i].value) != 0) {
            continue;
        }
        if (kind[0] != '\0' && strcmp(kind, KINDS[i].kind) != 0) {
            return machine_refuse_image(p->err, KINDS[i].property, KINDS[i].value,
                                        "another property asks for the other kind of guests");
        }
        kind = KINDS[i].kind;
    }
    if (kind[0] != '\0') {
        json_object_set_new(p->machine, "kind", json_string(kind));
    }
    return 0;
}

/* "pc" and "q35", and those that QEMU calls after a version: what a guest's own machine is, is frozen at its first boot anyway. */
static int machine_type(const struct machine_planning *p)
{
    const char *type = machine_said(p->asked->properties, "hw_machine_type");
    const bool is_pc = strcmp(type, "pc") == 0 || strncmp(type, "pc-i440fx-", 10) == 0;

    if (type[0] != '\0' && !is_pc && strcmp(type, "q35") != 0 && strncmp(type, "pc-q35-", 7) != 0) {
        return machine_refuse_image(p->err, "hw_machine_type", type, "pc, q35, and versions of them are");
    }
    if (type[strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789.-")] != '\0' || strlen(type) > KN_MAX_MACHINE_WORD) {
        return machine_bad_image(p->err, type);
    }
    p->ret->is_pc = is_pc;
    if (type[0] != '\0' && strcmp(type, "q35") != 0) {
        json_object_set_new(p->machine, "type", json_string(type));
    }
    return 0;
}

static int machine_bus(const struct machine_planning *p, const char *property, const char *usual, char ret[16])
{
    const char *bus = machine_said(p->asked->properties, property);

    if (bus[0] != '\0' && !machine_is_one(BUSES, bus)) {
        return machine_bad_image(p->err, bus);
    }
    if (bus[0] != '\0' && kn_disk_bus_prefix(bus) == NULL) {
        return machine_refuse_image(p->err, property, bus, "virtio, scsi, sata, usb and ide are");
    }
    if (strcmp(bus, p->ret->is_pc ? "sata" : "ide") == 0) {
        return machine_refuse_image(p->err, property, bus,
                                    p->ret->is_pc ? "the machine pc has ide" : "the machine q35 has sata");
    }
    kn_copy(ret, 16, bus[0] != '\0' ? bus : usual);
    return 0;
}

static int machine_buses(const struct machine_planning *p)
{
    if (machine_bus(p, "hw_disk_bus", "virtio", p->ret->disk_bus) < 0 ||
        machine_bus(p, "hw_cdrom_bus", p->ret->is_pc ? "ide" : "sata", p->ret->cdrom_bus) < 0) {
        return -1;
    }
    return strcmp(p->ret->cdrom_bus, "virtio") == 0
               ? machine_refuse_image(p->err, "hw_cdrom_bus", "virtio", "virtio has no drives for CDs")
               : 0;
}

/* --- yes and no, numbers ------------------------------------------------------------------------------------------------ */

/* 0 or more; false: it is no such number. */
static bool machine_number(const char *text, int64_t most, int64_t *ret)
{
    char *end = NULL;

    errno = 0;
    const long long value = strtoll(text, &end, 10);

    if (text[0] == '\0' || *end != '\0' || errno != 0 || value < 0 || value > most) {
        return false;
    }
    *ret = value;
    return true;
}

static const char *machine_either(const struct machine_planning *p, const char *spec, const char *property)
{
    const char *said = machine_said(p->asked->specs, spec);

    return said[0] != '\0' ? said : machine_said(p->asked->properties, property);
}

/* The flavor's word counts before the image's. */
static int machine_switches(const struct machine_planning *p)
{
    const char *action = machine_said(p->asked->specs, "hw:watchdog_action"),
               *rng = machine_said(p->asked->specs, "hw_rng:allowed");

    if (action[0] != '\0' && !machine_is_one(WATCHDOGS, action)) {
        return machine_refuse_spec(p->err, "hw:watchdog_action", action, "none, pause, poweroff, reset, disabled are");
    }
    if (action[0] != '\0') { /* over the image's */
        json_object_set_new(p->machine, "watchdog", json_string(action));
    }
    if (strcmp(kn_json_str(p->machine, "watchdog"), "disabled") == 0) {
        json_object_del(p->machine, "watchdog");
    }
    if (machine_is_yes(machine_either(p, "hw:boot_menu", "hw_boot_menu"))) {
        json_object_set_new(p->machine, "boot_menu", json_true());
    }
    if (machine_is_yes(machine_said(p->asked->properties, "hw_qemu_guest_agent"))) {
        json_object_set_new(p->machine, "guest_agent", json_true());
    }
    if (rng[0] != '\0' && !machine_is_yes(rng)) {
        json_object_set_new(p->machine, "no_rng", json_true());
    }
    if (p->asked->vcpus > 1 &&
        machine_is_yes(machine_either(p, "hw:vif_multiqueue_enabled", "hw_vif_multiqueue_enabled"))) {
        return machine_refuse_image(p->err, "hw_vif_multiqueue_enabled", "true", "NICs have one queue");
    }
    return 0;
}

static int machine_times_and_sizes(const struct machine_planning *p)
{
    const char *timeout = machine_said(p->asked->properties, "os_shutdown_timeout"),
               *ram = machine_said(p->asked->properties, "hw_video_ram"),
               *most_said = machine_said(p->asked->specs, "hw_video:ram_max_mb");
    int64_t value = 0, most = 0;

    if (timeout[0] != '\0') {
        if (!machine_number(timeout, KN_MAX_SHUTDOWN_S, &value)) {
            return kn_fail(p->err, KN_BAD_REQUEST,
                           "Invalid image metadata. Error: os_shutdown_timeout=%.60s is no number of seconds up to %d",
                           timeout, KN_MAX_SHUTDOWN_S);
        }
        json_object_set_new(p->machine, "shutdown_s", json_integer(value));
    }
    if (ram[0] != '\0') {
        if (!machine_number(ram, KN_MAX_VIDEO_MIB, &value)) {
            return kn_fail(p->err, KN_BAD_REQUEST,
                           "Invalid image metadata. Error: hw_video_ram=%.60s is no number of MiB up to %d", ram,
                           KN_MAX_VIDEO_MIB);
        }
        if (most_said[0] != '\0' && !machine_number(most_said, INT32_MAX, &most)) {
            return machine_refuse_spec(p->err, "hw_video:ram_max_mb", most_said, "it is no number");
        }
        if (value > most) {
            return kn_fail(
                p->err, KN_BAD_REQUEST,
                "The requested amount of video memory %lld is higher than the maximum allowed by flavor %lld.",
                (long long)value, (long long)most);
        }
        if (value > 0) {
            json_object_set_new(p->machine, "video_mib", json_integer(value));
        }
    }
    return 0;
}

/* Shares, limits of disks: a flavor's numbers, within what libvirt takes. */
static const struct {
    const char *spec, *field;
    enum kn_limit limit;
} NUMBERS[] = {
    { "quota:cpu_shares", "cpu_shares", KN_LIMIT_CPU_SHARES },
    { "quota:cpu_period", "cpu_period_us", KN_LIMIT_CPU_PERIOD_US },
    { "quota:cpu_quota", "cpu_quota_us", KN_LIMIT_CPU_QUOTA_US },
    { "quota:disk_read_bytes_sec", "read_bytes_sec", KN_LIMIT_DISK_RATE },
    { "quota:disk_write_bytes_sec", "write_bytes_sec", KN_LIMIT_DISK_RATE },
    { "quota:disk_total_bytes_sec", "total_bytes_sec", KN_LIMIT_DISK_RATE },
    { "quota:disk_read_iops_sec", "read_iops_sec", KN_LIMIT_DISK_RATE },
    { "quota:disk_write_iops_sec", "write_iops_sec", KN_LIMIT_DISK_RATE },
    { "quota:disk_total_iops_sec", "total_iops_sec", KN_LIMIT_DISK_RATE },
    { "hw_rng:rate_bytes", "rng_bytes", KN_LIMIT_RNG_RATE },
    { "hw_rng:rate_period", "rng_period_ms", KN_LIMIT_RNG_RATE },
};

/* A total and a part of it exclude each other. */
static int machine_numbers(const struct machine_planning *p)
{
    static const char *const PARTS[][3] = { { "total_bytes_sec", "read_bytes_sec", "write_bytes_sec" },
                                            { "total_iops_sec", "read_iops_sec", "write_iops_sec" } };

    for (size_t i = 0; i < KN_COUNT(NUMBERS); i++) {
        const struct kn_limit_row *limit = &kn_limit_rows[NUMBERS[i].limit];
        const char *said = machine_said(p->asked->specs, NUMBERS[i].spec);
        int64_t value = 0;

        if (said[0] == '\0' || strcmp(said, "0") == 0 || strcmp(said, "-1") == 0) { /* no limit */
            continue;
        }
        if (!machine_number(said, limit->max, &value) || value < limit->min) {
            return kn_fail(p->err, KN_BAD_REQUEST,
                           "Flavor's extra spec %s=%.60s is not supported: it may be %lld to %lld", NUMBERS[i].spec,
                           said, (long long)limit->min, (long long)limit->max);
        }
        json_object_set_new(p->machine, NUMBERS[i].field, json_integer(value));
    }
    for (size_t i = 0; i < KN_COUNT(PARTS); i++) {
        if (json_object_get(p->machine, PARTS[i][0]) != NULL &&
            (json_object_get(p->machine, PARTS[i][1]) != NULL || json_object_get(p->machine, PARTS[i][2]) != NULL)) {
            return machine_refuse_spec(p->err, i == 0 ? "quota:disk_total_bytes_sec" : "quota:disk_total_iops_sec", "…",
                                       "a limit of all and one of reading or writing exclude each other");
        }
    }
    if (json_object_get(p->machine, "rng_bytes") == NULL) {
        json_object_del(p->machine, "rng_period_ms");
    }
    return 0;
}

/* --- what is refused ---------------------------------------------------------------------------------------------------- */

/* name: of an image's property or a flavor's extra spec; one that ends in '*' stands for all that begin so. idle: values that ask for nothing. */
struct machine_refusal {
    const char *name;
    const char *idle[5];
    const char *why;
};

#define NO \
    { \
        "false", "no", "off", "0", "False" \
    }
static const char NO_PINNING[] = "hosts pin no processors", NO_NUMA[] = "guests have no NUMA topology",
                  NO_TPM[] = "hosts have no TPM", NO_TOPOLOGY[] = "guests see their processors as sockets";

static const struct machine_refusal IMAGE_REFUSALS[] = {
    { "os_secure_boot", { "disabled", "optional" }, "hosts have no secure boot" },
    { "hw_tpm_version", { NULL }, NO_TPM },
    { "hw_tpm_model", { NULL }, NO_TPM },
    { "hw_mem_encryption", NO, "hosts encrypt no memory" },
    { "hw_firmware_stateless", NO, "UEFI keeps its variables" },
    { "hw_viommu_model", { "none", "auto" }, "guests have no IOMMU" },
    { "hw_virtio_packed_ring", NO, "virtio has its usual rings" },
    { "hw_sound_model", { NULL }, "guests are silent" },
    { "hw_cpu_policy", { "shared" }, NO_PINNING },
    { "hw_cpu_thread_policy", { "prefer" }, NO_PINNING },
    { "hw_cpu_realtime_mask", { NULL }, NO_PINNING },
    { "hw_emulator_threads_policy", { "share" }, NO_PINNING },
    { "hw_numa_*", { NULL }, NO_NUMA },
    { "hw_mem_page_size", { "any", "small" }, "hosts have no huge pages for guests" },
    { "hw_locked_memory", NO, "hosts lock no memory" },
    { "hw_ephemeral_encryption*", NO, "local disks are not encrypted" },
    { "hw_architecture", { "x86_64", "i686" }, "hosts are x86_64" },
    { "img_hv_type", { "kvm", "qemu", "lxc" }, "hosts run kvm, qemu and lxc" },
    { "hypervisor_type", { "kvm", "qemu", "lxc" }, "hosts run kvm, qemu and lxc" },
    { "hw_vm_mode", { "hvm", "exe" }, "guests are machines (hvm) or containers (exe)" },
    { "vm_mode", { "hvm", "exe" }, "guests are machines (hvm) or containers (exe)" },
};

static const struct machine_refusal SPEC_REFUSALS[] = {
    { "hw:cpu_policy", { "shared" }, NO_PINNING },
    { "hw:cpu_thread_policy", { "prefer" }, NO_PINNING },
    { "hw:cpu_dedicated_mask", { NULL }, NO_PINNING },
    { "hw:cpu_realtime*", NO, NO_PINNING },
    { "hw:emulator_threads_policy", { "share" }, NO_PINNING },
    { "hw:numa_*", { NULL }, NO_NUMA },
    { "hw:pci_numa_affinity_policy", { "preferred", "legacy" }, NO_NUMA },
    { "hw:mem_page_size", { "any", "small" }, "hosts have no huge pages for guests" },
    { "hw:mem_encryption", NO, "hosts encrypt no memory" },
    { "hw:locked_memory", NO, "hosts lock no memory" },
    { "hw:pmem", { NULL }, "hosts have no persistent memory" },
    { "hw:pmu", NO, "guests have no performance counters" },
    { "hw:tpm_*", { NULL }, NO_TPM },
    { "hw:hide_hypervisor_id", NO, "guests may know what they run on" },
    { "hide_hypervisor_id", NO, "guests may know what they run on" },
    { "hw:cpu_sockets", { NULL }, NO_TOPOLOGY },
    { "hw:cpu_cores", { "1" }, NO_TOPOLOGY },
    { "hw:cpu_threads", { "1" }, NO_TOPOLOGY },
    { "hw:serial_port_count", { "1" }, "guests have one serial line" },
    { "hw:viommu_model", { "none", "auto" }, "guests have no IOMMU" },
    { "hw:virtio_packed_ring", NO, "virtio has its usual rings" },
    { "hw:sound_model", { NULL }, "guests are silent" },
    { "hw:usb_model", { "none" }, "guests have USB for disks alone" },
    { "hw:redirected_usb_ports", { "0" }, "guests have USB for disks alone" },
    { "hw:ephemeral_encryption*", NO, "local disks are not encrypted" },
    { "os:secure_boot", { "disabled", "optional" }, "hosts have no secure boot" },
    { "quota:vif_*", { "0" }, "limits of NICs are the network's: give its ports a QoS policy" },
    { "quota:cpu_limit", { "0" }, "only VMware has it" },
    { "quota:cpu_reservation", { "0" }, "only VMware has it" },
    { "quota:cpu_shares_*", { NULL }, "only VMware has it" },
    { "quota:memory_*", { "0" }, "only VMware has it" },
    { "quota:disk_io_*", { "0" }, "only VMware has it" },
    { "accel:*", { NULL }, "hosts have no accelerators" },
    { "pci_passthrough:*", { NULL }, "hosts pass no devices on" },
    { "resources*", { NULL }, "the scheduler counts vCPUs, memory and disk, as the flavor says them" },
    { "trait*",
      { "forbidden" },
      "hosts have no traits; an aggregate's metadata and aggregate_instance_extra_specs: choose hosts" },
    { "group_policy", { "none" }, "the scheduler knows no groups of resources" },
};

static bool machine_is_meant(const char *name, const char *asked)
{
    const size_t len = strlen(name);

    return name[len - 1] == '*' ? strncmp(name, asked, len - 1) == 0 : strcmp(name, asked) == 0;
}

static const struct machine_refusal *machine_refused(const struct machine_refusal *rows, size_t count,
                                                     const json_t *said, const char **ret_name)
{
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)said, name, value) {
        const char *text = json_string_value(value);

        for (size_t i = 0; i < count && text != NULL && text[0] != '\0'; i++) {
            bool is_idle = !machine_is_meant(rows[i].name, name);

            for (size_t j = 0; j < KN_COUNT(rows[i].idle) && rows[i].idle[j] != NULL; j++) {
                is_idle |= strcmp(rows[i].idle[j], text) == 0;
            }
            if (!is_idle) {
                *ret_name = name;
                return &rows[i];
            }
        }
    }
    return NULL;
}

static int machine_refusals(const struct machine_planning *p)
{
    const json_t *image = p->asked->properties, *flavor = p->asked->specs;
    const char *name = NULL;
    const struct machine_refusal *no = machine_refused(IMAGE_REFUSALS, KN_COUNT(IMAGE_REFUSALS), image, &name);

    if (no != NULL) {
        return machine_refuse_image(p->err, name, machine_said(image, name), no->why);
    }
    no = machine_refused(SPEC_REFUSALS, KN_COUNT(SPEC_REFUSALS), flavor, &name);
    return no != NULL ? machine_refuse_spec(p->err, name, machine_said(flavor, name), no->why) : 0;
}

int kn_compute_machine_plan(const struct kn_compute_machine_asked *asked, struct kn_compute_machine *ret,
                            struct kn_error *err)
{
    json_auto_t *machine = json_object();
    struct kn_compute_machine made = { 0 };
    const struct machine_planning p = { asked, &made, machine, err };

    if (machine_refusals(&p) < 0 || machine_kind(&p) < 0 || machine_type(&p) < 0 || machine_words(&p) < 0 ||
        machine_buses(&p) < 0 || machine_switches(&p) < 0 || machine_times_and_sizes(&p) < 0 ||
        machine_numbers(&p) < 0) {
        return -1;
    }
    made.text = json_object_size(machine) > 0 ? json_dumps(machine, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    *ret = made;
    return 0;
}
