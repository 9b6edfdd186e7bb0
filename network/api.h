/* SPDX-License-Identifier: Apache-2.0 */
/* network/api: Neutron's dialect, mounted by the front door, and what compute asks before it accepts a server. */
#ifndef KN_NETWORK_API_H
#define KN_NETWORK_API_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/adapter/db.h"
#include "lib/adapter/http.h"
#include "lib/adapter/quota.h"
#include "lib/base/uuid.h"

extern const struct kn_api kn_network_api; /* prefix "/network", KN_DIALECT_NEUTRON */

/*
 * May a server of this project be plugged into the network? KN_BAD_REQUEST in Nova's words if it does not exist for the project, has
 * no subnet, or if fixed_ip (NULL: none was asked for) is in none of them.
 */
int kn_network_usable(struct kn_db *db, const struct kn_caller *caller, const char *network_id, const char *fixed_ip,
                      struct kn_error *err);
/* Networks of all projects are this caller's to use, whoever shares them. */
bool kn_network_uses_all(const struct kn_caller *caller);
/*
 * The network of a server that names none: the only one that the project can use. "" if there is none (the server gets no
 * NIC); KN_CONFLICT in Nova's words if there are several.
 */
int kn_network_auto(struct kn_db *db, const char *project_id, char ret_id[KN_UUID_SIZE], struct kn_error *err);
/*
 * The same where one must be made: the project's automatic network, with a router to the default external one. KN_BAD_REQUEST in Nova's words if this cloud
 * has nothing to make it of.
 */
int kn_network_auto_make(struct kn_request *req, char ret_id[KN_UUID_SIZE], struct kn_error *err);
/* May a server of this project take the port? KN_BAD_REQUEST if it does not exist for it, KN_CONFLICT if it is in use. */
int kn_network_port_usable(struct kn_db *db, const struct kn_caller *caller, const char *port_id, struct kn_error *err);
/* KN_QUOTA in Nova's words: the project may not have so many ports more. port.allocate decides for good. */
int kn_network_ports_fit(struct kn_db *db, const char *project_id, int64_t more, struct kn_error *err);

/*
 * A server has another hostname: its ports are called so where they have no name of their own. In the transaction; kn_network_server_told is for behind its
 * commit.
 */
int kn_network_server_renamed(struct kn_db *db, const char *server_id, struct kn_error *err);
void kn_network_server_told(struct kn_request *req);

/* --- NICs that a server gets and loses after it was made, in Nova's words; inside the transaction of the wish, which holds the server's row --- */

struct kn_network_nic_wish {
    const char *server_id, *project_id; /* the server's */
    const char *network_id,
        *port_id; /* where a port is made, or the one that is given; NULL both: on the only network that the project has */
    const char *fixed_ip; /* of a new port; NULL: what the network gives */
    const char *tag; /* NULL: none */
};
/* The port is the server's afterwards, and lives nowhere yet: port.attach gives it its place. What it counts as is added to the claims. */
int kn_network_nic_give(struct kn_request *req, const struct kn_network_nic_wish *wish, struct kn_quota_claims *claims,
                        char ret_port[KN_UUID_SIZE], struct kn_error *err);
/* Was the KN_CONFLICT of that transaction a race that another try can win? */
bool kn_network_nic_raced(const struct kn_db *db);
/* KN_NOT_FOUND: no NIC of the server has this port. */
int kn_network_nic_check(struct kn_db *db, const char *server_id, const char *port_id, struct kn_error *err);

/*
 * Nova's addFixedIp and removeFixedIp: the server's first port on the network gets one address more, of the subnet of its first; whichever port has the address
 * loses it. KN_NOT_FOUND, KN_BAD_REQUEST.
 */
int kn_network_nic_add_address(struct kn_request *req, const char *server_id, const char *network_id,
                               struct kn_error *err);
int kn_network_nic_drop_address(struct kn_request *req, const char *server_id, const char *address,
                                struct kn_error *err);

/* --- floating addresses, as Nova's old proxies and actions speak of them, in its words --- */

