/* SPDX-License-Identifier: Apache-2.0 */
/*
 * domain_xml: one machine for everybody: q35 with spare root ports for hot-plug, virtio everything, a serial line with a
 * log, a picture that no port leads to (VNC on a UNIX socket of libvirt's own). What a guest was at its first boot, machine and addresses, it stays (frozen.h). Every text from outside goes through kn_strbuf_addxml; nothing here looks at the host.
 */
#include "compute-agent/libvirt/domain_xml.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "compute-agent/core/unpack.h"
#include "compute-agent/libvirt/machine_xml.h"
#include "compute-agent/libvirt/xml.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/version.h"
#include "lib/domain/message.h"

/* A hot-plugged device needs a root port that was there at the start: one for every disk and NIC a guest may ever have, whether it has it now or not. */
#define ROOT_PORTS (KN_MAX_DISKS + KN_MAX_NICS + 2) /* and the balloon's and the random device's */
#define PC_BRIDGES 2 /* of a machine without PCI Express: 31 slots each */
#define PORTS_MAX 128 /* no guest has had more */

/* Where the guest finds the device; nothing if it may be anywhere. */
static void domain_xml_address(struct kn_strbuf *out, const char *indent, const char *address)
{
    unsigned domain, bus, slot, function;
    char more = '\0';

    if (address == NULL || sscanf(address, "%4x:%2x:%2x.%1x%c", &domain, &bus, &slot, &function, &more) < 4) {
        return;
    }
    kn_strbuf_addf(out, "%s<address type='pci' domain='0x%04x' bus='0x%02x' slot='0x%02x' function='0x%x'%s/>\n",
                   indent, domain, bus, slot, function, more == '+' ? " multifunction='on'" : "");
}

static const char *domain_xml_place(const struct kn_agent_domain *d, const char *kind, const char *name)
{
    AUTO_FREE char *key = kn_asprintf("%s/%s", kind, name);

    return json_string_value(json_object_get(d->addresses, key));
}

static void domain_xml_identity(const struct kn_agent_domain *d, struct kn_strbuf *out)
{
    kn_strbuf_addf(out, "<domain");
    kn_agent_xml_attribute(out, "type", d->type);
    kn_strbuf_addf(out, " xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n  <name>kn-%s</name>\n", d->server);
    kn_agent_xml_element(out, "  ", "uuid", d->server);
    kn_strbuf_addstr(out, "  <metadata>\n    <kilonova:server xmlns:kilonova='" KN_DOMAIN_NAMESPACE "'");
    kn_agent_xml_attribute(out, "id", d->server);
    kn_agent_xml_attribute(out, "project", d->project);
    kn_strbuf_addf(out, " generation='%" PRId64 "'", d->generation);
    kn_agent_xml_attribute(out, "name", d->name);
    kn_strbuf_addstr(out, "/>\n  </metadata>\n");
}

/*
 * What the firmware says the machine is, in Nova's words: cloud-init's ds-identify looks for the product's name and switches
 * itself off in a guest of any other make.
 */
static void domain_xml_make(const struct kn_agent_domain *d, struct kn_strbuf *out)
{
    const struct {
        const char *name;
        const char *text;
    } entries[] = {
        { "manufacturer", "OpenStack Foundation" },
        { "product", "OpenStack Nova" },
        { "version", KN_VERSION },
        { "serial", d->server },
        { "uuid", d->server },
        { "family", "Virtual Machine" },
    };

    kn_strbuf_addstr(out, "  <sysinfo type='smbios'>\n    <system>\n");
    for (size_t i = 0; i < KN_COUNT(entries); i++) {
        kn_strbuf_addf(out, "      <entry name='%s'>", entries[i].name);
        kn_strbuf_addxml(out, entries[i].text);
        kn_strbuf_addstr(out, "</entry>\n");
    }
    kn_strbuf_addstr(out, "    </system>\n  </sysinfo>\n");
}

