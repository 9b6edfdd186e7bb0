/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libvirt is told, against golden files. After a wanted change: run with GOLDEN=write in the environment, then read the
 * difference as a reviewer would.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute-agent/core/spec.h"
#include "compute-agent/libvirt/domain_scan.h"
#include "compute-agent/libvirt/domain_xml.h"
#include "compute-agent/libvirt/frozen.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"

#define SERVER "5d1c5e1c-7c8c-4d5e-9a5b-0123456789ab"
#define VOLUME "77777777-7c8c-4d5e-9a5b-0123456789ab"

static void same_as_golden(const char *name, const char *text)
{
    AUTO_FREE char *path = kn_asprintf("tests/unit/agent/golden/%s.xml", name);
    const char *mode = getenv("GOLDEN");
    FILE *f = fopen(path, mode != NULL && strcmp(mode, "write") == 0 ? "w+" : "r");
    AUTO_FREE char *want = kn_alloc(1 << 16);

    if (f == NULL) {
        fail_msg("%s is missing", path);
    }
    if (mode != NULL) {
        fputs(text, f);
        rewind(f);
    }
    want[fread(want, 1, (1 << 16) - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(text, want);
}

static json_t *spec_of(const char *text)
{
    json_error_t why;
    json_t *spec = json_loads(text, 0, &why);
    struct kn_error err = { 0 };

    if (spec == NULL) {
        fail_msg("%s at %d", why.text, why.position);
    }
    assert_ok(kn_form_check(&kn_form_spec, spec, "spec", &err), &err);
    return spec;
}

static void render(const char *golden, const char *spec_text, const char *type, struct kn_strbuf *out)
{
    struct kn_agent_spec_domain d;
    json_t *spec = spec_of(spec_text);

    kn_agent_spec_domain(spec, SERVER, 7, "/var/lib/kilonova/agent/servers/" SERVER "/disk.qcow2", "/rescue", &d);
    d.domain.type = type;
    d.domain.serial_socket = "/run/libvirt/kn-" SERVER ".serial";
    d.domain.console_log = "/var/lib/kilonova/agent/servers/" SERVER "/console.log";
    kn_agent_domain_xml(&d.domain, out);
    same_as_golden(golden, out->buf);
    json_decref(spec);
}

#define NIC \
    "{\"port\":\"" VOLUME "\",\"network\":\"" VOLUME \
    "\",\"mac\":\"fa:16:3e:00:00:01\",\"tap\":\"tap77777777-7c\",\"mtu\":1450," \
    "\"network_name\":\"net\",\"vni\":7,\"ips\":[]}"
#define IMAGE \
    "\"image\":{\"id\":\"" VOLUME "\",\"url\":\"http://i\",\"sha512\":\"00\",\"size\":1," \
    "\"disk_format\":\"qcow2\",\"virtual_size\":36700160}"
#define VOL \
    "{\"volume\":\"" VOLUME \
    "\",\"device\":\"%s\",\"connection\":{\"driver\":\"file\",\"path\":\"/srv/volumes/a\",\"format\":\"raw\"}}"

static void test_image_and_nic(void **state)
{
    struct kn_strbuf xml = KN_STRBUF_INIT;

    (void)state;
    render(
        "image",
        "{\"name\":\"web\",\"hostname\":\"web\",\"project\":\"p1\",\"vcpus\":1,\"memory_mib\":128,\"disk_gib\":0," IMAGE
        ",\"nics\":[" NIC "]}",
        "qemu", &xml);
    assert_int_equal(kn_agent_scan_generation(xml.buf), 7); /* what is written is what is read back */
    kn_strbuf_release(&xml);
}

/* A volume that another machine serves: a daemon of the host hands it on. */
static void test_remote_volume(void **state)
{
    json_auto_t *connection = json_pack("{s:s, s:s, s:s, s:b}", "driver", "nbd", "export", "volume-" VOLUME, "format",
                                        "raw", "readonly", 1);
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf xml = KN_STRBUF_INIT;
    char socket[KN_REMOTE_SOCKET_SIZE];
    const struct kn_agent_domain_disk disk = kn_agent_spec_disk(SERVER, VOLUME, "/dev/vdc", connection, socket);

    (void)state;
    kn_agent_domain_disk_xml(&disk, &xml);
    same_as_golden("remote-volume", xml.buf);
}

/* A container: its users are nobody, its network is its own with and without NICs. */
static void test_container(void **state)
{
    json_t *spec = spec_of(
        "{\"name\":\"web\",\"hostname\":\"web\",\"project\":\"p1\",\"vcpus\":2,\"memory_mib\":128,\"disk_gib\":1," IMAGE
        ",\"nics\":[" NIC "],\"machine\":{\"kind\":\"container\",\"cpu_shares\":512,\"cpu_quota_us\":25000}}");
    struct kn_strbuf xml = KN_STRBUF_INIT;
    struct kn_agent_spec_domain d;

    (void)state;
    kn_agent_spec_domain(spec, SERVER, 7, "/state/root", NULL, &d);
    d.domain.type = "lxc";
    d.domain.root = "/state/<root>";
    d.domain.first_id = 100065536;
    kn_agent_container_xml(&d.domain, &xml);
    same_as_golden("container", xml.buf);
    assert_int_equal(kn_agent_scan_generation(xml.buf), 7);
    kn_strbuf_release(&xml);
    json_decref(spec);
}

/* What it was at its first boot it stays: machine and places, also when a volume and a NIC came in between and the definition is made anew. */
static void test_frozen(void **state)
{
    static const char TEXT[] =
        "{\"name\":\"web\",\"hostname\":\"web\",\"project\":\"p1\",\"vcpus\":1,\"memory_mib\":128,\"disk_gib\":0," IMAGE
        ",\"nics\":[" NIC "],\"volumes\":[{\"volume\":\"" VOLUME
        "\",\"device\":\"/dev/vdb\",\"connection\":{\"driver\":\"file\",\"path\":\"/srv/volumes/a\",\"format\":\"raw\"}}]}";
    json_auto_t *frozen = json_loads(
        "{\"machine\":\"pc-q35-6.2\",\"addresses\":{\"controller/1\":\"0000:00:02.0+\",\"controller/34\":\"0000:00:06.1\","
        "\"disk/vda\":\"0000:01:00.0\",\"interface/fa:16:3e:00:00:01\":\"0000:02:00.0\",\"rng/0\":\"0000:04:00.0\","
        "\"memballoon/0\":\"0000:03:00.0\",\"video/0\":\"0000:00:01.0\",\"controller/999999\":\"0000:00:06.2\",\"disk/vdz\":\"nonsense\"},"
        "\"cpu\":{\"model\":\"qemu64\"}}",
        0, NULL);
    json_t *spec = spec_of(TEXT);
    struct kn_strbuf xml = KN_STRBUF_INIT;
    struct kn_agent_spec_domain d;

    (void)state;
    kn_agent_spec_domain(spec, SERVER, 7, "/disk", NULL, &d);
    kn_agent_frozen_apply(frozen, &d);
    d.domain.type = "qemu";
    d.domain.serial_socket = "/serial";
    d.domain.console_log = "/log";
    kn_agent_domain_xml(&d.domain, &xml);
    same_as_golden("frozen", xml.buf);
    json_auto_t *again = kn_agent_frozen_load("/nowhere", SERVER, xml.buf); /* what is written is what is read back */

    json_object_del(json_object_get(frozen, "addresses"), "controller/999999");
    json_object_del(json_object_get(frozen, "addresses"), "disk/vdz");
    assert_true(json_equal(again, frozen));
    kn_strbuf_release(&xml);
    json_decref(spec);
}

#define HOST_MODEL(version, last) \
    "<domainCapabilities><cpu><mode name='host-passthrough' supported='yes'/><mode name='host-model' supported='yes'>" \
    "<model fallback='forbid'>Skylake-Client-" version "</model><vendor>Intel</vendor>" \
    "<feature policy='require' name='ss'/><feature policy='require' name='vmx'/><feature policy='disable' name='" last \
    "'/></mode>" \
    "<mode name='custom' supported='yes'><model usable='yes' vendor='unknown'>qemu64</model></mode></cpu></domainCapabilities>"

/*
 * KVM: what the host's processor was when the guest was made stands in its definition, each feature by itself, and a host whose libvirt means another thing by
 * host-model by then changes nothing.
 */
static void test_frozen_processor(void **state)
{
    json_auto_t *then = kn_agent_scan_host_cpu(HOST_MODEL("IBRS", "mpx")),
                *now = kn_agent_scan_host_cpu(HOST_MODEL("v4", "avx"));
    json_t *spec = spec_of(
        "{\"name\":\"a\",\"hostname\":\"a\",\"project\":\"p\",\"vcpus\":8,\"memory_mib\":64,\"disk_gib\":0," IMAGE
        ",\"nics\":[],\"machine\":{\"sockets\":1,\"cores\":4,\"threads\":2,\"pmu\":false,\"hide_hypervisor\":true,"
        "\"hpet\":false,\"windows\":true,\"pointer\":true}}");
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf first = KN_STRBUF_INIT, second = KN_STRBUF_INIT;
    struct kn_agent_spec_domain d;

    (void)state;
    assert_string_equal(kn_json_str(then, "model"), "Skylake-Client-IBRS");
    assert_string_equal(kn_json_str(json_object_get(then, "features"), "mpx"), "disable");
    assert_false(json_equal(then, now));
    kn_agent_spec_domain(spec, SERVER, 7, "/disk", NULL, &d);
    d.domain.type = "kvm";
    d.domain.serial_socket = d.domain.console_log = "/x";
    d.domain.cpu = then;
    kn_agent_domain_xml(&d.domain, &first);
    same_as_golden("processor-kvm", first.buf);
    json_auto_t *frozen = kn_agent_frozen_load("/nowhere", SERVER, first.buf);

    assert_true(json_equal(json_object_get(frozen, "cpu"), then));
    kn_agent_frozen_apply(frozen, &d);
    kn_agent_domain_xml(&d.domain, &second);
    assert_string_equal(strstr(second.buf, "<cpu "), strstr(first.buf, "<cpu "));
    json_decref(spec);
}

/* A server with so many NICs. */
static json_t *spec_with_nics(int count)
{
    json_t *spec = json_loads(
        "{\"name\":\"a\",\"hostname\":\"a\",\"project\":\"p\",\"vcpus\":1,\"memory_mib\":1,\"disk_gib\":0," IMAGE
        ",\"nics\":[]}",
        0, NULL);

    for (int i = 0; i < count; i++) {
        json_array_append_new(json_object_get(spec, "nics"), json_loads(NIC, 0, NULL));
    }
    return spec;
}

static int occurrences(const char *text, const char *what)
{
    int count = 0;

    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) {
        count++;
    }
    return count;
}

/* As many as the API takes: none is left out, each has a port of the bus, and those for volumes are still free. */
static void test_many_nics(void **state)
{
    struct kn_strbuf xml = KN_STRBUF_INIT;
    struct kn_error err = { 0 };
    struct kn_agent_spec_domain d;
    json_t *spec = spec_with_nics(KN_MAX_NICS), *more = spec_with_nics(KN_MAX_NICS + 1);

    (void)state;
    assert_int_equal(kn_form_check(&kn_form_spec, spec, "spec", &err), 0);
    kn_agent_spec_domain(spec, SERVER, 7, "/disk", "/rescue", &d);
    d.domain.type = "qemu";
    d.domain.serial_socket = "/serial";
    d.domain.console_log = "/log";
    kn_agent_domain_xml(&d.domain, &xml);
    assert_int_equal(occurrences(xml.buf, "<interface "), KN_MAX_NICS);
    assert_int_equal(occurrences(xml.buf, "pcie-root-port"), KN_MAX_DISKS + KN_MAX_NICS + 2);
    assert_fails(kn_form_check(&kn_form_spec, more, "spec", &err), &err, KN_BAD_REQUEST);
    kn_strbuf_release(&xml);
    json_decref(spec);
    json_decref(more);
}

/* A disk beside the others, and one root port more. */
static void test_config_drive(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf with = KN_STRBUF_INIT, without = KN_STRBUF_INIT;
    struct kn_agent_spec_domain d;
    json_t *spec = spec_of(
        "{\"name\":\"db\",\"hostname\":\"db\",\"project\":\"p1\",\"vcpus\":1,\"memory_mib\":128,\"disk_gib\":1,\"nics\":[],\"volumes\":[],"
        "\"config_drive\":true}");

    (void)state;
    kn_agent_spec_domain(spec, SERVER, 7, "/disk", "/rescue", &d);
    d.domain.type = "kvm";
    d.domain.serial_socket = d.domain.console_log = "/x";
    kn_agent_domain_xml(&d.domain, &without);
    d.domain.config_drive = "/var/lib/a & b/disk.config";
    kn_agent_domain_xml(&d.domain, &with);
    assert_non_null(strstr(
        with.buf, "    <disk type='file' device='disk'>\n      <driver name='qemu' type='raw'/>\n"
                  "      <source file='/var/lib/a &amp; b/disk.config'/>\n      <target dev='vdaa' bus='virtio'/>\n"
                  "      <readonly/>\n    </disk>\n"));
    assert_null(strstr(without.buf, "vdaa"));
    assert_int_equal(kn_agent_scan_devices(with.buf), kn_agent_scan_devices(without.buf)); /* in no volume's way */
    json_decref(spec);
}

static void test_kvm_two_volumes(void **state)
{
    AUTO_FREE char *vols = kn_asprintf("[" VOL "]", "/dev/vda");
    AUTO_FREE char *text =
        kn_asprintf("{\"name\":\"db\",\"hostname\":\"db\",\"project\":\"p1\",\"vcpus\":4,\"memory_mib\":"
                    "8192,\"disk_gib\":20,\"nics\":[],\"volumes\":%s}",
                    vols);
    struct kn_strbuf xml = KN_STRBUF_INIT;
    struct kn_agent_scanned_disk disk;

    (void)state;
    render("volume-kvm", text, "kvm", &xml);
    assert_true(kn_agent_scan_disk_find(xml.buf, VOLUME, &disk));
    assert_string_equal(disk.device, "vda");
    kn_strbuf_release(&xml);
}

static void test_hostile_names(void **state)
{
    struct kn_strbuf xml = KN_STRBUF_INIT;

    (void)state;
    render("hostile",
           "{\"name\":\"</name><x a='\\\"&\\u0001\",\"hostname\":\"h\",\"project\":\"p'><\",\"vcpus\":1,"
           "\"memory_mib\":64,\"disk_gib\":1,\"nics\":[]}",
           "qemu", &xml);
    assert_null(strstr(xml.buf, "<x"));
    kn_strbuf_release(&xml);
}

static void test_bad_specs(void **state)
{
    static const char *const BAD[] = {
        "{}",
        "{\"name\":\"a\",\"hostname\":\"a\",\"project\":\"p\",\"vcpus\":0,\"memory_mib\":1,\"disk_gib\":0,\"nics\":[]}",
        "{\"name\":\"a\",\"hostname\":\"\",\"project\":\"p\",\"vcpus\":1,\"memory_mib\":1,\"disk_gib\":0,\"nics\":[]}",
        "{\"name\":\"a\",\"hostname\":\"a\",\"project\":\"p\",\"vcpus\":1,\"memory_mib\":1,\"disk_gib\":0,\"nics\":[3]}",
        "{\"name\":\"a\",\"hostname\":\"a\",\"project\":\"p\",\"vcpus\":1,\"memory_mib\":1,\"disk_gib\":0,\"nics\":{}}",
        "{\"name\":\"a\",\"hostname\":\"a\",\"project\":\"p\",\"vcpus\":1,\"memory_mib\":1,\"disk_gib\":0,\"nics\":[],"
        "\"image\":{\"id\":\"x\"}}",
    };
    struct kn_error err = { 0 };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        json_t *spec = json_loads(BAD[i], 0, NULL);
        assert_non_null(spec);
        assert_fails(kn_form_check(&kn_form_spec, spec, "spec", &err), &err, KN_BAD_REQUEST);
        json_decref(spec);
    }
}

