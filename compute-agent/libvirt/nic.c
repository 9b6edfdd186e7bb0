/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/nic: NICs in and out of a guest: in spec.json, as a tap of the host's networks, in the domain's configuration and in the running guest, each on its
 * own, so that whatever a crash left half done is completed by the same command coming again. In: spec, tap, guest; out: guest, spec, tap. A NIC is known by its
 * tap, whose name follows from its port.
 */
#include <stdio.h>
#include <string.h>

#include "compute-agent/core/guest_dir.h"
#include "compute-agent/core/spec.h"
#include "compute-agent/libvirt/domain_scan.h"
#include "compute-agent/libvirt/domain_xml.h"
#include "compute-agent/libvirt/private.h"
#include "lib/base/log.h"
#include "lib/domain/message.h"

#define NIC_TAP_SIZE 16
#define NIC_MAC_SIZE 18

/* The tap of a port. */
static bool nic_holds(const char *xml, const char *port, struct kn_strbuf *out)
{
    char tap[NIC_TAP_SIZE], mac[NIC_MAC_SIZE];

    snprintf(tap, sizeof(tap), "tap%.11s", port);
    if (!kn_agent_scan_nic_find(xml, tap, mac, sizeof(mac))) {
        return false;
    }
    /* libvirt finds a NIC by its MAC, and of several by its place. */
    kn_strbuf_addf(out, "<interface type='ethernet'><mac address='%s'/><target dev='%s' managed='no'/>", mac, tap);
    kn_agent_scan_nic_place(xml, tap, out);
    kn_strbuf_addstr(out, "</interface>");
    return true;
}

static bool nic_is_held(const char *xml, const struct kn_agent_held *held, struct kn_strbuf *out)
{
    return nic_holds(xml, held->id, out);
}

/* flags: VIR_DOMAIN_AFFECT_LIVE or _CONFIG. What an agent asked for that died may only now be done: it is there then, too. */
static int nic_add(virDomainPtr dom, const char *xml, const char *port, unsigned flags, struct kn_error *err)
{
    AUTO_FREE char *now = NULL;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf there = KN_STRBUF_INIT;

    if (virDomainAttachDeviceFlags(dom, xml, flags) == 0) {
        return 0;
    }
    kn_agent_libvirt_fail(err,
                          flags == VIR_DOMAIN_AFFECT_LIVE ? "plugging the NIC in" : "adding the NIC to the domain");
    now = virDomainGetXMLDesc(dom, flags == VIR_DOMAIN_AFFECT_LIVE ? 0 : VIR_DOMAIN_XML_INACTIVE);
    return now != NULL && nic_holds(now, port, &there) ? 0 : -1;
}

/* libvirt keeps two of one MAC in a configuration, and such a guest would not start. */
static int nic_be_one(virDomainPtr dom, const char *port, struct kn_error *err)
{
    char tap[NIC_TAP_SIZE];

    snprintf(tap, sizeof(tap), "tap%.11s", port);
    for (;;) {
        AUTO_FREE char *config = virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_INACTIVE);
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf one = KN_STRBUF_INIT;

        if (config == NULL) {
            return kn_agent_libvirt_fail(err, "reading the domain");
        }
        if (kn_agent_scan_nic_count(config, tap) < 2 || !nic_holds(config, port, &one)) {
            return 0;
        }
        if (virDomainDetachDeviceFlags(dom, one.buf, VIR_DOMAIN_AFFECT_CONFIG) < 0) {
            return kn_agent_libvirt_fail(err, "taking a NIC's double out of the domain");
        }
    }
}

/* A container's NIC has a name there that no other has. */
static void nic_xml(const struct kn_agent_libvirt *lv, const struct kn_agent_faces *f,
                    struct kn_agent_domain_nic *device, struct kn_strbuf *out)
{
    char name[32];

    if (!lv->is_lxc) {
        kn_agent_domain_nic_xml(device, out);
        return;
    }
    do {
        snprintf(name, sizeof(name), "<guest dev='eth%d'", device->inside++);
    } while (strstr(f->config, name) != NULL);
    device->inside--;
    kn_agent_container_nic_xml(device, out);
}

static int nic_plug(const struct kn_agent_libvirt *lv, virDomainPtr dom, const struct kn_agent_faces *f,
                    const json_t *spec, const json_t *nic, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf xml = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf there = KN_STRBUF_INIT;
    struct kn_agent_domain_nic device = kn_agent_spec_device(spec, nic);
    const char *port = kn_json_str(nic, "port");

    nic_xml(lv, f, &device, &xml);
    if (f->live != NULL && !nic_holds(f->live, port, &there) &&
        nic_add(dom, xml.buf, port, VIR_DOMAIN_AFFECT_LIVE, err) < 0) {
        return -1;
    }
    if (!nic_holds(f->config, port, &there) && nic_add(dom, xml.buf, port, VIR_DOMAIN_AFFECT_CONFIG, err) < 0) {
        return -1;
    }
    return nic_be_one(dom, port, err);
}

