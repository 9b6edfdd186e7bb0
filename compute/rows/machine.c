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

#include "compute/rows/asked.h"
#include "compute/rows/topology.h"
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

/* --- words -------------------------------------------------------------------------------------------------------------- */

static const char *const OUR_VIDEOS[] = { "vga", "cirrus", "qxl", "virtio", "bochs", "none", NULL };
static const char *const OUR_VIFS[] = { "virtio", "e1000", "e1000e", "rtl8139", "ne2k_pci", "pcnet", "vmxnet3", NULL };
static const char *const Q35_VIFS[] = { "virtio", "e1000e", "vmxnet3", NULL };
static const char *const WATCHDOGS[] = { "none", "pause", "poweroff", "reset", "disabled", NULL };
static const char *const FIRMWARES[] = { "bios", "uefi", NULL };
static const char *const OUR_SCSIS[] = { "virtio-scsi", "lsilogic", "lsisas1068", NULL };
static const char *const Q35_SCSIS[] = { "virtio-scsi", NULL };
static const char *const INPUTS[] = { "usb", "virtio", NULL };

/* Words of an image: which of Nova's these hosts have, which of those q35 has; what is usual is not written down. */
static const struct machine_word {
    const char *property, *field;
    const char *const *ours, *const *q35;
    const char *usual;
} WORDS[] = {
    { "hw_video_model", "video", OUR_VIDEOS, OUR_VIDEOS, "vga" },
    { "hw_vif_model", "vif", OUR_VIFS, Q35_VIFS, "virtio" },
    { "hw_watchdog_action", "watchdog", WATCHDOGS, WATCHDOGS, "disabled" },
    { "hw_firmware_type", "firmware", FIRMWARES, FIRMWARES, "bios" },
    { "hw_scsi_model", "scsi", OUR_SCSIS, Q35_SCSIS, "virtio-scsi" },
    { "hw_input_bus", "input", INPUTS, INPUTS, "" },
};

