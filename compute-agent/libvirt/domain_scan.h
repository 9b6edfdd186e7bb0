/* SPDX-License-Identifier: Apache-2.0 */
/*
 * domain_scan: the few things that are read out of libvirt's XML: a domain's disks and taps, its generation, what a host
 * can do. Pure. On what is not such a document (no XML, one with a DTD, larger than 4 MiB or deeper than 256 elements) it finds nothing.
 */
#ifndef KN_COMPUTE_AGENT_LIBVIRT_DOMAIN_SCAN_H
#define KN_COMPUTE_AGENT_LIBVIRT_DOMAIN_SCAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compute-agent/core/driver.h"
#include "lib/base/strbuf.h"
#include "lib/base/uuid.h"

struct kn_agent_scanned_disk {
    char device[KN_DEVICE_SIZE]; /* vdb */
    char serial[KN_UUID_SIZE];   /* "" if it has none */
};

/* The index-th <disk> of a domain; false when there is none. */
bool kn_agent_scan_disk(const char *domain_xml, size_t index, struct kn_agent_scanned_disk *ret);
/* The disk with this serial. */
bool kn_agent_scan_disk_find(const char *domain_xml, const char *serial, struct kn_agent_scanned_disk *ret);
/* The disk with this target, vdb. */
bool kn_agent_scan_disk_at(const char *domain_xml, const char *device, struct kn_agent_scanned_disk *ret);
/* What the disk with this target reads: a file, or the UNIX socket of whoever serves it. False: neither, or no such disk. */
bool kn_agent_scan_source(const char *domain_xml, const char *device, char *ret_path, size_t size);
/* A bit for each vdX in use. */
uint32_t kn_agent_scan_devices(const char *domain_xml);
/* The pseudo-terminal of the first <console> of one that runs. */
bool kn_agent_scan_tty(const char *domain_xml, char *ret_tty, size_t size);
/* The tap of the index-th <interface>. */
bool kn_agent_scan_tap(const char *domain_xml, size_t index, char *ret_tap, size_t size);
/* The MAC of the <interface> with this tap, which has room for a MAC's text; false if there is none. */
bool kn_agent_scan_nic_find(const char *domain_xml, const char *tap, char *ret_mac, size_t size);
/* How many <interface>s have this tap: more than one when an agent died while libvirt did what it had asked for. */
size_t kn_agent_scan_nic_count(const char *domain_xml, const char *tap);
/* Appends the <address> on PCI of the first <interface> with this tap; false and nothing if it has none. */
bool kn_agent_scan_nic_place(const char *domain_xml, const char *tap, struct kn_strbuf *out);
/* The generation in our metadata element, 0 if there is none. */
int64_t kn_agent_scan_generation(const char *xml);
/* The machine that libvirt chose, pc-q35-7.2; false if there is none. */
bool kn_agent_scan_machine(const char *domain_xml, char *ret_machine, size_t size);
/* Where its devices are on PCI, as kn_agent_domain's addresses: controllers by index, disks by target, NICs by MAC, others by number. New reference. */
json_t *kn_agent_scan_addresses(const char *domain_xml);
/*
 * Its processor as it was spelled out, {model, vendor, features}, as kn_agent_domain's cpu; NULL: it is left to the host. New reference.
 */
json_t *kn_agent_scan_cpu(const char *domain_xml);
/* What a host would make of mode='host-model', out of the capabilities of a kind of domains, the same; NULL: it has no such mode. */
json_t *kn_agent_scan_host_cpu(const char *domain_capabilities);
/* A capabilities document: the user that QEMU is run as; 0 if it does not say, which is root. */
int64_t kn_agent_scan_qemu_user(const char *capabilities);
/* A capabilities document: is kvm among the guests' domain types? */
bool kn_agent_scan_has_kvm(const char *capabilities);
/* /proc/cpuinfo of an x86: can the processor run guests by itself (vmx or svm)? */
bool kn_agent_scan_has_virtualization(const char *cpuinfo);
/* <tag>text</tag> inside the first <parent>; false if absent or too long. */
bool kn_agent_scan_text(const char *xml, const char *parent, const char *tag, char *ret_text, size_t size);

#endif
