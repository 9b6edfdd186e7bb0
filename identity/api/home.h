/* SPDX-License-Identifier: Apache-2.0 */
/* home: the JSON-home document: each resource of the API by the name of its relation, for clients that ask for application/json-home. */
#ifndef KN_IDENTITY_API_HOME_H
#define KN_IDENTITY_API_HOME_H

#include <stdbool.h>

#include "lib/base/strbuf.h"

/* rest: the path behind "/identity". The document if this is "/" or "/v3"; false otherwise. Pure. */
bool kn_identity_home_write(const char *rest, struct kn_strbuf *sb);
/* The paths below /v3, one by one; NULL behind the last. For the test that holds it against the routes. */
const char *kn_identity_home_path(int i);

#endif
