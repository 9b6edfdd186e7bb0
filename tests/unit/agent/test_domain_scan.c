/* SPDX-License-Identifier: Apache-2.0 */
/* Reading libvirt's XML, as libvirt 9 prints it (shortened), and things that are not it. */
#include "tests/support/test.h"

#include <libvirt/libvirt.h>

#include "compute-agent/libvirt/domain_scan.h"
#include "lib/base/cleanup.h"

#define VOLUME "77777777-7c8c-4d5e-9a5b-0123456789ab"

static const char DOMAIN[] =
    "<domain type='qemu' id='3'>\n  <name>kn-x</name>\n  <metadata>\n"
    "    <kilonova:server xmlns:kilonova=\"urn:kilonova:server:1\" id=\"x\" project=\"p\" generation=\"12\" name=\"a &lt;disk&gt;\"/>\n"
    "  </metadata>\n  <devices>\n"
    "    <disk type='file' device='disk'>\n      <driver name='qemu' type='qcow2'/>\n      <source file='/a'/>\n"
    "      <backingStore type='file' index='2'>\n        <format type='qcow2'/>\n        <source file='/b'/>\n      </backingStore>\n"
    "      <target dev='vda' bus='virtio'/>\n    </disk>\n"
    "    <disk type='file' device='disk'>\n      <target dev='vdc' bus='virtio'/>\n"
    "      <serial>" VOLUME "</serial>\n      <alias name='virtio-disk2'/>\n    </disk>\n"
    "    <interface type='ethernet'>\n      <mac address='fa:16:3e:00:00:01'/>\n      <target dev='tap1' managed='no'/>\n"
    "    </interface>\n  </devices>\n</domain>\n";

static void test_disks(void **state)
{
    struct kn_agent_scanned_disk disk;

    (void)state;
    assert_true(kn_agent_scan_disk(DOMAIN, 0, &disk));
    assert_string_equal(disk.device, "vda");
    assert_string_equal(disk.serial, "");
    assert_true(kn_agent_scan_disk_find(DOMAIN, VOLUME, &disk));
    assert_string_equal(disk.device, "vdc");
    assert_false(kn_agent_scan_disk(DOMAIN, 2, &disk));
    assert_int_equal(kn_agent_scan_devices(DOMAIN), 1 << 0 | 1 << 2);
}

static void test_the_rest_of_a_domain(void **state)
{
    char tap[16];

    (void)state;
    assert_true(kn_agent_scan_tap(DOMAIN, 0, tap, sizeof(tap)));
    assert_string_equal(tap, "tap1");
    assert_false(kn_agent_scan_tap(DOMAIN, 1, tap, sizeof(tap)));
    assert_int_equal(kn_agent_scan_generation(DOMAIN), 12);
    assert_int_equal(kn_agent_scan_generation("<server xmlns='urn:kilonova:server:1' generation='4'/>"), 4);
    assert_int_equal(kn_agent_scan_generation("<domain/>"), 0);
}

/* One tap twice: each with its place, the first one first. */
static void test_doubles(void **state)
{
#define NIC_AT(place) \
    "<interface type='ethernet'><mac address='fa:16:3e:00:00:01'/><target dev='tap7'/>" place "</interface>"
#define ON_PCI "<address type='pci' domain='0x0000' bus='0x03' slot='0x00' function='0x0'/>"
    static const char TWICE[] = "<domain><devices><interface><target dev='tap8'/></interface>" NIC_AT(ON_PCI)
        NIC_AT("<address type='drive' bus='1'/>") "</devices></domain>";
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf place = KN_STRBUF_INIT;

    (void)state;
    assert_int_equal(kn_agent_scan_nic_count(TWICE, "tap7"), 2);
    assert_int_equal(kn_agent_scan_nic_count(TWICE, "tap8"), 1);
    assert_int_equal(kn_agent_scan_nic_count(TWICE, "tap"), 0);
    assert_true(kn_agent_scan_nic_place(TWICE, "tap7", &place));
    assert_string_equal(place.buf, ON_PCI);
    kn_strbuf_clear(&place);
    assert_false(kn_agent_scan_nic_place(TWICE, "tap8", &place));
    assert_false(kn_agent_scan_nic_place("<domain>", "tap8", &place));
    assert_int_equal(place.len, 0);
}

