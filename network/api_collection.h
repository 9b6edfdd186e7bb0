/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_collection: GET of one and of many, for every noun alike: columns in a table, and out of it come the SELECT, the filters, the
 * sort keys, the fields, the pages with their links. User text only ever travels as a parameter.
 */
#ifndef KN_NETWORK_API_COLLECTION_H
#define KN_NETWORK_API_COLLECTION_H

#include "lib/adapter/http.h"

enum kn_column_kind { KN_COLUMN_TEXT, KN_COLUMN_INT, KN_COLUMN_BOOL, KN_COLUMN_JSON };

enum { KN_COLUMN_FILTER = 1, KN_COLUMN_SORT = 2, KN_COLUMN_ADMIN = 4, KN_COLUMN_BASIC = KN_COLUMN_FILTER | KN_COLUMN_SORT };

struct kn_column {
    const char *name;
    const char *sql;          /* an expression; never NULL where it is a sort key */
    enum kn_column_kind kind;
    unsigned flags;
    const char *type;         /* SQL type of a filter's value: text, uuid, boolean, integer, inet, cidr, macaddr */
};

/* A query parameter that is no column: adds to the condition. */
struct kn_collection_filter {
    const char *name;
    /* Appends " AND …" to where, with values by kn_collection_value. */
    int (*add)(struct kn_request *req, struct kn_strbuf *where, void *query, struct kn_error *err);
};

struct kn_collection {
    const char *noun;    /* "network" */
    const char *plural;  /* "networks" */
    const char *label;   /* "Network": as errors name it */
    const char *from;    /* "network n" */
    const char *id;      /* "n.id" */
    const char *visible; /* condition for callers that are no admin; $1 is their project */
    const struct kn_column *columns;              /* ended by name == NULL */
    const struct kn_collection_filter *filters;   /* ended by name == NULL; may be NULL */
};

int kn_collection_list(const struct kn_collection *c, struct kn_request *req, struct kn_response *res,
                       struct kn_error *err);
/* KN_NOT_FOUND for what is no uuid, does not exist or is not visible. */
int kn_collection_show(const struct kn_collection *c, struct kn_request *req, const char *id, struct kn_response *res,
                       struct kn_error *err);
/* The answer to a POST: {"network": {…}} or {"networks": […]} in the order of the ids. */
int kn_collection_show_many(const struct kn_collection *c, struct kn_request *req, struct kn_array *ids, bool bulk,
                            struct kn_response *res, struct kn_error *err);
int kn_collection_not_found(const struct kn_collection *c, const char *id, struct kn_error *err);

/* For struct kn_collection_filter: adds a parameter and returns its "$n" (memory of the request). */
const char *kn_collection_value(struct kn_request *req, void *query, const char *value);

#endif
