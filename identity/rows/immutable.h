/* SPDX-License-Identifier: Apache-2.0 */
/* immutable: the resource option of domains, projects and roles: until it is taken back, nothing about them changes. Pure. */
#ifndef KN_IDENTITY_ROWS_IMMUTABLE_H
#define KN_IDENTITY_ROWS_IMMUTABLE_H

#include "identity/rows/nouns.h"

/* is: what the row says. KN_FORBIDDEN, unless all that the change does is to take it back. */
int kn_immutable_update(bool is, const char *type, const char *id, const struct kn_change *c, struct kn_error *err);
int kn_immutable_delete(bool is, const char *type, const char *id, struct kn_error *err);

#endif
