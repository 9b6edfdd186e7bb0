/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metadef: definitions of metadata: words by which images, flavors, servers and volumes may be described, in namespaces. They bind
 * nobody; dashboards offer them to people. A namespace holds items of four kinds: objects, properties, tags and associations with resource
 * types. What each may hold is a table that checks bodies and prints the schemas; what lists and shows write is a noun of lib/rest.
 */
#ifndef KN_IMAGE_ROWS_METADEF_H
#define KN_IMAGE_ROWS_METADEF_H

#include "lib/adapter/http.h"
#include "lib/rest/noun.h"

extern const struct kn_rest_noun kn_image_metadef_namespaces;

struct kn_image_metadef_kind {
    const char *name;                 /* as rows have it: "resource_type" */
    const char *collection;           /* as paths have it: "resource_types" */
    const struct kn_rest_noun *noun;  /* `many` is what lists and bodies call it: "resource_type_associations" */
    bool has_parts;                   /* an item has a path of its own to be read and written at */
};
enum { KN_METADEF_OBJECT, KN_METADEF_PROPERTY, KN_METADEF_TAG, KN_METADEF_ASSOCIATION, KN_METADEF_KINDS };
extern const struct kn_image_metadef_kind kn_image_metadef_kinds[KN_METADEF_KINDS];

/* {"tags": [{"name": …}, …]}, of which there is only the body. */
extern const struct kn_rest_noun kn_image_metadef_tag_list;

/* Items: bodies have been checked. name: NULL = the body's. KN_CONFLICT: there is one of that name. */
int kn_image_metadef_item_add(struct kn_db *db, const char *space, const struct kn_image_metadef_kind *kind,
                              const char *name, const json_t *body, struct kn_error *err);
int kn_image_metadef_item_set(struct kn_db *db, const char *space, const struct kn_image_metadef_kind *kind,
                              const char *name, const json_t *body, struct kn_error *err);
/* name: NULL = all of the kind. KN_FORBIDDEN: the namespace is protected. */
int kn_image_metadef_item_drop(struct kn_db *db, const char *space, const struct kn_image_metadef_kind *kind,
                               const char *name, struct kn_error *err);

/* The JSON schema of that name ("namespace", "namespaces", "resource_type", …); false if there is none. */
bool kn_image_metadef_schema_print(const char *name, struct kn_strbuf *out);

#endif
