/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of an image's properties Nova knows, by their names of today and of old: a server shows these from 2.98 on. Those that describe block devices (mappings,
 * block_device_mapping, bdm_v2) are none of them: Nova keeps them with no server, either.
 */
#include "compute/rows/image_properties.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compute/rows/asked.h"
#include "lib/base/cleanup.h"

#define MOST 255 /* bytes of a value that Nova keeps */

/* The bytes of it that are kept: no character is cut. */
static size_t kept_length(const char *text)
{
    size_t len = strnlen(text, MOST + 1);

    if (len <= MOST) {
        return len;
    }
    for (len = MOST; len > 0 && ((unsigned char)text[len] & 0xC0U) == 0x80U; len--) {
    }
    return len;
}

/* Those of the placement's are names of their own, and so many of Nova's list. */
static bool image_property_is_novas(const char *name)
{
    const struct kn_compute_asked *row = kn_compute_asked_find(KN_ASKED_IMAGE, name);

    return row != NULL && strpbrk(row->name, "#@") == NULL && strcmp(name, "os_shutdown_timeout") != 0;
}

char *kn_compute_image_properties(const json_t *properties)
{
    json_auto_t *kept = json_object();
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)properties, name, value) {
        const char *text = json_string_value(value);

        if (text != NULL && image_property_is_novas(name)) {
            json_object_set_new(kept, name, json_stringn(text, kept_length(text)));
        }
    }
    return json_object_size(kept) == 0 ? NULL : json_dumps(kept, JSON_COMPACT);
}
