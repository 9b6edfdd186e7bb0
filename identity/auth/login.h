/* SPDX-License-Identifier: Apache-2.0 */
/* login: what POST /v3/auth/tokens asks for. Pure; the strings are the body's. */
#ifndef KN_IDENTITY_AUTH_LOGIN_H
#define KN_IDENTITY_AUTH_LOGIN_H

#include <jansson.h>
#include <stdbool.h>

#include "identity/auth/token.h"

/* Something named by its id, or by its name within a domain. NULL = not said. */
struct kn_identity_named {
    const char *id;
    const char *name;
    const char *domain_id;
    const char *domain_name;
};

/* An application credential by its id, or by its name and its user's. */
struct kn_identity_named_credential {
    const char *id;
    const char *name;
    struct kn_identity_named user;
};

struct kn_identity_login {
    unsigned methods;          /* bits of enum kn_identity_method */
    struct kn_identity_named user;      /* of the method password */
    const char *password;
    const char *token;         /* of the method token */
    struct kn_identity_named_credential credential; /* of the method application_credential */
    const char *secret;
    bool scope_said;           /* no scope at all means the user's default project */
    enum kn_identity_scope scope;
    const char *trust;         /* instead of a target: the id of the trust whose project it is */
    struct kn_identity_named target;    /* the project or domain; a domain in id and name */
};

/* The names of methods as a JSON array under key (NULL = none). */
void kn_identity_methods_write(struct kn_strbuf *sb, const char *key, unsigned methods);

/* Whose secret a login's body claims to know, as one text (heap); NULL if it does not say. Two ways of saying it may differ. */
char *kn_identity_login_account(const json_t *body);

/* KN_BAD_REQUEST: not understood; KN_UNAUTHORIZED: a method that nobody has. */
int kn_identity_login_parse(const json_t *body, struct kn_identity_login *ret, struct kn_error *err);

#endif
