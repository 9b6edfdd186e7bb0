/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/disk: volumes in and out of a guest: in spec.json, in the domain's configuration and in the running guest,
 * each on its own, so that whatever a crash left half done is completed by the same command coming again.
 */
#include <string.h>

#include "compute-agent/core/device.h"
#include "compute-agent/core/guest_dir.h"
#include "compute-agent/core/spec.h"
#include "compute-agent/libvirt/domain_scan.h"
#include "compute-agent/libvirt/domain_xml.h"
#include "compute-agent/libvirt/private.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define LET_GO_WAIT_MS 90000  /* in all, for the guest to let a disk go */
#define ASK_AGAIN_MS 7000     /* a booting guest ignores the first request; to ask twice in 5 s would take it back */
#define LOOK_AGAIN_MS 500

/* A domain's two faces; live is NULL when it does not run. */
struct faces {
    char *config;
    char *live;
};

static void faces_release(struct faces *f)
{
    free(f->config);
    free(f->live);
}

static int faces_read(virDomainPtr dom, struct faces *ret, struct kn_error *err)
{
    ret->config = virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_INACTIVE);
    ret->live = virDomainIsActive(dom) == 1 ? virDomainGetXMLDesc(dom, 0) : NULL;
    return ret->config == NULL ? kn_agent_libvirt_fail(err, "reading the domain") : 0;
}

static int get_domain(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, virDomainPtr *ret_dom,
                      struct kn_error *err)
{
    if (kn_agent_libvirt_find(lv, ref->server, ret_dom, err) < 0) {
        return -1;
    }
    return *ret_dom != NULL
               ? 0
               : kn_fail(err, KN_NOT_FOUND, "server \"%s\" has no guest on \"%s\"", ref->server, ref->host);
}

/* The device that the volume has, or shall have. */
static int choose_device(const struct faces *f, const json_t *spec, const char *volume, const char *wish,
                         char ret_device[KN_DEVICE_SIZE], struct kn_error *err)
{
    struct kn_agent_scanned_disk disk;
    const json_t *entry = kn_agent_spec_volume(spec, volume);
    uint32_t used = kn_agent_scan_devices(f->config) | kn_agent_spec_devices(spec);

    if ((f->live != NULL && kn_agent_scan_disk_find(f->live, volume, &disk)) ||
        kn_agent_scan_disk_find(f->config, volume, &disk)) {
        kn_copy(ret_device, KN_DEVICE_SIZE, disk.device);
        return 0;
    }
    if (entry != NULL) { /* a crash came between the spec and the domain */
        kn_copy(ret_device, KN_DEVICE_SIZE, kn_json_str(entry, "device") + strlen("/dev/"));
        return 0;
    }
    used |= f->live != NULL ? kn_agent_scan_devices(f->live) : 0;
    return kn_agent_device_pick(used, wish, ret_device, err);
}

static int plug(virDomainPtr dom, const struct faces *f, const struct kn_agent_domain_disk *disk, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf xml = KN_STRBUF_INIT;
    struct kn_agent_scanned_disk there;

    kn_agent_domain_disk_xml(disk, &xml);
    if (f->live != NULL && !kn_agent_scan_disk_find(f->live, disk->serial, &there) &&
        virDomainAttachDeviceFlags(dom, xml.buf, VIR_DOMAIN_AFFECT_LIVE) < 0) {
        return kn_agent_libvirt_fail(err, "plugging the volume in");
    }
    if (!kn_agent_scan_disk_find(f->config, disk->serial, &there) &&
        virDomainAttachDeviceFlags(dom, xml.buf, VIR_DOMAIN_AFFECT_CONFIG) < 0) {
        return kn_agent_libvirt_fail(err, "adding the volume to the domain");
    }
    return 0;
}

static int save(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, int64_t generation, json_t *spec,
                struct kn_error *err)
{
    int done = kn_agent_guest_save(lv->conf->agent_state_dir, ref->server, ref->host, generation, spec, err);

    json_decref(spec);
    return done;
}

static int attach(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, const char *volume,
                  const json_t *connection, const char *wish, char ret_device[KN_DEVICE_SIZE], struct kn_error *err)
{
    AUTO_DOM virDomainPtr dom = NULL;
    __attribute__((cleanup(faces_release))) struct faces f = { NULL, NULL };
    struct kn_agent_domain_disk disk;
    int64_t generation = 0;
    json_t *spec = NULL;

    if (get_domain(lv, ref, &dom, err) < 0 || faces_read(dom, &f, err) < 0 ||
        kn_agent_guest_load(lv->conf->agent_state_dir, ref->server, &generation, &spec, err) < 0) {
        return -1;
    }
    if (choose_device(&f, spec, volume, wish, ret_device, err) < 0 ||
        save(lv, ref, generation, kn_agent_spec_with_volume(spec, volume, ret_device, connection), err) < 0) {
        json_decref(spec);
        return -1;
    }
    disk = kn_agent_spec_disk(volume, ret_device, connection);
    if (plug(dom, &f, &disk, err) < 0) {
        save(lv, ref, generation, kn_agent_spec_without_volume(spec, volume),
             NULL); /* or the next hard reboot would want it */
        json_decref(spec);
        return -1;
    }
    json_decref(spec);
    return 0;
}

