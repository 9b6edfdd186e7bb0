/* SPDX-License-Identifier: Apache-2.0 */
/*
 * domain_scan: libvirt's XML as libxml2's tree, walked by the names of elements. Users' words stand in it as text and attributes; entities, a
 * DTD and the network are never wanted, so a document that brings them has nothing in it.
 */
#include "compute-agent/libvirt/domain_scan.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/device.h"
#include "compute-agent/libvirt/domain_xml.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"

#define XML_MAX \
    ((size_t)4 << 20) /* the capabilities of a host with many NUMA cells are the largest, some hundred KiB */
#define OPTIONS (XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA)
#define AUTO_DOC __attribute__((cleanup(scan_doc_free)))

static void scan_doc_free(xmlDoc **doc)
{
    xmlFreeDoc(*doc);
}

/* libvirt prints no DTD; what would come with one (entities that multiply) is not even looked at. */
static void refuse_dtd(void *ctx, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
    xmlParserCtxt *const parser = ctx;

    (void)name;
    (void)external;
    (void)system;
    parser->wellFormed = 0;
    xmlStopParser(parser);
}

/* NULL: no XML, or none of libvirt's. libxml2 itself ends at 256 levels, and long before it is out of memory. */
static xmlDoc *read_xml(const char *xml)
{
    const size_t len = strlen(xml);
    xmlParserCtxt *parser;
    xmlDoc *doc = NULL;

    xmlInitParser();
    if (len == 0 || len > XML_MAX || (parser = xmlNewParserCtxt()) == NULL) {
        return NULL;
    }
    parser->sax->internalSubset = refuse_dtd;
    doc = xmlCtxtReadMemory(parser, xml, (int)len, NULL, NULL, OPTIONS);
    xmlFreeParserCtxt(parser);
    return doc;
}

/* --- the tree: every function takes NULL for "not there" ----------------------------------------------------------------- */

