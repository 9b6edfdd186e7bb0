/* SPDX-License-Identifier: Apache-2.0 */
/* policy: who may call a route; one column of the route table, one pure decision. */
#ifndef KN_DOMAIN_POLICY_H
#define KN_DOMAIN_POLICY_H

#include <stdbool.h>
#include <stdint.h>

enum kn_role { KN_ROLE_READER = 1, KN_ROLE_MEMBER = 2, KN_ROLE_MANAGER = 4, KN_ROLE_ADMIN = 8 };

#define KN_POLICIES(X)                                                                              \
    X(KN_POLICY_PUBLIC, "anybody, without a token")                                                 \
    X(KN_POLICY_AUTHENTICATED, "anybody with a valid token, whatever its scope")                    \
    X(KN_POLICY_PROJECT_READER, "reader, member, manager or admin of the project of the token")     \
    X(KN_POLICY_PROJECT_MEMBER, "member, manager or admin of the project of the token")             \
    X(KN_POLICY_ADMIN, "admin, whatever the scope")                                                 \
    X(KN_POLICY_PROJECT_TOKEN, "anybody with a token of a project, whatever the role")               \
    X(KN_POLICY_SELF, "the user named by the first path parameter, nobody else")                    \
    X(KN_POLICY_SYSTEM_READER, "admin, or reader, member or manager of the whole system")           \
    X(KN_POLICY_SYSTEM_READER_OR_OWN_DOMAIN,                                                        \
      "as SYSTEM_READER, or any token of the domain named by the first path parameter, or of a project in it") \
    X(KN_POLICY_SYSTEM_READER_OR_DOMAIN_MANAGER, "as SYSTEM_READER, or manager of a domain")         \
    X(KN_POLICY_CLOUD_ADMIN, "admin of a project or of the whole system, not of a domain")          \
    X(KN_POLICY_CLOUD_READER, "as CLOUD_ADMIN, or reader, member or manager of the whole system")   \
    X(KN_POLICY_CLOUD_ADMIN_OR_SELF, "as CLOUD_ADMIN, or the user named by the first path parameter") \
    X(KN_POLICY_CLOUD_READER_OR_SELF, "as CLOUD_READER, or the user named by the first path parameter") \
    X(KN_POLICY_SYSTEM_ADMIN_OR_SELF, "admin of the whole system, or the user named by the first path parameter") \
    X(KN_POLICY_AUDITOR_OR_SELF,                                                                    \
      "reader, member, manager or admin of the whole system, or the user named by the first path parameter") \
    X(KN_POLICY_DOMAIN_MANAGER, "admin, or manager of a domain: of what is in it, says the handler") \
    X(KN_POLICY_DOMAIN_READER, "as SYSTEM_READER, or reader of a domain: of what is in it, says the handler") \
    X(KN_POLICY_DOMAIN_READER_OR_SELF, "as DOMAIN_READER, or the user named by the first path parameter") \
    X(KN_POLICY_DOMAIN_READER_OR_OWN_PROJECT,                                                       \
      "as DOMAIN_READER, or any token of the project named by the first path parameter")

enum kn_policy {
    KN_POLICY_NONE, /* a route that forgot: refused, and a test finds it */
#define X(name, meaning) name,
    KN_POLICIES(X)
#undef X
        KN_POLICY_COUNT
};

struct kn_policy_input {
    bool has_token;
    bool has_project;     /* the token is project-scoped */
    bool has_domain;      /* the token is domain-scoped */
    bool system_scoped;
    uint32_t roles;       /* in the token's scope */
    bool is_self;         /* the first path parameter is the caller's user id */
    bool is_own_project;  /* the first path parameter is the token's project */
    bool is_own_domain;   /* the first path parameter is the token's domain, or that of its project */
};

enum kn_verdict { KN_ALLOW, KN_DENY_UNAUTHENTICATED, KN_DENY_FORBIDDEN };

enum kn_verdict kn_policy_decide(enum kn_policy policy, const struct kn_policy_input *in);
const char *kn_policy_name(enum kn_policy policy);
/* reader, member, manager, admin with what each implies (admin > manager > member > reader); 0 for other names. */
uint32_t kn_role_bits(const char *role_name);

#endif
