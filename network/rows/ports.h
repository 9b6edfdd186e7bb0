/* SPDX-License-Identifier: Apache-2.0 */
/* ports: the rows of ports and their rules, for HTTP; network/serve/allocate.c makes those of servers. */
#ifndef KN_NETWORK_ROWS_PORTS_H
#define KN_NETWORK_ROWS_PORTS_H

#include <jansson.h>

#include "lib/adapter/http.h"
#include "lib/base/uuid.h"
#include "lib/domain/limits.h"
#include "network/rows/networks.h"

struct kn_port_row {
    char id[KN_UUID_SIZE];
    char network_id[KN_UUID_SIZE];
    char device_id[KN_SIZE_OF(DEVICE_ID)];
    char device_owner[KN_SIZE_OF(DEVICE_OWNER)];
    bool is_bound;
    bool is_mine; /* of the caller's project, or he is an admin */
    bool owns_network; /* the caller's project does, or the caller is an admin */
};

/* KN_NOT_FOUND unless it is the caller's, or on the caller's network. */
int kn_port_get(struct kn_request *req, const char *id, struct kn_port_row *ret, struct kn_error *err);
/* In a transaction. KN_CONFLICT with kn_plan_raced when somebody else was faster: roll back and try again. */
int kn_port_insert(struct kn_db *db, const struct kn_network_row *network, const char *project_id, const json_t *object,
                   char ret_id[KN_UUID_SIZE], struct kn_error *err);
int kn_port_update(struct kn_db *db, const struct kn_port_row *port, const json_t *object, struct kn_error *err);
/* KN_CONFLICT for one that a server or DHCP uses. */
int kn_port_delete(struct kn_db *db, const struct kn_port_row *port, struct kn_error *err);

#endif
