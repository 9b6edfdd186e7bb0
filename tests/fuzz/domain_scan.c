/* SPDX-License-Identifier: Apache-2.0 */
/* Anything where libvirt's XML is expected. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "compute-agent/libvirt/domain_scan.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *xml = kn_alloc(size + 1);
    struct kn_agent_scanned_disk disk;
    struct kn_strbuf place = KN_STRBUF_INIT;
    char text[16];

    memcpy(xml, data, size);
    kn_agent_scan_disk_find(xml, "no such serial", &disk);
    kn_agent_scan_devices(xml);
    kn_agent_scan_tap(xml, 1, text, sizeof(text));
    kn_agent_scan_nic_count(xml, "tap1");
    kn_agent_scan_nic_place(xml, "tap1", &place);
    kn_strbuf_release(&place);
    kn_agent_scan_generation(xml);
    kn_agent_scan_has_kvm(xml);
    json_decref(kn_agent_scan_cpu(xml));
    json_decref(kn_agent_scan_host_cpu(xml));
    kn_agent_scan_text(xml, "cpu", "model", text, sizeof(text));
    return 0;
}
