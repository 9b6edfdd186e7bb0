/* SPDX-License-Identifier: Apache-2.0 */
/* metadef_store: the rows of metadata's definitions: namespaces and their items. Bodies have passed kn_metadef_check(). */
#ifndef KN_IMAGE_ROWS_METADEF_STORE_H
#define KN_IMAGE_ROWS_METADEF_STORE_H

#include "image/rows/metadef.h"
#include "lib/adapter/db.h"
#include "lib/adapter/http.h"

enum kn_metadef_order { KN_METADEF_BY_AGE, KN_METADEF_BY_CHANGE, KN_METADEF_BY_NAME, KN_METADEF_ORDERS };

struct kn_metadef_page {
    const char *marker; /* a name; "" = from the start */
    int64_t limit;
    enum kn_metadef_order order;
    bool ascending;     /* the last first otherwise */
    const char *visibility;      /* "" = any */
    const char *resource_types;  /* an array literal; NULL = any */
};

/* Rows of (name, JSON), of the namespaces that the caller may see. */
int kn_metadef_namespace_list(struct kn_db *db, const struct kn_caller *caller, const struct kn_metadef_page *page,
                              struct kn_rows **ret_rows, struct kn_error *err);
/*
 * One row of (name, JSON with all that it holds, protected). resource_type: names of properties begin with the prefix of that
 * association; "" = as they are. KN_NOT_FOUND also for one that the caller may not see.
 */
int kn_metadef_namespace_get(struct kn_db *db, const struct kn_caller *caller, const char *name, const char *resource_type,
                             struct kn_rows **ret_rows, struct kn_error *err);
/* With all that the body holds, or nothing. KN_CONFLICT: there is one of that name. */
int kn_metadef_namespace_add(struct kn_db *db, json_t *body, const char *owner, struct kn_error *err);
/* What the body does not say gets its default; what the namespace holds stays. */
int kn_metadef_namespace_set(struct kn_db *db, const char *name, json_t *body, const char *owner, struct kn_error *err);
/* KN_FORBIDDEN: it is protected. */
int kn_metadef_namespace_drop(struct kn_db *db, const char *name, struct kn_error *err);

/* Rows of (name, JSON), newest first. */
int kn_metadef_item_list(struct kn_db *db, const char *space, const struct kn_metadef_kind *kind,
                         const struct kn_metadef_page *page, struct kn_rows **ret_rows, struct kn_error *err);
int kn_metadef_item_get(struct kn_db *db, const char *space, const struct kn_metadef_kind *kind, const char *name,
                        struct kn_rows **ret_rows, struct kn_error *err);
/* name: NULL = the body's. KN_CONFLICT: there is one of that name. */
int kn_metadef_item_add(struct kn_db *db, const char *space, const struct kn_metadef_kind *kind, const char *name,
                        json_t *body, struct kn_error *err);
int kn_metadef_item_set(struct kn_db *db, const char *space, const struct kn_metadef_kind *kind, const char *name,
                        json_t *body, struct kn_error *err);
/* name: NULL = all of the kind. */
int kn_metadef_item_drop(struct kn_db *db, const char *space, const struct kn_metadef_kind *kind, const char *name,
                         struct kn_error *err);
/* Rows of (name, JSON): every type of resource that a namespace was ever associated with, and those of this cloud. */
int kn_metadef_types(struct kn_db *db, struct kn_rows **ret_rows, struct kn_error *err);

#endif
