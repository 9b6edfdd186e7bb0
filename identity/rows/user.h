/* SPDX-License-Identifier: Apache-2.0 */
/* user: the rows of users: making and changing them. The lists are in nouns.h with those of the other nouns, passwords in password.h. */
#ifndef KN_IDENTITY_ROWS_USER_H
#define KN_IDENTITY_ROWS_USER_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/adapter/conf.h"
#include "lib/adapter/db.h"
#include "lib/domain/schema.h"

/* NULL = as it was; of a text "" = none. */
struct kn_user_change {
    const char *name;
    const char *description;
    const char *enabled;            /* "true" or "false" */
    const char *email;
    const char *default_project_id;
    const char *options;            /* JSON object laid over the old one; null takes an option away */
    const char *extra;              /* JSON object laid over the old one */
    bool sets_password;
    const char *hash;               /* of the new password; NULL with sets_password = none any more */
};

int kn_user_insert(struct kn_db *db, const struct kn_conf *conf, const char *id, const char *domain_id,
                   const struct kn_user_change *c, struct kn_error *err);
/* A new password or enabled = false revokes the user's tokens. KN_NOT_FOUND: no such user. */
int kn_user_update(struct kn_db *db, const struct kn_conf *conf, const char *id, const struct kn_user_change *c, struct kn_error *err);

/* user_options.c: what a body may say under "options": those that are honoured. Pure. */
extern const struct kn_schema kn_user_options[];

#endif
