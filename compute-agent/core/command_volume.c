/* SPDX-License-Identifier: Apache-2.0 */
/* command_volume: what is told of the volumes of guests. */
#include <string.h>

#include "compute-agent/core/command.h"
#include "compute-agent/core/guest_dir.h"

/* In the guest's metadata the volume has the user's tag; whoever died before it was written does all of it again. A driver may keep no spec. */
static int command_tag_volume(const struct kn_agent_call *c, const char *volume, const char *tag, struct kn_error *err)
{
    const char *dir = c->agent->daemon.conf.agent_state_dir;
    json_auto_t *spec = NULL;
    json_t *entry;
    int64_t generation = 0;
    size_t i;

    if (kn_agent_guest_load(dir, c->ref.server, &generation, &spec, NULL) < 0) {
        return 0;
    }
    json_array_foreach (json_object_get(spec, "volumes"), i, entry) {
        if (strcmp(kn_json_str(entry, "volume"), volume) == 0) {
            json_object_set_new(entry, "tag", json_string(tag));
        }
    }
    return kn_agent_guest_save(dir, c->ref.server, c->ref.host, generation, spec, err);
}

int kn_agent_command_attach_volume(struct kn_agent_call *c, struct kn_error *err)
{
    const char *tag = kn_json_str(c->body, "tag");
    char device[KN_DEVICE_SIZE];

    if (c->agent->driver->attach_disk(c->agent->driver_state, &c->ref, kn_json_str(c->body, "volume"),
                                      json_object_get(c->body, "connection"), kn_json_str(c->body, "device"), device,
                                      err) < 0 ||
        (*tag != '\0' && command_tag_volume(c, kn_json_str(c->body, "volume"), tag, err) < 0)) {
        return -1;
    }
    c->result = json_pack("{s:o}", "device", json_sprintf("/dev/%s", device));
    return 0;
}

int kn_agent_command_detach_volume(struct kn_agent_call *c, struct kn_error *err)
{
    return c->agent->driver->detach_disk(c->agent->driver_state, &c->ref, kn_json_str(c->body, "volume"), err);
}

int kn_agent_command_swap_volume(struct kn_agent_call *c, struct kn_error *err)
{
    const struct kn_agent_disk_swap swap = { kn_json_str(c->body, "volume"), kn_json_str(c->body, "to"),
                                             json_object_get(c->body, "connection") };
    char device[KN_DEVICE_SIZE];

    if (c->agent->driver->swap_disk == NULL) {
        return kn_fail(err, KN_NOT_IMPLEMENTED, "guests of this host have no volumes that could be swapped");
    }
    if (c->agent->driver->swap_disk(c->agent->driver_state, &c->ref, &swap, c->work, device, err) < 0) {
        return -1;
    }
    c->result = json_pack("{s:o}", "device", json_sprintf("/dev/%s", device));
    return 0;
}

/* Only what kilonova-volume made for it (snapshot.open) is written. */
static int command_copy_of(struct kn_agent_call *c, struct kn_agent_disk_copy *ret, struct kn_error *err)
{
    static const char NAME[] = "/.host-snapshot-";
    const char *path = kn_json_str(c->body, "path"), *name = strrchr(path, '/');

    *ret = (struct kn_agent_disk_copy){ kn_json_str(c->body, "volume"), path, kn_json_str(c->body, "format") };
    return path[0] == '/' && strncmp(name, NAME, strlen(NAME)) == 0 && kn_uuid_valid(name + strlen(NAME))
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "\"%.200s\" is no file for a copy of a volume", path);
}

int kn_agent_command_copy_volume(struct kn_agent_call *c, struct kn_error *err)
{
    const struct kn_agent_driver *driver = c->agent->driver;
    struct kn_agent_disk_copy copy;
    bool is_copied = false;

    if (command_copy_of(c, &copy, err) < 0 ||
        (driver->copy_disk != NULL &&
         driver->copy_disk(c->agent->driver_state, &c->ref, &copy, c->work, &is_copied, err) < 0)) {
        return -1;
    }
    c->result = json_pack("{s:b}", "copied", is_copied);
    return 0;
}

int kn_agent_command_drop_copy(struct kn_agent_call *c, struct kn_error *err)
{
    const struct kn_agent_driver *driver = c->agent->driver;
    struct kn_agent_disk_copy copy;

    return command_copy_of(c, &copy, err) < 0 ? -1
           : driver->drop_copy == NULL        ? 0
                                              : driver->drop_copy(c->agent->driver_state, &c->ref, &copy, err);
}

int kn_agent_command_resize_volume(struct kn_agent_call *c, struct kn_error *err)
{
    return c->agent->driver->resize_disk == NULL
               ? 0
               : c->agent->driver->resize_disk(c->agent->driver_state, &c->ref, kn_json_str(c->body, "volume"),
                                               kn_json_int(c->body, "size_gib") << 30, err);
}
