/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the list of options that a user can have. Each one is honoured where its name stands in a statement: password.c, account.c,
 * authenticate.c. It must never accept what nothing honours.
 */
#include "identity/rows/nouns.h"

/* Any word, as in Keystone. Which are methods here is not asked: a rule that names another one is a rule that no login fulfils. */
static const struct kn_schema METHOD[] = { KN_SCHEMA("method", KN_IS_STRING, .limit = KN_LIMIT_MFA_METHOD),
                                           KN_SCHEMA_END };
static const struct kn_schema RULE[] = { KN_SCHEMA("rule", KN_IS_LIST, .inner = METHOD, .limit = KN_LIMIT_MFA_METHODS),
                                         KN_SCHEMA_END };

#define OPTION(name) KN_SCHEMA(name, KN_IS_BOOLEAN, .flags = KN_NULLABLE | KN_EXACT)

const struct kn_schema kn_identity_user_options[] = {
    OPTION("ignore_change_password_upon_first_use"),
    OPTION("ignore_password_expiry"),
    OPTION("ignore_lockout_failure_attempts"),
    OPTION("lock_password"),
    OPTION("multi_factor_auth_enabled"),
    KN_SCHEMA("multi_factor_auth_rules", KN_IS_LIST, .flags = KN_NULLABLE, .inner = RULE, .limit = KN_LIMIT_MFA_RULES),
    KN_SCHEMA_END,
};
