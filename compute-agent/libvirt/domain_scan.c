/* SPDX-License-Identifier: Apache-2.0 */
/*
 * domain_scan: reads libvirt's XML by libxml2: well-formed or nothing, no document type, so no entities, nothing fetched, and within the parser's own
 * limits of depth and of a text's length. It keeps nothing between calls.
 */
#include "compute-agent/libvirt/domain_scan.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute-agent/core/device.h"
#include "compute-agent/libvirt/domain_xml.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"

#define XML_MAX ((size_t)4 << 20) /* libvirt's own limit of a message that holds one */

struct scan {
    xmlDoc *doc; /* NULL: it is no XML that libvirt would print */
};

static void scan_release(struct scan *scan)
{
    xmlFreeDoc(scan->doc);
}

static void scan_start(void)
{
    xmlInitParser();
}

/* libvirt prints no document type. Whatever has one is read no further. */
static void scan_refuse(void *ctx, const xmlChar *name, const xmlChar *external_id, const xmlChar *system_id)
{
    (void)name;
    (void)external_id;
    (void)system_id;
    xmlStopParser(ctx);
}

static struct scan scan_open(const char *xml)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const size_t len = strnlen(xml, XML_MAX + 1);
    struct scan scan = { NULL };
    xmlParserCtxt *ctx;

    pthread_once(&once, scan_start);
    ctx = len <= XML_MAX ? xmlNewParserCtxt() : NULL;
    if (ctx == NULL) {
        return scan;
    }
    ctx->sax->internalSubset = scan_refuse;
    scan.doc = xmlCtxtReadMemory(ctx, xml, (int)len, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    xmlFreeParserCtxt(ctx);
    return scan;
}

static const xmlNode *scan_root(const struct scan *scan)
{
    return scan->doc != NULL ? xmlDocGetRootElement(scan->doc) : NULL;
}

static bool scan_is(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

/* What follows a node in the document, inside of `top`. */
static const xmlNode *scan_next(const xmlNode *node, const xmlNode *top)
{
    if (node->children != NULL && node->type == XML_ELEMENT_NODE) {
        return node->children;
    }
    while (node != top && node->next == NULL) {
        node = node->parent;
    }
    return node == top ? NULL : node->next;
}

/* The index-th element of that name in `top`, itself included; NULL: there is none. */
static const xmlNode *scan_find(const xmlNode *top, const char *name, size_t index)
{
    for (const xmlNode *node = top; node != NULL; node = scan_next(node, top)) {
        if (scan_is(node, name) && index-- == 0) {
            return node;
        }
    }
    return NULL;
}

static bool scan_keep(xmlChar *value, char *ret, size_t size)
{
    const bool fits = value != NULL && strlen((const char *)value) < size;

    if (fits) {
        kn_copy(ret, size, (const char *)value);
    }
    xmlFree(value);
    return fits;
}

static bool scan_attribute(const xmlNode *node, const char *name, char *ret, size_t size)
{
    return node != NULL && scan_keep(xmlGetNoNsProp(node, (const xmlChar *)name), ret, size);
}

static bool scan_text(const xmlNode *node, char *ret, size_t size)
{
    return node != NULL && scan_keep(xmlNodeGetContent(node), ret, size);
}

bool kn_scan_disk(const char *xml, size_t index, struct kn_scanned_disk *ret)
{
    AUTO_RELEASE(scan) struct scan scan = scan_open(xml);
    const xmlNode *disk = scan_find(scan_root(&scan), "disk", index);

    if (disk == NULL) {
        return false;
    }
    memset(ret, 0, sizeof(*ret));
    (void)scan_attribute(scan_find(disk, "target", 0), "dev", ret->device, sizeof(ret->device));
    (void)scan_text(scan_find(disk, "serial", 0), ret->serial, sizeof(ret->serial));
    return true;
}

bool kn_scan_disk_find(const char *xml, const char *serial, struct kn_scanned_disk *ret)
{
    struct kn_scanned_disk disk;

    for (size_t i = 0; kn_scan_disk(xml, i, &disk); i++) {
        if (strcmp(disk.serial, serial) == 0) {
            *ret = disk;
            return true;
        }
    }
    return false;
}

uint32_t kn_scan_devices(const char *xml)
{
    struct kn_scanned_disk disk;
    uint32_t used = 0;

    for (size_t i = 0; kn_scan_disk(xml, i, &disk); i++) {
        int at = kn_device_index(disk.device);
        used |= at >= 0 ? 1U << at : 0;
    }
    return used;
}

bool kn_scan_tap(const char *xml, size_t index, char *ret_tap, size_t size)
{
    AUTO_RELEASE(scan) struct scan scan = scan_open(xml);
    const xmlNode *nic = scan_find(scan_root(&scan), "interface", index);

    return nic != NULL && scan_attribute(scan_find(nic, "target", 0), "dev", ret_tap, size);
}

int64_t kn_scan_generation(const char *xml)
{
    AUTO_RELEASE(scan) struct scan scan = scan_open(xml);
    const xmlNode *root = scan_root(&scan), *ours = root;
    char digits[24];

    /* libvirt hands the element out with or without our prefix, depending on how it is asked: the namespace says whose it is. */
    while (ours != NULL && !(scan_is(ours, "server") && ours->ns != NULL && strcmp((const char *)ours->ns->href, KN_DOMAIN_NAMESPACE) == 0)) {
        ours = scan_next(ours, root);
    }
    return scan_attribute(ours, "generation", digits, sizeof(digits)) ? strtoll(digits, NULL, 10) : 0;
}

bool kn_scan_has_kvm(const char *capabilities)
{
    AUTO_RELEASE(scan) struct scan scan = scan_open(capabilities);
    const xmlNode *guest;
    char type[8];

    for (size_t i = 0; (guest = scan_find(scan_root(&scan), "guest", i)) != NULL; i++) {
        const xmlNode *domain;

        for (size_t k = 0; (domain = scan_find(guest, "domain", k)) != NULL; k++) {
            if (scan_attribute(domain, "type", type, sizeof(type)) && strcmp(type, "kvm") == 0) {
                return true;
            }
        }
    }
    return false;
}

bool kn_scan_has_virtualization(const char *cpuinfo)
{
    const char *flags = strstr(cpuinfo, "\nflags");
    size_t len = flags != NULL ? strcspn(flags + 1, "\n") + 1 : 0;
    char next;

    for (int i = 0; flags != NULL && i < 2; i++) {
        const char *at = memmem(flags, len, i == 0 ? " vmx" : " svm", 4);
        next = at != NULL ? at[4] : 'x';
        if (next == ' ' || next == '\n' || next == '\0') {
            return true;
        }
    }
    return false;
}

bool kn_scan_text(const char *xml, const char *parent, const char *tag, char *ret_text, size_t size)
{
    AUTO_RELEASE(scan) struct scan scan = scan_open(xml);
    const xmlNode *in = scan_find(scan_root(&scan), parent, 0);

    return in != NULL && scan_text(scan_find(in, tag, 0), ret_text, size);
}