#define SMALL \
    "{\"name\":\"a\",\"hostname\":\"a\",\"project\":\"p\",\"vcpus\":1,\"memory_mib\":64,\"disk_gib\":0,\"nics\":[]," IMAGE \
    ",\"disks\":["
#define EPHEMERAL(device, bus) "{\"device\":\"" device "\",\"bus\":\"" bus "\",\"size_mib\":1024,\"format\":\"ext4\"}"

/* On every bus that q35 has; the root disk on another one than virtio, and tried first. */
static void test_local_disks(void **state)
{
    struct kn_strbuf xml = KN_STRBUF_INIT;

    (void)state;
    render(
        "local-disks",
        SMALL
        "{\"device\":\"/dev/sda\",\"bus\":\"sata\",\"boot\":1,\"tag\":\"root\"}," EPHEMERAL("/dev/vda", "virtio") "," EPHEMERAL(
            "/dev/sdb",
            "scsi") "," EPHEMERAL("/dev/sdc",
                                  "usb") "],\"volumes\":[{\"volume\":\"" VOLUME
                                         "\",\"device\":\"/dev/vdb\",\"connection\":{\"driver\":\"file\",\"path\":\"/srv/volumes/a\",\"format\":\"raw\"}}]}",
        "qemu", &xml);
    assert_int_equal(kn_agent_scan_devices(xml.buf), 3);
    kn_strbuf_release(&xml);
}