static bool domain_xml_has_bus(const struct kn_agent_domain *d, const char *bus)
{
    for (size_t i = 0; i < d->disk_count; i++) {
        if (d->disks[i].bus != NULL && strcmp(d->disks[i].bus, bus) == 0) {
            return true;
        }
    }
    return false;
}

static bool domain_xml_has_usb(const struct kn_agent_domain *d)
{
    return domain_xml_has_bus(d, "usb") || strcmp(kn_json_str(d->profile, "input"), "usb") == 0 ||
           kn_json_bool(d->profile, "pointer");
}

/* As many as it needs, and as it ever had: what sits on the last one stays there. */
static size_t domain_xml_ports(const struct kn_agent_domain *d)
{
    size_t ports = kn_agent_machine_is_pc(d) ? PC_BRIDGES : ROOT_PORTS, index;
    const char *key;
    json_t *value;

    if (!kn_agent_machine_is_pc(d)) { /* a bridge has room for many */
        ports += d->config_drive != NULL ? 1 : 0;
        ports += domain_xml_has_bus(d, "scsi") ? 1 : 0;
        ports += domain_xml_has_usb(d) ? 1 : 0;
        ports += strcmp(kn_json_str(d->profile, "input"), "virtio") == 0 ? 2 : 0;
        ports += kn_json_bool(d->profile, "guest_agent") ? 1 : 0;
        ports += kn_json_str(d->profile, "video")[0] != '\0' ? 1 : 0;
    }
    json_object_foreach ((json_t *)(uintptr_t)d->addresses, key, value) {
        if (sscanf(key, "controller/%zu", &index) == 1 && index > ports && index < PORTS_MAX) {
            ports = index;
        }
    }
    return ports;
}

/* A controller on PCI that some disks stand on. */
static void domain_xml_controller(const struct kn_agent_domain *d, const char *type, const char *model,
                                  struct kn_strbuf *out)
{
    const char *address = domain_xml_place(d, type, "0");

    kn_strbuf_addf(out, "    <controller type='%s' index='0'", type);
    if (model != NULL) {
        kn_agent_xml_attribute(out, "model", model);
    }
    kn_strbuf_addf(out, "%s>\n", address == NULL ? "/" : "");
    if (address != NULL) {
        domain_xml_address(out, "      ", address);
        kn_strbuf_addstr(out, "    </controller>\n");
    }
}

static void buses(const struct kn_agent_domain *d, struct kn_strbuf *out)
{
    const size_t ports = domain_xml_ports(d);
    char index[24];

    if (domain_xml_has_usb(d)) {
        domain_xml_controller(d, "usb", "qemu-xhci", out);
    } else {
        kn_strbuf_addstr(out, "    <controller type='usb' model='none'/>\n");
    }
    if (domain_xml_has_bus(d, "scsi")) {
        const char *model = kn_json_str(d->profile, "scsi");

        domain_xml_controller(d, "scsi", model[0] != '\0' ? model : "virtio-scsi", out);
    }
    if (kn_json_bool(d->profile, "guest_agent")) {
        domain_xml_controller(d, "virtio-serial", NULL, out);
    }
    kn_strbuf_addf(out, "    <controller type='pci' index='0' model='%s'/>\n",
                   kn_agent_machine_is_pc(d) ? "pci-root" : "pcie-root");
    for (size_t i = 1; i <= ports; i++) {
        snprintf(index, sizeof(index), "%zu", i);
        const char *address = domain_xml_place(d, "controller", index);

        kn_strbuf_addf(out, "    <controller type='pci' index='%zu' model='%s'%s>\n", i,
                       kn_agent_machine_is_pc(d) ? "pci-bridge" : "pcie-root-port", address == NULL ? "/" : "");
        if (address != NULL) {
            domain_xml_address(out, "      ", address);
            kn_strbuf_addstr(out, "    </controller>\n");
        }
    }
}

