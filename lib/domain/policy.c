/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the decision who may do what, and the order of the roles. It is the same for every service: the front door asks it before the handler,
 * lists for what they show, handlers for what lies inside a request. It must never look at anything but its input.
 */
#include "lib/domain/policy.h"

#include <string.h>

#include "lib/base/mem.h"

/* Each role with all it implies. A service is no member of anything. */
static const struct {
    const char *name;
    uint32_t bits;
} ROLES[] = {
    { "reader", KN_ROLE_READER },
    { "member", KN_ROLE_READER | KN_ROLE_MEMBER },
    { "manager", KN_ROLE_READER | KN_ROLE_MEMBER | KN_ROLE_MANAGER },
    { "admin", KN_ROLE_READER | KN_ROLE_MEMBER | KN_ROLE_MANAGER | KN_ROLE_ADMIN },
    { "service", KN_ROLE_SERVICE },
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

bool kn_role_is_rank(const char *role_name)
{
    return (kn_role_bits(role_name) & KN_ROLE_READER) != 0;
}

/* --- grants --- */

enum policy_scope { UNSCOPED = 1, PROJECT = 2, DOMAIN = 4, SYSTEM = 8, ANY = UNSCOPED | PROJECT | DOMAIN | SYSTEM };

/* How the caller stands to what he asks for. Those OF_PATH are known before the handler, those OF_ROW to the handler alone. */
enum relation { NO_MATTER, USER_OF_PATH, PROJECT_OF_PATH, DOMAIN_OF_PATH, USER_OF_ROW, PROJECT_OF_ROW, DOMAIN_OF_ROW };

/* X(name, role (0 = whatever it is), scopes, relation, in words) */
#define GRANTS(X) \
    X(PUBLIC, 0, ANY, NO_MATTER, "anybody, without a token") \
    X(TOKEN, 0, ANY, NO_MATTER, "any token") \
    X(PROJECT_TOKEN, 0, PROJECT, NO_MATTER, "any token of a project") \
    X(READER, KN_ROLE_READER, PROJECT, NO_MATTER, "reader of a project") \
    X(ADMIN, KN_ROLE_ADMIN, ANY, NO_MATTER, "admin") \
    X(PROJECT_ADMIN, KN_ROLE_ADMIN, PROJECT, NO_MATTER, "admin of a project") \
    X(CLOUD_ADMIN, KN_ROLE_ADMIN, PROJECT | SYSTEM, NO_MATTER, "admin of a project or the system") \
    X(SYSTEM_ADMIN, KN_ROLE_ADMIN, SYSTEM, NO_MATTER, "admin of the system") \
    X(SYSTEM_READER, KN_ROLE_READER, SYSTEM, NO_MATTER, "reader of the system") \
    X(SERVICE, KN_ROLE_SERVICE, ANY, NO_MATTER, "service") \
    X(DOMAIN_READER, KN_ROLE_READER, DOMAIN, DOMAIN_OF_ROW, "reader of its domain") \
    X(DOMAIN_MANAGER, KN_ROLE_MANAGER, DOMAIN, DOMAIN_OF_ROW, "manager of its domain") \
    X(OWNER_READER, KN_ROLE_READER, PROJECT, PROJECT_OF_ROW, "reader of its project") \
    X(OWNER_MEMBER, KN_ROLE_MEMBER, PROJECT, PROJECT_OF_ROW, "member of its project") \
    X(OWNER_MANAGER, KN_ROLE_MANAGER, PROJECT, PROJECT_OF_ROW, "manager of its project") \
    X(OWNER_TOKEN, 0, PROJECT, PROJECT_OF_ROW, "any token of its project") \
    X(OWNER_DOMAIN, 0, DOMAIN, DOMAIN_OF_ROW, "any token of its domain") \
    X(USER, 0, ANY, USER_OF_ROW, "its user") \
    X(USER_READER, KN_ROLE_READER, PROJECT, USER_OF_ROW, "its user, as reader of a project") \
    X(SELF, 0, ANY, USER_OF_PATH, "the user of the path") \
    X(OWN_PROJECT, 0, PROJECT, PROJECT_OF_PATH, "any token of the path's project") \
    X(OWN_DOMAIN, 0, PROJECT | DOMAIN, DOMAIN_OF_PATH, "any token of the path's domain, or of a project in it")

enum grant_index {
#define X(name, role, scopes, relation, words) name##_AT,
    GRANTS(X)
#undef X
        GRANT_COUNT
};

enum grant_bit {
#define X(name, role, scopes, relation, words) name = 1 << name##_AT,
    GRANTS(X)
#undef X
};
_Static_assert(GRANT_COUNT < 31, "a set of grants is one word");

static const struct grant {
    uint32_t role;
    unsigned scopes;
    enum relation relation;
    const char *words;
} GRANT[] = {
#define X(name, role, scopes, relation, words) { role, scopes, relation, words },
    GRANTS(X)
#undef X
};

/* --- rules --- */

/* before, behind: what stands around the name of a rule in a refusal. */
static const struct service {
    const char *name, *before, *behind;
} NOVA_RULES = { "Nova", "Policy doesn't allow ", " to be performed." },
  CINDER_RULES = { "Cinder", "Policy doesn't allow ", " to be performed." },
  NEUTRON_RULES = { "Neutron", "rule:", " is disallowed by policy" },
  GLANCE_RULES = { "Glance", "You are not authorized to complete ", " action." },
  KEYSTONE_RULES = { "Keystone", "You are not authorized to perform the requested action: ", "." };

static const struct rule {
    const char *name;
    uint32_t who;
    const struct service *service;
    const char *what;
} RULES[] = {
    { "", 0, &NOVA_RULES, "" },
#define NOVA(id, name, who, what) { name, who, &NOVA_RULES, what },
#define CINDER(id, name, who, what) { name, who, &CINDER_RULES, what },
#define NEUTRON(id, name, who, what) { name, who, &NEUTRON_RULES, what },
#define GLANCE(id, name, who, what) { name, who, &GLANCE_RULES, what },
#define KEYSTONE(id, name, who, what) { "identity:" name, who, &KEYSTONE_RULES, what },
#include "lib/domain/policy.def"
#undef NOVA
#undef CINDER
#undef NEUTRON
#undef GLANCE
#undef KEYSTONE
};
_Static_assert(KN_COUNT(RULES) == KN_RULE_COUNT, "one row a rule");

static const struct rule *rule_of(enum kn_rule rule)
{
    return &RULES[rule > KN_RULE_NONE && rule < KN_RULE_COUNT ? rule : KN_RULE_NONE];
}

static unsigned policy_scope_of(const struct kn_caller *who)
{
    return who->system_scoped           ? SYSTEM
           : who->domain_id[0] != '\0'  ? DOMAIN
           : who->project_id[0] != '\0' ? PROJECT
                                        : UNSCOPED;
}

static bool is_same(const char *a, const char *b)
{
    return a != NULL && a[0] != '\0' && strcmp(a, b) == 0;
}

static bool relates(enum relation relation, const struct kn_caller *who, const struct kn_target *target)
{
    switch (relation) {
    case NO_MATTER:
        return true;
    case USER_OF_PATH:
    case USER_OF_ROW:
        return is_same(target->user_id, who->user_id);
    case PROJECT_OF_PATH:
    case PROJECT_OF_ROW:
        return is_same(target->project_id, who->project_id);
    case DOMAIN_OF_PATH:
        return is_same(target->domain_id, who->domain_id) || is_same(target->domain_id, who->project_domain_id);
    case DOMAIN_OF_ROW:
        return is_same(target->domain_id, who->domain_id);
    }
    return false;
}

static bool is_of_row(enum relation relation)
{
    return relation == USER_OF_ROW || relation == PROJECT_OF_ROW || relation == DOMAIN_OF_ROW;
}

/* at_door: what a row would tell is taken for given. */
static bool grants(uint32_t set, const struct kn_caller *who, const struct kn_target *target, bool at_door)
{
    const unsigned scope = policy_scope_of(who);

    for (uint32_t left = set; left != 0; left &= left - 1) {
        const struct grant *g = &GRANT[__builtin_ctz(left)];

        if ((g->role == 0 || (who->roles & g->role) != 0) && (g->scopes & scope) != 0 &&
            ((at_door && is_of_row(g->relation)) || relates(g->relation, who, target))) {
            return true;
        }
    }
    return false;
}

enum kn_verdict kn_policy_admit(enum kn_rule rule, const struct kn_caller *who, const char *first)
{
    const struct kn_target path = { first, first, first };
    const uint32_t set = rule_of(rule)->who;

    if ((set & PUBLIC) != 0) {
        return KN_ALLOW;
    }
    if (set != 0 && who == NULL) {
        return KN_DENY_UNAUTHENTICATED;
    }
    return who != NULL && grants(set, who, &path, true) ? KN_ALLOW : KN_DENY_FORBIDDEN;
}

bool kn_policy_allows(enum kn_rule rule, const struct kn_caller *who, const struct kn_target *target)
{
    static const struct kn_target EVERYBODY = { NULL, NULL, NULL };

    return rule == KN_RULE_NONE || grants(rule_of(rule)->who, who, target != NULL ? target : &EVERYBODY, false);
}

int kn_policy_refuse(enum kn_rule rule, struct kn_error *err)
{
    const struct rule *r = rule_of(rule);

    return kn_fail(err, KN_FORBIDDEN, "%s%s%s", r->service->before, r->name, r->service->behind);
}

int kn_policy_check(enum kn_rule rule, const struct kn_caller *who, const struct kn_target *target,
                    struct kn_error *err)
{
    return kn_policy_allows(rule, who, target) ? 0 : kn_policy_refuse(rule, err);
}

bool kn_policy_is_public(enum kn_rule rule)
{
    return (rule_of(rule)->who & PUBLIC) != 0;
}

const char *kn_policy_service(enum kn_rule rule)
{
    return rule_of(rule)->service->name;
}

const char *kn_policy_name(enum kn_rule rule)
{
    return rule_of(rule)->name;
}

const char *kn_policy_what(enum kn_rule rule)
{
    return rule_of(rule)->what;
}

void kn_policy_who(enum kn_rule rule, struct kn_strbuf *out)
{
    const char *comma = "";

    for (size_t i = 0; i < KN_COUNT(GRANT); i++) {
        if ((rule_of(rule)->who & (1U << i)) != 0) {
            kn_strbuf_addf(out, "%s%s", comma, GRANT[i].words);
            comma = "; ";
        }
    }
}