/* A place on PCI by what the device is known by; what is elsewhere, or says no whole address, has none. */
static void test_addresses(void **state)
{
    static const char FROZEN[] =
        "<domain type='qemu'><os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os><devices>"
        "<controller type='pci' index='1' model='pcie-root-port'><address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0' multifunction='on'/></controller>"
        "<controller type='sata' index='0'><address type='pci' domain='0x0000' bus='0x00' slot='0x1f' function='0x2'/></controller>"
        "<disk type='file' device='disk'><target dev='vda' bus='virtio'/><address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></disk>"
        "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><address type='drive' controller='0' bus='0' target='0' unit='0'/></disk>"
        "<interface type='ethernet'><mac address='fa:16:3e:00:00:01'/><address type='pci' domain='0x0000' bus='0x02' slot='0x00' function='0x0'/></interface>"
        "<video><address type='pci' bus='0x00' slot='0x01' function='0x0'/></video>"
        "<rng model='virtio'><address type='pci' domain='0x0000' bus='0x03' slot='0x00' function='0x0'/></rng></devices></domain>";
    char machine[32];
    json_auto_t *found = kn_agent_scan_addresses(FROZEN);
    json_auto_t *wanted = json_pack("{s:s, s:s, s:s, s:s}", "controller/1", "0000:00:02.0+", "disk/vda", "0000:01:00.0",
                                    "interface/fa:16:3e:00:00:01", "0000:02:00.0", "rng/0", "0000:03:00.0");

    (void)state;
    assert_true(json_equal(found, wanted));
    assert_true(kn_agent_scan_machine(FROZEN, machine, sizeof(machine)));
    assert_string_equal(machine, "pc-q35-7.2");
    assert_false(kn_agent_scan_machine(DOMAIN, machine, sizeof(machine)));
}

static void test_capabilities(void **state)
{
    char model[32];
    static const char CAPS[] =
        "<capabilities>\n  <host>\n    <cpu>\n      <arch>x86_64</arch>\n      <model>Skylake</model>\n    </cpu>\n  </host>\n"
        "  <guest>\n    <os_type>hvm</os_type>\n    <arch name='i686'>\n      <domain type='qemu'/>\n    </arch>\n  </guest>\n"
        "  <guest>\n    <arch name='x86_64'>\n      <domain type='qemu'/>\n      %s\n    </arch>\n  </guest>\n</capabilities>\n";
    struct kn_strbuf with = KN_STRBUF_INIT;

    (void)state;
    kn_strbuf_addf(&with, CAPS, "<domain type='kvm'/>");
    assert_true(kn_agent_scan_has_kvm(with.buf));
    kn_strbuf_clear(&with);
    kn_strbuf_addf(&with, CAPS, "");
    assert_false(kn_agent_scan_has_kvm(with.buf));
    assert_true(kn_agent_scan_text(with.buf, "cpu", "model", model, sizeof(model)));
    assert_string_equal(model, "Skylake");
    assert_false(kn_agent_scan_text(with.buf, "cpu", "model", model, 4)); /* too long is not cut */
    kn_strbuf_release(&with);
}

/* As whom QEMU runs: what its own access control says, and nobody else's. */
static void test_qemu_user(void **state)
{
    static const char HOST[] =
        "<capabilities><host><secmodel><model>apparmor</model><doi>0</doi><baselabel type='kvm'>+7:+7</baselabel></secmodel>"
        "<secmodel><model>dac</model><doi>0</doi><baselabel type='kvm'>+64055:+994</baselabel><baselabel type='qemu'>+64055:+994</baselabel>"
        "</secmodel></host></capabilities>";

    (void)state;
    assert_int_equal(kn_agent_scan_qemu_user(HOST), 64055);
    assert_int_equal(kn_agent_scan_qemu_user("<capabilities><host/></capabilities>"), 0);
    assert_int_equal(kn_agent_scan_qemu_user(""), 0);
}