/* How fast it may be, if the flavor or the volume's type says so. */
static void domain_xml_limits(const json_t *limits, struct kn_strbuf *out)
{
    static const char *const RATES[] = { "total_bytes_sec",     "read_bytes_sec",     "write_bytes_sec",
                                         "total_iops_sec",      "read_iops_sec",      "write_iops_sec",
                                         "total_bytes_sec_max", "read_bytes_sec_max", "write_bytes_sec_max",
                                         "total_iops_sec_max",  "read_iops_sec_max",  "write_iops_sec_max",
                                         "size_iops_sec" };
    bool is_open = false;

    for (size_t i = 0; i < KN_COUNT(RATES); i++) {
        const int64_t rate = kn_json_int(limits, RATES[i]);

        if (rate != 0) {
            kn_strbuf_addf(out, "%s        <%s>%" PRId64 "</%s>\n", is_open ? "" : "      <iotune>\n", RATES[i], rate,
                           RATES[i]);
            is_open = true;
        }
    }
    kn_strbuf_addstr(out, is_open ? "      </iotune>\n" : "");
}

static void domain_xml_source(const struct kn_agent_domain_disk *disk, struct kn_strbuf *out)
{
    AUTO_FREE char *below = disk->dir != NULL ? kn_asprintf("%s/%s", disk->dir, disk->path) : NULL;

    kn_strbuf_addstr(out, "      <source");
    if (disk->export == NULL) {
        kn_agent_xml_attribute(out, "file", below != NULL ? below : disk->path);
        if (disk->secret[0] == '\0') {
            kn_strbuf_addstr(out, "/>\n");
            return;
        }
        kn_strbuf_addstr(out, ">\n");
    } else {
        kn_agent_xml_attribute(out, "protocol", "nbd");
        kn_agent_xml_attribute(out, "name", disk->export);
        kn_strbuf_addstr(out, ">\n        <host transport='unix'");
        kn_agent_xml_attribute(out, "socket", disk->path);
        kn_strbuf_addstr(out, "/>\n");
    }
    if (disk->secret[0] != '\0') {
        kn_strbuf_addf(out,
                       "        <encryption format='luks'>\n          <secret type='passphrase' uuid='%s'/>\n"
                       "        </encryption>\n",
                       disk->secret);
    }
    kn_strbuf_addstr(out, "      </source>\n");
}

void kn_agent_domain_disk_xml(const struct kn_agent_domain_disk *disk, struct kn_strbuf *out)
{
    kn_strbuf_addf(out, "    <disk type='%s' device='%s'>\n      <driver name='qemu'",
                   disk->export != NULL ? "network" : "file", disk->is_cdrom ? "cdrom" : "disk");
    kn_agent_xml_attribute(out, "type", disk->format);
    /* A volume whose storage is gone stops the guest instead of failing its writes: nothing is lost, it can go on. */
    kn_strbuf_addf(out, " cache='none' %sdiscard='unmap'/>\n",
                   disk->serial != NULL ? "error_policy='stop' rerror_policy='stop' " : "");
    domain_xml_source(disk, out);
    kn_strbuf_addstr(out, "      <target");
    kn_agent_xml_attribute(out, "dev", disk->device);
    kn_agent_xml_attribute(out, "bus", disk->bus != NULL ? disk->bus : "virtio");
    kn_strbuf_addstr(out, "/>\n");
    if (disk->boot > 0) {
        kn_strbuf_addf(out, "      <boot order='%d'/>\n", disk->boot);
    }
    domain_xml_limits(disk->limits, out);
    if (disk->is_cdrom || disk->is_readonly) {
        kn_strbuf_addstr(out, "      <readonly/>\n");
    }
    if (disk->is_shared) {
        kn_strbuf_addstr(out, "      <shareable/>\n");
    }
    if (disk->serial != NULL) {
        kn_agent_xml_element(out, "      ", "serial", disk->serial);
    }
    domain_xml_address(out, "      ", disk->address);
    kn_strbuf_addstr(out, "    </disk>\n");
}