int kn_agent_libvirt_attach_disk(void *state, const struct kn_agent_guest_ref *ref, const char *volume,
                                 const json_t *connection, const char *wish, char ret_device[KN_DEVICE_SIZE],
                                 struct kn_error *err)
{
    struct kn_agent_libvirt *lv = state;
    int done;

    if (strcmp(kn_json_str(connection, "driver"), "file") != 0 || kn_json_str(connection, "path")[0] != '/') {
        return kn_fail(err, KN_BAD_REQUEST, "connection of volume \"%s\" is not a file's", volume);
    }
    kn_agent_libvirt_begin(lv, ref->server);
    done = attach(lv, ref, volume, connection, wish, ret_device, err);
    kn_agent_libvirt_end(lv, ref->server, -1);
    return done;
}

/* False as well when the guest is off or the domain is gone: then nothing holds the disk. */
static bool guest_holds(virDomainPtr dom, const char *volume, struct kn_agent_scanned_disk *ret)
{
    AUTO_FREE char *live = virDomainIsActive(dom) == 1 ? virDomainGetXMLDesc(dom, 0) : NULL;

    return live != NULL && kn_agent_scan_disk_find(live, volume, ret);
}

static void disk_xml(const char *volume, const char *device, struct kn_strbuf *out)
{
    /* libvirt finds a disk by its target. */
    kn_strbuf_addf(out, "<disk type='file' device='disk'><target dev='%s' bus='virtio'/><serial>%s</serial></disk>",
                   device, volume);
}

static int unplug_live(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, virDomainPtr dom,
                       const char *volume, struct kn_error *err)
{
    int64_t until = kn_mono_ms() + LET_GO_WAIT_MS;
    int64_t ask_at = 0;
    struct kn_agent_scanned_disk disk;

    while (guest_holds(dom, volume, &disk)) {
        int64_t now = kn_mono_ms();
        if (kn_agent_libvirt_is_doomed(lv, ref)) {
            return kn_fail(err, KN_CONFLICT, "server \"%s\" is being deleted", ref->server);
        }
        if (now >= until || lv->is_stopping) {
            return kn_fail(err, KN_TIMEOUT, "the guest did not let volume \"%s\" go in %d s", volume,
                           LET_GO_WAIT_MS / 1000);
        }
        if (now >= ask_at) {
            AUTO_RELEASE(kn_strbuf) struct kn_strbuf xml = KN_STRBUF_INIT;
            disk_xml(volume, disk.device, &xml);
            virDomainDetachDeviceFlags(dom, xml.buf, VIR_DOMAIN_AFFECT_LIVE); /* fails while it is being unplugged */
            ask_at = kn_mono_ms() + ASK_AGAIN_MS;
            continue;
        }
        kn_agent_libvirt_wait(lv, LOOK_AGAIN_MS);
    }
    return 0;
}

static int unplug_config(virDomainPtr dom, const char *volume, struct kn_error *err)
{
    AUTO_FREE char *config = virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_INACTIVE);
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf xml = KN_STRBUF_INIT;
    struct kn_agent_scanned_disk disk;

    if (config == NULL) {
        return kn_agent_libvirt_fail(err, "reading the domain");
    }
    if (!kn_agent_scan_disk_find(config, volume, &disk)) {
        return 0;
    }
    disk_xml(volume, disk.device, &xml);
    return virDomainDetachDeviceFlags(dom, xml.buf, VIR_DOMAIN_AFFECT_CONFIG) == 0
               ? 0
               : kn_agent_libvirt_fail(err, "taking the volume out of the domain");
}

static int detach(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, const char *volume,
                  struct kn_error *err)
{
    AUTO_DOM virDomainPtr dom = NULL;
    int64_t generation = 0;
    json_t *spec = NULL;
    int done = 0;

    if (kn_agent_libvirt_find(lv, ref->server, &dom, err) < 0) {
        return -1;
    }
    if (dom != NULL && (unplug_live(lv, ref, dom, volume, err) < 0 || unplug_config(dom, volume, err) < 0)) {
        return -1;
    }
    if (kn_agent_guest_load(lv->conf->agent_state_dir, ref->server, &generation, &spec, NULL) == 0) {
        done = kn_agent_spec_volume(spec, volume) == NULL
                   ? 0
                   : save(lv, ref, generation, kn_agent_spec_without_volume(spec, volume), err);
        json_decref(spec);
    }
    return done;
}

int kn_agent_libvirt_detach_disk(void *state, const struct kn_agent_guest_ref *ref, const char *volume,
                                 struct kn_error *err)
{
    struct kn_agent_libvirt *lv = state;
    int done;

    kn_agent_libvirt_begin(lv, ref->server);
    done = detach(lv, ref, volume, err);
    kn_agent_libvirt_end(lv, ref->server, -1);
    return done;
}