static int machine_words(const struct machine_planning *p)
{
    for (size_t i = 0; i < KN_COUNT(WORDS); i++) {
        const struct machine_word *w = &WORDS[i];
        const char *value = machine_said(p->asked->properties, w->property);

        if (value[0] == '\0') {
            continue;
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
    if (kn_compute_asked_yes(machine_either(p, "hw:boot_menu", "hw_boot_menu"))) {
        json_object_set_new(p->machine, "boot_menu", json_true());
    }
    if (kn_compute_asked_yes(machine_said(p->asked->properties, "hw_qemu_guest_agent"))) {
        json_object_set_new(p->machine, "guest_agent", json_true());
    }
    if (rng[0] != '\0' && !kn_compute_asked_yes(rng)) {
        json_object_set_new(p->machine, "no_rng", json_true());
    }
    if (p->asked->vcpus > 1 &&
        kn_compute_asked_yes(machine_either(p, "hw:vif_multiqueue_enabled", "hw_vif_multiqueue_enabled"))) {
        return machine_refuse_image(p->err, "hw_vif_multiqueue_enabled", "true", "NICs have one queue");
    }
    return 0;
}

/* Whether image and flavor both speak of it, and differ: *ret NULL: neither does. */
static int machine_performance(const struct machine_planning *p, const char **ret)
{
    const char *image = machine_said(p->asked->properties, "hw_pmu"), *flavor = machine_said(p->asked->specs, "hw:pmu");

    if (image[0] != '\0' && flavor[0] != '\0' && kn_compute_asked_yes(image) != kn_compute_asked_yes(flavor)) {
        return kn_fail(p->err, KN_BAD_REQUEST,
                       "Flavor has hw:pmu extra spec explicitly set to %.60s, conflicting with image which has hw_pmu "
                       "explicitly set to %.60s.",
                       flavor, image);
    }
    *ret = flavor[0] != '\0' ? flavor : image[0] != '\0' ? image : NULL;
    return 0;
}

/* What the guest's system is told of the machine, and what it is spared. */
static int machine_ways(const struct machine_planning *p)
{
    const json_t *image = p->asked->properties, *flavor = p->asked->specs;
    const char *hpet = machine_said(image, "hw_time_hpet"), *pmu = NULL;

    if (machine_performance(p, &pmu) < 0) {
        return -1;
    }
    if (pmu != NULL) {
        json_object_set_new(p->machine, "pmu", json_boolean(kn_compute_asked_yes(pmu)));
    }
    if (hpet[0] != '\0') {
        json_object_set_new(p->machine, "hpet", json_boolean(kn_compute_asked_yes(hpet)));
    }
    if (kn_compute_asked_yes(machine_said(image, "img_hide_hypervisor_id")) ||
        kn_compute_asked_yes(machine_said(flavor, "hw:hide_hypervisor_id")) ||
        kn_compute_asked_yes(machine_said(flavor, "hide_hypervisor_id"))) {
        json_object_set_new(p->machine, "hide_hypervisor", json_true());
    }
    if (strcasecmp(machine_said(image, "os_type"), "windows") == 0) {
        json_object_set_new(p->machine, "windows", json_true());
    }
    if (json_object_get(p->machine, "input") == NULL && machine_said(image, "hw_pointer_model")[0] != '\0') {
        json_object_set_new(p->machine, "pointer", json_true());
    }
    return 0;
}

static int machine_topology(const struct machine_planning *p)
{
    struct kn_compute_topology t;

    if (kn_compute_topology_choose(p->asked->properties, p->asked->specs, p->asked->vcpus, &t, p->err) < 0) {
        return -1;
    }
    if (t.sockets > 0) {
        json_object_set_new(p->machine, "sockets", json_integer(t.sockets));
        json_object_set_new(p->machine, "cores", json_integer(t.cores));
        json_object_set_new(p->machine, "threads", json_integer(t.threads));
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
    { "quota:vif_inbound_average", "nic_in_average", KN_LIMIT_VIF_RATE },
    { "quota:vif_inbound_burst", "nic_in_burst", KN_LIMIT_VIF_RATE },
    { "quota:vif_outbound_average", "nic_out_average", KN_LIMIT_VIF_RATE },
    { "quota:vif_outbound_burst", "nic_out_burst", KN_LIMIT_VIF_RATE },
    { "hw_rng:rate_bytes", "rng_bytes", KN_LIMIT_RNG_RATE },
    { "hw_rng:rate_period", "rng_period_ms", KN_LIMIT_RNG_RATE },
};

/* libvirt takes no burst of a NIC without the average that it is a burst of. */
static int machine_bursts(const struct machine_planning *p)
{
    static const char *const BURSTS[][3] = {
        { "nic_in_average", "nic_in_burst", "quota:vif_inbound_burst" },
        { "nic_out_average", "nic_out_burst", "quota:vif_outbound_burst" },
    };

    for (size_t i = 0; i < KN_COUNT(BURSTS); i++) {
        if (json_object_get(p->machine, BURSTS[i][1]) != NULL && json_object_get(p->machine, BURSTS[i][0]) == NULL) {
            return machine_refuse_spec(p->err, BURSTS[i][2], machine_said(p->asked->specs, BURSTS[i][2]),
                                       "it wants an average that it is a burst of");
        }
    }
    return 0;
}

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
    return machine_bursts(p);
}

/* --- what is refused ---------------------------------------------------------------------------------------------------- */

/* Nova reads an image's properties where they are used, and refuses the server; a flavor's extra specs were looked at when it was given them. */
static int machine_check_image(const struct machine_planning *p, const struct kn_compute_asked *row, const char *value)
{
    char *end = NULL;

    errno = 0;
    (void)strtoll(value, &end, 10);

    if (row->says.kind == KN_SAYS_WORD && !kn_compute_asked_word(row->says.words, value) &&
        !kn_compute_asked_word(row->idle, value)) {
        return machine_bad_image(p->err, value);
    }
    if (row->says.kind == KN_SAYS_INTEGER && (*end != '\0' || errno != 0)) {
        return kn_fail(p->err, KN_BAD_REQUEST,
                       "Invalid image metadata. Error: invalid literal for int() with base 10: '%.60s'", value);
    }
    return 0;
}

static int machine_check(const struct machine_planning *p, enum kn_compute_asker asker, const json_t *said)
{
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)said, name, value) {
        const char *text = json_string_value(value);
        const struct kn_compute_asked *row = text != NULL && text[0] != '\0' ? kn_compute_asked_find(asker, name)
                                                                             : NULL;

        if (row != NULL && asker == KN_ASKED_IMAGE && machine_check_image(p, row, text) < 0) {
            return -1;
        }
        if (row != NULL && kn_compute_asked_refused(row, text)) {
            return asker == KN_ASKED_IMAGE ? machine_refuse_image(p->err, name, text, row->what)
                                           : machine_refuse_spec(p->err, name, text, row->what);
        }
    }
    return 0;
}

int kn_compute_machine_plan(const struct kn_compute_machine_asked *asked, struct kn_compute_machine *ret,
                            struct kn_error *err)
{
    json_auto_t *machine = json_object();
    struct kn_compute_machine made = { 0 };
    const struct machine_planning p = { asked, &made, machine, err };

    if (machine_check(&p, KN_ASKED_IMAGE, asked->properties) < 0 ||
        machine_check(&p, KN_ASKED_FLAVOR, asked->specs) < 0 || machine_topology(&p) < 0 || machine_kind(&p) < 0 ||
        machine_type(&p) < 0 || machine_words(&p) < 0 || machine_buses(&p) < 0 || machine_switches(&p) < 0 ||
        machine_ways(&p) < 0 || machine_times_and_sizes(&p) < 0 || machine_numbers(&p) < 0) {
        return -1;
    }
    made.text = json_object_size(machine) > 0 ? json_dumps(machine, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    *ret = made;
    return 0;
}
