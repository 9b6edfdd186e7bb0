/* SPDX-License-Identifier: Apache-2.0 */
/* libvirt/power: the power actions, as a table. "Suspend" is libvirt's managed save; libvirt's suspend is our pause. */
#include <string.h>

#include "compute-agent/core/disk.h"
#include "compute-agent/core/guest_dir.h"
#include "compute-agent/core/rootfs.h"
#include "compute-agent/libvirt/private.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/server_state.h"

#define SHUTDOWN_WAIT_MS 60000 /* for the guest to go down by itself */
#define BUTTON_AGAIN_MS 8000 /* a guest that is booting does not hear the first press */
#define LOOK_AGAIN_MS 1000 /* events wake us up; this is for those that are lost */

struct power_call {
    struct kn_agent_libvirt *lv;
    const struct kn_agent_guest_ref *ref;
    const json_t *spec;
    virDomainPtr dom; /* NULL: not defined */
};

/* What the image says (os_shutdown_timeout), of a stop that brings no spec, too. */
static int64_t power_patience_ms(const struct power_call *c)
{
    json_auto_t *kept = NULL;
    const json_t *said;

    kn_agent_guest_load(c->lv->conf->agent_state_dir, c->ref->server, NULL, &kept, NULL);
    said = json_object_get(json_object_get(c->spec != NULL ? c->spec : kept, "machine"), "shutdown_s");
    return said != NULL ? json_integer_value(said) * 1000 : SHUTDOWN_WAIT_MS;
}

/* Presses the power button until the guest is off; KN_TIMEOUT when it does not listen, KN_CONFLICT when it is to die anyway. */
static int shut_down(struct power_call *c, struct kn_error *err)
{
    struct kn_agent_libvirt *lv = c->lv;
    virDomainPtr dom = c->dom;
    const int64_t patience_ms = power_patience_ms(c);
    int64_t until = kn_mono_ms() + patience_ms;
    int64_t press_at = 0;
    const unsigned id = virDomainGetID(dom);
    int presses = 0;

    while (virDomainIsActive(dom) == 1) {
        int64_t now = kn_mono_ms();
        if (kn_agent_libvirt_is_doomed(lv, c->ref)) {
            return kn_fail(err, KN_CONFLICT, "server \"%s\" is being deleted", c->ref->server);
        }
        if (now >= until || lv->is_stopping) {
            return kn_fail(err, KN_TIMEOUT, "the guest did not shut down in %d s", (int)(patience_ms / 1000));
        }
        if (lv->is_lxc && kn_agent_container_is_another(lv, c->ref->server, id)) {
            return 0; /* its init takes the word for a reboot: all that ran was ended */
        }
        if (lv->is_lxc && kn_agent_container_is_dead(dom)) {
            return 0; /* whatever libvirt says */
        }
        if (now >= press_at) {
            press_at = now + (lv->is_lxc && presses == 0 ? LOOK_AGAIN_MS : BUTTON_AGAIN_MS);
            if (lv->is_lxc) {
                kn_agent_container_press(dom, presses);
            } else {
                virDomainShutdownFlags(dom, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN); /* refused when it is off by now */
            }
            presses++;
        }
        kn_agent_libvirt_wait(lv, LOOK_AGAIN_MS);
    }
    return 0;
}

static int power_start(struct power_call *c, struct kn_error *err)
{
    AUTO_DOM virDomainPtr dom = NULL;

    /* Taps may be gone since it ran last (the host was restarted): ensured as for a new one. */
    return kn_agent_libvirt_define(c->lv, c->ref, c->spec, false, NULL, &dom, err) < 0
               ? -1
               : kn_agent_libvirt_start(c->lv, c->ref, dom, err);
}

static int power_stop(struct power_call *c, struct kn_error *err)
{
    int power_state = kn_agent_libvirt_power_state(c->dom, NULL);

    if (power_state == KN_POWER_RUNNING && shut_down(c, err) == 0 && !c->lv->is_lxc) {
        return 0;
    }
    if (err->code == KN_CONFLICT) {
        return -1;
    }
    if (virDomainHasManagedSaveImage(c->dom, 0) == 1 && virDomainManagedSaveRemove(c->dom, 0) < 0) {
        return kn_agent_libvirt_fail(err, "dropping the saved memory");
    }
    return kn_agent_libvirt_kill(c->dom, err);
}

