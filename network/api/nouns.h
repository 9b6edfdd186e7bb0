/* SPDX-License-Identifier: Apache-2.0 */
/* nouns: the handlers of network/api/routes.c's table that are not lib/rest's. */
#ifndef KN_NETWORK_API_NOUNS_H
#define KN_NETWORK_API_NOUNS_H

#include <string.h>

#include "lib/adapter/db.h"
#include "lib/adapter/http.h"

kn_handler kn_neutron_extensions_list, kn_neutron_extensions_show, kn_neutron_zones_list;
kn_handler kn_quotas_list, kn_quotas_show, kn_quotas_default, kn_quotas_details, kn_quotas_update, kn_quotas_delete;

#endif