/* The taps of the spec's NICs, and of the server's no other. */
static int nic_taps(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, const json_t *spec,
                    struct kn_error *err)
{
    json_auto_t *plugs = kn_agent_spec_plugs(spec);

    return kn_network_host_plug(lv->net, ref->server, plugs, err);
}

/* After a refusal: the host has nothing of it any more. What is still in the guest is taken out by what comes next (server.detach_interface). */
static void nic_take_back(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, int64_t generation,
                          const json_t *without)
{
    struct kn_error why = { 0 };

    if (kn_agent_guest_save(lv->conf->agent_state_dir, ref->server, ref->host, generation, without, &why) < 0) {
        kn_log_error("taking a NIC back", &why);
    }
}

/* A NIC that the guest was asked to let go of comes in only after it did: it would go out again behind our back. */
static int nic_attach(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, const json_t *nic,
                      struct kn_error *err)
{
    AUTO_DOM virDomainPtr dom = NULL;
    AUTO_FACES struct kn_agent_faces f = { NULL, NULL };
    json_auto_t *spec = NULL, *with = NULL;
    const char *port = kn_json_str(nic, "port");
    const struct kn_agent_held held = { nic_is_held, port, "the NIC of port", NULL };
    int64_t generation = 0;

    if (kn_agent_libvirt_need(lv, ref, &dom, err) < 0 ||
        kn_agent_guest_load(lv->conf->agent_state_dir, ref->server, &generation, &spec, err) < 0 ||
        (kn_agent_spec_is_leaving(spec, port) && kn_agent_libvirt_unplug(lv, ref, dom, &held, err) < 0) ||
        kn_agent_libvirt_faces(dom, &f, err) < 0) {
        return -1;
    }
    with = kn_agent_spec_with_nic(spec, nic);
    if (kn_agent_guest_save(lv->conf->agent_state_dir, ref->server, ref->host, generation, with, err) < 0) {
        return -1;
    }
    if (nic_taps(lv, ref, with, err) < 0 || nic_plug(lv, dom, &f, spec, nic, err) < 0 ||
        (lv->is_lxc && kn_agent_container_tend(lv, ref->server, err) < 0)) {
        json_auto_t *without = kn_agent_spec_without_nic(spec, port);

        nic_take_back(lv, ref, generation, without); /* or the next hard reboot would want it */
        return -1;
    }
    return 0;
}

int kn_agent_libvirt_attach_nic(void *state, const struct kn_agent_guest_ref *ref, const json_t *nic,
                                struct kn_error *err)
{
    struct kn_agent_libvirt *lv = state;
    int done;

    kn_agent_libvirt_begin(lv, ref->server);
    done = nic_attach(lv, ref, nic, err);
    kn_network_host_opened(lv->net, ref->server);
    kn_agent_libvirt_end(lv, ref->server, -1);
    return done;
}

/* Out of the guest. With force a guest that holds on to it holds on to a wire that is cut. */
static int nic_unplug(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, virDomainPtr dom,
                      const char *port, bool force, struct kn_error *err)
{
    const struct kn_agent_held held = { nic_is_held, port, "the NIC of port", NULL };

    if (kn_agent_libvirt_unplug(lv, ref, dom, &held, err) < 0) {
        if (!force || err->code != KN_TIMEOUT) {
            return -1;
        }
        kn_log_error("its port is gone, so its wire is cut", err);
        kn_error_clear(err);
    }
    return kn_agent_libvirt_unplug_config(dom, &held, err);
}

static int nic_detach(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, const char *port, bool force,
                      struct kn_error *err)
{
    AUTO_DOM virDomainPtr dom = NULL;
    json_auto_t *spec = NULL, *without = NULL;
    int64_t generation = 0;

    if (kn_agent_libvirt_find(lv, ref->server, &dom, err) < 0 ||
        (dom != NULL && nic_unplug(lv, ref, dom, port, force, err) < 0)) {
        return -1;
    }
    if (kn_agent_guest_load(lv->conf->agent_state_dir, ref->server, &generation, &spec, NULL) < 0) {
        return 0;
    }
    without = kn_agent_spec_without_nic(spec, port);
    if (kn_agent_spec_nic(spec, port) != NULL &&
        kn_agent_guest_save(lv->conf->agent_state_dir, ref->server, ref->host, generation, without, err) < 0) {
        return -1;
    }
    return nic_taps(lv, ref, without, err);
}

int kn_agent_libvirt_detach_nic(void *state, const struct kn_agent_guest_ref *ref, const char *port, bool force,
                                struct kn_error *err)
{
    struct kn_agent_libvirt *lv = state;
    int done;

    kn_agent_libvirt_begin(lv, ref->server);
    done = nic_detach(lv, ref, port, force, err);
    kn_agent_libvirt_end(lv, ref->server, -1);
    return done;
}
