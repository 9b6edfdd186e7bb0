/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalog_noun: the rows of regions, services and endpoints. The three differ in their columns only, so each is a table entry: what a
 * body may say, which fields go into its statements in which order, what its constraints mean. Every change moves the version that
 * the copies (catalog.h) look at.
 */
#ifndef KN_IDENTITY_ROWS_CATALOG_NOUN_H
#define KN_IDENTITY_ROWS_CATALOG_NOUN_H

#include "identity/rows/nouns.h"
#include "lib/domain/schema.h"

#define KN_CATALOG_FIELDS 8

struct kn_catalog_noun {
    const struct kn_rest_noun *rest; /* what clients see */
    const struct kn_schema *create;
    const struct kn_schema *update;
    const char *fields[KN_CATALOG_FIELDS]; /* $2… of insert and update; then comes extra */
    const struct kn_stmt *insert;
    const struct kn_stmt *change;
    const struct kn_stmt *remove;
};

extern const struct kn_catalog_noun kn_catalog_regions, kn_catalog_services, kn_catalog_endpoints;

/* values: as the noun's fields; NULL = absent. KN_CONFLICT: the id is taken; KN_BAD_REQUEST, KN_NOT_FOUND: what it names is not there. */
int kn_catalog_insert(struct kn_db *db, const struct kn_catalog_noun *noun, const char *id, const char *const *values, const char *extra,
                      struct kn_error *err);
/* KN_NOT_FOUND; KN_BAD_REQUEST: a region below itself. */
int kn_catalog_change(struct kn_db *db, const struct kn_catalog_noun *noun, const char *id, const char *const *values, const char *extra,
                      struct kn_error *err);
/* With what is below it; a region with endpoints anywhere below stays: KN_FORBIDDEN. */
int kn_catalog_remove(struct kn_db *db, const struct kn_catalog_noun *noun, const char *id, struct kn_error *err);
/* A region that an endpoint names by its old word "region" is made if it is not there. */
int kn_catalog_region_ensure(struct kn_db *db, const char *id, struct kn_error *err);

/* bootstrap_catalog.c: this region and the services of this program, where they are not there yet. */
int kn_bootstrap_catalog(struct kn_db *db, const char *region, struct kn_error *err);

#endif
