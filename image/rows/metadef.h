/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metadef: definitions of metadata: words by which images, flavors, servers and volumes may be described, in namespaces. They bind
 * nobody; dashboards offer them to people. A namespace holds items of four kinds: objects, properties, tags and associations with resource
 * types. One table a kind says what its JSON may hold: it checks bodies and prints the schemas. Pure; rows are metadef_store's.
 */
#ifndef KN_IMAGE_ROWS_METADEF_H
#define KN_IMAGE_ROWS_METADEF_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/strbuf.h"
#include "lib/domain/limits.h"

enum kn_metadef_type {
    KN_METADEF_TEXT,
    KN_METADEF_FLAG,
    KN_METADEF_COUNT_OF,   /* an integer from 0 */
    KN_METADEF_NUMBER,
    KN_METADEF_TEXTS,
    KN_METADEF_LIST,
    KN_METADEF_DICT,
    KN_METADEF_ANY,
    KN_METADEF_PROPERTIES, /* name -> property */
    KN_METADEF_ITEMS,      /* a list of field.of */
    KN_METADEF_TYPE_COUNT
};

enum kn_metadef_rule { KN_METADEF_FREE, KN_METADEF_REQUIRED, KN_METADEF_READONLY };

struct kn_metadef_kind;
struct kn_metadef_field {
    const char *name;
    enum kn_metadef_type type;
    enum kn_metadef_rule rule;
    const char *const *words;         /* allowed texts, ended by NULL; NULL = any */
    const struct kn_metadef_kind *of; /* of KN_METADEF_ITEMS */
};

struct kn_metadef_kind {
    const char *name;                 /* as rows have it: "resource_type" */
    const char *collection;           /* as paths have it: "resource_types" */
    const char *list;                 /* as lists and schemas have it: "resource_type_associations" */
    const char *schema;               /* "resource_type_association" */
    const struct kn_metadef_field *fields; /* ended by name == NULL */
    bool has_parts;                   /* an item has a path of its own to be read and written at */
    bool is_map;                      /* lists are {name: item} */
};

extern const struct kn_metadef_kind kn_metadef_namespace, kn_metadef_object, kn_metadef_property, kn_metadef_tag,
    kn_metadef_association;
/* The four kinds of items, ended by NULL. */
extern const struct kn_metadef_kind *const kn_metadef_items[];

/* By the word of a path; NULL if there is no such kind. */
const struct kn_metadef_kind *kn_metadef_kind(const char *collection);
/* KN_FORBIDDEN: a field that is ours; KN_BAD_REQUEST: not such a body. */
int kn_metadef_check(const struct kn_metadef_kind *kind, json_t *body, struct kn_error *err);
/* The JSON schema of that name ("namespace", "namespaces", "resource_type", …); false if there is none. */
bool kn_metadef_schema_print(const char *name, struct kn_strbuf *out);

#endif
