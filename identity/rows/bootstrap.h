/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bootstrap: from an empty database to somebody who can log in: the four roles, the project and user "admin", optionally "demo". What is
 * there stays as it is, so it can run at every installation.
 */
#ifndef KN_IDENTITY_ROWS_BOOTSTRAP_H
#define KN_IDENTITY_ROWS_BOOTSTRAP_H

#include <stdbool.h>

#include "lib/adapter/db.h"

/* All in one transaction. password NULL: a random one, if the user has to be made. */
struct kn_identity_bootstrap {
    const char *user;        /* also the project's name */
    const char *role;
    bool system;             /* the role on the system as well */
    const char *password;
};
#define KN_PASSWORD_TEXT 33

int kn_identity_bootstrap_roles(struct kn_db *db, struct kn_error *err);
/* made: the password of a user that did not exist before; "" if it did. A given password is set in any case. */
int kn_identity_bootstrap_user(struct kn_db *db, const struct kn_identity_bootstrap *who, char made[KN_PASSWORD_TEXT],
                               struct kn_error *err);

#endif
