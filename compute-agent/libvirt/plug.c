/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/plug: what volumes and NICs have in common when they come and go: the domain's configuration and the running guest, each on its own, and a
 * guest that is asked for a device until it lets it go. What the device is, disk.c and nic.c know.
 */
#include "compute-agent/core/guest_dir.h"
#include "compute-agent/core/spec.h"
#include "compute-agent/libvirt/private.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

#define LET_GO_WAIT_MS 90000 /* in all, for the guest to let a device go */
#define ASK_AGAIN_MS 7000    /* a booting guest ignores the first request; to ask twice in 5 s would take it back */
#define LOOK_AGAIN_MS 500
#define DOUBLES 8 /* of one device in a configuration, that agents which died have left */

void kn_agent_libvirt_faces_release(struct kn_agent_faces *faces)
{
    free(faces->config);
    free(faces->live);
}

int kn_agent_libvirt_faces(virDomainPtr dom, struct kn_agent_faces *ret, struct kn_error *err)
{
    ret->config = virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_INACTIVE);
    ret->live = virDomainIsActive(dom) == 1 ? virDomainGetXMLDesc(dom, 0) : NULL;
    return ret->config == NULL ? kn_agent_libvirt_fail(err, "reading the domain") : 0;
}

int kn_agent_libvirt_need(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, virDomainPtr *ret_dom,
                          struct kn_error *err)
{
    if (kn_agent_libvirt_find(lv, ref->server, ret_dom, err) < 0) {
        return -1;
    }
    return *ret_dom != NULL
               ? 0
               : kn_fail(err, KN_NOT_FOUND, "server \"%s\" has no guest on \"%s\"", ref->server, ref->host);
}

int kn_agent_libvirt_keep_spec(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, int64_t generation,
                               json_t *spec, struct kn_error *err)
{
    int done = kn_agent_guest_save(lv->conf->agent_state_dir, ref->server, ref->host, generation, spec, err);

    json_decref(spec);
    return done;
}

/* False as well when the guest is off or the domain is gone: then nothing holds the device. */
static bool plug_is_held(virDomainPtr dom, const struct kn_agent_held *held, struct kn_strbuf *out)
{
    AUTO_FREE char *live = virDomainIsActive(dom) == 1 ? virDomainGetXMLDesc(dom, 0) : NULL;

    kn_strbuf_clear(out);
    return live != NULL && held->holds(live, held, out);
}

/* Noted before the guest is asked: it may let go after everybody who asked has died. */
static int plug_note(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, const char *id,
                     struct kn_error *err)
{
    json_auto_t *spec = NULL;
    int64_t generation = 0;

    if (kn_agent_guest_load(lv->conf->agent_state_dir, ref->server, &generation, &spec, NULL) < 0 ||
        kn_agent_spec_is_leaving(spec, id)) {
        return 0;
    }
    return kn_agent_libvirt_keep_spec(lv, ref, generation, kn_agent_spec_with_leaving(spec, id), err);
}

void kn_agent_libvirt_unasked(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref)
{
    json_auto_t *spec = NULL;
    int64_t generation = 0;
    struct kn_error err = { 0 };

    if (kn_agent_guest_load(lv->conf->agent_state_dir, ref->server, &generation, &spec, NULL) == 0 &&
        json_object_get(spec, "leaving") != NULL &&
        kn_agent_libvirt_keep_spec(lv, ref, generation, kn_agent_spec_without_leaving(spec), &err) < 0) {
        kn_log_error("what it was asked for before is asked again at worst", &err);
    }
}

int kn_agent_libvirt_unplug(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, virDomainPtr dom,
                            const struct kn_agent_held *held, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf xml = KN_STRBUF_INIT;
    int64_t until = kn_mono_ms() + LET_GO_WAIT_MS;
    int64_t ask_at = 0;

    while (plug_is_held(dom, held, &xml)) {
        int64_t now = kn_mono_ms();
        if (kn_agent_libvirt_is_doomed(lv, ref)) {
            return kn_fail(err, KN_CONFLICT, "server \"%s\" is being deleted", ref->server);
        }
        if (lv->is_stopping) {
            return kn_fail(err, KN_UNAVAILABLE, "the agent stops");
        }
        if (now >= until) {
            return kn_fail(err, KN_TIMEOUT, "the guest did not let %s \"%s\" go in %d s", held->what, held->id,
                           LET_GO_WAIT_MS / 1000);
        }
        if (ask_at == 0 && plug_note(lv, ref, held->id, err) < 0) {
            return -1;
        }
        if (now >= ask_at) {
            virDomainDetachDeviceFlags(dom, xml.buf, VIR_DOMAIN_AFFECT_LIVE); /* fails while it is being unplugged */
            ask_at = kn_mono_ms() + ASK_AGAIN_MS;
            continue;
        }
        kn_agent_libvirt_wait(lv, LOOK_AGAIN_MS);
    }
    return 0;
}

int kn_agent_libvirt_unplug_config(virDomainPtr dom, const struct kn_agent_held *held, struct kn_error *err)
{
    for (int tries = 0; tries < DOUBLES; tries++) {
        AUTO_FREE char *config = virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_INACTIVE);
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf xml = KN_STRBUF_INIT;

        if (config == NULL) {
            return kn_agent_libvirt_fail(err, "reading the domain");
        }
        if (!held->holds(config, held, &xml)) {
            return 0;
        }
        if (virDomainDetachDeviceFlags(dom, xml.buf, VIR_DOMAIN_AFFECT_CONFIG) < 0) {
            return kn_agent_libvirt_fail(err, "taking a device out of the domain");
        }
    }
    return kn_fail(err, KN_INTERNAL, "%s \"%s\" is in the domain again and again", held->what, held->id);
}
