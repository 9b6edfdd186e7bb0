/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/swap: one volume in the place of another under a guest that runs. QEMU copies and keeps the copy whole; then the guest is paused, its disk becomes the copy, spec.json says so, and the guest goes on.
 * Nothing is written between the disk's change and the spec's, so whatever dies there: what the spec says is the guest's disk, and it has every byte. Until then the spec has a note of what is under
 * way; whoever finds one looks what the guest has and brings that to its end (swap_settle): by the note it goes on, the copy is let go, and the configuration says what the spec says.
 */
#include <string.h>

#include "compute-agent/core/guest_dir.h"
#include "compute-agent/core/spec.h"
#include "compute-agent/libvirt/domain_xml.h"
#include "compute-agent/libvirt/private.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "lib/domain/message.h"
#include "lib/domain/server_state.h"

#define PIVOT_WAIT_MS 60000 /* for what a guest that was paused has written last */
#define PIVOT_AGAIN_MS 100

struct swap {
    struct kn_agent_libvirt *lv;
    const struct kn_agent_guest_ref *ref;
    struct kn_work *work;
    virDomainPtr dom; /* NULL: not defined */
    json_t *spec; /* owned, as it is kept */
    int64_t generation;
    char device[KN_DEVICE_SIZE];
};

static void swap_release(struct swap *s)
{
    json_decref(s->spec);
    if (s->dom != NULL) {
        virDomainFree(s->dom);
    }
}
#define AUTO_SWAP __attribute__((cleanup(swap_release)))

/* Steals the spec. */
static int swap_keep(struct swap *s, json_t *spec, struct kn_error *err)
{
    if (kn_agent_libvirt_keep_spec(s->lv, s->ref, s->generation, json_incref(spec), err) < 0) {
        json_decref(spec);
        return -1;
    }
    json_decref(s->spec);
    s->spec = spec;
    return 0;
}

/* The device of a volume that the spec has; false: it has no such volume. */
static bool swap_has(struct swap *s, const char *volume)
{
    const json_t *entry = kn_agent_spec_volume(s->spec, volume);

    if (entry != NULL) {
        kn_copy(s->device, sizeof(s->device), kn_json_str(entry, "device") + strlen("/dev/"));
    }
    return entry != NULL;
}

/* Whether this face of the guest has what that connection leads to in its place. */
static bool swap_is_at(const struct swap *s, const char *xml, const char *volume, const json_t *connection)
{
    char socket[KN_REMOTE_SOCKET_SIZE], source[PATH_MAX];
    const struct kn_agent_domain_disk disk = kn_agent_spec_disk(s->ref->server, volume, s->device, connection, socket);

    return kn_agent_scan_source(xml, s->device, source, sizeof(source)) && strcmp(source, disk.path) == 0;
}

/* --- whatever was begun, to its end ---------------------------------------------------------------------------------------------- */

/* How fast the disk may be is its volume's to say. */
static int swap_hold_to(const struct swap *s, const json_t *limits, struct kn_error *err)
{
    virTypedParameterPtr params = NULL;
    int count = 0, size = 0, done = 0;

    for (const struct kn_field *rate = kn_form_disk_limits.fields; rate->kind != KN_FIELD_END && done == 0; rate++) {
        done = virTypedParamsAddULLong(&params, &count, &size, rate->name,
                                       (unsigned long long)kn_json_int(limits, rate->name));
    }
    if (done == 0) {
        done = virDomainSetBlockIoTune(s->dom, s->device, params, count,
                                       VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG);
    }
    virTypedParamsFree(params, count);
    return done < 0 ? kn_agent_libvirt_fail(err, "limiting the disk") : 0;
}

/* The guest has the new one: from here on it is its disk. */
static int swap_commit(struct swap *s, const char *volume, const char *to, const json_t *connection,
                       struct kn_error *err)
{
    json_t *before = json_object_get(json_object_get(kn_agent_spec_volume(s->spec, volume), "connection"), "limits");
    const json_t *limits = json_object_get(connection, "limits");
    const bool is_other = !json_equal(before, limits);

    return swap_keep(s, kn_agent_spec_swapped(s->spec, volume, to, connection), err) < 0 ? -1
           : is_other                                                                    ? swap_hold_to(s, limits, err)
                                                                                         : 0;
}

static int swap_go_on(const struct swap *s, const json_t *note, struct kn_error *err)
{
    return kn_json_bool(note, "pauses") && kn_agent_libvirt_power_state(s->dom, NULL) == KN_POWER_PAUSED &&
                   virDomainResume(s->dom) < 0
               ? kn_agent_libvirt_fail(err, "letting the guest go on")
               : 0;
}

