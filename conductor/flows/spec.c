/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spec of a server, built as a value. What the row says under a name of the form is copied, and nothing that an agent has no
 * use for: least knowledge.
 */
#include "conductor/flows/spec.h"

#include <string.h>

#include "conductor/flows/context.h"
#include "lib/domain/form.h"

/* Volumes that are attached, or being detached: the guest has them. */
static json_t *spec_volumes(const struct kn_conductor_task *task)
{
    json_t *volumes = json_array();
    json_t *attachment;
    size_t i;

    json_array_foreach (kn_conductor_known(task, "volumes"), i, attachment) {
        json_t *connection = json_object_get(attachment, "connection");

        if (json_is_object(connection) && strcmp(kn_json_str(attachment, "status"), "attaching") != 0) {
            json_t *disk = kn_form_write_disk(kn_json_str(attachment, "volume"), kn_json_str(attachment, "device"),
                                              connection);

            json_array_append_new(volumes, disk);
            if (json_is_integer(json_object_get(attachment, "boot"))) { /* firmware counts from 1 on */
                json_object_set_new(disk, "boot", json_integer(kn_json_int(attachment, "boot") + 1));
            }
            if (*kn_json_str(attachment, "tag") != '\0') {
                json_object_set(disk, "tag", json_object_get(attachment, "tag"));
            }
        }
    }
    return volumes;
}

/* What image.locate answered, and whose data that is: the row's image, unless the flow says another. */
static json_t *spec_image(const struct kn_conductor_task *task, json_t *located)
{
    json_t *image = json_copy(located);

    if (json_object_get(image, "id") == NULL) {
        json_object_set(image, "id", kn_conductor_known(task, "image_id"));
    }
    return image;
}

/* A host is told of networks by kilonova-network: the spec says which port is which device. */
static json_t *spec_plugs(const json_t *nics)
{
    json_t *plugs = json_array();
    const json_t *nic;
    size_t i;

    json_array_foreach (nics, i, nic) {
        json_array_append_new(plugs, kn_form_write_plug(nic));
    }
    return plugs;
}

json_t *kn_conductor_spec_build(const struct kn_conductor_task *task, const struct kn_conductor_spec_found *found)
{
    json_t *spec = json_object();

    for (const struct kn_field *field = kn_form_spec.fields; field->kind != KN_FIELD_END; field++) {
        json_t *value = kn_conductor_record_knows(task->flow->object, field->name) == NULL
                            ? NULL
                            : kn_conductor_known(task, field->name);

        if (value != NULL && !json_is_null(value)) {
            json_object_set(spec, field->name, value);
        }
    }
    json_object_set_new(spec, "zone",
                        json_string(*found->zone != '\0' ? found->zone : kn_conductor_known_str(task, "zone")));
    json_object_set_new(spec, "described", json_integer(task->id));
    json_object_set_new(spec, "nics", spec_plugs(found->nics != NULL ? found->nics : kn_conductor_known(task, "nics")));
    json_object_set_new(spec, "volumes", spec_volumes(task));
    if (found->rescue != NULL) {
        json_object_set(spec, "rescue", found->rescue);
    }
    if (found->image != NULL) {
        json_object_set_new(spec, "image", spec_image(task, found->image));
    }
    return spec;
}
