/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token: what a token says, and its text. Self-contained: "kn1." + base64url of
 *
 *   u32 key id | u8 methods | u8 scope | u8 roles | id user | id user's domain | id scope | id scope's domain
 *   | i64 issued µs | i64 expires µs | 16 bytes audit id | u8 flags (1: has a parent, 2: of a trust) | [16 bytes parent's audit id]
 *   | [of a trust: id trust | id trustor | id trustee]
 *   | [of an application credential: id credential | u8 unrestricted | u16 length + access rules] | 32 bytes HMAC-SHA256
 *
 * numbers big-endian; an id is 0 (none), 1 (the literal "default"), 2 + 16 bytes (32 hex digits), or 3 + length + text. The HMAC covers
 * all before it. Pure: keys and the time come from the caller.
 */
#ifndef KN_IDENTITY_AUTH_TOKEN_H
#define KN_IDENTITY_AUTH_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/strbuf.h"

#define KN_TOKEN_PREFIX "kn1."
#define KN_TOKEN_MAX 3600       /* characters of a token's text; without access rules they are some 250 */
#define KN_TOKEN_RULES 2048     /* bytes of access rules, in the text of access_rule.h */
#define KN_AUDIT_BYTES 16
#define KN_AUDIT_TEXT 23        /* base64url with its NUL */
#define KN_KEY_BYTES 32
#define KN_KEYS_MAX 8

enum kn_identity_scope { KN_SCOPE_NONE, KN_SCOPE_PROJECT, KN_SCOPE_DOMAIN, KN_SCOPE_SYSTEM };
enum kn_identity_method { KN_METHOD_PASSWORD = 1, KN_METHOD_TOKEN = 2, KN_METHOD_APP_CREDENTIAL = 4 };

struct kn_identity_key {
    uint32_t id;
    uint8_t secret[KN_KEY_BYTES];
};

struct kn_identity_keys {
    struct kn_identity_key key[KN_KEYS_MAX]; /* the first one signs, all of them verify */
    int count;
};

struct kn_identity_token {
    uint8_t methods;            /* bits of enum kn_identity_method */
    enum kn_identity_scope scope;
    uint32_t roles;             /* bits of enum kn_role */
    char user_id[65];
    char user_domain_id[65];
    char scope_id[65];          /* project or domain; "" otherwise */
    char scope_domain_id[65];   /* of the project; "" otherwise */
    int64_t issued_us;
    int64_t expires_us;
    uint8_t audit[KN_AUDIT_BYTES];
    bool has_parent;            /* made from another token */
    uint8_t parent[KN_AUDIT_BYTES];
    char trust_id[65];          /* "" = of no trust */
    char trustor_id[65];        /* of a trust: who lent, who may use it; one of them is the user */
    char trustee_id[65];
    char credential_id[65];     /* with KN_METHOD_APP_CREDENTIAL; "" otherwise */
    bool unrestricted;          /* the credential may make others */
    char rules[KN_TOKEN_RULES + 1]; /* what alone may be asked for; "" = anything */
};

/* Signs with the first key. */
void kn_identity_token_encode(const struct kn_identity_token *token, const struct kn_identity_keys *keys,
                              struct kn_strbuf *out);
/* KN_UNAUTHORIZED: not ours, changed, or expired at now_us. It does not know what was revoked. */
int kn_identity_token_decode(const char *text, const struct kn_identity_keys *keys, int64_t now_us,
                             struct kn_identity_token *ret, struct kn_error *err);
void kn_identity_audit_text(const uint8_t audit[KN_AUDIT_BYTES], char out[KN_AUDIT_TEXT]);

#endif
