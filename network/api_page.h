/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_page: order and pages of a list, Neutron's way: limit, marker, page_reverse, sort_key and sort_dir in equal numbers; links only
 * when a limit was given. A page starts behind its marker by comparing sort values, so page 500 costs what page 1 costs.
 */
#ifndef KN_NETWORK_API_PAGE_H
#define KN_NETWORK_API_PAGE_H

#include "network/api_query.h"

#define KN_PAGE_KEYS 4

struct kn_page {
    int64_t limit; /* -1: none */
    const char *marker;
    bool reverse;  /* the page before the marker; rows come backwards */
    const struct kn_column *keys[KN_PAGE_KEYS];
    bool descending[KN_PAGE_KEYS];
    int key_count;
};

int kn_neutron_page_read(const struct kn_collection *c, struct kn_request *req, struct kn_page *ret, struct kn_error *err);
/* Appends " AND <behind the marker> ORDER BY … LIMIT …". */
void kn_page_add(const struct kn_page *page, const struct kn_collection *c, struct kn_query *query);
/* Which row of `count` comes i-th in the answer. */
int kn_page_row(const struct kn_page *page, int count, int i);
/* False with *err (KN_NOT_FOUND, or why the database could not say). */
bool kn_page_marker_exists(const struct kn_collection *c, struct kn_request *req, const char *marker,
                           struct kn_error *err);
void kn_neutron_page_links(const struct kn_page *page, const struct kn_request *req, const char *plural, int count,
                   const char *first_id, const char *last_id, struct kn_strbuf *out);

#endif
