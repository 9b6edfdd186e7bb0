/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset_audit: whether two texts say the same tables: what the ruleset wants (kn_network_ruleset_whole) and what the kernel lists. Elements have no
 * order, rules have; sets whose elements come and go by time (flags timeout) are not looked into; other tables than ours neither. Pure.
 */
#ifndef KN_NETWORK_HOST_FIREWALL_RULESET_AUDIT_H
#define KN_NETWORK_HOST_FIREWALL_RULESET_AUDIT_H

#include <stdbool.h>

#include "lib/base/strbuf.h"

#define KN_RULESET_DIGEST_SIZE 17

/* False: *difference names one thing that only one of them says. */
bool kn_network_ruleset_same(const char *wanted, const char *listed, struct kn_strbuf *difference);
/* The same for the same tables: 16 hex digits. */
void kn_network_ruleset_digest(const char *text, char out[KN_RULESET_DIGEST_SIZE]);

#endif
