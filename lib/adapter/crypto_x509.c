/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates that stand for users, for guests that know no ssh keys (Nova's key pairs of type x509): reads one, and makes one with its key for clients that ask the cloud
 * for it (before 2.92). The key is handed out once and kept nowhere.
 */
#include "lib/adapter/crypto.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define BITS 2048
#define SERIAL_BITS 64
#define YEARS10_S (10L * 365 * 24 * 3600)

/* What follows the certificate is nothing but the end of a line. */
static X509 *read_one(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *cert = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
    char rest[3] = "";

    if (cert != NULL && (BIO_read(bio, rest, 2) > 0) && rest[strspn(rest, "\r\n")] != '\0') {
        X509_free(cert);
        cert = NULL;
    }
    BIO_free(bio);
    return cert;
}

int kn_x509_fingerprint(const char *pem, char ret[KN_X509_FINGERPRINT], struct kn_error *err)
{
    static const char HEX[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    X509 *cert = read_one(pem);
    const bool is_good = cert != NULL && X509_digest(cert, EVP_sha1(), digest, &len) == 1 &&
                         len == KN_X509_FINGERPRINT / 3;

    X509_free(cert);
    if (!is_good) {
        return kn_fail(err, KN_BAD_REQUEST, "Keypair data is invalid: failed to generate X509 fingerprint");
    }
    for (unsigned i = 0; i < len; i++) {
        ret[3 * i] = HEX[digest[i] >> 4];
        ret[3 * i + 1] = HEX[digest[i] & 15];
        ret[3 * i + 2] = i + 1 < len ? ':' : '\0';
    }
    return 0;
}

static bool add_extension(X509 *cert, int what, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, what, value);
    const bool is_added = extension != NULL && X509_add_ext(cert, extension, -1) == 1;

    X509_EXTENSION_free(extension);
    return is_added;
}

static bool number_it(X509 *cert)
{
    BIGNUM *number = BN_new();
    const bool is_done = number != NULL && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
                         BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;

    BN_free(number);
    return is_done;
}

/* For a client, signed by itself; what a guest's Windows looks for is the name of its account. */
static bool fill(X509 *cert, EVP_PKEY *key, const char *name)
{
    AUTO_FREE char *account = kn_asprintf("otherName:1.3.6.1.4.1.311.20.2.3;UTF8:%s@localhost", name);
    X509_NAME *subject = X509_get_subject_name(cert);

    return X509_set_version(cert, 2) == 1 && number_it(cert) && X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(cert), YEARS10_S) != NULL &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) == 1 &&
           X509_set_issuer_name(cert, subject) == 1 && X509_set_pubkey(cert, key) == 1 &&
           add_extension(cert, NID_ext_key_usage, "clientAuth") && add_extension(cert, NID_subject_alt_name, account) &&
           X509_sign(cert, key, EVP_sha256()) > 0;
}

static bool add_texts(struct kn_strbuf *key_pem, struct kn_strbuf *cert_pem, X509 *cert, const EVP_PKEY *key)
{
    BIO *secret = BIO_new(BIO_s_secmem()), *open = BIO_new(BIO_s_mem());
    const char *text = NULL;
    const bool is_done = secret != NULL && open != NULL &&
                         PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) == 1 &&
                         PEM_write_bio_X509(open, cert) == 1;

    if (is_done) {
        const long secret_len = BIO_get_mem_data(secret, &text);

        kn_strbuf_add(key_pem, text, (size_t)secret_len);
        const long open_len = BIO_get_mem_data(open, &text);

        kn_strbuf_add(cert_pem, text, (size_t)open_len);
    }
    BIO_free(secret);
    BIO_free(open);
    return is_done;
}

int kn_x509_make(const char *name, struct kn_strbuf *key_pem, struct kn_strbuf *cert_pem, struct kn_error *err)
{
    EVP_PKEY *key = EVP_RSA_gen(BITS);
    X509 *cert = X509_new();
    const bool is_done = key != NULL && cert != NULL && fill(cert, key, name) &&
                         add_texts(key_pem, cert_pem, cert, key);

    X509_free(cert);
    EVP_PKEY_free(key);
    return is_done ? 0 : kn_fail(err, KN_INTERNAL, "a certificate cannot be made");
}
