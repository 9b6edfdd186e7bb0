/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/diagnose: what a guest that runs uses, in one question to libvirt. It only looks: nothing is begun, and a guest that is off has nothing to tell.
 */
#include <stdio.h>
#include <string.h>

#include "compute-agent/libvirt/domain_scan.h"
#include "compute-agent/libvirt/private.h"
#include "lib/base/mem.h"
#include "lib/domain/server_state.h"

#define STATS (VIR_DOMAIN_STATS_VCPU | VIR_DOMAIN_STATS_INTERFACE | VIR_DOMAIN_STATS_BLOCK)

/* What libvirt calls a number of the index-th thing, and what we do. */
struct diagnose_number {
    const char *theirs, *ours;
};
static const struct diagnose_number DISK[] = {
    { "rd.reqs", "read_requests" }, { "rd.bytes", "read_bytes" }, { "wr.reqs", "write_requests" },
    { "wr.bytes", "write_bytes" },  { "errors", "errors" },       { NULL, NULL },
};
/* What the tap received, the guest sent; Nova's numbers are the tap's. */
static const struct diagnose_number NIC[] = {
    { "rx.bytes", "rx_octets" }, { "rx.pkts", "rx_packets" }, { "rx.errs", "rx_errors" },
    { "rx.drop", "rx_drop" },    { "tx.bytes", "tx_octets" }, { "tx.pkts", "tx_packets" },
    { "tx.errs", "tx_errors" },  { "tx.drop", "tx_drop" },    { NULL, NULL },
};
static const char *const MEMORY[VIR_DOMAIN_MEMORY_STAT_NR] = {
    [VIR_DOMAIN_MEMORY_STAT_SWAP_IN] = "swap_in",         [VIR_DOMAIN_MEMORY_STAT_SWAP_OUT] = "swap_out",
    [VIR_DOMAIN_MEMORY_STAT_MAJOR_FAULT] = "major_fault", [VIR_DOMAIN_MEMORY_STAT_MINOR_FAULT] = "minor_fault",
    [VIR_DOMAIN_MEMORY_STAT_UNUSED] = "unused",           [VIR_DOMAIN_MEMORY_STAT_AVAILABLE] = "available",
    [VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON] = "actual",   [VIR_DOMAIN_MEMORY_STAT_RSS] = "rss",
    [VIR_DOMAIN_MEMORY_STAT_USABLE] = "usable",           [VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE] = "last_update",
    [VIR_DOMAIN_MEMORY_STAT_DISK_CACHES] = "disk_caches",
};

struct diagnose_stats {
    virDomainStatsRecordPtr *records;
};

static void diagnose_stats_release(struct diagnose_stats *stats)
{
    if (stats->records != NULL) {
        virDomainStatsRecordListFree(stats->records);
    }
}

static bool diagnose_number(const virDomainStatsRecord *record, const char *what, size_t i, const char *name,
                            int64_t *ret)
{
    char key[VIR_TYPED_PARAM_FIELD_LENGTH];

    snprintf(key, sizeof(key), "%s.%zu.%s", what, i, name);
    for (int p = 0; p < record->nparams; p++) {
        const virTypedParameter *param = &record->params[p];

        if (strcmp(param->field, key) == 0) {
            *ret = param->type == VIR_TYPED_PARAM_ULLONG ? (int64_t)param->value.ul
                   : param->type == VIR_TYPED_PARAM_INT  ? param->value.i
                                                         : param->value.l;
            return true;
        }
    }
    return false;
}

static const char *diagnose_name(const virDomainStatsRecord *record, const char *what, size_t i)
{
    char key[VIR_TYPED_PARAM_FIELD_LENGTH];

    snprintf(key, sizeof(key), "%s.%zu.name", what, i);
    for (int p = 0; p < record->nparams; p++) {
        if (strcmp(record->params[p].field, key) == 0 && record->params[p].type == VIR_TYPED_PARAM_STRING) {
            return record->params[p].value.s;
        }
    }
    return NULL;
}

static size_t diagnose_count(const virDomainStatsRecord *record, const char *key)
{
    for (int p = 0; p < record->nparams; p++) {
        if (strcmp(record->params[p].field, key) == 0 && record->params[p].type == VIR_TYPED_PARAM_UINT) {
            return record->params[p].value.ui;
        }
    }
    return 0;
}

static void diagnose_add(json_t *thing, const virDomainStatsRecord *record, const char *what, size_t i,
                         const struct diagnose_number *numbers)
{
    int64_t value;

    for (; numbers->theirs != NULL; numbers++) {
        if (diagnose_number(record, what, i, numbers->theirs, &value)) {
            json_object_set_new(thing, numbers->ours, json_integer(value));
        }
    }
}

static json_t *diagnose_cpus(const virDomainStatsRecord *record)
{
    json_t *cpus = json_array();
    int64_t time;

    for (size_t i = 0; i < diagnose_count(record, "vcpu.current"); i++) {
        json_t *cpu = json_pack("{s:I}", "id", (json_int_t)i);

        if (diagnose_number(record, "vcpu", i, "time", &time)) {
            json_object_set_new(cpu, "time", json_integer(time));
        }
        json_array_append_new(cpus, cpu);
    }
    return cpus;
}

static json_t *diagnose_disks(const virDomainStatsRecord *record)
{
    json_t *disks = json_array();

    for (size_t i = 0; i < diagnose_count(record, "block.count"); i++) {
        const char *name = diagnose_name(record, "block", i);

        if (name != NULL) {
            json_t *disk = json_pack("{s:s}", "device", name);

            diagnose_add(disk, record, "block", i, DISK);
            json_array_append_new(disks, disk);
        }
    }
    return disks;
}

