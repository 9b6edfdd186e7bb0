/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/snapshot: a file of a guest's root disk at one moment. Of one that runs QEMU keeps a copy until it is whole and then lets it go: the guest's own disk is
 * never another one, so there is nothing to put back when whoever asked dies in between; the next command ends the copying and begins anew. A guest that is off has
 * its disk copied by qemu-img. Of a volume, in the same way, but for one that is off: that is its room's to copy.
 */
#include <stdio.h>

#include "compute-agent/core/guest_dir.h"
#include "compute-agent/core/snapshot.h"
#include "compute-agent/libvirt/domain_scan.h"
#include "compute-agent/libvirt/private.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/server_state.h"

#define LOOK_AGAIN_MS 200

struct shot {
    struct kn_agent_libvirt *lv;
    const struct kn_agent_guest_ref *ref;
    struct kn_work *work;
    virDomainPtr dom; /* NULL: not defined */
    bool quiesce;
    bool may_quiesce; /* as it can: a guest without an agent is copied all the same */
    const char *format; /* of the copy */
    char disk[PATH_MAX]; /* libvirt finds a disk by its file, too */
    char path[PATH_MAX];
};

int kn_agent_libvirt_end_copy(virDomainPtr dom, const char *disk, struct kn_error *err)
{
    virDomainBlockJobInfo info;

    if (dom == NULL || virDomainIsActive(dom) != 1 || virDomainGetBlockJobInfo(dom, disk, &info, 0) <= 0 ||
        virDomainBlockJobAbort(dom, disk, 0) == 0 || virDomainIsActive(dom) != 1) {
        return 0;
    }
    return kn_agent_libvirt_fail(err, "ending the copying of a disk");
}

static int shot_begin_job(const struct shot *s, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf xml = KN_STRBUF_INIT;

    kn_strbuf_addstr(&xml, "<disk type='file'><source file='");
    kn_strbuf_addxml(&xml, s->path);
    kn_strbuf_addf(&xml, "'/><driver type='%s'/></disk>", s->format);
    return virDomainBlockCopy(s->dom, s->disk, xml.buf, NULL, 0, VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB) == 0
               ? 0
               : kn_agent_libvirt_fail(err, "copying the disk");
}

int kn_agent_libvirt_await_copy(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, struct kn_work *work,
                                virDomainPtr dom, const char *disk, bool *ret_off, struct kn_error *err)
{
    for (;;) {
        virDomainBlockJobInfo info = { 0 };
        const int found = virDomainGetBlockJobInfo(dom, disk, &info, 0);

        if (found <= 0 && virDomainIsActive(dom) == 0) {
            *ret_off = true;
            return 0;
        }
        if (found < 0) {
            return kn_agent_libvirt_fail(err, "looking at the copying of the disk");
        }
        if (found == 0) {
            return kn_fail(err, KN_UNAVAILABLE, "the copying of the disk broke off: no space on the host?");
        }
        if (info.end > 0 && info.cur == info.end) {
            return 0;
        }
        if (kn_agent_libvirt_is_doomed(lv, ref)) {
            return kn_fail(err, KN_CONFLICT, "server \"%s\" is being deleted", ref->server);
        }
        if (lv->is_stopping) {
            return kn_fail(err, KN_UNAVAILABLE, "the agent stops");
        }
        if (kn_work_progress(work, "copying the disk", (int64_t)info.cur, (int64_t)info.end, err) < 0) {
            return -1;
        }
        kn_agent_libvirt_wait(lv, LOOK_AGAIN_MS);
    }
}

/* The copy is what the disk is when it is let go. */
static int shot_let_go(const struct shot *s, struct kn_error *err)
{
    const bool is_frozen = (s->quiesce || s->may_quiesce) && virDomainFSFreeze(s->dom, NULL, 0, 0) >= 0;
    int done = 0;

    if (s->quiesce && !is_frozen) {
        kn_agent_libvirt_fail(err, "the image demands that the guest is quiesced");
        return kn_fail(err, KN_CONFLICT, "%s", err->message);
    }
    if (virDomainBlockJobAbort(s->dom, s->disk, 0) < 0) {
        done = kn_agent_libvirt_fail(err, "letting the copy of the disk go");
    }
    if (is_frozen && virDomainFSThaw(s->dom, NULL, 0, 0) < 0) {
        struct kn_error why = { 0 };

        kn_agent_libvirt_fail(&why, "a guest that was quiesced does not go on");
        kn_log_error("snapshot", &why);
    }
    return done;
}

/* *ret_off: its disk is to be copied as that of a guest that is off. */
static int shot_of_running(const struct shot *s, bool *ret_off, struct kn_error *err)
{
    if (shot_begin_job(s, err) < 0) {
        *ret_off = virDomainIsActive(s->dom) == 0;
        return *ret_off ? 0 : -1;
    }
    return kn_agent_libvirt_await_copy(s->lv, s->ref, s->work, s->dom, s->disk, ret_off, err) < 0 ||
                   (!*ret_off && shot_let_go(s, err) < 0)
               ? -1
               : 0;
}

