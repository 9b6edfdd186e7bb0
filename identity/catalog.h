/* SPDX-License-Identifier: Apache-2.0 */
/* catalog: where each service is, as clients want it: public, internal and admin alike, in the form of URL that all of them understand. Pure. */
#ifndef KN_IDENTITY_CATALOG_H
#define KN_IDENTITY_CATALOG_H

#include "lib/base/strbuf.h"

struct kn_catalog {
    const char *url;        /* of the front door, no trailing slash */
    const char *region;
    const char *project_id; /* "" = none: URLs that hold a project go without it */
};

/* Adds the array under this key. */
void kn_catalog_write(struct kn_strbuf *sb, const char *key, const struct kn_catalog *catalog);

#endif