/* libvirt writes a disk's change into the configuration, too; what it did not come to is as the spec says. */
static int swap_configure(const struct swap *s, const char *config, const char *volume, struct kn_error *err)
{
    AUTO_DOM virDomainPtr dom = NULL;

    return swap_is_at(s, config, volume, kn_agent_spec_connection(s->spec, volume))
               ? 0
               : kn_agent_libvirt_define(s->lv, s->ref, NULL, true, NULL, &dom, err);
}

static int swap_end(struct swap *s, const json_t *note, struct kn_error *err)
{
    const char *volume = kn_json_str(note, "volume"), *to = kn_json_str(note, "to");
    AUTO_FACES struct kn_agent_faces f = { NULL, NULL };

    if (!swap_has(s, volume) && !swap_has(s, to)) {
        return swap_keep(s, kn_agent_spec_with_swap(s->spec, NULL), err);
    }
    if (s->dom != NULL &&
        (kn_agent_libvirt_end_copy(s->dom, s->device, err) < 0 || kn_agent_libvirt_faces(s->dom, &f, err) < 0)) {
        return -1;
    }
    if (swap_has(s, volume) && f.live != NULL && swap_is_at(s, f.live, to, json_object_get(note, "connection")) &&
        swap_commit(s, volume, to, json_object_get(note, "connection"), err) < 0) {
        return -1;
    }
    const bool is_swapped = swap_has(s, to);

    if ((f.live != NULL && swap_go_on(s, note, err) < 0) ||
        (f.config != NULL && swap_configure(s, f.config, is_swapped ? to : volume, err) < 0) ||
        swap_keep(s, kn_agent_spec_with_swap(s->spec, NULL), err) < 0) {
        return -1;
    }
    return kn_agent_libvirt_remote_gone(s->lv, s->ref->server, is_swapped ? volume : to, err);
}

/* libvirt may have been away since: then what was found before leads nowhere. */
static int swap_find(struct swap *s, struct kn_error *err)
{
    if (s->dom != NULL) {
        virDomainFree(s->dom);
        s->dom = NULL;
    }
    return kn_agent_libvirt_find(s->lv, s->ref->server, &s->dom, err);
}

static int swap_settle(struct swap *s, struct kn_error *err)
{
    json_auto_t *note = json_incref((json_t *)(uintptr_t)kn_agent_spec_swap(s->spec));

    return note == NULL ? 0 : swap_find(s, err) < 0 ? -1 : swap_end(s, note, err);
}

/* --- the way there --------------------------------------------------------------------------------------------------------------- */

static int swap_begin_copy(const struct swap *s, const struct kn_agent_disk_swap *asked, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf xml = KN_STRBUF_INIT;
    char socket[KN_REMOTE_SOCKET_SIZE];
    const struct kn_agent_domain_disk disk = kn_agent_spec_disk(s->ref->server, asked->to, s->device, asked->connection,
                                                                socket);

    if (kn_agent_libvirt_remote_disk(s->lv, s->ref->server, asked->to, asked->connection, err) < 0) {
        return -1;
    }
    kn_agent_domain_disk_xml(&disk, &xml);
    return virDomainBlockCopy(s->dom, s->device, xml.buf, NULL, 0,
                              VIR_DOMAIN_BLOCK_COPY_REUSE_EXT | VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB) == 0
               ? 0
               : kn_agent_libvirt_fail(err, "copying the volume");
}

/* One that its disk's error has stopped may be let go on by others, in the middle of all this. */
static int swap_pause(struct swap *s, struct kn_error *err)
{
    json_t *note = json_copy((json_t *)(uintptr_t)kn_agent_spec_swap(s->spec));

    json_object_set_new(note, "pauses", json_boolean(kn_agent_libvirt_power_state(s->dom, NULL) == KN_POWER_RUNNING));
    if (swap_keep(s, kn_agent_spec_with_swap(s->spec, note), err) < 0) {
        return -1;
    }
    if (kn_agent_libvirt_is_stopped(s->dom)) {
        return kn_fail(err, KN_UNAVAILABLE, "an error of its disk has stopped the guest");
    }
    return kn_agent_libvirt_power_state(s->dom, NULL) == KN_POWER_PAUSED || virDomainSuspend(s->dom) == 0
               ? 0
               : kn_agent_libvirt_fail(err, "pausing the guest");
}

