/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens: the text as it comes from a client, and, because no fuzzer guesses an HMAC, the same bytes once more with a right one: the parser
 * behind it must survive whatever a key holder signs. What it accepts is printed and read again, and must be the same. Key files, too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "identity/auth/keys.h"
#include "identity/auth/token.h"
#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct kn_identity_keys KEYS = { .key = { { 0x01020304, "a key" } }, .count = 1 };

static void again(const struct kn_identity_token *token)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_identity_token other = { 0 };

    kn_identity_token_encode(token, &KEYS, &text);
    if (kn_identity_token_decode(text.buf, &KEYS, token->expires_us - 1, &other, NULL) < 0 ||
        strcmp(token->user_id, other.user_id) != 0 || strcmp(token->scope_id, other.scope_id) != 0 ||
        token->roles != other.roles || token->scope != other.scope) {
        abort();
    }
}

static void read_signed(const uint8_t *data, size_t size)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf bytes = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_identity_token token = { 0 };
    uint8_t mac[32];

    kn_strbuf_add(&bytes, "\1\2\3\4", 4);
    kn_strbuf_add(&bytes, data, size);
    kn_hmac_sha256(KEYS.key[0].secret, KN_KEY_BYTES, bytes.buf, bytes.len, mac);
    kn_strbuf_add(&bytes, mac, sizeof(mac));
    kn_strbuf_addstr(&text, KN_TOKEN_PREFIX);
    kn_base64url_add(&text, bytes.buf, bytes.len);
    if (kn_identity_token_decode(text.buf, &KEYS, 0, &token, NULL) == 0) {
        again(&token);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *text = kn_alloc(size + 1);
    struct kn_identity_token token;
    struct kn_identity_keys keys;

    if (size > 0) {
        memcpy(text, data, size);
    }
    if (kn_identity_token_decode(text, &KEYS, 0, &token, NULL) == 0) {
        again(&token);
    }
    read_signed(data, size);
    kn_identity_keys_parse(text, &keys, NULL);
    return 0;
}
