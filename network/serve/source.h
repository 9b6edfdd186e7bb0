/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source: what hosts are told of networks, a row a kind of thing: how it is read, and which hosts shall have it. state.c knows no kind by name: it asks these rows.
 *
 * Some things are roots: a host has them because of what is bound there (a network, a group, an address group, …), and host_network_object keeps which
 * ones it was told of. Others hang on a root: a host that was told of a network has its peers, one that was told of a remote group its members. So a change
 * is told to whom it concerns without asking every host, and a host that gets a new root gets all that hangs on it.
 *
 * Hosts in statements are always an array of text, ids always one of uuid. All statements of one telling see one moment (REPEATABLE READ).
 */
#ifndef KN_NETWORK_SERVE_SOURCE_H
#define KN_NETWORK_SERVE_SOURCE_H

#include "lib/adapter/db.h"

struct kn_network_source {
    const char *
        kind; /* of the thing, as messages say it; NULL: a root of which nothing itself is told ("remote": its members are) */
    const char *root; /* the kind in host_network_object; NULL: it is none */
    const char *change; /* the kind in network_change that is about it; NULL ends the table */
    /* Roots: which of them the hosts $1 shall have now: (host, id). */
    struct kn_stmt wanted;
    /* Roots whose change moves them, or moves what others want: the hosts where the changed $1 are now: (host). Empty: nowhere but where they were told. */
    struct kn_stmt seats;
    /* What hangs on a root: */
    const char *on; /* which */
    struct kn_stmt hung; /* all of it for hosts that get roots: $1 hosts, $2 roots, side by side: (host, id) */
    struct kn_stmt here; /* of the changed $1, whom they concern now by what hosts were told: (host, id) */
    struct kn_stmt
        told; /* whom they may have concerned: $1 rows of network_change (their seq): (host, id). What is not `here` is dropped there */
    /* The things themselves, as they are: $1 ids: (id, the object as JSON text without "kind"). What is gone is not among them. NULL kind: none. */
    struct kn_stmt objects;
};

extern const struct kn_network_source kn_network_sources[];

#endif
