/* SPDX-License-Identifier: Apache-2.0 */
/* immutable: the resource option of domains, projects and roles: until it is taken back, nothing about them changes. Pure. */
#ifndef KN_IDENTITY_ROWS_IMMUTABLE_H
#define KN_IDENTITY_ROWS_IMMUTABLE_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/error.h"

/* is: what the row says; object: what becomes of it, NULL: it goes. KN_FORBIDDEN, unless all that the object does is to take it back. */
int kn_identity_immutable_check(bool is, const char *type, const char *id, const json_t *object, struct kn_error *err);

#endif
