/* SPDX-License-Identifier: Apache-2.0 */
/* From an image's properties and a flavor's extra specs to a guest's machine: what becomes of what, and what is refused in which words. */
#include <stdlib.h>
#include <string.h>

#include "compute/rows/machine.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "tests/support/test.h"

static int plan(const char *properties, const char *specs, int64_t vcpus, struct kn_compute_machine *ret,
                struct kn_error *err)
{
    json_auto_t *image = json_loads(properties, 0, NULL), *flavor = json_loads(specs, 0, NULL);
    const struct kn_compute_machine_asked asked = { image, flavor, vcpus, false };

    assert_non_null(image);
    assert_non_null(flavor);
    return kn_compute_machine_plan(&asked, ret, err);
}

static const struct {
    const char *properties, *specs, *machine; /* NULL: as any other */
    const char *disk_bus, *cdrom_bus;
} GOOD[] = {
    { "{}", "{}", NULL, "virtio", "sata" },
    { "{\"hw_disk_bus\": \"virtio\", \"hw_vif_model\": \"virtio\", \"hw_machine_type\": \"q35\", \"hw_firmware_type\": \"bios\", "
      "\"hw_rng_model\": \"virtio\", \"hw_video_model\": \"vga\", \"hw_watchdog_action\": \"disabled\", \"os_distro\": \"debian\", "
      "\"hw_qemu_guest_agent\": \"no\", \"os_secure_boot\": \"optional\", \"hw_scsi_model\": \"virtio-scsi\"}",
      "{\"hw:x\": \"y\", \"hw:cpu_policy\": \"shared\", \"hw:mem_page_size\": \"any\", \"quota:cpu_shares\": \"0\", "
      "\"trait:CUSTOM_GOLD\": \"forbidden\", \"aggregate_instance_extra_specs:ssd\": \"true\", \"hw_rng:allowed\": \"True\"}",
      NULL, "virtio", "sata" },
    { "{\"hw_disk_bus\": \"scsi\", \"hw_firmware_type\": \"uefi\", \"hw_vif_model\": \"e1000e\", \"hw_video_model\": \"cirrus\", "
      "\"hw_video_ram\": \"16\", \"hw_qemu_guest_agent\": \"yes\", \"os_shutdown_timeout\": \"5\", \"hw_watchdog_action\": \"pause\"}",
      "{\"hw:watchdog_action\": \"reset\", \"hw_video:ram_max_mb\": \"16\", \"hw:boot_menu\": \"1\", \"hw_rng:rate_bytes\": \"100\", "
      "\"hw_rng:rate_period\": \"50\"}",
      "{\"firmware\": \"uefi\", \"vif\": \"e1000e\", \"video\": \"cirrus\", \"video_mib\": 16, \"guest_agent\": true, \"shutdown_s\": 5, "
      "\"watchdog\": \"reset\", \"boot_menu\": true, \"rng_bytes\": 100, \"rng_period_ms\": 50}",
      "scsi", "sata" },
    { "{\"hw_machine_type\": \"pc\", \"hw_vif_model\": \"rtl8139\", \"hw_disk_bus\": \"ide\", \"hw_scsi_model\": \"lsilogic\"}",
      "{\"hw_rng:allowed\": \"false\"}",
      "{\"type\": \"pc\", \"vif\": \"rtl8139\", \"scsi\": \"lsilogic\", \"no_rng\": true}", "ide", "ide" },
    { "{\"hw_machine_type\": \"pc-q35-7.1\", \"hw_cdrom_bus\": \"usb\"}", "{}", "{\"type\": \"pc-q35-7.1\"}", "virtio",
      "usb" },
    { "{\"img_hv_type\": \"lxc\", \"hw_vm_mode\": \"exe\"}", "{}", "{\"kind\": \"container\"}", "virtio", "sata" },
    { "{\"hypervisor_type\": \"kvm\"}", "{}", "{\"kind\": \"machine\"}", "virtio", "sata" },
    { "{\"vm_mode\": \"hvm\"}", "{}", "{\"kind\": \"machine\"}", "virtio", "sata" },
    { "{\"hw_cpu_max_sockets\": \"1\", \"hw_pmu\": \"no\", \"hw_time_hpet\": \"true\", \"os_type\": \"Windows\", \"hw_pointer_model\": \"usbtablet\", "
      "\"img_hide_hypervisor_id\": \"yes\"}",
      "{\"hw:pmu\": \"false\"}",
      "{\"sockets\": 1, \"cores\": 2, \"threads\": 1, \"pmu\": false, \"hpet\": true, \"windows\": true, \"pointer\": true, "
      "\"hide_hypervisor\": true}",
      "virtio", "sata" },
    { "{\"hw_input_bus\": \"virtio\", \"hw_pointer_model\": \"usbtablet\", \"os_type\": \"linux\", \"hw_usb_model\": \"none\"}",
      "{\"hw:hide_hypervisor_id\": \"1\", \"hw:pmu\": \"1\"}",
      "{\"input\": \"virtio\", \"hide_hypervisor\": true, \"pmu\": true}", "virtio", "sata" },
    { "{}",
      "{\"quota:vif_inbound_average\": \"1000\", \"quota:vif_inbound_burst\": \"512\", "
      "\"quota:vif_outbound_average\": \"2000000\", \"quota:vif_outbound_peak\": \"0\"}",
      "{\"nic_in_average\": 1000, \"nic_in_burst\": 512, \"nic_out_average\": 2000000}", "virtio", "sata" },
    { "{}",
      "{\"quota:cpu_shares\": \"512\", \"quota:cpu_period\": \"20000\", \"quota:cpu_quota\": \"10000\", "
      "\"quota:disk_read_bytes_sec\": \"1048576\", \"quota:disk_total_iops_sec\": \"500\"}",
      "{\"cpu_shares\": 512, \"cpu_period_us\": 20000, \"cpu_quota_us\": 10000, \"read_bytes_sec\": 1048576, \"total_iops_sec\": 500}",
      "virtio", "sata" },
};

