/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalog: where each service is, as tokens and GET /v3/auth/catalog show it. A process keeps a copy of the tables (catalog_noun.h), so a
 * login asks nobody; the copy is read again when the tables' version has moved, within a second everywhere.
 */
#ifndef KN_IDENTITY_AUTH_CATALOG_H
#define KN_IDENTITY_AUTH_CATALOG_H

#include "lib/adapter/db.h"
#include "lib/base/strbuf.h"

/* What the URLs are completed with. */
struct kn_identity_catalog {
    const char *url;        /* of the front door, no trailing slash: $(public_endpoint)s */
    const char *user_id;
    const char *
        project_id; /* "" = none: a URL that ends with the project goes without it, any other that holds it is left out */
};

/* Pure. The template with everything filled in; false if it holds what nobody knows, or a project and there is none. */
bool kn_identity_catalog_url_fill(const struct kn_identity_catalog *catalog, const char *template,
                                  struct kn_strbuf *out);

/* The copy. Thread-safe. */
struct kn_identity_catalog_copy;
struct kn_identity_catalog_copy *kn_identity_catalog_copy_new(void);
void kn_identity_catalog_copy_free(struct kn_identity_catalog_copy *copy);
/* Reads what is new, if anything is. The copy stays as it was when the database is away. */
int kn_identity_catalog_copy_refresh(struct kn_identity_catalog_copy *copy, struct kn_db *db, struct kn_error *err);
/* Adds the array under this key. No I/O. */
void kn_identity_catalog_copy_write(struct kn_identity_catalog_copy *copy, const struct kn_identity_catalog *catalog,
                                    const char *key, struct kn_strbuf *sb);

#endif
