/* SPDX-License-Identifier: Apache-2.0 */
/* server_noun: servers as clients see them and ask for them: the table (server_noun.c) and the parameters of lists (server_query.c). */
#ifndef KN_COMPUTE_API_SERVER_NOUN_H
#define KN_COMPUTE_API_SERVER_NOUN_H

#include "compute/rows/view.h"
#include "lib/rest/list.h"

/* How far a building is, in percent, as whoever works on it said last. */
#define KN_SERVER_PROGRESS_SQL \
    "CASE WHEN s.vm_state = 'building' THEN coalesce((SELECT t.progress FROM task t WHERE t.object_id = s.id AND " \
    "t.kind = 'server.create' ORDER BY t.id DESC LIMIT 1), 0) ELSE 0 END"

/* Lists may hold deleted ones. Before 2.75 the answer to PUT is view KN_REST_CHANGED, from then on KN_REST_SHOW. */
extern const struct kn_rest_noun kn_compute_server_noun;

/* server_query.c */
extern const struct kn_rest_param kn_compute_server_params[];
int kn_compute_server_narrow(struct kn_rest_list *l, struct kn_error *err);
kn_rest_filter kn_compute_server_unknown;

/*
 * "addresses":{network name: [{version, addr, …}]} from server.nics. label: only that network ("" = all); typed: with
 * OS-EXT-IPS:type and mac. Returns how many networks were written.
 */
int kn_compute_server_addresses(struct kn_strbuf *sb, const char *key, const char *nics, const char *label, bool typed);
/* value: the project and the host in one; a hostId of it. */
void kn_compute_server_print_host_id(const struct kn_request *req, const char *name, const char *value,
                                     struct kn_strbuf *out);

#endif
