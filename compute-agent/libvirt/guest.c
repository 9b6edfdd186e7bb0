/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/guest: a guest comes and goes. The order is the promise: spec.json first, then disk, taps, domain, start;
 * going, the tombstone first, then domain, directory, taps: nothing needs room before the disk is freed. Killed between any two lines, the same command comes again and
 * finds what is done already.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "compute-agent/core/disk.h"
#include "compute-agent/core/guest_dir.h"
#include "compute-agent/core/rootfs.h"
#include "compute-agent/core/spec.h"
#include "compute-agent/core/tombstone.h"
#include "compute-agent/libvirt/domain_scan.h"
#include "compute-agent/libvirt/domain_xml.h"
#include "compute-agent/libvirt/frozen.h"
#include "compute-agent/libvirt/machine_xml.h"
#include "compute-agent/libvirt/private.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define KILL_TRIES 5
#define START_WAIT_MS 30000

/*
 * The spec that holds from now on, saved. A command that comes twice brings the same generation: what has been attached since
 * stays. *ret_spec: new reference.
 */
static int save_spec(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, const json_t *asked,
                     json_t **ret_spec, struct kn_error *err)
{
    const char *dir = lv->conf->agent_state_dir;
    int64_t generation = 0;
    json_t *saved = NULL;
    json_t *spec;
    int done;

    if (kn_agent_guest_load(dir, ref->server, &generation, &saved, NULL) < 0 && asked == NULL) {
        return kn_fail(err, KN_NOT_FOUND, "server \"%s\" has no guest on \"%s\"", ref->server, ref->host);
    }
    spec = asked == NULL ? json_incref(saved)
                         : kn_agent_spec_merge(generation == ref->generation ? saved : NULL, asked);
    json_decref(saved);
    done = kn_agent_spec_boots(spec)
               ? kn_agent_guest_save(dir, ref->server, ref->host, ref->generation, spec, err)
               : kn_fail(err, KN_NOT_FOUND, "server \"%s\" has no disk on \"%s\"", ref->server, ref->host);
    if (done == 0) {
        *ret_spec = json_incref(spec);
    }
    json_decref(spec);
    return done;
}

/* The definition, as it would be started; NULL: there is none. To be freed. */
static char *guest_definition(virDomainPtr dom)
{
    return dom != NULL && virDomainIsPersistent(dom) == 1
               ? virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE)
               : NULL;
}

/* Another host may have what this one lacks. */
static int guest_firmware(const struct kn_conf *conf, const char *nvram, struct kn_agent_domain *d,
                          struct kn_error *err)
{
    const char *const files[] = { conf->agent_uefi_loader, conf->agent_uefi_variables };

    if (strcmp(kn_json_str(d->profile, "firmware"), "uefi") != 0) {
        return 0;
    }
    for (size_t i = 0; i < KN_COUNT(files); i++) {
        if (access(files[i], R_OK) < 0) {
            return kn_fail(err, KN_UNAVAILABLE, "this host has no UEFI: \"%s\" cannot be read (agent.uefi_…)",
                           files[i]);
        }
    }
    d->loader = files[0];
    d->variables = files[1];
    d->nvram = nvram;
    return 0;
}

/*
 * The processor of a guest that never booted under KVM: what the host's is for this machine, spelled out, so that it is in the definition before the first start. NULL: by
 * emulation it is always the same; or libvirt has no such mode and says so when it starts. New reference.
 */
static json_t *guest_processor(virConnectPtr conn, const struct kn_agent_domain *d)
{
    AUTO_FREE char *can = strcmp(d->type, "kvm") == 0
                              ? virConnectGetDomainCapabilities(conn, NULL, "x86_64", kn_agent_machine_type(d), d->type,
                                                                0)
                              : NULL;

    return can != NULL ? kn_agent_scan_host_cpu(can) : NULL;
}