/* pool: an external network's name or id; NULL: the only one. KN_NOT_FOUND: no such pool, or nothing is left there; KN_FORBIDDEN: no more for this project. */
int kn_network_float_make(struct kn_request *req, const char *pool, const char **ret_id, struct kn_error *err);
int kn_network_float_end(struct kn_request *req, const char *id, struct kn_error *err);
/* fixed: which of the server's addresses; NULL: the first one. */
int kn_network_float_give(struct kn_request *req, const char *server_id, const char *address, const char *fixed,
                          struct kn_error *err);
/* KN_CONFLICT: it is not this server's. */
int kn_network_float_take(struct kn_request *req, const char *server_id, const char *address, struct kn_error *err);

/* --- security groups, as Nova speaks of them: by name or id, in its words --- */

/*
 * The groups that a new server names ([{"name": …}], NULL: none), as an array of ids for its NICs; *ret_ids stays NULL if that is no more than the project's
 * default group, which it gets anyway. KN_BAD_REQUEST: there is none; KN_CONFLICT: there are several of that name.
 */
int kn_network_groups_named(struct kn_db *db, const struct kn_caller *caller, const json_t *groups, json_t **ret_ids,
                            struct kn_error *err);
/* KN_BAD_REQUEST: ports on the network have no port security, so that groups cannot be applied. */
int kn_network_groups_apply(struct kn_db *db, const char *network_id, struct kn_error *err);
/* All ports of the server get the group, or lose it. */
int kn_network_groups_plug(struct kn_request *req, const char *server_id, const char *name, bool adds,
                           struct kn_error *err);
/*
 * Neutron's POST, PUT and DELETE of a group and of a rule for whoever has checked that the caller may; errors are Neutron's. object: what a body of it would
 * hold. *ret_id: in the request's memory.
 */
int kn_network_group_make(struct kn_request *req, json_t *object, const char **ret_id, struct kn_error *err);
int kn_network_group_change(struct kn_request *req, const char *id, json_t *object, struct kn_error *err);
int kn_network_group_end(struct kn_request *req, const char *id, struct kn_error *err);
int kn_network_rule_make(struct kn_request *req, json_t *object, const char **ret_id, struct kn_error *err);
int kn_network_rule_end(struct kn_request *req, const char *id, struct kn_error *err);
/* The caller's project has its default group afterwards. */
int kn_network_group_ensure(struct kn_db *db, const char *project_id, struct kn_error *err);

/* --- conditions for nouns that show what projects let each other see and use (network/rows/shared.h) --- */

#define KN_NETWORK_AS_SHARED "access_as_shared"
#define KN_NETWORK_AS_EXTERNAL "access_as_external"
#define KN_NETWORK_EVERYBODY "*"
/* Lists of actions, in conditions. */
#define KN_NETWORK_SHARED "'" KN_NETWORK_AS_SHARED "'"
#define KN_NETWORK_SHARED_OR_EXTERNAL KN_NETWORK_SHARED ", '" KN_NETWORK_AS_EXTERNAL "'"

/* All objects that the project `who` was let at. */
#define KN_NETWORK_LETS(actions, who) \
    "SELECT b.object_id FROM rbac_policy b WHERE b.target IN ('" KN_NETWORK_EVERYBODY "', " who \
    ") AND b.action IN (" actions ")"
/*
 * A noun's `visible`: t is its table's alias. As a list that is made once: so a project's few rows are found by their keys, however many others there are
 * (with EXISTS the planner believes that a project sees half of them).
 */
#define KN_NETWORK_VISIBLE(t, actions) \
    "(" t ".project_id = ? OR " t ".id = ANY (ARRAY(" KN_NETWORK_LETS(actions, "?") ")))"
/* A condition: somebody was let at the network from outside. */
#define KN_NETWORK_IS_EXTERNAL(id) \
    "EXISTS (SELECT FROM rbac_policy b WHERE b.object_id = " id " AND b.action = '" KN_NETWORK_AS_EXTERNAL "')"

#endif
