/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_plan: a POST /servers that has been understood: everything it names was found, everything it asks for can be done. What
 * cannot be honoured is refused here, in words: nothing of a request is ever ignored in silence.
 */
#ifndef KN_COMPUTE_ROWS_SERVER_PLAN_H
#define KN_COMPUTE_ROWS_SERVER_PLAN_H

#include <jansson.h>

#include "lib/adapter/http.h"
#include "lib/base/uuid.h"
#include "lib/domain/limits.h"

#define KN_RESERVATION_SIZE 11 /* "r-" + 8 */

struct kn_compute_server_plan {
    const char *project_id, *user_id, *request_id; /* borrowed from the request, as the texts below */
    const char *name;
    const char *hostname;       /* NULL: made from the name */
    const char *description;
    const char *image_id;       /* NULL: its root disk is a volume */
    const char *user_data;
    const char *key_name;
    char *key_data;
    const char *group_id;       /* NULL: of none */
    int64_t group_most;         /* members that a group may have; -1: any number */
    const char *disk_config;
    const char *access_ipv4, *access_ipv6;
    char *flavor;               /* as the row keeps it */
    char flavor_id[KN_SIZE_OF(FLAVOR_REF)];
    int64_t vcpus, memory_mib;
    char *disks;                /* beside the image's on vda; NULL: none */
    json_t *volumes;            /* those that it begins with (kn_volume_boot); NULL: none */
    const struct kn_caller *caller; /* borrowed from the request */
    json_t *properties, *specs; /* the image's and the flavor's words about the machine */
    bool is_cd;                 /* the image is one */
    char *machine;              /* what comes of them; NULL: it is as any other */
    bool config_drive;
    char *files;                /* personality, as the row keeps it; NULL: none */
    char *metadata;
    char *tags;                 /* an array literal */
    char *apart_from, *together_with; /* the same, of servers; NULL: nothing was hinted */
    char *hints;                /* all that was hinted, as it is shown; NULL: nothing */
    char *image_properties;     /* the same of the image (image_properties.h) */
    char zone[KN_SIZE_OF(ZONE)]; /* "" = any */
    char host[KN_SIZE_OF(ZONE)]; /* forced by an admin; "" = the scheduler's choice */
    char reservation_id[KN_RESERVATION_SIZE];
    int min_count, max_count;
    json_t *input;              /* of each server.create task */
};

void kn_compute_server_plan_release(struct kn_compute_server_plan *plan);
/* Checks the body and everything it refers to. Codes and words are Nova's. err must not be NULL. */
int kn_compute_server_plan_read(struct kn_request *req, struct kn_compute_server_plan *ret, struct kn_error *err);

struct kn_image_facts; /* image/api.h */
/* An image that the caller may boot from, which fits into so much; KN_BAD_REQUEST in Nova's words. missing: what is said of one that is not there. *ret_properties: its properties, a new reference; NULL: nobody asks. */
int kn_compute_plan_image(const struct kn_request *req, const char *id, const char *missing, int64_t memory_mib,
                          int64_t disk_gib, struct kn_image_facts *ret, json_t **ret_properties, struct kn_error *err);
/* The metadata as the row keeps it, to be freed; KN_QUOTA when it has more items than the project may. */
int kn_compute_plan_metadata(const struct kn_request *req, const char *project, const json_t *metadata, char **ret_text,
                             struct kn_error *err);
/* The public key of the caller's, without its end of line, to be freed. KN_BAD_REQUEST. */
int kn_compute_plan_key(const struct kn_request *req, const char *name, char **ret_key, struct kn_error *err);

/*
 * A DNS label from a server's name: lower case, white space, dots and underscores to dashes, the rest dropped; "server-<id>" when nothing
 * is left. Pure.
 */
void kn_compute_hostname_make(const char *name, const char *id, char out[64]);

#endif