static bool domain_scan_is_named(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

static const xmlNode *domain_scan_child(const xmlNode *parent, const char *name)
{
    const xmlNode *at = parent != NULL ? parent->children : NULL;

    while (at != NULL && !domain_scan_is_named(at, name)) {
        at = at->next;
    }
    return at;
}

static const xmlNode *sibling(const xmlNode *node, const char *name)
{
    const xmlNode *at = node != NULL ? node->next : NULL;

    while (at != NULL && !domain_scan_is_named(at, name)) {
        at = at->next;
    }
    return at;
}

/* The node after `at` in the document, within `top`. */
static const xmlNode *following(const xmlNode *top, const xmlNode *at)
{
    if (at->children != NULL) {
        return at->children;
    }
    while (at != top && at->next == NULL) {
        at = at->parent;
    }
    return at == top ? NULL : at->next;
}

/* The first element of that name within `top`, however deep; top itself may be it. */
static const xmlNode *within(const xmlNode *top, const char *name)
{
    const xmlNode *at = top;

    while (at != NULL && !domain_scan_is_named(at, name)) {
        at = following(top, at);
    }
    return at;
}

/* False, and nothing written, if it is too long: half a name is another name. */
static bool domain_scan_take(const char *from, char *ret, size_t size)
{
    if (from == NULL || strlen(from) >= size) {
        return false;
    }
    kn_copy(ret, size, from);
    return true;
}

static bool domain_scan_attribute(const xmlNode *node, const char *name, char *ret, size_t size)
{
    xmlChar *value = node != NULL ? xmlGetNoNsProp(node, (const xmlChar *)name) : NULL;
    const bool is_taken = domain_scan_take((const char *)value, ret, size);

    xmlFree(value);
    return is_taken;
}

static bool content(const xmlNode *node, char *ret, size_t size)
{
    xmlChar *value = node != NULL ? xmlNodeGetContent(node) : NULL;
    const bool is_taken = domain_scan_take((const char *)value, ret, size);

    xmlFree(value);
    return is_taken;
}

/* --- a domain ------------------------------------------------------------------------------------------------------------ */

/* The first of a domain's devices of that kind; the next is its sibling. */
static const xmlNode *first_device(const xmlDoc *doc, const char *kind)
{
    const xmlNode *root = xmlDocGetRootElement(doc);

    return root != NULL && domain_scan_is_named(root, "domain")
               ? domain_scan_child(domain_scan_child(root, "devices"), kind)
               : NULL;
}

static const xmlNode *device_at(const xmlDoc *doc, const char *kind, size_t index)
{
    const xmlNode *node = first_device(doc, kind);

    for (; index > 0 && node != NULL; index--) {
        node = sibling(node, kind);
    }
    return node;
}

static void read_disk(const xmlNode *node, struct kn_agent_scanned_disk *ret)
{
    memset(ret, 0, sizeof(*ret));
    (void)domain_scan_attribute(domain_scan_child(node, "target"), "dev", ret->device, sizeof(ret->device));
    (void)content(domain_scan_child(node, "serial"), ret->serial, sizeof(ret->serial));
}

bool kn_agent_scan_disk(const char *xml, size_t index, struct kn_agent_scanned_disk *ret)
{
    AUTO_DOC xmlDoc *doc = read_xml(xml);
    const xmlNode *const node = device_at(doc, "disk", index);

    if (node == NULL) {
        return false;
    }
    read_disk(node, ret);
    return true;
}

bool kn_agent_scan_disk_find(const char *xml, const char *serial, struct kn_agent_scanned_disk *ret)
{
    AUTO_DOC xmlDoc *doc = read_xml(xml);

    for (const xmlNode *node = first_device(doc, "disk"); node != NULL; node = sibling(node, "disk")) {
        struct kn_agent_scanned_disk disk;

        read_disk(node, &disk);
        if (strcmp(disk.serial, serial) == 0) {
            *ret = disk;
            return true;
        }
    }
    return false;
}

static const xmlNode *domain_scan_target(const xmlDoc *doc, const char *device)
{
    for (const xmlNode *node = first_device(doc, "disk"); node != NULL; node = sibling(node, "disk")) {
        struct kn_agent_scanned_disk disk;

        read_disk(node, &disk);
        if (strcmp(disk.device, device) == 0) {
            return node;
        }
    }
    return NULL;
}

bool kn_agent_scan_disk_at(const char *xml, const char *device, struct kn_agent_scanned_disk *ret)
{
    AUTO_DOC xmlDoc *doc = read_xml(xml);
    const xmlNode *const node = domain_scan_target(doc, device);

    if (node != NULL) {
        read_disk(node, ret);
    }
    return node != NULL;
}

bool kn_agent_scan_source(const char *xml, const char *device, char *ret_path, size_t size)
{
    AUTO_DOC xmlDoc *doc = read_xml(xml);
    const xmlNode *const disk = domain_scan_target(doc, device);
    const xmlNode *const source = disk != NULL ? domain_scan_child(disk, "source") : NULL;

    return domain_scan_attribute(source, "file", ret_path, size) ||
           (source != NULL && domain_scan_attribute(domain_scan_child(source, "host"), "socket", ret_path, size));
}

uint32_t kn_agent_scan_devices(const char *xml)
{
    AUTO_DOC xmlDoc *doc = read_xml(xml);
    uint32_t used = 0;

    for (const xmlNode *node = first_device(doc, "disk"); node != NULL; node = sibling(node, "disk")) {
        struct kn_agent_scanned_disk disk;

        read_disk(node, &disk);
        const int at = kn_device_index(disk.device);
        used |= at >= 0 ? 1U << at : 0;
    }
    return used;
}

bool kn_agent_scan_tty(const char *xml, char *ret_tty, size_t size)
{
    AUTO_DOC xmlDoc *doc = read_xml(xml);

    return domain_scan_attribute(first_device(doc, "console"), "tty", ret_tty, size);
}

bool kn_agent_scan_tap(const char *xml, size_t index, char *ret_tap, size_t size)
{
    AUTO_DOC xmlDoc *doc = read_xml(xml);

    return domain_scan_attribute(domain_scan_child(device_at(doc, "interface", index), "target"), "dev", ret_tap, size);
}

bool kn_agent_scan_nic_find(const char *xml, const char *tap, char *ret_mac, size_t size)
{
    AUTO_DOC xmlDoc *doc = read_xml(xml);

    for (const xmlNode *node = first_device(doc, "interface"); node != NULL; node = sibling(node, "interface")) {
        char its[32];

        if (domain_scan_attribute(domain_scan_child(node, "target"), "dev", its, sizeof(its)) &&
            strcmp(its, tap) == 0) {
            return domain_scan_attribute(domain_scan_child(node, "mac"), "address", ret_mac, size);
        }
    }
    return false;
}

size_t kn_agent_scan_nic_count(const char *xml, const char *tap)
{
    AUTO_DOC xmlDoc *doc = read_xml(xml);
    size_t count = 0;

    for (const xmlNode *node = first_device(doc, "interface"); node != NULL; node = sibling(node, "interface")) {
        char its[32];

        count += domain_scan_attribute(domain_scan_child(node, "target"), "dev", its, sizeof(its)) &&
                 strcmp(its, tap) == 0;
    }
    return count;
}

bool kn_agent_scan_nic_place(const char *xml, const char *tap, struct kn_strbuf *out)
{
    static const char *const PARTS[] = { "type", "domain", "bus", "slot", "function" };
    AUTO_DOC xmlDoc *doc = read_xml(xml);

    for (const xmlNode *node = first_device(doc, "interface"); node != NULL; node = sibling(node, "interface")) {
        const xmlNode *const place = domain_scan_child(node, "address");
        char its[32];

        if (!domain_scan_attribute(domain_scan_child(node, "target"), "dev", its, sizeof(its)) ||
            strcmp(its, tap) != 0) {
            continue;
        }
        if (!domain_scan_attribute(place, "type", its, sizeof(its)) || strcmp(its, "pci") != 0) {
            return false;
        }
        kn_strbuf_addstr(out, "<address");
        for (size_t i = 0; i < KN_COUNT(PARTS); i++) {
            if (domain_scan_attribute(place, PARTS[i], its, sizeof(its))) {
                kn_strbuf_addf(out, " %s='%s'", PARTS[i], its);
            }
        }
        kn_strbuf_addstr(out, "/>");
        return true;
    }
    return false;
}

/*
 * In a domain our element has our namespace; asked for by itself, libvirt hands it out without the namespace's declaration, and then the
 * prefix, if it kept it, is part of the name.
 */
static bool domain_scan_is_ours(const xmlNode *node)
{
    return domain_scan_is_named(node, "kilonova:server") ||
           (domain_scan_is_named(node, "server") &&
            (node->ns == NULL || strcmp((const char *)node->ns->href, KN_DOMAIN_NAMESPACE) == 0));
}

int64_t kn_agent_scan_generation(const char *xml)
{
    AUTO_DOC xmlDoc *doc = read_xml(xml);
    const xmlNode *const root = xmlDocGetRootElement(doc);
    char digits[24];

    for (const xmlNode *at = root; at != NULL; at = following(root, at)) {
        if (domain_scan_is_ours(at) && domain_scan_attribute(at, "generation", digits, sizeof(digits))) {
            return strtoll(digits, NULL, 10);
        }
    }
    return 0;
}

bool kn_agent_scan_machine(const char *xml, char *ret_machine, size_t size)
{
    AUTO_DOC xmlDoc *doc = read_xml(xml);
    const xmlNode *const root = xmlDocGetRootElement(doc);

    return domain_scan_attribute(domain_scan_child(domain_scan_child(root, "os"), "type"), "machine", ret_machine,
                                 size);
}

/* "0000:02:00.0"; false: it is not on PCI. */
static bool domain_scan_address(const xmlNode *device, char *ret, size_t size)
{
    const xmlNode *const address = domain_scan_child(device, "address");
    const char *const names[] = { "domain", "bus", "slot", "function" };
    unsigned numbers[KN_COUNT(names)];
    char text[16];

    if (!domain_scan_attribute(address, "type", text, sizeof(text)) || strcmp(text, "pci") != 0) {
        return false;
    }
    for (size_t i = 0; i < KN_COUNT(names); i++) {
        if (!domain_scan_attribute(address, names[i], text, sizeof(text))) {
            return false;
        }
        numbers[i] = (unsigned)strtoul(text, NULL, 0);
    }
    const bool is_shared = domain_scan_attribute(address, "multifunction", text, sizeof(text)) &&
                           strcmp(text, "on") == 0;

    snprintf(ret, size, "%04x:%02x:%02x.%x%s", numbers[0] & 0xffff, numbers[1] & 0xff, numbers[2] & 0xff,
             numbers[3] & 7, is_shared ? "+" : "");
    return true;
}

/* What a device of each kind is known by. */
static const struct {
    const char *kind, *child, *name; /* child NULL: its own attribute; name NULL: its number */
} SCANNED[] = {
    { "controller", NULL, "index" }, { "disk", "target", "dev" },  { "interface", "mac", "address" },
    { "video", NULL, NULL },         { "memballoon", NULL, NULL }, { "rng", NULL, NULL },
    { "watchdog", NULL, NULL },      { "input", NULL, NULL },
};

/* Controllers of PCI are "controller", others of ours go by their type; those that the machine itself has are left out: NULL. */
static const char *scanned_kind(const char *kind, const xmlNode *node, char *type, size_t size)
{
    static const char *const KEPT[] = { "scsi", "usb", "virtio-serial" };

    if (strcmp(kind, "controller") != 0) {
        return kind;
    }
    if (!domain_scan_attribute(node, "type", type, size)) {
        return NULL;
    }
    for (size_t i = 0; i < KN_COUNT(KEPT); i++) {
        if (strcmp(type, KEPT[i]) == 0) {
            return KEPT[i];
        }
    }
    return strcmp(type, "pci") == 0 ? kind : NULL;
}

json_t *kn_agent_scan_addresses(const char *xml)
{
    AUTO_DOC xmlDoc *doc = read_xml(xml);
    json_t *addresses = json_object();
    char name[32], address[32], type[16], key[64];

    for (size_t i = 0; i < KN_COUNT(SCANNED); i++) {
        int number = 0;

        for (const xmlNode *node = first_device(doc, SCANNED[i].kind); node != NULL;
             node = sibling(node, SCANNED[i].kind), number++) {
            const xmlNode *const named = SCANNED[i].child == NULL ? node : domain_scan_child(node, SCANNED[i].child);
            const char *const kind = scanned_kind(SCANNED[i].kind, node, type, sizeof(type));

            snprintf(name, sizeof(name), "%d", number);
            if (kind != NULL && domain_scan_address(node, address, sizeof(address)) &&
                (SCANNED[i].name == NULL || domain_scan_attribute(named, SCANNED[i].name, name, sizeof(name)))) {
                snprintf(key, sizeof(key), "%s/%s", kind, name);
                json_object_set_new(addresses, key, json_string(address));
            }
        }
    }
    return addresses;
}

/* --- a processor --------------------------------------------------------------------------------------------------------- */

#define CPU_WORD 64 /* of a model, a vendor, a feature */

/* cpu: the element that holds <model>, <vendor>, <feature>s. */
static json_t *domain_scan_processor(const xmlNode *cpu)
{
    json_t *made = json_object(), *features = json_object();
    char name[CPU_WORD], policy[CPU_WORD];

    if (content(domain_scan_child(cpu, "model"), name, sizeof(name))) {
        json_object_set_new(made, "model", json_string(name));
    }
    if (content(domain_scan_child(cpu, "vendor"), name, sizeof(name))) {
        json_object_set_new(made, "vendor", json_string(name));
    }
    for (const xmlNode *node = domain_scan_child(cpu, "feature"); node != NULL; node = sibling(node, "feature")) {
        if (domain_scan_attribute(node, "name", name, sizeof(name)) &&
            domain_scan_attribute(node, "policy", policy, sizeof(policy))) {
            json_object_set_new(features, name, json_string(policy));
        }
    }
    if (json_object_size(features) > 0) {
        json_object_set(made, "features", features);
    }
    json_decref(features);
    if (json_object_get(made, "model") == NULL) {
        json_decref(made);
        return NULL;
    }
    return made;
}

json_t *kn_agent_scan_cpu(const char *xml)
{
    AUTO_DOC xmlDoc *doc = read_xml(xml);
    const xmlNode *const cpu = domain_scan_child(xmlDocGetRootElement(doc), "cpu");
    char mode[CPU_WORD];

    return domain_scan_attribute(cpu, "mode", mode, sizeof(mode)) && strcmp(mode, "custom") == 0
               ? domain_scan_processor(cpu)
               : NULL;
}

json_t *kn_agent_scan_host_cpu(const char *xml)
{
    AUTO_DOC xmlDoc *doc = read_xml(xml);
    const xmlNode *mode = domain_scan_child(domain_scan_child(xmlDocGetRootElement(doc), "cpu"), "mode");
    char name[CPU_WORD];

    for (; mode != NULL; mode = sibling(mode, "mode")) {
        if (domain_scan_attribute(mode, "name", name, sizeof(name)) && strcmp(name, "host-model") == 0) {
            return domain_scan_processor(mode);
        }
    }
    return NULL;
}

/* --- a host -------------------------------------------------------------------------------------------------------------- */

static bool domain_scan_can_kvm(const xmlNode *guest)
{
    char type[8];

    for (const xmlNode *at = guest; at != NULL; at = following(guest, at)) {
        if (domain_scan_is_named(at, "domain") && domain_scan_attribute(at, "type", type, sizeof(type)) &&
            strcmp(type, "kvm") == 0) {
            return true;
        }
    }
    return false;
}

bool kn_agent_scan_has_kvm(const char *capabilities)
{
    AUTO_DOC xmlDoc *doc = read_xml(capabilities);

    for (const xmlNode *guest = domain_scan_child(xmlDocGetRootElement(doc), "guest"); guest != NULL;
         guest = sibling(guest, "guest")) {
        if (domain_scan_can_kvm(guest)) {
            return true;
        }
    }
    return false;
}

int64_t kn_agent_scan_qemu_user(const char *capabilities)
{
    AUTO_DOC xmlDoc *doc = read_xml(capabilities);
    const xmlNode *host = domain_scan_child(xmlDocGetRootElement(doc), "host");
    char model[16], label[64];
    int64_t user = 0;

    for (const xmlNode *at = domain_scan_child(host, "secmodel"); at != NULL; at = sibling(at, "secmodel")) {
        if (content(domain_scan_child(at, "model"), model, sizeof(model)) && strcmp(model, "dac") == 0 &&
            content(domain_scan_child(at, "baselabel"), label, sizeof(label)) && label[0] == '+') {
            user = strtoll(label + 1, NULL, 10);
        }
    }
    return user < 0 || user > UINT32_MAX ? 0 : user;
}

bool kn_agent_scan_text(const char *xml, const char *parent, const char *tag, char *ret_text, size_t size)
{
    AUTO_DOC xmlDoc *doc = read_xml(xml);
    const xmlNode *const in = within(xmlDocGetRootElement(doc), parent);

    return content(in != NULL ? within(in, tag) : NULL, ret_text, size);
}

bool kn_agent_scan_has_virtualization(const char *cpuinfo)
{
    const char *flags = strstr(cpuinfo, "\nflags");
    size_t len = flags != NULL ? strcspn(flags + 1, "\n") + 1 : 0;
    char next;

    for (int i = 0; flags != NULL && i < 2; i++) {
        const char *at = memmem(flags, len, i == 0 ? " vmx" : " svm", strlen(" vmx"));
        next = at != NULL ? at[4] : 'x';
        if (next == ' ' || next == '\n' || next == '\0') {
            return true;
        }
    }
    return false;
}
