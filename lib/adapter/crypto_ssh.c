/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes ssh key pairs for clients that ask the cloud for one (Nova before 2.92). The private half is handed out once and kept
 * nowhere: it must never reach a table or a log.
 */
#include "lib/adapter/crypto.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"

#define BITS 2048

static void add_u32(struct kn_strbuf *out, size_t n)
{
    const unsigned char bytes[] = { (unsigned char)(n >> 24), (unsigned char)(n >> 16), (unsigned char)(n >> 8),
                                    (unsigned char)n };

    kn_strbuf_add(out, bytes, sizeof(bytes));
}

/* RFC 4251's mpint: big-endian, a zero byte before a set top bit. */
static int add_number(struct kn_strbuf *out, const EVP_PKEY *key, const char *param)
{
    BIGNUM *n = NULL;
    unsigned char bytes[BITS / 8];
    int len = 0;

    if (EVP_PKEY_get_bn_param(key, param, &n) != 1) {
        return -1;
    }
    len = BN_num_bytes(n);
    if (len > (int)sizeof(bytes)) {
        BN_free(n);
        return -1;
    }
    BN_bn2bin(n, bytes);
    BN_free(n);
    add_u32(out, (size_t)len + (bytes[0] >> 7));
    if (bytes[0] >> 7) {
        kn_strbuf_addch(out, '\0');
    }
    kn_strbuf_add(out, bytes, (size_t)len);
    return 0;
}

static int add_public(struct kn_strbuf *line, const EVP_PKEY *key)
{
    static const char TYPE[] = "ssh-rsa";
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf blob = KN_STRBUF_INIT;

    add_u32(&blob, strlen(TYPE));
    kn_strbuf_addstr(&blob, TYPE);
    if (add_number(&blob, key, OSSL_PKEY_PARAM_RSA_E) < 0 || add_number(&blob, key, OSSL_PKEY_PARAM_RSA_N) < 0) {
        return -1;
    }
    kn_strbuf_addf(line, "%s ", TYPE);
    kn_base64_add(line, blob.buf, blob.len);
    return 0;
}

static int add_private(struct kn_strbuf *pem, const EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    const char *text = NULL;
    long len = 0;
    int result = -1;

    if (bio != NULL && PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL) == 1) {
        len = BIO_get_mem_data(bio, &text);
        kn_strbuf_add(pem, text, (size_t)len);
        result = 0;
    }
    BIO_free(bio);
    return result;
}

int kn_ssh_key_make(struct kn_strbuf *private_pem, struct kn_strbuf *public_line, struct kn_error *err)
{
    EVP_PKEY *key = EVP_RSA_gen(BITS);
    int result = -1;

    if (key != NULL && add_public(public_line, key) == 0 && add_private(private_pem, key) == 0) {
        result = 0;
    }
    EVP_PKEY_free(key);
    return result == 0 ? 0 : kn_fail(err, KN_INTERNAL, "an ssh key cannot be made");
}
