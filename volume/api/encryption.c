/* SPDX-License-Identifier: Apache-2.0 */
/* Encryption specs of types, and what they make of a volume, over HTTP. No key is ever said: a volume names its key, and no more. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"
#include "lib/rest/list.h"
#include "volume/api/private.h"
#include "volume/rows/encryption.h"
#include "volume/rows/type.h"

static const char *const LOCATIONS[] = { "front-end", "back-end", NULL };

#define SPECS(must) \
    { \
        KN_SCHEMA("provider", KN_IS_STRING, .flags = must, .limit = KN_LIMIT_VOLUME_ENCRYPTION_PROVIDER), \
            KN_SCHEMA("control_location", KN_IS_STRING, .flags = must, .words = LOCATIONS), \
            KN_SCHEMA("cipher", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_ENCRYPTION_CIPHER), \
            KN_SCHEMA("key_size", KN_IS_INTEGER, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_ENCRYPTION_KEY_SIZE), \
            KN_SCHEMA_END \
    }
static const struct kn_schema NEW[] = SPECS(KN_REQUIRED);
static const struct kn_schema CHANGED[] = SPECS(0);
static const struct kn_schema NEW_BODY[] = { KN_SCHEMA("encryption", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = NEW),
                                             KN_SCHEMA_END };
static const struct kn_schema CHANGED_BODY[] = {
    KN_SCHEMA("encryption", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = CHANGED), KN_SCHEMA_END
};

static int encryption_answer(const json_t *object, struct kn_response *res)
{
    AUTO_FREE char *text = json_dumps(object, JSON_COMPACT);

    kn_strbuf_clear(&res->body);
    kn_strbuf_addstr(&res->body, text);
    return 0;
}

/* What the type of the path says, if the caller sees it; of one that says nothing an empty object. */
static int encryption_of_type(struct kn_request *req, struct kn_response *res, json_t **ret, struct kn_error *err)
{
    char dflt[KN_UUID_SIZE];
    const char *type = req->params[0];

    if (kn_volume_api_type(req, res, err) < 0) {
        return -1;
    }
    if (strcmp(type, "default") == 0) {
        if (kn_volume_type_default(req, dflt, err) < 0) {
            return -1;
        }
        type = dflt;
    }
    if (kn_volume_type_encryption(req->db, type, ret, err) < 0) {
        return -1;
    }
    *ret = *ret != NULL ? *ret : json_object();
    return 0;
}

int kn_volume_api_type_encryption(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    json_auto_t *said = NULL;

    return encryption_of_type(req, res, &said, err) < 0 ? -1 : encryption_answer(said, res);
}

int kn_volume_api_type_encryption_item(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    json_auto_t *said = NULL;

    if (encryption_of_type(req, res, &said, err) < 0) {
        return -1;
    }
    const char *key = req->params[1];
    json_t *value = json_object_get(said, key);

    if (value == NULL) {
        return kn_fail(err, KN_NOT_FOUND, "Volume type encryption for type %.64s does not exist.", req->params[0]);
    }
    json_auto_t *item = json_pack("{s:O}", key, value);
    return encryption_answer(item, res);
}

/* The body as it came, numbers as numbers. */
static json_t *encryption_take(const json_t *body)
{
    json_t *said = json_copy(json_object_get(body, "encryption"));

    if (json_is_string(json_object_get(said, "key_size"))) {
        json_object_set_new(said, "key_size", json_integer(kn_schema_int(said, "key_size", 0)));
    }
    return said;
}

int kn_volume_api_type_encryption_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    char id[KN_UUID_SIZE];

    if (kn_schema_check(NEW_BODY, req->body, req->microversion, err) < 0) {
        return -1;
    }
    json_auto_t *said = encryption_take(req->body);
    if (kn_volume_type_encryption_create(req->db, req->params[0], said, id, err) < 0) {
        return -1;
    }
    json_object_set_new(said, "volume_type_id", json_string(req->params[0]));
    json_object_set_new(said, "encryption_id", json_string(id));
    json_auto_t *answer = json_pack("{s:O}", "encryption", said);
    return encryption_answer(answer, res);
}

/* Whatever the last part of the path is: there is one a type, as in Cinder. */
int kn_volume_api_type_encryption_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    if (kn_schema_check(CHANGED_BODY, req->body, req->microversion, err) < 0) {
        return -1;
    }
    json_auto_t *said = encryption_take(req->body);
    json_auto_t *answer = json_pack("{s:O}", "encryption", said);
    return kn_volume_type_encryption_update(req->db, req->params[0], said, err) < 0 ? -1
                                                                                    : encryption_answer(answer, res);
}

int kn_volume_api_type_encryption_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_volume_type_encryption_delete(req->db, req->params[0], err);
}

/* --- of a volume ---------------------------------------------------------------------------------------------------------------- */

static int encryption_of_volume(struct kn_request *req, json_t **ret, struct kn_error *err)
{
    static const char *const SHOWN[] = { "provider", "control_location", "cipher", "key_size" };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    json_auto_t *said = NULL;
    struct kn_volume v;

    if (kn_volume_get(req->db, &req->caller, req->params[0], false, &rows, &v, err) < 0 ||
        (v.key_id != NULL && kn_volume_type_encryption(req->db, v.type_id, &said, err) < 0)) {
        return -1;
    }
    *ret = json_pack("{s:s?}", "encryption_key_id", v.key_id);
    for (size_t i = 0; said != NULL && i < sizeof(SHOWN) / sizeof(SHOWN[0]); i++) {
        json_object_set(*ret, SHOWN[i], json_object_get(said, SHOWN[i]));
    }
    return 0;
}

int kn_volume_api_encryption(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    json_auto_t *shown = NULL;

    return encryption_of_volume(req, &shown, err) < 0 ? -1 : encryption_answer(shown, res);
}

/* A word alone, as Cinder has it. */
int kn_volume_api_encryption_item(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    json_auto_t *shown = NULL;

    if (encryption_of_volume(req, &shown, err) < 0) {
        return -1;
    }
    const json_t *value = json_object_get(shown, req->params[1]);
    if (value == NULL) {
        return kn_fail(err, KN_NOT_FOUND, "The resource could not be found.");
    }
    res->content_type = "text/plain";
    if (json_is_integer(value)) {
        kn_strbuf_addf(&res->body, "%lld", (long long)json_integer_value(value));
    } else if (json_is_string(value)) {
        kn_strbuf_addstr(&res->body, json_string_value(value));
    }
    return 0;
}
