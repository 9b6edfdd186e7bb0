/* SPDX-License-Identifier: Apache-2.0 */
/* machine_xml: as domain_xml.c, of what no device is. Golden files in tests/unit/agent/golden. */
#include "compute-agent/libvirt/machine_xml.h"

#include <inttypes.h>
#include <string.h>

#include "compute-agent/libvirt/xml.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define TCG_CACHE_MIB 32 /* the default is a quarter of the machine's memory; 32 is as fast (measured) */

/* libvirt takes an order of devices, or kinds of them. */
static bool machine_xml_boots_apart(const struct kn_agent_domain *d)
{
    for (size_t i = 0; i < d->disk_count; i++) {
        if (d->disks[i].boot > 0) {
            return true;
        }
    }
    return false;
}

/* "pc", and its versions; q35 otherwise. */
const char *kn_agent_machine_type(const struct kn_agent_domain *d)
{
    const char *asked = kn_json_str(d->profile, "type");

    return d->machine != NULL ? d->machine : asked[0] != '\0' ? asked : "q35";
}

bool kn_agent_machine_is_pc(const struct kn_agent_domain *d)
{
    const char *machine = kn_agent_machine_type(d);

    return strcmp(machine, "pc") == 0 || strncmp(machine, "pc-i440fx-", 10) == 0;
}

static void machine_xml_shares(const struct kn_agent_domain *d, struct kn_strbuf *out)
{
    static const char *const TUNED[][2] = { { "shares", "cpu_shares" },
                                            { "period", "cpu_period_us" },
                                            { "quota", "cpu_quota_us" } };
    bool is_open = false;

    for (size_t i = 0; i < KN_COUNT(TUNED); i++) {
        const int64_t value = kn_json_int(d->profile, TUNED[i][1]);

        if (value != 0) {
            kn_strbuf_addf(out, "%s    <%s>%" PRId64 "</%s>\n", is_open ? "" : "  <cputune>\n", TUNED[i][0], value,
                           TUNED[i][0]);
            is_open = true;
        }
    }
    kn_strbuf_addstr(out, is_open ? "  </cputune>\n" : "");
}

/* UEFI, whose variables are the guest's own; without it, BIOS. */
static void machine_xml_firmware(const struct kn_agent_domain *d, struct kn_strbuf *out)
{
    if (d->loader == NULL) {
        return;
    }
    kn_strbuf_addstr(out, "    <loader readonly='yes' type='pflash'>");
    kn_strbuf_addxml(out, d->loader);
    kn_strbuf_addstr(out, "</loader>\n    <nvram");
    kn_agent_xml_attribute(out, "template", d->variables);
    kn_strbuf_addch(out, '>');
    kn_strbuf_addxml(out, d->nvram);
    kn_strbuf_addstr(out, "</nvram>\n");
}

static bool machine_xml_is_emulated(const struct kn_agent_domain *d)
{
    return strcmp(d->type, "qemu") == 0;
}

/* What KVM does for Windows, as Nova has it. */
static void machine_xml_hyperv(struct kn_strbuf *out)
{
    static const char *const WAYS[] = { "relaxed", "vapic",       "vpindex",  "runtime", "synic",
                                        "reset",   "frequencies", "tlbflush", "ipi" };

    kn_strbuf_addstr(out, "    <hyperv>\n      <spinlocks state='on' retries='8191'/>\n");
    for (size_t i = 0; i < KN_COUNT(WAYS); i++) {
        kn_strbuf_addf(out, "      <%s state='on'/>\n", WAYS[i]);
    }
    kn_strbuf_addstr(out, "    </hyperv>\n");
}

static void machine_xml_features(const struct kn_agent_domain *d, struct kn_strbuf *out)
{
    const json_t *pmu = json_object_get(d->profile, "pmu");

    kn_strbuf_addstr(out, "  <features>\n    <acpi/>\n    <apic/>\n");
    if (machine_xml_is_emulated(d)) {
        kn_strbuf_addf(out, "    <tcg>\n      <tb-cache unit='MiB'>%d</tb-cache>\n    </tcg>\n", TCG_CACHE_MIB);
    } else if (kn_json_bool(d->profile, "windows")) {
        machine_xml_hyperv(out);
    }
    if (kn_json_bool(d->profile, "hide_hypervisor")) {
        kn_strbuf_addstr(out, "    <kvm>\n      <hidden state='on'/>\n    </kvm>\n");
    }
    if (pmu != NULL) {
        kn_strbuf_addf(out, "    <pmu state='%s'/>\n", json_is_true(pmu) ? "on" : "off");
    }
    kn_strbuf_addstr(out, "  </features>\n");
}

