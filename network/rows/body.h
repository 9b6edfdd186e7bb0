/* SPDX-License-Identifier: Apache-2.0 */
/*
 * body: what Neutron request bodies may say, as tables, and one function that checks an object against them in Neutron's
 * words. What no row names is refused. Pure.
 */
#ifndef KN_NETWORK_ROWS_BODY_H
#define KN_NETWORK_ROWS_BODY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/domain/limits.h"

enum kn_attr_kind {
    KN_ATTR_TEXT,  /* a string; limit: its length */
    KN_ATTR_BOOL,  /* true, "True", 1, … */
    KN_ATTR_INT,   /* also as a string of digits; limit: its value */
    KN_ATTR_UUID,
    KN_ATTR_IPV4,
    KN_ATTR_MAC,
    KN_ATTR_LIST,  /* of `inner`; without: what is inside is the noun's business */
    KN_ATTR_DICT,
    KN_ATTR_NONE,  /* only null: an attribute that clients send and this cloud has no value for */
    KN_ATTR_FALSE, /* only false or null */
    KN_ATTR_EMPTY, /* only an empty list */
};

enum {
    KN_ATTR_POST = 1,
    KN_ATTR_PUT = 2,
    KN_ATTR_BOTH = KN_ATTR_POST | KN_ATTR_PUT,
    KN_ATTR_REQUIRED = 4, /* in POST */
    KN_ATTR_NULL = 8,     /* null is a value of it */
    KN_ATTR_ADMIN = 16,   /* only an admin may write it */
};

struct kn_attr {
    const char *name; /* NULL ends a table */
    enum kn_attr_kind kind;
    unsigned flags;           /* without POST and PUT: answers show it, nobody writes it */
    enum kn_limit limit;      /* of a KN_ATTR_TEXT's characters, a KN_ATTR_INT, a KN_ATTR_LIST's items */
    const struct kn_attr *inner; /* of a KN_ATTR_LIST: what its dictionaries may hold; NULL: anything */
};

struct kn_attr_ask {
    const char *noun;          /* "network" */
    const struct kn_attr *attrs;
    unsigned method;           /* KN_ATTR_POST or KN_ATTR_PUT */
    bool is_admin;
};

/* KN_BAD_REQUEST, or KN_FORBIDDEN for what only an admin may write. */
int kn_attrs_check(const struct kn_attr_ask *ask, const json_t *object, struct kn_error *err);

/*
 * The objects of a POST body: {"network": {…}} or, in bulk, {"networks": [{…}]}; *ret_bulk says which. *ret_items is a borrowed
 * array or a new one: json_decref it in both cases.
 */
int kn_body_items(const json_t *body, const char *noun, const char *plural, json_t **ret_items, bool *ret_bulk,
                  struct kn_error *err);
/* The object of a PUT body; borrowed. */
int kn_body_item(const json_t *body, const char *noun, const json_t **ret_item, struct kn_error *err);

/* Reading a checked object; absent or null gives dflt. */
const char *kn_attr_text(const json_t *object, const char *name, const char *dflt);
bool kn_attr_bool(const json_t *object, const char *name, bool dflt);
int64_t kn_attr_int(const json_t *object, const char *name, int64_t dflt);
bool kn_attr_has(const json_t *object, const char *name); /* there, null included */

/* The project that a new object belongs to: the caller's, or for an admin the one that project_id or tenant_id names. */
int kn_attr_project(const json_t *object, const char *caller_project, bool is_admin, const char **ret,
                    struct kn_error *err);

#endif
