/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auto_topology: a project's network that nobody had to make: with a subnet of each default pool and a router to the default external network, all at
 * once or none of it. A project has one, however many ask for it at once.
 */
#ifndef KN_NETWORK_ROWS_L3_AUTO_TOPOLOGY_H
#define KN_NETWORK_ROWS_L3_AUTO_TOPOLOGY_H

#include "lib/adapter/http.h"
#include "lib/base/uuid.h"

/* GET and DELETE of /auto-allocated-topology/{project}: of one that there is not, GET makes it. */
kn_handler kn_network_topology_show, kn_network_topology_delete;

/* The project's, which the caller may make networks for; made if there is none. KN_CONFLICT in Neutron's words. */
int kn_network_topology_ensure(struct kn_request *req, const char *project, char ret_network[KN_UUID_SIZE],
                               struct kn_error *err);

#endif
