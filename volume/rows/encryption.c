/* SPDX-License-Identifier: Apache-2.0 */
/* Encryption specs of types, a row a type. Whoever writes one holds the type's row; whoever makes a volume holds it shared, by its foreign key and before that by the trigger that looks here. */
#include "volume/rows/encryption.h"

#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"
#include "lib/domain/volume_encryption.h"

static int encryption_no_type(const char *type, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Volume type %.64s could not be found.", type);
}

static int encryption_absent(const char *type, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Volume type encryption for type %.64s does not exist.", type);
}

#define TIME(column) "to_char(e." column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"

int kn_volume_type_encryption(struct kn_db *db, const char *type, json_t **ret, struct kn_error *err)
{
    static const struct kn_stmt ONE = {
        "volume_type_encryption",
        "SELECT json_build_object('volume_type_id', e.type_id, 'encryption_id', e.id, 'provider', e.provider, 'control_location', "
        "e.control_location, 'cipher', e.cipher, 'key_size', e.key_size, 'created_at', " TIME(
            "created_at") ", 'updated_at', " TIME("updated_at") ", 'deleted', false, 'deleted_at', NULL) "
                                                                "FROM volume_type_encryption e WHERE e.type_id = $1",
        1
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_uuid_valid(type) && kn_db_run(db, &ONE, KN_ARGS(type), &rows, err) < 0) {
        return -1;
    }
    *ret = rows != NULL && kn_rows_count(rows) > 0 ? json_loads(kn_rows_text(rows, 0, KN_ONLY), 0, NULL) : NULL;
    return 0;
}

/* The type's row, held: nobody makes a volume of it until this is over. verb: what is wished. */
static int encryption_hold(struct kn_db *db, const char *type, const char *verb, bool *ret_is_there,
                           struct kn_error *err)
{
    static const struct kn_stmt HOLD = { "volume_type_encryption_hold",
                                         "SELECT 1 FROM volume_type WHERE id = $1 FOR UPDATE", 1 };
    static const struct kn_stmt LOOK = {
        "volume_type_encryption_look",
        "SELECT EXISTS (SELECT FROM volume WHERE type_id = $1), EXISTS (SELECT FROM volume_type_encryption WHERE type_id = $1)",
        1
    };
    enum { IS_USED, IS_THERE };
    AUTO(kn_rows) struct kn_rows *held = NULL;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_uuid_valid(type) && kn_db_run(db, &HOLD, KN_ARGS(type), &held, err) < 0) {
        return -1;
    }
    if (held == NULL || kn_rows_count(held) == 0) {
        return encryption_no_type(type, err);
    }
    if (kn_db_run(db, &LOOK, KN_ARGS(type), &rows, err) < 0) {
        return -1;
    }
    *ret_is_there = kn_rows_bool(rows, 0, IS_THERE);
    return !kn_rows_bool(rows, 0, IS_USED)
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Cannot %s encryption specs. Volume type in use.", verb);
}

/* NULL: it says none, or nothing. */
static const char *encryption_said(const json_t *said, const char *key, char number[24])
{
    const json_t *value = json_object_get(said, key);

    if (json_is_integer(value)) {
        snprintf(number, 24, "%lld", (long long)json_integer_value(value));
        return number;
    }
    return json_string_value(value);
}

int kn_volume_type_encryption_create(struct kn_db *db, const char *type, const json_t *said, char ret_id[37],
                                     struct kn_error *err)
{
    static const struct kn_stmt INSERT = {
        "volume_type_encryption_create",
        "INSERT INTO volume_type_encryption (type_id, id, provider, control_location, cipher, key_size) VALUES ($1, $2, $3, $4, $5, $6)",
        6
    };
    AUTO_TX struct kn_tx tx = { NULL };
    bool is_there = false;
    char number[24];

    kn_uuid_make(ret_id);
    if (kn_tx_begin(&tx, db, err) < 0 || encryption_hold(db, type, "create", &is_there, err) < 0) {
        return -1;
    }
    if (is_there) {
        return kn_fail(err, KN_BAD_REQUEST, "Volume type encryption for type %.64s already exists.", type);
    }
    return kn_db_run(db, &INSERT,
                     KN_ARGS(type, ret_id, encryption_said(said, "provider", number),
                             encryption_said(said, "control_location", number), encryption_said(said, "cipher", number),
                             encryption_said(said, "key_size", number)),
                     NULL, err) < 0
               ? -1
               : kn_tx_commit(&tx, err);
}

int kn_volume_type_encryption_update(struct kn_db *db, const char *type, const json_t *said, struct kn_error *err)
{
    static const struct kn_stmt UPDATE = {
        "volume_type_encryption_update",
        "UPDATE volume_type_encryption SET provider = coalesce($2, provider), control_location = coalesce($3, control_location), "
        "cipher = CASE WHEN $4::boolean THEN $5 ELSE cipher END, key_size = CASE WHEN $6::boolean THEN $7::integer ELSE key_size END, "
        "updated_at = now() WHERE type_id = $1",
        7
    };
    AUTO_TX struct kn_tx tx = { NULL };
    bool is_there = false;
    char number[24];

    if (kn_tx_begin(&tx, db, err) < 0 || encryption_hold(db, type, "update", &is_there, err) < 0) {
        return -1;
    }
    if (!is_there) {
        return encryption_absent(type, err);
    }
    return kn_db_run(db, &UPDATE,
                     KN_ARGS(type, encryption_said(said, "provider", number),
                             encryption_said(said, "control_location", number),
                             json_object_get(said, "cipher") != NULL ? "t" : "f",
                             encryption_said(said, "cipher", number),
                             json_object_get(said, "key_size") != NULL ? "t" : "f",
                             encryption_said(said, "key_size", number)),
                     NULL, err) < 0
               ? -1
               : kn_tx_commit(&tx, err);
}