/*
 * A disk that cannot be written, not a drive for CDs: kernels for clouds have no driver for one that q35 could have. Found by its label; its name, behind
 * those of all that may be attached, is in nobody's way.
 */
static void config_drive(const char *path, struct kn_strbuf *out)
{
    kn_strbuf_addstr(out,
                     "    <disk type='file' device='disk'>\n      <driver name='qemu' type='raw'/>\n      <source");
    kn_agent_xml_attribute(out, "file", path);
    kn_strbuf_addstr(out, "/>\n      <target dev='vdaa' bus='virtio'/>\n      <readonly/>\n    </disk>\n");
}

void kn_agent_domain_nic_xml(const struct kn_agent_domain_nic *nic, struct kn_strbuf *out)
{
    kn_strbuf_addstr(out, "    <interface type='ethernet'>\n      <mac");
    kn_agent_xml_attribute(out, "address", nic->mac);
    kn_strbuf_addstr(out, "/>\n      <target");
    kn_agent_xml_attribute(out, "dev", nic->tap);
    kn_strbuf_addstr(out, " managed='no'/>\n      <model");
    kn_agent_xml_attribute(out, "type", nic->model != NULL && nic->model[0] != '\0' ? nic->model : "virtio");
    kn_strbuf_addstr(out, "/>\n");
    if (nic->mtu > 0) {
        kn_strbuf_addf(out, "      <mtu size='%d'/>\n", nic->mtu);
    }
    domain_xml_address(out, "      ", nic->address);
    kn_strbuf_addstr(out, "    </interface>\n");
}

static void domain_xml_video(const struct kn_agent_domain *d, struct kn_strbuf *out)
{
    const char *model = kn_json_str(d->profile, "video");
    const int64_t mib = kn_json_int(d->profile, "video_mib");
    const bool is_vga = model[0] == '\0';

    kn_strbuf_addstr(out, "      <model");
    kn_agent_xml_attribute(out, "type", is_vga ? "vga" : model);
    if (strcmp(model, "none") != 0 && (is_vga || mib > 0)) {
        kn_strbuf_addf(out, " vram='%" PRId64 "'", mib > 0 ? mib * 1024 : 8192);
    }
    kn_strbuf_addstr(out, "/>\n");
    domain_xml_address(out, "      ", domain_xml_place(d, "video", "0"));
}

static void console_xml(const struct kn_agent_domain *d, struct kn_strbuf *out)
{
    kn_strbuf_addstr(out, "    <serial type='unix'>\n      <source mode='bind'");
    kn_agent_xml_attribute(out, "path", d->serial_socket);
    kn_strbuf_addstr(out, "/>\n      <log");
    kn_agent_xml_attribute(out, "file", d->console_log);
    kn_strbuf_addstr(out, " append='on'/>\n      <target port='0'/>\n    </serial>\n"
                          "    <graphics type='vnc'>\n      <listen type='socket'/>\n    </graphics>\n"
                          "    <video>\n");
    domain_xml_video(d, out);
    kn_strbuf_addstr(out, "    </video>\n");
}

/* Before those that libvirt adds: what is frozen of them goes by their numbers. */
static void domain_xml_inputs(const struct kn_agent_domain *d, struct kn_strbuf *out)
{
    static const char *const TYPES[] = { "tablet", "keyboard" };
    const char *bus = kn_json_str(d->profile, "input");
    const size_t count = bus[0] != '\0' ? 2 : kn_json_bool(d->profile, "pointer") ? 1 : 0;
    char number[24];

    for (size_t i = 0; i < count; i++) {
        snprintf(number, sizeof(number), "%zu", i);
        const char *address = domain_xml_place(d, "input", number);

        kn_strbuf_addf(out, "    <input type='%s'", TYPES[i]);
        kn_agent_xml_attribute(out, "bus", bus[0] != '\0' ? bus : "usb");
        kn_strbuf_addf(out, "%s>\n", address == NULL ? "/" : "");
        if (address != NULL) {
            domain_xml_address(out, "      ", address);
            kn_strbuf_addstr(out, "    </input>\n");
        }
    }
}

