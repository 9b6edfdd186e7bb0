/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy: who may do what, as named rules (policy.def). A rule is granted to a set of callers; the names are those of the services' own
 * policies. Pure: it looks at the caller and at whose the thing is, and at nothing else.
 *
 *   if (kn_policy_check(KN_NOVA_SERVER_FORCED_HOST, &req->caller, NULL, err) < 0) { return -1; }
 *   bool mine = kn_policy_allows(KN_NEUTRON_UPDATE_NETWORK, &req->caller, &(struct kn_target){ .project_id = network.project_id });
 */
#ifndef KN_DOMAIN_POLICY_H
#define KN_DOMAIN_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/strbuf.h"

enum kn_role { KN_ROLE_READER = 1, KN_ROLE_MEMBER = 2, KN_ROLE_MANAGER = 4, KN_ROLE_ADMIN = 8, KN_ROLE_SERVICE = 16 };

/* Who asks: filled by the front door from the token, before the handler. */
struct kn_caller {
    char user_id[65];
    char project_id[65];  /* "" when unscoped or domain-scoped */
    char domain_id[65];   /* of the scope, "" otherwise */
    char project_domain_id[65]; /* that of the project; "" unless project-scoped */
    bool system_scoped;
    uint32_t roles;       /* bits of enum kn_role, implied ones included: for policy.c; everybody else names a rule */
    int64_t expires_at_us;
    char credential_id[65]; /* the application credential that logged in, "" = a person did */
    bool restricted;      /* it must not make others; so, too, whoever acts by a trust */
    bool has_rules;       /* it may ask only for what its access rules name: the door sees to it */
    const char *token;    /* as received; never log it */
};

/* Whose the thing is that is read or changed; NULL = it is not known, or nobody's. */
struct kn_target {
    const char *user_id, *project_id, *domain_id;
};

enum kn_rule {
    KN_RULE_NONE, /* a route that forgot: refused, and a test finds it; an attribute that is everybody's */
#define NOVA(id, name, who, what) KN_NOVA_##id,
#define CINDER(id, name, who, what) KN_CINDER_##id,
#define NEUTRON(id, name, who, what) KN_NEUTRON_##id,
#define GLANCE(id, name, who, what) KN_GLANCE_##id,
#define KEYSTONE(id, name, who, what) KN_KEYSTONE_##id,
#include "lib/domain/policy.def"
#undef NOVA
#undef CINDER
#undef NEUTRON
#undef GLANCE
#undef KEYSTONE
    KN_RULE_COUNT
};

enum kn_verdict { KN_ALLOW, KN_DENY_UNAUTHENTICATED, KN_DENY_FORBIDDEN };

/*
 * May the caller come as far as the route's handler? who NULL: there is no token. first: the first parameter of the path, NULL = none: a rule
 * for oneself, the own project, the own domain means what the path names. What belongs to the owner of a row is let in; the handler asks.
 */
enum kn_verdict kn_policy_admit(enum kn_rule rule, const struct kn_caller *who, const char *first);
/* May the caller do it to what is the target's? target NULL: to everybody's. An attribute without a rule (KN_RULE_NONE) is for all. */
bool kn_policy_allows(enum kn_rule rule, const struct kn_caller *who, const struct kn_target *target);
/* The same; otherwise KN_FORBIDDEN in the words of the rule's service. */
int kn_policy_check(enum kn_rule rule, const struct kn_caller *who, const struct kn_target *target,
                    struct kn_error *err);
/* KN_FORBIDDEN in those words. Returns -1. */
int kn_policy_refuse(enum kn_rule rule, struct kn_error *err);

/* Whether a path may be asked for without a token. */
bool kn_policy_is_public(enum kn_rule rule);
/* "Nova". */
const char *kn_policy_service(enum kn_rule rule);
/* As the service calls it: "os_compute_api:servers:show", "identity:list_users". */
const char *kn_policy_name(enum kn_rule rule);
/* What it decides that no route shows; "" = nothing. */
const char *kn_policy_what(enum kn_rule rule);
/* Its grants in words: "admin of a project; reader of its project". */
void kn_policy_who(enum kn_rule rule, struct kn_strbuf *out);

/* reader, member, manager, admin with what each implies (admin > manager > member > reader), service; 0 for other names. */
uint32_t kn_role_bits(const char *role_name);
/* One of the chain admin > manager > member > reader. service is none: it is given like a name that means nothing, by admins alone. */
bool kn_role_is_rank(const char *role_name);

#endif
