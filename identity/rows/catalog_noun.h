/* SPDX-License-Identifier: Apache-2.0 */
/* catalog_noun: the rows of regions, services and endpoints. Every change of them moves the version that the copies (identity/auth/catalog.h) look at. */
#ifndef KN_IDENTITY_ROWS_CATALOG_NOUN_H
#define KN_IDENTITY_ROWS_CATALOG_NOUN_H

#include "lib/adapter/db.h"

/* In the transaction of a change: the copies are old with it. */
int kn_identity_catalog_moved(struct kn_db *db, struct kn_error *err);
/* A region that an endpoint names by its old word "region" is made if it is not there. */
int kn_identity_catalog_region_ensure(struct kn_db *db, const char *id, struct kn_error *err);
/* bootstrap_catalog.c: this region and the services of this program, where they are not there yet. */
int kn_identity_bootstrap_catalog(struct kn_db *db, const char *region, struct kn_error *err);

#endif
