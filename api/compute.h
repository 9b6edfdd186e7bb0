/* SPDX-License-Identifier: Apache-2.0 */
/* compute: Nova's API, microversions 2.1 to 2.96: its route table (compute_routes.c) and the handlers that it names. */
#ifndef KN_API_COMPUTE_H
#define KN_API_COMPUTE_H

#include "lib/adapter/http.h"

extern const struct kn_api kn_compute_api; /* prefix "/compute", KN_DIALECT_NOVA */

/* compute_flavors.c */
kn_handler kn_flavors_list, kn_flavors_detail, kn_flavors_show, kn_flavors_create, kn_flavors_update, kn_flavors_delete;
/* compute_flavor_specs.c */
kn_handler kn_flavor_specs_list, kn_flavor_specs_create, kn_flavor_specs_show, kn_flavor_specs_update, kn_flavor_specs_delete;
kn_handler kn_flavor_access_list, kn_flavors_action;
/* compute_keypairs.c */
kn_handler kn_keypairs_list, kn_keypairs_show, kn_keypairs_create, kn_keypairs_delete;
/* compute_servers.c, compute_server_create.c */
kn_handler kn_servers_list, kn_servers_detail, kn_servers_show, kn_servers_create, kn_servers_update, kn_servers_delete;
kn_handler kn_server_ips_list, kn_server_ips_show;

#endif
