/* SPDX-License-Identifier: Apache-2.0 */
/* fault: what of a failure its owner may read. The full text, with hosts, capacities and paths, is the operator's. Pure. */
#ifndef KN_DOMAIN_FAULT_H
#define KN_DOMAIN_FAULT_H

#include "lib/base/error.h"

/*
 * The reason, when it is about what the owner asked for; else a sentence that leads the operator to it by the request's id. host and agent: the names that
 * must not be told, "" or NULL: none. The caller frees it.
 */
char *kn_fault_public(enum kn_code code, const char *message, const char *host, const char *agent,
                      const char *request_id);

#endif