int kn_volume_type_encryption_delete(struct kn_db *db, const char *type, struct kn_error *err)
{
    static const struct kn_stmt DELETE = { "volume_type_encryption_delete",
                                           "DELETE FROM volume_type_encryption WHERE type_id = $1", 1 };
    AUTO_TX struct kn_tx tx = { NULL };
    bool is_there = false;

    if (kn_tx_begin(&tx, db, err) < 0 || encryption_hold(db, type, "delete", &is_there, err) < 0) {
        return -1;
    }
    if (!is_there) {
        return encryption_absent(type, err);
    }
    return kn_db_run(db, &DELETE, KN_ARGS(type), NULL, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}

/* --- volumes of such types ------------------------------------------------------------------------------------------------------- */

static int encryption_check(const json_t *said, struct kn_error *err)
{
    const struct kn_volume_encryption encryption = {
        .provider = kn_json_str(said, "provider"),
        .control_location = kn_json_str(said, "control_location"),
        .cipher = kn_json_str(said, "cipher"),
        .key_size = kn_json_int(said, "key_size"),
    };
    int bits = 0;

    return kn_volume_encryption_check(&encryption, &bits, err);
}

static int encryption_is_shared(struct kn_db *db, const char *type, bool *ret, struct kn_error *err)
{
    static const struct kn_stmt SHARES = { "volume_type_encryption_shares", "SELECT volume_type_shares($1)", 1 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &SHARES, KN_ARGS(type), &rows, err) < 0) {
        return -1;
    }
    *ret = kn_rows_bool(rows, 0, KN_ONLY);
    return 0;
}

/* A copy is the same ciphertext: its type must be that of what it is made of. */
static int encryption_check_source(struct kn_db *db, const char *type, bool encrypts, const json_t *object,
                                   struct kn_error *err)
{
    static const struct kn_stmt SOURCE = {
        "volume_encryption_source",
        "SELECT v.type_id, v.key_id IS NOT NULL FROM volume v WHERE v.id = $1::uuid OR v.id = (SELECT s.volume_id FROM volume_snapshot s "
        "WHERE s.id = $2::uuid)",
        2
    };
    enum { TYPE, IS_ENCRYPTED };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *volume = json_string_value(json_object_get(object, "from_volume")),
               *snapshot = json_string_value(json_object_get(object, "from_snapshot"));

    if (volume == NULL && snapshot == NULL) {
        return 0;
    }
    if (kn_db_run(db, &SOURCE, KN_ARGS(volume, snapshot), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) == 0 || (!encrypts && !kn_rows_bool(rows, 0, IS_ENCRYPTED)) ||
                   strcmp(kn_rows_text(rows, 0, TYPE), type) == 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Invalid input received: Invalid volume_type provided: %s (requested type is not compatible; "
                         "recommend omitting the type argument).",
                         type);
}

int kn_volume_encryption_admit(struct kn_db *db, const struct kn_conf *conf, const char *type, const json_t *object,
                               struct kn_error *err)
{
    static const char *const SOURCES[] = { "from_backup", "from_image" };
    json_auto_t *said = NULL;
    bool is_shared = false;

    if (kn_volume_type_encryption(db, type, &said, err) < 0 ||
        encryption_check_source(db, type, said != NULL, object, err) < 0) {
        return -1;
    }
    if (said == NULL) {
        return 0;
    }
    if (encryption_check(said, err) < 0 || encryption_is_shared(db, type, &is_shared, err) < 0) {
        return -1;
    }
    if (is_shared) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input received: Multiattach cannot be used with encrypted volumes.");
    }
    if (*conf->volume_key_file == '\0' && *conf->volume_key_url == '\0') {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid volume type: it encrypts its volumes, and this cloud has no key for that "
                       "(volume.key_file).");
    }
    for (size_t i = 0; i < KN_COUNT(SOURCES); i++) {
        if (*kn_json_str(object, SOURCES[i]) != '\0') {
            return kn_fail(err, KN_BAD_REQUEST,
                           "Invalid input received: a volume of a type that encrypts cannot be made of an image or "
                           "a backup here.");
        }
    }
    return 0;
}

int kn_volume_encryption_refuse_retype(struct kn_db *db, const char *from, const char *to, struct kn_error *err)
{
    json_auto_t *was = NULL, *is = NULL;

    if (kn_volume_type_encryption(db, from, &was, err) < 0 || kn_volume_type_encryption(db, to, &is, err) < 0) {
        return -1;
    }
    return was == NULL && is == NULL
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Invalid input received: Retype requires migration but is not allowed: one of the types "
                         "encrypts its volumes.");
}