/* Only what is spelled out is a processor; half a one is none. */
static void test_processor(void **state)
{
    (void)state;
    json_auto_t *cpu = kn_agent_scan_cpu(
        "<domain><cpu mode='custom'><model>a</model><feature policy='require' name='x'/><feature name='y'/></cpu></domain>");
    json_auto_t *wanted = json_pack("{s:s, s:{s:s}}", "model", "a", "features", "x", "require");

    assert_true(json_equal(cpu, wanted));
    assert_null(kn_agent_scan_cpu("<domain><cpu mode='host-model'><model>a</model></cpu></domain>"));
    assert_null(kn_agent_scan_cpu("<domain><cpu mode='custom'><vendor>Intel</vendor></cpu></domain>"));
    assert_null(kn_agent_scan_cpu("<domain/>"));
    assert_null(kn_agent_scan_host_cpu(
        "<domainCapabilities><cpu><mode name='host-model' supported='no'/></cpu></domainCapabilities>"));
    assert_null(kn_agent_scan_host_cpu("nonsense"));
}

static void test_cpuinfo(void **state)
{
    (void)state;
    assert_true(kn_agent_scan_has_virtualization("processor\t: 0\nflags\t\t: fpu vmx sse\nbugs\t: svm\n"));
    assert_true(kn_agent_scan_has_virtualization("processor\t: 0\nflags\t\t: fpu svm"));
    assert_false(kn_agent_scan_has_virtualization("processor\t: 0\nflags\t\t: fpu vmxish nosvm\nbugs\t: vmx\n"));
    assert_false(kn_agent_scan_has_virtualization(""));
}

static void test_not_xml(void **state)
{
    static const char *const TEXTS[] = { "",
                                         "<",
                                         "<disk",
                                         "<disk ",
                                         "<disk>",
                                         "<disk/>",
                                         "<disk><target dev='vdb",
                                         "</disk><disk>",
                                         "<disk><target dev=/></disk>",
                                         "<disk><target dev='/></disk>" };
    struct kn_agent_scanned_disk disk;
    char tap[16];

    (void)state;
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        for (size_t n = 0; kn_agent_scan_disk(TEXTS[i], n, &disk); n++) {
            assert_string_equal(disk.device, "");
        }
        assert_false(kn_agent_scan_tap(TEXTS[i], 0, tap, sizeof(tap)));
        assert_false(kn_agent_scan_has_kvm(TEXTS[i]));
    }
}

/* What a reader of text would have taken for disks: comments, CDATA, other quotes; and what no document of libvirt's is. */
static void test_what_xml_means(void **state)
{
    static const char *const NOTHING[] = {
        "<!DOCTYPE domain [<!ENTITY e \"<disk><target dev='vdb'/></disk>\">]><domain><devices>&e;<disk><target dev='vdb'/></disk></devices></domain>",
        "<!DOCTYPE domain SYSTEM \"file:///etc/passwd\"><domain><devices><disk><target dev='vdb'/></disk></devices></domain>",
        "<domain><devices><disk><target dev='vdb'/></disk>",
        "<domain><devices><disk><target dev=vdb/></disk></devices></domain>",
        "<domain><devices><!-- <disk><target dev='vdb'/></disk> --><![CDATA[<disk><target dev='vdb'/></disk>]]></devices></domain>",
    };
    struct kn_strbuf deep = KN_STRBUF_INIT, large = KN_STRBUF_INIT;
    struct kn_agent_scanned_disk disk;
    char text[32];

    (void)state;
    for (size_t i = 0; i < sizeof(NOTHING) / sizeof(NOTHING[0]); i++) {
        assert_false(kn_agent_scan_disk(NOTHING[i], 0, &disk));
    }
    assert_true(kn_agent_scan_disk(
        "<domain><devices><disk\n><target\tdev = \"vd&#98;\" /><serial>a<!-- x -->b</serial></disk ></devices></domain>",
        0, &disk));
    assert_string_equal(disk.device, "vdb");
    assert_string_equal(disk.serial, "ab");
    assert_true(kn_agent_scan_text("<c><cpu><model>a &amp; b</model></cpu></c>", "cpu", "model", text, sizeof(text)));
    assert_string_equal(text, "a & b");
    assert_int_equal(kn_agent_scan_generation("<server xmlns='urn:somebody:else' generation='4'/>"), 0);
    kn_strbuf_addstr(&deep, "<domain><devices><disk/></devices>");
    for (int i = 0; i < 1000; i++) {
        kn_strbuf_addstr(&deep, "<a>");
    }
    assert_false(kn_agent_scan_disk(deep.buf, 0, &disk));
    kn_strbuf_addstr(&large, "<domain><devices><disk/>");
    for (int i = 0; i < 1 << 18; i++) {
        kn_strbuf_addstr(&large, "<e a='0123456789012345678901'/>");
    }
    kn_strbuf_addstr(&large, "</devices></domain>");
    assert_false(kn_agent_scan_disk(large.buf, 0, &disk));
    kn_strbuf_release(&deep);
    kn_strbuf_release(&large);
}