static int swap_pivot(const struct swap *s, struct kn_error *err)
{
    for (int64_t until = kn_mono_ms() + PIVOT_WAIT_MS;;) {
        if (virDomainBlockJobAbort(s->dom, s->device, VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT) == 0) {
            return 0;
        }
        if (virGetLastErrorCode() != VIR_ERR_BLOCK_COPY_ACTIVE || kn_mono_ms() >= until) {
            return kn_agent_libvirt_fail(err, "going over to the copy");
        }
        kn_agent_libvirt_wait(s->lv, PIVOT_AGAIN_MS);
    }
}

static int swap_copy(const struct swap *s, const struct kn_agent_disk_swap *asked, struct kn_error *err)
{
    bool is_off = false;

    if (swap_begin_copy(s, asked, err) < 0 ||
        kn_agent_libvirt_await_copy(s->lv, s->ref, s->work, s->dom, s->device, &is_off, err) < 0) {
        return -1;
    }
    return is_off ? kn_fail(err, KN_CONFLICT, "server \"%s\" went off while its volume was copied", s->ref->server) : 0;
}

static int swap_go_over(struct swap *s, struct kn_error *err)
{
    return kn_work_check(s->work, err) < 0 || swap_pause(s, err) < 0 ? -1 : swap_pivot(s, err);
}

static int swap_settle_quietly(struct swap *s, struct kn_error *err)
{
    int settled;

    kn_agent_libvirt_begin(s->lv, s->ref->server);
    settled = swap_settle(s, err);
    kn_agent_libvirt_end(s->lv, s->ref->server, -1);
    return settled;
}

static int swap_run(struct swap *s, const struct kn_agent_disk_swap *asked, struct kn_error *err)
{
    struct kn_error why = { 0 };
    json_t *note = json_pack("{s:s, s:s, s:O}", "volume", asked->volume, "to", asked->to, "connection",
                             (json_t *)(uintptr_t)asked->connection);
    int done, settled;

    if (swap_keep(s, kn_agent_spec_with_swap(s->spec, note), err) < 0) {
        return -1;
    }
    done = swap_copy(s, asked, &why);
    kn_agent_libvirt_begin(s->lv, s->ref->server); /* that it is paused is nobody's business */
    done = done < 0 ? -1 : swap_go_over(s, &why);
    settled = swap_settle_quietly(s, err);
    kn_agent_libvirt_end(s->lv, s->ref->server, -1);
    if (settled == 0 && done < 0 && !swap_has(s, asked->to)) { /* what the guest has is the truth, whatever was said */
        *err = why;
        return -1;
    }
    return settled;
}

/* That the guest has what is to be swapped, and runs. */
static int swap_check(struct swap *s, const struct kn_agent_disk_swap *asked, struct kn_error *err)
{
    int is_active;

    if (!swap_has(s, asked->volume)) {
        return kn_fail(err, KN_NOT_FOUND, "server \"%s\" has no volume \"%s\"", s->ref->server, asked->volume);
    }
    if (asked->connection == NULL) {
        return kn_fail(err, KN_CONFLICT, "server \"%s\" has volume \"%s\" in the place of another", s->ref->server,
                       asked->volume);
    }
    if (kn_agent_spec_is_leaving(s->spec, asked->volume)) {
        return kn_fail(err, KN_CONFLICT, "server \"%s\" was asked to let volume \"%s\" go, and may do so at any moment",
                       s->ref->server, asked->volume);
    }
    is_active = s->dom != NULL ? virDomainIsActive(s->dom) : 0;
    return is_active == 1  ? 0
           : is_active < 0 ? kn_agent_libvirt_fail(err, "looking at the guest")
                           : kn_fail(err, KN_CONFLICT, "server \"%s\" does not run", s->ref->server);
}

int kn_agent_libvirt_swap_disk(void *state, const struct kn_agent_guest_ref *ref,
                               const struct kn_agent_disk_swap *asked, struct kn_work *work,
                               char ret_device[KN_DEVICE_SIZE], struct kn_error *err)
{
    AUTO_SWAP struct swap s = { .lv = state, .ref = ref, .work = work };

    if (kn_agent_guest_load(s.lv->conf->agent_state_dir, ref->server, &s.generation, &s.spec, err) < 0 ||
        swap_settle_quietly(&s, err) < 0 || swap_find(&s, err) < 0 ||
        (!swap_has(&s, asked->to) && (swap_check(&s, asked, err) < 0 || swap_run(&s, asked, err) < 0))) {
        return -1;
    }
    swap_has(&s, asked->to);
    kn_copy(ret_device, KN_DEVICE_SIZE, s.device);
    return 0;
}
