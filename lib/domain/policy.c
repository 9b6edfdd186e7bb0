/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the decision who may call a route, and the order of the roles. It is the same for every service: the front door asks it once,
 * before the handler; handlers narrow what they show to the caller's project, they never widen. It must never look at anything
 * but its input.
 */
#include "lib/domain/policy.h"

#include <string.h>

#include "lib/base/mem.h"

/* Each role with all it implies. */
static const struct {
    const char *name;
    uint32_t bits;
} ROLES[] = {
    { "reader", KN_ROLE_READER },
    { "member", KN_ROLE_READER | KN_ROLE_MEMBER },
    { "manager", KN_ROLE_READER | KN_ROLE_MEMBER | KN_ROLE_MANAGER },
    { "admin", KN_ROLE_READER | KN_ROLE_MEMBER | KN_ROLE_MANAGER | KN_ROLE_ADMIN },
};

uint32_t kn_role_bits(const char *role_name)
{
    for (size_t i = 0; i < KN_COUNT(ROLES); i++) {
        if (strcmp(ROLES[i].name, role_name) == 0) {
            return ROLES[i].bits;
        }
    }
    return 0;
}

static bool holds(const struct kn_policy_input *in, enum kn_role role)
{
    return (in->roles & role) != 0;
}

/* In Keystone's words: rule:admin_required or (role:reader and system_scope:all). */
static bool system_reader(const struct kn_policy_input *in)
{
    return holds(in, KN_ROLE_ADMIN) || (in->system_scoped && holds(in, KN_ROLE_READER));
}

static bool cloud_admin(const struct kn_policy_input *in)
{
    return holds(in, KN_ROLE_ADMIN) && !in->has_domain;
}

static bool cloud_reader(const struct kn_policy_input *in)
{
    return system_reader(in) && !in->has_domain;
}

static bool domain_reader(const struct kn_policy_input *in)
{
    return system_reader(in) || (in->has_domain && holds(in, KN_ROLE_READER));
}

static bool domain_manager(const struct kn_policy_input *in)
{
    return in->has_domain && holds(in, KN_ROLE_MANAGER);
}

static bool allows(enum kn_policy policy, const struct kn_policy_input *in)
{
    switch (policy) {
    case KN_POLICY_NONE:
    case KN_POLICY_COUNT:
        return false;
    case KN_POLICY_PUBLIC:
    case KN_POLICY_AUTHENTICATED:
        return true;
    case KN_POLICY_PROJECT_READER:
        return in->has_project && holds(in, KN_ROLE_READER);
    case KN_POLICY_PROJECT_MEMBER:
        return in->has_project && holds(in, KN_ROLE_MEMBER);
    case KN_POLICY_ADMIN:
        return holds(in, KN_ROLE_ADMIN);
    case KN_POLICY_PROJECT_TOKEN:
        return in->has_project;
    case KN_POLICY_SELF:
        return in->is_self;
    case KN_POLICY_SYSTEM_READER:
        return system_reader(in);
    case KN_POLICY_SYSTEM_READER_OR_OWN_DOMAIN:
        return in->is_own_domain || system_reader(in);
    case KN_POLICY_SYSTEM_READER_OR_DOMAIN_MANAGER:
        return system_reader(in) || domain_manager(in);
    case KN_POLICY_CLOUD_ADMIN:
        return cloud_admin(in);
    case KN_POLICY_CLOUD_READER:
        return cloud_reader(in);
    case KN_POLICY_CLOUD_ADMIN_OR_SELF:
        return in->is_self || cloud_admin(in);
    case KN_POLICY_CLOUD_READER_OR_SELF:
        return in->is_self || cloud_reader(in);
    case KN_POLICY_SYSTEM_ADMIN_OR_SELF:
        return in->is_self || (in->system_scoped && holds(in, KN_ROLE_ADMIN));
    case KN_POLICY_AUDITOR_OR_SELF:
        return in->is_self || (in->system_scoped && holds(in, KN_ROLE_READER));
    case KN_POLICY_DOMAIN_MANAGER:
        return holds(in, KN_ROLE_ADMIN) || domain_manager(in);
    case KN_POLICY_DOMAIN_READER:
        return domain_reader(in);
    case KN_POLICY_DOMAIN_READER_OR_SELF:
        return in->is_self || domain_reader(in);
    case KN_POLICY_DOMAIN_READER_OR_OWN_PROJECT:
        return in->is_own_project || domain_reader(in);
    }
    return false;
}

enum kn_verdict kn_policy_decide(enum kn_policy policy, const struct kn_policy_input *in)
{
    if (policy == KN_POLICY_PUBLIC) {
        return KN_ALLOW;
    }
    if (policy > KN_POLICY_NONE && policy < KN_POLICY_COUNT && !in->has_token) {
        return KN_DENY_UNAUTHENTICATED;
    }
    return allows(policy, in) ? KN_ALLOW : KN_DENY_FORBIDDEN;
}

static const char *const NAMES[] = {
    [KN_POLICY_NONE] = "KN_POLICY_NONE",
#define X(name, meaning) [name] = #name,
    KN_POLICIES(X)
#undef X
};
_Static_assert(KN_COUNT(NAMES) == KN_POLICY_COUNT, "every policy has a name");

const char *kn_policy_name(enum kn_policy policy)
{
    return policy >= KN_POLICY_NONE && policy < KN_POLICY_COUNT ? NAMES[policy] : NAMES[KN_POLICY_NONE];
}
