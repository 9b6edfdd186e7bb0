/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the LUKS1 on-disk format, as its specification has it: numbers are big-endian, offsets are sectors of 512 bytes. The layout of its eight slots is QEMU's. */
#include <endian.h>
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#include "lib/adapter/crypto.h"
#include "lib/adapter/luks.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

#define SECTOR 512
#define PAGE 4096
#define STRIPES 4000
#define SLOTS 8
#define ROUNDS 2000 /* of PBKDF2: what it stretches is random already */
#define SLOT_USED 0x00ac71f3U
#define SLOT_FREE 0x0000deadU
#define HASH 32
#define KEY_MAX 64
#define MAGIC "LUKS\xba\xbe"

struct luks_slot {
    uint32_t state, rounds;
    uint8_t salt[32];
    uint32_t offset, stripes;
};

struct luks_header {
    char magic[6];
    uint16_t version;
    char cipher[32], mode[32], hash[32];
    uint32_t payload, key_bytes;
    uint8_t digest[20], salt[32];
    uint32_t rounds;
    char uuid[40];
    struct luks_slot slots[SLOTS];
};
_Static_assert(sizeof(struct luks_header) == 592, "the layout of LUKS1");

static int luks_derive(const void *secret, size_t len, const uint8_t salt[32], uint8_t *out, size_t size)
{
    return PKCS5_PBKDF2_HMAC(secret, (int)len, salt, 32, ROUNDS, EVP_sha256(), (int)size, out) == 1 ? 0 : -1;
}

/* Each bit of the block depends on all of it: hashes of its pieces, each with its number before it. */
static int luks_diffuse(uint8_t *block, size_t len)
{
    for (size_t at = 0; at < len; at += HASH) {
        const size_t piece = len - at < HASH ? len - at : HASH;
        const uint32_t number = htobe32((uint32_t)(at / HASH));
        uint8_t text[sizeof(number) + HASH], hash[HASH];

        memcpy(text, &number, sizeof(number));
        memcpy(text + sizeof(number), block + at, piece);
        if (EVP_Digest(text, sizeof(number) + piece, hash, NULL, EVP_sha256(), NULL) != 1) {
            return -1;
        }
        memcpy(block + at, hash, piece);
    }
    return 0;
}

/* The key in so many stripes, of which none may be missing: what a part of the disk still has is worth nothing. */
static int luks_split(const uint8_t *key, size_t len, uint8_t *out)
{
    uint8_t block[KEY_MAX] = { 0 };

    kn_random(out, len * (STRIPES - 1));
    for (size_t stripe = 0; stripe < STRIPES - 1; stripe++) {
        for (size_t i = 0; i < len; i++) {
            block[i] ^= out[stripe * len + i];
        }
        if (luks_diffuse(block, len) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < len; i++) {
        out[(STRIPES - 1) * len + i] = block[i] ^ key[i];
    }
    kn_wipe(block, sizeof(block));
    return 0;
}

/* In place, sector by sector. */
static int luks_encrypt(const uint8_t *key, size_t key_len, uint8_t *data, size_t len)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int rc = ctx != NULL ? 0 : -1;

    for (size_t at = 0; rc == 0 && at < len; at += SECTOR) {
        const uint64_t number = htole64(at / SECTOR);
        const size_t piece = len - at < SECTOR ? len - at : SECTOR;
        uint8_t iv[16] = { 0 };
        int n = 0;

        memcpy(iv, &number, sizeof(number));
        rc = EVP_EncryptInit_ex(ctx, key_len == KEY_MAX ? EVP_aes_256_xts() : EVP_aes_128_xts(), NULL, key, iv) == 1 &&
                     EVP_EncryptUpdate(ctx, data + at, &n, data + at, (int)piece) == 1
                 ? 0
                 : -1;
    }
    EVP_CIPHER_CTX_free(ctx);
    return rc;
}

static size_t luks_slot_bytes(size_t key_bytes)
{
    return (key_bytes * STRIPES + PAGE - 1) / PAGE * PAGE;
}

