/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/disk: volumes in and out of a guest, and larger: in spec.json, in the domain's configuration and in the running guest,
 * each on its own, so that whatever a crash left half done is completed by the same command coming again.
 */
#include <string.h>

#include "lib/domain/device.h"
#include "compute-agent/core/guest_dir.h"
#include "compute-agent/core/spec.h"
#include "compute-agent/libvirt/domain_scan.h"
#include "compute-agent/libvirt/domain_xml.h"
#include "compute-agent/libvirt/private.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

bool kn_agent_libvirt_disk_find(const json_t *spec, const char *xml, const char *volume,
                                struct kn_agent_scanned_disk *ret)
{
    const json_t *entry = kn_agent_spec_volume(spec, volume);

    if (entry != NULL) {
        return kn_agent_scan_disk_at(xml, kn_json_str(entry, "device") + strlen("/dev/"), ret);
    }
    return kn_agent_scan_disk_find(xml, volume, ret) && kn_agent_spec_volume_at(spec, ret->device) == NULL;
}

/* The device that the volume has, or shall have. */
static int choose_device(const struct kn_agent_faces *f, const json_t *spec, const char *volume, const char *wish,
                         char ret_device[KN_DEVICE_SIZE], struct kn_error *err)
{
    struct kn_agent_scanned_disk disk;
    const json_t *entry = kn_agent_spec_volume(spec, volume);
    uint32_t used = kn_agent_scan_devices(f->config) | kn_agent_spec_devices(spec);

    if ((f->live != NULL && kn_agent_libvirt_disk_find(spec, f->live, volume, &disk)) ||
        kn_agent_libvirt_disk_find(spec, f->config, volume, &disk)) {
        kn_copy(ret_device, KN_DEVICE_SIZE, disk.device);
        return 0;
    }
    if (entry != NULL) { /* a crash came between the spec and the domain */
        kn_copy(ret_device, KN_DEVICE_SIZE, kn_json_str(entry, "device") + strlen("/dev/"));
        return 0;
    }
    used |= f->live != NULL ? kn_agent_scan_devices(f->live) : 0;
    return kn_device_pick(used, wish, ret_device, err);
}

static int plug(virDomainPtr dom, const struct kn_agent_faces *f, const struct kn_agent_domain_disk *disk,
                struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf xml = KN_STRBUF_INIT;
    struct kn_agent_scanned_disk there;

    kn_agent_domain_disk_xml(disk, &xml);
    if (f->live != NULL && !kn_agent_scan_disk_at(f->live, disk->device, &there) &&
        virDomainAttachDeviceFlags(dom, xml.buf, VIR_DOMAIN_AFFECT_LIVE) < 0) {
        return kn_agent_libvirt_fail(err, "plugging the volume in");
    }
    if (!kn_agent_scan_disk_at(f->config, disk->device, &there) &&
        virDomainAttachDeviceFlags(dom, xml.buf, VIR_DOMAIN_AFFECT_CONFIG) < 0) {
        return kn_agent_libvirt_fail(err, "adding the volume to the domain");
    }
    return 0;
}

static bool disk_holds(const char *xml, const struct kn_agent_held *held, struct kn_strbuf *out)
{
    struct kn_agent_scanned_disk disk;

    if (!kn_agent_libvirt_disk_find(held->spec, xml, held->id, &disk)) {
        return false;
    }
    /* libvirt finds a disk by its target. */
    kn_strbuf_addf(out, "<disk type='file' device='disk'><target dev='%s' bus='virtio'/><serial>%s</serial></disk>",
                   disk.device, disk.serial);
    return true;
}

/* What a guest was asked to let go of comes in only after it did: it would go out again behind our back. */
static int disk_is_let_go(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, virDomainPtr dom,
                          const char *volume, const json_t *spec, struct kn_error *err)
{
    const struct kn_agent_held held = { disk_holds, volume, "volume", spec };

    return kn_agent_spec_is_leaving(spec, volume) ? kn_agent_libvirt_unplug(lv, ref, dom, &held, err) : 0;
}