#define MACHINE(words) "],\"machine\":{" words "}}"

/* Everything that can be asked of q35 but UEFI, and of the older machine. */
static void test_machines(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf q35 = KN_STRBUF_INIT, pc = KN_STRBUF_INIT;

    (void)state;
    render("machine-q35",
           SMALL "{\"device\":\"/dev/sda\",\"bus\":\"sata\",\"cdrom\":true}," EPHEMERAL("/dev/sdb", "scsi") MACHINE(
               "\"video\":\"virtio\",\"watchdog\":\"reset\",\"guest_agent\":true,\"boot_menu\":true,\"rng_bytes\":100,"
               "\"cpu_shares\":512,\"cpu_period_us\":20000,\"cpu_quota_us\":10000,\"total_bytes_sec\":1048576,"
               "\"read_iops_sec\":100,\"write_iops_sec\":200,\"vif\":\"e1000e\""),
           "qemu", &q35);
    render(
        "machine-pc",
        SMALL "{\"device\":\"/dev/hda\",\"bus\":\"ide\"}," EPHEMERAL("/dev/sda", "scsi") MACHINE(
            "\"type\":\"pc\",\"video\":\"cirrus\",\"video_mib\":16,\"watchdog\":\"pause\",\"no_rng\":true,\"scsi\":\"lsilogic\","
            "\"vif\":\"rtl8139\""),
        "qemu", &pc);
    assert_int_equal(occurrences(pc.buf, "pcie"), 0);
}