/* What it has beside what every guest has. */
static void domain_xml_extras(const struct kn_agent_domain *d, struct kn_strbuf *out)
{
    const char *watchdog = kn_json_str(d->profile, "watchdog"), *address = domain_xml_place(d, "watchdog", "0");

    if (kn_json_bool(d->profile, "guest_agent")) {
        kn_strbuf_addstr(out, "    <channel type='unix'>\n      <source mode='bind'/>\n"
                              "      <target type='virtio' name='org.qemu.guest_agent.0'/>\n    </channel>\n");
    }
    if (watchdog[0] == '\0') {
        return;
    }
    kn_strbuf_addstr(out, "    <watchdog model='i6300esb'");
    kn_agent_xml_attribute(out, "action", watchdog);
    kn_strbuf_addstr(out, ">\n");
    /* A device of PCI stands on q35's own bus: no bridge needs to be there for it. */
    domain_xml_address(out, "      ", address != NULL || kn_agent_machine_is_pc(d) ? address : "0000:00:10.0");
    kn_strbuf_addstr(out, "    </watchdog>\n");
}

static void domain_xml_rng(const struct kn_agent_domain *d, struct kn_strbuf *out)
{
    const int64_t bytes = kn_json_int(d->profile, "rng_bytes"), period = kn_json_int(d->profile, "rng_period_ms");

    if (kn_json_bool(d->profile, "no_rng")) {
        return;
    }
    kn_strbuf_addstr(out, "    <rng model='virtio'>\n");
    if (bytes > 0) {
        kn_strbuf_addf(out, "      <rate bytes='%" PRId64 "' period='%" PRId64 "'/>\n", bytes,
                       period > 0 ? period : 1000);
    }
    kn_strbuf_addstr(out, "      <backend model='random'>/dev/urandom</backend>\n");
    domain_xml_address(out, "      ", domain_xml_place(d, "rng", "0"));
    kn_strbuf_addstr(out, "    </rng>\n");
}

/*
 * PCI Express hot-plug instead of ACPI's: with the latter, QEMU before 8.1 refuses for ever to ask again for a device that
 * a booting guest was asked for too early. The price: a guest takes five seconds to let a device go, as the standard says.
 */
static void hotplug(struct kn_strbuf *out)
{
    kn_strbuf_addstr(out, "  <qemu:commandline>\n    <qemu:arg value='-global'/>\n"
                          "    <qemu:arg value='ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off'/>\n"
                          "  </qemu:commandline>\n");
}

void kn_agent_domain_xml(const struct kn_agent_domain *d, struct kn_strbuf *out)
{
    domain_xml_identity(d, out);
    domain_xml_make(d, out);
    kn_agent_machine_xml(d, out);
    kn_strbuf_addstr(out, "  <devices>\n");
    buses(d, out);
    for (size_t i = 0; i < d->disk_count; i++) {
        kn_agent_domain_disk_xml(&d->disks[i], out);
    }
    if (d->config_drive != NULL) {
        config_drive(d->config_drive, out);
    }
    for (size_t i = 0; i < d->nic_count; i++) {
        kn_agent_domain_nic_xml(&d->nics[i], out);
    }
    domain_xml_inputs(d, out);
    console_xml(d, out);
    kn_strbuf_addstr(out, "    <memballoon model='virtio'>\n      <stats period='10'/>\n");
    domain_xml_address(out, "      ", domain_xml_place(d, "memballoon", "0"));
    kn_strbuf_addstr(out, "    </memballoon>\n");
    domain_xml_rng(d, out);
    domain_xml_extras(d, out);
    kn_strbuf_addstr(out, "  </devices>\n");
    if (!kn_agent_machine_is_pc(d)) {
        hotplug(out);
    }
    kn_strbuf_addstr(out, "</domain>\n");
}

