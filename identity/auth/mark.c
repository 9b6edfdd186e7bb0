/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mark: what is kept of a token by what outlives it: its names and its moment, as JSON, no signature. Whoever reads one learns who asked for something; nobody can log
 * in with it. What revocations look at is listed here once, for both ways.
 */
#include <stddef.h>
#include <string.h>

#include "identity/auth/identity.h"
#include "lib/adapter/crypto.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

static const struct {
    const char *key;
    size_t at;
    size_t size;
} NAMES[] = {
#define NAME(member) \
    { \
        #member, offsetof(struct kn_identity_token, member), sizeof(((struct kn_identity_token *)NULL)->member) \
    }
    NAME(user_id),  NAME(user_domain_id), NAME(scope_id),   NAME(scope_domain_id),
    NAME(trust_id), NAME(trustor_id),     NAME(trustee_id), NAME(credential_id),
#undef NAME
};

static void mark_write(const struct kn_identity_token *token, struct kn_strbuf *out)
{
    char audit[2 * KN_AUDIT_BYTES + 1];

    kn_hex(token->audit, sizeof(token->audit), audit);
    kn_jsonw_object(out, NULL);
    kn_jsonw_int(out, "scope", (int64_t)token->scope);
    kn_jsonw_int(out, "issued_us", token->issued_us);
    kn_jsonw_str(out, "audit", audit);
    for (size_t i = 0; i < KN_COUNT(NAMES); i++) {
        const char *name = (const char *)token + NAMES[i].at;

        if (name[0] != '\0') {
            kn_jsonw_str(out, NAMES[i].key, name);
        }
    }
    kn_jsonw_end_object(out);
}

int kn_identity_mark(const char *token, struct kn_strbuf *out, struct kn_error *err)
{
    struct kn_identity_token read;

    if (!kn_identity_is_open()) {
        return 0;
    }
    if (kn_identity_read(token, &read, err) < 0) {
        return -1;
    }
    mark_write(&read, out);
    return 0;
}

bool kn_identity_stands(const char *mark)
{
    struct kn_identity_token token = { 0 };
    json_auto_t *read = mark[0] == '\0' || !kn_identity_is_open() ? NULL : json_loads(mark, 0, NULL);

    if (read == NULL) {
        return mark[0] == '\0';
    }
    token.scope = (enum kn_identity_scope)kn_json_int(read, "scope");
    token.issued_us = kn_json_int(read, "issued_us");
    if (kn_unhex(kn_json_str(read, "audit"), token.audit, sizeof(token.audit)) < 0) {
        return false;
    }
    for (size_t i = 0; i < KN_COUNT(NAMES); i++) {
        kn_copy((char *)&token + NAMES[i].at, NAMES[i].size, kn_json_str(read, NAMES[i].key));
    }
    return !kn_identity_is_revoked(&token);
}