/* Where hands are, and how the processors look; each device that stands on PCI has a port. */
static void test_inputs(void **state)
{
    static const struct {
        const char *machine, *inputs;
        int ports;
    } CASES[] = {
        { "\"input\":\"virtio\"",
          "    <input type='tablet' bus='virtio'/>\n    <input type='keyboard' bus='virtio'/>\n", 2 },
        { "\"input\":\"usb\"", "    <input type='tablet' bus='usb'/>\n    <input type='keyboard' bus='usb'/>\n", 1 },
        { "\"pointer\":true", "    <input type='tablet' bus='usb'/>\n    <serial ", 1 },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        AUTO_FREE char *text = kn_asprintf(SMALL "],\"machine\":{%s}}", CASES[i].machine);
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf xml = KN_STRBUF_INIT;
        struct kn_agent_spec_domain d;
        json_auto_t *spec = spec_of(text);

        kn_agent_spec_domain(spec, SERVER, 7, "/disk", "/rescue", &d);
        d.domain.type = "qemu";
        d.domain.serial_socket = d.domain.console_log = "/x";
        kn_agent_domain_xml(&d.domain, &xml);
        assert_non_null(strstr(xml.buf, CASES[i].inputs));
        assert_int_equal(occurrences(xml.buf, "pcie-root-port"), KN_MAX_DISKS + KN_MAX_NICS + 2 + CASES[i].ports);
        assert_int_equal(occurrences(xml.buf, "qemu-xhci"), strstr(CASES[i].inputs, "usb") != NULL);
    }
}