/* The spec as a container. Its disk is made and mounted. */
static int guest_define_container(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, const json_t *spec,
                                  virDomainPtr *ret_dom, struct kn_error *err)
{
    AUTO_CONN virConnectPtr conn = NULL;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf xml = KN_STRBUF_INIT;
    struct kn_agent_spec_domain d;
    char root[PATH_MAX];

    kn_agent_guest_path(lv->conf->agent_state_dir, ref->server, KN_GUEST_ROOT, root);
    kn_agent_spec_domain(spec, ref->server, ref->generation, root, root, &d);
    d.domain.type = lv->type;
    d.domain.root = root;
    if (kn_agent_rootfs_ensure(lv->conf, ref->server, spec, NULL, &d.domain.first_id, err) < 0 ||
        kn_agent_libvirt_conn(lv, &conn, err) < 0) {
        return -1;
    }
    kn_agent_container_xml(&d.domain, &xml);
    *ret_dom = virDomainDefineXMLFlags(conn, xml.buf, VIR_DOMAIN_DEFINE_VALIDATE);
    return *ret_dom == NULL ? kn_agent_libvirt_fail(err, "defining the container") : 0;
}

/* before: the one that there is; NULL: none. */
static int define_xml(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, const json_t *spec,
                      virDomainPtr before, virDomainPtr *ret_dom, struct kn_error *err)
{
    AUTO_FREE char *was = guest_definition(before);
    json_auto_t *frozen = kn_agent_frozen_load(lv->conf->agent_state_dir, ref->server, was);
    AUTO_CONN virConnectPtr conn = NULL;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf xml = KN_STRBUF_INIT;
    struct kn_agent_spec_domain d;
    char root[PATH_MAX];
    char rescue[PATH_MAX];
    char console[PATH_MAX];
    char drive[PATH_MAX];
    char nvram[PATH_MAX];
    char socket[PATH_MAX];
    virDomainPtr dom;

    if (lv->is_lxc) {
        return guest_define_container(lv, ref, spec, ret_dom, err);
    }
    kn_agent_guest_path(lv->conf->agent_state_dir, ref->server, KN_GUEST_DISK, root);
    kn_agent_guest_path(lv->conf->agent_state_dir, ref->server, KN_GUEST_RESCUE, rescue);
    kn_agent_guest_path(lv->conf->agent_state_dir, ref->server, KN_GUEST_CONSOLE, console);
    kn_agent_libvirt_serial_path(ref->server, socket);
    kn_agent_spec_domain(spec, ref->server, ref->generation, root, rescue, &d);
    kn_agent_frozen_apply(frozen, &d);
    d.domain.type = lv->type;
    d.domain.console_log = console;
    kn_agent_guest_path(lv->conf->agent_state_dir, ref->server, KN_GUEST_CONFIG_DRIVE, drive);
    d.domain.config_drive = kn_json_bool(spec, "config_drive") ? drive : NULL;
    d.domain.serial_socket = socket;
    kn_agent_guest_path(lv->conf->agent_state_dir, ref->server, KN_GUEST_NVRAM, nvram);
    if (guest_firmware(lv->conf, nvram, &d.domain, err) < 0) {
        return -1;
    }
    if (kn_agent_libvirt_conn(lv, &conn, err) < 0) {
        return -1;
    }
    json_auto_t *processor = d.domain.cpu == NULL ? guest_processor(conn, &d.domain) : NULL;

    d.domain.cpu = processor != NULL ? processor : d.domain.cpu;
    kn_agent_domain_xml(&d.domain, &xml);
    dom = virDomainDefineXMLFlags(conn, xml.buf, VIR_DOMAIN_DEFINE_VALIDATE);
    if (dom == NULL) {
        return kn_agent_libvirt_fail(err, "defining the domain");
    }
    AUTO_FREE char *is = guest_definition(dom);

    if (is != NULL && kn_agent_frozen_save(lv->conf->agent_state_dir, ref->server, is, err) < 0) {
        virDomainFree(dom);
        return -1;
    }
    *ret_dom = dom;
    return 0;
}

/* What it starts from. */
static int guest_disks(struct kn_agent_libvirt *lv, const char *server, const json_t *spec, struct kn_work *work,
                       struct kn_error *err)
{
    int64_t first_id;

