/* SPDX-License-Identifier: Apache-2.0 */
/* server_plan_nics: the "networks" of a POST /servers, turned into the requests of port.allocate. */
#ifndef KN_COMPUTE_ROWS_SERVER_PLAN_NICS_H
#define KN_COMPUTE_ROWS_SERVER_PLAN_NICS_H

#include <jansson.h>

#include "lib/adapter/http.h"

/*
 * networks: the body's member, NULL if it has none. groups: ids of security groups for the ports that are made, NULL: the default one. count: how many servers will be made at most. *ret: a new array, in NIC order.
 * Every network and port was found usable for the caller's project by network/.
 */
int kn_compute_plan_nics(struct kn_request *req, const json_t *networks, json_t *groups, int count, json_t **ret,
                         struct kn_error *err);

#endif