/* The firmware is the host's, its variables are the guest's. */
static void test_uefi(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf xml = KN_STRBUF_INIT;
    json_auto_t *spec = spec_of(SMALL MACHINE("\"firmware\":\"uefi\""));
    struct kn_agent_spec_domain d;

    (void)state;
    kn_agent_spec_domain(spec, SERVER, 7, "/disk", "/rescue", &d);
    d.domain.type = "qemu";
    d.domain.serial_socket = d.domain.console_log = "/x";
    d.domain.loader = "/ovmf";
    d.domain.variables = "/vars";
    d.domain.nvram = "/a & b/nvram.fd";
    kn_agent_domain_xml(&d.domain, &xml);
    assert_non_null(strstr(xml.buf, "    <loader readonly='yes' type='pflash'>/ovmf</loader>\n"
                                    "    <nvram template='/vars'>/a &amp; b/nvram.fd</nvram>\n"
                                    "    <boot dev='hd'/>\n"));
}

/* Rescued in front of the others, on the root disk's bus; behind, all others are there and none of them is booted. */
static void test_local_disks_rescued(void **state)
{
    static const char RESCUE[] = "],\"rescue\":{" IMAGE "%s}}";
    static const char *const WHERE[] = { "", ",\"bus\":\"sata\"", ",\"bus\":\"scsi\"", ",\"bus\":\"usb\"" };
    static const char *const BUSES[] = { "sata", "sata", "scsi", "usb" };
    static const char *const DEVICES[][3] = {
        { "sda", "sdb", NULL }, { "sda", "vda", "sdb" }, { "sda", "vda", "sdb" }, { "sda", "vda", "sdb" }
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(WHERE); i++) {
        AUTO_FREE char *rescue = kn_asprintf(RESCUE, WHERE[i]);
        AUTO_FREE char *text =
            kn_asprintf("%s%s",
                        SMALL "{\"device\":\"/dev/sda\",\"bus\":\"sata\",\"boot\":1}," EPHEMERAL("/dev/vda", "virtio"),
                        rescue);
        struct kn_agent_spec_domain d;
        json_t *spec = spec_of(text);

        kn_agent_spec_domain(spec, SERVER, 7, "/here/disk.qcow2", "/here/rescue.qcow2", &d);
        assert_int_equal(d.domain.disk_count, DEVICES[i][2] == NULL ? 2 : 3);
        for (size_t j = 0; j < d.domain.disk_count; j++) {
            assert_string_equal(d.disks[j].device, DEVICES[i][j]);
        }
        assert_int_equal(d.disks[0].boot, 0);
        assert_int_equal(d.disks[d.domain.disk_count - 1].boot, i > 0);
        assert_string_equal(d.disks[d.domain.disk_count - 1].bus, BUSES[i]);
        json_decref(spec);
    }
}