static void luks_lay_out(struct luks_header *h, size_t key_bytes)
{
    const size_t slot = luks_slot_bytes(key_bytes);

    memset(h, 0, sizeof(*h));
    memcpy(h->magic, MAGIC, sizeof(h->magic));
    h->version = htobe16(1);
    memcpy(h->cipher, "aes", sizeof("aes"));
    memcpy(h->mode, "xts-plain64", sizeof("xts-plain64"));
    memcpy(h->hash, "sha256", sizeof("sha256"));
    h->payload = htobe32((uint32_t)((PAGE + SLOTS * slot) / SECTOR));
    h->key_bytes = htobe32((uint32_t)key_bytes);
    h->rounds = htobe32(ROUNDS);
    kn_random(h->salt, sizeof(h->salt));
    kn_uuid_make(h->uuid);
    for (size_t i = 0; i < SLOTS; i++) {
        h->slots[i] = (struct luks_slot){ .state = htobe32(i == 0 ? SLOT_USED : SLOT_FREE),
                                          .rounds = htobe32(i == 0 ? ROUNDS : 0),
                                          .offset = htobe32((uint32_t)((PAGE + i * slot) / SECTOR)),
                                          .stripes = htobe32(STRIPES) };
    }
    kn_random(h->slots[0].salt, sizeof(h->slots[0].salt));
}

/* The disk's own key, which the passphrase opens. */
static int luks_seal(struct luks_header *h, const char *passphrase, size_t key_bytes, uint8_t *material)
{
    uint8_t key[KEY_MAX], opens[KEY_MAX];

    kn_random(key, sizeof(key));
    const int rc = luks_derive(key, key_bytes, h->salt, h->digest, sizeof(h->digest)) < 0 ||
                           luks_derive(passphrase, strlen(passphrase), h->slots[0].salt, opens, key_bytes) < 0 ||
                           luks_split(key, key_bytes, material) < 0 ||
                           luks_encrypt(opens, key_bytes, material, key_bytes * STRIPES) < 0
                       ? -1
                       : 0;
    kn_wipe(key, sizeof(key));
    kn_wipe(opens, sizeof(opens));
    return rc;
}

static int luks_write(int fd, const void *bytes, size_t len, int64_t at, struct kn_error *err)
{
    const uint8_t *p = bytes;

    for (size_t done = 0; done < len;) {
        const ssize_t n = pwrite(fd, p + done, len - done, at + (int64_t)done);

        if (n < 0) {
            return kn_fail(err, errno == ENOSPC || errno == EDQUOT ? KN_NO_VALID_HOST : KN_INTERNAL,
                           "cannot write the header of an encrypted disk: %s", strerror(errno));
        }
        done += (size_t)n;
    }
    return 0;
}

int kn_luks_format(int fd, const char *passphrase, int bits, int64_t payload, struct kn_error *err)
{
    const size_t key_bytes = (size_t)bits / 8 * 2; /* XTS has two */
    AUTO_FREE uint8_t *material = kn_alloc(luks_slot_bytes(key_bytes));
    struct luks_header h;

    luks_lay_out(&h, key_bytes);
    const int64_t before = (int64_t)be32toh(h.payload) * SECTOR;

    if (luks_seal(&h, passphrase, key_bytes, material) < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot make the header of an encrypted disk");
    }
    if (luks_write(fd, &h, sizeof(h), 0, err) < 0 || luks_write(fd, material, key_bytes * STRIPES, PAGE, err) < 0) {
        return -1;
    }
    return ftruncate(fd, before + payload) == 0 ? 0
                                                : kn_fail(err, errno == ENOSPC ? KN_NO_VALID_HOST : KN_INTERNAL,
                                                          "cannot make an encrypted disk: %s", strerror(errno));
}

int kn_luks_header(int fd, int64_t *ret, struct kn_error *err)
{
    struct luks_header h;

    if (pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) || memcmp(h.magic, MAGIC, sizeof(h.magic)) != 0 ||
        be16toh(h.version) != 1 || (int64_t)be32toh(h.payload) * SECTOR > KN_LUKS_HEADER_MAX) {
        return kn_fail(err, KN_INTERNAL, "the disk is not encrypted as it should be");
    }
    *ret = (int64_t)be32toh(h.payload) * SECTOR;
    return 0;
}
