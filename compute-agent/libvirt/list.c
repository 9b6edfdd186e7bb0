/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/list: what is really on the host: domains of ours, and directories whose domain is missing (a spawn that did
 * not get far): those count as guests without power, so that whoever knows better can ask for their end.
 */
#include <stdlib.h>
#include <string.h>

#include "compute-agent/core/guest_dir.h"
#include "compute-agent/core/spec.h"
#include "compute-agent/core/tombstone.h"
#include "compute-agent/libvirt/domain_scan.h"
#include "compute-agent/libvirt/domain_xml.h"
#include "compute-agent/libvirt/private.h"
#include "lib/domain/form.h"
#include "lib/domain/server_state.h"

#define TAP_SIZE 16

int64_t kn_agent_libvirt_generation(struct kn_agent_libvirt *lv, virDomainPtr dom, const char *server)
{
    AUTO_FREE char *metadata = virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, KN_DOMAIN_NAMESPACE, 0);
    int64_t generation = metadata != NULL ? kn_agent_scan_generation(metadata) : 0;

    if (generation == 0) {
        kn_agent_guest_load(lv->conf->agent_state_dir, server, &generation, NULL, NULL);
    }
    return generation;
}

int kn_agent_libvirt_look(void *state, const struct kn_agent_guest_ref *ref, struct kn_agent_guest *ret,
                          struct kn_error *err)
{
    struct kn_agent_libvirt *lv = state;
    AUTO_DOM virDomainPtr dom = NULL;
    int64_t generation = 0;
    int64_t buried = kn_agent_tombstone_get(lv->conf->agent_state_dir, ref->server);
    bool has_dir;

    if (kn_agent_libvirt_find(lv, ref->server, &dom, err) < 0) {
        return -1;
    }
    has_dir = kn_agent_guest_load(lv->conf->agent_state_dir, ref->server, &generation, NULL, NULL) == 0;
    if (dom != NULL) {
        generation = kn_agent_libvirt_generation(lv, dom, ref->server);
    }
    *ret = (struct kn_agent_guest){ generation, dom != NULL || has_dir, KN_POWER_NONE };
    if (dom != NULL) {
        ret->power_state = kn_agent_libvirt_power_state(dom, NULL);
    }
    /* A destroy that did not come to its end: what is left is no guest any more. */
    if (buried > 0 && buried >= generation) {
        ret->generation = buried;
        ret->exists = false;
    }
    return 0;
}

int kn_agent_libvirt_obey(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_order *asked,
                          struct kn_error *err)
{
    struct kn_agent_libvirt *lv = state;

    return kn_agent_order_obey(lv->conf->agent_state_dir, ref->server, asked, err);
}

int kn_agent_libvirt_done(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_order *order,
                          int part, const json_t *answer, struct kn_error *err)
{
    const struct kn_agent_libvirt *lv = state;

    return kn_agent_order_done(lv->conf->agent_state_dir, ref->server, order, part, answer, err);
}

json_t *kn_agent_libvirt_answer(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_order *order,
                                int part)
{
    const struct kn_agent_libvirt *lv = state;

    return kn_agent_order_answer(lv->conf->agent_state_dir, ref->server, order, part);
}

/* Calls visit for each domain of ours. */
static int each_domain(struct kn_agent_libvirt *lv,
                       void (*visit)(struct kn_agent_libvirt *lv, virDomainPtr dom, const char *server, void *ctx),
                       void *ctx, struct kn_error *err)
{
    AUTO_CONN virConnectPtr conn = NULL;
    virDomainPtr *domains = NULL;
    int count;

    if (kn_agent_libvirt_conn(lv, &conn, err) < 0) {
        return -1;
    }
    count = virConnectListAllDomains(conn, &domains, 0);
    if (count < 0) {
        return kn_agent_libvirt_fail(err, "listing domains");
    }
    for (int i = 0; i < count; i++) {
        char server[VIR_UUID_STRING_BUFLEN];
        if (strncmp(virDomainGetName(domains[i]), "kn-", 3) == 0 && virDomainGetUUIDString(domains[i], server) == 0) {
            visit(lv, domains[i], server, ctx);
        }
        virDomainFree(domains[i]);
    }
    free(domains);
    return 0;
}

