/* SPDX-License-Identifier: Apache-2.0 */
/* What the image room offers the front door: Glance's routes, and what compute asks before it accepts a server. */
#ifndef KN_IMAGE_API_H
#define KN_IMAGE_API_H

#include "lib/adapter/db.h"
#include "lib/adapter/http.h"
#include "lib/base/uuid.h"

extern const struct kn_api kn_image_api;

struct kn_image_facts {
    char id[KN_UUID_SIZE];
    char status[16];       /* Glance's: "active" is the only one to boot from */
    char disk_format[16];  /* "" while unset */
    int64_t min_disk_gib;
    int64_t min_ram_mib;
    int64_t size;          /* bytes; 0 without data */
    int64_t virtual_size;
};

/*
 * An image that the caller may use: its project's own, public, community, or shared with it and accepted; any for an admin.
 * KN_NOT_FOUND otherwise, as for one that does not exist. The status is for the caller to judge.
 */
int kn_image_usable(struct kn_db *db, const struct kn_caller *caller, const char *id, struct kn_image_facts *ret,
                    struct kn_error *err);

#endif
