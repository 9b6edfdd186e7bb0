/* SPDX-License-Identifier: Apache-2.0 */
/* nouns: the handlers of network/api/routes.c's table, and what they share. */
#ifndef KN_NETWORK_API_NOUNS_H
#define KN_NETWORK_API_NOUNS_H

#include <string.h>

#include "lib/adapter/db.h"
#include "lib/adapter/http.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"

extern const struct kn_rest_noun kn_networks;
extern const struct kn_rest_noun kn_subnets;
extern const struct kn_rest_noun kn_ports;

/*
 * POST of one or of many: all of them in one transaction, or none. one: checks and inserts an object, adds its id. Tried again when
 * somebody else took an address or a MAC meanwhile.
 */
int kn_noun_create(struct kn_request *req, const struct kn_rest_noun *c,
                   int (*one)(struct kn_request *req, const json_t *object, struct kn_array *ids, struct kn_error *err),
                   struct kn_response *res, struct kn_error *err);

kn_handler kn_networks_list, kn_networks_show, kn_networks_create, kn_networks_update, kn_networks_delete;
kn_handler kn_subnets_list, kn_subnets_show, kn_subnets_create, kn_subnets_update, kn_subnets_delete;
kn_handler kn_ports_list, kn_ports_show, kn_ports_create, kn_ports_update, kn_ports_delete;
kn_handler kn_neutron_extensions_list, kn_neutron_extensions_show, kn_neutron_zones_list;
kn_handler kn_quotas_list, kn_quotas_show, kn_quotas_default, kn_quotas_details, kn_quotas_update, kn_quotas_delete;

#endif
