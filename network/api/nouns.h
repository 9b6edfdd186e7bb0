/* SPDX-License-Identifier: Apache-2.0 */
/* nouns: the handlers of network/api/routes.c's table that are not lib/rest's. */
#ifndef KN_NETWORK_API_NOUNS_H
#define KN_NETWORK_API_NOUNS_H

#include <string.h>

#include "lib/adapter/db.h"
#include "lib/adapter/http.h"

kn_handler kn_network_neutron_extensions_list, kn_network_neutron_extensions_show;
kn_handler kn_network_quotas_list, kn_network_quotas_show, kn_network_quotas_default, kn_network_quotas_details,
    kn_network_quotas_tenant, kn_network_quotas_update, kn_network_quotas_delete;
kn_handler kn_network_qos_bandwidth_limit_list, kn_network_qos_bandwidth_limit_create,
    kn_network_qos_bandwidth_limit_show, kn_network_qos_bandwidth_limit_update, kn_network_qos_bandwidth_limit_delete;
kn_handler kn_network_qos_dscp_marking_list, kn_network_qos_dscp_marking_create, kn_network_qos_dscp_marking_show,
    kn_network_qos_dscp_marking_update, kn_network_qos_dscp_marking_delete;
kn_handler kn_network_qos_types_list, kn_network_qos_types_show, kn_network_qos_refuse;
kn_handler kn_network_port_trace;

#endif