/* A guest whose encrypted volumes nobody would open again stays up. */
static int power_may_go_down(const struct power_call *c, struct kn_error *err)
{
    json_auto_t *spec = NULL;

    if (c->dom == NULL || virDomainIsActive(c->dom) != 1) {
        return 0;
    }
    if (kn_agent_libvirt_secrets_put(c->lv, c->ref, &spec, err) < 0) {
        return -1;
    }
    kn_agent_libvirt_secrets_drop(c->lv, c->ref, spec); /* its start asks again, which may be much later */
    return 0;
}

/* Off, whatever it was, and defined as its spec says; the spec is saved and its disks are made before that, while it still runs. */
static int power_another_machine(struct power_call *c, virDomainPtr *ret_dom, struct kn_error *err)
{
    if (power_may_go_down(c, err) < 0) {
        return -1;
    }
    if (c->dom != NULL && !c->lv->is_lxc && json_object_get(c->spec, "rescue") != NULL &&
        kn_agent_disk_rescue(c->lv->conf, c->ref->server, c->spec, NULL, err) < 0) {
        return -1;
    }
    if (c->dom != NULL && kn_agent_libvirt_kill(c->dom, err) < 0) {
        return -1;
    }
    if (c->dom != NULL && virDomainHasManagedSaveImage(c->dom, 0) == 1) {
        virDomainManagedSaveRemove(c->dom, 0);
    }
    return kn_agent_libvirt_define(c->lv, c->ref, c->spec, true, NULL, ret_dom, err);
}

/* Also from another disk, and from its own again: the spec says which. */
static int reboot_hard(struct power_call *c, struct kn_error *err)
{
    AUTO_DOM virDomainPtr dom = NULL;

    return power_another_machine(c, &dom, err) < 0 ? -1 : kn_agent_libvirt_start(c->lv, c->ref, dom, err);
}

/* What a rescue that failed has left of a guest that was off. */
static int power_unrescue_off(struct power_call *c, struct kn_error *err)
{
    AUTO_DOM virDomainPtr dom = NULL;

    return power_another_machine(c, &dom, err);
}

/* A new root disk: its image is fetched while the guest runs on its old one. Asked for again, it is made once more. One that is a volume is none of this host's to make. */
static int power_another_disk(struct power_call *c, virDomainPtr *ret_dom, struct kn_error *err)
{
    const json_t *image = json_object_get(c->spec, "image");

    if ((image != NULL && kn_agent_disk_fetch(c->lv->conf, image, NULL, err) < 0) || power_may_go_down(c, err) < 0 ||
        (c->dom != NULL && kn_agent_libvirt_kill(c->dom, err) < 0) ||
        (c->lv->is_lxc ? kn_agent_rootfs_drop(c->lv->conf, c->ref->server, err)
                       : kn_agent_disk_drop(c->lv->conf, c->ref->server, err)) < 0) {
        return -1;
    }
    return power_another_machine(c, ret_dom, err);
}

static int power_rebuild(struct power_call *c, struct kn_error *err)
{
    AUTO_DOM virDomainPtr dom = NULL;

    return power_another_disk(c, &dom, err) < 0 ? -1 : kn_agent_libvirt_start(c->lv, c->ref, dom, err);
}

static int power_rebuild_off(struct power_call *c, struct kn_error *err)
{
    AUTO_DOM virDomainPtr dom = NULL;

    return power_another_disk(c, &dom, err);
}

static int reboot_soft(struct power_call *c, struct kn_error *err)
{
    if (power_may_go_down(c, err) < 0) {
        return -1;
    }
    if (shut_down(c, err) == 0) {
        return power_start(c, err);
    }
    return err->code == KN_CONFLICT ? -1 : reboot_hard(c, err);
}

/* libvirt pauses nobody whom an error of his disk stopped already, and so would not know that he is to stay. */
static int pause_guest(struct power_call *c, struct kn_error *err)
{
    if (kn_agent_libvirt_is_stopped(c->dom) && kn_agent_libvirt_hold(c->lv, c->dom, c->ref->server, err) < 0) {
        return -1;
    }
    if (kn_agent_libvirt_power_state(c->dom, NULL) == KN_POWER_PAUSED || virDomainSuspend(c->dom) == 0) {
        return 0;
    }
    return kn_agent_libvirt_fail(err, "pausing the guest");
}

static int unpause(struct power_call *c, struct kn_error *err)
{
    kn_agent_libvirt_let_go_on(c->lv, c->ref->server);
    if (kn_agent_libvirt_power_state(c->dom, NULL) == KN_POWER_RUNNING || virDomainResume(c->dom) == 0) {
        return 0;
    }
    return kn_agent_libvirt_fail(err, "unpausing the guest");
}

