/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credential: what users keep here for other services: a type and a text ("blob"), sealed in the database with the first key of
 * identity.credential_key_file. A user's are its own; admins and (to look) readers of the system reach all. A token that somebody lent or an
 * application credential got reaches those of its project only.
 */
#ifndef KN_IDENTITY_ROWS_CREDENTIAL_H
#define KN_IDENTITY_ROWS_CREDENTIAL_H

#include "lib/adapter/http.h"

bool kn_identity_credential_is_lent(const struct kn_caller *caller);
/* By the rule of the route. */
bool kn_identity_credential_is_reached(const struct kn_request *req, const char *user_id, const char *project_id);
/* KN_FORBIDDEN. */
int kn_identity_credential_refuse(const struct kn_request *req, struct kn_error *err);

#endif
