/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the bytes of tokens. Nothing is read from a token before its HMAC was found right, so only our own bytes reach the parser; it
 * still checks every length, because keys can be shared with a newer version. It must never look at a clock or a database.
 */
#include "identity/auth/token.h"

#include <string.h>

#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define MAC_BYTES 32
#define BYTES_MAX 2700 /* what KN_TOKEN_MAX characters can hold */

enum flag { HAS_PARENT = 1, OF_TRUST = 2 };
enum id_form { ID_NONE, ID_DEFAULT, ID_HEX, ID_TEXT };

/* --- writing --- */

static void put_number(struct kn_strbuf *out, uint64_t value, int bytes)
{
    while (bytes-- > 0) {
        kn_strbuf_addch(out, (char)(uint8_t)(value >> (8 * bytes)));
    }
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_hex32(const char *id)
{
    return strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32;
}

static void put_id(struct kn_strbuf *out, const char *id)
{
    if (id[0] == '\0') {
        kn_strbuf_addch(out, ID_NONE);
    } else if (strcmp(id, "default") == 0) {
        kn_strbuf_addch(out, ID_DEFAULT);
    } else if (is_hex32(id)) {
        kn_strbuf_addch(out, ID_HEX);
        for (int i = 0; i < 32; i += 2) {
            kn_strbuf_addch(out, (char)(uint8_t)(nibble(id[i]) * 16 + nibble(id[i + 1])));
        }
    } else {
        kn_strbuf_addch(out, ID_TEXT);
        kn_strbuf_addch(out, (char)(uint8_t)strlen(id));
        kn_strbuf_addstr(out, id);
    }
}

void kn_identity_token_encode(const struct kn_identity_token *token, const struct kn_identity_keys *keys,
                              struct kn_strbuf *out)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf bytes = KN_STRBUF_INIT;
    uint8_t mac[MAC_BYTES];

    put_number(&bytes, keys->key[0].id, 4);
    put_number(&bytes, token->methods, 1);
    put_number(&bytes, token->scope, 1);
    put_number(&bytes, token->roles, 1);
    put_id(&bytes, token->user_id);
    put_id(&bytes, token->user_domain_id);
    put_id(&bytes, token->scope_id);
    put_id(&bytes, token->scope_domain_id);
    put_number(&bytes, (uint64_t)token->issued_us, 8);
    put_number(&bytes, (uint64_t)token->expires_us, 8);
    kn_strbuf_add(&bytes, token->audit, KN_AUDIT_BYTES);
    put_number(&bytes, (token->has_parent ? HAS_PARENT : 0) | (token->trust_id[0] != '\0' ? OF_TRUST : 0), 1);
    if (token->has_parent) {
        kn_strbuf_add(&bytes, token->parent, KN_AUDIT_BYTES);
    }
    if (token->trust_id[0] != '\0') {
        put_id(&bytes, token->trust_id);
        put_id(&bytes, token->trustor_id);
        put_id(&bytes, token->trustee_id);
    }
    if ((token->methods & KN_METHOD_APP_CREDENTIAL) != 0) {
        put_id(&bytes, token->credential_id);
        put_number(&bytes, token->unrestricted, 1);
        put_number(&bytes, strlen(token->rules), 2);
        kn_strbuf_addstr(&bytes, token->rules);
    }
    kn_hmac_sha256(keys->key[0].secret, KN_KEY_BYTES, bytes.buf, bytes.len, mac);
    kn_strbuf_add(&bytes, mac, sizeof(mac));
    kn_strbuf_addstr(out, KN_TOKEN_PREFIX);
    kn_base64url_add(out, bytes.buf, bytes.len);
}

/* --- reading --- */

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool broken; /* sticks */
};

static const uint8_t *token_take(struct cursor *c, size_t len)
{
    static const uint8_t NOTHING[KN_TOKEN_RULES];
    if (c->broken || (size_t)(c->end - c->at) < len) {
        c->broken = true;
        return NOTHING;
    }
    const uint8_t *at = c->at;
    c->at += len;
    return at;
}