static void test_bad_local_disks(void **state)
{
    static const char *const BAD[] = {
        EPHEMERAL("/dev/vda", "virtio"), /* the image's */
        EPHEMERAL("/dev/vdb", "virtio") "," EPHEMERAL("/dev/vdb", "virtio"),
        EPHEMERAL("/dev/sdb", "sata") "," EPHEMERAL("/dev/sdb", "usb"),
        EPHEMERAL("/dev/sdb", "virtio"),
        EPHEMERAL("/dev/vdb", "fdc"),
        EPHEMERAL("/dev/../", "virtio"),
        "{\"device\":\"/dev/vda\",\"bus\":\"virtio\"},{\"device\":\"/dev/vdb\",\"bus\":\"virtio\"}",
        "{\"device\":\"/dev/vdb\",\"bus\":\"virtio\",\"size_mib\":0}",
        "{\"device\":\"/dev/vdb\",\"bus\":\"virtio\",\"size_mib\":1,\"format\":\"zfs\"}",
    };
    struct kn_error err = { 0 };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        AUTO_FREE char *text = kn_asprintf("%s%s]}", SMALL, BAD[i]);
        json_auto_t *spec = json_loads(text, 0, NULL);

        assert_non_null(spec);
        assert_fails(kn_form_check(&kn_form_spec, spec, "spec", &err), &err, KN_BAD_REQUEST);
    }
}

static void test_two_disks_one_name(void **state)
{
    AUTO_FREE char *vol = kn_asprintf(VOL, "/dev/vda");
    AUTO_FREE char *text =
        kn_asprintf("{\"name\":\"a\",\"hostname\":\"a\",\"project\":\"p\",\"vcpus\":1,\"memory_mib\":1,"
                    "\"disk_gib\":0,\"nics\":[]," IMAGE ",\"volumes\":[%s]}",
                    vol);
    json_t *spec = json_loads(text, 0, NULL);
    struct kn_error err = { 0 };

    (void)state;
    assert_non_null(spec);
    assert_fails(kn_form_check(&kn_form_spec, spec, "spec", &err), &err, KN_BAD_REQUEST);
    json_decref(spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_and_nic),
        cmocka_unit_test(test_remote_volume),
        cmocka_unit_test(test_container),
        cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_frozen_processor),
        cmocka_unit_test(test_inputs),
        cmocka_unit_test(test_config_drive),
        cmocka_unit_test(test_many_nics),
        cmocka_unit_test(test_kvm_two_volumes),
        cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_bad_specs),
        cmocka_unit_test(test_two_disks_one_name),
        cmocka_unit_test(test_local_disks),
        cmocka_unit_test(test_machines),
        cmocka_unit_test(test_uefi),
        cmocka_unit_test(test_local_disks_rescued),
        cmocka_unit_test(test_bad_local_disks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