static json_t *diagnose_nics(const virDomainStatsRecord *record, const char *xml)
{
    json_t *nics = json_array();
    char mac[18];

    for (size_t i = 0; i < diagnose_count(record, "net.count"); i++) {
        const char *tap = diagnose_name(record, "net", i);

        if (tap != NULL) {
            json_t *nic = json_pack("{s:s}", "tap", tap);

            if (kn_agent_scan_nic_find(xml, tap, mac, sizeof(mac))) {
                json_object_set_new(nic, "mac", json_string(mac));
            }
            diagnose_add(nic, record, "net", i, NIC);
            json_array_append_new(nics, nic);
        }
    }
    return nics;
}

static json_t *diagnose_memory(virDomainPtr dom)
{
    virDomainMemoryStatStruct stats[VIR_DOMAIN_MEMORY_STAT_NR];
    const int count = virDomainMemoryStats(dom, stats, VIR_DOMAIN_MEMORY_STAT_NR, 0);
    json_t *memory = json_array();

    for (int i = 0; i < count; i++) {
        if (stats[i].tag >= 0 && stats[i].tag < VIR_DOMAIN_MEMORY_STAT_NR && MEMORY[stats[i].tag] != NULL) {
            json_array_append_new(memory, json_pack("{s:s, s:I}", "name", MEMORY[stats[i].tag], "value",
                                                    (json_int_t)stats[i].val));
        }
    }
    return memory;
}

/* The driver of containers answers one question at a time, and none about disks. */
static json_t *diagnose_container_nics(virDomainPtr dom, const char *xml)
{
    json_t *nics = json_array();
    char tap[16], mac[18];

    for (size_t i = 0; kn_agent_scan_tap(xml, i, tap, sizeof(tap)); i++) {
        virDomainInterfaceStatsStruct s;
        json_t *nic = json_pack("{s:s}", "tap", tap);

        if (kn_agent_scan_nic_find(xml, tap, mac, sizeof(mac))) {
            json_object_set_new(nic, "mac", json_string(mac));
        }
        if (virDomainInterfaceStats(dom, tap, &s, sizeof(s)) == 0) {
            const struct {
                const char *name;
                long long value;
            } numbers[] = { { "rx_octets", s.rx_bytes }, { "rx_packets", s.rx_packets }, { "rx_errors", s.rx_errs },
                            { "rx_drop", s.rx_drop },    { "tx_octets", s.tx_bytes },    { "tx_packets", s.tx_packets },
                            { "tx_errors", s.tx_errs },  { "tx_drop", s.tx_drop } };

            for (size_t n = 0; n < KN_COUNT(numbers); n++) {
                json_object_set_new(nic, numbers[n].name, json_integer(numbers[n].value));
            }
        }
        json_array_append_new(nics, nic);
    }
    return nics;
}

static int diagnose_container(const struct kn_agent_libvirt *lv, virDomainPtr dom, json_t **ret, struct kn_error *err)
{
    AUTO_FREE char *xml = virDomainGetXMLDesc(dom, 0);
    virDomainInfo info;

    if (xml == NULL || virDomainGetInfo(dom, &info) < 0) {
        return kn_agent_libvirt_fail(err, "looking at the container");
    }
    *ret = json_pack("{s:i, s:s, s:I, s:I, s:[{s:i, s:I}], s:[], s:o, s:o}", "power_state", KN_POWER_RUNNING,
                     "hypervisor", lv->type, "maximum_kib", (json_int_t)info.maxMem, "used_kib",
                     (json_int_t)info.memory, "cpus", "id", 0, "time", (json_int_t)info.cpuTime, "disks", "nics",
                     diagnose_container_nics(dom, xml), "memory", diagnose_memory(dom));
    return 0;
}

int kn_agent_libvirt_diagnose(void *state, const struct kn_agent_guest_ref *ref, json_t **ret, struct kn_error *err)
{
    struct kn_agent_libvirt *lv = state;
    AUTO_RELEASE(diagnose_stats) struct diagnose_stats stats = { NULL };
    AUTO_DOM virDomainPtr dom = NULL;
    AUTO_FREE char *xml = NULL;
    virDomainInfo info;
    int power_state;

    if (kn_agent_libvirt_need(lv, ref, &dom, err) < 0) {
        return -1;
    }
    power_state = kn_agent_libvirt_power_state(dom, NULL);
    if (power_state != KN_POWER_RUNNING) {
        *ret = json_pack("{s:i, s:s, s:i, s:i, s:[], s:[], s:[], s:[]}", "power_state", power_state, "hypervisor",
                         lv->type, "maximum_kib", 0, "used_kib", 0, "cpus", "disks", "nics", "memory");
        return 0;
    }
    if (lv->is_lxc) {
        return diagnose_container(lv, dom, ret, err);
    }
    xml = virDomainGetXMLDesc(dom, 0);
    if (xml == NULL || virDomainGetInfo(dom, &info) < 0 ||
        virDomainListGetStats((virDomainPtr[]){ dom, NULL }, STATS, &stats.records, 0) != 1) {
        return kn_agent_libvirt_fail(err, "looking at the guest");
    }
    *ret = json_pack("{s:i, s:s, s:I, s:I, s:o, s:o, s:o, s:o}", "power_state", power_state, "hypervisor", lv->type,
                     "maximum_kib", (json_int_t)info.maxMem, "used_kib", (json_int_t)info.memory, "cpus",
                     diagnose_cpus(stats.records[0]), "disks", diagnose_disks(stats.records[0]), "nics",
                     diagnose_nics(stats.records[0], xml), "memory", diagnose_memory(dom));
    return 0;
}