static int attach(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, const char *volume,
                  const json_t *connection, const char *wish, char ret_device[KN_DEVICE_SIZE], struct kn_error *err)
{
    AUTO_DOM virDomainPtr dom = NULL;
    AUTO_FACES struct kn_agent_faces f = { NULL, NULL };
    char socket[KN_REMOTE_SOCKET_SIZE];
    int64_t generation = 0;
    json_t *spec = NULL;

    if (kn_agent_libvirt_need(lv, ref, &dom, err) < 0 ||
        kn_agent_guest_load(lv->conf->agent_state_dir, ref->server, &generation, &spec, err) < 0) {
        return -1;
    }
    if (disk_is_let_go(lv, ref, dom, volume, spec, err) < 0 || kn_agent_libvirt_faces(dom, &f, err) < 0) {
        json_decref(spec);
        return -1;
    }
    if (choose_device(&f, spec, volume, wish, ret_device, err) < 0 ||
        kn_agent_libvirt_keep_spec(lv, ref, generation, kn_agent_spec_with_volume(spec, volume, ret_device, connection),
                                   err) < 0) {
        json_decref(spec);
        return -1;
    }
    const struct kn_agent_domain_disk disk = kn_agent_spec_disk(ref->server, volume, ret_device, connection, socket);
    const bool is_plugged = kn_agent_libvirt_remote_disk(lv, ref->server, volume, connection, err) == 0 &&
                            kn_agent_libvirt_secret_put(lv, ref, volume, connection, err) == 0 &&
                            plug(dom, &f, &disk, err) == 0;
    kn_agent_libvirt_secret_drop(lv, ref->server, volume, connection);
    if (!is_plugged) {
        kn_agent_libvirt_keep_spec(lv, ref, generation, kn_agent_spec_without_volume(spec, volume),
                                   NULL); /* or the next hard reboot would want it */
        kn_agent_libvirt_remote_poke(lv); /* its daemon is nobody's now */
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

    if (!kn_agent_remote_disk_is(connection) && kn_json_str(connection, "path")[0] != '/') {
        return kn_fail(err, KN_BAD_REQUEST, "connection of volume \"%s\" has no path", volume);
    }
    kn_agent_libvirt_begin(lv, ref->server);
    done = attach(lv, ref, volume, connection, wish, ret_device, err);
    kn_agent_libvirt_end(lv, ref->server, -1);
    return done;
}

static int detach(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, const char *volume,
                  struct kn_error *err)
{
    AUTO_DOM virDomainPtr dom = NULL;
    json_auto_t *spec = NULL;
    int64_t generation = 0;

    kn_agent_guest_load(lv->conf->agent_state_dir, ref->server, &generation, &spec, NULL);
    const struct kn_agent_held held = { disk_holds, volume, "volume", spec };

    if (kn_agent_libvirt_find(lv, ref->server, &dom, err) < 0 ||
        (dom != NULL && (kn_agent_libvirt_unplug(lv, ref, dom, &held, err) < 0 ||
                         kn_agent_libvirt_unplug_config(dom, &held, err) < 0))) {
        return -1;
    }
    return kn_agent_spec_volume(spec, volume) != NULL &&
                   kn_agent_libvirt_keep_spec(lv, ref, generation, kn_agent_spec_without_volume(spec, volume), err) < 0
               ? -1
               : kn_agent_libvirt_remote_gone(lv, ref->server, volume, err);
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

/* The disk of a guest that runs; one that is as large is left as it is: never does one shrink. */
static int disk_grow(virDomainPtr dom, const char *device, int64_t bytes, struct kn_error *err)
{
    virDomainBlockInfo info;

    if (virDomainGetBlockInfo(dom, device, &info, 0) == 0 && info.capacity > (unsigned long long)bytes) {
        return 0;
    }
    return virDomainBlockResize(dom, device, (unsigned long long)bytes, VIR_DOMAIN_BLOCK_RESIZE_BYTES) == 0
               ? 0
               : kn_agent_libvirt_fail(err, "telling the guest that its volume grew");
}

int kn_agent_libvirt_resize_disk(void *state, const struct kn_agent_guest_ref *ref, const char *volume, int64_t bytes,
                                 struct kn_error *err)
{
    struct kn_agent_libvirt *lv = state;
    AUTO_DOM virDomainPtr dom = NULL;
    AUTO_FACES struct kn_agent_faces f = { NULL, NULL };
    struct kn_agent_scanned_disk disk;
    json_auto_t *spec = NULL;

    if (kn_agent_libvirt_find(lv, ref->server, &dom, err) < 0 ||
        (dom != NULL && kn_agent_libvirt_faces(dom, &f, err) < 0)) {
        return -1;
    }
    kn_agent_guest_load(lv->conf->agent_state_dir, ref->server, NULL, &spec, NULL);
    return f.live != NULL && kn_agent_libvirt_disk_find(spec, f.live, volume, &disk)
               ? disk_grow(dom, disk.device, bytes, err)
               : 0;
}
