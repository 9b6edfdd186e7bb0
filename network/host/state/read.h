/* SPDX-License-Identifier: Apache-2.0 */
/* read: JSON into structs by tables of fields: a name, what must be there, and where it goes. Pure; object.c has the tables. */
#ifndef KN_NETWORK_HOST_STATE_READ_H
#define KN_NETWORK_HOST_STATE_READ_H

#include <jansson.h>

#include "lib/base/error.h"
#include "network/host/state/state.h"

enum kn_network_read {
    READ_UUID,
    READ_LABEL, /* kept only if it is one */
    READ_HOST, /* READ_DOMAIN, kept only if it is one */
    READ_DOMAIN, /* labels with dots between them */
    READ_TEXT, /* printable ASCII without what a configuration file or a shell would take for more than text */
    READ_MAC,
    READ_IP,
    READ_PREFIX,
    READ_BOOL,
    READ_INT,
    READ_BYTE,
    READ_SHORT,
    READ_WIDE, /* int64_t */
    READ_WORD, /* the number of one of `words` */
    READ_STRUCT, /* one of `inner` */
    READ_LIST, /* of `inner`; the others are lists of one thing each */
    READ_IPS,
    READ_PREFIXES,
    READ_UUIDS
};

struct kn_network_field {
    const char *name; /* NULL ends a table */
    enum kn_network_read type;
    bool required;
    size_t at, count_at; /* where it goes; count_at: of a list, its size_t */
    size_t said_at; /* a bool that says whether it was there; 0: nobody asks */
    int64_t least, most; /* of a number; most: of a list, or the size of a text's buffer */
    int64_t otherwise; /* a number that was not said */
    const char *const *words;
    const struct kn_network_field *inner;
    size_t inner_size;
    /* What one row cannot say. */
    int (*also)(const json_t *json, void *object, struct kn_error *err);
    void (*also_free)(void *object); /* and what that allocated */
};

/* KN_BAD_REQUEST names the field that is wrong; what was read by then is freed like everything. object: zeroed. */
int kn_network_fields_read(const struct kn_network_field *fields, const json_t *json, void *object,
                           struct kn_error *err);
/* What reading allocated, lists within lists; not the object itself. */
void kn_network_fields_free(const struct kn_network_field *fields, void *object);

#endif