static void what_becomes_of_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(GOOD); i++) {
        struct kn_compute_machine machine;
        struct kn_error err = { 0 };

        assert_ok(plan(GOOD[i].properties, GOOD[i].specs, 2, &machine, &err), &err);
        json_auto_t *made = json_loads(machine.text != NULL ? machine.text : "null", JSON_DECODE_ANY, NULL),
                    *wanted = json_loads(GOOD[i].machine != NULL ? GOOD[i].machine : "null", JSON_DECODE_ANY, NULL);
        if (!json_equal(made, wanted)) {
            fail_msg("%s, %s: %s", GOOD[i].properties, GOOD[i].specs, machine.text);
        }
        if (machine.text != NULL) {
            assert_ok(kn_form_check(&kn_form_machine, made, "machine", &err), &err);
        }
        assert_string_equal(machine.disk_bus, GOOD[i].disk_bus);
        assert_string_equal(machine.cdrom_bus, GOOD[i].cdrom_bus);
        free(machine.text);
    }
}

#define IMAGE "Invalid image metadata. Error: "
#define FLAVOR "Flavor's extra spec "

static const struct {
    const char *properties, *specs, *words;
} BAD[] = {
    { "{\"hw_video_model\": \"crt\"}", "{}", IMAGE "Field value crt is invalid" },
    { "{\"hw_video_model\": \"xen\"}", "{}", IMAGE "hw_video_model=xen is not supported: no host has it" },
    { "{\"hw_vif_model\": \"e1000\"}", "{}", IMAGE "hw_vif_model=e1000 is not supported: the machine q35" },
    { "{\"hw_vif_model\": \"tulip\"}", "{}", IMAGE "Field value tulip is invalid" },
    { "{\"hw_disk_bus\": \"floppy\"}", "{}", IMAGE "Field value floppy is invalid" },
    { "{\"hw_disk_bus\": \"fdc\"}", "{}", IMAGE "hw_disk_bus=fdc is not supported" },
    { "{\"hw_disk_bus\": \"ide\"}", "{}", IMAGE "hw_disk_bus=ide is not supported: the machine q35 has sata" },
    { "{\"hw_disk_bus\": \"sata\", \"hw_machine_type\": \"pc\"}", "{}",
      IMAGE "hw_disk_bus=sata is not supported: the machine pc" },
    { "{\"hw_cdrom_bus\": \"virtio\"}", "{}", IMAGE "hw_cdrom_bus=virtio is not supported" },
    { "{\"img_hv_type\": \"xen\"}", "{}", IMAGE "img_hv_type=xen is not supported" },
    { "{\"img_hv_type\": \"lxc\", \"hw_vm_mode\": \"hvm\"}", "{}", IMAGE "hw_vm_mode=hvm is not supported: another" },
    { "{\"hw_machine_type\": \"virt\"}", "{}", IMAGE "hw_machine_type=virt is not supported" },
    { "{\"hw_machine_type\": \"pc-q35-7.2' x='\"}", "{}", IMAGE "Field value" },
    { "{\"hw_firmware_type\": \"efi\"}", "{}", IMAGE "Field value efi is invalid" },
    { "{\"hw_rng_model\": \"dice\"}", "{}", IMAGE "Field value dice is invalid" },
    { "{\"hw_watchdog_action\": \"bark\"}", "{}", IMAGE "Field value bark is invalid" },
    { "{\"hw_scsi_model\": \"lsilogic\"}", "{}", IMAGE "hw_scsi_model=lsilogic is not supported: the machine q35" },
    { "{\"hw_vif_multiqueue_enabled\": \"true\"}", "{}", IMAGE "hw_vif_multiqueue_enabled=true is not supported" },
    { "{\"os_shutdown_timeout\": \"soon\"}", "{}", IMAGE "os_shutdown_timeout=soon" },
    { "{\"os_shutdown_timeout\": \"3601\"}", "{}", IMAGE "os_shutdown_timeout=3601" },
    { "{\"hw_video_ram\": \"16\"}", "{}",
      "The requested amount of video memory 16 is higher than the maximum allowed by flavor 0." },
    { "{\"hw_video_ram\": \"257\"}", "{\"hw_video:ram_max_mb\": \"999\"}", IMAGE "hw_video_ram=257" },
    { "{\"os_secure_boot\": \"required\"}", "{}",
      IMAGE "os_secure_boot=required is not supported: hosts have no secure boot" },
    { "{\"hw_cpu_cores\": \"two\"}", "{}", IMAGE "invalid literal for int() with base 10: 'two'" },
    { "{\"hw_cpu_max_cores\": \"3\"}", "{\"hw:cpu_max_cores\": \"2\"}",
      "Image vCPU topology limits (sockets=0, cores=3, threads=0)" },
    { "{\"hw_pmu\": \"1\"}", "{\"hw:pmu\": \"0\"}", "Flavor has hw:pmu extra spec explicitly set to 0, conflicting" },
    { "{\"hw_input_bus\": \"ps2\"}", "{}", IMAGE "Field value ps2 is invalid" },
    { "{\"hw_cpu_policy\": \"pinned\"}", "{}", IMAGE "Field value pinned is invalid" },
    { "{\"hw_serial_port_count\": \"2\"}", "{}",
      IMAGE "hw_serial_port_count=2 is not supported: guests have one serial line" },
    { "{\"trait:HW_CPU_X86_AVX\": \"required\"}", "{}",
      IMAGE "trait:HW_CPU_X86_AVX=required is not supported: hosts have no traits" },
    { "{\"architecture\": \"aarch64\"}", "{}", IMAGE "architecture=aarch64 is not supported" },
    { "{\"hw_maxphysaddr_bits\": \"42\"}", "{}", IMAGE "hw_maxphysaddr_bits=42 is not supported" },
    { "{\"img_hv_requested_version\": \">=1\"}", "{}", IMAGE "img_hv_requested_version=>=1 is not supported" },
    { "{\"hw_vif_multiqueue_enabled\": \"yes\"}", "{}", IMAGE "hw_vif_multiqueue_enabled=true is not supported" },
    { "{\"hw_numa_cpus.0\": \"0\"}", "{}", IMAGE "hw_numa_cpus.0=0 is not supported" },
    { "{\"hw_numa_nodes\": \"2\"}", "{}", IMAGE "hw_numa_nodes=2 is not supported" },
    { "{\"hw_architecture\": \"aarch64\"}", "{}", IMAGE "hw_architecture=aarch64 is not supported" },
    { "{}", "{\"hw:watchdog_action\": \"bark\"}", FLAVOR "hw:watchdog_action=bark" },
    { "{}", "{\"hw:cpu_policy\": \"dedicated\"}",
      FLAVOR "hw:cpu_policy=dedicated is not supported: hosts pin no processors" },
    { "{}", "{\"hw:numa_nodes\": \"1\"}", FLAVOR "hw:numa_nodes=1 is not supported" },
    { "{}", "{\"hw:mem_page_size\": \"2MB\"}", FLAVOR "hw:mem_page_size=2MB is not supported" },
    { "{}", "{\"quota:vif_inbound_peak\": \"10\"}",
      FLAVOR "quota:vif_inbound_peak=10 is not supported: NICs have an average and a burst" },
    { "{}", "{\"quota:vif_outbound_average\": \"2000001\"}",
      FLAVOR "quota:vif_outbound_average=2000001 is not supported: it may be 1 to 2000000" },
    { "{}", "{\"quota:vif_inbound_burst\": \"10\"}",
      FLAVOR "quota:vif_inbound_burst=10 is not supported: it wants an average" },
    { "{}", "{\"quota:vif_limit\": \"10\"}", FLAVOR "quota:vif_limit=10 is not supported: only VMware has it" },
    { "{}", "{\"quota:cpu_shares\": \"1\"}", FLAVOR "quota:cpu_shares=1 is not supported: it may be 2 to 10000" },
    { "{}", "{\"quota:cpu_period\": \"x\"}", FLAVOR "quota:cpu_period=x" },
    { "{}", "{\"quota:disk_total_bytes_sec\": \"5\", \"quota:disk_read_bytes_sec\": \"5\"}",
      FLAVOR "quota:disk_total_bytes_sec" },
    { "{}", "{\"trait:HW_CPU_X86_AVX\": \"required\"}", FLAVOR "trait:HW_CPU_X86_AVX=required is not supported" },
    { "{}", "{\"resources:VGPU\": \"1\"}", FLAVOR "resources:VGPU=1 is not supported" },
    { "{}", "{\"resources1:VGPU\": \"1\"}", FLAVOR "resources1:VGPU=1 is not supported" },
    { "{}", "{\"pci_passthrough:alias\": \"a:1\"}", FLAVOR "pci_passthrough:alias=a:1 is not supported" },
};

static void what_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        struct kn_compute_machine machine = { 0 };
        struct kn_error err = { 0 };

        if (plan(BAD[i].properties, BAD[i].specs, 2, &machine, &err) == 0 || err.code != KN_BAD_REQUEST ||
            strncmp(err.message, BAD[i].words, strlen(BAD[i].words)) != 0) {
            fail_msg("%s, %s: %s", BAD[i].properties, BAD[i].specs, machine.text != NULL ? machine.text : err.message);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_becomes_of_it), cmocka_unit_test(what_is_refused) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
