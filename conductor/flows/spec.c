/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spec of a server, built as a value. It copies no row's column that an agent has no use for: least knowledge.
 */
#include "conductor/flows/spec.h"

#include <string.h>

#include "lib/base/mem.h"

/* The row's column and its name in the spec. */
static const struct {
    const char *column;
    const char *name;
} SPEC_FIELDS[] = {
    { "name", "name" },           { "hostname", "hostname" },     { "project", "project" },
    { "user", "user" },           { "vcpus", "vcpus" },           { "memory_mib", "memory_mib" },
    { "disk_gib", "disk_gib" },   { "key_name", "key_name" },     { "key_data", "public_key" },
    { "user_data", "user_data" }, { "metadata", "metadata" },     { "created_at", "created_at" },
    { "flavor", "flavor" },
};

/* Volumes that are attached, or being detached: the guest has them. */
static json_t *spec_volumes(const struct kn_task *task)
{
    json_t *volumes = json_array();
    json_t *attachment;
    size_t i;

    json_array_foreach(json_object_get(task->object, "volumes"), i, attachment) {
        json_t *connection = json_object_get(attachment, "connection");

        if (json_is_object(connection) && strcmp(kn_json_str(attachment, "status"), "attaching") != 0) {
            json_array_append_new(volumes, json_pack("{s:O, s:O, s:O}", "volume",
                                                     json_object_get(attachment, "volume"), "device",
                                                     json_object_get(attachment, "device"), "connection", connection));
        }
    }
    return volumes;
}

/* What image.locate answered, and whose data that is. */
static json_t *spec_image(const struct kn_task *task, json_t *located)
{
    json_t *image = json_copy(located);

    json_object_set(image, "id", json_object_get(task->object, "image_id"));
    return image;
}

json_t *kn_spec_build(const struct kn_task *task, const struct kn_spec_found *found)
{
    json_t *spec = json_object();

    for (size_t i = 0; i < KN_COUNT(SPEC_FIELDS); i++) {
        json_t *value = json_object_get(task->object, SPEC_FIELDS[i].column);

        if (value != NULL && !json_is_null(value)) {
            json_object_set(spec, SPEC_FIELDS[i].name, value);
        }
    }
    json_object_set_new(spec, "zone", json_string(*found->zone != '\0' ? found->zone : kn_json_str(task->object, "zone")));
    json_object_set_new(spec, "described", json_integer(task->id));
    json_object_set(spec, "nics", found->nics != NULL ? found->nics : json_object_get(task->object, "nics"));
    json_object_set_new(spec, "volumes", spec_volumes(task));
    if (found->image != NULL) {
        json_object_set_new(spec, "image", spec_image(task, found->image));
    }
    return spec;
}