static uint64_t token_take_number(struct cursor *c, int bytes)
{
    const uint8_t *at = token_take(c, (size_t)bytes);
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

static void take_text(struct cursor *c, char out[65])
{
    size_t len = token_take_number(c, 1);
    if (len == 0 || len > 64) {
        c->broken = true;
        return;
    }
    memcpy(out, token_take(c, len), len);
    out[len] = '\0';
}

static void take_id(struct cursor *c, char out[65])
{
    static const char HEX[] = "0123456789abcdef";

    out[0] = '\0';
    switch (token_take_number(c, 1)) {
    case ID_NONE:
        return;
    case ID_DEFAULT:
        kn_copy(out, 65, "default");
        return;
    case ID_HEX: {
        const uint8_t *at = token_take(c, 16);
        for (int i = 0; i < 16; i++) {
            out[2 * i] = HEX[at[i] >> 4];
            out[2 * i + 1] = HEX[at[i] & 15];
        }
        out[32] = '\0';
        return;
    }
    case ID_TEXT:
        take_text(c, out);
        return;
    default:
        c->broken = true;
    }
}

static void take_credential(struct cursor *c, struct kn_identity_token *t)
{
    take_id(c, t->credential_id);
    t->unrestricted = token_take_number(c, 1) != 0;
    size_t len = token_take_number(c, 2);
    if (len > KN_TOKEN_RULES || t->credential_id[0] == '\0') {
        c->broken = true;
        return;
    }
    memcpy(t->rules, token_take(c, len), len);
}

static void take_trust(struct cursor *c, struct kn_identity_token *t)
{
    take_id(c, t->trust_id);
    take_id(c, t->trustor_id);
    take_id(c, t->trustee_id);
    c->broken = c->broken || t->trust_id[0] == '\0' || t->trustor_id[0] == '\0' || t->trustee_id[0] == '\0';
}

static bool read_fields(struct cursor *c, struct kn_identity_token *t)
{
    t->methods = (uint8_t)token_take_number(c, 1);
    t->scope = (enum kn_identity_scope)token_take_number(c, 1);
    t->roles = (uint32_t)token_take_number(c, 1);
    take_id(c, t->user_id);
    take_id(c, t->user_domain_id);
    take_id(c, t->scope_id);
    take_id(c, t->scope_domain_id);
    t->issued_us = (int64_t)token_take_number(c, 8);
    t->expires_us = (int64_t)token_take_number(c, 8);
    memcpy(t->audit, token_take(c, KN_AUDIT_BYTES), KN_AUDIT_BYTES);
    const uint64_t flags = token_take_number(c, 1);
    t->has_parent = (flags & HAS_PARENT) != 0;
    if (t->has_parent) {
        memcpy(t->parent, token_take(c, KN_AUDIT_BYTES), KN_AUDIT_BYTES);
    }
    if ((flags & OF_TRUST) != 0) {
        take_trust(c, t);
    }
    if ((t->methods & KN_METHOD_APP_CREDENTIAL) != 0) {
        take_credential(c, t);
    }
    return !c->broken && c->at == c->end && flags <= (HAS_PARENT | OF_TRUST) && t->scope <= KN_SCOPE_SYSTEM &&
           t->user_id[0] != '\0';
}

static const struct kn_identity_key *find_key(const struct kn_identity_keys *keys, uint32_t id)
{
    for (int i = 0; i < keys->count; i++) {
        if (keys->key[i].id == id) {
            return &keys->key[i];
        }
    }
    return NULL;
}

/* The bytes before the MAC, if one of the keys made it. */
static bool verified(const uint8_t *bytes, size_t len, const struct kn_identity_keys *keys, struct cursor *ret)
{
    uint8_t mac[MAC_BYTES];

    if (len < MAC_BYTES + 4) {
        return false;
    }
    struct cursor c = { bytes, bytes + len - MAC_BYTES, false };
    const struct kn_identity_key *key = find_key(keys, (uint32_t)token_take_number(&c, 4));
    if (key == NULL) {
        return false;
    }
    kn_hmac_sha256(key->secret, KN_KEY_BYTES, bytes, len - MAC_BYTES, mac);
    if (!kn_equal(mac, bytes + len - MAC_BYTES, MAC_BYTES)) {
        return false;
    }
    *ret = c;
    return true;
}

int kn_identity_token_decode(const char *text, const struct kn_identity_keys *keys, int64_t now_us,
                             struct kn_identity_token *ret, struct kn_error *err)
{
    static const char INVALID[] = "The request you have made requires authentication.";
    uint8_t bytes[BYTES_MAX];
    struct kn_identity_token token = { 0 };
    struct cursor c = { 0 };
    size_t prefix = strlen(KN_TOKEN_PREFIX), len = 0;

    if (strncmp(text, KN_TOKEN_PREFIX, prefix) != 0 || strlen(text) > KN_TOKEN_MAX ||
        kn_base64url_decode(text + prefix, strlen(text + prefix), bytes, sizeof(bytes), &len) < 0 ||
        !verified(bytes, len, keys, &c) || !read_fields(&c, &token) || now_us >= token.expires_us) {
        return kn_fail(err, KN_UNAUTHORIZED, INVALID);
    }
    *ret = token;
    return 0;
}

void kn_identity_audit_text(const uint8_t audit[KN_AUDIT_BYTES], char out[KN_AUDIT_TEXT])
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;

    kn_base64url_add(&sb, audit, KN_AUDIT_BYTES);
    kn_copy(out, KN_AUDIT_TEXT, sb.buf);
}