static int suspend(struct power_call *c, struct kn_error *err)
{
    /* After resume it runs, whether or not it was paused: a save of a paused guest would come back paused. */
    if (kn_agent_libvirt_power_state(c->dom, NULL) == KN_POWER_SUSPENDED ||
        virDomainManagedSave(c->dom, VIR_DOMAIN_SAVE_RUNNING) == 0) {
        return 0;
    }
    kn_agent_libvirt_fail(err, "saving the guest's memory");
    /* An agent that was killed while it saved leaves libvirtd at it: that one ended it, and this one found nobody to save. */
    return kn_agent_libvirt_power_state(c->dom, NULL) == KN_POWER_SUSPENDED ? 0 : -1;
}

/* A non-maskable interrupt: what the guest's kernel does then, the guest has said (kernel.unknown_nmi_panic, kdump). */
static int power_crash_dump(struct power_call *c, struct kn_error *err)
{
    return virDomainInjectNMI(c->dom, 0) == 0 ? 0 : kn_agent_libvirt_fail(err, "interrupting the guest");
}

static const struct power_action {
    const char *name;
    bool needs_domain;
    bool needs_qemu; /* no container knows it */
    int (*run)(struct power_call *c, struct kn_error *err);
} ACTIONS[] = {
    { "start", false, false, power_start },
    { "stop", true, false, power_stop },
    { "reboot_soft", true, false, reboot_soft },
    { "reboot_hard", false, false, reboot_hard },
    { "pause", true, false, pause_guest },
    { "unpause", true, false, unpause },
    { "suspend", true, true, suspend },
    { "resume", false, true, power_start }, /* starting a saved guest gives it its memory back */
    { "rescue", false, true, reboot_hard },
    { "unrescue", false, true, reboot_hard },
    { "crash_dump", true, true, power_crash_dump },
    { "unrescue_off", false, true, power_unrescue_off },
    { "rebuild", false, false, power_rebuild },
    { "rebuild_off", false, false, power_rebuild_off },
};

static const struct power_action *action_find(const char *name)
{
    for (size_t i = 0; i < KN_COUNT(ACTIONS); i++) {
        if (strcmp(ACTIONS[i].name, name) == 0) {
            return &ACTIONS[i];
        }
    }
    return NULL;
}

static int power_run(struct kn_agent_libvirt *lv, const struct power_action *action, struct power_call *call,
                     int *ret_power_state, struct kn_error *err)
{
    AUTO_DOM virDomainPtr dom = NULL;

    if (kn_agent_libvirt_find(lv, call->ref->server, &dom, err) < 0) {
        return -1;
    }
    call->dom = dom;
    if (dom == NULL && action->needs_domain) {
        return kn_fail(err, KN_NOT_FOUND, "server \"%s\" has no guest on \"%s\"", call->ref->server, call->ref->host);
    }
    const int done = action->run(call, err);

    kn_network_host_opened(lv->net, call->ref->server); /* also what failed may have started it */
    if (done < 0 || (lv->is_lxc && kn_agent_container_tend(lv, call->ref->server, err) < 0)) {
        return -1;
    }
    if (dom == NULL && kn_agent_libvirt_find(lv, call->ref->server, &dom, err) < 0) {
        return -1;
    }
    *ret_power_state = dom != NULL ? kn_agent_libvirt_power_state(dom, NULL) : KN_POWER_NONE;
    return 0;
}

int kn_agent_libvirt_power(void *state, const struct kn_agent_guest_ref *ref, const char *name, const json_t *spec,
                           int *ret_power_state, struct kn_error *err)
{
    struct kn_agent_libvirt *lv = state;
    const struct power_action *action = action_find(name);
    struct power_call call = { lv, ref, spec, NULL };
    int power_state = -1;
    int done;

    if (action == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "power action \"%s\" is unknown", name);
    }
    if (lv->is_lxc && action->needs_qemu) {
        return kn_fail(err, KN_NOT_IMPLEMENTED, "containers do not know \"%s\"", name);
    }
    kn_agent_libvirt_begin(lv, ref->server);
    done = power_run(lv, action, &call, &power_state, err);
    kn_agent_libvirt_end(lv, ref->server, power_state);
    if (done < 0) {
        return -1;
    }
    *ret_power_state = power_state;
    return 0;
}
