/* SPDX-License-Identifier: Apache-2.0 */
/* hosts: the rows of agents and hosts, between PostgreSQL and the inventory. Their SQL lives here and nowhere else in this room. */
#ifndef KN_SCHEDULER_HOSTS_H
#define KN_SCHEDULER_HOSTS_H

#include <jansson.h>

#include "lib/adapter/db.h"
#include "scheduler/inventory.h"

/* Everything, into an empty inventory. Agents count as heard at now_ms. */
int kn_scheduler_hosts_load(struct kn_db *db, struct kn_scheduler_inventory *inv, int64_t now_ms, struct kn_error *err);
/* What people switch: disabled and forced_down. */
int kn_scheduler_hosts_refresh(struct kn_db *db, struct kn_scheduler_inventory *inv, struct kn_error *err);
/* What aggregates say of hosts: zones and words, and of which change that is. */
int kn_scheduler_hosts_aggregates(struct kn_db *db, struct kn_scheduler_inventory *inv, struct kn_error *err);
/*
 * An agent said hello with its hosts (kn_form_host, lib/domain/form.h): writes agent and hosts, then the inventory. A host whose capacity would fall below
 * what it holds keeps its old capacity and is named in the log. A host that makes no sense, or of another agent, is left as it is; a row of
 * agent_refusal says why, until the agent says better or starts anew. *ret_news: a new array of the words about hosts that make no sense which were
 * not said before; those about other agents' hosts are logged.
 */
int kn_scheduler_hosts_hello(struct kn_db *db, struct kn_scheduler_inventory *inv, const json_t *hello,
                             int64_t cpu_ratio_percent, int64_t now_ms, json_t **ret_news, struct kn_error *err);
/* last_seen and report_seq of every agent that was heard since the last time, and the second agents of an id that were refused. */
int kn_scheduler_hosts_heard(struct kn_db *db, struct kn_scheduler_inventory *inv, struct kn_error *err);
/* Stable and derived from the name alone: RFC 9562's version 8 of SHA-256("kilonova host " name). Pure. */
void kn_scheduler_host_uuid(const char *name, char out[37]);

#endif
