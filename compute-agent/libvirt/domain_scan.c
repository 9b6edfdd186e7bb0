/* SPDX-License-Identifier: Apache-2.0 */
/* domain_scan: finds elements in libvirt's XML by text. It must never be fed XML that a user wrote. */
#include "compute-agent/libvirt/domain_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute-agent/core/device.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"

/* A piece of the document. start == NULL: not there. */
struct piece {
    const char *start;
    size_t len;
};

static struct piece all_of(const char *xml)
{
    return (struct piece){ xml, strlen(xml) };
}

static const char *find(struct piece in, const char *what)
{
    return in.start == NULL ? NULL : memmem(in.start, in.len, what, strlen(what));
}

static struct piece after(struct piece in, const char *at)
{
    return (struct piece){ at, in.len - (size_t)(at - in.start) };
}

/* Where the next "<tag" that is the whole name begins. */
static const char *find_open(struct piece in, const char *tag)
{
    char open[64];
    int len = snprintf(open, sizeof(open), "<%s", tag);

    for (const char *at; (at = find(in, open)) != NULL; in = after(in, at + 1)) {
        char next = at + len < in.start + in.len ? at[len] : '\0';
        if (next == ' ' || next == '>' || next == '/' || next == '\n') {
            return at;
        }
    }
    return NULL;
}

/* The next element of that name, its tags included; *rest is what follows it. */
static struct piece element(struct piece in, const char *tag, struct piece *rest)
{
    const struct piece none = { NULL, 0 };
    char close[64];
    const char *open = find_open(in, tag);
    const char *bracket = open == NULL ? NULL : find(after(in, open), ">");
    const char *end;

    snprintf(close, sizeof(close), "</%s>", tag);
    *rest = none;
    if (bracket == NULL) {
        return none;
    }
    if (bracket[-1] == '/') {
        end = bracket + 1;
    } else {
        end = find(after(in, bracket), close);
        end = end == NULL ? NULL : end + strlen(close);
    }
    if (end == NULL) {
        return none;
    }
    *rest = after(in, end);
    return (struct piece){ open, (size_t)(end - open) };
}

static struct piece element_at(const char *xml, const char *tag, size_t index)
{
    struct piece rest = all_of(xml);
    struct piece found = element(rest, tag, &rest);

    for (; index > 0 && found.start != NULL; index--) {
        found = element(rest, tag, &rest);
    }
    return found;
}

static bool take(struct piece in, char until, char *ret, size_t size)
{
    const char *end = memchr(in.start, until, in.len);

    if (end == NULL || (size_t)(end - in.start) >= size) {
        return false;
    }
    kn_copy(ret, (size_t)(end - in.start) + 1, in.start);
    return true;
}

/* An attribute of the first <tag> inside. */
static bool attribute(struct piece in, const char *tag, const char *name, char *ret, size_t size)
{
    struct piece rest;
    struct piece e = element(in, tag, &rest);
    char key[64];
    const char *bracket = find(e, ">");
    const char *at;

    snprintf(key, sizeof(key), " %s=", name);
    if (bracket != NULL) {
        e.len = (size_t)(bracket - e.start);
    }
    at = find(e, key);
    if (at == NULL) {
        return false;
    }
    at += strlen(key);
    return (size_t)(at - e.start) + 1 < e.len && (*at == '\'' || *at == '"') && take(after(e, at + 1), *at, ret, size);
}

static bool text(struct piece in, const char *tag, char *ret, size_t size)
{
    struct piece rest;
    struct piece e = element(in, tag, &rest);
    const char *bracket = find(e, ">");

    return bracket != NULL && bracket[-1] != '/' && take(after(e, bracket + 1), '<', ret, size);
}

bool kn_scan_disk(const char *xml, size_t index, struct kn_scanned_disk *ret)
{
    struct piece disk = element_at(xml, "disk", index);

    if (disk.start == NULL) {
        return false;
    }
    memset(ret, 0, sizeof(*ret));
    if (!attribute(disk, "target", "dev", ret->device, sizeof(ret->device))) {
        ret->device[0] = '\0';
    }
    if (!text(disk, "serial", ret->serial, sizeof(ret->serial))) {
        ret->serial[0] = '\0';
    }
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
    struct piece nic = element_at(xml, "interface", index);

    return nic.start != NULL && attribute(nic, "target", "dev", ret_tap, size);
}

int64_t kn_scan_generation(const char *xml)
{
    char digits[24];

    /* libvirt hands the element out with or without our prefix, depending on how it is asked. */
    if (attribute(all_of(xml), "kilonova:server", "generation", digits, sizeof(digits)) ||
        attribute(all_of(xml), "server", "generation", digits, sizeof(digits))) {
        return strtoll(digits, NULL, 10);
    }
    return 0;
}

bool kn_scan_has_kvm(const char *capabilities)
{
    struct piece rest = all_of(capabilities);

    for (struct piece guest = element(rest, "guest", &rest); guest.start != NULL; guest = element(rest, "guest", &rest)) {
        if (find(guest, "<domain type='kvm'") != NULL) {
            return true;
        }
    }
    return false;
}

bool kn_scan_has_virtualization(const char *cpuinfo)
{
    const char *flags = strstr(cpuinfo, "\nflags");
    size_t len = flags != NULL ? strcspn(flags + 1, "\n") + 1 : 0;
    struct piece line = { flags, len };
    char next;

    for (int i = 0; flags != NULL && i < 2; i++) {
        const char *at = find(line, i == 0 ? " vmx" : " svm");
        next = at != NULL ? at[4] : 'x';
        if (next == ' ' || next == '\n' || next == '\0') {
            return true;
        }
    }
    return false;
}

bool kn_scan_text(const char *xml, const char *parent, const char *tag, char *ret_text, size_t size)
{
    struct piece in = element_at(xml, parent, 0);

    return in.start != NULL && text(in, tag, ret_text, size);
}