struct list_roll {
    kn_agent_guest_visit *visit;
    void *ctx;
    json_t *seen; /* servers with a domain, as keys */
};

static void list_roll_add(struct kn_agent_libvirt *lv, virDomainPtr dom, const char *server, void *ctx)
{
    struct list_roll *roll = ctx;
    struct kn_agent_guest guest = { kn_agent_libvirt_generation(lv, dom, server), true,
                                    kn_agent_libvirt_power_state(dom, NULL) };

    json_object_set_new(roll->seen, server, json_true());
    kn_agent_libvirt_note(lv, server, guest.power_state);
    if (lv->is_lxc) { /* an agent that begins hears what runs already */
        kn_agent_container_listen(lv, dom, server);
    }
    roll->visit(roll->ctx, server, &guest);
}

/* Directories without a domain. */
static void roll_add_dirs(struct kn_agent_libvirt *lv, struct list_roll *roll)
{
    json_t *servers = kn_agent_guest_servers(lv->conf->agent_state_dir);
    size_t i;
    json_t *item;

    json_array_foreach (servers, i, item) {
        struct kn_agent_guest guest = { 0, true, KN_POWER_NONE };
        const char *server = json_string_value(item);
        if (json_object_get(roll->seen, server) == NULL &&
            kn_agent_guest_load(lv->conf->agent_state_dir, server, &guest.generation, NULL, NULL) == 0) {
            roll->visit(roll->ctx, server, &guest);
        }
    }
    json_decref(servers);
}

int kn_agent_libvirt_list(void *state, const char *host, kn_agent_guest_visit *visit, void *ctx, struct kn_error *err)
{
    struct kn_agent_libvirt *lv = state;
    struct list_roll roll = { visit, ctx, json_object() };
    int done = each_domain(lv, list_roll_add, &roll, err);

    (void)host; /* one host an agent */
    if (done == 0) {
        roll_add_dirs(lv, &roll);
    }
    json_decref(roll.seen);
    return done;
}

static void observe_one(struct kn_agent_libvirt *lv, virDomainPtr dom, const char *server, void *ctx)
{
    json_t *domains = ctx;
    json_t *volumes = json_array();
    json_t *taps = json_array();
    AUTO_FREE char *xml = virDomainGetXMLDesc(dom, 0);
    struct kn_agent_scanned_disk disk;
    json_auto_t *spec = NULL;
    char tap[TAP_SIZE];

    kn_agent_guest_load(lv->conf->agent_state_dir, server, NULL, &spec, NULL);
    for (size_t i = 0; xml != NULL && kn_agent_scan_disk(xml, i, &disk); i++) {
        if (disk.serial[0] != '\0') { /* a volume; after a swap it may have another one's */
            const char *volume = kn_agent_spec_volume_at(spec, disk.device);

            json_array_append_new(volumes, json_string(volume != NULL ? volume : disk.serial));
        }
    }
    for (size_t i = 0; xml != NULL && kn_agent_scan_tap(xml, i, tap, sizeof(tap)); i++) {
        json_array_append_new(taps, json_string(tap));
    }
    json_array_append_new(domains, kn_form_write_seen(server, kn_agent_libvirt_generation(lv, dom, server),
                                                      kn_agent_libvirt_power_state(dom, NULL), volumes, taps));
}

/* What cannot be looked at is not said. */
static void observe_firewall(struct kn_agent_libvirt *lv, json_t *seen)
{
    char wanted[17], kernel[17];
    struct kn_error why;

    if (kn_network_host_firewall_digests(lv->net, wanted, kernel, &why) == 0) {
        json_object_set_new(seen, "firewall", kn_form_write_firewall(wanted, kernel));
    }
}

int kn_agent_libvirt_observe(void *state, const char *host, json_t **ret_seen, struct kn_error *err)
{
    struct kn_agent_libvirt *lv = state;
    json_t *domains = json_array();

    (void)host;
    if (each_domain(lv, observe_one, domains, err) < 0) {
        json_decref(domains);
        return -1;
    }
    *ret_seen = json_pack("{s:o, s:o, s:o, s:o}", "domains", domains, "taps", kn_network_host_taps(lv->net), "dirs",
                          kn_agent_guest_servers(lv->conf->agent_state_dir), "networks", kn_network_host_told(lv->net));
    observe_firewall(lv, *ret_seen);
    return 0;
}
