/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_view: a server as Nova writes it, microversion by microversion. Pure: rows and the request in, text out.
 *
 * One view serves a whole list: what many rows share (the flavor's text) is rendered once.
 */
#ifndef KN_COMPUTE_API_SERVER_VIEW_H
#define KN_COMPUTE_API_SERVER_VIEW_H

#include "compute/rows/server.h"

enum kn_server_detail {
    KN_SERVER_BRIEF,   /* id, name, links */
    KN_SERVER_UPDATED_VIEW, /* what PUT answers before 2.75: the core alone */
    KN_SERVER_LISTED,  /* GET /servers/detail */
    KN_SERVER_FULL,    /* GET /servers/{id}: also server_groups */
};

struct kn_server_view {
    const struct kn_request *req;
    enum kn_server_detail detail;
    struct kn_strbuf flavor;      /* rendered from flavor_of */
    struct kn_strbuf flavor_of;
};

void kn_server_view_init(struct kn_server_view *view, const struct kn_request *req, enum kn_server_detail detail);
void kn_server_view_release(struct kn_server_view *view);
/* An object, braces included. */
void kn_server_view_add(struct kn_server_view *view, struct kn_strbuf *sb, const struct kn_rows *rows, int row);

/*
 * "addresses":{network name: [{version, addr, …}]} from server.nics. label: only that network ("" = all); typed: with
 * OS-EXT-IPS:type and mac. Returns how many networks were written.
 */
int kn_server_addresses(struct kn_strbuf *sb, const char *key, const char *nics, const char *label, bool typed);
/* Opaque, the same for servers of one project on one host; "" without a host. */
void kn_server_host_id(const char *project, const char *host, char out[57]);

#endif