/* How the guest's processors look to it. */
static void machine_xml_topology(const struct kn_agent_domain *d, struct kn_strbuf *out)
{
    const int64_t sockets = kn_json_int(d->profile, "sockets");

    if (sockets > 0) {
        kn_strbuf_addf(out,
                       "    <topology sockets='%" PRId64 "' dies='1' cores='%" PRId64 "' threads='%" PRId64 "'/>\n",
                       sockets, kn_json_int(d->profile, "cores"), kn_json_int(d->profile, "threads"));
    }
}

/* What it was at its first boot; each feature by itself, so that no other host or newer QEMU means another thing by the model's name. */
static void machine_xml_known_cpu(const struct kn_agent_domain *d, struct kn_strbuf *out)
{
    const char *vendor = kn_json_str(d->cpu, "vendor"), *name;
    json_t *policy;

    kn_strbuf_addf(out, "  <cpu mode='custom' match='exact' check='%s'>\n    <model fallback='%s'>",
                   machine_xml_is_emulated(d) ? "none" : "partial", machine_xml_is_emulated(d) ? "allow" : "forbid");
    kn_strbuf_addxml(out, kn_json_str(d->cpu, "model"));
    kn_strbuf_addstr(out, "</model>\n");
    if (vendor[0] != '\0') {
        kn_agent_xml_element(out, "    ", "vendor", vendor);
    }
    machine_xml_topology(d, out);
    json_object_foreach (json_object_get(d->cpu, "features"), name, policy) {
        kn_strbuf_addstr(out, "    <feature");
        kn_agent_xml_attribute(out, "policy", json_string_value(policy));
        kn_agent_xml_attribute(out, "name", name);
        kn_strbuf_addstr(out, "/>\n");
    }
    kn_strbuf_addstr(out, "  </cpu>\n");
}

static void machine_xml_cpu(const struct kn_agent_domain *d, struct kn_strbuf *out)
{
    if (d->cpu != NULL) {
        machine_xml_known_cpu(d, out);
        return;
    }
    kn_strbuf_addstr(out, machine_xml_is_emulated(d) ? "  <cpu mode='custom' match='exact' check='none'>\n"
                                                       "    <model fallback='allow'>qemu64</model>\n"
                                                     : "  <cpu mode='host-model' check='partial'>\n");
    machine_xml_topology(d, out);
    kn_strbuf_addstr(out, "  </cpu>\n");
}

static void machine_xml_clock(const struct kn_agent_domain *d, struct kn_strbuf *out)
{
    const json_t *hpet = json_object_get(d->profile, "hpet");
    const bool is_windows = kn_json_bool(d->profile, "windows"), speaks = is_windows && !machine_xml_is_emulated(d);

    kn_strbuf_addf(out, "  <clock offset='%s'%s>\n", is_windows ? "localtime" : "utc",
                   hpet == NULL && !speaks ? "/" : "");
    if (hpet != NULL) {
        kn_strbuf_addf(out, "    <timer name='hpet' present='%s'/>\n", json_is_true(hpet) ? "yes" : "no");
    }
    if (speaks) {
        kn_strbuf_addstr(out, "    <timer name='hypervclock' present='yes'/>\n");
    }
    kn_strbuf_addstr(out, hpet == NULL && !speaks ? "" : "  </clock>\n");
}

void kn_agent_machine_xml(const struct kn_agent_domain *d, struct kn_strbuf *out)
{
    kn_strbuf_addf(out, "  <memory unit='MiB'>%" PRId64 "</memory>\n", d->memory_mib);
    kn_strbuf_addf(out, "  <vcpu placement='static'>%d</vcpu>\n", d->vcpus);
    machine_xml_shares(d, out);
    kn_strbuf_addstr(out, "  <os>\n    <type arch='x86_64'");
    kn_agent_xml_attribute(out, "machine", kn_agent_machine_type(d));
    kn_strbuf_addstr(out, ">hvm</type>\n");
    machine_xml_firmware(d, out);
    kn_strbuf_addf(out, "%s%s    <smbios mode='sysinfo'/>\n  </os>\n",
                   machine_xml_boots_apart(d) ? "" : "    <boot dev='hd'/>\n",
                   kn_json_bool(d->profile, "boot_menu") ? "    <bootmenu enable='yes' timeout='5000'/>\n" : "");
    machine_xml_features(d, out);
    machine_xml_cpu(d, out);
    machine_xml_clock(d, out);
    kn_strbuf_addstr(out, "  <on_poweroff>destroy</on_poweroff>\n"
                          "  <on_reboot>restart</on_reboot>\n"
                          "  <on_crash>destroy</on_crash>\n");
}