static int shot_copy(const struct shot *s, struct kn_error *err)
{
    bool is_off = s->dom == NULL || virDomainIsActive(s->dom) != 1;

    if (!is_off && shot_of_running(s, &is_off, err) < 0) {
        return -1;
    }
    return !is_off                                    ? 0
           : kn_agent_snapshot_drop(s->path, err) < 0 ? -1
                                                      : kn_agent_snapshot_copy(s->disk, s->path, s->work, err);
}

/* Nothing at work on the disk, and no file. */
static int shot_drop(const struct shot *s, struct kn_error *err)
{
    return kn_agent_libvirt_end_copy(s->dom, s->disk, err) < 0 ? -1 : kn_agent_snapshot_drop(s->path, err);
}

/* dom: AUTO_DOM of the caller. */
static int shot_open(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, struct shot *ret,
                     virDomainPtr *ret_dom, struct kn_error *err)
{
    *ret = (struct shot){ .lv = lv, .ref = ref, .format = "qcow2" };
    kn_agent_guest_path(lv->conf->agent_state_dir, ref->server, KN_GUEST_DISK, ret->disk);
    kn_agent_guest_path(lv->conf->agent_state_dir, ref->server, KN_GUEST_SNAPSHOT, ret->path);
    if (kn_agent_libvirt_find(lv, ref->server, ret_dom, err) < 0) {
        return -1;
    }
    ret->dom = *ret_dom;
    return 0;
}

int kn_agent_libvirt_snapshot(void *state, const struct kn_agent_guest_ref *ref, bool quiesce, struct kn_work *work,
                              json_t **ret_made, struct kn_error *err)
{
    AUTO_DOM virDomainPtr dom = NULL;
    struct shot s;

    if (shot_open(state, ref, &s, &dom, err) < 0 || shot_drop(&s, err) < 0 ||
        kn_agent_snapshot_room(s.disk, s.path, err) < 0) {
        return -1;
    }
    s.work = work;
    s.quiesce = quiesce;
    if (shot_copy(&s, err) < 0 || kn_agent_snapshot_seal(s.path, "qcow2", work, ret_made, err) < 0) {
        shot_drop(&s, NULL);
        return -1;
    }
    return 0;
}

int kn_agent_libvirt_upload(void *state, const struct kn_agent_guest_ref *ref, const json_t *body, struct kn_work *work,
                            struct kn_error *err)
{
    char path[PATH_MAX];

    kn_agent_guest_path(((struct kn_agent_libvirt *)state)->conf->agent_state_dir, ref->server, KN_GUEST_SNAPSHOT,
                        path);
    return kn_agent_snapshot_upload(path, body, work, err);
}

int kn_agent_libvirt_drop_snapshot(void *state, const struct kn_agent_guest_ref *ref, struct kn_error *err)
{
    AUTO_DOM virDomainPtr dom = NULL;
    struct shot s;

    return shot_open(state, ref, &s, &dom, err) < 0 ? -1 : shot_drop(&s, err);
}

/* --- of a volume ---------------------------------------------------------------------------------------------------------------- */

/* dom: AUTO_DOM of the caller. *ret->disk stays empty where the guest is off or has no such volume. */
static int shot_open_volume(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref,
                            const struct kn_agent_disk_copy *copy, struct shot *ret, virDomainPtr *ret_dom,
                            struct kn_error *err)
{
    AUTO_FACES struct kn_agent_faces f = { NULL, NULL };
    struct kn_agent_scanned_disk disk;
    json_auto_t *spec = NULL;

    *ret = (struct shot){ .lv = lv, .ref = ref, .format = copy->format, .may_quiesce = true };
    kn_copy(ret->path, sizeof(ret->path), copy->path);
    if (kn_agent_libvirt_find(lv, ref->server, ret_dom, err) < 0 ||
        (*ret_dom != NULL && kn_agent_libvirt_faces(*ret_dom, &f, err) < 0)) {
        return -1;
    }
    kn_agent_guest_load(lv->conf->agent_state_dir, ref->server, NULL, &spec, NULL);
    if (f.live != NULL && kn_agent_libvirt_disk_find(spec, f.live, copy->volume, &disk)) {
        kn_copy(ret->disk, sizeof(ret->disk), disk.device);
        ret->dom = *ret_dom;
    }
    return 0;
}

int kn_agent_libvirt_copy_disk(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_disk_copy *copy,
                               struct kn_work *work, bool *ret_copied, struct kn_error *err)
{
    AUTO_DOM virDomainPtr dom = NULL;
    bool is_off = false;
    struct shot s;

    if (shot_open_volume(state, ref, copy, &s, &dom, err) < 0 || shot_drop(&s, err) < 0) {
        return -1;
    }
    s.work = work;
    if (s.dom != NULL && shot_of_running(&s, &is_off, err) < 0) {
        shot_drop(&s, NULL);
        return -1;
    }
    *ret_copied = s.dom != NULL && !is_off;
    return 0;
}

int kn_agent_libvirt_drop_copy(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_disk_copy *copy,
                               struct kn_error *err)
{
    AUTO_DOM virDomainPtr dom = NULL;
    struct shot s;

    return shot_open_volume(state, ref, copy, &s, &dom, err) < 0 ? -1 : shot_drop(&s, err);
}
