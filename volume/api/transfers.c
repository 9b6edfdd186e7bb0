/* SPDX-License-Identifier: Apache-2.0 */
/* Transfers of volumes over HTTP, under both of their addresses. What they are stands in volume/rows/transfer.c. */
#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "volume/api/private.h"
#include "volume/rows/transfer.h"

static const struct kn_schema ACCEPT[] = {
    KN_SCHEMA("auth_key", KN_IS_STRING, .flags = KN_REQUIRED),
    KN_SCHEMA("auth_key", KN_IS_INTEGER, .flags = KN_EXACT),
    KN_SCHEMA_END,
};
static const struct kn_schema ACCEPT_BODY[] = {
    KN_SCHEMA("accept", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = ACCEPT),
    KN_SCHEMA_END,
};

int kn_volume_api_transfers(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_volume_transfer_noun, req, KN_REST_BRIEF, NULL, res, err);
}

int kn_volume_api_transfers_detail(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_volume_transfer_noun, req, KN_REST_LIST, "/os-volume-transfer/detail", res, err);
}

int kn_volume_api_transfer(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&kn_volume_transfer_noun, req, req->params[0], KN_REST_SHOW, res, err);
}

/* The key is said here and never again. */
int kn_volume_api_transfer_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char key[KN_VOLUME_TRANSFER_KEY];
    json_t *object = NULL;
    const char *id = NULL;

    if (kn_rest_body(&kn_volume_transfer_noun, req, KN_REST_POST, &object, err) < 0) {
        return -1;
    }
    kn_volume_transfer_make_key(object, key);
    if (kn_rest_insert(&kn_volume_transfer_noun, req, object, &id, err) < 0 ||
        kn_rest_find(&kn_volume_transfer_noun, req, id, KN_REST_CHANGED, NULL, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "transfer");
    kn_rest_members(&kn_volume_transfer_noun, req, KN_REST_CHANGED, rows, 0, &res->body);
    kn_jsonw_str(&res->body, "auth_key", key);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_volume_api_transfer_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_volume_transfer_withdraw(req, req->params[0], err);
}

int kn_volume_api_transfer_accept(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    if (kn_schema_check_secret(ACCEPT_BODY, req->body, err) < 0) {
        return -1;
    }
    const json_t *said = json_object_get(json_object_get(req->body, "accept"), "auth_key");
    AUTO_FREE char *key = json_is_string(said) ? kn_strdup(json_string_value(said))
                                               : kn_asprintf("%lld", (long long)json_integer_value(said));
    json_auto_t *transfer = NULL;

    if (kn_volume_transfer_accept(req, req->params[0], key, &transfer, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "transfer");
    kn_jsonw_str(&res->body, "id", kn_json_str(transfer, "id"));
    kn_jsonw_str(&res->body, "name", json_string_value(json_object_get(transfer, "name")));
    kn_jsonw_str(&res->body, "volume_id", kn_json_str(transfer, "volume_id"));
    kn_volume_transfer_noun.manners->links(req, &kn_volume_transfer_noun, kn_json_str(transfer, "id"), &res->body);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}
