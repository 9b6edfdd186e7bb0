/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver: what a volume back end does. A row of functions a back end; every one is an ensure: done twice is done once. They know
 * disks, not rows: the service asks the database. They are called from any thread, for one volume by one at a time in this process; another process that
 * works for the same service, or has not noticed yet that it does not any more, is kept out by the driver's own lock of a volume.
 */
#ifndef KN_VOLUME_SERVE_DRIVER_H
#define KN_VOLUME_SERVE_DRIVER_H

#include <jansson.h>
#include <stdint.h>

#include "lib/adapter/conf.h"
#include "lib/base/error.h"

/* Who watches a call; its functions get ctx and end the call with their own error. */
struct kn_volume_watch {
    int (*look)(void *ctx, struct kn_error *err); /* at safe points, and now and then while something is waited for */
    int (*wanted)(
        void *ctx,
        struct kn_error
            *err); /* once, when the volume is nobody else's and nothing has changed yet: is this still to be done? */
    void *ctx;
};

struct kn_volume_driver {
    const char *name;
    /* Before anything else, once. */
    int (*start)(const struct kn_conf *conf, struct kn_error *err);
    /* An empty disk of that size; one that is there stays as it is. What the watch ends leaves nothing. watch may be NULL, here and in the next. */
    int (*create)(const struct kn_conf *conf, const char *volume, int64_t size_gib, const struct kn_volume_watch *watch,
                  struct kn_error *err);
    int (*remove)(const struct kn_conf *conf, const char *volume, const struct kn_volume_watch *watch,
                  struct kn_error *err);
    /* *ret_connection: what the host needs to plug it in (kn_form_connection, lib/domain/form.h); the caller drops it. */
    int (*connect)(const struct kn_conf *conf, const char *volume, const char *host, json_t **ret_connection,
                   struct kn_error *err);
    /* host: what was connected from there, and from nowhere else; "": from wherever that server was. */
    int (*disconnect)(const struct kn_conf *conf, const char *volume, const char *server, const char *host,
                      struct kn_error *err);
    /* How much may be promised in all. */
    int64_t (*capacity_gib)(const struct kn_conf *conf);
};

extern const struct kn_volume_driver kn_volume_driver_file;

#endif