    if (lv->is_lxc) {
        return kn_agent_container_check(spec, err) < 0
                   ? -1
                   : kn_agent_rootfs_ensure(lv->conf, server, spec, work, &first_id, err);
    }
    if ((json_object_get(spec, "image") != NULL && kn_agent_disk_ensure(lv->conf, server, spec, work, err) < 0) ||
        kn_agent_libvirt_remote_disks(lv, server, spec, err) < 0) {
        return -1;
    }
    return kn_agent_disk_locals(lv->conf, server, spec, work, err) < 0
               ? -1
               : kn_agent_disk_rescue(lv->conf, server, spec, work, err);
}

int kn_agent_libvirt_define(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, const json_t *asked,
                            bool anew, struct kn_work *work, virDomainPtr *ret_dom, struct kn_error *err)
{
    AUTO_DOM virDomainPtr dom = NULL;
    json_t *spec = NULL;
    int done;

    if (kn_agent_libvirt_find(lv, ref->server, &dom, err) < 0 || save_spec(lv, ref, asked, &spec, err) < 0) {
        return -1;
    }
    done = guest_disks(lv, ref->server, spec, work, err);
    done = done == 0 ? kn_work_check(work, err) : done;
    if (done == 0) {
        json_auto_t *plugs = kn_agent_spec_plugs(spec);

        done = kn_network_host_plug(lv->net, ref->server, plugs, err);
    }
    if (done == 0) {
        done = kn_agent_libvirt_config_drive(lv, ref->server, spec, anew, err);
    }
    if (done == 0 && (dom == NULL || anew)) {
        AUTO_DOM virDomainPtr before = kn_steal(&dom);

        done = define_xml(lv, ref, spec, before, &dom, err);
    }
    json_decref(spec);
    if (done < 0) {
        return -1;
    }
    *ret_dom = kn_steal(&dom);
    return 0;
}

static bool is_starting(virDomainPtr dom)
{
    int state = VIR_DOMAIN_NOSTATE;
    int reason = 0;

    /* The second is a guest whose saved memory has just come in. */
    return virDomainGetState(dom, &state, &reason, 0) == 0 && state == VIR_DOMAIN_PAUSED &&
           (reason == VIR_DOMAIN_PAUSED_STARTING_UP || reason == VIR_DOMAIN_PAUSED_MIGRATION);
}

/*
 * An agent that was killed while it started a guest leaves libvirtd at it. A libvirtd that was killed at the wrong moment, and came up without
 * deploy/libvirt/forget-unborn.sh, is at it for ever: that is no start, and nobody but an operator ends it.
 */
static int await_start(virDomainPtr dom, struct kn_error *err)
{
    for (int64_t until = kn_mono_ms() + START_WAIT_MS; is_starting(dom);
         nanosleep(&(struct timespec){ 0, 50000000 }, NULL)) {
        if (kn_mono_ms() >= until) {
            return kn_fail(
                err, KN_UNAVAILABLE,
                "libvirt says for %d s that the guest is starting up: see docs/operations.md, \"starting up\"",
                START_WAIT_MS / 1000);
        }
    }
    return 0;
}

static int guest_create(virDomainPtr dom, struct kn_error *err)
{
    struct kn_error late = { 0 };

    if (virDomainCreate(dom) == 0) {
        return 0;
    }
    kn_agent_libvirt_fail(err, "starting the guest");
    return await_start(dom, &late) == 0 && virDomainIsActive(dom) == 1 ? 0
                                                                       : -1; /* it was started in between: as good */
}

int kn_agent_libvirt_start(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, virDomainPtr dom,
                           struct kn_error *err)
{
    json_auto_t *spec = NULL;

    if (await_start(dom, err) < 0) {
        return -1;
    }
    if (virDomainIsActive(dom) == 1) {
        return 0;
    }
    if (kn_agent_libvirt_secrets_put(lv, ref, &spec, err) < 0) {
        return -1;
    }
    const int rc = guest_create(dom, err);
    kn_agent_libvirt_secrets_drop(lv, ref, spec);
    if (rc == 0) {
        kn_agent_libvirt_unasked(lv, ref);
    }
    return rc;
}

