/* SPDX-License-Identifier: Apache-2.0 */
/* frozen.c: from libvirt's XML to machine.json and back into a domain. */
#include "compute-agent/libvirt/frozen.h"

#include <stdlib.h>
#include <string.h>

#include "compute-agent/core/file.h"
#include "compute-agent/core/guest_dir.h"
#include "compute-agent/libvirt/domain_scan.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define MACHINE_FILE "machine.json"
#define MACHINE_SIZE 64
#define PLACE_LEN 12 /* "0000:02:00.0" */

static json_t *frozen_of(const char *xml)
{
    char machine[MACHINE_SIZE];

    return kn_agent_scan_machine(xml, machine, sizeof(machine))
               ? json_pack("{s:s, s:o, s:o*}", "machine", machine, "addresses", kn_agent_scan_addresses(xml), "cpu",
                           kn_agent_scan_cpu(xml))
               : NULL;
}

/* What a device that is away for the moment (a volume, while its guest is rescued) had stays its own, unless another has it by now. */
static void frozen_keep(const json_t *older, json_t *newer)
{
    json_t *places = json_object_get(newer, "addresses"), *value, *other;
    const char *key, *other_key;

    if (json_object_get(newer, "cpu") == NULL && json_object_get(older, "cpu") != NULL) {
        json_object_set(newer, "cpu", json_object_get(older, "cpu"));
    }
    json_object_foreach (json_object_get(older, "addresses"), key, value) {
        bool is_free = json_object_get(places, key) == NULL;

        json_object_foreach (places, other_key, other) {
            is_free = is_free && strncmp(json_string_value(other), json_string_value(value), PLACE_LEN) != 0;
        }
        if (is_free) {
            json_object_set(places, key, value);
        }
    }
}

static json_t *frozen_file(const char *state_dir, const char *server)
{
    char path[PATH_MAX];

    kn_agent_guest_path(state_dir, server, MACHINE_FILE, path);
    return json_load_file(path, 0, NULL);
}

json_t *kn_agent_frozen_load(const char *state_dir, const char *server, const char *before)
{
    json_t *kept = frozen_file(state_dir, server), *frozen = before != NULL ? frozen_of(before) : NULL;

    if (frozen == NULL) {
        return kept;
    }
    frozen_keep(kept, frozen);
    json_decref(kept);
    return frozen;
}

static const char *frozen_place(const json_t *frozen, const char *kind, const char *name)
{
    AUTO_FREE char *key = kn_asprintf("%s/%s", kind, name);

    return json_string_value(json_object_get(json_object_get(frozen, "addresses"), key));
}

void kn_agent_frozen_apply(const json_t *frozen, struct kn_agent_spec_domain *d)
{
    d->domain.machine = json_string_value(json_object_get(frozen, "machine"));
    d->domain.addresses = json_object_get(frozen, "addresses");
    d->domain.cpu = json_object_get(frozen, "cpu");
    for (size_t i = 0; i < d->domain.disk_count; i++) {
        const char *bus = d->disks[i].bus;

        d->disks[i].address = bus == NULL || strcmp(bus, "virtio") == 0
                                  ? frozen_place(frozen, "disk", d->disks[i].device)
                                  : NULL;
    }
    for (size_t i = 0; i < d->domain.nic_count; i++) {
        d->nics[i].address = frozen_place(frozen, "interface", d->nics[i].mac);
    }
}

int kn_agent_frozen_save(const char *state_dir, const char *server, const char *now, struct kn_error *err)
{
    json_auto_t *frozen = frozen_of(now), *kept = frozen_file(state_dir, server);
    char dir[PATH_MAX];

    if (frozen == NULL) {
        return kn_fail(err, KN_INTERNAL, "libvirt's definition of server \"%s\" names no machine", server);
    }
    frozen_keep(kept, frozen);
    AUTO_FREE char *text = json_dumps(frozen, JSON_COMPACT | JSON_SORT_KEYS);

    kn_agent_guest_path(state_dir, server, "", dir);
    return kn_agent_file_replace(dir, MACHINE_FILE, text, err);
}