/* --- containers ----------------------------------------------------------------------------------------------------------- */

#define CONTAINER_PERIOD_US 100000

/* What QEMU has by its number of threads, a container has by a quota: no more processors than its flavor says. */
static void container_xml_share(const struct kn_agent_domain *d, struct kn_strbuf *out)
{
    const int64_t shares = kn_json_int(d->profile, "cpu_shares"), period = kn_json_int(d->profile, "cpu_period_us"),
                  quota = kn_json_int(d->profile, "cpu_quota_us");
    const int64_t period_us = period > 0 ? period : CONTAINER_PERIOD_US;

    kn_strbuf_addstr(out, "  <cputune>\n");
    if (shares > 0) {
        kn_strbuf_addf(out, "    <shares>%" PRId64 "</shares>\n", shares);
    }
    kn_strbuf_addf(out, "    <period>%" PRId64 "</period>\n    <quota>%" PRId64 "</quota>\n  </cputune>\n", period_us,
                   d->vcpus * (quota > 0 && quota < period_us ? quota : period_us));
}

/* Its users are nobody's on the host; without <privnet/> one that has no NIC would be in the host's own network. */
static void container_xml_walls(const struct kn_agent_domain *d, struct kn_strbuf *out)
{
    kn_strbuf_addf(out,
                   "  <idmap>\n    <uid start='0' target='%" PRId64 "' count='%d'/>\n"
                   "    <gid start='0' target='%" PRId64 "' count='%d'/>\n  </idmap>\n",
                   d->first_id, KN_UNPACK_IDS, d->first_id, KN_UNPACK_IDS);
    kn_strbuf_addstr(out, "  <os>\n    <type arch='x86_64'>exe</type>\n    <init>/sbin/init</init>\n  </os>\n"
                          "  <features>\n    <privnet/>\n  </features>\n");
}

void kn_agent_container_nic_xml(const struct kn_agent_domain_nic *nic, struct kn_strbuf *out)
{
    kn_strbuf_addstr(out, "    <interface type='ethernet'>\n      <mac");
    kn_agent_xml_attribute(out, "address", nic->mac);
    kn_strbuf_addstr(out, "/>\n      <target");
    kn_agent_xml_attribute(out, "dev", nic->tap);
    kn_strbuf_addf(out, "/>\n      <guest dev='eth%d'/>\n    </interface>\n", nic->inside);
}

void kn_agent_container_xml(const struct kn_agent_domain *d, struct kn_strbuf *out)
{
    domain_xml_identity(d, out);
    kn_strbuf_addf(out, "  <memory unit='MiB'>%" PRId64 "</memory>\n", d->memory_mib);
    kn_strbuf_addf(out, "  <vcpu placement='static'>%d</vcpu>\n", d->vcpus);
    container_xml_share(d, out);
    container_xml_walls(d, out);
    kn_strbuf_addstr(out, "  <clock offset='utc'/>\n  <on_poweroff>destroy</on_poweroff>\n"
                          "  <on_reboot>restart</on_reboot>\n  <on_crash>destroy</on_crash>\n  <devices>\n"
                          "    <filesystem type='mount'>\n      <source");
    kn_agent_xml_attribute(out, "dir", d->root);
    kn_strbuf_addstr(out, "/>\n      <target dir='/'/>\n    </filesystem>\n");
    for (size_t i = 0; i < d->nic_count; i++) {
        struct kn_agent_domain_nic nic = d->nics[i];

        nic.inside = (int)i;
        kn_agent_container_nic_xml(&nic, out);
    }
    kn_strbuf_addstr(out, "    <console type='pty'/>\n  </devices>\n</domain>\n");
}