int kn_agent_libvirt_kill(virDomainPtr dom, struct kn_error *err)
{
    /* On a busy machine QEMU may take longer to die than libvirt waits. */
    for (int i = 0; i < KILL_TRIES; i++) {
        if (virDomainIsActive(dom) == 0 || virDomainDestroy(dom) == 0) {
            return 0;
        }
        kn_agent_libvirt_fail(err, "stopping the guest");
        if (err != NULL && err->code == KN_NOT_FOUND) {
            return 0;
        }
        nanosleep(&(struct timespec){ 1, 0 }, NULL);
    }
    return virDomainIsActive(dom) == 0 ? 0 : -1;
}

static int ensure_running(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, const json_t *spec,
                          struct kn_work *work, int *ret_power_state, struct kn_error *err)
{
    AUTO_DOM virDomainPtr dom = NULL;

    if (kn_agent_libvirt_define(lv, ref, spec, false, work, &dom, err) < 0 ||
        kn_agent_libvirt_start(lv, ref, dom, err) < 0) {
        return -1;
    }
    kn_network_host_opened(lv->net, ref->server);
    if (lv->is_lxc && kn_agent_container_tend(lv, ref->server, err) < 0) {
        return -1;
    }
    *ret_power_state = kn_agent_libvirt_power_state(dom, NULL);
    return 0;
}

int kn_agent_libvirt_ensure_running(void *state, const struct kn_agent_guest_ref *ref, const json_t *spec,
                                    struct kn_work *work, int *ret_power_state, struct kn_error *err)
{
    struct kn_agent_libvirt *lv = state;
    int power_state = -1;
    int done;

    kn_agent_libvirt_begin(lv, ref->server);
    done = ensure_running(lv, ref, spec, work, &power_state, err);
    kn_agent_libvirt_end(lv, ref->server, power_state);
    if (done < 0) {
        return -1;
    }
    *ret_power_state = power_state;
    return 0;
}

static int undefine(const struct kn_agent_libvirt *lv, virDomainPtr dom, struct kn_error *err)
{
    const unsigned all = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
                         VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | VIR_DOMAIN_UNDEFINE_NVRAM;
    const unsigned flags = lv->is_lxc ? 0 : all; /* a container has none of it, and its driver takes none */
    const virError *e;

    if (virDomainIsPersistent(dom) != 1 || virDomainUndefineFlags(dom, flags) == 0) {
        return 0;
    }
    e = virGetLastError();
    return e != NULL && e->code == VIR_ERR_NO_DOMAIN ? 0 : kn_agent_libvirt_fail(err, "undefining the domain");
}

static int guest_destroy(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, struct kn_error *err)
{
    const char *dir = lv->conf->agent_state_dir;
    AUTO_DOM virDomainPtr dom = NULL;
    char socket[PATH_MAX];

    if (kn_agent_tombstone_put(dir, ref->server, ref->generation, err) < 0 ||
        kn_agent_libvirt_find(lv, ref->server, &dom, err) < 0) {
        return -1;
    }
    if (dom != NULL && (kn_agent_libvirt_kill(dom, err) < 0 || undefine(lv, dom, err) < 0)) {
        return -1;
    }
    kn_agent_libvirt_serial_path(ref->server, socket);
    unlink(socket);
    if (lv->is_lxc && kn_agent_rootfs_release(lv->conf, ref->server, err) < 0) {
        return -1;
    }
    return kn_agent_guest_remove(dir, ref->server, err) < 0 ||
                   kn_agent_libvirt_remote_gone(lv, ref->server, NULL, err) < 0
               ? -1
               : kn_network_host_unplug(lv->net, ref->server, err);
}

int kn_agent_libvirt_destroy(void *state, const struct kn_agent_guest_ref *ref, struct kn_error *err)
{
    struct kn_agent_libvirt *lv = state;
    int done;

    kn_agent_libvirt_begin(lv, ref->server);
    done = guest_destroy(lv, ref, err);
    kn_agent_libvirt_end(lv, ref->server, -1);
    return done;
}