/* What another printer, or a newer libvirt, may write: the same document in other letters. */
static void test_any_printing(void **state)
{
    static const char OTHER[] =
        "<?xml version=\"1.0\"?>\n<!-- <disk><target dev='vdz'/></disk> -->\n<domain><description>a &lt;disk&gt; and <![CDATA[<disk>"
        "<target dev='vdy'/></disk>]]></description>\n"
        "<metadata><o:server xmlns:o=\"urn:other\" generation=\"99\"/><k:server xmlns:k=\"urn:kilonova:server:1\"\n\tid='>' generation = \"13\" /></metadata>"
        "<devices><disk device='disk'\n  type='file'><mirror><target dev='vdx'/><serial>not this</serial></mirror>"
        "<target bus=\"virtio\"\n\tdev=\"vdb\"></target><serial><!-- it is -->a &amp; b</serial></disk><disk/>"
        "<interface><source dev='>'/><target\tdev = 'tap&#x39;'/></interface></devices></domain>";
    struct kn_agent_scanned_disk disk;
    char tap[16];

    (void)state;
    assert_true(kn_agent_scan_disk_find(OTHER, "a & b", &disk));
    assert_string_equal(disk.device, "vdb");
    assert_true(kn_agent_scan_disk(OTHER, 1, &disk));
    assert_string_equal(disk.device, "");
    assert_false(kn_agent_scan_disk(OTHER, 2, &disk));
    assert_int_equal(kn_agent_scan_devices(OTHER), 1 << 1);
    assert_true(kn_agent_scan_tap(OTHER, 0, tap, sizeof(tap)));
    assert_string_equal(tap, "tap9");
    assert_false(kn_agent_scan_tap(OTHER, 0, tap, 4)); /* too long is not cut */
    assert_int_equal(kn_agent_scan_generation(OTHER), 13);
    /* Asked for by itself, the element may have a prefix that nobody declares. */
    assert_int_equal(kn_agent_scan_generation("<kilonova:server id='x' generation='5'/>"), 5);
    assert_int_equal(kn_agent_scan_generation("<server id='x' generation='6'/>"), 6);
    assert_int_equal(kn_agent_scan_generation("<server xmlns='urn:other' generation='6'/>"), 0);
    assert_true(
        kn_agent_scan_has_kvm("<capabilities><guest><arch><domain\n type=\"kvm\"/></arch></guest></capabilities>"));
    assert_false(kn_agent_scan_has_kvm(
        "<capabilities><host><domain type='kvm'/></host><guest><!-- <domain type='kvm'/> --></guest></capabilities>"));
}

/* As libvirt itself hands our element out: its test driver stores it as its QEMU driver does. */
static void test_the_element_from_libvirt(void **state)
{
    virConnectPtr conn = virConnectOpen("test:///default");
    virDomainPtr dom = virDomainDefineXML(
        conn, "<domain type='test'><name>k</name><memory>8192</memory><os><type>hvm</type></os><metadata>"
              "<kilonova:server xmlns:kilonova='urn:kilonova:server:1' generation='7'/></metadata></domain>");
    AUTO_FREE char *element = virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, "urn:kilonova:server:1", 0);
    AUTO_FREE char *whole = virDomainGetXMLDesc(dom, 0);

    (void)state;
    assert_non_null(element);
    assert_non_null(whole);
    assert_int_equal(kn_agent_scan_generation(element), 7);
    assert_int_equal(kn_agent_scan_generation(whole), 7);
    virDomainFree(dom);
    virConnectClose(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disks),        cmocka_unit_test(test_the_rest_of_a_domain),
        cmocka_unit_test(test_capabilities), cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_addresses),    cmocka_unit_test(test_qemu_user),
        cmocka_unit_test(test_processor),    cmocka_unit_test(test_cpuinfo),
        cmocka_unit_test(test_not_xml),      cmocka_unit_test(test_what_xml_means),
        cmocka_unit_test(test_any_printing), cmocka_unit_test(test_the_element_from_libvirt)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
