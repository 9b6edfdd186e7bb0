/* SPDX-License-Identifier: Apache-2.0 */
/* rooms: how many more ports the projects of a batch may have. Nobody is held for it: the batch's end takes them. */
#ifndef KN_NETWORK_SERVE_ROOMS_H
#define KN_NETWORK_SERVE_ROOMS_H

#include <jansson.h>

#include "lib/adapter/quota.h"
#include "lib/base/hmap.h"

/* A project without one may have as many as it likes. */
struct kn_network_room {
    int64_t left;
};

/* Puts one for each project into the map (project -> struct kn_network_room, which the map owns). claims: what the batch took before. */
int kn_network_rooms_load(struct kn_db *db, const struct kn_quota_claims *claims, struct kn_array *projects,
                          struct kn_hmap *rooms, struct kn_error *err);
/* How many ports the server has made for it, by its command's body. */
int64_t kn_network_rooms_needed(const json_t *body);
/* KN_QUOTA: there is not so much left. */
int kn_network_rooms_check(const struct kn_hmap *rooms, const json_t *body, struct kn_error *err);
void kn_network_rooms_take(const struct kn_hmap *rooms, const json_t *body, struct kn_quota_claims *claims);

#endif
