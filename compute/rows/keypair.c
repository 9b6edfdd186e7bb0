/* SPDX-License-Identifier: Apache-2.0 */
/* The SQL and the rules of key pairs, and the one reader of public keys; HTTP's words are in compute/api/keypairs.c. */
#include "compute/rows/keypair.h"

#include <stdio.h>
#include <string.h>

#include "compute/rows/view.h"
#include "lib/adapter/crypto.h"
#include "lib/adapter/quota.h"
#include "lib/base/mem.h"

#define BLOB_MAX 8192 /* a 16384-bit RSA key takes 2 KiB */

static const struct kn_stmt GET = { "keypair_get",
                                    "SELECT public_key, type FROM keypair WHERE user_id = $1 AND name = $2", 2 };
static const struct kn_stmt INSERT = {
    "keypair_insert", "INSERT INTO keypair (user_id, name, type, public_key, fingerprint) VALUES ($1, $2, $3, $4, $5)",
    5
};
static const struct kn_stmt DELETE_ROW = { "keypair_delete", "DELETE FROM keypair WHERE user_id = $1 AND name = $2",
                                           2 };

/* clang-format off */
static const char *const TYPES[] = { "ssh-rsa", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
                                     "ecdsa-sha2-nistp521", "sk-ssh-ed25519@openssh.com",
                                     "sk-ecdsa-sha2-nistp256@openssh.com" };
/* clang-format on */

static bool known_type(const char *type, size_t len)
{
    for (size_t i = 0; i < KN_COUNT(TYPES); i++) {
        if (strlen(TYPES[i]) == len && memcmp(TYPES[i], type, len) == 0) {
            return true;
        }
    }
    return false;
}

/* The blob is strings with a 32-bit length before each; the first one is the type. */
static bool blob_is(const uint8_t *blob, size_t len, const char *type, size_t type_len)
{
    size_t first = len < 4 ? 0 : (size_t)blob[0] << 24 | (size_t)blob[1] << 16 | (size_t)blob[2] << 8 | blob[3];

    return len > 4 + type_len && first == type_len && memcmp(blob + 4, type, type_len) == 0;
}

static void fingerprint_of(const uint8_t *blob, size_t len, char out[KN_FINGERPRINT_SIZE])
{
    char hex[KN_MD5_HEX];

    kn_md5_hex(blob, len, hex);
    for (size_t i = 0; i < 16; i++) {
        memcpy(out + 3 * i, hex + 2 * i, 2);
        out[3 * i + 2] = i < 15 ? ':' : '\0';
    }
}

static bool one_line(const char *line)
{
    size_t len = strcspn(line, "\r\n");

    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7F) {
            return false;
        }
    }
    return line[len + strspn(line + len, "\r\n")] == '\0';
}

int kn_compute_ssh_public_check(const char *line, char ret_fingerprint[KN_FINGERPRINT_SIZE], struct kn_error *err)
{
    size_t type_len = strcspn(line, " ");
    const char *data = line + type_len + strspn(line + type_len, " ");
    size_t data_len = strcspn(data, " \r\n");
    uint8_t blob[BLOB_MAX];
    size_t len = 0;

    if (!one_line(line) || !known_type(line, type_len) || data_len == 0 ||
        kn_base64_decode(data, data_len, blob, sizeof(blob), &len) < 0 || !blob_is(blob, len, line, type_len)) {
        return kn_fail(err, KN_BAD_REQUEST, "Keypair data is invalid: failed to generate fingerprint");
    }
    fingerprint_of(blob, len, ret_fingerprint);
    return 0;
}

int kn_compute_keypair_absent(const char *user, const char *name, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Keypair %.255s not found for user %.64s", name, user);
}

int kn_compute_keypair_get(struct kn_db *db, const char *user, const char *name, struct kn_rows **ret,
                           struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &GET, KN_ARGS(user, name), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_compute_keypair_absent(user, name, err);
    }
    *ret = kn_steal(&rows);
    return 0;
}

int kn_compute_keypair_insert(struct kn_db *db, const char *user, const struct kn_compute_keypair *pair, int64_t limit,
                              struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims claims = KN_QUOTA_CLAIMS("compute");
    AUTO_TX struct kn_tx tx = { NULL };

    if (kn_tx_begin(&tx, db, err) < 0) {
        return -1;
    }
    if (kn_db_run(db, &INSERT, KN_ARGS(user, pair->name, pair->type, pair->public_key, pair->fingerprint), NULL, err) <
        0) {
        return strcmp(kn_db_constraint(db), "keypair_pkey") == 0
                   ? kn_fail(err, KN_CONFLICT, "Key pair '%s' already exists.", pair->name)
                   : -1;
    }
    kn_quota_claim_within(&claims, user, KN_QUOTA_KEY_PAIRS, 1, limit);
    if (kn_quota_take(db, &claims, err) < 0) {
        return err->code == KN_QUOTA ? kn_fail(err, KN_QUOTA, "Quota exceeded, too many key pairs.") : -1;
    }
    return kn_tx_commit(&tx, err);
}

int kn_compute_keypair_delete(struct kn_db *db, const char *user, const char *name, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    int64_t changed = 0;

    if (kn_tx_begin(&tx, db, err) < 0 || kn_db_change(db, &DELETE_ROW, KN_ARGS(user, name), &changed, err) < 0) {
        return -1;
    }
    if (changed == 0) {
        return kn_compute_keypair_absent(user, name, err);
    }
    return kn_quota_take_one(db, user, KN_QUOTA_KEY_PAIRS, -1, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}
